"""`iwm-opts fetch`: bars, volatility indices and dividends into the local record."""

import click

from iwm_opts.cli.options import group, option, output_options
from iwm_opts.cli.output import emit, result_text, say
from iwm_opts.cli.progress import progress
from iwm_opts.cli.values import Values, build, takes_values

fetch_options = group(
    option(
        "--feed", type=click.Choice(["auto", "yahoo", "cboe"]), default="auto", help="auto: Cboe where Yahoo fails."
    ),
    option(
        "--symbols",
        multiple=True,
        default=("IWM", "KRE", "XBI", "SPY"),
        help="Symbol whose bars and dividends to fetch; may repeat.",
    ),
    option(
        "--indices",
        multiple=True,
        default=("RVX", "VIX", "VIX9D", "IRX"),
        help="Volatility index or bill yield; may repeat.",
    ),
    option("--interval", type=click.Choice(["1d", "1h", "15m", "5m", "1m"]), default="1d", help="Of the bars."),
    option("--whole", is_flag=True, show_default=False, help="Fetch the whole series, not only new rows."),
)


@click.command(epilog="\b\nExample:\n  iwm-opts fetch\n  iwm-opts fetch --symbols IWM --interval 5m")
@fetch_options
@output_options
@takes_values
def fetch(values: Values) -> None:
    """Fetch daily series: missing rows, or the whole where prices were restated.

    They lie as CSV under bars, indices and dividends of the record, fit for --iv-history and --dividends.
    """
    from iwm_opts.api.archive import FetchRequest, answer_fetch
    from iwm_opts.errors import DataError
    from iwm_opts.report.archive_table import failure_reasons

    with progress("series", values) as on_progress:
        result = answer_fetch(build(FetchRequest, values), on_progress)
    for line in result.set_aside:
        say(line, values)
    text = result_text(result, values)
    if text:
        emit(text, values)
    if result.failed:
        names = ", ".join(each.name for each in result.failed)
        raise DataError(
            names, f"not fetched ({failure_reasons(result.failed)})", "run it again later; what came is kept"
        )
