"""Recorded chains as a backtest reads them: real bids and asks, out of a chain file of many days or the local record.

A day's quotes are those of one capture. An option whose strike left the chain, or whose quote cannot be taken at its
word, is marked by the smile drawn through what its expiration still quotes; one whose expiration is missing that day
has no mark at all. Both are told apart (`BY_SMILE`, `CARRIED`), so that the engine can count them: neither is dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.backtest.market import BY_SMILE, CARRIED, QUOTED, Board, Marks, Request, Series, Terms
from iwm_opts.backtest.simulated import ECHO
from iwm_opts.conventions import IVR_TENOR_DAYS, RIGHT_SIGN
from iwm_opts.errors import DataError, InputError
from iwm_opts.market.calendar import at_close, latest_session, sessions
from iwm_opts.market.contract import Settlement, settlement_of
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.slices import ExpirySlice
from iwm_opts.market.snapshot import Snapshot

Array = NDArray[np.float64]

BAR_COLUMNS: Final = ("open", "high", "low", "close")
SHOWN: Final = 5  # days that a note names
TICK_NOISE: Final = 1e-6  # share of a tick that binary arithmetic may miss a decimal price by


@dataclass(frozen=True, slots=True, eq=False)
class RecordedDay:
    """One day's chain, worked out: its expirations in the window, and those that were priced so far."""

    snapshot: Snapshot  # without the rows of its chain, which would fill the memory
    tables: dict[Series, OptionTable | None] = field(default_factory=dict)  # None: its quotes cannot be priced

    def slice_of(self, series: Series) -> ExpirySlice | None:
        """Quotes of a series; None where the day does not list it."""
        same = (q for q in self.snapshot.slices if q.expiration == series.expiration and q.root == series.root)
        return next(same, None)

    def table(self, series: Series) -> OptionTable | None:
        """Series with deltas and its smile, priced when first asked for; None where its quotes allow neither."""
        if series not in self.tables:
            try:
                self.tables[series] = self.snapshot.table(series.expiration, series.root)
            except (DataError, InputError):
                self.tables[series] = None
        return self.tables[series]


@dataclass(frozen=True, eq=False)
class RecordedDays:
    """Recorded chains of one symbol, a capture a day; `backtest.recorded.recorded_days` reads them.

    Without bars the open, high, low and close of a day are unknown: a touch never counts as met, and what settles on
    the opening print, or on the close of a day that was captured before it, settles at an estimate, counted as one.
    """

    name: str
    captured: tuple[RecordedDay, ...]  # ascending, at least one
    bars: pd.DataFrame  # open, high, low and close by date, dollars a share; empty where nobody has any
    told: tuple[str, ...]  # what was said while reading
    dividends: DividendSchedule  # by ex-date, empty where nobody said
    max_dte: int  # calendar days to the last expiration that is held

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self.captured[0].snapshot.chain.symbol

    @cached_property
    def is_simulated(self) -> bool:
        """Whether any of its chains is: the record also takes simulated ones."""
        return any(day.snapshot.chain.simulated for day in self.captured)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Sessions with a capture."""
        return tuple(day.snapshot.chain.as_of for day in self.captured)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was said while reading, sessions without a capture, and which prices of the underlying are unknown."""
        notes = [*([ECHO] if self.is_simulated else []), *self.told, *_gaps(self.days)]
        unknown = [day for day, close in zip(self.days, self._bar("close"), strict=True) if np.isnan(close)]
        if len(unknown) == len(self.days):
            notes.append("no bars of the underlying: no touch is seen, and settlements are estimated; give --bars")
        elif unknown:
            notes.append(f"{len(unknown)} days without a bar of the underlying ({_some(unknown)})")
        return tuple(notes)

    @cached_property
    def spot(self) -> Array:
        """Price of the underlying when the quotes stood."""
        return np.array([day.snapshot.chain.spot for day in self.captured])

    @cached_property
    def opened(self) -> Array:
        """Opening prices, from the bars."""
        return self._bar("open")

    @cached_property
    def high(self) -> Array:
        """Daily highs, from the bars."""
        return self._bar("high")

    @cached_property
    def low(self) -> Array:
        """Daily lows, from the bars."""
        return self._bar("low")

    def _bar(self, column: str) -> Array:
        if self.bars.empty:
            return np.full(len(self.days), np.nan)
        found = self.bars[column].reindex(pd.DatetimeIndex(self.days))
        return np.array(found, dtype=np.float64)

    def settlement(self, root: str) -> Settlement:
        """The rule of the root."""
        return settlement_of(root)

    def settlement_price(self, series: Series) -> float:
        """Opening print or close of the last session up to the expiration, as its root settles; NaN where unknown.

        A day that the record lacks still has its bar. Without bars only a capture of the close knows the close.
        """
        day = latest_session(series.expiration)
        column = self.settlement(series.root).settles_on
        if pd.Timestamp(day) in self.bars.index:
            return float(self.bars[column].loc[pd.Timestamp(day)])
        if column == "close" and day in self.days:
            chain = self.captured[self.days.index(day)].snapshot.chain
            if chain.quote_time is not None and chain.moment == at_close(day):
                return chain.spot
        return math.nan

    def terms(self, place: int, series: Series) -> Terms:
        """Forward by put-call parity, which dividends lower by themselves; NaN where the day's quotes hold none.

        Early exercise is not taken off the quotes, which leaves American forwards up to $0.15 low at two months (see
        `market.forward`).
        """
        snapshot = self.captured[place].snapshot
        for quotes, forward in zip(snapshot.slices, snapshot.forwards, strict=True):
            if (quotes.root, quotes.expiration) == series and forward is not None:
                return Terms(quotes.years, forward.price, forward.discount)
        return Terms(math.nan, math.nan, math.nan)

    def board(self, place: int, dte: int, slack: int) -> Board | None:
        """Options with a usable quote of the nearest expiration that can be priced.

        Of two as near the earlier one; of two roots on one day the one with the more strikes. Deltas are of the vol
        that an option's own midpoint implies.

        Raises
        ------
        InputError
            When expirations are wanted that were left out on reading.
        """
        if dte + slack > self.max_dte:
            rule = f"expirations of more than {self.max_dte} days were not read"
            raise InputError("dte", f"{dte} +-{slack}", rule, "choose fewer days, or read with a larger max_dte")
        captured = self.captured[place]
        day, chain = self.days[place], captured.snapshot.chain
        near = [q for q in captured.snapshot.slices if q.expiration > day and abs(q.dte - dte) <= slack]
        for quotes in sorted(near, key=lambda q: (abs(q.dte - dte), q.dte, -len(q.strike), q.root)):
            series = Series(quotes.root, quotes.expiration)
            table = captured.table(series)
            if table is None:
                continue
            quoted = np.flatnonzero(np.isfinite(table.bid) & np.isfinite(table.ask))
            columns = (table.right, table.strike, table.bid, table.ask, table.delta)
            return Board(series, quotes.dte, chain.spot, *(column[quoted] for column in columns))
        return None

    def marks(self, place: int, requests: Sequence[Request]) -> list[Marks]:
        """Quotes where they stand, else bid and ask around the smile, else nothing."""
        return [self._marked(self.captured[place], one) for one in requests]

    def _marked(self, captured: RecordedDay, request: Request) -> Marks:
        shape = len(request.strike)
        bid, ask = np.full(shape, np.nan), np.full(shape, np.nan)
        origin = np.full(shape, CARRIED, dtype=np.int64)
        quotes = captured.slice_of(request.series)
        if quotes is None:
            return Marks(bid, ask, origin)
        at = np.minimum(np.searchsorted(quotes.strike, request.strike), len(quotes.strike) - 1)
        is_call = request.right > 0
        found_bid = np.where(is_call, quotes.call_bid[at], quotes.put_bid[at])
        found_ask = np.where(is_call, quotes.call_ask[at], quotes.put_ask[at])
        quoted = (quotes.strike[at] == request.strike) & np.isfinite(found_bid) & np.isfinite(found_ask)
        bid[quoted], ask[quoted], origin[quoted] = found_bid[quoted], found_ask[quoted], QUOTED
        lost = np.flatnonzero(~quoted)
        table = captured.table(request.series) if len(lost) else None
        if table is not None:
            tick = self.settlement(request.series.root).tick
            bid[lost], ask[lost] = smile_quotes(table, request.right[lost], request.strike[lost], tick)
            origin[lost] = np.where(np.isfinite(bid[lost]), BY_SMILE, CARRIED)
        return Marks(bid, ask, origin)

    def iv_history(self, tenor_days: int = IVR_TENOR_DAYS) -> IvHistory:
        """The symbol's own IV10 or IV30, one value a captured day.

        Raises
        ------
        InputError
            When the tenor is neither.
        """
        if tenor_days not in (10, 30):
            raise InputError("ivr_tenor", tenor_days, "is no tenor of recorded chains", "choose 10 or 30")
        values = [day.snapshot.iv.iv10 if tenor_days == 10 else day.snapshot.iv.iv30 for day in self.captured]
        closes = pd.Series(values, index=pd.DatetimeIndex(self.days, name="date"), dtype=float)
        series = f"{self.symbol} IV{tenor_days}"
        return IvHistory(series, tenor_days, closes, proxy=False, note=f"{series}: {self.symbol}'s own, of {self.name}")


def smile_quotes(table: OptionTable, right: Array, strike: Array, tick: float) -> tuple[Array, Array]:
    """Bid and ask of options without a quote of their own.

    The value is that of the smile, at least what immediate exercise pays where that is allowed. Half-spreads are those
    of the strikes of the same right that are quoted, interpolated, and that of the outermost one beyond them. Rounded
    outward to the tick; NaN where the right quotes nothing.
    """
    value = table.smile.value(right, strike)
    if settlement_of(table.root).exercise == "american":
        value = np.maximum(value, right * (table.spot - strike))
    half = np.full(len(strike), np.nan)
    for sign in RIGHT_SIGN.values():
        side = np.flatnonzero((table.right == sign) & np.isfinite(table.bid) & np.isfinite(table.ask))
        if len(side):
            wanted = right == sign
            half[wanted] = np.interp(strike[wanted], table.strike[side], 0.5 * (table.ask - table.bid)[side])
    bid = np.maximum(np.floor((value - half) / tick + TICK_NOISE) * tick, 0.0)
    ask = np.maximum(np.ceil((value + half) / tick - TICK_NOISE) * tick, tick)
    return bid, ask


def _gaps(days: Sequence[date]) -> list[str]:
    """A note of the sessions between the first and the last day that were not captured."""
    expected = sessions(days[0], days[-1]).tolist()
    missing = sorted(set(expected) - set(days))
    if not missing:
        return []
    return [f"{len(missing)} of {len(expected)} sessions without a recorded chain ({_some(missing)})"]


def _some(days: Sequence[date]) -> str:
    shown = ", ".join(str(day) for day in days[:SHOWN])
    return shown + (f" and {len(days) - SHOWN} more" if len(days) > SHOWN else "")
