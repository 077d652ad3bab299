"""P&L of a package by price, vol shift and date, as text."""

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.report.console import plain_table, render
from iwm_opts.report.words import dollars


def whatif_table(frame: pd.DataFrame, headline: tuple[str, list[str], str], columns: int | None = None) -> str:
    """One table a date: rows are prices, columns shifts of implied vol in points."""
    title, lines, label = headline
    labels: list[RenderableType] = [Text(label, style="bold red")] if label else []
    parts: list[RenderableType] = [*labels, Text(title, style="bold"), *map(Text, lines)]
    parts.append(Text("P&L in $ a package after fill and opening fees, before any cost of closing"))
    for (day, dte), scenarios in frame.groupby(["date", "dte"], sort=False):
        pnl = scenarios.pivot_table(index=["spot", "move"], columns="vol_shift", values="pnl", dropna=False)
        table = plain_table("price", "move", *(f"IV {100 * float(shift):+g}" for shift in pnl.columns))
        for (spot, move), row in zip(pnl.index, pnl.to_numpy(), strict=True):
            table.add_row(f"{spot:.2f}", f"{100 * move:+.1f}%", *(dollars(float(value)) for value in row))
        parts += [Text(""), Text(f"{day:%Y-%m-%d}, {dte} days to expiration", style="bold"), table]
    return render([*parts, *labels], columns)
