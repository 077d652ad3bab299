"""Chains as vendors, brokers and spreadsheets write them: each reads as the base, or is refused by name."""

import csv
import gzip
import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain, read_chains
from iwm_opts.io.panel_files import build_panel, window
from iwm_opts.market.calendar import at_close
from iwm_opts.market.contract import settlement_of
from tests.refusals import refused_data, shows

DAY = date(2026, 10, 2)
CHAINS = Path(__file__).parent / "chains"
WITHOUT_SYMBOL = ("s_stock_numeric", "s_underlying_numeric", "s_wide_bid_call", "s_wide_xy")
OTHERS = ("cboe_vix", "cboe_quotedata_nohead", "dolthub_xyz", "dolthub_near", "theta_0dte", *WITHOUT_SYMBOL)
UNDATED = ("adj_", "split", "yahooquery")  # days of the latest trade
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


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Panel of the base."""
    path = tmp_path_factory.mktemp("reference") / "base.csv"
    path.write_bytes(gzip.decompress((CHAINS / "base.csv.gz").read_bytes()))
    return build_panel([path]).panel


@pytest.mark.parametrize("name", [name for name in SAME if not name.startswith(UNDATED)] + ["s_wide_xy.csv"])
def test_a_panel_of_days_reads_every_shape_alike(case, reference, name):
    panel = build_panel([case(f"chains/{name}")], symbol="IWM").panel
    assert (panel.dates, panel.strike.tolist()) == ((DAY,), reference.strike.tolist())
    np.testing.assert_allclose(panel.quotes, reference.quotes, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SAME if name.startswith(UNDATED)])
def test_a_panel_needs_the_day(case, name):
    with refused_data(name, "quote_date"):
        build_panel([case(f"chains/{name}")], symbol="IWM")


@pytest.mark.parametrize("name", WITHOUT_SYMBOL)
def test_a_file_that_names_no_underlying_is_asked_for_it(case, quotes_of, base, name):
    path = case(f"chains/{name}.csv")
    with refused_data(path, "symbol", "`symbol`"):
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
    with refused_data("dolthub_xyz.csv", "symbol", "XYZ"):
        load_chain(path, symbol="IWM")


def test_two_tickers_are_chosen_by_symbol(case, quotes_of, base):
    path = case("chains/dolthub_near.csv")
    with refused_data("dolthub_near.csv", "symbol", "IWM", "QQX", "`symbol`"):
        load_chain(path)
    np.testing.assert_allclose(quotes_of(path, symbol="IWM").to_numpy(), base.to_numpy(), atol=1e-9)


def test_a_table_without_its_preamble_needs_the_day(case, quotes_of, base):
    path = case("chains/cboe_quotedata_nohead.csv")
    with refused_data("cboe_quotedata_nohead.csv", "quote_date", "`as_of`"):
        load_chain(path)
    np.testing.assert_allclose(quotes_of(path, as_of=DAY).to_numpy(), base.to_numpy(), atol=1e-9)


def test_a_weekend_download_is_flagged(case):
    warnings = load_chain(case("chains/saturday.csv")).warnings
    assert any("Saturday 2026-10-03" in warning for warning in warnings)


QUOTED = "October 2, 2026 at 3:45 PM EDT"
CAPTURED = (
    ("October 3, 2026 at 10:05 AM EDT", "dated Saturday 2026-10-03"),
    ("October 4, 2026 at 10:05 AM EDT", "dated Sunday 2026-10-04"),
    ("October 5, 2026 at 7:30 AM EDT", "2026-10-05 07:30 New York"),
)


@pytest.mark.parametrize("as_of", [None, DAY])
@pytest.mark.parametrize(("captured", "words"), CAPTURED)
def test_a_capture_before_the_next_session_is_the_close_of_the_last(case, captured, words, as_of):
    path = case("chains/cboe_quotedata.csv")
    path.write_text(path.read_text().replace(QUOTED, captured))
    chain = load_chain(path, as_of=as_of)
    assert (chain.as_of, chain.moment) == (DAY, at_close(DAY))
    assert chain.quote_time == pd.Timestamp(captured.replace(" at", "").replace(" EDT", ""), tz="America/New_York")
    assert shows(chain.warnings, words, "of 2026-10-02")
    assert build_panel([path], symbol="IWM").panel.dates == (DAY,)
    with refused_data("cboe_quotedata.csv", "quote_date", "2026-10-01"):
        load_chain(path, as_of=date(2026, 10, 1))


def test_a_capture_at_the_open_is_of_its_day(case):
    path = case("chains/cboe_quotedata.csv")
    path.write_text(path.read_text().replace(QUOTED, "October 5, 2026 at 9:30 AM EDT"))
    assert load_chain(path).as_of == date(2026, 10, 5)


def test_index_options_trade_before_the_open(case, base):
    path = case("chains/base.csv")
    table = pd.read_csv(path).drop(columns="quote_date")
    table.assign(underlying_symbol="SPX", quote_time="2026-10-05 07:30 EDT").to_csv(path, index=False)
    assert load_chain(path).as_of == date(2026, 10, 5)


def test_the_day_of_a_weekend_file_is_the_session_before(case):
    path = case("chains/saturday.csv")
    assert load_chain(path, as_of=DAY).as_of == load_chain(path).as_of == DAY
    path.write_text(path.read_text().replace("2026-10-03", "2026-10-05"))
    with refused_data("saturday.csv", "quote_date", "2026-10-02", "2026-10-05"):
        load_chain(path, as_of=DAY)


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
    assert any("implied_volatility: 1 cell" in note and "row 2" in note for note in chain.warnings)
    assert chain.quotes["implied_volatility"].isna().sum() == 1


@pytest.mark.parametrize(
    ("quoted", "form"), [("02/10/2026", "%m/%d/%Y"), ("10/02/2026", "%d.%m.%Y"), ("02.10.2026", "%m/%d/%Y")]
)
def test_a_quote_day_that_may_have_another_order_than_the_expirations_is_refused(case, quoted, form):
    path = case("chains/base.csv")
    table = pd.read_csv(path, parse_dates=["expiration"])
    table.assign(quote_date=quoted).to_csv(path, index=False, date_format=form)
    with refused_data("base.csv", "quote_date", quoted, "2026-02-10", "2026-10-02", "241 or 7 days"):
        load_chain(path)


@pytest.mark.parametrize(("quoted", "form"), [("10/02/2026", "%m/%d/%Y"), ("02.10.2026", "%d.%m.%Y")])
def test_a_quote_day_in_the_order_of_the_expirations_is_read(case, quotes_of, base, quoted, form):
    path = case("chains/base.csv")
    table = pd.read_csv(path, parse_dates=["expiration"])
    table.assign(quote_date=quoted).to_csv(path, index=False, date_format=form)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert load_chain(path).as_of == DAY


@pytest.mark.parametrize("vol", ["{:.2f}%", "{:.4f}", "{:.2f}"])
def test_a_column_that_is_not_needed_may_have_decimals_of_its_own(case, quotes_of, base, vol):
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    vols = table["implied_volatility"] * (1.0 if vol == "{:.4f}" else 100.0)
    for name in ("strike", "bid", "ask", "underlying_price", "delta"):
        table[name] = table[name].map(lambda value: f"{value:.4f}".replace(".", ","))
    table.assign(implied_volatility=vols.map(vol.format)).to_csv(path, index=False, sep=";")
    chain = load_chain(path)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert float(chain.quotes["implied_volatility"].median()) == pytest.approx(0.212, abs=0.002)
    assert shows(chain.warnings, "decimals", "comma")
    assert shows(chain.warnings, "implied_volatility")
    assert build_panel([path]).panel.dates == (DAY,)


def test_a_column_that_is_not_needed_and_contradicts_itself_is_left_out(case):
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    vols = table["implied_volatility"].map("{:.4f}".format)
    vols[1::2] = vols[1::2].str.replace(".", ",")
    table.assign(implied_volatility=vols).to_csv(path, index=False)
    chain = load_chain(path)
    assert chain.quotes["implied_volatility"].isna().all()
    first = f"first: row 2, '{vols[0]}'"
    words = f"implied_volatility: {len(table)} cells are not numbers of one decimal sign ({first}): taken as blank"
    assert words in chain.warnings


@pytest.mark.parametrize("column", ["quote_time", "last_trade"])
def test_words_in_a_time_beside_the_day_are_counted(case, quotes_of, base, column):
    path = case("chains/base.csv")
    table = pd.read_csv(path).assign(**{column: "2026-10-02 15:45:00"})
    table.loc[[3, 7], column] = "a while ago"
    table.to_csv(path, index=False)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    warning = f"{column}: 2 cells are not times (first: row 5, 'a while ago'): taken as blank"
    assert warning in load_chain(path).warnings
    assert shows(build_panel([path]).remarks, f"{column}: 2 cells", "times")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("d_dmy_slash", "dates are DD/MM/YYYY"),
        ("q_semi_comma", "decimals are written with a comma"),
        (
            "z_timestamp_1545",
            "timestamp carries no zone: taken for New York (as UTC the latest would be 11:45 New York)",
        ),
    ],
)
def test_a_reading_that_is_rare_or_open_is_said(case, name, words):
    path = case(f"chains/{name}.csv")
    assert words in load_chain(path).warnings
    if name != "q_semi_comma":
        build = build_panel([path])
        assert words in window(build, [path], None, None).notes


@pytest.mark.parametrize("ratio", [2.0, 4.0, 10.0])
def test_single_contracts_of_before_a_split_are_left_out(case, quotes_of, base, ratio):
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    old = table[(table["expiration"] == table["expiration"].max()) & (table["right"] == "C")].iloc[[5, 40, 70]]
    old = old.assign(**{name: (old[name] * ratio).round(2) for name in ("strike", "bid", "ask")})
    old = old.assign(strike=old["strike"] + 0.25)
    pd.concat([table, old]).to_csv(path, index=False)
    assert quotes_of(path).index.equals(base.index)
    assert any(shows(warning, "3 rows", "strikes") for warning in load_chain(path).warnings)


@pytest.mark.parametrize("right", ["C", "P"])
@pytest.mark.parametrize(("ratio", "every"), [(0.8, 7), (0.8, 25), (1 / 1.5, 7), (1.25, 7), (1.05, 4), (1.1, 25)])
def test_contracts_of_one_right_at_odds_with_the_market_are_left_out(case, quotes_of, base, right, ratio, every):
    """Within the market's strikes, without a pair to tell the spot of: what they bid and ask contradicts the pairs."""
    path = case("chains/base.csv")
    table = pd.read_csv(path)
    old = table[table["right"] == right].iloc[::every]
    old = old.assign(**{name: (old[name] * ratio).round(2) for name in ("strike", "bid", "ask")})
    old = old.assign(strike=old["strike"] + 0.25)
    pd.concat([table, old]).to_csv(path, index=False)
    assert quotes_of(path).index.equals(base.index)
    rule = f"{len(old)} rows of one right alone, far from the market's strikes or at odds with its prices"
    assert any(rule in warning for warning in load_chain(path).warnings)


DAYS = ("2026-09-30", "2026-10-01", "2026-10-02")


@pytest.fixture
def history(case, tmp_path):
    """Several days of the base in one file, with rows put on top."""

    def write(change=None, days=DAYS):
        table = pd.read_csv(case("chains/base.csv"))
        table = pd.concat([table.assign(quote_date=day) for day in days])
        path = tmp_path / "history.csv"
        (table if change is None else change(table)).to_csv(path, index=False)
        return path

    return write


def notes_of_panel(path):
    build = build_panel([path])
    return build.panel, "\n".join(window(build, [path], None, None).notes)


@pytest.mark.parametrize("name", ["date", "quote_date", "timestamp"])
def test_times_of_last_trades_under_the_name_of_a_day_drop_no_contract(case, name):
    path = case("chains/base.csv")
    table = pd.read_csv(path).drop(columns="quote_date")
    days = np.random.default_rng(4).integers(0, 20, len(table))
    table[name] = [str(pd.Timestamp("2026-10-02 15:45") - pd.Timedelta(days=int(day))) for day in days]
    table.to_csv(path, index=False)
    chain = load_chain(path)
    assert (len(chain.quotes), chain.as_of) == (486, DAY)
    assert any(shows(warning, "of 2026-10-02", "capture") for warning in chain.warnings)


def test_days_of_options_that_live_one_day_are_not_one_capture(case):
    path = case("chains/base.csv")
    table = pd.read_csv(path).drop(columns="quote_date")
    table = table[table["expiration"] == "2026-10-09"]
    pd.concat([table.assign(expiration=day, timestamp=f"{day} 15:45:00") for day in DAYS]).to_csv(path, index=False)
    assert set(load_chain(path).quotes["expiration"].astype(str)) == {"2026-10-02"}
    assert [str(day) for day in build_panel([path]).panel.dates] == list(DAYS)


@pytest.mark.parametrize(
    "mark",
    [
        {"contractSize": (100, 150)}, {"multiplier": (100, 10)}, {"nonStandard": ("False", "True")},
        {"root": ("IWM", "IWM1")},
    ],
)  # fmt: skip
def test_adjusted_contracts_are_left_out_of_panels_and_counted(history, mark):
    ((name, (standard, other)),) = mark.items()

    def with_adjusted(table):
        above = table.assign(bid=table["bid"] + 1, ask=table["ask"] + 2, **{name: other})
        return pd.concat([above, table.assign(**{name: standard})])

    reference, _ = notes_of_panel(history())
    panel, notes = notes_of_panel(history(with_adjusted))
    np.testing.assert_array_equal(panel.quotes, reference.quotes)
    assert shows(notes, "3 of 3 days: 486 of 972 rows")


@pytest.mark.parametrize("ratio", [0.1, 2.0, 4.0])
def test_single_contracts_of_before_a_split_are_left_out_of_panels(history, ratio):
    def leftover(table):
        old = table[(table["expiration"] == table["expiration"].max()) & (table["right"] == "C")].iloc[[5, 40, 70]]
        old = old.assign(**{name: (old[name] * ratio).round(2) for name in ("strike", "bid", "ask")})
        return pd.concat([table, old.assign(strike=old["strike"] + 0.25)])

    reference, _ = notes_of_panel(history())
    panel, notes = notes_of_panel(history(leftover))
    np.testing.assert_array_equal(panel.strike, reference.strike)
    np.testing.assert_array_equal(panel.quotes, reference.quotes)
    assert shows(notes, "3 rows", "strikes")


def test_weekend_downloads_of_many_days_are_the_sessions_before(history):
    path = history(days=("2026-09-26", "2026-10-03"))
    panel, notes = notes_of_panel(path)
    assert [str(day) for day in panel.dates] == ["2026-09-25", "2026-10-02"]
    assert "on 2 of 2 days: quotes dated Saturday 2026-09-26" in notes
    chains = list(read_chains(path))
    assert [str(chain.as_of) for chain in chains] == ["2026-09-25", "2026-10-02"]
    assert all(shows(chain.warnings[0], f"close of {chain.as_of}") for chain in chains)


def test_weekend_downloads_next_to_their_session_are_left_out(history):
    path = history(days=("2026-10-02", "2026-10-03", "2026-10-04"))
    panel, notes = notes_of_panel(path)
    assert [str(day) for day in panel.dates] == ["2026-10-02"]
    assert notes.count("left out: ") == 2
    assert [isinstance(chain, DataError) for chain in read_chains(path)] == [False, True, True]


def test_a_folder_of_snapshots_keeps_the_session_over_the_weekend_s_download(case, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    content = case("chains/tradier.json").read_text()
    (folder / "b.json").write_text(content)
    friday = build_panel([folder]).panel.quotes
    changed = content.replace('"ask": 40.56', '"ask": 40.57')
    moved = re.sub(r"\b1790\d{9}\b", lambda match: str(int(match[0]) + 86_400_000), changed)
    (folder / "a.json").write_text(moved)
    panel, notes = build_panel([folder]).panel, build_panel([folder]).report.notes(0, 10**6, 1)
    np.testing.assert_array_equal(panel.quotes, friday)
    assert any("2026-10-03" in note for note in notes)
    (folder / "b.json").unlink()
    assert [str(day) for day in build_panel([folder]).panel.dates] == ["2026-10-02"]


def lines_of(path):
    return path.read_text().splitlines()


BELOW = {
    "blank rows": lambda lines: [*lines, ",,,,,,,,,,,,,", ",,,,,,,,,,,,,"],
    "a comment": lambda lines: [*lines, "# end of file"],
    "a source": lambda lines: [*lines, "Data provided by a vendor"],
    "an end of DOS": lambda lines: [*lines, "\x1a"],
    "a separator at the end of rows": lambda lines: [lines[0], *(f"{line}," for line in lines[1:])],
    "separators at the end of all": lambda lines: [f"{line},," for line in lines],
}


@pytest.mark.parametrize("name", BELOW)
def test_what_spreadsheets_and_downloads_add_to_rows_is_no_row(case, quotes_of, base, name):
    path = case("chains/base.csv")
    path.write_text("\n".join(BELOW[name](lines_of(path))) + "\n")
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    assert build_panel([path]).panel.strike.size == len(base) // 2
    if name in ("a comment", "a source"):
        assert shows(load_chain(path).quality.notes, "lines of text")


@pytest.mark.parametrize(
    ("name", "torn"), [("base", "2026-10-30"), ("cboe_quotedata", "Fri Oct 3"), ("base", "2026-1")]
)
def test_a_torn_last_row_is_no_line_of_text(case, name, torn):
    path = case(f"chains/{name}.csv")
    path.write_text("\n".join([*lines_of(path)[:-1], torn]))
    with refused_data(path, f"row {len(lines_of(path))}", torn):
        load_chain(path)


@pytest.mark.parametrize("torn", ["2026-10-30", '"2026-1'])
def test_a_torn_last_row_inside_gzip_or_quotes_is_told(case, tmp_path, torn):
    table = pd.read_csv(case("chains/base.csv"))
    path = tmp_path / "torn.csv"
    content = table.to_csv(index=False, quoting=csv.QUOTE_ALL) + torn
    for packed in (content.encode(), gzip.compress(content.encode())):
        path.write_bytes(packed)
        with pytest.raises(DataError):
            load_chain(path)


def test_a_row_of_totals_is_named(case):
    path = case("chains/base.csv")
    path.write_text(path.read_text() + "Total,,,,,,,,,,12345,99999,,\n")
    with refused_data("base.csv", "underlying_symbol", "row 488"):
        load_chain(path)


@pytest.mark.parametrize("symbol", ["IWM.US", "NYSE:IWM", "AMEX:IWM", "IWM US Equity", "IWM US", "$IWM", " iwm "])
def test_symbols_with_their_exchange(case, symbol):
    path = case("chains/base.csv")
    path.write_text(path.read_text().replace(",IWM,", f",{symbol},"))
    assert load_chain(path).symbol == build_panel([path]).panel.symbol == "IWM"


def test_epochs_that_a_spreadsheet_rounded_are_refused(case):
    path = case("chains/d_epoch_ns.csv")
    table = pd.read_csv(path)
    table.assign(quote_date=[f"{value:.4e}" for value in table["quote_date"]]).to_csv(path, index=False)
    with refused_data("d_epoch_ns.csv", "quote_date", "1.7909e+18"):
        load_chain(path)


@pytest.mark.parametrize(
    "at", ["2026-10-02 12:45 PDT", "2026-10-02 21:45 CEST", "2026-10-02T15:45:00-04:00[America/New_York]"]
)
def test_names_of_zones(case, at):
    path = case("chains/base.csv")
    pd.read_csv(path).assign(quote_time=at).to_csv(path, index=False)
    quote_time = load_chain(path).quote_time
    assert quote_time is not None
    assert (quote_time.hour, quote_time.minute) == (15, 45)


def test_options_filed_by_expiration_and_right(case, quotes_of, base, tmp_path):
    table = pd.read_csv(case("chains/base.csv"))
    sides = {
        day: {word: part.loc[part["right"] == right, ["strike", "bid", "ask"]].to_dict("records")
              for right, word in (("C", "calls"), ("P", "puts"))}
        for day, part in table.groupby("expiration")
    }  # fmt: skip
    path = tmp_path / "chain.json"
    for chains in (sides, [{"expiration": day, **chain} for day, chain in sides.items()]):
        path.write_text(json.dumps({"symbol": "IWM", "spot": 240.15, "date": "2026-10-02", "chains": chains}))
        np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)


def test_rows_in_json_need_names(case, quotes_of, base, tmp_path):
    table = pd.read_csv(case("chains/base.csv"))
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([list(table.columns), *table.to_numpy().tolist()]))
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)
    path.write_text(table.to_json(orient="values"))
    with refused_data("rows.json", "content", "orient", "values"):
        load_chain(path)


def test_a_trade_by_day_alone_says_no_time(case):
    path = case("chains/base.csv")
    pd.read_csv(path).rename(columns={"quote_date": "trade_time"}).to_csv(path, index=False)
    chain = load_chain(path)
    assert (chain.as_of, chain.quote_time) == (DAY, None)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("timestamp (CET)", "2026-10-02 21:45"),
        ("quote_time_utc", "2026-10-02 19:45"),
        ("updated", "2026-10-02 21:45 CET"),
    ],
)
def test_a_chains_time_in_a_named_zone(case, tmp_path, column, cell):
    table = pd.read_csv(case("chains/base.csv")).drop(columns="quote_date").assign(**{column: cell})
    table.to_csv(tmp_path / "chain.csv", index=False)
    assert load_chain(tmp_path / "chain.csv").quote_time.isoformat() == "2026-10-02T15:45:00-04:00"
