"""P-values of many claims at once: Romano-Wolf stepdown over days that all claims resample together.

Romano and Wolf 2005, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4), two-sided and
studentised by the spread of the resampled estimates; Westfall and Young 1993 is the same under subset pivotality.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.selection import stationary_blocks

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DailyRows:
    """Observations behind an estimate by day, and the estimate as a function of them."""

    days: pd.DatetimeIndex  # shape (n,)
    rows: Array  # shape (n, columns)
    statistic: Callable[[Array], float] | None = None  # of rows; None: ratios of sums, column pairs one less the next

    def resampled(self, counts: Array) -> Array:
        """Estimate of each resample, given how often it draws each row; shape (draws,)."""
        if self.statistic is None:
            sums = counts @ self.rows
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = sums[:, 0] / sums[:, 1]
                return np.asarray(ratio - sums[:, 2] / sums[:, 3] if sums.shape[1] > 2 else ratio)
        often = counts.astype(np.int64)
        drawn = (np.repeat(self.rows, count, axis=0) for count in often)
        return np.array([self.statistic(rows) if len(rows) > 1 else math.nan for rows in drawn])


def stepdown(
    samples: Sequence[DailyRows],
    estimates: Sequence[float],
    nulls: Sequence[float],
    block: float,
    seed: int,
    draws: int,
) -> tuple[Array, Array]:
    """Two-sided p-values of estimates against their nulls, plain and adjusted for each other.

    Parameters
    ----------
    samples : sequence of DailyRows
        A claim each. Days are drawn once for all, which keeps the dependence between claims; plain p-values rest on
        draws of a claim's own days, the same in any company.
    estimates, nulls : sequence of float
    block : float
        Mean block of the stationary bootstrap, sessions.
    seed, draws : int

    Returns
    -------
    plain, adjusted : ndarray, shape (claims,)
        At least 1 / (draws + 1); the chance of any false rejection among adjusted values below a level is that level
        at most, asymptotically. NaN for an estimate that no resample moves.
    """
    t, resampled = _studentised(samples, estimates, nulls, block, seed, draws)
    plain = t.copy()
    for place, sample in enumerate(samples):
        own, drawn = _studentised([sample], estimates[place : place + 1], nulls[place : place + 1], block, seed, draws)
        plain[place] = (1.0 + (drawn >= own).sum()) / (1.0 + draws)
    ascending = np.argsort(t)
    largest = np.maximum.accumulate(resampled[:, ascending], axis=1)  # of the claims with a t as small or smaller
    adjusted = np.empty(len(t))
    adjusted[ascending] = (1.0 + (largest >= t[ascending]).sum(axis=0)) / (1.0 + draws)
    adjusted = np.maximum(adjusted, plain)  # other draws of its own days may give the larger of the two
    adjusted[ascending[::-1]] = np.maximum.accumulate(adjusted[ascending[::-1]])
    plain[np.isnan(t)] = adjusted[np.isnan(t)] = np.nan
    return plain, adjusted


def _studentised(
    samples: Sequence[DailyRows],
    estimates: Sequence[float],
    nulls: Sequence[float],
    block: float,
    seed: int,
    draws: int,
) -> tuple[Array, Array]:
    """Sizes of t against the nulls, shape (claims,), and of resamples about the estimates, shape (draws, claims)."""
    days = pd.DatetimeIndex(np.unique(np.concatenate([sample.days.to_numpy() for sample in samples])))
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, len(days)))
    for row in counts:
        first, length = stationary_blocks(len(days), block, rng)
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        row[:] = np.bincount((np.repeat(first, length) + offset) % len(days), minlength=len(days))
    drawn = np.stack([sample.resampled(counts[:, days.get_indexer(sample.days)]) for sample in samples], axis=1)
    centred = drawn - np.asarray(estimates)
    error = np.full(len(samples), np.nan)
    is_drawn = np.isfinite(centred).any(axis=0)
    error[is_drawn] = np.nanstd(centred[:, is_drawn], axis=0)
    error[error == 0.0] = np.nan
    t = np.abs(np.asarray(estimates) - np.asarray(nulls)) / error
    return t, np.nan_to_num(np.abs(centred) / error)
