"""Trade-log files: bytes to rows of text, whatever packs them (gzip, zip, xlsx) and however they are encoded."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from iwm_opts.documents import parse_json, parse_toml
from iwm_opts.errors import DataError
from iwm_opts.io.answers import REMEDY, own_result, refusal
from iwm_opts.io.failures import gate
from iwm_opts.io.limits import MAX_LOG, check_columns
from iwm_opts.io.opening import read_whole
from iwm_opts.io.packed import AGAIN, ZIP, unpacked
from iwm_opts.io.spreadsheet_text import unguarded
from iwm_opts.io.tables import DAMAGED_PARQUET
from iwm_opts.io.text import text_of
from iwm_opts.io.workbook import Rows, Sheet, sheets_of
from iwm_opts.journal.brokers.not_supported import json_answer_of
from iwm_opts.journal.trade_log import COLUMNS

DELIMITERS: Final = (",", ";", "\t", "|")
FIRST_ROWS: Final = 200  # by which delimiters are compared
FORMATS: Final = "CSV, Excel (.xlsx), XML or Parquet, also inside .gz or .zip"
WEB_PAGE: Final = re.compile(r"<(?:!doctype html|html|head|body|table)\b", re.IGNORECASE)
LFS_POINTER: Final = "version https://git-lfs.github.com/spec/"
ANNEX_POINTER: Final = "/annex/objects/"
TOML_LINE: Final = re.compile(r"""\[\[?[\w."-]+\]\]?(?:\s*#.*)?|[\w."-]+\s*=.+""")  # the first of a file
PLAN_KEYS: Final = {"version", "name", "horizon", "instrument"}  # of a plan, with its edge
PARQUET, OLD_EXCEL = b"PAR1", b"\xd0\xcf\x11\xe0"
OF_RESULTS: Final = {  # trades of results, by command
    "backtest": "Give its trades: iwm-opts backtest --format csv",
    "paper": "Review the paper log itself: iwm-opts review paper",
    "review": "Give the log that it reviewed; review LOG --write-log FILE keeps one",
}
# First bytes of files that hold no table.
OTHER_FILES: Final = {
    b"%PDF": "a PDF", b"\x89PNG": "an image (PNG)", b"\xff\xd8\xff": "an image (JPEG)", b"GIF8": "an image (GIF)",
    b"SQLite format 3\0": "an SQLite database", b"Rar!": "a RAR archive", b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogFile:
    """Content of a log: text, or the rows of a spreadsheet, or Parquet bytes."""

    path: Path
    text: str = ""
    sheets: Sequence[Sheet] = ()  # of a spreadsheet
    parquet: bytes = b""
    notes: tuple[str, ...] = ()  # on what packs it

    @property
    def is_xml(self) -> bool:
        """Whether the text is XML."""
        return self.text.lstrip().startswith("<")

    def rows(self, delimiter: str) -> Rows:
        """Rows of the text with this delimiter, or those of the spreadsheet.

        Raises DataError when the text is not CSV.
        """
        if self.sheets:
            return [(line, [plain_spaces(cell) for cell in cells]) for line, cells in self.sheets[0].rows]
        reader = csv.reader(io.StringIO(self.text), delimiter=delimiter)
        try:
            return [
                (reader.line_num, [unguarded(cell.strip()).removeprefix('="').removesuffix('"') for cell in cells])
                for cells in reader
                if any(map(str.strip, cells))
            ]
        except csv.Error as error:
            raise DataError(self.path, f"is not CSV: {error}", f"Give {FORMATS}", "content") from None

    def frame(self) -> pd.DataFrame:
        """Table of the Parquet bytes; odd columns that a log has are refused, others left out."""
        import pyarrow.parquet as pq

        with gate(self.path, AGAIN, DAMAGED_PARQUET):
            table = pq.read_table(io.BytesIO(self.parquet))
            check_columns(self.path, table.num_columns)
            odd = [field.name for field in table.schema if _is_odd(field.type)]
            named = [name for name in odd if name in COLUMNS]
            if named:
                raise DataError(
                    self.path, f"column {named[0]} holds lists, records or bytes", "Write one value a cell", named[0]
                )
            frame: pd.DataFrame = table.drop_columns(odd).to_pandas()
        return frame.reset_index() if any(name for name in frame.index.names) else frame

    def delimiters(self) -> list[str]:
        """Delimiters, the one that cuts the beginning into most cells first."""
        head = "\n".join(self.text.split("\n", FIRST_ROWS)[:FIRST_ROWS])
        return sorted(DELIMITERS, key=head.count, reverse=True)


def _is_odd(kind: Any) -> bool:
    """Whether cells of a type of pyarrow hold several values, or bytes."""
    import pyarrow as pa

    of_type = pa.types
    if of_type.is_dictionary(kind):
        return _is_odd(kind.value_type)
    is_bytes = of_type.is_binary(kind) or of_type.is_large_binary(kind) or of_type.is_fixed_size_binary(kind)
    return bool(of_type.is_nested(kind) or is_bytes or of_type.is_binary_view(kind) or hasattr(kind, "storage_type"))


def plain_spaces(text: str) -> str:
    """Text with common spaces for those that do not break a line (copies of web pages)."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def open_log(path: Path) -> LogFile:
    """Read a log file.

    Raises DataError when it cannot be read, is empty, too large, or of a kind that holds no table.
    """
    try:
        content = read_whole(path, MAX_LOG)
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}", "Check the path") from None
    table = unpacked(path, content, MAX_LOG)
    content, notes = table.content, table.notes
    if len(content) > MAX_LOG:
        raise DataError(path, f"holds over {MAX_LOG:,} bytes", "Export a shorter period", "size")
    if not content.strip():
        raise DataError(path, "is empty", f"Give {FORMATS}", "size")
    if content.startswith(PARQUET):
        return LogFile(path, parquet=content, notes=notes)
    if content.startswith(ZIP):
        return LogFile(path, sheets=sheets_of(content, path), notes=notes)
    if content.startswith(OLD_EXCEL):
        raise DataError(path, "is an Excel 97-2003 workbook, or one with a password", "Save it as .xlsx or CSV", "kind")
    other = next((what for start, what in OTHER_FILES.items() if content.startswith(start)), "")
    if other:
        raise DataError(path, f"is {other}", "Export the transactions as CSV", "kind")
    text = text_of(content)
    if "\0" in text:
        raise DataError(path, "is not text", f"Give {FORMATS}", "kind")
    text = plain_spaces(text).replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    text = "\n" + rest if first.strip().lower().startswith("sep=") else text  # Excel's own first line
    for is_it, what, remedy in (
        (WEB_PAGE.search(text[:2_000]) and text.lstrip().startswith("<"), "a web page", ""),
        (text.lstrip().startswith(("OFXHEADER", "!Type:")), "a download of Quicken (OFX or QIF)", ""),
        (text.startswith(LFS_POINTER), "a Git LFS pointer, not the file itself", "Run git lfs pull"),
        (text.startswith(ANNEX_POINTER), "a git-annex pointer, not the file itself", "Run git annex get"),
    ):
        if is_it:
            raise DataError(path, f"is {what}", remedy or "Export the transactions as CSV", "kind")
    _check_settings(text, path)
    if text.lstrip().startswith(("{", "[")):
        return LogFile(path, sheets=[Sheet("", _json_rows(text, path))], notes=notes)
    return LogFile(path, text, notes=notes)


def _check_settings(text: str, path: Path) -> None:
    """Refuse a plan, in TOML or JSON, and other settings in TOML."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    is_toml = TOML_LINE.fullmatch(next(lines, "").strip()) is not None
    if not is_toml and not text.lstrip().startswith("{"):
        return
    try:
        content = parse_toml(text) if is_toml else parse_json(text)
    except ValueError:  # named where it is read
        return
    if isinstance(content, dict) and "edge" in content and PLAN_KEYS & set(content):
        raise DataError(path, "is a plan, not a trade log", "Name the log, and the plan as `plan`", "kind")
    if is_toml:
        raise DataError(path, "holds settings (TOML), not a trade log", f"Give {FORMATS}", "kind")


def _json_rows(text: str, path: Path) -> Rows:
    """Header and rows of a list of flat records, alone or under a name as `BrokerageTransactions`."""
    try:
        content = parse_json(text)
    except ValueError:
        raise DataError(
            path, "JSON that is cut short or damaged", "Export the transactions as CSV", "content"
        ) from None
    if command := own_result(content):
        rule = f"is the JSON of iwm-opts {command}, not a trade log"
        raise DataError(path, rule, OF_RESULTS.get(command, "Give the log of trades, or the CSV of a backtest"), "kind")
    answer = json_answer_of(content)
    if answer is not None:
        raise DataError(path, f"{answer[0]}: this JSON is not supported", answer[1], "kind")
    said = refusal(content)
    if said:
        raise DataError(path, f"is an answer without data; {said}", REMEDY, "answer")
    lists = [content] if isinstance(content, list) else list(content.values())
    records = next((item for item in lists if isinstance(item, list) and item and isinstance(item[0], dict)), [])
    names = list(dict.fromkeys(name for record in records if isinstance(record, dict) for name in record))
    values = [[record.get(name) for name in names] for record in records if isinstance(record, dict)]
    if not records or any(isinstance(value, (dict, list)) for row in values for value in row):
        is_chain = '"strike"' in text and '"bid"' in text
        what = " of an option chain" if is_chain else " that no reader knows"
        raise DataError(
            path, f"is JSON{what}", "Export the transactions as CSV, or write a log of this tool (see docs)", "kind"
        )
    cells = [["" if value is None else str(value).strip() for value in row] for row in values]
    return [(0, names), *enumerate(cells, start=1)]
