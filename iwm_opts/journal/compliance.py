"""How each closed trade kept to the plan: its size, its fills, its exit and its checklist, in dollars.

Losses by execution are separated from the market's: `as_planned` is the profit the trade would have made with
the model's fills, left on the day its rules said. Dollars are of the position as it was, and a trade's result is read
per dollar at risk, so that a size that is too large blames nothing else.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.errors import InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.journal.trade_log import ENDED, UNTOLD, TradeLog, accounts_of, answers_of
from iwm_opts.market.calendar import sessions
from iwm_opts.market.minutes import OPENS_AT, SESSION_MINUTES
from iwm_opts.plans.plan import Plan
from iwm_opts.spreads.typed import TypedLeg, legs_of

SIZE_SLACK: Final = 0.05  # by which the risk may exceed the plan's: fees and ticks, not a decision
SLACK: Final = 5.0  # minutes after an intraday plan's minute that an order may take
ANSWER: Final = "answer "  # columns of the checklist's answers begin so


@dataclass(frozen=True, slots=True)
class PlanRules:
    """Rules that a log is held against; None is a rule that the plan does not have."""

    name: str = ""
    criteria: tuple[str, ...] = ()  # of the entry checklist
    minimum: int | None = None  # criteria that must be met
    risk_share: float | None = None  # of the account, on one trade
    account: float | None = None  # dollars
    exit_dte: int | None = None  # leave with this many calendar days left
    exit_sessions: int | None = None  # leave after this many sessions
    exit_minute: int | None = None  # leave so many minutes after the open of the entry's session
    fees: str | None = None  # schedule, as `FeeSchedule.parse` reads it
    symbol: str = ""  # that it trades
    trades_shares: bool | None = None  # shares, or options

    def __post_init__(self) -> None:
        if self.minimum is not None and self.criteria and self.minimum > len(self.criteria):
            rule = f"more than the {len(self.criteria)} criteria there are"
            raise InputError("minimum", self.minimum, rule, "lower it or add criteria")


def rules_of(plan: Plan) -> PlanRules:
    """Rules of a plan that a trade log can be held against."""
    package, shares = plan.package, plan.exits
    sessions = (package.max_sessions if package else 0) or (shares.max_sessions if shares else 0)
    return PlanRules(
        name=plan.name, symbol=plan.symbol, trades_shares=plan.instrument == "shares", criteria=plan.checklist.criteria,
        minimum=plan.checklist.minimum, risk_share=plan.account.risk, account=plan.account.value,
        exit_dte=(package.exit_dte or None) if package else None, exit_sessions=sessions or None,
        exit_minute=plan.momentum.exit_minute if plan.momentum else None,
        fees=plan.costs.fees if package else None,
    )  # fmt: skip


def compliance(log: TradeLog, rules: PlanRules) -> pd.DataFrame:
    """Return closed trades with what each did about the plan.

    Returns: the log's columns, and: `late` (sessions after the due day, for an intraday plan the part of a session
      after its minute; NaN where no due day is known), `late_cost`, `oversize` (risk or contracts over the plan's, less
      1), `size_cost` (loss on the excess, negative for a gain), `fill_cost` (own fills against the model's, both ways),
      `fee_cost`, `slippage` (own fills against mid), `as_planned` (dollars) and `result` (as_planned over risk), `met`
      (criteria met, untold ones up to the minimum; NaN without a checklist) and one column `answer NAME` a criterion.
      Costs are dollars, positive when lost, NaN where unknown.
    """
    trades = log.closed
    units = trades["multiplier"] * trades["contracts"]
    # An unmarked day may have been due before the first marked one that was.
    by_calendar = _due_by_calendar(trades, rules)
    is_earlier = by_calendar.dt.normalize() < trades["due"].dt.normalize()
    due = trades["due"].where(~is_earlier, by_calendar).fillna(by_calendar)
    due_debit = trades["due_debit"].where(~is_earlier)
    late = _lateness(trades, due, rules)
    left_at = trades["exit_model"].fillna(trades["debit"])
    late_cost = (units * (left_at - due_debit)).where(late > 0, np.where(late == 0, 0.0, np.nan))
    entry_cost = units * (trades["entry_model"] - trades["credit"])
    exit_cost = units * (trades["debit"] - trades["exit_model"])
    fill_cost = entry_cost.add(exit_cost, fill_value=0.0)
    model_fees = trades["model_fees"].fillna(_fees_by_schedule(trades, rules))
    fee_cost = trades["fees"] - model_fees
    oversize = _oversize(trades, rules)
    excess = (oversize / (1.0 + oversize)).clip(lower=0.0)
    as_planned = trades["pnl"] + fill_cost.fillna(0.0) + late_cost.fillna(0.0) + fee_cost.fillna(0.0)
    slippage = units * (trades["entry_mid"] - trades["credit"]).add(trades["debit"] - trades["exit_mid"], fill_value=0)
    measured = trades.assign(
        due=due, model_fees=model_fees, due_debit=due_debit, late=late, late_cost=late_cost, oversize=oversize,
        size_cost=(-trades["pnl"] * excess).where(oversize.notna()), fill_cost=fill_cost, fee_cost=fee_cost,
        slippage=slippage, as_planned=as_planned, result=as_planned / trades["risk"].fillna(trades["planned_risk"]),
    )  # fmt: skip
    return _with_answers(measured, rules)


def criteria_of(trades: pd.DataFrame) -> list[str]:
    """Names of the checklist's criteria, of a table with `answer NAME` columns."""
    return [str(name).removeprefix(ANSWER) for name in trades if str(name).startswith(ANSWER)]


def _with_answers(trades: pd.DataFrame, rules: PlanRules) -> pd.DataFrame:
    answers = [answers_of(text) for text in trades["checklist"]]
    names = dict.fromkeys([*rules.criteria, *(name for row in answers for name in row)])
    columns = {f"{ANSWER}{name}": [row.get(name, "unknown") if row else "" for row in answers] for name in names}
    met = []
    for row in answers:  # criteria without data count as met, up to the minimum
        count, untold = (list(row.values()).count(answer) for answer in ("met", UNTOLD))
        met.append(max(count, min(count + untold, rules.minimum or 0)) if row else np.nan)
    return trades.assign(met=np.array(met, dtype=np.float64), **columns)


def _oversize(trades: pd.DataFrame, rules: PlanRules) -> pd.Series:
    """Excess over the planned contracts, else over the planned risk, else over the plan's share of the account."""
    by_contracts = trades["contracts"] / trades["planned_contracts"].where(trades["planned_contracts"] > 0) - 1.0
    allowed = trades["planned_risk"]
    if rules.risk_share is not None and rules.account is not None:
        equity = pd.Series(rules.account, index=trades.index)  # at each entry: plus the results booked before
        for _, closed in trades.groupby(accounts_of(trades)):  # in order of their exit
            booked = np.concatenate([[0.0], np.cumsum(closed["pnl"].to_numpy(dtype=np.float64))])
            before = np.searchsorted(closed["exit"].to_numpy(), closed["entry"].to_numpy(), side="right")
            equity[closed.index] += booked[before]
        allowed = allowed.fillna(rules.risk_share * equity)
    return by_contracts.fillna(trades["risk"] / allowed.where(allowed > 0) - 1.0)


def _fees_by_schedule(trades: pd.DataFrame, rules: PlanRules) -> pd.Series:
    """Fees of the plan's schedule for the legs, in and out; NaN where they expire on several days.

    The SEC's share of the premium sold is left out: the premium of each leg is not in the log, and on a dollar of it
    that is a fifth of a cent.
    """
    if rules.fees is None:
        return pd.Series(np.nan, index=trades.index)
    schedule, charged = FeeSchedule.parse(rules.fees), []
    for text, count, reason in zip(trades["legs"], trades["contracts"].astype(int), trades["reason"], strict=True):
        try:
            legs = legs_of([TypedLeg.parse(leg) for leg in text.split()])
        except InputError:
            charged.append(np.nan)
            continue
        closing = 0.0 if reason in ENDED else schedule.closing_fees(legs, count, 0.0)
        charged.append(count * (schedule.opening_fees(legs, count, 0.0) + closing))
    return pd.Series(charged, index=trades.index, dtype=np.float64)


def _due_by_calendar(trades: pd.DataFrame, rules: PlanRules) -> pd.Series:
    """Day on which the plan's exits by time called at the latest: days left, or sessions held; NaT without either."""
    due = pd.Series(pd.NaT, index=trades.index, dtype="datetime64[us]")
    if trades.empty or (rules.exit_dte is None and rules.exit_sessions is None and rules.exit_minute is None):
        return due
    if rules.exit_minute is not None:
        due[:] = trades["entry"].dt.normalize()
        return due
    first = min(trades["entry"]).date()
    last = max(trades["exit"].max(), trades["expiration"].max()).date() + timedelta(days=10)
    days = sessions(first, last)
    entry = np.searchsorted(days, _days(trades["entry"]))
    if rules.exit_dte is not None:
        at = _days(trades["expiration"]) - np.timedelta64(rules.exit_dte, "D")
        place = np.searchsorted(days, at)
        # A trade that begins with fewer days left is due on the session after its entry.
        place = np.maximum(place, entry + 1)
        last_day = pd.Series(_at(days, place), index=trades.index).where(trades["expiration"].notna())
        due = last_day.astype("datetime64[us]")
    if rules.exit_sessions is not None:
        by_time = pd.Series(_at(days, entry + rules.exit_sessions), index=trades.index).astype("datetime64[us]")
        due = due.where(due <= by_time, by_time).where(due.notna(), by_time)
    return due


def _lateness(trades: pd.DataFrame, due: pd.Series, rules: PlanRules) -> "pd.Series[float]":
    """Sessions from the due day to the exit, at least 0; NaN where no due day is known.

    Of an intraday plan that left on the day: the part of the session by which its minute was overrun; zero within
    `SLACK`, or without a time.
    """
    exits, counts = trades["exit"], np.full(len(due), np.nan)
    has_due = due.notna().to_numpy()
    if has_due.any():
        first: date = min(due[has_due].min(), exits.min()).date()
        last: date = max(due[has_due].max(), exits.max()).date() + timedelta(days=1)
        days = sessions(first, last)
        wait = np.searchsorted(days, _days(exits)[has_due]) - np.searchsorted(days, _days(due)[has_due])
        counts[has_due] = np.maximum(wait, 0)
    late = pd.Series(counts, index=trades.index)
    if rules.exit_minute is None:
        return late
    leave = trades["entry"].dt.normalize() + pd.Timedelta(minutes=OPENS_AT + rules.exit_minute)
    over: pd.Series[float] = (exits - leave).dt.total_seconds() / 60.0
    part = over.where((exits != exits.dt.normalize()) & (over > SLACK), 0.0) / SESSION_MINUTES
    return late.where(late > 0, part.where(late.notna()))


def _at(days: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.asarray(days[np.minimum(place, len(days) - 1)].astype("datetime64[us]"))


def _days(times: pd.Series) -> np.ndarray:
    return times.to_numpy(dtype="datetime64[D]")
