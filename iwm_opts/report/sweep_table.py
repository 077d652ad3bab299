"""A sweep for people and as records: its best variants, and how much the best of so many is luck."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from iwm_opts.backtest.grid import Outcome, Outcomes, SnoopingTest, Variant, Variants, VariantTest, as_number, details
from iwm_opts.backtest.macro import macro_notes
from iwm_opts.backtest.saved import rules_record
from iwm_opts.backtest.selection import SIGNIFICANT
from iwm_opts.backtest.trial import Trial, market_kind
from iwm_opts.backtest.uncertainty import Uncertainty
from iwm_opts.conventions import SESSIONS_PER_YEAR, counted
from iwm_opts.report.backtest_table import label_lines, rules_lines, too_small, uncertainty_lines
from iwm_opts.report.console import note_lines, plain_table, render
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars, grid_value, number, percent

TEST_FIELDS: Final = (
    "best", "models", "p_lower", "p_consistent", "p_upper", "block", "overfitting_probability",
)  # fmt: skip
YEARLY: Final = ("sharpe", "sortino")
MOST_COLUMNS = 3  # columns of a grid's names next to the figures, in 80 characters


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
        values = ", ".join(f"{name} {grid_value(value)}" for name, value in variant.values.items())
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
    kind = market_kind(sweep.trials[0].market)
    first = sweep.trials[0].market
    more = f" and {len(sweep.trials) - 1} more" if len(sweep.trials) > 1 else ""
    parts: list[RenderableType] = [*label_lines(kind)]
    parts += [Text.assemble((f"{first.name}{more}", "bold"), f"  {first.days[0]} to {first.days[-1]}")]
    tried = "; ".join(f"{name} {', '.join(map(grid_value, values))}" for name, values in sweep.grid.items())
    parts += [Text(f"grid     {tried}: {counted(len(sweep.variants), 'variants')}")]
    parts += [Text(line) for line in rules_lines(sweep.variants[0].rules)] + [Text("")]
    parts += [Text(sweep.verdict, style="bold"), Text(sweep.selection_line), Text("")]
    names = list(sweep.grid)
    is_wide = len(names) > MOST_COLUMNS
    heads = ["variant"] if is_wide else names
    table = plain_table(*heads, "trades", "apart", "win", "a trade", "on risk", "fall", "Sharpe")
    best, days = sweep.best(top), len(first.days)
    for (variant, outcome), detail in zip(best, details(sweep.trials, [v for v, _ in best]), strict=True):
        m = outcome.metrics
        yearly = percent(detail.return_on_risk_in_use, 1), number(m["sharpe"], 2)
        on_risk, sharpe = ("-", "-") if too_small(days, detail.independent_trades) else yearly
        table.add_row(
            *_cells(variant, is_wide), f"{m['trades']:,}",
            f"{detail.independent_trades:.0f}", percent(m["win_rate"]), dollars(m["expectancy"], 2),
            on_risk, percent(m["max_drawdown"], 1), sharpe,
        )  # fmt: skip
    parts += [Padding(table, (0, 0, 0, 3), expand=False), Text("")]
    parts += [*map(Text, sweep.best_lines), Text("")]
    shown = min(top, len(sweep.variants))
    parts += [
        Text(f"{shown} of {len(sweep.variants)} variants by {sweep.ranking}; rules above: the grid's first values")
    ]
    parts += [Text("apart: trades that share no day; on risk: a year of a dollar at risk; fall: deepest drawdown")]
    parts += [*note_lines(sweep.notes), *label_lines(kind)]
    return render(parts, columns)


def _cells(variant: Variant, is_wide: bool) -> list[str]:
    """Values of the grid, a column each, or all in one in the grid's order."""
    values = [grid_value(value) for value in variant.values.values()]
    return [" / ".join(values)] if is_wide else values


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
    kind = market_kind(sweep.trials[0].market)
    return {
        "market": {
            "names": [trial.market.name for trial in sweep.trials],
            "kind": kind,
            "simulated": sweep.trials[0].market.is_simulated,
            "modelled": kind == "modelled",
        },
        "grid": {_word(name): list(values) for name, values in sweep.grid.items()},
        "rules": rules_record(sweep.variants[0].rules),
        "verdict": sweep.verdict,
        "best": _best_record(sweep),
        "snooping": _test_record(sweep.snooping) if sweep.snooping else None,
        "notes": list(sweep.notes),
        "variants": sweep_records(sweep),
    }


def _best_record(sweep: Swept) -> Record:
    """Best variant by the ranking, and its uncertainty."""
    ((variant, _),) = sweep.best(1)
    return {"number": variant.number, "uncertainty": sweep.uncertainty.record() if sweep.uncertainty else None}


def _test_record(test: SnoopingTest) -> Record:
    """Test of the family; those of single variants are in their records."""
    return {name: getattr(test, name) for name in TEST_FIELDS}


def sweep_csv(sweep: Swept) -> str:
    """One row a variant."""
    return rows_as_csv(sweep_records(sweep))


def _word(name: str) -> str:
    return name.replace("-", "_")
