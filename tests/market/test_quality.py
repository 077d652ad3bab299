import math

import numpy as np
import pandas as pd
import pytest

from iwm_opts.conventions import CHAIN_COLUMNS
from iwm_opts.market.quality import QualityReport, assess, repeats, row_defects

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
