"""Measure returns over implied standard deviations by IV rank: the constants of `iwm_opts/spreads/empirical.py`.

    python examples/empirical_measure.py DATA

DATA is the folder of `examples/four_stories.py`. Log returns of IWM over the next 24 sessions (35 calendar days) in
excess of the carry, dividends back and the Treasury rate off (its last value where the file ends before), over RVX of
the close times the square root of 24/252. By rank of RVX within 252
sessions: means of 50 equal parts of the sorted returns, windows, and independent windows: the variance of a vertical's
payoff over the squared standard error of its mean, days resampled in blocks of 48 sessions.
"""

import math
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from four_stories import data_folder, files_of
from numpy.typing import NDArray

from iwm_opts.backtest.selection import standard_errors
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.yields import load_yields, rate_on
from iwm_opts.market.iv_rank import covered_ranks
from iwm_opts.market.signals import total_return_close
from iwm_opts.spreads.empirical import PARTS, RANKS

SESSIONS: Final = 24
BLOCK: Final = 2.0 * SESSIONS
SHORT, LONG = 1.0, 1.35  # standard deviations: about 16 and 9 delta

Array = NDArray[np.float64]


def main() -> None:
    """Print the constants."""
    folder = data_folder()
    print("no market data: name a folder, or set IWM_OPTS_TEST_DATA" if folder is None else measured(folder))


def measured(folder: Path) -> str:
    """Return the table of constants as code."""
    frame = standardised_returns(folder)
    lines = []
    for name, (low, high) in RANKS.items():
        chosen = (frame["rank"] >= low) & (frame["rank"] < high) if name != "any" else frame["rank"] > -math.inf
        chosen |= name == "any"
        returns = np.sort(frame["move"][chosen].to_numpy(dtype=float))
        parts = [f"{part.mean():.3f}" for part in np.array_split(returns, PARTS)]
        lines.append(f"{name}: windows {len(returns)}, independent {independent(frame, chosen.to_numpy()):.0f}")
        lines += ["    " + ", ".join(parts[at : at + 10]) + "," for at in range(0, PARTS, 10)]
    return "\n".join([f"{frame.index[0]:%Y-%m-%d} to {frame.index[-1]:%Y-%m-%d}", *lines])


def standardised_returns(folder: Path) -> pd.DataFrame:
    """Return moves in implied standard deviations and ranks, by session."""
    files = files_of(folder)
    bars, history = load_bars(files.bars), load_iv_history(files.iv_history)
    close, rate = total_return_close(bars), 0.0
    if files.yields is not None:
        rate = rate_on(load_yields(files.yields), pd.DatetimeIndex(close.index))
    stdev = history.closes.reindex(close.index) * math.sqrt(SESSIONS / SESSIONS_PER_YEAR)
    move = (np.log(close.shift(-SESSIONS) / close) - rate * SESSIONS / SESSIONS_PER_YEAR) / stdev
    return pd.DataFrame({"move": move, "rank": covered_ranks(history).reindex(close.index)}).dropna(subset=["move"])


def independent(frame: pd.DataFrame, chosen: NDArray[np.bool_]) -> float:
    """Return windows without overlap that know as much of a vertical's mean payoff, the side that knows less."""
    move = frame["move"].to_numpy(dtype=float)
    payoffs = [np.clip(side * move - SHORT, 0.0, LONG - SHORT) for side in (-1.0, 1.0)]
    return min(_independent(payoff, chosen) for payoff in payoffs)


def _independent(payoff: Array, chosen: NDArray[np.bool_]) -> float:
    mean = payoff[chosen].mean()
    influence = np.where(chosen, payoff - mean, 0.0) / chosen.mean()
    error = float(standard_errors(influence[:, None], BLOCK)[0])
    return float(payoff[chosen].var() / error**2)


if __name__ == "__main__":
    main()
