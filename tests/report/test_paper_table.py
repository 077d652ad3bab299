import pytest

from iwm_opts.conventions import Provenance
from iwm_opts.journal.paper_trade import Campaign, Closing, Exits, Leg, Mark, PaperTrade
from iwm_opts.report.paper_table import campaign_text, paper_records, paper_table
from tests.refusals import shows

TRADE = PaperTrade(
    number=3, plan="condors", market="SIMULATED market, seed 13", provenance=Provenance.SIMULATED, symbol="IWM",
    expiration="2026-04-17",
    legs=(Leg(1, "P", 185.0), Leg(-1, "P", 190.0)), contracts=2, planned_contracts=2, opened="2026-03-02 16:00:00",
    credit=1.0, mid=1.05, model=1.0, fill="natural", fees_schedule="zero", fees=0.0, risk=800.0, planned_risk=800.0,
    rank=None, exits=Exits(profit=0.5), checklist={},
    marks=(Mark("2026-03-09", "2026-03-09 16:00:00", 200.0, 0.40, 0.45, 0.0, "profit"),),
)  # fmt: skip


@pytest.mark.parametrize("columns", [80, 120])
def test_a_due_exit_cannot_be_missed(columns):
    page = paper_table([TRADE], "marked on 2026-03-09", columns)
    assert page.startswith("SIMULATED MARKET  marked on 2026-03-09")
    assert "DUE: profit since 2026-03-09" in page
    assert "$110" in page  # 200 x (1.00 - 0.45)
    assert max(map(len, page.splitlines())) <= columns


def test_a_rolled_trade_names_what_is_booked_before_its_first_mark():
    campaign = Campaign("2026-02-02", ("1", "2"), -65.94)
    assert shows(campaign_text(campaign, float("nan")), "2026-02-02: trades 1, 2 before", "roll -$65.94")
    assert shows(
        campaign_text(campaign, 15.94),
        "P&L since 2026-02-02: -$50.00; this trade $15.94, trades 1, 2 before",
        "roll -$65.94",
    )


def test_records_hold_marks_and_gain():
    (record,) = paper_records([TRADE])
    assert (record["legs"], record["strategy"], record["pnl"]) == ("+1P185 -1P190", "bull-put", pytest.approx(110.0))
    assert record["due"]["day"] == "2026-03-09"


def test_a_closed_trade_says_why():
    from dataclasses import replace

    closed = replace(TRADE, closing=Closing("2026-03-10 15:00:00", 0.60, 0.55, 0.58, 0.0, "bored"))
    page = paper_table([closed], "")
    assert "bored" in page
    assert "$80" in page
