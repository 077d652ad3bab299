"""The statistics that claims are measured with.

Intervals are 95%: for means and their differences those of `backtest.bootstrap`, for medians, quantiles and
correlations percentiles of a stationary bootstrap (Politis and Romano 1994) by sessions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import LEVEL, ratio_interval
from iwm_opts.research.stepdown import DailyRows

Array = NDArray[np.float64]

DRAWS: Final = 500  # a bound of the 95% interval is then known to a tenth of its reach, for two dozen claims in seconds
MIN_SAMPLE: Final = 10  # fewer on either side are too few to compare
SEED: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Estimate of one claim; NaN without data, with the reason in `detail`."""

    estimate: float
    low: float
    high: float
    sample: int
    sampled: str = ""
    detail: str = ""
    rows: DailyRows | None = None  # observations by day, to be resampled with those of other claims
    at_open: "Reading | None" = None  # of entries at the next open, where the claim is one that is traded

    @property
    def tested(self) -> "Reading":
        """What can be traded: entries at the next open, where they are measured."""
        return self.at_open or self


def mean_difference(
    value: "pd.Series[float]", chosen: "pd.Series[bool]", others: "pd.Series[bool] | None", holding: float, scale: float
) -> Reading:
    """Mean over chosen days, less that over others, with its interval; `value` that is NaN counts on neither side."""
    observed = value.notna()
    size = value[observed].to_numpy(dtype=float) * scale
    picked = chosen.reindex(value.index, fill_value=False)[observed].to_numpy(dtype=float)
    columns = [size * picked, picked]
    if others is not None:
        rest = others.reindex(value.index, fill_value=False)[observed].to_numpy(dtype=float)
        columns += [size * rest, rest]
    interval = ratio_interval([np.column_stack(columns)], holding, SEED, DRAWS)
    if min(column.sum() for column in columns[1::2]) < MIN_SAMPLE:
        return Reading(interval.estimate, math.nan, math.nan, int(picked.sum()))
    rows = DailyRows(pd.DatetimeIndex(value.index[observed]), np.column_stack(columns))
    return Reading(interval.estimate, interval.low, interval.high, int(picked.sum()), rows=rows)


def resampled(statistic: Callable[[Array], float], sample: Array, days: "pd.Index[Any]", block: float) -> Reading:
    """Statistic of rows, a day each, and the percentiles of its stationary bootstrap, mean block in sessions."""
    from arch.bootstrap import StationaryBootstrap

    draws = StationaryBootstrap(max(1, round(block)), sample, seed=np.random.default_rng(SEED))
    values = np.array([statistic(np.asarray(drawn[0][0])) for drawn in draws.bootstrap(DRAWS)])
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.nanquantile(values, [tail, 1.0 - tail])
    rows = DailyRows(pd.DatetimeIndex(days), sample.reshape(len(sample), -1), statistic)
    return Reading(statistic(sample), float(low), float(high), len(sample), rows=rows)


def block_length(series: Array, least: float) -> float:
    """Mean block length (Politis and White 2004), bounded by a least and a fifth of the series."""
    from arch.bootstrap import optimal_block_length

    optimal = float(optimal_block_length(series)["stationary"].iloc[0])
    return min(max(least, optimal if math.isfinite(optimal) else least), len(series) / 5.0)
