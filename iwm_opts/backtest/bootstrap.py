"""Intervals for what trades earn, and for differences between two sets of rules on the same days.

A figure is a ratio of sums over days: gain over trades, or change of equity over risk borne. A difference takes both
ratios from the same resampled days, so that what moved both sides alike cancels.

Trades overlap and their luck comes in spells, so days are resampled in blocks of random length (stationary bootstrap,
Politis and Romano 1994, JASA 89), long enough for both. Percentiles of such resamples cover too little: gains of short
options are skewed and long blocks leave few of them. The intervals here are symmetric bootstrap-t ones (Hall 1988,
Annals of Statistics 16), each resample being measured in its own standard error; on null markets of a few years they
cover about as often as they say, where percentiles miss every eighth time (tests/backtest/test_bootstrap.py).

Several simulated paths are independent and resampled whole; fewer than `MIN_PATHS` are too few for that and are
resampled by days within each.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.kernels.backtest.resample import resample_ratios

Array = NDArray[np.float64]
Days = NDArray[np.int32]

LEVEL: Final = 0.95
DRAWS: Final = 1_000
MIN_PATHS: Final = 10  # below, days are resampled within each path
MIN_TRADES: Final = 10  # below, no interval is worth its name
BATCH: Final = 64  # draws in memory at a time
MOST_KEPT: Final = 2**23  # draws x days kept from one figure to the next: 100 MB
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, its standard error, and an interval that covers the truth `level` of the time; NaN if unknown."""

    estimate: float
    standard_error: float
    low: float
    high: float
    level: float
    draws: int
    block: float  # mean length in sessions; NaN where paths are resampled
    resampled: str  # what, in words

    @property
    def is_known(self) -> bool:
        """Whether there was enough to resample."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes zero."""
        return self.is_known and not self.low <= 0.0 <= self.high

    def of_trades(self, trades: int) -> "Interval":
        """Return the interval of so many trades: without bounds where they are too few."""
        return self if trades >= MIN_TRADES else replace(self, low=NAN, high=NAN)


def ratio_interval(
    samples: Sequence[Array], holding: float, seed: int, draws: int = DRAWS, level: float = LEVEL
) -> Interval:
    """Interval for a ratio of sums over days, or for the difference of two.

    Parameters
    ----------
    samples : sequence of ndarray
        One a path, shape (days, 2) or (days, 4): numerator and denominator, then those that are taken off.
    holding : float
        Sessions that a trade is held on average: outcomes that many sessions apart share days. Blocks are twice as
        long, or as long as the data ask for (Politis and White 2004, corrected by Patton, Politis and White 2009).
    seed : int
        The same gives the same interval.
    draws : int
    level : float

    Returns
    -------
    Interval
        NaN throughout where a denominator is zero, and without bounds where nothing varies.
    """
    totals = np.array([sample.sum(axis=0) for sample in samples])
    estimate = _difference(totals.sum(axis=0))
    by_path = len(samples) >= MIN_PATHS
    words = counted(len(samples), "paths") if by_path else ""
    if not np.isfinite(estimate):
        return Interval(NAN, NAN, NAN, NAN, level, 0, NAN, words or "nothing")
    if by_path:
        error = _path_error(totals)
        values, errors = _resampled_paths(totals, np.random.default_rng(seed), draws)
        length = NAN
    else:
        block = _block(samples, holding)
        values, errors = _resampled_days(samples, block, seed, draws)
        error, values, errors = float(errors[0]), values[1:], errors[1:]
        length, words = float(block), f"blocks of {block} sessions on average"
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(values - estimate) / errors
    usable = distance[np.isfinite(distance)]
    reach = error * float(np.quantile(usable, level)) if len(usable) > draws // 2 and error > 0.0 else NAN
    return Interval(estimate, error, estimate - reach, estimate + reach, level, draws, length, words)


def _difference(totals: Array) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = totals[0::2] / totals[1::2]
    return float(ratios[0] - ratios[1]) if len(ratios) == 2 else float(ratios[0])


def _influence(sample: Array, totals: Array) -> Array:
    """Return each day's influence on the figure, to first order; `totals` are over all days of all paths."""
    pull = np.zeros(len(sample))
    for sign, column in ((1.0, 0), (-1.0, 2))[: sample.shape[1] // 2]:
        ratio = totals[column] / totals[column + 1]
        pull += sign * (sample[:, column] - ratio * sample[:, column + 1]) / totals[column + 1]
    return pull


def _block(samples: Sequence[Array], holding: float) -> int:
    totals = np.sum([sample.sum(axis=0) for sample in samples], axis=0)
    pulls = [_influence(sample, totals) for sample in samples]
    lengths = [optimal_block(pull) for pull in pulls if np.ptp(pull) > 0.0 and len(pull) > 10]
    shortest = min(len(sample) for sample in samples)
    least = max(2.0 * holding if math.isfinite(holding) else 1.0, 1.0)
    longest = max([least, *(length for length in lengths if math.isfinite(length))])
    return max(1, min(math.ceil(longest), shortest // 3))


def optimal_block(series: Array) -> float:
    """Mean block length of least error for a stationary bootstrap's variance of the mean.

    Politis and White 2004, Econometric Reviews 23, corrected by Patton, Politis and White 2009, Econometric Reviews 28.

    Parameters
    ----------
    series : ndarray, shape (days,)
        More than ten values.

    Returns
    -------
    float
        Days; NaN where the long-run variance is zero or unknown.
    """
    n = len(series)
    centred = series - series.mean()
    run = max(5, int(math.log10(n)))  # insignificant lags in a row that end the memory
    lags = np.arange(math.ceil(math.sqrt(n)) + run + 1)
    product = np.array([centred[lag:] @ centred[: n - lag] for lag in lags])
    square = np.concatenate([[0.0], np.cumsum(centred**2)])
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing varies before the last lag, or after the first
        correlation = np.abs(product) / np.sqrt((square[n] - square[lags + 1]) * square[n - lags - 1])
        is_small = correlation < 2.0 * math.sqrt(math.log10(n) / n)
        quiet = [lag for lag in lags[:-run] if is_small[lag : lag + run].all()]
        longest = min(2 * max(quiet[0], 1), int(lags[-1])) if quiet else int(lags[-1])
        lag, covariance = lags[1 : longest + 1], product[1 : longest + 1] / n
        weight = np.minimum(1.0, 2.0 * (1.0 - lag / longest))
        spread = product[0] / n + 2.0 * (weight @ covariance)
        length = np.cbrt(n * (2.0 * (weight * lag) @ covariance / spread) ** 2)
    return float(min(length, math.ceil(min(3.0 * math.sqrt(n), n / 3.0))))


def _resampled_days(samples: Sequence[Array], block: int, seed: int, draws: int) -> tuple[Array, Array]:
    """Ratio and standard error of the days as they are, then of each draw, shape (1 + draws,)."""
    lengths = [len(sample) for sample in samples]
    stacked = np.ascontiguousarray(np.concatenate(samples), dtype=np.float64)
    start = np.concatenate([[0], np.cumsum(lengths)])
    values, errors = np.empty(1 + draws), np.empty(1 + draws)
    rows, pull = np.empty(len(stacked), dtype=np.int64), np.empty(len(stacked))

    def resample(day: Days, uniform: Array, here: slice) -> None:
        resample_ratios(stacked, start, day, uniform, float(block), rows, pull, values[here], errors[here])

    whole = np.concatenate([np.arange(days, dtype=np.int32) for days in lengths])[None, :]
    resample(whole, np.zeros((1, len(stacked))), slice(1))
    for first, numbers in zip(range(1, 1 + draws, BATCH), _random_days(tuple(lengths), seed, draws), strict=False):
        resample(*numbers, slice(first, min(first + BATCH, 1 + draws)))
    return values, errors


def _random_days(lengths: tuple[int, ...], seed: int, draws: int) -> Iterator[tuple[Days, Array]]:
    """Days counted from the start of their path, and numbers in [0, 1), of BATCH draws at a time; shape (BATCH, days).

    A page of figures over the same days resamples the same ones: they are kept from one figure to the next.
    """
    if draws * sum(lengths) > MOST_KEPT:
        rng = np.random.default_rng(seed)
        while True:
            yield _drawn(rng, lengths)
    kept = _kept_days(lengths, seed)
    for number in count():
        with kept.lock:
            while len(kept.batches) <= number:
                kept.batches.append(_drawn(kept.rng, lengths))
        yield kept.batches[number]


class _KeptDays:
    """Random days and numbers of one seed, as far as they were drawn."""

    def __init__(self, _lengths: tuple[int, ...], seed: int) -> None:
        self.rng, self.lock = np.random.default_rng(seed), Lock()
        self.batches: list[tuple[Days, Array]] = []


_kept_days = lru_cache(maxsize=1)(_KeptDays)


def _drawn(rng: np.random.Generator, lengths: tuple[int, ...]) -> tuple[Days, Array]:
    start = np.cumsum([0, *lengths])
    day, uniform = np.empty((BATCH, start[-1]), dtype=np.int32), np.empty((BATCH, start[-1]))
    for i in range(BATCH):
        for at, days in zip(start, lengths, strict=False):
            day[i, at : at + days] = rng.integers(days, size=days)
            uniform[i, at : at + days] = rng.random(days)
    return day, uniform


def _path_error(totals: Array) -> float:
    pull = _influence(totals, totals.sum(axis=0))
    return math.sqrt(len(pull) / (len(pull) - 1) * float(((pull - pull.mean()) ** 2).sum()))


def _resampled_paths(totals: Array, rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
    values, errors = np.empty(draws), np.empty(draws)
    for i in range(draws):
        drawn = totals[rng.integers(0, len(totals), len(totals))]
        values[i] = _difference(drawn.sum(axis=0))
        errors[i] = _path_error(drawn) if (drawn.sum(axis=0)[1::2] > 0.0).all() else NAN
    return values, errors
