"""One edge through every instrument that fits it: whether defined risk beats naked is a table, not a maxim."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.bootstrap import LEVEL, Interval, ratio_interval
from iwm_opts.backtest.plan import Stage, StageResult
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
SEED: Final = 1
FEW_TRADES: Final = 10  # below, no interval is worth its name


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentResult:
    """What an edge did in one instrument."""

    instrument: str
    risk: str  # what bounds the loss, in words
    result: StageResult
    on_risk: Interval  # mean gain over what was risked, with its interval
    worst_on_risk: float  # largest loss of a trade over what it was to risk; above 1 it was more than planned
    notes: tuple[str, ...]


def compare_instruments(
    plan: Plan, stage: Stage, progress: Callable[[int, int], None] | None = None
) -> list[InstrumentResult]:
    """Run a plan's edge, filter, checklist and account through all instruments that fit, each with its own exits.

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
    found = []
    for done, instrument in enumerate(fitting, start=1):
        result = backtest_plan(_in_instrument(plan, instrument), [], [stage])
        found.append(_measured(instrument, result.ranges[0], result.notes))
        if progress:
            progress(done, len(fitting))
    return found


def _in_instrument(plan: Plan, instrument: str) -> Plan:
    if instrument == plan.instrument:
        return plan
    given = plan.model_dump(by_alias=True, exclude_none=True, exclude={"exits", "package", "instrument"})
    return make_plan(**{**given, "instrument": instrument})


def _measured(instrument: str, result: StageResult, notes: Sequence[str]) -> InstrumentResult:
    trades, equity = result.trades, result.equity
    if not len(trades) or result.metrics is None:
        nothing = Interval(math.nan, math.nan, math.nan, math.nan, LEVEL, 0, math.nan, "nothing")
        return InstrumentResult(instrument, RISKS[instrument], result, nothing, math.nan, tuple(notes))
    place = equity.index.searchsorted(pd.DatetimeIndex(trades["entry"]).normalize())
    share = (trades["pnl"] / trades["risk"]).to_numpy(dtype=float)
    days = len(equity)
    sample = np.stack([np.bincount(place, share, days), np.bincount(place, minlength=days).astype(float)], axis=1)
    interval = ratio_interval([sample], result.metrics.average_sessions, SEED)
    if len(trades) < FEW_TRADES:
        interval = replace(interval, low=math.nan, high=math.nan)
    return InstrumentResult(instrument, RISKS[instrument], result, interval, float(-share.min()), tuple(notes))
