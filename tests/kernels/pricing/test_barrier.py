"""Oracles take other roads than the code: first-passage densities integrated, and a sine series for two barriers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from iwm_opts.kernels.pricing.barrier import touch


def touched(low, high, stdev_low, stdev_high=None):
    out = np.empty(1)
    touch(*(np.array([x]) for x in (low, high, stdev_low, stdev_low if stdev_high is None else stdev_high)), out)
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
    assert touched(low, high, stdev) == pytest.approx(first_passage(level, stdev), abs=1e-9)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.08), (-0.02, 0.3), (-0.25, 0.2), (-0.01, 0.01)])
@pytest.mark.parametrize("stdev", [0.05, 0.1, 0.3])
def test_two_levels_against_the_sine_series(low, high, stdev):
    assert touched(low, high, stdev) == pytest.approx(1 - survival(low, high, stdev), abs=1e-9)


def test_beyond_or_without_levels():
    assert touched(0.01, 0.2, 0.1) == 1.0  # the price is already below the lower level
    assert touched(-0.1, -0.01, 0.1) == 1.0
    assert math.isnan(touched(math.nan, math.nan, 0.1))


@given(st.floats(0.005, 0.5), st.floats(0.005, 0.5), st.floats(0.02, 0.5), st.floats(0.02, 0.5))
def test_two_levels_are_touched_more_than_either_and_less_than_both_together(low, high, stdev_low, stdev_high):
    both = touched(-low, high, stdev_low, stdev_high)
    one, other = touched(-low, math.nan, stdev_low), touched(math.nan, high, stdev_high)
    assert max(one, other) <= both <= min(one + other, 1.0) + 1e-9
