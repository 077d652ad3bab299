"""`iwm-opts review`: a trade log by month, faults and the state of the edge."""

from typing import Final
from zoneinfo import ZoneInfo

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import FEES, FILL, STOP_FILL, SYMBOL, Number, OutputParam, group, option, output_options
from iwm_opts.cli.output import STDOUT, say, write_plot, write_result
from iwm_opts.cli.plan_data import checklist_options, plan_data_request
from iwm_opts.cli.progress import answered
from iwm_opts.cli.requests import plan_of
from iwm_opts.cli.values import Values, build, takes_values
from iwm_opts.conventions import PICTURE_KINDS, TIMEZONE


def _known_zone(_ctx: click.Context, _parameter: click.Parameter, name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{name!r}: unknown time zone. Write America/Chicago") from None
    return name


review_options = group(
    option("--plan", metavar="FILE", help="The plan that the trades should have followed."),
    option(
        "--backtest",
        metavar="PATH",
        help="Trades of a backtest of that plan (a saved folder, CSV or Parquet) to compare results with.",
    ),
    option(
        "--account",
        type=Number(min=0, min_open=True),
        help="Dollars at the start, of each account in the log.  [default: the plan's]",
    ),
    option("--timezone", default=TIMEZONE, callback=_known_zone, help="Of a broker's times that carry none."),
    option(
        "--recorded-quotes",
        is_flag=True,
        show_default=False,
        help="Mids and model fills from the chains that were recorded at the time, where the log has none.",
    ),
    option(
        "--quotes",
        multiple=True,
        metavar="PATH",
        help="Chain files for the same, a file, folder or glob, before the recorded chains; may repeat.",
    ),
    option(
        "--keep-fills",
        is_flag=True,
        show_default=False,
        help="Keep the offsets of these fills from mid: other commands use them with --fill mine.",
    ),
    option(
        "--write-log",
        type=OutputParam(is_text=True),
        help="The trades as a log of this tool, CSV or Parquet, for columns a broker does not know; - is standard "
        "output.",
    ),
    option("--plot", type=OutputParam(PICTURE_KINDS), help="Equity and the scan for a change: PNG, SVG or PDF."),
    option(
        "--bars", metavar="FILE", help="Daily bars to replay the plan's rules on the trades.  [default: the record's]"
    ),
    option("--iv-history", metavar="FILE", help="Daily closes of an IV series, likewise.  [default: the record's RVX]"),
    checklist_options,
)
reprice_options = group(
    option(
        "--reprice",
        is_flag=True,
        show_default=False,
        help="Re-price the trades of a log filled at mid: fills, fees, and --quotes where given, modelled spreads "
        "elsewhere.",
    ),
    *(FILL, STOP_FILL, FEES),
    heading="Re-pricing",
)
forecast_options = group(
    option(
        "--calibration",
        is_flag=True,
        show_default=False,
        help="Stated POP, P50, touch and managed profit against outcomes: `paper` is what snapshot and paper open "
        "logged, `archive` or chain files are screened day by day, by --plan or as condors.",
    ),
    SYMBOL,
    heading="Forecasts",
)
# Options of the review alone, and of the re-pricing alone.
OF_REVIEW: Final = ("plan", "backtest", "account", "keep_fills", "iv_history", "plot")
OF_REPRICING: Final = ("fill", "stop_fill", "fees")
# Options that forecasts have no use for.
NOT_OF_FORECASTS: Final = (
    *("backtest", "account", "timezone", "recorded_quotes", "quotes", "keep_fills", "write_log", "plot"),
    *("iv_history", "reprice", *OF_REPRICING),
)


@click.command(
    cls=NumericalCommand,
    first=(
        "plan",
        "backtest",
        "account",
        "quotes",
        "recorded_quotes",
        "keep_fills",
        "reprice",
        "calibration",
        "plot",
        "output",
    ),
    epilog="\b\nExample:\n  iwm-opts review trades.csv --plan condors.toml --backtest results/condors\n"
    "  iwm-opts review paper\n  iwm-opts review option-omega.csv --reprice --output survives.html",
)
@click.argument("log", metavar="LOG|paper")
@review_options
@reprice_options
@forecast_options
@output_options
@takes_values
def review(values: Values) -> None:
    """Review a trade log: the months, the rules kept and broken, the fills, and whether the edge is still there.

    LOG is a log of this tool or of a spreadsheet, the trades of a backtest, or an export of Interactive Brokers
    (activity statement, Flex query, transaction history), tastytrade (transactions), thinkorswim (account statement,
    today's trade activity), Schwab (history), TD Ameritrade (transactions), Robinhood (activity), Fidelity (Activity &
    Orders), Option Omega and tradeblocks, or optopsy; CSV, Excel, XML or Parquet, also inside .gz and .zip. Legs are
    grouped into packages, fills in shares into round trips, first in first out. `paper` is the paper journal; with
    --calibration its forecasts, and LOG may be `archive` or chain files.

    The plan's rules on daily bars fill in the broker's export: the checklist at each entry, and of share trades the
    size, the risk, the exits and the model's fills.
    """
    plot = values.path("plot")
    if values.flag("calibration"):
        values.check_not_typed(NOT_OF_FORECASTS, "has no effect with --calibration")
        forecasts = build(api.ForecastRequest, values, source=values["log"], plan=plan_of(values))
        write_result(answered("chains", api.answer_forecasts, forecasts, values), values)
        return
    values.check_not_typed(("symbol",), "needs --calibration")
    if values.flag("reprice"):
        values.check_not_typed(OF_REVIEW, "has no effect with --reprice; review the log that --write-log gives")
        repriced = api.answer_reprice(build(api.RepriceRequest, values))
        _write_log(repriced.log, values)
        write_result(repriced, values)
        return
    values.check_not_typed(OF_REPRICING, "needs --reprice")
    data = plan_data_request(values, source="record")
    result = api.answer_review(build(api.ReviewRequest, values, plan=plan_of(values), data=data))
    _write_log(result.log, values)
    write_result(result, values)
    if plot and not isinstance(result, api.ReviewResult):
        say(f"not written: {plot}: the log has no closed trade", values)
    else:
        write_plot(result, values)


def _write_log(log: "api.TradeLog", values: Values) -> None:
    """Write the trades where asked."""
    target = values.path("write_log")
    if values["write_log"] == STDOUT:
        click.echo(api.as_csv(log), nl=False)
    elif target:
        api.write_log(log, target)
        say(f"written: {target}", values)
