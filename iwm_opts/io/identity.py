"""What a file says of its underlying and currency beside its rows: another ticker in its name, a column of currency."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from iwm_opts.errors import DataError
from iwm_opts.io.numbers import BLANKS
from iwm_opts.market.contract import underlying_of

# Underlyings that a file's name begins with; not words, volatility indices or codes of a data service.
_FIRST_WORDS: Final = """
SPY QQQ DIA IVV VOO VTI IWB IWD IWF IWN IWO IWV SPX SPXW XSP NDX XND RUT RUTW MRUT VTWO DJX OEX XEO IJR KRE XBI XLE XLF
XLI XLK XLP XLU XLV XLY XOP XRT SMH GDX GDXJ GLD SLV USO UNG TLT IEF HYG LQD EEM EFA FXI EWZ TNA TZA TQQQ SQQQ UVXY VXX
UPRO SPXU AAPL AMZN AMD BABA BAC GOOG GOOGL INTC JPM MSFT NFLX NVDA PLTR TSLA
"""
UNDERLYINGS: Final = frozenset(_FIRST_WORDS.split())
# Upper-case words of file names that are not tickers; volatility indices and yields are series of their own.
FILE_WORDS: Final = """
ADJ ALL AMEX ARCA ARCX ASK BAR BARS BATS BBO BID BT CALL CALLS CBOE CBOT CHAIN CLEAN CLOSE CME COPY CSV DAILY DATA
DATE DAY DAYS DEMO DIV DIVS DOWN DTE DUMP EOD EQ EST ET ETF ETFS ETH EXP FILE FINAL FRED FULL FUND GICS GMT GZ HIST HV
IB IBKR IN INDEX INPUT INTRA IV IVR JSON LIVE LONG MAIN MERGE MIN MIX MOVE NBBO NEW NYSE OCC OHLC OHLCV OLD OOS OPRA
OPT OPTS OUT PART PRICE PUT PUTS PX QUOTE RAW REF RTH SHEET SHORT SPOT STOCK TABLE TD TEST TICK TICKS TMP TOS TRADE
TRAIN TV US USA USD UTC VOL VOLS WEEK XLS XLSX YAHOO YEAR YF ZIP JAN FEB MAR APR MAY JUN JUL AUG SEP SEPT OCT NOV DEC
MON TUE WED THU FRI SAT SUN GVZ OVX RVX SKEW VIX VVIX VXAPL VXD VXEEM VXEFA VXEWZ VXN VXO VXSLV VXST VXTLT DGS FVX IRX
TNX TYX
"""
VOLATILITIES: Final = frozenset({  # indices, whose histories are no prices of another underlying
    "GVZ", "OVX", "RVX", "VIX", "VVIX", "VXAPL", "VXD", "VXEEM", "VXEFA", "VXEWZ", "VXN", "VXO", "VXSLV", "VXST",
    "VXTLT",
})  # fmt: skip
NOT_TICKERS: Final = frozenset(FILE_WORDS.split())
EXCHANGE: Final = r"(?:(?:Download Data - \w+_US_)?(?:BATS|AMEX|ARCX|NYSE|NASDAQ|CBOE)[_ ])?"  # in front of a ticker
FIRST_WORD: Final = re.compile(
    EXCHANGE + r"\^?(?:([A-Z]{2,5})(?![A-Za-z0-9])|([a-z]{2,5})(?=[._]us(?![A-Za-z0-9])|\.|$))"
)  # also Stooq's, and a lower-case word alone
BARE_TICKER: Final = re.compile(r"\^?[A-Z]{2,5}(?: ?\(\d+\))?(?=\.|$)")  # without anything beside it
SAME_INDEX: Final = (
    frozenset({"IWM", "RUT", "RUTW", "MRUT", "VTWO"}),
    frozenset({"SPY", "SPX", "SPXW", "XSP"}),
    frozenset({"OEX", "XEO"}),
)
CURRENCY_NAMES: Final = ("currency", "ccy", "currencycode", "quotecurrency", "tradingcurrency", "pricecurrency")
DOLLARS: Final = frozenset({"USD", "US$", "$", "US DOLLAR", "US DOLLARS"})


def check_file_name(
    path: Path | str, symbol: str, *, is_choice: bool = True, is_proxy_read: bool = False, are_prices: bool = False
) -> None:
    """Refuse a file without a symbol of its own whose name begins with another underlying.

    `is_choice` says whether the user chooses the expected symbol, for the remedy; `is_proxy_read` whether a product on
    the same index may stand in, `are_prices` whether no index of volatility is meant either.
    """
    name = Path(path).name
    match = FIRST_WORD.match(name)
    is_alone = match is not None and (match.start(1) > 0 or BARE_TICKER.match(name) is not None)
    ticker = "" if match is None else (match[1] or match[2]).upper()
    is_ticker = ticker in UNDERLYINGS or (are_prices and ticker in VOLATILITIES)
    is_ticker |= is_alone and not is_proxy_read and match is not None and _is_like_ticker(match[1] or "")
    if ticker == symbol or not is_ticker or symbol in re.findall(r"[A-Z0-9]+", name.upper()):
        return
    if is_proxy_read and on_one_index(ticker, symbol):
        return
    choice = f"`symbol` {ticker} or " if is_choice else ""
    rule = f"its name says {ticker}, not {symbol}, and no column names a symbol"
    raise DataError(path, rule, f"give {choice}the file of {symbol}, or rename it", "name")


def on_one_index(first: str, second: str) -> bool:
    """Whether two products are on the same index."""
    return first == second or any({first, second} <= names for names in SAME_INDEX)


def check_roots(source: Path | str, symbol: str, roots: Iterable[str]) -> None:
    """Refuse contract symbols of another underlying than the column of underlyings says."""
    others = sorted(root for root in roots if root in UNDERLYINGS and not on_one_index(root, symbol))
    others = [root for root in others if underlying_of(root) != symbol]
    if others:
        rule = f"its contracts are of {', '.join(others)}, and its column of underlyings says {symbol}"
        raise DataError(source, rule, "correct the column, or remove the rows of other underlyings", "root")


def doubtful_name(path: Path | str, symbol: str, titles: Iterable[str] = ()) -> str:
    """Return a note where a word of a file's name or title is another ticker, and none is the symbol."""
    stem, above = Path(path).name.partition(".")[0], " ".join(titles)
    if names_symbol(path, symbol, titles):
        return ""
    for what, text in (("title", above), ("name", stem)):
        words = re.findall(r"[A-Za-z0-9]+", text)
        if what == "title":
            others = [word for word in words if word in UNDERLYINGS]
        else:
            others = [word.upper() for word in words if word.upper() in UNDERLYINGS or _is_like_ticker(word)]
        if others:
            return f"taken for {symbol}: no column names a symbol, and the file's {what} says {others[0]}"
    return ""


def names_symbol(path: Path | str, symbol: str, titles: Iterable[str] = ()) -> bool:
    """Whether a word of a file's name or title is the symbol."""
    return symbol in re.findall(r"[A-Z0-9]+", f"{Path(path).stem.upper()} {' '.join(titles)}")


def _is_like_ticker(word: str) -> bool:
    """Whether a word is written as a ticker, and is not one of file names."""
    return re.fullmatch(r"[A-Z]{2,5}", word) is not None and not {word, word.removesuffix("S")} & NOT_TICKERS


def check_currency(path: Path | str, column: str, cells: Iterable[str]) -> None:
    """Refuse prices in another currency than US dollars, by a column that says so."""
    written = {cell.strip() for cell in cells}
    others = sorted(cell for cell in written - {*BLANKS} if cell.upper() not in DOLLARS)
    if others:
        rule = f"column {column.strip()} says {', '.join(others)[:40]}: prices are read in US dollars alone"
        raise DataError(path, rule, "give quotes in USD, or leave the other rows out", "currency")
