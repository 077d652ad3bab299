"""Small simulated markets that the tests of results share."""

from datetime import date

import pytest

from iwm_opts.backtest.breakeven import repriced
from iwm_opts.backtest.engine import backtest, prepare, run
from iwm_opts.backtest.rules import EntryRule, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import Pooled, Trial, mean_gain
from iwm_opts.markets.simulated import simulate_market

SMALL_RULES = Rules(
    EntryRule(dte=30, max_open=4), GateRule(below=40, lookback=20), ExitRule(profit=0.5, dte=10), SizeRule(contracts=1)
)


@pytest.fixture(scope="session")
def small_rules():
    return SMALL_RULES


def small_trial(seed, path=0):
    market = simulate_market(date(2023, 1, 3), date(2023, 10, 31), seed=seed, path=path)
    return Trial(SimulatedDays(market, date(2023, 2, 15)), market.iv_history(10), path)


@pytest.fixture(scope="session")
def small_trials():
    """Two paths of nine months."""
    return [small_trial(5, path) for path in range(2)]


def gain(trial, scale=1.0):
    one = repriced(trial, scale)
    return mean_gain([backtest(one.market, one.history, SMALL_RULES)])


@pytest.fixture(scope="session")
def kind_trial():
    """A path on which the small rules gained, whatever the calibration."""
    return next(one for one in map(small_trial, range(1, 60)) if gain(one) > 3.0)


@pytest.fixture(scope="session")
def fair_trial():
    """A path on which the small rules lost without a premium and gained with three times as much."""
    return next(one for one in map(small_trial, range(1, 60)) if gain(one, 0.0) < -3.0 and gain(one, 3.0) > 3.0)


@pytest.fixture(scope="session")
def small_result(small_trials):
    results = [run(prepare(one.market, one.history, SMALL_RULES)) for one in small_trials]
    return Pooled(tuple(results), tuple(small_trials))
