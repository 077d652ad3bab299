"""What follows a low or a high IV rank: the conditional facts that the strategy rests on, on any history."""

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import GATE_RANK, IVR_LOOKBACK
from iwm_opts.kernels.panel.rank import rolling_rank_and_percentile
from iwm_opts.research.facts import CHANGE_SESSIONS, POINTS, REALISED_SESSIONS, History
from iwm_opts.research.forward_windows import change_ahead, implied_deviations, variance_ahead

Array = NDArray[np.float64]

BUCKETS: Final = (0.0, GATE_RANK, 50.0, math.inf)


def rank_table(history: History, lookback: int = IVR_LOOKBACK) -> pd.DataFrame:
    """Implied and realised vol, and the tails of returns, by IV rank.

    Parameters
    ----------
    history : History
    lookback : int
        Sessions of the rank; the first windows, which are shorter, are left out.

    Returns
    -------
    DataFrame
        One row a bucket of rank (below the gate's, to 50, above). share of ranked sessions; iv and realised (of the
        next 21 sessions), points; ratio, the median of realised over implied vol; below, the share of sessions whose
        realised vol came out below implied; iv_change_10, the mean change of implied vol over the next 10 sessions,
        points; put_tail and call_tail, shares of sessions whose next-21-session return lay beyond one implied standard
        deviation.
    """
    iv, n = np.ascontiguousarray(history.iv), len(history)
    rank, percentile, seen = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    rolling_rank_and_percentile(iv.copy(), lookback, rank, percentile, seen)
    realised = np.sqrt(variance_ahead(history.log_return, REALISED_SESSIONS))
    deviations = implied_deviations(history.log_return, iv, REALISED_SESSIONS)
    table = pd.DataFrame(
        {
            "bucket": pd.cut(np.where(seen >= lookback, rank, np.nan), BUCKETS, right=False),
            "iv": POINTS * iv,
            "realised": POINTS * realised,
            "ratio": realised / iv,
            "below": (realised < iv).astype(float),
            "iv_change_10": POINTS * change_ahead(iv, CHANGE_SESSIONS),
            "put_tail": (deviations < -1.0).astype(float),
            "call_tail": (deviations > 1.0).astype(float),
        }
    )[np.isfinite(realised) & (seen >= lookback)]
    groups = table.groupby("bucket", observed=False)
    means = groups.mean()
    means["ratio"] = groups["ratio"].median()
    means.insert(0, "share", groups.size() / len(table))
    return means
