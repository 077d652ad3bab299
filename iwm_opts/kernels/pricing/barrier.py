"""Probability that a price touches a level before a time, under a driftless lognormal diffusion."""

import math

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import normal_cdf

REACH = 9.0  # standard deviations: images farther away weigh less than rounding


@inline
def touch_one(log_level, stdev):
    """Probability that log-price, started at 0 with drift -stdev^2/2, reaches `log_level` (either sign).

    Reflection principle with drift (Shreve 2004, Stochastic Calculus for Finance II, section 3.7 and exercise 3.7;
    Harrison 1985, section 1.8).
    """
    distance = abs(log_level)
    drift = -0.5 * stdev * stdev if log_level > 0 else 0.5 * stdev * stdev  # towards the level
    direct = normal_cdf((drift - distance) / stdev)
    mirrored = math.exp(2.0 * drift * distance / (stdev * stdev)) * normal_cdf((-drift - distance) / stdev)
    return min(direct + mirrored, 1.0)


@inline
def stay_between(low, high, stdev):
    """Probability that log-price, started at 0 with drift -stdev^2/2, stays strictly between two levels.

    Method of images (Cox and Miller 1965, The Theory of Stochastic Processes, section 5.7).
    """
    if low >= 0.0 or high <= 0.0:
        return 0.0
    width = high - low
    drift = -0.5 * stdev * stdev
    variance = stdev * stdev
    images = int(min(0.5 * REACH * stdev / width, 1e4)) + 2
    total = 0.0
    for n in range(-images, images + 1):
        shift = 2.0 * n * width
        weight = math.exp(drift * shift / variance)
        total += weight * (normal_cdf((high - shift - drift) / stdev) - normal_cdf((low - shift - drift) / stdev))
        mirror = 2.0 * high - shift
        weight = math.exp(drift * mirror / variance)
        total -= weight * (normal_cdf((high - mirror - drift) / stdev) - normal_cdf((low - mirror - drift) / stdev))
    return min(max(total, 0.0), 1.0)


@inline
def touch_either(low, high, stdev_low, stdev_high):
    """Probability of touching a lower or an upper level, each with the total standard deviation of its own strike.

    Inclusion and exclusion: each level alone under its own vol; reaching both (rare) under the mean variance.
    """
    mean = math.sqrt(0.5 * (stdev_low * stdev_low + stdev_high * stdev_high))
    both = touch_one(low, mean) + touch_one(high, mean) - (1.0 - stay_between(low, high, mean))
    alone, other = touch_one(low, stdev_low), touch_one(high, stdev_high)
    # Two vols make two measures: whatever they leave, either is no less likely than each alone.
    return min(max(alone + other - max(both, 0.0), max(alone, other)), 1.0)


@inline
def touch_any(low, high, stdev_low, stdev_high):
    """Probability of touching whichever of two levels exists (NaN: none); 1 where the price is already beyond one."""
    if low >= 0.0 or high <= 0.0:
        return 1.0
    if math.isnan(low) and math.isnan(high):
        return math.nan
    if math.isnan(low):
        return touch_one(high, stdev_high)
    if math.isnan(high):
        return touch_one(low, stdev_low)
    return touch_either(low, high, stdev_low, stdev_high)


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def touch(low, high, stdev_low, stdev_high, out):
    """Probability of touching each package's short strikes, given as log(strike / price)."""
    for i in range(out.shape[0]):
        out[i] = touch_any(low[i], high[i], stdev_low[i], stdev_high[i])
