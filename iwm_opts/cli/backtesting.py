"""Options for market and rules of the backtesting commands."""

from typing import Final

import click

from iwm_opts.cli.command import ChoiceParam
from iwm_opts.cli.options import (
    DIVIDENDS,
    EXIT_DTE,
    PROFIT,
    SEED,
    SESSION,
    STOP,
    STOP_FILL,
    SYMBOL,
    Count,
    CountOrOff,
    DateParam,
    EdgeParam,
    FractionParam,
    InputParam,
    Number,
    OffOrNumber,
    OutputParam,
    RangeParam,
    RankOrOff,
    ShareParam,
    WidthParam,
    cost_options,
    gate_option,
    group,
    history_options,
    measured_fill,
    modelled_options,
    option,
    wing_options,
)
from iwm_opts.cli.values import Values
from iwm_opts.conventions import (
    ACCOUNT,
    EDGES,
    GATE_RANK,
    MACRO_DROP,
    MAX_OPEN,
    PICTURE_KINDS,
    RISK_SHARE,
    STRATEGY,
)
from iwm_opts.kernels.backtest.codes import EXIT_SETTINGS

PLAN_DATA: Final = ("spy", "kre", "xbi", "minutes", "events", "sectors")
STRATEGIES: Final = (
    "iron-condor", "bull-put", "bear-call", "bull-call", "bear-put", "long-call", "long-put",
)  # fmt: skip
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri")
EXIT_TYPES: Final = {"multiple": OffOrNumber(min=0), "flag": None, "count": CountOrOff(min=1), "rank": RankOrOff()}
PATHS: Final = 2  # whatever is asked ends in some ten seconds; more paths say more


class DeltaParam(RangeParam):
    """One |delta|; of a range LOW:HIGH, as the screens take it, the middle."""

    name = "delta"

    def __init__(self) -> None:
        super().__init__(float)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:  # type: ignore[override]
        return value if isinstance(value, float) else 0.5 * sum(super().convert(value, param, ctx))


SHARED_EXITS: Final = {"profit": PROFIT, "stop": STOP, "exit_dte": EXIT_DTE}  # with other commands


trial_options = group(
    option(
        "--source",
        type=InputParam(),
        multiple=True,
        default=("sim",),
        metavar="sim|modelled|archive|PATH",
        help="The simulated market, real prices under modelled quotes (with --bars and --iv-history), the local "
        "archive (record: the same), or chain files of many days: a file, a folder or a glob, may repeat.",
    ),
    option("--from", "first", type=DateParam(), help="First day to trade.  [default: all there is; sim: 5 years]"),
    option("--to", "last", type=DateParam(), help="Last day."),
    option("--paths", type=Count(min=1), default=PATHS, help="Of the simulated market."),
    option("--seed", type=SEED, help="Of the simulated market, and of resampling."),
    option("--scenario", multiple=True, help="World to simulate: a shipped one or one of --scenario-file; may repeat."),
    option("--scenario-file", metavar="FILE", help="Scenarios of your own, TOML."),
    option(
        "--parameters",
        metavar="FILE",
        help="Calibration of the simulated market, TOML, or to-2019.  [default: shipped]",
    ),
    SYMBOL,
    SESSION,
    option("--rate", type=FractionParam(), help="Interest rate: 0.04 or 4%."),
    DIVIDENDS,
    history_options,
    modelled_options,
    heading="Market",
)
entry_options = group(
    option(
        "--edge",
        type=EdgeParam(EDGES),
        default=EDGES[0],
        help="vol-contraction: condors while the IV rank is low; the others in shares, by the usual plan of the edge.",
    ),
    option(
        "--strategy", type=ChoiceParam(STRATEGIES), default=STRATEGIES[0], metavar="NAME", help=", ".join(STRATEGIES)
    ),
    gate_option(GATE_RANK),
    option("--ivr-at-least", type=RankOrOff(), help="Trade only while the IV rank is this or above."),
    option("--lag", type=Count(min=1), default=1, help="Sessions from the close that is ranked to the entry."),
    option(
        "--dte",
        type=RangeParam(int),
        default=f"{STRATEGY.dte[0]}:{STRATEGY.dte[1]}",
        help="Calendar days to expiration: the one nearest the middle. "
        f"A single number allows {STRATEGY.dte_slack} either way.",
    ),
    option("--short-delta", type=DeltaParam(), help="|delta| of the short strikes (of the long strikes, in a debit)."),
    option("--put-delta", type=DeltaParam(), help="The same for the put side alone."),
    option("--call-delta", type=DeltaParam(), help="The same for the call side alone."),
    option(
        "--width",
        type=WidthParam(),
        help=f"Between short and long strike: 5 (dollars), 2% (of spot) or 0.6sd.  [default: {STRATEGY.history_width}]",
    ),
    wing_options,
    option("--min-credit-width", type=ShareParam(), default=None, help="Least credit over width, such as 0.2."),
    option("--weekday", type=ChoiceParam(WEEKDAYS), multiple=True, help="Enter only then; may repeat."),
    option("--every", type=Count(min=1), default=1, help="Sessions from one entry to the next, at least."),
    option("--max-open", type=Count(min=1), default=MAX_OPEN, help="Positions at once."),
    option(
        "--macro",
        metavar="FILE|SYMBOL",
        help="Daily bars of a fund such as KRE, after whose fall nothing that gains from a rise is entered; a day "
        "without a bar is unknown, and no entry either. On the simulated market its symbol.",
    ),
    option("--macro-drop", type=ShareParam(), default=f"{MACRO_DROP:.1%}", help="A fall of more than this keeps out."),
    option("--macro-applies-to-condors", is_flag=True, show_default=False, help="Keep condors out as well."),
    heading="Entries",
)
exit_options = group(
    *(
        SHARED_EXITS.get(setting.option)
        or option(
            f"--{setting.option.replace('_', '-')}",
            type=EXIT_TYPES[setting.level],
            is_flag=setting.level == "flag",
            show_default=setting.level != "flag",
            help=setting.help,
        )
        for setting in EXIT_SETTINGS
    ),
    heading="Exits",
)
size_options = group(
    option("--contracts", type=Count(min=1), help="A fixed number, in place of --risk."),
    option("--risk", type=ShareParam(), default=f"{RISK_SHARE:.0%}", help="Share of the equity at risk on one trade."),
    option("--account", type=Number(), default=ACCOUNT, help="Dollars at the start."),
    heading="Account and size",
)
fill_options = group(
    cost_options,
    option("--exit-fill", callback=measured_fill, help="Fill at exit.  [default: --fill]"),
    STOP_FILL,
    heading="Fills and fees",
)
PLOT = option("--plot", type=OutputParam(PICTURE_KINDS), help="Picture of equity and drawdown: PNG, SVG or PDF.")
backtest_options = group(entry_options, exit_options, size_options, fill_options, trial_options)


def check_no_plan_data(values: Values) -> None:
    """Refuse files that only a plan reads, with rules that leave them unread."""
    values.check_not_typed(("kre",), "is read for --plan, or another --edge; the filter of these rules is --macro")
    values.check_not_typed(PLAN_DATA, "is read for --plan, or another --edge")
