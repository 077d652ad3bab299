"""A plan put to the test: the stress periods and any range, with the strategy's own verdict.

A plan that fails in all three stress periods is to be restructured; one that holds in two of them is worth paper
trading. A period's trades are those entered in it, followed to their end, on an account that starts afresh.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.engine import Prepared, prepare, run
from iwm_opts.backtest.intraday import trade_momentum
from iwm_opts.backtest.market import DailyMarket
from iwm_opts.backtest.metrics import STORIES, Metrics, Period, measure
from iwm_opts.backtest.rules import CONDOR, LONG_CALL, Costs, EntryRule, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.shares import ShareRules, trade_shares
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.iv_rank import rolling_iv_rank
from iwm_opts.spreads.legs import Wing
from iwm_opts.strategy.checklist import CRITERIA, Inputs
from iwm_opts.strategy.decision import EntryDays, entry_days
from iwm_opts.strategy.edges import Momentum
from iwm_opts.strategy.plan import Plan
from iwm_opts.strategy.signals import allowed_on, known_signal

Flags = NDArray[np.bool_]

CREDIT, DEBIT, SINGLE = "bull-put", "bull-call", LONG_CALL
WORTH_PAPER: Final = 2  # of the three stress periods
FEW_TRADES: Final = 20  # in a period: a win rate of half is known to some 20 points by as many


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stretch of days, and the data to trade the plan on."""

    period: Period
    data: Inputs
    market: DailyMarket | None = None  # quotes of options; shares need none


@dataclass(frozen=True, slots=True, eq=False)
class StageResult:
    """What the plan did in one period."""

    period: Period
    metrics: Metrics | None  # None where there was nothing to trade on
    trades: pd.DataFrame  # columns of `backtest.result.Backtest` or `backtest.shares.ShareBacktest`
    equity: pd.DataFrame
    counts: dict[str, int]  # signals, what blocked them, why allowed sessions saw no entry
    reason: str = ""  # why there is nothing; empty where there is

    @property
    def holds(self) -> bool | None:
        """Whether the plan gained after costs; None without data or without a trade."""
        return self.metrics.pnl > 0.0 if self.metrics and self.metrics.trades else None


@dataclass(frozen=True, slots=True, eq=False)
class PlanResult:
    """A plan over its periods, and the verdict on the stress periods."""

    plan: Plan
    market: str
    is_simulated: bool
    stress: tuple[StageResult, ...]
    ranges: tuple[StageResult, ...]  # other stretches asked for
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence in the strategy's own terms."""
        return verdict([one.holds for one in self.stress])


def verdict(holds: Sequence[bool | None]) -> str:
    """What the stress periods say of a plan.

    Parameters
    ----------
    holds : sequence of bool or None
        One a period: gained after costs, did not, or says nothing (no data, or no trade).
    """
    held, failed, total = sum(one is True for one in holds), sum(one is False for one in holds), len(holds)
    silent = total - held - failed
    unsaid = f"; {silent} of {total} say nothing: no data, or no trade" if silent else ""
    if total and failed == total:
        return f"fails in all {total} stress periods: restructure"
    if held >= WORTH_PAPER:
        return f"holds in {held} of {total} stress periods: worth paper trading{unsaid}"
    if held + silent >= WORTH_PAPER:
        return f"not decided: holds in {held} of {total} stress periods{unsaid}"
    return f"holds in {held} of {total} stress periods: not worth paper trading as it stands{unsaid}"


def stress_stages(data: Inputs, market: DailyMarket | None = None) -> list[Stage]:
    """The three stress periods on one history."""
    return [Stage(period, data, market) for period in STORIES]


def backtest_plan(
    plan: Plan,
    stress: Sequence[Stage],
    ranges: Sequence[Stage] = (),
    progress: Callable[[int, int], None] | None = None,
) -> PlanResult:
    """Run a plan over stress periods and other ranges.

    Parameters
    ----------
    plan : Plan
    stress, ranges : sequence of Stage
        Those the verdict rests on (`stress_stages`), and any others.
    progress : callable, optional
        Told how many of how many stages are done.

    Raises
    ------
    InputError
        When data is missing that the plan's edge, macro filter or instrument cannot do without.
    """
    stages = [*stress, *ranges]
    runner = _Runner(plan)
    results = []
    for done, stage in enumerate(stages, start=1):
        results.append(runner.run(stage))
        if progress:
            progress(done, len(stages))
    market = next((one.market for one in stages if one.market is not None), None)
    in_options = plan.instrument != "shares" and market is not None
    return PlanResult(
        plan,
        market.name if in_options and market else f"daily bars of {plan.symbol}",
        any(one.market.is_simulated for one in stages if one.market is not None),
        tuple(results[: len(stress)]),
        tuple(results[len(stress) :]),
        tuple(dict.fromkeys([*runner.notes, *_few(results[: len(stress)]), *_missing(plan, stages)])),
    )


class _Runner:
    """Runs stages; books of options are built once a market."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.notes: list[str] = []
        self._books: dict[tuple[int, str], Prepared] = {}

    def run(self, stage: Stage) -> StageResult:
        days = pd.DatetimeIndex(stage.data.bars.index)
        first, last = pd.Timestamp(stage.period.first), pd.Timestamp(stage.period.last)
        within = np.asarray((days >= first) & (days <= last))
        if not within.any():
            return _nothing(stage, f"the bars run from {days[0].date()} to {days[-1].date()}")
        allowed = entry_days(self.plan, stage.data, within)
        if isinstance(self.plan.rule, Momentum):
            return self._momentum(stage, allowed, first, last)
        if self.plan.instrument == "shares":
            return self._shares(stage, allowed)
        return self._options(stage, allowed)

    def _shares(self, stage: Stage, allowed: EntryDays) -> StageResult:
        found = trade_shares(stage.data.bars, allowed.allowed, share_rules(self.plan), first=stage.period.first)
        self.notes += found.notes
        return _result(self.plan, stage, found.trades, found.equity, allowed.counts | found.skipped)

    def _momentum(self, stage: Stage, allowed: EntryDays, first: pd.Timestamp, last: pd.Timestamp) -> StageResult:
        minutes, rule = stage.data.minutes, self.plan.rule
        assert isinstance(rule, Momentum)
        if minutes is None:
            raise InputError("minutes", None, "the momentum edge reads minute bars", "name them: --minutes FILE")
        if self.plan.instrument != "shares":
            raise InputError(
                "instrument", self.plan.instrument, "no market here quotes options by the minute",
                "backtest the edge in shares",
            )  # fmt: skip
        there = pd.DatetimeIndex(minutes.bars.index)
        if there[-1] < first or there[0] > last + pd.Timedelta(days=1):
            return _nothing(stage, f"the minutes run from {there[0].date()} to {there[-1].date()}")
        found = trade_momentum(stage.data.bars, minutes, rule, share_rules(self.plan), allowed.allowed)
        self.notes += found.notes
        inside = (found.equity.index >= first) & (found.equity.index <= last)
        equity = found.equity[inside]
        covered = f"{len(equity)} sessions have minutes"
        wanted = int(((stage.data.bars.index >= first) & (stage.data.bars.index <= last)).sum())
        counts = allowed.counts | found.skipped
        if len(equity) < wanted:
            counts[f"sessions without minutes ({covered})"] = wanted - len(equity)
        return _result(self.plan, stage, found.trades, equity, counts)

    def _options(self, stage: Stage, allowed: EntryDays) -> StageResult:
        market = stage.market
        if market is None:
            raise InputError(
                "source", None, f"a plan in {self.plan.instrument} needs quotes of options", "give --source modelled"
            )
        if stage.data.history is None:
            raise InputError("iv_history", None, "the engine ranks an IV history", "name one: --iv-history FILE")
        if market.days[0] > stage.period.last or market.days[-1] < stage.period.first:
            return _nothing(stage, f"{market.name} runs from {market.days[0]} to {market.days[-1]}")
        on_market = pd.Series(allowed.allowed, index=stage.data.bars.index)
        wanted = on_market.reindex(pd.DatetimeIndex(market.days), fill_value=False).to_numpy(dtype=bool)
        parts = []
        for strategy, chosen in strategies(self.plan, stage.data, market):
            found = run(self._prepared(market, stage.data, strategy), wanted & chosen)
            self.notes += found.notes
            parts.append(found)
        trades = pd.concat([one.trades for one in parts], ignore_index=True).sort_values(["entry", "exit"])
        equity = parts[0].equity
        for other in parts[1:]:
            equity = equity + other.equity
            equity[["equity", "cash"]] -= self.plan.account.value
        if len(parts) > 1:
            self.notes.append("credit and debit spreads are sized on accounts of their own, and added up")
        skipped: dict[str, int] = {}
        for one in parts:
            for why, count in one.skipped.items():
                skipped[why] = skipped.get(why, 0) + count
        return _result(self.plan, stage, trades, equity, allowed.counts | skipped)

    def _prepared(self, market: DailyMarket, data: Inputs, strategy: str) -> Prepared:
        key = id(market), strategy
        if key not in self._books:
            assert data.history is not None
            self._books[key] = prepare(market, data.history, engine_rules(self.plan, strategy))
        return self._books[key]


def strategies(plan: Plan, data: Inputs, market: DailyMarket) -> list[tuple[str, Flags]]:
    """What is traded, and on which days of the market: a vertical is chosen by the rank of the close before."""
    always = np.ones(len(market.days), dtype=bool)
    if plan.instrument == "condor":
        return [(CONDOR, always)]
    if plan.instrument == "options":
        return [(SINGLE, always)]
    package = plan.package
    assert package is not None
    assert data.history is not None
    if plan.edge == "vol-contraction" and package.kind == "by-rule":
        return [(CREDIT, always)]  # it sells premium, whatever the rank
    if package.kind != "by-rule":
        return [(package.kind, always)]
    ranks = rolling_iv_rank(data.history)["rank"]
    rich = allowed_on(known_signal(ranks >= package.credit_rank, ranks.notna()), market.days)
    return [(CREDIT, rich), (DEBIT, ~rich)]


def share_rules(plan: Plan) -> ShareRules:
    """What the daily share loop does under a plan."""
    account, costs = plan.account, plan.costs
    return ShareRules(
        exits=plan.share_exits,
        account=account.value,
        risk_share=account.risk,
        max_open=account.max_open,
        max_open_risk=account.max_open_risk,
        slippage=costs.share_slippage,
        fees=costs.share_fees,
    )


def engine_rules(plan: Plan, strategy: str) -> Rules:
    """What the options engine does under a plan; the plan's own entry days stand in for its gate."""
    package, costs = plan.package, plan.costs
    assert package is not None
    wing = Wing(width=package.width)
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
            stop=package.stop or None,
            dte=package.exit_dte or None,
            sessions=package.max_sessions or None,
        ),
        size=SizeRule(risk_share=plan.account.risk, account=plan.account.value),
        costs=replace(
            Costs(), entry=FillModel.parse(costs.fill), exit=FillModel.parse(costs.fill),
            fees=FeeSchedule.parse(costs.fees),
        ),
    )  # fmt: skip


def _result(
    plan: Plan, stage: Stage, trades: pd.DataFrame, equity: pd.DataFrame, counts: dict[str, int]
) -> StageResult:
    """Figures from the period's first day to its last, or to the end of its last trade."""
    first, last = pd.Timestamp(stage.period.first), pd.Timestamp(stage.period.last)
    trades = trades[(trades["entry"] >= first) & (trades["entry"] < last + pd.Timedelta(days=1))]
    ends = max(last, trades["exit"].max()) if len(trades) else last
    equity = equity[(equity.index >= first) & (equity.index <= ends)]
    return StageResult(
        stage.period, measure(trades, equity, plan.account.value), trades.reset_index(drop=True), equity, counts
    )


def _nothing(stage: Stage, reason: str) -> StageResult:
    return StageResult(stage.period, None, pd.DataFrame(), pd.DataFrame(), {}, f"no data: {reason}")


def _few(results: Sequence[StageResult]) -> list[str]:
    """What the verdict rests on where that is little."""
    counts = {one.period.name: one.metrics.trades for one in results if one.metrics and one.metrics.trades}
    if not counts or min(counts.values()) >= FEW_TRADES:
        return []
    small = ", ".join(f"{name} {count}" for name, count in counts.items())
    return [f"few trades in the stress periods ({small}): luck decides as much as the edge"]


def _missing(plan: Plan, stages: Sequence[Stage]) -> list[str]:
    """Criteria of the checklist that no data was given for: they never count."""
    found = []
    for name in plan.checklist.criteria:
        if all(CRITERIA[name].read(one.data) is None for one in stages):
            found.append(
                f"checklist: {name} is unknown throughout and never counts as met (needs {CRITERIA[name].needs})"
            )
    return found
