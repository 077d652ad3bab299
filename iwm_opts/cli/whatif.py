"""`iwm-opts whatif`: a package over price, implied vol and date."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.options import (
    DateParam,
    FractionParam,
    OutputParam,
    group,
    option,
    picked_screen_options,
)
from iwm_opts.cli.output import write_file, write_result
from iwm_opts.cli.progress import progress
from iwm_opts.cli.screening import PICK, picked_condor
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import PICTURE_KINDS

whatif_options = group(
    PICK,
    option(
        "--move",
        type=FractionParam(),
        multiple=True,
        help="Of the price: -0.05 or -5%; may repeat.  [default: -0.1 to 0.1]",
    ),
    option("--vol-shift", type=FractionParam(), multiple=True, help="Of implied vols: 0.1 or 10%; may repeat."),
    option("--date", type=DateParam(), multiple=True, help="May repeat.  [default: today, halfway, expiration]"),
    option("--plot", type=OutputParam(PICTURE_KINDS), help="Picture of the P&L over price: PNG, SVG or PDF."),
    heading="Scenarios",
)
FIELDS = {"move": "moves", "vol_shift": "vol_shifts", "date": "dates"}


@click.command(
    cls=NumericalCommand,
    first=("source", "as_of", "pick", "move", "vol_shift", "date", "dte", "short_delta", "width", "format"),
    epilog="\b\nExample:\n  iwm-opts whatif --source sim --pick 1\n"
    "  iwm-opts whatif --source sim --move -0.05 --move 0.05 --vol-shift 0.1",
)
@whatif_options
@condor_options
@picked_screen_options
@takes_values
def whatif(values: Values) -> None:
    """Value a condor of the screen over price, implied vol and date."""
    with progress("option chain", values) as on_progress:
        package = picked_condor(values, on_progress)
    scenarios = {field: values[name] for name, field in FIELDS.items() if values[name]}
    result = api.answer_whatif(build(api.WhatIfRequest, values, package=package, **scenarios))
    write_result(result, values)
    plot = values.path("plot")
    if plot:
        write_file(plot, result.picture(plot.suffix), values)
