"""A market as a backtest reads it: on each of its days, boards to choose a package from and quotes to mark one by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from iwm_opts.kernels.backtest.book import Surface
from iwm_opts.market.contract import Settlement
from iwm_opts.market.dividends import DividendSchedule

Array = NDArray[np.float64]
Places = NDArray[np.int64]

QUOTED, BY_SMILE, CARRIED = 0, 1, 2  # where a mark comes from; carried from the day before where there is nothing


class Series(NamedTuple):
    """Options of one root and expiration."""

    root: str
    expiration: date


@dataclass(frozen=True, slots=True, eq=False)
class Board:
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
    origin: NDArray[np.int64]  # QUOTED, BY_SMILE or CARRIED; the last has NaN quotes


class Terms(NamedTuple):
    """What the prices of a series rest on at one moment; NaN where unknown."""

    years: float  # to expiry, ACT/365
    forward: float  # dollars, net of the dividends that go ex before expiry
    discount: float  # today's price of a dollar at expiry


class DailyMarket(Protocol):
    """What the engine asks of a market; `place` counts its days from zero."""

    @property
    def name(self) -> str:
        """What output calls it."""

    @property
    def is_simulated(self) -> bool:
        """Whether nobody ever traded here."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before believing a result: gaps, prices that had to be estimated."""

    @property
    def days(self) -> tuple[date, ...]:
        """Sessions with quotes, ascending."""

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
        """Price of the underlying when the quotes stood."""

    @property
    def dividends(self) -> DividendSchedule:
        """Cash dividends of the underlying by ex-date, as they were paid; empty where none is known."""

    def settlement(self, root: str) -> Settlement:
        """How a root settles on this market."""

    def terms(self, place: int, series: Series) -> Terms:
        """Time, forward and discount of a series: what early exercise and greeks are judged by."""

    def board(self, place: int, dte: int, slack: int) -> Board | None:
        """Board of the expiration nearest to `dte` calendar days; None where none lies within `slack` of it."""

    def marks(self, place: int, requests: Sequence[Request]) -> list[Marks]:
        """Quotes of options, one answer a request."""


class Candidates(NamedTuple):
    """The days of a market priced by a surface on which there is an expiration to choose from, n of them."""

    place: Places  # of the day, shape (n,)
    series: tuple[Series, ...]  # nearest to the wanted time, shape (n,)
    surface_row: Places  # of the day and expiration in the surface, shape (n,)
    ladder_offset: Places  # the listed strikes of i are ladder[ladder_offset[i]:ladder_offset[i + 1]]; shape (n + 1,)
    ladder: Array


@runtime_checkable
class SurfacedMarket(Protocol):
    """A `DailyMarket` whose quotes are functions of an SSVI surface, so that kernels mark by it."""

    def surface(self) -> Surface:
        """Coefficients by expiration, then day."""

    def candidates(self, dte: int, slack: int) -> Candidates:
        """Expirations nearest to `dte` calendar days on every day, where one lies within `slack` of it."""


@runtime_checkable
class StatesSettlements(Protocol):
    """A market that knows settlements which the opens and spots of its own days do not say."""

    def settlement_price(self, series: Series) -> float:
        """Price that a series settles at on the last session up to its expiration; NaN where it is not known."""
