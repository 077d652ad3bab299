"""The paper journal for people to read, and as records."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.console import RenderableType

from iwm_opts.journal.paper_trade import Campaign, PaperTrade
from iwm_opts.report.console import bold, plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, price


def paper_table(
    trades: Sequence[PaperTrade],
    what: str,
    columns: int | None = None,
    now: datetime | None = None,
    campaigns: Mapping[str, Campaign] | None = None,
) -> str:
    """Trades with their last mark, as text, below the result of the command.

    An unmarked intraday trade is due by `now`, a time of New York; `campaigns` were rolled into a trade, by its number.
    """
    parts: list[RenderableType] = []
    is_simulated = not all(trade.provenance.is_real for trade in trades)
    if is_simulated or what:
        label = "SIMULATED MARKET  " if is_simulated else ""
        parts += [bold(f"{label}{what}".strip()), ""]
    table = plain_table("no", "opened", "n", "credit", "risk", "last", "debit", "P&L", "exit", left=("opened", "exit"))
    for trade in trades:
        last, closing, due = trade.marks[-1] if trade.marks else None, trade.closing, trade.due
        paid = closing.debit if closing else last.debit if last else math.nan
        day = closing.at[:10] if closing else last.day if last else "-"
        state = f"DUE: time since {trade.opened[:10]}" if _is_over(trade, now) else "open"
        state = closing.reason if closing else f"DUE: {due.rule} since {due.day}" if due else state
        table.add_row(
            str(trade.number), trade.opened[:10], str(trade.contracts), price(trade.credit), dollars(trade.risk), day,
            price(paid), dollars(trade.gain), state,
        )  # fmt: skip
    parts += [table, ""]
    for trade in trades:
        plan = f", plan {trade.plan}" if trade.plan else ""
        over = ", which is over: close it" if _is_over(trade, now) else ""
        package = f"{trade.expiration} {trade.text}"
        if trade.shares is not None:
            target = "no target" if trade.shares.target is None else f"target {price(trade.shares.target)}"
            package = f"shares, stop {price(trade.shares.stop)}, {target}"
        clock = f", leave by {trade.exit_by:%Y-%m-%d %H:%M}" if trade.exit_by else ""
        parts.append(f"{trade.number}: {trade.symbol} {package}{clock}{over}{plan}; {trade.market}")
        campaign = (campaigns or {}).get(str(trade.number))
        if campaign is not None:
            parts.append(f"   {campaign_text(campaign, trade.gain)}")
    parts.append("P&L after fees, at the model's fill while open; credit and debit in dollars a share")
    return render(parts, columns)


def campaign_text(campaign: Campaign, gain: float) -> str:
    """P&L since the first opening of a rolled trade, whose own is `gain`."""
    earlier = f"trade{'s' if len(campaign.trades) > 1 else ''} {', '.join(campaign.trades)}"
    booked = f"{earlier} before the roll {dollars(campaign.booked, 2)}"
    if math.isnan(gain):
        return f"since {campaign.since}: {booked}; this trade is not marked yet"
    return f"P&L since {campaign.since}: {dollars(campaign.booked + gain, 2)}; this trade {dollars(gain, 2)}, {booked}"


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
