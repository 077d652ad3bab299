"""Small simulated markets, and a cluster of two workers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.rules import ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.conventions import DAYS_PER_YEAR, SESSIONS_PER_YEAR
from iwm_opts.simulation.dynamics import priced_variance
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule

SMALL_RULES = Rules(
    EntryRule(dte=30, max_open=4), GateRule(below=40, lookback=20), ExitRule(profit=0.5, dte=10), SizeRule(contracts=1)
)


@pytest.fixture(scope="module")
def client():
    """Client of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def small_rules():
    return SMALL_RULES


def small_trial(seed, path=0):
    market = simulate_market(date(2023, 1, 3), date(2023, 10, 31), seed=seed, path=path)
    return Trial(SurfaceDays(market, date(2023, 2, 15)), market.iv_history(10), path)


@pytest.fixture(scope="session")
def small_trials():
    """Two paths of nine months."""
    return [small_trial(5, path) for path in range(2)]


def trending(trial, pace):
    """Trial whose fund goes up for 15 sessions and down for 15, by `pace` of the priced standard deviation a session.

    What condors gain falls with the pace, whatever the calibration: their strikes are that many deviations away.
    """
    market = trial.market.market
    sessions = len(market.days)
    vol = np.sqrt(priced_variance(market.parameters, market.states, 30 / DAYS_PER_YEAR) / SESSIONS_PER_YEAR)
    returns = np.where(np.arange(sessions) // 15 % 2, -pace, pace) * vol
    closes = (market.parameters.setting.spot * np.exp(np.cumsum(returns))).round(2)
    moved = replace(market, states=replace(market.states, log_return=returns), closes=closes)
    return Trial(SurfaceDays(moved, trial.market.first), moved.iv_history(10), trial.path)


@pytest.fixture(scope="session")
def kind_trials(small_trials):
    """Slow trends, on which the small rules gain."""
    return [trending(trial, 0.2) for trial in small_trials]


@pytest.fixture(scope="session")
def fair_trials(small_trials):
    """Trends on which the small rules lose without a premium and gain with three times as much."""
    return [trending(trial, 0.3) for trial in small_trials]


@pytest.fixture(scope="session")
def small_result(small_trials):
    results = [run(prepare(one.market, one.history, SMALL_RULES)) for one in small_trials]
    return PooledResult(tuple(results), tuple(small_trials))
