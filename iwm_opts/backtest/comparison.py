"""Comparison of two saved results: options, shared trades, gains on the same days."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.backtest.metrics import PATH
from iwm_opts.backtest.saved import Record, Saved
from iwm_opts.conventions import SESSIONS_PER_YEAR

OUTCOMES: Final = ("notes", "skipped", "gate_open_days", "ranked_days")  # of a configuration: follow from the rest
TRADE_KEY: Final = (PATH, "entry", "expiration", "legs")


@dataclass(frozen=True, slots=True, eq=False)
class SavedComparison:
    """Two saved results side by side."""

    first: Saved
    second: Saved
    config: tuple[tuple[str, Any, Any], ...]  # entries that differ: name, first, second; None where absent
    shared_trades: int  # of the same path, entry day, expiration and legs
    only_first: int
    only_second: int
    shared_difference: float  # gain of the shared trades, second less first, dollars
    yearly: Interval  # gain a year of one path, second less first, dollars, days paired; NaN where days differ


def compare_results(first: Saved, second: Saved, seed: int = 1) -> SavedComparison:
    """Compare two saved results by options, trades and gains on the same days."""
    keys = list(TRADE_KEY)
    merged = first.trades[[*keys, "pnl"]].merge(second.trades[[*keys, "pnl"]], on=keys, suffixes=("_1", "_2"))
    changes, other = (
        {
            path: table["equity"].diff().fillna(table["equity"].iloc[0] - saved.rules.size.account)
            for path, table in saved.equity.groupby(PATH)
        }
        for saved in (first, second)
    )
    samples = []
    if changes.keys() == other.keys() and all(changes[path].index.equals(other[path].index) for path in changes):
        for path, change in changes.items():
            day = np.full(len(change), 1.0 / SESSIONS_PER_YEAR)
            samples.append(np.stack([other[path].to_numpy(), day, change.to_numpy(), day], axis=1))
    held = [saved.trades["sessions"].mean() for saved in (first, second) if len(saved.trades)]
    return SavedComparison(
        first=first,
        second=second,
        config=tuple(_config_differences(first.config, second.config)),
        shared_trades=len(merged),
        only_first=len(first.trades) - len(merged),
        only_second=len(second.trades) - len(merged),
        shared_difference=float((merged["pnl_2"] - merged["pnl_1"]).sum()),
        yearly=ratio_interval(samples or [np.zeros((1, 4))], float(max(held, default=1.0)), seed),
    )


def _config_differences(first: Record, second: Record, prefix: str = "") -> list[tuple[str, Any, Any]]:
    differences: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*first, *second]):
        value, other = first.get(name), second.get(name)
        if value == other or name in OUTCOMES:
            continue
        if (
            isinstance(value, list)
            and isinstance(other, list)
            and any(isinstance(each, dict) for each in value + other)
        ):
            items = [dict(enumerate(each, 1)) for each in (value, other)]
            value, other = ({str(place): item for place, item in each.items()} for each in items)
        if isinstance(value, dict) and isinstance(other, dict):
            differences += _config_differences(value, other, f"{prefix}{name}.")
        else:
            differences.append((prefix + name, value, other))
    return differences
