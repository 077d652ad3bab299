"""Schemas of series: what each column of a table may hold, checked before any is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.reader import Frame, number_columns
from iwm_opts.io.series_notes import REPEATED
from iwm_opts.io.twins import difference, other_columns
from iwm_opts.market.ranges import LARGEST_PRICE

NAMED_YEARS: Final = 6  # in a message
LARGEST_DIVIDEND: Final = 1_000.0  # dollars a share: more is a price or a total, not a dividend


@dataclass(frozen=True, slots=True)
class Column:
    """Finite numbers of a column, bounds included; `breach` is what a row without one does, for messages."""

    breach: str
    low: float
    high: float = float(np.finfo(np.float64).max)
    may_be_blank: bool = False

    def broken_by(self, values: "pd.Series[float]") -> "pd.Series[bool]":
        """Rows with another number."""
        blank = values.isna() if self.may_be_blank else False
        return ~(values.between(self.low, self.high) | blank)


TINY: Final = float(np.nextafter(0.0, 1.0))
PRICE_COLUMNS: Final = {
    name: Column(f"has no positive {name} below {LARGEST_PRICE:,.0f}", TINY, LARGEST_PRICE)
    for name in ("open", "high", "low", "close")
}
BARS: Final = {
    **PRICE_COLUMNS,
    "volume": Column("has a volume that is negative or infinite", 0.0, may_be_blank=True),
    "dividend": Column(
        f"has a dividend that is negative or above {LARGEST_DIVIDEND:,.0f}", 0.0, LARGEST_DIVIDEND, may_be_blank=True
    ),
    "adjusted_close": Column("has no positive adjusted_close", TINY, may_be_blank=True),
    "split": Column("has no positive split", TINY, may_be_blank=True),
}
MINUTES: Final = {
    **{name: Column("has a price that is not positive", TINY, LARGEST_PRICE) for name in PRICE_COLUMNS},
    "volume": Column("has no volume of zero or more", 0.0, 1e12),
}


def check(frame: Frame, schema: Mapping[str, Column]) -> None:
    """Refuse the first row of figures that breaks a schema.

    Raises DataError that names row, day and rule, and counts such rows by year.
    """
    for name, column in schema.items():
        if name in frame.cells:
            check_no_rows(frame, column.broken_by(frame.cells[name]), column.breach, name)


def check_ranges(frame: Frame, slack: float) -> None:
    """Refuse bars whose open, high or close lies outside low and high by more than a fraction of the close."""
    bars = frame.cells
    room = slack * bars["close"]
    for name in ("open", "close", "high"):
        outside = (bars[name] > bars["high"] + room) | (bars[name] < bars["low"] - room)
        check_no_rows(frame, outside, f"has its {name} outside low and high", "range")


def once_a_day(frame: Frame, what: str) -> Frame:
    """Rows of each day once, with a note; other figures of a day are refused."""
    again = frame.cells["day"].duplicated()
    if not again.any():
        return frame
    check_no_rows(frame, again & ~frame.cells.duplicated(), f"has another {what} of that day before it", "date")
    first = frame.row(int(np.argmax(again)))
    return frame.kept(~again.to_numpy(), f"{counted(int(again.sum()), *REPEATED)} (first: {first})")


def check_no_rows(frame: Frame, wrong: "pd.Series[bool]", rule: str, field: str) -> None:
    """Refuse rows of figures that break a rule, counted by year."""
    if not wrong.any():
        return
    days = frame.cells["day"]
    place = int(np.argmax(wrong.to_numpy()))
    years = days[wrong.to_numpy()].dt.year.value_counts().sort_index()
    count = ", ".join(f"{year}: {rows}" for year, rows in list(years.items())[:NAMED_YEARS])
    also = f"; {int(wrong.sum())} such rows ({count})" if wrong.sum() > 1 else ""
    day = f"{days.iloc[place]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    raise DataError(frame.path, f"{frame.row(place)}, {day}, {rule}{also}", "correct or remove the row", field)


def series_twins(frame: Frame, used: Mapping[str, str], names: Mapping[str, Sequence[str]]) -> list[str]:
    """Name columns of a series that have the meaning of a used one, of those names by role, and other numbers."""
    notes = []
    for role, name in used.items():
        for other in other_columns(frame.names, names[role], name):
            try:
                figures, _ = number_columns(frame, [name, other])
            except DataError:
                continue
            notes.append(difference(role, name, other, figures[name].to_numpy(), figures[other].to_numpy()))
    return [note for note in notes if note]
