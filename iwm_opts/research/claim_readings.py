"""What each claim is measured by: one function of the data a claim, on the statistics of `claim_statistics`."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from iwm_opts.backtest.bootstrap import LEVEL
from iwm_opts.backtest.metrics import STRESS_PERIODS
from iwm_opts.backtest.share_exits import TIME_STOP_PROGRESS, TIME_STOP_SESSIONS
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.market.bars import average_true_range
from iwm_opts.market.iv_rank import covered_ranks
from iwm_opts.market.sector_filter import FILTER_SYMBOL, MacroFilter
from iwm_opts.market.signals import session_returns, spans_sessions, total_return_close
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.edges import MeanReversion, Momentum, VolContraction
from iwm_opts.plans.intraday import LATEST_FILL
from iwm_opts.research.claim_statistics import Reading, block_length, mean_difference, resampled
from iwm_opts.research.stepdown import DailyRows

Array = NDArray[np.float64]

HORIZONS: Final = (1, 3, 5, 10)  # sessions after a mean-reversion signal
REALISED: Final = 21  # sessions that an IV of 30 days is compared with
IV_AHEAD: Final = 10  # sessions over which IV is to contract
RANK_HIGH: Final = 50.0
RISK_OFF: Final = 0.10  # fall of SPY from its peak that makes an episode
WING_QUANTILE: Final = 0.95
MONTHLY: Final = 21
CALM_YEAR, BEAR_YEAR = 2017, 2022


def _signed(value: float) -> str:
    """`+0.43`; `unknown` for NaN."""
    return "unknown" if math.isnan(value) else f"{value:+.2f}"


def _percent(fraction: float) -> str:
    """`+0.43%`; `unknown` for NaN."""
    return "unknown" if math.isnan(fraction) else f"{100.0 * fraction:+.2f}%"


def _fraction(fraction: float) -> str:
    """`62%`; `unknown` for NaN."""
    return "unknown" if math.isnan(fraction) else f"{fraction:.0%}"


def _span(index: "pd.Index[Any]") -> str:
    return f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"


def _ahead(close: "pd.Series[float]", sessions: int) -> "pd.Series[float]":
    """Return of some sessions from each close; NaN across a session without a bar."""
    return (close.shift(-sessions) / close - 1.0).where(spans_sessions(close.index, sessions))


def _from_next_open(bars: pd.DataFrame, sessions: int) -> "pd.Series[float]":
    """Return from the open after each close to the close some sessions on; NaN across a session without a bar."""
    close = total_return_close(bars)
    opened = bars["open"] * (close / bars["close"])
    return (close.shift(-sessions) / opened.shift(-1) - 1.0).where(spans_sessions(close.index, sessions))


def _at_next_open(difference: Reading) -> str:
    """Format the same difference for entries that a close allows: at the open that follows."""
    if not math.isfinite(difference.low):
        return f"entered at the next open {_signed(difference.estimate)}"
    interval = f"{_signed(difference.low)} to {_signed(difference.high)}"
    return f"entered at the next open {_signed(difference.estimate)} ({interval})"


def _days(flags: "pd.Series[bool]") -> "pd.Series[bool]":
    """Answer without its unknowns, which count as no."""
    return flags.fillna(False).astype(bool)


def atr_ratio(data: Inputs) -> Reading:
    """Median ratio of ATR shares of price, IWM over SPY."""
    shares = [average_true_range(bars, method="simple") / bars["close"] for bars in (data.bars, data.funds["SPY"])]
    ratio = (shares[0] / shares[1].reindex(shares[0].index)).dropna()
    values = ratio.to_numpy(dtype=float)
    interval = resampled(lambda rows: float(np.median(rows)), values, ratio.index, block_length(values, MONTHLY))
    low, high = np.quantile(values, [0.25, 0.75])
    yearly = ratio.groupby(pd.DatetimeIndex(ratio.index).year).median()
    detail = (
        f"median; quartiles {low:.2f} to {high:.2f}; yearly medians {yearly.min():.2f} ({yearly.idxmin()}) to "
        f"{yearly.max():.2f} ({yearly.idxmax()})"
    )
    return replace(interval, sampled=f"sessions, {_span(ratio.index)}", detail=detail)


def _deepest(close: "pd.Series[float]") -> float:
    return float((close / close.cummax() - 1.0).min())


def drawdown_gap(data: Inputs) -> Reading:
    """Mean of how much deeper IWM fell, over SPY's falls, points."""
    iwm, spy = _both(data, "SPY")
    gaps, starts = [], []
    for first, last in _episodes(spy):
        gaps.append(100.0 * (_deepest(spy[first:last]) - _deepest(iwm[first:last])))
        starts.append(first)
    values = np.array(gaps)
    gaps_by_period = []
    for period in STRESS_PERIODS:
        inside = slice(pd.Timestamp(period.first), pd.Timestamp(period.last))
        if len(iwm[inside]) > 1:
            gaps_by_period.append(f"{period.name} {100.0 * (_deepest(spy[inside]) - _deepest(iwm[inside])):.1f}")
    words = f"stress periods: {', '.join(gaps_by_period)}" if gaps_by_period else ""
    if len(values) < 2:
        return Reading(math.nan, math.nan, math.nan, len(values), "", "bars with at least two falls of SPY by 10%")
    # Episodes lie months apart: a t interval on them as independent observations.
    reach = float(stdtrit(len(values) - 1, 0.5 + LEVEL / 2.0) * values.std(ddof=1) / math.sqrt(len(values)))
    mean = float(values.mean())
    rows = DailyRows(pd.DatetimeIndex(starts), np.column_stack([values, np.ones(len(values))]))
    where = f"falls of SPY by 10%, {_span(iwm.index)}"
    return Reading(mean, mean - reach, mean + reach, len(values), where, words, rows)


def _episodes(close: "pd.Series[float]") -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """From each peak to the day it is reached again, or the end, where the fall between was deep enough."""
    peak = close.cummax()
    number = (close >= peak).cumsum()
    episodes = []
    for _, stretch in close.groupby(number):
        if _deepest(stretch) <= -RISK_OFF:
            episodes.append((stretch.index[0], stretch.index[-1]))
    return episodes


def _both(data: Inputs, symbol: str) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    iwm, other = total_return_close(data.bars), total_return_close(data.funds[symbol])
    days = iwm.index.intersection(other.index)
    return iwm[days], other[days]


def leads(sessions: int) -> Callable[[Inputs], Reading]:
    """Correlation of IWM's return beyond SPY's with SPY's some sessions later."""

    def read(data: Inputs) -> Reading:
        iwm, other = session_returns(data.bars), session_returns(data.funds["SPY"])
        then = other.reindex(iwm.index).shift(-sessions).where(spans_sessions(iwm.index, sessions))
        pairs = pd.DataFrame({"ahead": iwm - other.reindex(iwm.index), "then": then})
        pairs = pairs.dropna()
        values = pairs.to_numpy(dtype=float)
        interval = resampled(
            lambda rows: float(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1]),
            values,
            pairs.index,
            block_length(values.prod(axis=1), 5.0),
        )
        said = "IWM's return beyond SPY's, against SPY's"
        return replace(interval, sampled=f"sessions, {_span(pairs.index)}", detail=said)

    return read


def mean_reversion(sessions: int) -> Callable[[Inputs], Reading]:
    """Mean return after signals less that of all days, per cent."""

    def read(data: Inputs) -> Reading:
        close, signals = total_return_close(data.bars), _days(MeanReversion().signals(data.bars))
        ahead = _ahead(close, sessions)
        every = pd.Series(True, index=close.index)
        difference = mean_difference(ahead, signals, every, sessions, 100.0)
        opened = mean_difference(_from_next_open(data.bars, sessions), signals, every, sessions, 100.0)
        after, usual = ahead[signals].dropna(), ahead.dropna()
        detail = (
            f"{_at_next_open(opened)}; "
            f"{_percent(after.mean())} after, {_percent(usual.mean())} on all days; "
            f"win {_fraction((after > 0).mean())} and {_fraction((usual > 0).mean())}; no costs"
        )
        return replace(difference, sampled=f"signals, {_span(close.index)}", detail=detail, at_open=opened)

    return read


def calm_against_bear(data: Inputs) -> Reading:
    """Mean return after signals in the calm year less that in the bear year, per cent."""
    close, signals = total_return_close(data.bars), _days(MeanReversion().signals(data.bars))
    year = pd.Series(pd.DatetimeIndex(close.index).year, index=close.index)
    ahead = _ahead(close, 5)
    calm, bear = signals & (year == CALM_YEAR), signals & (year == BEAR_YEAR)
    counts = f"signals, {int(calm.sum())} in {CALM_YEAR} and {int(bear.sum())} in {BEAR_YEAR}"
    if not calm.any() or not bear.any():
        return Reading(math.nan, math.nan, math.nan, 0, "", f"signals in both years ({counts})")
    difference = mean_difference(ahead, calm, bear, 5, 100.0)
    opened = mean_difference(_from_next_open(data.bars, 5), calm, bear, 5, 100.0)
    means = " and ".join(f"{_percent(ahead[year].mean())}" for year in (calm, bear))
    after = f"{means} over 5 sessions; {_at_next_open(opened)}"
    count = int(calm.sum() + bear.sum())
    return replace(difference, sample=count, sampled=counts, detail=after, at_open=opened)


def gap_momentum(data: Inputs) -> Reading:
    """Mean change from the entry minute to the exit minute after a signal, per cent."""
    assert data.minutes is not None
    edge, minutes = Momentum(), data.minutes.bars
    readings = edge.readings(data.bars, minutes)
    by_session = pd.DatetimeIndex(minutes.index).normalize()
    # Filled as the backtest is: at the first bar from each minute on, not too late after the entry's.
    late = edge.enter_minute + LATEST_FILL
    start = minutes["open"].where(minutes["minute"].between(edge.enter_minute, late)).groupby(by_session).first()
    end = minutes["open"].where(minutes["minute"] >= edge.exit_minute).groupby(by_session).first()
    end = end.fillna(minutes["close"].groupby(by_session).last())
    change = (end / start - 1.0).reindex(readings.index)
    signals = _days(readings["signal"])
    if not signals.any():
        return Reading(math.nan, math.nan, math.nan, 0, "", "minutes with at least one signal")
    difference = mean_difference(change, signals, None, 1.0, 100.0)
    after = change[signals].dropna()
    detail = f"minute {edge.enter_minute} to {edge.exit_minute}; win {_fraction((after > 0).mean())}; no costs"
    return replace(difference, sampled=f"signals, {_span(readings.index)}", detail=detail)


def _iv_frame(data: Inputs) -> pd.DataFrame:
    """By session: IV (points), its rank known at that close, vol realised over the next 21 sessions (points)."""
    assert data.history is not None
    returns = session_returns(data.bars)
    realised = np.sqrt(SESSIONS_PER_YEAR * (returns**2).rolling(REALISED).mean()).shift(-REALISED)
    frame = pd.DataFrame({"iv": 100.0 * data.history.closes, "rank": covered_ranks(data.history)})
    frame = frame.reindex(data.bars.index)
    close = total_return_close(data.bars)
    return frame.assign(realised=100.0 * realised, ahead=_ahead(close, REALISED))


def _ranked(frame: pd.DataFrame, least: float, below: float) -> "pd.Series[bool]":
    return (frame["rank"] >= least) & (frame["rank"] < below)


def _ranks(least: float, below: float) -> str:
    if least == -math.inf:
        return f"below {below:g}"
    return f"from {least:g}" + (f" to {below:g}" if below < math.inf else "")


def premium_at_rank(least: float, below: float) -> Callable[[Inputs], Reading]:
    """Mean of IV less the vol realised next, at ranks from `least` and below `below`, points."""

    def read(data: Inputs) -> Reading:
        frame = _iv_frame(data)
        premium = frame["iv"] - frame["realised"]
        chosen = _ranked(frame, least, below)
        picked = frame[chosen & premium.notna()]
        if picked.empty:
            return Reading(math.nan, math.nan, math.nan, 0, "", f"closes with the rank {_ranks(least, below)}")
        difference = mean_difference(premium, chosen, None, REALISED, 1.0)
        detail = (
            f"IV {picked['iv'].mean():.1f}, then realised {picked['realised'].mean():.1f}; median realised/implied "
            f"{(picked['realised'] / picked['iv']).median():.2f}; realised below implied "
            f"{_fraction((picked['realised'] < picked['iv']).mean())}"
        )
        return replace(
            difference, sampled=f"closes with the rank {_ranks(least, below)}, {_span(picked.index)}", detail=detail
        )

    return read


def low_against_high_rank(data: Inputs) -> Reading:
    """Mean realised over implied, at low rank less at high rank."""
    frame = _iv_frame(data)
    ratio = frame["realised"] / frame["iv"]
    low, high = frame["rank"] < VolContraction().below, frame["rank"] >= RANK_HIGH
    difference = mean_difference(ratio, low, high, REALISED, 1.0)
    detail = f"mean realised/implied {ratio[low].mean():.2f} below 20, {ratio[high].mean():.2f} at 50 and above"
    count, where = int((low | high)[ratio.notna()].sum()), "closes below 20 and at 50 and above"
    return replace(difference, sample=count, sampled=where, detail=detail)


def iv_change_at_rank(least: float, below: float) -> Callable[[Inputs], Reading]:
    """Mean change of IV over the next sessions, at ranks from `least` and below `below`, points."""

    def read(data: Inputs) -> Reading:
        frame = _iv_frame(data)
        change = (frame["iv"].shift(-IV_AHEAD) - frame["iv"]).where(spans_sessions(frame.index, IV_AHEAD))
        chosen = _ranked(frame, least, below)
        if not (chosen & change.notna()).any():
            return Reading(math.nan, math.nan, math.nan, 0, "", f"closes with the rank {_ranks(least, below)}")
        difference = mean_difference(change, chosen, None, IV_AHEAD, 1.0)
        sd = frame["iv"] / 100.0 * math.sqrt(REALISED / SESSIONS_PER_YEAR)
        ahead = np.log1p(frame["ahead"][chosen & frame["ahead"].notna()])
        tail = ahead / sd[ahead.index]
        detail = (
            f"median {_signed(change[chosen].median())}; a 21-session move beyond one implied sd: "
            f"down {(tail < -1).mean():.1%}, up {(tail > 1).mean():.1%}"
        )
        return replace(difference, sampled=f"closes with the rank {_ranks(least, below)}", detail=detail)

    return read


def macro_filter(data: Inputs) -> Reading:
    """Mean return after blocked days less that after the others, per cent."""
    fund, ours = data.funds[FILTER_SYMBOL], session_returns(data.bars)
    clear = MacroFilter().clear(fund)
    blocked, free = _days(~clear).reindex(ours.index, fill_value=False), _days(clear)
    then = ours.shift(-1)
    difference = mean_difference(then, blocked, free, 1.0, 100.0)
    opened = mean_difference(_from_next_open(data.bars, 1), blocked, free, 1.0, 100.0)
    measured = int(clear.notna().sum())
    detail = (
        f"{_at_next_open(opened)}; "
        f"{_percent(then[blocked].mean())} after, "
        f"{_percent(then[free.reindex(ours.index, fill_value=False)].mean())} after other days; "
        f"{int(blocked.sum()) / measured:.0%} of the days"
    )
    where = f"days with {FILTER_SYMBOL} down over 1.5%, {_span(fund.index)}"
    return replace(difference, sampled=where, detail=detail, at_open=opened)


def time_stop(data: Inputs) -> Reading:
    """Mean return of slow trades from the time stop on, less that of the others, per cent."""
    close = total_return_close(data.bars)
    signals = _days(MeanReversion().signals(data.bars))
    atr = average_true_range(data.bars) / data.bars["close"]
    progress = _ahead(close, TIME_STOP_SESSIONS)
    later = close.shift(-HORIZONS[-1]) / close.shift(-TIME_STOP_SESSIONS) - 1.0
    later = later.where(spans_sessions(close.index, HORIZONS[-1]))
    slow = signals & (progress < TIME_STOP_PROGRESS * atr)
    quick = signals & (progress >= TIME_STOP_PROGRESS * atr)
    difference = mean_difference(later, slow, quick, HORIZONS[-1], 100.0)
    detail = (
        f"sessions 4 to 10 after a mean-reversion signal: {_percent(later[slow].mean())} where it was slow, "
        f"{_percent(later[quick].mean())} where it was not ({int(quick.sum())})"
    )
    return replace(difference, sampled="slow trades", detail=detail)


def event_days(data: Inputs) -> Reading:
    """Mean size of the return on release days less that on other days, per cent."""
    assert data.events is not None
    returns = session_returns(data.bars)
    days = pd.DatetimeIndex(data.events["date"])
    inside = pd.Series((returns.index >= days.min()) & (returns.index <= days.max()), index=returns.index)
    on = pd.Series(returns.index.isin(days), index=returns.index)
    if not on.any() or not (inside & ~on).any():
        return Reading(math.nan, math.nan, math.nan, 0, "", "releases on sessions of the bars")
    difference = mean_difference(returns.abs(), on & inside, inside & ~on, 1.0, 100.0)
    parts = [
        f"{name} {100 * returns.abs()[returns.index.isin(pd.DatetimeIndex(group['date']))].mean():.2f}%"
        for name, group in data.events.groupby("event")
    ]
    usual = f"other days {100 * returns.abs()[inside & ~on].mean():.2f}%"
    where = f"release days, {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
    return replace(difference, sampled=where, detail=", ".join([*parts, usual]))


def wide_wings(data: Inputs) -> Reading:
    """Ratio of what 19 of 20 months stay within, IWM over SPY."""
    iwm, other = _both(data, "SPY")
    frame = pd.DataFrame({"own": _ahead(iwm, MONTHLY).abs(), "other": _ahead(other, MONTHLY).abs()}).dropna()
    values = frame.to_numpy(dtype=float)

    def ratio(rows: Array) -> float:
        reach = np.quantile(rows, WING_QUANTILE, axis=0)
        return float(reach[0] / reach[1])

    interval = resampled(ratio, values, frame.index, block_length(values[:, 0], 2.0 * MONTHLY))
    reach = np.quantile(values, WING_QUANTILE, axis=0)
    detail = f"19 of 20 months of 21 sessions stay within {reach[0]:.1%} of IWM's price and {reach[1]:.1%} of SPY's"
    return replace(interval, sampled=f"windows of 21 sessions, overlapping, {_span(frame.index)}", detail=detail)


def sector_drift(data: Inputs) -> Reading:
    """Share of the fund that changed sector between the first and the last date, per cent."""
    assert data.sectors is not None
    table = data.sectors.pivot_table(index="date", columns="sector", values="weight", aggfunc="sum").fillna(0.0)
    if len(table) < 2:
        return Reading(math.nan, math.nan, math.nan, len(table), "", "sector weights at two dates")
    change = 100.0 * (table.iloc[-1] - table.iloc[0])
    most = sorted(change.items(), key=lambda pair: -abs(pair[1]))[:3]
    detail = ", ".join(f"{name} {points:+.1f}" for name, points in most)
    moved = float(change.abs().sum() / 2.0)
    return Reading(moved, math.nan, math.nan, len(table), f"dates, {_span(table.index)}", f"most: {detail}")
