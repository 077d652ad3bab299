"""Yahoo through yfinance itself: only the address is another."""

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain
from iwm_opts.io.yahoo import yahoo_bars, yahoo_chain, yahoo_dividends, yahoo_session
from tests.refusals import refused_data, shows

OPTIONS = "/v7/finance/options/IWM"
AT = datetime(2026, 3, 2, 16, 5, tzinfo=ZoneInfo("America/New_York"))  # the made quotes are of 16:00 that day


@pytest.fixture
def session(live_server):
    with yahoo_session() as session:
        session.backoff = 0.01
        yield session


@pytest.fixture
def chain_server(live_server, answer, yahoo_bodies, made_quotes):
    for path, body in yahoo_bodies(made_quotes()).items():
        live_server.serve(path, answer(body))
    return live_server


def failure(session, symbol="IWM"):
    with pytest.raises(DataError) as error:
        yahoo_chain(symbol, session, at=AT)
    return str(error.value)


def test_a_chain_of_all_expirations_is_what_was_sent(session, chain_server, made_quotes):
    chain = yahoo_chain("IWM", session, at=AT)
    sent = made_quotes().sort_values(["expiration", "strike", "right"], ignore_index=True)
    for name in ("bid", "ask", "strike", "open_interest"):
        np.testing.assert_array_equal(chain.quotes[name], sent[name])
    assert chain.as_of == date(2026, 3, 2)
    assert chain.spot == 200.0
    assert chain.quote_time == datetime(2026, 3, 2, 16, 0, tzinfo=ZoneInfo("America/New_York"))
    assert any(shows(note, "5 min", "fetched") for note in chain.quality.notes)
    asked = [path for path in chain_server.asked if path.startswith("/v7")]
    assert len(asked) == 3  # one each; the first carried the list of the others


@pytest.mark.parametrize(("stated", "minutes"), [(15, 15), (0, 0), (None, 0), (-20, 0), (600, 15)])
def test_the_delay_that_yahoo_states(session, live_server, answer, yahoo_bodies, made_quotes, stated, minutes):
    for path, body in yahoo_bodies(made_quotes()).items():
        told = json.loads(body)
        told["optionChain"]["result"][0]["quote"]["exchangeDataDelayedBy"] = stated
        live_server.serve(path, answer(json.dumps(told)))
    assert yahoo_chain("IWM", session, at=AT).delay == timedelta(minutes=minutes)


def test_chosen_expirations_alone_are_asked_for(session, chain_server):
    seen = []
    window = (date(2026, 4, 1), date(2026, 4, 10))
    chain = yahoo_chain("IWM", session, expirations=window, progress=lambda *step: seen.append(step), at=AT)
    assert set(chain.quotes["expiration"]) == {pd.Timestamp("2026-04-02")}
    assert seen == [(1, 1)]
    with refused_data("Yahoo options of IWM", "expiration", "2026-03-20", "2026-04-17"):
        yahoo_chain("IWM", session, expirations=(date(2027, 1, 1), date(2027, 2, 1)), at=AT)


def test_old_quotes_while_the_market_is_open_are_stale(session, live_server, answer, yahoo_bodies, made_quotes):
    quotes = made_quotes()
    quotes["quote_time"] -= pd.Timedelta(hours=5)  # 11:00
    for path, body in yahoo_bodies(quotes).items():
        live_server.serve(path, answer(body))
    chain = yahoo_chain("IWM", session, at=AT.replace(hour=12))
    assert any(w.startswith("stale: quotes of 2026-03-02 11:00") and "65 min" in w for w in chain.warnings)


def test_the_weekend_shows_fridays_quotes(session, chain_server):
    chain = yahoo_chain("IWM", session, at=AT.replace(month=3, day=7))
    assert chain.as_of == date(2026, 3, 2)
    assert any("2026-03-02 16:00 New York, 5 days old" in note for note in chain.quality.notes)


def test_a_busy_yahoo_is_asked_again(session, chain_server, answer, yahoo_bodies, made_quotes):
    body = yahoo_bodies(made_quotes())[OPTIONS]
    chain_server.serve(OPTIONS, answer(status=429), answer(body))
    assert len(yahoo_chain("IWM", session, at=AT).quotes) == len(made_quotes())


@pytest.mark.parametrize(
    ("replies", "source", "words"),
    [
        ([{"status": 404}], "Yahoo", ("status", "HTTP 404")),
        ([{"status": 500}], "Yahoo", ("status", "HTTP 500")),
        (
            [{"status": 401, "body": '{"finance": {"error": {"description": "Invalid Crumb"}}}'}],
            "Yahoo",
            ("status", "HTTP 401", "Invalid Crumb"),
        ),
        ([{"body": "<html>Will be right back</html>"}], "Yahoo", ("kind",)),
        ([{"body": '{"optionChain": {"result": [{"exp', "cut": True}], "Yahoo", ("content",)),
        (
            [{"body": '{"optionChain": {"result": [], "error": null}}'}],
            "Yahoo options of IWM",
            ("expiration", "`symbol`"),
        ),
        (
            [{"body": '{"optionChain": {"result": [{"surprise": 1}]}}'}],
            "Yahoo options of IWM",
            ("answer", "expirationDates"),
        ),
    ],
)
def test_answers_that_are_no_chain(session, live_server, answer, replies, source, words):
    live_server.serve(OPTIONS, *(answer(**reply) for reply in replies))
    with refused_data(source, *words):
        yahoo_chain("IWM", session, at=AT)


def test_one_failing_expiration_fails_the_chain(session, chain_server, answer):
    stamp = int(pd.Timestamp("2026-04-02", tz="UTC").timestamp())
    chain_server.serve(f"{OPTIONS}?date={stamp}", answer(status=500))
    assert "HTTP 500" in failure(session)


def test_a_night_of_zeros_is_named(session, live_server, answer, yahoo_bodies, made_quotes):
    for path, body in yahoo_bodies(made_quotes().assign(bid=0.0, ask=0.0)).items():
        live_server.serve(path, answer(body))
    assert shows(failure(session), "in 100.0%")


def test_an_answer_for_another_symbol_is_refused(session, live_server, answer, yahoo_bodies, made_quotes):
    for path, body in yahoo_bodies(made_quotes()).items():
        live_server.serve(path.replace("IWM", "SPY"), answer(body))
    assert shows(failure(session, "SPY"), "with IWM", "answered")


def test_no_crumb_is_no_obstacle(session, chain_server, answer):
    chain_server.serve("/v1/test/getcrumb", answer("Too Many Requests", status=429))
    assert yahoo_chain("IWM", session, at=AT).symbol == "IWM"


@pytest.mark.market_data
class TestRealBodies:
    def serve(self, market_data, live_server, answer, name, path):
        live_server.serve(path, answer((market_data / "yahoo_raw" / name).read_bytes()))

    @pytest.mark.parametrize(("symbol", "day"), [("QQQ", date(2025, 2, 24)), ("AAPL", date(2025, 2, 28))])
    def test_before_the_open_yahoo_quotes_zeros(self, market_data, session, live_server, answer, symbol, day):
        self.serve(market_data, live_server, answer, f"options-{symbol}.json", f"/v7/finance/options/{symbol}")
        with refused_data(f"Yahoo options of {symbol}", "quotes"):
            yahoo_chain(symbol, session, expirations=(day, day))

    def test_a_currency_has_no_options(self, market_data, session, live_server, answer):
        self.serve(market_data, live_server, answer, "options-EURUSD_X.json", "/v7/finance/options/EURUSD=X")
        with refused_data("Yahoo options of EURUSD=X", "expiration"):
            yahoo_chain("EURUSD=X", session, at=AT)

    def test_a_date_that_is_not_listed_is_empty(self, market_data, session, live_server, answer):
        self.serve(market_data, live_server, answer, "options-AAPL-expire-2022-03-01.json", "/v7/finance/options/AAPL")
        with refused_data("Yahoo options of AAPL", "rows"):
            yahoo_chain("AAPL", session, expirations=(date(2025, 2, 28), date(2025, 2, 28)))

    def test_bars_and_dividends(self, market_data, session, live_server, answer):
        name = "chart-MSFT-dividends-2021-02-01-to-2022-01-31.json"
        self.serve(market_data, live_server, answer, name, "/v8/finance/chart/MSFT")
        bars = yahoo_bars("MSFT", session, date(2021, 2, 1))
        body = json.loads((market_data / "yahoo_raw" / name).read_text())["chart"]["result"][0]
        assert len(bars) == len(body["timestamp"])
        np.testing.assert_allclose(bars["close"], body["indicators"]["quote"][0]["close"])
        paid = sorted(event["amount"] for event in body["events"]["dividends"].values())
        assert sorted(yahoo_dividends(bars)["amount"]) == paid
        assert bars.index.is_normalized
        assert bars.index.tz is None

    @pytest.mark.parametrize(
        ("name", "symbol", "start"),
        [
            ("chart-AAPL-2020-08-31-to-2020-11-07.json", "AAPL", date(2020, 8, 31)),  # a split and a dividend
            ("chart-NVDA-split-2021-02-01-to-2022-01-31.json", "NVDA", date(2021, 2, 1)),
            ("chart-QQQ-2020-01-01-to-2020-01-03.json", "QQQ", date(2020, 1, 1)),  # one bar, no events at all
        ],
    )
    def test_bars_of_other_bodies(self, market_data, session, live_server, answer, name, symbol, start):
        self.serve(market_data, live_server, answer, name, f"/v8/finance/chart/{symbol}")
        bars = yahoo_bars(symbol, session, start)
        body = json.loads((market_data / "yahoo_raw" / name).read_text())["chart"]["result"][0]
        for column in ("open", "high", "low", "close", "volume"):
            np.testing.assert_allclose(bars[column], body["indicators"]["quote"][0][column])
        np.testing.assert_allclose(bars["adjusted_close"], body["indicators"]["adjclose"][0]["adjclose"])
        paid = body.get("events", {}).get("dividends", {})
        assert yahoo_dividends(bars)["amount"].tolist() == [event["amount"] for event in paid.values()]
        stamps = pd.to_datetime(body["timestamp"], unit="s", utc=True).tz_convert("America/New_York")
        assert bars.index.tolist() == stamps.tz_localize(None).normalize().tolist()

    def test_a_symbol_with_hardly_any_options(self, market_data, session, live_server, answer):
        self.serve(market_data, live_server, answer, "options-EPAC.json", "/v7/finance/options/EPAC")
        with refused_data("Yahoo options of EPAC", "right", "1"):
            yahoo_chain("EPAC", session, expirations=(date(2025, 3, 21), date(2025, 3, 21)))

    def test_a_weekend_of_minutes_is_empty(self, market_data, session, live_server, answer):
        name = "chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m.json"
        self.serve(market_data, live_server, answer, name, "/v8/finance/chart/AAPL")
        with refused_data("Yahoo bars of AAPL", "answer", "Yahoo", "AAPL"):
            yahoo_bars("AAPL", session, date(2025, 2, 1), "1m")

    def test_a_real_chain_of_iwm_survives_the_way(self, market_data, session, live_server, answer, yahoo_bodies):
        sent = load_chain(market_data / "options" / "raw_cboe_IWM_20260626T181802Z.json.gz")
        for path, body in yahoo_bodies(sent.quotes).items():
            live_server.serve(path, answer(body))
        chain = yahoo_chain("IWM", session)
        assert len(chain.quotes) == len(sent.quotes)
        np.testing.assert_array_equal(chain.quotes["bid"], sent.quotes["bid"])
