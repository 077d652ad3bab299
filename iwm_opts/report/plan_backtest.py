"""A plan over periods with its verdict, and the worth of each of its rules: as text and records."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.plans.plan_backtest import PlanResult, StageResult
from iwm_opts.plans.plan_evidence import PlanEvidence
from iwm_opts.report.backtest_table import uncertainty_table
from iwm_opts.report.console import bold, plain_table, render_page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent

ANSWERS = {True: ("holds", "green"), False: ("fails", "red"), None: ("says nothing", "yellow")}


def plan_backtest_table(result: PlanResult, label: str = "", columns: int | None = None) -> str:
    """Each period's trades, gain, drawdown, win rate and holding, what blocked entries, and the verdict, as text."""
    plan, stages = result.plan, (*result.stress, *result.ranges)
    rule = f"{plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}"
    account = f"{dollars(plan.account.value)}, {percent(plan.account.risk, 1)} at risk a trade, costs included"
    heads = ("period", "trades", "win", "P&L", "return", "drawdown", "sessions", "held", "")
    table = plain_table(*heads, left=("period", ""))
    for stage in stages:
        m, (word, style) = stage.metrics, ANSWERS[stage.holds]
        state = Text(word if stage in result.stress else "", style=style)
        if m is None:
            table.add_row(stage.period.name, *["-"] * 7, state)
            continue
        held = number(m.average_sessions)
        if plan.horizon == "intraday":
            minutes = average_minutes(stage)
            held = "-" if minutes is None else f"{minutes:.0f} min"
        table.add_row(
            stage.period.name, str(m.trades), percent(m.win_rate), dollars(m.pnl), percent(m.total_return, 1),
            percent(m.max_drawdown.share, 1), str(m.sessions), held, state,
        )  # fmt: skip
    parts: list[RenderableType] = [f"plan {plan.name}: {rule}", f"{result.market}; {account}", "", table, ""]
    parts += uncertainty_parts([(stage.period.name, stage) for stage in stages])
    parts += [Text.assemble("verdict     ", (result.verdict, "bold")), ""]
    for stage in stages:
        period = "" if stage in result.stress else f", {stage.period.first} to {stage.period.last}"
        counts = ", ".join(f"{count:,} {what}" for what, count in stage.counts.items() if count)
        parts.append(f"{stage.period.name}{period}: {stage.reason or counts or 'no signal'}")
    return render_page(label, parts, result.notes, columns)


def uncertainty_parts(named: Sequence[tuple[str, StageResult]]) -> list[RenderableType]:
    """Gain a package of options with its interval and bands, a row a result that has them; nothing without one."""
    rows = [(name, stage.trades, stage.uncertainty) for name, stage in named if stage.uncertainty]
    return ["net gain of a package", uncertainty_table(rows), ""] if rows else []


def average_minutes(stage: StageResult) -> float | None:
    """Mean minutes from entry to exit, of trades within the session; None where there is none."""
    if not len(stage.trades):
        return None
    return float((stage.trades["exit"] - stage.trades["entry"]).dt.total_seconds().mean() / 60.0)


def plan_backtest_record(result: PlanResult) -> Record:
    """Everything as a record for JSON."""
    rows = []
    for stage in (*result.stress, *result.ranges):
        m, period = stage.metrics, stage.period
        minutes = average_minutes(stage) if result.plan.horizon == "intraday" else None
        rows.append(
            {
                "period": period.name, "first": period.first.isoformat(), "last": period.last.isoformat(),
                "stress": stage in result.stress, "holds": stage.holds, "trades": m.trades if m else 0,
                "win_rate": m.win_rate if m else None, "pnl": m.pnl if m else None,
                "total_return": m.total_return if m else None, "max_drawdown": m.max_drawdown.share if m else None,
                "average_sessions": m.average_sessions if m else None, "average_minutes": minutes,
                "expectancy_on_risk": m.expectancy_on_risk if m else None,
                "independent_trades": independent_trades(stage.trades),
                "uncertainty": stage.uncertainty.record() if stage.uncertainty else None,
                "counts": stage.counts, "reason": stage.reason,
            }
        )  # fmt: skip
    about = {"plan": result.plan.name, "market": result.market, "verdict": result.verdict}
    return about | {"periods": rows, "notes": list(result.notes)}


def plan_evidence_table(evidence: PlanEvidence, label: str = "", columns: int | None = None) -> str:
    """Rules rung by rung: trades, gain over risk, and the difference to entering on any session, with intervals."""
    plan = evidence.plan
    table = plain_table("rules", "trades", "apart", "win", "R (95%)", "over any session", left=("rules",))
    for step in evidence.rungs:
        figures = f"{step.trades:,}", number(step.independent, 0), percent(step.win_rate), _interval(step.gain)
        table.add_row(step.name, *figures, _interval(step.over_any) if step.over_any else "-")
    head = f"plan {plan.name}: {plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}"
    span = f"{evidence.first.date()} to {evidence.last.date()}; R is gain after costs over risk"
    parts: list[RenderableType] = [head, span, "", table, "", bold(evidence.sentence)]
    return render_page(label, parts, evidence.notes, columns)


def _interval(interval: Interval) -> str:
    text = number(interval.estimate, 2)
    return text + (f" ({interval.low:+.2f} to {interval.high:+.2f})" if interval.is_known else "")


def rule_records(evidence: PlanEvidence) -> list[Record]:
    """One record a set of rules."""
    return [
        {
            "rules": step.name, "trades": step.trades, "independent_trades": step.independent,
            "win_rate": step.win_rate,
            **{
                f"{name}_{end}": interval and getattr(interval, end)
                for name, interval in (("gain", step.gain), ("over_any", step.over_any))
                for end in ("estimate", "low", "high")
            },
        }
        for step in evidence.rungs
    ]  # fmt: skip


def plan_evidence_record(evidence: PlanEvidence) -> Record:
    """Everything as a record for JSON."""
    head = {"plan": evidence.plan.name, "first": evidence.first.date(), "last": evidence.last.date()}
    return head | {"rules": rule_records(evidence), "sentence": evidence.sentence, "notes": list(evidence.notes)}
