"""Daily bars of the simulated underlying and of the funds that go with it, and 5-minute bars that agree with them."""

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.errors import InputError
from iwm_opts.kernels.paths import RANGE_SHOCKS, daily_ranges
from iwm_opts.simulation.dynamics import StatePath, generator, wander
from iwm_opts.simulation.history import RangeShocks, log_bars
from iwm_opts.simulation.parameters import TYPICAL_VOL, BarShape, Companion, Parameters

Array = NDArray[np.float64]

MEAN_SIZE: Final = math.sqrt(2.0 / math.pi)  # of a standard normal
MINUTES: Final = 5
STEPS_A_BAR: Final = 5  # one a minute
# Volume within the session is U-shaped: 1 + (distance from midday)^2 times this, over its mean.
U_SHAPE: Final = 2.0


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
    volume = _volume(parameters.bars, parameters.bars.volume_elasticity, parameters.bars.volume, states, seed, path, 0)
    return _bars(before, logs, closes, volume)


def companion_bars(parameters: Parameters, symbol: str, states: StatePath, seed: int, path: int) -> pd.DataFrame:
    """Daily bars of a companion, as `underlying_bars`.

    Its log return is beta times the underlying's plus a part of its own, Student-distributed, whose vol follows the
    underlying's to the power `elasticity`.

    Raises
    ------
    InputError
        When the parameters know no such companion.
    """
    if symbol not in parameters.companions:
        known = ", ".join(parameters.companions) or "none"
        raise InputError("symbol", symbol, "is no companion of the simulated market", f"it has {known}")
    shape, place = parameters.companions[symbol], 1 + sorted(parameters.companions).index(symbol)
    rng = generator(seed, path, "companions", place)
    variance = states.variance / SESSIONS_PER_YEAR
    own = shape.own_vol * (np.sqrt(states.variance) / TYPICAL_VOL) ** shape.elasticity / math.sqrt(SESSIONS_PER_YEAR)
    student = rng.standard_t(shape.tail, len(states)) * math.sqrt(1.0 - 2.0 / shape.tail)
    log_return = shape.beta * states.log_return + own * student
    closes = np.round(shape.spot * np.exp(np.cumsum(log_return)), 2)
    logs = _companion_ranges(shape, log_return, shape.beta**2 * variance + own**2, rng)
    volume = _volume(parameters.bars, shape.volume_elasticity, shape.volume, states, seed, path, place)
    return _bars(closes / np.exp(log_return), logs, closes, volume)


def _companion_ranges(
    shape: Companion, log_return: Array, variance: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    opened, high, low = (np.empty(len(log_return)) for _ in range(3))
    scale = np.full(len(log_return), shape.range_scale)
    shocks = rng.standard_normal((len(log_return), RANGE_SHOCKS))
    daily_ranges(shocks, log_return, variance, shape.overnight, scale, opened, high, low)
    return opened, high, low


def _volume(
    shape: BarShape, elasticity: float, median: float, states: StatePath, seed: int, path: int, place: int
) -> Array:
    """Shares: more the larger the return for the day's vol, and wandering."""
    rng = generator(seed, path, "volume", place)
    size = np.abs(states.log_return) / np.sqrt(states.variance / SESSIONS_PER_YEAR)
    rest = wander(rng.standard_normal(len(states)), shape.volume_speed, shape.volume_vol, 0.0)
    return np.asarray(np.round(median * np.exp(elasticity * (np.minimum(size, 6.0) - MEAN_SIZE) + rest)))


def _bars(before: Array, logs: tuple[Array, Array, Array], closes: Array, volume: Array) -> pd.DataFrame:
    opened, high, low = (np.round(before * np.exp(part), 2) for part in logs)
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(high, np.maximum(opened, closes)),
            "low": np.minimum(low, np.minimum(opened, closes)),
            "close": closes,
            "volume": volume,
        }
    )


def intraday_bars(bar: pd.Series, minutes_open: int, seed: int, path: int, place: int) -> pd.DataFrame:
    """Bars of 5 minutes that agree with one daily bar: same open, high, low, close and volume.

    A Brownian bridge from open to close at one-minute steps, whose parts above and below the two are stretched until
    its extremes are the day's.

    Parameters
    ----------
    bar : Series
        open, high, low, close and volume of the day.
    minutes_open : int
        390, or 210 on a half day.
    seed, path, place : int
        Of the market and of the day in it.

    Returns
    -------
    DataFrame, shape (minutes_open / 5, 5)
        The index counts minutes from the open to each bar's end.
    """
    rng = generator(seed, path, "intraday", place)
    prices = np.round(_stretched(_bridge(rng, bar["open"], bar["close"], minutes_open), bar), 2)
    bars = minutes_open // MINUTES
    ends = prices[STEPS_A_BAR::STEPS_A_BAR]
    spans = np.lib.stride_tricks.sliding_window_view(prices, STEPS_A_BAR + 1)[::STEPS_A_BAR]
    midday = np.linspace(-1.0, 1.0, bars)
    share = (1.0 + U_SHAPE * midday**2) * np.exp(0.3 * rng.standard_normal(bars))
    volume = np.floor(bar["volume"] * share / share.sum())
    volume[-1] += bar["volume"] - volume.sum()
    return pd.DataFrame(
        {
            "open": np.concatenate([prices[:1], ends[:-1]]),
            "high": spans.max(axis=1),
            "low": spans.min(axis=1),
            "close": ends,
            "volume": volume,
        },
        index=pd.Index(MINUTES * np.arange(1, bars + 1), name="minute"),
    )


def _bridge(rng: np.random.Generator, start: float, end: float, steps: int) -> Array:
    walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(steps))])
    along = np.arange(steps + 1) / steps
    spread = max(abs(end - start), 1e-4 * start)
    return np.asarray(start + (end - start) * along + spread * (walk - along * walk[-1]) / math.sqrt(steps))


def _stretched(prices: Array, bar: pd.Series) -> Array:
    """The path with its excursions beyond open and close scaled to reach the high and the low."""
    top, bottom = max(bar["open"], bar["close"]), min(bar["open"], bar["close"])
    above, below = np.maximum(prices - top, 0.0), np.maximum(bottom - prices, 0.0)
    inside = np.clip(prices, bottom, top)
    for excursion, edge, reach, sign in (
        (above, top, bar["high"] - top, 1.0),
        (below, bottom, bottom - bar["low"], -1.0),
    ):
        if excursion.max() > 0.0:
            inside = inside + sign * excursion * (reach / excursion.max())
        elif reach > 0.0:  # the path never went there: one minute does
            inside[1 + int(np.argmax(sign * inside[1:-1]))] = edge + sign * reach
    return np.asarray(inside)
