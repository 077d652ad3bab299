import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

SPOT = 100.0
STRIKES = (90.0, 95.0, 97.5, 99.0, 100.0, 101.0, 102.5, 105.0, 110.0)
EXPIRATIONS = (date(2024, 6, 7), date(2024, 6, 21))


def _quotes(day: date) -> pd.DataFrame:
    """A market in parity at spot: midpoints are intrinsic value plus a time value that is the same for both rights."""
    rows = []
    for expiration in EXPIRATIONS:
        for strike in STRIKES:
            for right, sign in (("C", 1), ("P", -1)):
                value = max(sign * (SPOT - strike), 0.0) + max(3.0 - 0.25 * abs(strike - SPOT), 0.25)
                rows.append(
                    {
                        "quote_date": day.isoformat(),
                        "underlying_symbol": "IWM",
                        "underlying_price": SPOT,
                        "expiration": expiration.isoformat(),
                        "right": right,
                        "strike": strike,
                        "bid": round(value - 0.05, 2),
                        "ask": round(value + 0.05, 2),
                        "last": round(value, 2),
                        "volume": 10 + int(strike),
                        "open_interest": 100 + int(strike),
                        "implied_volatility": 0.2 + 0.001 * strike,
                        "delta": 0.5 * sign,
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def quotes() -> Callable[..., pd.DataFrame]:
    """Canonical rows of one capture, as strings and numbers; 2024-06-03 is a Monday and a session."""
    return lambda day=date(2024, 6, 3): _quotes(day)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write a frame, text or bytes to a file of that name, gzipped where it says so."""

    def to_file(content: pd.DataFrame | str | bytes, name: str = "chain.csv") -> Path:
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            if ".parquet" in name:
                content.to_parquet(path, index=False)
                return path
            content = content.to_csv(index=False)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return to_file


@pytest.fixture
def quotes_of_day() -> Callable[[date], pd.DataFrame]:
    """Quotes of one day, in canonical columns."""
    return _quotes
