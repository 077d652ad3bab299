"""Rows of a text that have more or fewer cells than its header."""

import csv
import io
from collections.abc import Sequence
from typing import IO

from iwm_opts.errors import DataError


def refuse_ragged(source: object, stream: IO[bytes], columns: Sequence[str], delimiter: str) -> None:
    """Raise for the first row that does not fit the header, naming it as an editor counts; empty lines do not count."""
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace")
    try:
        for row, cells in enumerate(filter(None, csv.reader(text, delimiter=delimiter)), 1):
            if len(cells) != len(columns):
                raise DataError(
                    source, f"row {row} has {len(cells)} cells, the header {len(columns)}", "correct the row"
                )
    finally:
        text.detach()  # the stream is its opener's to close
