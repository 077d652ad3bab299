"""What each rule of a plan is worth: its trades against the same trade entered on any session.

The plan's trade is followed from every session there is, once, with its exits and costs and whatever the account; the
rules only choose among the outcomes. The value of a rule is then the mean gain of the sessions it chooses less that of
all, on the same data, in multiples of the risk taken (Tharp's R). Trades overlap, and intervals allow for it: see
`backtest.bootstrap`.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.backtest.engine import prepare, run
from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.backtest.rules import SizeRule
from iwm_opts.backtest.shares import trade_shares
from iwm_opts.conventions import counted
from iwm_opts.errors import InputError
from iwm_opts.plans.decision import entry_days
from iwm_opts.plans.intraday import trade_momentum
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import Stage, engine_rules, share_rules, strategies
from iwm_opts.plans.runner import momentum_packages

Flags = NDArray[np.bool_]

EVERYTHING: Final = 1e12  # dollars: an account that never limits a size
UNLIMITED: Final = 1_000_000
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class RuleStep:
    """Sessions that some of the plan's rules choose, and the gain of their trades."""

    name: str
    trades: int
    independent: float  # effective number that share no day with another
    win_rate: float
    gain: Interval  # mean gain over risk
    over_any: Interval | None  # the same less that of all sessions; None for those themselves


@dataclass(frozen=True, slots=True, eq=False)
class PlanEvidence:
    """A plan's rules, rung by rung."""

    plan: Plan
    first: pd.Timestamp
    last: pd.Timestamp
    rungs: tuple[RuleStep, ...]
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Finding in plain sentences, "no evidence" included."""
        whole = self.rungs[-1]
        difference = whole.over_any
        if difference is None or not difference.is_known:
            return f"{counted(whole.trades, 'trades are too few', 'trade is too few')} to value the plan's rules."
        more = f"{difference.estimate:+.3f} R a trade against entering on any session"
        sample = f"{counted(whole.trades, 'trades')}, worth {whole.independent:.0f} that do not overlap"
        bounds = f"{difference.low:+.3f} to {difference.high:+.3f}; {sample}"
        if not difference.excludes_zero:
            return f"No evidence that the rules help: {more} ({bounds})."
        return f"The rules {'help' if difference.estimate > 0.0 else 'hurt'}: {more} ({bounds})."


def plan_evidence(plan: Plan, stage: Stage) -> PlanEvidence:
    """Measure a plan's rules on a stretch of days.

    Raises InputError when data is missing that the plan cannot do without.

    `stage`: with a market where the plan trades options.
    """
    days = pd.DatetimeIndex(stage.data.bars.index)
    first, last = pd.Timestamp(stage.period.first), pd.Timestamp(stage.period.last)
    within = np.asarray((days >= first) & (days <= last))
    entries = entry_days(plan, stage.data, within)
    bars, rule, signal = stage.data.bars, plan.momentum, entries.signal
    rules = replace(share_rules(plan), account=EVERYTHING, risk_share=1e-9, max_open=UNLIMITED, max_open_risk=1.0)
    if plan.instrument != "shares":
        trades, notes = _every_package(plan, stage, within)
    else:
        if rule is not None:
            minutes = stage.data.required_minutes()
            traded = trade_momentum(bars, minutes, rule, rules, within, every_session=True)
        else:
            traded = trade_shares(bars, within, rules, first=stage.period.first)
        trades, notes = traded.trades, traded.notes
    entered = pd.DatetimeIndex(trades["entry"]).normalize()
    place = days.get_indexer(entered)
    trades, place = trades[place >= 0].reset_index(drop=True), place[place >= 0]
    chosen = {
        "any session": within,
        "edge": within & signal,
        "edge + macro": within & signal & entries.clear,
        "edge + checklist": within & signal & entries.enough,
        "whole plan": within & signal & entries.clear & entries.enough,
    }
    if not plan.filter_applies:
        del chosen["edge + macro"], chosen["edge + checklist"]
    rungs = tuple(_rung(name, flags, within, trades, place) for name, flags in chosen.items())
    return PlanEvidence(plan, first, last, rungs, notes)


def _every_package(plan: Plan, stage: Stage, within: Flags) -> tuple[pd.DataFrame, tuple[str, ...]]:
    market, data = stage.market, stage.data
    if market is None or data.history is None:
        missing = "source" if market is None else "iv_history"
        rule = "a plan in options needs their quotes and an IV history"
        raise InputError(missing, None, rule, "give `source` modelled `iv_history` FILE")
    one_each = SizeRule(contracts=1, account=EVERYTHING)
    if plan.momentum:
        packages = momentum_packages(plan, stage, within, size=one_each, every_session=True)
    else:
        on_market = pd.Series(within, index=data.bars.index).reindex(pd.DatetimeIndex(market.days), fill_value=False)
        packages = []
        for strategy, chosen in strategies(plan, data, market.days):
            rules = engine_rules(plan, strategy)
            free = replace(rules, entry=replace(rules.entry, max_open=UNLIMITED), size=one_each)
            packages.append(run(prepare(market, data.history, free), on_market.to_numpy(dtype=bool) & chosen))
    notes = tuple(dict.fromkeys(note for package in packages for note in package.notes))
    return pd.concat([package.trades for package in packages], ignore_index=True), notes


def _rung(name: str, flags: Flags, within: Flags, trades: pd.DataFrame, place: NDArray[np.intp]) -> RuleStep:
    gain = (trades["pnl"] / trades["risk"]).to_numpy(dtype=float)
    count = len(flags)
    total, number = np.bincount(place, gain, count), np.bincount(place, minlength=count).astype(float)
    inside, taken = np.flatnonzero(within), flags[place]
    sample = np.stack([total * flags, number * flags], axis=1)[inside]
    every = np.stack([total, number], axis=1)[inside]
    holding = float(trades["sessions"].mean()) if len(trades) else 1.0
    mine, is_all = trades[taken], bool((flags == within).all())
    mean = _interval(sample, holding, len(mine))
    difference = None if is_all else _interval(np.hstack([sample, every]), holding, len(mine))
    wins = float((mine["pnl"] > 0.0).mean()) if len(mine) else float("nan")
    return RuleStep(name, len(mine), independent_trades(mine), wins, mean, difference)


def _interval(sample: NDArray[np.float64], holding: float, trades: int) -> Interval:
    return ratio_interval([sample], holding, SEED, 500).of_trades(trades)
