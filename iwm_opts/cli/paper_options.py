"""What `iwm-opts paper open` opens in options: the plan's package where nothing else is typed, screened and judged."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from iwm_opts.cli.output import say
from iwm_opts.cli.requests import screen_request
from iwm_opts.cli.values import Values, build

if TYPE_CHECKING:
    from iwm_opts.spreads.strategies import Strategy

BY_RULE = ("bull-put", "bull-call")  # a plan's vertical by the IV rank: sold at its credit rank or above, else bought


def open_options(plan: Any, options: dict[str, Any]) -> Any:
    """Open what a screen finds best: the trade and whether it is new; or why there is none."""
    from iwm_opts.api.screening import answer_screen
    from iwm_opts.journal.paper import open_journal

    options = options | _of_plan(plan, options)
    result = answer_screen(screen_request(Values(options), _strategy(options))).screening
    kept = _kept(result, plan, options)
    judged, decision = _judged(plan, result, options)
    why = _why_not(plan, result, kept, decision, options)
    if why:
        return why
    return open_journal().add(_trade(kept[options["pick"] - 1], result, plan, judged, options))


def _of_plan(plan: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the plan says of options that were not typed."""
    if plan is None:
        return {"instrument": options["instrument"] or "condor", **_debit_delta(options)}
    package, account, gate = plan.package, plan.account, plan.vol_contraction
    said: dict[str, Any] = {
        "symbol": plan.symbol,
        "dte": (max(package.dte - package.dte_slack, 1), package.dte + package.dte_slack),
        "short_delta": (package.delta, package.delta),
        "width": (package.width,),
        "account": account.value,
        "risk": account.risk,
        "max_open_risk": account.max_open_risk,
        "fill": plan.costs.fill,
        "fees": plan.costs.fees,
        "ivr_below": gate.below if gate else None,
        "ivr_lookback": gate.lookback if gate else options["ivr_lookback"],
        "profit": package.profit,
        "stop": package.stop,
        "exit_dte": package.exit_dte,
        "time_stop": package.max_sessions,
        "instrument": _instrument(plan),
    }
    context = click.get_current_context()
    chosen = {
        name: value
        for name, value in said.items()
        if context.get_parameter_source(name) in (None, ParameterSource.DEFAULT)
    }
    # Of both kinds all are kept until the rank says which is traded.
    return chosen | ({"top": 10_000} if chosen.get("instrument") == "by-rule" else {})


def _instrument(plan: Any) -> str:
    """What a plan trades, in the words of --instrument; `by-rule` where the rank decides."""
    if plan.instrument == "condor":
        return "condor"
    if plan.instrument == "options":
        return "long-call"
    kind: str = plan.package.kind
    return "bull-put" if kind == "by-rule" and plan.edge == "vol-contraction" else kind


def _debit_delta(options: dict[str, Any]) -> dict[str, Any]:
    """What is bought stands nearer to the money than what is sold, unless a delta is typed."""
    from iwm_opts.conventions import DEBIT_DELTA, SINGLE_DELTA

    typed = click.get_current_context().get_parameter_source("short_delta") is not ParameterSource.DEFAULT
    delta = {"bull-call": DEBIT_DELTA, "bear-put": DEBIT_DELTA, "long-call": SINGLE_DELTA, "long-put": SINGLE_DELTA}
    wanted = delta.get(options["instrument"] or "")
    return {} if typed or wanted is None else {"short_delta": wanted}


def _strategy(options: dict[str, Any]) -> "Strategy":
    """What the screen builds: condors, one kind of vertical, or long options."""
    from iwm_opts.spreads.strategies import IronCondor, SingleOption, Vertical

    instrument, values = options["instrument"], Values(options)
    if instrument == "condor":
        return build(IronCondor, values)
    if instrument.startswith("long-"):
        return SingleOption("C" if instrument == "long-call" else "P", options["short_delta"])
    kinds = BY_RULE if instrument == "by-rule" else (instrument,)
    return build(Vertical, values, kind=kinds, long_delta=options["short_delta"])


def _kept(result: Any, plan: Any, options: dict[str, Any]) -> list[Any]:
    """Candidates of the kind that is traded; an unknown rank buys, as in a backtest of the plan."""
    from iwm_opts.conventions import MIN_COVERAGE

    kept = list(result.screened.kept)
    if options["instrument"] != "by-rule":
        return kept
    rank = result.rank
    # Known is the rank of the close before, of a window that was observed well enough: as `plans.plan_backtest` has it.
    is_known = rank is not None and not rank.sessions_missed and rank.coverage >= MIN_COVERAGE
    is_rich = is_known and rank.rank >= plan.package.credit_rank
    return [one for one in kept if one.candidate.strategy == BY_RULE[0 if is_rich else 1]]


def _judged(plan: Any, result: Any, options: dict[str, Any]) -> tuple[dict[str, str], Any]:
    """Each criterion's state at the entry, as far as the data allow; and take or skip, None where nobody can say.

    What is missing is said: what each unknown criterion needs, and why the plan says neither take nor skip.
    """
    from iwm_opts.cli.paper_shares import own_answers

    own = own_answers(options)
    if plan is None:
        return own, None
    from iwm_opts.api.plan_data import open_plan_data
    from iwm_opts.cli.plan_data import plan_data_request
    from iwm_opts.errors import InputError
    from iwm_opts.plans.checklist import checklist
    from iwm_opts.plans.decision import decide

    day = result.snapshot.chain.as_of
    source = "sim" if options["source"] == "sim" else "record"
    intraday = plan.horizon == "intraday"
    asked = options | {"source": source, "symbol": plan.symbol, "intraday": intraday}
    data = open_plan_data(plan_data_request(Values(asked)), day, blank_bars=True).inputs
    found = checklist(plan.checklist.criteria, plan.checklist.minimum, data.reaching(day), day).answered(own)
    answers = found.answers
    unknown = [f"{one.name} {one.detail}" for one in answers if one.state == "unknown"]
    if unknown:
        say(f"unknown, and never counted as met: {'; '.join(unknown)}", options)
    try:
        decision = None if data.bars["close"].isna().all() else decide(plan, data, day)
        decision = decision and replace(decision, checklist=decision.checklist.answered(own))
    except InputError as error:
        say(f"the plan says neither take nor skip: {error}", options)
        decision = None
    else:
        if decision is None:
            say("the plan says neither take nor skip without daily bars: give --bars FILE, or fetch", options)
    return {one.name: one.state for one in answers}, decision


def _why_not(plan: Any, result: Any, kept: list[Any], decision: Any, options: dict[str, Any]) -> str:
    """Why nothing is opened; empty when something is."""
    if result.snapshot.chain.simulated and options["source"] == "auto":
        return f"{result.snapshot.warnings[0]}; --source sim opens on the simulated market"
    from iwm_opts.cli.paper_shares import outside_minutes

    closed = outside_minutes(plan, result.snapshot.chain)
    if closed:
        return closed
    if not result.gate.is_open and not options["anyway"]:
        return f"the gate is closed ({'; '.join(result.gate.reasons)}); --anyway opens all the same"
    if decision is not None and not decision.take and not options["anyway"]:
        return f"the plan says skip ({'; '.join(decision.reasons)}); --anyway opens all the same"
    if len(kept) < options["pick"]:
        rejected = ", ".join(f"{count} {rule}" for rule, count in result.screened.rejected.items())
        return f"the screen kept {len(kept)} candidates of {result.screened.considered} ({rejected})"
    return ""


def _trade(sized: Any, result: Any, plan: Any, judged: dict[str, str], options: dict[str, Any]) -> Any:
    from iwm_opts.journal.paper_marks import opened
    from iwm_opts.journal.paper_trade import Exits
    from iwm_opts.plans.edges import Momentum

    exits = Exits(
        options["profit"] or None,
        options["stop"] or None,
        options["exit_dte"] or None,
        options["time_stop"] or None,
        plan.rule.exit_minute if plan is not None and isinstance(plan.rule, Momentum) else None,
    )
    return opened(
        sized,
        result.snapshot,
        plan=plan.name if plan else "",
        fees=options["fees"],
        exits=exits,
        checklist=judged,
        rank=result.rank.rank if result.rank is not None else None,
        contracts=options["contracts"],
        credit=options["credit"],
    )
