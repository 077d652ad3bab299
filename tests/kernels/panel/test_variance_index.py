import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.kernels.panel.variance_index import total_variance

EXAMPLE = Path(__file__).parents[2] / "oracles" / "cboe_vix_example.csv"

# Cboe Volatility Index Mathematics Methodology, Appendix 3 and 5: minutes to expiry, rate, forward, first and last
# strike of the strip, puts and calls in it, and sigma^2. Appendix 3 prints its steps rounded, hence 1e-8.
NEAR = {
    "minutes": 34484,
    "rate": 0.00031664,
    "forward": 1962.89996,
    "strip": (1370.0, 2125.0),
    "puts": 116,
    "calls": 29,
    "variance": 0.019233906,
}
NEXT = {
    "minutes": 44954,
    "rate": 0.00028797,
    "forward": 1962.40006,
    "strip": (1275.0, 2200.0),
    "puts": 96,
    "calls": 25,
    "variance": 0.019423884,
}
MINUTES_A_YEAR = 525_600


def published(term):
    table = pd.read_csv(EXAMPLE, comment="#")
    wide = table[table["term"] == term].pivot_table(index="strike", columns="right", values=["bid", "ask"])
    sides = [wide[side, right].to_numpy(dtype=float, copy=True) for right in "CP" for side in ("bid", "ask")]
    return [wide.index.to_numpy(dtype=float, copy=True), *sides]


def cboe_variance(term, stated):
    years = stated["minutes"] / MINUTES_A_YEAR
    result = total_variance(*published(term), stated["forward"], math.exp(-stated["rate"] * years))
    return result[0] / years, result


@pytest.mark.parametrize(("term", "stated"), [("near", NEAR), ("next", NEXT)])
def test_cboes_worked_example(term, stated):
    variance, (_, puts, calls, low, high, *_) = cboe_variance(term, stated)
    strikes = published(term)[0]
    assert (strikes[low], strikes[high]) == stated["strip"]
    assert (puts, calls) == (stated["puts"], stated["calls"])
    assert variance == pytest.approx(stated["variance"], abs=1e-8)


def test_cboes_worked_example_ends_at_the_published_index():
    # Appendix 3: 100 x 0.13927842, published as 13.93.
    near, _ = cboe_variance("near", NEAR)
    far, _ = cboe_variance("next", NEXT)
    wanted, first, second = 43_200, NEAR["minutes"], NEXT["minutes"]
    near_part = first * near * (second - wanted) / (second - first)
    far_part = second * far * (wanted - first) / (second - first)
    assert math.sqrt((near_part + far_part) / wanted) == pytest.approx(0.13927842, abs=1e-7)


def flat_chain(strikes, forward, stdev, discount=1.0):
    """Black quotes without width at one total standard deviation, priced with the standard library."""
    d1 = np.log(forward / strikes) / stdev + 0.5 * stdev

    def cdf(x):
        return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])

    call = discount * (forward * cdf(d1) - strikes * cdf(d1 - stdev))
    put = discount * (strikes * cdf(stdev - d1) - forward * cdf(-d1))
    return [strikes, call, call, put, put]


@pytest.mark.parametrize("discount", [1.0, 0.97])
def test_a_flat_vol_comes_back(discount):
    # Trapezoids of width h on both sides of the kink of the out-of-the-money price at F (slopes D apart) overstate the
    # sum by D h^2 / (12 F^2) to leading order (Euler-Maclaurin), total variance by h^2 / (6 F^2). Wings reach 8 sd.
    forward, step, stdev = 300.0, 1.0, 0.06
    strikes = np.arange(180.0, 500.0, step)
    expected = stdev**2 + step**2 / (6 * forward**2)
    assert total_variance(*flat_chain(strikes, forward, stdev, discount), forward, discount)[0] == pytest.approx(
        expected, rel=1e-5
    )


def test_a_forward_between_strikes_costs_no_more_than_the_grid():
    # Between strikes the leading error stays within h^2 / F^2, and the quadratic correction leaves (2/3) (h / F)^3.
    strikes = np.arange(180.0, 500.0, 1.0)
    for forward in (300.0, 300.25, 300.5, 300.99):
        variance = total_variance(*flat_chain(strikes, forward, 0.06), forward, 1.0)[0]
        assert variance == pytest.approx(0.06**2, abs=1.0 / forward**2)


@given(
    st.integers(0, 40),
    st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 5.0)), min_size=1, max_size=20),
    st.booleans(),
)
def test_strikes_beyond_two_zero_bids_change_nothing(cut, beyond, on_the_put_side):
    strikes = np.arange(100.0, 500.0, 2.0)
    chain = [array.copy() for array in flat_chain(strikes, 300.0, 0.2)]
    step = -1 if on_the_put_side else 1
    bid, ask = (chain[3], chain[4]) if on_the_put_side else (chain[1], chain[2])
    stop = 100 + step * (5 + cut)
    bid[stop] = bid[stop + step] = 0.0
    before = total_variance(*chain, 300.0, 1.0)
    for i, (low, width) in enumerate(beyond):
        at = stop + step * (2 + i)
        bid[at], ask[at] = low, low + width
    after = total_variance(*chain, 300.0, 1.0)
    assert after == before
    assert before[5] == on_the_put_side
    assert before[6] == (not on_the_put_side)


def test_one_zero_bid_is_passed_over():
    strikes = np.arange(280.0, 321.0, 1.0)
    chain = flat_chain(strikes, 300.0, 0.02)
    without = [np.delete(array, 10) for array in chain]
    chain[3] = chain[3].copy()
    chain[3][10] = 0.0
    assert total_variance(*chain, 300.0, 1.0)[0] == pytest.approx(total_variance(*without, 300.0, 1.0)[0], rel=1e-14)


def test_an_absent_option_is_skipped_and_counted():
    chain = [array.copy() for array in flat_chain(np.arange(280.0, 321.0, 1.0), 300.0, 0.02)]
    whole = total_variance(*chain, 300.0, 1.0)
    chain[3][14:16] = chain[4][14:16] = np.nan  # the 294 and 295 puts
    result = total_variance(*chain, 300.0, 1.0)
    assert result[7] == 2
    assert result[1] == whole[1] - 2
    assert result[3:5] == whole[3:5]
    without = [np.delete(array, [14, 15]) for array in chain]
    assert result[0] == pytest.approx(total_variance(*without, 300.0, 1.0)[0], rel=1e-14)
    assert result[0] == pytest.approx(whole[0], rel=0.02)


def test_zero_bids_end_a_wing_across_an_absent_option():
    chain = [array.copy() for array in flat_chain(np.arange(280.0, 321.0, 1.0), 300.0, 0.02)]
    chain[3][[12, 10]] = 0.0
    chain[3][11] = chain[4][11] = np.nan
    result = total_variance(*chain, 300.0, 1.0)
    assert result[3] == 13
    assert result[5]
    assert result[7] == 0


def test_completeness_falls_with_gaps_and_cut_wings():
    # A lognormal strip: the area beyond a cut is known by integration of the same prices over all strikes.
    strikes, forward, stdev = np.arange(200.0, 420.0, 1.0), 300.0, 0.08
    whole = total_variance(*flat_chain(strikes, forward, stdev), forward, 1.0)
    assert whole[9] > 0.99
    for low, high in ((276, 324), (285, 315), (290, 310)):
        kept = (strikes >= low) & (strikes <= high)
        cut = total_variance(*flat_chain(strikes[kept], forward, stdev), forward, 1.0)
        missing = 1.0 - cut[0] / stdev**2
        assert missing <= 1.0 - cut[9] <= 2.5 * missing  # normal tails thin out faster than the wing on average
    for every, slack in ((10, 0.01), (20, 0.03), (30, 0.01)):
        sparse = total_variance(*flat_chain(strikes[::every].copy(), forward, stdev), forward, 1.0)
        assert 1.0 - sparse[9] == pytest.approx(sparse[0] / stdev**2 - 1.0, abs=slack)


@pytest.mark.parametrize("are_listed", [True, False])
@pytest.mark.parametrize("highest", [286.0, 292.0, 297.0])
def test_a_wing_that_ends_in_absent_options_before_zero_bids_is_incomplete(highest, are_listed):
    # Nobody bids below 241; the puts from there up to `highest` are not in the file, or their strikes are not.
    strikes = np.arange(200.0, 420.0)
    chain = [array.copy() for array in flat_chain(strikes, 300.0, 0.08)]
    for bid in (chain[1], chain[3]):
        bid[bid < 0.05] = 0.0
    gone = (chain[3] > 0.0) & (strikes <= highest)
    whole = total_variance(*chain, 300.0, 1.0)
    chain[3][gone] = chain[4][gone] = np.nan
    cut = total_variance(*(chain if are_listed else [array[~gone] for array in chain]), 300.0, 1.0)
    missing = 1.0 - cut[0] / whole[0]
    assert missing > 0.08
    assert missing <= 1.0 - cut[9] <= 2.5 * missing
    assert cut[7] == (gone.sum() if are_listed else 0)
    assert whole[9] > 0.99


def test_k0_without_a_pair_of_quotes_gives_way_to_the_next_strike_below():
    strikes = np.arange(280.0, 321.0, 1.0)
    chain = [array.copy() for array in flat_chain(strikes, 300.5, 0.02)]
    chain[1][20] = np.nan  # the 300 call
    variance = total_variance(*chain, 300.5, 1.0)[0]
    assert variance == pytest.approx(0.02**2, abs=4.0 / 300.0**2)


def test_no_strike_at_or_below_the_forward_gives_nan():
    assert math.isnan(total_variance(*flat_chain(np.arange(310.0, 330.0), 300.0, 0.05), 300.0, 1.0)[0])


def test_a_wing_without_quotes_gives_nan():
    assert math.isnan(total_variance(*flat_chain(np.arange(300.0, 330.0), 300.0, 0.05), 300.0, 1.0)[0])


def by_hand(strikes, call, put, centre, forward):
    """Twice the area under puts up to a strike and calls from it, less the squared correction, with numpy alone."""
    puts, calls = np.isfinite(put) & (strikes <= centre), np.isfinite(call) & (strikes >= centre)
    below = np.trapezoid((put / strikes**2)[puts], strikes[puts])
    above = np.trapezoid((call / strikes**2)[calls], strikes[calls])
    return 2.0 * (below + above) - (forward / centre - 1.0) ** 2


@pytest.mark.parametrize("reach", [1.0, 2.0, 3.0, 5.0])
def test_absent_calls_at_the_money_give_no_false_low(reach):
    # The average of call and put at K0, on both of its unequal gaps, lost 1% to 8% of the variance here.
    strikes, forward, stdev = np.arange(200.0, 420.0), 300.6, 0.04
    chain = [array.copy() for array in flat_chain(strikes, forward, stdev)]
    gone = np.abs(strikes - 300.0) < reach
    chain[1][gone] = chain[2][gone] = np.nan
    cut = total_variance(*chain, forward, 1.0)
    assert cut[0] == pytest.approx(by_hand(strikes, chain[1], chain[3], 300.0 - reach, forward), rel=1e-6)
    excess = cut[0] / stdev**2 - 1.0
    assert excess > 0.0  # trapezoids lie above convex prices
    assert excess <= 1.0 - cut[9] <= 3.0 * excess + 2e-3


def test_completeness_sees_a_k0_far_below_the_forward():
    strikes, forward, stdev = np.arange(200.0, 420.0), 300.6, 0.05
    chain = [array.copy() for array in flat_chain(strikes, forward, stdev)]
    gone = (strikes > 282.0) & (strikes < 303.0)
    chain[3][gone] = chain[4][gone] = np.nan  # puts: the calls from 283 on are quoted
    cut = total_variance(*chain, forward, 1.0)
    missing = 1.0 - cut[0] / stdev**2  # 2/3 (F / K0 - 1)^3 and more beyond the second order
    assert missing > 0.05
    assert missing <= 1.0 - cut[9] <= 1.5 * missing


def test_quotes_of_zero_within_a_wing_are_absent():
    chain = [array.copy() for array in flat_chain(np.arange(280.0, 321.0, 1.0), 300.0, 0.02)]
    chain[3][14:16], chain[4][14:16] = 0.0, np.nan  # the 294 and 295 puts at 0/0, with bids beyond
    result = total_variance(*chain, 300.0, 1.0)
    without = [np.delete(array, [14, 15]) for array in chain]
    assert result[0] == pytest.approx(total_variance(*without, 300.0, 1.0)[0], rel=1e-14)
    assert result[7:9] == (2, 2)
    chain[3][:14], chain[4][:14] = 0.0, np.nan  # and no bids beyond: the strip ends at 296, as if the file did
    ended = total_variance(*chain, 300.0, 1.0)
    short = total_variance(*(array[16:].copy() for array in chain), 300.0, 1.0)
    assert ended[0] == pytest.approx(short[0], rel=1e-14)
    assert ended[8] == 0
    assert ended[9] == pytest.approx(short[9], rel=1e-12)
