"""`iwm-opts sweep`: every combination of a grid of rules over one market."""

from pathlib import Path

import click

from iwm_opts.cli.backtesting import backtest_options
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option
from iwm_opts.cli.output import result_text, say
from iwm_opts.cli.progress import progress
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, build, takes_values

NO_RULES = (
    "source", "first", "last", "paths", "seed", "scenario", "scenario_file", "parameters", "symbol", "session", "rate",
    "dividends", "iv_history", "ivr_tenor", "bars", "slope_history", "slope_base", "yields", "grid", "threads", "sort",
    "top", "format", "output", "draws", "quiet", "edge", "macro",
)  # fmt: skip
METRICS = ("sharpe", "sortino", "expectancy", "pnl", "win_rate", "max_drawdown")


@click.command(
    cls=NumericalCommand,
    first=("grid", "source", "first", "last", "strategy", "ivr_below", "paths", "sort", "top", "output"),
    epilog="\b\nExample:\n"
    "  iwm-opts sweep --grid profit=0.25,0.5,0.75 --grid stop=1,2,3 \\\n"
    "      --grid short-delta=0.10,0.16 --output sweep",
)
@option(
    "--grid",
    multiple=True,
    required=True,
    metavar="NAME=V1,V2,...",
    help="Values of an option of the rules, such as stop=1,2,none; may repeat.",
)
@option("--threads", type=click.IntRange(min=1), help="[default: one a core]")
@option("--sort", type=click.Choice(METRICS), default="sharpe", help="Largest first.")
@option("--top", type=click.IntRange(min=1), default=20, help="Variants shown; JSON and CSV hold all.")
@option("--draws", type=click.IntRange(min=19), default=1000, help="Resamples behind the test of the best.")
@option("--format", type=click.Choice(["table", "json", "csv"]), default="table")
@option("--output", type=click.Path(path_type=Path), help="Folder of outcomes; a sweep that was stopped goes on there.")
@backtest_options
@option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error.")
@takes_values
def sweep(values: Values) -> None:
    """Try every combination of a grid, with shared marks, and test the best against luck.

    Of many worthless variants the best looks good: the table comes with a test of the best against that.
    """
    from iwm_opts.api.sweep import SweepRequest, answer_sweep
    from iwm_opts.backtest.grid import combinations

    grid = _grid(values.texts("grid"))
    request = build(
        SweepRequest,
        values,
        market=market_request(values),
        grid=grid,
        rules=tuple(rules(values.replaced(**_typed(texts))) for texts in combinations(grid)),
        seed=seed_of(values),
        folder=values.path("output"),
    )
    with progress("sweep", values) as on_progress:
        result = answer_sweep(request, on_progress)
    if result.resumed:
        say(f"{result.resumed} of {len(request.rules)} variants are there already", values)
    if values["output"]:
        say(f"kept in {values['output']}", values)
    click.echo(result_text(result, values), nl=False)


def _grid(given: tuple[str, ...]) -> dict[str, list[str]]:
    grid: dict[str, list[str]] = {}
    for text in given:
        name, _, values = text.partition("=")
        name = name.strip().lower().replace("_", "-")
        if name in grid:
            raise click.UsageError(f"--grid {name} is given twice: put all values into one")
        _parameter(name)
        grid[name] = [value.strip() for value in values.split(",") if value.strip()]
    return grid


def _parameter(name: str) -> click.Parameter:
    """The option of the rules that a grid names."""
    match = next((p for p in sweep.params if f"--{name}" in p.opts), None)
    if match is None or match.name in NO_RULES:
        names = sorted(max(p.opts, key=len)[2:] for p in sweep.params if p.name not in NO_RULES)
        raise click.UsageError(f"--grid {name}: no option of the rules; choose from {', '.join(names)}")
    return match


def _typed(texts: dict[str, str]) -> dict[str, object]:
    """Values as the command line would have read them."""
    options: dict[str, object] = {}
    for name, text in texts.items():
        parameter = _parameter(name)
        value = parameter.type.convert(text, parameter, None)
        options[str(parameter.name)] = (value,) if getattr(parameter, "multiple", False) else value
    return options
