from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iwm_opts.market.calendar import NEW_YORK, effective_days, sessions_left, years_to_expiry
from iwm_opts.market.slices import ExpirySlice

QUOTE_COLUMNS = ["quote_date", "root", "expiration", "right", "strike", "bid", "ask"]


def _slices(quotes: pd.DataFrame, moment: datetime) -> list[ExpirySlice]:
    """Slices of one capture, as a chain loader builds them, so that these tests stand without one."""
    listed = sorted({(date.fromisoformat(e), r) for r, e in zip(quotes["root"], quotes["expiration"], strict=True)})
    days = [expiration for expiration, _ in listed]
    clocks = zip(years_to_expiry(moment, days), effective_days(moment, days), sessions_left(moment, days), strict=True)
    found = []
    for (expiration, root), (years, effective, left) in zip(listed, clocks, strict=True):
        here = quotes[(quotes["expiration"] == expiration.isoformat()) & (quotes["root"] == root)]
        wide = here.pivot_table(index="strike", columns="right", values=["bid", "ask"]).dropna()
        column = {(side, right): wide[side, right].to_numpy(dtype=float) for side in ("bid", "ask") for right in "CP"}
        for right in "CP":
            column["ask", right] = np.where(column["ask", right] > 0, column["ask", right], np.nan)
        prices = (column["bid", "C"], column["ask", "C"], column["bid", "P"], column["ask", "P"])
        dte = (expiration - moment.date()).days
        strikes = wide.index.to_numpy(dtype=float)
        found.append(ExpirySlice(root, expiration, dte, years, effective, int(left), strikes, *prices))
    return found


@pytest.fixture(scope="session")
def june_slices(market_data: Path) -> Callable[[str], list[ExpirySlice]]:
    """IWM's whole chain at mid-session of a day from 2026-06-15 to 2026-07-02."""
    file = market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz"
    quotes = pd.read_csv(file, usecols=[*QUOTE_COLUMNS, "session", "quote_time_et"])
    quotes = quotes[quotes["session"] == "mid"]

    def on(day: str) -> list[ExpirySlice]:
        here = quotes[quotes["quote_date"] == day]
        moment = datetime.fromisoformat(f"{day}T{here['quote_time_et'].iloc[0]}").replace(tzinfo=NEW_YORK)
        return _slices(here, moment)

    return on


@pytest.fixture(scope="session")
def spx_slices(market_data: Path) -> list[ExpirySlice]:
    """SPX and SPXW on 2019-05-07, captured in the early afternoon."""
    quotes = pd.read_csv(market_data / "options" / "SPX_cboe_20190425_20190607.csv.gz", usecols=QUOTE_COLUMNS)
    quotes = quotes[(quotes["quote_date"] == "2019-05-07") & (quotes["expiration"] > "2019-05-07")]
    return _slices(quotes, datetime(2019, 5, 7, 13, 30, tzinfo=NEW_YORK))
