"""Rank and percentile of a value within a trailing window."""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel


@inline
def _rank(value, low, high):
    """Rank of a value between two others, 0 to 100; NaN where they are equal."""
    return 100.0 * ((value - low) / (high - low)) if high > low else math.nan


@kernel("Tuple((float64, float64, int64))(float64[::1])")
def rank_and_percentile(window):
    """Rank and percentile of the last observation of `window`, both 0 to 100, and the observations in it.

    NaN observations are gaps and count for nothing. (NaN, NaN, n) where the last observation is a gap or the window
    holds no range to rank within.
    """
    last = window[-1]
    low, high = math.inf, -math.inf
    observed = below = 0
    for value in window:
        if math.isnan(value):
            continue
        observed += 1
        low, high = min(low, value), max(high, value)
        below += value < last
    if math.isnan(last) or high <= low:
        return math.nan, math.nan, observed
    return _rank(last, low, high), 100.0 * (below / (observed - 1)), observed


@kernel("void(float64[::1], int64, float64[::1], float64[::1], int64[::1])")
def rolling_rank_and_percentile(values, lookback, rank, percentile, observations):
    """Fill `rank`, `percentile` and `observations` for the window of `lookback` values that ends at each value.

    Windows are shorter at the start. NaN as in `rank_and_percentile`.
    """
    for i in range(len(values)):
        window = values[max(0, i + 1 - lookback) : i + 1]
        rank[i], percentile[i], observations[i] = rank_and_percentile(window)


@kernel("void(float64[::1], int64, float64[::1], int64[::1])")
def rolling_rank(values, lookback, rank, observations):
    """`rank` and `observations` alone, as `rolling_rank_and_percentile` fills them, in a time apart from the lookback.

    Candidates for the lowest and the highest value wait in two queues, each in order of value and of age (sliding
    window minimum: Lemire 2006, "Streaming maximum-minimum filter using no more than three comparisons per element").
    """
    n = len(values)
    lowest, highest = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    low_first = low_end = high_first = high_end = observed = 0
    for i in range(n):
        value = values[i]
        leaving = i - lookback
        if leaving >= 0 and not math.isnan(values[leaving]):
            observed -= 1
        if low_first < low_end and lowest[low_first] <= leaving:
            low_first += 1
        if high_first < high_end and highest[high_first] <= leaving:
            high_first += 1
        observations[i] = observed
        rank[i] = math.nan
        if math.isnan(value):
            continue
        observed += 1
        observations[i] = observed
        while low_first < low_end and values[lowest[low_end - 1]] >= value:
            low_end -= 1
        lowest[low_end] = i
        low_end += 1
        while high_first < high_end and values[highest[high_end - 1]] <= value:
            high_end -= 1
        highest[high_end] = i
        high_end += 1
        rank[i] = _rank(value, values[lowest[low_first]], values[highest[high_first]])
