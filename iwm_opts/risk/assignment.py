"""Early assignment of short options: when the holder's exercise pays, and what that costs whoever is short.

A call is exercised on the eve of an ex-date, when its exercise value is above what it is worth without the dividend; a
put when its exercise value is at or above what holding on is worth, for the interest on the strike. An extrinsic value
below the dividend, a common rule for calls, fires too early: the call keeps its put and the interest on the strike.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.kernels import assignment
from iwm_opts.pricing.american import american_greeks

EVE = 1.0 / DAYS_PER_YEAR  # from the last moment of exercise to the ex-date

Array = NDArray[np.float64]
CashDividend = tuple[float, float, date]  # years from now, dollars a share, ex-date


@dataclass(frozen=True, slots=True)
class AssignmentDate:
    """An ex-date before expiry and the spot from which a short option is assigned about it."""

    ex_date: date
    dividend: float  # dollars a share
    # Call: spot on the eve at and above which exercise pays. Put: spot on the ex-date, the dividend gone, at and below
    # which it pays, for on the eve the holder waits for the drop. NaN where it pays at no spot.
    boundary: float
    cost: float  # dollars a contract: dividend owed on the shares short (calls) and the exercise fee


@dataclass(frozen=True, slots=True)
class AssignmentRisk:
    """Early assignment of one short option."""

    right: float  # +1 call, -1 put
    strike: float
    boundary_today: float  # of a put: spot at and below which exercise pays today; NaN where none, and for a call
    dates: tuple[AssignmentDate, ...]  # in order

    def pays_today(self, spot: float) -> bool:
        """Whether a put's holder gains by exercise now; a call's does only on the eve of an ex-date: see `dates`."""
        return spot <= self.boundary_today

    @property
    def worst_cost(self) -> float:
        """Dollars a contract at the dearest ex-date at which assignment can pay, 0 without one."""
        return max((d.cost for d in self.dates if not math.isnan(d.boundary)), default=0.0)


def assignment_risks(
    right: ArrayLike,
    strike: ArrayLike,
    iv: ArrayLike,
    spot: float,
    rate: float,
    t: float,
    dividends: Iterable[CashDividend] = (),
    exercise_fee: float = 0.0,
) -> list[AssignmentRisk]:
    """When short options of one expiration are assigned early, and what that costs.

    Parameters
    ----------
    right : array_like, shape (n,)
        +1 call, -1 put.
    strike, iv : array_like, shape (n,)
        Dollars a share; annualised decimal. Boundaries are NaN where the iv is.
    spot : float
        Dollars a share, now.
    rate : float
        Continuously compounded, annual, not negative.
    t : float
        Years to expiry.
    dividends : iterable of (years, cash, ex_date)
        Those at or before now and at or after expiry are left out.
    exercise_fee : float
        Dollars a contract.

    Raises
    ------
    InputError
        When strike, iv and right differ in length, or as for `iwm_opts.american_price`.
    """
    rights, strikes, vols = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (right, strike, iv))
    if not rights.shape == strikes.shape == vols.shape or rights.ndim != 1:
        raise InputError("strike", strikes.shape, "right, strike and iv need one length")
    ahead = sorted((d for d in dividends if 0.0 < d[0] < t), key=lambda d: d[0])
    today = np.where(rights < 0.0, _boundaries(rights, strikes, vols, rate, t, ahead, 0.0, spot), np.nan)
    on_dates = [_on_date(rights, strikes, vols, rate, t, ahead, k) for k in range(len(ahead))]
    risks = []
    for i in range(len(rights)):
        short = rights[i] > 0.0
        dates = tuple(
            AssignmentDate(day, cash, float(found[i]), MULTIPLIER * cash * short + exercise_fee)
            for (_, cash, day), found in zip(ahead, on_dates, strict=True)
        )
        risks.append(AssignmentRisk(float(rights[i]), float(strikes[i]), float(today[i]), dates))
    return risks


def exercise_pays(
    right: ArrayLike, strike: ArrayLike, opposite_mid: ArrayLike, rate: float, t: float, dividend_value: float
) -> Array:
    """Whether exercise at once pays, by quotes alone: a call on the eve of an ex-date, a put at any time.

    Parameters
    ----------
    right, strike : array_like, shape (n,)
        +1 call, -1 put; dollars a share.
    opposite_mid : array_like, shape (n,)
        Midpoint of the other right at the same strike, NaN without a two-sided quote.
    rate, t : float
        Continuously compounded, annual; years to expiry.
    dividend_value : float
        Present value of the dividends before expiry, tomorrow's included, dollars a share.

    Returns
    -------
    ndarray, shape (n,)
        1 where it pays, 0 where not, NaN without a quote. A call pays where put + strike (1 - exp(-rate t)) lies below
        the dividends, a put where call + dividends lie below the interest (Hull 2018, Options, Futures, and Other
        Derivatives, 10th ed., section 15.12, with parity for the value held).
    """
    some = [np.array(x, dtype=np.float64) for x in np.broadcast_arrays(right, strike, opposite_mid)]
    rights, strikes, mids = (x.ravel() for x in some)
    out = np.empty(rights.size)
    assignment.exercise_pays(rights, strikes, mids, -math.expm1(-rate * t), dividend_value, out)
    return out.reshape(some[0].shape)


def _on_date(
    right: Array, strike: Array, vol: Array, rate: float, t: float, ahead: Sequence[CashDividend], k: int
) -> Array:
    """Boundaries about the k-th ex-date: of calls on its eve, of puts on the date itself."""
    when = ahead[k][0]
    eve = max(when - EVE, 0.0)
    calls = _boundaries(right, strike, vol, rate, t, ahead[k:], eve, strike)
    puts = _boundaries(right, strike, vol, rate, t, ahead[k + 1 :], when, strike)
    return np.asarray(np.where(right > 0.0, calls, puts))


def _boundaries(
    right: Array, strike: Array, vol: Array, rate: float, t: float, ahead: Sequence[CashDividend], now: float, spot: Any
) -> Array:
    """Exercise boundaries at a moment `now` years ahead; the spot only says where to look."""
    flows = [(when - now, cash) for when, cash, _ in ahead]
    return np.asarray(american_greeks(right, spot, strike, t - now, rate, vol, flows).boundary)
