"""A simulated market: one seed is one market, with a chain and its own volatility indices on any of its days.

Labelled as simulated wherever it goes. An edge found here echoes the premium that `simulation.parameters.Premium` puts
into prices.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import NEW_YORK, latest_session, session_hours, sessions, sessions_before
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.minutes import OPENS_AT, Minutes
from iwm_opts.simulation.companions import companion_bars, underlying_bars
from iwm_opts.simulation.dynamics import State, StatePath, simulate_states, stationary_start
from iwm_opts.simulation.intraday import IntradayBars
from iwm_opts.simulation.parameters import Parameters, shipped_parameters
from iwm_opts.simulation.scenarios import Scenario
from iwm_opts.sources.on_day import EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.source import MIN_SESSIONS, DayRequest, MarketPath, Source, SpanRequest
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.sources.surface_market import INDEX_TENORS, SETTLING, SurfaceMarket

Array = NDArray[np.float64]

YEARS: Final = 5  # traded, unless days are given
DEFAULT_SEED: Final = 22  # a calm market with the gate open: IV10 and IV30 rank below 13 for its last days
HISTORY_SESSIONS: Final = (
    330  # before the day asked for: a rank of 252 for each of the last 60 days, and some to settle
)
DIVIDEND_HORIZON: Final = timedelta(days=3 * 366)
NAME: Final = "simulated market, seed"
SIMULATED_NOTE: Final = "index of the simulated market's own quotes"
REDATED: Final = (
    "the default simulated market is one path re-dated to end on the day asked for: its price stays from day to day, "
    "so that positions only decay. For days that follow each other write a path: iwm-opts simulate --output FOLDER, "
    "then `source` FOLDER/path-0/chains-YEAR.parquet"
)
LEAD_PATHS: Final = 1_000_000  # what leads to a scenario is drawn apart from what follows
DIVIDEND_SOURCE: Final = "simulated market: known in advance"


@dataclass(frozen=True, eq=False)
class SimulatedMarket(SurfaceMarket):
    """One path of the simulated market on the exchange's calendar."""

    index_note = SIMULATED_NOTE
    has_premium = True

    @property
    def companions(self) -> dict[str, pd.DataFrame]:
        """Daily bars of the funds simulated with the underlying."""
        return {symbol: self.bars(symbol) for symbol in self.parameters.companions}

    def bars(self, symbol: str | None = None) -> pd.DataFrame:
        """Daily bars of the underlying, or of a companion: open, high, low, close and volume by session.

        Raises
        ------
        InputError
            When the market has no such symbol.
        """
        if symbol in (None, self.symbol):
            bars = underlying_bars(self.parameters, self.states, self.closes, self.seed, self.path)
        else:
            bars = companion_bars(self.parameters, str(symbol), self.states, self.seed, self.path)
        return bars.set_axis(pd.DatetimeIndex(self.days, name="date"))

    def intraday(self, day: date) -> pd.DataFrame:
        """Bars of 5 minutes of the underlying on one day, by New York time of their end, that agree with its bar."""
        place = self.place(day)
        opened, closed = session_hours(day)
        minutes = int((closed - opened).total_seconds() // 60)
        session = self._intraday.session(place, minutes)
        times = [opened + timedelta(minutes=int(minute)) for minute in session.index]
        return session.set_axis(pd.DatetimeIndex(times, name="time"))

    def minutes(self) -> Minutes:
        """Bars of 5 minutes of every day, by New York time of their start, for edges within the session.

        Gap, path and volume so far do not predict the rest of the day beyond the model's drift: the bars hold no
        momentum and no reversal.
        """
        intraday, days = self._intraday, []
        for place, day in enumerate(self.days):
            opened, closed = session_hours(day)
            length = int((closed - opened).total_seconds() // 60)
            bars = intraday.session(place, length)
            start = bars.index.to_numpy() - bars.index[0]
            at = pd.Timestamp(day) + pd.Timedelta(minutes=OPENS_AT) + pd.to_timedelta(start, unit="min")
            days.append(bars.assign(minute=start).set_axis(pd.DatetimeIndex(at, name="time").as_unit("us")))
        note = "simulated bars of 5 minutes: the start of a session does not predict the rest, so they hold no momentum"
        return Minutes(pd.concat(days), (note,), self.name)

    @cached_property
    def _intraday(self) -> IntradayBars:
        return IntradayBars(self.parameters, self.states, self.closes, self.seed, self.path)


def simulate_market(
    first: date,
    last: date,
    seed: int = DEFAULT_SEED,
    path: int = 0,
    parameters: Parameters | None = None,
    scenario: Scenario | None = None,
    start: State | None = None,
) -> SimulatedMarket:
    """Simulate a market over the sessions from `first` to `last`.

    The same seed and path give the same market, session for session, whatever the dates.

    Parameters
    ----------
    seed, path : int
    parameters : Parameters, optional
        The shipped calibration unless given.
    scenario : Scenario, optional
        Where the factors start and how they move; a settled draw and the calibrated dynamics unless given. Prices
        keep `parameters`.
    start : State, optional
        Factors before the first session, where no scenario says them.
    """
    parameters = parameters or shipped_parameters()
    days = tuple(date.fromisoformat(str(day)) for day in sessions(first, last))
    if not days:
        raise InputError("first", first.isoformat(), f"no session from it to {last}", "give a wider range")
    world, start = (scenario.world(parameters), scenario.start) if scenario else (parameters, start)
    return _market_of(parameters, days, simulate_states(world, len(days), seed, path, start), seed, path)


def scenario_market(
    scenario: Scenario, seed: int = DEFAULT_SEED, path: int = 0, parameters: Parameters | None = None, before: int = 0
) -> SimulatedMarket:
    """Market under a scenario, on the sessions it is dated to.

    Parameters
    ----------
    before : int
        Sessions of the calibrated world in front of them, which lead to the state that the scenario starts from: a
        path drawn from that state and read backwards. The factors' diffusions look the same either way; only that
        events come suddenly and fade slowly is turned round. For ranks of the first days, not for trades.
    """
    parameters = parameters or shipped_parameters()
    days = sessions(scenario.first, scenario.first + timedelta(days=int(1.6 * scenario.sessions) + 10))
    earlier = sessions(scenario.first - timedelta(days=int(1.6 * before) + 10), scenario.first - timedelta(days=1))
    span = [*earlier[len(earlier) - before :], *days[: scenario.sessions]]
    states = simulate_states(scenario.world(parameters), scenario.sessions, seed, path, scenario.start)
    if before:
        lead = simulate_states(parameters, before, seed, path + LEAD_PATHS, scenario.start)
        parts = {}
        for field in fields(states):  # the lead from its end; returns change sign: prices still fall as variance rises
            turned = getattr(lead, field.name)[::-1]
            turned = -turned if field.name in ("log_return", "jump") else turned
            parts[field.name] = np.concatenate([turned, getattr(states, field.name)])
        states = StatePath(**parts)
    return _market_of(parameters, tuple(date.fromisoformat(str(day)) for day in span), states, seed, path)


def _market_of(
    parameters: Parameters, days: tuple[date, ...], states: StatePath, seed: int, path: int
) -> SimulatedMarket:
    if not all(np.isfinite(getattr(states, field.name)).all() for field in fields(states)):
        rule = "runs beyond all numbers under these parameters and this start"
        raise InputError("path", path, rule, "calm the start, or the vols, speeds and lifts of the factors")
    # Equal quarterly payments, ex on the session nearest before the 16th of March, June, September and December.
    amount = round(0.25 * parameters.setting.dividend_yield * parameters.setting.spot, 3)
    first, last = days[0], days[-1] + DIVIDEND_HORIZON
    months = [(year, month) for year in range(first.year, last.year + 1) for month in (3, 6, 9, 12)]
    dates = [latest_session(date(year, month, 16)) for year, month in months]
    paid = {day: amount for day in dates if first <= day <= last and amount > 0.0}
    dividends = DividendSchedule(tuple(Dividend(*payment) for payment in paid.items()), DIVIDEND_SOURCE)
    name = f"{NAME} {seed}" + (f", path {path}" if path else "")
    with np.errstate(over="ignore", invalid="ignore"):
        closes, close = np.empty(len(days)), parameters.setting.spot
        for i, (day, growth) in enumerate(zip(days, np.exp(states.log_return), strict=True)):
            close = close * growth - paid.get(day, 0.0)
            closes[i] = round(close, 2)
    is_price = np.isfinite(closes) & (closes > 0.0)
    if not is_price.all():
        bad = int(np.argmin(is_price))
        rule = f"closes at {closes[bad]:g} on {days[bad]}: no price of a fund"
        raise InputError("path", path, rule, "calm the start, or the parameters, or simulate fewer days")
    rates = np.full(len(days), float(parameters.setting.rate))
    return SimulatedMarket(name, parameters, days, closes, states, rates, dividends, seed, path)


def default_market(seed: int = DEFAULT_SEED, as_of: date | None = None) -> SimulatedMarket:
    """Market whose last session is the latest up to `as_of` (today unless given), with a year and more behind it.

    Anchored at its last session: the state there depends on the seed alone, the date only moves the calendar around it.
    It settles within its own history, whose first months rank nothing, and so begins from the plain stationary draw.
    """
    last = latest_session(as_of or datetime.now(NEW_YORK).date())
    days = sessions(last - timedelta(days=int(1.6 * HISTORY_SESSIONS)), last)
    first = date.fromisoformat(str(days[-HISTORY_SESSIONS - 1]))
    return simulate_market(first, last, seed, start=stationary_start(shipped_parameters(), seed))


def redated_note(chain: Chain, opened: Iterable[str]) -> tuple[str, ...]:
    """Return `REDATED` on a chain of the default market after a day of `opened`; nothing otherwise."""
    is_default = chain.simulated and chain.source.startswith(NAME)
    return (REDATED,) if is_default and any(day < chain.as_of.isoformat() for day in opened) else ()


class SimulatedSource(Source):
    """The default simulated market on a day; paths of the calibrated world, or of scenarios, over many."""

    is_drawn = ranks_own = True

    def __init__(self, name: str = "sim") -> None:
        self.name = name

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Default market at its last close; see `Source`."""
        market = default_market(DEFAULT_SEED if request.seed is None else request.seed, request.as_of)
        market = replace(market, keeps_indices=True)
        symbol = request.symbol
        if symbol not in (None, market.symbol):
            raise InputError("symbol", symbol, f"the simulated market is of {market.symbol}", "name a file")
        request.refuse("simulated market", "session", "spot")
        history = market.iv_history(request.tenor_days) if request.tenor_days in INDEX_TENORS else market.iv_history()
        chain, rate = market.chain(market.days[-1]), float(market.rates[-1])
        return MarketOnDay(chain, market.dividends, history, rate=rate, exercise=EXERCISE_OF_MODELS)

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """Paths, each with enough history before its first day to rank it; see `Source`."""
        return tuple(
            MarketPath(SurfaceDays(market, first), market.iv_history(request.tenor_days), path, scenario)
            for path, (drawn, first, scenario) in enumerate(simulated_paths(request))
            for market in [replace(drawn, keeps_indices=True)]
        )


def simulated_paths(request: SpanRequest) -> Iterator[tuple[SimulatedMarket, date, str]]:
    """Market, first day to trade and scenario of each path; the days before the first warm the IV history up.

    Raises
    ------
    InputError
        When days are given with a scenario, or hold no session.
    """
    first, last, scenarios = request.first, request.last, request.scenarios
    if scenarios and (first or last):
        raise InputError("from", str(first or last), "a scenario has dates of its own", "leave out `first` and `last`")
    seed, before = DEFAULT_SEED if request.seed is None else request.seed, request.lookback + SETTLING
    last = last or latest_session(datetime.now(NEW_YORK).date() - timedelta(days=1))
    first = first or last - timedelta(days=round(365.25 * YEARS))
    if not scenarios and (first > last or len(sessions(first, last)) < MIN_SESSIONS):
        rule = f"to {last} there are not the {MIN_SESSIONS} sessions that a trade needs"
        raise InputError("from", first.isoformat(), rule, "give a wider range")
    paths = [(world, path) for world in scenarios or (None,) for path in range(request.paths)]
    for done, (world, path) in enumerate(paths, start=1):
        if world is None:
            start = sessions_before(first, before)
            yield simulate_market(start, last, seed, path, request.parameters), first, ""
        else:
            yield scenario_market(world, seed, path, request.parameters, before), world.first, world.name
        if request.on_progress:
            request.on_progress(done, len(paths))
