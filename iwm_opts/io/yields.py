"""Short interest rates by day: a table of Treasury yields, or the 13-week bill's (Yahoo's and Cboe's IRX)."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.reader import (
    Frame,
    day_index,
    moments,
    number_columns,
    of_symbol,
    read_frame,
    refuse_shifted,
    tickers_of,
)
from iwm_opts.io.schema import refuse_rows
from iwm_opts.io.series_notes import NOTES, REPEATED

YIELD_COLUMNS: Final = (
    "us3m", "3mo", "dgs3mo", "dtb3", "3m", "13weekscouponequivalent", "us1m", "1mo", "dgs1mo", "dtb4wk",
    "4weekscouponequivalent", "close", "yield", "rate", *NAMES["close"], "value",
)  # fmt: skip
LONG_YIELDS: Final = {"FVX": 5, "TNX": 10, "TYX": 30}
BEFORE_1970: Final = r"\s*(?:18\d\d|19[0-6]\d)-"  # older than any option here
PLAUSIBLE: Final = (-2.0, 25.0)  # per cent
LOWEST_PAID: Final = 0.2  # per cent: bills of one and three months paid more on every day outside `NEAR_ZERO`
MOST_NEAR_ZERO: Final = 2.5  # per cent: and less on every day in it
NEAR_ZERO: Final = (("2008-09-15", "2016-12-31"), ("2020-03-06", "2022-05-31"))
RECORDED_UNTIL: Final = "2026-10-31"  # what bills pay later is open
REMEDY: Final = "give a CSV with a date and a US3M, DGS3MO or close column, in per cent"
UNIT_REMEDY: Final = "write yields with a percent sign, such as 3.9%, or give `rate`"


def load_yields(path: str | Path) -> "pd.Series[float]":
    """Read a short rate by day.

    Parameters
    ----------
    path : str or Path
        CSV or Parquet, gzipped or not: a date, and the three-month yield (else the one-month one), in per cent (3.9) or
        as fractions (0.039), decided on the whole column by what bills paid in those years.

    Returns
    -------
    Series
        Continuously compounded, annual, decimal; ascending unique dates as index. Yields are taken as bond-equivalent,
        compounded twice a year. `attrs["notes"]` names rows left out and readings.

    Raises
    ------
    DataError
        When the file is not such a table, a value is not a yield, both units fit or neither does, or a day has two
        values: names the first such row.
    """
    frame = of_symbol(read_frame(path, REMEDY), None)
    _refuse_long(frame)
    day_column, value_column = (frame.column(names) for names in (NAMES["date"], YIELD_COLUMNS))
    if day_column is None or value_column is None:
        missing = "date" if day_column is None else "yield"
        seen = ", ".join(map(str, frame.cells.columns))[:200]
        raise DataError(frame.path, f"has no {missing} column, only {seen}", REMEDY)
    frame.refuse_twins((day_column, value_column))
    is_old = frame.cells[day_column].astype(str).str.match(BEFORE_1970).to_numpy(dtype=bool)
    frame = frame.kept(~is_old, f"{counted(int(is_old.sum()), 'rows')} before 1970 left out") if is_old.any() else frame
    moments_read, _, order_notes = moments(frame, day_column)
    figures, number_notes = number_columns(frame, [value_column])
    stamps, day_notes = day_index(moments_read)
    refuse_shifted(frame, stamps)
    days, values = pd.Series(stamps.astype("datetime64[us]")), figures[value_column]
    notes = [*frame.notes, *order_notes, *day_notes, *number_notes]
    if values.isna().any():
        notes.append(f"{counted(int(values.isna().sum()), 'rows')} without a value left out")
    is_signed = frame.cells[value_column].astype(str).str.strip().str.endswith("%").to_numpy(dtype=bool)
    is_fraction = is_signed | _are_fractions(frame, days[~is_signed], values[~is_signed], notes)
    values = values.where(~is_fraction, 100.0 * values)  # a number with the sign is read as a fraction
    _refuse_implausible(frame, values, days, str(value_column))
    if (high := (values > MOST_NEAR_ZERO) & _near_zero(days)).any():
        where = f"{values[high].iloc[0]:g}% on {days[high].iloc[0]:%Y-%m-%d}"
        notes.append(
            f"{counted(int(high.sum()), 'yields')} where bills paid less than {MOST_NEAR_ZERO:g}%, kept "
            f"(first: {where})"
        )
    values, days = _once_a_day(frame, values, days, notes)
    rates = pd.Series(2.0 * np.log1p(0.005 * values.to_numpy()), index=pd.DatetimeIndex(days)).sort_index()
    if rates.empty:
        raise DataError(frame.path, f"column {value_column} holds no value", REMEDY)
    rates.attrs[NOTES] = tuple(notes)
    return rates


def _refuse_long(frame: Frame) -> None:
    """Refuse Yahoo's and Cboe's yields of five years and longer, by ticker or name."""
    words = {*re.findall(r"[A-Z]+", frame.path.name.upper()), *(ticker.strip("^") for ticker in tickers_of(frame))}
    for ticker in sorted(words & LONG_YIELDS.keys()):
        rule = f"holds {ticker}, the yield of {LONG_YIELDS[ticker]} years, not of three months"
        raise DataError(frame.path, rule, "give IRX, DGS3MO or a table with a US3M column")


def rate_on(yields: "pd.Series[float]", days: pd.DatetimeIndex) -> "pd.Series[float]":
    """Latest rate known on each day; NaN before the first.

    A rate of the day itself counts: bills fix before options close.
    """
    return yields.reindex(yields.index.union(days)).ffill().reindex(days)


def _near_zero(days: "pd.Series[Any]") -> "pd.Series[bool]":
    """Days on which bills paid next to nothing, as the Federal Reserve held its rate at zero or just above."""
    near = days.isna()
    for first, last in NEAR_ZERO:
        near |= days.between(first, last)
    return near


def _are_fractions(frame: Frame, days: "pd.Series[Any]", values: "pd.Series[float]", notes: list[str]) -> bool:
    """Whether yields without a percent sign are fractions: numbers below a quarter where bills paid more per cent."""
    values = values.dropna()
    days = days[values.index]
    if values.empty or (values == 0.0).all() or values.abs().max() > LOWEST_PAID:
        return False
    near_zero, is_recorded = _near_zero(days), days <= RECORDED_UNTIL
    typical = float(values[values != 0.0].abs().median())
    reading = f"yields such as {typical:g}"
    if (is_recorded & ~near_zero).any():
        notes.append(f"{reading} are fractions, {100.0 * typical:.3g}%: bills paid more than {LOWEST_PAID:g}% then")
        return True
    if (is_recorded & near_zero).any() and 100.0 * typical > MOST_NEAR_ZERO:
        notes.append(f"{reading} are per cent: bills paid less than {MOST_NEAR_ZERO:g}% then")
        return False
    rule = f"{reading} are {typical:g}% or, as fractions, {100.0 * typical:.3g}%: both fit those days"
    raise DataError(frame.path, rule, UNIT_REMEDY)


def _refuse_implausible(frame: Frame, values: "pd.Series[float]", days: "pd.Series[Any]", column: str) -> None:
    """Refuse numbers that are not yields, and those of another unit by what bills paid on their day."""
    wrong = values.notna() & ~values.between(*PLAUSIBLE)
    if wrong.any():
        cell = str(frame.cells[column].iloc[int(np.argmax(wrong.to_numpy()))])[:60]
        refuse_rows(frame, wrong, days, f"{cell!r} is not a yield in per cent")
    low = (values < LOWEST_PAID) & ~_near_zero(days) & (days <= RECORDED_UNTIL)
    if low.any():
        rule = f"{values[low].iloc[0]:g}% where bills paid more than {LOWEST_PAID:g}%: another unit than the rest"
        refuse_rows(frame, low, days, rule)


def _once_a_day(
    frame: Frame, values: "pd.Series[float]", days: "pd.Series[Any]", notes: list[str]
) -> "tuple[pd.Series[float], pd.Series[Any]]":
    """Values and days of rows with a value, each day once."""
    values = values.dropna()
    days = days[values.index]
    again = days.duplicated()
    differs = again & (values.groupby(days).transform("nunique") > 1)
    if differs.any():
        mask: NDArray[np.bool_] = np.zeros(len(frame.cells), dtype=bool)
        mask[differs[differs].index] = True
        every = pd.Series(pd.NaT, index=range(len(mask)), dtype="datetime64[us]")
        every[days.index] = days
        refuse_rows(frame, pd.Series(mask), every, "has another yield of that day before it")
    if again.any():
        notes.append(counted(int(again.sum()), *REPEATED))
    return values[~again], days[~again]
