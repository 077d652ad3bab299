"""Histories of option chains into the local archive, with a data-quality certificate."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

from iwm_opts.api.chain import DEFAULT_SYMBOL
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.conventions import counted
from iwm_opts.errors import ConflictError, DataError
from iwm_opts.io.addresses import is_address, joined
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.archive_iv import iv_values
from iwm_opts.io.download import Download, Pace, download, is_file_name, name_of
from iwm_opts.io.histories import SUMS, ImportedFile, Ledger, YearQuality, certificate, checksums, import_file
from iwm_opts.io.history_files import expand
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.text import text_of
from iwm_opts.report.archive_table import certificate_table, left_out_by_kind, warnings_by_kind
from iwm_opts.report.records import Record

YEAR: Final = "{year}"
DOWNLOADS: Final = "downloads"
ADDRESS_DIGITS: Final = 12
UNMEASURED: Final = "length not stated by the server: the file may lack later rows"
LIST_BYTES: Final = 1 << 20  # of a longest list of checksums


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHistoryRequest:
    """Files of many days into the archive.

    Parameters
    ----------
    origin : tuple of str
        Folders, files and globs, and http addresses of files or of a SHA256SUMS list; `{year}` in an address stands for
        each of `years`. Without any: the certificate of what was read before.
    symbol : str
    years : (int, int), optional
        First and last.
    whole : bool
        Download again what was downloaded before.
    pace : Pace, optional
        Limits of downloads.
    """

    origin: tuple[str, ...] = ()
    symbol: str = DEFAULT_SYMBOL
    years: tuple[int, int] | None = None
    whole: bool = False
    pace: Pace | None = None

    def __post_init__(self) -> None:
        has_template = any(YEAR in origin for origin in self.origin)
        if has_template and self.years is None:
            raise ConflictError("from", f"...{YEAR}...", "needs years", "give `years` 2008:2025")
        if self.years is not None and not has_template:
            raise ConflictError(
                "years", f"{self.years[0]}:{self.years[1]}", "has no effect", f"write {YEAR} in `origin`"
            )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChainHistoryResult(Result):
    """Files read, and the certificate of all that were read into the archive.

    Attributes
    ----------
    symbol : str
    files : tuple of ImportedFile
        Of this call.
    skipped : tuple of str
        Files of a folder that hold no option chain.
    years : tuple of YearQuality
    folder : str
        Where the chains are.
    set_aside : tuple of str
        Damaged files that were moved away.
    history : tuple of ImportedFile
        All that were read into the archive, of this call and before.
    """

    plotted: ClassVar[tuple[str, ...]] = ("days", "year")

    symbol: str
    files: tuple[ImportedFile, ...]
    skipped: tuple[str, ...]
    years: tuple[YearQuality, ...]
    folder: str
    set_aside: tuple[str, ...]
    history: tuple[ImportedFile, ...]

    @property
    def failed(self) -> tuple[ImportedFile, ...]:
        """Files that could not be read to their end."""
        return tuple(file for file in self.files if file.error)

    def rows(self) -> list[Record]:
        """One row a year: sessions, days, missing days, rows by defect, spread ($/share), parity (fraction)."""
        return [
            {
                "year": year.year, "sessions": year.sessions, "days": year.days, "missing_days": len(year.missing),
                **year.counts, "spread": year.spread, "parity": year.parity,
            }
            for year in self.years
        ]  # fmt: skip

    def record(self) -> Record:
        files = [
            {
                **{name: value for name, value in asdict(file).items() if name not in ("days", "warnings")},
                "days": len(file.days),
                **{outcome: file.count(outcome) for outcome in ("recorded", "repeat", "conflict")},
            }
            for file in self.files
        ]
        missing = [day.isoformat() for year in self.years for day in year.missing]
        return {
            "symbol": self.symbol, "folder": self.folder, "files": files, "skipped": list(self.skipped),
            "years": self.rows(), "missing_days": missing, "warnings": warnings_by_kind(self.history),
            "left_out": left_out_by_kind(self.history),
        }  # fmt: skip

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return certificate_table(self.symbol, self.files, self.history, self.skipped, self.years, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        days = sum(year.days for year in self.years)
        return f"{self.symbol} chains of {counted(days, 'days')}", [f"{counted(len(self.files), 'files')} read"], ""


def answer_chain_history(request: ChainHistoryRequest, on_progress: OnProgress | None = None) -> ChainHistoryResult:
    """Read histories into the archive; see `ChainHistoryRequest`."""
    archive, symbol = open_record(), clean_symbol(request.symbol)
    ledger = Ledger(archive, symbol)
    files: list[ImportedFile] = []
    skipped: list[str] = []
    for file, name, is_brought in _imported(request, ledger, on_progress):
        if is_brought and file.error and not file.days:
            skipped.append(f"{name}: {file.error}")
        else:
            files.append(file)
    read = [file for file in ledger.files.values() if file.days]
    if not request.origin and not read:
        raise DataError(ledger.path, f"lists no history of {symbol}", "give `origin` FOLDER or an address", "symbol")
    if any(file.count("recorded") for file in files):
        iv_values(archive, symbol, progress=on_progress)
    folder = str(archive.chain_folder(symbol))
    history = (*read, *(file for file in files if not file.days))
    aside = tuple(archive.set_aside)
    return ChainHistoryResult(symbol, tuple(files), tuple(skipped), certificate(read), folder, aside, history)


def _imported(
    request: ChainHistoryRequest, ledger: Ledger, on_progress: OnProgress | None
) -> Iterator[tuple[ImportedFile, str, bool]]:
    """Files as they are read, those that name no symbol last where no recorded day tells whose they are."""
    waiting: list[tuple[Path | Download, str, str | None, bool]] = []
    for source, name, expected, is_brought in _sources(request, ledger.record, on_progress):
        if isinstance(source, ImportedFile):
            yield source, name, is_brought
        elif file := _read(ledger, source, name, expected, on_progress, may_wait=True):
            yield file, name, is_brought
        else:
            waiting.append((source, name, expected, is_brought))
    for source, name, expected, is_brought in waiting:
        late = _read(ledger, source, name, expected, on_progress)
        assert late is not None
        yield late, name, is_brought


def _read(
    ledger: Ledger,
    source: Path | Download,
    name: str,
    expected: str | None,
    on_progress: OnProgress | None,
    *,
    may_wait: bool = False,
) -> ImportedFile | None:
    """Read a file; a download that cannot be read is moved away, so that the next run asks the server again."""
    if isinstance(source, Path):
        return import_file(ledger, source, name, expected, on_progress, may_wait=may_wait)
    remark = "" if source.has_length or expected else UNMEASURED
    file = import_file(ledger, source.path, name, expected, on_progress, may_wait=may_wait, remark=remark)
    if file is None or not file.error:
        return file
    refused = source.path.with_name(f"{source.path.name}.refused")
    with suppress(FileNotFoundError):  # another process moved it
        os.replace(source.path, refused)
    return replace(file, error=f"{file.error.rstrip('.')}; moved to {refused}: the next run downloads it again")


# File, name, SHA-256 expected, part of a folder.
Source = tuple[Path | Download | ImportedFile, str, str | None, bool]


def _sources(request: ChainHistoryRequest, archive: ChainArchive, on_progress: OnProgress | None) -> Iterator[Source]:
    for origin in request.origin:
        if not is_address(origin):
            yield from _local(origin)
            continue
        years = range(request.years[0], request.years[1] + 1) if request.years else range(1)
        for address in dict.fromkeys(origin.replace(YEAR, str(year)) for year in years):
            yield from _fetched(address, request, archive, on_progress)


def _local(origin: str) -> Iterator[Source]:
    files, brought = expand([origin])
    sums: dict[Path, dict[str, str]] = {}
    for path in files:
        folder = path.parent
        if folder not in sums:
            listed = folder / SUMS
            sums[folder] = checksums(text_of(listed.read_bytes())) if listed.is_file() else {}
        yield path, path.name, sums[folder].get(path.name), path in brought


def _fetched(
    address: str, request: ChainHistoryRequest, archive: ChainArchive, on_progress: OnProgress | None
) -> Iterator[Source]:
    """Download an address, or of the files that a SHA256SUMS list names; a failure is a file with its error."""
    try:
        fetched = _downloaded(address, request, archive, on_progress)
    except DataError as error:
        yield ImportedFile(address, "", 0, error=f"{error.rule}. {error.remedy}"), address, None, False
        return
    sums = _listed(fetched.path)
    if not sums:
        yield fetched, name_of(address) or address, None, False
        return
    for name, expected in sums.items():
        if not is_file_name(name):
            yield ImportedFile(name, "", 0, error=f"not a file beside {SUMS}"), name, None, False
            continue
        try:
            yield _downloaded(joined(address, name), request, archive, on_progress), name, expected, False
        except DataError as error:
            yield ImportedFile(name, "", 0, error=f"{error.rule}. {error.remedy}"), name, None, False


def _downloaded(
    address: str, request: ChainHistoryRequest, archive: ChainArchive, on_progress: OnProgress | None
) -> Download:
    digest = hashlib.sha256(address.encode()).hexdigest()[:ADDRESS_DIGITS]
    target = archive.folder / DOWNLOADS / digest / (name_of(address) or "file")
    with archive.lock(folder=target.parent):  # two would write the same unfinished file
        if target.is_file() and not request.whole and not _listed(target):  # a list is read anew each time
            return Download(target, has_length=True)  # where not, the ledger has the remark
        return download(address, target, on_progress, request.pace)


def _listed(path: Path) -> dict[str, str]:
    """SHA-256 by file name where a file is a list of them."""
    return checksums(text_of(path.read_bytes())) if path.stat().st_size < LIST_BYTES else {}
