"""thinkorswim's account statement as CSV (Monitor, Account Statement, Export to File).

Sections follow each other, each a title, a header and rows. `Account Trade History` has an empty or `Notes` column,
Exec Time, Spread, Side, Qty, Pos Effect, Symbol, Exp, Strike, Type, Price, Net Price, Order Type; the first leg of a
spread carries the time, the others leave it empty. Shares are the type `STOCK` or `ETF`, with Exp and Strike empty,
or without these columns in a file that holds no option. Fees (`Misc Fees`, `Commissions & Fees`, negative) stand in
`Cash Balance`, one row an order, joined by time; so do endings, type RAD: `Removal of Option due to expiration 3.0 QQQ
100 (WEEKLY) 9 Mar 2023 305.0 CALL`, or `Removed due to Expiration ... EXP: -1.0 .SPXW260410P6500`. The layout is known
from exports that public parsers test against (johnny and others, 2021 to 2026); thinkorswim documents none. Times are
those of the platform's display zone, and the file does not say which.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from iwm_opts.conventions import MULTIPLIER
from iwm_opts.journal.cells import (
    Rejected,
    contract_of,
    day,
    fitting,
    moment,
    named,
    number,
    positive,
    right_of,
    stated,
    whole,
)
from iwm_opts.journal.executions import Execution, Kind, off_hours, underlying

NAME: Final = "thinkorswim account statement"
TRADES, CASH = "Account Trade History", "Cash Balance"
TIMES: Final = ("%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
EXPIRATIONS: Final = ("%d %b %y", "%d %b %Y", "%m/%d/%y", "%m/%d/%Y", "%Y-%m-%d")
EFFECTS: Final = {"TO OPEN": "open", "TO CLOSE": "close", "OPENING": "open", "CLOSING": "close"}
SHARES: Final = ("STOCK", "ETF")
SPLIT: Final = re.compile(r"\bSPLIT\b")
LATE: Final = timedelta(seconds=1)  # by which a cash row may follow its trade
REMOVAL: Final = re.compile(r"(?:REMOVAL OF OPTION|REMOVED) DUE TO (?P<kind>EXPIRATION|ASSIGNMENT|EXERCISE)\b")
WORDED: Final = re.compile(
    r"(?P<count>[-+]?[\d.]+) \$?(?P<root>[A-Z.]+) (?P<size>\d+) (?:\([^)]*\) )?"
    r"(?P<day>\d{1,2} [A-Z]{3} \d{2,4})(?: \([^)]*\))? (?P<strike>[\d.]+) (?P<right>CALL|PUT)"
)
CODED: Final = re.compile(r"(?P<count>[-+]?[\d.]+) \.(?P<root>[A-Z]+)(?P<day>\d{6})(?P<right>[CP])(?P<strike>[\d.]+)")

NAMED_TIMES: Final = 3  # of orders without fees; the rest is counted

Rows = Sequence[tuple[int, list[str]]]
Section = Sequence[tuple[int, list[str], list[str]]]  # line, names of the columns, cells


def is_header(cells: Sequence[str]) -> bool:
    """Whether this row is the title of the section that is read."""
    return bool(cells) and cells[0] == TRADES


def read(rows: Rows, zone: ZoneInfo, rejected: Rejected) -> list[Execution]:
    """Executions of the whole file.

    Parameters
    ----------
    rows : sequence of (line, cells)
    zone : ZoneInfo
        Of its times.
    rejected : Rejected
        Takes what cannot be read.
    """
    trades = _trades(_section(rows, TRADES), zone, rejected)
    rejected.remarks += off_hours(trades)
    endings, fees = _cash(_section(rows, CASH), zone, rejected)
    return _with_fees(trades, fees, rejected) + endings


def _section(rows: Rows, title: str) -> Section:
    """Rows of a section below its header, up to the next title, each with the names of its columns."""
    found: list[tuple[int, list[str], list[str]]] = []
    names: list[str] | None = None
    is_inside = False
    for line, cells in rows:
        told = [cell for cell in cells if cell]
        is_title = len(told) == 1 and len(cells) == 1
        if is_title:
            is_inside, names = told[0] == title, None
        elif is_inside and names is None:
            names = [cell.lower() for cell in cells]
        elif is_inside and names is not None:
            found.append((line, names, cells))
    return found


def _trades(rows: Section, zone: ZoneInfo, rejected: Rejected) -> list[Execution]:
    found: list[Execution] = []
    last: datetime | None = None
    order = 0
    for line, names, cells in rows:
        try:
            if dict(zip(names, cells, strict=False)).get("exec time"):
                last, order = None, line  # a row that cannot be read takes the legs below it along
            row = fitting(names, cells)
            if row["exec time"]:
                last = moment(row["exec time"], zone, *TIMES)
            if last is None:
                raise ValueError("a leg without the time of its order")
            found.append(_leg(row, line, last, order))
        except (ValueError, KeyError) as error:
            rejected.row(line, f"no {error} column" if isinstance(error, KeyError) else error)
    return found


def _leg(row: dict[str, str], line: int, when: datetime, order: int) -> Execution:
    effect = EFFECTS.get(row["pos effect"].upper())
    if effect is None:
        raise ValueError(f"position effect {row['pos effect']!r} is neither TO OPEN nor TO CLOSE")
    symbol = underlying(named(row["symbol"]))
    contract = None
    # Some exports leave the type of shares empty: then the spread says STOCK.
    is_shares = (row["type"] or row["spread"]).upper() in SHARES
    if not is_shares:
        expiration = day(row["exp"].removesuffix(" (Weeklys)"), *EXPIRATIONS)
        strike, right = positive(row["strike"], "strike"), right_of(row["type"])
        contract = contract_of(symbol, expiration, right, strike)  # roots such as SPXW stand in endings alone
    return Execution(
        when=when,
        symbol=symbol,
        contract=contract,
        quantity=whole(row["qty"], "quantity", "shares" if is_shares else "contracts"),
        price=stated(row["price"], "price"),
        effect="open" if effect == "open" else "close",
        # Fills in shares say nothing of their order: it is found by their times.
        order="" if is_shares else f"order of line {order}",
        line=line,
    )


def _cash(rows: Section, zone: ZoneInfo, rejected: Rejected) -> tuple[list[Execution], dict[datetime, float]]:
    """Endings, and the fees of the trades by their time."""
    endings: list[Execution] = []
    fees: dict[datetime, float] = defaultdict(float)
    for line, names, cells in rows:
        try:
            row = fitting(names, cells)
            kind, words = row["type"], " ".join(row["description"].upper().split())
            if kind == "TRD":
                charges = number(row["misc fees"], "fees") + number(row["commissions & fees"], "commissions")
                fees[moment(f"{row['date']} {row['time']}", zone, *TIMES)] -= charges
            elif REMOVAL.search(words):
                endings.append(_ending(words, line, moment(f"{row['date']} {row['time']}", zone, *TIMES)))
            elif kind:
                what = " (dividends and interest, not in the results)" if kind == "DOI" else ""
                rejected.passed_over[f"{kind} in {CASH}{what}"] += 1
                if SPLIT.search(words):
                    rejected.remarks.append(f"line {line}: {words!r}: trades open across a split are not put right")
        except (ValueError, KeyError) as error:
            rejected.row(line, f"no {error} column" if isinstance(error, KeyError) else error)
    return endings, fees


def _ending(words: str, line: int, when: datetime) -> Execution:
    told = REMOVAL.search(words)
    match = WORDED.search(words) or CODED.search(words)
    if told is None or match is None:
        raise ValueError(f"{words!r} names no option")
    is_worded = " " in match["day"]
    expiration: date = day(match["day"], *EXPIRATIONS) if is_worded else day(match["day"], "%y%m%d")
    if is_worded and int(match["size"]) != MULTIPLIER:
        raise ValueError(f"{words!r}: options of {match['size']} shares are not read")
    kinds: dict[str, Kind] = {"EXPIRATION": "expiration", "ASSIGNMENT": "assignment", "EXERCISE": "exercise"}
    symbol = underlying(match["root"])
    return Execution(
        when=when,
        symbol=symbol,
        contract=contract_of(symbol, expiration, right_of(match["right"]), positive(match["strike"], "strike")),
        quantity=whole(match["count"], "quantity"),
        price=0.0,
        effect="close",
        kind=kinds[told["kind"]],
        line=line,
    )


def _with_fees(trades: list[Execution], fees: dict[datetime, float], rejected: Rejected) -> list[Execution]:
    """Fees of each moment shared among what traded then, a hundred shares as much as a contract."""
    sizes: dict[datetime, float] = defaultdict(float)
    for one in trades:
        sizes[one.when] += _size(one)
    charged: dict[datetime, float] = {}
    untold = []
    for when in sizes:
        at = next((moment for moment in (when, when + LATE) if moment in fees), None)
        if at is None:
            untold.append(f"{when}")
        charged[when] = fees.pop(at) if at is not None else 0.0
    if untold:
        named = ", ".join(sorted(untold)[:NAMED_TIMES]) + (", ..." if len(untold) > NAMED_TIMES else "")
        rejected.remarks.append(
            f"fees of {len(untold)} order times stand in no row of {CASH}: taken as zero ({named}, New York)"
        )
    return [replace(one, fees=charged[one.when] * _size(one) / sizes[one.when]) for one in trades]


def _size(one: Execution) -> float:
    return abs(one.quantity) / (1 if one.contract else MULTIPLIER)
