"""Worth of a package at other prices of the underlying, vols and dates."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import RIGHT_SIGN, SIDE_SIGN
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.pricing.american import american_price
from iwm_opts.pricing.black import black_price
from iwm_opts.spreads.candidate import Candidate, Leg

Array = NDArray[np.float64]

MIN_VOL = 0.01  # annualised decimal: the floor of a shifted vol


def worth(
    candidate: Candidate, snapshot: Snapshot, spot: ArrayLike, elapsed: float = 0.0, vol_shift: float = 0.0
) -> Array:
    """Model value of the legs, $/share: positive for what is owned.

    Parameters
    ----------
    candidate : Candidate
    snapshot : Snapshot
        Exercise style and dividends.
    spot : array_like, shape (n,)
        Prices of the underlying, $.
    elapsed : float
        Years from the quotes to the valuation; from expiry on the payoff.
    vol_shift : float
        Added to the implied vol of every leg, annualised decimal; the sum is at least `MIN_VOL`.

    Returns
    -------
    ndarray, shape (n,)
        NaN where a leg implies no vol.

    Notes
    -----
    Each leg keeps its own vol (sticky strike). European values follow Black 1976 with the forward's growth over spot
    kept; American ones the dividends still to come.
    """
    spots = np.asarray(spot, dtype=np.float64)
    years = candidate.years - elapsed
    total = np.zeros_like(spots)
    for leg in candidate.legs:
        total += SIDE_SIGN[leg.side] * _leg_worth(candidate, leg, snapshot, spots, years, vol_shift)
    return total


def _leg_worth(
    candidate: Candidate, leg: Leg, snapshot: Snapshot, spots: Array, years: float, vol_shift: float
) -> Array:
    if years <= 0:
        return np.maximum(RIGHT_SIGN[leg.right] * (spots - leg.strike), 0.0)
    forward = candidate.forward
    vol = leg.iv if vol_shift == 0 else max(leg.iv + vol_shift, MIN_VOL)
    if snapshot.exercise == "european":
        remaining = years / candidate.years
        forwards = spots * (forward.price / snapshot.chain.spot) ** remaining
        return np.asarray(black_price(leg.right, forwards, leg.strike, years, vol, forward.discount**remaining))
    elapsed = candidate.years - years
    dividends = [(due - elapsed, cash) for due, cash in snapshot.cash_flows(candidate.expiration) if due > elapsed]
    return np.asarray(american_price(leg.right, spots, leg.strike, years, forward.rate, vol, dividends))
