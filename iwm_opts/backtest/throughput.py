"""Speed of backtests on this machine against a plain-Python loop of the same work."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.engine import NO_PASSAGES, blank_passages, prepare, rule_rows, run
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.prices import price_book
from iwm_opts.backtest.reference_loop import RULES, plain_backtest
from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import DAYS_PER_YEAR, IVR_LOOKBACK, SESSIONS_PER_YEAR
from iwm_opts.kernels.backtest.codes import SkipReason, Summary
from iwm_opts.kernels.backtest.day_loop import run_backtests
from iwm_opts.kernels.backtest.state import blank_trades
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.dynamics import priced_variance
from iwm_opts.sources.simulated import simulate_market
from iwm_opts.sources.surface_days import SurfaceDays

FIRST: Final = date(2015, 1, 2)
LAST: Final = date(2024, 12, 31)
SEED: Final = 1
TENOR: Final = 10
WARM_UP: Final = timedelta(days=round(1.1 * IVR_LOOKBACK * DAYS_PER_YEAR / SESSIONS_PER_YEAR))
PROFITS: Final = np.linspace(0.2, 0.9, 25)
STOPS: Final = np.linspace(0.8, 3.2, 25)


@dataclass(frozen=True, slots=True)
class Pace:
    """Measurement of one way of running."""

    name: str
    threads: int
    backtests: int
    seconds: float  # the fastest of the repeats
    backtest_days: int  # sessions of one backtest
    package_days: float  # a backtest: days on which an open package was marked

    @property
    def per_second(self) -> float:
        """Backtests."""
        return self.backtests / self.seconds

    @property
    def package_days_per_second(self) -> float:
        """Condor-days."""
        return self.per_second * self.package_days

    @property
    def ten_years_per_second(self) -> float:
        """Backtests of ten years each, whatever was measured."""
        return self.per_second * self.backtest_days / (10.0 * SESSIONS_PER_YEAR)


@dataclass(frozen=True, slots=True)
class Throughput:
    """All ways, and whether kernels and plain Python came to the same trades."""

    plain: Pace
    ways: tuple[Pace, ...]
    trades: int
    agrees: bool

    def ratio(self, pace: Pace) -> float:
        """How many times the plain loop's pace."""
        return pace.ten_years_per_second / self.plain.ten_years_per_second


def measure_throughput(
    repeats: int = 3, first: date = FIRST, last: date = LAST, on_progress: Callable[[int, int], None] | None = None
) -> Throughput:
    """Measure on a simulated market; compiled kernels are assumed, a first run warms them up.

    Parameters
    ----------
    repeats : int
        Of each measurement; the fastest counts, as whatever else the machine does only slows it down.
    first, last : date
        Stretch of the market.
    on_progress : callable, optional
        Called with (measurements done, measurements).
    """
    market, history = bench_market(first, last)
    prepared = prepare(market, history, RULES)
    days, allowed = len(market.days), is_open(prepared.ranks, RULES.gate).tolist()
    result = run(prepared)
    paces: list[Pace] = []
    cores = os.cpu_count() or 1
    crews = (1, cores) if cores > 1 else (1,)
    jobs: list[tuple[str, int, bool, int]] = [("anew: strikes, marks, fills", n, True, 100) for n in crews]
    jobs += [("shared marks, other exits", n, False, len(PROFITS) * len(STOPS)) for n in crews]
    for place, (name, threads, is_fresh, count) in enumerate(jobs):
        paces.append(_pace(name, market, history, threads, is_fresh, count, repeats))
        if on_progress:
            on_progress(place + 1, len(jobs) + 1)
    held = paces[0].package_days
    seconds = _fastest(lambda: run(prepare(market, history, RULES)), repeats)
    paces.append(Pace("one, with all it reports", 1, 1, seconds, days, held))
    plain = _fastest(lambda: plain_backtest(market, days, allowed), 1)
    theirs = plain_backtest(market, days, allowed)
    at = {day: place for place, day in enumerate(pd.DatetimeIndex(market.days))}
    ours = [
        (at[entry], at[out], round(float(gain), 2))
        for entry, out, gain in zip(result.trades["entry"], result.trades["exit"], result.trades["pnl"], strict=True)
    ]
    agrees = sorted(ours) == sorted((t.entry, t.exit, round(t.pnl, 2)) for t in theirs)
    return Throughput(Pace("plain Python", 1, 1, plain, days, held), tuple(paces), len(theirs), agrees)


def bench_market(first: date, last: date) -> tuple[SurfaceDays, IvHistory]:
    """Simulate a market, with the model's own variance as an index: quick to make, and ranked like the quotes' own.

    It begins before the first day, so that a rank is known from there on.
    """
    market = simulate_market(first - WARM_UP, last, SEED)
    index = np.sqrt(priced_variance(market.parameters, market.states, TENOR / DAYS_PER_YEAR))
    closes = pd.Series(index, index=pd.DatetimeIndex(market.days))
    return SurfaceDays(market, first), IvHistory("model variance", TENOR, closes, proxy=True, note="of the model")


def _pace(
    name: str, market: SurfaceDays, history: IvHistory, threads: int, is_fresh: bool, count: int, repeats: int
) -> Pace:
    """Pace of running a batch of backtests in the kernels, as many on every thread; each thread has a book."""
    variants = [RULES] * count if is_fresh else [
        replace(RULES, exit=replace(RULES.exit, profit=float(profit), stop=float(stop)))
        for profit in PROFITS
        for stop in STOPS
    ]  # fmt: skip
    crews = [prepare(market, history, RULES) for _ in range(threads)]
    for crew in crews if not is_fresh else ():
        price_book(crew.book.complete(), crew.costs, crew.prices)
    summaries = [np.zeros((count, len(Summary))) for _ in crews]
    with ThreadPoolExecutor(threads) as pool:

        def work() -> None:
            tasks = zip(crews, summaries, strict=True)
            done = [pool.submit(_batch, task, variants, is_fresh, summary) for task, summary in tasks]
            for future in done:
                future.result()

        work()
        seconds = _fastest(work, repeats)
    held = float(summaries[0][:, Summary.PACKAGE_DAYS].mean())
    return Pace(name, threads, count * threads, seconds, len(market.days), held)


def _batch(prepared: Prepared, variants: list[Rules], is_fresh: bool, summary: NDArray[np.float64]) -> None:
    days = len(prepared.market.days)
    allowed = is_open(prepared.ranks, prepared.rules.gate)[None, :].copy()
    skips = np.zeros((len(variants), len(SkipReason)), dtype=np.int64)
    rules = rule_rows(variants, [0] * len(variants))
    passages = NO_PASSAGES if is_fresh else blank_passages(rules, len(prepared.book))
    run_backtests(
        prepared.state(), rules, allowed, passages, is_fresh, 0, len(variants), blank_trades(days), np.empty((1, days)),
        skips, summary,
    )  # fmt: skip


def _fastest(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
