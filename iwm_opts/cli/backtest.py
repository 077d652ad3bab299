"""`iwm-opts backtest`: rules over a simulated, modelled or recorded market, every cost counted."""

from pathlib import Path
from typing import Final

import click

from iwm_opts import api
from iwm_opts.cli.backtesting import PLOT, backtest_options, check_no_plan_data
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import QUIET, RESULT_OUTPUT, FractionParam, InputParam, ShareParam, group, option
from iwm_opts.cli.output import answer_and_save, is_folder, write_plot, write_result
from iwm_opts.cli.plan_backtest import SHARED, backtest_of_plan, backtest_of_plans
from iwm_opts.cli.plan_data import fund_options
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, takes_values
from iwm_opts.conventions import EDGES

NAMED_MARKETS: Final = ("sim", "auto", "modelled", "archive", "record")  # sources that are no files

shared_limits = group(
    option("--max-open-risk", type=ShareParam(), default="6%", help="Of the account's equity, all positions together."),
    option("--max-buying-power", type=ShareParam(), default="100%", help="Of it, tied up by all positions."),
    option(
        "--max-net-delta",
        type=FractionParam(min=0, min_open=True),
        help="Of it, |delta| in dollars: 50% or 0.5.  [default: no limit]",
    ),
    heading="Shared limits of several plans",
)


@click.command(
    cls=NumericalCommand,
    first=("source", "first", "last", "strategy", "ivr_below", "dte", "profit", "stop", "exit_dte", "output"),
    epilog="\b\nExample:\n"
    "  iwm-opts backtest --source sim --paths 4 --ivr-below 20 --profit 0.5 \\\n"
    "      --stop 2\n"
    "  iwm-opts backtest --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv --output results/gated\n"
    "  iwm-opts backtest --plan condors.toml --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv\n"
    "  iwm-opts backtest --compare results/gated results/ungated",
)
@option("--compare", nargs=2, type=InputParam(), help="Two saved results side by side; runs nothing.")
@RESULT_OUTPUT
@option("--overwrite", is_flag=True, show_default=False, help="Replace another result in that folder.")
@option(
    "--format",
    type=ChoiceParam(["table", "json", "csv"]),
    default="table",
    help="csv: the trades; of a plan as a log that review reads.",
)
@PLOT
@option(
    "--plan",
    multiple=True,
    metavar="FILE",
    help="A plan, TOML: over the stress periods and all there is, with a verdict. Several share one --account.",
)
@shared_limits
@backtest_options
@fund_options
@option("-v", "--verbose", is_flag=True, show_default=False, help="By month, too.")
@QUIET
@takes_values
def backtest(values: Values) -> None:
    """Trade rules over a market, day by day, with fills, fees, assignment and settlement.

    A decision uses data up to the session before; strikes and fills are of the day itself. Exits are judged
    by the closing cost at the exit fill; of several on one day the most expensive applies.
    """
    plans = values.texts("plan")
    values = values.replaced(plan=plans[0] if plans else None) if len(plans) < 2 else values
    if len(plans) < 2:
        values.check_not_typed(SHARED, "is of several plans: name another --plan")
    is_plan = bool(plans) or values["edge"] != EDGES[0]
    if is_folder(values.text("output")) and (values["compare"] or is_plan):
        raise click.UsageError(
            f"--output {values['output']} is a folder, which holds a run of rules: name a file such as page.html, or "
            "trades.csv, which review reads"
        )
    if values["compare"]:
        first, second = map(Path, values.texts("compare"))
        pair = api.CompareRequest(first=first, second=second, seed=seed_of(values))
        write_result(api.answer_comparison(pair), values)
    elif len(plans) > 1:
        write_result(backtest_of_plans(values), values)
    elif is_plan:
        write_result(backtest_of_plan(values), values)
    else:
        check_no_plan_data(values)
        request = api.BacktestRequest(market=market_request(values), rules=rules(values))
        what = "market" if values.texts("source")[0] in NAMED_MARKETS else "rows of chains"
        result = answer_and_save(what, api.answer_backtest, request, values, lambda answer: answer)
        write_plot(result, values)
