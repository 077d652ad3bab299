"""Reliability of stated probabilities and expectancies against their outcomes.

Packages of one day share their market, and packages held at the same time share days: intervals of the Brier score and
of mean profits resample days in blocks (`backtest.bootstrap`). Wilson's intervals of the bins take every forecast for
independent, and are too narrow where forecasts overlap.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.journal.forecasts import Forecast, sessions_until
from iwm_opts.journal.inference import wilson
from iwm_opts.market.calendar import sessions

Array = NDArray[np.float64]

BINS: Final = 10  # of equal width from 0 to 1
SEED: Final = 29
FEW_DAYS: Final = 30
FEW_PERIODS: Final = 10  # holding periods that do not overlap
NAN: Final = float("nan")


class Outcome(NamedTuple):
    """Stated and realised value of one forecast."""

    day: date
    stated: float
    realised: float
    sessions: int  # until the outcome


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of similar stated probability."""

    low: float
    high: float
    stated: float  # mean
    realised: float  # fraction
    interval: tuple[float, float]  # Wilson's, of the fraction
    n: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Stated against realised values of one figure.

    `n`, `days`: forecasts with a known outcome, and days that they were made on.
    `pending`: forecasts without one.
    `periods`: holding periods without overlap that those days span.
    `stated`, `realised`: means.
    `gap`: of realised less stated.
    `brier`: mean squared error; unknown for dollars.
    `brier_base`: brier score of the realised frequency, stated every time; NaN for dollars.
    `bins`: empty for dollars.
    """

    name: str
    n: int
    days: int
    pending: int
    periods: float
    stated: float
    realised: float
    gap: Interval
    brier: Interval
    brier_base: float
    bins: tuple[Bin, ...]

    @property
    def is_small(self) -> bool:
        """Whether the sample is too small for its intervals."""
        return self.days < FEW_DAYS or self.periods < FEW_PERIODS


Reading = Callable[[Forecast], tuple[float | None, bool | float | None, date | None]]


def _at_exit(made: Forecast) -> date | None:
    return None if made.exit is None else date.fromisoformat(made.exit.day)


def _at_expiry(made: Forecast) -> date | None:
    return None if made.settlement is None else made.expiration


PROBABILITIES: Final[dict[str, Reading]] = {
    "pop": lambda made: (made.stated.pop, made.is_profit_at_expiry, _at_expiry(made)),
    "pop_real_world": lambda made: (made.stated.pop_real_world, made.is_profit_at_expiry, _at_expiry(made)),
    "prob_touch": lambda made: (made.stated.prob_touch, made.is_touched, _at_expiry(made)),
    "prob_target": lambda made: (made.stated.prob_target, made.reached_target, _at_exit(made)),
}
DOLLARS: Final[dict[str, Reading]] = {
    "expected_profit": lambda made: (made.stated.expected_profit, made.gain, _at_exit(made)),
}


def reliabilities(forecasts: Sequence[Forecast]) -> tuple[Reliability, ...]:
    """Reliability of each figure: POP twice, touch, P50, and the managed expectancy."""
    return tuple(
        reliability(name, outcomes_of(forecasts, read), len(forecasts), is_probability=name in PROBABILITIES)
        for name, read in (PROBABILITIES | DOLLARS).items()
    )


def outcomes_of(forecasts: Iterable[Forecast], read: Reading) -> list[Outcome]:
    """Forecasts whose outcome is known."""
    outcomes = []
    for made in forecasts:
        stated, realised, day = read(made)
        if stated is not None and realised is not None and day is not None:
            outcomes.append(Outcome(made.day, stated, float(realised), sessions_until(made, day)))
    return outcomes


def reliability(name: str, outcomes: Sequence[Outcome], made: int, *, is_probability: bool = True) -> Reliability:
    """Reliability of one figure.

    `made`: forecasts, those without an outcome included.
    `is_probability`: bins and Brier score are of probabilities alone.
    """
    days = sorted({outcome.day for outcome in outcomes})
    stated = np.array([outcome.stated for outcome in outcomes])
    realised = np.array([outcome.realised for outcome in outcomes])
    held = float(np.mean([outcome.sessions for outcome in outcomes])) if outcomes else NAN
    place = np.array([days.index(outcome.day) for outcome in outcomes], dtype=np.int64)
    rate = float(realised.mean()) if outcomes else NAN
    brier = _by_day(np.empty(0), place[:0], 0, NAN)
    if is_probability:
        brier = _by_day((realised - stated) ** 2, place, len(days), held)
        brier = replace(brier, low=max(brier.low, 0.0), high=min(brier.high, 1.0)) if brier.is_known else brier
    return Reliability(
        name=name, n=len(outcomes), days=len(days), pending=made - len(outcomes),
        periods=len(sessions(days[0], days[-1])) / max(held, 1.0) if days else 0.0,
        stated=float(stated.mean()) if outcomes else NAN, realised=rate,
        gap=_by_day(realised - stated, place, len(days), held), brier=brier,
        brier_base=rate * (1.0 - rate) if is_probability else NAN,
        bins=_bins(stated, realised) if is_probability else (),
    )  # fmt: skip


def _by_day(values: Array, place: NDArray[np.int64], days: int, held: float) -> Interval:
    """Mean of values with its interval, days resampled in blocks; `place` is the day of each value."""
    counts = np.bincount(place, minlength=days).astype(float)
    sums = np.column_stack([np.bincount(place, values, days), counts])
    return ratio_interval([sums], held, SEED)


def _bins(stated: Array, realised: Array) -> tuple[Bin, ...]:
    """Group forecasts by stated probability; bins without a forecast are left out."""
    place = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    bins = []
    for item in np.unique(place).tolist():
        inside = place == item
        n, count = int(inside.sum()), int(realised[inside].sum())
        mean = float(stated[inside].mean())
        bins.append(Bin(item / BINS, (item + 1) / BINS, mean, count / n, wilson(count, n), n))
    return tuple(bins)
