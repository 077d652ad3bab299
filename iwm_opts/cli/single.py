"""`iwm-opts single`: screen single long options."""

from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import RangeParam, gate_option, group, option, screen_options
from iwm_opts.conventions import SINGLE_DELTA

single_options = group(
    option("--right", type=click.Choice(["C", "P"]), multiple=True, default=("C", "P"), help="May repeat."),
    gate_option(None),
    option(
        "--delta",
        type=RangeParam(float),
        default=f"{SINGLE_DELTA[0]:.2f}:{SINGLE_DELTA[1]:.2f}",
        help="|delta|; one value takes the nearest.",
    ),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts single --right C --delta 0.50 --dte 30:60 --source chain.csv.gz",
)
@single_options
@screen_options
def single(**options: Any) -> None:
    """Screen single long options: the whole premium is at risk."""
    from iwm_opts.cli.screening import run_screen
    from iwm_opts.spreads.legs import DeltaRange
    from iwm_opts.spreads.single import long_options

    wanted = DeltaRange(*options["delta"])
    run_screen(options, lambda table: [long_options(table, right, wanted) for right in options["right"]])
