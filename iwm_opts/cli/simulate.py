"""`iwm-opts simulate`: a simulated market as files."""

from dataclasses import asdict
from datetime import date
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import DateParam, group, option

FIRST = date(2016, 1, 4)  # a fixed day: the same seed gives the same files whenever it is run
DAYS = 2520

simulate_options = group(
    option("--output", type=click.Path(file_okay=False), required=True, help="Folder to write, or to go on with."),
    option("--days", type=click.IntRange(min=1), help=f"Sessions.  [default: {DAYS}, or the scenario's]"),
    option("--paths", type=click.IntRange(min=1), default=1, help="Markets apart from each other."),
    option("--seed", type=click.IntRange(min=0), default=1),
    option("--first", type=DateParam(), help=f"First session.  [default: {FIRST}, or the scenario's]"),
    option("--scenario", metavar="NAME|FILE", help="calm-2017, q4-2018, march-2020, year-2022, or FILE.toml:NAME."),
    option("--parameters", metavar="FILE", help="Calibration, TOML, or to-2019.  [default: the shipped one]"),
    option(
        "--chains",
        type=click.Choice(["daily", "weekly", "monthly", "none"]),
        default="daily",
        help="Whose days' closing chains to write; the last of each week or month.",
    ),
    option("--max-dte", type=click.IntRange(min=1), default=100, help="Calendar days to the farthest expiration."),
    option("--intraday", is_flag=True, show_default=False, help="5-minute bars too."),
    option("--workers", type=click.IntRange(min=1), help="Processes.  [default: one a core]"),
    option("--format", type=click.Choice(["table", "json", "csv"]), default="table"),
    option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts simulate --days 2520 --paths 4 --seed 7 --output simulated\n"
    "  iwm-opts condor --source simulated/path-0/chains-2020.parquet \\\n"
    "      --as-of 2020-06-26"
    " --iv-history simulated/path-0/iv.parquet",
)
@simulate_options
def simulate(**options: Any) -> None:
    """Write simulated markets: bars, IV history, dividends and option chains, as Parquet in canonical columns.

    Nobody ever traded there: an edge found on them echoes the premium that the parameters put into option prices. Cut
    off and run again, it goes on where it stopped; the same seed writes the same bytes whatever the workers. A chain
    takes some 2,600 rows and 90 kB a day up to 100 DTE, twice that with all expirations.
    """
    from pathlib import Path

    from iwm_opts.cli import build
    from iwm_opts.cli.progress import progress
    from iwm_opts.report.records import as_json, rows_as_csv
    from iwm_opts.sources.export import export

    plan = _plan(options)
    with progress("simulated days", options) as told:
        written = export(plan, Path(options["output"]), options["workers"] or _cores(), told)
    rows = [asdict(one) for one in written]
    if options["format"] == "json":
        click.echo(as_json({**plan.manifest(), "output": options["output"], "files": rows}), nl=False)
    elif options["format"] == "csv":
        click.echo(rows_as_csv(rows), nl=False)
    else:
        click.echo(_page(plan, written), nl=False)
    build.say(f"written: {options['output']}", options)


def _plan(options: dict[str, Any]) -> Any:
    from iwm_opts.simulation.parameters import parameters_of
    from iwm_opts.sources.export import Plan

    scenario = _scenario(options["scenario"])
    parameters = parameters_of(options["parameters"])
    first = options["first"] or (scenario.first if scenario else FIRST)
    days = options["days"] or (scenario.sessions if scenario else DAYS)
    return Plan(
        parameters, scenario, options["seed"], options["paths"], first, _last(first, days), options["chains"],
        options["max_dte"], options["intraday"],
    )  # fmt: skip


def _last(first: date, days: int) -> date:
    """The session that ends `days` of them from `first` on; none lies ahead, where no history may end."""
    from iwm_opts.errors import InputError
    from iwm_opts.io.age import now
    from iwm_opts.market.calendar import sessions

    found = sessions(first, now().date()).tolist() if first <= now().date() else []
    if len(found) < days:
        rule = f"there are {len(found):,} sessions from {first} to today"
        raise InputError("days", days, rule, "simulate fewer, or begin earlier with --first")
    last: date = found[days - 1]
    return last


def _scenario(named: str | None) -> Any:
    """A shipped scenario by name, or one out of a file: FILE.toml where it holds one, else FILE.toml:NAME."""
    if named is None:
        return None
    from pathlib import Path

    from iwm_opts.errors import DataError
    from iwm_opts.simulation.scenarios import load_scenarios, scenario

    file, ending, name = named.rpartition(".toml")
    if not ending or not (name == "" or name.startswith(":")):
        return scenario(named)
    found = load_scenarios(Path(file + ending))
    if name:
        return scenario(name[1:], found)
    if len(found) != 1:
        raise DataError(file + ending, f"holds {len(found)} scenarios: {', '.join(found)}", f"name one: {named}:NAME")
    return next(iter(found.values()))


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _page(plan: Any, written: list[Any]) -> str:
    from rich.text import Text

    from iwm_opts.report.console import plain_table, render

    label = Text("SIMULATED MARKET: no quote here was ever traded on", style="bold red")
    world = f"scenario {plan.scenario.name}" if plan.scenario else "calibrated dynamics"
    head = f"{plan.parameters.setting.symbol}  {plan.first} to {plan.last}, seed {plan.seed}, {world}"
    table = plain_table("kind", "files", "rows", "MB", "such as", left=("kind", "such as"))
    for one in written:
        table.add_row(one.kind, f"{one.files:,}", f"{one.rows:,}", f"{one.size / 1e6:,.1f}", one.example)
    note = Text("chains are quoted as European options on IWM: commands that read them price them so", style="yellow")
    return render([label, Text(head), table, Text(""), note, label])
