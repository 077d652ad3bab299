"""Robinhood's account activity as CSV (Reports and statements).

Columns Activity Date, Process Date, Settle Date, Instrument, Description, Trans Code, Quantity, Price, Amount; options
are described as `IWM 3/20/2026 Put $190.00`. Amounts are after fees, negative in parentheses: the fee of a row is what
its amount lacks of quantity and price. Days have no times. Quantities of expired options may end
in S, a short position.
The layout is known from exports that public parsers test against.
"""

import re
from collections import defaultdict
from contextlib import suppress
from typing import Final

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Export, Layout, RowReport, Table
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import Row, is_blank, number, shown
from iwm_opts.market.contract import Contract

TRADES: Final[dict[str, tuple[int, Effect]]] = {
    "BTO": (1, "open"), "STO": (-1, "open"), "BTC": (1, "close"), "STC": (-1, "close"), "BUY": (1, ""),
    "SELL": (-1, "close"),
}  # fmt: skip
ENDINGS: Final[dict[str, Kind]] = {
    "OEXP": "expiration", "OASGN": "assignment", "OEXCS": "exercise", "OEXER": "exercise",
}  # fmt: skip
MOST_FEES: Final = 2.0  # dollars a contract; of index options they may exceed the premium
CANCELS: Final = {"BCXL": "BUY", "SCXL": "SELL"}  # and the trade that each takes back
MERGER, MERGER_CASH = "MRGS", "MRGC"
SPLITS: Final = ("SPL", "SDIV")  # splits and dividends in shares: name the shares that they add
REORGANISED: Final = ("SPR", MERGER, MERGER_CASH, "SXCH", "OCA", "OCX", "SYMC", "SOFF", "CONV", "RSPLIT")
TRANSFERS: Final = {"ACATI": 1, "ACATO": -1}
DIVIDENDS: Final = ("CDIV", "MDIV")
MONEY: Final = (
    "ABIP", "ACATI", "ACATO", "ACH", "AFEE", "CIL", "DFEE", "DRFRO", "DTAX", "FUTSWP", "GDBP", "GMPC", "GOLD", "INT",
    "ITRF", "MINT", "MISC", "REC", "ROC", "RTP", "SLIP", "T/A", "XENT",
)  # fmt: skip
OPTION: Final = re.compile(
    r"(?P<root>(?<![A-Z0-9.])[A-Z0-9.]++) (?P<day>\d{1,2}/\d{1,2}/\d{2,4}) (?P<right>CALL|PUT) \$(?P<strike>[\d.,]+)"
)

TABLE: Final = Table(
    fields={
        **layout.same("instrument", "description", "quantity", "price", "amount"),
        "account": (*layout.ACCOUNT_COLUMNS, "account type"),
        "date": ("activity date",),
        "code": ("trans code",),
    },
    numbers=("price", "amount"),
    stamps=("date",),
)


def read(export: Export) -> list[Execution]:
    """Read the executions of an account's activity."""
    rows = list(TABLE.rows(export))
    cancelled, corrected = layout.amendments(rows, "description")
    cancelled |= {row.line for row in rows if _is_cancelled(row)}
    executions = layout.read_days(rows, _execution, (cancelled, corrected), export.report)
    cash: dict[str, float] = defaultdict(float)
    for row in rows:
        code = row.text("code").upper()
        if not is_read(code) and _contract(row.text("description")) is None:
            with suppress(ValueError):
                cash[code] += row.number("amount")
    named = ", ".join(f"{code or 'without a code'} {dollars:,.2f}" for code, dollars in sorted(cash.items()) if dollars)
    export.report.remarks += [f"cash of rows not used, by trans code: {named}"] if named else []
    return executions


def is_read(code: str) -> bool:
    """Whether rows of a code change a position."""
    return code in TRADES or code in ENDINGS or code in CANCELS or code in SPLITS or code in REORGANISED


def _is_cancelled(row: Row) -> bool:
    return row.text("code").upper() in CANCELS or layout.TAKEN_BACK.search(row.text("description")) is not None


def _execution(row: Row, report: RowReport, settlements: list[Execution]) -> Execution | None:
    code = CANCELS.get(row.text("code").upper(), row.text("code").upper())
    contract = _contract(row.text("description"))
    kind, text = ENDINGS.get(code), row.text("quantity").upper()
    side = -1 if text.endswith("S") else 1  # of a short position, or of what is taken away
    if code in SPLITS or code in REORGANISED:
        # A split by the shares that it adds; other changes by what is taken away and what is added.
        quantity, event = side * number(text.rstrip("SL"), "quantity"), MERGER if code == MERGER_CASH else code
        symbol = underlying(contract.root if contract else row.symbol("instrument"))
        return layout.reorganisation_row(
            row, row.moment("date"), symbol, contract, quantity, row.number("amount"), event=event,
            is_split=code in SPLITS,
        )  # fmt: skip
    if code in TRANSFERS and row.text("instrument") and not is_blank(row.text("quantity")):
        size = number(text.rstrip("SL"), "quantity")
        return layout.transfer_row(row, row.symbol("instrument"), contract, TRANSFERS[code] * abs(size), code, report)
    if not is_read(code):
        if contract is not None:
            settlements.append(layout.settlement_row(row, contract, f"trans code {code}"))
            return None
        named = (code if code in MONEY else f"unknown trans code {code}") if code else layout.UNTYPED
        report.skipped["dividends (not in the results)" if code in DIVIDENDS else named] += 1
        return None
    if contract is None and (kind is not None or code not in ("BUY", "SELL")):
        raise ValueError(f"{shown(row.text('description'))} names no option")
    sign, effect = TRADES.get(code, (0, "close"))
    count = Row(row.line, {"quantity": text.rstrip("SL")}, row.notation)
    size = count.count("quantity", "contracts" if contract else "shares")
    price = row.number("price") if kind else row.amount("price")
    unit = MULTIPLIER if contract else 1
    fees = 0.0
    if kind is None and not is_blank(row.text("amount")) and not _is_cancelled(row):
        fees = round(-sign * abs(size) * price * unit - row.number("amount"), 2)
        if abs(fees) > max(1.0, MOST_FEES * abs(size) if contract else 0.0, 0.05 * abs(size) * price * unit):
            raise ValueError(f"amount {row.text('amount')} is not quantity and price less fees")
    if kind is not None and row.number("amount"):
        price = abs(row.number("amount")) / (unit * abs(size))
    symbol = underlying(contract.root if contract else row.symbol("instrument"))
    return Execution(
        row.moment("date"), symbol, contract, (sign or -side) * abs(size), abs(price), fees, effect, kind or "trade",
        line=row.line, account=row.text("account"),
    )  # fmt: skip


def _contract(text: str) -> Contract | None:
    match = OPTION.search(" ".join(text.upper().split()))
    return None if match is None else layout.contract_of_match(match)


ACTIVITY: Final = Layout("Robinhood account activity", ("activity date", "instrument", "trans code", "quantity"), read)
