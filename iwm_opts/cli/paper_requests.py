"""Requests from the options of `iwm-opts paper`; the plan fills options not given."""

from collections.abc import Mapping
from typing import Final, cast

from iwm_opts import api
from iwm_opts.cli.plan_data import plan_data_request
from iwm_opts.cli.plan_values import with_plan
from iwm_opts.cli.requests import chain_request, screen_request
from iwm_opts.cli.values import Values, build
from iwm_opts.conventions import DEBIT_DELTA, SINGLE_DELTA
from iwm_opts.errors import DataError

OF_PACKAGES: Final = (
    *("instrument", "pick", "credit", "profit", "stop", "exit_dte", "time_stop", "ivr_below", "short_delta"),
    *("put_delta", "call_delta", "width", "put_width", "call_width", "wing_delta", "dte", "min_credit"),
    *("min_credit_width", "min_open_interest", "sort", "top", "plot", "fill", "fees", "open_risk", "buying_power"),
    *("max_contracts", "liquidity_share", "kelly", "variance_ratio"),
)
BOUGHT: Final = {  # long strikes lie nearer to the money than short ones, unless a delta is given
    "bull-call": DEBIT_DELTA, "bear-put": DEBIT_DELTA, "long-call": SINGLE_DELTA, "long-put": SINGLE_DELTA,
}  # fmt: skip


def open_request(plan: "api.Plan | None", values: Values) -> "api.PaperOpenRequest":
    """Return the package that `paper open` opens: the plan's unless given."""
    values = with_plan(plan, values) if plan is not None else with_delta(values)
    return build(
        api.PaperOpenRequest,
        values,
        screen=screen_request(values, strategy_of(values)),
        plan=plan,
        by_rule=values["instrument"] == "by-rule",
        data=_data(plan, values),
        answers=_answers(values),
    )


def shares_request(plan: "api.Plan", values: Values) -> "api.PaperSharesRequest":
    """Return the shares that `paper open` opens."""
    values.refuse_typed(OF_PACKAGES, "is of options; the plan trades shares")
    typed = {"account": "value", "risk": "risk", "max_open_risk": "max_open_risk"}
    changed = {name: values[option] for option, name in typed.items() if option in values.typed}
    with_account = plan.model_copy(update={"account": plan.account.model_copy(update=changed)})
    return build(
        api.PaperSharesRequest,
        values,
        plan=with_account,
        prices=prices(values),
        data=_data(plan, values),
        answers=_answers(values),
    )


def prices(values: Values) -> "api.PaperPrices":
    """Where trades find prices: shares on --bars where no --source is typed."""
    bars = None if "source" in values.typed else values["bars"]
    return build(api.PaperPrices, values, chain=chain_request(values), bars=bars)


def with_delta(values: Values) -> Values:
    """Values with the delta that an instrument is usually bought or sold at."""
    instrument = values.text("instrument") or "condor"
    delta = {} if "short_delta" in values.given else {"short_delta": BOUGHT.get(instrument, values["short_delta"])}
    return values.replaced(instrument=instrument, **delta)


def strategy_of(values: Values) -> "api.Strategy":
    """Strategy of the screen: condors, one kind of vertical, or long options."""
    instrument = values.text("instrument")
    if instrument == "condor":
        return build(api.IronCondor, values)
    if instrument.startswith("long-"):
        right = "C" if instrument == "long-call" else "P"
        return build(api.SingleOption, values, right=right, delta=values["short_delta"])
    kinds = api.BY_RULE if instrument == "by-rule" else (instrument,)
    return build(api.Vertical, values, kind=kinds, long_delta=values["short_delta"])


def _data(plan: "api.Plan | None", values: Values) -> "api.PlanDataRequest":
    """Return data of the plan's decision: the simulated market for its chains, else files and the archive."""
    source = "sim" if values["source"] == "sim" else "record"
    if plan is None:
        return plan_data_request(values, source=source)
    return plan_data_request(values, source=source, symbol=plan.symbol, intraday=plan.horizon == "intraday")


def _answers(values: Values) -> "Mapping[str, api.State]":
    """Answers of --answer by criterion."""
    answers = api.answers_of("; ".join(values.texts("answer")))
    if api.UNTOLD in answers.values():  # a state of logs alone
        raise DataError("checklist", f"{api.UNTOLD!r} is not an answer", "write criterion=met, unmet or unknown")
    return {name: cast("api.State", state) for name, state in answers.items()}
