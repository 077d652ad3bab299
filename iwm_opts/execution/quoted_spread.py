"""Quoted bid-ask spreads of a chain by moneyness or delta and days to expiration."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.errors import InputError

Array = NDArray[np.float64]
By = Literal["moneyness", "delta"]

# Percent, |delta| in percent, calendar days. A bucket holds its lower edge; the last of moneyness and of dte is open.
MONEYNESS_EDGES: Final = (0.0, 2.5, 5.0, 7.5, 10.0)
DELTA_EDGES: Final = (0, 2, 5, 10, 16, 25, 35, 50)
DTE_EDGES: Final = (0, 2, 8, 22, 46, 91, 181)
KEYS: Final = ["right", "bucket", "dte"]
P75: Final = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class SpreadTable:
    """Quoted spreads of one chain, and which quotes they do not count.

    `table` has a row for each right, bucket and dte that holds quotes: n (quotes with a bid), no_bid (share of the
    quotes that have none), medians of spread and mid and spread_p75 in dollars a share, and share_of_mid and
    share_of_mid_p75, the spread over its mid. All but no_bid are of the n quotes; NaN where n is 0.
    """

    name: str
    by: By
    table: pd.DataFrame
    counted: int
    no_bid: int
    left_out: dict[str, int]  # reason: quotes

    @property
    def note(self) -> str:
        """Counts of quotes used and left out, in one line."""
        reasons = "".join(f", {count} {reason}" for reason, count in self.left_out.items() if count)
        return (
            f"{self.counted} out-of-the-money quotes with a bid; {self.no_bid} without one have no share of mid, "
            f"so the far wings look cheaper than they are" + (f"; left out: {reasons[2:]}" if reasons else "")
        )


def spread_table(chain: pd.DataFrame, by: By = "moneyness", name: str = "") -> SpreadTable:
    """Quoted spreads of the out-of-the-money options of a chain.

    Spreads are measured where the bid is positive: a zero bid would be a spread of 200% of a mid that no
    seller gets. That selects, most of all in the far wings, so the fraction of quotes without a bid is given too.

    Parameters
    ----------
    chain : DataFrame, one row a quote
        Columns right, strike, bid, ask, dte, and forward or else underlying_price; delta too for `by="delta"`.
    by : {"moneyness", "delta"}
        Percent out of the money, against the forward where there is one; or |delta| in percent, up to 50.

    Raises
    ------
    InputError
        When a column is missing, a right is neither C nor P, or `by` is neither of the two.
    """
    right = _right(chain)
    reference = _floats(chain, "forward" if "forward" in chain else "underlying_price")
    out_of_the_money = 100.0 * right * (_floats(chain, "strike") - reference) / reference  # percent
    bid, ask, dte = _floats(chain, "bid"), _floats(chain, "ask"), _floats(chain, "dte")
    distance, edges = _distance(chain, by, out_of_the_money)
    tests = {
        "without a quote": ~(np.isfinite(bid) & (ask > 0) & np.isfinite(ask)),
        "crossed": bid > ask,
        "in the money": ~(out_of_the_money >= 0),
        f"without {by}": ~np.isfinite(distance),
        "beyond 50 delta": distance >= edges[-1] if by == "delta" else np.zeros(len(bid), dtype=bool),
        "expired": ~(dte >= 0),
    }
    keep, left_out = np.ones(len(bid), dtype=bool), {}
    for reason, fails in tests.items():  # each quote is counted under the first reason that applies
        left_out[reason] = int((keep & fails).sum())
        keep &= ~fails
    has_bid = (bid > 0)[keep]
    quotes = pd.DataFrame(
        {
            "right": np.where(right > 0, "C", "P")[keep],
            "bucket": _bucket(distance[keep], edges, is_open=by == "moneyness"),
            "dte": _bucket(dte[keep], DTE_EDGES, is_open=True, is_whole=True),
            "no_bid": ~has_bid,
            "spread": np.where(has_bid, (ask - bid)[keep], np.nan),
            "mid": np.where(has_bid, (0.5 * (ask + bid))[keep], np.nan),
        }
    )
    return SpreadTable(name, by, _summary(quotes), int(has_bid.sum()), int((~has_bid).sum()), left_out)


def side_by_side(first: SpreadTable, second: SpreadTable, names: tuple[str, str] = ("1", "2")) -> pd.DataFrame:
    """Two chains bucket by bucket, where both have quotes with a bid.

    Returns
    -------
    DataFrame
        right, bucket, dte; n, no_bid, spread and share_of_mid of each, with _ and its name as suffix; `ratio` of the
        shares of mid, the first over the second.
    """
    if first.by != second.by:
        raise InputError("by", f"{first.by} and {second.by}", "must be the same for both chains")
    columns = [*KEYS, "n", "no_bid", "spread", "share_of_mid"]
    left, right = (spreads.table.loc[spreads.table["n"] > 0, columns] for spreads in (first, second))
    merged = left.merge(right, on=KEYS, suffixes=(f"_{names[0]}", f"_{names[1]}"))
    return merged.assign(ratio=merged[f"share_of_mid_{names[0]}"] / merged[f"share_of_mid_{names[1]}"])


def _right(chain: pd.DataFrame) -> Array:
    if "right" not in chain:
        raise InputError("chain", "right", "is missing from its columns", "add it")
    sign = chain["right"].map(RIGHT_SIGN)
    if sign.isna().any():
        raise InputError("right", chain.loc[sign.isna(), "right"].iloc[0], "must be C or P")
    return np.asarray(sign, dtype=np.float64)


def _floats(chain: pd.DataFrame, column: str) -> Array:
    if column not in chain:
        raise InputError("chain", column, "is missing from its columns", "add it")
    return chain[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _distance(chain: pd.DataFrame, by: By, out_of_the_money: Array) -> tuple[Array, tuple[float, ...]]:
    if by == "moneyness":
        return out_of_the_money, MONEYNESS_EDGES
    if by == "delta":
        return 100.0 * np.abs(_floats(chain, "delta")), DELTA_EDGES
    raise InputError("by", by, "unknown measure of distance", "choose moneyness or delta")


def _bucket(values: Array, edges: tuple[float, ...], *, is_open: bool, is_whole: bool = False) -> pd.Series:
    """Buckets named for a reader, in order: `2.5-5`, `10+`, or by whole numbers `2-7`."""
    labels = [f"{a:g}-{b - 1 if is_whole else b:g}" for a, b in pairwise(edges)]
    if is_open:
        labels.append(f"{edges[-1]:g}+")
    codes = np.searchsorted(edges, values, side="right") - 1
    names = pd.Series(np.array(labels, dtype=object)[codes])
    return names.astype(pd.CategoricalDtype(labels, ordered=True))


def _summary(quotes: pd.DataFrame) -> pd.DataFrame:
    quotes = quotes.assign(share_of_mid=quotes["spread"] / quotes["mid"])
    groups = quotes.groupby(KEYS, observed=True, sort=True)
    return pd.DataFrame(
        {
            "n": groups["spread"].count(),
            "no_bid": groups["no_bid"].mean(),
            "spread": groups["spread"].median(),
            "spread_p75": groups["spread"].quantile(P75),
            "mid": groups["mid"].median(),
            "share_of_mid": groups["share_of_mid"].median(),
            "share_of_mid_p75": groups["share_of_mid"].quantile(P75),
        }
    ).reset_index()
