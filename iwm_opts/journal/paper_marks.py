"""Paper trades on a market: opened at the model's fill, marked, and left by their own rules.

Quotes are of the day they are read from; nothing here assigns a short leg early, so that a paper trade ends at its exit
or at its expiration.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DELIVERY_GAP, RIGHT_SIGN, SIDE_SIGN, STRATEGY, Provenance
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fees import FeeSchedule, premium_sold
from iwm_opts.execution.fills import FillModel, fill_package
from iwm_opts.execution.legs import Legs, check_contracts
from iwm_opts.journal.paper_trade import Closing, Exits, Leg, Mark, PaperTrade, check_open, typed_legs
from iwm_opts.journal.trade_log import market_text
from iwm_opts.kernels.backtest.codes import ExitReason
from iwm_opts.kernels.backtest.exits import exit_reason
from iwm_opts.market.calendar import NEW_YORK, expiry_moment, sessions
from iwm_opts.market.contract import parse_occ, roots_on, settlement_of
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.risk import margin
from iwm_opts.spreads.legs import SAME_STRIKE
from iwm_opts.spreads.screen import Sized
from iwm_opts.spreads.typed import check_side


def opened(
    sized: Sized,
    snapshot: Snapshot,
    *,
    plan: str,
    fees: str,
    exits: Exits,
    checklist: dict[str, str],
    rank: float | None,
    contracts: int | None = None,
    credit: float | None = None,
) -> PaperTrade:
    """Trade of a screened candidate, not in the journal yet.

    Raises InputError when the account allows no contract and no size is given, or an own fill has the wrong sign.

    `sized`: its contracts are the planned ones.
    `snapshot`: that it was screened on.
    `fees`: schedule as `FeeSchedule.parse` reads it: marks and closings are charged by it too.
    `contracts`: own size in place of the planned one.
    `credit`: own fill in place of the model's, dollars a share.
    """
    candidate, planned = sized.candidate, sized.size.contracts
    count = planned if contracts is None else contracts
    if count < 1:
        raise InputError("contracts", count, sized.size.reason, "give a larger `account` or `risk`, or `contracts`")
    check_contracts(count)
    chain, filled = snapshot.chain, candidate.fill
    received = filled.price if credit is None else credit
    legs = tuple(Leg(SIDE_SIGN[leg.side], leg.right, leg.strike) for leg in candidate.legs)
    sold = float(premium_sold(candidate.kind, [leg.bid for leg in candidate.legs], [leg.ask for leg in candidate.legs]))
    root = parse_occ(candidate.legs[0].occ_symbol).root
    trade = PaperTrade(
        number=0, plan=plan, market=market_text(chain.provenance, chain.source),
        symbol=chain.symbol, expiration=candidate.expiration.isoformat(), legs=legs, contracts=count,
        planned_contracts=planned, opened=_clock(chain.moment), credit=received, mid=filled.mid, model=filled.price,
        fill=filled.model, fees_schedule=fees,
        fees=count * float(FeeSchedule.parse(fees).opening_fees(candidate.kind, count, sold)), risk=math.nan,
        planned_risk=planned * sized.max_loss, rank=rank, exits=exits, checklist=checklist,
        root=root if len(roots_on(chain.symbol, candidate.expiration)) > 1 else "", provenance=chain.provenance,
    )  # fmt: skip
    if credit is not None:
        check_side(typed_legs(trade), "credit", credit)
    return replace(trade, risk=largest_loss(trade, snapshot))


def largest_loss(trade: PaperTrade, snapshot: Snapshot) -> float:
    """Largest loss of a position from a snapshot on, dollars, positive, as screens size by.

    Fees, exercise fees and the dividends ahead that shares short by early assignment owe included; of a trade that its
    exits may hold to expiration, with the move against delivered shares.
    """
    return largest_loss_together([trade], snapshot)


def largest_loss_together(trades: Sequence[PaperTrade], snapshot: Snapshot, *, is_delivered: bool = False) -> float:
    """Largest loss of positions of one expiration at one price, as `largest_loss`; `is_delivered`: held to it."""
    expiration = date.fromisoformat(trades[0].expiration)
    kind, strikes, received = together(trades)
    is_held = (
        is_delivered
        or not all(  # whether exits leave a trade before its expiration by the clock alone
            ExitLevels(
                dte=trade.exits.dte,
                sessions=trade.exits.sessions or None,
                within_session=trade.exits.minute is not None,
            ).closes_before(date.fromisoformat(trade.expiration), date.fromisoformat(trade.opened[:10]))
            for trade in trades
        )
    )
    gap = DELIVERY_GAP if is_held and settlement_of(snapshot.chain.symbol).pays_dividends else 0.0
    owed = sum(paid.amount for paid in snapshot.dividends_until(expiration))
    exercise = max(FeeSchedule.parse(trade.fees_schedule).exercise for trade in trades)
    return margin.largest_loss(kind, strikes, received, exercise, owed, gap) + sum(trade.fees for trade in trades)


def together(trades: Sequence[PaperTrade]) -> tuple[Legs, NDArray[np.float64], float]:
    """Legs of positions of one expiration as one package in ascending strike, their strikes, and the credit received.

    Contracts are those of the positions; the credit is in $/share of all of them.
    """
    legs = [(leg.count * trade.contracts, leg) for trade in trades for leg in trade.legs]
    ordered = sorted(legs, key=lambda pair: pair[1].strike)
    signed = np.array([count for count, _ in ordered], dtype=np.float64)
    kind = Legs.of(np.sign(signed), [RIGHT_SIGN[leg.right] for _, leg in ordered], np.abs(signed))
    strikes = np.array([leg.strike for _, leg in ordered])
    return kind, strikes, sum(trade.contracts * trade.credit for trade in trades)


def package_rows(legs: Legs, strikes: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Contracts, rights and strikes of one package as the payoff kernels take them, shape (1, legs)."""
    return [np.ascontiguousarray(column[None, :]) for column in (legs.contracts, legs.right, strikes)]


def marked(trade: PaperTrade, snapshot: Snapshot) -> Mark:
    """Return the cost of closing a trade on a snapshot, and whether a rule of its own calls for it.

    Exits are judged at the trade's fill on its own credit; a stop fills at `STRATEGY.stop_fill`, as in backtests.

    Raises InputError when its expiration or a strike is not listed, a leg has no quote, or one of trade and market is
    simulated and the other is not.
    """
    day = snapshot.chain.as_of
    if day.isoformat() < trade.opened[:10]:
        rule = f"lies before trade {trade.number} was opened, {trade.opened[:10]}"
        raise InputError("as_of", day.isoformat(), rule, "give later quotes")
    check_same_market(trade, snapshot.chain.provenance, snapshot.chain.source)
    table = snapshot.table(date.fromisoformat(trade.expiration), trade.root or None)
    bid, ask = [], []
    for leg in trade.legs:
        is_right = table.right == RIGHT_SIGN[leg.right]
        rows = np.flatnonzero(is_right & (np.abs(table.strike - leg.strike) <= SAME_STRIKE))
        if not len(rows):
            rule = f"{leg} is not listed for {table.expiration} any more"
            raise InputError("trade", trade.number, rule, "close it by hand")
        bid.append(float(table.bid[rows[0]]))
        ask.append(float(table.ask[rows[0]]))
    legs = trade.kind.closing()
    filled = fill_package(FillModel.parse(trade.fill), legs, bid, ask)
    if not filled.is_filled:
        raise InputError("trade", trade.number, f"a leg of {trade.text} has no two-sided quote", "mark it later")
    rule = _rule(trade, -filled.price, snapshot.chain.moment.astimezone(NEW_YORK).replace(tzinfo=None))
    if rule == ExitReason.STOP.word:
        filled = fill_package(FillModel.parse(STRATEGY.stop_fill), legs, bid, ask)
    sold = float(premium_sold(legs, bid, ask))
    fees = FeeSchedule.parse(trade.fees_schedule).closing_fees(trade.kind, trade.contracts, sold)
    return Mark(
        day.isoformat(), _clock(snapshot.chain.moment), snapshot.chain.spot, -filled.mid + 0.0, -filled.price + 0.0,
        float(fees), rule,
    )  # fmt: skip


def closing_of(trade: PaperTrade, mark: Mark, debit: float | None, reason: str | None) -> Closing:
    """Leave a trade at a mark: at the model's price unless an own one is given.

    Raises InputError when it is closed, the mark is older than its opening or last mark, or an own price has the wrong
    sign.
    """
    check_open(trade)
    if trade.shares is None:
        last = max([trade.opened, *(each.at for each in trade.marks)])
        if mark.at < last:
            rule = f"lies before the last event of trade {trade.number}, {last}"
            raise InputError("as_of", mark.at, rule, "close it at later quotes")
        if debit is not None:
            check_side(typed_legs(trade), "debit", debit)
    paid = mark.debit if debit is None else debit
    fees, dividends = trade.contracts * mark.fees, trade.contracts * mark.dividends
    return Closing(mark.at, paid, mark.mid, mark.debit, fees, reason or mark.rule or "closed", dividends)


def settled(trade: PaperTrade, price: float, day: date | None = None) -> tuple[Mark, Closing]:
    """Close a trade at its expiration by the underlying's price; legs in the money are exercised.

    Raises InputError when the price is not positive, the day lies before the expiration, or the trade is closed or in
    shares.

    `price`: of the underlying at expiration.
    `day`: on which it is settled: the expiration or later.
    """
    if trade.shares is not None:
        raise InputError("settle", price, "shares do not expire", "leave it out")
    check_open(trade)
    if not price > 0.0:
        raise InputError("settle", price, "must be positive", "give the underlying's price at expiration")
    if day is not None and day.isoformat() < trade.expiration:
        rule = f"lies before the expiration of trade {trade.number}, {trade.expiration}"
        raise InputError("as_of", day.isoformat(), rule, "close it at that day's quotes, without settle")
    moment = expiry_moment(date.fromisoformat(trade.expiration))
    worth = sum(leg.count * max(RIGHT_SIGN[leg.right] * (price - leg.strike), 0.0) for leg in trade.legs)
    exercised = sum(abs(leg.count) for leg in trade.legs if RIGHT_SIGN[leg.right] * (price - leg.strike) > 0.0)
    fees = FeeSchedule.parse(trade.fees_schedule).exercise_fees(trade.contracts * exercised)
    debit = -worth + 0.0
    mark = Mark(trade.expiration, _clock(moment), price, debit, debit, fees / trade.contracts, "expiry")
    return mark, Closing(mark.at, debit, debit, debit, fees, "expiry")


def check_same_market(trade: PaperTrade, provenance: Provenance, source: str) -> None:
    """Trade at real quotes is never marked at simulated ones, as `--source auto` without a network would."""
    is_real = trade.provenance.is_real
    if provenance.is_real == is_real:
        return
    words = "simulated", "real"
    rule = f"trade {trade.number} was opened at {words[is_real]} quotes, these are {words[not is_real]}"
    raise InputError("source", source, rule, "name `source`: a live one, a chain file, record, or sim")


def _rule(trade: PaperTrade, debit: float, at: datetime) -> str:
    """Rule of its exits that calls, by the definition that backtests leave by; an intraday trade's clock is last.

    Only an intraday trade is left in the session of its entry.
    """
    opened, day = date.fromisoformat(trade.opened[:10]), at.date()
    held = max(len(sessions(opened, day)) - 1, 0)
    if not held and trade.exit_by is None:
        return ""
    dte = (date.fromisoformat(trade.expiration) - day).days
    rules = trade.exits
    bounds = (
        math.nan if bound is None else float(bound) for bound in (rules.profit, rules.stop, rules.dte, rules.sessions)
    )
    why = int(exit_reason(debit, trade.credit, False, float(dte), float(held), False, *bounds, False))
    if why != ExitReason.HELD:
        return ExitReason(why).word
    return "time" if trade.exit_by is not None and at >= trade.exit_by else ""


def _clock(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
