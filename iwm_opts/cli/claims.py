"""`iwm-opts claims`: measure the claims of the strategy's source."""

from datetime import date, timedelta

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option, output_options
from iwm_opts.cli.output import write_result
from iwm_opts.cli.plan_backtest import WITH_PLAN
from iwm_opts.cli.plan_data import check_others_not_typed, files_or_simulated, plan_data_options, plan_data_request
from iwm_opts.cli.progress import answered
from iwm_opts.cli.values import Values, takes_values


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts claims --bars IWM.csv --spy SPY.csv --kre KRE.csv \\\n"
    "      --iv-history RVX_History.csv",
)
@option("--claim", "claims", multiple=True, help="Measure this one alone; may be repeated.  [default: all]")
@plan_data_options
@output_options
@takes_values
def claims(values: Values) -> None:
    """Every claim of the strategy: estimate, 95% interval, sample, and whether it holds on this data.

    A claim without its data names the options that it needs.
    """
    write_result(_measured(values, values.day("as_of"), values.texts("claims")), values)


def claims_of_evidence(values: Values) -> "api.ClaimsResult":
    """All claims, for `evidence --claims`, on the days up to --to if that is given."""
    allowed = {"claims", *WITH_PLAN} - {"plan", "first"}
    check_others_not_typed(values, allowed, "claims are measured on all that the files hold up to --to")
    last = values.day("last")
    before = last + timedelta(days=1) if last else None
    return _measured(values.replaced(source=files_or_simulated(values)), before, ())


def _measured(values: Values, before: date | None, names: tuple[str, ...]) -> "api.ClaimsResult":
    request = api.ClaimsRequest(data=plan_data_request(values), names=names, before=before)
    return answered("claims", api.answer_claims, request, values)
