"""Ranges that prices of a market have."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FURTHEST: Final = 1e3  # times spot, up or down, that a strike or quote can be
SMALLEST_PRICE: Final = 1e-7  # of spot: a quote above zero is a tick, and no spot is a million dollars
LARGEST_PRICE: Final = 1e7  # dollars a share


def off_spot(strike: Any, bid: Any, ask: Any, spot: Any) -> NDArray[np.bool_]:
    """Rows whose strike or quote is no price of an option on an underlying at `spot`; NaN quotes are blanks."""
    strike, bid, ask = (np.asarray(values, dtype=np.float64) for values in (strike, bid, ask))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        wrong = ~((strike >= spot / FURTHEST) & (strike <= FURTHEST * spot))
        for quote in (bid, ask):
            wrong |= np.abs(quote) > FURTHEST * spot
            wrong |= (quote > 0.0) & (quote < SMALLEST_PRICE * spot)
    return np.asarray(wrong, dtype=np.bool_)
