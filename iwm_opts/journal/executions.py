"""Executions as a broker lists them, and the orders that they belong to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.market.contract import Contract, is_adjusted, settlement_of, underlying_of

Effect = Literal["open", "close", ""]
Kind = Literal["trade", "expiration", "assignment", "exercise", "cash", "delivery", "transfer", "reorganisation"]
DELIVERS: Final = ("assignment", "exercise")
SESSION: Final = (time(9, 30), time(16, 15))  # of options on index funds; their shares stop at 16:00
PARTS: Final = timedelta(minutes=1)  # between the fills of one order
BOOKED_WITHIN: Final = timedelta(days=4)  # between an expiration and the row of its ending
ZONES_APART: Final = timedelta(days=1)  # between New York and a clock that a file does not name
SETTLES_WITHIN: Final = timedelta(days=5)  # between an assignment and the row of its shares or cash
SAME_PRICE: Final = 0.005  # dollars between a strike and the price of the shares
MOST_RATIO: Final = 3  # contracts of one leg for one of another, in one order
HOLDS: Final = ("trade", "transfer")  # kinds of rows that may leave a position


@dataclass(frozen=True, slots=True)
class Execution:
    """One row of a broker's export: an option or shares bought, sold, expired, assigned or exercised.

    A delivery is the row of shares of an assignment or exercise: the shares follow from the option, the fees do not,
    and its effect says whether shares from before the file were taken. A transfer moves a position between accounts, at
    a basis that the file does not hold. A reorganisation (a split, a merger, another symbol) removes what it closes and
    adds what it opens; without a quantity it brings the cash of the shares that another row removes. Without an effect
    it is a split: by its ratio, else by the quantity that it adds to what is held; without either the broker gives no
    ratio.
    """

    when: datetime  # New York, without a zone
    symbol: str  # of the underlying
    contract: Contract | None  # None: shares
    quantity: int  # bought positive, sold negative; of an ending see `is_sided`
    price: float  # dollars a share
    fees: float = 0.0  # dollars, positive when paid
    effect: Effect = ""  # "" where the broker does not say
    kind: Kind = "trade"
    order: str = ""  # what its order is known by; the time where that is not known
    line: int = 0  # of the file, from 1
    account: str = ""  # where a file holds several
    ratio: float = 0.0  # new shares for an old one, of a split; 0 where the broker does not say
    cash: float = 0.0  # dollars that a reorganisation brings, paid negative; NaN where it moves fractions of shares
    event: str = ""  # what names the corporate action of a row: its words or code; "" where nothing does
    is_sided: bool = False  # the sign of an ending is that of a trade which would close the position

    @property
    def shares(self) -> int:
        """Shares of its quantity, signed: a hundred for a contract."""
        return self.quantity * (MULTIPLIER if self.contract is not None else 1)

    @property
    def side(self) -> int:
        """Sign of a trade, or of what an ending closes: +1 for a short position; 0 where its row does not say.

        Short options are assigned, long ones exercised, whatever sign the row has.
        """
        if self.kind in DELIVERS:
            return 1 if self.kind == "assignment" else -1
        is_known = self.kind in HOLDS or self.is_sided
        return (self.quantity > 0) - (self.quantity < 0) if is_known else 0

    def in_cash(self, price: float) -> "Execution":
        """Return an assignment, exercise or expiration as a settlement in cash."""
        side = self.side
        return replace(self, kind="cash", price=price, quantity=(side or 1) * abs(self.quantity), is_sided=side != 0)


def misdated(execution: Execution, today: date) -> str:
    """Why an execution cannot have its date; empty where it can."""
    day, contract = execution.when.date(), execution.contract
    if day > today + ZONES_APART:
        return f"date {day} lies in the future"
    if contract is None or execution.kind in ("delivery", "reorganisation"):
        return ""
    if day > contract.expiration + (timedelta() if execution.kind == "trade" else BOOKED_WITHIN):
        return f"date {day} of the {execution.kind} lies after the expiration of {contract.symbol}"
    return ""


def is_newest_first(executions: Sequence[Execution]) -> bool | None:
    """Whether a file lists the newest row first; None where its times are all equal."""
    rows = sorted(executions, key=lambda execution: execution.line)
    steps = [later.when - earlier.when for earlier, later in pairwise(rows)]
    falling, rising = (sum(sign * step > timedelta() for step in steps) for sign in (-1, 1))
    return None if falling == rising else falling > rising


def orders_of(executions: Iterable[Execution], newest_first: bool = False) -> list[list[Execution]]:
    """Group the executions by order, in order of time; endings alone, shares after the options of a moment.

    Options belong together by their order, or their time. Fills in shares do by their order too; where there is none,
    those in one direction that follow each other within `PARTS` are parts of one order, as are the rows of a corporate
    action. An order number under which
    different things traded at different times is not one order: spreadsheets round long numbers to the same digits.
    """
    step = -1 if newest_first else 1
    groups: dict[object, list[Execution]] = defaultdict(list)
    latest: dict[object, tuple[datetime, int]] = {}
    for execution in sorted(executions, key=lambda item: (item.when, step * item.line)):
        key: tuple[object, ...] = (execution.account, execution.symbol, execution.when, execution.line)
        if execution.kind == "reorganisation":
            key = _chained((execution.account, "reorganisation"), execution.when, latest)
        elif execution.kind == "trade" and execution.contract is not None:
            key = execution.account, execution.symbol, execution.order or execution.when, "options"
        elif execution.kind == "trade":
            way = execution.account, execution.symbol, "shares", execution.quantity > 0, execution.effect
            key = *way, execution.order
            if not execution.order:
                key = _chained(way, execution.when, latest)
        groups[key].append(execution)

    def place(rows: list[Execution]) -> tuple[object, ...]:
        first = rows[0]
        is_early = first.kind in ("reorganisation", "transfer")  # effective before the market opens
        # Openings go before closings, so that none closes what the file opens below it, and endings last.
        turn = int(any(row.effect == "close" for row in rows)) if first.kind == "trade" else 2
        takes_shares = first.kind in DELIVERS and first.effect == "close"  # after endings that open some
        return first.when, not is_early, first.contract is None, turn, takes_shares, step * first.line

    return sorted((part for rows in groups.values() for part in _parts(rows)), key=place)


def _chained(way: tuple[object, ...], when: datetime, latest: dict[object, tuple[datetime, int]]) -> tuple[object, ...]:
    """Key of rows that follow each other within `PARTS`."""
    before, part = latest.get(way, (when, 0))
    part += when - before > PARTS
    latest[way] = when, part
    return *way, part


def _parts(rows: list[Execution]) -> list[list[Execution]]:
    """Rows under one order number, apart where they cannot be one order."""
    if rows[0].kind != "trade" or rows[0].contract is None:
        return [rows]
    moments: list[list[Execution]] = []
    for execution in rows:
        if moments and execution.when - moments[-1][-1].when <= PARTS:
            moments[-1].append(execution)
        else:
            moments.append([execution])
    legs = [{(item.contract, item.quantity > 0) for item in part} for part in moments]
    return [rows] if all(item == legs[0] for item in legs) else moments


def with_cash_settlement(
    executions: Iterable[Execution],
    amounts: Mapping[tuple[str, Contract], float],
    fees: Mapping[tuple[str, Contract], float] | None = None,
) -> tuple[list[Execution], list[str]]:
    """Return assignments and exercises with the cash that other rows of the file name for their contracts.

    `amounts`, `fees`: dollars settled, and paid for it, by (account, contract).
    Also returns a line for every amount whose contract does not end in the file.
    """
    rows = list(executions)
    sizes: dict[tuple[str, Contract], int] = defaultdict(int)
    for row in rows:
        if row.contract is not None and row.kind not in HOLDS:
            sizes[row.account, row.contract] += abs(row.quantity)
    settled = []
    for row in rows:
        if row.contract is not None and row.kind not in HOLDS and (row.account, row.contract) in amounts:
            key = row.account, row.contract
            price = abs(amounts[key]) / (MULTIPLIER * sizes[key])
            fee = (fees or {}).get(key, 0.0) * abs(row.quantity) / sizes[key]
            row = replace(row.in_cash(price), fees=row.fees + fee)
        settled.append(row)
    lost = [
        f"cash settlement of {contract.symbol}, {amount:.2f}, without its assignment or exercise: not in the results"
        for (account, contract), amount in amounts.items()
        if not sizes[account, contract]
    ]
    return settled, lost


def with_named_settlements(
    executions: Iterable[Execution], settlements: Iterable[Execution]
) -> tuple[list[Execution], list[str]]:
    """Return the executions with settlements that their file names by other words than assignment or exercise.

    The amount belongs to the ending of the contract where the file has one; else it is the ending, of the contracts
    that it names or of those held.

    Also returns a line for every amount whose contract the file neither holds nor ends.
    """
    rows, amounts = list(executions), defaultdict[tuple[str, Contract], float](float)
    for settlement in settlements:
        assert settlement.contract is not None
        rows_of_contract = [
            row for row in rows if (row.account, row.contract) == (settlement.account, settlement.contract)
        ]
        held = settlement.quantity or sum(row.quantity for row in rows_of_contract if row.kind in HOLDS)
        if held and all(row.kind in HOLDS for row in rows_of_contract):
            rows.append(replace(settlement, quantity=held, price=settlement.price / abs(held)))
        else:
            amounts[settlement.account, settlement.contract] += MULTIPLIER * settlement.price
    return with_cash_settlement(rows, amounts)


def may_deliver(ending: Execution, shares: Execution, *, at_strike: bool = True) -> bool:
    """Whether the shares of a row may be those of an assignment or exercise."""
    contract = ending.contract
    if contract is None or ending.kind not in DELIVERS or settlement_of(contract.root).delivery != "physical":
        return False
    sign = RIGHT_SIGN[contract.right] * (1 if ending.kind == "exercise" else -1)
    return (
        (ending.account, ending.symbol) == (shares.account, shares.symbol)
        and sign * shares.quantity > 0
        and (not at_strike or abs(contract.strike - shares.price) < SAME_PRICE)
        and abs(ending.when - shares.when) <= SETTLES_WITHIN
    )


class OwedShares:
    """Shares that the assignments and exercises of a file deliver, until a row of shares is found to be theirs."""

    def __init__(self, executions: Iterable[Execution]) -> None:
        self._endings = [
            row for row in executions
            if row.kind in DELIVERS and row.contract is not None and not is_adjusted(row.contract.root)
        ]  # fmt: skip
        self._owed = {row.line: MULTIPLIER * abs(row.quantity) for row in self._endings}

    def of(self, shares: Execution, *, at_strike: bool = True) -> int:
        """Shares of a row that assignments and exercises may deliver."""
        return min(abs(shares.quantity), sum(self._owed[line] for line in self._lines(shares, at_strike)))

    def take(self, shares: Execution, *, at_strike: bool = True) -> int:
        """Shares of a row that assignments and exercises deliver; each is taken once."""
        taken = remaining = self.of(shares, at_strike=at_strike)
        for line in self._lines(shares, at_strike):
            part = min(self._owed[line], remaining)
            self._owed[line] -= part
            remaining -= part
        return taken

    def _lines(self, shares: Execution, at_strike: bool) -> list[int]:
        return [row.line for row in self._endings if may_deliver(row, shares, at_strike=at_strike)]


def settled_in_cash(executions: Iterable[Execution]) -> tuple[list[Execution], list[str]]:
    """Return endings of cash-settled index options: one row each, at its settlement value.

    A broker may write two rows for one settlement: the assignment at zero, and its cash. An assignment at zero without
    cash has an unknown result.

    Returns: remaining rows, and a line for every settlement whose amount is missing.
    """
    rows = list(executions)
    cash: dict[tuple[str, Contract | None], int] = defaultdict(int)
    for row in rows:
        if row.kind == "cash":
            cash[row.account, row.contract] += abs(row.quantity)
    kept, missing = [], []
    for row in rows:
        is_index = row.contract is not None and settlement_of(row.contract.root).delivery == "cash"
        if row.kind in DELIVERS and (is_index or cash[row.account, row.contract]):
            if cash[row.account, row.contract] >= abs(row.quantity) and not row.price:
                cash[row.account, row.contract] -= abs(row.quantity)
                continue
            if not row.price:
                assert row.contract is not None
                missing.append(
                    f"line {row.line}: {row.kind} of {row.contract.symbol} without its cash "
                    "settlement: result unknown, its trade is left out"
                )
                row = replace(row, price=float("nan"))
            row = row.in_cash(row.price)
        elif row.kind in DELIVERS:
            row = replace(row, price=0.0)  # some files write the strike: the shares are paid at it, not the option
        kept.append(row)
    return kept, missing


def off_hours(executions: Sequence[Execution]) -> tuple[str, ...]:
    """Question the clock of fills outside the session: a file without a zone may have another."""
    clocks = [execution.when.time() for execution in executions if execution.kind == "trade"]
    clocks = [clock for clock in clocks if clock != time()]
    outside = sum(not SESSION[0] <= clock <= SESSION[1] for clock in clocks)
    if not outside:
        return ()
    hours = f"{SESSION[0]:%H:%M} to {SESSION[1]:%H:%M} New York"
    return (f"{outside} of {len(clocks)} fills lie outside {hours}: if the file has another clock, give `timezone`",)


def underlying(root: str) -> str:
    """Symbol that executions of a root are filed under; share classes are written with a dot, `BRK.B`."""
    bare = root.strip().upper().lstrip("$").removesuffix(".X")
    name, mark, share_class = bare.replace("/", ".").replace(" ", ".").rpartition(".")
    return f"{name}{mark}{share_class}" if mark and len(share_class) == 1 else underlying_of(bare)


def option_root(symbol: str) -> str:
    """Root as OCC writes it: `BRK B` and `BRK/B` are BRKB."""
    return symbol.strip().upper().lstrip("$").removesuffix(".X").replace(" ", "").replace("/", "").replace(".", "")


def with_day_orders(executions: Iterable[Execution]) -> list[Execution]:
    """Return the executions of a file without times and order numbers, with a name for the order that each belongs to.

    Legs of one expiration that traded on one day, in the same number of contracts, are taken for one order, as are
    those of a ratio or a butterfly (`_ratios`). What a file without effects buys and sells on one day are two orders.
    """
    rows = list(executions)
    totals: dict[tuple[object, ...], int] = defaultdict(int)
    turns: dict[int, int] = {}  # by line: how often the contract changed sides that day before
    latest: dict[tuple[object, ...], tuple[int, bool]] = {}

    def way(row: Execution) -> tuple[object, ...]:
        return row.account, row.when, row.contract, row.effect, row.quantity > 0, turns[row.line]

    for row in rows[::-1] if is_newest_first(rows) else rows:
        key = row.account, row.when, row.contract, row.effect
        turn, is_bought = latest.get(key, (0, row.quantity > 0))
        turns[row.line] = turn + (is_bought != (row.quantity > 0))
        latest[key] = turns[row.line], row.quantity > 0
        totals[way(row)] += abs(row.quantity)
    dayless = [row for row in rows if row.kind == "trade" and row.contract is not None and not row.order]
    sizes = {row.line: totals[way(row)] for row in dayless}
    ratios = _ratios(dayless, sizes, turns)
    named = {
        row.line: f"{row.when:%Y-%m-%d} {row.contract.expiration} {row.effect} "
        f"{ratios.get(row.line, sizes[row.line])} {turns[row.line]}"
        for row in dayless
        if row.contract is not None
    }
    return [replace(row, order=named[row.line]) if row.line in named else row for row in rows]


def _ratios(rows: Sequence[Execution], sizes: Mapping[int, int], turns: Mapping[int, int]) -> dict[int, str]:
    """Name of the order of each row that is a leg of a ratio spread or butterfly of two sizes.

    Legs of one size that are all bought, and those of the other all sold, in one right and expiration, up to
    `MOST_RATIO` for one: alone, neither is a spread.
    """
    groups: dict[tuple[object, ...], list[Execution]] = defaultdict(list)
    for row in rows:
        if row.contract is not None:
            key = row.account, row.symbol, row.when, row.contract.expiration, row.contract.right, row.effect
            groups[*key, turns[row.line]].append(row)
    named: dict[int, str] = {}
    for legs in groups.values():
        bought, sold = ({sizes[leg.line] for leg in legs if (leg.quantity > 0) == side} for side in (True, False))
        if len(bought) == len(sold) == 1 and bought != sold:
            least, most = sorted(bought | sold)
            if most <= MOST_RATIO * least:
                right = legs[0].contract.right if legs[0].contract is not None else ""
                named |= {leg.line: f"{least}x{most}{right}" for leg in legs}
    return named
