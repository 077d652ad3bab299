"""Backtests: rules over a market, every cost counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.api.equity import EquityResult
from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.api.rules import Rules
from iwm_opts.backtest.comparison import SavedComparison, compare_results
from iwm_opts.backtest.engine import Prepared, run
from iwm_opts.backtest.metrics import Metrics, measure
from iwm_opts.backtest.quote_bands import Entered
from iwm_opts.backtest.result import CASCADE, Backtest
from iwm_opts.backtest.saved import load_result, refuse_strangers, save_result
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.backtest.uncertainty import with_uncertainty
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report.backtest_record import backtest_record, trades_csv
from iwm_opts.report.backtest_sheet import Run, backtest_sheet
from iwm_opts.report.backtest_table import backtest_table
from iwm_opts.report.comparison_sheet import comparison_sheet
from iwm_opts.report.comparison_table import comparison_record, results_table
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars

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
        """Market, rules, figures, periods, paths, trades and notes."""
        return backtest_record(self.pooled)

    def to_csv(self) -> str:
        """One row a trade."""
        return trades_csv(self.pooled)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Figures, costs and periods; months too where verbose."""
        return backtest_table(self.pooled, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        """Market; gate, trades and P&L."""
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

    def to_frame(self) -> pd.DataFrame:
        """One row a figure: name, first, second, difference."""
        return pd.DataFrame(self.record()["metrics"])

    def record(self) -> Record:
        """Differences of rules, market and figures."""
        return comparison_record(self.comparison)

    def to_csv(self) -> str:
        """One row a figure."""
        return rows_as_csv(self.record()["metrics"])

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        """Both results, figure by figure."""
        return results_table(self.comparison, columns)

    def sheet(self) -> Page:
        """Every difference of inputs; equity, costs and figures side by side."""
        return comparison_sheet(self.comparison)

    def headline(self) -> tuple[str, list[str], str]:
        """Both folders."""
        return "two results", [], ""


def answer_backtest(request: BacktestRequest, on_progress: OnProgress | None = None) -> BacktestResult:
    """Run a backtest; see `BacktestRequest`."""
    rules, given = request.rules, request.market
    market = given if isinstance(given, Market) else open_market(given, reach(rules), on_progress)
    trials = market.with_macro(rules.macro)
    allowed = [rules.allowed(trial.market.days, trial.history) for trial in trials]
    prepared = [trial.prepare(rules.resolved()) for trial in trials]
    results = tuple(_run(ready, rules, days) for ready, days in zip(prepared, allowed, strict=True))
    entered = [Entered(ready, days) for ready, days in zip(prepared, allowed, strict=True)]
    (pooled,) = with_uncertainty([PooledResult(results, trials)], [entered])
    return BacktestResult(pooled)


def reach(*rules: Rules) -> int:
    """Calendar days to the farthest expiration that rules trade."""
    return max(entry.dte + entry.dte_slack for entry in (each.resolved().entry for each in rules))


def _run(prepared: Prepared, rules: Rules, allowed: "NDArray[np.bool_] | None") -> Backtest:
    if allowed is None:
        return run(prepared)
    name = "own entries" if rules.entries is not None else getattr(rules.gate, "__name__", "own gate")
    return run(prepared, allowed, name)


def answer_comparison(request: CompareRequest) -> ComparisonResult:
    """Compare two saved results; see `CompareRequest`."""
    first, second = load_result(request.first), load_result(request.second)
    return ComparisonResult(compare_results(first, second, request.seed))


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a result, before anything is computed."""
    refuse_strangers(folder)


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
