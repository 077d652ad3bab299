"""What is wrong with a chain: every defect is counted and named, none is silently dropped or repaired."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.market.contract import settlement_of

Mask = NDArray[np.bool_]

IV_PLACEHOLDER: Final = 0.01  # vendors write 0, 1e-5 or 0.01 where they have no implied volatility
INTRINSIC_SLACK: Final = 0.01  # share of spot by which spot and quotes may be out of step before an ask is impossible
TICK_SLACK: Final = 1e-4  # share of a tick that binary fractions may be off by
REPEATED: Final = 0.95  # share of rows equal to the previous capture's that makes a capture a repeat of it
_TELLING: Final = ("crossed", "zero", "missing", "duplicate", "stale", "implausible", "off_tick", "unpaired")


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Defects of one capture, in rows; a row may count under several. Quotes of `unusable` rows are taken as none."""

    rows: int
    usable: int  # rows with a two-sided, possible quote; a bid of zero is one
    crossed: int  # bid above ask
    locked: int  # bid equals ask
    zero: int  # an ask of zero: no quote
    no_bid: int  # a bid of zero below a real ask: a quote, but nobody pays
    missing: int  # no number for bid or ask
    duplicate: int  # rows left out because an earlier one has the same key
    stale: int  # rows of expired contracts; all rows where the whole capture is old or repeats the one before
    off_tick: int  # bid or ask between the ticks of its class
    implausible: int  # negative, a bid above what the option can ever pay, an ask clearly below intrinsic value
    unpaired: int  # a call without its put, or the reverse
    iv_placeholder: int  # the vendor's implied volatility is 0, 1e-5 or 0.01
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line: rows, and every defect that occurs."""
        counts = [(name, getattr(self, name)) for name in _TELLING]
        found = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts if count)
        return f"{self.rows} rows, {self.usable} usable; {found or 'no defects'}"

    def to_json(self) -> dict[str, Any]:
        """The counts by name, with the notes as a list."""
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
    """
    bid, ask, strike = (quotes[name].to_numpy(dtype=np.float64) for name in ("bid", "ask", "strike"))
    with np.errstate(invalid="ignore"):  # NaN compares false, and is counted under `missing`
        return RowDefects(
            crossed=bid > ask,
            locked=(bid == ask) & (ask > 0.0),
            zero=ask == 0.0,
            no_bid=(bid == 0.0) & (ask > 0.0),
            missing=~(np.isfinite(bid) & np.isfinite(ask)),
            off_tick=_off_tick(quotes, bid, ask),
            implausible=_implausible(quotes, bid, ask, strike, spot),
            expired=(quotes["expiration"] < quotes["quote_date"]).to_numpy(dtype=bool),
            unpaired=_unpaired(quotes),
            iv_placeholder=quotes["implied_volatility"].to_numpy(dtype=np.float64) <= IV_PLACEHOLDER,
        )


def _off_tick(quotes: pd.DataFrame, bid: NDArray[np.float64], ask: NDArray[np.float64]) -> Mask:
    ticks = {root: settlement_of(root).tick for root in quotes["root"].unique()}
    tick = quotes["root"].map(ticks).to_numpy(dtype=np.float64)
    return _between_ticks(bid / tick) | _between_ticks(ask / tick)


def _between_ticks(steps: NDArray[np.float64]) -> Mask:
    return np.asarray(np.abs(steps - np.round(steps)) > TICK_SLACK)


def _implausible(
    quotes: pd.DataFrame, bid: NDArray[np.float64], ask: NDArray[np.float64], strike: NDArray[np.float64], spot: float
) -> Mask:
    sign = quotes["right"].map(RIGHT_SIGN).to_numpy(dtype=np.float64)
    american = {root: settlement_of(root).exercise == "american" for root in quotes["root"].unique()}
    slack = INTRINSIC_SLACK * spot
    most = np.where(sign > 0, spot + slack, strike)
    # A European put may trade below intrinsic value; an American option that does is a gift, hence an error.
    least = np.where(quotes["root"].map(american), sign * (spot - strike) - slack, 0.0)
    asked = (ask > 0.0) & (ask < least)
    return np.asarray((bid < 0.0) | (ask < 0.0) | (bid > most) | asked)


def _unpaired(quotes: pd.DataFrame) -> Mask:
    return np.asarray(~quotes.duplicated(["root", "expiration", "strike"], keep=False))


def repeats(quotes: pd.DataFrame, previous: pd.DataFrame) -> bool:
    """Whether a capture only repeats the one before: nearly every quote is the same, at the same spot."""
    key = ["root", "expiration", "right", "strike"]
    both = quotes[[*key, "bid", "ask"]].merge(previous[[*key, "bid", "ask"]], on=key, suffixes=("", "_before"))
    same = (both["bid"] == both["bid_before"]) & (both["ask"] == both["ask_before"])
    return len(both) > 0 and float(same.mean()) >= REPEATED


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
