import math

import numpy as np
import pytest

from iwm_opts.kernels.simulation.paths import SHOCKS, Advanced, StateNumbers, advance, expected_variance, mean_reverting

DT = 1.0 / 252.0
NEVER = 40.0
NAMES = Advanced._fields


def run(shocks, state=(0.0, 0.0, 0.0, 0.0, 0.0), **changes):
    numbers = {
        "drift": 0.0, "variance_price": 2.0, "floor": 0.01, "level": -3.5, "fast_share": 0.7,
        "fast_speed": 20.0, "fast_vol": 4.0, "fast_correlation": -0.8, "fast_convexity": 0.36,
        "middle_speed": 6.0, "middle_vol": 1.5, "middle_correlation": -0.6, "middle_heat": 2.0,
        "slow_speed": 1.0, "slow_vol": 1.0, "slow_correlation": -0.5,
        "premium_speed": 50.0, "premium_vol": 1.0, "premium_correlation": 0.6,
        "reversal": 0.03,
        "jump_threshold": NEVER, "jump_mean": -0.05, "jump_sd": 0.02, "jump_lift": 10.0,
        "jump_middle_lift": 3.0, "burst_threshold": NEVER, "burst_mean": 0.5, "burst_middle_share": 0.2,
    }  # fmt: skip
    numbers.update(changes)
    state, out = np.array(state), Advanced(*np.empty((len(NAMES), len(shocks))))
    advance(shocks, DT, StateNumbers(**numbers), state, out)
    return out._asdict(), state


def normals(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, SHOCKS))


def test_a_path_cut_and_continued_is_the_same_path():
    shocks = normals(100)
    whole, end = run(shocks)
    first, middle = run(shocks[:37].copy())
    second, last = run(shocks[37:].copy(), state=middle)
    for name in NAMES:
        assert np.array_equal(whole[name], np.concatenate([first[name], second[name]]))
    assert np.array_equal(end, last)


def test_one_session_by_hand():
    # Exact discretisation of the Ornstein-Uhlenbeck process (Glasserman 2003, Monte Carlo Methods, equation 3.45).
    shocks = np.array([[2.0, 0.5, 0.0, -1.0, 0.0, 0.0, -0.3]])
    out, _ = run(shocks, state=(0.2, 0.3, -0.1, 0.0, 0.01))
    rate = (0.01 + math.exp(-3.5 + 0.3 - 0.1)) * (0.3 + 0.7 * math.exp(0.2))
    sd = 4.0 * math.sqrt((1 - math.exp(-40.0 * DT)) / 40.0)
    assert out["variance"][0] == pytest.approx(rate, rel=1e-14)
    assert out["log_return"][0] == pytest.approx(1.5 * rate * DT - 0.03 * 0.01 + 2.0 * math.sqrt(rate * DT), rel=1e-13)
    shock = -0.8 * 2.0 + 0.36 * (2.0**2 - 1.0) / math.sqrt(2.0) + 0.48 * 0.5  # 0.8^2 + 0.36^2 + 0.48^2 = 1
    assert out["fast"][0] == pytest.approx(0.2 * math.exp(-20.0 * DT) + sd * shock, rel=1e-13)
    middle_sd = 1.5 * math.sqrt((1 - math.exp(-12.0 * DT)) / 12.0)
    wanted = 0.3 * math.exp(-6.0 * DT) + middle_sd * 2.0 / (1.0 + math.exp(-2.0 * 0.3)) * (-0.6 * 2.0 - 0.8 * 0.3)
    assert out["middle"][0] == pytest.approx(wanted, rel=1e-13)
    premium_sd = math.sqrt((1 - math.exp(-100.0 * DT)) / 100.0)
    assert out["premium"][0] == pytest.approx(premium_sd * (0.6 * 2.0 - 0.8), rel=1e-13)


def test_events():
    # A jump of mean -5% with size shock -1 moves spot by -7% and lifts the fast factor by 10 x 7%, the middle one
    # by 3 x 7%; a burst at its median is 0.5 ln 2, of which the middle factor takes a fifth.
    quiet = np.zeros((1, SHOCKS))
    jump, burst = quiet.copy(), quiet.copy()
    jump[0, 4:6], burst[0, 4:6] = (3.0, -1.0), (-3.0, 0.0)
    base = run(quiet)[0]
    jumped, burst_out = (run(s, jump_threshold=2.5, burst_threshold=2.5)[0] for s in (jump, burst))
    assert jumped["log_return"][0] - base["log_return"][0] == pytest.approx(-0.07, abs=1e-15)
    assert jumped["fast"][0] - base["fast"][0] == pytest.approx(0.7, abs=1e-14)
    assert burst_out["fast"][0] - base["fast"][0] == pytest.approx(0.5 * math.log(2.0), rel=1e-12)
    assert jumped["middle"][0] - base["middle"][0] == pytest.approx(0.21, abs=1e-14)
    assert burst_out["middle"][0] - base["middle"][0] == pytest.approx(0.1 * math.log(2.0), rel=1e-12)
    assert burst_out["log_return"][0] == base["log_return"][0]


def test_mean_reverting_has_its_stationary_spread():
    # sd = vol / sqrt(2 speed), lag-1 autocorrelation exp(-speed dt); standard errors 0.002 and 0.001 here.
    out = np.empty(400_000)
    mean_reverting(np.random.default_rng(1).standard_normal(len(out)), DT, 30.0, 2.0, 0.0, out)
    assert out.std() == pytest.approx(2.0 / math.sqrt(60.0), rel=0.01)
    assert np.corrcoef(out[:-1], out[1:])[0, 1] == pytest.approx(math.exp(-30.0 * DT), abs=0.004)


def test_expected_variance_is_the_weighted_sum():
    rng = np.random.default_rng(2)
    state, nodes = rng.normal(size=(5, 5)), rng.normal(size=(6, 7))
    out = np.empty(5)
    expected_variance(state, 0.02, nodes, out)
    wanted = 0.02 + (nodes[0] * np.exp(state.T @ nodes[1:])).sum(axis=1)
    assert out == pytest.approx(wanted, rel=1e-13)
