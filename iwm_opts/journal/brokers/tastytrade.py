"""tastytrade's transactions as CSV (History, Transactions, CSV), today's columns and those until 2021.

Dates are ISO with an offset, charges negative, `--` is nothing. Trades are `Trade` rows, of shares with the instrument
type `Equity` and nothing in the columns of options; expirations, assignments, exercises and the shares they deliver are
`Receive Deliver` rows, as are splits, mergers and changes of symbol, each with a row for the position removed and one
for the position added. Index options settle in one row (`Cash Settled Assignment`) or in two, the other one at zero.
The Expiration Date column is written in the reader's own time zone and may be a day late: the OCC symbol is not. The
layout is known from exports that public parsers test against (tastyworks-pnl, tastyworks-tax-calculator, 2020 to 2026);
tastytrade documents none.
"""

import math
import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Export, Layout, RowReport, Table
from iwm_opts.journal.executions import HOLDS, SETTLES_WITHIN, Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import CENT, Row, check_not_turned, is_blank, make_contract, right_of, shown
from iwm_opts.market.contract import OCC_PATTERN, Contract, parse_occ

EFFECTS: Final[dict[str, Effect]] = {"OPEN": "open", "CLOSE": "close"}
REORGANISED: Final = re.compile(r"\b(?:split|merger|symbol change|spin-?off)\b", re.IGNORECASE)
MERGED: Final = re.compile("merger", re.IGNORECASE)  # a sub type that names neither cash nor shares
PAID: Final = re.compile(r"(?<!stock )\bmerger\b|\bcash\b", re.IGNORECASE)
ENDINGS: Final[dict[str, Kind]] = {
    "cash settled assignment": "cash", "cash settled exercise": "cash", "expiration": "expiration",
    "assignment": "assignment", "exercise": "exercise",
}  # fmt: skip
DATE_REMARK: Final = "Expiration Date differs from the OCC symbol in some rows: the symbol's date is used"

TABLE: Final = Table(
    fields={
        **layout.same("action", "symbol", "description", "quantity", "average price", "commissions", "fees", "total"),
        **layout.same("multiplier", "currency"),
        "date": ("date", "date/time"),
        "type": ("type", "transaction code"),
        "sub type": ("sub type", "transaction subcode"),
        "side": ("buy/sell",),
        "effect": ("open/close",),
        "instrument": ("instrument type",),
        "value": ("value", "amount"),
        "root": ("root symbol",),
        "underlying": ("underlying symbol",),
        "expiration": ("expiration date",),
        "strike": ("strike price", "strike"),
        "right": ("call or put", "call/put"),
        "order": ("order #",),
        "account": ("account reference", "account number", "account"),
    },
    numbers=("value", "average price", "commissions", "fees", "total", "strike"),
    stamps=("date",),
    month_first=None,  # ISO; where slashes occur a spreadsheet wrote them
)


def read(export: Export) -> list[Execution]:
    """Read the executions of a history; trades taken back leave it with their reversals."""
    rows = list(TABLE.rows(export))
    check_not_turned(
        row.text("expiration")
        for row in rows
        if _instrument(row) == "equity option" and not OCC_PATTERN.fullmatch(row.text("symbol").upper())
    )
    cancelled, corrected = layout.amendments(rows, "type", "sub type", "description")
    # The action of a reversal is the trade's or the opposite one; its money is always the opposite of the trade's.
    values = {row.line: row.text("value") for row in rows if row.line in cancelled}
    executions = [
        replace(row, quantity=abs(row.quantity) * (-1 if "-" in values[row.line] or "(" in values[row.line] else 1))
        if row.line in values and row.kind == "trade"
        else row
        for row in layout.each_row(rows, read_row, export.report)
    ]
    # Minutes or days lie between the rows of a merger: the first one's time is that of all. Where they name neither
    # cash nor shares, a removal alone would be one for its value in cash.
    mergers = {row.line for row in rows if MERGED.fullmatch(row.text("sub type"))}
    moments: dict[int, datetime] = {}  # by line
    latest: dict[str, tuple[datetime, datetime]] = {}  # first and last time of a group, by account
    for item in sorted((item for item in executions if item.line in mergers), key=lambda item: item.when):
        first, before = latest.get(item.account, (item.when, item.when))
        first = first if item.when - before <= SETTLES_WITHIN else item.when
        moments[item.line], latest[item.account] = first, (first, item.when)
    executions = [replace(item, when=moments.get(item.line, item.when)) for item in executions]
    return layout.without_cancelled(executions, cancelled, export.report, corrected)


def read_row(row: Row, report: RowReport) -> Execution | None:
    """Read the execution of one row; None where it is not a trade in options or shares."""
    kind, instrument = layout.unamended(row.text("type").lower()) or "trade", _instrument(row)
    words = f"{row.text('sub type')} {row.text('description')}"
    if kind == "money movement":
        is_dividend = "dividend" in words.lower()
        report.skipped["dividends (not in the results)" if is_dividend else "money movements"] += 1
        return None
    is_delivery = kind == "receive deliver"
    event = REORGANISED.search(words)
    if is_delivery and instrument in ("equity", "equity option") and event is not None:
        return replace(_traded(row, instrument, "reorganisation", report), event=event[0].lower())
    is_transfer = is_delivery and instrument in ("equity", "equity option") and layout.TRANSFER.search(words)
    if is_transfer and (row.text("side") or row.text("action")):
        moved = _traded(row, instrument, "transfer", report)
        name = row.text("sub type") or row.text("type")
        report.skipped[layout.transferred(moved.quantity, name, is_option=moved.contract is not None)] += 1
        return moved
    if instrument == "equity" and is_delivery and not layout.TAKEN_BACK.search(words):
        return _traded(row, instrument, "delivery", report)
    if instrument == "equity" and kind == "trade":
        return _traded(row, instrument, "trade", report)
    # Kind of an option's row; from the description in files without sub types.
    named = (row.text("sub type").lower(), row.text("action").lower().replace("_", " "))
    described = (kind for word, kind in ENDINGS.items() if f"due to {word}" in row.text("description").lower())
    ending = next((ENDINGS[text] for text in named if text in ENDINGS), next(described, None)) if is_delivery else None
    if is_delivery and ending is None and layout.TAKEN_BACK.search(words):
        return _traded(row, instrument, "trade", report)
    if is_delivery and instrument == "equity option" and ending is None:
        raise ValueError(f"{shown(row.text('sub type'))} is not known: {row.text('symbol')}, {row.text('value')}")
    if instrument != "equity option" or (kind != "trade" and ending is None):
        what = row.text("type") + (f" of {row.text('instrument')}" if row.text("instrument") else "")
        what = layout.FUTURES if instrument == layout.FUTURES else what
        report.skipped[what if row.text("type") else layout.UNTYPED] += 1
        return None
    return _traded(row, instrument, ending or "trade", report)


def _instrument(row: Row) -> str:
    """Instrument type; the layout until 2021 has no such column."""
    if "instrument" in row:
        return row.text("instrument").lower()
    if row.text("symbol").startswith(("/", "./")):
        return layout.FUTURES
    return "equity option" if not is_blank(row.text("right")) else "equity" if row.text("symbol") else ""


def _traded(row: Row, instrument: str, kind: Kind, report: RowReport) -> Execution:
    row.require_dollars()
    is_option = instrument == "equity option"
    is_reorganised = kind == "reorganisation"
    unit = "contracts" if is_option else "shares"
    size = math.ceil(abs(row.amount("quantity"))) if is_reorganised else abs(row.count("quantity", unit))
    side, effect = _action(row, is_ending=is_option and not is_reorganised and kind not in HOLDS)
    contract = _contract(row, report) if is_option else None
    multiplier = (row.number("multiplier") or MULTIPLIER) if is_option else 1
    if is_option and multiplier != MULTIPLIER:
        raise ValueError(f"options of {row.text('multiplier')} shares are not read")
    value = row.number("value")
    if kind == "trade":  # the average price is dollars a contract, or a share
        value = size * row.amount("average price") if "value" not in row else row.amount("value")
    made = row.number("value") + row.number("commissions") + row.number("fees")
    if "value" in row and row.number("total") and abs(row.number("total") - made) > 2.0 * CENT:  # each is rounded
        raise ValueError(f"Total {shown(row.text('total'))} is not value, commissions and fees, {made:.2f}")
    # Until 2021 charges are positive and in one column.
    fees = abs(row.number("fees")) if "side" in row else -(row.number("commissions") + row.number("fees"))
    cash = 0.0
    if is_reorganised and size != abs(row.number("quantity")):
        cash = math.nan  # of fractions of shares
    elif is_reorganised and PAID.search(f"{row.text('sub type')} {row.text('description')}"):
        cash = row.number("value")  # of a merger: other corporate actions value what they replace
    symbol = row.symbol("underlying") if is_option and row.text("underlying") else row.symbol()
    return Execution(
        row.moment("date"), underlying(contract.root if contract is not None and "underlying" not in row else symbol),
        contract, -size if side == "SELL" else size, abs(value) / (size * multiplier), fees, effect, kind,
        row.text("order"), row.line, row.text("account"), cash=cash,
    )  # fmt: skip


def _action(row: Row, *, is_ending: bool) -> tuple[str, Effect]:
    """Side and effect of a row: from `SELL_TO_OPEN`, or from the columns until 2021."""
    words = (row.text("action") or row.text("sub type")).upper().replace(" ", "_").split("_")
    if "action" not in row:
        words = [row.text("side").upper(), "TO", row.text("effect").upper()]
    if is_ending:
        return words[0], "close"
    if words[0] not in ("BUY", "SELL"):
        raise ValueError(f"action {shown(row.text('action'))} is neither a purchase nor a sale")
    if len(words) == 3 and words[2] in EFFECTS:
        return words[0], EFFECTS[words[2]]
    if not is_blank(row.text("right")):
        raise ValueError(f"action {shown(row.text('action'))} neither opens nor closes")
    return words[0], ""


def _contract(row: Row, report: RowReport) -> Contract:
    symbol = row.text("symbol").upper()
    if OCC_PATTERN.fullmatch(symbol):
        contract = parse_occ(symbol)
        try:
            is_same = is_blank(row.text("expiration")) or row.day("expiration") == contract.expiration
        except ValueError:
            is_same = False
        if not is_same and DATE_REMARK not in report.remarks:
            report.remarks.append(DATE_REMARK)
        return contract
    root = row.symbol("root") if row.text("root") else row.symbol("underlying" if row.text("underlying") else "symbol")
    return make_contract(root, row.day("expiration"), right_of(row.text("right")), row.strike())


TRANSACTIONS: Final = Layout(
    "tastytrade transactions", ("date", "type", "action", "instrument type", "call or put"), read
)
LEGACY: Final = Layout(
    "tastyworks transactions (until 2021)",
    ("date/time", "transaction code", "transaction subcode", "open/close"),
    read,
)
