"""The market now: a chain from Yahoo or Cboe, and the histories that go with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Protocol, TypeVar

import pandas as pd

from iwm_opts.errors import DataError, InputError
from iwm_opts.io.age import now
from iwm_opts.io.archive import Record, open_record
from iwm_opts.io.archive_iv import TENORS, recorded_iv_history
from iwm_opts.io.archive_series import recorded_dividends, recorded_index
from iwm_opts.io.iv_history import KNOWN_SERIES
from iwm_opts.io.selection import clean_symbol
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, STAND_INS, MarketOnDay, is_long_enough

Answer = TypeVar("Answer")
Progress = Callable[[int, int], None]
LIVE: Final = {"yahoo": "Yahoo", "cboe": "Cboe"}  # in the order that `auto` asks them
INDEX_DAYS: Final = 1.6  # calendar days a session, so that a lookback fits
PAST_DIVIDENDS: Final = timedelta(days=400)  # a year of them is projected


class LiveSource(Protocol):
    """What is asked of a live source; one session, and with it one cookie, for all of it."""

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        """Full chain now."""

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        """Closes of a volatility index, points."""

    def dividends(self, symbol: str) -> DividendSchedule | None:
        """Dividends of the past year; None where the source has none to tell."""


@contextmanager
def open_source(name: str) -> Iterator[LiveSource]:
    """The live source of a name, `yahoo` or `cboe`."""
    if name == "yahoo":
        from iwm_opts.io.yahoo import yahoo_session

        with yahoo_session() as session:
            yield _Yahoo(session)
        return
    from iwm_opts.io.cboe import cboe_session

    with cboe_session() as session:
        yield _Cboe(session)


@dataclass(frozen=True, slots=True)
class _Yahoo:
    session: Any

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        from iwm_opts.io.yahoo import yahoo_chain

        return yahoo_chain(symbol, self.session, spot, progress=progress)

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        from iwm_opts.io.yahoo import yahoo_bars

        return yahoo_bars(index, self.session, start)["close"]

    def dividends(self, symbol: str) -> DividendSchedule | None:
        from iwm_opts.io.yahoo import yahoo_bars, yahoo_dividends

        paid = yahoo_dividends(yahoo_bars(symbol, self.session, now().date() - PAST_DIVIDENDS))
        days = pd.DatetimeIndex(paid.index)
        found = (Dividend(day.date(), float(amount)) for day, amount in zip(days, paid["amount"], strict=True))
        return DividendSchedule(tuple(sorted(found)), "Yahoo")


@dataclass(frozen=True, slots=True)
class _Cboe:
    session: Any

    def chain(self, symbol: str, spot: float | None, progress: Progress | None) -> Chain:
        from iwm_opts.io.cboe import cboe_chain

        return cboe_chain(symbol, self.session, spot)

    def closes(self, index: str, start: date) -> "pd.Series[float]":
        from iwm_opts.io.cboe import cboe_index

        closes = cboe_index(index, self.session)["close"]
        return closes[closes.index >= pd.Timestamp(start)]

    def dividends(self, symbol: str) -> DividendSchedule | None:
        return None


def live_chain(name: str, symbol: str, spot: float | None = None, progress: Progress | None = None) -> Chain:
    """Full chain of a symbol now, from `yahoo` or `cboe`.

    Raises
    ------
    DataError
        When the source fails; it is named, and no other is asked.
    """
    with open_source(name) as source:
        return source.chain(symbol, spot, progress)


def first_answer(source: str, ask: Callable[[str], Answer]) -> Answer:
    """What the named source answers; for `auto` the first live source that answers.

    Raises
    ------
    DataError
        When the named source fails; when all fail, with the reason of each.
    """
    if source != "auto":
        return ask(source)
    reasons = []
    for name in LIVE:
        try:
            return ask(name)
        except DataError as error:
            reasons.append(f"{error.source}: {error.rule}")
    raise DataError("no live source", "; ".join(reasons), "name a chain file with --source PATH")


def live_on_day(
    name: str,
    symbol: str | None,
    as_of: date | None,
    session: str | None,
    spot: float | None,
    tenor_days: int,
    lookback: int,
    progress: Progress | None = None,
) -> MarketOnDay:
    """A live source as a market: its chain, dividends, and the IV history that a rank can stand in.

    Raises
    ------
    DataError
        When the source fails, or another day is asked for than it shows.
    InputError
        For a session: there is one, now.
    """
    if session is not None:
        raise InputError("session", session, f"{LIVE[name]} shows only the present", "leave it out")
    refuse_past(LIVE[name], as_of)
    wanted = clean_symbol(symbol or DEFAULT_SYMBOL)
    record, warnings = open_record(), list[str]()
    with open_source(name) as source:
        chain = source.chain(wanted, spot, progress)
        if as_of not in (None, chain.as_of):
            raise DataError(LIVE[name], f"shows quotes of {chain.as_of}, not of {as_of}", "leave out --as-of")
        history = _history(source, LIVE[name], record, wanted, chain.as_of, tenor_days, lookback, warnings)
        dividends = _dividends(source, record, wanted, warnings)
    return MarketOnDay(chain, dividends, history, (*record.set_aside, *warnings))


def refuse_past(name: str, as_of: date | None) -> None:
    """Raise for a day that no live source can show."""
    if as_of is not None and as_of != latest_session(now().date()):
        raise DataError(name, f"only the present is live, not {as_of}", "take --source record or a chain file")


def _history(
    source: LiveSource,
    name: str,
    record: Record,
    symbol: str,
    day: date,
    tenor_days: int,
    lookback: int,
    warnings: list[str],
) -> IvHistory | None:
    """The record's own IV once it is long enough, else the index that stands in; never spliced."""
    own = recorded_iv_history(record, symbol, tenor_days if tenor_days in TENORS else TENORS[0])
    if is_long_enough(own, day, lookback):
        return own
    index = STAND_INS.get(symbol)
    if index is None:
        return own if len(own.last(1, day)) else None
    try:
        closes = source.closes(index, day - timedelta(days=int(lookback * INDEX_DAYS) + 30))
    except DataError as error:
        recorded = recorded_index(record, index, symbol, tenor_days)
        instead = "the one fetched before stands in" if recorded else "give --iv-history"
        warnings.append(f"no {index} to rank in ({error}): {instead}")
        return recorded
    known = KNOWN_SERIES[index]
    note = f"{index}: {known.what} standing in for {symbol}'s own IV{tenor_days}, from {name}"
    return IvHistory(index, known.tenor_days, closes / 100.0, proxy=True, note=note)  # published in points


def _dividends(source: LiveSource, record: Record, symbol: str, warnings: list[str]) -> DividendSchedule | None:
    """What was fetched into the record, else what the source says."""
    try:
        return recorded_dividends(record, symbol) or source.dividends(symbol)
    except DataError as error:
        warnings.append(f"no dividends ({error})")
        return None
