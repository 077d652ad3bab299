import time

import pytest
from curl_cffi.requests.exceptions import Timeout

from iwm_opts.errors import DataError
from iwm_opts.io.http import LiveSession
from tests.refusals import refused_data, shows


@pytest.fixture
def session(live_server):
    with LiveSession("Somewhere", live_server.url, timeout=0.5, patience=0.5, backoff=0.01) as session:
        yield session


def failure(session, path="/data.json"):
    with pytest.raises(DataError) as error:
        session.get(f"https://example.invalid{path}")
    return str(error.value)


def test_the_base_address_takes_the_place_of_any_host(session, live_server, answer):
    live_server.serve("/data.json", answer('{"a": 1}'))
    assert session.get("https://example.invalid/data.json?x=1").json() == {"a": 1}
    assert live_server.asked == ["/data.json?x=1"]


def test_a_busy_source_is_asked_again(session, live_server, answer):
    live_server.serve("/data.json", answer(status=429), answer(status=503), answer("{}"))
    assert session.get("https://example.invalid/data.json").json() == {}
    assert len(live_server.asked) == 3


@pytest.mark.parametrize(
    ("status", "requests", "words"),
    [
        (404, 1, "Check `symbol`"),
        (429, 3, "wait some minutes"),
        (500, 3, "Try again later"),
        (403, 1, "turns this machine away"),
    ],
)
def test_status_errors_name_status_path_and_remedy(session, live_server, answer, status, requests, words):
    live_server.serve("/data.json", answer('{"chart": {"error": {"description": "No data found"}}}', status))
    told = failure(session)
    assert shows(told, f"HTTP {status} for /data.json")
    assert words in told
    assert len(live_server.asked) == requests


def test_a_pause_too_long_to_sit_out_is_a_refusal(session, live_server, answer):
    live_server.serve("/data.json", answer(status=429, headers=(("Retry-After", "60"),)))
    assert "HTTP 429" in failure(session)
    assert len(live_server.asked) == 1


def test_silence_is_waited_out_once(session, live_server, answer):
    live_server.serve("/data.json", answer("{}", delay=3.0))
    begin = time.monotonic()
    assert shows(failure(session), "no answer", "/data.json")
    assert shows(failure(session), "0.5 s", "answer")
    assert time.monotonic() - begin < 2.5  # a hung server would take 3 s a request; not a measure of speed


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty answer"),
        (b"  <!doctype html><html>Will be right back</html>", "a web page in place of data"),
        (b'{"a": [1, 2', "incomplete JSON"),
    ],
)
def test_bodies_that_are_no_data(session, live_server, answer, body, words):
    live_server.serve("/data.json", answer(body))
    assert words in failure(session)


def test_an_answer_cut_in_the_middle_is_asked_for_again(session, live_server, answer):
    live_server.serve("/data.json", answer("{}"), answer('{"a": 1', cut=True), answer('{"a": 1}'))
    session.get("https://example.invalid/data.json")
    assert session.get("https://example.invalid/data.json").json() == {"a": 1}
    live_server.serve("/data.json", answer('{"a": 1', cut=True))
    assert "/data.json" in failure(session)


def test_nobody_there():
    with LiveSession("Somewhere", "http://127.0.0.1:9", backoff=0.01) as session:
        assert shows(failure(session), "reached", "/data.json")


def test_an_unknown_name():
    with LiveSession("Somewhere", backoff=0.01) as session:
        assert "`source` PATH" in failure(session)


@pytest.mark.parametrize("cookie_page", ["/", "/v1/test/getcrumb"])
def test_cookies_are_no_answer(live_server, answer, cookie_page):
    """Yahoo's cookie pages may answer while its data hangs: nobody waits three time-outs for that."""
    live_server.serve("/v7/data", answer("{}", delay=9.0))
    begin = time.monotonic()
    with LiveSession("Somewhere", live_server.url, data_paths=("/v7/",), patience=0.3, backoff=0.01) as session:
        session.get(f"https://example.invalid{cookie_page}")
        assert shows(failure(session, "/v7/data"), "time (/v7/data)")
        assert shows(failure(session, "/v7/data"), "1.3 s", "answer")
    assert time.monotonic() - begin < 5.0  # three time-outs would be 30 s; not a measure of speed
    assert sum(path == "/v7/data" for path in live_server.asked) == 1
    with LiveSession("Next", live_server.url) as following:
        assert not following.is_hurried  # cookies came: the network is there


def test_a_cookie_page_that_hangs_leaves_time_for_the_data(live_server, answer):
    live_server.serve("/cookie", answer("cookies", delay=9.0))
    live_server.serve("/v7/data", answer("{}"))
    with LiveSession("Somewhere", live_server.url, data_paths=("/v7/",), patience=1.0) as session:
        with pytest.raises(Timeout):  # yfinance goes on without
            session.get("https://example.invalid/cookie")
        assert session.get("https://example.invalid/v7/data").json() == {}


def test_a_source_that_falls_silent_in_the_middle_is_asked_once_more(live_server, answer):
    live_server.serve("/data.json", answer("{}"), answer("{}", delay=9.0))
    with LiveSession("Somewhere", live_server.url, timeout=0.2, backoff=0.01) as session:
        session.get("https://example.invalid/data.json")
        assert shows(failure(session), "no answer", "/data.json")
        assert "kept silent 2 times" in failure(session)
    assert len(live_server.asked) == 3


def test_a_request_that_stalls_ends_before_its_time_is_up(live_server, answer):
    live_server.serve("/data.json", answer("{}"), answer("{}", delay=9.0), answer("{}"))
    begin = time.monotonic()
    with LiveSession("Somewhere", live_server.url, timeout=60.0, backoff=0.01) as session:
        session.get("https://example.invalid/data.json")
        assert session.get("https://example.invalid/data.json").json() == {}
    assert time.monotonic() - begin < 8.0  # the answer comes after 9 s


def test_an_address_without_a_path_is_named_by_its_host():
    told = refused_data("Somewhere", "time", "0")
    with LiveSession("Somewhere", data_paths=("/v7/",), deadline=0.0) as session, told:
        session.get("https://fc.example.invalid")


def test_a_source_that_never_ends_is_given_up(live_server, answer):
    live_server.serve("/data.json", answer("{}"))
    with LiveSession("Somewhere", live_server.url, deadline=0.0) as session:
        assert shows(failure(session), "0 s")


def test_the_first_refusal_is_left_to_who_can_renew_the_cookie(live_server, answer):
    live_server.serve("/data.json", answer("{}", status=401))
    with LiveSession("Somewhere", live_server.url, renewable=True) as session:
        assert session.get("https://example.invalid/data.json").status_code == 401
        assert "HTTP 401" in failure(session)


def test_what_carries_no_data_is_not_judged(live_server, answer):
    live_server.serve("/cookie", answer("<html>", status=404))
    with LiveSession("Somewhere", live_server.url, data_paths=("/v7/",)) as session:
        assert session.get("https://example.invalid/cookie").status_code == 404


def test_after_a_silent_source_the_next_one_is_given_less_time(live_server, answer):
    live_server.serve("/data.json", answer("{}", delay=0.6), answer("{}"))
    with LiveSession("First", live_server.url, timeout=0.2, patience=0.2) as first:
        assert shows(failure(first), "no answer", "/data.json")
    with LiveSession("Second", live_server.url) as second:
        assert second.is_hurried
        assert second.get("https://example.invalid/data.json").json() == {}
    with LiveSession("Third", live_server.url) as third:
        assert not third.is_hurried
