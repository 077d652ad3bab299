import csv
import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.errors import InputError
from iwm_opts.execution.fills import DEFAULT_MODEL, FillModel, fill_package, fill_packages
from iwm_opts.execution.legs import Legs
from tests.refusals import refused, shows

CONDOR = Legs.of([1, -1, -1, 1], [-1, -1, 1, 1])
BULL_PUT = Legs.of([1, -1], [-1, -1])
BULL_CALL = Legs.of([1, -1], [1, 1])
LONG_PUT = Legs.of([1], [-1])
KINDS = [CONDOR, BULL_PUT, BULL_CALL, LONG_PUT, Legs.of([-1, 1, -1], [-1, -1, 1], [1, 2, 1])]
# Made so that the mid credit is 1.095 and the summed half-spread 0.075, as of the condor below.
BID, ASK = [0.60, 1.10, 0.95, 0.36], [0.63, 1.14, 0.99, 0.40]


def fill(text, legs=CONDOR, bid=BID, ask=ASK, **options):
    return fill_package(FillModel.parse(text), legs, bid, ask, **options)


@st.composite
def packages(draw):
    legs = draw(st.sampled_from(KINDS))
    cents = st.tuples(st.integers(0, 900), st.integers(0, 90))
    quotes = draw(st.lists(cents, min_size=len(legs), max_size=len(legs)))
    bid = np.array([low for low, _ in quotes]) / 100
    ask = np.array([max(low + width, 1) for low, width in quotes]) / 100
    return legs, bid, ask


shares = st.floats(0.0, 1.0).map(lambda x: f"fraction:{x:.6f}")
within = st.one_of(
    shares, st.sampled_from(["natural", "effective:conventional", "effective:average", "effective:timed"])
)
rounded = st.one_of(within, st.floats(0.0, 7.0).map(lambda k: f"stress:{k:.6f}"))


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("mid", 1.095),
        ("natural", 1.02),  # 1.095 - 0.075
        ("fraction:0.5", 1.05),  # 1.095 - 0.0375 = 1.0575, rounded down
        ("fraction:0", 1.08),  # the put vertical alone: 0.505 - 0.01 = 0.495, sent at 0.49, costs 0.015
        ("fraction:1", 1.02),
        ("orats", 1.09),  # 1.095 - 0.06 x 0.075 = 1.0905
        ("effective:conventional", 1.03),  # 1.095 - 0.77 x 0.075 = 1.03725
        ("effective:average", 1.05),  # 1.095 - 0.58 x 0.075 = 1.0515
        ("effective:timed", 1.07),  # 1.095 - 0.31 x 0.075 = 1.07175
        ("stress:3", 0.87),  # 1.095 - 0.225
    ],
)
def test_every_convention_by_hand(text, price):
    result = fill(text)
    assert result.price == pytest.approx(price)
    assert result.model == text
    assert result.mid == pytest.approx(1.095)
    assert result.natural == pytest.approx(1.02)
    assert result.half_spread == pytest.approx(0.075)
    assert result.offset == pytest.approx(1.095 - price)
    assert result.slippage == pytest.approx(100 * (1.095 - price))
    assert result.slippage_share_of_credit == pytest.approx((1.095 - price) / 1.095)
    assert result.rejection == ""


def test_orats_is_under_half_a_cent_of_this_condor():
    assert FillModel.parse("orats").share(len(CONDOR)) * 0.075 < 0.005


def test_a_debit_is_rounded_up():
    # Long 270 for 5.00/5.06, short 275 at 2.51/2.56: mid -2.495, H 0.055, half of it -2.5225, so 2.53 is paid.
    result = fill("fraction:0.5", BULL_CALL, [5.00, 2.51], [5.06, 2.56])
    assert result.price == pytest.approx(-2.53)
    assert result.slippage == pytest.approx(3.5)
    assert result.slippage_share_of_credit is None
    assert shows(result.rejection, "zero")


def test_at_least_a_tick_however_small_the_share():
    assert fill("fraction:0.01", LONG_PUT, [1.00], [1.10]).offset == pytest.approx(0.01)


def test_never_worse_than_natural_for_the_sake_of_a_tick():
    assert fill("fraction:0.5", LONG_PUT, [1.00], [1.00]).offset == pytest.approx(0.0)


def test_other_ticks():
    # 1.095 - 0.0045 rounded down to a nickel; half of H is less than a nickel, so 1.095 - 0.05 rounded down.
    assert fill("orats", tick=0.05).price == pytest.approx(1.05)
    assert fill("fraction:0.5", tick=0.05).price == pytest.approx(1.00)


def test_a_leg_without_a_quote_is_no_fill():
    result = fill("natural", bid=[np.nan, 1.10, 0.95, 0.36])
    assert not result.is_filled
    assert np.isnan(result.price)
    assert result.slippage_share_of_credit is None
    assert shows(result.rejection, "two-sided quote")


def test_many_packages_are_the_single_ones():
    bids = np.array([BID, [0.0, 0.2, 0.3, 0.0], [np.nan, 1.0, 1.0, 0.5]])
    asks = np.array([ASK, [0.01, 0.25, 0.35, 0.02], [0.6, 1.1, 1.1, 0.6]])
    fills = fill_packages(DEFAULT_MODEL, CONDOR, bids, asks)
    assert len(fills) == 3
    assert fills.is_filled.tolist() == [True, True, False]
    assert fills.is_credit.tolist() == [True, True, False]
    for i in range(2):
        assert fills.one(i) == fill_package(DEFAULT_MODEL, CONDOR, bids[i], asks[i])


def test_read_only_and_strided_quotes_are_welcome():
    bids, asks = np.asfortranarray([BID, BID]), np.asfortranarray([ASK, ASK])
    bids.flags.writeable = False
    assert fill_packages(DEFAULT_MODEL, CONDOR, bids, asks).price.tolist() == pytest.approx([1.05, 1.05])


@given(packages(), within)
def test_a_fill_lies_between_natural_and_mid(package, text):
    result = fill(text, *package)
    assert result.natural - 1e-9 <= result.price <= result.mid + 1e-9


@given(packages(), rounded)
def test_prices_are_ticks_rounded_against_the_trader_by_less_than_one(package, text):
    result = fill(text, *package)
    model = FillModel.parse(text)
    assert 100 * result.price == pytest.approx(round(100 * result.price), abs=1e-6)
    unrounded = result.mid - model.share(len(package[0])) * result.half_spread
    assert result.price <= unrounded + 1e-6
    if model.kind != "fraction":
        assert result.price > unrounded - 0.01 - 1e-6


@given(packages(), rounded)
def test_a_round_trip_at_unchanged_quotes_never_profits(package, text):
    legs, bid, ask = package
    assert fill(text, legs, bid, ask).price + fill(text, legs.closing(), bid, ask).price <= 1e-9


@given(packages())
def test_a_round_trip_at_natural_costs_the_whole_spread(package):
    legs, bid, ask = package
    opening, closing = fill("natural", legs, bid, ask), fill("natural", legs.closing(), bid, ask)
    assert opening.price + closing.price == pytest.approx(-2 * opening.half_spread, abs=1e-9)
    assert opening.mid == pytest.approx(-closing.mid, abs=1e-12)


@given(packages(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_fills_better(package, one, other):
    low, high = sorted((one, other))
    assert fill(f"fraction:{high}", *package).price <= fill(f"fraction:{low}", *package).price + 1e-9


@given(packages(), shares)
def test_a_package_costs_at_least_its_dearest_vertical(package, text):
    legs, bid, ask = package
    whole = fill(text, legs, bid, ask).offset
    for i in range(len(legs)):
        for j in range(i):
            if legs.right[i] == legs.right[j] and legs.sign[i] != legs.sign[j]:
                pair = [i, j]
                vertical = Legs.of(legs.sign[pair], legs.right[pair])
                assert whole >= fill(text, vertical, bid[pair], ask[pair]).offset - 1e-9


@pytest.mark.parametrize(
    "text",
    ["fraction:0.5", "fraction:0", "mid", "natural", "orats", "effective:timed", "stress:3", "stress:2.5"],
)
def test_a_model_reads_what_it_writes(text):
    model = FillModel.parse(text)
    assert str(model) == text
    assert FillModel.parse(str(model)) == model
    assert model.note in model.label


def test_spellings_of_one_model_are_equal():
    assert FillModel.parse(" Fraction:.50 ") == FillModel.parse("fraction:0.5")
    assert FillModel.parse("stress:3.0") == FillModel.parse("stress:3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("halfway", ("fraction:X",)),
        ("fraction", ("between 0 and 1",)),
        ("fraction:1.5", ("between 0 and 1", "stress:K")),
        ("fraction:nan", ("between 0 and 1",)),
        ("stress:-1", ("zero or more",)),
        ("stress:inf", ("zero or more",)),
        ("effective:best", ("conventional, average, timed",)),
        ("mid:0.5", ("mid takes", "Write mid")),
    ],
)
def test_what_is_no_model_is_named(text, message):
    with refused("fill", text, *message):
        FillModel.parse(text)


def test_orats_knows_one_to_four_legs():
    # ORATS travels 75, 66, 56, 53% of the width from the worse side: the rest to mid, of the half, is 2 x that - 1.
    shares = [FillModel.parse("orats").share(legs) for legs in (1, 2, 3, 4)]
    assert shares == pytest.approx([2 * travelled - 1 for travelled in (0.75, 0.66, 0.56, 0.53)])
    with refused("fill", "orats", "5"):
        FillModel.parse("orats").share(5)


@pytest.mark.parametrize(
    ("bid", "ask", "tick", "name"),
    [([0.1], [0.2], 0.01, "quotes"), (BID, ASK[:3], 0.01, "quotes"), (BID, ASK, 0.0, "tick")],
)
def test_quotes_of_other_packages_are_refused(bid, ask, tick, name):
    with pytest.raises(InputError) as caught:
        fill_package(DEFAULT_MODEL, CONDOR, bid, ask, tick)
    assert caught.value.name == name


@pytest.mark.market_data
def test_a_real_condor(market_data):
    # 2026-06-26, 31 Jul 270/275/320/325: mid credit 1.095, H 0.075 mid-session; natural costs $7.50 then and $54.50
    # after the close (measured apart from this project).
    wanted = {("P", 270.0): 0, ("P", 275.0): 1, ("C", 320.0): 2, ("C", 325.0): 3}
    quotes = {session: np.full((2, 4), np.nan) for session in ("mid", "close")}
    with gzip.open(market_data / "options" / "IWM_cboe_full_20260615_20260702.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["quote_date"] == "2026-06-26" and row["expiration"] == "2026-07-31":
                leg = wanted.get((row["right"], float(row["strike"])))
                if leg is not None:
                    quotes[row["session"]][:, leg] = float(row["bid"]), float(row["ask"])
    natural = fill("natural", CONDOR, *quotes["mid"])
    assert natural.mid == pytest.approx(1.095)
    assert natural.half_spread == pytest.approx(0.075)
    assert natural.slippage == pytest.approx(7.50)
    assert fill("natural", CONDOR, *quotes["close"]).slippage == pytest.approx(54.50)
    assert fill("fraction:0.5", CONDOR, *quotes["mid"]).price == pytest.approx(1.05)
