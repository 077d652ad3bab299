"""`--grid`: values of options of the rules, every combination of which is a variant."""

from collections.abc import Mapping
from decimal import Decimal

import click

from iwm_opts.cli.options import option

NO_RULES = (
    "source", "first", "last", "paths", "seed", "scenario", "scenario_file", "parameters", "symbol", "session", "rate",
    "dividends", "iv_history", "ivr_tenor", "bars", "slope_history", "slope_base", "yields", "grid", "threads", "sort",
    "top", "format", "output",
    "in_sample", "out_of_sample", "scheme", "criterion", "embargo", "overwrite", "cluster", "chunk", "shard", "merge",
    "draws", "quiet", "edge", "macro",
)  # fmt: skip
MOST_VALUES = 1_000  # of one range
GRID = option(
    "--grid",
    multiple=True,
    required=True,
    metavar="NAME=V1,V2,...",
    help="Values of an option of the rules: stop=1,2,none, or profit=0.1:0.9:0.05 (first, last, step); may repeat.",
)


def grid_of(command: click.Command, given: tuple[str, ...]) -> dict[str, list[str]]:
    """Values of each name of --grid, as typed."""
    grid: dict[str, list[str]] = {}
    for text in given:
        name, _, values = text.partition("=")
        name = name.strip().lower().replace("_", "-")
        if name in grid:
            raise click.UsageError(f"--grid {name} is given twice: put all values into one")
        parameter = _parameter(command, name)
        texts = [item for value in values.split(",") if value.strip() for item in expanded(name, value.strip())]
        grid[name] = [
            f"{Decimal(text.removesuffix('%').strip()) / 100:f}"  # tables and CSV hold numbers: 0.25 of 25%
            if text.endswith("%") and isinstance(parameter.type.convert(text, parameter, None), float)
            else text  # `5%` of a width stays as it is
            for text in texts
        ]
    return grid


def expanded(name: str, text: str) -> list[str]:
    """Values of FIRST:LAST:STEP, both ends included; any other text as it is."""
    if text.count(":") != 2:
        return [text]
    is_percent = text.endswith("%")
    try:
        first, last, step = (Decimal(part.strip().removesuffix("%")) for part in text.split(":"))
        if not (step > 0 and last >= first):
            raise click.UsageError(f"--grid {name}={text}: needs FIRST <= LAST and a STEP above 0")
        steps = (last - first) / step
    except ArithmeticError:  # no numbers, NaN, or too many digits
        raise click.UsageError(f"--grid {name}={text}: not FIRST:LAST:STEP, such as 0.1:0.9:0.05") from None
    if not steps < MOST_VALUES:
        raise click.UsageError(f"--grid {name}={text}: more than {MOST_VALUES:,} values; take a larger STEP")
    return [f"{first + step * place}{'%' if is_percent else ''}" for place in range(int(steps) + 1)]


def _parameter(command: click.Command, name: str) -> click.Parameter:
    """Option of the rules that a grid names."""
    match = next((p for p in command.params if f"--{name}" in p.opts), None)
    if match is None or match.name in NO_RULES:
        names = sorted(max(p.opts, key=len)[2:] for p in command.params if p.name not in NO_RULES)
        raise click.UsageError(f"--grid {name}: no option of the rules; choose from {', '.join(names)}")
    return match


def typed(command: click.Command, texts: Mapping[str, object]) -> dict[str, object]:
    """Values as the command line would have read them."""
    options: dict[str, object] = {}
    for name, text in texts.items():
        parameter = _parameter(command, name)
        value = parameter.type.convert(str(text), parameter, None)
        options[str(parameter.name)] = (value,) if getattr(parameter, "multiple", False) else value
    return options
