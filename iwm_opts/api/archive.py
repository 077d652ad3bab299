"""The local archive: record the chain of a moment, fetch daily series."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import ClassVar, Final

from iwm_opts.api.chain import DEFAULT_SYMBOL
from iwm_opts.api.forecasts import log_of_day
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.errors import InputError
from iwm_opts.io.age import DELAY, now, staleness
from iwm_opts.io.archive import open_record
from iwm_opts.io.archive_iv import add_with_index
from iwm_opts.io.fetching import Fetched, Fetcher
from iwm_opts.io.history_files import chain_of_day
from iwm_opts.io.selection import clean_symbol
from iwm_opts.market.calendar import is_session, session_hours
from iwm_opts.report.archive_table import fetched_table, recorded_lines
from iwm_opts.report.records import Record
from iwm_opts.sources.live import check_not_past, first_answer, live_chain
from iwm_opts.sources.registry import SOURCES

LIVE: Final = ("auto", "yahoo", "cboe")
SYMBOLS: Final = ("IWM", "KRE", "XBI", "SPY")
INDICES: Final = ("RVX", "VIX", "VIX9D", "IRX")
DAILY: Final = "1d"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRequest:
    """One chain into the archive.

    Parameters
    ----------
    source : str or tuple of str
        `auto`, `yahoo`, `cboe`, or chain files: a file, a folder, a glob, or several of them.
    symbol : str
    as_of : date, optional
    session : str, optional
    force : bool
        Capture outside the session too.
    """

    source: str | tuple[str, ...] = "auto"
    symbol: str = DEFAULT_SYMBOL
    as_of: date | None = None
    session: str | None = None
    force: bool = False

    def __post_init__(self) -> None:
        for source in (self.source,) if isinstance(self.source, str) else self.source:
            if source in SOURCES and not self.is_live:
                raise InputError("source", source, "not a market to record", "take auto, yahoo, cboe or a chain file")

    @property
    def is_live(self) -> bool:
        """Whether the chain is of this moment."""
        return self.source in LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """Daily series into the archive.

    Parameters
    ----------
    feed : {"auto", "yahoo", "cboe"}
    symbols, indices : tuple of str
        Bars and dividends; volatility indices and bill yields.
    interval : str
        Of the bars.
    whole : bool
        The whole series, not only new rows.
    """

    feed: str = "auto"
    symbols: tuple[str, ...] = SYMBOLS
    indices: tuple[str, ...] = INDICES
    interval: str = DAILY
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SnapshotResult(Result):
    """Recorded capture, or the reason without one.

    Attributes
    ----------
    skipped : str
        Why nothing was recorded; empty otherwise.
    figures : Record
        Symbol, day, indices, counts, file, warnings.
    """

    skipped: str
    figures: Record

    def rows(self) -> list[Record]:
        """One row: symbol, as_of, quote_time, source, spot, iv10, iv30, rows, usable, days_recorded, file."""
        return [{name: value for name, value in self.record().items() if name != "warnings"}]

    def record(self) -> Record:
        return {"skipped": self.skipped or None, **self.figures}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return "" if self.skipped else recorded_lines(self.figures)

    def headline(self) -> tuple[str, list[str], str]:
        return (f"skipped: {self.skipped}" if self.skipped else self.to_text().splitlines()[0]), [], ""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FetchResult(Result):
    """Series that came, and those that failed.

    Attributes
    ----------
    series : tuple of Fetched
    set_aside : tuple of str
        Damaged files that were moved away.
    """

    plotted: ClassVar[tuple[str, ...]] = ("rows", "kind", "name")

    series: tuple[Fetched, ...]
    set_aside: tuple[str, ...]

    @property
    def failed(self) -> tuple[Fetched, ...]:
        """Series that failed."""
        return tuple(item for item in self.series if item.error)

    def rows(self) -> list[Record]:
        """One row a series: kind, name, source, added and rows (counts), last, error."""
        return [asdict(item) for item in self.series]

    def record(self) -> Record:
        return {"series": [asdict(item) for item in self.series]}

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return fetched_table(self.series, columns) if len(self.failed) < len(self.series) else ""

    def headline(self) -> tuple[str, list[str], str]:
        return f"{len(self.series)} series, {len(self.failed)} failed", [], ""


def answer_snapshot(request: SnapshotRequest, on_progress: OnProgress | None = None) -> SnapshotResult:
    """Record one chain; see `SnapshotRequest`."""
    skipped = closed_now(now()) if request.is_live and not request.force else ""
    if skipped:
        return SnapshotResult(skipped, {})
    if isinstance(request.source, str) and request.is_live:
        check_not_past("a live source", request.as_of)
        symbol = clean_symbol(request.symbol)
        chain = first_answer(request.source, lambda name: live_chain(name, symbol, None, on_progress))
    else:
        files = (request.source,) if isinstance(request.source, str) else request.source
        chain = chain_of_day(files, request.symbol, request.as_of, request.session)[0]
    stale = staleness(chain, now()) if request.as_of is None else ""
    archive = open_record()
    captured, values = add_with_index(archive, chain)
    unlogged = log_of_day(chain.symbol, chain.as_of)
    figures = {
        "symbol": chain.symbol,
        "as_of": chain.as_of.isoformat(),
        "quote_time": chain.quote_time.isoformat() if chain.quote_time else None,
        "source": chain.source,
        "spot": chain.spot,
        "iv10": float(values["iv10"]),
        "iv30": float(values["iv30"]),
        "rows": chain.quality.rows,
        "usable": chain.quality.usable,
        "days_recorded": len(archive.days(chain.symbol)),
        "file": str(captured.path),
        "warnings": [*filter(None, [stale, unlogged]), *chain.warnings, *archive.set_aside],
    }
    return SnapshotResult("", figures)


def closed_now(at: datetime) -> str:
    """Why there is nothing to capture at a time; empty while there is. Delayed quotes of the close come after it."""
    if not is_session(at.date()):
        return f"the exchange is closed on {at:%A %Y-%m-%d}"
    opened, closed = session_hours(at.date())
    if opened <= at <= closed + DELAY:
        return ""
    return f"it is {at:%H:%M} in New York, the session of {at:%Y-%m-%d} runs from {opened:%H:%M} to {closed:%H:%M}"


def answer_fetch(request: FetchRequest, on_progress: OnProgress | None = None) -> FetchResult:
    """Fetch daily series; see `FetchRequest`."""
    fetcher = Fetcher(open_record(), request.feed, request.whole)
    bars = [] if request.feed == "cboe" else [clean_symbol(name) for name in request.symbols]
    indices = [clean_symbol(name) for name in request.indices] if request.interval == DAILY else []
    series: list[Fetched] = []
    for place, name in enumerate([*bars, *indices], 1):
        series += fetcher.bars(name, request.interval) if place <= len(bars) else [fetcher.index(name)]
        if on_progress:
            on_progress(place, len(bars) + len(indices))
    fetcher.close()
    return FetchResult(tuple(series), tuple(fetcher.record.set_aside))
