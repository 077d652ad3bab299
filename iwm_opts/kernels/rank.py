"""Rank and percentile of a value within a trailing window."""

import math

from iwm_opts.kernels._jit import kernel


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
    return 100.0 * ((last - low) / (high - low)), 100.0 * (below / (observed - 1)), observed


@kernel("void(float64[::1], int64, float64[::1], float64[::1], int64[::1])")
def rolling_rank_and_percentile(values, lookback, rank, percentile, observations):
    """Fill `rank`, `percentile` and `observations` for the window of `lookback` values that ends at each value.

    Windows are shorter at the start. NaN as in `rank_and_percentile`.
    """
    for i in range(len(values)):
        window = values[max(0, i + 1 - lookback) : i + 1]
        rank[i], percentile[i], observations[i] = rank_and_percentile(window)
