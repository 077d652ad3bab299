"""Short interest rates by day: a table of Treasury yields, or the 13-week bill's (Yahoo's and Cboe's IRX)."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.iv_table import plain_name, read_table, refuse_twins

DATE_COLUMNS: Final = ("date", "observation_date", "datetime", "timestamp", "day")
YIELD_COLUMNS: Final = ("us3m", "3_mo", "dgs3mo", "dtb3", "3m", "us1m", "1_mo", "dgs1mo", "close", "yield", "rate")
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
        When the file is no such table, or a value is no yield in per cent: the first such row is named.
    """
    path = Path(path)
    table = read_table(path)
    names = {plain_name(column): column for column in table.columns}
    day_column, value_column = (next((c for c in known if c in names), None) for known in (DATE_COLUMNS, YIELD_COLUMNS))
    if day_column is None or value_column is None:
        wanted = "date" if day_column is None else "yield"
        raise DataError(path, f"has no {wanted} column, only {', '.join(names)}", REMEDY)
    refuse_twins(path, table, (day_column, value_column))
    text, cells = table[names[day_column]].astype(str), table[names[value_column]]
    days = pd.to_datetime(text.str[:10], errors="coerce", format="mixed")
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    for wrong, rule in (
        (days.isna(), "is no date"),
        (values.isna() & cells.notna(), "is no number"),
        (values.notna() & ~values.between(*PLAUSIBLE), "is no yield in per cent"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            cell = text.iloc[row] if rule == "is no date" else cells.iloc[row]
            raise DataError(path, f"row {row + 2}: {cell!r} {rule}", "mend the row")
    found = pd.Series(2.0 * np.log1p(0.005 * values.to_numpy()), index=pd.DatetimeIndex(days)).dropna().sort_index()
    if found.empty:
        raise DataError(path, f"column {value_column} holds no value", REMEDY)
    return found[~found.index.duplicated(keep="last")]


def rate_on(yields: "pd.Series[float]", days: pd.DatetimeIndex) -> "pd.Series[float]":
    """The latest rate known on each day; NaN before the first.

    A rate of the day itself counts: bills fix before options close.
    """
    return yields.reindex(yields.index.union(days)).ffill().reindex(days)
