"""The IV rank gate: one rule for screens, plans and backtests."""

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from iwm_opts.conventions import IVR_LOOKBACK, MIN_COVERAGE, STALE_SESSIONS
from iwm_opts.market.calendar import sessions
from iwm_opts.market.iv_rank import IvHistory, IvRank, rolling_iv_rank

CARRY_DAYS = 21  # calendar days that hold STALE_SESSIONS sessions, whatever the holidays


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition, its state and reasons."""

    condition: str
    is_open: bool
    reasons: tuple[str, ...]


ALWAYS_OPEN = Gate("none", True, ("no IV rank condition was asked for",))


def ivr_gate(rank: IvRank | None, below: float) -> Gate:
    """Open when the IV rank is below a threshold; closed, with the reason, when there is none.

    Parameters
    ----------
    rank : IvRank or None
        None: no history was given.
    below : float
        0 to 100, itself excluded.
    """
    condition = f"IV rank < {below:g}"
    if rank is None:
        return Gate(condition, False, ("no IV history to rank within; give `iv_history`",))
    if math.isnan(rank.rank):
        return Gate(condition, False, (f"{rank.series} has no rank: {rank.reason}",))
    if rank.sessions_missed > STALE_SESSIONS:
        last = f"values given of {rank.series} end on {rank.value_date}, {rank.sessions_missed} sessions ago"
        return Gate(condition, False, (f"{last}: too old to open a gate; give a history that goes on",))
    if rank.observations < MIN_COVERAGE * rank.lookback:
        few = f"{rank.series} has {rank.observations} of {rank.lookback} sessions: too few to open a gate"
        return Gate(condition, False, (f"{few}; give a longer history or a shorter `ivr_lookback`",))
    is_open = rank.rank < below
    side = "below" if is_open else "not below"
    when = f"{rank.value_date} (the close before)" if rank.sessions_missed == 0 else str(rank.value_date)
    return Gate(condition, is_open, (f"{rank.series} ranks {rank.rank:.1f} on {when}, {side} {below:g}",))


def known_rank(rank: IvRank | None) -> float | None:
    """IV rank that a gate would go by, 0 to 100; None where it is missing, too old or of too few sessions."""
    return rank.rank if rank is not None and ivr_gate(rank, math.inf).is_open else None


@lru_cache(maxsize=16)  # every variant of a sweep asks for those of the same few histories
def gate_ranks(history: IvHistory, lookback: int = IVR_LOOKBACK, measure: str = "rank") -> "pd.Series[float]":
    """Rank that a gate reads after the close of each session.

    Parameters
    ----------
    history : IvHistory
    lookback : int
        Sessions.
    measure : {"rank", "percentile"}

    Returns
    -------
    Series of float, shape (sessions,)
        From the first observation to `STALE_SESSIONS` sessions after the last. The latest observation's, at most
        `STALE_SESSIONS` sessions old; NaN where its window is observed less than `MIN_COVERAGE` or has no range.
    """
    table = rolling_iv_rank(history, lookback)
    rank = table[measure].where(table["observations"] >= MIN_COVERAGE * lookback).to_numpy(dtype=np.float64)
    observed = table.index.to_numpy(dtype="datetime64[D]")
    calendar = sessions(observed[0].item(), observed[-1].item() + timedelta(days=CARRY_DAYS))
    calendar = calendar[: np.searchsorted(calendar, observed[-1]) + STALE_SESSIONS + 1]
    newest = np.searchsorted(observed, calendar, side="right") - 1
    age = np.arange(len(calendar)) - np.searchsorted(calendar, observed)[newest]
    return pd.Series(np.where(age <= STALE_SESSIONS, rank[newest], np.nan), index=pd.DatetimeIndex(calendar))
