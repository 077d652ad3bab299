"""Recorded chains opened as a market over many days: out of option files, or out of the local archive."""

from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import Provenance, counted
from iwm_opts.errors import DataError
from iwm_opts.io.archive import choose
from iwm_opts.io.archive_series import read_series
from iwm_opts.io.bars import load_bars
from iwm_opts.io.chain_file import QUOTE_COLUMNS
from iwm_opts.io.dividends import parse_dividends
from iwm_opts.io.panel_cache import Build, cached_build
from iwm_opts.io.panel_files import read_panel, window
from iwm_opts.io.selection import raise_no_days
from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.panel import Panel
from iwm_opts.market.panel_rows import panel_of_rows
from iwm_opts.market.panel_terms import panel_terms
from iwm_opts.market.quote_rows import Report, rows_of_chain, rows_together
from iwm_opts.sources.recorded_days import RecordedDays
from iwm_opts.sources.recorded_market import RecordedMarket, capture_time
from iwm_opts.sources.source import MAX_DTE, MarketPath, SpanRequest

Progress = Callable[[int, int], None]

BAR_SLACK: Final = 0.01  # fraction by which a capture may lie outside the day's low and high: before and after hours
BARS_APART: Final = 0.5  # fraction of days outside, above which the bars are of another underlying


def recorded_days(sources: str | Sequence[str], request: SpanRequest | None = None) -> RecordedDays:
    """Return recorded chains of files as a market for backtests.

    Parameters
    ----------
    sources : str or sequence of str
        Files, folders and globs of option chains, a day's capture by label or HH:MM: the latest within the session,
        else the latest, unless given.
    request : SpanRequest, optional

    Raises
    ------
    DataError
        When the source has no readable chain of those days, or the bars are of another underlying.
    """
    request = request or SpanRequest()
    sources = [sources] if isinstance(sources, str) else list(sources)
    panel = read_panel(
        sources,
        request.symbol,
        request.session,
        request.first,
        request.last,
        max(request.max_dte, MAX_DTE),
        request.on_progress,
    )
    bars = pd.DataFrame() if request.bars is None else load_bars(request.bars, panel.symbol)
    return days_of_panel(panel, request, bars)


def archive_days(archive: RecordedMarket, request: SpanRequest) -> RecordedDays:
    """Return captures of the local archive, with the bars and dividends fetched into it where the request has none.

    Raises
    ------
    DataError
        When the archive has no readable chain of those days, or the bars are of another underlying.
    InputError
        When the session is not a time.
    """
    panel = archive_panel(archive, capture_time(request.session), request.first, request.last, request.on_progress)
    if request.bars is not None:
        bars = load_bars(request.bars, panel.symbol)
    else:
        kept = read_series(archive.record, "bars", archive.symbol)
        bars = pd.DataFrame() if kept is None else kept
    return days_of_panel(panel, request, bars, archive.dividends)


def archive_panel(
    market: RecordedMarket,
    at: time | None,
    first: date | None,
    last: date | None,
    progress: Progress | None,
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


def ranked_path(market: RecordedDays, request: SpanRequest) -> MarketPath:
    """Path of a market whose gate ranks the history given, else its own.

    Raises
    ------
    DataError
        When the history given has no value on the days of the market.
    """
    history = request.ranked
    if history is None:
        return MarketPath(market, market.iv_history(request.tenor_days))
    if not np.isin(pd.DatetimeIndex(market.days), history.closes.index).any():
        first, last = market.days[0], market.days[-1]
        rule = f"has no value between {first} and {last}"
        raise DataError(history.series, rule, "give a history of those years", "date")
    return MarketPath(market, history, remarks=series_notes({IV_HISTORY: history}))


def days_of_panel(
    panel: Panel, request: SpanRequest, bars: pd.DataFrame, stored: DividendSchedule | None = None
) -> RecordedDays:
    """Days of a panel, with bars that fit its spots, and dividends as given, else as stored."""
    fitting, remarks = fitting_bars(bars, panel, request.bars or "the recorded bars")
    given = request.dividends or None
    if isinstance(given, str):
        given = parse_dividends(given, request.symbol)
    remarks = [*series_notes({"bars": bars, "dividends": given}), *remarks]
    dividends = given or stored
    return RecordedDays(
        panel.with_bars(fitting), panel_terms(panel, request.rate, dividends), fitting, dividends,
        max(request.max_dte, MAX_DTE), tuple(remarks), sessions_behind(panel, fitting, request.last),
    )  # fmt: skip


def sessions_behind(panel: Panel, bars: pd.DataFrame, last: date | None) -> tuple[date, ...]:
    """Session after the last capture where a listed series settles then, and the next one; only those with a bar."""
    if bars.empty:
        return ()
    captured = panel.dates[-1]
    behind = [day.date() for day in bars.index[bars.index > pd.Timestamp(captured)]][:2]
    expirations = {date.fromordinal(day) for day in np.unique(panel.expiration).tolist() if day > captured.toordinal()}
    if not behind or behind[0] not in {latest_session(day) for day in expirations}:
        return ()
    return tuple(day for day in behind if day <= (last or date.max))


def fitting_bars(bars: pd.DataFrame, panel: Panel, name: object) -> tuple[pd.DataFrame, list[str]]:
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
