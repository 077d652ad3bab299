"""Packages under their exits on given paths, against Black's formula in scipy and rules applied by hand."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from iwm_opts.kernels.backtest.codes import DTE, EXPIRY, PROFIT, STOP
from iwm_opts.kernels.trading import managed

FORWARD, STDEV = 100.0, 0.10
FLAT = np.ones(9)  # a smile without skew
LEGS = np.array([[90.0, 95.0], [-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [0.2, 1.0], [0.02, 0.04]])  # a bull put


def put(forward, strike, stdev):
    d1 = math.log(forward / strike) / stdev + stdev / 2
    return strike * norm.cdf(stdev - d1) - forward * norm.cdf(-d1)


def cost_of(forward, stdev):
    """Closing the bull put at mid."""
    return put(forward, 95.0, stdev) - put(forward, 90.0, stdev)


def outcome(logs, remaining, left, credit, terms=(0.5, 2.0, 21.0), share=0.0, fee=0.0):
    """Why, when and at what cost one path closes the spread; the level of implied variance does not move."""
    n = len(logs)
    days = np.array([remaining, np.ones(n), np.zeros(n), left, np.ones(n)])
    profit, stop, dte = terms
    numbers = np.array([credit, profit, stop, dte, math.nan, share, 0.0, 3.0, fee])
    end, debit = np.empty((2, 1), dtype=np.int64), np.empty(1)
    managed.outcomes(
        np.array([logs]), np.zeros((1, n)), days, FLAT, 4.0, FORWARD, STDEV, LEGS, numbers, np.ones(n), end, debit
    )  # fmt: skip
    return int(end[0, 0]), int(end[1, 0]), float(debit[0])


def test_the_target_is_reached_when_the_price_rises():
    logs, remaining = [0.0, 0.10, 0.20], [0.9, 0.8, 0.7]
    why, held, debit = outcome(logs, remaining, [44.0, 43.0, 42.0], credit=1.2)
    costs = [cost_of(FORWARD * math.exp(x), STDEV * math.sqrt(left)) for x, left in zip(logs, remaining, strict=True)]
    first = next(i for i, cost in enumerate(costs) if cost <= 0.6)
    assert (why, held) == (PROFIT, first + 1)
    assert debit == pytest.approx(costs[first], abs=1e-9)


def test_a_stop_pays_three_half_spreads():
    why, held, debit = outcome([0.0, -0.15], [0.9, 0.8], [44.0, 43.0], credit=0.9)
    forward, stdev = FORWARD * math.exp(-0.15), STDEV * math.sqrt(0.8)
    halves = [
        max(half * math.sqrt((put(forward, strike, stdev) + 0.05) / (price + 0.05)), 0.005)
        for strike, price, half in zip(LEGS[0], LEGS[4], LEGS[5], strict=True)
    ]
    assert (why, held) == (STOP, 2)
    assert debit == pytest.approx(cost_of(forward, stdev) + 3.0 * sum(halves), abs=1e-9)


def test_the_dte_exit_comes_before_the_target():
    assert outcome([0.3], [0.5], [21.0], credit=1.2)[:2] == (DTE, 1)


def test_what_is_left_at_expiry_is_settled_with_exercise_fees():
    why, held, debit = outcome([-0.08, -0.08], [0.5, 0.0], [1.0, 0.0], 3.0, (math.nan, math.nan, math.nan), fee=0.05)
    assert (why, held) == (EXPIRY, 2)
    assert debit == pytest.approx(95.0 - FORWARD * math.exp(-0.08) + 0.05)  # one of the puts is in the money


def test_mean_costs_average_the_paths():
    logs, days = np.array([[0.05], [-0.05]]), np.array([[0.8], [1.0], [0.0], [30.0], [0.99]])
    mean = np.empty(1)
    managed.mean_costs(logs, np.zeros((2, 1)), days, FLAT, 4.0, FORWARD, STDEV, LEGS, mean)
    expected = [0.99 * cost_of(FORWARD * math.exp(x), STDEV * math.sqrt(0.8)) for x in (0.05, -0.05)]
    assert mean[0] == pytest.approx(np.mean(expected), abs=1e-9)


def test_a_walk_keeps_mean_and_variance():
    rng = np.random.default_rng(3)
    shocks, own = rng.standard_normal((40_000, 20)), rng.standard_normal((40_000, 20))
    logs, level = np.empty_like(shocks), np.empty_like(shocks)
    variance, keep, vol = np.full(20, 2e-4), 0.98, 0.1
    managed.walk(shocks, own, variance, np.full(40_000, 0.8), keep, vol, -0.7, logs, level)
    assert np.exp(logs[:, -1]).mean() == pytest.approx(1.0, abs=4 * 0.057 / 200)  # four standard errors
    assert logs[:, -1].var() == pytest.approx(0.8 * 20 * 2e-4, rel=0.05)
    expected = vol * math.sqrt((1 - keep**40) / (1 - keep**2))
    assert level[:, -1].std() == pytest.approx(expected, rel=0.02)
    assert np.corrcoef(np.diff(logs[:, :2]).ravel(), (level[:, 1] - keep * level[:, 0]))[0, 1] < -0.65
