"""Sweeps: every combination of a grid of rules over one market, and a test of the best against luck."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.api.backtest import DEFAULT_SEED, reach
from iwm_opts.api.cluster import market_opener
from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.api.result import OnProgress, Result, new_axes
from iwm_opts.api.rule_grid import RuleGrid, heads_of, variants_of
from iwm_opts.api.rules import FIELDS, Rules, raise_own_rules
from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.cluster import family_on_cluster, open_client, run_variants_on_cluster
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.grid import DailyGains, Outcomes, Variants, run_variants, snooping_test
from iwm_opts.backtest.quote_bands import Entered
from iwm_opts.backtest.saved import data_digests, rules_record
from iwm_opts.backtest.selection import Family
from iwm_opts.backtest.sweep_folder import SweepFolder
from iwm_opts.backtest.trial import Trial
from iwm_opts.backtest.uncertainty import uncertainties, uncertainty_columns
from iwm_opts.conventions import DAYS_PER_YEAR, SESSIONS_PER_YEAR
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.panel_cache import PACKAGE, code_digest
from iwm_opts.market.chain import LABELS
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record
from iwm_opts.report.sweep_table import Swept, sweep_columns, sweep_csv, sweep_record, sweep_sheet, sweep_table
from iwm_opts.sources.source import MAX_DTE

if TYPE_CHECKING:
    from distributed import Client
    from matplotlib.axes import Axes

METRICS: Final = ("sharpe", "sortino", "expectancy", "pnl", "win_rate", "max_drawdown")
TOP: Final = 20
OWN: Final = ("entries", "gate")  # what an engine rule does not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Which of many rules would have earned most, and how much of that is luck.

    Fields as the parameters of `sweep`; further:

    Parameters
    ----------
    rules : sequence of Rules
        One a combination of the grid, the last name turning fastest.
    sort : str
        Of `METRICS`, largest first; below a year of days dollars a trade in place of a ratio a year.
    top : int
        Variants of the page.
    cluster : str, optional
        Dask cluster to run on; see `iwm_opts.backtest.cluster.open_client`.
    shard : (int, int), optional
        k and n: run every n-th variant from the k-th on, 1 <= k <= n, into the folder.
    merge : tuple of Path
        Folders of shards of the same sweep, copied into the folder before it goes on.
    """

    market: MarketRequest | Market
    grid: Mapping[str, Sequence[object]]
    rules: Sequence[Rules]
    sort: str = "sharpe"
    top: int = TOP
    draws: int = DRAWS
    seed: int = DEFAULT_SEED
    threads: int | None = None
    folder: Path | None = None
    cluster: str | None = None
    chunk: int | None = None
    shard: tuple[int, int] | None = None
    merge: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if (self.shard or self.merge) and self.folder is None:
            raise InputError("output", None, "needed by `shard` and `merge`", "name a folder")
        if self.chunk is not None and self.chunk < 1:
            raise InputError("chunk", self.chunk, "must be at least 1")
        if self.sort not in METRICS:
            raise InputError("sort", self.sort, "unknown metric", f"choose one of {', '.join(METRICS)}")
        is_series = any(isinstance(value, pd.Series) for values in self.grid.values() for value in values)
        if is_series or any(each.is_own for each in heads_of(self.rules)):
            raise_own_rules("a sweep")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SweepResult(Result):
    """Outcomes of every variant, and the test of the best against luck.

    Attributes
    ----------
    swept : Swept
    top : int
        Variants of the page.
    resumed : int
        Variants that the folder held already.
    """

    swept: Swept
    top: int = TOP
    resumed: int = 0

    @property
    def verdict(self) -> str:
        """Sentence on whether the best is more than luck."""
        return self.swept.verdict

    def to_frame(self) -> pd.DataFrame:
        """One row a variant, in the order of the grid.

        Returns
        -------
        DataFrame
            number; a column a name of the grid; trades, win_rate (0 to 1), expectancy ($ a trade), pnl and the cascade
            of costs ($ of all paths), average_days, max_drawdown (fraction of the peak), sharpe, sortino; p_stepdown
            (Romano-Wolf adjusted p-value) and deflated_sharpe (probability that the true Sharpe ratio exceeds the best
            expected by luck), NaN for variants that never traded; of the best variant alone the net gain of a package,
            per_trade, with its 95% interval as if chosen beforehand (per_trade_low, per_trade_high) and under modelled
            quotes bands over the smile (smile_low, smile_high) and over spreads (spreads_low, spreads_high).
        """
        frame = pd.DataFrame(sweep_columns(self.swept))
        is_best = frame["number"] == self.swept.best(1)[0][0].number
        bounds = uncertainty_columns(self.swept.uncertainty)
        return frame.assign(**{name: np.where(is_best, value, np.nan) for name, value in bounds.items()})

    def record(self) -> Record:
        return sweep_record(self.swept)

    def to_csv(self) -> str:
        return sweep_csv(self.swept)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return sweep_table(self.swept, self.top, columns)

    def headline(self) -> tuple[str, list[str], str]:
        market = self.swept.trials[0].market
        return market.name, [self.verdict], LABELS.get(market.provenance, "")

    def sheet(self) -> Page:
        """Heat maps, parallel coordinates, the test against luck and the best variants."""
        return sweep_sheet(self.swept)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Metric of the ranking by variant: over the values of one name, or by two names as a map."""
        axes, frame = new_axes(ax), self.to_frame()
        names = [name.replace("-", "_") for name in self.swept.grid]
        if len(names) == 2:
            rows, columns = (list(map(str, values)) for values in self.swept.grid.values())
            values = frame[self.swept.ranking].to_numpy(dtype=float).reshape(len(rows), len(columns))
            image = axes.imshow(values, aspect="auto", origin="lower")
            axes.set_xticks(range(len(columns)), columns)
            axes.set_yticks(range(len(rows)), rows)
            axes.set_xlabel(names[1])
            axes.set_ylabel(names[0])
            figure = axes.get_figure(root=True)
            if figure is not None:
                figure.colorbar(image, label=self.swept.ranking)
        else:
            labels = frame[names].astype(str).agg(" / ".join, axis=1)
            axes.bar(labels, frame[self.swept.ranking])
            axes.set_xlabel(" / ".join(names))
            axes.set_ylabel(self.swept.ranking)
        axes.set_title(self.verdict, loc="left", fontsize=9)
        return axes


def answer_sweep(
    request: SweepRequest,
    on_progress: OnProgress | None = None,
    client: "Client | None" = None,
    on_cluster: Callable[[str], None] | None = None,
    on_test: OnProgress | None = None,
) -> SweepResult:
    """Run a sweep; see `SweepRequest`.

    `on_cluster` is called with a line on the cluster, `on_test` with the progress of the test against luck.
    """
    with _opened(request, on_progress, client, on_cluster) as sweep:
        outcomes, resumed = _outcomes(sweep, request, on_progress)
        sessions = SESSIONS_PER_YEAR / DAYS_PER_YEAR
        held = outcomes.metrics["average_days"][outcomes.metrics["trades"] > 0]
        holding = sum((held * sessions).tolist()) / len(held) if len(held) else 1.0
        snooping = snooping_test(outcomes, sweep.family_of, holding, request.seed, request.draws, on_test)
    swept = Swept(sweep.trials, request.grid, sweep.variants, outcomes, snooping, request.sort)
    ((best, _),) = swept.best(1)  # measured as if it had been chosen beforehand
    entered = [Entered(trial.prepare(best.rules)) for trial in swept.trials]
    (measured,) = uncertainties([[run(each.prepared) for each in entered]], [entered], request.seed)
    return SweepResult(replace(swept, uncertainty=measured), request.top, resumed)


def run_shard(
    request: SweepRequest, on_progress: OnProgress | None = None, on_cluster: Callable[[str], None] | None = None
) -> int:
    """Run the variants of `SweepRequest.shard` into its folder; return how many the folder holds."""
    with _opened(request, on_progress, None, on_cluster) as sweep:
        return len(_outcomes(sweep, request, on_progress)[0])


class _Sweep(NamedTuple):
    """Market and variants, and where they run."""

    trials: tuple[Trial, ...]
    variants: Variants
    run: Callable[[Variants], Iterator[Outcomes]]
    family_of: Callable[[NDArray[np.int64]], Family]


@contextmanager
def _opened(
    request: SweepRequest,
    on_progress: OnProgress | None,
    client: "Client | None",
    on_cluster: Callable[[str], None] | None,
) -> Iterator[_Sweep]:
    threads = request.threads or os.cpu_count() or 1
    market = open_market(request.market, reach(*heads_of(request.rules)), on_progress)
    trials = market.with_macro(request.rules[0].macro)
    variants = variants_of(request.grid, request.rules)
    gains = DailyGains.of(trials, variants, threads)
    with ExitStack() as stack:
        if client is None and request.cluster:
            client = stack.enter_context(open_client(request.cluster, on_cluster))
        if client is None:
            yield _Sweep(trials, variants, partial(run_variants, trials, threads=threads), gains.family)
            return
        max_dte = MAX_DTE if request.market is market else reach(*heads_of(request.rules))
        opener = market_opener(market, trials, max_dte, request.rules[0].macro)
        run = partial(run_variants_on_cluster, client, opener, chunk=request.chunk)
        yield _Sweep(trials, variants, run, partial(family_on_cluster, client, opener, gains))


def _outcomes(sweep: _Sweep, request: SweepRequest, on_progress: OnProgress | None) -> tuple[Outcomes, int]:
    """Outcomes in the order of the grid, and how many of them the folder held."""
    folder = None
    if request.folder:
        folder = SweepFolder(request.folder, _question(sweep.trials, sweep.variants, request.grid))
    with folder or nullcontext():
        if folder:
            for path in request.merge:
                folder.merge(path)
        parts = [folder.outcomes if folder else Outcomes.of([])]
        resumed = done = len(parts[0])
        is_missing = ~np.isin(sweep.variants.numbers, parts[0].numbers)
        if request.shard is not None:
            is_missing &= sweep.variants.numbers % request.shard[1] == request.shard[0] - 1
        try:
            for outcomes in sweep.run(sweep.variants.take(np.flatnonzero(is_missing))):
                if folder:
                    folder.add(outcomes)
                parts.append(outcomes)
                done += len(outcomes)
                if on_progress:
                    on_progress(done, len(sweep.variants))
            if folder:
                folder.finish()
        except DataError as error:
            if folder:
                kept = f"{done} of {len(sweep.variants)} variants are kept in {request.folder}"
                raise DataError(error.source, error.rule, f"{kept}: {error.remedy}", error.field) from None
            raise
    return Outcomes.joined(parts), resumed


def _question(
    trials: Sequence[Trial], variants: Variants, grid: Mapping[str, Sequence[object]]
) -> Mapping[str, object]:
    """Digest the rules of every variant, and the markets with their prices."""
    rules = hashlib.sha256(repr([rules_record(head) for head in variants.source.heads]).encode())
    rules.update(variants.source.content)
    days = trials[0].market.days
    return {
        "grid": {name: list(values) for name, values in grid.items()},
        "markets": [trial.market.name for trial in trials],
        "days": [days[0].isoformat(), days[-1].isoformat(), len(days)],
        "data": data_digests(trials),
        "code": code_digest(PACKAGE),
        "rules": rules.hexdigest()[:16],
    }


def grid_rules(rules: Rules, grid: Mapping[str, Sequence[object]]) -> RuleGrid:
    """Rules of every combination of a grid of field names.

    Raises
    ------
    InputError
        For a name that is not a field of `Rules`, or values that repeat.
    """
    for name in grid:
        if name not in FIELDS or name in OWN:
            names = ", ".join(field for field in FIELDS if field not in OWN)
            raise InputError("grid", name, "not a field of Rules", f"choose from {names}")
    return RuleGrid(grid, lambda values: replace(rules, **values))  # type: ignore[arg-type]  # checked when made


def sweep(
    market: Market,
    rules: Rules | None = None,
    grid: Mapping[str, Sequence[object]] | None = None,
    *,
    sort: str = "sharpe",
    draws: int = DRAWS,
    seed: int = DEFAULT_SEED,
    threads: int | None = None,
    folder: str | Path | None = None,
    client: "Client | None" = None,
    chunk: int | None = None,
) -> SweepResult:
    """Run every combination of a grid of rules over one market, with shared marks.

    Parameters
    ----------
    market : Market
    rules : Rules, optional
        Rules outside the grid.
    grid : mapping
        Fields of `Rules` and their values, such as ``{"profit": [0.25, 0.5], "stop": [1, 2, None]}``.
    sort : str
        `sharpe`, `sortino`, `expectancy`, `pnl`, `win_rate` or `max_drawdown`; see `SweepRequest`.
    draws, seed : int
        Of the test of the best against luck (Hansen 2005, studentised).
    threads : int, optional
    folder : str or Path, optional
        Of outcomes: a sweep that was stopped goes on there.
    client : distributed.Client, optional
        Dask cluster to run on; the result is the same.
    chunk : int, optional
        Variants a task of the cluster.

    Returns
    -------
    SweepResult

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5)
    >>> rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    >>> found = iwm.sweep(market, rules, {"profit": [0.25, 0.5], "stop": [1, 2]}, draws=99)
    >>> found.to_frame()[["profit", "stop"]].to_numpy().tolist()
    [[0.25, 1.0], [0.25, 2.0], [0.5, 1.0], [0.5, 2.0]]
    """
    if not grid:
        raise InputError("grid", grid, "a sweep needs values", 'give for instance {"profit": [0.25, 0.5]}')
    request = SweepRequest(
        market=market, grid=grid, rules=grid_rules(rules or Rules(), grid), sort=sort, draws=draws, seed=seed,
        threads=threads, folder=None if folder is None else Path(folder), chunk=chunk,
    )  # fmt: skip
    return answer_sweep(request, client=client)
