"""The book: every package the entry rule would open, one a day, and its quotes on each day of its life.

Made for a market and an entry rule. Gates, exits and sizes only choose from it, so that a strategy and the baselines it
is compared with share their marks. Nothing in it is decided with hindsight: a package is chosen on the quotes of its
own day, and what follows is only read as the days go by.

On a market priced by a surface nothing is chosen or marked before the day loop needs it, or `complete` is called; the
result is the same. Packages of recorded chains are chosen and marked when the book is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.market import Candidates, DailyMarket, Series
from iwm_opts.backtest.rules import CONDOR, LONG_CALL, LONG_PUT, EntryRule
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest import book as records
from iwm_opts.kernels.backtest.book import Days, Lives, Quotes, Surface
from iwm_opts.kernels.backtest.marks import mark_packages
from iwm_opts.market.calendar import sessions

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

# strategy: sides and rights of its legs in ascending strike
LEGS: Final = {
    CONDOR: ((1, -1, -1, 1), (-1, -1, 1, 1)),
    "bull-put": ((1, -1), (-1, -1)),
    "bear-call": ((-1, 1), (1, 1)),
    "bull-call": ((1, -1), (1, 1)),
    "bear-put": ((-1, 1), (-1, -1)),
    LONG_CALL: ((1,), (1,)),
    LONG_PUT: ((1,), (-1,)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """n packages of equal legs, and their lives: package c on the rows offset[c] to offset[c + 1] - 1.

    The first row of a life is the entry, one row a day of the market follows; the last one settles the package where
    the market goes that far.
    """

    legs: Legs
    rule: EntryRule
    series: tuple[Series, ...]  # shape (n,)
    days: Days  # ranks left out
    lives: Lives
    quotes: Quotes
    surface: Surface
    is_estimated: Flags  # whether the price it settles at stands in for one that is not recorded; shape (n,)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def owner(self) -> Places:
        """Package of each row, shape (rows,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.lives.offset))

    @property
    def place(self) -> Places:
        """Day of each row, shape (rows,)."""
        owner = self.owner
        found: Places = self.lives.entry[owner] + np.arange(len(owner)) - self.lives.offset[owner]
        return found

    @property
    def kernel_legs(self) -> records.Legs:
        """The legs as kernels read them."""
        legs, calls = self.legs, int((self.legs.right > 0).sum())
        return records.Legs(
            legs.sign.copy(), legs.right.copy(), legs.ratio.copy(), legs.contracts, -legs.sign,
            len(legs) - calls, calls, self.rule.is_credit,
        )  # fmt: skip

    def complete(self, start: int = 0, stop: int | None = None) -> "Book":
        """Choose and mark what is left of the packages from `start` to `stop`, all unless given."""
        if len(self.surface.rows):
            stop = len(self) if stop is None else stop
            mark_packages(
                self.surface, self.days, self.lives, self.kernel_legs, self.quotes, *wings_of(self.rule), start, stop
            )
        return self

    def with_rule(self, rule: EntryRule) -> "Book":
        """A book of the same expirations for a rule with other deltas or wings, on a market priced by a surface."""
        return Book(
            Legs.of(*LEGS[rule.strategy]), rule, self.series, self.days, self.lives,
            blank_quotes(self.lives, len(LEGS[rule.strategy][0])), self.surface, self.is_estimated,
        )  # fmt: skip


def build_book(market: DailyMarket, rule: EntryRule, allowed: Flags | None = None) -> Book:
    """A package for every day, and its marks until it settles or the market ends.

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
    if candidates.strike is not None:
        book.quotes.strike[:] = candidates.strike
    market.quote(book)
    return book


def days_of(market: DailyMarket) -> Days:
    """The days of a market as kernels read them, ranks unknown."""
    ordinal = np.array([day.toordinal() for day in market.days], dtype=np.int64)
    dividend = np.zeros(len(ordinal))
    for one in market.dividends.dividends:
        place = int(np.searchsorted(ordinal, one.ex_date.toordinal()))
        if 0 < place < len(ordinal):
            dividend[place] += one.amount
    prices = [np.array(line, dtype=np.float64) for line in (market.spot, market.opened, market.high, market.low)]
    return Days._make([ordinal, *prices, dividend, np.full(len(ordinal), np.nan)])


def wings_of(rule: EntryRule) -> tuple[float, float, float, float, float, float]:
    """Delta of each side's anchor, and its wing's width or else delta: NaN for the other of the two."""
    put, call = rule.put_wing, rule.call_wing
    return (rule.put_delta, _or_nan(put.width), _or_nan(put.delta),
            rule.call_delta, _or_nan(call.width), _or_nan(call.delta))  # fmt: skip


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else float(value)


def blank_quotes(lives: Lives, legs: int) -> Quotes:
    """Quotes of packages that nobody has chosen yet."""
    n, rows = len(lives.entry), int(lives.offset[-1])
    return Quotes(
        np.zeros(n, dtype=np.int64), np.full((n, legs), np.nan), np.zeros(n, dtype=np.int64),
        np.full((legs, rows), np.nan), np.full((legs, rows), np.nan), np.zeros(rows, dtype=np.int64),
        np.zeros(rows, dtype=np.bool_), np.zeros(rows, dtype=np.int64),
    )  # fmt: skip


def _book(market: DailyMarket, rule: EntryRule, days: Days, found: Candidates, surface: Surface) -> Book:
    place, expires = found.place, np.array([one.expiration.toordinal() for one in found.series], dtype=np.int64)
    closing = _settling_days(found.series)
    end = np.searchsorted(days.ordinal, closing).astype(np.int64)  # a day the record lacks: the next one it has
    count = len(days.ordinal)
    settles = end < count
    price, is_estimated = _settlements(market, days, found.series, closing, end)
    of_day = np.full(count, -1, dtype=np.int64)
    of_day[place] = np.arange(len(place))
    offset = np.concatenate([[0], np.cumsum(np.minimum(end, count - 1) - place + 1)]).astype(np.int64)
    roots = {root: market.settlement(root) for root in {one.root for one in found.series}}
    physical = np.array([roots[one.root].pays_dividends for one in found.series], dtype=np.bool_)
    lives = Lives(
        of_day, place, offset, expires, settles, price, physical, _dividends(market, days.ordinal[place], expires),
        found.surface_row, found.ladder_offset, found.ladder,
    )  # fmt: skip
    legs = Legs.of(*LEGS[rule.strategy])
    return Book(legs, rule, found.series, days, lives, blank_quotes(lives, len(legs)), surface, is_estimated)


def _settling_days(series: Sequence[Series]) -> Places:
    """Ordinal of the session that each series settles on: the last one up to its expiration."""
    if not series:
        return np.empty(0, dtype=np.int64)
    expirations = np.array([one.expiration for one in series], dtype="datetime64[D]")
    calendar = sessions(_back(expirations.min()), expirations.max().item())
    found = calendar[np.searchsorted(calendar, expirations, side="right") - 1]
    return np.asarray(found.astype(np.int64) + date(1970, 1, 1).toordinal())


def _back(day: np.datetime64) -> date:
    return date.fromisoformat(str(day - np.timedelta64(14, "D")))


def _settlements(
    market: DailyMarket, days: Days, series: Sequence[Series], closing: Places, end: Places
) -> tuple[Array, Flags]:
    """Price that each package settles at, and whether it is an estimate."""
    price, is_estimated = np.full(len(series), np.nan), np.zeros(len(series), dtype=np.bool_)
    known: dict[Series, float] = {}
    for i in np.flatnonzero(end < len(days.ordinal)).tolist():
        if series[i] not in known:
            known[series[i]] = market.settlement_price(series[i])
        price[i] = known[series[i]]
        if np.isnan(price[i]):  # the last price known by then: what comes later did not exist
            is_captured = days.ordinal[end[i]] == closing[i]
            price[i], is_estimated[i] = days.spot[end[i] if is_captured else end[i] - 1], True
    return price, is_estimated


def _dividends(market: DailyMarket, today: Places, expires: Places) -> Array:
    """Dividends going ex after each entry and up to its expiration, dollars a share."""
    paid = sorted((one.ex_date.toordinal(), one.amount) for one in market.dividends.dividends)
    ordinal = np.array([day for day, _ in paid], dtype=np.int64)
    total = np.concatenate([[0.0], np.cumsum([amount for _, amount in paid])])
    after, until = (np.searchsorted(ordinal, x, side="right") for x in (today, expires))
    return np.asarray(total[until] - total[after])
