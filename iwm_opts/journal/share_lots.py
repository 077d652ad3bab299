"""Shares bought and sold, matched first in, first out: the brokers' default for tax lots.

Shares bought in one order are one lot. Shares delivered by an option are in the same queue, but belong to the
option's trade: their proceeds are its settlement, never a trade of its own. Shares that an assigned call takes away
are sold at its strike; where the file did not buy them they are an opening balance.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from iwm_opts.conventions import counted
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.opening import OpeningBalance, Received

SHARES: Final = "shares"  # strategies without legs
SHORT_SHARES: Final = "short-shares"
WHOLE: Final = 1e-6  # shares by which a product of floats misses a whole number


@dataclass(slots=True)
class Delivery:
    """Shares in place of contracts that were assigned or exercised, until they are traded away."""

    contracts: int  # its settlement is an amount a contract
    shares: int  # not traded away yet
    settlement: float = 0.0  # dollars a contract
    settled: datetime | None = None  # when the last of its shares was traded away
    opening: OpeningBalance | None = None  # of an option from before the file


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

    def log_row(self, name: str, market: str) -> dict[str, object]:
        """Columns of a trade log: a purchase is a negative credit, as for options; a short sale is a credit."""
        same, sign = ("symbol", "entry", "exit", "reason", "fees"), 1 if self.shares > 0 else -1
        return {column: getattr(self, column) for column in same} | {
            "trade": name, "market": market, "strategy": SHARES if sign > 0 else SHORT_SHARES,
            "contracts": abs(self.shares), "multiplier": 1, "credit": -sign * self.paid, "debit": -sign * self.left_at,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """Shares of one lot that were left in one order."""

    count: int
    price: float
    fees: float
    when: datetime
    reason: str


@dataclass(slots=True, eq=False)
class _Purchase:
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
        """One trade for each order that left some of it, and the open rest."""
        sign = 1 if self.shares > 0 else -1
        trades = [self._trade(sign * part.count, part.when, part.price, part.fees, part.reason) for part in self.parts]
        if still_open:
            trades.append(self._trade(still_open, None, math.nan, 0.0, "open"))
        return trades

    def _trade(self, count: int, when: datetime | None, price: float, fees: float, reason: str) -> ShareTrade:
        opening = self.fees * count / self.shares
        return ShareTrade(
            self.number, self.symbol, count, self.entry, when, self.paid, price, opening + fees, reason, self.account
        )


@dataclass(slots=True, eq=False)
class _Lot:
    """Shares in the queue, whoever brought them there."""

    quantity: int  # signed, left
    price: float
    origin: _Purchase | Delivery


class ShareBook:
    """Holdings of every account and symbol, as the orders come in."""

    def __init__(self, opening: list[OpeningBalance] | None = None, received: Received | None = None) -> None:
        self._lots: dict[tuple[str, str], deque[_Lot]] = defaultdict(deque)
        self._purchases: list[_Purchase] = []
        self._delivered: dict[tuple[str, str], list[tuple[datetime, float, Delivery]]] = defaultdict(list)
        self._charges: list[Execution] = []
        self._uncovered: list[tuple[Execution, _Lot, Delivery]] = []  # sold for an option, and not held then
        self._several = 0  # orders that could have left the shares of more than one
        self._opening = [] if opening is None else opening
        self._received = Received() if received is None else received
        self.problems: list[str] = []
        self._notes: list[str] = []
        self._unresolved: dict[tuple[str, str], int] = {}  # line of a corporate action that could not be applied

    @property
    def notes(self) -> tuple[str, ...]:
        """How rows were read that could be read otherwise."""
        note = f"{self._several} orders left shares of several purchases: the oldest go first, as in a statement"
        return (*self._notes, *([note] if self._several else []))

    def deliver(
        self, execution: Execution, shares: int, strike: float, delivery: Delivery, *, takes_old: bool = False
    ) -> None:
        """Take shares that an option brings or takes, at its strike.

        `execution`: the assignment or exercise.
        `shares`: bought positive.
        `takes_old`: shares that the file does not hold are an opening balance, not a new position; unless another
          delivery of the same day brings them, in whatever order the file lists the two.
        """
        queue = self._lots[execution.account, execution.symbol]
        self._delivered[execution.account, execution.symbol].append((execution.when, strike, delivery))
        remaining = self._offset(queue, shares, strike, execution.when, 0.0, execution.kind)
        delivery.shares -= abs(shares) - abs(remaining)
        if remaining:
            lot = _Lot(remaining, strike, delivery)
            queue.append(lot)
            if takes_old:
                self._uncovered.append((execution, lot, delivery))

    def settle_uncovered(self, until: date | None = None) -> None:
        """Take shares that no delivery of the same day brought for an opening balance.

        `until`: deliveries from this day on are left for later.
        """
        waiting = []
        for execution, lot, delivery in self._uncovered:
            if until is not None and execution.when.date() >= until:
                waiting.append((execution, lot, delivery))
                continue
            if lot.quantity:
                delivery.shares -= abs(lot.quantity)
                delivery.settled = max(delivery.settled or execution.when, execution.when)
                balance = OpeningBalance.of(execution, -lot.quantity)
                balance.contract, balance.how, balance.price = None, "delivery", lot.price
                self._received.explain(balance)
                self._opening.append(balance)
                self._lots[execution.account, execution.symbol].remove(lot)
        self._uncovered = waiting

    def charge(self, execution: Execution) -> None:
        """Take the fees of a delivery: its option's trade pays them."""
        if execution.fees:
            self._charges.append(execution)

    def settle_charges(self) -> None:
        """Hand the fees of deliveries to the assignments and exercises that they belong to, by strike and time."""
        for row in self._charges:
            candidates = self._delivered[row.account, row.symbol]
            if not candidates:
                self.problems.append(
                    f"line {row.line}: fees of {row.fees:.2f} for {row.symbol} shares of an option that the file does "
                    "not open: left out"
                )
                continue
            _, _, delivery = min(candidates, key=lambda item: (abs(item[0] - row.when), abs(item[1] - row.price)))
            _settle(delivery, -row.fees)

    def trade(self, rows: Sequence[Execution], number: int, reason: str = "closed") -> bool:
        """Take the fills of one order; whether it opened a lot, under that number."""
        self.settle_uncovered()
        first, total = rows[0], sum(row.quantity for row in rows)
        price = sum(row.quantity * row.price for row in rows) / total
        fees = sum(row.fees for row in rows)
        queue = self._lots[first.account, first.symbol]
        remaining = total
        if first.effect != "open":
            self._several += len(queue) > 1 and queue[0].quantity * total < 0
            remaining = self._offset(queue, total, price, rows[-1].when, fees, reason)
        if not remaining:
            return False
        action = self._unresolved.get((first.account, first.symbol))
        if action is not None and (first.effect == "close" or (first.effect == "" and total < 0)):
            self.problems.append(
                f"line {first.line}: trades {counted(abs(remaining), 'shares')} of {first.symbol} after the corporate "
                f"action of line {action}: left out"
            )
            return False
        if first.effect == "close":
            balance = OpeningBalance.of(first, -remaining)
            balance.price = price
            self._received.explain(balance)
            self._opening.append(balance)
            return False
        if first.effect == "" and total < 0:
            self._notes.append(
                f"line {first.line}: sells {counted(abs(remaining), 'shares')} of {first.symbol} that the file did not "
                "buy, without saying why: taken for a short position"
            )
        purchase = _Purchase(
            number, first.symbol, first.account, remaining, first.when, price, fees * remaining / total
        )
        self._purchases.append(purchase)
        queue.append(_Lot(remaining, price, purchase))
        return True

    def transfer(self, row: Execution) -> None:
        """Take shares that enter or leave the account by transfer; what leaves has no result."""
        remaining = row.quantity
        remaining += (1 if remaining < 0 else -1) * self._received.take(row.account, row.symbol, -remaining)
        queue = self._lots[row.account, row.symbol]
        before = remaining
        while remaining and queue and queue[0].quantity * remaining < 0:
            count = min(abs(remaining), abs(queue[0].quantity)) * (1 if remaining > 0 else -1)
            queue[0].quantity += count
            remaining -= count
            if not queue[0].quantity:
                queue.popleft()
        if before != remaining:
            self.problems.append(
                f"line {row.line}: {counted(abs(before - remaining), 'shares')} of {row.symbol} held then left by "
                "transfer: their result is left out"
            )
        self._received[row.account, row.symbol] += remaining

    def held(self, account: str, symbol: str) -> int:
        """Shares held, short negative."""
        return sum(lot.quantity for lot in self._lots[account, symbol])

    def receive(self, row: Execution) -> None:
        """Take shares that a corporate action adds, at a basis that the file does not hold."""
        if row.contract is None:
            self._received[row.account, row.symbol] += row.quantity
            self._received.by_action.add((row.account, row.symbol))

    def convert(self, row: Execution, symbol: str, factor: float, cash: float = 0.0) -> None:
        """Convert the shares of a row's symbol, the oldest first where another symbol replaces only some.

        Shares that cannot be converted are left out, all of them.

        `symbol`: of the new shares.
        `factor`: New shares for an old one.
        `cash`: dollars paid with them for an old share: they lower its cost.
        """
        key = row.account, row.symbol
        queue = self._lots.pop(key, deque())
        held = sum(lot.quantity for lot in queue)
        if not held:
            return
        taken = _take(queue, abs(held) if symbol == row.symbol else abs(row.quantity))
        if factor > 0.0 and all(abs(factor * lot.quantity - round(factor * lot.quantity)) < WHOLE for lot in taken):
            self._lots[key] = queue
            count = sum(lot.quantity for lot in taken)
            converted = [self._scaled(replace(lot, price=lot.price - cash), symbol, factor, cash) for lot in taken]
            self._lots[row.account, symbol].extend(converted)
            paid = f" and {count * cash:.2f} in cash, which lowers their cost" if cash else ""
            self._notes.append(
                f"line {row.line}: {counted(abs(count), 'shares')} of {row.symbol} held then became "
                f"{abs(sum(lot.quantity for lot in converted))} of {symbol}{paid}"
            )
            return
        self._unresolved[key] = row.line
        self.problems.append(
            f"line {row.line}: a split, merger or other change of the {counted(held, 'shares')} of {row.symbol} held "
            "then: trades open across it are left out"
        )

    def _scaled(self, lot: _Lot, symbol: str, factor: float, cash: float) -> _Lot:
        """Lot in other shares: earlier exits stay a trade in the old ones."""
        quantity, price = round(factor * lot.quantity), lot.price / factor
        if isinstance(lot.origin, Delivery):
            lot.origin.shares += abs(quantity) - abs(lot.quantity)
            return _Lot(quantity, price, lot.origin)
        purchase = lot.origin
        fees = purchase.fees * lot.quantity / purchase.shares
        scaled = _Purchase(
            purchase.number, symbol, purchase.account, quantity, purchase.entry, (purchase.paid - cash) / factor, fees
        )
        purchase.fees -= fees
        purchase.shares -= lot.quantity
        if not purchase.shares:
            self._purchases.remove(purchase)
        self._purchases.append(scaled)
        return _Lot(quantity, price, scaled)

    def trades(self) -> list[ShareTrade]:
        """Every lot cut where parts of it were left."""
        remaining: dict[int, int] = defaultdict(int)
        for queue in self._lots.values():
            for lot in queue:
                if isinstance(lot.origin, _Purchase):
                    remaining[id(lot.origin)] = lot.quantity
        return [trade for purchase in self._purchases for trade in purchase.trades(remaining[id(purchase)])]

    def _offset(self, queue: deque[_Lot], shares: int, price: float, when: datetime, fees: float, reason: str) -> int:
        """Trade shares against those held the other way, oldest first; what remains."""
        total = abs(shares)
        while shares and queue and queue[0].quantity * shares < 0:
            lot = queue[0]
            count = min(abs(shares), abs(lot.quantity))
            direction = 1 if lot.quantity > 0 else -1
            charged = fees * count / total
            if isinstance(lot.origin, Delivery):
                _settle(lot.origin, direction * count * (price - lot.price) - charged)
                lot.origin.shares -= count
                lot.origin.settled = when
            else:
                lot.origin.parts.append(_Part(count, price, charged, when, reason))
            lot.quantity -= direction * count
            shares += direction * count
            if not lot.quantity:
                queue.popleft()
        return shares


def _take(queue: deque[_Lot], count: int) -> list[_Lot]:
    """Take the oldest shares out of a queue."""
    taken = []
    while count and queue:
        lot = queue[0]
        part = min(count, abs(lot.quantity)) * (1 if lot.quantity > 0 else -1)
        taken.append(replace(lot, quantity=part))
        lot.quantity -= part
        count -= abs(part)
        if not lot.quantity:
            queue.popleft()
    return taken


def _settle(delivery: Delivery, dollars: float) -> None:
    """Book what delivered shares brought, or what their delivery cost."""
    delivery.settlement += dollars / delivery.contracts
    if delivery.opening is not None:
        delivery.opening.settlement += dollars
