"""Implied volatility of European options in a fixed number of steps, without branches, so that LLVM vectorises it.

Works on the out-of-the-money side of the normalised Black function (Jaeckel 2017, "Let's be rational", Wilmott
2015(75), 40-53, sections 2 and 3; the in-the-money side follows by put-call parity):
    b(x, s) = exp(-x/2) N(-x/s + s/2) - exp(x/2) N(-x/s - s/2),  x = |ln(F / K)|,  s = vol sqrt(t),
    b = price / (discount sqrt(F K)).
A closed-form guess, within 0.4% up to s = 1.5 and 9% up to s = 4, is followed by two Householder steps of third order,
each of which raises the relative error to about its fourth power.
"""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, SQRT_HALF, erfcx, exp, log, log_ratio
from iwm_opts.kernels.pricing.black import poison

NEGLIGIBLE_MONEYNESS = 1e-8  # of the premium: below it the guess does not feel the strike, and x / b loses digits

LARGEST_STDEV = 5.0  # two steps from the guess reach 1e-10 up to here; no listed option comes near


@inline
def normalised_black(x, s):
    """Normalised premium b(x, s) and its derivative in s, of the option out of the money by x >= 0."""
    h = -x / s
    t = 0.5 * s
    bell = exp(-0.5 * (h * h + t * t))
    tail = bell * erfcx(abs(h + t) * SQRT_HALF)
    tail = 2.0 * exp(-0.5 * x) - tail if h + t > 0.0 else tail
    return 0.5 * (tail - bell * erfcx((t - h) * SQRT_HALF)), bell * INV_SQRT_2PI


@inline
def first_guess(b, x):
    """Total stdev from the normal (Bachelier) model's inversion, corrected for lognormality.

    Normal part: straddle times a polynomial in sqrt(eta), eta = u / atanh(u), u = x / straddle (the variable of Choi,
    Kim and Kwak 2009, "Numerical approximation of the implied volatility under arithmetic Brownian motion"), fitted
    by least squares to relative error 1e-4. Correction: s^2 / 24 at the money, fading as 1 / (1 + x^2 / 3 s^2) away
    from it, and growing with c = b exp(x/2) to follow s = 2 N^-1((1 + b) / 2), which is exact at the money.
    """
    x = max(x, NEGLIGIBLE_MONEYNESS * b)
    straddle = 2.0 * b + x
    eta = min(x / straddle / (0.5 * log_ratio(b + x, b)), 1.0)
    z = np.sqrt(eta)
    p = -2.0309176530905426
    p = p * z + 5.949873599596973
    p = p * z - 4.540064642722663
    p = p * z - 2.097003040106663
    p = p * z + 4.328556834140944
    p = p * z - 2.121959017524478
    p = p * z + 1.2425532798791792
    p = p * z + 0.022463760777538203
    p = p * z + 0.49980504739588955
    s = straddle * z * p
    s2 = s * s
    c = b / exp(-0.5 * x)
    c2 = c * c
    return s + s * s2 * s2 / (s2 * (24.0 - c2 * (14.45 + 3.95 * c2)) + 8.0 * x * x)


@inline
def householder(s, b, x, deep, target):
    """One Householder step of third order from s towards b(x, s) = b (Jaeckel 2017, section 5).

    On b itself where s is above the inflection point sqrt(2 x), and on (-ln b)^(-1/2), nearly linear in s, below it
    (`deep`); `target` is that function of the premium sought.
    """
    value, slope = normalised_black(x, s)
    h2 = x * x / (s * s)
    second = h2 / s - 0.25 * s  # b'' / b'
    third = second * second - 3.0 * h2 / (s * s) - 0.25  # b''' / b'
    steepness = slope / value
    minus_log = -log(value)
    root = np.sqrt(minus_log)
    q = 1.5 / minus_log - 1.0
    newton_deep = (target - 1.0 / root) * 2.0 * minus_log * root / steepness
    second_deep = second + steepness * q
    third_deep = third + steepness * (3.0 * q * second + steepness * (q * q - q + 1.5 / (minus_log * minus_log)))
    newton_above = (b - value) / slope
    newton = newton_deep if deep else newton_above  # both computed: a choice of two values is a vector instruction
    second = second_deep if deep else second
    third = third_deep if deep else third
    step = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))
    return s + max(step, -0.5 * s)


@inline
def normalised_implied(b, x):
    """Total stdev s at which b(x, s) = b; NaN where b is 0 or less, or s is above 5."""
    s = first_guess(b, x)
    deep = s * s < 2.0 * x
    target = 1.0 / np.sqrt(-log(b))
    s = householder(s, b, x, deep, target)
    s = householder(s, b, x, deep, target)
    return s if s <= LARGEST_STDEV else math.nan


@inline
def implied_vol(sign, price, spot, strike, t, rate, dividend_yield):
    """Vol at which `black_scholes` gives `price`; NaN where none does."""
    forward = spot * exp(-dividend_yield * t)
    present_strike = strike * exp(-rate * t)
    log_moneyness = log_ratio(spot, strike) + (rate - dividend_yield) * t
    parity = abs(forward - present_strike) if sign * log_moneyness > 0.0 else 0.0
    premium = price - parity  # of the option out of the money at this strike
    stdev = normalised_implied(premium / np.sqrt(forward * present_strike), abs(log_moneyness))
    possible = (premium > 0.0) & (premium < min(forward, present_strike)) & (t > 0.0)
    vol = stdev / np.sqrt(t)
    return (vol if possible else math.nan) + poison(sign, spot, strike, t, rate, 0.0, dividend_yield)


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[::1])"
)
def implied_vols(sign, price, spot, strike, t, rate, dividend_yield, out):
    """Vols that prices imply, element by element."""
    for i in range(out.shape[0]):
        out[i] = implied_vol(sign[i], price[i], spot[i], strike[i], t[i], rate[i], dividend_yield[i])
