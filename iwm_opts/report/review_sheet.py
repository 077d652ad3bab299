"""Tear sheet of a trade log: costs, equity, calendar, trades, rules kept and broken, state of the edge."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.conventions import counted
from iwm_opts.journal.review import Review
from iwm_opts.journal.trade_log import marks_of
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import calendar, cascade_chart, falls, iso, metric_grids, trade_charts
from iwm_opts.report.page import Block, Bullets, Chart, Grid, Page, Paragraph, Section, page_of
from iwm_opts.report.words import dollars, number


def review_sheet(review: Review, after_costs: tuple[Section, ...] = (), last: tuple[Section, ...] = ()) -> Page:
    """Page of a review, with sections of another result after the costs and at the end."""
    log, trades = review.log, _with_excursions(review.diagnosis.trades)
    span = f"{trades['entry'].min():%Y-%m-%d} to {trades['exit'].max():%Y-%m-%d}"
    against = f"plan {review.plan or 'none given'}; compared with {review.baseline or 'itself'}"
    provenance = (
        f"{log.source}: {counted(len(trades), 'closed trades')}, {len(log.open)} open, {span}",
        f"{against}; account {dollars(review.account)}",
    )
    booked = review.equity["equity"]
    levels = [("booked results", iso(booked.index), booked.tolist(), falls(booked, review.account))]
    caption = "Booked results only: the log carries no marks of open trades."
    if review.marked is not None:
        level = review.marked.equity
        levels.append(("open trades at their marks", iso(level.index), level.tolist(), falls(level, review.account)))
        caption = f"{review.marked.marked:,} of {review.marked.held:,} closes of held trades carry a mark."
    equity = Chart("Equity and drawdown", figures.equity(levels), caption, 460, is_wide=True)
    lines = [*log.warnings, *review.diagnosis.notes, *log.notes, *log.problems]
    lines += [f"{counted(count, 'rows')} not used: {reason}" for reason, count in dict(log.skipped).items()]
    quality: Block = Bullets(tuple(map(str, lines))) if lines else Paragraph("No defect and no gap was noted.")
    sections = (
        Section("Costs", tuple(_costs(review, trades))),
        *after_costs,
        Section("State of the edge", (Paragraph(review.diagnosis.edge.sentence),)),
        Section("Equity", (equity,)),
        Section("By year and month", tuple(calendar(trades, review.equity, review.account, "booked drawdown"))),
        Section("Trades", tuple(trade_charts(trades))),
        Section("Rules kept and broken", tuple(_rules(review))),
        Section("Data quality", (quality,)),
        *last,
    )
    return page_of(f"Review: {log.source}", log.label, sections, provenance)


def cascade_of(trades: pd.DataFrame) -> tuple[dict[str, float], int]:
    """Sum the cost cascade in dollars, and count trades whose mids are known.

    A trade without a mid counts its fill as its mid: its slippage is zero.
    """
    units = trades["multiplier"] * trades["contracts"]
    entry_slippage = units * (trades["entry_mid"] - trades["credit"])
    exit_slippage = units * (trades["debit"] - trades["exit_mid"])
    count = int((entry_slippage.notna() | exit_slippage.notna()).sum())
    paid = {
        "entry_slippage": float(entry_slippage.sum()),
        "exit_slippage": float(exit_slippage.sum()),
        "fees": float(trades["fees"].sum()),
    }
    settled, pnl = float(trades["settlement"].sum()), float(trades["pnl"].sum())
    return {"mid_pnl": pnl + sum(paid.values()) - settled, **paid, "assignment": settled, "pnl": pnl}, count


def _costs(review: Review, trades: pd.DataFrame) -> Iterator[Block]:
    total, with_mids = cascade_of(trades)
    missing = len(trades) - with_mids
    caption = f"{missing} trades have no mid: their fill counts as mid." if missing else ""
    yield cascade_chart(total, len(trades), caption)
    falls_of = {", booked": review.whole.booked.drawdown}
    if review.whole.marked is not None:
        falls_of = {", open trades marked": review.whole.marked.drawdown, **falls_of}
    opened: list[tuple[str, str]] = []  # the open trades at their last marks, and all trades
    if count := len(review.log.open):
        gain, marked = review.open_marks
        without = f", {count - marked} without a mark" if count > marked else ""
        opened = [(counted(count, "open trades"), f"{dollars(gain)} at last marks{without}" if marked else "no mark")]
        opened += [("closed and open", dollars(review.whole.metrics.pnl + gain))] if marked else []
    yield from metric_grids(review.whole.metrics, independent_trades(trades), falls_of, opened)


def _with_excursions(trades: pd.DataFrame) -> pd.DataFrame:
    """Trades with their largest open loss and gain by their marks; without a column where no trade carries one."""
    marks = [[*marks_of(text).values()] for text in trades["marks"]]
    if not any(marks):
        return trades
    ends = trades["pnl"].to_numpy(dtype=float)
    low = [min([*values, end]) for values, end in zip(marks, ends, strict=True)]
    high = [max([*values, end]) for values, end in zip(marks, ends, strict=True)]
    return trades.assign(max_adverse=np.minimum(low, 0.0), max_favourable=np.maximum(high, 0.0))


def _rules(review: Review) -> Iterator[Block]:
    findings = review.diagnosis.findings
    yield Bullets(tuple(finding.sentence for finding in findings)) if findings else Paragraph("No test was possible.")
    yield Grid(
        ("test", "trades", "breaches", "p", "adjusted p", "fault", "cost"),
        tuple(
            (
                finding.name, str(finding.n), "-" if finding.breaches is None else str(finding.breaches),
                number(finding.p, 3), number(finding.p_adjusted, 3), "yes" if finding.is_fault else "no",
                dollars(finding.cost, 2),
            )
            for finding in findings
        ),
    )  # fmt: skip
    effects = [effect for effect in review.diagnosis.effects if np.isfinite(effect.difference.low)]
    if effects:
        figure = figures.intervals(
            [f"{effect.kind}: {effect.name}" for effect in effects],
            [effect.difference.value for effect in effects], [effect.difference.low for effect in effects],
            [effect.difference.high for effect in effects], "result with less without, fraction of risk", ".0%",
        )  # fmt: skip
        yield Chart("Checklist and exits", figure, "95% intervals.", 120 + 30 * len(effects), is_wide=True)
