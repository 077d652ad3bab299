"""Chains of several days made of a known smile, with scipy alone."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

RATE = 0.03


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
