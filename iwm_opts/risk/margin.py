"""Margin of a package: buying power and gross requirement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.trading.payoff import extremes

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
    best, worst, adjusted = np.empty(n), np.empty(n), np.empty(n)
    extremes(contracts, right, strikes, np.zeros(n), 0.0, 0.0, best, worst, adjusted)
    requirement = MULTIPLIER * np.maximum(worst, 0.0)
    received = MULTIPLIER * np.asarray(credit, dtype=np.float64) - np.asarray(fees, dtype=np.float64)
    return Margin(requirement, requirement - received)
