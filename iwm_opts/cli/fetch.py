"""`iwm-opts fetch`: bars, volatility indices and dividends into the local record."""

import re
from dataclasses import asdict
from typing import Any

import click

from iwm_opts.cli.options import group, option, output_options

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
    option("--whole", is_flag=True, show_default=False, help="All there is, not only what is new."),
)


@click.command(epilog="\b\nExample:\n  iwm-opts fetch\n  iwm-opts fetch --symbols IWM --interval 5m")
@fetch_options
@output_options
def fetch(**options: Any) -> None:
    """Fetch daily series: only what the record lacks, whole again where prices were restated.

    They lie as CSV under bars, indices and dividends of the record, fit for --iv-history and --dividends.
    """
    from iwm_opts.cli import build
    from iwm_opts.errors import DataError
    from iwm_opts.report.records import as_json, rows_as_csv

    found = _fetched(options)
    rows = [asdict(one) for one in found]
    failed = [one for one in found if one.error]
    if options["format"] == "json":
        build.emit(as_json({"series": rows}), options)
    elif options["format"] == "csv":
        build.emit(rows_as_csv(rows), options)
    elif len(failed) < len(found):
        build.emit(_table(found), options)
    if failed:
        names = ", ".join(one.name for one in failed)
        raise DataError(names, f"not fetched ({_reasons(failed)})", "run it again later; what came is kept")


def _reasons(failed: list[Any]) -> str:
    """Why nothing came, each reason once: a source that cannot be reached is one reason, not one a series."""
    told = (re.sub(r" \(/\S+\)$", "", reason) for one in failed for reason in one.error.split("; "))
    return "; ".join(dict.fromkeys(told))


def _fetched(options: dict[str, Any]) -> list[Any]:
    from iwm_opts.cli import build
    from iwm_opts.cli.progress import progress
    from iwm_opts.io.archive import open_record
    from iwm_opts.io.fetching import Fetcher
    from iwm_opts.io.selection import clean_symbol

    fetcher = Fetcher(open_record(), options["feed"], options["whole"])
    bars, indices = (list(map(clean_symbol, options[name])) for name in ("symbols", "indices"))
    if options["interval"] != "1d":
        indices = []
    if options["feed"] == "cboe":
        bars = []
    found = []
    with progress("series", options) as told:
        for place, name in enumerate([*bars, *indices]):
            found += fetcher.bars(name, options["interval"]) if place < len(bars) else [fetcher.index(name)]
            if told:
                told(place + 1, len(bars) + len(indices))
    fetcher.close()
    for line in fetcher.record.set_aside:
        build.say(line, options)
    return found


def _table(found: list[Any]) -> str:
    from iwm_opts.report.console import plain_table, render

    table = plain_table("series", "kind", "from", "new", "rows", "up to", left=("series", "kind", "from"))
    for one in found:
        if not one.error:
            table.add_row(one.name, one.kind, one.source, f"{one.added:,}", f"{one.rows:,}", one.last)
    return render([table])
