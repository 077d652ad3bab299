"""Chains as vendors, brokers and spreadsheets write them: each reads as the base, or is refused by name."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain
from iwm_opts.io.panel_files import build_panel
from iwm_opts.market.contract import settlement_of

DAY = date(2026, 10, 2)
CHAINS = Path(__file__).parent / "chains"
WITHOUT_SYMBOL = ("s_stock_numeric", "s_underlying_numeric", "s_wide_bid_call", "s_wide_xy")
OTHERS = ("cboe_vix", "cboe_quotedata_nohead", "dolthub_xyz", "dolthub_near", "theta_0dte", *WITHOUT_SYMBOL)
UNDATED = ("adj_", "split", "yahooquery", "saturday")  # days of the latest trade, or of a weekend
SAME = sorted(p.name.removesuffix(".gz") for p in CHAINS.glob("*.gz") if not p.name.startswith(OTHERS))


@pytest.mark.parametrize("name", SAME)
def test_one_market_in_every_shape(case, quotes_of, base, name):
    path = case(f"chains/{name}")
    chain = load_chain(path)
    assert (chain.symbol, chain.as_of) == ("IWM", DAY)
    assert chain.spot == pytest.approx(240.15, abs=0.05)
    quotes = quotes_of(path)
    assert quotes.index.equals(base.index)
    np.testing.assert_allclose(quotes.to_numpy(), base.to_numpy(), atol=1e-9)
    vols = chain.quotes["implied_volatility"]
    assert vols.isna().all() or float(vols.median()) == pytest.approx(0.212, abs=0.002)


@pytest.mark.parametrize("name", [name for name in SAME if not name.startswith(UNDATED)] + ["s_wide_xy.csv"])
def test_a_panel_of_days_reads_every_shape_alike(case, name):
    reference = build_panel([case("chains/base.csv")]).panel
    panel = build_panel([case(f"chains/{name}")], symbol="IWM").panel
    assert (panel.dates, panel.strike.tolist()) == ((DAY,), reference.strike.tolist())
    np.testing.assert_allclose(panel.quotes, reference.quotes, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SAME if name.startswith(UNDATED)])
def test_a_panel_needs_the_day(case, name):
    with pytest.raises(DataError, match=r"no column for the quote date|when the exchange was closed"):
        build_panel([case(f"chains/{name}")], symbol="IWM")


@pytest.mark.parametrize("name", WITHOUT_SYMBOL)
def test_a_file_that_names_no_underlying_is_asked_for_it(case, quotes_of, base, name):
    path = case(f"chains/{name}.csv")
    with pytest.raises(DataError, match="--symbol"):
        load_chain(path)
    chain = load_chain(path, symbol="IWM")
    assert any("taken for IWM" in warning for warning in chain.warnings)
    assert chain.spot == pytest.approx(240.15, abs=0.05)
    np.testing.assert_allclose(quotes_of(path, symbol="IWM").to_numpy(), base.to_numpy(), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("z_timestamp_1545.csv", (15, 45)), ("theta_0dte_naive.csv", (13, 30)), ("theta_0dte_zone.csv", (13, 30)),
        ("thetadata_v3.csv", (15, 45)), ("tradier.json", (15, 45)), ("schwab.json", (15, 45)),
        ("cboe_quotedata.csv", (15, 45)), ("polygon.json", (15, 45)), ("ibkr.csv", (15, 45)),
    ],
)  # fmt: skip
def test_the_time_of_the_quotes(case, name, at):
    quote_time = load_chain(case(f"chains/{name}")).quote_time
    assert quote_time is not None
    assert (quote_time.date(), quote_time.hour, quote_time.minute) == (DAY, *at)


@pytest.mark.parametrize(
    "name", ["d_epoch_ms.csv", "d_iso_tz.csv", "d_iso_z.csv", "z_timestamp.csv", "z_updated.csv", "z_fetched_utc.csv"]
)
def test_a_midnight_is_no_time(case, name):
    assert load_chain(case(f"chains/{name}")).quote_time is None


@pytest.mark.parametrize("name", ["split_left", "split2_left", "split2_few"])
def test_a_second_market_is_named(case, name):
    warnings = load_chain(case(f"chains/{name}.csv")).warnings
    assert any("another market" in warning and "left out" in warning for warning in warnings)


@pytest.mark.parametrize("name", ["adj_iwm1_cash", "adj_iwm1_rev"])
def test_adjusted_roots_are_named(case, name):
    chain = load_chain(case(f"chains/{name}.csv"))
    assert any("IWM1" in warning for warning in chain.warnings)
    assert set(chain.quotes["root"]) == {"IWM"}


def test_another_ticker_keeps_its_name(case):
    path = case("chains/dolthub_xyz.csv")
    assert load_chain(path).symbol == "XYZ"
    with pytest.raises(DataError, match="holds XYZ"):
        load_chain(path, symbol="IWM")


def test_two_tickers_are_chosen_by_symbol(case, quotes_of, base):
    path = case("chains/dolthub_near.csv")
    with pytest.raises(DataError, match=r"several symbols, IWM, QQX.*--symbol"):
        load_chain(path)
    np.testing.assert_allclose(quotes_of(path, symbol="IWM").to_numpy(), base.to_numpy(), atol=1e-9)


def test_a_table_without_its_preamble_needs_the_day(case, quotes_of, base):
    path = case("chains/cboe_quotedata_nohead.csv")
    with pytest.raises(DataError, match="--as-of"):
        load_chain(path)
    np.testing.assert_allclose(quotes_of(path, as_of=DAY).to_numpy(), base.to_numpy(), atol=1e-9)


def test_a_weekend_download_is_flagged(case):
    warnings = load_chain(case("chains/saturday.csv")).warnings
    assert any("Saturday 2026-10-03" in warning for warning in warnings)


def test_index_classes(case):
    chain = load_chain(case("chains/cboe_vix.json"))
    assert (chain.symbol, len(chain.quotes)) == ("VIX", 320)
    for root in ("VIX", "VIXW", "DJX", "XEO", "XSP", "MRUT", "NDX", "RUT"):
        rule = settlement_of(root)
        assert (rule.exercise, rule.delivery) == ("european", "cash")


def test_words_in_a_column_that_is_not_needed_are_counted(case):
    path = case("chains/base.csv")
    path.write_text(path.read_text().replace(",0.5166,", ",about half,", 1))
    chain = load_chain(path)
    assert any("implied_volatility: 1 cells" in note and "row 2" in note for note in chain.quality.notes)
    assert chain.quotes["implied_volatility"].isna().sum() == 1


@pytest.mark.parametrize("ratio", [2.0, 4.0, 10.0])
def test_single_contracts_of_before_a_split_are_left_out(case, quotes_of, base, ratio):
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    old = table[(table["expiration"] == table["expiration"].max()) & (table["right"] == "C")].iloc[[5, 40, 70]]
    old = old.assign(**{name: (old[name] * ratio).round(2) for name in ("strike", "bid", "ask")})
    old = old.assign(strike=old["strike"] + 0.25)
    pd.concat([table, old]).to_csv(path, index=False)
    assert quotes_of(path).index.equals(base.index)
    assert any("3 rows lie far from the market's strikes" in warning for warning in load_chain(path).warnings)
