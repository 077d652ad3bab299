"""From options to requests, in one place for all commands."""

import math
from typing import Final

import click

from iwm_opts import api
from iwm_opts.cli.values import Values, build

LEVELS: Final = ("profit", "stop", "exit_dte")  # NaN is off, None the default
SIMULATED_ALONE: Final = ("paths", "scenario", "scenario_file")
MACRO: Final = ("macro_drop", "macro_applies_to_condors")


def history_request(values: Values) -> "api.HistoryRequest":
    """--iv-history, --ivr-tenor, --ivr-lookback."""
    return build(api.HistoryRequest, values)


def chain_request(values: Values) -> "api.ChainRequest":
    """--source and its companions."""
    return build(api.ChainRequest, values, history=history_request(values), modelled=build(api.ModelledInputs, values))


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
        symbol=values["symbol"] if "symbol" in values.given else None,
        history=history_request(values),
        modelled=build(api.ModelledInputs, values),
    )
    if not request.is_simulated:
        values.refuse_typed(SIMULATED_ALONE, "is of the simulated market: leave it out")
    return request


def rules(values: Values) -> "api.Rules":
    """Entries, gate, exits, size and costs of a backtest."""
    if values["no_gate"] and values["ivr_at_least"] is not None:
        raise click.UsageError("--no-gate and --ivr-at-least contradict each other: leave one out")
    if not values["macro"]:
        values.refuse_typed(MACRO, "means nothing without --macro")
    defaults = [name for name in LEVELS if values[name] is None]
    levels = given_levels(values)
    if values["no_gate"]:
        levels["ivr_below"] = None
    elif "ivr_below" not in values.given:
        defaults.append("ivr_below")
    is_fixed = values["contracts"] is not None and "risk" not in values.typed
    given = {"risk": None if is_fixed else values["risk"], **levels}
    return build(api.Rules, values.without(*defaults, *_other_side(values)), **given)


def exit_levels(values: Values) -> "api.ExitLevels":
    """--profit, --stop and --exit-dte, the defaults of the strategy where none is given."""
    levels = given_levels(values)
    if "exit_dte" in levels:
        levels["dte"] = levels.pop("exit_dte")
    sessions, within_session = values.get("time_stop") or None, bool(values.get("within_session"))
    return api.ExitLevels(**levels, sessions=sessions, within_session=within_session)  # type: ignore[arg-type]  # as click converted


def given_levels(values: Values) -> dict[str, float | None]:
    """--profit, --stop and --exit-dte where given; None is off."""
    levels = {name: _level(values[name]) for name in LEVELS if values[name] is not None}
    days = levels.get("exit_dte")
    if days is not None:
        levels["exit_dte"] = int(days)
    return levels


def seed_of(values: Values) -> int:
    """--seed of resampling, its default where none is given."""
    seed = values["seed"]
    return seed if isinstance(seed, int) else api.DEFAULT_SEED


def _level(value: object) -> float | None:
    return None if not isinstance(value, int | float) or math.isnan(value) else value


def _other_side(values: Values) -> list[str]:
    """Options of the side that a strategy does not have, where they come from a variable or a file."""
    other = {"put": "call", "call": "put"}.get(values.text("strategy").rpartition("-")[2])
    return [name for name in (f"{other}_delta", f"{other}_width") if other and name not in values.typed]
