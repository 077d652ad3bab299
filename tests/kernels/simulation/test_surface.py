import math

import numpy as np
import pytest

from iwm_opts.kernels.panel.implied_rate import PARITY_STRIKES
from iwm_opts.kernels.panel.parity import parity_forward
from iwm_opts.kernels.panel.variance_index import total_variance
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS, quote_expiration, surface_row
from iwm_opts.kernels.simulation.ssvi import NODES, variance_swap
from iwm_opts.kernels.simulation.surface import forwards, priced_variances, quoted_variances, smiles

ETA, GAMMA, TILT, CONVEXITY = 1.2, 0.44, -0.1, 0.05
START = np.array([0, 3, 5])
DAY = np.array([100, 101])


def test_forwards_are_spot_less_discounted_dividends_grown_at_the_rate():
    # Hull 2018, equation 5.2; dividends on the day itself are gone, those on the expiration are not.
    spot, rate = np.array([300.0, 301.0]), np.array([0.04, 0.01])
    expiration = np.array([110, 130, 200, 111, 131])
    years = (expiration - np.repeat(DAY, [3, 2])) / 365.0
    ex_date, amount = np.array([101, 130, 199]), np.array([0.5, 0.7, 0.9])
    forward, discount = np.empty(5), np.empty(5)
    forwards(START, DAY, expiration, years, spot, rate, ex_date, amount, forward, discount)

    def owed(rate, *dividends):
        return sum(cash * math.exp(-rate * days / 365.0) for days, cash in dividends)

    present = [
        300.0 - owed(0.04, (1, 0.5)),
        300.0 - owed(0.04, (1, 0.5), (30, 0.7)),
        300.0 - owed(0.04, (1, 0.5), (30, 0.7), (99, 0.9)),
        301.0,
        301.0 - owed(0.01, (29, 0.7)),
    ]
    assert forward * discount == pytest.approx(present, rel=1e-13)
    assert discount == pytest.approx(np.exp(-np.repeat(rate, [3, 2]) * years), rel=1e-14)


def test_smiles_hold_the_priced_variance():
    # One node of weight 1 at each tenor; each factor has a loading of its own there.
    tenor, years = np.array([0, 1, 2, 0, 2]), np.array([0.02, 0.1, 0.4, 0.02, 0.4])
    loadings = ((0.9, 0.5, 0.1), (0.95, 0.7, 0.3), (1.0, 0.9, 0.6), (0.8, 0.3, 0.0), (0.1, 0.3, 0.7))
    fast, middle, slow, premium, term = (np.array(one).reshape(3, 1) for one in loadings)
    factors = np.array([[-0.5, 0.2, -3.2, 0.1, 0.2], [1.0, -0.3, -2.5, -0.2, 0.0]])
    skew, eta = np.array([0.4, 0.6]), np.full(2, ETA)
    variance, theta, rho, phi = (np.empty(5) for _ in range(4))
    nodes = np.stack([np.ones((3, 1)), fast, middle, slow, premium, term], axis=1)
    priced_variances(START, tenor, years, factors, 0.01, nodes, np.empty(1), variance)
    smiles(START, variance, skew, eta, np.full(2, CONVEXITY), TILT, GAMMA, np.empty(NODES), theta, rho, phi)
    for row, day in enumerate((0, 0, 0, 1, 1)):
        x, m, y, u, p = factors[day]
        t = tenor[row]
        rate = 0.01 + math.exp(fast[t, 0] * x + middle[t, 0] * m + slow[t, 0] * y + premium[t, 0] * u + term[t, 0] * p)
        assert variance[row] == pytest.approx(years[row] * rate, rel=1e-14)
        assert rho[row] == pytest.approx(-math.tanh(skew[day] + TILT * math.log(theta[row] / 0.005)), rel=1e-12)
        swap = variance_swap(theta[row], rho[row], ETA, GAMMA, CONVEXITY)
        assert swap == pytest.approx(years[row] * rate, rel=1e-11)
        assert phi[row] == pytest.approx(ETA / (theta[row] ** GAMMA * (1 + theta[row]) ** (1 - GAMMA)), rel=1e-12)


def test_what_has_expired_has_no_smile():
    years = np.array([-0.1, 0.0, 0.1, 0.1, math.nan])
    variance, theta, rho, phi = (np.empty(5) for _ in range(4))
    nodes = np.ones((1, 6, 1))
    priced_variances(START, np.zeros(5, np.int64), years, np.full((2, 5), -1.0), 0.01, nodes, np.empty(1), variance)
    smiles(
        START, variance, np.full(2, 0.4), np.full(2, ETA), np.zeros(2), TILT, GAMMA, np.empty(NODES), theta, rho, phi
    )
    assert list(np.isnan(theta)) == list(np.isnan(rho)) == list(np.isnan(phi)) == [True, True, False, False, True]


def test_quoted_variances_are_those_of_the_quotes():
    ladders = [np.arange(240.0, 361.0, 5.0), np.arange(200.0, 401.0, 2.5)]
    rows = {
        "spot": [300.0, 300.0], "forward": [300.5, 302.0], "discount": [0.997, 0.99], "years": [0.08, 0.25],
        "days": [29.0, 91.0], "theta": [0.004, 0.012], "rho": [-0.45, -0.45], "phi": [12.0, 8.0],
        "convexity": [0.05, 0.02], "widening": [1.0, 2.0],
    }  # fmt: skip
    columns = [np.array(values) for values in rows.values()]
    coefficients = np.zeros(SPREAD_TERMS)
    coefficients[0] = math.log(0.06)
    variance, puts, calls = np.empty(2), np.empty(2, dtype=np.int64), np.empty(2, dtype=np.int64)
    first = np.array([0, len(ladders[0]), len(ladders[0]) + len(ladders[1])])
    strikes, implied, completeness = np.concatenate(ladders), np.empty(2), np.empty(2)
    room, place = np.empty((7, 99)), np.empty(PARITY_STRIKES + 1, dtype=np.int64)
    for is_implied, out, complete in ((False, variance, completeness), (True, implied, np.empty(2))):
        quoted_variances(
            np.stack(columns), first, strikes, coefficients, 0.01, is_implied, room, place, out, puts, calls, complete
        )
    for row, strike in enumerate(ladders):
        spot, forward, discount, *rest = (float(column[row]) for column in columns)
        quotes = []
        for sign in (1.0, -1.0):
            out = [np.empty(len(strike)) for _ in range(4)]
            terms = surface_row(spot, forward, discount, *rest)
            quote_expiration(np.full(len(strike), sign), strike, terms, coefficients, 0.01, *out)
            quotes += out[:2]
        expected = total_variance(strike, *quotes, forward, discount)
        assert variance[row] == pytest.approx(expected[0], rel=1e-13)
        assert (puts[row], calls[row], completeness[row]) == (*expected[1:3], expected[-1])
        parity = parity_forward(strike, *quotes, discount)
        assert parity == pytest.approx(forward, abs=0.02)
        assert implied[row] == pytest.approx(total_variance(strike, *quotes, parity, discount)[0], rel=1e-13)
