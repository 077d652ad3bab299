"""Limits of input files: bytes unpacked, rows, columns, characters of a cell, and seconds of reading."""

import gzip
import io
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from iwm_opts.errors import DataError

T = TypeVar("T")

GZIP: Final = b"\x1f\x8b"
MAX_BYTES: Final = 1 << 30  # of a file that is read whole, unpacked
MAX_RATIO: Final = 500  # unpacked over packed; deflate itself ends at 1032
SMALL: Final = 1 << 22  # unpacked bytes below which a ratio is no bomb
MAX_COLUMNS: Final = 2_000
MAX_CELL: Final = 10_000  # characters
MAX_ROWS: Final = 20_000_000  # of a series; chains are read batch by batch and end by seconds
MIN_SECONDS: Final = 60.0  # of reading, however small the file
SLOWEST: Final = 1e5  # bytes of file a second, below which reading is given up
CHECK: Final = "unpack it and check its content"


def unpacked(source: object, content: bytes) -> bytes:
    """Bytes out of gzip, within limits.

    Raises
    ------
    DataError
        For more bytes than `MAX_BYTES`, or a ratio above `MAX_RATIO`.
    """
    if len(content) > MAX_BYTES:
        raise DataError(source, f"is larger than {MAX_BYTES >> 20} MB", "give a smaller file")
    if not content.startswith(GZIP):
        return content
    most = min(MAX_BYTES, max(MAX_RATIO * len(content), SMALL))
    with gzip.open(io.BytesIO(content)) as stream:
        plain_bytes = stream.read(most + 1)
    if len(plain_bytes) > most:
        raise DataError(source, f"unpacks to more than {most >> 20} MB", CHECK)
    return plain_bytes


def content_of(path: Path) -> bytes:
    """Bytes of a file, out of gzip, within limits.

    Raises
    ------
    DataError
        See `unpacked`.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(path, f"is larger than {MAX_BYTES >> 20} MB", "give a smaller file")
    return unpacked(path, path.read_bytes())


def check_columns(source: object, count: int) -> None:
    """Refuse a table of more columns than `MAX_COLUMNS`.

    Raises
    ------
    DataError
    """
    if count > MAX_COLUMNS:
        raise DataError(source, f"has {count:,} columns, more than {MAX_COLUMNS:,}", "keep the columns that are read")


class Budget:
    """Bytes and seconds that reading a file batch by batch may take; the time of whoever uses the batches is free."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self.path = path
        self.seconds, self.bytes = max(MIN_SECONDS, size / SLOWEST), max(MAX_RATIO * size, SMALL)
        self.elapsed, self.since = 0.0, time.monotonic()

    def metered(self, batches: Iterable[T], bytes_each: int = 0) -> Iterator[T]:
        """Batches within the budget; each of so many unpacked bytes.

        Raises
        ------
        DataError
            Beyond the bytes or the seconds.
        """
        self.since = time.monotonic()
        for batch in batches:
            self.spend(bytes_each)
            yield batch
            self.since = time.monotonic()

    def spend(self, unpacked_bytes: int = 0) -> None:
        """Count bytes out of the file and the time since the last count.

        Raises
        ------
        DataError
            Beyond the bytes or the seconds.
        """
        now = time.monotonic()
        self.elapsed, self.since = self.elapsed + now - self.since, now
        self.bytes -= unpacked_bytes
        if self.bytes < 0:
            raise DataError(self.path, f"unpacks to more than {MAX_RATIO} times its size", CHECK)
        if self.elapsed > self.seconds:
            raise DataError(self.path, f"takes more than {self.seconds:.0f} s to read", CHECK)
