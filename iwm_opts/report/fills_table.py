"""Fill costs for people to read: one package under every convention, and the quoted spreads of chains."""

import math
from collections.abc import Sequence
from datetime import date

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from iwm_opts.execution.chain_spreads import ChainSpreads
from iwm_opts.execution.comparison import FillComparison
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, number, percent, price
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.typed import TypedLeg

NAN = float("nan")
LONGEST_HEAD = 6  # characters of a chain's name above three columns each: the table fits 80


def comparison_table(
    typed: Sequence[TypedLeg],
    rows: Sequence[FillComparison],
    terms: Terms,
    expiration: date | None,
    columns: int | None = None,
) -> str:
    """One package under every convention, as text."""
    legs = "  ".join(f"{leg.name} {leg.bid:.2f}/{leg.ask:.2f}" for leg in typed)
    table = plain_table(
        "fill", "credit", "offset", "slip $", "of mid", "round trip", "win rate", "E[P]", left=("fill",)
    )
    for row in rows:
        table.add_row(
            ("* " if row.model == terms.fill else "  ") + str(row.model),
            price(row.entry.price),
            price(row.entry.offset),
            f"{row.entry.slippage:.2f}",
            percent(_or_nan(row.entry.slippage_share_of_credit), 1),
            f"{row.round_trip_cost:.2f}",
            percent(_or_nan(row.breakeven_win_rate), 1),
            number(_or_nan(row.expected_profit), 2),
        )
    first = rows[0]
    parts: list[RenderableType] = [Text(legs + (f"  {expiration}" if expiration else ""), style="bold")]
    parts += [
        Text(
            f"mid {price(first.entry.mid)}, summed half-spread {price(first.entry.half_spread)}; "
            f"fees {dollars(first.opening_fees, 2)} to open, {dollars(first.closing_fees, 2)} to close "
            f"({terms.fees.label})"
        ),
        Text(""),
        table,
        Text(""),
    ]
    parts += [Text(line) for line in _comparison_notes(rows)]
    return render(parts, columns)


def _comparison_notes(rows: Sequence[FillComparison]) -> list[str]:
    notes = [
        "credit and offset in dollars a share, a debit negative; the rest in dollars a package",
        "round trip: in and out at once, fees both ways; E[P]: expected profit after costs, held to expiry",
        "win rate: at which a bet that pays max profit or costs the max loss at expiry comes out even",
    ]
    if rows[0].breakeven_slippage is not None:
        notes.append(f"break-even slippage: an offset of {price(rows[0].breakeven_slippage)} leaves no expected profit")
    else:
        notes.append(
            "expected profit and break-even slippage need a smile: take the legs from a chain (`source`, `expiration`)"
        )
    return notes + list(dict.fromkeys(f"{row.model.kind}: {row.model.note}" for row in rows))


def comparison_records(rows: Sequence[FillComparison]) -> list[Record]:
    """One record a convention."""
    return [
        {
            "model": str(row.model),
            "credit": row.entry.price,
            "mid": row.entry.mid,
            "natural": row.entry.natural,
            "half_spread": row.entry.half_spread,
            "offset": row.entry.offset,
            "slippage": row.entry.slippage,
            "slippage_share_of_credit": row.entry.slippage_share_of_credit,
            "exit_slippage": row.exit.slippage,
            "opening_fees": row.opening_fees,
            "closing_fees": row.closing_fees,
            "round_trip_cost": row.round_trip_cost,
            "max_profit": row.max_profit,
            "max_loss_expiry": row.max_loss_expiry,
            "breakeven_win_rate": row.breakeven_win_rate,
            "expected_profit": row.expected_profit,
            "breakeven_slippage": row.breakeven_slippage,
        }
        for row in rows
    ]


def spread_table_page(measured: ChainSpreads, columns: int | None = None) -> str:
    """Quoted spreads of one chain, as text."""
    by = measured.spreads.by
    table = plain_table(
        "right", _bucket_name(by), "DTE", "n", "no bid", "spread $", "p75 $", "mid $", "of mid", "p75", left=("right",)
    )
    for row in spread_records(measured.spreads.table):
        table.add_row(
            row["right"],
            row["bucket"],
            row["dte"],
            str(row["n"]),
            percent(row["no_bid"]),
            _cents(row["spread"]),
            _cents(row["spread_p75"]),
            _cents(row["mid"]),
            percent(row["share_of_mid"], 1),
            percent(row["share_of_mid_p75"], 1),
        )
    return render([Text(_head(measured), style="bold"), table, Text(""), Text(measured.spreads.note)], columns)


def versus_page(
    first: ChainSpreads,
    second: ChainSpreads,
    names: tuple[str, str],
    frame: pd.DataFrame,
    columns: int | None = None,
) -> str:
    """Quoted spreads of two chains side by side, as text."""
    symbol, other = names
    is_long = max(map(len, names)) > LONGEST_HEAD
    heads = ("1", "2") if is_long else names
    figures = [f"{figure} {head}" for figure in ("n", "$", "%") for head in heads]
    table = plain_table("right", _bucket_name(first.spreads.by), "DTE", *figures, "ratio", left=("right",))
    for row in spread_records(frame):
        table.add_row(
            row["right"],
            row["bucket"],
            row["dte"],
            str(row[f"n_{symbol}"]),
            str(row[f"n_{other}"]),
            _cents(row[f"spread_{symbol}"]),
            _cents(row[f"spread_{other}"]),
            percent(row[f"share_of_mid_{symbol}"], 1),
            percent(row[f"share_of_mid_{other}"], 1),
            f"{row['ratio']:.1f}",
        )
    notes = [Text(f"{m.chain.symbol}: {m.spreads.note}") for m in (first, second)]
    named = f"1: {symbol}, 2: {other}; " if is_long else ""
    ratio = " over ".join(heads)
    legend = Text(f"{named}$: median spread a share; %: median share of mid; ratio: {ratio}, shares of mid")
    return render(
        [Text(_head(first), style="bold"), Text(_head(second), style="bold"), table, Text(""), legend, *notes], columns
    )


def spread_records(frame: pd.DataFrame) -> list[Record]:
    """One record a bucket."""
    records = frame.astype({"bucket": str, "dte": str}).to_dict("records")
    return [{str(key): value for key, value in record.items()} for record in records]


def _head(measured: ChainSpreads) -> str:
    chain = measured.chain
    label = chain.label.partition(":")[0]
    simulated = f"{label}  " if label else ""
    session = f", session {chain.session}" if chain.session else ""
    return f"{simulated}{chain.symbol} {chain.spot:.2f}  {chain.as_of}{session}  {chain.source}"


def _bucket_name(by: str) -> str:
    return "% OTM" if by == "moneyness" else "|delta| %"


def _cents(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _or_nan(value: float | None) -> float:
    return NAN if value is None else value
