"""A Monte Carlo as text and record."""

from dataclasses import dataclass

import numpy as np
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from iwm_opts.backtest.montecarlo import KELLY_LEVEL, MonteCarlo
from iwm_opts.conventions import SESSIONS_PER_YEAR, counted
from iwm_opts.report.console import note_lines, plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent

LIMITS = (
    "The record bounds the answer: no history holds a day worse than its worst, and an edge that was luck is kept.",
)


@dataclass(frozen=True, slots=True)
class RecordLines:
    """The record that is resampled."""

    name: str
    account: float  # dollars at the start
    contracts: float  # of a trade, mean; NaN where unknown
    risk: float  # of a trade, mean fraction of the account; NaN where unknown
    label: str = ""  # of data that are not recorded
    notes: tuple[str, ...] = ()


def montecarlo_table(outcome: MonteCarlo, source: RecordLines, columns: int | None = None) -> str:
    """Whole page as text."""
    label = [Text(source.label, style="bold red")] if source.label else []
    paths = f" on {outcome.observed_paths} paths" if outcome.observed_paths > 1 else ""
    head = [
        Text.assemble((source.name, "bold"), f"  {counted(outcome.observed, 'sessions')}{paths}"),
        Text(_size_line(source)),
        Text(
            f"resampled: {outcome.histories:,} histories of {outcome.sessions / SESSIONS_PER_YEAR:g} years, "
            f"blocks of {outcome.block} sessions on average, {_sizing(outcome)}"
        ),
    ]
    table = plain_table("size", "end 5%", "50%", "95%", "drawdown 50%", "95%", "chance", "ruin", "loss")
    for row in outcome.sizes:
        table.add_row(
            f"{row.size:g}", *(dollars(level * source.account) for level in row.final),
            *(percent(depth, 1) for depth in row.drawdown),
            *(percent(chance, 1) for chance in (row.p_drawdown, row.p_ruin, row.p_loss)),
        )  # fmt: skip
    kelly = outcome.kelly
    parts: list[RenderableType] = [*label, *head, Text(""), Padding(table, (0, 0, 0, 3), expand=False), Text("")]
    parts += [
        Text(
            f"size for a {percent(outcome.chance, 1)} chance of a {percent(outcome.drawdown, 1)} drawdown: "
            f"{_multiple(outcome.size_at)}{_meaning(outcome.size_at, source)}",
            style="bold",
        ),
        Text(
            f"Kelly: {_multiple(kelly.full)} ({percent(KELLY_LEVEL)} of resampled records: {_multiple(kelly.low)} to "
            f"{_multiple(kelly.high)}; none in {percent(kelly.p_none)}); allowing for that: {_multiple(kelly.shrunk)}"
        ),
        Text(""),
        Text(
            f"size: multiple of the record's; chance: of a drawdown of {percent(outcome.drawdown, 1)}; ruin: "
            f"{percent(outcome.ruin, 1)} of the account lost at some time; loss: less at the end than at the start"
        ),
        *(Text(line) for line in LIMITS),
        *note_lines(source.notes),
        *label,
    ]
    return render(parts, columns)


def _size_line(source: RecordLines) -> str:
    if np.isnan(source.contracts):
        return f"size 1: the P&L as given, account {dollars(source.account)}"
    at_risk = "" if np.isnan(source.risk) else f", {percent(source.risk, 2)} of the account at risk"
    return f"size 1: {source.contracts:.3g} a trade on average{at_risk}; account {dollars(source.account)}"


def _sizing(outcome: MonteCarlo) -> str:
    return "compounded" if outcome.is_compounded else "the same dollars every day"


def _multiple(size: float) -> str:
    return "unlimited" if np.isinf(size) else number(size, 2)


def _meaning(size: float, source: RecordLines) -> str:
    if np.isnan(source.risk) or np.isinf(size):
        return ""
    return f" ({percent(size * source.risk, 2)} of the account at risk a trade)"


def size_records(outcome: MonteCarlo, source: RecordLines) -> list[Record]:
    """One record a size."""
    return [
        {
            "size": row.size,
            **{f"final_{p}": source.account * level for p, level in zip((5, 50, 95), row.final, strict=True)},
            **{f"drawdown_{p}": depth for p, depth in zip((50, 95), row.drawdown, strict=True)},
            "p_drawdown": row.p_drawdown,
            "p_ruin": row.p_ruin,
            "p_loss": row.p_loss,
        }
        for row in outcome.sizes
    ]


def montecarlo_record(outcome: MonteCarlo, source: RecordLines) -> Record:
    """Everything as a record for JSON."""
    kelly = outcome.kelly
    return {
        "record": {
            "name": source.name,
            "label": source.label,
            "account": source.account,
            "contracts": source.contracts,
            "risk": source.risk,
            "sessions": outcome.observed,
            "paths": outcome.observed_paths,
            "worst_day": outcome.worst_day,
            "notes": list(source.notes),
        },
        "histories": outcome.histories,
        "sessions": outcome.sessions,
        "block": outcome.block,
        "compounded": outcome.is_compounded,
        "seed": outcome.seed,
        "sizes": size_records(outcome, source),
        "drawdown": outcome.drawdown,
        "chance": outcome.chance,
        "ruin": outcome.ruin,
        "size_at": outcome.size_at,
        "kelly": {
            "full": kelly.full,
            "low": kelly.low,
            "high": kelly.high,
            "p_none": kelly.p_none,
            "shrunk": kelly.shrunk,
        },
    }
