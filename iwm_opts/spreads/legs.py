"""Choosing legs: rows of an option table by right, delta and distance; packages are rows of indices into it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN, Right
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SAME_STRIKE = 1e-6  # dollars: strikes this close are the same one
WIDTH_SLACK = 0.10  # share of its width by which a wing may miss it


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
    """Distance of the long leg from the short one: a width in dollars or an absolute delta."""

    width: float | None = None
    delta: float | None = None

    def __post_init__(self) -> None:
        if (self.width is None) == (self.delta is None):
            raise InputError(
                "wing", f"width {self.width}, delta {self.delta}", "is one of the two", "give a width or a delta"
            )
        if self.width is not None and not 0.0 < self.width < np.inf:
            raise InputError("width", self.width, "must be positive", "give dollars between the strikes")
        if self.delta is not None and not 0.0 < self.delta < 1.0:
            raise InputError("wing_delta", self.delta, "must lie in (0, 1)", "give for instance 0.05")


@dataclass(frozen=True, slots=True, eq=False)
class Packages:
    """Packages of one strategy on one expiration, legs in ascending strike."""

    strategy: str
    index: Index  # rows of the option table, shape (n, legs)
    legs: Legs  # what the columns are
    is_credit: bool  # sold for a credit: without one there is no trade
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

    A width takes the nearest listed strike and refuses one that misses it by more than a tenth; a delta takes
    the nearest strike strictly beyond the anchor.
    """
    index = np.full(len(anchor), -1, dtype=np.intp)
    for position, row in enumerate(anchor):
        same = np.flatnonzero(table.right == table.right[row])
        beyond = same[direction * (table.strike[same] - table.strike[row]) > SAME_STRIKE]
        if wing.width is not None:
            miss = np.abs(np.abs(table.strike[beyond] - table.strike[row]) - wing.width)
            beyond, miss = beyond[miss <= wing.width * WIDTH_SLACK], miss[miss <= wing.width * WIDTH_SLACK]
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
