"""What each rule of a plan is worth, for people to read."""

from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.plans.plan_evidence import PlanEvidence
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.words import number, percent


def plan_evidence_table(evidence: PlanEvidence, label: str = "", columns: int | None = None) -> str:
    """Rules rung by rung: trades, gain over risk, and the difference to entering on any session, with intervals."""
    plan = evidence.plan
    named: list[RenderableType] = [Text(label, style="bold white on red")] if label else []
    table = plain_table("rules", "trades", "apart", "win", "R (95%)", "over any session", left=("rules",))
    for step in evidence.rungs:
        figures = f"{step.trades:,}", number(step.independent, 0), percent(step.win_rate), _interval(step.gain)
        table.add_row(step.name, *figures, _interval(step.over_any) if step.over_any else "-")
    head = f"plan {plan.name}: {plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}"
    span = f"{evidence.first.date()} to {evidence.last.date()}; R is gain after costs over risk"
    parts: list[RenderableType] = [*named, Text(head), Text(span), Text(""), table, Text("")]
    parts.append(Text(evidence.sentence, style="bold"))
    parts += [Text(f"note: {note}", style="yellow") for note in evidence.notes]
    return render([*parts, *named], columns)


def _interval(interval: Interval) -> str:
    text = number(interval.estimate, 2)
    return text + (f" ({interval.low:+.2f} to {interval.high:+.2f})" if interval.is_known else "")


def plan_evidence_record(evidence: PlanEvidence) -> dict[str, Any]:
    """Everything as a record for JSON."""
    rules = []
    for step in evidence.rungs:
        row: dict[str, Any] = {
            "rules": step.name, "trades": step.trades, "independent_trades": step.independent,
            "win_rate": step.win_rate,
        }  # fmt: skip
        row |= {f"gain_{key}": value for key, value in _bounds(step.gain).items()}
        row |= {f"over_any_{key}": value for key, value in _bounds(step.over_any).items()}
        rules.append(row)
    head = {"plan": evidence.plan.name, "first": str(evidence.first.date()), "last": str(evidence.last.date())}
    return head | {"rules": rules, "sentence": evidence.sentence, "notes": list(evidence.notes)}


def _bounds(interval: Interval | None) -> dict[str, Any]:
    bounds = asdict(interval) if interval else {}
    return {name: bounds.get(name) for name in ("estimate", "low", "high")}
