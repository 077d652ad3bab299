"""Choosing legs: rows of an option table by right, delta and distance; packages are rows of indices into it."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN, Right
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SAME_STRIKE = 1e-6  # dollars: strikes this close are the same one
Unit = Literal["$", "%", "sd"]
UNITS: Final = get_args(Unit)  # in the order of the kernels' codes
WIDTH_SLACK = {"$": 0.10, "%": 0.50, "sd": 0.50}  # fraction of its width by which a wing may miss it
WIDTH: Final = re.compile(r"\s*+(?:\$\s*+)?(-?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++))\s*(%|sd)?\s*")


@dataclass(frozen=True, slots=True)
class DeltaRange:
    """Absolute deltas that a leg may have; a range of one value means the nearest."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 < self.low <= self.high < 1.0:
            raise InputError(
                "delta",
                f"{self.low:g}:{self.high:g}",
                "must satisfy 0 < low <= high < 1",
                "give for instance 0.10:0.25",
            )


@dataclass(frozen=True, slots=True)
class Wing:
    """Distance of the long leg from the short one: a width or an absolute delta.

    A width is in dollars, in % of the spot, or in standard deviations to expiration at the at-the-money vol.
    """

    width: float | None = None
    delta: float | None = None
    unit: Unit = "$"

    def __post_init__(self) -> None:
        if (self.width is None) == (self.delta is None):
            raise InputError(
                "wing", f"width {self.width}, delta {self.delta}", "is one of the two", "give a width or a delta"
            )
        if self.width is not None and not 0.0 < self.width < np.inf:
            given = self.width if self.unit == "$" else str(self)
            raise InputError("width", given, "must be positive", "give 5, 2% or 0.6sd")
        if self.unit not in UNITS:
            raise InputError("width", self.unit, "unknown unit", f"choose one of {', '.join(UNITS)}")
        if self.delta is not None and not 0.0 < self.delta < 1.0:
            raise InputError("wing_delta", self.delta, "must lie in (0, 1)", "give for instance 0.05")

    @classmethod
    def parse(cls, width: float | str) -> "Wing":
        """Width of `5` (dollars), `2%` (of the spot) or `0.6sd` (standard deviations).

        Raises
        ------
        InputError
            For any other text, or a width that is not positive.
        """
        if not isinstance(width, str):
            return cls(width=float(width))
        match = WIDTH.fullmatch(width.lower())
        if match is None:
            raise InputError("width", width, "not a width", "give 5 (dollars), 2% (of spot) or 0.6sd")
        return cls(width=float(match[1]), unit=match[2] or "$")  # type: ignore[arg-type]  # as the pattern has it

    def __str__(self) -> str:
        if self.width is None:
            return f"|delta| {self.delta:g}"
        return f"${self.width:g}" if self.unit == "$" else f"{self.width:g}{self.unit}"

    @property
    def is_relative(self) -> bool:
        """Whether the distance follows price or vol."""
        return self.width is None or self.unit != "$"

    @property
    def slack(self) -> float:
        """Fraction of its width by which a wing may miss it."""
        return WIDTH_SLACK[self.unit]

    @property
    def multiple(self) -> float:
        """Width as a multiple of a dollar, the spot, or a standard deviation; NaN without one."""
        return np.nan if self.width is None else self.width / (100.0 if self.unit == "%" else 1.0)

    def distance(self, spot: float, stdev: float) -> float:
        """Dollars between the strikes, for a spot and a standard deviation to expiration in dollars."""
        return self.multiple * {"$": 1.0, "%": spot, "sd": stdev}[self.unit]


@dataclass(frozen=True, slots=True, eq=False)
class Packages:
    """Packages of one strategy on one expiration, legs in ascending strike."""

    strategy: str
    index: Index  # rows of the option table, shape (n, legs)
    legs: Legs  # meaning of the columns
    is_credit: bool  # sold for a credit: no trade without one
    incomplete: int = 0  # packages that lack a leg: no strike is listed where it should be

    def __len__(self) -> int:
        return len(self.index)

    def only(self, i: int) -> "Packages":
        """Package i alone."""
        return replace(self, index=self.index[i : i + 1], incomplete=0)


def rows_of(table: OptionTable, right: Right) -> Index:
    """Rows of one right in ascending strike, those without a quote included."""
    return np.flatnonzero(table.right == RIGHT_SIGN[right])


def by_delta(table: OptionTable, right: Right, target: DeltaRange) -> Index:
    """Rows of one right whose |delta| lies in a range, or the one nearest to it when the range is a single value."""
    rows = rows_of(table, right)
    distance = np.abs(table.delta[rows])
    if target.low < target.high:
        return rows[(distance >= target.low) & (distance <= target.high)]
    finite = np.isfinite(distance)
    if not finite.any():
        return rows[:0]
    nearest = np.nanargmin(np.abs(distance - target.low))
    return rows[nearest : nearest + 1]


def wing_of(table: OptionTable, anchor: Index, wing: Wing, direction: int) -> Index:
    """Row of the same right `wing` away from each anchor, upwards (+1) or downwards (-1); -1 for none.

    A width takes the nearest listed strike and refuses one that misses it by more than its slack; a delta takes
    the nearest strike strictly beyond the anchor.
    """
    index = np.full(len(anchor), -1, dtype=np.intp)
    width = wing.distance(table.spot, table.stdev)
    for position, row in enumerate(anchor):
        same = np.flatnonzero(table.right == table.right[row])
        beyond = same[direction * (table.strike[same] - table.strike[row]) > SAME_STRIKE]
        if wing.width is not None:
            miss = np.abs(np.abs(table.strike[beyond] - table.strike[row]) - width)
            beyond, miss = beyond[miss <= width * wing.slack], miss[miss <= width * wing.slack]
        else:
            miss = np.abs(np.abs(table.delta[beyond]) - wing.delta)
            beyond, miss = beyond[np.isfinite(miss)], miss[np.isfinite(miss)]
        if len(beyond):
            index[position] = beyond[np.argmin(miss)]
    return index


def whole(strategy: str, index: Index, legs: Legs, *, is_credit: bool) -> Packages:
    """Return packages whose every leg exists, each once."""
    different = np.unique(index, axis=0).astype(np.intp)
    is_complete = (different >= 0).all(axis=1)
    return Packages(strategy, different[is_complete], legs, is_credit, int((~is_complete).sum()))
