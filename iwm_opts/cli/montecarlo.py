"""`iwm-opts montecarlo`: drawdown, ruin and growth of a record by position size."""

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import CLUSTER, SEED, Count, Number, ShareParam, group, option, output_options
from iwm_opts.cli.output import say, write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, build, takes_values


class SizesParam(click.ParamType[tuple[float, ...]]):
    """Positive numbers separated by commas."""

    name = "sizes"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(text) for text in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} must be numbers separated by commas, such as 0.5,1,2", param, ctx)


@click.command(
    cls=NumericalCommand,
    first=("sizes", "years", "histories", "drawdown", "chance", "ruin", "sizing", "account", "seed", "output"),
    epilog="\b\nExample:\n  iwm-opts backtest --source sim --paths 4 --output results/condors\n"
    "  iwm-opts montecarlo results/condors --drawdown 20% --chance 5%\n"
    "  iwm-opts montecarlo trades.csv --account 80000 --sizes 0.5,1,1.5,2",
)
@click.argument("record", metavar="RESULT|LOG|paper")
@group(
    option("--sizes", type=SizesParam(), default="0.5,1,2", metavar="X,Y,...", help="Multiples of the record's size."),
    option("--years", type=Number(0, 100, min_open=True), default=10.0, help="Of a history."),
    option("--histories", type=Count(min=100), default=10_000, help="Resampled."),
    option("--drawdown", type=ShareParam(), default="20%", help="Of the peak, that --chance is about."),
    option("--chance", type=ShareParam(), default="5%", help="Of that drawdown; the size that has it is printed."),
    option("--ruin", type=ShareParam(), default="50%", help="Fraction of the account whose loss counts as ruin."),
    option(
        "--sizing",
        type=ChoiceParam(["auto", "fixed", "compounded"]),
        default="auto",
        help="The same dollars every day, or growing with the equity; auto: as the record was sized.",
    ),
    option(
        "--account",
        type=Number(min=0, min_open=True),
        help="Dollars at the start of a log.  [default: 50000; of a backtest its own]",
    ),
    option("--block", type=Count(min=1), help="Sessions, mean.  [default: twice the holding time, or longer]"),
    option("--seed", type=SEED, default=1, help="Of resampling."),
    option("--threads", type=Count(min=1), help="[default: one a core]"),
)
@CLUSTER
@output_options
@takes_values
def montecarlo(values: Values) -> None:
    """Resample the days of a result in blocks; print drawdown, ruin and growth by position size.

    Days are resampled, not trades: positions that overlap stay together. RESULT is a folder that backtest --output
    wrote, LOG a file that review reads, `paper` the paper journal.
    """
    request = build(api.MonteCarloRequest, values, question=build(api.MonteCarloQuestion, values))
    result = answered("histories", api.answer_montecarlo, request, values, on_cluster=lambda line: say(line, values))
    write_result(result, values)
