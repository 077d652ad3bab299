"""Form of a text table: encoding, separator, lines above its header."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iwm_opts.errors import DataError

DELIMITERS: Final = (",", ";", "\t", "|")
LINES_LOOKED_AT: Final = 40  # above which a header is not looked for
SEPARATOR_LINE: Final = re.compile(r"\s*sep\s*=\s*(.)\s*", re.IGNORECASE)  # Excel's
SHORTEST: Final = 4  # zeros by which UTF-16 without a mark is known
READ_BYTES: Final = 1 << 20
COMMENT: Final = "#"
NAMES_OF_A_HEADER: Final = 2  # known names that a line below the first one needs to be taken for the header
OTHER_SEPARATORS: Final = {  # what some files put between columns, as messages call it
    r"~": "'~'", r"\^": "'^'", r"!": "'!'", r"\*": "'*'", r":": "':'", r"/": "'/'", r"&": "'&'", r"#": "'#'",
    r"[\x01-\x08\x1c-\x1f]": "control characters", r"\s+": "spaces",
}  # fmt: skip
NAMES_APART: Final = 3  # known names between such separators that make a header
LONGEST_HEADER: Final = 20_000  # characters
BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialect:
    """Form of a text table."""

    encoding: str
    delimiter: str
    skipped: int  # lines up to and with the header
    columns: tuple[str, ...]
    above: tuple[str, ...]  # lines above the header


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes: UTF-8, UTF-16 with or without a mark, else Windows-1252."""
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[0:200:2].count(0), head[1:200:2].count(0)  # zeros in both are those of a binary file
    fewest = max(len(head[:200]) // 4, SHORTEST)
    if odd > fewest and not even:
        return "utf-16-le"
    if even > fewest and not odd:
        return "utf-16-be"
    try:
        head[: max(len(head) - 4, 0)].decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8" if error.start > len(head) - 8 else "cp1252"
    return "utf-8"


def text_of(content: bytes) -> str:
    """Text of a file in whichever encoding it is saved, without a byte order mark."""
    return content.decode(encoding_of(content), errors="replace").replace("\ufeff", "")


def cells_of(line: str, delimiter: str) -> list[str]:
    """Cells of one line."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=False), [])
    except csv.Error:
        return [line]


def dialect(text: str, encoding: str, is_known: Callable[[str], bool]) -> Dialect:
    """Form of a table by its first lines.

    The header is the line that holds most names known to the reader; without any, the first that is neither blank nor
    a comment. Lines above it (titles, comments, Excel's `sep=`) are kept as `above`.
    """
    lines = text.splitlines()[:LINES_LOOKED_AT]
    given = next((match[1] for line in lines[:2] if (match := SEPARATOR_LINE.fullmatch(line))), None)
    candidates = [
        (place, line)
        for place, line in enumerate(lines)
        if line.strip() and not SEPARATOR_LINE.fullmatch(line) and not line.lstrip().startswith(COMMENT)
    ] or [(0, lines[0] if lines else "")]
    best, place, delimiter = -1, candidates[0][0], given or _delimiter(candidates[0][1])
    for at, line in candidates:
        mark = given or _delimiter(line)
        count = sum(is_known(cell) for cell in cells_of(line, mark))
        if count > max(best, 0 if best < 0 else NAMES_OF_A_HEADER - 1):
            best, place, delimiter = count, at, mark
    columns = cells_of(lines[place], delimiter) if lines else []
    rows = [cells_of(line, delimiter) for line in lines[place + 1 :] if line.strip()]
    full = [cells for cells in rows if len(cells) > 1]
    if full and all(len(cells) == len(columns) + 1 and not cells[-1].strip() for cells in full):
        columns.append("")  # each row ends with a separator, the header does not
    return Dialect(encoding, delimiter, place + 1, tuple(columns), tuple(lines[:place]))


def check_separator(path: Path, lines: Sequence[str], is_known: Callable[[str], bool]) -> None:
    """Refuse a table whose header is cut into known names by a separator that no table is read with.

    Raises DataError that names the separator.
    """
    for line in lines[:LINES_LOOKED_AT]:
        for separator, name in OTHER_SEPARATORS.items():
            if (
                sum(is_known(cell.strip('"')) for cell in set(re.split(separator, line[:LONGEST_HEADER].strip())))
                >= NAMES_APART
            ):
                rule = f"its columns are separated by {name}, and a table's by commas, semicolons, tabs or |"
                raise DataError(path, rule, "write it with one of these", "separator")


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def sampled(text: str, form: Dialect, columns: Sequence[str], rows: int) -> dict[str, list[str]]:
    """First values of each column, blanks left out."""
    lines = [line for line in text.splitlines()[form.skipped : form.skipped + 2 * rows] if line.strip()][:rows]
    cells = [cells_of(line, form.delimiter) for line in lines]
    return {
        name: [row[place] for row in cells if place < len(row) and row[place].strip()]
        for place, name in reversed(list(enumerate(columns)))
    }


class Utf8Stream(io.BufferedReader):
    """UTF-8 of a stream of text; of UTF-8 itself, bytes that are not are replaced by U+FFFD.

    A failure ends the stream and is kept as `error`: raised in a thread of pyarrow, it leaves that thread, and with it
    the process, waiting forever.
    """

    def __init__(self, stream: Any, encoding: str) -> None:
        self._bytes = _Utf8(stream, encoding)
        super().__init__(self._bytes, READ_BYTES)

    @property
    def error(self) -> Exception | None:
        """What ended the stream before its time."""
        return self._bytes.error


class _Utf8(io.RawIOBase):
    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream, self._left = stream, b""
        self.error: Exception | None = None
        is_utf8 = encoding.startswith("utf-8")
        decoder = codecs.getincrementaldecoder("utf-8" if is_utf8 else encoding)
        self._decoder = decoder("replace" if is_utf8 else "strict")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b"" if self.error else b"-"
        while data and not self._left:
            try:
                data = self._stream.read(len(buffer))
                self._left = self._decoder.decode(data, final=not data).encode()
            except Exception as error:
                self.error, data = error, b""
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
