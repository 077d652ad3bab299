"""Build a book: packages of an entry rule on a market, and their lives."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book, BookArrays, blank_lives
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest import state
from iwm_opts.kernels.backtest.state import CHOSEN, Days, Lifetimes, Surface
from iwm_opts.market.calendar import latest_sessions, session_numbers, sessions
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.daily_quotes import Candidates, PackageRows, Packages, Series
from iwm_opts.spreads.entry_rule import LEGS, EntryRule

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

EPOCH: Final = date(1970, 1, 1).toordinal()  # of datetime64


def build_book(market: DailyMarket, rule: EntryRule, allowed: Flags | None = None) -> Book:
    """Package for every day, and its marks until it settles or the market ends.

    Parameters
    ----------
    market : DailyMarket
    rule : EntryRule
        Its strategy, dte, deltas and wings count here; the rest decides later.
    allowed : ndarray of bool, shape (days,), optional
        Days on which a package may be wanted; all but the last unless given.
    """
    candidates = market.entries(rule, allowed)
    book = _book(market, rule, days_of(market), candidates, market.surface())
    if candidates.packages is not None:
        book.strike[:] = candidates.packages.strike
        quote_packages(book, candidates.packages)
    return book


def shared_book(market: DailyMarket, rule: EntryRule, near: dict[tuple[int, int], Book]) -> Book:
    """Book of a rule, which joins `near`: the latest books of this market by days to expiration and their slack.

    On a market priced by a surface, rules that differ in deltas and wings alone have the same expirations.
    """
    key = rule.dte, rule.dte_slack
    if key in near and len(near[key].arrays.surface):
        near[key] = near[key].with_rule(rule)
    else:
        near[key] = build_book(market, rule)
    return near[key]


def days_of(market: DailyMarket) -> Array:
    """Days of a market as kernels read them, ranks unknown; shape (len(Days._fields), days)."""
    rows = np.full((len(Days._fields), len(market.days)), np.nan)
    days = Days._make(rows)
    days.ordinal[:] = [day.toordinal() for day in market.days]
    days.session[:] = session_numbers(market.days)
    days.spot[:], days.opened[:], days.high[:], days.low[:] = market.spot, market.opened, market.high, market.low
    days.dividend[:] = 0.0
    for dividend in market.dividends.dividends:
        place = int(np.searchsorted(days.ordinal, dividend.ex_date.toordinal()))
        if 0 < place < len(days.ordinal):
            days.dividend[place] += dividend.amount
    return rows


def _book(market: DailyMarket, rule: EntryRule, days: Array, candidates: Candidates, surface: Surface) -> Book:
    place, expires = (
        candidates.place,
        np.array([listed.expiration.toordinal() for listed in candidates.series], dtype=np.int64),
    )
    closing, ordinal = settling_ordinals(candidates.series), days[state.ORDINAL]
    end = np.searchsorted(ordinal, closing).astype(np.int64)  # a day the record lacks: the next one it has
    count = len(ordinal)
    price, is_estimated = settlement_prices(market, Days._make(days), candidates.series, closing, end)
    of_day = np.full(count, -1, dtype=np.int64)
    of_day[place] = np.arange(len(place))
    roots = {root: market.settlement(root) for root in {listed.root for listed in candidates.series}}
    last = np.where(end < count, end, market.quoted_days - 1)
    rows = np.concatenate([[0], np.cumsum(last - place + 1)]).astype(np.int64)
    lifetimes = np.zeros((len(place), len(Lifetimes._fields)), dtype=np.int64)
    life = Lifetimes._make(lifetimes.T)
    life.entry[:], life.first[:], life.last[:], life.expires[:] = place, rows[:-1], rows[1:] - 1, expires
    eve = latest_sessions((closing - EPOCH - 1).astype("datetime64[D]"))
    life.eve[:] = eve.astype(np.int64) + EPOCH
    life.eve_session[:] = session_numbers(eve.tolist())
    life.settles[:] = end < count
    life.physical[:] = [roots[listed.root].pays_dividends for listed in candidates.series]
    life.surface_row[:] = candidates.surface_row
    life.ladder[:], life.ladder_end[:] = candidates.ladder_offset[:-1], candidates.ladder_offset[1:]
    legs = Legs.of(*LEGS[rule.strategy])
    terms = np.column_stack([price, _dividends(market, ordinal[place], expires)])
    lifetimes, terms, quotes, marks = blank_lives(lifetimes, terms, len(legs))
    arrays = BookArrays(
        days, of_day, lifetimes, terms, quotes, marks, surface.rows, surface.coefficients, candidates.ladder
    )  # fmt: skip
    return Book(legs, rule, candidates.series, arrays, is_estimated)


def quote_packages(book: Book, packages: Packages) -> None:
    """Write the quotes of chosen packages on the days before they settle."""
    life = book.lifetimes
    tradable = life.last - life.first + 1 - life.settles
    life.choice[:], life.quoted[:] = CHOSEN, tradable
    owner, place = book.owner, book.place
    rows = np.flatnonzero(np.arange(len(owner)) - life.first[owner] < tradable[owner])
    owner = owner[rows]
    asked = PackageRows(
        book.legs, book.days, book.series, life.physical > 0, owner, place[rows],
        np.ascontiguousarray(book.strike[owner].T),
    )  # fmt: skip
    book.bid[:, rows], book.ask[:, rows], book.arrays.marks[:, rows] = packages.quote(asked)


def settling_ordinals(series: Sequence[Series]) -> Places:
    """Ordinal of the session that each series settles on: the last one up to its expiration."""
    if not series:
        return np.empty(0, dtype=np.int64)
    expirations = np.array([item.expiration for item in series], dtype="datetime64[D]")
    earliest = expirations.min() - np.timedelta64(14, "D")
    calendar = sessions(earliest.item(), expirations.max().item())
    settling = calendar[np.searchsorted(calendar, expirations, side="right") - 1]
    return np.asarray(settling.astype(np.int64) + EPOCH)


def settlement_prices(
    market: DailyMarket, days: Days, series: Sequence[Series], closing: Places, end: Places
) -> tuple[Array, Flags]:
    """Price that each package settles at, and whether it is an estimate."""
    price, is_estimated = np.full(len(series), np.nan), np.zeros(len(series), dtype=np.bool_)
    prices: dict[Series, float] = {}
    for i in np.flatnonzero(end < len(days.ordinal)).tolist():
        if series[i] not in prices:
            prices[series[i]] = market.settlement_price(series[i])
        price[i] = prices[series[i]]
        if np.isnan(price[i]):  # the last price known by then: what comes later did not exist
            is_captured = days.ordinal[end[i]] == closing[i]
            price[i], is_estimated[i] = days.spot[end[i] if is_captured else end[i] - 1], True
    return price, is_estimated


def _dividends(market: DailyMarket, today: Array, expires: Places) -> Array:
    """Dividends going ex after each entry and up to its expiration, dollars a share."""
    paid = sorted((dividend.ex_date.toordinal(), dividend.amount) for dividend in market.dividends.dividends)
    ordinal = np.array([day for day, _ in paid], dtype=np.int64)
    total = np.concatenate([[0.0], np.cumsum([amount for _, amount in paid])])
    after, until = (np.searchsorted(ordinal, x, side="right") for x in (today, expires))
    return np.asarray(total[until] - total[after])
