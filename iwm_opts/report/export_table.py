"""Files of a simulated market, for people to read."""

from collections.abc import Sequence

from rich.text import Text

from iwm_opts.market.chain import LABELS
from iwm_opts.report.console import plain_table, render
from iwm_opts.sources.export import Plan, Written


def export_table(plan: Plan, written: Sequence[Written], columns: int | None = None) -> str:
    """One row a kind of file."""
    label = Text(LABELS["simulated"], style="bold red")
    world = f"scenario {plan.scenario.name}" if plan.scenario else "calibrated dynamics"
    head = f"{plan.parameters.setting.symbol}  {plan.first} to {plan.last}, seed {plan.seed}, {world}"
    table = plain_table("kind", "files", "rows", "MB", "such as", left=("kind", "such as"))
    for each in written:
        table.add_row(each.kind, f"{each.files:,}", f"{each.rows:,}", f"{each.size / 1e6:,.1f}", each.example)
    note = Text("chains are quoted as European options on IWM: commands that read them price them so", style="yellow")
    return render([label, Text(head), table, Text(""), note, label], columns)
