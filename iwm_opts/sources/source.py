"""Protocol of a market source, and the requests that it answers: a day, or a history."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS
from iwm_opts.errors import ConflictError, InputError
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.on_day import MarketOnDay

if TYPE_CHECKING:
    from iwm_opts.simulation.parameters import Parameters
    from iwm_opts.simulation.scenarios import Scenario
    from iwm_opts.sources.daily_market import DailyMarket

DRAWN_FIELDS: Final = ("scenario", "scenario_file")  # of a history drawn at random, as a user names them
UNDRAWN_FIELDS: Final = ("iv_history", "bars", "session", "rate", "dividends")  # of any other
MIN_SESSIONS: Final = 2  # that a trade needs
MAX_DTE: Final = 120  # calendar days: recorded expirations farther out are not held


@dataclass(frozen=True, slots=True)
class ModelledFiles:
    """Where a modelled market's inputs lie, as a user names them."""

    bars: str | None
    iv_history: str | None
    slope_history: str | None = None
    slope_base: str | None = None
    yields: str | None = None
    rate: float | None = None  # in place of yields
    dividends: str | None = None  # a file, a list, or none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRequest:
    """One symbol's market; None leaves a field to the source.

    Parameters
    ----------
    symbol, session
        See `io.files.load_chain`.
    seed : int, optional
        Of the simulated market.
    tenor_days, lookback : int
        Of the IV history that a market brings along.
    modelled : ModelledFiles, optional
        Inputs of the modelled market.
    on_progress : callable, optional
        Receives the parts done and their total: of a download, of paths, of rows read.
    """

    symbol: str | None = None
    session: str | None = None
    seed: int | None = None
    tenor_days: int = IVR_TENOR_DAYS
    lookback: int = IVR_LOOKBACK
    modelled: ModelledFiles | None = None
    on_progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRequest(MarketRequest):
    """Market at one moment: `as_of` and `spot` as in `io.files.load_chain`."""

    as_of: date | None = None
    spot: float | None = None

    def refuse(self, market: str, *names: str) -> None:
        """Raise InputError for the first given field of some that a market does not have."""
        for name in names:
            value = getattr(self, name)
            if value is not None:
                raise InputError(name, value, f"means nothing on the {market}", "leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRequest(MarketRequest):
    """Market over many days.

    Parameters
    ----------
    first, last : date, optional
        Both included; all days of the source unless given, of the simulated market the five years to the last session.
    paths : int
        Of each scenario, or of the calibrated world.
    scenarios : tuple of Scenario
        Worlds of the simulated market; they have dates of their own. The calibrated one unless given.
    parameters : Parameters, optional
        The shipped calibration unless given.
    ranked : IvHistory, optional
        History that gates rank; the market's own unless given.
    bars : path, optional
        Daily bars of the underlying, for opens, highs, lows and settlements.
    rate : float, optional
        Continuously compounded, annual; unless given, that of the files, else implied from each chain.
    dividends : str or DividendSchedule, optional
        A schedule, or as `io.dividends.parse_dividends` takes them.
    max_dte : int
        Calendar days to the farthest expiration that the entry rule can reach.
    """

    first: date | None = None
    last: date | None = None
    paths: int = 1
    scenarios: "tuple[Scenario, ...]" = ()
    parameters: "Parameters | None" = None
    ranked: IvHistory | None = None
    bars: str | Path | None = None
    rate: float | None = None
    dividends: str | DividendSchedule | None = None
    max_dte: int = MAX_DTE


class MarketPath(NamedTuple):
    """Days of a market, and the IV history that gates rank."""

    market: "DailyMarket"
    history: IvHistory
    path: int = 0  # of those that one source gives
    scenario: str = ""  # that it was simulated under; empty for none
    remarks: tuple[str, ...] = ()  # on the files of `history`


class Source(Protocol):
    """One tier of market, behind the name that `--source` gives."""

    is_drawn: ClassVar[bool] = False  # its days are drawn at random, of a seed and scenarios
    ranks_own: ClassVar[bool] = False  # gates rank the index of its own quotes, and no other history

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Market at the moment of a request.

        Raises
        ------
        InputError
            For a field that the source cannot meet, or lacks.
        DataError
            For unreadable or missing data; a named source never falls back to another.
        """

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """Market over the days of a request, one path or more; raises as `on_day`."""

    def check_history(self, given: Mapping[str, object]) -> None:
        """Raise ConflictError for a given field that has no effect on the history of this source."""
        rule, remedy = "of the simulated market alone", "leave it out"
        if self.is_drawn:
            rule, remedy = "has no effect on the simulated market", "name a `source`"
        for name in UNDRAWN_FIELDS if self.is_drawn else DRAWN_FIELDS:
            if given[name]:
                raise ConflictError(name, given[name], rule, remedy)


class OneCapture(Source):
    """Source of one capture, which serves no backtest."""

    name: str

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """Refuse; see `Source`."""
        rule = "returns one capture, and a backtest needs many days"
        raise ConflictError("source", self.name, rule, "name sim, modelled, archive or a file")

    def check_history(self, given: Mapping[str, object]) -> None:
        """Refuse; see `Source`."""
        self.over_days(SpanRequest())
