from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.files import load_chain
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import expiry_slices, moment_of_quotes

MONDAY = datetime(2024, 6, 3, 14, 0, tzinfo=NEW_YORK)


def chain_of(*rows, symbol="IWM", quote_time=MONDAY, spot=100.0):
    """Rows of (expiration, root, right, strike, bid, ask)."""
    frame = pd.DataFrame(rows, columns=["expiration", "root", "right", "strike", "bid", "ask"])
    frame = frame.assign(quote_date="2024-06-03", underlying_price=spot, quote_time=quote_time)
    return make_chain(frame, symbol=symbol, source="test")


def test_one_slice_for_each_expiration_and_root_on_common_strikes():
    chain = chain_of(
        ("2024-06-21", "IWM", "P", 95.0, 0.50, 0.60),
        ("2024-06-21", "IWM", "C", 105.0, 0.40, 0.50),
        ("2024-06-07", "IWM", "C", 100.0, 1.00, 1.10),
        ("2024-06-07", "IWM", "P", 100.0, 1.00, 1.10),
        ("2024-06-21", "IWM1", "C", 105.0, 0.30, 0.50),
    )
    first, second, third = expiry_slices(chain)
    assert [(s.expiration, s.root) for s in (first, second, third)] == [
        (date(2024, 6, 7), "IWM"),
        (date(2024, 6, 21), "IWM"),
        (date(2024, 6, 21), "IWM1"),
    ]
    assert first.call_mid.tolist() == pytest.approx([1.05])
    np.testing.assert_array_equal(second.strike, [95.0, 105.0])
    np.testing.assert_array_equal(second.put_bid, [0.50, np.nan])
    np.testing.assert_array_equal(second.call_ask, [np.nan, 0.50])


def test_clocks_run_from_the_quotes_to_the_close_of_expiration():
    # Monday 14:00 to Friday 16:00: 4 days 2 hours; sessions of Monday to Friday close in between.
    chain = chain_of(("2024-06-07", "IWM", "C", 100.0, 1.0, 1.1), ("2024-06-07", "IWM", "P", 100.0, 1.0, 1.1))
    (week,) = expiry_slices(chain)
    assert week.dte == 4
    assert week.years == pytest.approx((4 + 2 / 24) / 365)
    assert week.effective_days == pytest.approx(4 + 0.72 * (0.052 + 0.047 + 0.045 + 0.153))  # last four half-hours
    assert week.sessions_left == 5


def test_a_root_that_settles_on_the_open_expires_there():
    # Third Friday 2024-06-21 at 9:30, six and a half hours before its sister at 16:00.
    chain = chain_of(
        ("2024-06-21", "SPX", "C", 100.0, 1.0, 1.1),
        ("2024-06-21", "SPX", "P", 100.0, 1.0, 1.1),
        ("2024-06-21", "SPXW", "C", 100.0, 1.0, 1.1),
        ("2024-06-21", "SPXW", "P", 100.0, 1.0, 1.1),
        symbol="SPX",
    )
    morning, evening = expiry_slices(chain)
    assert (morning.root, evening.root) == ("SPX", "SPXW")
    assert evening.years - morning.years == pytest.approx(6.5 / 24 / 365)
    assert evening.effective_days - morning.effective_days == pytest.approx(6.5 / 24)
    assert evening.sessions_left - morning.sessions_left == 1


@pytest.mark.parametrize(
    ("bid", "ask"), [(1.2, 1.1), (0.0, 0.0), (np.nan, 1.1), (1.0, np.nan), (-1.0, 1.0), (101.5, 102.0)]
)
def test_defective_quotes_are_none_in_slices_but_stay_in_the_rows(bid, ask):
    chain = chain_of(
        ("2024-06-21", "IWM", "C", 100.0, bid, ask),
        ("2024-06-21", "IWM", "P", 100.0, 1.0, 1.1),
        ("2024-06-21", "IWM", "C", 130.0, 0.0, 0.01),
    )
    (quotes,) = expiry_slices(chain)
    listed_at_zero = 0.0 if bid == ask == 0.0 else np.nan  # an absent option has no bid at all
    np.testing.assert_array_equal(quotes.call_bid, [listed_at_zero, 0.0])  # a bid of zero below an ask is a quote
    np.testing.assert_array_equal(quotes.call_ask, [np.nan, 0.01])
    assert quotes.put_bid[0] == 1.0
    assert len(chain.quotes) == 3
    assert chain.quality.usable == 2


def test_the_moment_of_the_quotes():
    close = datetime(2024, 6, 3, 16, 0, tzinfo=NEW_YORK)
    assert moment_of_quotes(date(2024, 6, 3), None) == close
    assert moment_of_quotes(date(2024, 6, 3), MONDAY) == MONDAY
    assert moment_of_quotes(date(2024, 6, 3), datetime(2024, 6, 4, 2, 0, tzinfo=NEW_YORK)) == close
    assert moment_of_quotes(date(2024, 7, 3), None).hour == 13  # half day


def test_rows_by_expiration_and_root():
    chain = chain_of(
        ("2024-06-21", "IWM", "C", 100.0, 1.0, 1.1),
        ("2024-06-21", "IWM", "P", 100.0, 1.0, 1.1),
        ("2024-06-21", "IWM1", "P", 100.0, 1.0, 1.2),
    )
    assert len(chain.rows(date(2024, 6, 21))) == 3
    assert chain.rows(date(2024, 6, 21), "IWM1")["ask"].tolist() == [1.2]
    assert chain.rows(date(2024, 6, 28)).empty


@pytest.mark.market_data
def test_slices_of_a_real_chain(market_data, june_slices):
    # june_slices pivots the same file on its own, keeping strikes that list both rights.
    chain = load_chain(market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz", as_of=date(2026, 6, 26))
    for ours, theirs in zip(expiry_slices(chain), june_slices("2026-06-26"), strict=True):
        assert (ours.expiration, ours.dte, ours.sessions_left) == (theirs.expiration, theirs.dte, theirs.sessions_left)
        assert (ours.years, ours.effective_days) == pytest.approx((theirs.years, theirs.effective_days))
        for name in ("strike", "call_bid", "call_ask", "put_bid", "put_ask"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
