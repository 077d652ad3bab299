"""Equity and drawdown by session: by booked results, and by marks of open positions.

A drawdown of booked results only reaches the realised losses: a position that was far under water and recovered
leaves no trace in it. Where trades carry marks, the account is marked by them.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.metrics import Drawdown, drawdown
from iwm_opts.journal.trade_log import marks_of
from iwm_opts.market.calendar import latest_session, sessions

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep an equity fell."""

    drawdown: Drawdown
    worst_day: float  # dollars, the least change from one session to the next
    worst_date: date | None  # None without a session


@dataclass(frozen=True, slots=True, eq=False)
class MarkedEquity:
    """Equity with open positions at their marks."""

    equity: "pd.Series[float]"  # by session
    held: int  # trades held at a close, summed over the sessions
    marked: int  # of them those with a mark of that day; others count at their last mark, or at zero before the first


def depth_of(equity: "pd.Series[float]", before: float) -> Depth:
    """Deepest fall and worst session of some sessions.

    `equity` (shape (sessions,)): NaN and None without a session.
    `before`: equity before the first of them.
    """
    if equity.empty:
        return Depth(drawdown(equity, before), 0.0, None)
    change = np.diff(equity.to_numpy(dtype=np.float64), prepend=before)
    at = int(np.argmin(change))
    return Depth(drawdown(equity, before), float(change[at]), pd.Timestamp(equity.index[at]).date())


def realised_equity(trades: pd.DataFrame, account: float) -> pd.DataFrame:
    """Equity by session: the account plus results booked until its close.

    `trades`: closed ones, with entry, exit, pnl and risk. An exit outside a session counts to the session before.
    `account`: dollars at the start.
    Returns: equity, open_risk (of the positions held at the close; unknown risks count for nothing) and positions.
    """
    first, last = trades["entry"].min().date(), trades["exit"].max().date()
    days = _sessions(first, last)
    exit_rows = np.maximum(np.searchsorted(days, trades["exit"].to_numpy(dtype="datetime64[D]"), side="right") - 1, 0)
    entered = np.minimum(np.searchsorted(days, trades["entry"].to_numpy(dtype="datetime64[D]")), exit_rows)
    booked, risk, held = np.zeros(len(days)), np.zeros(len(days) + 1), np.zeros(len(days) + 1)
    np.add.at(booked, exit_rows, trades["pnl"].to_numpy(dtype=np.float64))
    at_risk = trades["risk"].fillna(0.0).to_numpy(dtype=np.float64)
    for places, sign in ((entered, 1.0), (exit_rows, -1.0)):
        np.add.at(risk, places, sign * at_risk)
        np.add.at(held, places, sign)
    columns = {
        "equity": account + np.cumsum(booked),
        "open_risk": np.cumsum(risk)[:-1],
        "positions": np.rint(np.cumsum(held)[:-1]).astype(np.int64),
    }
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days.astype("datetime64[us]"), name="date"))


def marked_equity(trades: pd.DataFrame, account: float) -> MarkedEquity | None:
    """Account by the session, with every trade at its mark; None where no trade has one while it is held.

    `trades`: of a log, open ones too: entry, exit, pnl and marks.
    `account`: dollars at the start.
    Returns: a trade counts nothing before its entry, its last mark of that session or before while it is held, and its
      result from the session of its exit on.
    """
    priced = trades[trades["exit"].isna() | trades["pnl"].notna()]
    marks = [marks_of(text) for text in priced["marks"]]
    days = [day for trade_marks in marks for day in trade_marks]
    if not days:
        return None
    first, last = priced["entry"].min().date(), max([*days, *(at.date() for at in priced["exit"].dropna())])
    calendar = _sessions(first, last)
    total, held, marked = np.full(len(calendar), account), 0, 0
    for entry, exit_time, pnl, trade_marks in zip(priced["entry"], priced["exit"], priced["pnl"], marks, strict=True):
        begin = int(np.searchsorted(calendar, np.datetime64(entry.date())))
        end = len(calendar)
        if pd.notna(exit_time):  # of a day without a session, the one before
            end = max(int(np.searchsorted(calendar, np.datetime64(exit_time.date()), side="right")) - 1, 0)
        ordered = sorted(trade_marks.items())
        values = np.array([0.0, *(gain for _, gain in ordered)])
        marked_days = np.array([day for day, _ in ordered], dtype="datetime64[D]")
        total[begin:end] += values[np.searchsorted(marked_days, calendar[begin:end], side="right")]
        total[end:] += 0.0 if pd.isna(exit_time) else pnl
        held += max(end - begin, 0)
        marked += sum(begin <= int(np.searchsorted(calendar, np.datetime64(day))) < end for day in trade_marks)
    if not marked:
        return None
    index = pd.DatetimeIndex(calendar.astype("datetime64[us]"), name="date")
    return MarkedEquity(pd.Series(total, index=index, name="equity"), held, marked)


def _sessions(first: date, last: date) -> "NDArray[np.datetime64]":
    """Sessions of some days; the one before them where they hold none, as a trade on a holiday has it."""
    days = sessions(first, last)
    return days if len(days) else sessions(latest_session(first), last)
