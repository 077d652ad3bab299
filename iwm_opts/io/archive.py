"""The local record: every captured chain as a file of its own, that no later capture, crash or second writer touches.

    chains/symbol=IWM/date=2026-06-26/20260626T140322-0f3a….parquet

The name holds the quote time (New York) and a digest of the content: a file is damaged exactly when the two differ, and
two writers of the same quotes write the same file. Damaged files are moved under `damaged/`, never deleted.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import remove_unfinished, write_durably
from iwm_opts.io.chain_file import digest, pack, unpack
from iwm_opts.io.opening import MAX_OWN, read_whole
from iwm_opts.io.user_folders import user_folder
from iwm_opts.market.calendar import NEW_YORK, at_close, in_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import check_symbol

DATA_VARIABLE: Final = "IWM_OPTS_DATA"
CHAINS, DAMAGED, LOCK = "chains", "damaged", ".lock"
STAMP: Final = "%Y%m%dT%H%M%S"
CAPTURE_NAME: Final = re.compile(r"(\d{8}T\d{6})-([0-9a-f]+)\.parquet")
LOCK_SECONDS: Final = 20.0  # a writer needs milliseconds; longer is a process that hangs
OLD_SECONDS: Final = 60.0  # age from which an unfinished file outside the folders of chains is surely abandoned
RECORD_IT: Final = "record one with: iwm-opts snapshot"


@dataclass(frozen=True, slots=True)
class Captured:
    """One recorded chain, not opened yet."""

    path: Path
    day: date
    stamp: datetime  # time of its quotes, New York

    @property
    def key(self) -> str:
        """Key of the capture in an index: folder of the day and name."""
        return f"{self.path.parent.name}/{self.path.name}"

    def is_at(self, at: time) -> bool:
        """Whether its quotes are of that minute."""
        return (self.stamp.hour, self.stamp.minute) == (at.hour, at.minute)


@dataclass(frozen=True, slots=True)
class ChainArchive:
    """A folder of recorded market data."""

    folder: Path
    set_aside: list[str] = field(default_factory=list)  # damage seen so far, one line each

    def symbols(self) -> list[str]:
        """Symbols with a recorded chain."""
        return sorted(_parts(self.folder / CHAINS, "symbol"))

    def days(self, symbol: str) -> list[date]:
        """Days with a recorded chain, ascending; no file is opened."""
        folder = self.chain_folder(symbol)
        folders = ((day, folder / f"date={day}") for day in _parts(folder, "date"))
        return sorted(date.fromisoformat(day) for day, place in folders if any(_names(place)))

    def captures(self, symbol: str, day: date) -> list[Captured]:
        """Return captures of a day in order of their quotes' time; no file is opened."""
        folder = self.chain_folder(symbol) / f"date={day}"
        files = []
        for name, stamp in _names(folder):
            files.append(Captured(folder / name, day, datetime.strptime(stamp, STAMP).replace(tzinfo=NEW_YORK)))
        return sorted(files, key=lambda capture: (capture.stamp, capture.path.name))

    def chain(self, symbol: str, day: date, at: time | None = None, columns: Sequence[str] = CHAIN_COLUMNS) -> Chain:
        """Chain of a day: the capture at a time, else the latest within the session, else the latest; see `open`.

        A damaged file is named in `set_aside`, moved away, and the next best capture taken.

        Raises DataError when the capture is missing, or of a later version.
        """
        left = self.captures(symbol, day)
        while left:
            chosen = choose([capture for capture in left if at is None or capture.is_at(at)])
            if chosen is None:
                times = ", ".join(f"{capture.stamp:%H:%M}" for capture in left)
                raise DataError(
                    self.folder, f"has no capture of {symbol} at {at:%H:%M} on {day}", f"it has {times}", "capture"
                )
            chain = self.open(chosen, columns)
            if chain is not None:
                return chain
            left.remove(chosen)
        damaged = f" ({self.set_aside[-1]})" if self.set_aside else ""
        raise DataError(self.folder, f"has no readable chain of {symbol} on {day}{damaged}", RECORD_IT, "chain")

    def open(self, captured: Captured, columns: Sequence[str] = CHAIN_COLUMNS) -> Chain | None:
        """Return recorded chain, or some of its columns; None when its file is damaged: then named and set aside."""
        try:
            content = read_whole(captured.path, MAX_OWN)
        except FileNotFoundError:  # set aside by another reader
            return None
        named = CAPTURE_NAME.fullmatch(captured.path.name)
        if named is None or digest(content) != named[2]:
            self.put_aside(captured.path, "its content differs from its checksum")
            return None
        try:
            return unpack(content, columns)
        except ValueError as error:  # whole, so it is not damaged
            raise DataError(captured.path, str(error), "update iwm-opts", "format") from None

    def add(self, chain: Chain) -> Captured:
        """Record a chain; recording the same quotes again changes nothing.

        Raises DataError when the disk is full or the folder cannot be written; whatever was recorded before is
        untouched.
        """
        content, moment = pack(chain), self.moment_of(chain)
        name = f"{moment:{STAMP}}-{digest(content)}.parquet"
        path = self.chain_folder(chain.symbol) / f"date={chain.as_of}" / name
        with self.lock():
            remove_unfinished(path.parent)
            if not path.exists():
                write_durably(path, content)
        return Captured(path, chain.as_of, moment)

    @staticmethod
    def moment_of(chain: Chain) -> datetime:
        """Time that a capture is kept under: of its quotes, else the close."""
        return (chain.quote_time or at_close(chain.as_of)).astimezone(NEW_YORK).replace(microsecond=0)

    def write(self, path: Path, content: bytes, *, is_private: bool = False) -> None:
        """Put a file in place and remove unfinished ones; see `write_durably`. The caller holds the lock.

        Raises DataError when it cannot be written; the earlier file is kept.
        """
        remove_unfinished(path.parent, OLD_SECONDS)
        write_durably(path, content, is_private=is_private)

    def chain_folder(self, symbol: str) -> Path:
        """Where the chains of a symbol lie."""
        return self.folder / CHAINS / f"symbol={check_symbol(symbol)}"

    @contextmanager
    def lock(self, seconds: float = LOCK_SECONDS, folder: Path | None = None) -> Iterator[None]:
        """Hold the record, or one folder of it, against other writers; a killed writer's lock is gone with it.

        Raises DataError when another holds it for so many seconds, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        held = folder or self.folder
        try:
            held.mkdir(parents=True, exist_ok=True)
            lock = FileLock(held / LOCK, timeout=seconds)
            lock.acquire()
        except Timeout:
            rule = f"another process has been writing for {seconds:g} s"
            raise DataError(held, rule, "wait for it or end it, then run this again") from None
        except OSError as error:
            rule = f"cannot be written: {error.strerror or error}"
            raise DataError(held, rule, f"free some space, or name another folder in {DATA_VARIABLE}") from None
        try:
            yield
        finally:
            lock.release()

    def put_aside(self, path: Path, why: str) -> None:
        """Move a damaged file of the record under `damaged/` and name it in `set_aside`."""
        target = self.folder / DAMAGED / path.relative_to(self.folder)
        message = f"{path} is damaged: {why}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target = target.with_name(f"{target.name}.{os.getpid()}")
            path.rename(target)
            message += f"; set aside as {target}"
        except OSError as error:
            message += f"; it could not be set aside ({error.strerror or error})"
        self.set_aside.append(message)


def open_record(folder: Path | None = None) -> ChainArchive:
    """Record in a folder; by default that of IWM_OPTS_DATA, else the user's data folder."""
    return ChainArchive(user_folder(DATA_VARIABLE, "data") if folder is None else folder)


def choose(captures: list[Captured]) -> Captured | None:
    """Latest capture within the session, else the latest, of one day's in order of time."""
    if len(captures) < 2:
        return captures[0] if captures else None
    within = [capture for capture in captures if in_session(capture.stamp)]
    return (within or captures)[-1]


def _parts(folder: Path, key: str) -> list[str]:
    """Values of the partitions of a folder, `key=value`."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.name.partition("=")[2] for entry in entries if entry.name.startswith(f"{key}=")]


def _names(folder: Path) -> list[tuple[str, str]]:
    """Names of the captures in a day's folder, with their stamps; anything else that lies there is not ours."""
    if not folder.is_dir():
        return []
    named = ((name, CAPTURE_NAME.fullmatch(name)) for name in os.listdir(folder))
    return [(name, match[1]) for name, match in named if match]
