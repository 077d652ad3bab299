"""A market to try rules on, with the history that their gate ranks, and the trials that a question needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bands import Uncertainty
from iwm_opts.backtest.book import Book
from iwm_opts.backtest.engine import prepare
from iwm_opts.backtest.metrics import PATH
from iwm_opts.backtest.prepared import Prepared
from iwm_opts.backtest.result import Backtest, Totals
from iwm_opts.backtest.rules import Rules
from iwm_opts.conventions import Provenance, counted
from iwm_opts.kernels.backtest.codes import SkipReason
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.source import Source, SpanRequest

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One market and the IV history to decide by; `path` counts the trials of one question from zero."""

    market: DailyMarket
    history: IvHistory
    path: int = 0
    scenario: str = ""  # that the market was simulated under; empty for none
    remarks: tuple[str, ...] = ()  # on the files of `history` and `macro`
    macro: pd.Series | None = None  # daily returns of the macro filter's fund

    def prepare(self, rules: Rules, book: Book | None = None) -> Prepared:
        """Make ready to run rules here; a book of the same entry rule may be used again."""
        return prepare(self.market, self.history, rules, book, self.macro)


class Traded(Protocol):
    """Trades in options and the equity of their days: `Backtest`, or a result of another account."""

    @property
    def trades(self) -> pd.DataFrame:
        """One row a trade."""

    @property
    def equity(self) -> pd.DataFrame:
        """One row a day."""


def open_trials(source: Source, request: SpanRequest) -> tuple[Trial, ...]:
    """Trials of a source, one a path."""
    return tuple(Trial(*path) for path in source.over_days(request))


@dataclass(frozen=True, slots=True, eq=False)
class PooledResult:
    """Results of the same rules on several trials, pooled in frames with a column `path`."""

    results: tuple[Backtest, ...]
    trials: tuple[Trial, ...]
    uncertainty: Uncertainty | None = None  # of the mean net gain; None where it was not measured

    @property
    def kind(self) -> Provenance:
        """Source of the quotes."""
        return self.trials[0].market.provenance

    @property
    def name(self) -> str:
        """What output calls the market, further paths counted."""
        first, more = self.results[0].market, len(self.results) - 1
        return first if not more else f"{first} and {counted(more, 'more paths')}"

    def by_scenario(self) -> "dict[str, PooledResult]":
        """Results of each scenario alone, in the order of the trials; one entry, named "", where there is none."""
        groups: dict[str, list[tuple[Backtest, Trial]]] = {}
        for pair in zip(self.results, self.trials, strict=True):
            groups.setdefault(pair[1].scenario, []).append(pair)
        return {
            name: PooledResult(tuple(result for result, _ in pairs), tuple(trial for _, trial in pairs))
            for name, pairs in groups.items()
        }

    @property
    def account(self) -> float:
        """Dollars at the start of each path."""
        return self.results[0].rules.size.account

    @property
    def trades(self) -> pd.DataFrame:
        """Trades of all paths."""
        pairs = zip(self.results, self.trials, strict=True)
        frame = pd.concat([result.trades.assign(**{PATH: trial.path}) for result, trial in pairs], ignore_index=True)
        return frame.astype(dict.fromkeys(("entry", "exit", "expiration"), "datetime64[us]"))

    @property
    def equity(self) -> pd.DataFrame:
        """Equity of all paths, day by day."""
        pairs = zip(self.results, self.trials, strict=True)
        frame = pd.concat([result.equity.assign(**{PATH: trial.path}) for result, trial in pairs])
        return frame.set_axis(pd.DatetimeIndex(frame.index, name="date").as_unit("us"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know, each once; counts of single paths are left to them."""
        notes = [note for trial in self.trials for note in trial.remarks]
        notes += [note for result in self.results for note in result.notes]
        unaffordable = sum(result.skipped.get(SkipReason.BY_RISK.words, 0) for result in self.results)
        if unaffordable > len(self.trades):
            share = f"{self.results[0].rules.size.risk_share:.1%} of the equity"
            remedy = "give a larger `account` or `risk`, or a smaller `width`"
            notes.append(f"on {unaffordable:,} allowed days one package risked more than {share}: {remedy}")
        return tuple(dict.fromkeys(notes))


def package_gains(trades: pd.DataFrame) -> Array:
    """Gain of each trade, $ per package, independent of size."""
    return np.asarray(trades["pnl"].to_numpy(dtype=np.float64) / trades["contracts"].to_numpy(dtype=np.float64))


def trade_sample(result: Traded) -> Array:
    """Dollars a package gained, and trades, by day of entry: numerator and denominator of a gain per trade."""
    place = result.equity.index.searchsorted(result.trades["entry"].dt.normalize())
    days = len(result.equity)
    gain = np.bincount(place, weights=package_gains(result.trades), minlength=days)
    return np.stack([gain, np.bincount(place, minlength=days).astype(np.float64)], axis=1)


def risk_sample(result: Backtest) -> Array:
    """Change of equity, and dollars at risk since the close before, by day: parts of a return per day of risk."""
    equity = result.equity["equity"].to_numpy(dtype=np.float64)
    change = np.diff(equity, prepend=result.rules.size.account)
    # A package costs its spread on the day it is opened, before any night at risk: sums over days take both in.
    borne = np.concatenate([[0.0], result.equity["open_risk"].to_numpy(dtype=np.float64)[:-1]])
    return np.stack([change, borne], axis=1)


def gain_per_trade(totals: Sequence[Totals]) -> float:
    """Mean gain of a package over all trades, dollars; NaN without a trade."""
    trades = sum(run.trades for run in totals)
    return sum(run.gain for run in totals) / trades if trades else float("nan")
