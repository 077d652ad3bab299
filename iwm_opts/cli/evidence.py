"""`iwm-opts evidence`: what a gate is worth, and how sure one can be of it."""

from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.backtesting import EDGES, PLOT, backtest_options
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import OutputParam, option
from iwm_opts.cli.plan_data import fund_options


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n"
    "  iwm-opts evidence --source sim --paths 12 --ivr-below 20\n"
    "  iwm-opts evidence --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv --plot evidence.png\n"
    "  iwm-opts evidence --claims --bars IWM.csv --spy SPY.csv --kre KRE.csv \\\n"
    "      --iv-history RVX_History.csv",
)
@option("--draws", type=click.IntRange(min=19), default=1000, help="Resamples behind each interval.")
@option("--random-draws", type=click.IntRange(min=0), default=200, help="Random gates to compare with.")
@option(
    "--premium/--no-premium",
    default=True,
    help="Look for the break-even variance premium, on the simulated market.",
)
@option("--format", type=click.Choice(["table", "json", "csv"]), default="table", help="csv: the differences.")
@option("--output", type=OutputParam(), help="File to write instead of standard output.")
@option("--plan", metavar="FILE", help="Instead: what each rule of a plan is worth against entering on any session.")
@option("--claims", is_flag=True, show_default=False, help="Instead: what the strategy claims, measured on the files.")
@PLOT
@backtest_options
@fund_options
@option("-q", "--quiet", is_flag=True, show_default=False, help="No messages on standard error.")
def evidence(**options: Any) -> None:
    """Compare gated rules with the same rules ungated, oppositely gated (rank 50 and above) and randomly gated.

    All trade the same packages at the same prices. Differences come with intervals, sample sizes and what overlap
    makes of them; break-even slippage and premium say how much worse the world may be. A sentence says what was found,
    "no evidence" included.
    """
    from iwm_opts.backtest.evidence import gather_evidence
    from iwm_opts.cli.backtesting import refuse_plan_data, rules_from
    from iwm_opts.cli.build import emit
    from iwm_opts.cli.progress import progress
    from iwm_opts.cli.trials import trials_from

    if options["claims"]:
        from iwm_opts.cli.claims import claims_of_evidence

        emit(claims_of_evidence(options), options)
        return
    if options["plan"] or options["edge"] != EDGES[0]:
        from iwm_opts.cli.plan_backtest import evidence_of_plan

        emit(evidence_of_plan(options), options)
        return
    refuse_plan_data(options)
    rules = rules_from(options)
    trials = trials_from(options, [rules])
    seed = 1 if options["seed"] is None else options["seed"]
    with progress("evidence", options) as told:
        found = gather_evidence(
            trials, rules, seed, options["draws"], options["random_draws"], options["premium"], told
        )  # fmt: skip
    emit(_text(found, options), options)
    if options["plot"]:
        _draw(found, options)


def _text(found: Any, options: dict[str, Any]) -> str:
    from iwm_opts.report.evidence_table import evidence_csv, evidence_record, evidence_table
    from iwm_opts.report.records import as_json

    if options["format"] == "json":
        return as_json(evidence_record(found))
    return evidence_csv(found) if options["format"] == "csv" else evidence_table(found)


def _draw(found: Any, options: dict[str, Any]) -> None:
    from iwm_opts.cli.build import say, write_output
    from iwm_opts.report.backtest_plot import equity_picture

    arms = [(one.condition if one.name == "strategy" else one.name, one.results) for one in _arms(found)]
    picture = equity_picture(arms, Path(options["plot"]).suffix.removeprefix(".").lower())
    write_output(Path(options["plot"]), picture)
    say(f"written: {options['plot']}", options)


def _arms(found: Any) -> list[Any]:
    return [found.strategy, *found.rivals]
