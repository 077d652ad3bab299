"""Grids of puts on a share with cash dividends: nodes, interpolation and ex-dates.

LANES options side by side. Every stretch of time between ex-dates has a grid of its own in the log-price. Values
narrower than its pitch are averaged with weights that keep cubics.
"""

import math
from collections import namedtuple

from iwm_opts.kernels._jit import internal
from iwm_opts.kernels.elementary import log
from iwm_opts.kernels.pricing.american_lanes import LANES, LOWEST_SHARE, larger, smaller

WIDTH = 5.5  # standard deviations from the spot, and from the strike, to the edges
NARROW = 3.0  # nodes of the old grid in a pitch of the new one from which values are averaged over it
MOST_POINTS = 40  # that an average takes each way
NOWHERE = -1e9  # boundary of a put that is exercised at no price
BELOW = 3  # nodes below the boundary at which the value held is continued

Options = namedtuple("Options", ("spot", "strike", "vol"))  # arrays of LANES
# `origin` is the log-price of node 0, `pitch` the distance of nodes, `start` the first node at which the put is held:
# LANES each; `boundary`, in nodes, is negative where no price is exercised. `node` (prices), `value` and `floor` (value
# at immediate exercise) are (nodes + 1) x LANES, one node's lanes after another's.
Grid = namedtuple("Grid", ("origin", "pitch", "parabola", "boundary", "start", "node", "value", "floor"))


@internal
def place(grid, options, rate, until, rest, paid, ahead, nodes):
    """Lay nodes for the time up to `until` years from today, `rest` years before expiry at its near end.

    They cover where the spot may be and the value is not yet straight; where the spot may be if the two hardly meet.
    `paid` is the cash that goes ex before `until`, `ahead` that from then on.
    """
    for i in range(LANES):
        vol = options.vol[i]
        drift = rate - 0.5 * vol * vol
        reach, bend = WIDTH * vol * math.sqrt(until), WIDTH * vol * math.sqrt(rest)
        log_spot, log_strike = math.log(options.spot[i]), math.log(options.strike[i])
        lowest = math.log(larger(options.spot[i] - paid, LOWEST_SHARE * options.spot[i]))
        low = lowest - reach + smaller(drift * until, 0.0)
        high = log_spot + reach + larger(drift * until, 0.0)
        # A share worth less than what it will pay bends the value once more.
        bent_low = low if math.exp(low) < ahead else log_strike - bend - larger(drift * rest, 0.0)
        bent_high = math.log(options.strike[i] + ahead) + bend - smaller(drift * rest, 0.0)
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


@internal
def pay(grid, options, nodes):
    """Value at expiry; the node at the strike holds what makes sums over nodes integrals to fourth order."""
    for j in range(nodes + 1):
        for i in range(LANES):
            gap = grid.floor[j * LANES + i]
            at_strike = abs(gap) < 1e-9 * options.strike[i]
            grid.value[j * LANES + i] = options.strike[i] * grid.pitch[i] / 12.0 if at_strike else larger(gap, 0.0)


@internal
def continue_below(grid):
    """Continue the value held below the boundary, by its parabola, for the node above it."""
    for i in range(LANES):
        j = grid.start[i] - 1
        if grid.boundary[i] >= 0.0:
            for k in range(j, larger(j - BELOW, -1), -1):
                gap = grid.boundary[i] - k
                grid.value[k * LANES + i] = grid.floor[k * LANES + i] + grid.parabola[i] * gap * gap


@internal
def between_nodes(value, lane, nodes, position):
    """Value between nodes, counted in nodes, by Lagrange's cubic, with its first and second derivative a node."""
    j = int(position)
    j = 1 if j < 1 else (nodes - 2 if j > nodes - 2 else j)
    k = j * LANES + lane
    a, b, c, d, u = value[k - LANES], value[k], value[k + LANES], value[k + 2 * LANES], position - j
    outer = (u + 1.0) * u * (u - 1.0) * d - u * (u - 1.0) * (u - 2.0) * a
    between = outer / 6.0 + 0.5 * ((u + 1.0) * (u - 1.0) * (u - 2.0) * b - (u + 1.0) * u * (u - 2.0) * c)
    outer = (3.0 * u * u - 1.0) * d - (3.0 * u * u - 6.0 * u + 2.0) * a
    first = outer / 6.0 + 0.5 * ((3.0 * u * u - 4.0 * u - 1.0) * b - (3.0 * u * u - 2.0 * u - 2.0) * c)
    second = (1.0 - u) * a + (3.0 * u - 2.0) * b + (1.0 - 3.0 * u) * c + u * d
    return between, first, second


@internal
def straight(value, node, other_value, other_node, discount, at):
    """Value one step earlier of cash and shares, the line through two nodes: the cash is discounted, shares are not."""
    shares = (value - other_value) / (node - other_node)
    return (value - shares * node) * discount + shares * at


@internal
def worth(grid, strike, lane, nodes, price, position):
    """Value at a price, `position` nodes up the grid, continued below the boundary beforehand."""
    if position <= grid.boundary[lane]:
        return strike - larger(price, 0.0)  # a share cannot pay more than its worth
    if position >= nodes:
        return grid.value[nodes * LANES + lane]
    if position > 0.0:
        inside, _, _ = between_nodes(grid.value, lane, nodes, position)
        return inside
    value, node = grid.value, grid.node
    return straight(value[lane], node[lane], value[LANES + lane], node[LANES + lane], 1.0, larger(price, 0.0))


@internal
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


@internal
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
                value = averaged(old, new, options.strike[i], i, nodes, node[i], cash)
            else:
                value = worth(old, options.strike[i], i, nodes, node[i] - cash, position[i])
            new.value[j * LANES + i] = value


@internal
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
