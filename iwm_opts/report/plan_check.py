"""Take or skip, on one screen."""

import math
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.journal.plan_report import PlanStatus
from iwm_opts.report.console import plain_table, render_page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars

STYLES: Final = {"met": "green", "unmet": "red", "unknown": "yellow"}


def check_table(standing: PlanStatus, label: str = "", columns: int | None = None) -> str:
    """Decision with its reasons, every criterion's state, and the size it would have."""
    plan, decision, sizing = standing.plan, standing.decision, standing.sizing
    word = (decision_word(standing), "bold green" if standing.enters else "bold red")
    states = (tuple(row[name] for name in ("rule", "state", "detail")) for row in check_rows(standing))
    rows = ((rule, Text(state, style=STYLES[state]), detail) for rule, state, detail in states)
    table = plain_table("", "state", "value", left=("", "state", "value"), rows=rows)
    table.columns[2].no_wrap, table.columns[2].overflow = False, "fold"
    size = counted(sizing.size.contracts, sizing.unit)
    bounds = f", stop {dollars(sizing.stop, 2)}" if sizing.stop is not None else ""
    bounds += f", target {dollars(sizing.target, 2)}" if sizing.target is not None else ""
    if not math.isnan(sizing.credit_for_one):
        least = math.ceil(100.0 * sizing.credit_for_one) / 100.0
        size = f"by the credit, 1 contract from {least:.2f} (no chain was read)"
    elif not sizing.size.contracts:
        bounds += f": {sizing.size.reason}"
    size_label = "size" if decision.take else "size if it were taken"
    at = " at" if sizing.unit == "shares" else f"; {plan.symbol} at"  # options are not entered at that price
    parts: list[RenderableType] = [
        Text.assemble(word, f"  {plan.name} ({plan.edge}, {plan.horizon}, {plan.instrument}) on {decision.day}"),
        *(f"  - {reason}" for reason in decision.reasons),
        *("", table, ""),
        f"{size_label}: {size}{at} {dollars(sizing.entry, 2)}, ATR {sizing.atr.value:.2f}{bounds}",
        *([f"package: {standing.package}"] if standing.package else []),
    ]
    return render_page(label, parts, standing.notes, columns)


def decision_word(status: PlanStatus) -> str:
    """`TAKE`, `SKIP`, or that the rules say take and the size is 0."""
    if status.decision.take:
        return "TAKE" if status.enters else "NOTHING TO ENTER (the rules say take, the size is 0)"
    return "SKIP"


def check_rows(standing: PlanStatus) -> list[Record]:
    """One row a rule, for CSV."""
    decision = standing.decision
    rows = [("signal", decision.signal.state, decision.signal.detail)]
    if decision.macro is not None:
        rows.append((f"{standing.plan.macro.symbol} filter", decision.macro.state, decision.macro.detail))
    rows += [(answer.name, answer.state, f"{answer.rule}: {answer.detail}") for answer in decision.checklist.answers]
    head = {"day": standing.day.isoformat(), "decision": "take" if decision.take else "skip"}
    return [head | {"rule": name, "state": state, "detail": detail} for name, state, detail in rows]
