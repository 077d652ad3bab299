"""Fitting a simulated market to a real one.

Simulated method of moments (Duffie and Singleton 1993, "Simulated moments estimation of Markov models of asset
prices", Econometrica 61(4)): parameters are sought whose simulated histories, of the real one's length and drawn from
the same random numbers every time, measure like the real one in the facts of `research.facts`. The facts count
together, by the inverse of their covariance over simulated histories, renewed every round; and each by itself, in units
of the standard error that a stationary bootstrap gives it on the real market, so that imprecise facts weigh little.
Facts that scatter over simulated histories much more than the bootstrap says are paid for, because a model that could
be anything matches all.
"""

import math
import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.research.facts import FACTS, scaled
from iwm_opts.research.least_squares import least_squares
from iwm_opts.research.path_ensemble import BAND, PathEnsemble, Target, inverse_covariance
from iwm_opts.research.search_space import point_of, with_point
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

WIDEST_BAND: Final = 1.38  # of a fact over the bootstrap's own, that the fit aims at
NARROWEST_BAND: Final = 0.6
BAND_WEIGHT: Final = 7.0  # standard errors that a band e times too wide counts for
ALONE: Final = 0.5  # of each fact by itself, next to all together, so that the second is not had at their expense
ANCHOR: Final = 0.03  # pull of each parameter to where the search began, where nothing else decides
DIFFERENCE: Final = 0.04  # in a parameter's own scale: wide enough that facts which count sessions move smoothly
ROUNDS = 3  # each with the facts' covariance renewed
STEPS = 8  # improvements a round
HISTORIES = 200  # simulated at every point that is tried


def residuals(parameters: Parameters, target: Target, ensemble: PathEnsemble, root: Array | None = None) -> Array:
    """Residuals of the fit: misses of the facts' means under `root`, then bands out of proportion.

    Parameters
    ----------
    root : ndarray, shape (m, facts), optional
        R with R'R the weight of the facts; bootstrap standard errors, fact by fact, unless given.

    Returns
    -------
    ndarray, shape (m + facts,)
    """
    drawn = scaled(ensemble.facts(parameters))
    gap = drawn.mean(axis=0) - target.value
    miss = gap / target.error if root is None else root @ gap
    band = np.log(np.ptp(np.quantile(drawn, BAND, axis=0), axis=0) / (target.high - target.low))
    excess = np.maximum(band - math.log(WIDEST_BAND), 0.0) + np.minimum(band - math.log(NARROWEST_BAND), 0.0)
    return np.concatenate([miss, BAND_WEIGHT * excess])


def fit(
    start: Parameters,
    target: Target,
    histories: int,
    steps: int,
    seed: int = 1,
    root: Array | None = None,
    report: Callable[[int, float], None] | None = None,
) -> tuple[Parameters, float]:
    """Search for the parameters of `FREE` from a start; returns them and the sum of squares (see `residuals`)."""
    ensemble, first = PathEnsemble(target.sessions, histories, seed), point_of(start)

    def missed(point: Array) -> Array:
        try:
            missed_by = residuals(with_point(start, point), target, ensemble, root)
        except (InputError, OverflowError):
            return np.full(2 * len(FACTS) + len(point), np.nan)
        return np.concatenate([missed_by, ANCHOR * (point - first)])

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point that explodes measures nothing, and is refused
        fitted = least_squares(missed, first, steps, DIFFERENCE, report)
    return with_point(start, fitted.point), fitted.value


def calibrate(start: Parameters, target: Target, report: Callable[[int, int], None] | None = None) -> Parameters:
    """Fit the facts together and each by itself, their covariance renewed before every round.

    Parameters
    ----------
    report : callable, optional
        Called with the improvements made and their most.
    """
    fitted = start
    for place in range(ROUNDS):
        # Facts together and, with less weight, each by itself; shape (2 x facts, facts).
        root = np.vstack([joint_root(fitted, target), ALONE * np.diag(1.0 / target.error)])

        def progress(done: int, _value: float, place: int = place) -> None:
            if report:
                report(place * STEPS + done, ROUNDS * STEPS)

        fitted, _ = fit(fitted, target, HISTORIES, STEPS, seed=20 + place, root=root, report=progress)
        if report:
            report((place + 1) * STEPS, ROUNDS * STEPS)
    return fitted


def joint_root(parameters: Parameters, target: Target, histories: int = 1500, seed: int = 3) -> Array:
    """Root of the inverse covariance of the facts over simulated histories: the efficient weight of a round."""
    drawn = scaled(PathEnsemble(target.sessions, histories, seed).facts(parameters))
    return np.asarray(np.linalg.cholesky(inverse_covariance(np.cov(drawn.T), target.error)).T)
