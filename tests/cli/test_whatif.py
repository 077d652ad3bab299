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
