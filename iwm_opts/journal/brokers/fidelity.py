"""Fidelity's Activity & Orders as CSV.

Columns Run Date, (Account,) Action, Symbol, Description, Type, Quantity, Price ($), Commission ($), Fees ($), Amount
($), Settlement Date; the names vary with the year. The action is a sentence, `YOU SOLD OPENING TRANSACTION PUT (IWM)
...`; option symbols read ` -IWM260320P190`. Days have no times; `EXPIRED ... as of Mar-20-2026` names the day itself.
The file begins with empty lines and ends with remarks. The layout is known from exports that public parsers test
against.
"""

import re
from typing import Final

from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Layout, RowReport, Table
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import Row, contract_of_symbol, is_blank, parse_moment
from iwm_opts.market.contract import Contract

OPTION: Final = re.compile(r"-?[A-Z0-9.]{1,6}\d{6}[CP]\d+(?:\.\d+)?")
AS_OF: Final = re.compile(r"\bAS OF ([A-Z]{3}-\d{1,2}-\d{4}|\d{1,2}-\d{1,2}-\d{2,4})")
REORGANISED: Final = re.compile(r"(?:(?:REVERSE|FORWARD|STOCK) )?SPLIT\b|MERGER\b|NAME CHANGED\b|DISTRIBUTION\b")
ENDINGS: Final[dict[str, Kind]] = {"EXPIRED": "expiration", "ASSIGNED": "assignment", "EXERCISED": "exercise"}
EFFECTS: Final[dict[str, Effect]] = {
    "OPENING TRANSACTION": "open", "SHORT SALE": "open", "CLOSING TRANSACTION": "close", "SHORT COVER": "close",
}  # fmt: skip
NAMED_WORDS: Final = 3  # of an activity that is not read
MERGER: Final = "MERGER"
DISTRIBUTION: Final = "DISTRIBUTION"  # a split, by the shares that it adds

TABLE: Final = Table(
    fields={
        **layout.same("action", "symbol", "currency", "quantity"),
        "date": ("run date", "date"),
        "account": ("account number", "account"),
        "price": ("price ($)", "price"),
        "commission": ("commission ($)", "commission"),
        "fees": ("fees ($)", "fees"),
        "amount": ("amount ($)", "amount"),
    },
    numbers=("quantity", "price", "commission", "fees", "amount"),
    stamps=("date",),
    charges=("commission", "fees"),
)


@layout.reader_of_days(TABLE, "action")
def read(row: Row, report: RowReport, settlements: list[Execution]) -> Execution | None:
    words = layout.unamended(row.text("action").upper())
    is_cancelled = layout.TAKEN_BACK.search(row.text("action")) is not None
    symbol = row.text("symbol").upper().replace(" ", "")
    contract = contract_of_symbol(symbol) if OPTION.fullmatch(symbol) else None
    kind = _kind(words, contract)
    if words.startswith(DISTRIBUTION) and not row.number("quantity"):  # of cash
        kind, words = None, f"{words} DIVIDEND"
    if kind == "trade" and layout.is_cash(symbol, report):
        return None
    named = " ".join(words.split()[:NAMED_WORDS]).capitalize()
    if kind is None and layout.TRANSFER.search(words) and not is_blank(symbol) and row.number("quantity"):
        return layout.transfer_row(row, symbol, contract, row.number("quantity"), named, report)
    if kind is None and contract is not None:
        settlements.append(layout.settlement_row(row, contract, words))
        return None
    if kind is None:
        what = "dividends (not in the results)" if "DIVIDEND" in words else named
        report.skipped[what or layout.UNTYPED] += 1
        return None
    row.require_dollars()
    # The day itself, where the sentence names one; else the day of the booking.
    as_of = AS_OF.search(words)
    when = parse_moment(as_of[1]) if as_of is not None else row.moment("date")
    if kind == "reorganisation":  # a split by the shares that it adds; others by the position removed and the one added
        match = REORGANISED.match(words)
        event = match[0] if match is not None else ""
        cash = row.number("amount") if event == MERGER else 0.0
        name = underlying(contract.root if contract else symbol)
        return layout.reorganisation_row(
            row, when, name, contract, row.number("quantity"), cash, event=event, is_split=event == DISTRIBUTION
        )
    sign = -1 if words.startswith("YOU SOLD") else 0
    if is_cancelled and not sign and kind in ("trade", "delivery"):
        sign = 1  # its quantity or its amount is turned round
    effect: Effect = "close"
    if kind in ("trade", "delivery"):
        effect = next((effect for mark, effect in EFFECTS.items() if mark in words), "")
        if not effect and contract is None and kind == "trade" and (sign or row.number("quantity")) < 0:
            effect = "close"
    return layout.booked(
        row, contract, symbol, kind, sign, effect, charges=TABLE.charges, is_cancelled=is_cancelled, when=when,
        cash="" if kind == "expiration" else "amount",
    )  # fmt: skip


def _kind(words: str, contract: Contract | None) -> Kind | None:
    if REORGANISED.match(words):
        return "reorganisation"
    ending = next((kind for word, kind in ENDINGS.items() if words.startswith(word)), None)
    if contract is not None and ending is not None:
        return ending
    if words.startswith(("YOU BOUGHT", "YOU SOLD", "REINVESTMENT")):
        is_delivery = contract is None and re.search(r"\b(?:ASSIGNED|EXERCISED?)\b", words)
        return "delivery" if is_delivery else "trade"
    return None


ACTIVITY: Final = Layout("Fidelity Activity & Orders", ("run date", "action", "symbol", "quantity"), read)
