"""Cells of option and series files as dates, times, rights and sizes, each refused with row and column."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import YEARS
from iwm_opts.errors import DataError
from iwm_opts.io.limits import MAX_CELL
from iwm_opts.io.zones import offset_of, without_zone
from iwm_opts.market.calendar import NEW_YORK

T = TypeVar("T")
Order = Literal["mdy", "dmy", "ymd"]

FORM_NAMES: Final[dict[Order, str]] = {"mdy": "MM/DD/YYYY", "dmy": "DD/MM/YYYY", "ymd": "YY-MM-DD"}
RIGHTS: Final = {**dict.fromkeys(("C", "CALL", "CALLS", "CE"), "C"), **dict.fromkeys(("P", "PUT", "PUTS", "PE"), "P")}
YES: Final = ("true", "1", "1.0", "yes", "y")
EPOCH_DIGITS: Final = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}  # units a second, by digits: s, ms, us, ns since 1970
COARSE: Final = 600.0  # seconds between numbers that a rounded epoch separates; coarser epochs give no time
SECONDS_A_DAY: Final = 86_400
MONTHS_A_YEAR: Final = 12  # a larger number in a date is its day
COMPACT_DIGITS: Final = (8, 12, 14)  # of YYYYMMDD, with hours and minutes, with seconds
EXCEL_DIGITS: Final = 5  # days since 1899-12-30: 1970 to 2101 are 25569 to 73051
EXCEL_EPOCH: Final = date(1899, 12, 30)
FORMS: Final = "write YYYY-MM-DD; MM/DD/YYYY, 02-Oct-2026, Oct 2, 2026, YY-MM-DD, YYYYMMDD and epochs are read too"

_MONTHS: Final = "january february march april may june july august september october november december"
MONTHS: Final = {name: number for number, month in enumerate(_MONTHS.split(), 1) for name in (month, month[:3])} | {
    "sept": 9
}
PLAIN_LENGTH: Final = len("2026-10-02")
NUMERIC: Final = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")  # 10/02/2026, 2.10.26
YEAR_FIRST: Final = re.compile(r"(\d{4})([/.-]?)(\d{1,2})\2(\d{1,2})(?!\d)")  # 2026/10/02, 20261002
_WEEKDAY: Final = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
MONTH_FIRST: Final = re.compile(
    _WEEKDAY + r"([a-z]{3,9})\.?[ -]*(\d{1,2})(?:st|nd|rd|th)?,?[ -]+(\d{4})", re.IGNORECASE
)
DAY_FIRST: Final = re.compile(_WEEKDAY + r"(\d{1,2})[ -]*([a-z]{3,9})\.?,?[ -]*(\d{4}|\d{2})(?!\d)", re.IGNORECASE)
CLOCK: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap]\.?m\.?)?\s*"
    r"([A-Z]{1,7}|(?:GMT|UTC)?[+-]\d{2}:?\d{2}|(?:GMT|UTC)[+-]\d{1,2})?(?: \([A-Za-z ]{1,40}\))?",
    re.IGNORECASE,
)
OF_DAY: Final = re.compile(r"\d\d:|(?:\d{4}|\d{6})(?![\d-])")  # 15:45, 1545, 154500
DOTTED_CLOCK: Final = re.compile(r"[ T]\d\d\.")  # 09.30: 9:30 to a person, 9 hours and 0.3 seconds to Python
EXCEL_MOMENT: Final = re.compile(rf"(\d{{{EXCEL_DIGITS}}})(\.\d*[1-9]\d*)")  # 46297.65625: days and a part of one
WHOLE_FLOAT: Final = re.compile(r"(\d+)\.0*|\d+(?:\.\d+)?e\+?\d+", re.IGNORECASE)  # 20261002.0, 1.7908992e+18


class RoundedError(ValueError):
    """An epoch in scientific notation has lost its last digits."""


def parse_right(text: str) -> str:
    """`C` or `P` from the words vendors use."""
    try:
        return RIGHTS[text.strip().upper()]
    except KeyError:
        raise ValueError("is not a right: C, P, call or put") from None


def parse_flag(text: str, yes: Collection[str] = YES) -> bool:
    """Whether a cell says yes."""
    return text.strip().lower() in yes


def parse_morning(text: str) -> bool | None:
    """Whether options settle on the open (`A`, `AM`, 1) and not on the close (`P`, `PM`, 0); None of another word."""
    return {"a": True, "am": True, "1": True, "p": False, "pm": False, "0": False}.get(text.strip().lower())


@lru_cache(maxsize=1 << 14)  # readers try orders on the same cells, and series share their days
def parse_moment(text: str, zone: ZoneInfo, order: Order = "mdy") -> datetime | date | time:
    """Cell of a time column: an aware time in New York, a date, or a time of day.

    It is a date where it has no time of day, or midnight as written or in New York (no market is open at midnight:
    files write dates so). `zone` is that of times without one, `order` that of dates in digits without the year first.

    Raises ValueError when it is none of these, or outside `YEARS`.
    """
    if len(text) == PLAIN_LENGTH and (day := _plain(text, order)):
        return _in_range(day)
    text, named = without_zone(text.strip())
    zone = named or zone
    value: datetime | date | time | None = None
    if "-" in text[4:5]:  # the two forms of most files first: others are tried in turn
        value = _iso(text)
    elif NUMERIC.fullmatch(text):
        value = _spelled(text, order)
    if value is None:
        try:
            value = _of_digits(text)
        except RoundedError:
            raise
        except (ValueError, OverflowError, OSError):
            raise ValueError("is not a date or time") from None
        value = value or _iso(text) or _spelled(text, order)
    if value is None:
        raise ValueError("is not a date or time")
    if isinstance(value, time):
        return value
    if not isinstance(value, datetime):
        return _in_range(value)
    if value.time() == time():
        return _in_range(value.date())
    _in_range(value)
    moment = (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(NEW_YORK)
    return moment.date() if value.tzinfo and moment.time() == time() else moment


def parse_day(text: str, order: Order = "mdy") -> date:
    """Day as written: a midnight in another zone stays the day it names."""
    try:
        value = parse_moment(text, NEW_YORK, order)
    except ValueError as error:
        raise ValueError(str(error).replace("a date or time", "a date")) from None
    if isinstance(value, time):
        raise ValueError("is not a date")
    return value.date() if isinstance(value, datetime) else value


def _plain(text: str, order: Order) -> date | None:
    """2026-10-02 and 10/02/2026, as in most files: ten times as fast as all forms in turn."""
    first, between, second, behind, year = text[:2], text[2], text[3:5], text[5], text[6:]
    try:
        if between == behind == "/":
            fields = {"mdy": (first, second), "dmy": (second, first)}
            return date(int(year), *map(int, fields[order])) if order in fields else None
        return date.fromisoformat(text) if text[4] == text[7] == "-" else None
    except ValueError:
        return None


def _in_range(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return day


def _of_digits(text: str) -> datetime | date | None:
    """Epochs in seconds to nanoseconds, YYYYMMDD and Excel's days; also as floats, the way pandas writes them."""
    if WHOLE_FLOAT.fullmatch(text):
        number = int(float(text))
        digits, _, power = text.lower().partition("e")
        units = EPOCH_DIGITS.get(len(str(number)), 0)
        if power and units and number // units % SECONDS_A_DAY:
            step = 10 ** (int(power) - len(digits.partition(".")[2])) / units
            if step > COARSE:
                raise RoundedError("was rounded by a spreadsheet: its date is lost")
        text = str(number if power else int(digits.partition(".")[0]))
    if match := EXCEL_MOMENT.fullmatch(text):
        seconds = round(float(match[2]) * SECONDS_A_DAY)
        return datetime.combine(EXCEL_EPOCH, time()) + timedelta(days=int(match[1]), seconds=seconds)
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) in EPOCH_DIGITS:
        moment = datetime.fromtimestamp(int(text) // EPOCH_DIGITS[len(text)], UTC)
        return moment.date() if moment.time() == time() else moment.astimezone(NEW_YORK)
    if len(text) in COMPACT_DIGITS:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        return day if len(text) == COMPACT_DIGITS[0] else datetime.combine(day, time.fromisoformat(text[8:]))
    if len(text) == EXCEL_DIGITS:
        return EXCEL_EPOCH + timedelta(days=int(text))
    return None


def _iso(text: str) -> datetime | date | time | None:
    if DOTTED_CLOCK.search(text):
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return value if len(text) > PLAIN_LENGTH else value.date()
    try:
        return time.fromisoformat(text) if OF_DAY.match(text) else None
    except ValueError:
        return None


def _spelled(text: str, order: Order) -> datetime | date | time | None:
    """Dates of digits or month names, with or without a time of day behind them."""
    fields = _date_fields(text, order)
    rest = text[fields[1] :].lstrip(" ,T") if fields else text
    rest = rest.removeprefix("at ").removeprefix("@ ").strip()
    clock = CLOCK.fullmatch(rest) if rest else None
    if rest and clock is None:
        return None
    try:
        day = date(*fields[0]) if fields else None
        moment = None
        if clock:
            hour, minute, second, half, zone = clock.groups()
            hours = int(hour)
            if half:
                if not 1 <= hours <= 12:
                    return None
                hours = hours % 12 + 12 * (half[0].lower() == "p")
            moment = time(hours, int(minute), int(second or 0), tzinfo=offset_of(zone) if zone else None)
    except ValueError:
        return None
    if day is None or moment is None:
        return day or moment
    return datetime.combine(day, moment)


def _date_fields(text: str, order: Order) -> tuple[tuple[int, int, int], int] | None:
    """Year, month and day, and where they end."""
    if match := YEAR_FIRST.match(text):
        year, _, month, day = match.groups()
    elif match := NUMERIC.match(text):
        first, _, second, year = match.groups()
        if order == "ymd" and len(year) == 4:
            return None
        fields = {"mdy": (year, first, second), "dmy": (year, second, first), "ymd": (first, second, year)}
        year, month, day = fields[order]
    elif match := MONTH_FIRST.match(text):
        name, day, year = match.groups()
        month = str(MONTHS.get(name.lower(), 0))
    elif match := DAY_FIRST.match(text):
        day, name, year = match.groups()
        month = str(MONTHS.get(name.lower(), 0))
    else:
        return None
    century = 2000 if len(year) <= 2 else 0
    return (century + int(year), int(month), int(day)), match.end()


def numeric_dates(texts: Iterable[str | None]) -> list[str]:
    """Cells that write a date in digits without the year in front: which of the first two is the month is open."""
    return [text for text in texts if text and NUMERIC.match(text.strip())]


def check_not_half_turned(texts: Iterable[str], source: object) -> None:
    """Refuse a column of which a spreadsheet of the other order took the dates that exist in both, and left the rest.

    Excel set to DD/MM reads 02/10/2026 of a file in MM/DD as 2 October, and keeps 10/13/2026 as text.

    Raises DataError when every cell whose order is fixed has a day of at most 12, and no other cell has two such
    numbers.
    """
    distinct_texts = list(dict.fromkeys(text for text in texts if text))
    numeric = numeric_dates(distinct_texts)
    pairs = [(int(match[1]), int(match[3])) for text in numeric if (match := NUMERIC.match(text.strip()))]
    if not numeric or any(max(pair) <= MONTHS_A_YEAR for pair in pairs):  # such a date may exist in both orders
        return
    fixed = ""
    for text in distinct_texts:
        try:
            moment = None if NUMERIC.match(text.strip()) else parse_moment(text, NEW_YORK)
        except ValueError:
            continue
        if moment is None or isinstance(moment, time):
            continue
        if moment.day > MONTHS_A_YEAR:
            return
        fixed = fixed or text
    if fixed:
        rule = f"Excel turned day and month where the day is at most 12: no date like {fixed[:40]!r} has a later day, "
        rule += f"and every date like {numeric[0][:40]!r} has"
        raise DataError(
            source, rule, "download the file again, and read it as it is or import its dates as text", "dates"
        )


def order_error(cell: str, fits: Sequence[Order], source: object) -> DataError:
    """Error of a column of dates, such as one cell, that fit several orders of day and month or none."""
    if fits:
        both = " or ".join(str(parse_day(cell, order)) for order in fits)
        return DataError(source, f"dates such as {cell[:40]!r} are {both}: both fit", FORMS, "dates")
    rule = f"dates such as {cell[:40]!r} fit none of MM/DD/YYYY, DD/MM/YYYY and YY-MM-DD throughout"
    return DataError(source, rule, FORMS, "dates")


def days_in_order(texts: Iterable[str], order: Order) -> list[date] | None:
    """Days of cells read in one order; None where a cell is not a date then."""
    try:
        return [parse_day(text, order) for text in texts]
    except ValueError:
        return None


def parse_size(text: str) -> tuple[float, float]:
    """Bid and ask size from `12 x 34`."""
    bid, _, ask = text.partition("x")
    try:
        return float(bid), float(ask)
    except ValueError:
        raise ValueError("is not a size: 12 x 34") from None


def parsed(
    cells: Any, parse: Callable[[str], T], source: object, column: str, lines: NDArray[np.int64]
) -> tuple[list[T | None], NDArray[np.int64]]:
    """Distinct values of a dictionary column, each parsed once, and the place of every cell's value among them.

    The last of the values is None, for empty cells.

    Raises DataError that names row, column and value of the first cell that cannot be parsed.
    """
    texts = cells.dictionary.to_pylist()
    codes = cells.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False).astype(np.int64)
    values: list[T | None] = []
    for code, text in enumerate(texts):
        try:
            if text is not None and len(text) > MAX_CELL:
                raise ValueError(f"is longer than {MAX_CELL:,} characters")
            values.append(None if text is None else parse(text))
        except (ValueError, OverflowError) as error:
            rows = np.flatnonzero(codes == code)
            if len(rows):
                rule = f"row {lines[rows[0]]}, column {column.strip()}: {text[:60]!r} {getattr(error, 'rule', error)}"
                raise DataError(
                    source, rule, FORMS if "date" in str(error) else "correct the cell", column.strip()
                ) from None
            values.append(None)  # a value of rows that were left out
    return [*values, None], codes
