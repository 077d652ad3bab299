"""The engine: opens, holds and closes the packages of a book by the rules, day by day, every cent accounted for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book, build_book
from iwm_opts.backtest.gate import is_open, known_ranks
from iwm_opts.backtest.market import DailyMarket
from iwm_opts.backtest.prices import Prices, price_book
from iwm_opts.backtest.result import Backtest, Fees, assemble
from iwm_opts.backtest.rules import WEEKDAYS, EntryRule, ExitRule, Rules
from iwm_opts.conventions import MULTIPLIER
from iwm_opts.kernels.exits import STOP, TOUCH, first_exits
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.risk.sizing import Limits, size_position

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A market, a book priced on it, and where each of its packages would be closed; gates choose among them."""

    market: DailyMarket
    rules: Rules
    ranks: Array  # known on each day, shape (days,)
    book: Book
    prices: Prices
    exit_row: Places  # shape (n,)
    reason: Places  # of `kernels.exits`, shape (n,)
    out: Array  # credit at the exit as filled, dollars a share, shape (n,)


def prepare(market: DailyMarket, history: IvHistory, rules: Rules, book: Book | None = None) -> Prepared:
    """Build and price the book of the rules, and find every exit.

    Parameters
    ----------
    market : DailyMarket
    history : IvHistory
        What the gate ranks; observations after a decision's close are not read for it.
    rules : Rules
    book : Book, optional
        Of the same market and entry rule, where it was built before.
    """
    ranks = known_ranks(market.days, history, rules.gate)
    book = build_book(market, rules.entry) if book is None else book
    prices = price_book(market, book, rules.costs)
    row, reason = _exits(market, book, prices, rules.exit, ranks)
    out = np.where((reason == STOP) | (reason == TOUCH), prices.stop[row], prices.close[row])
    return Prepared(market, rules, ranks, book, prices, row, reason, out)


def backtest(market: DailyMarket, history: IvHistory, rules: Rules) -> Backtest:
    """Run the rules over a market; see `run` for what happens on a day."""
    return run(prepare(market, history, rules))


def run(prepared: Prepared, allowed: Flags | None = None, label: str | None = None) -> Backtest:
    """Trade the packages of a prepared book on the days that are allowed.

    Each day packages are closed first, then one may be opened: on an allowed day and weekday, when the last entry is
    `every` sessions back, a place is free, the credit at the entry fill is above zero and enough for its width, and the
    size is at least one package. A size is a share of the equity at the close before.

    Parameters
    ----------
    prepared : Prepared
    allowed : ndarray of bool, shape (days,), optional
        Days with an open gate; that of the rules unless given.
    label : str, optional
        What to call it; the gate's condition unless given.
    """
    gate = prepared.rules.gate
    wanted = is_open(prepared.ranks, gate) if allowed is None else allowed
    taken, contracts, skipped = _Account(prepared).trade(wanted)
    return assemble(prepared, label or str(gate), wanted, taken, contracts, skipped)


def _exits(market: DailyMarket, book: Book, prices: Prices, rule: ExitRule, ranks: Array) -> tuple[Places, Places]:
    owner = book.owner
    row, reason = np.empty(len(book), dtype=np.int64), np.empty(len(book), dtype=np.int64)
    with np.errstate(invalid="ignore"):
        reverses = (ranks >= (np.nan if rule.rank is None else rule.rank))[book.place]
    touched = _touched(market, book)[0] if rule.touch else np.zeros(len(owner), dtype=bool)
    tradable = ~book.is_carried & np.isfinite(prices.close) & np.isfinite(prices.stop)
    first_exits(
        book.offset, prices.credit, -prices.close, touched, reverses, book.days_left, tradable, book.settles,
        *(np.nan if bound is None else float(bound) for bound in (rule.profit, rule.stop, rule.dte, rule.sessions)),
        row, reason,
    )  # fmt: skip
    return row, reason


def _touched(market: DailyMarket, book: Book) -> tuple[Flags, bool]:
    """Rows on whose day the high or low reached a short strike, and whether any day's high and low are unknown."""
    legs, owner = book.legs, book.owner
    short = legs.sign < 0
    strike = book.strike[owner]
    high, low = market.high[book.place], market.low[book.place]
    with np.errstate(invalid="ignore"):
        reached = np.where(legs.right > 0, high[:, None] >= strike, low[:, None] <= strike)
    return np.asarray((reached & short).any(axis=1)), bool(np.isnan(market.high + market.low).any())


class _Account:
    """Equity, and what is open, as the days go by."""

    def __init__(self, prepared: Prepared) -> None:
        self.of = prepared
        days = len(prepared.market.days)
        self.settled = np.zeros(days)  # dollars booked by exits on each day
        self.floating = np.zeros(days)  # dollars that open packages stand at, marked to the exit fill
        self.open: list[tuple[int, float, float]] = []  # place of the exit, risk and buying power, dollars
        self.fees = Fees(prepared)

    def trade(self, allowed: Flags) -> tuple[Places, Places, dict[str, int]]:
        """Packages taken, in order of entry, their contracts, and why others were not."""
        book, rule = self.of.book, self.of.rules.entry
        equity_before, last_entry = self.of.rules.size.account, -rule.every
        taken: list[tuple[int, int]] = []
        skipped: dict[str, int] = {}
        by_place = {int(place): c for c, place in enumerate(book.entry)}
        on_weekday = _on_weekdays(self.of.market, rule)
        booked = 0.0
        for place in range(len(allowed)):
            self.open = [one for one in self.open if one[0] > place]
            if allowed[place] and on_weekday[place] and place - last_entry >= rule.every:
                c = by_place.get(place)
                contracts, why = (
                    (0, "no package of the rule is listed") if c is None else self._wanted(c, equity_before)
                )
                if contracts and c is not None:
                    taken.append((c, contracts))
                    self._open(c, contracts)
                    last_entry = place
                elif place < len(allowed) - 1:
                    skipped[why] = skipped.get(why, 0) + 1
            booked += self.settled[place]
            equity_before = self.of.rules.size.account + booked + self.floating[place]
        found = np.array(taken, dtype=np.int64).reshape(len(taken), 2)
        return found[:, 0], found[:, 1], skipped

    def _wanted(self, c: int, equity: float) -> tuple[int, str]:
        """Contracts of a package, or why none."""
        prices, rules, book = self.of.prices, self.of.rules, self.of.book
        credit, size = float(prices.credit[c]), rules.size
        if len(self.open) >= rules.entry.max_open:
            return 0, "as many positions open as allowed"
        if not credit > 0.0:
            return 0, "the credit is not above zero"
        if credit < rules.entry.min_credit_width * _width(book, c):
            return 0, "credit over width below the minimum"
        if not prices.max_loss[c] > 0.0:
            return 0, "cannot lose: a quote must be wrong"
        if size.contracts is not None:
            return size.contracts, ""
        if not equity > 0.0:
            return 0, "the account is spent"
        tied_up = sum(one[2] for one in self.open)
        limits = Limits(open_risk=sum(one[1] for one in self.open), buying_power=equity - tied_up)
        found = size_position(equity, size.risk_share, prices.max_loss[c], prices.buying_power[c], limits)
        return found.contracts, f"size is zero, limited by {found.limited_by.replace('_', ' ')}"

    def _open(self, c: int, contracts: int) -> None:
        book, prices = self.of.book, self.of.prices
        first, last = book.offset[c], self.of.exit_row[c]
        start, end = book.entry[c], book.place[last]
        units = MULTIPLIER * contracts
        paid = self.fees.opening(c, contracts)
        self.floating[start:end] += units * (prices.credit[c] + prices.close[first:last]) - paid
        gap = prices.gap[c] if self.of.book.settles[c] and last == book.offset[c + 1] - 1 else 0.0
        gain = units * (prices.credit[c] + self.of.out[c] + gap)
        self.settled[end] += gain - paid - self.fees.leaving(c, contracts)
        held = contracts * float(prices.max_loss[c]), contracts * float(prices.buying_power[c])
        self.open.append((int(end), *held))


def _on_weekdays(market: DailyMarket, rule: EntryRule) -> Flags:
    wanted = {WEEKDAYS.index(day) for day in rule.weekdays} or set(range(7))
    return np.array([day.weekday() in wanted for day in market.days])


def _width(book: Book, c: int) -> float:
    """Dollars between the strikes of the wider side."""
    sides = [book.strike[c][book.legs.right == sign] for sign in (-1, 1)]
    return max(float(np.ptp(side)) for side in sides if len(side))
