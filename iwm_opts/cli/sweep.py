"""`iwm-opts sweep`: every combination of a grid of rules over one market."""

import click

from iwm_opts.cli.backtesting import backtest_options
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.grid import GRID, grid_of, typed
from iwm_opts.cli.options import FORMAT, ResultParam, option
from iwm_opts.cli.output import is_folder, say, show_saved, write_result
from iwm_opts.cli.progress import progress
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, build, takes_values

METRICS = ("sharpe", "sortino", "expectancy", "pnl", "win_rate", "max_drawdown")


@click.command(
    cls=NumericalCommand,
    first=("grid", "source", "first", "last", "strategy", "ivr_below", "paths", "sort", "top", "output"),
    epilog="\b\nExample:\n"
    "  iwm-opts sweep --grid profit=0.25,0.5,0.75 --grid stop=1,2,3 \\\n"
    "      --grid short-delta=0.10,0.16 --output sweep",
)
@GRID
@option("--threads", type=click.IntRange(min=1), help="[default: one a core]")
@option("--sort", type=click.Choice(METRICS), default="sharpe", help="Largest first.")
@option("--top", type=click.IntRange(min=1), default=20, help="Variants shown; JSON and CSV hold all.")
@option("--draws", type=click.IntRange(min=19), default=1000, help="Resamples behind the test of the best.")
@FORMAT
@option(
    "--output",
    type=ResultParam(),
    help="Folder of outcomes, where a stopped sweep resumes; or a file of its page or rows: .html, .csv, .json, .md, "
    ".txt, .parquet.",
)
@backtest_options
@option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error.")
@takes_values
def sweep(values: Values) -> None:
    """Try every combination of a grid, with shared marks, and test the best against luck.

    Of many worthless variants the best looks good: the table comes with a test of the best against that.
    """
    from iwm_opts.api.sweep import SweepRequest, answer_sweep
    from iwm_opts.backtest.grid import combinations

    grid = grid_of(sweep, values.texts("grid"))
    folder = values.path("output") if is_folder(values.text("output")) else None
    request = build(
        SweepRequest,
        values,
        market=market_request(values),
        grid=grid,
        rules=tuple(rules(values.replaced(**typed(sweep, texts))) for texts in combinations(grid)),
        seed=seed_of(values),
        folder=folder,
    )
    with progress("sweep", values) as on_progress:
        result = answer_sweep(request, on_progress)
    if result.resumed:
        say(f"{result.resumed} of {len(request.rules)} variants are there already", values)
    if folder is None:
        write_result(result, values)
    else:
        say(f"kept in folder {folder}", values)
        show_saved(result, values)
