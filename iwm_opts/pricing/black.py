"""Black-Scholes-Merton and Black-76 prices and greeks of European options.

Every function broadcasts its arguments against each other. Scalars give a float, anything else a float64 array of the
broadcast shape. Element by element, NaN where an input is NaN or infinite, where spot, forward or strike is not
positive, and where t or vol is negative; one bad element leaves the others as they are.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from iwm_opts.conventions import VOL_POINT
from iwm_opts.kernels.pricing import black as kernel
from iwm_opts.pricing._broadcast import Values, discount_factor, evaluate, numbers, plain


@dataclass(frozen=True, slots=True, eq=False)
class Greeks:
    """Sensitivities of an option's price; floats, or arrays of one shape."""

    delta: Values  # a share
    gamma: Values  # a share, for one dollar of spot
    vega: Values  # for one vol point (0.01)
    theta: Values  # for one calendar day
    rho: Values  # for one point of rate (0.01)


def price(
    right: Any,
    spot: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    rate: ArrayLike,
    vol: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Values:
    """Price of a European option on a share with a continuous dividend yield.

    Parameters
    ----------
    right : str or number, or array_like of them
        "C" or "P" (either case), or +1 for a call and -1 for a put.
    spot, strike : array_like
        Dollars a share.
    t : array_like
        Time to expiry in years, ACT/365.
    rate, dividend_yield : array_like
        Continuously compounded, annual decimals.
    vol : array_like
        Annualised decimal.

    Returns
    -------
    float or ndarray
        Dollars a share. At t = 0 the payoff, at vol = 0 the discounted payoff at the forward. NaN as in the module's
        docstring. Relative error below 1e-12 for vol sqrt(t) >= 0.01 and prices above 1e-12 of spot, below 1e-10 for
        vol sqrt(t) down to 1e-4 (measured against mpmath).

    Raises
    ------
    InputError
        When `right` is neither a call nor a put anywhere, an argument is not numeric, or shapes do not broadcast.

    Notes
    -----
    Merton 1973, "Theory of rational option pricing"; Hull 2018, Options, Futures, and Other Derivatives, 10th ed.,
    equations 17.4 and 17.5.
    """
    return evaluate(
        kernel.prices, 1, right, spot=spot, strike=strike, t=t, rate=rate, vol=vol, dividend_yield=dividend_yield
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
    """Delta, gamma, vega, theta and rho of a European option; arguments as for `price`.

    Returns
    -------
    Greeks
        Delta and gamma a share, vega and rho for one point (0.01), theta for one calendar day. NaN also where t or vol
        is 0.

    Raises
    ------
    InputError
        As for `price`.

    Notes
    -----
    Hull 2018, chapter 19, table 19.6.
    """
    values = evaluate(
        kernel.all_greeks, 5, right, spot=spot, strike=strike, t=t, rate=rate, vol=vol, dividend_yield=dividend_yield
    )
    return Greeks(*values)


def black_price(
    right: Any, forward: ArrayLike, strike: ArrayLike, t: ArrayLike, vol: ArrayLike, discount: ArrayLike = 1.0
) -> Values:
    """Price of a European option on a forward.

    Parameters
    ----------
    right, strike, t, vol
        As for `price`.
    forward : array_like
        Forward price for the expiry, dollars a share.
    discount : array_like
        Value today of one dollar paid at expiry; NaN results where it is not positive.

    Returns
    -------
    float or ndarray
        Dollars a share today: discount times the undiscounted price.

    Raises
    ------
    InputError
        As for `price`.

    Notes
    -----
    Black 1976, "The pricing of commodity contracts", Journal of Financial Economics 3, 167-179;
    Hull 2018, chapter 18.
    """
    undiscounted = price(right, forward, strike, t, 0.0, vol)
    return plain(undiscounted * discount_factor(discount, undiscounted))


def black_greeks(
    right: Any, forward: ArrayLike, strike: ArrayLike, t: ArrayLike, vol: ArrayLike, discount: ArrayLike = 1.0
) -> Greeks:
    """Greeks of a European option on a forward, with respect to the forward; arguments as for `black_price`.

    Returns
    -------
    Greeks
        Theta holds the forward and the continuous rate that `discount` implies; rho moves that rate alone.

    Raises
    ------
    InputError
        As for `price`.
    """
    value = black_price(right, forward, strike, t, vol, discount)
    t = numbers("t", t)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = -np.log(discount_factor(discount, t)) / t
    result = greeks(right, forward, strike, t, rate, vol, dividend_yield=rate)
    return replace(result, rho=plain(-VOL_POINT * t * value + 0.0 * result.vega))  # NaN where the others are
