from datetime import date

import numpy as np
import pandas as pd
import pytest

from iwm_opts.backtest.metrics import Period
from iwm_opts.journal.plan_log import log_of_plan
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import write_log
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import make_usual_plan
from iwm_opts.plans.plan_backtest import Stage
from iwm_opts.plans.runner import backtest_plan

DAYS = pd.DatetimeIndex(sessions(date(2024, 1, 2), date(2024, 12, 31)), name="date").as_unit("us")
PLAN = make_usual_plan(
    "mean-reversion",
    macro={"enabled": False},
    checklist={"minimum": 1, "criteria": ["stretch"]},
    costs={"share_slippage": 0.05},
)


def result(steps, dividend=None):
    close = 100.0 * np.cumprod(1.0 + steps)
    opened = np.concatenate([[100.0], close[:-1]])
    bars = pd.DataFrame(
        {"open": opened, "high": np.maximum(opened, close) + 0.5, "low": np.minimum(opened, close) - 0.5,
         "close": close}, index=DAYS[: len(steps)],
    )  # fmt: skip
    if dividend is not None:
        bars["dividend"] = dividend
    stage = Stage(Period("whole range", DAYS[0].date(), bars.index[-1].date()), Inputs(bars, {}, None))
    return backtest_plan(PLAN, [], [stage])


@pytest.fixture
def falls_and_rises():
    steps = np.full(120, 0.002)
    for at in (40, 70, 100):
        steps[at : at + 3] = -0.012
        steps[at + 4 : at + 8] = 0.012 if at != 70 else -0.012
    return steps


def test_a_share_trade_adds_up_from_its_prices(falls_and_rises, tmp_path):
    dividend = np.zeros(len(falls_and_rises))
    dividend[44] = 0.30  # the session after the first entry
    run = result(falls_and_rises, dividend)
    log = log_of_plan(run)
    assert len(log.trades) == len(run.ranges[0].trades) >= 3
    first = log.trades.iloc[0]
    assert (first["plan"], first["strategy"], first["multiplier"], first["legs"]) == (PLAN.name, "shares", 1, "")
    assert first["entry"].strftime("%H:%M") == "09:30"
    shares = first["contracts"]
    assert first["settlement"] == pytest.approx(0.30 * shares)
    assert first["pnl"] == pytest.approx(shares * (first["credit"] - first["debit"] + 0.30))
    # Bought at the open and five cents: the price before slippage is a credit five cents higher.
    bought = run.ranges[0].trades["entry_price"].iloc[0]
    assert (first["credit"], first["entry_mid"]) == (pytest.approx(-bought), pytest.approx(0.05 - bought))
    slipped = shares * (first["entry_mid"] - first["credit"] + first["debit"] - first["exit_mid"])
    assert slipped == pytest.approx(run.ranges[0].trades["slippage"].iloc[0])
    assert log.trades["pnl"].sum() == pytest.approx(run.ranges[0].metrics.pnl)
    write_log(log, tmp_path / "trades.csv")
    again = read_log(tmp_path / "trades.csv")
    assert not again.problems
    pd.testing.assert_frame_equal(again.trades, log.trades, check_dtype=False)


def test_a_target_is_a_resting_order_and_slips_nothing(falls_and_rises):
    trades = log_of_plan(result(falls_and_rises)).trades
    by_reason = trades.groupby("reason")[["debit", "exit_mid"]].first()
    assert by_reason.loc["target", "debit"] == pytest.approx(by_reason.loc["target", "exit_mid"])
    assert by_reason.loc["stop", "debit"] - by_reason.loc["stop", "exit_mid"] == pytest.approx(0.05)


def test_a_plan_without_a_trade_is_a_log_without_one():
    log = log_of_plan(result(np.full(60, 0.001)))
    assert log.trades.empty
    assert "settlement" in log.trades
