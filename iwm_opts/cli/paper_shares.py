"""What `iwm-opts paper` does with share plans: where prices come from, and what is opened, marked and left at them."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from iwm_opts.cli.requests import chain_request
from iwm_opts.cli.values import Values

if TYPE_CHECKING:
    import pandas as pd

    from iwm_opts.journal.paper_shares import Quote
    from iwm_opts.journal.paper_trade import Mark, PaperTrade

OF_PACKAGES = (
    *("instrument", "pick", "credit", "profit", "stop", "exit_dte", "time_stop", "ivr_below", "short_delta"),
    *("put_delta", "call_delta", "width", "put_width", "call_width", "wing_delta", "dte", "min_credit"),
    *("min_credit_width", "min_open_interest", "sort", "top", "plot", "fill", "fees", "open_risk", "buying_power"),
    *("max_contracts", "liquidity_share", "kelly", "variance_ratio"),
)


@dataclass(slots=True)
class Prices:
    """Where trades find their prices: bars that are named, else one snapshot of the market, taken when it is needed."""

    options: dict[str, Any]
    _snapshot: Any = None

    @property
    def on_bars(self) -> bool:
        """Whether shares trade on --bars: where they are named and no --source is."""
        return bool(self.options["bars"]) and not _is_typed("source")

    def snapshot(self) -> Any:
        """The market, read once."""
        if self._snapshot is None:
            from iwm_opts.api.chain import open_chain

            self._snapshot = open_chain(chain_request(Values(self.options))).snapshot
        return self._snapshot

    def bars(self) -> "pd.DataFrame":
        """The bars that are named."""
        from iwm_opts.io.bars import load_bars

        return load_bars(self.options["bars"])

    def minutes(self) -> "pd.DataFrame":
        """The minutes that are named.

        Raises
        ------
        InputError
            When none are.
        """
        from iwm_opts.errors import InputError
        from iwm_opts.io.minutes import load_minutes

        if not self.options["minutes"]:
            raise InputError("minutes", None, "an intraday trade needs intraday data", "name them: --minutes FILE")
        return load_minutes(self.options["minutes"]).bars

    @property
    def market(self) -> str:
        """Name of the bars as the journal keeps it."""
        from iwm_opts.journal.trade_log import SIMULATED

        label = f"{SIMULATED} market, " if self.is_simulated else ""
        return f"{label}bars of {Path(self.options['bars']).name}"

    @property
    def is_simulated(self) -> bool:
        """Whether the named bars were simulated."""
        from iwm_opts.io.provenance import origin_of

        return origin_of(Path(self.options["bars"])).simulated


def open_shares(plan: Any, options: dict[str, Any]) -> "tuple[PaperTrade, bool] | str":
    """Open what a share plan calls for: the trade and whether it is new; or why there is none."""
    from iwm_opts.api.plan_data import open_plan_data
    from iwm_opts.cli.plan_data import plan_data_request
    from iwm_opts.journal.paper import open_journal
    from iwm_opts.journal.paper_shares import opened_shares
    from iwm_opts.plans.decision import decide
    from iwm_opts.plans.plan_backtest import share_rules

    _refuse_packages(options)
    prices = Prices(options)
    quote = _quote(plan, prices, options)
    if isinstance(quote, str):
        return quote
    day = quote.at.date()
    source = "sim" if options["source"] == "sim" else "record"
    intraday = plan.horizon == "intraday"
    asked = options | {"source": source, "symbol": plan.symbol, "intraday": intraday}
    inputs = open_plan_data(plan_data_request(Values(asked)), day).inputs
    decision = decide(plan, inputs, day)
    decision = replace(decision, checklist=decision.checklist.answered(own_answers(options)))
    if not decision.take and not options["anyway"]:
        return f"the plan says skip ({'; '.join(decision.reasons)}); --anyway opens all the same"
    answers: dict[str, str] = {one.name: one.state for one in decision.checklist.answers}
    journal, rules = open_journal(), share_rules(_with_typed(plan, options))
    trade = opened_shares(
        plan, rules, inputs.bars, quote, journal.trades(), answers, options["contracts"], options["price"]
    )
    return trade if isinstance(trade, str) else journal.add(trade)


def own_answers(options: dict[str, Any]) -> Any:
    """What --answer says, by criterion."""
    from iwm_opts.errors import DataError
    from iwm_opts.journal.trade_log import UNTOLD, answers_of

    answers = answers_of("; ".join(options["answer"]))
    if UNTOLD in answers.values():  # of logs alone, where nobody was asked
        raise DataError("checklist", f"{UNTOLD!r} is not an answer", "write criterion=met, unmet or unknown")
    return answers


def marks_of(trade: "PaperTrade", prices: Prices) -> "list[Mark]":
    """Marks of a share trade up to --as-of: every session of it on bars, one at a quote."""
    from iwm_opts.journal.paper_marks import refuse_other_market
    from iwm_opts.journal.paper_shares import marked_at, marked_on_bars, marked_on_minutes

    if not prices.on_bars:
        chain = prices.snapshot().chain
        refuse_other_market(trade, chain.simulated, chain.source)
        return [marked_at(trade, _of_chain(chain))]
    refuse_other_market(trade, prices.is_simulated, prices.market)
    if trade.shares is not None and trade.shares.exit_minute is not None:
        return marked_on_minutes(trade, prices.minutes())
    return marked_on_bars(trade, prices.bars(), prices.options["as_of"])


def _quote(plan: Any, prices: Prices, options: dict[str, Any]) -> "Quote | str":
    """Price of the entry; a sentence where the market only stands in."""
    from iwm_opts.journal.paper_shares import minute_quote, open_quote
    from iwm_opts.plans.edges import Momentum

    if not prices.on_bars:
        snapshot = prices.snapshot()
        if snapshot.chain.simulated and options["source"] == "auto":
            return f"{snapshot.warnings[0]}; --source sim opens on the simulated market, --bars FILE on daily bars"
        outside = outside_minutes(plan, snapshot.chain)
        return f"{outside}; --bars FILE --minutes FILE opens on minutes" if outside else _of_chain(snapshot.chain)
    if isinstance(plan.rule, Momentum):
        minutes = prices.minutes()
        return minute_quote(minutes, plan.rule, options["as_of"] or minutes.index[-1].date(), prices.market)
    bars = prices.bars()
    day: date = options["as_of"] or bars.index[-1].date()
    return open_quote(bars, day, prices.market)


def outside_minutes(plan: Any, chain: Any) -> str:
    """Why an intraday plan does not enter at a chain's time; empty where it does, or is none."""
    from iwm_opts.plans.edges import Momentum

    if plan is None or not isinstance(plan.rule, Momentum):
        return ""
    quote, edge = _of_chain(chain), plan.rule
    if edge.enter_minute <= quote.minute < edge.exit_minute:
        return ""
    window = f"minutes {edge.enter_minute} to {edge.exit_minute} of the session"
    return f"the quote of {quote.at:%H:%M} is not within {window}"


def _of_chain(chain: Any) -> "Quote":
    from iwm_opts.journal.paper_shares import Quote
    from iwm_opts.journal.trade_log import SIMULATED
    from iwm_opts.market.calendar import NEW_YORK

    market = (f"{SIMULATED} market, " if chain.simulated else "") + chain.source
    return Quote(chain.moment.astimezone(NEW_YORK).replace(tzinfo=None), chain.spot, market)


def _with_typed(plan: Any, options: dict[str, Any]) -> Any:
    """The plan with the account that was typed."""
    typed = {"account": "value", "risk": "risk", "max_open_risk": "max_open_risk"}
    changed = {field: options[name] for name, field in typed.items() if _is_typed(name)}
    return plan.model_copy(update={"account": plan.account.model_copy(update=changed)})


def _refuse_packages(options: dict[str, Any]) -> None:
    for name in OF_PACKAGES:
        if name in options and _is_typed(name):
            raise click.UsageError(f"--{name.replace('_', '-')} is of options; the plan trades shares")


def _is_typed(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
