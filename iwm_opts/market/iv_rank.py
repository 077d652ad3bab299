"""IV rank and percentile of implied volatility within its past."""

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from html import escape

import numpy as np
import pandas as pd

from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK, MIN_COVERAGE, counted
from iwm_opts.errors import InputError
from iwm_opts.kernels.panel.rank import rank_and_percentile, rolling_rank_and_percentile
from iwm_opts.market.calendar import FIRST_DAY, latest_session, sessions

_DAY = timedelta(days=1)
CALENDAR_DAYS_A_SESSION = 1.6  # more than 365 / 251, so that a lookback of sessions always fits
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass(frozen=True, slots=True, eq=False)
class IvHistory:
    """Daily closes and identity of one IV series."""

    series: str
    tenor_days: int | None  # None where unknown
    closes: pd.Series  # IV, decimal, ascending unique dates as index; NaN is a gap
    proxy: bool  # in place of the underlying's own IV
    note: str  # the series and the IV it replaces, one sentence
    skipped: tuple[str, ...] = ()  # rows of the file that were left out, with counts

    def before(self, day: date) -> "IvHistory":
        """Observations before a day."""
        return replace(self, closes=self.closes[self.closes.index < pd.Timestamp(day)])

    def rank(self, before: date | str, lookback: int = IVR_LOOKBACK) -> "IvRank":
        """Rank the latest observation before a decision; see `iv_rank`.

        Parameters
        ----------
        before : date or str
            Day of the decision, itself excluded; text as YYYY-MM-DD.
        lookback : int
            Sessions in the window.
        """
        return iv_rank(self, date.fromisoformat(before) if isinstance(before, str) else before, lookback)

    def to_frame(self) -> pd.DataFrame:
        """Return closes as a DataFrame: column iv (annualised decimal), dates as index."""
        return self.closes.rename("iv").to_frame()

    def to_dict(self) -> dict[str, object]:
        """Plain values: series, tenor_days, proxy, note, skipped; closes by date (annualised decimal, None a gap)."""
        dates = pd.DatetimeIndex(self.closes.index).strftime("%Y-%m-%d")
        values = [None if math.isnan(value) else float(value) for value in self.closes]
        about = {"series": self.series, "tenor_days": self.tenor_days, "proxy": self.proxy, "note": self.note}
        return {**about, "skipped": list(self.skipped), "closes": dict(zip(dates, values, strict=True))}

    def _repr_html_(self) -> str:
        title, frame = f"{self.series}, {counted(len(self.closes), 'closes')}. {self.note}", self.to_frame()
        return f"<p>{escape(title)}</p>{frame.to_html(max_rows=10)}"

    def last(self, count: int, before: date | None = None) -> pd.Series:
        """Last `count` observations, those dated on or after `before` left out."""
        observed = self.closes.dropna()
        return (observed if before is None else observed[observed.index < pd.Timestamp(before)]).iloc[-count:]


@dataclass(frozen=True, slots=True)
class IvRank:
    """Rank of one observation of an IV series within its lookback."""

    series: str
    value: float  # IV, decimal
    value_date: date
    tenor_days: int | None
    rank: float  # 0 to 100; NaN with a reason
    percentile: float  # 0 to 100; NaN with a reason
    lookback: int  # sessions asked for
    observations: int  # sessions of the window that have a value
    sessions_missed: int  # between the value and the decision, without a value: 0 is fresh
    proxy: bool
    note: str
    reason: str  # reason of a missing rank; empty otherwise
    warnings: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """Share of the lookback that was observed, 0 to 1."""
        return self.observations / self.lookback


@dataclass(frozen=True, slots=True)
class OpenGateShare:
    """How often the gate was open on one weekday."""

    weekday: str
    days: int  # ranked sessions
    open_days: int

    @property
    def share(self) -> float:
        """Open days over ranked days, 0 to 1; NaN without any."""
        return self.open_days / self.days if self.days else math.nan


def iv_rank(history: IvHistory, before: date, lookback: int = IVR_LOOKBACK) -> IvRank:
    """Rank the latest observation of an IV series strictly before a decision.

    Parameters
    ----------
    history : IvHistory
    before : date
        Day of the decision. Nothing dated on or after it is read, so that a decision made during the
        day cannot see that day's close.
    lookback : int
        Sessions of the exchange in the window, the ranked one included. A session without a value lowers the
        coverage; it does not lengthen the window. Values on days without a session are ignored, with a warning.

    Returns
    -------
    IvRank
        Rank = 100 (value - min) / (max - min); percentile = share of the other observations strictly
        below the value (definitions as at tastytrade and Interactive Brokers). Both NaN, with a reason,
        where the window has no range.

    Raises
    ------
    InputError
        When no observation precedes `before`, or `lookback` is below 2.
    """
    _check_lookback(lookback)
    past = history.closes[history.closes.index < pd.Timestamp(before)].dropna()
    if past.empty:
        raise InputError("before", before.isoformat(), "no IV observation precedes it", "give a longer `iv_history`")
    newest = past.index[-1].date()
    first = max(FIRST_DAY, newest - timedelta(days=int(lookback * CALENDAR_DAYS_A_SESSION) + 14))
    observed = _on_sessions(past, first, newest).dropna()
    if observed.empty:
        rule = "no IV observation precedes it on a trading session"
        raise InputError("before", before.isoformat(), rule, "give a longer `iv_history`")
    value_date = observed.index[-1].date()
    days = pd.DatetimeIndex(sessions(first, value_date)[-lookback:])
    window = observed.reindex(days).to_numpy(dtype=float, copy=True)  # kernels take writable arrays
    rank, percentile, observations = rank_and_percentile(window)
    missed = len(sessions(value_date + _DAY, latest_session(before - _DAY))) if value_date < before - _DAY else 0
    flat = "one observation has no range" if observations < 2 else "every observation is the same"
    ignored = int(((past.index >= days[0]) & ~past.index.isin(observed.index)).sum())
    return IvRank(
        series=history.series,
        value=float(window[-1]),
        value_date=value_date,
        tenor_days=history.tenor_days,
        rank=rank,
        percentile=percentile,
        lookback=lookback,
        observations=observations,
        sessions_missed=missed,
        proxy=history.proxy,
        note=history.note,
        reason=flat if math.isnan(rank) else "",
        warnings=_warnings(history.series, before, value_date, lookback, observations, missed, ignored),
    )


def rolling_iv_rank(history: IvHistory, lookback: int = IVR_LOOKBACK) -> pd.DataFrame:
    """Rank of every observation within the lookback that ends with it.

    Parameters
    ----------
    history : IvHistory
    lookback : int
        Sessions in each window, gaps included, as in `iv_rank`.

    Returns
    -------
    DataFrame, shape (observations on sessions since `FIRST_DAY`, 4)
        Columns value (decimal), rank, percentile (0 to 100, NaN without a range), observations; the first windows
        are short. A decision taken on a day reads the row before that day.
    """
    _check_lookback(lookback)
    observed = history.closes.dropna()
    observed = observed[observed.index >= pd.Timestamp(FIRST_DAY)]
    if observed.empty:
        raise InputError(
            "history", history.series, f"has no observation since {FIRST_DAY}", "give a longer `iv_history`"
        )
    values = _on_sessions(observed, observed.index[0].date(), observed.index[-1].date())
    array = values.to_numpy(dtype=float, copy=True)
    rank, percentile = np.empty_like(array), np.empty_like(array)
    observations = np.empty(len(array), dtype=np.int64)
    rolling_rank_and_percentile(array, lookback, rank, percentile, observations)
    table = pd.DataFrame(
        {"value": array, "rank": rank, "percentile": percentile, "observations": observations}, index=values.index
    )
    return table[values.notna()]


def covered_ranks(history: IvHistory, lookback: int = IVR_LOOKBACK) -> "pd.Series[float]":
    """Rank of every observation, NaN where its window is observed less than `MIN_COVERAGE`, or has no range."""
    table = rolling_iv_rank(history, lookback)
    return table["rank"].where(table["observations"] >= MIN_COVERAGE * lookback)


def open_gate_by_weekday(
    history: IvHistory, threshold: float = GATE_RANK, lookback: int = IVR_LOOKBACK, min_coverage: float = MIN_COVERAGE
) -> tuple[OpenGateShare, ...]:
    """Frequency of ranks below a threshold, by the weekday of the ranked close.

    An index built on the wrong clock shows here: it opens the gate on Fridays. The decision that a close opens is
    taken on the next session.

    Parameters
    ----------
    history : IvHistory
    threshold : float
        Open below this rank.
    lookback : int
        Sessions.
    min_coverage : float
        Days whose window is observed less than this are left out.

    Returns
    -------
    tuple of OpenGateShare
        Monday to Friday.
    """
    table = rolling_iv_rank(history, lookback)
    ranked = table[(table["observations"] >= min_coverage * lookback) & table["rank"].notna()]
    weekday = pd.DatetimeIndex(ranked.index).day_of_week
    is_open = (ranked["rank"] < threshold).to_numpy()
    return tuple(
        OpenGateShare(name, int((weekday == day).sum()), int(is_open[weekday == day].sum()))
        for day, name in enumerate(WEEKDAYS)
    )


def _check_lookback(lookback: int) -> None:
    if lookback < 2:
        raise InputError("lookback", lookback, "needs at least 2 sessions")


def _on_sessions(values: pd.Series, first: date, last: date) -> pd.Series:
    """Values of every session from `first` to `last`, NaN where there is none."""
    return values.reindex(pd.DatetimeIndex(sessions(first, last)))


def _warnings(
    series: str, before: date, value_date: date, lookback: int, observations: int, missed: int, ignored: int
) -> tuple[str, ...]:
    lines = []
    if missed:
        lines.append(
            f"values given of {series} end on {value_date}: {counted(missed, 'sessions')} before {before} have no value"
        )
    if observations < MIN_COVERAGE * lookback:
        lines.append(
            f"{series} has {observations} of {lookback} sessions: the rank covers {observations / lookback:.0%}"
        )
    if ignored:
        lines.append(f"{series}: values on days without a session ignored: {ignored}")
    return tuple(lines)
