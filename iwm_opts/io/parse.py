"""What the cells of option files say: dates, times, rights, sizes and OCC symbols, each refused with row and column."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from iwm_opts.errors import DataError
from iwm_opts.market.calendar import NEW_YORK

T = TypeVar("T")

RIGHTS: Final = {
    "C": "C",
    "CALL": "C",
    "CALLS": "C",
    "P": "P",
    "PUT": "P",
    "PUTS": "P",
}
AMERICAN_FORMS: Final = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%y")
YEARS: Final = range(1970, 2101)  # a later expiration or quote date is a slip, and calendars end
EPOCH_DIGITS: Final = {10: 1.0, 13: 1e3}  # seconds, milliseconds since 1970


def parse_right(text: str) -> str:
    """`C` or `P` from the words vendors use."""
    try:
        return RIGHTS[text.strip().upper()]
    except KeyError:
        raise ValueError("is no right: C, P, call or put") from None


def parse_moment(text: str, zone: ZoneInfo) -> datetime | time:
    """A time of day, or an aware time in New York; `zone` holds where none is written."""
    text = text.strip()
    if text.isdigit() and len(text) in EPOCH_DIGITS:
        return _in_range(datetime.fromtimestamp(int(text) / EPOCH_DIGITS[len(text)], NEW_YORK))
    found = _iso(text) or _american(text)
    if found is None:
        raise ValueError("is no date or time")
    if isinstance(found, time):
        return found
    _in_range(found)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(NEW_YORK)


def _in_range(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(f"lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return moment


def _iso(text: str) -> datetime | time | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def _american(text: str) -> datetime | None:
    for form in AMERICAN_FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    return None


def parse_day(text: str) -> date:
    """The day as written: a midnight in another zone stays the day it names."""
    text = text.strip()
    if text.isdigit() and len(text) in EPOCH_DIGITS:
        return _in_range(datetime.fromtimestamp(int(text) / EPOCH_DIGITS[len(text)], UTC)).date()
    found = _iso(text) or _american(text)
    if not isinstance(found, datetime):
        raise ValueError("is no date")
    _in_range(found)
    if found.tzinfo and found.time() != time():
        found = found.astimezone(NEW_YORK)
    return found.date()


def parse_size(text: str) -> tuple[float, float]:
    """Bid and ask size from `12 x 34`."""
    bid, _, ask = text.partition("x")
    try:
        return float(bid), float(ask)
    except ValueError:
        raise ValueError("is no size: 12 x 34") from None


def parsed(
    cells: Any, parse: Callable[[str], T], source: object, column: str, lines: NDArray[np.int64]
) -> tuple[list[T | None], NDArray[np.int64]]:
    """Distinct values of a dictionary column, each parsed once, and the place of every cell's value among them.

    The last of the values is None and stands for empty cells.

    Raises
    ------
    DataError
        Names row, column and value of the first cell that cannot be parsed.
    """
    texts = cells.dictionary.to_pylist()
    codes = cells.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False).astype(np.int64)
    known: list[T | None] = []
    for code, text in enumerate(texts):
        try:
            known.append(None if text is None else parse(text))
        except (ValueError, OverflowError) as error:
            rows = np.flatnonzero(codes == code)
            if len(rows):
                rule = f"row {lines[rows[0]]}, column {column.strip()}: {text!r} {error}"
                raise DataError(source, rule, "correct the cell") from None
            known.append(None)  # a value of rows that were left out
    return [*known, None], codes
