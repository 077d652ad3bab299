"""Rows of a text that have more or fewer cells than its header."""

import csv
import io
from typing import IO

from iwm_opts.errors import DataError
from iwm_opts.io.text import Dialect


def refuse_ragged(source: object, stream: IO[bytes], form: Dialect) -> None:
    """Raise for the first row that does not fit the header, naming it as an editor counts; empty lines do not count.

    Lines of a single cell are titles and footers, not rows.
    """
    text = io.TextIOWrapper(stream, form.encoding, errors="replace", newline="")
    width = len(form.columns)
    try:
        for _ in range(form.skipped):
            text.readline()
        rows = filter(None, csv.reader(text, delimiter=form.delimiter))
        for row, cells in enumerate(rows, form.skipped + 1):
            if len(cells) != width and not len(cells) == 1 < width:
                is_cut = len(cells) < width and next(rows, None) is None
                rule = f"row {row}{', the last,' if is_cut else ''} has {len(cells)} cells, the header {width}"
                again = "if the file was cut short, fetch or save it again; else " if is_cut else ""
                raise DataError(source, rule, f"{again}correct the row")
    finally:
        text.detach()  # the stream is its opener's to close
