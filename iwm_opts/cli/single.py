"""`iwm-opts single`: screen single long options."""

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import RangeParam, gate_option, group, option, screen_options
from iwm_opts.cli.screening import run_screen
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import SINGLE_DELTA

single_options = group(
    option("--right", type=ChoiceParam(["C", "P"]), multiple=True, default=("C", "P"), help="May repeat."),
    gate_option(None),
    option(
        "--delta",
        type=RangeParam(float),
        default=f"{SINGLE_DELTA[0]:.2f}:{SINGLE_DELTA[1]:.2f}",
        help="|delta|; one value takes the nearest.",
    ),
    heading="Package",
)


@click.command(
    cls=NumericalCommand,
    first=("source", "as_of", "right", "delta", "dte", "iv_history", "account", "risk", "fill", "top"),
    epilog="\b\nExample:\n  iwm-opts single --right C --delta 0.50 --dte 30:60 --source chain.csv.gz",
)
@single_options
@screen_options
@takes_values
def single(values: Values) -> None:
    """Screen single long options: the whole premium is at risk."""
    run_screen(values, build(api.SingleOption, values))
