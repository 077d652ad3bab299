"""Sessions and hours from the exchange's published calendars of 2025 and 2026."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import (
    NEW_YORK,
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
    with pytest.raises(InputError, match="last one is 2026-06-18"):
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
    with pytest.raises(InputError, match="calendar starts"):
        is_session(date(1992, 12, 31))


def test_the_effective_clock_does_not_know_summer_time():
    # Thursday to the Friday of the week after: 6 sessions, and a weekend that is an hour longer.
    moment = datetime(2023, 11, 2, 16, tzinfo=NEW_YORK)
    assert effective_days(moment, [date(2023, 11, 10)], 0.3) == pytest.approx([6.6], abs=1e-12)
    moment = datetime(2024, 3, 7, 16, tzinfo=NEW_YORK)
    assert effective_days(moment, [date(2024, 3, 15)], 0.3) == pytest.approx([6.6], abs=1e-12)
