"""Analysis of packages: fill, payoff, probabilities, expected profit and greeks."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import MULTIPLIER, REALISED_IMPLIED_VARIANCE, VARIANCE_RATIOS
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import DEFAULT_FEES, FeeSchedule, premium_sold
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel, Fills, fill_packages
from iwm_opts.kernels.pricing import barrier
from iwm_opts.kernels.trading import payoff
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.sabr import fit_sabr
from iwm_opts.spreads.legs import Packages

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """Assumptions of an analysis."""

    fill: FillModel = field(default=DEFAULT_MODEL)
    fees: FeeSchedule = field(default=DEFAULT_FEES)
    # Realised over implied variance under the real-world measure; 1 is the smile itself.
    variance_ratio: float = REALISED_IMPLIED_VARIANCE
    dividends: float = 0.0  # dollars a share with an ex-date before the expiration
    delivery_gap: float = 0.0  # move against delivered shares before they are closed, a fraction; 0 settles in cash

    def __post_init__(self) -> None:
        low, high = VARIANCE_RATIOS
        if not low <= self.variance_ratio <= high:
            rule = f"must lie from {low:g} to {high:g}"
            raise InputError("variance_ratio", self.variance_ratio, rule, "1 is the smile itself")


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Figures of packages of one kind, each of shape (n,) unless said; dollars a package unless said.

    NaN where a leg has no two-sided quote. Held to expiry throughout: opening fees count, closing fees do not.
    """

    packages: Packages
    fills: Fills  # dollars a share
    fees: Array  # to open
    max_profit: Array  # infinite where unbounded
    max_loss: Array  # positive; with dividends owed after early assignment, and exercise fees
    max_loss_expiry: Array  # positive; without those two
    max_loss_delivery: Array  # positive; max_loss, or that of delivered shares after the gap
    breakevens: Array  # dollars a share, ascending, NaN for none; shape (n, 2)
    pop: Array  # probability of a profit at expiry, under the smile
    pop_real_world: Array  # the same under the measure of expected_profit
    expected_profit: Array  # under the real-world measure, after all costs
    expected_profit_rn: Array  # under the smile: about minus the costs
    breakeven_slippage: Array  # dollars a share: the offset from mid at which expected_profit is zero
    delta: Array  # greeks are of the package, per share
    gamma: Array
    theta: Array
    vega: Array

    @property
    def return_on_risk(self) -> Array:
        """Largest profit over largest loss."""
        return self.max_profit / self.max_loss

    @property
    def edge(self) -> Array:
        """Expected profit over largest loss."""
        return self.expected_profit / self.max_loss


def analyse(table: OptionTable, packages: Packages, terms: Terms) -> Analysis:
    """Analyse packages of one kind on one expiration.

    Parameters
    ----------
    table : OptionTable
    packages : Packages
        n packages of equal legs.
    terms : Terms

    Returns
    -------
    Analysis

    Notes
    -----
    Expected profits are fill less fees less the discounted expected payoff under the smile (variance scaled by
    `variance_ratio`, the forward kept: no equity premium is assumed), the early-exercise premium of each quote added.
    """
    legs = packages.legs
    bid, ask = table.bid[packages.index], table.ask[packages.index]
    fills = fill_packages(terms.fill, legs, bid, ask)
    fees = np.asarray(terms.fees.opening_fees(legs, 1, premium_sold(legs, bid, ask)))
    at_expiry = _at_expiry(table, packages, fills.price - fees / MULTIPLIER, terms)
    expected = partial(_expected_profit, table, packages, fills.mid - fees / MULTIPLIER, terms)
    at_mid = expected(terms.variance_ratio)
    greek = partial(_summed, packages)
    return Analysis(
        packages=packages,
        fills=fills,
        fees=fees,
        **at_expiry,
        expected_profit=at_mid - fills.slippage,
        expected_profit_rn=expected(1.0) - fills.slippage,
        breakeven_slippage=at_mid / MULTIPLIER,
        delta=greek(table.delta),
        gamma=greek(table.gamma),
        theta=greek(table.theta),
        vega=greek(table.vega),
    )


def _summed(packages: Packages, of_options: Array) -> Array:
    total: Array = (of_options[packages.index] * packages.legs.contracts).sum(axis=1)
    return total


def _at_expiry(table: OptionTable, packages: Packages, credit: Array, terms: Terms) -> dict[str, Array]:
    """Payoff at expiry after fill and fees; `credit` in dollars a share."""
    strike = table.strike[packages.index]
    right, sign = (np.tile(of_legs, (len(packages), 1)) for of_legs in (packages.legs.right, packages.legs.contracts))
    best, worst_expiry, worst, delivered = (np.empty(len(packages)) for _ in range(4))
    owed, exercise = terms.dividends, terms.fees.exercise / MULTIPLIER
    payoff.extremes(sign, right, strike, credit, owed, exercise, best, worst_expiry, worst)
    payoff.delivered_losses(sign, right, strike, credit, owed, exercise, terms.delivery_gap, delivered)
    breakevens = np.empty((len(packages), 2))
    payoff.breakevens(sign, right, strike, credit, breakevens)

    starts_with_profit = (sign * strike * (right < 0)).sum(axis=1) + credit > 0  # with the underlying at zero

    def pop(cdf: Callable[[Array], Array]) -> Array:
        """Probability of ending where the payoff is above zero; it changes sign at each break-even."""
        below = np.where(np.isnan(breakevens), 1.0, cdf(breakevens))  # one that is not there lies beyond everything
        between = below[:, 1] - below[:, 0]
        return np.where(np.isnan(credit), np.nan, np.where(starts_with_profit, 1.0 - between, between))

    return {
        "max_profit": MULTIPLIER * best,
        "max_loss": MULTIPLIER * worst,
        "max_loss_expiry": MULTIPLIER * worst_expiry,
        "max_loss_delivery": MULTIPLIER * delivered,
        "breakevens": breakevens,
        "pop": pop(table.smile.cdf),
        "pop_real_world": pop(partial(table.smile.cdf, variance_ratio=terms.variance_ratio)),
    }


def _expected_profit(
    table: OptionTable, packages: Packages, credit: Array, terms: Terms, variance_ratio: float
) -> Array:
    """Dollars a package for a credit in dollars a share, fees taken off."""
    worth = table.smile.value(table.right, table.strike, variance_ratio) + table.early_exercise
    below = table.smile.cdf(table.strike, variance_ratio)
    in_the_money = np.where(table.right < 0, below, 1.0 - below)[packages.index]
    exercised = (in_the_money * packages.legs.ratio).sum(axis=1)
    expected: Array = MULTIPLIER * (credit + _summed(packages, worth)) - terms.fees.exercise_fees(1.0) * exercised
    return expected


def prob_touch(table: OptionTable, packages: Packages) -> Array:
    """Probability of touching a short strike before expiry, NaN without one; shape (n,).

    By finite differences under the SABR model of the expiration's smile (`market.sabr`, `kernels.pricing.barrier`),
    from today's price along the forward: a vol of each strike's own would count the premium of the wing as variance on
    the way to it, a fifth too much. About a millisecond a pair of short strikes.
    """
    strike, right, short = table.strike[packages.index], packages.legs.right, packages.legs.sign < 0
    # One short leg a side at most; a row of nothing but NaN means that side has none.
    low = np.fmax.reduce(np.where(short & (right < 0), strike, np.nan), axis=1)
    high = np.fmin.reduce(np.where(short & (right > 0), strike, np.nan), axis=1)
    pairs, place = np.unique(np.log(np.column_stack([low, high]) / table.spot), axis=0, return_inverse=True)
    if np.isnan(pairs).all():
        return np.full(len(packages), np.nan)
    model, touched = fit_sabr(table.smile), np.empty(len(pairs))
    drift = math.log(table.forward.price / table.spot) / table.years
    low, high = (np.ascontiguousarray(side) for side in pairs.T)
    grids, rows = np.empty((2, barrier.NODES + 1, barrier.LEVELS + 1)), np.empty((2, barrier.NODES + 1))
    barrier.touch(low, high, drift, model.alpha, model.nu, model.rho, table.years, grids, rows, touched)
    return touched[place.ravel()]
