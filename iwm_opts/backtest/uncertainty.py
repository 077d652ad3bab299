"""Uncertainty of a mean net gain: sampling interval, and bands over what modelled quotes leave open."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pandas as pd

from iwm_opts.backtest.bands import GainBand, Uncertainty
from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.backtest.quote_bands import Entered, gain_bands
from iwm_opts.backtest.trial import PooledResult, Traded, trade_sample

DRAWS: Final = 999  # resamples behind the interval
SOURCES: Final = ("smile", "spreads")  # of bands, in their order


def uncertainty_columns(measured: Uncertainty | None) -> dict[str, float]:
    """Uncertainty in a row of a frame: per_trade and bounds of per_trade, smile and spreads; NaN where unknown."""
    spans: list[Interval | GainBand] = [measured.per_trade, *measured.bands] if measured else []
    bounds = {f"{name}_{end}": math.nan for name in ("per_trade", *SOURCES) for end in ("low", "high")}
    for name, span in zip(("per_trade", *SOURCES), spans, strict=False):
        bounds |= {f"{name}_low": span.low, f"{name}_high": span.high}
    return {"per_trade": measured.per_trade.estimate if measured else math.nan} | bounds


def with_uncertainty(
    results: Sequence[PooledResult], entered: Sequence[Sequence[Entered]], seed: int = 1, draws: int = DRAWS
) -> list[PooledResult]:
    """Return results with their intervals and, on modelled quotes, their bands; see `uncertainties`."""
    measured = uncertainties([result.results for result in results], entered, seed, draws)
    return [replace(result, uncertainty=each) for result, each in zip(results, measured, strict=True)]


def uncertainties(
    results: Sequence[Sequence[Traded]], entered: Sequence[Sequence[Entered]], seed: int = 1, draws: int = DRAWS
) -> list[Uncertainty | None]:
    """Measure the uncertainty of some results; None of one without a trade.

    Parameters
    ----------
    results : sequence of sequence of Traded
        Paths of each.
    entered : sequence of sequence of Entered
        Rules behind each, as they were run.
    seed : int
        Of resampling and of the smile's draws.
    draws : int
        Resamples behind an interval.
    """
    bands = gain_bands(entered, seed)
    return [uncertainty_of(paths, each, seed, draws) for paths, each in zip(results, bands, strict=True)]


def uncertainty_of(
    paths: Sequence[Traded], bands: tuple[GainBand, ...], seed: int = 1, draws: int = DRAWS
) -> Uncertainty | None:
    """Uncertainty of one result, given its bands; see `uncertainties`."""
    sessions = pd.concat([path.trades["sessions"] for path in paths])
    if not len(sessions):
        return None
    interval = ratio_interval([trade_sample(path) for path in paths], float(sessions.mean()), seed, draws)
    return Uncertainty(interval.of_trades(len(sessions)), bands)
