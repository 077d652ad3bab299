"""Fidelity's Activity & Orders as CSV.

Columns Run Date, (Account,) Action, Symbol, Description, Type, Quantity, Price ($), Commission ($), Fees ($), Amount
($), Settlement Date; the names vary with the year. The action is a sentence, `YOU SOLD OPENING TRANSACTION PUT (IWM)
...`; option symbols read ` -IWM260320P190`. Days have no times; `EXPIRED ... as of Mar-20-2026` names the day itself.
The file begins with empty lines and ends with remarks. The layout is known from exports that public parsers test
against.
"""

import re
from datetime import datetime
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers.layout import (
    BONDS,
    MONEY_FUNDS,
    TAKEN_BACK,
    TRANSFER,
    UNTYPED,
    Export,
    Layout,
    RowReport,
    Table,
    amendments,
    is_cusip,
    is_money_fund,
    reorganisation_row,
    transfer_row,
    unamended,
)
from iwm_opts.journal.brokers.plain_shares import read_days, settlement_row
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import Row, contract_of_symbol, is_blank, parse_moment
from iwm_opts.market.contract import Contract

OPTION: Final = re.compile(r"-?[A-Z0-9.]{1,6}\d{6}[CP]\d+(?:\.\d+)?")
AS_OF: Final = re.compile(r"\bAS OF ([A-Z]{3}-\d{1,2}-\d{4}|\d{1,2}-\d{1,2}-\d{2,4})")
REORGANISED: Final = re.compile(r"(?:(?:REVERSE|FORWARD|STOCK) )?SPLIT\b|MERGER\b|NAME CHANGED\b|DISTRIBUTION\b")
NAMED_WORDS: Final = 3  # of an activity that is not read
MERGER: Final = "MERGER"
DISTRIBUTION: Final = "DISTRIBUTION"  # a split, by the shares that it adds

TABLE: Final = Table(
    fields={
        "date": ("run date", "date"),
        "account": ("account number", "account"),
        "action": ("action",),
        "symbol": ("symbol",),
        "currency": ("currency",),
        "quantity": ("quantity",),
        "price": ("price ($)", "price"),
        "commission": ("commission ($)", "commission"),
        "fees": ("fees ($)", "fees"),
        "amount": ("amount ($)", "amount"),
    },
    numbers=("quantity", "price", "commission", "fees", "amount"),
    stamps=("date",),
    charges=("commission", "fees"),
)


def read(export: Export) -> list[Execution]:
    """Read the executions of Activity & Orders."""
    rows = list(TABLE.rows(export))
    return read_days(rows, _execution, amendments(rows, "action"), export.report)


def _execution(row: Row, report: RowReport, settlements: list[Execution]) -> Execution | None:
    words = unamended(row.text("action").upper())
    is_cancelled = TAKEN_BACK.search(row.text("action")) is not None
    symbol = row.text("symbol").upper().replace(" ", "")
    contract = contract_of_symbol(symbol) if OPTION.fullmatch(symbol) else None
    kind = _kind(words, contract)
    if words.startswith(DISTRIBUTION) and not row.number("quantity"):  # of cash
        kind, words = None, f"{words} DIVIDEND"
    if kind == "trade" and (is_cusip(symbol) or is_money_fund(symbol)):
        report.skipped[BONDS if is_cusip(symbol) else MONEY_FUNDS] += 1
        return None
    named = " ".join(words.split()[:NAMED_WORDS]).capitalize()
    if kind is None and TRANSFER.search(words) and not is_blank(symbol) and row.number("quantity"):
        return transfer_row(row, symbol, contract, row.number("quantity"), named, report)
    if kind is None and contract is not None:
        settlements.append(settlement_row(row, contract, words))
        return None
    if kind is None:
        what = "dividends (not in the results)" if "DIVIDEND" in words else named
        report.skipped[what or UNTYPED] += 1
        return None
    row.require_dollars()
    if kind == "reorganisation":
        return _reorganisation(row, words, symbol, contract)
    size = row.count("quantity", "contracts" if contract else "shares")
    price = abs(row.amount("price") if kind == "trade" else row.number("price"))
    if kind in ("assignment", "exercise", "cash") and not price and row.number("amount"):
        price = abs(row.number("amount")) / (MULTIPLIER * abs(size))
    quantity = (
        abs(size) if is_cancelled and kind in ("trade", "delivery") else size
    )  # its quantity or its amount is turned round
    quantity = -abs(size) if words.startswith("YOU SOLD") else quantity
    fees = abs(row.number("commission")) + abs(row.number("fees"))
    if kind == "trade" and not is_cancelled:
        shares = quantity * (MULTIPLIER if contract else 1)
        price, fees = row.settled("amount", shares, price, ("commission", "fees"))
    return Execution(
        when=_when(row, words),
        symbol=underlying(contract.root if contract else symbol),
        contract=contract,
        quantity=quantity,
        price=price,
        fees=fees,
        effect=_effect(words, contract, kind, quantity),
        kind=kind,
        line=row.line,
        account=row.text("account"),
    )


def _kind(words: str, contract: Contract | None) -> Kind | None:
    if REORGANISED.match(words):
        return "reorganisation"
    if contract is not None:
        names: dict[str, Kind] = {"EXPIRED": "expiration", "ASSIGNED": "assignment", "EXERCISED": "exercise"}
        ending = next((kind for word, kind in names.items() if words.startswith(word)), None)
        if ending is not None:
            return ending
    if words.startswith(("YOU BOUGHT", "YOU SOLD", "REINVESTMENT")):
        is_delivery = contract is None and re.search(r"\b(?:ASSIGNED|EXERCISED?)\b", words)
        return "delivery" if is_delivery else "trade"
    return None


def _reorganisation(row: Row, words: str, symbol: str, contract: Contract | None) -> Execution:
    """Read a split by the shares that it adds; other changes by the position removed, negative, and the one added."""
    name = underlying(contract.root if contract else symbol)
    match = REORGANISED.match(words)
    event = match[0] if match is not None else ""
    cash = row.number("amount") if event == MERGER else 0.0
    return reorganisation_row(
        row, _when(row, words), name, contract, row.number("quantity"), cash, event=event,
        is_split=event == DISTRIBUTION,
    )  # fmt: skip


def _effect(words: str, contract: Contract | None, kind: Kind, quantity: int) -> Effect:
    if kind not in ("trade", "delivery"):
        return "close"
    if "OPENING TRANSACTION" in words or "SHORT SALE" in words:
        return "open"
    if "CLOSING TRANSACTION" in words or "SHORT COVER" in words:
        return "close"
    if contract is None and kind == "trade":
        return "close" if quantity < 0 else ""
    return ""


def _when(row: Row, words: str) -> datetime:
    """Day itself, where the sentence names one; else the day of the booking."""
    match = AS_OF.search(words)
    return parse_moment(match[1]) if match is not None else row.moment("date")


ACTIVITY: Final = Layout("Fidelity Activity & Orders", ("run date", "action", "symbol", "quantity"), read)
