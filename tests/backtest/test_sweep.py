import math
from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.engine import backtest
from iwm_opts.backtest.rule_table import RuleTable
from iwm_opts.backtest.rules import Costs, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.sweep import summarise, sweep
from iwm_opts.execution.fills import FillModel
from iwm_opts.kernels.backtest.codes import Summary
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule
from iwm_opts.spreads.legs import Wing


@pytest.fixture(scope="module")
def stage():
    market = simulate_market(date(2022, 11, 1), date(2023, 6, 30), seed=10)
    return SurfaceDays(market, date(2023, 1, 10)), market.iv_history(10)


GRID = [
    Rules(
        EntryRule(dte=dte, put_delta=delta, put_wing=wing, max_open=most, weekdays=days),
        GateRule(below=below, lookback=lookback),
        ExitRule(profit=profit, dte=7),
        SizeRule(contracts=1 if most == 2 else None, risk_share=0.03),
        Costs(exit=FillModel.parse(fill)),
    )
    for dte, delta, wing, most, days, (below, lookback), profit, fill in product(
        (21, 35), (0.1, 0.2), (Wing(width=5.0), Wing(delta=0.05)), (2, 4), ((), ("mon", "thu")),
        ((40.0, 20), (80.0, 20), (None, 15)), (0.25, 0.5), ("natural", "fraction:0.5"),
    )
]  # fmt: skip


def test_each_row_is_the_backtest_of_its_rules(stage):
    table = sweep(*stage, GRID, threads=2)
    assert len(table) == len(GRID) == 384
    for place in range(0, len(GRID), 37):
        one = backtest(*stage, GRID[place])
        row, trades, equity = table.iloc[place], one.trades, one.equity["equity"]
        assert row["trades"] == len(trades) > 0
        for name in ("pnl", "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment"):
            assert row[name] == pytest.approx(trades[name].sum(), abs=1e-6)
        assert row["win_rate"] == pytest.approx((trades["pnl"] > 0).mean())
        assert row["equity"] == pytest.approx(equity.iloc[-1])
        changes = np.diff(equity, prepend=one.rules.size.account)
        assert row["sharpe"] == pytest.approx(np.sqrt(252) * changes.mean() / changes.std())
        peak = np.maximum.accumulate(np.append(one.rules.size.account, equity))[1:]
        assert row["max_drawdown"] == pytest.approx(((peak - equity) / peak).max())
        assert row["mean_days"] == pytest.approx(trades["days"].mean())


def test_threads_and_order_change_nothing(stage):
    heard = []
    one = sweep(*stage, GRID, threads=1)
    many = sweep(*stage, GRID[::-1], threads=5, on_progress=heard.append)
    pd.testing.assert_frame_equal(one, many.iloc[::-1].reset_index(drop=True), check_exact=True)
    assert heard[-1] == len(GRID)
    assert heard == sorted(heard)


def test_rules_that_never_trade_have_no_figures(stage):
    table = sweep(*stage, [replace(GRID[0], gate=GateRule(below=-1.0, lookback=20))])
    assert table["trades"].tolist() == [0]
    assert table[["win_rate", "mean_pnl", "profit_factor", "sharpe"]].isna().all(axis=None)


def test_a_sample_of_a_large_grid_of_exits_is_single_backtests(stage):
    """Exits looked up in a table are those that a backtest of its own searches: day, price and reason."""
    base, draw = replace(GRID[0], gate=GateRule(below=80.0, lookback=20)), np.random.default_rng(4)
    nan = math.nan
    grid = list(
        product(
            [nan, *np.linspace(0.1, 0.9, 17)], [nan, *np.linspace(0.2, 3.0, 17)], [0.0, 1.0], [nan, 1.0, 7.0, 14.0],
            [nan, 2.0, 8.0, 15.0], [nan, 50.0, 90.0], [0.0, 1.0],
        )
    )  # fmt: skip
    exits = np.array(grid)
    table = RuleTable((base,), np.zeros(len(exits), dtype=np.int64), exits)
    equity = np.empty((len(exits), len(stage[0].days)))
    summary = summarise(*stage, table, threads=2, equity=equity)
    assert len(exits) == 62_208
    assert len(np.unique(equity, axis=0)) > 500
    reasons = set()
    for place in draw.choice(len(exits), 60, replace=False):
        one = backtest(*stage, table[place])
        reasons |= set(one.trades["reason"])
        np.testing.assert_array_equal(equity[place], one.equity["equity"])
        assert summary[place, Summary.PNL] == pytest.approx(one.trades["pnl"].sum(), abs=1e-6)
        assert summary[place, Summary.TRADES] == len(one.trades)
        assert summary[place, Summary.FEES] == pytest.approx(one.trades["fees"].sum(), abs=1e-6)
    assert len(reasons) >= 6


def test_digests_are_equal_exactly_where_every_day_is(stage):
    rules = [replace(GRID[0], exit=replace(GRID[0].exit, profit=profit)) for profit in np.linspace(0.2, 0.6, 200)]
    equity = np.empty((len(rules), len(stage[0].days)))
    summary = summarise(*stage, RuleTable.of(rules), threads=1, equity=equity)
    digests = summary[:, [Summary.DIGEST_LOW, Summary.DIGEST_HIGH]]
    _, by_digest = np.unique(digests, axis=0, return_inverse=True)
    _, by_day = np.unique(equity, axis=0, return_inverse=True)
    assert len(set(zip(by_digest, by_day, strict=True))) == len(set(by_day)) == len(set(by_digest)) > 3
    never = summarise(*stage, RuleTable.of([replace(GRID[0], gate=GateRule(below=-1.0, lookback=20))]))
    assert never[0, -2:].tolist() == [0.0, 0.0]
