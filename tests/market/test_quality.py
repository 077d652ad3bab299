import math

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.market.quality import QualityReport, assess, repeats, row_defects
from tests.refusals import shows

DAY, EXPIRATION = pd.Timestamp("2024-06-03"), pd.Timestamp("2024-06-21")


def table(*rows, root="IWM"):
    """Rows of (right, strike, bid, ask); spot is 100."""
    frame = pd.DataFrame(rows, columns=["right", "strike", "bid", "ask"])
    frame = frame.assign(quote_date=DAY, expiration=EXPIRATION, root=root, underlying_symbol=root)
    return frame.reindex(columns=list(CHAIN_COLUMNS)).astype({"implied_volatility": float})


@pytest.mark.parametrize(
    ("row", "defects"),
    [  # by the definitions in QualityReport; intrinsic value of the 90 call is 10, of the 110 put 10
        (("C", 100, 1.00, 1.10), set()),
        (("C", 130, 0.00, 0.01), {"no_bid"}),
        (("C", 100, 1.20, 1.10), {"crossed"}),
        (("C", 100, 1.10, 1.10), {"locked"}),
        (("C", 100, 0.00, 0.00), {"zero"}),
        (("C", 100, 1.00, 0.00), {"zero", "crossed"}),
        (("C", 100, math.nan, 1.10), {"missing"}),
        (("C", 100, 1.00, math.nan), {"missing"}),
        (("C", 100, 1.00, 1.105), {"off_tick"}),
        (("C", 90, 8.40, 8.90), {"implausible"}),
        (("C", 90, 8.40, 9.00), set()),  # within the slack of one percent of spot
        (("P", 110, 8.40, 8.90), {"implausible"}),
        (("C", 10, 101.5, 102.0), {"implausible"}),
        (("P", 90, 90.5, 91.0), {"implausible"}),
        (("C", 100, -0.01, 0.01), {"implausible"}),
    ],
)
def test_each_defect_by_its_definition(row, defects):
    found = row_defects(table(row), spot=100.0)
    names = {"crossed", "locked", "zero", "no_bid", "missing", "off_tick", "implausible"}
    assert {name for name in names if getattr(found, name)[0]} == defects
    assert found.usable[0] == (not defects & {"crossed", "zero", "missing", "implausible"})


def test_a_european_put_may_stand_below_intrinsic_value():
    deep = ("P", 150, 45.0, 46.0)
    assert not row_defects(table(deep, root="SPX"), 100.0).implausible[0]
    assert row_defects(table(deep, root="IWM"), 100.0).implausible[0]


def test_ticks_belong_to_the_root():
    nickels, cents = ("C", 100, 1.05, 1.10), ("C", 100, 1.06, 1.10)
    assert row_defects(table(nickels, cents, root="SPX"), 100.0).off_tick.tolist() == [False, True]
    assert row_defects(table(nickels, cents, root="IWM"), 100.0).off_tick.tolist() == [False, False]


def test_cents_written_in_binary_are_on_the_tick():
    cents = np.round(np.arange(1, 50_000) * 0.01, 2)
    frame = pd.concat([table(("C", 100, 1.0, 1.1))] * len(cents), ignore_index=True).assign(bid=cents, ask=cents)
    assert not row_defects(frame, math.nan).off_tick.any()


def test_without_spot_only_its_rules_are_left_out():
    found = row_defects(table(("C", 90, 8.0, 8.5), ("P", 90, 90.5, 91.0)), math.nan)
    assert found.implausible.tolist() == [False, True]


def chain_of_puts(dead):
    """Puts bid and asked a dime around 1, 1.5, ... at strikes 90, 91, ...; the one at 94 is worth 3.00."""
    worth = {strike: 1.0 + 0.5 * place for place, strike in enumerate(range(90, 99))}
    rows = [("P", strike, round(value - 0.05, 2), round(value + 0.05, 2)) for strike, value in worth.items()]
    return table(*[("P", 94, *dead) if row[1] == 94 else row for row in rows])


@pytest.mark.parametrize(
    ("dead", "contradicted"),
    [  # the two strikes below bid 2.45 and 1.95, the two above ask 3.55 and 4.05
        ((2.95, 3.05), False),
        ((0.00, 2.30), True),  # its midpoint is below both bids
        ((0.00, 6.00), True),  # its midpoint is right, its spread sixty times its neighbours'
        ((1.80, 1.90), True),  # asked less than both strikes below bid
        ((2.20, 2.40), False),  # less than one: either may be wrong
        ((1.00, 9.00), False),  # wide, but somebody bids
        ((4.10, 4.20), True),  # bid more than both strikes above ask
        ((3.60, 3.70), False),
    ],
)
def test_a_quote_that_its_neighbours_contradict(dead, contradicted):
    found = row_defects(chain_of_puts(dead), math.nan)
    assert found.implausible.tolist() == [strike == 94 and contradicted for strike in range(90, 99)]
    mirrored = chain_of_puts(dead).assign(right="C", strike=lambda f: 200.0 - f["strike"])
    assert row_defects(mirrored, math.nan).implausible.tolist() == found.implausible.tolist()


def test_the_far_wing_has_no_bid_and_is_sound():
    wing = [("P", strike, 0.0, 0.05) for strike in range(60, 90)]
    report = assess(table(*wing), 100.0)
    assert (report.no_bid, report.implausible, report.usable) == (30, 0, 30)
    assert shows(report.summary, "30 rows, 30 usable, 30 without", "30 unpaired")


def test_neighbours_are_those_of_the_same_expiration_and_right():
    dead = chain_of_puts((0.0, 2.30))
    alone = pd.concat([dead.iloc[[4]], dead.drop(index=4).assign(expiration=pd.Timestamp("2024-07-19"))])
    assert not row_defects(alone, math.nan).implausible.any()


def test_expired_unpaired_and_placeholders():
    frame = table(("C", 100, 1.0, 1.1), ("P", 100, 1.0, 1.1), ("P", 95, 0.5, 0.6))
    frame.loc[2, "expiration"] = pd.Timestamp("2024-05-31")
    frame["implied_volatility"] = [1e-5, 0.2, 0.01]
    report = assess(frame, 100.0)
    assert (report.stale, report.unpaired, report.iv_placeholder) == (1, 1, 2)
    assert assess(frame, 100.0, frozen=True).stale == 3


def test_a_repeated_capture_is_known_by_its_quotes():
    one = table(*[("C", k, 1.0, 1.1) for k in range(80, 120)])
    assert repeats(one, one)
    assert not repeats(one, one.assign(bid=0.9))
    assert not repeats(one, table(("P", 80, 1.0, 1.1)))


def test_the_report_reads_well():
    report = assess(table(("C", 100, 1.2, 1.1), ("P", 100, 0.0, 0.0)), 100.0, duplicate=3, notes=["a note"])
    assert report.summary == "2 rows, 0 usable; 1 crossed, 1 zero, 3 duplicate"
    assert assess(table(("C", 100, 1.0, 1.1), ("P", 100, 1.0, 1.1)), 100.0).summary == "2 rows, 2 usable; no defects"
    json = report.to_json()
    assert set(json) == set(QualityReport.__dataclass_fields__)
    assert (json["crossed"], json["notes"]) == (1, ["a note"])
    assert all(type(value) in (int, list) for value in json.values())
