"""A trade log by the month, and as a whole: the figures of `backtest.metrics`, and what costs were paid over the model.

Months are those in which trades were closed. Equity is the account plus booked results, and where trades carry marks
the account marked by them, each with its own drawdown.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import Metrics, measure
from iwm_opts.conventions import ACCOUNT, counted
from iwm_opts.errors import InputError
from iwm_opts.journal.compliance import PlanRules, compliance
from iwm_opts.journal.diagnosis import Diagnosis, diagnose
from iwm_opts.journal.equity import Depth, MarkedEquity, depth_of, marked_equity, realised_equity
from iwm_opts.journal.trade_log import SHARES, SHORT_SHARES, TradeLog, accounts_of, marks_of
from iwm_opts.market.calendar import sessions

COSTS: Final = ("fees", "fee_cost", "slippage", "fill_cost", "late_cost")


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading cost, dollars; NaN where no trade says."""

    fees: float
    fee_cost: float  # fees over the schedule
    slippage: float  # own fills against mid, both ways
    fill_cost: float  # own fills against the model, both ways
    late_cost: float  # leaving after the due day
    known_slippage: int  # trades that say
    known_fills: int


@dataclass(frozen=True, slots=True)
class Span:
    """A month, or all of it."""

    name: str
    metrics: Metrics  # of booked results
    costs: Costs
    booked: Depth
    marked: Depth | None  # None: no trade carries marks


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """A log by the month, as a whole, and its diagnosis."""

    log: TradeLog
    plan: str  # name; "" without one
    account: float  # dollars at the start, of all accounts in the log
    months: tuple[Span, ...]
    whole: Span
    equity: pd.DataFrame  # of booked results, by session: equity, open_risk, positions
    marked: MarkedEquity | None  # None: no trade carries marks
    diagnosis: Diagnosis
    baseline: str  # benchmark of the results; "" for the log itself

    @property
    def open_marks(self) -> tuple[float, int]:
        """P&L of the open trades at their last marks, dollars, and the number of open trades with a mark."""
        marks = [marks_of(text) for text in self.log.open["marks"]]
        last = [trade_marks[max(trade_marks)] for trade_marks in marks if trade_marks]
        return sum(last), len(last)


def review(
    log: TradeLog,
    rules: PlanRules | None = None,
    baseline: pd.DataFrame | None = None,
    baseline_name: str = "",
    account: float | None = None,
) -> Review:
    """Review the closed trades of a log.

    Raises InputError when the log has no closed trade.

    `rules`: of the plan they should have followed.
    `baseline`: trades of a backtest, see `diagnosis.diagnose`.
    `baseline_name`: what to call it.
    `account`: dollars at the start, of each account in the log; the plan's, else the default.
    """
    rules = rules or PlanRules()
    each = account or rules.account or ACCOUNT
    if account is not None:
        rules = replace(rules, account=account)
    log = of_plan(log, rules)
    count = max(accounts_of(log.trades).nunique(), 1)
    if count > 1:
        of_paths = accounts_of(log.trades).str.startswith("path ").all()
        what = "paths" if of_paths else "accounts"
        note = f"{count} {what}, each taken to start with ${each:,.0f}: sizes are held against its own equity"
        log = replace(log, notes=(*log.notes, note))
    diagnosis = diagnose(log, rules, baseline)
    start = each * count
    trades = compliance(log, rules)
    entry, exits = (trades[name].to_numpy(dtype="datetime64[D]") for name in ("entry", "exit"))
    days = sessions(trades["entry"].min().date(), trades["exit"].max().date())
    held = np.searchsorted(days, exits) - np.searchsorted(days, entry)
    trades = trades.assign(sessions=held, days=(exits - entry).astype(np.int64))
    equity, marked = realised_equity(trades, start), marked_equity(log.trades, start)
    months = []
    for month, table in trades.groupby(trades["exit"].dt.to_period("M"), sort=True):
        inside = equity[(equity.index >= month.start_time) & (equity.index <= month.end_time)]
        figures = measure(table, inside, _before(equity["equity"], month.start_time, start))
        booked = _depth(equity["equity"], month, start)
        depth = _depth(marked.equity, month, start) if marked else None
        months.append(Span(str(month), figures, _costs(table), booked, depth))
    depth = depth_of(marked.equity, start) if marked else None
    whole = Span("all", measure(trades, equity, start), _costs(trades), depth_of(equity["equity"], start), depth)
    return Review(log, rules.name, start, tuple(months), whole, equity, marked, diagnosis, baseline_name)


def _before(equity: "pd.Series[float]", moment: pd.Timestamp, account: float) -> float:
    earlier = equity[equity.index < moment]
    return float(earlier.iloc[-1]) if len(earlier) else account


def _depth(equity: "pd.Series[float]", month: pd.Period, account: float) -> Depth:
    inside = equity[(equity.index >= month.start_time) & (equity.index <= month.end_time)]
    return depth_of(inside, _before(equity, month.start_time, account))


def of_plan(log: TradeLog, rules: PlanRules) -> TradeLog:
    """Trades that a plan may have called for; the others are left out, and counted in a note by kind.

    A trade that names the plan follows it. One that names none does where symbol and instrument are the plan's: shares,
    or options; trades without that field count for the plan.

    Raises InputError when no trade is left.
    """
    trades = log.trades
    named = trades["plan"] != ""
    others = {"of other plans": named & (trades["plan"] != rules.name) & (rules.name != "")}
    unnamed = ~named
    if rules.symbol:
        others[f"in other symbols than {rules.symbol}"] = unnamed & ~trades["symbol"].isin(("", rules.symbol))
    if rules.trades_shares is not None:
        in_shares = trades["strategy"].isin((SHARES, SHORT_SHARES))
        wrong = ~in_shares & (trades["strategy"] != "") if rules.trades_shares else in_shares
        others[f"in {'options' if rules.trades_shares else 'shares'}, which the plan does not trade"] = unnamed & wrong
    left_out = pd.Series(False, index=trades.index)
    notes = []
    for what, flags in others.items():
        count = int((flags & ~left_out).sum())
        left_out |= flags
        notes += [f"{counted(count, 'trades')} {what} left out"] if count else []
    if not notes:
        return log
    if left_out.all():
        plans = ", ".join(sorted(set(trades["plan"]) - {""}))
        what = f"they follow {plans}" if plans else "; ".join(notes)
        raise InputError("plan", rules.name, f"no trade of {log.source} follows it, {what}", "name theirs")
    return replace(log, trades=trades[~left_out].reset_index(drop=True), notes=(*log.notes, *notes))


def _costs(trades: pd.DataFrame) -> Costs:
    total = {name: float(trades[name].sum(min_count=1)) for name in COSTS}
    return Costs(
        **total,
        known_slippage=int(trades["slippage"].notna().sum()),
        known_fills=int(trades["fill_cost"].notna().sum()),
    )
