"""A Monte Carlo as text and record."""

from dataclasses import dataclass

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.backtest.montecarlo import KELLY_LEVEL, MonteCarlo
from iwm_opts.conventions import SESSIONS_PER_YEAR, counted
from iwm_opts.report.console import bold, indented, plain_table, render_page
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent

LOSS = "loss: less at the end than at the start"
LIMITS = "The record bounds the answer: no history holds a day worse than its worst, and an edge that was luck is kept."


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
    paths = f" on {outcome.observed_paths} paths" if outcome.observed_paths > 1 else ""
    at_risk = "" if np.isnan(source.risk) else f", {percent(source.risk, 2)} of the account at risk"
    size = f"{source.contracts:.3g} a trade on average{at_risk};"
    sizing = "compounded" if outcome.is_compounded else "the same dollars every day"
    rows = (
        (
            f"{row.size:g}", *(dollars(level * source.account) for level in row.final),
            *(percent(depth, 1) for depth in row.drawdown),
            *(percent(chance, 1) for chance in (row.p_drawdown, row.p_ruin, row.p_loss)),
        )
        for row in outcome.sizes
    )  # fmt: skip
    heads = ("size", "end 5%", "50%", "95%", "drawdown 50%", "95%", "chance", "ruin", "loss")
    kelly, chosen, fall = outcome.kelly, outcome.size_at, percent(outcome.drawdown, 1)
    is_unknown = np.isnan(source.risk) or np.isinf(chosen)
    meaning = "" if is_unknown else f" ({percent(chosen * source.risk, 2)} of the account at risk a trade)"
    histories = f"{outcome.histories:,} histories of {outcome.sessions / SESSIONS_PER_YEAR:g} years"
    span = f"{_multiple(kelly.low)} to {_multiple(kelly.high)}"
    luck = f"{percent(KELLY_LEVEL)} of resampled records: {span}; none in {percent(kelly.p_none)}"
    ruin = f"{percent(outcome.ruin, 1)} of the account lost at some time"
    parts: list[RenderableType] = [
        Text.assemble((source.name, "bold"), f"  {counted(outcome.observed, 'sessions')}{paths}"),
        f"size 1: {'the P&L as given,' if np.isnan(source.contracts) else size} account {dollars(source.account)}",
        f"resampled: {histories}, blocks of {outcome.block} sessions on average, {sizing}",
        *("", indented(plain_table(*heads, rows=rows)), ""),
        bold(f"size for a {percent(outcome.chance, 1)} chance of a {fall} drawdown: {_multiple(chosen)}{meaning}"),
        f"Kelly: {_multiple(kelly.full)} ({luck}); allowing for that: {_multiple(kelly.shrunk)}",
        "",
        f"size: multiple of the record's; chance: of a drawdown of {fall}; ruin: {ruin}; {LOSS}",
        LIMITS,
    ]
    return render_page(source.label, parts, source.notes, columns)


def _multiple(size: float) -> str:
    return "unlimited" if np.isinf(size) else number(size, 2)


def size_records(outcome: MonteCarlo, source: RecordLines) -> list[Record]:
    """One record a size."""
    return [
        {
            "size": row.size,
            **{f"final_{p}": source.account * level for p, level in zip((5, 50, 95), row.final, strict=True)},
            **{f"drawdown_{p}": depth for p, depth in zip((50, 95), row.drawdown, strict=True)},
            **{name: getattr(row, name) for name in ("p_drawdown", "p_ruin", "p_loss")},
        }
        for row in outcome.sizes
    ]


def montecarlo_record(outcome: MonteCarlo, source: RecordLines) -> Record:
    """Everything as a record for JSON."""
    return {
        "record": {
            **{name: getattr(source, name) for name in ("name", "label", "account", "contracts", "risk")},
            "sessions": outcome.observed,
            "paths": outcome.observed_paths,
            "worst_day": outcome.worst_day,
            "notes": list(source.notes),
        },
        **{name: getattr(outcome, name) for name in ("histories", "sessions", "block", "seed")},
        "compounded": outcome.is_compounded,
        "sizes": size_records(outcome, source),
        **{name: getattr(outcome, name) for name in ("drawdown", "chance", "ruin", "size_at")},
        "kelly": {name: getattr(outcome.kelly, name) for name in ("full", "low", "high", "p_none", "shrunk")},
    }
