import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iwm_opts.kernels.trading.sizing import kelly_share, package_units, units_within, whole_units
from iwm_opts.risk.sizing import Limits, size_position

dollars = st.floats(0.01, 1e7)


def test_whole_units_by_hand():
    assert whole_units(1000.0, 390.0) == 2  # 2 x 390 = 780, 3 x 390 = 1170
    assert whole_units(389.99, 390.0) == 0


def test_a_quotient_that_decimals_make_whole_is_whole():
    assert whole_units(0.3, 0.1) == 3  # 0.3 / 0.1 is 2.9999999999999996 in binary


@pytest.mark.parametrize(("budget", "each"), [(0, 1), (-5, 1), (math.nan, 1), (100, math.nan), (100, 0), (100, -1)])
def test_nothing_fits_without_a_budget_or_a_price(budget, each):
    assert whole_units(budget, each) == 0


def test_nothing_of_an_infinite_loss_fits_even_an_infinite_budget():
    assert whole_units(math.inf, math.inf) == 0


def test_the_first_of_equal_limits_binds():
    units, binding = units_within(np.array([1000.0, 3.0, 1000.0]), np.array([250.0, 1.0, 330.0]))
    assert (units, binding) == (3, 1)


@given(st.lists(st.tuples(dollars, dollars), min_size=1, max_size=6))
def test_every_budget_holds_and_one_more_breaks_the_binding_one(pairs):
    budgets, each = (np.array(column) for column in zip(*pairs, strict=True))
    units, binding = units_within(budgets, each)
    assert (units * each <= budgets * (1 + 1e-8)).all()
    assert (units + 1) * each[binding] > budgets[binding] * (1 - 1e-8)


def test_kelly_by_hand():
    # Even money won with 0.55: f* = 0.55 - 0.45 (Kelly 1956). Odds 2 to 1 won with 0.4: (2 x 0.4 - 0.6) / 2.
    assert kelly_share(0.55, 1.0, 1.0) == pytest.approx(0.10)
    assert kelly_share(0.4, 2.0, 1.0) == pytest.approx(0.10)
    assert kelly_share(0.4, 1.0, 1.0) == 0.0
    assert kelly_share(0.9, 0.0, 1.0) == 0.0


@given(st.floats(0.01, 0.99), st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_kelly_maximises_the_growth_rate(pop, win, loss):
    # Growth of log wealth when a share f of the account is what the loss costs.
    def growth(f):
        return pop * math.log1p(f * win / loss) + (1 - pop) * math.log1p(-f)

    best = kelly_share(pop, win, loss)
    assert 0 <= best < 1
    for other in (max(best - 1e-3, 0.0), min(best + 1e-3, 0.999999)):
        assert growth(best) >= growth(other) - 1e-12


@example(account=1000.0, share=0.125, most=0.5, open_risk=0.0, available=108.0, loss=1.0, power=5.97e-307)
@given(
    st.floats(1e3, 1e6), st.floats(0.005, 0.2), st.floats(0.02, 0.5), st.floats(0.0, 2e4), st.floats(-1e4, 1e5),
    st.floats(1.0, 5e3), st.floats(-500.0, 5e3),
)  # fmt: skip
def test_a_backtest_sizes_as_size_position_does(account, share, most, open_risk, available, loss, power):
    limits = Limits(open_risk=open_risk, max_open_risk=most, buying_power=available)
    theirs = size_position(account, share, loss, power, limits)
    units, binding = package_units(account, share, most, open_risk, available, loss, power)
    assert units == theirs.contracts
    assert ("risk", "open_risk", "buying_power")[binding] == theirs.limited_by
