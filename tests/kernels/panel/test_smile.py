import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline
from scipy.stats import norm

from iwm_opts.kernels.panel.smile import smoothing_spline, terminal_cdf


def fitted(x, y, weight, stiffness):
    g, curvature = np.empty_like(x), np.empty_like(x)
    scratch = (np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(x))
    smoothing_spline(x, y, weight, stiffness, scratch, g, curvature)
    return g, curvature


@pytest.fixture
def noisy():
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(-0.4, 0.3, 40))
    return x, 0.08 - 0.1 * x + 0.3 * x**2 + 0.002 * rng.standard_normal(40), rng.uniform(0.2, 3.0, 40)


@pytest.mark.parametrize("stiffness", [1e-8, 1e-4, 1e-1])
def test_smoothing_spline_is_scipys(noisy, stiffness):
    # scipy minimises the same functional (Woltring 1986 bases); another algorithm.
    x, y, weight = noisy
    g, _ = fitted(x, y, weight, stiffness)
    assert g == pytest.approx(make_smoothing_spline(x, y, w=weight, lam=stiffness)(x), abs=1e-7)


def test_no_stiffness_interpolates_and_much_of_it_draws_a_line(noisy):
    x, y, weight = noisy
    assert fitted(x, y, weight, 0.0)[0] == pytest.approx(y, abs=1e-10)
    line = np.polynomial.Polynomial.fit(x, y, 1, w=np.sqrt(weight))(x)
    assert fitted(x, y, weight, 1e8)[0] == pytest.approx(line, abs=1e-6)


def test_distribution_of_a_flat_smile_is_lognormal():
    k = np.linspace(-0.5, 0.5, 41)
    out = np.empty_like(k)
    terminal_cdf(k, np.full_like(k, 0.15), np.zeros_like(k), out)
    assert out == pytest.approx(norm.cdf((k + 0.5 * 0.15**2) / 0.15), abs=1e-12)


def test_distribution_is_the_slope_of_the_put_in_strike():
    def stdev(k):
        return 0.12 - 0.15 * k + 0.2 * k**2

    def put(strike):
        k, v = np.log(strike), stdev(np.log(strike))
        return strike * norm.cdf(k / v + v / 2) - norm.cdf(k / v - v / 2)

    strike, h = np.linspace(0.75, 1.25, 21), 1e-6
    k = np.log(strike)
    out = np.empty_like(k)
    terminal_cdf(k, stdev(k), -0.15 + 0.4 * k, out)
    assert out == pytest.approx((put(strike + h) - put(strike - h)) / (2 * h), abs=1e-8)
