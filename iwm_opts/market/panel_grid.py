"""Rows laid out by day, series and strike, with clocks; spots and second markets by parity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import ASSUMED_RATE, DAYS_PER_YEAR, Provenance
from iwm_opts.kernels.panel import quality as kinds
from iwm_opts.kernels.panel.implied_rate import parity_forwards
from iwm_opts.kernels.panel.quality import clean_quotes
from iwm_opts.market import capture
from iwm_opts.market.calendar import NEW_YORK, at_close, clocks, expiry_moment, session_hours
from iwm_opts.market.contract import settlement_of
from iwm_opts.market.panel import Panel, Places
from iwm_opts.market.quote_rows import STRIKE_BITS, Array, Flags, QuoteRows, Report, source_of

NEAREST: Final = 3  # expirations that a spot is looked for in


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Rows laid out by slice and strike, calls and puts side by side."""

    place: Places  # day of each slice
    root: Places
    expiration: Places
    strike_start: Places
    strike: Array
    raw: Array  # (4, N)
    has: Flags  # (2, N)
    is_american: Flags  # of each slice
    tick: Array

    @property
    def slices(self) -> int:
        return len(self.place)

    @classmethod
    def of(cls, rows: QuoteRows, place: Places, key: Places) -> "Grid":
        strikes = key >> 1
        same_day = place[1:] == place[:-1]
        new_strike = np.concatenate([[True], ~((strikes[1:] == strikes[:-1]) & same_day)])
        series = strikes >> STRIKE_BITS
        new_slice = np.concatenate([[True], ~((series[1:] == series[:-1]) & same_day)])
        at = np.cumsum(new_strike) - 1
        count = int(at[-1]) + 1
        raw, has = np.full((4, count), np.nan), np.zeros((2, count), dtype=np.bool_)
        for side, mine in enumerate((rows.sign > 0, rows.sign < 0)):
            to = at[mine]
            raw[2 * side, to], raw[2 * side + 1, to], has[side, to] = rows.bid[mine], rows.ask[mine], True
        first = np.flatnonzero(new_slice)
        start = np.concatenate([at[first], [count]]).astype(np.int64)
        rules = [settlement_of(root) for root in rows.roots]
        root = rows.root[first].astype(np.int64)
        return cls(
            place[first].astype(np.int64), root, rows.expiration[first].astype(np.int64), start,
            rows.strike[new_strike].astype(np.float64), raw, has,
            np.array([rule.exercise == "american" for rule in rules])[root],
            np.array([rule.tick for rule in rules])[root],
        )  # fmt: skip

    def cleaned(self, spot: Array, counts: NDArray[np.int64]) -> Array:
        """Usable quotes, shape (4, N); `counts` (S, COUNTS) is written."""
        quotes = np.empty_like(self.raw)
        clean_quotes(
            self.strike_start, self.is_american, self.tick, np.ascontiguousarray(spot), self.strike, self.raw, self.has,
            quotes, counts,
        )  # fmt: skip
        return quotes

    def panel(
        self,
        name: str,
        symbol: str,
        provenance: Provenance,
        roots: tuple[str, ...],
        day: Places,
        moment: Array,
        is_timed: Flags,
        spot: Array,
        quotes: Array,
        defects: Places,
    ) -> Panel:
        """Panel, with the clocks of its slices and unknown bars."""
        day_start = np.searchsorted(self.place, np.arange(len(day) + 1)).astype(np.int64)
        years, effective, remaining = slice_clocks(moment, self.place, self.expiration, self.root, roots)
        unknown = [np.full(len(day), np.nan) for _ in range(5)]
        return Panel(
            name=name,
            symbol=symbol,
            provenance=provenance,
            notes=(),
            roots=roots,
            day=day,
            moment=moment,
            is_timed=is_timed,
            open=unknown[0],
            high=unknown[1],
            low=unknown[2],
            close=unknown[3],
            spot=spot,
            dividend=np.zeros(len(day)),
            rate=unknown[4],
            day_start=day_start,
            root=self.root,
            expiration=self.expiration,
            years=years,
            effective_days=effective,
            sessions_left=remaining,
            strike_start=self.strike_start,
            strike=self.strike,
            quotes=quotes,
            defects=defects,
        )


def slice_clocks(
    moment: Array, place: Places, expiration: Places, root: Places, roots: Sequence[str]
) -> tuple[Array, Array, Places]:
    """Years, effective days and sessions left of slices; less the last session where a root settles on the open.

    Parameters
    ----------
    moment : shape (D,)
        POSIX seconds, ascending.
    place, expiration, root : shape (S,)
        Day, ordinal of the expiration and place in `roots`.
    """
    moments = [datetime.fromtimestamp(seconds, NEW_YORK) for seconds in moment.tolist()]
    days, which = np.unique(expiration, return_inverse=True)
    dates = [date.fromordinal(int(day)) for day in days]
    years, effective, remaining = clocks(moments, place, expiration)
    on_open = np.array([settlement_of(name).settles_on == "open" for name in roots], dtype=np.bool_)[root]
    if on_open.any():
        session = np.zeros(len(days))
        for at in np.unique(which[on_open]):
            opened, closed = session_hours(expiry_moment(dates[at]).date())
            session[at] = (closed - opened).total_seconds() / 86_400.0  # of a day that is a session, weight 1
        share = np.where(on_open, session[which], 0.0)
        years, effective = years - share / DAYS_PER_YEAR, effective - share
        remaining = remaining - (on_open & (remaining > 0))
    return years, effective, remaining.astype(np.int64)


def quote_moments(rows: QuoteRows, place: Places, day: Places, report: Report) -> tuple[Array, Flags]:
    """When the quotes of each day were valid, POSIX seconds: never after the close; and whether a time is known."""
    close = np.array([at_close(date.fromordinal(int(ordinal))).timestamp() for ordinal in day])
    if rows.time is None:
        return close, np.zeros(len(day), dtype=np.bool_)
    moment = np.full(len(day), -np.inf)
    has_time = np.isfinite(rows.time)
    np.maximum.at(moment, place[has_time], rows.time[has_time])
    is_timed = np.isfinite(moment)
    for at in np.flatnonzero(is_timed):
        when, newest = date.fromordinal(int(day[at])), datetime.fromtimestamp(float(moment[at]), NEW_YORK)
        if newest.date() < when:
            report.warn(int(day[at]), capture.of_an_earlier_day(newest, when))
            is_timed[at] = False
    return np.where(is_timed, np.minimum(moment, close), close), is_timed


def daily_spots(
    rows: QuoteRows,
    place: Places,
    day: Places,
    grid: Grid,
    refused: Flags,
    report: Report,
) -> Array:
    """Spot of each day: the median of its rows, else by parity; compared with the spot that parity implies."""
    centre, fit, count = _parity_fit(grid, day)
    implied, expiration = _parity_spot(grid, rows, place, day)
    starts = np.searchsorted(place, np.arange(len(day)))
    stops = np.searchsorted(place, np.arange(len(day)), side="right")
    column = np.where(rows.spot > 0.0, rows.spot, np.nan)
    spot = np.full(len(day), np.nan)
    for at in np.flatnonzero(stops > starts):
        source = source_of(rows, day, int(at), place)
        if count[at] >= capture.PARITY_STRIKES and fit[at] < capture.PARITY_FIT:
            report.refuse(int(day[at]), capture.out_of_parity(source, float(fit[at]), int(count[at])))
            refused[at] = True
            continue
        quoted, origin = _quoted_spot(column[starts[at] : stops[at]]), "file"
        if math.isnan(quoted):
            if math.isnan(implied[at]):
                report.refuse(int(day[at]), capture.no_spot(source))
                refused[at] = True
                continue
            near = date.fromordinal(int(expiration[at]))
            report.warn(int(day[at]), capture.estimated_spot(implied[at], near))
            quoted, origin = float(implied[at]), f"estimated by put-call parity of {near}"
        elif math.isfinite(implied[at]) and abs(quoted / implied[at] - 1.0) > capture.SPOT_GAP:
            near = date.fromordinal(int(expiration[at]))
            report.warn(int(day[at]), capture.far_spot(quoted, origin, implied[at], near))
        if abs(quoted / centre[at] - 1.0) > capture.FAR_SPOT:
            report.refuse(int(day[at]), capture.wrong_spot(source, quoted, origin, centre[at]))
            refused[at] = True
        spot[at] = quoted
    return spot


def _quoted_spot(column: Array) -> float:
    first = column[0]
    if (column == first).all():
        return float(first)
    finite = column[np.isfinite(column)]
    return float(np.median(finite)) if len(finite) else math.nan


class _Pairs(NamedTuple):
    """Strikes with a two-sided call and put, in order of days; arrays of shape (n,)."""

    place: Places  # day
    low: Array  # bounds of call less put plus strike, $/share
    high: Array
    years: Array  # to expiry, at least 0
    strike: Array
    starts: Places  # first pair of each day, shape (D + 1,)


def strike_pairs(grid: Grid, day: Places) -> _Pairs:
    call_bid, call_ask, put_bid, put_ask = grid.raw
    with np.errstate(invalid="ignore"):
        paired = (call_bid > 0.0) & (call_ask >= call_bid) & (put_bid > 0.0) & (put_ask >= put_bid)
    slice_of = np.repeat(np.arange(grid.slices), np.diff(grid.strike_start))[paired]
    place, strike = grid.place[slice_of], grid.strike[paired]
    low, high = (call_bid - put_ask)[paired] + strike, (call_ask - put_bid)[paired] + strike
    years = np.maximum((grid.expiration[slice_of] - day[place]) / DAYS_PER_YEAR, 0.0)
    return _Pairs(place, low, high, years, strike, np.searchsorted(place, np.arange(len(day) + 1)).astype(np.int64))


def _parity_fit(grid: Grid, day: Places) -> tuple[Array, Array, Places]:
    """Median of call less put plus strike, fraction of strikes in parity, and strikes compared, by day."""
    _, low, high, years, strike, starts = strike_pairs(grid, day)
    slack = capture.PARITY_SLACK[1] * years * strike
    centre, fit = np.full(len(day), np.nan), np.full(len(day), np.nan)
    count = np.diff(starts).astype(np.int64)
    for at in np.flatnonzero(count >= capture.PARITY_STRIKES):
        here = slice(starts[at], starts[at + 1])
        centre[at] = np.median(0.5 * (low[here] + high[here]))
        room = capture.PARITY_SLACK[0] * abs(centre[at]) + slack[here]
        fit[at] = ((low[here] <= centre[at] + room) & (high[here] >= centre[at] - room)).mean()
    return centre, fit, count


def _parity_spot(grid: Grid, rows: QuoteRows, place: Places, day: Places) -> tuple[Array, Places]:
    """Discounted parity forward of the nearest live expiration of each day, and that expiration."""
    counts = np.empty((grid.slices, kinds.COUNTS), dtype=np.int64)
    quotes = grid.cleaned(np.full(grid.slices, np.nan), counts)
    moment, _ = quote_moments(rows, place, day, Report())
    years, _, _ = slice_clocks(moment, grid.place, grid.expiration, grid.root, rows.roots)
    # Place of each slice's expiration among those of its day that have not passed; roots share it.
    live, new_day = grid.expiration >= day[grid.place], np.diff(grid.place, prepend=-1) != 0
    new = live & (new_day | (np.diff(grid.expiration, prepend=-1) != 0) | ~np.concatenate([[False], live[:-1]]))
    total = np.cumsum(new)
    rank = total - np.maximum.accumulate(np.where(new_day, total - new, 0)) - 1
    near = (years > 0.0) & (rank < NEAREST)
    discount = np.where(near, np.exp(-ASSUMED_RATE * years), np.nan)
    forward = np.empty(grid.slices)
    parity_forwards(grid.strike_start, grid.strike, *quotes, discount, forward)
    places = np.flatnonzero(np.isfinite(forward))
    first, index = np.unique(grid.place[places], return_index=True)
    spot, expiration = np.full(len(day), np.nan), np.zeros(len(day), dtype=np.int64)
    spot[first] = (forward * discount)[places[index]]
    expiration[first] = grid.expiration[places[index]]
    return spot, expiration
