"""Page of two saved results: every difference of inputs, equity, costs and figures side by side."""

from typing import Final

from iwm_opts.backtest.comparison import SavedComparison
from iwm_opts.backtest.metrics import independent_trades
from iwm_opts.backtest.result import CASCADE
from iwm_opts.conventions import counted
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import Run, calendar, equity_line, parameters, provenance
from iwm_opts.report.backtest_table import CASCADE_WORDS, too_small
from iwm_opts.report.comparison_table import comparison_record, figure_text, input_text, over_paths
from iwm_opts.report.interval_words import within
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section
from iwm_opts.report.words import dollars

YEARLY: Final = ("annual_return", "annual_return_on_risk", "return_on_risk_in_use", "sharpe", "sortino")


def comparison_sheet(comparison: SavedComparison) -> Page:
    """Page of two results."""
    saved = (comparison.first, comparison.second)
    names = tuple(str(each.folder) for each in saved)
    runs = [Run.of_saved(each) for each in saved]
    rows = tuple((name, input_text(value), input_text(other)) for name, value, other in comparison.config)
    inputs: Block = Grid(("input", *names), rows) if rows else Paragraph("No input differs.")
    records = comparison_record(comparison)
    small = next(filter(None, (too_small(r.metrics.sessions, independent_trades(r.trades)) for r in runs)), "")
    shared = (
        f"{counted(comparison.shared_trades, 'trades')} in both, {comparison.only_first} only in the first, "
        f"{comparison.only_second} only in the second; those in both gained "
        f"{dollars(comparison.shared_difference, 2)} more in the second{over_paths(comparison)}."
    )
    yearly = comparison.yearly
    pairs = "Gains by day are not paired: the days differ, or the sample is small."
    if yearly.is_known and not small:
        pairs = f"A year of one path: {dollars(yearly.estimate, 2)} more in the second ({within(yearly)}), days paired."
    costs = {name: [float(run.trades[column].sum()) for run in runs] for column, name in CASCADE_WORDS.items()}
    sections = [
        Section("Differences of inputs", (inputs,)),
        Section(
            "Results",
            (
                Paragraph(shared),
                Paragraph(pairs),
                *([Paragraph(f"Yearly figures are not shown: {small}.")] if small else []),
                Chart(
                    "Equity and drawdown",
                    figures.equity(
                        [equity_line(name, run.equity, run.account) for run, name in zip(runs, names, strict=True)]
                    ),
                    "Mean of the paths.",
                    440,
                    is_wide=True,
                ),
                Grid(
                    ("dollars, all trades", *names),
                    tuple((name, *map(dollars, costs[name])) for name in map(CASCADE_WORDS.get, CASCADE) if name),
                ),
                Grid(
                    ("figure", *names, "second less first", "unit"),
                    tuple(
                        (
                            row["name"],
                            *(figure_text(row[key]) for key in ("first", "second", "difference")),
                            row["unit"],
                        )
                        for row in records["metrics"]
                        if not (small and row["name"] in YEARLY)
                    ),
                ),
            ),
        ),
    ]
    for run, name in zip(runs, names, strict=True):
        blocks = tuple(calendar(run.trades, run.equity, run.account)) if len(run.trades) else ()
        sections.append(Section(f"{name}: by year, parameters", (*blocks, parameters(run))))
    labels = tuple(dict.fromkeys(run.label for run in runs if run.label))
    lines = tuple(f"{name}: {line}" for run, name in zip(runs, names, strict=True) for line in provenance(run))
    return Page("Comparison of two backtests", labels, tuple(sections), lines)
