"""Exports that are known by name and not read, each with what to give in its place."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from iwm_opts.errors import DataError
from iwm_opts.journal.brokers.layout import Export, Layout
from iwm_opts.journal.executions import Execution
from iwm_opts.journal.fields import columns_of

OWN_LOG: Final = "Write its trades as a log of this tool: columns entry, exit, contracts, pnl (see docs)"
# Name of the export, the cells that prove it, and the remedy.
NOT_SUPPORTED: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("Tradier account history", ("date", "type", "symbol", "description", "quantity", "price", "commission"), OWN_LOG),
    ("Tradier gain/loss", ("close_date", "open_date", "gain_loss", "proceeds"), OWN_LOG),
    ("Option Omega daily log", ("date", "net liquidity", "current funds"), "Export the trade log"),
    ("E*Trade transactions", ("transactiondate", "transactiontype", "securitytype", "symbol"), OWN_LOG),
    ("E*Trade transactions",
     ("activity/trade date", "transaction date", "settlement date", "activity type", "description"), OWN_LOG),
    ("Webull orders", ("name", "symbol", "side", "status", "filled", "avg price", "filled time"), OWN_LOG),
    ("Webull orders", ("symbol", "side", "status", "filled", "total qty", "placed time"), OWN_LOG),
    ("Firstrade history", ("symbol", "quantity", "price", "action", "tradedate", "recordtype"), OWN_LOG),
    ("Vanguard transactions", ("account number", "trade date", "transaction type", "investment name"), OWN_LOG),
    ("Merrill Edge activity", ("trade date", "settlement date", "description 1", "symbol/ cusip"), OWN_LOG),
    ("Alpaca account activities", ("activity_type", "transaction_time", "side", "qty"), OWN_LOG),
    ("moomoo orders", ("side", "symbol", "name", "order price", "order qty", "fill time"), OWN_LOG),
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

# Tables other than trade logs: kind, identifying columns, and the command that reads them.
_CHAIN: Final = ("is an option chain", "Screen it with iwm-opts condor --source FILE; review reads trades")
OTHER_TABLES: Final[tuple[tuple[tuple[str, str], tuple[str, ...]], ...]] = (
    (_CHAIN, ("strike", "bid", "ask")),
    (_CHAIN, ("strike", "best_bid", "best_offer")),
    (_CHAIN, ("calls", "puts", "strike")),
    (("holds prices by day or minute", "Give them with --bars; review reads trades"), ("open", "high", "low", "close")),
    (("holds the positions of an account", "Export the transactions"), ("symbol", "quantity", "last price $")),
    (("holds the positions of an account", "Export the transactions"), ("symbol", "quantity", "average_buy_price")),
)


def table_of(rows: Iterable[Sequence[str]]) -> tuple[str, str] | None:
    """Say what a table without trades is, and the remedy; None for an unknown one."""
    columns = [set(columns_of(cells)) for cells in rows]
    return next((named for named, proof in OTHER_TABLES if any(set(proof) <= names for names in columns)), None)


def _refusal(name: str, remedy: str) -> Callable[[Export], list[Execution]]:
    def refuse(_export: Export) -> list[Execution]:
        raise DataError(name, "this export is not supported", remedy)

    return refuse


LAYOUTS: Final = tuple(Layout(name, proof, _refusal(name, remedy)) for name, proof, remedy in NOT_SUPPORTED)
