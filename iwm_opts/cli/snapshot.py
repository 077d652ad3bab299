"""`iwm-opts snapshot`: the chain of this moment into the local record."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import AS_OF, SESSION, SOURCE, SYMBOL, group, option, output_options
from iwm_opts.cli.output import say, write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import source_of
from iwm_opts.cli.values import Values, build, takes_values

snapshot_options = group(
    SOURCE,
    SYMBOL,
    AS_OF,
    SESSION,
    option("--force", is_flag=True, show_default=False, help="Capture outside the session too."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts snapshot\n"
    "  crontab: CRON_TZ=America/New_York\n           */30 9-16 * * 1-5  iwm-opts snapshot --quiet",
)
@snapshot_options
@output_options
@takes_values
def snapshot(values: Values) -> None:
    """Record a chain: now from a live source, or out of a chain file.

    Made for cron: outside the session, on holidays and after the close of half days it does nothing and says so. The
    record grows an IV history of its own. It lies in the user's data folder, or where IWM_OPTS_DATA says.
    """
    request = build(api.SnapshotRequest, values, source=source_of(values))
    result = answered("option chain", api.answer_snapshot, request, values)
    if result.skipped and values["format"] == "table":
        say(f"skipped: {result.skipped}; --force captures anyway", values)
    else:
        write_result(result, values)
