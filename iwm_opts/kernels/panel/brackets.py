"""Slices that bracket a tenor on every day of a panel."""

import math

from numba import float64, int64, types

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.panel.constant_maturity import SAME_MOMENT

FLOATS, INTS = float64[::1], int64[::1]


@kernel(types.void(INTS, FLOATS, FLOATS, FLOATS, INTS, float64, INTS, INTS))
def tenor_brackets(day_start, years, clock, variance, options, target, near, far):
    """Nearest usable slices on either side of a target, the same one twice on it; -1 where there is none.

    Parameters
    ----------
    day_start : shape (D + 1,)
    years, clock, variance, options : shape (S,)
        Ascending years and days to expiry on the clock of `target`; total variance, NaN where it may not be used;
        options it rests on, by which the fullest root of a moment counts.
    target : float
        Days.
    near, far : shape (D,)
        Written.
    """
    for d in range(near.shape[0]):
        near[d] = far[d] = -1
        s = day_start[d]
        while s < day_start[d + 1]:
            best, moment = -1, years[s]
            while s < day_start[d + 1] and years[s] == moment:
                if not math.isnan(variance[s]) and (best < 0 or options[s] > options[best]):
                    best = s
                s += 1
            if best < 0:
                continue
            if clock[best] <= target + SAME_MOMENT:
                near[d] = best
            if far[d] < 0 and clock[best] >= target - SAME_MOMENT:
                far[d] = best
        if near[d] < 0 or far[d] < 0:
            near[d] = far[d] = -1
