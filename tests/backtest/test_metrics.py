"""Figures worked by hand on a ledger small enough to check with a pencil."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.backtest.metrics import Period, drawdown, independent_trades, measure, tail_mean
from iwm_opts.backtest.periods import by_calendar, by_period
from tests.refusals import refused

ACCOUNT = 10_000.0
# entry, exit, P&L, risk, sessions, days
LEDGER = (
    ("2024-01-02", "2024-01-04", 100.0, 400.0, 2, 2),
    ("2024-01-03", "2024-01-05", -50.0, 400.0, 2, 2),
    ("2024-01-05", "2024-01-09", -150.0, 500.0, 2, 4),
    ("2024-02-01", "2024-02-02", 40.0, 400.0, 1, 1),
)
EQUITY = {
    "2024-01-02": (10_000, 400, 1),
    "2024-01-03": (10_060, 800, 2),
    "2024-01-04": (10_100, 400, 1),
    "2024-01-05": (10_050, 500, 1),
    "2024-01-08": (9_850, 500, 1),
    "2024-01-09": (9_900, 0, 0),
    "2024-02-01": (9_900, 400, 1),
    "2024-02-02": (9_940, 0, 0),
}


def trades(rows=LEDGER):
    table = pd.DataFrame(rows, columns=["entry", "exit", "pnl", "risk", "sessions", "days"])
    return table.assign(entry=pd.to_datetime(table["entry"]), exit=pd.to_datetime(table["exit"]))


def equity(days=EQUITY):
    table = pd.DataFrame(days, index=["equity", "open_risk", "positions"]).T.astype(float)
    return table.set_axis(pd.DatetimeIndex(list(days)))


def test_the_ledger_by_hand():
    found = measure(trades(), equity(), ACCOUNT)
    assert (found.trades, found.sessions, found.paths) == (4, 8, 1)
    assert found.pnl == -60.0
    assert found.total_return == pytest.approx(-0.006)
    assert found.annual_return == pytest.approx(0.994 ** (252 / 8) - 1)
    assert found.risk_capital == 800.0
    assert found.total_return_on_risk == pytest.approx(-60 / 800)
    assert found.annual_return_on_risk == pytest.approx(-60 / 800 * 252 / 8)
    assert found.return_on_risk_in_use == pytest.approx(252 * -60 / 3000)
    assert found.win_rate == 0.5
    assert (found.average_gain, found.average_loss) == (70.0, -100.0)
    assert found.gain_loss_ratio == pytest.approx(0.7)
    assert found.expectancy == -15.0
    assert found.expectancy_on_risk == pytest.approx((0.25 - 0.125 - 0.3 + 0.1) / 4)
    assert found.profit_factor == pytest.approx(140 / 200)
    assert (found.average_sessions, found.average_days) == (1.75, 2.25)
    assert (found.losing_run, found.losing_run_loss) == (2, -200.0)
    assert found.cvar == -150.0  # five per cent of four trades is a part of the worst one
    assert found.exposure == pytest.approx(6 / 8)


def test_the_drawdown_is_measured_from_its_peak_to_the_end():
    found = measure(trades(), equity(), ACCOUNT).max_drawdown
    assert (found.dollars, found.sessions, found.is_recovered) == (
        -250.0,
        5,
        False,
    )  # 10,100 on the 4th, 9,850 on the 8th
    assert found.share == pytest.approx(-250 / 10_100)


def test_a_drawdown_that_is_made_good_ends_there():
    found = drawdown(pd.Series([110.0, 99.0, 104.0, 110.0, 108.0]), 100.0)
    assert (found.dollars, found.sessions, found.is_recovered) == (-11.0, 3, True)
    assert found.share == pytest.approx(-0.1)


def test_sharpe_and_sortino_by_the_textbook():
    level = np.array([10_000, 10_000, 10_060, 10_100, 10_050, 9_850, 9_900, 9_900, 9_940.0])
    daily = level[1:] / level[:-1] - 1
    found = measure(trades(), equity(), ACCOUNT)
    assert found.sharpe == pytest.approx(daily.mean() / np.std(daily, ddof=1) * math.sqrt(252))
    below = math.sqrt(sum(r**2 for r in daily if r < 0) / 8)
    assert found.sortino == pytest.approx(daily.mean() / below * math.sqrt(252))


def test_without_trades_nothing_is_known_and_nothing_fails():
    flat = equity({"2024-01-02": (10_000, 0, 0), "2024-01-03": (10_000, 0, 0)})
    found = measure(trades(()), flat, ACCOUNT)
    assert (found.trades, found.pnl, found.exposure, found.losing_run) == (0, 0.0, 0.0, 0)
    for name in ("win_rate", "expectancy", "profit_factor", "cvar", "sharpe", "sortino", "annual_return_on_risk"):
        assert math.isnan(getattr(found, name)), name
    assert independent_trades(trades(())) == 0.0


def test_one_winning_trade_has_no_losses_to_compare_with():
    found = measure(trades(LEDGER[:1]), equity(), ACCOUNT)
    assert found.expectancy == 100.0
    assert found.profit_factor == math.inf
    assert math.isnan(found.average_loss)
    assert math.isnan(found.gain_loss_ratio)


def test_two_paths_are_averaged_and_the_deeper_drawdown_stands():
    second = equity({day: (10_000 + 10 * i, 100, 1) for i, day in enumerate(EQUITY)})
    both = pd.concat([equity().assign(path=0), second.assign(path=1)])
    found = measure(pd.concat([trades().assign(path=0), trades(LEDGER[:1]).assign(path=1)]), both, ACCOUNT)
    assert (found.paths, found.trades, found.sessions) == (2, 5, 8)
    assert found.pnl == pytest.approx((-60 + 70) / 2)
    assert found.max_drawdown.dollars == -250.0
    assert found.risk_capital == 450.0
    assert found.losing_run == 2


def test_months_split_the_money_by_day_and_the_trades_by_entry():
    found = by_calendar(trades(), equity(), ACCOUNT, "month")
    assert found.index.to_list() == ["2024-01", "2024-02"]
    assert found["trades"].to_list() == [3, 1]
    assert found["pnl"].to_list() == [-100.0, 40.0]
    assert found["return"].to_list() == pytest.approx([-0.01, 40 / 9_900])
    assert found["expectancy"].to_list() == pytest.approx([-100 / 3, 40.0])
    assert found["max_drawdown"].to_list() == pytest.approx([-250 / 10_100, 0.0])
    assert by_calendar(trades(), equity(), ACCOUNT)["pnl"].to_list() == [-60.0]
    with refused("unit", "decade", "year, month"):
        by_calendar(trades(), equity(), ACCOUNT, "decade")


def test_a_period_outside_the_data_is_empty():
    found = by_period(trades(), equity(), ACCOUNT, [Period("then", date(1999, 1, 1), date(1999, 12, 31))])
    assert found.loc["then", "trades"] == 0
    assert math.isnan(found.loc["then", "pnl"])


def test_overlapping_trades_count_for_less():
    # Alone: 1. Two side by side: 1/2 each. Mon-Wed and Tue-Thu share one of their two sessions: 3/4 each.
    assert independent_trades(trades(LEDGER[3:])) == 1.0
    assert independent_trades(trades((LEDGER[0], LEDGER[0]))) == 1.0
    pair = (("2024-01-08", "2024-01-10", 1.0, 1.0, 2, 2), ("2024-01-09", "2024-01-11", 1.0, 1.0, 2, 2))
    assert independent_trades(trades(pair)) == pytest.approx(1.5)


def test_expected_shortfall_of_a_known_sample():
    # Worst 5% of 30 values are one and a half of them: (-10 + 0.5 x -8) / 1.5.
    assert tail_mean(np.array([-10.0, -8.0] + [1.0] * 28), 0.05) == pytest.approx(-14 / 1.5)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=80), st.floats(0.01, 1.0))
def test_a_tail_is_no_better_than_the_whole_and_no_worse_than_the_worst(values, share):
    found = tail_mean(np.array(values), share)
    assert min(values) - 1e-6 <= found <= np.mean(values) + 1e-6


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), min_size=1, max_size=30))
def test_independent_trades_lie_between_one_and_all(spans):
    start = pd.Timestamp("2024-01-01")
    rows = [(start + pd.Timedelta(days=a), start + pd.Timedelta(days=a + b), 1.0, 1.0, 1, 1) for a, b in spans]
    assert 0.99 <= independent_trades(trades(rows)) <= len(rows) + 1e-9
