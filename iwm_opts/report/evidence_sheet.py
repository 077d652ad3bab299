"""Tear sheet of evidence: the strategy's page with its baselines and their intervals."""

from collections.abc import Iterator
from dataclasses import replace

from iwm_opts.backtest.evidence import Evidence
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import Run, backtest_sheet, equity_line
from iwm_opts.report.evidence_table import BANDS, band_rows, factor_rows, family_line, on_risk
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section
from iwm_opts.report.words import dollars, number, percent


def evidence_sheet(evidence: Evidence) -> Page:
    """Page of a gate against its baselines."""
    run = replace(Run.of(evidence.strategy.results), notes=evidence.notes)
    more = [Section("Gate against baselines", tuple(_blocks(evidence)))]
    return backtest_sheet(run, more, f"Evidence: {run.gate} on {run.name}")


def _blocks(evidence: Evidence) -> Iterator[Block]:
    yield Paragraph(evidence.finding)
    differences = evidence.differences
    for name, axis, form in (
        ("per_trade", "strategy less baseline, dollars a package", "$,.2f"),
        ("on_risk", "strategy less baseline, a year of a dollar at risk", ".0%"),
    ):
        each = [getattr(difference, name) for difference in differences]
        figure = figures.intervals(
            [difference.rival for difference in differences], [value.estimate for value in each],
            [value.low for value in each], [value.high for value in each], axis, form,
        )  # fmt: skip
        title = "Difference a trade" if name == "per_trade" else "Difference on risk"
        yield Chart(
            title, figure, "Points: estimates; lines: 95% intervals, days paired. Right of zero: the gate gains."
        )
    arms = (evidence.strategy, *evidence.baselines)
    figure = figures.equity(
        [
            equity_line(arm.condition if arm.name == "strategy" else arm.name, arm.results.equity, arm.results.account)
            for arm in arms
        ]
    )
    yield Chart("Equity of the strategy and its baselines", figure, "Mean of the paths.", 420, is_wide=True)
    yield Grid(
        ("entry days", "trades", "apart", "win rate", "a trade", "95% interval", "on risk a year"),
        tuple(
            (
                arm.condition if arm.name == "strategy" else arm.name, f"{arm.trades:,}", f"{arm.independent:,.0f}",
                percent(arm.metrics.win_rate), dollars(arm.per_trade.estimate, 2),
                f"{dollars(arm.per_trade.low, 2)} to {dollars(arm.per_trade.high, 2)}",
                on_risk(arm),
            )
            for arm in arms
        ),
    )  # fmt: skip
    yield Grid(
        ("one factor at a time", "gated", "95% interval", "trades", "ungated", "95% interval "),
        tuple((*row,) for row in factor_rows(evidence)),
    )
    line = family_line(evidence)
    yield Paragraph(f"{line[0].upper()}{line[1:]}.")
    if evidence.bands:
        yield Paragraph(f"{BANDS[0].upper()}{BANDS[1:]}.")
        yield Grid(("", "gated", "ungated", "difference"), tuple((*row,) for row in band_rows(evidence)))
    slippage = evidence.slippage
    reached = slippage.reason or (
        f"{number(slippage.share, 2)} half-spreads each way, {dollars(slippage.round_trip, 2)} a package and round trip"
    )
    yield Paragraph(f"Break-even slippage, trades chosen and closed anew at every fill: {reached}.")
