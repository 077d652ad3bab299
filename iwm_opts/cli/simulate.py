"""`iwm-opts simulate`: a simulated market as files."""

from datetime import date

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import CLUSTER, FORMAT, QUIET, SEED, Count, DateParam, FolderParam, group, option
from iwm_opts.cli.output import STDOUT, say, show_saved
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, build, takes_values

FIRST = date(2016, 1, 4)  # a fixed day: the same seed gives the same files whenever it is run
DAYS = 2520

simulate_options = group(
    option("--output", type=FolderParam(), required=True, help="Folder to write, or to go on with."),
    option("--days", type=Count(min=1), help=f"Sessions.  [default: {DAYS}, or the scenario's]"),
    option("--paths", type=Count(min=1), default=1, help="Markets apart from each other."),
    option("--seed", type=SEED, default=1),
    option("--first", type=DateParam(), help=f"First session.  [default: {FIRST}, or the scenario's]"),
    option("--scenario", metavar="NAME|FILE", help="calm-2017, q4-2018, march-2020, year-2022, or FILE.toml:NAME."),
    option("--parameters", metavar="FILE", help="Calibration, TOML, or to-2019.  [default: the shipped one]"),
    option(
        "--chains",
        type=ChoiceParam(["daily", "weekly", "monthly", "none"]),
        default="daily",
        help="Whose days' closing chains to write; the last of each week or month.",
    ),
    option("--max-dte", type=Count(min=1), default=100, help="Calendar days to the farthest expiration."),
    option("--intraday", is_flag=True, show_default=False, help="5-minute bars too."),
    option("--workers", type=Count(min=1), help="Processes.  [default: one a core]"),
    CLUSTER,
    FORMAT,
    QUIET,
)


@click.command(
    cls=NumericalCommand,
    first=("output", "days", "paths", "seed", "first", "scenario", "parameters", "chains", "intraday", "format"),
    epilog="\b\nExample:\n  iwm-opts simulate --days 2520 --paths 4 --seed 7 --output simulated\n"
    "  iwm-opts condor --source simulated/path-0/chains-2020.parquet \\\n"
    "      --as-of 2020-06-26"
    " --iv-history simulated/path-0/iv.parquet",
)
@simulate_options
@takes_values
def simulate(values: Values) -> None:
    """Write simulated markets: bars, IV history, dividends and option chains, as Parquet in canonical columns.

    An edge found on simulated data reflects the premium in the parameters. A rerun resumes an interrupted simulation;
    the same seed writes the same bytes with any number of workers. A chain takes some 2,600 rows and 90 kB a day up to
    100 DTE, twice that with all expirations.
    """
    if values["output"] == STDOUT:
        raise click.UsageError("--output -: a folder is written, name one")
    request = build(api.SimulateRequest, values, output=values.path("output"))
    result = answered("simulated days", api.answer_simulate, request, values, on_cluster=lambda line: say(line, values))
    show_saved(result, values)
    say(f"written: {values['output']}", values)
