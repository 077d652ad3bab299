"""`--grid`: values of options of the rules, every combination of which is a variant."""

import click

from iwm_opts.cli.options import option

NO_RULES = (
    "source", "first", "last", "paths", "seed", "scenario", "scenario_file", "parameters", "symbol", "session", "rate",
    "dividends", "iv_history", "ivr_tenor", "bars", "slope_history", "slope_base", "yields", "grid", "threads", "sort",
    "top", "format", "output",
    "in_sample", "out_of_sample", "scheme", "criterion", "embargo", "overwrite", "cluster", "chunk", "shard", "merge",
    "draws", "quiet", "edge", "macro",
)  # fmt: skip
GRID = option(
    "--grid",
    multiple=True,
    required=True,
    metavar="NAME=V1,V2,...",
    help="Values of an option of the rules, such as stop=1,2,none; may repeat.",
)


def grid_of(command: click.Command, given: tuple[str, ...]) -> dict[str, list[str]]:
    """Values of each name of --grid, as typed."""
    grid: dict[str, list[str]] = {}
    for text in given:
        name, _, values = text.partition("=")
        name = name.strip().lower().replace("_", "-")
        if name in grid:
            raise click.UsageError(f"--grid {name} is given twice: put all values into one")
        _parameter(command, name)
        grid[name] = [value.strip() for value in values.split(",") if value.strip()]
    return grid


def _parameter(command: click.Command, name: str) -> click.Parameter:
    """Option of the rules that a grid names."""
    match = next((p for p in command.params if f"--{name}" in p.opts), None)
    if match is None or match.name in NO_RULES:
        names = sorted(max(p.opts, key=len)[2:] for p in command.params if p.name not in NO_RULES)
        raise click.UsageError(f"--grid {name}: no option of the rules; choose from {', '.join(names)}")
    return match


def typed(command: click.Command, texts: dict[str, str]) -> dict[str, object]:
    """Values as the command line would have read them."""
    options: dict[str, object] = {}
    for name, text in texts.items():
        parameter = _parameter(command, name)
        value = parameter.type.convert(text, parameter, None)
        options[str(parameter.name)] = (value,) if getattr(parameter, "multiple", False) else value
    return options
