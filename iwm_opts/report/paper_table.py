"""The paper journal for people to read, and as records."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.journal.paper_trade import PaperTrade
from iwm_opts.journal.trade_log import SIMULATED
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, price


def paper_table(
    trades: Sequence[PaperTrade], what: str, columns: int | None = None, now: datetime | None = None
) -> str:
    """Trades with their last mark, as text.

    Parameters
    ----------
    trades : sequence of PaperTrade
    what : str
        What was just done; "" for nothing.
    columns : int, optional
        Of the page; the terminal's unless given.
    now : datetime, optional
        Time of New York, by which an intraday trade is due though nobody marked it.
    """
    parts: list[RenderableType] = []
    is_simulated = any(SIMULATED in one.market for one in trades)
    if is_simulated or what:
        label = "SIMULATED MARKET  " if is_simulated else ""
        parts += [Text(f"{label}{what}".strip(), style="bold"), Text("")]
    table = plain_table("no", "opened", "n", "credit", "risk", "last", "debit", "P&L", "exit", left=("opened", "exit"))
    for one in trades:
        last = one.marks[-1] if one.marks else None
        paid = one.closing.debit if one.closing else last.debit if last else float("nan")
        left = one.closing.at[:10] if one.closing else last.day if last else "-"
        gain, risk = dollars(one.gain), dollars(one.risk)
        row = (str(one.number), one.opened[:10], str(one.contracts), price(one.credit), risk, left, price(paid), gain)
        table.add_row(*row, _state(one, now))
    parts.append(table)
    parts.append(Text(""))
    for one in trades:
        plan = f", plan {one.plan}" if one.plan else ""
        over = ", which is over: close it" if _is_over(one, now) else ""
        parts.append(Text(f"{one.number}: {one.symbol} {_what(one)}{over}{plan}; {one.market}"))
    parts.append(Text("P&L after fees, at the model's fill while open; credit and debit in dollars a share"))
    return render(parts, columns)


def _what(one: PaperTrade) -> str:
    clock = f", leave by {one.leave_by:%Y-%m-%d %H:%M}" if one.leave_by else ""
    if one.shares is None:
        return f"{one.expiration} {one.text}{clock}"
    target = "no target" if one.shares.target is None else f"target {price(one.shares.target)}"
    return f"shares, stop {price(one.shares.stop)}, {target}{clock}"


def _state(one: PaperTrade, now: datetime | None) -> str:
    if one.closing is not None:
        return one.closing.reason
    if one.due is not None:
        return f"DUE: {one.due.rule} since {one.due.day}"
    return f"DUE: time since {one.opened[:10]}" if _is_over(one, now) else "open"


def _is_over(one: PaperTrade, now: datetime | None) -> bool:
    """Whether an intraday trade's clock has run out though no mark says so."""
    is_unmarked = one.closing is None and one.due is None
    return is_unmarked and one.leave_by is not None and now is not None and now >= one.leave_by


def paper_records(trades: Sequence[PaperTrade]) -> list[Record]:
    """One record a trade, with its marks."""
    return [
        {
            **asdict(one),
            "legs": one.text,
            "strategy": one.strategy,
            "pnl": one.gain,
            "due": one.due and asdict(one.due),
            "leave_by": one.leave_by and one.leave_by.isoformat(sep=" "),
        }
        for one in trades
    ]
