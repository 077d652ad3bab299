"""Markets to try rules on: simulated, modelled and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.api.chain import HistoryRequest, ModelledInputs
from iwm_opts.api.result import Day, OnProgress, as_day
from iwm_opts.backtest.macro import with_macro
from iwm_opts.backtest.trial import Trial, open_trials
from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.market.chain import LABELS
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.report.html import notebook_table
from iwm_opts.report.records import Record, finite, frame_records
from iwm_opts.simulation.parameters import parameters_of
from iwm_opts.simulation.scenarios import load_scenarios, scenario
from iwm_opts.sources.registry import open_source
from iwm_opts.sources.simulated import YEARS
from iwm_opts.sources.source import MAX_DTE, SpanRequest

PATHS: Final = 2  # of the simulated market


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRequest:
    """Days of a market; fields as the parameters of the functions that open one, and:

    Parameters
    ----------
    source : str or tuple of str
        `sim`, `modelled`, `archive`, or chain files of many days: a file, a folder, a glob, or several of them.
    scenario_file, parameters : str, optional
        Scenarios of your own; calibration of the simulated market. TOML.
    dividends : str, optional
        As in `ChainRequest`.
    history : HistoryRequest
        What gates rank.
    """

    source: str | tuple[str, ...] = "sim"
    first: date | None = None
    last: date | None = None
    paths: int = PATHS
    seed: int | None = None
    scenario: tuple[str, ...] = ()
    scenario_file: str | None = None
    parameters: str | None = None
    symbol: str | None = None
    session: str | None = None
    rate: float | None = None
    dividends: str | DividendSchedule | None = None
    history: HistoryRequest = field(default_factory=HistoryRequest)
    modelled: ModelledInputs = field(default_factory=ModelledInputs)

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise ConflictError("from", self.first.isoformat(), f"later than `last` {self.last}", "swap them")
        given = {name: getattr(self, name) for name in ("scenario", "scenario_file", "session", "rate", "dividends")}
        given |= {"iv_history": self.history.iv_history, "bars": self.modelled.bars}
        open_source(self.source).check_history(given)

    @property
    def is_simulated(self) -> bool:
        """Whether the simulated market is meant."""
        return open_source(self.source).is_drawn


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Market:
    """Days of a market, with the IV history that gates rank; of the simulated market one or more paths.

    Make one with `simulated_market`, `modelled_market` or `recorded_market`.

    Attributes
    ----------
    trials : tuple of Trial
    request : MarketRequest, optional
        From which the worker of a cluster opens the same market.
    """

    trials: tuple[Trial, ...]
    request: MarketRequest | None = None

    @property
    def name(self) -> str:
        """Name in outputs."""
        return self.trials[0].market.name

    @property
    def kind(self) -> str:
        """Provenance of the quotes: `simulated`, `modelled` or `recorded`."""
        return self.trials[0].market.provenance.value

    @property
    def paths(self) -> int:
        """Number of paths."""
        return len(self.trials)

    @property
    def days(self) -> pd.DatetimeIndex:
        """Sessions of the first path."""
        return pd.DatetimeIndex(list(self.trials[0].market.days)).as_unit("us")

    @property
    def history(self) -> IvHistory:
        """IV history of the first path."""
        return self.trials[0].history

    @property
    def notes(self) -> tuple[str, ...]:
        """Assumptions and gaps."""
        return self.trials[0].market.notes

    def to_frame(self) -> pd.DataFrame:
        """Underlying by day.

        Returns
        -------
        DataFrame
            Dates as index; path, open, high, low, spot ($; NaN where unknown), iv (of the ranked history, decimal).
        """
        frames = []
        for trial in self.trials:
            market, days = trial.market, pd.DatetimeIndex(list(trial.market.days)).as_unit("us")
            prices = {"open": market.opened, "high": market.high, "low": market.low, "spot": market.spot}
            iv = trial.history.closes.reindex(days).to_numpy()
            frames.append(pd.DataFrame({"path": trial.path, **prices, "iv": iv}, index=days.rename("date")))
        return pd.concat(frames)

    def to_dict(self) -> Record:
        """Plain values: name, kind, paths, notes; days as in `to_frame`, a record each, None where unknown."""
        about = {"name": self.name, "kind": self.kind, "paths": self.paths, "notes": list(self.notes)}
        record: Record = finite(about | {"days": frame_records(self.to_frame().reset_index())})
        return record

    def with_macro(self, name: str | None) -> tuple[Trial, ...]:
        """Trials with the daily returns of a fund; as they are without one."""
        return tuple(with_macro(self.trials, name)) if name else self.trials

    def __repr__(self) -> str:
        days = self.days
        return f"<Market {self.name}; {self.kind}; {days[0].date()} to {days[-1].date()}; paths: {self.paths}>"

    def _repr_html_(self) -> str:
        return notebook_table(repr(self)[8:-1], self.notes, self.to_frame(), LABELS.get(self.kind, ""))


def open_market(
    request: MarketRequest | Market, max_dte: int = MAX_DTE, on_progress: OnProgress | None = None
) -> Market:
    """Market of a request; one that is open already as it is.

    Parameters
    ----------
    request : MarketRequest or Market
    max_dte : int
        Calendar days that the rules reach; nothing farther is read of recorded chains.
    on_progress : callable, optional

    Raises
    ------
    InputError, DataError
        For a field that the market cannot meet, or an unreadable file.
    """
    if isinstance(request, Market):
        return request
    history, dividends = request.history, request.dividends
    from_file = load_scenarios(Path(request.scenario_file)) if request.scenario_file else None
    if from_file and not request.scenario:
        rule = f"holds {', '.join(from_file)} and none is named"
        raise ConflictError("scenario_file", request.scenario_file, rule, "name some with `scenario`")
    named = dividends if isinstance(dividends, str) else None
    source = open_source(request.source)
    span = SpanRequest(
        symbol=request.symbol, session=request.session, seed=request.seed, tenor_days=history.ivr_tenor,
        lookback=history.ivr_lookback, modelled=request.modelled.files(history, request.rate, named),
        on_progress=on_progress, first=request.first, last=request.last, paths=request.paths,
        scenarios=tuple(scenario(name, from_file) for name in dict.fromkeys(request.scenario)),
        parameters=parameters_of(request.parameters), bars=request.modelled.bars, rate=request.rate,
        dividends=dividends, ranked=None if source.ranks_own else history.load(request.symbol), max_dte=max_dte,
    )  # fmt: skip
    return Market(open_trials(source, span), request)


def simulated_market(
    years: float = YEARS,
    *,
    first: Day | None = None,
    last: Day | None = None,
    paths: int = PATHS,
    seed: int | None = None,
    scenario: str | Sequence[str] = (),
    parameters: str | Path | None = None,
    ivr_tenor: int = IVR_TENOR_DAYS,
    ivr_lookback: int = IVR_LOOKBACK,
) -> Market:
    """Simulate IWM and its options: paths of spot, variance and surface. Results on it are not real.

    Parameters
    ----------
    years : float
        Up to `last`, where no first day is given.
    first, last : date or str, optional
        Days to trade; the last session unless given.
    paths : int
    seed : int, optional
        The same seed gives the same market.
    scenario : str or sequence of str
        Worlds to simulate, such as "q4-2018", "march-2020" or "2022"; they have dates of their own.
    parameters : str or Path, optional
        Calibration, TOML, or "to-2019".
    ivr_tenor, ivr_lookback : int
        Days of the ranked IV (10 or 30); sessions to rank within.

    Returns
    -------
    Market

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> market = iwm.simulated_market(first="2024-01-02", last="2024-03-28", paths=1, seed=7)
    >>> market.kind, len(market.days)
    ('simulated', 61)
    """
    names = (scenario,) if isinstance(scenario, str) else tuple(scenario)
    start, end = as_day("first", first), as_day("last", last)
    if start is None and not names:
        if not years > 0:
            raise InputError("years", years, "must be positive", "give for instance 5")
        end = end or latest_session(datetime.now(NEW_YORK).date() - timedelta(days=1))
        start = end - timedelta(days=round(365.25 * years))
    request = MarketRequest(
        first=start, last=end, paths=paths, seed=seed, scenario=names,
        parameters=None if parameters is None else str(parameters),
        history=HistoryRequest(ivr_tenor=ivr_tenor, ivr_lookback=ivr_lookback),
    )  # fmt: skip
    return open_market(request)


def modelled_market(
    *,
    bars: str | Path,
    iv_history: str | Path,
    slope_history: str | Path | None = None,
    slope_base: str | Path | None = None,
    yields: str | Path | None = None,
    dividends: str | Path | None = None,
    rate: float | None = None,
    first: Day | None = None,
    last: Day | None = None,
    ivr_tenor: int = IVR_TENOR_DAYS,
    ivr_lookback: int = IVR_LOOKBACK,
) -> Market:
    """Real prices of IWM under modelled quotes, scaled to a 30-day volatility index.

    Parameters
    ----------
    bars : str or Path
        Daily bars of IWM.
    iv_history : str or Path
        30-day volatility index, such as RVX.
    slope_history, slope_base : str or Path, optional
        9-day and 30-day index, such as VIX9D and VIX: slope of the term structure.
    yields : str or Path, optional
        Treasury yields by day; `rate` in their place.
    dividends : str or Path, optional
        CSV of ex-dates and amounts, or a list.
    rate : float, optional
        Continuously compounded, decimal.
    first, last : date or str, optional
    ivr_tenor, ivr_lookback : int

    Returns
    -------
    Market
    """
    files = {"bars": bars, "slope_history": slope_history, "slope_base": slope_base, "yields": yields}
    request = MarketRequest(
        source="modelled", first=as_day("first", first), last=as_day("last", last), rate=rate,
        dividends=None if dividends is None else str(dividends),
        history=HistoryRequest(iv_history=str(iv_history), ivr_tenor=ivr_tenor, ivr_lookback=ivr_lookback),
        modelled=ModelledInputs(**{name: None if file is None else str(file) for name, file in files.items()}),
    )  # fmt: skip
    return open_market(request)


def recorded_market(
    source: str | Path | Sequence[str | Path],
    *,
    iv_history: str | Path | IvHistory | None = None,
    bars: str | Path | None = None,
    symbol: str | None = None,
    session: str | None = None,
    first: Day | None = None,
    last: Day | None = None,
    rate: float | None = None,
    dividends: str | Path | DividendSchedule | None = None,
    max_dte: int = MAX_DTE,
    ivr_tenor: int = IVR_TENOR_DAYS,
    ivr_lookback: int = IVR_LOOKBACK,
) -> Market:
    """Return recorded option chains, from files or the local archive.

    Parameters
    ----------
    source : str, Path or sequence of them
        Chain files of many days: a file, a folder, a glob, or several of them; `archive` for the local archive.
    iv_history : str, Path or IvHistory, optional
        What gates rank; the chains' own index unless given.
    bars : str or Path, optional
        Daily bars of the underlying, for highs, lows and settlements.
    symbol, session : str, optional
        Underlying; capture of each day.
    first, last : date or str, optional
    rate : float, optional
        Continuously compounded, decimal; implied by the chains unless given.
    dividends : str, Path or DividendSchedule, optional
    max_dte : int
        Calendar days; farther expirations are not read.
    ivr_tenor, ivr_lookback : int

    Returns
    -------
    Market
    """
    paid = str(dividends) if isinstance(dividends, Path) else dividends
    files = str(source) if isinstance(source, str | Path) else tuple(map(str, source))
    request = MarketRequest(
        source=files, first=as_day("first", first), last=as_day("last", last), symbol=symbol, session=session,
        rate=rate, dividends=paid, modelled=ModelledInputs(bars=None if bars is None else str(bars)),
        history=HistoryRequest(iv_history=iv_history, ivr_tenor=ivr_tenor, ivr_lookback=ivr_lookback),
    )  # fmt: skip
    return open_market(request, max_dte)
