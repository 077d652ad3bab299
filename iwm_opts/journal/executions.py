"""Executions as a broker lists them, and the orders that they belong to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal

from iwm_opts.market.contract import Contract, underlying_of

Effect = Literal["open", "close", ""]
Kind = Literal["trade", "expiration", "assignment", "exercise", "cash", "delivery", "reorganisation"]
DELIVERS: Final = ("assignment", "exercise")
SESSION: Final = (time(9, 30), time(16, 15))  # of options on index funds; their shares stop at 16:00
PARTS: Final = timedelta(minutes=1)  # between the fills of one order in shares, where a broker gives no order numbers


@dataclass(frozen=True, slots=True)
class Execution:
    """One row of a broker's export: an option or shares bought, sold, expired, assigned or exercised.

    A delivery is the row of shares beside an assignment or exercise: they follow from the option, their fees do not.
    A reorganisation (a split, a merger, another symbol) is of shares: what it makes of them is not said here.
    """

    when: datetime  # New York, without a zone
    symbol: str  # of the underlying
    contract: Contract | None  # None: shares
    quantity: int  # bought positive, sold negative; an ending's size alone counts
    price: float  # dollars a share
    fees: float = 0.0  # dollars, positive when paid
    effect: Effect = ""  # "" where the broker does not say
    kind: Kind = "trade"
    order: str = ""  # what its order is known by; the time where that is not known
    line: int = 0  # of the file, from 1
    account: str = ""  # where a file holds several


def orders_of(executions: Iterable[Execution]) -> list[list[Execution]]:
    """Executions of one order together, in order of time; endings stand alone, shares after the options of a moment.

    Options belong together by their order, or their time. Fills in shares do by their order too; where there is none,
    those in one direction that follow each other within `PARTS` are parts of one order.
    """
    found: dict[object, list[Execution]] = defaultdict(list)
    latest: dict[object, tuple[datetime, int]] = {}
    for one in sorted(executions, key=lambda each: (each.when, each.line)):
        key: tuple[object, ...] = (one.account, one.symbol, one.when, one.line)
        if one.kind == "trade" and one.contract is not None:
            key = one.account, one.symbol, one.order or one.when, "options"
        elif one.kind == "trade":
            way = one.account, one.symbol, "shares", one.quantity > 0, one.effect
            key = *way, one.order
            if not one.order:
                before, part = latest.get(way, (one.when, 0))
                part += one.when - before > PARTS
                latest[way] = one.when, part
                key = *way, part
        found[key].append(one)
    return sorted(found.values(), key=lambda rows: (rows[0].when, rows[0].contract is None, rows[0].line))


def off_hours(executions: Sequence[Execution]) -> tuple[str, ...]:
    """What to ask where fills lie outside the session: a file that names no zone may have another clock."""
    clocks = [one.when.time() for one in executions if one.kind == "trade" and one.when.time() != time()]
    outside = sum(not SESSION[0] <= clock <= SESSION[1] for clock in clocks)
    if not outside:
        return ()
    hours = f"{SESSION[0]:%H:%M} to {SESSION[1]:%H:%M} New York"
    return (f"{outside} of {len(clocks)} fills lie outside {hours}: if the file has another clock, give --timezone",)


def underlying(root: str) -> str:
    """Symbol that executions of a root are filed under."""
    return underlying_of(root.lstrip("$").removesuffix(".X"))
