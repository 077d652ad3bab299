"""The macro filter: regional banks down hard means no new longs; biotech is shown as a lead."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import MACRO_DROP
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.signals import ROUNDING, known_signal, session_returns, total_return_close

State = Literal["met", "unmet", "unknown"]

FILTER_SYMBOL: Final = "KRE"
LEAD_SYMBOL: Final = "XBI"
LEAD_SESSIONS: Final = 5


@dataclass(frozen=True, slots=True)
class MacroFilter:
    """No new positive-delta position while a fund's last session lost more than `drop`."""

    symbol: str = FILTER_SYMBOL
    drop: float = MACRO_DROP  # share of price, positive; more than this blocks
    applies_to_condors: bool = False

    def __str__(self) -> str:
        return f"{self.symbol} return >= {-self.drop:g}"

    @property
    def least(self) -> float:
        """Least return that leaves new longs free; a fall of exactly `drop` does."""
        return -self.drop - ROUNDING

    def is_clear(self, returns: ArrayLike) -> NDArray[np.bool_]:
        """Whether each return of the fund leaves new longs free; an unknown one never does."""
        clear: NDArray[np.bool_] = np.asarray(returns, dtype=np.float64) >= self.least
        return clear  # NaN compares as False

    def clear(self, bars: pd.DataFrame) -> "pd.Series[bool]":
        """Whether each session of the fund leaves new longs free, known at its close; NA where a bar is missing."""
        returns = session_returns(bars)
        return known_signal(returns >= self.least, returns.notna())

    def on(self, bars: pd.DataFrame | None, day: date) -> "MacroState":
        """Filter for a decision before the open of `day`; it reads the session before."""
        if bars is None:
            return MacroState("unknown", None, None, f"no {self.symbol} bars were given")
        returns = session_returns(bars)
        before = latest_session((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
        change = returns.get(pd.Timestamp(before))
        if change is None or pd.isna(change):
            return MacroState("unknown", None, before, f"{self.symbol} has no return for {before}")
        state: State = "met" if self.is_clear(change) else "unmet"
        rule = f"the limit is -{self.drop:.1%}"
        return MacroState(state, float(change), before, f"{self.symbol} {change:+.2%} on {before}, {rule}")


@dataclass(frozen=True, slots=True)
class MacroState:
    """State of the filter: `met` allows new longs, `unmet` blocks them."""

    state: State
    change: float | None  # of the session read, share of price
    value_date: date | None
    detail: str


def lead(fund: pd.DataFrame, bars: pd.DataFrame, sessions: int = LEAD_SESSIONS) -> "pd.Series[float]":
    """Return of a fund over some sessions less that of the underlying; NaN where either lacks a close."""
    ours = total_return_close(bars).pct_change(sessions, fill_method=None)
    return total_return_close(fund).pct_change(sessions, fill_method=None).reindex(ours.index) - ours
