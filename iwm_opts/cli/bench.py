"""`iwm-opts bench`: how fast backtests run on this machine."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import FORMAT, QUIET, Count, option
from iwm_opts.cli.output import emit, result_text
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, build, takes_values


@click.command(cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts bench --repeats 5")
@option("--repeats", type=Count(min=1), default=3, help="Of each measurement; the fastest counts.")
@option("--years", type=Count(min=1, max=10), default=10, help="Of the market that is backtested.")
@FORMAT
@QUIET
@takes_values
def bench(values: Values) -> None:
    """Measure backtests and condor-days a second against a plain-Python loop of the same work.

    Both trade an iron condor every day on ten years of a simulated market, with smile, quoted spreads and fees, and
    must come to the same trades.
    """
    result = answered("throughput", api.answer_bench, build(api.BenchRequest, values), values)
    emit(result_text(result, values), values)
