"""`iwm-opts walk-forward`: rules re-selected on past days, traded on the days after them."""

import click

from iwm_opts import api
from iwm_opts.cli.backtesting import backtest_options
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.grid import GRID, grid_of, typed
from iwm_opts.cli.options import QUIET, RESULT_OUTPUT, Count, option
from iwm_opts.cli.output import answer_and_save
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, build, takes_values


@click.command(
    name="walk-forward",
    cls=NumericalCommand,
    first=(
        "grid", "source", "first", "last", "in_sample", "out_of_sample", "scheme", "criterion", "embargo", "output",
    ),
    epilog="\b\nExample:\n"
    "  iwm-opts walk-forward --grid profit=0.25,0.5,0.75 --grid stop=1,2,none \\\n"
    "      --in-sample 504 --out-of-sample 126 --output oos",
)  # fmt: skip
@GRID
@option("--in-sample", type=Count(min=2), default=504, help="Sessions that a choice rests on.")
@option("--out-of-sample", type=Count(min=1), default=126, help="Sessions that a choice is traded.")
@option(
    "--scheme",
    type=ChoiceParam(["rolling", "anchored"]),
    default="rolling",
    help="In-sample days: the last of them, or all from the first day on.",
)
@option("--criterion", type=ChoiceParam(["sharpe", "sortino", "pnl"]), default="sharpe", help="Largest is chosen.")
@option("--embargo", type=Count(min=0), default=0, help="Sessions between the windows beyond the longest trade.")
@option("--threads", type=Count(min=1), help="[default: one a core]")
@option("--format", type=ChoiceParam(["table", "json", "csv"]), default="table", help="csv: one row a window.")
@RESULT_OUTPUT
@option("--overwrite", is_flag=True, show_default=False, help="Replace another result in that folder.")
@backtest_options
@QUIET
@takes_values
def walk_forward(values: Values) -> None:
    """Choose the best variant of a grid on past days, trade it on the days after them, and choose again.

    The out-of-sample equity is compared with the first variant of the grid and with the variant that was best on those
    days in hindsight. The saved result is one like any other: `montecarlo` and `backtest --compare` read it.
    """
    grid = grid_of(walk_forward, values.texts("grid"))
    request = build(
        api.WalkForwardRequest,
        values,
        market=market_request(values),
        grid=grid,
        rules=tuple(rules(values.replaced(**typed(walk_forward, texts))) for texts in api.combinations(grid)),
        schedule=build(api.Schedule, values),
        seed=seed_of(values),
    )
    answer_and_save("walk-forward", api.answer_walk_forward, request, values, lambda answer: answer.result)
