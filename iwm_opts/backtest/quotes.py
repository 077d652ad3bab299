"""What a market gives a backtest: expirations to choose a package from, and quotes to mark it by."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

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
    origin: NDArray[np.int64]  # QUOTED, BY_SMILE or CARRIED; the last has NaN quotes


class Terms(NamedTuple):
    """Inputs of a series' prices at one moment; NaN where unknown."""

    years: float  # to expiry, ACT/365
    forward: float  # dollars, net of the dividends that go ex before expiry
    discount: float  # today's price of a dollar at expiry


class Candidates(NamedTuple):
    """Days with an expiration to choose a package from, n of them, and the package where it is chosen at once."""

    place: Places  # of the day, shape (n,)
    series: tuple[Series, ...]  # nearest to the wanted time, shape (n,)
    surface_row: Places  # of the day and expiration in the surface, -1 where quotes are given; shape (n,)
    ladder_offset: Places  # the listed strikes of i are ladder[ladder_offset[i]:ladder_offset[i + 1]]; shape (n + 1,)
    ladder: Array
    strike: Array | None = None  # of each package, ascending, shape (n, legs); None: the day loop chooses
