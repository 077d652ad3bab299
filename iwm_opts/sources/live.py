"""The market now: a chain from Yahoo or Cboe, and the histories that go with it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from iwm_opts.errors import DataError, InputError
from iwm_opts.io.age import now
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.archive_iv import TENORS, recorded_iv_history
from iwm_opts.io.archive_series import recorded_dividends, recorded_index
from iwm_opts.io.iv_history import KNOWN_SERIES
from iwm_opts.io.selection import clean_symbol
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, STAND_INS, MarketOnDay, is_long_enough
from iwm_opts.sources.registry import open_source
from iwm_opts.sources.source import DayRequest, MarketPath, OneCapture, Source, SpanRequest

if TYPE_CHECKING:
    from iwm_opts.sources.feeds import Feed

Answer = TypeVar("Answer")
Progress = Callable[[int, int], None]
LIVE: Final = {"yahoo": "Yahoo", "cboe": "Cboe"}  # in the order that `auto` asks them
INDEX_DAYS: Final = 1.6  # calendar days a session, so that a lookback fits


def open_feed(name: str) -> "AbstractContextManager[Feed]":
    """Feed of a name, `yahoo` or `cboe`."""
    from iwm_opts.sources.feeds import FEEDS  # with the HTTP client, which files and simulation do not need

    return FEEDS[name]()


def live_chain(name: str, symbol: str, spot: float | None = None, progress: Progress | None = None) -> Chain:
    """Full chain of a symbol now, from `yahoo` or `cboe`.

    Raises
    ------
    DataError
        When the source fails; it is named, and no other is asked.
    """
    with open_feed(name) as source:
        return source.chain(symbol, spot, progress)


def first_answer(source: str, ask: Callable[[str], Answer]) -> Answer:
    """Answer of the named source; for `auto` of the first live source that answers.

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
    raise DataError("no live source", "; ".join(reasons), "name a chain file with `source` PATH")


class LiveSource(OneCapture):
    """The present market of one vendor: chain, dividends, and the IV history that a rank can use."""

    def __init__(self, name: str) -> None:
        self.name = name  # a key of `LIVE`

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Market now; see `Source`."""
        vendor, as_of = LIVE[self.name], request.as_of
        if request.session is not None:
            raise InputError("session", request.session, f"{vendor} shows only the present", "leave it out")
        check_not_past(vendor, as_of)
        symbol = clean_symbol(request.symbol or DEFAULT_SYMBOL)
        record, warnings = open_record(), list[str]()
        with open_feed(self.name) as feed:
            chain = feed.chain(symbol, request.spot, request.on_progress)
            if as_of not in (None, chain.as_of):
                raise DataError(
                    vendor, f"shows quotes of {chain.as_of}, not of {as_of}", "leave out `as_of`", "quote_date"
                )
            tenor, lookback = request.tenor_days, request.lookback
            history = _history(feed, vendor, record, symbol, chain.as_of, tenor, lookback, warnings)
            try:
                dividends = recorded_dividends(record, symbol) or feed.dividends(symbol)
            except DataError as error:
                dividends = None
                warnings.append(f"no dividends ({error})")
        return MarketOnDay(chain, dividends, history, (*record.set_aside, *warnings))


class AutoSource(Source):
    """The first live source that answers, else the simulated market with the reasons as a warning."""

    is_drawn = ranks_own = True

    def __init__(self, name: str = "auto") -> None:
        self.name = name

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Market now, or the simulated one; see `Source`."""
        try:
            check_not_past("no live source", request.as_of)
            return first_answer("auto", lambda name: LiveSource(name).on_day(request))
        except DataError as failure:
            try:
                market = open_source("sim").on_day(request)
            except InputError as error:  # of another symbol: then the live sources' failure is the answer
                remedy = f"the simulated market cannot replace it ({error})"
                raise DataError(failure.source, failure.rule, remedy, failure.field) from None
            return replace(market, warnings=(f"the market shown is simulated: {failure}",))

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """Paths of the simulated market: no live source has a history; see `Source`."""
        return open_source("sim").over_days(request)


def check_not_past(name: str, as_of: date | None) -> None:
    """Raise for a day that no live source can show."""
    if as_of is not None and as_of != latest_session(now().date()):
        raise DataError(
            name, f"only the present is live, not {as_of}", "take `source` record or a chain file", "quote_date"
        )


def _history(
    source: "Feed",
    name: str,
    record: ChainArchive,
    symbol: str,
    day: date,
    tenor_days: int,
    lookback: int,
    warnings: list[str],
) -> IvHistory | None:
    """Return the archive's own IV once it is long enough, else a proxy index; never spliced."""
    recorded_iv = recorded_iv_history(record, symbol, tenor_days if tenor_days in TENORS else TENORS[0])
    if is_long_enough(recorded_iv, day, lookback):
        return recorded_iv
    index = STAND_INS.get(symbol)
    if index is None:
        return recorded_iv if len(recorded_iv.last(1, day)) else None
    try:
        closes = source.closes(index, day - timedelta(days=int(lookback * INDEX_DAYS) + 30))
    except DataError as error:
        recorded = recorded_index(record, index, symbol, tenor_days)
        instead = "using the one fetched before" if recorded else "give `iv_history`"
        warnings.append(f"no {index} to rank in ({error}): {instead}")
        return recorded
    series = KNOWN_SERIES[index]
    note = f"{index}: {series.what}, proxy for {symbol}'s own IV{tenor_days}, from {name}"
    return IvHistory(index, series.tenor_days, closes / 100.0, proxy=True, note=note)  # published in points
