"""A plan put to the test: `backtest --plan`, `plan --backtest` and `evidence --plan`."""

from typing import Final

from iwm_opts import api
from iwm_opts.cli.plan_data import files_or_simulated, plan_data_request, refuse_others, refuse_reversed
from iwm_opts.cli.progress import progress
from iwm_opts.cli.values import Values, build

WITH_PLAN: Final = frozenset(
    {
        *("plan", "source", "first", "last", "seed", "symbol", "format", "output", "verbose", "quiet"),
        *("bars", "iv_history", "slope_history", "slope_base", "yields", "rate", "dividends"),
        *("spy", "kre", "xbi", "minutes", "events", "sectors"),
    }
)


SHARED: Final = ("max_open_risk", "max_buying_power", "max_net_delta")


def backtest_of_plan(values: Values) -> "api.PlanBacktest":
    """Plan over the stress periods and the days from --from to --to; without --plan the usual plan of --edge.

    Raises
    ------
    UsageError
        When an option is given that the plan replaces.
    """
    return plan_backtest(_named_plan(values), _with_source(values))


def backtest_of_plans(values: Values) -> "api.PortfolioBacktest":
    """Several plans on one account; otherwise as `backtest_of_plan`."""
    refuse_others(values, WITH_PLAN | {"account", *SHARED}, "the plan files define the trades")
    refuse_reversed(values)
    values = _with_source(values)
    plans = tuple(map(api.load_plan, values.texts("plan")))
    request = build(
        api.PortfolioRequest,
        values,
        plans=plans,
        data=plan_data_request(values),
        limits=build(api.SharedLimits, values),
    )
    with progress("periods", values) as on_progress:
        return api.answer_portfolio(request, on_progress)


def evidence_of_plan(values: Values) -> "api.PlanEvidenceResult":
    """Measure the worth of each rule of the plan; otherwise as `backtest_of_plan`."""
    request = _request(_named_plan(values), _with_source(values))
    with progress("evidence", values):
        return api.answer_plan_evidence(request)


def plan_backtest(plan: "api.Plan", values: Values) -> "api.PlanBacktest":
    """Backtest a plan on the data that the options name."""
    with progress("periods", values) as on_progress:
        return api.answer_plan_backtest(_request(plan, values), on_progress)


def _request(plan: "api.Plan", values: Values) -> "api.PlanStagesRequest":
    return build(api.PlanStagesRequest, values, plan=plan, data=plan_data_request(values))


def _named_plan(values: Values) -> "api.Plan":
    """Plan of --plan or the usual one of --edge."""
    allowed, why = WITH_PLAN, "the plan file defines the trade"
    if not values["plan"]:
        allowed |= {"edge", "account", "risk"}
        why = f"{values['edge']} is traded by a plan: write one with iwm-opts plan"
    refuse_others(values, allowed, why)
    refuse_reversed(values)
    if values["plan"]:
        return api.load_plan(values.text("plan"))
    account = {"value": values["account"], "risk": values["risk"]}
    return api.make_usual_plan(values.text("edge"), account=account)


def _with_source(values: Values) -> Values:
    return values.replaced(source=files_or_simulated(values))
