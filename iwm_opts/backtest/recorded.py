"""Reading what a backtest on recorded chains needs: a capture of every day, worked out once, and bars beside it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.recorded_market import RecordedDay, RecordedDays
from iwm_opts.conventions import Exercise
from iwm_opts.errors import DataError
from iwm_opts.io.archive import Record
from iwm_opts.io.archive_series import read_series
from iwm_opts.io.chain_file import QUOTE_COLUMNS
from iwm_opts.io.files import read_chains
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.selection import clean_symbol, refuse_days
from iwm_opts.market.bars import load_bars
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.sources.on_day import DEFAULT_SYMBOL
from iwm_opts.sources.recorded import capture_time, recorded_market

__all__ = ["RecordedDays", "recorded_days"]

Progress = Callable[[int, int], None]

RECORD: Final = "record"
MAX_DTE: Final = 120  # calendar days: expirations farther out are not held
BAR_SLACK: Final = 0.01  # share by which a capture may lie outside the day's low and high: before and after hours
BARS_APART: Final = 0.5  # share of days outside, above which the bars are not of this underlying
KINDS_SHOWN: Final = 12


def recorded_days(
    source: str,
    symbol: str | None = None,
    session: str | None = None,
    bars: str | Path | None = None,
    first: date | None = None,
    last: date | None = None,
    *,
    max_dte: int = MAX_DTE,
    rate: float | None = None,
    dividends: DividendSchedule | None = None,
    progress: Progress | None = None,
) -> RecordedDays:
    """Recorded chains as a market for backtests.

    Parameters
    ----------
    source : str
        `record`, the local record, or the path of a chain file of many days.
    symbol : str, optional
        Underlying; of a file needed where it holds several, of the record IWM unless given.
    session : str, optional
        Which capture of each day: label or HH:MM of a file, HH:MM of the record. By default the latest within the
        session, else the latest.
    bars : path, optional
        Daily bars of the underlying (`market.bars.load_bars`), for opens, highs, lows and settlements. Those fetched
        into the record by default, where the source is the record.
    first, last : date, optional
        Days to begin and end with, both included.
    max_dte : int
        Expirations more calendar days away are left out: as many as the entry rule can reach.
    rate : float, optional
        Continuously compounded, annual; unless given, what the file says its options were priced at, else implied from
        each chain.
    dividends : DividendSchedule, optional
        Those fetched into the record by default, where the source is the record.
    progress : callable, optional
        Told how many of how many days are read.

    Raises
    ------
    DataError
        When the source has no readable chain of those days, or the bars are not of this underlying.
    InputError
        When the session is no time, where one is needed, or the rate makes no sense.
    """
    read = _of_record if source == RECORD else _of_file
    name, chains, market_dividends, market_bars = read(source, symbol, session, first, last, progress)
    if rate is None and source != RECORD:
        rate = origin_of(Path(source)).rate
    dividends = dividends or market_dividends
    days, told, refused = [], Counter[str](), list[DataError]()
    examples: dict[str, str] = {}
    for chain in chains:
        if isinstance(chain, DataError):
            refused.append(chain)
            continue
        day, warnings = _worked_out(chain, rate, dividends, max_dte)
        days.append(day)
        for warning in warnings:
            kind = re.sub(r"[-+]?\d[\d.,:-]*", "#", warning)
            told[kind] += 1
            examples.setdefault(kind, warning)
    if not days:
        raise refused[0] if refused else DataError(source, "holds no chain of those days", "widen --from and --to")
    days.sort(key=lambda day: day.snapshot.chain.as_of)
    given = load_bars(bars) if bars is not None else market_bars
    notes = [f"left out: {error.source}: {error.rule}" for error in refused]
    notes += [f"on {count} of {len(days)} days: {examples[kind]}" for kind, count in told.most_common(KINDS_SHOWN)]
    fitting, remark = _fitting(given, days, bars or "the recorded bars")
    return RecordedDays(
        name, tuple(days), fitting, (*notes, *remark), dividends or DividendSchedule((), "not given"), max_dte
    )


Read = tuple[str, Iterable[Chain | DataError], DividendSchedule | None, pd.DataFrame]


def _of_file(
    source: str,
    symbol: str | None,
    session: str | None,
    first: date | None,
    last: date | None,
    progress: Progress | None,
) -> Read:
    chains = read_chains(source, symbol=symbol, session=session, first=first, last=last, progress=progress)
    return f"chains of {Path(source).name}", chains, None, pd.DataFrame()


def _of_record(
    _source: str,
    symbol: str | None,
    session: str | None,
    first: date | None,
    last: date | None,
    progress: Progress | None,
) -> Read:
    market, at = recorded_market(clean_symbol(symbol or DEFAULT_SYMBOL)), capture_time(session)
    days = [day for day in market.days if (first or date.min) <= day <= (last or date.max)]
    if not days:
        refuse_days(market.name, market.days, first, last)

    def chains() -> Iterator[Chain | DataError]:
        for done, day in enumerate(days):
            yield _opened(market.record, market.symbol, day, at)
            if progress:
                progress(done + 1, len(days))

    bars = read_series(market.record, "bars", market.symbol)
    return market.name, chains(), market.dividends, pd.DataFrame() if bars is None else bars


def _opened(record: Record, symbol: str, day: date, at: time | None) -> Chain | DataError:
    try:
        return record.chain(symbol, day, at, QUOTE_COLUMNS)
    except DataError as error:
        return error


def _worked_out(
    chain: Chain, rate: float | None, dividends: DividendSchedule | None, max_dte: int
) -> tuple[RecordedDay, tuple[str, ...]]:
    exercise: Exercise | None = "european" if chain.simulated else None
    known = None if dividends is None else _known(dividends, chain.as_of)
    snapshot = take_snapshot(chain, rate, known, exercise)
    kept = [place for place, q in enumerate(snapshot.slices) if q.dte <= max_dte and q.years > 0.0]
    bare = replace(
        snapshot,
        chain=replace(chain, quotes=chain.quotes.iloc[:0].copy()),  # a mere slice would hold every row
        slices=tuple(snapshot.slices[place] for place in kept),
        forwards=tuple(snapshot.forwards[place] for place in kept),
    )
    return RecordedDay(bare), (*chain.warnings, *snapshot.warnings)


def _known(dividends: DividendSchedule, day: date) -> DividendSchedule:
    """What a day knows: dividends paid so far, from which the next ones are projected."""
    return DividendSchedule(tuple(d for d in dividends.dividends if d.ex_date <= day), dividends.source)


def _fitting(bars: pd.DataFrame, days: list[RecordedDay], name: object) -> tuple[pd.DataFrame, list[str]]:
    """Bars without those that contradict the chain's own spot, and a note of how many.

    Raises
    ------
    DataError
        When most contradict it: bars of another symbol, or restated for a split.
    """
    if bars.empty:
        return bars, []
    spot = pd.Series({pd.Timestamp(d.snapshot.chain.as_of): d.snapshot.chain.spot for d in days})
    both = spot.index.intersection(bars.index)
    low, high = bars.loc[both, "low"] * (1.0 - BAR_SLACK), bars.loc[both, "high"] * (1.0 + BAR_SLACK)
    outside = both[np.asarray((spot[both] < low) | (spot[both] > high))]
    if len(outside) > BARS_APART * len(both):
        first = outside[0]
        rule = (
            f"on {first:%Y-%m-%d} they run from {bars.loc[first, 'low']:g} to {bars.loc[first, 'high']:g}, while the "
            f"chain's spot is {spot[first]:g}"
        )
        raise DataError(f"bars {name}", f"are not of this underlying: {rule}", "give its own --bars, as traded")
    if not len(outside):
        return bars, []
    note = f"{len(outside)} bars contradict the chain's spot and are taken as unknown (first {outside[0]:%Y-%m-%d})"
    return bars.drop(index=outside), [note]
