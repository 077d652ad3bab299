"""Trading plans: today's decision, and the document with its order and stress periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from iwm_opts.api.chain import ChainRequest, OptionChain
from iwm_opts.api.plan_backtest import (
    PlanStagesRequest,
    PortfolioBacktest,
    PortfolioRequest,
    answer_plan_backtest,
    answer_portfolio,
)
from iwm_opts.api.plan_data import PlanData, PlanDataRequest, open_plan_data
from iwm_opts.api.plan_order import plan_order
from iwm_opts.api.result import Day, OnProgress, Result, as_day
from iwm_opts.conventions import ACCOUNT
from iwm_opts.errors import DataError, InputError
from iwm_opts.journal.plan_report import PlanStatus, plan_report_on
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.plans.decision import decision_day
from iwm_opts.plans.plan import Plan, load_plan, make_usual_plan, write_plan
from iwm_opts.plans.plan_backtest import PlanResult
from iwm_opts.plans.portfolio import SharedLimits
from iwm_opts.report.page import Page, as_markdown
from iwm_opts.report.plan_check import check_rows, check_table, decision_word
from iwm_opts.report.plan_document import check_record, plan_page, plan_prompt, status_record
from iwm_opts.report.plan_order import PlanOrder
from iwm_opts.report.records import Record


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
        Whose package is sized, and named in the document: strikes, credit, exits in dollars, order.
    stages : PlanDataRequest, optional
        Data of the stress periods of the document; left out unless given.
    """

    plan: Plan
    data: PlanDataRequest | PlanData
    on: date | None = None
    check: bool = False
    chain: ChainRequest | OptionChain | None = None
    stages: PlanDataRequest | None = None


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
        """Whether the rules say take, whatever the size."""
        return self.status.decision.take

    @property
    def enters(self) -> bool:
        """Whether the plan enters and its size is above 0; without a chain the size may wait for the credit."""
        return self.status.enters

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons for the decision."""
        return self.status.decision.reasons

    @property
    def day(self) -> date:
        """Session of the entry."""
        return self.status.decision.day

    def rows(self) -> list[Record]:
        """One row a condition (signal, macro filter, criteria): its state and detail."""
        return check_rows(self.status)

    def record(self) -> Record:
        record = check_record(self.status) if self.check else status_record(self.status, self.order, self.stress)
        return record | {"simulated": bool(self.label)}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        if self.check:
            return check_table(self.status, self.label, columns)
        return as_markdown(self._page())

    def _page(self) -> Page:
        return Result._page(self) if self.check else plan_page(self.status, self.label, self.order, self.stress)

    def to_prompt(self) -> str:
        """Document as a brief for a language model."""
        return plan_prompt(self.status, as_markdown(self._page()))

    def headline(self) -> tuple[str, list[str], str]:
        word = decision_word(self.status)
        return f"{self.status.plan.name}, {self.day}: {word}", ["; ".join(self.reasons)], self.label


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

    def decide(self, data: PlanData, on: Day | None = None, chain: OptionChain | None = None) -> PlanReport:
        """Take or skip on a session.

        Parameters
        ----------
        data : PlanData
            Of `read_plan_data`.
        on : date or str, optional
            Session of the entry; `as_of` of the data, else the newest that they decide on, unless given.
        chain : OptionChain, optional
            Of the day: sizes the plan's package, whose credit is unknown without one.
        """
        return answer_plan(PlanRequest(plan=self.plan, data=data, on=as_day("on", on), chain=chain, check=True))

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
    plan, given = request.plan, request.data
    data = given if isinstance(given, PlanData) else open_plan_data(given, request.on)
    on = request.on or data.day
    if plan.horizon == "intraday" and data.inputs.minutes is None:
        rule, remedy = "an intraday plan needs intraday data", "name one-minute bars: `minutes` FILE"
        raise InputError("minutes", None, rule, remedy)
    is_timed = plan.horizon == "intraday"  # other plans read no minutes
    notes = tuple(note for note in data.notes if is_timed or not note.startswith("minutes:"))
    day, today = on or decision_day(plan, data.inputs), datetime.now(NEW_YORK).date()
    if not on and day < latest_session(today):
        stale = f"STALE DATA: latest decision date is {day} (today is {today}). Run `iwm-opts fetch`, or name `as_of`"
        notes = (stale, *notes)
    order = _order(plan, request.chain, day, is_needed=request.check)
    status = plan_report_on(
        plan, data.inputs, on, notes, on_progress, with_evidence=not request.check,
        order_size=None if order is None or order.size is None else (order.size, order.loss_each),
    )  # fmt: skip
    stress: PlanResult | str = ""
    if request.stages is not None and not request.check:
        try:
            stress = answer_plan_backtest(PlanStagesRequest(plan=plan, data=request.stages)).result
        except (DataError, InputError) as error:
            stress = f"Not traded over the stress periods: {error}"
    return PlanReport(status, data.label, request.check, order, stress)


def _order(plan: Plan, chain: ChainRequest | OptionChain | None, day: date, *, is_needed: bool) -> PlanOrder | None:
    """Order of a plan's package on a chain of the day; None without a chain or a package.

    Raises
    ------
    DataError, InputError
        When the order is needed and the chain has no quotes of the day: without a credit the size is unknown.
    """
    if chain is None or plan.package is None:
        return None
    try:
        order = plan_order(plan, chain)
    except (DataError, InputError) as error:
        if is_needed:
            raise
        return PlanOrder(day, "none", f"No chain of {day} at hand: {error}")
    if order.day != day and is_needed:
        rule = f"holds quotes of {order.day}, and the decision is of {day}"
        raise InputError("chain", order.quotes, rule, f"give `as_of` {order.day}, or a chain of {day}")
    if order.day != day:
        return PlanOrder(order.day, order.quotes, f"The chain is of {order.day}, the decision of {day}: no order.")
    return order


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
            plans=tuple(item.plan for item in plans), data=data, first=as_day("first", first),
            last=as_day("last", last), account=account, limits=limits or SharedLimits(),
        )
    )  # fmt: skip
