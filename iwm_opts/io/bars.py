"""Daily bars from files of any known layout, checked by the calendar and the ranges that prices have."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.numbers import is_number
from iwm_opts.io.reader import (
    Frame,
    check_not_shifted,
    days_of,
    is_date,
    number_columns,
    of_symbol,
    read_frame,
    sparse_step,
)
from iwm_opts.io.schema import BARS, check, check_ranges, once_a_day, series_twins
from iwm_opts.io.series_notes import NOTES
from iwm_opts.market.bars import (
    PRICES,
    SINGLE_PRECISION,
    adjusted_for_splits,
    gap_words,
    missing_sessions,
    price_jumps,
    wrong_bars,
)
from iwm_opts.market.calendar import FIRST_DAY, NEW_YORK, sessions

OPTIONAL: Final = ("adjusted_close", "volume", "dividend", "split")
UNNEEDED: Final = ("adjusted_close", "volume", "dividend")  # a word in them is a blank; a split unread spoils prices
REMEDY: Final = "give a CSV file of daily bars with date, open, high, low and close columns"
OTHER_CALENDAR: Final = 0.5  # fraction of days without a session, above which the bars are not of this exchange
FEWEST: Final = 20  # bars behind a jump without which those before it are used: no average or range fits in fewer
OLDEST: Final = 1970
UNKNOWN_VOLUME: Final = -1.0
MOST_A_DAY: Final = 2.5  # rows, above which bars are of minutes or hours
MOST_REPEATED: Final = 0.5
SHOWN: Final = 4  # days in a note


def load_bars(path: str | Path, symbol: str | None = None, *, is_choice: bool = True) -> pd.DataFrame:
    """Read daily bars in any layout of `io.layouts.series` and any order, of the expected symbol.

    `is_choice` says whether the user chooses it, for the remedy.

    Returns
    -------
    DataFrame
        Ascending dates as index; open, high, low, close and those of adjusted_close, volume (NaN where blank) and
        dividend (cash a share on its ex-date) that the file has. Dollars a share, adjusted for splits, not for
        dividends: where the file has a column of split factors its prices are as traded, and everything before each
        split is restated. `attrs["notes"]` names omitted and doubtful rows: rows on days without a session,
        repeated and blank rows, stretches without bars, and bars on the other side of a jump as of an unadjusted split,
        which are left out since no window across it means anything.

    Raises
    ------
    DataError
        When the file cannot be read, holds several symbols or another, or a row has no date, a date twice with other
        prices, a price that is missing or not positive, a negative volume or dividend, or an open or close outside its
        low and high: names the first such row and counts them by year.
    """
    frame = of_symbol(read_frame(path, REMEDY), symbol, is_choice=is_choice, must_be_named=True)
    columns = {role: frame.column(NAMES[role]) for role in ("date", *PRICES, *OPTIONAL)}
    first = frame.cells.iloc[:5, 0].map(str)
    if columns["date"] is None and all(is_date(cell) and not is_number(cell) for cell in first):
        columns["date"] = str(frame.cells.columns[0])  # dates, whatever they are called
    used = {role: name for role, name in columns.items() if name is not None}
    for role in ("date", *PRICES):
        if role not in used:
            frame.raise_missing(f"{role} column", REMEDY)
    frame.check_no_twins(list(used.values()))
    prices = frame.cells[[used[role] for role in PRICES]]
    is_blank = prices.map(lambda cell: str(cell).strip() in BLANK_CELLS).all(axis=1).to_numpy(dtype=bool)
    if is_blank.any() and not is_blank.all():  # holidays and footers, or Yahoo's `null`
        blank = f"{counted(int(is_blank.sum()), 'rows')} without prices left out"
        frame = frame.kept(~is_blank, f"{blank} (first: {frame.row(int(np.argmax(is_blank)))})")
    repeats = bool(frame.cells.duplicated(keep=False).mean() > MOST_REPEATED)
    days, day_notes = days_of(frame, used.pop("date"))
    figures, number_notes = number_columns(
        frame, list(used.values()), [used[role] for role in UNNEEDED if role in used]
    )
    bars = pd.DataFrame({role: figures[name] for role, name in used.items()})
    if "volume" in bars and (bars["volume"] == UNKNOWN_VOLUME).all():  # midpoints of Interactive Brokers
        bars = bars.drop(columns="volume")
    frame = frame.figured(days, bars, (*day_notes, *number_notes, *series_twins(frame, used, NAMES)))
    _check_other_steps(frame, days, repeats)
    check_not_shifted(frame, days)
    frame = once_a_day(_on_sessions(frame), "bar")
    check(frame, BARS)
    check_ranges(frame, SINGLE_PRECISION)
    notes = list(frame.notes)
    bars = frame.cells.drop(columns="day").set_axis(pd.DatetimeIndex(frame.cells["day"], name="date"))
    bars = _optional_columns(bars, notes).sort_index()
    bars = adjusted_for_splits(bars) if "split" in bars else bars
    bars = _continuous(frame, bars, notes)
    if gaps := missing_sessions(bars):
        without = counted(len(gaps), "sessions have", "session has")
        notes.append(f"{without} no bar ({gap_words(gaps)}): windows across them are left out")
    bars.attrs[NOTES] = tuple(notes)
    return bars


def _check_other_steps(frame: Frame, days: "pd.Series[Any]", repeats: bool) -> None:
    """Refuse bars of minutes, weeks and months by what they are; a file may repeat most of its rows whole."""
    once = np.unique(days.to_numpy())
    if len(days) > MOST_A_DAY * len(once) and not repeats:
        rule = f"holds {counted(len(days), 'rows')} on {counted(len(once), 'days')}: intraday bars, not daily ones"
        raise DataError(frame.path, rule, "give them as `minutes`, and daily bars as `bars`", "step")
    step, what = sparse_step(once)
    if what:
        raise DataError(frame.path, f"has a row every {step:g} days: {what} bars, not daily ones", REMEDY, "step")


def _on_sessions(frame: Frame) -> Frame:
    """Rows on days that the exchange trades, since the calendar starts: sessions before it are unknown."""
    days = frame.cells["day"]
    wrong = (days.dt.year < OLDEST) | (days > pd.Timestamp(datetime.now(NEW_YORK).date()))
    if wrong.any():
        place = int(np.argmax(wrong.to_numpy()))
        rule = f"{frame.row(place)}: {days[place].date()} is not a day from {OLDEST} to today"
        raise DataError(frame.path, rule, "correct the date", "date")
    is_known = (days >= pd.Timestamp(FIRST_DAY)).to_numpy()
    if not is_known.any():
        rule = f"ends on {days.max().date()}, before the calendar of sessions ({FIRST_DAY})"
        raise DataError(frame.path, rule, "give later bars", "date")
    if not is_known.all():
        early = counted(int((~is_known).sum()), "rows")
        frame = frame.kept(is_known, f"{early} before the calendar of sessions ({FIRST_DAY}) left out")
        days = frame.cells["day"]
    stamps = days.to_numpy(dtype="datetime64[D]")
    is_session = np.isin(stamps, sessions(stamps.min().item(), stamps.max().item()))
    if is_session.all():
        return frame
    others = int((~is_session).sum())
    place = int(np.argmin(is_session))
    first = f"{frame.row(place)}, {days[place]:%A} {days[place].date()}"
    what = f"{others} of {len(days)} rows are on days without a session (first: {first})"
    if others > OTHER_CALENDAR * len(days):
        raise DataError(frame.path, what, "give daily bars of an exchange in New York", "date")
    return frame.kept(is_session, f"{what}: left out")


def _optional_columns(bars: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return optional columns, without sparse ones."""
    for column in ("adjusted_close", "split", "volume", "dividend"):
        if column not in bars:
            continue
        blanks = int(bars[column].isna().sum())
        if blanks == len(bars) or (blanks and column in ("adjusted_close", "split")):
            bars = bars.drop(columns=column)
            if blanks < len(bars):
                notes.append(f"{column} is blank in {blanks} rows: not used")
        elif blanks and column == "dividend":
            bars = bars.assign(dividend=bars["dividend"].fillna(0.0))
        elif blanks:
            notes.append(f"{column} is blank in {blanks} rows: unknown there")
    return bars


def _continuous(frame: Frame, bars: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Bars whose prices are of their session, without a jump as of an unadjusted split among them.

    Returns, averages and ranges across a jump mean nothing: those from the last jump on are left, those before it where
    fewer than `FEWEST` follow, such as a split of today.
    """
    wrong = wrong_bars(bars)
    if wrong.all():
        raise DataError(frame.path, "no bar has the range of a session between its low and its high", REMEDY)
    if wrong.any():
        days = [f"{day:%Y-%m-%d}" for day in bars.index[wrong]]
        shown = ", ".join(days[:SHOWN]) + (", ..." if len(days) > SHOWN else "")
        notes.append(f"{counted(len(days), 'bars')} far from the prices before and behind left out ({shown})")
        bars = bars[~wrong].copy()
    jumps = price_jumps(bars)
    if not len(jumps):
        return bars
    shown = ", ".join(f"{day:%Y-%m-%d} ({ratio:.3g} times the close before)" for day, ratio in jumps.items())
    ends = [bars.index[0], *jumps.index]
    sizes = [int(((bars.index >= first) & (bars.index < last)).sum()) for first, last in pairwise(ends)]
    sizes.append(int((bars.index >= ends[-1]).sum()))
    place = next((place for place in reversed(range(len(sizes))) if sizes[place] >= FEWEST), len(sizes) - 1)
    first = sum(sizes[:place])
    left: pd.DataFrame = bars.iloc[first : first + sizes[place]]
    behind = len(bars) - first - len(left)
    parts = [(first, "before"), (behind, f"from {bars.index[-behind]:%Y-%m-%d} on" if behind else "")]
    what = " and ".join(f"the {counted(count, 'bars')} {where}" for count, where in parts if count)
    verb = "is" if first + behind == 1 else "are"
    notes.append(
        f"the price jumps as at an unadjusted split on {shown[:200]}: {what} {verb} left out; give split-adjusted bars "
        "to use them"
    )
    return left.copy()


BLANK_CELLS: Final = frozenset({"", "nan", "NaN", "None", "null", "NULL", "-", "--", "NaT", "<NA>", "N/A", "n/a", "."})
