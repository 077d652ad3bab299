"""`iwm-opts claims`: what the strategy's source asserts, measured."""

from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import option, output_options
from iwm_opts.cli.plan_data import plan_data_options


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts claims --bars IWM.csv --spy SPY.csv --kre KRE.csv \\\n"
    "      --iv-history RVX_History.csv",
)
@option("--claim", "claims", multiple=True, help="Measure this one alone; may be repeated.  [default: all]")
@plan_data_options
@output_options
def claims(**options: Any) -> None:
    """Every claim the strategy rests on: estimate, 95% interval, sample, and whether it holds on this data.

    A claim whose data is missing says which options it needs.
    """
    from iwm_opts.cli import build

    build.emit(claims_text(options, options["claims"]), options)


def claims_of_evidence(options: dict[str, Any]) -> str:
    """What `evidence --claims` prints: all claims, on the days up to --to if that is given."""
    from datetime import timedelta

    from iwm_opts.cli.plan_backtest import BESIDE_PLAN
    from iwm_opts.cli.plan_data import files_or_simulated, refuse_others

    known = {"claims", *BESIDE_PLAN} - {"plan", "first"}
    refuse_others(options, known, "claims are measured on all that the files hold up to --to")
    day_after = options["last"] + timedelta(days=1) if options["last"] else None
    return claims_text({**options, "source": files_or_simulated(options), "as_of": day_after})


def claims_text(options: dict[str, Any], names: tuple[str, ...] = ()) -> str:
    """The claims as text in the format asked for; `names` of `research.claims.CLAIMS`, all unless given."""
    from iwm_opts.cli.plan_data import plan_data_from
    from iwm_opts.cli.progress import progress
    from iwm_opts.report.claims_table import claim_record, claims_table
    from iwm_opts.report.records import as_json, rows_as_csv
    from iwm_opts.research.claims import measure_claims

    data = plan_data_from(options, options["as_of"])
    inputs = data.inputs.before(options["as_of"]) if options["as_of"] else data.inputs
    with progress("claims", options) as told:
        found = measure_claims(inputs, names or None, told)
    records = [claim_record(one) for one in found]
    if options["format"] == "json":
        return as_json({"simulated": bool(data.label), "claims": records, "notes": list(data.notes)})
    if options["format"] == "csv":
        return rows_as_csv(records)
    return claims_table(found, (data.label,) if data.label else (), data.notes)
