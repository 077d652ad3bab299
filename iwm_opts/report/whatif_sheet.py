"""Page of a package over price, implied vol and date."""

from collections.abc import Sequence
from importlib.metadata import version

import pandas as pd

from iwm_opts.report import figures
from iwm_opts.report.page import Block, Chart, Grid, Page, Section
from iwm_opts.report.whatif_table import pnl_grid
from iwm_opts.report.words import dollars


def whatif_sheet(
    frame: pd.DataFrame, fine: pd.DataFrame, headline: tuple[str, list[str], str], strikes: Sequence[float]
) -> Page:
    """Page: P&L over price at every date, and a heat map of price by vol shift a date.

    Parameters
    ----------
    frame : DataFrame
        Of `WhatIf.to_frame`.
    fine : DataFrame
        The same at many prices and unchanged implied vols, for the lines.
    headline : (str, list of str, str)
        Title, provenance and label.
    strikes : sequence of float
        Drawn as lines.
    """
    title, lines, label = headline
    curves = {}
    for (day, dte), line in fine.groupby(["date", "dte"], sort=False):
        curves[f"{day:%Y-%m-%d}, {dte} DTE"] = (line["spot"].tolist(), line["pnl"].tolist())
    figure = figures.curves(curves, ("price of the underlying, $", "P&L, $ a package"), uprights=strikes)
    caption = "Implied vols unchanged. Dotted: strikes. Before any cost of closing."
    first: list[Block] = [Chart("P&L by price and date", figure, caption, 420, is_wide=True)]
    for (day, dte), scenarios in frame.groupby(["date", "dte"], sort=False):
        places, columns, values = pnl_grid(scenarios)
        rows = [f"{price} ({move})" for price, move in places]
        figure = figures.heat_map(rows, columns, values, axes=("price", "shift of implied vols, points"))
        name = f"{day:%Y-%m-%d}, {dte} days to expiration"
        first.append(Chart(name, figure, "P&L in $ a package.", 100 + 28 * len(rows)))
        first.append(
            Grid(
                ("price", *columns),
                tuple((row, *map(dollars, line)) for row, line in zip(rows, values, strict=True)),
            )
        )
    provenance = (*lines, f"iwm-opts {version('iwm-opts')}")
    return Page(f"What if: {title}", (label,) if label else (), (Section("P&L", tuple(first)),), provenance)
