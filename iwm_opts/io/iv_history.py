"""IV history from a file: Cboe's index downloads, Yahoo's bars, or any table with a date and a close."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from iwm_opts.conventions import IVR_TENOR_DAYS
from iwm_opts.errors import DataError
from iwm_opts.io.identity import UNDERLYINGS, doubtful_name, on_one_index, refuse_name
from iwm_opts.io.layouts.layout import plain
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.reader import (
    FEWEST_STEPS,
    LONGEST_STEP,
    WEEK,
    Frame,
    day_index,
    moments,
    number_columns,
    of_symbol,
    read_frame,
    refuse_columns_by_ticker,
    refuse_shifted,
    tickers_of,
    usual_step,
)
from iwm_opts.io.schema import refuse_rows, series_twins
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.iv_rank import IvHistory

MEASURED = (
    "impvol",
    "ivmean",
    "meaniv",
    "ivx",
    "ivx30",
    "atmiv",
    "ivatm",
    "midiv",
    "ivclose",
    "iv30d",
    "30dayiv",
    "ivcurrent",
    "ivmean30",
    "volatility",
)  # Barchart's and others'
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


@dataclass(frozen=True, slots=True)
class KnownSeries:
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
    """Read the daily closes of one IV series.

    Parameters
    ----------
    path : str or Path
        CSV (comma, semicolon, tab or bar) or Parquet, gzipped or not, recognised by content. Columns by name, any
        case: a date (ISO, YYYYMMDD, MM/DD/YYYY or MM/DD/YY) and iv10 or iv30 (the underlying's own), else iv, close or
        value.
    symbol : str
        Underlying of the series.
    tenor_days : int
        Tenor: decides between iv10 and iv30, and the note.
    before : date, optional
        Day of the decision: rows dated on or after it are not read at all. Without it, rows in the future are an error.

    Returns
    -------
    IvHistory
        Decimals, ascending. Points (23.7) are distinguished from decimals (0.237) by the level of the oldest rows. The
        series is recognised by the file's name (RVX, VIX, VIX9D, VIX3M). Rows with a blank value are left out; a day
        with two different values is a gap (NaN). `skipped` counts and names them,
        says where the newest day is such a gap, and names values far outside both their neighbours, which are kept.

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
    date_column = frame.column(NAMES["date"])
    value_column = _value_column(frame, tenor_days, date_column)
    if date_column is None or value_column is None:
        refuse_columns_by_ticker(frame, REMEDY)
        needed = "date" if date_column is None else "close, iv or value"
        seen = ", ".join(map(str, frame.cells.columns))[:200] or "none"
        raise DataError(path, f"has no {needed} column, only {seen}", REMEDY)
    if RANKED.search(plain(value_column)):
        raise DataError(path, f"column {value_column!r} holds ranks of IV, not IV", REMEDY)
    if REALISED.fullmatch(plain(value_column)):
        raise DataError(path, f"column {value_column!r} holds realised volatility, not implied", REMEDY)
    frame.refuse_twins((date_column, value_column))
    moments_read, _, notes = moments(frame, date_column)
    stamps, day_notes = day_index(moments_read)
    refuse_shifted(frame, stamps)
    days = pd.Series(stamps.astype("datetime64[us]"))
    read = days < pd.Timestamp(before) if before else days.notna()
    if not read.any():
        raise DataError(path, f"has no row before {before}", "give a longer `iv_history`")
    frame, days = frame.kept(read.to_numpy()), days[read].reset_index(drop=True)
    figures, number_notes = number_columns(frame, [value_column])
    values = figures[value_column]
    is_zero = values == 0.0  # a vendor's blank: no volatility is nothing
    values = values.mask(is_zero)
    if values.isna().all():
        raise DataError(path, f"column {value_column!r} holds no value", REMEDY)
    _check_rows(frame, days, values)
    closes, skipped = _one_a_day(frame, days, values)
    zeros = (f"values of zero taken as blank: {int(is_zero.sum())}",) if is_zero.any() else ()
    series, own_tenor, proxy, note = _identity(path, ticker, value_column, symbol, tenor_days)
    traded = _traded(frame) if plain(value_column) in CLOSES and series not in KNOWN_SERIES else ()
    if origin_of(path).simulated:
        series, note = f"{series}, SIMULATED", f"{note}, of a SIMULATED market"
    decimals, unit = _in_decimals(path, closes)
    own = VOLATILITIES if plain(value_column) in VOLATILITIES else CLOSES
    twins = series_twins(frame, {"value": value_column}, {"value": own})
    remarks = (*frame.notes, *traded, *twins, *notes, *day_notes, *number_notes, *zeros, *skipped, *_step(closes))
    return IvHistory(series, own_tenor, decimals, proxy, f"{note}, read as {unit}", remarks)


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
        raise DataError(frame.path, f"holds {ticker}, not {symbol}", f"give {choice}")
    return frame, ticker


def _traded(frame: Frame) -> tuple[str, ...]:
    """Note on closes with a volume beside them, as of something that trades."""
    try:
        column = frame.column(NAMES["volume"])
        volume = None if column is None else number_columns(frame, [column])[0][column]
    except DataError:
        return ()
    if volume is None or (volume > 0.0).mean() <= TRADED:
        return ()
    return (f"column {str(column).strip()} holds traded volumes: are these prices, not volatilities?",)


def _value_column(frame: Frame, tenor_days: int, date_column: str | None) -> str | None:
    """Column of the values: by name, else the only one after the date, as FRED writes them."""
    named = frame.column((f"iv{tenor_days}", *VALUE_NAMES))
    others = [str(name) for name in frame.cells.columns if str(name) != date_column]
    return named or (others[0] if len(others) == 1 else None)


def _first(mask: pd.Series) -> int:
    return int(mask.index[int(mask.to_numpy().argmax())])


def _check_rows(frame: Frame, days: pd.Series, values: pd.Series) -> None:
    wrong = (values < 0.0) | np.isinf(values)
    if wrong.any():
        refuse_rows(frame, wrong, days, f"{values[_first(wrong)]:g} is not a volatility")
    ahead = (days > pd.Timestamp(datetime.now(NEW_YORK).date())) & values.notna()
    if ahead.any():
        at = _first(ahead)
        raise DataError(
            frame.path, f"{frame.row(at)}: {days[at].date()} ({values[at]:g}) lies in the future", "correct the date"
        )


def _one_a_day(frame: Frame, days: pd.Series, values: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Return closes in order of date, and omissions: blanks, and days with two values."""
    notes = []
    blank = values.isna()
    if blank.any():
        notes.append(f"rows without a value left out: {blank.sum()}")
    days, values = days[~blank], values[~blank]
    disputed = values.groupby(days).transform("nunique") > 1
    if disputed.any():
        notes.append(_dispute(frame, days, values, disputed))
    once = ~days.duplicated()
    closes = values.mask(disputed)[once].set_axis(pd.DatetimeIndex(days[once]))
    if not closes.index.is_monotonic_increasing:
        closes = closes.sort_index()
        notes.append("rows were not in order of date: sorted")
    return closes, (*notes, *_disputed_end(closes), *_outliers(closes))


def _step(closes: pd.Series) -> tuple[str, ...]:
    """Note on weekly and monthly values."""
    step = usual_step(closes.dropna().index.to_numpy())
    if len(closes) < FEWEST_STEPS or step <= LONGEST_STEP:
        return ()
    what = "weekly" if step <= WEEK else "monthly or rarer"
    return (f"a value every {step:g} days: {what} values, not daily closes; ranks rest on few of them",)


def _disputed_end(closes: pd.Series) -> list[str]:
    """Whether the newest day is a gap: a rank would then rest on an older one."""
    observed = closes.dropna()
    if observed.empty or observed.index[-1] == closes.index[-1]:
        return []
    newest, last = closes.index[-1].date(), observed.index[-1].date()
    return [f"the newest value, of {newest}, is disputed: the history ends on {last}"]


def _outliers(closes: pd.Series) -> list[str]:
    """Values far outside both neighbours, such as a slip of the comma: kept, as unproven."""
    values = closes.dropna()
    before, after = values.shift(1), values.shift(-1)
    low, high = OUTLIER
    far = (values > high * before) & (values > high * after) | (values < low * before) & (values < low * after)
    if not far.any():
        return []
    day = values.index[far][-1]
    latest = f"{values[day]:g} on {day.date()} between {before[day]:g} and {after[day]:g}"
    outside = f"values more than {high:g} times or less than {low:g} times both neighbours, kept: {far.sum()}"
    return [f"{outside}, the latest {latest}; it may set the range of the rank"]


def _dispute(frame: Frame, days: pd.Series, values: pd.Series, disputed: pd.Series) -> str:
    """Name the first day with two values; an error where there are many."""
    second = _first(disputed & days.duplicated())
    day = days[second]
    first = _first(days == day)
    clash = f"{frame.row(second)}: {day.date()} again ({values[second]:g}, and {values[first]:g} in {frame.row(first)})"
    count = days[disputed].nunique()
    if count > MAX_DISPUTED * days.nunique():
        raise DataError(frame.path, f"{clash}, {count} such days in all", "keep one row a day of one series")
    return f"days with two values left out: {count}, the first in {clash}"


def _in_decimals(path: Path, values: pd.Series) -> tuple[pd.Series, str]:
    in_points = bool(values.iloc[:OLDEST_ROWS].median() > POINTS_ABOVE)
    decimals = values / 100.0 if in_points else values
    unit = "points" if in_points else "decimals"
    strange = decimals.notna() & ~decimals.between(*PLAUSIBLE)
    if strange.any():
        day, value = next(iter(values[strange].items()))
        raise DataError(
            path,
            f"{value:g} on {str(day)[:10]} is not a volatility in {unit}, the unit of the oldest rows",
            "use one unit throughout, and a volatility, not a price",
        )
    return decimals, unit


def _identity(
    path: Path, ticker: str, value_column: str, symbol: str, tenor_days: int
) -> tuple[str, int | None, bool, str]:
    """Series, its tenor, whether it is a proxy, and a sentence that says so."""
    own_column = OWN_COLUMN.fullmatch(plain(value_column))
    if own_column:
        if ticker not in ("", symbol):
            raise DataError(path, f"column {value_column!r} is of {ticker}, not {symbol}", f"give the file of {symbol}")
        if not ticker:
            refuse_name(path, symbol)
        tenor = int(own_column.group(1))
        series = f"{symbol} IV{tenor}"
        if tenor == tenor_days:
            return series, tenor, False, f"{series}: {symbol}'s own"
        return series, tenor, True, f"{series}: {symbol}'s own, standing in for its IV{tenor_days}"
    standing_in = f"standing in for {symbol}'s own IV{tenor_days}"
    fred = FRED_ID.fullmatch(plain(value_column))
    words = [ticker, fred[1].upper() if fred else value_column.strip().upper()]
    words += re.split(r"[^A-Z0-9]+", path.name.upper())
    published = next((word.removesuffix("CLS") for word in words if word.removesuffix("CLS") in KNOWN_SERIES), None)
    if published:
        index = KNOWN_SERIES[published]
        return published, index.tenor_days, True, f"{published}: {index.what} {standing_in}"
    if not ticker:
        refuse_name(path, symbol, is_proxy_read=True)
    series = path.name.split(".")[0] if ticker in ("", symbol) else ticker
    return series, None, True, f"{series}: a series of unknown underlying and tenor {standing_in}"
