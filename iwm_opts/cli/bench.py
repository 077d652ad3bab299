"""`iwm-opts bench`: how fast backtests run on this machine."""

from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option


@click.command(cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts bench --repeats 5")
@option("--repeats", type=click.IntRange(min=1), default=3, help="Of each measurement; the fastest counts.")
@option("--years", type=click.IntRange(min=1, max=10), default=10, help="Of the market that is backtested.")
@option("--format", type=click.Choice(["table", "json", "csv"]), default="table")
@option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error.")
def bench(**options: Any) -> None:
    """Measure backtests and condor-days a second, beside a plain-Python loop that does the same work.

    Both trade an iron condor every day on ten years of a simulated market, with smile, quoted spreads and fees, and
    must come to the same trades.
    """
    import os
    import platform
    from datetime import date

    from iwm_opts.backtest.throughput import LAST, measure_throughput
    from iwm_opts.cli.progress import progress
    from iwm_opts.report.bench_table import bench_record, bench_table
    from iwm_opts.report.records import as_json, rows_as_csv

    first = date(LAST.year - options["years"] + 1, 1, 2)
    with progress("throughput", options) as told:
        found = measure_throughput(options["repeats"], first, LAST, told)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if options["format"] == "json":
        click.echo(as_json(bench_record(found, machine)), nl=False)
    elif options["format"] == "csv":
        record = bench_record(found, machine)
        click.echo(rows_as_csv([record["plain"], *record["ways"]]), nl=False)
    else:
        click.echo(bench_table(found, machine), nl=False)
