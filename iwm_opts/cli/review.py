"""`iwm-opts review`: a trade log by the month, and what it says of the trader and of the edge."""

from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, OutputParam, group, option, output_options
from iwm_opts.cli.plan_data import checklist_options
from iwm_opts.conventions import PICTURE_KINDS, TIMEZONE

FEWEST_EARLIER = 30  # trades of a plan's own backtest that results are held against without --backtest
PAPER = "paper"  # the journal of the record; a file that is called so is ./paper


def _known_zone(_ctx: click.Context, _parameter: click.Parameter, name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is no time zone; write America/Chicago") from None
    return name


review_options = group(
    option("--plan", metavar="FILE", help="The plan that the trades should have followed."),
    option(
        "--backtest",
        metavar="PATH",
        help="Trades of a backtest of that plan (a saved folder, CSV or Parquet): what the results are held against.",
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
        "--write-log",
        type=OutputParam(),
        help="The trades as a log of this tool, CSV or Parquet, for columns a broker does not know.",
    ),
    option("--plot", type=OutputParam(PICTURE_KINDS), help="Equity and the scan for a change: PNG, SVG or PDF."),
    option(
        "--bars",
        metavar="FILE",
        help="Daily bars, for what the plan says of the trades.  [default: the record's]",
    ),
    option(
        "--iv-history",
        metavar="FILE",
        help="Daily closes of an IV series, likewise.  [default: the record's RVX]",
    ),
    checklist_options,
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts review trades.csv --plan condors.toml --backtest results/condors\n"
    "  iwm-opts review paper",
)
@click.argument("log", metavar="LOG|paper")
@review_options
@output_options
def review(**options: Any) -> None:
    """Review a trade log: the months, the rules kept and broken, the fills, and whether the edge is still there.

    LOG is a log of this tool or of a spreadsheet, the trades of a backtest, or an export of Interactive Brokers
    (activity statement, Flex query, transaction history), tastytrade (transactions), thinkorswim (account statement,
    today's trade activity), Schwab (history), Robinhood (activity), Fidelity (Activity & Orders) or Option Omega; CSV,
    Excel, XML or Parquet, also inside .gz and .zip. Legs are grouped into packages, fills in shares into round trips,
    first in first out. `paper` is the paper journal.

    What a broker does not say, the plan says on daily bars: the checklist at each entry, and of share trades the size,
    the risk, the exits and the model's fills.
    """
    from iwm_opts.cli import build
    from iwm_opts.journal.trade_log import write_log
    from iwm_opts.report.records import as_json, rows_as_csv
    from iwm_opts.report.review_record import month_records, review_record

    plan = _plan(options)
    log = _log(options)
    if log.closed.empty and not log.open.empty:
        _emit_open(log, options)
        return
    earlier = None
    if plan is not None:
        log, earlier = _by_plan(log, plan, options)
    if options["recorded_quotes"]:
        log = _with_quotes(log, options)
    if options["write_log"]:
        write_log(log, Path(options["write_log"]))
        build.say(f"written: {options['write_log']}", options)
    found = _review(log, options, earlier)
    if options["format"] == "json":
        build.emit(as_json(review_record(found)), options)
    elif options["format"] == "csv":
        build.emit(rows_as_csv(month_records(found)), options)
    else:
        from iwm_opts.report.review_table import review_table

        build.emit(review_table(found, options["verbose"]), options)
    if options["plot"]:
        from iwm_opts.report.review_picture import review_picture

        build.write_output(Path(options["plot"]), review_picture(found, Path(options["plot"]).suffix))
        build.say(f"written: {options['plot']}", options)


def _emit_open(log: Any, options: dict[str, Any]) -> None:
    """A log without a closed trade: its open trades, and what the file has that was not used."""
    from iwm_opts.cli import build
    from iwm_opts.journal.trade_log import as_csv, write_log
    from iwm_opts.report.records import as_json
    from iwm_opts.report.review_record import log_record
    from iwm_opts.report.review_table import log_table

    if options["write_log"]:
        write_log(log, Path(options["write_log"]))
        build.say(f"written: {options['write_log']}", options)
    if options["format"] == "json":
        build.emit(as_json(log_record(log)), options)
    else:
        build.emit(as_csv(log) if options["format"] == "csv" else log_table(log), options)


def _log(options: dict[str, Any]) -> Any:
    if options["log"] == PAPER:
        from iwm_opts.journal.paper import open_journal
        from iwm_opts.journal.paper_log import for_review

        return for_review(open_journal().trades())
    from iwm_opts.journal.readers import read_log

    return read_log(Path(options["log"]), options["timezone"])


def _plan(options: dict[str, Any]) -> Any:
    from iwm_opts.plans.plan import load_plan

    return load_plan(options["plan"]) if options["plan"] else None


def _by_plan(log: Any, plan: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """The trades of the plan, with what its rules say on the data, and what it would have traded there before them.

    Where there is no data a note says which is needed.
    """
    from dataclasses import replace

    from iwm_opts.cli.plan_data import plan_data_from
    from iwm_opts.errors import InputError
    from iwm_opts.journal.plan_replay import earlier_trades, lacks_rules, replayed
    from iwm_opts.journal.plan_rules import rules_of
    from iwm_opts.journal.review import of_plan

    log = of_plan(log, rules_of(plan))
    if not lacks_rules(log, plan):
        return log, None
    try:
        data = plan_data_from(options | {"source": "record", "symbol": plan.symbol})
    except InputError as error:
        what = "size, risk, exits, fills and checklist" if plan.instrument == "shares" else "the checklist"
        remedy = "give --bars FILE or run iwm-opts fetch"
        note = f"needs data: {what} of trades that do not tell are not judged: {error.rule}; {remedy}"
        return replace(log, notes=(*log.notes, note)), None
    has_made_prices = log.is_simulated and not log.is_modelled
    if bool(data.label) != has_made_prices:
        kinds = ("are SIMULATED", "are not") if data.label else ("are real", "are SIMULATED")
        if options["bars"] or data.label:
            rule = f"{kinds[0]}, and the trades {kinds[1]}"
            raise InputError("bars", options["bars"], rule, "name the bars of the market that was traded")
        note = "needs data: the trades are SIMULATED, and not judged by the plan on the record's real bars"
        return replace(log, notes=(*log.notes, note)), None
    log = replayed(log, plan, data.inputs, options["account"])
    if plan.instrument != "shares" or plan.momentum or log.trades.empty:
        return log, None
    first = log.trades["entry"].min().date()
    try:
        earlier = earlier_trades(plan, data.inputs, first)
    except InputError as error:
        note = f"needs data: no backtest of the plan to hold the results against: {error.rule}; {error.remedy}"
        return replace(log, notes=(*log.notes, note)), None
    label = f"{len(earlier)} trades of the plan's backtest on the bars before {first}"
    return log, (earlier, label) if len(earlier) >= FEWEST_EARLIER else None


def _with_quotes(log: Any, options: dict[str, Any]) -> Any:
    from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel
    from iwm_opts.io.archive import open_record
    from iwm_opts.journal.quotes import with_recorded_quotes

    plan = _plan(options)
    fill = FillModel.parse(plan.costs.fill) if plan else DEFAULT_MODEL
    return with_recorded_quotes(log, open_record(), fill)


def _review(log: Any, options: dict[str, Any], earlier: Any = None) -> Any:
    from iwm_opts.journal.plan_rules import rules_of
    from iwm_opts.journal.readers import read_log
    from iwm_opts.journal.review import review as review_log

    plan = _plan(options)
    rules = rules_of(plan) if plan else None
    baseline, name = earlier or (None, "")
    if options["backtest"]:
        run = read_log(Path(options["backtest"]))
        baseline, name = run.closed, run.source + (f" ({run.label})" if run.label else "")
    return review_log(log, rules, baseline, name, options["account"])
