"""Chains of several days made of a known smile, with scipy alone, and small simulated markets."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.rules import EntryRule, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.conventions import DAYS_PER_YEAR, SESSIONS_PER_YEAR
from iwm_opts.simulation.dynamics import priced_variance
from iwm_opts.sources.simulated import simulate_market

RATE = 0.03
SMALL_RULES = Rules(
    EntryRule(dte=30, max_open=4), GateRule(below=40, lookback=20), ExitRule(profit=0.5, dte=10), SizeRule(contracts=1)
)


def made_day(
    day: date, spot: float, expirations: Iterable[date], vol: float = 0.2, half: float = 0.03, root: str = "XSP"
) -> pd.DataFrame:
    """Quotes at the close of a day: European, no dividends, strikes two dollars apart, a skewed smile."""
    frames = []
    for expiration in expirations:
        years = max((expiration - day).days, 0.2) / 365.0
        strike = np.arange(0.75 * spot // 2 * 2, 1.25 * spot, 2.0)
        forward, discount = spot * np.exp(RATE * years), np.exp(-RATE * years)
        stdev = (vol - 0.25 * np.log(strike / forward)) * np.sqrt(years)
        d1 = np.log(forward / strike) / stdev + stdev / 2
        for right, sign in (("C", 1), ("P", -1)):
            value = discount * sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - stdev)))
            bid = np.maximum(np.floor((value - half) * 100 + 0.5) / 100, 0.0)
            ask = np.maximum(np.ceil((value + half) * 100 - 0.5) / 100, bid + 0.01)
            rows = {"strike": strike, "bid": bid, "ask": ask, "right": right, "value": value}
            frames.append(pd.DataFrame(rows).assign(expiration=expiration))
    quotes = pd.concat(frames, ignore_index=True)
    return quotes.assign(
        quote_date=day,
        underlying_symbol=root,
        root=root,
        underlying_price=spot,
        quote_time=f"{day} 16:00:00",
    )


@pytest.fixture(scope="session")
def made_day_quotes() -> Callable[..., pd.DataFrame]:
    return made_day


@pytest.fixture
def chain_of(tmp_path: Path) -> Callable[..., Path]:
    """Write days of quotes to one chain file."""

    def save(*days: pd.DataFrame, name: str = "chains.csv.gz") -> Path:
        path = tmp_path / name
        pd.concat(days).drop(columns="value", errors="ignore").to_csv(path, index=False)
        return path

    return save


@pytest.fixture
def bars_of(tmp_path: Path) -> Callable[..., Path]:
    """Write daily bars, given as day: (open, high, low, close)."""

    def save(bars: dict[date, tuple[float, float, float, float]]) -> Path:
        path = tmp_path / "bars.csv"
        table = pd.DataFrame.from_dict(bars, orient="index", columns=["open", "high", "low", "close"])
        table.to_csv(path, index_label="date")
        return path

    return save


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
    return Trial(SimulatedDays(market, date(2023, 2, 15)), market.iv_history(10), path)


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
    return Trial(SimulatedDays(moved, trial.market.first), moved.iv_history(10), trial.path)


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
