"""Corporate actions on open positions: splits, mergers and changes of symbol.

A broker writes the removed position and the added one, or the ratio of a split, or only what a split adds to the
position. Whole splits multiply contracts and divide their strikes (OCC, Characteristics and Risks of Standardized
Options, chapter III); other splits change what a contract delivers, and its trade is left out. Positions removed for
cash alone are closed at it; cash paid with other shares lowers their cost. Shares are replaced only where the rows of
an event leave one reading; others are left out by name.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.executions import SETTLES_WITHIN, Execution
from iwm_opts.journal.packages import Package, PackageLeg
from iwm_opts.journal.share_lots import ShareBook
from iwm_opts.market.contract import Contract, is_adjusted

Lots = defaultdict[tuple[str, Contract], deque[tuple[Package, PackageLeg]]]
LARGEST_RATIO: Final = 100  # of a split; what implies a larger one is not one
LARGEST_DENOMINATOR: Final = 10
CENT: Final = 0.005  # dollars by which a divided strike may be rounded, and the value a share of what is replaced


def with_cash_of_mergers(executions: Iterable[Execution]) -> tuple[list[Execution], list[str]]:
    """Return the executions with the cash of a merger, where it has a row of its own, at the shares that it replaces.

    Returns
    -------
    list of Execution, list of str
        And a line for every amount whose shares no row of the file removes.
    """
    rows, lost = list(executions), []
    for cash in [row for row in rows if row.kind == "reorganisation" and row.cash and not row.quantity]:
        rows.remove(cash)
        removed = [
            row
            for row in rows
            if row.kind == "reorganisation"
            and (row.account, row.symbol, row.contract) == (cash.account, cash.symbol, None)
            and row.quantity * cash.cash < 0
            and abs(row.when - cash.when) <= SETTLES_WITHIN
        ]
        if not removed:
            lost.append(
                f"line {cash.line}: {cash.cash:.2f} for {cash.symbol} by a corporate action, and no row removes the "
                "shares: not in the results"
            )
            continue
        nearest = min(abs(row.when - cash.when) for row in removed)
        removed = [row for row in removed if abs(row.when - cash.when) == nearest]
        total = sum(row.quantity for row in removed)
        for row in removed:
            rows[rows.index(row)] = replace(row, cash=row.cash + cash.cash * row.quantity / total)
    return rows, lost


class Reorganisation:
    """Applies corporate actions to the open lots of a book."""

    def __init__(self, lots: Lots, shares: ShareBook, problems: list[str]) -> None:
        self.unresolved: dict[tuple[str, str], int] = {}  # line of an action that could not be applied, by holding
        self.notes: list[str] = []
        self._lots, self._shares, self._problems = lots, shares, problems
        self._converted: dict[tuple[str, Contract], datetime] = {}  # when a corporate action led to a contract

    def apply(self, rows: Sequence[Execution]) -> list[Execution]:
        """Apply the corporate actions of one account and time; return the closings of what ends for cash alone."""
        splits = [row for row in rows if row.effect == ""]
        changes = [row for row in rows if row.effect != ""]
        ended = []
        for event in dict.fromkeys(row.event for row in changes):
            ended += self._replace([row for row in changes if row.event == event])
        for symbol in dict.fromkeys(row.symbol for row in splits):
            self._split([row for row in splits if row.symbol == symbol])
        return ended

    def _replace(self, rows: Sequence[Execution]) -> list[Execution]:
        """Replace what the rows of one event remove; return the closings of what ends for cash alone."""
        rows = self._by_holding(self._by_holding_of_shares(_without_reversed(rows)))
        added = [row for row in rows if row.effect == "open" and row.quantity]
        removed = [row for row in rows if row not in added]
        pairs = self._pairs(removed, added)
        ended = [row for row, other in pairs if other is None and row.quantity and row.cash and math.isfinite(row.cash)]
        pairs = [(row, other) for row, other in pairs if row not in ended]
        for row, other in pairs:
            if row.contract is None:
                self._replace_shares(row, other)
        self._replace_options([(row, other) for row, other in pairs if row.contract is not None])
        successors = {
            (other.contract, other.symbol) for row, other in pairs if other and not math.isnan(_cash(row, other))
        }
        for row in added:
            if _is_adjusted(row) or (row.contract, row.symbol) in successors:
                continue
            name = row.contract.symbol if row.contract else row.symbol
            self._problems.append(f"line {row.line}: {name} added by a corporate action: left out")
            self._shares.receive(row)
        return [_closing(row) for row in ended]

    def _pairs(
        self, removed: Sequence[Execution], added: Sequence[Execution]
    ) -> list[tuple[Execution, Execution | None]]:
        """Return what one event removes, each with its successor; without one where the rows leave several readings."""
        pairs: list[tuple[Execution, Execution | None]] = []
        for is_option in (False, True):
            old = [row for row in removed if (row.contract is not None) == is_option]
            new = [row for row in added if (row.contract is not None) == is_option]
            matches = _option_pairs(old, new) if is_option else _share_pairs(old, new)
            if matches is None:
                names = [" and ".join(dict.fromkeys(row.symbol for row in rows)) for rows in (old, new)]
                self._problems.append(
                    f"line {old[0].line}: two corporate actions at one moment: {names[0]} became {names[1]}, and the "
                    "file does not say which: left out"
                )
                # Removed shares go by an old number in some files, those held by the symbol that is added.
                is_renumbered = not is_option and not all(self._shares.held(row.account, row.symbol) for row in old)
                matches = [(replace(row, cash=math.nan), None) for row in (*old, *(new if is_renumbered else ()))]
            pairs += matches
        return pairs

    def _by_holding_of_shares(self, rows: Sequence[Execution]) -> list[Execution]:
        """Rows of shares with removal and addition turned round where the file holds them short."""
        shares = [row for row in rows if row.contract is None and row.effect and row.quantity]
        held = {row.symbol: self._shares.held(row.account, row.symbol) for row in shares}
        is_short = any(count < 0 for count in held.values()) and not any(count > 0 for count in held.values())
        return [
            replace(row, effect="close" if row.quantity > 0 else "open")
            if row in shares and (held[row.symbol] < 0 or is_short)
            else row
            for row in rows
        ]

    def _by_holding(self, rows: Sequence[Execution]) -> list[Execution]:
        """Rows of options with removal and addition by what the file holds.

        Robinhood marks short positions as it does removals; Schwab removes a short position by a positive quantity.
        """
        options = [row for row in rows if row.contract is not None and row.effect and row.quantity]
        held = [row for row in options if row.contract and self._lots.get((row.account, row.contract))]
        pairs = {(id(old), id(new)) for old in held for new in options if new not in held and _is_same_kind(old, new)}
        removed, added = {id(old) for old in held}, {new for _, new in pairs}
        return [
            replace(row, effect="close", quantity=-abs(row.quantity))
            if id(row) in removed
            else replace(row, effect="open", quantity=abs(row.quantity))
            if id(row) in added
            else row
            for row in rows
        ]

    def _replace_shares(self, row: Execution, successor: Execution | None) -> None:
        factor, cash = math.nan, 0.0
        if successor is not None and row.quantity and not math.isnan(_cash(row, successor)):
            factor, cash = abs(successor.quantity / row.quantity), _cash(row, successor) / -row.quantity
        symbol = successor.symbol if successor is not None else row.symbol
        if symbol != row.symbol and not self._shares.held(row.account, row.symbol):
            row = replace(row, symbol=symbol)  # the removed shares go by an old number, those held by their symbol
        self._shares.convert(row, symbol, factor, cash)

    def _replace_options(self, pairs: Sequence[tuple[Execution, Execution | None]]) -> None:
        """Convert packages whose legs all have successors in one ratio; the others are left out."""
        groups: dict[float, list[tuple[Execution, Execution]]] = defaultdict(list)
        for row, successor in pairs:
            if successor is not None and row.quantity and not _is_adjusted(successor) and not _cash(row, successor):
                groups[abs(successor.quantity / row.quantity)].append((row, successor))
        for factor, group in groups.items():
            successors = {
                row.contract: other.contract
                for row, other in group
                if row.contract is not None and other.contract is not None
            }
            first, successor = group[0]
            self._convert(first, successors, successor.symbol, factor)
        for row, successor in pairs:
            assert row.contract is not None
            self._leave_out(row, row.contract)
            if successor is None:
                self.unresolved.setdefault((row.account, row.symbol), row.line)

    def _convert(self, row: Execution, successors: dict[Contract, Contract], symbol: str, factor: float) -> int:
        """Convert the packages of some contracts; contracts converted."""
        packages = {
            id(package): package
            for contract in successors
            for package, _ in self._lots.get((row.account, contract), ())
        }
        count = 0
        for package in packages.values():
            before = [(leg, leg.contract) for leg in package.legs if leg.open]
            if not package.convert(successors, symbol, factor):
                continue
            for leg, contract in before:
                self._lots[row.account, contract].remove((package, leg))
                self._lots[row.account, leg.contract].append((package, leg))
                self._converted[row.account, leg.contract] = row.when
                count += leg.open
        return count

    def _leave_out(self, row: Execution, contract: Contract) -> None:
        for package, _ in self._lots.pop((row.account, contract), ()):
            package.is_left_out = True
            self._problems.append(
                f"line {row.line}: corporate action on {contract.symbol}: the trade open across it "
                f"(entry {package.entry:%Y-%m-%d}) is left out"
            )

    def _split(self, rows: Sequence[Execution]) -> None:
        """Split the shares and options of one symbol."""
        first = rows[0]
        contracts = [
            contract
            for (account, contract), lots in self._lots.items()
            if lots
            and account == first.account
            and lots[0][0].symbol == first.symbol
            and not self._is_converted(contract, first)
        ]
        held = self._shares.held(first.account, first.symbol)
        if not held and not contracts:
            if all(row.contract is None or (row.account, row.contract) not in self._converted for row in rows):
                self.notes.append(
                    f"line {first.line}: corporate action on {first.symbol}: nothing of the file was held"
                )
            return
        factor = self._ratio(rows, held, contracts)
        if factor > 0.0:
            self.notes.append(f"line {first.line}: split of {first.symbol}, {_named(factor)}: {_source(rows)}")
        self._shares.convert(first, first.symbol, factor)
        if factor > 1.0 and factor.is_integer():
            successors = {each: replace(each, strike=round(each.strike / factor, 2)) for each in contracts}
            self._convert(first, successors, first.symbol, factor)
            contracts = [each for each in contracts if self._lots[first.account, each]]
        for contract in contracts:
            self._leave_out(first, contract)
            self.unresolved.setdefault((first.account, first.symbol), first.line)

    def _is_converted(self, contract: Contract, row: Execution) -> bool:
        """Whether other rows of the same corporate action led to a contract."""
        when = self._converted.get((row.account, contract))
        return when is not None and row.when - when <= SETTLES_WITHIN

    def _ratio(self, rows: Sequence[Execution], held: int, contracts: Sequence[Contract]) -> float:
        """Return new shares for an old one by the rows of a split; NaN where they do not say, or not alike."""
        ratios = {row.ratio for row in rows if row.ratio}
        added = sum(row.quantity for row in rows if row.contract is None)
        if len(ratios) == 1 and added and held:  # a dividend in shares, which rounds
            exact = (held + added) / held
            if abs(exact - next(iter(ratios))) * abs(held) < 1.0:
                return exact
        if not ratios and added and held:
            ratios.add((held + added) / held)
        for row in rows:
            if not ratios and row.contract is not None and row.quantity:
                ratios |= {each.strike / row.contract.strike for each in contracts if self._is_split(each, row)}
        simple = {_simple(ratio) for ratio in ratios}
        return simple.pop() if len(simple) == 1 else math.nan

    def _is_split(self, contract: Contract, row: Execution) -> bool:
        """Whether the contracts that a split adds are those of a contract that is held."""
        other = row.contract
        if other is None or (other.right, other.expiration) != (contract.right, contract.expiration):
            return False
        count = sum(leg.sign * leg.open for _, leg in self._lots[row.account, contract])
        ratio = (count + row.quantity) / count
        return ratio > 1.0 and abs(contract.strike / ratio - other.strike) <= CENT


def _closing(row: Execution) -> Execution:
    """Return the closing of a removed position at the cash that it brings."""
    shares = abs(row.quantity) * (MULTIPLIER if row.contract is not None else 1)
    return replace(row, effect="close", price=abs(row.cash) / shares)


def _cash(row: Execution, successor: Execution) -> float:
    """Dollars paid with the added position; some brokers value both alike, and round."""
    units = (abs(row.quantity) + abs(successor.quantity)) * (MULTIPLIER if row.contract is not None else 1)
    cash = row.cash + successor.cash
    return 0.0 if abs(cash) <= CENT * units and successor.cash else cash


def _simple(ratio: float) -> float:
    """Ratio as a fraction that a company would announce; NaN for another."""
    simple = Fraction(ratio).limit_denominator(LARGEST_DENOMINATOR) if ratio > 1.0 else None
    if simple is None:
        simple = 1 / Fraction(1.0 / ratio).limit_denominator(LARGEST_DENOMINATOR) if ratio > 0.0 else Fraction(0)
    is_near = abs(float(simple) - ratio) <= 1e-3 * ratio and 1.0 / LARGEST_RATIO <= ratio <= LARGEST_RATIO
    return float(simple) if is_near else math.nan


def _named(factor: float) -> str:
    ratio = Fraction(factor).limit_denominator(LARGEST_RATIO)
    return f"{ratio.numerator} for {ratio.denominator}"


def _source(rows: Sequence[Execution]) -> str:
    return "as the file names it" if any(row.ratio for row in rows) else "by what it added to the holding of the file"


def _without_reversed(rows: Sequence[Execution]) -> list[Execution]:
    """Rows of an event without those that another row takes back."""
    kept: list[Execution] = []
    for row in rows:
        taken_back = (row.symbol, row.contract, -row.quantity, -row.cash)
        other = next(
            (each for each in kept if (each.symbol, each.contract, each.quantity, each.cash) == taken_back), None
        )
        if other is None or not row.quantity:
            kept.append(row)
        else:
            kept.remove(other)
    return kept


def _share_pairs(
    removed: Sequence[Execution], added: Sequence[Execution]
) -> list[tuple[Execution, Execution | None]] | None:
    """Return shares removed by one event with their successors; None where the rows leave several readings.

    Several pairs are told apart by their symbols, as of two reverse splits, and by equal values.
    """
    if not removed or not added:
        return [(row, None) for row in removed]
    removed, added = _joined(removed), _joined(added)
    pairs = [(row, other) for row in removed for other in added if row.quantity * other.quantity < 0]
    if len(removed) + len(added) > 2:
        pairs = [
            (row, other)
            for row, other in pairs
            if row.symbol == other.symbol or (_value(row) and abs(_value(row) - _value(other)) < CENT)
        ]
    if not len(pairs) == len(removed) == len(added) == len({row.line for row, _ in pairs}):
        return None
    return list(pairs) if len({other.line for _, other in pairs}) == len(added) else None


def _joined(rows: Sequence[Execution]) -> list[Execution]:
    """Rows of one symbol, such as of a cash and a margin account, as one where they bring the same cash a share."""
    joined: list[Execution] = []
    for symbol in dict.fromkeys(row.symbol for row in rows):
        parts = [row for row in rows if row.symbol == symbol]
        count, cash = sum(row.quantity for row in parts), sum(row.cash for row in parts)
        if all(row.quantity * count > 0 and abs(row.cash / row.quantity - cash / count) <= CENT for row in parts[1:]):
            price = sum(_value(row) for row in parts) / abs(count) if count else 0.0
            parts = [replace(parts[0], quantity=count, cash=cash, price=price)]
        joined += parts
    return joined


def _value(row: Execution) -> float:
    return abs(row.quantity) * row.price


def _option_pairs(
    removed: Sequence[Execution], added: Sequence[Execution]
) -> list[tuple[Execution, Execution | None]] | None:
    """Return options removed by one event with their successors; None where the rows leave several readings."""
    symbols = {row.symbol for row in removed}
    if added and len(symbols) > 1 and symbols != {row.symbol for row in added}:
        return None
    left, pairs = list(added), list[tuple[Execution, Execution | None]]()
    for row in removed:
        others = [
            other
            for other in left
            if row.quantity * other.quantity < 0
            and _is_same_kind(row, other)
            and (len(symbols) == 1 or other.symbol == row.symbol)
        ]
        successor = min(others, key=lambda other: _apart(row, other), default=None)
        if successor is not None:
            left.remove(successor)
        pairs.append((row, successor))
    return pairs


def _is_same_kind(row: Execution, other: Execution) -> bool:
    """Whether two rows name options of one right and expiration."""
    if row.contract is None or other.contract is None:
        return False
    return (row.contract.right, row.contract.expiration) == (other.contract.right, other.contract.expiration)


def _is_adjusted(row: Execution) -> bool:
    """Whether a row names adjusted contracts, which deliver other than 100 shares."""
    return row.contract is not None and is_adjusted(row.contract.root)


def _apart(row: Execution, other: Execution) -> float:
    """Dollars by which the strikes of two positions differ in all: a split leaves them the same."""
    if row.contract is None or other.contract is None:
        return 0.0
    return abs(abs(row.quantity) * row.contract.strike - abs(other.quantity) * other.contract.strike)
