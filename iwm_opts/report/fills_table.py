"""Fill costs as text, page and records: one package under every convention, and the quoted spreads of chains."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
from rich.console import RenderableType

from iwm_opts.execution.chain_spreads import ChainSpreads
from iwm_opts.execution.comparison import FillComparison
from iwm_opts.report import figures
from iwm_opts.report.console import bold, plain_table, render_page
from iwm_opts.report.page import Block, Chart, Grid, Page, Paragraph, Section, page_of
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent, price
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.typed import TypedLeg

NAN = float("nan")
LONGEST_HEAD = 6  # characters of a chain's name above three columns each: the table fits 80
BUCKETS = {"moneyness": "% OTM", "delta": "|delta| %"}
EXPLAINED = (
    "credit and offset in dollars a share, a debit negative; the rest in dollars a package",
    "round trip: in and out at once, fees both ways; E[P]: expected profit after costs, held to expiry",
    "win rate: at which a bet that pays max profit or costs the max loss at expiry comes out even",
)


def comparison_table(
    typed: Sequence[TypedLeg],
    rows: Sequence[FillComparison],
    terms: Terms,
    expiration: date | None,
    notes: Sequence[str],
    columns: int | None = None,
) -> str:
    """One package under every convention, as text."""
    cells = (
        (
            ("* " if row.model == terms.fill else "  ") + str(row.model), price(row.entry.price),
            price(row.entry.offset), f"{row.entry.slippage:.2f}",
            percent(_or_nan(row.entry.slippage_share_of_credit), 1), f"{row.round_trip_cost:.2f}",
            percent(_or_nan(row.breakeven_win_rate), 1), number(_or_nan(row.expected_profit), 2),
        )
        for row in rows
    )  # fmt: skip
    heads = ("fill", "credit", "offset", "slip $", "of mid", "round trip", "win rate", "E[P]")
    first, legs = rows[0], "  ".join(f"{leg.name} {leg.bid:.2f}/{leg.ask:.2f}" for leg in typed)
    fees = f"{dollars(first.opening_fees, 2)} to open, {dollars(first.closing_fees, 2)} to close ({terms.fees.label})"
    parts: list[RenderableType] = [
        bold(legs + (f"  {expiration}" if expiration else "")),
        f"mid {price(first.entry.mid)}, summed half-spread {price(first.entry.half_spread)}; fees {fees}",
        *("", plain_table(*heads, left=("fill",), rows=cells), "", *EXPLAINED),
    ]
    offset = first.breakeven_slippage
    needs = "need a smile: take the legs from a chain (`source`, `expiration`)"
    breakeven = f"expected profit and break-even slippage {needs}"
    if offset is not None:
        breakeven = f"break-even slippage: an offset of {price(offset)} leaves no expected profit"
    parts += [breakeven, *dict.fromkeys(f"{row.model.kind}: {row.model.note}" for row in rows)]
    return render_page("", parts, notes, columns)


def comparison_records(rows: Sequence[FillComparison]) -> list[Record]:
    """One record a convention."""
    return [
        {
            "model": str(row.model), "credit": row.entry.price,
            **{name: getattr(row.entry, name) for name in ("mid", "natural", "half_spread", "offset", "slippage")},
            "slippage_share_of_credit": row.entry.slippage_share_of_credit, "exit_slippage": row.exit.slippage,
            "opening_fees": row.opening_fees, "closing_fees": row.closing_fees,
            "round_trip_cost": row.round_trip_cost, "max_profit": row.max_profit,
            "max_loss_expiry": row.max_loss_expiry, "breakeven_win_rate": row.breakeven_win_rate,
            "expected_profit": row.expected_profit, "breakeven_slippage": row.breakeven_slippage,
        }
        for row in rows
    ]  # fmt: skip


def spread_table_page(measured: ChainSpreads, notes: Sequence[str], columns: int | None = None) -> str:
    """Quoted spreads of one chain, as text."""
    bucket = BUCKETS[measured.spreads.by]
    rows = (
        (
            row["right"], row["bucket"], row["dte"], str(row["n"]), percent(row["no_bid"]),
            *(_cents(row[name]) for name in ("spread", "spread_p75", "mid")),
            percent(row["share_of_mid"], 1), percent(row["share_of_mid_p75"], 1),
        )
        for row in spread_records(measured.spreads.table)
    )  # fmt: skip
    heads = ("right", bucket, "DTE", "n", "no bid", "spread $", "p75 $", "mid $", "of mid", "p75")
    table = plain_table(*heads, left=("right",), rows=rows)
    return render_page("", [bold(_head(measured)), table, "", measured.spreads.note], notes, columns)


def versus_page(
    first: ChainSpreads,
    second: ChainSpreads,
    names: tuple[str, str],
    frame: pd.DataFrame,
    notes: Sequence[str],
    columns: int | None = None,
) -> str:
    """Quoted spreads of two chains side by side, as text."""
    is_long = max(map(len, names)) > LONGEST_HEAD
    heads = ("1", "2") if is_long else names
    shown = [f"{figure} {head}" for figure in ("n", "$", "%") for head in heads]
    rows = (
        (
            row["right"], row["bucket"], row["dte"], *(str(row[f"n_{name}"]) for name in names),
            *(_cents(row[f"spread_{name}"]) for name in names),
            *(percent(row[f"share_of_mid_{name}"], 1) for name in names), f"{row['ratio']:.1f}",
        )
        for row in spread_records(frame)
    )  # fmt: skip
    table = plain_table("right", BUCKETS[first.spreads.by], "DTE", *shown, "ratio", left=("right",), rows=rows)
    named = f"1: {names[0]}, 2: {names[1]}; " if is_long else ""
    ratio = " over ".join(heads)
    legend = f"{named}$: median spread a share; %: median share of mid; ratio: {ratio}, shares of mid"
    methods = (f"{m.chain.symbol}: {m.spreads.note}" for m in (first, second))
    parts: list[RenderableType] = [bold(_head(first)), bold(_head(second)), table, "", legend, *methods]
    return render_page("", parts, notes, columns)


def spread_records(frame: pd.DataFrame) -> list[Record]:
    """One record a bucket."""
    records = frame.astype({"bucket": str, "dte": str}).to_dict("records")
    return [{str(key): value for key, value in record.items()} for record in records]


def _head(measured: ChainSpreads) -> str:
    chain = measured.chain
    label = chain.label.partition(":")[0]
    session = f", session {chain.session}" if chain.session else ""
    simulated = f"{label}  " if label else ""
    return f"{simulated}{chain.symbol} {chain.spot:.2f}  {chain.as_of}{session}  {chain.source}"


def _cents(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _or_nan(value: float | None) -> float:
    return NAN if value is None else value


def fills_sheet(title: str, lines: Sequence[str], label: str, records: Sequence[Record]) -> Page:
    """Page of one package; `records` are those of `comparison_records`."""
    names, fees = [str(row["model"]) for row in records], [row["opening_fees"] + row["closing_fees"] for row in records]
    parts: Mapping[str, Sequence[float]] = {
        "slippage in": [row["slippage"] for row in records],
        "slippage out": [row["exit_slippage"] for row in records],
        "fees": fees,
    }
    offset = records[0]["breakeven_slippage"]
    caption = "Break-even slippage needs a smile: take the legs from a chain."
    if offset is not None:
        caption = f"Break-even slippage: an offset of {price(offset)} $/share leaves no expected profit."
    figure = figures.stacked(names, parts, "dollars a package")
    blocks: list[Block] = [Chart("Round-trip cost by fill", figure, caption, 60 + 34 * len(names), is_wide=True)]
    gains = [_or_nan(row["expected_profit"]) for row in records]
    if any(math.isfinite(gain) for gain in gains):
        figure = figures.bars(names, gains, text=[dollars(gain, 2) for gain in gains], axis="dollars a package")
        blocks.append(Chart("Expected profit by fill", figure, "After fill and fees, held to expiration."))
    wins = [_or_nan(row["breakeven_win_rate"]) for row in records]
    figure = figures.bars(names, wins, text=[percent(win, 1) for win in wins], axis="win rate", money=False)
    blocks.append(Chart("Break-even win rate by fill", figure, "At which max profit and max loss come out even."))
    heads = ("fill", "credit", "offset", "slippage in", "slippage out", "fees", "round trip", "expected profit")
    rows = (
        (
            name, price(row["credit"]), price(row["offset"]),
            *(dollars(cost, 2) for cost in (row["slippage"], row["exit_slippage"], paid, row["round_trip_cost"], gain)),
        )
        for name, row, paid, gain in zip(names, records, fees, gains, strict=True)
    )  # fmt: skip
    blocks.append(Grid(heads, tuple(rows)))
    return page_of(f"Fill costs: {title}", label, (Section("Costs", tuple(blocks)),), lines)


def spreads_sheet(title: str, lines: Sequence[str], label: str, frame: pd.DataFrame, ratio: str = "") -> Page:
    """Page of quoted spreads by bucket; `ratio` names the two chains that are compared."""
    blocks: list[Block] = []
    spreads = [str(name) for name in frame if str(name) == "spread" or str(name).startswith("spread_")]
    for name in [*(item for item in spreads if item != "spread_p75"), *(["ratio"] if ratio else [])]:
        what = f"Ratio of shares of mid, {ratio}" if name == "ratio" else f"Median quoted spread, $/share: {name}"
        for right, rows in frame.groupby("right", sort=False):
            buckets, days = (list(dict.fromkeys(rows[key])) for key in ("bucket", "dte"))
            values = {(b, d): float(v) for b, d, v in zip(rows["bucket"], rows["dte"], rows[name], strict=True)}
            cells = [[values.get((bucket, day), math.nan) for day in days] for bucket in buckets]
            figure = figures.heat_map(buckets, days, cells, form=".2f", axes=("bucket", "DTE"), is_diverging=False)
            blocks.append(Chart(f"{what}, {right}", figure, "", max(260, 34 * len(buckets) + 80)))

    def cell(value: object) -> str:
        return str(value) if not isinstance(value, float) else "-" if math.isnan(value) else f"{value:.3g}"

    text = frame.astype(object).map(cell)
    blocks.append(Grid(tuple(map(str, frame.columns)), tuple(map(tuple, text.to_numpy().tolist()))))
    shown = blocks if len(frame) else [Paragraph("No quote.")]
    return page_of(title, label, (Section("Costs", tuple(shown)),), lines)
