import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.execution.legs import Legs
from iwm_opts.risk.margin import package_margin
from tests.refusals import refused

CONDOR = Legs.of([1, -1, -1, 1], [-1, -1, 1, 1])
BULL_PUT = Legs.of([1, -1], [-1, -1])


def one(legs, strike, credit, fees):
    margin = package_margin(legs, [strike], [credit], fees)
    return float(margin.requirement[0]), float(margin.buying_power[0])


@pytest.mark.parametrize(
    ("strike", "requirement"),
    [
        ([270, 275, 320, 325], 500.0),
        ([270, 275, 320, 330], 1000.0),  # the call wing is the wider one: a put width alone would say 500
        ([260, 275, 320, 325], 1500.0),
        ([270, 300, 300, 330], 3000.0),  # iron butterfly
    ],
)
def test_a_condor_ties_up_its_wider_wing_once(strike, requirement):
    # Less 1.05 of credit, plus 4.52 of fees.
    assert one(CONDOR, strike, 1.05, 4.52) == pytest.approx((requirement, requirement - 105.00 + 4.52))


def test_a_condor_whose_shorts_have_crossed_loses_on_both_wings():
    # At 300 the puts are worth 15 - 20 and the calls 20 - 25: ten dollars a share, twice the wing.
    assert one(CONDOR, [315, 320, 275, 280], 0.0, 0.0)[0] == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("legs", "strike", "credit", "expected"),
    [
        (BULL_PUT, [270, 275], 0.60, (500.0, 440.0 + 2.0)),  # sold: the width less the credit, and the fees
        (Legs.of([-1, 1], [1, 1]), [320, 325], 0.60, (500.0, 440.0 + 2.0)),
        (Legs.of([1, -1], [1, 1]), [270, 275], -2.52, (0.0, 252.0 + 2.0)),  # bought: the debit and the fees
        (Legs.of([-1, 1], [-1, -1]), [270, 275], -2.52, (0.0, 252.0 + 2.0)),
        (Legs.of([1], [1]), [300], -3.10, (0.0, 310.0 + 2.0)),
        (Legs.of([1], [-1]), [300], -3.10, (0.0, 310.0 + 2.0)),
        (Legs.of([-1], [-1]), [300], 3.10, (30000.0, 29690.0 + 2.0)),  # cash-secured put
        (Legs.of([1, -1], [-1, -1], [1, 2]), [270, 275], 1.0, (27500.0 + 500.0, 27900.0 + 2.0)),  # one put is naked
    ],
)
def test_by_hand(legs, strike, credit, expected):
    assert one(legs, strike, credit, 2.0) == pytest.approx(expected)


def test_a_naked_call_has_no_bound():
    assert one(Legs.of([-1], [1]), [300], 3.10, 2.0) == (math.inf, math.inf)


def test_no_fill_no_buying_power():
    requirement, buying_power = one(BULL_PUT, [270, 275], math.nan, 2.0)
    assert requirement == 500.0
    assert math.isnan(buying_power)


def test_fees_of_each_package():
    margin = package_margin(BULL_PUT, [[270, 275], [260, 275]], [0.60, 1.10], [2.0, 3.0])
    assert margin.buying_power == pytest.approx([442.0, 1500 - 110 + 3])


def test_one_strike_a_leg():
    with refused("strike", (1, 3), "2"):
        package_margin(BULL_PUT, [[270, 275, 280]], [0.6], 2.0)


@given(
    st.lists(st.integers(100, 400), min_size=4, max_size=4, unique=True).map(sorted),
    st.floats(-3, 3),
    st.floats(0, 10),
)
def test_buying_power_is_the_worst_outcome_at_expiry(strikes, credit, fees):
    # Every price from zero to far above, plainly.
    spots = np.arange(0.0, 500.0)[:, None]
    payoff = (CONDOR.sign * np.maximum(CONDOR.right * (spots - np.array(strikes)), 0.0)).sum(axis=1)
    worst = (100 * (payoff + credit) - fees).min()
    assert one(CONDOR, strikes, credit, fees)[1] == pytest.approx(-worst, abs=1e-6)
    wings = strikes[1] - strikes[0], strikes[3] - strikes[2]
    assert one(CONDOR, strikes, credit, fees)[0] == pytest.approx(100 * max(wings))
