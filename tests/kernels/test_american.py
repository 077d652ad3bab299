import math

import numpy as np
import pytest

from iwm_opts.kernels.american import american
from iwm_opts.kernels.american_grid import LANES
from iwm_opts.kernels.black import black_scholes

NO_DIVIDENDS = np.empty(0)
NODES, STEPS = 400, 50


def solve(sign, spot, strike, vol, rate, t, ex_time=NO_DIVIDENDS, cash=NO_DIVIDENDS, exercise=True):
    operands = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (sign, spot, strike, vol)))
    sign, spot, strike, vol = (np.array(x).ravel() for x in operands)
    out = np.empty((4, sign.size))
    american(
        sign, spot, strike, vol, rate, t, np.array(ex_time, float), np.array(cash, float), exercise, NODES, STEPS, out
    )
    return out


def call_with_one_dividend(spot, strike, vol, rate, t, ex_time, cash):
    """Merton 1973: exercise on the eve of the ex-date or never; the eve's value integrated over the lognormal spot."""
    z = np.linspace(-9.0, 9.0, 200_001)
    eve = spot * np.exp((rate - 0.5 * vol**2) * ex_time + vol * math.sqrt(ex_time) * z)
    held = [black_scholes(1.0, max(s - cash, 1e-9), strike, t - ex_time, rate, vol, 0.0) for s in eve[::20]]
    value = np.maximum(eve - strike, np.interp(eve, eve[::20], held))
    density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    return math.exp(-rate * ex_time) * np.trapezoid(value * density, z)


@pytest.mark.parametrize(
    ("spot", "vol", "t", "expected"),
    [
        (36, 0.2, 1, 4.478),
        (36, 0.2, 2, 4.840),
        (36, 0.4, 1, 7.101),
        (36, 0.4, 2, 8.508),
        (40, 0.2, 1, 2.314),
        (40, 0.2, 2, 2.885),
        (40, 0.4, 1, 5.312),
        (40, 0.4, 2, 6.920),
        (44, 0.2, 1, 1.110),
        (44, 0.2, 2, 1.690),
        (44, 0.4, 1, 3.948),
        (44, 0.4, 2, 5.647),
    ],
)
def test_puts_of_longstaff_and_schwartz(spot, vol, t, expected):
    # Longstaff and Schwartz 2001, "Valuing American options by simulation", table 1, finite differences, strike 40,
    # rate 6%. Theirs may be exercised 50 times a year, which costs up to 0.01 against any time.
    assert solve(-1, spot, 40, vol, 0.06, t)[0, 0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("ex_day", [1, 20, 89])
@pytest.mark.parametrize("strike", [170.0, 200.0, 220.0, 250.0])
def test_call_with_one_dividend(strike, ex_day):
    terms = (strike, 0.25, 0.04, 90 / 365, ex_day / 365, 1.5)
    expected = call_with_one_dividend(220.0, *terms)
    found = solve(1, 220.0, *terms[:4], [terms[4]], [terms[5]])[0, 0]
    assert found == pytest.approx(expected, abs=3e-4)


def test_without_exercise_the_grid_gives_black_scholes():
    strike = np.linspace(150, 300, LANES)
    for sign in (1.0, -1.0):
        found = solve(sign, 220.0, strike, 0.3, 0.04, 0.5, exercise=False)
        expected = [black_scholes(sign, 220.0, k, 0.5, 0.04, 0.3, 0.0) for k in strike]
        assert found[0] == pytest.approx(expected, abs=2e-5)


def test_european_put_call_parity_with_dividends():
    ex_time, cash = [1 / 365, 0.2, 0.45], [0.7, 0.6, 0.8]
    strike = np.linspace(150, 300, LANES)
    call, put = (solve(sign, 220.0, strike, 0.3, 0.04, 0.5, ex_time, cash, False)[0] for sign in (1.0, -1.0))
    paid = sum(c * math.exp(-0.04 * when) for when, c in zip(ex_time, cash, strict=True))
    assert call - put == pytest.approx(220.0 - paid - strike * math.exp(-0.02), abs=2e-4)


def test_an_option_does_not_depend_on_its_neighbours():
    strike, vol = np.linspace(150, 300, LANES + 5), np.linspace(0.4, 0.2, LANES + 5)
    together = solve(-1, 220.0, strike, vol, 0.04, 0.3, [0.1], [0.6])
    alone = solve(-1, 220.0, strike[-1], vol[-1], 0.04, 0.3, [0.1], [0.6])
    assert together[:, -1] == pytest.approx(alone[:, 0], rel=1e-12)


def test_put_boundary_divides_exercise_from_waiting():
    boundary = solve(-1, 220.0, 220.0, 0.25, 0.05, 0.5)[3, 0]
    below, above = (solve(-1, boundary + step, 220.0, 0.25, 0.05, 0.5)[0, 0] for step in (-1.0, 1.0))
    assert below == pytest.approx(221.0 - boundary, abs=1e-9)
    assert above > 219.0 - boundary + 1e-4


def test_call_boundary_divides_exercise_on_the_eve_from_holding():
    # Just before the ex-date the call is worth max(S - K, Black(S - D)); they are equal at the boundary.
    strike, vol, rate, t, cash = 200.0, 0.22, 0.04, 30 / 365, 1.2
    ex_time = 10 / 365
    boundary = solve(1, 220.0, strike, vol, rate, t, [ex_time], [cash])[3, 0]
    held = black_scholes(1.0, boundary - cash, strike, t - ex_time, rate, vol, 0.0)
    assert boundary - strike == pytest.approx(held, abs=1e-3)


def test_no_boundary_for_a_call_whose_dividend_is_below_the_interest():
    # D < K (1 - exp(-r tau)): exercise never pays (Merton 1973, theorem 3).
    assert math.isnan(solve(1, 220.0, 200.0, 0.2, 0.05, 0.5, [0.1], [0.5])[3, 0])
