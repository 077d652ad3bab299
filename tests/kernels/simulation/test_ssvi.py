import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr

from iwm_opts.kernels.simulation.ssvi import at_the_money, convexity_limit, shapes, variance_swap


def total_variance(k, theta, rho, eta, gamma, convexity=0.0):
    """Formula of the module, its second hyperbola as a bounded parabola."""
    phi = min(eta / (theta**gamma * (1 + theta) ** (1 - gamma)), math.sqrt(2 / theta))
    bounded = k**2 / (1 + np.sqrt(1 + k**2 * (1 + theta) / (9 * theta)))
    return theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2)) + 2 * convexity * bounded


def replication(theta, rho, eta, gamma, convexity):
    """-2 E[ln S] as twice the integral of out-of-the-money prices over K^-2 (Carr and Madan 1998, equation 2)."""

    def price(k):
        v = math.sqrt(total_variance(k, theta, rho, eta, gamma, convexity))
        d1 = -k / v + v / 2
        if k > 0:
            return ndtr(d1) * math.exp(-k) - ndtr(d1 - v)
        return ndtr(v - d1) - math.exp(log_ndtr(-d1) - k)

    s = math.sqrt(theta)
    edges = [-np.inf, -60 * s, -10 * s, -3 * s, 0, 3 * s, 10 * s, 60 * s, np.inf]
    return 2 * sum(quad(price, a, b, epsabs=1e-14, epsrel=1e-11)[0] for a, b in pairwise(edges))


@pytest.mark.parametrize("theta", [1e-5, 1e-3, 0.02, 0.8])
@pytest.mark.parametrize(
    ("rho", "eta", "gamma", "convexity"),
    [(-0.45, 1.3, 0.43, 0.0), (-0.6, 0.8, 0.44, 0.055), (-0.7, 1.15, 0.5, 0.09), (0.0, 1.9, 0.3, 0.02)],
)
def test_variance_swap_is_what_replication_gives(theta, rho, eta, gamma, convexity):
    replicated = replication(theta, rho, eta, gamma, convexity)
    near_bound = theta * convexity > 0.05  # wings at nearly Lee's bound carry variance beyond the nodes
    rel = 1e-5 if near_bound else 1e-9
    assert variance_swap(theta, rho, eta, gamma, convexity) == pytest.approx(replicated, rel=rel)


def rho_at(theta, skew, tilt):
    return -math.tanh(skew + tilt * math.log(theta / 0.005))


@pytest.mark.parametrize(("skew", "tilt"), [(0.5, 0.0), (0.5, -0.1), (-0.2, 0.12)])
def test_at_the_money_inverts_the_variance_swap(skew, tilt):
    target = np.array([1e-5, 1e-3, 0.02, 0.5, math.nan, -1.0])
    theta = np.empty_like(target)
    at_the_money(target, skew, tilt, 1.3, 0.43, 0.06, theta)
    swaps = [variance_swap(t, rho_at(t, skew, tilt), 1.3, 0.43, 0.06) for t in theta[:4]]
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
@pytest.mark.parametrize("has_wings", [False, True])
def test_no_arbitrage_in_prices(skew, tilt, gamma, has_wings):
    # Butterflies and calendars on a grid of call prices a unit of forward, at the limits: eta 2 and |tilt| a quarter of
    # 1 - gamma, without convexity and with the most of it, up to a total variance at the money of 1.
    strike = np.exp(np.linspace(-1.5, 1.5, 601))
    k = np.log(strike)
    convexity = convexity_limit(skew, tilt) if has_wings else 0.0
    calls = []
    for theta in np.geomspace(1e-4, 1.0, 120):
        v = np.sqrt(total_variance(k, theta, rho_at(theta, skew, tilt), 2.0, gamma, convexity))
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


def durrleman(u, theta, rho, psi, convexity):
    """g(k) of Gatheral and Jacquier 2014, lemma 2.2, at k = u sqrt(theta), with psi = phi sqrt(theta)."""
    shifted, bend = psi * u + rho, 3 / math.sqrt(1 + theta)
    root, wing = np.sqrt(shifted**2 + 1 - rho**2), np.sqrt(bend**2 + u**2)
    w = 0.5 * (1 + rho * psi * u + root) + 2 * convexity * bend * (wing - bend)  # over theta, as its derivatives in u
    slope = 0.5 * psi * (rho + shifted / root) + 2 * convexity * bend * u / wing
    bent = 0.5 * psi**2 * (1 - rho**2) / root**3 + 2 * convexity * bend**3 / wing**3
    return (1 - u * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + theta / 4) + bent / 2


@pytest.mark.parametrize("theta", [1e-6, 0.05, 0.2, 0.4, 0.7, 1.0])
def test_densities_are_positive_up_to_the_limit_of_convexity(theta):
    u = np.sinh(np.linspace(-6.5, 6.5, 1301))
    psi = np.linspace(0.02, math.sqrt(2), 36)[:, None]
    for skew in np.linspace(0.0, 6.0, 31):  # rho's other sign mirrors u
        for part in (0.25, 0.5, 0.75, 1.0):
            convexity = part * float(convexity_limit(skew, 0.0))
            assert durrleman(u, theta, -math.tanh(skew), psi, convexity).min() >= -1e-11


def test_twice_the_limit_has_butterfly_arbitrage():
    u, limit = np.sinh(np.linspace(-6.5, 6.5, 1301)), float(convexity_limit(2.0, 0.0))
    assert limit == 0.09
    assert durrleman(u, 1.0, -math.tanh(2.0), math.sqrt(2), 2 * limit).min() < -1e-3


def test_tilt_and_skew_lower_the_limit():
    # By hand: 0.09 exp(2 - 1.8 - 0.08 x 12).
    assert convexity_limit(np.array([0.5, -1.8]), -0.08) == pytest.approx([0.09, 0.042090], abs=1e-6)


@pytest.mark.parametrize("k", [-2.0, -0.3, 0.0, 0.1])
def test_wings_grow_with_variance_at_the_money(k):
    theta = np.geomspace(1e-6, 1.0, 400)
    wings = [total_variance(k, t, 0.0, 1e-9, 0.5, 0.09) - total_variance(k, t, 0.0, 1e-9, 0.5) for t in theta]
    assert (np.diff(wings) >= -1e-16).all()
