"""Downloads of the market now: chain, closes and dividends from Yahoo or Cboe."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol, TypeVar

import pandas as pd

from iwm_opts.io.age import now
from iwm_opts.io.cboe import cboe_chain, cboe_index, cboe_session
from iwm_opts.io.yahoo import yahoo_bars, yahoo_chain, yahoo_dividends, yahoo_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import Dividend, DividendSchedule

Session = TypeVar("Session")
Progress = Callable[[int, int], None]
PAST_DIVIDENDS: Final = timedelta(days=400)  # a year of them is projected


class Feed(Protocol):
    """Downloads from one vendor over one session, and so with one cookie."""

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        """Full chain now."""

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        """Return closes of a volatility index, points."""

    def dividends(self, symbol: str) -> DividendSchedule | None:
        """Dividends of the past year; None where the source has none."""


@dataclass(frozen=True, slots=True)
class _Yahoo:
    session: Any

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        return yahoo_chain(symbol, self.session, spot, progress=progress)

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        return yahoo_bars(index, self.session, start)["close"]

    def dividends(self, symbol: str) -> DividendSchedule | None:
        paid = yahoo_dividends(yahoo_bars(symbol, self.session, now().date() - PAST_DIVIDENDS))
        days = pd.DatetimeIndex(paid.index)
        payments = (Dividend(day.date(), float(amount)) for day, amount in zip(days, paid["amount"], strict=True))
        return DividendSchedule(tuple(sorted(payments)), "Yahoo")


@dataclass(frozen=True, slots=True)
class _Cboe:
    session: Any

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        return cboe_chain(symbol, self.session, spot)

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        closes = cboe_index(index, self.session)["close"]
        return closes[closes.index >= pd.Timestamp(start)]

    def dividends(self, symbol: str) -> DividendSchedule | None:
        return None


@contextmanager
def _opened(opening: AbstractContextManager[Session], feed: Callable[[Session], Feed]) -> Iterator[Feed]:
    with opening as session:
        yield feed(session)


FEEDS: Final[dict[str, Callable[[], AbstractContextManager[Feed]]]] = {
    "yahoo": lambda: _opened(yahoo_session(), _Yahoo),
    "cboe": lambda: _opened(cboe_session(), _Cboe),
}
