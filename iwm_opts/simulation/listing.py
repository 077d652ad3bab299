"""Expirations and strikes of IWM options as they are listed, by dated rules.

Expirations: the third Friday of each month about ten months ahead, of the quarter months eighteen, of January and
December up to two and a half years; the last session of each of the next four quarters; the next five other Fridays
(weeklies, since 2010); Mondays and Wednesdays of the next two weeks since October 2021, Tuesdays and Thursdays since
May 2024. A Monday without a session expires on the session after it, any other day on the session before. Read off the
chains of June and July 2026; the windows of earlier years are taken to have been the same.

Strikes: one dollar apart near the money in the last weeks, and up to $200 at any time, else five; half a dollar and one
while the fund trades below $100, as it last did in March 2020; once listed, a strike stays, so that ranges follow the
lowest and highest close since its expiration was listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from iwm_opts.market.calendar import latest_session, next_session

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
QUARTER_MONTHS: Final = (3, 6, 9, 12)
LONG_MONTHS: Final = (1, 12)

FINE_WINDOW: Final = 45  # days before expiration from which a monthly lists dollar strikes
FINE_STEP: Final = 1.0  # dollars
COARSE_STEP: Final = 5.0
CHEAP: Final = 100.0  # dollars: below this spot, strikes are closer
CHEAP_STEPS: Final = (0.5, 1.0)
# Shares of the lowest and highest close that bound the fine and the coarse strikes.
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
LONG_RANGE: Final = (0.30, 1.50)  # beyond a year
DOLLARS_UP_TO: Final = 200.0  # strikes to here are listed a dollar apart, near the money, however far the expiration


@dataclass(frozen=True, slots=True, order=True)
class Listing:
    """One listed expiration."""

    expiration: date
    kind: Kind
    since: date  # first day it was listed

    def fine_since(self) -> date:
        """First day of its dollar strikes."""
        return max(self.since, self.expiration - timedelta(days=FINE_WINDOW))


@cache
def listed_expirations(day: date) -> tuple[Listing, ...]:
    """What is listed at the close of a session, that day's own expiration included; ascending, one a day."""
    found: dict[date, Listing] = {}
    for listing in _candidates(day):  # in order of precedence: an expiration that is a monthly is no weekly
        if listing.expiration >= day:
            found.setdefault(listing.expiration, listing)
    return tuple(sorted(found.values()))


def strikes(listing: Listing, day: date, lows: tuple[float, float], highs: tuple[float, float]) -> NDArray[np.float64]:
    """Strikes of one expiration.

    Parameters
    ----------
    lows, highs : (float, float)
        Lowest and highest close since the expiration was listed, and since its dollar strikes were.

    Returns
    -------
    ndarray, ascending, dollars; read-only
    """
    days = (listing.expiration - day).days
    return _strikes(listing.kind, days > 365, days <= FINE_WINDOW, lows, highs)


@lru_cache(maxsize=4096)  # most days leave the ranges as they were
def _strikes(
    kind: Kind, is_far: bool, is_near: bool, lows: tuple[float, float], highs: tuple[float, float]
) -> NDArray[np.float64]:
    fine, coarse = CHEAP_STEPS if highs[1] < CHEAP else (FINE_STEP, COARSE_STEP)
    wide = LONG_RANGE if is_far else COARSE_RANGE[kind]
    found = [_ladder(wide[0] * lows[0], wide[1] * highs[0], coarse)]
    if is_near:
        narrow = FINE_RANGE[kind]
        found.append(_ladder(narrow[0] * lows[1], narrow[1] * highs[1], fine))
    elif kind in ("monthly", "quarter-end"):
        found.append(_ladder(0.87 * lows[0], min(1.12 * highs[0], DOLLARS_UP_TO), fine))
    ladder: NDArray[np.float64] = np.unique(np.round(np.concatenate(found), 2))
    ladder.flags.writeable = False  # shared by whoever asks
    return ladder


@cache
def third_friday(year: int, month: int) -> date:
    """Expiration of a month's standard options: its third Friday, or the session before."""
    first = date(year, month, 1)
    return latest_session(first + timedelta(days=(4 - first.weekday()) % 7 + 14))


def _candidates(day: date) -> Iterator[Listing]:
    for year, month in _months(day, LONG_WINDOW):
        window = LONG_WINDOW if month in LONG_MONTHS else QUARTER_WINDOW if month in QUARTER_MONTHS else MONTHLY_WINDOW
        expiration = third_friday(year, month)
        if (expiration - day).days <= window:
            yield Listing(expiration, "monthly", expiration - timedelta(days=window))
    ends = [_month_end(y, m) for y, m in _months(day, 400) if m in QUARTER_MONTHS]
    for expiration in [end for end in ends if end >= day][:QUARTER_ENDS]:
        yield Listing(expiration, "quarter-end", expiration - timedelta(days=365))
    if day >= WEEKLIES_SINCE:
        for friday in _weekly_fridays(day):
            yield Listing(_moved(friday), "weekly", friday - timedelta(days=WEEKLY_WINDOW))
    for weekday, since in WEEKDAYS_SINCE.items():
        if day >= since:
            for nominal in _weekdays(day, weekday, DAILY_WINDOW):
                yield Listing(_moved(nominal), "daily", nominal - timedelta(days=DAILY_WINDOW))


def _months(day: date, window: int) -> Iterator[tuple[int, int]]:
    last = day + timedelta(days=window)
    for index in range(day.year * 12 + day.month - 1, last.year * 12 + last.month):
        yield index // 12, index % 12 + 1


@cache
def _month_end(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return latest_session(following - timedelta(days=1))


def _weekly_fridays(day: date) -> Iterator[date]:
    """Fridays that are no monthly: the coming five, and this week's from Thursday on, when the next one is listed."""
    counted = 0
    for friday in _weekdays(day, 4, WEEKLY_WINDOW):
        if 15 <= friday.day <= 21:
            continue
        counted += friday > day + timedelta(days=1)
        if counted > WEEKLIES:
            return
        yield friday


def _weekdays(day: date, weekday: int, window: int) -> Iterator[date]:
    first = day + timedelta(days=(weekday - day.weekday()) % 7)
    while (first - day).days <= window:
        yield first
        first += timedelta(days=7)


@cache
def _moved(nominal: date) -> date:
    """A weekday's expiration where it is no session: Mondays move on, others back."""
    if nominal.weekday() == 0:
        return next_session(nominal - timedelta(days=1))
    return latest_session(nominal)


def _ladder(low: float, high: float, step: float) -> NDArray[np.float64]:
    return step * np.arange(np.ceil(low / step), max(np.floor(high / step), 0.0) + 1.0)
