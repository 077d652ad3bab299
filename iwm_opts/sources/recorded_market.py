"""Recorded chains of a symbol: the user's own captures, on any day that has one."""

from dataclasses import dataclass, replace
from datetime import date, time
from typing import Final

from iwm_opts.conventions import IVR_LOOKBACK
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.archive import RECORD_IT, ChainArchive, open_record
from iwm_opts.io.archive_iv import TENORS, recorded_iv_history
from iwm_opts.io.archive_series import recorded_dividends, recorded_index
from iwm_opts.io.selection import raise_no_day
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, STAND_INS, is_long_enough

ARCHIVE_NAMES: Final = frozenset({"archive", "record"})  # as a source


@dataclass(frozen=True, slots=True, eq=False)
class RecordedMarket:
    """The recorded chains of one symbol."""

    record: ChainArchive
    symbol: str
    days: tuple[date, ...]  # with a capture, ascending

    @property
    def name(self) -> str:
        """What output calls this market."""
        return f"local record of {self.symbol}"

    @property
    def dividends(self) -> DividendSchedule | None:
        """Dividends that were fetched; None where none were."""
        return recorded_dividends(self.record, self.symbol)

    def chain(self, day: date, at: time | None = None) -> Chain:
        """Chain of a day: the capture at a time, else the latest within the session, else the latest.

        Raises
        ------
        DataError
            When the day, or the time, was not recorded; names the nearest that were.
        """
        if day not in self.days:
            raise_no_day(self.name, self.days, day)
        chain = self.record.chain(self.symbol, day, at)
        return replace(chain, source=f"local record, taken from {chain.source}")

    def iv_history(self, tenor_days: int = TENORS[0]) -> IvHistory:
        """Symbol's own IV series, one value a recorded day."""
        return recorded_iv_history(self.record, self.symbol, tenor_days)

    def ranked_history(
        self, before: date, tenor_days: int = TENORS[0], lookback: int = IVR_LOOKBACK
    ) -> tuple[IvHistory, tuple[str, ...]]:
        """Series that a decision on a day ranks: the own one once it is long enough, else a fetched index whole.

        Two series are never spliced.

        Returns
        -------
        history : IvHistory
        notes : tuple of str
            Reason for a proxy index, or the length of the own series.
        """
        recorded = self.iv_history(tenor_days)
        if is_long_enough(recorded, before, lookback):
            return recorded, ()
        short = f"the record's own IV{tenor_days} has {len(recorded.last(lookback, before))} of {lookback} sessions"
        index = STAND_INS.get(self.symbol)
        stand_in = recorded_index(self.record, index, self.symbol, tenor_days) if index else None
        if stand_in is not None and len(stand_in.last(1, before)):
            return stand_in, (f"{short}: using {index} as proxy until the archive covers the lookback",)
        remedy = f": run iwm-opts fetch for {index}, or give `iv_history`" if index else ": give `iv_history`"
        return recorded, (short + remedy,)


def recorded_market(symbol: str = DEFAULT_SYMBOL, record: ChainArchive | None = None) -> RecordedMarket:
    """Record of a symbol.

    Raises
    ------
    DataError
        When nothing of it is recorded.
    """
    record = record or open_record()
    days = tuple(record.days(symbol))
    if not days:
        others = ", ".join(record.symbols())
        rule = f"holds no chain of {symbol}" + (f", only of {others}" if others else "")
        raise DataError(f"local record {record.folder}", rule, RECORD_IT, "symbol")
    return RecordedMarket(record, symbol, days)


def capture_time(session: str | None) -> time | None:
    """Time of day that `--session` names on the record; None where it names none.

    Raises
    ------
    InputError
        When it is not a time.
    """
    if session is None:
        return None
    try:
        return time.fromisoformat(session.strip().zfill(5))
    except ValueError:
        rule = "the record knows its captures by time"
        raise InputError("session", session, rule, "write HH:MM, New York time") from None
