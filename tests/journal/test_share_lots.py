"""Round trips in shares; every expected figure is worked out by hand, and no cent is lost whatever the fills."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.journal.executions import Execution
from iwm_opts.journal.matching import match_executions
from iwm_opts.market.contract import Contract
from tests.refusals import shows

FIRST = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - logs are New York without a zone


def fill(minutes, quantity, price, effect="", **other):
    return Execution(FIRST + timedelta(minutes=minutes), "IWM", None, quantity, price, effect=effect, **other)


def figures(trade):
    return trade.shares, trade.paid, trade.left_at, pytest.approx(trade.fees), trade.reason


def test_a_purchase_and_its_sale_are_one_trade():
    (trade,) = match_executions(
        [fill(0, 227, 200.0, "open", fees=1.0), fill(60, -227, 201.5, "close", fees=2.0)]
    ).shares
    assert figures(trade) == (227, 200.0, 201.5, 3.0, "closed")
    assert (trade.entry, trade.exit) == (FIRST, FIRST + timedelta(hours=1))


def test_a_short_is_opened_by_the_sale():
    (trade,) = match_executions([fill(0, -100, 200.0, "open"), fill(60, 100, 198.0, "close")]).shares
    assert figures(trade) == (-100, 200.0, 198.0, 0.0, "closed")


def test_fills_of_one_order_are_one_trade_at_their_mean_price():
    # By their order number however far apart; without one, where they follow each other within a minute.
    buys = [fill(0, 100, 200.0, "open", order="7", fees=0.5), fill(9, 300, 202.0, "open", order="7", fees=0.5)]
    sales = [fill(60, -150, 204.0, "close", fees=1.0), fill(61, -250, 208.0, "close", fees=2.0)]
    (trade,) = match_executions(buys + sales).shares
    assert figures(trade) == (400, 201.5, 206.5, 4.0, "closed")  # (100 x 200 + 300 x 202) / 400; 150 and 250 likewise
    assert trade.exit == FIRST + timedelta(minutes=61)
    apart = match_executions([*buys, sales[0], fill(63, -250, 208.0, "close")]).shares
    assert [(one.shares, one.left_at) for one in apart] == [(150, 204.0), (250, 208.0)]


def test_parts_left_in_several_orders_are_trades_of_one_number_and_share_its_fees():
    rows = [fill(0, 300, 200.0, "open", fees=3.0), fill(60, -100, 203.0, "close"), fill(90, -50, 199.0, "close")]
    first, second, rest = match_executions(rows).shares
    assert figures(first) == (100, 200.0, 203.0, 1.0, "closed")
    assert figures(second) == (50, 200.0, 199.0, 0.5, "closed")
    assert (rest.shares, rest.exit, rest.reason, rest.fees) == (150, None, "open", pytest.approx(1.5))
    assert {first.number, second.number, rest.number} == {1}


def test_the_oldest_lot_is_sold_first():
    rows = [fill(0, 100, 200.0, "open"), fill(5, 100, 210.0, "open"), fill(60, -150, 205.0, "close")]
    trades = match_executions(rows).shares
    assert [(one.number, one.shares, one.exit is None) for one in trades] == [
        (1, 100, False), (2, 50, False), (2, 50, True),
    ]  # fmt: skip


def test_a_row_without_an_effect_closes_and_then_opens():
    found = match_executions([fill(0, 100, 200.0), fill(60, -250, 205.0, line=7)])
    assert [(one.shares, one.exit is None) for one in found.shares] == [(100, False), (-150, True)]
    assert found.notes == (
        "line 7: sells 150 shares of IWM that the file did not buy, without saying why: taken for a short position",
    )


def test_what_was_opened_before_the_file_is_named_not_invented():
    found = match_executions([fill(0, 40, 200.0, "open"), fill(60, -100, 205.0, "close", line=9)])
    (trade,) = found.shares
    assert (trade.shares, trade.left_at) == (40, 205.0)
    (balance,) = found.opening
    assert (balance.name, balance.quantity, balance.price, balance.line) == ("shares of IWM", 60, 205.0, 9)


def test_accounts_and_symbols_never_close_each_other():
    rows = [fill(0, 100, 200.0, "open", account="U1"), fill(5, -100, 205.0, "close", account="U2", line=3)]
    found = match_executions(rows)
    assert [one.exit for one in found.shares] == [None]
    assert [(balance.account, balance.quantity) for balance in found.opening] == [("U2", 100)]


def test_a_split_leaves_out_what_is_open_across_it_and_nothing_else():
    before = [fill(0, 100, 200.0, "open"), fill(5, -100, 201.0, "close"), fill(10, 100, 200.0, "open")]
    split = fill(20, 0, 0.0, kind="reorganisation", line=5)
    after = [fill(30, -200, 101.0, "close", line=6), fill(40, 10, 101.0, "open"), fill(50, -10, 102.0, "close")]
    found = match_executions([*before, split, *after])
    assert [(one.shares, one.paid, one.left_at) for one in found.shares] == [(100, 200.0, 201.0), (10, 101.0, 102.0)]
    assert found.problems[-2].startswith("line 5: a split, merger or other change of the 100 shares of IWM held then")
    assert shows(found.problems[-1], "line 6: trades 200 shares of IWM", "line 5")
    assert found.opening == ()  # the 200 are the split shares of the file, not older ones


PUT = Contract("IWM", date(2026, 3, 20), "P", 190.0)
CALL = Contract("IWM", date(2026, 3, 20), "C", 205.0)


def option(minutes, contract, quantity, price, effect, kind="trade"):
    return Execution(
        FIRST + timedelta(minutes=minutes),
        "IWM",
        contract,
        quantity,
        price,
        effect=effect,
        kind=kind,
        order=f"{minutes}",
    )


def test_delivered_shares_stay_with_their_option_beside_own_ones():
    # A short put is assigned 100 at 190; 50 more are bought at 188, and all 150 are sold at 189: the delivered ones
    # are the older, and lose 100 dollars for the put; the 50 make 50 as a trade in shares.
    rows = [
        option(0, PUT, -1, 1.20, "open"),
        option(100, PUT, 1, 0.0, "close", "assignment"),
        fill(200, 50, 188.0, "open"),
        fill(300, -150, 189.0, "close", fees=3.0),
    ]
    found = match_executions(rows)
    (put,), (shares,) = found.packages, found.shares
    assert (put.settlement, put.reason) == (pytest.approx(-100.0 - 2.0), "assignment")
    assert figures(shares) == (50, 188.0, 189.0, 1.0, "closed")
    assert found.problems == ()


def test_a_covered_call_takes_own_shares_away_at_its_strike():
    rows = [
        fill(0, 150, 200.0, "open"),
        option(5, CALL, -1, 1.50, "open"),
        option(100, CALL, 1, 0.0, "close", "assignment"),
    ]
    found = match_executions(rows)
    (call,), (called, rest) = found.packages, found.shares
    assert (call.settlement, call.exit) == (0.0, FIRST + timedelta(minutes=100))
    assert figures(called) == (100, 200.0, 205.0, 0.0, "assignment")
    assert (rest.shares, rest.exit) == (50, None)


PRICES = st.integers(15_000, 25_000).map(lambda cents: cents / 100)


@given(st.lists(st.tuples(st.integers(-300, 300).filter(bool), PRICES), min_size=1, max_size=12))
def test_no_cent_is_lost_and_no_share(rows):
    # Whatever is bought and sold in whatever order: cash of all fills is that of the trades.
    fills = [fill(5 * at, count, price, fees=0.01 * abs(count)) for at, (count, price) in enumerate(rows)]
    trades = match_executions(fills).shares
    assert sum(one.shares for one in trades if one.exit is None) == sum(count for count, _ in rows)
    cash = -sum(count * price for count, price in rows)
    made = sum(one.shares * ((one.left_at if one.exit else 0.0) - one.paid) for one in trades)
    assert made == pytest.approx(cash, abs=1e-6)
    assert sum(one.fees for one in trades) == pytest.approx(sum(0.01 * abs(count) for count, _ in rows))
    # First in, first out: nothing that was opened after what is still open has been left.
    held = [one.number for one in trades if one.exit is None]
    assert all(one.number <= min(held) for one in trades if one.exit is not None and held)
