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

    Also returns a line for every amount whose shares no row of the file removes.
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
        rows = self._by_holding(_without_reversed(rows))
        added = [row for row in rows if row.effect == "open" and row.quantity]
        removed = [row for row in rows if row not in added]
        pairs = self._pairs(removed, added)
        ended = [row for row, other in pairs if other is None and row.quantity and row.cash and math.isfinite(row.cash)]
        pairs = [(row, other) for row, other in pairs if row not in ended]
        for row, other in pairs:
            if row.contract is None:
                factor, cash, symbol = math.nan, 0.0, row.symbol if other is None else other.symbol
                if other is not None and row.quantity and not math.isnan(_cash(row, other)):
                    factor, cash = abs(other.quantity / row.quantity), _cash(row, other) / -row.quantity
                is_renumbered = symbol != row.symbol and not self._shares.held(row.account, row.symbol)
                held = replace(row, symbol=symbol) if is_renumbered else row  # removed shares go by an old number
                self._shares.convert(held, symbol, factor, cash)
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
        # Positions removed for cash alone are closed at the cash that they bring.
        return [replace(row, effect="close", price=abs(row.cash) / abs(row.shares)) for row in ended]

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

    def _by_holding(self, rows: Sequence[Execution]) -> list[Execution]:
        """Rows with removal and addition by what the file holds: turned round for shares that are short.

        Robinhood marks short options as it does removals; Schwab removes a short position by a positive quantity.
        """
        shares = [row for row in rows if row.contract is None and row.effect and row.quantity]
        count = {row.symbol: self._shares.held(row.account, row.symbol) for row in shares}
        is_short = min(count.values(), default=0) < 0 and max(count.values()) <= 0
        rows = [
            replace(row, effect="close" if row.quantity > 0 else "open")
            if row in shares and (count[row.symbol] < 0 or is_short)
            else row
            for row in rows
        ]
        options = [row for row in rows if row.contract is not None and row.effect and row.quantity]
        held = [row for row in options if row.contract and self._lots.get((row.account, row.contract))]
        others = [row for row in options if row not in held]
        pairs = {(id(old), id(new)) for old in held for new in others if _is_same_series(old.contract, new.contract)}
        removed, added = {id(old) for old in held}, {new for _, new in pairs}
        return [
            replace(row, effect="close", quantity=-abs(row.quantity))
            if id(row) in removed
            else replace(row, effect="open", quantity=abs(row.quantity))
            if id(row) in added
            else row
            for row in rows
        ]

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
        # Other rows of the same corporate action may have led to a contract already.
        done = {key for key, when in self._converted.items() if first.when - when <= SETTLES_WITHIN}
        contracts = [
            key[1]
            for key, lots in self._lots.items()
            if lots and key[0] == first.account and lots[0][0].symbol == first.symbol and key not in done
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
            ratio = Fraction(factor).limit_denominator(LARGEST_RATIO)
            is_named = any(row.ratio for row in rows)
            how = "as the file names it" if is_named else "by what it added to the holding of the file"
            named = f"{ratio.numerator} for {ratio.denominator}: {how}"
            self.notes.append(f"line {first.line}: split of {first.symbol}, {named}")
        self._shares.convert(first, first.symbol, factor)
        if factor > 1.0 and factor.is_integer():
            successors = {item: replace(item, strike=round(item.strike / factor, 2)) for item in contracts}
            self._convert(first, successors, first.symbol, factor)
            contracts = [item for item in contracts if self._lots[first.account, item]]
        for contract in contracts:
            self._leave_out(first, contract)
            self.unresolved.setdefault((first.account, first.symbol), first.line)

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
                added_to = [item for item in contracts if _is_same_series(item, row.contract)]
                for item in added_to:  # whether the contracts that the split adds are those of one that is held
                    before = sum(leg.sign * leg.open for _, leg in self._lots[row.account, item])
                    ratio = (before + row.quantity) / before
                    if ratio > 1.0 and abs(item.strike / ratio - row.contract.strike) <= CENT:
                        ratios.add(item.strike / row.contract.strike)
        simple = set()
        for ratio in ratios:  # as a fraction that a company would announce
            near = Fraction(ratio).limit_denominator(LARGEST_DENOMINATOR) if ratio > 1.0 else Fraction(0)
            if 0.0 < ratio <= 1.0:
                near = 1 / Fraction(1.0 / ratio).limit_denominator(LARGEST_DENOMINATOR)
            is_near = abs(float(near) - ratio) <= 1e-3 * ratio and 1.0 / LARGEST_RATIO <= ratio <= LARGEST_RATIO
            simple.add(float(near) if is_near else math.nan)
        return simple.pop() if len(simple) == 1 else math.nan


def _cash(row: Execution, successor: Execution) -> float:
    """Dollars paid with the added position; some brokers value both alike, and round."""
    units = abs(row.shares) + abs(successor.shares)
    cash = row.cash + successor.cash
    return 0.0 if abs(cash) <= CENT * units and successor.cash else cash


def _without_reversed(rows: Sequence[Execution]) -> list[Execution]:
    """Rows of an event without those that another row takes back."""
    kept: list[Execution] = []
    for row in rows:
        taken_back = (row.symbol, row.contract, -row.quantity, -row.cash)
        other = next(
            (item for item in kept if (item.symbol, item.contract, item.quantity, item.cash) == taken_back), None
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


def _strikes(row: Execution) -> float:
    return abs(row.quantity) * row.contract.strike if row.contract is not None else 0.0


def _option_pairs(
    removed: Sequence[Execution], added: Sequence[Execution]
) -> list[tuple[Execution, Execution | None]] | None:
    """Return options removed by one event with their successors; None where the rows leave several readings."""
    symbols = {row.symbol for row in removed}
    if added and len(symbols) > 1 and symbols != {row.symbol for row in added}:
        return None
    remaining, pairs = list(added), list[tuple[Execution, Execution | None]]()
    for row in removed:
        others = [
            other
            for other in remaining
            if row.quantity * other.quantity < 0
            and _is_same_series(row.contract, other.contract)
            and (len(symbols) == 1 or other.symbol == row.symbol)
        ]
        # A split leaves the strikes of all contracts the same in sum.
        successor = min(others, key=lambda other: abs(_strikes(row) - _strikes(other)), default=None)
        if successor is not None:
            remaining.remove(successor)
        pairs.append((row, successor))
    return pairs


def _is_same_series(contract: Contract | None, other: Contract | None) -> bool:
    """Whether two options have one right and expiration."""
    if contract is None or other is None:
        return False
    return (contract.right, contract.expiration) == (other.right, other.expiration)


def _is_adjusted(row: Execution) -> bool:
    """Whether a row names adjusted contracts, which deliver other than 100 shares."""
    return row.contract is not None and is_adjusted(row.contract.root)
