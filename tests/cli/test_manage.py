"""`iwm-opts manage`."""

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


def test_typed_legs_need_their_entry(run):
    refused = run("manage", *MARKET, "--leg", "-1P287", "--leg", "+1P282")
    assert (refused.code, refused.out) == (1, "")
    assert "expiration" in refused.err
