"""The modelled market out of files: bars, a volatility index, and what there is of slope, rates and dividends."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import ASSUMED_RATE, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import parse_dividends
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.provenance import origin_of
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.io.yields import load_yields, rate_on
from iwm_opts.market.calendar import sessions_before
from iwm_opts.market.dividends import Dividend, DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.scaling import TENOR_DAYS
from iwm_opts.sources.modelled import TYPICAL_SLOPE, ModelledMarket, Slope, modelled_market
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.source import MIN_SESSIONS, DayRequest, MarketPath, ModelledFiles, Source, SpanRequest
from iwm_opts.sources.surface_days import SurfaceDays
from iwm_opts.sources.surface_market import SETTLING

SLOPES: Final = (0.3, 3.0)  # 9-day over 30-day vol; farther apart, one of the two is something else


def open_modelled(
    files: ModelledFiles | None,
    symbol: str | None = None,
    first: date | None = None,
    last: date | None = None,
    parameters: Parameters | None = None,
) -> ModelledMarket:
    """Modelled market between two days.

    Parameters
    ----------
    files : ModelledFiles
    symbol : str, optional
        IWM: listing, smile and spreads are its.
    first, last : date, optional
        The files' common range unless given.
    parameters : Parameters, optional

    Raises
    ------
    InputError
        When bars or index are not named, or the symbol is another.
    DataError
        When a file cannot be read, or files do not overlap.
    """
    files = _complete(files, symbol)
    return _market(files, _bars(files), _volatility(files), first, last, parameters)


def modelled_to_day(
    files: ModelledFiles | None, symbol: str | None, day: date | None, lookback: int = 0
) -> ModelledMarket:
    """Modelled market of some sessions up to a day, the newest of its files unless given; see `open_modelled`."""
    files = _complete(files, symbol)
    bars, volatility = _bars(files), _volatility(files)
    known = pd.DatetimeIndex(volatility.closes.dropna().index)
    if day is None:
        shared = pd.DatetimeIndex(bars.index).intersection(known)
        if not len(shared):
            raise DataError(volatility.series, "shares no day with the bars", "give files that overlap", "date")
        day = shared[-1].date()
    elif pd.Timestamp(day) not in known:
        rule = f"has no value on {day}: that session has no modelled quotes"
        raise DataError(volatility.series, rule, "name another `as_of`", "date")
    return _market(files, bars, volatility, sessions_before(day, lookback), day, None)


class ModelledSource(Source):
    """Modelled quotes on real prices."""

    ranks_own = True

    def __init__(self, name: str = "modelled") -> None:
        self.name = name

    def on_day(self, request: DayRequest) -> MarketOnDay:
        """Modelled market on one day, the newest that its files share unless given; see `Source`.

        Its history is the index of the modelled quotes, as backtests rank it.
        """
        request.refuse("modelled market", "session", "spot")
        market = modelled_to_day(request.modelled, request.symbol, request.as_of, request.lookback + SETTLING)
        chain, rate = market.chain(market.days[-1]), float(market.rates[-1])
        history = market.iv_history(request.tenor_days)
        return MarketOnDay(chain, market.dividends, history, market.notes, rate, EXERCISE_OF_MODELS)

    def over_days(self, request: SpanRequest) -> tuple[MarketPath, ...]:
        """Days from the first that can be ranked, or the first asked for; see `Source`.

        Gates rank the index of the modelled quotes themselves: at 30 days that is the given index, to 0.05 points.
        """
        first, lookback = request.first, request.lookback
        start = sessions_before(first, lookback + SETTLING) if first else None
        market = open_modelled(request.modelled, request.symbol, start, request.last, request.parameters)
        history = market.iv_history(request.tenor_days)
        days = [day for day in market.days if day >= first] if first else list(market.days[lookback:])
        if len(days) < MIN_SESSIONS:
            rule = f"has {counted(len(market.days), 'days')} with quotes, none to trade behind a lookback of {lookback}"
            rule = "; ".join([rule, *market.notes])
            raise DataError(market.name, rule, "give longer files, or a smaller `ivr_lookback`", "sessions")
        return (MarketPath(SurfaceDays(market, days[0], market.notes), history),)


def _complete(files: ModelledFiles | None, symbol: str | None) -> ModelledFiles:
    if symbol is not None and clean_symbol(symbol) != DEFAULT_SYMBOL:
        raise InputError("symbol", symbol, f"the modelled market is of {DEFAULT_SYMBOL}", "name a chain file")
    files = files or ModelledFiles(None, None)
    for name in ("bars", "iv_history"):
        if not getattr(files, name):
            rule = "the modelled market is made from daily bars and a 30-day volatility index"
            raise InputError(name, None, rule, "give `bars` IWM.csv `iv_history` RVX_History.csv")
    return files


def _bars(files: ModelledFiles) -> pd.DataFrame:
    return load_bars(str(files.bars), DEFAULT_SYMBOL, is_choice=False)


def _volatility(files: ModelledFiles) -> IvHistory:
    return load_iv_history(str(files.iv_history), DEFAULT_SYMBOL, TENOR_DAYS)


def _market(
    files: ModelledFiles,
    bars: pd.DataFrame,
    volatility: IvHistory,
    first: date | None,
    last: date | None,
    parameters: Parameters | None,
) -> ModelledMarket:
    slope, sloped, sloping = _slope(files)
    rates, rated, yields = _rates(files, bars)
    dividends, paid = _dividends(files, bars)
    series = {"bars": bars, IV_HISTORY: volatility, **sloping, "yields": yields, "dividends": dividends}
    index = volatility.series if volatility.tenor_days == TENOR_DAYS else f"{volatility.series} (taken as 30-day)"
    scaled = f"scaled each day until the {TENOR_DAYS}-day index of its own quotes is {index}"
    notes = (
        f"modelled: surface of the calibrated simulation, {scaled}; {sloped}",
        f"modelled: {rated}; {paid}; European exercise",
        *series_notes(series),
        *dividends.large(float(bars["close"].median())),
    )
    market = modelled_market(bars, volatility, slope, rates, dividends, first, last, parameters, notes)
    given = [Path(name) for name in (files.bars, files.iv_history) if name]
    return replace(market, of_simulated=any(origin_of(path).simulated for path in given))


def _slope(files: ModelledFiles) -> tuple[Slope, str, dict[str, IvHistory]]:
    """Slope, a note on it, and the indices that it is of by name."""
    nothing = pd.Series(dtype=np.float64, index=pd.DatetimeIndex([]))
    if not files.slope_history and not files.slope_base:
        # Quoted spreads widen with short vol over long (`simulation.surface_table.spread_widening`).
        note = (
            f"9-day over 30-day vol fixed at {TYPICAL_SLOPE:g}, so that spreads never widen and stress costs too "
            "little: give `slope_history` and `slope_base`"
        )
        return Slope(nothing, TYPICAL_SLOPE, note), note, {}
    if not files.slope_history or not files.slope_base:
        name = "slope_base" if files.slope_history else "slope_history"
        rule = "a slope is the ratio of two indices"
        raise InputError(name, None, rule, "give both, such as VIX9D_History.csv over VIX_History.csv")
    short, base = (load_iv_history(name) for name in (files.slope_history, files.slope_base))
    if not (short.tenor_days or 0) < (base.tenor_days or TENOR_DAYS):
        rule = f"{short.series} over {base.series} is not a short index over a longer one"
        raise InputError("slope_history", files.slope_history, rule, "give VIX9D over VIX")
    ratio = (short.closes / base.closes).dropna()
    if not len(ratio):
        raise DataError(short.series, f"shares no day with {base.series}", "give files that overlap", "date")
    wrong = ratio[~ratio.between(*SLOPES)]
    if len(wrong):
        day, value = wrong.index[0].date(), float(wrong.iloc[0])
        raise DataError(short.series, f"is {value:.2f} times {base.series} on {day}", "fix that row", "value")
    note = f"9-day over 30-day vol from {short.series}/{base.series}, a proxy"
    note += f", {ratio.index[0].date()} to {ratio.index[-1].date()}, {TYPICAL_SLOPE:g} on other days"
    return (
        Slope(ratio, TYPICAL_SLOPE, note, (short.series, base.series)),
        note,
        {short.series: short, base.series: base},
    )


def _rates(files: ModelledFiles, bars: pd.DataFrame) -> "tuple[pd.Series[float] | float, str, pd.Series[float] | None]":
    """Rates, a note on them, and the yields that they come from."""
    if files.rate is not None:
        return files.rate, f"rate {files.rate:.2%} as given", None
    if not files.yields:
        return ASSUMED_RATE, f"rate {ASSUMED_RATE:.1%} assumed throughout; give `yields`", None
    yields = load_yields(files.yields)
    if yields.index[0] > bars.index[-1]:
        rule = f"begins on {yields.index[0].date()}, after the last bar, {bars.index[-1].date()}"
        raise DataError(files.yields, rule, "give `yields` of the days of the bars, or leave it out", "date")
    rates = rate_on(yields, pd.DatetimeIndex(bars.index)).bfill()
    note = f"rates from {Path(files.yields).name}, {yields.index[0].date()} to {yields.index[-1].date()}"
    return rates, f"{note}, the nearest beyond", yields


def _dividends(files: ModelledFiles, bars: pd.DataFrame) -> tuple[DividendSchedule, str]:
    """Those given, else those that the bars came with."""
    if files.dividends:
        dividends = parse_dividends(files.dividends, DEFAULT_SYMBOL, is_choice=False)
        return dividends, f"dividends from {dividends.source}, taken as known in advance"
    if "dividend" in bars:
        paid = bars["dividend"][bars["dividend"] > 0.0]
        days = pd.DatetimeIndex(paid.index)
        schedule = tuple(Dividend(day.date(), float(amount)) for day, amount in zip(days, paid, strict=True))
        return DividendSchedule(schedule, "the bars"), "dividends from the bars, taken as known in advance"
    return DividendSchedule((), "none given"), "no dividends given: forwards leave them out"
