"""Bid and ask around a fair value: one expiration of a simulated chain, from its smile to quotes on the tick."""

import math
from typing import NamedTuple

import numpy as np
from numba import float64, types

from iwm_opts.kernels._jit import inline, kernel, record_type
from iwm_opts.kernels.elementary import exp, log, log_ratio
from iwm_opts.kernels.pricing.black import prepaid_halves
from iwm_opts.kernels.simulation.ssvi import total_variance

SPREAD_TERMS = 15
PREMIUM_FLOOR = 0.05  # dollars added to a premium before its logarithm: below, spreads no longer depend on it
FAR_DAYS = 100.0  # from here on, listings are thinly quoted and spreads grow faster
LONGEST_DAYS = 730.0  # and beyond here no longer
WIDEST = 6.0  # dollars
ROUNDING_SLACK = 1e-9  # ticks: a fair value on the tick is not pushed off it by its last bit


class SurfaceRow(NamedTuple):
    """One expiration on one day: what quotes of its options rest on beside the coefficients of their spread."""

    spot: float
    forward: float
    discount: float
    root: float  # square root of the years to expiry
    log_time: float  # `time_terms` of the calendar days to it
    far_time: float
    theta: float  # smile of `kernels.simulation.ssvi`, as the next three
    rho: float
    phi: float
    convexity: float
    widening: float  # factor on the spread


@inline
def time_terms(days):
    """Logarithms of time that spreads depend on."""
    lt = math.log(min(days, LONGEST_DAYS) + 1.0)
    return lt, max(lt - math.log(FAR_DAYS), 0.0)


@kernel("void(float64[::1], float64[::1], float64[::1])")
def many_time_terms(days, log_time, far_time):
    """`time_terms` of each of some days; shapes (n,)."""
    for i in range(days.shape[0]):
        log_time[i], far_time[i] = time_terms(days[i])


@inline
def full_spread(premium, in_the_money, is_call, lt, far, c):
    """Compute the quoted spread before rounding to the tick.

    It is the exponential of a polynomial in log premium, log time and moneyness. `premium` is that of the
    out-of-the-money option on the same strike, dollars; `in_the_money` is 2 |delta| - 1 where positive, else 0; `c` are
    the SPREAD_TERMS coefficients.
    """
    lp = log(premium + PREMIUM_FLOOR)
    it = in_the_money**0.5
    value = (
        c[0] + c[1] * lp + c[2] * lt + c[3] * lp * lt + c[4] * lp * lp + c[5] * lt * lt + c[6] * far + c[7] * far * far
    )
    value += it * (c[8] + c[9] * it + c[10] * lt + c[11] * lt * lt + c[12] * it * lt + c[13] * far) + c[14] * is_call
    value = exp(value)
    return value if value < WIDEST else WIDEST


@inline
def positive(x):
    """Floor a number at zero; unlike the built-in `max` it leaves a loop to be vectorised."""
    return x if x > 0.0 else 0.0


def surface_row(spot, forward, discount, years, days, theta, rho, phi, convexity, widening):
    """Row of an expiration from the years and calendar days to it."""
    log_time, far_time = time_terms(days)
    return SurfaceRow(
        spot, forward, discount, math.sqrt(years), log_time, far_time, theta, rho, phi, convexity, widening
    )


@inline
def quote_option(sign, strike, row, coefficients, tick):
    """Bid, ask, implied vol and spot delta of one option on a `SurfaceRow`.

    Fair value is Black's on the forward (1976) at the smile's vol, never below intrinsic value. Bid and ask lie half a
    spread, times `widening`, either side of it, rounded outward to the tick; no bid is below zero, no ask below a tick.
    """
    spot, forward, discount = row.spot, row.forward, row.discount
    k = log_ratio(strike, forward)
    stdev = total_variance(k, row.theta, row.rho, row.phi, row.convexity) ** 0.5
    # The out-of-the-money side is computed, the other follows by parity: no digits are lost deep in the money.
    side = -1.0 if k < 0.0 else 1.0
    half1, half2, _ = prepaid_halves(side, forward, strike, -k, stdev)
    premium = positive(discount * side * (half1 - half2))
    inside = sign != side
    parity = discount * sign * (forward - strike)
    fair = premium + parity if inside else premium
    intrinsic = sign * (spot - strike)
    fair = intrinsic if fair < intrinsic else fair
    own_delta = side * half1 / forward
    own_delta = own_delta + sign if inside else own_delta
    depth = positive(2.0 * abs(own_delta) - 1.0)
    spread = full_spread(premium, depth, positive(sign), row.log_time, row.far_time, coefficients)
    half = 0.5 * row.widening * spread
    ticks_per_dollar = 1.0 / tick  # 100 and 20 to the last bit; dividing by them gives the decimal price
    low = np.floor((fair - half) * ticks_per_dollar + ROUNDING_SLACK)
    high = np.ceil((fair + half) * ticks_per_dollar - ROUNDING_SLACK)
    bid = positive(low) / ticks_per_dollar
    ask = (1.0 if high < 1.0 else high) / ticks_per_dollar
    return bid, ask, stdev / row.root, own_delta * discount * forward / spot


@kernel(
    types.void(
        float64[::1], float64[::1], record_type(SurfaceRow, *[float64] * len(SurfaceRow._fields)), float64[::1],
        float64, *[float64[::1]] * 4,
    )
)  # fmt: skip
def quote_expiration(sign, strike, row, coefficients, tick, bid, ask, vol, delta):
    """Quote the options of one expiration under one smile, as `quote_option`; arrays have shape (n,)."""
    for i in range(strike.shape[0]):
        bid[i], ask[i], vol[i], delta[i] = quote_option(sign[i], strike[i], row, coefficients, tick)
