import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from iwm_opts.kernels.simulation.session import JUMP_SHOCKS, RANGE_SHOCKS, around_jump, conditioned_path, daily_ranges

BARS = 78
DAYS = 4_000 if config.DISABLE_JIT else 200_000
only_compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes of interpreted loops over images")
MANY = 4.5  # standard errors: one estimate in 150,000 lies further out by chance


def ranges(log_return, rng, overnight=0.0, session=1.0, variance=1.0, jump=None, moment=math.nan):
    n = len(log_return)
    opened, high, low = (np.empty(n) for _ in range(3))
    shocks, jump_shocks = rng.standard_normal((n, RANGE_SHOCKS)), rng.standard_normal((n, JUMP_SHOCKS))
    jump = np.zeros(n) if jump is None else jump
    shares = (np.full(n, float(one)) for one in (variance, overnight, session))
    daily_ranges(shocks, jump_shocks, log_return, *shares, jump, np.full(n, moment), opened, high, low)
    return opened, high, low, shocks, jump_shocks


def near(values, wanted):
    return abs(values.mean() - wanted) < MANY * values.std() / math.sqrt(len(values))


@pytest.fixture(scope="module")
def days():
    """Ends of standard Brownian motions, and their extremes."""
    rng = np.random.default_rng(3)
    end = rng.standard_normal(DAYS)
    _, high, low, _, _ = ranges(end, rng)
    return end, high, low


@pytest.fixture(scope="module")
def paths(days):
    """Paths of the first of those days: ends, lows and highs of each bar."""
    end, high, low = (part[:10_000] for part in days)
    out, rng = np.empty((3, len(end), BARS)), np.random.default_rng(4)
    for i in range(len(end)):
        conditioned_path(rng.random((BARS, 4)), end[i], low[i], high[i], 1.0, np.empty(BARS), *out[:, i])
    return out


def test_ranges_hold_open_and_close():
    rng = np.random.default_rng(3)
    log_return = 0.01 * rng.standard_normal(DAYS // 10)
    opened, high, low, _, _ = ranges(log_return, rng, 0.4, 0.6, 1e-4)
    assert (high > np.maximum(opened, log_return)).all()
    assert (low < np.minimum(opened, log_return)).all()
    # E[high - low] of a Brownian motion is sqrt(8 / pi) sd (Feller 1951; Parkinson 1980); 0.6 of the variance here.
    assert near(high - low, math.sqrt(8 / math.pi * 0.6e-4))
    assert near(opened**2, 0.4e-4)
    assert near(opened * (log_return - opened), 0.0)


def test_extremes_have_their_joint_law(days):
    end, high, low = days
    assert near((high - low) ** 2, 4.0 * math.log(2.0))  # Parkinson 1980
    assert near(high * low, 1.0 - 2.0 * math.log(2.0))  # Garman and Klass 1980, appendix
    assert near(high * end, 0.5)  # the same: E[h c] = 1 / 2
    for level in (0.5, 1.0, 2.0):
        # What it gains after reaching a level is nothing on the mean: Rogers 1993, "The joint law of the maximum and
        # terminal value of a martingale", Probability Theory and Related Fields 95.
        assert near((end - level)[high >= level], 0.0)
        assert near((end + level)[low <= -level], 0.0)
        # Reflection: P(high >= a) = 2 P(end >= a).
        assert near((high >= level).astype(float), math.erfc(level / math.sqrt(2.0)))


def test_a_jump_before_the_open_is_in_the_gap_alone():
    rng = np.random.default_rng(5)
    jump = np.full(DAYS // 4, -3.0)
    end = jump + rng.standard_normal(len(jump))
    opened, high, low, _, _ = ranges(end, rng, 0.3, 0.7, 1.0, jump)
    assert near(opened, -3.0)
    assert near(end - opened, 0.0)
    assert near(high - low, math.sqrt(8 / math.pi * 0.7))


def test_a_jump_within_the_session_lies_between_two_paths():
    rng = np.random.default_rng(6)
    jump = np.full(DAYS // 10, -3.0)
    end = jump + rng.standard_normal(len(jump))
    opened, high, low, shocks, jump_shocks = ranges(end, rng, 0.3, 0.7, 1.0, jump, 0.25)
    assert near(opened, 0.0)
    way = np.array([
        around_jump(end[i] - opened[i], 0.7, -3.0, 0.25, shocks[i], jump_shocks[i]) for i in range(len(end))
    ])  # fmt: skip
    first, first_high, first_low, rest, rest_high, rest_low = way.T
    assert first - 3.0 + rest == pytest.approx(end - opened, abs=1e-12)
    assert high - opened == pytest.approx(np.maximum(first_high, first - 3.0 + rest_high), abs=1e-12)
    assert low - opened == pytest.approx(np.minimum(first_low, first - 3.0 + rest_low), abs=1e-12)
    # Two Brownian motions that know nothing of each other.
    assert near(first**2, 0.7 * 0.25)
    assert near(rest**2, 0.7 * 0.75)
    assert near(first * rest, 0.0)
    assert near(first_high * first_low, 0.7 * 0.25 * (1.0 - 2.0 * math.log(2.0)))


@only_compiled
def test_paths_are_brownian_motions_again(paths):
    ends, lows, highs = paths
    for bar in (3, 9, 18, 39, 60, 72):
        share, so_far = bar / BARS, ends[:, bar - 1]
        rest = ends[:, -1] - so_far
        assert near(so_far**2, share)
        assert near(so_far * rest, 0.0)
        assert near(so_far**3 * rest, 0.0)
        top, bottom = highs[:, :bar].max(axis=1), lows[:, :bar].min(axis=1)
        assert near(top * rest, 0.0)
        assert near(bottom * rest, 0.0)
        # Reflection again: the maximum so far is distributed as |so far|.
        assert near(top, math.sqrt(2.0 * share / math.pi))
        assert near(bottom, -math.sqrt(2.0 * share / math.pi))
    moves = np.diff(ends, axis=1, prepend=0.0)
    assert near((moves**2).sum(axis=1), 1.0)
    assert near((moves**4).sum(axis=1), 3.0 / BARS)
    assert near((moves[:, 1:] * moves[:, :-1]).sum(axis=1), 0.0)


@settings(max_examples=20 if config.DISABLE_JIT else 200, deadline=None)
@given(
    end=st.floats(-4.0, 4.0),
    up=st.floats(1e-3, 4.0),
    down=st.floats(1e-3, 4.0),
    bars=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_paths_keep_to_their_bounds_and_touch_them(end, up, down, bars, seed):
    high, low = max(end, 0.0) + up, min(end, 0.0) - down
    starts, ends, lows, highs = (np.empty(bars) for _ in range(4))
    uniforms = np.random.default_rng(seed).random((bars, 4))
    conditioned_path(uniforms, end, low, high, 1.0, starts, ends, lows, highs)
    assert (starts[0], ends[-1]) == (0.0, end)
    assert (starts[1:] == ends[:-1]).all()
    assert (highs.max(), lows.min()) == (high, low)
    assert (highs >= np.maximum(starts, ends)).all()
    assert (lows <= np.minimum(starts, ends)).all()
