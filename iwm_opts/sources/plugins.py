"""Chain sources of other packages: entry points of the group `iwm_opts.sources`.

An entry point names a function of a symbol and a day (None: the newest) that returns one capture as a DataFrame with
the required columns of `conventions.CHAIN_COLUMNS`. `--source NAME` and `read_chain(NAME)` then read it; its quotes
pass the same checks as those of a file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import entry_points
from typing import Final

import pandas as pd

from iwm_opts.market.capture import make_chain
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, MarketOnDay
from iwm_opts.sources.source import MarketRequest

GROUP: Final = "iwm_opts.sources"
SourceFunction = Callable[[str, date | None], pd.DataFrame]


def names() -> tuple[str, ...]:
    """Names of the sources that other packages register."""
    return tuple(sorted(entry_points(group=GROUP).names))


@dataclass(frozen=True, slots=True)
class PluginSource:
    """A source that another package registers."""

    name: str

    def on_day(self, request: MarketRequest) -> MarketOnDay:
        """One capture, checked like a file's; see `Source`."""
        read: SourceFunction = entry_points(group=GROUP)[self.name].load()
        symbol = request.symbol or DEFAULT_SYMBOL
        quotes = read(symbol, request.as_of)
        return MarketOnDay(make_chain(quotes, symbol=symbol, source=self.name, spot=request.spot), None, None)
