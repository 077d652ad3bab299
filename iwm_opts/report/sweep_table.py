"""A sweep as text, page and records: its best variants, and how much the best of so many is luck."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.bands import Uncertainty
from iwm_opts.backtest.grid import (
    Outcome,
    Outcomes,
    SnoopingTest,
    Variant,
    Variants,
    VariantTest,
    as_number,
    as_value,
    details,
)
from iwm_opts.backtest.macro import macro_notes
from iwm_opts.backtest.saved import data_digests, rules_record
from iwm_opts.backtest.selection import SIGNIFICANT
from iwm_opts.backtest.trial import Trial
from iwm_opts.conventions import SESSIONS_PER_YEAR, counted
from iwm_opts.market.chain import LABELS
from iwm_opts.report import figures
from iwm_opts.report.backtest_sheet import parameters_grid
from iwm_opts.report.backtest_table import rules_lines, too_small, uncertainty_lines
from iwm_opts.report.console import bold, indented, plain_table, render_page
from iwm_opts.report.page import Block, Bullets, Chart, Grid, Page, Paragraph, Section, page_of
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars, grid_value, number, percent

TEST_FIELDS: Final = (
    "best", "models", "p_lower", "p_consistent", "p_upper", "block", "overfitting_probability",
)  # fmt: skip
YEARLY: Final = ("sharpe", "sortino")
MOST_COLUMNS = 3  # columns of a grid's names next to the figures, in 80 characters
MOST_MAPS: Final = 6  # pairs of names
FORMS: Final = {"pnl": "$,.0f", "expectancy": "$,.2f", "win_rate": ".0%", "max_drawdown": ".1%"}
TOP: Final = 40  # variants of the page's table


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """Result of a sweep; variants and outcomes in the grid's order."""

    trials: Sequence[Trial]
    grid: Mapping[str, Sequence[Any]]
    variants: Variants
    outcomes: Outcomes
    snooping: SnoopingTest | None
    sort: str  # metric, largest first
    uncertainty: Uncertainty | None = None  # of the best variant, as if chosen beforehand; None without a trade

    @property
    def ranking(self) -> str:
        """Metric that variants are ranked by: dollars a trade in place of a ratio a year of less than a year."""
        is_short = len(self.trials[0].market.days) < SESSIONS_PER_YEAR
        return "expectancy" if self.sort in YEARLY and is_short else self.sort

    def best(self, count: int) -> list[tuple[Variant, Outcome]]:
        """Best variants with their outcomes; those without the metric last."""
        worth = np.asarray(self.outcomes.metrics[self.ranking], dtype=np.float64)
        places = np.argsort(np.where(np.isnan(worth), np.inf, -worth), kind="stable")[:count]
        return [(self.variants[int(place)], self.outcomes[int(place)]) for place in places]

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the market, and the days on which a macro filter is unknown."""
        trial = self.trials[0]
        return (*trial.remarks, *trial.market.notes, *macro_notes(self.trials, self.variants[0].rules))

    @property
    def best_lines(self) -> list[str]:
        """Sampling interval and bands of the best variant; nothing without a trade."""
        if self.uncertainty is None:
            return []
        ((variant, _),) = self.best(1)
        values = ", ".join(f"{name} {grid_value(value)}" for name, value in variant.values.items())  # noqa: PD011
        return [f"best: {values}, as if chosen beforehand", *uncertainty_lines(self.uncertainty.record())]

    @property
    def verdict(self) -> str:
        """Sentence on the evidence for the best variant."""
        count, test = len(self.variants), self.snooping
        if test is None:
            return f"{count} variants, too few of which traded to test the best of them."
        odds = f"chance of as much from {test.models} worthless ones: {percent(test.p_consistent)}"
        span = f"(Hansen's studentised SPA; at most {percent(test.p_upper)})"
        if test.p_consistent < SIGNIFICANT:
            return f"The best of {count} variants gained more than luck explains: {odds} {span}."
        return f"No evidence that the best of {count} variants gains: {odds} {span}."

    @property
    def selection_line(self) -> str:
        """Variants that survive jointly, probability of backtest overfitting, deflated Sharpe ratio of the best."""
        test = self.snooping
        if test is None:
            return ""
        survivors = int((test.p_stepdown < SIGNIFICANT).sum())
        line = f"significant variants: {survivors} of {test.models} (Romano-Wolf, {SIGNIFICANT:.0%} jointly)"
        if not math.isnan(test.overfitting_probability):
            line += f"; probability of overfitting: {percent(test.overfitting_probability)} (CSCV)"
        deflated = float(test.deflated_sharpe[test.numbers == test.best][0])
        return f"{line}; deflated Sharpe ratio of the best: {percent(deflated)}"


def sweep_table(sweep: Swept, top: int, columns: int | None = None) -> str:
    """Whole page as text."""
    first, names, count = sweep.trials[0].market, list(sweep.grid), len(sweep.variants)
    more = f" and {len(sweep.trials) - 1} more" if len(sweep.trials) > 1 else ""
    is_wide = len(names) > MOST_COLUMNS  # values of the grid in one column, else a column each
    heads = ["variant"] if is_wide else names
    table = plain_table(*heads, "trades", "apart", "win", "a trade", "on risk", "fall", "Sharpe")
    best = sweep.best(top)
    for (variant, outcome), detail in zip(best, details(sweep.trials, [v for v, _ in best]), strict=True):
        m, values = outcome.metrics, list(map(grid_value, variant.values.values()))  # noqa: PD011
        yearly = percent(detail.return_on_risk_in_use, 1), number(m["sharpe"], 2)
        on_risk, sharpe = ("-", "-") if too_small(len(first.days), detail.independent_trades) else yearly
        table.add_row(
            *([" / ".join(values)] if is_wide else values), f"{m['trades']:,}",
            f"{detail.independent_trades:.0f}", percent(m["win_rate"]), dollars(m["expectancy"], 2),
            on_risk, percent(m["max_drawdown"], 1), sharpe,
        )  # fmt: skip
    parts: list[RenderableType] = [
        Text.assemble((f"{first.name}{more}", "bold"), f"  {first.days[0]} to {first.days[-1]}"),
        f"grid     {_tried(sweep)}: {counted(count, 'variants')}",
        *(*rules_lines(sweep.variants[0].rules), ""),
        bold(sweep.verdict),
        *(sweep.selection_line, ""),
        indented(table),
        *("", *sweep.best_lines, ""),
        f"{min(top, count)} of {count} variants by {sweep.ranking}; rules above: the grid's first values",
        "apart: trades that share no day; on risk: a year of a dollar at risk; fall: deepest drawdown",
    ]
    return render_page(LABELS.get(first.provenance, ""), parts, sweep.notes, columns)


def _tried(sweep: Swept) -> str:
    return "; ".join(f"{name} {', '.join(map(grid_value, values))}" for name, values in sweep.grid.items())


def sweep_sheet(sweep: Swept) -> Page:
    """Page of a sweep: heat maps of pairs, parallel coordinates, the test against luck."""
    market, rules = sweep.trials[0].market, sweep.variants[0].rules
    kind = market.provenance
    columns, names = sweep_columns(sweep), list(map(_word, sweep.grid))
    values = {
        name: pd.Series(["off" if each is None else each for each in columns[name]], dtype=object) for name in names
    }
    frame = pd.DataFrame(columns | values)
    digest = ", ".join(f"{name} {value}" for name, value in data_digests(sweep.trials).items())
    provenance = (
        f"{market.name}, {kind} quotes; {market.days[0]} to {market.days[-1]}, {counted(len(sweep.trials), 'paths')}",
        f"data: {digest}",
        _tried(sweep),
    )
    best = tuple(line.strip() for line in sweep.best_lines)
    grid: tuple[Block, ...] = (Bullets(tuple(rules_lines(rules))), parameters_grid(rules_record(rules), {}))
    sections = (
        Section("Verdict", (Paragraph(sweep.verdict), Paragraph(sweep.selection_line or "Too few variants to test."))),
        Section("Variants", tuple(_charts(sweep, frame, names))),
        Section("Best variants", (*([Bullets(best)] if best else []), _best_grid(sweep, frame, names))),
        Section("Parameters of the grid's first values", grid),
        Section("Data quality", (Bullets(sweep.notes) if sweep.notes else Paragraph("Nothing was noted."),)),
    )
    title = f"Sweep: {counted(len(sweep.variants), 'variants')} on {market.name}"
    return page_of(title, LABELS.get(kind, ""), sections, provenance)


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


def _best_grid(sweep: Swept, frame: pd.DataFrame, names: list[str]) -> Grid:
    ranked = frame.sort_values(sweep.ranking, ascending=False, na_position="last").head(TOP)
    head = (*names, "trades", "win rate", "a trade", "P&L", "drawdown", "Sharpe", "adjusted p", "deflated Sharpe")
    days = len(sweep.trials[0].market.days)
    rows = (
        (
            *(grid_value(row[name]) for name in names), f"{row['trades']:,}", percent(row["win_rate"]),
            dollars(row["expectancy"], 2), dollars(row["pnl"]), percent(row["max_drawdown"], 1),
            "-" if too_small(days, row["trades"]) else number(row["sharpe"], 2),
            number(row["p_stepdown"], 3), percent(row["deflated_sharpe"]),
        )
        for row in ranked.to_dict("records")
    )  # fmt: skip
    return Grid(head, tuple(rows))


def sweep_columns(sweep: Swept) -> dict[str, Sequence[Any] | NDArray[Any]]:
    """List number, values, figures and tests of every variant, in the grid's order."""
    numbers, test = sweep.variants.numbers, sweep.snooping
    places = dict(zip(sweep.grid, np.unravel_index(numbers, tuple(map(len, sweep.grid.values()))), strict=True))
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {"number": numbers}
    for name, values in sweep.grid.items():
        numbered = [as_number(value) for value in values]
        columns[_word(name)] = [numbered[place] for place in places[name]]
    columns |= sweep.outcomes.metrics
    for name in VariantTest._fields:
        column = np.full(len(numbers), np.nan)
        if test is not None:
            column[np.searchsorted(numbers, test.numbers)] = getattr(test, name)
        columns[name] = column
    return columns


def sweep_records(sweep: Swept) -> list[Record]:
    """One record a variant, in the grid's order."""
    columns = sweep_columns(sweep)
    rows = zip(
        *(column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values()), strict=True
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def sweep_record(sweep: Swept) -> Record:
    """Everything as a record for JSON."""
    kind, test = sweep.trials[0].market.provenance, sweep.snooping
    ((best, _),) = sweep.best(1)  # by the ranking
    return {
        "market": {
            "names": [trial.market.name for trial in sweep.trials],
            "kind": kind,
            "simulated": not kind.is_real,
            "modelled": kind == "modelled",
        },
        "grid": {_word(name): [as_value(value) for value in values] for name, values in sweep.grid.items()},
        "rules": rules_record(sweep.variants[0].rules),
        "verdict": sweep.verdict,
        "best": {"number": best.number, "uncertainty": sweep.uncertainty.record() if sweep.uncertainty else None},
        "snooping": {name: getattr(test, name) for name in TEST_FIELDS} if test else None,
        "notes": list(sweep.notes),
        "variants": sweep_records(sweep),
    }


def sweep_csv(sweep: Swept) -> str:
    """One row a variant."""
    return rows_as_csv(sweep_records(sweep))


def _word(name: str) -> str:
    return name.replace("-", "_")
