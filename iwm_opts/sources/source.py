"""Protocol of a market source, and the request that it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS
from iwm_opts.errors import InputError
from iwm_opts.sources.on_day import MarketOnDay


@dataclass(frozen=True, slots=True)
class ModelledFiles:
    """Where a modelled market's inputs lie, as a user names them."""

    bars: str | None
    iv_history: str | None
    slope_history: str | None = None
    slope_base: str | None = None
    yields: str | None = None
    rate: float | None = None  # in place of yields
    dividends: str | None = None  # a file, a list, or none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRequest:
    """One symbol's market at one moment.

    Parameters
    ----------
    symbol, as_of, session, spot
        See `io.files.load_chain`; None leaves each to the source.
    seed : int, optional
        Of the simulated market.
    tenor_days, lookback : int
        Of the IV history that a market brings along.
    modelled : ModelledFiles, optional
        Inputs of the modelled market.
    on_progress : callable, optional
        Receives the parts done and their total during a long download.
    """

    symbol: str | None = None
    as_of: date | None = None
    session: str | None = None
    spot: float | None = None
    seed: int | None = None
    tenor_days: int = IVR_TENOR_DAYS
    lookback: int = IVR_LOOKBACK
    modelled: ModelledFiles | None = None
    on_progress: Callable[[int, int], None] | None = None

    def refuse(self, market: str, *names: str) -> None:
        """Raise InputError for the first given field of some that a market does not have."""
        for name in names:
            value = getattr(self, name)
            if value is not None:
                raise InputError(name, value, f"means nothing on the {market}", "leave it out")


class Source(Protocol):
    """One tier of market; constructed with the name that `--source` gives."""

    def __init__(self, name: str) -> None: ...

    def on_day(self, request: MarketRequest) -> MarketOnDay:
        """Market at the moment of a request.

        Raises
        ------
        InputError
            For a field that the source cannot meet, or lacks.
        DataError
            For unreadable or missing data; a named source never falls back to another.
        """
