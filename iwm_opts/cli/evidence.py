"""`iwm-opts evidence`: value of a gate with its uncertainty."""

import click

from iwm_opts import api
from iwm_opts.cli.backtesting import PLOT, backtest_options, check_no_plan_data
from iwm_opts.cli.claims import claims_of_evidence
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import CLUSTER, OUTPUT, QUIET, Count, option
from iwm_opts.cli.output import say, write_plot, write_result
from iwm_opts.cli.plan_backtest import evidence_of_plan
from iwm_opts.cli.plan_data import fund_options
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import market_request, rules, seed_of
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import EDGES


@click.command(
    cls=NumericalCommand,
    first=("source", "first", "last", "strategy", "ivr_below", "paths", "draws", "random_draws", "plan", "plot"),
    epilog="\b\nExample:\n"
    "  iwm-opts evidence --source sim --paths 12 --ivr-below 20\n"
    "  iwm-opts evidence --source modelled --bars IWM.csv \\\n"
    "      --iv-history RVX_History.csv --bands 20 --plot evidence.png\n"
    "  iwm-opts evidence --claims --bars IWM.csv --spy SPY.csv --kre KRE.csv \\\n"
    "      --iv-history RVX_History.csv",
)
@option("--draws", type=Count(min=19), default=1000, help="Resamples behind each interval.")
@option("--random-draws", type=Count(min=0), default=200, help="Random gates to compare with.")
@option(
    "--premium/--no-premium", default=True, help="Look for the break-even variance premium, on the simulated market."
)
@option(
    "--bands",
    type=Count(min=0),
    default=None,
    help="Draws of the smile: gains over what modelled quotes leave open, spreads too; 20 on modelled quotes unless "
    "given. 0: none.",
)
@CLUSTER
@option("--format", type=ChoiceParam(["table", "json", "csv"]), default="table", help="csv: the differences.")
@OUTPUT
@option("--plan", metavar="FILE", help="Instead: what each rule of a plan is worth against entering on any session.")
@option("--claims", is_flag=True, show_default=False, help="Instead: measure the strategy's claims on the files.")
@PLOT
@backtest_options
@fund_options
@QUIET
@takes_values
def evidence(values: Values) -> None:
    """Compare gated rules with the same rules ungated, oppositely gated (rank 50 and above) and randomly gated.

    All trade the same packages at the same prices. Differences come with intervals, sample sizes and the effect of
    overlap; break-even slippage and premium show how much worse conditions may get. A sentence gives the finding, "no
    evidence" included.
    """
    if values["claims"]:
        write_result(claims_of_evidence(values), values)
    elif values["plan"] or values["edge"] != EDGES[0]:
        write_result(evidence_of_plan(values), values)
    else:
        check_no_plan_data(values)
        given = {"market": market_request(values), "rules": rules(values), "seed": seed_of(values)}
        request = build(api.EvidenceRequest, values, **given)
        result = answered("evidence", api.answer_evidence, request, values, on_cluster=lambda line: say(line, values))
        write_result(result, values)
        write_plot(result, values)
