"""Edges: each a rule on data with named thresholds, read without looking ahead, and what a plan on it needs.

A new edge is a class here and its place in `EDGE_TYPES`.

Edges of other packages are entry points of the group `iwm_opts.edges`: subclasses of `Edge`, or functions of `Inputs`
(bars, funds, IV history, minutes) that return a boolean Series, whether each close signals an entry on the next
session.

The rules are those of the strategy behind this project; `research.claims` and the backtests measure their value. Dates
of signals and unknown ones: see `market.signals`.
"""

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass, fields
from datetime import date, timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, ClassVar, Final, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field as Bounds

from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK, MIN_COVERAGE
from iwm_opts.errors import DataError, InputError
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import SESSION_MINUTES, bar_minutes
from iwm_opts.market.sector_filter import State
from iwm_opts.market.signals import (
    ROUNDING,
    allowed_on,
    by_date,
    is_adjacent,
    known_signal,
    on_days,
    session_returns,
    total_return_close,
)
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan_sections import Count, Fraction

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SignalState:
    """Signal of an edge for one session."""

    state: State
    detail: str


def signal_state(signal: object) -> State:
    """State of a signal; NA or None is unknown."""
    if signal is None or signal is pd.NA:
        return "unknown"
    return "met" if bool(signal) else "unmet"


class Edge(ABC):
    """Rule on data that calls for an entry on the next session.

    Thresholds are the fields of a dataclass: `[NAME]` of a plan file sets them, within the bounds that their types
    state. `rule` names them in braces, `misfit` and `mistimed` say in `{instrument}` and `{horizon}` why no other fits.
    """

    name: ClassVar[str]
    rule: ClassVar[str]  # one sentence of the plan's document
    horizon: ClassVar[str] = "swing"  # of a plan unless given
    horizons: ClassVar[tuple[str, ...]] = ("swing", "multi-week")  # that fit
    mistimed: ClassVar[str] = "a signal at a close buys the next session: choose swing"
    instruments: ClassVar[tuple[str, ...]] = ("shares", "options", "vertical")  # that fit, the usual one first
    misfit: ClassVar[str] = "a bet on a rise, a condor on standing still: choose shares, options or vertical"
    criteria: ClassVar[tuple[str, ...]] = ("trend", "market-trend", "calm", "quiet", "no-event")  # usual checklist
    claims: ClassVar[tuple[str, ...]] = ()  # of `research.claims`, measured in the plan's document
    sells_premium: ClassVar[bool] = False  # a vertical by rule is sold whatever the rank

    @abstractmethod
    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Whether each close signals, NA where unknown."""

    def entries(self, data: Inputs) -> Flags:
        """Sessions of the bars on which the edge enters, shape (bars,); an unknown signal is none."""
        return allowed_on(self.daily_signals(data), [day.date() for day in data.bars.index])

    def state_on(self, data: Inputs, day: date) -> SignalState:
        """Signal for one session; nothing dated on or after it is read but the first minutes."""
        past, before = data.before(day), latest_session(day - timedelta(days=1))
        state = signal_state(self.daily_signals(past).get(pd.Timestamp(before)))
        return SignalState(state, self.reading(past, before))

    def reading(self, past: Inputs, before: date) -> str:
        """Figures behind the signal of a session's close, and its thresholds."""
        return f"{self.name} at the close of {before}"

    @classmethod
    def thresholds(cls) -> tuple[Field[Any], ...]:
        """Fields of the dataclass that every edge is."""
        return fields(cls)  # type: ignore[arg-type]

    @classmethod
    def conflicts(cls, thresholds: Any) -> list[tuple[str, str]]:
        """Thresholds that cannot hold together, and why."""
        return []


@dataclass(frozen=True, slots=True)
class MeanReversion(Edge):
    """Straight declines that add up: buy the next session."""

    name: ClassVar[str] = "mean-reversion"
    rule: ClassVar[str] = "Buy the session after {declines} straight declines that add up to more than {total}."
    mistimed: ClassVar[str] = "mean-reversion is known at a close and buys the next session: choose swing"
    misfit: ClassVar[str] = (
        "mean-reversion bets on a rise, a condor on standing still: choose shares, options or vertical"
    )
    criteria: ClassVar[tuple[str, ...]] = ("trend", "market-trend", "stretch", "volume", "banks-hold", "no-panic")
    claims: ClassVar[tuple[str, ...]] = (
        "mean-reversion-1", "mean-reversion-3", "mean-reversion-5", "mean-reversion-10", "mean-reversion-years",
        "kre-filter", "time-stop",
    )  # fmt: skip

    declines: Count = 3  # sessions in a row that closed lower
    total: Fraction = 0.025  # share of price lost over them, more than this

    def __post_init__(self) -> None:
        if self.declines < 1:
            raise InputError("declines", self.declines, "must be at least 1")
        _positive("total", self.total)

    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Return `signals` of a plan's data."""
        return self.signals(data.bars)

    def reading(self, past: Inputs, before: date) -> str:
        close = total_return_close(past.bars)
        returns = session_returns(past.bars).iloc[-self.declines :]
        total = close.iloc[-1] / close.iloc[-self.declines - 1] - 1.0 if len(close) > self.declines else np.nan
        sizes = ", ".join(f"{change:+.1%}" for change in returns)
        return f"{sizes}, {total:+.1%} in total; wanted {self.declines} declines over -{self.total:.1%}"

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
class VolContraction(Edge):
    """An IV rank below a threshold: sell condors the next session."""

    name: ClassVar[str] = "vol-contraction"
    rule: ClassVar[str] = "Sell premium the session after the IV rank ({lookback} sessions) closed below {below}."
    horizon: ClassVar[str] = "multi-week"
    mistimed: ClassVar[str] = "an IV rank moves over days: choose swing or multi-week"
    instruments: ClassVar[tuple[str, ...]] = ("condor", "vertical")
    misfit: ClassVar[str] = (
        "vol-contraction sells premium when IV ranks low; {instrument} cannot: choose condor or vertical"
    )
    criteria: ClassVar[tuple[str, ...]] = ("premium", "calm", "quiet", "market-trend", "no-event")
    claims: ClassVar[tuple[str, ...]] = ("condor-premium", "condor-rank", "contraction", "wide-wings")
    sells_premium: ClassVar[bool] = True

    below: Annotated[float, Bounds(gt=0, le=100, strict=True)] = GATE_RANK  # itself excluded
    lookback: Annotated[int, Bounds(ge=2, strict=True)] = IVR_LOOKBACK  # sessions

    def __post_init__(self) -> None:
        if not 0.0 < self.below <= 100.0:
            raise InputError("below", self.below, "must be an IV rank", "choose a value above 0 and at most 100")

    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Return `signals` of a plan's data."""
        return self.signals(data.required_history())

    def state_on(self, data: Inputs, day: date) -> SignalState:
        past = data.before(day)
        if past.history is None:
            return SignalState("unknown", "no IV history was given: give `iv_history`")
        if past.history.last(1).empty:
            return SignalState("unknown", f"{past.history.series} has no value before {day}")
        return super(VolContraction, self).state_on(data, day)

    def reading(self, past: Inputs, before: date) -> str:
        history = past.required_history()
        ranked = self.ranks(history).get(pd.Timestamp(before), np.nan)
        value_date = history.last(1).index[-1].date()
        standing = f"has no rank on {before}" if np.isnan(ranked) else f"ranks {ranked:.1f} on {value_date}"
        return f"{history.series} {standing}, wanted below {self.below:g}"

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
class Momentum(Edge):
    """A gap up on more volume than usual: buy some minutes into the session, sell when the first 45 are over."""

    name: ClassVar[str] = "momentum"
    rule: ClassVar[str] = (
        "After a gap up of more than {gap} buy at minute {enter_minute} when the volume so far exceeds its "
        "mean of {volume_sessions} sessions; sell at minute {exit_minute}."
    )
    horizon: ClassVar[str] = "intraday"
    horizons: ClassVar[tuple[str, ...]] = ("intraday",)
    mistimed: ClassVar[str] = (
        "momentum is over 45 minutes after the open, a {horizon} plan holds longer: choose intraday"
    )
    misfit: ClassVar[str] = "momentum bets on a rise, a condor on standing still: choose shares, options or vertical"
    criteria: ClassVar[tuple[str, ...]] = (
        "trend", "market-trend", "biotech-lead", "banks-hold", "volume", "no-event"
    )  # fmt: skip
    claims: ClassVar[tuple[str, ...]] = ("gap-momentum", "kre-filter")

    gap: Fraction = 0.008  # share of price from the close before to the open, more than this
    enter_minute: Count = 15  # minutes after the open that are watched before entry
    exit_minute: Count = 45  # minutes after the open
    volume_sessions: Count = 20  # sessions before, whose mean volume over the same minutes is to be exceeded

    def __post_init__(self) -> None:
        _positive("gap", self.gap)
        if not 1 <= self.enter_minute < self.exit_minute:
            raise InputError(
                "enter_minute", self.enter_minute, f"must lie between 1 and the exit at minute {self.exit_minute}"
            )
        if self.volume_sessions < 1:
            raise InputError("volume_sessions", self.volume_sessions, "must be at least 1")

    def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
        """Signal of each session's first minutes, by session: it enters the session itself."""
        return self.readings(data.bars, data.required_minutes().bars)["signal"]

    def entries(self, data: Inputs) -> Flags:
        signals = self.daily_signals(data).fillna(False).astype(bool)
        return signals.reindex(data.bars.index, fill_value=False).to_numpy(dtype=bool)

    def state_on(self, data: Inputs, day: date) -> SignalState:
        if data.minutes is None:
            return SignalState("unknown", "no minute bars were given: give `minutes`")
        stamp = pd.Timestamp(day)
        seen = data.minutes.before(stamp + pd.Timedelta(days=1)).bars
        seen = seen[(seen.index < stamp) | (seen["minute"] < self.enter_minute)]
        if seen.empty or seen.index[-1] < stamp:
            return SignalState("unknown", f"the minutes of {day} are not there")
        bars = data.bars[data.bars.index < stamp]  # and the day itself, whose numbers are not known
        reading = self.readings(bars.reindex(bars.index.append(pd.DatetimeIndex([stamp]))), seen).loc[stamp]
        gap, volume = (float(value) for value in reading[["gap", "relative_volume"]].to_numpy())
        gapped = "gap unknown" if np.isnan(gap) else f"gap {gap:+.2%}"
        traded = "unknown against its mean" if np.isnan(volume) else f"{volume:.2f} times its mean"
        detail = f"{gapped}, volume of the first {self.enter_minute} minutes {traded}; wanted over {self.gap:.1%} and 1"
        return SignalState(signal_state(reading["signal"]), detail)

    @classmethod
    def conflicts(cls, thresholds: Any) -> list[tuple[str, str]]:
        conflicts = []
        if thresholds.enter_minute >= thresholds.exit_minute:
            conflicts.append(("enter_minute", "is not before exit_minute"))
        if thresholds.exit_minute > SESSION_MINUTES:
            rule = f"lies after the close: a session has {SESSION_MINUTES} minutes, and nothing is held overnight"
            conflicts.append(("exit_minute", rule))
        return conflicts

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


def plugin_edge(entry: EntryPoint) -> type[Edge]:
    """Edge that another package registers: a subclass of `Edge`, or a function of `Inputs` that signals by close."""
    try:
        found = entry.load()
    except Exception as error:  # refused where it is asked for: the other edges need no foreign package
        failure = DataError(entry.value, f"cannot be loaded as an edge: {error}", "mend that package, or uninstall it")

        def found(data: Inputs) -> NoReturn:
            raise failure

    if isinstance(found, type) and issubclass(found, Edge):
        return found
    name, rule = entry.name, f"Buy the session after {entry.name} signals."

    @dataclass(frozen=True, slots=True)
    class Signals(Edge):
        name: ClassVar[str]
        rule: ClassVar[str]

        def daily_signals(self, data: Inputs) -> "pd.Series[bool]":
            signals = by_date(self.name, found(data))
            if not pd.api.types.is_bool_dtype(signals.dtype):
                raise InputError(self.name, str(signals.dtype), "must signal in booleans", "compare it: signal > level")
            on_days(self.name, signals, [day.date() for day in data.bars.index])
            return signals

    Signals.name, Signals.rule = name, rule
    return Signals


GROUP: Final = "iwm_opts.edges"
EDGE_TYPES: Final[dict[str, type[Edge]]] = {
    **{entry.name: plugin_edge(entry) for entry in entry_points(group=GROUP)},
    **{edge.name: edge for edge in (MeanReversion, Momentum, VolContraction)},
}


def edge_entries(name: str, data: Inputs) -> "pd.Series[bool]":
    """Sessions on which an edge enters with its usual thresholds; an unknown signal is none.

    Raises InputError for an unknown name.
    """
    if name not in EDGE_TYPES:
        raise InputError("edge", name, "unknown edge", f"choose one of {', '.join(EDGE_TYPES)}")
    return pd.Series(EDGE_TYPES[name]().entries(data), index=pd.DatetimeIndex(data.bars.index), name=name)
