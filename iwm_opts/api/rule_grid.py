"""Rules of every combination of a grid, made when asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Final, overload

import numpy as np

from iwm_opts.api.rules import Rules
from iwm_opts.backtest.grid import GridValues, Variants, as_number, combinations
from iwm_opts.backtest.rule_table import GridRules, RuleTable
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS

EXIT_NAMES: Final = tuple(setting.option for setting in EXIT_SETTINGS)
"""Exits among the fields of `Rules`, in the order of a `RuleTable`'s columns."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleGrid(Sequence[Rules]):
    """Rules of every combination of a grid.

    An exit's meaning depends on no other exit: rules are made and checked for each value of each exit, with the first
    values of the others, under each combination of the other names. Every combination follows from those.

    Parameters
    ----------
    grid : mapping
        Values of each name.
    make : callable
        Rules of a combination.

    Raises
    ------
    InputError
        For a value that no rule takes, names without values or values that repeat.
    """

    grid: Mapping[str, Sequence[object]]
    make: Callable[[dict[str, object]], Rules]
    made: tuple[tuple[Rules, dict[str, list[Rules]]], ...] = field(
        init=False
    )  # a head, and by exit each value under it

    def __post_init__(self) -> None:
        for name, values in self.grid.items():
            combinations({name: values})
        exits = {name: values for name, values in self.grid.items() if _field(name) in EXIT_NAMES}
        first = {name: values[0] for name, values in exits.items()}
        made = []
        for others in combinations({name: values for name, values in self.grid.items() if name not in exits}):
            base = {name: ({**others, **first})[name] for name in self.grid}
            by_exit = {name: [self.make({**base, name: value}) for value in values] for name, values in exits.items()}
            made.append((next(iter(by_exit.values()))[0] if by_exit else self.make(base), by_exit))
        object.__setattr__(self, "made", tuple(made))

    def __len__(self) -> int:
        return prod(GridValues(self.grid).shape)

    @overload
    def __getitem__(self, place: int) -> Rules: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Rules, ...]: ...

    def __getitem__(self, place: int | slice) -> Rules | tuple[Rules, ...]:
        if isinstance(place, slice):
            return tuple(self[number] for number in range(*place.indices(len(self))))
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self.make(GridValues(self.grid)(place % len(self)))

    @property
    def heads(self) -> tuple[Rules, ...]:
        """Rules of each combination of the names that are not exits."""
        return tuple(head for head, _ in self.made)

    def resolved(self) -> GridRules:
        """Rules as the engine takes them."""
        heads = RuleTable.of(rules.resolved() for rules in self.heads)
        fields = [_field(name) for name in self.grid]
        columns = tuple(EXIT_NAMES.index(name) if name in EXIT_NAMES else None for name in fields)
        values = tuple(
            np.stack(
                [RuleTable.of(each.resolved() for each in by_exit[name]).exits[:, column] for _, by_exit in self.made]
            )
            for name, column in zip(self.grid, columns, strict=True)
            if column is not None
        )
        return GridRules(heads.heads, GridValues(self.grid).shape, columns, heads.exits, values)


def _field(name: str) -> str:
    return name.replace("-", "_")


def heads_of(rules: Sequence[Rules]) -> Sequence[Rules]:
    """Rules that decide all but the exits of others."""
    return rules.heads if isinstance(rules, RuleGrid) else rules


def variants_of(grid: Mapping[str, Sequence[object]], rules: Sequence[Rules]) -> Variants:
    """Variants of a grid, `rules` in the order of its combinations."""
    source = rules.resolved() if isinstance(rules, RuleGrid) else RuleTable.of(each.resolved() for each in rules)
    values = GridValues({name: [as_number(value) for value in values] for name, values in grid.items()})
    return Variants(np.arange(len(source)), source, values)
