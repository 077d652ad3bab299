"""A simulated market as files: bars, IV history, dividends and chains that every command reads back.

    simulation.json                what made them
    path-0/bars-IWM.parquet        and one for each companion
    path-0/iv.parquet              the market's own IV10 and IV30
    path-0/dividends.csv
    path-0/chains-2016.parquet     one a year, a row group a day
    path-0/intraday-2016.parquet   on request

Each file is written atomically and depends on its path's seed alone, so that a run cut off anywhere is taken up
where it stopped, and any number of workers writes the same bytes.
"""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import groupby
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iwm_opts.conventions import CHAIN_COLUMNS, counted
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import remove_unfinished, write_durably
from iwm_opts.io.mapping import Mapper
from iwm_opts.io.opening import read_object
from iwm_opts.io.provenance import Origin, with_origin
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.scenarios import Scenario
from iwm_opts.sources.simulated import SimulatedMarket, simulate_market

Rhythm = Literal["daily", "weekly", "monthly", "none"]
Kind = Literal["bars", "iv", "dividends", "chains", "intraday"]

MANIFEST: Final = "simulation.json"
LOCK: Final = ".lock"
FORMAT: Final = 2  # raised where the same request writes other numbers, so that no folder holds two markets in one
SINGLE: Final = ("implied_volatility", "delta", "gamma", "theta", "vega")  # seven digits are more than quotes know
WHOLE: Final = ("bid_size", "ask_size", "volume", "open_interest")
EMPTY: Final = ("last",)  # nothing is ever traded here


@dataclass(frozen=True, slots=True)
class Plan:
    """Simulation to run and files to write."""

    parameters: Parameters
    scenario: Scenario | None
    seed: int
    paths: int
    first: date
    last: date
    chains: Rhythm
    most_dte: int
    intraday: bool

    def market(self, path: int) -> SimulatedMarket:
        """One path."""
        return simulate_market(self.first, self.last, self.seed, path, self.parameters, self.scenario)

    def parts(self) -> Iterator["Part"]:
        """Files to write."""
        days = self.market(0).days
        years = {str(year): [*of_year] for year, of_year in groupby(days, key=lambda day: day.year)}
        for path in range(self.paths):
            for symbol in (self.parameters.setting.symbol, *self.parameters.companions):
                yield Part(path, "bars", symbol, 1)
            yield Part(path, "dividends", "", 1)
            yield Part(path, "iv", "", max(len(days) // 5, 1))
            for year, of_year in years.items():
                chosen = chain_days(of_year, self.chains)
                if chosen:
                    yield Part(path, "chains", year, len(chosen))
                if self.intraday:
                    yield Part(path, "intraday", year, max(len(of_year) // 10, 1))

    def manifest(self) -> dict[str, Any]:
        """Return the settings that two runs with the same files share."""
        about = asdict(self)
        parameters, scenario = (json.dumps(about.pop(name), default=str, sort_keys=True) for name in WORLD)
        return {
            **about,
            "format": FORMAT,
            "simulated": True,
            "symbol": self.parameters.setting.symbol,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "scenario": self.scenario.name if self.scenario else None,
            "world": sha256((parameters + scenario).encode()).hexdigest()[:16],
        }


WORLD: Final = ("parameters", "scenario")


@dataclass(frozen=True, slots=True)
class Part:
    """One file."""

    path: int
    kind: Kind
    of: str  # symbol, or year
    days: int  # how much work it is

    @property
    def name(self) -> str:
        """Where it lies in the folder."""
        ending = "csv" if self.kind == "dividends" else "parquet"
        return f"path-{self.path}/{self.kind}{'-' if self.of else ''}{self.of}.{ending}"


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one kind."""

    kind: Kind
    files: int
    rows: int
    size: int  # bytes
    example: str


def export(
    plan: Plan,
    folder: Path,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    mapper: Mapper | None = None,
) -> list[Written]:
    """Write the files of a plan that are not there yet.

    Parameters
    ----------
    folder : Path
        Empty or new, or of an earlier run of the same plan.
    workers : int
        Processes.
    progress : callable, optional
        Called with (days written, days).
    mapper : Mapper, optional
        Makes the files in place of processes; this one writes them.

    Raises
    ------
    DataError
        When the folder holds something else, another process writes there, or the disk is full.
    """
    with _locked(folder):
        _claim(plan, folder)
        parts = list(plan.parts())
        missing = [part for part in parts if not (folder / part.name).exists()]
        done, total = sum(part.days for part in parts if part not in missing), sum(part.days for part in parts)
        written = _written(plan, folder, missing, workers, mapper)
        try:
            for part in written:
                done += part.days
                if progress:
                    progress(done, total)
        except DataError as error:
            kept = sum((folder / part.name).exists() for part in parts)
            rule = f"{kept} of {counted(len(parts), 'files')} are kept in {folder}"
            raise DataError(error.source, error.rule, f"{rule}: {error.remedy}", error.field) from None
    kinds = ("bars", "iv", "dividends", "chains", "intraday")
    in_order = sorted(parts, key=lambda part: (kinds.index(part.kind), part.path))
    return [_summary(folder, list(group)) for _, group in groupby(in_order, key=lambda part: part.kind)]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise DataError(
            folder, "another process writes there", "wait for it, or name another `output`", "writer"
        ) from None
    except OSError as error:
        raise DataError(folder, f"cannot be written: {error.strerror or error}", "name another `output`") from None
    try:
        yield
    finally:
        lock.release()


def _claim(plan: Plan, folder: Path) -> None:
    """Make sure that what lies in the folder is of this plan."""
    _remove_unfinished(folder)
    manifest, file = plan.manifest(), folder / MANIFEST
    if file.exists():
        there = read_object(file, "name another `output`, or delete the folder") or {}
        other = [name for name in manifest if there.get(name) != manifest[name]]
        if other:
            differences = ", ".join(f"{name} {there.get(name)}, not {manifest[name]}" for name in other)
            raise DataError(
                folder, f"holds another simulation: {differences}", "name another `output`, or delete it", "simulation"
            )
        return
    if any(path.name != LOCK for path in folder.iterdir()):
        raise DataError(folder, f"is not empty and holds no {MANIFEST}", "name another `output`", "files")
    write_durably(file, (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode())


def chain_days(days: Sequence[date], rhythm: Rhythm) -> list[date]:
    """Days whose chains are written: all, the last session of each week or month, or none; ascending."""
    if rhythm == "none":
        return []
    if rhythm == "daily":
        return list(days)
    period: Callable[[date], tuple[int, int]]
    period = (lambda day: day.isocalendar()[:2]) if rhythm == "weekly" else (lambda day: (day.year, day.month))
    return [list(group)[-1] for _, group in groupby(days, key=period)]


def _written(plan: Plan, folder: Path, parts: Sequence[Part], workers: int, mapper: Mapper | None) -> Iterator[Part]:
    by_size = sorted(parts, key=lambda part: -part.days)
    if mapper:
        for place, content in mapper(partial(part_content, plan), by_size):
            write_durably(folder / by_size[place].name, content)
            yield by_size[place]
        return
    if workers == 1 or len(parts) < 2:
        for part in parts:
            yield _write(plan, folder, part)
        return
    # A fresh interpreter each: a forked one would inherit locks of whatever threads its parent has.
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(parts)), context, _end_with_parent) as pool:
        try:
            with _uninterrupted():
                futures = [pool.submit(_write, plan, folder, part) for part in by_size]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            rule = "a process that wrote there was ended from outside"
            raise DataError(folder, rule, "run it again: it goes on where it stopped", "writer") from None
        except BaseException:
            for process in list((pool._processes or {}).values()):  # Python 3.14: pool.terminate_workers()
                process.terminate()
            pool.shutdown(cancel_futures=True)
            _remove_unfinished(folder)
            raise


def _end_with_parent() -> None:
    """End this process when its parent is killed: it would wait for work for ever."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that Ctrl-C, which a terminal sends to all, does not reach: their parent ends them."""
    if os.name == "nt":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _remove_unfinished(folder: Path) -> None:
    for inner in (folder, *folder.glob("path-*")):
        remove_unfinished(inner)


def _write(plan: Plan, folder: Path, part: Part) -> Part:
    write_durably(folder / part.name, part_content(plan, part))
    return part


def part_content(plan: Plan, part: Part) -> bytes:
    """Bytes of one file."""
    market = plan.market(part.path)
    if part.kind == "dividends":
        rows = (f"{dividend.ex_date.isoformat()},{dividend.amount}\n" for dividend in market.dividends.dividends)
        return "".join(["ex_date,amount\n", *rows]).encode()
    if part.kind == "chains":
        year = [day for day in market.days if day.year == int(part.of)]
        return _parquet(market, (chain_rows(market, day, plan.most_dte) for day in chain_days(year, plan.chains)))
    if part.kind == "intraday":
        days = [day for day in market.days if day.year == int(part.of)]
        return _parquet(market, (market.intraday(day).reset_index() for day in days))
    if part.kind == "iv":
        closes = {f"iv{tenor}": market.iv_history(tenor).closes for tenor in (10, 30)}
        return _parquet(market, [_dated(pd.DataFrame(closes))])
    return _parquet(market, [_dated(market.bars(part.of))])


def chain_rows(market: SimulatedMarket, day: date, most_dte: int) -> pd.DataFrame:
    """Chain of a day in canonical columns, in the types of the files."""
    rows = market.rows(day, most_dte=most_dte)
    rows = rows.astype({**dict.fromkeys(SINGLE, "float32"), **dict.fromkeys(WHOLE, "int32")})
    rows["expiration"], rows["quote_date"] = (rows[name].dt.date for name in ("expiration", "quote_date"))
    return rows[[name for name in CHAIN_COLUMNS if name not in EMPTY]]


def _dated(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename_axis("date").reset_index().assign(date=lambda rows: rows["date"].dt.date)


def _parquet(market: SimulatedMarket, tables: Iterator[pd.DataFrame] | Sequence[pd.DataFrame]) -> bytes:
    """One row group a table, so that one day is read without the others."""
    buffer, writer = io.BytesIO(), None
    for rows in tables:
        table = pa.Table.from_pandas(rows, preserve_index=False)
        origin = Origin(simulated=True, rate=float(market.parameters.setting.rate))
        schema = with_origin(table.schema.remove_metadata(), origin, market=market.name)
        if writer is None:
            writer = pq.ParquetWriter(buffer, schema, compression="zstd", version="2.6")
        writer.write_table(table.cast(schema))
    assert writer is not None
    writer.close()
    return buffer.getvalue()


def _summary(folder: Path, parts: Sequence[Part]) -> Written:
    files = [folder / part.name for part in parts]
    rows = 0
    for file in files:
        if file.suffix == ".parquet":
            rows += pq.read_metadata(file).num_rows
        else:
            rows += len(file.read_bytes().splitlines()) - 1
    size = sum(file.stat().st_size for file in files)
    return Written(parts[0].kind, len(files), rows, size, parts[0].name)
