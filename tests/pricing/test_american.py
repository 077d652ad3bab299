import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.kernels.american import american
from iwm_opts.pricing.american import (
    AmericanQuotes,
    american_chain_greeks,
    american_greeks,
    american_implied_vol,
    american_price,
)
from iwm_opts.pricing.black import greeks, price

DIVIDENDS = [(20 / 365, 0.62), (111 / 365, 0.6), (202 / 365, 0.8)]
ERROR = 3e-4  # of a price

spots = st.floats(150.0, 300.0)
vols = st.floats(0.08, 1.2)
days = st.integers(5, 400)
rates = st.floats(0.0, 0.08)
payments = st.lists(st.tuples(st.floats(0.001, 1.2), st.floats(0.0, 2.0)), max_size=4)


def test_calls_without_a_dividend_are_european():
    # Merton 1973, theorem 2.
    assert american_price("C", 220, 200, 0.25, 0.04, 0.3) == pytest.approx(
        price("C", 220, 200, 0.25, 0.04, 0.3), rel=1e-14
    )
    assert american_greeks("C", 220, 200, 0.25, 0.04, 0.3).theta == greeks("C", 220, 200, 0.25, 0.04, 0.3).theta


def test_dividends_outside_the_life_do_not_count():
    inside = american_price("P", 220, 220, 0.1, 0.04, 0.3)
    assert american_price("P", 220, 220, 0.1, 0.04, 0.3, [(-0.01, 5.0), (0.0, 5.0), (0.1, 5.0)]) == inside


@given(spots, vols, days, rates, payments)
def test_prices_obey_the_bounds_and_bend_upwards(spot, vol, life, rate, dividends):
    strike, t = np.linspace(0.7 * spot, 1.4 * spot, 32), life / 365
    for sign in (1, -1):
        values = american_price(sign, spot, strike, t, rate, vol, dividends)
        paid = sum(c * np.exp(-rate * when) for when, c in dividends if 0 < when < t)
        forward = (spot - paid) * np.exp(rate * t)
        bound = np.exp(-rate * t) * np.maximum(sign * (forward - strike), 0.0)
        assert np.all(values >= np.maximum(sign * (spot - strike), 0.0))
        assert np.all(values >= bound - 4 * ERROR)
        assert np.all(values <= (spot if sign > 0 else strike) + ERROR)
        assert np.all(sign * np.diff(values) <= 2 * ERROR)
        assert np.all(np.abs(np.diff(values)) <= np.diff(strike) + 2 * ERROR)
        assert np.all(np.diff(values, 2) >= -8 * ERROR)


@given(st.sampled_from(["C", "P"]), spots, st.floats(0.85, 1.15), st.floats(0.1, 0.8), days, rates, payments)
def test_implied_vol_returns_the_vol(right, spot, moneyness, vol, life, rate, dividends):
    strike, t = spot * moneyness, life / 365
    value = american_price(right, spot, strike, t, rate, vol, dividends)
    implied = american_implied_vol(right, value, spot, strike, t, rate, dividends)
    if np.isnan(implied):
        # at a bound: below the true vol the price is the same
        assert american_price(right, spot, strike, t, rate, vol / 2, dividends) == pytest.approx(value, abs=1e-6)
    elif abs(implied - vol) > 1e-5:  # where vega is nothing, the price is all that can be met
        again = american_price(right, spot, strike, t, rate, implied, dividends)
        assert again == pytest.approx(value, abs=1e-6)


def test_greeks_are_differences_of_prices():
    strike = np.array([190.0, 220.0, 250.0])
    for right in ("C", "P"):
        found = american_greeks(right, 220.0, strike, 0.4, 0.04, 0.25, DIVIDENDS)

        def value(spot=220.0, later=0.0, vol=0.25, right=right):
            ahead = [(when - later, cash) for when, cash in DIVIDENDS]
            return american_price(right, spot, strike, 0.4 - later, 0.04, vol, ahead)

        up, down, here = value(222.0), value(218.0), value()
        assert found.delta == pytest.approx((up - down) / 4.0, abs=5e-4)
        assert found.gamma == pytest.approx((up - 2 * here + down) / 4.0, abs=3e-4)
        assert found.theta == pytest.approx(value(later=1 / 365) - here, abs=1e-3)
        assert found.vega == pytest.approx((value(vol=0.26) - value(vol=0.24)) / 2.0, rel=5e-3, abs=1e-3)


def test_a_put_that_is_exercised_now_has_no_theta():
    found = american_greeks("P", 100.0, 220.0, 0.4, 0.05, 0.2)
    assert (found.theta, found.delta) == pytest.approx((0.0, -1.0))
    assert found.boundary > 100.0


def test_chain_greeks_part_the_premium_from_the_price():
    strike = np.array([200.0, 220.0, 240.0])
    value = american_price("P", 220.0, strike, 0.25, 0.04, 0.25)
    found = american_chain_greeks("P", value, 220.0, strike, 0.25, 0.04)
    assert found.iv == pytest.approx(0.25, abs=2e-6)
    assert value - found.early_exercise == pytest.approx(price("P", 220.0, strike, 0.25, 0.04, 0.25), abs=ERROR)


def test_quotes_price_off_the_forward_with_the_dividends_added_back():
    class Forward:
        rate, discount = 0.04, float(np.exp(-0.04 * 0.1))
        price = (220.0 - 0.62 * np.exp(-0.04 * 20 / 365)) / discount

    right, strike = np.array([1.0, -1.0]), np.array([230.0, 210.0])
    value = american_price(right, 220.0, strike, 0.1, 0.04, 0.25, DIVIDENDS)
    found = AmericanQuotes(tuple(DIVIDENDS)).implied(right, value, strike, 0.1, Forward())
    assert found.iv == pytest.approx(0.25, abs=1e-5)


def test_one_bad_element_leaves_the_others():
    strike = np.array([np.nan, 0.0, 210.0, 220.0])
    values = american_price("P", 220.0, strike, 0.2, 0.04, [0.2, 0.2, -0.1, 0.2])
    assert list(np.isnan(values)) == [True, True, True, False]
    implied = american_implied_vol("P", [20.0, 230.0, np.nan, 6.0], 220.0, [240.0, 220.0, 220.0, 220.0], 0.2, 0.04)
    assert list(np.isnan(implied)) == [True, True, True, False]


def test_at_expiry():
    assert american_price("P", 220.0, 230.0, 0.0, 0.04, 0.2) == 10.0
    assert np.isnan(american_implied_vol("P", 11.0, 220.0, 230.0, 0.0, 0.04))
    assert np.isnan(american_greeks("P", 220.0, 230.0, 0.0, 0.04, 0.2).delta)
    assert np.isnan(american_price("P", 220.0, 230.0, -0.1, 0.04, 0.2))


@pytest.mark.parametrize(
    ("change", "name"),
    [({"rate": -0.01}, "rate"), ({"dividends": [(0.1, -1.0)]}, "dividends"), ({"dividends": [0.1]}, "dividends")],
)
def test_bad_rate_and_dividends_are_named(change, name):
    with pytest.raises(InputError, match=name):
        american_price(**({"right": "P", "spot": 1.0, "strike": 1.0, "t": 1.0, "rate": 0.0, "vol": 0.2} | change))


def test_puts_without_dividends_against_quantlib():
    ql = pytest.importorskip("QuantLib")
    today, count = ql.Date(2, 1, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today

    def spectral_collocation(strike, life, rate, vol):  # Andersen, Lake and Offengenden 2016, to 1e-8
        curve = ql.YieldTermStructureHandle(ql.FlatForward(today, rate, count))
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
        process = ql.BlackScholesProcess(ql.QuoteHandle(ql.SimpleQuote(220.0)), curve, flat)
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(ql.Option.Put, strike), ql.AmericanExercise(today, today + life)
        )
        option.setPricingEngine(ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme()))
        return option.NPV()

    rng = np.random.default_rng(11)
    for _ in range(250):
        life, rate = int(np.exp(rng.uniform(np.log(5), np.log(731)))), float(rng.choice([0.01, 0.02, 0.037, 0.06]))
        vol, strike = float(np.exp(rng.uniform(np.log(0.08), np.log(1.5)))), float(rng.uniform(132.0, 352.0))
        boundary = american_greeks("P", 220.0, 220.0, life / 365, rate, vol).boundary
        beside_boundary = 220.0 * 220.0 / boundary * float(np.exp(rng.uniform(-0.2, 0.02)))
        for struck in (strike, min(beside_boundary, 352.0)):
            found = american_price("P", 220.0, struck, life / 365, rate, vol)
            assert found == pytest.approx(spectral_collocation(struck, life, rate, vol), abs=5e-5)


def test_prices_with_dividends_against_a_converged_grid():
    # The same equations on a grid with a hundred times less error; that they are the right ones is tested elsewhere.
    rng, errors = np.random.default_rng(5), []
    for _ in range(40):
        life, rate = int(np.exp(rng.uniform(np.log(5), np.log(731)))), float(rng.choice([0.01, 0.02, 0.037, 0.06]))
        vol = float(np.exp(rng.uniform(np.log(0.08), np.log(1.5))))
        strike, sign = rng.uniform(132.0, 352.0, 32), np.repeat([1.0, -1.0], 16)
        ex_days = np.unique(np.append(rng.integers(1, life, rng.integers(0, 7)), [1, life - 1]))
        cash, ex_time = rng.choice([0.3, 0.62, 0.8, 1.5], ex_days.size), ex_days / 365
        converged, spot, t = np.empty((4, 32)), np.full(32, 220.0), life / 365
        american(sign, spot, strike, np.full(32, vol), rate, t, ex_time, cash, True, 1600, 400, converged)
        found = american_price(sign, 220.0, strike, t, rate, vol, zip(ex_time, cash, strict=True))
        errors.append(np.abs(found - converged[0]))
    assert np.quantile(errors, 0.98) < ERROR
    assert np.max(errors) < 8e-4
