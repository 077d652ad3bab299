"""What went wrong, and what did not: rules and execution apart from the market, each claim with the number behind it.

Every claim is a test of its own, and all of them together accuse falsely with a chance of at most `FAMILY_ERROR`: half
of it is spent on the edge, half on the trader's habits (Holm). Habits (late exits, sizes over the plan, entries below
the checklist's minimum) are shares of trades against a share that is tolerated; slips below it are counted and shown,
and named no fault. The market's part is judged on results put right for execution (`compliance`), against equal samples
of a backtest.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.errors import InputError
from iwm_opts.journal import edge_state
from iwm_opts.journal.compliance import SIZE_SLACK, PlanRules, compliance, criteria_of
from iwm_opts.journal.edge_state import EdgeState
from iwm_opts.journal.findings import Finding, criterion, fills, is_broken, late, minimum, sides_of, size
from iwm_opts.journal.inference import EDGE_PART, FAMILY_ERROR, Estimate, difference_of, holm, mean_of
from iwm_opts.journal.trade_log import TradeLog

Array = NDArray[np.float64]

MISSING: Final = {  # what the lack of a column means
    "fill_cost": "model fills (entry_model, exit_model) are unknown in {}: own fills are part of the results there",
    "late": "the day that a rule called for the exit (due) is unknown in {}",
    "oversize": "the planned size is unknown in {}",
    "result": "the risk is unknown in {}: they are excluded from the results",
    "met": "the checklist was not kept in {}",
}


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """Results with and without something, dollars per dollar at risk, put right for execution."""

    name: str
    kind: Literal["criterion", "exit"]
    with_it: Estimate
    without_it: Estimate
    difference: Estimate
    losers: int  # among the trades without it for a criterion, with it for an exit


@dataclass(frozen=True, slots=True)
class Losers:
    """Common features of the losing trades."""

    n: int
    broke: dict[str, int]  # rule: losing trades that broke it
    winners_broke: dict[str, int]
    judged: int  # losing trades whose size, exit or number of criteria could be judged
    obeyed: int  # of them those that broke none of the three
    winners: int

    @classmethod
    def of(cls, trades: pd.DataFrame, rules: PlanRules) -> "Losers":
        """Count the rules that losing and winning trades broke."""
        broken = {
            "late exit": trades["late"] > 0,
            "size": trades["oversize"] > SIZE_SLACK,
            "checklist minimum": trades["met"] < (rules.minimum if rules.minimum is not None else -1),
        }
        habits = broken["late exit"] | broken["size"] | broken["checklist minimum"]
        broken |= {name: is_broken(trades, name) for name in criteria_of(trades)}
        lost, rated = trades["pnl"] <= 0.0, trades["late"].notna() | trades["oversize"].notna()
        if rules.minimum is not None:
            rated |= trades["met"].notna()
        by_losers, by_winners = (
            {name: int((flags & side).sum()) for name, flags in broken.items()} for side in (lost, ~lost)
        )
        counts = (int(flags.sum()) for flags in (lost & rated, lost & rated & ~habits, ~lost))
        return cls(int(lost.sum()), by_losers, by_winners, *counts)


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """Everything found in one log."""

    trades: pd.DataFrame  # of `compliance`
    findings: tuple[Finding, ...]
    effects: tuple[RuleEffect, ...]
    losers: Losers
    edge: EdgeState
    family_error: float

    @property
    def notes(self) -> tuple[str, ...]:
        """List the habits without a judgement, and why."""
        counts = [(text, int(self.trades[name].isna().sum())) for name, text in MISSING.items()]
        return tuple(text.format(f"{count} of {len(self.trades)} trades") for text, count in counts if count)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Kinds of faults."""
        return tuple(finding for finding in self.findings if finding.is_fault)


def diagnose(log: TradeLog, rules: PlanRules, baseline: pd.DataFrame | None = None) -> Diagnosis:
    """Diagnose the closed trades of a log.

    Raises InputError when the log has no closed trade.

    `rules`: of the plan the trades should have followed; the log alone supplies the rest.
    `baseline`: trades of a backtest of the same plan, with entry, exit, pnl and risk. Without it the log is compared
      with itself: whether its later results are worse than its earlier ones.
    """
    trades = compliance(log, rules)
    if trades.empty:
        remedy = "; ".join(log.problems[:3]) or "come back when one is closed"
        raise InputError("trades", log.source, "no closed trade to review", remedy)
    independent = independent_trades(trades)
    dependence = len(trades) / independent
    state = edge_state.judge_edge(trades, independent, baseline)
    drafts = [
        fills(trades),
        late(trades),
        size(trades),
        minimum(trades, rules),
        *(criterion(trades, name, dependence) for name in criteria_of(trades)),
    ]
    adjusted = [p / (1.0 - EDGE_PART) for p in holm([draft.p for draft in drafts])]
    level = (1.0 - EDGE_PART) * FAMILY_ERROR / max(1, sum(not np.isnan(p) for p in adjusted))
    findings = [draft.judged(min(p, 1.0), level) for draft, p in zip(drafts, adjusted, strict=True)]
    edge_draft = edge_state.draft_of(state)
    last = edge_draft.judged(min(edge_draft.p / EDGE_PART, 1.0), EDGE_PART * FAMILY_ERROR)
    state = edge_state.worded(state, last.is_fault)
    return Diagnosis(
        trades, (*findings, replace(last, sentence=state.sentence)), _effects(trades, dependence),
        Losers.of(trades, rules), state, FAMILY_ERROR,
    )  # fmt: skip


def _effects(trades: pd.DataFrame, dependence: float) -> tuple[RuleEffect, ...]:
    """Results with and without each criterion, and by each way of leaving."""
    rated = trades[trades["result"].notna()]
    effects = []
    for name in criteria_of(rated):
        met, broken = sides_of(rated, name)
        losers = int((rated["pnl"][is_broken(rated, name)] <= 0.0).sum())
        effects.append(_effect(name, "criterion", met, broken, dependence, losers))
    for reason in sorted(set(rated["reason"])):
        is_it = rated["reason"] == reason
        values = rated["result"].to_numpy(dtype=np.float64)
        losers = int((rated["pnl"][is_it] <= 0.0).sum())
        mask = is_it.to_numpy()
        effects.append(_effect(reason or "not said", "exit", values[mask], values[~mask], dependence, losers))
    return tuple(effects)


def _effect(
    name: str, kind: Literal["criterion", "exit"], first: Array, second: Array, dependence: float, losers: int
) -> RuleEffect:
    difference, _ = difference_of(first, second, dependence)
    return RuleEffect(name, kind, mean_of(first, dependence), mean_of(second, dependence), difference, losers)
