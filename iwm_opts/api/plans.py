"""Trading plans: today's decision, the document, stress periods, the worth of each rule, instruments."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.api.chain import ChainRequest, OptionChain
from iwm_opts.api.plan_data import (
    PlanData,
    PlanDataRequest,
    modelled_days,
    open_plan_data,
    simulated_years,
)
from iwm_opts.api.plan_order import plan_order
from iwm_opts.api.result import Day, OnProgress, Result, as_day
from iwm_opts.backtest.market import DailyMarket
from iwm_opts.backtest.metrics import Period
from iwm_opts.backtest.resolve import simulated_trials
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import Trial
from iwm_opts.conventions import ACCOUNT
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.plan_tables import load_events
from iwm_opts.journal.plan_log import log_of_plan
from iwm_opts.journal.plan_report import PlanStatus, plan_report_on
from iwm_opts.journal.trade_log import as_csv
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.market.chain import LABELS
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.decision import decision_day
from iwm_opts.plans.instruments import InstrumentResult, compare_instruments
from iwm_opts.plans.plan import Plan, load_plan, make_usual_plan, write_plan
from iwm_opts.plans.plan_backtest import PlanResult, Stage, stress_stages
from iwm_opts.plans.plan_evidence import PlanEvidence, plan_evidence
from iwm_opts.plans.portfolio import PortfolioResult, SharedLimits, backtest_portfolio, check_plans
from iwm_opts.plans.runner import backtest_plan
from iwm_opts.report.instruments_table import difference_rows, instrument_rows, instruments_table, notes_of
from iwm_opts.report.page import Page, as_markdown
from iwm_opts.report.plan_backtest import plan_backtest_record, plan_backtest_table
from iwm_opts.report.plan_check import check_rows, check_table
from iwm_opts.report.plan_document import check_record, plan_page, plan_prompt, status_record
from iwm_opts.report.plan_evidence_table import plan_evidence_record, plan_evidence_table
from iwm_opts.report.plan_order import PlanOrder
from iwm_opts.report.portfolio_table import portfolio_record, portfolio_rows, portfolio_table
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.simulation.scenarios import shipped_scenarios
from iwm_opts.sources.simulated import SimulatedMarket

SCENARIOS: Final = ("q4-2018", "march-2020", "year-2022")  # of the simulated market, for the stress periods
RANGE_NAME: Final = "whole range"
GIVEN_NAME: Final = "given range"  # by a first or last day


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """Decision of a plan on a day, with or without its evidence.

    Parameters
    ----------
    plan : Plan
    data : PlanDataRequest or PlanData
    on : date, optional
        Session of the entry; the newest that the data decide on unless given.
    check : bool
        The decision alone, without evidence.
    chain : ChainRequest or OptionChain, optional
        Whose package the document names: strikes, credit, exits in dollars, order.
    stages : PlanDataRequest, optional
        Data of the stress periods of the document; left out unless given.
    """

    plan: Plan
    data: PlanDataRequest | PlanData
    on: date | None = None
    check: bool = False
    chain: ChainRequest | OptionChain | None = None
    stages: PlanDataRequest | None = None


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
class PlanReport(Result):
    """Decision of a plan on a day: take or skip, and why; size and evidence where they were asked for.

    Attributes
    ----------
    standing : PlanStatus
    label : str
        Of simulated data.
    check : bool
        The decision alone.
    order : PlanOrder, optional
        Package on the chain.
    stress : PlanResult or str
        Stress periods, or why there are none.
    """

    status: PlanStatus
    label: str
    check: bool
    order: PlanOrder | None = None
    stress: PlanResult | str = ""

    @property
    def take(self) -> bool:
        """Whether the plan enters."""
        return self.status.decision.take

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons for the decision."""
        return self.status.decision.reasons

    @property
    def day(self) -> date:
        """Session of the entry."""
        return self.status.decision.day

    def to_frame(self) -> pd.DataFrame:
        """One row a condition (signal, macro filter, criteria): its state and detail."""
        return pd.DataFrame(check_rows(self.status))

    def record(self) -> Record:
        """Decision, checklist, size, evidence."""
        record = check_record(self.status) if self.check else status_record(self.status, self.order, self.stress)
        return record | {"simulated": bool(self.label)}

    def to_csv(self) -> str:
        """One row a condition."""
        return rows_as_csv(check_rows(self.status))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Decision as a table, or the document as Markdown."""
        if self.check:
            return check_table(self.status, self.label, columns)
        return as_markdown(self._page())

    def _page(self) -> Page:
        return Result._page(self) if self.check else plan_page(self.status, self.label, self.order, self.stress)

    def to_prompt(self) -> str:
        """Document as a brief for a language model."""
        return plan_prompt(self.status, as_markdown(self._page()))

    def headline(self) -> tuple[str, list[str], str]:
        """Decision; reasons."""
        word = "TAKE" if self.take else "SKIP"
        return f"{self.status.plan.name}, {self.day}: {word}", ["; ".join(self.reasons)], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanBacktest(Result):
    """A plan over the stress periods and a range, with a verdict."""

    result: PlanResult
    label: str

    @property
    def verdict(self) -> str:
        """Whether the plan holds in the stress periods."""
        return self.result.verdict

    def to_frame(self) -> pd.DataFrame:
        """One row a period: days, trades, P&L ($), win rate (0 to 1), drawdown, and whether the plan holds."""
        return pd.DataFrame(self.record()["periods"])

    def record(self) -> Record:
        """Plan, periods, verdict and notes."""
        return plan_backtest_record(self.result) | {"simulated": bool(self.label), "label": self.label}

    def to_csv(self) -> str:
        """Trades, as a log that `review` reads."""
        return as_csv(log_of_plan(self.result))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Periods and verdict."""
        return plan_backtest_table(self.result, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Plan; verdict."""
        return self.result.plan.name, [self.verdict], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PortfolioBacktest(Result):
    """Several plans on one account: each under the shared limits, and all together."""

    result: PortfolioResult
    label: str

    @property
    def verdict(self) -> str:
        """Whether the account holds in the stress periods."""
        return self.result.verdict

    def to_frame(self) -> pd.DataFrame:
        """One row a period and plan, then the account.

        Returns
        -------
        DataFrame
            period, plan (empty for the account), trades, refused (entries), pnl ($), max_drawdown (fraction),
            drawdown_pnl ($ over the account's deepest drawdown), holds.
        """
        return pd.DataFrame(portfolio_rows(self.result))

    def record(self) -> Record:
        """Limits, periods, correlations, verdict and notes."""
        return portfolio_record(self.result) | {"simulated": bool(self.label), "label": self.label}

    def to_csv(self) -> str:
        """One row a period and plan."""
        return rows_as_csv(portfolio_rows(self.result))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Periods, contributions, correlations and verdict."""
        return portfolio_table(self.result, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Plans; verdict."""
        return ", ".join(plan.name for plan in self.result.plans), [self.verdict], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanEvidenceResult(Result):
    """What each rule of a plan is worth against entering on any session."""

    evidence: PlanEvidence
    label: str

    def to_frame(self) -> pd.DataFrame:
        """One row a rule: trades, gain a trade ($) and its difference with a 95% interval."""
        return pd.DataFrame(self.record()["rules"])

    def record(self) -> Record:
        """Rules and notes."""
        return plan_evidence_record(self.evidence) | {"simulated": bool(self.label), "label": self.label}

    def to_csv(self) -> str:
        """One row a rule."""
        return rows_as_csv(plan_evidence_record(self.evidence)["rules"])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Table by rule."""
        return plan_evidence_table(self.evidence, self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Return the finding."""
        return "rules of the plan", [self.evidence.sentence], self.label


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InstrumentComparison(Result):
    """One edge through every instrument that fits."""

    plan: Plan
    stage: Stage
    results: tuple[InstrumentResult, ...]
    label: str

    def to_frame(self) -> pd.DataFrame:
        """One row an instrument: trades, gain ($), return on risk and its interval."""
        return pd.DataFrame(instrument_rows(self.results))

    def record(self) -> Record:
        """Instruments and their differences."""
        about = {
            "plan": self.plan.name, "edge": self.plan.edge, "simulated": bool(self.label), "label": self.label
        }  # fmt: skip
        rows = {"instruments": instrument_rows(self.results), "defined_less_naked": difference_rows(self.results)}
        return about | rows | {"notes": notes_of(self.results)}

    def to_csv(self) -> str:
        """One row an instrument."""
        return rows_as_csv(instrument_rows(self.results))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Table by instrument."""
        return instruments_table(self.plan, self.stage.period, list(self.results), self.label, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Edge and period."""
        period = self.stage.period
        return f"{self.plan.edge}, {period.first} to {period.last}", notes_of(self.results)[:1], self.label


@dataclass(frozen=True, slots=True)
class TradingPlan:
    """A plan that a user holds; read one with `read_plan`, make one with `make_plan`.

    Attributes
    ----------
    plan : Plan
        Its tables as read from TOML.
    """

    plan: Plan

    @property
    def name(self) -> str:
        """Name of the plan."""
        return self.plan.name

    @property
    def edge(self) -> str:
        """Edge that it trades."""
        return self.plan.edge

    @property
    def instrument(self) -> str:
        """Shares, options, vertical or condor."""
        return self.plan.instrument

    def decide(self, data: PlanData, on: Day | None = None) -> PlanReport:
        """Take or skip on a session.

        Parameters
        ----------
        data : PlanData
            Of `read_plan_data`.
        on : date or str, optional
            Session of the entry; the newest that the data decide on unless given.
        """
        return answer_plan(PlanRequest(plan=self.plan, data=data, on=as_day("on", on), check=True))

    def document(self, data: PlanData, on: Day | None = None) -> PlanReport:
        """Plan's document with the numbers of a day and the evidence behind its rules."""
        return answer_plan(PlanRequest(plan=self.plan, data=data, on=as_day("on", on)))

    def to_toml(self) -> str:
        """Plan as TOML."""
        return write_plan(self.plan)


def read_plan(path: str | Path) -> TradingPlan:
    """Read a trading plan.

    Parameters
    ----------
    path : str or Path
        TOML, as `iwm-opts plan --save` writes it.

    Raises
    ------
    DataError
        With the key, its value, the rule and the remedy.
    """
    return TradingPlan(load_plan(path))


def make_plan(edge: str, *, horizon: str | None = None, instrument: str | None = None) -> TradingPlan:
    """Usual plan of an edge.

    Parameters
    ----------
    edge : str
        `mean-reversion`, `momentum` or `vol-contraction`.
    horizon : str, optional
        `intraday`, `swing` or `multi-week`.
    instrument : str, optional
        `shares`, `options`, `vertical` or `condor`.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> plan = iwm.make_plan("mean-reversion")
    >>> data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    >>> plan.decide(data, on="2026-06-26").take in (True, False)
    True
    """
    return TradingPlan(make_usual_plan(edge, horizon, instrument))


def answer_plan(request: PlanRequest, on_progress: OnProgress | None = None) -> PlanReport:
    """Decide, and gather the plan's evidence unless only the decision is wanted; see `PlanRequest`."""
    plan, given, on = request.plan, request.data, request.on
    data = given if isinstance(given, PlanData) else open_plan_data(given, on)
    if plan.horizon == "intraday" and data.inputs.minutes is None:
        rule, remedy = "an intraday plan needs intraday data", "name one-minute bars: --minutes FILE"
        raise InputError("minutes", None, rule, remedy)
    notes = data.notes if on else (*_age(plan, data), *data.notes)
    status = plan_report_on(plan, data.inputs, on, notes, on_progress, with_evidence=not request.check)
    if request.check:
        return PlanReport(status, data.label, check=True)
    order = _order(plan, request.chain, status.day)
    return PlanReport(status, data.label, False, order, _stress(request))


def _order(plan: Plan, chain: ChainRequest | OptionChain | None, day: date) -> PlanOrder | None:
    """Order of a plan's package on a chain of the day; None without a chain or a package."""
    if chain is None or plan.package is None:
        return None
    try:
        order = plan_order(plan, chain)
    except (DataError, InputError) as error:
        return PlanOrder(day, "none", f"No chain of {day} at hand: {error}")
    if order.day != day:
        return PlanOrder(order.day, order.quotes, f"The chain is of {order.day}, the decision of {day}: no order.")
    return order


def _stress(request: PlanRequest) -> PlanResult | str:
    """Stress periods of a plan, or why they cannot be traded; empty where they were not asked for."""
    if request.stages is None:
        return ""
    try:
        return answer_plan_backtest(PlanStagesRequest(plan=request.plan, data=request.stages)).result
    except (DataError, InputError) as error:
        return f"Not traded over the stress periods: {error}"


def _age(plan: Plan, data: PlanData) -> tuple[str, ...]:
    """Note where the newest session that the data decide on is over."""
    day, today = decision_day(plan, data.inputs), datetime.now(NEW_YORK).date()
    if day >= latest_session(today):
        return ()
    return (f"OLD DATA: they decide on {day}, not on today, {today}; fetch newer, or name a day with --as-of",)


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


def backtest_plans(
    plans: Sequence[TradingPlan],
    data: PlanDataRequest,
    *,
    first: Day | None = None,
    last: Day | None = None,
    account: float = ACCOUNT,
    limits: SharedLimits | None = None,
) -> PortfolioBacktest:
    """Backtest several plans on one account: shared limits, correlation, contribution of each.

    Parameters
    ----------
    plans : sequence of TradingPlan
        Of one symbol; entries of one day are taken in this order.
    data : PlanDataRequest
        As of `PlanStagesRequest`.
    first, last : date or str, optional
        All the data unless given.
    account : float
        Dollars at the start, in place of the plans' own.
    limits : SharedLimits, optional
        Open risk, buying power and net delta of all positions together.

    Returns
    -------
    PortfolioBacktest
    """
    return answer_portfolio(
        PortfolioRequest(
            plans=tuple(each.plan for each in plans), data=data, first=as_day("first", first),
            last=as_day("last", last), account=account, limits=limits or SharedLimits(),
        )
    )  # fmt: skip


def _stages(request: PlanStagesRequest) -> tuple[list[Stage], list[Stage], str, tuple[str, ...]]:
    """Stress periods, ranges, label and notes of the data."""
    data_request = replace(request.data, intraday=request.plan.horizon == "intraday")
    if data_request.source == "sim":
        worlds = [shipped_scenarios()[name] for name in SCENARIOS]
        trials = simulated_trials(seed=data_request.seed, scenarios=worlds)
        stress = [_simulated_stage(trial, trial.scenario, data_request) for trial in trials]
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
        simulated = simulated_years(request)
        minutes = inputs.minutes if request.minutes else None
        if plan.momentum and minutes is None:
            minutes = simulated.market.minutes()  # its own: another market's would not fit its bars
        inputs = replace(simulated.inputs, minutes=minutes, events=inputs.events)
        market, label = SimulatedDays(simulated.market, simulated.first), simulated.label
    stage = Stage(Period("all", *_covered_days(plan, inputs, market)), inputs, market)
    results = compare_instruments(plan, stage, on_progress)
    if market is not None and label == LABELS["modelled"]:
        results = [replace(each, notes=(*data.notes, *each.notes)) for each in results]
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
    trials = simulated_trials(request.first, request.last, seed=data_request.seed)
    name = GIVEN_NAME if request.first or request.last else RANGE_NAME
    return [_simulated_stage(trial, name, data_request) for trial in trials], LABELS["simulated"]


def _simulated_stage(trial: Trial, name: str, request: PlanDataRequest) -> Stage:
    market = trial.market.surface_market
    assert market is not None
    funds = {symbol: market.bars(symbol) for symbol in market.parameters.companions}
    minutes = market.minutes() if request.intraday and isinstance(market, SimulatedMarket) else None
    inputs = Inputs(market.bars(), funds, trial.history, minutes)
    if request.events:
        inputs = replace(inputs, events=load_events(request.events))
    days = trial.market.days
    return Stage(Period(name, days[0], days[-1]), inputs, trial.market)
