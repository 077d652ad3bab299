"""Mids and model fills that a log does not know, from chains that were captured at the time.

A broker reports fills, not quotes. Where the local archive, or a chain file, holds a capture of that day within
`TOLERANCE` of the order, its quotes give the package's mid and the model's fill. A fill in the session takes
captures of the session alone: spreads widen after the close.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.execution.fills import FillModel, fill_package
from iwm_opts.execution.legs import Legs
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.files import check_chain_file, load_captures
from iwm_opts.io.history_files import expand
from iwm_opts.journal.packages import LEGGED_OUT
from iwm_opts.journal.trade_log import ENDED, TradeLog
from iwm_opts.market.calendar import NEW_YORK, at_close, is_session, session_hours
from iwm_opts.market.chain import Chain
from iwm_opts.spreads.legs import SAME_STRIKE
from iwm_opts.spreads.typed import TypedLeg, legs_of

Array = NDArray[np.float64]

TOLERANCE: Final = timedelta(minutes=20)  # snapshots are made for every half hour: none is farther from one than 15

NUMBERS: Final = re.compile(r"\d[\d.,:-]*")


class LegQuotes(NamedTuple):
    """Legs of a package as it was opened, with their quotes; arrays of shape (legs,), dollars a share."""

    legs: Legs
    bid: Array
    ask: Array

    def closing(self) -> "LegQuotes":
        """Quotes of the order that closes the package."""
        return self._replace(legs=self.legs.closing())


@dataclass(frozen=True, slots=True)
class FileQuotes:
    """Captures of chain files.

    Raises DataError for a source that is missing or holds no option chain; other files of a folder or a glob are left
    out.
    """

    sources: Sequence[str]
    opened: dict[tuple[str, date], tuple[Chain, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files, brought = expand(self.sources)
        for path in files:
            if path not in brought:
                check_chain_file(path)

    def at(self, symbol: str, day: date) -> tuple[Chain, ...]:
        """Return captures of a symbol on a day; files that hold none of it give none."""
        if (symbol, day) not in self.opened:
            chains: list[Chain] = []
            for path in expand(self.sources)[0]:
                with suppress(DataError):  # of other days
                    chains += load_captures(path, symbol, day)
            self.opened[symbol, day] = tuple(chains)
        return self.opened[symbol, day]

    @property
    def warnings(self) -> list[str]:
        """What the reader of the captures opened so far left out or decided, each kind once with its first day."""
        first: dict[str, str] = {}
        for (_, day), chains in sorted(self.opened.items()):
            for text in (text for chain in chains for text in chain.warnings):
                first.setdefault(NUMBERS.sub("#", text), f"{day}: {text}")
        return list(first.values())


def with_quotes(log: TradeLog, source: ChainArchive | FileQuotes, fill: FillModel) -> TradeLog:
    """Log with the mids, half-spreads and model fills of captured chains; the log's own values are kept.

    Notes how many entries and exits are quoted.
    """
    trades = log.trades.copy()
    counts, untraded = {"entry": 0, "exit": 0}, 0
    for at in trades.index:
        for moment, is_exit in (("entry", False), ("exit", True)):
            columns = [f"{moment}_mid", f"{moment}_model", f"{moment}_half_spread"]
            ended = is_exit and str(trades["reason"][at]) in (*ENDED, LEGGED_OUT, "open")
            if ended or not trades.loc[at, columns].isna().any() or pd.isna(trades[moment][at]):
                continue
            quotes = leg_quotes(trades.loc[at], trades[moment][at], source)
            filled = fill_package(fill, *(quotes.closing() if is_exit else quotes)) if quotes else None
            if filled is None or not filled.is_filled:
                untraded += has_only_untraded(str(trades["symbol"][at]), trades[moment][at], source)
                continue
            counts[moment] += 1
            sign = -1.0 if is_exit else 1.0  # in the log's signs
            values = sign * filled.mid, sign * filled.price, filled.half_spread
            for name, value in zip(columns, values, strict=True):
                trades.loc[at, name] = value if pd.isna(trades.loc[at, name]) else trades.loc[at, name]
    if isinstance(source, ChainArchive):
        name, remarks = "the record", source.set_aside
    else:
        name, remarks = "the files given", source.warnings
    quoted_counts = f"{counted(counts['entry'], 'entries')} and {counted(counts['exit'], 'exits')} quoted by {name}"
    how = f"within {TOLERANCE.seconds // 60} min; model fill {fill}"
    return replace(
        log, trades=trades, notes=(*log.notes, f"{quoted_counts}, {how}", *untraded_note(untraded), *remarks)
    )


def leg_quotes(
    trade: pd.Series, moment: pd.Timestamp, source: ChainArchive | FileQuotes, *, day_at_close: bool = False
) -> LegQuotes | None:
    """Look up the recorded quotes of a trade's legs; None without a capture near, or a two-sided quote each.

    `trade`: row of a log.
    `day_at_close`: take the last capture of the day where the time is unknown.
    """
    chain = _chain_at(source, str(trade["symbol"]), moment, day_at_close)
    if chain is None or pd.isna(trade["expiration"]):
        return None
    try:
        typed = [TypedLeg.parse(leg) for leg in str(trade["legs"]).split()]
        legs = legs_of(typed)
    except InputError:  # legs that expire on several days, or none written
        return None
    rows = chain.rows(trade["expiration"].date())
    quotes = []
    for leg in typed:
        is_right = rows["right"] == ("C" if leg.right > 0 else "P")
        same = rows[is_right & ((rows["strike"] - leg.strike).abs() <= SAME_STRIKE)]
        # A log does not name the root: of SPX and SPXW that expire on one day either may be its leg.
        if same.empty or ("root" in same and len(set(same["root"])) > 1):
            return None
        bid, ask = float(same["bid"].iloc[0]), float(same["ask"].iloc[0])
        if not (0.0 <= bid <= ask and ask > 0.0):
            return None
        quotes.append((bid, ask))
    return LegQuotes(legs, *(np.array(side) for side in zip(*quotes, strict=True)))


def _chain_at(source: ChainArchive | FileQuotes, symbol: str, moment: pd.Timestamp, day_at_close: bool) -> Chain | None:
    """Capture nearest to a time, of the session for a time within it; the last one of a day without a time, or none."""
    is_day = moment == moment.normalize()
    if is_day and not day_at_close:
        return None
    at = moment_or_close(moment)
    captures = _captures(source, symbol, at, timedelta(days=1) if is_day else TOLERANCE)
    if is_day:  # as a screen of that day: the latest within the session, else the nearest to its close
        captures.sort(key=lambda capture: not _is_traded(capture[0]))
    for stamp, open_capture in captures:
        if not is_day and _is_traded(at) and not _is_traded(stamp):
            continue
        with suppress(DataError):  # of a later version
            chain = open_capture()
            if chain is not None:
                return chain
    return None


def _captures(
    source: ChainArchive | FileQuotes, symbol: str, at: datetime, tolerance: timedelta
) -> list[tuple[datetime, Callable[[], Chain | None]]]:
    """List captures within a tolerance of a time, the nearest first: their times, and how to open them."""
    captures: list[tuple[datetime, Callable[[], Chain | None]]]
    if isinstance(source, FileQuotes):
        chains = source.at(symbol, at.date())
        captures = [(ChainArchive.moment_of(chain), partial(_same, chain)) for chain in chains]
    else:
        captures = [(item.stamp, partial(source.open, item)) for item in source.captures(symbol, at.date())]
    near = [capture for capture in captures if abs(capture[0] - at) <= tolerance]
    return sorted(near, key=lambda capture: abs(capture[0] - at))


def _same(chain: Chain) -> Chain:
    return chain


def moment_or_close(moment: pd.Timestamp) -> datetime:
    """Time in New York; the close of a day without one."""
    is_day = moment == moment.normalize()
    return at_close(moment.date()) if is_day else moment.to_pydatetime().replace(tzinfo=NEW_YORK)


def has_only_untraded(symbol: str, moment: pd.Timestamp, source: ChainArchive | FileQuotes) -> bool:
    """Whether a fill in the session has captures near it, all of them from outside the session."""
    if pd.isna(moment) or moment == moment.normalize() or not _is_traded(moment_or_close(moment)):
        return False
    stamps = [stamp for stamp, _ in _captures(source, symbol, moment_or_close(moment), TOLERANCE)]
    return bool(stamps) and not any(map(_is_traded, stamps))


def untraded_note(fills: int) -> tuple[str, ...]:
    """Say that fills in the session are not quoted by captures from outside it."""
    if not fills:
        return ()
    near = f"the captures within {TOLERANCE.seconds // 60} min are from before the open or after the close"
    return (f"{counted(fills, 'fills')} in the session not quoted: {near}",)


def _is_traded(at: datetime) -> bool:
    """Whether a New York time lies within a session, open and close included."""
    if not is_session(at.date()):
        return False
    opened, closed = session_hours(at.date())
    return opened <= at <= closed
