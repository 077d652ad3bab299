"""Goodness of fit of a simulated market, fact by fact and jointly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.io.mapping import Mapper, in_order, ranges
from iwm_opts.research.facts import FACTS, JOINT, NAMES, scaled
from iwm_opts.research.path_ensemble import BAND, Target, facts_of_paths, inverse_covariance
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

PATHS_AT_ONCE: Final = 50  # of a task
MOST_BAND: Final = 1.5  # of a fact over the bootstrap's own: a model that could be anything does not pass


@dataclass(frozen=True, slots=True)
class FactFit:
    """One fact, real and simulated, in its own unit."""

    name: str
    real: float
    real_low: float  # 5% to 95% of the real market's bootstrap
    real_high: float
    low: float  # 5% to 95% of simulated histories
    high: float
    distance: float  # real less simulated mean, in simulated standard deviations, on the compared scale
    band_ratio: float  # simulated band over the real bootstrap's

    @property
    def inside(self) -> bool:
        """Whether the real market lies in the simulated band."""
        return self.low <= self.real <= self.high


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """Goodness of fit of a simulated market."""

    sessions: int
    facts: tuple[FactFit, ...]
    mahalanobis: float  # distance of the real market from simulated ones
    mahalanobis_95: float  # that 95% of simulated histories stay within
    share_beyond: float  # of simulated histories that lie farther out than the real one

    @property
    def inside(self) -> int:
        """Facts in their band."""
        return sum(fact.inside for fact in self.facts)

    @property
    def wide(self) -> int:
        """Facts whose band is too wide to say much."""
        return sum(fact.band_ratio > MOST_BAND for fact in self.facts)


def judge(
    parameters: Parameters,
    target: Target,
    histories: int = 2000,
    seed: int = 2,
    mapper: Mapper | None = None,
    on_done: Callable[[int], None] | None = None,
) -> GoodnessOfFit:
    """Compare a simulated market with a real one on fresh random numbers.

    The joint distance is Mahalanobis' on the compared scale, over the facts that say `joint`. Mean and covariance come
    from one half of the histories, the distances that the real one is ranked in from the other; all carry the same
    ridge, `RIDGE` of the bootstrap's variances on the diagonal of the covariance. `on_done` is called with the number
    of histories done.
    """
    at_once = PATHS_AT_ONCE if mapper else histories
    facts_of = partial(facts_of_paths, parameters, target.sessions, seed)
    on_part = on_done and (lambda parts: on_done(min(parts * at_once, histories)))
    raw = np.concatenate(in_order(mapper, facts_of, ranges(histories, at_once), on_part))
    drawn = scaled(raw)
    distance, others = _joint_distances(drawn[:, JOINT], target.value[JOINT], target.error[JOINT])
    facts = tuple(_fact_fit(place, raw[:, place], drawn[:, place], target) for place in range(len(FACTS)))
    limit = float(np.quantile(others, BAND[1]))
    return GoodnessOfFit(target.sessions, facts, distance, limit, float((others > distance).mean()))


def _joint_distances(drawn: Array, real: Array, error: Array) -> tuple[float, Array]:
    """Of the real market and of the second half of the histories, by mean and covariance of the first."""
    reference, fresh = np.array_split(drawn, 2)
    mean, inverse = reference.mean(axis=0), inverse_covariance(np.cov(reference.T), error)

    def distances(of: Array) -> Array:
        return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", of - mean, inverse, of - mean)))

    return float(distances(real[None])[0]), distances(fresh)


def _fact_fit(place: int, raw: Array, drawn: Array, target: Target) -> FactFit:
    low, high = np.quantile(raw, BAND)
    band = np.ptp(np.quantile(drawn, BAND))
    return FactFit(
        name=NAMES[place],
        real=float(target.raw[place]),
        real_low=float(target.interval[0, place]),
        real_high=float(target.interval[1, place]),
        low=float(low),
        high=float(high),
        distance=float((target.value[place] - drawn.mean()) / drawn.std()),
        band_ratio=float(band / (target.high[place] - target.low[place])),
    )
