"""`iwm-opts paper`: a plan's trades on paper, at real quotes and model fills; its shares are in `paper_shares`."""

from typing import Any

import click

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.options import Number, group, market_options, option, output_options, screen_options
from iwm_opts.cli.output import emit
from iwm_opts.cli.plan_data import checklist_options

INSTRUMENTS = ("condor", "bull-put", "bear-call", "bull-call", "bear-put", "long-call", "long-put")

open_options = group(
    option(
        "--plan", metavar="FILE", help="Plan whose package, costs, account, gate and exits hold where none is typed."
    ),
    option(
        "--instrument",
        type=click.Choice(INSTRUMENTS),
        help="[default: the plan's, else condor]",
    ),
    option("--pick", type=click.IntRange(min=1), default=1, help="Candidate to open, as the screen ranks them."),
    option("--contracts", type=click.IntRange(min=1), help="Own size, or shares.  [default: what the account bears]"),
    option("--credit", type=Number(), help="Own fill, dollars a share, a debit negative.  [default: the model's]"),
    option("--price", type=Number(min=0, min_open=True), help="Own fill of shares.  [default: the model's]"),
    option("--answer", multiple=True, metavar="CRITERION=met|unmet|unknown", help="Checklist at entry; may repeat."),
    option("--profit", type=Number(min=0), default=0.5, help="Leave at this share of the credit."),
    option("--stop", type=Number(min=0), default=2.0, help="Leave at a loss of so many credits; 0: never."),
    option("--exit-dte", type=click.IntRange(min=0), default=21, help="Leave with so many days left; 0: never."),
    option("--time-stop", type=click.IntRange(min=0), default=0, help="Leave after so many sessions; 0: never."),
    option("--anyway", is_flag=True, show_default=False, help="Open though the gate is closed or the plan says skip."),
)
minutes_option = option("--minutes", metavar="FILE", help="One-minute bars, for intraday trades in shares on --bars.")


@click.group(
    epilog="\b\nExample:\n  iwm-opts paper open --plan condors.toml\n  iwm-opts paper mark\n"
    "  iwm-opts paper close 1\n  iwm-opts review paper --plan condors.toml"
)
@click.pass_context
def paper(context: click.Context) -> None:
    """Trade a plan on paper: real quotes, model fills, marks by the day; `review paper` reads it.

    The journal lies in the local record (the user's data folder, or where IWM_OPTS_DATA says); writes are whole and
    locked, and marking a day twice changes nothing.
    """
    # What the configuration says of paper holds for each of its commands.
    context.default_map = {name: context.default_map or {} for name in ("open", "mark", "close", "list")}


@paper.command(
    "open", cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper open --plan condors.toml --answer trend=met"
)
@open_options
@condor_options
@screen_options
@checklist_options
def open_(**options: Any) -> None:
    """Open the best candidate of a screen, or the one that --pick says.

    The same plan and legs on the same day are opened once. A closed gate opens nothing, and says so; nor does a plan
    that says skip. Its checklist is judged and kept by --bars, or the record's daily bars, and what else is named:
    what they cannot tell is unknown. What --answer says goes over that.

    A plan in shares is opened at the price that the chain tells of its underlying; with --bars and no --source at the
    open of the session --as-of, and by --minutes where it trades within the session.
    """
    from iwm_opts.cli.paper_options import open_options

    plan = _plan(options)
    if plan is not None and plan.instrument == "shares":
        _open_shares(plan, options)
        return
    _refuse_price(options, "open")
    found = open_options(plan, options)
    if isinstance(found, str):
        emit(f"not opened: {found}\n", options)
        return
    _show([found[0]], options, "opened" if found[1] else "open already, nothing changed")


@paper.command(cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper mark --source cboe")
@market_options
@minutes_option
@output_options
def mark(**options: Any) -> None:
    """Mark the open trades of --symbol: what leaving would cost now, and which rule calls for it.

    With --bars and no --source, trades in shares are marked on every session of the bars, to the one that ended them;
    options are left alone then.
    """
    from iwm_opts.cli.paper_shares import Prices
    from iwm_opts.errors import InputError
    from iwm_opts.journal.paper import find, open_journal

    journal = open_journal()
    held = [one for one in journal.trades() if one.is_open and one.symbol == options["symbol"]]
    if not held:
        emit(f"no open trade of {options['symbol']} to mark\n", options)
        return
    prices = Prices(options)
    chosen = [one for one in held if one.shares is not None or not prices.on_bars]
    failed = [f"trade {one.number} is in options: give --source" for one in held if one not in chosen]
    for one in chosen:
        try:
            for each in _marks(one, prices):
                journal.mark(one.number, each)
        except InputError as error:
            failed.append(str(error))
    after = journal.trades()
    _show([find(after, one.number) for one in held], options, f"marked on {_marked_on(prices)}")
    for line in failed:
        click.echo(f"not marked: {line}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


@paper.command(
    cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper close 3\n  iwm-opts paper close 3 --debit 0.62"
)
@click.argument("number", type=int)
@option("--debit", type=Number(), help="Own fill, dollars a share.  [default: the model's]")
@option("--price", type=Number(min=0, min_open=True), help="Own fill of shares.  [default: the model's]")
@option("--reason", help="[default: the rule that calls for it, else closed]")
@option(
    "--settle", type=Number(min=0, min_open=True), help="Price of the underlying at expiration: ends the trade there."
)
@market_options
@minutes_option
@output_options
def close(**options: Any) -> None:
    """Leave a trade at the market's quotes, at an own fill, or at its expiration with --settle.

    With --bars and no --source, shares are left where their rules left them on the bars, else at the last close.
    """
    from iwm_opts.cli.paper_shares import Prices
    from iwm_opts.journal.paper import find, open_journal
    from iwm_opts.journal.paper_marks import closing_of, settled

    journal = open_journal()
    trade = find(journal.trades(), options["number"])
    if trade.shares is None:
        _refuse_price(options, "close")
    elif options["debit"] is not None:
        raise click.UsageError("--debit is of options; give --price of shares")
    if options["settle"] is not None:
        last, closing = settled(trade, options["settle"])
        marks = [last]
    else:
        marks = _marks(trade, Prices(options | {"symbol": trade.symbol}))
        debit = options["debit"] if options["price"] is None else -options["price"]
        closing = closing_of(trade, marks[-1], debit, options["reason"])
    for last in marks:
        journal.mark(trade.number, last)
    _show([journal.close(trade.number, closing)], options, "closed")


@paper.command(
    "list", epilog="\b\nExample:\n  iwm-opts paper list\n  iwm-opts paper list --all --format csv --output trades.csv"
)
@option("--all", "every", is_flag=True, show_default=False, help="Closed trades too.")
@output_options
def list_(**options: Any) -> None:
    """The journal: open trades, their last marks, and what calls for an exit. CSV is the log that review reads."""
    from iwm_opts.journal.paper import open_journal
    from iwm_opts.journal.paper_log import log_of_paper
    from iwm_opts.journal.trade_log import as_csv

    trades = [one for one in open_journal().trades() if options["every"] or one.is_open]
    if not trades:
        emit("no trade on paper: open one with iwm-opts paper open\n", options)
    elif options["format"] == "csv":
        emit(as_csv(log_of_paper(trades)), options)
    else:
        from datetime import datetime

        from iwm_opts.market.calendar import NEW_YORK

        _show(trades, options, "", datetime.now(NEW_YORK).replace(tzinfo=None))


def _show(trades: list[Any], options: dict[str, Any], what: str, now: Any = None) -> None:
    from iwm_opts.journal.paper_log import log_of_paper
    from iwm_opts.journal.trade_log import as_csv
    from iwm_opts.report.paper_table import paper_records, paper_table
    from iwm_opts.report.records import as_json

    if options["format"] == "json":
        emit(as_json({"outcome": what or None, "trades": paper_records(trades)}), options)
    elif options["format"] == "csv":
        emit(as_csv(log_of_paper(trades)), options)
    else:
        emit(paper_table(trades, what, now=now), options)


def _open_shares(plan: Any, options: dict[str, Any]) -> None:
    from iwm_opts.cli.paper_shares import open_shares

    found = open_shares(plan, options)
    if isinstance(found, str):
        emit(f"not opened: {found}\n", options)
    else:
        _show([found[0]], options, "opened" if found[1] else "open already, nothing changed")


def _marks(trade: Any, prices: Any) -> list[Any]:
    """Marks of a trade: one at the market's quotes, or one a session on bars."""
    from iwm_opts.cli.paper_shares import marks_of
    from iwm_opts.journal.paper_marks import marked

    return [marked(trade, prices.snapshot())] if trade.shares is None else marks_of(trade, prices)


def _marked_on(prices: Any) -> str:
    return str(prices.market if prices.on_bars else prices.snapshot().chain.as_of)


def _refuse_price(options: dict[str, Any], what: str) -> None:
    if options["price"] is not None:
        other = "--credit" if what == "open" else "--debit"
        raise click.UsageError(f"--price is of shares; give {other} of options")


def _plan(options: dict[str, Any]) -> Any:
    if not options["plan"]:
        return None
    from iwm_opts.plans.plan import load_plan

    return load_plan(options["plan"])
