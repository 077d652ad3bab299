"""Small simulated markets that the tests of results share."""

from datetime import date

import pytest

from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.rules import EntryRule, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import Pooled, Trial
from iwm_opts.markets.simulated import simulate_market

SMALL_RULES = Rules(
    EntryRule(dte=30, max_open=4), GateRule(below=40, lookback=20), ExitRule(profit=0.5, dte=10), SizeRule(contracts=1)
)


@pytest.fixture(scope="session")
def small_rules():
    return SMALL_RULES


@pytest.fixture(scope="session")
def small_trials():
    """Two paths of nine months."""
    found = []
    for path in range(2):
        market = simulate_market(date(2023, 1, 3), date(2023, 10, 31), seed=5, path=path)
        found.append(Trial(SimulatedDays(market, date(2023, 2, 15)), market.iv_history(10), path))
    return found


@pytest.fixture(scope="session")
def small_result(small_trials):
    results = [run(prepare(one.market, one.history, SMALL_RULES)) for one in small_trials]
    return Pooled(tuple(results), tuple(small_trials))
