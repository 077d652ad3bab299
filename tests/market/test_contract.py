from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.market.contract import (
    Contract,
    is_quarter_end,
    listed_root,
    occ_symbol,
    parse_occ,
    settlement_of,
    underlying_of,
)
from tests.refusals import refused

# The Options Symbology Initiative's own example (OCC, 2010): the 2010-05-22 Google call at 455 dollars.
OSI_EXAMPLE = "GOOG  100522C00455000"


def test_the_padded_form_of_occ():
    contract = parse_occ(OSI_EXAMPLE)
    assert contract == Contract("GOOG", date(2010, 5, 22), "C", 455.0)
    assert occ_symbol("GOOG", date(2010, 5, 22), "C", 455.0, padded=True) == OSI_EXAMPLE
    assert len(OSI_EXAMPLE) == 21


def test_the_short_form():
    assert parse_occ("IWM260731P00275000") == Contract("IWM", date(2026, 7, 31), "P", 275.0)
    assert parse_occ("O:IWM1260731P00052500").root == "IWM1"
    assert Contract("IWM", date(2026, 7, 31), "P", 275.0).symbol == "IWM260731P00275000"


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from("CP"),
    st.integers(1, 99_999_999),
    st.booleans(),
)
def test_round_trip(root, expiration, right, thousandths, padded):
    contract = Contract(root, expiration, right, thousandths / 1000)
    symbol = occ_symbol(root, expiration, right, contract.strike, padded=padded)
    assert parse_occ(symbol) == contract


@pytest.mark.parametrize(
    "symbol", ["", "IWM", "IWM260731X00275000", "IWM260231P00275000", "IWM260731P275", "iwm260731P00275000"]
)
def test_what_is_no_symbol_is_refused(symbol):
    with refused("symbol", symbol):
        parse_occ(symbol)


@pytest.mark.parametrize(
    ("root", "right", "strike"),
    [
        ("", "C", 10.0),
        ("TOOLONG", "C", 10.0),
        ("IWM", "X", 10.0),
        ("IWM", "C", 0.0),
        ("IWM", "C", 1e5),
        ("IWM", "C", 1.00049),
        ("IWM", "C", float("nan")),
    ],
)
def test_what_has_no_symbol_is_refused(root, right, strike):
    with pytest.raises(InputError):
        occ_symbol(root, date(2026, 7, 31), right, strike)


@pytest.mark.parametrize(
    ("root", "exercise", "delivery", "settles_on"),
    [  # Cboe and OCC contract specifications
        ("IWM", "american", "physical", "close"),
        ("SPY", "american", "physical", "close"),
        ("XYZ", "american", "physical", "close"),
        ("SPX", "european", "cash", "open"),
        ("SPXW", "european", "cash", "close"),
        ("RUT", "european", "cash", "open"),
        ("RUTW", "european", "cash", "close"),
        ("XSP", "european", "cash", "close"),
    ],
)
def test_settlement_is_a_rule_of_the_root(root, exercise, delivery, settles_on):
    rule = settlement_of(root)
    assert (rule.exercise, rule.delivery, rule.settles_on, rule.multiplier) == (exercise, delivery, settles_on, 100)


def test_roots_and_underlyings():
    assert [underlying_of(root) for root in ("IWM", "SPXW", "RUTW", "NDXP", "IWM1")] == [
        "IWM",
        "SPX",
        "RUT",
        "NDX",
        "IWM",
    ]
    # Third Fridays: 2026-07-17; 2019-04-19 was Good Friday, and SPX expired on the 18th.
    assert listed_root("SPX", date(2026, 7, 17)) == "SPX"
    assert listed_root("SPX", date(2019, 4, 18)) == "SPX"
    assert listed_root("SPX", date(2026, 7, 16)) == "SPXW"
    assert listed_root("SPX", date(2026, 7, 20)) == "SPXW"
    assert listed_root("IWM", date(2026, 7, 20)) == "IWM"


@pytest.mark.parametrize(
    ("day", "is_last"),
    [((2020, 6, 30), True), ((2020, 12, 31), True), ((2022, 3, 31), True), ((2021, 12, 30), False),
     ((2024, 3, 28), True), ((2022, 5, 31), False)],  # 2024-03-29 was Good Friday
)  # fmt: skip
def test_the_last_session_of_a_quarter(day, is_last):
    assert is_quarter_end(date(*day)) == is_last
