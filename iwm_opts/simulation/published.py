"""Composition of volatility indices: the two expirations of each day, when they settle, and their weights.

Cboe interpolates total variance on calendar time between a near and a next term. Which expirations those are has
changed by date:

- VIX until 2014-10-03: third Fridays, the near one at least a week away, so that both may lie beyond 30 days and the
  index is extrapolated (VIX white paper 2009); since 2014-10-06 the Fridays around 30 days (white paper 2019).
- RVX kept to third Fridays for longer. The date is read off the index: on the Mondays on which third Fridays roll it
  falls against VIX by what that roll implies, until April 2020 (likelihood-ratio interval December 2018 to January
  2021). Cboe's notice is not confirmed.
- VIX9D: the S&P weeklies around 9 days: Fridays, Wednesdays since 2016-02-23, Mondays since 2016-08-15, Tuesdays since
  2022-04-18 and Thursdays since 2022-05-11.

Third Fridays of index options settle at the open. An index of the underlying's own quotes (`market.iv_index`) takes the
expirations around its tenor on the effective clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, MIN_SESSIONS_FOR_INDEX
from iwm_opts.kernels.panel.constant_maturity import SAME_MOMENT
from iwm_opts.market.calendar import CLOSE, OPEN, at_close, clocks, effective_days_per_year
from iwm_opts.simulation.listing import FRIDAY, Listings, monthly_expirations, weekday_expirations

Array = NDArray[np.float64]
Places = NDArray[np.int64]

NEAR_TERM_DAYS: Final = 7  # least life of the near third Friday
LONGEST_NEXT_TERM: Final = timedelta(days=100)  # no next term is farther
OPEN_TO_CLOSE: Final = (CLOSE.hour - OPEN.hour + (CLOSE.minute - OPEN.minute) / 60.0) / 24.0  # days
MONTHLIES: Final[tuple[int, ...]] = ()  # third Fridays alone, instead of weekdays


class Era(NamedTuple):
    """Expirations that a published index chooses from a day on."""

    since: date
    weekdays: tuple[int, ...]  # that expire, or `MONTHLIES`
    bias: tuple[float, ...] = (0.0,) * 5  # log of the index by weekday, less what clock and expirations explain


@dataclass(frozen=True, slots=True)
class IndexRule:
    """How a published index chooses its expirations."""

    tenor_days: int
    eras: tuple[Era, ...]
    settles_at_open: bool  # third Fridays


# Biases: medians of the log less its centred 5-session mean, less their own mean; RVX 2009-09 to 2025-06, VIX9D over
# VIX 2011-01 to 2025-05 (standard error 0.1 to 0.3%). The model has no scheduled events, which make them.
RVX_BIAS: Final = (-0.0035, 0.0005, 0.0030, 0.0041, -0.0043)
FRIDAYS_BIAS: Final = (0.0001, 0.0056, 0.0012, -0.0004, -0.0065)
DAILIES_BIAS: Final = (0.0095, 0.0039, -0.0187, 0.0051, 0.0001)
FIRST: Final = date.min
INDEX_RULES: Final = {
    "RVX": IndexRule(
        30,
        (Era(FIRST, MONTHLIES, RVX_BIAS), Era(date(2020, 4, 20), (FRIDAY,), RVX_BIAS)),
        settles_at_open=True,
    ),
    "VIX": IndexRule(30, (Era(FIRST, MONTHLIES), Era(date(2014, 10, 6), (FRIDAY,))), settles_at_open=True),
    "VIX9D": IndexRule(
        9,
        (
            Era(FIRST, (FRIDAY,), FRIDAYS_BIAS),
            Era(date(2016, 2, 23), (2, FRIDAY), DAILIES_BIAS),
            Era(date(2016, 8, 15), (0, 2, FRIDAY), DAILIES_BIAS),
            Era(date(2022, 4, 18), (0, 1, 2, FRIDAY), DAILIES_BIAS),
            Era(date(2022, 5, 11), (0, 1, 2, 3, FRIDAY), DAILIES_BIAS),
        ),
        settles_at_open=False,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """Index squared as a combination of total variances: near and next term of n days, arrays of shape (2, n)."""

    expiration: Places  # ordinals
    years: Array  # calendar, to settlement
    effective_years: Array
    weight: Array  # of total variance; negative where the index is extrapolated

    def take(self, days: Places | NDArray[np.bool_]) -> "Composition":
        """Take some of its days."""
        return Composition(
            self.expiration[:, days], self.years[:, days], self.effective_years[:, days], self.weight[:, days]
        )

    def where(self, condition: NDArray[np.bool_], other: "Composition") -> "Composition":
        """Its days where a condition of shape (n,) holds, those of another elsewhere."""
        return Composition(
            np.where(condition, self.expiration, other.expiration),
            np.where(condition, self.years, other.years),
            np.where(condition, self.effective_years, other.effective_years),
            np.where(condition, self.weight, other.weight),
        )


def published_composition(rule: IndexRule, days: Sequence[date]) -> Composition:
    """Composition of a published index at the close of some ascending sessions."""
    ordinal = np.array([day.toordinal() for day in days])
    weekday = (ordinal - 1) % 7
    third_fridays = monthly_expirations(days[0], days[-1] + LONGEST_NEXT_TERM)
    expiration, bias = np.empty((2, len(days)), dtype=np.int64), np.empty(len(days))
    numbers = np.searchsorted([era.since.toordinal() for era in rule.eras], ordinal, side="right") - 1
    for number, era in enumerate(rule.eras):
        here = numbers == number
        if era.weekdays == MONTHLIES:
            listed = third_fridays
            near = np.searchsorted(listed, ordinal[here] + NEAR_TERM_DAYS)
        else:
            spans = [weekday_expirations(days[0], days[-1] + LONGEST_NEXT_TERM, item) for item in era.weekdays]
            listed = np.unique(np.concatenate(spans))
            near = np.searchsorted(listed, ordinal[here] + rule.tenor_days, side="right") - 1
        expiration[:, here] = listed[near], listed[near + 1]
        bias[here] = np.array(era.bias)[weekday[here]]
    place = np.tile(np.arange(len(days)), 2)
    years, effective, _ = clocks([at_close(day) for day in days], place, expiration.ravel())
    early = OPEN_TO_CLOSE * (rule.settles_at_open & np.isin(expiration, third_fridays))
    years = years.reshape(2, -1) - early / DAYS_PER_YEAR
    effective_years = (effective.reshape(2, -1) - early) / effective_days_per_year()
    tenor = rule.tenor_days / DAYS_PER_YEAR
    weight = np.exp(2.0 * bias) * np.stack([years[1] - tenor, tenor - years[0]]) / (years[1] - years[0]) / tenor
    return Composition(expiration, years, effective_years, weight)


def own_composition(days: Sequence[date], listed: Listings, tenor_days: int) -> Composition:
    """Composition of the effective-clock index of an underlying's own quotes, from its listings on those days.

    Weights are NaN where no two listed expirations lie around the tenor.
    """
    place = listed.place
    years, effective, remaining = clocks([at_close(day) for day in days], place, listed.expiration)
    target = tenor_days * effective_days_per_year() / DAYS_PER_YEAR
    is_usable = (remaining >= MIN_SESSIONS_FOR_INDEX) & (years > 0.0)
    before = np.bincount(place[effective <= target + SAME_MOMENT], minlength=len(days))
    near = listed.start[:-1] + before - 1
    has_both = (before > 0) & (near + 1 < listed.start[1:])
    rows = np.where(has_both, np.stack([near, near + 1]), 0)
    has_both &= is_usable[rows].all(axis=0)
    clock = effective[rows]
    weight = np.stack([clock[1] - target, target - clock[0]]) / np.where(has_both, clock[1] - clock[0], np.nan)
    return Composition(
        listed.expiration[rows], years[rows], clock / effective_days_per_year(), weight * DAYS_PER_YEAR / tenor_days
    )


def plain_composition(tenor_days: int, n: int) -> Composition:
    """One tenor of the effective clock itself, between no expirations."""
    years = np.full((2, n), tenor_days / DAYS_PER_YEAR)
    weight = np.stack([np.full(n, DAYS_PER_YEAR / tenor_days), np.zeros(n)])
    return Composition(np.zeros((2, n), dtype=np.int64), years, years, weight)
