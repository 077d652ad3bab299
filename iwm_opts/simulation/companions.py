"""Daily bars of the simulated underlying and of the funds that go with it."""

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.errors import InputError
from iwm_opts.kernels.simulation.session import JUMP_SHOCKS, RANGE_SHOCKS
from iwm_opts.simulation.daily_bars import LogBars, RangeShocks, log_bars, ranges
from iwm_opts.simulation.dynamics import StatePath, generator, wander
from iwm_opts.simulation.parameters import TYPICAL_VOL, BarShape, Parameters

Array = NDArray[np.float64]

MEAN_SIZE: Final = math.sqrt(2.0 / math.pi)  # of a standard normal
LARGEST_SIZE: Final = 6.0  # of a move, in standard deviations, that volume still rises with


def underlying_bars(parameters: Parameters, states: StatePath, closes: Array, seed: int, path: int) -> pd.DataFrame:
    """Daily bars of the underlying.

    Parameters
    ----------
    closes : ndarray, shape (n,)
        Dollars, as the market has them.

    Returns
    -------
    DataFrame, shape (n, 5)
        open, high, low, close (dollars, cents), volume (shares).
    """
    logs = log_bars(parameters, states, RangeShocks(len(states), seed, path))
    before = closes / np.exp(states.log_return)
    bars = parameters.bars
    size = np.abs(states.log_return) / np.sqrt(states.variance / SESSIONS_PER_YEAR)
    volume = _volume(bars, bars.volume_elasticity, bars.volume, size, seed, path, 0)
    return _bars(before, logs, closes, volume)


def companion_bars(parameters: Parameters, symbol: str, states: StatePath, seed: int, path: int) -> pd.DataFrame:
    """Daily bars of a companion, as `underlying_bars`.

    Its log return is beta times the underlying's plus a part of its own, Student-distributed, whose vol follows the
    underlying's to the power `elasticity`.

    Raises
    ------
    InputError
        For an unknown companion.
    """
    if symbol not in parameters.companions:
        names = ", ".join(parameters.companions) or "none"
        raise InputError("symbol", symbol, "unknown companion of the simulated market", f"choose of {names}")
    shape, place = parameters.companions[symbol], 1 + sorted(parameters.companions).index(symbol)
    rng = generator(seed, path, "companions", place)
    variance = states.variance / SESSIONS_PER_YEAR
    idiosyncratic = (
        shape.own_vol * (np.sqrt(states.variance) / TYPICAL_VOL) ** shape.elasticity / math.sqrt(SESSIONS_PER_YEAR)
    )
    student = rng.standard_t(shape.tail, len(states)) * math.sqrt(1.0 - 2.0 / shape.tail)
    log_return = shape.beta * states.log_return + idiosyncratic * student
    closes = np.round(shape.spot * np.exp(np.cumsum(log_return)), 2)
    shocks = rng.standard_normal((len(states), RANGE_SHOCKS))
    jump_shocks = generator(seed, path, "jump", place).standard_normal((len(states), JUMP_SHOCKS))
    underlying = log_bars(parameters, states, RangeShocks(len(states), seed, path))  # jumps come to both at once
    overnight = np.full(len(states), shape.overnight)
    session = shape.range_scale * (1.0 - overnight)
    logs = ranges(
        shocks, jump_shocks, log_return, shape.beta**2 * variance + idiosyncratic**2,
        overnight, session, shape.beta * states.jump, underlying.moment,
    )  # fmt: skip
    size = np.abs(log_return) / np.sqrt(shape.beta**2 * variance + idiosyncratic**2)
    volume = _volume(parameters.bars, shape.volume_elasticity, shape.volume, size, seed, path, place)
    return _bars(closes / np.exp(log_return), logs, closes, volume)


def _volume(shape: BarShape, elasticity: float, median: float, size: Array, seed: int, path: int, place: int) -> Array:
    """Shares: more the larger the fund's own return, `size` in the day's standard deviations, and wandering."""
    rng = generator(seed, path, "volume", place)
    rest = wander(rng.standard_normal(len(size)), shape.volume_speed, shape.volume_vol, 0.0)
    return np.asarray(np.round(median * np.exp(elasticity * (np.minimum(size, LARGEST_SIZE) - MEAN_SIZE) + rest)))


def _bars(before: Array, logs: LogBars, closes: Array, volume: Array) -> pd.DataFrame:
    opened, high, low = (np.round(before * np.exp(part), 2) for part in (logs.opened, logs.high, logs.low))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(high, np.maximum(opened, closes)),
            "low": np.minimum(low, np.minimum(opened, closes)),
            "close": closes,
            "volume": volume,
        }
    )
