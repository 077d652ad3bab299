"""The simulated market as a backtest reads it: the quotes of `SimulatedMarket.chain`, without the rest of the chain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.market import Board, Marks, Request, Series, Terms
from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.market.calendar import years_to_expiry
from iwm_opts.market.contract import Settlement, settlement_of
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.markets.simulated import SimulatedMarket
from iwm_opts.simulation.listing import Listing, listed_expirations
from iwm_opts.simulation.quotes import QuotedExpiration, quote_market
from iwm_opts.simulation.quotes import _forward as forward_of

Array = NDArray[np.float64]

ECHO: Final = "simulated: an edge found here echoes the variance premium that the simulation puts into its prices"


@dataclass(frozen=True, eq=False)
class SimulatedDays:
    """The closes of a simulated market from one of its days on; what lies before warms its IV history up."""

    market: SimulatedMarket
    first: date

    is_simulated = True

    @property
    def name(self) -> str:
        """What output calls it."""
        return self.market.name

    @property
    def notes(self) -> tuple[str, ...]:
        """That an edge found here was put here."""
        return (ECHO,)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Sessions from `first` on."""
        return self.market.days[self._before :]

    @cached_property
    def _before(self) -> int:
        return sum(day < self.first for day in self.market.days)

    @cached_property
    def _bars(self) -> dict[str, Array]:
        bars = self.market.bars().iloc[self._before :]
        return {name: bars[name].to_numpy(dtype=np.float64, copy=True) for name in ("open", "high", "low", "close")}

    @property
    def opened(self) -> Array:
        """Opening prices."""
        return self._bars["open"]

    @property
    def high(self) -> Array:
        """Daily highs."""
        return self._bars["high"]

    @property
    def low(self) -> Array:
        """Daily lows."""
        return self._bars["low"]

    @property
    def spot(self) -> Array:
        """Closes."""
        return self._bars["close"]

    @property
    def dividends(self) -> DividendSchedule:
        """Dividends of the simulated underlying, known in advance."""
        return self.market.dividends

    def settlement(self, root: str) -> Settlement:
        """That of the root: IWM's options deliver shares and are assigned early, though priced here as Europeans."""
        return settlement_of(root)

    def terms(self, place: int, series: Series) -> Terms:
        """The model's own."""
        moment = self.market._moment(self._before + place, False)
        rate = self.market.parameters.setting.rate
        years = float(years_to_expiry(moment.at, [series.expiration])[0])
        return Terms(years, forward_of(rate, moment, series.expiration, years), math.exp(-rate * years))

    def board(self, place: int, dte: int, slack: int) -> Board | None:
        """All listed strikes of the nearest expiration; deltas are the model's own."""
        day = self.days[place]
        near = [(abs((one.expiration - day).days - dte), one) for one in listed_expirations(day)]
        near = [pair for pair in near if pair[0] <= slack and pair[1].expiration > day]
        if not near:
            return None
        listing = min(near)[1]
        # A whole chain would quote twenty expirations, and draw sizes and open interest, to use one.
        at = self._before + place
        (quoted,) = self.market._quoted(at, self.market._moment(at, False), [listing])
        return Board(
            Series(self.market.parameters.setting.symbol, listing.expiration),
            (listing.expiration - day).days,
            float(self.spot[place]),
            np.repeat([float(RIGHT_SIGN["P"]), float(RIGHT_SIGN["C"])], len(quoted.strike)),
            np.tile(quoted.strike, 2),
            *(array[::-1].ravel() for array in (quoted.bid, quoted.ask, quoted.delta)),
        )

    def marks(self, place: int, requests: Sequence[Request]) -> list[Marks]:
        """Every option has a quote here."""
        day = self.days[place]
        ladders = [np.unique(one.strike) for one in requests]
        listings = [Listing(one.series.expiration, "weekly", day) for one in requests]
        moment = self.market._moment(self._before + place, False)
        quoted = quote_market(self.market.parameters, moment, listings, ladders)
        return [_picked(one, quotes) for one, quotes in zip(requests, quoted, strict=True)]


def _picked(request: Request, quotes: QuotedExpiration) -> Marks:
    side, at = (request.right < 0).astype(np.intp), np.searchsorted(quotes.strike, request.strike)
    return Marks(quotes.bid[side, at], quotes.ask[side, at], np.zeros(len(at), dtype=np.int64))
