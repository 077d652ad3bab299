"""Yahoo through yfinance: option chains, bars, dividends and volatility indices."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io.age import DELAY, now, with_age
from iwm_opts.io.http import LATER, LiveSession
from iwm_opts.io.mapping import thread_pool
from iwm_opts.market.calendar import NEW_YORK, session_hours
from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import check_symbol, parse_occ, settlement_of, underlying_of

ADDRESS_VARIABLE: Final = "IWM_OPTS_YAHOO_URL"
DATA_PATHS: Final = ("/v7/finance/", "/v8/finance/")
WORKERS: Final = 4  # requests at a time
INDICES: Final = ("RVX", "VIX", "VIX9D", "VIX3M", "IRX", "RUT", "SPX")  # written ^RVX at Yahoo
FIRST_BAR: Final = date(1999, 1, 4)
REACH: Final = {"1m": 7, "5m": 59, "15m": 59, "1h": 729}  # days back that Yahoo answers for; asked for more it refuses
SETTLED: Final = timedelta(minutes=20)  # after the close the day's bar is complete
COLUMNS: Final = {
    "bid": "bid", "ask": "ask", "lastPrice": "last", "volume": "volume", "openInterest": "open_interest",
    "impliedVolatility": "implied_volatility",
}  # fmt: skip
BAR_COLUMNS: Final = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Adj Close": "adjusted_close", "Volume": "volume",
    "Dividends": "dividend",
}  # fmt: skip
Progress = Callable[[int, int], None]


def yahoo_session(base: str | None = None) -> LiveSession:
    """Session with Yahoo, or with what IWM_OPTS_YAHOO_URL puts in its place."""
    return LiveSession("Yahoo", base or os.environ.get(ADDRESS_VARIABLE), data_paths=DATA_PATHS, renewable=True)


def yahoo_chain(
    symbol: str,
    session: LiveSession,
    spot: float | None = None,
    expirations: tuple[date, date] | None = None,
    progress: Progress | None = None,
    at: datetime | None = None,
) -> Chain:
    """Chain of a symbol, of all expirations or of those in a window, both ends included.

    It is stamped with the time of the underlying's price, the only one that Yahoo states. `spot` goes over Yahoo's
    price, `progress` is called with (expirations read, expirations), and `at` is the aware time of the request; now
    unless given. Raises DataError when Yahoo does not answer, lists no options of the symbol, answers for another, or
    shows no market.
    """
    name = f"Yahoo options of {symbol}"
    with _answers(name):
        ticker = _yfinance().Ticker(_spelled(symbol), session=session)
        first = ticker.option_chain()  # the nearest expiration, and which others there are
        days = list(ticker.options)
    if not days or first.calls is None:
        raise DataError(name, "it lists none", "check `symbol`", "expiration")
    earliest, latest = expirations or (date.min, date.max)
    within = [day for day in days if earliest <= date.fromisoformat(day) <= latest]
    if not within:
        rule = f"no expiration from {earliest} to {latest}"
        raise DataError(name, rule, f"listed are {days[0]} to {days[-1]}", "expiration")
    parts = {days[0]: first}
    missing = [day for day in within if day not in parts]
    with thread_pool(WORKERS) as pool:
        futures = {pool.submit(ticker.option_chain, day): day for day in missing}
        for done, future in enumerate(as_completed(futures), 1 + len(within) - len(missing)):
            with _answers(name):
                parts[futures[future]] = future.result()  # the first that fails fails the chain
            if progress:
                progress(done, len(within))
    sides = [side for day in within for side in (parts[day].calls, parts[day].puts)]
    tables = [side for side in sides if side is not None and len(side)]
    return _chain(symbol, name, first.underlying, tables, spot, at or now())


def yahoo_bars(symbol: str, session: LiveSession, start: date | None = None, interval: str = "1d") -> pd.DataFrame:
    """Bars of a symbol, complete ones only, of an interval of 1d, 1m, 5m, 15m or 1h.

    RVX, VIX and the like are found as ^RVX and ^VIX. The first day is by default, and of intraday bars at most, all
    there is (of minutes the last week). Dates are the index (New York times of intraday bars); columns open, high, low,
    close, adjusted_close, volume and dividend, dollars a share adjusted for splits, indices in points. Raises DataError
    when Yahoo does not answer or has none.
    """
    name = f"Yahoo bars of {symbol}"
    daily = interval == "1d"
    earliest = FIRST_BAR if daily else now().date() - timedelta(days=REACH[interval])
    start = max(start, earliest) if start else earliest
    with _answers(name):
        ticker = _yfinance().Ticker(_spelled(symbol), session=session)
        table = ticker.history(start=start.isoformat(), interval=interval, auto_adjust=False, actions=True)
    if table.empty:
        raise DataError(name, f"it has none since {start}", "check the symbol", "rows")
    bars = table[[column for column in BAR_COLUMNS if column in table]].rename(columns=BAR_COLUMNS).astype(float)
    times = pd.DatetimeIndex(table.index).tz_convert(NEW_YORK).tz_localize(None)
    bars = bars.set_axis(pd.DatetimeIndex(times.normalize() if daily else times, name="date" if daily else "time"))
    bars = bars[bars["close"].notna()]
    if bars.empty:
        raise DataError(name, f"none since {start} has a close", LATER, "close")
    last, moment = bars.index[-1].date(), now()
    is_going_on = daily and last == moment.date() and moment < session_hours(last)[1] + SETTLED
    complete: pd.DataFrame = bars.iloc[:-1] if is_going_on else bars
    return complete


def yahoo_dividends(bars: pd.DataFrame) -> pd.DataFrame:
    """Cash dividends that came with the bars: `amount`, dollars a share, by ex-date."""
    paid = bars.loc[bars["dividend"] > 0.0, ["dividend"]].rename(columns={"dividend": "amount"})
    return paid.rename_axis("ex_date")


@cache
def _yfinance() -> Any:
    """Return the module yfinance, imported at first use, set to raise its errors silently."""
    import yfinance

    yfinance.config.debug.hide_exceptions = False
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    return yfinance


@contextmanager
def _answers(name: str) -> Iterator[None]:
    """Whatever yfinance makes of an answer that it cannot read is an error of the source."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # its own exceptions, curl's, and a KeyError or TypeError out of its parsers
        reason = " ".join(str(error).split())[:160] or "no reason given"
        raise DataError(name, f"no usable answer ({type(error).__name__}: {reason})", LATER, "answer") from error


def _spelled(symbol: str) -> str:
    check_symbol(symbol)
    is_index = symbol in INDICES or settlement_of(symbol).delivery == "cash"
    return f"^{symbol}" if is_index else symbol


def _chain(
    symbol: str, name: str, underlying: dict[str, Any], parts: list[pd.DataFrame], spot: float | None, at: datetime
) -> Chain:
    if not parts:
        raise DataError(name, "no contract in any expiration", LATER, "rows")
    with _answers(name):
        table = pd.concat(parts, ignore_index=True)
        contracts = [parse_occ(str(text)) for text in table["contractSymbol"]]
        rows = pd.DataFrame({role: table[name].astype(np.float64) for name, role in COLUMNS.items()})
        rows["expiration"] = pd.to_datetime([contract.expiration for contract in contracts])
        for role in ("root", "right", "strike"):
            rows[role] = [getattr(contract, role) for contract in contracts]
        rows["last_trade"] = pd.to_datetime(table["lastTradeDate"], utc=True).dt.tz_convert(NEW_YORK)
        stamp = datetime.fromtimestamp(float(underlying["regularMarketTime"]), UTC).astimezone(NEW_YORK)
        price = float(underlying["regularMarketPrice"])
        delay = timedelta(minutes=float(underlying.get("exchangeDataDelayedBy") or 0))
    symbols = {underlying_of(root) for root in rows["root"].unique()}
    if symbol not in symbols:
        raise DataError(name, f"it answered with {', '.join(sorted(symbols))}", "check `symbol`", "symbol")
    rows["underlying_price"] = price
    rows["quote_date"], rows["quote_time"] = pd.Timestamp(stamp.date()), pd.Timestamp(stamp)
    newest = rows["last_trade"].max()
    chain = make_chain(
        rows,
        symbol=symbol,
        source=name,
        spot=spot,
        newest_trade=None if pd.isna(newest) else newest.to_pydatetime(),
        notes=("time of the quotes: that of the underlying's price, the only one Yahoo states",),
        delay=min(max(delay, timedelta(0)), DELAY),
    )
    return with_age(chain, at)
