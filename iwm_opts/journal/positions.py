"""Open positions at today's chain: mark, exit due, assignment, rolls, and all of them together."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import MULTIPLIER, STRATEGY
from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.exits import ExitLevels, earliest_entry
from iwm_opts.execution.fees import FeeSchedule, premium_sold
from iwm_opts.execution.fills import Fill, FillModel, fill_package
from iwm_opts.execution.legs import Legs
from iwm_opts.execution.order_formats import write_order
from iwm_opts.execution.ticket import Order, QuotedLeg
from iwm_opts.journal.packages import PARTLY, SHARES_LEFT
from iwm_opts.journal.paper_marks import largest_loss, largest_loss_together, marked, package_rows, together
from iwm_opts.journal.paper_trade import Campaign, Exits, Leg, Mark, PaperTrade, typed_legs
from iwm_opts.journal.trade_log import SHARES, SHORT_SHARES, TradeLog, market_text
from iwm_opts.kernels.trading.payoff import extremes
from iwm_opts.market.calendar import sessions
from iwm_opts.market.contract import Contract
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.risk.assignment import ShortOption, eve_of, short_options
from iwm_opts.spreads.legs import SAME_STRIKE
from iwm_opts.spreads.managed import Managed, ManagedTerms, path_model, position_of
from iwm_opts.spreads.typed import TypedLeg, legs_of, quoted_legs, row_of

LATER: Final = 2  # expirations that a roll is tried at
LONGEST_ROLL: Final = 75  # calendar days to expiration of a roll
AWAY: Final = (
    f"away: the short strike nearest the price moves to {STRATEGY.short_delta:g} delta where its delta is larger, the "
    "other legs with it; a package short on both sides is centred on the price as nearly as listed strikes allow"
)


@dataclass(frozen=True, slots=True)
class ShortLegRisk:
    """Early assignment and distance of one short leg."""

    leg: str
    distance: float  # standard deviations from the forward to the strike, positive out of the money
    when: date | None  # session about which exercise pays: today for a put, the eve or day of an ex-date; None: never
    boundary: float  # spot at which it pays, dollars; NaN where the quotes of the other right say so
    cost: float  # dollars of the position
    pays_today: bool  # assignment is expected tonight
    is_reached: bool  # the spot is at the boundary or beyond
    ex_date: date | None  # that a call is exercised before
    smile_vol: float  # of the smile at the strike, where the leg's own quote implies none; else NaN


@dataclass(frozen=True, slots=True)
class Roll:
    """Another package in place of a position: what the exchange brings, and what is expected of it."""

    kind: str  # out, away (see `AWAY`), out and away
    expiration: date
    legs: str
    close_debit: float  # dollars a share, at the exit fill
    open_credit: float  # dollars a share, at the entry fill
    open_mid: float  # dollars a share
    open_fees: float  # dollars of the position
    max_loss: float  # dollars of the new position alone
    fees: float  # dollars of the position, both orders
    cash: float  # dollars of the position, after fills and fees
    max_loss_change: float  # dollars of the position: largest loss of the trade after the roll less before
    expected_profit: float  # dollars of the trade, managed on from today; NaN where unknown


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """One open position at a chain; dollars of the position unless said. Without a mark only `problem` is set."""

    trade: PaperTrade
    mark: Mark | None = None
    dte: int = 0
    pnl: float = math.nan  # at the exit fill, after fees both ways
    max_profit: float = math.nan
    max_loss: float = math.nan  # positive, as `paper_marks.largest_loss`
    delta: float = math.nan  # shares
    gamma: float = math.nan
    theta: float = math.nan  # dollars a calendar day
    vega: float = math.nan  # dollars a vol point
    shorts: tuple[ShortLegRisk, ...] = ()
    managed: Managed | None = None  # of one package held on, from its entry
    expected_profit: float = math.nan  # held on under its exits, from its entry
    order: str = ""  # that closes it; of positions with an exit due
    rolls: tuple[Roll, ...] = ()
    no_rolls: tuple[str, ...] = ()  # kinds of roll that do not exist, with the reason
    campaign: Campaign | None = None  # of a rolled trade
    problem: str = ""  # why it could not be marked
    log_name: str = ""  # of its trade in a trade log
    no_stop: str = ""  # why its stop closes nothing before the largest loss

    @property
    def name(self) -> str:
        """Identifier of the trade in its log, or its number in the journal."""
        return self.log_name or str(self.trade.number)

    @property
    def share_of_max_profit(self) -> float:
        """P&L over the largest profit."""
        return self.pnl / self.max_profit

    @property
    def has_greeks(self) -> bool:
        """Whether every leg has greeks."""
        return not any(math.isnan(greek) for greek in (self.delta, self.gamma, self.theta, self.vega))

    @property
    def rule(self) -> str:
        """Exit rule that is due; empty where none is."""
        return self.mark.rule if self.mark else ""


@dataclass(frozen=True, slots=True)
class ExpirationRisk:
    """All positions of one expiration together, dollars."""

    expiration: date
    positions: int
    apart: float  # sum of the largest losses, as `paper_marks.largest_loss`
    together: float  # largest loss at one price
    delivery: float  # the same held to expiry, with assignment, and delivered shares closed after `DELIVERY_GAP`
    requirement: float  # margin of the legs as one package, credits not counted


def typed_position(
    legs: Sequence[TypedLeg],
    expiration: date,
    credit: float,
    *,
    snapshot: Snapshot,
    opened: date,
    contracts: int = 1,
    exits: ExitLevels | None = None,
    fill: str,
    fees: str,
    paid: float | None = None,
) -> PaperTrade:
    """Position of typed legs, entered at `credit` ($/share); `paid` are its opening fees where known.

    Fees not known are those of an order at the snapshot's quotes, as a ticket has them.
    """
    ordered, levels = sorted(legs, key=lambda leg: leg.strike), exits or ExitLevels()
    sold = max(credit, 0.0)  # where quotes are lacking, and the position is not marked either
    with suppress(InputError, DataError):
        quoted = quoted_legs(ordered, snapshot.table(expiration))
        sold = float(premium_sold(legs_of(quoted), [leg.bid for leg in quoted], [leg.ask for leg in quoted]))
    opening = contracts * float(FeeSchedule.parse(fees).opening_fees(legs_of(ordered), contracts, sold))
    is_credit = credit > 0.0
    rules = Exits(
        levels.profit_level(is_credit=is_credit), levels.stop_level(is_credit=is_credit), levels.dte, levels.sessions
    )  # fmt: skip
    chain = snapshot.chain
    return PaperTrade(
        number=1, plan="typed", market=market_text(chain.provenance, chain.source), provenance=chain.provenance,
        symbol=chain.symbol, expiration=expiration.isoformat(), legs=_held(ordered), contracts=contracts,
        planned_contracts=contracts, opened=f"{opened.isoformat()} 16:00:00", credit=credit,
        mid=credit, model=credit, fill=fill, fees_schedule=fees, fees=opening if paid is None else paid, risk=math.nan,
        planned_risk=math.nan, rank=None, exits=rules, checklist={},
    )  # fmt: skip


def log_positions(
    log: TradeLog, snapshot: Snapshot, exits: ExitLevels, fill: str, fees: str
) -> tuple[dict[str, PaperTrade], list[str]]:
    """Open packages of a trade log on an underlying by their identifiers, and what was left out or assumed."""
    positions: dict[str, PaperTrade] = {}
    notes, without_fees, symbol = [], [], snapshot.chain.symbol
    for number, row in enumerate(log.open.to_dict("records"), 1):
        name = str(row.get("trade") or number)
        if row["strategy"] in (SHARES, SHORT_SHARES) or not row["legs"]:
            notes.append(f"trade {name}: shares")
            continue
        if row["reason"].startswith((PARTLY, SHARES_LEFT)):
            notes.append(f"trade {name}, {row['symbol']} {row['legs']}: {row['reason']}; give the legs that are left")
            continue
        if row["symbol"] != symbol:
            whose = f"of {row['symbol']}" if row["symbol"] else "without a symbol"
            notes.append(f"trade {name}: {whose}, and the chain is of {symbol}")
            continue
        if ":" in row["legs"] or pd.isna(row["expiration"]) or pd.isna(row["credit"]):
            notes.append(f"trade {name}: needs one expiration and a credit")
            continue
        position = typed_position(
            [TypedLeg.parse(text) for text in row["legs"].split()], row["expiration"].date(), float(row["credit"]),
            snapshot=snapshot, opened=row["entry"].date(), contracts=int(row["contracts"]),
            exits=exits, fill=fill, fees=fees, paid=None if pd.isna(row["fees"]) else float(row["fees"]),
        )  # fmt: skip
        positions[name] = replace(position, number=number, plan=str(row.get("plan") or "log"))
        if pd.isna(row["fees"]):
            without_fees.append(name)
    if without_fees:
        names = f"trade{'s' if len(without_fees) > 1 else ''} {', '.join(without_fees)}"
        notes.append(f"{names}: the log has no opening fees; those of the schedule {fees} are taken")
    return positions, notes


def log_campaigns(log: TradeLog) -> dict[str, Campaign]:
    """Return the closed trades of a log that were rolled into each open one, by its identifier."""
    closed = {str(row["trade"]): row for row in log.closed.to_dict("records")} if "trade" in log.closed else {}
    campaigns = {}
    for number, row in enumerate(log.open.to_dict("records"), 1):
        names, ahead = [], str(row.get("rolled_from") or "").split()
        while ahead:
            name = ahead.pop(0)
            if name in closed and name not in names:
                names.append(name)
                ahead += str(closed[name].get("rolled_from") or "").split()
        if names:
            earlier = [closed[name] for name in names]
            since = min(trade["entry"] for trade in earlier)
            booked = sum(float(trade["pnl"]) for trade in earlier)
            campaigns[str(row.get("trade") or number)] = Campaign(f"{since:%Y-%m-%d}", tuple(reversed(names)), booked)
    return campaigns


def held_position(trade: PaperTrade, snapshot: Snapshot, ratio: float, *, decides: bool = True) -> HeldPosition:
    """Position at a snapshot.

    `ratio`: realised over implied variance of the managed expectancy.
    `decides`: false on stale quotes: no exit is due, no order and no roll is written.
    """
    try:
        mark = marked(trade, snapshot)
        table = snapshot.table(date.fromisoformat(trade.expiration), trade.root or None)
    except (InputError, DataError) as error:
        dte = (date.fromisoformat(trade.expiration) - snapshot.chain.as_of).days
        return HeldPosition(trade, dte=dte, problem=str(error))
    if not decides:
        mark = replace(mark, rule="")
    typed, count = typed_legs(trade), trade.contracts
    rows = np.array([row_of(leg, table) for leg in typed])
    is_unknown = np.isnan(table.iv[rows])
    table = snapshot.with_smile_vols(table, rows)
    legs = legs_of(typed)
    best, _ = _extremes(legs, table.strike[rows], trade.credit)
    delta, gamma, theta, vega = (
        count * MULTIPLIER * float((greek[rows] * legs.contracts).sum())
        for greek in (table.delta, table.gamma, table.theta, table.vega)
    )
    pnl = trade.gain_at(mark)
    day = date.fromisoformat(trade.expiration)
    held_sessions = max(len(sessions(date.fromisoformat(trade.opened[:10]), snapshot.chain.as_of)) - 1, 0)
    terms = _managed_terms(trade, ratio, held_sessions)
    managed = _outlook(table, snapshot, typed, trade.credit, trade.fees / count, terms)
    expected = math.nan if managed is None else count * managed.expected_profit
    position = HeldPosition(
        trade, mark, (day - snapshot.chain.as_of).days, pnl, count * MULTIPLIER * best - trade.fees,
        largest_loss(trade, snapshot), delta=delta, gamma=gamma, theta=theta, vega=vega,
        shorts=_shorts(trade, typed, rows, is_unknown, table, snapshot), managed=managed, expected_profit=expected,
        no_stop=without_stop(trade),
    )  # fmt: skip
    if not decides:
        return position
    order = _closing_order(trade, mark, rows, table) if mark.rule else ""
    rolls, no_rolls = _rolls(position, typed, snapshot, ratio)
    return replace(position, order=order, rolls=rolls, no_rolls=no_rolls)


def expiration_risks(positions: Sequence[HeldPosition], snapshot: Snapshot) -> list[ExpirationRisk]:
    """Largest losses and margin by expiration: one price ends all positions of a day."""
    risks = []
    marked_ones = [position for position in positions if position.mark is not None]
    for day in sorted({position.trade.expiration for position in marked_ones}):
        group = [position for position in marked_ones if position.trade.expiration == day]
        trades = [held.trade for held in group]
        kind, strikes, _ = together(trades)
        _, bare = _extremes(kind, strikes, 0.0)
        risks.append(
            ExpirationRisk(
                date.fromisoformat(day), len(group), sum(held.max_loss for held in group),
                largest_loss_together(trades, snapshot), largest_loss_together(trades, snapshot, is_delivered=True),
                MULTIPLIER * max(bare, 0.0),
            )
        )  # fmt: skip
    return risks


def without_stop(trade: PaperTrade) -> str:
    """Why the stop of a package closes nothing before its largest loss; empty where it can."""
    _, most = _extremes(trade.kind, np.array([leg.strike for leg in trade.legs]), 0.0)
    return ExitLevels(stop=trade.exits.stop).no_stop(trade.credit, most)


def _held(typed: Sequence[TypedLeg]) -> tuple[Leg, ...]:
    return tuple(Leg(leg.sign * leg.ratio, "C" if leg.right > 0 else "P", leg.strike) for leg in typed)


def _extremes(legs: Legs, strikes: np.ndarray, credit: float) -> tuple[float, float]:
    """Best and worst result at expiry of legs sold at a credit, dollars a share; the worst positive."""
    best, worst, adjusted = np.empty(1), np.empty(1), np.empty(1)
    extremes(*package_rows(legs, strikes), np.array([credit]), 0.0, 0.0, best, worst, adjusted)
    return float(best[0]), float(worst[0])


def _managed_terms(trade: PaperTrade, ratio: float, held: int = 0) -> ManagedTerms:
    rules = trade.exits
    sessions = None if rules.sessions is None else max(rules.sessions - held, 1)
    exits = ExitLevels(rules.profit, rules.stop, rules.dte, sessions)
    return ManagedTerms(exits, FillModel.parse(trade.fill), FeeSchedule.parse(trade.fees_schedule), ratio)


def _outlook(
    table: OptionTable, snapshot: Snapshot, typed: Sequence[TypedLeg], credit: float, fees: float, terms: ManagedTerms
) -> Managed | None:
    """Compute the managed expectancy of one package; None without a session ahead."""
    model = path_model(table, snapshot)
    if model is None:
        return None
    position = replace(position_of(table, typed, credit, terms.fees), fees=np.array([fees]))
    return model.outlook(position, terms)[0]


def _shorts(
    trade: PaperTrade,
    typed: Sequence[TypedLeg],
    rows: NDArray[np.intp],
    is_unknown: NDArray[np.bool_],
    table: OptionTable,
    snapshot: Snapshot,
) -> tuple[ShortLegRisk, ...]:
    """Risk of each short leg; `is_unknown` where a leg's own quote implies no vol."""
    short = [i for i, leg in enumerate(typed) if leg.sign < 0]
    if not short:
        return ()
    index, fee = rows[short], FeeSchedule.parse(trade.fees_schedule).exercise
    risks: list[ShortOption | None] = [None] * len(short)
    if snapshot.exercise == "american":
        options = (table.right[index], table.strike[index], table.iv[index])
        terms = (table.expiration, table.forward.rate, table.years)
        risks = list(short_options(snapshot, *terms, options, fee))
    stdevs = table.smile.total_stdev(table.strike[index])[0]
    risky = []
    for i, row, stdev, risk in zip(short, index, stdevs, risks, strict=True):
        leg = typed[i]
        distance = leg.right * math.log(table.strike[row] / table.forward.price) / float(stdev)
        vol = float(table.iv[row]) if is_unknown[i] else math.nan
        when, boundary, cost, ex_date = _assignment(risk, snapshot, fee)
        is_reached = bool(leg.right * (snapshot.chain.spot - boundary) >= 0.0)
        dollars, pays = trade.contracts * leg.ratio * cost, risk is not None and risk.pays_today
        risky.append(ShortLegRisk(leg.name, distance, when, boundary, dollars, pays, is_reached, ex_date, vol))
    return tuple(risky)


def _assignment(
    short: ShortOption | None, snapshot: Snapshot, fee: float
) -> tuple[date | None, float, float, date | None]:
    """Session of early exercise, its boundary, dollars a contract, and the ex-date of a call.

    Today where exercise pays today; of a put else today where a boundary is in reach, of a call the eve of the dearest
    ex-date.
    """
    if short is None:
        return None, math.nan, 0.0, None
    today, risk = snapshot.chain.as_of, short.risk
    if short.pays_today and short.next_date is not None:
        return today, short.boundary_now, short.next_date.cost, short.next_date.ex_date
    if short.pays_today or not math.isnan(risk.boundary_today):
        return today, risk.boundary_today, fee, None
    dates = [at for at in risk.dates if not math.isnan(at.boundary)]
    dearest = max(dates, key=lambda at: at.cost, default=None)
    if dearest is None:
        return None, math.nan, 0.0, None
    if risk.right < 0.0:
        return dearest.ex_date, dearest.boundary, dearest.cost, None
    return eve_of(dearest.ex_date), dearest.boundary, dearest.cost, dearest.ex_date


def _closing_order(trade: PaperTrade, mark: Mark, rows: np.ndarray, table: OptionTable) -> str:
    """Order that closes a position at its mark, as thinkorswim reads it."""
    legs = tuple(
        QuotedLeg(
            Contract(table.root, table.expiration, "C" if table.right[row] > 0 else "P", float(table.strike[row])),
            -leg.sign * leg.ratio, max(float(table.bid[row]), 0.0), float(table.ask[row]),
        )
        for leg, row in zip(typed_legs(trade), rows, strict=True)
    )  # fmt: skip
    return write_order(Order(legs, trade.contracts, round(-mark.debit, 2), "close", "day"), "thinkorswim")


def _rolls(
    position: HeldPosition, typed: Sequence[TypedLeg], snapshot: Snapshot, ratio: float
) -> tuple[tuple[Roll, ...], tuple[str, ...]]:
    """List the same strikes later, strikes further away (see `AWAY`), and both; and why a kind has none."""
    trade, today = position.trade, snapshot.chain.as_of
    here = date.fromisoformat(trade.expiration)
    keep = trade.exits.dte or 0
    least = earliest_entry(keep)
    later = sorted({
        item.expiration for item in snapshot.slices
        if item.expiration > here and least <= (item.expiration - today).days <= LONGEST_ROLL
    })[:LATER]  # fmt: skip
    tables = {}  # of expirations that can be priced
    for day in (here, *later):
        with suppress(InputError, DataError):
            tables[day] = snapshot.table(day, (trade.root if day == here else "") or None)
    priced = [day for day in later if day in tables]
    moved = {day: _shifts(trade, typed, table) for day, table in tables.items()}
    tries = [("out", day, [0.0], "") for day in priced]
    if here in tables and position.dte >= least:
        tries.append(("away", here, *moved[here]))
    tries += [("out and away", day, *moved[day]) for day in priced]
    rolls: list[Roll] = []
    absent = f"no expiration after {here} is listed {least} to {LONGEST_ROLL} days ahead"
    near = f"{position.dte} days to expiration, and the exit is at {keep}"
    reasons = {"out": absent, "away": near, "out and away": absent}
    for kind, day, shifts, why in tries:
        candidates = (_roll(kind, position, typed, snapshot, tables[day], shift, ratio) for shift in shifts)
        roll = next((roll for roll in candidates if roll is not None), None)
        if roll is None:
            reasons[kind] = why or f"no strikes listed on {day} with a two-sided quote for every leg"
        else:
            rolls.append(roll)
    kinds = {roll.kind for roll in rolls}
    return tuple(rolls), tuple(f"no roll {kind}: {why}" for kind, why in reasons.items() if kind not in kinds)


def _shifts(trade: PaperTrade, typed: Sequence[TypedLeg], table: OptionTable) -> tuple[list[float], str]:
    """Dollars that the strikes of a package move by in a roll away, the best first; why where it need not."""
    shorts = [leg for leg in typed if leg.sign < 0]
    rights = {leg.right for leg in shorts}
    if len(rights) == 2:
        # Moves to listed strikes that come nearer to the price; of two as near the smaller first.
        strikes = [leg.strike for leg in shorts]
        distance = table.spot - 0.5 * (min(strikes) + max(strikes))
        moves = np.unique(table.strike[table.right == typed[0].right]) - typed[0].strike
        gaps = np.abs(moves - distance)
        nearer = np.flatnonzero(gaps < abs(distance) - SAME_STRIKE)
        best = nearer[np.lexsort((np.abs(moves[nearer]), np.round(gaps[nearer], 6)))]
        return moves[best].tolist(), "" if best.size else "no listed strikes are nearer to centred on the price"
    if not shorts or not trade.credit > 0.0:
        return [], "only packages sold for a credit move away"
    (right,) = rights
    nearest = min(leg.right * leg.strike for leg in shorts) * right
    side = np.flatnonzero(table.right == right)
    near, delta = np.abs(table.strike[side] - nearest) <= SAME_STRIKE, np.abs(table.delta[side])
    further = right * table.strike[side] > max(right * nearest, right * table.spot) + SAME_STRIKE
    if np.any(near & (delta <= STRATEGY.short_delta)):
        return [], f"the short strike {nearest:g} is at {STRATEGY.short_delta:g} delta or less"
    candidates = np.flatnonzero(further & ~np.isnan(delta))
    best = candidates[np.argsort(np.abs(delta[candidates] - STRATEGY.short_delta), kind="stable")]
    return [float(strike) - nearest for strike in table.strike[side][best]], ""


def _roll(
    kind: str,
    position: HeldPosition,
    typed: Sequence[TypedLeg],
    snapshot: Snapshot,
    table: OptionTable,
    shift: float,
    ratio: float,
) -> Roll | None:
    trade, mark = position.trade, position.mark
    assert mark is not None  # rolls are of marked positions
    moved = [replace(leg, strike=leg.strike + shift) for leg in typed]
    try:
        rows = np.array([row_of(leg, table) for leg in moved])
    except InputError:
        return None
    legs, schedule = legs_of(moved), FeeSchedule.parse(trade.fees_schedule)
    bid, ask = table.bid[rows], table.ask[rows]
    filled: Fill = fill_package(FillModel.parse(trade.fill), legs, bid, ask)
    if not filled.is_filled:
        return None
    table = snapshot.with_smile_vols(table, rows)
    count, day = trade.contracts, table.expiration
    opening = count * float(schedule.opening_fees(legs, count, float(premium_sold(legs, bid, ask))))
    fees = opening + count * mark.fees
    cash = MULTIPLIER * count * (filled.price - mark.debit) - fees
    successor = replace(
        trade, expiration=day.isoformat(), legs=_held(moved), opened=mark.at, credit=filled.price, fees=opening
    )  # fmt: skip
    loss = largest_loss(successor, snapshot)
    outlook = _outlook(table, snapshot, moved, filled.price, opening / count, _managed_terms(trade, ratio))
    expected = math.nan if outlook is None else position.pnl + count * outlook.expected_profit
    names = " ".join(leg.name for leg in moved)
    return Roll(
        kind, day, names, mark.debit, filled.price, filled.mid, opening, loss, fees, cash,
        loss - position.pnl - position.max_loss, expected,
    )  # fmt: skip


def rolled_trade(position: HeldPosition, roll: Roll) -> PaperTrade:
    """Trade that a roll opens, not in the journal yet: plan, size, exits, fill and fees of the position."""
    trade, mark = position.trade, position.mark
    assert mark is not None  # rolls are of marked positions
    typed = [TypedLeg.parse(text) for text in roll.legs.split()]
    return replace(
        trade, number=0, expiration=roll.expiration.isoformat(), legs=_held(typed), opened=mark.at,
        credit=roll.open_credit, mid=roll.open_mid, model=roll.open_credit, fees=roll.open_fees, risk=roll.max_loss,
        planned_risk=roll.max_loss, planned_contracts=trade.contracts, rank=None, checklist={}, marks=(), closing=None,
        root=trade.root if roll.expiration.isoformat() == trade.expiration else "",
    )  # fmt: skip
