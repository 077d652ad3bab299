"""Strikes that expirations list, for many days and expirations at once."""

import math

import numpy as np

from iwm_opts.kernels._jit import kernel


@kernel("void(int64[::1], int64[::1], float64[::1], float64, float64[::1], float64[::1], float64[::1])")
def close_ranges(first, last, close, cheap, low, high, cheap_high):
    """Lowest and highest of the closes from place first[i] to last[i], both included, and the highest below `cheap`.

    Shapes (rows,); NaN where no close is in the range.
    """
    for i in range(first.shape[0]):
        low[i] = high[i] = cheap_high[i] = math.nan
        for j in range(first[i], last[i] + 1):
            if not low[i] <= close[j]:
                low[i] = close[j]
            if not high[i] >= close[j]:
                high[i] = close[j]
            if close[j] < cheap and not cheap_high[i] >= close[j]:
                cheap_high[i] = close[j]


@kernel("void(int64[::1], int64[:, ::1], int64[:, ::1], float64, int64[::1], float64[::1])")
def merge_strikes(step, first, last, unit, start, strike):
    """Union of the ladders of each row, ascending.

    Ladder l of row i has the multiples of step[l] from first[l, i] to last[l, i], in units of `unit` dollars. They are
    written to strike[start[i]] to strike[start[i + 1]], and `start` (rows + 1,) with them.
    """
    place = 0
    upcoming = np.empty(step.shape[0], dtype=np.int64)
    size, top = np.empty_like(upcoming), np.empty_like(upcoming)
    start[0] = 0
    for i in range(first.shape[1]):
        count = 0
        for ladder in range(step.shape[0]):
            if first[ladder, i] <= last[ladder, i]:
                size[count] = step[ladder]
                upcoming[count], top[count] = step[ladder] * first[ladder, i], step[ladder] * last[ladder, i]
                count += 1
        while count > 0:
            value = upcoming[0]
            for ladder in range(1, count):
                value = min(value, upcoming[ladder])
            strike[place] = unit * value
            place += 1
            ladder = 0
            while ladder < count:
                if upcoming[ladder] == value:
                    upcoming[ladder] += size[ladder]
                if upcoming[ladder] > top[ladder]:  # the last ladder takes its place
                    count -= 1
                    upcoming[ladder], size[ladder], top[ladder] = upcoming[count], size[count], top[count]
                else:
                    ladder += 1
        start[i + 1] = place
