"""One expiration of a chain as arrays: calls and puts side by side on common strikes."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ExpirySlice:
    """Quotes of one root and expiration; every array has shape (n,), on ascending strikes, NaN without a quote.

    A NaN bid is an option that the source lacks, or an unusable quote. A bid of zero is a quote: no buyer of the
    option; its ask is NaN where the option is listed at 0/0.
    """

    root: str
    expiration: date
    dte: int  # calendar days
    years: float  # ACT/365 to the real expiry time
    effective_days: float
    sessions_left: int
    strike: Array
    call_bid: Array
    call_ask: Array
    put_bid: Array
    put_ask: Array

    @property
    def call_mid(self) -> Array:
        """Midpoints of the calls, NaN without a two-sided quote."""
        return 0.5 * (self.call_bid + self.call_ask)

    @property
    def put_mid(self) -> Array:
        """Midpoints of the puts, NaN without a two-sided quote."""
        return 0.5 * (self.put_bid + self.put_ask)


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward price and discount factor of one expiration, and where they come from."""

    price: float  # dollars a share
    discount: float
    rate: float  # continuously compounded, annual
    source: str  # "parity" or "given"
