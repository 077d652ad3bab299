import re

import numpy as np
import pandas as pd
import pytest

from iwm_opts.journal.compliance import PlanRules
from iwm_opts.journal.review import review
from iwm_opts.journal.trade_log import log_of_rows
from iwm_opts.report.backtest_sheet import breakeven_sentence
from iwm_opts.report.page import Grid
from iwm_opts.report.review_picture import review_picture
from iwm_opts.report.review_record import review_record
from iwm_opts.report.review_sheet import review_sheet
from iwm_opts.report.review_table import review_table
from tests.refusals import shows


@pytest.fixture(scope="module")
def found():
    """Sixty weekly trades, thirty good and thirty bad ones, at twice the planned size in every fourth."""
    generator = np.random.default_rng(11)
    results = np.concatenate([generator.normal(0.3, 0.2, 30), generator.normal(-0.3, 0.2, 30)])
    entry = pd.bdate_range("2024-01-02", periods=60, freq="5B")
    large = np.arange(60) % 4 == 0
    frame = pd.DataFrame(
        {
            "entry": entry,
            "exit": entry + pd.Timedelta(days=3),
            "contracts": np.where(large, 2, 1),
            "planned_contracts": 1,
            "credit": 1.0,
            "debit": 1.0 - 4.0 * results,
            "entry_mid": 1.04,
            "risk": np.where(large, 800.0, 400.0),
            "reason": np.where(results > 0, "profit", "stop"),
            "checklist": "a-criterion-with-quite-a-long-name=met",
        }
    )
    return review(log_of_rows(frame, "trades.csv"), PlanRules("condors"))


@pytest.mark.parametrize("columns", [80, 120])
def test_the_page_fits(found, columns):
    page = review_table(found, columns=columns)
    assert max(map(len, page.splitlines())) <= columns
    assert "EDGE BROKEN" in page
    assert ("to mid" in page) == (columns == 120)
    assert "2024-01" in page


def test_the_page_says_when_and_how_sure(found):
    text = " ".join(review_table(found, columns=120).split())
    told = re.search(r"results fell on (\d{4}-\d{2}-\d{2}) \(between (\d{4}-\d{2}-\d{2}) and (\d{4}-\d{2}-\d{2})", text)
    assert told is not None
    first, low, high = (pd.Timestamp(day) for day in told.groups())
    assert low <= first <= high
    assert low <= found.diagnosis.trades["exit"].iloc[30].normalize() <= high  # where the bad ones begin
    assert shows(text, "by luck")


def test_every_fault_comes_with_count_share_and_interval(found):
    text = " ".join(review_table(found, columns=120).split())
    assert shows(text, "15 of 60 trades", "(25%, 15% to 38%) by 100% on")
    assert shows(text, "0.0001 among", "below")


def test_verbose_says_what_would_have_been_seen(found):
    quiet, told = review_table(found, columns=120), review_table(found, verbose=True, columns=120)
    assert not shows(quiet, "trades (0)")
    assert shows(told, "trades (0)")  # no day that an exit was due is known


def test_the_record_says_what_the_page_says(found):
    record = review_record(found)
    assert record["edge"]["state"] == "broken"
    assert record["edge"]["sentence"] == found.diagnosis.edge.sentence
    assert sorted(record["faults"]) == ["market", "size"]
    assert sum(month["trades"] for month in record["months"]) == record["whole"]["trades"] == 60
    # Four cents of 1.04 given away at entry, on 75 packages of 100 shares; the mid at exit is unknown.
    assert record["whole"]["slippage_to_mid"] == pytest.approx(75 * 100 * 0.04)


@pytest.mark.parametrize(("suffix", "head"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_picture_has_the_kind_that_its_name_says(found, suffix, head):
    assert review_picture(found, suffix).startswith(head)


def test_a_picture_without_a_scan_says_why():
    few = log_of_rows(
        [{"entry": "2026-03-02", "exit": "2026-03-09", "contracts": 1, "credit": 1.0, "debit": 0.5, "risk": 400.0}], "x"
    )
    picture = review_picture(review(few), ".svg").decode()
    assert picture.startswith("<?xml")


def test_the_page_has_the_marked_drawdown_and_the_open_trade():
    """Two trades: one closed at -231 that stood at -319 on its way, one open that stood at -150 and is at -88."""
    days = pd.to_datetime(["2024-01-02", "2024-01-10"])
    frame = pd.DataFrame(
        {
            "entry": days, "exit": [pd.Timestamp("2024-01-09"), pd.NaT], "contracts": 1, "credit": 1.0,
            "debit": [3.21, np.nan], "fees": 10.0, "entry_mid": [1.12, np.nan], "exit_mid": [3.11, np.nan],
            "reason": ["stop", "open"],
            "marks": ["2024-01-03=-40;2024-01-04=-319;2024-01-05=-200", "2024-01-11=-150;2024-01-12=-88"],
        }
    )  # fmt: skip
    result = review(log_of_rows(frame, "trades.csv"))
    assert result.open_marks == (-88.0, 1)
    page = review_sheet(result)
    grids = [block for section in page.sections for block in section.blocks if isinstance(block, Grid)]
    rows = dict(next(grid for grid in grids if "money" in grid.head).rows)
    assert rows["max drawdown, open trades marked"].startswith("-$381")  # 231 and 150
    assert rows["max drawdown, booked"].startswith("-$231")
    assert shows(rows["1 open trade"], "-$88 at", "marks")
    assert rows["closed and open"] == "-$319"
    sentence = breakeven_sentence({"mid_pnl": -199.0, "entry_slippage": 12.0, "exit_slippage": 10.0, "fees": 10.0,
                                   "assignment": 0.0})  # fmt: skip
    assert shows(sentence, "$22 of", "$10 of", "slippage")
    text = " ".join(review_table(result, columns=120).split())
    assert shows(text, "-$88 at", "(all marked)", "ones -$319")
    assert (review_record(result)["open_pnl"], review_record(result)["open_marked"]) == (-88.0, 1)
