"""One expiration as a table of options: quotes, implied volatilities, greeks and the smile drawn through them."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN, VOL_POINT
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import occ_symbol
from iwm_opts.market.iv_index import model_free_variance
from iwm_opts.market.slices import ExpirySlice, Forward
from iwm_opts.market.surface import Smile, SmileQuotes, fit_smile
from iwm_opts.pricing.quotes import QuoteModel

Array = NDArray[np.float64]
INTEREST_COLUMNS = ("open_interest", "volume")


@dataclass(frozen=True, slots=True, eq=False)
class OptionTable:
    """Options of one root and expiration, puts then calls by strike; arrays of shape (n,), NaN where unknown."""

    root: str
    expiration: date
    dte: int
    years: float
    spot: float
    forward: Forward
    smile: Smile
    right: Array  # +1 call, -1 put
    strike: Array
    bid: Array
    ask: Array
    iv: Array  # implied by the midpoint, annualised decimal
    delta: Array
    gamma: Array
    theta: Array  # a calendar day
    vega: Array  # a vol point
    early_exercise: Array  # American premium over European, dollars a share
    open_interest: Array
    volume: Array

    def __len__(self) -> int:
        return len(self.strike)

    @property
    def mid(self) -> Array:
        """Midpoints, NaN without a two-sided quote."""
        return 0.5 * (self.bid + self.ask)

    @property
    def stdev(self) -> float:
        """Standard deviation of the price to expiration at the at-the-money vol, dollars."""
        return float(self.forward.price * self.smile.atm_vol * self.years**0.5)

    def occ_symbol(self, row: int) -> str:
        """OCC symbol of one option."""
        return occ_symbol(self.root, self.expiration, "C" if self.right[row] > 0 else "P", float(self.strike[row]))


def option_table(chain: Chain, quotes: ExpirySlice, forward: Forward, model: QuoteModel) -> OptionTable:
    """Price one expiration of a chain.

    Parameters
    ----------
    chain : Chain
        Gives spot, open interest and volume.
    quotes : ExpirySlice
        The expiration's quotes.
    forward : Forward
    model : QuoteModel
        Turns midpoints into vols and greeks.

    Raises
    ------
    DataError
        When too few strikes carry a vol to draw a smile.
    """
    interest = _interest(chain, quotes)
    table = priced_table(chain.spot, quotes, forward, model)
    return replace(table, open_interest=interest["open_interest"], volume=interest["volume"])


def priced_table(spot: float, quotes: ExpirySlice, forward: Forward, model: QuoteModel) -> OptionTable:
    """Price one expiration, open interest and volume unknown; arguments and errors as for `option_table`."""
    strike = np.tile(quotes.strike, 2)
    right = np.repeat([float(RIGHT_SIGN["P"]), float(RIGHT_SIGN["C"])], len(quotes.strike))
    bid = np.concatenate([quotes.put_bid, quotes.call_bid])
    ask = np.concatenate([quotes.put_ask, quotes.call_ask])
    implied = model.implied(right, 0.5 * (bid + ask), strike, quotes.years, forward)
    # Through the out-of-the-money side of every strike, where the premium is all time value.
    order = np.flatnonzero(np.where(strike < forward.price, right < 0, right > 0))
    order = order[np.argsort(strike[order])]
    chosen = SmileQuotes(strike[order], implied.iv[order], implied.vega[order] / VOL_POINT, 0.5 * (ask - bid)[order])
    smile = fit_smile(quotes.expiration, quotes.years, forward.price, forward.discount, chosen)
    smile = replace(smile, gaps=model_free_variance(quotes, forward).caveat)
    return OptionTable(
        root=quotes.root,
        expiration=quotes.expiration,
        dte=quotes.dte,
        years=quotes.years,
        spot=spot,
        forward=forward,
        smile=smile,
        right=right,
        strike=strike,
        bid=bid,
        ask=ask,
        iv=implied.iv,
        delta=implied.delta,
        gamma=implied.gamma,
        theta=implied.theta,
        vega=implied.vega,
        early_exercise=implied.early_exercise,
        open_interest=np.full(len(strike), np.nan),
        volume=np.full(len(strike), np.nan),
    )


def _interest(chain: Chain, quotes: ExpirySlice) -> dict[str, Array]:
    """Open interest and volume on the table's rows."""
    table, count = chain.quotes, len(quotes.strike)
    rows = np.flatnonzero((table["expiration"] == pd.Timestamp(quotes.expiration)) & (table["root"] == quotes.root))
    rows = rows[::-1]  # of options that are there twice the first counts
    strike = table["strike"].to_numpy(dtype=np.float64)[rows]
    place = np.minimum(np.searchsorted(quotes.strike, strike), count - 1)
    is_listed = quotes.strike[place] == strike
    place += np.where(table["right"].to_numpy(dtype=object)[rows] == "C", count, 0)
    columns = {}
    for name in INTEREST_COLUMNS:
        columns[name] = np.full(2 * count, np.nan)
        if name in table:
            values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows]
            columns[name][place[is_listed]] = values[is_listed]
    return columns
