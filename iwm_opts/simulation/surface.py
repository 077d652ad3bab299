"""The implied volatility surface of one close: priced variance at every expiration, with an SSVI smile through it.

The state prices the model-free variance of each expiration; the total variance at the money is what makes an SSVI smile
have that variance. So the volatility index computed from the quotes is the one that the dynamics mean, and because SSVI
slices with the same rho grow with theta in convex order, priced variance that grows with time keeps the surface free of
arbitrage in time as well.
"""

import math
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.kernels.simulation.surface import smiles
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.simulation.dynamics import State, variance_curve
from iwm_opts.simulation.parameters import Parameters, SmileShape

Array = NDArray[np.float64]

SAME_TENOR: Final = 9  # decimals of a day: what differs by less is rounding of the clock
SHORTEST: Final = 1e-9  # years: what has expired is priced nowhere, and may not break what is


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """SSVI at each of m expirations; formula and proof of no arbitrage: `kernels.simulation.ssvi`."""

    theta: Array  # total variance at the money, shape (m,)
    rho: float
    eta: float
    gamma: float

    @property
    def phi(self) -> Array:
        """Curvature at each expiration, shape (m,)."""
        return np.asarray(self.eta / (self.theta**self.gamma * (1.0 + self.theta) ** (1.0 - self.gamma)))

    def total_variance(self, expiration: int, k: ArrayLike) -> Array:
        """Total implied variance of one expiration at log-moneyness k."""
        theta, phi, rho = float(self.theta[expiration]), float(self.phi[expiration]), self.rho
        shifted = phi * np.asarray(k, dtype=np.float64) + rho
        return np.asarray(0.5 * theta * (1.0 + rho * (shifted - rho) + np.sqrt(shifted**2 + 1.0 - rho**2)))


def surface_of(parameters: Parameters, state: State, effective_days: Array) -> Surface:
    """Surface at one close.

    Parameters
    ----------
    state : State
    effective_days : ndarray, shape (m,)
        To each expiration, on the clock that variance runs on; not above 0 gives NaN.
    """
    factors = np.array([astuple(state)])
    theta, _, rho, eta = smile_coefficients(parameters, factors, np.array([0, len(effective_days)]), effective_days)
    return Surface(theta, float(rho[0]), float(eta[0]), parameters.smile.gamma)


def smile_coefficients(
    parameters: Parameters, factors: Array, start: NDArray[np.int64], effective_days: Array
) -> tuple[Array, Array, Array, Array]:
    """SSVI at the expirations of many moments.

    Parameters
    ----------
    factors : ndarray, shape (n, 6)
        State at each moment, columns in the order of `State`.
    start : ndarray of int, shape (n + 1,)
        Moment i has the rows start[i] to start[i + 1].
    effective_days : ndarray, shape (rows,)
        To each expiration, ascending within a moment; not above 0 gives NaN.

    Returns
    -------
    theta, phi : ndarray, shape (rows,)
    rho, eta : ndarray, shape (n,)
    """
    smile = parameters.smile
    rho = np.array([smile_rho(smile, float(skew)) for skew in factors[:, 5]])
    eta = np.array([arbitrage_free_eta(smile.eta, float(value)) for value in rho])
    years = effective_days / effective_days_per_year()
    # Closes are whole days apart on the clock: thousands of rows share a few hundred tenors.
    _, first, tenor = np.unique(np.round(effective_days, SAME_TENOR), return_index=True, return_inverse=True)
    curve = variance_curve(parameters.dynamics, parameters.premium, np.maximum(years[first], SHORTEST))
    theta, phi = np.empty(len(years)), np.empty(len(years))
    smiles(
        start.astype(np.int64), tenor.astype(np.int64), years, np.ascontiguousarray(factors[:, :5]), curve.constant,
        curve.weight, curve.fast, curve.middle, curve.slow, curve.premium, curve.term, rho, eta, smile.gamma, theta,
        phi,
    )  # fmt: skip
    return theta, phi, rho, eta


def smile_rho(smile: SmileShape, skew: float) -> float:
    """Slope parameter of a day's smiles from the skew factor."""
    return -math.tanh(smile.skew + skew)


def arbitrage_free_eta(eta: float, rho: float) -> float:
    """Nearest eta with eta (1 + |rho|) <= 2."""
    return min(eta, 2.0 / (1.0 + abs(rho)))
