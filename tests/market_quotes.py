"""Quotes of one expiration on one day of a market, as the plain loop reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from iwm_opts.kernels.backtest.marks import quotes_on
from iwm_opts.sources.daily_quotes import Marks, Series


@dataclass(frozen=True, slots=True, eq=False)
class ExpirationQuotes:
    """Quotes of one series on one day, from which a package is chosen; arrays of shape (n,), NaN where unknown."""

    series: Series
    dte: int
    spot: float
    right: np.ndarray  # +1 call, -1 put
    strike: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    delta: np.ndarray


class Request(NamedTuple):
    """Options of one series to be marked; arrays of shape (n,)."""

    series: Series
    right: np.ndarray
    strike: np.ndarray


def quotes_near(market, place: int, dte: int, slack: int) -> ExpirationQuotes | None:
    """Options with a usable quote of the expiration that entries choose from; None where there is none."""
    if hasattr(market, "quotes_near"):  # made by hand
        return market.quotes_near(place, dte, slack)
    return _of_surface(market, place, dte, slack) if market.surface_days else _of_panel(market, place, dte, slack)


def marks(market, place: int, requests: Sequence[Request]) -> list[Marks]:
    """Quotes where there are any, else bid and ask around the smile, else nothing; one answer a request."""
    return [(_mark_of_surface if market.surface_days else _mark_of_panel)(market, place, each) for each in requests]


def _of_surface(days, place, dte, slack):
    row = int(days._nearest(dte, slack)[place])
    if row < 0:
        return None
    (quoted,) = days.market.quoted(days._before + place, [days._table.listings[row]])
    return ExpirationQuotes(
        Series(days.market.symbol, quoted.listing.expiration),
        (quoted.listing.expiration - days.days[place]).days,
        float(days.spot[place]),
        np.repeat([-1.0, 1.0], len(quoted.strike)),
        np.tile(quoted.strike, 2),
        *(array[::-1].ravel() for array in (quoted.bid, quoted.ask, quoted.delta)),
    )


def _of_panel(days, place, dte, slack):
    index = int(days._nearest(np.array([place]), dte, slack)[0])
    if index < 0:
        return None
    panel, prices = days.panel, days._prices
    low, high = panel.strike_start[index : index + 2]
    sides = []
    for sign, (bids, asks), delta in (
        (-1.0, panel.quotes[2:], prices.put_delta),
        (1.0, panel.quotes[:2], prices.call_delta),
    ):
        bid, ask = bids[low:high], asks[low:high]
        quoted = np.flatnonzero(np.isfinite(bid) & np.isfinite(ask))
        strike = panel.strike[low:high][quoted]
        sides.append((np.full(len(quoted), sign), strike, bid[quoted], ask[quoted], delta[low:high][quoted]))
    columns = (np.concatenate(pair) for pair in zip(*sides, strict=True))
    dte = int(panel.expiration[index] - panel.day[place])
    return ExpirationQuotes(days._series(index), dte, float(panel.spot[place]), *columns)


def _mark_of_surface(days, place, request):
    bid, ask, delta = np.empty((3, len(request.strike)))
    rows = np.full(len(bid), days._order[days._row(place, request.series)])
    quotes_on(*days._surface, rows, np.array(request.right), np.array(request.strike), bid, ask, delta)
    return Marks(bid, ask, np.zeros(len(bid), dtype=np.int64))


def _mark_of_panel(days, place, request):
    index = days.panel.slice_of(place, request.series.root, request.series.expiration.toordinal())
    rows = np.full(len(request.strike), index, dtype=np.int64)
    return days._marked(rows, np.array(request.right), np.array(request.strike))
