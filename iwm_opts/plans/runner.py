"""Plans run over stages: shares, the engine's options, and the momentum edge within the session."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.bands import Uncertainty
from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.metrics import measure
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.quote_bands import Change, Entered, bands_of, modelled_surface
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rules import SizeRule
from iwm_opts.backtest.shares import trade_shares
from iwm_opts.backtest.trial import package_gains
from iwm_opts.backtest.uncertainty import uncertainties, uncertainty_of
from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import InputError
from iwm_opts.plans.checklist import CRITERIA
from iwm_opts.plans.decision import EntryDays, entry_days
from iwm_opts.plans.intraday import trade_momentum
from iwm_opts.plans.intraday_options import surface_behind, trade_momentum_packages
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import Flags, PlanResult, Stage, StageResult, engine_rules, share_rules, strategies
from iwm_opts.sources.within_session import SMILES, Smile

Parts = tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]

ADDED: Final = "credit and debit spreads are sized on accounts of their own, and added up"
FEW_TRADES: Final = 20  # in a period: a win rate of half is known to some 20 points by as many


def backtest_plan(
    plan: Plan,
    stress: Sequence[Stage],
    ranges: Sequence[Stage] = (),
    progress: Callable[[int, int], None] | None = None,
    signals_only: bool = False,
) -> PlanResult:
    """Run a plan over stress periods and other ranges.

    Raises InputError when data is missing that the plan's edge, macro filter or instrument cannot do without.

    `stress`, `ranges`: those the verdict rests on (`stress_stages`), and any others.
    `progress`: called with the stages done and their number.
    `signals_only`: enter on every signal of the edge: macro filter and checklist are left out.
    """
    stages = [*stress, *ranges]
    runner = PlanRunner(plan, signals_only)
    results: list[StageResult] = []
    for done, stage in enumerate(stages, start=1):
        results.append(runner.run(stage))
        if progress:
            progress(done, len(stages))
    results, notes = measured(results), runner.notes
    figures = {result.period.name: result.metrics for result in results[: len(stress)]}
    counts = {name: metrics.trades for name, metrics in figures.items() if metrics and metrics.trades}
    if counts and min(counts.values()) < FEW_TRADES:
        small = ", ".join(f"{name} {count}" for name, count in counts.items())
        notes.append(f"few trades in the stress periods ({small}): luck decides as much as the edge")
    notes += [
        f"checklist: {name} is unknown throughout and never counts as met (needs {CRITERIA[name].needs})"
        for name in plan.checklist.criteria
        if all(CRITERIA[name].read(stage.data) is None for stage in stages)
    ]
    kinds = {stage.market.provenance for stage in stages if stage.market is not None}
    provenance = next((kind for kind in reversed(Provenance) if kind in kinds), Provenance.RECORDED)  # the least real
    return PlanResult(
        plan, market_name(plan, stages), provenance,
        tuple(results[: len(stress)]), tuple(results[len(stress) :]), tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def measured(results: Sequence[StageResult]) -> list[StageResult]:
    """Stages with the uncertainty of their gains: all are read from the same other quotes."""
    ran = [result for result in results if result.entered]
    measures = iter(uncertainties([[result] for result in ran], [result.entered for result in ran]))
    return [replace(result, uncertainty=next(measures), entered=()) if result.entered else result for result in results]


class PlanRunner:
    """Runs stages; books of options are built once a market."""

    def __init__(self, plan: Plan, signals_only: bool = False) -> None:
        self.plan, self.signals_only = plan, signals_only
        self.notes: list[str] = []
        self._books: dict[tuple[int, str], Prepared] = {}

    def run(self, stage: Stage, refused: Flags | None = None) -> StageResult:
        """Run one stage; `refused` are sessions of its bars, shape (bars,), on which nothing is entered."""
        days = pd.DatetimeIndex(stage.data.bars.index)
        first, last = pd.Timestamp(stage.period.first), pd.Timestamp(stage.period.last)
        within = np.asarray((days >= first) & (days <= last))
        if not within.any():
            return _nothing(stage, f"the bars run from {days[0].date()} to {days[-1].date()}")
        allowed = entry_days(self.plan, stage.data, within)
        if self.signals_only:
            entered = within & allowed.signal
            allowed = replace(allowed, allowed=entered, counts={"signals": int(entered.sum())})
        if refused is not None:
            allowed = replace(allowed, allowed=allowed.allowed & ~refused)
        if self.plan.momentum:
            return self._momentum(stage, allowed, first, last)
        if self.plan.instrument == "shares":
            shares = trade_shares(stage.data.bars, allowed.allowed, share_rules(self.plan), first=stage.period.first)
            self.notes += shares.notes
            return _result(self.plan, stage, shares.trades, shares.equity, allowed.counts | shares.skipped)
        return self._options(stage, allowed)

    def _momentum(self, stage: Stage, allowed: EntryDays, first: pd.Timestamp, last: pd.Timestamp) -> StageResult:
        minutes, rule = stage.data.required_minutes(), self.plan.momentum
        assert rule is not None
        there = pd.DatetimeIndex(minutes.bars.index)
        if there[-1] < first or there[0] >= last + pd.Timedelta(days=1):
            return _nothing(stage, f"the minutes run from {there[0].date()} to {there[-1].date()}")
        if self.plan.instrument == "shares":
            result = trade_momentum(stage.data.bars, minutes, rule, share_rules(self.plan), allowed.allowed)
            self.notes += result.notes
            trades, equity, skipped = result.trades, result.equity, result.skipped
        else:
            trades, equity, skipped = self._momentum_packages(stage, allowed)
        equity = equity[(equity.index >= first) & (equity.index <= last)]
        covered = counted(len(equity), "sessions have minutes", "session has minutes")
        expected = int(((stage.data.bars.index >= first) & (stage.data.bars.index <= last)).sum())
        counts = allowed.counts | skipped
        if len(equity) < expected:
            counts[f"sessions without minutes ({covered})"] = expected - len(equity)
        stage_result = _result(self.plan, stage, trades, equity, counts)
        if self.plan.instrument == "shares":
            return stage_result
        return replace(stage_result, uncertainty=self._momentum_uncertainty(stage, allowed, stage_result))

    def _momentum_uncertainty(self, stage: Stage, allowed: EntryDays, result: StageResult) -> Uncertainty | None:
        """Uncertainty of the gain of packages within the session; quotes are modelled anew for each band."""
        market = None if stage.market is None else modelled_surface(stage.market)
        if market is None or not len(result.trades):
            return uncertainty_of([result], ())

        def gain(change: Change) -> float:
            quoted = replace(stage, market=market.under(*change(market)))
            trades, _, _ = _added(self.plan, momentum_packages(self.plan, quoted, allowed.allowed))
            return float(package_gains(trades).mean()) if len(trades) else np.nan

        return uncertainty_of([result], bands_of(float(package_gains(result.trades).mean()), gain))

    def _momentum_packages(self, stage: Stage, allowed: EntryDays) -> Parts:
        """Edge in options; how another rule for the smile would have it is noted."""
        packages = [momentum_packages(self.plan, stage, allowed.allowed, smile) for smile in SMILES]
        self.notes += [note for package in packages[0] for note in package.notes]
        parts = [_added(self.plan, package) for package in packages]
        gains = [(trades["pnl"] / trades["risk"]).mean() for trades, _, _ in parts]
        if len(parts[0][0]):
            gains_text = " and ".join(f"{gain:+.1%} ({smile})" for gain, smile in zip(gains, SMILES, strict=True))
            where = f"{self.plan.instrument}, {stage.period.name}"
            self.notes.append(f"{where}: gain on risk a trade by how the smile moves: {gains_text}")
        if len(packages[0]) > 1:
            self.notes.append(ADDED)
        return parts[0]

    def _options(self, stage: Stage, allowed: EntryDays) -> StageResult:
        market = stage.market
        if market is None:
            raise InputError(
                "source", None, f"a plan in {self.plan.instrument} needs quotes of options", "give `source` modelled"
            )
        history = stage.data.required_history("engine")
        if market.days[0] > stage.period.last or market.days[-1] < stage.period.first:
            return _nothing(stage, f"{market.name} runs from {market.days[0]} to {market.days[-1]}")
        on_market = pd.Series(allowed.allowed, index=stage.data.bars.index)
        signalled = on_market.reindex(pd.DatetimeIndex(market.days), fill_value=False).to_numpy(dtype=bool)
        parts, entered = [], []
        for strategy, chosen in strategies(self.plan, stage.data, market.days):
            key = id(market), strategy
            if key not in self._books:
                self._books[key] = prepare(market, history, engine_rules(self.plan, strategy))
            entered.append(Entered(self._books[key], signalled & chosen))
            parts.append(run(*entered[-1]))
            self.notes += parts[-1].notes
        if len(parts) > 1:
            self.notes.append(ADDED)
        trades, equity, skipped = _added(self.plan, parts)
        result = _result(self.plan, stage, trades, equity, allowed.counts | skipped)
        return replace(result, entered=tuple(entered))


def momentum_packages(
    plan: Plan,
    stage: Stage,
    allowed: Flags,
    smile: Smile = SMILES[0],
    size: SizeRule | None = None,
    every_session: bool = False,
) -> list[Backtest]:
    """Momentum edge in a plan's options, one result a kind of package that its rule chooses between.

    Raises InputError when minutes, an IV history or a market to model quotes from are missing.

    `size`: in place of the plan's.
    `every_session`: trade every allowed session, whatever the edge says.
    """
    data, edge = stage.data, plan.momentum
    assert edge is not None
    minutes, history = data.required_minutes(), data.required_history("engine")
    surface, packages = surface_behind(stage.market), []
    behind = stage.market.notes if stage.market is not None else ()
    for strategy, chosen in strategies(plan, data, [day.date() for day in pd.DatetimeIndex(data.bars.index)]):
        rules = engine_rules(plan, strategy)
        rules = replace(rules, size=size or rules.size)
        result = trade_momentum_packages(
            data.bars, minutes, edge, surface, history, rules, allowed & chosen, smile, every_session
        )
        packages.append(replace(result, notes=(*behind, *result.notes)))
    return packages


def _added(plan: Plan, parts: Sequence[Backtest]) -> Parts:
    """Trades, equity and skipped entries of several results on accounts of their own, added up."""
    tables = [part.trades for part in parts if len(part.trades)] or [parts[0].trades]
    trades = pd.concat(tables, ignore_index=True).sort_values(["entry", "exit"])
    equity = parts[0].equity
    for other in parts[1:]:
        equity = equity + other.equity
        equity[["equity", "cash"]] -= plan.account.value
    skipped: dict[str, int] = {}
    for part in parts:
        for why, count in part.skipped.items():
            skipped[why] = skipped.get(why, 0) + count
    return trades, equity, skipped


def market_name(plan: Plan, stages: Sequence[Stage]) -> str:
    """Market of the plan, for a heading."""
    market = next((stage.market for stage in stages if stage.market is not None), None)
    names = [market.name] if plan.instrument != "shares" and market is not None else []
    minutes = next((stage.data.minutes for stage in stages if stage.data.minutes is not None), None)
    if plan.momentum and minutes is not None:
        names.append(minutes.label(plan.symbol))
    return ", ".join(names) or f"daily bars of {plan.symbol}"


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
