"""American options on a share that pays cash dividends: prices, greeks, implied vols of one expiry at a time.

The share drops by the cash at each ex-date (the spot model) and is lognormal between. Right, spot, strike, vol and price
broadcast against each other; time and rate are numbers, since dividends are counted from one moment. Scalars give a float,
anything else a float64 array of the broadcast shape. Element by element, NaN stands where an input is NaN or infinite,
where spot or strike is not positive, and where vol is negative; everywhere when t is NaN or negative.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, VOL_POINT
from iwm_opts.errors import InputError
from iwm_opts.kernels.american import american
from iwm_opts.pricing._broadcast import Array, Values, common_shape, numbers, signs
from iwm_opts.pricing.black import black_greeks, black_price, greeks
from iwm_opts.pricing.implied import black_implied_vol
from iwm_opts.pricing.quotes import ForwardLike, Implied

Dividends = Iterable[tuple[float, float]]

LOWEST_VOL: Final = 0.005  # below, options are priced at it: the grid cannot resolve less, and no share moves less
HIGHEST_VOL: Final = 10.0  # implied vols are sought up to here
START_VOL: Final = 0.3  # where the European formula finds none
VOL_TOLERANCE: Final = 1e-6
PRICE_TOLERANCE: Final = 1e-7
MAX_PASSES: Final = 60  # bisection alone needs 24 for the tolerance
VEGA_BUMP: Final = 0.02  # share of the vol that vega is measured over, each way


@dataclass(frozen=True, slots=True, eq=False)
class AmericanGreeks:
    """Sensitivities of an American option's price; floats, or arrays of one shape."""

    delta: Values  # a share
    gamma: Values  # a share, for one dollar of spot
    vega: Values  # for one vol point (0.01)
    theta: Values  # for one calendar day; 0 where exercise at once is best
    boundary: Values  # put: spot at and below which it is exercised now; call: at and above which on the next eve


@dataclass(frozen=True, slots=True)
class _Expiry:
    """One expiry as seen from one moment, dividends within its life alone."""

    t: float
    rate: float
    ex_time: Array
    cash: Array

    @property
    def discount(self) -> float:
        return math.exp(-self.rate * self.t)

    @property
    def dividend_value(self) -> float:
        return float(self.cash @ np.exp(-self.rate * self.ex_time))

    def forward(self, spot: Array) -> Array:
        """Forward price, NaN where the dividends are worth more than the share."""
        prepaid = spot - self.dividend_value
        return np.where(prepaid > 0.0, prepaid, np.nan) / self.discount

    def european(self, sign: Array) -> NDArray[np.bool_]:
        """Options that nobody exercises early: calls without a dividend ahead."""
        return (sign > 0.0) & (self.cash.size == 0)


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
        Years from now to each ex-date and dollars a share, in any order. Those at or before 0, and at or after
        expiry, are left out.

    Returns
    -------
    float or ndarray
        Dollars a share, at least what immediate exercise pays. Largest error 3e-4 for a spot of 220 (5 to 730 days, vols
        of 8 to 150%, strikes of 60 to 160% of spot, up to 8 dividends; against a converged grid).

    Raises
    ------
    InputError
        When `right` is neither a call nor a put anywhere, the rate is negative (calls would then be exercised between
        ex-dates too), a dividend is no pair of finite numbers or negative, or shapes do not broadcast.

    Notes
    -----
    Method and sources: `iwm_opts.kernels.american`. Calls without a dividend ahead are European (Merton 1973).
    """
    expiry = _expiry(t, rate, dividends)
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    return _shaped(_prices(sign, spots, strikes, vols, expiry), shape)


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
    expiry = _expiry(t, rate, dividends)
    shape, (sign, spots, strikes, vols) = _flat(right, spot=spot, strike=strike, vol=vol)
    _, *found = _all(sign, spots, strikes, vols, expiry)
    return AmericanGreeks(*(_shaped(values, shape) for values in found))


def american_implied_vol(
    right: Any, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, dividends: Dividends = ()
) -> Values:
    """Vol at which the American price is `price`; other arguments as for `american_price`.

    Returns
    -------
    float or ndarray
        Annualised decimal, to 1e-6, or to 1e-7 dollars of price. NaN where no vol between 0.005 and 10 gives the price:
        at or below what immediate exercise pays, at or above the spot (calls) or the strike (puts); and at t = 0.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    expiry = _expiry(t, rate, dividends)
    shape, (sign, prices, spots, strikes) = _flat(right, price=price, spot=spot, strike=strike)
    return _shaped(_implied(sign, prices, spots, strikes, expiry), shape)


def american_chain_greeks(
    right: Any, price: ArrayLike, spot: ArrayLike, strike: ArrayLike, t: float, rate: float, dividends: Dividends = ()
) -> Implied:
    """Implied vols and greeks of a whole expiry's American options; arguments as for `american_implied_vol`.

    Returns
    -------
    Implied
        Arrays of the broadcast shape. `early_exercise` is the American less the European price at the implied vol, on one
        grid: a price less it is what a European model should see.

    Raises
    ------
    InputError
        As for `american_price`.
    """
    expiry = _expiry(t, rate, dividends)
    shape, (sign, prices, spots, strikes) = _flat(right, price=price, spot=spot, strike=strike)
    iv = _implied(sign, prices, spots, strikes, expiry)
    value, delta, gamma, vega, theta, _ = _all(sign, spots, strikes, iv, expiry)
    premium = np.where(np.isnan(iv), np.nan, 0.0)
    early = ~expiry.european(sign) & np.isfinite(iv)
    if early.any():
        european = _grid(sign[early], spots[early], strikes[early], iv[early], expiry, exercise=False)[0]
        premium[early] = np.maximum(value[early] - european, 0.0)
    return Implied(*(values.reshape(shape) for values in (iv, delta, gamma, theta, vega, premium)))


@dataclass(frozen=True, slots=True)
class AmericanQuotes:
    """American exercise, cash dividends in the spot model; see `iwm_opts.pricing.quotes.QuoteModel`.

    The spot is the one given, else what the forward is worth today with the dividends ahead.
    """

    dividends: tuple[tuple[float, float], ...] = ()  # years to ex-date, dollars a share
    spot: float | None = None

    def implied(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Vols and greeks of one expiration's options."""
        spot = self.spot
        if spot is None:
            spot = forward.price * forward.discount + _expiry(t, forward.rate, self.dividends).dividend_value
        return american_chain_greeks(right, price, spot, strike, t, forward.rate, self.dividends)


def _expiry(t: float, rate: float, dividends: Dividends) -> _Expiry:
    if not rate >= 0.0 or math.isinf(rate):
        raise InputError(
            "rate", rate, "American exercise needs a finite rate of zero or more", "give a decimal such as 0.037"
        )
    pairs = np.array(sorted(_pair(dividend) for dividend in dividends), dtype=np.float64).reshape(-1, 2)
    pairs = pairs[(pairs[:, 0] > 0.0) & (pairs[:, 0] < t) & (pairs[:, 1] > 0.0)]
    times, first = np.unique(pairs[:, 0], return_index=True)
    cash = np.add.reduceat(pairs[:, 1], first) if first.size else np.empty(0)
    return _Expiry(float(t), float(rate), times, cash)


def _pair(dividend: tuple[float, float]) -> tuple[float, float]:
    try:
        when, cash = (float(part) for part in dividend)
    except (TypeError, ValueError):
        raise InputError("dividends", dividend, "is no pair of years to ex-date and dollars a share") from None
    if not (math.isfinite(when) and 0.0 <= cash < math.inf):
        raise InputError("dividends", dividend, "needs a finite time and a cash amount of zero or more")
    return when, cash


def _flat(right: Any, **operands: ArrayLike) -> tuple[tuple[int, ...], list[Array]]:
    """Broadcast shape, and every operand as an own contiguous array of that many elements."""
    arrays = {"right": signs(right)} | {name: numbers(name, values) for name, values in operands.items()}
    shape = common_shape(arrays)
    return shape, [np.array(np.broadcast_to(a, shape), dtype=np.float64).ravel() for a in arrays.values()]


def _shaped(values: Array, shape: tuple[int, ...]) -> Values:
    return values.reshape(shape) if shape else values.item()


def _usable(spot: Array, strike: Array, vol: Array, expiry: _Expiry) -> NDArray[np.bool_]:
    finite = np.isfinite(spot) & np.isfinite(strike) & np.isfinite(vol)
    return finite & (spot > 0.0) & (strike > 0.0) & (vol >= 0.0) & (0.0 <= expiry.t < math.inf)


def _grid(
    sign: Array, spot: Array, strike: Array, vol: Array, expiry: _Expiry, *, exercise: bool = True
) -> NDArray[np.float64]:
    """Price, delta, gamma and boundary by finite differences, shape (4, n), of usable options with time left."""
    out = np.empty((4, sign.size))
    vol = np.maximum(vol, LOWEST_VOL)
    american(sign, spot, strike, vol, expiry.rate, expiry.t, expiry.ex_time, expiry.cash, exercise, out)
    return out


def _prices(sign: Array, spot: Array, strike: Array, vol: Array, expiry: _Expiry) -> Array:
    prices = np.full(sign.size, np.nan)
    usable = _usable(spot, strike, vol, expiry)
    if expiry.t == 0.0:
        return np.where(usable, np.maximum(sign * (spot - strike), 0.0), np.nan)
    early = usable & ~expiry.european(sign)
    if early.any():
        prices[early] = _grid(sign[early], spot[early], strike[early], vol[early], expiry)[0]
    late = usable & ~early
    if late.any():
        prices[late] = black_price(
            sign[late], expiry.forward(spot[late]), strike[late], expiry.t, vol[late], expiry.discount
        )
    return prices


def _all(sign: Array, spot: Array, strike: Array, vol: Array, expiry: _Expiry) -> NDArray[np.float64]:
    """Price, delta, gamma, vega, theta and boundary, shape (6, n)."""
    found = np.full((6, sign.size), np.nan)
    usable = _usable(spot, strike, vol, expiry) & (vol > 0.0) & (expiry.t > 0.0)
    early = usable & ~expiry.european(sign)
    late = usable & ~early
    if late.any():
        g = greeks(sign[late], spot[late], strike[late], expiry.t, expiry.rate, vol[late])
        found[0, late] = _prices(sign[late], spot[late], strike[late], vol[late], expiry)
        found[1:5, late] = g.delta, g.gamma, g.vega, g.theta
    if early.any():
        found[:, early] = _all_on_grid(sign[early], spot[early], strike[early], vol[early], expiry)
    return found


def _all_on_grid(sign: Array, spot: Array, strike: Array, vol: Array, expiry: _Expiry) -> NDArray[np.float64]:
    up, down = vol * (1.0 + VEGA_BUMP), vol * (1.0 - VEGA_BUMP)
    three = (np.tile(operand, 3) for operand in (sign, spot, strike))
    values = _grid(*three, np.concatenate((vol, up, down)), expiry).reshape(4, 3, -1)
    price, delta, gamma, boundary = values[:, 0]
    vega = (values[0, 1] - values[0, 2]) / (up - down) * VOL_POINT
    # The Black-Scholes equation gives theta where the option lives on.
    theta = (expiry.rate * (price - spot * delta) - 0.5 * (vol * spot) ** 2 * gamma) / DAYS_PER_YEAR
    theta = np.where((sign < 0.0) & (spot <= boundary), 0.0, theta)
    return np.array([price, delta, gamma, vega, theta, boundary])


def _implied(sign: Array, price: Array, spot: Array, strike: Array, expiry: _Expiry) -> Array:
    vols = np.full(sign.size, np.nan)
    if expiry.t <= 0.0:
        return vols
    forward = expiry.forward(spot)
    vols = np.array(black_implied_vol(sign, price, forward, strike, expiry.t, expiry.discount))
    bound = np.where(sign > 0.0, spot, strike)
    inside = _usable(spot, strike, np.zeros_like(spot), expiry) & (price < bound)
    inside &= price > np.maximum(sign * (spot - strike), 0.0)
    early = inside & ~expiry.european(sign)
    vols[~inside] = np.nan
    if early.any():
        vols[early] = _search(
            sign[early], price[early], spot[early], strike[early], vols[early], forward[early], expiry
        )
    return vols


def _search(
    sign: Array, price: Array, spot: Array, strike: Array, start: Array, forward: Array, expiry: _Expiry
) -> Array:
    """Secant steps within a bracket, the first with the European vega; bisection where a step leaves the bracket."""
    vol = np.clip(np.where(np.isnan(start), START_VOL, start), LOWEST_VOL, HIGHEST_VOL)
    slope = black_greeks(sign, forward, strike, expiry.t, vol, expiry.discount).vega / VOL_POINT
    low, high = np.full(vol.size, LOWEST_VOL), np.full(vol.size, HIGHEST_VOL)
    before, gap_before = np.full(vol.size, np.nan), np.full(vol.size, np.nan)
    result = np.full(vol.size, np.nan)
    left = np.arange(vol.size)
    for _ in range(MAX_PASSES):
        at = vol[left]
        gap = _grid(sign[left], spot[left], strike[left], at, expiry)[0] - price[left]
        low[left], high[left] = np.where(gap < 0.0, at, low[left]), np.where(gap < 0.0, high[left], at)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (gap - gap_before[left]) / (at - before[left])
            slope[left] = np.where(secant > 0.0, secant, slope[left])
            next_vol = at - gap / slope[left]
        astray = ~((next_vol > low[left]) & (next_vol < high[left]))
        next_vol = np.where(astray, np.sqrt(low[left] * high[left]), next_vol)
        done = (np.abs(next_vol - at) < VOL_TOLERANCE) | (np.abs(gap) < PRICE_TOLERANCE)
        result[left[done]] = np.where(np.abs(gap) < PRICE_TOLERANCE, at, next_vol)[done]
        before[left], gap_before[left], vol[left] = at, gap, next_vol
        left = left[~done]
        if not left.size:
            break
    at_limit = (result < LOWEST_VOL + 2 * VOL_TOLERANCE) | (result > HIGHEST_VOL * (1.0 - 2 * VOL_TOLERANCE))
    return np.where(at_limit, np.nan, result)
