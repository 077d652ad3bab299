"""The book: every package the entry rule would open, one a day, and its quotes on each day of its life.

Made for a market and an entry rule. Gates, exits and sizes only choose from it, so that a strategy and the baselines it
is compared with share their marks. Nothing in it is decided with hindsight: a package is chosen on the quotes of its
own day, and what follows is only read as the days go by.

On a market priced by a surface nothing is chosen or marked before the day loop needs it, or `complete` is called; the
result is the same. Packages of recorded chains are chosen and marked when the book is made.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest import state
from iwm_opts.kernels.backtest.marks import mark_packages
from iwm_opts.kernels.backtest.state import Days, Lifetimes, State, Surface
from iwm_opts.sources.daily_quotes import Series
from iwm_opts.spreads.entry_rule import LEGS, EntryRule, wings_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


class BookArrays(NamedTuple):
    """The part of a kernel's `State` that is a book's; see there for meanings and shapes."""

    days: Array  # ranks unknown
    of_day: Places
    lifetimes: Places
    terms: Array
    quotes: Array
    marks: Places
    surface: Array
    coefficients: Array
    ladder: Array


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """n packages of equal legs, and their lives: package c on the rows first[c] to last[c].

    The first row of a life is the entry, one row a day of the market follows; the last one settles the package where
    the market goes that far.
    """

    legs: Legs
    rule: EntryRule
    series: tuple[Series, ...]  # shape (n,)
    arrays: BookArrays
    is_estimated: Flags  # whether the settlement price is a proxy for one that is not recorded; shape (n,)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def days(self) -> Days:
        """Days of the market, ranks unknown."""
        return Days._make(self.arrays.days)

    @property
    def lifetimes(self) -> Lifetimes:
        """Life of each package."""
        return Lifetimes._make(self.arrays.lifetimes.T)

    @property
    def strike(self) -> Array:
        """Strikes, shape (n, legs); NaN where not chosen."""
        return self.arrays.terms[:, state.STRIKE :]

    @property
    def settlement(self) -> Array:
        """Price that each package settles at, shape (n,); NaN without one."""
        return self.arrays.terms[:, state.SETTLEMENT]

    @property
    def bid(self) -> Array:
        """Bids, shape (legs, rows)."""
        return self.arrays.quotes[: len(self.legs)]

    @property
    def ask(self) -> Array:
        """Asks, shape (legs, rows)."""
        return self.arrays.quotes[len(self.legs) :]

    @property
    def row_count(self) -> int:
        """Rows of all lives."""
        return int(self.arrays.quotes.shape[1])

    @property
    def puts(self) -> int:
        """Legs that are puts."""
        return int((self.legs.right < 0).sum())

    @property
    def owner(self) -> Places:
        """Package of each row, shape (rows,)."""
        return np.repeat(np.arange(len(self)), self.lifetimes.last - self.lifetimes.first + 1)

    @property
    def place(self) -> Places:
        """Day index of each row, shape (rows,)."""
        life, owner = self.lifetimes, self.owner
        days: Places = life.entry[owner] + np.arange(len(owner)) - life.first[owner]
        return days

    @property
    def leg_rows(self) -> Array:
        """The legs as kernels read them, shape (5, legs)."""
        legs = self.legs
        return np.array([legs.sign, legs.right, legs.ratio, legs.contracts, -legs.sign], dtype=np.float64)

    def complete(self, start: int = 0, stop: int | None = None) -> "Book":
        """Choose and mark the remaining packages from `start` to `stop`, all unless given."""
        arrays = self.arrays
        if len(arrays.surface):
            stop = len(self) if stop is None else stop
            setup = np.concatenate([arrays.coefficients, [self.puts, len(self.legs) - self.puts, 0.0]])
            prices = state.blank_prices(0, 0)
            everything = State(
                arrays.days, arrays.of_day, arrays.lifetimes, arrays.terms, arrays.quotes, arrays.marks,
                arrays.surface, arrays.ladder, self.leg_rows, setup, *prices, state.blank_buffers(0),
            )  # fmt: skip
            mark_packages(everything, np.array(wings_of(self.rule)), start, stop)
        return self

    def with_rule(self, rule: EntryRule) -> "Book":
        """Book of the same expirations for a rule with other deltas or wings, on a market priced by a surface."""
        return self._blank(rule, self.arrays)

    def with_surface(self, surface: Surface) -> "Book":
        """Book of the same expirations on a surface of the same rows with other prices."""
        return self._blank(self.rule, self.arrays._replace(surface=surface.rows, coefficients=surface.coefficients))

    def surface_rows(self, entries: Flags, exit_dte: float | None = None) -> Flags:
        """Rows of the surface that packages entered on some days read, shape (rows,).

        Parameters
        ----------
        entries : ndarray of bool, shape (days,)
        exit_dte : float, optional
            Calendar days to expiration at which they are closed at the latest.
        """
        life, ordinal = self.lifetimes, self.days.ordinal
        length = life.last - life.first + 1 - life.settles
        if exit_dte is not None:
            closing = np.maximum(np.searchsorted(ordinal, life.expires - exit_dte), life.entry + 1)
            length = np.minimum(length, closing - life.entry + 1)
        first, stop = (row[entries[life.entry]] for row in (life.surface_row, life.surface_row + length))
        count = len(self.arrays.surface) // state.COLUMNS
        begun, ended = (np.bincount(row, minlength=count + 1) for row in (first, stop))
        is_read: Flags = np.cumsum(begun - ended)[:-1] > 0
        return is_read

    def _blank(self, rule: EntryRule, arrays: BookArrays) -> "Book":
        legs = Legs.of(*LEGS[rule.strategy])
        lifetimes, terms, quotes, marks = blank_lives(arrays.lifetimes, arrays.terms, len(legs))
        arrays = arrays._replace(lifetimes=lifetimes, terms=terms, quotes=quotes, marks=marks)
        return Book(legs, rule, self.series, arrays, self.is_estimated)


def blank_lives(lifetimes: Places, terms: Array, legs: int) -> tuple[Places, Array, Array, Places]:
    """Lifetimes, terms, quotes and marks of the same expirations with no package chosen."""
    n, rows = len(lifetimes), int(lifetimes[-1, state.LAST]) + 1 if len(lifetimes) else 0
    lifetimes = lifetimes.copy()
    lifetimes[:, state.CHOICE] = lifetimes[:, state.QUOTED] = 0
    strikes = np.full((n, legs), np.nan)
    return (
        lifetimes, np.hstack([terms[:, : state.STRIKE], strikes]), np.full((2 * legs, rows), np.nan),
        np.zeros((3, rows), dtype=np.int64),
    )  # fmt: skip
