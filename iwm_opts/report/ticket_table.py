"""Order tickets as a table, records and text."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from iwm_opts.execution.order_formats import SOURCES
from iwm_opts.execution.ticket import Order, Ticket
from iwm_opts.report.console import plain_table, render
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, price, strike
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
        "expiration": entry.expiration.isoformat(),
        "contracts": entry.contracts,
        "fill": fill.model,
        "limit": entry.price,
        "mid": fill.mid,
        "natural": fill.natural,
        "tick": ticket.tick,
        "ladder": list(ticket.ladder),
        "target_price": None if ticket.target is None else ticket.target.price,
        "stop_price": ticket.stop_price,
        "exit_date": None if ticket.exit_date is None else ticket.exit_date.isoformat(),
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
    labels: list[RenderableType] = [Text(label, style="bold red")] if label else []
    figures = Table.grid(padding=(0, 2, 0, 0))
    for name, text in (*_figures(ticket), *_dollars(cost)):
        figures.add_row(name, text)
    legs = plain_table("action", "lots", "leg", "bid", "ask", "OCC symbol", left=("action", "leg", "OCC symbol"))
    for leg in leg_records(ticket.entry):
        cells = [leg["action"], str(leg["contracts"]), f"{leg['right']} {strike(leg['strike'])}"]
        legs.add_row(*cells, f"{leg['bid']:.2f}", f"{leg['ask']:.2f}", leg["occ_symbol"])
    head = render(
        [*labels, Text(title, style="bold"), *map(Text, lines), Text(""), Padding(figures, 0), Text(""), legs], columns
    )
    blocks = [
        f"\n{name}, {effect}{f' ({SOURCES[name]})' if len(texts) > 1 else ''}\n{text}\n"
        for name, opening, closing in texts
        for effect, text in (("open", opening), ("close at the target", closing))
        if text
    ]
    notes = [Text(f"note: {warning}", style="yellow") for warning in warnings]
    return head + "".join(blocks) + render([Text(""), Text("Nothing was sent."), *notes, *labels], columns)


def _figures(ticket: Ticket) -> list[tuple[str, str]]:
    entry, fill = ticket.entry, ticket.fill
    quotes = f"mid {price(abs(fill.mid))}, natural {_net(fill.natural)}"
    target = "none" if ticket.target is None else f"{_net(ticket.target.price)}, good till cancelled"
    stop = "none" if ticket.stop_price is None else f"{_net(ticket.stop_price)} to close"
    time = ""
    if ticket.exit_date is not None:
        time = f"; time exit {ticket.exit_date} ({(entry.expiration - ticket.exit_date).days} DTE)"
    return [
        ("limit", f"{_net(entry.price)} at {fill.model} ({quotes}), day order"),
        ("ladder", "  ".join(f"{abs(limit):.2f}{'*' if limit == entry.price else ''}" for limit in ticket.ladder)),
        ("target", target),
        ("stop", stop),
        ("dates", f"expires {entry.expiration}{time}"),
    ]


def _dollars(cost: PositionCost) -> list[tuple[str, str]]:
    """Lines of the whole position in dollars."""
    effect = "credit" if cost.credit > 0 else "debit"
    fees = f"fees {dollars(cost.opening_fees, 2)} to open, {dollars(cost.closing_fees, 2)} to close"
    loss = f"max loss {dollars(cost.max_loss, 2)}, buying power {dollars(cost.buying_power, 2)}"
    return [("cash", f"{effect} {dollars(abs(cost.credit), 2)}, {fees}"), ("risk", loss)]


def _net(value: float) -> str:
    return f"{abs(value):.2f} {'credit' if value > 0 else 'debit'}"
