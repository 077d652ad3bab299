import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.io.formats import SYNONYMS, detect, plain
from tests.refusals import refused_data

LONG = ["quote_date", "expiration", "right", "strike", "bid", "ask"]


def test_case_and_punctuation_do_not_matter():
    assert plain(" [C_BID]") == plain("cBid") == plain("c bid") == "cbid"
    assert plain("Unnamed: 0") == "unnamed0"


def test_canonical_names_are_known():
    assert set(CHAIN_COLUMNS) <= set(SYNONYMS)
    layout = detect(list(CHAIN_COLUMNS), {}, "file")
    assert layout.columns == {name: name for name in CHAIN_COLUMNS}


@given(st.permutations(LONG), st.data())
def test_any_order_and_any_synonym(names, data):
    spelled = {name: data.draw(st.sampled_from([s for s in SYNONYMS[name] if s != "symbol"])) for name in names}
    layout = detect(list(spelled.values()), {}, "file")
    assert (layout.shape, layout.columns) == ("long", spelled)


def test_a_symbol_column_holds_either():
    contracts = {"symbol": ["IWM260731P00275000"], "ticker": ["IWM"]}
    assert detect(["symbol", "ticker", "bid", "ask"], contracts, "f").columns["occ"] == "symbol"
    assert detect(["symbol", "ticker", "bid", "ask"], contracts, "f").columns["underlying_symbol"] == "ticker"
    layout = detect(["symbol", *LONG], {"symbol": ["IWM"]}, "f")
    assert layout.columns["underlying_symbol"] == "symbol"
    assert "occ" not in layout.columns


@pytest.mark.parametrize("twin", ["bid", "BID", "[bid] "])
def test_a_column_that_occurs_twice_is_refused(twin):
    with refused_data("chain.csv", "bid", "2 times", "column 5", "column 7"):
        detect([*LONG, twin], {}, "chain.csv")


def test_columns_that_are_not_read_may_occur_twice():
    assert detect([*LONG, "", "", "note", "note"], {}, "f").columns["bid"] == "bid"


def test_words_and_numbers_are_told_apart():
    layout = detect([*LONG, "volume", "session"], {}, "f")
    assert set(layout.texts) == {"quote_date", "expiration", "right", "session"}
    assert set(layout.numbers) == {"strike", "bid", "ask", "volume"}


@pytest.mark.parametrize("missing", ["expiration", "right", "strike", "bid", "ask"])
def test_what_is_missing_is_named_with_what_was_seen(missing):
    columns = [name for name in LONG if name != missing]
    with refused_data("chain.csv", missing, "quote_date"):
        detect(columns, {}, "chain.csv")


def test_a_file_of_something_else():
    with refused_data("bars.csv", "kind", "Date", "High", "Low"):
        detect(["Date", "Open", "High", "Low", "Close"], {}, "bars.csv")


NSE = ("CE.bidprice", "CE.askPrice", "PE.bidprice", "PE.askPrice")


@pytest.mark.parametrize("names", [("CE_bid", "CE_ask", "PE_bid", "PE_ask"), NSE])
def test_calls_and_puts_by_their_names_on_other_exchanges(names):
    layout = detect(["quote_date", "expiration", "strike", *names], {}, "f")
    assert (layout.shape, [group["bid"] for group in layout.groups.values()]) == ("wide", [names[0], names[2]])


def test_prices_of_both_sides_by_letter():
    names = ["C_bidPrice", "C_askPrice", "P_bidPrice", "P_askPrice"]
    layout = detect(["quote_date", "expiration", "strike", *names], {}, "f")
    assert [group["ask"] for group in layout.groups.values()] == [names[1], names[3]]


def test_a_second_column_of_contract_symbols_is_no_underlying():
    contracts = {"contractSymbol": ["IWM260731P00275000"], "symbol": ["IWM260731P00275000"]}
    layout = detect(["contractSymbol", "symbol", "bid", "ask"], contracts, "f")
    assert (layout.columns["occ"], "underlying_symbol" in layout.columns) == ("contractSymbol", False)
