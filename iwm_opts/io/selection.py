"""One day of one symbol out of a file that may hold years of many, without holding more than that in memory."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iwm_opts.conventions import counted, some
from iwm_opts.errors import DataError
from iwm_opts.io.failures import gate
from iwm_opts.io.formats import Layout
from iwm_opts.io.parse import parse_day, parse_moment, parsed
from iwm_opts.io.readings import Readings, readings_of
from iwm_opts.io.tables import (
    DataFile,
    MixedNumbersError,
    batches,
    batches_spelled,
    row_counts,
    spelled,
    with_kept_rows,
    words,
)
from iwm_opts.market.contract import check_symbol, index_of

EXCHANGE: Final = re.compile(  # TradingView's prefix, suffixes of EODHD, Bloomberg and OptionMetrics, Nasdaq's link
    r"^(?:NYSE|NYSEARCA|ARCA|AMEX|NASDAQ|BATS|CBOE|OPRA|INDEX(?:CBOE|SP)?|I|O):"
    r"|^/MARKET-ACTIVITY/[A-Z-]+/|/OPTION-CHAIN(?:/.*)?$"
    r"|(?:\.US|(?: US)?(?: EQUITY| INDEX)| US| \d{6}[CP]\d{1,8})$"
)
NO_DAY: Final = -1  # ordinal of an empty cell
SHOWN: Final = 12  # names in a message
STRAY: Final = 0.05  # fraction of the fullest day's rows below which a latest day is taken for a slip


class NoSuchDayError(DataError):
    """A file does not hold the day asked for; `days` are those it has."""

    days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Rows of one day."""

    table: Any  # pyarrow.Table, each column in one piece
    lines: NDArray[np.int64]  # number of each row in the file, as a person counts
    day: date | None  # None: no column says
    readings: Readings  # how its cells are read
    notes: tuple[str, ...] = ()  # readings that the cells prove, and the rows of other days
    warnings: tuple[str, ...] = ()  # readings that they leave open or that are rare, and other rows and cells left out


@dataclass(slots=True)
class _Seen:
    """What went by, for messages."""

    days: Counter[int] = field(default_factory=Counter)  # rows by ordinal
    symbols: Counter[str] = field(default_factory=Counter)  # rows by symbol

    def of_other_symbols(self, symbol: str | None) -> tuple[str, ...]:
        """Remark on the rows of other symbols."""
        others = {name: rows for name, rows in self.symbols.items() if symbol not in (None, name)}
        return other_symbols(others, sum(others.values()))

    def check_no_stray_day(self, path: Path) -> None:
        """Refuse few rows dated later than all others: they would pass for the whole chain."""
        rows = self.days
        latest, (fullest, most) = max(rows), max(rows.items(), key=lambda day: (day[1], day[0]))
        if rows[latest] >= STRAY * most:
            return
        day, others = date.fromordinal(latest), date.fromordinal(max(day for day in rows if day != latest))
        few, full = counted(rows[latest], "rows"), date.fromordinal(fullest)
        rule = f"the latest day, {day}, has {few}, while {full} has {most}"
        raise DataError(path, rule, f"give `as_of` {others}, or `as_of` {day} to read those few", "quote_date")

    def of_other_days(self, day: int) -> tuple[str, ...]:
        """Remark on the rows of other days: a file of many days is no fault."""
        rows = sum(count for ordinal, count in self.days.items() if ordinal not in (NO_DAY, day))
        return (f"{counted(rows, 'rows of other days', 'row of other days')}: left out",) if rows else ()


def other_symbols(names: Collection[str], rows: int) -> tuple[str, ...]:
    """Remark on the rows of other symbols; none without any."""
    return (
        (f"{counted(rows, 'rows of other symbols', 'row of other symbols')} ({some(sorted(names), SHOWN)}): left out",)
        if rows
        else ()
    )


def old_codes(codes: Collection[str], rows: int) -> tuple[str, ...]:
    """Remark on rows under the codes of options before OCC symbols; none without any."""
    shown = f"codes of before the option symbols of 2010 ({some(sorted(codes), SHOWN)})"
    text = f"{counted(rows, 'rows')} under {shown}: read as listed"
    return (text,) if rows else ()


@dataclass(frozen=True, slots=True)
class _DayColumn:
    """Column that says which day a row belongs to."""

    name: str
    parse: Callable[[str], date]


def clean_symbol(text: str) -> str:
    """`^SPX`, `$SPX`, `$SPX.X` and `_SPX` are SPX, `BRK/B` is BRK.B, `NYSE:IWM`, `IWM.US` and `IWM US Equity` are IWM.

    Raises InputError for a text that is not a symbol.
    """
    written = EXCHANGE.sub("", text.strip().upper())
    written = written.removesuffix(".X") if written.startswith("$") else written
    return check_symbol(written.lstrip("^$_.").replace("/", "."))


def clean_underlying(text: str) -> str:
    """Underlying symbol: as `clean_symbol`, and the index of a root such as SPXW."""
    return index_of(clean_symbol(text))


def select(file: DataFile, layout: Layout, as_of: date | None, symbol: str | None) -> Selection:
    """Read the rows of one day: `as_of`, or the latest in the file.

    A file in which each contract occurs once is one capture: times of its rows that differ are those of their last
    quote or trade, and all rows belong to the latest day.

    Raises DataError when the file has no rows, not that day or not that symbol (naming its content), or several symbols
    while none is asked for. Also when the latest day of a text has hardly any rows and was not asked for.
    """
    file = with_kept_rows(file, layout.numbers, layout.texts)
    readings = readings_of(file, layout)
    try:
        return _select(file, layout, readings, as_of, symbol)
    except MixedNumbersError:
        file = spelled(file, layout.numbers, layout.required_numbers)
        return _select(file, layout, readings, as_of, symbol)


def _select(file: DataFile, layout: Layout, readings: Readings, as_of: date | None, symbol: str | None) -> Selection:
    day_column = day_column_of(readings)
    only, seen = None, _Seen()
    is_tallied = file.kind == "parquet" and day_column is not None
    if file.kind == "parquet" and day_column is not None:
        as_of, only = _day_of_parquet(file, layout, day_column, as_of, symbol, seen)
    kept: list[tuple[Any, NDArray[np.int64]]] = []
    latest = NO_DAY if as_of is None else as_of.toordinal()
    for batch in batches(file, layout.numbers, layout.texts, only):
        numbers = np.arange(batch.start, batch.start + len(batch.rows)) + file.first_line
        is_chosen = _of_symbol(file, batch.rows, layout, symbol, numbers, _Seen() if is_tallied else seen)
        if day_column is not None:
            ordinals = _ordinals(file, batch.rows, day_column, numbers)
            if not is_tallied:
                seen.days.update(_tally(ordinals[is_chosen]))
            newest = int(ordinals[is_chosen].max(initial=NO_DAY))
            if as_of is None and newest > latest:
                kept, latest = [], newest
            is_chosen &= ordinals == latest
        if is_chosen.any():
            kept.append((batch.rows.filter(pa.array(is_chosen)), numbers[is_chosen]))
    check_one_symbol(file.path, seen.symbols, symbol)
    if not kept and as_of is not None and seen.days:
        raise_no_day(file.path, [date.fromordinal(day) for day in sorted(seen.days)], as_of)
    if not kept:
        raise DataError(file.path, "holds a header and no rows", "give a file with quotes", "rows")
    if as_of is None and day_column is not None:
        seen.check_no_stray_day(file.path)
    day = readings.snapshot_day if day_column is None else date.fromordinal(latest)
    if day_column is None and as_of is not None and day not in (None, as_of):
        assert day is not None
        raise_no_day(file.path, [day], as_of)
    notes, warnings = _remarks(file, readings)
    notes, warnings = (*notes, *seen.of_other_days(latest)), (*warnings, *seen.of_other_symbols(symbol))
    return Selection(*_joined(kept), day, readings, notes, warnings)


def _joined(parts: Sequence[tuple[Any, NDArray[np.int64]]]) -> tuple[Any, NDArray[np.int64]]:
    """One table of batches, and the numbers of its rows."""
    table = pa.Table.from_batches([rows for rows, _ in parts]).unify_dictionaries().combine_chunks()
    return table, np.concatenate([lines for _, lines in parts])


def _remarks(file: DataFile, readings: Readings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return notes and warnings on the way a file is read."""
    spelling = file.spelling.notes() if file.spelling is not None else ()
    footer = ("lines of text below the rows are left out",) if file.has_footer and file.form is not None else ()
    return (*file.notes, *readings.notes, *footer), (*readings.warnings, *spelling)


def select_days(
    file: DataFile,
    layout: Layout,
    first: date | None,
    last: date | None,
    symbol: str | None,
    skip: Collection[date] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Selection | DataError]:
    """Rows of every day from `first` to `last`, day by day ascending where the file is.

    A first pass counts the rows of each day, so that the second can hand a day over with its last row. A day with
    hardly any rows is an error in its place: it would pass for a whole chain.

    Raises DataError when no column says which day, or the file has no rows of the window, not that symbol, or several
    symbols while none is asked for.
    """
    readings = readings_of(file, layout)
    day_column = day_column_of(readings)
    if day_column is None:
        raise DataError(
            file.path,
            "has no column for the quote date",
            "give a file that says of which day each row is",
            "quote_date",
        )
    counts, others, names = _counted(file, layout, day_column, symbol)
    if not counts:
        raise DataError(file.path, "holds a header and no rows", "give a file with quotes", "rows")
    earliest, latest = first or date.min, last or date.max
    most = max(counts.values())
    left = {day: rows for day, rows in counts.items() if earliest <= date.fromordinal(day) <= latest}
    if not left:
        days = [date.fromordinal(day) for day in sorted(counts)]
        raise_no_days(file.path, days, first, last)
    left = {day: rows for day, rows in left.items() if date.fromordinal(day) not in skip}
    for day in sorted(set(others) - set(counts)):
        if earliest <= date.fromordinal(day) <= latest and date.fromordinal(day) not in skip:
            rule = f"no rows of {symbol}; {'; '.join(other_symbols(names, others[day]))}"
            yield DataError(
                f"{file.path}, {date.fromordinal(day)}", rule, f"give a file with {symbol} on that day", "symbol"
            )
    if not left:
        return
    done, total = 0, len(left)
    held: dict[int, list[tuple[Any, NDArray[np.int64]]]] = {}
    for spelled_file, batch in batches_spelled(file, layout.numbers, layout.texts, layout.required_numbers):
        numbers = np.arange(batch.start, batch.start + len(batch.rows)) + file.first_line
        mine = _of_symbol(file, batch.rows, layout, symbol, numbers, _Seen())
        ordinals = _ordinals(file, batch.rows, day_column, numbers)
        for day in np.unique(ordinals[mine]).tolist():
            if day not in left:
                continue
            here = mine & (ordinals == day)
            held.setdefault(day, []).append((batch.rows.filter(pa.array(here)), numbers[here]))
            left[day] -= int(here.sum())
            if not left[day]:
                done += 1
                if progress:
                    progress(done, total)
                parts, when = held.pop(day), date.fromordinal(day)
                if counts[day] < STRAY * most:
                    rule = f"has {counted(counts[day], 'rows')} of {when}, while its fullest day has {most}"
                    yield DataError(f"{file.path}, {when}", rule, "remove them, or fill the day up", "rows")
                    continue
                notes, warnings = _remarks(spelled_file, readings)
                warnings = (*warnings, *other_symbols(names, others[day]))
                yield Selection(*_joined(parts), when, readings, notes, warnings)


def _tally(ordinals: NDArray[np.int64]) -> dict[int, int]:
    """Rows by day."""
    days, counts = np.unique(ordinals, return_counts=True)
    return dict(zip(days.tolist(), counts.tolist(), strict=True))


def _counted(
    file: DataFile, layout: Layout, day_column: _DayColumn, symbol: str | None
) -> tuple[Counter[int], Counter[int], list[str]]:
    """Rows of the symbol on each day, by ordinal, those of other symbols, and the names of these."""
    seen, others = _Seen(), Counter[int]()
    name = layout.columns.get("underlying_symbol")
    for batch in batches(file, (), list(dict.fromkeys([day_column.name, *([name] if name else [])]))):
        numbers = np.arange(batch.start, batch.start + len(batch.rows)) + file.first_line
        mine = _of_symbol(file, batch.rows, layout, symbol, numbers, seen)
        ordinals = _ordinals(file, batch.rows, day_column, numbers)
        seen.days.update(_tally(ordinals[mine]))
        others.update(_tally(ordinals[~mine]))
    check_one_symbol(file.path, seen.symbols, symbol)
    return seen.days, others, [text for text in seen.symbols if text != symbol]


def raise_no_days(source: object, days: Sequence[date], first: date | None, last: date | None) -> NoReturn:
    """Raise for a range of days of which a file holds none."""
    dates = " ".join(f"{word} {day}" for word, day in (("from", first), ("to", last)) if day)
    span = f"{len(days)} days from {days[0]} to {days[-1]}"
    raise DataError(
        source, f"has no quotes {dates}, it holds {span}", "give `first` and `last` within them", "quote_date"
    )


def raise_no_day(source: object, days: Sequence[date], asked: date) -> NoReturn:
    """Raise for a day that a file does not hold, naming the first, the last and the nearest it has."""
    span = f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
    before, after = [d for d in days if d < asked], [d for d in days if d > asked]
    nearest = " or ".join(f"`as_of` {day}" for day in [*before[-1:], *after[:1]])
    error = NoSuchDayError(source, f"has no quotes of {asked}, it holds {span}", f"give {nearest}", field="quote_date")
    error.days = tuple(days)
    raise error


def check_one_symbol(source: object, symbols: Collection[str], symbol: str | None) -> None:
    """Refuse several symbols where none is asked for, or others than the one asked for."""
    if symbol is None and len(symbols) > 1:
        rule = f"holds several symbols, {some(sorted(symbols), SHOWN)}"
        raise DataError(source, rule, "choose one with `symbol`", "symbol")
    if symbol is not None and symbols and symbol not in symbols:
        raise_no_symbol(source, symbols, symbol)


def raise_no_symbol(source: object, symbols: Iterable[str], symbol: str) -> NoReturn:
    """Raise for a symbol that a file does not hold, naming those it has."""
    present = sorted(symbols)
    rule = f"has no quotes of {symbol}, it holds {some(present, SHOWN)}"
    raise DataError(source, rule, f"give `symbol` {present[0]}", "symbol")


def day_column_of(readings: Readings) -> _DayColumn | None:
    """Column of the quote day; None where no column says it, or the file is one capture."""
    name = readings.day_column
    if name is None:
        return None
    if readings.day_role == "quote_date":
        return _DayColumn(name, partial(parse_day, order=readings.order))

    def parse(text: str) -> date:
        moment = parse_moment(text, readings.zone(name), readings.order)
        if isinstance(moment, time):
            raise ValueError("has no date")
        return date(moment.year, moment.month, moment.day)

    return _DayColumn(name, parse)


def _ordinals(file: DataFile, rows: Any, column: _DayColumn, lines: NDArray[np.int64]) -> NDArray[np.int64]:
    days, codes = parsed(rows.column(column.name), column.parse, file.path, column.name, lines)
    ordinals = np.array([NO_DAY if day is None else day.toordinal() for day in days], dtype=np.int64)[codes]
    empty = np.flatnonzero(ordinals == NO_DAY)
    if len(empty):
        rule = f"row {lines[empty[0]]}, column {column.name.strip()}: the date is empty"
        raise DataError(file.path, rule, "fill it in or remove the row", column.name.strip())
    return ordinals


def _of_symbol(
    file: DataFile, rows: Any, layout: Layout, symbol: str | None, lines: NDArray[np.int64], seen: _Seen
) -> NDArray[np.bool_]:
    """Rows of the symbol, where a column of its own names it."""
    name = layout.columns.get("underlying_symbol")
    if name is None:
        return np.ones(len(rows), dtype=np.bool_)
    symbols, codes = parsed(rows.column(name), clean_underlying, file.path, name, lines)
    is_head = np.zeros(len(rows), dtype=np.bool_)  # of a group of rows, without a contract of its own
    if layout.columns.get("strike", "") in rows.schema.names and layout.vendor is not None and layout.vendor.carried:
        strike = rows.column(layout.columns["strike"])
        is_head = pc.is_null(strike, nan_is_null=True).to_numpy(zero_copy_only=False)
    nameless = np.flatnonzero((codes == len(symbols) - 1) & ~is_head)
    if len(nameless):
        rule = f"row {lines[nameless[0]]}, column {name.strip()}: the symbol is empty"
        raise DataError(file.path, rule, "fill it in or remove the row", name.strip())
    present, counts = np.unique(codes[~is_head], return_counts=True)
    seen.symbols.update({str(symbols[code]): int(count) for code, count in zip(present, counts, strict=True)})
    if symbol is None:
        return np.ones(len(rows), dtype=np.bool_)
    return np.array([text == symbol for text in symbols], dtype=np.bool_)[codes] | is_head


def _day_of_parquet(
    file: DataFile, layout: Layout, column: _DayColumn, as_of: date | None, symbol: str | None, seen: _Seen
) -> tuple[date, tuple[str, Any] | None]:
    """Day to read and the cells that write it, so that row groups without it need not be read; counts all rows."""
    name = layout.columns.get("underlying_symbol", column.name)
    tally = row_counts(file, list(dict.fromkeys([column.name, name])))
    tally = tally.filter(tally.column(column.name).is_valid())
    if not len(tally):
        raise DataError(file.path, "holds no rows with a date", "give a file with quotes", "rows")
    counts = tally.column("count").to_numpy()
    mine = np.ones(len(tally), dtype=np.bool_)
    if "underlying_symbol" in layout.columns:
        cells = _of_column(file, tally, name, clean_underlying)
        for cell, count in zip(cells, counts.tolist(), strict=True):
            seen.symbols[str(cell)] += count if cell is not None else 0
        mine = np.array([symbol in (None, cell) for cell in cells])
        if not mine.any():
            raise_no_symbol(file.path, seen.symbols, symbol or "")
    of_cell = _of_column(file, tally, column.name, column.parse)
    for cell, count in zip(of_cell, np.where(mine, counts, 0).tolist(), strict=True):
        seen.days[cell.toordinal()] += count
    present = sorted({cell for cell, is_mine in zip(of_cell, mine, strict=True) if is_mine})
    day = present[-1] if as_of is None else as_of
    if day not in present:
        raise_no_day(file.path, present, day)
    raw = tally.column(column.name).combine_chunks()
    return day, (column.name, pc.unique(raw.filter(pa.array([cell == day for cell in of_cell]))))


def _of_column(file: DataFile, tally: Any, name: str, parse: Callable[[str], Any]) -> list[Any]:
    """Return parsed cells of a column of a tally."""
    with gate(file.path, "check that the file is whole"):
        texts = words(tally.column(name).combine_chunks())
    values, codes = parsed(texts, parse, file.path, name, np.arange(len(tally)))
    return [values[code] for code in codes]
