"""The package trades that a broker's executions add up to.

Legs opened in one order are one package. Closings are matched to it leg by leg, first in, first out, whatever orders
they came in: a part of a package that is closed on its own becomes a trade of its own, as does each half of a roll.
Options that end in shares take the shares along, until these are sold or bought back (`share_lots`).
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.executions import PARTS, Kind
from iwm_opts.journal.share_lots import Delivery
from iwm_opts.market.contract import Contract
from iwm_opts.spreads.typed import TypedLeg, payoff_of

LEGGED_OUT: Final = "legged out"  # reason of a trade whose legs were closed at different times
PARTLY: Final = "partly closed"  # reason of an open trade, before what is left of it
MERGED: Final = "merger"  # reason of a trade that a corporate action ended for cash
SHARES_LEFT: Final = "shares not sold yet"


@dataclass(frozen=True, slots=True)
class PackageTrade:
    """Packages opened in one order and left together."""

    number: int  # of the order that opened it, from 1
    symbol: str
    legs: tuple[tuple[int, Contract], ...]  # contracts of one package, sold negative
    contracts: int  # packages
    entry: datetime
    exit: datetime | None  # None: still open
    credit: float  # dollars a share of one package, positive received
    debit: float  # paid to close, NaN while open
    fees: float  # dollars, all of it
    settlement: float  # dollars that shares of assignments and exercises brought
    reason: str
    rolled_from: tuple[int, ...] = ()
    account: str = ""

    @property
    def risk(self) -> float:
        """Dollars that it could lose by expiry; NaN where unbounded or unknown: several expirations, or partly open."""
        is_partly_open = self.exit is None and self.reason != "open"
        if is_partly_open or len({contract.expiration for _, contract in self.legs}) > 1:
            return math.nan
        typed = [
            TypedLeg(1 if n > 0 else -1, abs(n), 1 if leg.right == "C" else -1, leg.strike, math.nan, math.nan)
            for n, leg in self.legs
        ]
        loss = MULTIPLIER * self.contracts * (-payoff_of(typed).worst - self.credit)
        return loss if math.isfinite(loss) and loss > 0 else math.nan

    def log_row(self, name: str, market: str) -> dict[str, object]:
        """Columns of a trade log."""
        same = ("symbol", "entry", "exit", "reason", "contracts", "credit", "debit", "fees", "settlement", "risk")
        text, first = legs_text(self.legs)
        return {column: getattr(self, column) for column in same} | {
            "trade": name, "market": market, "strategy": strategy_of(self.legs), "legs": text,
            "expiration": datetime.combine(first, time()) if first else None,
            "rolled_from": " ".join(map(str, self.rolled_from)),
        }  # fmt: skip


@dataclass(slots=True)
class Closing:
    """Contracts of one leg that were closed at once."""

    when: datetime
    quantity: int  # left to be handed out
    price: float
    fees: float  # a contract
    kind: Kind
    delivery: Delivery | None = None  # of the shares that it ended in


@dataclass(slots=True)
class PackageLeg:
    """One leg of the packages of one order."""

    contract: Contract
    sign: int
    ratio: int
    open: int  # contracts not closed yet
    closings: deque[Closing] = field(default_factory=deque)


@dataclass(slots=True)
class Package:
    """Packages of one order, and how their legs were closed."""

    number: int
    symbol: str
    legs: list[PackageLeg]
    contracts: int
    entry: datetime
    credit: float
    fees: float
    rolled_from: tuple[int, ...]
    account: str
    is_left_out: bool = False  # by a corporate action that the file does not explain, or an impossible date

    def convert(self, successors: Mapping[Contract, Contract], symbol: str, factor: float) -> bool:
        """Let open legs become other contracts, `factor` for each one; False where that is not possible.

        Legs that were closed before are scaled along: the same dollars for `factor` times as many contracts.
        """
        legs = [leg for leg in self.legs if leg.open]
        if not all(leg.contract in successors for leg in legs):
            return False
        if factor != 1.0:
            closings = [closing for leg in self.legs for closing in leg.closings]
            if not float(factor * self.contracts).is_integer() or not factor > 0.0:
                return False
            if any(closing.delivery or not (factor * closing.quantity).is_integer() for closing in closings):
                return False
            self.contracts = round(factor * self.contracts)
            self.credit /= factor
            for closing in closings:
                closing.quantity = round(factor * closing.quantity)
                closing.price /= factor
                closing.fees /= factor
            for leg in self.legs:
                leg.open = round(factor * leg.open)
        for leg in legs:
            leg.contract = successors[leg.contract]
        self.symbol = symbol
        return True

    def trades(self) -> list[PackageTrade]:
        """Trades of a package: one for each exit of whole packages, those partly closed, and the open rest."""
        moments = sorted({closing.when for leg in self.legs for closing in leg.closings})
        done, trades = 0, []
        for moment in moments:
            whole = min(
                sum(c.quantity for c in leg.closings if c.when <= moment) // leg.ratio for leg in self.legs
            )  # closings hand out their content, so that this counts new ones alone
            if whole:
                trades.append(self.leave(whole, moment))
                done += whole
        closed = [sum(closing.quantity for closing in leg.closings) for leg in self.legs]
        partly = max(math.ceil(count / leg.ratio) for count, leg in zip(closed, self.legs, strict=True))
        remaining = [  # of the packages some of whose contracts are closed
            f"{leg.sign * (leg.ratio * partly - count):+d}{leg.contract.right}{leg.contract.strike:g}"
            for leg, count in zip(self.legs, closed, strict=True)
            if leg.ratio * partly > count
        ]
        deliveries = [closing.delivery for leg in self.legs for closing in leg.closings if closing.delivery]
        shares = " and shares" if any(delivery.shares for delivery in deliveries) else ""
        rest = f"{PARTLY}: {' '.join(remaining)}{shares} left"
        for count, reason in ((self.contracts - done - partly, "open"), (partly, rest)):
            if count:
                trades.append(self._trade(count, None, math.nan, 0.0, 0.0, reason))
        return trades

    def leave(self, count: int, moment: datetime) -> PackageTrade:
        """So many packages out of their legs' oldest closings."""
        debit = fees = settlement = 0.0
        kinds: set[Kind] = set()
        moments: set[datetime] = set()
        last, is_settled = moment, True
        for leg in self.legs:
            remaining = leg.ratio * count
            while remaining:
                closing = leg.closings[0]
                part = min(remaining, closing.quantity)
                debit -= leg.sign * part * closing.price
                fees += part * closing.fees
                kinds.add(closing.kind)
                moments.add(closing.when)
                if closing.delivery is not None:
                    settlement += part * closing.delivery.settlement
                    is_settled &= not closing.delivery.shares
                    last = max(last, closing.delivery.settled or last)
                closing.quantity -= part
                remaining -= part
                if not closing.quantity:
                    leg.closings.popleft()
        if not is_settled:
            return self._trade(count, None, math.nan, fees, settlement, SHARES_LEFT)
        closed = "closed" if max(moments) - min(moments) <= PARTS else LEGGED_OUT
        names = {"assignment": "assignment", "exercise": "exercise", "reorganisation": MERGED, "trade": closed}
        reason = next((name for kind, name in names.items() if kind in kinds), "expiry")  # the most telling
        return self._trade(count, last, debit / count, fees, settlement, reason)

    def _trade(
        self,
        count: int,
        remaining: datetime | None,
        debit: float,
        closing_fees: float,
        settlement: float,
        reason: str,
    ) -> PackageTrade:
        fraction = count / self.contracts
        legs = tuple((leg.sign * leg.ratio, leg.contract) for leg in self.legs)
        return PackageTrade(
            self.number, self.symbol, legs, count, self.entry, remaining, self.credit, debit,
            self.fees * fraction + closing_fees, settlement, reason, self.rolled_from, self.account,
        )  # fmt: skip


def legs_text(legs: Sequence[tuple[int, Contract]]) -> tuple[str, date | None]:
    """Legs as a log writes them, the day behind those that expire on a day of their own; and the first expiration."""
    first = min((leg.expiration for _, leg in legs), default=None)
    days = ("" if leg.expiration == first else f":{leg.expiration}" for _, leg in legs)
    return " ".join(f"{n:+d}{leg.right}{leg.strike:g}{day}" for (n, leg), day in zip(legs, days, strict=True)), first


def strategy_of(legs: Sequence[tuple[int, Contract]]) -> str:
    """Name of a package by its legs, such as `iron-condor`; `custom` for other legs."""
    if len({contract.expiration for _, contract in legs}) > 1 or any(abs(count) != 1 for count, _ in legs):
        return "custom"
    shape = tuple(f"{'+' if count > 0 else '-'}{contract.right}" for count, contract in legs)
    return _NAMES.get(shape, "custom")


_NAMES: Final = {
    ("+P", "-P", "-C", "+C"): "iron-condor", ("-P", "+P", "+C", "-C"): "long-iron-condor",
    ("+P", "-P"): "bull-put", ("-P", "+P"): "bear-put", ("-C", "+C"): "bear-call", ("+C", "-C"): "bull-call",
    ("+C",): "long-call", ("-C",): "short-call", ("+P",): "long-put", ("-P",): "short-put",
}  # fmt: skip
