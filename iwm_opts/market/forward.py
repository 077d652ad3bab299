"""Forwards and rates that a chain implies through put-call parity, C - P = D (F - K).

Two ways lead to a rate, and which one holds depends on how the options are exercised:

- European (`SPX`): the slope of C - P against strike is minus the discount factor; a chain is full of box spreads.
  SPX in April to June 2019 gives 2.4 to 2.7% where bills paid 2.2 to 2.45%: the usual premium of boxes over bills.
- American (`IWM`): the early exercise premium of in-the-money puts grows with strike about as fast as the discount
  bends the line, so that the slope says nothing (IWM, June 2026, within 5% of the money: medians of -1.0 to +0.8%,
  single expirations from -8 to +7%). At the money the premium is small, and forwards of successive expirations grow at
  the rate wherever no dividend falls between them. That growth is used here. What remains of the early exercise
  premium makes it about 0.3 points too low (a vol of 23%, 20 to 66 days, by a binomial tree).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, TICK, Exercise, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.kernels.panel.implied_rate import (
    EVENLY,
    GROWTH_WINDOW_DAYS,
    MIN_PARITY_STRIKES,
    MIN_RATES,
    MIN_SLOPE_STRIKES,
    PARITY_BAND,
    PARITY_STRIKES,
    SLOPE_BAND,
    SLOPE_WINDOW_DAYS,
)
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.slices import Array, ExpirySlice, Forward
from iwm_opts.pricing.american import AmericanQuotes, Quoted, early_exercises
from iwm_opts.pricing.quotes import QuoteModel

Flags = NDArray[np.bool_]

LEAST_MID = 1e-6  # dollars that an option with a bid stays worth

MAX_RATE_ERROR = 0.005  # an implied rate less certain than this is none


@dataclass(frozen=True, slots=True)
class ImpliedRate:
    """Interest rate read from a chain."""

    rate: float  # continuously compounded, annual
    error: float  # standard error of the median, from the scatter of the estimates and from quoted widths
    estimates: int  # pairs of expirations, or expirations
    source: str


def implied_forward(quotes: ExpirySlice, rate: float, rate_source: str = "given") -> Forward:
    """Forward of one expiration from put-call parity at the money.

    Parameters
    ----------
    quotes : ExpirySlice
    rate : float
        Continuously compounded, annual.
    rate_source : str
        Where the rate comes from, for the output.

    Returns
    -------
    Forward
        The mean, weighted by quoted width, over up to `PARITY_STRIKES` strikes with the smallest abs(C - P). A strike
        whose parity forward lies farther from their median than its own half-spread is stale and left out.

    Raises
    ------
    DataError
        When fewer than `MIN_PARITY_STRIKES` strikes near the money quote both a call and a put.
    InputError
        When the rate is not finite.
    """
    if not math.isfinite(rate):
        raise InputError("rate", rate, "must be a finite number", "give a decimal such as 0.037")
    discount = math.exp(-rate * quotes.years)
    price, _ = _parity_forward(quotes, discount)
    return Forward(price, discount, rate, f"parity, rate {rate_source}")


def european_forward(quotes: ExpirySlice, forward: Forward, model: QuoteModel) -> Forward:
    """Parity forward of American quotes, their early-exercise premiums taken off.

    An American put is worth more than the European one in parity, so that raw quotes give a forward too low: by $0.05
    at 25 days and $0.15 at 66 on IWM at a rate of 3.6%.

    Parameters
    ----------
    quotes : ExpirySlice
    forward : Forward
        From the raw quotes: good enough to find the premiums, which hardly depend on it.
    model : QuoteModel
        Gives the premiums; under a European one they are zero.

    Returns
    -------
    Forward
    """
    sides = _near_sides(quotes, forward)
    return _forward_of(sides.without(sides.premiums(model)), forward)


def european_forwards(
    slices: Sequence[ExpirySlice], forwards: Sequence[Forward], models: Sequence[AmericanQuotes]
) -> list[Forward | None]:
    """`european_forward` of several expirations, searched at once; None where too few quotes lie near the money."""
    sides = [_near_sides(*quoted) for quoted in zip(slices, forwards, strict=True)]
    european: list[Forward | None] = []
    for quotes, forward in zip(_all_without(sides, models), forwards, strict=True):
        try:
            european.append(_forward_of(quotes, forward))
        except DataError:
            european.append(None)
    return european


def european_quotes(quotes: ExpirySlice, forward: Forward, model: QuoteModel) -> tuple[ExpirySlice, Forward]:
    """European equivalents of American quotes as a variance index must read them, and their parity forward.

    Parameters
    ----------
    quotes : ExpirySlice
    forward : Forward
        From the raw quotes, as for `european_forward`.
    model : QuoteModel
        Gives each option's early-exercise premium: the American less the European price at the vol its midpoint
        implies.

    Returns
    -------
    quotes : ExpirySlice
        Midpoints less the premiums, the quoted spread kept; but a real bid stays positive, because an index ends a wing
        at zero bids. Options in the money are unchanged, except those that give the forward.
    forward : Forward
        That of `european_forward`; the given one where too few quotes lie near the money.
    """
    sides = _index_sides(quotes, forward)
    return _with_forward(sides.without(sides.premiums(model)), quotes, forward)


def all_european_quotes(
    slices: Sequence[ExpirySlice], forwards: Sequence[Forward], models: Sequence[AmericanQuotes]
) -> list[tuple[ExpirySlice, Forward]]:
    """`european_quotes` of several expirations, searched at once."""
    sides = [_index_sides(*quoted) for quoted in zip(slices, forwards, strict=True)]
    european = _all_without(sides, models)
    return [_with_forward(*quoted) for quoted in zip(european, slices, forwards, strict=True)]


def _with_forward(european: ExpirySlice, quotes: ExpirySlice, forward: Forward) -> tuple[ExpirySlice, Forward]:
    """European quotes and their forward; the given one where too few lie near the money."""
    try:
        return european, _forward_of(_rows(european, _nearest(quotes, forward)), forward)
    except DataError:
        return european, forward


def _nearest(quotes: ExpirySlice, forward: Forward) -> NDArray[Any]:
    """Rows of the strikes next to the money that quote both a call and a put, ascending."""
    near = _two_sided(quotes)
    near = near[np.argsort(np.abs(quotes.strike[near] - forward.price), kind="stable")][:PARITY_STRIKES]
    return np.sort(near)


def _forward_of(european: ExpirySlice, forward: Forward) -> Forward:
    price, _ = _parity_forward(european, forward.discount)
    return replace(forward, price=price, source=f"{forward.source}, early exercise taken off")


def _rows(quotes: ExpirySlice, rows: NDArray[Any]) -> ExpirySlice:
    return replace(
        quotes,
        strike=quotes.strike[rows],
        call_bid=quotes.call_bid[rows],
        call_ask=quotes.call_ask[rows],
        put_bid=quotes.put_bid[rows],
        put_ask=quotes.put_ask[rows],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Quotes of one expiration, and the calls and the puts whose early-exercise premiums are taken off."""

    quotes: ExpirySlice
    forward: Forward
    calls: Flags
    puts: Flags

    @property
    def rows(self) -> tuple[tuple[float, Array, Array, NDArray[Any]], ...]:
        """Sign, bids, asks and chosen places with a bid, of calls and of puts."""
        quotes = self.quotes
        sides = (1.0, quotes.call_bid, quotes.call_ask, self.calls), (-1.0, quotes.put_bid, quotes.put_ask, self.puts)
        return tuple(
            (sign, bid, ask, np.flatnonzero(chosen & (bid > 0.0) & np.isfinite(ask)))
            for sign, bid, ask, chosen in sides
        )

    @property
    def priced(self) -> list[tuple[Array, Array, Array]]:
        """Right, midpoint and strike of the chosen calls, and of the puts."""
        return [
            (np.full(len(rows), sign), 0.5 * (bid[rows] + ask[rows]), self.quotes.strike[rows])
            for sign, bid, ask, rows in self.rows
        ]

    def premiums(self, model: QuoteModel) -> list[Array]:
        """Premiums of the chosen calls, and of the puts."""
        return [model.early_exercise(*options, self.quotes.years, self.forward) for options in self.priced]

    def without(self, premiums: Sequence[Array]) -> ExpirySlice:
        """Quotes less premiums."""
        changed = []
        for (_, quoted_bid, quoted_ask, rows), premium in zip(self.rows, premiums, strict=True):
            bid, ask = quoted_bid.copy(), quoted_ask.copy()
            mid, spread = 0.5 * (bid[rows] + ask[rows]), ask[rows] - bid[rows]
            mid = np.maximum(mid - np.nan_to_num(premium), LEAST_MID)
            bid[rows] = np.maximum(mid - 0.5 * spread, 0.5 * LEAST_MID)
            ask[rows] = 2.0 * mid - bid[rows]
            changed += [bid, ask]
        call_bid, call_ask, put_bid, put_ask = changed
        return replace(self.quotes, call_bid=call_bid, call_ask=call_ask, put_bid=put_bid, put_ask=put_ask)


def _near_sides(quotes: ExpirySlice, forward: Forward) -> _Sides:
    """Both rights at the strikes that give the forward."""
    near = _rows(quotes, _nearest(quotes, forward))
    both = np.ones(len(near.strike), dtype=np.bool_)
    return _Sides(near, forward, both, both)


def _index_sides(quotes: ExpirySlice, forward: Forward) -> _Sides:
    """Options of a variance index: those out of the money, and those that give the forward."""
    money, place = int(np.searchsorted(quotes.strike, forward.price)), np.arange(len(quotes.strike))
    is_near = np.isin(place, _nearest(quotes, forward))
    return _Sides(quotes, forward, is_near | (place >= money - 1), is_near | (place <= money))


def _all_without(sides: Sequence[_Sides], models: Sequence[AmericanQuotes]) -> list[ExpirySlice]:
    """Quotes of several expirations less their premiums."""
    quoted = [
        Quoted(model, *options, expiration.quotes.years, expiration.forward)
        for expiration, model in zip(sides, models, strict=True)
        for options in expiration.priced
    ]
    premiums = early_exercises(quoted)
    return [chosen.without(premiums[2 * place : 2 * place + 2]) for place, chosen in enumerate(sides)]


def implied_forwards(
    slices: Sequence[ExpirySlice], rate: float, rate_source: str = "given"
) -> tuple[Forward | None, ...]:
    """Forward of each expiration; None where its quotes hold none or it has expired."""
    forwards: list[Forward | None] = []
    for quotes in slices:
        try:
            forwards.append(implied_forward(quotes, rate, rate_source) if quotes.years > 0.0 else None)
        except DataError:
            forwards.append(None)
    return tuple(forwards)


def implied_rate(
    slices: Sequence[ExpirySlice], exercise: Exercise = "american", dividends: DividendSchedule | None = None
) -> ImpliedRate | None:
    """Rate implied by the chain's prices, or None where they are too few or too wide.

    Parameters
    ----------
    slices : sequence of ExpirySlice
        One chain at one moment.
    exercise : {"american", "european"}
        Decides the method: see the module.
    dividends : DividendSchedule, optional
        Cash dividends, added back to forwards behind their ex-date (American only). Without them a median over
        expirations passes over the one pair that a quarterly dividend falls into, and ignores it.

    Returns
    -------
    ImpliedRate or None
        A median weighted by the precision that quoted widths and time allow. None with fewer than `MIN_RATES`
        estimates, or where scatter and quoted widths leave a standard error above `MAX_RATE_ERROR`.
    """
    if exercise == "european":
        rates, errors = _slope_rates(slices)
        source = "slope of call less put over strikes"
    elif exercise == "american":
        rates, errors = _growth_rates(slices, dividends)
        source = "growth of parity forwards over expirations"
    else:
        raise InputError("exercise", exercise, 'must be "american" or "european"')
    if len(rates) < MIN_RATES:
        return None
    weights = 1.0 / errors
    rate = _weighted_median(rates, weights)
    scatter = 1.4826 * _weighted_median(np.abs(rates - rate), weights)  # a standard deviation, were they normal
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    quoted = float((errors**-2).sum()) ** -0.5  # uncertainty from the width of the quotes alone
    error = 1.2533 * max(scatter / math.sqrt(effective), quoted)  # of a median
    return ImpliedRate(rate, error, len(rates), source) if error <= MAX_RATE_ERROR else None


def _width(quotes: ExpirySlice) -> Array:
    """Return the summed half-spread of call and put, never below a tick."""
    width = 0.5 * (quotes.call_ask - quotes.call_bid + quotes.put_ask - quotes.put_bid)
    return np.asarray(np.maximum(width, TICK))


def _two_sided(quotes: ExpirySlice) -> Array:
    """Strikes with a bid for the call and for the put; NaN bids count as none."""
    quoted = (quotes.call_bid > 0) & (quotes.put_bid > 0) & np.isfinite(quotes.call_ask) & np.isfinite(quotes.put_ask)
    return np.asarray(np.flatnonzero(quoted))


def _parity_forward(quotes: ExpirySlice, discount: float) -> tuple[float, float]:
    """Forward, and the standard error that quoted widths leave it."""
    gap = quotes.call_mid - quotes.put_mid
    near = _two_sided(quotes)
    near = near[np.argsort(np.abs(gap[near]), kind="stable")][:PARITY_STRIKES]
    near = near[np.abs(gap[near]) <= PARITY_BAND * quotes.strike[near]]
    if len(near) < MIN_PARITY_STRIKES:
        raise DataError(
            f"expiration {quotes.expiration} ({quotes.root})",
            f"{counted(len(near), 'strikes near the money quote', 'strike near the money quotes')} both a call and a "
            f"put, parity needs {MIN_PARITY_STRIKES}",
            "leave it out or give a fuller chain",
            "strike",
        )
    forwards = quotes.strike[near] + gap[near] / discount
    width = _width(quotes)[near]
    fresh = np.abs(forwards - np.median(forwards)) <= width
    fresh |= not fresh.any()
    weights = width[fresh] ** -2
    return float(np.average(forwards[fresh], weights=weights)), EVENLY * float(weights.sum() ** -0.5)


def _growth_rates(slices: Sequence[ExpirySlice], dividends: DividendSchedule | None) -> tuple[Array, Array]:
    """Growth rate of the forward between successive expirations, and the standard error of each."""
    low, high = GROWTH_WINDOW_DAYS
    inside = sorted((q for q in slices if low <= q.years * DAYS_PER_YEAR <= high), key=lambda q: q.years)
    rate = 0.0
    rates, errors = np.empty(0), np.empty(0)
    for _ in range(3):  # the discount factor barely moves a forward at the money: the third pass changes nothing
        points = [(q, *point) for q in inside if (point := _point(q, math.exp(-rate * q.years))) is not None]
        pairs = []
        for (near, near_price, near_error), (far, far_price, far_error) in pairwise(points):
            years = far.years - near.years
            if years > 0.0:
                paid = sum(d.amount for d in dividends.between(near.expiration, far.expiration)) if dividends else 0.0
                growth = math.log((far_price + paid) / near_price) / years
                pairs.append((growth, math.hypot(near_error, far_error) / near_price / years))
        if not pairs:
            break
        rates, errors = (np.array(column) for column in zip(*pairs, strict=True))
        rate = _weighted_median(rates, 1.0 / errors)
    return rates, errors


def _point(quotes: ExpirySlice, discount: float) -> tuple[float, float] | None:
    try:
        return _parity_forward(quotes, discount)
    except DataError:
        return None


def _slope_rates(slices: Sequence[ExpirySlice]) -> tuple[Array, Array]:
    """Rate from the slope of C - P over strikes of each expiration, and the standard error of each."""
    low, high = SLOPE_WINDOW_DAYS
    rates, errors = [], []
    for quotes in slices:
        point = _point(quotes, 1.0) if low <= quotes.years * DAYS_PER_YEAR <= high else None
        if point is None:
            continue
        used = _two_sided(quotes)
        used = used[np.abs(quotes.strike[used] / point[0] - 1.0) <= SLOPE_BAND]
        if len(used) < MIN_SLOPE_STRIKES:
            continue
        weights = _width(quotes)[used] ** -2
        strike = quotes.strike[used] - np.average(quotes.strike[used], weights=weights)
        inertia = float(weights @ strike**2)
        discount = -float(weights @ (strike * (quotes.call_mid - quotes.put_mid)[used])) / inertia
        if discount > 0.0:
            rates.append(-math.log(discount) / quotes.years)
            errors.append(EVENLY * inertia**-0.5 / discount / quotes.years)
    return np.array(rates), np.array(errors)


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])
