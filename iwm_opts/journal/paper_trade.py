"""Paper trade: entry, exit rules, marks and closing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from iwm_opts.backtest.share_exits import ShareExits
from iwm_opts.conventions import MULTIPLIER, RIGHT_SIGN, Provenance
from iwm_opts.errors import InputError
from iwm_opts.execution.legs import Legs
from iwm_opts.journal.packages import strategy_of
from iwm_opts.journal.trade_log import SHARES, answers_text, marks_text
from iwm_opts.market.contract import Contract
from iwm_opts.spreads.typed import TypedLeg

OPEN: Final = "09:30:00"  # of a session, New York


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
    minute: int | None = None  # after the open of the entry's session, of an intraday edge


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
    """Exit prices of a share trade, $/share."""

    stop: float
    target: float | None
    atr: float  # known at the entry
    exits: ShareExits
    slippage: float  # of the fill model
    exit_minute: int | None = None  # after the open, of an intraday edge: it has no other clock


@dataclass(frozen=True, slots=True)
class Campaign:
    """The trades that were rolled into one."""

    since: str  # day of the first opening
    trades: tuple[str, ...]  # numbers or identifiers, first to last, without the one they were rolled into
    booked: float  # dollars, their results after fees


@dataclass(frozen=True, slots=True)
class PaperTrade:
    """One trade on paper; dollars a share for prices, dollars of the position for fees and risks.

    A trade in shares has no legs and no expiration; their cost is a negative credit, as for options bought.
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
    rolled_from: int | None = None  # trade closed in the order that opened this one
    root: str = ""  # of options where two are listed on the day: SPX or SPXW
    provenance: Provenance = Provenance.RECORDED  # of the prices that it was opened at

    @property
    def multiplier(self) -> int:
        """Dollars that a dollar a share is worth in one package."""
        return MULTIPLIER if self.shares is None else 1

    @property
    def is_open(self) -> bool:
        """Whether it has not been left."""
        return self.closing is None

    @property
    def exit_by(self) -> datetime | None:
        """When an intraday edge leaves, New York; None for a trade held overnight."""
        minute = self.exits.minute if self.shares is None else self.shares.exit_minute
        if minute is None:
            return None
        return datetime.fromisoformat(f"{self.opened[:10]} {OPEN}") + timedelta(minutes=minute)

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
            closing = self.closing
            made = self.multiplier * self.contracts * (self.credit - closing.debit)
            return made - self.fees - closing.fees + closing.dividends
        return self.gain_at(self.marks[-1]) if self.marks else math.nan

    def gain_at(self, mark: Mark) -> float:
        """Dollars made at a mark after fees, those to leave included, at the model's fill."""
        made = self.multiplier * self.contracts * (self.credit - mark.debit)
        return made - self.fees - self.contracts * (mark.fees - mark.dividends)

    def log_row(self) -> dict[str, object]:
        """Columns of a trade log."""
        closing, due = self.closing, self.due
        if due is None and closing is not None:  # left before any rule called: not late
            due = Mark(closing.at[:10], closing.at, math.nan, closing.mid, closing.model, 0.0, closing.reason)
        fees = self.fees + (closing.fees if closing else 0.0)
        # Dividends of the days after it would have been missed by leaving when it was due.
        is_late = due is not None and closing is not None and due.day < closing.at[:10]
        since = 0.0
        if closing and due and is_late:
            since = closing.dividends / (self.contracts * self.multiplier) - due.dividends
        return {
            "trade": str(self.number), "plan": self.plan, "market": f"paper, {self.market}", "symbol": self.symbol,
            "provenance": str(self.provenance), "strategy": self.strategy, "legs": self.text,
            "expiration": self.expiration or None, "multiplier": self.multiplier,
            "settlement": closing.dividends if closing else 0.0, "entry": self.opened,
            "exit": closing.at if closing else None, "reason": closing.reason if closing else "open",
            "contracts": self.contracts, "planned_contracts": self.planned_contracts, "credit": self.credit,
            "debit": closing.debit if closing else math.nan, "entry_mid": self.mid,
            "exit_mid": closing.mid if closing else math.nan, "entry_model": self.model,
            "exit_model": closing.model if closing else math.nan, "due": due.day if due else None,
            "due_debit": due.debit + since if due else math.nan, "fees": fees, "model_fees": fees, "risk": self.risk,
            "planned_risk": self.planned_risk, "rank": math.nan if self.rank is None else self.rank,
            "checklist": answers_text(self.checklist),
            "rolled_from": "" if self.rolled_from is None else str(self.rolled_from),
            "marks": marks_text({date.fromisoformat(mark.day): self.gain_at(mark) for mark in self.marks}),
        }  # fmt: skip


def typed_legs(trade: PaperTrade) -> list[TypedLeg]:
    """Legs of a trade in ascending strike, without quotes."""
    nan = math.nan
    legs = (
        TypedLeg(int(np.sign(leg.count)), abs(leg.count), RIGHT_SIGN[leg.right], leg.strike, nan, nan)
        for leg in trade.legs
    )
    return sorted(legs, key=lambda leg: leg.strike)


def check_open(trade: PaperTrade) -> None:
    """Refuse a trade that was left. Raises InputError when it is closed."""
    if trade.closing is not None:
        raise InputError("trade", trade.number, f"was closed at {trade.closing.at}", "name an open trade")


def campaigns_of(trades: Sequence[PaperTrade], journal: Sequence[PaperTrade]) -> dict[str, Campaign]:
    """Trades of a journal that were rolled into each trade, by its number; those that were not rolled are left out."""
    campaigns = {}
    for trade in trades:
        by_number = {item.number: item for item in journal}
        earlier: list[PaperTrade] = []
        number = trade.rolled_from
        while number in by_number:
            earlier.append(by_number.pop(number))
            number = earlier[-1].rolled_from
        if earlier:
            names, booked = tuple(str(item.number) for item in reversed(earlier)), sum(item.gain for item in earlier)
            campaigns[str(trade.number)] = Campaign(earlier[-1].opened[:10], names, booked)
    return campaigns
