from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.backtest.shares import ShareRules, trade_shares
from iwm_opts.conventions import Provenance
from iwm_opts.io.archive import ChainArchive
from iwm_opts.journal.paper import log_of_paper, open_journal
from iwm_opts.journal.paper_marks import closing_of
from iwm_opts.journal.paper_shares import Quote, marked_at, marked_on_bars, open_quote, opened_shares
from iwm_opts.journal.paper_trade import Closing, Mark
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.plan import make_usual_plan
from tests.refusals import ANY, refused

WARM = 20  # sessions of range 2 about 100: an ATR of 2, and a prior low of 99
DAYS = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 6, 28)), name="date").as_unit("us")
ENTRY = DAYS[WARM].date()
RULES = ShareRules(exits=ShareExits(max_sessions=10), slippage=0.0)
PLAN = make_usual_plan("mean-reversion")


def bars_after_warm_up(*rows, dividend=()):
    table = [(100.0, 101.0, 99.0, 100.0)] * WARM + list(rows)
    paid = [0.0] * WARM + [*dividend, *[0.0] * (len(rows) - len(dividend))]
    return pd.DataFrame(table, columns=["open", "high", "low", "close"], index=DAYS[: len(table)]).assign(dividend=paid)


def opened(bars, rules=RULES, at=None, **other):
    quote = at or open_quote(bars, ENTRY, "bars of IWM.csv", Provenance.RECORDED)
    return opened_shares(PLAN, rules, bars, quote, other.pop("held", ()), {"trend": "met"}, **other)


def test_the_size_is_the_formula_and_the_fill_the_models():
    # entry 100, stop min(99 - 0.2, 100 - 2) = 98: floor(500 / 2) = 250 shares at risk of $500
    trade = opened(bars_after_warm_up((100, 101, 99, 100)))
    assert (trade.contracts, trade.planned_contracts, trade.strategy, trade.multiplier) == (250, 250, "shares", 1)
    assert (trade.credit, trade.shares.stop, trade.shares.target) == (-100.0, 98.0, 104.0)
    assert trade.risk == pytest.approx(500.0)
    own = opened(bars_after_warm_up((100, 101, 99, 100)), count=300, own_price=100.5)
    assert (own.contracts, own.planned_contracts, own.credit, own.model) == (300, 250, -100.5, -100.0)
    assert own.risk == pytest.approx(300 * 2.5)


def test_a_stop_is_a_resting_order_and_a_gap_fills_at_the_open():
    trade = opened(bars_after_warm_up((100, 101, 99, 100)))
    marks = marked_on_bars(trade, bars_after_warm_up((100, 101, 99, 100), (100, 100.5, 97, 99), (99, 99, 99, 99)))
    assert [(mark.debit, mark.rule) for mark in marks] == [(-100.0, ""), (-98.0, "stop")]
    marks = marked_on_bars(trade, bars_after_warm_up((100, 101, 99, 100), (95, 96, 94, 95.5)))
    last = marks[-1]
    assert (last.debit, last.at.partition(" ")[2]) == (-95.0, "09:30:00")


def test_what_came_before_the_entry_in_its_session_stops_nothing():
    bars = bars_after_warm_up((100, 101, 97, 100))
    assert marked_on_bars(opened(bars), bars)[-1].rule == "stop"
    assert marked_on_bars(opened(bars, at=quote(0, 100.0)), bars)[-1].rule == ""


def test_dividends_are_received_after_the_entry_and_reach_the_log(tmp_path):
    rows = (100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 99, 101)
    bars = bars_after_warm_up(*rows, dividend=(7.0, 0.5))
    journal = open_journal(ChainArchive(tmp_path))
    trade, _ = journal.add(opened(bars))
    last = marked_on_bars(trade, bars)[-1]
    closed = journal.close(1, closing_of(trade, last, None, None))
    assert closed.gain == pytest.approx(250 * (101 - 100 + 0.5))  # the entry day's own goes to who held before
    (row,) = log_of_paper(journal.trades()).trades.to_dict("records")
    assert (row["pnl"], row["multiplier"], row["settlement"]) == (pytest.approx(375.0), 1.0, 125.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.02]))
def test_on_bars_a_trade_ends_as_in_the_backtest(seed, slippage):
    random = np.random.default_rng(seed)
    opening = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.012, 20)))
    close = opening * np.exp(random.normal(0.0, 0.008, 20))
    high, low = np.maximum(opening, close) * 1.004, np.minimum(opening, close) * 0.996
    bars = bars_after_warm_up(*zip(opening, high, low, close, strict=True))
    rules = ShareRules(exits=ShareExits(max_sessions=10), slippage=slippage)
    allowed = np.zeros(len(bars), dtype=bool)
    allowed[WARM] = True
    expected = trade_shares(bars, allowed, rules).trades.iloc[0]
    trade = opened(bars, rules)
    last = marked_on_bars(trade, bars)[-1]
    assert (trade.contracts, -trade.credit) == (expected["shares"], expected["entry_price"])
    assert (last.day, last.rule) == (str(expected["exit"].date()), expected["reason"])
    assert -last.debit == pytest.approx(expected["exit_price"])


def quote(place, price):
    return Quote(DAYS[WARM + place].to_pydatetime().replace(hour=15), price, "file", Provenance.RECORDED)


def test_a_time_stop_is_judged_on_its_session_and_calls_on_the_next(tmp_path):
    journal = open_journal(ChainArchive(tmp_path))
    journal.add(opened(bars_after_warm_up((100, 101, 99, 100))))
    for place in range(3):  # under 1 ATR (2.00) ahead on the third session
        (trade,) = journal.trades()
        mark = marked_at(trade, quote(place, 101.0))
        assert mark.rule == ""
        journal.mark(1, mark)
    (trade,) = journal.trades()
    assert marked_at(trade, quote(3, 103.0)).rule == "time"
    assert marked_at(trade, quote(3, 104.5)).rule == "target"
    assert marked_at(trade, quote(3, 97.5)).rule == "stop"


def test_sessions_that_nobody_marked_do_not_put_the_time_stop_off():
    trade = opened(bars_after_warm_up((100, 101, 99, 100)))
    assert marked_at(trade, quote(5, 101.0)).rule == "time"
    assert marked_at(trade, quote(5, 103.0)).rule == ""
    assert marked_at(trade, quote(10, 103.0)).rule == "time"  # ten sessions are over


def test_open_trades_of_the_plan_take_up_the_risk_that_is_allowed():
    bars = bars_after_warm_up((100, 101, 99, 100))
    held = [opened(bars)] * 5
    assert opened(bars, held=held) == "max open positions reached"


def test_bars_that_lack_a_session_are_refused():
    bars = bars_after_warm_up((100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 99, 100))
    trade = opened(bars)
    with refused("bars", ANY, DAYS[WARM + 1].date(), "trade 0"):
        marked_on_bars(trade, bars.drop(DAYS[WARM + 1]))
    with refused("as_of", "2024-01-01"):
        open_quote(bars, date(2024, 1, 1), "bars", Provenance.RECORDED)


def test_a_dividend_of_the_days_after_the_exit_was_due_is_none_of_the_plans():
    trade = opened(bars_after_warm_up((100, 101, 99, 100)))
    first, day, later = (DAYS[WARM + step].date().isoformat() for step in (1, 2, 3))
    due = Mark(day, f"{day} 09:30:00", 99.0, -99.0, -98.99, 0.0, "time", dividends=0.10)
    marks = (replace(due, day=first, at=f"{first} 16:00:00", rule=""), due)
    closing = Closing(f"{later} 09:30:00", -99.5, -99.5, -99.5, 0.0, "time", dividends=250 * 0.40)
    (late,) = log_of_paper([replace(trade, marks=marks, closing=closing)]).trades.itertuples()
    assert late.due_debit == pytest.approx(-98.99 + 0.30)
    in_time = replace(closing, at=f"{day} 09:30:00", dividends=250 * 0.10)
    (kept,) = log_of_paper([replace(trade, marks=marks, closing=in_time)]).trades.itertuples()
    assert kept.due_debit == pytest.approx(-98.99)
