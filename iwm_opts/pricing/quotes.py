"""What quoted prices imply: vols and greeks of a whole expiration, under one exercise style and one engine."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.pricing import black
from iwm_opts.pricing.implied import black_implied_vol

Array = NDArray[np.float64]
Engine = Literal["numba", "vollib"]
ENGINES: Final = ("numba", "vollib")


class ForwardLike(Protocol):
    """Forward price and discount factor of one expiration."""

    @property
    def price(self) -> float: ...
    @property
    def discount(self) -> float: ...
    @property
    def rate(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class Implied:
    """Vols and greeks implied by prices; arrays of shape (n,), NaN where the price implies none."""

    iv: Array  # annualised decimal
    delta: Array  # a share
    gamma: Array
    theta: Array  # a calendar day
    vega: Array  # a vol point
    early_exercise: Array  # American premium over European at the same vol, dollars a share


class QuoteModel(Protocol):
    """A way from prices to vols and greeks."""

    def implied(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Vols and greeks of one expiration's options; arrays of shape (n,), `right` +1 or -1."""
        ...

    def at_vol(self, right: Array, vol: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Greeks at given vols, the early-exercise premium left out; otherwise as `implied`."""
        ...

    def early_exercise(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Array:
        """Return the early-exercise premiums, dollars a share; NaN where a price implies no vol."""
        ...


@dataclass(frozen=True, slots=True)
class EuropeanQuotes:
    """European exercise. Greeks are to the price today net of dividends, discount x forward, which needs no yield."""

    engine: Engine = "numba"

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise InputError("engine", self.engine, "unknown pricing engine", f"choose one of {', '.join(ENGINES)}")

    def implied(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Vols and greeks after Black 1976; see `QuoteModel.implied`."""
        if self.engine == "vollib":
            from iwm_opts.pricing import reference  # a library of its own, for those who ask

            implied_vol = reference.black_implied_vol
        else:
            implied_vol = black_implied_vol
        iv = implied_vol(right, price, forward.price, strike, t, discount=forward.discount)
        return self.at_vol(right, iv, strike, t, forward)

    def at_vol(self, right: Array, vol: Array, strike: Array, t: float, forward: ForwardLike) -> Implied:
        """Greeks after Black 1976; see `QuoteModel.at_vol`."""
        if self.engine == "vollib":
            from iwm_opts.pricing import reference

            greeks = reference.greeks
        else:
            greeks = black.greeks
        result = greeks(right, forward.price * forward.discount, strike, t, forward.rate, vol)
        return Implied(vol, result.delta, result.gamma, result.theta, result.vega, np.zeros_like(vol))

    def early_exercise(self, right: Array, price: Array, strike: Array, t: float, forward: ForwardLike) -> Array:
        """Nothing: see `QuoteModel.early_exercise`."""
        return np.zeros_like(price)
