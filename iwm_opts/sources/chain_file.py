"""Chain files as a source: recorded chains, and those of a model that `simulate` or `snapshot` wrote."""

from iwm_opts.io.history_files import chain_of_day
from iwm_opts.io.provenance import origin_of
from iwm_opts.sources.on_day import EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.source import DayRequest, MarketPath, Source, SpanRequest


class FileSource(Source):
    """A chain file, a folder or a glob, or several of them."""

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """One capture of the files; see `Source`."""
        chain, file, skipped = chain_of_day(self.paths, request.symbol, request.as_of, request.session, request.spot)
        if not chain.simulated:
            return MarketOnDay(chain, None, None, skipped)
        return MarketOnDay(chain, None, None, skipped, origin_of(file).rate, EXERCISE_OF_MODELS)

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """All captures of the files, one a day; see `Source`."""
        from iwm_opts.sources.recorded_files import ranked_path, recorded_days  # a screen needs no panel

        return (ranked_path(recorded_days(self.paths, request), request),)
