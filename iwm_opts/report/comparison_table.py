"""Two saved backtests side by side, for people and as a record."""

import math
from dataclasses import asdict, fields
from typing import Any, Final

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
from iwm_opts.report.words import dollars, number

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
        parts.append(Text.assemble((f"{place}  {saved.folder}", "bold"), f"  {_market(saved)}"))
    parts += [Text(""), Text("asked differently" if comparison.config else "asked alike", style="bold")]
    table = plain_table("input", "1", "2", left=("input", "1", "2"))
    for column in table.columns[1:]:
        column.no_wrap, column.overflow = False, "fold"
    for name, value, other in comparison.config:
        table.add_row(name, input_text(value), input_text(other))
    if comparison.config:
        parts.append(Padding(table, (0, 0, 0, 3), expand=False))
    figures = plain_table("", "1", "2", "2 less 1", "unit", left=("", "unit"))
    for row in _figures(comparison):
        values = (figure_text(row[key]) for key in ("first", "second", "difference"))
        figures.add_row(row["name"], *values, row["unit"])
    parts += [Text(""), Text("figures", style="bold"), Padding(figures, (0, 0, 0, 3), expand=False), Text("")]
    parts.append(
        Text(
            f"{counted(comparison.shared_trades, 'trades')} in both, {comparison.only_first} only in 1, "
            f"{comparison.only_second} only "
            f"in 2; those in both gained {_more(comparison.shared_difference)} in 2{over_paths(comparison)}"
        )
    )
    yearly = comparison.yearly
    if yearly.is_known:
        parts.append(
            Text(f"a year of one path: {_more(yearly.estimate)} in 2 (2 less 1: {within(yearly)}), days paired")
        )
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
        rows.append(
            {
                "name": field.name,
                "unit": UNITS[field.name],
                "first": value,
                "second": other,
                "difference": 0.0 if value == other else other - value,  # also of two infinite ones
            }
        )
    return rows


def over_paths(comparison: SavedComparison) -> str:
    """Say that a sum is one over several paths; empty where there is one."""
    return ", all paths together" if max(s.metrics.paths for s in (comparison.first, comparison.second)) > 1 else ""


def _market(saved: Saved) -> str:
    markets, config = saved.config["markets"], saved.config
    more = f" and {len(markets) - 1} more" if len(markets) > 1 else ""
    return f"{markets[0]['name']}{more}, {config['first']} to {config['last']}"


def input_text(value: Any) -> str:
    """Input as text; a dash where a result has none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "; ".join(map(input_text, value))
    return "-" if value is None else str(value)


def _more(difference: float) -> str:
    return f"{dollars(abs(difference), 2)} {'less' if difference < 0 else 'more'}"


def figure_text(value: float) -> str:
    """Figure as text; a dash where undefined."""
    if not math.isfinite(value):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
