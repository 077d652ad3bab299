"""What trading costs, as kernels read it, and the prices of a book's packages under it."""

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.rules import Costs
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.backtest import book as records
from iwm_opts.kernels.backtest.book import FOUR_LEGS, Desk, Fill, Prices, scratch
from iwm_opts.kernels.backtest.day_loop import price_packages

Array = NDArray[np.float64]

PIN_DISTANCE = 0.5  # dollars from a short strike within which nobody knows what will be exercised


def kernel_costs(costs: Costs, legs: int, tick: float) -> records.Costs:
    """Fills and fees of packages of so many legs.

    Raises
    ------
    InputError
        When a convention does not know so many legs.
    """
    entry, out, stop = (kernel_fill(model, legs, tick) for model in (costs.entry, costs.exit, costs.stop))
    return records.Costs(entry, out, stop, costs.fees.charges)


def kernel_fill(model: FillModel, legs: int, tick: float) -> Fill:
    """A fill convention for packages of so many legs, and for what is left of them after an assignment."""
    share = np.full(FOUR_LEGS, np.nan)
    for count in range(1, legs + 1):
        share[count] = model.share(count)
    return Fill(share, model.kind == "fraction", 0.0 if model.kind == "mid" else 1.0 / tick)


def blank_prices(book: Book) -> Prices:
    """Prices of a book that nobody has asked for yet."""
    n, rows = len(book), int(book.lives.offset[-1])
    packages = (np.full(n, np.nan) for _ in range(6))
    return Prices(np.zeros(n, dtype=np.int64), *packages, *(np.full(rows, np.nan) for _ in range(3)))


def desk_of(book: Book, costs: records.Costs, prices: Prices, most_open: int = 0) -> Desk:
    """A book and its prices as kernels read them, for one thread; `most_open` packages at a time have room.

    The ranks of `book.days` are unknown: see `engine.Prepared.desk`.
    """
    room = scratch(len(book.legs), len(book.days.ordinal), most_open)
    return Desk(book.surface, book.days, book.lives, book.kernel_legs, costs, book.quotes, prices, room)


def price_book(book: Book, costs: records.Costs, prices: Prices, start: int = 0, stop: int | None = None) -> None:
    """Price every package as far as it is quoted and not priced yet."""
    price_packages(desk_of(book, costs, prices), start, len(book) if stop is None else stop)
