"""Expected values are worked by hand beside each case."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.kernels.trading.payoff import breakevens, delivered_losses, extremes, payoff_line

CONDOR = ([1, -1, -1, 1], [-1, -1, 1, 1])
BULL_PUT = ([1, -1], [-1, -1])
BEAR_CALL = ([-1, 1], [1, 1])
BULL_CALL = ([1, -1], [1, 1])
LONG_PUT = ([1], [-1])
LONG_CALL = ([1], [1])
SHORT_CALL = ([-1], [1])
SHORT_PUT = ([-1], [-1])


def of(kind, strikes, credit, dividends=0.0, exercise_fee=0.0):
    sign, right, strike = (np.array([row], dtype=float) for row in (*kind, strikes))
    best, worst_expiry, worst, crossings = np.empty(1), np.empty(1), np.empty(1), np.empty((1, 2))
    extremes(sign, right, strike, np.array([credit]), dividends, exercise_fee, best, worst_expiry, worst)
    breakevens(sign, right, strike, np.array([credit]), crossings)
    return best[0], worst_expiry[0], worst[0], [b for b in crossings[0] if not math.isnan(b)]


@pytest.mark.parametrize(
    ("kind", "strikes", "credit", "best", "worst", "crossings"),
    [
        # sells 1.10 on wings 5 wide: keeps 1.10, loses 5 - 1.10, even at 275 - 1.10 and 320 + 1.10
        (CONDOR, [270, 275, 320, 325], 1.10, 1.10, 3.90, [273.90, 321.10]),
        # put wing 10, call wing 5: the wider one decides
        (CONDOR, [265, 275, 320, 325], 1.60, 1.60, 8.40, [273.40, 321.60]),
        # the call wing is 1 wide and 1.60 came in: that side cannot lose, and has no break-even
        (CONDOR, [265, 275, 320, 321], 1.60, 1.60, 8.40, [273.40]),
        (BULL_PUT, [195, 200], 1.25, 1.25, 3.75, [198.75]),
        (BEAR_CALL, [200, 205], 1.25, 1.25, 3.75, [201.25]),
        (BULL_CALL, [200, 205], -2.00, 3.00, 2.00, [202.00]),
        (LONG_CALL, [200], -3.00, math.inf, 3.00, [203.00]),
        (LONG_PUT, [200], -3.00, 197.00, 3.00, [197.00]),  # the price stops at zero
        (SHORT_CALL, [200], 3.00, 3.00, math.inf, [203.00]),
        (SHORT_PUT, [200], 3.00, 3.00, 197.00, [197.00]),
    ],
)
def test_worked_examples(kind, strikes, credit, best, worst, crossings):
    found = of(kind, strikes, credit)
    assert found[0] == pytest.approx(best)
    assert found[1] == found[2] == pytest.approx(worst)
    assert found[3] == pytest.approx(crossings)


def test_a_credit_wider_than_both_wings_never_crosses():
    assert of(CONDOR, [99, 100, 110, 111], 1.20)[3] == []


def test_max_loss_owes_dividends_and_exercise_fees():
    # The call side: 5 - 1.10 lost, 0.62 owed on shares short, two calls exercised at 0.05 a share each: 4.62.
    # The put side: 3.90 and two puts exercised, 4.00.
    _, expiry, worst, _ = of(CONDOR, [270, 275, 320, 325], 1.10, dividends=0.62, exercise_fee=0.05)
    assert expiry == pytest.approx(3.90)
    assert worst == pytest.approx(4.62)


def test_two_short_calls_owe_two_dividends():
    # Sold 2 x 275 call, bought 2 x 280: above 280, 10 - 2.20 lost, 2 x 0.62 owed, four exercised at 0.05.
    kind = ([-2, 2], [1, 1])
    assert of(kind, [275, 280], 2.20, dividends=0.62, exercise_fee=0.05)[2] == pytest.approx(7.80 + 1.24 + 0.20)
    # Just below 280 the two sold alone: 200 shares short, bought 10% higher.
    loss = delivered(kind, [275, 280], 2.20, 0.10, dividends=0.62, exercise_fee=0.05)
    assert loss == pytest.approx(7.80 + 1.24 + 0.10 + 56.0)


def delivered(kind, strikes, credit, gap, dividends=0.0, exercise_fee=0.0):
    sign, right, strike = (np.array([row], dtype=float) for row in (*kind, strikes))
    out = np.empty(1)
    delivered_losses(sign, right, strike, np.array([credit]), dividends, exercise_fee, gap, out)
    return out[0]


@pytest.mark.parametrize(
    ("kind", "strikes", "credit", "gap", "worst"),
    [
        (CONDOR, [270, 275, 320, 325], 1.10, 0.0, 3.90),  # settled in cash
        # Just below 325 the short call is exercised, the long one is not: 100 shares short, bought 10% higher.
        (CONDOR, [270, 275, 320, 325], 1.10, 0.10, 3.90 + 32.5),
        (BULL_PUT, [195, 200], 1.25, 0.10, 3.75 + 19.5),  # just above 195: 100 shares long, sold 10% lower
        (BULL_CALL, [200, 205], -2.00, 0.10, 2.00 + 20.0),  # just above 200: the long call leaves 100 shares long
        (LONG_PUT, [200], -3.00, 0.05, 3.00 + 10.0),
        (SHORT_CALL, [200], 3.00, 0.10, math.inf),
    ],
)
def test_loss_with_delivered_shares(kind, strikes, credit, gap, worst):
    assert delivered(kind, strikes, credit, gap) == pytest.approx(worst)


def test_delivery_adds_to_dividends_and_exercise_fees():
    # Just below 325 one call is exercised at 0.05, its shares owe 0.62; beyond it two, without shares: 4.62 alone.
    found = delivered(CONDOR, [270, 275, 320, 325], 1.10, 0.01, dividends=0.62, exercise_fee=0.05)
    assert found == pytest.approx(3.90 + 0.62 + 0.05 + 3.25)


@given(
    st.lists(st.integers(50, 150), min_size=4, max_size=4, unique=True).map(sorted),
    st.floats(0, 0.2),
    st.floats(1, 400),
    st.floats(-1, 1),
)
def test_no_settlement_and_open_lose_more(strikes, gap, spot, move):
    # Leg by leg: exercised options trade at their strike, what is left of shares at the next open.
    opened, shares, cash = spot * (1 + gap * move), 0, 1.0
    for sign, right, strike in zip(*CONDOR, strikes, strict=True):
        if right * (spot - strike) > 0:
            shares += sign * right
            cash -= sign * right * strike
    assert -(cash + shares * opened) <= delivered(CONDOR, strikes, 1.0, gap) + 1e-9


def test_dividends_owed_only_where_a_call_is_short():
    assert of(BULL_PUT, [195, 200], 1.25, dividends=0.62)[2] == pytest.approx(3.75)
    assert of(LONG_CALL, [200], -3.0, dividends=0.62)[2] == pytest.approx(3.00)
    # A short call at its very strike may be assigned too: nothing gained by the calls, the dividend owed.
    assert of(([-1, 1], [1, 1]), [200, 201], 1.5, dividends=2.0)[2] == pytest.approx(1.5 * -1 + 1 + 2.0)


def test_payoff_line_of_a_butterfly():
    # Long 95 and 105, short two 100: 5 at the middle, nothing outside (Hull 2018, section 12.3).
    sign, right, strike = np.array([1.0, -1, -1, 1]), np.ones(4), np.array([95.0, 100, 100, 105])
    out = np.empty(5)
    payoff_line(sign, right, strike, np.array([90.0, 97.5, 100, 102.5, 120]), out)
    assert out == pytest.approx([0, 2.5, 5, 2.5, 0])


@given(
    st.lists(st.integers(50, 150), min_size=4, max_size=4, unique=True).map(sorted),
    st.floats(-3, 3),
    st.floats(1, 400),
)
def test_no_price_beats_the_extremes(strikes, credit, spot):
    best, worst, _, crossings = of(CONDOR, strikes, credit)
    line = np.empty(1)
    sign, right = (np.array(row, dtype=float) for row in CONDOR)
    payoff_line(sign, right, np.array(strikes, dtype=float), np.array([spot]), line)
    assert -worst - 1e-9 <= line[0] + credit <= best + 1e-9
    for crossing in crossings:
        payoff_line(sign, right, np.array(strikes, dtype=float), np.array([crossing]), line)
        assert line[0] + credit == pytest.approx(0, abs=1e-9)
