"""Packed files: gzip, a zip archive of one file, an Excel workbook; unpacked within limits."""

import atexit
import csv
import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from iwm_opts.errors import DataError
from iwm_opts.io.limits import CHECK, MAX_BYTES, MAX_STREAM, limit_of

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
CHUNK: Final = 1 << 20
WORKBOOK: Final = "xl/workbook.xml"
REMEDY: Final = "extract it first"

Rows = Sequence[tuple[int, list[str]]]  # line number of the file and its cells, stripped; empty lines left out


class Limited(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: gzip.GzipFile, source: object, limit: int) -> None:
        self.stream, self.source, self.limit, self.count = stream, source, limit, 0

    def readable(self) -> bool:
        """Return True: the stream reads."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer.

        Raises
        ------
        DataError
            Beyond the limit.
        """
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        if self.count > self.limit:
            raise DataError(self.source, f"unpacks to more than {self.limit >> 20} MB", CHECK)
        return len(data)

    def close(self) -> None:
        """Close both."""
        self.stream.close()
        super().close()


def unpacked(source: object, content: bytes) -> bytes:
    """Bytes out of gzip, of the file of a zip archive, or of a workbook's sheet as CSV, within limits.

    Raises
    ------
    DataError
        For more bytes than `MAX_BYTES`, or a ratio above `MAX_RATIO`.
    """
    if len(content) > MAX_BYTES:
        raise DataError(source, f"is larger than {MAX_BYTES >> 20} MB", "give a smaller file")
    most = limit_of(len(content), MAX_BYTES)
    if content.startswith(ZIP):
        return table_of_zip(content, Path(str(source)), most)
    if not content.startswith(GZIP):
        return content
    with gzip.open(io.BytesIO(content)) as stream:
        plain_bytes = stream.read(most + 1)
    if len(plain_bytes) > most:
        raise DataError(source, f"unpacks to more than {most >> 20} MB", CHECK)
    return plain_bytes


def content_of(path: Path) -> bytes:
    """Bytes of a file, unpacked within limits.

    Raises
    ------
    DataError
        See `unpacked`.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"is larger than {MAX_BYTES >> 20} MB", "give a smaller file")
    return unpacked(path, path.read_bytes())


def gzip_stream(path: Path) -> io.BufferedReader:
    """Content of a gzip file, within the limits."""
    limit = limit_of(path.stat().st_size, MAX_STREAM)
    return io.BufferedReader(Limited(gzip.open(path), path, limit), CHUNK)


def unzipped(content: bytes, path: Path, most: int) -> bytes:
    """Content of the single file of a zip archive; a workbook stays as it is.

    Raises
    ------
    DataError
        For a damaged or locked archive, one of several files, or one that unpacks to more than `most` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [item for item in archive.infolist() if not item.is_dir() and "__MACOSX" not in item.filename]
            if WORKBOOK in {item.filename for item in files}:
                _check_size(sum(item.file_size for item in files), path, most)
                return content
            if len(files) != 1:
                names = ", ".join(item.filename for item in files[:5])
                raise DataError(path, f"zip archive of {len(files)} files: {names}", "Extract one and give it")
            with archive.open(files[0]) as stream:
                content = stream.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(path, f"is a damaged or locked zip archive: {error}", REMEDY) from None
    _check_size(len(content), path, most)
    return content


def _check_size(size: int, path: Path, most: int) -> None:
    if size > most:
        raise DataError(path, f"holds over {most:,} bytes", "give a shorter period")


def sheet_rows(content: bytes, path: Path) -> Rows:
    """Rows of the first sheet that holds any.

    Raises
    ------
    DataError
        Without openpyxl, or for a workbook that is damaged or empty.
    """
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
    raise DataError(path, "is an empty workbook", "save the table as CSV")


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


def table_of_zip(content: bytes, path: Path, most: int) -> bytes:
    """File of a zip archive, or the sheet of a workbook as CSV."""
    inner = unzipped(content, path, most)
    if not inner.startswith(ZIP):
        return inner
    text = io.StringIO()
    rows = sheet_rows(inner, path)
    width = max(len(cells) for _, cells in rows)
    csv.writer(text).writerows([*cells, *[""] * (width - len(cells))] for _, cells in rows)
    return text.getvalue().encode()


def unpacked_copy(path: Path) -> Path:
    """Temporary file with the table of a zip archive or workbook, kept as long as the process runs."""
    status = path.stat()
    if status.st_size > MAX_BYTES:
        raise DataError(path, f"is larger than {MAX_BYTES >> 20} MB", "unpack it")
    return _copy(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _copy(path: Path, _changed: int, size: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="iwm-opts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / path.name
    copy.write_bytes(table_of_zip(path.read_bytes(), path, limit_of(size, MAX_BYTES)))
    return copy
