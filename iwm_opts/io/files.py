"""Option chains from files: one symbol, one day, one capture of it."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import MULTIPLIER, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.columns import canonical_rows, delay_of
from iwm_opts.io.formats import Layout, detect
from iwm_opts.io.identity import check_file_name, check_roots, doubtful_name
from iwm_opts.io.provenance import Origin, origin_of
from iwm_opts.io.readings import layout_of_file, readings_of
from iwm_opts.io.selection import (
    NoSuchDayError,
    Selection,
    check_one_symbol,
    clean_underlying,
    day_column_of,
    old_codes,
    other_symbols,
    raise_no_day,
    raise_no_days,
    select,
    select_days,
)
from iwm_opts.io.tables import DataFile, open_table
from iwm_opts.market.calendar import in_session, latest_session, next_session
from iwm_opts.market.capture import (
    at_weekend,
    before_open,
    closed_expirations,
    is_before_open,
    make_chain,
    no_session_left,
)
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import (
    can_expire,
    index_of,
    is_adjusted,
    is_old_code,
    settled_root,
    settlement_of,
    underlying_of,
)
from iwm_opts.market.panel_captures import groups_of_captures
from iwm_opts.market.ranges import FURTHEST, off_spot
from iwm_opts.market.second_market import second_market

CONTRACT: Final = ["root", "expiration", "right", "strike"]
SATURDAY: Final = 5  # date.weekday()


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """Rows taken at one time of one day."""

    rows: pd.DataFrame
    label: str | None
    time: datetime | None

    @property
    def name(self) -> str:
        """Label and time, as far as known."""
        words = [self.label or "", f"{self.time:%H:%M}" if self.time else ""]
        return " ".join(filter(None, words)) or "unnamed"

    def is_called(self, session: str) -> bool:
        """Whether its label, or its time as HH:MM, is that."""
        if self.label is not None and self.label.lower() == session.strip().lower():
            return True
        clock = re.fullmatch(r"(\d{1,2}):(\d{2})", session.strip())
        if clock is None or self.time is None:
            return False
        return (self.time.hour, self.time.minute) == (int(clock[1]), int(clock[2]))


def load_chain(
    path: str | os.PathLike[str],
    *,
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    expirations: tuple[date, date] | None = None,
    spot: float | None = None,
) -> Chain:
    """Chain of one symbol at one moment from a CSV, Parquet or JSON file, gzip or not.

    Parameters
    ----------
    path : path
    symbol : str, optional
        Underlying; needed where the file holds several, or names none by column or OCC root.
    as_of : date, optional
        Quote date; the latest in the file by default.
    session : str, optional
        Label of the capture, or its time as HH:MM. By default the latest within the session, else the latest.
    expirations : (date, date), optional
        First and last expiration to keep, both included.
    spot : float, optional
        Price of the underlying; goes over the file's. Estimated by put-call parity where there is none.

    Raises
    ------
    DataError
        One line with the file, the rule and the remedy: see `io.tables`, `io.selection`, `market.capture`.
    InputError
        When spot or expirations make no sense.
    """
    if spot is not None and not 0.0 < spot < np.inf:
        raise InputError("spot", spot, "must be positive", "give dollars a share")
    if expirations is not None and expirations[0] > expirations[1]:
        raise InputError(
            "expirations", f"{expirations[0]}:{expirations[1]}", "ends before it begins", "give the earlier day first"
        )
    return read_chain(open_table(Path(path)), symbol, as_of, session, expirations, spot, is_file=True)


def read_chain(
    file: DataFile,
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    expirations: tuple[date, date] | None = None,
    spot: float | None = None,
    remarks: Sequence[str] = (),
    is_file: bool = False,
) -> Chain:
    """Chain out of an opened table, such as the body of an answer; see `load_chain`. `remarks` goes before its notes.

    A file of a weekend or before the open is taken for the session before and flagged (`is_file`); a live answer of a
    weekend is refused.
    """
    try:
        chain = _read_day(file, symbol, as_of, session, expirations, spot, remarks, is_file)
    except NoSuchDayError as error:
        if not is_file or as_of is None:
            raise
        for day in sorted(error.days, reverse=True):
            if as_of < day <= next_session(as_of):
                chain = _read_day(file, symbol, day, session, expirations, spot, remarks, is_file)
                if chain.as_of == as_of:
                    return chain
        raise
    if is_file and as_of is not None and chain.as_of != as_of:  # in a history of mornings the next one shows that day
        with suppress(DataError):
            later = _read_day(file, symbol, next_session(as_of), session, expirations, spot, remarks, is_file)
            return later if later.as_of == as_of else chain
    return chain


def _read_day(
    file: DataFile,
    symbol: str | None,
    as_of: date | None,
    session: str | None,
    expirations: tuple[date, date] | None,
    spot: float | None,
    remarks: Sequence[str],
    is_file: bool,
) -> Chain:
    """Chain of one day as a file dates it; see `read_chain`."""
    source, chosen = str(file.path), None if symbol is None else clean_underlying(symbol)
    layout = layout_of_file(file)
    selection = select(file, layout, as_of, chosen)
    rows, notes, warnings = canonical_rows(selection, layout, source, as_of)
    rows = _dated(rows, selection, as_of, source, warnings)
    if is_file:
        rows = _before_open(_of_a_session(rows, warnings), chosen, warnings)
    return _chain(rows, chosen, session, expirations, spot, file, layout, [*remarks, *notes], warnings)


def check_chain_file(path: str | os.PathLike[str]) -> None:
    """Refuse a file without the columns of an option chain.

    Raises DataError when the file cannot be read or holds another table.
    """
    file = open_table(Path(path))
    detect(file.columns, file.sample, str(file.path))


def load_captures(path: str | os.PathLike[str], symbol: str, as_of: date) -> list[Chain]:
    """Chains of every capture of a symbol on a day in a file; see `load_chain`.

    Raises DataError when the file cannot be read or has no such day.
    """
    file = open_table(Path(path))
    source = str(file.path)
    layout = layout_of_file(file)
    selection = select(file, layout, as_of, symbol)
    rows, notes, warnings = canonical_rows(selection, layout, source, as_of)
    rows = _dated(rows, selection, as_of, source, [])
    names = [capture.label or (f"{capture.time:%H:%M}" if capture.time else None) for capture in _captures(rows)]
    return [
        _chain(rows, symbol, name, None, None, file, layout, list(notes), list(warnings))
        for name in dict.fromkeys(names)
    ]


def read_chains(
    path: str | os.PathLike[str],
    *,
    symbol: str | None = None,
    session: str | None = None,
    first: date | None = None,
    last: date | None = None,
    skip: Collection[date] = (),
    progress: Callable[[int, int], None] | None = None,
    moved: dict[date, date] | None = None,
) -> Iterator[Chain | DataError]:
    """Chains of every day in a file, ascending, one capture a day; two passes, a day or so of rows in memory.

    `first` and `last` are the days to begin and end with, both included, `skip` those to leave out; `progress` is
    called with (days read, days). A download at a weekend or before the open is the chain of the session before, where
    the file does not hold that one; `moved` receives its day by that session. An error in place of a chain gives the
    reason that a day with rows has none: a holiday, a night of zeros, a damaged cell. Raises DataError when the file
    cannot be read at all, has no column for the quote date, or no day of the window or symbol.
    """
    file = open_table(Path(path))
    source, chosen = str(file.path), None if symbol is None else clean_underlying(symbol)
    layout = layout_of_file(file)
    readings = readings_of(file, layout)
    only_day = readings.snapshot_day or readings.named_day
    if day_column_of(readings) is None and only_day is not None:
        if not (first or date.min) <= only_day <= (last or date.max):
            raise_no_days(file.path, [only_day], first, last)
        if only_day not in skip:
            try:
                only: Chain | DataError = read_chain(file, symbol, None, session, is_file=True)
            except DataError as error:
                only = DataError(f"{file.path}, {only_day}", error.rule, error.remedy, error.field)
            _note_move(only_day, only, moved)
            yield only
        return
    seen = set(skip)
    for selection in select_days(file, layout, first, last, chosen, skip, progress):
        if isinstance(selection, DataError):
            yield selection
            continue
        assert selection.day is not None
        try:
            rows, notes, warnings = canonical_rows(selection, layout, source)
            rows = rows if latest_session(selection.day) in seen else _of_a_session(rows, warnings)
            rows = _before_open(rows, chosen, warnings)
            of_session = rows["quote_date"].iloc[0].date()
            if of_session != selection.day and of_session in skip:
                continue
            if of_session < selection.day and of_session in seen:
                raise no_session_left(source, selection.day, of_session)
            chain: Chain | DataError = _chain(rows, chosen, session, None, None, file, layout, notes, warnings)
        except DataError as error:
            rule = f"{error.rule} ({counted(len(selection.lines), 'rows')})"
            chain = DataError(f"{source}, {selection.day}", rule, error.remedy, error.field)
        seen.add(chain.as_of if isinstance(chain, Chain) else selection.day)
        _note_move(selection.day, chain, moved)
        yield chain


def _note_move(day: date, chain: Chain | DataError, moved: dict[date, date] | None) -> None:
    if moved is not None and isinstance(chain, Chain) and chain.as_of != day:
        moved[chain.as_of] = day


def _chain(
    rows: pd.DataFrame,
    symbol: str | None,
    session: str | None,
    expirations: tuple[date, date] | None,
    spot: float | None,
    file: DataFile,
    layout: Layout,
    notes: list[str],
    warnings: list[str],
) -> Chain:
    """Chain from the canonical rows of one day."""
    source = str(file.path)
    rows, own_symbol = _of_symbol(rows, symbol, source, warnings)
    rows = _rooted(rows, own_symbol, source, notes)
    rows = _standard(rows, own_symbol, source, warnings)
    rows = _sound(rows, spot, source, warnings)
    if expirations is not None:
        listed = rows["expiration"]
        rows = rows[listed.between(pd.Timestamp(expirations[0]), pd.Timestamp(expirations[1]))]
        if rows.empty:
            rule = f"no expiration from {expirations[0]} to {expirations[1]}"
            raise DataError(
                source, rule, f"listed are {listed.min():%Y-%m-%d} to {listed.max():%Y-%m-%d}", "expiration"
            )
    captures = _captures(rows)
    capture, before = _choose(captures, session, source, notes)
    market = _of_one_market(capture.rows, spot, source, warnings)
    origin = origin_of(file.place) if file.kind == "parquet" else Origin()
    return make_chain(
        market,
        symbol=own_symbol,
        source=source,
        spot=spot,
        session=capture.label,
        newest_trade=_newest_trade(capture.rows),
        previous=None if before is None else before.rows,
        notes=notes,
        warnings=warnings,
        simulated=origin.simulated,
        modelled=origin.modelled,
        delay=delay_of(layout.columns).astype(timedelta),
    )


def _newest_trade(rows: pd.DataFrame) -> datetime | None:
    if "last_trade" not in rows:
        return None
    newest = rows["last_trade"].max()
    return None if pd.isna(newest) else newest.to_pydatetime()


def _dated(
    rows: pd.DataFrame, selection: Selection, as_of: date | None, source: str, warnings: list[str]
) -> pd.DataFrame:
    """Rows with a quote date: where no column says, that of the latest trade, else the one asked for."""
    if selection.day is not None:
        return rows
    newest = _newest_trade(rows)
    if as_of is None and selection.readings.named_day is not None:
        day = selection.readings.named_day
        warnings.append(f"quote date {day} taken from the file's name: no column says it")
        return rows.assign(quote_date=pd.Timestamp(day).as_unit("us"))
    if newest is None and as_of is None:
        raise DataError(source, "has no column for the quote date", "say it with `as_of` YYYY-MM-DD", "quote_date")
    if newest is None:
        assert as_of is not None
        warnings.append(f"the file has no quote date: taken for quotes of {as_of}")
        return rows.assign(quote_date=pd.Timestamp(as_of).as_unit("us"))
    day = newest.date()
    if as_of is not None and as_of < day:
        raise_no_day(source, [day], as_of)
    if as_of not in (None, day):  # a trade is no quote: none may have been since
        warnings.append(f"the file has no quote date: taken for quotes of {as_of}; its latest trade is of {day}")
        return rows.assign(quote_date=pd.Timestamp(as_of).as_unit("us"))
    if newest.time() == time():  # trades by day alone
        warnings.append(f"quote date taken from the latest trade, {day}: the file has none")
        return rows.assign(quote_date=pd.Timestamp(day).as_unit("us"))
    warnings.append(
        f"quote date and time taken from the latest trade, {newest:%Y-%m-%d %H:%M} New York: the file has neither"
    )
    return rows.assign(quote_date=pd.Timestamp(day).as_unit("us"), quote_time=rows["last_trade"].max())


def _of_a_session(rows: pd.DataFrame, warnings: list[str]) -> pd.DataFrame:
    """Rows of a download at the weekend under the day whose close they show, flagged."""
    day = rows["quote_date"].iloc[0].date()
    if day.weekday() < SATURDAY:
        return rows
    session = latest_session(day)
    warnings.append(at_weekend(day, session))
    return rows.assign(quote_date=pd.Timestamp(session).as_unit("us"))


def _before_open(rows: pd.DataFrame, symbol: str | None, warnings: list[str]) -> pd.DataFrame:
    """Rows of a capture before the open under the day whose close they show, flagged; index options trade at night."""
    day = rows["quote_date"].iloc[0].date()
    at = rows["quote_time"].max() if "quote_time" in rows else pd.NaT
    if pd.isna(at) or not is_before_open(at, day):
        return rows
    named = next((rows[name].dropna() for name in ("underlying_symbol", "root") if name in rows), pd.Series([symbol]))
    if any(settlement_of(str(name)).delivery == "cash" for name in named.unique()):
        return rows
    session = latest_session(day - timedelta(days=1))
    warnings.append(before_open(at, session))
    return rows.assign(quote_date=pd.Timestamp(session).as_unit("us"))


def _of_symbol(rows: pd.DataFrame, symbol: str | None, source: str, warnings: list[str]) -> tuple[pd.DataFrame, str]:
    """Rows of one underlying, by column or by root, and its symbol.

    A column of underlyings that holds the root SPXW is of SPX; the root of a row without one is that.
    """
    symbols = pd.Series(None, index=rows.index, dtype=object)
    if "underlying_symbol" in rows:
        named = rows["underlying_symbol"]
        symbols = named.map({name: index_of(name) for name in named.dropna().unique()})
        if (symbols != named).any():
            written = rows["root"] if "root" in rows else pd.Series(None, index=rows.index, dtype=object)
            rows = rows.assign(root=written.where(written.notna() | (symbols == named), named))
    elif "root" in rows:
        symbols = rows["root"].map({root: underlying_of(root) for root in rows["root"].dropna().unique()})
    if symbols.isna().all():
        if symbol is None:
            raise DataError(source, "names no underlying, by column or by OCC symbol", "say it with `symbol`", "symbol")
        check_file_name(source, symbol)
        unnamed = f"underlying taken for {symbol}: no column, contract symbol or title of the file names it"
        warnings.append(doubtful_name(source, symbol) or unnamed)
        return rows, symbol
    present = sorted(symbols.dropna().unique())
    check_one_symbol(source, present, symbol)
    symbol = symbol or present[0]
    mine = symbols == symbol
    others = symbols[~mine].dropna()
    warnings += other_symbols(others.unique(), len(others))
    if nameless := int(symbols.isna().sum()):
        warnings.append(f"{counted(nameless, 'rows')} without a symbol: left out")
    return rows[mine], symbol


def _rooted(rows: pd.DataFrame, symbol: str, source: str, notes: list[str]) -> pd.DataFrame:
    """Rows under roots of the symbol.

    The codes that options had before OCC symbols are left out: those roots follow from the rest. A column of settlement
    says the root where none or that of the underlying is written.
    """
    if "root" in rows and "underlying_symbol" in rows:
        day = rows["quote_date"].iloc[0].date()
        codes = sorted(root for root in rows["root"].dropna().unique() if is_old_code(root, symbol, day))
        is_old = rows["root"].isin(codes)
        notes += old_codes(codes, int(is_old.sum()))
        rows = rows.assign(root=rows["root"].mask(is_old, None)) if codes else rows
    check_roots(source, symbol, rows["root"].dropna().unique() if "root" in rows else ())
    if "settlement" not in rows:
        return rows
    root = rows["root"] if "root" in rows else pd.Series(None, index=rows.index, dtype=object)
    is_open = root.isna() | (root == symbol)
    for is_morning in (True, False):
        root = root.mask(is_open & rows["settlement"].eq(is_morning), settled_root(symbol, is_morning=is_morning))
    return rows.assign(root=root)


def _standard(rows: pd.DataFrame, symbol: str, source: str, warnings: list[str]) -> pd.DataFrame:
    """Rows of standard contracts: adjusted roots and other deliverables than 100 shares are named and left out."""
    reasons = []
    left_out = pd.Series(False, index=rows.index)
    if "root" in rows:
        roots = rows["root"].dropna().unique()
        adjusted = sorted(root for root in roots if root != symbol and is_adjusted(root))
        if adjusted:
            left_out |= rows["root"].isin(adjusted)
            reasons.append(f"of adjusted roots ({', '.join(adjusted)})")
    if "multiplier" in rows:
        other = (rows["multiplier"] > 0.0) & (rows["multiplier"] != MULTIPLIER) & ~left_out  # -99 is unknown
        if other.any():
            left_out |= other
            reasons.append(f"of {rows.loc[other, 'multiplier'].iloc[0]:g} shares a contract")
    if "non_standard" in rows:
        flagged = rows["non_standard"].eq(True) & ~left_out
        if flagged.any():
            left_out |= flagged
            reasons.append("marked as not standard")
    count = f"all {len(rows)}" if left_out.all() else f"{int(left_out.sum())} of {len(rows)}"
    rule = f"{count} rows are adjusted contracts, {' and '.join(reasons)}"
    return _without(rows, left_out, DataError(source, rule, "give a chain of standard contracts", "root"), warnings)


def _without(rows: pd.DataFrame, wrong: Any, error: DataError, warnings: list[str]) -> pd.DataFrame:
    """Rows without wrong ones, with a warning; an error where there are no others."""
    if not wrong.any():
        return rows
    if wrong.all():
        raise error
    warnings.append(f"{error.rule}: left out")
    kept: pd.DataFrame = rows[~wrong]
    return kept


def _sound(rows: pd.DataFrame, spot: float | None, source: str, warnings: list[str]) -> pd.DataFrame:
    """Rows that may expire on their day, and whose strike and quotes lie within `FURTHEST` times spot.

    Where spot is not known, within that of the median strike.
    """
    quoted = rows["quote_date"].iloc[0].date()
    closed = sorted(day for day in (at.date() for at in rows["expiration"].unique()) if not can_expire(day, quoted))
    if closed:
        wrong: Any = rows["expiration"].isin(pd.to_datetime(closed))
        rows = _without(rows, wrong, closed_expirations(source, closed, int(wrong.sum()), len(rows)), warnings)
    prices = rows["underlying_price"].dropna() if "underlying_price" in rows else pd.Series(dtype=float)
    strikes = rows["strike"][(rows["strike"] > 0.0) & np.isfinite(rows["strike"])]
    centre = spot or float(prices.median() if len(prices) else strikes.median())
    wrong = off_spot(rows["strike"], rows["bid"], rows["ask"], centre)
    if not wrong.any():
        return rows
    first = rows[wrong].iloc[0]
    what = f"strike or quote off spot {centre:g} by a factor of {FURTHEST:,.0f}"
    if not np.isfinite(centre):
        what = "strike that is not a positive number"
    rule = f"{int(wrong.sum())} of {len(rows)} rows have a {what} (first: row {first['line']}, strike "
    rule += f"{first['strike']:g}, {first['bid']:g}/{first['ask']:g})"
    return _without(
        rows, wrong, DataError(source, rule, "correct the prices, the strikes or `spot`", "strike"), warnings
    )


def _of_one_market(rows: pd.DataFrame, spot: float | None, source: str, warnings: list[str]) -> pd.DataFrame:
    """Rows of the chain's own market, without those of before a split or of another moment."""
    table = rows if "root" in rows else rows.assign(root="")
    prices = rows["underlying_price"].dropna() if "underlying_price" in rows else pd.Series(dtype=float)
    spot = spot or (float(prices.median()) if len(prices) else None)
    other = second_market(table.fillna({"root": ""}).reset_index(drop=True), rows["quote_date"].iloc[0], spot)
    if other is None:
        return rows
    if not other.is_decided:
        raise DataError(source, other.rule, "remove the rows of one, or give `spot`", "spot")
    warnings.append(other.note)
    return rows[~other.rows]


def _captures(rows: pd.DataFrame) -> list[Capture]:
    """Sort captures of a day by time; rows whose own times differ make one where no contract occurs twice."""
    if "root" not in rows:
        rows = rows.assign(root=None)
    times = rows["quote_time"] if "quote_time" in rows else pd.Series(pd.NaT, index=rows.index)
    labels = rows["session"].fillna("") if "session" in rows else pd.Series("", index=rows.index)
    captures = []
    for label, part in rows.groupby(labels, sort=False):
        contract = part.groupby(CONTRACT, dropna=False, sort=False).ngroup().to_numpy().astype(np.int64)
        at = times[part.index].dt.tz_localize(None) if hasattr(times, "dt") else times[part.index]
        seconds = at.astype("datetime64[us]").to_numpy().astype(np.float64)
        seconds[at.isna()] = np.nan
        for _, group in part.groupby(groups_of_captures(contract, seconds)):
            latest = times[group.index].max()
            captures.append(Capture(group, str(label) or None, None if pd.isna(latest) else latest.to_pydatetime()))
    return sorted(captures, key=lambda capture: capture.time.timestamp() if capture.time else 0.0)


def _choose(
    captures: list[Capture], session: str | None, source: str, notes: list[str]
) -> tuple[Capture, Capture | None]:
    """Capture asked for, or the latest within the session, else the latest; and the one before it."""
    if session is not None:
        matching = [place for place, capture in enumerate(captures) if capture.is_called(session)]
        if not matching:
            names = ", ".join(capture.name for capture in captures)
            raise DataError(
                source, f"has no session {session!r}, the day holds {names}", "choose one with `session`", "session"
            )
    else:
        within = [place for place, item in enumerate(captures) if item.time is not None and in_session(item.time)]
        matching = within or [len(captures) - 1]
    chosen = matching[-1]
    if len(captures) > 1:
        names = ", ".join(capture.name for capture in captures)
        how = "asked for" if session is not None else "the latest within the session" if within else "the latest"
        others = sum(len(capture.rows) for capture in captures) - len(captures[chosen].rows)
        kept = f"session {captures[chosen].name} of {len(captures)} that day ({names}): {how}"
        notes.append(f"{kept}; {counted(others, 'rows')} of the others: left out")
    return captures[chosen], captures[chosen - 1] if chosen else None
