"""`iwm-opts paper`: a plan's trades on paper, at real quotes and model fills."""

from typing import Final, cast

import click

from iwm_opts import api
from iwm_opts.cli.command import SKIP, HeadedCommand, NumericalCommand
from iwm_opts.cli.condor import condor_options
from iwm_opts.cli.options import (
    INSTRUMENT,
    Count,
    Number,
    group,
    market_options,
    measure_options,
    option,
    output_options,
    screen_options,
)
from iwm_opts.cli.output import emit, say, write_result
from iwm_opts.cli.plan_data import checklist_options, plan_data_request
from iwm_opts.cli.requests import chain_request, plan_of, screen_request, strategy_of, with_delta, with_plan
from iwm_opts.cli.values import Values, build, takes_values, with_options
from iwm_opts.errors import DataError

open_options = group(
    INSTRUMENT,
    option("--pick", type=Count(min=1), default=1, help="Candidate to open, as the screen ranks them."),
    option("--contracts", type=Count(min=1), help="Own size, or shares.  [default: the account's limit]"),
    option("--credit", type=Number(), help="Own fill, dollars a share, a debit negative.  [default: the model's]"),
    option("--price", type=Number(min=0, min_open=True), help="Own fill of shares.  [default: the model's]"),
    option("--answer", multiple=True, metavar="CRITERION=met|unmet|unknown", help="Checklist at entry; may repeat."),
    option("--time-stop", type=Count(min=0), default=0, help="Leave after so many sessions; 0: never."),
    option("--anyway", is_flag=True, show_default=False, help="Open though the gate is closed or the plan says skip."),
)
OF_PACKAGES: Final = (
    *("instrument", "pick", "credit", "profit", "stop", "exit_dte", "time_stop", "ivr_below", "short_delta"),
    *("put_delta", "call_delta", "width", "put_width", "call_width", "wing_delta", "dte", "min_credit"),
    *("min_credit_width", "min_open_interest", "sort", "top", "plot", "fill", "fees", "open_risk", "buying_power"),
    *("max_contracts", "liquidity_share", "kelly", "variance_ratio"),
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
    # The configuration of paper holds for each of its commands.
    context.default_map = {name: context.default_map or {} for name in ("open", "mark", "close", "roll", "list")}


@paper.command(
    "open", cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper open --plan condors.toml --answer trend=met"
)
@open_options
@condor_options
@screen_options
@checklist_options
@takes_values
def open_(values: Values) -> None:
    """Open the best candidate of a screen, or the one of --pick.

    The same plan and legs on the same day are opened once. A closed gate opens nothing, and says so; nor does a plan
    that says skip: the exit code is then 3. Its checklist is judged and kept by --bars, or the record's daily bars, and
    what else is named: criteria without data are unknown. --answer overrides both.

    A plan in shares is opened at the chain's price of its underlying; with --bars and no --source at the
    open of the session --as-of, and by --minutes where it trades within the session.
    """
    plan, source = plan_of(values), "sim" if values.texts("source") == ("sim",) else "record"
    of_plan = {"symbol": plan.symbol, "intraday": plan.horizon == "intraday"} if plan else {}
    data = plan_data_request(values, source=source, **of_plan)  # the simulated market for its chains
    answers = api.answers_of("; ".join(values.texts("answer")))
    if api.UNTOLD in answers.values():  # a state of logs alone
        raise DataError("checklist", f"{api.UNTOLD!r} is not an answer", "write criterion=met, unmet or unknown")
    given = {"data": data, "answers": {name: cast("api.State", state) for name, state in answers.items()}}
    if plan is not None and plan.instrument == "shares":
        values.check_not_typed(OF_PACKAGES, "is of options; the plan trades shares")
        typed = {"account": "value", "risk": "risk", "max_open_risk": "max_open_risk"}
        changed = {name: values[option] for option, name in typed.items() if option in values.typed}
        with_account = plan.model_copy(update={"account": plan.account.model_copy(update=changed)})
        shares = build(api.PaperSharesRequest, values, plan=with_account, prices=prices(values), **given)
        _do(api.answer_paper_shares(shares), values)
        return
    if values["price"] is not None:
        raise click.UsageError("--price is of shares; give --credit of options")
    values = with_plan(plan, values) if plan is not None else with_delta(values)
    screen = screen_request(values, strategy_of(values))
    by_rule = values["instrument"] == "by-rule"
    request = build(api.PaperOpenRequest, values, screen=screen, plan=plan, by_rule=by_rule, **given)
    _do(api.answer_paper_open(request), values)


@paper.command(cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper mark --source cboe")
@market_options
@minutes_option
@output_options
@takes_values
def mark(values: Values) -> None:
    """Mark the open trades of --symbol: what leaving would cost now, and which rule calls for it.

    With --bars and no --source, trades in shares are marked on every session of the bars, to the one that ended them;
    options are left alone then. Stale quotes mark nothing, and the exit code is 3.
    """
    result = api.answer_paper_mark(build(api.PaperMarkRequest, values, prices=prices(values)))
    _do(result, values)
    for line in result.failures:
        click.echo(with_options(f"not marked: {line}", values.command), err=True)
    if result.failures:
        raise click.exceptions.Exit(1)


@paper.command(
    cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts paper close 3\n  iwm-opts paper close 3 --debit 0.62"
)
@click.argument("number", type=Count(min=1))
@option("--debit", type=Number(), help="Own fill, dollars a share, money received negative.  [default: the model's]")
@option("--price", type=Number(min=0, min_open=True), help="Own fill of shares.  [default: the model's]")
@option("--reason", help="[default: the rule that calls for it, else closed]")
@option(
    "--settle", type=Number(min=0, min_open=True), help="Price of the underlying at expiration: ends the trade there."
)
@market_options
@minutes_option
@output_options
@takes_values
def close(values: Values) -> None:
    """Leave a trade at the market's quotes, at an own fill, or at its expiration with --settle.

    With --bars and no --source, shares are left where their rules left them on the bars, else at the last close. Stale
    quotes close nothing, and the exit code is 3.
    """
    _do(api.answer_paper_close(build(api.PaperCloseRequest, values, prices=prices(values))), values)


@paper.command(
    cls=NumericalCommand, epilog="\b\nExample:\n  iwm-opts manage --source cboe\n  iwm-opts paper roll 3 --pick 2"
)
@click.argument("number", type=Count(min=1))
@option("--pick", type=Count(min=1), default=1, help="Roll to take, as `manage` numbers them.")
@market_options
@measure_options
@output_options
@takes_values
def roll(values: Values) -> None:
    """Close a trade and open another package in its place: later, away in strike, or both, at the model's fills.

    The new trade keeps plan, size and exits. Stale quotes roll nothing, unless --as-of names their day; the exit code
    is then 3.
    """
    _do(api.answer_paper_roll(build(api.PaperRollRequest, values, chain=chain_request(values))), values)


@paper.command(
    "list",
    cls=HeadedCommand,
    epilog="\b\nExample:\n  iwm-opts paper list\n  iwm-opts paper list --all --format csv --output trades.csv",
)
@option("--all", "every", is_flag=True, show_default=False, help="Closed trades too.")
@output_options
@takes_values
def list_(values: Values) -> None:
    """Journal: open trades, their last marks, and what calls for an exit. CSV is the log that review reads."""
    _show(api.paper_trades(closed=values.flag("every")), values)


def prices(values: Values) -> "api.PaperPrices":
    """Where trades find prices: shares on --bars where no --source is typed."""
    bars = None if "source" in values.typed else values["bars"]
    return build(api.PaperPrices, values, chain=chain_request(values), bars=bars)


def _do(result: "api.PaperResult", values: Values) -> None:
    """Write the outcome; exit 3 where nothing was done, for scripts."""
    _show(result, values)
    if result.refusal:
        raise click.exceptions.Exit(SKIP)


def _show(result: "api.PaperResult", values: Values) -> None:
    """Write trades in the format asked for; a refusal as a sentence, in JSON as its field."""
    for message in result.messages:
        say(message, values)
    path = values.path("output")
    is_json = values["format"] == "json" or (path is not None and path.suffix == ".json")
    if result.refusal and not is_json:
        emit(with_options(f"{result.refusal}\n", values.command), values.replaced(output=None))
    else:
        write_result(result, values)
