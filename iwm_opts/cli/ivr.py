"""`iwm-opts ivr`: IV rank now, and the history it stands in."""

from datetime import date
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, history_options, market_options, option, output_options
from iwm_opts.conventions import GATE_RANK


@click.command(
    cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts ivr --iv-history RVX_History.csv --as-of 2025-06-04"
)
@option("--ivr-below", type=Number(0, 100), default=GATE_RANK, help="The gate is open below this rank.")
@history_options
@market_options
@output_options
def ivr(**options: Any) -> None:
    """IV rank and percentile, the history as a chart, and how often the gate was open by weekday.

    A chain is not needed; with --source its own IV10 and IV30 stand beside the rank.
    """
    from iwm_opts.cli import build
    from iwm_opts.report.ivr_table import ivr_record, ivr_table
    from iwm_opts.report.records import as_json, rows_as_csv

    standing = _standing(options)
    if options["format"] == "json":
        text = as_json(ivr_record(standing))
    elif options["format"] == "csv":
        text = rows_as_csv([ivr_record(standing)["iv"]])
    else:
        text = ivr_table(standing)
    build.emit(text, options)


def _standing(options: dict[str, Any]) -> Any:
    from iwm_opts.cli import build
    from iwm_opts.errors import InputError
    from iwm_opts.market.calendar import next_session
    from iwm_opts.market.gate import ivr_gate
    from iwm_opts.market.iv_rank import iv_rank, open_gate_by_weekday
    from iwm_opts.report.ivr_table import IvStanding

    # With a history and no source named, no chain is wanted.
    wants_chain = options["source"] != "auto" or not options["iv_history"]
    snapshot, own = build.market_from(options) if wants_chain else (None, None)
    day: date | None = snapshot.chain.as_of if snapshot else options["as_of"]
    history = build.history_from(options, day) or own
    if history is None:
        raise InputError("iv_history", None, "no IV history was given", "name one: --iv-history RVX_History.csv")
    if day is None:  # the session after the history's last value
        day = next_session(history.last(1).index[-1].date())
    history = history.before(day)
    rank = iv_rank(history, day, options["ivr_lookback"])
    weekdays = open_gate_by_weekday(history, options["ivr_below"], options["ivr_lookback"])
    return IvStanding(history, rank, ivr_gate(rank, options["ivr_below"]), weekdays, options["ivr_below"], snapshot)
