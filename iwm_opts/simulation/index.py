"""Volatility indices of the model's own quotes, all days in one call."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iwm_opts.conventions import DAYS_PER_YEAR, MIN_SESSIONS_FOR_INDEX, TICK
from iwm_opts.kernels.panel.constant_maturity import constant_maturity_vols
from iwm_opts.kernels.panel.implied_rate import PARITY_STRIKES
from iwm_opts.kernels.simulation.surface import quoted_variances
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.market.iv_index import MIN_COMPLETENESS, MIN_WING_STRIKES
from iwm_opts.simulation.listing import ranges, starts
from iwm_opts.simulation.parameters import Parameters
from iwm_opts.simulation.surface_table import SurfaceTable

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Strikes:
    """Listed strikes of each row of a table: those of row i are strike[start[i]:start[i + 1]], ascending, dollars."""

    start: Places  # shape (rows + 1,)
    strike: Array

    def __getitem__(self, row: int) -> Array:
        return self.strike[self.start[row] : self.start[row + 1]]

    def take(self, rows: Places) -> "Strikes":
        """Strikes of some rows."""
        return Strikes(starts(self.start[rows + 1] - self.start[rows]), self.strike[ranges(self.start, rows)])


def quoted_index(
    parameters: Parameters, table: SurfaceTable, strikes: Strikes, tenors: Sequence[int], is_implied: bool
) -> tuple[Array, ...]:
    """Constant-maturity implied vols of each day's quotes on the effective clock, as `market.iv_index` defines them.

    Parameters
    ----------
    table : SurfaceTable
        Of n days, at least at the expirations around each tenor.
    strikes : Strikes
        Of each of the table's rows.
    tenors : sequence of int
        Calendar days.
    is_implied : bool
        See `quoted_variance`.

    Returns
    -------
    tuple of ndarray, shape (n,)
        One a tenor, decimal; NaN where quotes give no variance or no expirations bracket the tenor.
    """
    variance, options = quoted_variance(parameters, table, strikes, is_implied)
    variance[table.sessions_left < MIN_SESSIONS_FOR_INDEX] = np.nan
    vols = [np.empty(len(table.spot)) for _ in tenors]
    for tenor, vol in zip(tenors, vols, strict=True):
        target = tenor * effective_days_per_year() / DAYS_PER_YEAR
        constant_maturity_vols(table.start, table.effective_days, variance, options, target, float(tenor), vol)
    return tuple(vols)


def quoted_variance(
    parameters: Parameters,
    table: SurfaceTable,
    strikes: Strikes,
    is_implied: bool,
    min_completeness: float = MIN_COMPLETENESS,
) -> tuple[Array, Places]:
    """Model-free total variance of each row's quotes, NaN where they give none, and options it rests on.

    Parameters
    ----------
    is_implied : bool
        Whether variances are summed around the forward that put-call parity of the quotes implies, as on a real
        chain, or around the model's own, which it estimates.
    min_completeness : float
        Share of a strip's variance that quotes support, below which it gives none.
    """
    spot = np.repeat(table.spot, np.diff(table.start))
    rows = np.stack([
        spot, table.forward, table.discount, table.years, table.dte, table.theta, table.rho, table.phi, table.convexity,
        table.widening,
    ])  # fmt: skip
    variance, completeness = np.empty(len(table)), np.empty(len(table))
    puts, calls = (np.empty(len(table), dtype=np.int64) for _ in range(2))
    most = max(PARITY_STRIKES + 1, int(np.diff(strikes.start).max(initial=0)))
    quoted_variances(
        rows, strikes.start, strikes.strike, np.array(parameters.spread.coefficients), TICK, is_implied,
        np.empty((7, most)), np.empty(PARITY_STRIKES + 1, dtype=np.int64), variance, puts, calls, completeness,
    )  # fmt: skip
    is_usable = (np.minimum(puts, calls) >= MIN_WING_STRIKES) & (variance > 0.0) & (completeness >= min_completeness)
    return np.where(is_usable, variance, np.nan), puts + calls
