"""Defects of a chain: each is counted and named, none is silently dropped or repaired."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.kernels.panel.quality import INTRINSIC_SLACK, TICK_SLACK, WIDE_RATIO, WIDE_SPREAD
from iwm_opts.market.contract import Settlement, settlement_of

Mask = NDArray[np.bool_]

IV_PLACEHOLDER: Final = 0.01  # vendors write 0, 1e-5 or 0.01 where they have no implied volatility
REPEATED: Final = 0.95  # share of rows equal to the previous capture's that makes a capture a repeat of it
_ASIDE: Final = {"no_bid": "without a bid", "locked": "locked", "iv_placeholder": "without a vendor's IV"}  # no defects
_TELLING: Final = ("crossed", "zero", "missing", "duplicate", "stale", "implausible", "off_tick", "unpaired")


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Defects of one capture, in rows; a row may count under several. Quotes of `unusable` rows are taken as none."""

    rows: int
    usable: int  # rows with a two-sided, possible quote; a bid of zero is one
    crossed: int  # bid above ask
    locked: int  # bid equals ask
    zero: int  # an ask of zero: no quote
    no_bid: int  # a bid of zero below a real ask: a quote without a buyer
    missing: int  # no number for bid or ask
    duplicate: int  # rows left out because an earlier one has the same key
    stale: int  # rows of expired contracts; all rows where the whole capture is old or repeats the one before
    off_tick: int  # bid or ask between the ticks of its class
    implausible: int  # negative, above the option's largest payoff, clearly below intrinsic value, or contradicted
    unpaired: int  # a call without its put, or the reverse
    iv_placeholder: int  # the vendor's implied volatility is 0, 1e-5 or 0.01
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line: rows, harmless gaps and every defect."""
        aside = "".join(f", {getattr(self, name)} {words}" for name, words in _ASIDE.items() if getattr(self, name))
        counts = [(name, getattr(self, name)) for name in _TELLING]
        defects = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts if count)
        return f"{self.rows} rows, {self.usable} usable{aside}; {defects or 'no defects'}"

    def to_json(self) -> dict[str, Any]:
        """Return counts by name, with the notes as a list."""
        return {**asdict(self), "notes": list(self.notes)}


@dataclass(frozen=True, slots=True, eq=False)
class RowDefects:
    """Which rows of a capture have which defect; every mask has shape (n,)."""

    crossed: Mask
    locked: Mask
    zero: Mask
    no_bid: Mask
    missing: Mask
    off_tick: Mask
    implausible: Mask
    expired: Mask
    unpaired: Mask
    iv_placeholder: Mask

    @property
    def usable(self) -> Mask:
        """Rows whose quote can be taken at its word."""
        return ~(self.crossed | self.zero | self.missing | self.implausible)


def row_defects(quotes: pd.DataFrame, spot: float) -> RowDefects:
    """Look at every row of one capture.

    Parameters
    ----------
    quotes : DataFrame, n rows
        Canonical columns (`conventions.CHAIN_COLUMNS`).
    spot : float
        Price of the underlying; NaN leaves out the rules that need it.

    Notes
    -----
    `implausible` rows are of two kinds. Impossible by themselves: a negative price, a bid above the most the option can
    ever pay, an American ask clearly below intrinsic value. Contradicted by the next strikes of the same expiration
    and right: see `_contradicted`.
    """
    rows = _Rows.of(quotes)
    bid, ask = rows.bid, rows.ask
    tick = np.array([root.tick for root in rows.roots])[rows.root]
    with np.errstate(invalid="ignore"):  # NaN compares false, and is counted under `missing`
        return RowDefects(
            crossed=bid > ask,
            locked=(bid == ask) & (ask > 0.0),
            zero=ask == 0.0,
            no_bid=(bid == 0.0) & (ask > 0.0),
            missing=~(np.isfinite(bid) & np.isfinite(ask)),
            off_tick=_between_ticks(bid / tick) | _between_ticks(ask / tick),
            implausible=_implausible(rows, spot),
            expired=(quotes["expiration"] < quotes["quote_date"]).to_numpy(dtype=bool),
            unpaired=np.asarray(~quotes.duplicated(["root", "expiration", "strike"], keep=False)),
            iv_placeholder=quotes["implied_volatility"].to_numpy(dtype=np.float64) <= IV_PLACEHOLDER,
        )


def usable_rows(quotes: pd.DataFrame, spot: float) -> Mask:
    """`RowDefects.usable` alone, of rows with expiration, root, right, strike, bid and ask: a third of the work."""
    rows = _Rows.of(quotes)
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(rows.bid) & np.isfinite(rows.ask) & (rows.bid <= rows.ask) & (rows.ask != 0.0)
        return np.asarray(sound & ~_implausible(rows, spot))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Columns of n rows that the rules read, as arrays: pandas looks words up a hundred times slower."""

    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    strike: NDArray[np.float64]
    sign: NDArray[np.float64]  # +1 call, -1 put, NaN neither
    expiration: NDArray[np.int64]
    root: NDArray[np.int64]  # place among `roots`
    roots: list[Settlement]

    @classmethod
    def of(cls, quotes: pd.DataFrame) -> "_Rows":
        """Arrays of canonical columns."""
        bid, ask, strike = (quotes[name].to_numpy(dtype=np.float64) for name in ("bid", "ask", "strike"))
        root, names = pd.factorize(quotes["root"])
        expiration = quotes["expiration"].to_numpy().astype(np.int64)
        return cls(bid, ask, strike, right_signs(quotes["right"]), expiration, root, [settlement_of(n) for n in names])


def right_signs(right: "pd.Series[str]") -> NDArray[np.float64]:
    """+1 for C and -1 for P, NaN for anything else: a missing right must not pass for a put."""
    signs = np.full(len(right), np.nan)
    for name, sign in RIGHT_SIGN.items():
        signs[(right == name).to_numpy(dtype=bool, na_value=False)] = sign
    return signs


def _between_ticks(steps: NDArray[np.float64]) -> Mask:
    return np.asarray(np.abs(steps - np.round(steps)) > TICK_SLACK)


def _implausible(rows: _Rows, spot: float) -> Mask:
    american = np.array([root.exercise == "american" for root in rows.roots], dtype=bool)[rows.root]
    slack = INTRINSIC_SLACK * spot
    most = np.where(rows.sign > 0, spot + slack, rows.strike)
    # A European put may trade below intrinsic value; an American option that does is a gift, hence an error.
    least = np.where(american, rows.sign * (spot - rows.strike) - slack, 0.0)
    is_low = (rows.ask > 0.0) & (rows.ask < least)
    impossible = (rows.bid < 0.0) | (rows.ask < 0.0) | (rows.bid > most) | is_low
    sound = np.isfinite(rows.bid) & np.isfinite(rows.ask) & ~impossible & (rows.bid <= rows.ask) & (rows.ask > 0.0)
    return impossible | _contradicted(rows, sound)


def _contradicted(of: _Rows, sound: Mask) -> Mask:
    """Sound quotes that those at the next strikes of the same expiration and right contradict.

    An option is worth no less than one further out of the money whatever the model (Merton 1973, Theory of
    Rational Option Pricing).
    One neighbour may be the one that is wrong, so two must agree. A quote is contradicted where

    - both next strikes out of the money bid more than its ask, or more than its midpoint if it has no bid;
    - it bids more than both next strikes into the money ask;
    - it has no bid, and a wide spread: above a dollar, and five times the median spread of its four
      neighbours. The two strikes at either end have too few neighbours for this rule.
    """
    kept = np.flatnonzero(sound)
    keys = (-of.sign * of.strike, of.sign, of.root, of.expiration)
    rows = kept[np.lexsort([key[kept] for key in keys])]  # within each group by rising worth
    starts = np.logical_or.reduce([key[rows][1:] != key[rows][:-1] for key in keys[1:]])
    group = np.concatenate([[0], np.cumsum(starts)]) if len(rows) else np.empty(0, dtype=np.int64)
    bid, ask = of.bid[rows], of.ask[rows]
    most = np.where(bid > 0.0, ask, 0.5 * ask)
    spread = ask - bid
    further = [_beside(bid, group, steps, -np.inf) for steps in (1, 2)]
    deeper = [_beside(ask, group, steps, np.inf) for steps in (-1, -2)]
    is_contradicted = (most < np.minimum(*further)) | (bid > np.maximum(*deeper))
    dollars, times = WIDE_SPREAD, WIDE_RATIO
    suspect = np.flatnonzero((bid == 0.0) & (spread > dollars))
    near = [_beside(spread, group, steps, np.inf)[suspect] for steps in (-2, -1, 1, 2)]
    is_contradicted[suspect] |= spread[suspect] > times * np.median(near, axis=0)
    mask = np.zeros(len(sound), dtype=np.bool_)
    mask[rows] = is_contradicted
    return mask


def _beside(values: NDArray[np.float64], group: NDArray[Any], steps: int, nothing: float) -> NDArray[np.float64]:
    """Values of the rows so many steps before, `nothing` where those are of another group."""
    there = np.roll(values, steps)
    same = np.roll(group, steps) == group
    if steps > 0:
        same[:steps] = False
    else:
        same[steps:] = False
    return np.where(same, there, nothing)


def repeats(quotes: pd.DataFrame, previous: pd.DataFrame) -> bool:
    """Whether a capture only repeats the one before: nearly every quote is the same, at the same spot."""
    key = ["root", "expiration", "right", "strike"]
    merged = quotes[[*key, "bid", "ask"]].merge(previous[[*key, "bid", "ask"]], on=key, suffixes=("", "_before"))
    same = (merged["bid"] == merged["bid_before"]) & (merged["ask"] == merged["ask_before"])
    return len(merged) > 0 and float(same.mean()) >= REPEATED


def assess(
    quotes: pd.DataFrame, spot: float, *, duplicate: int = 0, frozen: bool = False, notes: Sequence[str] = ()
) -> QualityReport:
    """Count the defects of one capture.

    Parameters
    ----------
    quotes : DataFrame, n rows
        Canonical columns.
    spot : float
        Price of the underlying, NaN where unknown.
    duplicate : int
        Rows that were left out before.
    frozen : bool
        The whole capture is known to be old: every row counts as stale.
    notes : sequence of str
        What else a reader of the numbers should know.
    """
    defects = row_defects(quotes, spot)
    counted = (
        "crossed",
        "locked",
        "zero",
        "no_bid",
        "missing",
        "off_tick",
        "implausible",
        "unpaired",
        "iv_placeholder",
    )
    return QualityReport(
        rows=len(quotes),
        usable=int(defects.usable.sum()),
        duplicate=duplicate,
        stale=len(quotes) if frozen else int(defects.expired.sum()),
        notes=tuple(notes),
        **{name: int(getattr(defects, name).sum()) for name in counted},
    )
