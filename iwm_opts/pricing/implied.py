"""Implied volatility of European options, Black-Scholes-Merton and Black-76."""

from typing import Any

from numpy.typing import ArrayLike

from iwm_opts.kernels.pricing import implied as kernel
from iwm_opts.pricing._broadcast import Values, discount_factor, evaluate, numbers


def implied_vol(
    right: Any,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    t: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Values:
    """Volatility at which `iwm_opts.price` gives a price.

    Parameters
    ----------
    right : str or number, or array_like of them
        "C" or "P" (either case), or +1 for a call and -1 for a put.
    price : array_like
        Dollars a share.
    spot, strike, t, rate, dividend_yield : array_like
        As for `iwm_opts.price`.

    Returns
    -------
    float or ndarray
        Annualised decimal. Element by element NaN where no volatility gives the price: on or outside the no-arbitrage
        bounds (discounted payoff at the forward below; prepaid spot for a call, discounted strike for a put above), at
        t <= 0, where an input is NaN or infinite; also where vol sqrt(t) would exceed 5. Relative error below 1e-12 for
        out-of-the-money premiums from 1e-200 up and vol sqrt(t) from 0.005 to 4 (measured against mpmath).

    Raises
    ------
    InputError
        When `right` is neither a call nor a put anywhere, an argument is not numeric, or shapes do not broadcast.

    Notes
    -----
    An in-the-money price is taken to the out-of-the-money side by put-call parity, so its own rounding, about 1e-16 of
    the price, is what limits the answer. Method: Jaeckel 2017, "Let's be rational", Wilmott 2015(75), pages 40-53, with
    a guess of our own; see `iwm_opts.kernels.pricing.implied`.
    """
    return evaluate(
        kernel.implied_vols,
        1,
        right,
        price=price,
        spot=spot,
        strike=strike,
        t=t,
        rate=rate,
        dividend_yield=dividend_yield,
    )[0]


def black_implied_vol(
    right: Any, price: ArrayLike, forward: ArrayLike, strike: ArrayLike, t: ArrayLike, discount: ArrayLike = 1.0
) -> Values:
    """Volatility at which `black_price` gives a price.

    Parameters
    ----------
    right, price, strike, t
        As for `implied_vol`.
    forward : array_like
        Forward price for the expiry, dollars a share.
    discount : array_like
        Value today of one dollar paid at expiry; NaN results where it is not positive.

    Returns
    -------
    float or ndarray
        Annualised decimal; NaN as for `implied_vol`.

    Raises
    ------
    InputError
        As for `implied_vol`.
    """
    given = numbers("price", price)
    undiscounted = given / discount_factor(discount, given)
    return implied_vol(right, undiscounted, forward, strike, t, 0.0)
