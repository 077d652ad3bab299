"""A market whose quotes come from the surface model: a state on each of its days, and everything else follows.

What differs between such markets is where spot and state come from: drawn at random (`sources.simulated`) or found so
that a real volatility index comes back (`sources.modelled`). Nobody ever traded at these quotes.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import at_close
from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.forward import implied_forwards
from iwm_opts.market.iv_index import IvIndex, iv_index
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.dynamics import FACTORS, StatePath, generator
from iwm_opts.simulation.listing import Listing, listed_expirations, strikes
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.quotes import QuotedExpiration, quote_market, quotes_table
from iwm_opts.simulation.surface_table import Moments, SurfaceTable, surface_table

Array = NDArray[np.float64]

INDEX_TENORS: Final = (10, 30)
BRACKET: Final = 2  # expirations on either side of a tenor that an index may interpolate between
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
    seed: int  # of what has no model: sizes, open interest, volume
    path: int

    kind = "simulated"
    index_note = "index of the market's own quotes"

    @property
    def told_as(self) -> str:
        """What output labels it as: its kind, but for a modelled market around prices that were simulated."""
        return self.kind

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
            modelled=self.told_as == "modelled",
        )

    def rows(self, day: date, after_close: bool = False, most_dte: int | None = None) -> pd.DataFrame:
        """Quotes of a day in canonical columns, without the checks that make a chain of them; see `chain`.

        Parameters
        ----------
        most_dte : int, optional
            Calendar days to the farthest expiration; all that are listed unless given.
        """
        place = self.place(day)
        listings = listed_expirations(day)
        if most_dte is not None:
            listings = tuple(one for one in listings if (one.expiration - day).days <= most_dte)
        quoted = self.quoted(place, listings, after_close)
        rng = generator(self.seed, self.path, "quotes", self._draw(place))
        spot, rate = float(self.closes[place]), float(self.rates[place])
        return quotes_table(quoted, at_close(day), spot, rate, self.symbol, rng)

    def index(self, day: date) -> IvIndex:
        """IV10 and IV30 of a day's closing quotes, by the same code as on a real chain."""
        place = self.place(day)
        table = surface_table(self.parameters, self.moments(place, place + 1), [bracketing(day)])
        return self._index(table, 0, place)

    def _index(self, table: SurfaceTable, row: int, place: int) -> IvIndex:
        """Index of a day, whose quotes are those of a moment of a table."""
        ladders = [self.strikes(place, listing) for listing in table.listings[table.rows(row)]]
        quoted = quote_market(self.parameters, table, ladders, row)
        slices = [one.as_slice(self.symbol, self.days[place]) for one in quoted]
        return iv_index(slices, implied_forwards(slices, float(self.rates[place]), f"of the {self.name}"))

    def iv_history(self, tenor_days: int = 10, until: date | None = None) -> IvHistory:
        """Closes of the market's own IV10 or IV30, up to a day.

        Raises
        ------
        InputError
            When the tenor is neither 10 nor 30.
        """
        if tenor_days not in INDEX_TENORS:
            raise InputError("tenor_days", tenor_days, f"is no tenor of the {self.name}", "choose 10 or 30")
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
        until = timedelta(days=most_dte)
        listings = [
            [one for one in listed_expirations(day) if one.expiration <= day + until] for day in self.days[first:stop]
        ]
        return surface_table(self.parameters, self.moments(first, stop), listings)

    def moments(self, first: int, stop: int, after_close: bool = False) -> Moments:
        """Closes of the days from place `first` to before `stop`."""
        s, here = self.states, slice(first, stop)
        factors = np.column_stack([getattr(s, name)[here] for name in FACTORS])
        at = tuple(at_close(day) for day in self.days[here])
        spot, rate = self.closes[here].copy(), self.rates[here].copy()
        return Moments(at, spot, rate, factors, self.dividends, after_close)

    def quoted(
        self, place: int, listings: Sequence[Listing] | None = None, after_close: bool = False
    ) -> list[QuotedExpiration]:
        """Quotes of expirations at the close of a day, all that are listed unless given."""
        day = self.days[place]
        listings = listed_expirations(day) if listings is None else listings
        table = surface_table(self.parameters, self.moments(place, place + 1, after_close), [listings])
        return quote_market(self.parameters, table, [self.strikes(place, listing) for listing in table.listings])

    def strikes(self, place: int, listing: Listing) -> Array:
        """Strikes that an expiration lists on a day, ascending."""
        ranges = [self._range(since, place) for since in (listing.since, listing.fine_since())]
        lows, highs = zip(*ranges, strict=True)
        return strikes(listing, self.days[place], lows, highs)

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
        place = int(np.searchsorted(self._ordinals, day.toordinal()))
        if place >= len(self.days) or self.days[place] != day:
            raise InputError("as_of", day.isoformat(), f"is no day of the {self.name}", self._why_not(day))
        return place

    def _draw(self, place: int) -> int:
        """What the random part of a day's chain is drawn by."""
        return place

    def _why_not(self, day: date) -> str:
        return f"it has the sessions from {self.days[0]} to {self.days[-1]}"

    @cached_property
    def _indices(self) -> pd.DataFrame:
        days = range(len(self.days))
        table = surface_table(self.parameters, self.moments(0, len(days)), [bracketing(day) for day in self.days])
        found = [self._index(table, place, place) for place in days]
        values = {"iv10": [one.iv10 for one in found], "iv30": [one.iv30 for one in found]}
        return pd.DataFrame(values, index=pd.DatetimeIndex(self.days, name="date"))

    @cached_property
    def _ordinals(self) -> NDArray[np.int64]:
        return np.array([day.toordinal() for day in self.days])

    @cached_property
    def _known_closes(self) -> tuple[NDArray[np.int64], Array]:
        """Ordinals of days, ascending, and their closes: those that listed strikes follow."""
        return self._ordinals, self.closes

    def _range(self, since: date, place: int) -> tuple[float, float]:
        """Lowest and highest close from a day to one of the market's."""
        ordinals, closes = self._known_closes
        last = int(np.searchsorted(ordinals, self._ordinals[place]))
        first = min(int(np.searchsorted(ordinals, since.toordinal())), last)
        window = closes[first : last + 1]
        return float(window.min()), float(window.max())


def bracketing(day: date, tenors: Sequence[int] = INDEX_TENORS) -> list[Listing]:
    """The listed expirations that an index at any of some tenors may read on a day."""
    live = [one for one in listed_expirations(day) if one.expiration > day]
    wanted: set[Listing] = set()
    for tenor in tenors:
        target = day + timedelta(days=tenor)
        before = [one for one in live if one.expiration <= target]
        after = [one for one in live if one.expiration > target]
        wanted.update(before[-BRACKET:], after[:BRACKET])
    return sorted(wanted)
