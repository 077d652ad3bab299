import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.execution.fees import DEFAULT_FEES, PRESETS, FeeSchedule, premium_sold
from iwm_opts.execution.legs import Legs
from tests.refusals import refused

CONDOR = Legs.of([1, -1, -1, 1], [-1, -1, 1, 1])
LONG_CALL = Legs.of([1], [1])


def test_tastytrade_condor_by_hand():
    # Commission 4 x 1.00 to open, none to close; a contract clearing 0.10 and orf 0.0145; taf 0.00329 on the two legs
    # sold either way; the SEC takes 20.60 per million of 100 x 2.09 sold to open, and of 100 x 0.995 sold to close.
    opening = 4 * (1.00 + 0.10 + 0.0145) + 2 * 0.00329 + 20.60e-6 * 209
    closing = 4 * (0.10 + 0.0145) + 2 * 0.00329 + 20.60e-6 * 99.5
    assert DEFAULT_FEES.opening_fees(CONDOR, 1, 2.09) == pytest.approx(opening)
    assert DEFAULT_FEES.closing_fees(CONDOR, 1, 0.995) == pytest.approx(closing)
    assert opening == pytest.approx(4.4689, abs=1e-4)
    assert DEFAULT_FEES.exercise_fees(2) == 10.0


def test_the_regulatory_fee_follows_the_rule_that_is_named():
    # Summed over all exchanges until 2026-01-01; 0.014 to 0.015 a side since, a trade paying its own exchange alone.
    before = FeeSchedule.parse("tastytrade,orf=all-exchanges")
    assert before.opening_fees(CONDOR, 1, 2.09) - DEFAULT_FEES.opening_fees(CONDOR, 1, 2.09) == pytest.approx(0.0546)
    assert 0.014 <= FeeSchedule.parse("tastytrade,orf=executed").orf <= 0.015
    assert FeeSchedule.parse("tastytrade,orf=executed").orf == DEFAULT_FEES.orf
    with refused("fees", "tastytrade,orf=some"):
        FeeSchedule.parse("tastytrade,orf=some")


def test_the_cap_is_per_leg_of_an_order():
    # 25 contracts: 10.00 a leg instead of 25.00, so 0.40 a contract and leg.
    fees = FeeSchedule.parse("commission=1,cap=10")
    assert fees.opening_fees(CONDOR, 25, 0.0) == pytest.approx(4 * 0.40)


def test_the_minimum_is_per_order_that_pays_commission():
    # Interactive Brokers' own examples: 1 contract 1.00, 2 contracts 1.30.
    fees = FeeSchedule("ibkr, commission alone", commission=0.65, minimum=1.0)
    assert fees.opening_fees(LONG_CALL, 1, 0.0) == pytest.approx(1.00)
    assert 2 * fees.opening_fees(LONG_CALL, 2, 0.0) == pytest.approx(1.30)
    assert fees.closing_fees(LONG_CALL, 1, 0.0) == 0.0


def test_a_ratio_pays_for_each_contract():
    assert FeeSchedule.parse("custom:0.50").opening_fees(Legs.of([1, -1], [1, 1], [1, 2]), 1, 0.0) == pytest.approx(1.5)


def test_an_array_of_premiums_gives_an_array_of_fees():
    fees = DEFAULT_FEES.opening_fees(CONDOR, 1, np.array([0.0, 2.0]))
    assert fees == pytest.approx([DEFAULT_FEES.opening_fees(CONDOR, 1, premium) for premium in (0.0, 2.0)])


def test_premium_sold_is_of_the_short_legs():
    bid, ask = [0.60, 1.10, -0.1, 0.36], [0.64, 1.14, 0.10, 0.40]
    assert premium_sold(CONDOR, bid, ask) == pytest.approx(1.12 + 0.05)  # a negative bid counts as zero
    assert premium_sold(CONDOR.closing(), bid, ask) == pytest.approx(0.62 + 0.38)
    assert premium_sold(CONDOR, [bid, bid], [ask, ask]).shape == (2,)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "zero"])
def test_every_preset_is_dated_and_sourced(name):
    fees = FeeSchedule.parse(name)
    assert fees.as_of is not None
    assert fees.sources
    assert fees.label == f"{name}, schedule of {fees.as_of}"
    assert fees.opening_fees(CONDOR, 1, 2.0) > 0


def test_zero_charges_nothing():
    assert FeeSchedule.parse("zero").opening_fees(CONDOR, 1, 2.0) == 0.0


def test_custom_schedules():
    assert FeeSchedule.parse("custom:0.65") == FeeSchedule("custom", commission=0.65, closing=0.65)
    written_out = FeeSchedule.parse("commission=0.65,exchange=0.02")
    assert written_out == FeeSchedule("custom", commission=0.65, closing=0.65, exchange=0.02)
    assert FeeSchedule.parse("commission=0.65, closing=0").closing == 0.0
    changed = FeeSchedule.parse("schwab,commission=0.50")
    assert (changed.commission, changed.closing, changed.name) == (0.50, 0.65, "schwab, changed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("etrade", ("'etrade'", "tastytrade")),
        ("custom:x", ("commission",)),
        ("custom:-1", ("commission",)),
        ("commission=inf", ("commission", "zero or more")),
        ("zero,tax=1", ("'tax'",)),
        ("", ("tastytrade",)),
    ],
)
def test_what_is_no_schedule_is_named(text, message):
    with refused("fees", text, *message):
        FeeSchedule.parse(text)


def test_no_contracts_no_order():
    with refused("contracts", 0):
        DEFAULT_FEES.opening_fees(CONDOR, 0, 0.0)


@given(st.sampled_from(sorted(PRESETS)), st.integers(1, 60), st.floats(0, 20))
def test_a_larger_order_never_costs_more_a_package(name, contracts, premium):
    fees = FeeSchedule.parse(name)
    larger = fees.opening_fees(CONDOR, contracts + 1, premium)
    assert 0 <= larger <= fees.opening_fees(CONDOR, contracts, premium) + 1e-12
