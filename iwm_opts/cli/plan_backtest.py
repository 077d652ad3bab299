"""A plan put to the test: `backtest --plan`, `plan --backtest` and `evidence --plan`."""

import json
from typing import Final

from iwm_opts import api
from iwm_opts.cli.plan_data import check_not_reversed, check_others_not_typed, files_or_simulated, plan_data_request
from iwm_opts.cli.progress import answered, progress
from iwm_opts.cli.values import Values, build

WITH_PLAN: Final = frozenset(
    {
        *("plan", "source", "first", "last", "seed", "symbol", "format", "output", "verbose", "quiet"),
        *("bars", "iv_history", "slope_history", "slope_base", "yields", "rate", "dividends"),
        *("spy", "kre", "xbi", "minutes", "events", "sectors"),
    }
)


# Table and key of a plan by the option that they replace.
PLAN_KEYS: Final = {
    "edge": ("", "edge"),
    "strategy": ("", "instrument"),
    "account": ("account", "value"),
    "risk": ("account", "risk"),
    "max_open": ("account", "max_open"),
    "max_open_risk": ("account", "max_open_risk"),
    "ivr_below": ("vol-contraction", "below"),
    "ivr_lookback": ("vol-contraction", "lookback"),
    "dte": ("package", "dte"),
    "short_delta": ("package", "delta"),
    "width": ("package", "width"),
    "profit": ("package", "profit"),
    "stop": ("package", "stop"),
    "exit_dte": ("package", "exit_dte"),
    "time_stop": ("package", "max_sessions"),
    "fill": ("costs", "fill"),
    "fees": ("costs", "fees"),
    "macro": ("macro", "enabled"),
    "macro_drop": ("macro", "drop"),
    "macro_applies_to_condors": ("macro", "applies_to_condors"),
}
SHARE_KEYS: Final = {
    "profit": ("exits", "target_atr"),
    "stop": ("exits", "stop_atr"),
    "time_stop": ("exits", "max_sessions"),
}
OTHER_FORM: Final = ("edge", "strategy", "dte", "short_delta", "macro")  # than that of the option
SHARED: Final = ("max_open_risk", "max_buying_power", "max_net_delta")


def backtest_of_plan(values: Values) -> "api.PlanBacktest":
    """Plan over the stress periods and the days from --from to --to; without --plan the usual plan of --edge."""
    return plan_backtest(_named_plan(values), _with_source(values))


def backtest_of_plans(values: Values) -> "api.PortfolioBacktest":
    """Several plans on one account; otherwise as `backtest_of_plan`."""
    plans = tuple(map(api.load_plan, values.texts("plan")))
    allowed = WITH_PLAN | {"account", *SHARED}
    check_others_not_typed(values, allowed, "the plan files define the trades", _remedies(plans[0], values))
    check_not_reversed(values)
    values = _with_source(values)
    request = build(
        api.PortfolioRequest,
        values,
        plans=plans,
        data=plan_data_request(values),
        limits=build(api.SharedLimits, values),
    )
    return answered("periods", api.answer_portfolio, request, values)


def evidence_of_plan(values: Values) -> "api.PlanEvidenceResult":
    """Measure the worth of each rule of the plan; otherwise as `backtest_of_plan`."""
    request = _request(_named_plan(values), _with_source(values))
    with progress("evidence", values):
        return api.answer_plan_evidence(request)


def plan_backtest(plan: "api.Plan", values: Values) -> "api.PlanBacktest":
    """Backtest a plan on the data that the options name."""
    return answered("periods", api.answer_plan_backtest, _request(plan, values), values)


def _request(plan: "api.Plan", values: Values) -> "api.PlanStagesRequest":
    return build(api.PlanStagesRequest, values, plan=plan, data=plan_data_request(values))


def _named_plan(values: Values) -> "api.Plan":
    """Plan of --plan or the usual one of --edge."""
    allowed, why = WITH_PLAN, "the plan file defines the trade"
    if not values["plan"]:
        allowed |= {"edge", "account", "risk"}
        why = f"{values['edge']} is traded by a plan: write one with iwm-opts plan"
    account = {"value": values["account"], "risk": values["risk"]}
    plan = (
        api.load_plan(values.text("plan"))
        if values["plan"]
        else api.make_usual_plan(values.text("edge"), account=account)
    )
    check_others_not_typed(values, allowed, why, _remedies(plan, values))
    check_not_reversed(values)
    return plan


def _remedies(plan: "api.Plan", values: Values) -> dict[str, str]:
    """Line of a plan that does what an option would, by option; none for what its trade does not have."""
    remedies = {}
    of_shares = SHARE_KEYS if plan.instrument == "shares" else {}
    for name, (table, key) in (PLAN_KEYS | of_shares).items():
        if name not in values or (table and plan.table(table) is None):
            continue
        value = 0 if values[name] != values[name] else values[name]  # off is NaN here, 0 in a plan
        has_value = name not in (*OTHER_FORM, *of_shares) and isinstance(value, str | int | float)
        line = f"write {key} = {json.dumps(value)}" if has_value else f"set {key}"
        remedies[name] = f"{line} under [{table}]" if table else f"{line} in it"
    return remedies


def _with_source(values: Values) -> Values:
    return values.replaced(source=files_or_simulated(values))
