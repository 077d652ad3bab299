"""Data that a plan, a review and the claims are judged on: bars, funds, IV history, minutes, releases, sectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd

from iwm_opts.api.chain import ModelledInputs
from iwm_opts.api.result import Day, as_day
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.io.archive import open_record
from iwm_opts.io.archive_series import recorded_index, series_path
from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.plan_tables import load_events, load_sectors
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.market.calendar import NEW_YORK, latest_session
from iwm_opts.market.chain import LABELS
from iwm_opts.market.minutes import check_same_prices
from iwm_opts.plans.checklist import NO_BARS, Inputs
from iwm_opts.plans.edges import edge_entries
from iwm_opts.sources.daily_market import DailyMarket
from iwm_opts.sources.modelled_files import open_modelled
from iwm_opts.sources.simulated import DEFAULT_SEED, SimulatedMarket, default_market, simulate_market
from iwm_opts.sources.source import ModelledFiles
from iwm_opts.sources.surface_days import SurfaceDays

FUNDS: Final = ("SPY", "KRE", "XBI")
INDEX: Final = "RVX"
RANKED_TENOR: Final = 10
SIMULATED_YEARS: Final = 10
WARM_UP_DAYS: Final = 400  # calendar days: a rank of 252 sessions and some
SOURCES: Final = ("archive", "record", "sim", "modelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDataRequest:
    """Files of a plan's data; what no file is named for comes from the local archive or the simulated market.

    Parameters
    ----------
    source : {"archive", "record", "sim", "modelled"}
        Of what no file is named for; `modelled` puts modelled quotes around the real prices.
    symbol : str
    as_of : date, optional
        Day of the decision.
    seed : int, optional
        Of the simulated market.
    iv_history, spy, kre, xbi : str, optional
        Files of daily closes and bars.
    minutes, events : str, optional
        One-minute bars; CSV of date and event.
    sectors : tuple of str
        Sector weights or holdings.
    modelled : ModelledInputs
        Bars of the underlying, slope and yields.
    rate : float, optional
    dividends : str, optional
    intraday : bool
        Simulate bars within the session too.
    """

    source: str = "record"
    symbol: str = "IWM"
    as_of: date | None = None
    seed: int | None = None
    iv_history: str | None = None
    spy: str | None = None
    kre: str | None = None
    xbi: str | None = None
    minutes: str | None = None
    events: str | None = None
    sectors: tuple[str, ...] = ()
    modelled: ModelledInputs = field(default_factory=ModelledInputs)
    rate: float | None = None
    dividends: str | None = None
    intraday: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise InputError("source", self.source, "a plan reads no chains", f"choose one of {', '.join(SOURCES)}")
        named = {"bars": self.bars, **{name: getattr(self, name) for name in ("iv_history", "spy", "kre", "xbi")}}
        for name, file in named.items():
            if file and self.source == "sim":
                raise ConflictError(name, file, "has no effect on the simulated market", "leave it or `source` out")

    @property
    def bars(self) -> str | None:
        """File of daily bars of the underlying."""
        return self.modelled.bars

    @property
    def day(self) -> date | None:
        """Day of the decision where it is not left to the data: the simulated market ends on its last session."""
        if self.as_of is None and self.source == "sim":
            return latest_session(datetime.now(NEW_YORK).date())
        return self.as_of

    def fund(self, symbol: str) -> str | None:
        """File of a fund's bars."""
        file: str | None = getattr(self, symbol.lower())
        return file

    @property
    def simulation_seed(self) -> int:
        """Seed of the simulated market."""
        return DEFAULT_SEED if self.seed is None else self.seed


@dataclass(frozen=True, slots=True, eq=False)
class PlanData:
    """Data that a plan is judged on.

    Attributes
    ----------
    inputs : Inputs
        Bars, funds, history, minutes, events, sectors.
    label : str
        Of simulated data; empty for real ones.
    notes : tuple of str
        Gaps and proxies.
    day : date, optional
        Day of the decision, where it is not left to the data.
    """

    inputs: Inputs
    label: str
    notes: tuple[str, ...]
    day: date | None = None

    def edge_entries(self, name: str) -> "pd.Series[bool]":
        """Sessions on which a named edge enters, for `Rules(entries=...)`; see `plans.edges`."""
        return edge_entries(name, self.inputs)

    @property
    def bars(self) -> pd.DataFrame:
        """Daily bars of the underlying: open, high, low, close ($), dates as index."""
        return self.inputs.bars


def open_plan_data(request: PlanDataRequest, before: date | None = None, *, blank_bars: bool = False) -> PlanData:
    """Return data of a request.

    Parameters
    ----------
    request : PlanDataRequest
    before : date, optional
        Day of the decision, for a simulated market.
    blank_bars : bool
        Use sessions without a price where no bars are named or recorded: criteria that need them are unknown.

    Raises
    ------
    InputError
        When no bars are named and none are recorded.
    DataError
        For an unreadable file.
    """
    minutes = load_minutes(request.minutes, request.symbol) if request.minutes else None
    events = load_events(request.events) if request.events else None
    sectors = load_sectors(request.sectors, request.symbol) if request.sectors else None
    tables = {"events": events, "sectors": sectors}
    if request.source == "sim":
        market = default_market(request.simulation_seed, before)
        minutes = minutes or (market.minutes() if request.intraday else None)
        inputs = Inputs(market.bars(), market.companions, market.iv_history(), minutes, events, sectors)
        label = f"{LABELS['simulated']} ({market.name})"
        return PlanData(inputs, label, tuple(series_notes({"minutes": minutes, **tables})), request.day)
    is_blank = blank_bars and _named_or_recorded(request.bars, request.symbol) is None
    path = None if is_blank else _bars_path(request)
    bars = NO_BARS if path is None else load_bars(path, request.symbol)
    if minutes is not None and not is_blank:
        check_same_prices(minutes, bars)
    named = {symbol: _named_or_recorded(request.fund(symbol), symbol) for symbol in FUNDS}
    funds = {symbol: load_bars(file, symbol, is_choice=False) for symbol, file in named.items() if file}
    history = (
        load_iv_history(request.iv_history, request.symbol)
        if request.iv_history
        else recorded_index(open_record(), INDEX, request.symbol, RANKED_TENOR)
    )
    notes = [*series_notes({"bars": bars, **funds, "minutes": minutes, IV_HISTORY: history, **tables})]
    if history is not None and history.proxy:
        notes.append(history.note)
    files = (path, *named.values())  # of real data, or those that `iwm-opts simulate` wrote
    label = LABELS["simulated"] if any(file and origin_of(file).simulated for file in files) else ""
    return PlanData(Inputs(bars, funds, history, minutes, events, sectors), label, tuple(notes), request.day)


def _bars_path(request: PlanDataRequest) -> Path:
    path = _named_or_recorded(request.bars, request.symbol)
    if path is None:
        raise InputError(
            "bars", None, f"no daily bars of {request.symbol} were named, and none are recorded",
            "give `bars` FILE, run iwm-opts fetch, or try `source` sim",
        )  # fmt: skip
    return path


def _named_or_recorded(given: str | None, symbol: str) -> Path | None:
    if given:
        return Path(given)
    path = series_path(open_record(), "bars", symbol)
    return path if path.exists() else None


def simulated_years(request: PlanDataRequest) -> tuple[SimulatedMarket, date]:
    """Ten simulated years up to the day of the decision or the latest session, and their first day.

    A year before it warms ranks and means up.
    """
    last = latest_session(request.as_of or datetime.now(NEW_YORK).date())
    first = last - timedelta(days=365 * SIMULATED_YEARS)
    return simulate_market(first - timedelta(days=WARM_UP_DAYS), last, request.simulation_seed), first


def modelled_days(request: PlanDataRequest) -> DailyMarket:
    """Quotes of options around the real prices, over all days that bars and IV history share.

    Raises
    ------
    InputError
        When bars or IV history are neither named nor recorded.
    """
    history = request.iv_history
    if not history:
        recorded = series_path(open_record(), "indices", INDEX)
        history = str(recorded) if recorded.exists() else None
    named = request.modelled
    files = ModelledFiles(
        str(_bars_path(request)), history, named.slope_history, named.slope_base, named.yields, request.rate,
        request.dividends,
    )  # fmt: skip
    market = open_modelled(files, request.symbol)
    return SurfaceDays(market, market.days[0], market.notes)


def read_plan_data(
    *,
    bars: str | Path | None = None,
    iv_history: str | Path | None = None,
    spy: str | Path | None = None,
    kre: str | Path | None = None,
    xbi: str | Path | None = None,
    minutes: str | Path | None = None,
    events: str | Path | None = None,
    sectors: Sequence[str | Path] = (),
    source: str = "record",
    symbol: str = "IWM",
    as_of: Day | None = None,
    seed: int | None = None,
) -> PlanData:
    """Read the data that a plan is judged on.

    Parameters
    ----------
    bars : str or Path, optional
        Daily bars of the underlying; those of the local archive unless given.
    iv_history, spy, kre, xbi : str or Path, optional
        IV series; bars of funds.
    minutes, events, sectors
        One-minute bars; releases; sector weights.
    source : {"archive", "record", "sim"}
        Of what no file is named for.
    symbol : str
    as_of : date or str, optional
        Day of the decision; the newest that the data decide on unless given.
    seed : int, optional

    Returns
    -------
    PlanData

    Examples
    --------
    >>> import iwm_opts as iwm
    >>> data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
    >>> bool(data.bars.index[-1] < __import__("pandas").Timestamp("2026-06-27"))
    True
    """

    def named(file: str | Path | None) -> str | None:
        return None if file is None else str(file)

    request = PlanDataRequest(
        source=source, symbol=symbol, as_of=as_day("as_of", as_of), seed=seed, iv_history=named(iv_history),
        spy=named(spy), kre=named(kre), xbi=named(xbi), minutes=named(minutes), events=named(events),
        sectors=tuple(str(file) for file in sectors), modelled=ModelledInputs(bars=named(bars)),
        intraday=minutes is None,
    )  # fmt: skip
    return open_plan_data(request, request.as_of)
