"""Short interest rates by day: a table of Treasury yields, or the 13-week bill's (Yahoo's and Cboe's IRX)."""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.reader import Frame, check_not_shifted, days_of, number_columns, of_symbol, read_frame, tickers_of
from iwm_opts.io.schema import check_no_rows, once_a_day
from iwm_opts.io.series_notes import NOTES

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
    """Read a short rate by day from a table of dates and three-month yields, else one-month ones.

    They are in per cent (3.9) or fractions (0.039), decided on the whole column by what bills paid in those years, and
    taken as bond-equivalent, compounded twice a year. The series is continuously compounded, annual, decimal, with
    ascending unique dates; `attrs["notes"]` names rows left out and readings. Raises DataError when the file is not
    such a table, a value is not a yield, both units fit or neither does, or a day has two values: names the first row.
    """
    frame = of_symbol(read_frame(path, REMEDY), None)
    tickers = {*re.findall(r"[A-Z]+", frame.path.name.upper()), *(ticker.strip("^") for ticker in tickers_of(frame))}
    for ticker in sorted(tickers & LONG_YIELDS.keys()):  # Yahoo's and Cboe's
        rule = f"holds {ticker}, the yield of {LONG_YIELDS[ticker]} years, not of three months"
        raise DataError(frame.path, rule, "give IRX, DGS3MO or a table with a US3M column", "tenor")
    day_column, value_column = (frame.column(names) for names in (NAMES["date"], YIELD_COLUMNS))
    if day_column is None or value_column is None:
        frame.raise_missing(f"{'date' if day_column is None else 'yield'} column", REMEDY)
    frame.check_no_twins((day_column, value_column))
    is_old = frame.cells[day_column].astype(str).str.match(BEFORE_1970).to_numpy(dtype=bool)
    frame = frame.kept(~is_old, f"{counted(int(is_old.sum()), 'rows')} before 1970 left out") if is_old.any() else frame
    days, day_notes = days_of(frame, day_column)
    figures, number_notes = number_columns(frame, [value_column])
    check_not_shifted(frame, days)
    cells, values = frame.cells[value_column].astype(str).str.strip(), figures[value_column]
    notes = [*day_notes, *number_notes]
    if values.isna().any():
        notes.append(f"{counted(int(values.isna().sum()), 'rows')} without a value left out")
    is_signed = cells.str.endswith("%").to_numpy(dtype=bool)
    is_fraction = is_signed | _are_fractions(frame, days[~is_signed], values[~is_signed], notes)
    values = values.where(~is_fraction, 100.0 * values)  # a number with the sign is read as a fraction
    frame = frame.figured(days, pd.DataFrame({"yield": values}), notes)
    wrong = values.notna() & ~values.between(*PLAUSIBLE)
    if wrong.any():
        check_no_rows(frame, wrong, f"{cells[wrong].iloc[0][:60]!r} is not a yield in per cent", "yield")
    low = (values < LOWEST_PAID) & ~_near_zero(days) & (days <= RECORDED_UNTIL)
    if low.any():
        rule = f"{values[low].iloc[0]:g}% where bills paid more than {LOWEST_PAID:g}%: another unit than the rest"
        check_no_rows(frame, low, rule, "unit")
    note = ""
    if (high := (values > MOST_NEAR_ZERO) & _near_zero(days)).any():
        where = f"{values[high].iloc[0]:g}% on {days[high].iloc[0]:%Y-%m-%d}"
        above = counted(int(high.sum()), "yields")
        note = f"{above} where bills paid less than {MOST_NEAR_ZERO:g}%, kept (first: {where})"
    frame = once_a_day(frame.kept(values.notna().to_numpy(), note), "yield")
    compounded = 2.0 * np.log1p(0.005 * frame.cells["yield"].to_numpy())
    rates = pd.Series(compounded, index=pd.DatetimeIndex(frame.cells["day"])).sort_index()
    if rates.empty:
        raise DataError(frame.path, f"column {value_column} holds no value", REMEDY, value_column)
    rates.attrs[NOTES] = frame.notes
    return rates


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
    raise DataError(frame.path, rule, UNIT_REMEDY, "unit")
