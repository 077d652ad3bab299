"""American options on a share that pays cash dividends, by finite differences.

The share follows a geometric Brownian motion and drops by the cash at each ex-date (the spot model).

- Puts are held above their exercise value during back substitution, which solves the discrete free-boundary problem
  exactly (Brennan and Schwartz 1977, "The valuation of American put options", Journal of Finance 32, 449-462).
- A call is exercised only on the eve of an ex-date while the rate is not negative (Merton 1973, "Theory of rational
  option pricing", theorems 2 and 3). It is carried as call - spot + reach, with `reach` what the strike costs today
  when paid at the cheapest time, so that it looks like a put: straight at the bottom, zero at the top.
- Every ex-date gets a new grid, with the kink on a node: the strike shifted by the cash, or the price from which a
  call is exercised.
- Richardson extrapolation over two grids.
"""

import math

import numpy as np

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.american_grid import (
    INTERNAL,
    LANES,
    Grid,
    Options,
    between_nodes,
    larger,
    march,
    place,
    smaller,
    straight,
)  # fmt: skip

FEWEST_STEPS = 2  # between two ex-dates, coarser grid
ROOTS = 40  # bisections for the price from which a call is exercised: a double holds no more between two nodes


@kernel(**INTERNAL)
def pay(grid, options, exercise, nodes):
    """Value at expiry, put-like for both rights; the node at the strike holds the mean over its cell."""
    for j in range(nodes + 1):
        for i in range(LANES):
            gap = options.strike[i] - grid.node[j * LANES + i]
            at_strike = abs(gap) < 1e-9 * options.strike[i]
            grid.value[j * LANES + i] = options.strike[i] * grid.pitch[i] / 8.0 if at_strike else larger(gap, 0.0)
            grid.floor[j * LANES + i] = gap if exercise and options.sign[i] < 0.0 else -math.inf


@kernel(**INTERNAL)
def call_boundary(grid, lane, nodes, drop):
    """Place on the grid, in nodes, where the value falls to `drop`: NaN where it is above everywhere, 0 where below."""
    j = nodes
    while j >= 0 and grid.value[j * LANES + lane] < drop:
        j -= 1
    if j == nodes:
        return math.nan
    if j < 0:
        return 0.0
    low, high = float(j), j + 1.0
    for _ in range(ROOTS):
        middle = 0.5 * (low + high)
        value, _, _ = between_nodes(grid.value, lane, nodes, middle)
        if value > drop:
            low = middle
        else:
            high = middle
    return low


@kernel(**INTERNAL)
def put_boundary(grid, lane, nodes):
    """Price at and below which a put is exercised at once; NaN where the grid holds none.

    The excess over the floor starts as a parabola, so that its square root, read at two nodes, finds where it starts.
    """
    j = 0
    while j < nodes - 1 and grid.value[j * LANES + lane] <= grid.floor[j * LANES + lane]:
        j += 1
    if j == 0:
        return math.nan
    near, far = j * LANES + lane, (j + 1) * LANES + lane
    first = math.sqrt(larger(grid.value[near] - grid.floor[near], 0.0))
    second = math.sqrt(larger(grid.value[far] - grid.floor[far], 0.0))
    back = smaller(first / (second - first), 1.0) if second > first else 0.0
    return grid.node[near] * math.exp(-back * grid.pitch[lane])


@kernel(**INTERNAL)
def exercise_on_eve(old, new, options, exercise, cash, reach, drop, kink, boundary, nodes):
    """Settle what an ex-date does to each option: how far its value drops, where its kink lies, how sharp it is."""
    for i in range(LANES):
        reach[i] += cash
        kinked = math.exp(old.anchor[i]) + cash
        drop[i] = kink[i] = 0.0
        if exercise and options.sign[i] > 0.0:
            boundary[i] = math.nan
            if reach[i] > options.strike[i]:  # exercised on the eve it costs less than holding on from a high price
                drop[i], reach[i] = reach[i] - options.strike[i], options.strike[i]
                position = call_boundary(old, i, nodes, drop[i])
                if position == position:
                    after = math.exp(old.origin[i] + position * old.pitch[i])
                    boundary[i] = kinked = after + cash
                    _, slope, _ = between_nodes(old.value, i, nodes, position)
                    kink[i] = -slope / old.pitch[i] * kinked / after
        new.anchor[i] = math.log(kinked)


@kernel(**INTERNAL)
def cross_ex_date(old, new, options, exercise, cash, drop, kink, nodes):
    """Fill a new grid with the values just before the share drops by `cash`."""
    for j in range(nodes + 1):
        for i in range(LANES):
            k = j * LANES + i
            after = new.node[k] - cash
            if after > old.node[i]:
                position = (math.log(after) - old.origin[i]) / old.pitch[i]
                value = old.value[nodes * LANES + i]
                if position < nodes:
                    value, _, _ = between_nodes(old.value, i, nodes, position)
            else:
                worth = after if options.sign[i] > 0.0 else larger(after, 0.0)  # a share cannot pay more than its worth
                value = straight(old.value[i], old.node[i], old.value[LANES + i], old.node[LANES + i], 1.0, worth)
            if drop[i] > 0.0:
                value = larger(value - drop[i], 0.0)
            new.floor[k] = options.strike[i] - new.node[k] if exercise and options.sign[i] < 0.0 else -math.inf
            new.value[k] = larger(value, new.floor[k])
    for i in range(LANES):
        j = int((new.anchor[i] - new.origin[i]) / new.pitch[i] + 0.5)
        if kink[i] > 0.0 and 0 <= j <= nodes:
            new.value[j * LANES + i] = kink[i] * new.pitch[i] / 8.0  # the mean over the kink's cell


@kernel(**INTERNAL)
def read(grid, options, exercise, reach, nodes, boundary, out):
    """Price, delta and gamma at the spot, and the exercise boundary, into the rows of `out`."""
    for i in range(LANES):
        spot, pitch = options.spot[i], grid.pitch[i]
        position = (math.log(spot) - grid.origin[i]) / pitch
        value, first, second = between_nodes(grid.value, i, nodes, position)
        first, second = first / pitch, second / (pitch * pitch)
        if options.sign[i] > 0.0:
            value += spot - reach[i]
            first += spot
            second += spot
        elif exercise:
            boundary[i] = put_boundary(grid, i, nodes)
        out[0, i], out[1, i], out[2, i], out[3, i] = value, first / spot, (second - first) / (spot * spot), boundary[i]


@kernel(**INTERNAL)
def solve(grid, spare, work, options, rate, t, ex_time, cash, exercise, nodes, steps, halves, out):
    """Price one block of options on one grid: `steps`, were there no ex-date, each taken in `halves`."""
    weights, bottom, reach, drop, kink, boundary = work
    dates = cash.shape[0]
    start, paid = ex_time[dates - 1] if dates > 0 else 0.0, 0.0
    for k in range(dates):
        paid += cash[k]
    for i in range(LANES):
        grid.anchor[i], reach[i] = math.log(options.strike[i]), options.strike[i]
        boundary[i] = math.nan
    place(grid, options, rate, t, t - start, paid, nodes)
    pay(grid, options, exercise, nodes)
    end = t
    for period in range(dates, -1, -1):
        share = int(steps * math.sqrt((end - start) / t)) + 1
        share = halves * (share if share > FEWEST_STEPS else FEWEST_STEPS)
        march(grid, options, weights, bottom, rate, end - start, share, nodes)
        discount = math.exp(-rate * (end - start))
        for i in range(LANES):
            reach[i] *= discount
        if period > 0:
            amount = cash[period - 1]
            paid -= amount
            exercise_on_eve(grid, spare, options, exercise, amount, reach, drop, kink, boundary, nodes)
            end, start = start, ex_time[period - 2] if period > 1 else 0.0
            place(spare, options, rate, end, t - start, paid, nodes)
            cross_ex_date(grid, spare, options, exercise, amount, drop, kink, nodes)
            grid, spare = spare, grid
    read(grid, options, exercise, reach, nodes, boundary, out)


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], float64[::1], "
    "boolean, int64, int64, float64[:,::1])"
)
def american(sign, spot, strike, vol, rate, t, ex_time, cash, exercise, nodes, steps, out):
    """Price options of one expiry; without `exercise` as Europeans on the same grid.

    Spot, strike, vol and t are positive, the rate is not negative, `ex_time` ascends strictly within (0, t). `nodes`,
    an even number, are those of the finer of two grids, `steps` the time steps of the coarser were there no ex-date.
    Rows of `out`, shape (4, n): price, delta, gamma, boundary. The boundary of a put is the spot at and below which it
    is exercised today, of a call the spot at and above which it is exercised on the eve of the next ex-date; NaN where
    there is none.
    """
    n = sign.shape[0]
    few = np.empty((15, LANES))
    many = np.zeros((7, (nodes + 2) * LANES))
    options = Options(few[0], few[1], few[2], few[3])
    grid = Grid(few[4], few[5], few[6], many[0], many[1], many[2])
    spare = Grid(few[7], few[8], few[9], many[3], many[4], many[5])
    work = (many[6], few[10], few[11], few[12], few[13], few[14])
    fine, coarse = np.empty((4, LANES)), np.empty((4, LANES))  # on the finer and on the coarser grid
    for block in range(0, n, LANES):
        for i in range(LANES):  # the last block is filled up with the last option
            k = block + i if block + i < n else n - 1
            options.sign[i], options.spot[i], options.strike[i], options.vol[i] = sign[k], spot[k], strike[k], vol[k]
        for level in range(2):
            into = coarse if level else fine
            halves = 2 - level
            solve(grid, spare, work, options, rate, t, ex_time, cash, exercise, nodes >> level, steps, halves, into)
        for i in range(LANES if n - block > LANES else n - block):
            for row in range(3):
                out[row, block + i] = fine[row, i] + (fine[row, i] - coarse[row, i]) / 3.0
            least = options.sign[i] * (options.spot[i] - options.strike[i]) if exercise else 0.0
            out[0, block + i] = larger(out[0, block + i], larger(least, 0.0))
            out[3, block + i] = fine[3, i]
