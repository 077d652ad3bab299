"""Measure how variance is spread over a day: the constants of `iwm_opts/market/calendar.py`.

    python examples/intraday_variance.py DATA

DATA holds daily/IWM_yahoo_long.csv.gz and intraday/IWM_1m_20191021_20200608.csv.gz; IWM_OPTS_TEST_DATA names it where
no argument does.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from four_stories import data_folder
from numpy.typing import NDArray

CUT = 0.95  # quantile at which a half-hour's squared returns are cut: bad prints, and March 2020


def main() -> None:
    """Print the share of the night and of each half-hour."""
    folder = data_folder()
    if folder is None:
        print("no market data: name a folder, or set IWM_OPTS_TEST_DATA")
        return
    shares = ", ".join(f"{share:.3f}" for share in half_hours(folder))
    print(f"overnight {overnight(folder):.3f}\nhalf-hours {shares}")


def overnight(folder: Path) -> float:
    """Return squared returns from close to open over those and the ones from open to close, on adjacent days."""
    bars = pd.read_csv(folder / "daily/IWM_yahoo_long.csv.gz", parse_dates=["Date"]).set_index("Date")
    gap, day = np.log(bars["Open"] / bars["Close"].shift()), np.log(bars["Close"] / bars["Open"])
    is_adjacent = np.diff(bars.index.to_numpy(), prepend=np.datetime64("NaT", "D")) == np.timedelta64(1, "D")
    night, session = (float((part[is_adjacent] ** 2).sum()) for part in (gap, day))
    return night / (night + session)


def half_hours(folder: Path) -> NDArray[np.float64]:
    """Return the share of a session's variance in each half-hour from 9:30 to 16:00."""
    minutes = pd.read_csv(folder / "intraday/IWM_1m_20191021_20200608.csv.gz")
    minutes.index = pd.to_datetime(minutes["Date"], format="%m/%d/%Y %H:%M", errors="coerce")  # some name a day alone
    minutes = minutes[minutes.index.notna()].sort_index().between_time("09:30", "15:59")
    rows = []
    for _, session in minutes.groupby(minutes.index.date):
        if len(session) < 370:  # half days and halts
            continue
        bars = (session.index.hour * 60 + session.index.minute - 570) // 30
        close = session["Close"].groupby(bars).last().to_numpy()
        rows.append(np.diff(np.log(np.append(session["Open"].iloc[0], close))) ** 2)
    squares = np.array(rows)
    squares = squares[(squares < 0.004).all(axis=1)]
    cut = np.minimum(squares, np.quantile(squares, CUT, axis=0)).sum(axis=0)
    return np.asarray(cut / cut.sum())


if __name__ == "__main__":
    main()
