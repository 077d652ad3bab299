"""A review as text: months, faults, edge and losing trades."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.journal.diagnosis import Diagnosis, RuleEffect
from iwm_opts.journal.equity import Depth
from iwm_opts.journal.fill_calibration import calibrate_fills, fills_name, interval_of
from iwm_opts.journal.findings import Finding
from iwm_opts.journal.inference import LEVEL, TOLERATED
from iwm_opts.journal.review import Review, Span
from iwm_opts.journal.trade_log import TradeLog
from iwm_opts.report.console import WIDE, bold, plain_table, render, width
from iwm_opts.report.words import dollars, number, percent

OFFSET_WORDS = {
    "all": "",
    "legs": ", {} legs",
    "half_spread": ", H {}",
    "dte": ", {} days to expiration",
    "time": ", {}",
}

STYLES = {"intact": "green", "degrading": "yellow", "broken": "bold red"}
BULLET = 2  # columns that what follows a heading is indented by


def review_table(review: Review, verbose: bool = False, columns: int | None = None) -> str:
    """Review as text; where verbose every test with its smallest detectable effect, those without a finding too."""
    room, log, diagnosis, edge = columns or width(), review.log, review.diagnosis, review.diagnosis.edge
    trades = diagnosis.trades
    label = f"{log.label}  " if log.label else ""
    span = f"{trades['entry'].min():%Y-%m-%d} to {trades['exit'].max():%Y-%m-%d}"
    state = f"{counted(len(trades), 'closed trades')}, {len(log.open)} open, {span}"
    plan = f"plan {review.plan}" if review.plan else "no plan given: sizes, exits and checklist as the log has them"
    against = f"compared with {review.baseline}" if review.baseline else "compared with itself: no backtest given"
    word = edge.word if edge.word.startswith("too") else f"edge {edge.word}"
    few = f"{counted(edge.n, 'trades')}, as good as {edge.independent:.0f} that share no day"
    parts: list[RenderableType] = [
        bold(f"{label}{log.source}: {state}"),
        *(f"{plan}; {against}; account {dollars(review.account)}", ""),
        _months(review, room),
        *(*_depths(review), ""),
        Text.assemble((word.upper(), STYLES.get(edge.word, "bold")), f"  ({few})"),
        *(_below(edge.sentence), ""),
        *_faults(diagnosis, verbose),
        *_rules(diagnosis, room),
        *_losers(diagnosis),
        *_remarks(review, room),
    ]
    return render(parts, columns)


def log_table(log: TradeLog, columns: int | None = None) -> str:
    """Log without a closed trade as text: its open trades, and what could not be used."""
    label = f"{log.label}  " if log.label else ""
    parts: list[RenderableType] = [bold(f"{label}{log.source}: no closed trade, {len(log.open)} open"), ""]
    if len(log.open):
        rows = (
            (
                trade["symbol"], trade["legs"] or trade["strategy"], f"{trade['entry']:%Y-%m-%d}",
                f"{trade['contracts']:.0f}", f"{trade['credit']:.2f}", f"{trade['fees']:.2f}", trade["reason"],
            )
            for trade in log.open.to_dict("records")
        )  # fmt: skip
        heads = ("symbol", "legs", "entry", "n", "credit", "fees", "")
        parts += [plain_table(*heads, left=("symbol", "legs", "entry", ""), rows=rows), ""]
    return render([*parts, *_notes(log)], columns)


def _notes(log: TradeLog, notes: Iterable[str] = ()) -> list[RenderableType]:
    """Return warnings, notes and exclusions of a log; `notes` go before its own."""
    return [
        *(Text(f"warning: {text}", style="yellow") for text in log.warnings),
        *(f"note: {text}" for text in (*notes, *log.notes)),
        *(Text(f"left out: {text}", style="yellow") for text in log.problems),
    ]


def _below(text: RenderableType) -> Padding:
    """Text below its heading."""
    return Padding(text, (0, 0, 0, BULLET))


def _months(review: Review, room: int) -> Table:
    is_wide = room >= WIDE
    names = ["month", "n", "win", "avg gain", "avg loss", "run", "E[P]", "P&L", "drawdown", "fees", "slip"]
    names += ["to mid", "fees+", "late"] if is_wide else []
    names += ["booked"] if is_wide and review.marked else []
    table = plain_table(*names, left=("month",))
    for span in review.months:
        table.add_row(*_row(span, is_wide, review.marked is not None))
    table.add_section()
    table.add_row(*_row(review.whole, is_wide, review.marked is not None), style="bold")
    return table


def _depths(review: Review) -> list[str]:
    """P&L of open trades, and how deep the account fell, by marks where there are any and by booked results."""

    def depth(what: str, depth: Depth) -> str:
        fall = f"{percent(depth.drawdown.share, 1)} ({dollars(depth.drawdown.dollars)})"
        return f"drawdown {what}: {fall}; worst day {depth.worst_date}: {dollars(depth.worst_day)}"

    lines, (gain, marked), count = [], review.open_marks, len(review.log.open)
    if marked:
        some = f"{marked} of {count} marked" if marked < count else "all marked"
        total = dollars(review.whole.metrics.pnl + gain)
        lines.append(f"open trades: {dollars(gain)} at their last marks ({some}); with the closed ones {total}")
    booked = depth("of booked results", review.whole.booked)
    if review.marked is None or review.whole.marked is None:
        return [*lines, f"{booked}: booked results only, the log carries no marks of open trades"]
    days = f"{review.marked.marked} of {review.marked.held} closes of a trade marked, others at the last mark"
    return [*lines, f"{depth('of marked equity', review.whole.marked)} ({days})", booked]


def _row(span: Span, is_wide: bool, has_marks: bool) -> list[str]:
    figures, costs = span.metrics, span.costs
    row = [
        span.name, str(figures.trades), percent(figures.win_rate), dollars(figures.average_gain),
        dollars(figures.average_loss), str(figures.losing_run), dollars(figures.expectancy), dollars(figures.pnl),
        percent((span.marked or span.booked).drawdown.share, 1), dollars(costs.fees), dollars(costs.fill_cost),
    ]  # fmt: skip
    if is_wide:
        row += [dollars(costs.slippage), dollars(costs.fee_cost), dollars(costs.late_cost)]
        row += [percent(span.booked.drawdown.share, 1)] if has_marks else []
    return row


def _faults(diagnosis: Diagnosis, verbose: bool) -> list[RenderableType]:
    findings = [finding for finding in diagnosis.findings if finding.topic != "market"]
    faults = [finding for finding in findings if finding.is_fault]
    rest = [finding for finding in findings if not finding.is_fault]
    parts: list[RenderableType] = [bold("No fault of execution or of rules is shown")]
    if faults:
        parts = [bold(f"Faults ({len(faults)})"), *(_below(Text(_line(fault), style="red")) for fault in faults)]
    if verbose:
        return [*parts, bold("Tests without a fault"), *(_below(_line(finding)) for finding in rest), ""]
    slips = [finding for finding in rest if finding.breaches and finding.unit == "share of trades"]
    parts += [_below(_line(finding)) for finding in slips]
    untested = ", ".join(finding.name for finding in rest if finding.n == 0)
    return [*parts, *([_below(f"not judged, absent from the log: {untested}")] if untested else []), ""]


def _line(finding: Finding) -> str:
    if finding.p_adjusted != finding.p_adjusted:  # NaN: not tested
        return finding.sentence
    seen = {
        "share of trades": f"a habit in {finding.smallest_seen:.0%} of trades",
        "dollars a package": f"{dollars(finding.smallest_seen, 2)} a package",
        "dollars a share": f"{dollars(finding.smallest_seen, 2)} a share",
        "share of the risk": f"{100 * finding.smallest_seen:.0f}% of the risk",
    }[finding.unit]
    if finding.is_fault:
        luck = "p below 0.0001" if finding.p_adjusted < 1e-4 else f"p {finding.p_adjusted:.2g}"
        return f"{finding.name}: {finding.sentence}; {luck} among all tests"
    return f"{finding.name}: {finding.sentence}; would be seen four times in five from {seen} on"


def _rules(diagnosis: Diagnosis, room: int) -> list[RenderableType]:
    kinds = {kind: [effect for effect in diagnosis.effects if effect.kind == kind] for kind in ("criterion", "exit")}
    parts: list[RenderableType] = []
    if kinds["criterion"]:
        parts.append(bold("Checklist: result a trade in % of the risk, criterion met or not"))
        heads = ("criterion", "n met", "result", "n not", "result", "difference")
        parts.append(_effects(kinds["criterion"], heads, room))
    if kinds["exit"]:
        parts.append(bold("Exits: result a trade in % of the risk, left that way or any other"))
        parts.append(_effects(kinds["exit"], ("exit", "n", "result", "n other", "result", "difference"), room))
        parts.append(_below("exits are outcomes: a profit taken does not prove the target right"))
    return [*parts, ""] if parts else []


def _effects(effects: Iterable[RuleEffect], names: tuple[str, ...], room: int) -> Table:
    def points(value: float) -> str:
        return number(100.0 * value, 1)

    table = plain_table(*names, f"{LEVEL:.0%} interval", "losers", left=(names[0],))
    for effect in effects:
        name, gap = effect.name[: 23 if room < WIDE else 48], effect.difference
        table.add_row(
            name, str(effect.with_it.n), points(effect.with_it.value), str(effect.without_it.n),
            points(effect.without_it.value), points(gap.value),
            "-" if gap.low != gap.low else f"{points(gap.low)} to {points(gap.high)}", str(effect.losers),
        )  # fmt: skip
    return table


def _losers(diagnosis: Diagnosis) -> list[RenderableType]:
    losers = diagnosis.losers
    if not losers.n:
        return []
    shares = [
        f"{name} {losers.broke[name]} of {losers.n} losers, {losers.winners_broke[name]} of {losers.winners} winners"
        for name in losers.broke
        if losers.broke[name] or losers.winners_broke[name]
    ]
    none = "none of those that could be judged" if losers.judged else "no rule that could be judged"
    text = "; ".join(shares) or none
    kept = f"; {losers.obeyed} of {losers.judged} losers that could be judged kept size, exit and checklist minimum"
    return [bold("Rules broken by"), _below(text + (kept if losers.judged else "")), ""]


def _remarks(review: Review, room: int) -> list[RenderableType]:
    diagnosis, log = review.diagnosis, review.log
    lines = [
        (
            "result: P&L with the model's fills and on the day the rules said, over the risk at entry; "
            f"intervals hold {LEVEL:.0%}; trades that share days count less"
        ),
        (
            f"false accusations: at most one diagnosis in {1 / diagnosis.family_error:.0f} names a fault that is "
            f"none; slips up to {TOLERATED:.0%} of trades do not count as a habit"
        ),
        (
            "months: by the day of the exit; slip: own fills against the model's; drawdown: "
            + ("of marked equity" if review.marked else "of booked results only")
            + ("; to mid: own fills against mid; fees+: over the schedule" if room >= WIDE else "")
        ),
    ]
    lines += [
        f"{fills_name(review.log)}{OFFSET_WORDS[row.by].format(row.group)}: {row.offset.value:z.2f} of H from mid"
        f"{interval_of(row.offset)}, {counted(row.offset.n, 'fills')} with quotes"
        for row in calibrate_fills(review.log)
    ]
    label = [f"{log.label}: nothing here was traded"] if log.label else []
    return [*lines, *_notes(log, diagnosis.notes), *label]
