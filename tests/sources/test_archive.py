"""The record as a market: its own IV once it is long enough, an index until then, never the two spliced."""

import os
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.archive import LOCK, ChainArchive, open_record
from iwm_opts.io.archive_iv import INDEX_FILE, add_with_index, iv_values, recorded_iv_history
from iwm_opts.io.archive_series import merge_series
from iwm_opts.io.atomic import UNFINISHED
from iwm_opts.io.files import load_chain
from iwm_opts.market.capture import make_chain
from iwm_opts.market.iv_index import DEFINITION
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.sources.archive import ArchiveSource
from iwm_opts.sources.on_day import is_long_enough
from iwm_opts.sources.recorded_market import recorded_market
from iwm_opts.sources.source import DayRequest
from tests.refusals import refused, refused_data

EXPIRATIONS = (date(2026, 3, 20), date(2026, 4, 2), date(2026, 4, 17))  # of the made quotes
DAYS = (date(2026, 2, 26), date(2026, 2, 27), date(2026, 3, 2))


def recorded_on_day(symbol, as_of, session, tenor_days, lookback):
    request = DayRequest(symbol=symbol, as_of=as_of, session=session, tenor_days=tenor_days, lookback=lookback)
    return ArchiveSource().on_day(request)


@pytest.fixture
def record(made_quotes, tmp_path, monkeypatch) -> ChainArchive:
    monkeypatch.setenv("IWM_OPTS_DATA", str(tmp_path))
    record = open_record()
    for day in DAYS:
        shift = pd.Timestamp(day) - pd.Timestamp(DAYS[-1])
        quotes = made_quotes()
        moved = quotes.assign(quote_date=day, quote_time=quotes["quote_time"] + shift)
        add_with_index(record, make_chain(moved, symbol="IWM", source="made"))
    return record


def rvx(days=300):
    closes = [20.0 + (place % 7) for place in range(days)]
    index = pd.DatetimeIndex(pd.bdate_range(end="2026-02-27", periods=days), name="date")
    return pd.DataFrame({"close": closes}, index=index)


def test_any_recorded_day_can_be_the_day(record):
    market = recorded_on_day("iwm", DAYS[1], None, 10, 252)
    assert market.chain.as_of == DAYS[1]
    assert recorded_on_day(None, None, None, 10, 252).chain.as_of == DAYS[-1]
    assert recorded_market("IWM").days == DAYS


def test_what_is_not_there_is_named_with_what_is(record):
    with refused_data(
        "local record of IWM", "quote_date", "2026-02-26", "2026-03-02", "`as_of` 2026-02-27", "`as_of` 2026-03-02"
    ):
        recorded_on_day("IWM", date(2026, 2, 28), None, 10, 252)
    with refused_data(f"local record {record.folder}", "symbol", "SPY", "IWM"):
        recorded_on_day("SPY", None, None, 10, 252)
    with refused_data(record.folder, "capture", "16:00"):
        recorded_on_day("IWM", None, "10:00", 10, 252)
    with refused("session", "close", "HH:MM"):
        recorded_on_day("IWM", None, "close", 10, 252)


def test_a_short_record_is_ranked_for_what_it_is(record):
    market = recorded_on_day("IWM", None, None, 30, 252)  # the made chain brackets 30 days, not 10
    assert market.history.series == "IWM IV30"
    assert not market.history.proxy
    assert any("has 2 of 252 sessions" in told and "iwm-opts fetch" in told for told in market.warnings)


def test_a_fetched_index_stands_in_whole(record):
    merge_series(record, "indices", "RVX", rvx())
    market = recorded_on_day("IWM", None, None, 10, 252)
    assert market.history.proxy
    assert market.history.series == "RVX"
    assert len(market.history.closes) == 300
    assert any("RVX" in told and "proxy" in told for told in market.warnings)


def test_the_own_series_takes_over_once_it_is_long_enough(record):
    merge_series(record, "indices", "RVX", rvx())
    market = recorded_on_day("IWM", None, None, 30, 2)  # two sessions are recorded before the day
    assert market.history.series == "IWM IV30"
    assert market.warnings == ()


def test_a_record_that_no_tenor_fits_has_no_history(record):
    assert recorded_on_day("IWM", None, None, 10, 252).history is None


def test_long_enough_is_four_fifths_of_the_sessions_before():
    closes = pd.Series(0.2, index=pd.bdate_range(end="2026-02-27", periods=10), dtype=float)
    history = IvHistory("x", 10, closes, False, "")
    assert is_long_enough(history, date(2026, 3, 2), 10)  # Presidents' Day is no session: 9 of 10
    assert not is_long_enough(history, date(2026, 3, 2), 12)
    assert not is_long_enough(history, date(2020, 1, 2), 10)


class TestOwnIv:
    def test_it_is_the_index_of_each_chain(self, record):
        history = recorded_iv_history(record, "IWM", 30)
        assert [day.date() for day in history.closes.index] == list(DAYS)
        assert history.closes.iloc[-1] == take_snapshot(record.chain("IWM", DAYS[-1])).iv.iv30
        with refused("ivr_tenor", 9, "10", "30"):
            recorded_iv_history(record, "IWM", 9)

    @pytest.mark.parametrize("content", [None, b"", b"\x00\xff broken", b"capture,iv10\na,b\n"])
    def test_a_lost_or_broken_index_is_made_again(self, record, content):
        before = iv_values(record, "IWM")
        path = record.chain_folder("IWM") / INDEX_FILE
        path.unlink() if content is None else path.write_bytes(content)
        pd.testing.assert_frame_equal(iv_values(record, "IWM"), before)
        assert path.read_bytes().startswith(b"capture,iv10")

    @pytest.mark.parametrize("written_by", [None, DEFINITION - 1, DEFINITION + 1])
    def test_an_index_of_another_definition_is_made_again(self, record, written_by):
        """The first files named no definition; a later version may have written another."""
        before = iv_values(record, "IWM")
        path = record.chain_folder("IWM") / INDEX_FILE
        table = pd.read_csv(path)
        old = table.drop(columns="definition") if written_by is None else table.assign(definition=written_by)
        old.assign(iv30=0.5, iv30_calendar=0.5).to_csv(path, index=False)
        pd.testing.assert_frame_equal(iv_values(record, "IWM"), before)
        assert pd.read_csv(path)["definition"].tolist() == [DEFINITION] * len(DAYS)

    def test_rows_of_two_definitions_are_not_spliced(self, record):
        before = iv_values(record, "IWM")
        path = record.chain_folder("IWM") / INDEX_FILE
        table = pd.read_csv(path)
        table.loc[0, ["iv30", "definition"]] = 0.5, DEFINITION - 1
        table.loc[1, "iv30"] = 0.25  # of today's definition: believed
        table.to_csv(path, index=False)
        assert iv_values(record, "IWM")["iv30"].tolist() == [before["iv30"].iloc[0], 0.25, before["iv30"].iloc[2]]

    def test_a_record_that_cannot_be_written_answers_all_the_same(self, record):
        before = iv_values(record, "IWM")
        (record.chain_folder("IWM") / INDEX_FILE).unlink()
        (record.folder / LOCK).unlink(missing_ok=True)
        (record.folder / LOCK).mkdir()  # nobody, root neither, can take the lock, as on a read-only disk
        pd.testing.assert_frame_equal(iv_values(record, "IWM"), before)
        assert not (record.chain_folder("IWM") / INDEX_FILE).exists()

    def test_leftovers_of_killed_writers_go_once_they_are_old(self, record):
        old, new = (record.chain_folder("IWM") / f".{name}{UNFINISHED}" for name in ("old", "new"))
        for leftover in (old, new):
            leftover.write_bytes(b"capture,iv")
        os.utime(old, (0.0, 0.0))
        (record.chain_folder("IWM") / INDEX_FILE).unlink()
        iv_values(record, "IWM")
        assert not old.exists()
        assert new.exists()

    def test_a_chain_recorded_without_its_index_is_added(self, record, made_quotes):
        chain = record.chain("IWM", DAYS[-1])
        record.add(replace(chain, quote_time=chain.quote_time.replace(hour=15)))  # as if killed right after
        assert len(iv_values(record, "IWM")) == 4
        assert len(recorded_iv_history(record, "IWM").closes) == 3

    def test_a_damaged_chain_has_no_iv(self, record):
        (record.chain_folder("IWM") / INDEX_FILE).unlink()
        record.captures("IWM", DAYS[0])[0].path.write_bytes(b"x")
        assert len(recorded_iv_history(record, "IWM").closes) == 2
        assert record.set_aside

    @pytest.mark.parametrize("first", [7, 40])
    def test_few_expirations_far_apart_are_bracketed_too(self, record, made_quotes, first):
        """Expirations at 18, 31 and 46 days, moved: what lies near brackets no 30 days, and the chain is read whole."""
        quotes = made_quotes()
        days = {day: date(2026, 3, 2) + timedelta(days=first + 90 * place) for place, day in enumerate(EXPIRATIONS)}
        moved = quotes.assign(expiration=quotes["expiration"].map(days), quote_date=date(2026, 3, 2), root="XSP")
        chain = make_chain(moved, symbol="XSP", source="made")
        iv = take_snapshot(chain).iv
        _, values = add_with_index(record, chain)
        assert values.tolist() == pytest.approx([iv.iv10, iv.iv30, iv.iv10_calendar, iv.iv30_calendar], nan_ok=True)
        assert np.isfinite(iv.iv30) == (first == 7)

    @pytest.mark.market_data
    def test_a_real_chain_has_the_index_of_its_snapshot(self, market_data, record):
        for file in ("IWM_cboe_full_20260615_20260702.csv.gz", "SPX_cboe_20190425_20190607.csv.gz"):
            chain = load_chain(market_data / "options" / file)
            iv = take_snapshot(chain).iv
            _, values = add_with_index(record, chain)
            assert values.tolist() == [iv.iv10, iv.iv30, iv.iv10_calendar, iv.iv30_calendar]
            assert values.notna().all()
