"""Interactive Brokers' Flex queries, CSV and XML.

One row a trade, named as in the query: `IBOrderID` in CSV, `ibOrderID` in XML. Order numbers group legs; notes are the
codes of the statement. A query may hold several levels of detail: executions are read, else orders. XML is read by the
standard library with document types refused; the package ibflex refuses every attribute that it does not know, and the
broker adds some each year.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

from iwm_opts.conventions import MULTIPLIER, counted
from iwm_opts.errors import DataError
from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.interactive_brokers import (
    ENDINGS,
    OPTIONS,
    PAPER,
    STOCKS,
    contract_of,
    corporate_action,
    effect_of,
    transfer,
    with_combo_orders,
)
from iwm_opts.journal.brokers.layout import Export, JoinedExports, Layout, RowReport, Table
from iwm_opts.journal.executions import (
    HOLDS,
    SAME_PRICE,
    Effect,
    Execution,
    Kind,
    off_hours,
    option_root,
    underlying,
    with_cash_settlement,
    with_day_orders,
)
from iwm_opts.journal.fields import CURRENCY, Row, columns_of, is_blank, make_contract, number, right_of, shown
from iwm_opts.market.contract import OCC_PATTERN, Contract

TRANSACTIONS: Final[dict[str, Kind]] = {
    "EXPIRATION": "expiration", "ASSIGNMENT": "assignment", "EXERCISE": "exercise",
}  # fmt: skip
DELIVERIES: Final = {"BUY": 1, "SELL": -1}
AFTER_CLOSE: Final = time(16, 20)  # of endings, as the trades have it
LEVELS: Final = ("EXECUTION", "ORDER")  # the first that a file holds is read
MARKS: Final = ("BOF", "EOF", "BOA", "EOA", "BOS", "EOS")
ACCOUNTS: Final = {"clientaccountid", "accountid"}  # columns of a section's header
TRADES: Final = "trades"
ACTION, TRANSFER, ENDING = "CORPORATE_ACTION", "TRANSFER", "OPTION_ENDING"
SECTIONS: Final = {"CorporateAction": ACTION, "Transfer": TRANSFER, "OptionEAE": ENDING}  # their elements
# What columns of CSV prove another section, the first that fits.
COLUMNS_OF: Final = (
    (ENDING, {"transactiontype", "date", "symbol", "quantity"}),
    (ACTION, {"type", "quantity", "actiondescription"}),
    (ACTION, {"type", "quantity", "description", "report date", "date/time"}),
    (ACTION, {"type", "quantity", "description", "reportdate", "datetime"}),
    (TRANSFER, {"type", "quantity", "direction", "date"}),
)
CASH_COLUMNS: Final = {"amount", "type"}  # of cash transactions, which have no quantity
NAMED_COLUMNS: Final = 4
CASH_SETTLEMENT: Final = "CASH SETTLEMENT"
NO_TIMES: Final = "no times of day: what opened on one day is taken for one order; add DateTime to the query"
NO_CATEGORY: Final = (
    "no column AssetClass: options are known by their contracts, other rows are taken for shares; add it to the query"
)
ANSWER_CELL: Final = re.compile(r"<(\w+)>([^<]*)</\1>")
CURRENCIES: Final = re.compile(r"[A-Z]{3}\.[A-Z]{3}")
# Levels of elements that do not say theirs.
ELEMENTS: Final = {
    "Trade": "EXECUTION", "TradeConfirm": "EXECUTION", "Order": "ORDER", "Lot": "CLOSED_LOT",
    "SymbolSummary": "SYMBOL_SUMMARY",
}  # fmt: skip

TABLE: Final = Table(
    fields={
        **layout.same("symbol", "multiplier", "strike", "quantity", "taxes", "type", "direction", "date"),
        "account": ("clientaccountid", "accountid"),
        "currency": ("currencyprimary", "currency"),
        "category": ("assetclass", "assetcategory"),
        "underlying": ("underlyingsymbol",),
        "expiration": ("expiry",),
        "right": ("put/call", "putcall"),
        "time": ("datetime", "date/time", "tradedate"),
        "clock": ("tradetime",),
        "price": ("tradeprice", "price"),
        "proceeds": ("proceeds", "trademoney"),
        "net cash": ("netcash",),
        "commission": ("ibcommission", "ib commission", "commission", "comm/fee", "commisionsandtax"),
        "commission currency": ("ibcommissioncurrency", "commissioncurrency", "ib commission currency"),
        "rate": ("fxratetobase", "fx rate to base"),
        "effect": ("open/closeindicator", "opencloseindicator"),
        "notes": ("notes/codes", "notes", "code"),
        "side": ("buy/sell", "buysell"),
        "order": ("iborderid", "orderid"),
        "level": ("levelofdetail",),
        "description": ("actiondescription", "description"),
        "transaction": ("transactiontype",),
        "execution": ("transactionid", "tradeid", "ibexecid"),
    },
    numbers=("strike", "price", "commission"),
    stamps=("time",),
    pairs=(("time", "expiration"),),
    charges=("commission",),
    month_first=None,
)


def read_csv(export: Export) -> list[Execution]:
    """Read the executions of a Flex query in CSV, with or without its section marks."""
    report, joined = export.report, JoinedExports(export.report)
    header: list[str] = []
    section = title = ""  # as its columns prove it, whatever marks it; as the file marks it
    cash: list[Mapping[str, str]] = []
    records: list[tuple[int, dict[str, str]]] = []
    for line, cells in export.rows:
        mark = cells[0].upper()
        if mark in MARKS:
            title = " ".join(filter(None, cells[2:3] or cells[1:2])) if mark == "BOS" else ""
            continue
        body = cells[2:] if mark in ("HEADER", "DATA") and len(cells) > 2 else cells
        columns = columns_of(body)
        proof = next((name for name, proof in COLUMNS_OF if proof <= set(columns)), "")
        if not proof and any(set(columns) >= set(item.proof) for item in (FLEX_CSV, CONFIRMATIONS_CSV)):
            proof = TRADES
        if mark == "HEADER" or proof == TRADES or ACCOUNTS & set(columns):
            if header == columns:
                report.skipped["repeated header"] += 1
            if proof == TRADES:
                joined.next()
            header, section = columns, proof
            title = cells[1] if mark == "HEADER" and len(cells) > 2 else title
            if section == TRADES and not any(name in columns for name in TABLE.fields["commission"]):
                report.remarks.append(layout.NO_FEES)
        elif not section and set(header) >= CASH_COLUMNS and "quantity" not in header:
            cash.append(dict(zip(header, body, strict=False)))
        elif not section:
            names = [name for name in header if name and name not in ACCOUNTS][:NAMED_COLUMNS]
            unread = f"section {title}" if title else f"a section with the columns {', '.join(names)}"
            report.skipped[unread if header else "rows above the header"] += 1
        elif len(list(filter(None, body))) <= 1:
            report.skipped["remarks and empty rows of the broker"] += 1
        elif len(body) < len(header) or any(body[len(header) :]):
            report.reject(line, layout.misfit(body, len(header)), body)
        else:
            record = dict(zip(header, body, strict=False))
            if not joined.repeats((section, *record.items())):
                records.append((line, record | ({} if section == TRADES else {"levelofdetail": section})))
    _count_cash(cash, report)
    return _of_records(records, export)


def _count_cash(rows: Sequence[Mapping[str, str]], report: RowReport) -> None:
    """Name cash transactions, such as dividends and fees, and their sums by type: no trade has them."""
    if not rows:
        return
    report.skipped["cash transactions (not in the results)"] += len(rows)
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        with suppress(ValueError):  # the amount is named, not used
            currency = row.get("currencyprimary", row.get("currency", ""))
            sums[row.get("type", ""), currency] += number(row.get("amount", ""), "amount")
    amounts = ", ".join(f"{f'{total:.2f} {currency}'.strip()} of {name}" for (name, currency), total in sums.items())
    report.remarks.append(f"cash transactions, not in the results: {amounts}")


def read_xml(export: Export) -> list[Execution]:
    """Read the executions of a Flex query in XML.

    Raises DataError when the XML is damaged or declares a document type.
    """
    if re.search(r"<!(?:DOCTYPE|ENTITY)", export.text, re.IGNORECASE):
        raise DataError(FLEX_XML.name, "declares a document type: not read", "Export the query again", "DOCTYPE")
    try:
        tree = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", export.text))
    except ElementTree.ParseError as error:
        raise DataError(FLEX_XML.name, f"damaged XML: {error}", "Export the query again", "content") from None
    export.report.reach(statement.attrib.get("toDate", "") for statement in tree.iter("FlexStatement"))
    _count_cash([element.attrib for element in tree.iter("CashTransaction")], export.report)
    joined = JoinedExports(export.report)
    records: list[tuple[int, Mapping[str, str]]] = []
    for statement in tree.iter("FlexStatement"):
        joined.next()
        account = {"accountId": statement.attrib.get("accountId", "")}
        elements = [
            account
            | item.attrib
            | {"levelOfDetail": item.attrib.get("levelOfDetail") or ELEMENTS.get(item.tag, item.tag)}
            for section in (*statement.iter("Trades"), *statement.iter("TradeConfirms"))
            for item in section
        ]
        for tag, level in SECTIONS.items():
            elements += [account | item.attrib | {"levelOfDetail": level} for item in statement.iter(tag)]
        for element in elements:
            record = {name.lower(): value.strip() for name, value in element.items()}
            if not joined.repeats(tuple(record.items())):
                records.append((len(records) + 1, record))
    return _of_records(records, export)


def _of_records(records: Sequence[tuple[int, Mapping[str, str]]], export: Export) -> list[Execution]:
    """Read the records of all sections."""
    if not records:
        return []
    report, rows = export.report, _rows(records, export)
    endings = [row for row in rows if row.text("level") == ENDING]
    cash = [row for row in endings if row.text("transaction").upper() == CASH_SETTLEMENT]
    settled = _settlements(cash, report)
    rows = [row for row in rows if row.text("level") != ENDING]
    # A query of orders and executions may not name their level: an order has no number of its execution.
    executed = {_order_of(row) for row in rows if not is_blank(row.text("execution"))}
    orders = {
        row.line for row in rows
        if not row.text("level") and not is_blank(row.text("order")) and is_blank(row.text("execution"))
        and _order_of(row) in executed
    }  # fmt: skip
    if orders:
        report.skipped["order rows (parts of trades)"] += len(orders)
        rows = [row for row in rows if row.line not in orders]
    if any("category" not in row for row in rows):
        report.remarks.append(NO_CATEGORY)
    levels = {row.text("level").upper() for row in rows}
    level = next((name for name in LEVELS if name in levels), "")
    executions = layout.each_row(rows, lambda row, report: _execution(row, report, level), report)
    executions = layout.without_cancelled(executions, {row.line for row in rows if _is_cancelled(row)}, report)
    has_times = any(execution.when.hour for execution in executions)
    executions += _endings([row for row in endings if row not in cash], executions, report)
    executions, lost = with_cash_settlement(executions, settled)
    report.remarks += lost
    if executions and not any(execution.effect for execution in executions if execution.kind == "trade"):
        report.remarks.append(layout.OPENS)
    report.remarks += off_hours(executions)
    if executions and not has_times:
        report.remarks.append(NO_TIMES)
    return with_combo_orders(executions) if has_times else with_day_orders(executions)


def _order_of(row: Row) -> tuple[str, ...]:
    return tuple(row.text(name) for name in ("account", "order", "symbol"))


def _rows(records: Sequence[tuple[int, Mapping[str, str]]], export: Export) -> list[Row]:
    """Rows of records, whose columns may have different names in each section.

    Of the descriptions of a corporate action the one that names its instrument is read. The time of day is in the
    column TradeTime, where the query has no DateTime.
    """
    fields: dict[int, dict[str, str]] = {}
    for line, record in records:
        texts = {name: [record[item] for item in columns if item in record] for name, columns in TABLE.fields.items()}
        fields[line] = {
            name: next((text for text in cells if name == "description" and "(" in text), cells[0])
            for name, cells in texts.items()
            if cells
        }
    names = [name for name in TABLE.fields if any(name in cells for cells in fields.values())]
    table = [[TABLE.fields[name][0] for name in names]]
    table += [[cells.get(name, "") for name in names] for cells in fields.values()]
    rows = []
    for row in TABLE.rows(replace(export, rows=list(zip((0, *fields), table, strict=True)), header=0)):
        cells = {name: row.cells[name] for name in fields[row.line]}
        if not is_blank(row.text("clock")) and cells.get("level") != ENDING:
            is_day = True
            with suppress(ValueError):  # a date that cannot be read is named with its row
                is_day = row.moment("time").time() == time()
            cells |= {"time": f"{row.text('time')} {row.text('clock')}"} if is_day else {}
        rows.append(replace(row, cells=cells))
    return rows


def raise_flex_answer(export: Export) -> list[Execution]:
    """Refuse an answer of the web service in place of a statement, in its words."""
    cells = {name: " ".join(text.split()) for name, text in ANSWER_CELL.findall(export.text)}
    if "ErrorMessage" in cells or "ErrorCode" in cells:
        said = f"{cells.get('ErrorMessage', '')} (ErrorCode {cells.get('ErrorCode', 'none')})".strip()
        raise DataError(
            ANSWER.name, f"answered with an error: {said}", "Mend that and request the query again", "answer"
        )
    raise DataError(
        ANSWER.name,
        f"answered with the reference code {shown(cells.get('ReferenceCode', ''))} of a statement, not with it",
        "Request the statement with that code",
        "ReferenceCode",
    )


def _settlements(rows: Iterable[Row], report: RowReport) -> dict[tuple[str, Contract], float]:
    """Cash of index options by account and contract, of the section of exercises and expirations."""
    settled: dict[tuple[str, Contract], float] = {}
    for row in rows:
        try:
            row.require_dollars()
            settled[row.text("account"), _contract(row)] = row.amount("proceeds")
        except ValueError as error:
            report.reject(row.line, f"cash settlement: {error}")
    return settled


def _endings(rows: Sequence[Row], executions: Sequence[Execution], report: RowReport) -> list[Execution]:
    """Rows of the section of exercises, assignments and expirations that the trades lack, as some queries do."""

    def is_ending(trade: Execution, ending: Execution) -> bool:
        """Whether a row of the trades is an ending; queries without the column Notes/Codes do not name it so."""
        if (trade.account, trade.symbol, trade.contract) != (ending.account, ending.symbol, ending.contract):
            return False
        if ending.contract is not None:
            return trade.kind not in HOLDS or not trade.price
        is_same = trade.quantity * ending.quantity > 0 and abs(trade.price - ending.price) < SAME_PRICE
        return is_same and abs(trade.when.date() - ending.when.date()) <= timedelta(days=1)

    endings = layout.each_row(rows, _ending, report)
    lacking = [ending for ending in endings if not any(is_ending(trade, ending) for trade in executions)]
    if len(lacking) < len(endings):
        report.skipped["exercises and expirations (they are among the trades)"] += len(endings) - len(lacking)
    if lacking:
        counts = counted(len(lacking), "rows", "row")
        report.remarks.append(f"{counts} of exercises, assignments and expirations are not among the trades: used")
    return lacking


def _ending(row: Row, report: RowReport) -> Execution | None:
    """Read the ending of an option, or the shares that it delivers; their rows have a date without a time."""
    words, category = row.text("transaction").upper(), _category(row)
    if category not in ("OPT", "STK") or words not in (TRANSACTIONS if category == "OPT" else DELIVERIES):
        report.skipped[f"{row.text('transaction') or layout.UNTYPED} of {category} in exercises and expirations"] += 1
        return None
    row.require_dollars()
    contract = _contract(row) if category == "OPT" else None
    if contract is not None and row.number("multiplier") not in (0.0, 100.0):
        raise ValueError(f"options of {row.text('multiplier')} shares are not read")
    quantity = row.count("quantity", "contracts" if contract else "shares")
    return Execution(
        datetime.combine(row.day("date"), AFTER_CLOSE), _symbol(row, contract), contract,
        quantity if contract else abs(quantity) * DELIVERIES[words], 0.0 if contract else row.amount("price"),
        -_commission(row), "close" if contract else "", TRANSACTIONS[words] if contract else "delivery",
        line=row.line, account=row.text("account"),
    )  # fmt: skip


def _category(row: Row) -> str:
    """Asset class; where the query has no such column, by the contract of an option and by what shares cannot have.

    Raises ValueError for a row that may be a future, or a currency.
    """
    if "category" in row:
        return row.text("category").upper()
    symbol = row.text("symbol").upper()
    if OCC_PATTERN.fullmatch(symbol) or not is_blank(row.text("right")):
        return "OPT"
    if CURRENCIES.fullmatch(symbol) or not is_blank(row.text("expiration")) or row.number("multiplier") not in (0, 1):
        raise ValueError(f"{shown(symbol)} is neither an option nor shares, and there is no column AssetClass")
    return "STK"


def _codes(row: Row) -> set[str]:
    return {code.strip() for code in row.text("notes").replace(",", ";").split(";")}


def _is_cancelled(row: Row) -> bool:
    """Whether a row takes a trade back."""
    return "Ca" in _codes(row) or "(ca.)" in row.text("side").lower() or "cancel" in row.text("side").lower()


def _execution(row: Row, report: RowReport, level: str) -> Execution | None:
    if row.text("level") == ACTION:
        category = {"OPT": OPTIONS, "STK": STOCKS}.get(row.text("category").upper(), "")
        is_named = OCC_PATTERN.fullmatch(row.text("symbol").upper()) or not is_blank(row.text("strike"))
        option = _contract(row) if category == OPTIONS and is_named else None
        return corporate_action(row, category, row.number("proceeds"), option)
    if row.text("level") == TRANSFER:
        return transfer(row, {"OPT": OPTIONS, "STK": STOCKS}.get(row.text("category").upper(), ""), report)
    if row.text("level").upper() not in ("", level):
        report.skipped[f"{row.text('level').lower().replace('_', ' ')} rows (parts of trades)"] += 1
        return None
    category = _category(row)
    if category not in ("OPT", "STK"):
        report.skipped[category or layout.UNTYPED] += 1
        return None
    row.require_dollars()
    codes = _codes(row)
    ending = next((kind for code, kind in ENDINGS.items() if code in codes), None)
    contract = _contract(row) if category == "OPT" else None
    if contract is not None and row.number("multiplier") not in (0.0, 100.0):
        raise ValueError(f"options of {row.text('multiplier')} shares are not read")
    is_delivery = contract is None and ending is not None
    quantity = row.count("quantity", "contracts" if contract else "shares")
    if row.text("side").upper().startswith(("SELL", "BUY")):  # of a cancellation too: `SELL (Ca.)`
        quantity = abs(quantity) * (-1 if row.text("side").upper().startswith("SELL") else 1)
    elif _is_cancelled(row):
        quantity = -quantity
    effect: Effect = effect_of(set(row.text("effect").upper().replace(",", ";").split(";"))) or effect_of(codes)
    if contract is None and not effect and quantity < 0 and not is_delivery:
        effect = "close"
    price, fees = row.number("price"), -(_commission(row) + row.number("taxes"))
    if ending is None:  # by the cash of the trade: its proceeds, else what is left of them after fees
        price, shares = row.amount("price"), quantity * (MULTIPLIER if contract is not None else 1)
        if not is_blank(row.text("proceeds")) or is_blank(row.text("net cash")):
            price, _ = row.settled("proceeds", shares, price)
        elif row.text("commission currency").upper() in ("", CURRENCY):
            price, fees = row.settled("net cash", shares, price, ("commission", "taxes"))
    return Execution(
        row.moment("time"), _symbol(row, contract), contract, quantity, price, fees,
        "close" if ending and contract is not None else effect, "delivery" if is_delivery else ending or "trade",
        "" if is_blank(row.text("order")) else row.text("order"),
        line=row.line, account=row.text("account"), is_sided=True,
    )  # fmt: skip


def _commission(row: Row) -> float:
    """Commission in dollars; in another currency it is in that of the account, to which the row may give the rate."""
    commission, currency = row.number("commission"), row.text("commission currency").upper()
    if not commission or is_blank(currency) or currency == CURRENCY:
        return commission
    rate = row.number("rate")
    if rate in (0.0, 1.0):
        raise ValueError(f"commission in {currency}, and no rate to {CURRENCY}: add FXRateToBase to the query")
    return commission / rate


def _symbol(row: Row, contract: Contract | None) -> str:
    if contract is not None and row.text("underlying"):
        return underlying(row.symbol("underlying"))
    return underlying(contract.root if contract is not None else row.symbol())


def _contract(row: Row) -> Contract:
    symbol = row.text("symbol").upper()
    if OCC_PATTERN.fullmatch(symbol) or is_blank(row.text("strike")):
        return contract_of(symbol)
    return make_contract(
        option_root(row.symbol("underlying")), row.day("expiration"), right_of(row.text("right")), row.strike()
    )


FLEX_CSV: Final = Layout("Interactive Brokers Flex query", ("symbol", "quantity", "tradeprice"), read_csv, paper=PAPER)
CONFIRMATIONS_CSV: Final = Layout(
    "Interactive Brokers Flex query of trade confirmations",
    ("symbol", "quantity", "price", "commission", "code", "buy/sell"),
    read_csv,
    paper=PAPER,
)
FLEX_XML: Final = Layout("Interactive Brokers Flex query", (), read_xml, root="FlexQueryResponse", paper=PAPER)
ANSWER: Final = Layout("Interactive Brokers Flex Web Service", (), raise_flex_answer, root="FlexStatementResponse")
