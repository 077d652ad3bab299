"""Excel workbooks: the sheets that hold the table, joined where they hold parts of one."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from iwm_opts.conventions import some
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.formats import HEADER_NAMES
from iwm_opts.io.layouts.common import SYNONYMS
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.limits import MAX_COLUMNS, check_columns
from iwm_opts.io.option_symbols import parse_option_symbol
from iwm_opts.io.parse import RIGHTS, parse_day

Rows = Sequence[tuple[int, list[str]]]  # line number of the sheet and its cells, stripped; empty lines left out

WORKBOOK: Final = "xl/workbook.xml"
MAX_LINES: Final = 1 << 20  # of a sheet of Excel
MAX_CELLS: Final = 1 << 25  # of a sheet, blank ones between others too
HEADER_LINES: Final = 40  # of a sheet, among which its header is looked for
FEWEST_NAMES: Final = 2  # known names in a header
SHOWN: Final = 8  # sheets in a message
KNOWN: Final = HEADER_NAMES | {name for names in NAMES.values() for name in names}
DAY: Final = re.compile(
    r"\d{4}[-.]\d{1,2}[-.]\d{1,2}|\d{1,2}[-.]\d{1,2}[-.]\d{4}|(?<!\d)20\d{6}(?!\d)"
    r"|\d{1,2}[ -]?[a-z]{3,9}[ ,-]*(?:20)?\d{2}(?!\d)|[a-z]{3,9} \d{1,2},? 20\d{2}",
    re.IGNORECASE,
)
MONTH: Final = re.compile(r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", re.IGNORECASE)
NOT_WORDS: Final = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of a sheet."""

    name: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class _Table:
    """Sheet with the place of its header."""

    sheet: Sheet
    place: int

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return self.sheet.rows[self.place][1]

    def has(self, role: str) -> bool:
        """Whether a column has a name of a role."""
        return any(plain(cell) in SYNONYMS[role] for cell in self.header)

    def first(self, role: str) -> str:
        """First cell of the column of a role."""
        place = next(at for at, cell in enumerate(self.header) if plain(cell) in SYNONYMS[role])
        return next((cells[place] for _, cells in self.sheet.rows[self.place + 1 :] if len(cells) > place), "")


def sheets_of(content: bytes, path: Path) -> list[Sheet]:
    """Sheets of a workbook that hold any rows.

    Raises DataError without openpyxl, or for a workbook that is damaged, empty or beyond the limits.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise DataError(path, "is an Excel workbook", 'Install "iwm-opts[xlsx]", or save it as CSV') from None
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = []
        for sheet in book.worksheets:
            if (sheet.max_column or 0) > MAX_COLUMNS:
                sheet.reset_dimensions()  # as stated: whole columns may only be coloured
            rows, count = [], 0
            for line, values in enumerate(sheet.iter_rows(values_only=True, max_row=MAX_LINES), start=1):
                check_columns(path, len(values))
                count += len(values)
                if count > MAX_CELLS:
                    raise DataError(path, f"holds more than {MAX_CELLS:,} cells in a sheet", "save it as CSV", "size")
                if any(value not in (None, "") for value in values):
                    rows.append((line, list(map(_cell, values))))
            sheets.append(Sheet(sheet.title, rows))
    except DataError:
        raise
    except Exception as error:
        rule = f"is a damaged workbook: {type(error).__name__}: {str(error)[:80]}"
        raise DataError(path, rule, "save it again, or as CSV", "content") from None
    sheets = [sheet for sheet in sheets if sheet.rows]
    if not sheets:
        raise DataError(path, "is an empty workbook", "save the table as CSV", "rows")
    return sheets


def _cell(value: Any) -> str:
    """Cell as text: dates in ISO form, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds") if value.time() != time() else f"{value:%Y-%m-%d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()


def csv_of_workbook(content: bytes, path: Path) -> tuple[bytes, tuple[str, ...]]:
    """Table of a workbook as CSV, and notes on its sheets."""
    rows, notes = joined(sheets_of(content, path), header_place, path)
    text = io.StringIO()
    width = max(len(cells) for _, cells in rows)
    last = max((at for at, (_, cells) in enumerate(rows) if len([cell for cell in cells if cell]) > 1), default=0)
    for at, (_, cells) in enumerate(rows):
        lone = at > last and width > FEWEST_NAMES  # a line of text below the rows
        csv.writer(text).writerow([next(filter(None, cells))] if lone else [*cells, *[""] * (width - len(cells))])
    return text.getvalue().encode(), notes


def header_place(rows: Rows) -> int | None:
    """Place of the row with most known names of chains or series among the first; None where none has two."""
    counts = [sum(plain(cell) in KNOWN for cell in cells) for _, cells in rows[:HEADER_LINES]]
    most = max(counts)
    return counts.index(most) if most >= FEWEST_NAMES else None


def joined(
    sheets: Sequence[Sheet], place_of: Callable[[Rows], int | None], path: Path, *, has_accounts: bool = False
) -> tuple[Rows, tuple[str, ...]]:
    """Rows of the table that a workbook holds, one below the other where each sheet holds a part of it, and notes.

    A right or a day in the names of sheets becomes a column where the table has none. `place_of` finds the header among
    the rows of a sheet; None where it holds no table. With `has_accounts` rows of one symbol may belong apart.

    Raises DataError when the tables differ, or the names of sheets tell them apart by anything else.
    """
    places = [(sheet, place_of(sheet.rows)) for sheet in sheets]
    tables = [_Table(sheet, place) for sheet, place in places if place is not None]
    if not tables and len(sheets) > 1:
        tables = [_Table(sheet, 0) for sheet in sheets if len([cell for cell in sheet.rows[0][1] if cell]) > 1]
    if not tables:
        tables = [_Table(sheets[0], 0)]
    named = {table.sheet.name for table in tables}
    left = [sheet.name for sheet in sheets if sheet.name not in named]
    notes = (f"sheets without a table are left out: {some(left, SHOWN)}",) if left else ()
    if len(tables) == 1:
        return tables[0].sheet.rows, notes
    shown = some([table.sheet.name for table in tables], SHOWN)
    remedy = "save the sheet to read as a file of its own"
    if any({*map(plain, table.header)} != {*map(plain, tables[0].header)} for table in tables):
        raise DataError(path, f"workbook of {len(tables)} different tables, sheets {shown}", remedy, "sheets")
    others = set()  # words of the sheets' names besides a right, a day, a month and numbers
    for table in tables:
        words = NOT_WORDS.split(MONTH.sub(" ", DAY.sub(" ", table.sheet.name)))
        others.add(" ".join(word.lower() for word in words if word and word.upper() not in RIGHTS))
    is_told = not has_accounts and (tables[0].has("underlying_symbol") or tables[0].has("occ"))
    if len(others) > 1 and not is_told:
        raise DataError(path, f"workbook of {len(tables)} tables of one layout, sheets {shown}", remedy, "sheets")
    return _one_below_the_other(tables), (*notes, f"sheets joined: {shown}")


def _said_by(table: _Table) -> dict[str, str]:
    """Right and day in the name of a sheet, under the name of the column that the table lacks."""
    said: dict[str, str] = {}
    name = table.sheet.name
    if not table.has("right"):
        right = next((word for word in NOT_WORDS.split(name) if word.upper() in RIGHTS), None)
        said |= {"right": right} if right else {}
    match = DAY.search(name)
    if match is None:
        return said
    if not table.has("expiration") and not table.has("occ"):
        return said | {"expiration": match[0]}
    if any(table.has(role) for role in ("quote_date", "quote_time", "feed_time")):
        return said
    try:  # the day may be that on which the first option expires, or a later one
        if table.has("expiration"):
            expiration = parse_day(table.first("expiration"))
        else:
            expiration = parse_option_symbol(table.first("occ")).expiration
        return said | ({"quote_date": match[0]} if parse_day(match[0]) < expiration else {})
    except (ValueError, InputError):
        return said


def _one_below_the_other(tables: Sequence[_Table]) -> Rows:
    first = tables[0]
    said = [_said_by(table) for table in tables]
    added = list(dict.fromkeys(name for names in said for name in names))
    order = list(map(plain, first.header))
    rows = [*first.sheet.rows[: first.place], (first.sheet.rows[first.place][0], [*first.header, *added])]
    below = []
    for table, names in zip(tables, said, strict=True):
        places = [list(map(plain, table.header)).index(name) for name in order]
        for line, cells in table.sheet.rows[table.place + 1 :]:
            if len(order) > FEWEST_NAMES and len([cell for cell in cells if cell]) == 1:
                below.append((line, [next(filter(None, cells))]))  # a footer
                continue
            padded = [*cells, *[""] * (len(table.header) - len(cells))]
            rows.append((line, [*(padded[at] for at in places), *(names.get(name, "") for name in added)]))
    return [*rows, *below[-1:]]
