"""Two saved backtests side by side, for people and as a record."""

import math
from dataclasses import asdict, fields
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from iwm_opts.backtest.comparison import SavedComparison
from iwm_opts.backtest.metrics import Drawdown, Metrics
from iwm_opts.backtest.saved import Saved
from iwm_opts.conventions import counted
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.interval_words import within
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars

NAN = float("nan")


def results_table(comparison: SavedComparison, columns: int | None = None) -> str:
    """Whole page as text."""
    parts: list[RenderableType] = []
    for number, saved in enumerate((comparison.first, comparison.second), 1):
        parts.append(Text.assemble((f"{number}  {saved.folder}", "bold"), f"  {_market(saved)}"))
    parts += [Text(""), Text("asked differently" if comparison.config else "asked alike", style="bold")]
    table = plain_table("input", "1", "2", left=("input", "1", "2"))
    for column in table.columns[1:]:
        column.no_wrap, column.overflow = False, "fold"
    for name, value, other in comparison.config:
        table.add_row(name, input_text(value), input_text(other))
    if comparison.config:
        parts.append(Padding(table, (0, 0, 0, 3), expand=False))
    figures = plain_table("", "1", "2", "2 less 1", left=("",))
    for row in _figures(comparison):
        figures.add_row(
            row["name"], figure_text(row["first"]), figure_text(row["second"]), figure_text(row["difference"])
        )
    parts += [Text(""), Text("figures", style="bold"), Padding(figures, (0, 0, 0, 3), expand=False), Text("")]
    parts.append(
        Text(
            f"{counted(comparison.shared_trades, 'trades')} in both, {comparison.only_first} only in 1, "
            f"{comparison.only_second} only "
            f"in 2; those in both gained {_more(comparison.shared_difference)} in 2"
        )
    )
    yearly = comparison.yearly
    if yearly.is_known:
        parts.append(Text(f"a year: {_more(yearly.estimate)} in 2 (2 less 1: {within(yearly)}), days paired"))
    elif math.isnan(yearly.estimate):
        parts.append(Text("their days differ: gains by day cannot be paired"))
    return render(parts, columns)


def comparison_record(comparison: SavedComparison) -> Record:
    """Everything as a record for JSON."""
    return {
        "first": str(comparison.first.folder),
        "second": str(comparison.second.folder),
        "config": [{"name": name, "first": value, "second": other} for name, value, other in comparison.config],
        "metrics": _figures(comparison),
        "trades": {
            "shared": comparison.shared_trades,
            "only_first": comparison.only_first,
            "only_second": comparison.only_second,
            "shared_difference": comparison.shared_difference,
        },
        "yearly_difference": asdict(comparison.yearly),
    }


def _figures(comparison: SavedComparison) -> list[Record]:
    first, second = comparison.first.metrics, comparison.second.metrics
    rows = []
    for field in fields(Metrics):
        value, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(value, Drawdown):
            value, other = value.share, other.share
        rows.append({"name": field.name, "first": value, "second": other, "difference": other - value})
    return rows


def _market(saved: Saved) -> str:
    markets, config = saved.config["markets"], saved.config
    more = f" and {len(markets) - 1} more" if len(markets) > 1 else ""
    return f"{markets[0]['name']}{more}, {config['first']} to {config['last']}"


def input_text(value: Any) -> str:
    """Input as text; a dash where a result has none."""
    if isinstance(value, list | tuple):
        return "; ".join(map(input_text, value))
    return "-" if value is None else str(value)


def _more(difference: float) -> str:
    return f"{dollars(abs(difference), 2)} {'less' if difference < 0 else 'more'}"


def figure_text(value: float) -> str:
    """Figure as text; a dash where undefined."""
    if math.isnan(value):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
