import os
import time
from datetime import date
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.archive_series import (
    is_restated,
    merge_series,
    read_series,
    recorded_dividends,
    recorded_index,
    series_path,
)
from iwm_opts.io.atomic import UNFINISHED
from iwm_opts.io.bars import load_bars
from iwm_opts.io.fetching import Fetcher
from iwm_opts.io.yahoo import yahoo_bars, yahoo_session
from tests.refusals import refused_data

RVX = "/api/global/us_indices/daily_prices/RVX_History.csv"


@pytest.fixture
def record(tmp_path):
    return ChainArchive(tmp_path)


def bars(first, closes):
    index = pd.DatetimeIndex(pd.bdate_range(first, periods=len(closes)), name="date")
    close = np.array(closes, dtype=float)
    return pd.DataFrame({"open": close, "high": close + 0.1, "low": close - 0.1, "close": close}, index=index)


def test_new_rows_go_over_old_ones_and_beside_them(record):
    assert merge_series(record, "bars", "IWM", bars("2026-03-02", [1.5, 1.6]))[0] == 2
    added, merged = merge_series(record, "bars", "IWM", bars("2026-03-03", [1.65, 1.7]))
    assert added == 1
    assert merged["close"].tolist() == [1.5, 1.65, 1.7]
    pd.testing.assert_frame_equal(read_series(record, "bars", "IWM"), merged, check_freq=False)
    assert load_bars(series_path(record, "bars", "IWM"))["close"].tolist() == [1.5, 1.65, 1.7]


def test_prices_of_before_a_split_are_seen_through():
    old = bars("2026-03-02", [200.0, 202.0])
    assert is_restated(old, bars("2026-03-03", [101.0, 102.0]))
    assert not is_restated(old, bars("2026-03-03", [202.0, 203.0]))
    assert not is_restated(old, bars("2026-04-03", [101.0]))


@pytest.mark.parametrize("content", [b"", b"\x92\xff\x00,\x01\n", b"date,close\n2026-03-02,1\n2026-03-03,1,2,3\n"])
def test_a_damaged_series_is_named_and_set_aside(record, content):
    for kind, name in (("bars", "IWM"), ("indices", "RVX"), ("dividends", "IWM")):
        path = series_path(record, kind, name)
        path.parent.mkdir()
        path.write_bytes(content)
    assert read_series(record, "bars", "IWM") is None
    assert recorded_index(record, "RVX", "IWM", 10) is None
    assert recorded_dividends(record, "IWM") is None
    for line, place in zip(record.set_aside, ("bars/IWM.csv", "indices/RVX.csv", "dividends/IWM.csv"), strict=True):
        assert line.startswith(f"{record.folder / place} is damaged: it cannot be read")
        assert (record.folder / "damaged" / place).read_bytes() == content
    assert merge_series(record, "bars", "IWM", bars("2026-03-02", [1.0]))[0] == 1  # the next fetch starts anew


class TestFetching:
    def test_bars_bring_their_dividends_and_grow(self, record, live_server, answer, chart_body):
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", bars("2024-03-04", [200.0, 201.0, 202.0]))))
        got = Fetcher(record, "yahoo").bars("IWM")
        assert [(one.kind, one.added, one.last) for one in got] == [
            ("bars", 3, "2024-03-06"),
            ("dividends", 1, "2024-03-05"),
        ]
        assert recorded_dividends(record, "IWM").dividends[0].amount == 0.62
        longer = bars("2024-03-05", [201.0, 202.0, 203.0])
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", longer)))
        live_server.asked.clear()
        assert Fetcher(record, "yahoo").bars("IWM")[0].added == 1
        start = int(pd.Timestamp("2024-02-21", tz="America/New_York").timestamp())  # two weeks before the last bar
        assert any(f"period1={start}" in path for path in live_server.asked)

    def test_restated_bars_are_fetched_whole(self, record, live_server, answer, chart_body):
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", bars("2024-03-04", [200.0, 202.0]))))
        Fetcher(record, "yahoo").bars("IWM")
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", bars("2024-03-04", [100.0, 101.0, 102.0]))))
        Fetcher(record, "yahoo").bars("IWM")
        assert read_series(record, "bars", "IWM")["close"].tolist() == [100.0, 101.0, 102.0]

    def test_cboe_stands_in_for_an_index_that_yahoo_lacks(self, record, live_server, answer):
        live_server.serve(RVX, answer("DATE,OPEN,HIGH,LOW,CLOSE\n06/03/2025,24,25,23,24\n06/04/2025,24,25,23,23\n"))
        got = Fetcher(record, "auto").index("RVX")
        assert (got.source, got.rows, got.error) == ("Cboe", 2, "")
        history = recorded_index(record, "RVX", "IWM", 10)
        assert history.proxy
        assert history.closes.tolist() == [0.24, 0.23]

    def test_what_fails_is_said_and_harms_nothing(self, record, live_server):
        merge_series(record, "indices", "IRX", bars("2026-03-02", [3.6]))
        got = Fetcher(record, "auto").index("IRX")
        assert "Yahoo" in got.error
        assert "Cboe: has no IRX" in got.error
        assert len(read_series(record, "indices", "IRX")) == 1
        assert Fetcher(record, "cboe").bars("IWM")[0].error.startswith("Cboe: has no bars")

    def test_bars_of_minutes_lie_beside_the_daily_ones(self, record, live_server, answer, chart_body):
        times = pd.DatetimeIndex(pd.date_range("2026-03-02 09:30", periods=4, freq="5min"))
        table = bars("2026-03-02", [200.0, 200.5, 201.0, 200.8]).set_axis(times)
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", table, "5m")))
        (got,) = Fetcher(record, "yahoo").bars("IWM", "5m")
        assert not got.error
        assert (got.kind, got.name, got.added, got.last) == ("bars", "IWM_5m", 4, "2026-03-02 09:45:00")
        assert any("interval=5m" in path for path in live_server.asked)
        found = read_series(record, "bars", "IWM_5m")
        assert found.index.tolist() == times.tolist()
        assert found["close"].tolist() == table["close"].tolist()
        assert read_series(record, "bars", "IWM") is None

    @pytest.mark.parametrize(("interval", "days"), [("1m", 7), ("5m", 59), ("1h", 729)])
    @pytest.mark.parametrize("start", [None, date(2001, 1, 1)])
    def test_no_minute_is_asked_for_that_yahoo_no_longer_has(
        self, live_server, answer, chart_body, interval, days, start
    ):
        """Asked for more than 8 days of minutes (yfinance: 691,200 s) Yahoo answers with 422 and no bars at all."""
        times = pd.DatetimeIndex(pd.date_range("2026-03-02 09:30", periods=4, freq="5min"))
        table = bars("2026-03-02", [200.0, 200.5, 201.0, 200.8]).set_axis(times)
        live_server.serve("/v8/finance/chart/IWM", answer(chart_body("IWM", table, interval)))
        with yahoo_session() as session:
            yahoo_bars("IWM", session, start, interval)
        asked = parse_qs(urlsplit(next(path for path in live_server.asked if f"interval={interval}" in path)).query)
        reach = time.time() - float(asked["period1"][0])
        assert (days - 1) * 86_400 < reach < (days + 1) * 86_400

    def test_a_bar_without_a_close_is_no_bar(self, live_server, answer, chart_body):
        table = bars("2026-03-02", [200.0, 201.0]).assign(close=[float("nan")] * 2)
        body = chart_body("IWM", table).replace("NaN", "null")
        live_server.serve("/v8/finance/chart/IWM", answer(body))
        with yahoo_session() as session, refused_data("Yahoo bars of IWM", "close"):
            yahoo_bars("IWM", session, date(2026, 3, 2))


def test_leftovers_of_killed_writers_go_once_they_are_old(tmp_path):
    record = ChainArchive(tmp_path)
    days = pd.DatetimeIndex(["2026-03-02"], name="date")
    old, new = (tmp_path / "bars" / f".{name}{UNFINISHED}" for name in ("old", "new"))
    old.parent.mkdir()
    for leftover in (old, new):
        leftover.write_bytes(b"date,cl")
    os.utime(old, (0.0, 0.0))
    merge_series(record, "bars", "IWM", pd.DataFrame({"close": [1.0]}, index=days))
    assert not old.exists()
    assert new.exists()
