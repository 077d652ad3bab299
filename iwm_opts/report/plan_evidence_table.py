"""What each rule of a plan is worth, for people to read."""

from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.plans.plan_evidence import PlanEvidence
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.words import number, percent


def plan_evidence_table(found: PlanEvidence, label: str = "", columns: int | None = None) -> str:
    """Rules rung by rung: trades, gain over risk, and the difference to entering on any session, with intervals."""
    plan = found.plan
    named: list[RenderableType] = [Text(label, style="bold white on red")] if label else []
    table = plain_table("rules", "trades", "apart", "win", "R (95%)", "over any session", left=("rules",))
    for one in found.rungs:
        figures = f"{one.trades:,}", number(one.independent, 0), percent(one.win_rate), _interval(one.gain)
        table.add_row(one.name, *figures, _interval(one.over_any) if one.over_any else "-")
    head = f"plan {plan.name}: {plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}"
    span = f"{found.first.date()} to {found.last.date()}; R is gain after costs over what was risked"
    parts: list[RenderableType] = [*named, Text(head), Text(span), Text(""), table, Text("")]
    parts.append(Text(found.sentence, style="bold"))
    parts += [Text(f"note: {note}", style="yellow") for note in found.notes]
    return render([*parts, *named], columns)


def _interval(one: Interval) -> str:
    text = number(one.estimate, 2)
    return text + (f" ({one.low:+.2f} to {one.high:+.2f})" if one.is_known else "")


def plan_evidence_record(found: PlanEvidence) -> dict[str, Any]:
    """Everything as a record for JSON."""
    rules = []
    for one in found.rungs:
        row: dict[str, Any] = {
            "rules": one.name, "trades": one.trades, "independent_trades": one.independent, "win_rate": one.win_rate,
        }  # fmt: skip
        row |= {f"gain_{key}": value for key, value in _bounds(one.gain).items()}
        row |= {f"over_any_{key}": value for key, value in _bounds(one.over_any).items()}
        rules.append(row)
    head = {"plan": found.plan.name, "first": str(found.first.date()), "last": str(found.last.date())}
    return head | {"rules": rules, "sentence": found.sentence, "notes": list(found.notes)}


def _bounds(one: Interval | None) -> dict[str, Any]:
    known = asdict(one) if one else {}
    return {name: known.get(name) for name in ("estimate", "low", "high")}
