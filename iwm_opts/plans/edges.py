"""The three edges: each a rule on data with named thresholds, read without looking ahead.

Edges of other packages are entry points of the group `iwm_opts.edges`: functions of `Inputs` (bars, funds, IV history,
minutes) that return a boolean Series, whether each close signals an entry on the next session.

The rules are those of the strategy behind this project; `research.claims` and the backtests measure their value. Dates
of signals and unknown ones: see `market.signals`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final, Literal

import numpy as np
import pandas as pd

from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK, MIN_COVERAGE
from iwm_opts.errors import InputError
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import bar_minutes
from iwm_opts.market.signals import ROUNDING, allowed_on, is_adjacent, known_signal, total_return_close
from iwm_opts.plans.checklist import Inputs

EdgeName = Literal["mean-reversion", "momentum", "vol-contraction"]


@dataclass(frozen=True, slots=True)
class MeanReversion:
    """Straight declines that add up: buy the next session."""

    declines: int = 3  # sessions in a row that closed lower
    total: float = 0.025  # share of price lost over them, more than this

    def __post_init__(self) -> None:
        if self.declines < 1:
            raise InputError("declines", self.declines, "must be at least 1")
        _positive("total", self.total)

    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Return `signals` of a plan's data."""
        return self.signals(data.bars)

    def signals(self, bars: pd.DataFrame) -> "pd.Series[bool]":
        """Whether each close ends such a decline.

        `bars`: as from `io.bars.load_bars`; dividends count as return where it has adjusted closes.
        Returns (shape (sessions,)): NA where one of the sessions it reads has no bar.
        """
        close = total_return_close(bars)
        returns = close.pct_change(fill_method=None).where(is_adjacent(bars))
        window = returns.rolling(self.declines)
        fell = (window.max() < 0.0) & (close / close.shift(self.declines) - 1.0 < -self.total - ROUNDING)
        return known_signal(fell, window.count() == self.declines)


@dataclass(frozen=True, slots=True)
class VolContraction:
    """An IV rank below a threshold: sell condors the next session."""

    below: float = GATE_RANK  # itself excluded
    lookback: int = IVR_LOOKBACK  # sessions

    def __post_init__(self) -> None:
        if not 0.0 < self.below <= 100.0:
            raise InputError("below", self.below, "must be an IV rank", "choose a value above 0 and at most 100")

    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Return `signals` of a plan's data."""
        return self.signals(data.required_history())

    def signals(self, history: IvHistory) -> "pd.Series[bool]":
        """Whether the gate is open after the close of each session.

        Returns (shape (sessions,)): NA where `ranks` is NaN.
        """
        ranks = self.ranks(history)
        return known_signal(ranks < self.below, ranks.notna())

    def ranks(self, history: IvHistory) -> "pd.Series[float]":
        """Rank that the gate reads after each close (`market.gate.gate_ranks`)."""
        return gate_ranks(history, self.lookback)


@dataclass(frozen=True, slots=True)
class Momentum:
    """A gap up on more volume than usual: buy some minutes into the session, sell when the first 45 are over."""

    gap: float = 0.008  # share of price from the close before to the open, more than this
    enter_minute: int = 15  # minutes after the open that are watched before entry
    exit_minute: int = 45  # minutes after the open
    volume_sessions: int = 20  # sessions before, whose mean volume over the same minutes is to be exceeded

    def __post_init__(self) -> None:
        _positive("gap", self.gap)
        if not 1 <= self.enter_minute < self.exit_minute:
            raise InputError(
                "enter_minute", self.enter_minute, f"must lie between 1 and the exit at minute {self.exit_minute}"
            )
        if self.volume_sessions < 1:
            raise InputError("volume_sessions", self.volume_sessions, "must be at least 1")

    def readings(self, bars: pd.DataFrame, minutes: pd.DataFrame) -> pd.DataFrame:
        """Return inputs and signal of the rule on each session of the intraday bars.

        `bars`: daily bars, for the close before.
        `minutes`: as from `io.minutes.load_minutes`; bars of several minutes do too.
        Returns (shape (sessions of `minutes`, 3)): gap (share of price), relative_volume (over the mean of the sessions
          before), signal (boolean, NA where the close before, the first minute or more than a fifth of the sessions
          before is missing). Known at `enter_minute`, and nothing later is read. A session that lacks more than a fifth
          of its watched minutes enters no mean; its volume is a lower bound: it signals where the bound exceeds the
          mean, else it is NA.
        """
        by_session = pd.DatetimeIndex(minutes.index).normalize()
        # A bar that ends after the entry is not known at the entry.
        length = bar_minutes(minutes)
        watched = minutes[minutes["minute"] + length <= self.enter_minute]
        of_session = watched.groupby(pd.DatetimeIndex(watched.index).normalize())
        table = pd.DataFrame(index=by_session.unique().sort_values())
        first = watched[watched["minute"] == 0]
        opened = first["open"].set_axis(pd.DatetimeIndex(first.index).normalize()).reindex(table.index)
        before = bars["close"].shift(1).where(is_adjacent(bars)).reindex(table.index)
        # A minute without a trade has no bar; a session that lacks more than a few watched minutes says nothing of
        # usual volume, nor that it traded less: only more than the mean is sure.
        whole = of_session["volume"].count().reindex(table.index) >= MIN_COVERAGE * (self.enter_minute // length)
        volume = of_session["volume"].sum().reindex(table.index)
        least = max(1, int(np.ceil(MIN_COVERAGE * self.volume_sessions)))
        usual = volume.where(whole).shift(1).rolling(self.volume_sessions, min_periods=least).mean()
        table["gap"] = opened / before - 1.0
        table["relative_volume"] = (volume / usual).where(whole | (volume > usual))
        measured = table["gap"].notna() & table["relative_volume"].notna()
        table["signal"] = known_signal(
            (table["gap"] > self.gap + ROUNDING) & (table["relative_volume"] > 1.0), measured
        )
        return table


def _positive(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InputError(name, value, "must be above 0 and below 1", "2.5% is 0.025")


Edge = MeanReversion | Momentum | VolContraction
GROUP: Final = "iwm_opts.edges"
OWN: Final[dict[str, Callable[[Inputs], "pd.Series[bool]"]]] = {
    "mean-reversion": MeanReversion().daily_signals, "vol-contraction": VolContraction().daily_signals,
}  # fmt: skip


def edge_names() -> tuple[str, ...]:
    """Names of all edges that signal at a close."""
    return (*OWN, *sorted(entry_points(group=GROUP).names))


def edge_entries(name: str, data: Inputs) -> "pd.Series[bool]":
    """Sessions on which an edge of `edge_names()` enters: those after a close that signals; unknown ones are False.

    Raises InputError for an unknown name.
    """
    if name not in edge_names():
        raise InputError("edge", name, "unknown edge", f"choose one of {', '.join(edge_names())}")
    signal = OWN[name] if name in OWN else entry_points(group=GROUP)[name].load()
    days = pd.DatetimeIndex(data.bars.index)
    return pd.Series(allowed_on(signal(data), [day.date() for day in days]), index=days, name=name)
