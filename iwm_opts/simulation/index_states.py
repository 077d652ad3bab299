"""States in which the surface model prices given volatility indices.

A level alone does not determine the variance factors; with the ratio of a short index to a base there is one pair of
the fast and the slow one that prices both. Each index is priced as its publisher composes it (`simulation.published`).
The premium is at its mean given such a fast factor; the others stay at zero: middle, long-term level and skew.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.simulation.dynamics import FACTORS, VarianceCurve, premium_beside_fast, variance_curve
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.published import Composition

Array = NDArray[np.float64]
Places = NDArray[np.int64]

SAME_TENOR: Final = 12  # decimals of a year: what differs by less is rounding of the clock
STEPS: Final = 60
LONGEST_STEP: Final = 1.0  # of a factor: farther, the exponentials are not what their slopes say
FITTED: Final = [FACTORS.index(name) for name in ("fast", "slow")]
SETTLED: Final = 1e-13  # of a factor: a smaller step is rounding
TOLERANCE: Final = 1e-9  # of log variance


@dataclass(frozen=True, slots=True, eq=False)
class IndexTargets:
    """What the states of n days price: the level of one index, and the ratio of a short index to a base."""

    level: Array  # decimal, shape (n,)
    ratio: Array
    of_level: Composition
    of_short: Composition
    of_base: Composition

    def take(self, days: Places | NDArray[np.bool_]) -> "IndexTargets":
        """Take some of the days."""
        compositions = (part.take(days) for part in (self.of_level, self.of_short, self.of_base))
        return IndexTargets(self.level[days], self.ratio[days], *compositions)


def index_factors(parameters: Parameters, targets: IndexTargets, guess: Array | None = None) -> Array:
    """Factors that price a volatility index, and the ratio of a short one to a base.

    Parameters
    ----------
    parameters : Parameters
    targets : IndexTargets
        Of n days.
    guess : ndarray, shape (n, 6), optional
        Factors to start from, NaN as zero: those of neighbouring targets save half of the steps.

    Returns
    -------
    ndarray, shape (n, 6)
        Columns in the order of `State`; NaN where no factors price the two: below the model's floor, or at a ratio
        steeper than its fast factor can make.
    """
    share = premium_beside_fast(parameters.dynamics)
    level, short, base = (
        _Priced(parameters, share, composition) for composition in (targets.of_level, targets.of_short, targets.of_base)
    )
    goal = 2.0 * np.log(np.stack([targets.level, targets.ratio]))
    count = len(targets.level)
    factors = np.zeros((2, count)) if guess is None else np.nan_to_num(guess[:, FITTED].T)

    def priced(factors: Array) -> tuple[Array, Array]:
        value, slope = level(*factors)
        (short_value, short_slope), (base_value, base_slope) = short(*factors), base(*factors)
        return np.stack([value, short_value - base_value]), np.stack([slope, short_slope - base_slope])

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(STEPS):
            value, slope = priced(factors)
            miss = goal - value
            determinant = slope[0, 0] * slope[1, 1] - slope[0, 1] * slope[1, 0]
            fast = (slope[1, 1] * miss[0] - slope[0, 1] * miss[1]) / determinant
            slow = (slope[0, 0] * miss[1] - slope[1, 0] * miss[0]) / determinant
            longest = np.maximum(np.maximum(np.abs(fast), np.abs(slow)) / LONGEST_STEP, 1.0)
            step = np.stack([fast, slow]) / longest
            factors = factors + step
            if not (np.abs(step) > SETTLED).any():
                break
        miss = np.abs(goal - priced(factors)[0]).max(axis=0)
    states = np.zeros((count, len(FACTORS)))
    states[:, FITTED] = np.where(miss < TOLERANCE, factors, np.nan).T
    states[:, FACTORS.index("premium")] = share * states[:, FITTED[0]]
    return states


class _Priced:
    """Log of an index squared as the model prices it, shape (n,), and its slopes in the fast and the slow factor."""

    def __init__(self, parameters: Parameters, share: float, composition: Composition) -> None:
        years, self._place = np.unique(np.round(composition.effective_years, SAME_TENOR), return_inverse=True)
        self._place = self._place.reshape(composition.effective_years.shape)
        curve: VarianceCurve = variance_curve(parameters.dynamics, parameters.premium, years)
        self._weight = composition.weight * composition.effective_years
        weight, fast, _, slow, premium, _ = curve.nodes.swapaxes(0, 1)
        self._loading = np.stack([fast + share * premium, slow])
        self._node, self._constant = weight, curve.constant

    def __call__(self, fast: Array, slow: Array) -> tuple[Array, Array]:
        rate, slope = np.zeros(len(fast)), np.zeros((2, len(fast)))
        for weight, place in zip(self._weight, self._place, strict=True):
            loading = self._loading[:, place]
            parts = self._node[place] * np.exp(loading[0] * fast[:, None] + loading[1] * slow[:, None])
            rate = rate + weight * (self._constant + parts.sum(axis=1))
            slope = slope + weight * (loading * parts).sum(axis=2)
        return np.log(rate), slope / rate
