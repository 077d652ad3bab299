"""Panel: the option quotes of one underlying over many days, as flat arrays over slices (day, root, expiration)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import Provenance
from iwm_opts.market.slices import ExpirySlice

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

CALL_BID, CALL_ASK, PUT_BID, PUT_ASK = range(4)
BAR_FIELDS: Final = ("open", "high", "low", "close")
DEFECTS: Final = (
    "rows", "usable", "crossed", "locked", "zero", "no_bid", "missing", "duplicate", "stale", "off_tick", "implausible",
    "unpaired",
)  # fmt: skip
"""Columns of `Panel.defects`: row counts of `market.quality.QualityReport`."""
WORTH_NAMING: Final = 0.01  # fraction of a day's rows that are unusable, from which a summary names the day
TELLING: Final = ("crossed", "zero", "missing", "duplicate", "stale", "implausible", "off_tick", "unpaired")


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Quotes and underlying of D days, S slices and N strikes.

    Every array is C-contiguous. NaN in a bid and its ask: the option is absent from the source, or its quote is
    unusable. A bid of 0 with an ask: no bid. A bid of 0 with a NaN ask: listed at 0/0.
    """

    name: str
    symbol: str
    provenance: Provenance
    notes: tuple[str, ...]
    roots: tuple[str, ...]
    # Days, shape (D,), ascending.
    day: Places  # ordinal, see `datetime.date.toordinal`
    moment: Array  # POSIX seconds of the quotes, never after the close
    is_timed: Flags  # capture time known; else the close is assumed
    open: Array  # $/share, NaN where unknown, as the next three
    high: Array
    low: Array
    close: Array
    spot: Array  # $/share at `moment`
    dividend: Array  # $/share gone ex since the day before
    rate: Array  # continuously compounded, annual; NaN: implied by parity
    # Slices, sorted by day, expiration and root.
    day_start: Places  # slices of day d: day_start[d] to day_start[d + 1] - 1; shape (D + 1,)
    root: Places  # place in `roots`, shape (S,), as the next four
    expiration: Places  # ordinal
    years: Array  # to the expiry time, ACT/365
    effective_days: Array
    sessions_left: Places
    # Strikes, ascending in each slice.
    strike_start: Places  # strikes of slice s: strike_start[s] to strike_start[s + 1] - 1; shape (S + 1,)
    strike: Array  # shape (N,)
    quotes: Array  # rows CALL_BID, CALL_ASK, PUT_BID, PUT_ASK; shape (4, N)
    defects: Places  # row counts of DEFECTS, shape (D, len(DEFECTS)); all 0 where quotes are a model's
    key: str = ""  # names this content where it is kept on disk; else empty

    def __len__(self) -> int:
        return len(self.day)

    @property
    def dates(self) -> tuple[date, ...]:
        """Days as dates."""
        return dates_of(self.day)

    @property
    def slice_day(self) -> Places:
        """Day of each slice, as a place in the day arrays; shape (S,)."""
        return np.repeat(np.arange(len(self.day)), np.diff(self.day_start))

    @property
    def dte(self) -> Places:
        """Calendar days to expiration, shape (S,)."""
        days: Places = self.expiration - self.day[self.slice_day]
        return days

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, bytes."""
        return sum(getattr(self, name).nbytes for name in ARRAYS)

    def slice_of(self, place: int, root: str, expiration: int) -> int:
        """Slice of a day, root and expiration ordinal; -1 where the day lists none."""
        if root not in self.roots:
            return -1
        first, last = self.day_start[place : place + 2]
        same = (self.expiration[first:last] == expiration) & (self.root[first:last] == self.roots.index(root))
        return int(first + np.argmax(same)) if same.any() else -1

    def expiry_slice(self, index: int) -> ExpirySlice:
        """One slice with views of its quotes."""
        low, high = self.strike_start[index : index + 2]
        place = int(np.searchsorted(self.day_start, index, side="right")) - 1
        return ExpirySlice(
            self.roots[self.root[index]],
            date.fromordinal(int(self.expiration[index])),
            int(self.expiration[index] - self.day[place]),
            float(self.years[index]),
            float(self.effective_days[index]),
            int(self.sessions_left[index]),
            self.strike[low:high],
            *(self.quotes[row, low:high] for row in range(4)),
        )

    def slices(self, place: int) -> list[ExpirySlice]:
        """Slices of one day, in order of expiration and root."""
        return [self.expiry_slice(index) for index in range(self.day_start[place], self.day_start[place + 1])]

    def cut(self, first: date | None = None, last: date | None = None) -> "Panel":
        """Days from `first` to `last`, both included; views where the arrays allow them."""
        low = 0 if first is None else int(np.searchsorted(self.day, first.toordinal()))
        high = len(self) if last is None else int(np.searchsorted(self.day, last.toordinal(), side="right"))
        if (low, high) == (0, len(self)):
            return self
        return self.take_days(low, max(low, high))

    def take_days(self, low: int, high: int) -> "Panel":
        """Days of the places `low` to `high` - 1."""
        first, last = int(self.day_start[low]), int(self.day_start[high])
        begin, end = int(self.strike_start[first]), int(self.strike_start[last])
        days: dict[str, Any] = {name: getattr(self, name)[low:high] for name in DAY_ARRAYS}
        slices: dict[str, Any] = {name: getattr(self, name)[first:last] for name in SLICE_ARRAYS}
        return replace(
            self,
            key=f"{self.key}/{low}-{high}" if self.key else "",
            **days,
            **slices,
            day_start=self.day_start[low : high + 1] - first,
            strike_start=self.strike_start[first : last + 1] - begin,
            strike=self.strike[begin:end],
            quotes=np.ascontiguousarray(self.quotes[:, begin:end]),
        )

    def with_bars(self, bars: pd.DataFrame) -> "Panel":
        """Panel with the open, high, low and close of daily bars; NaN on days without a bar."""
        if bars.empty:
            return self
        days = pd.DatetimeIndex(np.array(self.dates, dtype="datetime64[D]"))
        table = bars.reindex(days)
        columns: dict[str, Any] = {name: table[name].to_numpy(dtype=np.float64, copy=True) for name in BAR_FIELDS}
        return replace(self, **columns)

    def quality_by_year(self) -> dict[int, dict[str, int]]:
        """Row counts by year and kind of defect."""
        years = np.array([day.year for day in self.dates], dtype=np.int64)
        return {
            int(year): dict(zip(DEFECTS, self.defects[years == year].sum(axis=0).tolist(), strict=True))
            for year in np.unique(years)
        }

    def worst_days(self, count: int = 5) -> list[tuple[date, float]]:
        """Days with the largest share of unusable rows, and that share; days without an unusable row are left out."""
        rows, usable = (self.defects[:, DEFECTS.index(name)] for name in ("rows", "usable"))
        share = 1.0 - usable / np.maximum(rows, 1)
        share[rows == 0] = 0.0
        order = np.argsort(-share, kind="stable")[:count]
        return [(date.fromordinal(int(self.day[place])), float(share[place])) for place in order if share[place] > 0.0]

    def quality_summary(self) -> tuple[str, ...]:
        """Return data quality over all days: a line of totals, one a year, one of the worst days."""
        total = Counter(dict(zip(DEFECTS, self.defects.sum(axis=0).tolist(), strict=True)))
        if not total["rows"]:
            return ()
        lines = [f"data quality, {len(self)} days: {_counted(total)}"]
        years = self.quality_by_year()
        if len(years) > 1:
            lines += [f"data quality, {year}: {_counted(counts)}" for year, counts in years.items()]
        worst = ", ".join(f"{day} {share:.0%}" for day, share in self.worst_days() if share >= WORTH_NAMING)
        return (*lines, *([f"data quality, most unusable rows: {worst}"] if worst else []))


DAY_ARRAYS: Final = (
    "day", "moment", "is_timed", "open", "high", "low", "close", "spot", "dividend", "rate", "defects",
)  # fmt: skip
SLICE_ARRAYS: Final = ("root", "expiration", "years", "effective_days", "sessions_left")
ARRAYS: Final = (*DAY_ARRAYS, "day_start", *SLICE_ARRAYS, "strike_start", "strike", "quotes")


def _counted(counts: "dict[str, int]") -> str:
    defects = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in TELLING if counts[name])
    return f"{counts['rows']:,} rows, {counts['usable']:,} usable; {defects or 'no defects'}"


@lru_cache(maxsize=8)
def _dates(days: bytes) -> tuple[date, ...]:
    return tuple(date.fromordinal(day) for day in np.frombuffer(days, dtype=np.int64).tolist())


def dates_of(days: Places) -> tuple[date, ...]:
    """Dates of ordinals."""
    return _dates(days.tobytes())


def taken(panel: Panel, days: Flags, slices: Flags | None = None) -> Panel:
    """Panel of the days, and of their slices, that masks of shape (D,) and (S,) keep."""
    kept = days[panel.slice_day] if slices is None else slices & days[panel.slice_day]
    places = np.flatnonzero(kept)
    strikes, strike_start = gathered(panel.strike_start, places)
    count = np.bincount(panel.slice_day[places], minlength=len(panel))[days]
    by_day: dict[str, Any] = {name: getattr(panel, name)[days] for name in DAY_ARRAYS}
    by_slice: dict[str, Any] = {name: getattr(panel, name)[places] for name in SLICE_ARRAYS}
    return replace(
        panel, **by_day, **by_slice, key="", day_start=np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
        strike_start=strike_start, strike=panel.strike[strikes], quotes=np.ascontiguousarray(panel.quotes[:, strikes]),
    )  # fmt: skip


def joined(panels: Sequence[Panel]) -> Panel:
    """One panel of the days of several of one symbol, ascending; no two may share a day."""
    if len(panels) == 1:
        return panels[0]
    roots = tuple(dict.fromkeys(root for panel in panels for root in panel.roots))
    place = [np.array([roots.index(root) for root in panel.roots], dtype=np.int64) for panel in panels]
    slices = np.cumsum([0, *(len(panel.expiration) for panel in panels)])
    strikes = np.cumsum([0, *(len(panel.strike) for panel in panels)])
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(panel, name) for panel in panels])
        for name in (*DAY_ARRAYS, *SLICE_ARRAYS, "strike")
    }
    arrays["root"] = np.concatenate([codes[panel.root] for codes, panel in zip(place, panels, strict=True)])
    arrays["day_start"] = _offsets([panel.day_start for panel in panels], slices)
    arrays["strike_start"] = _offsets([panel.strike_start for panel in panels], strikes)
    arrays["quotes"] = np.concatenate([panel.quotes for panel in panels], axis=1)
    notes = tuple(dict.fromkeys(note for panel in panels for note in panel.notes))
    panel = replace(panels[0], roots=roots, notes=notes, **arrays)
    order = np.argsort(panel.day, kind="stable")
    if (order == np.arange(len(order))).all():
        return panel
    chosen, day_start = gathered(panel.day_start, order)
    rows, strike_start = gathered(panel.strike_start, chosen)
    days: dict[str, Any] = {name: getattr(panel, name)[order] for name in DAY_ARRAYS}
    by_slice: dict[str, Any] = {name: getattr(panel, name)[chosen] for name in SLICE_ARRAYS}
    return replace(
        panel, **days, **by_slice, day_start=day_start, strike_start=strike_start, strike=panel.strike[rows],
        quotes=np.ascontiguousarray(panel.quotes[:, rows]),
    )  # fmt: skip


def _offsets(starts: Sequence[Places], before: Places) -> Places:
    shifted = [start[:-1] + count for start, count in zip(starts, before[:-1], strict=True)]
    return np.concatenate([*shifted, [before[-1]]]).astype(np.int64)


def gathered(start: Places, order: Places) -> tuple[Places, Places]:
    """Members of ranges in another order of the ranges, and the starts of the ranges in that order."""
    count = np.diff(start)[order]
    ends = np.cumsum(count)
    members = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - count, count) + np.repeat(start[order], count)
    return members, np.concatenate([[0], ends]).astype(np.int64)
