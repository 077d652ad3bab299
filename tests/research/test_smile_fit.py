"""Shapes fitted to chains made of a known smile; coefficients against least squares and priors written out anew."""

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.special import ndtr

from iwm_opts.market.capture import make_chain
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.research import smile_fit
from iwm_opts.research.smile_fit import (
    ChainSample,
    chain_sample,
    fit_day,
    fit_shapes,
    matched_surface,
    predicted_shape,
    price_errors,
)
from iwm_opts.simulation.parameters import shipped_parameters

SMILE = shipped_parameters().smile
YEARS = (date(2026, 4, 2) - date(2026, 3, 2)).days / 365.0
THETA = 0.2**2 * YEARS


def smile(k, skew=0.6, eta=1.0, convexity=0.055):
    """Equation of `kernels.simulation.ssvi` at 31 days, written out anew."""
    rho = -math.tanh(skew + SMILE.tilt * math.log(THETA / 0.005))
    phi = eta / (THETA**SMILE.gamma * (1 + THETA) ** (1 - SMILE.gamma))
    wings = 2 * convexity * k**2 / (1 + np.sqrt(1 + k**2 * (1 + THETA) / (9 * THETA)))
    return np.sqrt((0.5 * THETA * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2)) + wings) / YEARS)


@pytest.fixture
def sample(made_quotes):
    quotes = made_quotes(vol=smile, half_spread=0.002)
    chain = make_chain(quotes, symbol="IWM", source="made", spot=200.0, session="close")
    taken = chain_sample(take_snapshot(chain, exercise="european"), (31, 31))
    return replace(taken, expirations=taken.expirations)


def test_the_shape_of_a_made_chain_is_found_again(sample, monkeypatch):
    pulled = fit_day(SMILE, sample)
    monkeypatch.setattr(smile_fit, "CONVEXITY_SD", 1.0)  # quotes alone
    found = fit_day(SMILE, sample)
    assert found.skew == pytest.approx(0.6, abs=0.05)
    assert math.exp(found.log_eta) == pytest.approx(1.0, abs=0.05)
    assert found.convexity == pytest.approx(0.055, abs=0.005)
    assert smile_fit.CONVEXITY_MEAN + 0.005 < pulled.convexity < found.convexity - 0.005
    # One expiration: another term in log tenor is another skew and eta, and fits as well.
    assert found.misfit == pytest.approx(fit_day(replace(SMILE, tilt=0.0), sample).misfit, abs=1e-3)


def test_a_convexity_that_is_given_is_held(sample):
    found, without = fit_day(SMILE, sample, convexity=0.055), fit_day(SMILE, sample, convexity=0.0)
    assert found.skew == pytest.approx(0.6, abs=0.02)
    assert math.exp(found.log_eta) == pytest.approx(1.0, abs=0.02)
    assert (found.convexity, without.convexity) == (0.055, 0.0)
    assert without.log_eta > found.log_eta
    assert without.misfit > 4.0 * found.misfit


def test_errors_are_differences_of_black_prices(sample):
    (expiration,) = sample.expirations
    verticals = expiration.verticals
    surface = matched_surface(SMILE, 0.6, 1.0, 0.03, expiration)

    def price(k):
        stdev = np.sqrt(surface.total_variance(0, k))
        d1 = -k / stdev + stdev / 2
        sign = np.where(k < 0, -1, 1)
        return sign * (ndtr(sign * d1) - np.exp(k) * ndtr(sign * (d1 - stdev)))

    wanted = expiration.price * (price(verticals.sold) - price(verticals.bought)) - verticals.credit
    assert price_errors(surface, expiration, verticals) == pytest.approx(wanted, abs=1e-9)
    strip = np.log(expiration.weight @ price(expiration.grid))  # worth what the chain's is, whatever the shape
    assert strip == pytest.approx(expiration.strip, abs=1e-6)
    width = np.abs(np.exp(verticals.bought) - np.exp(verticals.sold))
    assert np.median(width) == pytest.approx(0.015, abs=0.005)


def chains(count, symbol="IWM", year=2020, spread=0.3):
    rng = np.random.default_rng(3)
    days = [date(year + i, 1, 6) + timedelta(days=7 * i) for i in range(count)]  # an episode each
    return [
        ChainSample(symbol, day, level, slope, ())
        for day, level, slope in zip(days, rng.normal(0, spread, count), rng.normal(0, 0.1, count), strict=True)
    ]


def test_many_episodes_give_back_their_line():
    made = chains(400, year=1600, spread=1.0)
    truth = np.array([[0.5, 0.4, -0.2], [0.1, -0.6, 0.3], [0.04, 0.0, 0.0]])
    points = np.array([truth @ [1.0, chain.level, chain.slope] for chain in made])
    fit = fit_shapes(made, points, "IWM")
    assert fit.mean == pytest.approx(truth.ravel()[:7], abs=0.03)
    assert fit.mean[6] == pytest.approx(0.04, abs=0.001)
    assert predicted_shape(fit, SMILE, replace(made[0], level=0.5, slope=0.1)) == pytest.approx(
        (0.68, math.exp(0.1 - 0.3 + 0.03), 0.04), abs=0.03
    )


def test_one_chain_moves_the_prior_by_what_it_weighs():
    # By hand with skew alone uncorrelated: prior of the level at zero 0.6, variance 0.5^2 common and 0.3^2 of the
    # symbol; noise 0.15^2 + 0.12^2. Where skew and log eta miss their priors in proportion to their spreads and to the
    # correlation of -0.6, the second says no more than the first.
    chain = ChainSample("IWM", date(2026, 6, 15), 0.0, 0.0, ())
    miss = 0.3
    weight = (0.25 + 0.09) / (0.25 + 0.09 + 0.15**2 + 0.12**2)
    fit = fit_shapes([chain], np.array([[0.6 + miss, 0.25]]), "IWM")
    alone = 0.6 + weight * miss
    assert fit.mean[0] == pytest.approx(alone, abs=0.01)
    assert fit.mean[1] == pytest.approx(0.5)  # says nothing about the slopes
    assert fit.mean[4] == pytest.approx(-0.5)
    assert fit.mean[6] == 0.0  # two columns: no convexity


def test_a_symbol_without_chains_gets_the_common_line_and_more_uncertainty():
    made = chains(5)
    points = np.array([[0.9, -0.2, 0.08] for _ in made])
    own, other = (fit_shapes(made, points, symbol) for symbol in ("IWM", "QQQ"))
    assert 0.6 < other.mean[0] < own.mean[0] < 0.9
    assert 0.05 < other.mean[6] < own.mean[6] < 0.1
    assert (np.diag(other.covariance) > np.diag(own.covariance)).all()


def test_constant_shapes_ignore_level_and_slope():
    made = chains(30)
    points = np.array([[0.5 + chain.level, 0.1 - chain.level, 0.05] for chain in made])
    fit = fit_shapes(made, points, "IWM", is_constant=True)
    low, high = (predicted_shape(fit, SMILE, replace(made[0], level=level)) for level in (-0.4, 0.4))
    assert low == pytest.approx(high, abs=1e-4)
