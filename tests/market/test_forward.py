import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.forward import implied_forward, implied_forwards, implied_rate
from iwm_opts.market.slices import ExpirySlice
from tests.refusals import refused, refused_data

TODAY = date(2026, 6, 26)


def parity_slice(days, forward, rate, half_spread=0.02, strikes=None):
    """European quotes that satisfy parity exactly: a common time value of 4 dollars beside the intrinsic value."""
    strikes = np.arange(270.0, 331.0, 1.0) if strikes is None else strikes
    years = days / 365
    gap = math.exp(-rate * years) * (forward - strikes)
    call, put = 4.0 + np.maximum(gap, 0.0), 4.0 + np.maximum(-gap, 0.0)
    sides = (call - half_spread, call + half_spread, put - half_spread, put + half_spread)
    return ExpirySlice("IWM", TODAY + timedelta(days=days), days, years, days * 0.8, days * 5 // 7, strikes, *sides)


def weeklies(rate, spot=300.0, dividend=0.0, ex_day=40, half_spread=0.02):
    """Forwards that grow at the rate, with one dividend between two of the expirations."""
    found = []
    for days in range(7, 71, 7):
        growth = math.exp(rate * days / 365)
        paid = dividend * math.exp(rate * (days - ex_day) / 365) if days >= ex_day else 0.0
        found.append(parity_slice(days, spot * growth - paid, rate, half_spread))
    return found


@given(st.floats(285.0, 315.0), st.floats(-0.01, 0.12), st.integers(1, 700))
def test_parity_prices_give_their_forward_back(forward, rate, days):
    result = implied_forward(parity_slice(days, forward, rate), rate)
    assert result.price == pytest.approx(forward, rel=1e-12)
    assert result.discount == pytest.approx(math.exp(-rate * days / 365), rel=1e-12)
    assert result.source == "parity, rate given"


def test_a_stale_quote_is_left_out():
    quotes = parity_slice(30, 300.4, 0.04)
    call_bid, call_ask = quotes.call_bid.copy(), quotes.call_ask.copy()
    call_bid[30] += 1.5  # the 300 call, a dollar and a half behind the market
    call_ask[30] += 1.5
    moved = implied_forward(replace(quotes, call_bid=call_bid, call_ask=call_ask), 0.04)
    assert moved.price == pytest.approx(300.4, abs=1e-9)


def test_tight_quotes_weigh_more():
    # By hand: strikes 300 and 301 alone, widths 0.04 and 0.08 (call and put together), forwards 300.00 and 300.03:
    # weights 1 / 0.04^2 and 1 / 0.08^2 stand as 4 to 1, so 300 + 0.03 / 5.
    strikes = np.array([300.0, 301.0])
    mid_call, mid_put = np.array([4.0, 3.53]), np.array([4.0, 4.50])
    half = np.array([0.02, 0.04])
    quotes = ExpirySlice(
        "IWM", TODAY, 0, 0.1, 28.0, 25, strikes, mid_call - half, mid_call + half, mid_put - half, mid_put + half
    )
    assert implied_forward(quotes, 0.0).price == pytest.approx(300.006, abs=1e-9)


def test_strikes_without_both_bids_are_not_read():
    quotes = parity_slice(30, 300.4, 0.04)
    put_bid = quotes.put_bid.copy()
    put_bid[28:33] = 0.0
    call_ask = quotes.call_ask.copy()
    call_ask[27] = np.nan
    assert implied_forward(replace(quotes, put_bid=put_bid, call_ask=call_ask), 0.04).price == pytest.approx(300.4)


def test_too_few_strikes_are_named():
    quotes = parity_slice(30, 300.0, 0.04, strikes=np.array([270.0, 300.0, 330.0]))
    with refused_data("expiration 2026-07-26 (IWM)", "strike", "2026-07-26", "IWM", "1", "2"):
        implied_forward(quotes, 0.04)
    assert implied_forwards([quotes, parity_slice(30, 300.0, 0.04)], 0.04)[0] is None


def test_an_expired_slice_has_no_forward():
    assert implied_forwards([replace(parity_slice(1, 300.0, 0.04), years=-0.001)], 0.04) == (None,)


def test_a_rate_that_is_no_number_is_refused():
    with refused("rate", np.nan):
        implied_forward(parity_slice(30, 300.0, 0.04), math.nan)


@given(st.floats(-0.01, 0.12))
def test_forwards_that_grow_at_the_rate_give_it_back(rate):
    result = implied_rate(weeklies(rate))
    assert result is not None
    assert result.rate == pytest.approx(rate, abs=1e-8)
    assert result.estimates == 9


@given(st.floats(0.0, 0.12), st.floats(0.1, 2.0), st.integers(8, 69))
def test_one_unknown_dividend_is_passed_over(rate, dividend, ex_day):
    result = implied_rate(weeklies(rate, dividend=dividend, ex_day=ex_day))
    assert result is not None
    assert result.rate == pytest.approx(rate, abs=1e-6)


def test_a_known_dividend_is_added_back():
    slices = weeklies(0.04, dividend=1.5, ex_day=42)  # ex on the day that an expiration ends
    schedule = DividendSchedule((Dividend(TODAY + timedelta(days=42), 1.5),), "given")
    with_it, without = implied_rate(slices, dividends=schedule), implied_rate(slices)
    assert with_it is not None
    assert without is not None
    assert with_it.rate == pytest.approx(0.04, abs=1e-8)
    assert with_it.error <= without.error


@given(st.floats(-0.01, 0.12))
def test_european_strikes_give_the_rate_as_their_slope(rate):
    result = implied_rate([parity_slice(days, 301.0, rate) for days in (70, 90, 120, 180, 270)], "european")
    assert result is not None
    assert result.rate == pytest.approx(rate, abs=1e-10)
    assert result.estimates == 5


def test_few_expirations_imply_no_rate():
    assert implied_rate(weeklies(0.04)[:4]) is None  # three pairs
    assert implied_rate([]) is None
    assert implied_rate([parity_slice(90, 301.0, 0.04)], "european") is None


def test_scattered_forwards_imply_no_rate():
    noisy = [
        parity_slice(7 * i, 300.0 + 0.3 * (-1) ** i, 0.04, half_spread=0.3) for i in range(1, 11)
    ]  # thirty cents up and down, week by week: 10% a year either way
    assert implied_rate(noisy) is None


def test_an_unknown_exercise_is_refused():
    with refused("exercise", "bermudan"):
        implied_rate([], "bermudan")  # type: ignore[arg-type]


@pytest.mark.market_data
@pytest.mark.parametrize("day", ["2026-06-15", "2026-06-18", "2026-06-26", "2026-07-02"])
def test_iwm_implies_a_rate_near_its_cost_of_carry(june_slices, day):
    # Overnight rates stood near 3.6% in mid 2026; parity at the money is biased low by some 0.3 points of early
    # exercise premium (binomial tree, vol 23%). The slope over strikes would say 0% there.
    slices = june_slices(day)
    result = implied_rate(slices)
    assert result is not None
    assert 0.030 < result.rate < 0.040
    assert result.error < 0.003


@pytest.mark.market_data
def test_a_dividend_anywhere_moves_iwms_implied_rate_little(june_slices):
    slices = june_slices("2026-06-26")
    plain = implied_rate(slices)
    assert plain is not None
    for ex_date in (q.expiration for q in slices if 7 < q.dte < 70):
        cut = [replace(q, call_bid=q.call_bid - 0.69, call_ask=q.call_ask - 0.69) for q in slices]
        paid = [late if q.expiration >= ex_date else q for q, late in zip(slices, cut, strict=True)]
        moved = implied_rate(paid)
        assert moved is not None
        assert moved.rate == pytest.approx(plain.rate, abs=0.004)


@pytest.mark.market_data
def test_spx_boxes_pay_a_little_more_than_bills(spx_slices):
    # us_treasury_yields_daily on 2019-05-07: 2.44, 2.43, 2.46% at 1, 3, 6 months. Boxes pay some 0.2 to 0.4 points
    # more (van Binsbergen, Diamond and Grotteria 2022 find a convenience yield of about 0.4).
    result = implied_rate(spx_slices, "european")
    assert result is not None
    assert 0.0243 < result.rate < 0.0290


@pytest.mark.market_data
def test_iwms_forward_matches_the_carry_of_its_spot(june_slices):
    # 2026-06-26 14:03, spot 297.82; no dividend before mid September, so F = S exp(rT), within a nickel for 35 days.
    slices = {q.expiration: q for q in june_slices("2026-06-26")}
    july = slices[date(2026, 7, 31)]
    assert implied_forward(july, 0.036).price == pytest.approx(297.82 * math.exp(0.036 * july.years), abs=0.05)
