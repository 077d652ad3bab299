"""Limits of input files: bytes unpacked, rows, columns, characters of a cell, and seconds of reading."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from iwm_opts.errors import DataError

T = TypeVar("T")

MAX_BYTES: Final = 1 << 30  # of a file that is read whole, a zip archive or a workbook, packed and unpacked
MAX_STREAM: Final = 1 << 36  # unpacked bytes of a gzipped file that is read batch by batch
MAX_LOG: Final = 200_000_000  # unpacked bytes of a trade log
MAX_RATIO: Final = 100  # unpacked over packed; chains have some 10, deflate ends at 1032
SMALL: Final = 1 << 22  # unpacked bytes below which any ratio is allowed
MAX_COLUMNS: Final = 2_000
MAX_CELL: Final = 10_000  # characters
MAX_ROWS: Final = 20_000_000  # of a series; chains are read batch by batch and end by seconds
MIN_SECONDS: Final = 60.0  # of reading, however small the file
SLOWEST: Final = 1e5  # bytes of file a second, below which reading is given up
CHECK: Final = "unpack it and check its content"


def limit_of(size: int, most: int) -> int:
    """Bytes that a packed file of a size may unpack to, at most `most`."""
    return min(most, max(MAX_RATIO * size, SMALL))


def check_columns(source: object, count: int) -> None:
    """Refuse a table of more columns than `MAX_COLUMNS`."""
    if count > MAX_COLUMNS:
        raise DataError(
            source, f"has {count:,} columns, more than {MAX_COLUMNS:,}", "keep the columns that are read", "columns"
        )


class Budget:
    """Seconds that reading a file batch by batch may take; the time of whoever uses the batches is free."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = max(MIN_SECONDS, path.stat().st_size / SLOWEST)
        self.elapsed, self.since = 0.0, time.monotonic()

    def metered(self, batches: Iterable[T]) -> Iterator[T]:
        """Batches within the budget.

        Raises DataError beyond the seconds.
        """
        self.since = time.monotonic()
        for batch in batches:
            self.spend()
            yield batch
            self.since = time.monotonic()

    def spend(self) -> None:
        """Count the time since the last count.

        Raises DataError beyond the seconds.
        """
        now = time.monotonic()
        self.elapsed, self.since = self.elapsed + now - self.since, now
        if self.elapsed > self.seconds:
            raise DataError(self.path, f"takes more than {self.seconds:.0f} s to read", CHECK, "time")
