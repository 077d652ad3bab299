"""Order tickets as a table, records and text."""

from collections.abc import Sequence
from dataclasses import asdict

from iwm_opts.execution.order_formats import SOURCES
from iwm_opts.execution.ticket import Order, Ticket
from iwm_opts.report.console import bold, figures_grid, label_lines, note_lines, plain_table, render
from iwm_opts.report.records import Record, picked
from iwm_opts.report.words import dollars, net, price, strike
from iwm_opts.risk.margin import PositionCost


def leg_records(order: Order) -> list[Record]:
    """One record a leg."""
    return [
        {
            "action": f"{'buy' if leg.quantity > 0 else 'sell'} to {order.effect}",
            "contracts": order.contracts * abs(leg.quantity),
            "expiration": leg.contract.expiration.isoformat(),
            "right": leg.contract.right,
            "strike": leg.contract.strike,
            "bid": leg.bid,
            "ask": leg.ask,
            "occ_symbol": leg.contract.symbol,
        }
        for leg in order.legs
    ]


def ticket_record(ticket: Ticket, cost: PositionCost) -> Record:
    """Prices in $/share, a debit negative; `size` in dollars of the position."""
    entry, fill = ticket.entry, ticket.fill
    return {
        "symbol": entry.underlying,
        **picked(entry, "expiration", "contracts"),
        "fill": fill.model,
        "limit": entry.price,
        **picked(fill, "mid", "natural"),
        "tick": ticket.tick,
        "ladder": list(ticket.ladder),
        "target_price": None if ticket.target is None else ticket.target.price,
        **picked(ticket, "stop_price", "exit_date"),
        "size": asdict(cost) | {"naked": cost.naked or None},
        "legs": leg_records(entry),
    }


def ticket_table(
    ticket: Ticket,
    cost: PositionCost,
    headline: tuple[str, list[str], str],
    texts: Sequence[tuple[str, str, str]],
    warnings: Sequence[str],
    columns: int | None = None,
) -> str:
    """Ticket as text; `texts` holds format, entry and closing order, printed as they are, never wrapped."""
    title, lines, label = headline
    legs = (
        (
            leg["action"], str(leg["contracts"]), f"{leg['right']} {strike(leg['strike'])}", f"{leg['bid']:.2f}",
            f"{leg['ask']:.2f}", leg["occ_symbol"],
        )
        for leg in leg_records(ticket.entry)
    )  # fmt: skip
    left = ("action", "leg", "OCC symbol")
    table = plain_table("action", "lots", "leg", "bid", "ask", "OCC symbol", left=left, rows=legs)
    head = [*label_lines(label), bold(title), *lines, "", figures_grid(_figures(ticket, cost)), "", table]
    blocks = [
        f"\n{name}, {effect}{f' ({SOURCES[name]})' if len(texts) > 1 else ''}\n{text}\n"
        for name, opening, closing in texts
        for effect, text in (("open", opening), ("close at the target", closing))
        if text
    ]
    foot = ["", "Nothing was sent.", *note_lines(warnings), *label_lines(label)]
    return render(head, columns) + "".join(blocks) + render(foot, columns)


def _figures(ticket: Ticket, cost: PositionCost) -> list[tuple[str, str]]:
    """Lines of the order in $/share, and of the whole position in dollars."""
    entry, fill = ticket.entry, ticket.fill
    quotes = f"mid {price(abs(fill.mid))}, natural {net(fill.natural)}"
    time = ""
    if ticket.exit_date is not None:
        time = f"; time exit {ticket.exit_date} ({(entry.expiration - ticket.exit_date).days} DTE)"
    effect = "credit" if cost.credit > 0 else "debit"
    fees = f"fees {dollars(cost.opening_fees, 2)} to open, {dollars(cost.closing_fees, 2)} to close"
    return [
        ("limit", f"{net(entry.price)} at {fill.model} ({quotes}), day order"),
        ("ladder", "  ".join(f"{abs(limit):.2f}{'*' if limit == entry.price else ''}" for limit in ticket.ladder)),
        ("target", "none" if ticket.target is None else f"{net(ticket.target.price)}, good till cancelled"),
        ("stop", "none" if ticket.stop_price is None else f"{net(ticket.stop_price)} to close"),
        ("dates", f"expires {entry.expiration}{time}"),
        ("cash", f"{effect} {dollars(abs(cost.credit), 2)}, {fees}"),
        ("risk", f"max loss {dollars(cost.max_loss, 2)}, buying power {dollars(cost.buying_power, 2)}"),
    ]
