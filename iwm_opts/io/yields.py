"""Short interest rates by day: a table of Treasury yields, or the 13-week bill's (Yahoo's and Cboe's IRX)."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.reader import day_index, moments, number_columns, read_frame
from iwm_opts.io.schema import refuse_rows

YIELD_COLUMNS: Final = (
    "us3m", "3mo", "dgs3mo", "dtb3", "3m", "us1m", "1mo", "dgs1mo", "close", "yield", "rate", *NAMES["close"],
)  # fmt: skip
BEFORE_1970: Final = r"\s*(?:18\d\d|19[0-6]\d)-"  # older than any option here
PLAUSIBLE: Final = (-2.0, 25.0)  # per cent
REMEDY: Final = "give a CSV with a date and a US3M, DGS3MO or close column, in per cent"


def load_yields(path: str | Path) -> "pd.Series[float]":
    """Read a short rate by day.

    Parameters
    ----------
    path : str or Path
        CSV or Parquet, gzipped or not: a date, and the three-month yield in per cent (else the one-month one).

    Returns
    -------
    Series
        Continuously compounded, annual, decimal; ascending unique dates as index. Yields are taken as bond-equivalent,
        compounded twice a year. Days without a value are left out.

    Raises
    ------
    DataError
        When the file is not such a table, or a value is not a yield in per cent: names the first such row.
    """
    frame = read_frame(path, REMEDY)
    day_column, value_column = (frame.column(names) for names in (NAMES["date"], YIELD_COLUMNS))
    if day_column is None or value_column is None:
        missing = "date" if day_column is None else "yield"
        seen = ", ".join(map(str, frame.cells.columns))[:200]
        raise DataError(frame.path, f"has no {missing} column, only {seen}", REMEDY)
    frame.refuse_twins((day_column, value_column))
    is_old = frame.cells[day_column].astype(str).str.match(BEFORE_1970).to_numpy(dtype=bool)
    frame = frame.kept(~is_old) if is_old.any() else frame
    moments_read, _, _ = moments(frame, day_column)
    values = number_columns(frame, [value_column])[0][value_column]
    is_signed = frame.cells[value_column].astype(str).str.strip().str.endswith("%").to_numpy(dtype=bool)
    values = values.where(~is_signed, 100.0 * values)  # a number with the sign is read as a fraction
    wrong = (values.notna() & ~values.between(*PLAUSIBLE)).to_numpy()
    days = pd.DatetimeIndex(day_index(moments_read)[0].astype("datetime64[us]"))
    if wrong.any():
        cell = str(frame.cells[value_column].iloc[int(np.argmax(wrong))])[:60]
        refuse_rows(frame, pd.Series(wrong), pd.Series(days), f"{cell!r} is not a yield in per cent")
    rates = pd.Series(2.0 * np.log1p(0.005 * values.to_numpy()), index=days).dropna().sort_index()
    if rates.empty:
        raise DataError(frame.path, f"column {value_column} holds no value", REMEDY)
    return rates[~rates.index.duplicated(keep="last")]


def rate_on(yields: "pd.Series[float]", days: pd.DatetimeIndex) -> "pd.Series[float]":
    """Latest rate known on each day; NaN before the first.

    A rate of the day itself counts: bills fix before options close.
    """
    return yields.reindex(yields.index.union(days)).ffill().reindex(days)
