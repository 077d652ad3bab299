import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.io.files import load_chain
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.market.chain import expiry_slices
from iwm_opts.market.forward import european_quotes, implied_forwards
from iwm_opts.market.iv_index import ModelFreeVariance, constant_maturity_iv, iv_index, model_free_variance
from iwm_opts.market.slices import ExpirySlice, Forward
from iwm_opts.pricing.american import AmericanQuotes, american_price
from iwm_opts.pricing.black import black_price
from tests.refusals import shows

BILLS = 0.036  # mid 2026


def variance(days, vol, root="IWM", effective=None, sessions=9, strikes=20):
    years = days / 365
    return ModelFreeVariance(
        root=root,
        expiration=date.fromordinal(date(2026, 6, 1).toordinal() + int(days)),
        years=years,
        effective_days=days * effective_days_per_year() / 365 if effective is None else effective,
        sessions_left=sessions,
        total_variance=vol * vol * years,
        puts=strikes,
        calls=strikes,
        lowest=200.0,
        highest=400.0,
        is_dry=True,
        absent=0,
        unquoted=0,
        completeness=1.0,
        reason="",
    )


def test_total_variance_is_linear_between_brackets():
    # By hand: 0.20^2 x 7 + (0.24^2 x 14 - 0.20^2 x 7) x 3/7 = 0.28 + 0.5264 x 3/7 = 0.5056; over 10 days, root.
    result = constant_maturity_iv([variance(7, 0.20), variance(14, 0.24)], 10)
    assert result.iv_calendar == pytest.approx(math.sqrt(0.5056 / 10))
    assert result.iv == pytest.approx(math.sqrt(0.5056 / 10))  # days of equal weight: the clocks agree


def test_the_effective_clock_does_not_see_a_weekend_as_variance():
    # Variance of 0.0002 an effective day; Friday to Friday and to Tuesday. The calendar clock reads something else.
    friday, tuesday = variance(7, 1.0, effective=5.6), variance(11, 1.0, effective=8.2)
    chain = [replace(v, total_variance=2e-4 * v.effective_days) for v in (friday, tuesday)]
    expected = math.sqrt(2e-4 * effective_days_per_year() / 365 * 10 * 365 / 10)
    result = constant_maturity_iv(chain, 10)
    assert result.iv == pytest.approx(expected)
    assert result.iv_calendar != pytest.approx(expected, rel=1e-3)


def test_an_expiration_on_the_tenor_is_taken_as_it_is():
    result = constant_maturity_iv([variance(10, 0.21), variance(17, 0.30)], 10)
    assert result.iv_calendar == pytest.approx(0.21)


@pytest.mark.parametrize("days", [(2, 5), (11, 30), ()])
def test_nothing_is_extrapolated(days):
    result = constant_maturity_iv([variance(d, 0.2) for d in days], 10)
    assert math.isnan(result.iv)
    assert math.isnan(result.iv_calendar)
    assert result.near is None
    assert shows(result.reason, "IV10", "10 days", "expirations")


def test_an_expiration_with_one_session_left_does_not_count():
    chain = [variance(9, 0.9, sessions=1), variance(8, 0.2), variance(14, 0.2)]
    assert constant_maturity_iv(chain, 10).iv == pytest.approx(0.2)


def test_the_root_with_more_strikes_speaks_for_a_moment():
    chain = [variance(9, 0.9, root="IWM1", strikes=4), variance(9, 0.2), variance(14, 0.2)]
    assert constant_maturity_iv(chain, 10).iv == pytest.approx(0.2)
    assert constant_maturity_iv(chain[::-1], 10).iv == pytest.approx(0.2)


@given(st.floats(0.05, 1.5), st.lists(st.integers(1, 90), min_size=2, max_size=12, unique=True), st.integers(5, 60))
def test_a_flat_term_structure_gives_its_vol_or_nothing(vol, days, tenor):
    result = constant_maturity_iv([variance(d, vol) for d in days], tenor)
    if min(days) <= tenor <= max(days):
        assert result.iv_calendar == pytest.approx(vol)
    else:
        assert math.isnan(result.iv_calendar)


def test_a_missing_forward_and_a_bare_wing_say_why():
    strikes = np.arange(290.0, 311.0, 5.0)
    price = np.full(5, 2.0)
    quotes = ExpirySlice("IWM", date(2026, 7, 17), 21, 0.058, 16.0, 15, strikes, price, price, price, price)
    assert model_free_variance(quotes, None).reason == "no forward"
    assert model_free_variance(replace(quotes, years=-0.1), None).reason == "has expired"
    bare = model_free_variance(quotes, Forward(300.0, 1.0, 0.0, "given"))
    assert shows(bare.reason, "2 puts and 2 calls", "needs 3")
    assert math.isnan(bare.total_variance)


def test_arrays_from_pandas_need_not_be_writable():
    strikes = np.arange(280.0, 321.0, 1.0)
    price = np.maximum(6.0 - 0.3 * np.abs(strikes - 300.0), 0.0)
    arrays = [strikes, price, price, price, price]
    for array in arrays:
        array.flags.writeable = False
    quotes = ExpirySlice("IWM", date(2026, 7, 17), 21, 0.058, 16.0, 15, *arrays)
    assert model_free_variance(quotes, Forward(300.0, 1.0, 0.0, "given")).total_variance > 0


def flat_chain(vol, dividends):
    """An American chain quoted at one vol, and the European one beside it, a cent wide each way."""
    american, european = [], []
    strikes, spot = np.arange(240.0, 361.0, 2.5), 300.0
    for days, sessions in ((7, 5), (28, 19), (35, 24)):
        t = days / 365
        ahead = [(when, cash) for when, cash in dividends if when < t]
        forward = (spot - sum(cash * math.exp(-BILLS * when) for when, cash in ahead)) * math.exp(BILLS * t)
        for chain, is_american in ((american, True), (european, False)):
            mids = {}
            for right in ("call", "put"):
                sign = np.full(len(strikes), 1.0 if right == "call" else -1.0)
                if is_american:
                    mids[right] = american_price(sign, spot, strikes, t, BILLS, vol, ahead)
                else:
                    mids[right] = black_price(sign, forward, strikes, t, vol, math.exp(-BILLS * t))
            edges = {f"{r}_{e}": mids[r] + h for r in mids for e, h in (("bid", -0.01), ("ask", 0.01))}
            day, effective = date(2026, 6, 1 + days % 28), 0.78 * days
            chain.append(ExpirySlice("IWM", day, days, t, effective, sessions, strikes, **edges))
    return american, european


def test_american_quotes_are_read_as_the_europeans_they_hide():
    american, european = flat_chain(0.25, [])
    forwards = implied_forwards(american, BILLS)

    def convert(quotes, forward):
        return european_quotes(quotes, forward, AmericanQuotes())

    raw = iv_index(american, forwards)
    converted = iv_index(american, forwards, european=convert)
    true = iv_index(european, implied_forwards(european, BILLS))
    for tenor, least in (("iv10", 1e-4), ("iv30", 2e-4)):
        expected = getattr(true, tenor)
        assert getattr(raw, tenor) - expected > least  # premiums that are no variance
        assert getattr(converted, tenor) == pytest.approx(expected, abs=2e-5)


def test_the_quoted_spread_and_every_bid_stay():
    (_, quotes, _), _ = flat_chain(0.25, [(0.05, 0.7)])
    (forward,) = implied_forwards([quotes], BILLS)
    found, _ = european_quotes(quotes, forward, AmericanQuotes(((0.05, 0.7),)))
    outside = quotes.strike < 295.0
    assert found.put_ask - found.put_bid == pytest.approx(quotes.put_ask - quotes.put_bid, abs=1e-9)
    assert np.all(found.put_mid <= quotes.put_mid)
    assert np.any(found.put_mid[outside] < quotes.put_mid[outside] - 1e-3)
    assert np.array_equal(found.put_bid > 0, quotes.put_bid > 0)
    assert np.array_equal(found.call_bid[quotes.strike < 280], quotes.call_bid[quotes.strike < 280])


def june_index(june_slices, day):
    slices = june_slices(day)
    return iv_index(slices, implied_forwards(slices, BILLS))


@pytest.mark.market_data
def test_model_free_vol_of_a_real_expiration(june_slices):
    # MEASURED section 3: 31 Jul 2026 on 2026-06-26 mid-session, model-free 25.35.
    slices = june_slices("2026-06-26")
    forwards = implied_forwards(slices, BILLS)
    found = {q.expiration: model_free_variance(q, f) for q, f in zip(slices, forwards, strict=True)}
    july = found[date(2026, 7, 31)]
    assert 100 * july.vol == pytest.approx(25.35, abs=0.02)
    assert july.puts > 40
    assert july.calls > 15


@pytest.mark.market_data
@pytest.mark.parametrize(("day", "points"), [("2026-06-17", 25.2), ("2026-06-18", 21.0), ("2026-06-22", 24.4)])
def test_calendar_iv10_of_real_chains(june_slices, day, points):
    # MEASURED section 3, rounded to a tenth.
    assert 100 * june_index(june_slices, day).iv10_calendar == pytest.approx(points, abs=0.06)


@pytest.mark.market_data
def test_the_effective_clock_takes_the_holiday_out(june_slices):
    # A long weekend (Juneteenth on Friday 06-19) follows 06-18: the calendar IV10 falls by a sixth and rises again
    # (MEASURED: mostly weekend noise); the effective one must bend less than 0.6 as much.
    days = [june_index(june_slices, day) for day in ("2026-06-17", "2026-06-18", "2026-06-22")]
    assert all(not index.reasons for index in days)
    before, eve, after = days
    calendar = abs(math.log(eve.iv10_calendar**2 / before.iv10_calendar / after.iv10_calendar))
    effective = abs(math.log(eve.iv10**2 / before.iv10 / after.iv10))
    assert effective < 0.6 * calendar


@pytest.mark.market_data
def test_the_rate_hardly_moves_the_index(june_slices):
    # Out-of-the-money quotes carry the discount factor once: a point of rate is 0.04% of a 30-day variance.
    slices = june_slices("2026-06-26")
    low, high = (iv_index(slices, implied_forwards(slices, rate)).iv30 for rate in (0.026, 0.046))
    assert low == pytest.approx(high, rel=2e-3)


@pytest.mark.market_data
def test_early_exercise_is_a_small_part_of_the_real_index(june_slices):
    # Eleven sessions of June 2026: IV10 falls by 0.02 points, IV30 by 0.04, when premiums of puts are taken off.
    def convert(quotes, forward):
        return european_quotes(quotes, forward, AmericanQuotes())

    for day in ("2026-06-17", "2026-06-26"):
        slices = june_slices(day)
        forwards = implied_forwards(slices, BILLS)
        raw, converted = iv_index(slices, forwards), iv_index(slices, forwards, european=convert)
        assert 1e-4 < raw.iv10 - converted.iv10 < 4e-4
        assert 2e-4 < raw.iv30 - converted.iv30 < 8e-4


@pytest.fixture(scope="module")
def june(market_data):
    file = market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz"
    return load_chain(file, as_of=date(2026, 6, 26), session="mid")


def index_without(chain, gone):
    """Index of a chain that lacks some rows, priced as European so that nothing else moves."""
    slices = expiry_slices(replace(chain, quotes=chain.quotes[~gone]))
    return iv_index(slices, implied_forwards(slices, BILLS))


def strip_puts(chain, index, strikes):
    """Rows of out-of-the-money puts that IV30 reads."""
    quotes = chain.quotes
    days = quotes["expiration"].isin([pd.Timestamp(v.expiration) for v in index.thirty.brackets])
    return days & (quotes["right"] == "P") & quotes["strike"].isin(strikes)


@pytest.mark.market_data
def test_four_absent_rows_leave_the_index_where_it_was(june):
    whole = index_without(june, june.quotes["strike"] < 0.0)
    gone = strip_puts(june, whole, (285.0, 286.0))
    assert gone.sum() == 4
    cut = index_without(june, gone)
    assert [v.absent for v in cut.thirty.brackets] == [2, 2]
    assert cut.iv30 == pytest.approx(whole.iv30, abs=0.001)  # taken for zero bids, they would end the put wings
    assert not cut.reasons


@pytest.mark.market_data
def test_a_strip_cut_short_gives_way_to_the_next_expirations(june):
    whole = index_without(june, june.quotes["strike"] < 0.0)
    before = {v.expiration for v in whole.thirty.brackets}
    cut = index_without(june, strip_puts(june, whole, np.arange(1.0, 280.0)))
    assert not before & {v.expiration for v in cut.thirty.brackets}
    assert cut.iv30 == pytest.approx(whole.iv30, abs=0.002)
    assert not cut.reasons


@pytest.mark.market_data
def test_a_strip_with_a_wide_gap_is_flagged(june):
    whole = index_without(june, june.quotes["strike"] < 0.0)
    (flag,) = index_without(june, strip_puts(june, whole, np.arange(230.0, 295.0))).reasons
    assert shows(flag, "variance", "41 options")


def bracket_rows(chain, right, strikes):
    """Rows of one right at some strikes of the expirations of 2026-06-26 that IV10 and IV30 read."""
    quotes, days = chain.quotes, [pd.Timestamp(2026, 7, day) for day in (7, 8, 24, 31)]
    return quotes["expiration"].isin(days) & (quotes["right"] == right) & quotes["strike"].isin(strikes)


@pytest.mark.market_data
@pytest.mark.parametrize(("first", "last", "most"), [(296, 299, 0.0009), (295, 300, 0.0022)])
def test_absent_calls_at_the_money_leave_no_false_low(june, first, last, most):
    # Taken for a whole chain, IV10 fell by 0.49 and 0.92 points. Trapezoids over the gap can only add: on the
    # density of a lognormal, f(F) gap^3 / 12 of variance, 0.07 and 0.2 points here.
    whole = index_without(june, june.quotes["strike"] < 0.0)
    assert {v.expiration.day for iv in (whole.ten, whole.thirty) for v in iv.brackets} == {7, 8, 24, 31}
    cut = index_without(june, bracket_rows(june, "C", range(first, last + 1)))
    assert 0.0 < cut.iv10 - whole.iv10 < most
    assert 0.0 < cut.iv30 - whole.iv30 < most
    for before, after in zip(whole.ten.brackets, cut.ten.brackets, strict=True):
        excess = after.total_variance / before.total_variance - 1.0
        assert excess <= before.completeness - after.completeness <= 4.0 * excess


@pytest.mark.market_data
def test_two_puts_at_zero_do_not_end_the_wing(june):
    # Taken for zero bids, they ended it: IV30 19.92 and IV10 20.77, without a warning.
    whole = index_without(june, june.quotes["strike"] < 0.0)
    quotes = june.quotes.copy()
    quotes.loc[bracket_rows(june, "P", (285.0, 286.0)), ["bid", "ask"]] = 0.0
    cut = index_without(replace(june, quotes=quotes), quotes["strike"] < 0.0)
    assert cut.iv10 == pytest.approx(whole.iv10, abs=0.0002)
    assert cut.iv30 == pytest.approx(whole.iv30, abs=0.0002)
    assert [v.unquoted for iv in (cut.ten, cut.thirty) for v in iv.brackets] == [2, 2, 2, 2]
    assert len(cut.reasons) == 2


@pytest.mark.market_data
def test_no_wing_of_a_real_file_ends_in_quotes_of_zero_below_bids(market_data):
    # Puts and calls at 0/0 ended 8 wings of this file with bids beyond.
    file = market_data / "options" / "IWM_yahoo_20260708_20260710.csv.gz"
    slices = expiry_slices(load_chain(file, as_of=date(2026, 7, 10)))
    pairs = zip(slices, implied_forwards(slices, BILLS), strict=True)
    strips = [(quotes, model_free_variance(quotes, forward)) for quotes, forward in pairs if forward]
    assert sum(strip.unquoted > 0 for _, strip in strips) >= 3
    for quotes, strip in strips:
        for bid, ask, beyond in (
            (quotes.put_bid, quotes.put_ask, quotes.strike < strip.lowest),
            (quotes.call_bid, quotes.call_ask, quotes.strike > strip.highest),
        ):
            bids = beyond & (bid > 0.0) & (ask > 0.0)
            assert not bids.any() or ((bid == 0.0) & (ask > 0.0) & beyond).sum() >= 2
