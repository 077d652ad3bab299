"""A simulated market: one seed is one market, with a chain and its own volatility indices on any of its days.

Labelled as simulated wherever it goes. An edge found here echoes the premium that `simulation.parameters.Premium` puts
into prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import NEW_YORK, at_close, latest_session, session_hours, sessions
from iwm_opts.market.capture import make_chain
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.forward import implied_forwards
from iwm_opts.market.iv_index import IvIndex, iv_index
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.companions import companion_bars, intraday_bars, underlying_bars
from iwm_opts.simulation.dynamics import StatePath, generator, simulate_states
from iwm_opts.simulation.listing import Listing, listed_expirations, strikes
from iwm_opts.simulation.parameters import Parameters, shipped_parameters
from iwm_opts.simulation.quotes import MarketMoment, QuotedExpiration, quote_market, quotes_table
from iwm_opts.simulation.scenarios import Scenario

Array = NDArray[np.float64]

DEFAULT_SEED: Final = 13  # a calm market with the gate open: IV10 rank about 17, IV30 rank about 13
HISTORY_SESSIONS: Final = (
    330  # before the day asked for: a rank of 252 for each of the last 60 days, and some to settle
)
INDEX_TENORS: Final = (10, 30)
BRACKET: Final = 2  # expirations on either side of a tenor that an index may interpolate between
DIVIDEND_HORIZON: Final = timedelta(days=3 * 366)
SIMULATED_NOTE: Final = "index of the simulated market's own quotes"
DIVIDEND_SOURCE: Final = "simulated market: known in advance"


@dataclass(frozen=True, eq=False)
class SimulatedMarket:
    """One path of the simulated market on the exchange's calendar."""

    parameters: Parameters
    seed: int
    path: int
    days: tuple[date, ...]  # sessions, ascending, shape (n,)
    closes: Array  # dollars, net of dividends gone ex, shape (n,)
    states: StatePath
    dividends: DividendSchedule

    @property
    def name(self) -> str:
        """What output calls this market."""
        return f"simulated market, seed {self.seed}" + (f", path {self.path}" if self.path else "")

    def chain(self, day: date, after_close: bool = False) -> Chain:
        """Full chain at the close of a day.

        Parameters
        ----------
        day : date
            One of `days`.
        after_close : bool
            Quotes as a capture some minutes after the close shows them: wider.

        Raises
        ------
        InputError
            When the market has no such day.
        """
        place = self._place(day)
        moment = self._moment(place, after_close)
        quoted = self._quoted(place, moment, [one for one in listed_expirations(day) if one.expiration > day])
        rng = generator(self.seed, self.path, "quotes", place)
        table = quotes_table(self.parameters, moment, quoted, rng)
        return make_chain(
            table,
            symbol=self.parameters.setting.symbol,
            source=self.name,
            spot=moment.spot,
            session="after" if after_close else "close",
            simulated=True,
        )

    def index(self, day: date) -> IvIndex:
        """IV10 and IV30 of a day's closing quotes, by the same code as on a real chain."""
        place = self._place(day)
        live = [one for one in listed_expirations(day) if one.expiration > day]
        quoted = self._quoted(place, self._moment(place, False), _bracketing(live, day))
        slices = [one.as_slice(self.parameters.setting.symbol, day) for one in quoted]
        return iv_index(slices, implied_forwards(slices, self.parameters.setting.rate, "of the simulated market"))

    def iv_history(self, tenor_days: int = 10, until: date | None = None) -> IvHistory:
        """Closes of the market's own IV10 or IV30, up to a day.

        Raises
        ------
        InputError
            When the tenor is neither 10 nor 30.
        """
        if tenor_days not in INDEX_TENORS:
            raise InputError("tenor_days", tenor_days, "is no tenor of the simulated market", "choose 10 or 30")
        closes = self._indices[f"iv{tenor_days}"]
        if until is not None:
            closes = closes[closes.index <= pd.Timestamp(until)]
        return IvHistory(f"IV{tenor_days}, {self.name}", tenor_days, closes, proxy=False, note=SIMULATED_NOTE)

    def bars(self, symbol: str | None = None) -> pd.DataFrame:
        """Daily bars of the underlying, or of a companion: open, high, low, close and volume by session.

        Raises
        ------
        InputError
            When the market has no such symbol.
        """
        if symbol in (None, self.parameters.setting.symbol):
            found = underlying_bars(self.parameters, self.states, self.closes, self.seed, self.path)
        else:
            found = companion_bars(self.parameters, str(symbol), self.states, self.seed, self.path)
        return found.set_axis(pd.DatetimeIndex(self.days, name="date"))

    def intraday(self, day: date) -> pd.DataFrame:
        """Bars of 5 minutes of the underlying on one day, by New York time of their end, that agree with its bar."""
        place = self._place(day)
        opened, closed = session_hours(day)
        minutes = int((closed - opened).total_seconds() // 60)
        found = intraday_bars(self.bars().iloc[place], minutes, self.seed, self.path, place)
        times = [opened + timedelta(minutes=int(minute)) for minute in found.index]
        return found.set_axis(pd.DatetimeIndex(times, name="time"))

    @cached_property
    def _indices(self) -> pd.DataFrame:
        found = [self.index(day) for day in self.days]
        values = {"iv10": [one.iv10 for one in found], "iv30": [one.iv30 for one in found]}
        return pd.DataFrame(values, index=pd.DatetimeIndex(self.days, name="date"))

    def _place(self, day: date) -> int:
        place = int(np.searchsorted(self._ordinals, day.toordinal()))
        if place >= len(self.days) or self.days[place] != day:
            raise InputError(
                "as_of", day.isoformat(), f"is no day of the {self.name}",
                f"it has the sessions from {self.days[0]} to {self.days[-1]}",
            )  # fmt: skip
        return place

    @cached_property
    def _ordinals(self) -> NDArray[np.int64]:
        return np.array([day.toordinal() for day in self.days])

    def _moment(self, place: int, after_close: bool) -> MarketMoment:
        state = self.states.at(place)
        return MarketMoment(at_close(self.days[place]), float(self.closes[place]), state, self.dividends, after_close)

    def _quoted(self, place: int, moment: MarketMoment, listings: Sequence[Listing]) -> list[QuotedExpiration]:
        day = self.days[place]
        ladders = []
        for listing in listings:
            ranges = [self._range(since, place) for since in (listing.since, listing.fine_since())]
            ladders.append(strikes(listing, day, *zip(*ranges, strict=True)))
        return quote_market(self.parameters, moment, listings, ladders)

    def _range(self, since: date, place: int) -> tuple[float, float]:
        """Lowest and highest close from a day to a place of the path."""
        first = min(int(np.searchsorted(self._ordinals, since.toordinal())), place)
        window = self.closes[first : place + 1]
        return float(window.min()), float(window.max())


def simulate_market(
    first: date,
    last: date,
    seed: int = DEFAULT_SEED,
    path: int = 0,
    parameters: Parameters | None = None,
    scenario: Scenario | None = None,
) -> SimulatedMarket:
    """Simulate a market over the sessions from `first` to `last`.

    The same seed and path give the same market, session for session, whatever the dates.

    Parameters
    ----------
    seed, path : int
    parameters : Parameters, optional
        The shipped calibration unless given.
    scenario : Scenario, optional
        Where the factors start and how they move; a stationary draw and the calibrated dynamics unless given. Prices
        keep `parameters`.
    """
    parameters = parameters or shipped_parameters()
    days = tuple(date.fromisoformat(str(day)) for day in sessions(first, last))
    if not days:
        raise InputError("first", first.isoformat(), f"there is no session from it to {last}", "give a wider range")
    world, start = (scenario.world(parameters), scenario.start) if scenario else (parameters, None)
    states = simulate_states(world, len(days), seed, path, start)
    dividends = _dividends(parameters, days[0], days[-1] + DIVIDEND_HORIZON)
    return SimulatedMarket(
        parameters, seed, path, days, _closes(parameters, days, states, dividends), states, dividends
    )


def scenario_market(scenario: Scenario, seed: int = DEFAULT_SEED, path: int = 0) -> SimulatedMarket:
    """A market under a scenario, on the sessions it is dated to."""
    days = sessions(scenario.first, scenario.first + timedelta(days=int(1.6 * scenario.sessions) + 10))
    last = date.fromisoformat(str(days[scenario.sessions - 1]))
    return simulate_market(scenario.first, last, seed, path, scenario=scenario)


def default_market(seed: int = DEFAULT_SEED, as_of: date | None = None) -> SimulatedMarket:
    """The market whose last session is the latest up to `as_of` (today unless given), with a year and more behind it.

    Anchored at its last session: the state there depends on the seed alone, the date only moves the calendar around it.
    """
    last = latest_session(as_of or datetime.now(NEW_YORK).date())
    days = sessions(last - timedelta(days=int(1.6 * HISTORY_SESSIONS)), last)
    return simulate_market(date.fromisoformat(str(days[-HISTORY_SESSIONS - 1])), last, seed)


def simulated_chain(seed: int = DEFAULT_SEED, as_of: date | None = None) -> Chain:
    """Chain of the default market at its last close; see `default_market`."""
    market = default_market(seed, as_of)
    return market.chain(market.days[-1])


def simulated_iv_history(seed: int = DEFAULT_SEED, as_of: date | None = None, tenor_days: int = 10) -> IvHistory:
    """The default market's own IV series, its last close included; see `default_market`."""
    return default_market(seed, as_of).iv_history(tenor_days)


def simulated_dividends(seed: int = DEFAULT_SEED, as_of: date | None = None) -> DividendSchedule:
    """Quarterly dividends of the default market."""
    return default_market(seed, as_of).dividends


def _bracketing(listings: Sequence[Listing], day: date) -> list[Listing]:
    """The expirations that an index at any of the tenors may read."""
    wanted: set[Listing] = set()
    for tenor in INDEX_TENORS:
        target = day + timedelta(days=tenor)
        before = [one for one in listings if one.expiration <= target]
        after = [one for one in listings if one.expiration > target]
        wanted.update(before[-BRACKET:], after[:BRACKET])
    return sorted(wanted)


def _dividends(parameters: Parameters, first: date, last: date) -> DividendSchedule:
    """Equal quarterly payments, ex on the session nearest before the 16th of March, June, September and December."""
    amount = round(0.25 * parameters.setting.dividend_yield * parameters.setting.spot, 3)
    months = [(year, month) for year in range(first.year, last.year + 1) for month in (3, 6, 9, 12)]
    dates = [latest_session(date(year, month, 16)) for year, month in months]
    found = tuple(Dividend(day, amount) for day in dates if first <= day <= last and amount > 0.0)
    return DividendSchedule(found, DIVIDEND_SOURCE)


def _closes(parameters: Parameters, days: Sequence[date], states: StatePath, dividends: DividendSchedule) -> Array:
    """Closes from the log returns, each dividend taken off on its ex-date."""
    paid = {d.ex_date: d.amount for d in dividends.dividends}
    closes, close = np.empty(len(days)), parameters.setting.spot
    for i, (day, growth) in enumerate(zip(days, np.exp(states.log_return), strict=True)):
        close = close * growth - paid.get(day, 0.0)
        closes[i] = round(close, 2)
    return closes
