"""Equity of resampled histories, and the growth-optimal size."""

import math

from iwm_opts.kernels._jit import COUNTLESS, inline, kernel

HALVINGS = 45  # of the interval that holds the growth-optimal size


@kernel(
    "void(float64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64, float64[::1], boolean,"
    " float64[:, ::1], float64[:, ::1], float64[:, ::1])",
    **COUNTLESS,
)
def resample_equity(move, following, first, length, days, size, is_compounded, final, drawdown, lowest):
    """Trade each history at each size from an equity of 1; an equity of 0 ends it.

    `move` (rows,) has the P&L of each day of the record at size 1, as a fraction of the equity before it where
    compounded, else of the account at the start. `following` has the row of each day's next. Block b of history i
    begins on row first[i, b] and has length[i, b] days; those of a history cover `days`. Writes, shape (histories,
    sizes), the equity at the end, the deepest drawdown (fraction of the peak, at most 0) and the lowest equity.
    """
    for i in range(first.shape[0]):
        for k in range(size.shape[0]):
            scale = size[k]
            level = peak = low = ratio = 1.0
            day = block = 0
            while day < days and level > 0.0:
                row, stop = first[i, block], min(day + length[i, block], days)
                block += 1
                while day < stop:
                    change = scale * move[row]
                    if is_compounded:
                        change *= level
                    level += change
                    if level <= 0.0:
                        level = low = ratio = 0.0
                        break
                    low = min(low, level)
                    peak = max(peak, level)
                    ratio = min(ratio, level / peak)
                    row = following[row]
                    day += 1
            final[i, k], drawdown[i, k], lowest[i, k] = level, ratio - 1.0, low


@inline
def growth_optimal_size(move, count):
    """Size at which the mean of log(1 + size x move) is largest, day i counting count[i] times.

    Kelly 1956, Bell System Technical Journal 35. The derivative, the mean of move / (1 + size x move), falls in size:
    its zero is bisected between 0 and the size that the worst day ruins. Zero where the mean is not positive, infinite
    where no day that counts loses.
    """
    total = worst = 0.0
    for i in range(move.shape[0]):
        if count[i] > 0:
            total += count[i] * move[i]
            worst = min(worst, move[i])
    if total <= 0.0:
        return 0.0
    if worst == 0.0:
        return math.inf
    low, high = 0.0, -1.0 / worst
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        slope = 0.0
        for i in range(move.shape[0]):
            if count[i] > 0:
                slope += count[i] * move[i] / (1.0 + middle * move[i])
        if slope > 0.0:
            low = middle
        else:
            high = middle
    return low


@kernel(
    "void(float64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], float64[::1])",
    **COUNTLESS,
)
def growth_optimal_sizes(move, following, first, length, count, size):
    """Growth-optimal size of each history, as long as the record; blocks as for `resample_equity`, `count` scratch."""
    days = move.shape[0]
    for i in range(first.shape[0]):
        for row in range(days):
            count[row] = 0
        day = block = 0
        while day < days:
            row, stop = first[i, block], min(day + length[i, block], days)
            block += 1
            while day < stop:
                count[row] += 1
                row = following[row]
                day += 1
        size[i] = growth_optimal_size(move, count)
