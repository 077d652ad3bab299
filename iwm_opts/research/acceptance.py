"""Acceptance of the simulator: windows, IV ranks and curves against a real market."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.io.mapping import Mapper
from iwm_opts.research.conditional_facts import rank_table
from iwm_opts.research.facts import POINTS, History
from iwm_opts.research.goodness_of_fit import GoodnessOfFit, judge
from iwm_opts.research.history import HistoryFiles, real_history
from iwm_opts.research.path_ensemble import BAND, PathEnsemble, Target, target_of
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]
Report = Callable[[int, int], None]

RETURN_LAGS: Final[Array] = np.arange(1.0, 127.0)
IV_LAGS: Final[Array] = np.arange(1.0, 253.0)
SHARES: Final[Array] = np.linspace(0.01, 0.99, 99)  # of a distribution
SEEDS: Final = {"judge": 2, "conditional": 5}
CURVES: Final = 200  # histories that curves and the conditional table are drawn over
JUDGED = 2000  # histories behind the record of a calibration
SPLIT: Final = "2019-12-31"  # where a whole that was fitted to is judged in two parts as well
MIN_SESSIONS: Final = 504  # a shorter window has no year of ranks to judge


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of the real market and the fit of simulated histories of its length."""

    name: str  # "fitted to", "after it"; or "first part", "second part"; "whole"
    first: str
    last: str
    judgement: GoodnessOfFit


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Mean and 5 to 95% band of something over simulated histories; all of one shape."""

    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """Table of `conditional.rank_table`, real and simulated."""

    real: pd.DataFrame
    simulated: pd.DataFrame  # mean over histories
    low: pd.DataFrame
    high: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One quantity over an axis, real and simulated."""

    name: str
    axis: Array
    real: Array
    simulated: Spread


@dataclass(frozen=True, slots=True, eq=False)
class Acceptance:
    """Everything that is shown; the last window is the widest."""

    windows: tuple[Window, ...]
    conditional: Conditional
    curves: tuple[Curve, ...]
    histories: int
    notes: tuple[str, ...] = ()  # on the files of the real market


def accept(
    parameters: Parameters,
    files: HistoryFiles,
    first: str,
    last: str,
    histories: int,
    report: Report | None = None,
    mapper: Mapper | None = None,
) -> Acceptance:
    """Compare the simulated market with real data in files.

    Parameters
    ----------
    first, last : str
        Days of the whole. Where the parameters' provenance gives the fitted window, it and the one after it are judged
        too.
    histories : int
        For each window; half of them give mean and covariance, half the distances.
    report : callable, optional
        Called with histories done and their number.
    mapper : Mapper, optional
        Runs the histories that windows are judged by.
    """
    spans = windows_of(parameters, first, last)
    reals = {name: real_history(files, *span) for name, span in spans.items()}
    judged = {name: history for name, history in reals.items() if len(history) >= MIN_SESSIONS or name == "whole"}
    more = min(CURVES, histories)
    total = len(judged) * histories + more

    def window(place: int, name: str, history: History) -> Window:
        def on_done(done: int) -> None:
            if report:
                report(place * histories + done, total)

        judgement = judge(parameters, target_of(history), histories, SEEDS["judge"], mapper, on_done)
        return Window(name, *spans[name], judgement)

    windows = tuple(window(place, *item) for place, item in enumerate(judged.items()))
    whole = judged["whole"]
    drawn = list(PathEnsemble(len(whole), more, SEEDS["conditional"]).histories(parameters))
    result = Acceptance(windows, conditional(whole, drawn), curves(whole, drawn), histories, whole.notes)
    if report:
        report(total, total)
    return result


def windows_of(parameters: Parameters, first: str, last: str) -> dict[str, tuple[str, str]]:
    """Spans to judge by name: in and out of sample, or else the parts at `SPLIT`; and the whole."""
    spans: dict[str, tuple[str, str]] = {}
    fitted = parameters.provenance.get("fitted")
    if fitted and first <= fitted[0] and fitted[1] < last:
        spans = {"fitted to": (fitted[0], fitted[1]), "after it": (_next_day(fitted[1]), last)}
    elif fitted and last <= fitted[1] and first < SPLIT < last:
        spans = {"first part": (first, SPLIT), "second part": (_next_day(SPLIT), last)}
    return spans | {"whole": (first, last)}


def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def judge_windows(
    parameters: Parameters, files: HistoryFiles, spans: dict[str, tuple[str, str]]
) -> dict[str, GoodnessOfFit]:
    """Judgements by span, as a parameter file keeps them."""
    return {f"{a} to {b}": judge(parameters, target_of(real_history(files, a, b)), JUDGED) for a, b in spans.values()}


def target_from(files: HistoryFiles, first: str, last: str) -> Target:
    """Target of a calibration."""
    return target_of(real_history(files, first, last))


def conditional(real: History, simulated: list[History]) -> Conditional:
    """Compare the days after low and high IV ranks, real and over simulated histories."""
    tables = [rank_table(history) for history in simulated]
    stack = np.array([table.to_numpy(dtype=float) for table in tables])
    low, high = np.nanquantile(stack, BAND, axis=0)
    frames = (pd.DataFrame(part, tables[0].index, tables[0].columns) for part in (np.nanmean(stack, axis=0), low, high))
    return Conditional(rank_table(real), *frames)


def curves(real: History, simulated: list[History]) -> tuple[Curve, ...]:
    """Autocorrelations, and the distributions of IV and slopes."""
    drawn = [dict(_measures(history)) for history in simulated]
    drawn_curves = []
    for name, (axis, values) in _measures(real):
        stack = np.array([history[name][1] for history in drawn])
        low, high = np.quantile(stack, BAND, axis=0)
        drawn_curves.append(Curve(name, axis, values, Spread(stack.mean(axis=0), low, high)))
    return tuple(drawn_curves)


def _measures(history: History) -> Iterator[tuple[str, tuple[Array, Array]]]:
    yield "|return| autocorrelation", (RETURN_LAGS, _autocorrelation(np.abs(history.log_return), RETURN_LAGS))
    yield "return autocorrelation", (RETURN_LAGS[:21], _autocorrelation(history.log_return, RETURN_LAGS[:21]))
    yield "log IV30 autocorrelation", (IV_LAGS, _autocorrelation(np.log(history.iv), IV_LAGS))
    for name, values in (
        ("IV30", POINTS * history.iv),
        ("short slope", history.short_slope),
        ("long slope", history.long_slope),
    ):
        yield name, (SHARES, np.quantile(values[~np.isnan(values)], SHARES))


def _autocorrelation(values: Array, lags: Array) -> Array:
    centred = np.nan_to_num(values - np.nanmean(values))
    variance = float(centred @ centred)
    return np.array([float(centred[:-lag] @ centred[lag:]) / variance for lag in lags.astype(int)])
