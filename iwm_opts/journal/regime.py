"""Has the edge changed? A log's results against those that a backtest allows, and since when they differ.

The test is a scan for a fall of the mean: the largest standardised shortfall over all stretches of consecutive trades,
the generalised likelihood ratio of a CUSUM chart (Siegmund and Venkatraman 1995, Annals of Statistics 23), read after
every trade. Its distribution under chance is not taken from a formula: the same scan runs over thousands of logs of
equal length resampled from the backtest in blocks (trades held together stay together), each measured against a
backtest resampled the same way, so that the uncertainty of the backtest's own mean is in it. Looking after every trade
is thus paid for: the stated false-alarm rate is that of the whole log.

Measured on generated logs of weekly condors (tests/journal/conftest.py; a win rate of 76%, a standard deviation of 28%
of the risk, a mean of 5%) at a level of 0.5%, 40 logs each. A fall of the mean that lasts 60 trades is found in 10,
60, 95 and 100% of logs when it is 10, 16, 22 and 29% of the risk; one that lasts 180 trades in 42, 95, 100 and 100%.
Among 500 logs without a change two rang.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

# Blocks of a length b keep 1 - (q - 1/q) / (3 b) of the variance of a mean of results that overlap q at a time (moving
# average); the loss at b = 2 q widens the reach of luck.
BLOCKS: Final = 2  # lengths of overlap in a block
SHORTEST: Final = 10  # trades of a stretch: a few losses are not a regime
REPLICATES: Final = 4_999
# Below the best onset in log-likelihood that an onset may lie: the range holds the true one nine times in ten as
# measured, seven to eight where the fall is small enough to be missed in half of the logs.
ONSET_DROP: Final = 5.0
SEED: Final = 20_240_229
NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A scan of n trades, in order of their exit."""

    statistic: float  # standardised shortfall of the worst stretch
    p: float  # of a log of this length without a change
    threshold: float  # that such a log crosses with the chance asked for
    path: Array  # statistic of the stretches that end with each trade, shape (n,); NaN before there is one
    onset: int  # place of the first trade of the worst stretch
    onset_low: int  # places that the onset may as well be
    onset_high: int
    alarm: int | None  # place of the trade after which the threshold was first crossed
    mean_before: float
    mean_after: float  # from the onset on
    replicates: int


@dataclass(frozen=True, slots=True)
class SampleRank:
    """Rank of a log's figure among equal samples of the backtest."""

    value: float
    expected: float  # median of the samples
    low: float  # 2.5% and 97.5% of them
    high: float
    below: float  # share of samples with less, 0 to 1


def scan_against(values: Array, baseline: Array, overlap: int, level: float) -> Scan:
    """Look for a fall below a baseline's mean.

    `values` (shape (n,)): results of the log, in order; at least `SHORTEST`.
    `baseline` (shape (m,)): results of the backtest in order, in the same unit.
    `overlap`: trades held at a time: they share their luck, and are resampled in blocks of twice as many.
    `level`: false-alarm rate that the threshold is set for.
    """
    block = _block(overlap)
    mean, spread = float(baseline.mean()), _spread(baseline)
    lags = _lags(len(values))
    path, onsets = _worst((mean - values) / spread, lags)
    generator = np.random.default_rng(SEED)
    chance = np.empty(REPLICATES)
    for part in _parts(len(values)):
        size = part.stop - part.start
        samples = baseline[_blocks(generator, size, len(values), len(baseline), block)]
        resampled = baseline[_blocks(generator, size, len(baseline), len(baseline), block)]
        shortfall = (resampled.mean(axis=1, keepdims=True) - samples) / _spread(resampled)[:, None]
        chance[part] = _largest(shortfall, lags)
    widening = 1.0 / math.sqrt(1.0 - (overlap - 1.0 / overlap) / (3.0 * block))
    return _scan(values, path, onsets, chance * widening, level)


def scan_within(values: Array, overlap: int, level: float) -> Scan:
    """Look for a fall within a log alone: its results against the same in shuffled order, in blocks.

    Says whether later trades did worse than earlier ones, not whether any of them did well.
    """
    block = _block(overlap)
    mean, spread = float(values.mean()), _spread(values)
    lags = _lags(len(values))
    shortfall = (mean - values) / spread
    path, onsets = _worst(shortfall, lags)
    generator = np.random.default_rng(SEED)
    chance = np.empty(REPLICATES)
    for part in _parts(len(values)):
        # Orders of the trades whose blocks, of a random phase, are shuffled whole.
        count = part.stop - part.start
        member = (np.arange(len(values)) + generator.integers(0, block, size=(count, 1))) // block
        key = np.take_along_axis(generator.random((count, int(member.max()) + 1)), member, axis=1)
        chance[part] = _largest(shortfall[np.argsort(key, axis=1, kind="stable")], lags)
    return _scan(values, path, onsets, chance, level)


def sample_ranks(values: Array, baseline: Array, overlap: int) -> tuple[SampleRank, SampleRank]:
    """Win rate and mean of a log among equal samples of the baseline, resampled in blocks."""
    block = _block(overlap)
    generator = np.random.default_rng(SEED)
    won, mean = np.empty(REPLICATES), np.empty(REPLICATES)
    for part in _parts(len(values)):
        size = part.stop - part.start
        samples = baseline[_blocks(generator, size, len(values), len(baseline), block)]
        won[part], mean[part] = (samples > 0.0).mean(axis=1), samples.mean(axis=1)
    return _standing(float((values > 0.0).mean()), won), _standing(float(values.mean()), mean)


def _standing(value: float, samples: Array) -> SampleRank:
    low, middle, high = np.quantile(samples, [0.025, 0.5, 0.975])
    below = float((samples < value).mean() + 0.5 * (samples == value).mean())
    return SampleRank(value, float(middle), float(low), float(high), below)


def _scan(values: Array, path: Array, onsets: Places, chance: Array, level: float) -> Scan:
    worst = int(np.nanargmax(path))
    statistic = float(path[worst])
    threshold = float(np.quantile(chance, 1.0 - level))
    crossed = np.flatnonzero(np.nan_to_num(path, nan=-np.inf) >= threshold)
    onset = int(onsets[worst])
    before, after, low, high = values[:onset], values[onset:], onset, onset
    if len(before) < 2:
        low = 0
    elif len(after) > 1:
        # Onsets nearly as likely as the best one, given the means on its two sides; normal likelihood. Moving the onset
        # by one trade changes the log-likelihood by what that trade says for either side.
        first, second = float(before.mean()), float(after.mean())
        variance = (float(((before - first) ** 2).sum()) + float(((after - second) ** 2).sum())) / len(values)
        if variance > 0.0:
            gain = ((values - second) ** 2 - (values - first) ** 2) / (2.0 * variance)
            likelihood = np.concatenate([[0.0], np.cumsum(gain)])
            near = np.flatnonzero(likelihood[:-1] >= likelihood.max() - ONSET_DROP)
            low, high = int(min(near[0], onset)), int(max(near[-1], onset))
    return Scan(
        statistic=statistic, p=(1.0 + float((chance >= statistic).sum())) / (REPLICATES + 1.0), threshold=threshold,
        path=path, onset=onset, onset_low=low, onset_high=high, alarm=int(crossed[0]) if len(crossed) else None,
        mean_before=float(before.mean()) if len(before) else NAN, mean_after=float(values[onset:].mean()),
        replicates=REPLICATES,
    )  # fmt: skip


def _worst(shortfall: Array, lags: Places) -> tuple[Array, Places]:
    """Largest standardised sum of the stretches that end with each trade, and where that stretch begins.

    Shape (n,); NaN before the shortest stretch fits.
    """
    n = len(shortfall)
    total = np.concatenate([[0.0], np.cumsum(shortfall)])
    best, lag_of = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    for lag in lags:
        reached = (total[lag:] - total[:-lag]) / math.sqrt(lag)
        better = ~(reached <= best[lag - 1 :])
        best[lag - 1 :][better] = reached[better]
        lag_of[lag - 1 :][better] = lag
    return best, np.arange(n) + 1 - lag_of


def _largest(shortfall: Array, lags: Places) -> Array:
    """Largest standardised sum of any stretch of each log, shape (logs, n) to (logs,)."""
    total = np.zeros((shortfall.shape[1] + 1, len(shortfall)))
    np.cumsum(shortfall.T, axis=0, out=total[1:])  # stretches of all logs lie side by side
    best = np.full(len(shortfall), -np.inf)
    for lag in lags:
        np.maximum(best, (total[lag:] - total[:-lag]).max(axis=0) / math.sqrt(lag), out=best)
    return best


def _lags(n: int) -> Places:
    """Lengths of the stretches: all up to 30 trades, then a twentieth apart, and the whole log."""
    lags = list(range(min(SHORTEST, n), min(n, 30) + 1))
    while lags[-1] < n:
        lags.append(min(n, max(lags[-1] + 1, math.ceil(lags[-1] * 1.05))))
    return np.array(lags, dtype=np.int64)


def _spread(values: Array) -> Array:
    """Return the standard deviation along the last axis; a sample of equal values has the smallest there is."""
    return np.asarray(np.maximum(values.std(axis=-1, ddof=1), 1e-12))


def _block(overlap: int) -> int:
    return BLOCKS * overlap if overlap > 1 else 1


def _parts(n: int) -> list[slice]:
    """Replicates in parts that fit into the cache of a processor."""
    size = max(1, min(REPLICATES, 60_000 // max(n, 1)))
    return [slice(start, min(start + size, REPLICATES)) for start in range(0, REPLICATES, size)]


def _blocks(generator: np.random.Generator, count: int, length: int, available: int, block: int) -> Places:
    """Places of a circular block bootstrap (Politis and Romano 1992), shape (count, wanted)."""
    blocks = -(-length // block)
    starts = generator.integers(0, available, size=(count, blocks))
    places = (starts[:, :, None] + np.arange(block)) % available
    return np.asarray(places.reshape(count, blocks * block)[:, :length])
