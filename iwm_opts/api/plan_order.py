"""Today's order of a plan: its package on a chain, priced, sized and written out."""

import math
from dataclasses import replace

from iwm_opts.api.chain import ChainRequest, OptionChain
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.api.screening import Screen, answer_screen
from iwm_opts.api.ticket import OrderTicket, TicketRequest, answer_ticket
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.market.gate import ivr_gate
from iwm_opts.plans.plan import Plan
from iwm_opts.report.plan_order import PlanOrder, PricedExit
from iwm_opts.risk.sizing import LIQUIDITY_SHARE, Limits, Size
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.screen import Account, Selection, Sized
from iwm_opts.spreads.strategies import IronCondor, SingleOption, Strategy, Vertical

BY_RULE = ("bull-put", "bull-call")  # a vertical by IV rank: sold at the plan's credit rank or above, else bought


def plan_screen(plan: Plan, chain: ChainRequest | OptionChain) -> ScreenRequest:
    """Screen of a plan's own package, costs, account and exits; the gate is the plan's decision.

    Raises
    ------
    InputError
        For a plan in shares.
    """
    package, account = plan.package, plan.account
    if package is None:
        raise InputError("plan", plan.name, "trades shares", "name a plan with a package of options")
    return ScreenRequest(
        chain=chain,
        strategy=_strategy(plan),
        dte=(max(package.dte - package.dte_slack, 1), package.dte + package.dte_slack),
        selection=Selection(top=50),
        terms=Terms(FillModel.parse(plan.costs.fill), FeeSchedule.parse(plan.costs.fees)),
        account=Account(
            account.value, account.risk, Limits(max_open_risk=account.max_open_risk), liquidity_share=LIQUIDITY_SHARE
        ),
        exits=replace(package.exit_levels, within_session=plan.horizon == "intraday"),
    )


def plan_order(plan: Plan, chain: ChainRequest | OptionChain) -> PlanOrder:
    """First package of a plan's screen with its ticket and exits in dollars."""
    screen = answer_screen(plan_screen(plan, chain))
    snapshot = screen.screening.snapshot
    market = snapshot.chain
    quoted = f"{market.quote_time:%Y-%m-%d %H:%M}" if market.quote_time else f"{market.as_of}, time unknown"
    quotes = "; ".join(filter(None, [f"{quoted}, source {market.source}", *market.warnings, snapshot.no_dividends]))
    place = plan_place(plan, screen)
    if place is None:
        rejected = ", ".join(f"{count} {rule}" for rule, count in screen.screening.screened.rejected.items())
        none = Size(0, 0.0, 0.0, "package", "the chain lists no package of the plan")
        refusal = f"No package of the plan on this chain ({rejected or 'none listed'})."
        return PlanOrder(market.as_of, quotes, refusal, size=none)
    sized = screen[place].sized
    size, each = sized.size, sized.max_loss
    if size.contracts == 0:
        return PlanOrder(market.as_of, quotes, f"Size is zero: {size.reason}.", size=size, loss_each=each)
    request = TicketRequest(
        package=screen[place],
        as_of=None if market.simulated or market.modelled else market.as_of,
    )  # fmt: skip
    try:
        ticket = answer_ticket(request)
    except InputError as error:
        return PlanOrder(market.as_of, quotes, f"No order: {error}", size=size, loss_each=each)
    return _priced(sized, ticket, quotes)


def _strategy(plan: Plan) -> Strategy:
    package = plan.package
    assert package is not None  # checked by the caller
    if plan.instrument == "condor":
        return IronCondor(package.delta, package.width)
    if plan.instrument == "options":
        return SingleOption("C", package.delta)
    kind = package.kind
    if kind == "by-rule":
        kinds = BY_RULE[:1] if plan.rule.sells_premium else BY_RULE
        return Vertical(kinds, package.delta, package.delta, package.width)  # type: ignore[arg-type]
    return Vertical(kind, package.delta, package.delta, package.width)


def plan_place(plan: Plan, screen: Screen) -> int | None:
    """Place of the candidate that the plan trades."""
    return next(iter(plan_places(plan, screen)), None)


def plan_places(plan: Plan, screen: Screen) -> list[int]:
    """Places of the candidates that the plan can trade; by rule, of the kind that the rank chooses.

    An unknown rank buys, as in a backtest of the plan.
    """
    kept, rank, package = screen.screening.screened.kept, screen.screening.rank, plan.package
    if package is None or plan.instrument != "vertical" or package.kind != "by-rule":
        return list(range(len(kept)))
    is_known = ivr_gate(rank, math.inf).is_open  # by the gate's own rule, as in `plans.plan_backtest`
    is_rich = is_known and rank is not None and rank.rank >= package.credit_rank
    kind = BY_RULE[0 if is_rich or plan.rule.sells_premium else 1]
    return [place for place, each in enumerate(kept) if each.candidate.strategy == kind]


def _priced(sized: Sized, ticket: OrderTicket, quotes: str) -> PlanOrder:
    """Price the exits of an order in dollars of the position, after fees both ways."""
    order, entry, cost = ticket.ticket, ticket.ticket.entry, ticket.cost
    count, fees = entry.contracts, cost.opening_fees + cost.closing_fees
    exits = []
    for name, price in (("profit", order.target.price if order.target else None), ("stop", order.stop_price)):
        if price is not None:
            exits.append(PricedExit(name, price, MULTIPLIER * count * (entry.price + price) - fees))
    legs = " ".join(f"{leg.quantity:+d}{leg.contract.right}{leg.contract.strike:g}" for leg in entry.legs)
    return PlanOrder(
        ticket.as_of, quotes, "", expiration=entry.expiration, legs=legs, contracts=count, limit=entry.price,
        mid=order.fill.mid, natural=order.fill.natural, fill=order.fill.model, exits=tuple(exits),
        exit_date=order.exit_date, max_loss=cost.max_loss, fees=fees, buying_power=cost.buying_power,
        no_stop=order.no_stop, size=sized.size, loss_each=sized.max_loss,
        opening=ticket.order(), closing=ticket.order(closing=True) if order.target else "",
    )  # fmt: skip
