"""Tear sheet of a sweep: heat maps of pairs, parallel coordinates, the test against luck."""

import math
from collections.abc import Iterator
from importlib.metadata import version
from itertools import combinations
from typing import Final

import pandas as pd

from iwm_opts.backtest.saved import data_digests, rules_record
from iwm_opts.backtest.trial import market_kind
from iwm_opts.conventions import counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import flat_inputs
from iwm_opts.report.backtest_table import rules_lines, too_small
from iwm_opts.report.comparison_table import input_text
from iwm_opts.report.page import Block, Bullets, Chart, Grid, Page, Paragraph, Section
from iwm_opts.report.sweep_table import Swept, sweep_columns
from iwm_opts.report.words import dollars, grid_value, number, percent

MOST_MAPS: Final = 6  # pairs of names
FORMS: Final = {"pnl": "$,.0f", "expectancy": "$,.2f", "win_rate": ".0%", "max_drawdown": ".1%"}
TOP: Final = 40  # variants of the table


def sweep_sheet(sweep: Swept) -> Page:
    """Page of a sweep."""
    market = sweep.trials[0].market
    kind = market_kind(market)
    columns, names = sweep_columns(sweep), [name.replace("-", "_") for name in sweep.grid]
    values = {
        name: pd.Series(["off" if each is None else each for each in columns[name]], dtype=object) for name in names
    }
    frame = pd.DataFrame(columns | values)
    digest = ", ".join(f"{name} {value}" for name, value in data_digests(sweep.trials).items())
    provenance = (
        f"{market.name}, {kind} quotes; {market.days[0]} to {market.days[-1]}, {counted(len(sweep.trials), 'paths')}",
        f"data: {digest}",
        "; ".join(f"{name}: {', '.join(map(grid_value, values))}" for name, values in sweep.grid.items()),
        f"iwm-opts {version('iwm-opts')}",
    )
    sections = (
        Section("Verdict", (Paragraph(sweep.verdict), Paragraph(sweep.selection_line or "Too few variants to test."))),
        Section("Variants", tuple(_charts(sweep, frame, names))),
        Section("Best variants", (*_best(sweep), _table(sweep, frame, names))),
        Section(
            "Parameters of the grid's first values",
            (
                Bullets(tuple(rules_lines(sweep.variants[0].rules))),
                Grid(
                    ("parameter", "value"),
                    tuple((k, input_text(v)) for k, v in flat_inputs(rules_record(sweep.variants[0].rules))),
                ),
            ),
        ),
        Section("Data quality", (Bullets(sweep.notes) if sweep.notes else Paragraph("Nothing was noted."),)),
    )
    labels = (LABELS[kind],) if kind in LABELS else ()
    return Page(f"Sweep: {counted(len(sweep.variants), 'variants')} on {market.name}", labels, sections, provenance)


def _best(sweep: Swept) -> list[Block]:
    lines = tuple(line.strip() for line in sweep.best_lines)
    return [Bullets(lines)] if lines else []


def _charts(sweep: Swept, frame: pd.DataFrame, names: list[str]) -> Iterator[Block]:
    metric, luck = sweep.ranking, f"{sweep.verdict} {sweep.selection_line}".strip()
    if metric != sweep.sort:
        days = len(sweep.trials[0].market.days)
        yield Paragraph(
            f"{sweep.sort} is a yearly figure: {days} sessions are less than a year; dollars a trade instead."
        )
    form = FORMS.get(metric, ".2f")
    text = frame.assign(**{name: frame[name].map(grid_value) for name in names})
    if len(names) == 1:
        figure = figures.bars(text[names[0]].tolist(), frame[metric].astype(float).tolist(), axis=metric, money=False)
        yield Chart(f"{metric} by {names[0]}", figure, luck, is_wide=True)
    for first, second in list(combinations(names, 2))[:MOST_MAPS]:
        rows, columns = (list(dict.fromkeys(text[name])) for name in (first, second))
        best = text.groupby([first, second], sort=False)[metric].max()
        cells = [[float(best.get((row, column), math.nan)) for column in columns] for row in rows]
        figure = figures.heat_map(
            rows, columns, cells, form=form, axes=(first, second), is_diverging=metric != "win_rate"
        )
        others = "" if len(names) == 2 else "Best over the other names. "
        yield Chart(f"{metric}: {first} by {second}", figure, f"{others}{luck}", max(260, 36 * len(rows) + 90))
    shown = [name for name in (metric, "expectancy", "win_rate", "max_drawdown", "trades") if name in frame]
    axes = {name: frame[name].tolist() for name in [*names, *dict.fromkeys(shown)]}
    figure = figures.parallel(axes, frame[metric].astype(float).tolist(), metric)
    kept = min(len(frame), figures.MOST_LINES)
    some = f"{kept} of {len(frame):,} variants, the best and the worst. " if kept < len(frame) else ""
    yield Chart("Parallel coordinates", figure, f"{some}Darker: higher {metric}. {luck}", 440, is_wide=True)


def _table(sweep: Swept, frame: pd.DataFrame, names: list[str]) -> Grid:
    ranked = frame.sort_values(sweep.ranking, ascending=False, na_position="last").head(TOP)
    head = (*names, "trades", "win rate", "a trade", "P&L", "drawdown", "Sharpe", "adjusted p", "deflated Sharpe")
    rows, days = [], len(sweep.trials[0].market.days)
    for row in ranked.to_dict("records"):
        rows.append(
            (
                *(grid_value(row[name]) for name in names), f"{row['trades']:,}", percent(row["win_rate"]),
                dollars(row["expectancy"], 2), dollars(row["pnl"]), percent(row["max_drawdown"], 1),
                "-" if too_small(days, row["trades"]) else number(row["sharpe"], 2),
                number(row["p_stepdown"], 3), percent(row["deflated_sharpe"]),
            )
        )  # fmt: skip
    return Grid(head, tuple(rows))
