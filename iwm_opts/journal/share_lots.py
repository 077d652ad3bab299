"""Shares bought and sold, matched first in, first out: the brokers' default for tax lots.

What was opened in one order is one lot. Shares that an option left behind stand in the same queue, but belong to the
option's trade: what they bring is its settlement, never a trade of its own. Own shares that an assigned call takes away
are sold at its strike.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from iwm_opts.journal.executions import Execution


@dataclass(slots=True)
class Delivery:
    """Shares in place of contracts that were assigned or exercised, until they are traded away."""

    contracts: int  # its settlement is an amount a contract
    shares: int  # not traded away yet
    settlement: float = 0.0  # dollars a contract
    settled: datetime | None = None  # when the last of its shares was traded away


@dataclass(frozen=True, slots=True)
class ShareTrade:
    """Shares opened in one order and left together."""

    number: int  # of the order that opened them, from 1, counted with the packages
    symbol: str
    shares: int  # sold short negative
    entry: datetime
    exit: datetime | None  # None: still open
    paid: float  # dollars a share at the entry: of a short, received
    left_at: float  # dollars a share at the exit, NaN while open
    fees: float  # dollars, all of it
    reason: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """Shares of one lot that were left in one order."""

    count: int
    price: float
    fees: float
    when: datetime
    reason: str


@dataclass(slots=True)
class _Own:
    """A lot that an order in shares opened."""

    number: int
    symbol: str
    account: str
    shares: int  # signed
    entry: datetime
    paid: float
    fees: float  # to open, dollars
    parts: list[_Part] = field(default_factory=list)

    def trades(self, still_open: int) -> list[ShareTrade]:
        """One trade for each order that left some of it, and what is still open."""
        sign = 1 if self.shares > 0 else -1
        found = [self._trade(sign * one.count, one.when, one.price, one.fees, one.reason) for one in self.parts]
        if still_open:
            found.append(self._trade(still_open, None, math.nan, 0.0, "open"))
        return found

    def _trade(self, count: int, when: datetime | None, price: float, fees: float, reason: str) -> ShareTrade:
        opening = self.fees * count / self.shares
        return ShareTrade(
            self.number, self.symbol, count, self.entry, when, self.paid, price, opening + fees, reason, self.account
        )


@dataclass(slots=True)
class _Lot:
    """Shares in the queue, whoever brought them there."""

    quantity: int  # signed, left
    price: float
    origin: _Own | Delivery


class ShareBook:
    """Holdings of every account and symbol, as the orders come in."""

    def __init__(self) -> None:
        self._lots: dict[tuple[str, str], deque[_Lot]] = defaultdict(deque)
        self._own: list[_Own] = []
        self._delivered: dict[tuple[str, str], Delivery] = {}  # the latest of each holding
        self._several = 0  # orders that could have left the shares of more than one
        self.problems: list[str] = []
        self._notes: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """How rows were read that could be read otherwise."""
        told = f"{self._several} orders left shares of several purchases: the oldest go first, as in a statement"
        return (*self._notes, *([told] if self._several else []))

    def deliver(self, one: Execution, shares: int, strike: float, by: Delivery) -> None:
        """Take shares that an option brings or takes, at its strike."""
        queue = self._lots[one.account, one.symbol]
        self._delivered[one.account, one.symbol] = by
        left = self._offset(queue, shares, strike, one.when, 0.0, one.kind)
        by.shares -= abs(shares) - abs(left)
        if left:
            queue.append(_Lot(left, strike, by))

    def charge(self, one: Execution) -> None:
        """Take the fees of a delivery: its option's trade pays them."""
        by = self._delivered.get((one.account, one.symbol))
        if by is None:
            self.problems.append(
                f"line {one.line}: fees of {one.fees:.2f} for {one.symbol} shares of an option that the file does not "
                "open: left out"
            )
            return
        by.settlement -= one.fees / by.contracts

    def trade(self, rows: Sequence[Execution], number: int) -> bool:
        """Take the fills of one order; whether it opened a lot, under that number."""
        first, total = rows[0], sum(one.quantity for one in rows)
        price = sum(one.quantity * one.price for one in rows) / total
        fees = sum(one.fees for one in rows)
        queue = self._lots[first.account, first.symbol]
        left = total
        if first.effect != "open":
            self._several += len(queue) > 1 and queue[0].quantity * total < 0
            left = self._offset(queue, total, price, rows[-1].when, fees, "closed")
        if not left:
            return False
        verb = "buys" if total > 0 else "sells"
        where = f"line {first.line}: {verb} {abs(left)} shares of {first.symbol}"
        if first.effect == "close":
            self.problems.append(f"{where} to close a position that the file does not open: left out")
            return False
        if first.effect == "" and total < 0:
            self._notes.append(f"{where} that the file did not buy, without saying why: taken for a short position")
        own = _Own(number, first.symbol, first.account, left, first.when, price, fees * left / total)
        self._own.append(own)
        queue.append(_Lot(left, price, own))
        return True

    def reorganise(self, one: Execution) -> None:
        """Leave out what is held in a symbol: after a split or a merger its shares and prices are others."""
        queue = self._lots[one.account, one.symbol]
        held = sum(lot.quantity for lot in queue)
        if held:
            self.problems.append(
                f"line {one.line}: a split, merger or other change of the {held} shares of {one.symbol} held then: "
                "trades open across it are left out"
            )
        queue.clear()

    def trades(self) -> list[ShareTrade]:
        """Every lot cut where parts of it were left."""
        left: dict[int, int] = defaultdict(int)
        for queue in self._lots.values():
            for lot in queue:
                if isinstance(lot.origin, _Own):
                    left[lot.origin.number] = lot.quantity
        return [trade for own in self._own for trade in own.trades(left[own.number])]

    def _offset(self, queue: deque[_Lot], shares: int, price: float, when: datetime, fees: float, reason: str) -> int:
        """Trade shares against those held the other way, oldest first; what remains."""
        total = abs(shares)
        while shares and queue and queue[0].quantity * shares < 0:
            lot = queue[0]
            count = min(abs(shares), abs(lot.quantity))
            direction = 1 if lot.quantity > 0 else -1
            charged = fees * count / total
            if isinstance(lot.origin, Delivery):
                gain = direction * count * (price - lot.price) - charged
                lot.origin.settlement += gain / lot.origin.contracts
                lot.origin.shares -= count
                lot.origin.settled = when
            else:
                lot.origin.parts.append(_Part(count, price, charged, when, reason))
            lot.quantity -= direction * count
            shares += direction * count
            if not lot.quantity:
                queue.popleft()
        return shares
