"""The table in an IV history file, as it stands there: text of any usual separator and encoding, or Parquet."""

import csv
import gzip
import io
import zlib
from collections import Counter
from pathlib import Path

import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.text import DELIMITERS

MISSING = ["."]  # FRED's blank, beside those that pandas knows
REMEDY = "give a CSV or Parquet file with a date and a close column, such as Cboe's RVX_History.csv"


def read_table(path: Path, remedy: str = REMEDY) -> pd.DataFrame:
    """Rows of a CSV as text, or of a Parquet file in its own types; gzip or not, recognised by content.

    Raises
    ------
    DataError
        When the file is missing, empty, no table, or text in UTF-16.
    """
    if path.is_dir():
        raise DataError(path, "is a directory", remedy)
    if not path.is_file():
        raise DataError(path, "does not exist", remedy)
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        table = _parsed(path, content, remedy)
    except DataError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:  # pandas' and pyarrow's parser errors are ValueErrors
        raise DataError(path, f"cannot be read as a table ({error})", remedy) from None
    if table.empty:
        raise DataError(path, "holds no rows", remedy)
    return table


def plain_name(column: object) -> str:
    """A column's name without case and spaces."""
    return str(column).strip().lower().replace(" ", "_")


def refuse_twins(path: Path, table: pd.DataFrame, used: tuple[str, ...]) -> None:
    """Nobody knows which of two columns of one name is meant."""
    count = Counter(plain_name(column) for column in table.columns)
    for name in used:
        if count[name] > 1:
            raise DataError(path, f"column {name} occurs {count[name]} times", "keep one of them")


def _parsed(path: Path, content: bytes, remedy: str) -> pd.DataFrame:
    if not content.strip():
        raise DataError(path, "is empty", remedy)
    if content.startswith(b"%PDF"):
        raise DataError(path, "is a PDF, not a table", remedy)
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(path, "is a spreadsheet or an archive, not a table", remedy)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(path, "is text in UTF-16", "save it as UTF-8")
    if content.startswith(b"PAR1"):
        table = pd.read_parquet(io.BytesIO(content))
        return table.reset_index() if table.index.name is not None else table
    return _of_text(path, content)


def _of_text(path: Path, content: bytes) -> pd.DataFrame:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    header = text.lstrip().splitlines()[0]
    delimiter = max(DELIMITERS, key=header.count)
    table = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str, na_values=MISSING)
    columns = next(csv.reader([header], delimiter=delimiter))
    if not isinstance(table.index, pd.RangeIndex) or len(columns) != len(
        table.columns
    ):  # pandas would take surplus cells for an index and shift the rest
        rule = f"its rows have more cells than the {len(columns)} of its header"
        raise DataError(path, rule, "mend the rows or the header")
    return table.set_axis(columns, axis=1)  # as written: pandas renames the second of equal names
