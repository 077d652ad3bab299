"""Several plans over one market and one account: shared limits, correlation, and the contribution of each.

Each plan runs by `plans.runner`. Entries are then checked in order of day and plan against limits of all open positions
together; a refused entry is taken out and its plan run again from there, so that later entries see its place free.
Decisions of a day rest on the days before it, so that one pass in order of days is exact.

A plan sizes on the account's start and its own result; the limits rest on the equity of all plans together at the close
before. Deltas of open positions are those of their entries.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.metrics import measure, with_account
from iwm_opts.errors import InputError
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import Stage, StageResult, verdict
from iwm_opts.plans.runner import PlanRunner, market_name, measured
from iwm_opts.risk.sizing import MAX_OPEN_RISK

Array = NDArray[np.float64]

OPEN_RISK: Final = "refused by shared open risk"
BUYING_POWER: Final = "refused by shared buying power"
NET_DELTA: Final = "refused by shared net delta"


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """Limits of all open positions together, as fractions of the account's equity at the close before.

    Parameters
    ----------
    max_open_risk : float
        Sum of the positions' risks.
    max_buying_power : float
        Sum of what they tie up.
    max_net_delta : float, optional
        |Delta| in dollars of the underlying; an entry that lowers it is never refused. No limit unless given.
    """

    max_open_risk: float = MAX_OPEN_RISK
    max_buying_power: float = 1.0
    max_net_delta: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_open_risk", "max_buying_power", "max_net_delta"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise InputError(name, value, "must be above 0", "give a fraction of the account: 6% or 0.06")


class Entry(NamedTuple):
    """A position of one plan, in dollars and share equivalents of the whole position."""

    day: pd.Timestamp
    plan: int
    exit: pd.Timestamp
    risk: float
    buying_power: float
    delta: float
    spot: float


@dataclass(frozen=True, eq=False)
class PortfolioStage:
    """Plans over one period: the result of each under the shared limits, and of all together."""

    parts: tuple[StageResult, ...]
    total: StageResult
    account: float

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Equity of each plan by day, a column a plan."""
        frames = [part.equity["equity"] if len(part.equity) else pd.Series(dtype=float) for part in self.parts]
        return _aligned(frames, self.account)

    @property
    def daily(self) -> pd.DataFrame:
        """P&L of each plan by day, dollars, a column a plan."""
        return self.levels.diff().fillna(self.levels.iloc[:1] - self.account)

    @property
    def correlation(self) -> Array:
        """Correlation of daily P&L, shape (plans, plans); NaN where one never moves."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.atleast_2d(np.corrcoef(self.daily.to_numpy(dtype=np.float64).T))

    @property
    def drawdown_parts(self) -> Array:
        """P&L of each plan from the peak to the trough of the account's deepest drawdown, dollars."""
        levels = np.array([with_account(self.levels[name].to_numpy(), self.account) for name in self.levels])
        total = levels.sum(axis=0) - (len(levels) - 1) * self.account
        trough = int(np.argmin(total / np.maximum.accumulate(total)))
        peak = int(np.argmax(total[: trough + 1]))
        return np.asarray(levels[:, trough] - levels[:, peak])


@dataclass(frozen=True, slots=True, eq=False)
class PortfolioResult:
    """Plans of one account over their periods."""

    plans: tuple[Plan, ...]
    account: float
    limits: SharedLimits
    market: str
    stress: tuple[PortfolioStage, ...]
    ranges: tuple[PortfolioStage, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Verdict of the stress periods on the account."""
        return verdict([stage.total.holds for stage in self.stress])


def backtest_portfolio(
    plans: Sequence[Plan],
    stress: Sequence[Stage],
    ranges: Sequence[Stage],
    account: float,
    limits: SharedLimits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PortfolioResult:
    """Run several plans on one account over stress periods and other ranges.

    Raises InputError for plans of the same name, of several symbols, or within the session.

    `plans`: entries of one day are taken in this order.
    `stress`, `ranges`: as of `runner.backtest_plan`.
    `account`: dollars at the start, in place of the plans' own.
    `progress`: called with the stages done and their number.
    """
    check_plans(plans)
    limits = limits or SharedLimits()
    shared = [plan.with_account(account) for plan in plans]
    runners, stages = [PlanRunner(plan) for plan in shared], [*stress, *ranges]
    results = []
    for done, stage in enumerate(stages, start=1):
        results.append(run_stage(runners, stage, account, limits))
        if progress:
            progress(done, len(stages))
    notes = dict.fromkeys(note for runner in runners for note in runner.notes)
    optioned = next((plan for plan in shared if plan.instrument != "shares"), shared[0])
    return PortfolioResult(
        tuple(shared), account, limits, market_name(optioned, stages), tuple(results[: len(stress)]),
        tuple(results[len(stress) :]), tuple(notes),
    )  # fmt: skip


def check_plans(plans: Sequence[Plan]) -> None:
    """Refuse plans that cannot share an account."""
    names, symbols = [plan.name for plan in plans], sorted({plan.symbol for plan in plans})
    if len(set(names)) < len(names):
        raise InputError("plan", ", ".join(names), "names must differ", "rename one of the plans")
    if len(symbols) > 1:
        raise InputError("plan", ", ".join(symbols), "plans must trade one symbol", "leave the others out")
    for plan in plans:
        if plan.horizon == "intraday":
            raise InputError("plan", plan.name, "trades within the session", "backtest it alone")


def run_stage(runners: Sequence[PlanRunner], stage: Stage, account: float, limits: SharedLimits) -> PortfolioStage:
    """Run plans over one stage, entries beyond the shared limits taken out."""
    days = pd.DatetimeIndex(stage.data.bars.index)
    blocked = [np.zeros(len(days), dtype=np.bool_) for _ in runners]
    refusals = [Counter[str]() for _ in runners]
    parts = [runner.run(stage) for runner in runners]
    while (refusal := first_refusal(parts, account, limits)) is not None:
        entry, why = refusal
        blocked[entry.plan][days.get_loc(entry.day)] = True
        refusals[entry.plan][why] += 1
        parts[entry.plan] = runners[entry.plan].run(stage, blocked[entry.plan])
    parts = [replace(part, counts=part.counts | dict(counts)) for part, counts in zip(parts, refusals, strict=True)]
    parts = measured(parts)
    return PortfolioStage(tuple(parts), _total(runners, parts, account), account)


def first_refusal(parts: Sequence[StageResult], account: float, limits: SharedLimits) -> tuple[Entry, str] | None:
    """First entry, by day and plan, that a shared limit refuses, and which; None where all fit."""
    live = [part.equity["equity"] for part in parts if len(part.equity)]
    if not live:
        return None
    equity = _aligned(live, account)
    total = equity.sum(axis=1) - (equity.shape[1] - 1) * account
    held: list[Entry] = []
    for entry in sorted(entry for plan, part in enumerate(parts) for entry in _entries(plan, part.trades)):
        held = [position for position in held if position.exit > entry.day or position.day == entry.day]
        place = int(total.index.searchsorted(entry.day)) - 1
        why = _exceeded(entry, held, float(total.iloc[place]) if place >= 0 else account, limits)
        if why:
            return entry, why
        held.append(entry)
    return None


def _exceeded(entry: Entry, held: Sequence[Entry], equity: float, limits: SharedLimits) -> str:
    """Limit that an entry breaks; empty where it breaks none."""
    if sum(item.risk for item in (*held, entry)) > limits.max_open_risk * equity:
        return OPEN_RISK
    if sum(item.buying_power for item in (*held, entry)) > limits.max_buying_power * equity:
        return BUYING_POWER
    before = sum(item.delta for item in held)
    after = before + entry.delta
    bound = limits.max_net_delta
    if bound is not None and abs(after) > abs(before) and abs(after) * entry.spot > bound * equity:
        return NET_DELTA
    return ""


def _entries(plan: int, trades: pd.DataFrame) -> list[Entry]:
    """Positions of a plan in options or shares."""
    if not len(trades):
        return []
    is_shares = "shares" in trades
    power = trades["shares"] * trades["entry_price"] if is_shares else trades["buying_power"]
    delta = trades["shares"] if is_shares else trades["entry_delta"]
    spot = trades["entry_price"] if is_shares else trades["entry_spot"]
    columns = (trades["entry"], trades["exit"], trades["risk"], power, delta, spot)
    return [Entry(day, plan, *rest) for day, *rest in zip(*columns, strict=True)]


def _aligned(levels: Sequence[pd.Series], account: float) -> pd.DataFrame:
    """Equity of plans on the days of all of them; flat before its first day and after its last."""
    return pd.concat(list(levels), axis=1, keys=range(len(levels))).sort_index().ffill().fillna(account)


def _total(runners: Sequence[PlanRunner], parts: Sequence[StageResult], account: float) -> StageResult:
    """Sum of the plans: their trades by name, and the equity of the account."""
    period, live = parts[0].period, [part for part in parts if len(part.equity)]
    if not live:
        return replace(parts[0], counts={})
    tables = [
        part.trades.assign(plan=runner.plan.name)
        for runner, part in zip(runners, parts, strict=True)
        if len(part.trades)
    ] or [live[0].trades]
    trades = pd.concat(tables, ignore_index=True).sort_values(["entry", "exit"], ignore_index=True)
    levels = _aligned([part.equity["equity"] for part in live], account)
    flows = {
        name: pd.concat([part.equity[name] for part in live], axis=1).sort_index().fillna(0.0).sum(axis=1)
        for name in ("open_risk", "positions")
    }
    total = levels.sum(axis=1) - (len(live) - 1) * account
    equity = pd.DataFrame({"equity": total, **flows})
    return StageResult(period, measure(trades, equity, account), trades, equity, {})
