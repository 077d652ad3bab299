"""Variant grid: every combination of a grid of rules on the same trials, and the test of the best."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.metrics import (
    daily_returns,
    deepest_fall,
    independent_trades,
    measure,
    sharpe_ratio,
    sortino_ratio,
    with_account,
)
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.selection import (
    MIN_DAYS,
    MIN_VARIANTS,
    deflated_sharpe_ratios,
    overfitting_probability,
    superior_ability,
)
from iwm_opts.backtest.sweep import BookCache, book_key, sweep
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.errors import InputError

Array = NDArray[np.float64]

FIRST_BATCH: Final = 256  # variants; what follows is as many as the time of a batch holds
MOST_BATCH: Final = 2_000  # bounds the memory that their equity takes
BATCH_SECONDS: Final = 2.0  # work lost when a sweep is killed, at most
TOGETHER: Final = 32  # variants whose figures are worked out at once: their equity stays in the cache
DOLLARS: Final = ("pnl", "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment")


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One combination of a grid."""

    number: int  # its place in the grid
    values: Mapping[str, Any]  # of the grid's names
    rules: Rules


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Result of a variant on all trials."""

    number: int
    metrics: Mapping[str, Any]  # see `run_variants`
    daily: Array  # change of equity by day, dollars; trials one after the other


class VariantTest(NamedTuple):
    """Evidence for one variant, given all that were tried; NaN for a variant that never traded."""

    p_stepdown: float = math.nan  # Romano-Wolf adjusted p-value
    deflated_sharpe: float = math.nan  # probability that the Sharpe ratio exceeds the best expected by luck


@dataclass(frozen=True, slots=True)
class SnoopingTest:
    """Test of the best of many variants against the best of as many without an edge.

    The null is that no variant gains more a day than not trading (Hansen 2005, studentised). The three p-values differ
    in how much losing variants count, the last being the most cautious. Definitions: `iwm_opts.backtest.selection`.
    """

    best: int  # number of the variant with the largest t-statistic
    models: int
    p_lower: float
    p_consistent: float
    p_upper: float
    block: int  # mean length of the stationary bootstrap's blocks, sessions
    overfitting_probability: float  # by CSCV; NaN where the history is too short
    variants: Mapping[int, VariantTest]  # by number, of those that traded


def run_variants(
    trials: Sequence[Trial], variants: Sequence[Variant], threads: int, seconds: float = BATCH_SECONDS
) -> Iterator[list[Outcome]]:
    """Run every variant on every trial, a batch at a time; those that share packages come one after the other.

    Their figures: trades, win_rate, expectancy (dollars a trade), pnl and the cascade of costs (dollars, of all trials
    together), average_days held, max_drawdown (share of the peak, the deepest of any trial), sharpe and sortino (of the
    days of all trials). NaN where undefined.

    Parameters
    ----------
    trials : sequence of Trial
    variants : sequence of Variant
    threads : int
        The results do not depend on it.
    seconds : float
        Target time of a batch; the results do not depend on it.
    """
    books: dict[Any, list[Variant]] = {}
    for variant in variants:
        books.setdefault(book_key(variant.rules), []).append(variant)
    ordered = [variant for shared in books.values() for variant in shared]
    start, size, caches = 0, FIRST_BATCH, [BookCache() for _ in trials]
    while start < len(ordered):
        began = perf_counter()
        outcomes = _batch(trials, caches, ordered[start : start + size], threads)
        start += len(outcomes)
        size = min(max(1, math.ceil(len(outcomes) * seconds / (perf_counter() - began))), 4 * size, MOST_BATCH)
        yield outcomes


def _batch(
    trials: Sequence[Trial], caches: Sequence[BookCache], variants: Sequence[Variant], threads: int
) -> list[Outcome]:
    rules = [variant.rules for variant in variants]
    tables, levels = [], []
    for trial, cache in zip(trials, caches, strict=True):
        equity = np.empty((len(rules), len(trial.market.days)))
        tables.append(sweep(trial.market, trial.history, rules, threads, macro=trial.macro, equity=equity, cache=cache))
        levels.append(equity)
    outcomes: list[Outcome] = []
    for start in range(0, len(variants), TOGETHER):
        some = slice(start, start + TOGETHER)
        outcomes += _outcomes(variants[some], [table.iloc[some] for table in tables], [level[some] for level in levels])
    return outcomes


def _outcomes(
    variants: Sequence[Variant], tables: Sequence[pd.DataFrame], levels: Sequence[Array]
) -> Iterator[Outcome]:
    """Outcomes of some variants at once: one at a time their figures would take longer than their backtests."""
    account = np.array([outcome.rules.size.account for outcome in variants])

    def each(name: str) -> Array:
        return np.array([table[name].to_numpy(dtype=np.float64) for table in tables])

    trades = each("trades")
    total = trades.sum(axis=0)

    def mean(name: str) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            average: Array = (np.where(trades > 0.0, each(name), 0.0) * trades).sum(axis=0) / total
        return average

    returns = np.concatenate([daily_returns(level, account) for level in levels], axis=1)
    figures: dict[str, Array] = {
        "trades": total.astype(np.int64), "win_rate": mean("win_rate"), "expectancy": mean("mean_pnl"),
    }  # fmt: skip
    figures |= {name: each(name).sum(axis=0) for name in DOLLARS}
    figures |= {
        "average_days": mean("mean_days"),
        "max_drawdown": np.min([deepest_fall(level, account) for level in levels], axis=0),
        "sharpe": sharpe_ratio(returns),
        "sortino": sortino_ratio(returns),
    }
    daily = np.concatenate([np.diff(with_account(level, account)) for level in levels], axis=1)
    columns = {name: column.tolist() for name, column in figures.items()}
    for place, variant in enumerate(variants):
        yield Outcome(variant.number, {name: column[place] for name, column in columns.items()}, daily[place])


@dataclass(frozen=True, slots=True)
class Detail:
    """Figures from every trade and day of one variant."""

    independent_trades: float
    return_on_risk_in_use: float


def details(trials: Sequence[Trial], variants: Sequence[Variant]) -> Iterator[Detail]:
    """Run some variants again, for all that their trades say."""
    books: dict[Any, list[Book]] = {}
    for variant in variants:
        shared = books.get(book_key(variant.rules), [None] * len(trials))
        prepared = [trial.prepare(variant.rules, book) for trial, book in zip(trials, shared, strict=True)]
        books[book_key(variant.rules)] = [ready.book for ready in prepared]
        results = PooledResult(tuple(map(run, prepared)), tuple(trials))
        trades = results.trades
        figures = measure(trades, results.equity, results.account)
        yield Detail(independent_trades(trades), figures.return_on_risk_in_use)


def snooping_test(outcomes: Sequence[Outcome], holding: float, seed: int, draws: int = DRAWS) -> SnoopingTest | None:
    """Test the best of some outcomes against luck.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of every variant tried.
    holding : float
        Sessions that trades are held on average; blocks are twice as long.
    seed : int
    draws : int

    Returns
    -------
    SnoopingTest or None
        None where fewer than two variants traded.
    """
    traded = [outcome for outcome in outcomes if np.ptp(outcome.daily) > 0.0]
    if len(traded) < MIN_VARIANTS or len(traded[0].daily) < MIN_DAYS:
        return None
    # Variants that traded alike, day by day, are one trial; sums over trials do not depend on the order of the grid.
    column_of = {daily: place for place, daily in enumerate(sorted({outcome.daily.tobytes() for outcome in traded}))}
    columns = [column_of[outcome.daily.tobytes()] for outcome in traded]
    first = np.unique(columns, return_index=True)[1]
    pnl = np.stack([traded[place].daily for place in first], axis=1)
    block = int(np.clip(math.ceil(2.0 * holding), 1, max(len(pnl) // 3, 1)))
    result = superior_ability(pnl, block, seed, draws)
    tests = list(map(VariantTest, result.p_stepdown.tolist(), deflated_sharpe_ratios(pnl).tolist()))
    return SnoopingTest(
        best=traded[first[result.best]].number,
        models=len(traded),
        p_lower=result.p_lower,
        p_consistent=result.p_consistent,
        p_upper=result.p_upper,
        block=block,
        overfitting_probability=overfitting_probability(pnl),
        variants={outcome.number: tests[column] for outcome, column in zip(traded, columns, strict=True)},
    )


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of a grid, the last name turning fastest.

    Raises
    ------
    InputError
        When a name has no value, or one twice.
    """
    rows: list[dict[str, Any]] = [{}]
    for name, values in grid.items():
        if not values or len(set(map(str, values))) < len(values):
            raise InputError("grid", f"{name}={','.join(map(str, values))}", "needs values, each once")
        rows = [row | {name: value} for row in rows for value in values]
    return rows
