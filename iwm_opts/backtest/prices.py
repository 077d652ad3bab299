"""What every package of a book brings in on its first day, and would cost to close on each later one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.market import DailyMarket
from iwm_opts.backtest.rules import Costs
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.execution.fees import premium_sold
from iwm_opts.execution.fills import fill_packages
from iwm_opts.kernels.payoff import extremes
from iwm_opts.risk.margin import package_margin

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Prices of a book's packages; dollars a share unless said, credits positive.

    Arrays of shape (n,) are of entries, of shape (rows,) of closing on that day. A row that settles has the worth of
    the package at the settlement price in place of a fill.
    """

    entry_mid: Array  # (n,)
    credit: Array  # at the entry fill, (n,)
    mid: Array  # (rows,)
    close: Array  # at the exit fill, (rows,)
    stop: Array  # at the fill of a stop or touch, (rows,)
    sold_in: Array  # premium of the legs sold on the way in, which the SEC's fee is a share of; (n,)
    sold_out: Array  # and on the way out, (rows,)
    exercised: Array  # contracts in the money at settlement, (n,)
    gap: Array  # worth of shares from exercise between the close and the next open, (n,)
    is_pinned: NDArray[np.bool_]  # settles within half a dollar of a short strike, (n,)
    max_loss: Array  # dollars a package with opening and exercise fees, positive; (n,)
    buying_power: Array  # dollars a package, (n,)


PIN_DISTANCE = 0.5  # dollars from a short strike within which nobody knows what will be exercised


def price_book(market: DailyMarket, book: Book, costs: Costs) -> Prices:
    """Fill every package of a book on every day of its life.

    Early assignment belongs here: a row on which a short leg is assigned would settle its package, as the last row does
    now.
    """
    legs, tick = book.legs, market.settlement(book.series[0].root).tick if len(book) else 0.01
    first = book.offset[:-1]
    entry = fill_packages(costs.entry, legs, book.bid[first], book.ask[first], tick)
    way_out = legs.closing()
    exits = fill_packages(costs.exit, way_out, book.bid, book.ask, tick)
    stops = fill_packages(costs.stop, way_out, book.bid, book.ask, tick)
    mid, close, stop = exits.mid.copy(), exits.price.copy(), stops.price.copy()
    # Nobody pays more to close than the package can ever cost at expiry: the wider wing.
    widest = -(package_margin(legs, book.strike, np.zeros(len(book)), 0.0).requirement / MULTIPLIER)[book.owner]
    close, stop = np.maximum(close, widest), np.maximum(stop, widest)
    sold_out = premium_sold(way_out, book.bid, book.ask)
    inside = legs.right * (book.settlement[:, None] - book.strike) > 0.0
    worth = (legs.contracts * np.where(inside, np.abs(book.settlement[:, None] - book.strike), 0.0)).sum(axis=1)
    last = (book.offset[1:] - 1)[book.settles]
    for prices in (mid, close, stop):
        prices[last] = worth[book.settles]
    sold_out[last] = 0.0
    fees = np.asarray(costs.fees.opening_fees(legs, 1, premium_sold(legs, book.bid[first], book.ask[first])))
    short = legs.sign < 0
    return Prices(
        entry_mid=entry.mid,
        credit=entry.price,
        mid=mid,
        close=close,
        stop=stop,
        sold_in=premium_sold(legs, book.bid[first], book.ask[first]),
        sold_out=sold_out,
        exercised=(inside * legs.ratio).sum(axis=1),
        gap=_gaps(market, book, inside),
        is_pinned=np.asarray((np.abs(book.settlement[:, None] - book.strike)[:, short] < PIN_DISTANCE).any(axis=1)),
        max_loss=_max_loss(book, entry.price, fees, costs.fees.exercise),
        buying_power=package_margin(legs, book.strike, entry.price, fees).buying_power,
    )


def _max_loss(book: Book, credit: Array, fees: Array, exercise: float) -> Array:
    n = len(book)
    sign, right = np.tile(book.legs.contracts, (n, 1)), np.tile(book.legs.right, (n, 1))
    best, at_expiry, worst = np.empty(n), np.empty(n), np.empty(n)
    kept = credit - fees / MULTIPLIER
    extremes(sign, right, book.strike, kept, 0.0, exercise / MULTIPLIER, best, at_expiry, worst)
    return MULTIPLIER * worst


def _gaps(market: DailyMarket, book: Book, inside: NDArray[np.bool_]) -> Array:
    """Dollars a share of the package that shares from exercised legs gain from the close to the next open.

    A deliverable leg in the money becomes shares, closed at the next session's open; where both legs of a side are
    exercised their shares cancel. Zero where settlement is in cash, and where no next open is known.
    """
    gaps = np.zeros(len(book))
    shares = (inside * book.legs.contracts * book.legs.right).sum(axis=1)
    for c in np.flatnonzero(book.settles & (shares != 0.0)):
        after = int(book.place[book.offset[c + 1] - 1]) + 1
        if market.settlement(book.series[c].root).delivery == "cash" or after >= len(market.days):
            continue
        opened = market.opened[after]
        gaps[c] = 0.0 if np.isnan(opened) else shares[c] * (opened - book.settlement[c])
    return gaps
