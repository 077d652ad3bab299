"""Rules in rows: a million variants that differ in their exits are a few whole rules and a number per exit.

Rules of a grid are kept by value (`GridRules`), and become rows (`RuleTable`) for the numbers asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.engine import rule_rows
from iwm_opts.backtest.rules import BEST, WORST, ExitRule, Rules
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS
from iwm_opts.kernels.backtest.state import BEST_FIRST, GATE_ROW

Array = NDArray[np.float64]
Places = NDArray[np.int64]

EXITS = slice(BEST_FIRST - len(EXIT_SETTINGS), BEST_FIRST + 1)
"""Columns of the exits in a rule's row, in the order of `EXIT_SETTINGS`, then whether the best is first."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleTable:
    """Rules of n variants: all of each but the exits are those of one of a few heads."""

    heads: Sequence[Rules]
    head: Places  # of each variant, shape (n,)
    exits: Array  # NaN is off; shape (n, exits)

    @classmethod
    def of(cls, rules: Iterable[Rules]) -> Self:
        """Table of given rules, each its own head."""
        heads = tuple(rules)
        return cls(heads, np.arange(len(heads)), rule_rows(heads, [0] * len(heads))[:, EXITS])

    def __len__(self) -> int:
        return len(self.head)

    def __getitem__(self, place: int) -> Rules:
        rules: Rules = replace(self.heads[self.head[place]], exit=exit_rule(self.exits[place]))
        return rules

    @property
    def content(self) -> bytes:
        """All but the heads, for a digest."""
        return self.head.tobytes() + self.exits.tobytes()

    def take(self, places: Places) -> "RuleTable":
        """Rules of some variants."""
        return replace(self, head=self.head[places], exits=self.exits[places])

    def ranks(self, places: Places) -> Places:
        """Rank of some variants where those that share packages come one after the other."""
        return np.argsort(self._by_book, kind="stable")[places]

    def at_ranks(self, ranks: Places) -> Places:
        """Places of some ranks."""
        return self._by_book[ranks]

    @property
    def _by_book(self) -> Places:
        return np.argsort(book_numbers(self.heads)[self.head], kind="stable")

    def rows(self, gates: Places) -> Array:
        """Rules as kernels read them, given the row of allowed days of each; shape (n, len(RULE_FIELDS))."""
        used, place = np.unique(self.head, return_inverse=True)
        rows = rule_rows([self.heads[head] for head in used], [0] * len(used))[place]
        rows[:, EXITS], rows[:, GATE_ROW] = self.exits, gates
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class GridRules:
    """Rules of every combination of a grid, the last name turning fastest; those of a number are made when asked for.

    An exit's value depends on no other exit: a combination has the exits of its head, but for those that the grid
    names. Its size is that of the heads and the values, whatever the number of combinations.
    """

    heads: Sequence[Rules]  # of each combination of the names that are not exits
    shape: tuple[int, ...]  # values of each name
    columns: tuple[int | None, ...]  # of each name that is an exit, as in `EXIT_SETTINGS`; None for the others
    exits: Array  # of each head, shape (heads, exits)
    values: tuple[Array, ...]  # of each name that is an exit, shape (heads, values)

    def __len__(self) -> int:
        return prod(self.shape)

    def __getitem__(self, number: int) -> Rules:
        return self.take(np.array([number]))[0]

    @property
    def content(self) -> bytes:
        """All but the heads, for a digest."""
        return b"".join([repr((self.shape, self.columns)).encode(), *(part.tobytes() for part in self.values)])

    def take(self, numbers: Places) -> RuleTable:
        """Rules of some combinations."""
        places = np.unravel_index(numbers, self.shape)
        head, _ = self._split(places)
        exits = self.exits[head]
        chosen = [(column, place) for column, place in zip(self.columns, places, strict=True) if column is not None]
        for (column, place), values in zip(chosen, self.values, strict=True):
            exits[:, column] = values[head, place]
        return RuleTable(self.heads, head, exits)

    def ranks(self, numbers: Places) -> Places:
        """Rank of some combinations where those that share packages, then those of a head, come one after the other."""
        head, exit_ = self._split(np.unravel_index(numbers, self.shape))
        return np.argsort(self._by_book)[head] * self._exits + exit_

    def at_ranks(self, ranks: Places) -> Places:
        """Numbers of the combinations of some ranks."""
        rank, exit_ = np.divmod(ranks, self._exits)
        heads = iter(np.unravel_index(self._by_book[rank], self._lengths(False)))
        exits = iter(np.unravel_index(exit_, self._lengths(True)))
        places = tuple(next(heads if column is None else exits) for column in self.columns)
        return np.asarray(np.ravel_multi_index(places, self.shape), dtype=np.int64)

    @property
    def _by_book(self) -> Places:
        return np.argsort(book_numbers(self.heads), kind="stable")

    @property
    def _exits(self) -> int:
        return prod(self._lengths(True))

    def _lengths(self, is_exit: bool) -> tuple[int, ...]:
        """Return how many values the names that are exits have, or the others; (1,) without any."""
        pairs = zip(self.columns, self.shape, strict=True)
        return tuple(length for column, length in pairs if (column is not None) == is_exit) or (1,)

    def _split(self, places: tuple[Places, ...]) -> tuple[Places, Places]:
        """Head, and place among its combinations of exits."""
        head = exit_ = np.zeros_like(places[0])
        for place, length, column in zip(places, self.shape, self.columns, strict=True):
            if column is None:
                head = head * length + place
            else:
                exit_ = exit_ * length + place
        return head, exit_


def book_key(rules: Rules) -> tuple[Any, ...]:
    """Return the key that rules of one book share."""
    entry = rules.entry
    return (
        entry.strategy, entry.dte, entry.dte_slack, entry.put_delta, entry.call_delta, entry.put_wing, entry.call_wing
    )  # fmt: skip


def book_numbers(heads: Sequence[Rules]) -> Places:
    """Return the number of each head's book, in the order in which they first appear."""
    order: dict[Any, int] = {}
    return np.array([order.setdefault(book_key(rules), len(order)) for rules in heads], dtype=np.int64)


def exit_rule(row: Array) -> ExitRule:
    """Return the exits of a row; NaN is off."""
    bounds = {setting.field: setting.bound(value) for setting, value in zip(EXIT_SETTINGS, row, strict=False)}
    return ExitRule(**bounds, first=BEST if row[-1] else WORST)
