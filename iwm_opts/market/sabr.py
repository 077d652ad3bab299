"""SABR model fitted to a smile: the stochastic volatility that paths need and a smile alone does not say.

Lognormal spot (beta 1), Hagan et al. 2002, "Managing smile risk", Wilmott. Given the path of its vol the spot is
lognormal at expiry (Romano and Touzi 1997, "Contingent claims and market completeness in a stochastic volatility
model", Mathematical Finance 7), so that European prices are Black's averaged over paths of the vol: here over a
Gauss-Hermite grid of the first three terms of the Karhunen-Loeve expansion of its Brownian motion, 93% of its variance,
the rest in expectation.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from iwm_opts.market.surface import Smile
from iwm_opts.pricing.black import black_price

Array = NDArray[np.float64]

STEPS: Final = 16  # of a vol path
POINTS: Final = (11, 5, 3)  # Gauss-Hermite points of each term
FITTED: Final = np.linspace(-1.6, 1.3, 13)  # standard deviations from the forward; the wings hang on few cheap quotes
START: Final = (0.6, -0.6)  # nu sqrt(t) and rho
ROUNDS: Final = 12
CLOSE: Final = 1e-3  # of the logarithms and the area tangent that are searched
BUMP: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Sabr:
    """Parameters of one expiration."""

    alpha: float  # vol today, annualised
    nu: float  # vol of log vol, annualised
    rho: float  # correlation of spot and vol
    error: float  # largest distance to the smile at the strikes fitted, vol points


def _vol_paths() -> tuple[Array, Array, Array]:
    """Brownian paths on [0, 1], shape (paths, STEPS + 1), variance that they lack at each step, and weights."""
    nodes, weights = zip(*(hermegauss(n) for n in POINTS), strict=True)
    z = np.array(np.meshgrid(*nodes, indexing="ij")).reshape(len(POINTS), -1)
    weight = np.prod(np.array(np.meshgrid(*weights, indexing="ij")).reshape(len(POINTS), -1), axis=0)
    times, frequency = np.arange(STEPS + 1) / STEPS, (np.arange(len(POINTS)) + 0.5) * np.pi
    terms = math.sqrt(2.0) * np.sin(frequency[:, None] * times) / frequency[:, None]
    return z.T @ terms, times - (terms**2).sum(axis=0), weight / weight.sum()


def european_prices(log_moneyness: Array, alpha: float, nu: float, rho: float, t: float) -> Array:
    """Out-of-the-money prices, undiscounted, as shares of the forward; shape as `log_moneyness`."""
    paths, lacking, weight = _vol_paths()
    stdev, times = nu * math.sqrt(t), np.arange(STEPS + 1) / STEPS
    trapezoid = np.full(STEPS + 1, 1.0 / STEPS)
    trapezoid[[0, -1]] *= 0.5
    squares = np.exp(2.0 * stdev * paths + stdev**2 * (2.0 * lacking - times))
    variance = alpha**2 * t * (squares @ trapezoid)
    last = np.exp(stdev * paths[:, -1] + 0.5 * stdev**2 * (lacking[-1] - 1.0))
    forward = np.exp(rho * alpha / nu * (last - 1.0) - 0.5 * rho**2 * variance)
    forward /= weight @ forward
    rights = np.where(log_moneyness > 0.0, 1.0, -1.0)[:, None]
    independent = np.sqrt((1.0 - rho**2) * variance)
    return np.asarray(black_price(rights, forward, np.exp(log_moneyness)[:, None], 1.0, independent) @ weight)


@lru_cache(maxsize=32)
def fit_sabr(smile: Smile) -> Sabr:
    """SABR model of a smile, by Levenberg and Marquardt on vols between its FITTED strikes."""
    t, atm = smile.years, smile.atm_vol
    k = FITTED * atm * math.sqrt(t)
    strike = smile.forward * np.exp(k)
    target = smile.value(np.where(k > 0.0, 1.0, -1.0), strike) / (smile.discount * smile.forward)
    stdev = smile.total_stdev(strike)[0]
    vega = np.exp(-0.5 * (0.5 * stdev - k / stdev) ** 2) * math.sqrt(t / (2.0 * math.pi))

    def errors(at: Array) -> Array:
        alpha, nu, rho = math.exp(at[0]), math.exp(at[1]), math.tanh(at[2])
        return (european_prices(k, alpha, nu, rho, t) - target) / vega

    at, damping = np.array([math.log(atm), math.log(START[0] / math.sqrt(t)), math.atanh(START[1])]), 1e-3
    error = errors(at)
    for _ in range(ROUNDS):
        slope = np.array([(errors(at + bump) - error) / BUMP for bump in BUMP * np.eye(3)]).T
        square = slope.T @ slope
        step = np.linalg.solve(square + np.diag(damping * np.diag(square) + 1e-12), -slope.T @ error)
        step = np.clip(step, -1.0, 1.0)
        tried = errors(at + step)
        if tried @ tried < error @ error:
            at, error, damping = at + step, tried, 0.3 * damping
            if np.abs(step).max() < CLOSE:
                break
        else:
            damping *= 10.0
    return Sabr(math.exp(at[0]), math.exp(at[1]), math.tanh(at[2]), 100.0 * float(np.abs(error).max()))
