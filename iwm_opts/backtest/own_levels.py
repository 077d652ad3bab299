"""Profit targets and stops of a caller's own, by day of entry or by sessions held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.prices import BookPrices
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import check_profit, price_level
from iwm_opts.kernels.backtest.exits import NOISE
from iwm_opts.kernels.backtest.state import CARRIED
from iwm_opts.market.signals import by_date, on_days

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OwnLevels:
    """Levels by name, `profit` or `stop`, each with a day of the market or a number of sessions held as index."""

    by_name: "dict[str, pd.Series[float]]"

    def on(self, days: Sequence[date]) -> "OwnLevels":
        """Levels by day on each day of a market; see `signals.on_days`."""
        return OwnLevels({
            name: levels if is_by_session(levels) else on_days(name, levels, days)
            for name, levels in self.by_name.items()
        })  # fmt: skip

    def passages(self, book: Book, prices: BookPrices) -> dict[str, NDArray[np.int32]]:
        """First row of each life on which a level is reached, the row after its quotes for none; by name.

        The book is complete and priced.
        """
        life, owner, close = book.lifetimes, book.owner, prices.closing.close
        stop, rows = life.last + 1 - life.settles, np.arange(book.row_count)
        is_traded = (rows > life.first[owner]) & (rows < stop[owner]) & (book.arrays.marks[CARRIED] == 0)
        credit = prices.entry.credit[owner]
        passages = {}
        for name, levels in self.by_name.items():
            level = self._by_row(levels, book)
            if name == "stop":
                is_reached = -close >= credit + level * np.abs(credit) - NOISE
            else:
                is_reached = close >= level * np.abs(credit) - credit - NOISE
            reached = rows[is_traded & is_reached]  # NaN, of quotes or of a level, reaches nothing
            passage = stop.astype(np.int32)
            np.minimum.at(passage, owner[reached], reached)
            passages[name] = passage
        return passages

    @staticmethod
    def _by_row(levels: "pd.Series[float]", book: Book) -> Array:
        values, entry = np.append(np.nan, levels.to_numpy(dtype=np.float64)), book.lifetimes.entry[book.owner]
        if not is_by_session(levels):
            return values[1 + entry]
        held = book.days.session[book.place] - book.days.session[entry]
        return values[np.searchsorted(levels.index.to_numpy(), held, side="right")]


def is_by_session(levels: "pd.Series[Any]") -> bool:
    """Whether levels are by sessions held, whole numbers, and not by date."""
    return pd.api.types.is_integer_dtype(levels.index.dtype)


def checked_levels(name: str, levels: "pd.Series[Any]", *, is_credit: bool) -> "pd.Series[float]":
    """Return levels that a rule takes, with dates or ascending sessions held as index.

    Raises
    ------
    InputError
        For a level out of range, an index that is neither, or one that holds a value twice.
    """
    values = pd.to_numeric(levels, errors="coerce").astype(np.float64)
    if (values.isna() & levels.notna()).any():
        raise InputError(name, str(levels.dtype), "must hold numbers", "NaN is off; half of the credit is 0.5")
    for bound in (values.min(), values.max()):
        level = None if np.isnan(bound) else price_level(name, float(bound))
        if name == "profit":
            check_profit(level, is_credit=is_credit)
    if not is_by_session(values):
        return by_date(name, values)
    if values.index.has_duplicates or not values.index.min() >= 1:
        rule = "sessions held must be at least 1, each once"
        raise InputError(name, values.index.tolist()[:3], rule, "the first session after the entry is 1")
    return values.sort_index()
