"""Selection bias: how much of the best of many variants is luck.

Measures of one family of daily P&L, shape (days, variants):

- `superior_ability`: p-value that no variant has a positive mean (Hansen 2005, studentised), and p-values of each
  variant that hold jointly (Romano and Wolf 2005).
- `deflated_sharpe_ratios`: probability that a Sharpe ratio exceeds the best expected of as many without an edge.
- `overfitting_probability`: how often the best variant of one half of the days falls below the median in the other.

Pass every variant tried. A family without its failures understates the bias. A million variants are read some at a time
(`Family`): nothing of the size of days x variants is held.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, combinations
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.conventions import counted
from iwm_opts.errors import InputError
from iwm_opts.kernels.backtest.selection import choose_inside, rank_outside, resample_t, sum_moments

Array = NDArray[np.float64]
Places = NDArray[np.int64]

NORMAL: Final = NormalDist()  # scipy.special takes 0.2 s to import
SIGNIFICANT: Final = 0.05  # p-values below it
MIN_VARIANTS: Final = 2
MIN_DAYS: Final = 3
PARTS: Final = 16  # of the days: 12,870 ways to halve them (Bailey et al. 2017)
MIN_ERROR: Final = 0.5  # of a resample's standard error, as a fraction of the observed: bounds variants of few trades
SHIFTS: Final = 3  # of the lower, consistent and upper p-value
ROUNDING: Final = 1e-9  # of the largest P&L: differences of an equity that are equal but for rounding
COLUMNS: Final = 256  # variants read and resampled at a time; bounds memory at (days + draws) x 256
IN_CACHE: Final = 64  # variants whose running sums, or sums over all subsets of days, stay in the cache


Work = Callable[[Array, Places], Any]  # of daily P&L, shape (days, variants), and the variants' places


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Daily P&L of every variant tried, $, read some variants at a time."""

    days: int
    variants: int
    read: Callable[[Places], Array]  # of some variants, shape (days, len(places))
    elsewhere: Callable[[Work, Places], Iterator[list[Any]]] | None = None  # as `results`, some `chunks` at a time
    on_read: Callable[[int], None] | None = None  # called with the number of variants whose work is done

    @classmethod
    def of(cls, pnl: "Array | Family") -> "Family":
        """Family of P&L of shape (days, variants), or the family itself."""
        if isinstance(pnl, Family):
            return pnl
        days, variants = pnl.shape
        return cls(days, variants, lambda places: pnl[:, places])

    def map(self, work: Work, order: Places | None = None) -> Iterator[tuple[Places, Any]]:
        """Yield some variants and the result of work on their P&L at a time, in a given order of all variants."""
        places = np.arange(self.variants) if order is None else order
        results = chain.from_iterable(self.elsewhere(work, places)) if self.elsewhere else self.results(work, places)
        for some, result in zip(chunks(places), results, strict=True):
            yield some, result
            if self.on_read:
                self.on_read(len(some))

    def results(self, work: Work, places: Places) -> Iterator[Any]:
        """Yield the result of work on each of `chunks`."""
        for some in chunks(places):
            yield work(np.ascontiguousarray(self.read(some), dtype=np.float64), some)


def chunks(places: Places) -> Iterator[Places]:
    """Yield some variants at a time."""
    return (places[start : start + COLUMNS] for start in range(0, len(places), COLUMNS))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Moments of a family's daily P&L, each of shape (variants,) unless said."""

    mean: Array
    error: Array  # standard error of the mean under the stationary bootstrap
    sharpe: Array  # per day
    skew: Array
    kurtosis: Array
    standardised: Array  # P&L over its standard deviation, summed over the variants; shape (days,)
    sums: Array  # by part of the days, shape (parts, variants)
    squares: Array  # sums of squares


def moments(pnl: Array | Family, block: float = 1.0, parts: int = PARTS) -> Moments:
    """Read a family once for all that its tests take, but for the resamples.

    Parameters
    ----------
    pnl : ndarray or Family
        Daily P&L, $, of every variant, shape (days, variants).
    block : float
        Mean block length of the stationary bootstrap, sessions.
    parts : int
        Of the days, for `overfitting_probability`.

    Raises
    ------
    InputError
        For no variant, fewer than 3 days, values that are not finite or a constant column.
    """
    family = Family.of(pnl)
    if not family.variants:
        raise InputError("pnl", "0 variants", "needs at least 1", "test a family with a variant that traded")
    length = family.days // parts
    rows = np.empty((5, family.variants))
    sums, squares = np.empty((parts, family.variants)), np.empty((parts, family.variants))
    standardised = np.zeros(family.days)
    for places, (figures, total, *of_parts) in family.map(partial(_read_moments, block, parts, length)):
        rows[:, places] = figures
        standardised += total
        sums[:, places], squares[:, places] = of_parts
    mean, error, sharpe, skew, kurtosis = rows
    return Moments(mean, error, sharpe, skew, kurtosis, standardised, sums, squares)


def _read_moments(block: float, parts: int, length: int, pnl: Array, places: Places) -> tuple[Array, ...]:
    """Mean, error, Sharpe ratio, skew and kurtosis; P&L in standard deviations, summed; sums and squares by part."""
    if len(pnl) < MIN_DAYS:
        raise InputError("pnl", counted(len(pnl), "days"), f"needs at least {MIN_DAYS} days", "test a longer history")
    _check_finite(pnl)
    varies = np.ptp(pnl, axis=0) > ROUNDING * np.abs(pnl).max(axis=0)
    if not varies.all():
        column = places[np.argmin(varies)]
        raise InputError("pnl", f"column {column}", "must vary", "leave out variants that never traded")
    mean, error, second, third, fourth = _moments(pnl, block)
    spread = np.sqrt(second)
    total = pnl @ (1.0 / spread) - (mean / spread).sum()
    sharpe = mean / spread * math.sqrt(1.0 - 1.0 / len(pnl))
    figures = np.stack([mean, error, sharpe, third / spread**3, fourth / second**2])
    return figures, total, *_by_part(pnl, parts, length)


def _by_part(pnl: Array, parts: int, length: int) -> tuple[Array, Array]:
    """Sum P&L and its squares in each part of the days, shape (parts, variants)."""
    blocks = pnl[: length * parts].reshape(parts, length, pnl.shape[1])
    return blocks.sum(axis=1), (blocks**2).sum(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class SuperiorAbility:
    """P-values of a family against the null that no variant gains."""

    t: Array  # mean over standard error of each variant, shape (variants,)
    p_lower: float  # variants that lose count as if their mean were zero
    p_consistent: float  # Hansen's SPA
    p_upper: float  # every variant counts in full
    p_stepdown: Array  # Romano-Wolf adjusted p-value of each variant, shape (variants,)

    @property
    def best(self) -> int:
        """Column of the largest t-statistic."""
        return int(np.argmax(self.t))


def superior_ability(
    pnl: Array | Family, block: float, seed: int, draws: int = DRAWS, family_moments: Moments | None = None
) -> SuperiorAbility:
    """Test a family of variants against luck, studentised.

    The statistic is the largest t-statistic, so that the number of contracts of a variant does not matter.
    Unstudentised, the variant with the largest dollar swings sets the threshold for all others.

    Parameters
    ----------
    pnl : ndarray or Family, shape (days, variants)
        Daily P&L, $, without NaN. Days are resampled jointly, which keeps the dependence between variants.
    block : float
        Mean block length of the stationary bootstrap, sessions, at least 1.
    seed : int
    draws : int
        Resamples. The smallest possible p-value is 1 / (draws + 1).
    family_moments : Moments, optional
        Of the same family and block, where they were computed before.

    Returns
    -------
    SuperiorAbility
        P-values are (1 + exceedances) / (1 + draws), and 1 for a variant or a family with a mean of at most zero.

    Raises
    ------
    InputError
        For no variant, fewer than 3 days, values that are not finite, a constant column, a block below 1 or draws below
        1.

    Notes
    -----
    Hansen 2005, "A test for superior predictive ability", Journal of Business & Economic Statistics 23(4). Stepdown:
    Romano and Wolf 2005, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4), with the adjusted
    p-values of Romano and Wolf 2016, Statistics & Probability Letters 113.

    Hansen divides resampled means by the observed standard errors. Here each resample has its own, from the sums of its
    blocks (Gotze and Kunsch 1996, Annals of Statistics 24), at least half the observed. Premium sellers without an edge
    (rare losses, 10 variants, 3 years) then reject 8% of the time at a nominal 5%; with the observed ones, 42%. The
    floor of one half has no published source: it was chosen on those families, so the 8% is in sample.
    `arch.bootstrap.SPA` does not divide by standard errors, whatever its `studentize`.

    Examples
    --------
    >>> pnl = np.random.default_rng(1).normal(0.0, 20.0, (400, 3))
    >>> pnl[:, 0] += 4.0
    >>> result = superior_ability(pnl, block=1.0, seed=1, draws=999)
    >>> result.best, result.p_consistent < 0.01, (result.p_stepdown < 0.05).tolist()
    (0, True, [True, False, False])
    """
    if not block >= 1.0:
        raise InputError("block", block, "must be at least 1 session", "give a longer block")
    if draws < 1:
        raise InputError("draws", draws, "must be at least 1", "give more draws")
    family = Family.of(pnl)
    days, variants = family.days, family.variants
    family_moments = moments(family, block) if family_moments is None else family_moments
    mean, error = family_moments.mean, family_moments.error
    if not (error > 0.0).all():
        raise InputError("pnl", f"column {int(np.argmin(error))}", "must vary", "leave out variants that never traded")
    t = mean / error
    largest = np.zeros((SHIFTS, draws))
    ascending = np.argsort(t, kind="stable")
    below = np.full(draws, -math.inf)  # largest resampled statistic of the variants with a smaller t
    p_stepdown = np.ones(variants)
    draw = _Draws(days, block, seed, draws)
    for places, (maxima, reached, last) in family.map(partial(_resample, draw), ascending):
        np.maximum(largest, maxima, out=largest)
        is_reached = np.unpackbits(reached, axis=0, count=draws).view(bool) | (below[:, None] >= t[places])
        p_stepdown[places] = _p_value(is_reached)
        below = np.maximum(below, last)
    descending = ascending[::-1]
    p_stepdown[descending] = np.maximum.accumulate(p_stepdown[descending])
    p_stepdown[t <= 0.0] = 1.0
    lower, consistent, upper = (float(_p_value(maxima >= max(t.max(), 0.0))) for maxima in largest)
    return SuperiorAbility(t, lower, consistent, upper, p_stepdown)


def _p_value(is_reached: NDArray[np.bool_]) -> Array:
    """Share of draws at or above the observed statistic, itself counted."""
    return np.asarray((1.0 + is_reached.sum(axis=0)) / (1.0 + len(is_reached)))


class _Draws(NamedTuple):
    """Resamples of the days."""

    days: int
    block: float
    seed: int
    number: int


@lru_cache(maxsize=1)
def _blocks(draws: _Draws) -> tuple[Places, Places, Places]:
    """First day and length of the blocks of every draw, and where each draw begins among them."""
    rng = np.random.default_rng(draws.seed)
    resamples = [stationary_blocks(draws.days, draws.block, rng) for _ in range(draws.number)]
    first, length = (np.concatenate(column) for column in zip(*resamples, strict=True))
    return first, length, np.concatenate([[0], np.cumsum([len(blocks) for blocks, _ in resamples])])


def _resample(draws: _Draws, pnl: Array, _places: Places) -> tuple[Array, NDArray[np.uint8], Array]:
    """Resample variants in ascending order of their t-statistics.

    Returns
    -------
    maxima : ndarray, shape (shifts, draws)
        Largest shifted statistic of each draw.
    reached : ndarray, shape (ceil(draws / 8), variants)
        Bits: whether a variant of these with at most its t-statistic reached it in the draw.
    last : ndarray, shape (draws,)
        Largest statistic of each draw.
    """
    mean, error = _moments(pnl, draws.block)[:2]  # again: a task of a cluster is sent the variants' numbers alone
    days, variants = pnl.shape
    t, resampled = mean / error, np.empty((draws.number, variants))  # errors of a draw from its own blocks' sums
    running, sums = np.empty((2 * days + 1, IN_CACHE)), np.empty((3, IN_CACHE))
    centred = np.ascontiguousarray(pnl - mean)
    resample_t(centred, MIN_ERROR * error, *_blocks(draws), running, sums, resampled)
    is_relevant = t >= -math.sqrt(2.0 * math.log(max(math.log(draws.days), 1.0)))
    shifts = np.minimum(t, 0.0), np.where(is_relevant, 0.0, t), np.zeros(len(t))  # lower, consistent, upper
    maxima = np.stack([(resampled + shift).max(axis=1) for shift in shifts])
    largest = np.maximum.accumulate(resampled, axis=1)
    return maxima, np.packbits(largest >= t, axis=0), largest[:, -1]


def standard_errors(pnl: Array, block: float) -> Array:
    """Return the standard error of each mean under the stationary bootstrap, shape (variants,).

    In closed form from circular autocovariances (Politis and Romano 1994, lemma 1).
    """
    error: Array = _moments(pnl, block)[1]
    return error


def _moments(pnl: Array, block: float) -> Array:
    """Mean, its standard error, and the second to fourth central moment of each variant; shape (5, variants)."""
    result, work = np.empty((5, pnl.shape[1])), np.empty((4, pnl.shape[1]))
    sum_moments(np.ascontiguousarray(pnl, dtype=np.float64), float(block), work, result)
    return result


def stationary_blocks(days: int, block: float, rng: np.random.Generator) -> tuple[Places, Places]:
    """First day and length of each block of one stationary-bootstrap resample (Politis and Romano 1994).

    A block starts at a random day with probability 1 / block and otherwise goes on with the next day, the first after
    the last. The same generator gives the resample of `arch.bootstrap.StationaryBootstrap`.
    """
    random_day = rng.integers(days, size=days)
    is_start = rng.random(days) <= 1.0 / block
    is_start[0] = True
    place = np.flatnonzero(is_start)
    return random_day[place], np.diff(np.append(place, days))


def expected_best_sharpe(trials: float, variance: float) -> float:
    """Return the expected largest Sharpe ratio of independent trials without an edge.

    Parameters
    ----------
    trials : float
        Number of independent trials, at least 1.
    variance : float
        Variance of the Sharpe ratios across trials, in the frequency of the result squared.

    Returns
    -------
    float
        0 for one trial.

    Notes
    -----
    Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), equation 1:
    sqrt(V) ((1 - g) z(1 - 1/N) + g z(1 - 1/(N e))), g the Euler-Mascheroni constant.
    """
    if trials <= 1.0:
        return 0.0
    typical, tail = NORMAL.inv_cdf(1.0 - 1.0 / trials), NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - np.euler_gamma) * typical + np.euler_gamma * tail)


def deflated_sharpe_ratio(
    sharpe: float, observations: int, skew: float, kurtosis: float, trials: float, variance: float
) -> float:
    """Probability that a true Sharpe ratio exceeds the best expected by luck.

    Parameters
    ----------
    sharpe : float
        Sharpe ratio per observation (daily returns: not annualised).
    observations : int
    skew, kurtosis : float
        Of the returns; 0 and 3 for normal ones.
    trials : float
        Number of independent trials.
    variance : float
        Variance of the trials' Sharpe ratios per observation.

    Returns
    -------
    float
        0 to 1. NaN for fewer than two observations or a variance of the estimate that is not positive.

    Notes
    -----
    Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), equation 2. The
    standard error assumes returns without serial correlation.

    Examples
    --------
    The paper's example: an annual Sharpe ratio of 2.5 over 1,250 days, the best of 100 trials with variance 1/2.

    >>> round(deflated_sharpe_ratio(2.5 / 250**0.5, 1250, -3.0, 10.0, 100, 0.5 / 250), 4)
    0.9004
    """
    return _exceedance(sharpe, observations, skew, kurtosis, expected_best_sharpe(trials, variance))


def _exceedance(sharpe: float, observations: int, skew: float, kurtosis: float, best: float) -> float:
    """Probability that a true Sharpe ratio exceeds another; NaN as of `deflated_sharpe_ratio`."""
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if observations < 2 or not spread > 0.0:
        return math.nan
    excess = sharpe - best
    return NORMAL.cdf(excess * math.sqrt(observations - 1) / math.sqrt(spread))


def independent_trials(pnl: Array) -> float:
    """Return the number of independent trials that a family of correlated variants amounts to.

    Parameters
    ----------
    pnl : ndarray, shape (days, variants)
        Daily P&L, $, each column varying.

    Returns
    -------
    float
        r + (1 - r) N, r the mean correlation of two variants, at least 0 (Bailey and Lopez de Prado 2014, appendix 3).
    """
    return _independent_trials(moments(pnl))


def _independent_trials(family_moments: Moments) -> float:
    variants = len(family_moments.mean)
    if variants < MIN_VARIANTS:
        return float(variants)
    total = float((family_moments.standardised**2).mean())  # sum of all correlations, the diagonal included
    correlation = max((total - variants) / (variants * (variants - 1)), 0.0)
    return float(correlation + (1.0 - correlation) * variants)


def deflated_sharpe_ratios(pnl: Array | Family, family_moments: Moments | None = None) -> Array:
    """Deflated Sharpe ratio of each variant of a family.

    Parameters
    ----------
    pnl : ndarray or Family, shape (days, variants)
        Daily P&L, $, of every variant tried, each column varying.
    family_moments : Moments, optional
        Of the same family, where they were computed before.

    Returns
    -------
    ndarray, shape (variants,)
        Probability, 0 to 1, as of `deflated_sharpe_ratio` with the family's variance of Sharpe ratios and its number of
        `independent_trials`.

    Raises
    ------
    InputError
        As for `superior_ability`.

    Examples
    --------
    >>> pnl = np.random.default_rng(1).normal(0.0, 20.0, (400, 3))
    >>> pnl[:, 0] += 8.0
    >>> (deflated_sharpe_ratios(pnl) > 0.9).tolist()
    [True, False, False]
    """
    family_moments = moments(pnl) if family_moments is None else family_moments
    trials, days = _independent_trials(family_moments), Family.of(pnl).days
    variance = float(family_moments.sharpe.var(ddof=1)) if len(family_moments.sharpe) > 1 else 0.0
    best = expected_best_sharpe(trials, variance)
    rows = zip(
        family_moments.sharpe.tolist(), family_moments.skew.tolist(), family_moments.kurtosis.tolist(), strict=True
    )
    return np.array([_exceedance(ratio, days, skew, kurtosis, best) for ratio, skew, kurtosis in rows])


def overfitting_probability(pnl: Array | Family, parts: int = PARTS, family_moments: Moments | None = None) -> float:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation.

    The days are cut into contiguous parts of equal length. For every way to choose half of the parts, the variant with
    the best Sharpe ratio there is ranked among all variants on the other half. The result is the fraction of ways in
    which it ranks below the median, exact medians counted half: 0.5 on average for variants without an edge.

    Parameters
    ----------
    pnl : ndarray, shape (days, variants)
        Daily P&L, $, of every variant tried. Days beyond a multiple of `parts` are dropped from the end. A variant that
        does not trade in a half has a Sharpe ratio of 0 there.
    parts : int
        Even, at least 2. 16 gives 12,870 ways.
    family_moments : Moments, optional
        Of the same family and parts, where they were computed before.

    Returns
    -------
    float
        0 to 1. NaN with fewer than two variants or two days a part.

    Raises
    ------
    InputError
        For an odd number of parts, or values that are not finite.

    Notes
    -----
    Bailey, Borwein, Lopez de Prado and Zhu 2017, "The probability of backtest overfitting", Journal of Computational
    Finance 20(4). Neighbouring days of two parts share trades: choose parts much longer than a trade.

    Examples
    --------
    >>> pnl = np.random.default_rng(1).normal(0.0, 20.0, (400, 5))
    >>> pnl[:, 0] += 10.0
    >>> overfitting_probability(pnl, parts=8)
    0.0
    """
    if parts < 2 or parts % 2:
        raise InputError("parts", parts, "must be even and at least 2", f"use {PARTS}")
    family = Family.of(pnl)
    length, variants = family.days // parts, family.variants
    if family_moments is None:
        sums, squares = np.empty((parts, variants)), np.empty((parts, variants))
        for places, of_parts in family.map(partial(_read_parts, parts, length)):
            sums[:, places], squares[:, places] = of_parts
    else:
        sums, squares = family_moments.sums, family_moments.squares
    if length < 2 or variants < MIN_VARIANTS:
        return math.nan
    half = parts // 2
    inside = [sum(1 << part for part in chosen) for chosen in combinations(range(parts), half)]
    ways = np.array([(way & (1 << half) - 1, way >> half) for way in inside], dtype=np.int64)
    room = np.empty((4, 1 << half, IN_CACHE)), np.empty(IN_CACHE)
    best, outside, ranks = np.empty(len(ways)), np.empty(len(ways)), np.empty((len(ways), 2), dtype=np.int64)
    choose_inside(sums, squares, ways, float(length * half), *room, best, outside)
    rank_outside(sums, squares, ways, float(length * half), *room, outside, ranks)
    rank, middle = ranks[:, 0] + 0.5 * (ranks[:, 1] + 1.0), 0.5 * (variants + 1.0)
    return float(((rank < middle).sum() + 0.5 * (rank == middle).sum()) / len(ways))


def _read_parts(parts: int, length: int, pnl: Array, places: Places) -> tuple[Array, Array]:
    _check_finite(pnl)
    return _by_part(pnl, parts, length)


def _check_finite(pnl: Array) -> None:
    if not np.isfinite(pnl).all():
        value = pnl[~np.isfinite(pnl)][0]
        raise InputError("pnl", float(value), "must be finite", "fill days without a position with 0")
