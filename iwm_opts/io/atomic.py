"""Atomic, fsynced file writes."""

import errno
import os
import secrets
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from iwm_opts.documents import CONTROL
from iwm_opts.errors import DataError
from iwm_opts.io.opening import as_path, kind_of

UNFINISHED: Final = ".tmp"  # ending of a file that is still being written
STREAMS: Final = ("/dev/fd/", "/proc/self/fd/", "/dev/stdout", "/dev/stderr")
FILE_MODE: Final = 0o666
PRIVATE_MODE: Final = 0o600
HERE: Final = -100  # AT_FDCWD of Linux
EXCHANGE: Final = 2  # RENAME_EXCHANGE
NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_durably(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a file atomically: temporary file, fsync, rename, fsync of the folder.

    With `is_private` it is readable by its owner alone (0600), as is a folder made for it (0700): an account's trades.
    Raises DataError when it cannot be written, as on a full disk; the earlier file is kept.
    """
    check_name(path)
    temporary = path.parent / f".{secrets.token_hex(8)}{UNFINISHED}"
    try:
        if is_private and not path.parent.exists():
            path.parent.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The system applies the umask; O_EXCL follows no link.
        descriptor = os.open(temporary, NEW_FILE, PRIVATE_MODE if is_private else FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:  # an interrupt within `os.open` as well
        if not isinstance(error, FileExistsError):
            with suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            rule = f"cannot be written: {error.strerror or error}"
            remedy = "free some space or check its permissions; the earlier file is untouched"
            raise DataError(path, rule, remedy) from None
        raise


def put_folder(made: Path, folder: Path, *, overwrite: bool) -> None:
    """Put a finished folder in place; with `overwrite` an earlier one ends up as `made`, for the caller to remove.

    On Linux both change places in one step, so that a kill loses neither. Elsewhere, and on file systems that cannot,
    a kill between two steps leaves the earlier one beside it as `NAME.replaced`.

    Raises
    ------
    OSError
        The earlier folder is kept; without `overwrite`, also where one that is not empty is there by now.
    """
    if not (overwrite and folder.exists()):
        os.rename(made, folder)
    elif not _exchanged(made, folder):
        aside = folder.with_name(f"{folder.name}.replaced")
        os.rename(folder, aside)
        try:
            os.rename(made, folder)
        except BaseException:
            os.rename(aside, folder)
            raise
        os.rename(aside, made)
    _sync_folder(folder.parent)


def _exchanged(first: Path, second: Path) -> bool:
    """Whether two names have changed places, as `renameat2` of Linux does."""
    if sys.platform != "linux":
        return False
    import ctypes

    rename = getattr(ctypes.CDLL(None), "renameat2", None)  # glibc 2.28, musl 1.2.6
    return rename is not None and rename(HERE, os.fsencode(first), HERE, os.fsencode(second), EXCHANGE) == 0


def check_name(path: Path) -> None:
    """Refuse a file or folder to write whose name holds control characters, such as a line feed, or is none at all."""
    if CONTROL.search(as_path(path).name):
        raise DataError(path, "has control characters in its name", "name another file", "name")


def write_special(path: Path, content: bytes) -> None:
    """Write to what is there and no regular file: a pipe that is read, the null device, a stream of this process.

    Raises DataError for other devices, a pipe without a reader, and what cannot be written.
    """
    mode = path.stat().st_mode
    is_stream = str(path) == os.devnull or str(path).startswith(STREAMS)
    if not (stat.S_ISFIFO(mode) or (is_stream and stat.S_ISCHR(mode))):
        raise DataError(path, f"is {kind_of(mode)}, not a file", "name a file, or - for standard output", "kind")
    try:
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # waits for no reader
        with os.fdopen(descriptor, "wb") as file:
            os.set_blocking(descriptor, True)
            file.write(content)
    except BrokenPipeError:
        raise DataError(path, "is read no more", "read it to its end") from None
    except OSError as error:
        rule = "is a pipe that nothing reads" if error.errno == errno.ENXIO else f"cannot be written: {error.strerror}"
        raise DataError(path, rule, "name a file, or - for standard output", "kind") from None


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is one that a writer had not finished."""
    return name.startswith(".") and name.endswith(UNFINISHED)


def remove_unfinished(folder: Path, older_than: float = 0.0) -> None:
    """Clear away what killed writers left, where it is so many seconds old.

    Only whoever holds the lock of the folder may call this.
    """
    latest = time.time() - older_than
    for leftover in folder.glob(f".*{UNFINISHED}"):
        with suppress(OSError):  # one that stays is harmless
            if older_than <= 0.0 or leftover.stat().st_mtime < latest:
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folders; its renames are journalled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
