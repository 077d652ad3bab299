"""`iwm-opts vertical`: screen vertical spreads."""

from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, RangeParam, gate_option, group, option, screen_options, widths
from iwm_opts.conventions import DEBIT_DELTA, SHORT_DELTA, VERTICAL_KINDS, WING_WIDTH

vertical_options = group(
    option(
        "--kind",
        type=click.Choice(VERTICAL_KINDS),
        multiple=True,
        default=("bull-put", "bear-call"),
        help="May repeat.",
    ),
    gate_option(None),
    option(
        "--short-delta",
        type=RangeParam(float),
        default=f"{SHORT_DELTA[0]:.2f}:{SHORT_DELTA[1]:.2f}",
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
        type=Number(),
        multiple=True,
        help=f"Dollars between the strikes, to the nearest listed; may repeat.  [default: {WING_WIDTH:g}]",
    ),
    option("--wing-delta", type=Number(), help="|delta| of the other leg, in place of a width."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n"
    "  iwm-opts vertical --kind bull-put --short-delta 0.20 --width 5 \\\n"
    "      --width 10 --source chain.csv.gz",
)
@vertical_options
@screen_options
def vertical(**options: Any) -> None:
    """Screen vertical spreads: bull put, bear call (credit), bull call, bear put (debit)."""
    from iwm_opts.cli.screening import run_screen
    from iwm_opts.spreads.legs import DeltaRange, Wing
    from iwm_opts.spreads.vertical import is_credit, verticals

    short, long = DeltaRange(*options["short_delta"]), DeltaRange(*options["long_delta"])
    kinds = options["kind"]
    wings = [Wing(delta=options["wing_delta"]) if width is None else Wing(width=width) for width in widths(options)]

    run_screen(
        options,
        lambda table: [verticals(table, kind, short if is_credit(kind) else long, wings) for kind in kinds],
    )
