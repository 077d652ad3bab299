"""The momentum edge on one-minute bars: entered some minutes after the open, left at minute 45, a stop or a target."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.shares import Ledger, Position, Reason, ShareBacktest, ShareRules
from iwm_opts.conventions import counted
from iwm_opts.market.bars import average_true_range
from iwm_opts.market.minutes import Minutes
from iwm_opts.plans.edges import Momentum

NO_BAR: Final = "no bar at the entry minute"
LATEST_FILL = 5  # minutes after the entry minute within which a bar must trade, else no entry


def trade_momentum(
    bars: pd.DataFrame,
    minutes: Minutes,
    edge: Momentum,
    rules: ShareRules | None = None,
    allowed: NDArray[np.bool_] | None = None,
    every_session: bool = False,
) -> ShareBacktest:
    """Trade the momentum edge in shares.

    The entry is the open of the first bar at or after the edge's entry minute, the exit that of the first bar at or
    after its exit minute (the last close before it where trading stopped). Between them stop and target are those of
    the rules on the daily ATR and low known before the session; a bar that opens beyond the stop fills at its open, and
    where one bar reaches both the stop is taken.

    `bars`: daily bars.
    `rules`: its time rules do not apply: the edge has its own clock.
    `allowed` (shape (sessions of `bars`,)): sessions on which the other rules of a plan allow an entry; all unless
      given.
    `every_session`: trade every session, whatever the signal: the baseline.
    Returns: entry and exit in minutes of New York; equity on each session of the minutes that has a daily bar.
    """
    rules = rules or ShareRules()
    days, chosen, notes = momentum_sessions(bars, minutes, edge, allowed, every_session)
    atr = average_true_range(bars).shift(1).reindex(days).to_numpy(dtype=float)
    extreme = (bars["low"] if rules.sign > 0 else bars["high"]).shift(1).reindex(days).to_numpy(dtype=float)
    ledger, marks = Ledger(rules), []
    for place, (_, session) in enumerate(minutes.bars.groupby(pd.DatetimeIndex(minutes.bars.index).normalize())):
        held = bars_from_entry(session, edge) if chosen[place] else None
        if held is not None:
            position = ledger.enter(place, float(held["open"].iloc[0]), extreme[place], atr[place])
            if position is not None:
                when, price, reason = exit_within_session(position, held, edge.exit_minute)
                ledger.leave(position, when, place, price, reason, first=held.index[0])
        elif chosen[place]:
            ledger.skipped[NO_BAR] = ledger.skipped.get(NO_BAR, 0) + 1
        marks.append(ledger.mark(0.0))  # nothing is held overnight
    equity = pd.DataFrame(marks, index=days, columns=["equity", "cash", "open_risk", "positions"])
    return ShareBacktest("momentum, shares", ledger.trades(), equity, ledger.skipped, notes)


def momentum_sessions(
    bars: pd.DataFrame, minutes: Minutes, edge: Momentum, allowed: NDArray[np.bool_] | None, every_session: bool
) -> tuple[pd.DatetimeIndex, NDArray[np.bool_], tuple[str, ...]]:
    """Sessions of the minutes, whether each is traded, and notes; see `trade_momentum`."""
    signal = edge.readings(bars, minutes.bars)["signal"]
    chosen = signal.fillna(False).to_numpy(dtype=bool) | every_session
    if allowed is not None:
        chosen &= pd.Series(allowed, index=bars.index).reindex(signal.index, fill_value=False).to_numpy(dtype=bool)
    unknown = int(signal.isna().sum())
    notes = (f"{counted(unknown, 'sessions')} whose signal is unknown: not traded",) if unknown else ()
    return pd.DatetimeIndex(signal.index), chosen, (*minutes.skipped, *notes)


def bars_from_entry(session: pd.DataFrame, edge: Momentum) -> pd.DataFrame | None:
    """Bars of a session from the edge's entry minute on; None where none opens within `LATEST_FILL` minutes of it."""
    held = session[session["minute"] >= edge.enter_minute]
    return None if held.empty or held["minute"].iloc[0] > edge.enter_minute + LATEST_FILL else held


def exit_within_session(position: Position, held: pd.DataFrame, exit_minute: int) -> tuple[pd.Timestamp, float, Reason]:
    """When, at what price and why a position is left; its worst moment is noted on it.

    `held`: minutes from the entry's on; a high or low that is NaN reaches nothing.
    `exit_minute`: after the open.
    """
    times, minute = pd.DatetimeIndex(held.index), held["minute"].to_numpy(dtype=float)
    opened, high, low, close = (held[name].to_numpy(dtype=float) for name in ("open", "high", "low", "close"))
    for i in range(len(held)):
        if minute[i] >= exit_minute:
            return times[i], opened[i], "time"
        outcome = position.at_open(opened[i]) or position.within(high[i], low[i])
        # A high or low that is a bad tick is NaN, and no worst price either.
        position.worst = float(np.fmin(position.worst, position.gain(low[i] if position.sign > 0 else high[i])))
        if outcome:
            position.worst = min(position.worst, position.gain(outcome[0]))
            return times[i], *outcome
    return times[-1], close[-1], "time"
