"""Chains that lack a column, hold two markets or two readings: read whole, or refused by name."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import iwm_opts
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import load_dividends
from iwm_opts.io.files import load_chain
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.panel_files import build_panel
from tests.refusals import refused_data, shows

DAY = date(2026, 10, 2)
ROWS = 486


@pytest.fixture
def rows(case: Callable[[str], Path]) -> pd.DataFrame:
    """Cells of the chain that other shapes are made of, as text."""
    return pd.read_csv(case("chains/base.csv"), dtype=str, keep_default_na=False)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    """Write a table under a name that says nothing."""

    def write(table: pd.DataFrame) -> Path:
        path = tmp_path / "quotes.csv"
        table.to_csv(path, index=False)
        return path

    return write


class TestColumnsWithoutValues:
    @pytest.mark.parametrize("blank", ["", "n/a", "-"])
    @pytest.mark.parametrize("column", ["root", "underlying_symbol", "ticker"])
    def test_nothing_names_the_underlying(self, rows, save, column, blank):
        path = save(rows.drop(columns="underlying_symbol").assign(**{column: blank}))
        with refused_data("quotes.csv", "symbol", "`symbol`"):
            load_chain(path)
        chain = load_chain(path, symbol="IWM")
        assert (len(chain.quotes), chain.symbol) == (ROWS, "IWM")
        assert any("taken for IWM" in text for text in chain.warnings)
        assert build_panel([path], symbol="IWM").panel.dates == (DAY,)

    def test_an_empty_day_is_asked_for(self, rows, save):
        path = save(rows.assign(quote_date=""))
        with refused_data("quotes.csv", "quote_date", "`as_of`"):
            load_chain(path)
        assert load_chain(path, as_of=DAY).as_of == DAY

    def test_rows_without_a_root_are_counted(self, rows, save):
        rows = rows.drop(columns="underlying_symbol").assign(root="IWM")
        rows.loc[:9, "root"] = ""
        chain = load_chain(save(rows), symbol="IWM")
        assert len(chain.quotes) == ROWS - 10
        assert shows(chain.warnings, "10 rows", "symbol")


class TestWordsOfVendors:
    def test_rights_as_india_writes_them(self, rows, save):
        chain = load_chain(save(rows.assign(right=rows["right"].map({"C": "CE", "P": "PE"}))))
        assert chain.quotes["right"].value_counts().to_dict() == {"C": 243, "P": 243}

    def test_days_of_excel_with_their_time(self, rows, save):
        chain = load_chain(save(rows.assign(quote_date="46297.65625")))
        assert chain.as_of == DAY
        assert chain.quote_time is not None
        assert f"{chain.quote_time:%H:%M:%S %Z}" == "15:45:00 EDT"

    def test_dividends_in_german(self, tmp_path):
        path = tmp_path / "ausschuettungen.csv"
        path.write_text("Datum;Dividende\n17.03.2026;0,55\n16.06.2026;0,62\n")
        dividends = load_dividends(path).dividends
        assert [(d.ex_date, d.amount) for d in dividends] == [(date(2026, 3, 17), 0.55), (date(2026, 6, 16), 0.62)]


def of_other_spot(rows: pd.DataFrame, ratio: float, fraction: float) -> pd.DataFrame:
    """Rows at random with strikes and quotes of another spot, of contracts that the chain lacks."""
    kept = np.random.default_rng(7).random(len(rows)) < fraction
    table = rows[kept].copy()
    for name in ("strike", "bid", "ask"):
        table[name] = (table[name].astype(float) * ratio).round(2).map(lambda value: f"{value:g}")
    is_new = ~table["strike"].astype(float).isin(rows["strike"].astype(float).unique())
    return table[is_new]


class TestTwoMarkets:
    @pytest.mark.parametrize("fraction", [0.8, 0.9, 1.0])
    @pytest.mark.parametrize("ratio", [0.5, 2.0])
    def test_neither_is_the_market_of_three_pairs_in_five(self, rows, save, quotes_of, base, ratio, fraction):
        mixed = pd.concat([of_other_spot(rows, ratio, 2.0), rows])
        pairs = np.arange(len(mixed)) // 2
        kept = (pairs >= (len(mixed) - len(rows)) // 2) | (pairs % 10 < 10 * fraction)
        path = save(mixed[kept].drop(columns="underlying_price"))
        spots = (120.43, 240.83) if ratio == 0.5 else (240.83, 481.66)
        with refused_data("quotes.csv", "spot", *spots):
            load_chain(path)
        with refused_data("quotes.csv, 2026-10-02", "spot", *spots):
            build_panel([path])
        np.testing.assert_allclose(quotes_of(path, spot=240.15).loc[base.index].to_numpy(), base.to_numpy(), atol=1e-9)

    @pytest.mark.parametrize(
        ("ratio", "fraction"), [(0.5, 0.02), (0.1, 0.3), (0.05, 0.1), (1.25, 0.2), (1.5, 0.1), (0.85, 0.4), (1.1, 0.4)]
    )
    def test_quotes_without_their_pair_go_with_their_market(self, rows, save, ratio, fraction):
        others = of_other_spot(rows, ratio, fraction)
        path = save(pd.concat([rows, others]))
        chain = iwm_opts.read_chain(path, as_of=DAY, dividends="none", rate=0.037)
        assert (chain.iv10, chain.iv30) == (pytest.approx(0.218, abs=0.0006), pytest.approx(0.215, abs=0.0006))
        assert len(chain.to_frame()) - ROWS <= 0.05 * len(others)  # single ones may fit both markets
        first = next(text for text in chain.warnings if "rows " in text)
        assert int(first.split()[0]) == ROWS + len(others) - len(chain.to_frame())


class TestDays:
    @pytest.mark.parametrize("column", ["quote_date", "date", "trade_date"])
    @pytest.mark.parametrize("end", ["", "T00:00:00Z"])
    @pytest.mark.parametrize("how", ["strikes", "rights", "one"])
    def test_contracts_that_occur_once_are_one_capture(self, rows, save, column, end, how):
        place = np.arange(len(rows))
        is_last = {"strikes": place // 2 % 2 == 1, "rights": place % 2 == 1, "one": place == 100}[how]
        days = np.where(is_last, f"2026-10-02{end}", f"2026-10-01{end}")
        path = save(rows.drop(columns="quote_date").assign(**{column: days}))
        chain = load_chain(path)
        assert (len(chain.quotes), chain.as_of) == (ROWS, DAY)
        assert any(shows(text, f"of {DAY}: {column}", "capture") for text in chain.warnings)
        panel = build_panel([path]).panel
        assert (panel.dates, len(panel.strike)) == ((DAY,), ROWS // 2)

    def test_contracts_of_other_expirations_are_of_their_days(self, rows, save):
        days = np.where(rows["expiration"] == rows["expiration"].max(), "2026-10-02", "2026-10-01")
        chain = load_chain(save(rows.assign(quote_date=days)))
        assert len(chain.quotes) == ROWS // 3

    def test_the_latest_trade_is_no_quote_day(self, rows, save):
        path = save(rows.drop(columns="quote_date").assign(lastTradeDate="2026-09-28 15:30:00+00:00"))
        assert load_chain(path).as_of == date(2026, 9, 28)
        chain = load_chain(path, as_of=DAY)
        assert (len(chain.quotes), chain.as_of) == (ROWS, DAY)
        assert any(shows(text, "of 2026-09-28", "latest") for text in chain.warnings)
        with refused_data("quotes.csv", "quote_date", "2026-09-25"):
            load_chain(path, as_of=date(2026, 9, 25))

    def test_years_of_two_digits_in_front(self, rows, save):
        table = rows.assign(quote_date="26-10-02", expiration=rows["expiration"].str[2:])
        chain = load_chain(save(table))
        assert (chain.as_of, len(chain.quotes)) == (DAY, ROWS)
        assert "dates are YY-MM-DD" in chain.warnings
        assert build_panel([save(table)]).panel.dates == (DAY,)

    def test_series_with_years_of_two_digits_in_front(self, tmp_path):
        days = pd.bdate_range("2024-02-01", "2025-09-30").strftime("%y-%m-%d")
        path = tmp_path / "IWM.csv"
        pd.DataFrame({"date": days, "open": 240.0, "high": 242.0, "low": 239.0, "close": 241.0}).to_csv(
            path, index=False
        )
        assert load_bars(path).index[0] == pd.Timestamp("2024-02-01")
        pd.DataFrame({"date": days, "close": 21.0 + np.arange(len(days)) % 7}).to_csv(path, index=False)
        assert load_iv_history(path).closes.index[0] == pd.Timestamp("2024-02-01")


class TestExpirations:
    @pytest.mark.parametrize("day", ["2026-11-26", "2026-10-17", "2026-10-18"])
    def test_none_expires_while_the_exchange_is_closed(self, rows, save, day):
        first = rows["expiration"].min()
        path = save(pd.concat([rows, rows[rows["expiration"] == first].assign(expiration=day)]))
        chain = load_chain(path)
        assert len(chain.quotes) == ROWS
        assert any(shows(text, "162 of 648 rows") for text in chain.warnings)
        build = build_panel([path])
        assert len(build.panel.strike) == ROWS // 2
        assert any("162 of 648 rows expire" in text for texts in build.report.warnings.values() for text in texts)
        path = save(rows.assign(expiration=day))
        for read in (load_chain, lambda path: build_panel([path])):
            with refused_data(path, "expiration", "486 of 486", day):
                read(path)


def test_two_captures_that_nothing_tells_apart_are_refused(rows, save):
    later = rows.assign(
        bid=(rows["bid"].astype(float) + 0.01).round(2), ask=(rows["ask"].astype(float) + 0.01).round(2)
    )
    path = save(pd.concat([rows, later]))
    for read in (load_chain, lambda path: build_panel([path])):
        with refused_data(path, "quote_time", "486 rows", "486 contracts"):
            read(path)


class TestOtherMoney:
    @pytest.mark.parametrize("money", ["€{}", "{} EUR", "£{}", "C${}"])
    def test_prices_in_another_currency_are_refused(self, rows, save, tmp_path, money):
        path = save(rows.assign(**{name: rows[name].map(money.format) for name in ("strike", "bid", "ask")}))
        for read in (lambda path: load_chain(path, symbol="IWM"), lambda path: build_panel([path])):
            with refused_data("quotes.csv", "currency", money.format("200.0"), "strike"):
                read(path)
        path = tmp_path / "IWM.csv"
        path.write_text("ex_date,amount\n2026-03-17," + money.format("0.5") + "\n")
        with refused_data("IWM.csv", "currency", money.format("0.5"), "amount"):
            load_dividends(path)
        days = pd.bdate_range("2026-09-14", "2026-10-02")
        bars = dict.fromkeys(("open", "high", "low", "close"), money.format("240.1"))
        pd.DataFrame({"date": days, **bars}).to_csv(path, index=False)
        with refused_data("IWM.csv", "currency", money.format("240.1"), "open"):
            load_bars(path)

    def test_dollars_are_read(self, rows, save, quotes_of, base):
        table = rows.assign(**{name: "$" + rows[name] for name in ("strike", "bid", "ask")})
        np.testing.assert_allclose(quotes_of(save(table)).to_numpy(), base.to_numpy(), atol=1e-9)


def test_links_of_nasdaq_name_the_underlying(rows, tmp_path):
    def link(ticker: str) -> str:
        return f"/market-activity/etf/{ticker}/option-chain/call-put-options/x"

    table: list[dict[str, object]] = []
    for day, part in rows.groupby("expiration"):
        table.append({"expirygroup": f"{pd.Timestamp(day):%B %d, %Y}", "strike": None, "drillDownURL": None})
        for strike, (call, put) in ((k, g.to_dict("records")) for k, g in part.groupby("strike")):
            quotes = {"c_Bid": call["bid"], "c_Ask": call["ask"], "p_Bid": put["bid"], "p_Ask": put["ask"]}
            table.append({"expirygroup": "", "strike": strike, **quotes, "drillDownURL": link("iwm")})
    answer = {"data": {"lastTrade": "LAST TRADE: $240.15 (AS OF OCT 2, 2026)", "table": {"rows": table}}}
    path = tmp_path / "options.json"
    path.write_text(json.dumps(answer))
    chain = load_chain(path)
    assert (chain.symbol, len(chain.quotes), chain.as_of) == ("IWM", ROWS, DAY)
    assert not any("taken for" in text for text in chain.warnings)
    path.write_text(json.dumps(answer).replace("/iwm/", "/spy/"))
    with refused_data("options.json", "symbol", "IWM", "SPY"):
        load_chain(path, symbol="IWM")


class TestMidnights:
    @pytest.mark.parametrize("column", ["quote_date", "timestamp"])
    @pytest.mark.parametrize("form", ["2026-10-02T04:00:00Z", "2026-10-02 00:00:00-04:00", "1790913600000"])
    def test_a_midnight_of_new_york_is_a_day(self, rows, save, column, form):
        chain = load_chain(save(rows.drop(columns="quote_date").assign(**{column: form})))
        assert (chain.as_of, chain.quote_time) == (DAY, None)

    @pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
    def test_typed_midnights_of_new_york_are_days_in_panels(self, rows, tmp_path, zone):
        of_today = rows[rows["expiration"] == rows["expiration"].min()].assign(expiration="2026-10-02")
        days = pd.to_datetime(rows["quote_date"]).dt.tz_localize("America/New_York").dt.tz_convert(zone)
        path = tmp_path / "quotes.parquet"
        table = rows.assign(quote_date=days)
        pd.concat([table, of_today.assign(quote_date=days.iloc[0])]).to_parquet(path)
        panel = build_panel([path]).panel
        assert (panel.dates, len(panel.strike)) == ((DAY,), ROWS // 2)  # what expires at that close has expired


class TestTimesOfOtherNames:
    @pytest.mark.parametrize("name", ["fetch_time", "scrapeTimestamp", "pulled_at", "load_ts"])
    def test_a_column_of_one_time_is_that_of_the_quotes(self, rows, save, name):
        traded = rows.drop(columns="quote_date").assign(lastTradeDate="2026-10-01 14:30:00+00:00")
        path = save(traded.assign(**{name: "2026-10-02T19:45:00Z"}))
        chain = load_chain(path)
        assert (chain.as_of, f"{chain.quote_time:%H:%M}") == (DAY, "15:45")
        assert shows(chain.warnings, name, "time")
        assert build_panel([path]).panel.dates == (DAY,)

    @pytest.mark.parametrize("name", ["first_traded", "next_earnings_date", "ex_dividend_date", "listing_date"])
    def test_days_of_other_events_are_none_of_quotes(self, rows, save, name):
        with refused_data("quotes.csv", "quote_date"):
            load_chain(save(rows.drop(columns="quote_date").assign(**{name: "2026-10-01"})))

    def test_two_such_columns_are_not_chosen_from(self, rows, save):
        path = save(rows.drop(columns="quote_date").assign(fetch_time="2026-10-02", load_time="2026-10-01"))
        with refused_data("quotes.csv", "quote_date"):
            load_chain(path)

    def test_quote_times_before_the_quote_date_are_not_used(self, rows, save):
        path = save(rows.assign(quote_time="2026-02-10T20:45:00Z"))
        chain = load_chain(path)
        assert (chain.as_of, chain.quote_time) == (DAY, None)
        told = "quote times end on 2026-02-10 15:45, before the quote date 2026-10-02"
        assert any(text.startswith(told) for text in chain.warnings)
        build = build_panel([path])
        assert not build.panel.is_timed.any()
        assert any(told in text for texts in build.report.warnings.values() for text in texts)


class TestDayInTheName:
    @pytest.mark.parametrize("name", ["IWM_2026-10-02.csv", "20261002_chain.csv"])
    def test_it_is_the_quote_date_where_no_column_says_one(self, rows, tmp_path, name):
        path = tmp_path / name
        rows.drop(columns="quote_date").to_csv(path, index=False)
        chain = load_chain(path)
        assert chain.as_of == DAY
        assert shows(chain.warnings, "2026-10-02 taken")
        assert build_panel([path]).panel.dates == (DAY,)
        assert load_chain(path, as_of=date(2026, 10, 1)).as_of == date(2026, 10, 1)

    @pytest.mark.parametrize("name", ["IWM_2026-10-09.csv", "IWM_2026-10-15.csv", "2026-10-01_2026-10-02.csv"])
    def test_an_expiration_and_a_range_are_none(self, rows, tmp_path, name):
        path = tmp_path / name
        near = rows[rows["expiration"] == "2026-10-09"]
        near.drop(columns="quote_date").to_csv(path, index=False)
        for read in (load_chain, lambda path: build_panel([path])):
            with refused_data(path, "quote_date"):
                read(path)

    def test_trades_after_it_contradict_it(self, rows, tmp_path):
        path = tmp_path / "IWM_2026-10-01.csv"
        rows.drop(columns="quote_date").assign(lastTradeDate="2026-10-02 14:30:00+00:00").to_csv(path, index=False)
        assert load_chain(path).as_of == DAY


class TestContractsOfAnotherUnderlying:
    def test_they_contradict_the_column_of_underlyings(self, rows, save):
        symbols = [
            f"SPY{pd.Timestamp(day):%y%m%d}{right}{round(1000 * float(strike)):08d}"
            for day, right, strike in zip(rows["expiration"], rows["right"], rows["strike"], strict=True)
        ]
        path = save(rows.assign(option_symbol=symbols))
        for read in (load_chain, lambda path: build_panel([path])):
            with refused_data("quotes.csv", "root", "SPY", "IWM"):
                read(path)

    def test_a_dot_in_front_is_no_part_of_the_root(self, rows, save, quotes_of, base):
        symbols = [
            f".IWM{pd.Timestamp(day):%y%m%d}{right}{round(1000 * float(strike)):08d}"
            for day, right, strike in zip(rows["expiration"], rows["right"], rows["strike"], strict=True)
        ]
        bare = rows.drop(columns=["expiration", "right", "strike", "underlying_symbol"])
        path = save(bare.assign(symbol=symbols))
        assert load_chain(path).symbol == "IWM"
        np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)


@pytest.mark.parametrize("factor", [100, 1000])
@pytest.mark.parametrize("dropped", [[], ["underlying_price"]])
def test_panels_read_strikes_of_other_units_as_chains_do(case, rows, save, factor, dropped):
    scaled = rows["strike"].astype(float).mul(factor).astype(int)
    panel = build_panel([save(rows.assign(strike=scaled).drop(columns=dropped))]).panel
    reference = build_panel([case("chains/base.csv")]).panel
    np.testing.assert_allclose(panel.strike, reference.strike)
    np.testing.assert_allclose(panel.quotes, reference.quotes, atol=1e-9)


def test_mids_in_place_of_quotes_are_said(rows, save):
    mid = ((rows["bid"].astype(float) + rows["ask"].astype(float)) / 2).round(3)
    path = save(rows.assign(bid=mid, ask=mid))
    told = f"bid equals ask in {ROWS} of {ROWS} quotes: mids, not quotes, so fills cost nothing"
    assert told in load_chain(path).warnings
    assert any(told in texts for texts in build_panel([path]).report.warnings.values())


def test_columns_of_one_side_of_the_strike_are_of_the_row(rows, tmp_path, quotes_of, base):
    calls, puts = (rows[rows["right"] == right].reset_index(drop=True) for right in "CP")
    names = ["Bid", "Ask", "Strike", "Bid", "Ask", "Expiration", "quote_date", "ticker"]
    columns = [calls["bid"], calls["ask"], calls["strike"], puts["bid"], puts["ask"], puts["expiration"]]
    table = pd.concat([*columns, puts["quote_date"], puts["underlying_symbol"]], axis=1)
    table.columns = pd.Index(names)
    path = tmp_path / "quotes.csv"
    table.to_csv(path, index=False)
    np.testing.assert_allclose(quotes_of(path).to_numpy(), base.to_numpy(), atol=1e-9)


def test_json_with_contracts_for_names_and_a_web_table_are_named(rows, tmp_path):
    path = tmp_path / "quotes.json"
    table = rows.assign(expiration=pd.to_datetime(rows["expiration"]), strike=rows["strike"].astype(float))
    table.set_index(["expiration", "right", "strike"])[["bid", "ask"]].to_json(path)
    with refused_data("quotes.json", "kind", "reset_index"):
        load_chain(path)
    path.write_text(rows.to_html())
    with refused_data("quotes.json", "kind", "web page"):
        load_chain(path)
