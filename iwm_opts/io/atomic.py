"""Files that are there whole or not at all, whatever moment the machine or the process stops."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from iwm_opts.errors import DataError

UNFINISHED: Final = ".tmp"  # ending of a file that is still being written
FILE_MODE: Final = 0o666


def write_durably(path: Path, content: bytes) -> None:
    """Write a file atomically: temporary file, fsync, rename, fsync of the folder.

    Raises
    ------
    DataError
        When it cannot be written, as on a full disk; the earlier file is kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=UNFINISHED)
    except OSError as error:
        raise _unwritten(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.chmod(temporary, FILE_MODE & ~_umask())
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritten(path, error) from None
        raise


def remove_unfinished(folder: Path, older_than: float = 0.0) -> None:
    """Clear away what killed writers left, where it is so many seconds old.

    Only whoever holds the lock of the folder may call this.
    """
    latest = time.time() - older_than
    for leftover in folder.glob(f".*{UNFINISHED}"):
        with suppress(OSError):  # one that stays harms nobody
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


def _umask() -> int:
    """User's umask, which temporary files ignore."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritten(path: Path, error: OSError) -> DataError:
    rule = f"cannot be written: {error.strerror or error}"
    return DataError(path, rule, "free some space or check its permissions; the earlier file is untouched")
