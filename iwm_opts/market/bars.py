"""Daily bars from a file, and the average true range."""

import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from iwm_opts.errors import DataError, InputError
from iwm_opts.market.calendar import sessions

Method = Literal["wilder", "simple"]

ATR_PERIOD: Final = 14  # sessions, as in Wilder 1978
PRICES: Final = ["open", "high", "low", "close"]
OPTIONAL: Final = ["adjusted_close", "volume", "dividend"]
SYNONYMS: Final = {
    "timestamp": "date",
    "datetime": "date",
    "adj_close": "adjusted_close",
    "adjclose": "adjusted_close",
    "dividends": "dividend",
    "dividend_amount": "dividend",
}
SPLITS: Final = "split_coefficient"  # Alpha Vantage's as-traded prices; other layouts come adjusted for splits
SINGLE_PRECISION: Final = 1e-6  # share of the price: some vendors store prices so, column by column
REMEDY: Final = "give a CSV file of daily bars with date, open, high, low and close columns"


@dataclass(frozen=True, slots=True)
class Atr:
    """Average true range as it was known before a day."""

    value: float  # dollars a share
    value_date: date  # last session in it
    share_of_price: float  # of that session's close
    period: int
    method: Method


def load_bars(path: str | Path) -> pd.DataFrame:
    """Read daily bars.

    Parameters
    ----------
    path : str or Path
        CSV, gzipped if its name says so, or Parquet (.parquet). Columns by name, any case and order: date (or
        timestamp), open, high, low and close; adjusted close, volume and dividend where they are. Rows in any order.

    Returns
    -------
    DataFrame
        Ascending dates as index; open, high, low, close and those of the optional columns that the file has (dividend:
        cash a share on its ex-date). Dollars a share, adjusted for splits, not for dividends: where the file has a
        split_coefficient its prices are as traded, and everything before each split is restated.

    Raises
    ------
    DataError
        When the file cannot be read, or a row has no date, a date twice, a price that is missing or not positive, or
        an open or close outside its low and high: the first such row is named.
    """
    path = Path(path)
    table = read_table(path)
    missing = [column for column in ("date", *PRICES) if column not in table]
    if missing:
        raise DataError(path, f"has no {missing[0]} column, only {', '.join(table.columns)}", REMEDY)
    days = pd.to_datetime(table["date"].astype(str), errors="coerce", format="mixed")
    _refuse(path, days.isna(), table["date"], "is no date")
    _refuse(path, days.duplicated(), table["date"], "is there twice")
    columns = [*PRICES, *(column for column in [*OPTIONAL, SPLITS] if column in table)]
    bars = table[columns].apply(pd.to_numeric, errors="coerce").astype(float)
    _check(path, bars, days)
    index = pd.DatetimeIndex(days.to_numpy(dtype="datetime64[us]"), name="date")
    bars = bars.set_axis(index).sort_index()
    return _adjust_for_splits(bars) if SPLITS in bars else bars


def read_table(path: Path, remedy: str = REMEDY) -> pd.DataFrame:
    """A table of bars with the names of its columns in one spelling; `remedy` says what was wanted instead.

    Raises
    ------
    DataError
        When the file cannot be read or is empty.
    """
    if not path.is_file():
        raise DataError(path, "is a directory" if path.is_dir() else "does not exist", remedy)
    try:
        table = pd.read_parquet(path).reset_index() if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, EOFError, zlib.error, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(path, f"cannot be read as a table ({error})", remedy) from None
    if table.empty:
        raise DataError(path, "holds no rows", remedy)
    names = [str(column).strip().lower().replace(" ", "_") for column in table.columns]
    return table.set_axis([SYNONYMS.get(name, name) for name in names], axis=1)


def _check(path: Path, bars: pd.DataFrame, days: "pd.Series[pd.Timestamp]") -> None:
    labels = days.dt.date
    for column in PRICES:
        _refuse(path, ~((bars[column] > 0) & np.isfinite(bars[column])), labels, f"has no positive {column}")
    slack = SINGLE_PRECISION * bars["close"]
    for column in ("open", "close", "high"):
        outside = (bars[column] > bars["high"] + slack) | (bars[column] < bars["low"] - slack)
        _refuse(path, outside, labels, f"has its {column} outside low and high")


def _refuse(path: Path, fails: "pd.Series[bool]", label: "pd.Series[Any]", rule: str) -> None:
    if fails.any():
        row = int(np.argmax(fails.to_numpy()))
        raise DataError(path, f"row {row + 1}, {label.iloc[row]}, {rule}", "mend or remove that row")


def _adjust_for_splits(bars: pd.DataFrame) -> pd.DataFrame:
    # A split takes effect on its own day: what precedes it is divided by the product of all later coefficients.
    later = bars[SPLITS][::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
    adjusted = bars.drop(columns=SPLITS)
    cash = [column for column in [*PRICES, "dividend"] if column in adjusted]
    adjusted[cash] = adjusted[cash].div(later, axis=0)
    if "volume" in adjusted:
        adjusted["volume"] *= later
    return adjusted


def missing_sessions(bars: pd.DataFrame) -> list[date]:
    """Trading days of the exchange between the first and the last bar that have none."""
    days = bars.index.to_numpy(dtype="datetime64[D]")
    expected = sessions(bars.index[0].date(), bars.index[-1].date())
    gaps: list[date] = expected[~np.isin(expected, days)].tolist()
    return gaps


def true_range(bars: pd.DataFrame) -> "pd.Series[float]":
    """Largest of high - low, |high - previous close| and |low - previous close|, dollars a share (Wilder 1978).

    The first bar has no previous close: high - low.
    """
    before = bars["close"].shift(1)
    top = bars["high"].where(~(before > bars["high"]), before)
    bottom = bars["low"].where(~(before < bars["low"]), before)
    return top - bottom


def average_true_range(bars: pd.DataFrame, period: int = ATR_PERIOD, method: Method = "wilder") -> "pd.Series[float]":
    """Average true range after each session, dollars a share; NaN for the first `period` - 1.

    Parameters
    ----------
    bars : DataFrame
        As from `load_bars`. The value of a day uses that day's high, low and close: a decision taken during it must
        read the day before, as `atr` does.
    period : int
        Sessions.
    method : {"wilder", "simple"}
        Wilder's smoothing, ATR = (ATR before x (period - 1) + true range) / period from the mean of the first `period`
        true ranges on (Wilder 1978); or the mean of the last `period` true ranges.

    Raises
    ------
    InputError
        When the period is below 1, or there is no such method.
    """
    if period < 1:
        raise InputError("period", period, "needs at least 1 session")
    ranges = true_range(bars)
    mean = ranges.rolling(period).mean()
    if method == "simple":
        return mean
    if method != "wilder":
        raise InputError("method", method, "is no average true range", "choose wilder or simple")
    seeded = ranges.where(np.arange(len(ranges)) >= period, mean)
    return seeded.ewm(alpha=1.0 / period, adjust=False, ignore_na=True).mean()


def atr(bars: pd.DataFrame, before: date, period: int = ATR_PERIOD, method: Method = "wilder") -> Atr:
    """Average true range that a decision on a day may know: nothing dated on or after `before` is read.

    Raises
    ------
    InputError
        When fewer than `period` bars precede it, or as in `average_true_range`.
    """
    known = bars[bars.index < pd.Timestamp(before)]
    if len(known) < max(period, 1):
        raise InputError(
            "before", before.isoformat(), f"{len(known)} bars precede it, {period} are needed", "give longer bars"
        )
    value = float(average_true_range(known, period, method).iloc[-1])
    return Atr(value, known.index[-1].date(), value / float(known["close"].iloc[-1]), period, method)
