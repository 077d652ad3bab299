import math

import pandas as pd
import pytest

from iwm_opts.journal.compliance import PlanRules
from iwm_opts.journal.review import realised_equity, review
from iwm_opts.journal.trade_log import log_of_rows
from tests.refusals import refused, shows


def trade(entry, left, pnl, **other):
    # 100 shares, no fees: a debit of 1 - pnl / 100 makes the pnl.
    return {
        "entry": entry,
        "exit": left,
        "contracts": 1,
        "credit": 1.0,
        "debit": 1.0 - pnl / 100,
        "risk": 400.0,
        **other,
    }


LOG = log_of_rows(
    [
        trade("2026-01-05", "2026-01-20", 60.0, fees=0.0, entry_model=1.02, exit_model=0.38, model_fees=0.0),
        trade("2026-01-12", "2026-01-27", -90.0),
        trade("2026-01-19", "2026-02-03", -30.0, entry_mid=1.05, exit_mid=1.25),
        trade("2026-02-09", "2026-02-17", 40.0),
        trade("2026-02-23", None, 0.0),
    ],
    "mine",
)


def test_months_by_hand():
    found = review(LOG, account=1_000.0)
    january, february = found.months
    assert (january.name, january.metrics.trades, february.metrics.trades) == ("2026-01", 2, 2)
    assert january.metrics.win_rate == 0.5
    assert january.metrics.average_gain == pytest.approx(60.0)
    assert january.metrics.average_loss == pytest.approx(-90.0)
    assert january.metrics.expectancy == pytest.approx(-15.0)
    # 1,060 after the first, 970 after the second: 90 of 1,060 lost.
    assert january.metrics.max_drawdown.share == pytest.approx(-90 / 1_060)
    # February begins at 970: 940, then 980.
    assert february.metrics.max_drawdown.share == pytest.approx(-30 / 970)
    assert found.whole.metrics.losing_run == 2
    assert found.whole.metrics.losing_run_loss == pytest.approx(-120.0)
    assert found.whole.metrics.max_drawdown.share == pytest.approx(-120 / 1_060)
    assert found.whole.metrics.pnl == pytest.approx(-20.0)
    assert found.whole.metrics.trades == 4  # the open one is not in it


def test_costs_by_hand():
    found = review(LOG).whole.costs
    assert found.fill_cost == pytest.approx(2.0 + 2.0)  # 1.02 less 1.00 in, 0.40 less 0.38 out
    assert found.slippage == pytest.approx(5.0 + 5.0)
    assert (found.known_fills, found.known_slippage) == (1, 1)
    assert math.isnan(review(log_of_rows([trade("2026-01-05", "2026-01-20", 60.0)], "mine")).whole.costs.fill_cost)


def test_equity_moves_when_a_trade_is_closed():
    equity = realised_equity(LOG.closed, 1_000.0)
    assert equity.loc["2026-01-16", "equity"] == 1_000.0
    assert equity.loc["2026-01-20", "equity"] == 1_060.0
    assert equity.loc["2026-01-26", ["open_risk", "positions"]].tolist() == [800.0, 2]
    assert equity["equity"].iloc[-1] == 980.0
    assert equity["positions"].iloc[-1] == 0


def test_an_expiration_on_a_saturday_counts_to_friday():
    log = log_of_rows([trade("2013-01-07", "2013-01-19", 10.0)], "mine")
    equity = realised_equity(log.closed, 100.0)
    assert equity.index[-1] == pd.Timestamp("2013-01-18")
    assert equity["equity"].iloc[-1] == 110.0


def test_the_plan_gives_account_and_name():
    found = review(LOG, PlanRules("condors", account=20_000.0))
    assert (found.plan, found.account) == ("condors", 20_000.0)


def test_trades_of_other_plans_are_left_out_and_counted():
    log = log_of_rows([trade("2026-01-05", "2026-01-20", 60.0, plan=name) for name in ("condors", "", "dips")], "mine")
    found = review(log, PlanRules("condors"))
    assert found.whole.metrics.trades == 2
    assert shows(found.log.notes, "1 trade", "plans")
    assert review(log).whole.metrics.trades == 3
    with refused("plan", "condors", "mine", "dips"):
        review(log_of_rows([trade("2026-01-05", "2026-01-20", 60.0, plan="dips")], "mine"), PlanRules("condors"))


def test_each_account_starts_afresh_and_is_sized_by_its_own_equity():
    won = trade("2026-01-05", "2026-01-20", 10_000.0, market="broker, account A")
    later = [trade("2026-02-02", "2026-02-10", 50.0, market=f"broker, account {name}") for name in "AB"]
    found = review(log_of_rows([won, *later], "mine"), PlanRules(risk_share=0.04), account=10_000.0)
    assert found.account == 20_000.0
    assert any(shows(note, "2 accounts", "with $10,000") for note in found.log.notes)
    # 4% of the 20,000 that A had by then allow twice its 400 at risk, of B's 10,000 just these.
    by_account = found.diagnosis.trades.set_index(["market", "entry"])["oversize"]
    assert by_account["broker, account A", "2026-02-02"].item() == pytest.approx(-0.5)
    assert by_account["broker, account B", "2026-02-02"].item() == pytest.approx(0.0)


def test_an_account_that_is_given_sizes_what_the_plan_allows():
    found = review(LOG, PlanRules("condors", risk_share=0.02, account=20_000.0), account=40_000.0)
    first = found.diagnosis.trades.sort_values("entry").iloc[0]
    assert first["oversize"] == pytest.approx(400.0 / (0.02 * 40_000.0) - 1.0)
