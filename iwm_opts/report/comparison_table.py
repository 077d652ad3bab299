"""Two saved backtests side by side, as text, page and record."""

import math
from dataclasses import asdict, fields, replace
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.comparison import SavedComparison
from iwm_opts.backtest.metrics import Drawdown, Metrics, independent_trades
from iwm_opts.backtest.result import CASCADE
from iwm_opts.conventions import counted
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import Run, calendar, equity_line, parameters, provenance
from iwm_opts.report.backtest_table import CASCADE_WORDS, too_small
from iwm_opts.report.console import bold, indented, plain_table, render
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section, page_of
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, input_text, number, within

YEARLY: Final = ("annual_return", "annual_return_on_risk", "return_on_risk_in_use", "sharpe", "sortino")
UNITS: Final = {  # of `Metrics`, of one path unless all are named
    "paths": "", "sessions": "of a path", "trades": "all paths", "pnl": "$ a path", "total_return": "of the account",
    "annual_return": "a year", "risk_capital": "$ a path", "total_return_on_risk": "of risk capital",
    "annual_return_on_risk": "of it, a year", "return_on_risk_in_use": "of open risk, a year",
    "max_drawdown": "of the peak, worst path", "win_rate": "of trades", "average_gain": "$ a trade",
    "average_loss": "$ a trade", "gain_loss_ratio": "", "expectancy": "$ a trade", "expectancy_on_risk": "of risk",
    "profit_factor": "", "average_sessions": "a trade", "average_days": "a trade", "losing_run": "trades",
    "losing_run_loss": "$", "sharpe": "a year", "sortino": "a year", "cvar": "$ a trade", "exposure": "of sessions",
    "mean_open_risk": "of equity",
}  # fmt: skip


def results_table(comparison: SavedComparison, columns: int | None = None) -> str:
    """Whole page as text."""
    parts: list[RenderableType] = []
    for place, saved in enumerate((comparison.first, comparison.second), 1):
        markets, config = saved.config["markets"], saved.config
        more = f" and {len(markets) - 1} more" if len(markets) > 1 else ""
        market = f"  {markets[0]['name']}{more}, {config['first']} to {config['last']}"
        parts.append(Text.assemble((f"{place}  {saved.folder}", "bold"), market))
    parts += ["", bold("asked differently" if comparison.config else "asked alike")]
    if comparison.config:
        rows = ((name, input_text(value), input_text(other)) for name, value, other in comparison.config)
        table = plain_table("input", "1", "2", left=("input", "1", "2"), rows=rows)
        for column in table.columns[1:]:
            column.no_wrap, column.overflow = False, "fold"
        parts.append(indented(table))
    table = plain_table(
        "", "1", "2", "2 less 1", "unit", left=("", "unit"), rows=map(_texts, figure_records(comparison))
    )
    shared, yearly = comparison.shared_difference, comparison.yearly
    parts += ["", bold("figures"), indented(table), ""]
    parts.append(
        f"{counted(comparison.shared_trades, 'trades')} in both, {comparison.only_first} only in 1, "
        f"{comparison.only_second} only in 2; those in both gained {_more(shared)} in 2{_over_paths(comparison)}"
    )
    if yearly.is_known:
        parts.append(f"a year of one path: {_more(yearly.estimate)} in 2 (2 less 1: {within(yearly)}), days paired")
    elif math.isnan(yearly.estimate):
        parts.append("their days differ: gains by day cannot be paired")
    return render(parts, columns)


def _more(difference: float) -> str:
    return f"{dollars(abs(difference), 2)} {'less' if difference < 0 else 'more'}"


def comparison_record(comparison: SavedComparison) -> Record:
    """Everything as a record for JSON."""
    return {
        "first": str(comparison.first.folder),
        "second": str(comparison.second.folder),
        "config": [{"name": name, "first": value, "second": other} for name, value, other in comparison.config],
        "metrics": figure_records(comparison),
        "trades": {
            "shared": comparison.shared_trades,
            **{name: getattr(comparison, name) for name in ("only_first", "only_second", "shared_difference")},
        },
        "yearly_difference": asdict(comparison.yearly),
    }


def figure_records(comparison: SavedComparison) -> list[Record]:
    """One record a figure."""
    rows = []
    for field in fields(Metrics):
        value, other = (getattr(item.metrics, field.name) for item in (comparison.first, comparison.second))
        if isinstance(value, Drawdown):
            value, other = value.share, other.share
        difference = 0.0 if value == other else other - value  # also of two infinite ones
        row = {"first": value, "second": other, "difference": difference}
        rows.append({"name": field.name, "unit": UNITS[field.name], **row})
    return rows


def _texts(row: Record) -> tuple[str, ...]:
    """Name, both figures, their difference and unit; a dash where undefined."""
    figure = {
        key: number(value) if not math.isfinite(value) else f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
        for key, value in row.items()
        if key not in ("name", "unit")
    }
    return row["name"], figure["first"], figure["second"], figure["difference"], row["unit"]


def _over_paths(comparison: SavedComparison) -> str:
    """Say that a sum is one over several paths; empty where there is one."""
    return ", all paths together" if max(s.metrics.paths for s in (comparison.first, comparison.second)) > 1 else ""


def comparison_sheet(comparison: SavedComparison) -> Page:
    """Page of two results: every difference of inputs, equity, costs and figures side by side."""
    saved = (comparison.first, comparison.second)
    names = tuple(str(item.folder) for item in saved)
    runs = [Run.of_saved(item) for item in saved]
    rows = tuple((name, input_text(value), input_text(other)) for name, value, other in comparison.config)
    inputs: Block = Grid(("input", *names), rows) if rows else Paragraph("No input differs.")
    small = next(filter(None, (too_small(r.metrics.sessions, independent_trades(r.trades)) for r in runs)), "")
    shared = (
        f"{counted(comparison.shared_trades, 'trades')} in both, {comparison.only_first} only in the first, "
        f"{comparison.only_second} only in the second; those in both gained "
        f"{dollars(comparison.shared_difference, 2)} more in the second{_over_paths(comparison)}."
    )
    yearly = comparison.yearly
    pairs = "Gains by day are not paired: the days differ, or the sample is small."
    if yearly.is_known and not small:
        pairs = f"A year of one path: {dollars(yearly.estimate, 2)} more in the second ({within(yearly)}), days paired."
    lines = [equity_line(name, run.equity, run.account) for run, name in zip(runs, names, strict=True)]
    costs = tuple((CASCADE_WORDS[name], *(dollars(float(r.trades[name].sum())) for r in runs)) for name in CASCADE)
    shown = (row for row in figure_records(comparison) if not (small and row["name"] in YEARLY))
    results: list[Block] = [
        Paragraph(shared),
        Paragraph(pairs),
        *([Paragraph(f"Yearly figures are not shown: {small}.")] if small else []),
        Chart("Equity and drawdown", figures.equity(lines), "Mean of the paths.", 440, is_wide=True),
        Grid(("dollars, all trades", *names), costs),
        Grid(("figure", *names, "second less first", "unit"), tuple(map(_texts, shown))),
    ]
    sections = [Section("Differences of inputs", (inputs,)), Section("Results", tuple(results))]
    for run, name in zip(runs, names, strict=True):
        blocks = tuple(calendar(run.trades, run.equity, run.account)) if len(run.trades) else ()
        sections.append(Section(f"{name}: by year, parameters", (*blocks, parameters(run))))
    about = (f"{name}: {line}" for run, name in zip(runs, names, strict=True) for line in provenance(run))
    page = page_of("Comparison of two backtests", "", sections, about)
    return replace(page, labels=tuple(dict.fromkeys(run.label for run in runs if run.label)))
