import numpy as np
import pandas as pd
import pytest

import iwm_opts as iwm
from tests.refusals import refused, shows

FEW = {"years": 1, "histories": 400}


@pytest.fixture(scope="module")
def result():
    market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=2, seed=5)
    return iwm.backtest(market, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=2))


def test_a_result_its_folder_and_its_daily_pnl_agree(result, tmp_path):
    from_result = iwm.montecarlo(result, **FEW)
    result.save(tmp_path / "saved")
    from_folder = iwm.montecarlo(tmp_path / "saved", **FEW)
    assert from_folder.outcome == from_result.outcome
    assert from_folder.source.label
    one = iwm.backtest(iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5), result_rules())
    daily = one.equity["equity"].diff().fillna(one.equity["equity"].iloc[0] - 50_000.0)
    by_day = iwm.montecarlo(daily, account=50_000, block=10, **FEW)
    assert by_day.to_frame().equals(iwm.montecarlo(one, block=10, **FEW).to_frame())


def result_rules():
    return iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=2)


def test_size_one_is_the_record(result):
    outcome = iwm.montecarlo(result, **FEW)
    assert outcome.source.contracts == 2.0
    assert outcome.source.risk == pytest.approx(result.trades["risk"].mean() / 50_000.0)
    assert not outcome.outcome.is_compounded
    record = outcome.to_dict()
    assert [row["size"] for row in record["sizes"]] == [0.5, 1.0, 2.0]
    assert record["record"]["sessions"] == len(result.equity)


def test_equity_sized_rules_compound():
    market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5)
    result = iwm.backtest(market, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, risk=0.02))
    assert iwm.montecarlo(result, **FEW).outcome.is_compounded
    assert not iwm.montecarlo(result, sizing="fixed", **FEW).outcome.is_compounded


def test_a_log_is_resampled_by_its_sessions(tmp_path):
    entry = pd.bdate_range("2025-01-06", periods=40, freq="5B")
    trades = pd.DataFrame({"entry": entry, "exit": entry + pd.Timedelta(days=14), "contracts": 1})
    trades["pnl"], trades["risk"] = np.where(np.arange(40) % 4 == 3, -300.0, 120.0), 400.0
    trades.to_csv(tmp_path / "trades.csv", index=False)
    outcome = iwm.montecarlo(tmp_path / "trades.csv", account=20_000, **FEW)
    assert outcome.source.risk == pytest.approx(0.02)
    assert outcome.outcome.worst_day == pytest.approx(-300.0 / 20_000.0)
    assert shows(outcome.source.notes, "booked", "exit")
    assert outcome.outcome.block >= 20  # 14 days are 10 sessions


def test_an_unknown_sizing_is_refused():
    with refused("sizing", "half"):
        iwm.montecarlo(pd.Series(np.zeros(30)), sizing="half")
