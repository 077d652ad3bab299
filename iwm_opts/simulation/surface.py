"""The implied volatility surface of one close: priced variance at every expiration, with an SSVI smile through it.

The state prices the model-free variance of each expiration; the total variance at the money is what makes an SSVI smile
have that variance. So the volatility index computed from the quotes is the one that the dynamics mean, and because SSVI
slices with the same rho grow with theta in convex order, priced variance that grows with time keeps the surface free of
arbitrage in time as well.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.kernels.ssvi import at_the_money
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.simulation.dynamics import State, variance_curve
from iwm_opts.simulation.parameters import Parameters, SmileShape

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """SSVI at each of m expirations; see `kernels.ssvi` for the formula and for why it is free of arbitrage."""

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
    years = effective_days / effective_days_per_year()
    live = years > 0.0
    target = np.full(len(years), np.nan)
    if live.any():
        curve = variance_curve(parameters.dynamics, parameters.premium, years[live])
        target[live] = years[live] * curve.at(state)
    rho = smile_rho(parameters.smile, state.skew)
    eta = arbitrage_free_eta(parameters.smile.eta, rho)
    theta = np.empty(len(years))
    at_the_money(target, rho, eta, parameters.smile.gamma, theta)
    return Surface(theta, rho, eta, parameters.smile.gamma)


def smile_rho(smile: SmileShape, skew: float) -> float:
    """Slope parameter of a day's smiles from the skew factor."""
    return -math.tanh(smile.skew + skew)


def arbitrage_free_eta(eta: float, rho: float) -> float:
    """The nearest eta with eta (1 + |rho|) <= 2."""
    return min(eta, 2.0 / (1.0 + abs(rho)))
