"""Forward record: probabilities and expectancies stated on a day, and the outcomes of the days after it.

A forecast is one package at the model's fill, managed by its own exits. Later chains mark it once a day, the last
capture of a day replacing those before; the price of the underlying is followed to the expiration. Nothing is fitted.
"""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.atomic import write_durably
from iwm_opts.journal.paper import check_days, kept_rows, marked_once
from iwm_opts.journal.paper_marks import marked, opened, settled
from iwm_opts.journal.paper_trade import Exits, Mark, PaperTrade
from iwm_opts.kernels.backtest.codes import ExitReason
from iwm_opts.market.calendar import latest_session, sessions
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.spreads.screen import Sized

VERSION: Final = 2
READ: Final = (1, 2)  # without provenance until 2
FILE: Final = ("paper", "forecasts.json")
SCREENED: Final = "snapshot"  # origin of the first candidate of a recorded chain
OPENED: Final = "paper"  # origin of a trade opened on paper


@dataclass(frozen=True, slots=True)
class Stated:
    """Figures of a screen; None where undefined."""

    pop: float | None  # under the smile
    pop_real_world: float | None
    prob_touch: float | None
    prob_target: float | None  # P50
    expected_profit: float | None  # managed, dollars a package


@dataclass(frozen=True, slots=True)
class Forecast:
    """One package with its stated figures, and what later chains have shown of it."""

    origin: str
    trade: PaperTrade  # one package at the model's fill, with a mark a day until a rule calls
    stated: Stated
    low: float | None = None  # of the underlying on later days, up to the expiration
    high: float | None = None
    settlement: float | None = None  # price of the underlying at the expiration

    @property
    def day(self) -> date:
        """Day of the quotes."""
        return date.fromisoformat(self.trade.opened[:10])

    @property
    def expiration(self) -> date:
        """Last session of the package."""
        return latest_session(date.fromisoformat(self.trade.expiration))

    @property
    def exit(self) -> Mark | None:
        """First mark that a rule called on, else the settlement; None where neither is known.

        A package with exits settles only where its last session before was marked: without marks a rule may have
        called unseen.
        """
        trade = self.trade
        if trade.due is not None or self.settlement is None:
            return trade.due
        eve = latest_session(self.expiration - timedelta(days=1)).isoformat()
        is_marked = bool(trade.marks) and trade.marks[-1].day >= eve
        return settled(trade, self.settlement)[0] if is_marked or trade.exits == Exits() else None

    @property
    def gain(self) -> float | None:
        """Dollars made by the package's own exits, after fills and fees; None while unknown."""
        return None if self.exit is None else self.trade.gain_at(self.exit)

    @property
    def reached_target(self) -> bool | None:
        """Whether the profit target came first."""
        return None if self.exit is None else self.exit.rule == ExitReason.PROFIT.word

    @property
    def is_profit_at_expiry(self) -> bool | None:
        """Whether the package, held to its expiration, made money after fees."""
        if self.settlement is None:
            return None
        return self.trade.gain_at(settled(self.trade, self.settlement)[0]) > 0.0

    @property
    def is_touched(self) -> bool | None:
        """Whether the underlying reached a short strike; None until the expiration, or without one."""
        low, high = self.low, self.high
        if self.settlement is None or low is None or high is None or not any(leg.count < 0 for leg in self.trade.legs):
            return None
        return any(
            high >= leg.strike if leg.right == "C" else low <= leg.strike for leg in self.trade.legs if leg.count < 0
        )


def forecast(
    sized: Sized, snapshot: Snapshot, exits: ExitLevels, *, origin: str, fees: str, plan: str = ""
) -> Forecast:
    """Forecast of a screened candidate.

    `snapshot`: that it was screened on.
    `exits`: of the screen: the managed figures rest on them.
    `origin`: see `Forecast`.
    `fees`: schedule as `FeeSchedule.parse` reads it.
    """
    candidate, managed = sized.candidate, sized.candidate.managed
    levels = Exits(exits.profit, exits.stop_level(is_credit=candidate.fill.price > 0.0), exits.dte, exits.sessions)
    trade = opened(sized, snapshot, plan=plan, fees=fees, exits=levels, checklist={}, rank=None, contracts=1)
    target, profit = (managed.prob_target, managed.expected_profit) if managed else (math.nan, math.nan)
    figures = (candidate.pop, candidate.pop_real_world, candidate.prob_touch, target, profit)
    return Forecast(origin, trade, Stated(*(None if math.isnan(value) else value for value in figures)))


def advanced(made: Forecast, snapshot: Snapshot) -> Forecast:
    """Forecast with the mark and price of a later chain; unchanged by a chain of another market or time."""
    chain, trade, day = snapshot.chain, made.trade, snapshot.chain.as_of
    is_other = (chain.symbol, chain.provenance.is_real) != (trade.symbol, trade.provenance.is_real)
    if is_other or not made.day < day <= made.expiration:
        return made
    low, high = (
        pick(chain.spot, chain.spot if bound is None else bound) for pick, bound in ((min, made.low), (max, made.high))
    )
    settlement = chain.spot if day == made.expiration else None
    due = trade.due
    if due is None or due.day == day.isoformat():
        with suppress(InputError, DataError):  # a leg without a quote has no mark on that day
            trade = marked_once(trade, marked(trade, snapshot))
    return replace(made, trade=trade, low=low, high=high, settlement=settlement)


def with_bars(made: Forecast, bars: pd.DataFrame) -> Forecast:
    """Forecast with the lows, highs and settlement of daily bars, where they reach the expiration."""
    days = pd.DatetimeIndex(bars.index)
    held = bars[(days > pd.Timestamp(made.day)) & (days <= pd.Timestamp(made.expiration))]
    if held.empty or held.index[-1] != pd.Timestamp(made.expiration):
        return made
    low, high = float(held["low"].min()), float(held["high"].max())
    return replace(
        made,
        low=low if made.low is None else min(low, made.low),
        high=high if made.high is None else max(high, made.high),
        settlement=float(held["close"].iloc[-1]),
    )


def sessions_until(made: Forecast, day: date) -> int:
    return len(sessions(made.day, day)) - 1


@dataclass(frozen=True, slots=True)
class ForecastLog:
    """Forecasts of a local archive, one file that is replaced whole under the archive's lock."""

    record: ChainArchive

    @property
    def path(self) -> Path:
        """File of the log."""
        return self.record.folder.joinpath(*FILE)

    def forecasts(self) -> tuple[Forecast, ...]:
        """All forecasts, ascending by day.

        Raises DataError when the file is damaged or of a later version; it is left as it is.
        """
        made = kept_rows(self.path, "forecasts", Forecast, READ)
        check_days(self.path, (each.trade for each in made))
        return made

    def add(self, made: Forecast) -> None:
        """Log a forecast: of one screen a day the latest, of one trade a day the first."""

        def change(held: tuple[Forecast, ...]) -> tuple[Forecast, ...]:
            twins = [each for each in held if _key(each) == _key(made)]
            if twins and (made.origin == OPENED or made.trade.opened < twins[0].trade.opened):
                return held
            others = [each for each in held if each not in twins]
            return tuple(sorted([*others, made], key=lambda each: each.trade.opened))

        self._change(change)

    def advance(self, snapshot: Snapshot) -> None:
        """Add the mark and price of a chain to every forecast that is still open."""
        self._change(lambda held: tuple(advanced(each, snapshot) for each in held))

    def _change(self, change: Callable[[tuple[Forecast, ...]], tuple[Forecast, ...]]) -> None:
        with self.record.lock():
            before = self.forecasts()
            after = change(before)
            if after != before:
                rows = [asdict(each) for each in after]
                text = json.dumps({"version": VERSION, "forecasts": rows}, indent=1) + "\n"
                write_durably(self.path, text.encode(), is_private=True)


def open_forecasts(record: ChainArchive | None = None) -> ForecastLog:
    """Log of an archive, the user's unless given."""
    return ForecastLog(record or open_record())


def _key(made: Forecast) -> tuple[object, ...]:
    trade = made.trade
    package = (trade.plan, trade.expiration, trade.legs) if made.origin == OPENED else ()
    return made.origin, trade.symbol, made.day, *package
