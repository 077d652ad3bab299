"""The implied volatility surface of one close: priced variance at every expiration, with an eSSVI smile through it.

The state prices the model-free variance of each expiration; the total variance at the money is what makes its smile
have that variance. So the volatility index computed from the quotes is the one that the dynamics mean. Skew and
curvature of the day's smiles follow the level of vol and its slope. Slices grow with theta in convex order, so that
priced variance that grows with time keeps the surface free of arbitrage in time as well.
"""

import math
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels.simulation.paths import expected_variance
from iwm_opts.kernels.simulation.ssvi import KNEE, MAX_CONVEXITY, NODES, convexity_limit, shapes
from iwm_opts.kernels.simulation.surface import priced_variances, smiles
from iwm_opts.market.calendar import effective_days_per_year
from iwm_opts.simulation.dynamics import FACTORS, State, VarianceCurve, variance_curve
from iwm_opts.simulation.parameters import COEFFICIENTS, MAX_ETA, TYPICAL_VOL, Dynamics, Parameters, Premium, SmileShape

Array = NDArray[np.float64]
Places = NDArray[np.int64]

SAME_TENOR: Final = 9  # decimals of a day: what differs by less is rounding of the clock
SHORTEST: Final = 1e-9  # years: what has expired is priced nowhere, and may not break what is
SHORT_TENOR: Final = 10.0 / DAYS_PER_YEAR  # of the slope of vol that smiles follow
LEVEL_TENOR: Final = 30.0 / DAYS_PER_YEAR
SKEW: Final = FACTORS.index("skew")


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Smile at each of m expirations; formula and proof of no arbitrage: `kernels.simulation.ssvi`."""

    theta: Array  # total variance at the money, shape (m,)
    rho: Array
    phi: Array
    convexity: Array

    def total_variance(self, expiration: int, k: ArrayLike) -> Array:
        """Total implied variance of one expiration at log-moneyness k."""
        columns = self.theta, self.rho, self.phi, self.convexity
        theta, rho, phi, convexity = (float(column[expiration]) for column in columns)
        shifted, bend = phi * np.asarray(k, dtype=np.float64) + rho, KNEE * math.sqrt(theta / (1.0 + theta))
        wings = 2.0 * convexity * bend * (np.sqrt(bend**2 + np.square(k)) - bend)
        return np.asarray(0.5 * theta * (1.0 + rho * (shifted - rho) + np.sqrt(shifted**2 + 1.0 - rho**2)) + wings)


def surface_of(parameters: Parameters, state: State, effective_days: Array) -> Surface:
    """Surface at one close.

    Parameters
    ----------
    state : State
    effective_days : ndarray, shape (m,)
        To each expiration, on the clock that variance runs on; not above 0 gives NaN.
    """
    factors, start = np.array([astuple(state)]), np.array([0, len(effective_days)])
    variance = total_variances(parameters, factors, start, effective_days)
    return Surface(*smile_coefficients(parameters, factors, start, variance))


def total_variances(parameters: Parameters, factors: Array, start: Places, effective_days: Array) -> Array:
    """Compute the model-free total variance that states price at the expirations of many moments.

    Parameters
    ----------
    factors : ndarray, shape (n, 6)
        State at each moment, columns in the order of `State`.
    start : ndarray of int, shape (n + 1,)
        Moment i has the rows start[i] to start[i + 1].
    effective_days : ndarray, shape (rows,)
        To each expiration, on the clock that variance runs on; not above 0 gives NaN.

    Returns
    -------
    ndarray, shape (rows,)
    """
    years = effective_days / effective_days_per_year()
    # Closes are whole days apart on the clock: thousands of rows share a few hundred tenors.
    _, first, tenor = np.unique(np.round(effective_days, SAME_TENOR), return_index=True, return_inverse=True)
    curve = variance_curve(parameters.dynamics, parameters.premium, np.maximum(years[first], SHORTEST))
    variance = np.empty(len(years))
    priced_variances(
        start, tenor.astype(np.int64), years, np.ascontiguousarray(factors[:, :5]), curve.constant, curve.nodes,
        np.empty(curve.nodes.shape[2]), variance,
    )  # fmt: skip
    return variance


def smile_coefficients(
    parameters: Parameters, factors: Array, start: Places, variance: Array
) -> tuple[Array, Array, Array, Array]:
    """Compute the smiles of the expirations of many moments from their `total_variances`.

    Parameters
    ----------
    factors : ndarray, shape (n, 6)
    start : ndarray of int, shape (n + 1,)
        Moment i has the rows start[i] to start[i + 1], ascending in time.
    variance : ndarray, shape (rows,)
        NaN gives NaN.

    Returns
    -------
    theta, rho, phi, convexity : ndarray, shape (rows,)
    """
    smile = parameters.smile
    theta, rho, phi = (np.empty(len(variance)) for _ in range(3))
    skew, eta, convexity = day_shapes(parameters, factors)
    smiles(start, variance, skew, eta, convexity, smile.tilt, smile.gamma, np.empty(NODES), theta, rho, phi)
    return theta, rho, phi, np.repeat(convexity, np.diff(start))


def day_shapes(parameters: Parameters, factors: Array) -> tuple[Array, Array, Array]:
    """Skew, eta and convexity of the smiles of many moments, shape (n,) each, from their states, shape (n, 6)."""
    level = priced_vol(parameters, factors, LEVEL_TENOR)
    slope = np.log(priced_vol(parameters, factors, SHORT_TENOR) / level)
    return shape_at(parameters.smile, np.log(level / TYPICAL_VOL), slope, factors[:, SKEW])


def shape_at(smile: SmileShape, level: ArrayLike, slope: ArrayLike, deviation: ArrayLike) -> tuple[Array, Array, Array]:
    """Skew, eta and convexity of a day's smiles; arguments broadcast.

    Skew and log eta are linear in the level of vol and its slope, convexity is constant up to its limit.

    Parameters
    ----------
    level : array_like
        Log of 30-day model-free vol over `TYPICAL_VOL`.
    slope : array_like
        Log of 10-day model-free vol over that of 30 days.
    deviation : array_like
        Skew factor: what level and slope leave.
    """
    level, slope, deviation = np.broadcast_arrays(*map(np.atleast_1d, (level, slope, deviation)))
    skew = smile.skew + smile.skew_level * level + smile.skew_slope * slope + deviation
    log_eta = smile.log_eta + smile.eta_level * level + smile.eta_slope * slope + smile.eta_skew * deviation
    convexity = np.minimum(smile.convexity, convexity_limit(skew, smile.tilt))
    return skew, np.minimum(np.exp(log_eta), MAX_ETA), convexity


def drawn_smile(smile: SmileShape, rng: np.random.Generator) -> SmileShape:
    """Draw the coefficients of smiles around their estimates."""
    size = len(COEFFICIENTS)
    lower = np.zeros((size, size))
    lower[np.tril_indices(size)] = smile.covariance
    mean = [getattr(smile, name) for name in COEFFICIENTS]
    drawn = rng.multivariate_normal(mean, lower + np.tril(lower, -1).T, check_valid="ignore")  # rounded in the file
    numbers = dict(zip(COEFFICIENTS, map(float, drawn), strict=True))
    numbers["log_eta"] = min(numbers["log_eta"], math.log(MAX_ETA))
    numbers["convexity"] = min(max(numbers["convexity"], 0.0), MAX_CONVEXITY)
    return replace(smile, **numbers, covariance=smile.covariance)


def reshaped(smile: SmileShape, skew: Array, eta: Array, convexity: Array, theta: Array) -> Surface:
    """Smiles of a skew, an eta and a convexity at other total variances at the money; shapes (n,)."""
    rho, phi = np.empty(len(theta)), np.empty(len(theta))
    shapes(theta, skew, eta, smile.tilt, smile.gamma, rho, phi)
    return Surface(theta, rho, phi, convexity)


def priced_vol(parameters: Parameters, factors: Array, years: float) -> Array:
    """Model-free vol of each state at one tenor, shape (n,)."""
    curve = _curve_at(parameters.dynamics, parameters.premium, years)
    out = np.empty(len(factors))
    expected_variance(np.ascontiguousarray(factors[:, :5].T), curve.constant, curve.nodes[0], out)
    return np.sqrt(out)


@lru_cache(maxsize=64)  # quoting one chain would spend a tenth of its time on the three that every day reads
def _curve_at(dynamics: Dynamics, premium: Premium, years: float) -> VarianceCurve:
    return variance_curve(dynamics, premium, np.array([years]))
