"""P&L of a package by price, vol shift and date, as text and page."""

from collections.abc import Sequence

import pandas as pd
from rich.console import RenderableType

from iwm_opts.report import figures
from iwm_opts.report.console import bold, plain_table, render_page
from iwm_opts.report.page import Block, Chart, Grid, Page, Section, page_of
from iwm_opts.report.words import dollars

Headline = tuple[str, list[str], str]  # title, provenance and label


def whatif_table(frame: pd.DataFrame, headline: Headline, notes: Sequence[str], columns: int | None = None) -> str:
    """One table a date: rows are prices, columns shifts of implied vol in points."""
    title, lines, label = headline
    parts: list[RenderableType] = [bold(title), *lines]
    parts.append("P&L in $ a package after fill and opening fees, before any cost of closing")
    for (day, dte), scenarios in frame.groupby(["date", "dte"], sort=False):
        rows, shifts, pnl = _grid(scenarios)
        cells = ((*row, *map(dollars, values)) for row, values in zip(rows, pnl, strict=True))
        table = plain_table("price", "move", *shifts, rows=cells)
        parts += ["", bold(f"{day:%Y-%m-%d}, {dte} days to expiration"), table]
    return render_page(label, parts, notes, columns)


def _grid(scenarios: pd.DataFrame) -> tuple[list[tuple[str, str]], list[str], list[list[float]]]:
    """P&L of one date: price and move of each row, vol shift of each column, values in $ a package."""
    pnl = scenarios.pivot_table(index="spot", columns="vol_shift", values="pnl", dropna=False)
    moves = dict(zip(scenarios["spot"], scenarios["move"], strict=True))
    rows = [(f"{spot:.2f}", f"{100 * moves[spot]:+.1f}%") for spot in pnl.index]
    shifts = [f"IV {100 * float(shift):+g}" for shift in pnl.columns]
    return rows, shifts, pnl.to_numpy(dtype=float).tolist()


def whatif_sheet(frame: pd.DataFrame, fine: pd.DataFrame, headline: Headline, strikes: Sequence[float]) -> Page:
    """Page: P&L over price at every date, and a heat map of price by vol shift a date.

    `fine` is as `frame` at many prices and unchanged implied vols, for the lines.
    """
    title, lines, label = headline
    curves = {}
    for (day, dte), line in fine.groupby(["date", "dte"], sort=False):
        curves[f"{day:%Y-%m-%d}, {dte} DTE"] = (line["spot"].tolist(), line["pnl"].tolist())
    figure = figures.curves(curves, ("price of the underlying, $", "P&L, $ a package"), uprights=strikes)
    caption = "Implied vols unchanged. Dotted: strikes. Before any cost of closing."
    blocks: list[Block] = [Chart("P&L by price and date", figure, caption, 420, is_wide=True)]
    for (day, dte), scenarios in frame.groupby(["date", "dte"], sort=False):
        places, columns, values = _grid(scenarios)
        rows = [f"{price} ({move})" for price, move in places]
        figure = figures.heat_map(rows, columns, values, axes=("price", "shift of implied vols, points"))
        name = f"{day:%Y-%m-%d}, {dte} days to expiration"
        cells = tuple((row, *map(dollars, line)) for row, line in zip(rows, values, strict=True))
        blocks.append(Chart(name, figure, "P&L in $ a package.", 100 + 28 * len(rows)))
        blocks.append(Grid(("price", *columns), cells))
    return page_of(f"What if: {title}", label, (Section("P&L", tuple(blocks)),), lines)
