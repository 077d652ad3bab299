"""Scaling the surface of each day until the volatility index of its own quotes is a given one.

A published index is model-free: computed from quotes, truncated strikes and wings without bids included, on its
publisher's clock and expirations. So the factors are not taken from it directly, but moved until the same computation
on the quotes gives it back. Taking it for at-the-money vol instead would price everything some 2 to 3 points too dear.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.simulation.dynamics import FACTORS
from iwm_opts.simulation.index import Strikes, quoted_variance
from iwm_opts.simulation.index_states import IndexTargets, index_factors
from iwm_opts.simulation.listing import ranges
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface import smile_coefficients, total_variances
from iwm_opts.simulation.surface_table import SurfaceTable, expiration_factors, spread_widening

Array = NDArray[np.float64]

TENOR_DAYS: Final = 30
CLOSE_ENOUGH: Final = 1e-4  # decimal vol
# A wing ends where nobody bids: a strike more in it, and the index jumps by up to a tenth of a point, over the value
# sought maybe. Then the skew of the day gives way a little (its spread is 0.12) until the jump is elsewhere.
SKEWS: Final = (0.0, 0.03, -0.03, 0.06, -0.06)
ROUNDS: Final = 4  # at each


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Factors of each of n days, and the error of their quotes' index."""

    factors: Array  # shape (n, 6); NaN where none fit
    miss: Array  # index of the quotes less the given one, decimal; NaN likewise


def scale_to_index(parameters: Parameters, table: SurfaceTable, strikes: Strikes, targets: IndexTargets) -> Scaled:
    """Find the factors under which the index of the quotes is the level wanted.

    Parameters
    ----------
    table : SurfaceTable
        Of n days at the two expirations that compose the level's index, timed to their settlement; only what does not
        hang on factors is read.
    strikes : Strikes
        Of each of the table's rows.
    targets : IndexTargets
    """
    level = targets.level
    days = np.arange(len(level))
    aim, scaled = level.copy(), Scaled(np.full((len(level), len(FACTORS)), np.nan), np.full(len(level), np.nan))
    rest, latest = days, np.zeros((len(level), len(FACTORS)))
    for skew in np.repeat(SKEWS, ROUNDS):
        aims = replace(targets, level=aim).take(rest)
        factors = latest[rest] = index_factors(parameters, aims, latest[rest])
        factors[:, FACTORS.index("skew")] = skew
        rows = strikes.take(ranges(table.start, rest))
        index = _index(parameters, table.take(rest), rows, factors, aims.of_level.weight)
        miss = index - level[rest]
        better = ~(np.abs(miss) >= np.abs(scaled.miss[rest])) & np.isfinite(miss)
        scaled.factors[rest[better]], scaled.miss[rest[better]] = factors[better], miss[better]
        moved = np.isfinite(miss)
        aim[rest[moved]] *= level[rest[moved]] / index[moved]
        rest = days[~(np.abs(scaled.miss) <= CLOSE_ENOUGH)]
        rest = rest[np.isfinite(scaled.miss[rest])]  # no such index: no round helps
        if not len(rest):
            break
    return scaled


def _index(parameters: Parameters, table: SurfaceTable, strikes: Strikes, factors: Array, weight: Array) -> Array:
    """Index of each day's quotes, NaN where they give none."""
    usable = np.nan_to_num(factors)
    total = total_variances(parameters, usable, table.start, table.effective_days)
    theta, rho, phi, convexity = smile_coefficients(parameters, usable, table.start, total)
    counts = np.diff(table.start)
    widening = np.repeat(spread_widening(parameters, usable), counts)
    widening = widening * expiration_factors(parameters.spread, table.expiration, table.dte, after_close=False)
    table = replace(table, theta=theta, rho=rho, phi=phi, convexity=convexity, widening=widening)
    # A publisher sums the strikes that are listed, however many a wide market would need.
    variance, _ = quoted_variance(parameters, table, strikes, is_implied=False, min_completeness=0.0)
    squared = (weight.T * variance.reshape(-1, 2)).sum(axis=1)
    squared[~((squared > 0.0) & np.isfinite(factors[:, 0]))] = np.nan
    return np.asarray(np.sqrt(squared))
