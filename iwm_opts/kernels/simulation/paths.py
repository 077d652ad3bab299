"""Paths of spot and of the state that its variance and its implied variance follow, one session a step.

The model and its sources are in `simulation/dynamics`; here are the recursions alone. All randomness comes in as
standard normal numbers, one row a session, so that a path cut anywhere and continued gives the same d.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import float64, types
from numpy.typing import NDArray

from iwm_opts.kernels._jit import inline, kernel, record_type, unfused
from iwm_opts.kernels.elementary import SQRT_HALF, exp

Array = NDArray[np.float64]

SHOCKS = 7  # standard normals a session: spot, fast, slow, premium, event, size of the event, middle


@unfused
def _wiener(correlation, spot_shock, own_shock):
    """Draw a standard normal with a given correlation to the spot's."""
    return correlation * spot_shock + math.sqrt(1.0 - correlation * correlation) * own_shock


class StateNumbers(NamedTuple):
    """Numbers that the recursion of the state rests on, a year unless they have no time; see `advance`."""

    drift: float
    variance_price: float
    floor: float
    level: float
    fast_share: float
    fast_speed: float
    fast_vol: float
    fast_correlation: float
    fast_convexity: float
    middle_speed: float
    middle_vol: float
    middle_correlation: float
    middle_heat: float
    slow_speed: float
    slow_vol: float
    slow_correlation: float
    premium_speed: float
    premium_vol: float
    premium_correlation: float
    reversal: float
    jump_threshold: float
    jump_mean: float
    jump_sd: float
    jump_lift: float
    jump_middle_lift: float
    burst_threshold: float
    burst_mean: float
    burst_middle_share: float


class Advanced(NamedTuple):
    """What a session brings, shape (sessions,) each."""

    log_return: Array
    variance: Array  # rate a year that held during it
    fast: Array  # factors after it
    middle: Array
    slow: Array
    premium: Array
    jump: Array  # of spot, within the return


@kernel(
    types.void(
        float64[:, ::1], float64, record_type(StateNumbers, *[float64] * len(StateNumbers._fields)), float64[::1],
        record_type(Advanced, *[float64[::1]] * len(Advanced._fields)),
    ),
    few=4096,
)  # fmt: skip
def advance(shocks, dt, d, state, out):
    """Advance the state through len(shocks) sessions of `dt` years each.

    `d` holds the numbers of the dynamics. `state` is (fast, middle, slow, premium, last surprise), updated in place; of
    a session's surprise the next takes back the share `reversal`. `out` is written.

    A session's diffusive variance is (floor + exp(level + middle + slow)) (1 - fast_share + fast_share exp(fast)) with
    the factors before it, and its drift `drift` + (variance_price - 1/2) times that. Of the fast factor's
    shock, the share `fast_convexity` is that of the square of spot's; that of the middle one is
    2 / (1 + exp(-middle_heat middle)) times as large. An event is a jump of the spot, which also lifts the fast factor
    by -jump_lift x jump and the middle one by -jump_middle_lift x jump, where the event's normal lies above
    `jump_threshold`; it is a burst of variance, exponential of mean `burst_mean` on the fast factor and the share
    `burst_middle_share` of that on the middle one, where it lies below -`burst_threshold`.
    """
    fast_keep, middle_keep = math.exp(-d.fast_speed * dt), math.exp(-d.middle_speed * dt)
    slow_keep, premium_keep = math.exp(-d.slow_speed * dt), math.exp(-d.premium_speed * dt)
    fast_sd = d.fast_vol * math.sqrt((1.0 - fast_keep * fast_keep) / (2.0 * d.fast_speed))
    middle_sd = d.middle_vol * math.sqrt((1.0 - middle_keep * middle_keep) / (2.0 * d.middle_speed))
    slow_sd = d.slow_vol * math.sqrt((1.0 - slow_keep * slow_keep) / (2.0 * d.slow_speed))
    premium_sd = d.premium_vol * math.sqrt((1.0 - premium_keep * premium_keep) / (2.0 * d.premium_speed))
    fast_own = math.sqrt(1.0 - d.fast_correlation * d.fast_correlation - d.fast_convexity * d.fast_convexity)
    x, m, y, u, surprise = state[0], state[1], state[2], state[3], state[4]
    for i in range(shocks.shape[0]):
        spot_shock = shocks[i, 0]
        rate = (d.floor + math.exp(d.level + m + y)) * (1.0 - d.fast_share + d.fast_share * math.exp(x))
        expected = (d.drift + (d.variance_price - 0.5) * rate) * dt - d.reversal * surprise
        surprise = math.sqrt(rate * dt) * spot_shock
        middle_move = middle_sd * 2.0 / (1.0 + math.exp(-d.middle_heat * m))
        square = (spot_shock * spot_shock - 1.0) * math.sqrt(0.5)
        fast_shock = d.fast_correlation * spot_shock + d.fast_convexity * square + fast_own * shocks[i, 1]
        x = fast_keep * x + fast_sd * fast_shock
        m = middle_keep * m + middle_move * _wiener(d.middle_correlation, spot_shock, shocks[i, 6])
        y = slow_keep * y + slow_sd * _wiener(d.slow_correlation, spot_shock, shocks[i, 2])
        u = premium_keep * u + premium_sd * _wiener(d.premium_correlation, spot_shock, shocks[i, 3])
        jump = 0.0
        if shocks[i, 4] > d.jump_threshold:
            jump = d.jump_mean + d.jump_sd * shocks[i, 5]
            surprise += jump
            x -= d.jump_lift * jump
            m -= d.jump_middle_lift * jump
        elif shocks[i, 4] < -d.burst_threshold:
            burst = -d.burst_mean * math.log(0.5 * math.erfc(-SQRT_HALF * shocks[i, 5]))
            x += burst
            m += d.burst_middle_share * burst
        out.log_return[i], out.variance[i], out.jump[i] = expected + surprise, rate, jump
        out.fast[i], out.middle[i], out.slow[i], out.premium[i] = x, m, y, u
    state[0], state[1], state[2], state[3], state[4] = x, m, y, u, surprise


@kernel("void(float64[::1], float64, float64, float64, float64, float64[::1])", few=4096)
def mean_reverting(shocks, dt, speed, vol, start, out):
    """Ornstein-Uhlenbeck process around 0, exact at steps of `dt` years; shapes (n,)."""
    keep = math.exp(-speed * dt)
    sd = vol * math.sqrt((1.0 - keep * keep) / (2.0 * speed))
    value = start
    for i in range(shocks.shape[0]):
        value = keep * value + sd * shocks[i]
        out[i] = value


@inline
def mean_variance(factors, constant, nodes, part):
    """Mean variance rate over one tenor, priced, of one state; see `expected_variance`, which does it for many.

    `factors` has shape (5,), `nodes` (6, nodes); `part` (nodes,) is scratch: summed apart, the terms are computed in
    vectors.
    """
    fast, middle, slow, premium, term = factors[0], factors[1], factors[2], factors[3], factors[4]
    for j in range(part.shape[0]):
        exponent = nodes[1, j] * fast + nodes[2, j] * middle + nodes[3, j] * slow
        part[j] = nodes[0, j] * exp(exponent + nodes[4, j] * premium + nodes[5, j] * term)
    total = constant
    for j in range(part.shape[0]):
        total += part[j]
    return total


@kernel("void(float64[:, ::1], float64, float64[:, ::1], float64[::1])")
def expected_variance(factors, constant, nodes, out):
    """Mean variance rate over one tenor: constant + sum(weight exp(loadings . factors)), a quadrature over the tenor.

    `factors` (5, n) holds fast, middle, slow, premium and term, `nodes` (6, m) the weights and the loading of each
    factor; `out` has shape (n,).
    """
    for i in range(out.shape[0]):
        out[i] = constant
    for j in range(nodes.shape[1]):  # sessions run inside, so that they go through the vector unit several at once
        weight, a, b, c, d, e = nodes[0, j], nodes[1, j], nodes[2, j], nodes[3, j], nodes[4, j], nodes[5, j]
        for i in range(out.shape[0]):
            exponent = a * factors[0, i] + b * factors[1, i] + c * factors[2, i] + d * factors[3, i] + e * factors[4, i]
            out[i] += weight * exp(exponent)
