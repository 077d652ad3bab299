"""Rows out of a file, batch by batch: CSV, Parquet and JSON, gzip or not; nothing here knows what an option is.

Words come as dictionaries (dates and roots repeat a million times), numbers as float64 with NaN for an empty cell. A
batch keeps the number of its first row, so that an error can name the line.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from iwm_opts.errors import DataError
from iwm_opts.io.json_tables import table_of_records
from iwm_opts.io.ragged import refuse_ragged

EMPTY: Final = ("", " ", "  ", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "-", "--")
DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE_ROWS: Final = 5
SAMPLE_BYTES: Final = 1 << 16
BATCH_ROWS: Final = 1 << 17
BLOCK_BYTES: Final = 1 << 20
WORDS: Final = pa.dictionary(pa.int32(), pa.string())
JSON_START: Final = re.compile(r"\s*(\{|\[\s*\{)")  # a bracket alone also begins OptionsDX's [QUOTE_UNIXTIME]
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
OTHERS: Final = {b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
REMEDY: Final = "give a CSV, Parquet or JSON file, gzip or not"

Kind = Literal["csv", "parquet", "json"]


@dataclass(frozen=True, slots=True, eq=False)
class DataFile:
    """An opened file: its columns, and a few of their first values."""

    path: Path
    kind: Kind
    packed: bool  # gzip
    columns: list[str]
    sample: dict[str, list[str]]
    delimiter: str = ","
    table: Any = None  # all rows of a JSON file

    @property
    def first_line(self) -> int:
        """Number that a person counts for the first row of data."""
        return 2 if self.kind == "csv" else 1


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, and the number of the first of them counted from zero: among those of the day in a Parquet file."""

    start: int
    rows: Any  # pyarrow.RecordBatch


def open_table(path: Path) -> DataFile:
    """Look at a file's beginning.

    Raises
    ------
    DataError
        For a folder, an empty or unreadable file, or one that is neither text nor Parquet.
    """
    if path.is_dir():
        raise DataError(path, "is a directory", "give one file")
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
        with _unpacked(path, packed) as stream:
            head = stream.read(SAMPLE_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, why(error), "check the path and that the file is whole") from None
    if not head.strip():
        raise DataError(path, "is empty", REMEDY)
    if head.startswith(PARQUET):
        return _open_parquet(path, packed)
    other = next((kind for start, kind in OTHERS.items() if head.startswith(start)), None)
    if other == "UTF-16":
        raise DataError(path, "is text in UTF-16", "save it as UTF-8")
    if other or b"\0" in head:
        raise DataError(path, f"is {other or 'a binary file'}, not a table", REMEDY)
    text = head.decode("utf-8-sig", errors="replace")
    return _open_json(path, packed) if JSON_START.match(text) else _open_csv(path, packed, text)


def batches(
    file: DataFile, numbers: Sequence[str], texts: Sequence[str], only: tuple[str, Any] | None = None
) -> Iterator[Batch]:
    """Rows of the named columns.

    Parameters
    ----------
    numbers, texts : sequences of str
        Columns to read as float64, and as dictionaries of strings.
    only : (str, pyarrow.Array), optional
        A column and the values wanted of it, as `distinct` gave them: lets a Parquet file skip the rest.

    Raises
    ------
    DataError
        Names row, column and value of what is no number.
    """
    try:
        if file.kind == "csv":
            yield from _csv_batches(file, numbers, texts)
        else:
            yield from _typed_batches(file, numbers, texts, only)
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        if file.kind == "csv":
            _name_bad_number(file, numbers)
        raise DataError(file.path, why(error), "check that the file is whole and every row has every column") from None


def distinct(file: DataFile, column: str) -> Any:
    """Values of one column of a Parquet file, each once, in the file's own type."""
    seen = None
    for batch in _scanner(file, [column], None).to_batches():
        values = pc.unique(batch.column(0))
        seen = values if seen is None else pc.unique(pa.concat_arrays([seen, values.cast(seen.type)]))
    return pa.array([], pa.string()) if seen is None else seen


def words(values: Any) -> Any:
    """Any column as a dictionary of strings; dates and times in ISO form."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    return values.dictionary_encode()


def why(error: BaseException) -> str:
    """Reason of a failure, in one line."""
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(reason.split())[:200] or type(error).__name__


def _unpacked(path: Path, packed: bool) -> Any:
    return gzip.open(path) if packed else path.open("rb")


def _open_csv(path: Path, packed: bool, text: str) -> DataFile:
    lines = text.splitlines()
    header = lines[0]
    delimiter = max(DELIMITERS, key=header.count)
    rows = list(csv.reader(lines[: SAMPLE_ROWS + 1], delimiter=delimiter))
    columns = rows[0]
    sample = {
        name: [row[place] for row in rows[1:] if place < len(row) and row[place].strip()]
        for place, name in reversed(list(enumerate(columns)))
    }
    return DataFile(path, "csv", packed, columns, sample, delimiter)


def _csv_batches(file: DataFile, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Batch]:
    from pyarrow import csv as arrow_csv

    # Columns go by position: names may be empty or occur twice.
    place = {name: str(position) for position, name in reversed(list(enumerate(file.columns)))}
    wanted = [*numbers, *texts]
    types = {place[name]: pa.float64() for name in numbers} | {place[name]: WORDS for name in texts}
    stream = pa.input_stream(str(file.path), compression="gzip" if file.packed else None)
    reader = arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(
            column_names=[str(position) for position in range(len(file.columns))], skip_rows=1, block_size=BLOCK_BYTES
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=file.delimiter),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=[place[name] for name in wanted],
            null_values=list(EMPTY),
            strings_can_be_null=True,
        ),
    )
    start = 0
    for rows in reader:
        yield Batch(start, pa.RecordBatch.from_arrays(rows.columns, names=wanted))
        start += len(rows)


def _name_bad_number(file: DataFile, numbers: Sequence[str]) -> None:
    """Raise for the first ragged row of a CSV, or cell that should be a number and is not; silent without any."""
    try:
        with _unpacked(file.path, file.packed) as stream:
            refuse_ragged(file.path, stream, file.columns, file.delimiter)
        for batch in _csv_batches(file, (), numbers):
            _refuse_non_numbers(file, batch.start, batch.rows, numbers)
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error):
        return


def _refuse_non_numbers(file: DataFile, start: int, rows: Any, numbers: Sequence[str]) -> None:
    for name in numbers:
        for position, value in enumerate(words(rows.column(name)).to_pylist()):
            try:
                float(value or "nan")
            except ValueError:
                line = start + position + file.first_line
                rule = f"row {line}, column {name.strip()}: {value!r} is not a number"
                raise DataError(file.path, rule, "correct the cell or leave it empty") from None


def _open_json(path: Path, packed: bool) -> DataFile:
    try:
        with _unpacked(path, packed) as stream:
            return json_table(path, stream)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        if "Extra data" in str(error):
            raise DataError(path, f"is JSON lines ({why(error)})", "put the records into one list, [...]") from None
        raise DataError(path, f"cannot be read as JSON: {why(error)}", REMEDY) from None


def json_table(path: Path, stream: IO[bytes]) -> DataFile:
    """Records of a JSON document that is at hand, under the name it goes by in messages.

    Raises
    ------
    ValueError
        When it is no JSON, or holds no list of records.
    """
    table = table_of_records(stream)
    sample = {name: [v for v in table.column(name)[:SAMPLE_ROWS].to_pylist() if v] for name in table.column_names}
    return DataFile(path, "json", False, table.column_names, sample, table=table)


def _open_parquet(path: Path, packed: bool) -> DataFile:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(_unpacked_parquet(path, packed)) as data:
            # A dataset's `head` would read several row groups whole.
            first = range(min(1, data.num_row_groups))
            heads = data.iter_batches(SAMPLE_ROWS, row_groups=list(first))
            columns = list(data.schema_arrow.names)
            head = next(heads, pa.RecordBatch.from_pylist([], data.schema_arrow)).to_pydict()
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        raise DataError(path, why(error), "check that the file is whole") from None
    sample = {name: [str(value) for value in head[name] if value is not None] for name in columns}
    return DataFile(path, "parquet", packed, columns, sample)


def _unpacked_parquet(path: Path, packed: bool) -> Any:
    """The file itself, or its bytes out of gzip: rare, for Parquet compresses by itself."""
    return pa.BufferReader(gzip.decompress(path.read_bytes())) if packed else str(path)


def _scanner(file: DataFile, columns: Sequence[str], only: tuple[str, Any] | None) -> Any:
    wanted = None
    if only is not None:  # statistics of row groups answer `==`; reading ahead would hold those of other days whole
        column, values = only
        wanted = pc.field(column) == values[0] if len(values) == 1 else pc.field(column).isin(values)
    from pyarrow import dataset

    if file.packed:
        import pyarrow.parquet as pq

        data = dataset.dataset(pq.read_table(_unpacked_parquet(file.path, packed=True)))
    else:
        data = dataset.dataset(str(file.path), format="parquet")
    return data.scanner(columns=list(columns), filter=wanted, batch_size=BATCH_ROWS, batch_readahead=1)


def _typed_batches(
    file: DataFile, numbers: Sequence[str], texts: Sequence[str], only: tuple[str, Any] | None
) -> Iterator[Batch]:
    wanted = [*numbers, *texts]
    source = file.table.select(wanted) if file.kind == "json" else _scanner(file, wanted, only)
    start = 0
    for rows in source.to_batches():
        yield Batch(start, conformed(file, start, rows, numbers, texts))
        start += len(rows)


def conformed(file: DataFile, start: int, rows: Any, numbers: Sequence[str], texts: Sequence[str]) -> Any:
    """Batch with numbers as float64 and texts as dictionaries of strings."""
    try:
        columns = [_number(rows.column(name)) for name in numbers]
    except pa.ArrowException:
        _refuse_non_numbers(file, start, rows, numbers)
        raise
    return pa.RecordBatch.from_arrays(
        [*columns, *(words(rows.column(name)) for name in texts)], names=[*numbers, *texts]
    )


def _number(values: Any) -> Any:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.if_else(pc.is_in(values, pa.array(EMPTY, values.type)), None, values)
    return values.cast(pa.float64(), safe=False)
