"""Sweep: many rules over one market with shared marks.

Packages are chosen, quoted and priced once, then every set of rules is one pass of the day loop over them; exits are
looked up in a table of first passages. Threads share books that are complete and only read them; each has its own
scratch. The results depend neither on how many there are nor on which finishes first.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.book_builder import shared_book
from iwm_opts.backtest.engine import blank_passages, prepare
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.prepared import Prepared, macro_met, on_weekdays
from iwm_opts.backtest.prices import price_book
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.rule_table import RuleTable, book_key
from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.io.mapping import thread_pool
from iwm_opts.kernels.backtest.codes import SkipReason, Summary
from iwm_opts.kernels.backtest.day_loop import run_backtests
from iwm_opts.kernels.backtest.state import blank_trades
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.daily_market import DailyMarket

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

STRETCH: Final = 4_096  # variants that a thread runs before it says so, with one table of first passages
EQUITY_STRETCH: Final = 256  # the same where their equity is kept: bounds memory


@dataclass(slots=True, eq=False)
class BookCache:
    """The latest books of sweeps over one market, with their prices, for the next sweep over it to go on with."""

    most: int = 1
    books: dict[Any, Book] = field(default_factory=dict)
    prepared: dict[Any, dict[Any, Prepared]] = field(default_factory=dict)

    def keep(self, key: Any, book: Book) -> None:
        """Keep a book, and let the oldest go."""
        self.books[key], self.prepared[key] = book, {}
        for oldest in list(self.books)[: -self.most]:
            del self.books[oldest], self.prepared[oldest]


class _Task(NamedTuple):
    """Rules that share a book, its prices and the known ranks."""

    prepared: Prepared
    places: Places  # of the rules in what was asked


def sweep(
    market: DailyMarket,
    history: IvHistory,
    rules: Sequence[Rules],
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    macro: pd.Series | None = None,
    equity: Array | None = None,
    cache: BookCache | None = None,
) -> pd.DataFrame:
    """Run many sets of rules over a market.

    Parameters
    ----------
    market : DailyMarket
    history : IvHistory
        What gates rank.
    rules : sequence of Rules
        Those with one entry (strategy, dte, deltas, wings) share a book, those with one set of costs its prices too.
    threads : int, optional
        As many as the machine has cores unless given.
    on_progress : callable, optional
        Called with the backtests done, from the calling thread.
    macro : Series, optional
        As for `engine.prepare`.
    equity : ndarray, shape (len(rules), days), optional
        Filled with the equity of each set of rules day by day, dollars.
    cache : BookCache, optional
        Of this market, history and macro series alone: the books in it are used again, and the last ones left there.

    Returns
    -------
    DataFrame, shape (len(rules), columns)
        In the order of the rules: trades, win_rate (0 to 1), pnl, mean_pnl a trade, profit_factor, mid_pnl,
        entry_slippage, exit_slippage, fees, assignment (dollars), mean_days held, equity at the end, max_drawdown
        (share of the peak), sharpe (annual, of daily changes in equity, without interest), package_days. NaN where
        undefined.
    """
    return _table(summarise(market, history, RuleTable.of(rules), threads, on_progress, macro, equity, cache))


def summarise(
    market: DailyMarket,
    history: IvHistory,
    rules: RuleTable,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    macro: pd.Series | None = None,
    equity: Array | None = None,
    cache: BookCache | None = None,
) -> Array:
    """Run many sets of rules over a market, as `sweep`; sums of the day loop, shape (len(rules), len(Summary))."""
    count = threads or os.cpu_count() or 1
    summary = np.full((len(rules), len(Summary)), np.nan)
    done = 0
    with thread_pool(max(count, 1)) as pool:
        for tasks in _shared(market, history, rules, macro, pool, count, cache or BookCache()):
            outcomes = []
            for task in tasks:
                most = STRETCH if equity is None else EQUITY_STRETCH
                size = max(1, min(most, math.ceil(len(task.places) / count)))
                parts = (task.places[start : start + size] for start in range(0, len(task.places), size))
                outcomes += [pool.submit(_run, task.prepared, rules, part, equity) for part in parts]
            for future in as_completed(outcomes):
                places, figures = future.result()
                summary[places] = figures
                done += len(places)
                if on_progress:
                    on_progress(done)
    return summary


def _shared(
    market: DailyMarket,
    history: IvHistory,
    rules: RuleTable,
    macro: pd.Series | None,
    pool: ThreadPoolExecutor,
    threads: int,
    cache: BookCache,
) -> Iterator[list[_Task]]:
    """Return prepared work, book by book: one is held at a time."""
    groups: dict[Any, dict[Any, list[int]]] = {}
    for head, rule in enumerate(rules.heads):
        gate = rule.gate
        inner = rule.costs, gate.lookback, gate.measure, gate.lag, rule.macro
        groups.setdefault(book_key(rule), {}).setdefault(inner, []).append(head)
    is_used = np.bincount(rules.head, minlength=len(rules.heads)) > 0
    expirations: dict[tuple[int, int], Book] = {}
    for key, inners in groups.items():
        inners = {inner: used for inner, heads in inners.items() if (used := [h for h in heads if is_used[h]])}
        if not inners:
            continue
        entry = rules.heads[next(iter(inners.values()))[0]].entry
        if key in cache.books:
            book = expirations[entry.dte, entry.dte_slack] = cache.books[key]
        else:
            book = shared_book(market, entry, expirations)
            cache.keep(key, book)
            _split(pool, threads, len(book), book.complete)
        tasks = []
        for inner, heads in inners.items():
            if inner not in cache.prepared[key]:
                prepared = prepare(market, history, rules.heads[heads[0]], book, macro)
                _split(pool, threads, len(book), partial(price_book, book, prepared.costs, prepared.prices))
                cache.prepared[key][inner] = prepared
            tasks.append(_Task(cache.prepared[key][inner], np.flatnonzero(np.isin(rules.head, heads))))
        yield tasks


def _split(pool: ThreadPoolExecutor, threads: int, count: int, work: Callable[[int, int], Any]) -> None:
    """Do work on stretches of `count` packages, one a thread."""
    edges = np.linspace(0, count, threads + 1).astype(int)
    for future in [pool.submit(work, int(a), int(b)) for a, b in pairwise(edges)]:
        future.result()


def _run(prepared: Prepared, rules: RuleTable, places: Places, equity: Array | None) -> tuple[Places, Array]:
    """Summaries of some rules that share a prepared book, complete and priced; their equity too where wanted."""
    chosen = rules.take(places)
    gates: dict[tuple[Any, ...], int] = {}
    allowed: list[Flags] = []
    gate_of_head = np.zeros(len(rules.heads), dtype=np.int64)
    met, most = macro_met(prepared), 0
    for head in np.unique(chosen.head):
        rule = rules.heads[head]
        key = rule.gate.below, rule.gate.at_least, rule.entry.weekdays
        if key not in gates:
            gates[key] = len(allowed)
            allowed.append(is_open(prepared.ranks, rule.gate) & on_weekdays(prepared.market, rule.entry) & met)
        gate_of_head[head] = gates[key]
        most = max(most, rule.entry.max_open)
    days, count = len(prepared.ranks), len(chosen)
    summary, skips = np.empty((count, len(Summary))), np.zeros((count, len(SkipReason)), dtype=np.int64)
    rows, levels = chosen.rows(gate_of_head[chosen.head]), np.empty((1 if equity is None else count, days))
    run_backtests(
        prepared.state(most), rows, np.array(allowed), blank_passages(rows, len(prepared.book)), False, 0, count,
        blank_trades(days), levels, skips, summary,
    )  # fmt: skip
    if equity is not None:
        equity[places] = levels
    return places, summary


def _table(summary: Array) -> pd.DataFrame:
    raw = {column.name.lower(): summary[:, column] for column in Summary}
    with np.errstate(invalid="ignore", divide="ignore"):
        traded = np.where(raw["trades"] > 0, raw["trades"], np.nan)
        figures = {
            "trades": raw["trades"].astype(np.int64),
            "win_rate": raw["wins"] / traded,
            "pnl": raw["pnl"],
            "mean_pnl": raw["pnl"] / traded,
            "profit_factor": np.where(raw["losses"] < 0.0, raw["gains"] / -raw["losses"], np.nan),
            **{name: raw[name] for name in CASCADE if name != "pnl"},
            "mean_days": raw["days_held"] / traded,
            "equity": raw["equity"],
            "max_drawdown": raw["max_drawdown"],
            "sharpe": np.where(
                raw["sd_change"] > 0.0, raw["mean_change"] / raw["sd_change"] * math.sqrt(SESSIONS_PER_YEAR), np.nan
            ),
            "package_days": raw["package_days"].astype(np.int64),
        }
    return pd.DataFrame(figures)
