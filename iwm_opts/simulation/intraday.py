"""5-minute bars of the simulated underlying, consistent with its daily bars and not predictive.

Prices are the daily bar's own Brownian motion, conditioned on its end, maximum and minimum
(`kernels.simulation.session`), with the jump of the day, if any, in one bar. Volume comes in the order of time: a bar
reads its own move, the path so far and path-independent values only. The day's volume rises with the
size of its whole move, which is unknown before the close; so a bar takes its part of the day's least volume so far, and
the last bar, with the closing auction in it, takes the rest.
"""

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.session import around_jump, conditioned_path
from iwm_opts.simulation.companions import LARGEST_SIZE, MEAN_SIZE, underlying_bars
from iwm_opts.simulation.daily_bars import RangeShocks, log_bars
from iwm_opts.simulation.dynamics import StatePath, generator
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

MINUTES: Final = 5
# Volume within the session is U-shaped: 1 + (distance from midday)^2 times this, over its mean.
U_SHAPE: Final = 2.0
VOLUME_NOISE: Final = 0.3  # sd of a bar's log volume beside its time and its move
MOST_OF_REST: Final = 0.8  # of the volume that is sure and still to come, a bar takes no more
# Standard deviations of the way to the close that a move is not expected to give back: one day in some ten thousand.
SURE: Final = 4.0


class IntradayBars:
    """Bars of 5 minutes of one path of the market, by session."""

    def __init__(self, parameters: Parameters, states: StatePath, closes: Array, seed: int, path: int) -> None:
        self.parameters, self.states, self.seed, self.path = parameters, states, seed, path
        self.shocks = RangeShocks(len(states), seed, path)
        self.logs = log_bars(parameters, states, self.shocks)
        self.before = closes / np.exp(states.log_return)
        self.daily = underlying_bars(parameters, states, closes, seed, path).to_numpy()

    def session(self, place: int, minutes_open: int) -> pd.DataFrame:
        """Bars of one session, whose open, high, low, close and volume are those of its daily bar.

        Parameters
        ----------
        place : int
            Of the session in the market.
        minutes_open : int
            390, or 210 on a half day.

        Returns
        -------
        DataFrame, shape (minutes_open / 5, 5)
            open, high, low, close (dollars), volume (shares). The index counts minutes from the open to each bar's end.
        """
        rng = generator(self.seed, self.path, "intraday", place)
        bars = minutes_open // MINUTES
        ends, lows, highs = self._path(place, rng.random((bars, 4)))
        opened, high, low, close, volume = self.daily[place]
        prices = [np.round(self.before[place] * np.exp(part), 2) for part in (ends, lows, highs)]
        prices[0][-1] = close
        ends_at, lowest, highest = (np.clip(part, low, high) for part in prices)
        starts_at = np.concatenate([[opened], ends_at[:-1]])
        highest[np.argmax(highs)], lowest[np.argmin(lows)] = high, low
        return pd.DataFrame(
            {
                "open": starts_at,
                "high": np.maximum(highest, np.maximum(starts_at, ends_at)),
                "low": np.minimum(lowest, np.minimum(starts_at, ends_at)),
                "close": ends_at,
                "volume": self._volume(place, ends, volume, rng.standard_normal(bars)),
            },
            index=pd.Index(MINUTES * np.arange(1, bars + 1), name="minute"),
        )

    def _path(self, place: int, uniforms: Array) -> tuple[Array, Array, Array]:
        """End, low and high of each bar as log distances from the close before."""
        logs, jump, moment = self.logs, float(self.states.jump[place]), float(self.logs.moment[place])
        opened, variance = float(logs.opened[place]), float(logs.variance[place])
        end = float(self.states.log_return[place]) - opened
        if jump == 0.0 or math.isnan(moment):
            high, low = float(logs.high[place]) - opened, float(logs.low[place]) - opened
            return _conditioned(uniforms, opened, end, low, high, variance)
        bars = len(uniforms)
        at = min(max(round(moment * bars), 1), bars - 1)
        first, first_high, first_low, rest, rest_high, rest_low = around_jump(
            end, variance, jump, moment, self.shocks.day[place].copy(), self.shocks.jump[place].copy()
        )
        early = _conditioned(uniforms[:at], opened, first, first_low, first_high, moment * variance)
        landed = opened + first + jump
        late = _conditioned(uniforms[at:], landed, rest, rest_low, rest_high, (1.0 - moment) * variance)
        ends, lows, highs = (np.concatenate(pair) for pair in zip(early, late, strict=True))
        lows[at], highs[at] = min(lows[at], ends[at - 1]), max(highs[at], ends[at - 1])
        return ends, lows, highs

    def _volume(self, place: int, ends: Array, total: float, noise: Array) -> Array:
        """Shares of each bar, from its own move and the path so far; the last has the rest of the day's.

        `ends` are log distances from the close before. The day's volume is its `quiet` one, which knows nothing of its
        move, times exp(elasticity x size of the move); the part of that size that the way to the close will not take
        back is sure, and so is the volume for it.
        """
        bars, elasticity = len(ends), self.parameters.bars.volume_elasticity
        daily_sd = math.sqrt(self.states.variance[place] / SESSIONS_PER_YEAR)
        sd = math.sqrt(self.logs.variance[place] / bars)
        quiet = total * math.exp(-elasticity * min(abs(self.states.log_return[place]) / daily_sd, LARGEST_SIZE))
        to_come = sd * np.sqrt(np.arange(bars - 1, -1, -1))
        kept = np.clip((np.abs(ends) - SURE * to_come) / daily_sd, 0.0, LARGEST_SIZE)
        sure = np.minimum(np.maximum.accumulate(quiet * np.exp(elasticity * kept)), total)
        size = np.minimum(np.abs(np.diff(ends, prepend=self.logs.opened[place])) / sd, LARGEST_SIZE)
        shape = 1.0 + U_SHAPE * np.linspace(-1.0, 1.0, bars) ** 2
        part = shape / np.cumsum(shape[::-1])[::-1]  # of what is to come
        part *= np.exp(VOLUME_NOISE * noise - 0.5 * VOLUME_NOISE**2 + elasticity * (size - MEAN_SIZE))
        volume, traded = np.empty(bars), 0.0
        for i, share in enumerate(np.minimum(part[:-1], MOST_OF_REST)):
            volume[i] = math.floor((sure[i] - traded) * share)
            traded += volume[i]
        volume[-1] = total - traded
        return volume


def _conditioned(
    uniforms: Array, start: float, end: float, low: float, high: float, variance: float
) -> tuple[Array, Array, Array]:
    """End, low and high of each bar of `conditioned_path` from `start`, which the bounds and `end` count from."""
    starts, ends, lows, highs = (np.empty(len(uniforms)) for _ in range(4))
    conditioned_path(uniforms.copy(), end, low, high, variance, starts, ends, lows, highs)
    return start + ends, start + lows, start + highs
