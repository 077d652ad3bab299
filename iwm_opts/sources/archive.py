"""Recorded chains as a market: the user's own captures, on any day that has one."""

from typing import Final

from iwm_opts.errors import InputError
from iwm_opts.io.archive_iv import TENORS
from iwm_opts.io.selection import clean_symbol
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.recorded_market import capture_time, recorded_market
from iwm_opts.sources.source import DayRequest, MarketPath, Source, SpanRequest

ARCHIVE_NAMES: Final = frozenset({"archive", "record"})  # as a source


class ArchiveSource(Source):
    """The local store of the user's own captures."""

    def __init__(self, name: str = "archive") -> None:
        self.name = name

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Archive on a day, its last unless given; see `Source`."""
        if request.spot is not None:
            raise InputError("spot", request.spot, "the record holds the spot of its chains", "leave it out")
        market = recorded_market(clean_symbol(request.symbol or DEFAULT_SYMBOL))
        chain = market.chain(request.as_of or market.days[-1], capture_time(request.session))
        tenor = request.tenor_days if request.tenor_days in TENORS else TENORS[0]
        history, notes = market.ranked_history(chain.as_of, tenor, request.lookback)
        ranked = history if len(history.last(1, chain.as_of)) else None
        exercise = EXERCISE_OF_MODELS if chain.simulated else None
        return MarketOnDay(chain, market.dividends, ranked, (*market.record.set_aside, *notes), exercise=exercise)

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """All captures, one a day; a fetched index is the proxy for an own history that is too short; see `Source`."""
        from iwm_opts.sources.recorded_files import archive_days, ranked_path  # a screen needs no panel

        archive = recorded_market(clean_symbol(request.symbol or DEFAULT_SYMBOL))
        market = archive_days(archive, request)
        if request.ranked is not None:
            return (ranked_path(market, request),)
        return (MarketPath(market, archive.ranked_history(market.days[-1], request.tenor_days, request.lookback)[0]),)
