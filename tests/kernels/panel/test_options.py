"""Options of a panel: finding slices and quotes, and choosing packages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.kernels.panel.options import SideRule, choose_packages, find_slices, quotes_of

NAN = math.nan
SLACK = 0.10  # fraction of its width by which a wing may miss it


def test_slices_are_found_by_day_expiration_and_root():
    day_start = np.array([0, 3, 3, 5])
    expiration, root = np.array([10, 10, 20, 20, 30]), np.array([0, 1, 0, 1, 1])
    place = np.array([0, 0, 0, 0, 1, 2, 2, 2])
    wanted, of_root = np.array([10, 10, 20, 15, 10, 20, 30, 20]), np.array([0, 1, 0, 0, 0, 1, 1, 0])
    found = np.empty(8, dtype=np.int64)
    find_slices(day_start, expiration, root, place, wanted, of_root, found)
    assert found.tolist() == [0, 1, 2, -1, -1, 3, 4, -1]


def test_quotes_of_options_by_slice_right_and_strike():
    start = np.array([0, 2, 4])
    strike = np.array([100.0, 105.0, 100.0, 110.0])
    sides = [np.array(side) for side in ([1.0, NAN, 3.0, 0.0], [1.5, NAN, 3.5, NAN], [5.0] * 4, [6.0] * 4)]
    index = np.array([0, 0, 0, 1, 1, -1, 1])
    right = np.array([1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0])
    wanted = np.array([100.0, 105.0, 105.0, 100.0, 110.0, 100.0, 107.0])
    bid, ask = np.empty(7), np.empty(7)
    quotes_of(start, strike, *sides, index, right, wanted, bid, ask)
    np.testing.assert_array_equal(bid, [1.0, NAN, 5.0, 5.0, NAN, NAN, NAN])
    np.testing.assert_array_equal(ask, [1.5, NAN, 6.0, 6.0, NAN, NAN, NAN])


def choose(strike, call_delta, put_delta, legs, rule, lost=()):
    quoted = np.ones(len(strike))
    quoted[list(lost)] = NAN
    quotes = np.tile(quoted, (4, 1))
    chosen, is_whole = np.empty((1, sum(legs))), np.empty(1, dtype=np.bool_)
    (anchor, width, wing), (call_anchor, call_width, call_wing) = rule[:3], rule[3:]
    choose_packages(
        np.zeros(1, dtype=np.int64), np.array([0, len(strike)]), strike, quotes, call_delta, put_delta,
        SideRule(legs[0], anchor, SLACK, wing), np.array([width]),
        SideRule(legs[1], call_anchor, SLACK, call_wing), np.array([call_width]), chosen, is_whole,
    )  # fmt: skip
    return chosen[0].tolist() if is_whole[0] else None


STRIKE = np.arange(90.0, 111.0)
CALL = 0.5 - 0.04 * (STRIKE - 100.0)
PUT = CALL - 1.0


@pytest.mark.parametrize(
    ("legs", "rule", "strikes"),
    [
        ((2, 2), (0.30, 3.0, NAN, 0.26, 4.0, NAN), [92.0, 95.0, 106.0, 110.0]),
        ((2, 2), (0.30, NAN, 0.18, 0.26, NAN, 0.10), [92.0, 95.0, 106.0, 110.0]),
        ((2, 0), (0.30, 3.0, NAN, 0.26, 4.0, NAN), [92.0, 95.0]),
        ((0, 1), (0.30, NAN, 0.1, 0.26, NAN, 0.1), [106.0]),
        ((2, 2), (0.30, 6.0, NAN, 0.26, 4.0, NAN), None),  # no strike six below 95
        ((1, 1), (0.70, NAN, 0.1, 0.70, NAN, 0.1), None),  # the put above the call
    ],
)
def test_packages_by_delta_and_wing(legs, rule, strikes):
    assert choose(STRIKE, CALL, PUT, legs, rule) == strikes


def test_a_strike_without_a_quote_is_passed_over():
    assert choose(STRIKE, CALL, PUT, (2, 0), (0.30, 3.0, NAN, 0.3, 3.0, NAN), lost=[5]) == [91.0, 94.0]
    assert choose(STRIKE, CALL, PUT, (2, 0), (0.30, 3.0, NAN, 0.3, 3.0, NAN), lost=[2]) is None


@given(
    st.lists(st.floats(0.01, 0.99), min_size=3, max_size=30),
    st.floats(0.05, 0.95),
    st.one_of(st.floats(0.5, 6.0), st.none()),
    st.floats(0.01, 0.6),
)
def test_the_anchor_is_the_nearest_delta_and_the_wing_the_nearest_width(deltas, wanted, width, wing):
    put = -np.array(deltas)
    strike = 100.0 + np.arange(len(put))
    chosen = choose(strike, put, put, (2, 0), (wanted, NAN if width is None else width, wing, 0.1, 1.0, NAN))
    miss = np.abs(-put - wanted)
    anchor = int(np.argmin(miss))
    if width is None:
        beyond = np.abs(-put[:anchor] - wing)
        expected = strike[int(np.argmin(beyond))] if anchor else None
    else:
        apart = np.abs(strike[anchor] - strike[:anchor] - width)
        ok = anchor and apart.min() <= width * SLACK
        expected = strike[int(np.argmin(apart))] if ok else None
    assert chosen == (None if expected is None else [expected, strike[anchor]])
