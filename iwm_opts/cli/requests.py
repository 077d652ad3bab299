"""From options to requests, in one place for all commands."""

import math
from typing import Final

import click

from iwm_opts import api
from iwm_opts.cli.values import Values, build
from iwm_opts.conventions import DEBIT_DELTA, SINGLE_DELTA

LEVELS: Final = ("profit", "stop", "exit_dte")  # NaN is off, None the default
SIMULATED_ALONE: Final = ("paths", "scenario", "scenario_file")
MACRO: Final = ("macro_drop", "macro_applies_to_condors")
ALL_CANDIDATES: Final = 10_000  # of both kinds all are kept until the rank says which is traded
BOUGHT: Final = {  # long strikes lie nearer to the money than short ones, unless a delta is given
    "bull-call": DEBIT_DELTA, "bear-put": DEBIT_DELTA, "long-call": SINGLE_DELTA, "long-put": SINGLE_DELTA,
}  # fmt: skip


def history_request(values: Values) -> "api.HistoryRequest":
    """--iv-history, --ivr-tenor, --ivr-lookback."""
    return build(api.HistoryRequest, values)


def chain_request(values: Values) -> "api.ChainRequest":
    """--source and its companions."""
    return build(
        api.ChainRequest,
        values,
        source=source_of(values),
        history=history_request(values),
        modelled=build(api.ModelledInputs, values),
    )


def source_of(values: Values) -> str | tuple[str, ...]:
    """--source: one name, or several files."""
    sources = values.texts("source")
    return sources if len(sources) > 1 else sources[0]


def typed_legs(values: Values) -> tuple["api.TypedLeg", ...]:
    """Read the legs of --leg."""
    return tuple(map(api.TypedLeg.parse, values.texts("leg")))


def terms(values: Values) -> "api.Terms":
    """--fill, --fees, --variance-ratio."""
    fill, fees = api.FillModel.parse(values.text("fill")), api.FeeSchedule.parse(values.text("fees"))
    return api.Terms(fill, fees, variance_ratio=values.number("variance_ratio"))


def account(values: Values) -> "api.Account":
    """--account, --risk and the limits."""
    # The limits by liquidity and Kelly depend on the package: the screen computes them.
    limits = build(api.Limits, values, liquidity=None, kelly=None)
    return build(
        api.Account, values, value=values["account"], risk_share=values["risk"], limits=limits,
        kelly_fraction=values["kelly"],
    )  # fmt: skip


def gate(values: Values) -> "api.IvRankBelow | None":
    """--ivr-below and --no-gate."""
    if values["ivr_below"] is None or values.flag("no_gate"):
        return None
    return build(api.IvRankBelow, values, threshold=values["ivr_below"], history=None, lookback=values["ivr_lookback"])


def screen_request(values: Values, strategy: "api.Strategy") -> "api.ScreenRequest":
    """Everything that a screening command is asked."""
    return build(
        api.ScreenRequest,
        values,
        strategy=strategy,
        terms=terms(values),
        account=account(values),
        selection=build(api.Selection, values, min_credit_width=values["min_credit_width"] or 0.0),
        chain=chain_request(values),
        gate=gate(values),
        exits=exit_levels(values),
    )


def market_request(values: Values) -> "api.MarketRequest":
    """--source of a backtest and its companions; the symbol defaults to the file's."""
    request = build(
        api.MarketRequest,
        values,
        source=source_of(values),
        symbol=values["symbol"] if "symbol" in values.given else None,
        history=history_request(values),
        modelled=build(api.ModelledInputs, values),
    )
    if not request.is_simulated:
        values.check_not_typed(SIMULATED_ALONE, "is of the simulated market: leave it out")
    return request


def rules(values: Values) -> "api.Rules":
    """Entries, gate, exits, size and costs of a backtest."""
    if values["no_gate"] and values["ivr_at_least"] is not None:
        raise click.UsageError("--no-gate and --ivr-at-least contradict each other: leave one out")
    if not values["macro"]:
        values.check_not_typed(MACRO, "means nothing without --macro")
    defaults = [name for name in LEVELS if values[name] is None]
    levels = given_levels(values)
    if values["no_gate"]:
        levels["ivr_below"] = None
    elif "ivr_below" not in values.given:
        defaults.append("ivr_below")
    is_fixed = values["contracts"] is not None and "risk" not in values.typed
    given = {"risk": None if is_fixed else values["risk"], **levels}
    # Options of the side that a strategy does not have, where they come from a variable or a file.
    other = {"put": "call", "call": "put"}.get(values.text("strategy").rpartition("-")[2])
    unused = [name for name in (f"{other}_delta", f"{other}_width") if other and name not in values.typed]
    return build(api.Rules, values.without(*defaults, *unused), **given)


def exit_levels(values: Values) -> "api.ExitLevels":
    """--profit, --stop and --exit-dte, the defaults of the strategy where none is given."""
    levels = given_levels(values)
    if "exit_dte" in levels:
        levels["dte"] = levels.pop("exit_dte")
    sessions, within_session = values.get("time_stop") or None, bool(values.get("within_session"))
    return api.ExitLevels(**levels, sessions=sessions, within_session=within_session)  # type: ignore[arg-type]  # as click converted


def given_levels(values: Values) -> dict[str, float | None]:
    """--profit, --stop and --exit-dte where given; None is off."""
    levels: dict[str, float | None] = {}
    for name in LEVELS:
        value = values[name]
        if value is not None:
            level = value if isinstance(value, int | float) and not math.isnan(value) else None
            levels[name] = int(level) if level is not None and name == "exit_dte" else level
    return levels


def seed_of(values: Values) -> int:
    """--seed of resampling, its default where none is given."""
    seed = values["seed"]
    return seed if isinstance(seed, int) else api.DEFAULT_SEED


def plan_of(values: Values) -> "api.Plan | None":
    """Plan of --plan."""
    return api.load_plan(values.text("plan")) if values["plan"] else None


def with_plan(plan: "api.Plan", values: Values) -> Values:
    """Values with the plan's for options not given."""
    package, gate = plan.package, plan.rank_gate
    if package is None:
        raise click.UsageError("--plan: the plan trades shares; name one with a package of options")
    instrument: str = package.kind
    if plan.instrument in ("condor", "options"):
        instrument = "condor" if plan.instrument == "condor" else "long-call"
    elif package.kind == "by-rule" and plan.rule.sells_premium:
        instrument = "bull-put"  # else `by-rule`: the rank decides
    first = max(package.dte - package.dte_slack, 1)
    planned = {
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
        "instrument": instrument,
    }
    merged = values.replaced(**{name: value for name, value in planned.items() if name not in values.given})
    return merged.replaced(top=ALL_CANDIDATES) if merged["instrument"] == "by-rule" else merged


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
