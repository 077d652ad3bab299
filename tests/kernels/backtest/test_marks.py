from datetime import date

import numpy as np
import pytest

from iwm_opts.backtest.book_builder import build_book
from iwm_opts.kernels.backtest.marks import quotes_on
from iwm_opts.kernels.backtest.state import CHOSEN, COLUMNS
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing
from tests.market_quotes import quotes_near


@pytest.fixture(scope="module")
def days():
    market = simulate_market(date(2024, 1, 2), date(2024, 4, 30), seed=11)
    return SurfaceDays(market, date(2024, 2, 1))


def test_marks_are_the_quotes_of_the_chain(days):
    day = days.days[20]
    chain = days.market.chain(day).quotes
    surface = days.surface()
    chain = chain[(chain["expiration"] - np.datetime64(day)).dt.days.between(1, 100)]
    rows = np.array([days._order[days._table.row(20, e.date())] for e in chain["expiration"]])
    right = np.where(chain["right"] == "C", 1.0, -1.0)
    strike = chain["strike"].to_numpy(dtype=float, copy=True)
    bid, ask, delta = (np.empty(len(rows)) for _ in range(3))
    quotes_on(*surface, rows, right, strike, bid, ask, delta)
    assert len(rows) > 1000
    np.testing.assert_array_equal(bid, chain["bid"])
    np.testing.assert_array_equal(ask, chain["ask"])
    np.testing.assert_allclose(delta, chain["delta"].abs(), rtol=1e-12)


@pytest.mark.parametrize(
    "rule",
    [
        EntryRule(),
        EntryRule(dte=10, put_delta=0.3, call_delta=0.05, put_wing=Wing(delta=0.1), call_wing=Wing(width=3.0)),
        EntryRule("bull-put", 60, 20, put_delta=0.45, put_wing=Wing(width=7.0)),
        EntryRule("bear-put", put_delta=0.6, put_wing=Wing(delta=0.2)),
        EntryRule("bull-call", call_delta=0.99, call_wing=Wing(delta=0.01)),
        EntryRule("long-call", 21, call_delta=0.001),
    ],
    ids=lambda rule: f"{rule.strategy} {rule.dte}",
)
def test_strikes_are_those_that_the_screens_choose(days, rule, screened):
    book = build_book(days, rule).complete()
    theirs = {}
    for place in range(len(days.days) - 1):
        board = quotes_near(days, place, rule.dte, rule.dte_slack)
        strikes = None if board is None else screened(board, rule)
        if strikes is not None:
            theirs[place] = (board.series, *strikes)
    chosen = np.flatnonzero(book.lifetimes.choice == CHOSEN)
    ours = {int(book.lifetimes.entry[c]): (book.series[c], *book.strike[c]) for c in chosen}
    assert ours == theirs
    assert ours


def test_the_surface_holds_each_life_in_one_stretch(days):
    book = build_book(days, EntryRule())
    spots = book.arrays.surface.reshape(-1, COLUMNS)[:, 0]
    life = book.lifetimes
    for c in range(len(book)):
        rows = life.last[c] - life.first[c] + 1 - life.settles[c]
        start, row = life.entry[c], life.surface_row[c]
        np.testing.assert_array_equal(spots[row : row + rows], days.spot[start : start + rows])
