"""Monte Carlo of a record of daily P&L: drawdown, ruin and growth by position size.

Days are resampled in blocks (stationary bootstrap, Politis and Romano 1994, JASA 89), not trades: a day holds the P&L
of every position open on it, so that dependence between trades and between neighbouring days is kept. Days outside the
record do not occur: a history is only as bad as the worst days of the record in a new order.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import optimal_block
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.errors import InputError
from iwm_opts.io.mapping import Mapper, in_order, map_on_threads
from iwm_opts.kernels.backtest.montecarlo import growth_optimal_sizes, resample_equity

Array = NDArray[np.float64]
Places = NDArray[np.int64]
OnProgress = Callable[[int, int], None]

HISTORIES: Final = 10_000
YEARS: Final = 10.0
SIZES: Final = (0.5, 1.0, 2.0)  # multiples of the size in the record
DRAWDOWN: Final = 0.2  # fraction of the peak
CHANCE: Final = 0.05
RUIN: Final = 0.5  # fraction of the account lost
MAX_YEARS: Final = 100.0
MIN_RECORD: Final = 20  # days
BATCH: Final = 1_024  # histories of one random stream: results do not depend on threads
KELLY_DRAWS: Final = 1_000
KELLY_LEVEL: Final = 0.90
PRECISION: Final = 1e-6  # of a size, relative: at its bound the history is one that falls


@dataclass(frozen=True, slots=True, eq=False)
class DailyRecord:
    """Daily P&L at size 1 of one or several paths.

    Attributes
    ----------
    moves : tuple of ndarray
        One a path, shape (days,): a fraction of the equity before the day where compounded, else of the account at the
        start.
    is_compounded : bool
        Whether positions grow with the equity.
    holding : float
        Sessions that a trade is held on average; NaN is unknown.
    """

    moves: tuple[Array, ...]
    is_compounded: bool
    holding: float = math.nan

    def __post_init__(self) -> None:
        days = sum(map(len, self.moves))
        if days < MIN_RECORD:
            raise InputError("days", days, f"needs at least {MIN_RECORD} days", "give a longer record")
        for path in self.moves:
            if not np.isfinite(path).all():
                value = path[~np.isfinite(path)][0]
                raise InputError("pnl", float(value), "must be finite", "fill days without a position with 0")

    @property
    def all_moves(self) -> Array:
        """Days of all paths, one path after the other."""
        return np.ascontiguousarray(np.concatenate(self.moves), dtype=np.float64)

    @property
    def edges(self) -> Places:
        """First row of each path, and the number of rows."""
        return np.cumsum([0, *map(len, self.moves)], dtype=np.int64)

    @property
    def following(self) -> Places:
        """Row of each day's next, the first of its path after the last."""
        rows = np.arange(1, self.edges[-1] + 1)
        rows[self.edges[1:] - 1] = self.edges[:-1]
        return rows

    @property
    def block(self) -> int:
        """Mean block length, sessions: twice the holding period, or longer where the days are dependent for longer."""
        lengths = [optimal_block(path) for path in self.moves if len(path) > MIN_RECORD // 2 and np.ptp(path) > 0.0]
        least = 2.0 * self.holding if math.isfinite(self.holding) else 1.0
        longest = max([least, 1.0, *(length for length in lengths if math.isfinite(length))])
        return max(1, min(math.ceil(longest), min(map(len, self.moves)) // 3))


class Histories(NamedTuple):
    """Outcomes of resampled histories, shape (histories, sizes); equity is a multiple of the account at the start."""

    final: Array
    drawdown: Array  # deepest, a fraction of the peak, at most 0
    lowest: Array
    size_of_fall: Array  # smallest size with a drawdown asked about, shape (histories,); infinite without one


@dataclass(frozen=True, slots=True)
class SizeOutcome:
    """Distribution of the outcomes of one size; equity is a multiple of the account at the start."""

    size: float
    final: tuple[float, float, float]  # 5%, 50% and 95% quantile
    drawdown: tuple[float, float]  # median, and what 5% of histories exceed; fractions of the peak, at most 0
    p_drawdown: float  # chance of a drawdown of at least the one asked about
    p_ruin: float
    p_loss: float  # chance of less equity at the end than at the start

    @classmethod
    def of(cls, outcomes: "Histories", column: int, size: float, question: "MonteCarloQuestion") -> "SizeOutcome":
        """Distribution of one column of the histories."""
        final, drawdown, lowest = (values[:, column] for values in outcomes[:3])
        low, median, high = np.quantile(final, [0.05, 0.5, 0.95]).tolist()
        middle, deep = np.quantile(drawdown, [0.5, 0.05]).tolist()
        return cls(
            size=size,
            final=(low, median, high),
            drawdown=(middle, deep),
            p_drawdown=float((drawdown <= -question.drawdown).mean()),
            p_ruin=float((lowest <= 1.0 - question.ruin).mean()),
            p_loss=float((final < 1.0).mean()),
        )


@dataclass(frozen=True, slots=True)
class Kelly:
    """Growth-optimal size, a multiple of the size in the record, and its uncertainty."""

    full: float  # of the record as it is; infinite without a losing day
    low: float  # `KELLY_LEVEL` of resampled records have theirs between low and high
    high: float
    p_none: float  # fraction of resampled records without a positive mean
    shrunk: float  # allowing for the uncertainty; NaN where `full` is infinite


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """Distributions of resampled histories by size."""

    sizes: tuple[SizeOutcome, ...]
    drawdown: float  # asked about, fraction of the peak
    chance: float
    ruin: float  # fraction of the account lost
    size_at: float  # largest size at which that drawdown has at most that chance; infinite where no size reaches it
    kelly: Kelly
    histories: int
    sessions: int  # of a history
    block: int  # mean length, sessions
    observed: int  # days of the record
    observed_paths: int
    is_compounded: bool
    worst_day: float  # at size 1, fraction
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How histories are drawn.

    Parameters
    ----------
    block : int
        Mean length of a block, sessions.
    sessions : int
        Of a history.
    histories : int
    seed : int
        Every size trades the same histories.
    threads : int, optional
        One a core unless given; the result does not depend on it.
    mapper : Mapper, optional
        Runs the batches in place of threads; the result does not depend on it.
    on_progress : callable, optional
        Called with histories done and their number.
    """

    block: int
    sessions: int
    histories: int = HISTORIES
    seed: int = 1
    threads: int | None = None
    mapper: Mapper | None = None
    on_progress: OnProgress | None = None

    def on_batch(self, batches: int) -> None:
        """Report the histories of some batches as done."""
        if self.on_progress:
            self.on_progress(min(batches * BATCH, self.histories), self.histories)


def simulate_histories(
    record: DailyRecord, sizes: Sequence[float] | Array, resampling: Resampling, drawdown: float = DRAWDOWN
) -> Histories:
    """Resample a record and trade each history at each size.

    Parameters
    ----------
    record : DailyRecord
    sizes : sequence of float
        Multiples of the size in the record.
    resampling : Resampling
    drawdown : float
        Fraction of the peak, of `Histories.size_of_fall`.
    """
    scale = np.ascontiguousarray(sizes, dtype=np.float64)
    batches = range(math.ceil(resampling.histories / BATCH))
    simulate = partial(_simulated, record, scale, drawdown, replace(resampling, mapper=None, on_progress=None))
    mapper = resampling.mapper or partial(map_on_threads, resampling.threads or os.cpu_count() or 1)
    rows = np.concatenate(in_order(mapper, simulate, batches, resampling.on_batch))
    final, depth, lowest = np.split(rows[:, :-1], 3, axis=1)
    return Histories(final, depth, lowest, rows[:, -1])


def _simulated(record: DailyRecord, scale: Array, drawdown: float, resampling: Resampling, batch: int) -> Array:
    """One batch of histories, from a random stream of its own: a row each of `Histories`, one field after the other."""
    move, sessions = record.all_moves, resampling.sessions
    count = min(BATCH, resampling.histories - batch * BATCH)
    outcomes = [np.empty((count, len(scale))) for _ in range(3)]
    size_of_fall = np.empty(count)
    rng = np.random.default_rng([resampling.seed, batch])
    first, length = random_blocks(rng, len(move), count, sessions, resampling.block)
    resample_equity(
        move, record.following, first, length, scale, record.is_compounded, drawdown, np.empty(sessions), *outcomes,
        size_of_fall,
    )  # fmt: skip
    return np.column_stack([*outcomes, size_of_fall])


def random_blocks(
    rng: np.random.Generator, rows: int, histories: int, sessions: int, block: int
) -> tuple[Places, Places]:
    """First row and length of the blocks of some histories, shape (histories, blocks): enough for the longest."""
    lengths: list[Places] = []
    covered = np.zeros(histories, dtype=np.int64)
    while covered.min() < sessions:
        columns = math.ceil(1.2 * (sessions - int(covered.min())) / block) + 4
        lengths.append(rng.geometric(1.0 / block, (histories, columns)))
        covered += lengths[-1].sum(axis=1)
    length = np.ascontiguousarray(np.concatenate(lengths, axis=1))
    return rng.integers(rows, size=length.shape), length


def size_with_chance(size_of_fall: Array, chance: float) -> float:
    """Largest size at which at most a fraction of histories falls, given the smallest size at which each does.

    Along one history a larger size falls at least as deep, whether compounded or not.
    """
    allowed = min(math.floor(chance * len(size_of_fall) + PRECISION), len(size_of_fall) - 1)
    return float(np.partition(size_of_fall, allowed)[allowed]) * (1.0 - PRECISION)


def kelly_size(record: DailyRecord, block: int, seed: int, draws: int = KELLY_DRAWS) -> Kelly:
    """Growth-optimal size and its uncertainty.

    Resampled records have their own growth-optimal sizes. An estimate that is too large costs more growth than the same
    error below, so that the size to trade is smaller than the estimate. To second order the growth at c times an
    estimated size f is largest on average at c = f* mean(f) / mean(f^2), f* of the record; for a normal mean with
    t-statistic t that is t^2 / (1 + t^2). Shrinking to maximise expected growth: Baker and McHale 2013, Decision
    Analysis 10(3).

    Parameters
    ----------
    record : DailyRecord
        P&L that is not compounded counts as a fraction of the account at the start.
    block : int
    seed : int
    draws : int
    """
    move, following = record.all_moves, record.following
    days = len(move)

    def optimal(first: Places, length: Places) -> Array:
        sizes = np.empty(len(first))
        growth_optimal_sizes(move, following, first, length, np.empty(days, dtype=np.int64), sizes)
        return sizes

    edges = record.edges
    full = float(optimal(edges[None, :-1].copy(), np.diff(edges)[None])[0])
    rng = np.random.default_rng(seed)
    first, length = random_blocks(rng, days, draws, days, block)
    sizes = optimal(first, length)
    low, high = np.quantile(sizes, [0.5 - 0.5 * KELLY_LEVEL, 0.5 + 0.5 * KELLY_LEVEL], method="nearest").tolist()
    if not math.isfinite(full):
        return Kelly(full, low, high, float((sizes == 0.0).mean()), math.nan)
    ruinous = -1.0 / move.min() if move.min() < 0.0 else math.inf
    capped = np.minimum(sizes, ruinous)  # a resample without the worst days says nothing about them
    square = float((capped**2).mean())
    shrinkage = min(full * float(capped.mean()) / square, 1.0) if square > 0.0 else 0.0
    return Kelly(full, low, high, float((sizes == 0.0).mean()), shrinkage * full)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarloQuestion:
    """Sizes, horizon and thresholds of a Monte Carlo.

    Parameters
    ----------
    sizes : tuple of float
        Multiples of the size in the record.
    years : float
        Of a history, 252 sessions each.
    histories : int
    drawdown, chance : float
        The largest size is searched at which a drawdown of this fraction of the peak has at most this chance.
    ruin : float
        Fraction of the account whose loss counts as ruin.
    block : int, optional
        Mean length of a block, sessions; see `DailyRecord.block`.
    seed : int
    threads : int, optional
        One a core unless given; the result does not depend on it.
    """

    sizes: tuple[float, ...] = SIZES
    years: float = YEARS
    histories: int = HISTORIES
    drawdown: float = DRAWDOWN
    chance: float = CHANCE
    ruin: float = RUIN
    block: int | None = None
    seed: int = 1
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("drawdown", "chance", "ruin"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise InputError(name, getattr(self, name), "must lie between 0 and 1", "20% is 0.2")
        if not self.sizes or not all(0.0 < size < math.inf for size in self.sizes):
            raise InputError("sizes", self.sizes, "must be positive", "1 is the size in the record")
        if not 0.0 < self.years <= MAX_YEARS:
            raise InputError("years", self.years, f"must be above 0 and at most {MAX_YEARS:g}")
        if self.histories < 1:
            raise InputError("histories", self.histories, "must be at least 1")
        if self.block is not None and self.block < 1:
            raise InputError("block", self.block, "must be at least 1 session")


def monte_carlo(
    record: DailyRecord,
    question: MonteCarloQuestion,
    mapper: Mapper | None = None,
    on_progress: OnProgress | None = None,
) -> MonteCarlo:
    """Distributions of resampled histories by size, the size for a drawdown, and the growth-optimal size."""
    block = question.block or record.block
    sessions = max(1, round(question.years * SESSIONS_PER_YEAR))
    resampling = Resampling(
        block=block, sessions=sessions, histories=question.histories, seed=question.seed, threads=question.threads,
        mapper=mapper, on_progress=on_progress,
    )  # fmt: skip
    outcomes = simulate_histories(record, question.sizes, resampling, question.drawdown)
    return MonteCarlo(
        sizes=tuple(SizeOutcome.of(outcomes, column, size, question) for column, size in enumerate(question.sizes)),
        drawdown=question.drawdown,
        chance=question.chance,
        ruin=question.ruin,
        size_at=size_with_chance(outcomes.size_of_fall, question.chance),
        kelly=kelly_size(record, block, question.seed),
        histories=question.histories,
        sessions=sessions,
        block=block,
        observed=int(record.edges[-1]),
        observed_paths=len(record.moves),
        is_compounded=record.is_compounded,
        worst_day=float(record.all_moves.min()),
        seed=question.seed,
    )
