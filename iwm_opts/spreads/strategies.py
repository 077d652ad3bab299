"""Strategies that a screen builds packages of: iron condor, vertical, single option, or legs of your own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

import numpy as np
import pandas as pd

from iwm_opts.conventions import (
    DEBIT_DELTA,
    RIGHT_SIGN,
    SINGLE_DELTA,
    STRATEGY,
    Right,
    VerticalKind,
)
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.io.fraction import parse_fraction
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import SAME_STRIKE, DeltaRange, Packages, Wing, rows_of, whole
from iwm_opts.spreads.single import long_options
from iwm_opts.spreads.vertical import is_credit, verticals

Fraction = float | str  # 0.16 or "16%"
Delta = Fraction | tuple[Fraction, Fraction]  # |delta|: the nearest strike, or every strike from low to high
Width = float | str  # between short and long strike: 5 (dollars), "2%" (of spot) or "0.6sd"
Widths = Width | tuple[Width, ...]

CREDIT_KINDS: Final[tuple[VerticalKind, ...]] = ("bull-put", "bear-call")
LEG_COLUMNS: Final = ("expiration", "right", "strike", "contracts")


class Strategy(Protocol):
    """A rule that builds packages from the options of one expiration."""

    def packages(self, table: OptionTable) -> Sequence[Packages]:
        """Return packages of one expiration, one entry a kind."""


@dataclass(frozen=True, slots=True)
class IronCondor:
    """A put spread sold below the price and a call spread above it.

    Parameters
    ----------
    short_delta : float, str or a pair of them
        |delta| of the short strikes, 0.16 or "16%": the nearest strike to one value, every strike within a range.
    width : float or str, or tuple of them, optional
        Between short and long strike, to the nearest listed: 5 dollars, "2%" of the spot, "0.6sd" to expiration; each
        of several is tried. 5 unless given.
    put_delta, call_delta : float or (float, float), optional
        `short_delta` of one side alone.
    put_width, call_width : float or str, optional
        `width` of one side alone.
    wing_delta : float, optional
        |delta| of the long strikes, in place of a width.

    Raises
    ------
    ConflictError
        When widths contradict `wing_delta` or each other.
    """

    short_delta: Delta = STRATEGY.short_delta
    width: Widths | None = None
    put_delta: Delta | None = None
    call_delta: Delta | None = None
    put_width: Width | None = None
    call_width: Width | None = None
    wing_delta: Fraction | None = None

    def __post_init__(self) -> None:
        if self.put_width is not None and self.call_width is not None and _given(self.width):
            raise ConflictError("width", self.width, "put_width and call_width already define both sides", "omit it")
        self._wings()
        self._deltas()

    def packages(self, table: OptionTable) -> Sequence[Packages]:
        """Condors of one expiration, both sides balanced; see `iron_condors`."""
        return [iron_condors(table, *self._deltas(), self._wings())]

    def _deltas(self) -> tuple[DeltaRange, DeltaRange]:
        put, call = self.put_delta or self.short_delta, self.call_delta or self.short_delta
        return delta_range(put), delta_range(call)

    def _wings(self) -> list[tuple[Wing, Wing]]:
        common = wings_of(self.width, self.wing_delta)
        put, call = (None if side is None else Wing.parse(side) for side in (self.put_width, self.call_width))
        return [(put or wing, call or wing) for wing in common]


@dataclass(frozen=True, slots=True)
class Vertical:
    """One option bought and one sold, same right and expiration.

    Parameters
    ----------
    kind : str or tuple of str
        Of `bull-put`, `bear-call` (credit), `bull-call`, `bear-put` (debit); each of several is built.
    short_delta : float or (float, float)
        |delta| of the short leg of a credit spread.
    long_delta : float or (float, float)
        |delta| of the long leg of a debit spread.
    width, wing_delta
        As in `IronCondor`.
    """

    kind: VerticalKind | tuple[VerticalKind, ...] = CREDIT_KINDS
    short_delta: Delta = STRATEGY.short_delta
    long_delta: Delta = DEBIT_DELTA
    width: Widths | None = None
    wing_delta: Fraction | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            delta_range(self.short_delta if is_credit(kind) else self.long_delta)
        wings_of(self.width, self.wing_delta)

    @property
    def kinds(self) -> tuple[VerticalKind, ...]:
        """Kinds as a tuple."""
        return (self.kind,) if isinstance(self.kind, str) else self.kind

    def packages(self, table: OptionTable) -> Sequence[Packages]:
        """Verticals of one expiration; see `verticals`."""
        wings = wings_of(self.width, self.wing_delta)
        short, long = delta_range(self.short_delta), delta_range(self.long_delta)
        return [verticals(table, kind, short if is_credit(kind) else long, wings) for kind in self.kinds]


@dataclass(frozen=True, slots=True)
class SingleOption:
    """One long option.

    Parameters
    ----------
    right : {"C", "P"} or both
    delta : float or (float, float)
        |delta|: the nearest strike to one value, every strike within a range.
    """

    right: Right | tuple[Right, ...] = ("C", "P")
    delta: Delta = SINGLE_DELTA

    def __post_init__(self) -> None:
        delta_range(self.delta)

    def packages(self, table: OptionTable) -> Sequence[Packages]:
        """Long options of one expiration; see `long_options`."""
        delta = delta_range(self.delta)
        rights = self.right if isinstance(self.right, tuple) else (self.right,)
        return [long_options(table, right, delta) for right in rights]


@dataclass(frozen=True, slots=True, eq=False)
class OwnPackages:
    """Packages of your own, one leg a row.

    Parameters
    ----------
    legs : DataFrame
        Columns expiration (date), right (`C` or `P`), strike (dollars) and contracts (1 long, -1 short), and package
        (any label) where there are several packages. All legs of a package have one expiration.

    Raises
    ------
    InputError
        When a column is missing, or a value is not one of these.
    """

    legs: pd.DataFrame
    name: str = "own"
    _kinds: dict[date, dict[tuple[tuple[int, int], ...], list[tuple[float, ...]]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        missing = [name for name in LEG_COLUMNS if name not in self.legs]
        if missing:
            raise InputError("legs", list(self.legs.columns), f"column {missing[0]} is missing", "add it")
        legs = self.legs.assign(
            package=self.legs.get("package", 0),
            expiration=pd.to_datetime(self.legs["expiration"]).dt.date,
            right=self.legs["right"].map(RIGHT_SIGN),
        )
        for name, is_valid in (("right", legs["right"].isin((-1, 1))), ("contracts", legs["contracts"].isin((-1, 1)))):
            if not is_valid.all():
                value = self.legs[name][~is_valid].iloc[0]
                remedy = "write C or P" if name == "right" else "write 1 (long) or -1 (short)"
                raise InputError(name, value, "invalid leg", remedy)
        kinds: dict[date, dict[tuple[tuple[int, int], ...], list[tuple[float, ...]]]] = {}
        for label, package in legs.sort_values("strike", kind="stable").groupby("package", sort=False):
            if len(set(package["expiration"])) > 1:
                raise InputError("package", label, "the legs have several expirations", "give one expiration")
            shape = tuple(zip(package["contracts"].astype(int), package["right"].astype(int), strict=True))
            of_day = kinds.setdefault(package["expiration"].iloc[0], {})
            of_day.setdefault(shape, []).append(tuple(package["strike"].astype(float)))
        object.__setattr__(self, "_kinds", kinds)

    @property
    def expirations(self) -> tuple[date, date]:
        """First and last expiration."""
        return min(self._kinds), max(self._kinds)

    def packages(self, table: OptionTable) -> Sequence[Packages]:
        """Return packages that expire with a table; a strike that is not listed makes a package incomplete."""
        shapes = self._kinds.get(table.expiration, {})
        built = []
        for shape, strikes in shapes.items():
            columns = []
            for (_, right), level in zip(shape, np.array(strikes).T, strict=True):
                rows = rows_of(table, "C" if right > 0 else "P")
                nearest = rows[np.abs(table.strike[rows][None, :] - level[:, None]).argmin(axis=1)]
                columns.append(np.where(np.abs(table.strike[nearest] - level) <= SAME_STRIKE, nearest, -1))
            legs = Legs.of([sign for sign, _ in shape], [right for _, right in shape])
            built.append(whole(self.name, np.column_stack(columns), legs, is_credit=False))
        return built


def delta_range(value: Delta) -> DeltaRange:
    """One |delta| or a range of them, validated."""
    low, high = value if isinstance(value, tuple) else (value, value)
    remedy = 'give 0.16, "16%" or a pair of them'
    return DeltaRange(parse_fraction(low, "delta", remedy), parse_fraction(high, "delta", remedy))


def wings_of(width: Widths | None, wing_delta: Fraction | None) -> list[Wing]:
    """Wings of one or several widths, or of a delta; the default width where neither is given.

    Raises
    ------
    ConflictError
        When both are given.
    """
    if wing_delta is not None:
        if _given(width):
            raise ConflictError("width", width, "contradicts wing_delta", "give one of them")
        return [Wing(delta=parse_fraction(wing_delta, "wing_delta", 'give 0.05 or "5%"'))]
    widths = width if isinstance(width, tuple) else (width,)
    return [Wing.parse(STRATEGY.width if item is None else item) for item in widths or (None,)]


def _given(width: Widths | None) -> bool:
    return width is not None and width != ()
