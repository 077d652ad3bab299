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
        rows, shifts, pnl = pnl_grid(scenarios)
        table = plain_table("price", "move", *shifts)
        for (price, move), values in zip(rows, pnl, strict=True):
            table.add_row(price, move, *map(dollars, values))
        parts += [Text(""), Text(f"{day:%Y-%m-%d}, {dte} days to expiration", style="bold"), table]
    return render([*parts, *labels], columns)


def pnl_grid(scenarios: pd.DataFrame) -> tuple[list[tuple[str, str]], list[str], list[list[float]]]:
    """P&L of one date: price and move of each row, vol shift of each column, values in $ a package."""
    pnl = scenarios.pivot_table(index="spot", columns="vol_shift", values="pnl", dropna=False)
    moves = dict(zip(scenarios["spot"], scenarios["move"], strict=True))
    rows = [(f"{spot:.2f}", f"{100 * moves[spot]:+.1f}%") for spot in pnl.index]
    shifts = [f"IV {100 * float(shift):+g}" for shift in pnl.columns]
    return rows, shifts, pnl.to_numpy(dtype=float).tolist()
