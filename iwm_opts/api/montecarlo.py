"""Monte Carlo of a backtest or a trade log: drawdown, ruin and growth by position size."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.api.backtest import BacktestResult
from iwm_opts.api.cluster import OnCluster, cluster_mapper
from iwm_opts.api.result import OnProgress, Result, new_axes
from iwm_opts.api.review import read_trades
from iwm_opts.backtest.metrics import by_path, daily_returns, with_account
from iwm_opts.backtest.montecarlo import (
    CHANCE,
    DRAWDOWN,
    HISTORIES,
    RUIN,
    SIZES,
    YEARS,
    DailyRecord,
    MonteCarlo,
    MonteCarloQuestion,
    monte_carlo,
)
from iwm_opts.backtest.rules import SizeRule
from iwm_opts.backtest.saved import CONFIG, load_result
from iwm_opts.conventions import ACCOUNT, DAYS_PER_YEAR, SESSIONS_PER_YEAR, counted
from iwm_opts.errors import InputError
from iwm_opts.io.opening import as_path
from iwm_opts.journal.equity import marked_equity, realised_equity
from iwm_opts.journal.readers import read_log
from iwm_opts.journal.trade_log import TradeLog, accounts_of
from iwm_opts.market.chain import LABELS
from iwm_opts.report.montecarlo_table import RecordLines, montecarlo_record, montecarlo_table, size_records
from iwm_opts.report.records import Record

if TYPE_CHECKING:
    from distributed import Client
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

AUTO, FIXED, COMPOUNDED = SIZINGS = ("auto", "fixed", "compounded")
BOOKED: Final = "P&L is booked on the day of exit: drawdowns within a trade are missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarloRequest:
    """Drawdown, ruin and growth of a record by position size.

    Fields as the parameters of `montecarlo`; further:

    Parameters
    ----------
    record : BacktestResult, TradeLog, Series, str or Path
        A backtest; a trade log; daily P&L in dollars; a saved backtest, the file of a log, or `paper`.
    sizing : str
        `fixed`: the same dollars on every day; `compounded`: positions grow with the equity; `auto`: fixed, unless a
        backtest sized its trades by the equity.
    question : MonteCarloQuestion
    cluster : str, optional
        Dask cluster to resample on; see `iwm_opts.backtest.cluster.open_client`.
    """

    record: "BacktestResult | TradeLog | pd.Series[float] | str | Path"
    account: float | None = None
    sizing: str = AUTO
    question: MonteCarloQuestion = field(default_factory=MonteCarloQuestion)
    cluster: str | None = None

    def __post_init__(self) -> None:
        if self.sizing not in SIZINGS:
            raise InputError("sizing", self.sizing, "unknown sizing", f"choose one of {', '.join(SIZINGS)}")
        if self.account is not None and not 0.0 < self.account < np.inf:
            raise InputError("account", self.account, "must be a positive number of dollars")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MonteCarloResult(Result):
    """Distributions of resampled histories by size.

    Attributes
    ----------
    outcome : MonteCarlo
    source : RecordLines
        The record that was resampled.
    """

    is_private: ClassVar[bool] = True  # the record may be a log

    outcome: MonteCarlo
    source: RecordLines

    @property
    def size_at(self) -> float:
        """Largest size at which the drawdown has at most the chance asked about; a multiple of the record's."""
        return self.outcome.size_at

    def rows(self) -> list[Record]:
        """One row a size.

        Returns
        -------
        list of dict
            size (multiple of the record's); final_5, final_50, final_95 (quantiles of the equity at the end, $);
            drawdown_50, drawdown_95 (deepest: median, and exceeded by 5% of histories; fraction of the peak, at most
            0); p_drawdown, p_ruin, p_loss (0 to 1).
        """
        return size_records(self.outcome, self.source)

    def record(self) -> Record:
        return montecarlo_record(self.outcome, self.source)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return montecarlo_table(self.outcome, self.source, columns)

    def headline(self) -> tuple[str, list[str], str]:
        target = f"{self.outcome.drawdown:.0%} drawdown with {self.outcome.chance:.0%} chance"
        return self.source.name, [f"{target}: size {self.size_at:.2f}"], self.source.label

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Chance of the drawdown and of ruin by size."""
        axes, frame = new_axes(ax), self.to_frame().sort_values("size")
        axes.plot(frame["size"], frame["p_drawdown"], marker="o", label=f"drawdown of {self.outcome.drawdown:.0%}")
        axes.plot(frame["size"], frame["p_ruin"], marker="o", label=f"loss of {self.outcome.ruin:.0%} of the account")
        axes.set_xlabel("size, multiple of the record's")
        axes.set_ylabel("chance")
        axes.legend()
        return axes


class _Source(NamedTuple):
    """Equity by day and path, and what is known of its trades."""

    equity: list[Array]
    account: float
    holding: float  # sessions
    is_compounded: bool  # under `auto`
    lines: RecordLines


def answer_montecarlo(
    request: MonteCarloRequest,
    on_progress: OnProgress | None = None,
    client: "Client | None" = None,
    on_cluster: OnCluster | None = None,
) -> MonteCarloResult:
    """Resample a record; see `MonteCarloRequest`."""
    source = _source(request)
    is_compounded = source.is_compounded if request.sizing == AUTO else request.sizing == COMPOUNDED
    account = source.account
    if is_compounded:
        moves = [daily_returns(path, account) for path in source.equity]
    else:
        moves = [np.diff(with_account(path, account)) / account for path in source.equity]
    record = DailyRecord(tuple(moves), is_compounded, source.holding)
    with cluster_mapper(request.cluster, client, on_cluster, is_kept=True) as mapper:
        return MonteCarloResult(monte_carlo(record, request.question, mapper, on_progress), source.lines)


def _source(request: MonteCarloRequest) -> _Source:
    given = request.record
    if isinstance(given, pd.Series):
        account = request.account or ACCOUNT
        equity = account + given.to_numpy(dtype=np.float64).cumsum()
        return _Source([equity], account, np.nan, False, RecordLines("daily P&L", account, np.nan, np.nan))
    if isinstance(given, BacktestResult):
        pooled = given.pooled
        size, label = pooled.results[0].rules.size, LABELS.get(pooled.kind, "")
        return _of_backtest(pooled.trades, pooled.equity, size, pooled.name, label, pooled.notes)
    if isinstance(given, TradeLog):
        return _of_log(given, request.account)
    if (as_path(given) / CONFIG).exists():
        saved, label = load_result(Path(given)), read_log(Path(given)).label
        size = saved.rules.size
        notes = tuple(saved.config.get("notes", ()))
        return _of_backtest(saved.trades, saved.equity, size, str(given), label, notes)
    return _of_log(read_trades(given), request.account)


def _of_backtest(
    trades: pd.DataFrame, equity: pd.DataFrame, size: SizeRule, name: str, label: str, notes: tuple[str, ...]
) -> _Source:
    paths = [path["equity"].to_numpy(dtype=np.float64) for _, path in by_path(equity)]
    holding = float(trades["sessions"].mean())
    contracts, risk = float(trades["contracts"].mean()), float(trades["risk"].mean()) / size.account
    lines = RecordLines(name, size.account, contracts, risk, label, notes)
    return _Source(paths, size.account, holding, size.contracts is None, lines)


def _of_log(log: TradeLog, account: float | None) -> _Source:
    closed = log.closed
    if closed.empty:
        raise InputError(
            "record", log.source, f"has no closed trade, {len(log.open)} open", "give a log of closed trades"
        )
    dollars = account or ACCOUNT
    marked = marked_equity(log.trades, dollars)
    equity = marked.equity if marked is not None else realised_equity(closed, dollars)["equity"]
    notes = (
        [BOOKED]
        if marked is None
        else [f"{marked.marked:,} of {counted(marked.held, 'days')} of open trades carry a mark"]
    )
    notes += ["the equity holds every account in the log"] if len(set(accounts_of(closed))) > 1 else []
    notes += log.remarks
    days = (closed["exit"] - closed["entry"]).dt.total_seconds() / 86_400.0
    lines = RecordLines(
        log.source, dollars, float(closed["contracts"].mean()), float(closed["risk"].mean()) / dollars, log.label,
        tuple(notes),
    )  # fmt: skip
    holding = float(days.mean()) * SESSIONS_PER_YEAR / DAYS_PER_YEAR
    return _Source([np.asarray(equity, dtype=np.float64)], dollars, holding, False, lines)


def montecarlo(
    record: "BacktestResult | TradeLog | pd.Series[float] | str | Path",
    *,
    account: float | None = None,
    sizing: str = AUTO,
    sizes: tuple[float, ...] = SIZES,
    years: float = YEARS,
    histories: int = HISTORIES,
    drawdown: float = DRAWDOWN,
    chance: float = CHANCE,
    ruin: float = RUIN,
    block: int | None = None,
    seed: int = 1,
    client: "Client | None" = None,
) -> MonteCarloResult:
    """Resample the days of a backtest or a log in blocks, and trade the histories at several sizes.

    Parameters
    ----------
    record : BacktestResult, TradeLog, Series, str or Path
        See `MonteCarloRequest`.
    account : float, optional
        Dollars at the start of a log or a series.
    sizing : str
        `auto`, `fixed` or `compounded`.
    sizes : tuple of float
        Multiples of the size in the record.
    years : float
        Of a history.
    histories : int
    drawdown, chance : float
        `size_at` is the largest size at which this drawdown has at most this chance.
    ruin : float
        Fraction of the account whose loss counts as ruin.
    block : int, optional
        Mean length of a block, sessions.
    seed : int
    client : distributed.Client, optional
        Dask cluster to resample on; the result is the same.

    Returns
    -------
    MonteCarloResult

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> import numpy as np, pandas as pd
    >>> pnl = pd.Series(np.random.default_rng(1).normal(40.0, 400.0, 1_000))
    >>> result = iwm.montecarlo(pnl, account=50_000, years=1, histories=2_000, drawdown=0.1, chance=0.05)
    >>> result.to_frame()["size"].tolist()
    [0.5, 1.0, 2.0]
    >>> 0.3 < result.size_at < 1.0
    True
    """
    question = MonteCarloQuestion(
        sizes=tuple(sizes), years=years, histories=histories, drawdown=drawdown, chance=chance, ruin=ruin, block=block,
        seed=seed,
    )  # fmt: skip
    request = MonteCarloRequest(record=record, account=account, sizing=sizing, question=question)
    return answer_montecarlo(request, client=client)
