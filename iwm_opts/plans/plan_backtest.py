"""Stages and verdict of a plan's backtest; `plans.runner` runs them.

A plan that fails in all three stress periods is to be restructured; one that holds in two of them is worth paper
trading. A period's trades are those entered in it, followed to their end, on an account that starts afresh.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bands import Uncertainty
from iwm_opts.backtest.metrics import STRESS_PERIODS, Metrics, Period
from iwm_opts.backtest.quote_bands import Entered
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.shares import ShareRules
from iwm_opts.conventions import Provenance
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.signals import allowed_on, known_signal
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import Plan
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.spreads.entry_rule import CONDOR, LONG_CALL, EntryRule

Flags = NDArray[np.bool_]

CREDIT, DEBIT, SINGLE = "bull-put", "bull-call", LONG_CALL
WORTH_PAPER: Final = 2  # of the three stress periods


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stretch of days, and the data to trade the plan on."""

    period: Period
    data: Inputs
    market: DailyMarket | None = None  # quotes of options; shares need none


@dataclass(frozen=True, slots=True, eq=False)
class StageResult:
    """Result of the plan in one period."""

    period: Period
    metrics: Metrics | None  # None where there was nothing to trade on
    trades: pd.DataFrame  # columns of `backtest.result.Backtest` or `backtest.shares.ShareBacktest`
    equity: pd.DataFrame
    counts: dict[str, int]  # signals, what blocked them, why allowed sessions saw no entry
    reason: str = ""  # why there is nothing; empty where there is
    entered: tuple[Entered, ...] = ()  # runs of the options engine whose uncertainty is still to be measured
    uncertainty: Uncertainty | None = None  # of the mean net gain of a package of options; None without a trade

    @property
    def holds(self) -> bool | None:
        """Whether the plan gained after costs; None without data or without a trade."""
        return self.metrics.pnl > 0.0 if self.metrics and self.metrics.trades else None


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """A plan over its periods, and the verdict on the stress periods."""

    plan: Plan
    market: str
    provenance: Provenance  # of the quotes of options
    stress: tuple[StageResult, ...]
    ranges: tuple[StageResult, ...]  # other stretches asked for
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence in the strategy's own terms."""
        return verdict([stage.holds for stage in self.stress])


def verdict(holds: Sequence[bool | None]) -> str:
    """Verdict of the stress periods on a plan.

    `holds`: one a period: gained after costs, did not, or says nothing (no data, or no trade).
    """
    held, failed, total = sum(stage is True for stage in holds), sum(stage is False for stage in holds), len(holds)
    silent = total - held - failed
    unsaid = f"; {silent} of {total} say nothing: no data, or no trade" if silent else ""
    if total and failed == total:
        return f"fails in all {total} stress periods: restructure"
    if held >= WORTH_PAPER:
        return f"holds in {held} of {total} stress periods: worth paper trading{unsaid}"
    if held + silent >= WORTH_PAPER:
        return f"not decided: holds in {held} of {total} stress periods{unsaid}"
    return f"holds in {held} of {total} stress periods: not worth paper trading yet{unsaid}"


def stress_stages(data: Inputs, market: DailyMarket | None = None) -> list[Stage]:
    """Three stress periods on one history."""
    return [Stage(period, data, market) for period in STRESS_PERIODS]


def strategies(plan: Plan, data: Inputs, days: Sequence[date]) -> list[tuple[str, Flags]]:
    """Strategy of each session: a vertical is chosen by the rank of the close before.

    Where that rank is unknown it is a debit spread.
    """
    always = np.ones(len(days), dtype=bool)
    if plan.instrument == "condor":
        return [(CONDOR, always)]
    if plan.instrument == "options":
        return [(SINGLE, always)]
    package = plan.package
    assert package is not None
    if plan.rule.sells_premium and package.kind == "by-rule":
        return [(CREDIT, always)]  # it sells premium, whatever the rank
    if package.kind != "by-rule":
        return [(package.kind, always)]
    rich = np.zeros(len(days), dtype=bool)
    if data.history is not None and len(data.history.last(1)):
        ranks = gate_ranks(data.history)
        rich = allowed_on(known_signal(ranks >= package.credit_rank, ranks.notna()), days)
    return [(CREDIT, rich), (DEBIT, ~rich)]


def share_rules(plan: Plan) -> ShareRules:
    """Rules of the daily share loop under a plan."""
    account, costs = plan.account, plan.costs
    return ShareRules(
        exits=plan.share_exits, account=account.value, risk_share=account.risk, max_open=account.max_open,
        max_open_risk=account.max_open_risk, slippage=costs.share_slippage, fees=costs.share_fees,
    )  # fmt: skip


def engine_rules(plan: Plan, strategy: str) -> Rules:
    """Rules of the options engine under a plan; its entry days replace the gate."""
    package, costs = plan.package, plan.costs
    assert package is not None
    wing = package.wing
    return Rules(
        entry=EntryRule(
            strategy=strategy,
            dte=package.dte,
            dte_slack=package.dte_slack,
            put_delta=package.delta,
            call_delta=package.delta,
            put_wing=wing,
            call_wing=wing,
            max_open=plan.account.max_open,
        ),
        gate=GateRule(below=None),
        exit=ExitRule(
            profit=package.profit or None,
            stop=package.exit_levels.stop_level(is_credit=EntryRule(strategy).is_credit),
            dte=package.exit_dte or None,
            sessions=package.max_sessions or None,
        ),
        size=SizeRule(
            risk_share=plan.account.risk, account=plan.account.value, max_open_risk=plan.account.max_open_risk
        ),
        costs=replace(
            Costs(), entry=FillModel.parse(costs.fill), exit=FillModel.parse(costs.fill),
            fees=FeeSchedule.parse(costs.fees),
        ),
    )  # fmt: skip
