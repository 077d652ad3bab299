"""Rows of a text that have more or fewer cells than its header."""

import csv
import io
from itertools import islice
from typing import IO, Final

from iwm_opts.errors import DataError
from iwm_opts.io.text import Dialect

TITLES: Final = 5  # lines above a header, at most


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
                ahead = list(islice(rows, TITLES))
                if form.columns in map(tuple, ahead):
                    rule = f"a second file begins at row {row}, with its own header"
                    raise DataError(source, rule, "give each file by itself")
                is_cut = len(cells) < width and not ahead
                rule = f"row {row}{', the last,' if is_cut else ''} has {len(cells)} cells, the header {width}"
                again = "if the file was cut short, fetch or save it again; else " if is_cut else ""
                raise DataError(source, rule, f"{again}correct the row")
    finally:
        text.detach()  # the stream is its opener's to close
