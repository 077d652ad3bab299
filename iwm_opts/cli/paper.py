"""`iwm-opts paper`: a plan's trades on paper, at real quotes and model fills; its shares are in `paper_shares`."""

from typing import Any

import click
from click.core import ParameterSource

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.options import Number, group, market_options, option, output_options, screen_options
from iwm_opts.cli.plan_data import fund_options

INSTRUMENTS = ("condor", "bull-put", "bear-call", "bull-call", "bear-put", "long-call", "long-put")
BY_RULE = ("bull-put", "bull-call")  # a plan's vertical by the IV rank: sold at its credit rank or above, else bought

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
@fund_options
def open_(**options: Any) -> None:
    """Open the best candidate of a screen, or the one that --pick says.

    The same plan and legs on the same day are opened once. A closed gate opens nothing, and says so; nor does a plan
    that says skip, where daily bars are there to judge its checklist by. What --answer says goes over that.

    A plan in shares is opened at the price that the chain tells of its underlying; with --bars and no --source at the
    open of the session --as-of, and by --minutes where it trades within the session.
    """
    from iwm_opts.cli import build
    from iwm_opts.cli.screening import screening
    from iwm_opts.journal.paper import open_journal

    plan = _plan(options)
    if plan is not None and plan.instrument == "shares":
        _open_shares(plan, options)
        return
    _refuse_price(options, "open")
    options = options | _of_plan(plan, options)
    result = screening(options, _packages(options))
    kept = _kept(result, plan, options)
    decision = _decision(plan, result, options)
    why = _why_not(result, kept, decision, options)
    if why:
        build.emit(f"not opened: {why}\n", options)
        return
    trade, is_new = open_journal().add(_trade(kept[options["pick"] - 1], result, plan, decision, options))
    _show([trade], options, "opened" if is_new else "open already, nothing changed")


@paper.command(cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper mark --source cboe")
@market_options
@minutes_option
@output_options
def mark(**options: Any) -> None:
    """Mark the open trades of --symbol: what leaving would cost now, and which rule calls for it.

    With --bars and no --source, trades in shares are marked on every session of the bars, to the one that ended them;
    options are left alone then.
    """
    from iwm_opts.cli import build
    from iwm_opts.cli.paper_shares import Prices
    from iwm_opts.errors import InputError
    from iwm_opts.journal.paper import find, open_journal

    journal = open_journal()
    held = [one for one in journal.trades() if one.is_open and one.symbol == options["symbol"]]
    if not held:
        build.emit(f"no open trade of {options['symbol']} to mark\n", options)
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
    from iwm_opts.cli import build
    from iwm_opts.journal.paper import log_of_paper, open_journal
    from iwm_opts.journal.trade_log import as_csv

    trades = [one for one in open_journal().trades() if options["every"] or one.is_open]
    if not trades:
        build.emit("no trade on paper: open one with iwm-opts paper open\n", options)
    elif options["format"] == "csv":
        build.emit(as_csv(log_of_paper(trades)), options)
    else:
        _show(trades, options, "")


def _show(trades: list[Any], options: dict[str, Any], what: str) -> None:
    from iwm_opts.cli import build
    from iwm_opts.journal.paper import log_of_paper
    from iwm_opts.journal.trade_log import as_csv
    from iwm_opts.report.paper_table import paper_records, paper_table
    from iwm_opts.report.records import as_json

    if options["format"] == "json":
        build.emit(as_json({"outcome": what or None, "trades": paper_records(trades)}), options)
    elif options["format"] == "csv":
        build.emit(as_csv(log_of_paper(trades)), options)
    else:
        build.emit(paper_table(trades, what), options)


def _open_shares(plan: Any, options: dict[str, Any]) -> None:
    from iwm_opts.cli import build
    from iwm_opts.cli.paper_shares import open_shares

    found = open_shares(plan, options)
    if isinstance(found, str):
        build.emit(f"not opened: {found}\n", options)
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
    from iwm_opts.strategy.plan import load_plan

    return load_plan(options["plan"])


def _of_plan(plan: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the plan says of options that were not typed."""
    if plan is None:
        return {"instrument": options["instrument"] or "condor", **_debit_delta(options)}
    package, account, gate = plan.package, plan.account, plan.vol_contraction
    said: dict[str, Any] = {
        "symbol": plan.symbol,
        "dte": (max(package.dte - package.dte_slack, 1), package.dte + package.dte_slack),
        "short_delta": (package.delta, package.delta),
        "width": (package.width,),
        "account": account.value,
        "risk": account.risk,
        "max_open_risk": account.max_open_risk,
        "fill": plan.costs.fill,
        "fees": plan.costs.fees,
        "ivr_below": gate.below if gate else None,
        "ivr_lookback": gate.lookback if gate else options["ivr_lookback"],
        "profit": package.profit,
        "stop": package.stop,
        "exit_dte": package.exit_dte,
        "time_stop": package.max_sessions,
        "instrument": _instrument(plan),
    }
    context = click.get_current_context()
    chosen = {
        name: value
        for name, value in said.items()
        if context.get_parameter_source(name) in (None, ParameterSource.DEFAULT)
    }
    # Of both kinds all are kept until the rank says which is traded.
    return chosen | ({"top": 10_000} if chosen.get("instrument") == "by-rule" else {})


def _instrument(plan: Any) -> str:
    """What a plan trades, in the words of --instrument; `by-rule` where the rank decides."""
    if plan.instrument == "condor":
        return "condor"
    if plan.instrument == "options":
        return "long-call"
    kind: str = plan.package.kind
    return "bull-put" if kind == "by-rule" and plan.edge == "vol-contraction" else kind


def _debit_delta(options: dict[str, Any]) -> dict[str, Any]:
    """What is bought stands nearer to the money than what is sold, unless a delta is typed."""
    from iwm_opts.conventions import DEBIT_DELTA, SINGLE_DELTA

    typed = click.get_current_context().get_parameter_source("short_delta") is not ParameterSource.DEFAULT
    delta = {"bull-call": DEBIT_DELTA, "bear-put": DEBIT_DELTA, "long-call": SINGLE_DELTA, "long-put": SINGLE_DELTA}
    wanted = delta.get(options["instrument"] or "")
    return {} if typed or wanted is None else {"short_delta": wanted}


def _packages(options: dict[str, Any]) -> Any:
    """What the screen builds: condors or one kind of vertical."""
    from iwm_opts.cli.condor import condor_packages
    from iwm_opts.cli.options import widths
    from iwm_opts.spreads.legs import DeltaRange, Wing
    from iwm_opts.spreads.single import long_options
    from iwm_opts.spreads.vertical import verticals

    instrument = options["instrument"]
    if instrument == "condor":
        return condor_packages(options)
    if instrument.startswith("long-"):
        right: Any = "C" if instrument == "long-call" else "P"
        return lambda table: [long_options(table, right, DeltaRange(*options["short_delta"]))]
    kinds: tuple[Any, ...] = BY_RULE if instrument == "by-rule" else (instrument,)
    wings = [Wing(delta=options["wing_delta"]) if width is None else Wing(width=width) for width in widths(options)]
    delta = DeltaRange(*options["short_delta"])
    return lambda table: [verticals(table, kind, delta, wings) for kind in kinds]


def _kept(result: Any, plan: Any, options: dict[str, Any]) -> list[Any]:
    """Candidates of the kind that is traded; an unknown rank buys, as in a backtest of the plan."""
    kept = list(result.screened.kept)
    if options["instrument"] != "by-rule":
        return kept
    is_rich = result.rank is not None and result.rank.rank >= plan.package.credit_rank
    return [one for one in kept if one.candidate.strategy == BY_RULE[0 if is_rich else 1]]


def _decision(plan: Any, result: Any, options: dict[str, Any]) -> Any:
    """Take or skip, by the plan and daily bars; None without a plan, or without bars, which is said."""
    if plan is None:
        return None
    from iwm_opts.cli import build
    from iwm_opts.cli.plan_data import plan_data_from
    from iwm_opts.errors import InputError
    from iwm_opts.strategy.decision import decide

    day = result.snapshot.chain.as_of
    source = "sim" if options["source"] == "sim" else "record"
    try:
        data = plan_data_from(options | {"source": source, "sectors": None}, day)
        return decide(plan, data.inputs, day)
    except InputError as error:
        build.say(f"checklist not judged: {error}", options)
        return None


def _why_not(result: Any, kept: list[Any], decision: Any, options: dict[str, Any]) -> str:
    """Why nothing is opened; empty when something is."""
    if result.snapshot.chain.simulated and options["source"] == "auto":
        return f"{result.snapshot.warnings[0]}; --source sim opens on the simulated market"
    if not result.gate.is_open and not options["anyway"]:
        return f"the gate is closed ({'; '.join(result.gate.reasons)}); --anyway opens all the same"
    if decision is not None and not decision.take and not options["anyway"]:
        return f"the plan says skip ({'; '.join(decision.reasons)}); --anyway opens all the same"
    if len(kept) < options["pick"]:
        rejected = ", ".join(f"{count} {rule}" for rule, count in result.screened.rejected.items())
        return f"the screen kept {len(kept)} candidates of {result.screened.considered} ({rejected})"
    return ""


def _trade(sized: Any, result: Any, plan: Any, decision: Any, options: dict[str, Any]) -> Any:
    from iwm_opts.journal.paper import Exits
    from iwm_opts.journal.paper_marks import opened
    from iwm_opts.journal.trade_log import answers_of

    answers = answers_of("; ".join(options["answer"]))
    judged = {one.name: one.state for one in decision.checklist.answers} if decision is not None else {}
    criteria = plan.checklist.criteria if plan else ()
    exits = Exits(
        options["profit"] or None, options["stop"] or None, options["exit_dte"] or None, options["time_stop"] or None
    )
    return opened(
        sized,
        result.snapshot,
        plan=plan.name if plan else "",
        fees=options["fees"],
        exits=exits,
        checklist={**dict.fromkeys(criteria, "unknown"), **judged, **answers},
        rank=result.rank.rank if result.rank is not None else None,
        contracts=options["contracts"],
        credit=options["credit"],
    )
