"""The forward record: what snapshots and paper trades log, and its review."""

import pandas as pd
import pytest

import iwm_opts as iwm
from tests.refusals import shows

PLAN = """
version = 1
name = "short holds"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"

[account]
value = 100000
risk = "1%"

[package]
dte = 32
dte_slack = 4
delta = 0.20
width = 5
profit = 0.25
exit_dte = 0
max_sessions = 3

[costs]
fill = "mid"
fees = "custom:0.50"

[checklist]
minimum = 1
criteria = ["calm"]
"""
OUTCOMES = ("day", "expiration", "legs", "credit", "pop", "prob_touch", "prob_target", "expected_profit", "gain")


@pytest.fixture
def chains(run, tmp_path):
    days = ("--days", 7, "--chains", "daily", "--max-dte", 60, "--workers", 1)
    assert run("simulate", "--output", tmp_path / "out", "--seed", 7, *days, "--quiet").code == 0
    return tmp_path / "out" / "path-0" / "chains-2016.parquet"


def rows(record):
    return [tuple(forecast[name] for name in OUTCOMES) for forecast in record["forecasts"]]


def test_the_log_of_snapshots_is_what_the_recorded_chains_give(run, chains):
    quoted = sorted(pd.read_parquet(chains, columns=["quote_date"])["quote_date"].unique())
    days = [f"{pd.Timestamp(day):%Y-%m-%d}" for day in quoted]
    for day in days:
        assert run("snapshot", "--source", chains, "--as-of", day).code == 0
    logged = run("review", "paper", "--calibration", "--format", "json").json
    # On one of the days no expiration lists wings of $5: nothing is forecast.
    screened = [day for day in days if len(iwm.screen(iwm.read_chain(str(chains), as_of=day)))]
    assert [forecast["day"] for forecast in logged["forecasts"]] == screened
    assert len(screened) == 6
    assert {forecast["origin"] for forecast in logged["forecasts"]} == {"snapshot"}
    assert rows(run("review", "archive", "--calibration", "--format", "json").json) == rows(logged)
    of_files = run("review", chains, "--calibration", "--format", "json").json  # priced at the rate that the file names
    assert [row[:4] for row in rows(of_files)] == [row[:4] for row in rows(logged)]
    page = run("review", "paper", "--calibration").out
    assert shows(page, "6 forecasts", "outcome")  # 35 to 55 days, closed at 21
    assert page.startswith("SIMULATED MARKET")


def test_a_plan_is_followed_over_recorded_chains(run, chains, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    record = run("review", chains, "--calibration", "--plan", "plan.toml", "--format", "json").json
    ended = [forecast for forecast in record["forecasts"] if forecast["exit"]]
    assert len(record["forecasts"]) == 7
    assert len(ended) >= 4  # three sessions are held at most
    target = next(each for each in record["reliability"] if each["figure"] == "prob_target")
    stated = [forecast["prob_target"] for forecast in ended]
    reached = [forecast["reason"] == "profit" for forecast in ended]
    squares = [(p - y) ** 2 for p, y in zip(stated, reached, strict=True)]
    assert target["brier"]["estimate"] == pytest.approx(sum(squares) / len(squares))
    assert (target["n"], target["pending"], target["small_sample"]) == (len(ended), 7 - len(ended), True)
    page = run("review", chains, "--calibration", "--plan", "plan.toml").out
    assert "SMALL SAMPLE P50" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_paper_trade_is_logged_with_its_own_exits(run, chain_file, history_file):
    arguments = ("--source", chain_file, "--as-of", "2026-03-02", "--iv-history", history_file, "--dte", "28:50")
    assert run("paper", "open", *arguments, "--profit", "25%", "--contracts", 3).code == 0
    (forecast,) = run("review", "paper", "--calibration", "--format", "json").json["forecasts"]
    screen = run("condor", *arguments, "--profit", "25%", "--format", "json").json["candidates"][0]
    assert forecast["origin"] == "paper"
    assert forecast["pop"] == screen["pop"]
    assert forecast["prob_target"] == screen["managed"]["prob_target"]
    assert forecast["expected_profit"] == screen["managed"]["expected_profit"]
    assert forecast["gain"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper", "--calibration"), "the forward record: holds no forecast of IWM"),
        (("paper", "--calibration", "--account", "5"), "--account has no effect with --calibration"),
        (("paper", "--symbol", "SPY"), "--symbol needs --calibration"),
    ],
)
def test_refusals(run, arguments, words):
    failed = run("review", *arguments)
    assert failed.code in (1, 2)
    assert words in failed.err
