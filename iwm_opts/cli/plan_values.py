"""Options of a screen from a plan: its package, costs, account, gate and exits where none is typed."""

import math
from typing import Final

import click

from iwm_opts import api
from iwm_opts.cli.values import Values

ALL_CANDIDATES: Final = 10_000  # of both kinds all are kept until the rank says which is traded


def with_plan(plan: "api.Plan", values: Values) -> Values:
    """Values with the plan's for options not given."""
    package, gate = plan.package, plan.vol_contraction
    if package is None:
        raise click.UsageError("--plan: the plan trades shares; name one with a package of options")
    first = max(package.dte - package.dte_slack, 1)
    said = {
        "symbol": plan.symbol,
        "dte": (first, package.dte + package.dte_slack),
        "short_delta": (package.delta, package.delta),
        "width": (package.width,),
        "account": plan.account.value,
        "risk": plan.account.risk,
        "max_open_risk": plan.account.max_open_risk,
        "fill": plan.costs.fill,
        "fees": plan.costs.fees,
        "ivr_below": gate.below if gate else None,
        "ivr_lookback": gate.lookback if gate else values["ivr_lookback"],
        "profit": package.profit or math.nan,
        "stop": None if package.stop is None else package.stop or math.nan,
        "exit_dte": package.exit_dte or math.nan,
        "time_stop": package.max_sessions,
        "within_session": plan.horizon == "intraday",
        "instrument": instrument_of(plan),
    }
    merged = values.replaced(**{name: value for name, value in said.items() if name not in values.given})
    return merged.replaced(top=ALL_CANDIDATES) if merged["instrument"] == "by-rule" else merged


def with_condor_plan(values: Values) -> Values:
    """Values with those of --plan, where one is named; it must trade condors."""
    if not values["plan"]:
        return values
    plan = api.load_plan(values.text("plan"))
    if plan.instrument != "condor":
        raise click.UsageError(f"--plan: the plan trades {plan.instrument}; name one of condors")
    return with_plan(plan, values)


def instrument_of(plan: "api.Plan") -> str:
    """Instrument of a plan as in --instrument; `by-rule` where the rank decides."""
    if plan.instrument == "condor":
        return "condor"
    if plan.instrument == "options":
        return "long-call"
    kind = plan.package.kind if plan.package else ""
    return "bull-put" if kind == "by-rule" and plan.edge == "vol-contraction" else kind
