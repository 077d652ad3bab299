"""IV history from a file: Cboe's index downloads, Yahoo's bars, or any table with a date and a close."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iwm_opts.conventions import IVR_TENOR_DAYS
from iwm_opts.errors import DataError
from iwm_opts.io.identity import UNDERLYINGS, check_file_name, doubtful_name, on_one_index
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.reader import (
    Frame,
    check_not_shifted,
    days_of,
    number_columns,
    of_symbol,
    read_frame,
    sparse_step,
    tickers_of,
)
from iwm_opts.io.schema import check_no_rows, series_twins
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.iv_rank import IvHistory

MEASURED = (
    "impvol", "ivmean", "meaniv", "ivx", "ivx30", "atmiv", "ivatm", "midiv", "ivclose", "iv30d", "30dayiv", "ivcurrent",
    "ivmean30", "volatility",
)  # fmt: skip  # Barchart's and others'
VOLATILITIES = ("iv", "impliedvolatility", "impliedvol", *MEASURED)
CLOSES = (*NAMES["close"], "value", "settle")
VALUE_NAMES = ("iv10", "iv30", *VOLATILITIES, *CLOSES)
OWN_COLUMN = re.compile(r"iv(\d+)")  # IV10 and IV30 of the underlying itself
FRED_ID = re.compile(r"([a-z0-9]+?)cls")  # VIXCLS, RVXCLS
RANKED = re.compile(r"rank|percentile|^ivr$|^ivp$")
REALISED = re.compile(r"(hv|rv)\d*|(historical|realized|realised)vol[a-z]*\d*")
TRADED = 0.5  # fraction of rows with a volume, above which a close is a price: indices of volatility do not trade
REMEDY = "give a CSV or Parquet file with a date and a close column, such as Cboe's RVX_History.csv"

POINTS_ABOVE = 1.5  # a typical level above this is in points: 23.7, not 0.237
OLDEST_ROWS = 60  # the unit is read from these, so that later rows cannot change what earlier ones mean
PLAUSIBLE = (0.02, 2.0)  # decimal; VIX closes have run from 0.09 to 0.83: another unit, or prices, fall outside

MAX_DISPUTED = 0.02  # a larger share of days with two values is two series in one file, not a slip
OUTLIER = (0.4, 2.5)  # times both neighbours; no day of VIX or RVX has left it


class KnownSeries(NamedTuple):
    """A published volatility index."""

    tenor_days: int
    what: str


KNOWN_SERIES = {
    "RVX": KnownSeries(30, "30-day index of Russell 2000 options"),
    "VIX": KnownSeries(30, "30-day index of S&P 500 options"),
    "VIX9D": KnownSeries(9, "9-day index of S&P 500 options"),
    "VIX3M": KnownSeries(93, "93-day index of S&P 500 options"),
}


def load_iv_history(
    path: str | Path, symbol: str = "IWM", tenor_days: int = IVR_TENOR_DAYS, before: date | None = None
) -> IvHistory:
    """Read the daily closes of one IV series of a symbol.

    Columns go by name, any case: a date (ISO, YYYYMMDD, MM/DD/YYYY or MM/DD/YY) and iv10 or iv30 (the underlying's own;
    the tenor decides between them), else iv, close or value. Rows dated on or after `before`, the day of the decision,
    are not read at all; without it, rows in the future are an error.

    Returns
    -------
    IvHistory
        Decimals, ascending. Points (23.7) are distinguished from decimals (0.237) by the level of the oldest rows. The
        series is recognised by the file's name (RVX, VIX, VIX9D, VIX3M). Rows with a blank value are left out; a day
        with two different values is a gap (NaN). `skipped` counts and names them, says where the newest day is such a
        gap, and names values far outside both their neighbours, which are kept.

    Raises
    ------
    DataError
        When the file is missing, empty or no table, or a row holds no date, no number, a value that is not positive
        or of another unit than the rest, or a date in the future: the first such row is named. Also when more than
        `MAX_DISPUTED` of the days have two values, when dates with slashes look like DD/MM, or when a column occurs
        twice.
    """
    path = Path(path)
    frame, ticker = _of_one_series(read_frame(path, REMEDY), symbol)
    date_column, value_column = _columns(frame, tenor_days)
    days, notes = days_of(frame, date_column)
    check_not_shifted(frame, days)
    read = days < pd.Timestamp(before) if before else days.notna()
    if not read.any():
        raise DataError(path, f"has no row before {before}", "give a longer `iv_history`", "date")
    frame, days = frame.kept(read.to_numpy()), days[read].reset_index(drop=True)
    series, own_tenor, proxy, note = _identity(path, ticker, value_column, symbol, tenor_days)
    figures, number_notes = number_columns(frame, [value_column])
    remarks = [*frame.notes]
    is_close = plain(value_column) not in VOLATILITIES
    if plain(value_column) in CLOSES and series not in KNOWN_SERIES:
        with suppress(DataError):
            column = frame.column(NAMES["volume"])
            if column is not None and (number_columns(frame, [column])[0][column] > 0.0).mean() > TRADED:
                remarks.append(f"column {column.strip()} holds traded volumes: are these prices, not volatilities?")
    remarks += series_twins(frame, {"value": value_column}, {"value": CLOSES if is_close else VOLATILITIES})
    values = figures[value_column]
    is_zero = values == 0.0  # a vendor's blank: no volatility is nothing
    values = values.mask(is_zero)
    if values.isna().all():
        raise DataError(path, f"column {value_column!r} holds no value", REMEDY, value_column)
    closes, skipped = _closes(frame.figured(days, pd.DataFrame({"value": values})))
    zeros = (f"values of zero taken as blank: {int(is_zero.sum())}",) if is_zero.any() else ()
    if origin_of(path).simulated:
        series, note = f"{series}, SIMULATED", f"{note}, of a SIMULATED market"
    in_points = bool(closes.iloc[:OLDEST_ROWS].median() > POINTS_ABOVE)
    decimals, unit = (closes / 100.0, "points") if in_points else (closes, "decimals")
    strange = decimals.notna() & ~decimals.between(*PLAUSIBLE)
    if strange.any():
        day, value = next(iter(closes[strange].items()))
        rule = f"{value:g} on {str(day)[:10]} is not a volatility in {unit}, the unit of the oldest rows"
        raise DataError(path, rule, "use one unit throughout, and a volatility, not a price", "unit")
    remarks += [*notes, *number_notes, *zeros, *skipped, *_doubts(closes)]
    return IvHistory(series, own_tenor, decimals, proxy, f"{note}, read as {unit}", tuple(remarks))


def _columns(frame: Frame, tenor_days: int) -> tuple[str, str]:
    """Columns of the dates and the values: by name, else the only one after the date, as FRED writes them."""
    date_column = frame.column(NAMES["date"])
    others = [str(name) for name in frame.cells.columns if str(name) != date_column]
    value_column = frame.column((f"iv{tenor_days}", *VALUE_NAMES))
    value_column = value_column or (others[0] if len(others) == 1 else None)
    if date_column is None or value_column is None:
        frame.raise_missing(f"{'date' if date_column is None else 'close, iv or value'} column", REMEDY)
    if RANKED.search(plain(value_column)):
        raise DataError(frame.path, f"column {value_column!r} holds ranks of IV, not IV", REMEDY, value_column)
    if REALISED.fullmatch(plain(value_column)):
        raise DataError(
            frame.path, f"column {value_column!r} holds realised volatility, not implied", REMEDY, value_column
        )
    frame.check_no_twins((date_column, value_column))
    return date_column, value_column


def _of_one_series(frame: Frame, symbol: str) -> tuple[Frame, str]:
    """Rows of the symbol or of one published index, and its ticker; empty where the file names none."""
    present = tickers_of(frame)
    if len(present) > 1:  # side by side they are prices
        return of_symbol(frame, symbol if symbol in present and not frame.tickers else None), symbol
    if not present:
        doubt = doubtful_name(frame.path, symbol, frame.titles)
        return (replace(frame, notes=(*frame.notes, doubt)) if doubt else frame), ""
    ticker = present[0]
    if ticker in UNDERLYINGS and not on_one_index(ticker, symbol):
        choice = f"`symbol` {ticker} or the file of {symbol}"
        raise DataError(frame.path, f"holds {ticker}, not {symbol}", f"give {choice}", "symbol")
    return frame, ticker


def _first(mask: pd.Series) -> int:
    return int(mask.index[int(mask.to_numpy().argmax())])


def _closes(frame: Frame) -> tuple[pd.Series, list[str]]:
    """Daily closes in order, and omissions: blanks, and days with two values; an error where there are many."""
    days, values, notes = frame.cells["day"], frame.cells["value"], []
    wrong = (values < 0.0) | np.isinf(values)
    check_no_rows(frame, wrong, f"{values[_first(wrong)]:g} is not a volatility", "close")
    ahead = (days > pd.Timestamp(datetime.now(NEW_YORK).date())) & values.notna()
    if ahead.any():
        at = _first(ahead)
        rule = f"{frame.row(at)}: {days[at].date()} ({values[at]:g}) lies in the future"
        raise DataError(frame.path, rule, "correct the date", "date")
    blank = values.isna()
    if blank.any():
        notes.append(f"rows without a value left out: {blank.sum()}")
    days, values = days[~blank], values[~blank]
    disputed = values.groupby(days).transform("nunique") > 1
    if disputed.any():
        second = _first(disputed & days.duplicated())
        day, first = days[second], _first(days == days[second])
        clash = (
            f"{frame.row(second)}: {day.date()} again ({values[second]:g}, and {values[first]:g} in {frame.row(first)})"
        )
        count = days[disputed].nunique()
        if count > MAX_DISPUTED * days.nunique():
            raise DataError(
                frame.path, f"{clash}, {count} such days in all", "keep one row a day of one series", "date"
            )
        notes.append(f"days with two values left out: {count}, the first in {clash}")
    once = ~days.duplicated()
    closes = values.mask(disputed)[once].set_axis(pd.DatetimeIndex(days[once]))
    if not closes.index.is_monotonic_increasing:
        closes = closes.sort_index()
        notes.append("rows were not in order of date: sorted")
    return closes, notes


def _doubts(closes: pd.Series) -> list[str]:
    """Name a newest day that is a gap, values far outside both neighbours, and weekly or monthly values."""
    notes = []
    values = closes.dropna()
    if len(values) and values.index[-1] != closes.index[-1]:  # a rank would rest on an older day
        newest, last = closes.index[-1].date(), values.index[-1].date()
        notes.append(f"the newest value, of {newest}, is disputed: the history ends on {last}")
    before, after = values.shift(1), values.shift(-1)
    low, high = OUTLIER
    far = (values > high * before) & (values > high * after) | (values < low * before) & (values < low * after)
    if far.any():  # such as a slip of the comma: kept, as unproven
        day = values.index[far][-1]
        latest = f"{values[day]:g} on {day.date()} between {before[day]:g} and {after[day]:g}"
        outside = f"values more than {high:g} times or less than {low:g} times both neighbours, kept: {far.sum()}"
        notes.append(f"{outside}, the latest {latest}; it may set the range of the rank")
    step, what = sparse_step(values.index.to_numpy())
    if what:
        notes.append(f"a value every {step:g} days: {what} values, not daily closes; ranks rest on few of them")
    return notes


def _identity(
    path: Path, ticker: str, value_column: str, symbol: str, tenor_days: int
) -> tuple[str, int | None, bool, str]:
    """Series, its tenor, whether it is a proxy, and a sentence that says so."""
    own_column = OWN_COLUMN.fullmatch(plain(value_column))
    if own_column:
        if ticker not in ("", symbol):
            raise DataError(
                path, f"column {value_column!r} is of {ticker}, not {symbol}", f"give the file of {symbol}", "symbol"
            )
        if not ticker:
            check_file_name(path, symbol)
        tenor = int(own_column.group(1))
        series = f"{symbol} IV{tenor}"
        if tenor == tenor_days:
            return series, tenor, False, f"{series}: {symbol}'s own"
        return series, tenor, True, f"{series}: {symbol}'s own, proxy for its IV{tenor_days}"
    as_proxy = f"proxy for {symbol}'s own IV{tenor_days}"
    fred = FRED_ID.fullmatch(plain(value_column))
    words = [ticker, fred[1].upper() if fred else value_column.strip().upper()]
    words += re.split(r"[^A-Z0-9]+", path.name.upper())
    published = next((word.removesuffix("CLS") for word in words if word.removesuffix("CLS") in KNOWN_SERIES), None)
    if published:
        tenor, what = KNOWN_SERIES[published]
        return published, tenor, True, f"{published}: {what}, {as_proxy}"
    if not ticker:
        check_file_name(path, symbol, is_proxy_read=True)
    series = path.name.split(".")[0] if ticker in ("", symbol) else ticker
    return series, None, True, f"{series}: a series of unknown underlying and tenor, {as_proxy}"
