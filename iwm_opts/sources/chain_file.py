"""Chain files as a source: recorded chains, and those of a model that `simulate` or `snapshot` wrote."""

from dataclasses import dataclass
from pathlib import Path

from iwm_opts.io.files import load_chain
from iwm_opts.io.provenance import origin_of
from iwm_opts.sources.on_day import EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.source import MarketRequest


@dataclass(frozen=True, slots=True)
class FileSource:
    """One chain file."""

    path: str

    def on_day(self, request: MarketRequest) -> MarketOnDay:
        """One capture of the file; see `Source`."""
        chain = load_chain(
            Path(self.path), symbol=request.symbol, as_of=request.as_of, session=request.session, spot=request.spot
        )
        if not chain.simulated:
            return MarketOnDay(chain, None, None)
        return MarketOnDay(chain, None, None, rate=origin_of(Path(self.path)).rate, exercise=EXERCISE_OF_MODELS)
