"""Sums behind the tests of many variants against luck: resampled blocks of days, and subsets of parts of the days."""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel

MIN_VARIANCE = 1e-12  # of the squares: rounding of the difference
LARGEST = (1 << 63) - 1


@inline
def add_block(high, low, days, sums):
    """Add the sum of a block, the difference of two rows of running sums, its square and its product with its days."""
    total, squares, products = sums[0], sums[1], sums[2]
    for j in range(high.shape[0]):
        block = high[j] - low[j]
        total[j] += block
        squares[j] += block * block
        products[j] += days * block


@inline
def add_blocks(running, first, length, b, sums):
    """`add_block` of the blocks b to b + 3: a total is read and written once for all of them."""
    high, high_1, high_2, high_3 = (
        running[first[b] + length[b]], running[first[b + 1] + length[b + 1]], running[first[b + 2] + length[b + 2]],
        running[first[b + 3] + length[b + 3]],
    )  # fmt: skip
    low, low_1, low_2, low_3 = running[first[b]], running[first[b + 1]], running[first[b + 2]], running[first[b + 3]]
    days, days_1, days_2, days_3 = float(length[b]), float(length[b + 1]), float(length[b + 2]), float(length[b + 3])
    total, squares, products = sums[0], sums[1], sums[2]
    for j in range(high.shape[0]):
        block, block_1, block_2, block_3 = (
            high[j] - low[j],
            high_1[j] - low_1[j],
            high_2[j] - low_2[j],
            high_3[j] - low_3[j],
        )
        total[j] = total[j] + block + block_1 + block_2 + block_3
        squares[j] = squares[j] + block * block + block_1 * block_1 + block_2 * block_2 + block_3 * block_3
        products[j] = products[j] + days * block + days_1 * block_1 + days_2 * block_2 + days_3 * block_3


@kernel(
    "void(float64[:, ::1], float64[::1], int64[::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1], "
    "float64[:, ::1])"
)
def resample_t(centred, least, first, length, draw, running, sums, t):
    """Write the mean over its standard error of each draw and variant, from the sums of the draw's blocks.

    `centred` (days, variants) are P&L less their mean; the blocks draw[i] to draw[i + 1] of draw i have a `first` day
    and a `length`, and go on with the first day after the last. Standard errors are at least `least` (variants,).
    `running` (2 days + 1, variants a pass) and `sums` (3, variants a pass) are room; `t` (draws, variants) is written.
    """
    days, variants = centred.shape
    width = running.shape[1]  # no constant: LLVM would unroll the loops in place of making vectors of them
    for at in range(0, variants, width):
        count = min(width, variants - at)
        running[:] = 0.0
        for day in range(2 * days):
            source, before, after = centred[day % days], running[day], running[day + 1]
            for j in range(count):
                after[j] = before[j] + source[at + j]
        for i in range(t.shape[0]):
            sums[:] = 0.0
            stop, b, squared_days = draw[i + 1], draw[i], 0.0
            while b + 4 <= stop:
                add_blocks(running, first, length, b, sums)
                b += 4
            while b < stop:
                add_block(running[first[b] + length[b]], running[first[b]], float(length[b]), sums)
                b += 1
            for b in range(draw[i], stop):
                squared_days += float(length[b]) ** 2
            for j in range(count):
                mean = sums[0, j] / days
                squares = sums[1, j] - mean * (2.0 * sums[2, j] - mean * squared_days)
                t[i, at + j] = mean / max(math.sqrt(max(squares, 0.0)) / days, least[at + j])


@kernel("void(float64[:, ::1], float64, float64[:, ::1], float64[:, ::1])")
def sum_moments(pnl, block, work, moments):
    """Write the mean, its standard error, and the mean second, third and fourth power of the distance from it.

    `pnl` has shape (days, variants). The error is that under the stationary bootstrap, as of `resample.sum_variance`,
    for many series side by side. `work` (4, variants) is room; `moments` (5, variants) is written.
    """
    days, variants = pnl.shape
    stay = 1.0 - 1.0 / block
    near, late, following, total = work[0], work[1], work[2], work[3]
    mean, error, second, third, fourth = moments[0], moments[1], moments[2], moments[3], moments[4]
    work[:], moments[:] = 0.0, 0.0
    for t in range(days):
        for j in range(variants):
            mean[j] += pnl[t, j]
    for j in range(variants):
        mean[j] /= days
    weight = 1.0
    for t in range(days):
        late_weight = t * weight
        for j in range(variants):
            value = pnl[t, j] - mean[j]
            square = value * value
            second[j] += square
            third[j] += square * value
            fourth[j] += square * square
            near[j] += weight * value
            late[j] += late_weight * value
        weight *= stay
    wrapped = weight
    for j in range(variants):
        following[j] = pnl[0, j] - mean[j]
        near[j] -= following[j]
        total[j] = following[j] * (following[j] + 2.0 * (near[j] - late[j] / days))
    for t in range(days - 1, 0, -1):
        for j in range(variants):
            value = pnl[t, j] - mean[j]
            late[j] = stay * (late[j] + near[j] + following[j]) - days * wrapped * value
            near[j] = stay * (near[j] + following[j]) - wrapped * value
            total[j] += value * (value + 2.0 * (near[j] - late[j] / days))
            following[j] = value
    for j in range(variants):
        error[j] = math.sqrt(max(total[j], 0.0)) / days
        second[j] /= days
        third[j] /= days
        fourth[j] /= days


@inline
def sharpe_order(total, squares, days):
    """Order Sharpe ratios of equally many days by their sums and sums of squares; 0 where nothing varies.

    Sharpe's ratio rises with total / sqrt(squares), whatever the number of days.
    """
    varies = squares - total * total / days > (days - 1) * MIN_VARIANCE * squares
    return total * abs(total) / squares if varies else 0.0


@inline
def integer_order(value):
    """Integers in the order of floats: LLVM finds their largest with vectors."""
    bits = np.float64(value).view(np.int64)
    return bits if bits >= 0 else bits ^ LARGEST


@inline
def sum_subsets(parts, start, stop, at, count, subsets):
    """Sum the rows `start` to `stop` of `parts` over every subset of them: bit i of its number is row start + i."""
    subsets[0, :] = 0.0
    for last in range(stop - start):
        for rest in range(1 << last):
            row = subsets[(1 << last) + rest]
            for j in range(count):
                row[j] = subsets[rest, j] + parts[start + last, at + j]


@inline
def sum_halves(sums, squares, at, count, subsets):
    """Sum every subset of the first and of the last half of the parts, of sums and of squares."""
    parts = sums.shape[0]
    half = parts // 2
    sum_subsets(sums, 0, half, at, count, subsets[0])
    sum_subsets(sums, half, parts, at, count, subsets[1])
    sum_subsets(squares, 0, half, at, count, subsets[2])
    sum_subsets(squares, half, parts, at, count, subsets[3])


@inline
def order_sharpe_ratios(subsets, low, high, days, count, orders):
    """Write `sharpe_order` of some variants over one subset of the first and one of the last half of the parts."""
    total_low, total_high, squares_low, squares_high = (
        subsets[0, low],
        subsets[1, high],
        subsets[2, low],
        subsets[3, high],
    )
    for j in range(count):
        orders[j] = sharpe_order(total_low[j] + total_high[j], squares_low[j] + squares_high[j], days)


@kernel(
    "void(float64[:, ::1], float64[:, ::1], int64[:, ::1], float64, float64[:, :, ::1], float64[::1], float64[::1], "
    "float64[::1])"
)
def choose_inside(sums, squares, ways, days, subsets, orders, best, outside):
    """Find the variant with the largest Sharpe ratio inside each way to halve the parts, the first of equals.

    `sums` and `squares` (parts, variants) are of daily P&L; a row of `ways` (ways, 2) has the subsets of the first and
    of the last half of the parts that are inside, `days` days together. `subsets` (4, subsets, variants a pass) and
    `orders` (variants a pass) are room. `best` and `outside` (ways,) are written: the variant's order inside, and in
    the other parts.
    """
    variants, width = sums.shape[1], orders.shape[0]
    everything = subsets.shape[1] - 1
    best[:] = -np.inf
    for at in range(0, variants, width):
        count = min(width, variants - at)
        sum_halves(sums, squares, at, count, subsets)
        for way in range(ways.shape[0]):
            low, high = ways[way, 0], ways[way, 1]
            order_sharpe_ratios(subsets, low, high, days, count, orders)
            largest = integer_order(orders[0])
            for j in range(1, count):
                largest = max(largest, integer_order(orders[j]))
            if largest > integer_order(best[way]):
                j = 0
                while integer_order(orders[j]) != largest:
                    j += 1
                best[way] = orders[j]
                low, high = everything - low, everything - high
                outside[way] = sharpe_order(
                    subsets[0, low, j] + subsets[1, high, j], subsets[2, low, j] + subsets[3, high, j], days
                )


@kernel(
    "void(float64[:, ::1], float64[:, ::1], int64[:, ::1], float64, float64[:, :, ::1], float64[::1], float64[::1], "
    "int64[:, ::1])"
)
def rank_outside(sums, squares, ways, days, subsets, orders, outside, count_of):
    """Count the variants below and at `outside` in the other parts of each way; arguments as of `choose_inside`.

    `count_of` (ways, 2) is written.
    """
    variants, width = sums.shape[1], orders.shape[0]
    everything = subsets.shape[1] - 1
    count_of[:] = 0
    for at in range(0, variants, width):
        count = min(width, variants - at)
        sum_halves(sums, squares, at, count, subsets)
        for way in range(ways.shape[0]):
            order_sharpe_ratios(subsets, everything - ways[way, 0], everything - ways[way, 1], days, count, orders)
            bar, below, equal = outside[way], 0, 0
            for j in range(count):
                below += orders[j] < bar
                equal += orders[j] == bar
            count_of[way, 0] += below
            count_of[way, 1] += equal
