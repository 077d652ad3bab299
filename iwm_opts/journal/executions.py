"""Executions as a broker lists them, and the package trades they add up to.

What was opened in one order is one package. Closings are matched to it leg by leg, first in, first out, whatever orders
they came in: a part of a package that is closed on its own becomes a trade of its own, as does each half of a roll.
Options that end in shares take the shares along, until these are sold or bought back.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.market.contract import Contract, underlying_of

Effect = Literal["open", "close", ""]
Kind = Literal["trade", "expiration", "assignment", "exercise", "cash"]
DELIVERS: Final = ("assignment", "exercise")


@dataclass(frozen=True, slots=True)
class Execution:
    """One row of a broker's export: an option or shares bought, sold, expired, assigned or exercised."""

    when: datetime  # New York, without a zone
    symbol: str  # of the underlying
    contract: Contract | None  # None: shares
    quantity: int  # bought positive, sold negative; an ending's size alone counts
    price: float  # dollars a share
    fees: float = 0.0  # dollars, positive when paid
    effect: Effect = ""  # "" where the broker does not say
    kind: Kind = "trade"
    order: str = ""  # what its order is known by; the time where that is not known
    line: int = 0  # of the file, from 1
    account: str = ""  # where a file holds several


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


@dataclass(frozen=True, slots=True)
class Matched:
    """Package trades in order of entry, and what could not become one."""

    trades: tuple[PackageTrade, ...]
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Closing:
    """Contracts of one leg that were closed at once."""

    when: datetime
    quantity: int  # left to be handed out
    price: float
    fees: float  # a contract
    kind: Kind
    settlement: float = 0.0  # a contract, dollars
    shares: int = 0  # delivered and not traded away again
    settled: datetime | None = None  # when the last of its shares was traded away


@dataclass(slots=True)
class _Leg:
    contract: Contract
    sign: int
    ratio: int
    open: int  # contracts not closed yet
    closings: deque[_Closing] = field(default_factory=deque)


@dataclass(slots=True)
class _Package:
    number: int
    symbol: str
    legs: list[_Leg]
    contracts: int
    entry: datetime
    credit: float
    fees: float
    rolled_from: tuple[int, ...]
    account: str


@dataclass(slots=True)
class _Shares:
    """Shares that an option left behind."""

    closing: _Closing
    quantity: int  # signed
    price: float
    contracts: int  # of the closing: its settlement is an amount a contract


def match_packages(executions: Iterable[Execution]) -> Matched:
    """Group executions into packages and match their closings.

    Parameters
    ----------
    executions : iterable of Execution
        In any order.

    Returns
    -------
    Matched
        A closing of what was opened before the executions begin, and shares traded apart from options, are named among
        the problems and left out.
    """
    book = _Book()
    for order in _orders(executions):
        book.take(order)
    return book.matched()


def _orders(executions: Iterable[Execution]) -> list[list[Execution]]:
    """Executions of one order together, in order of time; endings and shares stand alone, after the day's trades."""
    found: dict[object, list[Execution]] = defaultdict(list)
    for one in executions:
        is_trade = one.kind == "trade" and one.contract is not None
        key = (one.symbol, one.order or one.when, "trade") if is_trade else (one.symbol, one.when, one.line)
        found[one.account, *key].append(one)
    for rows in found.values():
        rows.sort(key=lambda one: (one.when, one.line))
    return sorted(found.values(), key=lambda rows: (rows[0].when, rows[0].contract is None, rows[0].line))


class _Book:
    """What is open as the orders come in."""

    def __init__(self) -> None:
        self.packages: list[_Package] = []
        # Accounts never close each other's positions.
        self.lots: dict[tuple[str, Contract], deque[tuple[_Package, _Leg]]] = defaultdict(deque)
        self.shares: dict[tuple[str, str], deque[_Shares]] = defaultdict(deque)
        self.problems: list[str] = []
        self.apart = 0  # shares traded apart from options

    def take(self, order: list[Execution]) -> None:
        """One order: what it closes first, then what it opens as one package."""
        opening, closed = [], dict[int, None]()
        for one in order:
            if one.contract is None:
                self._trade_shares(one)
                continue
            rest = one if one.effect == "open" else self._close(one, closed)
            if rest is not None:
                opening.append(rest)
        if opening:
            self._open(opening, tuple(closed))

    def _open(self, rows: list[Execution], rolled_from: tuple[int, ...]) -> None:
        quantity: dict[Contract, int] = defaultdict(int)
        cash = 0.0
        for one in rows:
            assert one.contract is not None  # shares were sent elsewhere
            quantity[one.contract] += one.quantity
            cash -= one.quantity * one.price
        held = {contract: count for contract, count in quantity.items() if count}
        if not held:
            self.problems.append(f"line {rows[0].line}: an order of {rows[0].symbol} bought and sold the same")
            return
        contracts = math.gcd(*(abs(count) for count in held.values()))
        ordered = sorted(held.items(), key=lambda item: (item[0].strike, RIGHT_SIGN[item[0].right], item[0].expiration))
        legs = [
            _Leg(contract, 1 if count > 0 else -1, abs(count) // contracts, abs(count)) for contract, count in ordered
        ]
        package = _Package(
            len(self.packages) + 1,
            rows[0].symbol,
            legs,
            contracts,
            rows[0].when,
            cash / contracts,
            sum(one.fees for one in rows),
            rolled_from,
            rows[0].account,
        )
        self.packages.append(package)
        for leg in legs:
            self.lots[package.account, leg.contract].append((package, leg))

    def _close(self, one: Execution, closed: dict[int, None]) -> Execution | None:
        """Match a closing with the oldest lots; what is left of a row that may open too."""
        assert one.contract is not None  # shares were sent elsewhere
        left = abs(one.quantity)
        sign = 0 if one.kind != "trade" or one.quantity == 0 else (1 if one.quantity > 0 else -1)
        each = one.fees / left if left else 0.0
        lots = self.lots[one.account, one.contract]
        for package, leg in list(lots):
            if not left:
                break
            if leg.sign == sign:  # the same direction adds to it
                continue
            count = min(left, leg.open)
            leg.open -= count
            left -= count
            closing = _Closing(one.when, count, one.price, each, one.kind)
            leg.closings.append(closing)
            closed[package.number] = None
            if one.kind in DELIVERS:
                self._deliver(one, leg, closing)
            if not leg.open:
                lots.remove((package, leg))
        if not left:
            return None
        if one.effect == "" and one.kind == "trade":
            return replace(one, quantity=sign * left, fees=each * left)
        self.problems.append(
            f"line {one.line}: closes {left} of {one.contract.symbol} that the file does not open: left out"
        )
        return None

    def _deliver(self, one: Execution, leg: _Leg, closing: _Closing) -> None:
        """Shares at the strike, in place of the option."""
        shares = MULTIPLIER * closing.quantity * leg.sign * RIGHT_SIGN[leg.contract.right]
        closing.shares = abs(shares)
        self._offset((one.account, one.symbol), shares, leg.contract.strike, one.when, 0.0, closing)

    def _trade_shares(self, one: Execution) -> None:
        left = self._offset((one.account, one.symbol), one.quantity, one.price, one.when, one.fees, None)
        if left:
            self.apart += 1

    def _offset(
        self, holding: tuple[str, str], shares: int, price: float, when: datetime, fees: float, by: _Closing | None
    ) -> int:
        """Trade shares against those that options left behind, oldest first; what remains, kept when delivered."""
        queue, total = self.shares[holding], abs(shares)
        while shares and queue and queue[0].quantity * shares < 0:
            lot = queue[0]
            count = min(abs(shares), abs(lot.quantity))
            direction = 1 if lot.quantity > 0 else -1
            gain = direction * count * (price - lot.price) - fees * count / total
            lot.closing.settlement += gain / lot.contracts
            lot.closing.shares -= count
            lot.closing.settled = when
            lot.quantity -= direction * count
            shares += direction * count
            if by is not None:
                by.shares -= count
            if not lot.quantity:
                queue.popleft()
        if shares and by is not None:
            queue.append(_Shares(by, shares, price, by.quantity))
        return shares

    def matched(self) -> Matched:
        """Every package cut where parts of it were left."""
        problems = list(self.problems)
        if self.apart:
            problems.append(f"{self.apart} trades of shares apart from any assignment or exercise: left out")
        trades = [trade for package in self.packages for trade in _cut(package)]
        return Matched(tuple(trades), tuple(problems))


def _cut(package: _Package) -> list[PackageTrade]:
    """Trades of a package: one for each time that whole packages of it were left, and what is still open."""
    moments = sorted({closing.when for leg in package.legs for closing in leg.closings})
    done, found = 0, []
    for moment in moments:
        whole = min(
            sum(c.quantity for c in leg.closings if c.when <= moment) // leg.ratio for leg in package.legs
        )  # closings hand out what they hold, so that this counts what is new
        if whole:
            found.append(_left(package, whole, moment))
            done += whole
    remaining = package.contracts - done
    if remaining:
        found.append(_trade(package, remaining, None, math.nan, 0.0, 0.0, "open"))
    return found


def _left(package: _Package, count: int, moment: datetime) -> PackageTrade:
    """So many packages out of their legs' oldest closings."""
    debit = fees = settlement = 0.0
    kinds: set[Kind] = set()
    last, is_settled = moment, True
    for leg in package.legs:
        wanted = leg.ratio * count
        while wanted:
            closing = leg.closings[0]
            part = min(wanted, closing.quantity)
            debit -= leg.sign * part * closing.price
            fees += part * closing.fees
            settlement += part * closing.settlement
            kinds.add(closing.kind)
            is_settled &= not closing.shares
            last = max(last, closing.settled or last)
            closing.quantity -= part
            wanted -= part
            if not closing.quantity:
                leg.closings.popleft()
    if not is_settled:
        return _trade(package, count, None, math.nan, fees, settlement, "shares not sold yet")
    return _trade(package, count, last, debit / count, fees, settlement, _reason(kinds))


def _reason(kinds: set[Kind]) -> str:
    """The most telling way in which its legs ended."""
    told = {"assignment": "assignment", "exercise": "exercise", "trade": "closed"}
    return next((name for kind, name in told.items() if kind in kinds), "expiry")


def _trade(
    package: _Package,
    count: int,
    left: datetime | None,
    debit: float,
    closing_fees: float,
    settlement: float,
    reason: str,
) -> PackageTrade:
    share = count / package.contracts
    return PackageTrade(
        package.number,
        package.symbol,
        tuple((leg.sign * leg.ratio, leg.contract) for leg in package.legs),
        count,
        package.entry,
        left,
        package.credit,
        debit,
        package.fees * share + closing_fees,
        settlement,
        reason,
        package.rolled_from,
        package.account,
    )


def strategy_of(legs: Sequence[tuple[int, Contract]]) -> str:
    """Name of a package by its legs, such as `iron-condor`; `custom` for what has none here."""
    if len({contract.expiration for _, contract in legs}) > 1 or any(abs(count) != 1 for count, _ in legs):
        return "custom"
    shape = tuple(f"{'+' if count > 0 else '-'}{contract.right}" for count, contract in legs)
    return _NAMES.get(shape, "custom")


_NAMES: Final = {
    ("+P", "-P", "-C", "+C"): "iron-condor",
    ("-P", "+P", "+C", "-C"): "long-iron-condor",
    ("+P", "-P"): "bull-put",
    ("-P", "+P"): "bear-put",
    ("-C", "+C"): "bear-call",
    ("+C", "-C"): "bull-call",
    ("+C",): "long-call",
    ("-C",): "short-call",
    ("+P",): "long-put",
    ("-P",): "short-put",
}


def underlying(root: str) -> str:
    """Symbol that executions of a root are filed under."""
    return underlying_of(root.lstrip("$").removesuffix(".X"))
