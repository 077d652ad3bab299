"""tastytrade's transactions as CSV (History, Transactions, CSV).

Columns: Date, Type, Sub Type (absent until 2023), Action, Symbol, Instrument Type, Description, Value, Quantity,
Average Price, Commissions, Fees, Multiplier, Root Symbol, Underlying Symbol, Expiration Date, Strike Price, Call or
Put, Order #, Total, Currency; dates are ISO with an offset, charges negative, `--` is nothing. Trades are `Trade`
rows, of shares with the instrument type `Equity` and nothing in the columns of options; expirations, assignments,
exercises and the shares they deliver are `Receive Deliver` rows, as are splits and mergers. The layout is known
from exports that public parsers test against (tastyworks-pnl, tastyworks-tax-calculator, 2020 to 2026); tastytrade
documents none.
"""

import re
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from iwm_opts.conventions import MULTIPLIER
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
from iwm_opts.journal.executions import Effect, Execution, Kind, underlying

NAME: Final = "tastytrade transactions"
SIGNATURE: Final = ("date", "type", "action", "instrument type", "average price", "call or put")
DATES: Final = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z")
EXPIRATIONS: Final = ("%m/%d/%y", "%m/%d/%Y", "%Y-%m-%d")
EFFECTS: Final[dict[str, Effect]] = {"OPEN": "open", "CLOSE": "close"}
REORGANISED: Final = re.compile(r"\b(?:split|merger|symbol change|spin-?off)\b", re.IGNORECASE)
ENDINGS: Final[dict[str, Kind]] = {
    "expiration": "expiration",
    "assignment": "assignment",
    "exercise": "exercise",
    "cash settled assignment": "cash",
    "cash settled exercise": "cash",
}


def is_header(cells: Sequence[str]) -> bool:
    """Whether these are the column names of such a file."""
    names = {cell.lower() for cell in cells}
    return all(name in names for name in SIGNATURE)


def read(rows: Sequence[tuple[int, list[str]]], zone: ZoneInfo, rejected: Rejected) -> list[Execution]:
    """Executions of the rows below the header.

    Parameters
    ----------
    rows : sequence of (line, cells)
    zone : ZoneInfo
        Of dates without an offset; there are none.
    rejected : Rejected
        Takes what cannot be read.
    """
    names = [cell.lower() for cell in rows[0][1]]
    found = []
    for line, cells in rows[1:]:
        try:
            one = _execution(fitting(names, cells), line, zone, rejected)
        except (ValueError, KeyError) as error:
            rejected.row(line, f"no {error} column" if isinstance(error, KeyError) else error)
            continue
        if one is not None:
            found.append(one)
    return found


def _execution(row: dict[str, str], line: int, zone: ZoneInfo, rejected: Rejected) -> Execution | None:
    kind, instrument = row["type"].lower(), row["instrument type"].lower()
    ending = _ending(row) if kind == "receive deliver" else None
    if kind == "money movement":
        is_dividend = "dividend" in f"{row.get('sub type', '')} {row['description']}".lower()
        rejected.passed_over["dividends (not in the results)" if is_dividend else "money movements"] += 1
        return None
    if instrument == "equity" and kind == "receive deliver":
        if REORGANISED.search(f"{row.get('sub type', '')} {row['description']}"):
            return _reorganised(row, line, zone)
        rejected.passed_over["shares delivered (they follow from the options)"] += 1
        return _delivered(row, line, zone) if _charges(row) else None
    if instrument == "equity" and kind == "trade":
        return _shares(row, line, zone)
    if instrument != "equity option" or (kind != "trade" and ending is None):
        rejected.passed_over[f"{row['type'] or 'no type'} of {row['instrument type'] or 'nothing'}"] += 1
        return None
    in_dollars(row.get("currency", ""))
    contract = contract_of(
        named(row.get("root symbol") or row["underlying symbol"]),
        day(row["expiration date"], *EXPIRATIONS),
        right_of(row["call or put"]),
        positive(row["strike price"], "strike"),
    )
    size = abs(whole(row["quantity"], "quantity"))
    action = row["action"].upper().split("_")
    is_sale = action[0] == "SELL"
    if kind == "trade" and (len(action) != 3 or action[2] not in EFFECTS):
        raise ValueError(f"action {row['action']!r} is no SELL_TO_OPEN or the like")
    multiplier = number(row.get("multiplier", ""), "multiplier") or MULTIPLIER
    price = abs((number if ending else stated)(row["value"], "value")) / (size * multiplier)
    return Execution(
        when=moment(row["date"], zone, *DATES),
        symbol=underlying(named(row["underlying symbol"])),
        contract=contract,
        quantity=-size if is_sale else size,
        price=price,
        fees=_charges(row),
        effect="close" if ending else "open" if action[2] == "OPEN" else "close",
        kind=ending or "trade",
        order=row.get("order #", ""),
        line=line,
    )


def _ending(row: dict[str, str]) -> Kind | None:
    """What a `Receive Deliver` row of an option is; files without sub types say it in the description."""
    told = ENDINGS.get(row.get("sub type", "").lower()) or ENDINGS.get(row["action"].lower())
    if told:
        return told
    words = row["description"].lower()
    return next((kind for word, kind in ENDINGS.items() if f"due to {word}" in words), None)


def _shares(row: dict[str, str], line: int, zone: ZoneInfo) -> Execution:
    in_dollars(row.get("currency", ""))
    size = abs(whole(row["quantity"], "quantity", "shares"))
    action = row["action"].upper().split("_")
    if action[0] not in ("BUY", "SELL"):
        raise ValueError(f"action {row['action']!r} is no BUY_TO_OPEN or the like")
    return Execution(
        when=moment(row["date"], zone, *DATES),
        symbol=underlying(named(row["symbol"])),
        contract=None,
        quantity=-size if action[0] == "SELL" else size,
        price=abs(stated(row["value"], "value")) / size,
        fees=_charges(row),
        effect=EFFECTS.get(action[-1], ""),
        order=row.get("order #", ""),
        line=line,
    )


def _reorganised(row: dict[str, str], line: int, zone: ZoneInfo) -> Execution:
    when, symbol = moment(row["date"], zone, *DATES), underlying(named(row["symbol"]))
    return Execution(when, symbol, None, 0, 0.0, kind="reorganisation", line=line)


def _delivered(row: dict[str, str], line: int, zone: ZoneInfo) -> Execution:
    when, symbol = moment(row["date"], zone, *DATES), underlying(named(row["symbol"]))
    return Execution(when, symbol, None, 0, 0.0, _charges(row), kind="delivery", line=line)


def _charges(row: dict[str, str]) -> float:
    return -(number(row["commissions"], "commissions") + number(row["fees"], "fees"))
