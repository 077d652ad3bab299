"""One package under every fill convention, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from numpy.typing import ArrayLike

from iwm_opts.conventions import FILL_MODEL, MULTIPLIER, TICK
from iwm_opts.execution.fees import FeeSchedule, premium_sold
from iwm_opts.execution.fills import Fill, FillModel, fill_package
from iwm_opts.execution.legs import Legs

_NAMES = ("mid", "orats", "effective:timed", FILL_MODEL, "effective:average", "effective:conventional", "natural")
COMPARED: Final = tuple(FillModel.parse(name) for name in (*_NAMES, "stress:3"))


@dataclass(frozen=True, slots=True)
class Payoff:
    """Best and worst payoff of a package at expiry before any credit, dollars a share; infinite where unbounded."""

    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class FillComparison:
    """One package under one convention; dollars a package unless said, None where unknown or undefined.

    Where a leg has no quote the fills, and what follows from them, are NaN or None.
    """

    model: FillModel
    entry: Fill
    exit: Fill  # closing at once, at unchanged quotes
    opening_fees: float
    closing_fees: float
    max_profit: float | None  # held to expiry, after the fill and the opening fees; infinite where unbounded
    max_loss_expiry: float | None  # positive; without early assignment and exercise fees
    expected_profit: float | None
    breakeven_slippage: float | None  # dollars a share: the offset from mid at which expected_profit is zero

    @property
    def round_trip_cost(self) -> float:
        """Slippage in and out at unchanged quotes, and fees both ways."""
        return self.entry.slippage + self.exit.slippage + self.opening_fees + self.closing_fees

    @property
    def breakeven_win_rate(self) -> float | None:
        """Share of wins at which a bet that pays max_profit or costs max_loss_expiry comes out even.

        max_loss_expiry / (max_profit + max_loss_expiry), 0 where nothing can be lost; None where either is unbounded
        or there is nothing to win.
        """
        profit, loss = self.max_profit, self.max_loss_expiry
        if profit is None or loss is None or profit <= 0 or not isfinite(profit + loss):
            return None
        return max(loss, 0.0) / (profit + max(loss, 0.0))


def compare_fills(
    legs: Legs,
    bid: ArrayLike,
    ask: ArrayLike,
    fees: FeeSchedule,
    *,
    payoff: Payoff | None = None,
    expected_profit_at_mid: float | None = None,
    models: Sequence[FillModel] = COMPARED,
    tick: float = TICK,
) -> list[FillComparison]:
    """Compare fill conventions on one package.

    Parameters
    ----------
    legs : Legs
    bid, ask : array_like, shape (legs,)
        Dollars a share.
    fees : FeeSchedule
    payoff : Payoff, optional
        Extremes at expiry; without them max_profit, max_loss_expiry and the win rate are None.
    expected_profit_at_mid : float, optional
        Dollars a package, filled at mid, after the costs that do not depend on the fill. It covers the
        break-even slippage; below zero not even mid is good enough.
    models : sequence of FillModel
        One row each, in this order.
    tick : float
        As in `fill_packages`.
    """
    opening = fees.opening_fees(legs, 1, float(premium_sold(legs, bid, ask)))
    closing = fees.closing_fees(legs, 1, float(premium_sold(legs.closing(), bid, ask)))
    rows = []
    for model in models:
        entry = fill_package(model, legs, bid, ask, tick)
        leave = fill_package(model, legs.closing(), bid, ask, tick)
        profit, loss, expected, breakeven = None, None, None, None
        if payoff is not None and entry.is_filled:
            profit = MULTIPLIER * (payoff.best + entry.price) - opening
            loss = opening - MULTIPLIER * (payoff.worst + entry.price)
        if expected_profit_at_mid is not None:
            expected = expected_profit_at_mid - entry.slippage
            breakeven = expected_profit_at_mid / MULTIPLIER
        rows.append(FillComparison(model, entry, leave, opening, closing, profit, loss, expected, breakeven))
    return rows
