"""Packed files: gzip, zip archives and Excel workbooks, one inside the other too; unpacked within limits."""

import atexit
import gzip
import io
import re
import shutil
import tempfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from iwm_opts.conventions import some
from iwm_opts.errors import DataError
from iwm_opts.io.limits import CHECK, MAX_BYTES, MAX_STREAM, limit_of
from iwm_opts.io.opening import read_whole
from iwm_opts.io.workbook import WORKBOOK, csv_of_workbook

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
EMPTY_ZIP: Final = b"PK\x05\x06"
PACKED: Final = (GZIP, ZIP, EMPTY_ZIP)
CHUNK: Final = 1 << 20
SMALL_PACKED: Final = 1 << 23  # bytes of a gzip file whose content is kept in memory,
SMALL_UNPACKED: Final = 1 << 25  # and of that content
DEPTH: Final = 4  # files packed into one another
SHOWN: Final = 5  # names in a message
REMEDY: Final = "extract it first"
AGAIN: Final = "fetch or save it again"
DAMAGE: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, LookupError, ValueError)
SYSTEM_FILE: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
COMPANION: Final = re.compile(  # of a vendor's table
    r"read[ _-]?me|licen[cs]e|notice|disclaimer|terms|change ?log"
    r"|\.(?:md|pdf|html?|docx?|rtf|png|jpe?g|url|md5|sha\d+)$",
    re.IGNORECASE,
)
OTHER_ARCHIVES: Final = (  # by a member
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)", "save it as .xlsx or CSV"),
    ("content.xml", "an OpenDocument file", "save it as .xlsx or CSV"),
    ("word/document.xml", "a Word document", "save its table as CSV"),
    ("Index/Document.iwa", "a Numbers spreadsheet", "export it as CSV"),
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Bytes of a table out of whatever packs it, and what was beside it."""

    content: bytes
    notes: tuple[str, ...] = ()


class Limited(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: gzip.GzipFile, source: object, limit: int) -> None:
        self.stream, self.source, self.limit, self.count = stream, source, limit, 0

    def readable(self) -> bool:
        """Return True: the stream reads."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer.

        Raises DataError beyond the limit, or for a damaged file.
        """
        try:
            data = self.stream.read(len(buffer))
        except (EOFError, OSError, zlib.error) as error:
            raise damaged_gzip(self.source, error) from None
        buffer[: len(data)] = data
        self.count += len(data)
        if self.count > self.limit:
            raise too_large(self.source, self.limit)
        return len(data)

    def close(self) -> None:
        """Close both."""
        self.stream.close()
        super().close()


def damaged_gzip(source: object, error: Exception) -> DataError:
    """Error of a gzip file that ends early or does not unpack."""
    if isinstance(error, EOFError):
        return DataError(source, "gzip file cut short", AGAIN, "content")
    return DataError(source, f"damaged gzip file: {error}", AGAIN, "content")


def too_large(source: object, limit: int) -> DataError:
    """Error of a file that unpacks to more than a limit."""
    return DataError(source, f"unpacks to more than {limit >> 20} MB", CHECK, "size")


def unpacked(source: object, content: bytes, most: int) -> Unpacked:
    """Table out of gzip and zip, one inside the other too; a workbook stays as it is.

    Raises DataError for a damaged or locked archive, one of several tables or of none, or more than `most` bytes.
    """
    notes: tuple[str, ...] = ()
    for _ in range(DEPTH):
        if content.startswith(GZIP):
            try:
                with gzip.open(io.BytesIO(content)) as stream:
                    content = stream.read(most + 1)
            except (EOFError, OSError, zlib.error) as error:
                raise damaged_gzip(source, error) from None
            if len(content) > most:
                raise too_large(source, most)
        elif content.startswith((ZIP, EMPTY_ZIP)):
            inner, beside = _member(source, content, most)
            if inner is None:
                return Unpacked(content, notes)
            content, notes = inner, (*notes, *beside)
        else:
            return Unpacked(content, notes)
    raise DataError(source, f"packs files more than {DEPTH} deep", REMEDY, "members")


def content_of(path: Path) -> Unpacked:
    """Bytes of a file's table, unpacked within limits; a workbook's as CSV.

    Raises DataError as `unpacked`, `io.workbook` does.
    """
    content = read_whole(path, MAX_BYTES)
    table = unpacked(path, content, limit_of(len(content), MAX_BYTES))
    if not table.content.startswith(ZIP):
        return table
    content, notes = csv_of_workbook(table.content, path)
    return Unpacked(content, (*table.notes, *notes))


def gzip_stream(path: Path) -> io.BufferedIOBase:
    """Content of a gzip file, within the limits; that of a small one is kept, as it is read several times."""
    status = path.stat()
    content = _small_content(path, status.st_mtime_ns, status.st_size) if status.st_size <= SMALL_PACKED else None
    return _limited(path, status.st_size) if content is None else io.BytesIO(content)


def is_small(path: Path, packed: bool) -> bool:
    """Whether the content of a file, gzip where `packed`, is of a few MB."""
    if packed:
        return isinstance(gzip_stream(path), io.BytesIO)
    return path.stat().st_size <= SMALL_UNPACKED


@lru_cache(maxsize=1)
def _small_content(path: Path, _changed: int, size: int) -> bytes | None:
    """Content of a gzip file; None of one that unpacks to more than is kept."""
    packed = read_whole(path, SMALL_PACKED)
    whole = zlib.decompressobj(zlib.MAX_WBITS | 16)  # of gzip
    with suppress(zlib.error):  # the stream says what is wrong
        content = whole.decompress(packed, SMALL_UNPACKED + 1)
        if whole.eof and not whole.unused_data and len(content) <= min(limit_of(size, MAX_STREAM), SMALL_UNPACKED):
            return content
    with _limited(path, size) as stream:
        content = stream.read(SMALL_UNPACKED + 1)
    return content if len(content) <= SMALL_UNPACKED else None


def _limited(path: Path, size: int) -> io.BufferedReader:
    return io.BufferedReader(Limited(gzip.open(path), path, limit_of(size, MAX_STREAM)), CHUNK)


def _member(source: object, content: bytes, most: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Table of a zip archive, and a note on other files; None of a workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [item for item in archive.infolist() if not item.is_dir() and not SYSTEM_FILE.search(item.filename)]
            names = [item.filename for item in files]
            if WORKBOOK in names:
                if sum(item.file_size for item in files) > most:
                    raise too_large(source, most)
                return None, ()
            chosen = files[names.index(_table_among(source, names))]
            if chosen.flag_bits & 1:
                raise DataError(source, f"zip archive locked by a password ({chosen.filename})", REMEDY, "password")
            with archive.open(chosen) as stream:
                inner = stream.read(most + 1)
    except DAMAGE as error:
        if isinstance(error, DataError):
            raise
        rule = f"zip archive or workbook that is cut short or damaged: {error}"
        raise DataError(source, rule, AGAIN, "content") from None
    if len(inner) > most:
        raise too_large(source, most)
    others = [name for name in names if name != chosen.filename]
    return inner, (f"{chosen.filename} of a zip archive; not read: {some(others, SHOWN)}",) if others else ()


def _table_among(source: object, names: list[str]) -> str:
    """Name of the only table among the files of an archive."""
    for mark, what, remedy in OTHER_ARCHIVES:
        if mark in names:
            raise DataError(source, f"is {what}, not a table", remedy, "kind")
    tables = [name for name in names if not COMPANION.search(PurePosixPath(name).name)]
    if len(tables) > 1:
        tables = [name for name in tables if not name.lower().endswith(".txt")] or tables
    if len(tables) == 1:
        return tables[0]
    if not names:
        raise DataError(source, "empty zip archive", AGAIN, "members")
    if not tables:
        rule = f"zip archive without a table: {some(names, SHOWN)}"
        raise DataError(source, rule, "give a CSV, Parquet or JSON file, gzip or not", "members")
    remedy = "extract one and give it"
    raise DataError(source, f"zip archive of {len(tables)} files: {some(tables, SHOWN)}", remedy, "members")


def unpacked_copy(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Temporary file with the table of a packed file, kept as long as the process runs, and notes on it."""
    status = path.stat()
    return _copy(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _copy(path: Path, _changed: int, _size: int) -> tuple[Path, tuple[str, ...]]:
    table = content_of(path)
    folder = Path(tempfile.mkdtemp(prefix="iwm-opts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / path.name
    copy.write_bytes(table.content)
    return copy, table.notes
