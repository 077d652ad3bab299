"""Fill conventions: at which price between mid and natural, or beyond, a package trades.

Every fill is mid less an offset; the conventions differ in the share of the package's summed half-spread H they give
away. Credits are positive and debits negative throughout, so opening and closing are the same operation.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import FILL_MODEL, MULTIPLIER, TICK
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.kernels.trading.fill import fill_prices

Array = NDArray[np.float64]

# ORATS' percent of the bid-ask width travelled from the worse side, 75/66/56/53 by legs, restated as shares of H.
ORATS_SHARE: Final = {1: 0.50, 2: 0.32, 3: 0.12, 4: 0.06}
# Muravyev and Pearson 2020 (Review of Financial Studies 33), effective over quoted spread.
EFFECTIVE_SHARE: Final = {"conventional": 0.77, "average": 0.58, "timed": 0.31}

NOTES: Final = {
    "fraction": "a share of the half-spread, at least a tick and the dearest vertical inside",
    "mid": "optimistic: no counterparty is obliged to trade at mid",
    "natural": "sells the bids, buys the asks",
    "orats": "optimistic: on a quiet IWM condor under half a cent",
    "effective": "effective spreads of single-leg trades in single stocks (Muravyev and Pearson 2020)",
    "stress": "half-spreads as wide as in a panic: fills of stops",
    "mine": "mean offset of your own fills, by legs where enough are known",
}
MODELS_TEXT: Final = "fraction:X (0 to 1), mid, natural, orats, effective:conventional|average|timed, stress:K, mine"
MINE: Final = "mine"
KEEP_THEM: Final = "run iwm-opts review LOG --recorded-quotes --keep-fills"


@dataclass(frozen=True, slots=True)
class FillModel:
    """A fill convention: its kind, and the number or word that completes it."""

    kind: str
    parameter: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a convention as written on the command line, such as `fraction:0.5`.

        Raises
        ------
        InputError
            For an unknown convention, or a parameter that is missing, not wanted or out of range.
        """
        kind, _, parameter = text.strip().lower().partition(":")
        if kind not in NOTES:
            raise InputError("fill", text, "unknown fill convention", f"choose one of {MODELS_TEXT}")
        if kind in ("fraction", "stress"):
            parameter = _number(text, parameter, upper=1.0 if kind == "fraction" else np.inf)
        elif kind == MINE:
            _own_shares(text, parameter)
        elif kind == "effective":
            if parameter not in EFFECTIVE_SHARE:
                raise InputError("fill", text, "names no effective spread", f"choose of {', '.join(EFFECTIVE_SHARE)}")
        elif parameter:
            raise InputError("fill", text, f"{kind} takes no parameter", f"write {kind}")
        return cls(kind, parameter)

    def __str__(self) -> str:
        return f"{self.kind}:{self.parameter}" if self.parameter else self.kind

    @property
    def note(self) -> str:
        """What to know before believing this convention."""
        return NOTES[self.kind]

    @property
    def label(self) -> str:
        """The convention and its note, for a reader."""
        return f"{self} ({self.note})"

    def share(self, legs: int) -> float:
        """Offset from mid as a share of H, before ticks, for a package of so many legs."""
        if self.kind in ("fraction", "stress"):
            return float(self.parameter)
        if self.kind == MINE:
            shares = _own_shares(str(self), self.parameter)
            return shares.get(legs, shares[0])
        if self.kind == "effective":
            return EFFECTIVE_SHARE[self.parameter]
        if self.kind == "orats":
            if legs not in ORATS_SHARE:
                raise InputError("fill", str(self), f"is not defined for {legs} legs", "use fraction:0.5")
            return ORATS_SHARE[legs]
        return 1.0 if self.kind == "natural" else 0.0


def _number(text: str, parameter: str, upper: float) -> str:
    """Parameter in its shortest spelling, so that equal models compare equal."""
    bound = "between 0 and 1" if np.isfinite(upper) else "zero or more"
    try:
        value = float(parameter.removesuffix("%")) / (100.0 if parameter.endswith("%") else 1.0)
    except ValueError:
        value = np.nan
    if not (0.0 <= value <= upper and np.isfinite(value)):
        remedy = "use stress:K for more than the half-spread" if value > upper else f"choose one of {MODELS_TEXT}"
        raise InputError("fill", text, f"needs a number {bound}", remedy)
    return repr(value + 0.0).removesuffix(".0")  # + 0.0 turns -0.0 into 0.0


def _own_shares(text: str, parameter: str) -> dict[int, float]:
    """Offsets of own fills by legs, those of any other package at 0, out of `0.42/4=0.38`."""
    if not parameter:
        raise InputError("fill", text, "own fills are not measured yet", KEEP_THEM)
    shares = {}
    for part in parameter.split("/"):
        legs, _, share = part.rpartition("=")
        try:
            shares[int(legs or 0)] = float(_number(text, share, upper=np.inf))
        except ValueError:
            raise InputError("fill", text, f"{part!r} is not LEGS=OFFSET", "write mine:0.42/4=0.38") from None
    if 0 not in shares:
        raise InputError("fill", text, "lacks the offset of all fills", "write mine:0.42/4=0.38")
    return shares


DEFAULT_MODEL: Final = FillModel.parse(FILL_MODEL)


@dataclass(frozen=True, slots=True)
class Fill:
    """Filling one package; dollars a share unless said, credits positive. NaN throughout when a leg has no quote."""

    model: str
    mid: float
    natural: float
    half_spread: float  # H
    price: float
    offset: float  # mid - price, rounding to the tick included
    slippage: float  # dollars a package against mid
    slippage_share_of_credit: float | None  # of the credit at mid; None where that is a debit

    @property
    def is_filled(self) -> bool:
        """Whether every leg had a two-sided quote."""
        return bool(np.isfinite(self.price))

    @property
    def rejection(self) -> str:
        """Why a credit strategy must reject this fill; empty when it need not."""
        if not self.is_filled:
            return "a leg has no two-sided quote"
        return "" if self.price > 0 else f"credit {self.price:.2f} at {self.model} is not above zero"


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """Filling packages of one kind; meanings and units as in `Fill`, arrays of shape (n,), NaN for None."""

    model: str
    mid: Array
    half_spread: Array
    price: Array

    def __len__(self) -> int:
        return len(self.price)

    @property
    def natural(self) -> Array:
        """Selling the bids and buying the asks."""
        return self.mid - self.half_spread

    @property
    def offset(self) -> Array:
        """Distance of the fill from mid, dollars a share."""
        return self.mid - self.price

    @property
    def slippage(self) -> Array:
        """Dollars a package lost against mid."""
        return MULTIPLIER * self.offset

    @property
    def slippage_share_of_credit(self) -> Array:
        """Slippage over the credit at mid; NaN without a credit."""
        return np.divide(self.offset, self.mid, out=np.full_like(self.mid, np.nan), where=self.mid > 0)

    @property
    def is_filled(self) -> NDArray[np.bool_]:
        """Where every leg had a two-sided quote."""
        return np.isfinite(self.price)

    @property
    def is_credit(self) -> NDArray[np.bool_]:
        """Where the fill brings money in: elsewhere, and where a leg has no quote, a credit strategy rejects it."""
        return self.price > 0

    def one(self, i: int) -> Fill:
        """Package i alone."""
        columns = (self.mid, self.natural, self.half_spread, self.price, self.offset, self.slippage)
        mid, natural, half_spread, price, offset, slippage = (float(column[i]) for column in columns)
        share = float(self.slippage_share_of_credit[i])
        known_share = None if np.isnan(share) else share
        return Fill(self.model, mid, natural, half_spread, price, offset, slippage, known_share)


def fill_packages(model: FillModel, legs: Legs, bid: ArrayLike, ask: ArrayLike, tick: float = TICK) -> Fills:
    """Fill many packages of one kind under one convention.

    Parameters
    ----------
    model : FillModel
    legs : Legs
        `legs.closing()` fills the exit.
    bid, ask : array_like, shape (n, legs)
        Dollars a share. Negative bids count as zero. A leg without a quote (NaN, a zero ask) or with a crossed one
        makes its package NaN.
    tick : float
        Prices are rounded to it against the trader, except at `mid`.

    Returns
    -------
    Fills
        On quotes that are multiples of the tick every price lies between natural and mid, `stress` apart.

    Raises
    ------
    InputError
        When the quotes are not one column a leg, the tick is not positive, or the convention does not know so many
        legs.
    """
    bids, asks = np.array(bid, dtype=np.float64, order="C"), np.array(ask, dtype=np.float64, order="C")
    if bids.ndim != 2 or bids.shape != asks.shape or bids.shape[1] != len(legs):
        raise InputError("quotes", f"bid {bids.shape}, ask {asks.shape}", f"needs {len(legs)} columns, one per leg")
    if not tick > 0:
        raise InputError("tick", tick, "must be positive")
    ticks_per_dollar = 0.0 if model.kind == "mid" else 1.0 / tick
    out = mid, half_spread, price = np.empty(len(bids)), np.empty(len(bids)), np.empty(len(bids))
    terms = (model.share(len(legs)), model.kind == "fraction", ticks_per_dollar)
    fill_prices(legs.sign, legs.right, legs.ratio, bids, asks, *terms, *out)
    return Fills(str(model), mid, half_spread, price)


def fill_package(model: FillModel, legs: Legs, bid: ArrayLike, ask: ArrayLike, tick: float = TICK) -> Fill:
    """Fill one package, its bids and asks of shape (legs,); otherwise as `fill_packages`."""
    return fill_packages(model, legs, np.atleast_2d(np.asarray(bid)), np.atleast_2d(np.asarray(ask)), tick).one(0)
