"""`iwm-opts ivr`: IV rank now and its history."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, history_options, market_options, option, output_options
from iwm_opts.cli.output import write_result
from iwm_opts.cli.progress import answered, progress
from iwm_opts.cli.requests import chain_request, history_request
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import GATE_RANK


@click.command(
    cls=NumericalCommand,
    first=("iv_history", "as_of", "ivr_below", "ivr_lookback", "source", "ivr_tenor", "format", "output"),
    epilog="\b\nExample:\n  iwm-opts ivr --iv-history RVX_History.csv --as-of 2025-06-04",
)
@option("--ivr-below", type=Number(0, 100), default=GATE_RANK, help="The gate is open below this rank.")
@history_options
@market_options
@output_options
@takes_values
def ivr(values: Values) -> None:
    """IV rank and percentile, the history as a chart, and how often the gate was open by weekday.

    A chain is not needed; with --source its own IV10 and IV30 are shown too. Chain files of many days have a history of
    their own, which is ranked where --iv-history names none.
    """
    # With a history and no source named, no chain is read.
    has_chain = values.texts("source") != ("auto",) or not values["iv_history"]
    chain = chain_request(values) if has_chain else None
    history = None if has_chain else history_request(values).load(values.text("symbol"), values.day("as_of"))
    if chain is not None and chain.is_files and not values["iv_history"]:
        recorded = build(api.MarketRequest, values, source=chain.source, last=chain.as_of, history=chain.history)
        with progress("option chains", values) as on_progress:
            market = api.open_market(recorded, on_progress=on_progress)
        history = market.history if len(market.days) > 1 else None
    request = build(api.IvrRequest, values, chain=chain, history=history, lookback=values["ivr_lookback"])
    write_result(answered("option chain", api.answer_ivr, request, values), values)
