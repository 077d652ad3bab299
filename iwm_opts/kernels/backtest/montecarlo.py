"""Equity of resampled histories, and the growth-optimal size."""

import math

from iwm_opts.kernels._jit import inline, kernel

HALVINGS = 45  # of the interval that holds the growth-optimal size
STEPS = 50  # of Newton's method at most; three or four are usual
PRECISION = 1e-9  # of a size, relative


@kernel(
    "void(float64[::1], int64[::1], int64[:, ::1], int64[:, ::1], float64[::1], boolean, float64, float64[::1],"
    " float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1])"
)
def resample_equity(
    move, following, first, length, size, is_compounded, fall, path, final, drawdown, lowest, size_of_fall
):
    """Trade each history at each size from an equity of 1; an equity of 0 ends it.

    `move` (rows,) has the P&L of each day of the record at size 1, as a fraction of the equity before it where
    compounded, else of the account at the start. `following` has the row of each day's next. Block b of history i
    begins on row first[i, b] and has length[i, b] days; those of a history cover `path` (days,), which is room. Writes,
    shape (histories, sizes), the equity at the end, the deepest drawdown (fraction of the peak, at most 0) and the
    lowest equity; and, shape (histories,), the smallest size with a drawdown of `fall`.
    """
    days = path.shape[0]
    for i in range(first.shape[0]):
        day = block = 0
        while day < days:
            row, stop = first[i, block], min(day + length[i, block], days)
            block += 1
            while day < stop:
                path[day] = move[row]
                row = following[row]
                day += 1
        for k in range(size.shape[0]):
            scale = size[k]
            level = peak = low = ratio = 1.0
            for day in range(days):
                change = scale * path[day]
                if is_compounded:
                    change *= level
                level += change
                if level <= 0.0:
                    level = low = ratio = 0.0
                    break
                low = min(low, level)
                peak = max(peak, level)
                if level < ratio * peak:
                    ratio = level / peak
            final[i, k], drawdown[i, k], lowest[i, k] = level, ratio - 1.0, low
        size_of_fall[i] = compounded_size(path, fall) if is_compounded else fixed_size(path, fall)


@inline
def fixed_size(path, fall):
    """Smallest size at which an equity of 1 + size x the P&L so far falls by a fraction of its peak.

    At a peak M of the P&L and a later S: 1 + size S = (1 - fall) (1 + size M).
    """
    total = peak = deepest = 0.0
    for day in range(path.shape[0]):
        total += path[day]
        peak = max(peak, total)
        deepest = max(deepest, (1.0 - fall) * peak - total)
    return fall / deepest if deepest > 0.0 else math.inf


@inline
def compounded_size(path, fall):
    """Smallest size at which the product of 1 + size x P&L falls by a fraction of its peak.

    The log of a drawdown is the least of sums of log(1 + size x P&L) over stretches of days, each concave in the size
    and zero at 0: Newton's method descends to the root from any size above it. log(1 + x) <= x, and the worst day
    alone, give such a size.
    """
    total = peak = deepest = worst = 0.0
    for day in range(path.shape[0]):
        total += path[day]
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
        worst = min(worst, path[day])
    if deepest == 0.0:
        return math.inf
    goal = math.log(1.0 - fall)
    size = min(-goal / deepest, -fall / worst)
    for _ in range(STEPS):
        level = ratio = 1.0  # of the peak
        top = start = stop = 0
        for day in range(path.shape[0]):
            level *= 1.0 + size * path[day]
            if level >= 1.0:
                level, top = 1.0, day + 1
            elif level < ratio:
                ratio, start, stop = level, top, day + 1
        slope = 0.0
        for day in range(start, stop):
            slope += path[day] / (1.0 + size * path[day])
        step = (math.log(ratio) - goal) / slope
        size -= step
        if step <= PRECISION * size:
            break
    return size


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


@kernel("void(float64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], float64[::1])")
def growth_optimal_sizes(move, following, first, length, count, size):
    """Growth-optimal size of each history, as long as the record; blocks as of `resample_equity`, `count` scratch."""
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
