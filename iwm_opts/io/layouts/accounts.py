"""Files of brokers' accounts, and quotes without bid and ask: named where a chain or series is expected."""

from collections.abc import Iterable, Mapping
from typing import Final

from iwm_opts.io.layouts.layout import plain

REVIEW: Final = "give it to iwm-opts review"
TRADES: Final = ("a trade log", REVIEW)
POSITIONS: Final = "a list of positions of"
_FIDELITY: Final = "export Activity & Orders for iwm-opts review; positions are not read"
_SCHWAB: Final = "export the transaction history for iwm-opts review; positions are not read"
_STATEMENT: Final = "export Monitor, Account Statement for iwm-opts review; positions are not read"
_FLEX: Final = "export an activity statement or a Flex query for iwm-opts review; positions are not read"

ACCOUNT_FILES: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {  # plain names of columns, what they prove, remedy
    ("accountnumber", "symbol", "lastprice", "currentvalue"): (f"{POSITIONS} a Fidelity account", _FIDELITY),
    ("symbol", "qtyquantity", "price", "costbasis"): (f"{POSITIONS} a Schwab account", _SCHWAB),
    ("symbol", "description", "quantity", "marketvalue", "costbasis"): (f"{POSITIONS} a Schwab account", _SCHWAB),
    ("instrument", "qty", "tradeprice", "mrkchng"): (f"{POSITIONS} a thinkorswim account", _STATEMENT),
    ("financialinstrument", "position", "avgprice"): (f"{POSITIONS} an Interactive Brokers account", _FLEX),
    ("tradesymbol", "instrumenttype", "action"): TRADES,
    ("instrumenttype", "action", "quantity", "symbol"): ("a trade log of tastytrade", REVIEW),
    ("transactioncode", "transactionsubcode", "buysell"): ("a trade log of tastytrade", REVIEW),
    ("activitytype", "description", "netamount"): TRADES,
    ("activitydate", "processdate", "transcode"): ("a trade log of Robinhood", REVIEW),
    ("rundate", "action", "symbol", "quantity"): ("a trade log of Fidelity", REVIEW),
    ("action", "quantity", "symbol", "feescomm"): ("a trade log of Schwab", REVIEW),
    ("action", "quantity", "symbol"): TRADES,
    ("type", "symbol", "description", "quantity", "price", "commission", "amount"): TRADES,
    ("tradeprice", "ibcommission"): ("a Flex query of Interactive Brokers", REVIEW),
    ("transactiontype", "quantity", "grossamount", "netamount"): ("a trade log of Interactive Brokers", REVIEW),
    ("dateopened", "dateclosed", "premium"): ("a trade log of Option Omega", REVIEW),
    ("entry", "exit", "pnl"): TRADES,
    ("entry", "exit", "credit"): TRADES,
}
BEGINNINGS: Final[Mapping[bytes, tuple[str, str]]] = {  # of files of several tables
    b"Statement,Header,": ("a statement of Interactive Brokers", REVIEW),
    b"<FlexQueryResponse": ("a Flex query of Interactive Brokers", REVIEW),
    b"Account Statement for": ("an account statement of thinkorswim", REVIEW),
    b"Today's Trade Activity for": ("a list of the trades of a thinkorswim account", REVIEW),
    b"Position Statement for": (f"{POSITIONS} a thinkorswim account", _STATEMENT),
    b"This document was exported from the paperMoney": ("an export of thinkorswim's paperMoney", REVIEW),
    b'"Positions for account': (f"{POSITIONS} a Schwab account", _SCHWAB),
}
_DATABENTO: Final = "download the schema cbbo-1m or mbp-1: it has bid and ask"
_THETADATA: Final = "request the quote or EOD endpoint: it has bid and ask"
WITHOUT_QUOTES: Final[Mapping[tuple[str, ...], tuple[str, str]]] = {
    ("instrumentclass", "rawsymbol", "strikeprice"): ("Databento definitions", _DATABENTO),
    ("stattype", "tsref"): ("Databento statistics (settlement prices and open interest)", _DATABENTO),
    ("msofday", "openinterest"): ("ThetaData open interest", _THETADATA),
    ("openinterest", "timestamp", "strike", "right"): ("open interest by contract, as of ThetaData", _THETADATA),
}
OPEN_INTEREST: Final = ("openinterest", "oi")
BESIDE_OPEN_INTEREST: Final = frozenset({
    *OPEN_INTEREST, "date", "timestamp", "datetime", "time", "quotedate", "tradedate", "symbol", "ticker", "root",
    "underlying", "expiration", "strike", "right", "volume",
})  # fmt: skip


def without_quotes(columns: Iterable[str]) -> tuple[str, str] | None:
    """Return what columns of a file without bid and ask prove, nested or not, and the remedy; None for others."""
    bare = {plain(name.rpartition(".")[2]) for name in columns}
    named = next((file for proof, file in WITHOUT_QUOTES.items() if bare.issuperset(proof)), None)
    if named is None and bare & set(OPEN_INTEREST) and bare <= BESIDE_OPEN_INTEREST:
        return "open interest alone", "give quotes: a file with bid and ask"
    return named


def account_file(names: frozenset[str]) -> tuple[str, str] | None:
    """Return what plain names of columns prove, and the remedy; None for other tables."""
    return next((file for proof, file in ACCOUNT_FILES.items() if names.issuperset(proof)), None)
