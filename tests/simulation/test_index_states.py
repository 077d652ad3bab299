from datetime import date

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iwm_opts.simulation.dynamics import FACTORS, State, variance_curve
from iwm_opts.simulation.index_states import IndexTargets, index_factors
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.published import INDEX_RULES, plain_composition, published_composition

PARAMETERS = shipped_parameters()


def on_effective_clock(level, ratio):
    month, nine = (plain_composition(tenor, len(level)) for tenor in (30, 9))
    return IndexTargets(np.array(level), np.array(ratio), month, nine, month)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.12, 0.90), st.floats(0.66, 1.2))
@example(0.36, 1.59)  # the widest ratio of VIX9D to VIX, 2011 to 2025, and about where RVX stood
def test_the_model_prices_both_indices_in_the_state_found(level, ratio):
    # At the floor of vols a steep inversion has no state; with RVX below 15 the ratio never passed 1.03 (2011 to 2025).
    ratio = min(ratio, 1.0) if level < 0.15 else ratio
    (factors,) = index_factors(PARAMETERS, on_effective_clock([level], [ratio]))
    curve = variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, np.array([30.0, 9.0]) / 365.0)
    assert np.sqrt(curve.at(State(*factors))) == pytest.approx([level, ratio * level], rel=1e-8)
    assert {name for name, value in zip(FACTORS, factors, strict=True) if value} <= {"fast", "slow", "premium"}


def test_days_are_solved_apart():
    level, ratio = np.array([0.12, 0.25, 0.83]), np.array([0.8, 0.95, 1.4])
    together = index_factors(PARAMETERS, on_effective_clock(level, ratio))
    alone = [index_factors(PARAMETERS, on_effective_clock(level[i : i + 1], ratio[i : i + 1]))[0] for i in range(3)]
    assert together == pytest.approx(np.array(alone), rel=1e-12, abs=1e-12)


def test_what_the_model_cannot_price_has_no_state():
    # Below its floor; and so far inverted that the slow factor would have to price less than nothing.
    found = index_factors(PARAMETERS, on_effective_clock([0.03, 0.10, 0.20], [0.95, 1.56, 0.95]))
    assert np.isnan(found).any(axis=1).tolist() == [True, True, False]


def test_published_indices_are_priced_between_their_own_expirations():
    # At the close of Thursday 2023-06-01 VIX9D lies between June 9 (8 days: 6 sessions, 2 others) and June 12 (11 days:
    # 7 and 4), RVX between June 30 (29 days: 20 and 9, June 19 closed) and July 7 (36 days: 24 and 12, July 4 closed).
    day = [date(2023, 6, 1)]
    level, short, base = (published_composition(INDEX_RULES[name], day) for name in ("RVX", "VIX9D", "VIX"))
    (factors,) = index_factors(PARAMETERS, IndexTargets(np.array([0.25]), np.array([0.9]), level, short, base))
    effective = np.array([6 + 2 * 0.3, 7 + 4 * 0.3, 20 + 9 * 0.3, 24 + 12 * 0.3]) / (252 + 113 * 0.3)
    curve = variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, effective)
    total = effective * curve.at(State(*factors))
    nine = (total[0] * 2 / 3 + total[1] / 3) * 365 / 9
    month = (total[2] * 6 / 7 + total[3] / 7) * 365 / 30
    bias = {name: INDEX_RULES[name].eras[-1].bias[3] for name in ("RVX", "VIX9D")}
    assert np.sqrt(month) * np.exp(bias["RVX"]) == pytest.approx(0.25, rel=1e-8)
    assert np.sqrt(nine / month) * np.exp(bias["VIX9D"]) == pytest.approx(0.9, rel=1e-8)
