"""Plans that cannot be traded as written, and why."""

from typing import TYPE_CHECKING

from iwm_opts.errors import InputError
from iwm_opts.execution.exits import check_profit, earliest_entry, time_to_exit
from iwm_opts.market.minutes import SESSION_MINUTES
from iwm_opts.plans.checklist import CRITERIA, DEFAULTS

if TYPE_CHECKING:
    from iwm_opts.plans.plan import Plan

Conflicts = list[tuple[tuple[str, ...], str]]


class ContradictionError(ValueError):
    """Two lines of a plan that cannot both hold; `key` is the one to change."""

    def __init__(self, key: tuple[str, ...], rule: str) -> None:
        self.key, self.rule = key, rule
        super().__init__(rule)


def contradictions(plan: "Plan") -> Conflicts:
    """Why a plan cannot be traded as written: the key at fault and the reason, in order of importance."""
    edge, instrument, horizon = plan.edge, plan.instrument, plan.horizon
    conflicts = _of_edge(edge, instrument, horizon)
    for other in DEFAULTS:
        if other != edge and getattr(plan, other.replace("-", "_")) is not None:
            conflicts.append(((other,), f"thresholds of {other} mean nothing to a plan on {edge}"))
    if instrument == "shares" and plan.package is not None:
        conflicts.append((("package",), "shares have no option package: leave [package] out"))
    if instrument != "shares" and plan.exits is not None:
        conflicts.append((("exits",), f"[exits] applies to shares; {instrument} takes its exits from [package]"))
    return conflicts + _of_profit(plan) + _of_numbers(plan)


def _of_edge(edge: str, instrument: str, horizon: str) -> Conflicts:
    conflicts: Conflicts = []
    if edge in ("mean-reversion", "momentum") and instrument == "condor":
        conflicts.append(
            (("instrument",), f"{edge} bets on a rise, a condor on standing still: choose shares, options or vertical")
        )
    if edge == "vol-contraction" and instrument in ("shares", "options"):
        conflicts.append(
            (
                ("instrument",),
                f"vol-contraction sells premium when IV ranks low; {instrument} cannot: choose condor or vertical",
            )
        )
    if edge == "momentum" and horizon != "intraday":
        conflicts.append(
            (
                ("horizon",),
                f"momentum is over 45 minutes after the open, a {horizon} plan holds longer: choose intraday",
            )
        )
    if instrument == "condor" and horizon == "intraday":
        conflicts.append(
            (
                ("horizon",),
                "a condor earns over weeks: choose swing or multi-week",
            )
        )
    if edge == "mean-reversion" and horizon == "intraday":
        conflicts.append((("horizon",), "mean-reversion is known at a close and buys the next session: choose swing"))
    if edge == "vol-contraction" and horizon == "intraday":
        conflicts.append((("horizon",), "an IV rank moves over days: choose swing or multi-week"))
    return conflicts


def _of_profit(plan: "Plan") -> Conflicts:
    """Profit target that no package of the plan reaches; a vertical by rule may be sold."""
    if plan.package is None:
        return []
    is_sold = plan.instrument == "condor" or (plan.instrument == "vertical" and plan.package.kind != "bull-call")
    try:
        check_profit(plan.package.profit, is_credit=is_sold)
    except InputError as error:
        return [(("package", "profit"), f"{error.rule}: half of it is 0.5 or 50%; 0 is off")]
    return []


def _of_numbers(plan: "Plan") -> Conflicts:
    conflicts: Conflicts = []
    names = plan.checklist.criteria
    for place, name in enumerate(names):
        if name not in CRITERIA:
            conflicts.append(
                (("checklist", "criteria"), f"unknown criterion {name!r}: choose of {', '.join(CRITERIA)}")
            )
        elif name in names[:place]:
            conflicts.append((("checklist", "criteria"), f"{name!r} would count twice"))
    if plan.checklist.minimum > len(names):
        conflicts.append(
            (("checklist", "minimum"), f"{plan.checklist.minimum} of {len(names)} criteria can never be met")
        )
    if plan.account.max_open_risk < plan.account.risk:
        conflicts.append((("account", "max_open_risk"), "is below the risk of a single position"))
    if plan.momentum and plan.momentum.enter_minute >= plan.momentum.exit_minute:
        conflicts.append((("momentum", "enter_minute"), "is not before exit_minute"))
    if plan.momentum and plan.momentum.exit_minute > SESSION_MINUTES:
        rule = f"lies after the close: a session has {SESSION_MINUTES} minutes, and nothing is held overnight"
        conflicts.append((("momentum", "exit_minute"), rule))
    if plan.exits and 0 < plan.exits.max_sessions < plan.exits.time_stop_sessions:
        conflicts.append(
            (("exits", "time_stop_sessions"), "comes after max_sessions, which ends every trade before it")
        )
    package = plan.package
    if package and package.exit_dte and package.dte - package.dte_slack < earliest_entry(package.exit_dte):
        first = package.dte - package.dte_slack
        when = time_to_exit(first, package.exit_dte)
        rule = (
            f"closes {when} what is entered at {first} days (dte - dte_slack): choose less, a later dte, or 0 for off"
        )
        conflicts.append((("package", "exit_dte"), rule))
    if plan.package and plan.package.kind != "by-rule" and plan.instrument != "vertical":
        conflicts.append((("package", "kind"), f"is of a vertical; the instrument is {plan.instrument}"))
    return conflicts
