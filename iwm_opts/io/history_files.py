"""Files of a chain history: a file, a folder, a glob, or several of them; and the file of one day among them."""

import glob
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from iwm_opts.conventions import some
from iwm_opts.errors import DataError
from iwm_opts.io.files import load_chain
from iwm_opts.io.formats import Layout
from iwm_opts.io.opening import as_path
from iwm_opts.io.readings import layout_of_file, readings_of
from iwm_opts.io.selection import NoSuchDayError, day_column_of, raise_no_day
from iwm_opts.io.tables import DataFile, open_table
from iwm_opts.market.chain import Chain

SUFFIXES: Final = (".csv", ".parquet", ".json", ".txt", ".gz", ".zip", ".xlsx")
SIMULATION: Final = "simulation.json"
CHAINS_OF_SIMULATION: Final = "chains-*.parquet"
SHOWN: Final = 4  # files in a message
# Year, month and day as far as a file's name holds them.
PERIOD: Final = re.compile(r"(?<!\d)(20\d\d)(?:[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?)?(?!\d)")


def expand(sources: Sequence[str | Path]) -> tuple[list[Path], frozenset[Path]]:
    """Files of sources, each once and in order, and those that a folder or a glob brought in.

    Raises DataError when a source holds no file, or a folder that `iwm-opts simulate` wrote holds several paths.
    """
    files: dict[Path, None] = {}
    brought: set[Path] = set()
    for source in sources:
        path = as_path(source)
        if path.is_dir():
            paths = sorted(path.glob("path-*")) if (path / SIMULATION).exists() else [path]
            if len(paths) > 1:
                raise DataError(
                    path, f"holds {len(paths)} simulated paths", f"name one of them, such as {paths[0]}", "files"
                )
            simulated = [file for folder in paths for file in sorted(folder.glob(CHAINS_OF_SIMULATION))]
            members = simulated or sorted(
                file for file in path.rglob("*") if file.is_file() and file.suffix in SUFFIXES
            )
        elif not path.exists() and glob.has_magic(str(source)):
            members = [Path(name) for name in sorted(glob.glob(str(source), recursive=True)) if Path(name).is_file()]
        else:
            files[path] = None
            continue
        if not members:
            raise DataError(
                path, "holds no CSV, Parquet or JSON file", "name a file, a folder or a glob of option files", "files"
            )
        brought.update(members)
        files.update(dict.fromkeys(members))
    return list(files), frozenset(brought)


def open_history(path: Path) -> tuple[DataFile, Layout, date | None]:
    """Open a chain file that says of which day each row is; its one day where only its name says it.

    Raises DataError when the file cannot be read, holds another table, or names no day.
    """
    file = open_table(path)
    layout = layout_of_file(file)
    readings = readings_of(file, layout)
    if day_column_of(readings) is not None or readings.snapshot_day:
        return file, layout, None
    if readings.named_day is None:
        rule = "has no column for the quote date"
        raise DataError(path, rule, "give a file that says of which day each row is", "quote_date")
    return file, layout, readings.named_day


def chain_of_day(
    sources: Sequence[str | Path],
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    spot: float | None = None,
) -> tuple[Chain, Path, tuple[str, ...]]:
    """Chain of one day, the newest unless given, out of a history; its file; and files left out.

    Files whose name holds another period are opened only where the others do not hold the day.

    Raises
    ------
    DataError
        When no file holds the day, or more than one: it names them.
    """
    files, brought = expand(sources)
    if len(files) == 1:
        return load_chain(files[0], symbol=symbol, as_of=as_of, session=session, spot=spot), files[0], ()
    days: set[date] = set()
    errors: list[DataError] = []
    for group in by_period(files, as_of):
        chains: list[tuple[Chain, Path]] = []
        for path in group:
            try:
                is_named = open_history(path)[2] is not None
                asked = None if is_named else as_of  # else any day would do
                chain = load_chain(path, symbol=symbol, as_of=asked, session=session, spot=spot)
                days.add(chain.as_of)
                if as_of in (None, chain.as_of):
                    chains.append((chain, path))
            except NoSuchDayError as error:
                days.update(error.days)
            except DataError as error:
                if path not in brought:
                    raise
                errors.append(error)
        newest = max(days, default=None) if as_of is None else as_of
        chains = [(chain, path) for chain, path in chains if chain.as_of == newest]
        if len(chains) > 1:
            names = some([path.name for _, path in chains], SHOWN)
            rule = f"{len(chains)} files hold quotes of {newest}: {names}"
            raise DataError(chains[0][1].parent, rule, f"name one of them, such as {chains[0][1]}", "files")
        if chains:
            return *chains[0], tuple(f"skipped: {error.source}: {error.rule}" for error in errors)
    if days and as_of is not None and not errors:
        raise_no_day(files[0].parent, sorted(days), as_of)
    raise errors[0]


def by_period(files: Sequence[Path], as_of: date | None) -> list[list[Path]]:
    """Files that may hold a day by the period in their name, or have none, then the others; newest first."""
    periods = {path: max(PERIOD.findall(path.name), default=None) for path in files}
    named = [period for period in periods.values() if period is not None]
    wanted = max(named, default=None) if as_of is None else (f"{as_of:%Y}", f"{as_of:%m}", f"{as_of:%d}")

    def may_hold(path: Path) -> bool:
        period = periods[path]
        if period is None or wanted is None:
            return True
        return all(part in ("", of_day) for part, of_day in zip(period, wanted, strict=True))

    first = [path for path in files if may_hold(path)]
    others = sorted(set(files) - set(first), key=lambda path: (periods[path] or (), path), reverse=True)
    return [group for group in (first, others) if group]
