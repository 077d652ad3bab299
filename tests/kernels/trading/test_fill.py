import math

import numpy as np
import pytest

from iwm_opts.kernels.trading.fill import fill_prices

CONDOR = (np.array([1.0, -1.0, -1.0, 1.0]), np.array([-1.0, -1.0, 1.0, 1.0]), np.ones(4))
CENTS = 100.0


def fill(kind, bid, ask, share, is_floored=False, ticks_per_dollar=CENTS):
    bids, asks = np.array([bid], dtype=float), np.array([ask], dtype=float)
    out = [np.empty(1), np.empty(1), np.empty(1)]
    fill_prices(*kind, bids, asks, share, is_floored, ticks_per_dollar, *out)
    return tuple(float(column[0]) for column in out)


def test_mid_half_spread_and_natural_by_hand():
    # Credit: shorts 1.12 + 0.97, longs 0.615 + 0.38. H: 0.015 + 0.02 + 0.02 + 0.02. Natural: 1.10 + 0.95 - 0.63 - 0.40.
    mid, half_spread, price = fill(CONDOR, [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.99, 0.40], share=1.0)
    assert mid == pytest.approx(1.095)
    assert half_spread == pytest.approx(0.075)
    assert price == pytest.approx(1.02)


def test_ratios_multiply_legs():
    # One long at 2.00/2.04 against two shorts at 0.90/0.92: 2 x 0.91 - 2.02, H = 0.02 + 2 x 0.01.
    kind = (np.array([1.0, -1.0]), np.array([1.0, 1.0]), np.array([1.0, 2.0]))
    mid, half_spread, price = fill(kind, [2.00, 0.90], [2.04, 0.92], share=1.0)
    assert (mid, half_spread, price) == pytest.approx((-0.20, 0.04, -0.24))


def test_the_dearest_vertical_inside_is_the_least_a_package_costs():
    # Put vertical 0.505 at mid, call vertical 0.595, H 0.035 and 0.025. At least a tick each: the put vertical goes at
    # 0.495, rounded to 0.49, and costs 0.015; so the condor at 1.10 costs not a tick, 1.09, but goes at 1.085, so 1.08.
    bid, ask = [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.98, 0.38]
    mid, half_spread, price = fill(CONDOR, bid, ask, share=0.0, is_floored=True)
    assert (mid, half_spread, price) == pytest.approx((1.10, 0.06, 1.08))


def test_without_a_floor_a_share_of_nothing_is_mid_rounded_down():
    assert fill(CONDOR, [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.99, 0.40], share=0.0)[2] == pytest.approx(1.09)


def test_no_ticks_no_rounding():
    _, _, price = fill(CONDOR, [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.99, 0.40], share=0.0, ticks_per_dollar=0.0)
    assert price == pytest.approx(1.095, abs=1e-15)


def test_a_locked_market_has_nothing_to_give_away():
    assert fill(CONDOR, [0.60, 1.10, 0.95, 0.36], [0.60, 1.10, 0.95, 0.36], 0.5, True)[2] == pytest.approx(1.09)


def test_a_price_on_the_tick_is_not_rounded_off_it():
    # 100 x 0.29 is 28.999999999999996 in binary.
    short_put = (np.array([-1.0]), np.array([-1.0]), np.ones(1))
    assert fill(short_put, [0.29], [0.29], share=1.0)[2] == pytest.approx(0.29)


@pytest.mark.parametrize(
    ("bid", "ask"), [(math.nan, 0.4), (0.3, math.nan), (0.0, 0.0), (0.5, 0.4), (0.3, math.inf)], ids=str
)
def test_a_leg_without_a_two_sided_quote_leaves_no_fill(bid, ask):
    for is_floored in (False, True):
        _, _, price = fill(CONDOR, [bid, 1.10, 0.95, 0.36], [ask, 1.14, 0.99, 0.40], 0.5, is_floored)
        assert math.isnan(price)


def test_negative_bids_count_as_zero():
    long_put = (np.array([1.0]), np.array([-1.0]), np.ones(1))
    assert fill(long_put, [-0.5], [0.10], share=1.0) == pytest.approx((-0.05, 0.05, -0.10))
