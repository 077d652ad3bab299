"""From a source's name to trials: the market of each path over the days asked for, and the history its gate ranks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.backtest.recorded_chains import MAX_DTE, is_archive, recorded_days
from iwm_opts.backtest.simulated import SimulatedDays
from iwm_opts.backtest.trial import Trial
from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS, counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.series_notes import IV_HISTORY, series_notes
from iwm_opts.market.calendar import NEW_YORK, latest_session, sessions, sessions_before
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.scenarios import Scenario
from iwm_opts.sources.modelled_files import open_modelled
from iwm_opts.sources.on_day import DEFAULT_SYMBOL
from iwm_opts.sources.recorded import recorded_market
from iwm_opts.sources.simulated import DEFAULT_SEED, scenario_market, simulate_market
from iwm_opts.sources.source import ModelledFiles
from iwm_opts.sources.surface_market import SETTLING

YEARS: Final = 5  # of a simulated market, unless days are given
MIN_SESSIONS: Final = 2
OnProgress = Callable[[int, int], None]


def simulated_trials(
    first: date | None = None,
    last: date | None = None,
    paths: int = 1,
    seed: int | None = None,
    scenarios: Sequence[Scenario] = (),
    parameters: Parameters | None = None,
    tenor_days: int = IVR_TENOR_DAYS,
    lookback: int = IVR_LOOKBACK,
    on_progress: OnProgress | None = None,
) -> list[Trial]:
    """Paths of the simulated market, each with enough history before its first day to rank it.

    Parameters
    ----------
    first, last : date, optional
        Stretch to trade; the five years to the last session unless given. A scenario has dates of its own.
    paths : int
        Of each scenario, or of the calibrated world.
    seed : int, optional
    scenarios : sequence of Scenario
        Worlds to draw from; the calibrated one unless given.
    parameters : Parameters, optional
        The shipped calibration unless given.
    tenor_days : int
        Of the market's own index that gates rank, 10 or 30.
    lookback : int
        Sessions that gates rank within.
    on_progress : callable, optional
        Called with (paths done, paths).

    Raises
    ------
    InputError
        When days are given with a scenario, or hold no session.
    """
    if scenarios and (first or last):
        raise InputError("from", str(first or last), "a scenario has dates of its own", "leave out `first` and `last`")
    seed = DEFAULT_SEED if seed is None else seed
    before = lookback + SETTLING
    trials: list[Trial] = []
    last = last or latest_session(datetime.now(NEW_YORK).date() - timedelta(days=1))
    first = first or last - timedelta(days=round(365.25 * YEARS))
    if not scenarios and (first > last or len(sessions(first, last)) < MIN_SESSIONS):
        rule = f"to {last} there are not the {MIN_SESSIONS} sessions that a trade needs"
        raise InputError("from", first.isoformat(), rule, "give a wider range")
    for world in scenarios or (None,):
        for path in range(paths):
            if world is None:
                market, start = simulate_market(sessions_before(first, before), last, seed, path, parameters), first
            else:
                market, start = scenario_market(world, seed, path, parameters, before), world.first
            history = market.iv_history(tenor_days)
            name = world.name if world else ""
            trials.append(Trial(SimulatedDays(market, start), history, len(trials), name))
            if on_progress:
                on_progress(len(trials), paths * max(len(scenarios), 1))
    return trials


def modelled_trial(
    files: ModelledFiles,
    symbol: str | None = None,
    first: date | None = None,
    last: date | None = None,
    parameters: Parameters | None = None,
    tenor_days: int = IVR_TENOR_DAYS,
    lookback: int = IVR_LOOKBACK,
) -> Trial:
    """Modelled history from the first day that can be ranked, or the one asked for.

    Gates rank the index of the modelled quotes themselves: at 30 days that is the given index, to 0.05 points.

    Raises
    ------
    DataError
        When no day is left to trade.
    """
    start = sessions_before(first, lookback + SETTLING) if first else None
    market = open_modelled(files, symbol, start, last, parameters)
    history = market.iv_history(tenor_days)
    days = [day for day in market.days if day >= first] if first else list(market.days[lookback:])
    if len(days) < MIN_SESSIONS:
        rule = f"has {counted(len(market.days), 'days')} with quotes, none to trade behind a lookback of {lookback}"
        rule = "; ".join([rule, *market.notes])
        raise DataError(market.name, rule, "give longer files, or a smaller `ivr_lookback`", "sessions")
    return Trial(SimulatedDays(market, days[0], market.notes), history)


def recorded_trial(
    source: str | Sequence[str],
    history: IvHistory | None = None,
    symbol: str | None = None,
    session: str | None = None,
    bars: str | None = None,
    span: tuple[date | None, date | None] = (None, None),
    rate: float | None = None,
    dividends: DividendSchedule | None = None,
    tenor_days: int = IVR_TENOR_DAYS,
    lookback: int = IVR_LOOKBACK,
    most_dte: int = MAX_DTE,
    on_progress: OnProgress | None = None,
) -> Trial:
    """Return recorded chains, of files or the local archive; see `backtest.recorded_chains.recorded_days`.

    Parameters
    ----------
    history : IvHistory, optional
        History that gates rank. Otherwise the chains' own index; on the chain archive a fetched index is the proxy for
        one that is too short.
    span : (date or None, date or None)
        First and last day; all there is unless given.
    most_dte : int
        Calendar days that the entry rule reaches; the chains' own index may need, and then holds, more.
    """
    needed = most_dte if history is not None else max(most_dte, MAX_DTE)
    market = recorded_days(
        source, symbol, session, bars, *span, max_dte=needed, rate=rate, dividends=dividends, progress=on_progress
    )
    if history is not None:
        return given_history(history, Trial(market, history))
    if is_archive(source):
        recorded = recorded_market(clean_symbol(symbol or DEFAULT_SYMBOL))
        return Trial(market, recorded.ranked_history(market.days[-1], tenor_days, lookback)[0])
    return Trial(market, market.iv_history(tenor_days))


def given_history(history: IvHistory, trial: Trial) -> Trial:
    """Trial whose gate ranks another history than its market's own."""
    if not np.isin(pd.DatetimeIndex(trial.market.days), history.closes.index).any():
        first, last = trial.market.days[0], trial.market.days[-1]
        raise DataError(
            history.series, f"has no value between {first} and {last}", "give a history of those years", "date"
        )
    remarks = series_notes({IV_HISTORY: history})
    return replace(trial, history=history, remarks=(*trial.remarks, *remarks))
