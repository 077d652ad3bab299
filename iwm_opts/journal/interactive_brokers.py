"""Interactive Brokers' activity statement as CSV.

Every row begins with its section and `Header`, `Data`, `SubTotal` or `Total`. The section `Trades` has the columns
DataDiscriminator, Asset Category, Currency, (Account,) Symbol, Date/Time, Quantity, T. Price, C. Price, Proceeds,
Comm/Fee, Basis, Realized P/L, MTM P/L, Code; rows of the discriminator `Order` are orders, the rest repeats them in
parts; where a statement holds none, rows of `Trade` are read, their fills. Symbols read `IWM 31JUL26 275 P`; codes are
joined by semicolons: O opening, C closing, Ep expired, A assignment, Ex exercise (Interactive Brokers, Reporting Guide,
Codes; rows as public parsers test against, 2024 to 2026). Shares are of the category `Stocks`; what a split or a merger
did to them stands in the section `Corporate Actions`: `IWM(US4642876555) Split 2 for 1 (...)`. There are no order
numbers: orders of one underlying that follow each other within two seconds, as the legs of a combo do, are taken for
one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from iwm_opts.journal.cells import (
    Rejected,
    contract_of,
    day,
    fitting,
    in_dollars,
    moment,
    named,
    number,
    positive,
    right_of,
    stated,
    whole,
)
from iwm_opts.journal.executions import Effect, Execution, Kind, off_hours, underlying
from iwm_opts.market.contract import Contract, parse_occ

NAME: Final = "Interactive Brokers activity statement"
SECTION: Final = "Trades"
ACTIONS: Final = "Corporate Actions"
DIVIDENDS: Final = "Dividends"
GRAINS: Final = ("Order", "Trade")  # what is read: orders, or their fills where a statement holds no orders
OPTIONS, STOCKS = "Equity and Index Options", "Stocks"
DATES: Final = ("%Y-%m-%d, %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d;%H:%M:%S")
TOGETHER: Final = timedelta(seconds=2)  # legs of a combo fill at once, and are written down one after the other
SYMBOL: Final = re.compile(r"(?P<root>[A-Z0-9.]+) (?P<day>\d{1,2}[A-Z]{3}\d{2}) (?P<strike>[\d.]+) (?P<right>[CP])")
ENDINGS: Final[dict[str, Kind]] = {"Ep": "expiration", "A": "assignment", "GEA": "expiration", "Ex": "exercise"}

Reader = Callable[[dict[str, str], int, ZoneInfo, Rejected], Execution | None]


def is_header(cells: Sequence[str]) -> bool:
    """Whether this row opens the section that is read."""
    return tuple(cells[:3]) == (SECTION, "Header", "DataDiscriminator")


def read(rows: Sequence[tuple[int, list[str]]], zone: ZoneInfo, rejected: Rejected) -> list[Execution]:
    """Executions of all `Trades` sections.

    Parameters
    ----------
    rows : sequence of (line, cells)
        Of the whole file.
    zone : ZoneInfo
        Of its times: the statement states none; the broker writes New York unless told otherwise.
    rejected : Rejected
        Takes what cannot be read.
    """
    names: dict[str, list[str]] = {}
    has_orders = any(tuple(cells[:3]) == (SECTION, "Data", GRAINS[0]) for _, cells in rows)
    grain = GRAINS[0 if has_orders else 1]
    readers: dict[str, Reader] = {SECTION: partial(_execution, grain=grain), ACTIONS: _reorganised}
    found = []
    for line, cells in rows:
        section = cells[0]
        if section == DIVIDENDS and cells[1:2] == ["Data"] and not cells[2].startswith("Total"):
            rejected.passed_over["dividends (not in the results)"] += 1
        if is_header(cells) or tuple(cells[:3]) == (ACTIONS, "Header", "Asset Category"):
            names[section] = cells
        if section not in names or len(cells) < 2 or cells[1] != "Data":
            continue
        try:
            one = readers[section](fitting(names[section], cells), line, zone, rejected)
        except (ValueError, KeyError) as error:
            rejected.row(line, f"no {error} column" if isinstance(error, KeyError) else error)
            continue
        if one is not None:
            found.append(one)
    rejected.remarks += off_hours(found)
    return _with_orders(found)


def _with_orders(found: list[Execution]) -> list[Execution]:
    """Executions with a name for the order that each belongs to, in order of time."""
    latest: dict[str, tuple[datetime, str]] = {}
    named = []
    for one in sorted(found, key=lambda each: (each.when, each.line)):
        if one.contract is not None and one.kind == "trade":
            before, order = latest.get(one.symbol, (one.when, ""))
            order = order if order and one.when - before <= TOGETHER else f"order at {one.when}"
            latest[one.symbol] = one.when, order
            one = replace(one, order=order)
        named.append(one)
    return named


def _execution(row: dict[str, str], line: int, zone: ZoneInfo, rejected: Rejected, grain: str) -> Execution | None:
    category = row["Asset Category"]
    if row["DataDiscriminator"] != grain:
        rejected.passed_over[f"{row['DataDiscriminator']} (parts of orders)"] += 1
        return None
    if category not in (OPTIONS, STOCKS):
        rejected.passed_over[category or "no asset category"] += 1
        return None
    codes = set(row["Code"].split(";"))
    ending = next((kind for code, kind in ENDINGS.items() if code in codes), None)
    if category == STOCKS and ending:
        rejected.passed_over["shares delivered (they follow from the options)"] += 1
    in_dollars(row.get("Currency", ""))
    if category == STOCKS and ending:
        return _delivered(row, line, zone)
    contract = _contract(row["Symbol"]) if category == OPTIONS else None
    effect: Effect = "" if {"O", "C"} <= codes else "open" if "O" in codes else "close" if "C" in codes else ""
    return Execution(
        when=moment(row["Date/Time"], zone, *DATES),
        symbol=underlying(contract.root if contract else named(row["Symbol"])),
        contract=contract,
        quantity=whole(row["Quantity"], "quantity", "contracts" if contract else "shares"),
        price=(number if ending else stated)(row["T. Price"], "price"),
        fees=-number(row["Comm/Fee"], "commission"),
        effect="close" if ending else effect,
        kind=ending or "trade",
        line=line,
        account=row.get("Account", ""),
    )


def _delivered(row: dict[str, str], line: int, zone: ZoneInfo) -> Execution | None:
    fees, when = -number(row["Comm/Fee"], "commission"), moment(row["Date/Time"], zone, *DATES)
    symbol, account = underlying(named(row["Symbol"])), row.get("Account", "")
    return Execution(when, symbol, None, 0, 0.0, fees, kind="delivery", line=line, account=account) if fees else None


def _reorganised(row: dict[str, str], line: int, zone: ZoneInfo, _rejected: Rejected) -> Execution | None:
    """A split, a merger or the like of shares; subtotals and other categories are none."""
    if row["Asset Category"] != STOCKS:
        return None
    symbol, bracket, _ = row["Description"].partition("(")
    if not bracket or not symbol.strip():
        raise ValueError(f"corporate action {row['Description']!r} names no symbol")
    when, account = moment(row["Date/Time"], zone, *DATES), row.get("Account", "")
    return Execution(
        when, underlying(symbol.strip().upper()), None, 0, 0.0, kind="reorganisation", line=line, account=account
    )


def _contract(text: str) -> Contract:
    match = SYMBOL.fullmatch(text.upper())
    if match is None:
        return parse_occ(text)
    return contract_of(
        match["root"], day(match["day"], "%d%b%y"), right_of(match["right"]), positive(match["strike"], "strike")
    )
