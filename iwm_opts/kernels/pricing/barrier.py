"""Probability that a price touches a level before a time, under the SABR model with a lognormal spot.

    dx = (drift - vol^2 / 2) dt + vol dW,  vol = alpha exp(y),  dy = -nu^2 / 2 dt + nu dZ,  dW dZ = rho dt

(Hagan, Kumar, Lesniewski and Woodward 2002, "Managing smile risk", Wilmott, beta 1.) The chance u(x, y, t) of touching
neither level solves the backward equation with u = 0 at the levels. It is stepped by Douglas' scheme (in 't Hout and
Foulon 2010, "ADI finite difference schemes for option pricing", section 2.2), the mixed derivative explicit.
"""

import math

from iwm_opts.kernels._jit import internal, kernel

NODES = 80  # intervals between the levels
LEVELS = 14  # intervals of log vol
STEPS = 40
IMPLICIT = 4  # first steps, fully implicit: u jumps at the levels
REACH = 6.0  # standard deviations to the edge where there is no level
SPREAD = 3.5  # standard deviations of log vol on either side
LEAST_NU = 0.05  # of nu sqrt(t): below, the smile is flat and the grid of log vol would have no width


@internal
def never_touched(h, drift, alpha, nu, rho, t, spread, u, change, upper, right):
    """Step u, 1 inside and 0 on the levels, NODES steps of `h` apart, back over a time t.

    Shape (NODES + 1, LEVELS + 1). `change`, of the shape of u, and `upper` and `right` (NODES + 1,) are overwritten.
    """
    g = 2.0 * spread / LEVELS
    up, down = 0.5 * nu * nu / (g * g) - 0.25 * nu * nu / g, 0.5 * nu * nu / (g * g) + 0.25 * nu * nu / g
    for step in range(STEPS):
        dt = t * (2.0 * step + 1.0) / (STEPS * STEPS)
        theta = 1.0 if step < IMPLICIT else 0.5
        for j in range(LEVELS + 1):  # implicit in the price
            vol = alpha * math.exp((j - LEVELS // 2) * g)
            diffusion, advection = 0.5 * vol * vol / (h * h), (drift - 0.5 * vol * vol) / (2.0 * h)
            low, high, middle = diffusion - advection, diffusion + advection, 1.0 + 2.0 * theta * dt * diffusion
            mixed = rho * nu * vol / (4.0 * h * g)
            upper[0] = right[0] = 0.0  # changes: none on the edges
            for i in range(1, NODES):
                rise = high * u[i + 1, j] + low * u[i - 1, j] - 2.0 * diffusion * u[i, j]
                if 0 < j < LEVELS:
                    rise += up * u[i, j + 1] + down * u[i, j - 1] - (up + down) * u[i, j]
                    rise += mixed * (u[i + 1, j + 1] - u[i + 1, j - 1] - u[i - 1, j + 1] + u[i - 1, j - 1])
                pivot = middle - theta * dt * low * upper[i - 1]
                upper[i] = theta * dt * high / pivot
                right[i] = (dt * rise + theta * dt * low * right[i - 1]) / pivot
            change[NODES, j] = 0.0
            for i in range(NODES - 1, 0, -1):
                change[i, j] = right[i] + upper[i] * change[i + 1, j]
        middle = 1.0 + theta * dt * (up + down)
        for i in range(1, NODES):  # implicit in the vol; its edges follow the price alone
            upper[0], right[0] = 0.0, change[i, 0]
            for j in range(1, LEVELS):
                pivot = middle - theta * dt * down * upper[j - 1]
                upper[j] = theta * dt * up / pivot
                right[j] = (change[i, j] + theta * dt * down * right[j - 1]) / pivot
            u[i, LEVELS] += change[i, LEVELS]
            after = change[i, LEVELS]
            for j in range(LEVELS - 1, -1, -1):
                after = right[j] + upper[j] * after
                u[i, j] += after


@kernel(
    "void(float64[::1], float64[::1], float64, float64, float64, float64, float64, float64[:, :, ::1], float64[:, ::1],"
    " float64[::1])"
)
def touch(low, high, drift, alpha, nu, rho, t, grids, rows, out):
    """Probability of touching the lower or the upper level of each pair, given as log(level / price).

    NaN: no level on that side; NaN of neither. 1 where the price is already beyond one. `drift` is a year's of the
    price (its log grows by drift - vol^2 / 2), `t` in years. `grids` (2, NODES + 1, LEVELS + 1) and `rows`
    (2, NODES + 1) are overwritten.
    """
    u, change, upper, right = grids[0], grids[1], rows[0], rows[1]
    steady = max(nu * math.sqrt(t), LEAST_NU)
    edge = REACH * alpha * math.sqrt(t) * math.exp(0.5 * steady)
    for k in range(out.shape[0]):
        if math.isnan(low[k]) and math.isnan(high[k]):
            out[k] = math.nan
            continue
        if low[k] >= 0.0 or high[k] <= 0.0:
            out[k] = 1.0
            continue
        # A level beyond the edge is not reached, and would stretch the grid of the other.
        has_low, has_high = low[k] > -edge, high[k] < edge
        bottom, top = low[k] if has_low else -edge, high[k] if has_high else edge
        pitch = (top - bottom) / NODES
        for i in range(NODES + 1):
            is_level = (i == 0 and has_low) or (i == NODES and has_high)
            for j in range(LEVELS + 1):
                u[i, j] = 0.0 if is_level else 1.0
        never_touched(pitch, drift, alpha, steady / math.sqrt(t), rho, t, SPREAD * steady, u, change, upper, right)
        position = -bottom / pitch
        i = min(max(int(position), 1), NODES - 1)
        away = position - i
        before, here, after = u[i - 1, LEVELS // 2], u[i, LEVELS // 2], u[i + 1, LEVELS // 2]
        stayed = here + 0.5 * away * (after - before + away * (after - 2.0 * here + before))
        out[k] = min(max(1.0 - stayed, 0.0), 1.0)
