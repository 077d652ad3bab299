"""`iwm-opts condor`: screen iron condors."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import PLAN, RangeParam, WidthParam, gate_option, group, option, screen_options, wing_options
from iwm_opts.cli.requests import plan_of, with_plan
from iwm_opts.cli.screening import run_screen
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import GATE_RANK, STRATEGY

condor_options = group(
    gate_option(GATE_RANK),
    option(
        "--short-delta",
        type=RangeParam(float),
        default=f"{STRATEGY.short_delta:g}",
        help="|delta| of the short strikes; one value takes the nearest.",
    ),
    option("--put-delta", type=RangeParam(float), help="The same for the put side alone."),
    option("--call-delta", type=RangeParam(float), help="The same for the call side alone."),
    option(
        "--width",
        type=WidthParam(),
        multiple=True,
        help="Between short and long strike, to the nearest listed: 5 (dollars), 2% (of spot) or 0.6sd; may repeat.  "
        f"[default: {STRATEGY.width:g}]",
    ),
    wing_options,
    PLAN,
    heading="Package",
)
MATRIX = group(
    option(
        "--matrix", is_flag=True, show_default=False, help="Best condor by expiration and short delta: 10, 16, 20, 30."
    ),
    heading="Package",
)


@click.command(
    cls=NumericalCommand,
    first=("source", "as_of", "iv_history", "ivr_below", "dte", "short_delta", "width", "account", "risk", "fill"),
    epilog="\b\nExample:\n"
    "  iwm-opts condor --ivr-below 20 --source chain.csv.gz \\\n"
    "      --iv-history RVX_History.csv --account 50000 --risk 1%",
)
@condor_options
@MATRIX
@screen_options
@takes_values
def condor(values: Values) -> None:
    """Screen iron condors: IV rank gate, true fill cost, expected profit, size.

    A closed gate is an answer too: candidates are then shown as NOT TRADED, with 0 contracts.
    """
    if plan := plan_of(values):
        if plan.instrument != "condor":
            raise click.UsageError(f"--plan: the plan trades {plan.instrument}; name one of condors")
        values = with_plan(plan, values)
    run_screen(values, build(api.IronCondor, values))
