import gzip
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from iwm_opts.io.cboe import cboe_chain, cboe_index, cboe_session
from tests.refusals import refused_data

OPTIONS = "/api/global/delayed_quotes/options/IWM.json"
HISTORY = "/api/global/us_indices/daily_prices/RVX_History.csv"
AT = datetime(2026, 3, 2, 14, 30, tzinfo=ZoneInfo("America/New_York"))


@pytest.fixture
def session(live_server):
    with cboe_session() as session:
        session.backoff = 0.01
        yield session


def test_a_chain_with_its_time_and_age(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS, answer(cboe_body(made_quotes())))
    chain = cboe_chain("IWM", session, at=AT)
    assert len(chain.quotes) == len(made_quotes())
    assert chain.spot == 200.0
    assert chain.quote_time == datetime(2026, 3, 2, 14, 5, tzinfo=ZoneInfo("America/New_York"))
    assert chain.delay == timedelta(minutes=15)
    said = "25 min old when fetched, 15 min of them the feed's stated delay"
    assert any(said in note for note in chain.quality.notes)
    assert chain.quotes["bid_size"].iloc[0] == 5.0


def test_index_options_go_by_another_name(session, live_server):
    with refused_data("Cboe", "status", "HTTP 404", "_SPX.json"):
        cboe_chain("SPX", session)


@pytest.mark.parametrize(
    ("replies", "source", "words"),
    [
        ([{"status": 404}], "Cboe", ("status", "HTTP 404")),
        (
            [{"status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"}],
            "Cboe",
            ("status", "HTTP 403", "`symbol`"),
        ),
        ([{"status": 500}], "Cboe", ("status", "HTTP 500")),
        ([{"body": "<html></html>"}], "Cboe", ("kind",)),
        ([{"body": '{"data": {"options": []}}'}], "Cboe delayed quotes of IWM", ("answer",)),
        ([{"body": '{"data": {"options": [{"opt', "cut": True}], "Cboe", ("content",)),
    ],
)
def test_answers_that_are_no_chain(session, live_server, answer, replies, source, words):
    live_server.serve(OPTIONS, *(answer(**reply) for reply in replies))
    with refused_data(source, *words):
        cboe_chain("IWM", session)


def test_a_busy_cboe_is_asked_again(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS, answer(status=429), answer(cboe_body(made_quotes())))
    assert cboe_chain("IWM", session, at=AT).symbol == "IWM"


def test_zeros_and_holidays_are_no_market(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS, answer(cboe_body(made_quotes().assign(bid=0.0, ask=0.0))))
    with refused_data("Cboe delayed quotes of IWM", "quotes"):
        cboe_chain("IWM", session)
    live_server.serve(OPTIONS, answer(cboe_body(made_quotes(), "2026-03-07 17:00:00")))  # a Saturday
    with refused_data("Cboe delayed quotes of IWM", "quote_date"):
        cboe_chain("IWM", session)


def test_another_symbol_is_refused(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS.replace("IWM", "SPY"), answer(cboe_body(made_quotes())))
    with refused_data("Cboe delayed quotes of SPY", "symbol", "SPY", "IWM"):
        cboe_chain("SPY", session)


def test_an_index_history(session, live_server, answer):
    live_server.serve(
        HISTORY, answer("DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24.1,25,23.5,24.4\n06/04/2025,24,24.5,23,23.1\n")
    )
    history = cboe_index("RVX", session)
    assert history["close"].tolist() == [24.4, 23.1]
    assert history.index[-1].date() == date(2025, 6, 4)
    for body, source, words in (
        ("nothing", "Cboe RVX history", ("content",)),
        ("DATE,SKEW\n06/03/2025,1\n", "Cboe RVX history", ("close",)),
        ("<html>", "Cboe", ("kind",)),
    ):
        live_server.serve(HISTORY, answer(body))
        with refused_data(source, *words):
            cboe_index("RVX", session)


@pytest.mark.market_data
def test_the_captured_body(market_data, session, live_server, answer):
    packed = (market_data / "options" / "raw_cboe_IWM_20260626T181802Z.json.gz").read_bytes()
    live_server.serve(OPTIONS, answer(gzip.decompress(packed)))
    chain = cboe_chain("IWM", session)
    assert len(chain.quotes) == 4960  # option items in the body
    assert chain.spot == 297.82  # its current_price
    live_server.serve(HISTORY, answer(gzip.decompress((market_data / "vol" / "RVX_History.csv.gz").read_bytes())))
    assert len(cboe_index("RVX", session)) == 3949  # rows in data/README.md
