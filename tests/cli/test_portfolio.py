"""`backtest` with several plans."""

import pytest

from tests.refusals import shows

PLAN = """
version = 1
name = "{name}"
edge = "mean-reversion"
horizon = "swing"
instrument = "{instrument}"

[account]
value = 50000
risk = "1%"

[checklist]
minimum = 1
criteria = ["calm"]
"""


@pytest.fixture
def files(tmp_path):
    for name, instrument in (("dips", "shares"), ("calls", "options")):
        (tmp_path / f"{name}.toml").write_text(PLAN.format(name=name, instrument=instrument))
    return ("--plan", tmp_path / "dips.toml", "--plan", tmp_path / "calls.toml")


def test_two_plans_share_an_account(run, files):
    arguments = ("backtest", *files, "--source", "sim", "--seed", 7, "--from", "2026-01-02", "--to", "2026-06-30")
    result = run(*arguments, "--account", 100_000, "--max-open-risk", "1.5%", "--format", "json").json
    assert (result["account"], result["plans"]) == (100_000, ["dips", "calls"])
    periods = {row["period"] for row in result["periods"]}
    assert len(periods) == 4  # three of stress, and the days given
    for period in periods:
        *plans, account = [row for row in result["periods"] if row["period"] == period]
        assert account["plan"] == ""
        for figure in ("trades", "refused"):
            assert account[figure] == sum(plan[figure] for plan in plans)
        for figure in ("pnl", "drawdown_pnl"):
            assert account[figure] == pytest.approx(sum(plan[figure] for plan in plans), abs=0.005)
    assert sum(row["refused"] for row in result["periods"]) > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stop", 2), "--stop has no effect here: the plan files define the trade"),
        (("--max-net-delta", 0), "max-net-delta"),
        (("--max-net-delta", "50%", "--stop", 2), "--stop has no effect here"),
    ],
)
def test_refusals(run, files, arguments, words):
    failed = run("backtest", *files, "--source", "sim", *arguments)
    assert failed.code in (1, 2)
    assert words in failed.err


def test_shared_limits_need_several_plans(run, files):
    failed = run("backtest", *files[:2], "--source", "sim", "--max-net-delta", 0.5)
    assert shows(failed.err, "--max-net-delta is", "plans")
