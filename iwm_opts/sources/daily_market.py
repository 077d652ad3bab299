"""A market as a backtest reads it: expirations to choose a package from, and quotes to mark it by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TICK, Provenance
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest.state import Days, Surface
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS
from iwm_opts.market.contract import Settlement
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.spreads.entry_rule import EntryRule

if TYPE_CHECKING:
    from iwm_opts.sources.surface_days import SurfaceDays

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

NO_SURFACE: Final = Surface(np.empty(0), np.append(np.zeros(SPREAD_TERMS), TICK))
QUOTED, BY_SMILE, CARRIED = 0, 1, 2  # where a mark comes from; carried from the day before where there is nothing


class Series(NamedTuple):
    """Options of one root and expiration."""

    root: str
    expiration: date


@dataclass(frozen=True, slots=True, eq=False)
class ExpirationQuotes:
    """Quotes of one series on one day, from which a package is chosen; arrays of shape (n,), NaN where unknown."""

    series: Series
    dte: int
    spot: float
    right: Array  # +1 call, -1 put
    strike: Array
    bid: Array
    ask: Array
    delta: Array


class Request(NamedTuple):
    """Options of one series to be marked; arrays of shape (n,)."""

    series: Series
    right: Array
    strike: Array


class Marks(NamedTuple):
    """Quotes of the options asked for, and where each comes from; arrays of shape (n,)."""

    bid: Array
    ask: Array
    origin: Places  # QUOTED, BY_SMILE or CARRIED; the last has NaN quotes


class Terms(NamedTuple):
    """Inputs of a series' prices at one moment; NaN where unknown."""

    years: float  # to expiry, ACT/365
    forward: float  # dollars, net of the dividends that go ex before expiry
    discount: float  # today's price of a dollar at expiry


class PackageRows(NamedTuple):
    """n packages of equal legs to be marked on m rows, a row a package and day."""

    legs: Legs
    days: Days  # of the market
    series: tuple[Series, ...]  # shape (n,)
    is_physical: Flags  # delivers shares, and so is assigned early; shape (n,)
    owner: Places  # package of each row, shape (m,)
    place: Places  # day of each row, shape (m,)
    strike: Array  # shape (legs, m)


class PackageQuotes(NamedTuple):
    """Marks of package rows."""

    bid: Array  # shape (legs, m)
    ask: Array
    marks: Places  # as `kernels.backtest.state.State.marks`, shape (3, m)


class Packages(NamedTuple):
    """Packages chosen on given quotes, and what marks them."""

    strike: Array  # ascending, shape (n, legs)
    quote: Callable[[PackageRows], PackageQuotes]


class Candidates(NamedTuple):
    """Days with an expiration to choose a package from, n of them, and the packages where they are chosen at once."""

    place: Places  # of the day, shape (n,)
    series: tuple[Series, ...]  # nearest to the wanted time, shape (n,)
    surface_row: Places  # of the day and expiration in the surface, -1 where quotes are given; shape (n,)
    ladder_offset: Places  # the listed strikes of i are ladder[ladder_offset[i]:ladder_offset[i + 1]]; shape (n + 1,)
    ladder: Array
    packages: Packages | None = None  # None: the day loop chooses and marks by the surface


class DailyMarket(Protocol):
    """Days of a market as the engine reads them; `place` counts them from zero."""

    @property
    def name(self) -> str:
        """Name in output."""

    @property
    def provenance(self) -> Provenance:
        """Source of its quotes."""

    @property
    def surface_days(self) -> "SurfaceDays | None":
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
