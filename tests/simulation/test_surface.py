import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from scipy.special import ndtr

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.ssvi import variance_swap
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.simulation.dynamics import simulate_states, variance_curve
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.surface import day_shapes, priced_vol, reshaped, shape_at, surface_of

PARAMETERS = shipped_parameters()
DAYS = np.array([0.5, 1.0, 2.0, 5.0, 9.0, 24.0, 70.0, 280.0, 700.0])


def some_states(count=25):
    """Closes of ten years, calm and wild: every few weeks, and the wildest."""
    path = simulate_states(PARAMETERS, 10 * int(SESSIONS_PER_YEAR), seed=11)
    places = [*range(0, len(path), len(path) // count), int(np.argmax(path.fast)), int(np.argmin(path.fast))]
    return [path.at(place) for place in places]


def test_model_free_variance_is_the_priced_one():
    state = some_states(3)[0]
    surface = surface_of(PARAMETERS, state, DAYS)
    years = DAYS / effective_days_per_year()
    wanted = years * variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, years).at(state)
    _, eta, convexity = day_shapes(PARAMETERS, np.array([astuple(state)]))
    gamma = PARAMETERS.smile.gamma
    found = [
        variance_swap(theta, rho, float(eta[0]), gamma, float(convexity[0]))
        for theta, rho in zip(surface.theta, surface.rho, strict=True)
    ]
    assert found == pytest.approx(wanted, rel=1e-9)


def test_no_static_arbitrage_on_any_day():
    # Brute force on undiscounted call prices a unit of forward: slopes in [-1, 0] and rising, and no calendar spread
    # below zero at equal moneyness. Tolerances are what doubles leave of second differences.
    k = np.linspace(-1.0, 0.6, 321)
    strike = np.exp(k)
    for state in some_states():
        surface = surface_of(PARAMETERS, state, DAYS)
        calls = []
        for place in range(len(DAYS)):
            v = np.sqrt(surface.total_variance(place, k))
            d1 = -k / v + v / 2
            calls.append(ndtr(d1) - strike * ndtr(d1 - v))
            slope = np.diff(calls[-1]) / np.diff(strike)
            assert (np.diff(slope) > -1e-10).all()
            assert slope[0] >= -1.0 - 1e-12
            assert slope[-1] <= 1e-12
        assert (np.diff(calls, axis=0) > -1e-13).all()


def test_expired_and_absent_give_nothing():
    surface = surface_of(PARAMETERS, some_states(2)[0], np.array([-1.0, 0.0, 5.0]))
    assert np.isnan(surface.theta).tolist() == [True, True, False]


def test_smiles_follow_the_level_of_vol_and_its_slope():
    smile = replace(
        PARAMETERS.smile, skew=0.5, skew_level=0.4, skew_slope=-0.2, log_eta=0.1, eta_level=-0.6, eta_slope=0.3,
        eta_skew=-0.5, convexity=0.06, tilt=-0.08,
    )  # fmt: skip
    # By hand at 30-day vol 0.30, 10-day vol 0.33 and a skew factor of 0.2: ln 1.5 = 0.405465, ln 1.1 = 0.095310.
    skew, eta, convexity = shape_at(smile, math.log(0.30 / 0.20), math.log(0.33 / 0.30), 0.2)
    assert skew[0] == pytest.approx(0.5 + 0.162186 - 0.019062 + 0.2, abs=1e-6)
    assert eta[0] == pytest.approx(math.exp(0.1 - 0.243279 + 0.028593 - 0.1), abs=1e-6)
    assert convexity[0] == 0.06
    assert shape_at(smile, -3.0, 0.0, 0.0)[1][0] == 2.0  # beyond, there may be arbitrage
    # Likewise, by hand: 0.09 exp(2 - 2 - 0.08 x 12).
    assert shape_at(smile, 0.0, 0.0, 1.5)[2][0] == pytest.approx(0.034460, abs=1e-6)


def test_level_and_slope_are_those_of_the_state():
    state = some_states(3)[0]
    factors = np.array([astuple(state)])
    rate = variance_curve(PARAMETERS.dynamics, PARAMETERS.premium, np.array([10.0, 30.0]) / 365.0).at(state)
    assert priced_vol(PARAMETERS, factors, 30.0 / 365.0)[0] == pytest.approx(math.sqrt(rate[1]))
    wanted = shape_at(
        PARAMETERS.smile, math.log(math.sqrt(rate[1]) / 0.20), 0.5 * math.log(rate[0] / rate[1]), state.skew
    )
    assert np.concatenate(day_shapes(PARAMETERS, factors)) == pytest.approx(np.concatenate(wanted))


def test_smiles_at_another_variance_keep_the_day_s_shape():
    state = some_states(3)[0]
    surface = surface_of(PARAMETERS, state, DAYS)
    shape = (np.repeat(column, len(DAYS)) for column in day_shapes(PARAMETERS, np.array([astuple(state)])))
    again = reshaped(PARAMETERS.smile, *shape, surface.theta)
    assert again.rho == pytest.approx(surface.rho)
    assert again.phi == pytest.approx(surface.phi)
    assert again.convexity == pytest.approx(surface.convexity)


def test_without_convexity_the_smile_is_essvi():
    # Gatheral and Jacquier 2014, equation 4.1, written out anew.
    without = replace(PARAMETERS, smile=replace(PARAMETERS.smile, convexity=0.0))
    surface, k = surface_of(without, some_states(3)[0], DAYS), np.linspace(-1.0, 0.6, 81)
    for place, (theta, rho, phi) in enumerate(zip(surface.theta, surface.rho, surface.phi, strict=True)):
        essvi = theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))
        assert surface.total_variance(place, k) == pytest.approx(essvi, rel=1e-12)
