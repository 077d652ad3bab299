"""Black-Scholes-Merton price and greeks, without branches, so that LLVM vectorises the loops.

Both parts of the price are written with the prepaid forward (spot less dividends) and the prepaid strike (discounted):
    price = sign (forward N(sign d1) - strike N(sign d2)),
    d1 = ln(forward / strike) / stdev + stdev / 2,  d2 = d1 - stdev,  stdev = vol sqrt(t)
(Hull 2018, Options, Futures, and Other Derivatives, 10th ed., equations 17.4 and 17.5; Black 1976 is the case of equal
carry and discount rates). Because forward n(d1) = strike n(d2), one exponential serves both tails.
"""

import math

import numpy as np

from iwm_opts.conventions import DAYS_PER_YEAR, VOL_POINT
from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, SQRT_HALF, erfcx, exp, log_ratio


@inline
def prepaid_halves(sign, forward, strike, log_moneyness, stdev):
    """Halves of the price, forward N(sign d1) and strike N(sign d2), and forward n(d1); all prepaid, stdev > 0.

    `log_moneyness` is ln(forward / strike), handed in because it can be had more precisely than from the two.
    """
    d1 = log_moneyness / stdev + 0.5 * stdev
    d2 = d1 - stdev
    bell = 0.5 * forward * exp(-0.5 * d1 * d1)
    tail1 = bell * erfcx(abs(d1) * SQRT_HALF)
    tail2 = bell * erfcx(abs(d2) * SQRT_HALF)
    half1 = forward - tail1 if sign * d1 > 0.0 else tail1
    half2 = strike - tail2 if sign * d2 > 0.0 else tail2
    return half1, half2, bell * (2.0 * INV_SQRT_2PI)


@inline
def poison(sign, spot, strike, t, rate, vol, dividend_yield):
    """0 where the inputs are ones an option can have, NaN elsewhere."""
    finite = 0.0 * (sign + spot + strike + t + rate + vol + dividend_yield)
    return finite if (spot > 0.0) & (strike > 0.0) & (t >= 0.0) & (vol >= 0.0) else math.nan


@inline
def black_scholes(sign, spot, strike, t, rate, vol, dividend_yield):
    """Price of a European option; the discounted payoff at the forward where vol or t is 0."""
    forward = spot * exp(-dividend_yield * t)
    present_strike = strike * exp(-rate * t)
    stdev = vol * np.sqrt(t)
    log_moneyness = log_ratio(spot, strike) + (rate - dividend_yield) * t
    half1, half2, _ = prepaid_halves(sign, forward, present_strike, log_moneyness, stdev)
    certain = max(sign * (forward - present_strike), 0.0)
    value = sign * (half1 - half2)
    value = value if value > certain else certain  # also where stdev is 0, which makes value 0 / 0
    return value + poison(sign, spot, strike, t, rate, vol, dividend_yield)


@inline
def black_scholes_greeks(sign, spot, strike, t, rate, vol, dividend_yield):
    """Delta, gamma, vega, theta and rho a unit of vol, year and rate (Hull 2018, table 19.6); NaN at vol or t = 0."""
    carry = exp(-dividend_yield * t)
    forward = spot * carry
    present_strike = strike * exp(-rate * t)
    root_t = np.sqrt(t)
    stdev = vol * root_t
    log_moneyness = log_ratio(spot, strike) + (rate - dividend_yield) * t
    half1, half2, density = prepaid_halves(sign, forward, present_strike, log_moneyness, stdev)
    density += poison(sign, spot, strike, t, rate, vol, dividend_yield)
    density = density if stdev > 0.0 else math.nan
    half1, half2 = half1 + 0.0 * density, half2 + 0.0 * density
    delta = sign * half1 / spot
    gamma = density / (spot * spot * stdev)
    vega = density * root_t
    theta = -0.5 * density * vol / root_t + sign * (dividend_yield * half1 - rate * half2)
    rho = sign * half2 * t
    return delta, gamma, vega, theta, rho


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[::1])"
)
def prices(sign, spot, strike, t, rate, vol, dividend_yield, out):
    """Price options, element by element."""
    for i in range(out.shape[0]):
        out[i] = black_scholes(sign[i], spot[i], strike[i], t[i], rate[i], vol[i], dividend_yield[i])


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
)
def all_greeks(sign, spot, strike, t, rate, vol, dividend_yield, delta, gamma, vega, theta, rho):
    """Greeks of options, element by element, in the units traders quote: theta a day, vega and rho a point."""
    for i in range(delta.shape[0]):
        delta[i], gamma[i], a_unit_of_vol, a_year, a_unit_of_rate = black_scholes_greeks(
            sign[i], spot[i], strike[i], t[i], rate[i], vol[i], dividend_yield[i]
        )
        vega[i] = a_unit_of_vol * VOL_POINT
        theta[i] = a_year * (1.0 / DAYS_PER_YEAR)
        rho[i] = a_unit_of_rate * VOL_POINT
