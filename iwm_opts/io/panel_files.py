"""Panels from option files: any number of them, of any layout that the loader knows, read with pruning and in parallel.

A source is a file, a folder or a glob. Files that hold other days of the same captures are joined; files that hold the
same contracts of a capture with different quotes are refused. Memory holds the panel and one stretch of rows.
"""

import glob
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN, Provenance
from iwm_opts.errors import DataError, InputError, IwmOptsError
from iwm_opts.io.columns import BEFORE_CLOSE, FEED_DELAY, NEVER
from iwm_opts.io.failures import FOREIGN, gate, why
from iwm_opts.io.formats import Layout, detect
from iwm_opts.io.layouts.common import CAPTURES, DELAYED_NAMES
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.limits import Budget
from iwm_opts.io.option_symbols import parse_option_symbol
from iwm_opts.io.parse import parse_day, parse_moment, parse_right, parsed
from iwm_opts.io.provenance import Origin, origin_of
from iwm_opts.io.readings import readings_of
from iwm_opts.io.selection import clean_symbol, day_column_of, refuse_days, refuse_symbol
from iwm_opts.io.tables import (
    BATCH_ROWS,
    Batch,
    DataFile,
    MixedNumbersError,
    batches_spelled,
    conformed,
    open_table,
    words,
)
from iwm_opts.io.units import declared_strike_unit
from iwm_opts.kernels.panel.implied_rate import SLOPE_WINDOW_DAYS
from iwm_opts.market.calendar import at_close
from iwm_opts.market.contract import Contract, is_adjusted, settlement_of, underlying_of
from iwm_opts.market.panel import Panel, joined, taken
from iwm_opts.market.panel_rows import QuoteRows, Report, listed_roots, panel_of_rows, rows_together
from iwm_opts.market.ranges import FURTHEST, LARGEST_PRICE, off_spot

T = TypeVar("T")
Progress = Callable[[int, int], None]
Array = NDArray[np.float64]

MAX_DTE: Final = 120  # calendar days to the last expiration that is kept
STRETCH_ROWS: Final = 1 << 20  # rows held before the days among them are laid out
SUFFIXES: Final = (".csv", ".parquet", ".json", ".txt", ".gz")
SIMULATION: Final = "simulation.json"
CHAINS_OF_SIMULATION: Final = "chains-*.parquet"
EPOCH: Final = date(1970, 1, 1).toordinal()
ROLES: Final = (
    "occ", "underlying_symbol", "root", "quote_date", "quote_time", "feed_time", "session", "last_trade",
    "underlying_price", "underlying_bid", "underlying_ask", "expiration", "right", "strike", "bid", "ask",
)  # fmt: skip
BYTES_A_ROW: Final = {"csv": 90, "json": 300, "parquet": 30}  # guesses, for the first progress reports
PACKED: Final = 6  # times that gzip shrinks such text


def expand(sources: Sequence[str | Path]) -> tuple[list[Path], frozenset[Path]]:
    """Files of sources, each once and in order, and those that a folder or a glob brought in.

    Raises
    ------
    DataError
        When a source holds no file, or a folder that `iwm-opts simulate` wrote holds several paths.
    """
    files: dict[Path, None] = {}
    brought: set[Path] = set()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            members = _of_folder(path)
        elif not path.exists() and glob.has_magic(str(source)):
            members = [Path(name) for name in sorted(glob.glob(str(source), recursive=True)) if Path(name).is_file()]
        else:
            files[path] = None
            continue
        if not members:
            raise DataError(
                path, "holds no CSV, Parquet or JSON file", "name a file, a folder or a glob of option files"
            )
        brought.update(members)
        files.update(dict.fromkeys(members))
    return list(files), frozenset(brought)


def _of_folder(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("path-*")) if (folder / SIMULATION).exists() else [folder]
    if len(paths) > 1:
        raise DataError(folder, f"holds {len(paths)} simulated paths", f"name one of them, such as {paths[0]}")
    simulated = [file for path in paths for file in sorted(path.glob(CHAINS_OF_SIMULATION))]
    return simulated or sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix in SUFFIXES)


@dataclass(frozen=True, slots=True)
class Build:
    """A panel before its days are cut, with remarks on them."""

    panel: Panel
    report: Report
    skipped: tuple[str, ...]  # files of a folder that hold no option chain


def build_panel(
    sources: Sequence[str | Path],
    symbol: str | None = None,
    session: str | None = None,
    max_dte: int = MAX_DTE,
    progress: Progress | None = None,
) -> Build:
    """Read option files into a panel; see `read_panel`."""
    files, brought = expand(sources)
    reader = _Reader(files, brought, None if symbol is None else clean_symbol(symbol), session, max_dte, progress)
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

    Parameters
    ----------
    sources : sequence of str or Path
        Files, folders and globs, of any layout that `io.formats` knows.
    symbol : str, optional
        Underlying; needed where the files hold several.
    session : str, optional
        Label of the capture of each day, or its time as HH:MM. By default the latest within the session, else the
        latest.
    first, last : date, optional
        Days to begin and end with, both included.
    max_dte : int
        Calendar days to the last expiration that is kept; more where a rate must be implied.
    progress : callable, optional
        Called with rows read and rows to read, an estimate for files that do not say.

    Raises
    ------
    DataError
        When a file cannot be read, holds no option chain, or the same capture as another with different quotes; when
        no day of the window is left.
    """
    from iwm_opts.io.panel_cache import cached_build

    files, _ = expand(sources)
    options = {"symbol": symbol, "session": session, "max_dte": max_dte}
    build = cached_build(files, options, partial(build_panel, sources, symbol, session, max_dte, progress))
    return window(build, files, first, last)


def window(build: Build, files: Sequence[Path], first: date | None, last: date | None) -> Panel:
    """Days of a build, with the notes on them."""
    panel = build.panel.cut(first, last)
    if not len(panel):
        refuse_days(files[0], build.panel.dates, first, last)
    low, high = (first or date.min).toordinal(), (last or date.max).toordinal()
    notes = (*build.panel.notes, *build.skipped, *build.report.notes(low, high, len(panel)))
    return replace(panel, notes=notes)


def _name(files: Sequence[Path]) -> str:
    if len(files) == 1:
        return f"chains of {files[0].name}"
    return f"chains of {len(files)} files, {files[0].name} to {files[-1].name}"


class _Reader:
    """Reads files one after the other, a stretch ahead of the one being laid out."""

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
        self.fullest = self.done = 0
        opened = self._opened(files, brought)
        origins = [origin_of(file.path) for file, _ in opened]
        self.provenance = _provenance([file.path for file, _ in opened], origins)
        rates = {origin.rate for origin in origins}
        self.rate = rates.pop() if len(rates) == 1 else None
        self.symbols = _Symbols(symbol)
        reach = max_dte if self.rate is not None else max(max_dte, int(SLOPE_WINDOW_DAYS[1]) + 1)
        self.files = {file.path: _FileRows(file, layout, self.symbols, max_dte, reach) for file, layout in opened}
        self.total = sum(_rows_of(file) for file, _ in opened)
        self.name = _name(list(self.files))

    def build(self) -> Build:
        """Panel of all files."""
        for path, rows in _ahead((path, rows) for path, file in self.files.items() for rows in file.stretches()):
            self._add(path, rows)
        if not self.panels:
            for error in self.report.errors:
                raise error
            self.symbols.check(next(iter(self.files)))
            raise DataError(next(iter(self.files)), "holds a header and no rows", "give a file with quotes")
        panel = joined(self.panels)
        self.panels = []
        return Build(panel, self.report, tuple(self.skipped))

    def _opened(self, files: Sequence[Path], brought: frozenset[Path]) -> list[tuple[DataFile, Layout]]:
        opened = []
        for path in files:
            try:
                file = open_table(path)
                layout = detect(file.columns, file.sample, path)
                if day_column_of(readings_of(file, layout)) is None:
                    rule = "has no column for the quote date"
                    raise DataError(path, rule, "give a file that says of which day each row is")
            except DataError as error:
                if path not in brought:
                    raise
                self.skipped.append(f"skipped: {error.source}: {error.rule}")
            else:
                opened.append((file, layout))
        if not opened:
            raise DataError(files[0].parent, "holds no option chain file", "name option chain files")
        return opened

    def _add(self, path: Path, rows: QuoteRows) -> None:
        """Lay out a stretch of rows; days that were read before are read again and laid out with them."""
        for day, error in self.files[path].refused.items():
            self.report.refuse(day, error)
        self._tell(len(rows))
        rows = rows.take(~np.isin(rows.day, list(self.files[path].refused)))
        days = np.unique(rows.day)
        again = np.array([day for day in days.tolist() if day in self.read], dtype=np.int64)
        for day in days.tolist():
            self.read.setdefault(day, set()).add(path)
        if len(again):
            shared = np.isin(rows.day, again)
            self._lay_out_again(path, again, rows.take(shared))
            rows = rows.take(~shared)
        self._lay_out(rows)

    def _lay_out_again(self, path: Path, days: NDArray[np.int64], rows: QuoteRows) -> None:
        kept = [taken(panel, ~np.isin(panel.day, days)) for panel in self.panels]
        self.panels = [panel for panel in kept if len(panel)]
        self.report.forget(days)
        others = sorted({file for day in days.tolist() for file in self.read[day]} - {path})
        mine = [rows] if self.files[path].is_ordered else list(self.files[path].stretches(days))
        self._lay_out(rows_together([part for file in others for part in self.files[file].stretches(days)] + mine))

    def _within_ranges(self, rows: QuoteRows) -> QuoteRows:
        """Rows near spot; days lose their other rows with a remark, days without any are refused."""
        spot = np.where(np.isnan(rows.spot), np.median(rows.strike), rows.spot)
        wrong = off_spot(rows.strike, rows.bid, rows.ask, spot)
        for day in np.unique(rows.day[wrong]).tolist():
            of_day = rows.day == day
            rule = f"{int((wrong & of_day).sum())} of {int(of_day.sum())} rows have a strike or quote off spot by a "
            rule += f"factor of {FURTHEST:,.0f}"
            if wrong[of_day].all():
                source = f"{rows.files[rows.file[int(np.argmax(of_day))]]}, {date.fromordinal(day)}"
                self.report.refuse(day, DataError(source, rule, "correct the prices or the strikes"))
            else:
                self.report.warn(day, f"{rule}: left out")
        return rows.take(~wrong)

    def _lay_out(self, rows: QuoteRows) -> None:
        rows = self._within_ranges(rows) if len(rows) else rows
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

    def _tell(self, rows: int) -> None:
        self.done = sum(file.rows for file in self.files.values())
        if self.progress:
            self.progress(self.done, max(self.done, self.total))


def _provenance(paths: Sequence[Path], origins: Sequence[Origin]) -> Provenance:
    provenances = [Provenance.of(simulated=origin.simulated, modelled=origin.modelled) for origin in origins]
    for path, provenance in zip(paths, provenances, strict=True):
        if provenance is not provenances[0]:
            rule = f"holds {provenance} quotes, {paths[0]} {provenances[0]} ones"
            raise DataError(path, rule, "give files of one kind of market")
    return provenances[0]


def _rows_of(file: DataFile) -> int:
    """Rows of a file: a Parquet file says, others are estimated by their size."""
    if file.kind == "parquet" and not file.packed:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(file.path).num_rows)
    size = file.path.stat().st_size * (PACKED if file.packed else 1)
    return size // BYTES_A_ROW[file.kind]


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Items, the next one made in a thread while one is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("T", item)


class _Symbols:
    """Underlying asked for, and those seen."""

    def __init__(self, symbol: str | None) -> None:
        self.wanted = symbol
        self.seen: set[str] = set()

    def check(self, source: object) -> str:
        """The one symbol.

        Raises
        ------
        DataError
            When several were seen and none is asked for, or not the one asked for.
        """
        if self.wanted is not None:
            if self.seen and self.wanted not in self.seen:
                refuse_symbol(source, self.seen, self.wanted)
            return self.wanted
        if len(self.seen) > 1:
            rule = f"holds several symbols, {', '.join(sorted(self.seen))}"
            raise DataError(source, rule, "choose one with --symbol")
        if not self.seen:
            raise DataError(source, "names no underlying, by column or by OCC symbol", "say it with --symbol")
        return next(iter(self.seen))


class _FileRows:
    """Rows of one file as arrays, a stretch of whole days at a time."""

    def __init__(self, file: DataFile, layout: Layout, symbols: _Symbols, max_dte: int, reach: int) -> None:
        self.file, self.layout, self.symbols = file, layout, symbols
        self.max_dte, self.reach = max_dte, reach  # calendar days kept of American and of European roots
        self.refused: dict[int, DataError] = {}  # days with a damaged cell
        self.is_ordered = True
        self.rows = 0
        self.roots: dict[str, int] = {}
        self.labels: dict[str, int] = {"": 0}
        self.readings = readings_of(file, layout)
        self.strike_unit = declared_strike_unit(file, layout)
        column = day_column_of(self.readings)
        assert column is not None
        self.day_column = column

    def stretches(self, only: NDArray[np.int64] | None = None) -> Iterator[QuoteRows]:
        """Stretches of whole days where the file is in order of days, else all rows at once.

        Parameters
        ----------
        only : ndarray of int, optional
            Ordinals of the days wanted.
        """
        held: list[QuoteRows] = []
        count, newest = 0, -1
        for rows in self._parts():
            rows = rows if only is None else rows.take(np.isin(rows.day, only))
            if not len(rows):
                continue
            self.is_ordered &= int(rows.day[0]) >= newest and bool((np.diff(rows.day) >= 0).all())
            newest = max(newest, int(rows.day.max()))
            held.append(rows)
            count += len(rows)
            if count >= STRETCH_ROWS and self.is_ordered:
                together = rows_together(held)
                whole = int(np.searchsorted(together.day, newest))
                if whole:
                    yield together.take(slice(0, whole))
                held = [together.take(slice(whole, None))]
                count = len(held[0])
        if held:
            yield rows_together(held)

    def _parts(self) -> Iterator[QuoteRows]:
        """Rows batch by batch, those of other symbols and far expirations left out."""
        columns = [
            *self.layout.columns.items(),
            *(pair for group in self.layout.groups.values() for pair in group.items()),
        ]
        roles = {name: role for role, name in columns if role in ROLES}
        roles.setdefault(self.day_column.name, "quote_date")
        numbers = [name for name, role in roles.items() if role in NUMBERS]
        texts = [name for name, role in roles.items() if role not in NUMBERS]
        for batch in _batches(self.file, numbers, texts, self.layout.required_numbers):
            lines = np.arange(batch.start, batch.start + len(batch.rows)) + self.file.first_line
            self.rows += len(batch.rows)
            with gate(self.file.path, "check that the file is whole and holds one value a cell"):
                sides = [rows for rows in _BatchRows(self, batch.rows, lines).sides() if len(rows)]
            yield from sides

    def root_code(self, root: str | None) -> int:
        """Place of a root among those seen; -1 for none."""
        return -1 if root is None else self.roots.setdefault(root, len(self.roots))

    def label_code(self, label: str) -> int:
        """Place of a capture's label among those seen."""
        return self.labels.setdefault(label, len(self.labels))

    def reach_of(self, root: str) -> int:
        """Calendar days to the farthest expiration kept of a root."""
        return self.max_dte if settlement_of(root).exercise == "american" else self.reach

    def refuse(self, day: int, rule: str) -> None:
        """Leave a day out for a damaged cell; the first one counts."""
        if day not in self.refused:
            source = f"{self.file.path}, {date.fromordinal(day)}"
            self.refused[day] = DataError(source, rule, "correct the cell")


NUMBERS: Final = ("underlying_price", "underlying_bid", "underlying_ask", "strike", "bid", "ask")


def _batches(file: DataFile, numbers: Sequence[str], texts: Sequence[str], required: frozenset[str]) -> Iterator[Batch]:
    """Batches with dates and times in their own types where a Parquet file has them, words as dictionaries."""
    if file.kind != "parquet" or file.packed:
        yield from (batch for _, batch in batches_spelled(file, numbers, texts, required))
        return
    from pyarrow import dataset

    schema = dataset.dataset(str(file.path), format="parquet").schema
    words_of = [name for name in texts if _is_text(schema.field(name).type)]
    options = dataset.ParquetReadOptions(dictionary_columns=words_of)
    data = dataset.dataset(str(file.path), format=dataset.ParquetFileFormat(read_options=options))
    start = 0
    try:
        scanner = data.scanner(columns=[*numbers, *texts], batch_size=BATCH_ROWS, batch_readahead=4)
        for rows in Budget(file.path).metered(scanner.to_batches()):
            floats = conformed(rows, numbers, ())
            columns = [*floats.columns, *(rows.column(name) for name in texts)]
            yield Batch(start, pa.RecordBatch.from_arrays(columns, [*numbers, *texts]))
            start += len(rows)
    except MixedNumbersError:
        yield from (batch for _, batch in batches_spelled(file, numbers, texts, required, start))
    except IwmOptsError:
        raise
    except FOREIGN as error:
        raise DataError(file.path, why(error), "check that the file is whole") from None


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


class _BatchRows:
    """One batch of a file, column by column."""

    def __init__(self, owner: _FileRows, rows: Any, lines: NDArray[np.int64]) -> None:
        self.owner, self.rows, self.lines = owner, rows, lines
        self.columns = owner.layout.columns
        self.day = self._quote_days()

    def sides(self) -> Iterator[QuoteRows]:
        """Rows of the batch; a wide file gives calls and puts, a file of two captures each of them."""
        groups = self.owner.layout.groups
        if self.owner.layout.shape == "wide":
            for right, columns in groups.items():
                yield self._quotes({**self.columns, **columns}, sign=RIGHT_SIGN[right])
        elif self.owner.layout.shape == "captures":
            for when in CAPTURES:
                if when in groups:
                    yield self._quotes({**self.columns, **groups[when]}, when=when)
        else:
            yield self._quotes(self.columns)

    def _quotes(self, columns: dict[str, str], sign: int = 0, when: str = "") -> QuoteRows:
        """Rows of the symbol, not farther than the panel reaches."""
        owner = self.owner
        root, expiration, signs, strike = self._contracts(columns, sign)
        kept, root = self._of_symbol(columns, root, expiration)
        spot = self._spot(columns)
        reach = np.array([owner.reach_of(name) for name in owner.roots], dtype=np.int64)
        kept &= expiration - self.day <= reach[root]
        rows = QuoteRows(
            self.day, expiration, root, signs, strike, self._numbers(columns["bid"]), self._numbers(columns["ask"]),
            spot, tuple(owner.roots), (str(owner.file.path),), np.zeros(len(strike), dtype=np.int16),
            self._times(columns, when), self._labels(columns, when), tuple(owner.labels),
            self._seconds(columns["last_trade"]) if "last_trade" in columns else None,
        )  # fmt: skip
        self._refuse(kept & ~((strike > 0.0) & np.isfinite(strike)), columns.get("strike", "strike"), strike)
        self._refuse(kept & ((spot < 0.0) | (spot > LARGEST_PRICE)), columns.get("underlying_price", "spot"), spot)
        return rows if kept.all() else rows.take(kept)

    # Columns

    def _quote_days(self) -> NDArray[np.int32]:
        column = self.owner.day_column
        days = self._typed_days(column.name)
        if days is None:
            values, codes = parsed(
                as_words(self.rows.column(column.name)), column.parse, self.owner.file.path, column.name, self.lines
            )
            days = np.array([-1 if day is None else day.toordinal() for day in values], dtype=np.int32)[codes]
        empty = np.flatnonzero(days < 0)
        if len(empty):
            rule = f"row {self.lines[empty[0]]}, column {column.name.strip()}: the date is empty"
            raise DataError(self.owner.file.path, rule, "fill it in or remove the row")
        return days

    def _typed_days(self, name: str) -> NDArray[np.int32] | None:
        """Ordinals of a column of dates, or of times without a zone, -1 for empty; None of any other type."""
        cells = self.rows.column(name)
        if pa.types.is_timestamp(cells.type) and cells.type.tz is None:
            cells = pc.floor_temporal(cells, unit="day").cast(pa.date32())
        if not pa.types.is_date32(cells.type):
            return None
        days = cells.cast(pa.int32()).fill_null(-1 - EPOCH).to_numpy(zero_copy_only=False)
        return np.asarray(days + np.int32(EPOCH), dtype=np.int32)

    def _days(self, name: str) -> NDArray[np.int32]:
        days = self._typed_days(name)
        if days is not None:
            return days
        values, codes = self._parsed(name, partial(parse_day, order=self.owner.readings.order))
        return np.array([-1 if day is None else day.toordinal() for day in values], dtype=np.int32)[codes]

    def _numbers(self, name: str) -> Array:
        cells = self.rows.column(name)
        return np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _parsed(self, name: str, parse: Callable[[str], Any]) -> tuple[list[Any], NDArray[np.int64]]:
        """Distinct values, None for empty ones last, and the place of each cell's; a bad cell costs its day."""
        cells = as_words(self.rows.column(name))
        texts = cells.dictionary.to_pylist()
        codes = cells.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False).astype(np.int64)
        values: list[Any] = []
        for code, text in enumerate(texts):
            try:
                values.append(None if text is None else parse(text))
            except (ValueError, OverflowError) as error:
                values.append(None)
                rule = f"{text[:60]!r} {getattr(error, 'rule', error)}"
                self._refuse_cells(codes == code, f"column {name.strip()}: {rule}")
        return [*values, None], codes

    def _seconds(self, name: str, *, only_with_time: bool = False) -> Array:
        """POSIX seconds of a column of times, NaN where empty; a time of day is of the row's day."""
        cells = self.rows.column(name)
        if pa.types.is_timestamp(cells.type) and cells.type.tz is not None:
            micros = cells.cast(pa.timestamp("us", cells.type.tz)).cast(pa.int64())
            return np.asarray(micros.to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6
        zone = self.owner.readings.zone(name)
        values, codes = self._parsed(name, partial(self._moment, zone=zone))
        seconds = np.full(len(values), np.nan)
        for code, value in enumerate(values):
            is_midnight = isinstance(value, datetime) and value.astimezone(zone).time() == time()
            if isinstance(value, datetime) and not (only_with_time and is_midnight):
                seconds[code] = value.timestamp()
        of_row = seconds[codes]
        for code, value in enumerate(values):
            if isinstance(value, time):
                rows = np.flatnonzero(codes == code)
                for day in np.unique(self.day[rows]):
                    at = datetime.combine(date.fromordinal(int(day)), value, zone).timestamp()
                    of_row[rows[self.day[rows] == day]] = at
        return of_row

    def _moment(self, text: str, zone: ZoneInfo) -> datetime | time | None:
        """Aware time, or a time of day; None for a date, or the zero of a contract that never traded."""
        if text.strip() in NEVER:
            return None
        moment = parse_moment(text, zone, self.owner.readings.order)
        return moment if isinstance(moment, datetime | time) else None

    def _times(self, columns: dict[str, str], when: str) -> Array | None:
        if when:
            days, places = np.unique(self.day, return_inverse=True)
            closes = [at_close(date.fromordinal(int(day))) - BEFORE_CLOSE[when] for day in days]
            return np.array([close.timestamp() for close in closes])[places]
        if "quote_time" in columns:
            return self._seconds(columns["quote_time"])
        if "feed_time" in columns:
            name = columns["feed_time"]
            late = FEED_DELAY / np.timedelta64(1, "s") if plain(name) in DELAYED_NAMES else 0.0
            return self._seconds(name) - late
        name = columns.get("quote_date", "")
        if not name or self._typed_days(name) is not None:
            return None
        times = self._seconds(name, only_with_time=True)
        return times if np.isfinite(times).any() else None

    def _labels(self, columns: dict[str, str], when: str) -> NDArray[np.int16] | None:
        if when:
            return np.full(len(self.day), self.owner.label_code(when), dtype=np.int16)
        if "session" not in columns:
            return None
        values, codes = self._parsed(columns["session"], str.strip)
        return np.array([self.owner.label_code(value or "") for value in values], dtype=np.int16)[codes]

    def _spot(self, columns: dict[str, str]) -> Array:
        price = np.full(len(self.day), np.nan)
        if "underlying_price" in columns:
            price = self._numbers(columns["underlying_price"]).copy()
        if {"underlying_bid", "underlying_ask"} <= set(columns):
            bid, ask = (self._numbers(columns[name]) for name in ("underlying_bid", "underlying_ask"))
            price = np.where((bid > 0.0) & (ask > 0.0), 0.5 * (bid + ask), price)
        price[price == 0.0] = np.nan  # a vendor's blank
        return price

    # Contracts

    def _contracts(
        self, columns: dict[str, str], sign: int
    ) -> tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int8], Array]:
        """Root (-1 where no column says), expiration, sign and strike; an OCC symbol is believed over columns."""
        count = len(self.day)
        root, expiration = np.full(count, -1, dtype=np.int16), np.full(count, -1, dtype=np.int32)
        signs, strike = np.full(count, sign, dtype=np.int8), np.full(count, np.nan)
        if "root" in columns:
            values, codes = self._parsed(columns["root"], clean_symbol)
            root = np.array([self.owner.root_code(value) for value in values], dtype=np.int16)[codes]
        if "expiration" in columns:
            expiration = self._days(columns["expiration"])
        if "right" in columns and not sign:
            values, codes = self._parsed(columns["right"], parse_right)
            signs = np.array([RIGHT_SIGN.get(value, 0) for value in values], dtype=np.int8)[codes]
        if "strike" in columns:
            strike = self._numbers(columns["strike"]) * self.owner.strike_unit
        if "occ" in columns:
            values, codes = self._parsed(columns["occ"], contract_of)
            named = np.array([value is not None for value in values])[codes]
            fields = [_fields_of(value, self.owner) for value in values]
            parts = [np.array(column)[codes] for column in zip(*fields, strict=True)]
            root, expiration = np.where(named, parts[0], root), np.where(named, parts[1], expiration)
            signs, strike = np.where(named, parts[2], signs), np.where(named, parts[3], strike)
        for name, is_empty in (("expiration", expiration < 0), ("right", signs == 0), ("strike", np.isnan(strike))):
            self._refuse_cells(is_empty, f"column {columns.get(name, name).strip()}: empty")
        return root.astype(np.int16), expiration.astype(np.int32), signs.astype(np.int8), strike

    def _of_symbol(
        self, columns: dict[str, str], root: NDArray[np.int16], expiration: NDArray[np.int32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
        """Rows of the symbol, and roots with those filled in that no column names."""
        owner, symbols = self.owner, self.owner.symbols
        values: list[str | None] = [symbols.wanted, None]
        codes = np.zeros(len(root), dtype=np.int64)
        if "underlying_symbol" in columns:
            name = columns["underlying_symbol"]
            values, codes = parsed(as_words(self.rows.column(name)), clean_symbol, owner.file.path, name, self.lines)
            nameless = np.flatnonzero(codes == len(values) - 1)
            if len(nameless):
                rule = f"row {self.lines[nameless[0]]}, column {name.strip()}: the symbol is empty"
                raise DataError(owner.file.path, rule, "fill it in or remove the row")
        elif (root >= 0).any():
            values, codes = [*(underlying_of(name) for name in owner.roots), None], root.astype(np.int64)
        symbols.seen.update(value for code in np.unique(codes) if (value := values[code]) is not None)
        mine = np.ones(len(root), dtype=np.bool_)
        if symbols.wanted is not None:
            mine = np.array([value == symbols.wanted for value in values])[codes]
        adjusted = np.array([is_adjusted(name) for name in (*owner.roots, "")])
        mine &= ~adjusted[root]
        if (root < 0).any():
            days = np.where(expiration < 1, self.day, expiration)  # those without one are of days that are left out
            roots, places = listed_roots(symbols.check(owner.file.path), days)
            filled = np.array([owner.root_code(name) for name in roots], dtype=np.int16)[places]
            root = np.where(root < 0, filled, root)
        return mine, root

    # Damaged cells

    def _refuse(self, wrong: NDArray[np.bool_], name: str, values: Array) -> None:
        if wrong.any():
            self._refuse_cells(wrong, f"column {name}: {values[np.argmax(wrong)]:g} is not a positive number")

    def _refuse_cells(self, wrong: NDArray[np.bool_], why: str) -> None:
        """Leave out the days of damaged rows."""
        if wrong.any():
            rows = np.flatnonzero(wrong)
            for day, first, count in zip(
                *np.unique(self.day[rows], return_index=True, return_counts=True), strict=True
            ):
                rule = f"row {self.lines[rows[first]]}, {why}, and so in {count} rows of the day"
                self.owner.refuse(int(day), rule)


def as_words(cells: Any) -> Any:
    """Dictionary of strings, as it is where a file gave one."""
    return cells if pa.types.is_dictionary(cells.type) else words(cells)


def contract_of(text: str) -> Contract:
    """Contract of an OCC symbol."""
    try:
        return parse_option_symbol(text)
    except InputError as error:
        raise ValueError(error.rule) from None


def _fields_of(contract: Contract | None, owner: _FileRows) -> tuple[int, int, int, float]:
    if contract is None:
        return -1, -1, 0, np.nan
    sign = RIGHT_SIGN[contract.right]
    return owner.root_code(contract.root), contract.expiration.toordinal(), sign, contract.strike
