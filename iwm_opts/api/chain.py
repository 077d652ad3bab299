"""Option chains: which market at which moment, and the chain that a user holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from iwm_opts.api.result import Day, OnProgress, Result, as_day, new_axes
from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS, RIGHT_SIGN, STRATEGY, Exercise
from iwm_opts.io.age import now, staleness
from iwm_opts.io.dividends import parse_dividends
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.io.spreadsheet_text import guarded_frame
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory, IvRank, iv_rank
from iwm_opts.market.snapshot import Snapshot, take_snapshot
from iwm_opts.pricing.quotes import Engine
from iwm_opts.report.console import render_page
from iwm_opts.report.records import Record, chain_iv_record, market_record
from iwm_opts.report.screen_table import chain_iv_line, market_lines
from iwm_opts.report.words import points
from iwm_opts.sources.registry import SOURCES, is_plugin, open_source
from iwm_opts.sources.source import DayRequest, ModelledFiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_SYMBOL: Final = "IWM"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """The IV series that a rank is of.

    Parameters
    ----------
    iv_history : str, Path or IvHistory, optional
        File of daily closes, or a history at hand; the source's own unless given.
    ivr_tenor : int
        Days of the IV, where a file or source has several.
    ivr_lookback : int
        Sessions to rank within.
    """

    iv_history: str | Path | IvHistory | None = None
    ivr_tenor: int = IVR_TENOR_DAYS
    ivr_lookback: int = IVR_LOOKBACK

    @property
    def file(self) -> str | None:
        """Name of the file; None without one."""
        return None if self.iv_history is None or isinstance(self.iv_history, IvHistory) else str(self.iv_history)

    def load(self, symbol: str | None, before: date | None = None) -> IvHistory | None:
        """History given, dates before a decision alone where a day is named; None without one."""
        if self.iv_history is None or self.iv_history == "":
            return None
        if isinstance(self.iv_history, IvHistory):
            return self.iv_history
        return load_iv_history(self.iv_history, symbol or DEFAULT_SYMBOL, self.ivr_tenor, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelledInputs:
    """Files of modelled quotes, apart from the IV history: daily bars, slope of the term structure, yields."""

    bars: str | None = None
    slope_history: str | None = None
    slope_base: str | None = None
    yields: str | None = None

    def files(self, history: HistoryRequest, rate: float | None, dividends: str | None) -> ModelledFiles:
        """All files of a modelled market."""
        return ModelledFiles(
            self.bars, history.file, self.slope_history, self.slope_base, self.yields, rate, dividends
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRequest:
    """One option chain at one moment.

    Parameters
    ----------
    source : str or tuple of str
        Path of a chain file, a folder or a glob of them, or several; or `yahoo`, `cboe`, `record`, `sim`, `modelled`,
        `auto`, or the name of a source that another package registers.
    symbol : str
        Underlying.
    as_of : date, optional
        Day of the decision; the newest of the source unless given.
    session : str, optional
        Capture of the day, by label or HH:MM.
    spot : float, optional
        Price of the underlying where the file has none, dollars.
    seed : int, optional
        Of the simulated market.
    rate : float, optional
        Continuously compounded, decimal; implied by the chain unless given.
    dividends : str or DividendSchedule, optional
        CSV of ex-dates and amounts, a list `EX-DATE:AMOUNT,...`, or `none`.
    exercise : {"american", "european"}, optional
        By the rule of the root unless given.
    engine : {"numba", "vollib"}
    history : HistoryRequest
    modelled : ModelledInputs
    """

    source: str | tuple[str, ...] = "auto"
    symbol: str = DEFAULT_SYMBOL
    as_of: date | None = None
    session: str | None = None
    spot: float | None = None
    seed: int | None = None
    rate: float | None = None
    dividends: str | DividendSchedule | None = None
    exercise: Exercise | None = None
    engine: Engine = "numba"
    history: HistoryRequest = field(default_factory=HistoryRequest)
    modelled: ModelledInputs = field(default_factory=ModelledInputs)

    @property
    def is_files(self) -> bool:
        """Whether the source is chain files."""
        return not isinstance(self.source, str) or not (self.source in SOURCES or is_plugin(self.source))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OptionChain(Result):
    """One capture of an option chain, with the rate, forwards and volatility indices that it implies.

    Make one with `read_chain`.

    Attributes
    ----------
    snapshot : Snapshot
        The chain and what follows from it.
    history : IvHistory or None
        History that a gate ranks.
    lookback : int
        Sessions that a gate ranks within.
    stale : str
        Why quotes of an earlier day keep a gate closed; empty where their day was asked for, or is the latest.
    """

    snapshot: Snapshot
    history: IvHistory | None = None
    lookback: int = IVR_LOOKBACK
    stale: str = ""

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self.snapshot.chain.symbol

    @property
    def as_of(self) -> date:
        """Day of the quotes."""
        return self.snapshot.chain.as_of

    @property
    def spot(self) -> float:
        """Price of the underlying, dollars."""
        return self.snapshot.chain.spot

    @property
    def iv10(self) -> float:
        """10-day implied volatility, annualised decimal; NaN where the expirations do not allow one."""
        return self.snapshot.iv.iv10

    @property
    def iv30(self) -> float:
        """30-day implied volatility, annualised decimal; NaN where the expirations do not allow one."""
        return self.snapshot.iv.iv30

    @property
    def expirations(self) -> pd.DatetimeIndex:
        """Listed expirations, ascending."""
        return pd.DatetimeIndex(sorted({each.expiration for each in self.snapshot.slices})).as_unit("us")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Assumptions and gaps behind the figures."""
        return (*self.snapshot.chain.warnings, *self.snapshot.warnings)

    def rank(self, lookback: int | None = None) -> IvRank | None:
        """Rank of the IV history on the day of the chain; None without a history."""
        return None if self.history is None else iv_rank(self.history, self.as_of, lookback or self.lookback)

    def to_frame(self) -> pd.DataFrame:
        """Quotes as read, one row an option.

        Returns
        -------
        DataFrame
            Columns of `conventions.CHAIN_COLUMNS` (prices in $/share, NaN where unknown) and dte (calendar days).
        """
        quotes = self.snapshot.chain.quotes
        return quotes.assign(dte=(quotes["expiration"] - pd.Timestamp(self.as_of)).dt.days)

    def priced(self, dte: tuple[int, int] = STRATEGY.dte) -> pd.DataFrame:
        """Options of a window of expirations with our own vols and greeks, one row an option.

        Parameters
        ----------
        dte : (int, int)
            Calendar days to expiration, both ends included.

        Returns
        -------
        DataFrame
            expiration (datetime64), dte, root, right, strike, bid, ask, mid ($/share), iv (decimal), delta, gamma (a
            share), theta (a calendar day), vega (a vol point), open_interest; NaN without a two-sided quote.
        """
        names = ("strike", "bid", "ask", "mid", "iv", "delta", "gamma", "theta", "vega", "open_interest")
        frames = []
        for table in self.snapshot.tables(dte)[0]:
            kind = {
                "expiration": pd.Timestamp(table.expiration).as_unit("us"),
                "dte": table.dte,
                "root": table.root,
                "right": np.where(table.right == RIGHT_SIGN["C"], "C", "P"),
            }
            frames.append(pd.DataFrame(kind | {name: getattr(table, name) for name in names}))
        return pd.concat(frames, ignore_index=True)

    def record(self) -> Record:
        return {
            "market": market_record(self.snapshot),
            "chain_iv": chain_iv_record(self.snapshot.iv),
            "quality": self.snapshot.chain.quality.to_json(),
            "warnings": list(self.warnings),
        }

    def to_csv(self) -> str:
        return guarded_frame(self.to_frame()).to_csv(index=False)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        parts = [*market_lines(self.snapshot), chain_iv_line(self.snapshot)]
        return render_page(self.snapshot.chain.label, parts, self.warnings if verbose else (), columns)

    def headline(self) -> tuple[str, list[str], str]:
        chain = self.snapshot.chain
        return (
            f"{chain.symbol} {chain.spot:.2f}, {chain.as_of}",
            [f"IV10 {points(self.iv10)}, IV30 {points(self.iv30)}", f"source {chain.source}"],
            chain.label,
        )

    def plot(self, ax: "Axes | None" = None, dte: tuple[int, int] = STRATEGY.dte) -> "Axes":
        """Implied vol of the out-of-the-money options over strike, one line an expiration."""
        axes, tables = new_axes(ax), self.snapshot.tables(dte)[0]
        for table in tables:
            outside = np.where(table.right > 0, table.strike >= table.forward.price, table.strike < table.forward.price)
            order = np.argsort(table.strike[outside], kind="stable")
            strike, vol = table.strike[outside][order], 100.0 * table.iv[outside][order]
            axes.plot(strike, vol, lw=1.2, label=f"{table.expiration}, {table.dte}d")
        axes.set_xlabel("strike, $")
        axes.set_ylabel("implied vol, points")
        axes.set_title(self.headline()[0], loc="left")
        axes.legend(frameon=False)
        return axes


def open_chain(request: ChainRequest | OptionChain, on_progress: OnProgress | None = None) -> OptionChain:
    """Chain of a request; one that is open already as it is.

    Raises
    ------
    InputError
        For a field that the source cannot meet.
    DataError
        For an unreadable file, or a named source that fails.
    """
    if isinstance(request, OptionChain):
        return request
    history, dividends = request.history, request.dividends
    named = dividends if isinstance(dividends, str) else None
    market = open_source(request.source).on_day(
        DayRequest(
            symbol=request.symbol,
            as_of=request.as_of,
            session=request.session,
            spot=request.spot,
            seed=request.seed,
            tenor_days=history.ivr_tenor,
            lookback=history.ivr_lookback,
            modelled=request.modelled.files(history, request.rate, named),
            on_progress=on_progress,
        )
    )
    stale = staleness(market.chain, now()) if request.as_of is None else ""
    schedule = (
        parse_dividends(dividends, market.chain.symbol) if isinstance(dividends, str) and dividends else dividends
    )
    # A modelled market is made from the history that is given, and ranks the index of its own quotes.
    given_history = None if market.chain.modelled else history.load(request.symbol, market.chain.as_of)
    ranked = given_history or market.history
    warnings = [*([stale] if stale else []), *market.warnings]
    schedule = schedule or market.dividends
    given = {"dividends": schedule, IV_HISTORY: ranked}
    warnings += [note for note in series_notes(given) if note not in market.warnings]
    rate_source = "given" if request.rate is not None else "that the market's options are priced at"
    snapshot = take_snapshot(
        market.chain,
        market.rate if request.rate is None else request.rate,
        schedule,
        request.exercise or market.exercise,
        request.engine,
        warnings,
        rate_source,
    )
    snapshot = replace(snapshot, is_day_named=request.as_of is not None)
    return OptionChain(snapshot, ranked, history.ivr_lookback, stale)


def named_files(source: str | Path | Sequence[str | Path]) -> str | tuple[str, ...]:
    """Source as requests hold it: one name, or several files."""
    return str(source) if isinstance(source, str | Path) else tuple(map(str, source))


def read_chain(
    source: str | Path | Sequence[str | Path],
    *,
    as_of: Day | None = None,
    session: str | None = None,
    symbol: str = DEFAULT_SYMBOL,
    iv_history: str | Path | IvHistory | None = None,
    dividends: str | Path | DividendSchedule | None = None,
    rate: float | None = None,
    spot: float | None = None,
    seed: int | None = None,
    exercise: Exercise | None = None,
    engine: Engine = "numba",
) -> OptionChain:
    """Read an option chain.

    Parameters
    ----------
    source : str, Path or sequence of them
        Chain file (CSV, Parquet or JSON, gzip too), a folder or a glob, or several of them; or `yahoo`, `cboe`,
        `record`, `sim`, `auto`.
    as_of : date or str, optional
        Day of the quotes; the newest unless given. Quotes of a day that is named decide as of that day everywhere:
        screens, `manage`, `ticket`.
    iv_history : str, Path or IvHistory, optional
        History that a gate ranks; the source's own unless given.
    session, symbol, dividends, rate, spot, seed, exercise, engine
        See `ChainRequest`.

    Returns
    -------
    OptionChain

    Raises
    ------
    InputError
        For a field that the source cannot meet.
    DataError
        For an unreadable file, with row or column, value, rule and remedy.

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> chain = iwm.read_chain("sim", as_of="2026-06-26", seed=7)
    >>> chain.symbol, len(chain.expirations) > 10
    ('IWM', True)
    >>> 0.05 < chain.iv10 < 1.0
    True
    """
    paid = str(dividends) if isinstance(dividends, Path) else dividends
    request = ChainRequest(
        source=named_files(source), symbol=symbol, as_of=as_day("as_of", as_of), session=session, spot=spot, seed=seed,
        rate=rate, dividends=paid, exercise=exercise, engine=engine, history=HistoryRequest(iv_history=iv_history),
    )  # fmt: skip
    return open_chain(request)


def read_iv_history(
    path: str | Path, *, symbol: str = DEFAULT_SYMBOL, tenor: int = IVR_TENOR_DAYS, before: Day | None = None
) -> IvHistory:
    """Read daily closes of one IV series.

    Parameters
    ----------
    path : str or Path
        CSV or Parquet with a date and iv10, iv30, iv, close or value; Cboe's RVX and VIX files as they come.
    symbol : str
        Underlying that the series is a proxy for.
    tenor : int
        Days of the IV: decides between iv10 and iv30.
    before : date or str, optional
        Rows dated on or after it are not read.

    Returns
    -------
    IvHistory
        `.closes` is a Series of decimals by date, `.rank(before=...)` its IV rank.

    Raises
    ------
    DataError
        For an unreadable file or row.
    """
    return load_iv_history(path, symbol, tenor, as_day("before", before))
