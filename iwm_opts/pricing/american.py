"""American options on a share that pays cash dividends: prices, greeks and implied vols.

The share drops by the cash at each ex-date (the spot model) and is lognormal between. Right, spot, strike, vol and
price broadcast against each other; time and rate are numbers, since dividends are counted from one moment. Scalars give
a float, anything else a float64 array of the broadcast shape. Element by element, NaN where an input is NaN or
infinite, where spot or strike is not positive, and where vol is negative; everywhere when t is NaN or negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.pricing._american import (
    Dividends,
    Expiries,
    Expiry,
    Options,
    all_greeks,
    boundaries,
    deltas,
    european_value,
    exercise_premiums,
    implied,
    prices,
    reasons,
)
from iwm_opts.pricing._broadcast import Array, Values, common_shape, numbers, signs
from iwm_opts.pricing.quotes import ForwardLike, Implied


@dataclass(frozen=True, slots=True, eq=False)
class AmericanGreeks:
    """Sensitivities of an American option's price; floats, or arrays of one shape."""

    delta: Values  # a share
    gamma: Values  # a share, for one dollar of spot
    vega: Values  # for one vol point (0.01)
    theta: Values  # for one calendar day; 0 where exercise at once is best
    boundary: Values  # put: spot at and below which it is exercised now; call: at and above which on the next eve


def american_price(
    right: Any, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, vol: ArrayLike, dividends: Dividends = ()
) -> Values:
    """Price of an American option on a share that pays cash dividends.

    Parameters
    ----------
    right : str or number, or array_like of them
        "C" or "P" (either case), or +1 for a call and -1 for a put.
    spot, strike : array_like
        Dollars a share.
    t : float
        Time to expiry in years, ACT/365.
    rate : float
        Continuously compounded, annual decimal, not negative.
    vol : array_like
        Annualised decimal. Below 0.005 the price is that at 0.005.
    dividends : iterable of (t, cash)
        Years from now to each ex-date and dollars a share, in any order. Those at or before 0, and after expiry, are
        left out; one at expiry goes ex on the morning of its day; those less than half a day apart go ex together.

    Returns
    -------
    float or ndarray
        Dollars a share, at least what immediate exercise pays. For a spot of 220 (5 to 730 days, vols of 8 to 150%,
        strikes of 60 to 160% of spot, up to 8 dividends, one of them on any day) the error is below 3e-4 for puts with
        a dividend ahead, below 5e-5 for puts without and below 1e-5 for calls. NaN where `american_reason` says why:
        dividends worth more than half of the share, or that may exhaust it (three standard deviations); a value below
        a bound that holds without a model.

    Raises
    ------
    InputError
        When `right` is neither a call nor a put anywhere, the rate is negative (calls would then be exercised between
        ex-dates too), a dividend is not a pair of finite numbers or is negative, or shapes do not broadcast.

    Notes
    -----
    Methods and sources are in the kernels: `iwm_opts.kernels.pricing.american_call` (quadrature between ex-dates),
    `american_put` (collocation, for puts without a dividend ahead) and `american_dividend_put` (finite differences).
    Calls without a dividend ahead are European (Merton 1973).
    """
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    return _shaped(prices(Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends)), vols), shape)


def american_reason(
    right: Any, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, vol: ArrayLike, dividends: Dividends = ()
) -> str | list[str]:
    """Why `american_price` is NaN; arguments and errors as for it.

    Returns
    -------
    str or list of str
        Empty where it has a price; a list of the flattened broadcast shape for arrays.
    """
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    words = reasons(Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends)), vols)
    return words if shape else words[0]


def american_greeks(
    right: Any, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, vol: ArrayLike, dividends: Dividends = ()
) -> AmericanGreeks:
    """Delta, gamma, vega, theta and exercise boundary of an American option; arguments as for `american_price`.

    Returns
    -------
    AmericanGreeks
        NaN also where t or vol is 0. The boundary is NaN where waiting is best at any spot within reach.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    _, *greeks = all_greeks(Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends)), vols)
    return AmericanGreeks(*(_shaped(values, shape) for values in greeks))


def american_boundary(
    right: Any, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, vol: ArrayLike, dividends: Dividends = ()
) -> Values:
    """Price of the share that divides exercise from holding on; arguments as for `american_price`.

    Returns
    -------
    float or ndarray
        Of a put: the spot at and below which it is exercised now. Of a call: the spot at and above which it is
        exercised on the eve of the next ex-date. NaN where waiting is best at any price that the spot, which only says
        where to look, may reach; and where t or vol is 0.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    options = Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends))
    return _shaped(boundaries(options, vols), shape)


def american_implied_vol(
    right: Any, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, dividends: Dividends = ()
) -> Values:
    """Vol at which the American price is `price`; other arguments as for `american_price`.

    Returns
    -------
    float or ndarray
        Annualised decimal, to 1e-6, or to 1e-7 dollars of price. NaN where no vol between 0.005 and 10 gives the price:
        at or below what exercise at the best fixed time is worth, at or above the spot (calls) or the strike (puts);
        and at t = 0.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    shape, (sign, quoted, spots, strikes) = _flat(right, price=price, spot=spot, strike=strike)
    return _shaped(implied(Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends)), quoted), shape)


def american_chain_greeks(
    right: Any, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, dividends: Dividends = ()
) -> Implied:
    """Implied vols and greeks of a whole expiry's American options; arguments as for `american_implied_vol`.

    Returns
    -------
    Implied
        Arrays of the broadcast shape. `early_exercise` is the American less the European price at the implied vol, on
        one grid: a price less it is the input of a European model.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    shape, (sign, quoted, spots, strikes) = _flat(right, price=price, spot=spot, strike=strike)
    options = Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends))
    iv = implied(options, quoted)
    value, delta, gamma, vega, theta, _ = all_greeks(options, iv)
    premium = np.maximum(value - european_value(options, iv, value), 0.0)
    return Implied(*(values.reshape(shape) for values in (iv, delta, gamma, theta, vega, premium)))


def american_early_exercise(
    right: Any, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, dividends: Dividends = ()
) -> Values:
    """Early-exercise premium of American prices; arguments as for `american_implied_vol`.

    Returns
    -------
    float or ndarray
        Dollars a share, the `early_exercise` of `american_chain_greeks` without the greeks and their cost, to 1e-5;
        NaN where the price implies no vol.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    shape, (sign, quoted, spots, strikes) = _flat(right, price=price, spot=spot, strike=strike)
    options = Options.of(sign, spots, strikes, Expiry.of(t, rate, dividends))
    return _shaped(exercise_premiums(options, quoted), shape)


@dataclass(frozen=True, slots=True)
class AmericanQuotes:
    """American exercise, cash dividends in the spot model; see `iwm_opts.pricing.quotes.QuoteModel`.

    The spot is the one given, else the forward discounted plus the dividends ahead.
    """

    dividends: tuple[tuple[float, float], ...] = ()  # years to ex-date, dollars a share
    spot: float | None = None

    def implied(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Vols and greeks of one expiration's options."""
        return american_chain_greeks(right, price, self.spot_of(t, forward), strike, t, forward.rate, self.dividends)

    def at_vol(self, right: Array, vol: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Greeks of one expiration's options at given vols; see `QuoteModel.at_vol`."""
        greeks = american_greeks(right, self.spot_of(t, forward), strike, t, forward.rate, vol, self.dividends)
        delta, gamma, theta, vega = map(np.asarray, (greeks.delta, greeks.gamma, greeks.theta, greeks.vega))
        return Implied(vol, delta, gamma, theta, vega, np.full_like(vol, np.nan))

    def early_exercise(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Array:
        """Premiums of one expiration's options."""
        spot = self.spot_of(t, forward)
        return np.asarray(american_early_exercise(right, price, spot, strike, t, forward.rate, self.dividends))

    def spot_of(self, t: float, forward: ForwardLike) -> float:
        """Spot that an expiration's options are priced at."""
        if self.spot is not None:
            return self.spot
        return forward.price * forward.discount + Expiry.of(t, forward.rate, self.dividends).dividend_value


@dataclass(frozen=True, slots=True, eq=False)
class Quoted:
    """Prices of one expiration's American options; arrays of shape (n,)."""

    model: AmericanQuotes
    right: Array
    price: Array
    strike: Array
    t: float
    forward: ForwardLike


def early_exercises(quoted: Sequence[Quoted]) -> list[Array]:
    """Early-exercise premiums of several expirations: `AmericanQuotes.early_exercise` of each, searched at once."""
    if not quoted:
        return []
    options, price, ends = _side_by_side(quoted)
    return np.split(exercise_premiums(options, price), ends)


def implied_deltas(quoted: Sequence[Quoted]) -> list[Array]:
    """Deltas of several expirations at their implied vols: those of `AmericanQuotes.implied`, searched at once."""
    if not quoted:
        return []
    options, price, ends = _side_by_side(quoted)
    return np.split(deltas(options, implied(options, price)), ends)


def _side_by_side(quoted: Sequence[Quoted]) -> tuple[Options, Array, NDArray[np.int64]]:
    """Options of several expirations, their prices, and where each but the first begins."""
    expiries = Expiries([Expiry.of(chain.t, chain.forward.rate, chain.model.dividends) for chain in quoted])
    counts = [len(chain.price) for chain in quoted]
    spot = np.repeat([chain.model.spot_of(chain.t, chain.forward) for chain in quoted], counts)
    right, price, strike = (
        np.concatenate([getattr(chain, name) for chain in quoted]) for name in ("right", "price", "strike")
    )
    return (
        Options(right, spot, strike, expiries, np.repeat(np.arange(len(quoted)), counts)),
        price,
        np.cumsum(counts)[:-1],
    )


def _flat(right: Any, **operands: ArrayLike) -> tuple[tuple[int, ...], list[Array]]:
    """Broadcast shape, and every operand as an own contiguous array of that many elements."""
    arrays = {"right": signs(right)} | {name: numbers(name, values) for name, values in operands.items()}
    shape = common_shape(arrays)
    return shape, [np.array(np.broadcast_to(a, shape), dtype=np.float64).ravel() for a in arrays.values()]


def _shaped(values: Array, shape: tuple[int, ...]) -> Values:
    return values.reshape(shape) if shape else values.item()
