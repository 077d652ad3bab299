"""IV rank as text: level, history, and gate by weekday."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.market.gate import Gate
from iwm_opts.market.iv_rank import IvHistory, IvRank, OpenGateShare, rolling_iv_rank
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.chart import block_chart
from iwm_opts.report.console import plain_table, render, width
from iwm_opts.report.records import chain_iv_record, gate_record, iv_record, market_record
from iwm_opts.report.screen_table import chain_iv_line, label_lines, market_lines, rank_line
from iwm_opts.report.words import percent

MARGIN = 12  # characters left of the chart


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
        read = [each for each in series_notes({IV_HISTORY: self.history}) if each not in of_chain]
        return (*of_chain, *note, *self.rank.warnings, *read)


def ivr_table(summary: IvSummary, columns: int | None = None) -> str:
    """Whole page as text."""
    parts: list[RenderableType] = []
    if summary.snapshot:
        parts += [*market_lines(summary.snapshot), chain_iv_line(summary.snapshot)]
    state = ("OPEN", "bold green") if summary.gate.is_open else ("CLOSED", "bold red")
    parts += [rank_line(summary.rank), Text.assemble("gate        ", summary.gate.condition, ": ", state), Text("")]
    parts += _chart(summary, columns or width())
    parts += [
        Text(""),
        Text("open gate by weekday of the ranked close"),
        Padding(_weekdays(summary), (0, 0, 0, 3), expand=False),
    ]
    parts += [Text(f"note: {warning}", style="yellow") for warning in summary.warnings]
    parts += label_lines(summary.snapshot) if summary.snapshot else []
    return render(parts, columns)


def _chart(summary: IvSummary, columns: int) -> list[Text]:
    rank = summary.rank
    window = rolling_iv_rank(summary.history, rank.lookback)["value"]
    window = window[window.index <= pd.Timestamp(rank.value_date)].iloc[-rank.observations :]
    rows = block_chart((100.0 * window).tolist(), columns - MARGIN)
    head = f"{rank.series}, {window.index[0].date()} to {rank.value_date}, vol points"
    lines = [f"{label:{MARGIN - 2}.1f}  {cells}" for label, cells in rows]
    return [Text(head), *(Text(line) for line in lines)]


def _weekdays(summary: IvSummary) -> Table:
    table = plain_table("weekday", "open", "of", "share", left=("weekday",))
    for day in summary.weekdays:
        table.add_row(day.weekday, str(day.open_days), str(day.days), percent(day.share))
    total, opened = sum(d.days for d in summary.weekdays), sum(d.open_days for d in summary.weekdays)
    table.add_row("all", str(opened), str(total), percent(opened / total if total else float("nan")))
    return table


def ivr_record(summary: IvSummary) -> dict[str, Any]:
    """Everything as a record for JSON."""
    return {
        "market": market_record(summary.snapshot) if summary.snapshot else None,
        "iv": iv_record(summary.rank),
        "chain_iv": chain_iv_record(summary.snapshot.iv) if summary.snapshot else None,
        "gate": gate_record(summary.gate),
        "open_gate_by_weekday": [
            {"weekday": d.weekday, "days": d.days, "open_days": d.open_days, "share": d.share} for d in summary.weekdays
        ],
        "warnings": list(summary.warnings),
    }
