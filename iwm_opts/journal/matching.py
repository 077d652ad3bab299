"""The trades that a broker's executions add up to: packages of options, and round trips in shares."""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.journal.executions import DELIVERS, Execution, orders_of
from iwm_opts.journal.packages import Closing, Package, PackageLeg, PackageTrade, cut
from iwm_opts.journal.share_lots import Delivery, ShareBook, ShareTrade
from iwm_opts.market.contract import Contract


@dataclass(frozen=True, slots=True)
class Matched:
    """Trades in order of entry, and what could not become one."""

    packages: tuple[PackageTrade, ...]
    shares: tuple[ShareTrade, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def match_executions(executions: Iterable[Execution]) -> Matched:
    """Group executions into trades and match their closings.

    Parameters
    ----------
    executions : iterable of Execution
        In any order.

    Returns
    -------
    Matched
        A closing of what was opened before the executions begin is named among the problems and left out.
    """
    book = _Book()
    for order in orders_of(executions):
        book.take(order)
    return book.matched()


class _Book:
    """What is open as the orders come in."""

    def __init__(self) -> None:
        self.packages: list[Package] = []
        # Accounts never close each other's positions.
        self.lots: dict[tuple[str, Contract], deque[tuple[Package, PackageLeg]]] = defaultdict(deque)
        self.shares = ShareBook()
        self.opened = 0  # orders that opened something
        self.problems: list[str] = []

    def take(self, order: list[Execution]) -> None:
        """One order: what it closes first, then what it opens as one package."""
        if order[0].kind == "reorganisation":
            self.shares.reorganise(order[0])
            return
        if order[0].kind == "delivery":
            self.shares.charge(order[0])
            return
        if order[0].contract is None:
            self.opened += self.shares.trade(order, self.opened + 1)
            return
        opening, closed = [], dict[int, None]()
        for one in order:
            rest = one if one.effect == "open" else self._close(one, closed)
            if rest is not None:
                opening.append(rest)
        if opening:
            self._open(opening, tuple(closed))

    def _open(self, rows: Sequence[Execution], rolled_from: tuple[int, ...]) -> None:
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
            PackageLeg(contract, 1 if count > 0 else -1, abs(count) // contracts, abs(count))
            for contract, count in ordered
        ]
        self.opened += 1
        package = Package(
            self.opened,
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
            closing = Closing(one.when, count, one.price, each, one.kind)
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

    def _deliver(self, one: Execution, leg: PackageLeg, closing: Closing) -> None:
        """Shares at the strike, in place of the option."""
        shares = MULTIPLIER * closing.quantity * leg.sign * RIGHT_SIGN[leg.contract.right]
        closing.delivery = Delivery(closing.quantity, abs(shares))
        self.shares.deliver(one, shares, leg.contract.strike, closing.delivery)

    def matched(self) -> Matched:
        """Every package and every lot cut where parts of it were left."""
        packages = tuple(trade for package in self.packages for trade in cut(package))
        problems = (*self.problems, *self.shares.problems)
        return Matched(packages, tuple(self.shares.trades()), problems, self.shares.notes)
