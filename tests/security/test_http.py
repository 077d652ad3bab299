"""Limits of requests: redirects, bodies, types of content, and where a test address may point."""

import gzip

import pytest

from iwm_opts.errors import DataError
from iwm_opts.io import http
from iwm_opts.io.cboe import cboe_chain
from iwm_opts.io.http import LiveSession
from tests.refusals import refused, refused_data


@pytest.fixture
def session(live_server):
    with LiveSession("Somewhere", live_server.url, timeout=2.0, patience=2.0, backoff=0.01) as session:
        yield session


def failure(session, path="/data.json"):
    with pytest.raises(DataError) as error:
        session.get(f"https://example.invalid{path}")
    return str(error.value)


def test_certificates_are_verified(session):
    assert session.verify is not False


def test_a_redirect_on_the_host_is_followed(session, live_server, answer):
    live_server.serve("/data.json", answer(status=302, headers=(("Location", "/other.json"),)))
    live_server.serve("/other.json", answer('{"a": 1}'))
    assert session.get("https://example.invalid/data.json").json() == {"a": 1}


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:1/data.json", "https://example.com/x", "file:///etc/passwd", "//other/x", "ftp://h/x"]
)
def test_a_redirect_elsewhere_is_refused(session, live_server, answer, target):
    live_server.serve("/data.json", answer(status=302, headers=(("Location", target),)))
    assert "redirects to" in failure(session)


def test_a_circle_of_redirects_ends(session, live_server, answer):
    live_server.serve("/data.json", answer(status=302, headers=(("Location", "/data.json"),)))
    assert "more than 3 redirects" in failure(session)
    assert len(live_server.asked) == 4


@pytest.mark.parametrize(
    ("here", "target", "is_data", "is_allowed"),
    [
        ("https://query1.finance.yahoo.com/v7/x", "https://query1.finance.yahoo.com/v8/x", True, True),
        ("https://query1.finance.yahoo.com/v7/x", "http://query1.finance.yahoo.com/v8/x", True, False),
        ("https://query1.finance.yahoo.com/v7/x", "https://query2.finance.yahoo.com/v8/x", True, False),
        ("https://fc.yahoo.com/", "https://consent.yahoo.com/x", False, True),
        ("https://fc.yahoo.com/", "https://yahoo.com.evil.example/x", False, False),
    ],
)
def test_redirects_of_the_real_hosts(here, target, is_data, is_allowed):
    with LiveSession("Yahoo") as session:
        if is_allowed:
            assert session._followed(here, target, is_data=is_data) == target
        else:
            with refused_data("Yahoo", "redirect"):
                session._followed(here, target, is_data=is_data)


def test_a_body_beyond_the_limit_breaks_off(live_server, answer, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY", 1000)
    live_server.serve("/data.json", answer('{"a": "' + "x" * 100_000 + '"}'))
    with LiveSession("Somewhere", live_server.url, timeout=2.0, patience=2.0, backoff=0.01) as session:
        assert "broke off" in failure(session)


def test_a_packed_body_ends_at_the_limit_of_what_it_unpacks_to(live_server, answer, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY", 1_000_000)
    packed = gzip.compress(b'{"a": "' + b"x" * 50_000_000 + b'"}')
    assert len(packed) < http.MAX_BODY
    live_server.serve("/data.json", answer(packed, headers=(("Content-Encoding", "gzip"),)))
    with LiveSession("Somewhere", live_server.url, timeout=2.0, patience=2.0, backoff=0.01) as session:
        assert "broke off" in failure(session)


def test_html_is_no_data_whatever_it_begins_with(session, live_server, answer):
    live_server.serve("/data.json", answer('{"a": 1}', headers=(("Content-Type", "text/html; charset=utf-8"),)))
    assert "text/html" in failure(session)


@pytest.mark.parametrize(
    "base", ["https://example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "file:///x", "x"]
)
def test_a_test_address_is_of_this_machine(base):
    with refused("base", base):
        LiveSession("Somewhere", base)


@pytest.mark.parametrize("symbol", ["../../x", "a/b", "a?b=c", "a\nb", "a" * 100])
def test_a_symbol_cannot_change_the_address(session, live_server, symbol):
    with refused("symbol", symbol[:40]):
        cboe_chain(symbol, session)
    assert live_server.asked == []
