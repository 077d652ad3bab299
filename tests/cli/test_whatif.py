"""`iwm-opts whatif`."""

import pytest


def test_the_command_values_the_picked_condor(run, chain_file):
    chain = ("--source", chain_file, "--dte", "46:46", "--short-delta", "0.1:0.25", "--dividends", "none", "--no-gate")
    scenarios = ("--move", "0", "--move", "-0.05", "--vol-shift", "0.1", "--date", "2026-04-17")
    result = run("whatif", *chain, "--pick", "2", *scenarios, "--format", "json").json
    screened = run("condor", *chain, "--format", "json").json["candidates"][1]
    assert result["credit_fill"] == screened["credit"]["fill"]
    assert [(row["move"], row["vol_shift"], row["dte"]) for row in result["scenarios"]] == [
        (0, 0.1, 0),
        (-0.05, 0.1, 0),
    ]
    assert result["scenarios"][0]["pnl"] == pytest.approx(screened["max_profit"])


def test_bad_scenarios_are_one_line(run, chain_file):
    refused = run("whatif", "--source", chain_file, "--dte", "46:46", "--no-gate", "--date", "2026-05-01")
    assert (refused.code, refused.out) == (1, "")
    assert "dates" in refused.err
    assert "pick" in run("whatif", "--source", chain_file, "--dte", "46:46", "--no-gate", "--pick", "9999").err


def test_typed_legs_are_valued_from_their_own_entry(run, chain_file):
    """At expiration the payoff by hand; today the midpoint less what was received, as `manage` has it at mid."""
    held = (
        "--source", chain_file, "--as-of", "2026-03-02", "--leg", "-2C212", "--leg", "+2C217",
        "--expiration", "2026-04-17", "--credit", "2.60", "--dividends", "none", "--fees", "custom:0.65",
        "--exercise", "european", "--rate", "0.04",
    )  # fmt: skip
    moves = [option for move in ("-0.05", "0", "0.07", "0.1") for option in ("--move", move)]
    result = run("whatif", *held, *moves, "--vol-shift", "0", "--format", "json").json
    assert (result["credit_fill"], result["expiration"]) == (2.6, "2026-04-17")
    last = {row["move"]: row["pnl"] for row in result["scenarios"] if row["dte"] == 0}
    fees = 4 * 0.65
    assert last[-0.05] == last[0] == pytest.approx(260 - fees)
    assert last[0.07] == pytest.approx(260 - 200 * (214 - 212) - fees)
    assert last[0.1] == pytest.approx(260 - 1000 - fees)
    (position,) = run("manage", *held, "--format", "json").json["positions"]
    today = next(row["pnl"] for row in result["scenarios"] if row["dte"] == 46 and row["move"] == 0)
    assert today == pytest.approx(100 * (2.6 - position["mid"]) - fees, abs=0.5)
    assert "-2C212 +2C217" in run("whatif", *held).out


def test_a_paper_trade_and_a_vertical_of_the_screen_are_valued(run, chain_file):
    chain = ("--source", chain_file, "--as-of", "2026-03-02", "--dte", "46:46", "--dividends", "none", "--no-gate")
    kind = ("--instrument", "bear-call")
    screened = run("whatif", *chain, *kind, "--move", "0", "--format", "json").json
    assert screened["strategy"] == "bear-call"
    run("paper", "open", *chain, *kind, "--contracts", "3", "--credit", "0.9")
    held = run("whatif", *chain[:4], "--dividends", "none", "--trade", "1", "--move", "0", "--format", "json").json
    assert (held["strategy"], held["strikes"], held["credit_fill"]) == ("bear-call", screened["strikes"], 0.9)
    (trade,) = run("paper", "list", "--format", "json").json["trades"]
    assert held["scenarios"][-1]["pnl"] == pytest.approx(90 - trade["fees"] / 3)
    assert "paper trade 1, bear-call" in " ".join(run("whatif", *chain[:4], "--trade", "1").out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--leg", "-1C212"), "expiration"),
        (("--leg", "-1C212", "--expiration", "2026-04-17", "--trade", "1"), "one package"),
        (("--leg", "-1C212.5", "--expiration", "2026-04-17"), "not listed"),
        (("--trade", "7",), "not in the journal"),
        (("--trade", "7", "--pick", "2"), "of a screen"),
        (("--credit", "1"), "is of --leg"),
    ],
)  # fmt: skip
def test_one_package_is_named(run, chain_file, arguments, words):
    refused = run("whatif", "--source", chain_file, "--as-of", "2026-03-02", *arguments)
    assert refused.code in (1, 2)
    assert words in refused.err
