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
from iwm_opts.kernels.american_grid import LANES, Options, cubic, cubic_slopes, march, new_grid, place, straight

NODES = 300  # of the finer of two grids, at least; even
# At a put's exercise boundary the curvature jumps, and where between two nodes that happens leaves an error of up to
# (100 / 6) rate strike t / nodes^2, for any vol, in puts worth little more than their exercise value.
NODES_SQUARED = 8e6  # for a rate x time of 1
STEPS = 100  # of it, over a life without an ex-date; even
FEWEST_STEPS = 2  # between two ex-dates, coarser grid
ROOTS = 40  # bisections for the price from which a call is exercised: a double holds no more between two nodes


@kernel()
def pay(grid, options, exercise, nodes):
    """Value at expiry, put-like for both rights; the node at the strike holds the mean over its cell."""
    for j in range(nodes + 1):
        for i in range(LANES):
            gap = options.strike[i] - grid.node[j * LANES + i]
            at_strike = abs(gap) < 1e-9 * options.strike[i]
            grid.value[j * LANES + i] = options.strike[i] * grid.pitch[i] / 8.0 if at_strike else max(gap, 0.0)
            grid.floor[j * LANES + i] = gap if exercise and options.sign[i] < 0 else -math.inf


@kernel()
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
        if cubic(grid.value, lane, nodes, middle) > drop:
            low = middle
        else:
            high = middle
    return low


@kernel()
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
    first = math.sqrt(max(grid.value[near] - grid.floor[near], 0.0))
    second = math.sqrt(max(grid.value[far] - grid.floor[far], 0.0))
    back = min(first / (second - first), 1.0) if second > first else 0.0
    return grid.node[near] * math.exp(-back * grid.pitch[lane])


@kernel()
def exercise_on_eve(old, new, options, exercise, cash, reach, drop, kink, boundary, nodes):
    """Settle what an ex-date does to each option: how far its value drops, where its kink lies, how sharp it is."""
    for i in range(LANES):
        reach[i] += cash
        kinked = math.exp(old.anchor[i]) + cash
        drop[i] = kink[i] = 0.0
        if exercise and options.sign[i] > 0:
            boundary[i] = math.nan
            if reach[i] > options.strike[i]:  # exercised on the eve it costs less than holding on from a high price
                drop[i], reach[i] = reach[i] - options.strike[i], options.strike[i]
                place_on_grid = call_boundary(old, i, nodes, drop[i])
                if place_on_grid == place_on_grid:
                    after = math.exp(old.origin[i] + place_on_grid * old.pitch[i])
                    boundary[i] = kinked = after + cash
                    slope, _ = cubic_slopes(old.value, i, nodes, place_on_grid)
                    kink[i] = -slope / old.pitch[i] * kinked / after
        new.anchor[i] = math.log(kinked)


@kernel()
def cross_ex_date(old, new, options, exercise, cash, drop, kink, nodes):
    """Fill a new grid with the values just before the share drops by `cash`."""
    for j in range(nodes + 1):
        for i in range(LANES):
            k = j * LANES + i
            after = new.node[k] - cash
            if after > old.node[i]:
                place_on_grid = (math.log(after) - old.origin[i]) / old.pitch[i]
                value = (
                    cubic(old.value, i, nodes, place_on_grid) if place_on_grid < nodes else old.value[nodes * LANES + i]
                )
            else:
                worth = after if options.sign[i] > 0 else max(after, 0.0)  # a share cannot pay more than it is worth
                value = straight(old.value[i], old.node[i], old.value[LANES + i], old.node[LANES + i], 1.0, worth)
            value = max(value - drop[i], 0.0) if drop[i] > 0.0 else value
            new.floor[k] = options.strike[i] - new.node[k] if exercise and options.sign[i] < 0 else -math.inf
            new.value[k] = max(value, new.floor[k])
    for i in range(LANES):
        j = round((new.anchor[i] - new.origin[i]) / new.pitch[i])
        if kink[i] > 0.0 and 0 <= j <= nodes:
            new.value[j * LANES + i] = kink[i] * new.pitch[i] / 8.0  # the mean over the kink's cell


@kernel()
def read(grid, options, exercise, reach, nodes, boundary, out):
    """Price, delta and gamma at the spot, and the exercise boundary, into the rows of `out`."""
    for i in range(LANES):
        spot, pitch = options.spot[i], grid.pitch[i]
        place_on_grid = (math.log(spot) - grid.origin[i]) / pitch
        first, second = cubic_slopes(grid.value, i, nodes, place_on_grid)
        first, second = first / pitch, second / (pitch * pitch)
        out[0, i] = cubic(grid.value, i, nodes, place_on_grid)
        out[1, i] = first / spot
        out[2, i] = (second - first) / (spot * spot)
        out[3, i] = boundary[i]
        if options.sign[i] > 0:
            out[0, i] += spot - reach[i]
            out[1, i] += 1.0
        elif exercise:
            out[3, i] = put_boundary(grid, i, nodes)


@kernel()
def enough_nodes(rate, t):
    """Nodes of the finer grid."""
    return max(NODES, 2 * math.ceil(0.5 * math.sqrt(NODES_SQUARED * rate * t)))


@kernel()
def solve(options, rate, t, ex_time, cash, exercise, nodes, halves, out):
    """Price one block of options on one grid; `halves` time steps a step of the coarser grid."""
    grid, spare = new_grid(nodes), new_grid(nodes)
    weights, bottom = np.empty(6 * LANES), np.empty(LANES)
    reach, drop, kink, boundary = options.strike.copy(), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    dates = cash.shape[0]
    start = ex_time[dates - 1] if dates > 0 else 0.0
    for i in range(LANES):
        grid.anchor[i] = math.log(options.strike[i])
        boundary[i] = math.nan
    place(grid, options, rate, t, t - start, cash.sum(), nodes)
    pay(grid, options, exercise, nodes)
    end = t
    for period in range(dates, -1, -1):
        coarse = max(FEWEST_STEPS, math.ceil(0.5 * STEPS * math.sqrt((end - start) / t)))
        march(grid, options, weights, bottom, rate, end - start, halves * coarse, nodes)
        discount = math.exp(-rate * (end - start))
        for i in range(LANES):
            reach[i] *= discount
        if period > 0:
            amount = cash[period - 1]
            exercise_on_eve(grid, spare, options, exercise, amount, reach, drop, kink, boundary, nodes)
            end, start = start, ex_time[period - 2] if period > 1 else 0.0
            place(spare, options, rate, end, t - start, cash[: period - 1].sum(), nodes)
            cross_ex_date(grid, spare, options, exercise, amount, drop, kink, nodes)
            grid, spare = spare, grid
    read(grid, options, exercise, reach, nodes, boundary, out)


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], float64[::1], "
    "boolean, float64[:,::1])"
)
def american(sign, spot, strike, vol, rate, t, ex_time, cash, exercise, out):
    """Price options of one expiry; without `exercise` as Europeans on the same grid.

    Spot, strike, vol and t are positive, the rate is not negative, `ex_time` ascends strictly within (0, t). Rows of
    `out`, shape (4, n): price, delta, gamma, boundary. The boundary of a put is the spot at and below which it is
    exercised today, of a call the spot at and above which it is exercised on the eve of the next ex-date; NaN where
    there is none.
    """
    n = sign.shape[0]
    options = Options(np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES))
    nodes = enough_nodes(rate, t)
    found = np.empty((2, 4, LANES))  # on the finer and on the coarser grid
    fine, coarse = found[0], found[1]
    for block in range(0, n, LANES):
        for i in range(LANES):  # the last block is filled up with the last option
            k = min(block + i, n - 1)
            options.sign[i], options.spot[i], options.strike[i], options.vol[i] = sign[k], spot[k], strike[k], vol[k]
        for level in range(2):
            solve(options, rate, t, ex_time, cash, exercise, nodes >> level, 2 - level, found[level])
        for i in range(min(LANES, n - block)):
            for row in range(3):
                out[row, block + i] = fine[row, i] + (fine[row, i] - coarse[row, i]) / 3.0
            least = options.sign[i] * (options.spot[i] - options.strike[i]) if exercise else 0.0
            out[0, block + i] = max(out[0, block + i], least, 0.0)
            out[3, block + i] = fine[3, i]
