"""TD Ameritrade's transactions.csv (History & Statements, Download), until the move to Schwab in 2023.

Columns DATE, TRANSACTION ID, DESCRIPTION, QUANTITY, SYMBOL, PRICE, COMMISSION, AMOUNT, (NET CASH BALANCE,) REG FEE, and
others; the last line is `***END OF FILE***`. Descriptions read `Sold 3 IWM Mar 20 2020 145.0 Put @ 1.13`, symbols
`IWM Mar 20 2020 145.0 Put`; endings `REMOVAL OF OPTION DUE TO EXPIRATION (...)`, delivered shares are plain trades at
the strike. Amounts are after commission and fee, which the file checks. Days have no times, and rows do not say what
opens: the first trade in a contract is taken to open it. The layout is known from exports that public parsers test
against (2013 to 2023).
"""

import re
from dataclasses import replace
from typing import Final

from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Layout, RowReport, Table
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import Row, is_blank, shown

OPTION: Final = re.compile(
    r"(?P<root>(?<![A-Z0-9./$])[A-Z0-9./$]++) (?P<day>[A-Z]{3} \d{1,2} \d{4}) (?P<strike>[\d.,]+) (?P<right>CALL|PUT)"
)
REMOVAL: Final = re.compile(r"REMOVAL OF OPTION DUE TO (?P<kind>EXPIRATION|ASSIGNMENT|EXERCISE)")
KINDS: Final[dict[str, Kind]] = {"EXPIRATION": "expiration", "ASSIGNMENT": "assignment", "EXERCISE": "exercise"}
SPLITS: Final = re.compile(r"\b(?:SPLIT|MERGER|EXCHANGE|NAME CHANGE)\b")

TABLE: Final = Table(
    fields={
        **layout.same("date", "description", "quantity", "symbol", "price", "commission", "amount"),
        "order": ("transaction id",),
        "fee": ("reg fee",),
    },
    numbers=("price", "commission", "amount", "fee"),
    stamps=("date",),
    charges=("commission", "fee"),
)


@layout.reader_of_days(TABLE, "description", remark=layout.OPENS)
def read(row: Row, report: RowReport, _settlements: list[Execution]) -> Execution | None:
    words = layout.unamended(row.text("description").upper())
    sign = 1 if words.startswith("BOUGHT ") else -1 if words.startswith("SOLD ") else 0
    removal = REMOVAL.match(words)
    named = f"{row.text('symbol')} {words}" if removal else row.text("symbol")
    match = OPTION.search(" ".join(named.upper().split()))
    contract = layout.contract_of_match(match) if match is not None else None
    symbol = "" if is_blank(row.text("symbol")) else underlying(contract.root if contract else row.symbol())
    if not sign and removal is None and SPLITS.search(words) and symbol:
        return Execution(
            row.moment("date"), symbol, contract, 0, 0.0, kind="reorganisation", line=row.line,
            account=row.text("account"),
        )  # fmt: skip
    if not sign and removal is None and layout.TRANSFER.search(words) and symbol and row.number("quantity"):
        quantity = abs(row.number("quantity")) * (-1 if re.search(r"\bOUT\b", words) else 1)
        return layout.transfer_row(
            row, row.symbol(), contract, quantity, words.partition("(")[0].strip().lower(), report
        )
    if not sign and removal is None:
        what = "dividends (not in the results)" if "DIVIDEND" in words else "money movements and other activity"
        report.skipped[what] += 1
        return None
    if removal is not None and contract is None:
        raise ValueError(f"{shown(words)} names no option")
    effect: Effect = "close" if removal is not None or (contract is None and sign < 0) else ""
    if not sign:  # the amount is the cash of an index
        row = replace(row, cells=row.cells | {"price": ""})
    return layout.booked(
        row, contract, symbol or row.symbol(), KINDS[removal["kind"]] if removal is not None else "trade", sign or 1,
        effect, charges=TABLE.charges, is_cancelled=layout.TAKEN_BACK.search(row.text("description")) is not None,
    )  # fmt: skip


TRANSACTIONS: Final = Layout(
    "TD Ameritrade transactions", ("date", "transaction id", "description", "quantity", "symbol", "reg fee"), read
)
