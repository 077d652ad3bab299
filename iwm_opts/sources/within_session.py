"""Quotes of options at a minute of a session, from the surface of the close before: a proxy.

The open uses the closing surface of the session before. It is carried to the minute: the price of
the underlying is the bar's, the time left is that of the minute on both clocks, rate and dividends are those of the
close. Nothing dated on the session is read but the price given.

How implied vol moves with the price since that close is an assumption (`SMILES`):

- `spot-vol`: log implied vol of every strike at the same distance from the forward moves by `VOL_BETA` times the log
  return since the close, at 30 days, and by more the shorter the time left.
- `sticky-moneyness`: it stays as it was; the smile only travels with the price.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.market.calendar import latest_session, session_hours
from iwm_opts.simulation.listing import Listing, Listings, listed_expirations
from iwm_opts.simulation.quotes import QuotedExpiration, quote_market
from iwm_opts.simulation.surface import day_shapes, reshaped
from iwm_opts.simulation.surface_table import Moments, SurfaceTable, surface_table
from iwm_opts.sources.surface_market import SurfaceMarket

Array = NDArray[np.float64]
Smile = Literal["spot-vol", "sticky-moneyness"]

SMILES: Final[tuple[Smile, ...]] = ("spot-vol", "sticky-moneyness")
# Log change of RVX from close to open on the log gap of IWM: slope -3.03, correlation -0.72 (3,948 sessions from
# 2009-09-16 to 2025-06-04); of daily closes on returns -3.07. After gaps up of over 0.8% alone it is -3.0 before
# October 2019 and -1.8 since.
VOL_BETA: Final = -3.0
BETA_DAYS: Final = 30.0  # calendar, whose vol that is
# It falls with the time left as its power: daily closes of VIX9D, VIX and VIX3M on SPY's returns have slopes of -7.5,
# -5.4 and -3.6 (3,608 sessions, 2011 to 2025): powers of 0.28 and 0.36.
BETA_POWER: Final = 0.28
SHORTEST_DAYS: Final = 1.0
# Quoted spreads are of mid-session. A capture of the open of 2026-07-20 (285 quotes within 5% of the money, 1 to 14
# days) is 1.6 times as wide as one of that day's early afternoon. How fast that fades is not measured: it is taken to
# last an hour.
OPENING_WIDENING: Final = 1.6
OPENING: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, eq=False)
class SessionQuotes:
    """Options within one session; make with `session_quotes`."""

    market: SurfaceMarket
    day: date
    prior: int  # day index of the close before
    smile: Smile

    def listing(self, dte: int, slack: int) -> Listing | None:
        """Expiration nearest to `dte` calendar days from the session, the earlier of two; today's own never.

        Among expirations listed at the close before; None where none lies within `slack`.
        """
        listed = listed_expirations(self.market.days[self.prior])
        near = [
            candidate
            for candidate in listed
            if candidate.expiration > self.day and abs(self.days_to(candidate) - dte) <= slack
        ]
        return min(near, key=lambda candidate: (abs(self.days_to(candidate) - dte), candidate.expiration), default=None)

    def days_to(self, listing: Listing) -> int:
        """Calendar days from the session to an expiration."""
        return (listing.expiration - self.day).days

    def quoted(
        self, at: Sequence[datetime], spot: Array, listing: Listing, strikes: Array | None = None
    ) -> list[QuotedExpiration]:
        """Quotes of one expiration at moments of the session.

        Parameters
        ----------
        at : sequence of datetime, length n
            New York, ascending.
        spot : ndarray, shape (n,)
            Price of the underlying at each, dollars.
        listing : Listing
        strikes : ndarray, optional
            Ascending; all that were listed at the close before unless given.

        Returns
        -------
        list of QuotedExpiration, length n
        """
        market, count = self.market, len(at)
        ladder = market.strikes(self.prior, listing) if strikes is None else strikes
        close = market.moments(self.prior, self.prior + 1)
        moments = Moments(
            tuple(at), np.array(spot, dtype=np.float64), np.repeat(close.rate, count),
            np.repeat(close.factors, count, axis=0), close.dividends,
        )  # fmt: skip
        table = self._moved(surface_table(market.parameters, moments, Listings.of([[listing]] * count)), moments)
        return [quote_market(market.parameters, table, [ladder], place)[0] for place in range(count)]

    def _moved(self, table: SurfaceTable, moments: Moments) -> SurfaceTable:
        """Table with vols moved by the price, and with the spreads of the first hour."""
        opened = session_hours(self.day)[0]
        early = np.array([moment < opened + OPENING for moment in moments.at])
        widening = table.widening * np.where(early, OPENING_WIDENING, 1.0)
        if self.smile == "sticky-moneyness":
            return replace(table, widening=widening)
        parameters = self.market.parameters
        theta = table.theta * np.exp(2.0 * vol_beta(DAYS_PER_YEAR * table.years) * self.log_return(moments.spot))
        moved = reshaped(parameters.smile, *day_shapes(parameters, moments.factors), theta)
        return replace(table, theta=theta, rho=moved.rho, phi=moved.phi, widening=widening)

    def log_return(self, spot: Array) -> Array:
        """Since the close before, a dividend that goes ex today included."""
        market = self.market
        paid = sum(dividend.amount for dividend in market.dividends.between(market.days[self.prior], self.day))
        return np.asarray(np.log((spot + paid) / market.closes[self.prior]))


def session_quotes(market: SurfaceMarket, day: date, smile: Smile = SMILES[0]) -> SessionQuotes | None:
    """Options within a session; None where the market has no quotes of the close before it."""
    before = latest_session(day - timedelta(days=1))
    place = int(np.searchsorted(np.array(market.days, dtype="datetime64[D]"), np.datetime64(before)))
    if place >= len(market.days) or market.days[place] != before:
        return None
    return SessionQuotes(market, day, place, smile)


def vol_beta(days: Array) -> Array:
    """Move of log implied vol for each unit of log return, by calendar days left."""
    return np.asarray(VOL_BETA * (BETA_DAYS / np.maximum(days, SHORTEST_DAYS)) ** BETA_POWER)


def smile_note(smile: Smile) -> str:
    """Assumption of a rule, one sentence."""
    if smile == "sticky-moneyness":
        return "implied vol stays at the same distance from the money, however the price moves (sticky moneyness)"
    return (
        f"implied vol moves {VOL_BETA:+.1f}% for each 1% of the price since the close at {BETA_DAYS:.0f} days, "
        f"{float(vol_beta(np.array([7.0]))[0]):+.1f}% at 7 (RVX at the open on IWM's gaps, 2009 to 2025)"
    )
