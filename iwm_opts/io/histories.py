"""Histories of option chains into the local archive: files of many days, one capture a day, with a certificate.

    imports/IWM.json

holds, by the SHA-256 of each file read, the quality of its days and why others were left out. A day is added once:
quotes that the archive holds are counted as repeats, others of the same moment as conflicts, and neither replaces them.
"""

import hashlib
import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.archive_iv import check_not_mixed
from iwm_opts.io.chain_file import QUOTE_COLUMNS
from iwm_opts.io.files import read_chains
from iwm_opts.io.opening import as_kind, open_regular, read_object
from iwm_opts.market.calendar import sessions
from iwm_opts.market.chain import Chain, expiry_slices
from iwm_opts.market.contract import check_symbol
from iwm_opts.market.forward import implied_forwards

IMPORTS: Final = "imports"
SUMS: Final = "SHA256SUMS"
AGAIN: Final = "import the files again"
SUM_LINE: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+[*]?(\S.*)")
EVERY: Final = 100  # days after which the ledger is written
ROWS_LEFT_OUT: Final = re.compile(r"\d rows\b.*left out")
COUNTS: Final = ("rows", "usable", "crossed", "zero", "missing", "duplicate", "stale", "off_tick", "implausible")
NEAR_SPOT: Final = 0.05  # fraction of spot within which strikes count for the quoted spread
SPREAD_DTE: Final = (7, 90)  # calendar days to expiration, likewise, and for parity
PARITY_RATE: Final = 0.0  # nothing is discounted: the gap includes a carry of weeks
UNNAMED: Final = "taken for "  # in the warning of a chain whose file names no symbol
OTHER_NAME: Final = "name says "  # likewise where the file's name is another's
FARTHEST: Final = 0.3  # log of a ratio of spots, 1.35 or 0.74, within `WITHIN`; it grows with the root of time
WITHIN: Final = 10  # calendar days: the worst of IWM, to 2020-03-16, was 0.38 in 12
SPLITS: Final = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 50.0)
NEAR_SPLIT: Final = 0.05  # fraction by which the ratio may differ from a split's
Outcome = Literal["recorded", "repeat", "conflict"]
PRECEDENCE: Final[tuple[Outcome, ...]] = ("recorded", "repeat", "conflict")  # of outcomes in the certificate
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DayQuality:
    """Quality of the quotes of one day, in rows unless said."""

    outcome: Outcome  # of a conflict the figures are those of the capture in the archive
    rows: int
    usable: int
    crossed: int
    zero: int
    missing: int
    duplicate: int
    stale: int
    off_tick: int
    implausible: int
    spread: float | None  # median ask less bid near spot, $/share
    parity: float | None  # median |forward / spot - 1|, fraction


@dataclass(slots=True)
class ImportedFile:
    """One file of a history: its content, and the days read from it."""

    name: str
    sha256: str
    bytes: int
    verified: bool = False  # its checksum was given, and is met
    is_whole: bool = False  # read to its end
    days: dict[str, DayQuality] = field(default_factory=dict)  # by ISO date
    left_out: dict[str, str] = field(default_factory=dict)  # reason by ISO date
    warnings: dict[str, list[str]] = field(default_factory=dict)  # of the days read, such as rows left out
    error: str = ""  # why it could not be read
    held: list[str] | None = None  # while it is read: days that the archive had before

    def joined(self, other: Self) -> Self:
        """Join what two processes found that read the file at once."""
        days = other.days | self.days
        days |= {day: quality for day, quality in other.days.items() if quality.outcome == "recorded"}
        is_whole = self.is_whole or other.is_whole
        return replace(
            self,
            verified=self.verified or other.verified,
            is_whole=is_whole,
            days=days,
            left_out=other.left_out | self.left_out,
            warnings=other.warnings | self.warnings,
            error="" if is_whole else self.error,
            held=None if is_whole else other.held or self.held,
        )

    def count(self, outcome: Outcome) -> int:
        """Days with an outcome."""
        return sum(day.outcome == outcome for day in self.days.values())


@dataclass(frozen=True, slots=True)
class YearQuality:
    """Certificate of one year: counts of days and rows, medians over days."""

    year: int
    sessions: int  # from the first to the last day of the history
    days: int
    missing: tuple[date, ...]  # sessions without a day
    counts: dict[str, int]  # rows by COUNTS
    spread: float  # $/share; NaN where unknown, as the next
    parity: float


def checksums(text: str) -> dict[str, str]:
    """SHA-256 by file name out of lines `HASH  NAME`; empty where a line is anything else."""
    sums = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = SUM_LINE.fullmatch(line.strip())
        if match is None:
            return {}
        sums[match[2]] = match[1].lower()
    return sums


class NeighbourSpots:
    """Spots by day of an archive, opened where they are asked for."""

    def __init__(self, record: ChainArchive, symbol: str) -> None:
        self.record, self.symbol = record, symbol
        self.days = record.days(symbol)
        self._spots: dict[date, float] = {}

    def add(self, chain: Chain) -> None:
        """Add a day recorded since."""
        place = bisect_left(self.days, chain.as_of)
        if self.days[place : place + 1] != [chain.as_of]:
            self.days.insert(place, chain.as_of)
            self._spots[chain.as_of] = chain.spot

    def is_unknown(self, chain: Chain) -> bool:
        """Whether nothing names the chain's symbol, and no recorded day tells."""
        return is_unnamed(chain) and not self.days

    def objection(self, chain: Chain, *, is_continued: bool) -> str:
        """Why a chain is not recorded as the symbol's; empty where it is.

        A jump by the ratio of a split is one among days of the same file, where others of it are in line.
        """
        if not is_unnamed(chain):
            return ""
        place, rows = bisect_left(self.days, chain.as_of), counted(len(chain.quotes), "rows")
        around = self.days[max(place - 1, 0) : place + 1]  # last recorded day before it, and the first after
        near = [chain.as_of] if chain.as_of in around else around
        far = []
        for day in near:
            if day not in self._spots:
                self._spots[day] = self.record.chain(self.symbol, day, columns=("strike",)).spot
            spot = self._spots[day]
            days = max(abs((chain.as_of - day).days), WITHIN)
            if abs(math.log(chain.spot / spot)) > FARTHEST * math.sqrt(days / WITHIN):
                far.append((day, spot))
        if len(far) < len(near):
            return ""
        if near:
            day, spot = far[0]
            ratio = max(chain.spot / spot, spot / chain.spot)
            if is_continued and any(abs(ratio / split - 1.0) <= NEAR_SPLIT for split in SPLITS):
                return ""
            what = f"spot {chain.spot:.2f} is out of line with {spot:.2f} on {day}"
            return f"{what}, and nothing in the file names {self.symbol} ({rows})"
        doubt = next((text for text in chain.warnings if UNNAMED in text and OTHER_NAME in text), "")
        return doubt and f"{doubt}, and no recorded day confirms its prices ({rows})"


def is_unnamed(chain: Chain) -> bool:
    """Whether neither a column nor a contract symbol of the file named the chain's symbol."""
    return any(f"{UNNAMED}{chain.symbol}:" in text for text in chain.warnings)


class Ledger:
    """What was read into an archive, by the content of each file."""

    def __init__(self, record: ChainArchive, symbol: str) -> None:
        self.record, self.symbol = record, symbol
        self.path = record.folder / IMPORTS / f"{check_symbol(symbol)}.json"
        self.files = self._stored()

    def _stored(self) -> dict[str, ImportedFile]:
        """Files as written, without days whose captures were removed since: those are read again."""
        try:
            stored = read_object(self.path, AGAIN)
            if stored is None:
                return {}
            files = as_kind(stored.get("files"), dict[str, ImportedFile], self.path, "files", AGAIN)
        except DataError:
            self.record.put_aside(self.path, "not a ledger of imports")
            return {}
        kept = {day.isoformat() for day in self.record.days(self.symbol)}
        for file in files.values():
            if not file.days.keys() <= kept:
                file.is_whole = False
                file.days = {day: quality for day, quality in file.days.items() if day in kept}
        return files

    def write(self) -> None:
        """Keep it, with what other processes added meanwhile."""
        with self.record.lock():
            for key, other in self._stored().items():
                self.files[key] = self.files[key].joined(other) if key in self.files else other
            content = json.dumps({"files": {key: asdict(file) for key, file in self.files.items()}}, sort_keys=True)
            self.record.write(self.path, content.encode())


def import_file(
    ledger: Ledger,
    path: Path,
    name: str,
    expected: str | None = None,
    progress: Progress | None = None,
    *,
    may_wait: bool = False,
    remark: str = "",
) -> ImportedFile | None:
    """Read a file of many days into the archive; days that an earlier run read are not read again.

    `name` is that of the file where it comes from, or its address, `expected` the SHA-256 that it must have, and
    `remark` a warning of its last day; `progress` is called with (days read, days). With `may_wait` a file that names
    no symbol waits for those that do: only recorded days tell whose prices it has.

    Returns
    -------
    ImportedFile, optional
        Its `error` says why a file could not be read. None of a file that waits.
    """
    with open_regular(path) as content:
        actual = hashlib.file_digest(content, "sha256").hexdigest()
    if expected is not None and expected != actual:
        rule = f"SHA-256 is {actual[:12]}..., not {expected[:12]}... as {SUMS} says"
        return ImportedFile(name, actual, path.stat().st_size, error=f"{rule}: fetch it again")
    file = ledger.files.setdefault(actual, ImportedFile(name, actual, path.stat().st_size))
    file.verified |= expected is not None
    if file.is_whole:
        return file
    file.error = ""
    try:
        if not _read(ledger, actual, path, progress, may_wait=may_wait):
            return None
        file = replace(ledger.files[actual], is_whole=True, held=None)
        if remark and file.days:
            file.warnings.setdefault(max(file.days), []).append(remark)
    except DataError as error:
        file = replace(ledger.files[actual], error=f"{error.rule}. {error.remedy}" if error.remedy else error.rule)
    ledger.files[actual] = file
    ledger.write()
    return ledger.files[actual]


def _read(ledger: Ledger, key: str, path: Path, progress: Progress | None, *, may_wait: bool) -> bool:
    """Read the days of a file into the archive; False of one that waits."""
    if ledger.files[key].held is None:
        ledger.files[key].held = sorted(day.isoformat() for day in ledger.record.days(ledger.symbol))
        ledger.write()  # after a kill a day that this file brought is not a repeat
    file = ledger.files[key]
    skip = frozenset(date.fromisoformat(day) for day in file.days)
    spots = NeighbourSpots(ledger.record, ledger.symbol)
    unwritten = 0
    for chain in read_chains(path, symbol=ledger.symbol, skip=skip, progress=progress):
        file = ledger.files[key]
        if isinstance(chain, DataError):
            day = str(chain.source).rpartition(", ")[2]
            file.left_out[day] = chain.rule
            continue
        if may_wait and not file.days and spots.is_unknown(chain):
            return False
        if objection := spots.objection(chain, is_continued=bool(file.days)):
            file.left_out[chain.as_of.isoformat()] = objection
            continue
        if not file.days and not unwritten:
            check_not_mixed(ledger.record, chain)
        chain, day = replace(chain, source=file.name), chain.as_of.isoformat()
        outcome = added(ledger.record, chain)
        if outcome == "recorded":
            spots.add(chain)
        is_own = outcome == "repeat" and day not in (file.held or ())
        held = ledger.record.chain(ledger.symbol, chain.as_of) if outcome == "conflict" else chain
        file.days[day] = quality_of(held, "recorded" if is_own else outcome)
        left_out = [note for note in chain.quality.notes if ROWS_LEFT_OUT.search(note)]
        if chain.warnings or left_out:
            file.warnings[day] = [*chain.warnings, *left_out]
        unwritten += 1
        if unwritten >= EVERY:
            ledger.write()
            unwritten = 0
    return True


def added(record: ChainArchive, chain: Chain) -> Outcome:
    """Add a chain where the archive has none of its moment; what became of it."""
    moment = record.moment_of(chain)
    for capture in record.captures(chain.symbol, chain.as_of):
        stored = record.open(capture, QUOTE_COLUMNS) if capture.stamp == moment else None
        if stored is not None:
            new, old = (item.quotes[list(QUOTE_COLUMNS)].reset_index(drop=True) for item in (chain, stored))
            return "repeat" if new.equals(old.astype(dict(new.dtypes))) else "conflict"
    record.add(chain)
    return "recorded"


def quality_of(chain: Chain, outcome: Outcome) -> DayQuality:
    """Quality of one day's quotes."""
    quotes = chain.quotes
    dte = (quotes["expiration"] - quotes["quote_date"]).dt.days
    bid, ask = quotes["bid"], quotes["ask"]
    near = dte.between(*SPREAD_DTE) & ((quotes["strike"] / chain.spot - 1.0).abs() <= NEAR_SPOT)
    spread = (ask - bid)[near & (bid > 0.0) & (ask >= bid)]
    slices = [quotes for quotes in expiry_slices(chain) if SPREAD_DTE[0] <= quotes.dte <= SPREAD_DTE[1]]
    forwards = [forward.price for forward in implied_forwards(slices, PARITY_RATE) if forward is not None]
    gaps = np.abs(np.array(forwards) / chain.spot - 1.0)
    counts = {name: int(getattr(chain.quality, name)) for name in COUNTS}
    return DayQuality(
        outcome,
        **counts,
        spread=round(float(spread.median()), 4) if len(spread) else None,
        parity=round(float(np.median(gaps)), 6) if len(gaps) else None,
    )


def certificate(files: Sequence[ImportedFile]) -> tuple[YearQuality, ...]:
    """Quality by year over the days of files, each day once: the file whose capture was recorded counts."""
    days: dict[date, DayQuality] = {}
    for outcome in PRECEDENCE:
        for file in sorted(files, key=lambda file: file.sha256):  # in whatever order they were read
            for day, quality in file.days.items():
                if quality.outcome == outcome:
                    days.setdefault(date.fromisoformat(day), quality)
    if not days:
        return ()
    expected = sessions(min(days), max(days)).tolist()
    years = []
    for year in sorted({day.year for day in expected}):
        present = [quality for day, quality in days.items() if day.year == year]
        due = [day for day in expected if day.year == year]
        missing = tuple(day for day in due if day not in days)
        counts = {name: sum(getattr(quality, name) for quality in present) for name in COUNTS}
        medians = []
        for name in ("spread", "parity"):
            values = [value for quality in present if (value := getattr(quality, name)) is not None]
            medians.append(float(np.median(values)) if values else float("nan"))
        years.append(YearQuality(year, len(due), len(present), missing, counts, *medians))
    return tuple(years)
