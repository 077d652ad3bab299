"""Sweep folder: a Parquet part for each range of variants as it is done, so that a stopped sweep resumes.

`sweep.json` holds the options; other options in the same folder are refused. Each part is written atomically, and
names a digest of its columns and of the options: one that was changed, or is of another sweep, is refused. Once every
variant is done, the parts become `variants.parquet` in the order of the grid: its bytes do not depend on the ranges, or
on stops.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from iwm_opts.backtest.grid import Outcomes
from iwm_opts.backtest.saved import plain
from iwm_opts.documents import parse_object
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.atomic import is_unfinished, remove_unfinished, write_durably
from iwm_opts.io.failures import gate
from iwm_opts.io.opening import MAX_OWN, read_object, read_whole

HEAD, WHOLE, PART, LOCK = "sweep.json", "variants.parquet", "part-{:06}.parquet", ".lock"
PARTS: Final = "part-*.parquet"
NUMBER, DIGEST = "number", "digest"  # columns beside the metrics
CONTENT: Final = b"content"  # of a part's metadata: digest of its columns and of the options
AGAIN: Final = "delete it: its variants run again"
LAYOUT: Final = 4


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
        self.asked = {"layout": LAYOUT, **parse_object(json.dumps(plain(dict(asked))))}
        self._outcomes: list[Outcomes] = []
        self._parts: list[Path] = []
        self._lock = FileLock(folder / LOCK, timeout=0)

    def __enter__(self) -> Self:
        existing = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        if HEAD not in existing and any(name != LOCK and not is_unfinished(name) for name in existing):
            raise InputError("output", str(self.folder), "holds files other than a sweep", "name a new folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise DataError(
                self.folder, "another sweep is writing there", "wait for it, or name another", "writer"
            ) from None
        except OSError as error:
            rule = f"cannot be written: {error.strerror or error}"
            raise DataError(self.folder, rule, "free some space or name another folder; what is done is kept") from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def outcomes(self) -> Outcomes:
        """All that the folder holds, in the order of the grid."""
        self._outcomes = [Outcomes.joined(self._outcomes or [Outcomes.of([])])]
        return self._outcomes[0]

    def add(self, outcomes: Outcomes) -> None:
        """Write a part; it is on the disk when this returns."""
        if not len(outcomes):
            return
        number = int(self._parts[-1].stem.rpartition("-")[2]) + 1 if self._parts else 0
        part = self.folder / PART.format(number)
        write_durably(part, self._as_parquet(outcomes))
        self._parts.append(part)
        self._outcomes.append(outcomes)

    def merge(self, folder: Path) -> None:
        """Add the outcomes of a shard of the same sweep, but for those that are there.

        Raises
        ------
        InputError
            For a folder that holds no sweep or another, or is this one.
        DataError
            When a part was changed, or variants of both folders have other outcomes.
        """
        if not (folder / HEAD).is_file():
            raise InputError("merge", str(folder), "holds no sweep", "name a folder that a sweep wrote")
        if folder.resolve() == self.folder.resolve():
            raise InputError("merge", str(folder), "is the folder of `output`", "leave it out")
        with SweepFolder(folder, self.asked) as shard:
            new = shard.outcomes
            _, places, others = np.intersect1d(self.outcomes.numbers, new.numbers, return_indices=True)
            here, there = self._columns(self.outcomes.take(places)), self._columns(new.take(others))
            if any(column.tobytes() != there[name].tobytes() for name, column in here.items()):
                rule = f"has other outcomes than {self.folder} for the same variants"
                raise DataError(folder, rule, "run the shards on machines with the same libraries", "outcomes")
            self.add(new.take(np.setdiff1d(np.arange(len(new)), others)))

    def finish(self) -> None:
        """Write all outcomes as one file, in the order of the grid, in place of the parts."""
        if self._parts:
            write_durably(self.folder / WHOLE, self._as_parquet(self.outcomes))
        while self._parts:
            self._parts.pop().unlink(missing_ok=True)

    def _open(self) -> None:
        head, whole = self.folder / HEAD, self.folder / WHOLE
        remove_unfinished(self.folder)
        if head.exists():
            held = read_object(head, "name another folder") or {}
            differing = [name for name in {**held, **self.asked} if held.get(name) != self.asked.get(name)]
            if differing:
                rule = f"holds another sweep ({', '.join(differing)} differ)"
                raise InputError("output", str(self.folder), rule, "name another folder")
        else:
            write_durably(head, (json.dumps(self.asked, indent=2) + "\n").encode())
        self._parts = sorted(self.folder.glob(PARTS))
        files = [whole, *self._parts] if whole.exists() else self._parts
        if files:
            outcomes = Outcomes.joined([self._read(file) for file in files])
            # A kill between the whole file and its parts leaves both.
            self._outcomes = [outcomes.take(np.unique(outcomes.numbers, return_index=True)[1])]

    @staticmethod
    def _columns(outcomes: Outcomes) -> dict[str, NDArray[Any]]:
        return {NUMBER: outcomes.numbers, **outcomes.metrics, DIGEST: outcomes.digests}

    def _content(self, columns: Mapping[str, NDArray[Any]]) -> bytes:
        """Digest of columns and options."""
        content = hashlib.sha256(json.dumps(self.asked, sort_keys=True).encode())
        for name, column in columns.items():
            content.update(f"{name} {column.dtype.str} {len(column)} ".encode())
            content.update(np.ascontiguousarray(column).data)
        return content.hexdigest().encode()

    def _as_parquet(self, outcomes: Outcomes) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = self._columns(outcomes)
        table = pa.table({name: pa.array(column) for name, column in columns.items()})
        buffer = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({CONTENT: self._content(columns)}), buffer, compression="zstd")
        return buffer.getvalue()

    def _read(self, file: Path) -> Outcomes:
        with gate(file, AGAIN, "cannot be read ({})"):
            import pyarrow.parquet as pq

            table = pq.read_table(io.BytesIO(read_whole(file, MAX_OWN)))
            columns = {name: column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)}
            content = (table.schema.metadata or {}).get(CONTENT)
        if content != self._content(columns):
            raise DataError(file, "was changed after it was written, or is of another sweep", AGAIN, "content")
        return Outcomes(columns.pop(NUMBER), columns, columns.pop(DIGEST))
