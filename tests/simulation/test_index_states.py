import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iwm_opts.simulation.dynamics import FACTORS, State, variance_curve
from iwm_opts.simulation.index_states import index_factors
from iwm_opts.simulation.parameters import shipped_parameters

PARAMETERS = shipped_parameters()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.12, 0.90), st.floats(0.66, 1.2))
@example(0.36, 1.59)  # the widest ratio of VIX9D to VIX, 2011 to 2025, and about where RVX stood
def test_the_model_prices_both_indices_in_the_state_found(level, ratio):
    # At the floor of vols a steep inversion has no state; with RVX below 15 the ratio never passed 1.03 (2011 to 2025).
    ratio = min(ratio, 1.0) if level < 0.15 else ratio
    (factors,) = index_factors(PARAMETERS, np.array([level]), np.array([ratio]))
    curve = variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, np.array([30.0, 9.0]) / 365.0)
    assert np.sqrt(curve.at(State(*factors))) == pytest.approx([level, ratio * level], rel=1e-8)
    assert {name for name, value in zip(FACTORS, factors, strict=True) if value} <= {"fast", "slow", "premium"}


def test_days_are_solved_apart():
    level, ratio = np.array([0.12, 0.25, 0.83]), np.array([0.8, 0.95, 1.4])
    together = index_factors(PARAMETERS, level, ratio)
    alone = [index_factors(PARAMETERS, level[i : i + 1], ratio[i : i + 1])[0] for i in range(3)]
    assert together == pytest.approx(np.array(alone), rel=1e-12, abs=1e-12)


def test_what_the_model_cannot_price_has_no_state():
    # Below its floor; and so far inverted that the slow factor would have to price less than nothing.
    found = index_factors(PARAMETERS, np.array([0.03, 0.10, 0.20]), np.array([0.95, 1.56, 0.95]))
    assert np.isnan(found).any(axis=1).tolist() == [True, True, False]
