"""The same prices, greeks and implied vols from vollib (Jaeckel's LetsBeRational), one option at a time.

An independent reference for `--engine vollib`: a thousand times slower, none of our kernels involved. Names, arguments,
units and NaN policy are those of `iwm_opts.pricing.black` and `iwm_opts.pricing.implied`.
"""

import math
from typing import Any

from numpy.typing import ArrayLike
from vollib.black_scholes_merton import black_scholes_merton
from vollib.black_scholes_merton.greeks import analytical
from vollib.black_scholes_merton.implied_volatility import implied_volatility

from iwm_opts.pricing._broadcast import Array, Values, discount_factor, evaluate, numbers, plain
from iwm_opts.pricing.black import Greeks


def price(
    right: Any,
    spot: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    rate: ArrayLike,
    vol: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Values:
    """Price of a European option; see `iwm_opts.pricing.black.price`."""
    return evaluate(
        _prices, 1, right, spot=spot, strike=strike, t=t, rate=rate, vol=vol, dividend_yield=dividend_yield
    )[0]


def greeks(
    right: Any,
    spot: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    rate: ArrayLike,
    vol: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Greeks:
    """Greeks of a European option; see `iwm_opts.pricing.black.greeks`."""
    values = evaluate(
        _all_greeks, 5, right, spot=spot, strike=strike, t=t, rate=rate, vol=vol, dividend_yield=dividend_yield
    )
    return Greeks(*values)


def implied_vol(
    right: Any,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Values:
    """Volatility that a price implies; see `iwm_opts.pricing.implied.implied_vol`."""
    operands = {"spot": spot, "strike": strike, "t": t, "rate": rate, "dividend_yield": dividend_yield}
    return evaluate(_implied_vols, 1, right, price=price, **operands)[0]


def black_price(
    right: Any, forward: ArrayLike, strike: ArrayLike, t: ArrayLike, vol: ArrayLike, discount: ArrayLike = 1.0
) -> Values:
    """Price of a European option on a forward; see `iwm_opts.pricing.black.black_price`."""
    undiscounted = price(right, forward, strike, t, 0.0, vol)
    return plain(undiscounted * discount_factor(discount, undiscounted))


def black_implied_vol(
    right: Any, price: ArrayLike, forward: ArrayLike, strike: ArrayLike, t: ArrayLike, discount: ArrayLike = 1.0
) -> Values:
    """Volatility that the price of an option on a forward implies; see `iwm_opts.pricing.implied.black_implied_vol`."""
    given = numbers("price", price)
    return implied_vol(right, given / discount_factor(discount, given), forward, strike, t, 0.0)


def _flag(sign: float) -> str:
    return "c" if sign > 0 else "p"


def _possible(spot: float, strike: float, t: float, *others: float) -> bool:
    return spot > 0.0 and strike > 0.0 and t >= 0.0 and all(map(math.isfinite, (spot, strike, t, *others)))


def _prices(*buffers: Array) -> None:
    *operands, out = buffers
    for i, (sign, spot, strike, t, rate, vol, q) in enumerate(zip(*(x.tolist() for x in operands), strict=True)):
        if not _possible(spot, strike, t, rate, vol, q) or vol < 0.0:
            out[i] = math.nan
        elif t == 0.0 or vol == 0.0:  # outside vollib's domain
            out[i] = max(sign * (spot * math.exp(-q * t) - strike * math.exp(-rate * t)), 0.0)
        else:
            out[i] = black_scholes_merton(_flag(sign), spot, strike, t, rate, vol, q)


def _all_greeks(*buffers: Array) -> None:
    *operands, delta, gamma, vega, theta, rho = buffers
    for i, (sign, spot, strike, t, rate, vol, q) in enumerate(zip(*(x.tolist() for x in operands), strict=True)):
        possible = _possible(spot, strike, t, rate, vol, q) and t > 0.0 and vol > 0.0
        option = (_flag(sign), spot, strike, t, rate, vol, q)
        delta[i] = analytical.delta(*option) if possible else math.nan
        gamma[i] = analytical.gamma(*option) if possible else math.nan
        vega[i] = analytical.vega(*option) if possible else math.nan
        theta[i] = analytical.theta(*option) if possible else math.nan
        rho[i] = analytical.rho(*option) if possible else math.nan


def _implied_vols(*buffers: Array) -> None:
    *operands, out = buffers
    for i, (sign, price, spot, strike, t, rate, q) in enumerate(zip(*(x.tolist() for x in operands), strict=True)):
        out[i] = math.nan
        if _possible(spot, strike, t, rate, price, q) and t > 0.0:
            prepaid, present_strike = spot * math.exp(-q * t), strike * math.exp(-rate * t)
            lowest = max(sign * (prepaid - present_strike), 0.0)
            highest = prepaid if sign > 0 else present_strike
            if lowest < price < highest:
                out[i] = implied_volatility(price, spot, strike, t, rate, q, _flag(sign))
