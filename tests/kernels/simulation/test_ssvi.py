import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr

from iwm_opts.kernels.simulation.ssvi import at_the_money, shapes, variance_swap


def total_variance(k, theta, rho, eta, gamma):
    phi = min(eta / (theta**gamma * (1 + theta) ** (1 - gamma)), math.sqrt(2 / theta))
    return theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))


def replication(theta, rho, eta, gamma):
    """-2 E[ln S] as twice the integral of out-of-the-money prices over K^-2 (Carr and Madan 1998, equation 2)."""

    def price(k):
        v = math.sqrt(total_variance(k, theta, rho, eta, gamma))
        d1 = -k / v + v / 2
        if k > 0:
            return ndtr(d1) * math.exp(-k) - ndtr(d1 - v)
        return ndtr(v - d1) - math.exp(log_ndtr(-d1) - k)

    s = math.sqrt(theta)
    edges = [-np.inf, -60 * s, -10 * s, -3 * s, 0, 3 * s, 10 * s, 60 * s, np.inf]
    return 2 * sum(quad(price, a, b, epsabs=1e-14, epsrel=1e-11)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize("theta", [1e-5, 1e-3, 0.02, 0.8])
@pytest.mark.parametrize(("rho", "eta", "gamma"), [(-0.45, 1.3, 0.43), (-0.7, 1.15, 0.5), (0.0, 1.9, 0.3)])
def test_variance_swap_is_what_replication_gives(theta, rho, eta, gamma):
    assert variance_swap(theta, rho, eta, gamma) == pytest.approx(replication(theta, rho, eta, gamma), rel=1e-9)


def rho_at(theta, skew, tilt):
    return -math.tanh(skew + tilt * math.log(theta / 0.005))


@pytest.mark.parametrize(("skew", "tilt"), [(0.5, 0.0), (0.5, -0.1), (-0.2, 0.12)])
def test_at_the_money_inverts_the_variance_swap(skew, tilt):
    target = np.array([1e-5, 1e-3, 0.02, 0.5, math.nan, -1.0])
    theta = np.empty_like(target)
    at_the_money(target, skew, tilt, 1.3, 0.43, theta)
    swaps = [variance_swap(t, rho_at(t, skew, tilt), 1.3, 0.43) for t in theta[:4]]
    assert swaps == pytest.approx(target[:4], rel=1e-10)
    assert np.isnan(theta[4:]).all()


def test_shapes_are_the_formulas():
    theta, skew, eta = np.array([1e-3, 0.005, 0.3]), np.array([0.4, 0.5, 0.6]), np.array([1.0, 1.2, 2.0])
    rho, phi = np.empty(3), np.empty(3)
    shapes(theta, skew, eta, -0.1, 0.5, rho, phi)
    # By hand: tanh(0.560944), tanh(0.5), tanh(0.190566), from ln 5 = 1.609438 and ln 60 = 4.094345. The last phi is
    # held at sqrt(2 / 0.3): 2 / sqrt(0.3 x 1.3) = 3.2 is above it.
    assert rho == pytest.approx([-0.5086774, -0.4621172, -0.1882918], abs=1e-6)
    assert phi == pytest.approx([1 / math.sqrt(1e-3 * 1.001), 1.2 / math.sqrt(0.005 * 1.005), math.sqrt(2 / 0.3)])


@pytest.mark.parametrize("skew", [-2.0, -0.3, 0.5, 2.0])
@pytest.mark.parametrize(("tilt", "gamma"), [(-0.125, 0.5), (0.125, 0.5), (-0.1, 0.44), (0.22, 0.12)])
def test_no_arbitrage_in_prices(skew, tilt, gamma):
    # Butterflies and calendars on a grid of call prices a unit of forward, at the limits: eta 2 and |tilt| a quarter of
    # 1 - gamma, up to a total variance at the money of 1.
    strike = np.exp(np.linspace(-1.5, 1.5, 601))
    k = np.log(strike)
    calls = []
    for theta in np.geomspace(1e-4, 1.0, 120):
        v = np.sqrt(total_variance(k, theta, rho_at(theta, skew, tilt), 2.0, gamma))
        d1 = -k / v + v / 2
        calls.append(ndtr(d1) - strike * ndtr(d1 - v))
        slope = np.diff(calls[-1]) / np.diff(strike)
        assert (slope <= 1e-12).all()
        assert (slope >= -1.0 - 1e-12).all()
        assert (np.diff(slope) >= -1e-10).all()
    assert (np.diff(calls, axis=0) >= -1e-14).all()


def test_a_steeper_tilt_than_the_limit_has_calendar_arbitrage():
    k = np.linspace(-3.0, 3.0, 601)
    surface = [total_variance(k, theta, rho_at(theta, 0.0, 0.6), 1.0, 0.5) for theta in np.geomspace(1e-3, 1.0, 60)]
    assert np.diff(surface, axis=0).min() < -1e-4
