"""Stated figures against their outcomes, as text and records."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.conventions import counted
from iwm_opts.journal.forecasts import Forecast
from iwm_opts.journal.reliability import FEW_DAYS, FEW_PERIODS, Reliability
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent

WORDS: Final = {
    "pop": "POP, smile",
    "pop_real_world": "POP, real",
    "prob_touch": "touch",
    "prob_target": "P50",
    "expected_profit": "managed profit",
}
METHOD: Final = (
    "Brier score: mean squared error, 0 best; base: of the realised frequency stated every time. Its interval and that "
    "of the gap resample days in blocks; Wilson's take forecasts for independent and are too narrow."
)
PER_DAY: Final = "exits by the marks of the chains, one a day; early assignment is not modelled"


def forecasts_table(
    source: str,
    label: str,
    figures: Sequence[Reliability],
    forecasts: Sequence[Forecast],
    notes: Sequence[str],
    verbose: bool = False,
    columns: int | None = None,
) -> str:
    """Means, Brier scores and bins as text; every forecast where `verbose`."""
    days = sorted(made.day for made in forecasts)
    span = f"{days[0]} to {days[-1]}"
    head = f"{label}  " if label else ""
    parts: list[RenderableType] = [
        Text(f"{head}{source}: {counted(len(forecasts), 'forecasts')}, {span}", style="bold"),
        Text(""),
        _summary(figures),
    ]
    if any(figure.bins for figure in figures):
        parts += [Text(""), _bins(figures)]
    if verbose:
        parts += [Text(""), _forecasts(forecasts)]
    parts += [Text("")]
    parts += [Text(line, style="bold yellow") for line in warnings(figures)]
    parts += [Text(f"note: {line}") for line in (*notes, PER_DAY, METHOD)]
    return render(parts, columns)


def warnings(figures: Sequence[Reliability]) -> list[str]:
    """Sentences on samples too small for their intervals."""
    lines = []
    for figure in figures:
        if not figure.n:
            lines.append(f"{WORDS[figure.name]}: no outcome yet ({counted(figure.pending, 'forecasts')} pending)")
        elif figure.is_small:
            lines.append(
                f"SMALL SAMPLE {WORDS[figure.name]}: {counted(figure.days, 'days')} (of {FEW_DAYS}), "
                f"{number(figure.periods)} holding periods (of {FEW_PERIODS}): no verdict"
            )
    return lines


def _summary(figures: Sequence[Reliability]) -> Table:
    table = plain_table("", "n", "days", "stated", "realised", "gap 95%", "Brier", "95%", "base", left=("",))
    for figure in figures:
        is_dollars = figure.name == "expected_profit"
        value = (lambda x: dollars(x, 2)) if is_dollars else (lambda x: percent(x, 1))
        table.add_row(
            WORDS[figure.name], f"{figure.n:,}", f"{figure.days:,}", value(figure.stated), value(figure.realised),
            _span(figure.gap, 2 if is_dollars else 1, 1.0 if is_dollars else 100.0),
            number(figure.brier.estimate, 3), _span(figure.brier, 3), number(figure.brier_base, 3),
        )  # fmt: skip
    return table


def _span(interval: Interval, digits: int, scale: float = 1.0) -> str:
    if not interval.is_known:
        return "-"
    return f"{scale * interval.low:.{digits}f} to {scale * interval.high:.{digits}f}"


def _bins(figures: Sequence[Reliability]) -> Table:
    table = plain_table("", "stated in", "mean", "realised", "95% Wilson", "n", left=("",))
    for figure in figures:
        for each in figure.bins:
            low, high = each.interval
            table.add_row(
                WORDS[figure.name], f"{percent(each.low)} to {percent(each.high)}", percent(each.stated, 1),
                percent(each.realised, 1), f"{percent(low)} to {percent(high)}", f"{each.n:,}",
            )  # fmt: skip
    return table


def _forecasts(forecasts: Sequence[Forecast]) -> Table:
    table = plain_table(
        "day", "legs", "exp", "credit", "POP", "P50", "touch", "E[M]", "exit", "reason", "made",
        left=("day", "legs", "exp", "exit", "reason"),
    )  # fmt: skip
    for row in forecast_records(forecasts):
        stated = (row["pop_real_world"], row["prob_target"], row["prob_touch"])
        table.add_row(
            row["day"], row["legs"], row["expiration"][5:], f"{row['credit']:.2f}",
            *(percent(_number(value)) for value in stated), dollars(_number(row["expected_profit"]), 2),
            row["exit"] or "open", row["reason"] or "", dollars(_number(row["gain"]), 2),
        )  # fmt: skip
    return table


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def forecast_records(forecasts: Sequence[Forecast]) -> list[Record]:
    """One record a forecast; None where unknown."""
    return [
        {
            "origin": made.origin, "day": made.day.isoformat(), "symbol": made.trade.symbol,
            "market": made.trade.market, "plan": made.trade.plan, "strategy": made.trade.strategy,
            "expiration": made.trade.expiration, "legs": made.trade.text, "credit": made.trade.credit,
            **asdict(made.stated), "exit": made.exit.day if made.exit else None,
            "reason": made.exit.rule if made.exit else None, "settlement": made.settlement,
            "is_profit_at_expiry": made.is_profit_at_expiry, "is_touched": made.is_touched,
            "reached_target": made.reached_target, "gain": made.gain,
        }
        for made in forecasts
    ]  # fmt: skip


def forecasts_record(
    source: str, figures: Sequence[Reliability], forecasts: Sequence[Forecast], notes: Sequence[str]
) -> Record:
    """Reliability of each figure, and the forecasts."""
    rows = [
        {
            "figure": figure.name, "n": figure.n, "days": figure.days, "pending": figure.pending,
            "holding_periods": figure.periods, "small_sample": figure.is_small, "stated": figure.stated,
            "realised": figure.realised, "gap": _interval(figure.gap), "brier": _interval(figure.brier),
            "brier_base": figure.brier_base, "bins": [asdict(each) for each in figure.bins],
        }
        for figure in figures
    ]  # fmt: skip
    records = forecast_records(forecasts)
    return {"source": source, "reliability": rows, "forecasts": records, "notes": [*notes, PER_DAY, METHOD]}


def _interval(interval: Interval) -> Record:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "block": interval.block}
