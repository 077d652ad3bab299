"""What a market gives a backtest: expirations to choose a package from, and quotes to mark it by."""

from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import TICK
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.backtest.state import Days, Surface
from iwm_opts.kernels.simulation.quote import SPREAD_TERMS

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

NO_SURFACE: Final = Surface(np.empty(0), np.append(np.zeros(SPREAD_TERMS), TICK))
QUOTED, BY_SMILE, CARRIED = 0, 1, 2  # where a mark comes from; carried from the day before where there is nothing


class Series(NamedTuple):
    """Options of one root and expiration."""

    root: str
    expiration: date


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
