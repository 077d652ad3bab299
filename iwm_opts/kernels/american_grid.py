"""A log-spot grid that marches options back in time: thirty-two options of one expiry side by side.

Crank-Nicolson with two implicit half steps after every kink (Rannacher 1984, "Finite element solution of diffusion
problems with irregular data"), time steps that grow quadratically away from it. What makes it quick:

- Options lie side by side in the inner loops, which LLVM vectorises.
- Coefficients are constant along the grid, so elimination uses its fixed point as pivot from the first row on: no
  division, and a row costs two chained multiply-adds.
- Beyond its edges the value is a straight line in the spot, so a grid need only be as wide as the value is curved.

Written for a short compilation too: every numpy function, `min` or `max` used would be one more function to compile.
"""

import math
from collections import namedtuple
from typing import Any

from iwm_opts.kernels._jit import kernel

LANES = 32
WIDTH = 5.0  # standard deviations from the spot, and from the kink, to the edges: 4.5 costs 1e-3 at a vol of 150%
LOWEST_SHARE = 0.1  # of the spot that the grid assumes dividends leave

# Called by compiled code alone: doors for Python would cost a third of the compilation.
INTERNAL: dict[str, Any] = {"cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

Options = namedtuple("Options", ("sign", "spot", "strike", "vol"))  # arrays of LANES
# `anchor` is the log-price kept on a node, `origin` that of node 0, `pitch` the distance of nodes: LANES each. `node`
# (prices), `value` and `floor` (value at immediate exercise) are (nodes + 2) x LANES, one node's lanes after another's.
Grid = namedtuple("Grid", ("anchor", "origin", "pitch", "node", "value", "floor"))


@kernel(**INTERNAL)
def larger(a, b):
    """The larger of two numbers."""
    return a if a > b else b


@kernel(**INTERNAL)
def smaller(a, b):
    """The smaller of two numbers."""
    return a if a < b else b


@kernel(**INTERNAL)
def place(grid, options, rate, until, left, paid, nodes):
    """Lay nodes for the time up to `until` years from today, `left` years before expiry at its near end.

    They cover where the spot may be and the value is not yet straight; where the spot may be if the two hardly meet.
    `paid` is the cash that goes ex before `until`.
    """
    for i in range(LANES):
        vol = options.vol[i]
        drift = rate - 0.5 * vol * vol
        reach, bend = WIDTH * vol * math.sqrt(until), WIDTH * vol * math.sqrt(left)
        log_spot, log_strike = math.log(options.spot[i]), math.log(options.strike[i])
        lowest = math.log(larger(options.spot[i] - paid, LOWEST_SHARE * options.spot[i]))
        low = lowest - reach + smaller(drift * until, 0.0)
        high = log_spot + reach + larger(drift * until, 0.0)
        bent_low = smaller(grid.anchor[i], log_strike) - bend - larger(drift * left, 0.0)
        bent_high = larger(grid.anchor[i], log_strike) + bend - smaller(drift * left, 0.0)
        inner_low, inner_high = larger(low, bent_low), smaller(high, bent_high)
        if inner_high - inner_low >= 0.5 * smaller(high - low, bent_high - bent_low):
            low, high = inner_low, inner_high
        pitch = (high - low) / nodes
        grid.pitch[i] = pitch
        grid.origin[i] = grid.anchor[i] - pitch * int((grid.anchor[i] - low) / pitch + 0.5)
        ratio, price = math.exp(pitch), math.exp(grid.origin[i])
        for j in range(nodes + 1):
            grid.node[j * LANES + i] = price
            price *= ratio


@kernel(**INTERNAL)
def weigh(weights, options, grid, rate, dt, implicit):
    """Weights of one time step: three of the known values, then of elimination, pivot and substitution."""
    known = (1.0 - implicit) * dt
    for i in range(LANES):
        variance = options.vol[i] * options.vol[i]
        diffusion = 0.5 * variance / (grid.pitch[i] * grid.pitch[i])
        drift = 0.5 * (rate - 0.5 * variance) / grid.pitch[i]
        below = -implicit * dt * (diffusion - drift)
        middle = 1.0 + implicit * dt * (2.0 * diffusion + rate)
        above = -implicit * dt * (diffusion + drift)
        pivot = 2.0 / (middle + math.sqrt(middle * middle - 4.0 * below * above))  # of an endless grid
        weights[i] = known * (diffusion - drift)
        weights[LANES + i] = 1.0 - known * (2.0 * diffusion + rate)
        weights[2 * LANES + i] = known * (diffusion + drift)
        weights[3 * LANES + i] = -above * pivot
        weights[4 * LANES + i] = pivot
        weights[5 * LANES + i] = -below * pivot


@kernel(**INTERNAL)
def straight(value, node, other_value, other_node, discount, at):
    """Value one step earlier of cash and shares, the line through two nodes: the cash is discounted, shares are not."""
    shares = (value - other_value) / (node - other_node)
    return (value - shares * node) * discount + shares * at


@kernel(**INTERNAL)
def hold_edges(bottom, weights, grid, discount, nodes):
    """Write the next value at the bottom edge to `bottom`; behind the top edge, what starts elimination right."""
    top = nodes * LANES
    value, node = grid.value, grid.node
    for i in range(LANES):
        bottom[i] = straight(value[i], node[i], value[LANES + i], node[LANES + i], discount, node[i])
        last, inner = top + i, top - LANES + i
        at_top = straight(value[last], node[last], value[inner], node[inner], discount, node[last])
        below = straight(value[last], node[last], value[inner], node[inner], discount, node[inner])
        value[top + LANES + i] = (at_top - weights[5 * LANES + i] * below) / weights[4 * LANES + i]


@kernel(**INTERNAL)
def sweep(value, floor, weights, bottom, nodes):
    """One time step: eliminate downwards, keeping each row one place up, then substitute upwards against the floor."""
    for j in range(nodes - 1, 0, -1):
        rows = value[(j - 1) * LANES : (j + 3) * LANES]
        for i in range(LANES):
            known = weights[i] * rows[i] + weights[LANES + i] * rows[LANES + i]
            known += weights[2 * LANES + i] * rows[2 * LANES + i]
            rows[2 * LANES + i] = known + weights[3 * LANES + i] * rows[3 * LANES + i]
    for i in range(LANES):
        value[i] = larger(bottom[i], floor[i])
    for j in range(1, nodes + 1):
        rows = value[(j - 1) * LANES : (j + 2) * LANES]
        least = floor[j * LANES : (j + 1) * LANES]
        for i in range(LANES):
            found = weights[4 * LANES + i] * rows[2 * LANES + i] + weights[5 * LANES + i] * rows[i]
            rows[LANES + i] = found if found > least[i] else least[i]


@kernel(**INTERNAL)
def march(grid, options, weights, bottom, rate, length, steps, nodes):
    """Go back in time by `length` years without an ex-date."""
    before = 0.0
    for k in range(steps + 1):  # the first of `steps` is taken in two implicit halves
        share = k / steps
        now = length * (0.5 * (k + 1) / (steps * steps) if k < 2 else share * share)
        weigh(weights, options, grid, rate, now - before, 1.0 if k < 2 else 0.5)
        hold_edges(bottom, weights, grid, math.exp(-rate * (now - before)), nodes)
        sweep(grid.value, grid.floor, weights, bottom, nodes)
        before = now


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
