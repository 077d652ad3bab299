"""Share trades day by day: entered at the next open, left at a stop, a target or a time, every cent accounted for.

An order is decided on one session's close and filled at the next session's open. A stop that the market opens beyond
fills at that open; where one bar reaches both stop and target the stop is taken. A share trade is the simplest thing an
edge can be traded with, and what its options are compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.conventions import ACCOUNT, MAX_OPEN, RISK_SHARE, counted
from iwm_opts.errors import InputError
from iwm_opts.market.bars import average_true_range
from iwm_opts.risk.sizing import MAX_OPEN_RISK, share_size

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Reason = Literal["stop", "target", "time", "end of data"]

COLUMNS: Final = (
    "entry", "exit", "reason", "shares", "entry_price", "exit_price", "stop", "target", "atr", "sessions", "days",
    "mid_pnl", "slippage", "fees", "dividends", "pnl", "risk", "max_adverse",
)  # fmt: skip
LEAST_STOP: Final = 0.01  # dollars: a stop below the last cent is not a price


@dataclass(frozen=True, slots=True)
class ShareRules:
    """How a share trade is sized, left and paid for."""

    exits: ShareExits = field(default_factory=ShareExits)
    account: float = ACCOUNT  # dollars at the start
    risk_share: float = RISK_SHARE  # of the equity of the close before
    max_open: int = MAX_OPEN  # positions
    max_open_risk: float = MAX_OPEN_RISK  # of that equity, all positions together
    slippage: float = 0.01  # dollars a share, on the way in, on stops and on time exits; a target is a resting order
    fees: float = 0.0  # dollars a share, each way
    sign: int = 1  # -1 sells short

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise InputError("sign", self.sign, "is neither 1 (long) nor -1 (short)")
        for name in ("slippage", "fees"):
            if not getattr(self, name) >= 0.0:
                raise InputError(name, getattr(self, name), "must be zero or more dollars a share")


@dataclass(frozen=True, slots=True, eq=False)
class ShareBacktest:
    """Trades and equity of share trades.

    `trades` has one row a trade in order of entry: entry, exit (days), reason, shares, entry_price and exit_price
    (dollars, as filled), stop, target (NaN without one), atr (dollars), sessions (the entry's included), days, mid_pnl
    (dollars at the prices before slippage) less slippage and fees plus dividends is pnl, risk (planned loss at the
    stop, slippage included, dollars), max_adverse (lowest unrealised or realised gain before fees, dollars, at most 0).

    `equity` has one row a session: equity (open shares at the close), cash, open_risk, positions.
    """

    label: str
    trades: pd.DataFrame
    equity: pd.DataFrame
    skipped: dict[str, int]  # why an allowed session saw no entry
    notes: tuple[str, ...]


@dataclass(slots=True)
class Position:
    """Shares held."""

    entered: int  # place of the session
    shares: int
    entry: float  # as filled
    quoted: float  # price before slippage
    stop: float
    target: float | None
    atr: float
    risk: float
    sign: int
    dividends: float = 0.0
    worst: float = 0.0  # dollars
    is_due: bool = False  # leaves at the next open

    def gain(self, price: float) -> float:
        """Dollars gained at a price, before fees and dividends."""
        return self.sign * self.shares * (price - self.entry)

    def at_open(self, price: float) -> tuple[float, Reason] | None:
        """Exit at a session's opening price, None without one."""
        if self.is_due:
            return price, "time"
        if self.sign * (price - self.stop) <= 0.0:
            return price, "stop"
        if self.target is not None and self.sign * (price - self.target) >= 0.0:
            return price, "target"
        return None

    def within(self, high: float, low: float) -> tuple[float, Reason] | None:
        """Exit within a bar's range; the stop where both are reached. NaN reaches neither."""
        against, along = (low, high) if self.sign > 0 else (high, low)
        if self.sign * (against - self.stop) <= 0.0:
            return self.stop, "stop"
        if self.target is not None and self.sign * (along - self.target) >= 0.0:
            return self.target, "target"
        return None


class Ledger:
    """Cash, positions and finished trades of one account."""

    def __init__(self, rules: ShareRules) -> None:
        self.rules = rules
        self.cash = rules.account
        self.equity_before = rules.account
        self.open: list[Position] = []
        self.rows: list[dict[str, Any]] = []
        self.skipped: dict[str, int] = {}

    def enter(self, place: int, quoted: float, prior_extreme: float, atr: float) -> Position | None:
        """Open a position at a price, or count why not."""
        position = self._sized(place, quoted, prior_extreme, atr)
        if isinstance(position, str):
            self.skipped[position] = self.skipped.get(position, 0) + 1
            return None
        self.open.append(position)
        self.cash -= position.sign * position.shares * position.entry + self.rules.fees * position.shares
        return position

    def _sized(self, place: int, quoted: float, prior_extreme: float, atr: float) -> Position | str:
        rules, sign = self.rules, self.rules.sign
        if not np.isfinite(quoted + prior_extreme + atr) or not atr > 0.0:
            return "the ATR or the prior session is unknown"
        if len(self.open) >= rules.max_open:
            return "max open positions reached"
        if not self.equity_before > 0.0:
            return "account equity exhausted"
        entry = quoted + sign * rules.slippage
        stop = max(rules.exits.stop(entry, prior_extreme, atr, sign), LEAST_STOP)
        room = self.equity_before * rules.max_open_risk - sum(position.risk for position in self.open)
        share = min(rules.risk_share, room / self.equity_before)
        if not share > 0.0:
            return "positions already on take all the open risk allowed"
        tied_up = sum(position.shares * position.entry for position in self.open)
        available = max(self.equity_before - tied_up, 0.0)
        size = share_size(self.equity_before, share, entry, stop, rules.slippage, available)
        if size.contracts < 1:
            return f"size is zero, limited by {size.limited_by.replace('_', ' ')}"
        target = rules.exits.target(entry, atr, sign)
        return Position(place, size.contracts, entry, quoted, stop, target, atr, size.risk, sign)

    def leave(
        self, position: Position, day: pd.Timestamp, place: int, quoted: float, reason: Reason, first: Any
    ) -> None:
        """Close a position; a target fills at its own price, everything else pays slippage."""
        rules = self.rules
        slipped = 0.0 if reason == "target" else rules.slippage
        price = quoted - position.sign * slipped
        fees = 2.0 * rules.fees * position.shares
        self.cash += position.sign * position.shares * price - rules.fees * position.shares
        self.open.remove(position)
        gain = position.gain(price)
        mid = position.sign * position.shares * (quoted - position.quoted)
        self.rows.append(
            {
                "entry": first,
                "exit": day,
                "reason": reason,
                "shares": position.shares,
                "entry_price": position.entry,
                "exit_price": price,
                "stop": position.stop,
                "target": np.nan if position.target is None else position.target,
                "atr": position.atr,
                "sessions": place - position.entered + 1,
                "days": (day - first).days,
                "mid_pnl": mid,
                "slippage": mid - gain,
                "fees": fees,
                "dividends": position.dividends,
                "pnl": gain - fees + position.dividends,
                "risk": position.risk,
                "max_adverse": min(position.worst, gain, 0.0),
            }
        )

    def trades(self) -> pd.DataFrame:
        """Finished trades, in order of entry."""
        table = pd.DataFrame(self.rows, columns=list(COLUMNS))
        return table.sort_values(["entry", "exit"], kind="stable", ignore_index=True)

    def mark(self, price: float) -> dict[str, float]:
        """Account with open shares at a price; the next size rests on it."""
        held = sum(position.sign * position.shares for position in self.open)
        self.equity_before = self.cash + held * price
        risk = sum(position.risk for position in self.open)
        return {"equity": self.equity_before, "cash": self.cash, "open_risk": risk, "positions": len(self.open)}


def trade_shares(
    bars: pd.DataFrame,
    allowed: Flags,
    rules: ShareRules | None = None,
    first: date | None = None,
    last: date | None = None,
    label: str = "shares",
) -> ShareBacktest:
    """Trade shares on the sessions that are allowed.

    Each session opens with the exits that its open calls for; then, where it is allowed, one position is opened at the
    open; then its range reaches stops and targets; its close decides time stops, which leave at the next open. Sizes
    are a share of the equity of the close before, and no more shares are bought than that pays for.

    Parameters
    ----------
    bars : DataFrame
        As from `io.bars.load_bars`; dividends are received where it has them.
    allowed : ndarray of bool, shape (sessions,)
        Whether a position may be opened at a bar's open: a signal of the close before (`market.signals.allowed_on`).
    rules : ShareRules, optional
    first, last : date, optional
        Sessions traded, both included; what lies before warms the ATR up. Positions still on are closed at the last
        close.
    label : str

    Returns
    -------
    ShareBacktest
    """
    rules = rules or ShareRules()
    if len(allowed) != len(bars):
        raise InputError("allowed", len(allowed), f"must have one flag for each of the {len(bars)} bars")
    days = pd.DatetimeIndex(bars.index)
    start = int(days.searchsorted(pd.Timestamp(first))) if first else 0
    end = int(days.searchsorted(pd.Timestamp(last), side="right")) if last else len(days)
    ledger, marks = Ledger(rules), []
    opened, high, low, close = (bars[name].to_numpy(dtype=float) for name in ("open", "high", "low", "close"))
    atr = average_true_range(bars).shift(1).to_numpy(dtype=float)
    extreme = (bars["low"] if rules.sign > 0 else bars["high"]).shift(1).to_numpy(dtype=float)
    dividend = bars["dividend"].fillna(0.0).to_numpy(dtype=float) if "dividend" in bars else np.zeros(len(bars))
    for t in range(start, end):
        for position in ledger.open:
            paid = position.sign * position.shares * dividend[t]
            position.dividends += paid
            ledger.cash += paid
        _close_where(ledger, days, t, [position.at_open(opened[t]) for position in ledger.open])
        if allowed[t]:
            ledger.enter(t, opened[t], extreme[t], atr[t])
        for position in ledger.open:
            position.worst = min(position.worst, position.gain(low[t] if position.sign > 0 else high[t]))
        _close_where(ledger, days, t, [position.within(high[t], low[t]) for position in ledger.open])
        for position in ledger.open:
            held = t - position.entered + 1
            position.is_due = position.is_due or rules.exits.is_slow(
                held, position.sign * (close[t] - position.entry), position.atr
            )
        if t == end - 1:
            _close_where(ledger, days, t, [(close[t], "end of data")] * len(ledger.open))
        marks.append(ledger.mark(close[t]))
    equity = pd.DataFrame(marks, index=days[start:end], columns=["equity", "cash", "open_risk", "positions"])
    return ShareBacktest(label, ledger.trades(), equity, ledger.skipped, _notes(bars, ledger))


def _close_where(
    ledger: Ledger, days: pd.DatetimeIndex, place: int, exits: Sequence[tuple[float, Reason] | None]
) -> None:
    for position, price in zip(tuple(ledger.open), exits, strict=True):
        if price:
            position.worst = min(position.worst, position.gain(price[0]))
            ledger.leave(position, days[place], place, *price, first=days[position.entered])


def _notes(bars: pd.DataFrame, ledger: Ledger) -> tuple[str, ...]:
    notes = []
    if "dividend" not in bars:
        notes.append("the bars hold no dividends: none were received")
    ended = sum(row["reason"] == "end of data" for row in ledger.rows)
    if ended:
        notes.append(f"{counted(ended, 'trades')} still open at the end of the data, closed there")
    return tuple(notes)
