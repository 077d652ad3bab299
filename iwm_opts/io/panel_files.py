"""Panels from option files: any number of them, of any layout that the loader knows, read with pruning and in parallel.

A source is a file, a folder or a glob. Files that hold other days of the same captures are joined; files that hold the
same contracts of a capture with different quotes are refused. Memory holds the panel and one stretch of rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN, Provenance
from iwm_opts.errors import DataError
from iwm_opts.io.files import read_chains
from iwm_opts.io.formats import Layout
from iwm_opts.io.history_files import expand, open_history
from iwm_opts.io.mapping import ahead
from iwm_opts.io.panel_batches import FileRows, Symbols
from iwm_opts.io.panel_cache import Build, cached_build
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.readings import readings_of
from iwm_opts.io.selection import clean_underlying, day_column_of, raise_no_days
from iwm_opts.io.tables import DataFile
from iwm_opts.io.units import may_be_in_other_units
from iwm_opts.kernels.panel.implied_rate import SLOPE_WINDOW_DAYS
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.market.capture import (
    at_weekend,
    before_open,
    closed_exchange,
    closed_expirations,
    is_before_open,
    no_session_left,
)
from iwm_opts.market.contract import can_expire, settlement_of
from iwm_opts.market.panel import Panel, joined, taken
from iwm_opts.market.panel_rows import panel_of_rows
from iwm_opts.market.quote_rows import QuoteRows, Report, rows_of_chain, rows_together
from iwm_opts.market.ranges import FURTHEST, off_spot

Mask = NDArray[np.bool_]
Progress = Callable[[int, int], None]
MAX_DTE: Final = 120  # calendar days to the last expiration that is kept
MONDAY: Final = 6  # `(ordinal + MONDAY) % 7` is date.weekday()
WEEKEND: Final = (5, 6)
FIXED_POINT_DIGITS: Final = 8  # of an ask in 1e-9 dollars; one in dollars has fewer


def build_panel(
    sources: Sequence[str | Path],
    symbol: str | None = None,
    session: str | None = None,
    max_dte: int = MAX_DTE,
    progress: Progress | None = None,
) -> Build:
    """Read option files into a panel; see `read_panel`."""
    files, brought = expand(sources)
    reader = _Reader(files, brought, None if symbol is None else clean_underlying(symbol), session, max_dte, progress)
    return reader.build()


def read_panel(
    sources: Sequence[str | Path],
    symbol: str | None = None,
    session: str | None = None,
    first: date | None = None,
    last: date | None = None,
    max_dte: int = MAX_DTE,
    progress: Progress | None = None,
) -> Panel:
    """Panel of option files, out of the cache where they were read before.

    Sources are files, folders and globs, of any layout that `io.formats` knows; the symbol is needed where they hold
    several. The session is a label of the capture of each day, or its time as HH:MM, by default the latest within the
    session, else the latest; `first` and `last` are days to begin and end with, both included. `max_dte` are calendar
    days to the last expiration that is kept, more where a rate must be implied. `progress` is called with rows read and
    rows to read, an estimate for files that do not say. Raises DataError when a file cannot be read, holds no option
    chain, or the same capture as another with different quotes; when no day of the window is left.
    """
    files, _ = expand(sources)
    options = {"symbol": symbol, "session": session, "max_dte": max_dte}
    build = cached_build(files, options, partial(build_panel, sources, symbol, session, max_dte, progress))
    return window(build, files, first, last)


def window(build: Build, files: Sequence[Path], first: date | None, last: date | None) -> Panel:
    """Days of a build, with the notes on them."""
    panel = build.panel.cut(first, last)
    if not len(panel):
        raise_no_days(files[0], build.panel.dates, first, last)
    low, high = (first or date.min).toordinal(), (last or date.max).toordinal()
    notes = (*build.panel.notes, *build.remarks, *build.report.notes(low, high, len(panel)))
    return replace(panel, notes=notes)


class _Reader:
    """Reads files one after the other, a stretch ahead of the one being laid out.

    Downloads outside sessions, at weekends and before the open, wait until all sessions are read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        brought: frozenset[Path],
        symbol: str | None,
        session: str | None,
        max_dte: int,
        progress: Progress | None,
    ) -> None:
        self.session, self.progress = session, progress
        self.report = Report()
        self.skipped: list[str] = []
        self.panels: list[Panel] = []
        self.read: dict[int, set[Path]] = {}  # files of each day so far
        self.outside: list[QuoteRows] = []
        self.fullest = 0
        opened = self._opened(files, brought)
        origins = [origin_of(file.place) for file, _ in opened]
        kinds = [Provenance.of(simulated=origin.simulated, modelled=origin.modelled) for origin in origins]
        self.provenance = kinds[0]
        for (file, _), kind in zip(opened, kinds, strict=True):
            if kind is not kinds[0]:
                rule = f"holds {kind} quotes, {opened[0][0].path} {kinds[0]} ones"
                raise DataError(file.path, rule, "give files of one kind of market", "kind")
        rates = {origin.rate for origin in origins}
        self.rate = rates.pop() if len(rates) == 1 else None
        self.symbols = Symbols(symbol)
        reach = max_dte if self.rate is not None else max(max_dte, int(SLOPE_WINDOW_DAYS[1]) + 1)
        self.files: dict[Path, FileRows | _LoadedRows] = {
            file.path: FileRows(file, layout, self.symbols, max_dte, reach)
            if is_plain(file, layout)
            else _LoadedRows(file.path, self.symbols, session)
            for file, layout in opened
        }
        self.total = sum(file.rows for file, _ in opened)
        paths = list(self.files)
        several = f"{len(paths)} files, {paths[0].name} to {paths[-1].name}"
        self.name = f"chains of {paths[0].name if len(paths) == 1 else several}"

    def build(self) -> Build:
        """Panel of all files."""
        if self.progress:
            self.progress(0, self.total)  # from here time is left
        for path, rows in ahead((path, rows) for path, file in self.files.items() for rows in file.stretches()):
            self._add(path, rows)
        self._lay_out_outside()
        if not self.panels:
            for error in self.report.errors:
                raise error
            self.symbols.check(next(iter(self.files)))
            raise DataError(next(iter(self.files)), "holds a header and no rows", "give a file with quotes", "rows")
        panel = joined(self.panels)
        self.panels = []
        if not len(panel.expiration):
            rule = "holds no option that expires after its day"
            raise DataError(next(iter(self.files)), rule, "give chains of their own days", "expiration")
        supplied = set(panel.day.tolist())  # by another file than one that was refused
        self.report.refused = {day: why for day, why in self.report.refused.items() if day not in supplied}
        remarks = dict.fromkeys(text for file in self.files.values() for text in file.remarks())
        return Build(panel, self.report, (*self.skipped, *remarks))

    def _opened(self, files: Sequence[Path], brought: frozenset[Path]) -> list[tuple[DataFile, Layout]]:
        opened = []
        for path in files:
            try:
                file, layout, _ = open_history(path)
            except DataError as error:
                if path not in brought:
                    raise
                self.skipped.append(f"skipped: {error.source}: {error.rule}")
            else:
                opened.append((file, layout))
        if not opened:
            raise DataError(files[0].parent, "holds no option chain file", "name option chain files", "files")
        return opened

    def _add(self, path: Path, rows: QuoteRows) -> None:
        """Lay out a stretch of rows; days that were read before are read again and laid out with them."""
        outside = np.isin((rows.day + MONDAY) % 7, WEEKEND) | np.isin(rows.day, list(days_before_open(rows)))
        if outside.any():
            self.outside.append(rows.take(outside))
            rows = rows.take(~outside)
        for day, error in self.files[path].refused.items():
            self.report.refuse(day, error)
        done = sum(file.rows for file in self.files.values())
        if self.progress:
            self.progress(done, max(done, self.total))
        rows = rows.take(~np.isin(rows.day, list(self.files[path].refused)))
        days = np.unique(rows.day)
        again = np.array([day for day in days.tolist() if day in self.read], dtype=np.int64)
        for day in days.tolist():
            self.read.setdefault(day, set()).add(path)
        if len(again):
            shared = np.isin(rows.day, again)
            kept = [taken(panel, ~np.isin(panel.day, again)) for panel in self.panels]
            self.panels = [panel for panel in kept if len(panel)]
            self.report.forget(again)
            others = sorted({file for day in again.tolist() for file in self.read[day]} - {path})
            is_ordered = self.files[path].is_ordered
            mine = [rows.take(shared)] if is_ordered else list(self.files[path].stretches(again))
            self._lay_out(rows_together([part for file in others for part in self.files[file].stretches(again)] + mine))
            rows = rows.take(~shared)
        self._lay_out(rows)
        for file in self.files.values():  # chains that files were read as
            while file.warnings:
                day, texts = file.warnings.popitem()
                for text in texts:
                    self.report.warn(day, text)

    def _lay_out_outside(self) -> None:
        """Lay out downloads of weekends and before the open as the close before, where no file holds that session."""
        waiting: dict[int, list[QuoteRows]] = {}
        for rows in self.outside:
            for day in np.unique(rows.day).tolist():
                waiting.setdefault(day, []).append(rows.take(rows.day == day))
        for day, parts in sorted(waiting.items()):
            when, of_day = date.fromordinal(day), rows_together(parts)
            early = days_before_open(of_day).get(day)
            session = latest_session(when - timedelta(days=1) if early else when)
            source = f"{of_day.files[of_day.file[0]]}, {when}"
            if session.toordinal() in self.read:
                error = no_session_left(source, when, session) if early else closed_exchange(source, when)
                self.report.refuse(day, error)
                continue
            self.read[session.toordinal()] = {Path(name) for name in of_day.files}
            self.report.warn(session.toordinal(), before_open(early, session) if early else at_weekend(when, session))
            moved = np.full(len(of_day), session.toordinal(), dtype=np.int32)
            self._lay_out(replace(of_day, day=moved, time=None if early is None else of_day.time))

    def _left_out(
        self, rows: QuoteRows, wrong: NDArray[np.bool_], error_of: Callable[[str, Mask, Mask], DataError]
    ) -> QuoteRows:
        """Rows without wrong ones; their days have a remark, days without other rows are refused.

        `error_of` says it of a day, by its source and the masks of its wrong rows and of all.
        """
        for day in np.unique(rows.day[wrong]).tolist():
            of_day = rows.day == day
            source = f"{rows.files[rows.file[int(np.argmax(of_day))]]}, {date.fromordinal(day)}"
            error = error_of(source, wrong & of_day, of_day)
            if wrong[of_day].all():
                self.report.refuse(day, error)
            else:
                self.report.warn(day, f"{error.rule}: left out")
        return rows.take(~wrong)

    def _sound(self, rows: QuoteRows) -> QuoteRows:
        """Rows of standard contracts that may expire on their day, with a strike and quotes near spot."""

        def adjusted(source: str, wrong: Mask, of_day: Mask) -> DataError:
            roots = ", ".join(sorted({rows.roots[code] for code in np.unique(rows.root[wrong])}))
            rule = f"{int(wrong.sum())} of {int(of_day.sum())} rows are adjusted contracts (roots {roots})"
            return DataError(source, rule, "give a chain of standard contracts", "root")

        def closed(source: str, wrong: Mask, of_day: Mask) -> DataError:
            days = [date.fromordinal(day) for day in np.unique(rows.expiration[wrong]).tolist()]
            return closed_expirations(source, days, int(wrong.sum()), int(of_day.sum()))

        def far(source: str, wrong: Mask, of_day: Mask) -> DataError:
            rule = f"{int(wrong.sum())} of {int(of_day.sum())} rows have a strike or quote off spot by a "
            return DataError(source, f"{rule}factor of {FURTHEST:,.0f}", "correct the prices or the strikes", "strike")

        if rows.adjusted is not None:
            rows = replace(self._left_out(rows, rows.adjusted == 1.0, adjusted), adjusted=None)
        if len(rows):
            quoted = date.fromordinal(int(rows.day.min()))
            expirations = np.unique(rows.expiration).tolist()
            shut = [day for day in expirations if not can_expire(date.fromordinal(day), quoted)]
            rows = self._left_out(rows, np.isin(rows.expiration, shut), closed) if shut else rows
        if len(rows):
            strikes = rows.strike[(rows.strike > 0.0) & np.isfinite(rows.strike)]
            spot = np.where(np.isnan(rows.spot), np.median(strikes) if len(strikes) else np.nan, rows.spot)
            rows = self._left_out(rows, off_spot(rows.strike, rows.bid, rows.ask, spot), far)
        return rows

    def _lay_out(self, rows: QuoteRows) -> None:
        rows = self._sound(rows) if len(rows) else rows
        if not len(rows):
            return
        self.fullest = max(self.fullest, int(np.unique(rows.day, return_counts=True)[1].max()))
        panel = panel_of_rows(
            rows,
            name=self.name,
            symbol=self.symbols.check(rows.files[0]),
            provenance=self.provenance,
            report=self.report,
            session=self.session,
            fullest=self.fullest,
            rate=self.rate,
        )
        if panel is not None:
            self.panels.append(panel)


def is_plain(file: DataFile, layout: Layout) -> bool:
    """Whether rows mean the same read as columns: nothing is said around them, and prices are dollars."""
    readings, vendor = readings_of(file, layout), layout.vendor
    if day_column_of(readings) is None or readings.facts or {"clock", "settlement"} & set(layout.columns):
        return False
    if layout.shape == "wide" and set(layout.groups) != set(RIGHT_SIGN):
        return False
    if may_be_in_other_units(file, layout):
        return False
    asks = [cell for cell in file.sample.get(layout.columns.get("ask", ""), ()) if len(cell) >= FIXED_POINT_DIGITS]
    is_declared = vendor is not None and (
        vendor.around or vendor.carried or vendor.no_quote is not None or {"bid", "ask"} & set(vendor.units)
    )
    return not asks and not is_declared


def days_before_open(rows: QuoteRows) -> dict[int, datetime]:
    """Latest capture of each day that has none but before the open; options settled in cash trade at night."""
    if rows.time is None or any(settlement_of(rows.roots[code]).delivery == "cash" for code in np.unique(rows.root)):
        return {}
    days, place = np.unique(rows.day, return_inverse=True)
    latest = np.full(len(days), -np.inf)
    np.fmax.at(latest, place, rows.time)
    times = {
        day: datetime.fromtimestamp(time, NEW_YORK)
        for day, time in zip(days.tolist(), latest.tolist(), strict=True)
        if np.isfinite(time)
    }
    return {day: at for day, at in times.items() if is_before_open(at, date.fromordinal(day))}


class _LoadedRows:
    """Rows of one file through the loader of single chains, for layouts that columns alone do not tell."""

    def __init__(self, path: Path, symbols: Symbols, session: str | None) -> None:
        self.path, self.symbols, self.session = path, symbols, session
        self.refused: dict[int, DataError] = {}
        self.warnings: dict[int, tuple[str, ...]] = {}
        self.is_ordered = True
        self.rows = 0

    def remarks(self) -> tuple[str, ...]:
        """Nothing: warnings of the chains say it by day."""
        return ()

    def stretches(self, only: NDArray[np.int64] | None = None) -> Iterator[QuoteRows]:
        """Stretch a day; see `FileRows.stretches`."""
        newest = -1
        moved: dict[date, date] = {}
        for chain in read_chains(self.path, symbol=self.symbols.wanted, session=self.session, moved=moved):
            if isinstance(chain, DataError):
                day = date.fromisoformat(str(chain.source)[-10:]).toordinal()
                self.refused.setdefault(day, chain)
                continue
            day = moved.get(chain.as_of, chain.as_of).toordinal()
            self.symbols.seen.add(chain.symbol)
            self.is_ordered &= day >= newest
            newest = max(newest, day)
            self.rows += len(chain.quotes)
            if only is None or day in only:
                rows = rows_of_chain(chain)
                flags = []
                if chain.as_of in moved:  # said again where the day is laid out
                    flags.append(at_weekend(moved[chain.as_of], chain.as_of))
                    flags += [before_open(chain.quote_time, chain.as_of)] if chain.quote_time else []
                self.warnings[chain.as_of.toordinal()] = tuple(text for text in chain.warnings if text not in flags)
                yield replace(rows, day=np.full_like(rows.day, day))
