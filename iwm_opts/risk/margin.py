"""Margin of a package: buying power, gross requirement and largest loss."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import FeeSchedule, premium_sold
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.trading.payoff import delivered_losses, extremes

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """Dollars for one package of each kind, shape (n,); infinite where the loss is unbounded, NaN without a fill."""

    requirement: Array  # gross requirement of the broker, the credit counting towards it
    buying_power: Array  # cash needed in the account: requirement less credit plus fees


def package_margin(legs: Legs, strike: ArrayLike, credit: ArrayLike, fees: ArrayLike) -> Margin:
    """Margin of packages of one kind, all legs of one expiration.

    Parameters
    ----------
    legs : Legs
    strike : array_like, shape (n, legs)
        Dollars a share.
    credit : array_like, shape (n,)
        Dollars a share received, negative when paid.
    fees : array_like, shape (n,) or a scalar
        To open, dollars a package.

    Returns
    -------
    Margin
        The requirement is the largest loss that the legs alone can show at expiry (FINRA Rule 4210(f)(2)(H)(v) and
        Regulatory Notice 12-44): 100 times the width of a credit vertical, 100 times the wider wing of an iron condor,
        only one side of which can lose, and nothing for debit spreads and long options. Those tie up the debit and
        the fees.

    Raises
    ------
    InputError
        When there is not one strike a leg.
    """
    strikes = np.array(strike, dtype=np.float64, order="C")
    if strikes.ndim != 2 or strikes.shape[1] != len(legs):
        raise InputError("strike", strikes.shape, f"needs {len(legs)} columns, one a leg")
    n = len(strikes)
    contracts, right = np.tile(legs.contracts, (n, 1)), np.tile(legs.right, (n, 1))
    best, worst, adjusted = np.empty((3, n))  # at expiry, $/share; worst is infinite where the loss is unlimited
    extremes(contracts, right, strikes, np.zeros(n), 0.0, 0.0, best, worst, adjusted)
    requirement = MULTIPLIER * np.maximum(worst, 0.0)
    received = MULTIPLIER * np.asarray(credit, dtype=np.float64) - np.asarray(fees, dtype=np.float64)
    return Margin(requirement, requirement - received)


@dataclass(frozen=True, slots=True)
class PositionCost:
    """Dollars of a whole position before it is opened."""

    credit: float  # received before fees; a debit negative
    opening_fees: float
    closing_fees: float
    max_loss: float  # as `largest_loss`, after opening fees; infinite where it is unlimited
    buying_power: float
    naked: str  # short options without a long one of the same right; empty where the risk is defined


def position_cost(
    legs: Legs,
    strike: ArrayLike,
    bid: ArrayLike,
    ask: ArrayLike,
    credit: float,
    contracts: int,
    fees: FeeSchedule,
    dividends: float = 0.0,
    delivery_gap: float = 0.0,
) -> PositionCost:
    """Cash, fees, largest loss and buying power of packages sold at one price.

    Parameters
    ----------
    legs : Legs
    strike, bid, ask : array_like, shape (legs,)
        Dollars a share.
    credit : float
        Dollars a share received, negative when paid.
    contracts : int
        Packages.
    fees : FeeSchedule
    dividends, delivery_gap : float
        As `largest_loss`.
    """
    opening = float(fees.opening_fees(legs, contracts, float(premium_sold(legs, bid, ask))))
    closing = float(fees.closing_fees(legs, contracts, float(premium_sold(legs.closing(), bid, ask))))
    margin = package_margin(legs, [np.asarray(strike, dtype=np.float64)], [credit], opening)
    worst = largest_loss(legs, strike, credit, fees.exercise, dividends, delivery_gap)
    naked = [name for sign, name in ((1.0, "calls"), (-1.0, "puts")) if legs.contracts[legs.right == sign].sum() < 0.0]
    return PositionCost(
        credit=MULTIPLIER * contracts * credit,
        opening_fees=contracts * opening,
        closing_fees=contracts * closing,
        max_loss=contracts * (worst + opening),
        buying_power=contracts * float(margin.buying_power[0]),
        naked=" and ".join(naked),
    )


def largest_loss(
    legs: Legs, strike: ArrayLike, credit: float, exercise_fee: float, dividends: float, delivery_gap: float
) -> float:
    """Largest loss of one package from now on, dollars, positive, before opening fees; infinite where it is unlimited.

    Parameters
    ----------
    legs : Legs
    strike : array_like, shape (legs,)
        Dollars a share.
    credit : float
        Dollars a share received, negative when paid.
    exercise_fee : float
        Dollars a contract exercised or assigned.
    dividends : float
        Dollars a share ahead, owed by shares short by early assignment.
    delivery_gap : float
        Move against delivered shares before they are closed, a fraction; 0 closes before expiration or settles in cash.
    """
    rows = [
        np.ascontiguousarray(np.asarray(row, dtype=np.float64)[None, :]) for row in (legs.contracts, legs.right, strike)
    ]
    best, at_expiry, worst = np.empty(1), np.empty(1), np.empty(1)
    received, exercise = np.array([credit]), exercise_fee / MULTIPLIER
    if delivery_gap:
        delivered_losses(*rows, received, dividends, exercise, delivery_gap, worst)
    else:
        extremes(*rows, received, dividends, exercise, best, at_expiry, worst)
    return MULTIPLIER * float(worst[0])
