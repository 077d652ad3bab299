"""Pages of fill costs: a package under every convention, and quoted spreads of chains."""

import math
from collections.abc import Sequence
from importlib.metadata import version

import pandas as pd

from iwm_opts.report import figures
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, percent, price


def fills_sheet(title: str, lines: Sequence[str], label: str, records: Sequence[Record]) -> Page:
    """Page of one package; `records` are those of `fills_table.comparison_records`."""
    names = [str(row["model"]) for row in records]
    parts = {
        "slippage in": [row["slippage"] for row in records],
        "slippage out": [row["exit_slippage"] for row in records],
        "fees": [row["opening_fees"] + row["closing_fees"] for row in records],
    }
    height = 60 + 34 * len(names)
    blocks: list[Block] = [
        Chart(
            "Round-trip cost by fill",
            figures.stacked(names, parts, "dollars a package"),
            _breakeven(records),
            height,
            True,
        )
    ]
    gains = [math.nan if row["expected_profit"] is None else float(row["expected_profit"]) for row in records]
    if any(math.isfinite(gain) for gain in gains):
        figure = figures.bars(names, gains, text=[dollars(gain, 2) for gain in gains], axis="dollars a package")
        blocks.append(Chart("Expected profit by fill", figure, "After fill and fees, held to expiration."))
    wins = [math.nan if row["breakeven_win_rate"] is None else float(row["breakeven_win_rate"]) for row in records]
    figure = figures.bars(names, wins, text=[percent(win, 1) for win in wins], axis="win rate", money=False)
    blocks.append(Chart("Break-even win rate by fill", figure, "At which max profit and max loss come out even."))
    blocks.append(
        Grid(
            ("fill", "credit", "offset", "slippage in", "slippage out", "fees", "round trip", "expected profit"),
            tuple(
                (
                    str(row["model"]), price(row["credit"]), price(row["offset"]), dollars(row["slippage"], 2),
                    dollars(row["exit_slippage"], 2), dollars(row["opening_fees"] + row["closing_fees"], 2),
                    dollars(row["round_trip_cost"], 2),
                    "-" if row["expected_profit"] is None else dollars(row["expected_profit"], 2),
                )
                for row in records
            ),
        )
    )  # fmt: skip
    return _page(f"Fill costs: {title}", lines, label, blocks)


def _breakeven(records: Sequence[Record]) -> str:
    offset = records[0]["breakeven_slippage"]
    if offset is None:
        return "Break-even slippage needs a smile: take the legs from a chain."
    return f"Break-even slippage: an offset of {price(offset)} $/share leaves no expected profit."


def spreads_sheet(title: str, lines: Sequence[str], label: str, frame: pd.DataFrame, ratio: str = "") -> Page:
    """Page of quoted spreads by bucket; `ratio` names the two chains that are compared."""
    blocks: list[Block] = []
    spreads = [name for name in frame if str(name) == "spread" or str(name).startswith("spread_")]
    for name in [*(str(each) for each in spreads if each != "spread_p75"), *(["ratio"] if ratio else [])]:
        what = f"Ratio of shares of mid, {ratio}" if name == "ratio" else f"Median quoted spread, $/share: {name}"
        for right, rows in frame.groupby("right", sort=False):
            buckets, days = (list(dict.fromkeys(rows[key])) for key in ("bucket", "dte"))
            values = {(b, d): float(v) for b, d, v in zip(rows["bucket"], rows["dte"], rows[name], strict=True)}
            cells = [[values.get((bucket, day), math.nan) for day in days] for bucket in buckets]
            figure = figures.heat_map(buckets, days, cells, form=".2f", axes=("bucket", "DTE"), is_diverging=False)
            blocks.append(Chart(f"{what}, {right}", figure, "", max(260, 34 * len(buckets) + 80)))
    text = frame.astype(object).map(_cell)
    blocks.append(Grid(tuple(map(str, frame.columns)), tuple(map(tuple, text.to_numpy().tolist()))))
    return _page(title, lines, label, blocks if len(frame) else [Paragraph("No quote.")])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3g}"
    return str(value)


def _page(title: str, lines: Sequence[str], label: str, blocks: Sequence[Block]) -> Page:
    provenance = (*lines, f"iwm-opts {version('iwm-opts')}")
    return Page(title, (label,) if label else (), (Section("Costs", tuple(blocks)),), provenance)
