"""The momentum edge in options: a package bought or sold some minutes after the open, closed at minute 45 or before.

No source records quotes by the minute, so they are modelled from the surface of the close before: see
`sources.within_session`. Filling, fees, size and exits are those of the engine, the clock in minutes in place of
sessions; a package is judged at the opening price of each bar, and no position is held overnight.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.gate import known_ranks
from iwm_opts.backtest.result import Backtest, legs_text
from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import MULTIPLIER, TICK
from iwm_opts.errors import InputError
from iwm_opts.execution.fees import premium_sold
from iwm_opts.execution.fills import fill_package, fill_packages
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest.codes import ExitReason, SkipReason
from iwm_opts.kernels.backtest.exits import first_exit
from iwm_opts.kernels.trading.payoff import extremes
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import Minutes, bar_minutes
from iwm_opts.plans.edges import Momentum
from iwm_opts.plans.intraday import NO_BAR, bars_from_entry, momentum_sessions
from iwm_opts.risk.sizing import Limits, size_position
from iwm_opts.simulation.listing import Listing
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.surface_market import SurfaceMarket
from iwm_opts.sources.within_session import OPENING_WIDENING, SMILES, SessionQuotes, Smile, session_quotes, smile_note
from iwm_opts.spreads.entry_rule import LEGS
from iwm_opts.spreads.entry_selection import select_package

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

PROXY: Final = (
    "PROXY: option quotes within the session are modelled from the surface of the close before, at each bar's opening "
    f"price; half-spreads of mid-session x {OPENING_WIDENING:g} in the first hour (one capture of an opening)"
)
COLUMNS: Final = (
    "entry", "exit", "expiration", "reason", "legs", "contracts", "credit", "debit", "dte", "rank", "sessions", "days",
    "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment", "pnl", "risk", "max_adverse", "spot_entry",
    "spot_exit",
)  # fmt: skip


def surface_behind(market: DailyMarket | None) -> SurfaceMarket:
    """Surface that quotes within a session are modelled from.

    Raises InputError without a market, or with recorded quotes.
    """
    if market is not None and market.surface_days is not None:
        return market.surface_days.market
    rule = "options within the session are modelled from a surface, and none is there"
    raise InputError("source", None if market is None else market.name, rule, "give `source` modelled, or sim")


def trade_momentum_packages(
    bars: pd.DataFrame,
    minutes: Minutes,
    edge: Momentum,
    market: SurfaceMarket,
    history: IvHistory,
    rules: Rules,
    allowed: Flags | None = None,
    smile: Smile = SMILES[0],
    every_session: bool = False,
) -> Backtest:
    """Trade the momentum edge in one kind of package.

    The package is chosen on quotes at the opening price of the first bar at or after the edge's entry minute, by the
    entry rule, and filled on them. At the opening price of each later bar it is closed where stop or profit of the exit
    rule are reached, and on the first bar at or after the exit minute in any case (at the last close where trading
    stopped before).

    `bars`: daily bars, for the edge.
    `market`: what closed the session before is read, and nothing later.
    `history`: ranked for the record of each trade.
    `rules`: its dte, session, touch, rank and macro exits do not apply: the edge has its own clock.
    `allowed` (shape (sessions of `bars`,)): sessions on which the other rules of a plan allow an entry; all unless
      given.
    `every_session`: trade every session, whatever the signal: the baseline.
    Returns: `trades` has the columns of `COLUMNS`, meanings as in `Backtest`, entry and exit in minutes of New York,
      prices of the underlying with them; equity on each session of the minutes.
    """
    index, chosen, skipped = momentum_sessions(bars, minutes, edge, allowed, every_session)
    days = [day.date() for day in index]
    ranks = known_ranks(days, history, rules.gate)
    book = SessionBook(market, rules, edge, smile, bar_minutes(minutes.bars))
    marks = []
    for place, (_, session) in enumerate(minutes.bars.groupby(pd.DatetimeIndex(minutes.bars.index).normalize())):
        if chosen[place]:
            book.trade(session, days[place], float(ranks[place]))
        marks.append(book.equity)
    notes = (PROXY, f"assumed: {smile_note(smile)}", *skipped)
    table = pd.DataFrame(book.rows, columns=list(COLUMNS))
    equity = pd.DataFrame({"equity": marks, "cash": marks, "open_risk": 0.0, "positions": 0}, index=index)
    return Backtest(
        f"momentum, {rules.entry.strategy}", market.name, market.provenance, rules, table, equity, int(chosen.sum()),
        int(np.isfinite(ranks).sum()), book.skipped, notes,
    )  # fmt: skip


class Chosen(NamedTuple):
    """A package that the rule picks at the entry minute."""

    listing: Listing
    legs: Legs
    strike: Array  # ascending, shape (legs,)


class Opened(NamedTuple):
    """A package at its entry fill; dollars for one package unless said."""

    mid: float  # credit, dollars a share
    credit: float  # as filled, dollars a share
    widest: float  # most that closing can cost, dollars a share
    max_loss: float
    buying_power: float
    premium: float  # of the legs sold, dollars a share


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A package from its entry to its last possible exit, bar by bar; arrays over n bars, the entry's first."""

    moments: tuple[datetime, ...]
    minute: Array  # after the open
    spot: Array
    bid: Array  # shape (n, legs)
    ask: Array


class SessionBook:
    """One account that holds a package for some minutes of a session."""

    def __init__(self, market: SurfaceMarket, rules: Rules, edge: Momentum, smile: Smile, length: int) -> None:
        self.market, self.rules, self.edge, self.smile, self.length = market, rules, edge, smile, length
        self.equity = rules.size.account
        self.rows: list[dict[str, Any]] = []
        self.skipped: dict[str, int] = {}

    def trade(self, session: pd.DataFrame, day: date, rank: float) -> None:
        """One session's trade, from its entry to its end; counted where there is none."""
        trade = self._trade(session, day, rank)
        if isinstance(trade, str):
            self.skipped[trade] = self.skipped.get(trade, 0) + 1
            return
        self.rows.append(trade)
        self.equity += trade["pnl"]

    def _trade(self, session: pd.DataFrame, day: date, rank: float) -> dict[str, Any] | str:
        held = bars_from_entry(session, self.edge)
        if held is None:
            return NO_BAR
        quotes = session_quotes(self.market, day, self.smile)
        if quotes is None:
            return "the market has no surface of the close before"
        rule, spot = self.rules.entry, float(held["open"].iloc[0])
        listing = quotes.listing(rule.dte, rule.dte_slack)
        if listing is None:
            return SkipReason.NO_PACKAGE.words
        (quoted,) = quotes.quoted([_new_york(held.index[0])], np.array([spot]), listing)
        strike = select_package(rule, quoted, spot)
        if strike is None:
            return SkipReason.NO_PACKAGE.words
        chosen = Chosen(listing, Legs.of(*LEGS[rule.strategy]), strike)
        course = self._course(quotes, held, chosen)
        opened = self._opened(chosen, course)
        units = self._units(opened)
        if isinstance(units, str):
            return units
        return self._closed(chosen, course, opened, units) | {
            "expiration": pd.Timestamp(chosen.listing.expiration),
            "dte": quotes.days_to(chosen.listing),
            "rank": rank,
        }

    def _course(self, quotes: SessionQuotes, held: pd.DataFrame, chosen: Chosen) -> Course:
        minute, opened = held["minute"].to_numpy(dtype=float), held["open"].to_numpy(dtype=float)
        at = [_new_york(time) for time in held.index]
        due = int(np.searchsorted(minute, self.edge.exit_minute))
        if due < len(held):
            at, minute, spot = at[: due + 1], minute[: due + 1], opened[: due + 1]
        else:  # trading stopped before: the last close is carried forward
            at = [*at, at[-1] + pd.Timedelta(minutes=self.length)]
            minute, spot = np.append(minute, minute[-1] + self.length), np.append(opened, held["close"].iloc[-1])
        strikes = np.unique(chosen.strike)
        quoted = quotes.quoted(at, spot, chosen.listing, strikes)
        rows = np.where(chosen.legs.right > 0.0, 0, 1)  # calls first
        bid, ask = (
            np.array([getattr(time, name)[rows, np.searchsorted(time.strike, chosen.strike)] for time in quoted])
            for name in ("bid", "ask")
        )
        return Course(tuple(at), minute, spot, bid, ask)

    def _opened(self, chosen: Chosen, course: Course) -> Opened:
        costs, legs = self.rules.costs, chosen.legs
        fill = fill_package(costs.entry, legs, course.bid[0], course.ask[0], TICK)
        premium = float(premium_sold(legs, course.bid[0], course.ask[0]))
        fees = float(costs.fees.opening_fees(legs, 1, premium))
        widest = max(_worst(chosen, 0.0, 0.0, 0.0)[0], 0.0)
        # Shares assigned before an ex-date would owe its dividend: the size of the engine counts it, and so does this.
        days = self.market.dividends.between(course.moments[0].date(), chosen.listing.expiration)
        owed, exercise = sum(dividend.amount for dividend in days), costs.fees.exercise / MULTIPLIER
        _, largest = _worst(chosen, fill.price - fees / MULTIPLIER, owed, exercise)
        power = MULTIPLIER * (widest - fill.price) + fees
        return Opened(fill.mid, fill.price, widest, MULTIPLIER * largest, power, premium)

    def _units(self, opened: Opened) -> int | str:
        size = self.rules.size
        if not np.isfinite(opened.credit):
            return SkipReason.NO_QUOTE.words
        if self.rules.entry.is_credit and not opened.credit > 0.0:
            return SkipReason.NO_CREDIT.words
        if not opened.max_loss > 0.0:
            return SkipReason.RISKLESS.words
        if not self.equity > 0.0:
            return SkipReason.SPENT.words
        if size.contracts is not None:
            return size.contracts
        limits = Limits(max_open_risk=size.max_open_risk, buying_power=self.equity)
        position_size = size_position(self.equity, size.risk_share, opened.max_loss, opened.buying_power, limits)
        return position_size.contracts or f"size is zero, limited by {position_size.limited_by.replace('_', ' ')}"

    def _closed(self, chosen: Chosen, course: Course, opened: Opened, units: int) -> dict[str, Any]:
        costs, exits, closing = self.rules.costs, self.rules.exit, chosen.legs.closing()
        fills = fill_packages(costs.exit, closing, course.bid, course.ask, TICK)
        # Closing never costs more than the largest cost at expiry.
        close = np.maximum(fills.price, -opened.widest)
        profit, stop = (np.nan if rule is None else rule for rule in (exits.profit, exits.stop))
        row, why = first_exit(
            close, course.minute, opened.credit, profit, stop, float(self.edge.exit_minute), exits.first == "best"
        )
        if why == ExitReason.HELD:
            row, why = len(close) - 1, ExitReason.TIME
        bid, ask = course.bid[row], course.ask[row]
        stopped = fill_package(costs.stop, closing, bid, ask, TICK).price if why == ExitReason.STOP else close[row]
        out = max(float(stopped), -opened.widest)
        shares = MULTIPLIER * units
        fees = units * float(
            costs.fees.opening_fees(chosen.legs, units, opened.premium)
            + costs.fees.closing_fees(chosen.legs, units, float(premium_sold(closing, bid, ask)))
        )
        mid = float(fills.mid[row])
        worst = min(np.fmin.reduce(close[1:row], initial=np.inf), out)
        return {
            "entry": _naive(course.moments[0]), "exit": _naive(course.moments[row]), "reason": ExitReason(why).word,
            "legs": legs_text(chosen.legs.contracts, chosen.legs.right, chosen.strike), "contracts": units,
            "credit": opened.credit, "debit": -out + 0.0, "sessions": 1, "days": 0,
            "mid_pnl": shares * (opened.mid + mid), "entry_slippage": shares * (opened.mid - opened.credit),
            "exit_slippage": shares * (mid - out), "fees": fees, "assignment": 0.0,
            "pnl": shares * (opened.credit + out) - fees, "risk": units * opened.max_loss,
            "max_adverse": min(shares * (opened.credit + worst), 0.0), "spot_entry": float(course.spot[0]),
            "spot_exit": float(course.spot[row]),
        }  # fmt: skip


def _worst(chosen: Chosen, credit: float, owed: float, exercise: float) -> tuple[float, float]:
    """Largest loss at expiry and largest loss of one package, $/share; see `kernels.trading.payoff.extremes`."""
    out = [np.empty(1) for _ in range(3)]
    legs = chosen.legs
    rows = [np.array(column, dtype=np.float64)[None, :] for column in (legs.contracts, legs.right, chosen.strike)]
    extremes(*rows, np.array([credit]), owed, exercise, *out)
    return float(out[1][0]), float(out[2][0])


def _new_york(time: pd.Timestamp) -> datetime:
    moment: datetime = time.to_pydatetime().replace(tzinfo=NEW_YORK)
    return moment


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment.replace(tzinfo=None))
