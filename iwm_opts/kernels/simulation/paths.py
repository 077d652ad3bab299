"""Paths of spot and of the state that its variance and its implied variance follow, one session a step.

The model and its sources are in `simulation/dynamics`; here are the recursions alone. All randomness comes in as
standard normal numbers, one row a session, so that a path cut anywhere and continued gives the same numbers.
"""

import math

from iwm_opts.kernels._jit import inline, kernel, unfused
from iwm_opts.kernels.elementary import SQRT_HALF, exp

SHOCKS = 7  # standard normals a session: spot, fast, slow, premium, event, size of the event, middle


@unfused
def _wiener(correlation, spot_shock, own_shock):
    """Draw a standard normal with a given correlation to the spot's."""
    return correlation * spot_shock + math.sqrt(1.0 - correlation * correlation) * own_shock


@kernel(
    "void(float64[:, ::1], float64, float64, float64, float64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, float64, float64,"
    " float64, float64, float64, float64, float64, float64, float64, float64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
    few=4096,
)
def advance(
    shocks,
    dt,
    drift,
    variance_price,
    floor,
    level,
    fast_share,
    fast_speed,
    fast_vol,
    fast_correlation,
    fast_convexity,
    middle_speed,
    middle_vol,
    middle_correlation,
    middle_heat,
    slow_speed,
    slow_vol,
    slow_correlation,
    premium_speed,
    premium_vol,
    premium_correlation,
    reversal,
    jump_threshold,
    jump_mean,
    jump_sd,
    jump_lift,
    jump_middle_lift,
    burst_threshold,
    burst_mean,
    burst_middle_share,
    state,
    log_return,
    variance,
    fast,
    middle,
    slow,
    premium,
    jumped,
):
    """Advance the state through len(shocks) sessions of `dt` years each.

    `state` is (fast, middle, slow, premium, last surprise), updated in place; of a session's surprise the next takes
    back the share `reversal`.

    A session's diffusive variance is (floor + exp(level + middle + slow)) (1 - fast_share + fast_share exp(fast)) with
    the factors before it, and its drift `drift` + (variance_price - 1/2) times that. Of the fast factor's
    shock, the share `fast_convexity` is that of the square of spot's; that of the middle one is
    2 / (1 + exp(-middle_heat middle)) times as large. An event is a jump of the spot, which also lifts the fast factor
    by -jump_lift x jump and the middle one by -jump_middle_lift x jump, where the event's normal lies above
    `jump_threshold`; it is a burst of variance, exponential of mean `burst_mean` on the fast factor and the share
    `burst_middle_share` of that on the middle one, where it lies below -`burst_threshold`.

    Writes the log return over each session, the variance rate that held during it, the factors after it, and the
    jump of spot within the return; shapes (n,).
    """
    fast_keep, middle_keep = math.exp(-fast_speed * dt), math.exp(-middle_speed * dt)
    slow_keep, premium_keep = math.exp(-slow_speed * dt), math.exp(-premium_speed * dt)
    fast_sd = fast_vol * math.sqrt((1.0 - fast_keep * fast_keep) / (2.0 * fast_speed))
    middle_sd = middle_vol * math.sqrt((1.0 - middle_keep * middle_keep) / (2.0 * middle_speed))
    slow_sd = slow_vol * math.sqrt((1.0 - slow_keep * slow_keep) / (2.0 * slow_speed))
    premium_sd = premium_vol * math.sqrt((1.0 - premium_keep * premium_keep) / (2.0 * premium_speed))
    fast_own = math.sqrt(1.0 - fast_correlation * fast_correlation - fast_convexity * fast_convexity)
    x, m, y, u, surprise = state[0], state[1], state[2], state[3], state[4]
    for i in range(shocks.shape[0]):
        spot_shock = shocks[i, 0]
        rate = (floor + math.exp(level + m + y)) * (1.0 - fast_share + fast_share * math.exp(x))
        expected = (drift + (variance_price - 0.5) * rate) * dt - reversal * surprise
        surprise = math.sqrt(rate * dt) * spot_shock
        middle_move = middle_sd * 2.0 / (1.0 + math.exp(-middle_heat * m))
        square = (spot_shock * spot_shock - 1.0) * math.sqrt(0.5)
        fast_shock = fast_correlation * spot_shock + fast_convexity * square + fast_own * shocks[i, 1]
        x = fast_keep * x + fast_sd * fast_shock
        m = middle_keep * m + middle_move * _wiener(middle_correlation, spot_shock, shocks[i, 6])
        y = slow_keep * y + slow_sd * _wiener(slow_correlation, spot_shock, shocks[i, 2])
        u = premium_keep * u + premium_sd * _wiener(premium_correlation, spot_shock, shocks[i, 3])
        jump = 0.0
        if shocks[i, 4] > jump_threshold:
            jump = jump_mean + jump_sd * shocks[i, 5]
            surprise += jump
            x -= jump_lift * jump
            m -= jump_middle_lift * jump
        elif shocks[i, 4] < -burst_threshold:
            burst = -burst_mean * math.log(0.5 * math.erfc(-SQRT_HALF * shocks[i, 5]))
            x += burst
            m += burst_middle_share * burst
        log_return[i], variance[i], jumped[i] = expected + surprise, rate, jump
        fast[i], middle[i], slow[i], premium[i] = x, m, y, u
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
def mean_variance(
    fast,
    middle,
    slow,
    premium,
    term,
    constant,
    weight,
    fast_loading,
    middle_loading,
    slow_loading,
    premium_loading,
    term_loading,
    part,
):
    """Mean variance rate over one tenor, priced, of one state; see `expected_variance`, which does it for many.

    `part` (nodes,) is scratch: summed apart, the terms are computed in vectors.
    """
    for j in range(part.shape[0]):
        exponent = fast_loading[j] * fast + middle_loading[j] * middle + slow_loading[j] * slow
        part[j] = weight[j] * exp(exponent + premium_loading[j] * premium + term_loading[j] * term)
    total = constant
    for j in range(part.shape[0]):
        total += part[j]
    return total


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64[::1], float64[::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])"
)
def expected_variance(
    fast,
    middle,
    slow,
    premium,
    term,
    constant,
    weight,
    fast_loading,
    middle_loading,
    slow_loading,
    premium_loading,
    term_loading,
    out,
):
    """Mean variance rate over one tenor: constant + sum(weight exp(loadings . state)), a quadrature over the tenor.

    State arrays and `out` have shape (n,), node arrays (m,).
    """
    for i in range(out.shape[0]):
        out[i] = constant
    for j in range(weight.shape[0]):  # sessions run inside, so that they go through the vector unit several at once
        a, b, c, d, e = fast_loading[j], middle_loading[j], slow_loading[j], premium_loading[j], term_loading[j]
        for i in range(out.shape[0]):
            exponent = a * fast[i] + b * middle[i] + c * slow[i] + d * premium[i] + e * term[i]
            out[i] += weight[j] * exp(exponent)
