"""Trade logs re-priced under fill conventions, fees and recorded quotes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from iwm_opts.api.result import Result
from iwm_opts.api.review import read_trades
from iwm_opts.api.screening import as_fill
from iwm_opts.conventions import FEE_SCHEDULE, FILL_MODEL, STRATEGY, TIMEZONE
from iwm_opts.execution.fees import FeeSchedule
from iwm_opts.execution.fills import FillModel
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.bars import load_bars
from iwm_opts.io.series_notes import series_notes
from iwm_opts.journal.quotes import FileQuotes
from iwm_opts.journal.reprice import RepriceTerms, Repricing
from iwm_opts.journal.reprice import reprice as reprice_log
from iwm_opts.journal.review import review as review_log
from iwm_opts.journal.trade_log import TradeLog
from iwm_opts.report.page import Page
from iwm_opts.report.records import Record
from iwm_opts.report.reprice_table import reprice_record, reprice_table, summary_section, trades_section
from iwm_opts.report.review_sheet import review_sheet
from iwm_opts.sources.on_day import DEFAULT_SYMBOL


@dataclass(frozen=True, slots=True, kw_only=True)
class RepriceRequest:
    """Trade log re-priced under fill conventions, fees and recorded quotes.

    Fields as the parameters of `reprice`; further:

    Parameters
    ----------
    recorded_quotes : bool
        Use the chains of the archive as well.
    timezone : str
        Of times that carry none.
    """

    log: str | Path | TradeLog
    fill: str | FillModel = FILL_MODEL
    stop_fill: str | FillModel = STRATEGY.stop_fill
    fees: str = FEE_SCHEDULE
    quotes: tuple[str, ...] = ()
    recorded_quotes: bool = False
    bars: str | Path | None = None
    timezone: str = TIMEZONE


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RepriceResult(Result):
    """What of a log survives the re-pricing.

    Attributes
    ----------
    repricing : Repricing
    """

    plotted: ClassVar[tuple[str, ...]] = ("pnl", "trade")

    is_private: ClassVar[bool] = True

    repricing: Repricing

    @property
    def log(self) -> TradeLog:
        """The re-priced trades, as a log for `review`."""
        return self.repricing.log

    def to_frame(self) -> pd.DataFrame:
        """One row a trade: see `Repricing`."""
        return self.repricing.trades

    def record(self) -> Record:
        return reprice_record(self.repricing)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return reprice_table(self.repricing, verbose, columns)

    def headline(self) -> tuple[str, list[str], str]:
        terms = self.repricing.terms
        lines = [f"fill {terms.fill}, stops {terms.stop_fill}, fees {terms.fees.label}"]
        return f"{self.log.source}, re-priced", lines, self.log.label

    def sheet(self) -> Page:
        """Tear sheet of the re-priced log."""
        summary, trades = summary_section(self.repricing), trades_section(self.repricing)
        return review_sheet(review_log(self.log), (summary,), (trades,))


def answer_reprice(request: RepriceRequest) -> RepriceResult:
    """Re-price a trade log; see `RepriceRequest`."""
    given = request.log
    log = given if isinstance(given, TradeLog) else read_trades(given, timezone=request.timezone)
    sources: list[ChainArchive | FileQuotes] = [FileQuotes(request.quotes)] if request.quotes else []
    sources += [open_record()] if request.recorded_quotes else []
    terms = RepriceTerms(as_fill(request.fill), as_fill(request.stop_fill), FeeSchedule.parse(request.fees))
    symbols = sorted({str(symbol) for symbol in log.trades["symbol"].dropna()} - {""}) or [DEFAULT_SYMBOL]
    symbol = symbols[0] if len(symbols) == 1 else None
    bars = load_bars(request.bars, symbol, is_choice=False) if request.bars else None
    noted = replace(log, notes=(*log.notes, *series_notes({"bars": bars})))
    return RepriceResult(reprice_log(noted, terms, sources, bars))


def reprice(
    log: TradeLog | str | Path,
    *,
    fill: str | FillModel = FILL_MODEL,
    stop_fill: str | FillModel = STRATEGY.stop_fill,
    fees: str = FEE_SCHEDULE,
    quotes: tuple[str, ...] = (),
    bars: str | Path | None = None,
) -> RepriceResult:
    """Re-price a trade log that was filled at mid: what survives fills, fees and recorded quotes.

    Parameters
    ----------
    log : TradeLog, str or Path
    fill, stop_fill : str or FillModel
        Convention of entries and exits, and of stops.
    fees : str
        Fee schedule.
    quotes : tuple of str
        Chain files; legs without a quote there are modelled.
    bars : str or Path, optional
        Daily bars of the underlying, where the log has no price of it.

    Returns
    -------
    RepriceResult
    """
    return answer_reprice(RepriceRequest(log=log, fill=fill, stop_fill=stop_fill, fees=fees, quotes=quotes, bars=bars))
