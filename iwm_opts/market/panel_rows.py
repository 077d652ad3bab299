"""Panel from the rows of option files: one capture a day, defects counted, checks per day."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import ASSUMED_RATE, DAYS_PER_YEAR, Provenance
from iwm_opts.errors import DataError
from iwm_opts.kernels.panel import quality as kinds
from iwm_opts.kernels.panel.implied_rate import parity_forwards
from iwm_opts.kernels.panel.quality import clean_quotes
from iwm_opts.market import capture
from iwm_opts.market.calendar import NEW_YORK, at_close, clocks, expiry_moment, in_session, is_session, session_hours
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import listed_root, settlement_of
from iwm_opts.market.panel import DEFECTS, Panel, Places, taken
from iwm_opts.market.quality import REPEATED, right_signs
from iwm_opts.market.second_market import AWAY, FEWEST, YEARLY, second_market

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

STRIKE_UNITS: Final = 1000  # strikes are told apart to a tenth of a cent
STRIKE_BITS, ROOT_BITS = 28, 8  # of a contract's key: strikes to 268,435 dollars, 256 roots
STRAY: Final = 0.05  # fraction of the fullest day's rows below which a day is taken for a slip
KINDS_SHOWN: Final = 12
REFUSALS_SHOWN: Final = 20
NEAREST: Final = 3  # expirations that a spot is looked for in


@dataclass(frozen=True, slots=True, eq=False)
class QuoteRows:
    """Rows of option quotes of one symbol; arrays of shape (n,), NaN where unknown."""

    day: NDArray[np.int32]  # ordinal
    expiration: NDArray[np.int32]  # ordinal
    root: NDArray[np.int16]  # place in `roots`
    sign: NDArray[np.int8]  # +1 call, -1 put
    strike: Array
    bid: Array
    ask: Array
    spot: Array  # of the underlying, on each row
    roots: tuple[str, ...]
    files: tuple[str, ...]
    file: NDArray[np.int16]  # place in `files`
    time: Array | None = None  # POSIX seconds of the quotes
    label: NDArray[np.int16] | None = None  # place in `labels`
    labels: tuple[str, ...] = ("",)
    traded: Array | None = None  # POSIX seconds of each contract's last trade

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: NDArray[np.int64] | Flags | slice) -> "QuoteRows":
        """Return some of the rows."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self._columns()})

    def _columns(self) -> list[str]:
        return [name for name in (*ROW_COLUMNS, *EXTRA_COLUMNS) if getattr(self, name) is not None]


ROW_COLUMNS: Final = ("day", "expiration", "root", "sign", "strike", "bid", "ask", "spot", "file")
EXTRA_COLUMNS: Final = ("time", "label", "traded")


@dataclass(slots=True)
class Report:
    """Remarks on the days of a panel, by ordinal."""

    refused: dict[int, str] = field(default_factory=dict)
    warnings: dict[int, list[str]] = field(default_factory=dict)
    errors: list[DataError] = field(default_factory=list)  # of refused days, in order of discovery

    def refuse(self, day: int, error: DataError) -> None:
        """Record why a day is left out; the first reason counts."""
        if day not in self.refused:
            self.refused[day] = f"{error.source}: {error.rule}"
            self.errors.append(error)

    def warn(self, day: int, text: str) -> None:
        """Record a warning of a day."""
        self.warnings.setdefault(day, []).append(text)

    def forget(self, days: Places) -> None:
        """Drop the remarks on days that are built anew."""
        for day in days.tolist():
            self.refused.pop(day, None)
            self.warnings.pop(day, None)

    def notes(self, first: int, last: int, days: int) -> tuple[str, ...]:
        """One line a refused day and one a kind of warning, of the days from `first` to `last`.

        A kind of warning is its words without their numbers.
        """
        counts, examples = Counter[str](), dict[str, str]()
        for day, texts in sorted(self.warnings.items()):
            for text in texts if first <= day <= last else ():
                kind = re.sub(r"[-+]?\d[\d.,:-]*", "#", text)
                counts[kind] += 1
                examples.setdefault(kind, text)
        left_out = [f"left out: {why}" for day, why in sorted(self.refused.items()) if first <= day <= last]
        shown = left_out[:REFUSALS_SHOWN]
        if len(left_out) > len(shown):
            shown.append(f"left out: {len(left_out) - len(shown)} more days")
        return (*shown, *(f"on {n} of {days} days: {examples[kind]}" for kind, n in counts.most_common(KINDS_SHOWN)))


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
    order = _by_day(rows.day)
    rows = rows if order is None else rows.take(order)
    rows = _without_stray_days(rows, fullest, report)
    rows = _one_capture_a_day(rows, session, report)
    if not len(rows):
        return None
    day, starts = np.unique(rows.day.astype(np.int64), return_index=True)
    place = np.repeat(np.arange(len(day)), np.diff([*starts, len(rows)]))
    refused = _no_market(rows, day, place, report)
    stale = _counted(rows.expiration < rows.day, place, len(day))
    stale = _frozen(rows, day, place, stale, report)
    kept = ~refused[place]
    if not kept.any():
        return None
    rows, place = rows.take(kept), place[kept]
    rows, place, key = _sorted(rows, place)
    rows, place, key, duplicate = _without_duplicates(rows, place, key, day, report)
    grid = _Grid.of(rows, place, key)
    left_over = _second_markets(rows, place, day, grid, report)
    if left_over.any():
        rows, place, key = rows.take(~left_over), place[~left_over], key[~left_over]
        grid = _Grid.of(rows, place, key)
    del key
    spot = _spot(rows, place, day, grid, refused, report)
    counts = np.empty((grid.slices, kinds.COUNTS), dtype=np.int64)
    quotes = grid.cleaned(spot[grid.place], counts)
    defects = _defects(counts, grid.place, duplicate, stale, len(day))
    for missing in np.flatnonzero((defects[:, DEFECTS.index("usable")] == 0) & ~refused):
        source = _source(rows, day, int(missing), place)
        report.refuse(int(day[missing]), capture.nothing_usable(source, f"{defects[missing, 0]} rows"))
        refused[missing] = True
    moment, is_timed = _moments(rows, place, day, report)
    panel = grid.panel(name, symbol, provenance, rows.roots, day, moment, is_timed, spot, quotes, defects)
    panel = replace(panel, rate=np.full(len(panel), np.nan if rate is None else rate))
    return _without_days(panel, refused)


def _by_day(day: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """Order of rows by day, None where they are in order."""
    return None if (day[1:] >= day[:-1]).all() else np.argsort(day, kind="stable")


def _counted(mask: Flags, place: Places, days: int) -> Places:
    return np.bincount(place[mask], minlength=days).astype(np.int64)


def _source(rows: QuoteRows, day: Places, at: int, place: Places) -> str:
    """File and day, for a message."""
    row = int(np.searchsorted(place, at))
    file = rows.files[rows.file[min(row, len(rows) - 1)]]
    return f"{file}, {date.fromordinal(int(day[at]))}"


def _without_stray_days(rows: QuoteRows, fullest: int, report: Report) -> QuoteRows:
    day, starts, count = np.unique(rows.day, return_index=True, return_counts=True)
    most = max(int(count.max(initial=0)), fullest)
    stray = count < STRAY * most
    for at in np.flatnonzero(stray):
        file, when = rows.files[rows.file[starts[at]]], date.fromordinal(int(day[at]))
        rule = f"has {count[at]} rows of {when}, while its fullest day has {most}"
        report.refuse(int(day[at]), DataError(f"{file}, {when}", rule, "remove them, or fill the day up"))
    return rows.take(~np.repeat(stray, count)) if stray.any() else rows


def _contract_key(rows: QuoteRows) -> Places:
    """Return the number that orders contracts of a day by expiration, root, strike and right, calls first."""
    ranks = np.argsort(np.argsort(rows.roots))  # by name
    strike = np.rint(rows.strike * STRIKE_UNITS).astype(np.int64)
    key = rows.expiration.astype(np.int64) << (ROOT_BITS + STRIKE_BITS + 1)
    key |= ranks[rows.root].astype(np.int64) << (STRIKE_BITS + 1)
    key |= strike << 1
    return key | (rows.sign < 0)


def _one_capture_a_day(rows: QuoteRows, session: str | None, report: Report) -> QuoteRows:
    """Rows of the capture asked for, or the latest within the session, else the latest, of every day."""
    if rows.label is None and rows.time is None and session is None:
        return rows
    day, starts, count = np.unique(rows.day, return_index=True, return_counts=True)
    keep = np.ones(len(rows), dtype=np.bool_)
    several = np.ones(len(day), dtype=np.bool_) if session is not None else _has_several(rows, starts)
    for at in np.flatnonzero(several):
        here = slice(int(starts[at]), int(starts[at] + count[at]))
        part = rows.take(here)
        try:
            keep[here] = _capture_of(part, session, report)
        except DataError as error:
            report.refuse(int(day[at]), error)
            keep[here] = False
    return rows if keep.all() else rows.take(keep)


def _has_several(rows: QuoteRows, starts: Places) -> Flags:
    """Days whose rows differ in label or time."""
    several = np.zeros(len(starts), dtype=np.bool_)
    for column in (rows.label, rows.time):
        if column is not None and len(starts):
            with np.errstate(invalid="ignore"):
                several |= np.minimum.reduceat(column, starts) != np.maximum.reduceat(column, starts)
    return several


class _Capture(NamedTuple):
    rows: NDArray[np.int64]
    label: str
    time: float  # POSIX seconds, NaN where unknown

    @property
    def moment(self) -> datetime | None:
        return None if math.isnan(self.time) else datetime.fromtimestamp(self.time, NEW_YORK)

    @property
    def name(self) -> str:
        words = [self.label, f"{self.moment:%H:%M}" if self.moment else ""]
        return " ".join(filter(None, words)) or "unnamed"


def _capture_of(rows: QuoteRows, session: str | None, report: Report) -> Flags:
    """Rows of the chosen capture of one day; repeats of the capture before are warned of."""
    captures = sorted(_captures(rows), key=lambda item: 0.0 if math.isnan(item.time) else item.time)
    source = f"{rows.files[rows.file[0]]}, {date.fromordinal(int(rows.day[0]))}"
    if session is None:
        within = [at for at, item in enumerate(captures) if item.moment is not None and in_session(item.moment)]
        chosen = within[-1] if within else len(captures) - 1
    else:
        matching = [at for at, item in enumerate(captures) if _is_called(item, session)]
        if not matching:
            raise capture.no_such_session(source, session, [item.name for item in captures])
        chosen = matching[-1]
    if chosen and _repeats(rows, captures[chosen].rows, captures[chosen - 1].rows):
        report.warn(int(rows.day[0]), capture.REPEATS)
    keep = np.zeros(len(rows), dtype=np.bool_)
    keep[captures[chosen].rows] = True
    return keep


def _captures(rows: QuoteRows) -> Iterator[_Capture]:
    """Return captures of one day; rows whose own times differ make one where no contract occurs twice in a file."""
    label = np.zeros(len(rows), dtype=np.int16) if rows.label is None else rows.label
    time = np.full(len(rows), np.nan) if rows.time is None else rows.time
    key = _contract_key(rows)
    for code in np.unique(label):
        members = np.flatnonzero(label == code)
        times = np.unique(time[members])  # NaN counts once
        is_one = len(times) == 1 or len(np.unique(key[members])) == len(members)
        for at in times[:1] if is_one else times:
            same = time[members] == at if not math.isnan(at) else np.isnan(time[members])
            part = members if is_one else members[same]
            finite = time[part][np.isfinite(time[part])]
            yield _Capture(part, rows.labels[code], float(finite.max()) if len(finite) else math.nan)


def _is_called(item: _Capture, session: str) -> bool:
    if item.label and item.label.lower() == session.strip().lower():
        return True
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", session.strip())
    if clock is None or item.moment is None:
        return False
    return (item.moment.hour, item.moment.minute) == (int(clock[1]), int(clock[2]))


def _repeats(rows: QuoteRows, ours: NDArray[np.int64], before: NDArray[np.int64]) -> bool:
    """Whether nearly every quote of a capture is that of the one before."""
    key = _contract_key(rows)
    _, here, there = np.intersect1d(key[ours], key[before], return_indices=True)
    if not len(here):
        return False
    same = (rows.bid[ours][here] == rows.bid[before][there]) & (rows.ask[ours][here] == rows.ask[before][there])
    return float(same.mean()) >= REPEATED


def _no_market(rows: QuoteRows, day: Places, place: Places, report: Report) -> Flags:
    """Days without a session, without one side, or of zeros; each is reported."""
    count = np.bincount(place, minlength=len(day))
    calls = _counted(rows.sign > 0, place, len(day))
    zeros = _counted((np.nan_to_num(rows.bid) == 0.0) & (np.nan_to_num(rows.ask) == 0.0), place, len(day))
    refused = np.zeros(len(day), dtype=np.bool_)
    for at in range(len(day)):
        when = date.fromordinal(int(day[at]))
        error = None
        if not is_session(when):
            error = capture.closed_exchange(_source(rows, day, at, place), when)
        elif calls[at] in (0, count[at]):
            error = capture.one_sided(_source(rows, day, at, place), "calls" if calls[at] == 0 else "puts", count[at])
        elif zeros[at] > capture.ALL_ZERO * count[at]:
            error = capture.all_zero(_source(rows, day, at, place), zeros[at] / count[at], count[at])
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
    key = _contract_key(rows)
    if ((key[1:] >= key[:-1]) | (place[1:] > place[:-1])).all():
        return rows, place, key
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    order = np.empty(len(rows), dtype=np.int64)
    for low, high in zip(starts, [*starts[1:], len(rows)], strict=True):
        order[low:high] = low + np.argsort(key[low:high], kind="stable")
    return rows.take(order), place, key[order]


def _without_duplicates(
    rows: QuoteRows, place: Places, key: Places, day: Places, report: Report
) -> tuple[QuoteRows, Places, Places, Places]:
    """First row of each contract, and how many rows of each day were left out."""
    again = np.concatenate([[False], (key[1:] == key[:-1]) & (place[1:] == place[:-1])])
    duplicate = _counted(again, place, len(day))
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
    differing = _counted_at(place[at[differs]], len(day))
    for where in np.flatnonzero(differing):
        report.warn(int(day[where]), capture.differing_duplicates(int(duplicate[where]), int(differing[where])))
    kept = ~again
    return rows.take(kept), place[kept], key[kept], duplicate


def _counted_at(place: Places, days: int) -> Places:
    return np.bincount(place, minlength=days).astype(np.int64)


def _two_files(rows: QuoteRows, row: int, other: int) -> DataError:
    right = "C" if rows.sign[row] > 0 else "P"
    contract = (
        f"{rows.roots[rows.root[row]]} {date.fromordinal(int(rows.expiration[row]))} {rows.strike[row]:g} {right}"
    )
    rule = (
        f"holds {contract} on {date.fromordinal(int(rows.day[row]))} at {rows.bid[row]:g}/{rows.ask[row]:g}, "
        f"{rows.files[rows.file[other]]} at {rows.bid[other]:g}/{rows.ask[other]:g}"
    )
    return DataError(rows.files[rows.file[row]], rule, "leave one of the files out, or choose a capture with --session")


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
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
    def of(cls, rows: QuoteRows, place: Places, key: Places) -> "_Grid":
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
            self.strike_start, self.is_american, self.tick, np.ascontiguousarray(spot), self.strike, *self.raw,
            *self.has, *quotes, counts,
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
        years, effective, left = slice_clocks(moment, self.place, self.expiration, self.root, roots)
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
            sessions_left=left,
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
    years, effective, left = clocks(moments, place, expiration)
    on_open = np.array([settlement_of(name).settles_on == "open" for name in roots], dtype=np.bool_)[root]
    if on_open.any():
        session = np.zeros(len(days))
        for at in np.unique(which[on_open]):
            opened, closed = session_hours(expiry_moment(dates[at]).date())
            session[at] = (closed - opened).total_seconds() / 86_400.0  # of a day that is a session, weight 1
        share = np.where(on_open, session[which], 0.0)
        years, effective = years - share / DAYS_PER_YEAR, effective - share
        left = left - (on_open & (left > 0))
    return years, effective, left.astype(np.int64)


def _moments(rows: QuoteRows, place: Places, day: Places, report: Report) -> tuple[Array, Flags]:
    """When the quotes of each day were valid, POSIX seconds: never after the close; and whether a time is known."""
    close = np.array([at_close(date.fromordinal(int(ordinal))).timestamp() for ordinal in day])
    if rows.time is None:
        return close, np.zeros(len(day), dtype=np.bool_)
    moment = np.full(len(day), -np.inf)
    has_time = np.isfinite(rows.time)
    np.maximum.at(moment, place[has_time], rows.time[has_time])
    is_timed = np.isfinite(moment)
    return np.where(is_timed, np.minimum(moment, close), close), is_timed


def _spot(
    rows: QuoteRows,
    place: Places,
    day: Places,
    grid: _Grid,
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
        source = _source(rows, day, int(at), place)
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


def _pairs(grid: _Grid, day: Places) -> _Pairs:
    call_bid, call_ask, put_bid, put_ask = grid.raw
    with np.errstate(invalid="ignore"):
        paired = (call_bid > 0.0) & (call_ask >= call_bid) & (put_bid > 0.0) & (put_ask >= put_bid)
    slice_of = np.repeat(np.arange(grid.slices), np.diff(grid.strike_start))[paired]
    place, strike = grid.place[slice_of], grid.strike[paired]
    low, high = (call_bid - put_ask)[paired] + strike, (call_ask - put_bid)[paired] + strike
    years = np.maximum((grid.expiration[slice_of] - day[place]) / DAYS_PER_YEAR, 0.0)
    return _Pairs(place, low, high, years, strike, np.searchsorted(place, np.arange(len(day) + 1)).astype(np.int64))


def _second_markets(rows: QuoteRows, place: Places, day: Places, grid: _Grid, report: Report) -> Flags:
    """Rows of another market than their day's, such as contracts of before a split; each day with some is warned of.

    Only days with pairs far out of parity are looked at: see `market.second_market`.
    """
    left_over = np.zeros(len(rows), dtype=np.bool_)
    pairs = _pairs(grid, day)
    for at in np.flatnonzero(np.diff(pairs.starts) > FEWEST):
        here = slice(pairs.starts[at], pairs.starts[at + 1])
        low, high = pairs.low[here], pairs.high[here]
        centre = float(np.median(0.5 * (low + high)))
        slack = AWAY * abs(centre) + YEARLY * pairs.years[here] * pairs.strike[here]
        if ((high < centre - slack) | (low > centre + slack)).sum() >= FEWEST:
            members = np.flatnonzero(place == at)
            other = second_market(_table(rows.take(members)), pd.Timestamp(date.fromordinal(int(day[at]))), None)
            if other is not None:
                left_over[members] = other.rows
                report.warn(int(day[at]), other.note)
    return left_over


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


def _parity_fit(grid: _Grid, day: Places) -> tuple[Array, Array, Places]:
    """Median of call less put plus strike, fraction of strikes in parity, and strikes compared, by day."""
    _, low, high, years, strike, starts = _pairs(grid, day)
    slack = capture.PARITY_SLACK[1] * years * strike
    centre, fit = np.full(len(day), np.nan), np.full(len(day), np.nan)
    count = np.diff(starts).astype(np.int64)
    for at in np.flatnonzero(count >= capture.PARITY_STRIKES):
        here = slice(starts[at], starts[at + 1])
        centre[at] = np.median(0.5 * (low[here] + high[here]))
        room = capture.PARITY_SLACK[0] * abs(centre[at]) + slack[here]
        fit[at] = ((low[here] <= centre[at] + room) & (high[here] >= centre[at] - room)).mean()
    return centre, fit, count


def _parity_spot(grid: _Grid, rows: QuoteRows, place: Places, day: Places) -> tuple[Array, Places]:
    """Discounted parity forward of the nearest live expiration of each day, and that expiration."""
    counts = np.empty((grid.slices, kinds.COUNTS), dtype=np.int64)
    quotes = grid.cleaned(np.full(grid.slices, np.nan), counts)
    moment, _ = _moments(rows, place, day, Report())
    years, _, _ = slice_clocks(moment, grid.place, grid.expiration, grid.root, rows.roots)
    rank = _rank_of_expiration(grid, day)
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


def _rank_of_expiration(grid: _Grid, day: Places) -> Places:
    """Place of each slice's expiration among those of its day that have not passed; roots share it."""
    live = grid.expiration >= day[grid.place]
    new_day = np.diff(grid.place, prepend=-1) != 0
    new = live & (new_day | (np.diff(grid.expiration, prepend=-1) != 0) | ~np.concatenate([[False], live[:-1]]))
    total = np.cumsum(new)
    before = np.where(new_day, total - new, 0)
    return np.asarray(total - np.maximum.accumulate(before) - 1)


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


def _without_days(panel: Panel, refused: Flags) -> Panel | None:
    """Panel without refused days and slices that have expired."""
    slices = (panel.years > 0.0) & ~refused[panel.slice_day]
    kept = ~refused
    if not kept.any():
        return None
    return panel if slices.all() and kept.all() else taken(panel, kept, slices)


def rows_of_chain(chain: Chain) -> QuoteRows:
    """Rows of a chain, for a panel."""
    table = chain.quotes
    roots, codes = np.unique(table["root"].to_numpy(dtype=object).astype(str), return_inverse=True)
    days = table["expiration"].to_numpy().astype("datetime64[D]").astype(np.int64) + date(1970, 1, 1).toordinal()
    count = len(table)
    time = None
    if chain.quote_time is not None:
        time = np.full(count, chain.quote_time.timestamp())
    strike, bid, ask = (table[name].to_numpy(dtype=np.float64) for name in ("strike", "bid", "ask"))
    return QuoteRows(
        np.full(count, chain.as_of.toordinal(), dtype=np.int32), days.astype(np.int32), codes.astype(np.int16),
        right_signs(table["right"]).astype(np.int8), strike, bid, ask, np.full(count, chain.spot),
        tuple(roots.tolist()), (chain.source,), np.zeros(count, dtype=np.int16), time,
    )  # fmt: skip


def listed_roots(symbol: str, expiration: NDArray[np.int32]) -> tuple[tuple[str, ...], Places]:
    """Roots that expirations of a symbol are listed under where a file does not say, and the place of each row's."""
    days, which = np.unique(expiration, return_inverse=True)
    names = [listed_root(symbol, date.fromordinal(int(day))) for day in days]
    roots = tuple(sorted(set(names)))
    return roots, np.array([roots.index(name) for name in names], dtype=np.int64)[which]


def rows_together(parts: Sequence[QuoteRows]) -> QuoteRows:
    """Rows of several parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    names: dict[str, Any] = {
        name: tuple(dict.fromkeys(value for part in parts for value in getattr(part, name)))
        for name in ("roots", "files", "labels")
    }
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PLAIN_COLUMNS}
    for column, name in (("root", "roots"), ("file", "files")):
        arrays[column] = np.concatenate([_recoded(part, column, name, names[name]) for part in parts])
    for column in ("time", "traded"):
        if any(getattr(part, column) is not None for part in parts):
            arrays[column] = np.concatenate([_or_blank(part, column) for part in parts])
    if any(part.label is not None for part in parts):
        arrays["label"] = np.concatenate(
            [
                _recoded(part, "label", "labels", names["labels"])
                if part.label is not None
                else np.full(len(part), names["labels"].index(""), dtype=np.int16)
                for part in parts
            ]
        )
    return QuoteRows(**arrays, **names)


PLAIN_COLUMNS: Final = ("day", "expiration", "sign", "strike", "bid", "ask", "spot")


def _recoded(part: QuoteRows, column: str, name: str, names: tuple[str, ...]) -> NDArray[np.int16]:
    """Codes of a column as places among the names of all parts."""
    places = np.array([names.index(value) for value in getattr(part, name)], dtype=np.int16)
    codes: NDArray[np.int16] = places[getattr(part, column)]
    return codes


def _or_blank(part: QuoteRows, column: str) -> Array:
    values = getattr(part, column)
    return np.full(len(part), np.nan) if values is None else values
