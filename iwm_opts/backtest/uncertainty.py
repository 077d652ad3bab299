"""Uncertainty of a mean net gain: sampling interval, and bands over what modelled quotes leave open."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.bootstrap import Interval, ratio_interval
from iwm_opts.backtest.engine import Prepared
from iwm_opts.backtest.quote_bands import GainBand, gain_bands
from iwm_opts.backtest.trial import PooledResult, trade_sample

Flags = NDArray[np.bool_]
DRAWS: Final = 999  # resamples behind the interval


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Of the mean net gain of a package, dollars a trade."""

    per_trade: Interval
    bands: tuple[GainBand, ...]  # empty unless quotes are modelled

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def with_uncertainty(
    result: PooledResult, prepared: Sequence[Prepared], allowed: Sequence[Flags | None], seed: int = 1
) -> PooledResult:
    """Return a result with its interval and, on modelled quotes, its bands.

    Parameters
    ----------
    result : PooledResult
    prepared : sequence of Prepared
        The rules that were run, by trial.
    allowed : sequence of (ndarray of bool or None)
        Days to enter on, by trial; None for those of the gate.
    seed : int
        Of resampling and of the smile's draws.
    """
    trades = result.trades
    if not len(trades):
        return result
    held = float(trades["sessions"].mean())
    interval = ratio_interval([trade_sample(run) for run in result.results], held, seed, DRAWS)
    return replace(result, uncertainty=Uncertainty(interval, gain_bands(prepared, allowed, seed)))
