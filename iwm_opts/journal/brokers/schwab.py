"""Schwab's transaction history as CSV (History, Export).

Columns Date, Action, Symbol, Description, Quantity, Price, Fees & Comm, Amount; options read `IWM 03/20/2026 190.00 P`.
Days have no times; `03/23/2026 as of 03/20/2026` was booked on the first and happened on the second. `Stock Split`
names the shares that it adds, `Options Frwd Split` the contracts at the new strike; a reverse split has two rows. An
assignment is a row `Assigned` and a plain Buy or Sell of the shares at the strike on the same day. The website's JSON
holds the same rows under `BrokerageTransactions`. The layout is known from exports that public parsers test against.
"""

import re
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
from iwm_opts.journal.executions import Effect, Execution, Kind, option_root, underlying
from iwm_opts.journal.fields import Row, contract_of_symbol, make_contract, number, parse_moment, right_of
from iwm_opts.market.contract import Contract

TRADES: Final[dict[str, tuple[int, Effect]]] = {
    "buy to open": (1, "open"),
    "sell to open": (-1, "open"),
    "buy to close": (1, "close"),
    "sell to close": (-1, "close"),
    "buy": (1, ""),
    "sell": (-1, "close"),
    "sell short": (-1, "open"),
    "buy to cover": (1, "close"),
    "reinvest shares": (1, "open"),
}
ENDINGS: Final[dict[str, Kind]] = {
    "expired": "expiration",
    "assigned": "assignment",
    "exchange or exercise": "exercise",
    "exercised": "exercise",
    "exercise": "exercise",
    "cash settled": "cash",
}
OPTION: Final = re.compile(
    r"(?P<root>(?<![A-Z0-9./$])[A-Z0-9./$]++) (?P<day>\d{1,2}/\d{1,2}/\d{4}) \$?(?P<strike>[\d.,]+) (?P<right>[CP])"
)
SPLIT: Final = re.compile(  # its quantity is what it adds
    r"\bsplit\b(?<!reverse split)(?<!rvrs split)|\bstock div(?:idend| dist)\b"
)
PAID: Final = re.compile(r"\b(?:merger|conversion|reorg)\b")
REORGANISED: Final = re.compile(r"\b(?:split|stock div(?:idend| dist)|merger|name change|conversion|spin-off|reorg)\b")

TABLE: Final = Table(
    fields={
        "date": ("date", "trade date"),
        "booked": ("date", "trade date"),
        "action": ("action",),
        "symbol": ("symbol",),
        "quantity": ("quantity",),
        "price": ("price",),
        "fees": ("fees & comm", "fees & commissions", "fees"),
        "amount": ("amount",),
    },
    numbers=("price", "fees", "amount"),
    stamps=("date",),
    charges=("fees",),
    clean=lambda cell: cell.rpartition(" as of ")[2].strip(),
)


def read(export: Export) -> list[Execution]:
    """Read the executions of a transaction history."""
    rows = list(TABLE.rows(export))
    return read_days(rows, _execution, amendments(rows, "action"), export.report)


def _execution(row: Row, report: RowReport, settlements: list[Execution]) -> Execution | None:
    action = unamended(row.text("action").lower())
    if action in TRADES and (is_cusip(row.text("symbol")) or is_money_fund(row.text("symbol"))):
        report.skipped[BONDS if is_cusip(row.text("symbol")) else MONEY_FUNDS] += 1
        return None
    contract = _contract(row.text("symbol"))
    kind = ENDINGS.get(action) if contract is not None else None
    event = REORGANISED.search(action)
    if event is not None and (row.number("quantity") or not event[0].startswith("stock div")):
        return _reorganisation(row, contract, event[0], is_split=SPLIT.search(action) is not None)
    if TRANSFER.search(action) and row.text("symbol") and row.number("quantity"):
        return transfer_row(row, row.symbol(), contract, row.number("quantity"), row.text("action"), report)
    if action not in TRADES and kind is None and contract is not None:
        settlements.append(settlement_row(row, contract, row.text("action")))
        return None
    if action not in TRADES and kind is None:
        what = "dividends (not in the results)" if "dividend" in action else row.text("action") or UNTYPED
        report.skipped[what] += 1
        return None
    sign, effect = TRADES.get(action, (0, "close"))
    size = row.count("quantity", "contracts" if contract else "shares")
    price = abs(row.number("price") if kind else row.amount("price"))
    if kind is not None and row.number("amount") and not price:
        price = abs(row.number("amount")) / (MULTIPLIER * abs(size))
    fees = abs(row.number("fees"))
    if kind is None and not TAKEN_BACK.search(row.text("action")):
        price, fees = row.settled("amount", sign * abs(size) * (MULTIPLIER if contract else 1), price, ("fees",))
    return Execution(
        when=row.moment("date"),
        symbol=underlying(contract.root if contract else row.symbol()),
        contract=contract,
        quantity=sign * abs(size) if sign else size,
        price=price,
        fees=fees,
        effect=effect,
        kind=kind or "trade",
        line=row.line,
        account=row.text("account"),
    )


def _reorganisation(row: Row, contract: Contract | None, event: str, *, is_split: bool) -> Execution:
    """Read a corporate action; the cash of a merger may have a row of its own, without a quantity."""
    # Booked before the market opens; "as of" names the evening before.
    when = parse_moment(row.text("booked").partition(" as of ")[0])
    symbol = underlying(contract.root if contract else row.symbol())
    cash = row.number("amount") if PAID.search(row.text("action").lower()) else 0.0
    return reorganisation_row(row, when, symbol, contract, row.number("quantity"), cash, event=event, is_split=is_split)


def _contract(text: str) -> Contract | None:
    """Contract of an option's symbol; None for shares."""
    match = OPTION.fullmatch(" ".join(text.upper().split()))
    if match is not None:
        strike = number(match["strike"], "strike")
        return make_contract(
            option_root(match["root"]), parse_moment(match["day"]).date(), right_of(match["right"]), strike
        )
    return contract_of_symbol(text) if re.search(r"\d{6}[CP]\d", text) else None


HISTORY: Final = Layout("Schwab transaction history", ("date", "action", "symbol", "quantity", "fees & comm"), read)
