"""Scaling the surface of each day until the volatility index of its own quotes is a given one.

A published index is model-free: computed from quotes, strikes that end and wings that nobody bids for included. So the
factors are not taken from it directly, but moved until `market.iv_index` of the quotes gives it back. Taking it for
at-the-money vol instead would price everything some 2 to 3 points too dear.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import TICK
from iwm_opts.kernels.simulation.surface import quoted_variances
from iwm_opts.market.iv_index import MIN_WING_STRIKES, ModelFreeVariance, constant_maturity_iv
from iwm_opts.simulation.dynamics import FACTORS
from iwm_opts.simulation.index_states import index_factors
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface import smile_coefficients
from iwm_opts.simulation.surface_table import SurfaceTable, spread_widening

Array = NDArray[np.float64]

TENOR_DAYS: Final = 30
CLOSE_ENOUGH: Final = 1e-4  # decimal vol
# A wing ends where nobody bids: a strike more in it, and the index jumps by up to a tenth of a point, over the value
# sought maybe. Then the skew of the day gives way a little (its spread is 0.12) until the jump is elsewhere.
SKEWS: Final = (0.0, 0.03, -0.03, 0.06, -0.06)
ROUNDS: Final = 4  # at each


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Factors of each of n days, and what the index of their quotes misses by."""

    factors: Array  # shape (n, 6); NaN where none fit
    miss: Array  # index of the quotes less the given one, decimal; NaN likewise


def scale_to_index(
    parameters: Parameters, table: SurfaceTable, strikes: Sequence[Array], level: Array, ratio: Array
) -> Scaled:
    """Find the factors under which the 30-day index of the quotes is `level`.

    Parameters
    ----------
    table : SurfaceTable
        Of n days at the expirations around 30 days; only what does not hang on factors is read.
    strikes : sequence of ndarray, shape (rows,)
        Of each of the table's rows.
    level, ratio : ndarray, shape (n,)
        30-day index, decimal, and 9-day over 30-day vol.
    """
    days = np.arange(len(level))
    aim, found = level.copy(), Scaled(np.full((len(level), len(FACTORS)), np.nan), np.full(len(level), np.nan))
    left = days
    for skew in np.repeat(SKEWS, ROUNDS):
        ladders, part = _ladders(table, strikes, left), table.take(left)
        factors = index_factors(parameters, aim[left], ratio[left])
        factors[:, FACTORS.index("skew")] = skew
        index = _index(parameters, part, factors, *ladders)
        miss = index - level[left]
        better = ~(np.abs(miss) >= np.abs(found.miss[left])) & np.isfinite(miss)
        found.factors[left[better]], found.miss[left[better]] = factors[better], miss[better]
        moved = np.isfinite(miss)
        aim[left[moved]] *= level[left[moved]] / index[moved]
        left = days[~(np.abs(found.miss) <= CLOSE_ENOUGH)]
        left = left[np.isfinite(found.miss[left])]  # no expirations around the tenor, or no such index: no round helps
        if not len(left):
            break
    return found


def _ladders(
    table: SurfaceTable, strikes: Sequence[Array], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Array]:
    """Strikes of the rows of some days, one after the other, and where each row's begin."""
    rows = [row for place in places for row in range(int(table.start[place]), int(table.start[place + 1]))]
    own = [strikes[row] for row in rows]
    return np.concatenate([[0], np.cumsum([len(one) for one in own])]).astype(np.int64), np.concatenate(own)


def _index(parameters: Parameters, table: SurfaceTable, factors: Array, first: NDArray[np.int64], flat: Array) -> Array:
    """30-day index of each day's quotes, NaN where they give none."""
    usable = np.nan_to_num(factors)
    theta, phi, rho, _ = smile_coefficients(parameters, usable, table.start, table.effective_days)
    place = np.repeat(np.arange(len(factors)), np.diff(table.start))
    widening = spread_widening(parameters, usable)
    variance, puts, calls = np.empty(len(table)), *(np.empty(len(table), dtype=np.int64) for _ in range(2))
    quoted_variances(
        table.spot[place], table.forward, table.discount, table.years, table.dte, theta, rho[place], phi,
        widening[place], first, flat, np.array(parameters.spread.coefficients), TICK, variance, puts, calls,
    )  # fmt: skip
    enough = (np.minimum(puts, calls) >= MIN_WING_STRIKES) & (variance > 0.0)
    index = np.full(len(factors), np.nan)
    for day in np.flatnonzero(np.isfinite(factors[:, 0])):
        rows = range(int(table.start[day]), int(table.start[day + 1]))
        variances = [_variance(table, row, variance, puts, calls) for row in rows if enough[row]]
        index[day] = constant_maturity_iv(variances, TENOR_DAYS).iv
    return index


def _variance(
    table: SurfaceTable, row: int, variance: Array, puts: NDArray[np.int64], calls: NDArray[np.int64]
) -> ModelFreeVariance:
    return ModelFreeVariance(
        root="",
        expiration=table.listings[row].expiration,
        years=float(table.years[row]),
        effective_days=float(table.effective_days[row]),
        sessions_left=int(table.sessions_left[row]),
        total_variance=float(variance[row]),
        puts=int(puts[row]),
        calls=int(calls[row]),
        lowest=math.nan,
        highest=math.nan,
        is_dry=True,
        absent=0,
        completeness=1.0,
        reason="",
    )
