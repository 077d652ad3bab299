"""Schwab's transaction history as CSV (History, Export).

Columns Date, Action, Symbol, Description, Quantity, Price, Fees & Comm, Amount; options read `IWM 03/20/2026 190.00 P`.
Days have no times; `03/23/2026 as of 03/20/2026` was booked on the first and happened on the second. `Stock Split`
names the shares that it adds, `Options Frwd Split` the contracts at the new strike; a reverse split has two rows. An
assignment is a row `Assigned` and a plain Buy or Sell of the shares at the strike on the same day. The website's JSON
holds the same rows under `BrokerageTransactions`. The layout is known from exports that public parsers test against.
"""

import re
from typing import Final

from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Layout, RowReport, Table
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying
from iwm_opts.journal.fields import Row, contract_of_symbol, parse_moment

TRADES: Final[dict[str, tuple[int, Effect]]] = {
    "buy to open": (1, "open"), "sell to open": (-1, "open"), "buy to close": (1, "close"),
    "sell to close": (-1, "close"), "buy": (1, ""), "sell": (-1, "close"), "sell short": (-1, "open"),
    "buy to cover": (1, "close"), "reinvest shares": (1, "open"),
}  # fmt: skip
ENDINGS: Final[dict[str, Kind]] = {
    "expired": "expiration", "assigned": "assignment", "exchange or exercise": "exercise", "exercised": "exercise",
    "exercise": "exercise", "cash settled": "cash",
}  # fmt: skip
OPTION: Final = re.compile(
    r"(?P<root>(?<![A-Z0-9./$])[A-Z0-9./$]++) (?P<day>\d{1,2}/\d{1,2}/\d{4}) \$?(?P<strike>[\d.,]+) (?P<right>[CP])"
)
CODED: Final = re.compile(r"\d{6}[CP]\d")
SPLIT: Final = re.compile(  # its quantity is what it adds
    r"\bsplit\b(?<!reverse split)(?<!rvrs split)|\bstock div(?:idend| dist)\b"
)
PAID: Final = re.compile(r"\b(?:merger|conversion|reorg)\b")
REORGANISED: Final = re.compile(r"\b(?:split|stock div(?:idend| dist)|merger|name change|conversion|spin-off|reorg)\b")

TABLE: Final = Table(
    fields={
        **layout.same("action", "symbol", "quantity", "price", "amount"),
        "date": ("date", "trade date"),
        "booked": ("date", "trade date"),
        "fees": ("fees & comm", "fees & commissions", "fees"),
    },
    numbers=("price", "fees", "amount"),
    stamps=("date",),
    charges=("fees",),
    clean=lambda cell: cell.rpartition(" as of ")[2].strip(),
)


@layout.reader_of_days(TABLE, "action")
def read(row: Row, report: RowReport, settlements: list[Execution]) -> Execution | None:
    action, text = layout.unamended(row.text("action").lower()), row.text("symbol")
    if action in TRADES and layout.is_cash(text, report):
        return None
    match = OPTION.fullmatch(" ".join(text.upper().split()))
    contract = layout.contract_of_match(match) if match else contract_of_symbol(text) if CODED.search(text) else None
    kind = ENDINGS.get(action) if contract is not None else None
    event = REORGANISED.search(action)
    if event is not None and (row.number("quantity") or not event[0].startswith("stock div")):
        # Booked before the market opens; "as of" names the evening before. A merger's cash may have a row of its own.
        when = parse_moment(row.text("booked").partition(" as of ")[0])
        symbol = underlying(contract.root if contract else row.symbol())
        cash = row.number("amount") if PAID.search(row.text("action").lower()) else 0.0
        return layout.reorganisation_row(
            row, when, symbol, contract, row.number("quantity"), cash, event=event[0],
            is_split=SPLIT.search(action) is not None,
        )  # fmt: skip
    if layout.TRANSFER.search(action) and text and row.number("quantity"):
        return layout.transfer_row(row, row.symbol(), contract, row.number("quantity"), row.text("action"), report)
    if action not in TRADES and kind is None and contract is not None:
        settlements.append(layout.settlement_row(row, contract, row.text("action")))
        return None
    if action not in TRADES and kind is None:
        what = "dividends (not in the results)" if "dividend" in action else row.text("action") or layout.UNTYPED
        report.skipped[what] += 1
        return None
    sign, effect = TRADES.get(action, (0, "close"))
    is_cancelled = layout.TAKEN_BACK.search(row.text("action")) is not None
    symbol = text if contract else row.symbol()
    return layout.booked(
        row, contract, symbol, kind or "trade", sign, effect, charges=TABLE.charges, is_cancelled=is_cancelled
    )


HISTORY: Final = Layout("Schwab transaction history", ("date", "action", "symbol", "quantity", "fees & comm"), read)
