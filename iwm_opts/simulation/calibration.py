"""Fitting a simulated market to a real one, and judging the fit.

Simulated method of moments (Duffie and Singleton 1993, "Simulated moments estimation of Markov models of asset
prices", Econometrica 61(4)): parameters are sought whose simulated histories, of the real one's length and drawn from
the same random numbers every time, measure like the real one in the facts of `simulation.facts`. In a first round each
fact counts in units of the standard error that a stationary bootstrap gives it on the real market, so that what is
known badly weighs little; in later ones the facts count together, by the inverse of their covariance over simulated
histories. Facts that scatter over simulated histories much more than the bootstrap says are paid for, because a model
that could be anything matches all.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.simulation.dynamics import state_shocks, states_from, stationary_start
from iwm_opts.simulation.facts import FACTS, NAMES, History, measure_facts, measure_resamples, scaled
from iwm_opts.simulation.history import RangeShocks, history_of, index_curve
from iwm_opts.simulation.minimise import least_squares
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

# Sessions, mean length of a bootstrap block: half a year. The choice of Politis and White 2004, "Automatic block-length
# selection for the dependent bootstrap", corrected by Patton, Politis and White 2009, is 101 for log IV30 of 2009-2019.
BLOCK: Final = 126
RESAMPLES: Final = 500
BAND: Final = (0.05, 0.95)
MOST_BAND: Final = 1.5  # of a fact over the bootstrap's own: a model that could be anything does not pass
WIDEST_BAND: Final = 1.42  # that the fit aims at
NARROWEST_BAND: Final = 0.6
BAND_WEIGHT: Final = 7.0  # standard errors that a band e times too wide counts for
SETTLE: Final = 252  # sessions before a simulated history begins, so that events have reached their balance
RIDGE: Final = 0.02  # of the bootstrap variance, so that no combination of facts is taken to be known exactly
ALONE: Final = 0.5  # weight of each fact by itself beside all together, so that the second is not had at their expense
ANCHOR: Final = 0.05  # pull of each parameter to where the search began, where nothing else decides
DIFFERENCE: Final = 0.04  # in a parameter's own scale: wide enough that facts which count sessions move smoothly
STEEPEST: Final = 0.97  # correlations stay within it
SMALLEST: Final = 1e-3  # of what must be positive, and from the ends of a share
ROUNDS = 4  # the first with each fact by itself, the others together
STEPS = 12  # improvements a round
HISTORIES = 64  # simulated at every point that is tried

# What is fitted, and the scale on which it is sought: "log" for what is positive, "atanh" for correlations, "logit" for
# shares, else a unit. The term factor's speed stays: the facts cannot tell it from its vol.
FREE: Final[tuple[tuple[str, str, str | float], ...]] = (
    ("dynamics", "growth", 0.1),
    ("dynamics", "variance_price", 3.0),
    ("dynamics", "floor", "log"),
    ("dynamics", "level", 0.5),
    ("dynamics", "fast_share", "logit"),
    ("dynamics", "fast_speed", "log"),
    ("dynamics", "fast_vol", "log"),
    ("dynamics", "fast_correlation", "atanh"),
    ("dynamics", "fast_convexity", 0.2),
    ("dynamics", "middle_speed", "log"),
    ("dynamics", "middle_vol", "log"),
    ("dynamics", "middle_correlation", "atanh"),
    ("dynamics", "middle_heat", 1.0),
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
    ("dynamics", "jump_middle_lift", "log"),
    ("dynamics", "burst_rate", "log"),
    ("dynamics", "burst_mean", "log"),
    ("dynamics", "burst_middle_share", "log"),
    ("premium", "level", 0.2),
    ("premium", "fast_shift", 0.5),
    ("premium", "middle_shift", 0.5),
    ("premium", "slow_shift", 0.5),
    ("dynamics", "term_vol", "log"),
    ("dynamics", "reversal", 0.05),
    ("bars", "range_scale", "log"),
    ("bars", "range_speed", "log"),
    ("bars", "range_vol", "log"),
)


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

    @property
    def wide(self) -> int:
        """Facts whose band is too wide to say much."""
        return sum(fact.band_ratio > MOST_BAND for fact in self.facts)


def target_of(history: History, seed: int = 1) -> Target:
    """Facts of a real history with their bootstrap (Politis and Romano 1994, "The stationary bootstrap", JASA 89)."""
    rng = np.random.default_rng(seed)
    own = measure_resamples(history, (_resample(len(history), rng) for _ in range(RESAMPLES)))
    draws = scaled(own)
    low, high = np.quantile(draws, BAND, axis=0)
    raw = measure_facts(history)
    return Target(len(history), raw, scaled(raw), draws.std(axis=0), low, high, np.quantile(own, BAND, axis=0))


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
        self.sessions, self.seed, self.paths = sessions, seed, range(histories)
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


def residuals(parameters: Parameters, target: Target, rehearsal: Rehearsal, root: Array | None = None) -> Array:
    """What the fit squares and sums: misses of the facts' means under `root`, then bands out of proportion.

    Parameters
    ----------
    root : ndarray, shape (m, facts), optional
        R with R'R the weight of the facts; bootstrap standard errors, fact by fact, unless given.

    Returns
    -------
    ndarray, shape (m + facts,)
    """
    drawn = scaled(rehearsal.facts(parameters))
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
    rehearsal, first = Rehearsal(target.sessions, histories, seed), _point(start)

    def missed(point: Array) -> Array:
        try:
            found = residuals(_with(start, point), target, rehearsal, root)
        except (InputError, OverflowError):
            return np.full(2 * len(FACTS) + len(point), np.nan)
        return np.concatenate([found, ANCHOR * (point - first)])

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a point that explodes measures nothing, and is refused
        found = least_squares(missed, first, steps, DIFFERENCE, report)
    return _with(start, found.point), found.value


def calibrate(start: Parameters, target: Target, report: Callable[[int, int], None] | None = None) -> Parameters:
    """Fit each fact by itself, then the facts together, their covariance renewed before every round.

    Parameters
    ----------
    report : callable, optional
        Called with the improvements made and their most.
    """
    found = start
    for place in range(ROUNDS):
        root = _blend(joint_root(found, target), target) if place else None
        told = _part_of(report, place) if report else None
        found, _ = fit(found, target, HISTORIES, STEPS, seed=20 + place, root=root, report=told)
        if report:
            report((place + 1) * STEPS, ROUNDS * STEPS)
    return found


def _part_of(report: Callable[[int, int], None], place: int) -> Callable[[int, float], None]:
    return lambda done, _value: report(place * STEPS + done, ROUNDS * STEPS)


def _blend(joint: Array, target: Target) -> Array:
    """Facts together and, with less weight, each by itself; shape (2 x facts, facts)."""
    return np.vstack([joint, ALONE * np.diag(1.0 / target.error)])


def joint_root(parameters: Parameters, target: Target, histories: int = 1500, seed: int = 3) -> Array:
    """Root of the inverse covariance of the facts over simulated histories: the efficient weight of a later round."""
    drawn = scaled(Rehearsal(target.sessions, histories, seed).facts(parameters))
    return np.asarray(np.linalg.cholesky(_inverse(np.cov(drawn.T), target)).T)


def _inverse(covariance: Array, target: Target) -> Array:
    """Inverse of a covariance of facts with the ridge that every distance here carries."""
    return np.asarray(np.linalg.inv(covariance + RIDGE * np.diag(target.error**2)))


def judge(parameters: Parameters, target: Target, histories: int = 2000, seed: int = 2) -> Judgement:
    """Stand a simulated market beside a real one on fresh random numbers.

    The joint distance is Mahalanobis' on the compared scale. Mean and covariance come from one half of the histories,
    the distances that the real one is ranked in from the other; all carry the same ridge, `RIDGE` of the bootstrap's
    variances on the diagonal of the covariance.
    """
    raw = Rehearsal(target.sessions, histories, seed).facts(parameters)
    drawn = scaled(raw)
    known, fresh = drawn[: histories // 2], drawn[histories // 2 :]
    mean, inverse = known.mean(axis=0), _inverse(np.cov(known.T), target)
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
        real_low=float(target.interval[0, place]),
        real_high=float(target.interval[1, place]),
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
    """A parameter on the scale it is sought on; one at the end of its range starts just inside."""
    if how == "log":
        return math.log(max(value, SMALLEST))
    if how == "logit":
        inside = min(max(value, SMALLEST), 1.0 - SMALLEST)
        return math.log(inside / (1.0 - inside))
    if how == "atanh":
        return math.atanh(min(max(value / STEEPEST, SMALLEST - 1.0), 1.0 - SMALLEST))
    return value / float(how)


def _decode(value: float, how: str | float) -> float:
    if how == "log":
        return math.exp(value)
    if how == "logit":
        return 1.0 / (1.0 + math.exp(-value))
    return STEEPEST * math.tanh(value) if how == "atanh" else value * float(how)
