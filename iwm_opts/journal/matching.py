"""The trades that a broker's executions add up to: packages of options, and round trips in shares."""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.io.age import now
from iwm_opts.journal.executions import (
    DELIVERS,
    HOLDS,
    SETTLES_WITHIN,
    Effect,
    Execution,
    is_newest_first,
    misdated,
    orders_of,
    settled_in_cash,
    underlying,
)
from iwm_opts.journal.opening import OpeningBalance, Received
from iwm_opts.journal.packages import MERGED, Closing, Package, PackageLeg, PackageTrade
from iwm_opts.journal.reorganisation import Reorganisation, with_cash_of_mergers
from iwm_opts.journal.share_lots import Delivery, ShareBook, ShareTrade
from iwm_opts.market.contract import Contract


@dataclass(frozen=True, slots=True)
class Matched:
    """Trades in order of entry, and what could not become one."""

    packages: tuple[PackageTrade, ...]
    shares: tuple[ShareTrade, ...]
    opening: tuple[OpeningBalance, ...]  # positions from before the executions begin
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def match_executions(executions: Iterable[Execution], left_out: Mapping[int, str] | None = None) -> Matched:
    """Group executions into trades and match their closings.

    `executions`: in any order. Rows of one time follow each other as in the file, or reversed where it lists the newest
      first; where times are equal, in the order that leaves fewer closings without an opening.
    `left_out`: cells of the rows that could not be read, by line: what they may have opened is no opening balance.
    Returns: a position from before the executions begin is an opening balance: named, and its result left out.
    """
    rows, lost = with_cash_of_mergers(executions)
    rows, problems = settled_in_cash(rows)
    problems += lost
    # Transfers within an account, from cash to margin, are of one day and nothing in sum.
    moved: Counter[tuple[str, str, Contract | None, date]] = Counter()
    for row in rows:
        moved[row.account, row.symbol, row.contract, row.when.date()] += row.quantity if row.kind == "transfer" else 0
    rows = _with_share_effects([
        row for row in rows if row.kind != "transfer" or moved[row.account, row.symbol, row.contract, row.when.date()]
    ])  # fmt: skip
    newest_first = is_newest_first(rows)
    if newest_first is None:
        forward, backward = (_matched(rows, problems, order, left_out or {}) for order in (False, True))
        return backward if len(backward.opening) < len(forward.opening) else forward
    return _matched(rows, problems, newest_first, left_out or {})


def _matched(rows: list[Execution], problems: list[str], newest_first: bool, left_out: Mapping[int, str]) -> Matched:
    orders = orders_of(rows, newest_first)
    book = _Book(problems, _held_before(orders))
    for order in orders:
        book.take(order)
    return book.matched(left_out)


def _held_before(orders: Iterable[Sequence[Execution]]) -> Counter[tuple[str, Contract]]:
    """Return the fewest contracts held before the executions begin, short negative, that explain the endings.

    A long position cannot be assigned: a purchase before an assignment closed a short one, where nothing says that it
    opened. Contracts with corporate actions, and those whose every trade says what it does, are left out.
    """
    least: dict[tuple[str, Contract], int] = defaultdict(int)
    most: dict[tuple[str, Contract], int] = defaultdict(int)
    total: Counter[tuple[str, Contract]] = Counter()
    unsaid: set[tuple[str, Contract]] = set()
    changed: set[tuple[str, str]] = set()
    for row in (row for order in orders for row in order):
        if row.kind == "reorganisation":
            changed.add((row.account, row.symbol))
        elif row.contract is not None:
            key = row.account, row.contract
            total[key] += row.side * abs(row.quantity)
            if row.kind == "trade" and not row.effect:
                unsaid.add(key)
            elif row.kind not in HOLDS and row.side > 0:
                most[key] = min(most[key], -total[key])
            elif row.kind not in HOLDS and row.side < 0:
                least[key] = max(least[key], -total[key])
    before = Counter({key: least[key] + most[key] for key in unsaid if not (least[key] and most[key])})
    return Counter({key: count for key, count in before.items() if (key[0], underlying(key[1].root)) not in changed})


def _with_share_effects(rows: list[Execution]) -> list[Execution]:
    """Return assignments and exercises with the effect of their shares: open, close, or "" where the file does not say.

    The row of the delivered shares may say it; else the next trade in these shares that goes the other way.
    """
    deliveries = [row for row in rows if row.kind == "delivery" and row.quantity]
    trades = sorted(
        (row for row in rows if row.kind in ("trade", *DELIVERS) and (row.contract is None or row.kind in DELIVERS)),
        key=lambda row: (row.when, row.line),
    )
    marked = []
    for row in rows:
        if row.kind in DELIVERS and row.contract is not None:
            sign = -row.side * RIGHT_SIGN[row.contract.right]
            row = replace(row, effect=_effect_of_shares(row, sign, deliveries, trades))
        marked.append(row)
    return _without_same_day_closings(marked)


def _without_same_day_closings(rows: list[Execution]) -> list[Execution]:
    """Return endings whose shares close those that another ending of the day opens as openings too.

    Whatever order the day's deliveries are booked in, they close each other and no shares from before the file.
    """

    def shares(row: Execution) -> int:
        assert row.contract is not None  # endings are of options
        return -row.side * RIGHT_SIGN[row.contract.right] * MULTIPLIER * abs(row.quantity)

    opened: dict[tuple[str, str, date, bool], int] = defaultdict(int)
    for row in rows:
        if row.kind in DELIVERS and row.effect == "open":
            opened[row.account, row.symbol, row.when.date(), shares(row) > 0] += abs(shares(row))
    marked = []
    for row in rows:
        if row.kind in DELIVERS and row.effect == "close":
            key = row.account, row.symbol, row.when.date(), shares(row) < 0
            if opened[key] >= abs(shares(row)) > 0:
                opened[key] -= abs(shares(row))
                row = replace(row, effect="open")
        marked.append(row)
    return marked


def _effect_of_shares(
    ending: Execution, sign: int, deliveries: Sequence[Execution], trades: Sequence[Execution]
) -> Effect:
    near = [
        row
        for row in deliveries
        if (row.account, row.symbol) == (ending.account, ending.symbol)
        and row.quantity * sign > 0
        and abs(row.when - ending.when) <= SETTLES_WITHIN
    ]
    exact = [row for row in near if ending.contract is not None and abs(row.price - ending.contract.strike) < 0.005]
    said = {row.effect for row in exact or near if row.effect}
    if said:
        return "open" if "open" in said else "close"  # of a part that closes and one that opens
    later = [
        row
        for row in trades
        if (row.account, row.symbol) == (ending.account, ending.symbol) and row.when >= ending.when and row != ending
    ]
    place, following = next(
        ((at, row) for at, row in enumerate(later) if row.kind == "trade" and row.quantity * sign < 0), (0, None)
    )
    if following is None or not following.effect:
        return ""
    if following.effect == "close":
        return "open"
    # Nothing is held when the other way opens: unless other options took the shares in between.
    return "" if any(row.kind in DELIVERS for row in later[:place]) else "close"


class _Book:
    """Open lots as the orders come in."""

    def __init__(self, problems: Iterable[str], before: Counter[tuple[str, Contract]]) -> None:
        self.packages: list[Package] = []
        self.before = before  # contracts from before the file, short negative, that its trades do not name as such
        # Accounts never close each other's positions.
        self.lots: dict[tuple[str, Contract], deque[tuple[Package, PackageLeg]]] = defaultdict(deque)
        self.opening: list[OpeningBalance] = []
        self.received = Received()
        self.shares = ShareBook(self.opening, self.received)
        self.opened = 0  # orders that opened something
        self.problems = list(problems)
        self.reorganisation = Reorganisation(self.lots, self.shares, self.problems)
        self.today = now().date()

    def take(self, order: list[Execution]) -> None:
        """Book one order: its closings first, then its openings as one package."""
        self.shares.settle_uncovered(order[0].when.date())
        if order[0].kind == "reorganisation":
            for row in self.reorganisation.apply(order):
                if row.contract is None:
                    self.shares.trade([row], self.opened + 1, MERGED)
                else:
                    self._close(row, {}, is_misdated=False)
            return
        faults = {row.line: fault for row in order if (fault := misdated(row, self.today))}
        what = "left out" if order[0].contract is None else "its trade is left out"
        self.problems += [f"line {line}: {fault}: {what}" for line, fault in faults.items()]
        if faults and order[0].contract is None:
            return
        if order[0].kind == "transfer":
            if not faults:
                self._transfer(order[0])
            return
        if order[0].kind == "delivery":
            self.shares.charge(order[0])
            return
        if order[0].contract is None:
            self.opened += self.shares.trade(order, self.opened + 1)
            return
        opening, closed = [], dict[int, None]()
        for execution in order:
            opens = execution.kind == "trade" and execution.effect == "open"
            rest = execution if opens else self._close(execution, closed, is_misdated=execution.line in faults)
            if rest is not None:
                opening.append(rest)
        if opening:
            self._open(opening, tuple(closed), is_left_out=any(row.line in faults for row in opening))

    def _open(self, rows: Sequence[Execution], rolled_from: tuple[int, ...], *, is_left_out: bool) -> None:
        quantity: dict[Contract, int] = defaultdict(int)
        cash = 0.0
        for row in rows:
            assert row.contract is not None  # shares were sent elsewhere
            quantity[row.contract] += row.quantity
            cash -= row.quantity * row.price
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
            self.opened, rows[0].symbol, legs, contracts, rows[0].when, cash / contracts, sum(row.fees for row in rows),
            rolled_from, rows[0].account, is_left_out,
        )  # fmt: skip
        self.packages.append(package)
        for leg in legs:
            self.lots[package.account, leg.contract].append((package, leg))

    def _close(self, execution: Execution, closed: dict[int, None], *, is_misdated: bool) -> Execution | None:
        """Match a closing with the oldest lots; return the rest of a row that may open too."""
        contract = execution.contract
        assert contract is not None  # shares were sent elsewhere
        remaining = abs(execution.quantity)
        is_trade = execution.kind == "trade"
        sign = execution.side
        fee = execution.fees / remaining if remaining else 0.0
        lots = self.lots[execution.account, contract]
        before = self.before[execution.account, contract]
        if before * sign < 0 and not is_misdated:
            count = min(remaining, abs(before))
            self.before[execution.account, contract] += sign * count
            self._close_opening_balance(execution, count)
            remaining -= count
        for package, leg in list(lots):
            if not remaining:
                break
            if leg.sign == sign:  # the same direction adds to it
                continue
            count = min(remaining, leg.open)
            leg.open -= count
            remaining -= count
            closing = Closing(execution.when, count, execution.price, fee, execution.kind)
            leg.closings.append(closing)
            closed[package.number] = None
            package.is_left_out |= is_misdated
            if execution.kind in DELIVERS and not is_misdated:
                self._deliver(execution, package, leg, closing)
            if not leg.open:
                lots.remove((package, leg))
        if not remaining:
            return None
        if execution.effect == "" and is_trade:
            return replace(execution, quantity=sign * remaining, fees=fee * remaining)
        if is_misdated:
            return None
        self._close_opening_balance(execution, remaining)
        return None

    def _transfer(self, row: Execution) -> None:
        """Take a position that enters or leaves the account, at a basis that the file does not hold."""
        if row.contract is None:
            self.shares.transfer(row)
            return
        remaining = row.quantity
        remaining += (1 if remaining < 0 else -1) * self.received.take(row.account, row.contract, -remaining)
        lots = self.lots[row.account, row.contract]
        while remaining and lots and lots[0][1].sign * remaining < 0:
            package, leg = lots[0]
            count = min(abs(remaining), leg.open)
            leg.open -= count
            remaining += leg.sign * count
            package.is_left_out = True
            self.problems.append(
                f"line {row.line}: {count} {row.contract.symbol} left by transfer: its trade is left out"
            )
            if not leg.open:
                lots.popleft()
        self.received[row.account, row.contract] += remaining

    def _close_opening_balance(self, execution: Execution, count: int) -> None:
        """Option from before the file, and the shares that it may have left."""
        contract = execution.contract
        assert contract is not None
        action = self.reorganisation.unresolved.get((execution.account, execution.symbol))
        if action is not None:
            self.problems.append(
                f"line {execution.line}: closes {count} of {contract.symbol} after the corporate action of line "
                f"{action}: left out"
            )
            return
        held = -count * (execution.side or (1 if execution.quantity > 0 else -1))
        balance = OpeningBalance.of(execution, held)
        self.received.explain(balance)
        self.opening.append(balance)
        if execution.kind in DELIVERS:
            shares = MULTIPLIER * held * RIGHT_SIGN[contract.right]
            delivery = Delivery(count, abs(shares), opening=balance)
            self.shares.deliver(execution, shares, contract.strike, delivery, takes_old=execution.effect == "close")

    def _deliver(self, execution: Execution, package: Package, leg: PackageLeg, closing: Closing) -> None:
        """Shares at the strike, in place of the option.

        Where the file does not say so, shares that are sold but not held are taken for older ones, unless another leg
        of the package has the same right: the long call of a spread is what covers its short one.
        """
        shares = MULTIPLIER * closing.quantity * leg.sign * RIGHT_SIGN[leg.contract.right]
        closing.delivery = Delivery(closing.quantity, abs(shares))
        takes_old = execution.effect == "close"
        if execution.effect == "":
            covers = any(other.contract.right == leg.contract.right for other in package.legs if other is not leg)
            takes_old = shares < 0 and not covers
        self.shares.deliver(execution, shares, leg.contract.strike, closing.delivery, takes_old=takes_old)

    def matched(self, left_out: Mapping[int, str]) -> Matched:
        """Every package and every lot cut where parts of it were left."""
        self.shares.settle_uncovered()
        self.shares.settle_charges()
        packages = tuple(trade for package in self.packages if not package.is_left_out for trade in package.trades())
        unread = [balance.line_of(left_out) for balance in self.opening]
        lines = [balance.describe(line) for balance, line in zip(self.opening, unread, strict=True)]
        opening = tuple(balance for balance, line in zip(self.opening, unread, strict=True) if not line)
        problems = (*self.problems, *lines, *self.shares.problems)
        notes = (*self.reorganisation.notes, *self.shares.notes)
        return Matched(packages, tuple(self.shares.trades()), opening, problems, notes)
