"""Walk-forward: rules re-selected on past days, traded on the days after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from iwm_opts.api.backtest import DEFAULT_SEED, BacktestResult, EquityResult, reach
from iwm_opts.api.markets import Market, MarketRequest, open_market
from iwm_opts.api.result import OnProgress
from iwm_opts.api.rule_grid import variants_of
from iwm_opts.api.rules import Rules, raise_own_rules
from iwm_opts.api.sweep import grid_rules
from iwm_opts.backtest.bootstrap import DRAWS
from iwm_opts.backtest.trial import PooledResult
from iwm_opts.backtest.walk_forward import IN_SAMPLE, OUT_OF_SAMPLE, ROLLING, Schedule, WalkForward, walk_trials
from iwm_opts.errors import InputError
from iwm_opts.market.chain import LABELS
from iwm_opts.report.records import Record
from iwm_opts.report.walk_forward_table import (
    Comparison,
    compare_arms,
    walk_forward_record,
    walk_forward_table,
    window_records,
)

SHARPE: Final = "sharpe"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardRequest:
    """Out-of-sample result of rules re-selected from a grid.

    Fields as the parameters of `walk_forward`; further:

    Parameters
    ----------
    rules : sequence of Rules
        One a combination of the grid, the last name turning fastest; the first is the default rule.
    schedule : Schedule
    """

    market: MarketRequest | Market
    grid: Mapping[str, Sequence[object]]
    rules: Sequence[Rules]
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = DEFAULT_SEED
    draws: int = DRAWS
    threads: int | None = None

    def __post_init__(self) -> None:
        if any(each.is_own for each in self.rules):
            raise_own_rules("a walk-forward")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WalkForwardResult(EquityResult):
    """Windows with their choices, and the out-of-sample result.

    Attributes
    ----------
    walk : WalkForward
    comparison : tuple of Comparison
        Walk-forward, default rule, and best fixed rule in hindsight, on the same days.
    """

    walk: WalkForward
    comparison: tuple[Comparison, ...]

    @property
    def result(self) -> BacktestResult:
        """Trades and equity out of sample."""
        return BacktestResult(self.walk.result)

    @property
    def efficiency(self) -> float:
        """P&L a year out of sample over that in sample; NaN unless the latter is positive."""
        return self.walk.efficiency

    def to_frame(self) -> pd.DataFrame:
        """One row a window.

        Returns
        -------
        DataFrame
            path; in_first, in_last, first, last (datetime64: in-sample and out-of-sample days); variant; a column a
            name of the grid; score (in sample); in_pnl, out_pnl ($ a year); switched (whether the variant differs from
            the window before).
        """
        frame = pd.DataFrame(self.rows())
        return frame.astype(dict.fromkeys(("in_first", "in_last", "first", "last"), "datetime64[us]"))

    def record(self) -> Record:
        return walk_forward_record(self.walk, self.comparison)

    def rows(self) -> list[Record]:
        return window_records(self.walk)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return walk_forward_table(self.walk, self.comparison, columns)

    def headline(self) -> tuple[str, list[str], str]:
        pooled = self.walk.result
        return pooled.name, [f"walk-forward efficiency {self.efficiency:.2f}"], LABELS.get(pooled.kind, "")

    def arms(self) -> list[tuple[str, PooledResult]]:
        """Walk-forward, default rule and best fixed rule, out of sample."""
        return [(arm.name, arm.results) for arm in self.comparison]


def answer_walk_forward(request: WalkForwardRequest, on_progress: OnProgress | None = None) -> WalkForwardResult:
    """Walk forward; see `WalkForwardRequest`."""
    market = open_market(request.market, reach(*request.rules), on_progress)
    trials = market.with_macro(request.rules[0].macro)
    variants = variants_of(request.grid, request.rules)
    walk = walk_trials(trials, variants, request.schedule, request.threads, on_progress, request.seed, request.draws)
    return WalkForwardResult(walk, compare_arms(walk, request.seed, request.draws))


def walk_forward(
    market: Market,
    rules: Rules | None = None,
    grid: Mapping[str, Sequence[object]] | None = None,
    *,
    in_sample: int = IN_SAMPLE,
    out_of_sample: int = OUT_OF_SAMPLE,
    scheme: str = ROLLING,
    criterion: str = SHARPE,
    embargo: int = 0,
    seed: int = DEFAULT_SEED,
    threads: int | None = None,
) -> WalkForwardResult:
    """Choose the best variant of a grid on past days, trade it on the days after them, and choose again.

    Parameters
    ----------
    market : Market
    rules : Rules, optional
        Rules outside the grid.
    grid : mapping
        Fields of `Rules` and their values; the first of each is the default rule.
    in_sample, out_of_sample : int
        Sessions.
    scheme : str
        `rolling` or `anchored`.
    criterion : str
        `sharpe`, `sortino` or `pnl` of daily P&L in sample.
    embargo : int
        Sessions between in-sample and out-of-sample days beyond the longest trade.
    seed : int
        Of the intervals.
    threads : int, optional

    Returns
    -------
    WalkForwardResult

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> market = iwm.simulated_market(first="2022-02-15", last="2023-08-31", paths=1, seed=5)
    >>> rules = iwm.Rules(ivr_below=None, dte=30, exit_dte=10, contracts=1)
    >>> walk = iwm.walk_forward(market, rules, {"profit": [0.25, 0.5]}, in_sample=126, out_of_sample=63)
    >>> walk.to_frame()["profit"].isin([0.25, 0.5]).all()
    np.True_
    >>> walk.result.equity.index[0] == walk.to_frame()["first"].iloc[0]
    True
    """
    if not grid:
        raise InputError("grid", grid, "a walk-forward needs values", 'give for instance {"profit": [0.25, 0.5]}')
    request = WalkForwardRequest(
        market=market,
        grid=grid,
        rules=grid_rules(rules or Rules(), grid),
        schedule=Schedule(
            in_sample=in_sample, out_of_sample=out_of_sample, scheme=scheme, criterion=criterion, embargo=embargo
        ),
        seed=seed,
        threads=threads,
    )
    return answer_walk_forward(request)
