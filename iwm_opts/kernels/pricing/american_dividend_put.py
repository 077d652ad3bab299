"""Puts on a share that pays cash dividends, by finite differences: thirty-two options of one expiry side by side.

The share drops by the cash at each ex-date and is lognormal between. Towards an ex-date a put is not exercised, for the
drop is worth more than interest on the strike; before that wait begins, at and below a price that moves with time.

Grids and what happens between them at an ex-date are in `american_grid`, steps in time in `american_steps`; here, which
stretches of time there are. Time steps grow quadratically from expiry, from each ex-date and from where each wait
begins, the first in two implicit halves (Rannacher 1984); Richardson extrapolation over two numbers of steps.

Written for a short compilation too: every numpy function, `min` or `max` used would be one more function to compile.
"""

import math
from collections import namedtuple

import numpy as np

from iwm_opts.kernels._jit import internal, kernel
from iwm_opts.kernels.pricing.american_grid import (
    NOWHERE,
    WIDTH,
    Grid,
    Options,
    continue_below,
    cross_ex_date,
    pay,
    place,
    read,
)
from iwm_opts.kernels.pricing.american_lanes import LANES, larger, smaller
from iwm_opts.kernels.pricing.american_put import FEW_ROUNDS, FEW_TODAY, FEW_WEIGHT, FEW_Z, value_of
from iwm_opts.kernels.pricing.american_put import NODES as DEPTHS
from iwm_opts.kernels.pricing.american_put import find_boundary as find_depth
from iwm_opts.kernels.pricing.american_steps import march

FEWEST_STEPS = 3  # in a stretch of time
HEAD_START = 3.0  # nodes that the value must bend over before a grid takes it up

RULE = (FEW_Z, FEW_WEIGHT, FEW_TODAY)  # of the collocation's integrals

# What was found shortly before expiry, for the second run; `before` (one element) is how long before, in years.
Opening = namedtuple("Opening", ("value", "boundary", "start", "before"))


@internal
def begin(grid, options, rate, rest, nodes, work):
    """Values shortly before expiry, by collocation; returns how long before, `rest` years at most.

    A grid cannot follow exercise while the value bends within a few of its nodes, and the error would persist.
    """
    depth, square, away, there, price, delta, gamma = work
    before = 0.0
    for i in range(LANES):
        width = HEAD_START * grid.pitch[i] / options.vol[i]
        before = larger(before, width * width)
    before = smaller(before, rest)
    find_depth(options.vol, rate, before, FEW_ROUNDS, depth, square, there, price)
    lowest, highest = nodes, 0
    for i in range(LANES):
        at_strike = (math.log(options.strike[i]) - grid.origin[i]) / grid.pitch[i]
        here = depth[(DEPTHS - 1) * LANES + i]
        reach = WIDTH * options.vol[i] * math.sqrt(before)
        grid.boundary[i] = at_strike + here / grid.pitch[i]
        if grid.boundary[i] < 0.0:
            grid.boundary[i] = NOWHERE
        grid.start[i] = smaller(int(larger(grid.boundary[i], 0.0)) + 1, nodes)
        lowest = smaller(lowest, grid.start[i])
        highest = larger(highest, int(at_strike + reach / grid.pitch[i]) + 1)
    for j in range(nodes + 1):
        if lowest <= j <= highest:
            for i in range(LANES):
                away[i] = grid.origin[i] + j * grid.pitch[i] - math.log(options.strike[i])
            value_of(options.vol, rate, before, away, RULE, square, there, price, delta, gamma)
        else:
            for i in range(LANES):
                price[i] = 0.0
        for i in range(LANES):
            held, floor = options.strike[i] * price[i], grid.floor[j * LANES + i]
            grid.value[j * LANES + i] = floor if j < grid.boundary[i] else larger(larger(held, floor), 0.0)
    return before


@internal
def keep(value, to_value, source, to):
    """Copy values and boundaries."""
    for k in range(value.shape[0]):
        to_value[k] = value[k]
    for i in range(LANES):
        to.boundary[i], to.start[i] = source.boundary[i], source.start[i]


@internal
def wait(options, gain, rate, length, exercise, first, second):
    """Split the time before an ex-date (or expiry) for each put: `first` it waits, before that it may be exercised.

    `gain` is the value above exercise of a put far in the money at the end; it is updated to the start.
    """
    discount = math.exp(-rate * length)
    for i in range(LANES):
        strike = options.strike[i]
        first[i] = length
        if exercise:
            first[i] = smaller(math.log(1.0 + gain[i] / strike) / rate, length)
        second[i] = length - first[i]
        gain[i] = larger(discount * gain[i] - strike * (1.0 - discount), 0.0)


@internal
def solve(grid, spare, opening, few, head, options, terms, exercise, nodes, steps, out):
    """Price one block of options in `steps` time steps, were there no ex-date."""
    rest, weights, bottom, gain, first, second = few
    rate, t, ex_time, cash = terms
    dates = cash.shape[0]
    start, paid, ahead = ex_time[dates - 1] if dates > 0 else 0.0, 0.0, 0.0
    for k in range(dates):
        paid += cash[k]
    for i in range(LANES):
        gain[i] = 0.0
    place(grid, options, rate, t, t - start, paid, 0.0, nodes)
    end = t
    if not exercise:
        pay(grid, options, nodes)
    elif opening.before[0] < 0.0:
        opening.before[0] = begin(grid, options, rate, t - start, nodes, head)
        keep(grid.value, opening.value, grid, opening)
    else:
        keep(opening.value, grid.value, opening, grid)
    end -= larger(opening.before[0], 0.0)
    for period in range(dates, -1, -1):
        wait(options, gain, rate, end - start, exercise, first, second)
        for turn in range(2):
            lengths, longest = first if turn == 0 else second, 0.0
            for i in range(LANES):
                longest = larger(longest, lengths[i])
            share = int(steps * math.sqrt(longest / t)) + 1
            if longest > 0.0:
                share = share if share > FEWEST_STEPS else FEWEST_STEPS
                march(grid, options, rest, weights, bottom, rate, lengths, share, exercise and turn == 1, nodes)
        continue_below(grid)
        if period > 0:
            amount = cash[period - 1]
            paid -= amount
            ahead += amount
            end, start = start, ex_time[period - 2] if period > 1 else 0.0
            place(spare, options, rate, end, t - start, paid, ahead, nodes)
            cross_ex_date(grid, spare, options, amount, bottom, nodes)
            grid, spare = spare, grid
            for i in range(LANES):
                gain[i] += amount
    read(grid, options, nodes, out)


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], float64[::1], boolean, int64, "
    "int64, float64[:,::1])"
)
def american_dividend_put(spot, strike, vol, rate, t, ex_time, cash, exercise, nodes, steps, out):
    """Price puts of one expiry; without `exercise` as Europeans on the same grid.

    Spot, strike, vol and t are positive, the rate is positive where there is `exercise`, `ex_time` ascends strictly
    within (0, t). `nodes` are those of the grid, `steps` the time steps, were there no ex-date, of the finer of two
    runs. Rows of `out`, shape (4, n): price, delta, gamma, and the spot at and below which a put is exercised today,
    NaN where none.
    """
    size = spot.shape[0]
    few, whole = np.empty((17, LANES)), np.empty((3, LANES), dtype=np.int64)
    many, weights = np.zeros((8, (nodes + 1) * LANES)), np.empty(10 * LANES)
    options = Options(few[0], few[1], few[2])
    grid = Grid(few[3], few[4], few[5], few[6], whole[0], many[0], many[1], many[2])
    spare = Grid(few[7], few[8], few[9], few[10], whole[1], many[3], many[4], many[5])
    deep, side = np.empty((2, DEPTHS * LANES)), np.empty((5, LANES))
    head = (deep[0], deep[1], side[0], side[1], side[2], side[3], side[4])
    opening = Opening(many[7], few[15], whole[2], few[16])
    work = (many[6], weights, few[11], few[12], few[13], few[14])
    fine, coarse = np.empty((4, LANES)), np.empty((4, LANES))  # in time
    for block in range(0, size, LANES):
        for i in range(LANES):  # the last block is filled up with the last option
            k = block + i if block + i < size else size - 1
            options.spot[i], options.strike[i], options.vol[i] = spot[k], strike[k], vol[k]
        opening.before[0] = -1.0
        terms = (rate, t, ex_time, cash)
        solve(grid, spare, opening, work, head, options, terms, exercise, nodes, steps, fine)
        solve(grid, spare, opening, work, head, options, terms, exercise, nodes, steps // 2, coarse)
        for i in range(LANES if size - block > LANES else size - block):
            for row in range(3):
                out[row, block + i] = fine[row, i] + (fine[row, i] - coarse[row, i]) / 3.0
            least = options.strike[i] - options.spot[i] if exercise else 0.0
            out[0, block + i] = larger(out[0, block + i], larger(least, 0.0))
            out[3, block + i] = fine[3, i]
