"""Order formats of brokers, written and read back: thinkorswim, tastytrade, Interactive Brokers, OCC leg list.

Sources, read 2026-11:

- thinkorswim: no public specification. Order text as its platform copies and pastes it, described at the address in
  `SOURCES`, and wordings of exported account statements: a vertical and an iron
  condor (call short/long, put short/long) are named, other packages are CUSTOM with a ratio, an expiration and a
  strike a leg; `(Weeklys)` marks expirations that are not monthly, and the root that settles on the close of a third
  Friday; `(Quarterlys)` the last session of a quarter; `[AM]` those settled on the open.
- tastytrade: `SOURCES` and
  https://developer.tastytrade.com/docs/guides/multi-leg-spreads: body of POST /accounts/{number}/orders; legs by OCC
  symbol of 21 characters, at most four; price positive with its price-effect.
- Interactive Brokers: `SOURCES` and
  https://www.ibkrguides.com/traderworkstation/manually-create-a-basket-file.htm. SecType BAG stands for spreads, but no
  documented field names their legs, which TWS knows by contract ids of its own: each leg is a row with a limit of its
  own, and the limits add up to the package's. An order that closes several legs is not written. Its fields name no
  trading class: where two roots share a day, the one on the close is not written.
- OCC leg list: action, contracts and OCC symbol of 21 characters
  (`SOURCES`, Options Symbology Initiative), then the net limit.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN, Right
from iwm_opts.documents import parse_object
from iwm_opts.errors import InputError
from iwm_opts.execution.ticket import Order, QuotedLeg, leg_limits
from iwm_opts.market.contract import (
    Contract,
    is_monthly,
    is_quarter_end,
    listed_root,
    occ_symbol,
    parse_occ,
    roots_on,
    settlement_of,
)

SOURCES: Final = {
    "thinkorswim": "https://tradient.net/docs/portfolio/tos-format",
    "tastytrade": "https://developer.tastytrade.com/docs/concepts/orders-and-order-types",
    "interactive-brokers": "https://www.ibkrguides.com/traderworkstation/basket-fields.htm",
    "occ": "https://www.theocc.com",
}
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
RIGHT_NAMES: Final = {"C": "CALL", "P": "PUT"}
RIGHTS: Final[dict[str, Right]] = {"CALL": "C", "PUT": "P"}
BASKET_FIELDS: Final = (
    "Action", "Quantity", "Symbol", "SecType", "LastTradingDayOrContractMonth", "Strike", "Right", "Exchange",
    "Currency", "TimeInForce", "OrderType", "LmtPrice", "BasketTag",
)  # fmt: skip
_DAY: Final = r"\d{1,2} [A-Z]{3} \d{2}(?: \[AM\])?"
THINKORSWIM: Final = re.compile(
    r"(?P<side>BUY|SELL) (?P<count>[+-]\d+) (?:(?P<ratio>-?\d+(?:/-?\d+)*) )?"
    r"(?:(?P<kind>VERTICAL|IRON CONDOR|CUSTOM) )?(?P<symbol>[A-Z.]+) 100 (?P<series>\((?:Week|Quarter)lys\) )?"
    rf"(?P<day>{_DAY})(?:/{_DAY})* (?P<strikes>[\d./]+) (?P<rights>[A-Z/]+) @(?P<price>-?[\d.]+) LMT(?: GTC)?"
)
OCC_LINE: Final = re.compile(r"(?P<side>BUY|SELL) TO (?:OPEN|CLOSE) (?P<count>\d+) (?P<symbol>.{21})")
OCC_LIMIT: Final = re.compile(r"LIMIT (?P<price>[\d.]+) (?P<effect>CREDIT|DEBIT)")


@dataclass(frozen=True, slots=True)
class ParsedOrder:
    """An order read back from a broker's format."""

    quantities: dict[Contract, int]  # signed contracts
    price: float  # net, $/share of one package; a debit negative


def to_thinkorswim(order: Order) -> str:
    """One line of order text."""
    legs, day = order.legs, order.expiration
    root = legs[0].contract.root
    is_standard = root == listed_root(order.underlying, day)
    series = "(Quarterlys) " if is_quarter_end(day) else "" if is_monthly(day) and is_standard else "(Weeklys) "
    expiration = f"{day.day} {MONTHS[day.month - 1]} {day:%y}"
    expiration += " [AM]" if settlement_of(root).settles_on == "open" else ""
    ratio, ordered, rights = "", list(legs), ""
    is_buy = order.price < 0
    kind = _named_kind(legs)
    if kind == "VERTICAL":
        ordered = sorted(legs, key=lambda leg: leg.quantity, reverse=is_buy)
        rights = RIGHT_NAMES[legs[0].contract.right]
    elif kind == "IRON CONDOR":
        # Calls before puts, the side that is traded first before its wing.
        sign = 1 if is_buy else -1
        ordered = sorted(legs, key=lambda leg: (-RIGHT_SIGN[leg.contract.right], -sign * leg.quantity))
        rights = "CALL/PUT"
    elif len(legs) == 1 and abs(legs[0].quantity) == 1:
        rights = RIGHT_NAMES[legs[0].contract.right]
    else:
        kind, is_buy = "CUSTOM", True
        ratio = "/".join(str(leg.quantity) for leg in legs) + " "
        rights = "/".join(RIGHT_NAMES[leg.contract.right] for leg in legs)
        expiration = "/".join([expiration] * len(legs))
    price = -order.price if kind == "CUSTOM" else abs(order.price)
    side = f"BUY +{order.contracts}" if is_buy else f"SELL -{order.contracts}"
    strikes = "/".join(f"{leg.contract.strike:g}" for leg in ordered)
    named = f"{kind} " if kind else ""
    until = " GTC" if order.duration == "gtc" else ""
    return (
        f"{side} {ratio}{named}{order.underlying} {MULTIPLIER} {series}{expiration} {strikes} {rights} "
        f"@{price:.2f} LMT{until}"
    )


def from_thinkorswim(text: str) -> ParsedOrder:
    """Read one line of order text.

    Raises
    ------
    InputError
        When the text is not an order of this form.
    """
    match = THINKORSWIM.fullmatch(text.strip())
    if match is None:
        raise InputError("order", text, "not a thinkorswim order", "paste the line of a ticket")
    day, month, year = match["day"].removesuffix(" [AM]").split()
    expiration = date(2000 + int(year), MONTHS.index(month) + 1, int(day))
    root = roots_on(match["symbol"], expiration)[-1 if match["series"] else 0]
    strikes = [float(item) for item in match["strikes"].split("/")]
    rights = [RIGHTS[item] for item in match["rights"].split("/")]
    sign = 1 if match["side"] == "BUY" else -1
    ratio = [1]
    if match["kind"] == "CUSTOM":
        ratio = [int(item) for item in match["ratio"].split("/")]
    elif match["kind"] == "VERTICAL":
        rights, ratio = rights * 2, [1, -1]
    elif match["kind"] == "IRON CONDOR":
        rights, ratio = [rights[0], rights[0], rights[1], rights[1]], [1, -1, 1, -1]
    count = abs(int(match["count"]))
    price = -sign * float(match["price"])
    listed = [Contract(root, expiration, right, strike) for right, strike in zip(rights, strikes, strict=True)]
    return ParsedOrder({item: sign * count * r for item, r in zip(listed, ratio, strict=True)}, price)


def to_tastytrade(order: Order) -> str:
    """JSON body of an order."""
    body = {
        "time-in-force": "GTC" if order.duration == "gtc" else "Day",
        "order-type": "Limit",
        "price": f"{abs(order.price):.2f}",
        "price-effect": "Credit" if order.price > 0 else "Debit",
        "legs": [
            {
                "instrument-type": "Equity Option",
                "symbol": _padded(leg.contract),
                "quantity": order.contracts * abs(leg.quantity),
                "action": f"{'Buy' if leg.quantity > 0 else 'Sell'} to {order.effect.capitalize()}",
            }
            for leg in order.legs
        ],
    }
    return json.dumps(body, indent=2)


def from_tastytrade(text: str) -> ParsedOrder:
    """Read the JSON body of an order.

    Raises
    ------
    InputError
        When a field is missing.
    """
    try:
        body = parse_object(text)
        quantities = {
            parse_occ(leg["symbol"]): int(leg["quantity"]) * (1 if leg["action"].startswith("Buy ") else -1)
            for leg in body["legs"]
        }
        price = float(body["price"]) * (1 if body["price-effect"] == "Credit" else -1)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("order", text, f"not a tastytrade order: {error}", "use the JSON of a ticket") from None
    return ParsedOrder(quantities, price)


def to_interactive_brokers(order: Order) -> str:
    """Basket CSV, one row a leg, without spaces around commas."""
    text = io.StringIO()
    writer = csv.DictWriter(text, BASKET_FIELDS, lineterminator="\n")
    writer.writeheader()
    limits = leg_limits(order, settlement_of(order.legs[0].contract.root).tick)
    for leg, limit in zip(order.legs, limits, strict=True):
        writer.writerow(
            {
                "Action": "BUY" if leg.quantity > 0 else "SELL",
                "Quantity": order.contracts * abs(leg.quantity),
                "Symbol": order.underlying,
                "SecType": "OPT",
                "LastTradingDayOrContractMonth": f"{order.expiration:%Y%m%d}",
                "Strike": f"{leg.contract.strike:g}",
                "Right": leg.contract.right,
                "Exchange": "SMART",
                "Currency": "USD",
                "TimeInForce": order.duration.upper(),
                "OrderType": "LMT",
                "LmtPrice": f"{limit:.2f}",
                "BasketTag": f"{order.underlying}{order.expiration:%y%m%d}x{order.contracts}",
            }
        )
    return text.getvalue().rstrip("\n")


def from_interactive_brokers(text: str) -> ParsedOrder:
    """Read a basket of option legs.

    Raises
    ------
    InputError
        When a column is missing.
    """
    quantities: dict[Contract, int] = {}
    cash, packages = 0.0, 1
    try:
        for row in csv.DictReader(io.StringIO(text)):
            expiration = datetime.strptime(row["LastTradingDayOrContractMonth"], "%Y%m%d").date()  # noqa: DTZ007
            root = listed_root(row["Symbol"], expiration)
            contract = Contract(root, expiration, cast("Right", row["Right"]), float(row["Strike"]))
            quantities[contract] = int(row["Quantity"]) * (1 if row["Action"] == "BUY" else -1)
            cash -= quantities[contract] * float(row["LmtPrice"])
            packages = int(row["BasketTag"].rpartition("x")[2])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("order", text, f"not a basket of options: {error}", "use the CSV of a ticket") from None
    return ParsedOrder(quantities, round(cash / packages, 10))


def to_occ(order: Order) -> str:
    """One leg a line, then the net limit of one package."""
    lines = [
        f"{'BUY' if leg.quantity > 0 else 'SELL'} TO {order.effect.upper()} {order.contracts * abs(leg.quantity)} "
        f"{_padded(leg.contract)}"
        for leg in order.legs
    ]
    return "\n".join([*lines, f"LIMIT {abs(order.price):.2f} {'CREDIT' if order.price > 0 else 'DEBIT'}"])


def from_occ(text: str) -> ParsedOrder:
    """Read an OCC leg list.

    Raises
    ------
    InputError
        When a line is neither a leg nor the limit.
    """
    quantities: dict[Contract, int] = {}
    price = float("nan")
    for line in text.splitlines():
        leg, limit = OCC_LINE.fullmatch(line), OCC_LIMIT.fullmatch(line)
        if leg is not None:
            quantities[parse_occ(leg["symbol"])] = int(leg["count"]) * (1 if leg["side"] == "BUY" else -1)
        elif limit is not None:
            price = float(limit["price"]) * (1 if limit["effect"] == "CREDIT" else -1)
        else:
            raise InputError("order", line, "neither a leg nor a limit", "use the leg list of a ticket")
    return ParsedOrder(quantities, price)


FORMATS: Final[dict[str, tuple[Callable[[Order], str], Callable[[str], ParsedOrder]]]] = {
    "thinkorswim": (to_thinkorswim, from_thinkorswim),
    "tastytrade": (to_tastytrade, from_tastytrade),
    "interactive-brokers": (to_interactive_brokers, from_interactive_brokers),
    "occ": (to_occ, from_occ),
}


def write_order(order: Order, name: str) -> str:
    """Order in one format, checked by reading it back.

    Raises
    ------
    InputError
        For an unknown format, one that cannot express the order, and a basket that closes several legs.
    """
    if name not in FORMATS:
        raise InputError("order_format", name, "unknown order format", f"choose one of {', '.join(FORMATS)}")
    if name == "interactive-brokers" and order.effect == "close" and len(order.legs) > 1:
        rule = "a basket names no legs of a combination, and legs closed one by one can leave a naked short"
        legs = " ".join(f"{leg.quantity:+d}{leg.contract.right}{leg.contract.strike:g}" for leg in order.legs)
        net = f"{abs(order.price):.2f} {'credit' if order.price > 0 else 'debit'}"
        remedy = f"build it in TWS: {order.contracts} x {legs}, {order.expiration}, at {net}; occ lists the same legs"
        raise InputError("order_format", name, rule, remedy)
    if not can_write(order, name):
        raise InputError("order_format", name, "cannot express these legs", "choose another format")
    return FORMATS[name][0](order)


def can_write(order: Order, name: str) -> bool:
    """Whether a format expresses an order's legs."""
    write, read = FORMATS[name]
    return read(write(order)).quantities == order.quantities


def _named_kind(legs: Sequence[QuotedLeg]) -> str:
    """`VERTICAL`, `IRON CONDOR`, or nothing."""
    shape = sorted((RIGHT_SIGN[leg.contract.right], leg.quantity) for leg in legs)
    if len(legs) == 2 and shape[0][0] == shape[1][0] and [size for _, size in shape] == [-1, 1]:
        return "VERTICAL"
    if shape != [(-1, -1), (-1, 1), (1, -1), (1, 1)]:
        return ""
    strike = {(leg.contract.right, leg.quantity): leg.contract.strike for leg in legs}
    is_short = strike["P", 1] < strike["P", -1] <= strike["C", -1] < strike["C", 1]
    is_long = strike["P", -1] < strike["P", 1] <= strike["C", 1] < strike["C", -1]
    return "IRON CONDOR" if is_short or is_long else ""


def _padded(contract: Contract) -> str:
    return occ_symbol(contract.root, contract.expiration, contract.right, contract.strike, padded=True)
