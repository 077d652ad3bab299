"""`iwm-opts vertical`: screen vertical spreads."""

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import FractionParam, RangeParam, WidthParam, gate_option, group, option, screen_options
from iwm_opts.cli.screening import run_screen
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import DEBIT_DELTA, STRATEGY, VERTICAL_KINDS

vertical_options = group(
    option(
        "--kind",
        type=ChoiceParam(VERTICAL_KINDS),
        multiple=True,
        default=("bull-put", "bear-call"),
        help="May repeat.",
    ),
    gate_option(None),
    option(
        "--short-delta",
        type=RangeParam(float),
        default=f"{STRATEGY.short_delta:g}",
        help="|delta| of the short leg of a credit spread; one value takes the nearest.",
    ),
    option(
        "--long-delta",
        type=RangeParam(float),
        default=f"{DEBIT_DELTA[0]:.2f}:{DEBIT_DELTA[1]:.2f}",
        help="|delta| of the long leg of a debit spread.",
    ),
    option(
        "--width",
        type=WidthParam(),
        multiple=True,
        help="Between the strikes, to the nearest listed: 5 (dollars), 2% (of spot) or 0.6sd; may repeat.  "
        f"[default: {STRATEGY.width:g}]",
    ),
    option("--wing-delta", type=FractionParam(), help="|delta| of the other leg, in place of a width."),
    heading="Package",
)


@click.command(
    cls=NumericalCommand,
    first=("source", "as_of", "kind", "iv_history", "dte", "short_delta", "width", "account", "risk", "fill"),
    epilog="\b\nExample:\n"
    "  iwm-opts vertical --kind bull-put --short-delta 0.20 --width 5 \\\n"
    "      --width 10 --source chain.csv.gz",
)
@vertical_options
@screen_options
@takes_values
def vertical(values: Values) -> None:
    """Screen vertical spreads: bull put, bear call (credit), bull call, bear put (debit)."""
    run_screen(values, build(api.Vertical, values))
