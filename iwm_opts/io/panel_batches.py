"""Rows of one option file, batch by batch: columns by role, days and contracts, pruned."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN, TIMEZONE, counted
from iwm_opts.errors import DataError, IwmOptsError
from iwm_opts.io.columns import BEFORE_CLOSE, CONTRACT, NEVER, delay_of, value_or_none
from iwm_opts.io.failures import FOREIGN, gate, why
from iwm_opts.io.formats import Layout
from iwm_opts.io.identity import check_file_name, check_roots, doubtful_name
from iwm_opts.io.layouts.common import CAPTURES
from iwm_opts.io.limits import Budget
from iwm_opts.io.option_symbols import contract_of
from iwm_opts.io.parse import YES, parse_day, parse_flag, parse_moment, parse_right, parsed
from iwm_opts.io.readings import readings_of
from iwm_opts.io.selection import check_one_symbol, clean_symbol, day_column_of, old_codes, other_symbols
from iwm_opts.io.tables import BATCH_ROWS, Batch, DataFile, MixedNumbersError, batches_spelled, conformed, words
from iwm_opts.io.units import declared_strike_unit
from iwm_opts.market.calendar import at_close
from iwm_opts.market.contract import SYMBOLS_SINCE, index_of, is_adjusted, is_old_code, settlement_of, underlying_of
from iwm_opts.market.quote_rows import QuoteRows, listed_roots, rows_together
from iwm_opts.market.ranges import LARGEST_PRICE

Array = NDArray[np.float64]
Int = TypeVar("Int", np.int8, np.int16, np.int32, np.bool_)
STRETCH_ROWS: Final = 1 << 20  # rows held before the days among them are laid out
EPOCH: Final = date(1970, 1, 1).toordinal()
ROLES: Final = (
    "occ", "underlying_symbol", "root", "quote_date", "quote_time", "feed_time", "session", "last_trade",
    "underlying_price", "underlying_bid", "underlying_ask", "expiration", "right", "strike", "bid", "ask",
    "multiplier", "non_standard",
)  # fmt: skip
NUMBERS: Final = ("underlying_price", "underlying_bid", "underlying_ask", "strike", "bid", "ask", "multiplier")


class Symbols:
    """Underlying asked for, and those seen."""

    def __init__(self, symbol: str | None) -> None:
        self.wanted = symbol
        self.seen: set[str] = set()

    def check(self, source: object) -> str:
        """One symbol.

        Raises DataError when several were seen and none is asked for, or not the one asked for.
        """
        check_one_symbol(source, self.seen, self.wanted)
        if self.wanted is None and not self.seen:
            raise DataError(source, "names no underlying, by column or by OCC symbol", "say it with `symbol`", "symbol")
        return self.wanted or next(iter(self.seen))


def _ordinal(day: date | None) -> int:
    return -1 if day is None else day.toordinal()


class FileRows:
    """Rows of one file as arrays, a stretch of whole days at a time."""

    def __init__(self, file: DataFile, layout: Layout, symbols: Symbols, max_dte: int, reach: int) -> None:
        self.file, self.layout, self.symbols = file, layout, symbols
        self.max_dte, self.reach = max_dte, reach  # calendar days kept of American and of European roots
        self.refused: dict[int, DataError] = {}  # days with a damaged cell
        self.warnings: dict[int, tuple[str, ...]] = {}  # by day
        self.is_ordered = True
        self.rows = 0
        self.words: Counter[tuple[str, str]] = Counter()  # cells of a column that are not what it holds
        self.codes: Counter[str] = Counter()  # rows under roots from before OCC symbols
        self.others: Counter[str] = Counter()  # rows of other symbols
        self.doubt = ""  # whether the file's name says another ticker, where no row says one
        self.roots: dict[str, int] = {}
        self.labels: dict[str, int] = {"": 0}
        self.readings = readings_of(file, layout)
        self.strike_unit = declared_strike_unit(file, layout)
        column = day_column_of(self.readings)
        assert column is not None
        self.day_column = column

    def stretches(self, only: NDArray[np.int64] | None = None) -> Iterator[QuoteRows]:
        """Stretches of whole days where the file is in order of days, else all rows at once.

        `only` are the ordinals of the days wanted.
        """
        self.words.clear()
        self.codes.clear()
        self.others.clear()
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

    def remarks(self) -> tuple[str, ...]:
        """Return readings that the cells leave open, and rows and cells left out."""
        words = [
            f"{name.strip()}: {counted(count, 'cells are', 'cell is')} not {what}: taken as blank"
            for (name, what), count in self.words.items()
        ]
        codes = old_codes(self.codes, self.codes.total())
        return (
            *self.file.notes,
            *filter(None, [self.doubt]),
            *self.readings.warnings,
            *words,
            *codes,
            *other_symbols(self.others, self.others.total()),
        )

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


def _batches(file: DataFile, numbers: Sequence[str], texts: Sequence[str], required: frozenset[str]) -> Iterator[Batch]:
    """Batches with dates and times in their own types where a Parquet file has them, words as dictionaries."""
    if file.kind != "parquet" or file.packed:
        yield from (batch for _, batch in batches_spelled(file, numbers, texts, required))
        return
    from pyarrow import dataset

    schema = dataset.dataset(str(file.place), format="parquet").schema
    kinds = pa.string(), pa.large_string()
    words_of = [name for name in texts if schema.field(name).type in kinds]
    options = dataset.ParquetReadOptions(dictionary_columns=words_of)
    data = dataset.dataset(str(file.place), format=dataset.ParquetFileFormat(read_options=options))
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


class _BatchRows:
    """One batch of a file, column by column."""

    def __init__(self, owner: FileRows, rows: Any, lines: NDArray[np.int64]) -> None:
        self.owner, self.rows, self.lines = owner, rows, lines
        self.columns = owner.layout.columns
        column, source = owner.day_column, owner.file.path
        days = self._typed_days(column.name)
        if days is None:
            values, codes = parsed(as_words(rows.column(column.name)), column.parse, source, column.name, lines)
            days = np.array(list(map(_ordinal, values)), dtype=np.int32)[codes]
        self.day = days
        empty = np.flatnonzero(days < 0)
        if len(empty):
            rule = f"row {lines[empty[0]]}, column {column.name.strip()}: the date is empty"
            raise DataError(source, rule, "fill it in or remove the row")

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
        spot = np.full(len(self.day), np.nan)
        if "underlying_price" in columns:
            spot = self._numbers(columns["underlying_price"]).copy()
        if {"underlying_bid", "underlying_ask"} <= set(columns):
            bid, ask = (self._numbers(columns[name]) for name in ("underlying_bid", "underlying_ask"))
            spot = np.where((bid > 0.0) & (ask > 0.0), 0.5 * (bid + ask), spot)
        spot[spot == 0.0] = np.nan  # a vendor's blank
        labels = None
        if when:
            labels = np.full(len(self.day), owner.label_code(when), dtype=np.int16)
        elif "session" in columns:
            labels = self._coded(columns["session"], str.strip, lambda label: owner.label_code(label or ""), np.int16)
        reach = np.array([owner.reach_of(name) for name in owner.roots], dtype=np.int64)
        kept &= expiration - self.day <= reach[root]
        rows = QuoteRows(
            self.day, expiration, root, signs, strike, self._numbers(columns["bid"]), self._numbers(columns["ask"]),
            spot, tuple(owner.roots), (str(owner.file.path),), np.zeros(len(strike), dtype=np.int16),
            self._times(columns, when), labels, tuple(owner.labels),
            self._seconds(columns["last_trade"]) if "last_trade" in columns else None,
            self._adjusted(columns, root),
        )  # fmt: skip
        self._refuse(kept & ~((strike > 0.0) & np.isfinite(strike)), columns.get("strike", "strike"), strike)
        self._refuse(kept & ((spot < 0.0) | (spot > LARGEST_PRICE)), columns.get("underlying_price", "spot"), spot)
        return rows if kept.all() else rows.take(kept)

    # Columns

    def _typed_days(self, name: str) -> NDArray[np.int32] | None:
        """Ordinals of a column of dates, or of times without a zone, -1 for empty; None of any other type."""
        cells = self.rows.column(name)
        if pa.types.is_timestamp(cells.type) and cells.type.tz is None:
            cells = pc.floor_temporal(cells, unit="day").cast(pa.date32())
        if not pa.types.is_date32(cells.type):
            return None
        days = cells.cast(pa.int32()).fill_null(-1 - EPOCH).to_numpy(zero_copy_only=False)
        return np.asarray(days + np.int32(EPOCH), dtype=np.int32)

    def _numbers(self, name: str) -> Array:
        cells = self.rows.column(name)
        return np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _parsed(
        self, name: str, parse: Callable[[str], Any], unneeded: str = ""
    ) -> tuple[list[Any], NDArray[np.int64]]:
        """Distinct values, None for empty ones last, and the place of each cell's.

        A bad cell costs its day; in a column of `unneeded` times or symbols it counts as empty.
        """
        unread: dict[str, None] = {}
        parse = partial(value_or_none, parse=parse, unread=unread) if unneeded else parse
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
                self._check_cells(codes == code, f"column {name.strip()}: {rule}")
        if unread:
            self.owner.words[name, unneeded] += sum(text in unread for text in cells.to_pylist() if text is not None)
        return [*values, None], codes

    def _coded(
        self, name: str, parse: Callable[[str], Any], code: Callable[[Any], int], kind: type[Int]
    ) -> NDArray[Int]:
        """Cells of a column as integers."""
        values, codes = self._parsed(name, parse)
        return np.array(list(map(code, values)), dtype=kind)[codes]

    def _seconds(self, name: str, *, only_with_time: bool = False) -> Array:
        """POSIX seconds of a column of times, NaN where empty; a time of day is of the row's day."""
        cells = self.rows.column(name)
        if pa.types.is_timestamp(cells.type) and cells.type.tz is not None:
            micros = cells.cast(pa.timestamp("us", cells.type.tz)).cast(pa.int64())
            seconds = np.asarray(micros.to_numpy(zero_copy_only=False), dtype=np.float64) / 1e6
            for zone in (cells.type.tz, TIMEZONE):  # midnights there or in New York are dates, as files write them
                local = pc.local_timestamp(cells.cast(pa.timestamp("us", zone)))
                same = pc.equal(local, pc.floor_temporal(local, unit="day")).fill_null(False)
                seconds = np.where(same.to_numpy(zero_copy_only=False), np.nan, seconds)
            return seconds
        clock = self.owner.readings.zone(name)

        def parse(text: str) -> datetime | time | None:
            """Aware time, or a time of day; None for a date, or the zero of a contract that never traded."""
            moment = None if text.strip() in NEVER else parse_moment(text, clock, self.owner.readings.order)
            return moment if isinstance(moment, datetime | time) else None

        values, codes = self._parsed(name, parse, "" if name == self.owner.day_column.name else "times")
        seconds = np.full(len(values), np.nan)
        for code, value in enumerate(values):
            is_midnight = isinstance(value, datetime) and value.astimezone(clock).time() == time()
            if isinstance(value, datetime) and not (only_with_time and is_midnight):
                seconds[code] = value.timestamp()
        of_row = seconds[codes]
        for code, value in enumerate(values):
            if isinstance(value, time):
                rows = np.flatnonzero(codes == code)
                for day in np.unique(self.day[rows]):
                    at = datetime.combine(date.fromordinal(int(day)), value, clock).timestamp()
                    of_row[rows[self.day[rows] == day]] = at
        return of_row

    def _times(self, columns: dict[str, str], when: str) -> Array | None:
        if when:
            days, places = np.unique(self.day, return_inverse=True)
            closes = [at_close(date.fromordinal(int(day))) - BEFORE_CLOSE[when] for day in days]
            return np.array([close.timestamp() for close in closes])[places]
        if "quote_time" in columns:
            return self._seconds(columns["quote_time"])
        if "feed_time" in columns:
            return self._seconds(columns["feed_time"]) - delay_of(columns) / np.timedelta64(1, "s")
        name = columns.get("quote_date", "")
        if not name or self._typed_days(name) is not None:
            return None
        times = self._seconds(name, only_with_time=True)
        return times if np.isfinite(times).any() else None

    # Contracts

    def _contracts(
        self, columns: dict[str, str], sign: int
    ) -> tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int8], Array]:
        """Root (-1 where no column says), expiration, sign and strike; an OCC symbol is believed over columns."""
        count = len(self.day)
        root, expiration = np.full(count, -1, dtype=np.int16), np.full(count, -1, dtype=np.int32)
        signs, strike = np.full(count, sign, dtype=np.int8), np.full(count, np.nan)
        if "root" in columns:
            root = self._coded(columns["root"], clean_symbol, self.owner.root_code, np.int16)
        if "expiration" in columns:
            days = self._typed_days(columns["expiration"])
            parse = partial(parse_day, order=self.owner.readings.order)
            expiration = self._coded(columns["expiration"], parse, _ordinal, np.int32) if days is None else days
        if "right" in columns and not sign:
            signs = self._coded(columns["right"], parse_right, lambda right: RIGHT_SIGN.get(right, 0), np.int8)
        if "strike" in columns:
            strike = self._numbers(columns["strike"]) * self.owner.strike_unit
        if "occ" in columns:
            is_unneeded = set(columns) | ({"right"} if sign else set()) >= CONTRACT
            values, codes = self._parsed(columns["occ"], contract_of, "contract symbols" if is_unneeded else "")
            named = np.array([value is not None for value in values])[codes]
            fields = [
                (self.owner.root_code(value.root), _ordinal(value.expiration), RIGHT_SIGN[value.right], value.strike)
                if value
                else (-1, -1, 0, np.nan)
                for value in values
            ]
            parts = [np.array(column)[codes] for column in zip(*fields, strict=True)]
            root, expiration = np.where(named, parts[0], root), np.where(named, parts[1], expiration)
            signs, strike = np.where(named, parts[2], signs), np.where(named, parts[3], strike)
        for name, is_empty in (("expiration", expiration < 0), ("right", signs == 0), ("strike", np.isnan(strike))):
            self._check_cells(is_empty, f"column {columns.get(name, name).strip()}: empty")
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
                raise DataError(owner.file.path, rule, "fill it in or remove the row", name.strip())
        elif (root >= 0).any():
            values, codes = [*(underlying_of(name) for name in owner.roots), None], root.astype(np.int64)
        elif symbols.wanted is not None:
            check_file_name(owner.file.path, symbols.wanted)
            owner.doubt = doubtful_name(owner.file.path, symbols.wanted)
        is_sister = np.array([value is not None and index_of(value) != value for value in values])[codes]
        if "underlying_symbol" in columns and (is_sister & (root < 0)).any():
            named = np.array([-1 if value is None else owner.root_code(value) for value in values], dtype=np.int16)
            root = np.where(is_sister & (root < 0), named[codes], root)
        values = [None if value is None else index_of(value) for value in values]
        if "underlying_symbol" in columns and (self.day < SYMBOLS_SINCE.toordinal()).any():
            for name, code in list(owner.roots.items()):
                is_code = [value is not None and is_old_code(name, value, date.min) for value in values]
                old = (root == code) & np.array(is_code)[codes] & (self.day < SYMBOLS_SINCE.toordinal())
                owner.codes.update({name: int(old.sum())} if old.any() else {})
                root = np.where(old, -1, root)
        symbols.seen.update(value for code in np.unique(codes) if (value := values[code]) is not None)
        mine = np.ones(len(root), dtype=np.bool_)
        if symbols.wanted is not None:
            mine = np.array([value == symbols.wanted for value in values])[codes]
            for code in np.unique(codes[~mine]):
                owner.others[str(values[code])] += int((codes == code).sum())
        named_roots, is_named = list(owner.roots), mine & (root >= 0)
        pairs = np.flatnonzero(np.bincount(codes[is_named] * len(named_roots) + root[is_named]))
        for code, place in (divmod(int(pair), len(named_roots)) for pair in pairs):
            check_roots(owner.file.path, str(values[code]), (named_roots[place],))
        if (root < 0).any():
            days = np.where(expiration < 1, self.day, expiration)  # those without one are of days that are left out
            roots, places = listed_roots(symbols.check(owner.file.path), days)
            filled = np.array([owner.root_code(name) for name in roots], dtype=np.int16)[places]
            root = np.where(root < 0, filled, root)
        return mine, root

    def _adjusted(self, columns: dict[str, str], root: NDArray[np.int16]) -> Array | None:
        """Mark contracts on other deliverables than 100 shares (root, multiplier, flag); None without any."""
        flags = np.array([is_adjusted(name) and name not in self.owner.symbols.seen for name in self.owner.roots])[root]
        if "multiplier" in columns:
            shares = self._numbers(columns["multiplier"])
            flags |= np.isfinite(shares) & (shares > 0.0) & (shares != MULTIPLIER)
        if "non_standard" in columns:
            vendor = self.owner.layout.vendor
            parse = partial(parse_flag, yes=vendor.non_standard if vendor else YES)
            flags |= self._coded(columns["non_standard"], parse, bool, np.bool_)
        return flags.astype(np.float64) if flags.any() else None

    # Damaged cells

    def _refuse(self, wrong: NDArray[np.bool_], name: str, values: Array) -> None:
        if wrong.any():
            self._check_cells(wrong, f"column {name}: {values[np.argmax(wrong)]:g} is not a positive number")

    def _check_cells(self, wrong: NDArray[np.bool_], why: str) -> None:
        """Leave out the days of damaged rows."""
        if wrong.any():
            rows = np.flatnonzero(wrong)
            for day, first, count in zip(
                *np.unique(self.day[rows], return_index=True, return_counts=True), strict=True
            ):
                rule = f"row {self.lines[rows[first]]}, {why}, and so in {counted(count, 'rows')} of the day"
                self.owner.refuse(int(day), rule)


def as_words(cells: Any) -> Any:
    """Return the dictionary of strings, as it is where a file gave one."""
    return cells if pa.types.is_dictionary(cells.type) else words(cells)
