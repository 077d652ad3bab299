"""Plan report: today's decision, evidence, position size and reviews."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np
import pandas as pd

from iwm_opts.conventions import DAYS_PER_YEAR, MULTIPLIER
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.legs import Legs
from iwm_opts.market.bars import Atr, atr
from iwm_opts.market.calendar import latest_session, sessions
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.gate import gate_ranks
from iwm_opts.market.sector_filter import LEAD_SYMBOL, lead
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.decision import Decision, decide, decision_day
from iwm_opts.plans.intraday import bars_from_entry
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import DEBIT, SINGLE, strategies
from iwm_opts.pricing.black import black_price
from iwm_opts.research.claims import Claim, measure_claims
from iwm_opts.risk.sizing import Size, share_size, size_position
from iwm_opts.spreads.entry_rule import CONDOR

MONTHLY_REVIEWS, QUARTERLY_REVIEWS = 3, 4


@dataclass(frozen=True, slots=True)
class Sizing:
    """The sizing formula of a plan with today's numbers."""

    atr: Atr
    entry: float  # reference price, dollars: the last close, or the price at an intraday plan's minute
    at_minute: bool  # whether it is the latter
    stop: float | None  # of shares, dollars
    target: float | None
    each: float  # dollars that one share or package can lose, as the formula takes it
    size: Size
    unit: str
    formula: str  # in words and symbols
    worked: str  # the same with numbers
    credit_for_one: float = math.nan  # $/share from which one package fits the risk, where none fits without a credit


@dataclass(frozen=True, slots=True, eq=False)
class PlanStatus:
    """Everything that a plan's document says of one day."""

    plan: Plan
    day: date  # session of the entry
    decision: Decision
    sizing: Sizing
    evidence: tuple[Claim, ...]
    biotech_lead: float | None  # return of XBI over 5 sessions less IWM's; None where unknown
    package: str  # that the plan's rule chooses today and why; empty where there is nothing to choose
    monthly: tuple[date, ...]  # last sessions of the coming months
    quarterly: tuple[date, ...]
    sectors: pd.DataFrame | None  # date, sector, weight of the latest date
    notes: tuple[str, ...]

    @property
    def enters(self) -> bool:
        """Whether there is something to enter: the rules say take, and the size is not 0 at every credit."""
        return self.decision.take and bool(self.sizing.size.contracts or not math.isnan(self.sizing.credit_for_one))


def plan_report_on(
    plan: Plan,
    data: Inputs,
    day: date | None = None,
    notes: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
    with_evidence: bool = True,
    order_size: tuple[Size, float] | None = None,
) -> PlanStatus:
    """Report a plan's decision, size and evidence for a session.

    Raises InputError when the bars do not reach the session before, or are too short for an ATR.

    `data`: nothing dated on or after the day is read, but the first minutes of it by the momentum edge.
    `day`: the newest that the data can decide on unless given.
    `notes`: notes on the data.
    `progress`: called with (done, total) claims measured.
    `with_evidence`: whether the edge's claims are measured, which takes seconds.
    `order_size`: size and largest loss a package, dollars, on a chain; estimated without a credit unless given.
    """
    day = day or decision_day(plan, data)
    decision = decide(plan, data, day)
    history = data.before(day)
    fund = history.funds.get(LEAD_SYMBOL)
    ahead = float(lead(fund, history.bars).iloc[-1]) if fund is not None and len(fund) else math.nan
    sectors = history.sectors
    if sectors is not None and len(sectors):
        sectors = sectors[sectors["date"] == sectors["date"].max()]
    sizing, none = _sizing(plan, data, day), []
    if order_size is not None:  # the size of the order on a chain in place of the estimate
        (size, each), budget = order_size, plan.account.value * plan.account.risk
        rule = "contracts = floor(risk / max loss), max loss of the package of today's order at its fill, fees included"
        worked = size.reason
        if not math.isnan(each):
            worked = f"floor({budget:.2f} / {each:.2f}) = {math.floor(budget / each + 1e-9)}"
        sizing = replace(sizing, each=each, size=size, formula=rule, worked=worked, credit_for_one=math.nan)
    if decision.take and not sizing.size.contracts:
        nothing, needed = "nothing to enter: the rules say take, and the size is 0", sizing.credit_for_one
        fits = "" if math.isnan(needed) else f"the size is 0 below a credit of {math.ceil(100.0 * needed) / 100.0:.2f}"
        none.append(fits or nothing)
    return PlanStatus(
        plan, day, decision, sizing,
        tuple(measure_claims(history, plan.rule.claims if with_evidence else (), progress)),
        None if math.isnan(ahead) else ahead, _package_today(plan, history, day),
        _last_sessions(day, "M", MONTHLY_REVIEWS), _last_sessions(day, "Q", QUARTERLY_REVIEWS),
        sectors if sectors is not None and len(sectors) else None, (*none, *plan.warnings, *notes),
    )  # fmt: skip


def _sizing(plan: Plan, data: Inputs, day: date) -> Sizing:
    # An intraday plan enters at its backtest's fill, else at the last price before.
    history, edge, at_minute = data.before(day), plan.momentum, None
    if edge is not None and data.minutes is not None:
        bars = data.minutes.bars
        session = bars[pd.DatetimeIndex(bars.index).normalize() == pd.Timestamp(day)]
        held, seen = bars_from_entry(session, edge), session["close"][session["minute"] < edge.enter_minute]
        at_minute = float(seen.iloc[-1]) if len(seen) else None
        at_minute = at_minute if held is None else float(held["open"].iloc[0])
    average, last = atr(history.bars, day), history.bars.iloc[-1]
    entry, low = float(last["close"]) if at_minute is None else at_minute, float(last["low"])
    budget, is_timed = plan.account.value * plan.account.risk, at_minute is not None
    if plan.instrument != "shares":
        return replace(_package_sizing(plan, history, day, average, entry, budget), at_minute=is_timed)
    exits, slippage = plan.share_exits, plan.costs.share_slippage
    stop, target = exits.stop(entry, low, average.value), exits.target(entry, average.value)
    size = share_size(plan.account.value, plan.account.risk, entry, stop, slippage, plan.account.value)
    return Sizing(
        average, entry, is_timed, stop, target, entry - stop + slippage, size, "shares",
        f"shares = floor(risk / (entry - stop + slippage)), stop = min(prior low - {exits.low_buffer:g} ATR, "
        f"entry - {exits.stop_atr:g} ATR)",
        f"stop = min({low:.2f} - {exits.low_buffer:g} x {average.value:.2f}, {entry:.2f} - {exits.stop_atr:g} x "
        f"{average.value:.2f}) = {stop:.2f}; shares = floor({budget:.2f} / ({entry:.2f} - {stop:.2f} + "
        f"{slippage:.2f})) = {math.floor(budget / (entry - stop + slippage) + 1e-9)}",
    )  # fmt: skip


def _package_sizing(plan: Plan, history: Inputs, day: date, average: Atr, entry: float, budget: float) -> Sizing:
    package = plan.package
    assert package is not None
    # Without a quote assume the worst case: a wing's whole width, no credit.
    (kind,) = [name for name, is_it in strategies(plan, history, [day]) if is_it[0]]
    if kind in (SINGLE, DEBIT):
        return _debit_sizing(plan, history, average, entry, budget, is_spread=kind == DEBIT)
    width = package.wing.distance(entry, entry * _last_vol(history) * math.sqrt(package.dte / DAYS_PER_YEAR))
    if math.isnan(width):
        width = math.inf  # standard deviations without an IV history: no size
    schedule, owed = FeeSchedule.parse(plan.costs.fees), _dividends_owed(plan, history, day)
    legs = Legs.of([1, -1], [-1, -1]) if kind != CONDOR else Legs.of([1, -1, -1, 1], [-1, -1, 1, 1])
    # A side in the money has both of its legs exercised; the SEC's share of the premium is taken at the whole width.
    fees = float(schedule.opening_fees(legs, 1, min(width, entry))) + schedule.exercise_fees(2)
    worst = MULTIPLIER * (width + (0.0 if math.isnan(owed) else owed)) + fees
    size = size_position(plan.account.value, plan.account.risk, worst)
    dividends = "dividends unknown" if math.isnan(owed) else f"{owed:.2f} dividends owed after early assignment"
    wing, needed = width / average.value, (worst - budget) / MULTIPLIER
    credit_for_one = needed if 0.0 < needed < width else math.nan
    fits = "" if math.isnan(credit_for_one) else f", 1 from a credit of {math.ceil(100.0 * needed) / 100.0:.2f}"
    return Sizing(
        average, entry, False, None, None, worst, size, "contracts",
        "contracts = floor(risk / max loss), max loss = 100 x (width + dividends owed - credit) + fees",
        f"at most 100 x ({width:.2f} + {dividends}) + {fees:.2f} fees = {worst:.2f} a package ({wing:.1f} ATR wide) "
        f"before the credit, each dollar of which takes $100 off: contracts = floor({budget:.2f} / {worst:.2f}) = "
        f"{size.contracts}{fits}",
        credit_for_one=credit_for_one,
    )  # fmt: skip


def _dividends_owed(plan: Plan, history: Inputs, day: date) -> float:
    """Dividends until the latest expiration, projected from the last year's, $/share; NaN: unknown."""
    if not settlement_of(plan.symbol).pays_dividends:
        return 0.0
    if "dividend" not in history.bars or plan.package is None:
        return math.nan
    paid = history.bars["dividend"]
    recent = paid[(paid > 0.0) & (paid.index > pd.Timestamp(day) - pd.Timedelta(days=400))]
    schedule = DividendSchedule(tuple(map(Dividend, pd.DatetimeIndex(recent.index).date, recent.to_list())), "bars")
    until = day + timedelta(days=plan.package.dte + plan.package.dte_slack)
    return sum(dividend.amount for dividend in schedule.projected_to(day, until).between(day, until))


def _debit_sizing(plan: Plan, history: Inputs, average: Atr, entry: float, budget: float, *, is_spread: bool) -> Sizing:
    """Contracts of a call, or of a spread of calls, whose premium is estimated from the last IV: no chain is read."""
    package = plan.package
    assert package is not None
    formula = f"contracts = floor(risk / max loss), max loss = {MULTIPLIER} x premium paid + fees"
    vol, years = _last_vol(history), package.dte / DAYS_PER_YEAR
    if math.isnan(vol):
        size = Size(0, 0.0, math.nan, "risk", "without `iv_history` no premium can be estimated")
        worked = f"contracts = floor({budget:.2f} / ({MULTIPLIER} x premium + fees)): the premium is unknown"
        return Sizing(average, entry, False, None, None, math.nan, size, "contracts", formula, worked)
    stdev = vol * math.sqrt(years)
    strike = entry * math.exp(-stdev * NormalDist().inv_cdf(package.delta) + 0.5 * stdev**2)
    premium = float(black_price("C", entry, strike, years, vol))
    what = "call"
    if is_spread:
        width = package.wing.distance(entry, entry * stdev)
        premium -= float(black_price("C", entry, strike + width, years, vol))
        what = f"call spread {width:g} wide"
    worst = MULTIPLIER * premium
    size = size_position(plan.account.value, plan.account.risk, worst)
    return Sizing(
        average, entry, False, None, None, worst, size, "contracts", formula,
        f"a {package.delta:g}-delta {what} of {package.dte} days at {100.0 * vol:.1f} vol (the last IV) costs about "
        f"{premium:.2f}: contracts = floor({budget:.2f} / {worst:.2f}) = {size.contracts}, fees apart",
    )  # fmt: skip


def _last_vol(history: Inputs) -> float:
    """Latest observation of the IV history, NaN without one."""
    latest = history.history.last(1).to_numpy(dtype=float) if history.history else np.empty(0)
    return float(latest[-1]) if len(latest) else math.nan


def _package_today(plan: Plan, past: Inputs, day: date) -> str:
    """Which vertical the rank of the close before chooses."""
    if plan.package is None or plan.instrument != "vertical":
        return ""
    (chosen,) = [name for name, is_it in strategies(plan, past, [day]) if is_it[0]]
    if plan.rule.sells_premium or plan.package.kind != "by-rule":
        return ""  # one kind, whatever the rank
    before = latest_session(day - timedelta(days=1))
    rank = math.nan
    if past.history is not None and len(past.history.last(1)):
        rank = float(gate_ranks(past.history).get(pd.Timestamp(before), math.nan))
    if past.history is None or math.isnan(rank):
        return f"{chosen}: the IV rank of {before} is unknown"
    return f"{chosen}: {past.history.series} ranks {rank:.1f} on {before}"


def _last_sessions(day: date, unit: str, count: int) -> tuple[date, ...]:
    """Last session of each month or quarter from a day on."""
    days = pd.DatetimeIndex(sessions(day, day + timedelta(days=31 * (count + 1) * (3 if unit == "Q" else 1))))
    periods = days.to_period(unit)
    last = np.flatnonzero(periods[:-1] != periods[1:])[:count]
    return tuple(days[place].date() for place in last)
