"""Backtests of a history in several files."""

import json

import pandas as pd

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
