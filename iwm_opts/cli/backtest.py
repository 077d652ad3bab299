"""`iwm-opts backtest`: rules over a simulated, modelled or recorded market, every cost counted."""

from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.backtesting import EDGES, PLOT, backtest_options
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option
from iwm_opts.cli.plan_data import fund_options


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n"
    "  iwm-opts backtest --source sim --paths 4 --ivr-below 20 --profit 0.5 \\\n"
    "      --stop 2\n"
    "  iwm-opts backtest --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv --output results/gated\n"
    "  iwm-opts backtest --plan condors.toml --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv\n"
    "  iwm-opts backtest --compare results/gated results/ungated",
)
@option("--compare", nargs=2, type=click.Path(path_type=Path), help="Two saved results side by side; runs nothing.")
@option(
    "--output", type=click.Path(path_type=Path), help="Folder to save the result in: rules, trades, equity, figures."
)
@option("--overwrite", is_flag=True, show_default=False, help="Replace another result in that folder.")
@option(
    "--format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help="csv: the trades; of a plan as a log that review reads.",
)
@PLOT
@option("--plan", metavar="FILE", help="A plan, TOML: over the stress periods and all there is, with a verdict.")
@backtest_options
@fund_options
@option("-v", "--verbose", is_flag=True, show_default=False, help="By month, too.")
@option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error.")
def backtest(**options: Any) -> None:
    """Trade rules over a market, day by day, with fills, fees, assignment and settlement.

    A decision rests on what was known the session before; strikes and fills are of the day itself. Exits are judged
    by what closing costs at the exit fill; of several on one day the dearest is taken.
    """
    from iwm_opts.cli.build import say

    if options["compare"]:
        _compare(options)
        return
    if options["plan"] or options["edge"] != EDGES[0]:
        from iwm_opts.cli.plan_backtest import backtest_of_plan

        if options["output"]:
            raise click.UsageError(
                "--output saves a run of rules; the trades of a plan: --format csv > trades.csv, which review reads"
            )
        click.echo(backtest_of_plan(options), nl=False)
        return
    result = _run(options)
    click.echo(_text(result, options), nl=False)
    if options["output"]:
        _save(result, options)
    if options["plot"]:
        from iwm_opts.cli.build import write_output
        from iwm_opts.report.backtest_plot import equity_picture

        label = result.results[0].label
        picture = equity_picture([(label, result)], Path(options["plot"]).suffix.removeprefix(".").lower())
        write_output(Path(options["plot"]), picture)
        say(f"written: {options['plot']}", options)


def _run(options: dict[str, Any]) -> Any:
    from iwm_opts.backtest.engine import run
    from iwm_opts.backtest.saved import refuse_strangers
    from iwm_opts.backtest.trial import Pooled
    from iwm_opts.cli.backtesting import refuse_plan_data, rules_from
    from iwm_opts.cli.trials import trials_from

    refuse_plan_data(options)
    rules = rules_from(options)
    if options["output"]:
        refuse_strangers(options["output"])
    trials = trials_from(options, [rules])
    return Pooled(tuple(run(one.prepare(rules)) for one in trials), tuple(trials))


def _text(result: Any, options: dict[str, Any]) -> str:
    from iwm_opts.report.backtest_record import backtest_record, trades_csv
    from iwm_opts.report.backtest_table import backtest_table
    from iwm_opts.report.records import as_json

    if options["format"] == "json":
        return as_json(backtest_record(result))
    return trades_csv(result) if options["format"] == "csv" else backtest_table(result, options["verbose"])


def _save(result: Any, options: dict[str, Any]) -> None:
    from iwm_opts.backtest.saved import save_result
    from iwm_opts.cli.backtesting import asked
    from iwm_opts.cli.build import say

    is_new = save_result(options["output"], result, asked(options), options["overwrite"])
    say(f"{'written' if is_new else 'already there, unchanged'}: {options['output']}", options)


def _compare(options: dict[str, Any]) -> None:
    from iwm_opts.backtest.comparison import compare_results
    from iwm_opts.backtest.saved import load_result
    from iwm_opts.report.comparison_table import comparison_record, results_table
    from iwm_opts.report.records import as_json, rows_as_csv

    first, second = (load_result(folder) for folder in options["compare"])
    found = compare_results(first, second, 1 if options["seed"] is None else options["seed"])
    if options["format"] == "json":
        click.echo(as_json(comparison_record(found)), nl=False)
    elif options["format"] == "csv":
        click.echo(rows_as_csv(comparison_record(found)["metrics"]), nl=False)
    else:
        click.echo(results_table(found), nl=False)
