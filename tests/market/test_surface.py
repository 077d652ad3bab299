from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, simpson
from scipy.interpolate import CubicSpline
from scipy.stats import norm

from iwm_opts.market.surface import LEE_SLOPE, MAX_RMS, Smile, SmileQuotes, fit_smile
from tests.refusals import refused_data, shows

EXPIRATION, YEARS, FORWARD, DISCOUNT = date(2026, 4, 17), 0.126, 200.0, 0.995
STRIKES = np.arange(150.0, 251.0)


def skewed(strike):
    k = np.log(strike / FORWARD)
    return 0.22 - 0.25 * k + 0.3 * k**2


def vega(strike, vol):
    stdev = vol * np.sqrt(YEARS)
    d1 = np.log(FORWARD / strike) / stdev + stdev / 2
    return DISCOUNT * FORWARD * norm.pdf(d1) * np.sqrt(YEARS)


def fitted(vol=skewed, noise=0.0, half_spread=0.02, seed=0, strikes=STRIKES):
    vols = vol(strikes)
    vegas = vega(strikes, vols)
    jitter = noise * half_spread / vegas * np.random.default_rng(seed).uniform(-1, 1, len(strikes))
    quotes = SmileQuotes(strikes, vols + jitter, vegas, np.full(len(strikes), half_spread))
    return fit_smile(EXPIRATION, YEARS, FORWARD, DISCOUNT, quotes)


def test_it_finds_the_smile_it_was_given():
    smile = fitted()
    inside = STRIKES[(STRIKES > 165) & (STRIKES < 230)]  # beyond, a cent is worth more than this
    assert smile.vol(inside) == pytest.approx(skewed(inside), abs=0.002)
    assert smile.atm_vol == pytest.approx(0.22, abs=5e-4)
    assert smile.rms <= MAX_RMS


def test_between_knots_it_is_the_natural_cubic_spline():
    smile = fitted(noise=0.5)
    at = np.linspace(smile.knots[0], smile.knots[-1], 333)
    stdev, slope = smile.total_stdev(FORWARD * np.exp(at))
    natural = CubicSpline(smile.knots, smile.stdev, bc_type="natural")
    assert stdev == pytest.approx(natural(at), abs=1e-9)
    assert slope == pytest.approx(natural(at, 1), abs=1e-6)


def test_beyond_the_knots_variance_is_a_line_within_lees_bound():
    x, stdev = np.array([-0.2, -0.1, 0.0, 0.1]), np.array([0.5, 0.3, 0.1, 0.05])
    smile = Smile(EXPIRATION, YEARS, FORWARD, DISCOUNT, x, stdev, np.zeros(4), 0.0, 0.0)
    at = np.array([-1.2, -0.7, 0.3, 2.0, np.nan])
    beyond, slope = smile.total_stdev(FORWARD * np.exp(at))
    assert np.diff(beyond[:2] ** 2)[0] / 0.5 == pytest.approx(-LEE_SLOPE)  # 2 x 0.5 x -2 would be steeper
    assert slope[:2] == pytest.approx(-LEE_SLOPE / 2 / beyond[:2])
    assert beyond[2:4] == pytest.approx(0.05)  # it fell outwards: level from there
    assert slope[2:4] == pytest.approx(0.0)
    assert np.isnan(beyond[4])
    assert np.isnan(slope[4])


@pytest.mark.parametrize("seed", range(5))
def test_noise_within_the_spread_makes_no_butterflies(seed):
    smile = fitted(noise=0.5, seed=seed)
    levels = np.linspace(160, 240, 321)
    assert (np.diff(smile.cdf(levels)) > -2e-4).all()
    assert smile.vol(STRIKES[20:80]) == pytest.approx(skewed(STRIKES[20:80]), abs=0.004)


def test_values_are_integrals_of_its_own_distribution():
    smile = fitted()
    strike = 190.0
    # E[(K - S)+] = integral of the distribution function below K, whatever the smile
    expected = quad(lambda level: smile.cdf(level)[0], 60.0, strike, limit=400)[0]
    assert smile.value(-1, strike)[0] == pytest.approx(DISCOUNT * expected, rel=2e-3)


def test_parity_holds_under_any_variance_ratio():
    smile = fitted()
    for ratio in (0.5, 0.81, 1.0, 1.5):
        gap = smile.value(1, STRIKES, ratio) - smile.value(-1, STRIKES, ratio)
        assert gap == pytest.approx(DISCOUNT * (FORWARD - STRIKES), abs=1e-9)


def option_strip(smile, ratio):
    """Model-free variance: out-of-the-money options weighed by one over strike squared (Demeterfi et al. 1999)."""
    strike = np.exp(np.linspace(np.log(30.0), np.log(800.0), 40_001))
    value = np.where(strike < FORWARD, smile.value(-1, strike, ratio), smile.value(1, strike, ratio))
    return 2.0 / DISCOUNT * simpson(value / strike**2, x=strike)


def log_contract(smile, ratio):
    """-2 E[log(S / F)] by parts over the distribution function."""
    k = np.linspace(-2.5, 2.5, 40_001)
    below = smile.cdf(FORWARD * np.exp(k), ratio)
    return 2.0 * simpson(np.where(k < 0.0, below, below - 1.0), x=k)


@pytest.mark.parametrize("variance", [option_strip, log_contract])
@pytest.mark.parametrize("ratio", [0.69, 0.81, 0.97])
def test_the_model_free_variance_has_the_ratio(variance, ratio):
    # On the 13 IWM chains of June 2026 the ratio is 0.808 at 0.81; scaling w(k) at fixed strikes gives 0.763.
    smile = fitted()
    assert variance(smile, ratio) / variance(smile, 1.0) == pytest.approx(ratio, abs=0.006)


def test_the_scaled_distribution_is_that_of_a_shrunk_log_return():
    # A quantile that lay z deviations out still does: w'(k) = ratio w(k / sqrt(ratio)), here by plain arithmetic.
    smile, ratio = fitted(), 0.81
    for strike in (170.0, 190.0, 200.0, 215.0):
        k = np.log(strike / FORWARD)
        stdev = 0.9 * skewed_stdev(k / 0.9)
        d1 = -k / stdev + stdev / 2
        put = DISCOUNT * (strike * norm.cdf(stdev - d1) - FORWARD * norm.cdf(-d1))
        assert smile.value(-1, strike, ratio)[0] == pytest.approx(put, abs=0.01)


def skewed_stdev(k):
    return (0.22 - 0.25 * k + 0.3 * k**2) * np.sqrt(YEARS)


def test_less_variance_means_cheaper_options_and_a_narrower_distribution():
    smile = fitted()
    assert (smile.value(-1, STRIKES[:50], 0.81) < smile.value(-1, STRIKES[:50])).all()
    assert smile.cdf(180.0, 0.81)[0] < smile.cdf(180.0)[0]
    assert smile.cdf(220.0, 0.81)[0] > smile.cdf(220.0)[0]


@given(st.floats(1.0, 5000.0))
def test_probabilities_beyond_the_strikes_are_probabilities(level):
    assert 0.0 <= fitted().cdf(level)[0] <= 1.0


def test_missing_levels_stay_missing():
    smile = fitted()
    found = smile.cdf(np.array([190.0, np.nan, 210.0]))
    assert np.isnan(found).tolist() == [False, True, False]


def test_too_few_strikes_draw_no_smile():
    with refused_data("expiration 2026-04-17", "strike", "4", "5"):
        fitted(strikes=STRIKES[48:52])


def test_quotes_that_contradict_each_other_make_a_stiffer_smile_and_say_so():
    # Non-synchronous quotes: midpoints off by up to ten half-spreads, as in an end-of-day dump.
    smile = fitted(noise=10.0, half_spread=0.01, seed=3)
    levels = np.linspace(120, 290, 600)
    below = smile.cdf(levels)
    assert (np.maximum.accumulate(below) - below).max() < 1e-5
    assert smile.rms > 1.0
    assert shows(smile.caveat, "contradict")
    assert fitted().caveat == ""
