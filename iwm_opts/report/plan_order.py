"""Today's order of a plan in its document: legs, limit, exits in dollars, order texts, boxes to tick."""

import math
from dataclasses import asdict, dataclass
from datetime import date

from iwm_opts.conventions import MULTIPLIER, counted
from iwm_opts.report.page import Block, Bullets, Grid, Paragraph, Section, Verbatim
from iwm_opts.report.records import Record
from iwm_opts.report.words import dollars, net, price
from iwm_opts.risk.sizing import Size


@dataclass(frozen=True, slots=True)
class PricedExit:
    """Price that an exit closes at, and its result."""

    name: str  # profit or stop
    price: float  # net, $/share; a debit negative
    pnl: float  # dollars of the position, after fees both ways


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """Order of a plan's package on one chain; `refusal` says why there is none."""

    day: date
    quotes: str
    refusal: str
    expiration: date | None = None
    legs: str = ""
    contracts: int = 0
    limit: float = math.nan  # net, $/share; a debit negative
    mid: float = math.nan
    natural: float = math.nan
    fill: str = ""
    exits: tuple[PricedExit, ...] = ()
    exit_date: date | None = None
    max_loss: float = math.nan  # dollars of the position
    fees: float = math.nan  # dollars of the position, both ways
    buying_power: float = math.nan  # dollars of the position
    opening: str = ""  # thinkorswim
    closing: str = ""
    no_stop: str = ""  # why a stop was given and none is set
    size: Size | None = None  # allowed by the account; None where the chain could not be read
    loss_each: float = math.nan  # dollars a package, what the size rests on


def order_section(order: PlanOrder, take: bool, name: str) -> Section:
    """Section of the document."""
    head = Paragraph(f"Quotes {order.quotes}.")
    if order.refusal:
        return Section("Today's order", (head, Paragraph(order.refusal)))
    state = () if take else (Paragraph("NOT TRADED (the plan says skip). For information."),)
    size = f"{'' if take else 'would be '}{counted(order.contracts, 'contracts')}"
    levels = f"{net(order.limit)} (mid {price(abs(order.mid))}, natural {net(order.natural)})"
    cash = f"{dollars(MULTIPLIER * order.contracts * order.limit, 2)} before fees"
    rows = [(f"entry at {order.fill}", levels, cash)]
    rows += [(item.name, net(item.price), dollars(item.pnl, 2)) for item in order.exits]
    rows += [("DTE exit", f"on {order.exit_date}", "-")] if order.exit_date else []
    rows += [("largest loss", "-", dollars(-order.max_loss, 2)), ("buying power", "-", dollars(order.buying_power, 2))]
    texts = "\n".join(text for text in (order.opening, order.closing) if text)
    boxes = Bullets(tuple(_boxes(order, name)), is_checklist=True)
    blocks: tuple[Block, ...] = (
        head, *state, Paragraph(f"{order.expiration}: {order.legs}, {size}."),
        Grid(("", "$/share", "position, after fees"), tuple(rows)),
        *((Paragraph(f"{order.no_stop}."),) if order.no_stop else ()),
        *((Verbatim(texts), boxes) if take else ()),
    )  # fmt: skip
    return Section("Today's order", blocks)


def order_record(order: PlanOrder, take: bool) -> Record:
    """Order as a record for JSON; where the plan says skip, 0 contracts and no order text."""
    untraded = {"contracts": 0, "opening": None, "closing": None}
    return asdict(order) | {"contracts_ungated": order.contracts} | ({} if take else untraded)


def _boxes(order: PlanOrder, name: str) -> list[str]:
    effect = "credit" if order.limit > 0 else "debit"
    prices = {item.name: item.price for item in order.exits}
    limit = f"{abs(order.limit):.2f} {effect}; no worse than {abs(order.natural):.2f}"
    boxes = [
        "Decision above still TAKE; quotes fresh; no release before the next session",
        f"Order entered: {order.contracts} x {order.legs}, {order.expiration}, {limit}",
        f"Fill noted: price, time, mid (`iwm-opts paper open --plan {name}.toml`)",
    ]
    if "profit" in prices:
        boxes.append(f"Closing order at {net(prices['profit'])} entered, good till cancelled")
    if "stop" in prices:
        boxes.append(f"Alert set: close at {net(prices['stop'])} or worse")
    if order.exit_date:
        boxes.append(f"Calendar: close by {order.exit_date}; expires {order.expiration}")
    return boxes
