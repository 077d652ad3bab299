"""Exit levels on the command line: every command refuses the same ones in the same words."""

import pytest

LEGS = ("--leg", "+1P195@0.70/0.74", "--leg", "-1P200@1.20/1.26", "--expiration", "2035-12-21")
SHORT = ("--leg", "+1P195", "--leg", "-1P200", "--expiration", "2026-04-17", "--credit", "0.5")


@pytest.mark.parametrize(
    "command",
    [
        ("condor", "--no-gate"), ("vertical",), ("ticket", *LEGS), ("ticket", "--no-gate"), ("paper", "open"),
        ("backtest",), ("sweep", "--grid", "dte=45"), ("manage", *SHORT),
    ],
    ids=lambda command: " ".join(command[:2]),
)  # fmt: skip
@pytest.mark.parametrize(
    ("level", "message"),
    [
        (("--profit", "50"), "profit=50.0: a fraction of a credit must be at most 1"),
        (("--profit", "0"), "profit=0.0: must be above 0. Half of the credit is 0.5 or 50%; off: none."),
        (("--stop", "0"), "stop=0.0: must be above 0. Twice the credit is 2; off: none."),
    ],
)
def test_levels_without_a_meaning(run, chain_file, command, level, message):
    market = () if "@" in str(command) else ("--source", "sim" if command[0] in ("backtest", "sweep") else chain_file)
    day = () if not market or "sim" in market else ("--as-of", "2026-03-02")
    outcome = run(*command, *market, *day, *level)
    assert outcome.code != 0
    assert message in " ".join(outcome.err.split())


@pytest.mark.parametrize(
    ("kinds", "stop"),
    [(("bull-put",), 2.0), (("bull-call",), 0.5), (("bull-put", "bull-call"), {"credit": 2.0, "debit": 0.5})],
)
def test_the_stop_of_a_screen_is_a_number(run, chain_file, kinds, stop):
    chosen = [part for kind in kinds for part in ("--kind", kind)]
    market = ("--source", chain_file, "--as-of", "2026-03-02", "--dte", "28:50", "--top", "50")
    record = run("vertical", *chosen, *market, "--format", "json").json
    assert {candidate["strategy"] for candidate in record["candidates"]} == set(kinds)
    assert record["exits"]["stop"] == stop
    off = run("vertical", *chosen, *market, "--stop", "off", "--format", "json").json
    assert off["exits"]["stop"] is None
