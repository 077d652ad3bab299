"""Our kernels against vollib, which shares no code with them."""

import inspect

import numpy as np
import pytest

from iwm_opts.pricing import black, implied, reference

RIGHT = np.array(["C", "P"])[:, None]
STRIKE = np.array([190.0, 210.0, 220.0, 225.0, 250.0])
MARKET = {"spot": 220.0, "strike": STRIKE, "t": 0.12, "rate": 0.04, "dividend_yield": 0.012}


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (black, "price"),
        (black, "greeks"),
        (black, "black_price"),
        (implied, "implied_vol"),
        (implied, "black_implied_vol"),
    ],
)
def test_same_signatures(ours, name):
    assert inspect.signature(getattr(reference, name)) == inspect.signature(getattr(ours, name))


def test_price():
    np.testing.assert_allclose(
        black.price(RIGHT, **MARKET, vol=0.25), reference.price(RIGHT, **MARKET, vol=0.25), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["delta", "gamma", "vega", "theta", "rho"])
def test_greeks(name):
    ours, theirs = black.greeks(RIGHT, **MARKET, vol=0.25), reference.greeks(RIGHT, **MARKET, vol=0.25)
    np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12)


def test_implied_vol():
    value = reference.price(RIGHT, **MARKET, vol=0.25)
    np.testing.assert_allclose(implied.implied_vol(RIGHT, value, **MARKET), 0.25, rtol=1e-10)
    np.testing.assert_allclose(reference.implied_vol(RIGHT, value, **MARKET), 0.25, rtol=1e-10)


def test_black_76():
    value = reference.black_price("P", 220, STRIKE, 0.12, 0.25, 0.99)
    np.testing.assert_allclose(black.black_price("P", 220, STRIKE, 0.12, 0.25, 0.99), value, rtol=1e-12)
    np.testing.assert_allclose(reference.black_implied_vol("P", value, 220, STRIKE, 0.12, 0.99), 0.25, rtol=1e-10)


@pytest.mark.parametrize("engine", [black, reference])
def test_the_same_elements_are_nan(engine):
    spot = [100.0, np.nan, np.inf, 0.0, -1.0, 100.0, 100.0, 100.0, 90.0]
    t = [0.2, 0.2, 0.2, 0.2, 0.2, -1.0, 0.0, 0.2, 0.2]
    vol = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.0, -1.0]
    value = engine.price("C", spot, 100, t, 0.05, vol)
    assert np.isnan(value).tolist() == [False, True, True, True, True, True, False, False, True]
    assert value[6:8] == pytest.approx([0.0, 100 - 100 * np.exp(-0.01)])
    delta = engine.greeks("C", spot, 100, t, 0.05, vol).delta
    assert np.isnan(delta).tolist() == [False] + [True] * 8


@pytest.mark.parametrize("engine", [implied, reference])
def test_the_same_prices_have_no_vol(engine):
    found = engine.implied_vol(
        "C", [5.0, 221.0, np.nan, 0.0, -1.0, 20.0, 5.0], 220, [220.0] * 5 + [200.0, 220.0], [0.1] * 6 + [0.0], 0.0
    )
    assert np.isnan(found).tolist() == [False] + [True] * 6
