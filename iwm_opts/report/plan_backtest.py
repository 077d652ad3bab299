"""A plan's backtest for people to read: period by period, and the verdict."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.metrics import Metrics, Period, independent_trades
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import PlanResult, StageResult
from iwm_opts.report.backtest_table import uncertainty_table
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.words import dollars, number, percent

ANSWERS = {True: ("holds", "green"), False: ("fails", "red"), None: ("says nothing", "yellow")}


def plan_backtest_table(result: PlanResult, label: str = "", columns: int | None = None) -> str:
    """Each period's trades, gain, drawdown, win rate and holding, what blocked entries, and the verdict, as text."""
    plan, stress = result.plan, {stage.period.name for stage in result.stress}
    named: list[RenderableType] = [Text(label, style="bold white on red")] if label else []
    rule = f"{plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}"
    account = f"{dollars(plan.account.value)}, {percent(plan.account.risk, 1)} at risk a trade, costs included"
    parts: list[RenderableType] = [
        *named,
        Text(f"plan {plan.name}: {rule}"),
        Text(f"{result.market}; {account}"),
        Text(""),
        _periods((*result.stress, *result.ranges), stress, _holding_unit(plan)),
        Text(""),
        *uncertainty_parts([(stage.period.name, stage) for stage in (*result.stress, *result.ranges)]),
        Text.assemble("verdict     ", (result.verdict, "bold")),
        Text(""),
    ]
    parts += [Text(line) for line in _counts((*result.stress, *result.ranges), stress)]
    parts += [Text(f"note: {note}", style="yellow") for note in result.notes]
    return render([*parts, *named], columns)


def uncertainty_parts(named: Sequence[tuple[str, StageResult]]) -> list[RenderableType]:
    """Gain a package of options with its interval and bands, a row a result that has them; nothing without one."""
    rows = [(name, stage.trades, stage.uncertainty) for name, stage in named if stage.uncertainty]
    return [Text("net gain of a package"), uncertainty_table(rows), Text("")] if rows else []


def _holding_unit(plan: Plan) -> str:
    return "minutes" if plan.horizon == "intraday" else "sessions"


def average_minutes(stage: StageResult) -> float | None:
    """Mean minutes from entry to exit, of trades within the session; None where there is none."""
    if not len(stage.trades):
        return None
    return float((stage.trades["exit"] - stage.trades["entry"]).dt.total_seconds().mean() / 60.0)


def _periods(results: Sequence[StageResult], stress: set[str], unit: str) -> Table:
    table = plain_table(
        "period", "trades", "win", "P&L", "return", "drawdown", "sessions", "held", "", left=("period", "")
    )
    for stage in results:
        m, (word, style) = stage.metrics, ANSWERS[stage.holds]
        state = Text(word if stage.period.name in stress else "", style=style)
        if m is None:
            table.add_row(stage.period.name, "-", "-", "-", "-", "-", "-", "-", state)
            continue
        table.add_row(
            stage.period.name, str(m.trades), percent(m.win_rate), dollars(m.pnl), percent(m.total_return, 1),
            percent(m.max_drawdown.share, 1), str(m.sessions), _held(stage, m, unit), state,
        )  # fmt: skip
    return table


def _held(stage: StageResult, m: Metrics, unit: str) -> str:
    if unit == "sessions":
        return number(m.average_sessions)
    minutes = average_minutes(stage)
    return "-" if minutes is None else f"{minutes:.0f} min"


def _counts(results: Sequence[StageResult], stress: set[str]) -> list[str]:
    lines = []
    for stage in results:
        name = stage.period.name if stage.period.name in stress else f"{stage.period.name}, {_days(stage.period)}"
        if stage.reason:
            lines.append(f"{name}: {stage.reason}")
            continue
        counts = ", ".join(f"{count:,} {what}" for what, count in stage.counts.items() if count)
        lines.append(f"{name}: {counts or 'no signal'}")
    return lines


def _days(period: Period) -> str:
    return f"{period.first} to {period.last}"


def plan_backtest_record(result: PlanResult) -> dict[str, Any]:
    """Everything as a record for JSON."""
    is_intraday = result.plan.horizon == "intraday"
    return {
        "plan": result.plan.name,
        "market": result.market,
        "verdict": result.verdict,
        "periods": [_row(stage, is_intraday, is_stress=True) for stage in result.stress]
        + [_row(stage, is_intraday, is_stress=False) for stage in result.ranges],
        "notes": list(result.notes),
    }


def _row(stage: StageResult, is_intraday: bool, is_stress: bool) -> dict[str, Any]:
    m = stage.metrics
    figures = {
        "trades": m.trades if m else 0,
        "win_rate": m.win_rate if m else None,
        "pnl": m.pnl if m else None,
        "total_return": m.total_return if m else None,
        "max_drawdown": m.max_drawdown.share if m else None,
        "average_sessions": m.average_sessions if m else None,
        "average_minutes": average_minutes(stage) if is_intraday else None,
        "expectancy_on_risk": m.expectancy_on_risk if m else None,
        "independent_trades": independent_trades(stage.trades),
        "uncertainty": stage.uncertainty.record() if stage.uncertainty else None,
    }
    head = {"period": stage.period.name, "first": stage.period.first.isoformat(), "last": stage.period.last.isoformat()}
    return (
        head | {"stress": is_stress, "holds": stage.holds} | figures | {"counts": stage.counts, "reason": stage.reason}
    )
