import math

import numpy as np
import pytest
from numba import config
from scipy.interpolate import CubicSpline

from iwm_opts.kernels.pricing.american_call import american_call
from iwm_opts.kernels.pricing.american_lanes import LANES
from iwm_opts.kernels.pricing.black import black_scholes

NO_DIVIDENDS = np.empty(0)
only_compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes of interpreted quadrature")


def solve(spot, strike, vol, rate, t, ex_time=NO_DIVIDENDS, cash=NO_DIVIDENDS, exercise=True):
    operands = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (spot, strike, vol)))
    spot, strike, vol = (np.array(x).ravel() for x in operands)
    out = np.empty((4, spot.size))
    american_call(spot, strike, vol, rate, t, np.array(ex_time, float), np.array(cash, float), exercise, out)
    return out


def black(spot, strike, t, rate, vol):
    return np.array([black_scholes(1.0, max(s, 1e-9), strike, t, rate, vol, 0.0) for s in spot])


def call_by_splines(spot, strike, vol, rate, t, ex_time, cash, exercise=True):
    """Merton 1973 step by step: a spline on a wide grid between ex-dates, the eve's value summed over the next price.

    Each sum is split at the price of exercise, bisected on the spline, and taken over 60 x 10 points of Gauss and
    Legendre's rule: another discretisation than the kernel's in every part.
    """
    place, weight = np.polynomial.legendre.leggauss(10)

    def expected(held, after, kink, length, amount):
        stdev, discount, x = vol * math.sqrt(length), math.exp(-rate * length), np.log(after)[:, None]
        centre = x + (rate - 0.5 * vol**2) * length
        split = np.clip((math.log(kink) - centre) / stdev, -8.5, 8.5) if kink < math.inf else np.full_like(x, 8.5)
        total = np.zeros(len(after))
        for low, high in ((-8.5, split), (split, 8.5)):
            width = (high - low) / 60
            z = (low + width * np.arange(60))[:, :, None] + width[:, :, None] * (0.5 + 0.5 * place)
            eve = np.exp(centre[:, :, None] + stdev * z)
            value = np.maximum(held(np.maximum(eve - amount, 1e-9)), 0.0)
            value = np.where(eve >= kink, eve - strike, value)
            total += (value * np.exp(-0.5 * z**2) * weight * width[:, :, None]).sum(axis=(1, 2))
        return 0.5 * discount * total / math.sqrt(2.0 * math.pi)

    left, reach = t - ex_time[-1], 0.6 + 8.0 * vol * math.sqrt(t)
    low_end, high_end = math.log(spot) - reach, math.log(spot) + reach
    grid = np.linspace(low_end, high_end, 4_001)
    spline = CubicSpline(grid, black(np.exp(grid), strike, left, rate, vol))
    owed = strike * math.exp(-rate * left)
    for k in range(len(cash) - 1, -1, -1):

        def held(price, spline=spline):
            return spline(np.clip(np.log(price), low_end, high_end))

        kink = math.inf
        if exercise and owed + cash[k] > strike * (1 + 1e-9):
            low, high = math.log(strike), high_end
            for _ in range(60):
                middle = 0.5 * (low + high)
                pays = math.exp(middle) - strike > held(max(math.exp(middle) - cash[k], 1e-9))
                low, high = (low, middle) if pays else (middle, high)
            kink = math.exp(high) if high < high_end else math.inf
        owed = min(owed + cash[k], strike) if exercise else owed + cash[k]
        length = ex_time[k] - (ex_time[k - 1] if k else 0.0)
        owed *= math.exp(-rate * length)
        if k == 0:
            return expected(held, np.array([spot]), kink, length, cash[k])[0], kink
        grid = np.linspace(low_end, high_end, 601)
        spline = CubicSpline(grid, expected(held, np.exp(grid), kink, length, cash[k]))
    raise AssertionError


@pytest.mark.parametrize("ex_day", [1, 20, 89])
@pytest.mark.parametrize("strike", [170.0, 200.0, 220.0, 250.0])
def test_one_dividend(strike, ex_day):
    terms = (strike, 0.25, 0.04, 90 / 365, [ex_day / 365], [1.5])
    expected, kink = call_by_splines(220.0, *terms)
    price, _, _, boundary = solve(220.0, *terms)[:, 0]
    assert price == pytest.approx(expected, abs=1e-6)
    assert np.nan_to_num(boundary, nan=math.inf) == pytest.approx(kink, rel=1e-6)  # NaN: at no price


@only_compiled
@pytest.mark.parametrize(
    ("vol", "rate", "days", "ex_days", "cash"),
    [
        (0.22, 0.037, 180, [40, 131], [0.62, 0.7]),
        (0.22, 0.037, 365, [1, 90, 91, 364], [0.62, 1.5, 0.3, 1.5]),  # the day after now, two in a row, the day before
        (1.2, 0.01, 51, [1, 11, 13, 21, 22, 39, 50], [1.5, 0.3, 0.62, 0.8, 1.5, 0.3, 1.5]),
        (0.08, 0.06, 60, [7, 59], [0.3, 0.62]),
    ],
)
def test_many_dividends(vol, rate, days, ex_days, cash):
    for strike in (140.0, 205.0, 222.0, 340.0):
        terms = (strike, vol, rate, days / 365, np.array(ex_days) / 365, cash)
        for exercise in (True, False):
            expected, _ = call_by_splines(220.0, *terms, exercise)
            assert solve(220.0, *terms, exercise)[0, 0] == pytest.approx(expected, abs=5e-6)


def test_greeks_are_differences_of_prices():
    strike, step = np.array([180.0, 215.0, 240.0]), 0.05
    terms = (strike, 0.25, 0.04, 0.4, [0.1, 0.3], [0.62, 1.1])
    down, here, up = (solve(spot, *terms) for spot in (220.0 - step, 220.0, 220.0 + step))
    assert here[1] == pytest.approx((up[0] - down[0]) / (2 * step), abs=1e-6)
    assert here[2] == pytest.approx((up[0] - 2 * here[0] + down[0]) / step**2, abs=1e-6)


def test_without_exercise_parity_holds():
    ex_time, cash = [1 / 365, 0.2, 0.45], [0.7, 0.6, 0.8]
    strike = np.linspace(150, 300, LANES + 5)
    call = solve(220.0, strike, 0.3, 0.04, 0.5, ex_time, cash, False)[0]
    paid = sum(c * math.exp(-0.04 * when) for when, c in zip(ex_time, cash, strict=True))
    # A call struck at nothing is the share less its dividends.
    assert solve(220.0, 1e-3, 0.3, 0.04, 0.5, ex_time, cash, False)[0, 0] == pytest.approx(220.0 - paid, abs=2e-3)
    assert np.all(call >= 220.0 - paid - strike * math.exp(-0.02) - 1e-9)


def test_an_option_does_not_depend_on_its_neighbours():
    strike, vol = np.linspace(150, 300, LANES + 5), np.linspace(0.4, 0.2, LANES + 5)
    together = solve(220.0, strike, vol, 0.04, 0.3, [0.1, 0.2], [0.6, 0.7])
    alone = solve(220.0, strike[-1], vol[-1], 0.04, 0.3, [0.1, 0.2], [0.6, 0.7])
    # Neighbours may ask for more points than it needs alone.
    assert together[:3, -1] == pytest.approx(alone[:3, 0], abs=1e-6)


def test_boundary_divides_exercise_on_the_eve_from_holding():
    # Just before the ex-date the call is worth max(S - K, Black(S - D)); they are equal at the boundary.
    strike, vol, rate, t, cash = 200.0, 0.22, 0.04, 30 / 365, 1.2
    ex_time = 10 / 365
    boundary = solve(220.0, strike, vol, rate, t, [ex_time], [cash])[3, 0]
    held = black_scholes(1.0, boundary - cash, strike, t - ex_time, rate, vol, 0.0)
    assert boundary - strike == pytest.approx(held, abs=1e-6)


def test_no_boundary_for_a_call_whose_dividend_is_below_the_interest():
    # D < K (1 - exp(-r tau)): exercise never pays (Merton 1973, theorem 3).
    assert math.isnan(solve(220.0, 200.0, 0.2, 0.05, 0.5, [0.1], [0.5])[3, 0])


@only_compiled
@pytest.mark.parametrize("stdev", [2.0, 6.0, 8.0, 12.0, 20.0])
@pytest.mark.parametrize("ex_time", [[0.5], [0.01], [0.99], [0.1, 0.5, 0.9]])
def test_a_dividend_of_nothing_leaves_black_and_scholes_however_wide(stdev, ex_time):
    # The share's own lognormal centres stdev^2 higher than the price's: what is cut off there is lost to the call.
    strike = np.array([0.5, 50.0, 150.0, 220.0, 300.0, 1_000.0, 5_000.0])
    cash = np.full(len(ex_time), 1e-9)
    expected = np.array([black_scholes(1.0, 220.0, k, 1.0, 0.05, stdev, 0.0) for k in strike])
    for exercise in (True, False):
        found = solve(220.0, strike, stdev, 0.05, 1.0, ex_time, cash, exercise)[0]
        assert found == pytest.approx(expected, abs=1e-5)
