"""Chain files as a source: recorded chains, and those of a model that `simulate` or `snapshot` wrote."""

from dataclasses import dataclass

from iwm_opts.io.history_files import chain_of_day
from iwm_opts.io.provenance import origin_of
from iwm_opts.sources.on_day import EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.source import MarketRequest


@dataclass(frozen=True, slots=True)
class FileSource:
    """A chain file, a folder or a glob, or several of them."""

    paths: str | tuple[str, ...]

    def on_day(self, request: MarketRequest) -> MarketOnDay:
        """One capture of the files; see `Source`."""
        paths = (self.paths,) if isinstance(self.paths, str) else self.paths
        chain, file, skipped = chain_of_day(paths, request.symbol, request.as_of, request.session, request.spot)
        if not chain.simulated:
            return MarketOnDay(chain, None, None, skipped)
        return MarketOnDay(chain, None, None, skipped, origin_of(file).rate, EXERCISE_OF_MODELS)
