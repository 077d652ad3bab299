"""Decision of a plan, take or skip, for one session or all sessions of a backtest.

A plan enters on a session when its edge signalled, the macro filter is known to be clear and enough of the checklist is
met, all read from the session before; the momentum edge alone reads the first minutes of the session itself.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import is_session, latest_session, next_session
from iwm_opts.market.sector_filter import MacroState
from iwm_opts.market.signals import allowed_on
from iwm_opts.plans.checklist import Checklist, Inputs, checklist, criteria_met
from iwm_opts.plans.edges import SignalState
from iwm_opts.plans.plan import Plan

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decision:
    """Take or skip, and why."""

    day: date  # session of the entry
    signal: SignalState
    macro: MacroState | None  # None: the filter does not apply to the plan
    checklist: Checklist

    @property
    def take(self) -> bool:
        """Whether the plan enters."""
        clear = self.macro is None or self.macro.state == "met"
        return self.signal.state == "met" and clear and self.checklist.passes

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons against an entry; reasons for it where none are against."""
        words = {"met": "is there", "unmet": "is not there", "unknown": "is unknown"}
        against = []
        if self.signal.state != "met":
            against.append(f"the signal {words[self.signal.state]}: {self.signal.detail}")
        if self.macro is not None and self.macro.state != "met":
            blocks = "blocks entries" if self.macro.state == "unmet" else "is unknown, and unknown never counts as met"
            against.append(f"the macro filter {blocks}: {self.macro.detail}")
        met, minimum = self.checklist.met, self.checklist.minimum
        counted = f"{met} of {len(self.checklist.answers)} criteria are met, {minimum} are needed"
        if not self.checklist.passes:
            against.append(counted)
        return tuple(against) or (f"the signal is there: {self.signal.detail}", counted)


@dataclass(frozen=True, slots=True, eq=False)
class EntryDays:
    """Sessions on which a plan allows an entry, and the rules that blocked others."""

    allowed: Flags  # shape (bars,): at the bar's open; for momentum when its first minutes are over
    signal: Flags  # what of it each rule alone says, shape (bars,)
    clear: Flags  # the macro filter; all of them where it does not apply
    enough: Flags  # the checklist
    counts: dict[str, int]


def decide(plan: Plan, data: Inputs, day: date) -> Decision:
    """Decide an entry on a session; nothing dated on or after it is read but the first minutes.

    Raises InputError when the day is not a session, or the bars do not reach the session before.
    """
    if not is_session(day):
        raise InputError("as_of", day.isoformat(), "not a session", f"give `as_of` {next_session(day)}")
    before = latest_session(day - timedelta(days=1))
    if pd.Timestamp(before) not in data.bars.index:
        oldest, newest = data.bars.index[0].date(), data.bars.index[-1].date()
        if before < oldest:
            rule = f"the bars have no {before}, they begin on {oldest}"
            raise InputError("as_of", day.isoformat(), rule, "give older bars, or a later `as_of`")
        if before < newest:
            rule = f"the bars have no {before}, a session between {oldest} and {newest}"
            raise InputError("as_of", day.isoformat(), rule, "give bars that have it")
        raise InputError(
            "as_of", day.isoformat(), f"the bars have no {before}, they end on {newest}",
            f"give newer bars, or `as_of` {next_session(newest)}",
        )  # fmt: skip
    macro = plan.filter.on(data.funds.get(plan.macro.symbol), day) if plan.filter_applies else None
    answers = checklist(plan.checklist.criteria, plan.checklist.minimum, data, day)
    return Decision(day, plan.rule.state_on(data, day), macro, answers)


def decision_day(plan: Plan, data: Inputs) -> date:
    """Newest session that the data can decide on: the one after the last bar; for momentum the last of minutes."""
    if plan.momentum and data.minutes is not None:
        days = pd.DatetimeIndex(data.minutes.bars.index)
        return min(days[-1].date(), next_session(data.bars.index[-1].date()))
    return next_session(data.bars.index[-1].date())


def entry_days(plan: Plan, data: Inputs, within: Flags | None = None) -> EntryDays:
    """Every session on which the plan allows an entry; what `decide` says of each, all at once.

    Raises InputError when the data of the edge or of the sector filter are missing.

    `within` (shape (bars,)): sessions that are looked at; all unless given.
    """
    days = [day.date() for day in data.bars.index]
    everywhere = np.ones(len(days), dtype=bool)
    inside = everywhere if within is None else within
    counts: dict[str, int] = {}
    signal = plan.rule.entries(data)
    allowed = inside & signal
    counts["signals"] = int(allowed.sum())
    clear = everywhere
    if plan.filter_applies:
        fund = data.funds.get(plan.macro.symbol)
        if fund is None:
            raise InputError(
                "macro.symbol", plan.macro.symbol, "the plan's macro filter reads a fund that was not given",
                f"give `{plan.macro.symbol.lower()}` FILE, or set enabled = false under [macro]",
            )  # fmt: skip
        says = plan.filter.clear(fund)
        clear = allowed_on(says, days)
        is_unknown = ~clear & ~allowed_on(~says, days)
        counts["blocked by the macro filter"] = int((allowed & ~clear & ~is_unknown).sum())
        counts["macro filter unknown, not traded"] = int((allowed & is_unknown).sum())
        allowed = allowed & clear
    passes = criteria_met(plan.checklist.criteria, data) >= plan.checklist.minimum
    enough = allowed_on(passes.astype("boolean"), days)
    counts["short of the checklist"] = int((allowed & ~enough).sum())
    allowed = allowed & enough
    counts["entries allowed"] = int(allowed.sum())
    return EntryDays(allowed, signal, clear, enough, counts)
