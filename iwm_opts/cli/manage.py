"""`iwm-opts manage`: open positions at today's chain."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.fills import CREDIT, EXPIRATION, LEG
from iwm_opts.cli.options import (
    Count,
    DateParam,
    cost_options,
    exit_level_options,
    group,
    market_options,
    measure_options,
    option,
    output_options,
)
from iwm_opts.cli.output import write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import chain_request, exit_levels, typed_legs
from iwm_opts.cli.values import Values, build, takes_values

position_options = group(
    LEG,
    EXPIRATION,
    CREDIT,
    option("--contracts", type=Count(min=1), help="Of the legs.  [default: 1]"),
    option("--opened", type=DateParam(), help="Of the legs.  [default: the session before]"),
    option("--spy", metavar="FILE", help="Daily bars of SPY: with --bars, deltas weighted by beta."),
    heading="Positions",
)


@click.command(
    cls=NumericalCommand,
    first=("source", "as_of", "leg", "expiration", "credit", "contracts", "opened", "spy", "format", "output"),
    epilog="\b\nExample:\n  iwm-opts manage --source cboe\n"
    "  iwm-opts manage trades.csv --source chain.csv.gz\n"
    "  iwm-opts manage --source sim --as-of 2026-11-20 --leg +1P282 --leg -1P287 \\\n"
    "      --expiration 2026-12-31 --credit 0.60",
)
@click.argument("log", default="paper")
@position_options
@market_options
@cost_options
@exit_level_options
@measure_options
@output_options
@takes_values
def manage(values: Values) -> None:
    """Say what to do with open positions: P&L, exits due, early assignment, rolls, and all of them together.

    Positions are the paper journal's, the open packages of a trade log, or --leg. Quotes of an earlier session decide
    nothing, unless --as-of names their day.
    """
    request = build(
        api.ManageRequest,
        values,
        chain=chain_request(values),
        legs=typed_legs(values),
        contracts=values["contracts"] or 1,
        exits=exit_levels(values),
    )
    write_result(answered("option chain", api.answer_manage, request, values), values)
