"""States in which the surface model prices given volatility indices.

A level alone does not determine the variance factors; with the ratio of a short index to it there is one pair of
the fast and the slow one that prices both. The premium is at its mean given such a fast factor; the
others stay at zero: middle, long-term level and skew.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.simulation.dynamics import FACTORS, VarianceCurve, premium_beside_fast, variance_curve
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

LEVEL_YEARS: Final = 30.0 / 365.0
SHORT_YEARS: Final = 9.0 / 365.0
STEPS: Final = 60
LONGEST_STEP: Final = 1.0  # of a factor: farther, the exponentials are not what their slopes say
FITTED: Final = [FACTORS.index(name) for name in ("fast", "slow")]
SETTLED: Final = 1e-13  # of a factor: a smaller step is rounding
TOLERANCE: Final = 1e-9  # of log variance


def index_factors(parameters: Parameters, level: Array, ratio: Array) -> Array:
    """Factors that price a 30-day index and the ratio of a 9-day one to it.

    Parameters
    ----------
    level : ndarray, shape (n,)
        30-day model-free implied vol, decimal.
    ratio : ndarray, shape (n,)
        9-day over 30-day vol.

    Returns
    -------
    ndarray, shape (n, 6)
        Columns in the order of `State`; NaN where no factors price the two: below the model's floor, or at a ratio
        steeper than its fast factor can make.
    """
    curve = variance_curve(parameters.dynamics, parameters.premium, np.array([LEVEL_YEARS, SHORT_YEARS]))
    share = premium_beside_fast(parameters.dynamics)
    goal = np.stack([2.0 * np.log(level), 2.0 * np.log(ratio * level)])
    factors = np.zeros((2, len(level)))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(STEPS):
            value, slope = _log_variance(curve, share, *factors)
            miss = goal - value
            determinant = slope[0, 0] * slope[1, 1] - slope[0, 1] * slope[1, 0]
            fast = (slope[1, 1] * miss[0] - slope[0, 1] * miss[1]) / determinant
            slow = (slope[0, 0] * miss[1] - slope[1, 0] * miss[0]) / determinant
            longest = np.maximum(np.maximum(np.abs(fast), np.abs(slow)) / LONGEST_STEP, 1.0)
            step = np.stack([fast, slow]) / longest
            factors = factors + step
            if not (np.abs(step) > SETTLED).any():
                break
        miss = np.abs(goal - _log_variance(curve, share, *factors)[0]).max(axis=0)
    states = np.zeros((len(level), len(FACTORS)))
    states[:, FITTED] = np.where(miss < TOLERANCE, factors, np.nan).T
    states[:, FACTORS.index("premium")] = share * states[:, FITTED[0]]
    return states


def _log_variance(curve: VarianceCurve, share: float, fast: Array, slow: Array) -> tuple[Array, Array]:
    """Log of priced variance at each tenor, shape (2, n), and its slopes in the two factors, shape (2, 2, n)."""
    loading = np.stack([curve.fast + share * curve.premium, curve.slow])[..., None]
    parts = curve.weight[..., None] * np.exp(loading[0] * fast + loading[1] * slow)
    value = curve.constant + parts.sum(axis=1)
    slope = (loading * parts).sum(axis=2) / value
    return np.log(value), slope.swapaxes(0, 1)
