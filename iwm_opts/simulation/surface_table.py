"""What quotes follow from, for many days and expirations at once.

One row holds everything of one expiration on one day but the strike: quotes of any of its options are one call of
`kernels.simulation.quote` away. A chain is quoted from the rows of its day, a backtest marks packages from the rows
of ten years.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.kernels.simulation.surface import forwards
from iwm_opts.market.calendar import clocks
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.simulation.listing import FRIDAY, Listings, ranges, starts
from iwm_opts.simulation.parameters import FACTOR_DAYS, Parameters, SpreadModel
from iwm_opts.simulation.surface import SHORT_TENOR, priced_vol, smile_coefficients, total_variances

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOT_BY_ROW: Final = ("day", "spot", "start", "listings")
LONG_TENOR: Final = 90.0 / 365.0  # whose ratio tells stress


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Spot, rate and state at each of n moments, ascending; arrays of shape (n,)."""

    at: tuple[datetime, ...]  # New York, none after the close of its day
    spot: Array
    rate: Array  # continuously compounded, annual
    factors: Array  # shape (n, 6), columns in the order of `State`
    dividends: DividendSchedule
    after_close: bool = False  # quotes captured after the close are wider

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceTable:
    """Surface of n moments at their expirations: arrays of shape (n,) by moment, of shape (rows,) by expiration too.

    The rows of moment i are start[i] to start[i + 1], ascending in expiration; only expirations that have time left
    are there. All arrays are contiguous, writable float64 or int64, as kernels take them.
    """

    day: Places  # ordinal of each moment's date, shape (n,)
    spot: Array  # shape (n,)
    start: Places  # shape (n + 1,)
    expiration: Places  # ordinals, shape (rows,), as in all that follow
    dte: Array  # calendar days
    years: Array
    effective_days: Array
    sessions_left: Places
    forward: Array
    discount: Array
    variance: Array  # model-free, total, as priced
    theta: Array  # total variance at the money
    rho: Array
    phi: Array
    convexity: Array
    widening: Array  # factor on quoted spreads
    listings: Listings  # shape (rows,)

    def __len__(self) -> int:
        return len(self.expiration)

    def rows(self, place: int) -> slice:
        """Rows of one moment."""
        return slice(int(self.start[place]), int(self.start[place + 1]))

    def take(self, places: Places) -> "SurfaceTable":
        """Table of some of its moments, in ascending order."""
        rows = ranges(self.start, places)
        is_kept = np.zeros(len(self), dtype=bool)
        is_kept[rows] = True
        by_row = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name not in NOT_BY_ROW}
        start = starts(self.start[places + 1] - self.start[places])
        listed = self.listings.take(is_kept)
        return SurfaceTable(self.day[places], self.spot[places], start, **by_row, listings=replace(listed, start=start))

    def row(self, place: int, expiration: date) -> int:
        """Row of an expiration at a moment; -1 where it is not there."""
        here = self.rows(place)
        day = expiration.toordinal()
        row = here.start + int(np.searchsorted(self.expiration[here], day))
        return row if row < here.stop and self.expiration[row] == day else -1


def surface_table(parameters: Parameters, moments: Moments, listed: Listings) -> SurfaceTable:
    """Surface at each moment's listed expirations.

    Parameters
    ----------
    parameters : Parameters
    moments : Moments, length n
    listed : Listings
        Expirations of each moment; those that have no time left are left out.

    Returns
    -------
    SurfaceTable
    """
    place = listed.place
    years, effective, remaining = clocks(moments.at, place, listed.expiration)
    live = (years > 0.0) & (effective > 0.0)
    listed, place, years, effective, remaining = (
        listed.take(live),
        place[live],
        years[live],
        effective[live],
        remaining[live],
    )
    start, expiration = listed.start, listed.expiration
    day = np.array([at.date().toordinal() for at in moments.at], dtype=np.int64)
    ex_date = np.array([d.ex_date.toordinal() for d in moments.dividends.dividends], dtype=np.int64)
    amount = np.array([d.amount for d in moments.dividends.dividends], dtype=np.float64)
    forward, discount = np.empty(len(years)), np.empty(len(years))
    forwards(start, day, expiration, years, moments.spot, moments.rate, ex_date, amount, forward, discount)
    variance = total_variances(parameters, moments.factors, start, effective)
    smile = smile_coefficients(parameters, moments.factors, start, variance)
    dte = (expiration - day[place]).astype(np.float64)
    widening = _widening(parameters, moments, place, expiration, dte)
    return SurfaceTable(
        day, moments.spot, start, expiration, dte, years, effective, remaining,
        forward, discount, variance, *smile, widening, listed,
    )  # fmt: skip


def repriced_rows(
    table: SurfaceTable, own: Parameters, parameters: Parameters, moments: Moments, rows: Flags
) -> tuple[Array, Array, Array, Array, Array]:
    """Theta, rho, phi, convexity and widening of some rows of a table under other parameters.

    Parameters
    ----------
    table : SurfaceTable
    own : Parameters
        Those of the table.
    parameters : Parameters
    moments : Moments
        Those of the table.
    rows : ndarray of bool, shape (len(table),)
    """
    listed, factors = table.listings.take(rows), moments.factors
    variance, widening = table.variance[rows], table.widening[rows]
    if replace(parameters, smile=own.smile) != own:
        variance = total_variances(parameters, factors, listed.start, table.effective_days[rows])
        widening = _widening(parameters, moments, listed.place, listed.expiration, table.dte[rows])
    return *smile_coefficients(parameters, factors, listed.start, variance), widening


def _widening(parameters: Parameters, moments: Moments, place: Places, expiration: Places, dte: Array) -> Array:
    factor = expiration_factors(parameters.spread, expiration, dte, moments.after_close)
    return spread_widening(parameters, moments.factors)[place] * factor


def expiration_factors(model: SpreadModel, expiration: Places, dte: Array, after_close: bool) -> Array:
    """Factor on spreads of each expiration by weekday and days left, shape (rows,).

    Parameters
    ----------
    expiration : ndarray of int, shape (rows,)
        Ordinals.
    dte : ndarray, shape (rows,)
        Calendar days.
    """
    friday, other = (model.friday_after_close, model.other_after_close) if after_close else (model.friday, model.other)
    log_days = np.log(np.maximum(dte, 1.0))
    at_friday, at_other = (np.interp(log_days, np.log(FACTOR_DAYS), factors) for factors in (friday, other))
    return np.where((expiration - 1) % 7 == FRIDAY, at_friday, at_other)


def spread_widening(parameters: Parameters, factors: Array) -> Array:
    """Factor on spreads under stress, shape (n,): a power of short implied vol over long.

    In the volatility shock of 2018-02-05 and 06 relative spreads of S&P weeklies widened 3 to 7 times, while 9-day
    implied vol reached about 1.8 times that of three months.

    Parameters
    ----------
    factors : ndarray, shape (n, 6)
        States, columns in the order of `State`.
    """
    model = parameters.spread
    short, long = (priced_vol(parameters, factors, tenor) for tenor in (SHORT_TENOR, LONG_TENOR))
    ratio = np.maximum(short / long / model.stress_start, 1.0)
    return np.asarray(np.minimum(ratio**model.stress_power, model.stress_most))
