from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.capture import make_chain
from tests.refusals import refused_data, shows

STRIKES = (98.0, 99.0, 100.0, 101.0, 102.0)


def rows(day="2024-06-03", expiration="2024-06-21", **columns):
    """Calls and puts in parity at 100."""
    found = []
    for strike in STRIKES:
        for right, sign in (("C", 1), ("P", -1)):
            value = max(sign * (100.0 - strike), 0.0) + 2.0
            found.append((day, expiration, right, strike, value - 0.05, value + 0.05, 100.0))
    names = ["quote_date", "expiration", "right", "strike", "bid", "ask", "underlying_price"]
    return pd.DataFrame(found, columns=names).assign(**columns)


def chain_of(frame, **given):
    return make_chain(frame, **{"symbol": "IWM", "source": "chain.csv", **given})


@pytest.mark.parametrize(
    ("day", "session"), [("2024-06-19", "2024-06-18"), ("2024-06-08", "2024-06-07"), ("2024-12-25", "2024-12-24")]
)
def test_a_day_without_a_session_is_refused_by_name(day, session):
    with refused_data("chain.csv", "quote_date", day, session):
        chain_of(rows(day, "2025-01-17"))


@pytest.mark.parametrize(("right", "other"), [("C", "puts"), ("P", "calls")])
def test_a_side_without_contracts_is_refused(right, other):
    frame = rows()
    with refused_data("chain.csv", "right", "5", other):
        chain_of(frame[frame["right"] == right])


def test_a_night_of_zeros_is_refused():
    frame = rows(bid=0.0, ask=0.0)
    with refused_data("chain.csv", "quotes", "100.0%", "10"):
        chain_of(frame)
    frame.loc[:1, ["bid", "ask"]] = [1.0, 1.1]  # a fifth quotes: poor, but a market
    assert chain_of(frame).quality.zero == 8


@pytest.mark.parametrize("right", ["X", None, "c", np.nan, 1])
def test_rights_are_c_or_p(right):
    frame = rows().astype({"right": object})
    frame.loc[0, "right"] = right
    with refused_data("chain.csv", "right", repr(right), "1 row"):
        chain_of(frame)


def test_no_rows_and_several_days_are_refused():
    with refused_data("chain.csv", "rows"):
        chain_of(rows().iloc[:0])
    with refused_data("chain.csv", "quote_date"):
        chain_of(pd.concat([rows(), rows("2024-06-04")]))


def test_duplicates_are_counted_and_the_first_is_kept():
    again = pd.concat([rows(), rows()])
    chain = chain_of(again)
    assert (len(chain.quotes), chain.quality.duplicate, chain.warnings) == (10, 10, ())
    assert shows(chain.quality.notes, "10 rows", "earlier")
    other = chain_of(pd.concat([rows(), rows(bid=0.01).head(5)]))
    assert other.quotes["bid"].min() > 0.01
    assert any(shows(warning, "5 of", "quote") for warning in other.warnings)
    with refused_data("chain.csv", "quote_time", "10 rows", "10 contracts"):
        chain_of(pd.concat([rows(), rows(bid=0.01)]))


def test_a_capture_older_than_its_date_is_stale():
    friday = datetime(2024, 5, 31, 15, 59, tzinfo=NEW_YORK)
    chain = chain_of(rows(), newest_trade=friday)
    assert chain.quality.stale == 10
    assert any(shows(warning, "since 2024-05-31 15:59") for warning in chain.warnings)
    assert chain_of(rows(), newest_trade=friday.replace(month=6, day=3)).quality.stale == 0


def test_a_capture_that_repeats_the_one_before_is_stale():
    first = chain_of(rows()).quotes
    assert chain_of(rows(), previous=first).quality.stale == 10
    assert chain_of(rows(), previous=first.assign(bid=0.5)).quality.stale == 0


def test_spot_by_parity_takes_a_dividend_free_forward():
    # Every strike says 100 for 2024-06-21, 18 days off: 100 less 18 days of interest at 4%.
    chain = chain_of(rows(underlying_price=np.nan))
    assert chain.spot == pytest.approx(100.0 * np.exp(-0.04 * 18 / 365), abs=0.005)
    assert chain.quotes["underlying_price"].unique().tolist() == [chain.spot]


def test_no_spot_at_all_is_refused():
    frame = rows(underlying_price=np.nan)
    with refused_data("chain.csv", "spot", "`spot`"):
        chain_of(frame[frame["strike"] == 98.0])


def test_spots_that_wander_are_told():
    frame = rows()
    frame["underlying_price"] = np.linspace(99.5, 100.5, len(frame))
    chain = chain_of(frame)
    assert chain.spot == pytest.approx(100.0)
    assert any(shows(note, "99.5 to 100.5 over") for note in chain.quality.notes)


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    frame = rows()
    order = list(range(len(frame)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(chain_of(frame.iloc[order]).quotes, chain_of(frame).quotes)


def test_columns_and_fields():
    chain = chain_of(rows(extra=1), session="mid", notes=["told"], warnings=["warned"], simulated=True)
    assert tuple(chain.quotes.columns) == CHAIN_COLUMNS
    assert (chain.as_of, chain.quote_time, chain.session) == (date(2024, 6, 3), None, "mid")
    assert (chain.quality.notes, chain.warnings, chain.simulated) == (("told",), ("warned",), True)
    assert chain.quotes["root"].unique().tolist() == ["IWM"]


def wide_chain(**columns):
    """Thirty strikes from 85 to 114 in parity at 100."""
    frame = pd.concat([rows()] * 6, ignore_index=True)
    frame["strike"] = np.repeat(np.arange(85.0, 115.0), 2)
    sign = np.where(frame["right"] == "C", 1.0, -1.0)
    worth = np.maximum(sign * (100.0 - frame["strike"]), 0.0) + 2.0
    return frame.assign(bid=worth - 0.05, ask=worth + 0.05).assign(**columns)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.assign(bid=f["bid"] * 100, ask=f["ask"] * 100),
        lambda f: f.assign(bid=f["bid"] * 0.001, ask=f["ask"] * 0.001),
        lambda f: f.assign(strike=f["strike"] * 1000),
        lambda f: f.assign(right=f["right"].map({"C": "P", "P": "C"})),
    ],
    ids=["cents", "thousandths", "strikes as in OCC symbols", "calls for puts"],
)
def test_quotes_out_of_parity_are_refused(spoil):
    assert chain_of(wide_chain()).quality.usable == 60
    with refused_data("chain.csv", "parity", "30"):
        chain_of(spoil(wide_chain()))


def test_a_spot_of_another_market_is_refused():
    with refused_data("chain.csv", "spot", "10000 (file)", "100.00"):
        chain_of(wide_chain(underlying_price=10_000.0))
    with refused_data("chain.csv", "spot", "130 (given)"):
        chain_of(wide_chain(), spot=130.0)


def test_quotes_of_which_none_is_usable_are_refused():
    frame = wide_chain()
    with refused_data("chain.csv", "rows", "60 rows", "0 usable", "60 crossed"):
        chain_of(frame.assign(bid=frame["ask"], ask=frame["bid"]))
