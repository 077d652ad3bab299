"""The claims of the strategy and what the data say of them, for people to read."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from iwm_opts.report.console import render
from iwm_opts.research.claims import FAILS, HOLDS, Claim

STYLES: Final = {HOLDS: "green", FAILS: "red"}
MANY: Final = (
    "Many claims are measured at once: of twenty true nulls one interval misses zero by chance. "
    "Intervals are 95%, before costs."
)


def interval_text(claim: Claim) -> str:
    """`+0.43 (+0.03 to +0.82) % more than on all days`."""
    if math.isnan(claim.estimate):
        return "-"
    sign = "" if claim.unit == "ratio" or "moved" in claim.unit else "+"
    text = f"{claim.estimate:{sign}.2f}"
    if math.isfinite(claim.low) and math.isfinite(claim.high):
        text += f" ({claim.low:{sign}.2f} to {claim.high:{sign}.2f})"
    return f"{text} {claim.unit}"


def claims_table(
    claims: Sequence[Claim], labels: Sequence[str] = (), notes: Sequence[str] = (), columns: int | None = None
) -> str:
    """All claims as text: what is claimed, the estimate with its interval and sample, the verdict."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), show_header=True, expand=False)
    for name in ("claim", "measured", "verdict"):
        table.add_column(name, overflow="fold", ratio=None if name == "verdict" else 1)
    for one in claims:
        measured = interval_text(one)
        if one.sample and one.sampled:
            measured += f"\n{one.sample:,} {one.sampled}"
        if one.detail:
            measured += f"\n{one.detail}"
        said = f"{one.name}\n{one.text}" + (f" (true if {one.true_if})" if one.true_if != "-" else "")
        table.add_row(said, measured, Text(one.verdict, style=STYLES.get(one.verdict, "yellow")))
    head: list[RenderableType] = [Text(label, style="bold white on red") for label in labels]
    told = [Text(f"note: {note}", style="yellow") for note in notes]
    return render([*head, table, Text(MANY), *told, *head], columns)


def claim_record(claim: Claim) -> dict[str, Any]:
    """One claim as a record."""
    return asdict(claim)
