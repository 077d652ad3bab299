"""Backtests: rules over a market, every cost counted."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.api.result import OnProgress, Result, new_axes
from iwm_opts.api.rules import Rules
from iwm_opts.backtest.comparison import SavedComparison, compare_results
from iwm_opts.backtest.engine import run
from iwm_opts.backtest.metrics import Metrics, measure
from iwm_opts.backtest.quote_bands import Entered
from iwm_opts.backtest.result import CASCADE
from iwm_opts.backtest.saved import check_result_folder, load_result, save_result
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.backtest.uncertainty import with_uncertainty
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report.backtest_record import backtest_record, trades_csv
from iwm_opts.report.backtest_sheet import Run, backtest_sheet
from iwm_opts.report.backtest_table import backtest_table
from iwm_opts.report.comparison_table import comparison_record, comparison_sheet, figure_records, results_table
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_SEED = 1  # of resampling


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRequest:
    """What rules would have earned on a market."""

    market: MarketRequest | Market = field(default_factory=MarketRequest)
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Two saved results side by side.

    Parameters
    ----------
    first, second : Path
        Folders of `BacktestResult.save`.
    seed : int
        Of resampling.
    """

    first: Path
    second: Path
    seed: int = DEFAULT_SEED


class EquityResult(Result):
    """Result of one or several sets of rules on the same market."""

    __slots__ = ()

    @abstractmethod
    def arms(self) -> list[tuple[str, PooledResult]]:
        """Name the sets of rules, the strategy first."""

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Equity of every set of rules, dollars: each path and their mean."""
        from iwm_opts.report.backtest_plot import draw_equity

        axes = new_axes(ax)
        draw_equity(axes, self.arms())
        return axes

    def picture(self, suffix: str) -> bytes:
        """Equity and drawdown as PNG, SVG or PDF."""
        from iwm_opts.report.backtest_plot import equity_picture

        return equity_picture(self.arms(), suffix.removeprefix(".").lower())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BacktestResult(EquityResult):
    """Trades, equity and costs of rules on a market.

    Attributes
    ----------
    pooled : PooledResult
        Result of each path, with its market.
    """

    pooled: PooledResult

    @property
    def trades(self) -> pd.DataFrame:
        """One row a trade, in order of entry.

        Returns
        -------
        DataFrame
            entry, exit, expiration (datetime64); reason, legs, contracts; credit, debit ($/share, as filled); dte, rank
            at entry; sessions, days held; mid_pnl, entry_slippage, exit_slippage, fees, assignment, pnl, risk,
            max_adverse ($ of the position; mid_pnl less slippage and fees plus assignment is pnl); marks_by_smile,
            days_without_quote (counts); delta_pnl, gamma_pnl, vega_pnl, theta_pnl, residual_pnl (parts of mid_pnl);
            path.
        """
        return self.pooled.trades

    @property
    def equity(self) -> pd.DataFrame:
        """One row a day and path: equity, cash, open_risk ($), positions, path; dates as index."""
        return self.pooled.equity

    @property
    def returns(self) -> "pd.Series[float]":
        """Daily returns of the equity, mean of the paths that trade on a day; a Series as quantstats takes it."""
        equity, account = self.pooled.equity, self.pooled.account
        by_path = equity.groupby("path")["equity"]
        before = by_path.shift(1).fillna(account)
        daily = (equity["equity"] / before - 1.0).where(before > 0.0, 0.0)
        return daily.groupby(level=0).mean().rename("returns")

    @property
    def metrics(self) -> Metrics:
        """Figures of the result; money in dollars a path, ratios annualised, NaN where undefined."""
        return measure(self.trades, self.equity, self.pooled.account)

    @property
    def costs(self) -> "pd.Series[float]":
        """Cascade of all trades, dollars: mid_pnl, entry_slippage, exit_slippage, fees, assignment, pnl."""
        return self.trades[list(CASCADE)].sum().rename("dollars")

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions and gaps."""
        return self.pooled.notes

    def to_frame(self) -> pd.DataFrame:
        """Trades; see `trades`."""
        return self.trades

    def record(self) -> Record:
        return backtest_record(self.pooled)

    def to_csv(self) -> str:
        return trades_csv(self.pooled)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return backtest_table(self.pooled, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        first, metrics = self.pooled.results[0], self.metrics
        label = LABELS.get(self.pooled.kind, "")
        lines = [f"gate {first.label}", f"{counted(metrics.trades, 'trades')}, P&L {dollars(metrics.pnl)} a path"]
        return self.pooled.name, lines, label

    def arms(self) -> list[tuple[str, PooledResult]]:
        """Rules by the label of their gate."""
        return [(self.pooled.results[0].label, self.pooled)]

    def sheet(self) -> Page:
        """Costs, equity, figures and trades."""
        return backtest_sheet(Run.of(self.pooled))

    def save(self, folder: str | Path, *, options: Mapping[str, object] | None = None, overwrite: bool = False) -> bool:
        """Save rules, trades, equity and figures in a folder of their own; see `backtest.saved.save_result`.

        Parameters
        ----------
        folder : str or Path
        options : mapping, optional
            What else is needed to run it again.
        overwrite : bool
            Replace another result in that folder.

        Returns
        -------
        bool
            False where the same result was there already.
        """
        return save_result(Path(folder), self.pooled, options or {}, overwrite)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparisonResult(Result):
    """Two saved results side by side."""

    comparison: SavedComparison

    def rows(self) -> list[Record]:
        """One row a figure: name, first, second, difference."""
        return figure_records(self.comparison)

    def record(self) -> Record:
        return comparison_record(self.comparison)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return results_table(self.comparison, columns)

    def sheet(self) -> Page:
        """Every difference of inputs; equity, costs and figures side by side."""
        return comparison_sheet(self.comparison)

    def headline(self) -> tuple[str, list[str], str]:
        return "two results", [], ""


def answer_backtest(request: BacktestRequest, on_progress: OnProgress | None = None) -> BacktestResult:
    """Run a backtest; see `BacktestRequest`."""
    rules = request.rules
    market = open_market(request.market, reach(rules), on_progress)
    trials = market.with_macro(rules.macro)
    allowed = [rules.allowed(trial.market.days, trial.history) for trial in trials]
    prepared = [trial.prepare(rules.resolved()) for trial in trials]
    levels = rules.own_levels()
    if levels is not None:
        prepared = [replace(ready, own_levels=levels.on(ready.market.days)) for ready in prepared]
    label = "own entries" if rules.entries is not None else getattr(rules.gate, "__name__", "own gate")
    results = tuple(
        run(ready) if days is None else run(ready, days, label) for ready, days in zip(prepared, allowed, strict=True)
    )
    entered = [Entered(ready, days) for ready, days in zip(prepared, allowed, strict=True)]
    (pooled,) = with_uncertainty([PooledResult(results, trials)], [entered])
    return BacktestResult(pooled)


def reach(*rules: Rules) -> int:
    """Calendar days to the farthest expiration that rules trade."""
    return max(entry.dte + entry.dte_slack for entry in (each.resolved().entry for each in rules))


def answer_comparison(request: CompareRequest) -> ComparisonResult:
    """Compare two saved results; see `CompareRequest`."""
    first, second = load_result(request.first), load_result(request.second)
    return ComparisonResult(compare_results(first, second, request.seed))


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a result, before anything is computed."""
    check_result_folder(folder)


def backtest(market: Market, rules: Rules | None = None) -> BacktestResult:
    """Trade rules over a market, day by day, with fills, fees, assignment and settlement.

    Parameters
    ----------
    market : Market
        Of `simulated_market`, `modelled_market` or `recorded_market`.
    rules : Rules, optional
        Iron condors below an IV rank of 20 unless given.

    Returns
    -------
    BacktestResult

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> market = iwm.simulated_market(first="2023-02-15", last="2023-08-31", paths=1, seed=5)
    >>> result = iwm.backtest(market, iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1))
    >>> len(result.trades) > 3
    True
    >>> costs = result.costs
    >>> paid = costs["entry_slippage"] + costs["exit_slippage"] + costs["fees"]
    >>> bool(abs(costs["mid_pnl"] - paid + costs["assignment"] - costs["pnl"]) < 1e-6)
    True
    """
    return answer_backtest(BacktestRequest(market=market, rules=rules or Rules()))


def compare_saved(first: str | Path, second: str | Path, *, seed: int = DEFAULT_SEED) -> ComparisonResult:
    """Compare two saved results.

    Parameters
    ----------
    first, second : str or Path
        Folders of `BacktestResult.save`.
    seed : int
        Of resampling.
    """
    return answer_comparison(CompareRequest(first=Path(first), second=Path(second), seed=seed))
