"""thinkorswim's account statement and today's trade activity as CSV (Monitor, Export to File).

Sections follow each other, each a title, a header and rows. `Account Trade History` (of today's activity: `Filled
Orders`) has Exec Time, Spread, Side, Qty, Pos Effect, Symbol, Exp, Strike, Type, Price, Net Price; the first leg of a
spread carries the time. Shares are the type `STOCK` or `ETF`. `AUTO` in Pos Effect does not say whether a row opens.
`Cash Balance` has one row an order, by symbol and net price within seconds of the trade, with its fees (negative); and
the endings, in three wordings: `Removal of Option due to expiration 3.0 QQQ 100 (WEEKLY) 9 Mar 2023 305.0 CALL`,
`Removed due to Expiration ... EXP: -1.0 .SPXW260410P6500`, `... ASG: 1.0 .IWM260320P190`. Index options have a row
`CASH SETTLEMENT ...` with the amount. The layout is known from exports that public parsers test against (johnny and
others, 2021 to 2026); thinkorswim documents none. Times are those of the platform's display zone, and the file does not
say which.
"""

import math
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from iwm_opts.conventions import MULTIPLIER, counted
from iwm_opts.io.workbook import Rows
from iwm_opts.journal.brokers import layout
from iwm_opts.journal.brokers.layout import Export, JoinedExports, Layout, RowReport
from iwm_opts.journal.executions import (
    Effect,
    Execution,
    Kind,
    off_hours,
    option_root,
    underlying,
    with_cash_settlement,
)
from iwm_opts.journal.fields import (
    CENT,
    HALF_CENT,
    Row,
    check_not_turned,
    columns_of,
    day_first,
    make_contract,
    number,
    parse_moment,
    right_of,
    shown,
)
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.contract import Contract, is_adjusted, listed_root, roots_on

TRADES, TODAY, CASH = "Account Trade History", "Filled Orders", "Cash Balance"
EFFECTS: Final[dict[str, Effect]] = {
    "TO OPEN": "open", "TO CLOSE": "close", "OPENING": "open", "CLOSING": "close", "AUTO": "",
}  # fmt: skip
SHARES: Final = ("STOCK", "ETF")
OTHERS: Final = ("FUTURE", "CRYPTO", "FOREX", "BOND")
SPLIT: Final = re.compile(r"\bSPLIT\b")
REPLACED: Final = re.compile(r"\bMERGER\b|\bMANDATORY - EXCHANGE\b")  # for shares or cash in rows of other words
RATIO: Final = re.compile(r"\b(?P<new>\d+)(?: FOR | ?: ?)(?P<old>\d+)\b")
WITHIN: Final = timedelta(seconds=60)  # between a trade and the row of its cash
REMOVAL: Final = re.compile(r"\b(?:REMOVAL OF|REMOVED)(?: OPTIONS?)? DUE TO (?P<kind>EXPIRATION|ASSIGNMENT|EXERCISE)\b")
SHORT_REMOVAL: Final = re.compile(r"\b(?P<kind>EXP|ASG|EXE|EXR|EXC): (?=[-+]?[\d.]+ \.)")
KINDS: Final[dict[str, Kind]] = {
    "EXPIRATION": "expiration", "ASSIGNMENT": "assignment", "EXERCISE": "exercise", "EXP": "expiration",
    "ASG": "assignment", "EXE": "exercise", "EXR": "exercise", "EXC": "exercise",
}  # fmt: skip
_WORDED = (
    r"\$?(?P<root>[A-Z0-9./]+) (?:(?P<size>\d+) )?(?:[(\[][^)\]]*[)\]] )*(?P<day>\d{1,2} [A-Z]{3} \d{2,4})"
    r"(?: [(\[][^)\]]*[)\]])* (?P<strike>[\d.]+) (?P<right>CALL|PUT)"
)
WORDED: Final = re.compile(r"(?P<count>(?:[-+]|(?<![\d.]))[\d.]++) " + _WORDED)
CODED: Final = re.compile(
    r"(?P<count>(?:[-+]|(?<![\d.]))[\d.]++) \.(?P<root>[A-Z]+\d??)(?P<day>\d{6})(?P<right>[CP])(?P<strike>[\d.]+)"
)
SETTLED: Final = re.compile(r"CASH SETTLEMENT\b.*? " + _WORDED)
DELIVERED: Final = re.compile(r"(?P<side>BOT|SOLD) (?P<count>[-+]?[\d,.]+) (?P<symbol>[A-Z./]+) UPON ")
TRADED: Final = re.compile(r"(?P<side>BOT|SOLD) (?P<count>[-+]?[\d,.]+) (?P<words>.*?)@(?P<price>-?[\d,.]+)")
PERIOD: Final = re.compile(r"\bsince (?P<first>[\d/]+) through (?P<last>[\d/]+)")  # of the title
ACCOUNT: Final = re.compile(
    r"(?:Account Statement|Today's Trade Activity) for (?P<account>.+?)(?: \([^)]*\))? (?:since|on) ",
    re.IGNORECASE,
)
PAPER: Final = r"D-\d|\(Virtual"  # beginning of an account of paperMoney
STATEMENT_OF: Final = "statement"  # number of the statement that a row belongs to, where several are joined
OPEN_SETTLED: Final = re.compile(r"[(\[]AM[)\]]", re.IGNORECASE)
CLOSE_SETTLED: Final = re.compile(r"[(\[](?:PM|WEEKLY|WEEKLYS|QUARTERLYS?|EOM)[)\]]", re.IGNORECASE)
MONTHLY: Final = re.compile(r"[A-Z]{3} (?:\d{2}|\d{4})", re.IGNORECASE)

WORD: Final = re.compile(r"[A-Z][A-Z0-9.]*(?:/[A-Z]\b)?")  # what may be a symbol

NAMED_TIMES: Final = 3  # of orders without fees; the rest is counted

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    **layout.same("spread", "side", "symbol", "strike", "type", "price", "net price"),
    "time": ("exec time",),
    "quantity": ("qty",),
    "effect": ("pos effect",),
    "expiration": ("exp",),
}
CASH_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    **layout.same("date", "type", "description", "amount"),
    "clock": ("time",),
    "fees": ("misc fees", "fees"),
    "commissions": ("commissions & fees", "commissions", "commission"),
}


@dataclass(frozen=True, slots=True)
class CashRow:
    """A row of `Cash Balance` that belongs to a trade."""

    when: datetime
    words: str
    price: float
    quantity: float
    charges: float  # dollars, positive when paid
    amount: float
    line: int
    account: str

    @classmethod
    def of(cls, row: Row, words: str) -> "CashRow":
        """Read a row; its description keeps the decimal point when a spreadsheet rewrites the cells."""
        match, price, quantity = TRADED.search(words), math.nan, math.nan
        if match is not None:
            price, quantity = number(match["price"], "price"), number(match["count"], "quantity")
        return cls(
            _when(row), words, price, quantity, _charges(row), row.number("amount"), row.line, row.text("account")
        )


@dataclass(frozen=True, slots=True)
class Order:
    """Legs of one row group of the trade history."""

    legs: tuple[Execution, ...]
    net_price: float  # NaN where the file does not say

    @property
    def size(self) -> float:
        """Contracts, a hundred shares as much as one."""
        return sum(abs(leg.shares) / MULTIPLIER for leg in self.legs)

    def lacking(self, row: CashRow) -> float:
        """Dollars by which the amount of a cash row differs from the prices of the legs."""
        value = sum(-leg.shares * leg.price for leg in self.legs)
        return math.copysign(row.amount, value) - value if row.amount else 0.0

    def settled(self, row: CashRow | None) -> tuple[Execution, ...]:
        """Legs whose prices, rounded to cents in the file, make the amount of their cash row; the largest adapts."""
        lacking = 0.0 if row is None else round(self.lacking(row), 2)
        if not lacking:
            return self.legs
        largest = max(self.legs, key=lambda leg: abs(leg.shares))
        price = largest.price - lacking / largest.shares
        return tuple(replace(leg, price=price) if leg is largest else leg for leg in self.legs)


def read(export: Export) -> list[Execution]:
    """Read the executions of a whole statement."""
    trades = [row for title in (TRADES, TODAY) for row in _section(export.rows, title, FIELDS)]
    joined = JoinedExports(export.report)
    cash = [
        row
        for row in _section(export.rows, CASH, CASH_FIELDS)
        if not joined.repeats(
            tuple((name, cell) for name, cell in row.cells.items() if name != STATEMENT_OF), row.text(STATEMENT_OF)
        )
    ]
    names = ("quantity", "strike", "price", "fees", "commissions", "amount")
    numbers = [row.text(name) for row in (*trades, *cash) for name in names if name in row]
    stamps = [row.text("time") for row in trades if row.text("time")]
    check_not_turned(stamps)
    check_not_turned(row.text("date") for row in cash)
    check_not_turned(row.text("expiration") for row in trades)
    stamps += [row.text("date") for row in cash if row.text("type") == "TRD"]
    # Pairs of dates in order: the period that the title of a statement names, and the stamps inside it.
    period = next((match for _, cells in export.rows for cell in cells if (match := PERIOD.search(cell))), None)
    pairs: list[tuple[str, str]] = []
    if period is not None:
        first, last = period["first"], period["last"]
        pairs = [(first, last), *((first, stamp) for stamp in stamps), *((stamp, last) for stamp in stamps)]
    dates = [row.text("date") for row in cash] + [last for _, last in pairs]
    notation = export.notation(numbers, stamps, pairs, day_first(stamps, pairs, default=False), dates)
    orders = _orders([replace(row, notation=notation) for row in trades], export.report)
    legs = [leg for order in orders for leg in order.legs]
    export.report.remarks += off_hours(legs)
    rows, endings = _cash([replace(row, notation=notation) for row in cash], export.report, legs)
    rows, cancelled = _taken_back(rows, export.report)
    return _with_fees(orders, rows, export.report, cancelled, has_cash=bool(cash)) + endings


def _taken_back(rows: Sequence[CashRow], report: RowReport) -> tuple[list[CashRow], set[int]]:
    """Cash rows without those that take a trade back, and the lines of the rows of the trades taken back."""
    kept = [row for row in rows if not layout.TAKEN_BACK.search(row.words)]
    lines: set[int] = set()
    for cancelled in rows:
        if not layout.TAKEN_BACK.search(cancelled.words):
            continue
        words = layout.unamended(cancelled.words)
        trades = [
            row
            for row in kept
            if (row.words, row.account) == (words, cancelled.account)
            and row.when <= cancelled.when
            and row.line not in lines
        ]
        if not trades:
            report.reject(cancelled.line, f"cancels a trade that {CASH} does not hold")
            continue
        lines.add(max(trades, key=lambda row: row.when).line)
        report.skipped["cancelled trades and their cancellations"] += 2
    return kept, lines


def _section(rows: Rows, title: str, fields: dict[str, tuple[str, ...]]) -> list[Row]:
    """Rows of a section below its header, up to the next title."""
    section: list[Row] = []
    places: dict[str, int] | None = None
    width = 0
    is_inside = False
    account, statement = "", 0
    for line, cells in rows:
        filled = [cell for cell in cells if cell]
        if len(filled) == 1 and cells[0]:  # a title; padded with empty cells where a spreadsheet saved the file
            is_inside, places = filled[0] == title, None
            match = ACCOUNT.match(filled[0])
            if match is not None:
                account, statement = match["account"].strip(), statement + 1
        elif is_inside and places is None:
            header = columns_of(cells)
            width = max((at + 1 for at, name in enumerate(header) if name), default=0)
            places = layout.places_of(fields, header)
        elif is_inside and places is not None:
            row = {name: cells[place] for name, place in places.items() if place < len(cells)}
            if len(cells) < width - 1 or any(cells[width:]):
                row = {"time": row.get("time", ""), "misfit": layout.misfit(cells, width)}
            section.append(Row(line, row | {"account": account, STATEMENT_OF: f"{statement}"}))
    return section


def _orders(rows: Sequence[Row], report: RowReport) -> list[Order]:
    """Orders of the trade history; a head row that cannot be read takes its legs along."""
    orders: list[tuple[Row, list[Execution]]] = []
    joined = JoinedExports(report)
    when: datetime | None = None
    for row in rows:
        try:
            if row.text("time"):
                when = None
                if "misfit" not in row:
                    when = row.moment("time")
                    orders.append((row, []))
            if "misfit" in row:
                raise ValueError(row.text("misfit"))
            if when is None:
                raise ValueError("a leg without the time of its order")
            leg = _leg(row, when, orders[-1][0].line, report)
            if leg is not None:
                orders[-1][1].append(leg)
        except (ValueError, KeyError) as error:
            report.reject(row.line, error, row.cells.values())
    kept = []
    for head, legs in orders:
        alike = tuple(replace(leg, line=0, order="") for leg in legs)
        if legs and not joined.repeats(alike, head.text(STATEMENT_OF)):
            net = math.nan
            with suppress(ValueError):
                text = head.text("net price")
                net = number(text, "net price", head.notation.decimal) if text else math.nan
            kept.append(Order(tuple(legs), net))
    return kept


def _leg(row: Row, when: datetime, order: int, report: RowReport) -> Execution | None:
    kind = (row.text("type") or row.text("spread")).upper()
    symbol = row.symbol()
    if kind in OTHERS or row.text("spread").upper() in OTHERS or symbol.startswith("/"):
        report.skipped["futures and their options" if symbol.startswith("/") else f"{kind.lower()} trades"] += 1
        return None
    effect = EFFECTS.get(row.text("effect").upper())
    if effect is None:
        raise ValueError(f"position effect {shown(row.text('effect'))} is neither TO OPEN nor TO CLOSE")
    # Some exports leave the type of shares empty: then the spread says STOCK.
    is_shares = kind in SHARES
    contract = None
    quantity = row.count("quantity", "shares" if is_shares else "contracts")
    if not is_shares:
        # `20 MAR 26`, `20 MAR 26 [AM]`, `6 MAR 26 (Weeklys)`; `MAR 15` is that month's third Friday.
        text = re.split(r"[(\[]", row.text("expiration"))[0].strip()
        month = MONTHLY.fullmatch(text)
        expiration = parse_moment(text if month is None else f"1 {text}", row.notation.day_first).date()
        if month is not None:
            expiration = latest_session(expiration + timedelta(days=(4 - expiration.weekday()) % 7 + 14))
        strike = row.strike()
        root = _root(symbol, expiration, row.text("expiration"))
        contract = make_contract(root, expiration, right_of(row.text("type")), strike)
    elif effect == "" and quantity < 0:
        effect = "close"  # AUTO: never an unnamed short position
    # Fills in shares say nothing of their order: it is known by their times.
    named = "" if is_shares else f"order of line {order}"
    return Execution(
        when, underlying(symbol), contract, quantity, row.amount("price"), effect=effect, order=named, line=row.line,
        account=row.text("account"),
    )  # fmt: skip


def _cash(rows: Sequence[Row], report: RowReport, legs: Sequence[Execution]) -> tuple[list[CashRow], list[Execution]]:
    """Rows of trades, and endings with the cash and the shares that belong to them; splits of the traded symbols.

    An ending may name another root of its class than its trade, SPXW for SPX: the contract is that of the trade.
    """
    symbols = {leg.symbol for leg in legs}
    contracts = {(leg.account, leg.contract) for leg in legs}
    unsaid = {(leg.account, leg.contract) for leg in legs if not leg.effect}
    alike = {(leg.account, _of_class(leg.contract)): leg.contract for leg in legs if leg.contract is not None}

    def traded_as(account: str, contract: Contract) -> Contract:
        is_traded = (account, contract) in contracts
        return contract if is_traded else alike.setdefault((account, _of_class(contract)), contract)

    traded: list[CashRow] = []
    endings: list[Execution] = []
    settled: dict[tuple[str, Contract], float] = defaultdict(float)
    fees: dict[tuple[str, Contract], float] = defaultdict(float)
    for row in rows:
        kind, words = row.text("type"), " ".join(row.text("description").upper().split())
        try:
            if "misfit" in row:
                raise ValueError(row.text("misfit"))
            is_taken_back = layout.TAKEN_BACK.search(words) is not None
            if is_taken_back and (WORDED.search(words) or CODED.search(words)) and not TRADED.search(words):
                raise ValueError(f"{shown(words)} takes an ending back: not read; remove both rows")
            settlement = SETTLED.search(words)
            if settlement is not None:
                key = row.text("account"), traded_as(row.text("account"), _contract(settlement))
                settled[key] += row.number("amount")
                fees[key] += _charges(row)
            elif DELIVERED.match(words):
                endings.append(_delivery(row, words))
            elif REMOVAL.search(words) or SHORT_REMOVAL.search(words):
                ending = _ending(row, words)
                assert ending.contract is not None  # removals are of options
                contract = traded_as(ending.account, ending.contract)
                # Files differ in the sign of what expires: it counts where the trades do not say what they open.
                endings.append(replace(ending, contract=contract, is_sided=(ending.account, contract) in unsaid))
            elif kind == "TRD" or (is_taken_back and TRADED.search(words)):
                traded.append(CashRow.of(row, words))
            elif SPLIT.search(words) or REPLACED.search(words):
                # A split by its ratio, and other changes of a company without one.
                match = None if REPLACED.search(words) else RATIO.search(words)
                ratio = int(match["new"]) / int(match["old"]) if match is not None and int(match["old"]) else 0.0
                split = Execution(_when(row), "", None, 0, 0.0, kind="reorganisation", line=row.line, ratio=ratio)
                split = replace(split, account=row.text("account"))
                endings += [replace(split, symbol=symbol) for symbol in _symbols(words) & symbols]
            elif kind:
                what = " (dividends and interest, not in the results)" if kind == "DOI" else ""
                report.skipped[f"{kind} in {CASH}{what}"] += 1
        except (ValueError, KeyError) as error:
            report.reject(row.line, error)
    endings, lost = with_cash_settlement(endings, settled, fees)
    report.remarks += lost
    return traded, endings


def _of_class(contract: Contract) -> Contract:
    """Contract under the name of its class: SPX for SPXW; an adjusted one as it is."""
    return contract if is_adjusted(contract.root) else replace(contract, root=underlying(contract.root))


def _symbols(words: str) -> set[str]:
    """Return what may be symbols among the words of a row."""
    return {underlying(word) for word in WORD.findall(words)}


def _when(row: Row) -> datetime:
    return Row(row.line, {"at": f"{row.text('date')} {row.text('clock')}".strip()}, row.notation).moment("at")


def _charges(row: Row) -> float:
    if "fees" not in row and "commissions" not in row:
        raise ValueError("no column for fees or commissions")
    return -(row.number("fees") + row.number("commissions"))


def _delivery(row: Row, words: str) -> Execution:
    match = DELIVERED.match(words)
    assert match is not None
    count = round(abs(number(match["count"], "quantity")))
    quantity = -count if match["side"] == "SOLD" else count
    price = abs(row.number("amount")) / count if count else 0.0
    fees = _charges(row) if "fees" in row or "commissions" in row else 0.0
    return Execution(
        _when(row), underlying(match["symbol"]), None, quantity, price, fees, kind="delivery", line=row.line,
        account=row.text("account"),
    )  # fmt: skip


def _contract(match: re.Match[str]) -> Contract:
    is_worded = " " in match["day"]
    if is_worded and match["size"] and int(match["size"]) != MULTIPLIER:
        raise ValueError(f"{shown(match[0])}: options of {match['size']} shares are not read")
    expiration = parse_moment(match["day"] if is_worded else f"20{match['day']}").date()
    strike = number(match["strike"], "strike")
    root = _root(match["root"], expiration, match[0])
    return make_contract(root, expiration, right_of(match["right"]), strike)


def _root(symbol: str, expiration: date, words: str) -> str:
    """Root of an option: that of an index by its settlement, `[AM]` or `(Weeklys)`, else by the day.

    Roots such as SPXW occur in endings alone, adjusted ones (IWM1) everywhere.
    """
    root = option_root(symbol)
    if is_adjusted(root):
        return root
    name = option_root(underlying(symbol))
    if root != name or OPEN_SETTLED.search(words):
        return root
    return roots_on(name, expiration)[-1] if CLOSE_SETTLED.search(words) else listed_root(name, expiration)


def _ending(row: Row, words: str) -> Execution:
    removal = REMOVAL.search(words) or SHORT_REMOVAL.search(words)
    match = WORDED.search(words) or CODED.search(words)
    if removal is None or match is None:
        raise ValueError(f"{shown(words)} names no option")
    contract = _contract(match)
    count = number(match["count"], "quantity")
    if not count or count != round(count):
        raise ValueError(f"{shown(words)}: {match['count']} is not a whole number of contracts")
    fees = _charges(row) if "fees" in row or "commissions" in row else 0.0
    return Execution(
        _when(row), underlying(match["root"]), contract, round(count), 0.0, fees, "close", KINDS[removal["kind"]],
        line=row.line, account=row.text("account"),
    )  # fmt: skip


def _pairs(orders: Sequence[Order], cash: Sequence[CashRow]) -> Iterator[tuple[int, int]]:
    """Orders and cash rows that may belong together, the likeliest first."""
    scored = []
    for place, order in enumerate(orders):
        first = order.legs[0]
        for other, row in enumerate(cash):
            apart = abs(row.when - first.when)
            if apart > WITHIN or row.account != first.account:
                continue
            names = first.symbol in _symbols(row.words)
            same_price = abs(row.price - order.net_price) < 0.005
            same_size = abs(row.quantity) in (abs(first.quantity), abs(first.quantity) / MULTIPLIER)
            if names and (same_price or apart <= timedelta(seconds=2)):
                scored.append(((not same_price, not same_size, apart), place, other))
    yield from ((place, other) for _, place, other in sorted(scored))


def _with_fees(
    orders: Sequence[Order], cash: Sequence[CashRow], report: RowReport, cancelled: Container[int], *, has_cash: bool
) -> list[Execution]:
    """Legs with their part of the fees of their order's cash row, a hundred shares as much as a contract."""
    charged: dict[int, float] = {}
    paid: dict[int, CashRow] = {}
    used: set[int] = set()
    for place, other in _pairs(orders, cash):
        if place not in charged and other not in used:
            charged[place], paid[place] = cash[other].charges, cash[other]
            used.add(other)
    # Legs that deliver other than 100 shares are not what their cash row pays.
    units = [sum(abs(leg.shares) for leg in order.legs) for order in orders]
    misfits = {
        place for place, row in paid.items() if abs(orders[place].lacking(row)) > HALF_CENT * units[place] + CENT
    }
    for place in misfits:
        why = f"amount {paid[place].amount:.2f} of line {paid[place].line} is not quantity and price"
        legs = orders[place].legs
        report.reject(legs[0].line, why, [leg.contract.symbol if leg.contract else leg.symbol for leg in legs])
    without = [f"{order.legs[0].when}" for place, order in enumerate(orders) if place not in charged]
    if without:
        times = ", ".join(sorted(without)[:NAMED_TIMES]) + (", ..." if len(without) > NAMED_TIMES else "")
        where = (
            f"fees of {counted(len(without), 'orders are', 'order is')} in no row of {CASH}"
            if has_cash
            else "the file has no fees"
        )
        report.remarks.append(f"{where}: taken as zero ({times}, New York)")
    unmatched = [row for at, row in enumerate(cash) if at not in used and row.line not in cancelled]
    misfits |= {place for place, row in paid.items() if row.line in cancelled}
    if unmatched:
        net = sum(row.amount - row.charges for row in unmatched)
        lines = ", ".join(str(row.line) for row in unmatched[:NAMED_TIMES]) + (
            ", ..." if len(unmatched) > NAMED_TIMES else ""
        )
        report.remarks.append(
            f"{len(unmatched)} orders of {CASH} are missing in {TRADES} (lines {lines}): {net:.2f} after fees not "
            "in the results; export with all columns and the whole period"
        )
        report.skipped[f"orders of {CASH} without a row in {TRADES}"] += len(unmatched)
    return [
        replace(leg, fees=charged.get(place, 0.0) * (abs(leg.shares) / MULTIPLIER) / order.size)
        for place, order in enumerate(orders)
        if place not in misfits
        for leg in order.settled(paid.get(place))
    ]


STATEMENT: Final = Layout("thinkorswim account statement", (TRADES.lower(),), read, paper=PAPER)
ACTIVITY: Final = Layout("thinkorswim today's trade activity", (TODAY.lower(),), read, paper=PAPER)
