"""Trade-log files: bytes to rows of text, whatever packs them (gzip, zip, xlsx) and however they are encoded."""

import codecs
import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from iwm_opts.errors import DataError
from iwm_opts.io.spreadsheet_text import unguarded

DELIMITERS: Final = (",", ";", "\t", "|")
LARGEST: Final = 200_000_000  # bytes of a log once unpacked
FIRST_ROWS: Final = 200  # by which delimiters are compared
FORMATS: Final = "CSV, Excel (.xlsx), XML or Parquet, also inside .gz or .zip"
GZIP, ZIP, PARQUET, OLD_EXCEL = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"

Rows = Sequence[tuple[int, list[str]]]  # line number of the file and its cells, stripped; empty lines left out


@dataclass(frozen=True, slots=True)
class LogFile:
    """Content of a log: text, or the rows of a spreadsheet, or Parquet bytes."""

    path: Path
    text: str = ""
    sheet: Rows = ()
    parquet: bytes = b""

    @property
    def is_xml(self) -> bool:
        """Whether the text is XML."""
        return self.text.lstrip().startswith("<")

    def rows(self, delimiter: str) -> Rows:
        """Rows of the text with this delimiter, or those of the spreadsheet.

        Raises
        ------
        DataError
            When the text is not CSV.
        """
        if self.sheet:
            return self.sheet
        reader = csv.reader(io.StringIO(self.text), delimiter=delimiter)
        try:
            return [
                (reader.line_num, [unguarded(cell.strip()).removeprefix('="').removesuffix('"') for cell in cells])
                for cells in reader
                if any(map(str.strip, cells))
            ]
        except csv.Error as error:
            raise DataError(self.path, f"is not CSV: {error}", f"Give {FORMATS}") from None

    def delimiters(self) -> list[str]:
        """Delimiters, the one that cuts the beginning into most cells first."""
        head = "\n".join(self.text.split("\n", FIRST_ROWS)[:FIRST_ROWS])
        return sorted(DELIMITERS, key=head.count, reverse=True)


def open_log(path: Path) -> LogFile:
    """Read a log file.

    Raises
    ------
    DataError
        When it cannot be read, is empty, too large, or of a kind that holds no table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}", "Check the path") from None
    content = _unpacked(content, path)
    if not content.strip():
        raise DataError(path, "is empty", f"Give {FORMATS}")
    if content.startswith(PARQUET):
        return LogFile(path, parquet=content)
    if content.startswith(ZIP):
        return LogFile(path, sheet=_sheet(content, path))
    if content.startswith(OLD_EXCEL):
        raise DataError(path, "is an Excel 97-2003 workbook", "Save it as .xlsx or CSV")
    if content.startswith(b"%PDF"):
        raise DataError(path, "is a PDF", "Export the transactions as CSV")
    text = _decoded(content, path)
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html", "<table")):
        raise DataError(path, "is a web page", "Export the transactions as CSV")
    if text.lstrip().startswith(("{", "[")):
        raise DataError(path, "is JSON", "Export the transactions as CSV")
    return LogFile(path, text)


def _unpacked(content: bytes, path: Path) -> bytes:
    """Content out of gzip, or of the single file of a zip archive; a workbook stays packed."""
    if content.startswith(GZIP):
        try:
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(LARGEST + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(path, f"is damaged gzip: {error}", "Check that the file is whole") from None
    elif content.startswith(ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = [item for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
                if "xl/workbook.xml" in {item.filename for item in files}:
                    return _within(content, sum(item.file_size for item in files), path)
                if len(files) != 1:
                    names = ", ".join(item.filename for item in files[:5])
                    raise DataError(path, f"zip archive of {len(files)} files: {names}", "Extract one and give it")
                with archive.open(files[0]) as stream:
                    content = stream.read(LARGEST + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
            raise DataError(path, f"is a damaged or locked zip archive: {error}", "Extract it first") from None
    return _within(content, len(content), path)


def _within(content: bytes, size: int, path: Path) -> bytes:
    if size > LARGEST:
        raise DataError(path, f"holds over {LARGEST:,} bytes", "Export a shorter period")
    return content


def _decoded(content: bytes, path: Path) -> str:
    """Text with line feeds alone and no byte order marks."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", errors="replace")
    elif content[1:40:2].count(0) > 10:
        text = content.decode("utf-16-le", errors="replace")
    elif content[0:40:2].count(0) > 10:
        text = content.decode("utf-16-be", errors="replace")
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise DataError(path, "is not text", f"Give {FORMATS}")
    text = text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    return "\n" + rest if first.strip().lower().startswith("sep=") else text  # Excel's own first line


def _sheet(content: bytes, path: Path) -> Rows:
    """Rows of the first sheet that holds any."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise DataError(path, "is an Excel workbook", 'Install "iwm-opts[xlsx]", or save it as CSV') from None
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for sheet in book.worksheets:
            rows = [
                (line, [_cell(value) for value in values])
                for line, values in enumerate(sheet.iter_rows(values_only=True), start=1)
                if any(value not in (None, "") for value in values)
            ]
            if rows:
                return rows
    except Exception as error:
        raise DataError(path, f"is a damaged workbook: {type(error).__name__}", "Save it as CSV") from None
    raise DataError(path, "is an empty workbook", f"Give {FORMATS}")


def _cell(value: Any) -> str:
    """A cell as text: dates in ISO form, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds") if value.time() != time() else f"{value:%Y-%m-%d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()
