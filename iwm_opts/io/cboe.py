"""Cboe without a key: delayed quotes of a whole chain in one JSON, and the history of its volatility indices as CSV."""

import io
import os
from datetime import datetime
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.age import now, with_age
from iwm_opts.io.failures import gate
from iwm_opts.io.files import read_chain
from iwm_opts.io.http import LATER, LiveSession
from iwm_opts.io.tables import json_table
from iwm_opts.market.bars import PRICES
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import check_symbol, settlement_of

ADDRESS: Final = "https://cdn.cboe.com"
ADDRESS_VARIABLE: Final = "IWM_OPTS_CBOE_URL"
INDICES: Final = ("RVX", "VIX", "VIX9D", "VIX3M")


def cboe_session(base: str | None = None) -> LiveSession:
    """Session with Cboe, or with what IWM_OPTS_CBOE_URL puts in its place."""
    return LiveSession("Cboe", base or os.environ.get(ADDRESS_VARIABLE))


def cboe_chain(symbol: str, session: LiveSession, spot: float | None = None, at: datetime | None = None) -> Chain:
    """Full chain of a symbol, some 15 minutes old.

    Raises DataError when Cboe does not answer, has no such symbol, or its quotes are not a market's.
    """
    check_symbol(symbol)
    listed = f"_{symbol}" if settlement_of(symbol).delivery == "cash" else symbol
    response = session.get(f"{ADDRESS}/api/global/delayed_quotes/options/{listed}.json")
    name = f"Cboe delayed quotes of {symbol}"
    with gate(name, LATER):
        table = json_table(Path(name), response.content)
    return with_age(read_chain(table, symbol, spot=spot), at or now())


def cboe_index(name: str, session: LiveSession) -> pd.DataFrame:
    """Daily history of a volatility index: open, high, low and close in points by date, as far as Cboe has them.

    Raises DataError when Cboe does not answer or the file is not such a history.
    """
    response = session.get(f"{ADDRESS}/api/global/us_indices/daily_prices/{name}_History.csv")
    source = f"Cboe {name} history"
    with gate(source, LATER, "cannot be read ({})"):
        table = pd.read_csv(io.BytesIO(response.content))
        table = table.rename(columns={column: str(column).strip().lower() for column in table.columns})
        days = pd.to_datetime(table["date"], format="%m/%d/%Y")
        prices = table[[column for column in PRICES if column in table]].astype(float)
    if "close" not in prices or prices.empty:
        raise DataError(source, "has no closes", LATER, "close")
    return prices.set_axis(pd.DatetimeIndex(days, name="date")).sort_index()
