"""Interactive Brokers' activity statement and transaction history as CSV.

Every row begins with its section and `Header`, `Data`, `SubTotal` or `Total`. The section `Trades` has the columns
DataDiscriminator, Asset Category, Currency, (Account,) Symbol, Date/Time, Quantity, T. Price, C. Price, Proceeds,
Comm/Fee, Basis, Realized P/L, MTM P/L, Code; rows of the discriminator `Order` are orders, the rest repeats them in
parts; where a statement holds none, rows of `Trade` are read, their fills. Symbols read `IWM 31JUL26 275 P`; codes are
joined by semicolons: O opening, C closing, Ep expired, A assignment, Ex exercise, Ca cancelled (Interactive Brokers,
Reporting Guide, Codes; rows as public parsers test against, 2024 to 2026). Asset categories carry the custodian where
there is one, `Stocks - Held with ...`. Splits and mergers are in the section `Corporate Actions`:
`IWM(US4642876555) Split 2 for 1 (...)`; the cash of index options in `Option Cash Settlements`, or in their price.
Commissions are in the currency of the trade (`Comm/Fee`) or of the account (`Comm in EUR`); these are converted at the
rate of the section `Base Currency Exchange Rate`, base currency for one dollar.
The file has no order numbers: orders of one underlying that follow each other within two seconds, as the legs of a
combo do, are taken for one.

The transaction history has one section, days without times, and neither opening nor closing.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.errors import DataError
from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Export, JoinedExports, Layout, RowReport, Table
from iwm_opts.journal.executions import (
    Effect,
    Execution,
    Kind,
    off_hours,
    underlying,
    with_cash_settlement,
    with_day_orders,
)
from iwm_opts.journal.fields import (
    CURRENCY,
    Notation,
    Row,
    check_not_turned,
    columns_of,
    contract_of_symbol,
    day_first,
    number,
    shown,
)
from iwm_opts.market.contract import Contract

NAME: Final = "Interactive Brokers activity statement"
PAPER: Final = r"D[A-Z][\d*]"  # beginning of an account of its paper trading: DU1234567
SECTION, ACTIONS, SETTLEMENTS = "Trades", "Corporate Actions", "Option Cash Settlements"
TRANSFERS: Final = "Transfers"
BETWEEN_DEPOTS: Final = "INTERDEPOT"  # within an account
CASH_SECTIONS: Final = {
    "Dividends": "dividends (not in the results)",
    **{
        name: f"{name} (not in the results)"
        for name in ("Interest", "Fees", "Transaction Fees", "Withholding Tax", "Deposits & Withdrawals", TRANSFERS)
    },
}
RATES: Final = "Base Currency Exchange Rate"
RATE_MOVES: Final = 1.2  # of a file's days; what differs by more is another multiplier
IN_BASE: Final = re.compile(r"comm(?:ission)?s? in ([a-z]{3})")
SPLIT: Final = re.compile(r"\bSPLIT (?P<new>[\d.]+) FOR (?P<old>[\d.]+)")
STOCK_DIVIDEND: Final = re.compile(r"\bSTOCK DIVIDEND (?:[A-Z0-9]{12} )?(?P<new>[\d.]+) FOR (?P<old>[\d.]+)")
PER_SHARE: Final = re.compile(r"\bFOR USD (?P<price>[\d.,]+) PER SHARE\b")  # of a merger for cash alone
AND_CASH: Final = re.compile(r"\bAND [A-Z]{3} [\d.,]+")  # of a merger for shares and cash, for one or several shares
OLD_NUMBER: Final = ".OLD"
CLOSED_LOT: Final = "Closed Lot:"  # in place of the report date, of the purchases that a corporate action ends
NAMED_LAST: Final = re.compile(
    r"\((?P<name>[^(),]+),(?:[^()]|\([^()]*\))*\)$"
)  # `(META, META PLATFORMS INC, US30303M1027)`
HISTORY_SECTION: Final = "Transaction History"
GRAINS: Final = ("Order", "Trade")  # rows read: orders, or their fills where a statement holds no orders
OPTIONS, STOCKS = "Equity and Index Options", "Stocks"
TOGETHER: Final = timedelta(seconds=2)  # legs of a combo fill at once, and are written down one after the other
SYMBOL: Final = re.compile(
    r"(?P<root>[A-Z0-9.]+(?: [A-Z])?) (?P<day>\d{1,2}[A-Z]{3}\d{2}) (?P<strike>[\d.,]+) (?P<right>[CP])"
)
ENDINGS: Final[dict[str, Kind]] = {"Ep": "expiration", "A": "assignment", "GEA": "expiration", "Ex": "exercise"}
CANCELLED: Final = "Ca"

FIELDS: Final = {
    **layout.same(
        "currency", "account", "symbol", "date", "type", "direction", "proceeds", "code", "description", "amount"
    ),
    "grain": ("datadiscriminator",),
    "category": ("asset category",),
    "time": ("date/time",),
    "quantity": ("qty", "quantity"),
    "price": ("t. price",),
    "commission": ("ib commission", "commissions", "commission", "comm in usd", "comm/fee"),
}
HISTORY: Final = Table(
    fields={
        **layout.same("account", "description", "symbol", "quantity", "price", "gross amount", "commission"),
        "time": ("date",),
        "type": ("transaction type",),
        "currency": ("price currency",),
    },
    numbers=("quantity", "price", "gross amount", "commission"),
    stamps=("time",),
    charges=("commission",),
    month_first=None,
)
HISTORY_ENDINGS: Final[dict[str, Kind]] = {"assign": "assignment", "exercis": "exercise", "expir": "expiration"}


def read_statement(export: Export) -> list[Execution]:
    """Read the executions of all `Trades` sections, and what corporate actions and cash settlements did to them."""
    report = export.report
    sections = _sections(export)
    has_orders = any(row.text("grain") == GRAINS[0] for row in sections[SECTION])
    grain = GRAINS[0 if has_orders else 1]
    rates = _rates(export)
    executions = layout.each_row(sections[SECTION], lambda row, _: _execution(row, report, grain, rates), report)
    if not any("commission" in row for row in sections[SECTION]):
        report.remarks.append(layout.NO_FEES)
    cancelled = {row.line for row in sections[SECTION] if CANCELLED in codes_of(row)}
    executions = [replace(item, quantity=-item.quantity) if item.line in cancelled else item for item in executions]
    executions = layout.without_cancelled(executions, cancelled, report)
    executions += layout.each_row(
        sections[ACTIONS], lambda row, _: corporate_action(row, category_of(row), row.number("proceeds")), report
    )
    executions += layout.each_row(sections[TRANSFERS], lambda row, _: transfer(row, category_of(row), report), report)
    report.remarks += off_hours(executions)
    settled: dict[tuple[str, Contract], float] = defaultdict(float)
    for row in sections[SETTLEMENTS]:
        if row.text("description"):
            try:
                name = row.text("description").partition("(")[0].strip()
                settled[row.text("account"), contract_of(name)] += row.number("amount")
            except ValueError as error:
                report.reject(row.line, error)
    executions, lost = with_cash_settlement(executions, settled)
    report.remarks += lost
    return with_combo_orders(executions)


def _sections(export: Export) -> dict[str, list[Row]]:
    """Read data rows of the sections that are read, by section."""
    headers: dict[str, list[str]] = {}
    sections: dict[str, list[Row]] = defaultdict(list)
    joined, account = JoinedExports(export.report), ""
    for line, cells in export.rows:
        section, kind = cells[0].replace("\ufeff", ""), "".join(cells[1:2])
        is_total = "".join(cells[2:3]).startswith("Total")
        if (section, kind) == ("Statement", "Header"):
            joined.next()
        elif cells[:3] == ["Account Information", "Data", "Account"]:
            account = "".join(cells[3:4])
        elif section in CASH_SECTIONS and section != TRANSFERS and kind == "Data" and not is_total:
            export.report.skipped[CASH_SECTIONS[section]] += 1
        elif section not in (SECTION, ACTIONS, SETTLEMENTS, TRANSFERS):
            continue
        elif section == ACTIONS and CLOSED_LOT in cells:
            export.report.skipped[f"{CLOSED_LOT} (parts of corporate actions)"] += 1
        elif kind == "Header":
            headers[section] = columns_of(cells)
        elif kind == "Data" and section in headers:
            header = headers[section]
            if any(cells[len(header) :]) or len(cells) < len(header):
                export.report.reject(line, layout.misfit(cells, len(header)), cells)
            elif not joined.repeats((account, *cells)):
                row = {name: cells[place] for name, place in layout.places_of(FIELDS, header).items()}
                for column in header:
                    match = IN_BASE.fullmatch(column)
                    if match is not None and match[1] != "usd":
                        row |= {"commission": cells[header.index(column)], "commission currency": match[1].upper()}
                sections[section].append(Row(line, {"account": account} | row))
    notation = _notation(sections[SECTION], export)
    return defaultdict(
        list, {name: [replace(row, notation=notation) for row in rows] for name, rows in sections.items()}
    )


def _base_currency(export: Export) -> str:
    """Currency of the account; empty where the file does not name it."""
    rows = (cells for _, cells in export.rows if cells[1:3] == ["Data", "Base Currency"] and len(cells) > 3)
    return next((cells[3].upper() for cells in rows), "")


def _rates(export: Export) -> dict[str, float]:
    """Dollars for one unit of the account's currency, by the rates of the statement; empty where it has none."""
    base = _base_currency(export)
    header: list[str] = []
    rates: dict[str, float] = {}
    for _, cells in export.rows:
        if cells[0] != RATES or len(cells) < 4:
            continue
        if cells[1] == "Header":
            header = columns_of(cells)
        elif cells[1] == "Data" and header:
            row = dict(zip(header, cells, strict=False))
            source = row.get("currency") or row.get("fromcurrency", "")
            target = row.get("tocurrency", base)
            text = row.get("rate") or row.get("exchange rate") or row.get("exchangerate", "")
            rate = number(text.replace(",", "."), RATES)  # below a thousand: a comma is a decimal one
            if rate > 0.0 and source.upper() == CURRENCY:
                rates[target.upper()] = 1.0 / rate
            elif rate > 0.0 and target.upper() == CURRENCY:
                rates[source.upper()] = rate
    return rates


def _notation(rows: Sequence[Row], export: Export) -> Notation:
    numbers = [row.text(name) for row in rows for name in ("price", "proceeds", "commission") if row.text(name)]
    stamps = [row.text("time") for row in rows if row.text("time") and row.text("grain") in GRAINS]
    check_not_turned(stamps)
    pairs = []
    for row in rows:
        match = SYMBOL.fullmatch(row.text("symbol").upper())
        if match is not None and row.text("time") and row.text("grain") in GRAINS:
            pairs.append((row.text("time"), match["day"]))
    period = next((cells[3] for _, cells in export.rows if cells[1:3] == ["Data", "Period"] and len(cells) > 3), "")
    first, dash, last = period.partition(" - ")
    if dash:
        pairs += [pair for stamp in stamps for pair in ((first, stamp), (stamp, last))]
    return export.notation(numbers, stamps, pairs, day_first(stamps, pairs), [*stamps, last or first])


def with_combo_orders(executions: Iterable[Execution]) -> list[Execution]:
    """Read the executions with a name for the order that each belongs to, in order of time."""
    latest: dict[str, tuple[datetime, str]] = {}
    named = []
    for row in sorted(executions, key=lambda item: (item.when, item.line)):
        if row.contract is not None and row.kind == "trade" and not row.order:
            before, order = latest.get(row.symbol, (row.when, ""))
            order = order if order and row.when - before <= TOGETHER else f"order at {row.when}"
            latest[row.symbol] = row.when, order
            row = replace(row, order=order)
        named.append(row)
    return named


def codes_of(row: Row) -> set[str]:
    """Codes of a row, joined by semicolons in the file."""
    return {code.strip() for code in row.text("code").split(";")}


def effect_of(codes: set[str]) -> Effect:
    """Read the opening or closing by the broker's codes; "" where it does both, or says neither."""
    if {"O", "C"} <= codes:
        return ""
    return "open" if "O" in codes else "close" if "C" in codes else ""


def category_of(row: Row) -> str:
    """Asset category without the custodian."""
    return row.text("category").partition(" - Held with")[0].strip()


def _execution(row: Row, report: RowReport, grain: str, rates: Mapping[str, float]) -> Execution | None:
    category = category_of(row)
    if row.text("grain") != grain:
        report.skipped[f"{row.text('grain')} (parts of orders)"] += 1
        return None
    if category not in (OPTIONS, STOCKS):
        report.skipped[category or layout.UNTYPED] += 1
        return None
    row.require_dollars()
    codes = codes_of(row)
    ending = next((kind for code, kind in ENDINGS.items() if code in codes), None)
    is_delivery = category == STOCKS and ending is not None
    contract = contract_of(row.text("symbol")) if category == OPTIONS else None
    quantity = row.count("quantity", "contracts" if contract else "shares")
    price = row.number("price")
    if ending is None:
        shares = quantity * (MULTIPLIER if contract is not None else 1)
        price, _ = row.settled("proceeds", shares, row.amount("price"))
    paid, currency = row.number("commission"), row.text("commission currency") or CURRENCY
    if paid and currency != CURRENCY and currency not in rates:
        raise ValueError(
            f"commission in {currency}, and the file has no rate to {CURRENCY}: export with the section {RATES}"
        )
    symbol = _underlying(row.symbol()) if contract is not None else underlying(row.symbol())
    return Execution(
        row.moment("time"), symbol, contract, quantity, price,
        -paid * (1.0 if currency == CURRENCY else rates.get(currency, 1.0)),
        "close" if ending and contract is not None else effect_of(codes),
        "delivery" if is_delivery else ending or "trade",
        line=row.line, account=row.text("account"), is_sided=True,
    )  # fmt: skip


def corporate_action(row: Row, category: str, dollars: float, option: Contract | None = None) -> Execution | None:
    """Read a split or stock dividend with its ratio; of other actions the position removed or added, and its cash.

    The row is of the instrument that its words name last; removed shares may go by an old number there, FB.OLD, and
    those held by the symbol in front; the columns of a file may name the option. Where the file has no amounts, the
    words of a merger for cash alone name it. Those of a merger for shares too do not say for how many: NaN.
    """
    words = row.text("description")
    name, bracket, _ = words.partition("(")
    if category not in (OPTIONS, STOCKS):
        return None
    capitals = " ".join(words.upper().split())
    split, per_share, named = SPLIT.search(capitals), PER_SHARE.search(capitals), NAMED_LAST.search(words.strip())
    quantity, ratio = row.number("quantity"), 0.0
    dividend = STOCK_DIVIDEND.search(capitals) if named is None or named["name"] == name.strip() else None
    if split is not None:
        quantity, ratio = 0.0, float(split["new"]) / float(split["old"])
    elif dividend is not None:
        ratio = 1.0 + float(dividend["new"]) / float(dividend["old"])
    if not dollars and per_share is not None:
        dollars = -quantity * number(per_share["price"], "price") * (MULTIPLIER if category == OPTIONS else 1)
    is_replaced = category == OPTIONS or named is None or named["name"].removesuffix(OLD_NUMBER) == name.strip()
    if not dollars and AND_CASH.search(capitals) and is_replaced:
        dollars = math.nan
    if named is not None and (category == OPTIONS or (not ratio and (not name.strip() or quantity > 0))):
        name = named["name"]
    if not bracket or not name.strip():
        raise ValueError(f"corporate action {shown(words)} names no symbol")
    contract = option or (contract_of(name.strip()) if category == OPTIONS else None)
    if option is not None:
        symbol = underlying(row.text("underlying") or option.root)
    else:
        symbol = _underlying(name.strip()) if contract is not None else underlying(name)
    event = NAMED_LAST.sub("", capitals)
    action = layout.reorganisation_row(
        row, row.moment("time"), symbol, contract, quantity, dollars, event=event, is_split=ratio > 0.0
    )
    return replace(action, ratio=ratio)


def transfer(row: Row, category: str, report: RowReport) -> Execution | None:
    """Read a position that enters or leaves the account; None for cash, and within an account."""
    if category.startswith("Total"):
        return None
    kind = row.text("type")
    if category not in (OPTIONS, STOCKS) or not row.number("quantity") or kind.upper() == BETWEEN_DEPOTS:
        report.skipped[CASH_SECTIONS[TRANSFERS]] += 1
        return None
    contract = contract_of(row.text("symbol")) if category == OPTIONS else None
    quantity = row.number("quantity")
    if contract is None:
        quantity = abs(quantity) * (-1 if row.text("direction").upper() == "OUT" else 1)
    return layout.transfer_row(row, row.symbol(), contract, quantity, kind, report)


def contract_of(text: str) -> Contract:
    """Contract of `IWM 31JUL26 275 P` or of an OCC symbol. Raises ValueError when it is neither."""
    match = SYMBOL.fullmatch(" ".join(text.upper().split()))
    if match is None:
        return contract_of_symbol(text)
    return layout.contract_of_match(match, "," if "," in match["strike"] else ".")


def _underlying(symbol: str) -> str:
    """Underlying of an option's symbol, a share class with its dot."""
    match = SYMBOL.fullmatch(" ".join(symbol.upper().split()))
    return underlying(match["root"] if match is not None else contract_of(symbol).root)


def read_history(export: Export) -> list[Execution]:
    rows = [
        (line, cells[2:])
        for line, cells in export.rows
        if cells[0].casefold() == HISTORY_SECTION.casefold() and cells[1:2] in (["Header"], ["Data"])
    ]
    section = replace(export, rows=rows, header=0)
    transactions = list(HISTORY.rows(section))
    base = _base_currency(export)
    rates = HistoryRates.of(transactions, base) if base not in ("", CURRENCY) else None
    executions = layout.each_row(transactions, lambda row, report: _transaction(row, report, rates), export.report)
    if rates is not None and rates.usual:
        export.report.remarks.append(
            f"commissions and gross amounts are in {base}: converted at the rate of each row, "
            f"{rates.usual:.5g} {base} for a dollar in the middle"
        )
    cancelled, corrected = layout.amendments(transactions, "type", "description")
    executions = layout.without_cancelled(executions, cancelled, export.report, corrected)
    if executions:
        export.report.remarks.append(layout.OPENS)
    return with_day_orders(executions)


@dataclass(frozen=True, slots=True)
class HistoryRates:
    """Rates of a transaction history whose gross amounts and commissions are in another currency than its prices."""

    base: str
    usual: float  # units of the base currency for a dollar; 0 where no row has a price and a gross amount

    @classmethod
    def of(cls, rows: Iterable[Row], base: str) -> "HistoryRates":
        """Return the median of the rows, which one of another multiplier does not move."""
        rates = []
        for row in rows:
            with suppress(ValueError):  # the row is named where it is read
                value = row.number("quantity") * row.number("price") * (MULTIPLIER if _names_option(row) else 1)
                rates += [abs(row.number("gross amount") / value)] if value and row.number("gross amount") else []
        return cls(base, median(rates) if rates else 0.0)

    def converted(self, amount: float) -> float:
        """Return an amount in dollars at the usual rate. Raises ValueError when the file has none."""
        if amount and not self.usual:
            raise ValueError(f"gross amount in {self.base}, and no row of the file shows the rate to {CURRENCY}")
        return amount / (self.usual or 1.0)

    def dollars(self, row: Row, shares: int) -> float:
        """Commission of a row in dollars.

        Raises ValueError when its gross amount is not quantity and price at a rate of the file.
        """
        value, gross, rate = abs(shares) * row.number("price"), abs(row.number("gross amount")), self.usual
        if value and gross:
            rate = gross / value
            if not 1.0 / RATE_MOVES < rate / self.usual < RATE_MOVES:
                raise ValueError(
                    f"gross amount {row.text('gross amount')} is not quantity and price at {self.usual:.5g} "
                    f"{self.base} for a dollar, the rate of the other rows"
                )
        if row.number("commission") and not rate:
            raise ValueError(f"commission in {self.base}, and no row of the file shows the rate to {CURRENCY}")
        return row.number("commission") / (rate or 1.0)


def _names_option(row: Row) -> bool:
    return _is_option(layout.unamended(row.text("description"))) or len(row.text("symbol")) > 8


def _transaction(row: Row, report: RowReport, rates: HistoryRates | None) -> Execution | None:
    words = layout.unamended(row.text("type").lower())
    is_cancelled = layout.TAKEN_BACK.search(f"{row.text('type')} {row.text('description')}") is not None
    if SPLIT.search(row.text("description").upper()) or "corporate action" in words:
        category = OPTIONS if _is_option(row.text("description").partition("(")[0]) else STOCKS
        gross = row.number("gross amount")
        return corporate_action(row, category, gross if rates is None else rates.converted(gross))
    ending = next((kind for word, kind in HISTORY_ENDINGS.items() if word in words), None)
    if words not in ("buy", "sell") and ending is None:
        report.skipped[row.text("type") or layout.UNTYPED] += 1
        return None
    row.require_dollars()
    name = layout.unamended(row.text("description"))
    is_option = _names_option(row)
    contract = contract_of(name if _is_option(name) else row.text("symbol")) if is_option else None
    quantity = row.count("quantity", "contracts" if is_option else "shares")
    if words == "buy" and quantity < 0 and not is_cancelled:
        raise ValueError(f"{row.text('type')} of {quantity}: a purchase of less than nothing")
    is_sale = words == "sell" or (quantity < 0 and not (is_cancelled and words == "buy"))
    quantity = -abs(quantity) if is_sale else abs(quantity)
    effect: Effect = "close" if (ending and is_option) or (not is_option and quantity < 0) else ""
    price = row.number("price") if ending else row.amount("price")
    shares = quantity * (MULTIPLIER if is_option else 1)
    if rates is None and ending is None and not is_cancelled:
        price, _ = row.settled("gross amount", shares, price)
    return Execution(
        row.moment("time"), underlying(contract.root if contract is not None else row.symbol()), contract, quantity,
        price, -(row.number("commission") if rates is None else rates.dollars(row, shares)),
        effect if ending is None or is_option else "",
        "delivery" if ending and not is_option else ending or "trade",
        line=row.line, account=row.text("account"), is_sided=True,
    )  # fmt: skip


def _is_option(text: str) -> bool:
    return SYMBOL.fullmatch(" ".join(text.upper().split())) is not None


def raise_unsupported_language(export: Export) -> list[Execution]:
    """Refuse a statement whose sections are not named in English, or whose trades lack a column."""
    section, columns = export.rows[export.header][1][0], columns_of(export.rows[export.header][1])
    if section != SECTION and "asset category" in columns:
        return raise_without_trades(export)
    if section == SECTION:
        raise DataError(
            NAME, f"the section {SECTION} has no column Asset Category", "Export the whole statement", "Asset Category"
        )
    raise DataError(
        NAME,
        f"written in another language (its trades are the section {section!r}): not read",
        "Set the statement's language to English in Client Portal and export it again",
        "language",
    )


def raise_without_trades(_export: Export) -> list[Execution]:
    raise DataError(NAME, f"holds no section {SECTION}", "Export it in English, with the section Trades", SECTION)


STATEMENT: Final = Layout(
    NAME, ("trades", "header", "datadiscriminator", "asset category"), read_statement, paper=PAPER
)
TRANSACTION_HISTORY: Final = Layout(
    "Interactive Brokers transaction history",
    ("transaction history", "header", "transaction type", "symbol"),
    read_history,
    paper=PAPER,
)
OTHER_LANGUAGE: Final = Layout(NAME, ("header", "datadiscriminator"), raise_unsupported_language)
HISTORY_OF_OTHER_LANGUAGE: Final = Layout(
    TRANSACTION_HISTORY.name, (HISTORY_SECTION.lower(), "header"), raise_unsupported_language
)
WITHOUT_TRADES: Final = Layout(NAME, ("statement", "header"), raise_without_trades)
