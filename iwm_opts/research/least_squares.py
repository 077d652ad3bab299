"""Least squares without derivatives: Levenberg-Marquardt on central differences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FIRST_DAMPING: Final = 0.01
MOST_DAMPING: Final = 1e6
EASE, TIGHTEN = 1.0 / 3.0, 4.0  # damping after a step that improved, and after one that did not


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where the search ended: the point, its sum of squares, and how often the residuals were asked for."""

    point: Array
    value: float
    evaluations: int


def least_squares(
    residuals: Callable[[Array], Array],
    start: Array,
    steps: int,
    difference: float = 1e-4,
    report: Callable[[int, float], None] | None = None,
) -> Minimum:
    """Minimise a sum of squares (Marquardt 1963; Nocedal and Wright 2006, Numerical Optimization, section 10.3).

    Parameters
    ----------
    residuals : callable
        From a point, shape (n,), to residuals, shape (m,); one that is not finite says that the point is not allowed.
    start : ndarray, shape (n,)
        Variables of order one, allowed.
    steps : int
        Most improvements; the search ends earlier where none is found.
    difference : float
        Half the distance of the central differences: wide where the residuals are rough on a small scale.
    report : callable, optional
        Called after each improvement with their number and the sum of squares.
    """
    point, best = start.astype(float), residuals(start)
    value, damping, evaluations = _value(best), FIRST_DAMPING, 1
    for step in range(steps):
        slopes = np.array([_slope(residuals, point, place, difference, best) for place in range(len(point))])
        evaluations += 2 * len(point)
        gradient, curvature = slopes @ best, slopes @ slopes.T
        scale = np.maximum(np.diag(curvature), 1e-12 * max(float(np.diag(curvature).max()), 1e-300))
        while damping <= MOST_DAMPING:
            tried = point - np.linalg.solve(curvature + damping * np.diag(scale), gradient)
            missed = residuals(tried)
            evaluations += 1
            if _value(missed) < value:
                break
            damping *= TIGHTEN
        else:
            break
        point, best, value, damping = tried, missed, _value(missed), damping * EASE
        if report:
            report(step + 1, value)
    return Minimum(point, value, evaluations)


def _value(residual: Array) -> float:
    return float(residual @ residual) if np.isfinite(residual).all() else float("inf")


def _slope(residuals: Callable[[Array], Array], point: Array, place: int, difference: float, here: Array) -> Array:
    """Differentiate along one variable; from one side where the other is not allowed, none where both are not."""
    sides = []
    for sign in (1.0, -1.0):
        moved = point.copy()
        moved[place] += sign * difference
        missed = residuals(moved)
        sides.append(missed if np.isfinite(missed).all() else None)
    up, down = sides
    width = difference * ((up is not None) + (down is not None))
    if width == 0.0:
        return np.zeros_like(here)
    return np.asarray(((here if up is None else up) - (here if down is None else down)) / width)
