"""Rules in rows: a million variants that differ in their exits are a few whole rules and a number per exit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.engine import rule_rows
from iwm_opts.backtest.rules import BEST, WORST, ExitRule, Rules
from iwm_opts.kernels.backtest.state import BEST_FIRST, GATE_ROW, PROFIT_TAKEN

Array = NDArray[np.float64]
Places = NDArray[np.int64]

EXITS = slice(PROFIT_TAKEN, BEST_FIRST + 1)
"""Columns of the exits in a rule's row, in the order of `ExitRule`."""


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

    def take(self, places: Places) -> Self:
        """Rules of some variants."""
        return replace(self, head=self.head[places], exits=self.exits[places])

    def rows(self, gates: Places) -> Array:
        """Rules as kernels read them, given the row of allowed days of each; shape (n, len(RULE_FIELDS))."""
        used, place = np.unique(self.head, return_inverse=True)
        rows = rule_rows([self.heads[head] for head in used], [0] * len(used))[place]
        rows[:, EXITS], rows[:, GATE_ROW] = self.exits, gates
        return rows


def exit_rule(row: Array) -> ExitRule:
    """Return the exits of a row; NaN is off."""
    profit, stop, touch, dte, sessions, rank, is_best_first = (
        None if np.isnan(value) else float(value) for value in row
    )
    return ExitRule(
        profit, stop, bool(touch), None if dte is None else int(dte), None if sessions is None else int(sessions), rank,
        BEST if is_best_first else WORST,
    )  # fmt: skip
