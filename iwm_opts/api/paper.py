"""Trades of a plan on paper: open at real quotes and model fills, mark by the day, close, list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import pandas as pd

from iwm_opts.api.chain import ChainRequest, OptionChain, open_chain
from iwm_opts.api.forecasts import log_forecast
from iwm_opts.api.plan_data import PlanDataRequest, open_plan_data
from iwm_opts.api.plan_order import plan_places
from iwm_opts.api.result import Result
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.api.screening import answer_screen
from iwm_opts.conventions import FEE_SCHEDULE, REALISED_IMPLIED_VARIANCE, Provenance, counted
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.io.age import staleness
from iwm_opts.io.bars import load_bars
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.series_notes import series_notes
from iwm_opts.journal.forecasts import OPENED, open_forecasts
from iwm_opts.journal.paper import find, log_of_paper, open_journal
from iwm_opts.journal.paper_marks import check_same_market, closing_of, marked, opened, settled
from iwm_opts.journal.paper_shares import (
    Quote,
    marked_at,
    marked_on_bars,
    marked_on_minutes,
    minute_quote,
    open_quote,
    opened_shares,
)
from iwm_opts.journal.paper_trade import Campaign, Exits, Mark, PaperTrade, campaigns_of
from iwm_opts.journal.positions import held_position, rolled_trade, without_stop
from iwm_opts.journal.trade_log import as_csv, market_text
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.chain import Chain
from iwm_opts.market.sector_filter import State
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.plans.checklist import checklist
from iwm_opts.plans.decision import Decision, decide
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import share_rules
from iwm_opts.report.paper_table import paper_records, paper_table
from iwm_opts.report.records import Record
from iwm_opts.report.screening import Screening
from iwm_opts.sources.simulated import redated_note
from iwm_opts.spreads.screen import Sized


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPrices:
    """Where paper trades find prices.

    Parameters
    ----------
    chain : ChainRequest
        Chain of the moment.
    bars, minutes : str, optional
        Daily and one-minute bars that shares trade on, in place of the chain.
    """

    chain: ChainRequest
    bars: str | None = None
    minutes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOpenRequest:
    """Open the first candidate of a screen.

    Parameters
    ----------
    screen : ScreenRequest
    plan : Plan, optional
        Whose checklist and decision are judged and kept.
    by_rule : bool
        Whether the IV rank decides between the two kinds of vertical.
    data : PlanDataRequest
        Data of the plan's decision.
    pick : int
        Candidate, from 1.
    contracts : int, optional
        Own size; that of the screen unless given.
    credit : float, optional
        Own fill, $/share, a debit negative; the model's unless given.
    fees : str
    exits : Exits, optional
        Those of the screen unless given.
    answers : mapping
        Own answers by criterion: met, unmet or unknown.
    anyway : bool
        Open although the gate is closed or the plan decides to skip.
    """

    screen: ScreenRequest
    plan: Plan | None = None
    by_rule: bool = False
    data: PlanDataRequest = field(default_factory=PlanDataRequest)
    pick: int = 1
    contracts: int | None = None
    credit: float | None = None
    fees: str = FEE_SCHEDULE
    exits: Exits | None = None
    answers: Mapping[str, State] = field(default_factory=dict)
    anyway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSharesRequest:
    """Open the shares of a plan; fields as in `PaperOpenRequest`, `price` an own fill ($/share)."""

    plan: Plan
    prices: PaperPrices
    data: PlanDataRequest = field(default_factory=PlanDataRequest)
    contracts: int | None = None
    price: float | None = None
    answers: Mapping[str, State] = field(default_factory=dict)
    anyway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMarkRequest:
    """Mark the open trades of a symbol."""

    symbol: str
    prices: PaperPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCloseRequest:
    """Close a trade.

    Parameters
    ----------
    number : int
        In the journal.
    prices : PaperPrices
    settle : float, optional
        Price of the underlying at expiration: ends the trade there; a day that the chain is asked for is no earlier.
    debit, price : float, optional
        Own fill of options or shares, $/share; the model's unless given.
    reason : str, optional
        The rule that calls for it, else `closed`, unless given.

    Raises
    ------
    ConflictError
        For a fill or a reason beside `settle`.
    """

    number: int
    prices: PaperPrices
    settle: float | None = None
    debit: float | None = None
    price: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        given = {"debit": self.debit, "price": self.price, "reason": self.reason}
        for name, value in given.items() if self.settle is not None else ():
            if value is not None:
                raise ConflictError(name, value, "has no effect at expiration", "leave it or settle out")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRollRequest:
    """Close a package and open another in its place, as `manage` lists rolls.

    Parameters
    ----------
    number : int
        In the journal.
    chain : ChainRequest
    pick : int
        Roll, from 1.
    variance_ratio : float
        Realised over implied variance of the managed expectancy.
    now : datetime
        Aware time that decides whether quotes are stale.
    """

    number: int
    chain: ChainRequest
    pick: int = 1
    variance_ratio: float = REALISED_IMPLIED_VARIANCE
    now: datetime = field(default_factory=lambda: datetime.now(NEW_YORK))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PaperResult(Result):
    """Trades on paper.

    Attributes
    ----------
    trades : tuple of PaperTrade
    outcome : str
        Result of the command.
    refusal : str
        Why nothing was done; empty otherwise.
    messages : tuple of str
        Unknown criteria, missing data.
    failures : tuple of str
        Trades that could not be marked.
    now : datetime, optional
        New York time of a listing.
    campaigns : dict
        By number of a rolled trade: what was rolled into it.
    """

    plotted: ClassVar[tuple[str, ...]] = ("pnl", "number", "legs")

    is_private: ClassVar[bool] = True

    trades: tuple[PaperTrade, ...] = ()
    outcome: str = ""
    refusal: str = ""
    messages: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    now: datetime | None = None
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)

    def rows(self) -> list[Record]:
        """One row a trade; columns as in the JSON of the command."""
        return paper_records(self.trades, self.campaigns)

    def record(self) -> Record:
        return {
            "outcome": self.outcome or None,
            "refusal": self.refusal or None,
            "trades": self.rows(),
            "messages": list(self.messages),
        }

    def to_csv(self) -> str:
        return as_csv(log_of_paper(list(self.trades)))

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        if self.refusal or not self.trades:
            return f"{self.refusal or self.outcome}\n"
        return paper_table(list(self.trades), self.outcome, columns, self.now, self.campaigns)

    def headline(self) -> tuple[str, list[str], str]:
        return self.refusal or f"{counted(len(self.trades), 'trades')} on paper", [self.outcome], ""


class _Prices:
    """Prices of a request: the chain is read once, when it is needed."""

    def __init__(self, request: PaperPrices) -> None:
        self.request, self.on_bars, self.as_of = request, request.bars is not None, request.chain.as_of
        self.bars_path = Path(request.bars or "")  # asked for only where shares trade on bars
        self.notes: tuple[str, ...] = ()  # on the bars that were read

    @cached_property
    def chain(self) -> OptionChain:
        """The chain, with the reason where its quotes are too old to decide on."""
        return open_chain(self.request.chain)

    @property
    def snapshot(self) -> Snapshot:
        return self.chain.snapshot

    @property
    def stale(self) -> str:
        """Why nothing is decided on these prices; empty on fresh ones, on a day asked for, and on bars."""
        return "" if self.on_bars else self.chain.stale

    def of_trades(self, trades: Iterable[PaperTrade]) -> tuple[str, ...]:
        """Return what the marks of trades do not show."""
        return () if self.on_bars else redated_note(self.snapshot.chain, (trade.opened[:10] for trade in trades))

    @property
    def messages(self) -> tuple[str, ...]:
        """What the readers of chain or bars left out or decided."""
        return self.notes if self.on_bars else self.snapshot.chain.warnings

    def bars(self) -> pd.DataFrame:
        """Daily bars."""
        bars = load_bars(self.bars_path, self.request.chain.symbol)
        self.notes = series_notes({"bars": bars})
        return bars

    def minutes(self) -> pd.DataFrame:
        """One-minute bars."""
        if not self.request.minutes:
            raise InputError("minutes", None, "an intraday trade needs intraday data", "name them: `minutes` FILE")
        minutes = load_minutes(self.request.minutes, self.request.chain.symbol)
        self.notes = series_notes({"minutes": minutes})
        return minutes.bars

    @property
    def provenance(self) -> Provenance:
        """Source of the bars."""
        return Provenance.of(simulated=origin_of(self.bars_path).simulated, modelled=False)

    @property
    def market(self) -> str:
        """Name of the bars as the journal keeps it."""
        return market_text(self.provenance, f"bars of {self.bars_path.name}")


def answer_paper_open(request: PaperOpenRequest) -> PaperResult:
    """Open a package; see `PaperOpenRequest`."""
    screen = answer_screen(request.screen)
    screening = screen.screening
    kept = list(screening.screened.kept)
    if request.by_rule and request.plan is not None:
        kept = [kept[place] for place in plan_places(request.plan, screen)]
    answers, decision, messages = _judged(screening, request)
    messages = (*messages, *screening.snapshot.chain.warnings)
    refusal = _refusal(screening, kept, decision, request)
    if refusal:
        return PaperResult(refusal=f"not opened: {refusal}", messages=messages)
    sized, plan, levels = kept[request.pick - 1], request.plan, screening.exits
    is_credit = sized.candidate.fill.price > 0
    minute = plan.momentum.exit_minute if plan is not None and plan.momentum else None
    profit, stop = levels.profit_level(is_credit=is_credit), levels.stop_level(is_credit=is_credit)
    name = plan.name if plan else ""
    trade = opened(
        sized,
        screening.snapshot,
        plan=name,
        fees=request.fees,
        exits=request.exits or Exits(profit, stop, levels.dte, levels.sessions, minute),
        checklist=answers,
        rank=screening.rank.rank if screening.rank is not None else None,
        contracts=request.contracts,
        credit=request.credit,
    )
    log_forecast(screen, sized, origin=OPENED, fees=request.fees, plan=name)
    return _added(trade, tuple(filter(None, (*messages, without_stop(trade)))))


def _added(trade: PaperTrade, messages: tuple[str, ...] = ()) -> PaperResult:
    kept, is_new = open_journal().add(trade)
    return _shown((kept,), "opened" if is_new else "open already, nothing changed", messages=messages)


def _shown(
    trades: tuple[PaperTrade, ...],
    outcome: str = "",
    *,
    messages: tuple[str, ...] = (),
    failures: tuple[str, ...] = (),
    now: datetime | None = None,
) -> PaperResult:
    """Return trades of the journal with what was rolled into them."""
    rolled = [trade for trade in trades if trade.rolled_from is not None]
    campaigns = campaigns_of(rolled, open_journal().trades()) if rolled else {}
    return PaperResult(trades, outcome, messages=messages, failures=failures, now=now, campaigns=campaigns)


def _judged(screening: Screening, request: PaperOpenRequest) -> tuple[dict[str, str], Decision | None, tuple[str, ...]]:
    """State of each criterion at the entry, the decision (None: unknown), and messages on missing data."""
    plan, answers = request.plan, dict(request.answers)
    if plan is None:
        return {name: str(state) for name, state in answers.items()}, None, ()
    day = screening.snapshot.chain.as_of
    opened_data = open_plan_data(request.data, day, blank_bars=True)
    data, messages = opened_data.inputs, list(opened_data.notes)
    listed = checklist(plan.checklist.criteria, plan.checklist.minimum, data.reaching(day), day).answered(answers)
    unknown = [f"{answer.name} {answer.detail}" for answer in listed.answers if answer.state == "unknown"]
    if unknown:
        messages.append(f"unknown, and never counted as met: {'; '.join(unknown)}")
    decision = None
    if data.bars["close"].isna().all():
        messages.append("the plan says neither take nor skip without daily bars: give `bars` FILE, or fetch")
    else:
        try:
            decision = decide(plan, data, day)
        except InputError as error:
            messages.append(f"the plan says neither take nor skip: {error}")
        else:
            decision = replace(decision, checklist=decision.checklist.answered(answers))
    return {answer.name: answer.state for answer in listed.answers}, decision, tuple(messages)


def _refusal(screening: Screening, kept: list[Sized], decision: Decision | None, request: PaperOpenRequest) -> str:
    """Why nothing is opened; empty when something is."""
    chain, given = screening.snapshot.chain, request.screen.chain
    if chain.simulated and isinstance(given, ChainRequest) and given.source == "auto":
        return f"{screening.snapshot.warnings[0]}; `source` sim opens on the simulated market"
    closed = _outside_minutes(request.plan, chain)
    if closed:
        return closed
    if not screening.gate.is_open and not request.anyway:
        return f"the gate is closed ({'; '.join(screening.gate.reasons)}); `anyway` opens all the same"
    if decision is not None and not decision.take and not request.anyway:
        return f"the plan says skip ({'; '.join(decision.reasons)}); `anyway` opens all the same"
    if len(kept) < request.pick:
        rejected = ", ".join(f"{count} {rule}" for rule, count in screening.screened.rejected.items())
        return f"the screen kept {counted(len(kept), 'candidates')} of {screening.screened.considered} ({rejected})"
    return ""


def answer_paper_shares(request: PaperSharesRequest) -> PaperResult:
    """Open the shares of a plan; see `PaperSharesRequest`."""
    plan, prices = request.plan, _Prices(request.prices)
    quote = _quote(plan, prices)
    if isinstance(quote, str):
        return PaperResult(refusal=f"not opened: {quote}")
    day = quote.at.date()
    data = open_plan_data(request.data, day)
    inputs, notes = data.inputs, data.notes
    decision = decide(plan, inputs, day)
    decision = replace(decision, checklist=decision.checklist.answered(dict(request.answers)))
    if not decision.take and not request.anyway:
        reasons = "; ".join(decision.reasons)
        refusal = f"not opened: the plan says skip ({reasons}); `anyway` opens all the same"
        return PaperResult(refusal=refusal, messages=notes)
    answers: dict[str, str] = {answer.name: answer.state for answer in decision.checklist.answers}
    trade = opened_shares(
        plan, share_rules(plan), inputs.bars, quote, open_journal().trades(), answers, request.contracts, request.price
    )
    messages = (*notes, *(note for note in prices.messages if note not in notes))
    if isinstance(trade, str):
        return PaperResult(refusal=f"not opened: {trade}", messages=messages)
    return _added(trade, messages)


def _quote(plan: Plan, prices: _Prices) -> Quote | str:
    """Price of the entry; a sentence where the market is a proxy."""
    if not prices.on_bars:
        snapshot = prices.snapshot
        if prices.stale:
            return prices.stale
        if snapshot.chain.simulated and prices.request.chain.source == "auto":
            return f"{snapshot.warnings[0]}; `source` sim opens on the simulated market, `bars` FILE on daily bars"
        outside = _outside_minutes(plan, snapshot.chain)
        return f"{outside}; `bars` FILE with `minutes` FILE opens on minutes" if outside else _of_chain(snapshot.chain)
    if plan.momentum:
        minutes = prices.minutes()
        at = prices.as_of or minutes.index[-1].date()
        return minute_quote(minutes, plan.momentum, at, prices.market, prices.provenance)
    bars = prices.bars()
    day: date = prices.as_of or bars.index[-1].date()
    return open_quote(bars, day, prices.market, prices.provenance)


def _outside_minutes(plan: Plan | None, chain: Chain) -> str:
    """Why an intraday plan does not enter at a chain's time; empty where it does, or is none."""
    if plan is None or plan.momentum is None:
        return ""
    quote, edge = _of_chain(chain), plan.momentum
    if edge.enter_minute <= quote.minute < edge.exit_minute:
        return ""
    window = f"minutes {edge.enter_minute} to {edge.exit_minute} of the session"
    return f"the quote of {quote.at:%H:%M} is not within {window}"


def _of_chain(chain: Chain) -> Quote:
    market = market_text(chain.provenance, chain.source)
    return Quote(chain.moment.astimezone(NEW_YORK).replace(tzinfo=None), chain.spot, market, chain.provenance)


def _marks(trade: PaperTrade, prices: _Prices) -> list[Mark]:
    """Return marks of a trade: one at the chain, or of shares one a session on bars."""
    if trade.shares is None:
        return [marked(trade, prices.snapshot)]
    if not prices.on_bars:
        chain = prices.snapshot.chain
        check_same_market(trade, chain.provenance, chain.source)
        return [marked_at(trade, _of_chain(chain))]
    check_same_market(trade, prices.provenance, prices.market)
    if trade.shares.exit_minute is not None:
        return marked_on_minutes(trade, prices.minutes())
    return marked_on_bars(trade, prices.bars(), prices.as_of)


def answer_paper_mark(request: PaperMarkRequest) -> PaperResult:
    """Mark open trades; see `PaperMarkRequest`."""
    journal, prices = open_journal(), _Prices(request.prices)
    held = [trade for trade in journal.trades() if trade.is_open and trade.symbol == request.symbol]
    if not held:
        return PaperResult(outcome=f"no open trade of {request.symbol} to mark")
    if prices.stale:
        return PaperResult(refusal=f"not marked: {prices.stale}")
    in_options = [trade for trade in held if trade.shares is None]
    left = in_options if prices.on_bars else []
    failures = [f"trade {trade.number} is in options: give `source`" for trade in left]
    for trade in held:
        if trade in left:
            continue
        try:
            for mark in _marks(trade, prices):
                journal.mark(trade.number, mark)
        except InputError as error:
            failures.append(str(error))
    if in_options and not prices.on_bars:
        open_forecasts().advance(prices.snapshot)
    after = journal.trades()
    trades = tuple(find(after, trade.number) for trade in held)
    messages = (*prices.messages, *prices.of_trades(held))
    moment = prices.market if prices.on_bars else prices.snapshot.chain.as_of
    return _shown(trades, f"marked on {moment}", failures=tuple(failures), messages=messages)


def answer_paper_close(request: PaperCloseRequest) -> PaperResult:
    """Close a trade; see `PaperCloseRequest`."""
    journal = open_journal()
    trade = find(journal.trades(), request.number)
    if trade.shares is None and request.price is not None:
        raise ConflictError("price", request.price, "of shares, and the trade is in options", "give `debit`")
    if trade.shares is not None and request.debit is not None:
        raise ConflictError("debit", request.debit, "of options, and the trade is in shares", "give `price`")
    messages: tuple[str, ...] = ()
    if request.settle is not None:
        last, closing = settled(trade, request.settle, request.prices.chain.as_of)
        marks = [last]
    else:
        chain = replace(request.prices.chain, symbol=trade.symbol)
        prices = _Prices(replace(request.prices, chain=chain))
        if prices.stale:
            return PaperResult(refusal=f"not closed: {prices.stale}")
        marks, messages = _marks(trade, prices), prices.messages
        debit = request.debit if request.price is None else -request.price
        closing = closing_of(trade, marks[-1], debit, request.reason)
        messages = (*messages, *prices.of_trades([trade]))
    return _shown((journal.close(trade.number, closing, marks),), "closed", messages=messages)


def answer_paper_roll(request: PaperRollRequest) -> PaperResult:
    """Roll a package; see `PaperRollRequest`."""
    journal = open_journal()
    trade = find(journal.trades(), request.number)
    if trade.shares is not None:
        raise InputError("trade", request.number, "is in shares, which do not roll", "name a trade in options")
    snapshot = open_chain(replace(request.chain, symbol=trade.symbol)).snapshot
    stale = "" if snapshot.is_day_named else staleness(snapshot.chain, request.now)
    if stale:
        return PaperResult(refusal=f"not rolled: {stale}")
    position = held_position(trade, snapshot, request.variance_ratio)
    if position.mark is None:
        return PaperResult(refusal=f"not rolled: {position.problem}")
    if len(position.rolls) < request.pick:
        count = len(position.rolls)
        raise InputError(
            "pick", request.pick, f"manage lists {counted(count, 'rolls')} of trade {trade.number}", "pick one"
        )
    roll, mark = position.rolls[request.pick - 1], position.mark
    closing = closing_of(trade, mark, None, "roll")
    pair = journal.roll(trade.number, mark, closing, rolled_trade(position, roll))
    cash = f"cash {'+' if roll.cash > 0 else '-'}${abs(roll.cash):,.2f} after fills and fees"
    notes = (*snapshot.chain.warnings, *redated_note(snapshot.chain, [trade.opened[:10]]))
    return _shown(pair, f"rolled {roll.kind}, {cash}", messages=notes)


def paper_trades(*, closed: bool = False) -> PaperResult:
    """Trades of the paper journal.

    Parameters
    ----------
    closed : bool
        Closed trades too.
    """
    trades = tuple(trade for trade in open_journal().trades() if closed or trade.is_open)
    if not trades:
        return PaperResult(refusal="no trade on paper: open one with iwm-opts paper open")
    return _shown(trades, now=datetime.now(NEW_YORK).replace(tzinfo=None))
