"""`iwm-opts fetch`: daily series, and histories of option chains, into the local archive."""

from typing import Final

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, HeadedCommand
from iwm_opts.cli.options import SYMBOL, RangeParam, group, option, output_options
from iwm_opts.cli.output import result_text, say, write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.errors import DataError

fetch_options = group(
    option("--feed", type=ChoiceParam(["auto", "yahoo", "cboe"]), default="auto", help="auto: Cboe where Yahoo fails."),
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
    option("--interval", type=ChoiceParam(["1d", "1h", "15m", "5m", "1m"]), default="1d", help="Of the bars."),
    option("--whole", is_flag=True, show_default=False, help="Fetch the whole, not only new rows or files."),
)
chains_options = group(
    option(
        "--from",
        "origin",
        multiple=True,
        metavar="FOLDER|URL",
        envvar=None,
        help="Yearly Parquet or CSV files: a folder, a glob, a file, or an address of yours (of a file, with {year} "
        "for each of --years, or of a SHA256SUMS list); may repeat.",
    ),
    option("--years", type=RangeParam(int), help="First and last of {year}, such as 2008:2025."),
    SYMBOL,
    heading="Chains",
)

SERIES_ALONE: Final = ("feed", "symbols", "indices", "interval")
CHAINS_ALONE: Final = ("origin", "years", "symbol")


@click.command(
    cls=HeadedCommand,
    epilog="\b\nExample:\n  iwm-opts fetch\n  iwm-opts fetch --symbols IWM --interval 5m\n"
    "  iwm-opts fetch chains --from ~/histories\n"
    "  iwm-opts backtest --source archive",
)
@click.argument("what", type=ChoiceParam(["series", "chains"]), default="series")
@fetch_options
@chains_options
@output_options
@takes_values
def fetch(values: Values) -> None:
    """Fetch daily series: missing rows, or the whole where prices were restated; or chains: files of many days.

    Series lie as CSV under bars, indices and dividends of the archive, fit for --iv-history and --dividends. Chains
    are added day by day, each once, and can be resumed; a certificate shows rows by defect and year, missing days,
    spreads and parity. Nothing is downloaded but from the address given.
    """
    if values["what"] == "chains":
        values.check_not_typed(SERIES_ALONE, "is of series: leave it out")
        result = answered("chains", api.answer_chain_history, build(api.ChainHistoryRequest, values), values)
        for line in result.set_aside:
            say(line, values)
        write_result(result, values)
        if result.skipped and not result.files:
            count, reasons = len(result.skipped), "; ".join(text.rstrip(".") for text in result.skipped)
            raise DataError(f"{count} of {count} files", f"not read ({reasons})", "give files of option chains")
        if result.failed:
            reasons = "; ".join(f"{file.name}: {file.error.rstrip('.')}" for file in result.failed)
            count, total = len(result.failed), len(result.files)
            raise DataError(f"{count} of {total} files", f"not read ({reasons})", "what came is kept")
        return
    values.check_not_typed(CHAINS_ALONE, "is of chains: write iwm-opts fetch chains")
    fetched = answered("series", api.answer_fetch, build(api.FetchRequest, values), values)
    for line in fetched.set_aside:
        say(line, values)
    if result_text(fetched, values):
        write_result(fetched, values)
    if fetched.failed:
        names, reasons = ", ".join(item.name for item in fetched.failed), api.failure_reasons(fetched.failed)
        raise DataError(names, f"not fetched ({reasons})", "run it again later; what came is kept")
