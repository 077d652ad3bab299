"""The book: every package the entry rule would have opened, one a day, and its quotes on each day of its life.

Built once for a market and an entry rule. Gates, exits and sizes only choose from it, so that a strategy and the
baselines it is compared with share their marks. Nothing in it is decided with hindsight: a package is chosen on the
quotes of its own day, and what follows is only read as the days go by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.market import BY_SMILE, CARRIED, Board, DailyMarket, Marks, Request, Series
from iwm_opts.backtest.rules import CONDOR, EntryRule
from iwm_opts.conventions import VerticalKind
from iwm_opts.execution.legs import Legs
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.iron_condor import iron_condors
from iwm_opts.spreads.legs import DeltaRange, Packages
from iwm_opts.spreads.vertical import verticals

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A package the entry rule picks on one day."""

    place: int  # of the day
    series: Series
    strike: Array  # ascending, shape (legs,)


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """n packages of equal legs, and their lives: package c on the rows offset[c] to offset[c + 1] - 1.

    The first row of a life is the entry, one row a day of the market follows; the last one settles the package where
    the market goes that far.
    """

    legs: Legs
    series: tuple[Series, ...]  # shape (n,)
    entry: Places  # place of the entry day, shape (n,)
    strike: Array  # shape (n, legs)
    offset: Places  # shape (n + 1,)
    place: Places  # of each row's day, shape (rows,)
    days_left: Places  # calendar days to expiration, shape (rows,)
    bid: Array  # shape (rows, legs); NaN on rows that settle
    ask: Array
    by_smile: Places  # legs marked by the smile, their strike having left the chain; shape (rows,)
    is_carried: NDArray[np.bool_]  # nothing to mark by: quotes of the row before, and no trading; shape (rows,)
    settles: NDArray[np.bool_]  # whether the last row settles it, shape (n,)
    settlement: Array  # price of the underlying it settles at, NaN where it does not; shape (n,)
    is_estimated: NDArray[np.bool_]  # whether that price stands in for one that is not recorded; shape (n,)
    unfilled: int  # days on which no package could be chosen

    def __len__(self) -> int:
        return len(self.entry)

    @property
    def owner(self) -> Places:
        """Package of each row, shape (rows,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offset))


def build_book(market: DailyMarket, rule: EntryRule, allowed: NDArray[np.bool_] | None = None) -> Book:
    """Choose a package on every day, and mark each until it settles or the market ends.

    Parameters
    ----------
    market : DailyMarket
    rule : EntryRule
        Its strategy, dte, deltas and wings count here; the rest decides later.
    allowed : ndarray of bool, shape (days,), optional
        Days on which a package is wanted; all but the last unless given.
    """
    places = np.arange(len(market.days) - 1) if allowed is None else np.flatnonzero(allowed[:-1])
    found = [_choose(market, rule, int(place)) for place in places]
    chosen = [one for one in found if one is not None]
    legs = _legs(rule)
    ends = np.array([_last_place(market.days, one.series) for one in chosen], dtype=np.int64)
    entry = np.array([one.place for one in chosen], dtype=np.int64)
    rows = np.minimum(ends, len(market.days) - 1) - entry + 1
    offset = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    place = np.arange(offset[-1]) - np.repeat(offset[:-1] - entry, rows)
    settles = ends < len(market.days)
    price, is_estimated = _settlements(market, chosen, ends)
    quotes = _mark(market, chosen, legs, offset, np.where(settles, ends, len(market.days)))
    expires = np.array([one.series.expiration.toordinal() for one in chosen], dtype=np.int64)
    today = np.array([day.toordinal() for day in market.days], dtype=np.int64)
    return Book(
        legs=legs,
        series=tuple(one.series for one in chosen),
        entry=entry,
        strike=np.array([one.strike for one in chosen]).reshape(len(chosen), len(legs)),
        offset=offset,
        place=place,
        days_left=np.repeat(expires, rows) - today[place],
        **quotes,
        settles=settles,
        settlement=price,
        is_estimated=is_estimated,
        unfilled=len(places) - len(chosen),
    )


def _choose(market: DailyMarket, rule: EntryRule, place: int) -> Chosen | None:
    board = market.board(place, rule.dte, rule.dte_slack)
    if board is None:
        return None
    packages = _packages(board, rule)
    return Chosen(place, board.series, board.strike[packages.index[0]]) if len(packages) else None


def _packages(board: Board, rule: EntryRule) -> Packages:
    # Selection reads right, strike and delta, which a board has: an option table with its smile would take longer to
    # make than all the rest of the day.
    table = cast("OptionTable", board)
    put, call = (DeltaRange(delta, delta) for delta in (rule.put_delta, rule.call_delta))
    if rule.strategy == CONDOR:
        return iron_condors(table, put, call, [(rule.put_wing, rule.call_wing)])
    is_put = rule.strategy == "bull-put"
    kind = cast("VerticalKind", rule.strategy)
    return verticals(table, kind, put if is_put else call, [rule.put_wing if is_put else rule.call_wing])


def _legs(rule: EntryRule) -> Legs:
    condor = Legs.of((1, -1, -1, 1), (-1, -1, 1, 1))
    sides = {CONDOR: slice(None), "bull-put": slice(0, 2), "bear-call": slice(2, 4)}[rule.strategy]
    return Legs.of(condor.sign[sides], condor.right[sides])


def _last_place(days: Sequence[date], series: Series) -> int:
    """Place of the first day on or after the session that a series settles on; len(days) where the market ends first.

    A series that expires on a day the record lacks settles on the next one it has.
    """
    return int(np.searchsorted(np.array(days), np.datetime64(latest_session(series.expiration))))


def _settlements(market: DailyMarket, chosen: Sequence[Chosen], ends: Places) -> tuple[Array, NDArray[np.bool_]]:
    """Price that each package settles at, and whether it stands in for one that is not recorded."""
    price, is_estimated = np.full(len(chosen), np.nan), np.zeros(len(chosen), dtype=bool)
    for i, (one, end) in enumerate(zip(chosen, ends, strict=True)):
        if end == len(market.days):
            continue
        price[i] = market.settlement_price(one.series)
        if np.isnan(price[i]):  # the last price known by then: what comes later did not exist
            by_then = end if market.days[end] == latest_session(one.series.expiration) else end - 1
            price[i], is_estimated[i] = market.spot[by_then], True
    return price, is_estimated


def _mark(market: DailyMarket, chosen: Sequence[Chosen], legs: Legs, offset: Places, ends: Places) -> dict[str, Any]:
    """Quotes of every life, day by day."""
    shape = int(offset[-1]), len(legs)
    bid, ask = np.full(shape, np.nan), np.full(shape, np.nan)
    by_smile, is_carried = np.zeros(shape[0], dtype=np.int64), np.zeros(shape[0], dtype=bool)
    alive: list[int] = []
    entries: dict[int, list[int]] = {}
    for c, one in enumerate(chosen):
        entries.setdefault(one.place, []).append(c)
    for place in range(len(market.days)):
        alive = [c for c in alive if place < ends[c]] + entries.get(place, [])
        if not alive:
            continue
        groups: dict[Series, list[int]] = {}
        for c in alive:
            groups.setdefault(chosen[c].series, []).append(c)
        requests = [
            Request(series, np.tile(legs.right, len(group)), np.concatenate([chosen[c].strike for c in group]))
            for series, group in groups.items()
        ]
        for group, marks in zip(groups.values(), market.marks(place, requests), strict=True):
            rows = np.array([offset[c] + place - chosen[c].place for c in group])
            _write(marks, rows, len(legs), bid, ask, by_smile, is_carried)
    return {"bid": bid, "ask": ask, "by_smile": by_smile, "is_carried": is_carried}


def _write(
    marks: Marks, rows: Places, legs: int, bid: Array, ask: Array, by_smile: Places, is_carried: NDArray[np.bool_]
) -> None:
    shape = len(rows), legs
    origin = marks.origin.reshape(shape)
    carried = (origin == CARRIED).any(axis=1)
    bid[rows], ask[rows] = marks.bid.reshape(shape), marks.ask.reshape(shape)
    by_smile[rows] = np.where(carried, 0, (origin == BY_SMILE).sum(axis=1))
    is_carried[rows] = carried
    # A package is chosen on quotes, so that its first row is never carried and the row before is its own.
    bid[rows[carried]], ask[rows[carried]] = bid[rows[carried] - 1], ask[rows[carried] - 1]
