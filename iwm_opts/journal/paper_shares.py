"""Share trades on paper: sized, filled and left as a backtest of the plan would, at quotes or on bars.

Sizes come from the ledger of `backtest.shares`, with the journal's open trades; stops and targets from its positions.
On bars both are resting orders, filled where the market reached them. Prices between two quotes are unknown: a stop
or a target triggers at a quote beyond it and fills at that quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from iwm_opts.backtest.shares import Ledger, Position, ShareRules
from iwm_opts.conventions import Provenance
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import check_contracts
from iwm_opts.journal.paper_trade import OPEN, Exits, Mark, PaperTrade, Shares
from iwm_opts.market.bars import atr
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.intraday import LATEST_FILL, bars_from_entry, exit_within_session
from iwm_opts.plans.plan import Plan

CLOSE, UNTIMED = "16:00:00", "00:00:00"  # New York; a stop within a bar has no known time


@dataclass(frozen=True, slots=True)
class Quote:
    """Price of the underlying at a time of New York, and where it was read."""

    at: datetime
    price: float  # dollars a share
    market: str
    provenance: Provenance

    @property
    def minute(self) -> float:
        """Minutes after the open."""
        return (self.at - _time(self.at.date(), OPEN)).total_seconds() / 60.0


def open_quote(bars: pd.DataFrame, day: date, market: str, provenance: Provenance) -> Quote:
    """Session's opening price, at which a backtest enters. Raises InputError when the bars lack the session."""
    stamp = pd.Timestamp(day)
    if stamp not in bars.index:
        first, last = bars.index[0].date(), bars.index[-1].date()
        raise InputError("as_of", day.isoformat(), f"outside the bars' sessions, {first} to {last}", "give newer bars")
    return Quote(_time(day, OPEN), float(bars["open"][stamp]), market, provenance)


def minute_quote(minutes: pd.DataFrame, edge: Momentum, day: date, market: str, provenance: Provenance) -> Quote:
    """Open of the first bar at or after an intraday edge's entry minute.

    Raises InputError when no bar trades by then or soon after.
    """
    held = bars_from_entry(_session(minutes, day), edge)
    if held is None:
        raise InputError(
            "minutes", day.isoformat(), f"no bar within {LATEST_FILL} minutes of minute {edge.enter_minute}",
            "give the minutes of that session",
        )  # fmt: skip
    return Quote(held.index[0].to_pydatetime(), float(held["open"].iloc[0]), market, provenance)


def opened_shares(
    plan: Plan,
    rules: ShareRules,
    bars: pd.DataFrame,
    quote: Quote,
    held: Sequence[PaperTrade],
    checklist: dict[str, str],
    count: int | None = None,
    own_price: float | None = None,
) -> PaperTrade | str:
    """Trade of a share plan, not in the journal yet; or why the account takes none.

    Raises InputError when the bars are too short for an ATR, or an own size is given where the account takes none.

    `rules`: its exits, costs and account.
    `bars`: daily bars; the ATR and the low are those of the sessions before the quote.
    `held`: the journal: the plan's open trades take up risk and cash, its closed trades change the equity.
    `checklist`: answers at entry.
    `count`: own size in shares.
    `own_price`: own fill, dollars a share.
    """
    day = quote.at.date()
    history = bars[bars.index < pd.Timestamp(day)]
    ledger, trades = Ledger(rules), [trade for trade in held if trade.plan == plan.name and trade.shares is not None]
    ledger.open = [_position(trade) for trade in trades if trade.is_open]
    ledger.equity_before += sum(trade.gain for trade in trades if not trade.is_open)
    extreme = float(history["low"].iloc[-1]) if len(history) else float("nan")
    position = ledger.enter(0, quote.price, extreme, atr(bars, day).value)
    if position is None:
        return next(iter(ledger.skipped))
    size = position.shares if count is None else count
    check_contracts(size)
    paid = position.entry if own_price is None else own_price
    each = position.risk / position.shares + (paid - position.entry)
    edge = plan.momentum
    return PaperTrade(
        number=0,
        plan=plan.name,
        market=quote.market,
        provenance=quote.provenance,
        symbol=plan.symbol,
        expiration="",
        legs=(),
        contracts=size,
        planned_contracts=position.shares,
        opened=_text(quote.at),
        credit=-paid,
        mid=-quote.price,
        model=-position.entry,
        fill=f"{rules.slippage:g} a share",
        fees_schedule=f"{rules.fees:g} a share",
        fees=size * rules.fees,
        risk=size * each,
        planned_risk=position.risk,
        rank=None,
        exits=Exits(),
        checklist=checklist,
        shares=Shares(
            position.stop, position.target, position.atr, rules.exits, rules.slippage,
            edge.exit_minute if edge else None,
        ),
    )  # fmt: skip


def marked_at(trade: PaperTrade, quote: Quote) -> Mark:
    """Return the proceeds of closing at a quote, and whether a rule calls for it.

    A time stop is judged on the close of its session and leaves on the next; the last mark of a session serves as its
    close, and a later quote where it has no mark.

    Raises InputError when the quote is older than the trade.
    """
    if _text(quote.at) < trade.opened:
        rule = f"lies before trade {trade.number} was opened, {trade.opened}"
        raise InputError("as_of", _text(quote.at), rule, "give later prices")
    outcome, shares = _position(trade).at_open(quote.price), trade.shares
    assert shares is not None  # trades in options are marked elsewhere
    if outcome:
        return _mark(trade, quote.at, quote.price, outcome[1])
    if trade.exit_by is not None:
        return _mark(trade, quote.at, quote.price, "time" if quote.at >= trade.exit_by else "")
    opened, day = date.fromisoformat(trade.opened[:10]), quote.at.date()
    marks = [mark for mark in trade.marks if mark.day < str(day)]
    closes = {len(sessions(opened, date.fromisoformat(mark.day))): -mark.mid for mark in marks}
    is_slow = any(  # this quote serves for sessions without a mark
        shares.exits.is_slow(place, closes.get(place, quote.price) + trade.model, shares.atr)
        for place in range(1, len(sessions(opened, day)))
    )
    return _mark(trade, quote.at, quote.price, "time" if is_slow else "")


def marked_on_bars(trade: PaperTrade, bars: pd.DataFrame, until: date | None = None) -> list[Mark]:
    """Every session of a trade up to a day, to the one on which a rule ended it: as `backtest.shares` has it.

    Raises InputError when the bars do not reach the session of the entry, or lack one after it.

    `bars`: daily bars; dividends are received where they have them.
    """
    first = date.fromisoformat(trade.opened[:10])
    last = min(until or bars.index[-1].date(), bars.index[-1].date())
    days = pd.DatetimeIndex(sessions(first, last)) if first <= last else pd.DatetimeIndex([])
    missing = days.difference(pd.DatetimeIndex(bars.index))
    if days.empty or len(missing):
        rule = f"lack {missing[0].date() if len(missing) else first}, which trade {trade.number} was open on"
        raise InputError("bars", f"to {last}", rule, "give newer bars")
    position, marks, paid = _position(trade), [], 0.0
    for place, (stamp, bar) in enumerate(bars.loc[days].iterrows()):
        at, is_first = pd.Timestamp(str(stamp)).date(), place == 0
        dividend = float(bar.get("dividend", 0.0))
        paid += 0.0 if is_first or dividend != dividend else dividend
        # The range of a bar that began before the entry says nothing of the trade.
        is_whole = not is_first or trade.opened[11:] <= OPEN
        fill = None if is_first else position.at_open(float(bar["open"]))
        reached = position.within(float(bar["high"]), float(bar["low"])) if fill is None and is_whole else None
        if fill or reached:
            price, rule = fill or reached or (0.0, "")
            marks.append(_mark(trade, _time(at, OPEN if fill else UNTIMED), price, rule, paid))
            return marks
        close = float(bar["close"])
        marks.append(_mark(trade, _time(at, CLOSE), close, "", paid))
        exits = trade.shares.exits if trade.shares else None
        position.is_due = exits is not None and exits.is_slow(place + 1, close - position.entry, position.atr)
    return marks


def marked_on_minutes(trade: PaperTrade, minutes: pd.DataFrame) -> list[Mark]:
    """End of an intraday trade on the minutes of its session, as `plans.intraday` has it.

    Raises InputError when the minutes lack its session.
    """
    opened = pd.Timestamp(trade.opened)
    session = _session(minutes, opened.date())
    held = session[session.index >= opened]
    if held.empty or trade.shares is None or trade.shares.exit_minute is None:
        raise InputError("minutes", trade.opened, f"hold nothing of trade {trade.number}", "give its session")
    when, price, rule = exit_within_session(_position(trade), held, trade.shares.exit_minute)
    return [_mark(trade, when.to_pydatetime(), price, rule)]


def _position(trade: PaperTrade) -> Position:
    shares = trade.shares
    assert shares is not None  # trades in options are marked elsewhere
    entry, quoted = -trade.model, -trade.mid
    return Position(0, trade.contracts, entry, quoted, shares.stop, shares.target, shares.atr, trade.risk, 1)


def _mark(trade: PaperTrade, at: datetime, price: float, rule: str, dividends: float = 0.0) -> Mark:
    """Fill a target, a resting order, at its own price; everything else pays slippage."""
    shares = trade.shares
    assert shares is not None  # trades in options are marked elsewhere
    filled = price - (0.0 if rule == "target" else shares.slippage)
    fee = trade.fees / trade.contracts
    return Mark(at.date().isoformat(), _text(at), price, -price, -filled, fee, rule, dividends)


def _session(minutes: pd.DataFrame, day: date) -> pd.DataFrame:
    return minutes[pd.DatetimeIndex(minutes.index).normalize() == pd.Timestamp(day)]


def _time(day: date, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day} {clock}")


def _text(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
