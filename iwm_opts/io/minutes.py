"""One-minute bars from files of any known layout, on New York's clock, the regular session alone."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TIMEZONE, counted
from iwm_opts.errors import DataError
from iwm_opts.io.failures import gate
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.reader import Frame, moments, number_columns, of_symbol, read_frame
from iwm_opts.io.schema import MINUTES, check, check_no_rows, check_ranges, series_twins
from iwm_opts.io.zones import CANDIDATES, named_zone
from iwm_opts.market.bars import PRICES, gap_words, missing_sessions
from iwm_opts.market.calendar import NEW_YORK, sessions
from iwm_opts.market.minutes import OPENS_AT, SESSION_MINUTES, Minutes, bar_minutes, without_bad_ticks

CLOCKS: Final = ("time", "timeofday", "clock", "timeet", "bartime")
HHMM: Final = 4  # digits
ISO: Final = r"\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}"
OFFSET: Final = r"(?:Z|[+-]\d{2}:?\d{2}|:\d{2}(?:\.\d+)?[+-]\d{2})$"  # -05 alone as databases write it
SLACK: Final = 1e-6  # share of price
MOST_SHARES: Final = 1e15  # of a minute, until its volume is checked: sums stay finite
LITTLE: Final = 0.5  # of the first minute's volume, that the minute before the open has at most
FIXED: Final = {"Etc/GMT+5": "UTC-5, in summer too", "Etc/GMT+4": "UTC-4, in winter too"}
FEWEST: Final = 60  # minutes that tell a zone
MOST: Final = 0.8  # of the volume trades in the session: extended hours add a few per cent
CLEARLY: Final = 0.05  # of the volume that another zone must put into the session beyond New York
MOST_DAILY: Final = 0.5  # days a row, above which bars are daily
PICKED: Final = 10  # missing sessions a present one, above which days were picked and none is missing
EARLIEST: Final = pd.Timestamp("1970-01-01")
DAY: Final = pd.Timedelta(days=1)
AHEAD: Final = "is not a day from 1970 to today"
REMEDY: Final = "give a CSV file of one-minute bars with datetime, open, high, low, close and volume columns"


def load_minutes(path: str | Path, symbol: str | None = None) -> Minutes:
    """Read one-minute bars, in any layout of `io.layouts.series` and any order, of the expected symbol.

    Times with an offset or a zone, of their own or in the column's name, are turned to New York's clock; others are on
    it, or in the zone that puts clearly more of the volume into the session.

    Returns
    -------
    Minutes
        `bars` has ascending New York times (start of each minute) without a zone as index; open, high, low, close
        (dollars a share), volume (shares), and minute (after 9:30). A high or low that lies more than `OUTLIER` beyond
        the ranges of both neighbouring minutes is a bad tick: it is NaN, and counted. Rows outside the regular session
        and on days without a session are left out and counted, and sessions without a minute named.

    Raises
    ------
    DataError
        When the file cannot be read, holds several symbols or another, or daily bars, lacks a column, or a row has no
        time, a time twice, a price that is missing or not positive, a negative or infinite volume, or an open or close
        outside its low and high: names the first such row and counts them by year.
    """
    frame = of_symbol(read_frame(path, REMEDY), symbol, must_be_named=True)
    columns = {role: frame.column(NAMES[role]) for role in ("date", *PRICES, "volume")}
    used = {role: name for role, name in columns.items() if name is not None}
    for role in columns:
        if role not in used:
            frame.raise_missing(f"{role} column", REMEDY)
    frame.check_no_twins(list(used.values()))
    frame, column = _with_clock(frame, used.pop("date"))
    figures, number_notes = number_columns(frame, list(used.values()))
    twins = series_twins(frame, used, NAMES)
    times, notes = _new_york(frame, column, figures[used["volume"]].to_numpy())
    bars = pd.DataFrame({role: figures[name] for role, name in used.items()})
    frame = frame.figured(times, bars, (*notes, *number_notes, *twins))
    check_no_rows(frame, ~times.between(EARLIEST, pd.Timestamp(datetime.now(NEW_YORK).date()) + DAY), AHEAD, "datetime")
    check_no_rows(frame, times.duplicated(), "is there twice", "datetime")
    check(frame, MINUTES)
    check_ranges(frame, SLACK)
    days = len(np.unique(times.to_numpy(dtype="datetime64[D]")))
    if len(times) > 1 and days > MOST_DAILY * len(times):  # one row a day, whatever clock their dates carry
        rule = f"holds {len(times):,} rows on {counted(days, 'days')}: daily bars, not minutes"
        raise DataError(frame.path, rule, f"give them as `bars`; {REMEDY}", "step")
    return _regular(frame, bars.set_axis(pd.DatetimeIndex(times, name="time")).sort_index())


def _with_clock(frame: Frame, column: str) -> tuple[Frame, str]:
    """Frame and its column of times, where dates carry those of a column of their own: `15:45`, `154500`, `3:45 PM`.

    Another column of times serves where the first is of bare days that repeat and no clock is beside it.
    """
    names = frame.names
    clock = next((name for plain_name, name in names.items() if plain_name in CLOCKS and name != column), None)
    if clock is None:
        others = [names[name] for name in NAMES["date"] if name in names and names[name] != column]
        unique = (name for name in (column, *others) if frame.cells[name].is_unique)
        return frame, next(unique, column)
    frame.check_no_twins([clock])
    days = frame.cells[column].astype(str)
    if days.str.contains(":").any():
        return frame, column
    times = frame.cells[clock].astype(str).str.strip()
    digits = times.str.removesuffix(".0").where(times.str.fullmatch(r"\d{3,6}(?:\.0)?"))
    width = 6 if digits.str.len().max() > HHMM else HHMM
    times = digits.str.zfill(width).str.replace(r"(\d\d)(?=\d)", r"\1:", regex=True).fillna(times)
    return replace(frame, cells=frame.cells.assign(**{column: days + " " + times})), column


def _from_ends(bars: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Bars under their starts where they are stamped at their ends, with a note.

    Then a bar at 16:00 ends the session, and the one at 9:30 is absent or of before the open: little trades in it,
    where the first of the session has the opening auction.
    """
    index = pd.DatetimeIndex(bars.index)
    minute, day = index.hour * 60 + index.minute - OPENS_AT, index.normalize()
    step = bar_minutes(bars.assign(minute=minute)[(minute >= 0) & (minute <= SESSION_MINUTES)])
    volume = bars["volume"].set_axis(pd.MultiIndex.from_arrays([day, minute]))
    at_open, first, last = (
        volume[volume.index.get_level_values(1) == at].droplevel(1) for at in (0, step, SESSION_MINUTES)
    )
    is_late = at_open.reindex(first.index).fillna(0.0) < LITTLE * first
    if first.empty or is_late.mean() < MOST or last.index.nunique() < MOST * first.index.nunique():
        return bars, ()
    note = f"times are the ends of the bars, from 9:30 plus {step} to 16:00: taken {counted(step, 'minutes')} earlier"
    return bars.set_axis(index - pd.Timedelta(minutes=step)), (note,)


def _regular(frame: Frame, bars: pd.DataFrame) -> Minutes:
    bars, ends = _from_ends(bars)
    index = pd.DatetimeIndex(bars.index)
    minute = (index.hour * 60 + index.minute - OPENS_AT).to_numpy()
    days = index.to_numpy(dtype="datetime64[D]")
    is_session = np.isin(days, sessions(days[0].item(), days[-1].item()))
    regular = (minute >= 0) & (minute < SESSION_MINUTES)
    kept = bars.assign(minute=minute)[is_session & regular]
    if kept.empty:
        raise DataError(frame.path, "has no minute of a regular session", REMEDY, "session")
    kept, doubted = without_bad_ticks(kept)
    counts = (
        (int((is_session & ~regular).sum()), "minutes outside the regular session left out"),
        (int((~is_session).sum()), "minutes on days without a session left out"),
        (doubted, "highs or lows far outside their neighbours' taken for bad ticks"),
    )
    remarks = [f"{count:,} {what}" for count, what in counts if count]
    present = pd.DatetimeIndex(kept.index).normalize().nunique()
    if (gaps := missing_sessions(kept)) and len(gaps) <= PICKED * present:
        remarks.append(f"{counted(len(gaps), 'sessions have', 'session has')} no minute ({gap_words(gaps)})")
    return Minutes(kept, (*frame.notes, *ends, *remarks), frame.path.name)


def _new_york(frame: Frame, column: str, volume: NDArray[np.float64]) -> tuple["pd.Series[Any]", tuple[str, ...]]:
    """Return times on New York's clock, without a zone, and a note on the choice."""
    text = frame.cells[column].astype(str).str.strip()
    has_offset = text.str.contains(OFFSET, regex=True)
    if has_offset.any() and not has_offset.all():
        place = int(np.argmax(has_offset.to_numpy()))
        rule = f"{frame.row(place)}, {text.iloc[place][:60]}, has an offset where other rows have none"
        raise DataError(frame.path, rule, "correct or remove that row", "offset")
    if text.str.match(ISO).all():  # the usual form, read a hundred times faster at once
        with gate(frame.path, "write all times alike", "has times that cannot be read ({})"):
            times = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=bool(has_offset.all()))
        if not times.isna().any():
            if has_offset.all():
                return _of_instants(times.dt.tz_convert(TIMEZONE).dt.tz_localize(None), volume)
            zoned = named_zone(column)
            return (_from(times, zoned[1].key), ()) if zoned else _in_session(times, volume)
    values, notes = moments(frame, column, "time")
    # A bare date is midnight, as spreadsheets write it: outside the session.
    local = pd.Series(
        [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values],
        dtype="datetime64[us]",
    )
    if has_offset.all() or text.str.fullmatch(r"\d{10}(?:\d{3}){0,3}").all():
        local_times, more = _of_instants(local, volume)
        return local_times, (*notes, *more)
    if named_zone(column) or text.str.fullmatch(r".*[A-Za-z]\]?").all():
        return local, notes
    local_times, more = _in_session(local, volume)
    return local_times, (*notes, *more)


def _of_instants(times: "pd.Series[Any]", volume: NDArray[np.float64]) -> tuple["pd.Series[Any]", tuple[str, ...]]:
    """Return times of instants; those of UTC's clock where only that puts the volume into the session, with a note.

    Epochs and offsets of times that had no zone are New York's clock as if it were UTC's.
    """
    weights = _weights(times, volume)
    if len(times) < FEWEST or (here := _within(times, weights)) >= MOST:
        return times, ()
    clock = times.dt.tz_localize(TIMEZONE, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC").dt.tz_localize(None)
    if clock.isna().any() or _within(clock, weights) <= max(MOST, here + CLEARLY):
        return times, (f"{here:.0%} of the volume lies in the session",)
    what = f"as instants {1.0 - here:.0%} of the volume lies outside the session"
    return clock, (f"times are New York's clock written as if UTC's: {what}",)


def _weights(times: "pd.Series[Any]", volume: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volumes, or ones where nothing traded."""
    weights = np.clip(np.nan_to_num(volume, posinf=0.0, neginf=0.0), 0.0, MOST_SHARES)
    return weights if (weights > 0.0).any() else np.ones(len(times))


def _from(times: "pd.Series[Any]", zone: str) -> "pd.Series[Any]":
    """Turn times of a zone to New York's clock; NaT at hours that its change of clocks skips or repeats."""
    local = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    turned: pd.Series[Any] = local.dt.tz_convert(TIMEZONE).dt.tz_localize(None)
    return turned


def _in_session(times: "pd.Series[Any]", volume: NDArray[np.float64]) -> tuple["pd.Series[Any]", tuple[str, ...]]:
    """Return times as they are, or from another zone where that puts clearly more of the volume into the session.

    Minutes of extended hours lie outside in every zone, but little trades in them.
    """
    if len(times) < FEWEST:
        return times, ()
    weights = _weights(times, volume)
    here = _within(times, weights)
    best, zone, shifted = here, "", times
    for name in (*CANDIDATES, *FIXED) if here < 1.0 else ():
        local = _from(times, name)
        if not local.isna().any() and (fraction := _within(local, weights)) > best:
            best, zone, shifted = fraction, name, local
    if best > max(MOST, here + CLEARLY):
        outside = f"as times of New York {1.0 - here:.0%} of the volume lies outside the session"
        return shifted, (f"times carry no zone: taken for {FIXED.get(zone, zone)}, for {outside}",)
    if here < MOST:
        return times, (f"times carry no zone: taken for New York, where {here:.0%} of the volume lies in the session",)
    return times, ()


def _within(times: "pd.Series[Any]", weights: NDArray[np.float64]) -> float:
    """Fraction of the weights in the session."""
    minute = times.dt.hour * 60 + times.dt.minute - OPENS_AT
    return float(weights[((minute >= 0) & (minute < SESSION_MINUTES)).to_numpy()].sum() / weights.sum())
