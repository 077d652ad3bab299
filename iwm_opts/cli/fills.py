"""`iwm-opts fills`: what filling a package, or a whole chain, costs."""

from datetime import date
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import (
    IV_HISTORY,
    DateParam,
    cost_options,
    group,
    market_options,
    measure_options,
    option,
    output_options,
)

fills_options = group(
    option(
        "--leg",
        multiple=True,
        metavar="LEG",
        help="-1P200@1.20/1.26: one put 200 sold, quoted 1.20 to 1.26; without quotes, the chain's. May repeat.",
    ),
    option("--expiration", type=DateParam(), help="Of the legs, with a chain."),
    option(
        "--by", type=click.Choice(["moneyness", "delta"]), default="moneyness", help="Buckets of the chain's table."
    ),
    option("--versus", metavar="PATH", help="A second chain, side by side."),
    option("--versus-symbol", default="SPY", help="Its underlying."),
    option("--versus-as-of", type=DateParam(), help="Its day.  [default: that of the first chain]"),
    option("--versus-session", help="Its capture.  [default: --session]"),
)


@click.command(
    cls=NumericalCommand,
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
def fills(**options: Any) -> None:
    """What filling costs: one package under every convention, a chain by moneyness and DTE, or two chains.

    With --leg a package: its credit, slippage, round-trip cost and the win rate it needs at every convention. With
    --source alone the quoted spreads of the whole chain; with --versus those of two chains side by side.
    """
    text = _package(options) if options["leg"] else _chain(options)
    from iwm_opts.cli.build import emit

    emit(text, options)


def _package(options: dict[str, Any]) -> str:
    from iwm_opts.cli import build
    from iwm_opts.execution.comparison import COMPARED, compare_fills
    from iwm_opts.report.fills_table import comparison_records, comparison_table
    from iwm_opts.report.records import as_json, rows_as_csv
    from iwm_opts.spreads.typed import TypedLeg, legs_of, payoff_of

    terms = build.terms_from(options)
    typed = [TypedLeg.parse(text) for text in options["leg"]]
    models = COMPARED if terms.fill in COMPARED else (*COMPARED, terms.fill)
    at_mid = None
    if not all(leg.is_quoted for leg in typed):
        typed, at_mid = _quoted(typed, options)
    bid, ask = [leg.bid for leg in typed], [leg.ask for leg in typed]
    rows = compare_fills(
        legs_of(typed), bid, ask, terms.fees, payoff=payoff_of(typed), expected_profit_at_mid=at_mid, models=models
    )
    if options["format"] == "json":
        return as_json({"fees": terms.fees.label, "fills": comparison_records(rows)})
    if options["format"] == "csv":
        return rows_as_csv(comparison_records(rows))
    return comparison_table(typed, rows, terms, options["expiration"])


def _quoted(typed: list[Any], options: dict[str, Any]) -> tuple[list[Any], float]:
    """Typed legs with the chain's quotes, and the expected profit at mid under the chain's smile."""
    from iwm_opts.cli import build
    from iwm_opts.errors import InputError
    from iwm_opts.spreads.typed import expected_profit_at_mid, quoted_legs

    expiration: date | None = options["expiration"]
    if expiration is None:
        raise InputError("expiration", None, "legs without quotes need one", "give --expiration, or type the quotes")
    table = build.market_from(options)[0].table(expiration)
    return quoted_legs(typed, table), expected_profit_at_mid(typed, table, build.terms_from(options))


def _chain(options: dict[str, Any]) -> str:
    from iwm_opts.cli import build
    from iwm_opts.execution.chain_spreads import quoted_spreads
    from iwm_opts.execution.quoted_spread import side_by_side
    from iwm_opts.report.fills_table import spread_records, spread_table_page, versus_page
    from iwm_opts.report.records import as_json, rows_as_csv

    first = quoted_spreads(build.market_from(options)[0], options["by"])
    second = None
    if options["versus"]:
        second = quoted_spreads(build.market_from(_versus(options, first.as_of))[0], options["by"])
    frame = first.spreads.table if second is None else side_by_side(first.spreads, second.spreads)
    if options["format"] == "json":
        about = {name: getattr(first.chain, name) for name in ("source", "simulated", "modelled")}
        return as_json({"by": options["by"], **about, "rows": spread_records(frame)})
    if options["format"] == "csv":
        return rows_as_csv(spread_records(frame))
    return spread_table_page(first) if second is None else versus_page(first, second, frame)


def _versus(options: dict[str, Any], as_of: date) -> dict[str, Any]:
    return options | {
        "source": options["versus"],
        "symbol": options["versus_symbol"],
        "as_of": options["versus_as_of"] or as_of,
        "session": options["versus_session"] or options["session"],
        "spot": None,
    }
