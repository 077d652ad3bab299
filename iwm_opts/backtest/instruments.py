"""One edge through every instrument that fits it: whether defined risk beats naked is a table, not a maxim."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.bootstrap import LEVEL, Interval, ratio_interval
from iwm_opts.backtest.plan import PlanResult, Stage, StageResult
from iwm_opts.backtest.plan_runner import backtest_plan
from iwm_opts.errors import InputError
from iwm_opts.strategy.plan import Plan, make_plan

FITTING: Final = {
    "mean-reversion": ("shares", "options", "vertical"),
    "momentum": ("shares", "options", "vertical"),
    "vol-contraction": ("condor", "vertical"),
}
RISKS: Final = {
    "shares": "stop only: a gap goes through it",
    "options": "defined: the premium",
    "vertical": "defined: the width",
    "condor": "defined: the wider wing",
}
ENTRIES: Final = ("the whole plan", "every signal of the edge")
SEED: Final = 1
FEW_TRADES: Final = 10  # below, no interval is worth its name


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentResult:
    """What an edge did in one instrument."""

    instrument: str
    risk: str  # what bounds the loss, in words
    entries: str  # which sessions it entered on, of `ENTRIES`
    market: str
    result: StageResult
    on_risk: Interval  # mean gain over what was risked, with its interval
    worst_on_risk: float  # largest loss of a trade over what it was to risk; above 1 it was more than planned
    notes: tuple[str, ...]


def compare_instruments(
    plan: Plan, stage: Stage, progress: Callable[[int, int], None] | None = None
) -> list[InstrumentResult]:
    """Run a plan's edge and account through all instruments that fit, each with its own exits.

    Twice: with the plan's macro filter and checklist, and on every signal of the edge, of which there are more.

    Parameters
    ----------
    plan : Plan
        Its tables for shares or options hold for its own instrument; the others have the defaults of the horizon.
    stage : Stage
        With a market.

    Raises
    ------
    InputError
        When options are to be compared and the stage has no market.
    """
    fitting = FITTING[plan.edge]
    if stage.market is None:
        raise InputError(
            "source", None, "comparing instruments needs quotes of options", "give --source modelled or sim"
        )
    found: list[InstrumentResult] = []
    for entries in ENTRIES:
        for instrument in fitting:
            result = backtest_plan(_in_instrument(plan, instrument), [], [stage], signals_only=entries == ENTRIES[1])
            found.append(_measured(instrument, entries, result))
            if progress:
                progress(len(found), len(ENTRIES) * len(fitting))
    return found


def _in_instrument(plan: Plan, instrument: str) -> Plan:
    if instrument == plan.instrument:
        return plan
    given = plan.model_dump(by_alias=True, exclude_none=True, exclude={"exits", "package", "instrument"})
    return make_plan(**{**given, "instrument": instrument})


def _measured(instrument: str, entries: str, run: PlanResult) -> InstrumentResult:
    result = run.ranges[0]
    trades, equity = result.trades, result.equity
    interval, worst = Interval(math.nan, math.nan, math.nan, math.nan, LEVEL, 0, math.nan, "nothing"), math.nan
    if len(trades) and result.metrics is not None:
        place = equity.index.searchsorted(pd.DatetimeIndex(trades["entry"]).normalize())
        share = (trades["pnl"] / trades["risk"]).to_numpy(dtype=float)
        days, worst = len(equity), float(-share.min())
        sample = np.stack([np.bincount(place, share, days), np.bincount(place, minlength=days).astype(float)], axis=1)
        interval = ratio_interval([sample], result.metrics.average_sessions, SEED)
        if len(trades) < FEW_TRADES:
            interval = replace(interval, low=math.nan, high=math.nan)
    notes = tuple(run.notes)
    return InstrumentResult(instrument, RISKS[instrument], entries, run.market, result, interval, worst, notes)


def trading_costs(trades: pd.DataFrame) -> float:
    """Slippage and fees of some trades in shares or options, dollars."""
    paid = [name for name in ("slippage", "entry_slippage", "exit_slippage", "fees") if name in trades]
    return float(trades[paid].to_numpy(dtype=float).sum())
