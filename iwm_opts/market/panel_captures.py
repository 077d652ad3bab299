"""Choice of one capture a day among the rows of option files."""

import math
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.market import capture
from iwm_opts.market.calendar import NEW_YORK, in_session
from iwm_opts.market.quality import REPEATED
from iwm_opts.market.quote_rows import Flags, QuoteRows, Report, contract_key

TIMES_A_CAPTURE: Final = 2  # more: times are those of rows, not of captures
STRAY: Final = 0.05  # fraction of the fullest day's rows below which a day is taken for a slip


def without_stray_days(rows: QuoteRows, fullest: int, report: Report) -> QuoteRows:
    day, starts, count = np.unique(rows.day, return_index=True, return_counts=True)
    most = max(int(count.max(initial=0)), fullest)
    stray = count < STRAY * most
    for at in np.flatnonzero(stray):
        file, when = rows.files[rows.file[starts[at]]], date.fromordinal(int(day[at]))
        rule = f"has {counted(count[at], 'rows')} of {when}, while its fullest day has {most}"
        report.refuse(int(day[at]), DataError(f"{file}, {when}", rule, "remove them, or fill the day up"))
    return rows.take(~np.repeat(stray, count)) if stray.any() else rows


def one_capture_a_day(rows: QuoteRows, session: str | None, report: Report) -> QuoteRows:
    """Rows of the capture asked for, or the latest within the session, else the latest, of every day."""
    if rows.label is None and rows.time is None and session is None:
        return rows
    day, starts, count = np.unique(rows.day, return_index=True, return_counts=True)
    keep = np.ones(len(rows), dtype=np.bool_)
    several = np.full(len(day), session is not None)  # days whose rows differ in label or time
    for column in (rows.label, rows.time):
        if session is None and column is not None and len(starts):
            with np.errstate(invalid="ignore"):
                several |= np.minimum.reduceat(column, starts) != np.maximum.reduceat(column, starts)
    for at in np.flatnonzero(several):
        here = slice(int(starts[at]), int(starts[at] + count[at]))
        part = rows.take(here)
        try:
            keep[here] = _capture_of(part, session, report)
            if not keep[here].all():
                report.other_captures[int(day[at])] = int((~keep[here]).sum())
        except DataError as error:
            report.refuse(int(day[at]), error)
            keep[here] = False
    return rows if keep.all() else rows.take(keep)


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
    if chosen:
        key, ours, before = contract_key(rows), captures[chosen].rows, captures[chosen - 1].rows
        _, here, there = np.intersect1d(key[ours], key[before], return_indices=True)
        same = (rows.bid[ours][here] == rows.bid[before][there]) & (rows.ask[ours][here] == rows.ask[before][there])
        if len(here) and float(same.mean()) >= REPEATED:
            report.warn(int(rows.day[0]), capture.REPEATS)
    keep = np.zeros(len(rows), dtype=np.bool_)
    keep[captures[chosen].rows] = True
    return keep


def _captures(rows: QuoteRows) -> Iterator[_Capture]:
    """Return captures of one day; rows whose own times differ make one where no contract occurs twice in a file."""
    label = np.zeros(len(rows), dtype=np.int16) if rows.label is None else rows.label
    time = np.full(len(rows), np.nan) if rows.time is None else rows.time
    key = contract_key(rows)
    for code in np.unique(label):
        members = np.flatnonzero(label == code)
        group = groups_of_captures(key[members], time[members])
        for at in np.unique(group):
            part = members[group == at]
            finite = time[part][np.isfinite(time[part])]
            yield _Capture(part, rows.labels[code], float(finite.max()) if len(finite) else math.nan)


def groups_of_captures(key: NDArray[np.int64], time: NDArray[np.float64]) -> NDArray[np.int64]:
    """Group of each row of a day: its capture.

    Captures have a time in common, or each row has one of its own: of the last quote of its contract. Then the newest
    row of each contract is in the last group, the one before it in the group before.

    Parameters
    ----------
    key : ndarray of int, shape (n,)
        Contract.
    time : ndarray of float, shape (n,)
        NaN where unknown.
    """
    times, place = np.unique(np.where(np.isnan(time), -np.inf, time), return_inverse=True)
    order = np.lexsort((place, key))
    starts = np.concatenate(([True], key[order][1:] != key[order][:-1]))
    steps = np.cumsum(starts | np.concatenate(([True], place[order][1:] != place[order][:-1])))
    last = np.append(np.flatnonzero(starts)[1:] - 1, len(key) - 1)  # the newest of each contract
    age = np.empty(len(key), dtype=np.int64)
    age[order] = steps[last][np.cumsum(starts) - 1] - steps
    most = int(age.max(initial=0))
    return place if most > 0 and len(times) <= TIMES_A_CAPTURE * (most + 1) else most - age


def _is_called(item: _Capture, session: str) -> bool:
    if item.label and item.label.lower() == session.strip().lower():
        return True
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", session.strip())
    if clock is None or item.moment is None:
        return False
    return (item.moment.hour, item.moment.minute) == (int(clock[1]), int(clock[2]))
