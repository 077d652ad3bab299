"""Quotes of a package that was not recorded: leg values at one vol, inside IWM's modelled spreads.

The vol is the lowest at which the legs are worth what the log says. The spread model is the simulator's, fitted to
recorded IWM chains in session (`simulation.spread_fit`).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import ASSUMED_RATE, TICK
from iwm_opts.journal.quotes import LegQuotes
from iwm_opts.kernels.simulation.quote import quote_expiration
from iwm_opts.market.calendar import years_to_expiry
from iwm_opts.pricing.black import black_price
from iwm_opts.simulation.parameters import SpreadModel
from iwm_opts.simulation.surface_table import expiration_factors
from iwm_opts.spreads.typed import TypedLeg, legs_of

Array = NDArray[np.float64]

VOLS: Final = np.geomspace(0.03, 4.0, 2_000)
LEAST_MID: Final = 0.5 * TICK  # nothing is asked for less than a tick
SHORTEST: Final = 1.0 / (365.0 * 24.0 * 60.0)  # years: a minute


def modelled_quotes(
    typed: Sequence[TypedLeg], value: float, spot: float, moment: datetime, expiration: date, spread: SpreadModel
) -> LegQuotes:
    """Quotes of a package whose mids add up to a value.

    `value`: of the package to its holder, dollars a share: a credit received is negative.
    `spot`: price of the underlying.
    `moment`: aware.
    Returns: no bid below zero; half-spreads on the tick unless the bid is zero.
    """
    legs = legs_of(typed)
    strike = np.array([leg.strike for leg in typed])
    years = max(float(years_to_expiry(moment, [expiration])[0]), SHORTEST)
    discount = float(np.exp(-ASSUMED_RATE * years))
    forward = spot / discount
    vol, mid = _at_one_vol(legs.right, strike, legs.contracts, value, forward, discount, years)
    dte = np.array([float((expiration - moment.date()).days)])
    widening = float(expiration_factors(spread, np.array([expiration.toordinal()]), dte, after_close=False)[0])
    bid, ask, vols, delta = (np.empty(len(strike)) for _ in range(4))
    quote_expiration(
        legs.right, strike, spot, forward, discount, years, float(dte[0]), vol * vol * years, 0.0, 0.0, widening,
        np.array(spread.coefficients), TICK, bid, ask, vols, delta,
    )  # fmt: skip
    half = np.minimum(0.5 * (ask - bid), mid)
    return LegQuotes(legs, mid - half, mid + half)


def _at_one_vol(
    right: Array, strike: Array, contracts: Array, value: float, forward: float, discount: float, years: float
) -> tuple[float, Array]:
    """Vol and leg values that make a package's value; the dearest leg takes what no vol explains."""
    values = np.asarray(black_price(right, forward, strike, years, VOLS[:, None], discount))
    miss = values @ contracts - value
    crossed = np.flatnonzero(np.diff(np.sign(miss)) != 0.0)
    if len(crossed):
        at = int(crossed[0])
        part = miss[at] / (miss[at] - miss[at + 1])
        vol = float(VOLS[at] + part * (VOLS[at + 1] - VOLS[at]))
    else:
        vol = float(VOLS[np.abs(miss).argmin()])
    mid = np.maximum(np.asarray(black_price(right, forward, strike, years, vol, discount)), LEAST_MID)
    dearest = int(mid.argmax())
    mid[dearest] += (value - float(mid @ contracts)) / contracts[dearest]
    return vol, np.maximum(mid, LEAST_MID)
