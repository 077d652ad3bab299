"""Panel from the rows of option files: one capture a day, defects counted, checks per day."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import Provenance
from iwm_opts.errors import DataError
from iwm_opts.kernels.panel import quality as kinds
from iwm_opts.market import capture
from iwm_opts.market.calendar import NEW_YORK, is_session
from iwm_opts.market.near_market import jumps
from iwm_opts.market.panel import DEFECTS, Panel, Places, taken
from iwm_opts.market.panel_captures import one_capture_a_day, without_stray_days
from iwm_opts.market.panel_grid import Grid, daily_spots, quote_moments, strike_pairs
from iwm_opts.market.quote_rows import Flags, QuoteRows, Report, contract_key, counts_by_day, source_of
from iwm_opts.market.second_market import AWAY, FAR, FEWEST, YEARLY, second_market

FEWEST_BREAKS: Final = 4  # neighbouring pairs of a day out of parity with each other that a second market may explain


def panel_of_rows(
    rows: QuoteRows,
    *,
    name: str,
    symbol: str,
    provenance: Provenance,
    report: Report,
    session: str | None = None,
    fullest: int = 0,
    rate: float | None = None,
) -> Panel | None:
    """Panel of the days of some rows; None where no day is left.

    Parameters
    ----------
    rows : QuoteRows
        In any order.
    report : Report
        Receives refused days and warnings.
    session : str, optional
        Label of a capture, or HH:MM; the latest within the session, else the latest, unless given.
    fullest : int
        Rows of the fullest day known so far: days with hardly any are refused.
    rate : float, optional
        Rate that the options were priced at, where the source says.

    Raises
    ------
    DataError
        When two files hold the same capture of a day with different quotes.
    """
    if (rows.day[1:] < rows.day[:-1]).any():
        rows = rows.take(np.argsort(rows.day, kind="stable"))
    rows = without_stray_days(rows, fullest, report)
    rows = one_capture_a_day(rows, session, report)
    if not len(rows):
        return None
    day, starts = np.unique(rows.day.astype(np.int64), return_index=True)
    place = np.repeat(np.arange(len(day)), np.diff([*starts, len(rows)]))
    refused = _no_market(rows, day, place, report)
    stale = counts_by_day(rows.expiration < rows.day, place, len(day))
    stale = _frozen(rows, day, place, stale, report)
    kept = ~refused[place]
    if not kept.any():
        return None
    rows, place = rows.take(kept), place[kept]
    rows, place, key = _sorted(rows, place)
    rows, place, key, duplicate = _without_duplicates(rows, place, key, day, refused, report)
    grid = Grid.of(rows, place, key)
    left_over = _second_markets(rows, place, day, grid, refused, report)
    if left_over.any():
        rows, place, key = rows.take(~left_over), place[~left_over], key[~left_over]
        grid = Grid.of(rows, place, key)
    del key
    spot = daily_spots(rows, place, day, grid, refused, report)
    counts = np.empty((grid.slices, kinds.COUNTS), dtype=np.int64)
    quotes = grid.cleaned(spot[grid.place], counts)
    defects = _defects(counts, grid.place, duplicate, stale, len(day))
    for missing in np.flatnonzero((defects[:, DEFECTS.index("usable")] == 0) & ~refused):
        source = source_of(rows, day, int(missing), place)
        report.refuse(int(day[missing]), capture.nothing_usable(source, f"{defects[missing, 0]} rows"))
        refused[missing] = True
    for at in np.flatnonzero(~refused):
        locked, usable = (int(defects[at, DEFECTS.index(name)]) for name in ("locked", "usable"))
        if text := capture.without_spreads(locked, usable):
            report.warn(int(day[at]), text)
    moment, is_timed = quote_moments(rows, place, day, report)
    panel = grid.panel(name, symbol, provenance, rows.roots, day, moment, is_timed, spot, quotes, defects)
    panel = replace(panel, rate=np.full(len(panel), np.nan if rate is None else rate))
    slices, kept = (panel.years > 0.0) & ~refused[panel.slice_day], ~refused  # without what has expired
    if not kept.any():
        return None
    return panel if slices.all() and kept.all() else taken(panel, kept, slices)


def _no_market(rows: QuoteRows, day: Places, place: Places, report: Report) -> Flags:
    """Days without a session, without one side, or of zeros; each is reported."""
    count = np.bincount(place, minlength=len(day))
    calls = counts_by_day(rows.sign > 0, place, len(day))
    zeros = counts_by_day((np.nan_to_num(rows.bid) == 0.0) & (np.nan_to_num(rows.ask) == 0.0), place, len(day))
    refused = np.zeros(len(day), dtype=np.bool_)
    for at in range(len(day)):
        when = date.fromordinal(int(day[at]))
        error = None
        if not is_session(when):
            error = capture.closed_exchange(source_of(rows, day, at, place), when)
        elif calls[at] in (0, count[at]):
            error = capture.one_sided(source_of(rows, day, at, place), "calls" if calls[at] == 0 else "puts", count[at])
        elif zeros[at] > capture.ALL_ZERO * count[at]:
            error = capture.all_zero(source_of(rows, day, at, place), zeros[at] / count[at], count[at])
        if error is not None:
            report.refuse(int(day[at]), error)
            refused[at] = True
    return refused


def _frozen(rows: QuoteRows, day: Places, place: Places, stale: Places, report: Report) -> Places:
    """Stale rows a day: all of them where no contract has traded since an earlier day."""
    if rows.traded is None:
        return stale
    starts = np.searchsorted(place, np.arange(len(day)))
    newest = np.fmax.reduceat(rows.traded, starts)
    count = np.bincount(place, minlength=len(day))
    for at in np.flatnonzero(np.isfinite(newest)):
        last = datetime.fromtimestamp(float(newest[at]), NEW_YORK)
        when = date.fromordinal(int(day[at]))
        if last.date() < when:
            report.warn(int(day[at]), capture.no_trade_since(last, when))
            stale[at] = count[at]
    return stale


def _sorted(rows: QuoteRows, place: Places) -> tuple[QuoteRows, Places, Places]:
    """Rows in order of day, expiration, root, strike and right, with a key that says so."""
    key = contract_key(rows)
    if ((key[1:] >= key[:-1]) | (place[1:] > place[:-1])).all():
        return rows, place, key
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    order = np.empty(len(rows), dtype=np.int64)
    for low, high in zip(starts, [*starts[1:], len(rows)], strict=True):
        order[low:high] = low + np.argsort(key[low:high], kind="stable")
    return rows.take(order), place, key[order]


def _without_duplicates(
    rows: QuoteRows, place: Places, key: Places, day: Places, refused: Flags, report: Report
) -> tuple[QuoteRows, Places, Places, Places]:
    """First row of each contract, and how many rows of each day were left out."""
    again = np.concatenate([[False], (key[1:] == key[:-1]) & (place[1:] == place[:-1])])
    duplicate = counts_by_day(again, place, len(day))
    if not again.any():
        return rows, place, key, duplicate
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
    at = np.flatnonzero(again)
    differs = (rows.bid[at] != rows.bid[first[at]]) | (rows.ask[at] != rows.ask[first[at]])
    differs &= ~(np.isnan(rows.bid[at]) & np.isnan(rows.bid[first[at]]))
    crosses = differs & (rows.file[at] != rows.file[first[at]])
    if crosses.any():
        row = int(at[np.argmax(crosses)])
        raise _two_files(rows, row, int(first[row]))
    differing = np.bincount(place[at[differs]], minlength=len(day))
    for where in np.flatnonzero(differing):
        contracts = int(counts_by_day(place == where, place, len(day))[where] - duplicate[where])
        if differing[where] > capture.TWO_CAPTURES * contracts:
            source = source_of(rows, day, int(where), place)
            report.refuse(int(day[where]), capture.two_captures(source, int(differing[where]), contracts))
            refused[where] = True
        else:
            report.warn(int(day[where]), capture.differing_duplicates(int(duplicate[where]), int(differing[where])))
    kept = ~again
    return rows.take(kept), place[kept], key[kept], duplicate


def _two_files(rows: QuoteRows, row: int, other: int) -> DataError:
    right = "C" if rows.sign[row] > 0 else "P"
    contract = (
        f"{rows.roots[rows.root[row]]} {date.fromordinal(int(rows.expiration[row]))} {rows.strike[row]:g} {right}"
    )
    rule = (
        f"holds {contract} on {date.fromordinal(int(rows.day[row]))} at {rows.bid[row]:g}/{rows.ask[row]:g}, "
        f"{rows.files[rows.file[other]]} at {rows.bid[other]:g}/{rows.ask[other]:g}"
    )
    return DataError(rows.files[rows.file[row]], rule, "leave one of the files out, or choose a capture with `session`")


def _second_markets(rows: QuoteRows, place: Places, day: Places, grid: Grid, refused: Flags, report: Report) -> Flags:
    """Rows of another market than their day's, such as contracts of before a split; each day with some is warned of.

    Days whose market cannot be told are refused. Only days with pairs far out of parity, with neighbouring pairs that
    contradict each other, or with a quote without its pair far from all pairs, are looked at: see
    `market.second_market`.
    """
    left_over = np.zeros(len(rows), dtype=np.bool_)
    pairs = strike_pairs(grid, day)
    farthest = _farthest_unpaired(grid, len(day))
    for at in np.flatnonzero(np.diff(pairs.starts) > FEWEST):
        here = slice(pairs.starts[at], pairs.starts[at + 1])
        low, high = pairs.low[here], pairs.high[here]
        centre = float(np.median(0.5 * (low + high)))
        slack = AWAY * abs(centre) + YEARLY * pairs.years[here] * pairs.strike[here]
        is_far = (high < centre - slack) | (low > centre + slack)
        years, strike = pairs.years[here], pairs.strike[here]
        same = (np.diff(years) == 0.0) & (np.diff(strike) > 0.0)
        breaks = jumps(low, high, strike, same, np.full(len(low), abs(centre)))
        if is_far.sum() >= FEWEST or breaks.sum() >= FEWEST_BREAKS or farthest[at] > FAR * abs(centre):
            members = np.flatnonzero(place == at)
            prices = rows.spot[members]
            spot = float(np.nanmedian(prices)) if np.isfinite(prices).any() else None
            other = second_market(_table(rows.take(members)), pd.Timestamp(date.fromordinal(int(day[at]))), spot)
            if other is not None and not other.is_decided:
                source = source_of(rows, day, int(at), place)
                report.refuse(int(day[at]), DataError(source, other.rule, "remove the rows of one", "spot"))
                refused[at] = True
            elif other is not None:
                left_over[members] = other.rows
                report.warn(int(day[at]), other.note)
    return left_over


def _farthest_unpaired(grid: Grid, days: int) -> NDArray[np.float64]:
    """Distance of the farthest strike without both quotes from the strikes of its slice with both, by day."""
    _, call_ask, _, put_ask = grid.raw
    strike, slice_of = grid.strike, np.repeat(np.arange(grid.slices), np.diff(grid.strike_start))
    paired = (call_ask > 0.0) & (put_ask > 0.0)
    low, high = np.full(grid.slices, np.inf), np.full(grid.slices, -np.inf)
    np.minimum.at(low, slice_of[paired], strike[paired])
    np.maximum.at(high, slice_of[paired], strike[paired])
    outside = ~paired & np.isfinite(low[slice_of])
    slice_of, strike = slice_of[outside], strike[outside]
    farthest = np.zeros(days)
    np.maximum.at(farthest, grid.place[slice_of], np.maximum(low[slice_of] - strike, strike - high[slice_of]))
    return farthest


def _table(rows: QuoteRows) -> pd.DataFrame:
    """Rows as a table of canonical columns, without the day."""
    return pd.DataFrame(
        {
            "expiration": pd.to_datetime([date.fromordinal(int(end)) for end in rows.expiration]),
            "root": [rows.roots[code] for code in rows.root],
            "right": np.where(rows.sign > 0, "C", "P"),
            "strike": rows.strike,
            "bid": rows.bid,
            "ask": rows.ask,
        }
    )


def _defects(counts: NDArray[np.int64], place: Places, duplicate: Places, stale: Places, days: int) -> Places:
    """Columns of `panel.DEFECTS` by day."""
    totals = np.zeros((days, len(DEFECTS)), dtype=np.int64)
    by_name = {
        "rows": kinds.ROWS, "usable": kinds.USABLE, "crossed": kinds.CROSSED, "locked": kinds.LOCKED,
        "zero": kinds.ZERO, "no_bid": kinds.NO_BID, "missing": kinds.MISSING, "off_tick": kinds.OFF_TICK,
        "implausible": kinds.IMPLAUSIBLE, "unpaired": kinds.UNPAIRED,
    }  # fmt: skip
    for name, column in by_name.items():
        totals[:, DEFECTS.index(name)] = np.bincount(place, weights=counts[:, column], minlength=days)
    totals[:, DEFECTS.index("duplicate")], totals[:, DEFECTS.index("stale")] = duplicate, stale
    return totals
