"""The strategy's claims and their verdicts as text."""

import math
from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from iwm_opts.report.console import render_page
from iwm_opts.research.claims import FAILS, HOLDS, Claim

STYLES: Final = {HOLDS: "green", FAILS: "red"}
MANY: Final = (
    "Many claims are measured at once: of twenty true nulls one interval misses zero by chance. "
    "Intervals are 95%, before costs. p: two-sided, of the estimate against the value named, the nearest that is not "
    "true; stepdown: adjusted for all claims measured (Romano-Wolf). A claim holds where its whole interval is true "
    "and stepdown is at most 0.05, and does not hold where none of the interval is true. Verdict and p are of entries "
    "at the next open where those are shown."
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
    claims: Sequence[Claim], label: str = "", notes: Sequence[str] = (), columns: int | None = None
) -> str:
    """All claims as text: claim, estimate with interval and sample, verdict."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), show_header=True, expand=False)
    for name in ("claim", "measured", "verdict"):
        table.add_column(name, overflow="fold", ratio=None if name == "verdict" else 1)
    for claim in claims:
        measured = interval_text(claim)
        if claim.sample and claim.sampled:
            measured += f"\n{claim.sample:,} {claim.sampled}"
        if math.isfinite(claim.p):
            measured += f"\np {claim.p:.3f} against {claim.null:g}, stepdown {claim.p_stepdown:.3f}"
        if claim.detail:
            measured += f"\n{claim.detail}"
        said = f"{claim.name}\n{claim.text}" + (f" (true if {claim.true_if})" if claim.true_if != "-" else "")
        table.add_row(said, measured, Text(claim.verdict, style=STYLES.get(claim.verdict, "yellow")))
    return render_page(label, [table, MANY], notes, columns)
