"""Rules of a plan that a review needs."""

from dataclasses import dataclass

from iwm_opts.errors import InputError
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.plan import Plan


@dataclass(frozen=True, slots=True)
class PlanRules:
    """Rules that a log is held against; None is a rule that the plan does not have."""

    name: str = ""
    criteria: tuple[str, ...] = ()  # of the entry checklist
    minimum: int | None = None  # criteria that must be met
    risk_share: float | None = None  # of the account, on one trade
    account: float | None = None  # dollars
    exit_dte: int | None = None  # leave with this many calendar days left
    exit_sessions: int | None = None  # leave after this many sessions
    exit_minute: int | None = None  # leave so many minutes after the open of the entry's session
    fees: str | None = None  # schedule, as `FeeSchedule.parse` reads it
    symbol: str = ""  # that it trades
    trades_shares: bool | None = None  # shares, or options

    def __post_init__(self) -> None:
        if self.minimum is not None and self.criteria and self.minimum > len(self.criteria):
            rule = f"more than the {len(self.criteria)} criteria there are"
            raise InputError("minimum", self.minimum, rule, "lower it or add criteria")


def rules_of(plan: Plan) -> PlanRules:
    """Rules of a plan that a trade log can be held against."""
    package, shares = plan.package, plan.exits
    sessions = (package.max_sessions if package else 0) or (shares.max_sessions if shares else 0)
    return PlanRules(
        name=plan.name,
        symbol=plan.symbol,
        trades_shares=plan.instrument == "shares",
        criteria=plan.checklist.criteria,
        minimum=plan.checklist.minimum,
        risk_share=plan.account.risk,
        account=plan.account.value,
        exit_dte=(package.exit_dte or None) if package else None,
        exit_sessions=sessions or None,
        exit_minute=plan.rule.exit_minute if isinstance(plan.rule, Momentum) else None,
        fees=plan.costs.fees if package else None,
    )
