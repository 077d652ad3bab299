import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import iwm_opts
from iwm_opts import Greeks, greeks, price
from iwm_opts.pricing.black import black_greeks, black_price
from tests.refusals import refused

BOOKS = Path(__file__).parents[1] / "oracles" / "black_scholes_books.csv"
INPUTS = ("spot", "strike", "t", "rate", "vol", "dividend_yield")


def book_rows():
    with BOOKS.open(newline="") as file:
        return [pytest.param(row, id=f"{row['quantity']}-{row['source']}") for row in csv.DictReader(file)]


def usual():
    """Options a trader could meet: spot, strike, t, rate, vol, dividend_yield."""
    return st.tuples(
        st.floats(20, 500),
        st.floats(20, 500),
        st.floats(1e-4, 5),
        st.floats(-0.02, 0.15),
        st.floats(0.02, 3),
        st.floats(0, 0.1),
    )


@pytest.mark.parametrize("row", book_rows())
def test_books(row):
    inputs = [float(row[name]) for name in INPUTS]
    quantity = row["quantity"]
    found = price(row["right"], *inputs) if quantity == "price" else getattr(greeks(row["right"], *inputs), quantity)
    last_digit = 10.0 ** -int(
        row["decimals"]
    )  # books round through normal tables: one unit, as QuantLib's own test allows
    assert found == pytest.approx(float(row["value"]), abs=last_digit)


def test_the_rho_of_a_call_is_positive():
    # A vectorised peer returns -0.0214 here; Hull's formula K t exp(-rt) N(d2) / 100 gives +0.1763.
    assert greeks("C", 220, 200, 0.1, 0.04, 0.25, 0.012).rho == pytest.approx(0.1763, abs=5e-5)


@given(usual())
def test_put_call_parity(option):
    spot, strike, t, rate, _, dividend_yield = option
    difference = spot * np.exp(-dividend_yield * t) - strike * np.exp(-rate * t)
    assert price("C", *option) - price("P", *option) == pytest.approx(difference, abs=1e-12 * (spot + strike))


@given(usual(), st.sampled_from("CP"), st.floats(1e-3, 0.5))
def test_dearer_with_vol_and_within_no_arbitrage_bounds(option, right, more):
    spot, strike, t, rate, vol, dividend_yield = option
    value = price(right, *option)
    prepaid, present = spot * np.exp(-dividend_yield * t), strike * np.exp(-rate * t)
    lowest = max(prepaid - present if right == "C" else present - prepaid, 0.0)
    assert lowest <= value * (1 + 1e-12) + 1e-12
    assert value <= (prepaid if right == "C" else present) * (1 + 1e-12)
    assert price(right, spot, strike, t, rate, vol + more, dividend_yield) >= value * (1 - 1e-12) - 1e-12


@given(usual(), st.floats(0.1, 50))
def test_a_higher_strike_lowers_calls_and_raises_puts(option, step):
    spot, strike, *rest = option
    assert price("C", spot, strike + step, *rest) <= price("C", *option) * (1 + 1e-12) + 1e-12
    assert price("P", spot, strike + step, *rest) >= price("P", *option) * (1 - 1e-12) - 1e-12


@given(usual(), st.sampled_from("CP"))
def test_delta_and_theta_and_gamma_solve_the_pricing_equation(option, right):
    # Black and Scholes 1973 with a yield: theta + (r - q) S delta + 1/2 vol^2 S^2 gamma = r V.
    spot, _, _, rate, vol, dividend_yield = option
    g = greeks(right, *option)
    terms = (
        365 * g.theta,
        (rate - dividend_yield) * spot * g.delta,
        0.5 * vol**2 * spot**2 * g.gamma,
        -rate * price(right, *option),
    )
    assert sum(terms) == pytest.approx(0.0, abs=1e-10 * (sum(map(abs, terms)) + 1e-3))


def test_bad_elements_are_nan_there_alone():
    value = price("C", [100, np.nan, 100, -5, 100], 100, [0.5, 0.5, -1, 0.5, 0.5], 0.05, [0.2, 0.2, 0.2, 0.2, np.inf])
    assert value[0] == price("C", 100, 100, 0.5, 0.05, 0.2)
    assert np.isnan(value[1:]).all()


def test_at_expiry_the_payoff_and_no_greeks():
    np.testing.assert_array_equal(price(["C", "P"], 105, 100, 0, 0.05, 0.2), [5, 0])
    assert np.isnan(greeks("C", 105, 100, 0, 0.05, 0.2).delta)


def test_without_vol_the_discounted_payoff_of_the_forward():
    assert price("C", 100, 100, 1, 0.05, 0) == pytest.approx(100 - 100 * np.exp(-0.05), rel=1e-14)


def test_scalars_give_floats_and_arrays_broadcast():
    assert type(price("C", 100, 100, 1, 0, 0.2)) is float
    assert type(black_price("C", 100, 100, 1, 0.2, 0.9)) is float
    assert all(
        type(getattr(found, name)) is float
        for found in (greeks("P", 100, 100, 1, 0, 0.2), black_greeks("P", 100, 100, 1, 0.2, 0.9))
        for name in Greeks.__slots__
    )
    grid = price([["C"], ["P"]], 100, np.arange(90, 111, 5), 1, 0, 0.2)
    assert grid.shape == (2, 5)
    assert grid.dtype == np.float64
    assert grid[1, 3] == price("P", 100, 105, 1, 0, 0.2)
    assert price("C", [], 100, 1, 0, 0.2).shape == (0,)


def test_more_options_than_a_block():
    strike = np.linspace(50, 150, 5_001)
    whole = price(-1, 100, strike, 1, 0.02, 0.3)
    assert whole[4_100] == price("P", 100, strike[4_100], 1, 0.02, 0.3)
    np.testing.assert_array_equal(price(-1, 100, strike[::-1], 1, 0.02, 0.3), whole[::-1])


def test_series_and_read_only_arrays():
    strike = pd.Series([95.0, 100.0, None])
    frozen = np.array([0.2, 0.3, 0.2])
    frozen.flags.writeable = False
    found = price(pd.Series(["C", "P", "C"]), 100, strike, 1, 0, frozen)
    assert isinstance(found, np.ndarray)
    assert found[1] == price("P", 100, 100, 1, 0, 0.3)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    "right",
    [
        ["C", "p"],
        [1, -1],
        np.array([1.0, -1.0]),
        np.array(["c", "P"]),
        np.array(["C", "P"], dtype=object),
        np.array(["C", -1], dtype=object),
        pd.Series(["C", "P"]),
        pd.Series(["C", "P"], dtype=object),
        pd.Categorical(["C", "P"]),
        pd.Series([1, -1]),
    ],
)
def test_every_way_to_say_right(right):
    np.testing.assert_array_equal(price(right, 1, 1.1, 0, 0, 0.2), [0.0, 1.1 - 1.0])


@pytest.mark.parametrize(
    ("right", "name", "value"),
    [
        ("call", "right", "call"),
        (None, "right", None),
        (True, "right", True),
        (0, "right", 0),
        (["C", "X"], "right[1]", "X"),
        (["C", None], "right[1]", None),
        (["C", "PP"], "right[1]", "PP"),
        (["CC", ""], "right[0]", "CC"),
        (["C\nP"], "right[0]", "C\nP"),
        (np.array(["C", "CP"], dtype=object), "right[1]", "CP"),
        (pd.Series(["C", None]), "right[1]", np.nan),
        ([1.0, np.nan], "right[1]", np.nan),
        ([["C", "P"], ["P", "Ω"]], "right[1, 1]", "Ω"),
    ],
)
def test_what_is_no_right_is_named_with_its_position(right, name, value):
    with refused(name, value):
        price(right, 100, 100, 1, 0, 0.2)


def test_wrong_types_and_shapes():
    with refused("spot", "x"):
        price("C", "x", 100, 1, 0, 0.2)
    with refused("shapes", {"spot": (2,), "strike": (3,)}):
        price("C", [1, 2], [1, 2, 3], 1, 0, 0.2)
    with refused("shapes", {"discount": (3,), "options": (2,)}):
        black_price("C", [1, 2], 1, 1, 0.2, [0.9, 0.9, 0.9])


@given(usual(), st.sampled_from("CP"))
def test_black_76_is_black_scholes_on_the_forward(option, right):
    spot, strike, t, rate, vol, dividend_yield = option
    forward, discount = spot * np.exp((rate - dividend_yield) * t), np.exp(-rate * t)
    value = price(right, *option)
    assert black_price(right, forward, strike, t, vol, discount) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert black_price(right, forward, strike, 0, vol, discount) == pytest.approx(
        discount * max(forward - strike if right == "C" else strike - forward, 0.0)
    )


def test_black_76_greeks_are_its_derivatives():
    # Central differences of the price; theta holds the forward and the rate, rho moves the rate alone.
    forward, strike, t, vol, rate, h = 100.0, 105.0, 0.3, 0.25, 0.04, 1e-4

    def value(forward=forward, t=t, vol=vol, rate=rate):
        return black_price("P", forward, strike, t, vol, np.exp(-rate * t))

    g = black_greeks("P", forward, strike, t, vol, np.exp(-rate * t))
    assert g.delta == pytest.approx((value(forward=forward + h) - value(forward=forward - h)) / (2 * h), rel=1e-6)
    assert g.gamma == pytest.approx((value(forward=101) - 2 * value() + value(forward=99)), rel=1e-2)
    assert g.vega == pytest.approx((value(vol=vol + h) - value(vol=vol - h)) / (2 * h) / 100, rel=1e-6)
    assert g.theta == pytest.approx(-(value(t=t + h) - value(t=t - h)) / (2 * h) / 365, rel=1e-5)
    assert g.rho == pytest.approx((value(rate=rate + h) - value(rate=rate - h)) / (2 * h) / 100, rel=1e-6)
    assert np.isnan(black_greeks("P", 100, 100, [0.0, 0.1], 0.2, [1.0, -1.0]).rho).all()


def test_importing_the_package_loads_neither_numpy_nor_numba():
    code = "import sys, iwm_opts; assert not {'numpy', 'numba', 'pandas'} & set(sys.modules); iwm_opts.price"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert set(iwm_opts.__all__) <= set(dir(iwm_opts))
    assert iwm_opts.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        iwm_opts.nothing  # noqa: B018
