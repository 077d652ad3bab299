"""Trading plan as a document with today's numbers."""

from typing import Any, Final

from iwm_opts.backtest.rules import STOP_FILL
from iwm_opts.conventions import counted
from iwm_opts.journal.plan_report import PlanStatus
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import PlanResult
from iwm_opts.report.claims_table import claim_record, interval_text
from iwm_opts.report.page import Bullets, Grid, Page, Paragraph, Section, Verbatim
from iwm_opts.report.plan_backtest import ANSWERS
from iwm_opts.report.plan_check import decision_word
from iwm_opts.report.plan_order import PlanOrder, order_record, order_section
from iwm_opts.report.words import dollars, percent
from iwm_opts.research.claims import Claim

STATES: Final = {"met": "met", "unmet": "not met", "unknown": "unknown"}
FILTER_STATES: Final = {"met": "clear", "unmet": "blocks entries", "unknown": "unknown, so no entry"}
PROMPT: Final = """\
You are asked to write today's trading plan for a trader who follows fixed rules on {symbol}. Everything you may use \
is below. Rules for your answer:
- Use the numbers below and no others; where something is unknown, write that it is unknown.
- The decision ({decision}) follows from the rules. Do not overrule it; explain it.
- Name the changes before the next session that would change the decision.
- Repeat the exits and the size exactly. Promise nothing: the evidence section states the uncertainty.
- End with the daily review questions as a checklist.
"""


def plan_page(
    status: PlanStatus, simulated: str = "", order: PlanOrder | None = None, stress: PlanResult | str = ""
) -> Page:
    """Document.

    Parameters
    ----------
    standing : PlanStatus
    simulated : str
        Label of simulated data; empty for real data.
    order : PlanOrder, optional
        Package on today's chain.
    stress : PlanResult or str
        Stress periods, or why there are none; left out where empty.
    """
    plan = status.plan
    sections = (
        Section("Decision", _decision(status)),
        *([order_section(order, status.decision.take, plan.name)] if order else []),
        Section("Edge", _edge(plan)),
        Section("Evidence on this data", _evidence(status.evidence)),
        *([Section("Stress periods", _stress(stress))] if stress else []),
        Section("Decision tree", (Verbatim(_tree(status)),)),
        Section("Entry checklist", _checklist(status)),
        Section("Macro", _macro(status)),
        Section("Size", _size(status)),
        Section("Exits", (Bullets(tuple(_exits(plan))),)),
        Section("Review", _review(status)),
        *([Section("Sector weights", _sectors(status))] if status.sectors is not None else []),
        *([Section("Notes", (Bullets(status.notes),))] if status.notes else []),
    )
    title = f"Plan {plan.name}: {plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}, for {status.day}"
    return Page(title, (simulated,) if simulated else (), sections)


def plan_prompt(status: PlanStatus, document: str) -> str:
    """Document as a brief for a language model."""
    word = "take" if status.decision.take else "skip"
    return PROMPT.format(symbol=status.plan.symbol, decision=word) + "\n" + document


def _decision(status: PlanStatus) -> tuple[Any, ...]:
    decision = status.decision
    word = f"{decision_word(status)}{' an entry' if status.enters or not decision.take else ''}"
    return (Paragraph(f"{word} on {decision.day}."), Bullets(decision.reasons))


def _edge(plan: Plan) -> tuple[Any, ...]:
    rule = plan.rule
    words = {
        "mean-reversion": "Buy the session after {declines} straight declines that add up to more than {total}.",
        "momentum": "After a gap up of more than {gap} buy at minute {enter_minute} when the volume so far exceeds its "
        "mean of {volume_sessions} sessions; sell at minute {exit_minute}.",
        "vol-contraction": "Sell premium the session after the IV rank ({lookback} sessions) closed below {below}.",
    }
    values = {
        name: percent(value, 1) if isinstance(value, float) and value < 1 else f"{value:g}"
        for name, value in ((slot, getattr(rule, slot)) for slot in rule.__dataclass_fields__)
    }
    account = plan.account
    return (
        Paragraph(words[plan.edge].format(**values)),
        Paragraph(
            f"Account {dollars(account.value)}, {percent(account.risk, 2)} at risk on a position "
            f"({dollars(account.value * account.risk)}), at most {account.max_open} positions and "
            f"{percent(account.max_open_risk, 1)} at risk together."
        ),
    )


def _evidence(claims: tuple[Claim, ...]) -> tuple[Any, ...]:
    rows = tuple(
        (claim.text, interval_text(claim), f"{claim.sample:,} {claim.sampled}" if claim.sample else "-", claim.verdict)
        for claim in claims
    )
    return (
        Grid(("claim", "estimate (95% interval)", "sample", "verdict"), rows),
        Paragraph(
            "No costs are in these numbers. With them: `iwm-opts backtest --plan` over the stress periods, `iwm-opts "
            "evidence --plan` for what each rule is worth."
        ),
    )


def _stress(stress: PlanResult | str) -> tuple[Any, ...]:
    if isinstance(stress, str):
        return (Paragraph(stress),)
    named = {stage.period.name for stage in stress.stress}
    rows = tuple(
        (
            stage.period.name, "-" if stage.metrics is None else f"{stage.metrics.trades:,}",
            "-" if stage.metrics is None else dollars(stage.metrics.pnl),
            "-" if stage.metrics is None else percent(stage.metrics.max_drawdown.share, 1),
            ANSWERS[stage.holds][0] if stage.period.name in named else "-",
        )
        for stage in (*stress.stress, *stress.ranges)
    )  # fmt: skip
    return (
        Paragraph(f"Verdict: {stress.verdict}."),
        Grid(("period", "trades", "P&L after costs", "drawdown", "verdict"), rows),
        Paragraph(f"{stress.market}; {'; '.join(stress.notes)}."),
    )


def _tree(status: PlanStatus) -> str:
    plan, decision = status.plan, status.decision
    questions = [(f"Did the edge signal? ({decision.signal.detail})", STATES[decision.signal.state])]
    if decision.macro is not None:
        questions.append((f"Is the macro filter clear? ({decision.macro.detail})", STATES[decision.macro.state]))
    answers = decision.checklist
    enough = "met" if answers.passes else "not met"
    questions.append((f"Are {answers.minimum} of {len(answers.answers)} criteria met? ({answers.met} are)", enough))
    lines = [f"{plan.edge} -> {plan.horizon} -> {plan.instrument}"]
    for depth, (question, state) in enumerate(questions):
        indent = "   " * depth
        lines += [f"{indent}+- {question}: {state.upper()}", f"{indent}   no or unknown -> skip"]
    indent = "   " * len(questions)
    lines.append(f"{indent}+- yes to all -> {_entry(plan)}")
    return "\n".join([*lines, *([f"{indent}   today {status.package}"] if status.package else [])])


def _entry(plan: Plan) -> str:
    when = f"at minute {plan.momentum.enter_minute}" if plan.momentum else "at the next open"
    if plan.instrument == "shares":
        return f"buy shares {when}, size below"
    return f"{when} {_package(plan)}" if plan.momentum else _package(plan)


def _package(plan: Plan) -> str:
    package = plan.package
    assert package is not None
    wide = str(package.wing).removeprefix("$")
    if plan.instrument == "condor":
        return f"sell the {package.delta:g}-delta condor, {wide} wide, nearest {package.dte} DTE"
    if plan.instrument == "options":
        return f"buy the {package.delta:g}-delta call nearest {package.dte} DTE"
    if package.kind == "by-rule" and plan.edge != "vol-contraction":
        return (
            f"IV rank {package.credit_rank:g} or above: bull put, short delta {package.delta:g}; below or unknown: "
            f"call debit spread; {wide} wide, nearest {package.dte} DTE"
        )
    kind = "bull-put" if package.kind == "by-rule" else package.kind
    return f"{kind}, delta {package.delta:g}, {wide} wide, nearest {package.dte} DTE"


def _checklist(status: PlanStatus) -> tuple[Any, ...]:
    answers = status.decision.checklist
    rows = tuple((answer.name, answer.rule, STATES[answer.state], answer.detail) for answer in answers.answers)
    counted = f"{answers.met} met, {answers.minimum} needed; unknown answers do not count."
    return Grid(("criterion", "rule", "now", "value"), rows), Paragraph(counted)


def _macro(status: PlanStatus) -> tuple[Any, ...]:
    plan, state = status.plan, status.decision.macro
    if state is None:
        why = "switched off" if not plan.macro.enabled else "not applied to condors"
        lines = [f"{plan.macro.symbol} filter: {why}."]
    else:
        lines = [f"{plan.macro.symbol} filter: {FILTER_STATES[state.state]}; {state.detail}."]
    lead = status.biotech_lead
    lines.append(f"XBI against IWM over 5 sessions: {'unknown' if lead is None else f'{lead:+.1%}'} (a lead, no rule).")
    return (Bullets(tuple(lines)),)


def _size(status: PlanStatus) -> tuple[Any, ...]:
    sizing = status.sizing
    average = (
        f"ATR({sizing.atr.period}) {sizing.atr.value:.2f} on {sizing.atr.value_date}, "
        f"{percent(sizing.atr.share_of_price, 1)} of the close"
    )
    if sizing.at_minute and status.plan.momentum:
        average += f". The entry is sized at {sizing.entry:.2f}, the price at minute "
        average += f"{status.plan.momentum.enter_minute} of {status.day}."
    else:
        average += f" {sizing.entry:.2f}, the proxy for the entry."
    would = "" if status.decision.take else "would be "
    size = sizing.size
    outcome = f"{would}{counted(size.contracts, sizing.unit)}, limited by {size.limited_by}: {size.reason}."
    return Paragraph(average), Verbatim(f"{sizing.formula}\n{sizing.worked}"), Paragraph(outcome)


def _exits(plan: Plan) -> list[str]:
    if plan.package is not None:
        return _package_exits(plan)
    exits = plan.share_exits
    lines = [
        (
            f"Stop: the lower of the prior session's low less {exits.low_buffer:g} ATR and the entry less "
            f"{exits.stop_atr:g} ATR; an open beyond it fills there."
        )
    ]
    lines.append(f"Target: {exits.target_atr:g} ATR beyond the entry." if exits.target_atr else "No target.")
    if plan.momentum:
        return [*lines, f"Time: everything is sold at minute {plan.momentum.exit_minute}."]
    if exits.time_stop_sessions:
        lines.append(
            f"Time stop: after {exits.time_stop_sessions} sessions less than {exits.time_stop_progress:g} ATR ahead, "
            "sold at the next open."
        )
    if exits.max_sessions:
        lines.append(f"At most {exits.max_sessions} sessions.")
    return lines


def _package_exits(plan: Plan) -> list[str]:
    package = plan.package
    assert package is not None
    is_credit = plan.instrument == "condor" or package.kind == "bull-put" or plan.edge == "vol-contraction"
    is_debit = plan.instrument == "options" or package.kind == "bull-call"
    either = "the credit (or the debit, where one was paid)"
    base = "the credit" if is_credit else "the debit" if is_debit else either
    lines = [f"Profit: closed at {percent(package.profit)} of {base}."] if package.profit else []
    levels = package.exit_levels
    sold, bought = levels.stop_level(is_credit=True), levels.stop_level(is_credit=False)
    if sold is not None and bought is not None and sold != bought:
        of_credit, of_debit = f"{sold:g} times the credit", f"{bought:g} times the debit"
        lost = of_credit if is_credit else of_debit if is_debit else f"{of_credit} (or {of_debit}, where one was paid)"
        lines.append(f"Stop: closed when it has lost {lost}, filled at {STOP_FILL}.")
    elif package.stop:
        never = "; a debit cannot lose more than was paid" if not is_credit and package.stop >= 1.0 else ""
        lines.append(f"Stop: closed when it has lost {package.stop:g} times {base}, filled at {STOP_FILL}{never}.")
    lines += [f"Closed at {package.exit_dte} calendar days to expiration."] if package.exit_dte else []
    lines += [f"At most {package.max_sessions} sessions."] if package.max_sessions else []
    if plan.momentum:
        return [*lines, f"Time: closed at minute {plan.momentum.exit_minute}; nothing is held overnight."]
    return lines or ["Held to expiration."]


def _review(status: PlanStatus) -> tuple[Any, ...]:
    monthly, quarterly = (", ".join(day.isoformat() for day in days) for days in (status.monthly, status.quarterly))
    what = "win rate, average gain against average loss, fees and slippage against the model (`iwm-opts review`)"
    again = "is the edge within the backtest's range? Measure it again on fresh data (`iwm-opts claims`)"
    return (
        Paragraph("Every day:"),
        Bullets(status.plan.review.daily),
        Bullets((f"Monthly, after the close: {monthly}: {what}.", f"Quarterly: {quarterly}: {again}.")),
    )


def _sectors(status: PlanStatus) -> tuple[Any, ...]:
    table = status.sectors
    assert table is not None
    weights = table["weight"].to_numpy(dtype=float)
    rows = tuple((str(name), percent(weight, 1)) for name, weight in zip(table["sector"], weights, strict=True))
    return Paragraph(f"Weights on {table['date'].iloc[0]:%Y-%m-%d}."), Grid(("sector", "weight"), rows)


def check_record(status: PlanStatus) -> dict[str, Any]:
    """Decision as a record for JSON."""
    decision, sizing = status.decision, status.sizing
    return {
        "plan": status.plan.name,
        "day": decision.day.isoformat(),
        "decision": "take" if decision.take else "skip",
        "enters": status.enters,
        "reasons": list(decision.reasons),
        "signal": {"state": decision.signal.state, "detail": decision.signal.detail},
        "macro": None if decision.macro is None else {"state": decision.macro.state, "detail": decision.macro.detail},
        "checklist": {
            "met": decision.checklist.met,
            "minimum": decision.checklist.minimum,
            "criteria": [
                {"name": answer.name, "rule": answer.rule, "state": answer.state, "detail": answer.detail}
                for answer in decision.checklist.answers
            ],
        },
        "size": {
            sizing.unit: sizing.size.contracts,
            "atr": sizing.atr.value,
            "entry": sizing.entry,
            "entry_at_minute": sizing.at_minute,
            "stop": sizing.stop,
            "target": sizing.target,
            "risk_each": sizing.each,
            "limited_by": sizing.size.limited_by,
        },
        "package": status.package or None,
        "notes": list(status.notes),
    }


def status_record(status: PlanStatus, order: PlanOrder | None = None, stress: PlanResult | str = "") -> dict[str, Any]:
    """Everything in the document as a record for JSON."""
    return check_record(status) | {
        "document": {
            "plan": status.plan.model_dump(mode="json", by_alias=True, exclude_none=True),
            "evidence": [claim_record(claim) for claim in status.evidence],
            "exits": _exits(status.plan),
            "monthly_reviews": [day.isoformat() for day in status.monthly],
            "quarterly_reviews": [day.isoformat() for day in status.quarterly],
            "order": order_record(order, status.decision.take) if order else None,
            "stress": _stress_record(stress),
        }
    }


def _stress_record(stress: PlanResult | str) -> dict[str, Any] | None:
    if isinstance(stress, str):
        return None
    periods = {stage.period.name: ANSWERS[stage.holds][0] for stage in stress.stress}
    return {"verdict": stress.verdict, "periods": periods}
