"""Trading plan as a document with today's numbers."""

from dataclasses import asdict
from typing import Final

from iwm_opts.backtest.rules import STOP_FILL
from iwm_opts.conventions import counted
from iwm_opts.journal.plan_report import PlanStatus
from iwm_opts.plans.plan import Plan
from iwm_opts.plans.plan_backtest import PlanResult
from iwm_opts.report.claims_table import interval_text
from iwm_opts.report.page import Block, Bullets, Grid, Page, Paragraph, Section, Verbatim
from iwm_opts.report.plan_backtest import ANSWERS
from iwm_opts.report.plan_check import decision_word
from iwm_opts.report.plan_order import PlanOrder, order_record, order_section
from iwm_opts.report.records import Record, picked
from iwm_opts.report.words import dollars, percent

STATES: Final = {"met": "met", "unmet": "not met", "unknown": "unknown"}
FILTER_STATES: Final = {"met": "clear", "unmet": "blocks entries", "unknown": "unknown, so no entry"}
CLAIMS: Final = ("claim", "estimate (95% interval)", "sample", "verdict")
NO_CLAIM: Final = "No claim of `iwm-opts claims` is on this edge: `iwm-opts backtest --plan` measures it, after costs."
NO_COSTS: Final = (
    "No costs are in these numbers. With them: `iwm-opts backtest --plan` over the stress periods, `iwm-opts evidence "
    "--plan` for what each rule is worth."
)
MONTHLY: Final = "win rate, average gain against average loss, fees and slippage against the model (`iwm-opts review`)"
QUARTERLY: Final = "is the edge within the backtest's range? Measure it again on fresh data (`iwm-opts claims`)"
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
    """Document, with the label of simulated data and the package on today's chain.

    `stress` holds the stress periods, or says why there are none; they are left out where it is empty.
    """
    plan, decision, answers, review = status.plan, status.decision, status.decision.checklist, status.plan.review
    word = f"{decision_word(status)}{' an entry' if status.enters or not decision.take else ''} on {decision.day}."
    claims = tuple(
        (claim.text, interval_text(claim), f"{claim.sample:,} {claim.sampled}" if claim.sample else "-", claim.verdict)
        for claim in status.evidence
    )
    criteria = tuple((answer.name, answer.rule, STATES[answer.state], answer.detail) for answer in answers.answers)
    counts = f"{answers.met} met, {answers.minimum} needed; unknown answers do not count."
    monthly, quarterly = (", ".join(day.isoformat() for day in days) for days in (status.monthly, status.quarterly))
    later = (f"Monthly, after the close: {monthly}: {MONTHLY}.", f"Quarterly: {quarterly}: {QUARTERLY}.")
    sectors, table = [], status.sectors
    if table is not None:
        weights = (percent(weight, 1) for weight in table["weight"])
        rows = tuple(zip(map(str, table["sector"]), weights, strict=True))
        day = Paragraph(f"Weights on {table['date'].iloc[0]:%Y-%m-%d}.")
        sectors = [Section("Sector weights", (day, Grid(("sector", "weight"), rows)))]
    sections = (
        Section("Decision", (Paragraph(word), Bullets(decision.reasons))),
        *([order_section(order, decision.take, plan.name)] if order else []),
        Section("Edge", _edge(plan)),
        Section(
            "Evidence on this data", (Grid(CLAIMS, claims), Paragraph(NO_COSTS)) if claims else (Paragraph(NO_CLAIM),)
        ),
        *([Section("Stress periods", _stress(stress))] if stress else []),
        Section("Decision tree", (Verbatim(_tree(status)),)),
        Section("Entry checklist", (Grid(("criterion", "rule", "now", "value"), criteria), Paragraph(counts))),
        Section("Macro", (Bullets(_macro(status)),)),
        Section("Size", _size(status)),
        Section("Exits", (Bullets(tuple(_exits(plan))),)),
        Section("Review", (Paragraph("Every day:"), Bullets(review.daily), Bullets(later))),
        *sectors,
        *([Section("Notes", (Bullets(status.notes),))] if status.notes else []),
    )
    title = f"Plan {plan.name}: {plan.edge}, {plan.horizon}, {plan.instrument} on {plan.symbol}, for {status.day}"
    return Page(title, (simulated,) if simulated else (), sections)


def plan_prompt(status: PlanStatus, document: str) -> str:
    """Document as a brief for a language model."""
    word = "take" if status.decision.take else "skip"
    return PROMPT.format(symbol=status.plan.symbol, decision=word) + "\n" + document


def _edge(plan: Plan) -> tuple[Block, ...]:
    rule, account = plan.rule, plan.account
    values = {
        name: percent(value, 1) if isinstance(value, float) and value < 1 else f"{value:g}"
        for name, value in ((each.name, getattr(rule, each.name)) for each in rule.thresholds())
    }
    size = (
        f"Account {dollars(account.value)}, {percent(account.risk, 2)} at risk on a position "
        f"({dollars(account.value * account.risk)}), at most {account.max_open} positions and "
        f"{percent(account.max_open_risk, 1)} at risk together."
    )
    return Paragraph(rule.rule.format(**values)), Paragraph(size)


def _stress(stress: PlanResult | str) -> tuple[Block, ...]:
    if isinstance(stress, str):
        return (Paragraph(stress),)
    named = {stage.period.name for stage in stress.stress}
    rows = []
    for stage in (*stress.stress, *stress.ranges):
        m, held = stage.metrics, ANSWERS[stage.holds][0] if stage.period.name in named else "-"
        figures = ("-",) * 3 if m is None else (f"{m.trades:,}", dollars(m.pnl), percent(m.max_drawdown.share, 1))
        rows.append((stage.period.name, *figures, held))
    return (
        Paragraph(f"Verdict: {stress.verdict}."),
        Grid(("period", "trades", "P&L after costs", "drawdown", "verdict"), tuple(rows)),
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
    when = f"at minute {plan.momentum.enter_minute}" if plan.momentum else "at the next open"
    entry = f"buy shares {when}, size below"
    if plan.instrument != "shares":
        entry = f"{when} {_package(plan)}" if plan.momentum else _package(plan)
    lines.append(f"{indent}+- yes to all -> {entry}")
    return "\n".join([*lines, *([f"{indent}   today {status.package}"] if status.package else [])])


def _package(plan: Plan) -> str:
    package = plan.package
    assert package is not None
    wide = str(package.wing).removeprefix("$")
    if plan.instrument == "condor":
        return f"sell the {package.delta:g}-delta condor, {wide} wide, nearest {package.dte} DTE"
    if plan.instrument == "options":
        return f"buy the {package.delta:g}-delta call nearest {package.dte} DTE"
    if package.kind == "by-rule" and not plan.rule.sells_premium:
        return (
            f"IV rank {package.credit_rank:g} or above: bull put, short delta {package.delta:g}; below or unknown: "
            f"call debit spread; {wide} wide, nearest {package.dte} DTE"
        )
    kind = "bull-put" if package.kind == "by-rule" else package.kind
    return f"{kind}, delta {package.delta:g}, {wide} wide, nearest {package.dte} DTE"


def _macro(status: PlanStatus) -> tuple[str, str]:
    plan, state = status.plan, status.decision.macro
    line = f"{FILTER_STATES[state.state]}; {state.detail}" if state else "not applied to condors"
    if state is None and not plan.macro.enabled:
        line = "switched off"
    lead = "unknown" if status.biotech_lead is None else f"{status.biotech_lead:+.1%}"
    return f"{plan.macro.symbol} filter: {line}.", f"XBI against IWM over 5 sessions: {lead} (a lead, no rule)."


def _size(status: PlanStatus) -> tuple[Block, ...]:
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
    is_credit = plan.instrument == "condor" or package.kind == "bull-put" or plan.rule.sells_premium
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


def check_record(status: PlanStatus) -> Record:
    """Decision as a record for JSON."""
    decision, sizing = status.decision, status.sizing
    return {
        "plan": status.plan.name,
        "day": decision.day.isoformat(),
        "decision": "take" if decision.take else "skip",
        "enters": status.enters,
        "reasons": list(decision.reasons),
        "signal": picked(decision.signal, "state", "detail"),
        "macro": None if decision.macro is None else picked(decision.macro, "state", "detail"),
        "checklist": {
            **picked(decision.checklist, "met", "minimum"),
            "criteria": [picked(answer, "name", "rule", "state", "detail") for answer in decision.checklist.answers],
        },
        "size": {
            sizing.unit: sizing.size.contracts,
            "atr": sizing.atr.value,
            "entry": sizing.entry,
            "entry_at_minute": sizing.at_minute,
            **picked(sizing, "stop", "target"),
            "risk_each": sizing.each,
            "limited_by": sizing.size.limited_by,
        },
        "package": status.package or None,
        "notes": list(status.notes),
    }


def status_record(status: PlanStatus, order: PlanOrder | None = None, stress: PlanResult | str = "") -> Record:
    """Everything in the document as a record for JSON."""
    periods = None
    if not isinstance(stress, str):
        held = {stage.period.name: ANSWERS[stage.holds][0] for stage in stress.stress}
        periods = {"verdict": stress.verdict, "periods": held}
    return check_record(status) | {
        "document": {
            "plan": status.plan.model_dump(mode="json", by_alias=True, exclude_none=True),
            "evidence": [asdict(claim) for claim in status.evidence],
            "exits": _exits(status.plan),
            "monthly_reviews": list(status.monthly),
            "quarterly_reviews": list(status.quarterly),
            "order": order_record(order, status.decision.take) if order else None,
            "stress": periods,
        }
    }
