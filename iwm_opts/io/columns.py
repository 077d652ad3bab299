"""From the rows of a file to canonical columns, whatever the layout: one row an option, every value read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TIMEZONE
from iwm_opts.errors import DataError
from iwm_opts.io.formats import Layout
from iwm_opts.io.layouts.common import CAPTURES, DELAYED_NAMES, TEXT_ROLES
from iwm_opts.io.layouts.layout import VendorLayout, plain
from iwm_opts.io.numbers import words_taken_as_blank
from iwm_opts.io.option_symbols import contract_of
from iwm_opts.io.parse import parse_day, parse_flag, parse_moment, parse_morning, parse_right, parse_size, parsed
from iwm_opts.io.readings import TRADE
from iwm_opts.io.selection import Selection, clean_symbol
from iwm_opts.io.units import in_canonical_units
from iwm_opts.market.calendar import NEW_YORK, at_close
from iwm_opts.market.ranges import LARGEST_PRICE

T = TypeVar("T")
Columns = dict[str, NDArray[Any]]

FEED_DELAY: Final = np.timedelta64(15, "m")  # of Cboe's free quotes
BEFORE_CLOSE: Final = {"1545": timedelta(minutes=15), "eod": timedelta(0)}  # DataShop's captures; also on half days
SAME_STRIKE: Final = 5e-4  # dollars
TYPES: Final[dict[str, Any]] = {"root": object, "expiration": "datetime64[us]", "right": object, "strike": np.float64}
CANNOT_BE_EMPTY: Final = ("expiration", "right", "strike")
TINY: Final = float(np.nextafter(0.0, 1.0))
OPTIONAL_RANGES: Final = {  # of columns that nothing rests on: numbers outside are left out and counted
    "volume": (0.0, 1e12), "open_interest": (0.0, 1e12), "bid_size": (0.0, 1e12), "ask_size": (0.0, 1e12),
    "underlying_price": (TINY, LARGEST_PRICE), "last": (0.0, LARGEST_PRICE), "implied_volatility": (0.0, 100.0),
    "delta": (-1e6, 1e6), "gamma": (-1e6, 1e6), "theta": (-1e9, 1e9), "vega": (-1e9, 1e9),
}  # fmt: skip
TIMES: Final = ("quote_time", "feed_time", "last_trade")
NEVER: Final = ("", "0", "0.0", "0.00")  # cells of contracts that have not traded
CONTRACT: Final = frozenset({"expiration", "right", "strike"})  # columns that make a symbol of contracts unneeded
THOUSANDTHS: Final = 0.001  # dollars, of strikes as OptionMetrics writes them
MILLISECONDS: Final = np.timedelta64(1, "ms")


def delay_of(columns: Mapping[str, str]) -> np.timedelta64:
    """Delay that a feed states, by the columns of its rows; zero where they have the time of a quote."""
    is_delayed = "quote_time" not in columns and plain(columns.get("feed_time", "")) in DELAYED_NAMES
    return FEED_DELAY if is_delayed else np.timedelta64(0, "m")


def value_or_none(text: str, parse: Callable[[str], T], unread: dict[str, None]) -> T | None:
    """Return the parsed value; None for a word, which is noted: the cell is not needed."""
    try:
        return parse(text)
    except ValueError:
        unread[text] = None
        return None


PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "occ": contract_of,
    "underlying_symbol": clean_symbol,
    "root": clean_symbol,
    "session": str.strip,
    "right": parse_right,
    "size": parse_size,
    "non_standard": parse_flag,
    "settlement": parse_morning,
}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Rows of one day, and where they come from."""

    selection: Selection
    source: str
    day: date | None  # of times that come without a date
    vendor: VendorLayout | None
    warnings: list[str] = field(default_factory=list)  # on cells that say nothing

    def read(self, columns: dict[str, str]) -> Columns:
        """Values of the named columns by meaning."""
        return {
            role: self._text(role, name, is_needed=role != "occ" or not set(columns) >= CONTRACT)
            if role in TEXT_ROLES
            else np.asarray(
                self.selection.table.column(name).combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64
            )
            for role, name in columns.items()
        }

    def _text(self, role: str, name: str, *, is_needed: bool = True) -> NDArray[Any]:
        cells = self.selection.table.column(name).combine_chunks()
        parse = PARSERS.get(role)
        if role == "expiration":
            parse = partial(parse_day, order=self.selection.readings.order)
        elif role == "non_standard" and self.vendor is not None:
            parse = partial(parse_flag, yes=self.vendor.non_standard)
        elif parse is None:
            parse = partial(self._moment, zone=self.selection.readings.zone(name), role=role)
        unread: dict[str, None] = {}
        if (role in TIMES and name != self.selection.readings.day_column) or not is_needed:
            parse = partial(value_or_none, parse=parse, unread=unread)
        values, codes = parsed(cells, parse, self.source, name, self.selection.lines)
        if unread:
            is_word = np.array([text in unread for text in (*cells.dictionary.to_pylist(), None)])[codes]
            row, text = f"row {self.selection.lines[np.argmax(is_word)]}", next(iter(unread))
            what = "times" if role in TIMES else "contract symbols"
            self.warnings.append(words_taken_as_blank(name, int(is_word.sum()), row, text, what))
        if self.vendor is not None and plain(name) in self.vendor.carried:
            rows = np.where(codes == len(values) - 1, 0, np.arange(len(codes)))  # an empty cell takes the one above it
            codes = codes[np.maximum.accumulate(rows)]
        if role in PARSERS:
            distinct_values = np.empty(len(values), dtype=object)
            distinct_values[:] = values
        else:
            distinct_values = np.array(values, dtype="datetime64[us]")
        return distinct_values[codes]

    def _moment(self, text: str, zone: ZoneInfo, role: str) -> datetime | None:
        """Time in UTC, without a zone as numpy wants it; None where a date lacks its time, or a time its date."""
        if text.strip() in NEVER:
            return None
        moment = parse_moment(text, zone, self.selection.readings.order)
        if isinstance(moment, time):
            if self.day is None:
                return None
            moment = datetime.combine(self.day, moment, moment.tzinfo or zone)
        elif not isinstance(moment, datetime):
            if role != "last_trade":
                return None
            moment = datetime.combine(moment, time(), NEW_YORK)
        return moment.astimezone(UTC).replace(tzinfo=None)


def canonical_rows(
    selection: Selection, layout: Layout, source: str, as_of: date | None = None
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Rows of one day under canonical names, notes and warnings.

    Of the canonical columns those that the file holds, `quote_time` and `last_trade` as New York times, `session`, and
    `line`, the number of the row in the file; no `quote_date` where `selection.day` is None. Notes name readings that
    the cells prove and impossible numbers left out; warnings readings that the cells leave open or that are rare (order
    of dates, zone, decimal sign, units), which of columns that contradict each other was believed, and rows and words
    left out. `as_of` is the day of times without a date, where the file has no date column.

    Raises DataError that names row, column and value of an unreadable cell, strike or spot.
    """
    reader = _Reader(selection, source, selection.day or as_of, layout.vendor)
    common = reader.read(layout.columns)
    groups = {name: reader.read(columns) for name, columns in layout.groups.items()}
    notes, warnings = list(selection.notes), list(selection.warnings)
    warnings += reader.warnings
    clock, day = common.pop("clock", None), selection.day or as_of
    if clock is not None and day is not None and "quote_time" not in common:  # milliseconds since midnight (ThetaData)
        midnight = datetime.combine(day, time(), NEW_YORK).astimezone(UTC).replace(tzinfo=None)
        passed = np.where(np.isfinite(clock), clock, 0.0).astype(np.int64) * MILLISECONDS
        times = np.datetime64(midnight, "us") + passed
        common["quote_time"] = np.where(np.isfinite(clock), times, np.datetime64("NaT", "us"))
    if layout.shape == "wide":
        tables = _sides(common, groups, warnings)
    elif layout.shape == "captures":
        tables = [_at_capture(common, groups[when], when, selection.day) for when in CAPTURES if when in groups]
    else:
        tables = [common]
    frames = []
    for table in tables:
        warnings += [text for text in _from_symbols(table) if text not in warnings]
        frames.append(_frame(table, selection, layout))
    rows = pd.concat(frames, ignore_index=True)
    warnings += in_canonical_units(rows, layout.vendor)
    if layout.shape == "wide":  # some rows only head a group, or list one side of a strike
        rows = rows.dropna(subset=["strike", "bid", "ask"], how="all", ignore_index=True)
    notes += _checked(rows, layout, source)
    return rows, notes, warnings


def _sides(common: Columns, groups: dict[str, Columns], warnings: list[str]) -> list[Columns]:
    """Sides of a wide file as rows of their own; calls fall with the strike where names do not say it."""
    calls = "C"
    if set(groups) != {"C", "P"}:
        first, second = groups
        order = np.argsort(common["strike"], kind="stable")
        slopes = {}
        for name, group in groups.items():
            mid = 0.5 * (group["bid"] + group["ask"])[order]
            half = len(mid) // 2
            slopes[name] = np.nanmean(mid[half:]) - np.nanmean(mid[:half]) if half else np.nan
        calls = first if slopes[first] <= slopes[second] else second
        warnings.append(f"columns ending in {calls} are calls: their prices fall as the strike rises")
    tables = []
    for name, group in groups.items():
        table = {**common, **group}
        table["right"] = np.full(len(table["bid"]), "C" if name == calls else "P", dtype=object)
        if "delta" not in group and "delta" in common and name != calls:
            table["delta"] = common["delta"] - 1.0  # ORATS: one delta a strike, the call's
        if "size" in table:
            pairs = [(np.nan, np.nan) if size is None else size for size in table.pop("size")]
            table["bid_size"], table["ask_size"] = np.array(pairs, dtype=np.float64).T
        tables.append(table)
    return tables


def _at_capture(common: Columns, group: Columns, when: str, day: date | None) -> Columns:
    """One capture of a DataShop end-of-day file."""
    table = {**common, **group}
    rows = len(table["bid"])
    table["session"] = np.full(rows, when, dtype=object)
    if day is not None:
        at = (at_close(day) - BEFORE_CLOSE[when]).astimezone(UTC).replace(tzinfo=None)
        table["quote_time"] = np.full(rows, at, dtype="datetime64[us]")
    if {"underlying_bid", "underlying_ask"} <= set(table):
        bid, ask = table.pop("underlying_bid"), table.pop("underlying_ask")
        active = table.get("underlying_price", np.full(rows, np.nan))
        table["underlying_price"] = np.where((bid > 0.0) & (ask > 0.0), 0.5 * (bid + ask), active)
    return table


def _from_symbols(table: Columns) -> list[str]:
    """Root, expiration, right and strike from option symbols, which are believed where another column differs."""
    contracts = table.pop("occ", None)
    if contracts is None:
        return []
    notes = []
    is_named = np.array([contract is not None for contract in contracts])
    if "strike" in table and is_named.any():
        dollars = np.array([contract.strike for contract in contracts[is_named]])
        if np.allclose(THOUSANDTHS * table["strike"][is_named], dollars, rtol=0.0, atol=SAME_STRIKE):
            table["strike"] = THOUSANDTHS * table["strike"]
    for role in ("root", "expiration", "right", "strike"):
        symbols = np.array([getattr(contract, role, None) for contract in contracts], dtype=TYPES[role])
        if role not in table:
            table[role] = symbols
            continue
        written = table[role]
        if role == "strike":
            differ = is_named & (np.abs(written - symbols) > SAME_STRIKE)
        else:
            differ = is_named & (written != symbols) & ~pd.isna(written)
        if differ.any():
            first = int(np.argmax(differ))
            notes.append(
                f"{role} differs from the contract symbol in {differ.sum()} of {len(symbols)} rows "
                f"(first: {written[first]!s:.10} against {symbols[first]!s:.10}): the symbol was believed"
            )
        table[role] = np.where(is_named, symbols, written)
    return notes


def _frame(table: Columns, selection: Selection, layout: Layout) -> pd.DataFrame:
    """Columns with their types; a feed's time serves as quote time without a better one."""
    feed, dated = table.pop("feed_time", None), table.pop("quote_date", None)
    if dated is not None and selection.readings.day_column is None and TRADE in plain(layout.columns["quote_date"]):
        table.setdefault("last_trade", dated)
        dated = None
    if "quote_time" not in table and feed is not None:
        table["quote_time"] = feed - delay_of(layout.columns)
    elif "quote_time" not in table and dated is not None and not np.isnat(dated).all():
        table["quote_time"] = dated
    frame = pd.DataFrame(table)
    for role, value in selection.readings.facts.items():  # of the lines around the table
        if role not in frame:
            is_time = isinstance(value, datetime)
            stamp = value.astimezone(UTC).replace(tzinfo=None) if is_time else value
            frame[role] = pd.Timestamp(stamp).as_unit("us") if isinstance(value, date) else value
    for name in ("quote_time", "last_trade"):
        if name in frame:
            frame[name] = frame[name].dt.tz_localize("UTC").dt.tz_convert(TIMEZONE)
    if selection.day is not None:
        frame["quote_date"] = pd.Timestamp(selection.day).as_unit("us")
    frame["line"] = selection.lines
    return frame


def _checked(rows: pd.DataFrame, layout: Layout, source: str) -> list[str]:
    """Refuse empty contracts and spots below zero; take other impossible numbers out, and say so.

    A spot of zero is a vendor's blank. Strikes are judged by the spot of their day.
    """
    absent = [name for name in CANNOT_BE_EMPTY if name not in rows]
    if absent and layout.vendor is not None:  # expected around the table
        rule = f"{layout.vendor.name} file: no {absent[0]} in a column, a line around the rows or the file's name"
        name = f"restore the name of the download ({layout.vendor.download}) or " if layout.vendor.download else ""
        raise DataError(source, rule, f"{name}add a column {absent[0]}", absent[0])
    for name in CANNOT_BE_EMPTY:
        empty = rows[name].isna()
        if empty.any():
            line = rows.loc[empty, "line"].iloc[0]
            rule = f"row {line}, column {name}: empty, and so in {empty.sum()} of {len(rows)} rows"
            raise DataError(source, rule, "fill it in or remove the row", name)
    spot = rows.get("underlying_price", pd.Series(np.nan, index=rows.index))
    wrong = (spot < 0.0) | (spot > LARGEST_PRICE)
    if wrong.any():
        worst = rows[wrong].iloc[0]
        rule = f"row {worst['line']}, column underlying_price: {worst['underlying_price']:g} not a price of the "
        rule += f"underlying, and so in {wrong.sum()} of {len(rows)} rows"
        raise DataError(source, rule, "correct the cell", "underlying_price")
    notes = []
    for name in (name for name in OPTIONAL_RANGES if name in rows):
        wrong = rows[name].notna() & ~rows[name].between(*OPTIONAL_RANGES[name])
        if wrong.any():
            first = rows[wrong].iloc[0]
            notes.append(f"{name} left out of {wrong.sum()} rows (first: row {first['line']}, {first[name]:g})")
            rows.loc[wrong, name] = np.nan
    return notes
