import numpy as np
import pytest
from scipy.interpolate import CubicSpline, make_smoothing_spline
from scipy.stats import norm

from iwm_opts.kernels.panel.smile import LEE_SLOPE, smile_stdev, smoothing_spline, terminal_cdf


def fitted(x, y, weight, stiffness):
    g, curvature = np.empty_like(x), np.empty_like(x)
    smoothing_spline(x, y, weight, stiffness, g, curvature)
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


def test_between_knots_it_is_the_natural_cubic_spline(noisy):
    x, y, weight = noisy
    g, curvature = fitted(x, y, weight, 1e-4)
    at = np.linspace(x[0], x[-1], 333)
    stdev, slope = np.empty_like(at), np.empty_like(at)
    smile_stdev(x, g, curvature, at, stdev, slope)
    natural = CubicSpline(x, g, bc_type="natural")
    assert stdev == pytest.approx(natural(at), abs=1e-9)
    assert slope == pytest.approx(natural(at, 1), abs=1e-6)


def test_beyond_the_knots_variance_is_a_line_within_lees_bound():
    x = np.array([-0.2, -0.1, 0.0, 0.1])
    g, curvature = np.array([0.5, 0.3, 0.1, 0.05]), np.zeros(4)
    at = np.array([-1.2, -0.7, 0.3, 2.0, np.nan])
    stdev, slope = np.empty_like(at), np.empty_like(at)
    smile_stdev(x, g, curvature, at, stdev, slope)
    assert np.diff(stdev[:2] ** 2)[0] / 0.5 == pytest.approx(-LEE_SLOPE)  # 2 x 0.5 x -2 would be steeper
    assert stdev[2:4] == pytest.approx(0.05)  # it fell outwards: level from there
    assert np.isnan(stdev[4])
    assert np.isnan(slope[4])


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
