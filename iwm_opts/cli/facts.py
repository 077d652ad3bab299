"""`iwm-opts facts`: compare the simulator with real data."""

from datetime import date
from pathlib import Path

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import CLUSTER, Count, DateParam, OutputParam, option, output_options
from iwm_opts.cli.output import STDOUT, say, write_file, write_plot, write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, build, option_name, takes_values
from iwm_opts.conventions import PICTURE_KINDS

FILES = ("bars", "iv_history", "short_index", "middle_index", "long_index")
FIRST, LAST = date(2009, 9, 16), date(2025, 6, 4)  # of the RVX file that the facts were measured on
HISTORIES = 2000
NOT_OF_CALIBRATION = ("histories", "chain", "session", "as_of", "cluster", "plot")


@click.command(
    cls=NumericalCommand,
    first=(
        "bars",
        "iv_history",
        "short_index",
        "middle_index",
        "long_index",
        "first",
        "last",
        "parameters",
        "plot",
        "calibrate",
    ),
    epilog="\b\nExample:\n  iwm-opts facts\n"
    "  iwm-opts facts --bars IWM.csv --iv-history RVX_History.csv \\\n"
    "      --short-index VIX9D_History.csv --middle-index VIX_History.csv \\\n"
    "      --long-index VIX3M_History.csv --plot facts.png",
)
@option("--bars", metavar="FILE", help="Daily bars of the underlying.")
@option("--iv-history", metavar="FILE", help="Daily closes of its 30-day volatility index: Cboe RVX.")
@option("--short-index", metavar="FILE", help="Index used as 9-day proxy: Cboe VIX9D.")
@option("--middle-index", metavar="FILE", help="For 30 days, under the slopes: Cboe VIX.")
@option("--long-index", metavar="FILE", help="For three months: Cboe VIX3M.")
@option("--first", type=DateParam(), default=FIRST.isoformat(), help="First day of the whole, or of a calibration.")
@option("--last", type=DateParam(), default=LAST.isoformat(), help="Last day of it.")
@option("--histories", type=Count(min=400), default=HISTORIES, help="Simulated for each window.")
@option(
    "--parameters",
    metavar="FILE",
    help="Parameter file (TOML), or to-2019: fitted up to 2019 alone.  [default: the shipped calibration]",
)
@option("--chain", metavar="FILE", help="Real chain to compare smiles with.")
@option("--session", help="Capture of the chain's day, by label or HH:MM.  [default: the latest in session]")
@option("--as-of", type=DateParam(), help="Day of the chain.  [default: the file's last]")
@CLUSTER
@option("--plot", type=OutputParam(PICTURE_KINDS), help="Real against simulated as a picture: PNG, SVG or PDF.")
@option(
    "--calibrate", type=OutputParam(("toml",), is_text=True), help="Fit to the files and write this parameter file."
)
@output_options
@takes_values
def facts(values: Values) -> None:
    """Compare the simulator with real data: each fact, all jointly, and outcomes by IV rank.

    Without files, print the parameter file's calibration record, and the out-of-sample record of the same model fitted
    to the years up to 2019. With --calibrate, parameters are sought that fit the files from
    --first to --last; that takes up to half an hour.
    """
    request = build(api.FactsRequest, values, files=_files(values))
    if values["calibrate"]:
        values.check_not_typed(NOT_OF_CALIBRATION, "has no effect with --calibrate")
        text = answered("calibrating", api.calibrated_parameters, request, values)
        if values["calibrate"] == STDOUT:
            click.echo(text, nl=False)
        else:
            write_file(Path(values.text("calibrate")), text.encode(), values)
        say("compare it with: iwm-opts facts --parameters", values)
        return
    result = answered("histories", api.answer_facts, request, values, on_cluster=lambda line: say(line, values))
    if isinstance(result, api.FactsResult):
        write_plot(result, values)
    write_result(result, values)


def _files(values: Values) -> "api.HistoryFiles | None":
    """Files of a comparison: all of them or none."""
    given = [name for name in FILES if values[name]]
    missing = [name for name in FILES if not values[name]]
    if given and missing:
        raise click.UsageError(f"{option_name(given[0])} needs {option_name(missing[0])} too")
    for name in ("chain", "plot", "calibrate", "cluster"):
        if values[name] and not given:
            raise click.UsageError(f"--{name} needs --bars and the four indices too")
    if not given:
        return None
    return api.HistoryFiles(*(Path(values.text(name)) for name in FILES))
