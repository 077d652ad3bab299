"""Stated figures against their outcomes, as text and records."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.bootstrap import Interval
from iwm_opts.conventions import counted
from iwm_opts.journal.forecasts import Forecast
from iwm_opts.journal.reliability import FEW_DAYS, FEW_PERIODS, Reliability
from iwm_opts.report.console import bold, plain_table, render
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
    bins = (
        (
            WORDS[figure.name], f"{percent(item.low)} to {percent(item.high)}", percent(item.stated, 1),
            percent(item.realised, 1), " to ".join(map(percent, item.interval)), f"{item.n:,}",
        )
        for figure in figures for item in figure.bins
    )  # fmt: skip
    heads: tuple[str, ...] = ("", "n", "days", "stated", "realised", "gap 95%", "Brier", "95%", "base")
    parts: list[RenderableType] = [
        *(bold(f"{head}{source}: {counted(len(forecasts), 'forecasts')}, {span}"), ""),
        plain_table(*heads, left=("",), rows=_summary(figures)),
    ]
    if any(figure.bins for figure in figures):
        parts += ["", plain_table("", "stated in", "mean", "realised", "95% Wilson", "n", left=("",), rows=bins)]
    if verbose:
        left = ("day", "legs", "exp", "exit", "reason")
        heads = ("day", "legs", "exp", "credit", "POP", "P50", "touch", "E[M]", "exit", "reason", "made")
        parts += ["", plain_table(*heads, left=left, rows=_forecasts(forecasts))]
    parts += ["", *(Text(line, style="bold yellow") for line in warnings(figures))]
    return render([*parts, *(f"note: {line}" for line in (*notes, PER_DAY, METHOD))], columns)


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


def _summary(figures: Sequence[Reliability]) -> Iterator[tuple[str, ...]]:
    for figure in figures:
        value: Callable[[float], str] = partial(percent, digits=1)
        digits, scale = 1, 100.0
        if figure.name == "expected_profit":
            value, digits, scale = partial(dollars, digits=2), 2, 1.0
        yield (
            WORDS[figure.name], f"{figure.n:,}", f"{figure.days:,}", value(figure.stated), value(figure.realised),
            _span(figure.gap, digits, scale), number(figure.brier.estimate, 3), _span(figure.brier, 3),
            number(figure.brier_base, 3),
        )  # fmt: skip


def _span(interval: Interval, digits: int, scale: float = 1.0) -> str:
    if not interval.is_known:
        return "-"
    return f"{scale * interval.low:.{digits}f} to {scale * interval.high:.{digits}f}"


def _forecasts(forecasts: Sequence[Forecast]) -> Iterator[tuple[str, ...]]:
    for row in forecast_records(forecasts):
        figures = {name: math.nan if row[name] is None else row[name] for name in (*WORDS, "gain")}
        yield (
            row["day"], row["legs"], row["expiration"][5:], f"{row['credit']:.2f}",
            *(percent(figures[name]) for name in ("pop_real_world", "prob_target", "prob_touch")),
            dollars(figures["expected_profit"], 2), row["exit"] or "open", row["reason"] or "",
            dollars(figures["gain"], 2),
        )  # fmt: skip


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
            "realised": figure.realised, "brier_base": figure.brier_base,
            **{
                name: {end: getattr(getattr(figure, name), end) for end in ("estimate", "low", "high", "block")}
                for name in ("gap", "brier")
            },
            "bins": [asdict(item) for item in figure.bins],
        }
        for figure in figures
    ]  # fmt: skip
    records = forecast_records(forecasts)
    return {"source": source, "reliability": rows, "forecasts": records, "notes": [*notes, PER_DAY, METHOD]}
