"""A market whose quotes come from the surface model: a state on each of its days, and everything else follows.

What differs between such markets is where spot and state come from: drawn at random (`sources.simulated`) or found so
that a real volatility index comes back (`sources.modelled`). These quotes were never traded.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import Provenance
from iwm_opts.errors import InputError
from iwm_opts.io.panel_cache import PACKAGE, code_digest, kept_by_inputs
from iwm_opts.market.calendar import at_close
from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.forward import implied_forwards
from iwm_opts.market.iv_index import IvIndex, iv_index
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import Minutes
from iwm_opts.simulation.dynamics import FACTORS, StatePath, generator
from iwm_opts.simulation.index import Strikes, quoted_index
from iwm_opts.simulation.listing import (
    Listing,
    Listings,
    listed_expirations,
    listed_strikes,
    listings,
)
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.quotes import QuotedExpiration, quote_market, quotes_table
from iwm_opts.simulation.surface_table import Moments, SurfaceTable, surface_table

Array = NDArray[np.float64]
Places = NDArray[np.int64]

INDEX_TENORS: Final = (10, 30)
BRACKET: Final = 2  # expirations on either side of a tenor that an index may interpolate between
SETTLING: Final = 10  # sessions beyond the lookback that a history is made for before the first day
TABLE_DTE: Final = 100  # calendar days: farther than any package here is held


@dataclass(frozen=True, eq=False)
class SurfaceMarket(ABC):
    """Spot and state at the close of each of n days; quotes of any of its options follow."""

    name: str  # what output calls it
    parameters: Parameters
    days: tuple[date, ...]  # sessions with quotes, ascending, shape (n,)
    closes: Array  # dollars, net of dividends gone ex, shape (n,)
    states: StatePath
    rates: Array  # continuously compounded, annual, shape (n,)
    dividends: DividendSchedule
    seed: int  # of fields without a model: sizes, open interest, volume
    path: int
    keeps_indices: bool = field(default=False, kw_only=True)  # IV10 and IV30 in the cache, for the next command

    index_note = "index of the market's own quotes"
    has_premium = False  # whether the variance premium in its prices is a parameter

    @property
    def provenance(self) -> Provenance:
        """Source of its quotes."""
        return Provenance.SIMULATED

    @property
    def symbol(self) -> str:
        """Of the underlying."""
        return self.parameters.setting.symbol

    @abstractmethod
    def bars(self, symbol: str | None = None) -> pd.DataFrame:
        """Daily bars of the underlying, or of a companion: open, high, low, close and volume by session.

        Raises
        ------
        InputError
            When the market has no such symbol.
        """

    @property
    def companions(self) -> dict[str, pd.DataFrame] | None:
        """Daily bars of the funds simulated with the underlying; None where funds are of files."""
        return None

    def minutes(self) -> Minutes | None:
        """Bars within each session; None where they are of files."""
        return None

    def chain(self, day: date, after_close: bool = False) -> Chain:
        """Full chain at the close of a day.

        Parameters
        ----------
        day : date
            One of `days`.
        after_close : bool
            Quotes as a capture some minutes after the close shows them: wider.

        Raises
        ------
        InputError
            When the market has no such day.
        """
        return make_chain(
            self.rows(day, after_close),
            symbol=self.symbol,
            source=self.name,
            spot=float(self.closes[self.place(day)]),
            session="after" if after_close else "close",
            simulated=True,
            modelled=self.provenance is Provenance.MODELLED,
        )

    def rows(self, day: date, after_close: bool = False, most_dte: int | None = None) -> pd.DataFrame:
        """Quotes of a day in canonical columns, without the checks that make a chain of them; see `chain`.

        Parameters
        ----------
        most_dte : int, optional
            Calendar days to the farthest expiration; all that are listed unless given.

        Raises
        ------
        InputError
            When none is listed so near.
        """
        place = self.place(day)
        listed = listed_expirations(day)
        if most_dte is not None:
            nearest = min(listing.expiration for listing in listed if listing.expiration > day)
            if (nearest - day).days > most_dte:
                rule = f"no expiration is so near on {day}, the next is {nearest}"
                raise InputError("max_dte", most_dte, rule, f"give {(nearest - day).days} or more")
            listed = tuple(listing for listing in listed if (listing.expiration - day).days <= most_dte)
        quoted = self.quoted(place, listed, after_close)
        rng = generator(self.seed, self.path, "quotes", self._draw(place))
        spot, rate = float(self.closes[place]), float(self.rates[place])
        return quotes_table(quoted, at_close(day), spot, rate, self.symbol, rng)

    def index(self, day: date) -> IvIndex:
        """IV10 and IV30 of a day's closing quotes, by the same code as on a real chain."""
        place = self.place(day)
        quoted = self.quoted(place, bracketing(listings([day]), self.ordinals[[place]]))
        slices = [expiration.as_slice(self.symbol, day) for expiration in quoted]
        return iv_index(slices, implied_forwards(slices, float(self.rates[place]), f"of the {self.name}"))

    def iv_history(self, tenor_days: int = 10, until: date | None = None) -> IvHistory:
        """Return closes of the market's own IV10 or IV30, up to a day.

        Raises
        ------
        InputError
            When the tenor is neither 10 nor 30.
        """
        if tenor_days not in INDEX_TENORS:
            raise InputError("tenor_days", tenor_days, f"not a tenor of the {self.name}", "choose 10 or 30")
        closes = self._indices[f"iv{tenor_days}"]
        if until is not None:
            closes = closes[closes.index <= pd.Timestamp(until)]
        return IvHistory(f"IV{tenor_days}, {self.name}", tenor_days, closes, proxy=False, note=self.index_note)

    def table(self, first: int = 0, last: int | None = None, most_dte: int = TABLE_DTE) -> SurfaceTable:
        """Surface at every listed expiration of a stretch of days.

        Parameters
        ----------
        first, last : int
            Places of the first day and of the last, which is included; all days unless given. The table counts its
            days from `first`.
        most_dte : int
            Calendar days to the farthest expiration.
        """
        stop = len(self.days) if last is None else last + 1
        listed = listings(self.days[first:stop])
        listed = listed.take(listed.expiration <= self.ordinals[first:stop][listed.place] + most_dte)
        return surface_table(self.parameters, self.moments(first, stop), listed)

    def moments(self, first: int, stop: int, after_close: bool = False) -> Moments:
        """Return closes of the days from place `first` to before `stop`."""
        s, here = self.states, slice(first, stop)
        factors = np.column_stack([getattr(s, name)[here] for name in FACTORS])
        at = tuple(at_close(day) for day in self.days[here])
        spot, rate = self.closes[here].copy(), self.rates[here].copy()
        return Moments(at, spot, rate, factors, self.dividends, after_close)

    def quoted(
        self, place: int, listed: Sequence[Listing] | None = None, after_close: bool = False
    ) -> list[QuotedExpiration]:
        """Quotes of expirations at the close of a day, all that are listed unless given."""
        listed = listed_expirations(self.days[place]) if listed is None else listed
        table = surface_table(self.parameters, self.moments(place, place + 1, after_close), Listings.of([listed]))
        return quote_market(self.parameters, table, self.listed_strikes(table.listings, place))

    def strikes(self, place: int, listing: Listing) -> Array:
        """Strikes that an expiration lists on a day, ascending."""
        return self.listed_strikes(Listings.of([[listing]]), place).strike

    def listed_strikes(self, listed: Listings, first: int = 0) -> Strikes:
        """Strikes of the listings of consecutive days, of which `first` is the place of the first."""
        place = listed.place + first
        return Strikes(*listed_strikes(listed, self.ordinals[place], *self._known_closes))

    def close_on(self, day: date) -> float:
        """Close of the underlying on a session, one without quotes included; NaN where it is not known."""
        ordinals, closes = self._known_closes
        place = int(np.searchsorted(ordinals, day.toordinal()))
        is_known = place < len(ordinals) and ordinals[place] == day.toordinal()
        return float(closes[place]) if is_known else math.nan

    def place(self, day: date) -> int:
        """Place of a day among `days`.

        Raises
        ------
        InputError
            When the market has no such day.
        """
        place = int(np.searchsorted(self.ordinals, day.toordinal()))
        if place >= len(self.days) or self.days[place] != day:
            raise InputError("as_of", day.isoformat(), f"not a day of the {self.name}", self._why_not(day))
        return place

    def _draw(self, place: int) -> int:
        """Random generator of a day's chain."""
        return place

    def _why_not(self, day: date) -> str:
        return f"it has the sessions from {self.days[0]} to {self.days[-1]}"

    @cached_property
    def _indices(self) -> pd.DataFrame:
        moments = self.moments(0, len(self.days))

        def measure() -> dict[str, Array]:
            table = surface_table(self.parameters, moments, bracketing(listings(self.days), self.ordinals))
            strikes = self.listed_strikes(table.listings)
            indices = quoted_index(self.parameters, table, strikes, INDEX_TENORS, is_implied=True)
            return {f"iv{tenor}": index for tenor, index in zip(INDEX_TENORS, indices, strict=True)}

        if self.keeps_indices:
            arrays = (self.ordinals, moments.spot, moments.rate, moments.factors, *self._known_closes)
            about = {
                "arrays": [values.tobytes() for values in arrays],
                "parameters": self.parameters,
                "dividends": self.dividends,
                "code": code_digest(PACKAGE),
            }
            values = kept_by_inputs(about, measure)
        else:
            values = measure()
        return pd.DataFrame(values, index=pd.DatetimeIndex(self.days, name="date"))

    @cached_property
    def ordinals(self) -> Places:
        """Ordinals of `days`."""
        return np.array([day.toordinal() for day in self.days])

    @cached_property
    def _known_closes(self) -> tuple[NDArray[np.int64], Array]:
        """Ordinals of days, ascending, and their closes: those that listed strikes follow."""
        return self.ordinals, self.closes


def bracketing(listed: Listings, day: Places, tenors: Sequence[int] = INDEX_TENORS) -> Listings:
    """Return listed expirations that an index at any of some tenors may read.

    Parameters
    ----------
    listed : Listings
        Of n days.
    day : ndarray of int, shape (n,)
        Ordinal of each.
    """
    place, first, stop = listed.place, listed.start[:-1], listed.start[1:]
    dte = listed.expiration - day[place]
    is_live = dte > 0
    live = stop - np.bincount(place[is_live], minlength=len(day))  # first row of each day that has not expired
    row, is_read = np.arange(len(listed)), np.zeros(len(listed), dtype=bool)
    for tenor in tenors:
        middle = first + np.bincount(place[dte <= tenor], minlength=len(day))
        near, far = np.maximum(middle - BRACKET, live), np.minimum(middle + BRACKET, stop)
        is_read |= (row >= near[place]) & (row < far[place])
    return listed.take(is_read & is_live)
