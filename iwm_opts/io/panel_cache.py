"""Panels kept on disk: each under a digest of the files it was read from, the options and the code that read it.

    panels/3f…/strike.npy …     one file an array, mapped into memory next time
    panels/3f…/about.json       name, notes and remarks; written last
    panels/derived-7b….npz      arrays made of other inputs, such as the states of a modelled history

A panel is written to a folder of its own and renamed into place, so that a killed writer leaves nothing half-built; the
next build removes its folder, whose lock is free. Panels and derived arrays that are not used for `MAX_AGE_DAYS`, and
the least recently used above `MAX_BYTES`, are removed.
"""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import UNFINISHED, remove_unfinished, write_durably
from iwm_opts.io.opening import open_regular, read_object
from iwm_opts.io.user_folders import user_folder
from iwm_opts.market.panel import ARRAYS, Panel
from iwm_opts.market.quote_rows import Report

CACHE_VARIABLE: Final = "IWM_OPTS_CACHE"
PANELS: Final = "panels"
ABOUT: Final = "about.json"
BUILDING: Final = ".building-"
DIGESTS: Final = "digests.json"  # content digests of files by path, size and time of change
MAX_AGE_DAYS: Final = 60.0
MAX_BYTES: Final = 8 << 30
LOCK: Final = ".lock"  # ending of the lock beside a folder that is being built
ABANDONED_SECONDS: Final = 3600.0  # age from which a file being written has lost its writer
DIGEST_LENGTH: Final = 32
DERIVED: Final = "derived-"
READ_BYTES: Final = 1 << 22
REMOVE: Final = "remove the folder: it is made again"
KINDS: Final = {  # of the values of `ABOUT`
    **dict.fromkeys(("name", "symbol", "provenance", "first", "last"), str),
    **dict.fromkeys(("notes", "roots", "remarks"), list),
    "refused": dict, "warnings": dict, "other_captures": dict, "days": int,
}  # fmt: skip
CODE: Final = ("io", "market", "kernels/panel", "conventions.py")  # what a kept panel depends on
PACKAGE: Final = (".",)  # every room


@dataclass(frozen=True, slots=True)
class Build:
    """A panel before its days are cut, with remarks on them."""

    panel: Panel
    report: Report
    remarks: tuple[str, ...]  # on files: those of a folder that hold no chain, readings, rows of other symbols


@dataclass(frozen=True, slots=True)
class Entry:
    """A panel in the cache, or a file of arrays made of other inputs."""

    path: Path
    name: str
    size: int  # bytes
    used: float  # POSIX seconds of the last use
    days: int = 0  # of a panel
    first: date | None = None
    last: date | None = None


def cache_folder() -> Path:
    """Folder of the cache: IWM_OPTS_CACHE, else the user's."""
    return user_folder(CACHE_VARIABLE, "cache")


def cached_build(files: Sequence[Path], options: Mapping[str, Any], build: Callable[[], Build]) -> Build:
    """Panel of some files and options (plain values): mapped from the cache, else built and kept."""
    root = cache_folder() / PANELS
    try:
        about = {
            "files": [(str(path), digest) for path, digest in zip(files, _digests(root, files), strict=True)],
            "options": {name: options[name] for name in sorted(options)},
            "code": code_digest(),
        }
    except OSError:  # a file cannot be read: the reader says why
        return build()
    key = hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:DIGEST_LENGTH]
    kept = load(root / key)
    if kept is not None:
        return kept
    made = build()
    with suppress(OSError):  # without room the panel is as good, and built again next time
        _keep(root, key, made)
        prune(root)
    return load(root / key) or made


def load(folder: Path) -> Build | None:
    """Panel kept in a folder, its arrays mapped copy-on-write; None where there is none or it is damaged."""
    try:
        about = _about(folder)
        arrays = {}
        for name in ARRAYS:  # kernels take no read-only arrays, and copy-on-write leaves the file alone
            path = folder / f"{name}.npy"
            is_small = path.stat().st_size < READ_BYTES
            arrays[name] = np.asarray(np.load(path) if is_small else np.load(path, mmap_mode="c"))
        provenance = Provenance(about["provenance"])
        report = Report(
            {int(day): text for day, text in about["refused"].items()},
            {int(day): texts for day, texts in about["warnings"].items()},
            other_captures={int(day): rows for day, rows in about["other_captures"].items()},
        )
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        os.utime(folder / ABOUT)
    panel = Panel(
        name=about["name"],
        symbol=about["symbol"],
        provenance=provenance,
        notes=tuple(about["notes"]),
        roots=tuple(about["roots"]),
        key=folder.name,
        **arrays,
    )
    return Build(panel, report, tuple(about["remarks"]))


def _about(folder: Path) -> dict[str, Any]:
    """Record beside the arrays of a panel."""
    about = read_object(folder / ABOUT, REMOVE) or {}
    is_sound = {name: type(about.get(name)) for name in KINDS} == KINDS
    texts = [text for name in ("notes", "roots", "remarks") for text in about[name]] if is_sound else [None]
    if not all(isinstance(text, str) for text in texts):
        raise DataError(folder / ABOUT, "is damaged", REMOVE)
    return about


def _keep(root: Path, key: str, build: Build) -> None:
    """Write a panel to a temporary folder and rename it into place."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{BUILDING}{secrets.token_hex(8)}"
    lock = _lock(folder)
    panel, report = build.panel, build.report
    try:
        folder.mkdir()
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as array:
                np.save(array, np.ascontiguousarray(getattr(panel, name)))
                array.flush()
                os.fsync(array.fileno())
        about = {
            "name": panel.name, "symbol": panel.symbol, "provenance": str(panel.provenance), "notes": panel.notes,
            "roots": panel.roots, "refused": report.refused, "warnings": report.warnings, "remarks": build.remarks,
            "other_captures": report.other_captures,
            "days": len(panel), "first": panel.dates[0].isoformat(), "last": panel.dates[-1].isoformat(),
        }  # fmt: skip
        with (folder / ABOUT).open("w", encoding="utf-8") as file:
            json.dump(about, file)
            file.flush()
            os.fsync(file.fileno())
        if load(root / key) is None:  # damaged: a folder is renamed over nothing or an empty one
            shutil.rmtree(root / key, ignore_errors=True)
        folder.replace(root / key)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        is_there = isinstance(error, OSError) and load(root / key) is not None  # another process was faster
        if not is_there:
            raise
    finally:
        lock.close()


def _lock(folder: Path) -> ExitStack:
    """Hold the lock of a folder that is being built, beside it: gone with a killed builder.

    Raises OSError where another process holds it.
    """
    from filelock import FileLock

    stack = ExitStack()
    path = folder.with_name(f"{folder.name}{LOCK}")
    stack.enter_context(FileLock(path, timeout=0))
    stack.callback(path.unlink, missing_ok=True)
    return stack


def kept_arrays(panel: Panel, about: Mapping[str, Any], make: "Callable[[], dict[str, Any]]") -> dict[str, Any]:
    """Arrays that follow from a panel and some options: read from its cache, else made and written there.

    `about` holds the options, plain values. Prices and rules of any room may be behind them: a change of the package
    makes them anew.
    """
    folder = cache_folder() / PANELS / panel.key.partition("/")[0]
    if not panel.key or not folder.exists():
        return make()
    return _kept(folder, [panel.key, about, code_digest(PACKAGE)], make)


def kept_by_inputs(about: Mapping[str, Any], make: "Callable[[], dict[str, Any]]") -> dict[str, Any]:
    """Arrays that follow from their inputs alone: read from the cache, else made and written there.

    `about` holds all inputs, arrays by their bytes and plain values, and a digest of the code.
    """
    root = cache_folder() / PANELS
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
    return _kept(root, about, make)


def _kept(folder: Path, about: Any, make: "Callable[[], dict[str, Any]]") -> dict[str, Any]:
    """Arrays in a file of a folder that is named by a digest of `about`."""

    def stated(value: Any) -> str:
        return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)

    content = hashlib.sha256(json.dumps(about, default=stated).encode())
    path = folder / f"{DERIVED}{content.hexdigest()[:DIGEST_LENGTH]}.npz"
    with suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), path.open("rb") as file, np.load(file) as stored:
        arrays = dict(stored)
        os.utime(path)
        return arrays
    arrays = make()
    with suppress(OSError):
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=UNFINISHED)
        try:
            with os.fdopen(descriptor, "wb") as output:
                np.savez(output, **arrays)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        prune(cache_folder() / PANELS)
    return arrays


def entries(root: Path | None = None) -> list[Entry]:
    """Panels and derived arrays in the cache, the latest used first."""
    root = root or cache_folder() / PANELS
    files = []
    for path in root.glob(f"{DERIVED}*"):
        with suppress(OSError):
            files.append(Entry(path, DERIVED, path.stat().st_size, path.stat().st_mtime))
    for about in root.glob(f"[!.]*/{ABOUT}"):
        with suppress(OSError, ValueError):
            stated = _about(about.parent)
            size = sum(file.stat().st_size for file in about.parent.iterdir())
            days = (stated["days"], *(date.fromisoformat(stated[name]) for name in ("first", "last")))
            files.append(Entry(about.parent, stated["name"], size, about.stat().st_mtime, *days))
    return sorted(files, key=lambda entry: -entry.used)


def clear(root: Path | None = None) -> int:
    """Remove every panel and all derived arrays; bytes freed."""
    root = root or cache_folder() / PANELS
    freed = sum(entry.size for entry in entries(root))
    shutil.rmtree(root, ignore_errors=True)
    return freed


def prune(root: Path, max_age_days: float = MAX_AGE_DAYS, max_bytes: int = MAX_BYTES) -> None:
    """Remove entries unused for long, the least recently used beyond a size, and what killed writers left."""
    now, total = time.time(), 0
    for entry in entries(root):
        total += entry.size
        if total > max_bytes or now - entry.used > 86_400.0 * max_age_days:
            if entry.path.is_dir():
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                entry.path.unlink(missing_ok=True)
            total -= entry.size
    for folder in (root, *(folder for folder in root.glob("[!.]*") if folder.is_dir())):
        remove_unfinished(folder, ABANDONED_SECONDS)
    for folder in {path.with_suffix("") for path in root.glob(f"{BUILDING}*")}:
        with suppress(OSError), _lock(folder):  # one of a living builder is held
            shutil.rmtree(folder, ignore_errors=True)


@cache
def code_digest(rooms: tuple[str, ...] = CODE) -> str:
    """Digest of the modules of some rooms: those that a kept panel depends on, if none are given."""
    package = Path(__file__).parents[1]
    content = hashlib.sha256()
    files = [(package / room).rglob("*.py") if (package / room).is_dir() else [package / room] for room in rooms]
    for file in sorted(file for of_room in files for file in of_room):
        content.update(file.read_bytes())
    return content.hexdigest()[:DIGEST_LENGTH]


def _digests(root: Path, files: Sequence[Path]) -> list[str]:
    """Content digest of each file; one whose size and time of change are those of last time is not read again."""
    digests: dict[str, Any] = {}
    with suppress(DataError):
        digests = read_object(root / DIGESTS, REMOVE) or {}
    hashes, is_new = [], False
    for path in files:
        state, name = path.stat(), str(path.resolve())
        stamp = [state.st_size, state.st_mtime_ns, state.st_ino]
        held = digests.get(name)
        if not isinstance(held, list) or held[:-1] != stamp:
            with open_regular(path) as file:
                content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_LENGTH // 2))
            digests[name] = [*stamp, content.hexdigest()]
            is_new = True
        hashes.append(str(digests[name][-1]))
    if is_new:
        kept = {name: value for name, value in digests.items() if Path(name).exists()}
        with suppress(DataError):
            write_durably(root / DIGESTS, json.dumps(kept).encode())
    return hashes
