"""A real market's facts with their bootstrap, and the same facts over simulated histories."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import IVR_LOOKBACK
from iwm_opts.errors import InputError
from iwm_opts.research.facts import History, measure_facts, measure_resamples, scaled
from iwm_opts.research.history import history_of, index_curve
from iwm_opts.simulation.daily_bars import RangeShocks
from iwm_opts.simulation.dynamics import SETTLE, state_shocks, states_from, stationary_start
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

# Sessions, mean length of a bootstrap block: half a year. The choice of Politis and White 2004, "Automatic block-length
# selection for the dependent bootstrap", corrected by Patton, Politis and White 2009, is 101 for log IV30 of 2009-2019.
BLOCK: Final = 126
RESAMPLES: Final = 500
BAND: Final = (0.05, 0.95)
LEAST: Final = 2 * IVR_LOOKBACK  # sessions: below, nothing has been ranked for long, or correlated with a year before
RIDGE: Final = 0.02  # of the bootstrap variance, so that no combination of facts is taken to be known exactly


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Facts of a real market and how well they are known; arrays of shape (facts,).

    All but `raw` and `interval` on the scale of `facts.scaled`.
    """

    sessions: int
    raw: Array
    value: Array
    error: Array  # standard error by stationary bootstrap
    low: Array  # 5% and 95% of the bootstrap
    high: Array
    interval: Array  # the same in the facts' own units, shape (2, facts)


def target_of(history: History, seed: int = 1) -> Target:
    """Facts of a real history with their bootstrap (Politis and Romano 1994, "The stationary bootstrap", JASA 89).

    Raises
    ------
    InputError
        When the history is shorter than `LEAST`.
    """
    if len(history) < LEAST:
        rule = f"sessions are too few for facts that look back a year: {LEAST} at least"
        raise InputError("history", len(history), rule, "widen `first` and `last`, or give longer files")
    rng = np.random.default_rng(seed)
    resamples = measure_resamples(history, (resample(len(history), rng) for _ in range(RESAMPLES)))
    draws = scaled(resamples)
    low, high = np.quantile(draws, BAND, axis=0)
    raw = measure_facts(history)
    return Target(len(history), raw, scaled(raw), draws.std(axis=0), low, high, np.quantile(resamples, BAND, axis=0))


def resample(sessions: int, rng: np.random.Generator, length: int | None = None) -> NDArray[np.int64]:
    """Sessions of a stationary bootstrap sample of a history, `length` of them, as many as there are unless given."""
    count = length or sessions
    fresh = rng.random(count) < 1.0 / BLOCK
    fresh[0] = True
    starts = rng.integers(0, sessions, count)
    block = np.maximum.accumulate(np.where(fresh, np.arange(count), 0))
    return np.asarray((starts[block] + np.arange(count) - block) % sessions)


class PathEnsemble:
    """Simulated histories of one length from fixed random numbers, whatever the parameters."""

    def __init__(self, sessions: int, histories: int, seed: int, first: int = 0) -> None:
        self.sessions, self.seed, self.paths = sessions, seed, range(first, histories)
        self.shocks = [state_shocks(sessions + SETTLE, seed, path) for path in self.paths]
        self.ranges = [RangeShocks(sessions, seed, path) for path in self.paths]

    def facts(self, parameters: Parameters) -> Array:
        """Facts of each history, shape (histories, facts)."""
        return np.array([measure_facts(history) for history in self.histories(parameters)])

    def histories(self, parameters: Parameters) -> Iterator[History]:
        """Each history under the same random numbers."""
        curve = index_curve(parameters)
        for path, shocks, ranges in zip(self.paths, self.shocks, self.ranges, strict=True):
            start = stationary_start(parameters, self.seed, path)
            states = states_from(parameters, shocks, self.seed, path, start)
            yield history_of(parameters, states.after(SETTLE), ranges, curve)


def facts_of_paths(parameters: Parameters, sessions: int, seed: int, paths: tuple[int, int]) -> Array:
    """Facts of the histories from the first to before the last path given, shape (paths, facts)."""
    first, stop = paths
    return PathEnsemble(sessions, stop, seed, first).facts(parameters)


def inverse_covariance(covariance: Array, error: Array) -> Array:
    """Inverse of a covariance of facts with the ridge that every distance here carries."""
    return np.asarray(np.linalg.inv(covariance + RIDGE * np.diag(error**2)))
