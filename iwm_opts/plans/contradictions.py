"""Plans that cannot be traded as written, and why."""

from typing import TYPE_CHECKING, Final

from iwm_opts.errors import InputError
from iwm_opts.execution.exits import check_profit, earliest_entry, time_to_exit
from iwm_opts.market.minutes import SESSION_MINUTES
from iwm_opts.plans.checklist import CRITERIA, DEFAULTS

if TYPE_CHECKING:
    from iwm_opts.plans.plan import Plan

Conflicts = list[tuple[tuple[str, ...], str]]
# Edges, instruments and horizons that cannot hold together (any where none is named), the key to change, and why.
CLASHES: Final[tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str, str], ...]] = (
    (("mean-reversion", "momentum"), ("condor",), (), "instrument",
     "{edge} bets on a rise, a condor on standing still: choose shares, options or vertical"),
    (("vol-contraction",), ("shares", "options"), (), "instrument",
     "vol-contraction sells premium when IV ranks low; {instrument} cannot: choose condor or vertical"),
    (("momentum",), (), ("swing", "multi-week"), "horizon",
     "momentum is over 45 minutes after the open, a {horizon} plan holds longer: choose intraday"),
    ((), ("condor",), ("intraday",), "horizon", "a condor earns over weeks: choose swing or multi-week"),
    (("mean-reversion",), (), ("intraday",), "horizon",
     "mean-reversion is known at a close and buys the next session: choose swing"),
    (("vol-contraction",), (), ("intraday",), "horizon",
     "an IV rank moves over days: choose swing or multi-week"),
)  # fmt: skip


class ContradictionError(ValueError):
    """Two lines of a plan that cannot both hold; `key` is the one to change."""

    def __init__(self, key: tuple[str, ...], rule: str) -> None:
        self.key, self.rule = key, rule
        super().__init__(rule)


def contradictions(plan: "Plan") -> Conflicts:
    """Why a plan cannot be traded as written: the key at fault and the reason, in order of importance."""
    edge, instrument, horizon = plan.edge, plan.instrument, plan.horizon
    conflicts: Conflicts = [
        ((key,), rule.format(edge=edge, instrument=instrument, horizon=horizon))
        for edges, instruments, horizons, key, rule in CLASHES
        if (not edges or edge in edges)
        and (not instruments or instrument in instruments)
        and (not horizons or horizon in horizons)
    ]
    for other in DEFAULTS:
        if other != edge and getattr(plan, other.replace("-", "_")) is not None:
            conflicts.append(((other,), f"thresholds of {other} mean nothing to a plan on {edge}"))
    if instrument == "shares" and plan.package is not None:
        conflicts.append((("package",), "shares have no option package: leave [package] out"))
    if instrument != "shares" and plan.exits is not None:
        conflicts.append((("exits",), f"[exits] applies to shares; {instrument} takes its exits from [package]"))
    if plan.package is not None:  # a vertical by rule may be sold
        is_sold = instrument == "condor" or (instrument == "vertical" and plan.package.kind != "bull-call")
        try:
            check_profit(plan.package.profit, is_credit=is_sold)
        except InputError as error:
            conflicts.append((("package", "profit"), f"{error.rule}: half of it is 0.5 or 50%; 0 is off"))
    return conflicts + _of_numbers(plan)


def _of_numbers(plan: "Plan") -> Conflicts:
    conflicts: Conflicts = []
    names = plan.checklist.criteria
    for place, name in enumerate(names):
        if name not in CRITERIA:
            rule = f"unknown criterion {name!r}: choose of {', '.join(CRITERIA)}"
            conflicts.append((("checklist", "criteria"), rule))
        elif name in names[:place]:
            conflicts.append((("checklist", "criteria"), f"{name!r} would count twice"))
    if plan.checklist.minimum > len(names):
        rule = f"{plan.checklist.minimum} of {len(names)} criteria can never be met"
        conflicts.append((("checklist", "minimum"), rule))
    if plan.account.max_open_risk < plan.account.risk:
        conflicts.append((("account", "max_open_risk"), "is below the risk of a single position"))
    if plan.momentum and plan.momentum.enter_minute >= plan.momentum.exit_minute:
        conflicts.append((("momentum", "enter_minute"), "is not before exit_minute"))
    if plan.momentum and plan.momentum.exit_minute > SESSION_MINUTES:
        rule = f"lies after the close: a session has {SESSION_MINUTES} minutes, and nothing is held overnight"
        conflicts.append((("momentum", "exit_minute"), rule))
    if plan.exits and 0 < plan.exits.max_sessions < plan.exits.time_stop_sessions:
        rule = "comes after max_sessions, which ends every trade before it"
        conflicts.append((("exits", "time_stop_sessions"), rule))
    package = plan.package
    if package and package.exit_dte and package.dte - package.dte_slack < earliest_entry(package.exit_dte):
        first = package.dte - package.dte_slack
        rule = f"closes {time_to_exit(first, package.exit_dte)} what is entered at {first} days (dte - dte_slack)"
        rule += ": choose less, a later dte, or 0 for off"
        conflicts.append((("package", "exit_dte"), rule))
    if plan.package and plan.package.kind != "by-rule" and plan.instrument != "vertical":
        conflicts.append((("package", "kind"), f"is of a vertical; the instrument is {plan.instrument}"))
    return conflicts
