"""One package under every fill convention, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from iwm_opts.conventions import FILL_MODEL, MULTIPLIER, TICK
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import Fill, FillModel, fill_package
from iwm_opts.execution.legs import Legs

COMPARED: Final = tuple(
    FillModel.parse(text)
    for text in (
        "mid", "orats", "effective:timed", FILL_MODEL, "effective:average", "effective:conventional", "natural", "stress:3",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payoff:
    """Best and worst payoff of a package at expiry before any credit, dollars a share; infinite where unbounded."""

    best: float
    worst: float


@dataclass(frozen=True, slots=True)
class FillComparison:
    """One package under one convention; dollars a package unless said, None where unknown or undefined."""

    model: FillModel
    entry: Fill
    exit: Fill  # closing at once, at unchanged quotes
    opening_fees: float
    closing_fees: float
    max_profit: float | None  # held to expiry, after the fill and the opening fees
    max_loss: float | None
    expected_profit: float | None
    breakeven_slippage: float | None

    @property
    def round_trip_cost(self) -> float:
        """Slippage in and out at unchanged quotes, and fees both ways."""
        return self.entry.slippage + self.exit.slippage + self.opening_fees + self.closing_fees

    @property
    def breakeven_win_rate(self) -> float | None:
        """Share of wins at which a bet that pays max_profit or costs max_loss, and nothing between, comes out even.

        max_loss / (max_profit + max_loss); None where either is unbounded or there is nothing to win.
        """
        if self.max_profit is None or self.max_loss is None or not isfinite(self.max_profit + self.max_loss):
            return None
        if self.max_profit <= 0:
            return None
        return max(self.max_loss, 0.0) / (self.max_profit + max(self.max_loss, 0.0))


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
        Extremes at expiry; without them max_profit, max_loss and the win rate are None.
    expected_profit_at_mid : float, optional
        Dollars a package, filled at mid, after the costs that do not depend on the fill. It is also the break-even
        slippage: the slippage, dollars a package, at which nothing is left of it (divide by 100 for the offset).
    models : sequence of FillModel
        One row each, in this order.
    """
    sold, bought = _premium(legs, bid, ask)
    opening, closing = fees.opening_fees(legs, 1, sold), fees.closing_fees(legs, 1, bought)
    rows = []
    for model in models:
        entry = fill_package(model, legs, bid, ask, tick)
        profit, loss = _extremes(payoff, entry, opening)
        expected = None if expected_profit_at_mid is None else expected_profit_at_mid - entry.slippage
        leave = fill_package(model, legs.closing(), bid, ask, tick)
        rows.append(
            FillComparison(model, entry, leave, opening, closing, profit, loss, expected, expected_profit_at_mid)
        )
    return rows


def _premium(legs: Legs, bid: ArrayLike, ask: ArrayLike) -> tuple[float, float]:
    """Premium at mid of the short and of the long legs, dollars a share."""
    value = legs.ratio * 0.5 * (np.maximum(np.asarray(bid, dtype=np.float64), 0.0) + np.asarray(ask, dtype=np.float64))
    return float(value[legs.sign < 0].sum()), float(value[legs.sign > 0].sum())


def _extremes(payoff: Payoff | None, entry: Fill, fees: float) -> tuple[float | None, float | None]:
    if payoff is None or not entry.is_filled:
        return None, None
    return MULTIPLIER * (payoff.best + entry.price) - fees, fees - MULTIPLIER * (payoff.worst + entry.price)
