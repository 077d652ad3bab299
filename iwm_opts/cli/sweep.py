"""`iwm-opts sweep`: every combination of a grid of rules over one market."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.backtesting import backtest_options
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option

NO_RULES = (
    "source", "first", "last", "paths", "seed", "scenario", "scenario_file", "parameters", "symbol", "session", "rate",
    "dividends", "iv_history", "ivr_tenor", "bars", "slope_history", "slope_base", "yields", "grid", "threads", "sort",
    "top", "format", "output", "draws", "quiet", "edge", "macro",
)  # fmt: skip
SESSIONS_A_DAY = 252.0 / 365.0
METRICS = ("sharpe", "sortino", "expectancy", "pnl", "win_rate", "max_drawdown")


@click.command(
    cls=NumericalCommand,
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
def sweep(**options: Any) -> None:
    """Try every combination of a grid, with shared marks, and say how much the best of them is luck.

    Of many worthless variants the best looks good: the table comes with a test of the best against that.
    """
    from iwm_opts.backtest.grid import Variant, combinations, snooping_test
    from iwm_opts.cli.backtesting import rules_from
    from iwm_opts.cli.build import say
    from iwm_opts.cli.trials import trials_from
    from iwm_opts.report.sweep_table import Swept

    grid = _grid(options["grid"])
    variants = [
        Variant(number, _texts(values), rules_from({**options, **_typed(values)}))
        for number, values in enumerate(combinations(grid))
    ]
    trials = trials_from(options, [one.rules for one in variants])
    outcomes = _run(trials, variants, options, grid)
    held = [one.metrics["average_days"] * SESSIONS_A_DAY for one in outcomes if one.metrics["trades"]]
    seed = 1 if options["seed"] is None else options["seed"]
    say("testing the best against luck", options)
    snooping = snooping_test(outcomes, sum(held) / len(held) if held else 1.0, seed, options["draws"])
    click.echo(_text(Swept(trials, grid, variants, outcomes, snooping, options["sort"]), options), nl=False)


def _run(trials: list[Any], variants: list[Any], options: dict[str, Any], grid: dict[str, list[str]]) -> list[Any]:
    """Outcomes in the grid's order, those that the folder holds already included."""
    from iwm_opts.backtest.grid import run_variants
    from iwm_opts.backtest.sweep_folder import SweepFolder
    from iwm_opts.cli.build import say
    from iwm_opts.cli.progress import progress

    threads = options["threads"] or os.cpu_count() or 1
    folder = SweepFolder(options["output"], _asked(trials, variants, grid)) if options["output"] else None
    with folder or nullcontext():
        found = dict(folder.outcomes) if folder else {}
        if found:
            say(f"{len(found)} of {len(variants)} variants are there already", options)
        missing = [one for one in variants if one.number not in found]
        with progress("sweep", options) as told:
            for outcomes in run_variants(trials, missing, threads):
                found.update((one.number, one) for one in outcomes)
                if folder:
                    folder.add(outcomes)
                if told:
                    told(len(found), len(variants))
    if folder:
        say(f"kept in {options['output']}", options)
    return [found[one.number] for one in variants]


def _asked(trials: list[Any], variants: list[Any], grid: dict[str, list[str]]) -> dict[str, Any]:
    """What makes two sweeps the same: the rules of every variant, and the markets with their prices."""
    import hashlib

    from iwm_opts.backtest.saved import rules_record

    print_of = hashlib.sha256()
    for one in trials:
        print_of.update(one.market.spot.tobytes())
        print_of.update(one.history.closes.to_numpy().tobytes())
        print_of.update(b"" if one.macro is None else one.macro.to_numpy().tobytes())
    rules = hashlib.sha256(repr([rules_record(one.rules) for one in variants]).encode())
    days = trials[0].market.days
    return {
        "grid": grid,
        "markets": [one.market.name for one in trials],
        "days": [days[0].isoformat(), days[-1].isoformat(), len(days)],
        "prices": print_of.hexdigest()[:16],
        "rules": rules.hexdigest()[:16],
    }


def _grid(given: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given:
        name, _, values = text.partition("=")
        name = name.strip().lower().replace("_", "-")
        if name in found:
            raise click.UsageError(f"--grid {name} stands there twice: put all values into one")
        _parameter(name)
        found[name] = [value.strip() for value in values.split(",") if value.strip()]
    return found


def _parameter(name: str) -> click.Parameter:
    """The option of the rules that a grid names."""
    found = next((p for p in sweep.params if f"--{name}" in p.opts), None)
    if found is None or found.name in NO_RULES:
        known = sorted(max(p.opts, key=len)[2:] for p in sweep.params if p.name not in NO_RULES)
        raise click.UsageError(f"--grid {name}: no option of the rules; choose from {', '.join(known)}")
    return found


def _typed(values: dict[str, str]) -> dict[str, Any]:
    """Values as the command line would have read them."""
    context, found = click.get_current_context(), {}
    for name, text in values.items():
        parameter = _parameter(name)
        value = parameter.type.convert(text, parameter, context)
        found[str(parameter.name)] = (value,) if getattr(parameter, "multiple", False) else value
    return found


def _texts(values: dict[str, str]) -> dict[str, Any]:
    return {name: _number(text) for name, text in values.items()}


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value


def _text(found: Any, options: dict[str, Any]) -> str:
    from iwm_opts.report.records import as_json
    from iwm_opts.report.sweep_table import sweep_csv, sweep_record, sweep_table

    if options["format"] == "json":
        return as_json(sweep_record(found))
    return sweep_csv(found) if options["format"] == "csv" else sweep_table(found, options["top"])
