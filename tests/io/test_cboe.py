import gzip
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.cboe import cboe_chain, cboe_index, cboe_session

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
    with pytest.raises(DataError, match=r"_SPX\.json"):
        cboe_chain("SPX", session)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([{"status": 404}], "HTTP 404"),
        ([{"status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"}], "HTTP 403.*Check `symbol`"),
        ([{"status": 500}], "HTTP 500"),
        ([{"body": "<html></html>"}], "a web page"),
        ([{"body": '{"data": {"options": []}}'}], "is an answer without rows"),
        ([{"body": '{"data": {"options": [{"opt', "cut": True}], "broke off|cannot be had"),
    ],
)
def test_answers_that_are_no_chain(session, live_server, answer, replies, words):
    live_server.serve(OPTIONS, *(answer(**reply) for reply in replies))
    with pytest.raises(DataError, match=words):
        cboe_chain("IWM", session)


def test_a_busy_cboe_is_asked_again(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS, answer(status=429), answer(cboe_body(made_quotes())))
    assert cboe_chain("IWM", session, at=AT).symbol == "IWM"


def test_zeros_and_holidays_are_no_market(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS, answer(cboe_body(made_quotes().assign(bid=0.0, ask=0.0))))
    with pytest.raises(DataError, match="bid and ask are zero"):
        cboe_chain("IWM", session)
    live_server.serve(OPTIONS, answer(cboe_body(made_quotes(), "2026-03-07 17:00:00")))  # a Saturday
    with pytest.raises(DataError, match="when the exchange was closed"):
        cboe_chain("IWM", session)


def test_another_symbol_is_refused(session, live_server, answer, made_quotes, cboe_body):
    live_server.serve(OPTIONS.replace("IWM", "SPY"), answer(cboe_body(made_quotes())))
    with pytest.raises(DataError, match="has no quotes of SPY"):
        cboe_chain("SPY", session)


def test_an_index_history(session, live_server, answer):
    live_server.serve(
        HISTORY, answer("DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24.1,25,23.5,24.4\n06/04/2025,24,24.5,23,23.1\n")
    )
    history = cboe_index("RVX", session)
    assert history["close"].tolist() == [24.4, 23.1]
    assert history.index[-1].date() == date(2025, 6, 4)
    for body, words in (
        ("nothing", "cannot be read"),
        ("DATE,SKEW\n06/03/2025,1\n", "no closes"),
        ("<html>", "web page"),
    ):
        live_server.serve(HISTORY, answer(body))
        with pytest.raises(DataError, match=words):
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
