"""What follows each session of a history: sums, changes and moves over the sessions after it."""

import math

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR

Array = NDArray[np.float64]


def sum_ahead(values: Array, sessions: int) -> Array:
    """Sum over the sessions after each one, shape (n,); gaps count 0, NaN where the history ends before."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    out = np.full(len(values), np.nan)
    out[:-sessions] = total[sessions + 1 :] - total[1:-sessions]
    return out


def change_ahead(values: Array, sessions: int) -> Array:
    """Change until some sessions on, shape (n,); NaN where the history ends before."""
    out = np.full(len(values), np.nan)
    out[:-sessions] = values[sessions:] - values[:-sessions]
    return out


def variance_ahead(log_return: Array, sessions: int) -> Array:
    """Realised variance of the sessions after each one, a year, shape (n,)."""
    return sum_ahead(log_return * log_return, sessions) * (SESSIONS_PER_YEAR / sessions)


def implied_deviations(log_return: Array, iv: Array, sessions: int) -> Array:
    """Return over the sessions after each one over its implied standard deviation, shape (n,)."""
    return np.asarray(np.expm1(sum_ahead(log_return, sessions)) / (iv * math.sqrt(sessions / SESSIONS_PER_YEAR)))
