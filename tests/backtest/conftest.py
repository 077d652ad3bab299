"""Chains of several days made of a known smile, with scipy alone, and small simulated markets."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from iwm_opts.backtest.breakeven import repriced
from iwm_opts.backtest.engine import backtest, prepare, run
from iwm_opts.backtest.rules import EntryRule, ExitRule, GateRule, Rules, SizeRule
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import PooledResult, Trial, package_gains
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


def gain(trial, scale=1.0):
    one = repriced(trial, scale)
    return float(package_gains(backtest(one.market, one.history, SMALL_RULES).trades).mean())


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
    return PooledResult(tuple(results), tuple(small_trials))
