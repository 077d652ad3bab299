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
from iwm_opts.journal.inference import LEVEL, TOLERATED, Estimate
from iwm_opts.journal.review import Review, Span
from iwm_opts.journal.trade_log import TradeLog
from iwm_opts.report.console import WIDE, plain_table, render, width
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
    """Review as text.

    Parameters
    ----------
    found : Review
    verbose : bool
        Every test with its smallest detectable effect, those without a finding too.
    columns : int, optional
        Of the page; the terminal's unless given.
    """
    room = columns or width()
    parts: list[RenderableType] = [*_head(review), Text(""), _months(review, room), *_depths(review), Text("")]
    parts += _verdict(review)
    parts += _faults(review.diagnosis, verbose)
    parts += _rules(review.diagnosis, room)
    parts += _losers(review.diagnosis)
    parts += _remarks(review, room)
    return render(parts, columns)


def log_table(log: TradeLog, columns: int | None = None) -> str:
    """Log without a closed trade as text: its open trades, and what could not be used.

    Parameters
    ----------
    log : TradeLog
    columns : int, optional
        Of the page; the terminal's unless given.
    """
    label = f"{log.label}  " if log.label else ""
    parts: list[RenderableType] = [
        Text(f"{label}{log.source}: no closed trade, {len(log.open)} open", style="bold"),
        Text(""),
    ]
    if len(log.open):
        table = plain_table("symbol", "legs", "entry", "n", "credit", "fees", "", left=("symbol", "legs", "entry", ""))
        for trade in log.open.to_dict("records"):
            table.add_row(
                trade["symbol"],
                trade["legs"] or trade["strategy"],
                f"{trade['entry']:%Y-%m-%d}",
                f"{trade['contracts']:.0f}",
                f"{trade['credit']:.2f}",
                f"{trade['fees']:.2f}",
                trade["reason"],
            )
        parts += [table, Text("")]
    return render([*parts, *_notes(log)], columns)


def _notes(log: TradeLog, notes: Iterable[str] = ()) -> list[Text]:
    """Return warnings, notes and exclusions of a log; `notes` go before its own."""
    return [
        *(Text(f"warning: {text}", style="yellow") for text in log.warnings),
        *(Text(f"note: {text}") for text in (*notes, *log.notes)),
        *(Text(f"left out: {text}", style="yellow") for text in log.problems),
    ]


def _head(review: Review) -> list[RenderableType]:
    log, trades = review.log, review.diagnosis.trades
    label = f"{log.label}  " if log.label else ""
    span = f"{trades['entry'].min():%Y-%m-%d} to {trades['exit'].max():%Y-%m-%d}"
    state = f"{counted(len(trades), 'closed trades')}, {len(log.open)} open, {span}"
    plan = f"plan {review.plan}" if review.plan else "no plan given: sizes, exits and checklist as the log has them"
    against = f"compared with {review.baseline}" if review.baseline else "compared with itself: no backtest given"
    return [
        Text(f"{label}{log.source}: {state}", style="bold"),
        Text(f"{plan}; {against}; account {dollars(review.account)}"),
    ]


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


def _depths(review: Review) -> list[RenderableType]:
    """P&L of open trades, and how deep the account fell, by marks where there are any and by booked results."""
    return [*_open(review), *_falls(review)]


def _open(review: Review) -> list[Text]:
    gain, marked = review.open_marks
    if not marked:
        return []
    count = len(review.log.open)
    some = f"{marked} of {count} marked" if marked < count else "all marked"
    total = dollars(review.whole.metrics.pnl + gain)
    return [Text(f"open trades: {dollars(gain)} at their last marks ({some}); with the closed ones {total}")]


def _falls(review: Review) -> list[Text]:
    booked = _depth("of booked results", review.whole.booked)
    if review.marked is None or review.whole.marked is None:
        return [Text(f"{booked}: booked results only, the log carries no marks of open trades")]
    days = f"{review.marked.marked} of {review.marked.held} closes of a trade marked, others at the last mark"
    return [Text(f"{_depth('of marked equity', review.whole.marked)} ({days})"), Text(booked)]


def _depth(what: str, depth: Depth) -> str:
    fall = f"{percent(depth.drawdown.share, 1)} ({dollars(depth.drawdown.dollars)})"
    return f"drawdown {what}: {fall}; worst day {depth.worst_date}: {dollars(depth.worst_day)}"


def _row(span: Span, is_wide: bool, has_marks: bool) -> list[str]:
    figures, costs = span.metrics, span.costs
    row = [
        span.name,
        str(figures.trades),
        percent(figures.win_rate),
        dollars(figures.average_gain),
        dollars(figures.average_loss),
        str(figures.losing_run),
        dollars(figures.expectancy),
        dollars(figures.pnl),
        percent((span.marked or span.booked).drawdown.share, 1),
        dollars(costs.fees),
        dollars(costs.fill_cost),
    ]
    if is_wide:
        row += [dollars(costs.slippage), dollars(costs.fee_cost), dollars(costs.late_cost)]
        row += [percent(span.booked.drawdown.share, 1)] if has_marks else []
    return row


def _verdict(review: Review) -> list[RenderableType]:
    edge = review.diagnosis.edge
    word = edge.word if edge.word.startswith("too") else f"edge {edge.word}"
    few = f"{counted(edge.n, 'trades')}, as good as {edge.independent:.0f} that share no day"
    return [
        Text.assemble((word.upper(), STYLES.get(edge.word, "bold")), f"  ({few})"),
        _indented(Text(edge.sentence)),
        Text(""),
    ]


def _faults(diagnosis: Diagnosis, verbose: bool) -> list[RenderableType]:
    findings = [finding for finding in diagnosis.findings if finding.topic != "market"]
    faults = [finding for finding in findings if finding.is_fault]
    rest = [finding for finding in findings if not finding.is_fault]
    parts: list[RenderableType] = []
    if faults:
        parts.append(Text(f"Faults ({len(faults)})", style="bold"))
        parts += [_indented(Text(_line(finding), style="red")) for finding in faults]
    else:
        parts.append(Text("No fault of execution or of rules is shown", style="bold"))
    if verbose:
        parts.append(Text("Tests without a fault", style="bold"))
        parts += [_indented(Text(_line(finding))) for finding in rest]
    else:
        slips = [finding for finding in rest if finding.breaches and finding.unit == "share of trades"]
        parts += [_indented(Text(_line(finding))) for finding in slips]
        untested = [finding.name for finding in rest if finding.n == 0]
        if untested:
            parts.append(_indented(Text(f"not judged, absent from the log: {', '.join(untested)}")))
    return [*parts, Text("")]


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
        return f"{finding.name}: {finding.sentence}; {_luck(finding.p_adjusted)} among all tests"
    return f"{finding.name}: {finding.sentence}; would be seen four times in five from {seen} on"


def _rules(diagnosis: Diagnosis, room: int) -> list[RenderableType]:
    criteria = [effect for effect in diagnosis.effects if effect.kind == "criterion"]
    exits = [effect for effect in diagnosis.effects if effect.kind == "exit"]
    parts: list[RenderableType] = []
    if criteria:
        parts.append(Text("Checklist: result a trade in % of the risk, criterion met or not", style="bold"))
        parts.append(_effects(criteria, ("criterion", "n met", "result", "n not", "result", "difference"), room))
    if exits:
        parts.append(Text("Exits: result a trade in % of the risk, left that way or any other", style="bold"))
        parts.append(_effects(exits, ("exit", "n", "result", "n other", "result", "difference"), room))
        parts.append(_indented(Text("exits are outcomes: a profit taken does not prove the target right")))
    return [*parts, Text("")] if parts else []


def _effects(effects: Iterable[RuleEffect], names: tuple[str, ...], room: int) -> Table:
    table = plain_table(*names, f"{LEVEL:.0%} interval", "losers", left=(names[0],))
    for effect in effects:
        table.add_row(
            effect.name[: 23 if room < WIDE else 48],
            str(effect.with_it.n),
            _points(effect.with_it.value),
            str(effect.without_it.n),
            _points(effect.without_it.value),
            _points(effect.difference.value),
            _interval(effect.difference),
            str(effect.losers),
        )
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
    return [Text("Rules broken by", style="bold"), _indented(Text(text + (kept if losers.judged else ""))), Text("")]


def _remarks(review: Review, room: int) -> list[RenderableType]:
    diagnosis = review.diagnosis
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
    label = [Text(f"{review.log.label}: nothing here was traded")] if review.log.label else []
    return [*(Text(line) for line in lines), *_notes(review.log, diagnosis.notes), *label]


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, BULLET))


def _luck(p: float) -> str:
    return "p below 0.0001" if p < 1e-4 else f"p {p:.2g}"


def _points(value: float) -> str:
    return number(100.0 * value, 1)


def _interval(estimate: Estimate) -> str:
    return "-" if estimate.low != estimate.low else f"{_points(estimate.low)} to {_points(estimate.high)}"
