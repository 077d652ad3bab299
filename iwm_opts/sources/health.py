"""Whether everything that a command needs is there: installation, kernels, sources, record, clock."""

import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from re import match
from typing import Final, Literal

import numpy as np
import pandas as pd

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.age import now
from iwm_opts.io.archive import DAMAGED, DATA_VARIABLE, RECORD_IT, ChainArchive, open_record
from iwm_opts.io.archive_series import KINDS, Kind, read_series, series_names
from iwm_opts.io.cboe import ADDRESS, cboe_session
from iwm_opts.io.http import LiveSession
from iwm_opts.io.panel_cache import cache_folder, entries
from iwm_opts.io.yahoo import yahoo_session
from iwm_opts.market.calendar import is_session, latest_session, next_session, session_hours, sessions

State = Literal["ok", "warning", "failed"]
PROBES: Final[tuple[tuple[str, Callable[[], LiveSession], str], ...]] = (
    ("Yahoo", yahoo_session, "https://query2.finance.yahoo.com/v8/finance/chart/IWM?range=1d&interval=1d"),
    ("Cboe", cboe_session, f"{ADDRESS}/api/global/us_indices/daily_prices/RVX_History.csv"),
)
CLOCK_SLACK: Final = 60.0  # seconds that this clock and a source's may differ
LITTLE_SPACE: Final = 200_000_000  # bytes; a year of snapshots takes some 60 MB


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    finding: str
    remedy: str = ""  # what to do; empty where nothing


def check_all() -> list[Check]:
    """Run all checks; slow ones in parallel."""
    with ThreadPoolExecutor() as pool:
        probes = [pool.submit(check_source, *probe) for probe in PROBES]
        checks = [check_installation(), check_kernels(), check_panels(), *check_record(open_record())]
        answers = [probe.result() for probe in probes]
    return [*checks, *(check for check, _ in answers), *check_clock(now(), [time for _, time in answers])]


def check_panels() -> Check:
    """Panels of recorded chains, and arrays derived from other inputs, in the cache folder."""
    kept = entries()
    if not kept:
        return Check("panel cache", "ok", f"empty ({cache_folder()})")
    size = sum(entry.size for entry in kept)
    panels = [entry for entry in kept if entry.days]
    finding = (
        f"{counted(len(panels), 'panels')}, {counted(len(kept) - len(panels), 'files')} of derived arrays, "
        f"{size / 1e6:,.0f} MB in {cache_folder()}"
    )
    if panels:
        newest = panels[0]
        finding += f"; last used: {newest.name}, {newest.days} days from {newest.first} to {newest.last}"
    return Check("panel cache", "ok", finding, "iwm-opts doctor --clear-cache frees the space")


def check_installation() -> Check:
    """Version of Python, of this package, and whether all it needs is installed."""
    here = f"iwm-opts {metadata.version('iwm-opts')}, Python {sys.version.split()[0]}"
    missing = []
    for requirement in metadata.requires("iwm-opts") or []:
        named = match(r"[A-Za-z0-9._-]+", requirement)
        if named and "extra ==" not in requirement:
            try:
                metadata.version(named[0])
            except metadata.PackageNotFoundError:
                missing.append(named[0])
    if missing:
        return Check("installation", "failed", f"{here}; missing {', '.join(missing)}", "pip install iwm-opts")
    return Check("installation", "ok", here)


def check_kernels() -> Check:
    """Whether the numerical core is compiled, and where it is kept."""
    from iwm_opts.kernels._jit import CACHE_DIR, IS_KEPT, is_compiled

    if is_compiled():
        return Check("kernels", "ok", f"compiled, kept in {CACHE_DIR}")
    if not IS_KEPT:
        remedy = "make it writable, or name another in NUMBA_CACHE_DIR"
        return Check("kernels", "failed", f"{CACHE_DIR} cannot be written: every command compiles anew", remedy)
    return Check(
        "kernels", "warning", f"not compiled yet, to be kept in {CACHE_DIR}", "the first command compiles them"
    )


def check_source(name: str, session: Callable[[], LiveSession], address: str) -> tuple[Check, str | None]:
    """Whether a source answers, and what time it says it is."""
    begin = datetime.now().astimezone()
    with session() as source:
        try:
            source.get(address)
        except DataError as error:
            return Check(name, "warning", error.rule, error.remedy), source.server_time
        taken = (datetime.now().astimezone() - begin).total_seconds()
        instead = f" at {source.base}" if source.base else ""
        return Check(name, "ok", f"answers{instead}, {taken:.1f} s"), source.server_time


def check_record(record: ChainArchive) -> list[Check]:
    """Folder, each symbol's chains and each series (every file is opened), and files set aside."""
    folder = record.folder
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK):
        remedy = f"make it writable, or name another in {DATA_VARIABLE}"
        return [Check("record", "failed", f"{there} cannot be written", remedy)]
    space = shutil.disk_usage(there).free
    state: State = "ok" if space > LITTLE_SPACE else "warning"
    checks = [
        Check("record", state, f"{folder}, {space / 1e9:,.1f} GB free", "" if state == "ok" else "free some space")
    ]
    for symbol in (symbols := record.symbols()):
        days = record.days(symbol)
        readable = sum(record.open(capture) is not None for day in days for capture in record.captures(symbol, day))
        if not readable:
            checks.append(Check(f"chains of {symbol}", "warning", "none readable", RECORD_IT))
            continue
        text = f"captures {readable}, days {len(days)}, {days[0]} to {days[-1]}"
        missed = _sessions_between(days[-1], latest_session(now().date()))
        checks.append(
            Check(f"chains of {symbol}", "warning", f"{text}: {counted(missed, 'sessions')} ago", RECORD_IT)
            if missed > 1
            else Check(f"chains of {symbol}", "ok", text)
        )
    if not symbols:
        checks.append(Check("chains", "warning", "none", RECORD_IT))
    checks += [check for kind in KINDS for check in _check_series(record, kind)]
    aside = sum(1 for file in (folder / DAMAGED).rglob("*") if file.is_file())
    if aside:
        text = f"{aside} set aside in {folder / DAMAGED}" + "".join(f"; {line}" for line in record.set_aside)
        checks.append(Check("damaged files", "warning", text, "restore them from a backup, or delete them"))
    return checks


def _check_series(record: ChainArchive, kind: Kind) -> list[Check]:
    """One check of a kind's readable series, and one for each that is damaged, empty, out of order or out of date."""
    problems, sound = [], []
    for name in series_names(record, kind):
        symbol, _, interval = name.partition("_")
        again = "iwm-opts fetch --whole " + (f"--indices {name}" if kind == "indices" else f"--symbols {symbol}")
        again += f" --interval {interval}" if interval else ""
        try:
            table = read_series(record, kind, name)
        except DataError as error:
            problems.append(Check(f"{kind} of {name}", "failed", error.rule, error.remedy))
            continue
        problem = "damaged" if table is None else _problem_of(table, kind)
        if table is not None and not problem and kind != "dividends":  # those come four times a year
            missed = _sessions_between(table.index[-1].date(), latest_session(now().date()))
            problem = f"up to {table.index[-1].date()}: {counted(missed, 'sessions')} ago" if missed > 1 else ""
        if problem:
            problems.append(Check(f"{kind} of {name}", "warning", problem, f"fetch again: {again}"))
        elif table is not None:
            sound.append(f"{name} {counted(len(table), 'rows up', 'row up')} to {table.index[-1].date()}")
    return [Check(kind, "ok", ", ".join(sound)), *problems] if sound else problems


def _problem_of(table: pd.DataFrame, kind: Kind) -> str:
    """Defect of a readable series; empty without one."""
    column = "amount" if kind == "dividends" else "close"
    if column not in table:
        return f"has no {column} column"
    if table.empty:
        return "has no rows"
    if not table.index.is_monotonic_increasing or table.index.has_duplicates:
        return "its dates do not ascend"
    values = pd.to_numeric(table[column], errors="coerce")
    bad = values.isna() | ~np.isfinite(values)
    if kind == "bars":
        bad |= values <= 0.0
    if bad.any():
        return f"{int(bad.sum())} of {len(table):,} rows hold no {column}, the first on {table.index[bad][0].date()}"
    return ""


def check_clock(at: datetime, servers: list[str | None]) -> list[Check]:
    """Clock of this machine against the sources', and the state of the exchange's day."""
    day = at.date()
    sentence = f"{at:%A %Y-%m-%d %H:%M} in New York, "
    if is_session(day):
        opened, closed = session_hours(day)
        sentence += f"session {opened:%H:%M} to {closed:%H:%M}"
    else:
        sentence += f"no session, the next on {next_session(day)}"
    heard = [moment for text in servers if (moment := _moment_of(text))]
    if not heard:
        return [Check("clock", "ok", f"{sentence}; no source to compare with")]
    apart = (at - heard[0]).total_seconds()
    if abs(apart) > CLOCK_SLACK:
        return [Check("clock", "failed", f"{sentence}; {apart:+.0f} s against the source's", "set it, as with NTP")]
    return [Check("clock", "ok", sentence)]


def _moment_of(text: str | None) -> datetime | None:
    """Time of a Date header; None for any other text."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):  # no date, or a year beyond all
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # -0000: UTC, of a place that is not said


def _sessions_between(earlier: date, later: date) -> int:
    return max(len(sessions(earlier, later)) - 1, 0) if earlier <= later else 0
