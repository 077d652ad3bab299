"""Histories to measure facts on: of the real market from files, of the simulated one from its states."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import DataError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.series_notes import series_notes
from iwm_opts.research.facts import ATR_PERIOD, History
from iwm_opts.simulation.daily_bars import RangeShocks, log_bars
from iwm_opts.simulation.dynamics import (
    StatePath,
    VarianceCurve,
    simulate_states,
    variance_curve,
)
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

SYMBOL = "IWM"
IV_DAYS = 30
TENORS = {"short": 9.0 / 365.0, "iv": 30.0 / 365.0, "long": 93.0 / 365.0}


@dataclass(frozen=True, slots=True)
class HistoryFiles:
    """Where a real market is read from."""

    bars: Path  # daily bars of the underlying
    iv: Path  # its 30-day volatility index, such as RVX
    short: Path  # proxy indices of the term structure: of 9 days (VIX9D),
    middle: Path  # of 30 (VIX)
    long: Path  # and of three months (VIX3M)
    symbol: str = field(default=SYMBOL, kw_only=True)  # underlying


def real_history(files: HistoryFiles, first: str, last: str) -> History:
    """Real market between two dates.

    Raises
    ------
    DataError
        When the files share no session in the window.
    """
    indices = {name: getattr(files, name) for name in ("iv", "short", "middle", "long")}
    prices = load_bars(files.bars, files.symbol, is_choice=False)
    read = {name: load_iv_history(str(path), SYMBOL, IV_DAYS) for name, path in indices.items()}
    closes = {name: history.closes for name, history in read.items()}
    notes = series_notes({"bars": prices, **{history.series: history for history in read.values()}})
    high, low, close = (prices[name].to_numpy(dtype=float) for name in ("high", "low", "close"))
    table = pd.DataFrame(
        {
            "log_return": np.log(prices["close"]).diff(),
            "atr_share": _atr_share(high, low, close),
            "iv": closes["iv"].reindex(prices.index),
            "short_slope": (closes["short"] / closes["middle"]).reindex(prices.index),
            "long_slope": (closes["long"] / closes["middle"]).reindex(prices.index),
            "slope_level": closes["middle"].reindex(prices.index),
        }
    )
    table = table[table["iv"].notna()].loc[first:last]
    if table.empty:
        rule = f"shares no session with {files.iv} from {first} to {last}"
        raise DataError(files.bars, rule, "give files that overlap", "date")
    columns = {str(name): table[name].to_numpy(dtype=float, copy=True) for name in table}
    return History(**columns, notes=notes)


def simulated_history(parameters: Parameters, sessions: int, seed: int, path: int = 0) -> History:
    """One path of the simulated market, its indices taken from the state."""
    return history_of(parameters, simulate_states(parameters, sessions, seed, path), RangeShocks(sessions, seed, path))


def history_of(
    parameters: Parameters, states: StatePath, shocks: RangeShocks, curve: VarianceCurve | None = None
) -> History:
    """History of a state path; `curve` is `index_curve(parameters)`, where many paths share it."""
    curve = curve or index_curve(parameters)
    vol = {name: np.sqrt(curve.along(states, place)) for place, name in enumerate(TENORS)}
    before = np.exp(np.cumsum(states.log_return) - states.log_return)
    bars = log_bars(parameters, states, shocks)
    high, low = before * np.exp(bars.high), before * np.exp(bars.low)
    return History(
        log_return=states.log_return,
        atr_share=_atr_share(high, low, before * np.exp(states.log_return)),
        iv=vol["iv"],
        short_slope=vol["short"] / vol["iv"],
        long_slope=vol["long"] / vol["iv"],
        slope_level=vol["iv"],
    )


def index_curve(parameters: Parameters) -> VarianceCurve:
    """Priced variance at each of `TENORS`."""
    return variance_curve(parameters.dynamics, parameters.premium, np.array(list(TENORS.values())))


def _atr_share(high: Array, low: Array, close: Array) -> Array:
    """Mean true range of `ATR_PERIOD` sessions over the close, shape (n,); NaN before the first whole window."""
    out = np.full(len(close), np.nan)
    true_range = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    if len(true_range) >= ATR_PERIOD:
        out[ATR_PERIOD:] = np.convolve(true_range, np.full(ATR_PERIOD, 1.0 / ATR_PERIOD), mode="valid")
    return np.asarray(out / close)
