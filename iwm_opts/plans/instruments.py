"""One edge through every instrument that fits it: whether defined risk beats naked is a table, not a maxim."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import LEVEL, Interval, ratio_interval
from iwm_opts.errors import InputError
from iwm_opts.plans.plan import Plan, make_plan
from iwm_opts.plans.plan_backtest import PlanResult, Stage, StageResult
from iwm_opts.plans.runner import backtest_plan

RISKS: Final = {
    "shares": "stop only: a gap goes through it",
    "options": "defined: the premium",
    "vertical": "defined: the width",
    "condor": "defined: the wider wing",
}
DEFINED, NAKED = "vertical", "options"  # a spread against the option alone
ENTRIES: Final = ("the whole plan", "every signal of the edge")
SEED: Final = 1


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentResult:
    """Result of an edge in one instrument."""

    instrument: str
    risk: str  # what bounds the loss, in words
    entries: str  # which sessions it entered on, of `ENTRIES`
    market: str
    result: StageResult
    on_risk: Interval  # mean gain over risk, with its interval
    worst_on_risk: float  # largest loss of a trade over its planned risk
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Gain of an edge in one instrument less that in another, per risk taken."""

    entries: str
    instrument: str
    against: str
    gain: Interval  # mean gain over risk a trade, less the other's
    trades: int  # of the one that traded less

    @property
    def verdict(self) -> str:
        """Verdict of the interval."""
        if not self.gain.is_known:
            return "too few trades for a verdict"
        if not self.gain.excludes_zero:
            return "inconclusive"
        return f"{self.instrument} {'better' if self.gain.estimate > 0.0 else 'worse'}"


def compare_instruments(
    plan: Plan, stage: Stage, progress: Callable[[int, int], None] | None = None
) -> list[InstrumentResult]:
    """Run a plan's edge and account through all instruments that fit, each with its own exits.

    Twice: with the plan's macro filter and checklist, and on every signal of the edge, of which there are more.

    Raises InputError when options are to be compared and the stage has no market.

    `plan`: its tables for shares or options hold for its own instrument; the others have the defaults of the horizon.
    `stage`: with a market.
    """
    fitting = plan.rule.instruments
    if stage.market is None:
        raise InputError(
            "source", None, "comparing instruments needs quotes of options", "give `source` modelled or sim"
        )
    results: list[InstrumentResult] = []
    for entries in ENTRIES:
        for instrument in fitting:
            given = plan.model_dump(by_alias=True, exclude_none=True, exclude={"exits", "package", "instrument"})
            same = instrument == plan.instrument
            traded = plan if same else make_plan(**{**given, "instrument": instrument})
            result = backtest_plan(traded, [], [stage], signals_only=entries == ENTRIES[1])
            results.append(_measured(instrument, entries, result))
            if progress:
                progress(len(results), len(ENTRIES) * len(fitting))
    return results


def _measured(instrument: str, entries: str, run: PlanResult) -> InstrumentResult:
    result = run.ranges[0]
    trades = result.trades
    interval, worst = Interval(math.nan, math.nan, math.nan, math.nan, LEVEL, 0, math.nan, "nothing"), math.nan
    if len(trades) and result.metrics is not None:
        interval = _interval(_by_day(result, result.equity.index), result.metrics.average_sessions, len(trades))
        worst = float(-(trades["pnl"] / trades["risk"]).min())
    notes = tuple(run.notes)
    return InstrumentResult(instrument, RISKS[instrument], entries, run.market, result, interval, worst, notes)


def _by_day(result: StageResult, days: "pd.Index[Any]") -> NDArray[np.float64]:
    """Gain over risk, and trades, by day of entry: numerator and denominator of a gain a trade, shape (days, 2)."""
    place = days.searchsorted(pd.DatetimeIndex(result.trades["entry"]).normalize())
    share = (result.trades["pnl"] / result.trades["risk"]).to_numpy(dtype=float)
    columns = np.bincount(place, share, len(days)), np.bincount(place, minlength=len(days)).astype(float)
    return np.stack(columns, axis=1)


def _interval(sample: NDArray[np.float64], holding: float, trades: int) -> Interval:
    return ratio_interval([sample], holding, SEED).of_trades(trades)


def defined_less_naked(results: Sequence[InstrumentResult]) -> list[Difference]:
    """Verticals against single long options, for each way of entering on which both were traded.

    Days are resampled with the gains of both, so that common moves of the price cancel.
    """
    differences = []
    for entries in dict.fromkeys(result.entries for result in results):
        by_instrument = {
            result.instrument: result.result
            for result in results
            if result.entries == entries and result.result.metrics
        }
        if not {DEFINED, NAKED} <= by_instrument.keys() or not (
            len(by_instrument[DEFINED].trades) and len(by_instrument[NAKED].trades)
        ):
            continue
        defined, naked = by_instrument[DEFINED], by_instrument[NAKED]
        days = defined.equity.index.union(naked.equity.index)
        sample = np.hstack([_by_day(result, days) for result in (defined, naked)])
        trades = pd.concat([defined.trades["sessions"], naked.trades["sessions"]])
        fewer = min(len(defined.trades), len(naked.trades))
        gain = _interval(sample, float(trades.mean()), fewer)
        differences.append(Difference(entries, DEFINED, NAKED, gain, fewer))
    return differences


def trading_costs(trades: pd.DataFrame) -> float:
    """Slippage and fees of some trades in shares or options, dollars."""
    paid = [name for name in ("slippage", "entry_slippage", "exit_slippage", "fees") if name in trades]
    return float(trades[paid].to_numpy(dtype=float).sum())
