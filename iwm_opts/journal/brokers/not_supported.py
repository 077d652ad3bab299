"""Exports that are known by name and not read, each with what to give in its place."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from iwm_opts.errors import DataError
from iwm_opts.journal.brokers.layout import Export, Layout
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.fields import columns_of

OWN_LOG: Final = "Write its trades as a log of this tool: columns entry, exit, contracts, pnl (see docs)"
# Name of the export, the cells that prove it, and the remedy.
NOT_SUPPORTED: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("Tradier account history", ("date", "type", "symbol", "description", "quantity", "price", "commission"), OWN_LOG),
    ("Tradier gain/loss", ("close_date", "open_date", "gain_loss"), OWN_LOG),
    ("Tradier gain/loss", ("close date", "open date", "gain loss"), OWN_LOG),
    ("Tradier gain/loss", ("close date", "open date", "gain/loss"), OWN_LOG),
    ("Tradier gain/loss", ("closedate", "opendate", "gainloss"), OWN_LOG),
    ("Option Omega daily log", ("date", "net liquidity", "current funds"), "Export the trade log"),
    ("E*Trade transactions", ("transactiondate", "transactiontype", "securitytype", "symbol"), OWN_LOG),
    ("E*Trade transactions",
     ("activity/trade date", "transaction date", "settlement date", "activity type", "description"), OWN_LOG),
    ("Webull orders", ("symbol", "side", "status", "total qty", "placed time"), OWN_LOG),
    ("Webull orders", ("name", "symbol", "side", "status", "avg price", "filled time"), OWN_LOG),
    ("Robinhood option orders (robin_stocks)", ("chain_symbol", "expiration_date", "strike_price", "option_type"),
     "Export the account activity as CSV"),
    ("Schwab order status", ("name of security", "symbol", "status", "action"), "Export the transaction history"),
    ("Firstrade history", ("symbol", "quantity", "price", "action", "tradedate", "recordtype"), OWN_LOG),
    ("Vanguard transactions", ("account number", "trade date", "transaction type", "investment name"), OWN_LOG),
    ("Merrill Edge activity", ("trade date", "settlement date", "symbol/ cusip"), OWN_LOG),
    ("Alpaca account activities", ("activity_type", "transaction_time", "side", "qty"), OWN_LOG),
    ("moomoo orders", ("side", "symbol", "name", "order price", "order qty", "fill time"), OWN_LOG),
    ("Fidelity Active Trader Pro history", ("trade date", "symbol", "activity description", "quantity"),
     "Export Activity & Orders from the website"),
    ("Fidelity positions", ("account number", "symbol", "last price", "current value"), "Export Activity & Orders"),
    ("Fidelity orders", ("symbol", "status", "trade description", "order time"), "Export Activity & Orders"),
    ("Schwab positions", ("symbol", "qty (quantity)", "price", "cost basis"), "Export the transaction history"),
    ("Schwab positions", ("symbol", "description", "quantity", "price", "market value", "cost basis"),
     "Export the transaction history"),
    ("Schwab realized gain/loss", ("symbol", "closed date", "opened date", "proceeds", "cost basis (cb)"),
     "Export the transaction history"),
    ("tastytrade positions", ("symbol", "type", "quantity", "exp date", "strike price", "call/put"),
     "Export History, Transactions"),
    ("tastytrade orders", ("symbol", "status", "marketorfill", "tif", "order #"), "Export History, Transactions"),
    ("thinkorswim position statement", ("instrument", "qty", "days", "trade price", "mark", "mrk chng"),
     "Export Monitor, Account Statement"),
    ("Interactive Brokers portfolio", ("financial instrument", "position", "avg price"),
     "Export an activity statement or a Flex query"),
    ("OptionNet Explorer log", ("trade id", "transaction", "expiration", "strike", "delta", "theta", "vega"), OWN_LOG),
)  # fmt: skip

STATEMENT: Final = "Export an activity statement or a Flex query as CSV"
# JSON of brokers' interfaces: name, names that lead to its list, keys of a record there, and the remedy.
JSON_ANSWERS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...]] = (
    ("Tradier account history", ("history", "event"), (), OWN_LOG),
    ("Tradier gain/loss", ("gainloss", "closed_position"), (), OWN_LOG),
    ("Tradier orders", ("orders", "order"), (), OWN_LOG),
    ("Tradier positions", ("positions", "position"), (), OWN_LOG),
    ("tastytrade transactions (API)", ("data", "items"), ("transaction-type",), "Export History, Transactions as CSV"),
    ("tastytrade orders (API)", ("data", "items"), ("order-type",), "Export History, Transactions as CSV"),
    ("tastytrade positions (API)", ("data", "items"), ("quantity-direction",), "Export History, Transactions as CSV"),
    ("tastytrade API", ("data", "items"), (), "Export History, Transactions as CSV"),
    ("Alpaca account activities", (), ("activity_type",), OWN_LOG),
    ("Alpaca orders", (), ("client_order_id", "asset_class"), OWN_LOG),
    ("Interactive Brokers Client Portal trades", (), ("execution_id", "trade_time"), STATEMENT),
    ("Interactive Brokers Client Portal trades", ("trades",), ("execution_id",), STATEMENT),
    ("Interactive Brokers Client Portal orders", ("orders",), ("orderId", "conid"), STATEMENT),
    ("Robinhood option orders (robin_stocks)", (), ("chain_symbol", "legs"), "Export the account activity as CSV"),
    ("Robinhood option orders (robin_stocks)", ("results",), ("chain_symbol", "legs"),
     "Export the account activity as CSV"),
    ("Robinhood stock orders (robin_stocks)", (), ("instrument", "executions"), "Export the account activity as CSV"),
    ("Robinhood stock orders (robin_stocks)", ("results",), ("instrument", "executions"),
     "Export the account activity as CSV"),
    ("Schwab transactions (API)", (), ("activityId", "transferItems"), "Export the transaction history as CSV or JSON"),
    ("Schwab orders (API)", (), ("orderId", "orderLegCollection"), "Export the transaction history as CSV or JSON"),
    ("TD Ameritrade transactions (API)", (), ("transactionItem",), OWN_LOG),
    ("E*Trade transactions (API)", ("TransactionListResponse", "Transaction"), (), OWN_LOG),
)  # fmt: skip

# Tables other than trade logs: kind, identifying columns, and the command that reads them.
_CHAIN: Final = ("is an option chain", "Screen it with iwm-opts condor --source FILE; review reads trades")
OTHER_TABLES: Final[tuple[tuple[tuple[str, str], tuple[str, ...]], ...]] = (
    (_CHAIN, ("strike", "bid", "ask")),
    (_CHAIN, ("strike", "best_bid", "best_offer")),
    (_CHAIN, ("calls", "puts", "strike")),
    (("holds prices by day or minute", "Give them with `bars`; review reads trades"), ("open", "high", "low", "close")),
    (("holds the positions of an account", "Export the transactions"), ("symbol", "quantity", "last price $")),
    (("holds the positions of an account", "Export the transactions"), ("symbol", "quantity", "average_buy_price")),
)


def json_answer_of(content: object) -> tuple[str, str] | None:
    """Return the broker's interface that answers with such JSON, and the remedy; None for an unknown one."""
    for name, path, keys, remedy in JSON_ANSWERS:
        part: Any = content
        for step in path:
            part = part.get(step) if isinstance(part, dict) else None
        records = part if isinstance(part, list) else [part]  # one record alone is not in a list
        is_there = part is not None and (bool(path) or bool(records))
        if is_there and (not keys or any(isinstance(item, dict) and set(keys) <= set(item) for item in records)):
            return name, remedy
    return None


def table_of(rows: Iterable[Sequence[str]]) -> tuple[str, str] | None:
    """Say what a table without trades is, and the remedy; None for an unknown one."""
    columns = [set(columns_of(cells)) for cells in rows]
    return next((named for named, proof in OTHER_TABLES if any(set(proof) <= names for names in columns)), None)


def refuse(name: str, remedy: str, _export: Export) -> list[Execution]:
    raise DataError(name, "this export is not supported", remedy, "layout")


LAYOUTS: Final = tuple(Layout(name, proof, partial(refuse, name, remedy)) for name, proof, remedy in NOT_SUPPORTED)
