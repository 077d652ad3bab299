"""Rows of option quotes from files and chains, and the report of their defects."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import listed_root
from iwm_opts.market.panel import Places
from iwm_opts.market.quality import right_signs

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
STRIKE_UNITS: Final = 1000  # strikes differ by a tenth of a cent or more
STRIKE_BITS, ROOT_BITS = 28, 8  # of a contract's key: strikes to 268,435 dollars, 256 roots
KINDS_SHOWN: Final = 12
REFUSALS_SHOWN: Final = 20
ROW_COLUMNS: Final = ("day", "expiration", "root", "sign", "strike", "bid", "ask", "spot", "file")
EXTRA_COLUMNS: Final = ("time", "label", "traded", "adjusted")
PLAIN_COLUMNS: Final = ("day", "expiration", "sign", "strike", "bid", "ask", "spot")


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
    adjusted: Array | None = None  # 1.0 of contracts on other deliverables than 100 shares

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: NDArray[np.int64] | Flags | slice) -> "QuoteRows":
        """Return some of the rows."""
        columns = [name for name in (*ROW_COLUMNS, *EXTRA_COLUMNS) if getattr(self, name) is not None]
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


@dataclass(slots=True)
class Report:
    """Remarks on the days of a panel, by ordinal."""

    refused: dict[int, str] = field(default_factory=dict)
    warnings: dict[int, list[str]] = field(default_factory=dict)
    errors: list[DataError] = field(default_factory=list)  # of refused days, in order of discovery
    other_captures: dict[int, int] = field(default_factory=dict)  # rows of captures that were not chosen

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
            self.other_captures.pop(day, None)

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
            shown.append(f"left out: {counted(len(left_out) - len(shown), 'more days')}")
        others = [rows for day, rows in self.other_captures.items() if first <= day <= last and day not in self.refused]
        if others:
            shown.append(f"{sum(others):,} rows of captures not chosen, on {len(others)} of {days} days: left out")
        return (*shown, *(f"on {n} of {days} days: {examples[kind]}" for kind, n in counts.most_common(KINDS_SHOWN)))


def counts_by_day(mask: Flags, place: Places, days: int) -> Places:
    return np.bincount(place[mask], minlength=days).astype(np.int64)


def source_of(rows: QuoteRows, day: Places, at: int, place: Places) -> str:
    """File and day, for a message."""
    row = int(np.searchsorted(place, at))
    file = rows.files[rows.file[min(row, len(rows) - 1)]]
    return f"{file}, {date.fromordinal(int(day[at]))}"


def contract_key(rows: QuoteRows) -> Places:
    """Return the number that orders contracts of a day by expiration, root, strike and right, calls first."""
    ranks = np.argsort(np.argsort(rows.roots))  # by name
    strike = np.rint(rows.strike * STRIKE_UNITS).astype(np.int64)
    key = rows.expiration.astype(np.int64) << (ROOT_BITS + STRIKE_BITS + 1)
    key |= ranks[rows.root].astype(np.int64) << (STRIKE_BITS + 1)
    key |= strike << 1
    return key | (rows.sign < 0)


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
    for column in ("time", "traded", "adjusted"):
        if any(getattr(part, column) is not None for part in parts):
            values = [getattr(part, column) for part in parts]
            arrays[column] = np.concatenate(
                [np.full(len(p), np.nan) if v is None else v for p, v in zip(parts, values, strict=True)]
            )
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


def _recoded(part: QuoteRows, column: str, name: str, names: tuple[str, ...]) -> NDArray[np.int16]:
    """Codes of a column as places among the names of all parts."""
    places = np.array([names.index(value) for value in getattr(part, name)], dtype=np.int16)
    codes: NDArray[np.int16] = places[getattr(part, column)]
    return codes
