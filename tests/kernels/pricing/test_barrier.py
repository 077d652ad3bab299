"""Oracles take other roads than the code: first-passage densities integrated, and a sine series for two barriers."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad

from iwm_opts.kernels.pricing.barrier import LEVELS, NODES, touch

FLAT = 1e-9, 0.0  # nu and rho of a vol that never moves
ERROR = 1.5e-3  # of the finite differences


def touched(low, high, alpha, nu=FLAT[0], rho=FLAT[1], drift=0.0, t=1.0):
    out = np.empty(1)
    grids, rows = np.empty((2, NODES + 1, LEVELS + 1)), np.empty((2, NODES + 1))
    touch(np.array([low]), np.array([high]), drift, alpha, nu, rho, t, grids, rows, out)
    return float(out[0])


def first_passage(level, stdev):
    """Density |a| / (s sqrt(2 pi t^3)) exp(-(a - m t)^2 / (2 s^2 t)), 0 < t <= 1; Karatzas and Shreve 1991, 3.5.12."""
    drift = -0.5 * stdev**2

    def density(t):
        return (
            abs(level)
            / (stdev * math.sqrt(2 * math.pi * t**3))
            * math.exp(-((level - drift * t) ** 2) / (2 * stdev**2 * t))
        )

    return quad(density, 0, 1, epsabs=1e-12, limit=200)[0]


def survival(low, high, stdev):
    """Sine series of the heat equation with absorbing ends and drift (Cox and Miller 1965, section 5.7)."""
    drift, width, variance = -0.5 * stdev**2, high - low, stdev**2
    total = 0.0
    for n in range(1, 200):
        k = n * math.pi / width
        mode = math.sin(k * -low) * math.exp(-0.5 * variance * k * k)
        tilt = drift / variance
        # integral over y in (0, width) of exp(tilt y) sin(k y)
        integral = k * (1 - (-1) ** n * math.exp(tilt * width)) / (tilt**2 + k**2)
        total += 2 / width * mode * integral * math.exp(tilt * low)
    return total * math.exp(-0.5 * drift**2 / variance)


@pytest.mark.parametrize("level", [-0.4, -0.12, -0.02, 0.015, 0.1, 0.35])
@pytest.mark.parametrize("stdev", [0.03, 0.1, 0.4])
def test_one_level_against_the_first_passage_density(level, stdev):
    low, high = (level, math.nan) if level < 0 else (math.nan, level)
    assert touched(low, high, stdev) == pytest.approx(first_passage(level, stdev), abs=ERROR)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.08), (-0.02, 0.3), (-0.25, 0.2), (-0.01, 0.01)])
@pytest.mark.parametrize("stdev", [0.05, 0.1, 0.3])
def test_two_levels_against_the_sine_series(low, high, stdev):
    assert touched(low, high, stdev) == pytest.approx(1 - survival(low, high, stdev), abs=ERROR)


def test_beyond_or_without_levels():
    assert touched(0.01, 0.2, 0.1) == 1.0  # the price is already below the lower level
    assert touched(-0.1, -0.01, 0.1) == 1.0
    assert math.isnan(touched(math.nan, math.nan, 0.1))


@example(0.0234375, 0.5, 0.0234375, 0.75, 0.625)  # a level 20 standard deviations away moved the other's chance
@given(st.floats(0.02, 0.5), st.floats(0.02, 0.5), st.floats(0.02, 0.5), st.floats(0.0, 0.8), st.floats(-0.7, 0.7))
def test_two_levels_are_touched_more_than_either_and_less_than_both_together(low, high, stdev, nu, rho):
    both = touched(-low, high, stdev, nu, rho)
    one, other = touched(-low, math.nan, stdev, nu, rho), touched(math.nan, high, stdev, nu, rho)
    tolerance = 2e-3  # of the grids, which differ
    assert max(one, other) - tolerance <= both <= min(one + other, 1.0) + tolerance


def simulated(low, high, drift, alpha, nu, rho, t, paths=40_000, steps=800):
    """Touched or not along Euler paths, each step a Brownian bridge; and the standard error."""
    random, dt = np.random.default_rng(11), t / steps
    x, y, alive = np.zeros(paths), np.zeros(paths), np.ones(paths)
    for _ in range(steps):
        z = random.standard_normal((2, paths // 2))
        first, second = np.concatenate([z[0], -z[0]]), np.concatenate([z[1], -z[1]])
        variance = (alpha * np.exp(y)) ** 2 * dt
        after = x + drift * dt - 0.5 * variance + np.sqrt(variance) * first
        y += nu * math.sqrt(dt) * (rho * first + math.sqrt(1 - rho**2) * second) - 0.5 * nu**2 * dt
        for level, side in ((low, 1.0), (high, -1.0)):
            if not math.isnan(level):
                here, there = np.maximum(side * (x - level), 0.0), np.maximum(side * (after - level), 0.0)
                alive *= 1.0 - np.exp(-2.0 * here * there / variance)
        x = after
    return 1.0 - alive.mean(), alive.std() / math.sqrt(paths)


@pytest.mark.parametrize("levels", [(-0.08, 0.072), (-0.08, math.nan), (math.nan, 0.072)])
def test_stochastic_vol_against_monte_carlo(levels):
    # The smile of IWM of 2026-06-26 at 35 days: alpha 0.227, nu 2.05, rho -0.61.
    terms = (0.04, 0.227, 2.05, -0.61, 35 / 365)
    estimate, error = simulated(*levels, *terms)
    assert touched(*levels, *terms[1:4], drift=terms[0], t=terms[4]) == pytest.approx(estimate, abs=3 * error + ERROR)
