"""The kernel against the object path of `market.forward`, which numpy computes."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import DataError
from iwm_opts.kernels.panel.parity import parity_forward
from iwm_opts.market.forward import implied_forward
from iwm_opts.market.slices import ExpirySlice

RATE, YEARS = 0.04, 0.1
DISCOUNT = math.exp(-RATE * YEARS)


def quotes(strike, call_bid, call_ask, put_bid, put_ask):
    arrays = (np.array(side, dtype=float) for side in (strike, call_bid, call_ask, put_bid, put_ask))
    return ExpirySlice("IWM", date(2026, 8, 21), 36, YEARS, 30.0, 25, *arrays)


def kernel(slice_):
    arrays = (slice_.strike, slice_.call_bid, slice_.call_ask, slice_.put_bid, slice_.put_ask)
    return parity_forward(*arrays, DISCOUNT)


@st.composite
def chains(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    strike = 200.0 + np.arange(draw(st.integers(1, 40)))
    forward = draw(st.floats(190.0, 245.0))
    fair = DISCOUNT * (forward - strike)
    put = np.maximum(-fair, 0.0) + 3.0 * np.exp(-np.abs(fair) / 10.0)
    call = put + fair + rng.normal(0.0, draw(st.sampled_from([0.0, 0.02, 0.5])), len(strike))
    sides = []
    for mid in (call, put):
        half = np.round(rng.uniform(0.0, 0.3, len(strike)), 2)
        bid, ask = np.round(np.maximum(mid - half, 0.0), 2), np.round(mid + half, 2)
        lost = rng.random(len(strike)) < draw(st.sampled_from([0.0, 0.3, 0.9]))
        sides += [np.where(lost, rng.choice([0.0, np.nan]), bid), np.where(lost & (rng.random() < 0.5), np.nan, ask)]
    return quotes(strike, *sides)


@given(chains())
def test_agrees_with_the_object_path(slice_):
    try:
        expected = implied_forward(slice_, RATE).price
    except DataError:
        expected = math.nan
    assert kernel(slice_) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_one_strike_gives_no_forward():
    assert math.isnan(kernel(quotes([200.0], [5.0], [5.1], [5.0], [5.1])))


def test_a_stale_strike_is_left_out():
    strike = [199.0, 200.0, 201.0]
    # Parity forwards 200, 200 and, two dollars off with half-spreads of 10 cents in all, 202.
    slice_ = quotes(strike, [3.95, 2.95, 3.0], [4.05, 3.05, 3.1], [2.95, 2.95, 1.95], [3.05, 3.05, 2.05])
    assert kernel(slice_) == pytest.approx((200.0 + 199.0 + 1.0 / DISCOUNT) / 2, abs=1e-9)
