import math

import numpy as np
import pytest
from numba import config

from iwm_opts.kernels.pricing.american_call import american_call
from iwm_opts.kernels.pricing.american_dividend_put import american_dividend_put
from iwm_opts.kernels.pricing.american_lanes import LANES
from iwm_opts.kernels.pricing.american_put import american_put

NODES, STEPS = 160, 100
only_compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes of interpreted loops over a grid")


def collocated(spot, strike, vol, rate, t):
    operands = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (spot, strike, vol)))
    spot, strike, vol = (np.array(x).ravel() for x in operands)
    out = np.empty((4, spot.size))
    american_put(spot, strike, vol, rate, t, out)
    return out


def solve(spot, strike, vol, rate, t, ex_time=(), cash=(), exercise=True, nodes=NODES, steps=STEPS):
    operands = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (spot, strike, vol)))
    spot, strike, vol = (np.array(x).ravel() for x in operands)
    out, ex_time, cash = np.empty((4, spot.size)), np.array(ex_time, float), np.array(cash, float)
    american_dividend_put(spot, strike, vol, rate, t, ex_time, cash, exercise, nodes, steps, out)
    return out


PUTS = [
    (36, 0.2, 1, 4.478), (36, 0.2, 2, 4.840), (36, 0.4, 1, 7.101), (36, 0.4, 2, 8.508),
    (40, 0.2, 1, 2.314), (40, 0.2, 2, 2.885), (40, 0.4, 1, 5.312), (40, 0.4, 2, 6.920),
    (44, 0.2, 1, 1.110), (44, 0.2, 2, 1.690), (44, 0.4, 1, 3.948), (44, 0.4, 2, 5.647),
]  # fmt: skip


@pytest.mark.parametrize(("spot", "vol", "t", "expected"), PUTS)
def test_puts_of_longstaff_and_schwartz(spot, vol, t, expected):
    # Longstaff and Schwartz 2001, "Valuing American options by simulation", table 1, finite differences, strike 40,
    # rate 6%. Theirs may be exercised 50 times a year, which costs up to 0.01 against any time.
    assert collocated(spot, 40, vol, 0.06, t)[0, 0] == pytest.approx(expected, abs=0.01)
    assert solve(spot, 40, vol, 0.06, t)[0, 0] == pytest.approx(expected, abs=0.01)


@only_compiled
def test_two_methods_agree_where_no_dividend_falls():
    strike = np.linspace(150, 300, LANES + 5)
    for rate, t, vol in ((0.04, 0.25, 0.2), (0.06, 1.0, 0.35), (0.01, 0.05, 0.8)):
        grid, exact = solve(220.0, strike, vol, rate, t, nodes=300), collocated(220.0, strike, vol, rate, t)
        assert grid[0] == pytest.approx(exact[0], abs=2e-4)
        assert grid[1] == pytest.approx(exact[1], abs=2e-4)
        assert grid[2] == pytest.approx(exact[2], abs=2e-4)
        assert grid[3] == pytest.approx(exact[3], rel=2e-3)


@only_compiled
@pytest.mark.parametrize(
    ("vol", "days", "ex_days", "cash"),
    [
        (0.25, 45, [20], [0.62]),
        (0.083, 291, [1, 40, 87, 183, 268, 282], [0.62, 0.8, 0.62, 0.8, 0.3, 0.3]),
        (1.07, 12, [11], [0.8]),  # the value is narrow when it meets the wide grid
        (0.3, 255, [92, 190, 191, 220], [0.62, 0.8, 0.8, 0.3]),
    ],
)
def test_without_exercise_parity_with_the_call_holds(vol, days, ex_days, cash):
    # The call comes by quadrature, another method; the share hardly ever falls below a dividend here.
    rate, t, ex_time, cash = 0.037, days / 365, np.array(ex_days) / 365, np.array(cash)
    strike = np.linspace(140, 340, LANES)
    call = np.empty((4, LANES))
    american_call(np.full(LANES, 220.0), strike, np.full(LANES, vol), rate, t, ex_time, cash, False, call)
    expected = call[0] - 220.0 + (cash * np.exp(-rate * ex_time)).sum() + strike * math.exp(-rate * t)
    assert solve(220.0, strike, vol, rate, t, ex_time, cash, False)[0] == pytest.approx(expected, abs=5e-5)


@only_compiled
def test_errors_fall_with_the_grid():
    terms = (220.0, np.linspace(140, 340, LANES), 0.3, 0.06, 1.2, [0.1, 0.35, 1.1], [0.62, 0.8, 1.5])
    coarse, fine, finest = (solve(*terms, nodes=n, steps=s)[0] for n, s in ((100, 60), (200, 120), (800, 480)))
    assert np.abs(coarse - finest).max() < 2e-3
    assert np.abs(fine - finest).max() < 0.3 * np.abs(coarse - finest).max()


@only_compiled
def test_an_option_does_not_depend_on_its_neighbours():
    strike, vol = np.linspace(150, 300, LANES + 5), np.linspace(0.4, 0.2, LANES + 5)
    together = solve(220.0, strike, vol, 0.04, 0.3, [0.1], [0.6])
    alone = solve(220.0, strike[-1], vol[-1], 0.04, 0.3, [0.1], [0.6])
    # Neighbours set how long before expiry the grid takes over.
    assert together[:3, -1] == pytest.approx(alone[:3, 0], abs=5e-5)


@only_compiled
def test_boundary_divides_exercise_from_waiting():
    terms = (0.25, 0.05, 0.5, [0.4], [0.5])  # the wait before the ex-date has not begun
    boundary = solve(220.0, 220.0, *terms)[3, 0]
    below, above = (solve(boundary + step, 220.0, *terms)[0, 0] for step in (-1.0, 1.0))
    assert below == pytest.approx(221.0 - boundary, abs=1e-9)
    assert above > 219.0 - boundary + 1e-4


def test_a_put_waits_for_a_dividend_worth_more_than_the_interest():
    # 0.62 buys 25 days of interest on 220 at 4%.
    for days, waits in ((20, True), (30, False)):
        boundary = solve(200.0, 220.0, 0.25, 0.04, 0.5, [days / 365], [0.62])[3, 0]
        assert math.isnan(boundary) == waits
