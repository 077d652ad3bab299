"""Plans on the past: stress periods and ranges, several plans on one account, worth of each rule, instruments."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import ClassVar, Final

import pandas as pd

from iwm_opts.api.plan_data import PlanData, PlanDataRequest, modelled_days, open_plan_data, simulated_years
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.backtest.metrics import Period
from iwm_opts.backtest.uncertainty import uncertainty_columns
from iwm_opts.conventions import ACCOUNT
from iwm_opts.io.plan_tables import load_events
from iwm_opts.journal.plan_log import log_of_plan
from iwm_opts.journal.trade_log import as_csv
from iwm_opts.market.chain import LABELS
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.instruments import InstrumentResult, compare_instruments
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import PlanResult, Stage, stress_stages
from iwm_opts.plans.plan_evidence import PlanEvidence, plan_evidence
from iwm_opts.plans.portfolio import PortfolioResult, SharedLimits, backtest_portfolio, check_plans
from iwm_opts.plans.runner import backtest_plan
from iwm_opts.report.instruments_table import difference_rows, instrument_rows, instruments_table, notes_of
from iwm_opts.report.plan_backtest import (
    plan_backtest_record,
    plan_backtest_table,
    plan_evidence_record,
    plan_evidence_table,
    rule_records,
)
from iwm_opts.report.portfolio_table import portfolio_record, portfolio_rows, portfolio_table
from iwm_opts.report.records import Record
from iwm_opts.simulation.scenarios import shipped_scenarios
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.simulated import simulated_paths
from iwm_opts.sources.source import SpanRequest
from iwm_opts.sources.surface_days import SurfaceDays

SCENARIOS: Final = ("q4-2018", "march-2020", "year-2022")  # of the simulated market, for the stress periods
RANGE_NAME: Final = "whole range"
GIVEN_NAME: Final = "given range"  # by a first or last day


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStagesRequest:
    """A plan over periods: the stress periods and a range (backtest), or what each rule is worth (evidence).

    Parameters
    ----------
    plan : Plan
    data : PlanDataRequest
        With source `modelled`, or `record` for a plan in options, quotes are modelled around the real prices; with
        `sim` each stress period is a scenario.
    first, last : date, optional
        All the data unless given.
    """

    plan: Plan
    data: PlanDataRequest
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRequest:
    """Several plans on one account over the stress periods and a range.

    Parameters
    ----------
    plans : tuple of Plan
        Of one symbol; entries of one day are taken in this order.
    data, first, last
        As of `PlanStagesRequest`.
    account : float
        Dollars at the start, in place of the plans' own.
    limits : SharedLimits
        Of all positions together.
    """

    plans: tuple[Plan, ...]
    data: PlanDataRequest
    first: date | None = None
    last: date | None = None
    account: float = ACCOUNT
    limits: SharedLimits = field(default_factory=SharedLimits)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanBacktest(Result):
    """A plan over the stress periods and a range, with a verdict."""

    plotted: ClassVar[tuple[str, ...]] = ("pnl", "period")

    result: PlanResult
    label: str

    @property
    def verdict(self) -> str:
        """Whether the plan holds in the stress periods."""
        return self.result.verdict

    def to_frame(self) -> pd.DataFrame:
        """One row a period.

        Returns
        -------
        DataFrame
            period, first, last, stress, holds; trades, win_rate (0 to 1), pnl ($), total_return, max_drawdown,
            average_sessions or average_minutes, expectancy_on_risk, independent_trades; of options the net gain of a
            package, $: per_trade with its 95% interval (per_trade_low, per_trade_high), and under modelled quotes bands
            over the smile (smile_low, smile_high) and over spreads (spreads_low, spreads_high); counts, reason.
        """
        rows = pd.DataFrame(self.record()["periods"])
        stages = (*self.result.stress, *self.result.ranges)
        bounds = pd.DataFrame([uncertainty_columns(stage.uncertainty) for stage in stages])
        return pd.concat([rows.drop(columns="uncertainty"), bounds], axis=1)

    def record(self) -> Record:
        return plan_backtest_record(self.result) | {"simulated": bool(self.label), "label": self.label}

    def to_csv(self) -> str:
        return as_csv(log_of_plan(self.result))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return plan_backtest_table(self.result, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return self.result.plan.name, [self.verdict], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PortfolioBacktest(Result):
    """Several plans on one account: each under the shared limits, and all together."""

    plotted: ClassVar[tuple[str, ...]] = ("pnl", "period", "plan")

    result: PortfolioResult
    label: str

    @property
    def verdict(self) -> str:
        """Whether the account holds in the stress periods."""
        return self.result.verdict

    def rows(self) -> list[Record]:
        """One row a period and plan, then the account.

        Returns
        -------
        list of dict
            period, plan (empty for the account), trades, refused (entries), pnl ($), max_drawdown (fraction),
            drawdown_pnl ($ over the account's deepest drawdown), holds, independent_trades; of options the net gain of
            a package, per_trade, and its bounds as of `PlanBacktest.to_frame`.
        """
        return portfolio_rows(self.result)

    def record(self) -> Record:
        return portfolio_record(self.result) | {"simulated": bool(self.label), "label": self.label}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return portfolio_table(self.result, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return ", ".join(plan.name for plan in self.result.plans), [self.verdict], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanEvidenceResult(Result):
    """What each rule of a plan is worth against entering on any session."""

    plotted: ClassVar[tuple[str, ...]] = ("gain_estimate", "rules")

    evidence: PlanEvidence
    label: str

    def rows(self) -> list[Record]:
        """One row a rule: trades, gain a trade ($) and its difference with a 95% interval."""
        return rule_records(self.evidence)

    def record(self) -> Record:
        return plan_evidence_record(self.evidence) | {"simulated": bool(self.label), "label": self.label}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return plan_evidence_table(self.evidence, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        return "rules of the plan", [self.evidence.sentence], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InstrumentComparison(Result):
    """One edge through every instrument that fits."""

    plotted: ClassVar[tuple[str, ...]] = ("gain_on_risk_estimate", "instrument", "entries")

    plan: Plan
    stage: Stage
    results: tuple[InstrumentResult, ...]
    label: str

    def rows(self) -> list[Record]:
        """One row an instrument: trades, gain ($), return on risk and its interval."""
        return instrument_rows(self.results)

    def record(self) -> Record:
        about = {
            "plan": self.plan.name, "edge": self.plan.edge, "simulated": bool(self.label), "label": self.label
        }  # fmt: skip
        rows = {"instruments": instrument_rows(self.results), "defined_less_naked": difference_rows(self.results)}
        return about | rows | {"notes": notes_of(self.results)}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return instruments_table(self.plan, self.stage.period, list(self.results), self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        period = self.stage.period
        return f"{self.plan.edge}, {period.first} to {period.last}", notes_of(self.results)[:1], self.label


def answer_plan_backtest(request: PlanStagesRequest, on_progress: OnProgress | None = None) -> PlanBacktest:
    """Backtest a plan over the stress periods and a range; see `PlanStagesRequest`."""
    stress, ranges, label, notes = _stages(request)
    result = backtest_plan(request.plan, stress, ranges, on_progress)
    return PlanBacktest(replace(result, notes=tuple(dict.fromkeys((*notes, *result.notes)))), label)


def answer_portfolio(request: PortfolioRequest, on_progress: OnProgress | None = None) -> PortfolioBacktest:
    """Backtest several plans on one account; see `PortfolioRequest`."""
    check_plans(request.plans)
    lead = next((plan for plan in request.plans if plan.instrument != "shares"), request.plans[0])  # needs the market
    stages = PlanStagesRequest(plan=lead, data=request.data, first=request.first, last=request.last)
    stress, ranges, label, notes = _stages(stages)
    result = backtest_portfolio(request.plans, stress, ranges, request.account, request.limits, on_progress)
    return PortfolioBacktest(replace(result, notes=tuple(dict.fromkeys((*notes, *result.notes)))), label)


def _stages(request: PlanStagesRequest) -> tuple[list[Stage], list[Stage], str, tuple[str, ...]]:
    """Stress periods, ranges, label and notes of the data."""
    data_request = replace(request.data, intraday=request.plan.horizon == "intraday")
    if data_request.source == "sim":
        worlds = tuple(shipped_scenarios()[name] for name in SCENARIOS)
        stress = _simulated_stages(SpanRequest(seed=data_request.seed, scenarios=worlds), data_request)
        return (stress, *_simulated_range(request, data_request), ())
    data = open_plan_data(data_request)
    return (*_real(request, data, data_request), data.notes)


def answer_plan_evidence(request: PlanStagesRequest) -> PlanEvidenceResult:
    """Measure what each rule of a plan is worth; see `PlanStagesRequest`."""
    notes: tuple[str, ...] = ()
    data_request = replace(request.data, intraday=request.plan.horizon == "intraday")
    if data_request.source == "sim":
        (stage,), label = _simulated_range(request, data_request)
    else:
        data = open_plan_data(data_request)
        notes = data.notes
        _, (stage,), label = _real(request, data, data_request)
    evidence = plan_evidence(request.plan, stage)
    return PlanEvidenceResult(replace(evidence, notes=tuple(dict.fromkeys((*notes, *evidence.notes)))), label)


def answer_instruments(
    plan: Plan, data: PlanData, request: PlanDataRequest, on_progress: OnProgress | None = None
) -> InstrumentComparison:
    """Trade one edge through every instrument that fits.

    Parameters
    ----------
    plan : Plan
    data : PlanData
        Of the request.
    request : PlanDataRequest
        Its source says whose option quotes are traded: `modelled` or `sim`; shares alone with `record`.
    on_progress : callable, optional
    """
    market: DailyMarket | None = None
    inputs, label = data.inputs, data.label
    if request.source == "modelled":
        market = modelled_days(request)
        label = data.label or LABELS["modelled"]
    elif request.source == "sim":
        years, first = simulated_years(request)
        minutes = inputs.minutes if request.minutes else None
        if plan.momentum and minutes is None:
            minutes = years.minutes()  # its own: another market's would not fit its bars
        inputs = Inputs(years.bars(), years.companions, years.iv_history(), minutes, inputs.events)
        market, label = SurfaceDays(years, first), f"{LABELS['simulated']} ({years.name})"
    stage = Stage(Period("all", *_covered_days(plan, inputs, market)), inputs, market)
    results = compare_instruments(plan, stage, on_progress)
    if market is not None and label == LABELS["modelled"]:
        results = [replace(item, notes=(*data.notes, *item.notes)) for item in results]
    return InstrumentComparison(plan, stage, tuple(results), label)


def _real(
    request: PlanStagesRequest, data: PlanData, data_request: PlanDataRequest
) -> tuple[list[Stage], list[Stage], str]:
    plan, first, last = request.plan, request.first, request.last
    market = modelled_days(data_request) if plan.instrument != "shares" else None
    days = _covered_days(plan, data.inputs, market)
    whole = Period(GIVEN_NAME if first or last else RANGE_NAME, first or days[0], last or days[-1])
    label = data.label or (LABELS["modelled"] if market is not None else "")
    return stress_stages(data.inputs, market), [Stage(whole, data.inputs, market)], label


def _covered_days(plan: Plan, inputs: Inputs, market: DailyMarket | None) -> tuple[date, date]:
    """First and last session that a plan can be traded on: of the minutes, of the quotes, or of the bars."""
    days = [day.date() for day in inputs.bars.index] if market is None else list(market.days)
    if plan.momentum and inputs.minutes is not None:
        moments = inputs.minutes.bars.index
        days = [moments[0].date(), moments[-1].date()]
    return days[0], days[-1]


def _simulated_range(request: PlanStagesRequest, data_request: PlanDataRequest) -> tuple[list[Stage], str]:
    name = GIVEN_NAME if request.first or request.last else RANGE_NAME
    span = SpanRequest(first=request.first, last=request.last, seed=data_request.seed)
    return _simulated_stages(span, data_request, name), LABELS["simulated"]


def _simulated_stages(span: SpanRequest, request: PlanDataRequest, name: str = "") -> list[Stage]:
    """Stage of each path of the simulated market, named after its scenario unless given."""
    events, stages = load_events(request.events) if request.events else None, []
    for market, first, scenario in simulated_paths(span):
        minutes = market.minutes() if request.intraday else None
        inputs = Inputs(market.bars(), market.companions, market.iv_history(), minutes, events)
        days = SurfaceDays(market, first)
        stages.append(Stage(Period(name or scenario, days.days[0], days.days[-1]), inputs, days))
    return stages
