"""Fill calibration: how far from mid a trader's own fills were, as a fraction of H.

The offset of a fill is its cost against mid over H, the sum of its legs' half-spreads: 0 is a fill at mid, 1
sells the bids and buys the asks (the effective half-spread of Muravyev and Pearson 2020 over the quoted one). Fills of
one day share their market: the interval of a mean counts days, not fills.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.journal.inference import Estimate, mean_of
from iwm_opts.journal.trade_log import TradeLog

DTE_BINS: Final = ((7, "0 to 7"), (30, "8 to 30"), (np.inf, "over 30"))
SPREAD_BINS: Final = ((0.03, "up to $0.03"), (0.10, "$0.03 to $0.10"), (np.inf, "over $0.10"))
HOUR_BINS: Final = ((10.0, "before 10:00"), (15.5, "10:00 to 15:30"), (np.inf, "after 15:30"))


@dataclass(frozen=True, slots=True)
class FillOffset:
    """Mean offset of one group of fills, as a fraction of H, with its interval."""

    by: str  # all, legs, half_spread, dte or time
    group: str
    offset: Estimate


def fills_of(log: TradeLog) -> pd.DataFrame:
    """Own fills with a known mid and half-spread.

    Parameters
    ----------
    log : TradeLog
        With `entry_mid`, `entry_half_spread` and the like, as `quotes.with_recorded_quotes` adds them.

    Returns
    -------
    DataFrame
        One row a fill: side (entry or exit), moment, legs, half_spread ($/share), dte (calendar days) and offset
        (fraction of H, positive where the fill is worse than mid).
    """
    parts = []
    for side, price, sign in (("entry", "credit", 1.0), ("exit", "debit", -1.0)):
        trades = log.trades
        half_spread = trades[f"{side}_half_spread"]
        offset = sign * (trades[f"{side}_mid"] - trades[price]) / half_spread
        part = pd.DataFrame(
            {
                "side": side,
                "moment": trades[side],
                "legs": trades["legs"].map(lambda legs: len(str(legs).split())),
                "half_spread": half_spread,
                "dte": (trades["expiration"].dt.normalize() - trades[side].dt.normalize()).dt.days,
                "offset": offset,
            }
        )
        parts.append(part[(half_spread > 0.0) & np.isfinite(offset) & trades[side].notna()])
    return pd.concat(parts, ignore_index=True)


def calibrate_fills(log: TradeLog) -> tuple[FillOffset, ...]:
    """Mean offset of a log's fills: of all, and by legs, H, days to expiration and time of day.

    Parameters
    ----------
    log : TradeLog

    Returns
    -------
    tuple of FillOffset
        Groups without a fill are left out; empty where no fill has a known mid and half-spread.
    """
    fills = fills_of(log)
    clock = fills["moment"].dt.hour + fills["moment"].dt.minute / 60.0
    groups = {
        "all": pd.Series("all", index=fills.index),
        "legs": fills["legs"].astype("Int64").astype(str),
        "half_spread": fills["half_spread"].map(_binned(SPREAD_BINS)),
        "dte": fills["dte"].map(_binned(DTE_BINS)),
        "time": clock.map(_binned(HOUR_BINS)),
    }
    return tuple(
        FillOffset(by, str(group), _mean(rows))
        for by, names in groups.items()
        for group, rows in fills.groupby(names, sort=True)
    )


def _mean(fills: pd.DataFrame) -> Estimate:
    days = fills["moment"].dt.normalize().nunique()
    return mean_of(fills["offset"].to_numpy(dtype=np.float64, copy=True), max(len(fills) / max(days, 1), 1.0))


def _binned(bins: tuple[tuple[float, str], ...]) -> Callable[[float], str]:
    """Name of the first bin whose upper end a value does not exceed."""

    def name(value: float) -> str:
        return next((label for upper, label in bins if value <= upper), "unknown")

    return name
