"""Protocol of a market as a backtest reads it."""

from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import Provenance
from iwm_opts.kernels.backtest.state import Surface
from iwm_opts.market.contract import Settlement
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.sources.daily_quotes import Candidates, Series, Terms
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.spreads.entry_rule import EntryRule

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class DailyMarket(Protocol):
    """Days of a market as the engine reads them; `place` counts them from zero."""

    @property
    def name(self) -> str:
        """Name in output."""

    @property
    def provenance(self) -> Provenance:
        """Source of its quotes."""

    @property
    def surface_days(self) -> SurfaceDays | None:
        """These days where a surface prices them; None where quotes are given."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Gaps and estimates that a result rests on."""

    @property
    def days(self) -> tuple[date, ...]:
        """Sessions with quotes, ascending."""

    @property
    def digest(self) -> str:
        """Digest of all that its quotes come from: equal for equal quotes."""

    @property
    def quoted_days(self) -> int:
        """Number of days up to the last with quotes; days behind it have bars alone and settle what expires."""

    @property
    def opened(self) -> Array:
        """Opening prices of the underlying, shape (days,); NaN where unknown, as in the next three."""

    @property
    def high(self) -> Array:
        """Daily highs."""

    @property
    def low(self) -> Array:
        """Daily lows."""

    @property
    def spot(self) -> Array:
        """Price of the underlying at the time of the quotes."""

    @property
    def dividends(self) -> DividendSchedule:
        """Cash dividends of the underlying by ex-date, as they were paid; empty where none is known."""

    @property
    def companions(self) -> dict[str, pd.DataFrame] | None:
        """Daily bars of the funds simulated with the underlying; None where funds are of files."""

    def settlement(self, root: str) -> Settlement:
        """Settlement rule of a root on this market."""

    def settlement_price(self, series: Series) -> float:
        """Price that a series settles at on the last session up to its expiration; NaN where it is unknown."""

    def terms(self, place: int, series: Series) -> Terms:
        """Time, forward and discount of a series: inputs of early exercise and greeks."""

    def surface(self) -> Surface:
        """Coefficients by expiration, then day, of a market priced by an SSVI surface; else empty."""

    def entries(self, rule: EntryRule, allowed: Flags | None) -> Candidates:
        """Expirations, or packages, of an entry rule on the days that are allowed, all but the last unless given."""
