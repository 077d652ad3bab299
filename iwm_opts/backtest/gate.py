"""IV ranks as they were known on each day of a market."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.rules import GateRule
from iwm_opts.market.calendar import sessions
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.iv_rank import IvHistory

Array = NDArray[np.float64]


def known_ranks(days: Sequence[date], history: IvHistory, rule: GateRule) -> Array:
    """IV rank, or percentile, that a decision for each day may rest on, shape (days,).

    That of `market.gate.gate_ranks` at the close `rule.lag` sessions before; NaN where it has none. A rule without
    bounds needs no history: its ranks are NaN where the history is empty.
    """
    if is_unbounded(rule) and history.closes.dropna().empty:
        return np.full(len(days), np.nan)
    ranks = gate_ranks(history, rule.lookback, rule.measure)
    ranked, dates = ranks.index.to_numpy(dtype="datetime64[D]"), np.array(days, dtype="datetime64[D]")
    calendar = sessions(min(ranked[0], dates[0]).item(), dates[-1].item())
    close = np.searchsorted(calendar, dates) - rule.lag  # place of the close that a decision knows
    closes = pd.DatetimeIndex(calendar[np.maximum(close, 0)])
    return np.where(close >= 0, ranks.reindex(closes).to_numpy(dtype=np.float64), np.nan)


def is_unbounded(rule: GateRule) -> bool:
    """Whether a rule sets no bound on the rank: its gate is always open."""
    return rule.below is None and rule.at_least is None


def is_open(ranks: Array, rule: GateRule) -> NDArray[np.bool_]:
    """Days on which the gate is open; closed where the rank is unknown.

    A gate without bounds enters on the same days as the gates it is compared with, those with a known rank. Where no
    rank is known at all, it is open on every day.
    """
    if is_unbounded(rule) and not np.isfinite(ranks).any():
        return np.ones(len(ranks), dtype=np.bool_)
    is_in = np.isfinite(ranks)
    with np.errstate(invalid="ignore"):
        if rule.below is not None:
            is_in &= ranks < rule.below
        if rule.at_least is not None:
            is_in &= ranks >= rule.at_least
    return is_in


def known_values(days: Sequence[date], series: pd.Series) -> Array:
    """Value of a daily series at the close of the session before each day, shape (days,); NaN where it has none."""
    dated = pd.DatetimeIndex(series.index).to_numpy(dtype="datetime64[D]")
    dates = np.array(days, dtype="datetime64[D]")
    calendar = sessions(dates[0].item() - timedelta(days=14), dates[-1].item())
    closes = calendar[np.maximum(np.searchsorted(calendar, dates) - 1, 0)]
    place = np.minimum(np.searchsorted(dated, closes), max(len(dated) - 1, 0))
    if not len(dated):
        return np.full(len(dates), np.nan)
    return np.where(dated[place] == closes, series.to_numpy(dtype=np.float64)[place], np.nan)
