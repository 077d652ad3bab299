"""Backtests of a history in several files."""

import json

import pandas as pd
import pytest

import iwm_opts as iwm


def test_several_files_are_one_history(run, tmp_path):
    written = run("simulate", "--days", "16", "--seed", "12", "--first", "2026-05-15", "--max-dte", "45",
                  "--workers", "1", "--output", "market")  # fmt: skip
    assert written.code == 0
    (chains,) = tmp_path.glob("market/path-0/chains-*.parquet")
    rows, whole = pd.read_parquet(chains), "whole.parquet"
    rows.to_parquet(whole)  # away from the bars beside it
    is_early = pd.to_datetime(rows["quote_date"]) < "2026-05-28"
    rows[is_early].to_parquet("early.parquet")
    rows[~is_early].to_parquet("late.parquet")
    market, of_both = iwm.recorded_market(whole), iwm.recorded_market(["early.parquet", "late.parquet"])
    assert list(of_both.days) == list(market.days)
    assert len(market.days) == 16
    options = (
        "--no-gate",
        "--dte",
        "30",
        "--exit-dte",
        "10",
        "--contracts",
        "1",
        "--ivr-lookback",
        "5",
        "--format",
        "json",
    )
    one, two = (
        json.loads(run("backtest", *sources, *options).out)
        for sources in (("--source", whole), ("--source", "early.parquet", "--source", "late.parquet"))
    )
    assert two["trades"] == one["trades"] != []
    for beside in ("sim", "modelled", "archive"):
        refused = run("backtest", "--source", "early.parquet", "--source", beside)
        assert refused.code == 2
        assert beside in refused.err


@pytest.fixture
def daily(run, tmp_path):
    """One file a day of a simulated market, and the days."""
    run("simulate", "--days", "8", "--seed", "12", "--first", "2026-05-15", "--max-dte", "45", "--workers", "1",
        "--output", "market")  # fmt: skip
    (chains,) = tmp_path.glob("market/path-0/chains-*.parquet")
    rows = pd.read_parquet(chains)
    (tmp_path / "daily").mkdir()
    days = rows.groupby(pd.to_datetime(rows["quote_date"]).dt.strftime("%Y-%m-%d"))
    for day, of_day in days:
        of_day.to_parquet(tmp_path / "daily" / f"chain-{day}.parquet")
    return [str(day) for day in days.groups]


@pytest.mark.parametrize("sources", [("daily",), ("daily/*.parquet",), None])
def test_chains_of_many_days_have_an_own_rank(run, daily, sources):
    names = sources or [f"daily/chain-{day}.parquet" for day in daily]
    options = [word for name in names for word in ("--source", name)]
    shown = run("ivr", *options, "--ivr-lookback", "5", "--format", "json").json
    values = [iwm.read_chain(f"daily/chain-{day}.parquet").iv10 for day in daily]
    window = values[-6:-1]  # strictly before the day of the chain
    assert shown["chain_iv"]["iv10"] == pytest.approx(values[-1])
    assert shown["iv"]["value_date"] == daily[-2]
    assert shown["iv"]["rank"] == pytest.approx(
        100.0 * (window[-1] - min(window)) / (max(window) - min(window)), abs=1e-6
    )
    past = run("ivr", *options, "--ivr-lookback", "5", "--as-of", daily[-2], "--format", "json").json
    assert past["iv"]["value_date"] == daily[-3]


def test_a_day_is_taken_from_the_file_that_holds_it(run, daily):
    on_day = ("--as-of", daily[3], "--format", "json")
    alone = run("condor", "--source", f"daily/chain-{daily[3]}.parquet", *on_day).json
    assert run("condor", "--source", "daily", *on_day).json == alone
    missing = run("condor", "--source", "daily", "--as-of", "2026-05-16")
    assert missing.code == 1
    assert daily[0] in missing.err
    for beside in ("sim", "auto", "archive"):
        assert run("condor", "--source", "daily", "--source", beside).code == 2
    recorded = run("snapshot", "--source", "daily", "--format", "json").json
    assert recorded["as_of"] == daily[-1]
