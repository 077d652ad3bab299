"""A re-priced trade log as text, record and section of the tear sheet."""

from typing import Final

from rich.console import RenderableType

from iwm_opts.conventions import counted
from iwm_opts.journal.quotes import TOLERANCE
from iwm_opts.journal.reprice import MODELLED, RECORDED, SETTLED, Repricing, quote_counts
from iwm_opts.report.console import bold, plain_table, render_page
from iwm_opts.report.page import Bullets, Grid, Section
from iwm_opts.report.records import Record, frame_records
from iwm_opts.report.words import dollars, number, percent
from iwm_opts.sources.on_day import DEFAULT_SYMBOL

SHOWN: Final = 20  # trades, without -v
COSTS: Final = ("entry_slippage", "exit_slippage", "fees")
WORDS: Final = {
    "log_pnl": "P&L of the log",
    "log_fees": "fees of the log",
    "log_slippage": "slippage of the log",
    "settlement": "settlement, apart",
    "quote_gap": "recorded mids against the log's",
    "mid_pnl": "at mid",
    "entry_slippage": "slippage, entry",
    "exit_slippage": "slippage, exit",
    "fees": "fees",
    "assignment": "assignment and settlement",
    "pnl": "net",
}
KEY: Final = f"r {RECORDED}, m {MODELLED}, s {SETTLED}"
MODEL_NOTE: Final = (
    f"modelled: no quotes recorded within {TOLERANCE.seconds // 60} min; mids as in the log, half-spreads of IWM's "
    "quoted-spread model in session at one vol a package"
)


def reprice_table(repricing: Repricing, verbose: bool = False, columns: int | None = None) -> str:
    """Totals, break-even slippage and trades as text; every trade where `verbose`."""
    log, trades, terms = repricing.log, repricing.trades, repricing.terms
    label = f"{log.label}  " if log.label else ""
    costs = f"fill {terms.fill}, stops {terms.stop_fill}, fees {terms.fees.label}"
    totals = plain_table("", "total", "a trade", left=("",))
    for name, value in _cascade(repricing):
        style = "bold" if name in (WORDS["log_pnl"], WORDS["mid_pnl"], WORDS["pnl"]) else None
        totals.add_row(name, dollars(value, 2), dollars(value / len(trades), 2), style=style)
    parts: list[RenderableType] = [bold(f"{label}{log.source}: {counted(len(trades), 'trades')} re-priced"), costs]
    parts += ["", totals, "", *map(bold, verdict(repricing)), ""]
    is_cut = len(trades) > SHOWN and not verbose
    shown = trades.loc[(trades["log_pnl"] - trades["pnl"]).nlargest(SHOWN).index].sort_index() if is_cut else trades
    rows = (
        (
            str(row["trade"]), f"{row['entry']:%y-%m-%d}", f"{row['exit']:%y-%m-%d}", f"{row['contracts']:.0f}",
            dollars(row["log_pnl"], 2), dollars(row["mid_pnl"], 2),
            dollars(row["entry_slippage"] + row["exit_slippage"], 2), dollars(row["fees"], 2), dollars(row["pnl"], 2),
            number(row["breakeven"], 2), f"{row['entry_quotes'][0]}{row['exit_quotes'][0]}",
        )
        for row in shown.to_dict("records")
    )  # fmt: skip
    heads = ("trade", "entry", "exit", "n", "log P&L", "mid", "slip", "fees", "net", "b/e", "quotes")
    parts.append(plain_table(*heads, left=("trade", "entry", "exit", "quotes"), rows=rows))
    if is_cut:
        parts.append(f"the {SHOWN} costliest of {len(trades):,}; all with -v, and in every file")
    return render_page("", [*parts, ""], _notes(repricing), columns)


def verdict(repricing: Repricing) -> list[str]:
    """Sentences on what survives, and the break-even slippage."""
    total, trades = repricing.total, repricing.trades
    before, after = total["log_pnl"], total["pnl"]
    wins = f"wins {percent((trades['log_pnl'] > 0).mean())} of trades, {percent((trades['pnl'] > 0).mean())} re-priced"
    share, price = repricing.breakeven
    paid = repricing.terms.fill.share(len(str(trades["legs"].iloc[0]).split()))
    level = f"{number(share, 2)} half-spreads each way, ${price:.3f}/share (re-priced at {paid:g})"
    if share != share:
        level = "undefined, no order has a spread"
    elif share <= 0.0:
        level = "none, a loss even at mid after fees"
    kept = (
        f"{percent(after / before)} of the log's {dollars(before, 2)}" if before > 0.0 else f"log {dollars(before, 2)}"
    )
    return [f"survives: {dollars(after, 2)} ({kept}); {wins}", f"break-even slippage: {level}"]


def _cascade(repricing: Repricing) -> list[tuple[str, float]]:
    """Rows from the log's P&L to the net one, signed as they add up; empty steps left out."""
    total = repricing.total
    rows = [
        ("log_pnl", total["log_pnl"]), ("log_fees", total["log_fees"]), ("log_slippage", total["log_slippage"]),
        ("settlement", -total["assignment"]), ("quote_gap", total["quote_gap"]), ("mid_pnl", total["mid_pnl"]),
        *((name, -total[name]) for name in COSTS), ("assignment", total["assignment"]), ("pnl", total["pnl"]),
    ]  # fmt: skip
    always = ("log_pnl", "mid_pnl", *COSTS, "pnl")
    return [(WORDS[name], value) for name, value in rows if name in always or abs(value) >= 0.005]


def _notes(repricing: Repricing) -> list[str]:
    counts = quote_counts(repricing.trades)
    origins = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
    lines = [f"quotes of entries and exits: {origins} ({KEY}); b/e: break-even offset each way in half-spreads"]
    lines += [MODEL_NOTE] if counts[MODELLED] else []
    others = sorted(set(repricing.trades["symbol"]) - {DEFAULT_SYMBOL}) if counts[MODELLED] else []
    lines += [f"{', '.join(others)}: spreads of IWM stand in for theirs; give `quotes`"] if others else []
    for why, group in repricing.left_out.groupby("why", sort=True):
        total = dollars(float(group["log_pnl"].sum()), 2)
        lines.append(f"left out, {counted(len(group), 'trades')} with {total} in the log: {why}")
    return [*lines, *repricing.log.remarks]


def reprice_record(repricing: Repricing) -> Record:
    """Totals, break-even slippage, counts of quotes, trades and omissions."""
    log, terms, (share, price) = repricing.log, repricing.terms, repricing.breakeven
    return {
        "source": log.source, "simulated": not log.provenance.is_real, "fill": str(terms.fill),
        "stop_fill": str(terms.stop_fill), "fees": terms.fees.label, "total": repricing.total,
        "breakeven_half_spreads": share, "breakeven_per_share": price, "quotes": quote_counts(repricing.trades),
        "trades": frame_records(repricing.trades), "left_out": frame_records(repricing.left_out),
        "notes": _notes(repricing),
    }  # fmt: skip


def summary_section(repricing: Repricing) -> Section:
    """Section with what survives, and the steps to it."""
    total = Grid(("", "dollars"), tuple((name, dollars(value, 2)) for name, value in _cascade(repricing)))
    notes = Bullets(tuple(_notes(repricing)))
    return Section("What survives re-pricing", (Bullets(tuple(verdict(repricing))), total, notes))


def trades_section(repricing: Repricing) -> Section:
    """Section with every trade."""
    rows = tuple(
        (
            str(row["trade"]), f"{row['entry']:%Y-%m-%d}", f"{row['exit']:%Y-%m-%d}", row["legs"],
            dollars(row["log_pnl"], 2), dollars(row["entry_slippage"] + row["exit_slippage"], 2),
            dollars(row["fees"], 2), dollars(row["pnl"], 2), number(row["breakeven"], 2),
            f"{row['entry_quotes']}, {row['exit_quotes']}",
        )
        for row in repricing.trades.to_dict("records")
    )  # fmt: skip
    head = ("trade", "entry", "exit", "legs", "log P&L", "slippage", "fees", "net", "break-even", "quotes")
    return Section("Trades, re-priced", (Grid(head, rows),))
