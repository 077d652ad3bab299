"""The entry checklist: criteria on data, each met, unmet or unknown, of which a minimum must be met.

A criterion is one function of the data for all sessions, so that today's answer in a plan and yesterday's in a backtest
cannot differ. A value dated by a session is known at its close; a decision before an open reads the session before.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from operator import eq, gt, le, lt
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.errors import InputError
from iwm_opts.market.bars import PRICES, average_true_range
from iwm_opts.market.calendar import latest_session, next_session, sessions
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import Minutes
from iwm_opts.market.sector_filter import FILTER_SYMBOL, LEAD_SESSIONS, LEAD_SYMBOL, State, lead
from iwm_opts.market.signals import is_adjacent, known_signal, session_returns, total_return_close

MINIMUM: Final = 3
TREND_SESSIONS: Final = 200
YEAR: Final = 252
VOLUME_SESSIONS: Final = 20
STRETCH_SESSIONS: Final = 3
STRETCH_ATR: Final = 1.5
REALISED_SESSIONS: Final = 21
MARKET_SYMBOL: Final = "SPY"
FEAR_RANK: Final = 80.0
BLANK_DAYS: Final = 500  # calendar days in place of missing bars: over a year of sessions
NO_BARS: Final = pd.DataFrame(columns=[*PRICES], index=pd.DatetimeIndex([], name="date").as_unit("us"), dtype=float)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Data of a plan's criteria; None makes every criterion on it unknown."""

    bars: pd.DataFrame  # of the underlying, as from `io.bars.load_bars`
    funds: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # SPY, KRE, XBI by symbol
    history: IvHistory | None = None
    minutes: Minutes | None = None
    events: pd.DataFrame | None = None  # date, event: scheduled releases
    sectors: pd.DataFrame | None = None  # date, sector, weight (share)

    def reaching(self, day: date) -> "Inputs":
        """Return the same with a bar for every session before a day: those that are not there have no numbers."""
        last = latest_session(day - timedelta(days=1))
        days = pd.DatetimeIndex(self.bars.index)
        first = min(days[-1].date(), last) if len(days) else last - timedelta(days=BLANK_DAYS)
        dates = pd.DatetimeIndex(sessions(first, last), name=days.name).as_unit("us")
        return replace(self, bars=self.bars.reindex(days.union(dates)))

    def required_minutes(self) -> Minutes:
        """Minutes; an InputError without them."""
        if self.minutes is None:
            raise InputError("minutes", None, "the momentum edge reads minute bars", "name them: `minutes` FILE")
        return self.minutes

    def required_history(self, reader: str = "edge") -> IvHistory:
        """IV history; an InputError without it."""
        if self.history is None:
            rule = f"the {reader} ranks an IV history"
            file = "RVX_History.csv" if reader == "edge" else "FILE"
            raise InputError("iv_history", None, rule, f"name one: `iv_history` {file}")
        return self.history

    def before(self, day: date) -> "Inputs":
        """Return data known before a day; scheduled releases are known ahead."""
        stamp = pd.Timestamp(day)
        return replace(
            self,
            bars=self.bars[self.bars.index < stamp],
            funds={symbol: fund[fund.index < stamp] for symbol, fund in self.funds.items()},
            history=self.history.before(day) if self.history else None,
            minutes=self.minutes.before(stamp) if self.minutes else None,
            sectors=self.sectors[self.sectors["date"] < stamp] if self.sectors is not None else None,
        )


class Reading(NamedTuple):
    """A criterion over all sessions of the bars: its answer, and the number behind it (NaN where unknown)."""

    signal: "pd.Series[bool]"
    value: "pd.Series[float]"


Series = pd.Series  # of one value a session


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the checklist: met where its value compares with a bound."""

    name: str
    rule: str  # one sentence
    needs: str  # what data, in the words of the command line
    written: str  # format of the value
    compare: Callable[[Series, float], Series]
    bound: float
    value: Callable[[Inputs], Series | None]  # None where that data was not given

    def read(self, data: Inputs) -> Reading | None:
        """Answer of every session of the bars; None where the data was not given."""
        value = self.value(data)
        if value is None:
            return None
        value = value.reindex(data.bars.index)
        return Reading(known_signal(self.compare(value, self.bound), value.notna()), value)


CRITERIA: Final[dict[str, Criterion]] = {}


def _criterion(
    name: str, rule: str, needs: str, written: str, compare: Callable[[Series, float], Series], bound: float
) -> Callable[[Callable[[Inputs], Series | None]], Callable[[Inputs], Series | None]]:
    """Register a function of the data as the value of a criterion."""

    def register(value: Callable[[Inputs], Series | None]) -> Callable[[Inputs], Series | None]:
        CRITERIA[name] = Criterion(name, rule, needs, written, compare, bound, value)
        return value

    return register


@dataclass(frozen=True, slots=True)
class Answer:
    """What one criterion says for one decision."""

    name: str
    rule: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """All answers for one decision, and whether enough are met."""

    answers: tuple[Answer, ...]
    minimum: int

    @property
    def met(self) -> int:
        """Criteria met; unknown ones never count."""
        return sum(answer.state == "met" for answer in self.answers)

    @property
    def passes(self) -> bool:
        """Whether the minimum is reached."""
        return self.met >= self.minimum

    def answered(self, states: Mapping[str, State]) -> "Checklist":
        """Return the same checklist with a person's answer in place of the data's.

        Raises InputError for an unknown criterion.
        """
        names = [answer.name for answer in self.answers]
        for name in states:
            if name not in names:
                remedy = f"they are {', '.join(names)}" if names else "the plan has none"
                raise InputError("answer", name, "unknown criterion of the plan", remedy)
        answers = tuple(
            replace(answer, state=states[answer.name], detail="as answered") if answer.name in states else answer
            for answer in self.answers
        )
        return replace(self, answers=answers)


def _over_mean(close: Series) -> Series:
    return close / close.rolling(TREND_SESSIONS).mean() - 1.0


@_criterion("trend", f"close above its mean of {TREND_SESSIONS} sessions", "`bars`", "{:+.1%} from it", gt, 0.0)
def _trend(data: Inputs) -> Series:
    return _over_mean(total_return_close(data.bars))


@_criterion(
    "market-trend", f"{MARKET_SYMBOL} above its mean of {TREND_SESSIONS} sessions", "`spy`", "{:+.1%} from it", gt, 0.0
)
def _market_trend(data: Inputs) -> Series | None:
    fund = data.funds.get(MARKET_SYMBOL)
    return None if fund is None else _over_mean(total_return_close(fund).reindex(data.bars.index))


@_criterion(
    "volume", f"volume above the mean of the {VOLUME_SESSIONS} sessions before", "`bars` with volume",
    "{:.2f} times it", gt, 1.0,
)  # fmt: skip
def _volume(data: Inputs) -> Series | None:
    if "volume" not in data.bars:
        return None
    volume = data.bars["volume"]
    return volume / volume.shift(1).rolling(VOLUME_SESSIONS).mean()


@_criterion(
    "stretch", f"down at least {STRETCH_ATR:g} ATR over {STRETCH_SESSIONS} sessions", "`bars`", "{:+.2f} ATR", le,
    -STRETCH_ATR,
)  # fmt: skip
def _stretch(data: Inputs) -> Series:
    close = total_return_close(data.bars)
    atr = average_true_range(data.bars) * close / data.bars["close"]
    value = (close - close.shift(STRETCH_SESSIONS)) / atr.shift(STRETCH_SESSIONS)
    return value.where(is_adjacent(data.bars).rolling(STRETCH_SESSIONS).sum() == STRETCH_SESSIONS)


@_criterion("calm", "ATR below its median of a year", "`bars`", "{:.2f} times it", lt, 1.0)
def _calm(data: Inputs) -> Series:
    share = average_true_range(data.bars) / data.bars["close"]
    return share / share.rolling(YEAR).median()


@_criterion("quiet", "last session moved less than one ATR", "`bars`", "{:.2f} ATR", lt, 1.0)
def _quiet(data: Inputs) -> Series:
    return data.bars["close"].diff().abs().where(is_adjacent(data.bars)) / average_true_range(data.bars).shift(1)


@_criterion("biotech-lead", f"{LEAD_SYMBOL} ahead over {LEAD_SESSIONS} sessions", "`xbi`", "{:+.1%}", gt, 0.0)
def _lead(data: Inputs) -> Series | None:
    fund = data.funds.get(LEAD_SYMBOL)
    return None if fund is None else lead(fund, data.bars)


@_criterion("banks-hold", f"{FILTER_SYMBOL} did better in the last session", "`kre`", "{:+.1%}", gt, 0.0)
def _banks(data: Inputs) -> Series | None:
    fund = data.funds.get(FILTER_SYMBOL)
    return None if fund is None else session_returns(fund).reindex(data.bars.index) - session_returns(data.bars)


@_criterion("no-panic", f"IV rank below {FEAR_RANK:g}", "`iv_history`", "rank {:.0f}", lt, FEAR_RANK)
def _fear(data: Inputs) -> Series | None:
    return None if data.history is None or data.history.last(1).empty else gate_ranks(data.history)


@_criterion(
    "premium", f"implied vol above that of the last {REALISED_SESSIONS} sessions", "`iv_history`", "{:+.1f} points",
    gt, 0.0,
)  # fmt: skip
def _premium(data: Inputs) -> Series | None:
    if data.history is None:
        return None
    realised: Series = np.sqrt(SESSIONS_PER_YEAR * (session_returns(data.bars) ** 2).rolling(REALISED_SESSIONS).mean())
    return 100.0 * (data.history.closes.reindex(data.bars.index) - realised)


@_criterion("no-event", "no scheduled release in the next session", "`events`", "{:.0f} releases", eq, 0.0)
def _no_event(data: Inputs) -> Series | None:
    if data.events is None:
        return None
    days = pd.DatetimeIndex(data.bars.index)
    following = days[1:].append(pd.DatetimeIndex([next_session(days[-1].date())])) if len(days) else days
    value = pd.Series(pd.DatetimeIndex(following).isin(data.events["date"]).astype(float), index=days)
    return value.where((following >= data.events["date"].min()) & (following <= data.events["date"].max()))


def criterion(name: str) -> Criterion:
    """Criterion by name. Raises InputError when there is none."""
    if name not in CRITERIA:
        raise InputError("criteria", name, "unknown criterion", f"choose of {', '.join(CRITERIA)}")
    return CRITERIA[name]


def checklist(names: tuple[str, ...], minimum: int, data: Inputs, day: date) -> Checklist:
    """Checklist for a decision before the open of `day`; nothing dated on or after it is read."""
    history = data.before(day)
    before = latest_session((pd.Timestamp(day) - pd.Timedelta(days=1)).date())
    answers, stamp = [], pd.Timestamp(before)
    for item in map(criterion, names):
        reading = item.read(history)
        value = math.nan if reading is None else float(reading.value.get(stamp, np.nan))
        state: State = "unknown"
        detail = f"needs {item.needs}" if reading is None else f"needs more of {item.needs} to say for {before}"
        if reading is not None and not math.isnan(value):
            state, detail = "met" if bool(reading.signal[stamp]) else "unmet", item.written.format(value)
        answers.append(Answer(item.name, item.rule, state, detail))
    return Checklist(tuple(answers), minimum)


def criteria_met(names: tuple[str, ...], data: Inputs) -> "pd.Series[int]":
    """Criteria met at each session's close, for a decision on the next one; unknown ones never count."""
    total = pd.Series(0, index=data.bars.index)
    for name in names:
        reading = criterion(name).read(data)
        if reading is not None:
            total += reading.signal.fillna(False).astype(int)
    return total
