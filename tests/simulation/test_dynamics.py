import math
from dataclasses import replace

import numpy as np
import pytest

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.paths import SHOCKS
from iwm_opts.simulation.dynamics import (
    State,
    advance_states,
    generator,
    jump_variance,
    premium_beside_fast,
    priced_variance,
    simulate_states,
    variance_curve,
    variance_rate,
)
from iwm_opts.simulation.parameters import Premium, shipped_parameters
from tests.refusals import refused

PARAMETERS = shipped_parameters()
START = State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_same_seed_and_path_same_numbers_whatever_else_is_drawn():
    alone = simulate_states(PARAMETERS, 300, seed=7, path=3)
    simulate_states(PARAMETERS, 10, seed=7, path=2)
    longer = simulate_states(PARAMETERS, 500, seed=7, path=3)
    for name in ("log_return", "fast", "middle", "slow", "premium", "term", "skew"):
        assert getattr(alone, name).tobytes() == getattr(longer, name)[:300].tobytes()


def test_streams_are_those_of_seed_sequence_spawn():
    child = np.random.SeedSequence(7).spawn(4)[3].spawn(2)[1]
    wanted = np.random.Generator(np.random.PCG64(child)).standard_normal(5)
    assert generator(7, 3, "state").standard_normal(5).tobytes() == wanted.tobytes()


def test_paths_differ():
    one, other = (simulate_states(PARAMETERS, 50, seed=7, path=path) for path in (0, 1))
    assert not np.isclose(one.log_return, other.log_return).any()


@pytest.mark.parametrize("sessions", [5, 60])
def test_without_premium_prices_are_expectations(sessions):
    # The mean over simulated paths is the oracle of the closed form.
    middle = {
        "middle_vol": 0.8,
        "middle_correlation": -0.5,
        "middle_heat": 0.0,
        "jump_middle_lift": 4.0,
        "burst_middle_share": 0.3,
        "floor": 0.01,
        "fast_share": 0.6,
        "fast_correlation": -0.8,
        "fast_convexity": 0.4,
    }
    d = replace(PARAMETERS.dynamics, premium_vol=0.0, **middle)
    start = State(fast=0.8, middle=0.4, slow=-0.5, premium=0.0, term=0.0, skew=0.0)
    rng = np.random.default_rng(1)
    paths = np.array(
        [advance_states(d, rng.standard_normal((sessions, SHOCKS)), start)["variance"].mean() for _ in range(4000)]
    )
    closed = variance_curve(d, Premium(), np.array([sessions / SESSIONS_PER_YEAR])).at(start)[0] - jump_variance(d)
    error = paths.std() / math.sqrt(len(paths))
    assert abs(paths.mean() - closed) < 4 * error + 0.02 * closed  # the path holds its variance for a session


def test_squares_of_spot_shocks_are_priced():
    # Oracle: the path itself, and session by session the integral over its normal by Gauss-Hermite quadrature.
    sessions, z_node, weight = 40, *np.polynomial.hermite_e.hermegauss(60)
    quiet = {"jump_rate": 0.0, "burst_rate": 0.0, "premium_vol": 0.0, "middle_vol": 0.0, "slow_vol": 0.0}
    fast = {"fast_share": 1.0, "fast_speed": 10.0, "fast_vol": 6.0, "fast_correlation": -0.6, "fast_convexity": 0.7}
    d = replace(PARAMETERS.dynamics, floor=0.0, level=-3.0, **quiet, **fast)
    keep = math.exp(-10.0 / SESSIONS_PER_YEAR)
    sd = 6.0 * math.sqrt((1.0 - keep**2) / 20.0)
    means = [1.0]
    for age in range(sessions):
        move = sd * keep**age * (-0.6 * z_node + 0.7 * (z_node**2 - 1.0) / math.sqrt(2.0))
        own = 0.5 * (sd * keep**age) ** 2 * (1.0 - 0.6**2 - 0.7**2)
        means.append(means[-1] * float(weight @ np.exp(move + own)) / math.sqrt(2.0 * math.pi))
    wanted = math.exp(-3.0) * (0.5 * means[0] + sum(means[1:-1]) + 0.5 * means[-1]) / sessions
    tenor = np.array([sessions / SESSIONS_PER_YEAR])
    assert variance_curve(d, Premium(), tenor).at(START)[0] == pytest.approx(wanted, rel=0.004)
    without = variance_curve(replace(d, fast_convexity=0.0), Premium(), tenor).at(START)[0]
    assert abs(without - wanted) > 0.02 * wanted


def test_jump_variance_is_what_jumps_add_to_the_log_contract():
    # 2 E[e^J - 1 - J] by Gauss-Hermite quadrature over the normal jump.
    d = replace(PARAMETERS.dynamics, jump_rate=2.0, jump_mean=-0.05, jump_sd=0.03)
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    jump = d.jump_mean + d.jump_sd * node
    wanted = 2.0 * 2.0 * (weight @ (np.exp(jump) - 1 - jump)) / math.sqrt(2 * math.pi)
    assert jump_variance(d) == pytest.approx(wanted, rel=1e-12)


def test_priced_variance_follows_the_premium():
    states = simulate_states(PARAMETERS, 200, seed=1)
    base = priced_variance(replace(PARAMETERS, premium=Premium()), states, 30 / 365)
    richer = priced_variance(replace(PARAMETERS, premium=Premium(level=0.2)), states, 30 / 365)
    assert (richer > base).all()
    assert (richer < base * math.exp(0.2) + 1e-12).all()


def test_total_priced_variance_grows_with_time():
    tenors = np.array([1, 2, 5, 10, 30, 90, 365, 900]) / 365
    curve = variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, tenors)
    for fast in (-2.0, 0.0, 3.0):
        assert (np.diff(tenors * curve.at(State(fast, 0.2, 0.5, 0.0, 0.0, 0.0))) > 0).all()


def test_an_infinite_mean_is_refused():
    with refused("burst_mean", 1.0, "1"):
        replace(PARAMETERS.dynamics, burst_mean=1.0)


@pytest.mark.parametrize("convexity", [0.0, 0.2])
def test_the_premium_beside_a_fast_factor_is_its_regression(convexity):
    # Oracle: ordinary least squares on a long path without events.
    quiet = {"jump_rate": 0.0, "burst_rate": 0.0, "fast_convexity": convexity}
    d = replace(PARAMETERS.dynamics, **quiet)
    found = advance_states(d, generator(3, 0, "state").standard_normal((200_000, SHOCKS)), START)
    slope = np.polyfit(found["fast"], found["premium"], 1)[0]
    assert premium_beside_fast(d) == pytest.approx(slope, rel=0.05)


def test_the_rate_of_a_state_is_what_the_path_runs_on():
    states = simulate_states(PARAMETERS, 300, seed=5)
    rate = variance_rate(PARAMETERS.dynamics, states.fast, states.middle, states.slow)
    assert states.variance[1:] == pytest.approx(rate[:-1], rel=1e-12)


def test_a_market_begins_where_it_will_be():
    # Mean log IV30 of the first month over paths, against that of the third year of the same paths.
    log_iv = []
    for path in range(300):
        states = simulate_states(PARAMETERS, 756, seed=4, path=path)
        log_iv.append(0.5 * np.log(priced_variance(PARAMETERS, states, 30 / 365)))
    begun, settled = np.mean(np.array(log_iv)[:, :21]), np.mean(np.array(log_iv)[:, 504:])
    assert begun == pytest.approx(settled, abs=0.06)  # some 2.5 standard errors; 0.15 apart without settling
