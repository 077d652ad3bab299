"""What a chain quotes: bid-ask spreads by distance from the money and time to expiration."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError

By = Literal["delta", "moneyness"]

# Buckets hold their lower edge; MEASURED spreads use the same ones. Delta and moneyness in percent, dte in days.
DELTA_EDGES: Final = (0, 2, 5, 10, 16, 25, 35, 50)
MONEYNESS_EDGES: Final = (0, 2, 5, 10)  # percent out of the money; the last bucket is open
DTE_EDGES: Final = (0, 2, 8, 22, 46, 91, 181)  # the last bucket is open
KEYS: Final = ["right", "bucket", "dte"]


@dataclass(frozen=True, slots=True, eq=False)
class SpreadTable:
    """Quoted spreads of one chain, and which quotes they do not count."""

    name: str
    by: By
    table: pd.DataFrame  # right, bucket, dte, n, half_spread, spread, mid ($ medians), share_of_mid (median), share_of_mid_p75
    counted: int
    left_out: dict[str, int]  # reason: quotes

    @property
    def note(self) -> str:
        """What was counted and what was not, in one line."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.left_out.items() if count)
        return f"{self.counted} out-of-the-money quotes with a bid" + (f"; left out: {reasons}" if reasons else "")


def spread_table(chain: pd.DataFrame, by: By = "delta", name: str = "") -> SpreadTable:
    """Median quoted spreads of the out-of-the-money options of a chain that somebody bids for.

    Leaving out zero bids understates what the far wings cost: nothing can be sold there at any share of mid.

    Parameters
    ----------
    chain : DataFrame, one row a quote
        Columns underlying_price, right, strike, bid, ask and dte; delta too for `by="delta"`.
    by : {"delta", "moneyness"}
        |delta| in percent, or percent out of the money against the underlying price.

    Returns
    -------
    SpreadTable
        Spreads in dollars a share and as shares of mid (decimal). Buckets without quotes are absent.

    Raises
    ------
    InputError
        When a column is missing, or `by` is neither of the two.
    """
    distance, edges, unit = _distance(chain, by)
    strike, spot = _floats(chain, "strike"), _floats(chain, "underlying_price")
    bid, ask, dte = _floats(chain, "bid"), _floats(chain, "ask"), _floats(chain, "dte")
    right = chain["right"].to_numpy(dtype=object)
    tests = {
        "without a quote": ~(np.isfinite(bid) & (ask > 0)),
        "crossed": bid > ask,
        "in the money": ~np.where(right == "C", strike >= spot, (right == "P") & (strike <= spot)),
        "with a zero bid": ~(bid > 0),
        f"without {by}": ~np.isfinite(distance),
        f"beyond {edges[-1]} {unit}": distance > edges[-1] if by == "delta" else np.zeros(len(bid), dtype=bool),
        "expired": ~(dte >= 0),
    }
    keep, left_out = np.ones(len(bid), dtype=bool), {}
    for reason, fails in tests.items():  # each quote is counted under the first reason that applies
        left_out[reason] = int((keep & fails).sum())
        keep &= ~fails
    quotes = pd.DataFrame(
        {
            "right": right[keep],
            "bucket": _bucket(distance[keep], edges, is_open=by == "moneyness"),
            "dte": _bucket(dte[keep], DTE_EDGES, is_open=True, whole=True),
            "spread": (ask - bid)[keep],
            "mid": (0.5 * (ask + bid))[keep],
        }
    )
    return SpreadTable(name, by, _medians(quotes), int(keep.sum()), left_out)


def side_by_side(first: SpreadTable, second: SpreadTable) -> pd.DataFrame:
    """Two chains bucket by bucket, where both have quotes.

    Returns
    -------
    DataFrame
        right, bucket, dte; n, spread and share_of_mid of each with suffixes _1 and _2; `ratio` of the shares of mid,
        the first over the second.
    """
    if first.by != second.by:
        raise InputError("by", f"{first.by} and {second.by}", "must be the same for both chains")
    columns = [*KEYS, "n", "spread", "share_of_mid"]
    both = first.table[columns].merge(second.table[columns], on=KEYS, suffixes=("_1", "_2"))
    return both.assign(ratio=both["share_of_mid_1"] / both["share_of_mid_2"])


def _floats(chain: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in chain:
        raise InputError("chain", column, "is missing from its columns", "supply it before measuring spreads")
    return chain[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _distance(chain: pd.DataFrame, by: By) -> tuple[NDArray[np.float64], tuple[int, ...], str]:
    if by == "delta":
        return 100.0 * np.abs(_floats(chain, "delta")), DELTA_EDGES, "delta"
    if by == "moneyness":
        away = np.abs(_floats(chain, "strike") / _floats(chain, "underlying_price") - 1.0)
        return 100.0 * away, MONEYNESS_EDGES, "%"
    raise InputError("by", by, "is no measure of distance", "choose delta or moneyness")


def _bucket(
    values: NDArray[np.float64], edges: tuple[int, ...], *, is_open: bool, whole: bool = False
) -> pd.Categorical:
    """Buckets named for a reader, `2-5`, or by whole numbers `2-7`; the last one `10+` if open."""
    low, high = edges[:-1], edges[1:]
    labels = [f"{a}-{b - 1 if whole else b}" for a, b in zip(low, high, strict=True)]
    if is_open:
        labels.append(f"{edges[-1]}+")
    codes = np.searchsorted(edges, values, side="right") - 1
    return pd.Categorical.from_codes(np.minimum(codes, len(labels) - 1), categories=labels, ordered=True)


def _medians(quotes: pd.DataFrame) -> pd.DataFrame:
    quotes = quotes.assign(share_of_mid=quotes["spread"] / quotes["mid"])
    groups = quotes.groupby(KEYS, observed=True, sort=True)
    table = groups[["spread", "mid", "share_of_mid"]].median()
    table.insert(0, "half_spread", 0.5 * table["spread"])
    table.insert(0, "n", groups.size())
    table["share_of_mid_p75"] = groups["share_of_mid"].quantile(0.75)
    return table.reset_index()
