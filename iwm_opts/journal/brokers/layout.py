"""Layout of a broker's export: its identifying columns, field names and row reader."""

import math
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from iwm_opts.conventions import MULTIPLIER, counted
from iwm_opts.io.workbook import Rows
from iwm_opts.journal.executions import (
    Effect,
    Execution,
    Kind,
    OwedShares,
    option_root,
    underlying,
    with_day_orders,
    with_named_settlements,
)
from iwm_opts.journal.fields import (
    HALF_CENT,
    Notation,
    Row,
    check_not_turned,
    columns_of,
    day_first,
    decimal_sign,
    is_blank,
    make_contract,
    notation_warnings,
    number,
    parse_moment,
    require_month_first,
    right_of,
    shown,
)
from iwm_opts.market.contract import Contract, settlement_of

OPENS: Final = "the file does not say what opens and what closes: the first trade in a contract is taken to open it"
MOST_FEES: Final = 10.0  # dollars for a contract opened and closed, where fees are what prices and P&L leave over
NO_PREMIUM: Final = "the file has no premium: its P/L is taken as it is, after fees"
NO_FEES: Final = "the file has no column of fees: taken as zero"
BONDS: Final = "bonds and bills"
MONEY_FUNDS: Final = "money market funds"
MONEY_FUND: Final = re.compile(r"[A-Z]{3}XX")
CUSIP: Final = re.compile(r"\d[0-9A-Z]{7}\d")
ACCOUNT_TITLE: Final = re.compile(r"\baccount\b.*?(?P<account>[X*.\-]*\d{3,})", re.IGNORECASE)
TAKEN_BACK: Final = re.compile(
    r"\(?\b(?:trade )?(?:cancel(?:l?ed|l?ation)?|cxl|bust(?:ed)?|revers(?:al|ed))\b(?: of)?(?: trade)?[):\s-]*",
    re.IGNORECASE,
)
CORRECTED: Final = re.compile(r"\(?\b(?:trade )?correct(?:ed|ion)\b(?: of)?(?: trade)?[):\s-]*", re.IGNORECASE)
TRANSFER: Final = re.compile(r"\b(?:acat[io]?|transfer(?:red)?|journal(?:l?ed)?)\b", re.IGNORECASE)
SAME_PRICE: Final = 1e-9  # dollars
FUTURES: Final = "futures and their options"
UNTYPED: Final = "totals and remarks (no type)"
DELIVERED: Final = "shares delivered (they follow from the options)"
ACCOUNT_COLUMNS: Final = ("account number", "account #", "account id", "account", "account name")
NAMED: Final = 20  # unreadable rows that are named one by one; the rest is counted


@dataclass(slots=True)
class RowReport:
    """What became of the rows: unreadable ones by line, unused ones counted by reason, remarks on those used.

    Warnings are uncommon readings of the file: dates with the day first, decimal commas.
    """

    unreadable: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    until: date | None = None  # last day that the file covers, where its rows or its title say so
    left_out: dict[int, str] = field(default_factory=dict)  # cells of unreadable rows by line, one a line of text

    def reject(self, line: int, why: object, cells: Iterable[str] = ()) -> None:
        """Name a row that should have been read, and why it could not be."""
        self.unreadable.append(f"line {line}: {why}: left out")
        self.left_out[line] = "\n".join(cells).upper()

    def reach(self, cells: Iterable[str], is_day_first: bool = False) -> None:
        """Extend the days that the file covers to dates of its rows and titles; other text is ignored."""
        for cell in set(cells):
            with suppress(ValueError):
                day = parse_moment(cell, is_day_first).date()
                self.until = max(day, self.until or day)

    def problems(self) -> tuple[str, ...]:
        """Rows that could not be read."""
        named = self.unreadable[:NAMED]
        if len(self.unreadable) > NAMED:
            named.append(f"and {counted(len(self.unreadable) - NAMED, 'rows more', 'row more')} like these: left out")
        return tuple(named)

    def notes(self) -> tuple[str, ...]:
        """Rows not used, counted, and remarks on those that were."""
        counts = [f"rows not used: {count} of {reason}" for reason, count in sorted(self.skipped.items())]
        return (*counts, *self.remarks)


@dataclass(slots=True)
class JoinedExports:
    """Rows of exports that a user joined in one file: those of a shared period are read once."""

    report: RowReport
    before: Counter[tuple[object, ...]] = field(default_factory=Counter)  # rows of the exports before this one
    here: Counter[tuple[object, ...]] = field(default_factory=Counter)
    export: str = ""  # this one, where rows name theirs

    def next(self) -> None:
        """Begin another export."""
        self.before |= self.here
        self.here.clear()

    def repeats(self, row: tuple[object, ...], export: str = "") -> bool:
        """Whether an export before this one holds a row; it is counted then. One export may hold a row twice."""
        if export != self.export:
            self.export = export
            self.next()
        self.here[row] += 1
        is_repeated = self.here[row] <= self.before[row]
        if is_repeated:
            self.report.skipped["rows that an export joined before it holds too"] += 1
        return is_repeated


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """An export as a reader gets it.

    A reader uses the `rows` from the place `header` on (the row with the columns that prove its layout), or all of
    them where the file has sections; `text` is there for XML.
    """

    rows: Rows
    zone: ZoneInfo  # of times without one
    report: RowReport
    header: int = 0
    delimiter: str = ","
    text: str = ""

    def accounts(self) -> dict[int, str]:
        """Account of each line by the titles between joined exports; empty where they name one account at most."""
        account, accounts = "", {}
        for line, cells in self.rows:
            filled = [cell for cell in cells if cell]
            match = ACCOUNT_TITLE.search(filled[0]) if len(filled) == 1 else None
            account = match["account"] if match is not None else account
            accounts[line] = account
        return accounts if len(set(accounts.values()) - {""}) > 1 else {}

    def notation(
        self, numbers: Sequence[str], stamps: Sequence[str], pairs: Sequence[tuple[str, str]], is_day_first: bool,
        dates: Iterable[str] | None = None,
    ) -> Notation:  # fmt: skip
        """Notation of the file, with warnings of uncommon ones; `dates` are the days that it covers, else `stamps`."""
        decimal = decimal_sign(numbers, "." if self.delimiter == "," else None)
        notation = Notation(decimal, is_day_first, self.zone)
        self.report.warnings += notation_warnings(notation, numbers, stamps, pairs)
        self.report.reach(stamps if dates is None else dates, is_day_first)
        return notation


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of export.

    `name`: as messages call it: `tastytrade transactions`.
    `proof`: cells, in lower case, that one row of such a file has among its own.
    `read`: executions of an `Export`; or, where a file lists whole trades, a DataFrame with columns of a trade log.
    `root`: name of the root element, for XML; `proof` is empty then.
    `paper`: regular expression of accounts whose trades are made on paper; empty where the broker has none.
    """

    name: str
    proof: tuple[str, ...]
    read: Callable[[Export], "list[Execution] | pd.DataFrame"]
    root: str = ""
    paper: str = ""

    def header(self, rows: Rows, limit: int) -> int | None:
        """Place of the row that proves the layout; None without one.

        It is looked for among the first `limit` rows; a section's title, one cell, among all.
        """
        proof = set(self.proof)
        for place, (_, cells) in enumerate(rows if len(proof) == 1 else rows[:limit]):
            if proof and proof <= set(columns_of(cells)):
                return place
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """A flat table of an export: a header, and rows below it.

    `fields`: column names, in lower case, by field; the first that the file has is used.
    `numbers`: fields that hold numbers: the file's decimal sign is decided by them.
    `stamps`: fields that hold days of trading: the order of day and month is decided by them.
    `pairs`: fields of dates of which the first is not after the second, such as the trade and the expiration.
    `charges`: fields of fees; a file with none of them is remarked on.
    `month_first`: true: the broker writes MM/DD, whatever days its rows have (cash moves on Sundays too). None: the
      file decides.
    `clean`: applied to the cells of `stamps` before they are read.
    """

    fields: Mapping[str, tuple[str, ...]]
    numbers: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    charges: tuple[str, ...] = ()
    month_first: Literal[True] | None = True
    clean: Callable[[str], str] = str.strip

    def rows(self, export: Export) -> Iterator[Row]:
        """Rows below the header; concatenated exports are read as one, shared rows once.

        Raises TwoReadingsError when numbers or dates have two readings.
        """
        rows = list(self._cut(export))
        numbers = [cells[name] for _, cells in rows for name in self.numbers if name in cells]
        stamps = [cells[name] for _, cells in rows for name in self.stamps if not is_blank(cells.get(name, ""))]
        for name in dict.fromkeys((*self.stamps, *(last for _, last in self.pairs))):
            check_not_turned(cells[name] for _, cells in rows if name in cells)
        pairs = [
            (cells[first], cells[last])
            for _, cells in rows
            for first, last in self.pairs
            if not is_blank(cells.get(first, "")) and not is_blank(cells.get(last, ""))
        ]
        if self.month_first:
            require_month_first(stamps)
        is_day_first = False if self.month_first else day_first(stamps, pairs)
        notation = export.notation(numbers, stamps, pairs, is_day_first)
        for line, cells in rows:
            yield Row(line, cells, notation)

    def trades(self, *remarks: str) -> "Callable[[TradeReader], Callable[[Export], pd.DataFrame]]":
        """Decorate the reader of a row, a trade with columns of a trade log: it reads the table, with remarks."""

        def decorate(trade_of: TradeReader) -> Callable[[Export], pd.DataFrame]:
            def read(export: Export) -> pd.DataFrame:
                trades = []
                for row in self.rows(export):
                    try:
                        trades.append(trade_of(row))
                    except (ValueError, KeyError) as error:  # left out by line
                        export.report.reject(row.line, error, row.cells.values())
                table = pd.DataFrame(trades)
                export.report.remarks += remarks
                if trades and table["credit"].isna().all():
                    export.report.remarks.append(NO_PREMIUM)
                return table

            return read

        return decorate

    def _cut(self, export: Export) -> Iterator[tuple[int, dict[str, str]]]:
        if export.header >= len(export.rows):
            return
        header = columns_of(export.rows[export.header][1])
        places = places_of({"account": ACCOUNT_COLUMNS} | dict(self.fields), header)
        if self.charges and not any(name in places for name in self.charges):
            export.report.remarks.append(NO_FEES)
        width = len([name for name in header if name]) and max(at for at, name in enumerate(header) if name) + 1
        above = sum(len(list(filter(None, cells))) > len(places) / 2 for _, cells in export.rows[: export.header])
        if above:
            export.report.skipped["rows above the header"] += above
        accounts = export.accounts() if "account" not in places else {}
        joined = JoinedExports(export.report)
        for line, cells in export.rows[export.header + 1 :]:
            if columns_of(cells) == header:
                joined.next()
                export.report.skipped["repeated header"] += 1
                continue
            filled = [cell for cell in cells if not is_blank(cell)]
            if len(filled) <= 1 and len(header) > 2:
                export.report.skipped["remarks and empty rows of the broker"] += 1
                continue
            if len(cells) < width or any(cells[len(header) :]):
                export.report.reject(line, misfit(cells, len(header)), cells)
                continue
            if joined.repeats((accounts.get(line, ""), *cells)):
                continue
            row = {name: cells[place] for name, place in places.items()} | (
                {"account": accounts[line]} if accounts else {}
            )
            for name in self.stamps:
                if name in row:
                    row[name] = self.clean(row[name])
            yield line, row


def same(*names: str) -> dict[str, tuple[str, ...]]:
    """Fields whose columns have their names."""
    return {name: (name,) for name in names}


def places_of(fields: Mapping[str, tuple[str, ...]], header: Sequence[str]) -> dict[str, int]:
    """Place of the first of its columns that a header has, by field."""
    firsts = {name: next((item for item in columns if item in header), None) for name, columns in fields.items()}
    return {name: header.index(column) for name, column in firsts.items() if column is not None}


def misfit(cells: Sequence[str], width: int) -> str:
    """Why a row does not fit its header."""
    return f"{counted(len(cells), 'cells do not fit', 'cell does not fit')} the header of {width}"


def contract_of_match(match: re.Match[str], decimal: str = ".") -> Contract:
    """Contract of the groups root, day, strike and right."""
    strike, day = number(match["strike"], "strike", decimal), parse_moment(match["day"]).date()
    return make_contract(option_root(match["root"]), day, right_of(match["right"]), strike)


def is_cash(symbol: str, report: RowReport) -> bool:
    """Whether a symbol is a bond's number or a money market fund's (five letters that end in XX), which is counted."""
    text = symbol.strip().upper()
    kind = BONDS if CUSIP.fullmatch(text) else MONEY_FUNDS if MONEY_FUND.fullmatch(text) else ""
    if kind:
        report.skipped[kind] += 1
    return bool(kind)


def booked(
    row: Row, contract: Contract | None, symbol: str, kind: Kind, sign: int, effect: Effect, *,
    charges: Sequence[str], is_cancelled: bool, when: datetime | None = None, cash: str = "amount",
) -> Execution:  # fmt: skip
    """Return the execution of a row whose cash settles its price: with a trade's fees, or as an index option paid.

    `sign` is that of the quantity, as the row has it for 0; `cash` names the field of the cash.
    """
    size = row.count("quantity", "contracts" if contract else "shares")
    quantity = sign * abs(size) if sign else size
    price = abs(row.amount("price") if kind == "trade" else row.number("price"))
    fees = sum(abs(row.number(name)) for name in charges)
    if kind == "trade" and not is_cancelled:
        price, fees = row.settled(cash, quantity * (MULTIPLIER if contract else 1), price, charges)
    elif kind != "trade" and contract and not price:
        price = abs(row.number(cash)) / (MULTIPLIER * abs(size))
    return Execution(
        when or row.moment("date"), underlying(contract.root if contract else symbol), contract, quantity, price, fees,
        effect, kind, line=row.line, account=row.text("account"),
    )  # fmt: skip


def transfer_row(
    row: Row, symbol: str, contract: Contract | None, quantity: float, words: str, report: RowReport
) -> Execution | None:
    """Position that enters the account by transfer or leaves it, counted; None for bonds and money market funds."""
    if contract is None and is_cash(symbol, report):
        return None
    report.skipped[transferred(quantity, words, is_option=contract is not None)] += 1
    return Execution(
        row.moment("date"), underlying(contract.root if contract else symbol), contract, math.trunc(quantity), 0.0,
        kind="transfer", line=row.line, account=row.text("account"),
    )  # fmt: skip


def reorganisation_row(
    row: Row,
    when: datetime,
    symbol: str,
    contract: Contract | None,
    quantity: float,
    cash: float = 0.0,
    *,
    event: str,
    is_split: bool = False,
) -> Execution:
    """Corporate action: a split by what it adds; other changes by the position removed, negative, and the one added.

    Fractions of shares are paid out in rows of their own: the result of a position with some is not known.
    """
    count = math.trunc(quantity) or round(math.copysign(1.0, quantity)) if quantity else 0
    effect: Effect = "" if is_split else "open" if quantity > 0 else "close"
    if cash:
        row.require_dollars()
    return Execution(
        when, symbol, contract, count, 0.0, effect=effect, kind="reorganisation", line=row.line,
        account=row.text("account"), cash=cash if count == quantity else math.nan, event=event,
    )  # fmt: skip


def transferred(quantity: float, words: str, *, is_option: bool) -> str:
    """Reason under which a transfer is counted; a short option that enters has the sign of a long one that leaves."""
    if is_option:
        return f"contracts moved by transfer ({words}), basis unknown"
    return f"shares {'received' if quantity > 0 else 'sent'} by transfer ({words}), basis unknown"


def without_futures(rows: Iterable[Row], report: RowReport) -> Iterator[Row]:
    """Rows but for those of futures and their options, `/ESM6` and `./ESM6...`, which are counted."""
    for row in rows:
        if row.text("symbol").startswith(("/", "./")):
            report.skipped[FUTURES] += 1
        else:
            yield row


def each_row(
    rows: Iterable[Row], read: Callable[[Row, RowReport], Execution | None], report: RowReport
) -> list[Execution]:
    """Read the executions of rows; unreadable rows are listed, irrelevant rows are counted."""
    executions = []
    for row in rows:
        try:
            execution = read(row, report)
        except (ValueError, KeyError) as error:
            why = f"no column for {error}" if isinstance(error, KeyError) else error
            report.reject(row.line, why, row.cells.values())
            continue
        if execution is not None:
            executions.append(execution)
    return executions


def unamended(words: str) -> str:
    """Return the words of the trade itself: without those that take it back or correct it."""
    return " ".join(CORRECTED.sub("", TAKEN_BACK.sub("", words)).split())


def amendments(rows: Iterable[Row], *fields: str) -> tuple[frozenset[int], frozenset[int]]:
    """Lines of the rows that take a trade back by the words of some fields, and of those that correct one."""
    words = [(row.line, " ".join(row.text(name) for name in fields)) for row in rows]
    cancelled = frozenset(line for line, text in words if TAKEN_BACK.search(text))
    return cancelled, frozenset(line for line, text in words if CORRECTED.search(text)) - cancelled


def without_cancelled(
    executions: Sequence[Execution],
    cancelled: Container[int],
    report: RowReport,
    corrected: Container[int] = (),
) -> list[Execution]:
    """Read the executions without cancellations, and without the trade that each takes back.

    `executions`: a cancellation has the quantity of its trade, with the trade's own sign.
    `cancelled`, `corrected`: lines of the cancellations, and of the trades booked in the place of others.
    `report`: names cancellations without their trade; and corrections beside a trade that nothing cancels, which they
      may replace or repeat.
    """
    kept = [row for row in executions if row.line not in cancelled and row.line not in corrected]
    taken: Counter[tuple[object, ...]] = Counter()
    # In the order of days: a correction may be cancelled and corrected again.
    for row in sorted(executions, key=lambda item: (item.when.date(), item.line in corrected)):
        if row.line in cancelled:
            trade = _trade_of(row, kept) or _trade_of(row, [item for item in executions if item.line in corrected])
            if trade is None:
                report.reject(row.line, "cancels a trade that the file does not hold")
                continue
            executions = [item for item in executions if item is not trade]
            kept = [item for item in kept if item is not trade]
            taken[_side(row)] += 1
            report.skipped["cancelled trades and their cancellations"] += 2
    for row in executions:
        if row.line not in corrected:
            continue
        if taken[_side(row)]:
            taken[_side(row)] -= 1
        elif any(_side(item) == _side(row) and item.when <= row.when for item in kept):
            report.reject(row.line, "corrects a trade, and no row cancels that trade: export the cancellation too")
            continue
        kept.append(row)
    return kept


def _side(row: Execution) -> tuple[object, ...]:
    return row.account, row.symbol, row.contract, row.kind, _signed(row) > 0


def _signed(row: Execution) -> int:
    """Quantity; of an ending without its sign, which brokers turn round or not when they take it back."""
    return row.quantity if row.kind in ("trade", "delivery") else abs(row.quantity)


def _trade_of(cancelled: Execution, executions: Iterable[Execution]) -> Execution | None:
    """Trade that a cancellation takes back: of trades alike the nearest in time, then in effect and fees."""
    trades = [
        row
        for row in executions
        if (*_side(row), _signed(row)) == (*_side(cancelled), _signed(cancelled))
        and abs(row.price - cancelled.price) <= HALF_CENT  # the cash settles the price of a trade
        and row.when.date() <= cancelled.when.date()
    ]
    return min(
        trades,
        key=lambda row: (
            abs(row.price - cancelled.price) > SAME_PRICE, abs(row.when - cancelled.when),
            row.effect != cancelled.effect, abs(abs(row.fees) - abs(cancelled.fees))
        ),
        default=None,
    )  # fmt: skip


TradeReader = Callable[[Row], dict[str, object]]


def reader_of_days(
    table: Table, *fields: str, remark: str = ""
) -> "Callable[[DayReader], Callable[[Export], list[Execution]]]":
    """Decorate the reader of a row: it reads a table without times, and amendments by the words of some fields."""

    def decorate(read: DayReader) -> Callable[[Export], list[Execution]]:
        def read_export(export: Export) -> list[Execution]:
            rows = list(table.rows(export))
            executions = read_days(rows, read, amendments(rows, *fields), export.report)
            export.report.remarks += [remark] if remark and executions else []
            return executions

        return read_export

    return decorate


DayReader = Callable[[Row, RowReport, list[Execution]], Execution | None]


def read_days(
    rows: Sequence[Row],
    read: DayReader,
    amended: tuple[Container[int], Container[int]],
    report: RowReport,
) -> list[Execution]:
    """Read the executions of rows without times; `read` adds settlements in unknown words to its list.

    `amended` are the lines of cancellations and of corrections.
    """
    settlements: list[Execution] = []
    executions = each_row(without_futures(rows, report), lambda row, report: read(row, report, settlements), report)
    executions = without_cancelled(executions, amended[0], report, amended[1])
    executions, lost = with_named_settlements(executions, settlements)
    report.remarks += lost
    return with_day_orders(with_deliveries(executions))


def settlement_row(row: Row, contract: Contract, word: str) -> Execution:
    """Cash settlement of an index option under a word that is not known, its price that of all its contracts.

    Raises ValueError when it cannot be one.
    """
    amount, when = row.number("amount"), row.moment("date")
    is_index = settlement_of(contract.root).delivery == "cash"
    if not is_index or not amount or when.date() < contract.expiration:
        raise ValueError(f"{shown(word)} is not known: {contract.symbol}, amount {amount:.2f}")
    text = row.text("quantity").upper().rstrip("SL")
    size = 0 if is_blank(text) else round(abs(number(text, "quantity")))
    return Execution(
        when, underlying(contract.root), contract, size, abs(amount) / MULTIPLIER, effect="close", kind="cash",
        line=row.line, account=row.text("account"),
    )  # fmt: skip


def with_deliveries(executions: Iterable[Execution]) -> list[Execution]:
    """Read the executions with the share rows of assignments and exercises marked as their deliveries.

    A delivery is in a hundred shares a contract, at the strike, the way that the option delivers, within days of the
    ending; one row may be that of several endings.
    """
    rows = list(executions)
    owed, marked = OwedShares(rows), []
    for row in rows:
        if row.kind == "trade" and row.contract is None and owed.of(row) == abs(row.quantity):
            owed.take(row)
            row = replace(row, kind="delivery", effect="")
        marked.append(row)
    return marked
