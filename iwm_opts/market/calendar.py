"""Sessions of the New York Stock Exchange, expiry times, and the two clocks that options are measured on."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import CLOSED_DAY_WEIGHT, DAYS_PER_YEAR, SESSIONS_PER_YEAR, TIMEZONE
from iwm_opts.errors import InputError
from iwm_opts.market.holidays import DAY, FIRST_YEAR, LAST_YEAR, all_sessions

NEW_YORK = ZoneInfo(TIMEZONE)
FIRST_DAY: Final = date(FIRST_YEAR, 1, 1)
LAST_DAY: Final = date(LAST_YEAR, 12, 31)
OPEN: Final = time(9, 30)
CLOSE: Final = time(16)
HALF_DAY_CLOSE: Final = time(13)
CLOSING = timedelta(minutes=1)
_DAY = timedelta(days=1)
_SECONDS_PER_DAY = 86_400.0
_MICROSECONDS_PER_DAY: Final = 86_400_000_000
_MOMENTS: Final = 1 << 15  # remembered: surfaces and indices of one market read the same closes several times

# Variance within a day that is a session. From one close to the next open: 0.28 of IWM's, 2000-05-26 to 2026-08-21, on
# days without a closed one between. Of the session by half-hours: squared returns of IWM's minutes, 156 sessions from
# 2019-10-21 to 2020-06-05, each half-hour cut at its 95% quantile (`examples/intraday_variance.py` measures both).
OVERNIGHT_VARIANCE: Final = 0.28
HALF_HOURS: Final = (0.158, 0.094, 0.105, 0.109, 0.047, 0.050, 0.061, 0.044, 0.035, 0.052, 0.047, 0.045, 0.153)


def sessions(first: date, last: date) -> NDArray[np.datetime64]:
    """Trading days from `first` to `last`, both included.

    Returns
    -------
    ndarray of datetime64[D], shape (n,)

    Raises
    ------
    InputError
        When `first` precedes `FIRST_DAY` or `last` follows `LAST_DAY`, as in all functions here.
    """
    return all_sessions().days[_place(first) : _place(last + _DAY)].copy()


def is_session(day: date) -> bool:
    """Whether the exchange trades on `day`."""
    place, ordinals = _place(day), all_sessions().ordinals
    return place < len(ordinals) and ordinals[place] == day.toordinal()


def latest_session(day: date) -> date:
    """`day` itself where it is a session, else the last session before it."""
    place = _place(day + _DAY) - 1
    if place < 0:
        raise _before_first(day)
    return _session(place)


def next_session(day: date) -> date:
    """First session after `day`."""
    return _session(_place(day + _DAY))


def sessions_before(day: date, count: int) -> date:
    """Session that lies so many before a session; the first of the calendar where there are fewer."""
    return _session(max(_place(day) - count, 0))


def latest_sessions(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """`latest_session` of each of some days, datetime64[D], shape (n,)."""
    place = np.searchsorted(all_sessions().days, days, side="right") - 1
    if (place < 0).any():
        raise _before_first(days.min().item())
    return all_sessions().days[place]


def next_sessions(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """`next_session` of each of some days, datetime64[D], shape (n,)."""
    return all_sessions().days[np.searchsorted(all_sessions().days, days, side="right")]


def session_numbers(days: Sequence[date]) -> NDArray[np.int64]:
    """Return the number of the exchange's session of each day, counted from an arbitrary origin; shape (len(days),).

    A day without a session has the number of the session before it.
    """
    return np.searchsorted(all_sessions().days, np.array(days, dtype="datetime64[D]"), side="right").astype(np.int64)


def session_hours(day: date) -> tuple[datetime, datetime]:
    """Open and close of a session, New York time: 9:30 and 16:00, or 13:00 on half days.

    Raises
    ------
    InputError
        When the exchange does not trade on `day`.
    """
    if not is_session(day):
        raise InputError("date", day.isoformat(), "is not a trading session", f"the last one is {latest_session(day)}")
    close = HALF_DAY_CLOSE if all_sessions().is_half[_place(day)] else CLOSE
    return datetime.combine(day, OPEN, NEW_YORK), datetime.combine(day, close, NEW_YORK)


def _place(day: date) -> int:
    """Return the number of sessions before a day."""
    if day < FIRST_DAY:
        raise _before_first(day)
    if day > LAST_DAY + _DAY:
        raise InputError("date", day.isoformat(), f"the calendar ends at {LAST_DAY}", "give an earlier date")
    return bisect_left(all_sessions().ordinals, day.toordinal())


def _before_first(day: date) -> InputError:
    return InputError("date", day.isoformat(), f"the calendar starts at {FIRST_DAY}", "give a later date")


def _session(place: int) -> date:
    return date.fromordinal(all_sessions().ordinals[place])


def in_session(at: datetime) -> bool:
    """Whether the exchange trades at an aware time; quotes of the last minute belong to the close."""
    day = at.astimezone(NEW_YORK).date()
    if not is_session(day):
        return False
    opened, closed = session_hours(day)
    return opened <= at < closed - CLOSING


@cache  # a panel of years reads the same few hundred days over and over
def expiry_moment(expiration: date) -> datetime:
    """When an option stops: the close of its expiration day, New York time.

    An expiration outside sessions (the Saturdays that monthlies were dated on until 2015, Good Friday) ends with the
    last session before it.
    """
    return session_hours(latest_session(expiration))[1]


def at_close(day: date) -> datetime:
    """Close of the latest session up to `day`, New York time."""
    return expiry_moment(day)


def years_to_expiry(moment: datetime, expirations: Sequence[date]) -> NDArray[np.float64]:
    """Years from `moment` to each expiration's real expiry time, ACT/365.

    Returns
    -------
    ndarray, shape (len(expirations),)
        Negative where the option has expired.
    """
    seconds = np.array([expiry_moment(expiration).timestamp() for expiration in expirations]) - moment.timestamp()
    return seconds / _SECONDS_PER_DAY / DAYS_PER_YEAR


def sessions_left(moment: datetime, expirations: Sequence[date]) -> NDArray[np.int64]:
    """Sessions that close after `moment`, up to and including each expiration.

    Returns
    -------
    ndarray of int, shape (len(expirations),)
    """
    if not expirations:
        return np.empty(0, dtype=np.int64)
    today = moment.date()
    days = sessions(today, max(*expirations, today + _DAY))
    if len(days) and days[0] == np.datetime64(today) and session_hours(today)[1] <= moment:
        days = days[1:]
    return np.searchsorted(days, np.array(expirations, dtype="datetime64[D]"), side="right").astype(np.int64)


def effective_days(
    moment: datetime, expirations: Sequence[date], closed_day_weight: float = CLOSED_DAY_WEIGHT
) -> NDArray[np.float64]:
    """Days to each expiry on the clock that variance runs on: a session counts 1, any other day less.

    A day's weight is spread from the previous 16:00 to its own: a session's by the variance measured within the day
    (at 14:10 a fifth of it is left), any other day's evenly. A half day ends with 7/8 of its weight. With weight 1 for
    every day the result is the plain calendar time.

    Parameters
    ----------
    moment : datetime
        Aware time to measure from.
    expirations : sequence of date, length n
    closed_day_weight : float
        Weight of weekends and holidays, 0 to 1.

    Returns
    -------
    ndarray, shape (n,)
    """
    if not 0.0 <= closed_day_weight <= 1.0:
        raise InputError("closed_day_weight", closed_day_weight, "must lie in [0, 1]")
    if not expirations:
        return np.empty(0)
    span = moment.date(), max(*expirations, moment.date() + _DAY)
    ends = [expiry_moment(e) for e in expirations]
    clock = _effective_clock(*span, closed_day_weight)
    return clock(ends) - clock([moment])


def clocks(
    moments: Sequence[datetime], place: NDArray[np.int64], expirations: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Years, effective days and sessions left of many pairs of moment and expiration.

    Parameters
    ----------
    moments : sequence of datetime, ascending, length n
    place : ndarray of int, shape (m,)
        Moment of each pair.
    expirations : ndarray of int, shape (m,)
        Ordinals.

    Returns
    -------
    years, effective_days, sessions_left : ndarray, shape (m,)
        As `years_to_expiry`, `effective_days` and `sessions_left` give them.
    """
    if not len(expirations):
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
    moments = [moment.astimezone(NEW_YORK) for moment in moments]
    ordinals, which = np.unique(expirations, return_inverse=True)
    days = [date.fromordinal(ordinal) for ordinal in ordinals.tolist()]
    ends = [expiry_moment(day) for day in days]
    span = moments[0].date(), max(days[-1], moments[-1].date() + _DAY)
    clock = _effective_clock(*span, CLOSED_DAY_WEIGHT)
    traded = all_sessions().days
    past = np.searchsorted(traded, np.array([moment.date() for moment in moments], dtype="datetime64[D]"))
    past += [is_over(moment) for moment in moments]
    remaining = np.searchsorted(traded, np.array(days, dtype="datetime64[D]"), side="right")[which] - past[place]
    start, end = (np.array([moment.timestamp() for moment in some]) for some in (moments, ends))
    years = (end[which] - start[place]) / _SECONDS_PER_DAY / DAYS_PER_YEAR
    effective = clock(ends)[which] - clock(moments)[place]
    return years, effective, remaining.astype(np.int64)


@lru_cache(maxsize=_MOMENTS)
def is_over(moment: datetime) -> bool:
    """Whether the day of a moment in New York is a session that has closed by then."""
    day = moment.astimezone(NEW_YORK).date()
    closed = at_close(day)
    return closed.date() == day and closed <= moment


@lru_cache(maxsize=_MOMENTS)
def _wall_microseconds(moment: datetime) -> int:
    """Microseconds on New York's clock since the start of `FIRST_DAY`."""
    wall = moment.astimezone(NEW_YORK).replace(tzinfo=None)
    return (wall - datetime.combine(FIRST_DAY, time())) // timedelta(microseconds=1)


def _effective_clock(
    first: date, last: date, closed_day_weight: float
) -> Callable[[Sequence[datetime]], NDArray[np.float64]]:
    """Effective days of moments from `first` to the day after `last`, counted from some moment on.

    By the clock on the wall: a day ends at 16:00 in summer and in winter.
    """
    days = np.arange(np.datetime64(first), np.datetime64(last) + 2 * DAY)
    is_open = np.isin(days, sessions(first, last + _DAY))
    open_days = np.concatenate([[0], np.cumsum(is_open)])
    calendar_days = np.arange(len(open_days))  # at each day's 16:00, from the first day's previous 16:00
    elapsed = open_days + closed_day_weight * (calendar_days - open_days)
    is_half = np.isin(days, all_sessions().days[all_sessions().is_half])
    origin = _wall_microseconds(datetime.combine(first, CLOSE, NEW_YORK)) - _MICROSECONDS_PER_DAY

    def clock(moments: Sequence[datetime]) -> NDArray[np.float64]:
        since = np.array([*map(_wall_microseconds, moments)], dtype=np.int64) - origin
        at = since / _MICROSECONDS_PER_DAY
        even = np.interp(at, calendar_days, elapsed)
        if closed_day_weight == 1.0:
            return np.asarray(even)
        day = np.clip(np.ceil(at).astype(np.int64) - 1, 0, len(days) - 1)
        within = np.clip(at - day, 0.0, 1.0)  # what ended before the first day has no part of it
        profiled = np.where(is_half[day], np.interp(within, *_HALF_DAY), np.interp(within, *_FULL_DAY))
        return np.asarray(even + is_open[day] * (profiled - within))

    return clock


def _profile(end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of a session that has passed, by the part of the day since the previous 16:00; the close at `end`.

    As much of the weight has passed at the close as of the day.
    """
    opened, total = (OPEN.hour + OPEN.minute / 60.0 + 8.0) / 24.0, np.cumsum(HALF_HOURS)
    at = opened + (end - opened) * np.linspace(0.0, 1.0, len(HALF_HOURS) + 1)
    passed = end * (OVERNIGHT_VARIANCE + (1.0 - OVERNIGHT_VARIANCE) * np.append(0.0, total / total[-1]))
    return np.concatenate([[0.0], at, [1.0]]), np.concatenate([[0.0], passed, [1.0]])


_FULL_DAY, _HALF_DAY = (_profile((close.hour + 8.0) / 24.0) for close in (CLOSE, HALF_DAY_CLOSE))


def effective_days_per_year(
    closed_day_weight: float = CLOSED_DAY_WEIGHT, sessions_per_year: float = SESSIONS_PER_YEAR
) -> float:
    """Length of a year on the effective clock, for annualising and for turning calendar tenors into effective ones."""
    return sessions_per_year + (DAYS_PER_YEAR - sessions_per_year) * closed_day_weight
