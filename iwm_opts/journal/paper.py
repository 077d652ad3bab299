"""The paper journal: trades at real quotes and model fills, marked by the day, in one file that is never half written.

The file lies in the local record (`paper/journal.json`). Every change is made under the record's lock on what is on
disk at that moment, and put in place whole; a mark of a day replaces that day's, so that marking twice changes nothing.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN
from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.journal.packages import strategy_of
from iwm_opts.journal.trade_log import SHARES, TradeLog, answers_text, log_of_rows, marks_text
from iwm_opts.market.contract import Contract
from iwm_opts.sources.durable import write_durably
from iwm_opts.sources.store import Record, open_record
from iwm_opts.strategy.exits import ShareExits

VERSION: Final = 2
READ: Final = (1, 2)  # the first knew no shares
FILE: Final = ("paper", "journal.json")
SIMULATED: Final = "SIMULATED"
RESTORE: Final = "restore it from a backup; nothing was changed"


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg: contracts in a package (sold negative), right, strike."""

    count: int
    right: str
    strike: float

    def __str__(self) -> str:
        return f"{self.count:+d}{self.right}{self.strike:g}"


@dataclass(frozen=True, slots=True)
class Exits:
    """Rules to leave by, as in a backtest's `ExitRule`; None is off."""

    profit: float | None = None
    stop: float | None = None
    dte: int | None = None
    sessions: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One day of an open trade."""

    day: str
    at: str  # time of the quotes, New York
    spot: float
    mid: float  # cost of closing at mid, dollars a share; negative where it brings money
    debit: float  # under the fill model
    fees: float  # to close, dollars a package
    rule: str  # that called for the exit; "" where none did
    dividends: float = 0.0  # received since the entry, dollars a share


@dataclass(frozen=True, slots=True)
class Closing:
    """How a trade was left."""

    at: str
    debit: float  # own fill, dollars a share
    mid: float
    model: float
    fees: float  # dollars, all of it
    reason: str
    dividends: float = 0.0  # dollars, all of it


@dataclass(frozen=True, slots=True)
class Shares:
    """What a trade in shares is left by; dollars a share."""

    stop: float
    target: float | None
    atr: float  # known at the entry
    exits: ShareExits
    slippage: float  # of the fill model
    exit_minute: int | None = None  # after the open, of an intraday edge: it has no other clock


@dataclass(frozen=True, slots=True)
class PaperTrade:
    """One trade on paper; dollars a share for prices, dollars of the position for fees and risks.

    A trade in shares has no legs and no expiration; what was paid for them is a negative credit, as for options bought.
    """

    number: int
    plan: str
    market: str
    symbol: str
    expiration: str
    legs: tuple[Leg, ...]
    contracts: int
    planned_contracts: int
    opened: str  # time of the quotes, New York
    credit: float  # own fill
    mid: float
    model: float
    fill: str  # model
    fees_schedule: str
    fees: float  # to open
    risk: float
    planned_risk: float
    rank: float | None
    exits: Exits
    checklist: dict[str, str]
    marks: tuple[Mark, ...] = ()
    closing: Closing | None = None
    shares: Shares | None = None  # None: options

    @property
    def multiplier(self) -> int:
        """Dollars that a dollar a share is worth in one package."""
        return MULTIPLIER if self.shares is None else 1

    @property
    def is_open(self) -> bool:
        """Whether it has not been left."""
        return self.closing is None

    @property
    def text(self) -> str:
        """Its legs as typed."""
        return " ".join(map(str, self.legs))

    @property
    def kind(self) -> Legs:
        """Sides, rights and ratios, as filling and fees see them."""
        counts = [leg.count for leg in self.legs]
        return Legs.of(np.sign(counts), [RIGHT_SIGN[leg.right] for leg in self.legs], np.abs(counts))

    @property
    def strategy(self) -> str:
        """Its name by its legs."""
        if self.shares is not None:
            return SHARES
        day = date.fromisoformat(self.expiration)
        legs = (
            (leg.count, Contract(self.symbol, day, "C" if leg.right == "C" else "P", leg.strike)) for leg in self.legs
        )
        return strategy_of(tuple(legs))

    @property
    def due(self) -> Mark | None:
        """First mark on which a rule called for the exit."""
        return next((mark for mark in self.marks if mark.rule), None)

    @property
    def gain(self) -> float:
        """Dollars made so far after fees, at the last mark's model fill while open; NaN before there is one."""
        if self.closing is not None:
            left = self.closing
            made = self.multiplier * self.contracts * (self.credit - left.debit)
            return made - self.fees - left.fees + left.dividends
        return self.gain_at(self.marks[-1]) if self.marks else math.nan

    def gain_at(self, mark: Mark) -> float:
        """Dollars made at a mark after fees, those to leave included, at the model's fill."""
        made = self.multiplier * self.contracts * (self.credit - mark.debit)
        return made - self.fees - self.contracts * (mark.fees - mark.dividends)


@dataclass(frozen=True, slots=True)
class PaperJournal:
    """The journal of a record."""

    record: Record

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.record.folder.joinpath(*FILE)

    def trades(self) -> tuple[PaperTrade, ...]:
        """All trades in order of opening.

        Raises
        ------
        DataError
            When the file is damaged or of a later version; it is left as it is.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                self.path, f"cannot be read: {error}", "restore it from a backup; nothing was changed"
            ) from None
        return _read(text, self.path)

    def add(self, trade: PaperTrade) -> tuple[PaperTrade, bool]:
        """Open a trade, numbered by the journal; the same plan and legs opened on the same day are the same trade.

        Returns
        -------
        trade : PaperTrade
            As the journal has it.
        is_new : bool
        """
        outcome: list[tuple[PaperTrade, bool]] = []

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            twin = next((one for one in held if _is_same(one, trade)), None)
            if twin is not None:
                outcome.append((twin, False))
                return held
            numbered = replace(trade, number=max((one.number for one in held), default=0) + 1)
            outcome.append((numbered, True))
            return (*held, numbered)

        self._change(change)
        return outcome[0]

    def mark(self, number: int, mark: Mark) -> None:
        """Mark a trade; the mark of a day replaces that day's. A trade that is closed meanwhile is left alone."""

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            return tuple(_marked(one, mark) if one.number == number and one.is_open else one for one in held)

        self._change(change)

    def close(self, number: int, closing: Closing) -> PaperTrade:
        """Leave a trade.

        Raises
        ------
        InputError
            When there is no such trade, or it is closed already.
        """

        def change(held: tuple[PaperTrade, ...]) -> tuple[PaperTrade, ...]:
            one = find(held, number)
            if not one.is_open:
                raise InputError("trade", number, f"was closed at {one.closing.at if one.closing else ''}")
            return tuple(replace(each, closing=closing) if each.number == number else each for each in held)

        return find(self._change(change), number)

    def _change(self, change: Callable[[tuple[PaperTrade, ...]], tuple[PaperTrade, ...]]) -> tuple[PaperTrade, ...]:
        """Read, change and write under one lock, so that two writers lose nothing of each other."""
        with self.record.lock():
            before = self.trades()
            after = change(before)
            if after != before:
                write_durably(self.path, _written(after).encode())
        return after


def open_journal(record: Record | None = None) -> PaperJournal:
    """The journal of a record, the user's unless given."""
    return PaperJournal(record or open_record())


def find(trades: Sequence[PaperTrade], number: int) -> PaperTrade:
    """The trade of a number.

    Raises
    ------
    InputError
        When there is none.
    """
    found = next((one for one in trades if one.number == number), None)
    if found is None:
        known = ", ".join(str(one.number) for one in trades if one.is_open) or "none"
        raise InputError("trade", number, "is not in the journal", f"open are {known}")
    return found


def for_review(trades: Sequence[PaperTrade]) -> TradeLog:
    """The journal as a log to review: where there are real quotes, what was simulated is left out and counted."""
    real = [one for one in trades if SIMULATED not in one.market]
    if not real or len(real) == len(trades):
        return log_of_paper(trades)
    log = log_of_paper(real)
    return replace(log, notes=(*log.notes, f"{len(trades) - len(real)} trades on a simulated market left out"))


def log_of_paper(trades: Sequence[PaperTrade], source: str = "paper journal") -> TradeLog:
    """The journal as a trade log."""
    rows = [_row(trade) for trade in trades]
    if not rows:
        raise DataError(source, "holds no trade", "open one: iwm-opts paper open --plan FILE")
    return log_of_rows(rows, source, is_simulated=any(SIMULATED in trade.market for trade in trades))


def _row(trade: PaperTrade) -> dict[str, object]:
    left, due = trade.closing, trade.due
    if due is None and left is not None:  # left before any rule called: not late
        due = Mark(left.at[:10], left.at, math.nan, left.mid, left.model, 0.0, left.reason)
    fees = trade.fees + (left.fees if left else 0.0)
    return {
        "trade": str(trade.number),
        "plan": trade.plan,
        "market": f"paper, {trade.market}",
        "symbol": trade.symbol,
        "strategy": trade.strategy,
        "legs": trade.text,
        "expiration": trade.expiration or None,
        "multiplier": trade.multiplier,
        "settlement": left.dividends if left else 0.0,
        "entry": trade.opened,
        "exit": left.at if left else None,
        "reason": left.reason if left else "open",
        "contracts": trade.contracts,
        "planned_contracts": trade.planned_contracts,
        "credit": trade.credit,
        "debit": left.debit if left else math.nan,
        "entry_mid": trade.mid,
        "exit_mid": left.mid if left else math.nan,
        "entry_model": trade.model,
        "exit_model": left.model if left else math.nan,
        "due": due.day if due else None,
        "due_debit": due.debit if due else math.nan,
        "fees": fees,
        "model_fees": fees,
        "risk": trade.risk,
        "planned_risk": trade.planned_risk,
        "rank": math.nan if trade.rank is None else trade.rank,
        "checklist": answers_text(trade.checklist),
        "marks": marks_text({date.fromisoformat(one.day): trade.gain_at(one) for one in trade.marks}),
    }


def _is_same(one: PaperTrade, other: PaperTrade) -> bool:
    same_day = one.opened[:10] == other.opened[:10]
    package = (one.plan, one.symbol, one.expiration, one.legs) == (
        other.plan,
        other.symbol,
        other.expiration,
        other.legs,
    )
    return same_day and package


def _marked(trade: PaperTrade, mark: Mark) -> PaperTrade:
    others = [one for one in trade.marks if one.day != mark.day]
    return replace(trade, marks=tuple(sorted([*others, mark], key=lambda one: one.day)))


def _written(trades: Sequence[PaperTrade]) -> str:
    return json.dumps({"version": VERSION, "trades": [asdict(one) for one in trades]}, indent=1) + "\n"


def _read(text: str, path: Path) -> tuple[PaperTrade, ...]:
    try:
        document = json.loads(text)
        version = document["version"]
        if version not in READ:
            raise DataError(path, f"version {version!r} is not {VERSION}, which this tool reads", "update iwm-opts")
        return tuple(_trade(fields) for fields in document["trades"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        rule = f"is damaged ({type(error).__name__}: {error})"
        raise DataError(path, rule, RESTORE) from None


def _trade(fields: dict[str, Any]) -> PaperTrade:
    legs = tuple(Leg(**leg) for leg in fields["legs"])
    marks = tuple(Mark(**mark) for mark in fields["marks"])
    closing = Closing(**fields["closing"]) if fields["closing"] else None
    given = fields.get("shares")
    shares = Shares(**{**given, "exits": ShareExits(**given["exits"])}) if given else None
    exits = Exits(**fields["exits"])
    known = {"legs": legs, "marks": marks, "closing": closing, "exits": exits, "shares": shares}
    return PaperTrade(**{**fields, **known})
