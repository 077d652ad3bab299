"""`iwm-opts manage`."""

import pytest

from tests.refusals import shows

MARKET = ("--source", "sim", "--as-of", "2026-11-20")


def test_the_paper_journal_is_managed(run):
    run("paper", "open", *MARKET, "--no-gate")
    page = run("manage", *MARKET)
    assert page.code == 0
    assert all(len(line) <= 80 for line in page.out.splitlines())
    assert "SIMULATED" in page.out
    result = run("manage", *MARKET, "--format", "json").json
    (position,) = result["positions"]
    assert position["trade"] == "1"
    assert position["pnl"] < 0  # the round trip's cost, on the day of the entry
    assert {roll["kind"] for roll in position["rolls"]} >= {"away"}


def test_days_of_the_default_simulated_market_do_not_follow_each_other_and_that_is_said(run):
    run("paper", "open", *MARKET, "--no-gate")
    words = "one path re-dated to end on the day asked for"
    assert words not in run("manage", *MARKET).out
    later = ("--source", "sim", "--as-of", "2026-11-24")
    assert words in " ".join(run("manage", *later).out.split())
    assert any(words in warning for warning in run("manage", *later, "--format", "json").json["notes"])
    assert words in run("paper", "mark", *later).err


def test_typed_legs_need_their_entry(run):
    refused = run("manage", *MARKET, "--leg", "-1P287", "--leg", "+1P282")
    assert (refused.code, refused.out) == (1, "")
    assert "expiration" in refused.err


def test_a_stop_beyond_the_width_is_said_once(run):
    legs = ("--leg", "+1P297", "--leg", "-1P302", "--leg", "-1C305", "--leg", "+1C310", "--expiration", "2026-12-31")
    sentence = "no stop within the width: 3 x credit = 9.90 exceeds 5.00; the worst case is the max loss"
    page = " ".join(run("manage", *MARKET, *legs, "--credit", "3.30").out.split())
    assert page.count(sentence) == 1
    record = run("manage", *MARKET, *legs, "--credit", "3.30", "--format", "json").json
    assert record["positions"][0]["no_stop"] == sentence
    assert "no stop" not in run("manage", *MARKET, *legs, "--credit", "1.60").out


SCHWAB = (
    '"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"\n'
    '"11/13/2026","Buy to Close","SPY 04/16/2027 600.00 C","CALL","2","$1.00","$1.32","-$201.32"\n'
    '"11/13/2026","Buy to Close","IWM 11/20/2026 290.00 P","PUT","1","$0.40","","-$40.00"\n'
    '"11/12/2026","Sell to Open","IWM 11/20/2026 290.00 P","PUT","1","$1.20","","$120.00"\n'
    '"11/12/2026","Sell to Open","IWM 12/31/2026 287.00 P","PUT","1","$1.20","$0.66","$119.34"\n'
    '"11/12/2026","Buy to Open","IWM 12/31/2026 282.00 P","PUT","1","$0.70","$0.66","-$70.66"\n'
    '"11/12/2026","Sell to Open","IWM1 12/31/2026 282.00 P","PUT","1","$0.70","$0.66","$69.34"\n'
    '"11/12/2026","Buy","IWM","x","1.5","$200.70","","-$301.05"\n'
)
REMARKS = (
    "rows not used: 1 of adjusted contracts IWM1 (they deliver other than 100 shares)",
    "line 8: quantity '1.5' is not a whole number of shares: left out",
    "line 2: opening balance: 2 SPY270416C00600000 short from before the file",
)


def test_what_a_log_could_not_use_is_said_beside_its_positions(run, tmp_path):
    (tmp_path / "log.csv").write_text(SCHWAB)
    record = run("manage", "log.csv", *MARKET, "--format", "json").json
    assert [position["legs"] for position in record["positions"]] == ["+1P282 -1P287"]
    assert all(any(note.startswith(remark) for note in record["notes"]) for remark in REMARKS)
    page = run("manage", "log.csv", *MARKET)
    assert all(remark in " ".join(page.out.split()) for remark in REMARKS)
    longer = (
        '"10/30/2026","Buy to Close","IWM 11/20/2026 280.00 P","PUT","1","$0.40","","-$40.00"\n'
        '"10/01/2026","Sell to Open","IWM 11/20/2026 280.00 P","PUT","1","$1.20","","$120.00"\n'
    )
    (tmp_path / "log.csv").write_text(SCHWAB + longer)
    record = run("montecarlo", "log.csv", "--histories", "200", "--format", "json").json
    assert all(any(note.startswith(remark) for note in record["record"]["notes"]) for remark in REMARKS)


def test_fees_that_a_log_lacks_are_named_as_the_schedules(run, tmp_path):
    words = "the log has no opening fees; those of the schedule"
    rows = "entry,symbol,legs,expiration,contracts,credit\n2026-11-12,{},-1P287 +1P282,2026-12-31,1,0.50\n"
    (tmp_path / "log.csv").write_text(rows.format(""))
    assert shows(run("manage", "log.csv", *MARKET).err, "trade 1", "symbol")
    (tmp_path / "log.csv").write_text(rows.format("IWM"))
    assert f"{words} ibkr" in " ".join(run("manage", "log.csv", *MARKET, "--fees", "ibkr").out.split())
    (tmp_path / "log.csv").write_text(SCHWAB)
    assert words not in " ".join(run("manage", "log.csv", *MARKET).out.split())


ASSIGNED = (
    '"11/13/2026","Assigned","IWM 12/31/2026 287.00 P","PUT","1","","",""\n'
    '"11/13/2026","Buy","IWM","x","100","$287.00","","-$28,700.00"\n'
)
BOUGHT_BACK = '"11/13/2026","Buy to Close","IWM 12/31/2026 287.00 P","PUT","1","$1.00","","-$100.00"\n'
SOLD = '"11/13/2026","Sell to Close","IWM 12/31/2026 282.00 P","PUT","1","$0.10","","$10.00"\n'


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        (ASSIGNED, "partly closed: +1P282 and shares left"),
        (BOUGHT_BACK, "partly closed: +1P282 left"),
        (SOLD + ASSIGNED, "shares not sold yet"),
    ],
)
def test_a_package_some_of_whose_legs_are_gone_is_named_with_what_is_left(run, tmp_path, rows, left):
    """Its other legs alone are no longer the package that was opened."""
    (tmp_path / "log.csv").write_text(SCHWAB.replace("\n", "\n" + rows, 1))
    page = run("manage", "log.csv", *MARKET)
    assert (page.code, page.out) == (1, "")
    assert f"IWM +1P282 -1P287: {left}" in page.err
