"""The statistics behind a diagnosis: intervals, tests, and the control of false accusations among many of them.

Trades that are held at the same time share their market, so that n of them know less than n: their variance is
multiplied by n over the effective number of independent trades (`backtest.metrics.independent_trades`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, betaincinv, ndtri, stdtr, stdtrit

Array = NDArray[np.float64]

LEVEL: Final = 0.95  # of every interval
POWER: Final = 0.8  # at which a smallest effect is said to be seen
FAMILY_ERROR: Final = 0.01  # chance of any false accusation among all tests of one diagnosis
SHUFFLES: Final = 9_999  # the least p, 0.0001, is below the strictest level of a family of fifty
SHUFFLE_SEED: Final = 1
EDGE_PART: Final = 0.5  # of that chance is spent on the edge, one test of its own; the rest on the trader's habits
TOLERATED: Final = 0.05  # fraction of slips below a habit: a person who keeps rules breaks one in twenty
FEWEST: Final = 10  # values that a test needs
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, or a difference of means, with its interval at `LEVEL`; NaN where undefined."""

    value: float
    low: float
    high: float
    n: int
    error: float = NAN  # standard error


def mean_of(values: Array, dependence: float = 1.0) -> Estimate:
    """Mean with Student's interval.

    `values` (shape (n,)): without NaN.
    `dependence`: what their variance is multiplied by, at least 1.
    """
    n = len(values)
    if n < 2:
        return Estimate(float(values.mean()) if n else NAN, NAN, NAN, n)
    error = math.sqrt(float(values.var(ddof=1)) * dependence / n)
    mean = float(values.mean())
    reach = error * _student(max(n / dependence - 1.0, 1.0))
    return Estimate(mean, mean - reach, mean + reach, n, error)


def difference_of(first: Array, second: Array, dependence: float = 1.0) -> tuple[Estimate, float]:
    """Mean of the first less that of the second, and the p of their being equal or the first smaller (Welch).

    `first`, `second`: without NaN; fewer than two values on either side give NaN.
    `dependence`: as in `mean_of`.
    """
    sizes = len(first), len(second)
    if min(sizes) < 2:
        return Estimate(NAN, NAN, NAN, sum(sizes)), NAN
    parts = [float(side.var(ddof=1)) * dependence / len(side) for side in (first, second)]
    error = math.sqrt(sum(parts))
    value = float(first.mean() - second.mean())
    if not error > 0.0:
        return Estimate(value, value, value, sum(sizes), 0.0), 0.0 if value > 0 else 1.0
    spread = sum(part**2 / max(n / dependence - 1.0, 1.0) for part, n in zip(parts, sizes, strict=True))
    freedom = sum(parts) ** 2 / spread
    reach = error * _student(freedom)
    return Estimate(value, value - reach, value + reach, sum(sizes), error), float(stdtr(freedom, -value / error))


def p_by_shuffling(first: Array, second: Array) -> float:
    """Chance that the mean of the first exceeds that of the second by as much, were the values dealt out at random.

    A permutation test, by `SHUFFLES` deals with a fixed seed. Results of trades are skewed, and Welch's p is up to four
    times too small where one side has some ten of them; this one is not.
    """
    pooled, few = np.concatenate([first, second]), len(second)
    deals = np.random.default_rng(SHUFFLE_SEED).permuted(np.tile(pooled, (SHUFFLES, 1)), axis=1)
    # The lower the sum of the second, the further it lies below the first; a billionth is for the order of addition.
    as_low = deals[:, :few].sum(axis=1) <= second.sum() + 1e-9 * np.abs(pooled).sum()
    return float((1 + np.count_nonzero(as_low)) / (1 + SHUFFLES))


def p_above_zero(estimate: Estimate) -> float:
    """One-sided p of a mean that is zero or less (Student)."""
    if estimate.n < 2 or math.isnan(estimate.error):
        return NAN
    if estimate.error == 0.0:
        return 0.0 if estimate.value > 0.0 else 1.0
    return float(stdtr(estimate.n - 1, -estimate.value / estimate.error))


def p_of_breaches(count: int, n: int) -> float:
    """Exact p of so many breaches, or more, where a share is tolerated (binomial)."""
    return 1.0 if count == 0 else float(bdtrc(count - 1, n, TOLERATED))


def share_interval(count: int, n: int) -> tuple[float, float]:
    """Interval of a share (Clopper and Pearson 1934)."""
    if n == 0:
        return NAN, NAN
    tail = (1.0 - LEVEL) / 2.0
    low = float(betaincinv(count, n - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1.0 - tail)) if count < n else 1.0
    return low, high


def wilson(count: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of a fraction at `LEVEL` (Wilson 1927, JASA 22); independent trials."""
    z2 = float(ndtri(0.5 + LEVEL / 2.0)) ** 2
    middle = (count + 0.5 * z2) / (n + z2)
    reach = math.sqrt(z2 * (count * (n - count) / n + 0.25 * z2)) / (n + z2)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def holm(values: Sequence[float]) -> list[float]:
    """P adjusted so that the chance of any false rejection among them stays below the level (Holm 1979); NaN stays."""
    ranked = sorted((p, place) for place, p in enumerate(values) if not math.isnan(p))
    adjusted = [NAN] * len(values)
    highest = 0.0
    for rank, (p, place) in enumerate(ranked):
        highest = max(highest, min(1.0, p * (len(ranked) - rank)))
        adjusted[place] = highest
    return adjusted


def detectable(error: float, level: float) -> float:
    """Smallest effect seen four times in five by a one-sided test at a level, for a standard error (normal)."""
    return float(error * (ndtri(1.0 - level) + ndtri(POWER)))


def detectable_share(n: int, level: float) -> float:
    """Smallest share of breaches seen four times in five at a level; 1 where none is."""
    needed = next((k for k in range(1, n + 1) if p_of_breaches(k, n) <= level), None)
    if needed is None:
        return 1.0
    shares = np.linspace(TOLERATED, 1.0, 191)
    return float(next((share for share in shares if 1.0 - bdtr(needed - 1, n, share) >= POWER), 1.0))


def _student(freedom: float) -> float:
    return float(stdtrit(freedom, 0.5 + LEVEL / 2.0))


def money(value: float) -> str:
    """Dollars to the cent."""
    return f"{'-' if round(value, 2) < 0 else ''}${abs(value):,.2f}"


def lost(cost: float) -> str:
    """Phrase a cost, or a gain."""
    return f"cost {money(cost)}" if cost > 0 else f"brought {money(-cost)}"


def share(value: float) -> str:
    """Share of the risk, signed."""
    return f"{100.0 * value:+.1f}%"


def span(estimate: Estimate, written: Callable[[float], str]) -> str:
    """Interval of an estimate."""
    return f"{written(estimate.low)} to {written(estimate.high)}"


def odds(p: float) -> str:
    """How often luck alone does as much."""
    return f"{100.0 * p:.{'0f' if p >= 0.1 else '2g'}}% of logs"
