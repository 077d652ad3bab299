"""Daily series from the live sources into the record, no more of them than is new."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import pandas as pd

from iwm_opts.errors import DataError
from iwm_opts.io import cboe
from iwm_opts.io.archive import ChainArchive
from iwm_opts.io.archive_series import Kind, is_restated, merge_series, read_series
from iwm_opts.io.http import LiveSession
from iwm_opts.io.yahoo import yahoo_bars, yahoo_dividends, yahoo_session
from iwm_opts.market.bars import PRICES

LiveName = Literal["yahoo", "cboe"]
OVERLAP: Final = timedelta(days=14)  # fetched again, to see whether prices were restated since


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one series."""

    kind: Kind
    name: str
    source: str  # empty where none answered
    added: int  # rows
    rows: int  # in the record
    last: str  # date or time of the last row
    error: str  # why nothing came; empty where it did


class Fetcher:
    """Fetches series through one session a source, so that a dead source is waited for once.

    The source is `yahoo`, `cboe`, or `auto`: Yahoo, and Cboe for the indices that Yahoo does not give. With `whole` the
    whole series is fetched again, not only new rows.
    """

    def __init__(self, record: ChainArchive, source: str, whole: bool = False) -> None:
        self.record, self.source, self.whole = record, source, whole
        self._sessions: dict[str, LiveSession] = {}

    def close(self) -> None:
        """End the sessions."""
        for session in self._sessions.values():
            session.close()

    def bars(self, symbol: str, interval: str = "1d") -> list[Fetched]:
        """Bars of a symbol from Yahoo, and the dividends that come with daily ones."""
        name = symbol if interval == "1d" else f"{symbol}_{interval}"
        try:
            if self.source == "cboe":
                raise DataError("Cboe", "has no bars", "take `feed` yahoo")
            rows = self._new("bars", name, lambda start: self._yahoo_bars(symbol, start, interval))
        except DataError as error:
            return [_failed("bars", name, error)]
        results = [self._merged("bars", name, "Yahoo", rows)]
        if interval == "1d" and (rows["dividend"] > 0.0).any():
            results.append(self._merged("dividends", name, "Yahoo", yahoo_dividends(rows)))
        return results

    def index(self, name: str) -> Fetched:
        """Volatility index, or the bill yield IRX, in points."""
        reasons = []
        for source in ("Yahoo", "Cboe"):
            if self.source not in ("auto", source.lower()):
                continue
            try:
                if source == "Yahoo":
                    rows = self._new("indices", name, lambda start: self._yahoo_bars(name, start, "1d"))[list(PRICES)]
                elif name in cboe.INDICES:
                    rows = cboe.cboe_index(name, self._session("cboe"))
                else:
                    raise DataError("Cboe", f"has no {name}", "take `feed` yahoo")
                return self._merged("indices", name, source, rows)
            except DataError as error:
                reasons.append(error)
        return _failed("indices", name, *reasons)

    def _yahoo_bars(self, symbol: str, start: date | None, interval: str) -> pd.DataFrame:
        return yahoo_bars(symbol, self._session("yahoo"), start, interval)

    def _new(self, kind: Kind, name: str, ask: Callable[[date | None], pd.DataFrame]) -> pd.DataFrame:
        """Return new rows of a series; all rows where recorded prices were restated."""
        old = None if self.whole else read_series(self.record, kind, name)
        if old is None or old.empty:
            return ask(None)
        rows = ask(old.index[-1].date() - OVERLAP)
        return ask(None) if kind == "bars" and is_restated(old, rows) else rows

    def _merged(self, kind: Kind, name: str, source: str, rows: pd.DataFrame) -> Fetched:
        added, merged = merge_series(self.record, kind, name, rows)
        last = str(merged.index[-1]).removesuffix(" 00:00:00")
        return Fetched(kind, name, source, added, len(merged), last, "")

    def _session(self, name: LiveName) -> LiveSession:
        if name not in self._sessions:
            self._sessions[name] = yahoo_session() if name == "yahoo" else cboe.cboe_session()
        return self._sessions[name]


def _failed(kind: Kind, name: str, *errors: DataError) -> Fetched:
    reasons = "; ".join(f"{error.source}: {error.rule}" for error in errors)
    return Fetched(kind, name, "", 0, 0, "", reasons)
