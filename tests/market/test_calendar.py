"""Sessions and hours from the exchange's published calendars of 2025 and 2026."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import (
    HALF_HOURS,
    NEW_YORK,
    OVERNIGHT_VARIANCE,
    clocks,
    effective_days,
    effective_days_per_year,
    expiry_moment,
    is_session,
    latest_session,
    next_session,
    session_hours,
    sessions,
    sessions_left,
    years_to_expiry,
)
from tests.refusals import refused

FRIDAY_NOON = datetime(2026, 6, 26, 12, tzinfo=NEW_YORK)


def test_holidays_and_weekends_are_no_sessions():
    assert not is_session(date(2026, 6, 19))  # Juneteenth
    assert not is_session(date(2026, 6, 27))
    assert is_session(date(2026, 6, 26))
    assert latest_session(date(2026, 6, 21)) == date(2026, 6, 18)
    assert next_session(date(2026, 7, 2)) == date(2026, 7, 6)  # the 3rd is the observed holiday
    assert len(sessions(date(2025, 1, 1), date(2025, 12, 31))) == 250  # with the day of mourning of 9 January


def test_half_days_close_at_one():
    assert session_hours(date(2026, 11, 27))[1].hour == 13
    assert session_hours(date(2026, 11, 25))[1].hour == 16
    with refused("date", "2026-06-19", "2026-06-18"):
        session_hours(date(2026, 6, 19))


def test_expirations_off_session_end_with_the_session_before():
    assert expiry_moment(date(2016, 12, 17)) == datetime(2016, 12, 16, 16, tzinfo=NEW_YORK)  # a Saturday monthly
    assert expiry_moment(date(2026, 11, 27)) == datetime(2026, 11, 27, 13, tzinfo=NEW_YORK)


def test_years_count_real_time_over_the_change_of_clocks():
    winter = datetime(2026, 3, 6, 16, tzinfo=NEW_YORK)
    years = years_to_expiry(winter, [date(2026, 3, 9)])
    assert years[0] == pytest.approx((3 - 1 / 24) / 365)
    assert years_to_expiry(FRIDAY_NOON, [date(2026, 6, 26)])[0] == pytest.approx(4 / 24 / 365)
    assert years_to_expiry(FRIDAY_NOON, [date(2026, 6, 25)])[0] < 0


def test_sessions_left_counts_today_until_its_close():
    days = [date(2026, 6, 26), date(2026, 6, 29), date(2026, 7, 6)]
    assert sessions_left(FRIDAY_NOON, days).tolist() == [1, 2, 6]
    assert sessions_left(FRIDAY_NOON.replace(hour=16), days).tolist() == [0, 1, 5]
    assert sessions_left(FRIDAY_NOON, []).tolist() == []


def test_the_effective_clock_weighs_closed_days():
    close = datetime(2026, 6, 26, 16, tzinfo=NEW_YORK)
    # Saturday and Sunday at 0.3, Monday 1: from Friday's close to Monday's 1.6, to Tuesday's 2.6.
    assert effective_days(close, [date(2026, 6, 29), date(2026, 6, 30)]) == pytest.approx([1.6, 2.6])
    week = close + timedelta(days=7)
    assert effective_days(close, [date(2026, 7, 6)], 1.0)[0] == pytest.approx((week - close).days + 3)
    assert effective_days(close, [date(2026, 6, 29)], 0.0) == pytest.approx([1.0])
    assert effective_days_per_year(0.3) == pytest.approx(252 + 113 * 0.3)
    with pytest.raises(InputError):
        effective_days(close, [date(2026, 6, 29)], 1.5)


@pytest.mark.parametrize("day", [date(1999, 1, 1), date(1999, 1, 4), date(2000, 1, 3)])
def test_the_calendar_reaches_back_to_1999(day):
    assert isinstance(is_session(day), bool)
    assert np.datetime64("2000-01-03") in sessions(day, date(2000, 1, 10))


def test_before_the_calendar_is_refused():
    with refused("date", "1992-12-31"):
        is_session(date(1992, 12, 31))


@pytest.mark.parametrize(
    ("hour", "minute", "left"),
    [
        # Friday 2026-06-26, its own expiration: 0.72 of the session's half-hours that are left (they sum to 1).
        (9, 30, 0.72),
        (10, 0, 0.72 * (1 - 0.158)),
        (14, 10, 0.72 * (0.052 * 2 / 3 + 0.047 + 0.045 + 0.153)),  # a fifth, not 110 minutes of 24 hours: 0.076
        (15, 30, 0.72 * 0.153),
        (16, 0, 0.0),
        (0, 45, 1 - 0.28 * 0.5),  # half of the way from 16:00 to 9:30
    ],
)
def test_variance_within_the_day(hour, minute, left):
    moment = datetime(2026, 6, 26, hour, minute, tzinfo=NEW_YORK)
    expirations = [date(2026, 6, 26), date(2026, 6, 29), date(2026, 7, 31)]
    own, monday, far = effective_days(moment, expirations)
    assert own == pytest.approx(left, abs=1e-9)
    assert monday == pytest.approx(left + 0.6 + 1, abs=1e-9)
    assert far == pytest.approx(left + 34 + 1 - 0.7 * 11, abs=1e-9)  # ten days of weekends, Friday 3 July
    even = (datetime(2026, 6, 26, 16, tzinfo=NEW_YORK) - moment).total_seconds() / 86_400
    assert effective_days(moment, expirations, 1.0)[0] == pytest.approx(even)
    place, ordinals = np.zeros(3, dtype=np.int64), np.array([day.toordinal() for day in expirations])
    assert clocks([moment], place, ordinals)[1] == pytest.approx([own, monday, far])


def test_clocks_read_moments_of_another_zone_as_the_same_instants():
    moments = [datetime(2026, 6, 26, hour, tzinfo=NEW_YORK) for hour in (12, 16, 23)]
    place, expirations = np.arange(3), np.full(3, date(2026, 7, 10).toordinal())
    here = clocks(moments, place, expirations)
    for zone in (UTC, timezone(timedelta(hours=9))):
        there = clocks([moment.astimezone(zone) for moment in moments], place, expirations)
        np.testing.assert_array_equal(there, here)
    assert here[2].tolist() == [10, 9, 9]  # 3 July is a holiday


def test_half_days_spread_the_session_over_their_hours():
    # 2025-11-28 closes at 13:00, 21 of 24 hours after Thursday's 16:00: half of its 210 minutes are half of thirteen
    # half-hours.
    moment = datetime(2025, 11, 28, 11, 15, tzinfo=NEW_YORK)
    left, monday = effective_days(moment, [date(2025, 11, 28), date(2025, 12, 1)])
    passing = 0.72 * (0.061 / 2 + 0.044 + 0.035 + 0.052 + 0.047 + 0.045 + 0.153)
    assert left == pytest.approx(21 / 24 * passing, abs=1e-9)
    assert monday == pytest.approx(left + 3 / 24 + 0.6 + 1, abs=1e-9)
    close = moment.replace(hour=13, minute=0)
    assert effective_days(close, [date(2025, 12, 1)]) == pytest.approx([3 / 24 + 0.6 + 1], abs=1e-12)


@pytest.mark.parametrize(("hour", "minute"), [(9, 30), (10, 0), (14, 10), (15, 59), (16, 0), (20, 0)])
def test_each_session_between_expirations_counts_one(hour, minute):
    # Monday 2026-06-22: an expiration a day up to Thursday of the week after, 3 July closed. Two clocks of which one
    # ended at three days gave Wednesday to Thursday 0.644 at 10:00.
    moment = datetime(2026, 6, 22, hour, minute, tzinfo=NEW_YORK)
    days = [date(2026, 6, day) for day in (22, 23, 24, 25, 26, 29, 30)] + [date(2026, 7, day) for day in (1, 2, 6)]
    steps = np.diff(effective_days(moment, days))
    assert steps == pytest.approx([1, 1, 1, 1, 1.6, 1, 1, 1, 1.9], abs=1e-12)
    place, ordinals = np.zeros(len(days), dtype=np.int64), np.array([day.toordinal() for day in days])
    assert np.diff(clocks([moment], place, ordinals)[1]) == pytest.approx(steps, abs=1e-12)


def test_the_clock_runs_on_through_half_days():
    # Every quarter of an hour from Wednesday 2025-11-26 to Monday, past Thanksgiving and a close at 13:00.
    start = datetime(2025, 11, 26, 9, 30, tzinfo=NEW_YORK)
    left = np.array([effective_days(start + timedelta(minutes=15 * i), [date(2025, 12, 8)])[0] for i in range(500)])
    steps = -np.diff(left)
    assert steps.min() > 0.0
    assert steps.max() < 0.72 * 0.158


@pytest.mark.market_data
def test_the_profile_is_measured_again(market_data, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "examples")
    import intraday_variance

    assert intraday_variance.overnight(market_data) == pytest.approx(OVERNIGHT_VARIANCE, abs=0.005)
    assert intraday_variance.half_hours(market_data) == pytest.approx(HALF_HOURS, abs=6e-4)


def test_the_effective_clock_does_not_know_summer_time():
    # Thursday to the Friday of the week after: 6 sessions, and a weekend that is an hour longer.
    moment = datetime(2023, 11, 2, 16, tzinfo=NEW_YORK)
    assert effective_days(moment, [date(2023, 11, 10)], 0.3) == pytest.approx([6.6], abs=1e-12)
    moment = datetime(2024, 3, 7, 16, tzinfo=NEW_YORK)
    assert effective_days(moment, [date(2024, 3, 15)], 0.3) == pytest.approx([6.6], abs=1e-12)
