import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.ssvi import variance_swap
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.simulation.dynamics import simulate_states, variance_curve
from iwm_opts.simulation.parameters import shipped_parameters
from iwm_opts.simulation.surface import arbitrage_free_eta, smile_rho, surface_of

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
    found = [variance_swap(theta, surface.rho, surface.eta, surface.gamma) for theta in surface.theta]
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


def test_skew_stays_within_the_arbitrage_bound():
    for skew in (-3.0, 0.0, 3.0):
        rho = smile_rho(PARAMETERS.smile, skew)
        assert -1.0 < rho < 1.0
        assert arbitrage_free_eta(2.0, rho) * (1.0 + abs(rho)) <= 2.0 + 1e-15
    assert smile_rho(replace(PARAMETERS.smile, skew=0.5), 0.0) == pytest.approx(-math.tanh(0.5))
