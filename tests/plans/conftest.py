from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.market.calendar import sessions
from iwm_opts.plans.checklist import Inputs


def made_bars(closes: Sequence[float], first: str = "2024-01-02", spread: float = 1.0) -> pd.DataFrame:
    """Bars on the exchange's sessions whose open is the close before."""
    close = np.array(closes, dtype=float)
    days = sessions(pd.Timestamp(first).date(), (pd.Timestamp(first) + pd.Timedelta(days=2 * len(close) + 10)).date())
    opened = np.concatenate([close[:1], close[:-1]])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) + spread / 2,
            "low": np.minimum(opened, close) - spread / 2,
            "close": close,
            "volume": 1e6,
        },
        index=pd.DatetimeIndex(days[: len(close)], name="date"),
    )


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., pd.DataFrame]:
    return made_bars


@pytest.fixture(scope="session")
def wandering() -> Callable[[int, int], Inputs]:
    """Data of a made market: IWM, SPY, KRE, XBI wander together for so many sessions."""

    def make(seed: int, count: int = 320) -> Inputs:
        rng = np.random.default_rng(seed)
        common = 0.012 * rng.standard_normal(count)
        found = {}
        for symbol, beta in (("IWM", 1.0), ("SPY", 0.7), ("KRE", 1.1), ("XBI", 1.0)):
            closes = 100.0 * np.exp(np.cumsum(beta * common + 0.006 * rng.standard_normal(count)))
            found[symbol] = made_bars(closes).assign(volume=rng.uniform(5e5, 2e6, count))
        return Inputs(found.pop("IWM"), found)

    return make


@pytest.fixture(scope="session")
def real(market_data) -> Inputs:
    """The real data from 2005 on."""
    daily = market_data / "daily"
    funds = {symbol: load_bars(daily / f"{symbol}_yahoo_adj_div.csv.gz") for symbol in ("SPY", "KRE", "XBI")}
    return Inputs(
        load_bars(daily / "IWM_yahoo_adj_div.csv.gz"),
        funds,
        load_iv_history(market_data / "vol" / "RVX_History.csv.gz"),
        load_minutes(market_data / "intraday" / "IWM_1m_20191021_20200608.csv.gz"),
    )
