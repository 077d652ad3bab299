"""How the cells of a chain file are to be read, decided on whole columns and by the market: order, zone, day.

- Dates in digits: the order in which every cell is a date, no quote day lies ahead or on a day without a session, and
  no contract expires before it is quoted. Where both orders pass, the file is refused; so where quote days may have
  another order than the expirations.
- Times without a zone: that of the layout or the column's name, else New York; the other one of UTC and New York where
  the assumed zone puts the capture outside the session and the other within.
- What is said: a reading other than the common one (month first, decimal points, New York), and one that the cells
  leave open, is a warning; a common reading that the cells prove is a note.
- The day of a row: a column of quote dates. A column of times is one only where contracts occur again on other days:
  where each contract occurs once the file is one capture, and the times are those of last quotes or trades.
"""

import itertools
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from iwm_opts.errors import DataError
from iwm_opts.io.formats import DAY_ROLES, Layout, detect
from iwm_opts.io.identity import CURRENCY_NAMES, check_currency
from iwm_opts.io.layouts.common import DAY_NAMES, FOLLOWS_UTC
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.numbers import BLANKS, parse_number
from iwm_opts.io.option_symbols import parse_option_symbol
from iwm_opts.io.parse import (
    FORM_NAMES,
    MONTHS_A_YEAR,
    NUMERIC,
    Order,
    check_not_half_turned,
    days_in_order,
    numeric_dates,
    order_error,
    parse_day,
    parse_moment,
)
from iwm_opts.io.tables import DataFile, batches, distinct_words
from iwm_opts.io.twins import chain_twins
from iwm_opts.io.zones import named_zone
from iwm_opts.market.calendar import NEW_YORK, is_session

UTC_ZONE: Final = ZoneInfo("UTC")
UNNEEDED: Final = ("underlying_symbol", "root", *DAY_ROLES)  # columns that a file may lack
DATE_ROLES: Final = (*DAY_ROLES, "last_trade", "expiration")
SYMBOL_PARTS: Final = re.compile(r"(.*\d{6})[CPcp](\d+)")  # root and date, and strike, of an OCC symbol
DAY_IN_NAME: Final = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
TRADE: Final = "trade"  # in a name: when a contract traded, if anything
MOST_CONTRACTS: Final = 100_000  # of one capture: the index with most lists a quarter
LONGEST_LIFE: Final = timedelta(3653)  # of an option: those of SPX live six years
NEAREST: Final = 45  # days to the first expiration, that a chain seldom exceeds
DAYS_CHECKED: Final = 60  # distinct days whose sessions decide an order
NAMED_ZONES: Final = re.compile(  # in a column's name; `datetime` holds no ET
    r"(?<![a-z])(?:utc|gmt|et|est|edt|eastern|ny|nytime)(?![a-z])|(?:time|stamp)(?:et|utc|gmt)$", re.IGNORECASE
)
TIMES_CHECKED: Final = 200
HOURS: Final = time(9, 25), time(16, 30)  # New York; captures just after the close show the quotes of the close
EXPIRED: Final = 0.5  # fraction of expirations before a file's latest day, from which it holds several days of quotes
WITHIN: Final = 0.5  # fraction of distinct times within the session below which an assumed zone is distrusted


@dataclass(frozen=True, slots=True)
class Readings:
    """Decisions on a file's columns, and notes that say them."""

    order: Order = "mdy"
    zones: dict[str, ZoneInfo] = field(default_factory=dict)  # by column, of times without one
    day_column: str | None = None  # None: no column says the day of each row
    day_role: str | None = None
    snapshot_day: date | None = None  # of a file that is one capture
    named_day: date | None = None  # in the file's name, where nothing else says one
    facts: dict[str, Any] = field(default_factory=dict)  # by role: text of the lines around the table
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def zone(self, column: str) -> ZoneInfo:
        """Zone of the times in a column where none is written."""
        return self.zones.get(column) or zone_by_name(column)


def zone_by_name(column: str) -> ZoneInfo:
    """Zone that a column's name says: UTC, CET; else New York."""
    if zoned := named_zone(column):
        return zoned[1]
    name = plain(column)
    return UTC_ZONE if "utc" in name or "gmt" in name or name in FOLLOWS_UTC or name == "feedtimestamp" else NEW_YORK


def layout_of_file(file: DataFile) -> Layout:
    """Layout of an opened file; a column without a value says nothing and counts as absent."""
    layout = detect(file.columns, file.sample, file.path)
    empty = set()
    for name in (name for role, name in layout.columns.items() if role in UNNEEDED):
        if all(cell.strip() in BLANKS for cell in file.sample.get(name, ())):
            words = (batch.rows.column(name).dictionary.to_pylist() for batch in batches(file, (), [name]))
            if all(cell is None or cell.strip() in BLANKS for cells in words for cell in cells):
                empty.add(name)
    return replace(layout, columns={role: name for role, name in layout.columns.items() if name not in empty})


def readings_of(file: DataFile, layout: Layout) -> Readings:
    """Decide how a file's dates and times are read.

    Raises DataError when dates can be read in two orders that both fit, or in none; when prices are in another
    currency.
    """
    for name in file.columns:
        if plain(name) in CURRENCY_NAMES:
            check_currency(file.path, name, distinct_words(file, [name])[name])
    columns: dict[str, str] = {role: layout.columns[role] for role in DATE_ROLES if role in layout.columns}
    order, warnings = _order(file, layout, columns)
    warnings += chain_twins(file, layout)
    if layout.unnamed_time:
        warnings.append(f"{layout.unnamed_time.strip()} is taken for the time of the quotes: no column is named for it")
    notes: list[str] = []
    zones = {}
    times: list[str] = next(([role] for role in ("quote_time", "feed_time") if role in columns), [])
    if not times and "quote_date" not in columns:
        times = ["last_trade"]  # it then says the day
    for role in ("quote_date", *times):
        if role in columns:
            zone, remark, is_open = _zone(file, layout, role, columns[role], order)
            zones[columns[role]] = zone
            (warnings if is_open else notes).extend(remark)
    facts = _facts(file, layout, order)
    samples = {role: file.sample.get(columns[role], ()) for role in DAY_ROLES if role in columns}
    day_role = next(
        (r for r in samples if not any(isinstance(m, time) for m in _moments(samples[r][:1], NEW_YORK, order))), None
    )
    readings = Readings(order, zones, facts=facts, notes=tuple(notes), warnings=tuple(warnings))
    if day_role is None:
        stated = facts.get("quote_time") or facts.pop("quote_date", None)
        day = None if stated is None else date(stated.year, stated.month, stated.day)
        named = _named_day(file, layout, order) if stated is None else None
        return replace(readings, snapshot_day=day, named_day=named)
    name = columns[day_role]
    zone = zones.get(name, NEW_YORK)
    is_named = plain(name) in DAY_NAMES and not any(
        isinstance(moment, datetime) for moment in _moments(samples[day_role], NEW_YORK, order)
    )
    is_capture = (
        (not is_named or _may_be_one_capture(file, name))
        and _is_one_capture(file, layout, name, zone, order)
        and (not is_named or _interleaves_days(file, layout, name))
    )
    if not is_capture:
        return replace(readings, day_column=name, day_role=day_role)
    day = max(_days(_moments(distinct_words(file, [name])[name], zone, order)), default=None)
    if day is None:  # no contract of the file has such a time
        return readings
    (notes if layout.vendor else warnings).append(f"one capture of {day}: {name.strip()} is a time by contract")
    return replace(readings, snapshot_day=day, notes=tuple(notes), warnings=tuple(warnings))


def _facts(file: DataFile, layout: Layout, order: Order) -> dict[str, Any]:
    """Values that a vendor writes around the table or in the file's name."""
    facts: dict[str, Any] = {}
    for role, pattern in (layout.vendor.around if layout.vendor else {}).items():
        match = next((m for line in file.around if (m := re.search(pattern, line, re.IGNORECASE))), None)
        if match is None or role in layout.columns:
            continue
        try:
            text = match[match.lastindex or 1]
            if role == "underlying_price":
                facts[role] = parse_number(text)
            elif role == "underlying_symbol":
                facts[role] = text.upper()
            elif role != "quote_time":
                facts[role] = parse_day(text, order)
            elif not isinstance(moment := parse_moment(text, NEW_YORK, order), time):
                facts[role] = moment
        except ValueError:
            continue
    return facts


def _named_day(file: DataFile, layout: Layout, order: Order) -> date | None:
    """Only day in a file's name, from the latest trade to the first expiration; None where it may be an expiration."""
    days = set()
    for match in DAY_IN_NAME.finditer(file.path.name):
        with suppress(ValueError):
            days.add(date(int(match[1]), int(match[3]), int(match[4])))
    day = days.pop() if len(days) == 1 else date.max
    if day > datetime.now(NEW_YORK).date():
        return None
    days_of: dict[str, set[date]] = {"expiration": set(), "last_trade": set()}
    for role in days_of.keys() & layout.columns:
        words = distinct_words(file, [layout.columns[role]])[layout.columns[role]]
        days_of[role] = _days(_moments(words, NEW_YORK, order))
    listed, traded = days_of.values()
    if listed == {day} or any(day > other for other in listed) or any(day < other for other in traded):
        return None
    return day


def _moments(texts: Iterable[str], zone: ZoneInfo, order: Order) -> list[datetime | date | time]:
    moments = []
    for text in texts:
        with suppress(ValueError):
            moments.append(parse_moment(text, zone, order))
    return moments


def _days(moments: Iterable[datetime | date | time]) -> set[date]:
    return {date(moment.year, moment.month, moment.day) for moment in moments if not isinstance(moment, time)}


def _order(file: DataFile, layout: Layout, columns: dict[str, str]) -> tuple[Order, list[str]]:
    """Order of dates in digits, by all cells of all date columns."""
    if layout.vendor is not None and layout.vendor.order is not None:
        return layout.vendor.order, []
    open_names = []  # whose first cells write dates in digits, or days of which a spreadsheet may have turned some
    for name in columns.values():
        sample = file.sample.get(name, ())
        days = [day.day for day in _days(_moments(sample, UTC_ZONE, "mdy"))] if file.kind != "parquet" else []
        if numeric_dates(sample) or (days and max(days) <= MONTHS_A_YEAR):
            open_names.append(name)
    cells = distinct_words(file, open_names) if open_names else {}
    numeric = {name: dates for name, values in cells.items() if (dates := numeric_dates(values))}
    for name in numeric:
        check_not_half_turned(cells[name], file.path)
    texts = {role: numeric[name] for role, name in columns.items() if name in numeric}
    if not texts:
        return "mdy", []
    fits: list[Order] = [order for order in ("mdy", "dmy") if _fits(texts, order)]
    if not fits or "-" in {sign for values in texts.values() for sign in _separators(values)}:
        fits += ["ymd"] if _fits(texts, "ymd") else []
    if len(fits) == 1:
        other: Order = "mdy" if fits[0] == "dmy" else "dmy"
        _check_other_quote_day(file, columns, texts, fits[0], other)
        is_open = all(days_in_order(values, other) is not None for values in texts.values())
        return fits[0], [f"dates are {FORM_NAMES[fits[0]]}"] if is_open or fits[0] != "mdy" else []
    raise order_error(next(text for values in texts.values() for text in values), fits, file.path)


def _check_other_quote_day(
    file: DataFile, columns: dict[str, str], texts: dict[str, list[str]], order: Order, other: Order
) -> None:
    """Refuse quote days that expirations do not show to be written in their own order.

    That is where both orders fit, and the days have other separators than the expirations, or lie far ahead of the
    first of them and nearer in the other order: chains list near expirations.
    """
    role = next((role for role in DAY_ROLES if role in texts), None)
    if role is None or "expiration" not in texts:
        return
    orders = {name: order if name == "expiration" else other for name in texts}
    quoted, otherwise = (days_in_order(texts[role], item) or [] for item in (order, other))
    if quoted == otherwise or not _fits(texts, orders):
        return
    first = min(days_in_order(texts["expiration"], order) or [])
    ahead, nearer = (first - max(quoted)).days, (first - max(otherwise)).days
    if _separators(texts[role]) == _separators(texts["expiration"]) and not nearer < ahead > NEAREST:
        return
    rule = f"{columns[role].strip()} {texts[role][0]!r} is {quoted[0]} in the order of the expirations, or "
    rule += f"{otherwise[0]}: both fit, the first expiration {first} is {ahead} or {nearer} days ahead"
    raise DataError(file.path, rule, f"write {columns[role].strip()} as YYYY-MM-DD", columns[role].strip())


def _separators(texts: list[str]) -> set[str]:
    return {match[2] for text in texts if (match := NUMERIC.match(text.strip()))}


def _fits(texts: dict[str, list[str]], order: Order | dict[str, Order]) -> bool:
    """Whether all cells are dates in an order, quote days are past sessions, and nothing expired before."""
    orders = order if isinstance(order, dict) else dict.fromkeys(texts, order)
    days = {role: days_in_order(values, orders[role]) for role, values in texts.items()}
    if any(values is None for values in days.values()):
        return False
    quoted = sorted({day for role, values in days.items() if role != "expiration" for day in values or ()})
    if quoted:
        today = datetime.now(NEW_YORK).date()
        checked = [day for day in quoted[:: max(len(quoted) // DAYS_CHECKED, 1)] if day.year >= 1990]
        if quoted[-1] > today or not all(day.weekday() >= 5 or is_session(day) for day in checked):
            return False
        if len(quoted) > 1 and any(day.weekday() >= 5 for day in checked):
            return False
    expirations = days.get("expiration") or []
    if quoted and expirations and max(expirations) > quoted[-1] + LONGEST_LIFE:
        return False
    return not (quoted and expirations and min(expirations) < min(quoted)) and not any(
        day.weekday() == 6 for day in expirations
    )


def _zone(file: DataFile, layout: Layout, role: str, column: str, order: Order) -> tuple[ZoneInfo, list[str], bool]:
    """Zone of a column's times that carry none, a remark where it was a decision, and whether that was open."""
    declared = layout.vendor.zones.get(role) if layout.vendor else None
    if declared:
        return ZoneInfo(declared), [], False  # also of reports written after the close
    zone = zone_by_name(column)
    sample = _moments(file.sample.get(column, ()), zone, order)
    if not any(isinstance(moment, datetime) for moment in sample):
        return zone, [], False
    pair = [_moments(file.sample[column][:1], item, order) for item in (NEW_YORK, UTC_ZONE)]
    if pair[0] == pair[1]:  # cells are instants by themselves: two zones read them alike
        return zone, [], False
    other = NEW_YORK if zone is UTC_ZONE else UTC_ZONE
    texts = distinct_words(file, [column])[column]
    within = []  # fraction of distinct times at which quotes of a session are taken, in either zone
    for candidate in (zone, other):
        checked = _moments(texts[:: max(len(texts) // TIMES_CHECKED, 1)], candidate, order)
        times = [moment for moment in checked if isinstance(moment, datetime)]
        inside = [HOURS[0] <= moment.time() <= HOURS[1] and is_session(moment.date()) for moment in times]
        within.append(float(np.mean(inside)) if inside else 0.0)
    here, there = within
    if here < WITHIN < there:
        moments = [m for m in _moments(texts, zone, order) if isinstance(m, datetime)]
        what = f"as times of {_zone_name(zone)} most lie outside the session (latest {max(moments):%H:%M} New York)"
        return other, [f"{column.strip()} carries no zone: {what}; taken for {_zone_name(other)}"], True
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", column.strip())
    if named_zone(column) is not None or NAMED_ZONES.search(spaced) or plain(column) == "feedtimestamp":
        return zone, [], False
    is_open = there >= WITHIN or here < WITHIN
    latest = max((m for m in _moments(texts, other, order) if isinstance(m, datetime)), default=None)
    doubt = f" (as {_zone_name(other)} the latest would be {latest:%H:%M} New York)" if is_open and latest else ""
    return zone, [f"{column.strip()} carries no zone: taken for {_zone_name(zone)}{doubt}"], is_open


def _zone_name(zone: ZoneInfo) -> str:
    return "New York" if zone is NEW_YORK else "UTC"


def _may_be_one_capture(file: DataFile, column: str) -> bool:
    """Whether a column holds several values, and the file no more rows than one capture can have."""
    seen: set[str | None] = set()
    rows = 0
    for batch in batches(file, (), [column]):
        rows += len(batch.rows)
        if rows > MOST_CONTRACTS:
            return False
        seen.update(batch.rows.column(column).dictionary.to_pylist())
    return len(seen) > 1


def _interleaves_days(file: DataFile, layout: Layout, column: str) -> bool:
    """Whether days share the strikes of an expiration among them, in a file that holds each contract once.

    A quote day has a whole range of strikes: those of two days overlap, and their contracts occur again.
    """
    roles = ("occ",) if "occ" in layout.columns else ("strike", "underlying_symbol", "root", "expiration")
    names = [layout.columns[role] for role in roles if role in layout.columns]
    ranges: dict[Any, dict[str, tuple[float, float]]] = {}  # lowest and highest strike by expiration and day
    for batch in batches(file, (), list(dict.fromkeys([column, *names]))):
        cells = [batch.rows.column(name).to_pylist() for name in (column, *names)]
        for day, strike, *group in zip(*cells, strict=True):
            text = str(strike)
            if match := SYMBOL_PARTS.fullmatch(text.strip()):
                group, text = [*group, match[1]], match[2]
            try:
                value = parse_number(text, "," if "," in text else ".")
            except ValueError:
                continue
            days = ranges.setdefault(tuple(group), {})
            low, high = days.get(day, (value, value))
            days[day] = min(low, value), max(high, value)
    spans = (sorted(days.values()) for days in ranges.values())
    return any(high >= low for span in spans for (_, high), (low, _) in itertools.pairwise(span))


def _is_one_capture(file: DataFile, layout: Layout, column: str, zone: ZoneInfo, order: Order) -> bool:
    """Whether each contract occurs once while the column names several days, or none in some rows.

    Where many expirations lie before the latest day, the file holds several days, such as of 0DTE options. A download
    at the weekend still holds those of the last session.
    """
    if "occ" in layout.columns:
        identity: list[str] = [layout.columns["occ"]]
    else:
        roles = ("underlying_symbol", "root", "expiration", "strike", "right")
        identity = [layout.columns[role] for role in roles if role in layout.columns]
    seen: set[bytes] = set()
    repeats: set[tuple[Any, Any]] = set()  # contracts with their times: a row that occurs twice is no other capture
    days: set[date] = set()
    has_blanks = False
    for batch in batches(file, (), list(dict.fromkeys([column, *identity]))):
        cells = batch.rows.column(column)
        days |= _days(_moments(filter(None, cells.dictionary.to_pylist()), zone, order))
        has_blanks |= cells.null_count > 0 or "0" in cells.dictionary.to_pylist()
        texts = [batch.rows.column(name).to_pylist() for name in identity]
        pairs = set(zip(zip(*texts, strict=True), cells.to_pylist(), strict=True)) - repeats
        keys = {repr(key).encode() for key, _ in pairs}
        if len(keys) < len(pairs) or not seen.isdisjoint(keys):
            return False
        seen, repeats = seen | keys, repeats | pairs
    name = layout.columns.get("occ") or layout.columns.get("expiration")
    if name is None or not (len(days) > 1 or has_blanks):
        return len(days) > 1 or has_blanks
    is_symbol = "occ" in layout.columns
    expirations = set()
    for text in distinct_words(file, [name])[name]:
        with suppress(ValueError):
            expirations.add(parse_option_symbol(text).expiration if is_symbol else parse_day(text, order))
    return not sum(day < max(days, default=date.min) for day in expirations) >= EXPIRED * len(expirations) > 0
