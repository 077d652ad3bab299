"""What the day loop runs on, and what it leaves."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.own_levels import OwnLevels
from iwm_opts.backtest.prices import BookPrices, blank_prices, cost_terms, state_of
from iwm_opts.backtest.rules import Costs, Rules
from iwm_opts.kernels.backtest.state import State, Surface
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.spreads.entry_rule import WEEKDAYS, EntryRule

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A market, its book of packages and trading costs; gates choose among the packages."""

    market: DailyMarket
    rules: Rules
    ranks: Array  # known on each day, shape (days,)
    macro: Array | None  # returns of the macro filter's fund known each day, shape (days,)
    book: Book
    costs: Array  # see `prices.cost_terms`
    prices: BookPrices
    own_levels: OwnLevels | None = None  # profit targets and stops of the caller's own

    def state(self, max_open: int | None = None) -> State:
        """Arrays that kernels read, ranks included; one a thread."""
        most = self.rules.entry.max_open if max_open is None else max_open
        return state_of(self.book, self.costs, self.prices, most, self.ranks)

    def with_costs(self, costs: Costs) -> "Prepared":
        """Return the same with other trading costs."""
        terms = market_costs(self.market, self.book, costs)
        return replace(self, rules=replace(self.rules, costs=costs), costs=terms, prices=blank_prices(self.book))

    def with_surface(self, surface: Surface) -> "Prepared":
        """Return the same packages to choose anew on a surface of the same rows with other prices."""
        book = self.book.with_surface(surface)
        return replace(self, book=book, prices=blank_prices(book))

    def entry_days(self, allowed: Flags | None = None) -> Flags:
        """Return the allowed days, those of the gate unless given, on which the other rules of entry are met too."""
        is_allowed = is_open(self.ranks, self.rules.gate) if allowed is None else allowed
        return is_allowed & on_weekdays(self.market, self.rules.entry) & macro_met(self)


class Run(NamedTuple):
    """Output of the day loop for one backtest; arrays as its kernel writes them."""

    trades: Array  # shape (len(Trades._fields), days)
    equity: Array  # shape (days,)
    skips: Places  # shape (1, len(SkipReason))
    summary: Array  # shape (1, len(Summary))


def market_costs(market: DailyMarket, book: Book, costs: Costs) -> Array:
    """`prices.cost_terms` of a book on its market."""
    tick = market.settlement(book.series[0].root).tick if len(book) else 0.01
    return cost_terms(costs, len(book.legs), tick)


def on_weekdays(market: DailyMarket, rule: EntryRule) -> Flags:
    """Days with quotes on which the rule enters, by weekday; not the last one before days of settlement alone."""
    count = market.quoted_days
    is_quoted: Flags = np.arange(len(market.days)) < (count if count == len(market.days) else count - 1)
    if not rule.weekdays:
        return is_quoted
    weekdays = {WEEKDAYS.index(day) for day in rule.weekdays}
    is_allowed: Flags = np.array([day.weekday() in weekdays for day in market.days])
    return is_quoted & is_allowed


def macro_met(prepared: Prepared) -> Flags:
    """Days on which the macro filter is clear, all without one."""
    rule = prepared.rules.macro
    if rule is None or prepared.macro is None:
        return np.ones(len(prepared.ranks), dtype=np.bool_)
    return rule.is_clear(prepared.macro)
