"""Quotes of a simulated chain: fair values under the day's surface, with IWM's spreads around them.

Fair values are Black's on a forward net of cash dividends, never below intrinsic value: what early exercise is worth
beyond that is left out (some cents on an at-the-money put of two months, up to 9). So they are European although
their root is IWM: markets say so in `exercise`, files in their footer (`io.provenance`), and vols come out right only
when they are read as such.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import TICK
from iwm_opts.kernels.simulation.quote import quote_expiration, surface_row
from iwm_opts.market.slices import ExpirySlice
from iwm_opts.pricing.black import greeks
from iwm_opts.simulation.index import Strikes
from iwm_opts.simulation.listing import Listing
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface_table import SurfaceTable

Array = NDArray[np.float64]

FIVES = 5.0  # dollars: strikes that gather open interest

# Open interest of an expiration over all its strikes, in contracts, as it stands shortly before it expires; how it
# grows over the listing's life; how it scatters over strikes. Orders of magnitude read off the chain of 2026-06-26.
OPEN_INTEREST = {"daily": 4e4, "weekly": 2e5, "monthly": 1.3e6, "quarter-end": 6e5}
INTEREST_LIFE = {"daily": 8.0, "weekly": 14.0, "monthly": 150.0, "quarter-end": 60.0}  # days
INTEREST_SCATTER = 1.0  # of the logarithm
TURNOVER = 3.0  # contracts traded on the last day over open interest
SIZE_MEDIAN = 60.0  # contracts at bid and ask
SIZE_SCATTER = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class QuotedExpiration:
    """Quotes of one expiration on n strikes; arrays of shape (2, n), calls in the first row and puts in the second."""

    listing: Listing
    years: float
    effective_days: float
    sessions_left: int
    forward: float
    discount: float
    strike: Array  # shape (n,)
    bid: Array
    ask: Array
    vol: Array
    delta: Array

    def as_slice(self, root: str, today: date) -> ExpirySlice:
        """Return the same as a chain's slice."""
        return ExpirySlice(
            root=root,
            expiration=self.listing.expiration,
            dte=(self.listing.expiration - today).days,
            years=self.years,
            effective_days=self.effective_days,
            sessions_left=self.sessions_left,
            strike=self.strike,
            call_bid=self.bid[0],
            call_ask=self.ask[0],
            put_bid=self.bid[1],
            put_ask=self.ask[1],
        )


def quote_market(
    parameters: Parameters, table: SurfaceTable, strikes: Strikes | Sequence[Array], place: int = 0
) -> list[QuotedExpiration]:
    """Quote the expirations of one moment.

    Parameters
    ----------
    parameters : Parameters
    table : SurfaceTable
    strikes : Strikes or sequence of ndarray
        Of each of the moment's rows in the table, ascending.
    place : int
        Of the moment in the table.
    """
    here = range(len(table))[table.rows(place)]
    spot, coefficients = float(table.spot[place]), np.array(parameters.spread.coefficients)
    return [_quote(table, row, spot, strikes[i], coefficients) for i, row in enumerate(here)]


def _quote(table: SurfaceTable, row: int, spot: float, strike: Array, coefficients: Array) -> QuotedExpiration:
    sign = np.repeat([1.0, -1.0], len(strike))
    bid, ask, vol, delta = (np.empty(2 * len(strike)) for _ in range(4))
    forward, discount, years = (float(column[row]) for column in (table.forward, table.discount, table.years))
    columns = table.theta, table.rho, table.phi, table.convexity, table.widening
    smile = (float(column[row]) for column in columns)
    terms = surface_row(spot, forward, discount, years, float(table.dte[row]), *smile)
    quote_expiration(sign, np.tile(strike, 2), terms, coefficients, TICK, bid, ask, vol, delta)
    shape = 2, len(strike)
    quotes = (array.reshape(shape) for array in (bid, ask, vol, delta))
    clock = years, float(table.effective_days[row]), int(table.sessions_left[row])
    return QuotedExpiration(table.listings[row], *clock, forward, discount, strike, *quotes)


def quotes_table(
    quoted: Sequence[QuotedExpiration],
    at: datetime,
    spot: float,
    rate: float,
    symbol: str,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Quotes as rows in canonical columns, with sizes, open interest and volume drawn by `rng`."""
    today = at.date()
    parts = [_columns(today, expiration, rng) for expiration in quoted]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    table = pd.DataFrame(columns)
    sensitivities = greeks(
        table["right"].to_numpy(dtype=object), columns.pop("prepaid"), columns["strike"], columns.pop("years"),
        rate, columns["implied_volatility"],
    )  # fmt: skip
    table = table.drop(columns=["prepaid", "years"])
    table["gamma"], table["theta"], table["vega"] = sensitivities.gamma, sensitivities.theta, sensitivities.vega
    table["quote_date"], table["quote_time"] = pd.Timestamp(today), pd.Timestamp(at)
    table["underlying_symbol"] = table["root"] = symbol
    table["underlying_price"] = spot
    return table


def _columns(today: date, quoted: QuotedExpiration, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    count = len(quoted.strike)
    sizes = np.exp(rng.normal(math.log(SIZE_MEDIAN), SIZE_SCATTER, (2, 2 * count)))
    interest, volume = _activity(quoted, today, rng)
    bid = quoted.bid.ravel()
    return {
        "expiration": np.repeat(np.datetime64(quoted.listing.expiration, "us"), 2 * count),
        "right": np.repeat(np.array(["C", "P"], dtype=object), count),
        "strike": np.tile(quoted.strike, 2),
        "bid": bid,
        "ask": quoted.ask.ravel(),
        "bid_size": np.where(bid > 0.0, np.ceil(sizes[0]), 0.0),
        "ask_size": np.ceil(sizes[1]),
        "volume": volume,
        "open_interest": interest,
        "implied_volatility": quoted.vol.ravel(),
        "delta": quoted.delta.ravel(),
        "prepaid": np.full(2 * count, quoted.forward * quoted.discount),
        "years": np.full(2 * count, quoted.years),
    }


def _activity(quoted: QuotedExpiration, today: date, rng: np.random.Generator) -> tuple[Array, Array]:
    """Open interest and volume: most out of the money and on strikes in fives, growing as expiration comes near."""
    kind, days = quoted.listing.kind, (quoted.listing.expiration - today).days
    total = OPEN_INTEREST[kind] * math.exp(-days / INTEREST_LIFE[kind])
    depth = np.abs(quoted.delta).ravel()
    shape = np.where(depth < 0.5, 0.05 + depth, 0.15 * (1.05 - depth)) ** 0.5  # far wings are held too, depths are not
    shape *= np.where(np.tile(quoted.strike, 2) % FIVES == 0.0, 3.0, 1.0)
    share = shape / shape.sum()
    scatter = np.exp(INTEREST_SCATTER * rng.standard_normal(len(share)) - 0.5 * INTEREST_SCATTER**2)
    interest = np.floor(total * share * scatter)
    turnover = TURNOVER * (1.0 + days) ** -1.1 * np.exp(rng.standard_normal(len(share)) - 0.5)
    return interest, np.floor(interest * turnover)
