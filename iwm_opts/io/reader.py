"""Gate for files of series and small tables: bytes become a table of text under limits, or a named error.

The parsers below (decompression, encodings, CSV, Parquet and JSON parsers) fail in their own ways; every failure leaves
here as `DataError` with file, place, rule and remedy. Nothing above this gate handles a parser's exception.
"""

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.failures import gate
from iwm_opts.io.identity import (
    CURRENCY_NAMES,
    UNDERLYINGS,
    check_currency,
    check_file_name,
    doubtful_name,
    names_symbol,
)
from iwm_opts.io.json_tables import KEY, levels
from iwm_opts.io.layouts.accounts import account_file, without_quotes
from iwm_opts.io.layouts.common import SYNONYMS
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.limits import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Budget, check_columns
from iwm_opts.io.numbers import BLANKS, TWO_SIGNS, decimal_signs, is_number, numbers, other_sign, words_taken_as_blank
from iwm_opts.io.opening import as_path
from iwm_opts.io.packed import AGAIN, content_of
from iwm_opts.io.parse import (
    FORM_NAMES,
    FORMS,
    Order,
    check_not_half_turned,
    days_in_order,
    numeric_dates,
    order_error,
    parse_moment,
)
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.tables import DAMAGED_PARQUET, PARQUET, check_kind, check_several_lines, is_json, json_rows
from iwm_opts.io.text import DELIMITERS, cells_of, check_separator, dialect, encoding_of, text_of
from iwm_opts.io.zones import named_zone
from iwm_opts.market.calendar import FIRST_DAY, LAST_DAY, NEW_YORK, sessions

HEADS: Final = frozenset({"", "ticker", "price", "date", "datetime", "symbol", "attributes"})
HEADER_ROWS: Final = 4  # lines of names that yfinance and pandas write above the rows, at most
KNOWN: Final = frozenset(name for names in NAMES.values() for name in names) | {"iv", "iv10", "iv30", "value"}
CHUNK: Final = 1 << 20
_ROLE: Final = r"(?i:open|high|low|close|adj[ _]?close|volume)"
_TICKER: Final = r"[A-Z^][A-Z0-9.^-]{0,9}"
FLAT: Final = re.compile(  # one level of names out of two: Close_IWM, IWM Close
    rf"(?:(?P<role>{_ROLE})[ _.]+(?P<ticker>{_TICKER})|(?P<first>{_TICKER})[ _.:]+(?P<last>{_ROLE}))$"
)
LINE: Final = re.compile(r"[^\r\n]+")
FIRST_LINES: Final = 40  # among which a header is looked for
UNNAMED: Final = re.compile(r"(?:Unnamed: \d+|level_\d+|__index_level_\d+__)?")
TICKER_NAMES: Final = ("name", "code", "instrument", "asset", "security", "stock", "tic", "sym", "underlying")
CURRENCIES: Final = frozenset({"USD", "EUR", "GBP"})
FEWEST_STEPS: Final = 5  # days that tell a step
LONGEST_STEP: Final = 4  # days between rows of a daily series, at most: a weekend
WEEK: Final = 8  # days between those of a weekly one, at most: a holiday
DAILY_STEP: Final = 7.0  # days between those of a daily or weekly series, at most
CHECKED_ROWS: Final = 100_000  # after which the seconds are looked at
SHOWN: Final = 12  # tickers in a message
FEWEST_SHIFTED: Final = 15  # days that prove a shift
FEWEST_WEEKS: Final = 3  # that are a day early or late
MOSTLY_MOVED: Final = 0.8  # fraction of weekends with rows, the rest cut short or with a holiday
THURSDAY: Final = 3  # weekday of 1970-01-01
SATURDAY: Final = 5
SUNDAY: Final = 6
CLEARLY: Final = 1.2  # times that one order of day and month must be more regular than the other


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Cells of a table as text (or in the types of a Parquet file), with the line of each row in the file."""

    path: Path
    cells: pd.DataFrame  # names as the file spells them
    lines: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()  # ticker of each column that the header or lines above it name; empty of others
    titles: tuple[str, ...] = ()  # lines above the header

    @property
    def tickers(self) -> tuple[str, ...]:
        """Tickers that the header names."""
        return tuple(dict.fromkeys(filter(None, self.owners)))

    @property
    def names(self) -> dict[str, str]:
        """First column of each plain name; `Time (CET)` and `datetime_utc` also by the name without the zone."""
        spelled = [str(column) for column in self.cells.columns]
        names = {plain(name): name for name in reversed(spelled)}
        for name, (bare, _) in ((name, zoned) for name in spelled if (zoned := named_zone(name))):
            if plain(bare) in NAMES["date"]:
                names.setdefault(plain(bare), name)
        return names

    def column(self, role_names: Collection[str]) -> str | None:
        """First column that has one of the names; one with values before an empty one.

        Raises DataError when it occurs twice with different cells in a table of one symbol.
        """
        names, spelled = self.names, list(map(str, self.cells.columns))
        present = [names[name] for name in role_names if name in names]
        chosen = next(iter(present), None)
        for name in present:
            cells = self.cells.iloc[:, spelled.index(name)].dropna().head(200)
            if {str(cell).strip() for cell in cells} - {*BLANKS, "0", "0.0"}:
                chosen = name
                break
        if chosen is not None and len(self.tickers) <= 1 and spelled.count(chosen) > 1:
            self.check_no_twins((chosen,))
        return chosen

    def check_no_twins(self, used: Collection[str]) -> None:
        """Refuse two columns of one name among those used."""
        spelled = [plain(str(column)) for column in self.cells.columns]
        for name in used:
            count = spelled.count(plain(name))
            if count > 1 and len(self.tickers) > 1:
                rule = f"holds {len(self.tickers)} symbols, {', '.join(self.tickers[:SHOWN])}"
                raise DataError(self.path, rule, "keep the columns of one symbol", "symbol")
            if count > 1:
                raise DataError(self.path, f"column {name} occurs {count} times", "keep one of them", name)

    def kept(self, mask: NDArray[np.bool_], note: str = "") -> "Frame":
        """Rows of a mask."""
        notes = (*self.notes, note) if note else self.notes
        return replace(self, cells=self.cells[mask].reset_index(drop=True), lines=self.lines[mask], notes=notes)

    def figured(self, days: "pd.Series[Any]", figures: pd.DataFrame, notes: Collection[str] = ()) -> "Frame":
        """Rows with their figures by role, and their days or times under `day`."""
        return replace(self, cells=figures.assign(day=days.to_numpy()), owners=(), notes=(*self.notes, *notes))

    def raise_missing(self, what: str, remedy: str) -> NoReturn:
        """Refuse a table without a column, naming those it has; one column a ticker does not say what its figures are.

        Raises
        ------
        DataError
        """
        others = [str(name) for name in self.cells.columns if plain(str(name)) not in NAMES["date"]]
        if len(others) > 1 and all(re.fullmatch(r"[A-Z]{2,5}", name) and plain(name) not in KNOWN for name in others):
            rule = f"holds {len(others)} symbols, {', '.join(others[:SHOWN])}, a column each"
            raise DataError(
                self.path, rule, f"keep the columns of one symbol; {remedy[:1].lower()}{remedy[1:]}", "symbol"
            )
        seen = ", ".join(map(str, self.cells.columns))[:200] or "none"
        raise DataError(self.path, f"has no {what}, only {seen}", remedy, what.rpartition(" ")[0])

    def without_copies(self) -> "Frame":
        """Table without columns of one name that repeat the cells of another."""
        names = list(map(str, self.cells.columns))
        copies = {
            place
            for place, name in enumerate(names)
            if (first := names.index(name)) < place and self.cells.iloc[:, place].equals(self.cells.iloc[:, first])
        }
        if not copies or len(self.tickers) > 1:
            return self
        kept = [place for place in range(len(names)) if place not in copies]
        owners = tuple(self.owners[place] for place in kept) if self.owners else ()
        shown = ", ".join(names[place][:30] for place in sorted(copies)[:SHOWN])
        note = f"columns that repeat another left out: {shown}"
        return replace(self, cells=self.cells.iloc[:, kept], owners=owners, notes=(*self.notes, note))

    def check_no_other_table(self, remedy: str) -> None:
        """Refuse quotes of options and files of accounts by name: no series holds them.

        Raises
        ------
        DataError
        """
        columns = list(map(str, self.cells.columns))
        spelled = set(map(plain, columns))
        names = spelled | {plain(name.rpartition(".")[2]) for name in columns}
        if names & set(SYNONYMS["strike"]) - {"k"} and names & {"bid", "ask", *SYNONYMS["bid"]}:
            raise DataError(
                self.path, "is an option chain, not a series by day", f"give it as `source`; {remedy}", "kind"
            )
        if (account := account_file(frozenset(spelled))) is not None:
            raise DataError(self.path, f"is {account[0]}, not a series by day", account[1], "kind")
        above = (re.split(r"[,;\t|]", line) for line in self.titles)  # a header without a name of series is among them
        if (other := next(filter(None, map(without_quotes, (columns, *above))), None)) is not None:
            raise DataError(self.path, f"is a file of {other[0]}, not a series by day", remedy, "kind")

    def row(self, place: int) -> str:
        """Row as an editor counts it."""
        return f"row {self.lines[place]}"


def plain_name(column: object) -> str:
    """Column's name without case and spaces."""
    return str(column).strip().lower().replace(" ", "_")


def read_frame(path: str | Path, remedy: str) -> Frame:
    """Table of a CSV, Parquet or JSON file, gzipped or not, recognised by content; `remedy` says what is expected.

    Raises DataError when the file is missing, is not a table, breaks a limit of this module, or has no rows.
    """
    path = as_path(path)
    if path.is_dir() or not path.exists():
        raise DataError(path, "is a directory" if path.is_dir() else "does not exist", remedy, "path")
    with gate(path, remedy, "cannot be read as a table ({})"):
        table = content_of(path)
        content = table.content
        if not content.strip():
            raise DataError(path, "is empty", remedy, "size")
        if content.startswith(PARQUET):
            frame = _of_parquet(path, content)
        else:
            check_kind(path, content[:CHUNK], remedy)
            text = text_of(content)
            if is_json(text):
                table_of_text = json_rows(path, text)
                for name, column in zip(table_of_text.column_names, table_of_text.columns, strict=True):
                    _check_cells(path, name, column)
                cells = table_of_text.to_pandas().astype(object)
                bare = [re.sub(r"^(?:Meta Data\.)?\d+\. ", "", str(name)) for name in cells.columns]  # Alpha Vantage's
                if KEY in bare and not set(map(plain, bare)) & set(NAMES["date"]):
                    bare[bare.index(KEY)] = "Date"  # rows filed by day
                frame = _named(path, cells, bare)
            else:
                check_several_lines(path, text)
                frame = _of_text(path, text, encoding_of(content))
        frame.check_no_other_table(remedy)
        if frame.cells.empty:
            raise DataError(path, "holds no rows", remedy, "rows")
        check_columns(path, len(frame.cells.columns))
        frame = frame.without_copies()
        if currency := frame.column(CURRENCY_NAMES):
            check_currency(path, currency, frame.cells[currency].dropna().astype(str).unique())
        return replace(frame, notes=(*table.notes, *frame.notes))


def of_symbol(frame: Frame, symbol: str | None, *, is_choice: bool = True, must_be_named: bool = False) -> Frame:
    """Rows of one symbol, by a column of tickers or the header; all where a file names none.

    The symbol is in any spelling of `clean_symbol`; without it a file of one ticker is not checked. `is_choice` says
    whether the user chooses it, for the remedy; `must_be_named` asks for a note where nothing names a symbol.

    Raises DataError when the file holds other tickers only, or several that cannot be told apart.
    """
    column, tickers = _tickers(frame)
    present = sorted(set(tickers) - {""})
    expected = None if symbol is None else clean_symbol(symbol)
    shown = ", ".join(present[:SHOWN])
    if not present and expected is not None:
        check_file_name(frame.path, expected, is_choice=is_choice, are_prices=must_be_named)
        doubt = doubtful_name(frame.path, expected, frame.titles)
        if not doubt and must_be_named and not names_symbol(frame.path, expected, frame.titles):
            doubt = f"taken for {expected}: nothing in the file or its name says a symbol"
        return replace(frame, notes=(*frame.notes, doubt)) if doubt else frame
    if present and expected is not None and expected not in present:
        choice = f"`symbol` {present[0]} or " if is_choice else ""
        raise DataError(frame.path, f"holds {shown}, not {expected}", f"give {choice}the file of {expected}", "symbol")
    if len(present) < 2:
        return frame
    if expected is None:
        what = "rows" if column else "columns"
        raise DataError(
            frame.path, f"holds {len(present)} symbols, {shown}", f"keep the {what} of one symbol", "symbol"
        )
    if column is None:
        places = [place for place, owner in enumerate(frame.owners) if not owner or _ticker(owner) == expected]
        owners = tuple(frame.owners[place] for place in places)
        return replace(
            frame,
            cells=frame.cells.iloc[:, places],
            owners=owners,
            notes=(*frame.notes, f"columns of {expected} among those of {len(present)} symbols"),
        )
    kept = (tickers == expected).to_numpy()
    left = f"{int((~kept).sum())} of {len(kept)} left out"
    return frame.kept(kept, f"rows of {expected} among those of {len(present)} symbols: {left}")


def tickers_of(frame: Frame) -> list[str]:
    """List the symbols in a column of tickers or the header."""
    return sorted(set(_tickers(frame)[1]) - {""})


def _tickers(frame: Frame) -> "tuple[str | None, pd.Series[str]]":
    """Column of tickers, and the symbol of each row; of the header's columns where there is none.

    Its name may not prove it: unnamed, as pandas writes an index, or such as `Name`.
    """
    column = frame.column(NAMES["symbol"])
    names = [str(name) for name in frame.cells.columns]
    for place, name in enumerate(names if column is None else ()):
        is_unnamed = UNNAMED.fullmatch(name.strip()) is not None
        if (is_unnamed or plain(name) in TICKER_NAMES) and names.count(name) == 1:
            tickers = {str(cell).strip() for cell in frame.cells.iloc[:, place].unique()}
            is_known = is_unnamed or tickers & {*UNDERLYINGS, "IWM"}
            if all(re.fullmatch(_TICKER, ticker) for ticker in tickers) and is_known:
                column = name
                break
    cells = pd.Series(frame.tickers, dtype=object) if column is None else frame.cells[column].astype(str)
    return column, cells.map({cell: _ticker(cell) for cell in cells.unique()})


def _ticker(cell: str) -> str:
    """Symbol of a cell; empty for a blank or anything else."""
    if cell.strip() in BLANKS:
        return ""
    try:
        return clean_symbol(cell)
    except InputError:
        return ""


def _of_parquet(path: Path, content: bytes) -> Frame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with gate(path, AGAIN, DAMAGED_PARQUET), pq.ParquetFile(pa.BufferReader(content)) as data:
        if data.metadata.num_rows > MAX_ROWS or data.metadata.num_columns > MAX_COLUMNS:
            rule = f"has {data.metadata.num_rows:,} rows of {data.metadata.num_columns:,} columns"
            raise DataError(path, rule, f"give at most {MAX_ROWS:,} rows of {MAX_COLUMNS:,} columns", "size")
        table = data.read()
    names: list[str] = []
    columns: list[Any] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            continue  # no column of a series
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        cells = column if is_number else column.cast(pa.string())
        if not is_number:
            _check_cells(path, name, cells)
        names.append(name)
        columns.append(cells.to_numpy() if is_number else cells.to_pandas().to_numpy(dtype=object))
    return _named(path, pd.DataFrame(dict(enumerate(columns))), names)


def _named(path: Path, cells: pd.DataFrame, spelled: list[str]) -> Frame:
    """Frame of columns under the names and tickers that a MultiIndex spells."""
    owners = [next((part for part in levels(name) if part and part != _level(name)), "") for name in spelled]
    names, owners = _named_owners(list(map(_level, spelled)), owners)
    cells.columns = pd.Index(names, dtype=object)
    return Frame(path, cells, np.arange(1, len(cells) + 1), owners=tuple(owners))


def _check_cells(path: Path, name: str, texts: Any) -> None:
    """Refuse a pyarrow column of texts that holds a longer one than csv.reader lets through."""
    import pyarrow.compute as pc

    longest = pc.max(pc.utf8_length(texts)).as_py() or 0
    if longest > MAX_CELL:
        rule = f"has a cell of {longest:,} characters in column {name[:40]}, more than {MAX_CELL:,}"
        raise DataError(path, rule, "cut or remove the cell", name)


def _level(name: str) -> str:
    """Name of a price among those of a MultiIndex column, such as `('Open', 'IWM')`."""
    parts = levels(name)
    if not parts:
        return "Date" if name == "__index_level_0__" else name
    return next((part for part in parts if plain(part) in KNOWN), parts[0])


def _of_text(path: Path, text: str, encoding: str) -> Frame:
    for line in islice(LINE.finditer(text), FIRST_LINES):  # before a header of millions is looked at cell by cell
        check_columns(path, 1 + max(line[0].count(mark) for mark in DELIMITERS))
    form = dialect(text, encoding, lambda cell: _known_name(cell))
    if len(form.columns) < 2:
        check_separator(path, text.splitlines()[:FIRST_LINES], _known_name)
    columns, first = list(form.columns), form.skipped
    if all(is_date(cell) or is_number(cell) for cell in columns if cell.strip()):
        if len(columns) != 2:
            raise DataError(
                path, "has no header: its first line holds figures", "name the columns in the first line", "header"
            )
        columns, first = ["date", "value"], first - 1
    check_columns(path, len(columns))
    rows, lines, remarks = _csv_rows(path, text, form.delimiter, columns, first)
    levels = [columns]
    while rows and len(levels) < HEADER_ROWS and plain(rows[0][0]) in HEADS and not any(map(is_number, rows[0])):
        levels.append(rows.pop(0))
        lines.pop(0)
    above = [cells_of(line, form.delimiter) for line in form.above]
    given = [[cell for cell in cells if cell.strip()] for cells in above]
    are_tickers = [len(cells) > 1 and all(re.fullmatch(_TICKER, cell) for cell in cells) for cells in given]
    labelled = [cells for cells, are in zip(above, are_tickers, strict=True) if cells and (cells[0].strip() or are)]
    owners = [""] * len(columns)
    for label, *cells in [*labelled, *levels] if labelled or len(levels) > 1 else []:
        distinct = dict.fromkeys(cell for cell in cells if cell.strip())
        count = sum(map(_known_name, distinct))
        if count < len(distinct) and (plain(label) in NAMES["symbol"] or (not label.strip() and not count)):
            owners = ["", *cells, *[""] * len(columns)][: len(columns)]
            break
    names = [next((name for name in reversed(level) if plain(name) in KNOWN), level[0])
             for level in zip(*levels, strict=True)]  # fmt: skip
    if names and not names[0].strip():
        names[0] = "Date" if rows and is_date(rows[0][0]) and not is_number(rows[0][0]) else ""
    names, owners = _named_owners(names, owners)
    bare = _unprefixed(names)
    prefix = next((plain(name).removesuffix(plain(short)) for short, name in zip(bare, names, strict=True)
                   if short != name), "").upper()  # fmt: skip
    if not any(owners) and prefix in UNDERLYINGS:
        owners = [prefix if short != name else "" for short, name in zip(bare, names, strict=True)]
    frame = pd.DataFrame(rows, columns=bare, dtype=object)
    return Frame(path, frame, np.array(lines, dtype=np.int64), remarks, tuple(owners), tuple(form.above))


def _csv_rows(
    path: Path, text: str, delimiter: str, columns: list[str], first: int
) -> tuple[list[list[str]], list[int], tuple[str, ...]]:
    """Rows below a line of names, each with its line, and remarks on lines that are none."""
    budget = Budget(path)
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    csv.field_size_limit(MAX_CELL)
    notes = headers = 0
    for row in reader:
        number = reader.line_num
        if number <= first or not any(cell.strip() for cell in row):
            continue
        if len(row) == 1 < len(columns):
            notes += 1
            continue
        if len(row) > len(columns):
            extra = [cell for cell in row[len(columns) :] if cell.strip()]
            if extra:
                rule = f"row {number} has {len(row)} cells, the header {len(columns)}"
                raise DataError(path, rule, "correct the row or the header", f"row {number}")
        if row == columns:
            headers += 1
            continue
        rows.append([*row[: len(columns)], *[""] * (len(columns) - len(row))])
        lines.append(number)
        if len(rows) % CHECKED_ROWS == 0:
            budget.spend()
        if len(rows) > MAX_ROWS:
            raise DataError(path, f"has more than {MAX_ROWS:,} rows", "give a smaller file", "rows")
    counts = ((notes, "lines of text are not rows"), (headers, "lines repeat the header"))
    return rows, lines, tuple(f"{count} {what}: left out" for count, what in counts if count)


def _named_owners(names: list[str], owners: list[str]) -> tuple[list[str], list[str]]:
    """Names and tickers of columns, those out of names such as `Close_IWM` and `IWM Close` too."""
    owned = [FLAT.match(name) if plain(name) not in KNOWN else None for name in names]
    pairs = [("", "") if match is None else (match["role"] or match["last"], match["ticker"] or match["first"])
             for match in owned]  # fmt: skip
    whole = {
        ticker
        for _, ticker in pairs
        if {(role.lower(), t) for role, t in pairs} >= {("open", ticker), ("close", ticker)}
        and ticker not in CURRENCIES
    }
    if not whole or any(owners):
        return names, owners
    bare = [role if ticker in whole else name for name, (role, ticker) in zip(names, pairs, strict=True)]
    return bare, [ticker if ticker in whole else "" for _, ticker in pairs]


def _known_name(cell: str) -> bool:
    bare, _ = named_zone(cell) or (cell, None)
    name = plain(bare)
    return name in KNOWN or any(name.endswith(end) and name != end for end in ("open", "high", "low", "close"))


def _unprefixed(names: list[str]) -> list[str]:
    """Names without the series' own in front: `VIX Close` is `Close` where open, high and low carry it too."""
    spelled = [plain(name) for name in names]
    if "close" in spelled:
        return names
    for name in spelled:
        suffix = name.removeprefix("close")
        if suffix not in ("", name) and f"open{suffix}" in spelled:  # `Close (USD)`
            return [s.removesuffix(suffix) if s.endswith(suffix) else n for n, s in zip(names, spelled, strict=True)]
        prefix = name.removesuffix("close")
        if prefix not in ("", name) and f"{prefix}open" in spelled:
            return [n[len(n) - len(s.removeprefix(prefix)) :] if s.startswith(prefix) else n
                    for n, s in zip(names, spelled, strict=True)]  # fmt: skip
    return names


def is_date(cell: Any) -> bool:
    """Whether a cell is a date or time in either order of day and month."""
    try:
        parse_moment(str(cell), NEW_YORK)
    except ValueError:
        try:
            parse_moment(str(cell), NEW_YORK, "dmy")
        except ValueError:
            return False
    return True


def number_columns(
    frame: Frame, columns: Collection[str], optional: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Numbers of some columns, NaN for blanks, under one decimal sign for the file, and notes.

    In `optional` ones a word is a blank, counted in the notes.

    Raises DataError that names the first cell of another column that is neither a number nor a blank, or decimal signs
    that contradict each other.
    """
    plain_numbers = {}
    for name in columns:
        column = frame.cells[name]
        values = pd.to_numeric(column, errors="coerce")
        if all(str(cell).strip() in BLANKS for cell in column[values.isna() & column.notna()]):
            plain_numbers[name] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(plain_numbers) == len(set(columns)):
        return pd.DataFrame(plain_numbers), ()
    texts = {name: frame.cells[name].astype(object).where(frame.cells[name].notna(), None) for name in columns}
    as_text = {name: [None if cell is None else str(cell) for cell in cells] for name, cells in texts.items()}
    sign, others = decimal_signs(as_text, optional, frame.path)
    table, notes = {}, ["decimals are written with a comma"] if sign == "," else []
    notes += [other_sign(name, other) for name, other in others.items() if other is not None]
    for name, cells in as_text.items():
        distinct_cells = list(dict.fromkeys(cells))
        figures, words = numbers(distinct_cells, others.get(name, sign))
        if words:
            text = distinct_cells[words[0]]
            row = cells.index(text)
            if name in optional:
                what = TWO_SIGNS if others.get(name, sign) is None else "numbers"
                count = sum(cells.count(distinct_cells[word]) for word in words)
                notes.append(words_taken_as_blank(name, count, frame.row(row), str(text), what))
                words = []
        if words:
            rule = f"{frame.row(row)}, column {name.strip()}: {str(text)[:60]!r} is not a number"
            raise DataError(frame.path, rule, "correct the cell or leave it empty", name.strip())
        place = dict(zip(distinct_cells, figures, strict=True))
        table[name] = np.array([place[text] for text in cells], dtype=np.float64)
    return pd.DataFrame(table), tuple(notes)


def moments(
    frame: Frame, column: str, what: str = "date", *, is_daily: bool = True
) -> tuple[list[Any], tuple[str, ...]]:
    """Dates and times of a column, the order of day and month decided on all its cells and by sessions, and notes.

    `what` is a date or a time, for the message. `is_daily` says whether rows may follow day by day, so that the more
    regular order is the right one; not of dividends or events.

    Raises DataError that names the first cell that is not a date, or both readings where both fit.
    """
    cells = [str(cell).strip() for cell in frame.cells[column]]
    distinct_cells = list(dict.fromkeys(cells))
    _, zone = named_zone(column) or ("", NEW_YORK)
    order, notes = _order(frame, distinct_cells, is_daily=is_daily)
    place = {}
    for text in distinct_cells:
        try:
            place[text] = parse_moment(text, zone, order)
        except ValueError as error:
            row = cells.index(text)
            rule = f"{frame.row(row)}, column {column.strip()}: {text[:60]!r} {error}".replace(
                "a date or time", f"a {what}"
            )
            raise DataError(frame.path, rule, FORMS, column.strip()) from None
    values = [place[text] for text in cells]
    timeless = next((row for row, value in enumerate(values) if isinstance(value, time)), None)
    if timeless is not None:
        rule = f"{frame.row(timeless)}, column {column.strip()}: {cells[timeless]!r} has no date"
        raise DataError(frame.path, rule, FORMS, column.strip())
    return values, notes


def days_of(frame: Frame, column: str, *, is_daily: bool = True) -> tuple["pd.Series[Any]", tuple[str, ...]]:
    """Days of a column on New York's calendar, or on UTC's where more of those are sessions, and notes."""
    values, notes = moments(frame, column, is_daily=is_daily)
    here = [value.date() if isinstance(value, datetime) else value for value in values]
    there = [value.astimezone(UTC).date() if isinstance(value, datetime) else value for value in values]
    if here != there and _on_sessions(there) > _on_sessions(here):
        here, notes = there, (*notes, "times are of days in UTC: more of those are sessions")
    return pd.Series(np.array(here, dtype="datetime64[D]").astype("datetime64[us]")), notes


def date_order(frame: Frame, column: str) -> tuple[Order, tuple[str, ...]]:
    """Order of day and month in a column of irregular dates, with a note on the less common one.

    Raises DataError that names both readings where both fit.
    """
    return _order(frame, list(dict.fromkeys(str(cell).strip() for cell in frame.cells[column])), is_daily=False)


def _order(frame: Frame, cells: list[str], *, is_daily: bool) -> tuple[Order, tuple[str, ...]]:
    numeric = numeric_dates(cells)
    if not numeric:
        return "mdy", ()
    check_not_half_turned(cells, frame.path)
    orders: tuple[Order, ...] = ("mdy", "dmy", "ymd")
    readings = {order: days_in_order(numeric, order) for order in orders}
    fits = [order for order in orders if readings[order] is not None and (order != "ymd" or "-" in numeric[0])]
    fits = fits or [order for order in orders if readings[order] is not None]
    today = datetime.now(NEW_YORK).date()
    fits = [order for order in fits if max(readings[order] or [today]) <= today] or fits
    if len(fits) > 1:
        is_regular = is_daily and min(usual_step(readings[order] or []) for order in fits) <= DAILY_STEP
        regularity = {}  # fraction of days on sessions, over the usual step of a daily series
        for order in fits:
            days = readings[order] or []
            step = usual_step(days) if is_regular else 1.0
            regularity[order] = _on_sessions(days) / step if step else 0.0
        best = max(regularity.values())
        fits = [order for order in fits if regularity[order] * CLEARLY >= best]
    if len(fits) == 1:
        return fits[0], () if fits[0] == "mdy" else (f"dates are {FORM_NAMES[fits[0]]}",)
    raise order_error(numeric[0], fits, frame.path)


def _on_sessions(days: list[Any] | None) -> float:
    """Fraction of days on which the exchange trades."""
    if not days:
        return 0.0
    stamps = np.array(days, dtype="datetime64[D]")
    return float(np.isin(stamps, sessions(stamps.min().item(), stamps.max().item())).mean())


def usual_step(days: Sequence[Any] | NDArray[np.datetime64]) -> float:
    """Usual step between days, in days."""
    steps = np.diff(np.unique(np.array(days, dtype="datetime64[D]"))).astype(np.int64)
    return float(np.median(steps)) if len(steps) else 0.0


def sparse_step(days: Sequence[Any] | NDArray[np.datetime64]) -> tuple[float, str]:
    """Usual step between days, and what makes it longer than that of a daily series; empty otherwise."""
    step = usual_step(days)
    if len(days) < FEWEST_STEPS or step <= LONGEST_STEP:
        return step, ""
    return step, "weekly" if step <= WEEK else "monthly or longer"


def check_not_shifted(frame: Frame, days: "pd.Series[Any]") -> None:
    """Refuse dates of which all or a part lie a day beside those of sessions, as where a time zone was lost.

    A week moved a day early has a Sunday and no Friday, one moved a day late a Saturday and no Monday; so have weeks of
    one half of the year alone where the zone has summer time.
    """
    stamps = np.unique(days.to_numpy(dtype="datetime64[D]"))
    stamps = stamps[(stamps > np.datetime64(FIRST_DAY)) & (stamps < np.datetime64(LAST_DAY))]
    if len(stamps) < FEWEST_SHIFTED or usual_step(stamps) != 1.0:
        return
    weekday = (stamps.astype(np.int64) + THURSDAY) % 7
    for what, weekend, other, distance in (("early", SUNDAY, "Friday", 5), ("late", SATURDAY, "Monday", -5)):
        of_weekend = stamps[weekday == weekend]
        moved = ~np.isin(of_weekend + np.timedelta64(distance, "D"), stamps)
        if moved.sum() >= FEWEST_WEEKS and moved.mean() > MOSTLY_MOVED:
            name = "Sunday" if weekend == SUNDAY else "Saturday"
            rule = f"dates of {counted(int(moved.sum()), 'weeks')} are a day {what}: they have a {name} (first: "
            rule += f"{of_weekend[moved][0]}) and no {other}"
            raise DataError(frame.path, rule, "correct the dates: a time zone was lost", "date")
