"""Fitting a simulated market to a real one, and judging the fit.

Simulated method of moments (Duffie and Singleton 1993, "Simulated moments estimation of Markov models of asset
prices", Econometrica 61(4)): parameters are sought whose simulated histories, of the real one's length and drawn from
the same random numbers every time, measure like the real one in the facts of `simulation.facts`. Each fact counts in
units of the standard error that a stationary bootstrap gives it on the real market, so that what is known badly weighs
little; facts that scatter over simulated histories much more than that are paid for, because a model that could be
anything matches all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.simulation.dynamics import (
    State,
    StatePath,
    VarianceCurve,
    advance_states,
    generator,
    state_shocks,
    wander,
)
from iwm_opts.simulation.facts import FACTS, NAMES, History, measure_facts, measure_resamples, scaled
from iwm_opts.simulation.history import RangeShocks, history_of, index_curve
from iwm_opts.simulation.minimise import minimise
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

BLOCK: Final = 126  # sessions, mean length of a bootstrap block: half a year, longer than most regimes
RESAMPLES: Final = 500
BAND: Final = (0.05, 0.95)
WIDEST_BAND: Final = 1.4  # over the bootstrap's own; the fit aims a little inside the 1.5 that is asked for
SETTLE: Final = 252  # sessions before a simulated history begins, so that events have reached their balance
HUBER: Final = 2.5  # standard errors beyond which a miss counts linearly
NARROWEST_BAND: Final = 0.7
BAND_WEIGHT: Final = 10.0
JOINT_SHARE: Final = 0.5
RIDGE: Final = 0.02  # of the bootstrap variance, so that no combination of facts is taken to be known exactly
STEEPEST: Final = 0.97  # correlations stay within it

# What is fitted, and the scale on which it is sought: "log" for what is positive, "atanh" for correlations, else a
# unit.
FREE: Final[tuple[tuple[str, str, str | float], ...]] = (
    ("dynamics", "floor", "log"),
    ("dynamics", "level", 0.5),
    ("dynamics", "fast_speed", "log"),
    ("dynamics", "fast_vol", "log"),
    ("dynamics", "fast_correlation", "atanh"),
    ("dynamics", "slow_speed", "log"),
    ("dynamics", "slow_vol", "log"),
    ("dynamics", "slow_correlation", "atanh"),
    ("dynamics", "premium_speed", "log"),
    ("dynamics", "premium_vol", "log"),
    ("dynamics", "premium_correlation", "atanh"),
    ("dynamics", "jump_rate", "log"),
    ("dynamics", "jump_mean", 0.02),
    ("dynamics", "jump_sd", "log"),
    ("dynamics", "jump_lift", "log"),
    ("dynamics", "burst_rate", "log"),
    ("dynamics", "burst_mean", "log"),
    ("premium", "level", 0.2),
    ("premium", "fast_shift", 0.5),
    ("premium", "slow_shift", 0.5),
    ("dynamics", "term_speed", "log"),
    ("dynamics", "term_vol", "log"),
    ("dynamics", "reversal", 0.05),
    ("bars", "range_scale", "log"),
    ("bars", "range_speed", "log"),
    ("bars", "range_vol", "log"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Facts of a real market and how well they are known; arrays of shape (facts,).

    All but `raw` on the scale of `facts.scaled`.
    """

    sessions: int
    raw: Array
    value: Array
    error: Array  # standard error by stationary bootstrap
    low: Array  # 5% and 95% of the bootstrap
    high: Array


@dataclass(frozen=True, slots=True)
class FactFit:
    """One fact, real and simulated, in its own unit."""

    name: str
    real: float
    low: float  # 5% to 95% of simulated histories
    high: float
    distance: float  # real less simulated mean, in simulated standard deviations, on the compared scale
    band_ratio: float  # simulated band over the real bootstrap's

    @property
    def inside(self) -> bool:
        """Whether the real market lies in the simulated band."""
        return self.low <= self.real <= self.high


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a simulated market stands beside a real one."""

    sessions: int
    facts: tuple[FactFit, ...]
    mahalanobis: float  # distance of the real market from simulated ones
    mahalanobis_95: float  # that 95% of simulated histories stay within
    share_beyond: float  # of simulated histories that lie farther out than the real one

    @property
    def inside(self) -> int:
        """Facts in their band."""
        return sum(fact.inside for fact in self.facts)


def target_of(history: History, seed: int = 1) -> Target:
    """Facts of a real history with their bootstrap (Politis and Romano 1994, "The stationary bootstrap", JASA 89)."""
    rng = np.random.default_rng(seed)
    draws = scaled(measure_resamples(history, (_resample(len(history), rng) for _ in range(RESAMPLES))))
    low, high = np.quantile(draws, BAND, axis=0)
    raw = measure_facts(history)
    return Target(len(history), raw, scaled(raw), draws.std(axis=0), low, high)


def _resample(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of a stationary bootstrap sample."""
    fresh = rng.random(n) < 1.0 / BLOCK
    fresh[0] = True
    starts = rng.integers(0, n, n)
    block = np.maximum.accumulate(np.where(fresh, np.arange(n), 0))
    return np.asarray((starts[block] + np.arange(n) - block) % n)


class Rehearsal:
    """Simulated histories of one length from fixed random numbers, whatever the parameters."""

    def __init__(self, sessions: int, histories: int, seed: int) -> None:
        total = sessions + SETTLE
        self.shocks = [state_shocks(total, seed, i) for i in range(histories)]
        self.starts = [generator(seed, i, "start").standard_normal(3) for i in range(histories)]
        self.ranges = [RangeShocks(sessions, seed, i) for i in range(histories)]
        self.terms = [generator(seed, i, "term").standard_normal(sessions) for i in range(histories)]

    def facts(self, parameters: Parameters) -> Array:
        """Facts of each history, shape (histories, facts)."""
        curve = index_curve(parameters)
        rows = zip(self.shocks, self.starts, self.ranges, self.terms, strict=True)
        return np.array([measure_facts(self._history(parameters, curve, *row)) for row in rows])

    def _history(
        self,
        parameters: Parameters,
        curve: VarianceCurve,
        shocks: Array,
        start: Array,
        ranges: RangeShocks,
        terms: Array,
    ) -> History:
        d = parameters.dynamics
        factors = (d.fast_vol, d.fast_speed), (d.slow_vol, d.slow_speed), (d.term_vol, d.term_speed)
        fast, slow, term = (
            float(z * vol / math.sqrt(2.0 * speed)) for z, (vol, speed) in zip(start, factors, strict=True)
        )
        advanced = advance_states(d, shocks, State(fast, 0.0, slow, 0.0, term, 0.0))
        columns = {name: column[SETTLE:].copy() for name, column in advanced.items()}
        path = StatePath(**columns, term=wander(terms, d.term_speed, d.term_vol, term), skew=np.zeros(len(terms)))
        return history_of(parameters, path, ranges, curve)


def misfit(parameters: Parameters, target: Target, rehearsal: Rehearsal, weight: Array | None = None) -> float:
    """What the fit minimises.

    Huber's loss of each fact's miss in standard errors; a share of the joint distance under `weight`, an inverse
    covariance of the facts, where it is given; and a price on facts that scatter over simulated histories much more or
    much less than the bootstrap says they do.
    """
    simulated = scaled(rehearsal.facts(parameters))
    gap = simulated.mean(axis=0) - target.value
    miss = np.abs(gap / target.error)
    total = float(np.where(miss < HUBER, miss**2, HUBER * (2.0 * miss - HUBER)).sum())
    if weight is not None:
        total += JOINT_SHARE * float(gap @ weight @ gap)
    band = np.log(simulated.std(axis=0) / target.error)
    excess = np.maximum(band - math.log(WIDEST_BAND), 0.0) + np.maximum(math.log(NARROWEST_BAND) - band, 0.0)
    total += BAND_WEIGHT * float((excess**2).sum())
    return total if math.isfinite(total) else math.inf


def fit(
    start: Parameters,
    target: Target,
    histories: int = 16,
    generations: int = 300,
    seed: int = 1,
    step: float = 0.15,
    weight: Array | None = None,
    report: Callable[[int, float], None] | None = None,
) -> tuple[Parameters, float]:
    """Search for the parameters of `FREE` from a start; returns them and the misfit (see there for `weight`)."""
    rehearsal = Rehearsal(target.sessions, histories, seed)

    def score(point: Array) -> float:
        try:
            return misfit(_with(start, point), target, rehearsal, weight)
        except (InputError, FloatingPointError, OverflowError):
            return math.inf

    with np.errstate(all="ignore"):
        found = minimise(score, _point(start), step, generations, seed, report)
    return _with(start, found.point), found.value


def calibrate(start: Parameters, target: Target, report: Callable[[int, float], None] | None = None) -> Parameters:
    """Two steps: each fact by itself, then the facts together as well."""
    alone, _ = fit(start, target, histories=12, generations=220, report=report)
    weight = joint_weight(alone, target)
    together, _ = fit(alone, target, histories=20, generations=60, seed=2, step=0.08, weight=weight, report=report)
    return together


def joint_weight(parameters: Parameters, target: Target, histories: int = 600, seed: int = 3) -> Array:
    """Inverse covariance of the facts over simulated histories: the efficient weight of a second step."""
    drawn = scaled(Rehearsal(target.sessions, histories, seed).facts(parameters))
    return np.asarray(np.linalg.pinv(np.cov(drawn.T) + RIDGE * np.diag(target.error**2)))


def judge(parameters: Parameters, target: Target, histories: int = 1000, seed: int = 2) -> Judgement:
    """Stand a simulated market beside a real one on fresh random numbers.

    The joint distance is Mahalanobis' on the compared scale. Mean and covariance come from one half of the histories,
    the distances that the real one is ranked in from the other.
    """
    rehearsal = Rehearsal(target.sessions, histories, seed)
    raw = rehearsal.facts(parameters)
    drawn = scaled(raw)
    known, fresh = drawn[: histories // 2], drawn[histories // 2 :]
    mean, inverse = known.mean(axis=0), np.linalg.pinv(np.cov(known.T))
    distances = np.sqrt(np.einsum("ij,jk,ik->i", fresh - mean, inverse, fresh - mean))
    real = target.value - mean
    distance = float(np.sqrt(real @ inverse @ real))
    facts = tuple(_fact_fit(place, raw[:, place], drawn[:, place], target) for place in range(len(FACTS)))
    limit = float(np.quantile(distances, BAND[1]))
    return Judgement(target.sessions, facts, distance, limit, float((distances > distance).mean()))


def _fact_fit(place: int, raw: Array, drawn: Array, target: Target) -> FactFit:
    low, high = np.quantile(raw, BAND)
    band = np.ptp(np.quantile(drawn, BAND))
    return FactFit(
        name=NAMES[place],
        real=float(target.raw[place]),
        low=float(low),
        high=float(high),
        distance=float((target.value[place] - drawn.mean()) / drawn.std()),
        band_ratio=float(band / (target.high[place] - target.low[place])),
    )


def _point(parameters: Parameters) -> Array:
    return np.array([_encode(getattr(getattr(parameters, part), name), how) for part, name, how in FREE])


def _with(parameters: Parameters, point: Array) -> Parameters:
    changes: dict[str, dict[str, float]] = {}
    for (part, name, how), value in zip(FREE, point, strict=True):
        changes.setdefault(part, {})[name] = _decode(float(value), how)
    parts: dict[str, Any] = {part: replace(getattr(parameters, part), **values) for part, values in changes.items()}
    return replace(parameters, **parts)


def _encode(value: float, how: str | float) -> float:
    if how == "log":
        return math.log(value)
    return math.atanh(value / STEEPEST) if how == "atanh" else value / float(how)


def _decode(value: float, how: str | float) -> float:
    if how == "log":
        return math.exp(value)
    return STEEPEST * math.tanh(value) if how == "atanh" else value * float(how)
