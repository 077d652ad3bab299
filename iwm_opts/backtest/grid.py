"""Variant grid: every combination of a grid of rules on the same trials, and the test of the best.

A million variants are columns of figures. Their rules are made when asked for, and their daily P&L is run again when
the test of the best reads it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any, Final, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.book_builder import shared_book
from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.metrics import MIN_RETURNS, annualised, independent_trades, measure, with_account
from iwm_opts.backtest.rule_table import GridRules, RuleTable, book_key
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.selection import (
    MIN_DAYS,
    MIN_VARIANTS,
    Family,
    deflated_sharpe_ratios,
    moments,
    overfitting_probability,
    superior_ability,
)
from iwm_opts.backtest.sweep import BookCache, summarise
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.errors import InputError
from iwm_opts.kernels.backtest.codes import Summary

Array = NDArray[np.float64]
Places = NDArray[np.int64]

FIRST_BATCH: Final = 256  # variants; what follows is as many as the time of a batch holds
MOST_BATCH: Final = 65_536
BATCH_SECONDS: Final = 2.0  # work lost when a sweep is killed, at most
HELD_PNL: Final = 2**25  # days x variants of daily P&L held at a time for the test of the best: 256 MB
MOST_BOOKS: Final = 32  # held while P&L is read in the order of that test
READINGS: Final = 2  # of each variant's P&L by that test: for its moments and for its resamples
DIGEST_FACTOR: Final = 0x9E3779B97F4A7C15  # odd: digests of paths are combined without loss
OFF: Final = ("none", "off")
DOLLARS: Final = ("pnl", "mid_pnl", "entry_slippage", "exit_slippage", "fees", "assignment")


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """One combination of a grid."""

    number: int  # its place in the grid
    values: Mapping[str, Any]  # of the grid's names
    rules: Rules


@dataclass(frozen=True, slots=True)
class GridValues:
    """Values of each combination of a grid by its number, the last name turning fastest."""

    grid: Mapping[str, Sequence[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each name."""
        return tuple(map(len, self.grid.values()))

    def __call__(self, number: int) -> dict[str, Any]:
        """Value of each name."""
        places = (int(place) for place in np.unravel_index(number, self.shape))
        return {name: values[place] for (name, values), place in zip(self.grid.items(), places, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Variants(Sequence[Variant]):
    """Variants of a grid, each made when asked for."""

    numbers: Places
    source: RuleTable | GridRules  # rules by number
    values_of: Callable[[int], Mapping[str, Any]]  # of a variant's number

    @classmethod
    def of(cls, variants: Sequence[Variant]) -> "Variants":
        """Given variants in rows."""
        if isinstance(variants, Variants):
            return variants
        values = {variant.number: variant.values for variant in variants}
        numbers = np.array([variant.number for variant in variants], dtype=np.int64)
        place = np.zeros(max(values, default=-1) + 1, dtype=np.int64)
        place[numbers] = np.arange(len(numbers))
        return cls(numbers, RuleTable.of(variant.rules for variant in variants).take(place), values.__getitem__)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Variant: ...

    @overload
    def __getitem__(self, place: slice) -> Self: ...

    def __getitem__(self, place: int | slice) -> "Variant | Self":
        if isinstance(place, slice):
            return replace(self, numbers=self.numbers[place])
        number = int(self.numbers[place])
        return Variant(number, self.values_of(number), self.source[number])

    @property
    def rules(self) -> RuleTable:
        """Rules in rows."""
        return self.source.take(self.numbers)

    def take(self, places: Places) -> Self:
        """Return some variants."""
        return replace(self, numbers=self.numbers[places])

    def by_book(self) -> Self:
        """Return them with those that share packages one after the other."""
        return replace(self, numbers=self.source.at_ranks(np.sort(self.source.ranks(self.numbers))))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Result of a variant on all trials."""

    number: int
    metrics: Mapping[str, Any]  # see `run_variants`
    digest: int  # of the daily changes in equity: equal for variants that traded alike, 0 for one that never traded


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes(Sequence[Outcome]):
    """Results of variants in columns."""

    numbers: Places
    metrics: Mapping[str, NDArray[Any]]
    digests: NDArray[np.uint64]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> "Outcomes":
        """Given outcomes in columns."""
        names = outcomes[0].metrics if len(outcomes) else ()
        return cls(
            np.array([outcome.number for outcome in outcomes], dtype=np.int64),
            {name: np.array([outcome.metrics[name] for outcome in outcomes]) for name in names},
            np.array([outcome.digest for outcome in outcomes], dtype=np.uint64),
        )

    @classmethod
    def joined(cls, parts: "Sequence[Outcomes]") -> "Outcomes":
        """All of some outcomes, by number."""
        parts = [part for part in parts if len(part)] or parts[:1]
        numbers = np.concatenate([part.numbers for part in parts])
        order = np.argsort(numbers, kind="stable")
        names = parts[0].metrics
        return cls(
            numbers[order],
            {name: np.concatenate([part.metrics[name] for part in parts])[order] for name in names},
            np.concatenate([part.digests for part in parts])[order],
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, places: Places) -> Self:
        """Return some outcomes."""
        metrics = {name: column[places] for name, column in self.metrics.items()}
        return type(self)(self.numbers[places], metrics, self.digests[places])

    @overload
    def __getitem__(self, place: int) -> Outcome: ...

    @overload
    def __getitem__(self, place: slice) -> Self: ...

    def __getitem__(self, place: int | slice) -> "Outcome | Self":
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        row = {name: column[place].item() for name, column in self.metrics.items()}
        return Outcome(int(self.numbers[place]), row, int(self.digests[place]))


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
    numbers: Places  # of the variants that traded
    p_stepdown: Array  # of each of them, as in `VariantTest`
    deflated_sharpe: Array

    @property
    def variants(self) -> Mapping[int, VariantTest]:
        """Evidence for each variant that traded, by number."""
        tests = map(VariantTest, self.p_stepdown.tolist(), self.deflated_sharpe.tolist())
        return dict(zip(self.numbers.tolist(), tests, strict=True))


def run_variants(
    trials: Sequence[Trial],
    variants: Sequence[Variant],
    threads: int,
    seconds: float = BATCH_SECONDS,
    caches: Sequence[BookCache] | None = None,
) -> Iterator[Outcomes]:
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
    caches : sequence of BookCache, optional
        One a trial: of runs on the same trials before and after.
    """
    ordered = Variants.of(variants).by_book()
    start, size, caches = 0, FIRST_BATCH, caches or [BookCache() for _ in trials]
    while start < len(ordered):
        began = perf_counter()
        outcomes = _batch(trials, caches, ordered[start : start + size], threads)
        start += len(outcomes)
        size = min(max(1, math.ceil(len(outcomes) * seconds / (perf_counter() - began))), 4 * size, MOST_BATCH)
        yield outcomes


def _batch(trials: Sequence[Trial], caches: Sequence[BookCache], variants: Variants, threads: int) -> Outcomes:
    rules = variants.rules
    summaries = [
        summarise(trial.market, trial.history, rules, threads, macro=trial.macro, cache=cache)
        for trial, cache in zip(trials, caches, strict=True)
    ]
    sums = dict(zip((column.name.lower() for column in Summary), np.sum(summaries, axis=0).T, strict=True))
    falls = [summary[:, Summary.MAX_DRAWDOWN] for summary in summaries]
    trades, days = sums["trades"], sum(len(trial.market.days) for trial in trials)
    mean = sums["returns"] / days
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.maximum(sums["squared_returns"] - days * mean**2, 0.0) / (days - 1))
        metrics = {
            "trades": trades.astype(np.int64), "win_rate": sums["wins"] / trades, "expectancy": sums["pnl"] / trades,
            **{name: sums[name] for name in DOLLARS},
            "average_days": sums["days_held"] / trades,
            "max_drawdown": 0.0 - np.max(falls, axis=0),
            "sharpe": annualised(mean, spread) if days >= MIN_RETURNS else np.full(len(variants), np.nan),
            "sortino": annualised(mean, np.sqrt(sums["squared_losses"] / days)),
        }  # fmt: skip
    digests = np.zeros(len(variants), dtype=np.uint64)
    for summary in summaries:
        low, high = (summary[:, half].astype(np.int64) for half in (Summary.DIGEST_LOW, Summary.DIGEST_HIGH))
        digests = digests * np.uint64(DIGEST_FACTOR) + (low + (high << 32)).astype(np.uint64)
    return Outcomes(variants.numbers, metrics, digests)


@dataclass(frozen=True, slots=True, eq=False)
class DailyGains:
    """Daily P&L of variants, run again when it is read: trials one after the other."""

    trials: Sequence[Trial]
    variants: Variants
    threads: int
    caches: Sequence[BookCache]

    @classmethod
    def of(cls, trials: Sequence[Trial], variants: Sequence[Variant], threads: int) -> Self:
        """Daily P&L of variants."""
        return cls(trials, Variants.of(variants), threads, [BookCache(MOST_BOOKS) for _ in trials])

    @property
    def days(self) -> int:
        """Days of all trials."""
        return sum(len(trial.market.days) for trial in self.trials)

    def family(self, places: Places) -> Family:
        """Daily P&L of some variants, held where it is small."""
        if self.days * len(places) <= HELD_PNL:
            return Family.of(self(places))
        return Family(self.days, len(places), lambda some: self(places[some]))

    def __call__(self, places: Places) -> Array:
        """Dollars by day, shape (days, len(places))."""
        rules = self.variants.take(places).rules
        account = np.array([head.size.account for head in rules.heads])[rules.head]
        rows, start = np.empty((self.days, len(rules))), 0
        for trial, cache in zip(self.trials, self.caches, strict=True):
            equity = np.empty((len(rules), len(trial.market.days)))
            summarise(trial.market, trial.history, rules, self.threads, macro=trial.macro, equity=equity, cache=cache)
            rows[start : start + equity.shape[1]] = np.diff(with_account(equity, account)).T
            start += equity.shape[1]
        return rows


@dataclass(frozen=True, slots=True)
class Detail:
    """Figures from every trade and day of one variant."""

    independent_trades: float
    return_on_risk_in_use: float


def details(trials: Sequence[Trial], variants: Sequence[Variant]) -> Iterator[Detail]:
    """Run some variants again, for all that their trades say."""
    books: dict[Any, list[Book]] = {}
    expirations: list[dict[tuple[int, int], Book]] = [{} for _ in trials]
    for variant in variants:
        key, entry = book_key(variant.rules), variant.rules.entry
        if key not in books:
            pairs = zip(trials, expirations, strict=True)
            books[key] = [shared_book(trial.market, entry, near) for trial, near in pairs]
        prepared = [trial.prepare(variant.rules, book) for trial, book in zip(trials, books[key], strict=True)]
        results = PooledResult(tuple(map(run, prepared)), tuple(trials))
        trades = results.trades
        figures = measure(trades, results.equity, results.account)
        yield Detail(independent_trades(trades), figures.return_on_risk_in_use)


def snooping_test(
    outcomes: Outcomes,
    family_of: Callable[[Places], Family],
    holding: float,
    seed: int,
    draws: int = DRAWS,
    on_progress: Callable[[int, int], None] | None = None,
) -> SnoopingTest | None:
    """Test the best of some outcomes against luck.

    Parameters
    ----------
    outcomes : Outcomes
        Of every variant tried.
    family_of : callable
        Daily P&L of some of them, given their places.
    holding : float
        Sessions that trades are held on average; blocks are twice as long.
    seed : int
    draws : int
    on_progress : callable, optional
        Called with the variants read, each once for its moments and once for its resamples, and their number.

    Returns
    -------
    SnoopingTest or None
        None where fewer than two variants traded.
    """
    traded = np.flatnonzero(outcomes.digests)
    if len(traded) < MIN_VARIANTS:
        return None
    # Variants that traded alike, day by day, are one trial; the order of digests does not depend on the grid's.
    _, first, column = np.unique(outcomes.digests[traded], return_index=True, return_inverse=True)
    places = traded[first]
    family = family_of(places)
    if family.days < MIN_DAYS:
        return None
    if on_progress:
        family = replace(family, on_read=_counted(on_progress, READINGS * family.variants))
    block = int(np.clip(math.ceil(2.0 * holding), 1, max(family.days // 3, 1)))
    family_moments = moments(family, block)
    overfitting = partial(overfitting_probability, family, family_moments=family_moments)
    with ThreadPoolExecutor(1) as pool:
        # Where a cluster resamples, this process would wait.
        overlapped = pool.submit(overfitting) if family.elsewhere else None
        result = superior_ability(family, block, seed, draws, family_moments)
        probability = overlapped.result() if overlapped else overfitting()
    return SnoopingTest(
        best=int(outcomes.numbers[places[result.best]]),
        models=len(traded),
        p_lower=result.p_lower,
        p_consistent=result.p_consistent,
        p_upper=result.p_upper,
        block=block,
        overfitting_probability=probability,
        numbers=outcomes.numbers[traded],
        p_stepdown=result.p_stepdown[column],
        deflated_sharpe=deflated_sharpe_ratios(family, family_moments)[column],
    )


def _counted(on_progress: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """Return a function of what is done of each part, which passes the sum on."""
    done = 0

    def on_part(count: int) -> None:
        nonlocal done
        done += count
        on_progress(done, total)

    return on_part


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


def as_value(value: object) -> object:
    """Return the number where text is one, None where it switches a rule off, else the value itself."""
    return None if isinstance(value, str) and value.lower() in OFF else as_number(value)


def as_number(value: object) -> object:
    """Return the number where text is one, else the value itself."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() and "." not in value else number
