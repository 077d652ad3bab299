"""Reviews of forecasts: what screens stated against what became of it, from the log or over recorded chains."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Final

from iwm_opts.api.chain import DEFAULT_SYMBOL, ChainRequest, OptionChain, open_chain
from iwm_opts.api.plan_order import plan_place, plan_screen
from iwm_opts.api.plans import TradingPlan
from iwm_opts.api.result import OnProgress, Result
from iwm_opts.api.review import PAPER
from iwm_opts.api.screen_request import ScreenRequest
from iwm_opts.api.screening import Screen, answer_screen
from iwm_opts.conventions import FEE_SCHEDULE, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.archive import open_record
from iwm_opts.io.archive_series import read_series
from iwm_opts.io.bars import load_bars
from iwm_opts.io.files import read_chains
from iwm_opts.io.history_files import expand
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.series_notes import series_notes
from iwm_opts.journal.forecasts import SCREENED, Forecast, advanced, forecast, open_forecasts, with_bars
from iwm_opts.journal.reliability import Reliability, reliabilities
from iwm_opts.market.chain import LABELS
from iwm_opts.market.snapshot import take_snapshot
from iwm_opts.plans.plan import Plan
from iwm_opts.report.forecasts_table import forecast_records, forecasts_record, forecasts_table
from iwm_opts.report.records import Record
from iwm_opts.sources.archive import ARCHIVE_NAMES
from iwm_opts.sources.on_day import EXERCISE_OF_MODELS
from iwm_opts.sources.recorded_market import recorded_market
from iwm_opts.spreads.screen import Sized

CHAINS_NOTE: Final = "stated now on the chain of each day, not logged on that day"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """Stated figures against their outcomes.

    Fields as the parameters of `review_forecasts`; further:

    Parameters
    ----------
    bars : str or Path, optional
        Daily bars: lows and highs for touches, closes for expirations without a chain. Those of the archive unless
        given, where the chains are its own.
    """

    source: str = PAPER
    symbol: str = DEFAULT_SYMBOL
    plan: Plan | None = None
    bars: str | Path | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForecastReview(Result):
    """Reliability of stated probabilities and expectancies.

    Attributes
    ----------
    forecasts : tuple of Forecast
    reliabilities : tuple of Reliability
        POP under the smile and under the real-world measure, touch, P50, managed expectancy.
    source : str
    notes : tuple of str
    """

    is_private: ClassVar[bool] = True

    forecasts: tuple[Forecast, ...]
    reliabilities: tuple[Reliability, ...]
    source: str
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Label of simulated forecasts; empty otherwise."""
        return LABELS["simulated"] if not all(made.trade.provenance.is_real for made in self.forecasts) else ""

    def rows(self) -> list[Record]:
        """One row a forecast.

        Returns
        -------
        list of dict
            origin, day, symbol, strategy, expiration, legs; credit ($/share); pop, pop_real_world, prob_touch,
            prob_target (0 to 1) and expected_profit ($ a package) as stated; exit, reason; is_profit_at_expiry,
            is_touched, reached_target (None while unknown) and gain ($ a package).
        """
        return forecast_records(self.forecasts)

    def record(self) -> Record:
        return forecasts_record(self.source, self.reliabilities, self.forecasts, self.notes)

    def to_text(self, verbose: bool = False, columns: int | None = None) -> str:
        return forecasts_table(
            self.source, self.label, self.reliabilities, self.forecasts, self.notes, verbose, columns
        )

    def headline(self) -> tuple[str, list[str], str]:
        return f"forecasts of {self.source}", [counted(len(self.forecasts), "forecasts"), *self.notes], self.label


def answer_forecasts(request: ForecastRequest, on_progress: OnProgress | None = None) -> ForecastReview:
    """Compare stated figures with their outcomes; see `ForecastRequest`.

    Raises
    ------
    DataError
        Without a forecast.
    """
    symbol = clean_symbol(request.symbol)
    notes: list[str] = []
    if request.source == PAPER:
        source = "the forward record"
        plan = request.plan.name if request.plan else None
        logged = [
            item
            for item in open_forecasts().forecasts()
            if item.trade.symbol == symbol and plan in (None, item.trade.plan)
        ]
        made = [item for item in logged if item.trade.provenance.is_real] or logged
        if len(made) < len(logged):
            notes.append(f"{counted(len(logged) - len(made), 'forecasts')} on a simulated market left out")
        remedy = "log one: iwm-opts snapshot, or iwm-opts paper open"
    else:
        source, remedy = request.source, "give chains of several days that list the package"
        made, without = _stated_on(_chains(request, symbol), request.plan, on_progress)
        notes = [CHAINS_NOTE, *without]
    if not made:
        raise DataError(source, f"holds no forecast of {symbol}", remedy, "symbol")
    bars = None
    if request.bars is not None:
        bars = load_bars(request.bars, symbol)
    elif request.source == PAPER or request.source in ARCHIVE_NAMES:
        bars = read_series(open_record(), "bars", symbol)
    if bars is None:
        notes.append("touches by the prices of the chains alone, too few: give `bars` FILE for lows and highs")
    else:
        made = [with_bars(item, bars) for item in made]
        notes += series_notes({"bars": bars})
    return ForecastReview(tuple(made), reliabilities(made), source, tuple(notes))


def log_forecast(screen: Screen, sized: Sized, *, origin: str, fees: str = FEE_SCHEDULE, plan: str = "") -> None:
    """Log a candidate of a screen in the archive."""
    open_forecasts().add(_forecast(screen, sized, origin, fees, plan))


def log_of_day(symbol: str, day: date) -> str:
    """Mark the open forecasts of the archive on its chain of a day, and log the first candidate of a screen on it.

    Returns
    -------
    str
        Why no forecast is logged; empty otherwise.
    """
    try:
        chain = open_chain(ChainRequest(source="archive", symbol=symbol, as_of=day))
        open_forecasts().advance(chain.snapshot)
        screen = answer_screen(ScreenRequest(chain=chain))
    except (InputError, DataError) as error:
        return f"no forecast logged: {error}"
    if not len(screen):
        return "no forecast logged: the screen kept no candidate"
    log_forecast(screen, screen[0].sized, origin=SCREENED)
    return ""


def _forecast(screen: Screen, sized: Sized, origin: str, fees: str, plan: str) -> Forecast:
    return forecast(sized, screen.screening.snapshot, screen.request.exits, origin=origin, fees=fees, plan=plan)


def _stated_on(
    chains: Iterator[OptionChain], plan: Plan | None, on_progress: OnProgress | None
) -> tuple[list[Forecast], list[str]]:
    """Forecasts of the first candidate on each chain, advanced by the chains after it; days without one are counted."""
    made: list[Forecast] = []
    days = without = 0
    for chain in chains:
        days += 1
        made = [advanced(item, chain.snapshot) for item in made]
        request = plan_screen(plan, chain) if plan else ScreenRequest(chain=chain)
        fees = plan.costs.fees if plan else FEE_SCHEDULE
        try:
            screen = answer_screen(request)
        except InputError:  # no expiration in the window
            without += 1
            continue
        place = plan_place(plan, screen) if plan else 0 if len(screen) else None
        if place is None:
            without += 1
        else:
            made.append(_forecast(screen, screen[place].sized, SCREENED, fees, plan.name if plan else ""))
        if on_progress:
            on_progress(days, days)
    return made, [f"{without} of {days} days list no package of the screen"] if without else []


def _chains(request: ForecastRequest, symbol: str) -> Iterator[OptionChain]:
    """Chains of a source, one a day, ascending.

    Raises
    ------
    DataError
        When files are not in the order of their days.
    """
    if request.source in ARCHIVE_NAMES:
        for day in recorded_market(symbol).days:
            yield open_chain(ChainRequest(source=request.source, symbol=symbol, as_of=day))
        return
    last = None
    for path in expand([request.source])[0]:
        for chain in read_chains(path, symbol=symbol):
            if isinstance(chain, DataError):
                continue
            if last is not None and chain.as_of <= last:
                rule = f"{chain.as_of} comes after {last}"
                raise DataError(path, rule, "name the files in the order of their days, one capture a day", "date")
            last = chain.as_of
            rate = origin_of(path).rate if chain.simulated else None
            exercise = EXERCISE_OF_MODELS if chain.simulated else None
            yield OptionChain(take_snapshot(chain, rate, exercise=exercise))


def review_forecasts(
    source: str | Path = PAPER,
    *,
    symbol: str = DEFAULT_SYMBOL,
    plan: TradingPlan | None = None,
    bars: str | Path | None = None,
) -> ForecastReview:
    """Compare stated probabilities and expectancies with their outcomes.

    Parameters
    ----------
    source : str or Path
        `paper`: the forward record of the archive; `archive` or chain files: a screen on each day.
    symbol : str
    plan : TradingPlan, optional
        Whose package is screened; the default condor unless given.
    bars : str or Path, optional
        Daily bars for touches and expirations.

    Returns
    -------
    ForecastReview
    """
    return answer_forecasts(
        ForecastRequest(source=str(source), symbol=symbol, plan=plan.plan if plan else None, bars=bars)
    )
