"""Fill calibration: how far from mid a trader's own fills were, as a fraction of H.

The offset of a fill is its cost against mid over H, the sum of its legs' half-spreads: 0 is a fill at mid, 1
sells the bids and buys the asks (the effective half-spread of Muravyev and Pearson 2020 over the quoted one). Fills of
one day share their market: the interval of a mean counts days, not fills.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import InputError
from iwm_opts.execution.fills import MINE, FillModel
from iwm_opts.execution.own_fills import FILE
from iwm_opts.io.archive import ChainArchive
from iwm_opts.journal.inference import FEWEST, Estimate, mean_of
from iwm_opts.journal.trade_log import REPRICED, TradeLog

DTE_BINS: Final = ((7, "0 to 7"), (30, "8 to 30"), (np.inf, "over 30"))
SPREAD_BINS: Final = ((0.03, "up to $0.03"), (0.10, "$0.03 to $0.10"), (np.inf, "over $0.10"))
HOUR_BINS: Final = ((10.0, "before 10:00"), (15.5, "10:00 to 15:30"), (np.inf, "after 15:30"))
# Of a market whose fills a model made.
MADE_FILLS: Final = re.compile(rf"^(?:backtest|paper|option omega|optopsy|{REPRICED})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FillOffset:
    """Mean offset of one group of fills, as a fraction of H, with its interval."""

    by: str  # all, legs, half_spread, dte or time
    group: str
    offset: Estimate


def is_own(trades: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a trader made the fills: not a backtest, a simulation, a paper journal or a re-pricing."""
    is_made = trades["market"].astype(str).str.contains(MADE_FILLS)
    return ~is_made & (trades["provenance"] == Provenance.RECORDED)


def fills_of(log: TradeLog) -> pd.DataFrame:
    """Return the fills with a known mid and half-spread.

    `log`: with `entry_mid`, `entry_half_spread` and the like, as `quotes.with_quotes` adds them.
    Returns: one row a fill: side (entry or exit), moment, legs, half_spread ($/share), dte (calendar days) and offset
      (fraction of H, positive where the fill is worse than mid). Trades that one order opened, or closed, are one fill.
    """
    parts = []
    for side, price, sign in (("entry", "credit", 1.0), ("exit", "debit", -1.0)):
        trades = log.trades
        half_spread = trades[f"{side}_half_spread"]
        offset = sign * (trades[f"{side}_mid"] - trades[price]) / half_spread
        columns = {
            "side": side, "moment": trades[side], "legs": trades["legs"].map(lambda legs: len(str(legs).split())),
            "half_spread": half_spread,
            "dte": (trades["expiration"].dt.normalize() - trades[side].dt.normalize()).dt.days, "offset": offset,
        }  # fmt: skip
        part = pd.DataFrame(columns)
        is_known = (half_spread > 0.0) & np.isfinite(offset) & trades[side].notna()
        is_again = trades.duplicated(["market", "symbol", "legs", "expiration", side, price])
        parts.append(part[is_known & ~is_again])
    return pd.concat(parts, ignore_index=True)


def calibrate_fills(log: TradeLog) -> tuple[FillOffset, ...]:
    """Mean offset of a log's fills: of all, and by legs, H, days to expiration and time of day.

    Returns: groups without a fill are left out; empty where no fill has a known mid and half-spread.
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


def fill_model_of(log: TradeLog) -> FillModel:
    """Fill model with the mean offsets of a log's own fills, none below mid: `mine:ALL/LEGS=OFFSET`.

    Raises InputError when the trader made none of the fills, or fewer than `FEWEST` of them have a known mid and
    half-spread.
    """
    log = _own_part(log)
    rows = calibrate_fills(log)
    overall = next((row.offset for row in rows if row.by == "all"), None)
    count = overall.n if overall else 0
    if overall is None or count < FEWEST:
        days = log.trades["entry"].dropna()
        untimed = int((days == days.dt.normalize()).sum())
        days_alone = counted(untimed, "entries are days", "entry is a day")
        why = f"; {days_alone} without a time, which no quote matches" if untimed else ""
        rule = f"nothing kept: {counted(count, 'fills')} with quotes, at least {FEWEST} are needed{why}"
        raise InputError("fill", MINE, rule, "record more chains, or name chain files with `quotes`")
    by_legs = [row for row in rows if row.by == "legs" and row.offset.n >= FEWEST]
    parts = [_share(overall), *(f"{row.group}={_share(row.offset)}" for row in by_legs)]
    return FillModel.parse(f"{MINE}:{'/'.join(parts)}")


def _own_part(log: TradeLog) -> TradeLog:
    """Return the log without fills that the trader did not make."""
    own = is_own(log.trades)
    if not own.any() and len(own):
        rule = f"nothing kept: {log.source} holds no own fills ({log.trades['market'].iloc[0]})"
        raise InputError("fill", MINE, rule, "give a broker's export or a log of trades of your own")
    return replace(log, trades=log.trades[own].reset_index(drop=True))


def _share(offset: Estimate) -> str:
    return f"{max(round(offset.value, 3), 0.0):g}"


def keep_fills(record: ChainArchive, log: TradeLog) -> FillModel:
    """Keep the calibration of a log in the archive, in place of an earlier one, for `--fill mine`.

    Raises InputError as `fill_model_of`; DataError when the archive cannot be written.
    """
    log = _own_part(log)
    model = fill_model_of(log)
    offsets = [asdict(row) for row in calibrate_fills(log)]
    kept = {"model": str(model), "source": log.source, "fills": len(fills_of(log)), "offsets": offsets}
    with record.lock():
        record.write(record.folder / FILE, json.dumps(_finite(kept), indent=1).encode(), is_private=True)
    return model


def fills_name(log: TradeLog) -> str:
    """Return `own fills`, or `fills` where a model made some."""
    return "own fills" if is_own(log.trades).all() else "fills"


def interval_of(offset: Estimate) -> str:
    """Return ` (0.30 to 0.50)`; empty where fewer than two days have fills."""
    return "" if math.isnan(offset.low) else f" ({offset.low:z.2f} to {offset.high:z.2f})"


def compare_fills_with(log: TradeLog, models: Sequence[FillModel]) -> list[str]:
    """Mean offset of a log's fills against fill conventions, each at the mean of the same fills; one line each."""
    fills = fills_of(log)
    if len(fills) < FEWEST:
        return []
    own = _mean(fills)
    whose = fills_name(log)
    lines = []
    for model in models:
        try:
            asked = float(np.mean([model.share(legs) for legs in fills["legs"]]))
        except InputError:  # not defined for these legs
            continue
        side = "worse than" if own.low > asked else "better than" if own.high < asked else "not told apart from"
        lines.append(f"{whose} at {own.value:z.2f} of H{interval_of(own)}: {side} {model}, {asked:.2f} of H")
    return lines


def _finite(value: object) -> object:
    """Numbers that JSON has; None for the others."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _mean(fills: pd.DataFrame) -> Estimate:
    days = fills["moment"].dt.normalize().nunique()
    return mean_of(fills["offset"].to_numpy(dtype=np.float64, copy=True), max(len(fills) / max(days, 1), 1.0))


def _binned(bins: tuple[tuple[float, str], ...]) -> Callable[[float], str]:
    """Name of the first bin whose upper end a value does not exceed."""

    def name(value: float) -> str:
        return next((label for upper, label in bins if value <= upper), "unknown")

    return name
