import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

DATA_VARIABLE = "IWM_OPTS_TEST_DATA"
BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data"

AS_OF = date(2026, 3, 2)  # a Monday
EXPIRATIONS = (date(2026, 3, 20), date(2026, 4, 2), date(2026, 4, 17))
SPOT, RATE = 200.0, 0.04


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Folder of real market data; the tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get(DATA_VARIABLE, BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"no market data: set {DATA_VARIABLE} to a folder that holds it")
    return folder


def _skewed(k: np.ndarray) -> np.ndarray:
    """A smile of an index fund: 22% at the money, 10 points a unit of log-moneyness dearer below."""
    return 0.22 - 0.25 * k + 0.3 * k**2


@pytest.fixture(scope="session")
def made_quotes() -> Callable[..., pd.DataFrame]:
    """Canonical quotes made of a known smile with scipy alone: European, rate 4%, no dividends, taken at the close."""

    def make(vol: Callable[[np.ndarray], np.ndarray] = _skewed, half_spread: float = 0.02) -> pd.DataFrame:
        frames = []
        for expiration in EXPIRATIONS:
            years = (expiration - AS_OF).days / 365.0
            if AS_OF < date(2026, 3, 8) <= expiration:
                years -= 1.0 / 24.0 / 365.0  # clocks go forward in between
            strike = np.arange(150.0, 251.0)
            forward, discount = SPOT * np.exp(RATE * years), np.exp(-RATE * years)
            stdev = vol(np.log(strike / forward)) * np.sqrt(years)
            d1 = np.log(forward / strike) / stdev + stdev / 2
            for right, sign in (("C", 1), ("P", -1)):
                value = discount * sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - stdev)))
                bid = np.maximum(np.floor((value - half_spread) * 100 + 0.5) / 100, 0.0)
                ask = np.maximum(np.ceil((value + half_spread) * 100 - 0.5) / 100, bid + 0.01)
                frames.append(
                    pd.DataFrame({"strike": strike, "bid": bid, "ask": ask, "right": right, "expiration": expiration})
                )
        quotes = pd.concat(frames, ignore_index=True)
        return quotes.assign(
            quote_date=AS_OF,
            underlying_symbol="IWM",
            underlying_price=SPOT,
            open_interest=1000.0,
            quote_time=pd.Timestamp(AS_OF).tz_localize("America/New_York") + pd.Timedelta(hours=16),
        )

    return make
