"""The paper journal for people to read, and as records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.journal.paper_trade import Campaign, PaperTrade
from iwm_opts.journal.trade_log import SIMULATED
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, price


def paper_table(
    trades: Sequence[PaperTrade],
    what: str,
    columns: int | None = None,
    now: datetime | None = None,
    campaigns: Mapping[str, Campaign] | None = None,
) -> str:
    """Trades with their last mark, as text.

    Parameters
    ----------
    trades : sequence of PaperTrade
    what : str
        Result of the command; "" for none.
    columns : int, optional
        Of the page; the terminal's unless given.
    now : datetime, optional
        Time of New York, by which an unmarked intraday trade is due.
    campaigns : mapping, optional
        What was rolled into a trade, by its number.
    """
    parts: list[RenderableType] = []
    is_simulated = any(SIMULATED in trade.market for trade in trades)
    if is_simulated or what:
        label = "SIMULATED MARKET  " if is_simulated else ""
        parts += [Text(f"{label}{what}".strip(), style="bold"), Text("")]
    table = plain_table("no", "opened", "n", "credit", "risk", "last", "debit", "P&L", "exit", left=("opened", "exit"))
    for trade in trades:
        last = trade.marks[-1] if trade.marks else None
        paid = trade.closing.debit if trade.closing else last.debit if last else float("nan")
        exit_day = trade.closing.at[:10] if trade.closing else last.day if last else "-"
        gain, risk = dollars(trade.gain), dollars(trade.risk)
        row = (
            str(trade.number),
            trade.opened[:10],
            str(trade.contracts),
            price(trade.credit),
            risk,
            exit_day,
            price(paid),
            gain,
        )
        table.add_row(*row, _state(trade, now))
    parts.append(table)
    parts.append(Text(""))
    for trade in trades:
        plan = f", plan {trade.plan}" if trade.plan else ""
        over = ", which is over: close it" if _is_over(trade, now) else ""
        parts.append(Text(f"{trade.number}: {trade.symbol} {_what(trade)}{over}{plan}; {trade.market}"))
        campaign = (campaigns or {}).get(str(trade.number))
        if campaign is not None:
            parts.append(Text(f"   {campaign_text(campaign, trade.gain)}"))
    parts.append(Text("P&L after fees, at the model's fill while open; credit and debit in dollars a share"))
    return render(parts, columns)


def campaign_text(campaign: Campaign, gain: float) -> str:
    """P&L since the first opening of a rolled trade, whose own is `gain`."""
    earlier = f"trade{'s' if len(campaign.trades) > 1 else ''} {', '.join(campaign.trades)}"
    booked = f"{earlier} before the roll {dollars(campaign.booked, 2)}"
    if math.isnan(gain):
        return f"since {campaign.since}: {booked}; this trade is not marked yet"
    return f"P&L since {campaign.since}: {dollars(campaign.booked + gain, 2)}; this trade {dollars(gain, 2)}, {booked}"


def _what(trade: PaperTrade) -> str:
    clock = f", leave by {trade.exit_by:%Y-%m-%d %H:%M}" if trade.exit_by else ""
    if trade.shares is None:
        return f"{trade.expiration} {trade.text}{clock}"
    target = "no target" if trade.shares.target is None else f"target {price(trade.shares.target)}"
    return f"shares, stop {price(trade.shares.stop)}, {target}{clock}"


def _state(trade: PaperTrade, now: datetime | None) -> str:
    if trade.closing is not None:
        return trade.closing.reason
    if trade.due is not None:
        return f"DUE: {trade.due.rule} since {trade.due.day}"
    return f"DUE: time since {trade.opened[:10]}" if _is_over(trade, now) else "open"


def _is_over(trade: PaperTrade, now: datetime | None) -> bool:
    """Whether an intraday trade's clock has run out though no mark says so."""
    is_unmarked = trade.closing is None and trade.due is None
    return is_unmarked and trade.exit_by is not None and now is not None and now >= trade.exit_by


def paper_records(trades: Sequence[PaperTrade], campaigns: Mapping[str, Campaign] | None = None) -> list[Record]:
    """One record a trade, with its marks."""
    return [
        {
            **asdict(trade),
            "legs": trade.text,
            "strategy": trade.strategy,
            "pnl": trade.gain,
            **campaign_record((campaigns or {}).get(str(trade.number)), str(trade.number), trade.gain),
            "due": trade.due and asdict(trade.due),
            "exit_by": trade.exit_by and trade.exit_by.isoformat(sep=" "),
        }
        for trade in trades
    ]


def campaign_record(campaign: Campaign | None, name: str, gain: float) -> Record:
    """P&L since the first opening of a rolled trade for JSON; null where it was not rolled."""
    return {
        "campaign_since": campaign.since if campaign else None,
        "campaign_trades": [*campaign.trades, name] if campaign else None,
        "campaign_pnl": campaign.booked + gain if campaign else None,
    }
