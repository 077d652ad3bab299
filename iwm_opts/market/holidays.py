"""Holidays and half days of the New York Stock Exchange since 1993, by rule.

Sources: NYSE Rule 7.2 and the exchange's yearly lists of holidays and early closings. `tests/market/test_holidays.py`
compares every day with exchange_calendars.
"""

from datetime import date
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
DAY: Final = np.timedelta64(1, "D")  # NumPy 2.5 deprecates sums of days and bare integers
MONTH: Final = np.timedelta64(1, "M")

FIRST_YEAR: Final = 1993  # before, half days closed at 14:00
LAST_YEAR: Final = 2099
KING_SINCE: Final = 1998
JUNETEENTH_SINCE: Final = 2022
MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
# Attacks of 2001, mourning (Nixon, Reagan, Ford, Bush, Carter) and Hurricane Sandy.
CLOSED_ONCE: Final = (
    "1994-04-27", "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29",
    "2012-10-30", "2018-12-05", "2025-01-09",
)  # fmt: skip
HALF_ONCE: Final = ("1996-07-05", "1997-12-26", "1999-12-31", "2002-07-05", "2003-12-26")
FULL_ONCE: Final = ("1996-07-03", "2002-07-03")  # the half day was the 5th


class Sessions(NamedTuple):
    """Trading days from `FIRST_YEAR` to `LAST_YEAR`; arrays of shape (n,), read-only."""

    days: Days  # datetime64[D], ascending
    is_half: NDArray[np.bool_]  # closes at 13:00
    ordinals: list[int]  # of `days`: to look one up in an array takes ten times as long


@cache
def all_sessions() -> Sessions:
    """Every trading day that the rules cover."""
    years = np.arange(str(FIRST_YEAR), str(LAST_YEAR + 1), dtype="datetime64[Y]")
    thanksgiving = _weekday_of(years, 11, 3, "Thu")
    holidays = np.concatenate([
        _observed(_date(years, 1, 1), is_moved_back=False),
        _weekday_of(years[years >= np.datetime64(str(KING_SINCE))], 1, 2, "Mon"),  # Martin Luther King
        _weekday_of(years, 2, 2, "Mon"),  # Presidents
        _good_friday(years),
        _weekday_of(years, 6, 0, "Mon") - 7 * DAY,  # Memorial Day: the Monday before the first one of June
        _observed(_date(years[years >= np.datetime64(str(JUNETEENTH_SINCE))], 6, 19)),
        _observed(_date(years, 7, 4)),
        _weekday_of(years, 9, 0, "Mon"),  # Labor Day
        thanksgiving,
        _observed(_date(years, 12, 25)),
        _listed(CLOSED_ONCE),
    ])  # fmt: skip
    calendar = np.arange(_date(years[:1], 1, 1)[0], _date(years[-1:], 12, 31)[0] + DAY)
    days = calendar[np.is_busday(calendar, holidays=holidays)]
    eves = np.concatenate([_date(years, 7, 3), _date(years, 12, 24)])
    halves = np.concatenate([thanksgiving + DAY, eves[_weekday(eves) <= THURSDAY], _listed(HALF_ONCE)])
    is_half = np.isin(days, halves) & ~np.isin(days, _listed(FULL_ONCE))
    for array in (days, is_half):
        array.flags.writeable = False
    return Sessions(days, is_half, (days.astype(np.int64) + date(1970, 1, 1).toordinal()).tolist())


def _date(years: Days, month: int, day: int) -> Days:
    january: Days = years.astype("datetime64[M]")
    first: Days = (january + (month - 1) * MONTH).astype("datetime64[D]")
    return first + (day - 1) * DAY


def _weekday_of(years: Days, month: int, place: int, weekday: str) -> Days:
    """One weekday of a month in each year; `place` counts from zero."""
    return np.busday_offset(_date(years, month, 1), place, roll="forward", weekmask=weekday)


def _weekday(days: Days) -> NDArray[np.int64]:
    return (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


def _observed(days: Days, is_moved_back: bool = True) -> Days:
    """Holidays as observed: a Sunday's on Monday, a Saturday's on Friday or, New Year's, not at all."""
    weekday = _weekday(days)
    moved: Days = days + ((weekday == SUNDAY).astype(np.int64) - (weekday == SATURDAY)) * DAY
    return moved if is_moved_back else moved[weekday != SATURDAY]


def _good_friday(years: Days) -> Days:
    """Two days before Easter Sunday, by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, ch. 8)."""
    year = years.astype(np.int64) + 1970
    a, (b, c) = year % 19, np.divmod(year, 100)
    d, e = np.divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = np.divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    day = (h - m + r + month + 19) % 32
    months: Days = years.astype("datetime64[M]") + (month - 1) * MONTH
    easter: Days = months.astype("datetime64[D]") + (day - 1) * DAY
    return easter - 2 * DAY


def _listed(days: tuple[str, ...]) -> Days:
    listed: Days = np.array(days, dtype="datetime64[D]")
    return listed
