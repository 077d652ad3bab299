"""Opening of files: regular ones, so that no pipe or device without an end holds up a reader."""

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any, Final, TypeVar

from iwm_opts.documents import parse_object, parse_toml
from iwm_opts.errors import DataError
from iwm_opts.io.text import text_of

Kind = TypeVar("Kind")

MAX_DOCUMENT: Final = 1 << 18  # bytes of TOML
MAX_OWN: Final = 1 << 28  # bytes of a JSON file of this package
NULL: Final = "/dev/null"
# A shell's `<(command)`: a pipe whose writer runs. Its bytes come once, which is enough for what is read whole.
SUBSTITUTIONS: Final = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
OTHER_KINDS: Final = (
    (stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"), (stat.S_ISSOCK, "a socket"),
)  # fmt: skip
COPY: Final = "write its content to a file and give that"
OTHER_NAME: Final = "check the name"


def kind_of(mode: int) -> str:
    """Name of what is no regular file: a pipe, a directory; empty for a regular file."""
    return next((name for is_kind, name in OTHER_KINDS if is_kind(mode)), "")


def as_path(path: str | Path) -> Path:
    """Path of a name that file systems take.

    Raises DataError for NUL, unpaired surrogates, and names that are too long.
    """
    path = Path(path)
    try:
        os.stat(path)
    except ValueError:
        raise DataError(path, "has NUL or an unpaired surrogate in its name", OTHER_NAME, "name") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise DataError(path, "has too long a name", OTHER_NAME, "name") from None
    return path


def check_regular(path: Path) -> os.stat_result:
    """State of a regular file or the null device.

    Raises DataError for a directory, a pipe, another device, a socket, or a name that none has: see `as_path`. Raises
    OSError as of a missing file.
    """
    state = as_path(path).stat()
    _refuse(path, state)
    return state


def open_regular(path: Path) -> io.BufferedIOBase:
    """Open a regular file to read its bytes; opening does not wait, whatever the file is."""
    if not check_regular(path).st_size:  # those of /proc state no size either, and reading one may wait
        return io.BytesIO()
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(descriptor, "rb")
    try:
        _refuse(path, os.fstat(descriptor))  # another file may have taken its place
    except BaseException:
        file.close()
        raise
    return file


def read_whole(path: Path, most: int) -> bytes:
    """Bytes of a file of at most `most`, or of a pipe of the shell's (`SUBSTITUTIONS`).

    Raises DataError when it is larger, or not a regular file. Raises OSError as of a missing file.
    """
    is_pipe = str(path).startswith(SUBSTITUTIONS) and stat.S_ISFIFO(as_path(path).stat().st_mode)
    with path.open("rb") if is_pipe else open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(path, f"holds over {most:,} bytes", "give a smaller file", "size")
    return content


def read_toml(path: Path, remedy: str, missing: str = "") -> tuple[str, dict[str, Any]]:
    """Text and tables of a TOML file; `missing` is the remedy where it cannot be read, if another.

    Raises DataError when it cannot be read, or is invalid: see `parse_toml`.
    """
    try:
        text = text_of(read_whole(path, MAX_DOCUMENT))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror or error})", missing or remedy) from None
    try:
        return text, parse_toml(text)
    except ValueError as error:
        raise DataError(path, f"invalid TOML: {error}", remedy, "content") from None


def read_object(path: Path, remedy: str) -> dict[str, Any] | None:
    """Object of a JSON file of this package; None without the file.

    Raises DataError when it cannot be read, is damaged or holds another value: see `parse_object`.
    """
    try:
        content = read_whole(path, MAX_OWN)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}", remedy) from None
    try:
        return parse_object(content)
    except ValueError as error:
        raise DataError(path, f"is damaged ({error})", remedy, "content") from None


def as_kind(value: Any, kind: type[Kind], source: object, name: str, remedy: str) -> Kind:
    """Value of a document as a kind, such as a dataclass of the package; every field of its type, none unknown.

    `source` is the file, for messages, and `name` where the value is in the document.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:  # the configuration of a tuple is that of the dataclasses in it
        rows = TypeAdapter(tuple[kind], config=ConfigDict(extra="forbid"))  # type: ignore[valid-type]
        return rows.validate_python((value,))[0]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (name, *first["loc"][1:])))
        raise DataError(source, f"is damaged ({place}: {first['msg']})", remedy, place) from None


def _refuse(path: Path, state: os.stat_result) -> None:
    kind = kind_of(state.st_mode)
    if kind and str(path) != NULL:
        remedy = "give one file" if stat.S_ISDIR(state.st_mode) else COPY
        raise DataError(path, f"is {kind}" if stat.S_ISDIR(state.st_mode) else f"is {kind}, not a file", remedy, "kind")
