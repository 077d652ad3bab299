"""Market sources of other packages: entry points of the group `iwm_opts.sources`.

An entry point names a class of the protocol `Source`, made with the name; or a function of a symbol and a day (None:
the newest) that returns one capture as a DataFrame with the required columns of `conventions.CHAIN_COLUMNS`.
`--source NAME` and `read_chain(NAME)` then open it; quotes pass the same checks as those of a file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import entry_points
from typing import Final

import pandas as pd

from iwm_opts.market.capture import make_chain
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, MarketOnDay
from iwm_opts.sources.source import DayRequest, OneCapture, Source

GROUP: Final = "iwm_opts.sources"


def names() -> tuple[str, ...]:
    """Names of the sources that other packages register."""
    return tuple(sorted(entry_points(group=GROUP).names))


def open_plugin(name: str) -> Source:
    """Source that another package registers."""
    entry = entry_points(group=GROUP)[name].load()
    source: Source = entry(name) if isinstance(entry, type) else CaptureSource(name, entry)
    return source


@dataclass(frozen=True)
class CaptureSource(OneCapture):
    """Captures that a function returns."""

    name: str
    read: Callable[[str, date | None], pd.DataFrame]

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """One capture, checked like a file's; see `Source`."""
        symbol = request.symbol or DEFAULT_SYMBOL
        quotes = self.read(symbol, request.as_of)
        return MarketOnDay(make_chain(quotes, symbol=symbol, source=self.name, spot=request.spot), None, None)
