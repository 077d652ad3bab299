"""Time steps of puts on a grid, LANES options side by side: Crank and Nicolson, exercised where that pays.

- Space: the compact scheme of fourth order for constant coefficients, three nodes wide (after Spotz and Carey 1995,
  "High-order compact scheme for the steady stream-function vorticity equations", International Journal for Numerical
  Methods in Engineering 38, 3497-3512), in the log-price. Elimination uses its fixed point as pivot: no division.
- Exercise: held above the exercise value during back substitution (Brennan and Schwartz 1977, "The valuation of
  American put options", Journal of Finance 32, 449-462). Where between two nodes the boundary lies counts too: there
  value less exercise value starts as a parabola whose curvature is known, 2 rate strike / vol^2.
"""

import math

from iwm_opts.kernels._jit import internal
from iwm_opts.kernels.elementary import exp
from iwm_opts.kernels.pricing.american_grid import NOWHERE, continue_below, straight
from iwm_opts.kernels.pricing.american_lanes import LANES, larger, smaller

MARGIN = 8  # nodes that a boundary may fall in one time step


@internal
def weigh(weights, options, grid, rate, lengths, share, implicit):
    """Weights of one time step: of the three known values, of elimination, pivot and substitution, and four more.

    Those are the discount factor, the weights of diffusion and drift at the boundary, and the interest.
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


@internal
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


@internal
def eliminate(value, rest, weights, first, nodes):
    """Eliminate downwards to row `first`, into `rest`."""
    for j in range(nodes - 1, first - 1, -1):
        rows = value[(j - 1) * LANES : (j + 2) * LANES]
        reduced = rest[j * LANES : (j + 2) * LANES]
        for i in range(LANES):
            moved = weights[i] * rows[i] + weights[LANES + i] * rows[LANES + i]
            moved += weights[2 * LANES + i] * rows[2 * LANES + i]
            reduced[i] = moved + weights[3 * LANES + i] * reduced[LANES + i]


@internal
def find_boundary(grid, rest, weights, bottom, lowest, nodes):
    """Find the first node at which each put is held, the boundary below it, and its value, into `bottom`.

    Next to the boundary, `excess` is the value held above exercise, extrapolated linearly. With s the
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


@internal
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
        reduced = rest[j * LANES : (j + 1) * LANES]
        for i in range(LANES):
            rows[LANES + i] = weights[4 * LANES + i] * reduced[i] + weights[5 * LANES + i] * rows[i]
        if j <= top:
            least = floor[j * LANES : (j + 1) * LANES]
            for i in range(LANES):
                held = bottom[i] if j == start[i] else rows[LANES + i]
                rows[LANES + i] = least[i] if j < start[i] else held


@internal
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
