"""Daily bars of the simulated market: open, high and low around a path's returns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import SESSIONS_PER_YEAR
from iwm_opts.kernels.simulation.session import JUMP_SHOCKS, RANGE_SHOCKS, daily_ranges
from iwm_opts.simulation.dynamics import StatePath, generator, wander
from iwm_opts.simulation.parameters import Parameters

Array = NDArray[np.float64]

EARLIEST = 1e-3  # share of the session that a jump keeps from its open and its close


class RangeShocks:
    """Random numbers of a path's daily bars."""

    def __init__(self, sessions: int, seed: int, path: int) -> None:
        self.day = generator(seed, path, "bars").standard_normal((sessions, RANGE_SHOCKS))
        self.scale = generator(seed, path, "range").standard_normal(sessions)
        self.jump = generator(seed, path, "jump").standard_normal((sessions, JUMP_SHOCKS))
        self.moment = generator(seed, path, "jump", 0).random(sessions)


@dataclass(frozen=True, slots=True, eq=False)
class LogBars:
    """Daily bars as log distances from the close before, arrays of shape (n,)."""

    opened: Array
    high: Array
    low: Array
    variance: Array  # of the path within the session, jumps left aside
    moment: Array  # at which of the session's time jumps of that day would fall, 0 to 1; NaN before the open


def log_bars(parameters: Parameters, states: StatePath, shocks: RangeShocks) -> LogBars:
    """Bars of the underlying.

    The session has the share `range_scale` (1 - overnight) of the day's variance, in its range and in its return alike,
    so that one Brownian motion makes both and its past does not predict its direction; the gap has the rest. A jump
    falls at one moment, before the open or after it in the same proportion.
    """
    bars = parameters.bars
    scale = bars.range_scale * np.exp(wander(shocks.scale, bars.range_speed, bars.range_vol, 0.0))
    session = np.minimum(scale * (1.0 - bars.overnight), 1.0)
    moment = np.clip(1.0 - (1.0 - shocks.moment) / session, EARLIEST, 1.0 - EARLIEST)
    moment[shocks.moment < 1.0 - session] = np.nan
    variance = states.variance / SESSIONS_PER_YEAR
    return ranges(shocks.day, shocks.jump, states.log_return, variance, 1.0 - session, session, states.jump, moment)


def ranges(
    shocks: Array, jump_shocks: Array, log_return: Array, variance: Array,
    overnight: Array, session: Array, jump: Array, moment: Array,
) -> LogBars:  # fmt: skip
    """Bars of log returns; arguments as in `daily_ranges`."""
    opened, high, low = (np.empty(len(log_return)) for _ in range(3))
    daily_ranges(shocks, jump_shocks, log_return, variance, overnight, session, jump, moment, opened, high, low)
    return LogBars(opened, high, low, session * variance, moment)
