"""Recorded chains opened as a market: out of option files, or out of the local archive."""

from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.recorded import RecordedDays
from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import DataError
from iwm_opts.io.archive import choose
from iwm_opts.io.archive_series import read_series
from iwm_opts.io.bars import load_bars
from iwm_opts.io.chain_file import QUOTE_COLUMNS
from iwm_opts.io.panel_cache import Build, cached_build
from iwm_opts.io.panel_files import read_panel, window
from iwm_opts.io.selection import clean_symbol, raise_no_days
from iwm_opts.io.series_notes import series_notes
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.panel import Panel
from iwm_opts.market.panel_rows import panel_of_rows
from iwm_opts.market.panel_terms import panel_terms
from iwm_opts.market.quote_rows import Report, rows_of_chain, rows_together
from iwm_opts.sources.on_day import DEFAULT_SYMBOL
from iwm_opts.sources.recorded import RecordedMarket, capture_time, recorded_market

Progress = Callable[[int, int], None]

ARCHIVE_NAMES: Final = frozenset({"archive", "record"})  # of the local archive as a source
MAX_DTE: Final = 120  # calendar days: expirations farther out are not held
BAR_SLACK: Final = 0.01  # fraction by which a capture may lie outside the day's low and high: before and after hours
BARS_APART: Final = 0.5  # fraction of days outside, above which the bars are of another underlying


def recorded_days(
    source: str | Sequence[str],
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
    """Return recorded chains as a market for backtests.

    Parameters
    ----------
    source : str or sequence of str
        `archive` (or `record`), the local archive, or files, folders and globs of option chains.
    symbol : str, optional
        Underlying; of files needed where they hold several, of the archive IWM unless given.
    session : str, optional
        Capture of each day: label or HH:MM of files, HH:MM of the archive. By default the latest within the session,
        else the latest.
    bars : path, optional
        Daily bars of the underlying (`io.bars.load_bars`), for opens, highs, lows and settlements. Those fetched
        into the archive by default, where the source is the archive.
    first, last : date, optional
        Days to begin and end with, both included.
    max_dte : int
        Calendar days to the farthest expiration that the entry rule can reach.
    rate : float, optional
        Continuously compounded, annual; unless given, the rate that the files name, else implied from each chain.
    dividends : DividendSchedule, optional
        Those fetched into the archive by default, where the source is the archive.
    progress : callable, optional
        Called with rows read and rows to read, or captures.

    Raises
    ------
    DataError
        When the source has no readable chain of those days, or the bars are of another underlying.
    InputError
        When the session is not a time, where one is needed, or the rate is invalid.
    """
    sources = [source] if isinstance(source, str) else list(source)
    stored_bars, stored_dividends = pd.DataFrame(), None
    if is_archive(sources):
        archive = recorded_market(clean_symbol(symbol or DEFAULT_SYMBOL))
        panel = _of_archive(archive, capture_time(session), first, last, progress)
        kept = read_series(archive.record, "bars", archive.symbol)
        stored_bars = pd.DataFrame() if kept is None else kept
        stored_dividends = archive.dividends
    else:
        panel = read_panel(sources, symbol, session, first, last, max(max_dte, MAX_DTE), progress)
    given = load_bars(bars, panel.symbol) if bars is not None else stored_bars
    fitting, remarks = _fitting(given, panel, bars or "the recorded bars")
    remarks = [*series_notes({"bars": given, "dividends": dividends}), *remarks]
    return RecordedDays(
        panel.with_bars(fitting),
        panel_terms(panel, rate, dividends or stored_dividends),
        fitting,
        dividends or stored_dividends,
        max_dte,
        tuple(remarks),
        _settling_days(panel, fitting, last),
    )


def is_archive(source: str | Sequence[str]) -> bool:
    """Whether a source is the local archive."""
    return source in ARCHIVE_NAMES if isinstance(source, str) else [*source] in [[name] for name in ARCHIVE_NAMES]


def _settling_days(panel: Panel, bars: pd.DataFrame, last: date | None) -> tuple[date, ...]:
    """Session after the last capture where a listed series settles then, and the next one; only those with a bar."""
    if bars.empty:
        return ()
    captured = panel.dates[-1]
    behind = [day.date() for day in bars.index[bars.index > pd.Timestamp(captured)]][:2]
    expirations = {date.fromordinal(day) for day in np.unique(panel.expiration).tolist() if day > captured.toordinal()}
    if not behind or behind[0] not in {latest_session(day) for day in expirations}:
        return ()
    return tuple(day for day in behind if day <= (last or date.max))


def _of_archive(
    market: RecordedMarket, at: time | None, first: date | None, last: date | None, progress: Progress | None
) -> Panel:
    """Panel of the captures of an archive."""
    days = [day for day in market.days if (first or date.min) <= day <= (last or date.max)]
    if not days:
        raise_no_days(market.name, market.days, first, last)
    record, symbol = market.record, market.symbol
    captured = {
        day: [capture for capture in record.captures(symbol, day) if at is None or capture.is_at(at)] for day in days
    }
    chosen = [capture.path for ones in captured.values() if (capture := choose(ones)) is not None]

    def build() -> Build:
        report = Report()
        chains: list[Chain] = []
        for done, day in enumerate(days):
            try:
                chains.append(record.chain(symbol, day, at, QUOTE_COLUMNS))
            except DataError as error:
                report.refuse(day.toordinal(), error)
            if progress:
                progress(done + 1, len(days))
        if not chains:
            raise report.errors[0]
        for chain in chains:
            for warning in chain.warnings:
                report.warn(chain.as_of.toordinal(), warning)
        counts = Report()
        panel = panel_of_rows(
            rows_together([rows_of_chain(chain) for chain in chains]),
            name=market.name,
            symbol=symbol,
            provenance=Provenance.of(simulated=chains[-1].simulated, modelled=chains[-1].modelled),
            report=counts,
        )
        report.refused |= counts.refused
        if panel is None:
            raise counts.errors[0]
        return Build(panel, report, ())

    options = {"archive": str(record.folder), "symbol": symbol, "at": str(at), "days": [str(day) for day in days]}
    return window(cached_build(chosen, options, build), [Path(market.name)], None, None)


def _fitting(bars: pd.DataFrame, panel: Panel, name: object) -> tuple[pd.DataFrame, list[str]]:
    """Bars without those that contradict the chain's spot, and a note of how many.

    Raises
    ------
    DataError
        When most contradict it: bars of another symbol, or restated for a split.
    """
    if bars.empty:
        return bars, []
    spot = pd.Series(panel.spot, index=pd.DatetimeIndex(panel.dates))
    shared = spot.index.intersection(bars.index)
    low, high = bars.loc[shared, "low"] * (1.0 - BAR_SLACK), bars.loc[shared, "high"] * (1.0 + BAR_SLACK)
    outside = shared[np.asarray((spot[shared] < low) | (spot[shared] > high))]
    if len(outside) > BARS_APART * len(shared):
        first = outside[0]
        rule = (
            f"on {first:%Y-%m-%d} they run from {bars.loc[first, 'low']:g} to {bars.loc[first, 'high']:g}, while the "
            f"chain's spot is {spot[first]:g}"
        )
        raise DataError(f"bars {name}", f"are not of this underlying: {rule}", "give its own `bars`, as traded", "spot")
    if not len(outside):
        return bars, []
    are = counted(len(outside), "bars contradict the chain's spot and are", "bar contradicts the chain's spot and is")
    note = f"{are} taken as unknown (first {outside[0]:%Y-%m-%d})"
    return bars.drop(index=outside), [note]
