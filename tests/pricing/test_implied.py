import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from iwm_opts import implied_vol, price
from iwm_opts.pricing.implied import black_implied_vol
from tests.refusals import refused


def test_hull():
    # Hull 2018, 10th ed., section 15.11: a call at 1.875 on 21, strike 20, three months at 10%, implies 0.235.
    assert implied_vol("C", 1.875, 21, 20, 0.25, 0.10) == pytest.approx(0.235, abs=5e-4)


def test_a_tiny_premium_one_day_out():
    # A peer's solver returns 0.30; py_vollib (LetsBeRational) and mpmath agree on 1.15, to the digits of the price.
    assert implied_vol("C", 4.912618e-07, 220, 299, 1 / 365, 0.04, 0.012) == pytest.approx(1.15, rel=1e-7)


def test_vols_above_one_are_not_clamped():
    assert implied_vol("P", price("P", 30, 28, 0.05, 0.04, 2.5), 30, 28, 0.05, 0.04) == pytest.approx(2.5, rel=1e-12)


def test_a_bad_element_spoils_itself_alone():
    # A peer returns 10.0 for a price above spot, another raises for the whole array at one NaN.
    found = implied_vol(
        "C", [5.0, 230.0, np.nan, 0.0, -1.0, 5.0, 5.0], 220, 220, [0.1, 0.1, 0.1, 0.1, 0.1, 0.0, -1.0], 0.04
    )
    assert found[0] == implied_vol("C", 5.0, 220, 220, 0.1, 0.04)
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("right", "value"), [("C", 20.0), ("C", 20.0 - 1e-9), ("C", 220.0), ("P", 0.0), ("P", 200.0), ("P", 200.0 + 1e-9)]
)
def test_on_or_outside_the_bounds_no_vol(right, value):
    assert np.isnan(implied_vol(right, value, 220, 200, 0.1, 0.0))


@given(
    st.sampled_from("CP"),
    st.floats(20, 500),
    st.floats(-6, 6),
    st.floats(2e-6, 5),
    st.floats(-0.02, 0.15),
    st.floats(0.03, 3),
    st.floats(0, 0.1),
)
def test_round_trip(right, spot, depth, t, rate, vol, dividend_yield):
    stdev = vol * np.sqrt(t)
    assume(1e-4 < stdev < 4)
    strike = spot * np.exp((rate - dividend_yield) * t + depth * stdev)
    value = price(right, spot, strike, t, rate, vol, dividend_yield)
    found = implied_vol(right, value, spot, strike, t, rate, dividend_yield)
    # The price's own rounding, seen through its slope in vol, decides what any inversion can recover.
    slope = spot * np.exp(-dividend_yield * t) * np.sqrt(t) * np.exp(-0.5 * (abs(depth) + 0.5 * stdev) ** 2) / 2.5
    assume(value * 1e-15 / slope < 1e-4 * vol)
    otm = (right == "C") == (depth > 0)
    noise = 1e-9 if otm else 1e-9 + 20 * 2.3e-16 * max(spot, strike) / (slope * vol)
    assert found == pytest.approx(vol, rel=noise)


def test_both_rights_of_a_strike_imply_one_vol():
    strike = np.arange(180.0, 261.0, 5.0)
    call, put = (price(right, 220, strike, 0.2, 0.04, 0.3, 0.012) for right in "CP")
    np.testing.assert_allclose(implied_vol("C", call, 220, strike, 0.2, 0.04, 0.012), 0.3, rtol=1e-12)
    np.testing.assert_allclose(implied_vol("P", put, 220, strike, 0.2, 0.04, 0.012), 0.3, rtol=1e-12)


def test_black_76():
    # Hull 2018, chapter 18: the futures put at 20/20, four months, 9%, worth 1.12 at vol 0.25.
    discount = np.exp(-0.09 / 3)
    assert black_implied_vol("P", 1.1166414565589402, 20, 20, 1 / 3, discount) == pytest.approx(0.25, rel=1e-12)
    assert type(black_implied_vol("P", 1.12, 20, 20, 1 / 3, discount)) is float
    assert np.isnan(black_implied_vol("P", [1.12, 1.12], 20, 20, 1 / 3, [0.0, np.nan])).all()
    with refused("shapes", {"discount": (3,), "options": (2,)}):
        black_implied_vol("P", [1.0, 1.0], 20, 20, 1 / 3, [1.0, 1.0, 1.0])
