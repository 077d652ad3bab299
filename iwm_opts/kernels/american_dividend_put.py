"""Puts on a share that pays cash dividends, by finite differences: thirty-two options of one expiry side by side.

The share drops by the cash at each ex-date and is lognormal between. Towards an ex-date a put is not exercised, for the
drop is worth more than interest on the strike; before that wait begins, at and below a price that moves with time.

- Space: the compact scheme of fourth order for constant coefficients, three nodes wide (after Spotz and Carey 1995,
  "High-order compact scheme for the steady stream-function vorticity equations", International Journal for Numerical
  Methods in Engineering 38, 3497-3512), in the log-price. Elimination uses its fixed point as pivot: no division.
- Time: Crank and Nicolson, with two implicit half steps (Rannacher 1984) and steps that grow quadratically from expiry,
  from each ex-date and from where each wait begins; Richardson extrapolation over two numbers of steps.
- Exercise: held above the exercise value during back substitution (Brennan and Schwartz 1977, "The valuation of
  American put options", Journal of Finance 32, 449-462). Where between two nodes the boundary lies counts too: there
  value less exercise value starts as a parabola whose curvature is known, 2 rate strike / vol^2.
- Every ex-date gets a new grid. Values narrower than its pitch are averaged with weights that keep cubics.

Written for a short compilation too: every numpy function, `min` or `max` used would be one more function to compile.
"""

import math
from collections import namedtuple

import numpy as np

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.american_lanes import INTERNAL, LANES, LOWEST_SHARE, larger, smaller
from iwm_opts.kernels.american_put import FEW_ROUNDS, FEW_TODAY, FEW_WEIGHT, FEW_Z, value_of
from iwm_opts.kernels.american_put import NODES as DEPTHS
from iwm_opts.kernels.american_put import find_boundary as find_depth
from iwm_opts.kernels.elementary import exp, log

WIDTH = 5.5  # standard deviations from the spot, and from the strike, to the edges
FEWEST_STEPS = 3  # in a stretch of time
NARROW = 3.0  # nodes of the old grid in a pitch of the new one from which values are averaged over it
MOST_POINTS = 40  # that an average takes each way
NOWHERE = -1e9  # boundary of a put that is exercised at no price
HEAD_START = 3.0  # nodes that the value must bend over before a grid takes it up
MARGIN = 8  # nodes that a boundary may fall in one time step
BELOW = 3  # nodes below the boundary at which the value held is continued

RULE = (FEW_Z, FEW_WEIGHT, FEW_TODAY)  # of the collocation's integrals

Options = namedtuple("Options", ("spot", "strike", "vol"))  # arrays of LANES
# What was found shortly before expiry, for the second run; `before` (one element) is how long before, in years.
Opening = namedtuple("Opening", ("value", "boundary", "start", "before"))
# `origin` is the log-price of node 0, `pitch` the distance of nodes, `start` the first node at which the put is held:
# LANES each; `boundary`, in nodes, is negative where no price is exercised. `node` (prices), `value` and `floor` (value
# at immediate exercise) are (nodes + 1) x LANES, one node's lanes after another's.
Grid = namedtuple("Grid", ("origin", "pitch", "parabola", "boundary", "start", "node", "value", "floor"))


@kernel(**INTERNAL)
def place(grid, options, rate, until, left, paid, ahead, nodes):
    """Lay nodes for the time up to `until` years from today, `left` years before expiry at its near end.

    They cover where the spot may be and the value is not yet straight; where the spot may be if the two hardly meet.
    `paid` is the cash that goes ex before `until`, `ahead` that from then on.
    """
    for i in range(LANES):
        vol = options.vol[i]
        drift = rate - 0.5 * vol * vol
        reach, bend = WIDTH * vol * math.sqrt(until), WIDTH * vol * math.sqrt(left)
        log_spot, log_strike = math.log(options.spot[i]), math.log(options.strike[i])
        lowest = math.log(larger(options.spot[i] - paid, LOWEST_SHARE * options.spot[i]))
        low = lowest - reach + smaller(drift * until, 0.0)
        high = log_spot + reach + larger(drift * until, 0.0)
        # A share worth less than what it will pay bends the value once more.
        bent_low = low if math.exp(low) < ahead else log_strike - bend - larger(drift * left, 0.0)
        bent_high = math.log(options.strike[i] + ahead) + bend - smaller(drift * left, 0.0)
        inner_low, inner_high = larger(low, bent_low), smaller(high, bent_high)
        if inner_high - inner_low >= 0.5 * smaller(high - low, bent_high - bent_low):
            low, high = inner_low, inner_high
        pitch = (high - low) / nodes
        grid.pitch[i] = pitch
        grid.origin[i] = log_strike - pitch * int((log_strike - low) / pitch + 0.5)
        grid.parabola[i] = rate * options.strike[i] * pitch * pitch / (vol * vol)
        grid.boundary[i], grid.start[i] = NOWHERE, 1
        ratio, price = math.exp(pitch), math.exp(grid.origin[i])
        for j in range(nodes + 1):
            grid.node[j * LANES + i] = price
            grid.floor[j * LANES + i] = options.strike[i] - price
            price *= ratio


@kernel(**INTERNAL)
def pay(grid, options, nodes):
    """Value at expiry; the node at the strike holds what makes sums over nodes integrals to fourth order."""
    for j in range(nodes + 1):
        for i in range(LANES):
            gap = grid.floor[j * LANES + i]
            at_strike = abs(gap) < 1e-9 * options.strike[i]
            grid.value[j * LANES + i] = options.strike[i] * grid.pitch[i] / 12.0 if at_strike else larger(gap, 0.0)


@kernel(**INTERNAL)
def begin(grid, options, rate, left, nodes, work):
    """Values shortly before expiry, by collocation; returns how long before, `left` years at most.

    A grid cannot follow exercise while the value bends within a few of its nodes, and what is missed would last.
    """
    depth, square, away, there, price, delta, gamma = work
    before = 0.0
    for i in range(LANES):
        width = HEAD_START * grid.pitch[i] / options.vol[i]
        before = larger(before, width * width)
    before = smaller(before, left)
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


@kernel(**INTERNAL)
def keep(value, to_value, source, to):
    """Copy values and boundaries."""
    for k in range(value.shape[0]):
        to_value[k] = value[k]
    for i in range(LANES):
        to.boundary[i], to.start[i] = source.boundary[i], source.start[i]


@kernel(**INTERNAL)
def weigh(weights, options, grid, rate, lengths, share, implicit):
    """Weights of one time step: of the three known values, of elimination, pivot and substitution, and four more.

    Those are the discount factor, what diffusion and drift weigh beside the boundary, and the interest.
    """
    for i in range(LANES):
        dt, pitch, variance = lengths[i] * share, grid.pitch[i], options.vol[i] * options.vol[i]
        tilt = (rate - 0.5 * variance) / variance * pitch
        mass = (1.0 - tilt) / 12.0, 10.0 / 12.0, (1.0 + tilt) / 12.0
        diffusion = 0.5 * variance * (1.0 + tilt * tilt / 3.0) / (pitch * pitch)
        drift = 0.5 * variance * tilt / (pitch * pitch)
        flow = diffusion - drift, -2.0 * diffusion, diffusion + drift
        later, sooner = 1.0 + implicit * rate * dt, 1.0 - (1.0 - implicit) * rate * dt
        below = mass[0] * later - implicit * dt * flow[0]
        middle = mass[1] * later - implicit * dt * flow[1]
        above = mass[2] * later - implicit * dt * flow[2]
        pivot = 2.0 / (middle + math.sqrt(middle * middle - 4.0 * below * above))  # of an endless grid
        weights[i] = mass[0] * sooner + (1.0 - implicit) * dt * flow[0]
        weights[LANES + i] = mass[1] * sooner + (1.0 - implicit) * dt * flow[1]
        weights[2 * LANES + i] = mass[2] * sooner + (1.0 - implicit) * dt * flow[2]
        weights[3 * LANES + i] = -above * pivot
        weights[4 * LANES + i] = pivot
        weights[5 * LANES + i] = -below * pivot
        weights[6 * LANES + i] = exp(-rate * dt)
        weights[7 * LANES + i] = 0.5 * variance * dt / (pitch * pitch)
        weights[8 * LANES + i] = weights[7 * LANES + i] * tilt
        weights[9 * LANES + i] = rate * dt


@kernel(**INTERNAL)
def straight(value, node, other_value, other_node, discount, at):
    """Value one step earlier of cash and shares, the line through two nodes: the cash is discounted, shares are not."""
    shares = (value - other_value) / (node - other_node)
    return (value - shares * node) * discount + shares * at


@kernel(**INTERNAL)
def hold_edges(bottom, weights, grid, rest, nodes):
    """Write the next value at the bottom edge to `bottom`; to `rest` at the top, what starts elimination right."""
    top = nodes * LANES
    value, node = grid.value, grid.node
    for i in range(LANES):
        discount = weights[6 * LANES + i]
        bottom[i] = straight(value[i], node[i], value[LANES + i], node[LANES + i], discount, node[i])
        last, inner = top + i, top - LANES + i
        at_top = straight(value[last], node[last], value[inner], node[inner], discount, node[last])
        below = straight(value[last], node[last], value[inner], node[inner], discount, node[inner])
        rest[top + i] = (at_top - weights[5 * LANES + i] * below) / weights[4 * LANES + i]


@kernel(**INTERNAL)
def continue_below(grid):
    """Continue the value held below the boundary, by its parabola: what the node above it must see."""
    for i in range(LANES):
        j = grid.start[i] - 1
        if grid.boundary[i] >= 0.0:
            for k in range(j, larger(j - BELOW, -1), -1):
                gap = grid.boundary[i] - k
                grid.value[k * LANES + i] = grid.floor[k * LANES + i] + grid.parabola[i] * gap * gap


@kernel(**INTERNAL)
def eliminate(value, rest, weights, first, nodes):
    """Eliminate downwards to row `first`, into `rest`."""
    for j in range(nodes - 1, first - 1, -1):
        rows = value[(j - 1) * LANES : (j + 2) * LANES]
        left = rest[j * LANES : (j + 2) * LANES]
        for i in range(LANES):
            known = weights[i] * rows[i] + weights[LANES + i] * rows[LANES + i]
            known += weights[2 * LANES + i] * rows[2 * LANES + i]
            left[i] = known + weights[3 * LANES + i] * left[LANES + i]


@kernel(**INTERNAL)
def find_boundary(grid, rest, weights, bottom, lowest, nodes):
    """Find the first node at which each put is held, the boundary below it, and its value, into `bottom`.

    Next to the boundary, `excess` is what the value held would be above exercise if that went on straight. With s the
    distance from the node below to the boundary, (1 - s)^2 = excess + weight s^2 in units of the parabola's.
    """
    for i in range(LANES):
        follow, parabola, old = weights[5 * LANES + i], grid.parabola[i], grid.boundary[i]
        if bottom[i] > grid.floor[i]:  # nowhere exercised
            grid.start[i], grid.boundary[i] = 1, NOWHERE
            continue
        spread, drift = weights[7 * LANES + i], weights[8 * LANES + i]
        keep = 1.0 + weights[9 * LANES + i] + 2.0 * spread - (spread + drift) * follow
        weight = (spread - drift) / keep if old >= 0.0 else follow
        j, step, excess = grid.start[i], 0, 0.0
        while 1 <= j < nodes:
            k = j * LANES + i
            below = excess
            if old >= 0.0:
                above = weights[4 * LANES + i] * rest[k + LANES] + follow * grid.floor[k]
                above = (above - grid.floor[k + LANES]) / parabola
                before = (grid.value[k] - grid.floor[k]) / parabola if j > old else 0.0
                excess = (before + (spread + drift) * above - 2.0 * spread) / keep
            else:
                held = weights[4 * LANES + i] * rest[k] + follow * grid.floor[k - LANES]
                excess = (held - grid.floor[k]) / parabola
            if excess > -weight:
                if step > 0 or j <= lowest:
                    break
                step = -1
            elif step < 0:
                j, excess = j + 1, below
                break
            else:
                step = 1
            j += step
        s = 0.0
        if excess < 1.0:
            s = (1.0 - excess) / (1.0 + math.sqrt(larger(1.0 - (1.0 - weight) * (1.0 - excess), 0.0)))
            excess = (1.0 - s) * (1.0 - s)
        grid.start[i], grid.boundary[i] = j, j - 1.0 + s
        bottom[i] = grid.floor[j * LANES + i] + parabola * excess


@kernel(**INTERNAL)
def substitute(grid, rest, weights, bottom, first, nodes):
    """Substitute upwards from where each put is held; below, its value is that of exercise."""
    value, floor, start = grid.value, grid.floor, grid.start
    top = 0
    for i in range(LANES):
        top = larger(top, start[i])
        value[i] = floor[i]
        if grid.boundary[i] < 0.0:
            value[i] = bottom[i]
            bottom[i] = weights[4 * LANES + i] * rest[LANES + i] + weights[5 * LANES + i] * value[i]
    for j in range(first, nodes + 1):
        rows = value[(j - 1) * LANES : (j + 1) * LANES]
        left = rest[j * LANES : (j + 1) * LANES]
        for i in range(LANES):
            rows[LANES + i] = weights[4 * LANES + i] * left[i] + weights[5 * LANES + i] * rows[i]
        if j <= top:
            least = floor[j * LANES : (j + 1) * LANES]
            for i in range(LANES):
                found = bottom[i] if j == start[i] else rows[LANES + i]
                rows[LANES + i] = least[i] if j < start[i] else found


@kernel(**INTERNAL)
def march(grid, options, rest, weights, bottom, rate, lengths, steps, exercise, nodes):
    """Go back in time by `lengths` years, LANES of them, without an ex-date."""
    before = 0.0
    for k in range(steps + 1):  # the first of `steps` is taken in two implicit halves
        share = k / steps
        now = 0.5 * (k + 1) / (steps * steps) if k < 2 else share * share
        weigh(weights, options, grid, rate, lengths, now - before, 1.0 if k < 2 else 0.5)
        before = now
        hold_edges(bottom, weights, grid, rest, nodes)
        first = nodes
        for i in range(LANES):
            first = smaller(first, grid.start[i] if grid.boundary[i] >= 0.0 else 1)
        first = larger(first - MARGIN - nodes // 16, 1)
        continue_below(grid)
        eliminate(grid.value, rest, weights, first, nodes)
        if exercise:
            find_boundary(grid, rest, weights, bottom, first, nodes)
        substitute(grid, rest, weights, bottom, first, nodes)


@kernel(**INTERNAL)
def between_nodes(value, lane, nodes, position):
    """Value between nodes, counted in nodes, by Lagrange's cubic, with its first and second derivative a node."""
    j = int(position)
    j = 1 if j < 1 else (nodes - 2 if j > nodes - 2 else j)
    k = j * LANES + lane
    a, b, c, d, u = value[k - LANES], value[k], value[k + LANES], value[k + 2 * LANES], position - j
    outer = (u + 1.0) * u * (u - 1.0) * d - u * (u - 1.0) * (u - 2.0) * a
    found = outer / 6.0 + 0.5 * ((u + 1.0) * (u - 1.0) * (u - 2.0) * b - (u + 1.0) * u * (u - 2.0) * c)
    outer = (3.0 * u * u - 1.0) * d - (3.0 * u * u - 6.0 * u + 2.0) * a
    first = outer / 6.0 + 0.5 * ((3.0 * u * u - 4.0 * u - 1.0) * b - (3.0 * u * u - 2.0 * u - 2.0) * c)
    second = (1.0 - u) * a + (3.0 * u - 2.0) * b + (1.0 - 3.0 * u) * c + u * d
    return found, first, second


@kernel(**INTERNAL)
def worth(grid, strike, lane, nodes, price, position):
    """Value at a price, `position` nodes up the grid, continued below the boundary beforehand."""
    if position <= grid.boundary[lane]:
        return strike - larger(price, 0.0)  # a share cannot pay more than its worth
    if position >= nodes:
        return grid.value[nodes * LANES + lane]
    if position > 0.0:
        found, _, _ = between_nodes(grid.value, lane, nodes, position)
        return found
    value, node = grid.value, grid.node
    return straight(value[lane], node[lane], value[LANES + lane], node[LANES + lane], 1.0, larger(price, 0.0))


@kernel(**INTERNAL)
def averaged(old, new, strike, lane, nodes, price, cash):
    """Mean of the value on the eve around a price, over a pitch of the new grid each way, less a bias.

    Symmetric in the price, so that straight lines pass; of two tents, one twice as wide, weighed about 4 to -1, so that
    curvature does.
    """
    points = int(new.pitch[lane] / old.pitch[lane]) + 1
    points = points if points < MOST_POINTS else MOST_POINTS
    total, fine = 0.0, 1.0 / (points * points)
    for m in range(1 - 2 * points, 2 * points):
        u = m / points
        weight = (4.0 - fine) * larger(1.0 - abs(u), 0.0) - 0.5 * (1.0 - fine) * larger(1.0 - 0.5 * abs(u), 0.0)
        after = price * (1.0 + u * new.pitch[lane]) - cash
        position = (math.log(after) - old.origin[lane]) / old.pitch[lane] if after > old.node[lane] else -1.0
        total += weight * worth(old, strike, lane, nodes, after, position)
    return total / (3.0 * points)


@kernel(**INTERNAL)
def cross_ex_date(old, new, options, cash, position, nodes):
    """Fill a new grid with the values just before the share drops by `cash`."""
    for j in range(nodes + 1):
        node = new.node[j * LANES : (j + 1) * LANES]
        for i in range(LANES):
            after = larger(node[i] - cash, 0.5 * old.node[i])
            position[i] = (log(after) - old.origin[i]) / old.pitch[i]
        for i in range(LANES):
            wide = 2.0 * new.pitch[i] / old.pitch[i] * larger(node[i] / larger(node[i] - cash, old.node[i]), 1.0)
            if wide > 2.0 * NARROW and -wide < position[i] < nodes + wide:
                found = averaged(old, new, options.strike[i], i, nodes, node[i], cash)
            else:
                found = worth(old, options.strike[i], i, nodes, node[i] - cash, position[i])
            new.value[j * LANES + i] = found


@kernel(**INTERNAL)
def read(grid, options, nodes, out):
    """Price, delta and gamma at the spot, and the exercise boundary, into the rows of `out`."""
    for i in range(LANES):
        spot, pitch, boundary = options.spot[i], grid.pitch[i], grid.boundary[i]
        position = (math.log(spot) - grid.origin[i]) / pitch
        value, first, second = between_nodes(grid.value, i, nodes, position)
        first, second = first / pitch, second / (pitch * pitch)
        out[0, i], out[1, i], out[2, i] = value, first / spot, (second - first) / (spot * spot)
        if position <= boundary:
            out[0, i], out[1, i], out[2, i] = options.strike[i] - spot, -1.0, 0.0
        out[3, i] = math.exp(grid.origin[i] + boundary * pitch) if boundary >= 0.0 else math.nan


@kernel(**INTERNAL)
def wait(options, gain, rate, length, exercise, first, second):
    """Split the time before an ex-date (or expiry) for each put: `first` it waits, before that it may be exercised.

    `gain` is what a put far in the money is worth at the end above exercise; it is updated to the start.
    """
    discount = math.exp(-rate * length)
    for i in range(LANES):
        strike = options.strike[i]
        first[i] = length
        if exercise:
            first[i] = smaller(math.log(1.0 + gain[i] / strike) / rate, length)
        second[i] = length - first[i]
        gain[i] = larger(discount * gain[i] - strike * (1.0 - discount), 0.0)


@kernel(**INTERNAL)
def solve(grid, spare, opening, few, head, options, rate, t, ex_time, cash, exercise, nodes, steps, out):
    """Price one block of options in `steps` time steps, were there no ex-date."""
    rest, weights, bottom, gain, first, second = few
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
        terms = (options, rate, t, ex_time, cash, exercise, nodes)
        solve(grid, spare, opening, work, head, *terms, steps, fine)
        solve(grid, spare, opening, work, head, *terms, steps // 2, coarse)
        for i in range(LANES if size - block > LANES else size - block):
            for row in range(3):
                out[row, block + i] = fine[row, i] + (fine[row, i] - coarse[row, i]) / 3.0
            least = options.strike[i] - options.spot[i] if exercise else 0.0
            out[0, block + i] = larger(out[0, block + i], larger(least, 0.0))
            out[3, block + i] = fine[3, i]
