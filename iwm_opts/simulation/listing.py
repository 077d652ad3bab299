"""Expirations and strikes of IWM options as they are listed, by dated rules.

Expirations: the third Friday of each month about ten months ahead, of the quarter months eighteen, of January and
December up to two and a half years; the last session of each of the next four quarters; the next five other Fridays
(weeklies, since 2010); Mondays and Wednesdays of the next two weeks since October 2021, Tuesdays and Thursdays since
May 2024. A Monday without a session expires on the session after it, any other day on the session before. Read off the
chains of June and July 2026; the windows of earlier years are taken to have been the same.

Strikes: one dollar apart near the money in the last weeks, and up to $200 at any time, else five; half a dollar and one
while the fund trades below $100, as it last did in March 2020; once listed, a strike stays, so that ranges follow the
lowest and highest close since its expiration was listed, and what was listed far from expiration is there to the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from iwm_opts.kernels.simulation.listing import merge_strikes
from iwm_opts.market.calendar import latest_sessions, next_sessions
from iwm_opts.market.holidays import DAY, MONTH

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Dates = NDArray[np.datetime64]

Kind = Literal["daily", "weekly", "monthly", "quarter-end"]

WEEKLIES_SINCE: Final = date(2010, 6, 4)
WEEKDAYS_SINCE: Final = {0: date(2021, 10, 4), 2: date(2021, 10, 4), 1: date(2024, 5, 13), 3: date(2024, 5, 13)}
DAILY_WINDOW: Final = 14  # calendar days ahead
WEEKLY_WINDOW: Final = 50
WEEKLIES: Final = 5
MONTHLY_WINDOW: Final = 305
QUARTER_WINDOW: Final = 550
LONG_WINDOW: Final = 915
QUARTER_ENDS: Final = 4
QUARTER_END_LIFE: Final = 365
QUARTER_END_REACH: Final = 400  # the fourth from any day on lies nearer
QUARTER_MONTHS: Final = (3, 6, 9, 12)
LONG_MONTHS: Final = (1, 12)

FINE_WINDOW: Final = 45  # days before expiration from which a monthly lists dollar strikes
FINE_STEP: Final = 1.0  # dollars
COARSE_STEP: Final = 5.0
CHEAP: Final = 100.0  # dollars: below this spot, strikes are closer
CHEAP_STEPS: Final = (0.5, 1.0)
# Fractions of the lowest and highest close that bound the fine and the coarse strikes.
FINE_RANGE: Final[dict[Kind, tuple[float, float]]] = {
    "daily": (0.87, 1.08),
    "weekly": (0.86, 1.08),
    "monthly": (0.76, 1.08),
    "quarter-end": (0.72, 1.08),
}
COARSE_RANGE: Final[dict[Kind, tuple[float, float]]] = {
    "daily": (0.62, 1.15),
    "weekly": (0.50, 1.15),
    "monthly": (0.42, 1.35),
    "quarter-end": (0.55, 1.28),
}
FAR: Final = 365  # days before expiration until which strikes are listed over `LONG_RANGE`
LONG_RANGE: Final = (0.30, 1.50)
DOLLARS_RANGE: Final = (0.87, 1.12)
DOLLARS_UP_TO: Final = 200.0  # strikes to here are listed a dollar apart, near the money, however far the expiration


KINDS: Final[tuple[Kind, ...]] = ("daily", "weekly", "monthly", "quarter-end")
DAILY, WEEKLY, MONTHLY, QUARTER_END = range(4)
FRIDAY: Final = 4
FIRST_ORDINAL: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, order=True)
class Listing:
    """One listed expiration."""

    expiration: date
    kind: Kind
    since: date  # first day it was listed


@dataclass(frozen=True, slots=True, eq=False)
class Listings(Sequence[Listing]):
    """Listed expirations of n days: arrays of shape (rows,), ascending in expiration within a day.

    Day d has the rows start[d] to start[d + 1]. As a sequence it holds one `Listing` a row.
    """

    start: Places  # shape (n + 1,)
    expiration: Places  # ordinals
    kind: Places  # places in `KINDS`
    since: Places  # ordinals

    @classmethod
    def of(cls, days: Iterable[Sequence[Listing]]) -> "Listings":
        """Return listings of days given one by one."""
        rows = [*days]
        flat = [listing for listed in rows for listing in listed]
        columns = ([entry.expiration.toordinal(), KINDS.index(entry.kind), entry.since.toordinal()] for entry in flat)
        expiration, kind, since = np.array([*columns], dtype=np.int64).reshape(-1, 3).T
        return cls(starts([len(listed) for listed in rows]), expiration.copy(), kind.copy(), since.copy())

    @property
    def place(self) -> Places:
        """Day of each row."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def __len__(self) -> int:
        return len(self.expiration)

    @overload
    def __getitem__(self, row: int) -> Listing: ...

    @overload
    def __getitem__(self, row: slice) -> list[Listing]: ...

    def __getitem__(self, row: int | slice) -> Listing | list[Listing]:
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        expiration, since = (date.fromordinal(int(column[row])) for column in (self.expiration, self.since))
        return Listing(expiration, KINDS[self.kind[row]], since)

    def rows(self, place: int) -> list[Listing]:
        """Return listings of one day."""
        return self[int(self.start[place]) : int(self.start[place + 1])]

    def take(self, rows: NDArray[np.bool_]) -> "Listings":
        """Rows of a mask, shape (rows,)."""
        counts = np.bincount(self.place[rows], minlength=len(self.start) - 1)
        return Listings(starts(counts), self.expiration[rows], self.kind[rows], self.since[rows])


@cache
def listed_expirations(day: date) -> tuple[Listing, ...]:
    """Expirations listed at the close of a session, its own included; ascending, one a day."""
    return tuple(listings([day]).rows(0))


def listings(days: Sequence[date]) -> Listings:
    """Return listed expirations of some ascending sessions, each as `listed_expirations` gives them."""
    dates = np.array(days, dtype="datetime64[D]")
    # In order of precedence: a monthly expiration is not a weekly.
    groups = [
        _monthlies(dates[0], dates[-1]),
        _quarter_ends(dates[0], dates[-1]),
        _weeklies(dates[0], dates[-1]),
        *(_dailies(dates[0], dates[-1], weekday, np.datetime64(since)) for weekday, since in WEEKDAYS_SINCE.items()),
    ]
    counts = [len(group.expiration) for group in groups]
    kind = np.repeat([MONTHLY, QUARTER_END, WEEKLY, *[DAILY] * len(WEEKDAYS_SINCE)], counts)
    expiration, since, opens, ends = (np.concatenate(column) for column in zip(*groups, strict=True))
    first = np.searchsorted(dates, opens)
    number = np.maximum(np.searchsorted(dates, np.minimum(ends, expiration), side="right") - first, 0)
    row = np.repeat(np.arange(len(first)), number)
    place = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number) + first[row]
    order = np.lexsort((row, expiration[row], place))
    row, place = row[order], place[order]
    is_new = np.ones(len(row), dtype=bool)
    is_new[1:] = (np.diff(place) != 0) | (np.diff(expiration[row]) != np.timedelta64(0, "D"))
    earliest = _ordinals(since[row])
    if len(row):  # two rules may name one expiration, around holidays: it has been listed since the first did
        earliest = np.minimum.reduceat(earliest, np.flatnonzero(is_new))
    row, place = row[is_new], place[is_new]
    start = starts(np.bincount(place, minlength=len(dates)))
    return Listings(start, _ordinals(expiration[row]), kind[row].astype(np.int64), earliest)


def listed_strikes(listed: Listings, day: Places, closed: Places, closes: Array) -> tuple[Places, Array]:
    """Strikes of every listing: those that any day since it was listed has added.

    Parameters
    ----------
    listed : Listings
    day : ndarray of int, shape (rows,)
        Ordinal of each row's day.
    closed : ndarray of int, shape (m,)
        Ordinals, ascending, of days with a close; each row's day among them.
    closes : ndarray, shape (m,)

    Returns
    -------
    start : ndarray of int, shape (rows + 1,)
    strike : ndarray
        Those of row i are strike[start[i]:start[i + 1]], ascending, dollars.
    """
    has_dollars = (listed.kind == MONTHLY) | (listed.kind == QUARTER_END)
    coarse, fine = (np.array([table[kind] for kind in KINDS]).T[:, listed.kind] for table in (COARSE_RANGE, FINE_RANGE))
    far, last_far = listed.expiration - FAR - 1, listed.expiration - FINE_WINDOW - 1
    every, wide, narrow = np.full(len(listed), True), (COARSE_STEP, CHEAP_STEPS[1]), (FINE_STEP, CHEAP_STEPS[0])
    ladders = []
    # Steps, also while cheap; reach around closes; highest strike; rows; first and last day of those closes.
    for steps, reach, limit, is_there, since, until in (
        (wide, coarse, np.inf, every, listed.since, day),
        (wide, LONG_RANGE, np.inf, every, listed.since, np.minimum(day, far)),
        (narrow, DOLLARS_RANGE, DOLLARS_UP_TO, has_dollars, listed.since, np.minimum(day, last_far)),
        (narrow, fine, np.inf, every, np.maximum(listed.since, last_far + 1), day),
    ):
        low, high, cheap_high = _close_ranges(since, until, day, closed, closes)
        for step, top in zip(steps, (high, cheap_high), strict=True):
            first, last = np.ceil(reach[0] * low / step), np.floor(np.minimum(reach[1] * top, limit) / step)
            is_listed = is_there & np.isfinite(last)
            ladders.append((step, np.where(is_listed, first, 0.0), np.where(is_listed, last, -1.0)))
    steps_of, firsts, lasts = (np.array(column) for column in zip(*ladders, strict=True))
    unit = CHEAP_STEPS[0]
    start = np.empty(len(listed) + 1, dtype=np.int64)
    strike = np.empty(int(np.maximum(lasts - firsts + 1.0, 0.0).sum()))
    merge_strikes(
        np.rint(steps_of / unit).astype(np.int64), firsts.astype(np.int64), lasts.astype(np.int64), unit,
        np.empty((3, len(ladders)), dtype=np.int64), start, strike,
    )  # fmt: skip
    return start, strike[: start[-1]].copy()


def _close_ranges(
    since: Places, until: Places, day: Places, closed: Places, closes: Array
) -> tuple[Array, Array, Array]:
    """Lowest, highest and highest cheap close between two days of each row; NaN where `until` precedes `since`.

    Where no close is known since then, the first known one counts, and no later than the row's own day.
    """
    last = np.searchsorted(closed, until, side="right") - 1
    first = np.minimum(np.searchsorted(closed, since), np.searchsorted(closed, day))
    bounds = np.column_stack([first, np.maximum(first, last) + 1]).ravel()
    padded = np.append(closes, np.nan)  # a range may end with the last close
    cheap = np.where(padded < CHEAP, padded, np.nan)
    low, high, cheap_high = (
        np.where(until >= since, extreme.reduceat(close, bounds)[::2], np.nan)
        for extreme, close in ((np.minimum, padded), (np.maximum, padded), (np.fmax, cheap))
    )
    return low, high, cheap_high


def third_friday(year: int, month: int) -> date:
    """Expiration of a month's standard options: its third Friday, or the session before."""
    expiration: date = _third_fridays(np.array([f"{year}-{month:02}"], dtype="datetime64[M]"))[0].item()
    return expiration


def monthly_expirations(first: date, last: date) -> Places:
    """Ordinals of the third-Friday expirations of the months from `first` to `last`, ascending."""
    months = np.arange(_month(np.datetime64(first)), _month(np.datetime64(last)) + MONTH)
    return _ordinals(_third_fridays(months))


def weekday_expirations(first: date, last: date, weekday: int) -> Places:
    """Ordinals of one weekday's expirations around the days from `first` to `last`, ascending.

    Off sessions, Mondays move to the next session, others to the last.
    """
    nominal = _nominal(np.datetime64(first) - 7 * DAY, np.datetime64(last), weekday)
    return _ordinals(_moved(nominal, weekday))


class _Candidates(NamedTuple):
    """Expirations, first days of their lives, and the days between which the rules list them; shape (m,)."""

    expiration: Dates
    since: Dates
    opens: Dates
    ends: Dates


def _monthlies(first: np.datetime64, last: np.datetime64) -> _Candidates:
    months = np.arange(_month(first), _month(last + LONG_WINDOW * DAY) + MONTH)
    month = months.astype(np.int64) % 12 + 1
    window = np.where(np.isin(month, QUARTER_MONTHS), QUARTER_WINDOW, MONTHLY_WINDOW)
    window = np.where(np.isin(month, LONG_MONTHS), LONG_WINDOW, window) * DAY
    expiration = _third_fridays(months)
    return _Candidates(expiration, expiration - window, expiration - window, expiration)


def _quarter_ends(first: np.datetime64, last: np.datetime64) -> _Candidates:
    months = np.arange(_month(first), _month(last + QUARTER_END_REACH * DAY) + MONTH)
    months = months[np.isin(months.astype(np.int64) % 12 + 1, QUARTER_MONTHS)]
    after: Dates = (months + MONTH).astype("datetime64[D]")
    expiration = latest_sessions(after - DAY)
    opens = np.concatenate([np.full(QUARTER_ENDS, first), expiration[:-QUARTER_ENDS] + DAY])
    return _Candidates(expiration, expiration - QUARTER_END_LIFE * DAY, opens, expiration)


def _weeklies(first: np.datetime64, last: np.datetime64) -> _Candidates:
    """Weekly Fridays: the coming five, and this week's from Thursday on, when the next is listed."""
    window = WEEKLY_WINDOW * DAY
    fridays = _nominal(first - window, last + window, FRIDAY)
    day = (fridays - fridays.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    fridays = fridays[(day < 15) | (day > 21)]
    friday, fifth_before = fridays[WEEKLIES:], fridays[:-WEEKLIES]
    friday, fifth_before = friday[friday >= first], fifth_before[friday >= first]
    opens = np.maximum(np.maximum(friday - window, fifth_before - DAY), np.datetime64(WEEKLIES_SINCE))
    return _Candidates(latest_sessions(friday), friday - window, opens, friday)


def _dailies(first: np.datetime64, last: np.datetime64, weekday: int, listed_since: np.datetime64) -> _Candidates:
    """One weekday's expirations."""
    window = DAILY_WINDOW * DAY
    nominal = _nominal(first - window, last + window, weekday)
    opens = np.maximum(nominal - window, listed_since)
    expiration = _moved(nominal, weekday)
    return _Candidates(expiration, nominal - window, opens, np.maximum(nominal, expiration))


def _moved(nominal: Dates, weekday: int) -> Dates:
    """Expirations of a weekday: off sessions, Mondays move to the next session, others to the last."""
    return next_sessions(nominal - DAY) if weekday == 0 else latest_sessions(nominal)


def _nominal(first: np.datetime64, last: np.datetime64, weekday: int) -> Dates:
    days: Dates = np.arange(first, last + DAY)
    return days[np.is_busday(days, weekmask=[day == weekday for day in range(7)])]


def _month(day: np.datetime64) -> np.datetime64:
    month: np.datetime64 = day.astype("datetime64[M]")
    return month


def _third_fridays(months: Dates) -> Dates:
    return latest_sessions(np.busday_offset(months.astype("datetime64[D]"), 2, roll="forward", weekmask="Fri"))


def starts(counts: Sequence[int] | Places) -> Places:
    """Where each of some runs of rows begins, and where the last one ends, shape (n + 1,)."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def ranges(start: Places, places: Places) -> Places:
    """Rows of some runs, one run after the other."""
    counts = start[places + 1] - start[places]
    rows: Places = np.arange(counts.sum()) + np.repeat(start[places] - (np.cumsum(counts) - counts), counts)
    return rows


def _ordinals(days: Dates) -> Places:
    return days.astype(np.int64) + FIRST_ORDINAL
