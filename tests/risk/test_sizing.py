import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.risk.sizing import (
    Limits,
    atr_share_size,
    kelly_stake_from_expectation,
    liquidity_cap,
    share_size,
    size_position,
)
from tests.refusals import refused, shows


def size(account=50_000.0, risk=0.02, max_loss=399.52, **limits):
    return size_position(account, risk, max_loss, limits=Limits(**limits))


def test_worked_example():
    # 2% of 50,000 is 1,000; two condors of 399.52 lose 799.04, three 1,198.56.
    result = size()
    assert (result.contracts, result.limited_by) == (2, "risk")
    assert result.risk == pytest.approx(799.04)
    assert result.buying_power == pytest.approx(799.04)
    assert shows(result.reason, "risks $399.52", "is $1,000.00")
    assert result.warning == ""


@pytest.mark.parametrize(
    ("limits", "contracts", "reason"),
    [
        # 6% of 50,000 may be at risk in all: 3,000 - 2,300 leaves 700.
        ({"open_risk": 2300.0}, 1, "positions already on leave $700.00 of the open risk allowed"),
        ({"open_risk": 3000.0}, 0, "positions already on leave $0.00 of the open risk allowed"),
        ({"open_risk": 5000.0}, 0, "positions already on leave $0.00 of the open risk allowed"),
        ({"buying_power": 500.0}, 1, "one contract ties up $399.52, $500.00 is available"),
        ({"buying_power": -20.0}, 0, "one contract ties up $399.52, $-20.00 is available"),
        ({"liquidity": 1}, 1, "liquidity allows 1 contracts"),
        ({"liquidity": 0}, 0, "liquidity allows 0 contracts"),
        ({"kelly": 0.01}, 1, "Kelly stakes $500.00"),
        ({"kelly": 0.0}, 0, "Kelly stakes nothing: no expected profit"),
        ({"max_contracts": 1}, 1, "no more than 1 contracts are wanted"),
    ],
)
def test_every_limit_caps_and_says_so(limits, contracts, reason):
    result = size(**limits)
    assert result.contracts == contracts
    assert result.limited_by == next(iter(limits))
    assert reason in result.reason
    assert result.risk == pytest.approx(contracts * 399.52)


def test_the_tightest_limit_is_named():
    assert size(risk=0.05, liquidity=3, max_contracts=2, buying_power=10_000.0).limited_by == "max_contracts"


def test_zero_because_one_contract_is_too_large():
    result = size(account=10_000.0, risk=0.01)
    assert (result.contracts, result.risk, result.buying_power) == (0, 0.0, 0.0)
    assert shows(result.reason, "risks $399.52", "is $100.00")


def test_buying_power_may_differ_from_the_loss():
    # 1,000 / 400 bears two; 500 dollars available hold two at 250 each and one at 300.
    assert size_position(50_000, 0.02, 400.0, 250.0, Limits(buying_power=500.0)).contracts == 2
    result = size_position(50_000, 0.02, 400.0, 300.0, Limits(buying_power=500.0))
    assert (result.contracts, result.limited_by, result.buying_power) == (1, "buying_power", 300.0)


def test_a_package_that_ties_nothing_up_is_not_capped_by_buying_power():
    assert size_position(50_000, 0.02, 400.0, -5.0, Limits(buying_power=0.0)).contracts == 2


def test_a_position_may_take_its_own_share_whatever_the_ceiling_for_all():
    # 10% asked for against a ceiling of 6%: 5,000 / 399.52.
    assert size(risk=0.10).contracts == 12
    assert size(risk=0.10, open_risk=1000.0).contracts == 10


def test_an_unlimited_loss_is_never_sized():
    result = size(max_loss=math.inf)
    assert (result.contracts, result.risk, result.limited_by) == (0, 0.0, "risk")
    assert shows(result.reason, "unlimited")


def test_large_shares_are_warned_of():
    assert shows(size(risk=0.05).warning, "5.0% of", "account")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"account": 0.0}, "account"),
        ({"account": -1.0}, "account"),
        ({"account": math.nan}, "account"),
        ({"account": math.inf}, "account"),
        ({"risk": 0.0}, "risk"),
        ({"risk": 1.01}, "risk"),
        ({"risk": math.nan}, "risk"),
        ({"max_loss": 0.0}, "max_loss"),
        ({"max_loss": math.nan}, "max_loss"),
        ({"open_risk": -1.0}, "open_risk"),
        ({"max_open_risk": 0.0}, "max_open_risk"),
        ({"liquidity": -1}, "liquidity"),
        ({"kelly": math.nan}, "kelly"),
        ({"max_contracts": -2}, "max_contracts"),
        ({"buying_power": math.nan}, "buying_power"),
    ],
)
def test_numbers_out_of_range_are_named(arguments, name):
    with pytest.raises(InputError) as caught:
        size(**arguments)
    assert caught.value.name == name


accounts = st.floats(1.0, 1e8)
risks = st.floats(0.0001, 1.0)
losses = st.floats(0.5, 1e5)
optional_limits = st.builds(
    Limits,
    open_risk=st.floats(0, 1e6),
    buying_power=st.none() | st.floats(0, 1e6),
    liquidity=st.none() | st.integers(0, 100),
    kelly=st.none() | st.floats(0, 1),
    max_contracts=st.none() | st.integers(0, 100),
)


@given(accounts, risks, losses, optional_limits)
def test_no_more_is_risked_than_the_share(account, risk, max_loss, limits):
    result = size_position(account, risk, max_loss, limits=limits)
    assert result.contracts * max_loss <= account * risk * (1 + 1e-8)
    if limits.buying_power is not None:
        assert result.buying_power <= limits.buying_power * (1 + 1e-8)
    if limits.liquidity is not None:
        assert result.contracts <= limits.liquidity


@given(accounts, risks, losses)
def test_one_contract_more_would_break_the_share(account, risk, max_loss):
    assert (size_position(account, risk, max_loss).contracts + 1) * max_loss > account * risk * (1 - 1e-8)


@given(accounts, st.floats(1.0, 100.0), risks, losses, optional_limits)
def test_a_larger_account_never_bears_less(account, factor, risk, max_loss, limits):
    smaller = size_position(account, risk, max_loss, limits=limits)
    larger = size_position(account * factor, risk, max_loss, limits=limits)
    assert larger.contracts >= smaller.contracts


@given(accounts, risks, losses, st.floats(0, 1e5), st.floats(0, 1e5))
def test_more_open_risk_never_leaves_room_for_more(account, risk, max_loss, one, other):
    low, high = sorted((one, other))
    more = size_position(account, risk, max_loss, limits=Limits(open_risk=high))
    assert more.contracts <= size_position(account, risk, max_loss, limits=Limits(open_risk=low)).contracts


def test_liquidity_is_a_tenth_of_the_thinnest_leg():
    assert liquidity_cap([250.0, 1000.0, 95.0, 400.0]) == 9
    assert liquidity_cap([250.0, math.nan]) == 25
    assert liquidity_cap([5.0, 900.0]) == 0
    assert liquidity_cap([math.nan, math.nan]) is None
    assert liquidity_cap([100.0], share=0.05) == 5


def test_kelly_by_hand():
    # A condor that wins 100 with probability 0.85 and else loses 400 expects 25: f* = 0.85 - 0.15 x 400 / 100 = 0.25.
    assert kelly_stake_from_expectation(25.0, 0.85, 400.0, fraction=1.0) == pytest.approx(0.25)
    assert kelly_stake_from_expectation(25.0, 0.85, 400.0) == pytest.approx(0.0625)


def test_kelly_stakes_nothing_without_an_edge():
    assert kelly_stake_from_expectation(0.0, 0.85, 400.0) == 0.0
    assert kelly_stake_from_expectation(-12.0, 0.85, 400.0) == 0.0
    assert kelly_stake_from_expectation(math.nan, 0.85, 400.0) == 0.0
    assert kelly_stake_from_expectation(10.0, 0.0, 400.0) == 0.0
    assert kelly_stake_from_expectation(10.0, 0.85, math.inf) == 0.0


@given(st.floats(0.01, 1000.0), st.floats(0.0, 1.0), st.floats(1.0, 1e4), st.floats(0.01, 1.0))
def test_kelly_is_a_share(expected_profit, pop, max_loss, fraction):
    assert 0.0 <= kelly_stake_from_expectation(expected_profit, pop, max_loss, fraction) <= fraction


@pytest.mark.parametrize(("pop", "max_loss", "fraction"), [(1.1, 400, 0.5), (0.8, 0, 0.5), (0.8, 400, 0)])
def test_kelly_refuses_what_is_no_bet(pop, max_loss, fraction):
    with pytest.raises(InputError):
        kelly_stake_from_expectation(10.0, pop, max_loss, fraction)


def test_shares_by_hand():
    # 1% of 50,000 is 500; a stop 11.50 below 298.91 bears 43 shares, which risk 494.50.
    result = share_size(50_000.0, 0.01, 298.91, 287.41)
    assert (result.contracts, result.limited_by) == (43, "risk")
    assert result.risk == pytest.approx(494.50)
    assert result.buying_power == pytest.approx(43 * 298.91)
    assert shows(result.reason, "risks $11.50", "is $500.00")


def test_a_stop_in_average_true_ranges():
    # Two of 5.75 are the same 11.50.
    assert atr_share_size(50_000.0, 0.01, 5.75, 2.0, 298.91) == share_size(50_000.0, 0.01, 298.91, 287.41)
    assert atr_share_size(50_000.0, 0.01, 5.75, 2.0, 298.91, 10_000.0).limited_by == "buying_power"
    assert atr_share_size(50_000.0, 0.01, 2.0, slippage=0.5).contracts == 200
    without_price = atr_share_size(50_000.0, 0.01, 5.75, 2.0, buying_power=1.0)
    assert without_price.contracts == 43
    assert math.isnan(without_price.buying_power)


def test_a_short_is_stopped_above():
    assert share_size(50_000.0, 0.01, 100.0, 103.0).contracts == 166


def test_slippage_beyond_the_stop_is_risk():
    assert share_size(50_000.0, 0.01, 100.0, 98.0, slippage=0.5).contracts == 200


def test_shares_are_capped_by_buying_power():
    result = share_size(50_000.0, 0.01, 298.91, 287.41, buying_power=10_000.0)
    assert (result.contracts, result.limited_by) == (33, "buying_power")
    assert shows(result.reason, "$298.91, $10,000.00 is")


@pytest.mark.parametrize(
    ("entry", "stop", "slippage", "name"),
    [
        (0, 95, 0, "entry"),
        (100, -1, 0, "stop"),
        (100, math.nan, 0, "stop"),
        (100, 100, 0, "stop"),
        (100, 95, -1, "slippage"),
    ],
)
def test_stops_that_are_none_are_named(entry, stop, slippage, name):
    with pytest.raises(InputError) as caught:
        share_size(50_000.0, 0.01, entry, stop, slippage)
    assert caught.value.name == name


@pytest.mark.parametrize(("atr", "multiple"), [(0.0, 2.0), (-1.0, 2.0), (math.nan, 2.0), (5.0, 0.0)])
def test_an_atr_that_is_no_distance_is_named(atr, multiple):
    with refused("atr", atr):
        atr_share_size(50_000.0, 0.01, atr, multiple)


@given(st.floats(1, 1000), st.floats(1, 1000), st.floats(100, 1e7), risks)
def test_being_stopped_out_costs_no_more_than_the_share(entry, stop, account, risk):
    assume(abs(entry - stop) > 0.01)
    result = share_size(account, risk, entry, stop)
    assert result.contracts * abs(entry - stop) <= account * risk * (1 + 1e-8)
