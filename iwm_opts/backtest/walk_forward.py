"""Walk-forward: rules re-selected on past days, traded on the days after them.

Each window chooses the best variant of a grid by its daily P&L in sample and trades it out of sample. A gap of the
longest trade separates the two (purge; Lopez de Prado 2018, Advances in Financial Machine Learning, section 7.4), so
that no trade opened out of sample shares a day with one that chose the rules; an embargo adds to it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.book import Book
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.gate import is_open
from iwm_opts.backtest.grid import Variant
from iwm_opts.backtest.metrics import daily_returns, sharpe_ratio, sortino_ratio, with_account
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.prices import BookPrices
from iwm_opts.backtest.quote_bands import Entered
from iwm_opts.backtest.result import Backtest
from iwm_opts.backtest.rule_table import book_key
from iwm_opts.backtest.rules import Rules
from iwm_opts.backtest.sweep import sweep
from iwm_opts.backtest.trial import PooledResult, Trial
from iwm_opts.backtest.uncertainty import DRAWS, with_uncertainty
from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.errors import InputError

Array = NDArray[np.float64]

IN_SAMPLE: Final = 504  # sessions
OUT_OF_SAMPLE: Final = 126
CRITERIA: Final = ("sharpe", "sortino", "pnl")
ROLLING, ANCHORED = SCHEMES = ("rolling", "anchored")
LABEL: Final = "walk-forward"
LONGEST: Final = 10**6  # sessions of a trade without a time exit
CARRIED: Final = "a position runs to its own exit when the rules change; limits on open positions count each rule's own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """In-sample and out-of-sample windows.

    Parameters
    ----------
    in_sample, out_of_sample : int
        Sessions; the in-sample window of the first choice where anchored.
    scheme : str
        `rolling`: in-sample windows of one length; `anchored`: all from the first day.
    criterion : str
        Of `CRITERIA`, of daily P&L in sample; the largest is chosen.
    embargo : int
        Sessions between the windows beyond the longest trade.
    """

    in_sample: int = IN_SAMPLE
    out_of_sample: int = OUT_OF_SAMPLE
    scheme: str = ROLLING
    criterion: str = "sharpe"
    embargo: int = 0

    def __post_init__(self) -> None:
        for name, least in (("in_sample", 2), ("out_of_sample", 1), ("embargo", 0)):
            if getattr(self, name) < least:
                raise InputError(name, getattr(self, name), f"must be at least {least}")
        if self.scheme not in SCHEMES:
            raise InputError("scheme", self.scheme, "unknown scheme", f"choose one of {', '.join(SCHEMES)}")
        if self.criterion not in CRITERIA:
            raise InputError("criterion", self.criterion, "unknown criterion", f"choose one of {', '.join(CRITERIA)}")


@dataclass(frozen=True, slots=True)
class Span:
    """Day indices of one window; stops are exclusive."""

    start: int  # of the in-sample days
    stop: int
    first: int  # of the out-of-sample days
    last: int


def spans(days: int, schedule: Schedule, gap: int) -> list[Span]:
    """Windows over some days; the last may be shorter out of sample.

    Raises
    ------
    InputError
        When the days hold no whole in-sample window, gap and two days after it.
    """
    needed = schedule.in_sample + gap
    if days < needed + 2:
        rule = f"{schedule.in_sample} in sample and a gap of {gap} leave nothing out of sample"
        raise InputError("days", days, rule, "give a longer history or a smaller in_sample")
    windows = []
    for first in range(needed, days - 1, schedule.out_of_sample):
        start = 0 if schedule.scheme == ANCHORED else first - needed
        windows.append(Span(start, first - gap, first, min(first + schedule.out_of_sample, days)))
    return windows


def longest_trade(rules: Sequence[Rules]) -> int:
    """Sessions that a trade of any of some rules may last at most, by expiration, DTE exit and time exit.

    Five a week and one for each day of a week that has begun: an average year has holidays, a trade need not.
    """

    def most(rule: Rules) -> int:
        weeks, days = divmod(max(rule.entry.dte + rule.entry.dte_slack - (rule.exit.dte or 0), 1), 7)
        return min(5 * weeks + min(days, 5), rule.exit.sessions or LONGEST)

    return max(map(most, rules))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One choice of rules and its outcome.

    Attributes
    ----------
    path : int
    in_first, in_last, first, last : date
        In-sample and out-of-sample days.
    variant : Variant
        The variant chosen; the first of the grid where no variant traded in sample.
    score : float
        Of the criterion in sample; NaN where no variant traded.
    in_pnl, out_pnl : float
        Dollars a year: of the variant in sample, of the traded account out of sample.
    """

    path: int
    in_first: date
    in_last: date
    first: date
    last: date
    variant: Variant
    score: float
    in_pnl: float
    out_pnl: float


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """Out-of-sample result of re-selected rules, with two fixed rules on the same days.

    Attributes
    ----------
    windows : tuple of Window
        Path by path, in order of time.
    result : PooledResult
        Trades and equity out of sample.
    default : PooledResult
    default_variant : Variant
        The first of the grid.
    hindsight : PooledResult
        The variant that is best out of sample by the criterion, on all paths together: not known beforehand.
    hindsight_variant : Variant
    gap : int
        Sessions between in-sample and out-of-sample days.
    """

    schedule: Schedule
    windows: tuple[Window, ...]
    result: PooledResult
    default: PooledResult
    default_variant: Variant
    hindsight: PooledResult
    hindsight_variant: Variant
    gap: int

    @property
    def efficiency(self) -> float:
        """P&L a year out of sample over that in sample; NaN unless the latter is positive.

        Pardo 2008, The Evaluation and Optimization of Trading Strategies.
        """
        inside = float(np.mean([window.in_pnl for window in self.windows]))
        length = np.array([np.busday_count(window.first, window.last) + 1 for window in self.windows], dtype=float)
        outside = float(np.average([window.out_pnl for window in self.windows], weights=length))
        return outside / inside if inside > 0.0 else math.nan

    @property
    def switches(self) -> list[Window]:
        """Windows whose variant differs from that of the window before on the same path."""
        return [b for a, b in pairwise(self.windows) if a.path == b.path and a.variant.number != b.variant.number]

    @property
    def drift(self) -> dict[str, float]:
        """By name of the grid: fraction of re-selections that changed its value; NaN without a re-selection."""
        choices = [(window.path, window.variant.values) for window in self.windows]  # noqa: PD011  # a mapping
        pairs = [(a, b) for (path, a), (other, b) in pairwise(choices) if path == other]
        changes = {name: [a[name] != b[name] for a, b in pairs] for name in choices[0][1]}
        return {name: float(np.mean(changed)) if changed else math.nan for name, changed in changes.items()}


def scores(levels: Array, account: Array, span: tuple[int, int], criterion: str) -> Array:
    """Criterion of each variant on some days; NaN where nothing moved.

    Parameters
    ----------
    levels : ndarray, shape (variants, days)
        Equity of whole runs.
    account : ndarray, shape (variants,)
    span : (int, int)
        First day, and the day after the last.
    criterion : str
    """
    first, stop = span
    if criterion == "pnl":
        change = np.diff(with_account(levels, account))[:, first:stop]
        return np.where(np.ptp(change, axis=1) > 0.0, change.sum(axis=1), np.nan)
    returns = daily_returns(levels, account)[:, first:stop]
    return sharpe_ratio(returns) if criterion == "sharpe" else sortino_ratio(returns)


def walk_trials(
    trials: Sequence[Trial],
    variants: Sequence[Variant],
    schedule: Schedule,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    seed: int = 1,
    draws: int = DRAWS,
) -> WalkForward:
    """Re-select and trade variants over each path.

    Parameters
    ----------
    trials : sequence of Trial
        Paths; each has its own choices.
    variants : sequence of Variant
        The first is the default rule.
    schedule : Schedule
    threads : int, optional
        The result does not depend on it.
    on_progress : callable, optional
        Called with the variants run, of all paths, and their number.
    seed, draws : int
        Of the uncertainty of each result.
    """
    rules = [variant.rules for variant in variants]
    account = np.array([rule.size.account for rule in rules])
    if np.ptp(account) > 0.0:
        raise InputError("grid", "account", "cannot change from window to window", "leave it out of the grid")
    gap = longest_trade(rules) + schedule.embargo
    windows: list[Window] = []
    results: list[Backtest] = []
    entered: list[Entered] = []
    levels: list[Array] = []

    def run_all(trial: Trial, before: int) -> Array:
        equity = np.empty((len(rules), len(trial.market.days)))

        def on_run(done: int) -> None:
            if on_progress:
                on_progress(before + done, len(trials) * len(rules))

        sweep(trial.market, trial.history, rules, threads, on_run, trial.macro, equity)
        return equity

    for trial in trials:
        equity = run_all(trial, len(levels) * len(rules))
        levels.append(equity)
        chosen, result, runs = _walk(trial, variants, equity, account, schedule, gap)
        windows += chosen
        results.append(result)
        entered += runs
    starts = [spans(level.shape[1], schedule, gap)[0].first for level in levels]
    outside = [
        scores(level, account, (start, level.shape[1]), schedule.criterion)
        for level, start in zip(levels, starts, strict=True)
    ]
    mean = np.mean(np.nan_to_num(outside, nan=-np.inf), axis=0)
    best = variants[int(np.argmax(mean))]

    def fixed(variant: Variant) -> tuple[PooledResult, list[Entered]]:
        pairs = [_Traded(trial).fixed(variant.rules, start) for trial, start in zip(trials, starts, strict=True)]
        return PooledResult(tuple(result for result, _ in pairs), tuple(trials)), [run for _, run in pairs]

    arms = (PooledResult(tuple(results), tuple(trials)), entered), fixed(variants[0]), fixed(best)
    walked, default, hindsight = with_uncertainty(
        [result for result, _ in arms], [runs for _, runs in arms], seed, draws
    )
    return WalkForward(
        schedule=schedule,
        windows=tuple(windows),
        result=walked,
        default=default,
        default_variant=variants[0],
        hindsight=hindsight,
        hindsight_variant=best,
        gap=gap,
    )


class _Traded:
    """Runs of rules on some days of one path; rules share packages of one entry rule, and their prices at one cost."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.books: dict[tuple[Any, ...], Book] = {}
        self.prices: dict[tuple[Any, ...], BookPrices] = {}

    def prepare(self, rules: Rules) -> Prepared:
        """Make rules ready to run here."""
        key = book_key(rules)
        prepared = self.trial.prepare(rules, self.books.get(key))
        self.books[key] = prepared.book
        return replace(prepared, prices=self.prices.setdefault((key, rules.costs), prepared.prices))

    def between(self, rules: Rules, first: int, last: int, account: float) -> tuple[Backtest, Entered]:
        """Enter on days first to last - 1 and hold to the exit."""
        prepared = self.prepare(replace(rules, size=replace(rules.size, account=account)))
        allowed = is_open(prepared.ranks, rules.gate)
        allowed[:first], allowed[last:] = False, False
        result = run(prepared, allowed, str(rules.gate))
        return replace(result, ranked_days=int(np.isfinite(prepared.ranks[first:last]).sum())), Entered(
            prepared, allowed
        )

    def fixed(self, rules: Rules, first: int) -> tuple[Backtest, Entered]:
        """Trade one set of rules from a day on."""
        result, entered = self.between(rules, first, len(self.trial.market.days), rules.size.account)
        return replace(result, equity=result.equity.iloc[first:]), entered


def _walk(
    trial: Trial, variants: Sequence[Variant], levels: Array, account: Array, schedule: Schedule, gap: int
) -> tuple[list[Window], Backtest, list[Entered]]:
    """Choices on one path, their chained result, and the run of each."""
    days, traded = trial.market.days, _Traded(trial)
    start = float(account[0])
    change = np.diff(with_account(levels, account))
    parts: list[Backtest] = []
    runs: list[Entered] = []
    equity = np.full(len(days), start)
    choices: list[tuple[Span, int, float]] = []
    for span in spans(len(days), schedule, gap):
        score = scores(levels, account, (span.start, span.stop), schedule.criterion)
        place = 0 if np.isnan(score).all() else int(np.nanargmax(score))
        # Equity at the close before the window, positions of earlier rules at their marks.
        part, entered = traded.between(
            variants[place].rules, span.first, span.last, max(float(equity[span.first - 1]), 1.0)
        )
        equity += part.equity["equity"].to_numpy(dtype=np.float64) - part.rules.size.account
        parts.append(part)
        runs.append(entered)
        choices.append((span, place, float(score[place])))
    daily = np.diff(with_account(equity, start))
    windows = [
        Window(
            path=trial.path,
            in_first=days[span.start],
            in_last=days[span.stop - 1],
            first=days[span.first],
            last=days[span.last - 1],
            variant=variants[place],
            score=score,
            in_pnl=SESSIONS_PER_YEAR * float(change[place, span.start : span.stop].mean()),
            out_pnl=SESSIONS_PER_YEAR * float(daily[span.first : span.last].mean()),
        )
        for span, place, score in choices
    ]
    return windows, _chained(parts, variants[0].rules, start, choices[0][0].first), runs


def _chained(parts: Sequence[Backtest], rules: Rules, account: float, first: int) -> Backtest:
    """One result of several, from a day on: their trades, and the sum of what their positions earned."""
    frame = parts[0].equity.copy()
    for name in frame.columns:
        base = account if name in ("equity", "cash") else 0.0
        starts = [part.rules.size.account if name in ("equity", "cash") else 0.0 for part in parts]
        changes = [part.equity[name].to_numpy() - start for part, start in zip(parts, starts, strict=True)]
        frame[name] = (base + np.sum(changes, axis=0)).astype(frame[name].dtype)
    trades = pd.concat([part.trades for part in parts if len(part.trades)] or [parts[0].trades], ignore_index=True)
    skips = {name for part in parts for name in part.skipped}
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Backtest(
        label=LABEL,
        market=parts[0].market,
        provenance=parts[0].provenance,
        rules=rules,
        trades=trades.sort_values(["entry", "exit"], kind="stable", ignore_index=True),
        equity=frame.iloc[first:],
        gate_open_days=sum(part.gate_open_days for part in parts),
        ranked_days=sum(part.ranked_days for part in parts),
        skipped={name: sum(part.skipped.get(name, 0) for part in parts) for name in sorted(skips)},
        notes=(*notes, CARRIED),
    )
