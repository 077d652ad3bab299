"""Signals on daily bars: True, False or NA, dated by the close that makes them known.

NA is `unknown`: data is missing; an unknown signal is never traded and never counts as met. The first trade that a
signal allows is of the next session.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import NEW_YORK, sessions

ROUNDING: Final = 1e-9  # share of price: a fall of exactly 1.5% is not over 1.5%, whatever binary fractions make of it


def total_return_close(bars: pd.DataFrame) -> "pd.Series[float]":
    """Return adjusted closes where the bars have them, else closes: a dividend is not a decline."""
    return bars["adjusted_close" if "adjusted_close" in bars else "close"]


def session_steps(bars: pd.DataFrame) -> NDArray[np.int64]:
    """Sessions from the bar before to each bar, shape (n,); 2 for the first."""
    days = bars.index.to_numpy(dtype="datetime64[D]")
    if not len(days):  # of a fund that was not listed yet
        return np.zeros(0, dtype=np.int64)
    places = np.searchsorted(sessions(days[0].item(), days[-1].item()), days)
    return np.diff(places, prepend=places[0] - 2)


def is_adjacent(bars: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the bar before is of the session before; False for the first."""
    return pd.Series(session_steps(bars) == 1, index=bars.index, dtype=bool)


def spans_sessions(index: "pd.Index[Any]", ahead: int) -> NDArray[np.bool_]:
    """Whether the bar `ahead` rows on is of the session as many sessions on; False where there is none."""
    days = index.to_numpy(dtype="datetime64[D]")
    spans = np.zeros(len(days), dtype=np.bool_)
    if len(days) > ahead:
        places = np.searchsorted(sessions(days[0].item(), days[-1].item()), days)
        spans[: len(days) - ahead] = places[ahead:] - places[: len(days) - ahead] == ahead
    return spans


def by_date(name: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a caller's series with dates as its index.

    A time with a zone counts on its date in New York, unless it is midnight in its own zone: then it is a date already.

    Raises
    ------
    InputError
        When an index is not of dates, or holds one twice.
    """
    if not isinstance(values, pd.Series):
        raise InputError(name, type(values).__name__, "must be a pandas Series by date", "give dates as its index")
    try:
        if pd.api.types.is_numeric_dtype(values.index.dtype):
            raise TypeError
        index = pd.DatetimeIndex(values.index)
    except (ValueError, TypeError):
        raise InputError(name, str(values.index.dtype), "index is not of dates", "give dates as its index") from None
    dates = index.tz_localize(None).normalize()
    if index.tz is not None:
        local = index.tz_convert(NEW_YORK).tz_localize(None).normalize()
        dates = dates.where(index.tz_localize(None) == dates, local)
    if dates.hasnans or dates.has_duplicates:
        day = "NaT" if dates.hasnans else str(dates[dates.duplicated()][0].date())
        raise InputError(name, day, "must be a date that occurs once", "give one value a day")
    return values.set_axis(dates)


def on_days(name: str, values: "pd.Series[Any]", days: Sequence[date]) -> "pd.Series[Any]":
    """Values of a caller's series on some days, ascending; NaN where it has none.

    Raises
    ------
    InputError
        When an index is not of dates, or none of them is among the days.
    """
    dated, index = by_date(name, values), pd.DatetimeIndex(list(days))
    if not dated.index.isin(index).any():
        given = f"{dated.index.min().date()} to {dated.index.max().date()}" if len(dated) else "no date"
        rule = f"no date among the market's days, {index[0].date()} to {index[-1].date()}"
        raise InputError(name, given, rule, "give dates of the market")
    return dated.reindex(index)


def allowed_on(signals: "pd.Series[bool]", days: Sequence[date]) -> NDArray[np.bool_]:
    """Days on which a signal of the session before allows an entry; an unknown or an older one allows none.

    Parameters
    ----------
    signals : Series of boolean
        Dated by the close that makes them known.
    days : sequence of date, length n
        Sessions, ascending.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    dates = np.array(days, dtype="datetime64[D]")
    if not len(dates):
        return np.zeros(0, dtype=bool)
    calendar = sessions((dates[0] - np.timedelta64(14, "D")).item(), dates[-1].item())
    before = pd.DatetimeIndex(calendar[np.searchsorted(calendar, dates) - 1])
    allowed: NDArray[np.bool_] = signals.reindex(before).fillna(False).to_numpy(dtype=bool)
    return allowed


def session_returns(bars: pd.DataFrame) -> "pd.Series[float]":
    """Return of each session on the session before, dividends included where known; NaN across a missing bar."""
    return total_return_close(bars).pct_change(fill_method=None).where(is_adjacent(bars))


def known_signal(says: "pd.Series[bool]", is_measured: "pd.Series[bool]") -> "pd.Series[bool]":
    """Rule's answer where its data is there, NA elsewhere."""
    unknown = ~is_measured.to_numpy(dtype=bool)
    return pd.Series(pd.arrays.BooleanArray(says.to_numpy(dtype=bool, copy=True), unknown), index=says.index)
