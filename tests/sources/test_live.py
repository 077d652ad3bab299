"""Live sources as a market, over loopback: what falls back and what never does."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from iwm_opts.errors import InputError
from iwm_opts.io.archive import open_record
from iwm_opts.io.archive_series import merge_series
from iwm_opts.io.cboe import cboe_index, cboe_session
from iwm_opts.sources.live import first_answer
from iwm_opts.sources.registry import open_source
from iwm_opts.sources.source import DayRequest
from tests.refusals import refused, refused_data, shows

NOW = datetime(2026, 3, 2, 16, 5, tzinfo=ZoneInfo("America/New_York"))
CBOE = "/api/global/delayed_quotes/options/IWM.json"
RVX = "/api/global/us_indices/daily_prices/RVX_History.csv"


@pytest.fixture(autouse=True)
def at_the_close(monkeypatch, tmp_path, set_clock):
    set_clock(NOW)
    monkeypatch.setattr("iwm_opts.io.http.BACKOFF", 0.01)
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path / "record"))


@pytest.fixture
def yahoo(live_server, answer, yahoo_bodies, made_quotes):
    for path, body in yahoo_bodies(made_quotes()).items():
        live_server.serve(path, answer(body))
    return live_server


@pytest.fixture
def cboe(live_server, answer, cboe_body, made_quotes):
    live_server.serve(CBOE, answer(cboe_body(made_quotes(), "2026-03-02 21:10:00")))
    days = pd.bdate_range(end="2026-02-27", periods=300)
    rows = "".join(f"{day:%m/%d/%Y},20,21,19,{20 + place % 5}\n" for place, day in enumerate(days))
    live_server.serve(RVX, answer("DATE,OPEN,HIGH,LOW,CLOSE\n" + rows))
    return live_server


def test_a_named_source_gives_its_chain_and_an_index_to_rank_in(cboe):
    market = open_source("cboe").on_day(DayRequest())
    assert shows(market.chain.source, "Cboe", "IWM")
    assert not market.chain.simulated
    assert market.history.proxy
    assert market.history.series == "RVX"
    assert "proxy for IWM's own IV10, from Cboe" in market.history.note
    assert 0.19 < market.history.closes.iloc[-1] < 0.25


def test_yahoo_without_an_index_says_so(yahoo):
    market = open_source("yahoo").on_day(DayRequest())
    assert shows(market.chain.source, "Yahoo", "IWM")
    assert market.history is None
    assert any(shows(told, "no RVX") for told in market.warnings)
    assert any("no dividends" in told for told in market.warnings)


def test_an_index_fetched_before_stands_in_where_the_source_has_none(yahoo, cboe, answer):
    record = open_record()
    merge_series(record, "indices", "RVX", cboe_index("RVX", cboe_session()))
    market = open_source("yahoo").on_day(DayRequest())
    assert market.history.series == "RVX"
    assert shows(market.warnings, "fetched")


def test_auto_takes_yahoo_first_then_cboe(yahoo, cboe, answer):
    assert open_source("auto").on_day(DayRequest()).chain.source.startswith("Yahoo")
    yahoo.serve("/v7/finance/options/IWM", answer(status=404))
    assert open_source("auto").on_day(DayRequest()).chain.source.startswith("Cboe")


def test_auto_ends_at_the_simulated_market_with_every_reason(live_server, answer):
    live_server.serve(CBOE, answer("<html>"))
    market = open_source("auto").on_day(DayRequest())
    assert market.chain.simulated
    told = " ".join(market.warnings)
    assert shows(told, "Yahoo: HTTP 404")
    assert shows(told, "Cboe: a web page")
    assert shows(told, "simulated")


@pytest.mark.parametrize("source", ["Yahoo", "Cboe"])
def test_a_named_source_never_falls_back(live_server, source):
    with refused_data(source, "status", "HTTP 404"):
        open_source(source.lower()).on_day(DayRequest())


def test_auto_cannot_simulate_another_symbol(live_server):
    with refused_data("no live source", "", "Yahoo", "Cboe"):
        open_source("auto").on_day(DayRequest(symbol="SPY"))


def test_live_is_the_present(cboe):
    with refused_data("Cboe", "quote_date", "2026-02-27", "`source` record"):
        open_source("cboe").on_day(DayRequest(as_of=date(2026, 2, 27)))
    with refused("session", "10:00"):
        open_source("cboe").on_day(DayRequest(session="10:00"))
    assert open_source("cboe").on_day(DayRequest(as_of=NOW.date())).chain.as_of == NOW.date()
    market = open_source("auto").on_day(DayRequest(as_of=NOW.date() - timedelta(days=3)))
    assert market.chain.simulated
    assert not cboe.asked or all("2026-02" not in path for path in cboe.asked)


def test_an_error_of_use_is_no_reason_to_fall_back():
    def ask(name: str) -> None:
        raise InputError("spot", -1.0, "must be positive")

    with pytest.raises(InputError):
        first_answer("auto", ask)
