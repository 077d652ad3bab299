"""`iwm-opts sweep`: every combination of a grid of rules over one market."""

import click

from iwm_opts import api
from iwm_opts.cli.backtesting import backtest_options
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.grid import GRID, grid_of, typed
from iwm_opts.cli.options import CLUSTER, FORMAT, QUIET, Count, ResultParam, option
from iwm_opts.cli.output import emit, result_folder, say, show_saved, write_result
from iwm_opts.cli.progress import answered, steps
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.io.opening import as_path

MOST_DIGITS = 9  # of a number of shards
METRICS = ("sharpe", "sortino", "expectancy", "pnl", "win_rate", "max_drawdown")


class ShardParam(click.ParamType[tuple[int, int]]):
    """K/N with 1 <= K <= N."""

    name = "shard"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        first, _, count = str(value).partition("/")
        is_short = max(len(first), len(count)) <= MOST_DIGITS
        if not (first.isdecimal() and count.isdecimal() and is_short and 1 <= int(first) <= int(count)):
            self.fail(f"{value!r} is not K/N with 1 <= K <= N", param, ctx)
        return int(first), int(count)


def _shards(_ctx: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Folders after the word `merge`."""
    if words and words[0] != "merge":
        raise click.UsageError(f"Unexpected argument {words[0]!r}. Did you mean merge FOLDER...?")
    if len(words) == 1:
        raise click.UsageError("merge: names no folder. Write merge FOLDER...")
    return words[1:]


@click.command(
    cls=NumericalCommand,
    first=("grid", "source", "first", "last", "strategy", "ivr_below", "paths", "sort", "top", "output"),
    epilog="\b\nExample:\n"
    "  iwm-opts sweep --grid profit=0.25,0.5,0.75 --grid stop=1,2,3 \\\n"
    "      --grid short-delta=0.10,0.16 --output sweep\n"
    "  iwm-opts sweep --grid profit=0.25,0.5,0.75 --shard 1/2 --output one\n"
    "  iwm-opts sweep merge one two --grid profit=0.25,0.5,0.75 --output both",
)
@click.argument("merge", nargs=-1, metavar="[merge FOLDER...]", callback=_shards)
@GRID
@option("--threads", type=Count(min=1), help="[default: one a core]")
@option("--sort", type=ChoiceParam(METRICS), default="sharpe", help="Largest first.")
@option("--top", type=Count(min=1), default=20, help="Variants shown; JSON and CSV hold all.")
@option("--draws", type=Count(min=19), default=1000, help="Resamples behind the test of the best.")
@CLUSTER
@option("--chunk", type=Count(min=1), help="Variants a task of a cluster.  [default: some 9 tasks a worker]")
@option(
    "--shard",
    type=ShardParam(),
    metavar="K/N",
    help="Run only every N-th variant from the K-th on, into --output; see merge.",
)
@FORMAT
@option(
    "--output",
    type=ResultParam(),
    help="Folder of outcomes, where a stopped sweep resumes; or a file of its page or rows: .html, .csv, .json, .md, "
    ".txt, .parquet.",
)
@backtest_options
@QUIET
@takes_values
def sweep(values: Values) -> None:
    """Try every combination of a grid, with shared marks, and test the best against luck.

    Of many worthless variants the best looks good: the table comes with a test of the best against that.

    `sweep merge FOLDER...`, with the options of the shards, copies their variants into --output first; missing ones are
    run.
    """
    if not values["cluster"]:
        values.check_not_typed(("chunk",), "needs --cluster")
    grid = grid_of(sweep, values.texts("grid"))
    folder = result_folder(values)
    request = build(
        api.SweepRequest,
        values,
        market=market_request(values),
        grid=grid,
        rules=api.RuleGrid(grid, lambda texts: rules(values.replaced(**typed(sweep, texts)))),
        seed=seed_of(values),
        folder=folder,
        merge=tuple(map(as_path, values.texts("merge"))),
    )
    if request.shard:
        count = answered("sweep", api.run_shard, request, values, on_cluster=lambda line: say(line, values))
        name = f"shard {request.shard[0]}/{request.shard[1]}"
        emit(f"{name}: {count} of {len(request.rules)} variants in {request.folder}\n", values.replaced(output=None))
        return
    with steps(values) as step:
        result = api.answer_sweep(
            request, step("sweep"), on_cluster=lambda line: say(line, values), on_test=step("test against luck")
        )
    if result.resumed:
        say(f"{result.resumed} of {len(request.rules)} variants are there already", values)
    if folder is None:
        write_result(result, values)
    else:
        say(f"kept in folder {folder}", values)
        show_saved(result, values)
