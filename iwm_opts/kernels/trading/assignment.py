"""Early assignment: exercise at once or hold, by the American boundary (puts) and by parity on eves (calls)."""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import log_ratio
from iwm_opts.kernels.pricing.implied import normalised_implied

# Boundary of an American put without dividends. With a = 2 rate / vol^2 and s = vol sqrt(t), -ln(boundary / strike) is
# the guess -ln(e + (1 - e) exp(-2 s / (1 - e))), e = a / (1 + a) (the fall of Bjerksund and Stensland 1993 towards
# Merton's endless put), times exp(P(ln a, ln s)). P: Chebyshev polynomial of total degree 6, fitted by least squares to
# `american_put` on 1,167 points; -ln(boundary / strike) is right to 1.1% between the limits.
DEGREE = 6
COEFFICIENTS = np.array(
    [
        [0.40156, -0.13289, 0.04595, 0.02153, 0.00502, 0.00116, 0.00016],
        [-0.35681, 0.13909, 0.15297, 0.05133, 0.01245, 0.00275, 0.0],
        [0.04268, 0.20010, 0.10120, 0.02820, 0.00442, 0.0, 0.0],
        [0.06671, 0.11004, 0.04383, 0.00558, 0.0, 0.0, 0.0],
        [0.02918, 0.04175, 0.00830, 0.0, 0.0, 0.0, 0.0],
        [0.00913, 0.00853, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.00172, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
LOWEST_A, HIGHEST_A = 2e-4, 8.0  # below, interest pays for no exercise; beyond, P is that at the limit
LOWEST_S, HIGHEST_S = 0.008, 1.0  # and s at most 1 / a, where the boundary is nearly that of an endless put
DIVIDEND_POWER = -0.1  # of the interest left after dividends: how they push the boundary down


@inline
def polynomial(u, v):
    """Value at (u, v) in [-1, 1]^2 of the polynomial of COEFFICIENTS, by Clenshaw's recurrence in each variable."""
    outer = outer_before = 0.0
    for i in range(DEGREE, -1, -1):
        inner = inner_before = 0.0
        for j in range(DEGREE - i, 0, -1):
            inner, inner_before = 2.0 * v * inner - inner_before + COEFFICIENTS[i, j], inner
        value = v * inner - inner_before + COEFFICIENTS[i, 0]
        if i > 0:
            outer, outer_before = 2.0 * u * outer - outer_before + value, outer
        else:
            outer = u * outer - outer_before + value
    return outer


@inline
def put_depth(rate_time, stdev):
    """-ln(boundary / strike) of an American put without dividends; infinite where no spot is exercised.

    `rate_time` is rate x t, `stdev` vol x sqrt(t). Without variance any put in the money is exercised.
    """
    if not rate_time > 0.0:
        return math.inf
    if stdev <= 0.0:
        return 0.0
    a = 2.0 * rate_time / (stdev * stdev)
    if a < LOWEST_A:
        return math.inf
    bounded = min(a, HIGHEST_A)
    s = min(max(stdev, LOWEST_S), HIGHEST_S, 1.0 / bounded)
    u = 2.0 * math.log(bounded / LOWEST_A) / math.log(HIGHEST_A / LOWEST_A) - 1.0
    v = 2.0 * math.log(s / LOWEST_S) / math.log(HIGHEST_S / LOWEST_S) - 1.0
    endless = a / (1.0 + a)
    fall = math.exp(-2.0 * stdev * (1.0 + a))
    return -math.log(endless + (1.0 - endless) * fall) * math.exp(polynomial(u, v))


@inline
def is_put_exercised(spot, strike, stdev, rate_time, next_ex, next_cash, dividends):
    """Whether the holder of an American put exercises now.

    Not where the dividends up to any ex-date are worth more than the interest on the strike until then: waiting for the
    drop pays more. Else at and below the boundary without dividends, its depth divided by the tenth power of the
    interest that the dividends leave (from finite differences: 30 to 180 days, rates of 3 and 5%, vols of 15 to 50%;
    the boundary is right to 1.5% of the strike). `next_ex` is the time to the next ex-date as a share of the time to
    expiry (NaN without one), `next_cash` its dividend, `dividends` the worth of all before expiry.
    """
    taken = dividends / (-math.expm1(-rate_time) * strike) if dividends > 0.0 else 0.0
    if next_cash > 0.0 and next_ex >= 0.0:
        interest = -math.expm1(-rate_time * next_ex) * strike
        taken = max(taken, next_cash * math.exp(-rate_time * next_ex) / interest if interest > 0.0 else math.inf)
    if not taken < 1.0:
        return False
    return spot <= strike * math.exp(-put_depth(rate_time, stdev) * (1.0 - taken) ** DIVIDEND_POWER)


@inline
def is_call_exercised(strike, put, rate_time, dividends):
    """Whether the holder of a call in the money exercises on the eve of an ex-date.

    By parity the call held is worth its exercise value less the dividends, plus the put and the interest given up.
    """
    return put + strike * -math.expm1(-rate_time) < dividends


@inline
def opposite_stdev(right, spot, strike, opposite, rate_time, dividends):
    """Total stdev that the opposite right's price implies; 0 where it is worth nothing above parity, else NaN if none.

    Priced as a European: the option out of the money by an exercise boundary has next to no early-exercise premium.
    """
    share, present = spot - dividends, strike * math.exp(-rate_time)
    premium = opposite - max(-right * (share - present), 0.0)
    if premium <= 0.0:
        return 0.0
    return normalised_implied(premium / math.sqrt(share * present), abs(log_ratio(share, present)))


@inline
def exercise(right, spot, strike, opposite, bid, rate_time, next_ex, next_cash, dividends):
    """1 where the holder exercises now (a call: on an eve), 0 where not, NaN where no vol is implied.

    `opposite` and `bid` are midpoint and bid of the opposite right at the strike; the rest as in `is_put_exercised`. An
    option out of the money is not exercised, whatever a stale quote of the opposite right says. A midpoint without a
    bid is half a tick or more, which implies no vol: the put is then exercised where the interest is above it as well.
    """
    if not right * (spot - strike) > 0.0:
        return 0.0
    if right > 0.0:
        return 1.0 if is_call_exercised(strike, opposite, rate_time, dividends) else 0.0
    stdev = 0.0
    if bid > 0.0:
        stdev = opposite_stdev(right, spot, strike, opposite, rate_time, dividends)
    elif opposite + dividends >= strike * -math.expm1(-rate_time):
        return 0.0
    if math.isnan(stdev):
        return math.nan
    return 1.0 if is_put_exercised(spot, strike, stdev, rate_time, next_ex, next_cash, dividends) else 0.0


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[::1], float64[::1], float64[::1], float64[::1])",
    few=64,
)
def is_assigned(right, spot, strike, opposite, bid, rate, t, next_ex, next_cash, dividends, out):
    """1 where a short option is assigned, 0 where not, NaN where an input (but `next_ex`) is or no vol is implied.

    As `exercise`, `next_ex` in years; an option without time left is exercised by expiry, not early.
    """
    for i in range(out.shape[0]):
        rate_time = rate[i] * t[i]
        total = right[i] + spot[i] + strike[i] + opposite[i] + bid[i] + rate_time + next_cash[i] + dividends[i]
        if math.isnan(total):
            out[i] = math.nan
        elif t[i] > 0.0:
            out[i] = exercise(
                right[i],
                spot[i],
                strike[i],
                opposite[i],
                bid[i],
                rate_time,
                next_ex[i] / t[i],
                next_cash[i],
                dividends[i],
            )
        else:
            out[i] = 0.0
