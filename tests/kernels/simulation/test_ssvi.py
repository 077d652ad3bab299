import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr, ndtr

from iwm_opts.kernels.simulation.ssvi import at_the_money, variance_swap


def total_variance(k, theta, rho, eta, gamma):
    phi = eta / (theta**gamma * (1 + theta) ** (1 - gamma))
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


def test_at_the_money_inverts_the_variance_swap():
    target = np.array([1e-5, 1e-3, 0.02, 0.5, math.nan, -1.0])
    theta = np.empty_like(target)
    at_the_money(target, -0.45, 1.3, 0.43, theta)
    assert [variance_swap(t, -0.45, 1.3, 0.43) for t in theta[:4]] == pytest.approx(target[:4], rel=1e-10)
    assert np.isnan(theta[4:]).all()


@pytest.mark.parametrize(("rho", "gamma"), [(-0.9, 0.5), (-0.42, 0.43), (0.3, 0.1)])
def test_no_arbitrage_in_prices(rho, gamma):
    # Butterflies and calendars on a grid of call prices a unit of forward, at the paper's limit eta (1 + |rho|) = 2.
    eta = 2 / (1 + abs(rho))
    strike = np.exp(np.linspace(-1.5, 1.5, 601))
    k = np.log(strike)
    calls = []
    for theta in np.geomspace(1e-4, 1.0, 25):
        v = np.sqrt(total_variance(k, theta, rho, eta, gamma))
        d1 = -k / v + v / 2
        calls.append(ndtr(d1) - strike * ndtr(d1 - v))
        slope = np.diff(calls[-1]) / np.diff(strike)
        assert (slope <= 1e-12).all()
        assert (slope >= -1.0 - 1e-12).all()
        assert (np.diff(slope) >= -1e-10).all()
    assert (np.diff(calls, axis=0) >= -1e-14).all()
