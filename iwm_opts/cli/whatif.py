"""`iwm-opts whatif`: a package over price, implied vol and date."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.fills import CREDIT, EXPIRATION, LEG
from iwm_opts.cli.options import (
    INSTRUMENT,
    Count,
    DateParam,
    FractionParam,
    OutputParam,
    group,
    option,
    picked_screen_options,
)
from iwm_opts.cli.output import write_plot, write_result
from iwm_opts.cli.progress import progress
from iwm_opts.cli.requests import chain_request, typed_legs
from iwm_opts.cli.screening import PICK, picked_package
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import PICTURE_KINDS

whatif_options = group(
    LEG,
    EXPIRATION,
    CREDIT,
    option("--trade", type=Count(min=1), help="Number of a paper trade, in place of --leg."),
    INSTRUMENT,
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
    first=(
        *("source", "leg", "expiration", "credit", "trade"),
        *("instrument", "pick", "move", "vol_shift", "date"),
    ),
    epilog="\b\nExample:\n  iwm-opts whatif --source sim --pick 1\n"
    "  iwm-opts whatif --source sim --instrument bull-put --move -0.05\n"
    "  iwm-opts whatif --source sim --as-of 2026-11-20 --leg +1P282 --leg -1P287 \\\n"
    "      --expiration 2026-12-31 --credit 0.60",
)
@whatif_options
@condor_options
@picked_screen_options
@takes_values
def whatif(values: Values) -> None:
    """Value a package over price, implied vol and date.

    A package of the screen (--instrument, --pick), the legs of --leg as held or at today's fill, or the paper trade of
    --trade.
    """
    scenarios = {field: values[name] for name, field in FIELDS.items() if values[name]}
    with progress("option chain", values) as on_progress:
        result = api.answer_whatif(_request(values, scenarios, on_progress))
    write_result(result, values)
    write_plot(result, values)


def _request(values: Values, scenarios: dict[str, object], on_progress: "api.OnProgress | None") -> "api.WhatIfRequest":
    if not values["leg"]:
        values.check_not_typed(("expiration", "credit"), "is of --leg: leave it out")
    if not values["leg"] and values["trade"] is None:
        return build(api.WhatIfRequest, values, package=picked_package(values, on_progress), **scenarios)
    values.check_not_typed(("pick", "instrument", "plan"), "is of a screen: leave it out")
    chain = api.open_chain(chain_request(values), on_progress)
    return build(api.WhatIfRequest, values, legs=typed_legs(values), chain=chain, **scenarios)
