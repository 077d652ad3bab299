"""Kernels whose first calls run as Python give the same bits compiled."""

from copy import deepcopy

import numpy as np
import pytest

from iwm_opts.kernels._jit import _Kernel, config
from iwm_opts.kernels.panel import constant_maturity, smile, variance_index
from iwm_opts.kernels.simulation import paths, surface
from iwm_opts.kernels.trading import assignment, fees, fill, payoff, sizing

MODULES = (constant_maturity, smile, variance_index, paths, surface, assignment, fees, fill, payoff, sizing)
CALLS = 400

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")


def legs(rng):
    strike = np.sort(rng.uniform(200.0, 300.0, (4, 4)), axis=1)
    return rng.choice([-1.0, 1.0], (4, 4)), rng.choice([-1.0, 1.0], (4, 4)), strike, rng.uniform(0.0, 3.0, 4)


def delivered_losses(rng):
    return (*legs(rng), 0.37, 0.05, rng.uniform(0.0, 0.1), np.empty(4))


def extremes(rng):
    return (*legs(rng), 0.37, 0.05, np.empty(4), np.empty(4), np.empty(4))


def breakevens(rng):
    return (*legs(rng), np.empty((4, 2)))


def kelly_share(rng):
    return tuple(rng.uniform(0.0, 1.0, 3))


def whole_units(rng):
    return tuple(rng.uniform(1.0, 1e4, 2))


def units_within(rng):
    return rng.uniform(0.0, 1e5, 3), rng.uniform(1.0, 1e3, 3)


def orders(rng):
    charges = fees.Charges(*rng.uniform(0.0, 1.0, 5), *rng.uniform(0.0, 0.01, 2), 5.0, 100.0)
    return charges, rng.uniform(), rng.choice([0.0, 1.0], 4), np.ones(4), 3.0, rng.uniform(0.0, 5.0, 4), np.empty(4)


def fill_prices(rng):
    bid = rng.uniform(0.0, 5.0, (4, 4))
    ask = bid + rng.uniform(0.0, 0.3, (4, 4))
    signs = rng.choice([-1.0, 1.0], (2, 4))
    return (*signs, np.ones(4), bid, ask, rng.uniform(), bool(rng.integers(2)), 100.0, *np.empty((3, 4)))


def is_assigned(rng):
    spot, strike = rng.uniform(200.0, 300.0, (2, 5))
    opposite, bid = rng.uniform(0.0, 5.0, (2, 5))
    t, next_ex, next_cash, dividends = rng.uniform(0.0, [[0.2], [0.2], [1.0], [1.0]], (4, 5))
    right, rate = rng.choice([-1.0, 1.0], 5), np.full(5, 0.04)
    return right, spot, strike, opposite, bid, rate, t, next_ex, next_cash, dividends, np.empty(5)


def total_variance(rng):
    strike = np.arange(200.0, 300.0, 2.5)
    time_value = rng.uniform(0.0, 5.0, (2, len(strike))) * np.exp(-np.abs(strike - 250.0) / 15.0)
    call, put = np.maximum([250.0 - strike, strike - 250.0], 0.0) + time_value
    return strike, call, call + 0.05, put, put + 0.05, 250.3, 0.997


def constant_maturity_vols(rng):
    clock, variance = np.sort(rng.uniform(1.0, 60.0, (4, 6))), np.sort(rng.uniform(0.0, 0.03, (4, 6)))
    clock[0, 2] = clock[0, 1]  # two roots
    variance[1, :2] = np.nan
    strikes = rng.integers(1, 9, 24)
    return np.arange(0, 25, 6), clock.ravel(), variance.ravel(), strikes, 21.3, 30.0, np.empty(4)


def smoothing_spline(rng):
    x, y, weight = np.sort(rng.uniform(-0.4, 0.3, 12)), *rng.uniform(0.05, 3.0, (2, 12))
    return x, y, weight, 10.0 ** rng.uniform(-9.0, 2.0), tuple(np.zeros((5, 12))), *np.empty((2, 12))


def advance(rng):
    numbers, shocks = rng.uniform(0.1, 0.5, len(paths.StateNumbers._fields)), rng.standard_normal((9, paths.SHOCKS))
    often = paths.StateNumbers(*map(float, numbers))._replace(jump_threshold=0.8, burst_threshold=0.8)
    return shocks, 1.0 / 252, often, rng.standard_normal(5), paths.Advanced(*np.empty((len(paths.Advanced._fields), 9)))


def mean_reverting(rng):
    return rng.standard_normal(9), 1.0 / 252, *rng.uniform(0.1, 30.0, 3), np.empty(9)


def forwards(rng):
    day, expiration = np.array([10, 12]), np.array([11, 40, 80, 12, 90])
    ex_date, amount = np.array([9, 12, 60, 95]), rng.uniform(0.0, 2.0, 4)
    years, spot, rate = rng.uniform(0.0, 0.3, 5), rng.uniform(100.0, 300.0, 2), rng.uniform(0.0, 0.1, 2)
    return np.array([0, 3, 5]), day, expiration, years, spot, rate, ex_date, amount, *np.empty((2, 5))


MADE = {make.__name__: make for make in (
    delivered_losses, extremes, breakevens, kelly_share, whole_units, units_within, orders, fill_prices, is_assigned,
    total_variance, constant_maturity_vols, smoothing_spline, advance, mean_reverting, forwards,
)}  # fmt: skip
FEW = {name: function for module in MODULES for name, function in vars(module).items() if isinstance(function, _Kernel)}


@pytest.mark.parametrize("name", MADE)
def test_compiled_code_has_the_bits_of_python(name, monkeypatch):
    rng, compiled = np.random.default_rng(1), FEW[name]
    monkeypatch.setattr(compiled, "few", 0)
    for _ in range(CALLS):
        copies = [deepcopy(given) for given in [MADE[name](rng)] * 2]
        results = compiled(*copies[0]), compiled._run_in_python(*copies[1])
        if results[0] is not None:
            np.testing.assert_array_equal(*results)
        for one, other in zip(*copies, strict=True):
            np.testing.assert_array_equal(one, other)


def test_every_such_kernel_is_compared():
    assert {name for name, function in FEW.items() if function.few > 0} <= set(MADE)
    assert all(function.targetoptions["fastmath"] == {"nsz"} for name, function in FEW.items() if name in MADE)
