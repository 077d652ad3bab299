"""IV rank as text: level, history, and gate by weekday."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.market.gate import Gate
from iwm_opts.market.iv_rank import IvHistory, IvRank, OpenGateShare, rolling_iv_rank
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.console import indented, plain_table, render_page, width
from iwm_opts.report.records import Record, chain_iv_record, gate_record, iv_record, market_record
from iwm_opts.report.screen_table import chain_iv_line, market_lines, rank_line
from iwm_opts.report.words import percent

MARGIN = 12  # characters left of the chart
BLOCKS = " ▁▂▃▄▅▆▇█"
HEIGHT = 7  # rows of the chart


@dataclass(frozen=True, slots=True, eq=False)
class IvSummary:
    """What `ivr` has to say."""

    history: IvHistory
    rank: IvRank
    gate: Gate
    weekdays: tuple[OpenGateShare, ...]
    threshold: float
    snapshot: Snapshot | None  # None: no chain was given

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the rank."""
        of_chain = [*self.snapshot.chain.warnings, *self.snapshot.warnings] if self.snapshot else []
        note = [self.rank.note] if self.rank.proxy else []
        read = [item for item in series_notes({IV_HISTORY: self.history}) if item not in of_chain]
        return (*of_chain, *note, *self.rank.warnings, *read)


def ivr_table(summary: IvSummary, columns: int | None = None) -> str:
    """Whole page as text."""
    snapshot, rank = summary.snapshot, summary.rank
    state = ("OPEN", "bold green") if summary.gate.is_open else ("CLOSED", "bold red")
    parts: list[RenderableType] = [*market_lines(snapshot), chain_iv_line(snapshot)] if snapshot else []
    parts += [rank_line(rank), Text.assemble("gate        ", summary.gate.condition, ": ", state), ""]
    window = rolling_iv_rank(summary.history, rank.lookback)["value"]
    window = window[window.index <= pd.Timestamp(rank.value_date)].iloc[-rank.observations :]
    parts.append(f"{rank.series}, {window.index[0].date()} to {rank.value_date}, vol points")
    chart = block_chart((100.0 * window).tolist(), (columns or width()) - MARGIN)
    parts += [f"{level:{MARGIN - 2}.1f}  {cells}" for level, cells in chart]
    total, opened = sum(d.days for d in summary.weekdays), sum(d.open_days for d in summary.weekdays)
    days = [(d.weekday, str(d.open_days), str(d.days), percent(d.share)) for d in summary.weekdays]
    days.append(("all", str(opened), str(total), percent(opened / total if total else float("nan"))))
    table = plain_table("weekday", "open", "of", "share", left=("weekday",), rows=days)
    parts += ["", "open gate by weekday of the ranked close", indented(table)]
    return render_page(snapshot.chain.label if snapshot else "", parts, summary.warnings, columns)


def block_chart(values: Sequence[float], columns: int, height: int = HEIGHT) -> list[tuple[float, str]]:
    """Rows of blocks from the top down, each with its upper edge; the bottom is the smallest value.

    Values are without NaN; more than `columns` of them are averaged in equal groups.
    """
    groups = [part.mean() for part in np.array_split(np.asarray(values, dtype=float), min(columns, len(values)))]
    low, high = min(groups), max(groups)
    span = (high - low) or 1.0
    eighths = [round((value - low) / span * height * 8) for value in groups]
    rows = []
    for row in range(height, 0, -1):
        cells = (BLOCKS[min(max(e - 8 * (row - 1), 0), 8)] for e in eighths)
        rows.append((low + span * row / height, "".join(cells)))
    return rows


def ivr_record(summary: IvSummary) -> Record:
    """Everything as a record for JSON."""
    return {
        "market": market_record(summary.snapshot) if summary.snapshot else None,
        "iv": iv_record(summary.rank),
        "chain_iv": chain_iv_record(summary.snapshot.iv) if summary.snapshot else None,
        "gate": gate_record(summary.gate),
        "open_gate_by_weekday": [asdict(day) | {"share": day.share} for day in summary.weekdays],
        "warnings": list(summary.warnings),
    }
