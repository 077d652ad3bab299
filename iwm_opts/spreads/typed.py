"""Packages typed by hand: `-1P200@1.20/1.26` is one put of strike 200 sold, quoted 1.20 bid, 1.26 asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.errors import InputError
from iwm_opts.execution.comparison import Payoff
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.trading.payoff import extremes
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.analysis import Terms, analyse
from iwm_opts.spreads.legs import SAME_STRIKE, Packages, rows_of

LEG_PATTERN: Final = re.compile(
    r"(?P<count>[+-]?\d+)(?P<right>[CP])(?P<strike>\d+(\.\d+)?)(@(?P<bid>\d*\.?\d+)/(?P<ask>\d*\.?\d+))?", re.IGNORECASE
)
MOST_CONTRACTS: Final = 10_000  # of one leg in a package
REMEDY: Final = "write -1P200@1.20/1.26 (one put 200 sold, quoted 1.20 to 1.26), or -1P200 with a chain"


@dataclass(frozen=True, slots=True)
class TypedLeg:
    """One leg as typed; NaN quotes where none were."""

    sign: int
    ratio: int
    right: int
    strike: float
    bid: float
    ask: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one leg.

        Raises
        ------
        InputError
            When the text cannot be parsed, its count is zero, or its bid above its ask.
        """
        match = LEG_PATTERN.fullmatch(text.strip())
        if match is None:
            raise InputError("leg", text, "cannot be parsed", REMEDY)
        count = int(match["count"])
        bid, ask = (float(match[side]) if match[side] else np.nan for side in ("bid", "ask"))
        if not 0 < abs(count) <= MOST_CONTRACTS:
            raise InputError("leg", text, f"trades {count} contracts; 1 to {MOST_CONTRACTS:,} make a leg", REMEDY)
        if float(match["strike"]) == 0:
            raise InputError("leg", text, "has no strike", REMEDY)
        if ask == 0:
            raise InputError("leg", text, "an ask of zero is not a quote", "type the displayed quote")
        if bid > ask:
            raise InputError("leg", text, f"is crossed: bid {bid:g} above ask {ask:g}", "check the quote")
        return cls(
            int(np.sign(count)), abs(count), RIGHT_SIGN[match["right"].upper()], float(match["strike"]), bid, ask
        )

    @property
    def name(self) -> str:
        """The leg without its quote, as it is typed."""
        return f"{self.sign * self.ratio:+d}{'C' if self.right > 0 else 'P'}{self.strike:g}"

    @property
    def is_quoted(self) -> bool:
        """Whether a quote was typed."""
        return not np.isnan(self.ask)


def legs_of(typed: Sequence[TypedLeg]) -> Legs:
    """Terms of typed legs for fills and fees."""
    return Legs.of([t.sign for t in typed], [t.right for t in typed], [t.ratio for t in typed])


def payoff_of(typed: Sequence[TypedLeg]) -> Payoff:
    """Best and worst payoff at expiry of typed legs, one expiration assumed."""
    ordered = sorted(typed, key=lambda leg: leg.strike)
    contracts = np.array([[leg.sign * leg.ratio for leg in ordered]], dtype=np.float64)
    right = np.array([[leg.right for leg in ordered]], dtype=np.float64)
    strike = np.array([[leg.strike for leg in ordered]], dtype=np.float64)
    best, worst, adjusted = np.empty(1), np.empty(1), np.empty(1)
    extremes(contracts, right, strike, np.zeros(1), 0.0, 0.0, best, worst, adjusted)
    return Payoff(float(best[0]), -float(worst[0]))


def check_side(typed: Sequence[TypedLeg], name: str, price: float) -> None:
    """Refuse a price of a package whose sign its payoff never has.

    Parameters
    ----------
    typed : sequence of TypedLeg
        As opened.
    name : str
        `credit` of the opening, $/share, a debit negative, or `debit` of the closing, money received negative.
    price : float

    Raises
    ------
    InputError
        For a credit on legs that never owe at expiry, a debit on legs that never pay.
    """
    payoff, is_bought = payoff_of(typed), price > 0.0
    if price and (-payoff.worst if is_bought else payoff.best) <= 0.0:
        side, sign = ("debit", "negative") if is_bought else ("credit", "positive")
        money = "received" if is_bought == (name == "debit") else "paid"
        raise InputError(name, price, f"of a {side} package is {sign}", f"give {-price:g} for money {money}")


def quoted_legs(typed: Sequence[TypedLeg], table: OptionTable) -> list[TypedLeg]:
    """Typed legs with the chain's quotes where none were typed.

    Raises
    ------
    InputError
        When a strike is not listed, or has no two-sided quote.
    """
    quoted = []
    for leg in typed:
        if leg.is_quoted:
            quoted.append(leg)
            continue
        row = row_of(leg, table)
        bid, ask = float(table.bid[row]), float(table.ask[row])
        if not ask > 0:
            rule = f"has no two-sided quote on {table.expiration}"
            raise InputError("leg", leg.name, rule, "choose another or type its quote")
        quoted.append(replace(leg, bid=bid, ask=ask))
    return quoted


def expected_profit_at_mid(typed: Sequence[TypedLeg], table: OptionTable, terms: Terms) -> float:
    """Compute the expected profit of legs filled at the chain's mid, after fees, dollars a package; see `Analysis`."""
    index = np.array([[row_of(leg, table) for leg in typed]], dtype=np.intp)
    analysis = analyse(table, Packages("typed", index, legs_of(typed), is_credit=False), terms)
    return float(MULTIPLIER * analysis.breakeven_slippage[0])


def row_of(leg: TypedLeg, table: OptionTable) -> int:
    """Row of a leg in a table.

    Raises
    ------
    InputError
        When its strike is not listed.
    """
    rows = rows_of(table, "C" if leg.right > 0 else "P")
    away = np.abs(table.strike[rows] - leg.strike)
    if away.min() > SAME_STRIKE:
        near = ", ".join(f"{s:g}" for s in np.sort(table.strike[rows[np.argsort(away)[:4]]]))
        raise InputError("leg", leg.name, f"is not listed for {table.expiration}", f"near it are {near}")
    return int(rows[away.argmin()])
