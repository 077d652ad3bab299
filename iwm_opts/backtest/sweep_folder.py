"""Sweep folder: one line a variant, appended as it is done, so that a stopped sweep resumes.

`sweep.json` holds the options; other options in the same folder are refused. `variants.jsonl` holds figures and the
digest of daily gains; a line that a stopped process left unfinished is cut off. The order of lines is that in which
variants were done; results read back are in the grid's.
"""

import json
import os
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from filelock import FileLock, Timeout

from iwm_opts.backtest.grid import Outcome
from iwm_opts.backtest.saved import plain
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.atomic import is_unfinished, remove_unfinished, write_durably

HEAD, LINES, LOCK = "sweep.json", "variants.jsonl", ".lock"
LAYOUT: Final = 2


class SweepFolder:
    """A folder of outcomes, held by one process at a time; use as a context.

    Raises
    ------
    InputError
        When the folder holds another sweep, or something else.
    DataError
        When another process is at it, or it cannot be written.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        self.folder = folder
        self.asked = {"layout": LAYOUT, **json.loads(json.dumps(plain(dict(asked))))}
        self.outcomes: dict[int, Outcome] = {}
        self._lock = FileLock(folder / LOCK, timeout=0)
        self._lines: FileIO | None = None

    def __enter__(self) -> Self:
        existing = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        if HEAD not in existing and any(name != LOCK and not is_unfinished(name) for name in existing):
            raise InputError("output", str(self.folder), "holds files other than a sweep", "name a new folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise DataError(self.folder, "another sweep is writing there", "wait for it, or name another") from None
        except OSError as error:
            raise self._unwritten(error) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lines:
            self._lines.close()
        self._lock.release()

    def _unwritten(self, error: OSError) -> DataError:
        rule = f"cannot be written: {error.strerror or error}"
        return DataError(self.folder, rule, "free some space or name another folder; what is done is kept")

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Append outcomes; they are on the disk when this returns.

        A disk takes as long to answer as hundreds of backtests take to run: it is asked once for all of them.
        """
        assert self._lines is not None
        lines = b"".join(map(_line, outcomes))
        try:
            while lines:  # a full disk takes a part
                lines = lines[self._lines.write(lines) :]
            os.fsync(self._lines.fileno())
        except OSError as error:
            raise self._unwritten(error) from None
        self.outcomes.update((outcome.number, outcome) for outcome in outcomes)

    def _open(self) -> None:
        head, lines = self.folder / HEAD, self.folder / LINES
        remove_unfinished(self.folder)
        if head.exists():
            self._check(head)
        else:
            write_durably(head, (json.dumps(self.asked, indent=2) + "\n").encode())
        if lines.exists():
            whole = lines.read_bytes()
            kept = whole[: whole.rfind(b"\n") + 1]
            self.outcomes = dict(_read(line, lines) for line in kept.splitlines())
            if len(kept) < len(whole):
                os.truncate(lines, len(kept))
        self._lines = lines.open("ab", buffering=0)

    def _check(self, head: Path) -> None:
        try:
            held = json.loads(head.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(head, f"cannot be read ({error})", "name another folder") from None
        differing = [name for name in {**held, **self.asked} if held.get(name) != self.asked.get(name)]
        if differing:
            rule = f"holds another sweep ({', '.join(differing)} differ)"
            raise InputError("output", str(self.folder), rule, "name another folder")


def _line(outcome: Outcome) -> bytes:
    line = {"number": outcome.number, "metrics": plain(dict(outcome.metrics)), "digest": outcome.digest}
    return json.dumps(line).encode() + b"\n"


def _read(line: bytes, file: Path) -> tuple[int, Outcome]:
    try:
        row = json.loads(line)
        metrics = {name: _number(value) for name, value in row["metrics"].items()}
        return row["number"], Outcome(row["number"], metrics, row["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(file, f"holds a line that cannot be read ({error})", "name another folder") from None


def _number(value: Any) -> Any:
    """Restore a value that `saved.plain` wrote."""
    if value is None:
        return float("nan")
    return float(value) if isinstance(value, str) else value
