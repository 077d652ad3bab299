"""What the backtesting commands share: options for market and rules, and from them to rules; see `cli.trials`."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import click

from iwm_opts.cli.options import (
    SESSION,
    SYMBOL,
    DateParam,
    Number,
    OutputParam,
    RangeParam,
    ShareParam,
    cost_options,
    gate_option,
    group,
    history_options,
    modelled_options,
    option,
)
from iwm_opts.conventions import ACCOUNT, DEBIT_DELTA, GATE_RANK, PICTURE_KINDS, RISK_SHARE, WING_WIDTH

Options = Mapping[str, Any]

PLAN_DATA: Final = ("spy", "kre", "xbi", "minutes", "events", "sectors")
EDGES: Final = ("vol-contraction", "mean-reversion", "momentum")
STRATEGIES: Final = (
    "iron-condor", "bull-put", "bear-call", "bull-call", "bear-put", "long-call", "long-put",
)  # fmt: skip
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri")
OFF: Final = ("none", "off")
DTE_SLACK: Final = 10  # calendar days around a single --dte
PATHS: Final = 2  # whatever is asked ends in some ten seconds; more paths say more


class OffOrNumber(Number):
    """A number, or `none` for a rule that is switched off: NaN."""

    name = "number|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        off = isinstance(value, float) and math.isnan(value)
        return math.nan if off or str(value).lower() in OFF else super().convert(value, param, ctx)


class DeltaParam(RangeParam):
    """One |delta|; of a range LOW:HIGH, as the screens take it, the middle."""

    name = "delta"

    def __init__(self) -> None:
        super().__init__(float)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, float) else 0.5 * sum(super().convert(value, param, ctx))


trial_options = group(
    option(
        "--source",
        default="sim",
        metavar="sim|modelled|record|PATH",
        help="The simulated market, real prices under modelled quotes (with --bars and --iv-history), the local "
        "record, or a chain file of many days.",
    ),
    option("--from", "first", type=DateParam(), help="First day to trade.  [default: all there is; sim: 5 years]"),
    option("--to", "last", type=DateParam(), help="Last day."),
    option("--paths", type=click.IntRange(min=1), default=PATHS, help="Of the simulated market."),
    option("--seed", type=click.IntRange(min=0), help="Of the simulated market, and of resampling."),
    option("--scenario", multiple=True, help="World to simulate: a shipped one or one of --scenario-file; may repeat."),
    option("--scenario-file", metavar="FILE", help="Scenarios of your own, TOML."),
    option(
        "--parameters",
        metavar="FILE",
        help="Calibration of the simulated market, TOML, or to-2019.  [default: shipped]",
    ),
    SYMBOL,
    SESSION,
    option("--rate", type=Number(), help="Interest rate, decimal."),
    option("--dividends", metavar="FILE|LIST", help="CSV of ex-dates and amounts, EX-DATE:AMOUNT,... or none."),
    history_options,
    modelled_options,
)
entry_options = group(
    option(
        "--edge",
        type=click.Choice(EDGES),
        default=EDGES[0],
        help="vol-contraction: condors while the IV rank is low; the others in shares, by the usual plan of the edge.",
    ),
    option(
        "--strategy", type=click.Choice(STRATEGIES), default=STRATEGIES[0], metavar="NAME", help=", ".join(STRATEGIES)
    ),
    gate_option(GATE_RANK),
    option("--ivr-at-least", type=Number(0, 100), help="Trade only while the IV rank is this or above."),
    option("--no-gate", is_flag=True, show_default=False, help="Trade at any known rank."),
    option("--lag", type=click.IntRange(min=1), default=1, help="Sessions from the close that is ranked to the entry."),
    option(
        "--dte",
        type=RangeParam(int),
        default="35:55",
        help=f"Calendar days to expiration: the one nearest the middle. A single number allows {DTE_SLACK} either way.",
    ),
    option("--short-delta", type=DeltaParam(), help="|delta| of the short strikes (of what is bought, in a debit)."),
    option("--put-delta", type=DeltaParam(), help="The same for the put side alone."),
    option("--call-delta", type=DeltaParam(), help="The same for the call side alone."),
    option("--width", type=Number(), help=f"Dollars between short and long strike.  [default: {WING_WIDTH:g}]"),
    option("--put-width", type=Number(), help="Width of the put side alone."),
    option("--call-width", type=Number(), help="Width of the call side alone."),
    option("--wing-delta", type=Number(), help="|delta| of the long strikes, in place of a width."),
    option("--min-credit-width", type=ShareParam(), default=None, help="Least credit over width, such as 0.2."),
    option("--weekday", type=click.Choice(WEEKDAYS), multiple=True, help="Enter only then; may repeat."),
    option("--every", type=click.IntRange(min=1), default=1, help="Sessions from one entry to the next, at least."),
    option("--max-open", type=click.IntRange(min=1), default=5, help="Positions at once."),
    option(
        "--macro",
        metavar="FILE|SYMBOL",
        help="Daily bars of a fund such as KRE, after whose fall nothing that gains from a rise is entered; a day "
        "without a bar is unknown, and no entry either. On the simulated market its symbol.",
    ),
    option("--macro-drop", type=ShareParam(), default="1.5%", help="A fall of more than this keeps out."),
    option("--macro-applies-to-condors", is_flag=True, show_default=False, help="Keep condors out as well."),
)
exit_options = group(
    option("--profit", type=OffOrNumber(min=0), help="Close when this share of the credit is gained.  [default: 0.5]"),
    option("--stop", type=OffOrNumber(min=0), help="Close when this many times the credit is lost.  [default: 2]"),
    option("--touch", is_flag=True, show_default=False, help="Close when the day's range reaches a short strike."),
    option("--exit-dte", type=OffOrNumber(min=0), help="Close at so many days to expiration.  [default: 21]"),
    option("--time-stop", type=click.IntRange(min=1), help="Close after so many sessions."),
    option("--exit-rank", type=Number(0, 100), help="Close when the IV rank is this or above."),
)
size_options = group(
    option("--contracts", type=click.IntRange(min=1), help="A fixed number, in place of --risk."),
    option("--risk", type=ShareParam(), default=f"{RISK_SHARE:.0%}", help="Share of the equity at risk on one trade."),
    option("--account", type=Number(), default=ACCOUNT, help="Dollars at the start."),
)
fill_options = group(
    cost_options,
    option("--exit-fill", help="Fill on the way out.  [default: --fill]"),
    option("--stop-fill", default="stress:3", help="Fill of a stop or touch."),
)
PLOT = option("--plot", type=OutputParam(PICTURE_KINDS), help="Picture of equity and drawdown: PNG, SVG or PDF.")
backtest_options = group(entry_options, exit_options, size_options, fill_options, trial_options)


def rules_from(options: Options) -> Any:
    """Rules of a backtest."""
    from iwm_opts.backtest.rules import Costs, EntryRule, ExitRule, GateRule, Rules, SizeRule
    from iwm_opts.execution.fees import FeeSchedule
    from iwm_opts.execution.fills import FillModel

    if options["contracts"] is not None and is_typed("risk"):
        raise click.UsageError("--contracts and --risk both say how many: give one of them")
    defaults = ExitRule()
    _refuse_other_side(options)
    dte, slack = _dte(options["dte"])
    put_wing, call_wing = (_wing(options, side) for side in ("put_width", "call_width"))
    put_delta, call_delta = (options[side] or options["short_delta"] or _delta(options) for side in _DELTAS)
    entry = EntryRule(
        options["strategy"], dte, slack, put_delta, call_delta, put_wing, call_wing,
        options["min_credit_width"] or 0.0, tuple(dict.fromkeys(options["weekday"])), options["every"],
        options["max_open"],
    )  # fmt: skip
    stop = defaults.stop if entry.is_credit else 0.5
    exits = ExitRule(
        _bound(options["profit"], defaults.profit),
        _bound(options["stop"], stop),
        options["touch"],
        _whole(_bound(options["exit_dte"], defaults.dte)),
        options["time_stop"],
        options["exit_rank"],
    )
    size = SizeRule(options["contracts"], options["risk"], options["account"])
    fill = FillModel.parse(options["fill"])
    way_out = FillModel.parse(options["exit_fill"]) if options["exit_fill"] else fill
    costs = Costs(fill, way_out, FillModel.parse(options["stop_fill"]), FeeSchedule.parse(options["fees"]))
    return Rules(entry, _gate(options, GateRule), exits, size, costs, _macro(options))


_DELTAS: Final = ("put_delta", "call_delta")
_MACRO: Final = ("macro_drop", "macro_applies_to_condors")


def _macro(options: Options) -> Any:
    from iwm_opts.backtest.macro import macro_rule

    if options["macro"]:
        return macro_rule(
            options["macro"], options["macro_drop"], options["strategy"], options["macro_applies_to_condors"]
        )
    for name in _MACRO:
        if is_typed(name):
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing without --macro")
    return None


def refuse_plan_data(options: Options) -> None:
    """Refuse files that only a plan reads, beside rules that would leave them unread.

    Raises
    ------
    UsageError
        Naming the first.
    """
    for name in PLAN_DATA:
        if is_typed(name):
            remedy = "; the filter of these rules is --macro" if name == "kre" else ""
            raise click.UsageError(f"--{name} is read for --plan, or another --edge{remedy}")


def is_typed(name: str) -> bool:
    """Whether an option was given on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _dte(bounds: tuple[int, int]) -> tuple[int, int]:
    low, high = bounds
    if low == high:
        return low, DTE_SLACK
    middle = (low + high) // 2
    return middle, max(high - middle, middle - low)


def _delta(options: Options) -> float:
    from iwm_opts.backtest.rules import SHORT_DELTA, EntryRule

    is_credit = EntryRule(options["strategy"]).is_credit
    return SHORT_DELTA if is_credit else 0.5 * sum(DEBIT_DELTA)


def _wing(options: Options, side: str) -> Any:
    from iwm_opts.spreads.legs import Wing

    if options["wing_delta"] is not None and options["width"] is not None:
        raise click.UsageError("--width and --wing-delta both say where the long strikes are: give one of them")
    if options[side] is not None:
        return Wing(width=options[side])
    if options["wing_delta"] is not None:
        return Wing(delta=options["wing_delta"])
    return Wing(width=WING_WIDTH if options["width"] is None else options["width"])


def _refuse_other_side(options: Options) -> None:
    """Refuse what speaks of a side that the strategy does not have, such as --call-width of a bull-put."""
    other = {"put": "call", "call": "put"}.get(options["strategy"].rpartition("-")[2])
    for name in (f"{other}_delta", f"{other}_width") if other else ():
        if is_typed(name):
            raise click.UsageError(f"--{name.replace('_', '-')}: a {options['strategy']} has no {other}s")


def _gate(options: Options, rule: Any) -> Any:
    below = None if options["no_gate"] else options["ivr_below"]
    at_least = options["ivr_at_least"]
    if options["no_gate"] and at_least is not None:
        raise click.UsageError("--no-gate and --ivr-at-least contradict each other: leave one out")
    source = click.get_current_context().get_parameter_source("ivr_below")
    if at_least is not None and source is not None and source.name == "DEFAULT":
        below = None  # a floor alone is the opposite gate
    return rule(below, at_least, options["ivr_lookback"], lag=options["lag"])


def _bound(value: float | None, default: float | None) -> float | None:
    if value is None:
        return default
    return None if math.isnan(value) else value


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def asked(options: Options) -> dict[str, Any]:
    """Options as they stand beside a saved result: what was given or configured, written as typed."""
    context = click.get_current_context()
    found = {}
    for name, value in options.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT" and name not in ("output", "plot", "format", "overwrite"):
            found[name] = value.isoformat() if isinstance(value, date) else value
    return found
