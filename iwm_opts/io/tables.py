"""Rows out of a file, batch by batch: CSV, Parquet and JSON, gzip or not; independent of options.

Words come as dictionaries (dates and roots repeat a million times), numbers as float64 with NaN for an empty cell. A
batch keeps the number of its first row, so that an error can name the line. Number columns that hold anything but plain
numbers are read a second time as words, under one convention for the whole file (`numbers`).
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iwm_opts.errors import DataError, IwmOptsError
from iwm_opts.io import answers
from iwm_opts.io.failures import FOREIGN, gate, why
from iwm_opts.io.formats import HEADER_NAMES, halves
from iwm_opts.io.json_tables import AnswerError, OwnResultError, table_of_records
from iwm_opts.io.layouts.accounts import BEGINNINGS
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.limits import Budget, check_columns
from iwm_opts.io.numbers import BLANKS, TWO_SIGNS, Sign, decimal_signs, numbers, other_sign, words_taken_as_blank
from iwm_opts.io.opening import as_path, open_regular
from iwm_opts.io.packed import AGAIN, EMPTY_ZIP, GZIP, PACKED, ZIP, content_of, gzip_stream, is_small, unpacked_copy
from iwm_opts.io.text import (
    COMMENT,
    NAMES_OF_A_HEADER,
    Dialect,
    Utf8Stream,
    check_separator,
    dialect,
    encoding_of,
    sampled,
    text_of,
)

SAMPLE_ROWS: Final = 5
BYTES_A_ROW: Final = {"csv": 90, "json": 300, "parquet": 30}  # guesses, for the first progress reports
GZIP_RATIO: Final = 6  # times that gzip shrinks such text
SAMPLE_BYTES: Final = 1 << 16
BATCH_ROWS: Final = 1 << 17
BLOCK_BYTES: Final = 1 << 20
TITLES: Final = 5  # lines above a header, at most
TAIL_BYTES: Final = 4096  # where the line below the rows is looked for
END_OF_FILE: Final = "\x1a"  # DOS
SENTENCE: Final = re.compile(  # two words, of which the first does not begin a date: the start of one is a torn row
    r"(?!(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))[a-z][a-z'.:-]* +[a-z]",
    re.IGNORECASE,
)
WORDS: Final = pa.dictionary(pa.int32(), pa.string())
PARQUET: Final = b"PAR1"
BOM: Final = b"\xef\xbb\xbf"
CORRECT: Final = "if the file was cut short, fetch it again; else correct the row"
OTHERS: Final = {
    b"%PDF": ("a PDF", ""),
    b"\xd0\xcf\x11\xe0": ("an Excel 97-2003 workbook, or one with a password", "save the sheet as CSV"),
    b"BZh": ("compressed by bzip2", "unpack it"),
    b"(\xb5/\xfd": ("compressed by zstandard", "unpack it"),
    b"\xfd7zXZ": ("compressed by xz", "unpack it"),
    b"<!DOCTYPE": ("a web page", ""),
    b"<html": ("a web page", ""),
    b"<table": ("a web page", ""),
    b"<?xml": ("an XML document", ""),
    b"SQLite format": ("an SQLite database", "export the table as CSV"),
    b"version https://git-lfs": ("a Git LFS pointer", "run git lfs pull"),
    b"/annex/objects/": ("a git-annex pointer", "run git annex get"),
    b".git/annex/objects/": ("a git-annex pointer", "run git annex get"),
    b"../.git/annex/objects/": ("a git-annex pointer", "run git annex get"),
    b"Stock quote and option quote for": (
        "thinkorswim's export of stock and option quotes, a section an expiration",
        "save one table: the header once, with the sections' rows below it, and give the day with `as_of`",
    ),
    b"\x89HDF": ("an HDF5 file", "export the table as CSV or Parquet"),
    b"ARROW1": ("an Arrow or Feather file", "export the table as CSV or Parquet"),
    b"\x80\x04\x95": ("a Python pickle", "export the table as CSV or Parquet"),
    b"\x80\x05\x95": ("a Python pickle", "export the table as CSV or Parquet"),
    b"<stata_dta>": ("a Stata file", "export the table as CSV"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "extract it and give one file"),
    b"Rar!": ("a RAR archive", "extract it and give one file"),
    **BEGINNINGS,
}
ONE_CELL: Final = re.compile(r"[\n\r;\t|]|,(?! )")  # found in anything but one line of one cell
WORD: Final = re.compile("[A-Za-z]{2}")
ONE_BYTE_LINES: Final = ("utf-8", "utf-8-sig", "cp1252")  # encodings whose lines end in one byte
ONE_OF_SEVERAL: Final = re.compile(r"Expected \d+ columns, got 1\b")  # pyarrow's words
TAR: Final = slice(257, 262), b"ustar"
REMEDY: Final = "give a CSV, Parquet or JSON file, gzip or not"
DAMAGED_PARQUET: Final = "Parquet file that is cut short or damaged: {}"
NOT_A_NUMBER: Final = re.compile("conver|parse string", re.IGNORECASE)  # pyarrow's words for such a cell

Kind = Literal["csv", "parquet", "json"]


class MixedNumbersError(Exception):
    """A number column holds cells that are not plain numbers: the file is read again as words."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a file writes numbers that are not plain, and what became of the cells that are words."""

    sign: Sign
    required: frozenset[str]  # columns in which a word is an error
    others: dict[str, Sign | None] = field(default_factory=dict)  # sign of a column that differs; None: of two signs
    words: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # by column: row and cell of each word

    def notes(self) -> list[str]:
        """Return counts of cells taken as blanks."""
        notes = ["decimals are written with a comma"] if self.sign == "," else []
        notes += [other_sign(name, sign) for name, sign in self.others.items() if sign is not None]
        for name, cells in self.words.items():
            line, text = min(cells)
            what = TWO_SIGNS if self.others.get(name, self.sign) is None else "numbers"
            notes.append(words_taken_as_blank(name, len(cells), f"row {line}", text, what))
        return notes


@dataclass(frozen=True, slots=True, eq=False)
class DataFile:
    """An opened file: its columns, and a few of their first values."""

    path: Path
    kind: Kind
    packed: bool  # gzip
    place: Path  # where its bytes are: a temporary copy of the content of a zip archive or workbook
    columns: list[str]
    sample: dict[str, list[str]]
    form: Dialect | None = None  # of a CSV
    table: Any = None  # all rows of a JSON file
    around: tuple[str, ...] = ()  # lines above the header and below the rows, and the file's name
    spelling: Spelling | None = None  # None: plain numbers
    has_footer: bool = False  # a line of text below the rows
    end: int | None = None  # bytes of rows, where text below them looks like a row
    notes: tuple[str, ...] = ()  # on what packs it
    kept: "Kept | None" = None  # see `with_kept_rows`

    @property
    def first_line(self) -> int:
        """Number that a person counts for the first row of data."""
        return 1 if self.form is None else self.form.skipped + 1

    @property
    def rows(self) -> int:
        """Number of rows: a Parquet file says, others are estimated by their size."""
        if self.kind == "parquet" and not self.packed:
            import pyarrow.parquet as pq

            return int(pq.read_metadata(self.place).num_rows)
        return self.place.stat().st_size * (GZIP_RATIO if self.packed else 1) // BYTES_A_ROW[self.kind]

    @property
    def delimiter(self) -> str:
        """Separator of a CSV."""
        return "," if self.form is None else self.form.delimiter


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, and the number of the first of them counted from zero: among those of the day in a Parquet file."""

    start: int
    rows: Any  # pyarrow.RecordBatch


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """All rows of some columns of a file."""

    numbers: frozenset[str]
    texts: frozenset[str]
    batches: list[Batch]


def open_table(path: Path) -> DataFile:
    """Look at a file's beginning.

    Raises DataError for a folder, an empty or unreadable file, or one that is neither text nor Parquet.
    """
    if as_path(path).is_dir():
        raise DataError(path, "is a directory", "give one file", "path")
    with gate(path, "check the path and that the file is whole"):
        with open_regular(path) as file:
            start = file.read(4)
        place, packed = path, start.startswith(GZIP)
        notes: tuple[str, ...] = ()
        if start in (ZIP, EMPTY_ZIP):
            place, notes = unpacked_copy(path)
        with _unpacked(place, packed) as stream:
            head = stream.read(SAMPLE_BYTES)
        if packed and head.startswith(PACKED):
            (place, notes), packed = unpacked_copy(path), False
            head = place.read_bytes()[:SAMPLE_BYTES]
    if not head.strip():
        raise DataError(path, "is empty", REMEDY, "size")
    if head.startswith(PARQUET):
        return replace(_open_parquet(path, packed, place), notes=notes)
    check_kind(path, head)
    with gate(path, REMEDY):
        encoding = encoding_of(head)
        text = head.decode(encoding, errors="replace")
        if is_json(text):
            with gate(path, REMEDY, "JSON: {}"):
                opened = json_table(path, content_of(place).content)
        else:
            opened = _open_csv(path, packed, place, text, encoding)
        check_columns(path, len(opened.columns))
        return replace(opened, notes=notes)


def check_kind(path: Path, head: bytes, remedy: str = REMEDY) -> None:
    """Refuse by name what begins like a file of another kind."""
    is_wide = encoding_of(head).startswith(("utf-16", "utf-32"))
    start = (text_of(head).encode() if is_wide else head.removeprefix(BOM)).lstrip()
    for mark, (what, way) in OTHERS.items():
        if start[: len(mark)].upper() == mark.upper():
            raise DataError(path, f"is {what}, not a table", way or remedy, "kind")
    if head[TAR[0]] == TAR[1]:
        raise DataError(path, "is a tar archive, not a table", "extract it and give one file", "kind")
    if not is_wide and b"\0" in head:
        raise DataError(path, "is a binary file, not a table", remedy, "kind")


def check_several_lines(path: Path, text: str) -> None:
    """Refuse a text of one line and one cell: what a vendor or a server answers in place of a table."""
    line = text.strip("\ufeff \t\r\n")
    if WORD.search(line) and not ONE_CELL.search(line):
        raise DataError(path, f"holds one line of text: {line[: answers.LONGEST]}", answers.REMEDY, "rows")


def is_json(text: str) -> bool:
    """Whether a text begins like JSON; a bracket alone also begins OptionsDX's [QUOTE_UNIXTIME]."""
    start = text.lstrip("\ufeff \t\r\n")
    return start.startswith("{") or (start.startswith("[") and start[1:].lstrip()[:1] in ("{", "[", "]", '"'))


def batches(
    file: DataFile, numbers: Sequence[str], texts: Sequence[str], only: tuple[str, Any] | None = None
) -> Iterator[Batch]:
    """Rows of the named columns: numbers as float64, texts as dictionaries of strings.

    `only` is a column and the values wanted of it, which lets a Parquet file skip the rest.

    Raises DataError that names row, column and value of a cell in a required column that is not a number (`Spelling`).
    Raises MixedNumbersError when a number column holds other cells and the file has no `spelling` yet; see `spelled`.
    """
    kept = file.kept
    if kept is not None and kept.numbers.issuperset(numbers) and kept.texts.issuperset(texts):
        names = [*numbers, *texts]
        for batch in kept.batches:
            rows = pa.RecordBatch.from_arrays([batch.rows.column(name) for name in names], names=names)
            yield Batch(batch.start, rows.slice(0, len(rows) - _blank_end(rows)))
        return
    try:
        if file.spelling is not None and numbers:
            yield from _spelled_batches(file, numbers, texts, only)
        elif file.kind == "csv":
            yield from Budget(file.path).metered(_csv_batches(file, numbers, texts))
        elif file.kind == "parquet":
            yield from Budget(file.path).metered(_typed_batches(file, numbers, texts, only))
        else:
            yield from _typed_batches(file, numbers, texts, only)
    except IwmOptsError:
        raise
    except FOREIGN as error:
        if file.kind == "csv":
            _check_ragged(file, has_lone_cell=ONE_OF_SEVERAL.search(str(error)) is not None)
        if numbers and file.spelling is None and isinstance(error, pa.ArrowInvalid) and NOT_A_NUMBER.search(str(error)):
            raise MixedNumbersError from None
        if file.kind == "parquet":
            raise damaged_parquet(file.path, error) from None
        raise DataError(
            file.path, why(error), "check that the file is whole and every row has every column", "content"
        ) from None


def with_kept_rows(file: DataFile, numbers: Sequence[str], texts: Sequence[str]) -> DataFile:
    """CSV of a few MB with the rows of some columns in memory: its dates are looked at before its rows are chosen.

    A file that is large, of another kind or with words among its numbers comes back as it is; so does a damaged one,
    whose reader says what is wrong.
    """
    if file.kind != "csv" or set(numbers) & set(texts) or not is_small(file.place, file.packed):
        return file
    with suppress(DataError, MixedNumbersError):
        return replace(file, kept=Kept(frozenset(numbers), frozenset(texts), list(batches(file, numbers, texts))))
    return file


def batches_spelled(
    file: DataFile, numbers: Sequence[str], texts: Sequence[str], required: frozenset[str], first: int = 0
) -> Iterator[tuple[DataFile, Batch]]:
    """Batches and the file they are of, under its convention from the first mixed number or row `first` on."""
    done = first
    try:
        if first:
            raise MixedNumbersError
        for batch in batches(file, numbers, texts):
            done = batch.start + len(batch.rows)
            yield file, batch
    except MixedNumbersError:
        file = spelled(file, numbers, required)
        for batch in batches(file, numbers, texts):
            beyond = batch.start + len(batch.rows) - done
            if beyond > 0:
                skipped = len(batch.rows) - min(beyond, len(batch.rows))
                yield file, Batch(batch.start + skipped, batch.rows.slice(skipped))


def spelled(file: DataFile, names: Sequence[str], required: frozenset[str]) -> DataFile:
    """File with the convention that its number columns follow, by all of their cells.

    Raises DataError when cells contradict each other.
    """
    cells = distinct_words(file, names)
    sign, others = decimal_signs(cells, cells.keys() - required, file.path)
    return replace(file, spelling=Spelling(sign, required, others))


def row_counts(file: DataFile, columns: Sequence[str]) -> Any:
    """Distinct rows of some columns of a Parquet file, in the file's own types, with their `count`."""
    parts = []
    with gate(file.path, "check that the file is whole"):
        for batch in _scanner(file, columns, None).to_batches():
            cells = pa.table({name: _simple(batch.column(name)) for name in columns})
            parts.append(
                cells.append_column("rows", pa.repeat(1, len(cells))).group_by(columns).aggregate([("rows", "sum")])
            )
        table = pa.concat_tables(parts).group_by(columns).aggregate([("rows_sum", "sum")])
    return table.rename_columns([*columns, "count"])


def distinct_words(file: DataFile, columns: Sequence[str]) -> dict[str, list[str]]:
    """Distinct cells of some columns of a whole file, as text."""
    cells: dict[str, dict[str, None]] = {name: {} for name in columns}
    for batch in batches(file, (), columns):
        for name in columns:
            cells[name].update(dict.fromkeys(batch.rows.column(name).dictionary.to_pylist()))
    return {name: [text for text in texts if text is not None] for name, texts in cells.items()}


def words(values: Any) -> Any:
    """Any column as a dictionary of strings; dates and times in ISO form."""
    values = _simple(values)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    return values.dictionary_encode()


def _simple(values: Any) -> Any:
    """Column out of a dictionary or a string view."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values


def _unpacked(path: Path, packed: bool) -> Any:
    return gzip_stream(path) if packed else open_regular(path)


def _open_csv(path: Path, packed: bool, place: Path, text: str, encoding: str) -> DataFile:
    check_several_lines(path, text)
    form = dialect(text.lstrip("\ufeff"), encoding, _is_known)
    if sum(map(_is_known, form.columns)) < NAMES_OF_A_HEADER:
        check_separator(path, text.splitlines(), _is_known)
    columns = halves(form.columns)
    below, end = _below(place, packed, encoding, len(columns), form.delimiter)
    around = (*form.above, *below, path.name)
    sample = sampled(text, form, columns, SAMPLE_ROWS)
    return DataFile(path, "csv", packed, place, columns, sample, form, around=around, has_footer=bool(below), end=end)


def _is_known(cell: str) -> bool:
    return plain(cell) in HEADER_NAMES


def _below(path: Path, packed: bool, encoding: str, columns: int, delimiter: str) -> tuple[list[str], int | None]:
    """Lines of text below the rows (a download's source and time), and the bytes before the first padded one.

    A spreadsheet pads such a line with separators to the width of the table, so that it looks like a row.
    """
    if packed or columns < 3:
        return [], None
    with open_regular(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - TAIL_BYTES, 0))
        tail = stream.read()
    lines: list[str] = []
    start, end = size, None
    pieces = tail.splitlines(keepends=True) if encoding in ONE_BYTE_LINES else [tail]
    if encoding not in ONE_BYTE_LINES:
        pieces = [line.encode(encoding) for line in tail.decode(encoding, errors="replace").splitlines()]
    for piece in reversed(pieces):
        start -= len(piece)
        line = piece.decode(encoding, errors="replace").strip()
        text = line.rstrip(f"{delimiter} ")
        is_one_cell = delimiter not in text or (text[0] == text[-1] == '"' and text.count(delimiter) < columns - 1)
        if text and not (is_one_cell and _is_text(text)):
            return lines, end
        if text:
            lines.append(text.strip('"'))
            end = start if text != line and encoding in ONE_BYTE_LINES else end
    return lines[:1], None


def _is_text(line: str) -> bool:
    """Whether a line is a comment or a sentence; a date or the start of one is a torn row."""
    bare = line.strip().strip('"')
    return bare.startswith((COMMENT, END_OF_FILE)) or SENTENCE.match(bare) is not None


def _csv_batches(file: DataFile, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Batch]:
    assert file.form is not None
    # Columns go by position: names may be empty or occur twice.
    place = {name: str(position) for position, name in reversed(list(enumerate(file.columns)))}
    columns = [*numbers, *texts]
    types = {place[name]: pa.float64() for name in numbers} | {place[name]: WORDS for name in texts}
    if file.packed:
        stream = _unpacked(file.place, packed=True)
    elif file.end is not None:
        stream = pa.BufferReader(pa.memory_map(str(file.place)).read_buffer(file.end))
    else:
        stream = pa.input_stream(str(file.place), compression=None)
    encoding = file.form.encoding
    if file.packed or file.has_footer or not encoding.startswith("utf-8"):
        stream = Utf8Stream(stream, encoding)
    try:
        start = 0
        for rows in _csv_reader(file, stream, [place[name] for name in columns], types):
            table = pa.RecordBatch.from_arrays(rows.columns, names=columns)
            yield Batch(start, table.slice(0, len(table) - _blank_end(table)))
            start += len(rows)
    except pa.ArrowException:
        if getattr(stream, "error", None) is None:
            raise
    if (error := getattr(stream, "error", None)) is not None:
        raise error


def _csv_reader(file: DataFile, stream: Any, places: list[str], types: Mapping[str, Any]) -> Any:
    """Record batches of some columns."""
    from pyarrow import csv as arrow_csv

    assert file.form is not None

    def skip_text(row: Any) -> str:
        """Lines of one cell in a table of several are titles and footers; other misfits are errors."""
        return "skip" if row.actual_columns == 1 < row.expected_columns and _is_text(row.text or "") else "error"

    has_text = file.packed or file.has_footer
    return arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(
            column_names=[str(position) for position in range(len(file.columns))],
            skip_rows=file.form.skipped,
            block_size=BLOCK_BYTES,
        ),
        # pyarrow decodes a row for such a function, and prints an exception where its bytes are not UTF-8.
        parse_options=arrow_csv.ParseOptions(
            delimiter=file.delimiter, invalid_row_handler=skip_text if has_text else None
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types, include_columns=places, null_values=list(BLANKS), strings_can_be_null=True
        ),
    )


def _blank_end(rows: Any) -> int:
    """Rows of nothing but separators at the end, as spreadsheets leave them."""
    if not len(rows) or any(column[-1].is_valid for column in rows.columns):
        return 0
    valid = np.zeros(len(rows), dtype=np.bool_)
    for column in rows.columns:
        valid |= column.is_valid().to_numpy(zero_copy_only=False)
    return int(np.argmax(valid[::-1])) if valid.any() else len(rows)


def _spelled_batches(
    file: DataFile, names: Sequence[str], texts: Sequence[str], only: tuple[str, Any] | None
) -> Iterator[Batch]:
    """Rows whose numbers are parsed from words."""
    spelling = file.spelling
    assert spelling is not None
    for batch in batches(replace(file, spelling=None), (), [*names, *texts], only):
        columns = []
        for name in names:
            cells = batch.rows.column(name)
            words = cells.dictionary.to_pylist()
            values, places = numbers(words, spelling.others.get(name, spelling.sign))
            codes = cells.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
            columns.append(pa.array(np.append(values, np.nan)[codes]))
            for text, rows in ((words[place], np.flatnonzero(codes == place)) for place in places):
                lines = (rows + batch.start + file.first_line).tolist()
                if name in spelling.required and lines:
                    if plain(text) == plain(name):
                        rule = f"row {lines[0]} repeats the header: files were joined with their headers"
                        raise DataError(file.path, rule, "remove the row, and what is around it", f"row {lines[0]}")
                    rule = f"row {lines[0]}, column {name.strip()}: {text[:60]!r} is not a number"
                    raise DataError(file.path, rule, "correct the cell or leave it empty", name.strip())
                if lines:
                    spelling.words.setdefault(name, []).extend((line, text) for line in lines)
        kept = [batch.rows.column(name) for name in texts]
        yield Batch(batch.start, pa.RecordBatch.from_arrays([*columns, *kept], names=[*names, *texts]))


def _check_ragged(file: DataFile, has_lone_cell: bool) -> None:
    """Raise for the first row that does not fit the header, naming it as an editor counts; empty lines do not count.

    Lines of a single cell are titles and footers, unless `has_lone_cell` says that pyarrow found one among the rows.
    Silent without any.
    """
    assert file.form is not None
    width, lone = len(file.columns), None
    try:
        with _unpacked(file.place, file.packed) as stream:
            text = io.TextIOWrapper(stream, file.form.encoding, errors="replace", newline="")
            for _ in range(file.form.skipped):
                text.readline()
            rows = filter(None, csv.reader(text, delimiter=file.delimiter))
            for row, cells in enumerate(rows, file.form.skipped + 1):
                if len(cells) == 1 < width:
                    lone = lone or (row, cells[0])
                elif len(cells) != width:
                    ahead = list(islice(rows, TITLES))
                    if file.form.columns in map(tuple, ahead):
                        rule = f"a second file begins at row {row}, with its own header"
                        raise DataError(file.path, rule, "give each file by itself", f"row {row}")
                    is_cut = len(cells) < width and not ahead
                    rule = f"row {row}{', the last,' if is_cut else ''} has {len(cells)} cells, the header {width}"
                    again = "if the file was cut short, fetch or save it again; else " if is_cut else ""
                    raise DataError(file.path, rule, f"{again}correct the row", f"row {row}")
    except IwmOptsError:
        raise
    except FOREIGN as error:
        if has_lone_cell:
            raise DataError(file.path, f"cannot be read as CSV ({why(error)})", CORRECT, "content") from None
    if lone and has_lone_cell:
        row, cell = lone
        if _is_text(cell):
            raise DataError(file.path, f"row {row} is a line of text: {cell[:80]!r}", "remove it", f"row {row}")
        raise DataError(file.path, f"row {row} has one cell, {cell[:80]!r}, the header {width}", CORRECT, f"row {row}")


def json_rows(path: Path, text: str) -> Any:
    """Return the records of a JSON text as a pyarrow table.

    Raises DataError when the text is damaged, an answer without data (what the vendor says), or a result of this
    package. Raises ValueError as `json_tables` does.
    """
    try:
        return table_of_records(text)
    except AnswerError as error:
        raise DataError(path, str(error), answers.REMEDY, "answer") from None
    except OwnResultError as error:
        raise DataError(path, str(error), "give the quotes or prices that it was made of", "kind") from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" starting at")
        place = f"line {error.lineno} column {error.colno}"
        raise DataError(path, f"JSON that is cut short or damaged: {what}, {place}", AGAIN, "content") from None


def json_table(path: Path, content: bytes) -> DataFile:
    """Return records of a JSON document that is at hand, under the name it goes by in messages.

    Raises ValueError when it is invalid JSON, or holds no list of records.
    """
    text = text_of(content)
    table = json_rows(path, text)
    sample = {name: [v for v in table.column(name)[:SAMPLE_ROWS].to_pylist() if v] for name in table.column_names}
    around = (path.name, text[:TAIL_BYTES])
    return DataFile(path, "json", False, path, table.column_names, sample, table=table, around=around)


def _open_parquet(path: Path, packed: bool, place: Path) -> DataFile:
    import pyarrow.parquet as pq

    with gate(path, AGAIN, DAMAGED_PARQUET), pq.ParquetFile(_unpacked_parquet(place, packed)) as data:
        # A dataset's `head` would read several row groups whole.
        first = range(min(1, data.num_row_groups))
        heads = data.iter_batches(SAMPLE_ROWS, row_groups=list(first))
        columns = list(data.schema_arrow.names)
        check_columns(path, len(columns))
        head = next(heads, pa.RecordBatch.from_pylist([], data.schema_arrow)).to_pydict()
    sample = {name: [str(value) for value in head[name] if value is not None] for name in columns}
    return DataFile(path, "parquet", packed, place, columns, sample, around=(path.name,))


def damaged_parquet(path: Path, error: BaseException) -> DataError:
    """Error of a Parquet file that pyarrow cannot read."""
    return DataError(path, DAMAGED_PARQUET.format(why(error)), AGAIN, "content")


def _unpacked_parquet(path: Path, packed: bool) -> Any:
    """File itself, or its bytes out of gzip: rare, for Parquet compresses by itself."""
    return pa.BufferReader(content_of(path).content) if packed else str(path)


def _scanner(file: DataFile, columns: Sequence[str], only: tuple[str, Any] | None) -> Any:
    condition = None
    if only is not None:  # statistics of row groups answer `==`; reading ahead would hold those of other days whole
        column, values = only
        condition = pc.field(column) == values[0] if len(values) == 1 else pc.field(column).isin(values)
    from pyarrow import dataset

    if file.packed:
        import pyarrow.parquet as pq

        data = dataset.dataset(pq.read_table(_unpacked_parquet(file.place, packed=True)))
    else:
        data = dataset.dataset(str(file.place), format="parquet")
    read = {*columns, *(only[:1] if only else ())}
    if any(pa.types.is_string_view(data.schema.field(name).type) for name in read):
        condition = None  # pyarrow can neither compare nor filter string views: the reader filters the rows
    return data.scanner(columns=list(columns), filter=condition, batch_size=BATCH_ROWS, batch_readahead=1)


def _typed_batches(
    file: DataFile, numbers: Sequence[str], texts: Sequence[str], only: tuple[str, Any] | None
) -> Iterator[Batch]:
    columns = [*numbers, *texts]
    source = file.table.select(columns) if file.kind == "json" else _scanner(file, columns, only)
    start = 0
    for rows in source.to_batches():
        yield Batch(start, conformed(rows, numbers, texts))
        start += len(rows)


def conformed(rows: Any, numbers: Sequence[str], texts: Sequence[str]) -> Any:
    """Batch with numbers as float64 and texts as dictionaries of strings.

    Raises MixedNumbersError when a number column holds words.
    """
    try:
        columns = []
        for values in (_simple(rows.column(name)) for name in numbers):
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
                values = pc.if_else(pc.is_in(values, pa.array(BLANKS, values.type)), None, values)
            columns.append(values.cast(pa.float64(), safe=False))
    except pa.ArrowInvalid as error:
        if NOT_A_NUMBER.search(str(error)):
            raise MixedNumbersError from None
        raise
    kept = [words(rows.column(name)) for name in texts]
    return pa.RecordBatch.from_arrays([*columns, *kept], names=[*numbers, *texts])
