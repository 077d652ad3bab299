"""`iwm-opts fills`: what filling a package, or a whole chain, costs."""

import click

from iwm_opts import api
from iwm_opts.cli.command import ChoiceParam, NumericalCommand
from iwm_opts.cli.options import (
    IV_HISTORY,
    DateParam,
    Number,
    cost_options,
    group,
    market_options,
    measure_options,
    option,
    output_options,
)
from iwm_opts.cli.output import write_result
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import chain_request, terms, typed_legs
from iwm_opts.cli.values import Values, build, takes_values

LEG = option(
    "--leg",
    multiple=True,
    metavar="LEG",
    help="-1P200@1.20/1.26: one put 200 sold, quoted 1.20 to 1.26; without quotes, the chain's. May repeat.",
)
EXPIRATION = option("--expiration", type=DateParam(), help="Of the legs, with a chain.")
CREDIT = option("--credit", type=Number(), help="Of the legs at their entry, dollars a share, a debit negative.")
fills_options = group(
    LEG,
    EXPIRATION,
    option("--by", type=ChoiceParam(["moneyness", "delta"]), default="moneyness", help="Buckets of the chain's table."),
    option("--versus", metavar="PATH", help="A second chain, side by side."),
    option("--versus-symbol", default="SPY", help="Its underlying."),
    option("--versus-as-of", type=DateParam(), help="Its day.  [default: that of the first chain]"),
    option("--versus-session", help="Its capture.  [default: --session]"),
    heading="Package and chains",
)


@click.command(
    cls=NumericalCommand,
    first=("leg", "source", "as_of", "expiration", "versus", "by", "fill", "fees", "dividends", "format"),
    epilog="\b\nExample:\n"
    "  iwm-opts fills --leg +1P195@0.70/0.74 --leg -1P200@1.20/1.26\n"
    "  iwm-opts fills --source IWM.csv.gz --versus SPY.csv.gz",
)
@fills_options
@market_options
@IV_HISTORY
@cost_options
@measure_options
@output_options
@takes_values
def fills(values: Values) -> None:
    """Compare what filling costs: one package under every convention, a chain by moneyness and DTE, or two chains.

    With --leg a package: its credit, slippage, round-trip cost and break-even win rate at every convention. With
    --source alone the quoted spreads of the whole chain; with --versus those of two chains side by side.
    """
    chain = chain_request(values)
    if values["leg"]:
        request = build(api.FillsRequest, values, legs=typed_legs(values), chain=chain, terms=terms(values))
        write_result(answered("option chain", api.answer_fills, request, values), values)
        return
    versus = None
    if values["versus"]:
        second = {name: values[f"versus_{name}"] for name in ("symbol", "as_of")}
        session = values["versus_session"] or values["session"]
        versus = chain_request(values.replaced(source=(values["versus"],), session=session, spot=None, **second))
    spreads = build(api.SpreadsRequest, values, chain=chain, versus=versus)
    write_result(answered("option chain", api.answer_spreads, spreads, values), values)
