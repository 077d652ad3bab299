"""Prices of a book's packages under a set of costs, and the arrays that kernels read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.rules import Costs
from iwm_opts.conventions import DELIVERY_GAP
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.backtest import state
from iwm_opts.kernels.backtest.day_loop import price_packages
from iwm_opts.kernels.backtest.state import Closing, Prices, State, blank_buffers

Array = NDArray[np.float64]

PIN_DISTANCE = 0.5  # dollars from a short strike within which exercise is uncertain


@dataclass(frozen=True, slots=True, eq=False)
class BookPrices:
    """Prices of n packages and of closing them on each row, as far as they are known."""

    packages: Array  # shape (n, len(Prices._fields))
    rows: Array  # shape (len(Closing._fields), rows)

    @property
    def entry(self) -> Prices:
        """Prices of each package, shape (n,)."""
        return Prices._make(self.packages.T)

    @property
    def closing(self) -> Closing:
        """Prices of closing, shape (rows,)."""
        return Closing._make(self.rows)


def cost_terms(costs: Costs, legs: int, tick: float) -> Array:
    """Return fills, fees and delivery gap of packages of so many legs, from ENTRY_FILL on in `State.setup`.

    Raises
    ------
    InputError
        When a convention does not know so many legs.
    """
    fills = [fill_terms(model, legs, tick) for model in (costs.entry, costs.exit, costs.stop)]
    return np.concatenate([*fills, np.array([*costs.fees.charges, DELIVERY_GAP], dtype=np.float64)])


def fill_terms(model: FillModel, legs: int, tick: float) -> Array:
    """Fill convention for packages of so many legs, and for the legs left after an assignment."""
    terms = np.full(state.FILL_SIZE, np.nan)
    for count in range(1, legs + 1):
        terms[count] = model.share(count)
    terms[state.IS_FLOORED] = model.kind == "fraction"
    terms[state.TICKS_PER_DOLLAR] = 0.0 if model.kind == "mid" else 1.0 / tick
    return terms


def blank_prices(book: Book) -> BookPrices:
    """Prices of a book, none known yet."""
    return BookPrices(*state.blank_prices(len(book), book.row_count))


def state_of(book: Book, costs: Array, prices: BookPrices, max_open: int = 0, ranks: Array | None = None) -> State:
    """Arrays that kernels read, for one thread.

    Parameters
    ----------
    book : Book
    costs : ndarray
        See `cost_terms`.
    prices : BookPrices
        Written as the kernels need them.
    max_open : int
        Packages that may be open at a time.
    ranks : ndarray, shape (days,), optional
        IV rank known on each day; unknown unless given.
    """
    arrays = book.arrays
    setup = np.concatenate([arrays.coefficients, [book.puts, len(book.legs) - book.puts, book.rule.is_credit], costs])
    days = arrays.days if ranks is None else arrays.days.copy()
    if ranks is not None:
        days[state.RANK] = ranks
    return State(
        days, arrays.of_day, arrays.lifetimes, arrays.terms, arrays.quotes, arrays.marks, arrays.surface,
        arrays.ladder, book.leg_rows, setup, prices.packages, prices.rows,
        blank_buffers(len(book.legs), days.shape[1], max_open),
    )  # fmt: skip


def price_book(book: Book, costs: Array, prices: BookPrices, start: int = 0, stop: int | None = None) -> None:
    """Price every package as far as it is quoted and not priced yet."""
    price_packages(state_of(book, costs, prices), start, len(book) if stop is None else stop)
