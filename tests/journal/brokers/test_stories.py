"""The same dealings as each broker writes them: halves, rolls, lots, assignments, exercises, cash settlement.

A story is (events oldest first, dollars of all closed trades, open trades). Trading a contract costs $1, shares
nothing; the dollars are worked out by hand from the prices. Stories are read alone, in both orders of rows, and all in
one file.
"""

import csv
import io
import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import shows


@dataclass(frozen=True)
class Option:
    right: str
    strike: float
    expiration: date
    root: str = "IWM"

    @property
    def occ(self):
        return f"{self.root:<6}{self.expiration:%y%m%d}{self.right}{round(1000 * self.strike):08d}"

    @property
    def word(self):
        return "Put" if self.right == "P" else "Call"


@dataclass(frozen=True)
class Event:
    kind: str  # trade, expiration, assignment, exercise, cash, delivery
    day: date
    clock: str
    what: Option | str
    quantity: int  # bought positive; of an ending what ends a position, so that a short one is positive
    price: float = 0.0
    effect: str = "close"
    order: int = 0

    @property
    def is_option(self):
        return isinstance(self.what, Option)

    @property
    def fee(self):
        return float(abs(self.quantity)) if self.kind == "trade" and self.is_option else 0.0

    @property
    def value(self):
        return -self.quantity * self.price * (100 if self.is_option else 1)

    @property
    def verb(self):
        return "BUY" if self.quantity > 0 else "SELL"


MARCH, APRIL = date(2026, 3, 20), date(2026, 4, 17)
SHARES = "IWM"


def day(text):
    return date.fromisoformat(f"2026-{text}")


def put(strike, expiration=MARCH, root="IWM"):
    return Option("P", strike, expiration, root)


def call(strike, expiration=MARCH):
    return Option("C", strike, expiration)


def opens(when, order, *legs, clock="10:00:00"):
    return [Event("trade", day(when), clock, what, count, price, "open", order) for what, count, price in legs]


def closes(when, order, *legs, clock="11:00:00"):
    return [Event("trade", day(when), clock, what, count, price, "close", order) for what, count, price in legs]


def ends(when, kind, what, count, price=0.0):
    return [Event(kind, day(when), "16:20:00", what, count, price)]


def delivers(when, count, price, effect):
    return [Event("delivery", day(when), "16:20:00", SHARES, count, price, effect)]


STORIES = {
    "condor in halves": (
        [
            *opens("03-02", 1, (put(185), 2, 0.70), (put(190), -2, 1.20), (call(205), -2, 1.10), (call(210), 2, 0.60)),
            *closes("03-09", 2, (put(185), -1, 0.20), (put(190), 1, 0.50), (call(205), 1, 0.40), (call(210), -1, 0.10)),
            *closes("03-12", 3, (put(185), -1, 0.10), (put(190), 1, 0.30)),
            *closes("03-16", 4, (call(205), 1, 0.20), (call(210), -1, 0.05)),
        ],
        (100 - 60 - 8) + (100 - 20 - 15 - 8),
        0,
    ),
    "call assigned on the ex-date": (
        [
            *opens("03-02", 1, (call(205), -1, 1.50), (call(210), 1, 0.50)),
            *ends("03-18", "assignment", call(205), 1),
            *delivers("03-18", -100, 205.0, "open"),
            *closes("03-19", 2, (SHARES, 100, 208.0)),
            *closes("03-19", 3, (call(210), -1, 0.80), clock="11:00:30"),
        ],
        100 - 300 + 80 - 3,
        0,
    ),
    "one leg expires, one is assigned": (
        [
            *opens("03-02", 1, (put(185), 1, 0.70), (put(190), -1, 1.20)),
            *ends("03-20", "assignment", put(190), 1),
            *delivers("03-20", 100, 190.0, "open"),
            *ends("03-20", "expiration", put(185), -1),
            *closes("03-23", 2, (SHARES, -100, 188.0)),
        ],
        50 - 200 - 2,
        0,
    ),
    "roll": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20)),
            *closes("03-10", 2, (put(190), 1, 2.00)),
            *opens("03-10", 2, (put(188, APRIL), -1, 2.50), clock="11:00:00"),
            *ends("04-17", "expiration", put(188, APRIL), 1),
        ],
        (-80 - 2) + (250 - 1),
        0,
    ),
    "another ticker at the same time": (
        [
            *opens("03-02", 1, (put(185), 1, 0.70), (put(190), -1, 1.20)),
            *opens("03-02", 2, (put(600, root="SPY"), -1, 3.00)),
            *closes("03-10", 3, (put(185), -1, 0.20), (put(190), 1, 0.40)),
            *closes("03-10", 4, (put(600, root="SPY"), 1, 1.00)),
        ],
        (30 - 4) + (200 - 2),
        0,
    ),
    "fills of one order": (
        [*opens("03-02", 1, (put(190), -1, 1.20), (put(190), -2, 1.22)), *closes("03-10", 2, (put(190), 3, 0.40))],
        364 - 120 - 6,
        0,
    ),
    "wheel": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20)),
            *ends("03-20", "assignment", put(190), 1),
            *delivers("03-20", 100, 190.0, "open"),
            *opens("03-23", 2, (call(195, APRIL), -1, 1.00)),
            *ends("04-17", "assignment", call(195, APRIL), 1),
            *delivers("04-17", -100, 195.0, "close"),
        ],
        (120 + 500 - 1) + (100 - 1),
        0,
    ),
    "bought and sold twice a day": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20)),
            *closes("03-02", 2, (put(190), 1, 1.00)),
            *opens("03-02", 3, (put(190), -1, 1.40), clock="13:00:00"),
            *closes("03-02", 4, (put(190), 1, 1.10), clock="15:00:00"),
        ],
        20 + 30 - 4,
        0,
    ),
    "long put exercised, shares held": (
        [
            *opens("03-02", 1, (SHARES, 100, 200.0)),
            *opens("03-02", 2, (put(195), 1, 2.00), clock="10:05:00"),
            *ends("03-20", "exercise", put(195), -1),
            *delivers("03-20", -100, 195.0, "close"),
        ],
        -500 - 200 - 1,
        0,
    ),
    "one leg settles in cash": (
        [
            *opens("03-02", 1, (put(6000, root="SPXW"), -1, 20.0), (put(5990, root="SPXW"), 1, 17.0)),
            *ends("03-20", "cash", put(6000, root="SPXW"), 1, 8.0),
            *ends("03-20", "expiration", put(5990, root="SPXW"), -1),
        ],
        300 - 800 - 2,
        0,
    ),
    "both legs settle in cash": (
        [
            *opens("03-02", 1, (put(6000, root="SPXW"), -1, 20.0), (put(5990, root="SPXW"), 1, 17.0)),
            *ends("03-20", "cash", put(6000, root="SPXW"), 1, 15.0),
            *ends("03-20", "cash", put(5990, root="SPXW"), -1, 5.0),
        ],
        300 - 1000 - 2,
        0,
    ),
    "assigned in two goes": (
        [
            *opens("03-02", 1, (put(190), -3, 1.20)),
            *ends("03-12", "assignment", put(190), 1),
            *delivers("03-12", 100, 190.0, "open"),
            *ends("03-20", "assignment", put(190), 2),
            *delivers("03-20", 200, 190.0, "open"),
            *closes("03-23", 2, (SHARES, -300, 188.0)),
        ],
        360 - 600 - 3,
        0,
    ),
    "assigned and exercised": (
        [
            *opens("03-02", 1, (put(185), 1, 0.70), (put(190), -1, 1.20)),
            *ends("03-20", "assignment", put(190), 1),
            *delivers("03-20", 100, 190.0, "open"),
            *ends("03-20", "exercise", put(185), -1),
            *delivers("03-20", -100, 185.0, "close"),
        ],
        50 - 500 - 2,
        0,
    ),
    "strangle assigned on both sides": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20), (call(205), -1, 1.10)),
            *ends("03-12", "assignment", put(190), 1),
            *delivers("03-12", 100, 190.0, "open"),
            *ends("03-20", "assignment", call(205), 1),
            *delivers("03-20", -100, 205.0, "close"),
        ],
        230 + 1500 - 2,
        0,
    ),
    "assigned in two rows, delivered in one": (
        [
            *opens("03-02", 1, (put(190), -2, 1.20)),
            *ends("03-20", "assignment", put(190), 1),
            *ends("03-20", "assignment", put(190), 1),
            *delivers("03-20", 200, 190.0, "open"),
            *closes("03-23", 2, (SHARES, -200, 188.0)),
        ],
        240 - 400 - 2,
        0,
    ),
    "sold at the strike after the assignment": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20)),
            *ends("03-20", "assignment", put(190), 1),
            *delivers("03-20", 100, 190.0, "open"),
            *closes("03-23", 2, (SHARES, -100, 190.0)),
        ],
        120 - 1,
        0,
    ),
    "calendar": (
        [
            *opens("03-02", 1, (put(190), -1, 1.20), (put(190, APRIL), 1, 3.00)),
            *ends("03-20", "expiration", put(190), 1),
            *closes("03-23", 2, (put(190, APRIL), -1, 2.50)),
        ],
        -180 + 250 - 3,
        0,
    ),
    "ratio": (
        [
            *opens("03-02", 1, (put(190), 1, 2.00), (put(185), -2, 1.20)),
            *closes("03-10", 2, (put(190), -1, 1.00), (put(185), 2, 0.50)),
        ],
        40 + 0 - 6,
        0,
    ),
    "one of two open at the end": (
        [*opens("03-02", 1, (put(190), -2, 1.20)), *closes("03-10", 2, (put(190), 1, 0.40))],
        80 - 2,
        1,
    ),
    "fees above the premium": (
        [
            *opens("03-02", 1, (put(6000, root="SPXW"), -10, 0.35)),
            *closes("03-19", 2, (put(6000, root="SPXW"), 10, 0.01)),
        ],
        340 - 20,
        0,
    ),
    "half strikes and thousands": (
        [
            *opens("03-02", 1, (put(187.5), 1, 0.70), (put(192.5), -1, 1.20)),
            *opens("03-02", 2, (SHARES, 1500, 200.25)),
            *closes("03-10", 3, (put(187.5), -1, 0.20), (put(192.5), 1, 0.40)),
            *closes("03-10", 4, (SHARES, -1500, 1201.50)),
        ],
        (30 - 4) + 1500 * 1001.25,
        0,
    ),
}  # fmt: skip


def text_of(rows):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def interactive_brokers(events, newest_first):
    codes = {"expiration": "C;Ep", "assignment": "A;C", "exercise": "C;Ex"}
    rows = []
    for event in events:
        what, code = event.what, codes.get(event.kind, "")
        if event.kind == "trade":
            code = event.effect[0].upper()
        elif event.kind == "cash":
            code = codes["assignment" if event.quantity > 0 else "exercise"]
        elif event.kind == "delivery":
            code = f"A;{event.effect[0].upper()}"
        symbol = what
        if event.is_option:
            symbol = f"{what.root} {what.expiration:%d%b%y} {what.strike:g} {what.right}".upper()
        category = "Equity and Index Options" if event.is_option else "Stocks"
        rows.append(
            ["Trades", "Data", "Order", category, "USD", symbol, f"{event.day}, {event.clock}", event.quantity,
             event.price, -event.fee, code]
        )  # fmt: skip
    header = ["Trades", "Header", "DataDiscriminator", "Asset Category", "Currency", "Symbol", "Date/Time", "Quantity"]
    return text_of([[*header, "T. Price", "Comm/Fee", "Code"], *(rows[::-1] if newest_first else rows)])


def tastytrade(events, newest_first):
    rows = []
    for event in events:
        what, is_trade = event.what, event.kind == "trade"
        action = f"{event.verb}_TO_{event.effect.upper()}"
        subs = {
            "cash": f"Cash Settled {'Assignment' if event.quantity > 0 else 'Exercise'}",
            "delivery": action.replace("_", " ").title(),
        }
        offset = "-04:00" if event.day >= date(2026, 3, 8) else "-05:00"
        contract = ["", "", "", "", "", ""]
        if event.is_option:
            symbol = what.root.replace("SPXW", "SPX")
            contract = [100, what.root, symbol, f"{what.expiration:%m/%d/%y}", what.strike, what.word.upper()]
        rows.append(
            [f"{event.day}T{event.clock}{offset}", "Trade" if is_trade else "Receive Deliver",
             subs.get(event.kind, event.kind.title()), action if is_trade or event.kind == "delivery" else "",
             what.occ if event.is_option else what, "Equity Option" if event.is_option else "Equity", "",
             f"{event.value:,.2f}", abs(event.quantity), "", f"{-event.fee:.2f}", "0.00", *contract,
             event.order or "", "USD"]
        )  # fmt: skip
    header = (
        "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,"
        "Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Currency"
    )
    return text_of([header.split(","), *(rows[::-1] if newest_first else rows)])


def schwab(events, newest_first):
    endings = {"expiration": "Expired", "assignment": "Assigned", "exercise": "Exchange or Exercise"}
    rows = []
    for event in events:
        what, verb = event.what, event.verb.title()
        symbol, action = what, verb
        if event.is_option:
            symbol = f"{what.root} {what.expiration:%m/%d/%Y} {what.strike:.2f} {what.right}"
            action = endings.get(event.kind, f"{verb} to {event.effect.title()}")
            if event.kind == "cash":
                action = endings["assignment" if event.quantity > 0 else "exercise"]
        elif event.kind == "trade" and event.quantity > 0 and event.effect == "close":
            action = "Buy to Cover"
        is_priced = event.kind in ("trade", "delivery")
        rows.append(
            [f"{event.day:%m/%d/%Y}", action, symbol, "", f"{abs(event.quantity):,}",
             f"${event.price:,.2f}" if is_priced else "", f"${event.fee:.2f}" if event.fee else "",
             f"${event.value - event.fee:,.2f}".replace("$-", "-$") if is_priced or event.price else ""]
        )  # fmt: skip
    header = ["Date", "Action", "Symbol", "Description", "Quantity", "Price", "Fees & Comm", "Amount"]
    return text_of([header, *(rows[::-1] if newest_first else rows)])


def robinhood(events, newest_first):
    endings = {"expiration": "OEXP", "assignment": "OASGN", "exercise": "OEXCS"}
    rows = []
    for event in events:
        what, code, description = event.what, event.verb.title(), "iShares\nCUSIP: 464287655"
        if event.is_option:
            expiration = f"{what.expiration.month}/{what.expiration.day}/{what.expiration.year}"
            description = f"{what.root} {expiration} {what.word} ${what.strike:,.2f}"
            code = endings.get(event.kind, f"{event.verb[0]}T{event.effect[0].upper()}")
            if event.kind == "cash":
                code = endings["assignment" if event.quantity > 0 else "exercise"]
        is_priced = event.kind in ("trade", "delivery")
        amount = event.value - event.fee
        money = f"(${-amount:,.2f})" if amount < 0 else f"${amount:,.2f}"
        rows.append(
            [f"{event.day:%m/%d/%Y}", "", "", what.root if event.is_option else what, description, code,
             abs(event.quantity), f"${event.price:,.2f}" if is_priced else "", money * bool(is_priced or event.price)]
        )  # fmt: skip
    header = "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount"
    return text_of([header.split(","), *(rows[::-1] if newest_first else rows)])


def fidelity(events, newest_first):
    rows = []
    for event in events:
        what, words, symbol = event.what, f"YOU {'BOUGHT' if event.quantity > 0 else 'SOLD'}", f" {event.what}"
        if event.is_option:
            symbol = f" -{what.root}{what.expiration:%y%m%d}{what.right}{what.strike:g}"
            words += (
                f" {'OPENING' if event.effect == 'open' else 'CLOSING'} TRANSACTION {what.word.upper()} ({what.root})"
            )
            if event.kind != "trade":
                ending = {"expiration": "EXPIRED", "exercise": "EXERCISED"}.get(event.kind, "ASSIGNED")
                if event.kind == "cash" and event.quantity < 0:
                    ending = "EXERCISED"
                words = f"{ending} as of {event.day:%b-%d-%Y} {what.word.upper()} ({what.root})"
        elif event.kind == "delivery":
            words += f" ASSIGNED {'PUTS' if event.quantity > 0 else 'CALLS'} AS OF {event.day:%m-%d-%y} ISHARES"
        elif event.quantity > 0 and event.effect == "close":
            words += " SHORT COVER ISHARES"
        is_priced = event.kind in ("trade", "delivery")
        rows.append(
            [f"{event.day:%m/%d/%Y}", words, symbol, "", "Margin", event.quantity, event.price if is_priced else "",
             event.fee or "", "", event.value - event.fee if is_priced or event.price else ""]
        )  # fmt: skip
    header = "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)"
    return text_of([header.split(","), *(rows[::-1] if newest_first else rows)])


def td_ameritrade(events, newest_first):
    rows = []
    for event in events:
        what, symbol = event.what, event.what
        if event.is_option:
            symbol = f"{what.root} {what.expiration:%b %d %Y} {what.strike:.1f} {what.word}"
        is_priced = event.kind in ("trade", "delivery")
        ending = event.kind.upper() if event.kind != "cash" else "ASSIGNMENT" if event.quantity > 0 else "EXERCISE"
        words = f"REMOVAL OF OPTION DUE TO {ending} ({symbol})"
        if is_priced:
            words = f"{'Bought' if event.quantity > 0 else 'Sold'} {abs(event.quantity)} {symbol} @ {event.price}"
        rows.append(
            [f"{event.day:%m/%d/%Y}", 1, words, abs(event.quantity), symbol, event.price if is_priced else "",
             event.fee or "", event.value - event.fee, ""]
        )  # fmt: skip
    header = "DATE,TRANSACTION ID,DESCRIPTION,QUANTITY,SYMBOL,PRICE,COMMISSION,AMOUNT,REG FEE"
    return text_of([header.split(","), *(rows[::-1] if newest_first else rows), ["***END OF FILE***"]])


def option_name(what):
    root = what.root.replace("SPXW", "SPX")
    return f"{root} 100 {what.expiration:%d %b %y} {what.strike:g} {what.word}".upper()


def thinkorswim(events, newest_first):
    cash, trades, orders = [], [], {}
    for event in events:
        if event.kind == "trade":
            orders.setdefault((event.day, event.clock, event.order, event.is_option), []).append(event)
    for (when, clock, number, _), legs in orders.items():
        first, net = legs[0], sum(-leg.value for leg in legs) / legs[0].quantity
        net /= 100 if first.is_option else 1
        name = option_name(first.what) if first.is_option else first.what
        verb = "BOT" if first.quantity > 0 else "SOLD"
        what = f"{verb} {first.quantity:+,d} {'CUSTOM ' * (len(legs) > 1)}{name} @{net:.2f}"
        fee, value = sum(leg.fee for leg in legs), sum(leg.value for leg in legs)
        cash.append([f"{when:%m/%d/%y}", clock, "TRD", number, what, -fee or "", "", f"{value:,.2f}", 0])
        rows = []
        for place, leg in enumerate(legs):
            symbol = leg.what.root.replace("SPXW", "SPX") if leg.is_option else leg.what
            option = ["", "", "ETF"]
            if leg.is_option:
                option = [f"{leg.what.expiration:%d %b %y}".upper(), leg.what.strike, leg.what.word.upper()]
            rows.append(
                ["", "" if place else f"{when:%m/%d/%y} {clock}", "" if place else "CUSTOM", leg.verb,
                 f"{leg.quantity:+d}", f"TO {leg.effect.upper()}", symbol,
                 *option, leg.price, "" if place else f"{net:.2f}", "LMT"]
            )  # fmt: skip
        trades.append(rows)
    for event in events:
        what, money = event.what, [event.day.strftime("%m/%d/%y"), event.clock]
        if event.kind == "delivery":
            words = f"{'BOT' if event.quantity > 0 else 'SOLD'} {event.quantity:+d} {what} UPON OPTION ASSIGNMENT"
            cash.append([*money, "TRD", 9, words, "", "", f"{event.value:,.2f}", 0])
        elif event.kind != "trade":
            name = option_name(what)
            ending = event.kind.upper() if event.kind != "cash" else "ASSIGNMENT" if event.quantity > 0 else "EXERCISE"
            words = f"REMOVAL OF OPTION DUE TO {ending} {float(event.quantity)} {name}"
            cash.append([*money, "RAD", 9, words, "", "", "", 0])
            if event.kind == "cash":
                cash.append([*money, "TRD", 9, f"CASH SETTLEMENT {name}", "", "", f"{event.value:,.2f}", 0])
    if newest_first:
        cash, trades = cash[::-1], trades[::-1]
    header = "DATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE"
    columns = ",Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type"
    return text_of(
        [
            ["Cash Balance"],
            header.split(","),
            *cash,
            [],
            ["Account Trade History"],
            columns.split(","),
            *chain(*trades),
        ]
    )


def flex(events, newest_first):
    notes = {"expiration": "Ep", "assignment": "A", "exercise": "Ex"}
    rows = []
    for event in events:
        what, note = event.what, notes.get(event.kind, "")
        if event.kind == "cash":
            note = "A" if event.quantity > 0 else "Ex"
        contract = ["STK", what, what, 1, "", "", ""]
        if event.is_option:
            symbol = what.root.replace("SPXW", "SPX")
            contract = ["OPT", what.occ, symbol, 100, what.strike, f"{what.expiration:%Y%m%d}", what.right]
        rows.append(
            ["U1", "USD", *contract, f"{event.day:%Y%m%d};{event.clock.replace(':', '')}", event.quantity, event.price,
             -event.fee, event.effect[0].upper(), "A" if event.kind == "delivery" else note, event.verb,
             event.order or ""]
        )  # fmt: skip
    header = (
        "ClientAccountID,CurrencyPrimary,AssetClass,Symbol,UnderlyingSymbol,Multiplier,Strike,Expiry,Put/Call,DateTime,"
        "Quantity,TradePrice,IBCommission,Open/CloseIndicator,Notes/Codes,Buy/Sell,IBOrderID"
    )
    return text_of([header.split(","), *(rows[::-1] if newest_first else rows)])


def ib_history(events, newest_first):
    kinds = {"expiration": "Expiration", "assignment": "Assignment", "exercise": "Exercise", "delivery": "Assignment"}
    rows = []
    for event in events:
        what, kind = event.what, kinds.get(event.kind, event.verb.title())
        name, symbol = "ISHARES", what
        if event.is_option:
            name = f"{what.root} {what.expiration:%d%b%y} {what.strike:g} {what.right}".upper()
            symbol = what.occ
        if event.kind == "cash":
            kind = "Assignment" if event.quantity > 0 else "Exercise"
        rows.append(
            ["Transaction History", "Data", event.day, "U***1", name, kind, symbol, float(event.quantity),
             event.price or "-", "USD", event.value or "-", -event.fee or "-", event.value - event.fee]
        )  # fmt: skip
    header = "Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,Gross Amount,Commission"
    first = ["Transaction History", "Header", *header.split(","), "Net Amount"]
    return text_of([["Statement", "Header", "x"], first, *(rows[::-1] if newest_first else rows)])


BROKERS = (
    interactive_brokers, tastytrade, schwab, robinhood, fidelity, td_ameritrade, thinkorswim, flex, ib_history,
)  # fmt: skip


def check(tmp_path, text, dollars, still_open):
    file = tmp_path / "log.csv"
    file.write_text(text)
    log = read_log(file)
    assert log.closed["pnl"].sum() == pytest.approx(dollars, abs=0.005)
    assert (len(log.open), log.opening) == (still_open, ())


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("broker", BROKERS)
def test_a_story_at_each_broker(tmp_path, broker, story, newest_first):
    events, dollars, still_open = STORIES[story]
    check(tmp_path, broker(events, newest_first), dollars, still_open)


def moved(event, weeks, order):
    """Event so many weeks earlier, its option too."""
    back = timedelta(days=7 * weeks)
    what = replace(event.what, expiration=event.what.expiration - back) if event.is_option else event.what
    return replace(event, day=event.day - back, what=what, order=event.order and event.order + order)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("broker", BROKERS)
def test_all_stories_in_one_file(tmp_path, broker, newest_first):
    stories = list(STORIES.values())
    events = [
        moved(event, 9 * (len(stories) - place), 10 * place)
        for place, (events, _, _) in enumerate(stories)
        for event in events
    ]
    dollars = sum(dollars for _, dollars, _ in stories)
    check(tmp_path, broker(events, newest_first), dollars, sum(still_open for _, _, still_open in stories))


CANCELLED = {
    "schwab": (
        "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount\n"
        '03/10/2026,Sell,IWM,x,100,$202.00,,"$20,200.00"\n'
        '03/03/2026,Cancel Buy,IWM,x,100,$199.00,,"$19,900.00"\n'
        '03/02/2026,Buy,IWM,x,100,$199.00,,"-$19,900.00"\n'
        '03/02/2026,Buy,IWM,x,100,$200.00,,"-$20,000.00"\n'
        '03/02/2026,Buy,912797PX3,US TREASURY BILL,5000,$98.50,,"-$4,925.00"\n'
    ),
    "robinhood": (
        "Activity Date,Process Date,Settle Date,Instrument,Description,Trans Code,Quantity,Price,Amount\n"
        '3/10/2026,,,IWM,x,Sell,100,$202.00,"$20,200.00"\n'
        '3/3/2026,,,IWM,x,BCXL,100,$199.00,"$19,900.00"\n'
        '3/2/2026,,,IWM,x,Buy,100,$199.00,"($19,900.00)"\n'
        '3/2/2026,,,IWM,x,Buy,100,$200.00,"($20,000.00)"\n'
    ),
    "fidelity": (
        "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Amount ($)\n"
        "03/10/2026,YOU SOLD ISHARES (IWM), IWM,x,Margin,-100,202.00,,,20200\n"
        "03/03/2026,CANCELLED YOU BOUGHT ISHARES (IWM), IWM,x,Margin,100,199.00,,,19900\n"
        "03/02/2026,YOU BOUGHT ISHARES (IWM), IWM,x,Margin,100,199.00,,,-19900\n"
        "03/02/2026,YOU BOUGHT ISHARES (IWM), IWM,x,Margin,100,200.00,,,-20000\n"
        "03/02/2026,YOU BOUGHT UNITED STATES TREAS BILLS, 912797PX3,x,Cash,5000,98.5,,,-4925\n"
    ),
}


@pytest.mark.parametrize("broker", CANCELLED)
def test_cancelled_trades_and_bills_are_not_trades(tmp_path, broker):
    check(tmp_path, CANCELLED[broker], 200.00, 0)
    log = read_log(tmp_path / "log.csv")
    assert log.skipped["cancelled trades and their cancellations"] == 2
    assert broker == "robinhood" or log.skipped["bonds and bills"] == 1


def test_a_trade_open_beyond_its_expiration_is_remarked(tmp_path):
    events = [*opens("03-02", 1, (put(190), -1, 1.20)), *opens("04-10", 2, (SHARES, 100, 200.0))]
    file = tmp_path / "log.csv"
    file.write_text(schwab(events, newest_first=True))
    assert any(shows(note, "IWM -1P190: expired 2026-03-20", "ends 2026-04-10") for note in read_log(file).notes)


def random_dealings(seed):
    """Packages opened and partly closed at random, their endings at a random price, and the dollars of all."""
    chance = random.Random(seed)
    events, held = [], {}

    def trade(when, clock, order, what, count, effect):
        price = round(chance.uniform(0.1, 3.0), 2)
        events.append(Event("trade", when, clock, what, count, price, effect, order))
        held[what] = held.get(what, 0) + count

    for order in range(1, 15):
        when, clock = day(f"03-{chance.choice((2, 3, 4, 5, 6, 9, 10, 11)):02d}"), f"{10 + order % 6}:{30 + order}:00"
        events.append((when, clock, order))
    times = sorted(events)
    events.clear()
    for when, clock, order in times:
        strikes = [
            190 + 0.5 * place for place in range(40) if not any(what.strike == 190 + 0.5 * place for what in held)
        ]
        low, lower, upper, high = sorted(chance.sample(strikes, 4))
        count = chance.randint(1, 3)
        packages = (
            [(put(low), -count)],
            [(call(high), count)],
            [(put(low), count), (put(lower), -count)],
            [(put(low), count), (put(lower), -count), (call(upper), -count), (call(high), count)],
        )
        open_ones = [what for what in held if held[what]]
        if open_ones and chance.random() < 0.3:
            what = chance.choice(open_ones)
            trade(when, clock, order, what, -chance.choice((held[what], held[what] // abs(held[what]))), "close")
            continue
        for what, size in chance.choice(packages):
            trade(when, clock, order, what, size, "open")
    spot, shares = chance.uniform(190, 210), 0
    for what, count in sorted(held.items(), key=lambda item: item[0].strike):
        if not count:
            continue
        if (spot < what.strike) != (what.right == "P"):
            events += ends("03-20", "expiration", what, -count)
            continue
        kind, side = ("assignment", 1) if count < 0 else ("exercise", -1)
        for part in [abs(count)] if chance.random() < 0.5 else [1] * abs(count):
            events += ends("03-20", kind, what, side * part)
        moved = count * (100 if what.right == "C" else -100)
        closing = 0 if moved * shares >= 0 else (1 if moved > 0 else -1) * min(abs(moved), abs(shares))
        for part, effect in ((closing, "close"), (moved - closing, "open")):
            events += delivers("03-20", part, what.strike, effect) if part else []
        shares += moved
    if shares:
        events += closes("03-23", 99, (SHARES, -shares, round(spot, 2)))
    return events, sum(event.value - event.fee for event in events)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("broker", BROKERS)
def test_random_dealings_at_each_broker(tmp_path, broker, seed, newest_first):
    events, dollars = random_dealings(seed)
    check(tmp_path, broker(events, newest_first), dollars, 0)
