import csv
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.kernels.pricing.american_call import american_call
from iwm_opts.kernels.pricing.american_dividend_put import american_dividend_put
from iwm_opts.market.slices import Forward
from iwm_opts.pricing._american import Expiry
from iwm_opts.pricing.american import (
    AmericanQuotes,
    Quoted,
    american_chain_greeks,
    american_early_exercise,
    american_greeks,
    american_implied_vol,
    american_price,
    american_reason,
    early_exercises,
    implied_deltas,
)
from iwm_opts.pricing.black import greeks, price
from tests.refusals import refused

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


def test_dividends_of_one_day_go_ex_together():
    apart = american_price("C", 220, 200, 0.25, 0.04, 0.3, [(0.1, 0.4), (0.1 + 1e-9, 0.6)])
    assert apart == american_price("C", 220, 200, 0.25, 0.04, 0.3, [(0.1, 1.0)])


def test_dividends_outside_the_life_do_not_count():
    inside = american_price("P", 220, 220, 0.1, 0.04, 0.3)
    assert american_price("P", 220, 220, 0.1, 0.04, 0.3, [(-0.01, 5.0), (0.0, 5.0), (0.1001, 5.0)]) == inside


def test_a_dividend_on_the_day_of_expiry_goes_ex_before_it():
    # Held to expiry the call is on the share less the dividend, exercised on the eve on the share with it: worth the
    # larger of the two to the 6.5 hours between; the put waits for the drop.
    t, cash = 20 / 365, 0.85
    for days in (20.0, 20.0 - 6.5 / 24.0):
        call, put = (american_price(r, 300.0, 290.0, t, 0.04, 0.2, [(days / 365, cash)]) for r in "CP")
        eve = price("C", 300.0, 290.0, t, 0.04, 0.2)
        assert call == pytest.approx(eve, abs=0.06)
        assert call > price("C", 300.0 - cash * np.exp(-0.04 * t), 290.0, t, 0.04, 0.2) + 0.3
        assert put == pytest.approx(price("P", 300.0 - cash * np.exp(-0.04 * t), 290.0, t, 0.04, 0.2), abs=0.03)


HOPELESS = [
    ([(0.1, 120.0)], 0.2, "worth over 50%"),
    ([(0.1, 30.0), (0.1 + 2 / 365, 30.0)], 2.0, "worth over 50%"),
    ([(0.1, 20.0), (0.1 + 2 / 365, 20.0)], 2.0, "may exhaust it"),
]


@pytest.mark.parametrize(("dividends", "vol", "why"), HOPELESS)
@pytest.mark.parametrize("right", ["C", "P"])
def test_dividends_that_exhaust_the_share_have_no_price_and_say_why(right, dividends, vol, why):
    strike = np.array([50.0, 90.0, 100.0, 110.0])
    assert np.isnan(american_price(right, 100.0, strike, 0.25, 0.04, vol, dividends)).all()
    assert np.isnan(american_greeks(right, 100.0, strike, 0.25, 0.04, vol, dividends).delta).all()
    assert all(why in words for words in american_reason(right, 100.0, strike, 0.25, 0.04, vol, dividends))
    assert american_reason(right, 100.0, 100.0, 0.25, 0.04, 0.2, [(0.1, 1.0)]) == ""
    assert "missing" in american_reason(right, np.nan, 100.0, 0.25, 0.04, 0.2)


@given(st.floats(0.1, 2.0), st.lists(st.tuples(st.floats(0.002, 0.5), st.floats(0.1, 40.0)), min_size=1, max_size=3))
def test_no_price_is_below_its_bound(vol, dividends):
    # Exercise now, or on a known later moment, with the share's dividends paid by then (Merton 1973, sections 3 and 4).
    strike, t, rate = np.linspace(60.0, 160.0, 11), 0.5, 0.04
    opening = t - 6.5 / 24.0 / 365.0  # a share that goes ex on the day of expiry does so at its open
    for sign in (1, -1):
        value = american_price(sign, 100.0, strike, t, rate, vol, dividends)
        dividends = [(min(ex, opening), cash) for ex, cash in dividends]
        for when, _ in [(0.0, 0.0), (t, 0.0), *dividends]:
            paid = sum(cash * np.exp(-rate * ex) for ex, cash in dividends if ex < when or (ex == when and sign < 0))
            bound = sign * (100.0 - paid - strike * np.exp(-rate * when))
            # A share worth less than its dividend pays what it has.
            unpaid = price("P", 100.0, paid, max(when, 1e-9), rate, vol) if sign < 0 and paid else 0.0
            assert not np.any(value < bound - unpaid - 1e-6)


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


def test_the_vol_of_a_put_about_to_be_exercised():
    # The price bends there: a step of the search that is short leaves a vol that is far off, here by 1.4e-5.
    strike, vol = 165.234375, 0.1
    value = american_price("P", 150.0, strike, 72 / 365, 0.00390625, vol, [])
    assert value == pytest.approx(strike - 150.0, abs=0.002)
    assert american_implied_vol("P", value, 150.0, strike, 72 / 365, 0.00390625, []) == pytest.approx(vol, abs=1e-6)


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
    ("change", "value"),
    [({"rate": -0.01}, -0.01), ({"dividends": [(0.1, -1.0)]}, (0.1, -1.0)), ({"dividends": [0.1]}, 0.1)],
)
def test_bad_rate_and_dividends_are_named(change, value):
    with refused(next(iter(change)), value):
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


def solved_elsewhere():
    """Expiries of tests/oracles/american_pde.csv: their terms, and columns of numbers."""
    terms = ("right", "strike", "days", "rate", "vol", "dividends")
    with (Path(__file__).parents[1] / "oracles" / "american_pde.csv").open() as file:
        for one, rows in groupby(csv.DictReader(file), lambda row: tuple(row[name] for name in terms)):
            right, strike, days, rate, vol, paid = one
            dividends = [(int(day) / 365, float(cash)) for day, cash in (pair.split(":") for pair in paid.split())]
            rows = list(rows)
            columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name not in terms}
            yield right, (float(strike), int(days) / 365, float(rate), float(vol), dividends), columns


def test_504_prices_and_greeks_against_an_independent_solver():
    # Plain finite differences in the price, none of ours: see make_american_pde.py, which states each number's error.
    errors = {name: [] for name in ("price", "delta", "gamma", "theta", "vega")}
    for right, terms, solved in solved_elsewhere():
        found = american_greeks(right, solved["spot"], *terms)
        ours = {name: getattr(found, name) for name in ("delta", "gamma", "theta", "vega")}
        ours["price"] = american_price(right, solved["spot"], *terms)
        for name, seen in errors.items():
            # Where the two grids of the reference differ by more than this, it is no reference.
            known = solved[f"{name}_doubt"] < 2e-4
            seen.extend(np.abs(ours[name] - solved[name])[known])
    assert all(len(seen) > 495 for seen in errors.values())
    limits = {"price": 2e-4, "delta": 2e-5, "gamma": 1e-4, "theta": 2e-4, "vega": 2e-4}
    for name, limit in limits.items():
        assert np.max(errors[name]) < limit, name
    assert np.max(errors["price"]) < ERROR


def cases(seed, count):
    """Random expiries: 5 to 730 days, vols of 8 to 150%, 1 to 8 ex-dates, some the day after now or before expiry.

    Each with 16 calls and 16 puts of strikes of 60 to 160% of a spot of 220.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        life, rate = int(np.exp(rng.uniform(np.log(5), np.log(731)))), float(rng.choice([0.01, 0.02, 0.037, 0.06]))
        vol = float(np.exp(rng.uniform(np.log(0.08), np.log(1.5))))
        strike, sign = rng.uniform(132.0, 352.0, 32), np.repeat([1.0, -1.0], 16)
        ends = [[], [1], [life - 1], [1, life - 1]][rng.integers(4)]
        ex_days = np.unique(np.append(rng.integers(1, life, rng.integers(1, 7)), ends)).astype(int)
        yield sign, strike, life, rate, vol, ex_days, rng.choice([0.3, 0.62, 0.8, 1.5], ex_days.size)


def test_640_prices_with_dividends_against_converged_ones():
    # The puts' equations on a grid and in time steps so fine that a finer one changes less than 1e-5. Calls, which come
    # by quadrature, are held against another quadrature in tests/kernels, both against QuantLib below.
    errors = []
    for sign, strike, life, rate, vol, ex_days, cash in cases(5, 20):
        t, ex_time, puts = life / 365, ex_days / 365, sign < 0
        fine = np.empty((4, 32))
        terms = (np.full(16, 220.0), strike[puts], np.full(16, vol), rate, t, ex_time, cash, True)
        fine_puts, fine_calls = np.empty((4, 16)), np.empty((4, 16))
        american_dividend_put(*terms, 700, 300, fine_puts)
        american_call(terms[0], strike[~puts], *terms[2:], fine_calls)
        fine[:, puts], fine[:, ~puts] = fine_puts, fine_calls
        dividends = list(zip(ex_time, cash, strict=True))
        errors.append(np.abs(american_price(sign, 220.0, strike, t, rate, vol, dividends) - fine[0]))
        found = american_greeks(sign, 220.0, strike, t, rate, vol, dividends)
        assert found.delta == pytest.approx(fine[1], abs=1e-3)
        assert found.gamma == pytest.approx(fine[2], abs=2e-3)
        both = np.isfinite(found.boundary) & np.isfinite(fine[3])
        assert np.mean(np.isfinite(found.boundary) == np.isfinite(fine[3])) > 0.9  # at a grid's edge, one may miss it
        assert found.boundary[both] == pytest.approx(fine[3][both], rel=5e-3)
    assert np.size(errors) >= 640
    assert np.max(errors) < ERROR


def test_prices_with_dividends_against_quantlib():
    # Finite differences on two grids, extrapolated: QuantLib's error with dividends falls with the step.
    ql = pytest.importorskip("QuantLib")
    today, count = ql.Date(2, 1, 2026), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today

    def extrapolated(sign, strike, life, rate, vol, ex_days, cash):
        curve = ql.YieldTermStructureHandle(ql.FlatForward(today, rate, count))
        flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count))
        process = ql.BlackScholesProcess(ql.QuoteHandle(ql.SimpleQuote(220.0)), curve, flat)
        kind = ql.Option.Call if sign > 0 else ql.Option.Put
        exercise = ql.AmericanExercise(today, today + life)
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), exercise)
        dividends = [ql.FixedDividend(float(c), today + int(d)) for d, c in zip(ex_days, cash, strict=True)]
        values = []
        for steps, nodes in ((400, 800), (800, 1600)):
            option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, dividends, steps, nodes))
            values.append(option.NPV())
        return 2.0 * values[1] - values[0], abs(values[1] - values[0])

    checked = 0
    for sign, strike, life, rate, vol, ex_days, cash in cases(17, 12):
        dividends = list(zip(ex_days / 365, cash, strict=True))
        for k in (0, 31):
            reference, doubt = extrapolated(sign[k], strike[k], life, rate, vol, ex_days, cash)
            found = american_price(sign[k], 220.0, strike[k], life / 365, rate, vol, dividends)
            assert found == pytest.approx(reference, abs=ERROR + doubt)
            checked += doubt < 2e-3
    assert checked >= 12


@pytest.mark.parametrize("vol", [1e-4, 0.02, 3.0, 8.0])
@pytest.mark.parametrize(("t", "ex_time"), [(1 / 365, 0.5 / 365), (0.02, 1e-9), (5.0, 4.999), (5.0, 2.5)])
def test_bounds_hold_at_extreme_inputs(vol, t, ex_time):
    strike = np.geomspace(0.5, 5_000.0, 40)
    for cash in (1e-6, 0.7, 30.0):
        call, put = (american_price(s, 220.0, strike, t, 0.05, vol, [(ex_time, cash)]) for s in (1, -1))
        if cash > 2.2 and vol >= 3.0 and ex_time > 1.0:  # three deviations below the spot the dividend takes it all
            assert np.isnan(call).all()
            assert np.isnan(put).all()
            continue
        assert np.all((call >= np.maximum(220.0 - strike, 0.0)) & (call <= 220.0 + 1e-3))
        assert np.all((put >= np.maximum(strike - 220.0, 0.0)) & (put <= strike * (1 + 1e-9) + ERROR))
        assert np.all(np.diff(call) <= 2e-6 * strike[1:])
        assert np.all(np.diff(put) >= -2e-6 * strike[1:] - ERROR)


@given(spots, vols, days, rates, payments)
def test_american_is_worth_at_least_european_and_within_parity(spot, vol, life, rate, dividends):
    # Put-call bounds of American options with dividends: S - PV(D) - K <= C - P <= S - K exp(-rT) (Hull 2018, 11.11).
    strike, t = np.linspace(0.7 * spot, 1.4 * spot, 16), life / 365
    call, put = (american_price(sign, spot, strike, t, rate, vol, dividends) for sign in (1, -1))
    paid = sum(c * np.exp(-rate * when) for when, c in dividends if 0 < when < t)
    assert np.all(call - put >= spot - paid - strike - 2 * ERROR)
    assert np.all(call - put <= spot - strike * np.exp(-rate * t) + 2 * ERROR)
    european, ahead = np.empty((4, 16)), Expiry.of(t, rate, dividends)
    if ahead.cash.size:
        when, cash = ahead.ex_time, ahead.cash
        american_call(np.full(16, spot), strike, np.full(16, vol), rate, t, when, cash, False, european)
        assert np.all(call >= european[0] - 1e-6)
        assert np.all(put >= european[0] - spot + paid + strike * np.exp(-rate * t) - 2 * ERROR)


@pytest.mark.parametrize("dividends", [(), ((0.04, 0.9),)])
@pytest.mark.parametrize("life", [7, 30, 90])
def test_premiums_alone_are_those_beside_the_greeks(life, dividends):
    """Found by a fixed point in place of a search for the vol: prices of a known vol, in and out of the money."""
    strikes = np.arange(180.0, 250.0, 5.0)
    for right in ("C", "P"):
        quoted = american_price(right, 215.0, strikes, life / 365, 0.037, 0.24, dividends)
        arguments = (right, quoted, 215.0, strikes, life / 365, 0.037, dividends)
        expected = american_chain_greeks(*arguments).early_exercise
        found = american_early_exercise(*arguments)
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert found == pytest.approx(expected, abs=2e-5, nan_ok=True)
        if right == "P":
            assert np.nanmax(found) > 1e-3


@pytest.mark.parametrize(
    ("rate", "vol", "t"),
    [(0.04, 0.05, 5.0), (0.04, 0.07, 5.0), (0.04, 0.09, 5.0), (0.10, 0.12, 5.0), (0.10, 0.05, 1.0)],
)
def test_long_puts_at_low_vol_agree_with_quantlib(rate, vol, t):
    # The fixed-point iteration of the boundary diverges here: prices were off by up to a dollar.
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(100.0)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, rate, count)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, count)),
    )
    engine = ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme())
    for strike in (95.0, 100.0, 103.0, 105.0):
        exercise = ql.AmericanExercise(today, today + round(365 * t))
        option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Put, strike), exercise)
        option.setPricingEngine(engine)
        assert american_price("P", 100.0, strike, t, rate, vol) == pytest.approx(option.NPV(), abs=3e-4)


@pytest.mark.parametrize("name", ["t", "rate"])
def test_one_expiry_a_call(name):
    arguments = {"t": 0.5, "rate": 0.04} | {name: np.array([0.1, 0.2])}
    with refused(name, "shape (2,)"):
        american_price("P", 220.0, [200.0, 210.0], vol=0.2, **arguments)


def test_expirations_searched_at_once_are_those_searched_alone():
    rng = np.random.default_rng(11)
    strike = np.arange(150.0, 301.0, 10.0)
    quoted = []
    for life in (0.0, 7.0, 30.0, 33.0, 200.0):
        for rate in (0.0, 0.037):
            for dividends in ((), ((0.01, 0.6),), ((0.02, 0.9), (0.3, 0.7))):
                t = life / 365
                forward = Forward(220.0, float(np.exp(-rate * t)), rate, "given")
                right = rng.choice([-1.0, 1.0], len(strike))
                price = american_price(right, 220.0, strike, t, rate, rng.uniform(0.01, 0.6, len(strike)), dividends)
                price = price + rng.normal(0.0, 0.05, len(strike))  # some without a vol
                quoted.append(Quoted(AmericanQuotes(dividends), right, price, strike, t, forward))
    alone = [each.model.implied(each.right, each.price, each.strike, each.t, each.forward).delta for each in quoted]
    np.testing.assert_allclose(implied_deltas(quoted), alone, rtol=0.0, atol=1e-12)
    alone = [each.model.early_exercise(each.right, each.price, each.strike, each.t, each.forward) for each in quoted]
    np.testing.assert_allclose(early_exercises(quoted), alone, rtol=0.0, atol=1e-12)
    assert 0.2 < np.isfinite(alone).mean() < 0.9
    assert implied_deltas([]) == early_exercises([]) == []
