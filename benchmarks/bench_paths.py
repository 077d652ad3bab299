"""Paths of the simulated market's state, in one thread, beside the same recursions in numpy.

Numpy goes through the sessions one by one with all paths side by side, which is how it is fast; both are given the
random numbers. `drawing` is what the random numbers themselves cost. A day-step is one session of one path.
"""

import numpy as np
import pytest

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.simulation.dynamics import State, advance_states, state_shocks
from iwm_opts.simulation.parameters import TYPICAL_VOL, shipped_parameters

PATHS, SESSIONS = 256, 2520
PARAMETERS = shipped_parameters()
START = State(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SHOCKS = [state_shocks(SESSIONS, 1, path) for path in range(PATHS)]


def ours():
    return np.array([advance_states(PARAMETERS.dynamics, shocks, START)["log_return"] for shocks in SHOCKS])


def numpy_paths(stacked):
    """Log returns, shape (PATHS, SESSIONS); equations as in `simulation.dynamics`."""
    from scipy.special import log_ndtr, ndtri

    d, dt = PARAMETERS.dynamics, 1.0 / SESSIONS_PER_YEAR
    drift = d.growth - d.variance_price * TYPICAL_VOL**2 - d.jump_rate * np.expm1(d.jump_mean + 0.5 * d.jump_sd**2)
    factors = {}
    for name in ("fast", "middle", "slow", "premium"):
        speed, vol, rho = (getattr(d, f"{name}_{part}") for part in ("speed", "vol", "correlation"))
        keep = np.exp(-speed * dt)
        factors[name] = [np.zeros(PATHS), keep, vol * np.sqrt((1 - keep**2) / (2 * speed)), rho, np.sqrt(1 - rho**2)]
    fast_own = np.sqrt(1 - d.fast_correlation**2 - d.fast_convexity**2)
    own = {"fast": 1, "slow": 2, "premium": 3, "middle": 6}
    jump_above, burst_below = ndtri(1 - d.jump_rate * dt), ndtri(d.burst_rate * dt)
    surprise, out = np.zeros(PATHS), np.empty((SESSIONS, PATHS))
    for i in range(SESSIONS):
        z = stacked[i]
        x, m, y = (factors[name][0] for name in ("fast", "middle", "slow"))
        rate = (d.floor + np.exp(d.level + m + y)) * (1 - d.fast_share + d.fast_share * np.exp(x))
        expected = (drift + (d.variance_price - 0.5) * rate) * dt - d.reversal * surprise
        surprise = np.sqrt(rate * dt) * z[0]
        heat = {"middle": 2 / (1 + np.exp(-d.middle_heat * m))}
        for name, part in factors.items():
            shock = part[3] * z[0] + part[4] * z[own[name]]
            if name == "fast":
                shock = part[3] * z[0] + d.fast_convexity * (z[0] ** 2 - 1) * np.sqrt(0.5) + fast_own * z[own[name]]
            part[0] = part[1] * part[0] + part[2] * heat.get(name, 1.0) * shock
        jump = np.where(z[4] > jump_above, d.jump_mean + d.jump_sd * z[5], 0.0)
        burst = np.where(z[4] < burst_below, -d.burst_mean * log_ndtr(z[5]), 0.0)
        surprise = surprise + jump
        factors["fast"][0] += burst - d.jump_lift * jump
        factors["middle"][0] += d.burst_middle_share * burst - d.jump_middle_lift * jump
        out[i] = expected + surprise
    return out.T


@pytest.mark.parametrize("who", ["ours", "numpy", "drawing"])
def test_paths(benchmark, who):
    stacked = np.ascontiguousarray(np.array(SHOCKS).transpose(1, 2, 0))
    work = {
        "ours": ours,
        "numpy": lambda: numpy_paths(stacked),
        "drawing": lambda: [state_shocks(SESSIONS, 1, path) for path in range(PATHS)],
    }[who]
    found = work()
    if who != "drawing":
        assert np.allclose(found, ours(), atol=1e-9)
    benchmark.extra_info["day_steps"] = PATHS * SESSIONS
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)
    benchmark.extra_info["million_day_steps_a_second"] = PATHS * SESSIONS / benchmark.stats.stats.min / 1e6
