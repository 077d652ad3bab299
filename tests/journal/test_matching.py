from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.journal.executions import Execution
from iwm_opts.journal.matching import match_executions
from iwm_opts.journal.packages import strategy_of
from iwm_opts.market.contract import Contract

FIRST = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - logs are New York without a zone
EXPIRATION = date(2026, 3, 20)


def option(right, strike):
    return Contract("IWM", EXPIRATION, right, strike)


def leg(minutes, right, strike, quantity, price, **other):
    fields = {"fees": 0.0, "order": f"at {minutes}", **other}
    return Execution(FIRST + timedelta(minutes=minutes), "IWM", option(right, strike), quantity, price, **fields)


def shares(minutes, quantity, price, fees=0.0):
    return Execution(FIRST + timedelta(minutes=minutes), "IWM", None, quantity, price, fees, line=99)


def bull_put(minutes, count, short, long, effect="open"):
    return [
        leg(minutes, "P", 185.0, count, long, effect=effect, fees=count * 0.5),
        leg(minutes, "P", 190.0, -count, short, effect=effect, fees=count * 0.5),
    ]


def test_an_order_is_one_package():
    trade, = match_executions(bull_put(0, 4, 1.20, 0.70)).packages  # fmt: skip
    assert [(count, contract.strike) for count, contract in trade.legs] == [(1, 185.0), (-1, 190.0)]
    assert (trade.contracts, trade.credit, trade.exit, trade.reason) == (4, pytest.approx(0.50), None, "open")
    assert strategy_of(trade.legs) == "bull-put"


def test_parts_that_are_closed_apart_are_trades_apart():
    # 4 opened at 0.50 (fees 4.00), 1 left at 0.25 and 3 at 0.10, a dollar of fees a contract.
    closing = [
        leg(60, "P", 190.0, 1, 0.40, effect="close", fees=0.5),
        leg(60, "P", 185.0, -1, 0.15, effect="close", fees=0.5),
        leg(90, "P", 190.0, 3, 0.15, effect="close", fees=1.5),
        leg(90, "P", 185.0, -3, 0.05, effect="close", fees=1.5),
    ]
    first, second = match_executions([*bull_put(0, 4, 1.20, 0.70), *closing]).packages
    assert (first.contracts, first.debit, first.fees) == (1, pytest.approx(0.25), pytest.approx(2.0))
    assert (second.contracts, second.debit, second.fees) == (3, pytest.approx(0.10), pytest.approx(6.0))
    assert first.number == second.number
    assert second.exit == FIRST + timedelta(minutes=90)


def test_closings_meet_the_oldest_lots_first():
    # Two packages of one contract at 0.50 and 0.80; one closing of one: it is the older package's.
    orders = [*bull_put(0, 1, 1.20, 0.70), *bull_put(5, 1, 1.60, 0.80)]
    closing = [
        leg(60, "P", 190.0, 1, 0.40, effect="close"),
        leg(60, "P", 185.0, -1, 0.15, effect="close"),
    ]
    first, second = match_executions([*orders, *closing]).packages
    assert (first.credit, first.exit is not None) == (pytest.approx(0.50), True)
    assert (second.credit, second.exit) == (pytest.approx(0.80), None)


def test_legs_may_be_left_one_by_one():
    closing = [
        leg(60, "P", 190.0, 1, 0.40, effect="close"),
        leg(200, "P", 185.0, -1, 0.02, effect="close"),
    ]
    (trade,) = match_executions([*bull_put(0, 1, 1.20, 0.70), *closing]).packages
    assert trade.debit == pytest.approx(0.38)
    assert (trade.exit, trade.reason) == (FIRST + timedelta(minutes=200), "legged out")


def test_a_leg_bought_back_before_the_others_expire_is_legged_out():
    rows = [
        leg(60, "P", 190.0, 1, 0.40, effect="close"),
        leg(9_999, "P", 185.0, 1, 0.0, effect="close", kind="expiration"),
    ]
    (trade,) = match_executions([*bull_put(0, 1, 1.20, 0.70), *rows]).packages
    assert (trade.debit, trade.reason) == (pytest.approx(0.40), "legged out")


def test_a_roll_closes_one_package_and_opens_another():
    roll = [
        leg(60, "P", 190.0, 1, 0.40, effect="close", order="roll"),
        leg(60, "P", 185.0, -1, 0.15, effect="close", order="roll"),
        leg(60, "P", 188.0, -1, 0.90, effect="open", order="roll"),
        leg(60, "P", 183.0, 1, 0.50, effect="open", order="roll"),
    ]
    first, second = match_executions([*bull_put(0, 1, 1.20, 0.70), *roll]).packages
    assert first.debit == pytest.approx(0.25)
    assert second.rolled_from == (first.number,)
    assert second.credit == pytest.approx(0.40)


def test_expiration_ends_what_is_left():
    ends = [
        leg(9_999, "P", 190.0, 1, 0.0, effect="close", kind="expiration"),
        leg(9_999, "P", 185.0, 1, 0.0, effect="close", kind="expiration"),
    ]
    (trade,) = match_executions([*bull_put(0, 1, 1.20, 0.70), *ends]).packages
    assert (trade.debit, trade.reason) == (0.0, "expiry")


def test_an_assigned_put_brings_shares_that_are_sold_later():
    # Short 190 put for 1.20, long 185 for 0.70. Assigned: 100 shares at 190, sold at 188.50 for 1.00 of fees: -151.
    # The long put is sold at 0.05. The trade made 50 - (-5) ... 100 x (0.50 + 0.05) - 151 = -96.
    rows = [
        *bull_put(0, 1, 1.20, 0.70),
        leg(500, "P", 190.0, 1, 0.0, effect="close", kind="assignment"),
        leg(900, "P", 185.0, -1, 0.05, effect="close"),
        shares(1_900, -100, 188.50, fees=1.0),
    ]
    (trade,) = match_executions(rows).packages
    assert trade.settlement == pytest.approx(-151.0)
    assert trade.reason == "assignment"
    assert trade.exit == FIRST + timedelta(minutes=1_900)
    assert 100 * (trade.credit - trade.debit) + trade.settlement == pytest.approx(-96.0)


def test_a_spread_in_the_money_settles_at_its_width():
    # Assigned at 190 and exercised at 185: 5 dollars a share are lost, no share is left.
    rows = [
        *bull_put(0, 2, 1.20, 0.70),
        leg(500, "P", 190.0, 2, 0.0, effect="close", kind="assignment"),
        leg(500, "P", 185.0, 2, 0.0, effect="close", kind="exercise"),
    ]
    (trade,) = match_executions(rows).packages
    assert trade.settlement == pytest.approx(-1_000.0)
    assert trade.exit is not None


def test_shares_not_sold_yet_leave_the_trade_open():
    rows = [
        *bull_put(0, 1, 1.20, 0.70),
        leg(500, "P", 190.0, 1, 0.0, effect="close", kind="assignment"),
        leg(500, "P", 185.0, 1, 0.0, effect="close", kind="expiration"),
        shares(600, -40, 189.0),
    ]
    (trade,) = match_executions(rows).packages
    assert (trade.exit, trade.reason) == (None, "shares not sold yet")


def test_what_was_opened_before_the_file_is_named():
    found = match_executions([leg(0, "P", 190.0, 2, 0.40, effect="close", line=12)])
    assert found.packages == ()
    (balance,) = found.opening
    assert (balance.name, balance.quantity, balance.price, balance.line) == ("IWM260320P00190000", -2, 0.40, 12)


def test_a_row_that_closes_and_opens_does_both():
    # Long 1, sold 3 without an effect: 1 closes, 2 are sold short.
    rows = [leg(0, "C", 240.0, 1, 1.00, effect="open"), leg(60, "C", 240.0, -3, 1.50)]
    first, second = match_executions(rows).packages
    assert (first.contracts, first.debit) == (1, pytest.approx(-1.50))
    assert (second.contracts, second.credit, second.exit) == (2, pytest.approx(1.50), None)


PRICES = st.integers(1, 400).map(lambda cents: cents / 100)


@given(st.lists(st.tuples(st.integers(1, 5), PRICES, PRICES), min_size=1, max_size=5), st.data())
def test_no_cent_is_lost(opened, data):
    # Whatever is opened and closed in whatever parts: cash of all rows is the P&L of all trades and what is still open.
    rows, minute, held = [], 0, 0
    for count, short, long in opened:
        rows += bull_put(minute, count, short, long)
        minute, held = minute + 10, held + count
    left = {"P190": held, "P185": held}
    for _ in range(data.draw(st.integers(0, 6))):
        strike = data.draw(st.sampled_from([190.0, 185.0]))
        key = f"P{strike:.0f}"
        count = data.draw(st.integers(0, left[key]))
        if count:
            left[key] -= count
            sign = 1 if strike == 190.0 else -1
            rows.append(leg(minute, "P", strike, sign * count, data.draw(PRICES), effect="close", fees=0.65 * count))
            minute += 10
    found = match_executions(rows)
    assert found.problems == ()
    assert sum(trade.contracts for trade in found.packages) == held
    whole = held - max(left.values())
    assert sum(trade.contracts for trade in found.packages if trade.exit) == whole
    if left == {"P190": 0, "P185": 0}:
        cash = -sum(100 * row.quantity * row.price + row.fees for row in rows)
        made = sum(100 * t.contracts * (t.credit - t.debit) - t.fees + t.settlement for t in found.packages)
        assert made == pytest.approx(cash, abs=1e-6)
