"""Surface markets as a backtest reads them: the quotes of `SurfaceMarket.chain` without the rest of the chain."""

import hashlib
import math
from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TICK, Provenance
from iwm_opts.errors import DataError, InputError
from iwm_opts.kernels.backtest.state import COLUMNS, THETA, Surface
from iwm_opts.kernels.simulation.quote import many_time_terms
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.contract import Settlement, settlement_of
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.simulation.dynamics import FACTORS
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface import SKEW
from iwm_opts.simulation.surface_table import Moments, SurfaceTable, repriced_rows
from iwm_opts.sources.daily_quotes import Candidates, Flags, Series, Terms
from iwm_opts.sources.surface_market import TABLE_DTE, SurfaceMarket
from iwm_opts.spreads.entry_rule import EntryRule

Array = NDArray[np.float64]
Places = NDArray[np.int64]

ECHO: Final = "simulated: an edge found here echoes the variance premium that the simulation puts into its prices"
EUROPEAN: Final = (
    "options are priced as Europeans and settle as their root does: short ones are assigned early by the rule, on the"
    " day's quotes"
)


@dataclass(frozen=True, eq=False)
class SurfaceDays:
    """The closes of a market of the surface model from one of its days on; what lies before warms its IV history up."""

    market: SurfaceMarket
    first: date
    caveats: tuple[str, ...] = (ECHO,)  # on its inputs, and on an edge measured here

    @property
    def surface_days(self) -> "SurfaceDays":
        """These days."""
        return self

    @property
    def provenance(self) -> Provenance:
        """Simulated, or modelled around real prices."""
        return self.market.provenance

    @property
    def name(self) -> str:
        """What output calls it."""
        return self.market.name

    @property
    def notes(self) -> tuple[str, ...]:
        """Origin of its quotes and of an edge found in them, and how its options are exercised."""
        return (*self.caveats, EUROPEAN)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Sessions from `first` on."""
        return self.market.days[self._before :]

    @cached_property
    def digest(self) -> str:
        """Digest of the parameters, and of the state, rates and dividends that they are applied to."""
        market = self.market
        given = market.parameters.to_dict(), market.dividends.dividends, self.first.isoformat()
        content = hashlib.sha256(repr(given).encode())
        for field in fields(market.states):
            content.update(getattr(market.states, field.name).tobytes())
        for array in (market.closes, market.rates):
            content.update(array.tobytes())
        return content.hexdigest()

    @property
    def quoted_days(self) -> int:
        """All of them."""
        return len(self.days)

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
        """Dividends of the underlying, known in advance."""
        return self.market.dividends

    @property
    def companions(self) -> dict[str, pd.DataFrame] | None:
        """Daily bars of the funds simulated with the underlying."""
        return self.market.companions

    def settlement(self, root: str) -> Settlement:
        """Return the root's: IWM's options deliver shares and are assigned early, though priced here as Europeans."""
        return settlement_of(root)

    def terms(self, place: int, series: Series) -> Terms:
        """Model's own."""
        row = self._row(place, series)
        return Terms(*(float(column[row]) for column in (self._table.years, self._table.forward, self._table.discount)))

    def settlement_price(self, series: Series) -> float:
        """Open or close of the last session up to the expiration, as its root settles; NaN where it is not there."""
        day = latest_session(series.expiration)
        place = bisect_left(self.days, day)
        if place == len(self.days) or self.days[place] != day:
            return math.nan
        on_open = self.settlement(series.root).settles_on == "open"
        return float(self.opened[place] if on_open else self.spot[place])

    def entries(self, rule: EntryRule, _allowed: Flags | None = None) -> Candidates:
        """Nearest expirations on every day; the day loop chooses the packages it needs."""
        return self.candidates(rule.dte, rule.dte_slack)

    def surface(self) -> Surface:
        """Table's coefficients, by expiration, then day."""
        return self._surface

    def candidates(self, dte: int, slack: int) -> Candidates:
        """Nearest expirations and the strikes they list."""
        rows = self._nearest(dte, slack)
        place = np.flatnonzero(rows[:-1] >= 0)  # nothing is opened on the last day
        chosen = rows[place]
        is_chosen = np.zeros(len(self._table), dtype=bool)
        is_chosen[chosen] = True
        strikes = self.market.listed_strikes(self._table.listings.take(is_chosen), self._before)
        return Candidates(
            place.astype(np.int64),
            tuple(Series(self.market.symbol, date.fromordinal(day)) for day in self._table.expiration[chosen].tolist()),
            self._order[chosen],
            strikes.start,
            strikes.strike,
        )

    def surface_under(self, parameters: Parameters, rows: Flags, skew: Array | float = 0.0) -> Surface:
        """Surface of the same days under other parameters, priced on some of its rows at least and NaN on the others.

        Parameters
        ----------
        parameters : Parameters
            Of another smile, premium or spread.
        rows : ndarray of bool, shape (rows,)
        skew : float or ndarray, shape (days,)
            Added to the skew factor of each day.
        """
        surface, given = self._surface, self.market.parameters
        spread = replace(parameters.spread, coefficients=given.spread.coefficients)
        if replace(parameters, spread=spread) == given and not np.any(skew):  # no price moves
            return Surface(surface.rows, _spread_terms(parameters))
        is_priced, factors = rows[self._order], self._moments.factors.copy()
        factors[:, SKEW] += skew
        moments = replace(self._moments, factors=factors)
        priced = repriced_rows(self._table, given, parameters, moments, is_priced)
        columns = surface.rows.reshape(-1, COLUMNS).copy()
        columns[:, THETA:] = np.nan
        columns[self._order[is_priced], THETA:] = np.column_stack(priced)
        return Surface(columns.ravel(), _spread_terms(parameters))

    def under(self, parameters: Parameters, skew: Array | float = 0.0) -> "SurfaceDays":
        """Days of the same prices of the underlying under other parameters; arguments as of `surface_under`."""
        states, name = self.market.states, FACTORS[SKEW]
        factor = getattr(states, name).copy()
        factor[self._before :] += skew
        market = replace(self.market, parameters=parameters, states=replace(states, **{name: factor}))
        return replace(self, market=market)

    @cached_property
    def _moments(self) -> Moments:
        return self.market.moments(self._before, len(self.market.days))

    @cached_property
    def _table(self) -> SurfaceTable:
        return self.market.table(self._before, most_dte=TABLE_DTE)

    @cached_property
    def _place(self) -> Places:
        """Day of each row of the table."""
        return np.repeat(np.arange(len(self.days)), np.diff(self._table.start))

    @cached_property
    def _order(self) -> Places:
        """Row of the surface of each row of the table."""
        order = np.lexsort((self._place, self._table.expiration))
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return places

    @cached_property
    def _surface(self) -> Surface:
        table, order = self._table, np.argsort(self._order)
        if (np.diff(self._place[order])[np.diff(table.expiration[order]) == 0] != 1).any():
            raise DataError(self.name, "an expiration leaves the list and comes back: its life has holes")
        days = np.ascontiguousarray(table.dte[order], dtype=np.float64)
        log_time, far_time = np.empty(len(days)), np.empty(len(days))
        many_time_terms(days, log_time, far_time)
        columns = (
            table.spot[self._place[order]], table.forward[order], table.discount[order], np.sqrt(table.years[order]),
            log_time, far_time, table.theta[order], table.rho[order], table.phi[order], table.convexity[order],
            table.widening[order],
        )  # fmt: skip
        return Surface(np.column_stack(columns).ravel(), _spread_terms(self.market.parameters))

    def _nearest(self, dte: int, slack: int) -> Places:
        """Row of each day's expiration nearest to `dte`, the earlier of two; -1 where none lies within `slack`."""
        if dte + slack > TABLE_DTE:
            raise InputError("dte", dte, f"with slack {slack} reaches beyond {TABLE_DTE} days", "choose a nearer one")
        table = self._table
        apart = np.abs(table.dte - dte)
        order = np.lexsort((table.expiration, apart, self._place))
        order = order[(apart[order] <= slack) & (table.dte[order] > 0.0)]
        days, first = np.unique(self._place[order], return_index=True)
        nearest = np.full(len(self.days), -1, dtype=np.int64)
        nearest[days] = order[first]
        return nearest

    def _row(self, place: int, series: Series) -> int:
        row = self._table.row(place, series.expiration)
        if row < 0:
            raise InputError("expiration", series.expiration.isoformat(), f"is not listed on {self.days[place]}")
        return row


def _spread_terms(parameters: Parameters) -> Array:
    return np.append(np.array(parameters.spread.coefficients, dtype=np.float64), TICK)
