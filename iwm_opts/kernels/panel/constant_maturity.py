"""Implied volatility at a constant tenor, all days in one call."""

import math

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels._jit import kernel

SAME_MOMENT = 1e-6  # days: an expiration this near to a tenor is on it, whatever the rounding of years


@kernel("void(int64[::1], float64[::1], float64[::1], int64[::1], float64, float64, float64[::1])", few=8192)
def constant_maturity_vols(start, clock, variance, strikes, target, tenor_days, vol):
    """Interpolate total variance between the expirations that bracket a tenor, and annualise it.

    Day d has the rows start[d] to start[d + 1], ascending in `clock`, days to expiry on the clock that `target` is
    measured on. `variance` (rows,) is total variance to expiry, NaN where an expiration gives none or may not be used.
    Where two roots share a moment, the one with more `strikes` counts. `vol` (days,) is annualised on `tenor_days`,
    calendar days; NaN where no two expirations bracket the target: nothing is extrapolated.
    """
    for d in range(start.shape[0] - 1):
        near, far = -1, -1
        i = start[d]
        while i < start[d + 1]:
            row, i = i, i + 1
            while i < start[d + 1] and clock[i] == clock[row]:
                if not math.isnan(variance[i]) and (math.isnan(variance[row]) or strikes[i] > strikes[row]):
                    row = i
                i += 1
            if math.isnan(variance[row]):
                continue
            if clock[row] <= target + SAME_MOMENT:
                near = row
            if far < 0 and clock[row] >= target - SAME_MOMENT:
                far = row
        if near < 0 or far < 0:
            vol[d] = math.nan
            continue
        gap = clock[far] - clock[near]
        fraction = (target - clock[near]) / gap if gap > 0.0 else 0.0
        total = variance[near] + fraction * (variance[far] - variance[near])
        vol[d] = math.sqrt(total * DAYS_PER_YEAR / tenor_days)
