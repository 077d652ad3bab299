"""A sweep for people and as records: its best variants, and how much the best of so many is luck."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from iwm_opts.backtest.grid import Outcome, SnoopingTest, Variant, detail_of
from iwm_opts.backtest.macro import macro_notes
from iwm_opts.backtest.saved import rules_record
from iwm_opts.backtest.trial import Trial, market_kind
from iwm_opts.report.backtest_table import label_lines, note_lines, rules_lines
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record, rows_as_csv
from iwm_opts.report.words import dollars, number, percent

SIGNIFICANT = 0.05
MOST_COLUMNS = 3  # of a grid's names beside the figures, in 80 characters


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What a sweep found; variants and outcomes in the grid's order."""

    trials: Sequence[Trial]
    grid: Mapping[str, Sequence[Any]]
    variants: Sequence[Variant]
    outcomes: Sequence[Outcome]
    snooping: SnoopingTest | None
    sort: str  # metric, largest first

    @property
    def ranked(self) -> list[tuple[Variant, Outcome]]:
        """Variants and outcomes, best first; those without the metric last."""
        pairs = list(zip(self.variants, self.outcomes, strict=True))
        return sorted(pairs, key=lambda pair: _worth(pair[1], self.sort), reverse=True)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the market, and on how many days a macro filter is unknown."""
        return (*self.trials[0].market.notes, *macro_notes(self.trials, self.variants[0].rules))

    @property
    def verdict(self) -> str:
        """What the best is worth, in words."""
        count, one = len(self.variants), self.snooping
        if one is None:
            return f"{count} variants, too few of which traded to test the best of them."
        odds = f"chance of as much from {one.models} worthless ones: {percent(one.p_consistent)}"
        span = f"(Hansen's SPA; White's reality check {percent(one.p_upper)})"
        if one.p_consistent < SIGNIFICANT:
            return f"The best of {count} variants gained more than luck explains: {odds} {span}."
        return f"No evidence that the best of {count} variants gains: {odds} {span}."


def sweep_table(found: Swept, top: int, columns: int | None = None) -> str:
    """The whole page as text."""
    kind = market_kind(found.trials[0].market)
    first = found.trials[0].market
    more = f" and {len(found.trials) - 1} more" if len(found.trials) > 1 else ""
    parts: list[RenderableType] = [*label_lines(kind)]
    parts += [Text.assemble((f"{first.name}{more}", "bold"), f"  {first.days[0]} to {first.days[-1]}")]
    tried = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in found.grid.items())
    parts += [Text(f"grid     {tried}: {len(found.variants)} variants")]
    parts += [Text(line) for line in rules_lines(found.variants[0].rules)] + [Text("")]
    parts += [Text(found.verdict, style="bold"), Text("")]
    names = list(found.grid)
    is_wide = len(names) > MOST_COLUMNS
    heads = ["variant"] if is_wide else names
    table = plain_table(*heads, "trades", "apart", "win", "a trade", "on risk", "fall", "Sharpe")
    for variant, outcome in found.ranked[:top]:
        m, more_of_it = outcome.metrics, detail_of(found.trials, variant)
        table.add_row(
            *_cells(variant, is_wide), f"{m['trades']:,}",
            f"{more_of_it.independent_trades:.0f}", percent(m["win_rate"]), dollars(m["expectancy"], 2),
            percent(more_of_it.return_on_risk_in_use, 1), percent(m["max_drawdown"], 1), number(m["sharpe"], 2),
        )  # fmt: skip
    parts += [Padding(table, (0, 0, 0, 3), expand=False), Text("")]
    shown = min(top, len(found.variants))
    parts += [Text(f"{shown} of {len(found.variants)} variants by {found.sort}; rules above are the first's")]
    parts += [Text("apart: trades that share no day; on risk: a year of a dollar at risk; fall: deepest drawdown")]
    parts += [*note_lines(found.notes), *label_lines(kind)]
    return render(parts, columns)


def _cells(variant: Variant, is_wide: bool) -> list[str]:
    """Values of the grid, a column each, or all in one in the grid's order."""
    values = [str(value) for value in variant.values.values()]
    return [" / ".join(values)] if is_wide else values


def sweep_records(found: Swept) -> list[Record]:
    """One record a variant, in the grid's order."""
    return [
        {"number": variant.number, **{_word(name): value for name, value in variant.values.items()}, **outcome.metrics}
        for variant, outcome in zip(found.variants, found.outcomes, strict=True)
    ]


def sweep_record(found: Swept) -> Record:
    """Everything as a record for JSON."""
    kind = market_kind(found.trials[0].market)
    return {
        "market": {
            "names": [one.market.name for one in found.trials],
            "kind": kind,
            "simulated": found.trials[0].market.is_simulated,
            "modelled": kind == "modelled",
        },
        "grid": {_word(name): list(values) for name, values in found.grid.items()},
        "rules": rules_record(found.variants[0].rules),
        "verdict": found.verdict,
        "snooping": asdict(found.snooping) if found.snooping else None,
        "notes": list(found.notes),
        "variants": sweep_records(found),
    }


def sweep_csv(found: Swept) -> str:
    """One row a variant."""
    return rows_as_csv(sweep_records(found))


def _word(name: str) -> str:
    return name.replace("-", "_")


def _worth(outcome: Outcome, metric: str) -> float:
    value = float(outcome.metrics[metric])
    return -math.inf if math.isnan(value) else value
