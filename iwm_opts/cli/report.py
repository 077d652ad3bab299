"""`iwm-opts report`: the tear sheet of a saved result or a trade log."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import output_options
from iwm_opts.cli.output import write_result
from iwm_opts.cli.values import Values, takes_values


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n"
    "  iwm-opts report results/gated --output sheet.html\n"
    "  iwm-opts report results/gated results/ungated --output both.html\n"
    "  iwm-opts report trades.csv --output review.html",
)
@click.argument("result", nargs=-1, required=True, metavar="FILE|FOLDER...")
@output_options
@takes_values
def report(values: Values) -> None:
    """Write the tear sheet of a result: costs first, then equity, calendar, trades, parameters and data quality.

    A folder that backtest --output wrote, or a trade log that review reads; two folders are compared, every difference
    of inputs first. The page is one file: it opens without a network and prints on paper.
    """
    write_result(api.answer_report(api.ReportRequest(paths=values.texts("result"))), values)
