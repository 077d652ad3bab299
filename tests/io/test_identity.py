"""Underlying and currency that a file says beside its rows."""

import re

import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import load_chain
from iwm_opts.io.identity import check_file_name
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import build_panel
from iwm_opts.io.series_notes import notes_of
from tests.refusals import refused_data

SENSIBLE = (
    "RVX_History.csv", "VIX.csv", "VIX9D_History.csv", "RVXCLS.csv", "DGS3MO.csv", "TNX.csv", "IRX.csv", "IV_30.csv",
    "CHAIN.csv", "DATA.csv", "IWM.csv", "IWM_2026-10-02.csv", "SPY_QQQ_IWM.csv", "SPYDER.csv", "SPX500.csv", "ohlc.csv",
    "dia_2026-10-02.csv", "2026-10-02.csv", "export.csv", "OPRA.csv", "MYSPY1.csv", "EOD.csv", "iwm_spy.csv",
    "BARS.csv", "QUOTES.csv", "BATS_BARS.csv", "OHLCV_2026.csv", "PRICES (1).csv", "FEB.csv", "META_DATA.csv",
)  # fmt: skip


@pytest.fixture
def chain(quotes):
    return quotes()


@pytest.fixture
def bars():
    days = pd.bdate_range("2026-09-14", "2026-10-02")
    return pd.DataFrame({"date": days, "open": 240.0, "high": 242.0, "low": 239.0, "close": 241.0})


@pytest.mark.parametrize("name", SENSIBLE)
def test_sensible_names_pass(name):
    check_file_name(name, "IWM")


@pytest.mark.parametrize("name", ["SPY.csv", "SPY_2026-10-02.csv", "SPX.parquet", "TLT-chain.csv", "spy.us.txt",
                                  "aapl_us_d.csv", "NVDA (2).csv", "META.csv", "COST.csv.gz",
                                  "IBIT (1).csv", "spy.csv", "^GSPC.csv", "rut.parquet"])  # fmt: skip
def test_names_of_other_underlyings_are_refused(name):
    ticker = re.findall(r"[A-Za-z]+", name)[0].upper()
    with refused_data(name, "name", f"`symbol` {ticker}", "IWM"):
        check_file_name(name, "IWM")
    check_file_name(name, ticker)


def test_a_chain_is_that_of_its_name(chain, tmp_path):
    bare = chain.drop(columns=["underlying_symbol", "root"], errors="ignore")
    path = tmp_path / "SPY_2026-10-02.csv"
    bare.to_csv(path, index=False)
    with refused_data("SPY_2026-10-02.csv", "name", "SPY", "IWM"):
        load_chain(path, symbol="IWM")
    with refused_data("SPY_2026-10-02.csv", "name", "SPY", "IWM"):
        build_panel([path], "IWM")
    assert load_chain(path, symbol="SPY").symbol == "SPY"
    chain.to_csv(path, index=False)
    assert load_chain(path, symbol="IWM").symbol == "IWM"  # a column goes over the name


def test_bars_and_iv_are_those_of_their_names(bars, tmp_path):
    path = tmp_path / "SPY.csv"
    bars.to_csv(path, index=False)
    with refused_data("SPY.csv", "name", "SPY", "IWM"):
        load_bars(path, "IWM")
    assert len(load_bars(path, "SPY")) == len(load_bars(path)) == len(bars)
    bars.assign(symbol="IWM").to_csv(path, index=False)
    assert len(load_bars(path, "IWM")) == len(bars)
    for column in ("iv", "iv30"):
        pd.DataFrame({"date": bars["date"], column: 0.2}).to_csv(path, index=False)
        with refused_data("SPY.csv", "name", "SPY", "IWM"):
            load_iv_history(path, "IWM")
        assert len(load_iv_history(path, "SPY").closes) == len(bars)
    path.rename(tmp_path / "RUT.csv")
    with refused_data("RUT.csv", "name", "RUT"):
        load_iv_history(tmp_path / "RUT.csv", "IWM")
    pd.DataFrame({"date": bars["date"], "iv": 0.2}).to_csv(tmp_path / "RUT.csv", index=False)
    assert load_iv_history(tmp_path / "RUT.csv", "IWM").proxy


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["currency", "Currency", "CCY"])
def test_quotes_in_another_currency_are_refused(chain, tmp_path, column, kind):
    path = tmp_path / f"chain.{kind}"

    def written(cells):
        table = chain.assign(**{column: cells})
        table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path, index=False)
        return path

    expected = load_chain(written("USD")).quotes
    for cells in ("usd", "US$", None, ""):
        pd.testing.assert_frame_equal(load_chain(written(cells)).quotes, expected)
    for cells in ("CAD", ["USD"] * (len(chain) - 1) + ["CAD"]):
        with refused_data(path, "currency", column, "CAD"):
            load_chain(written(cells))
        with refused_data(path, "currency", column, "CAD"):
            build_panel([written(cells)], "IWM")


def test_series_in_another_currency_are_refused(bars, tmp_path):
    path = tmp_path / "bars.csv"
    bars.assign(Currency="USD").to_csv(path, index=False)
    assert len(load_bars(path, "IWM")) == len(bars)
    bars.assign(Currency="CAD").to_csv(path, index=False)
    with refused_data("bars.csv", "currency", "Currency", "CAD"):
        load_bars(path, "IWM")


def test_a_bare_ticker_is_another_series_of_iv_only_where_it_says_so(tmp_path):
    iv(close=0.2).to_csv(tmp_path / "META.csv", index=False)
    assert load_iv_history(tmp_path / "META.csv", "IWM").proxy  # any index may stand in
    iv(iv30=0.2).to_csv(tmp_path / "META.csv", index=False)
    with refused_data("META.csv", "name", "META", "IWM"):
        load_iv_history(tmp_path / "META.csv", "IWM")


@pytest.mark.parametrize("name", ["2026-10-02_ARKK.csv", "chain_ARKK_20261002.csv", "ARKK_daily.csv"])
def test_the_ticker_in_a_name_is_said_whatever_it_is(chain, bars, tmp_path, name):
    path, told = tmp_path / name, "taken for IWM: no column names a symbol, and the file's name says ARKK"
    bars.to_csv(path, index=False)
    assert notes_of(load_bars(path, "IWM")) == (told,)
    assert notes_of(load_bars(path, "ARKK")) == ()
    chain.drop(columns=["underlying_symbol", "root"], errors="ignore").to_csv(path, index=False)
    assert told in load_chain(path, symbol="IWM").warnings
    assert told in build_panel([path], "IWM").remarks
    assert not any("name says" in warning for warning in load_chain(path, symbol="ARKK").warnings)


def test_bars_that_nothing_names_say_so(bars, tmp_path):
    for name, notes in (("bars", ("taken for IWM: nothing in the file or its name says a symbol",)), ("iwm_bars", ())):
        bars.to_csv(tmp_path / f"{name}.csv", index=False)
        assert notes_of(load_bars(tmp_path / f"{name}.csv", "IWM")) == notes
        bars.assign(symbol="IWM").to_csv(tmp_path / f"{name}.csv", index=False)
        assert notes_of(load_bars(tmp_path / f"{name}.csv", "IWM")) == ()


DOUBTFUL = ("spy_daily.csv", "HistoricalData_SPY.csv", "daily QQQ.csv")


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_word_of_another_underlying_in_a_name_is_said(bars, tmp_path, name):
    bars.to_csv(tmp_path / name, index=False)
    told = f"taken for IWM: no column names a symbol, and the file's name says {'QQQ' if 'QQQ' in name else 'SPY'}"
    assert told in notes_of(load_bars(tmp_path / name, "IWM"))
    pd.DataFrame({"date": bars["date"], "iv": 0.2}).to_csv(tmp_path / name, index=False)
    assert told in notes_of(load_iv_history(tmp_path / name, "IWM"))
    (tmp_path / name).rename(tmp_path / f"IWM and {name}")
    assert not notes_of(load_iv_history(tmp_path / f"IWM and {name}", "IWM"))


@pytest.mark.parametrize("name", ["BATS_META, 1D.csv", "NYSE_META.csv", "Download Data - ETF_US_ARCX_META.csv"])
def test_an_exchange_goes_before_the_ticker_of_a_name(name):
    with refused_data(name, "name", "META", "IWM"):
        check_file_name(name, "IWM")


def iv(**columns):
    return pd.DataFrame({"date": pd.bdate_range("2026-01-02", "2026-03-31"), **columns})


def test_iv_histories_of_other_underlyings_are_refused(tmp_path):
    path = tmp_path / "history.csv"
    iv(symbol="QQQ", iv=0.2).to_csv(path, index=False)
    assert len(load_iv_history(path, "QQQ").closes) == 63
    for column in ("iv", "iv30", "close"):
        iv(symbol="SPY", **{column: 0.2}).to_csv(path, index=False)
        with refused_data("history.csv", "symbol", "SPY", "IWM"):
            load_iv_history(path, "IWM")
        assert len(load_iv_history(path, "SPY").closes) == 63
    halves = pd.concat([iv(symbol="RVX", close=20.0).iloc[:30], iv(symbol="VIX", close=16.0).iloc[30:]])
    for write in (halves.to_csv, halves.to_json):
        write(path, index=False, **({"orient": "records", "date_format": "iso"} if write == halves.to_json else {}))
        with refused_data("history.csv", "symbol", "2", "RVX", "VIX"):
            load_iv_history(path, "IWM")
    halves.replace("VIX", "IWM").to_csv(path, index=False)
    history = load_iv_history(path, "IWM")
    assert len(history.closes) == 33
    assert history.skipped == ("rows of IWM among those of 2 symbols: 30 of 63 left out",)


@pytest.mark.parametrize(
    ("ticker", "series"), [("^RVX", "RVX"), ("CBOE:VIX", "VIX"), ("VXN", "VXN"), ("IWM", "history")]
)
def test_the_ticker_of_an_iv_history_names_it(tmp_path, ticker, series):
    path = tmp_path / "history.csv"
    iv(symbol=ticker, close=20.0).to_csv(path, index=False)
    assert load_iv_history(path, "IWM").series == series


@pytest.mark.parametrize("orient", ["columns", "index", "split"])
def test_json_of_two_tickers_is_read_by_the_ticker(tmp_path, orient):
    path = tmp_path / "both.json"
    days = pd.DatetimeIndex(["2026-10-01", "2026-10-02"], name="Date")
    prices = {"Open": 1.0, "High": 1.1, "Low": 0.9, "Close": 1.05, "Volume": 7}
    pairs = {
        (role, name): of * price for name, price in (("IWM", 240.0), ("SPY", 600.0)) for role, of in prices.items()
    }
    pd.DataFrame(pairs, index=days).to_json(path, orient=orient, date_format="iso")
    bars = load_bars(path, "IWM")
    assert bars["close"].to_list() == [252.0, 252.0]
    assert bars.index.to_list() == days.to_list()
    assert notes_of(bars) == ("columns of IWM among those of 2 symbols",)
    with refused_data("both.json", "symbol", "IWM", "SPY", "QQQ"):
        load_bars(path, "QQQ")


def test_a_series_of_pandas_as_json_keeps_its_days(tmp_path):
    path = tmp_path / "RVX.json"
    days = pd.bdate_range("2026-01-02", "2026-03-31")
    pd.Series(20.0, index=days).to_json(path, date_format="iso")
    assert load_iv_history(path, "IWM").closes.index.to_list() == days.to_list()
    pd.DataFrame({"close": 20.0}, index=days).to_json(path, date_format="iso", orient="split")
    assert load_iv_history(path, "IWM").closes.index.to_list() == days.to_list()
