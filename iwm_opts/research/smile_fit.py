"""Fitting the shape of smiles to real chains: skew and eta by level of vol and its slope, and a convexity.

Two steps. The smiles of one chain give one skew, eta and convexity: least squares of the prices of verticals, in quoted
half-spreads, every expiration's strip of out-of-the-money options worth what the chain's is. Skews and log etas of all
chains then follow level and slope of vol, and convexities are constant, with coefficients that vary by symbol, an error
that the days of one episode share, and a day's own that fades (a linear mixed model: Laird and Ware 1982,
"Random-effects models for longitudinal data", Biometrics 38(4)). Spreads of these parts are stated, not estimated:
chains cover a handful of episodes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from iwm_opts.conventions import TICK
from iwm_opts.kernels.simulation.ssvi import MAX_CONVEXITY
from iwm_opts.market.option_table import OptionTable
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.pricing.black import black_price
from iwm_opts.simulation.parameters import COEFFICIENTS, TYPICAL_VOL, SmileShape
from iwm_opts.simulation.surface import Surface, reshaped, shape_at

Array = NDArray[np.float64]

FITTED_DTE: Final = (14, 62)  # the life of a package, some days to either side
FITTED_DELTA: Final = (0.07, 0.32)  # of the sold option
WING: Final = 0.015  # of the spot
DELTA_SLACK: Final = 0.03
STRIP_POINTS: Final = 161
STEPS: Final = 12
CLOSE: Final = 1e-7  # of the log of a strip
# Of a chain's convexity before its quotes, as it goes with eta: mean and spread of 15 chains of SPX and SPY without it.
CONVEXITY_MEAN: Final = 0.036
CONVEXITY_SD: Final = 0.053
FEWEST: Final = 4  # verticals of an expiration

NEVER: Final = 1e-6  # spread of a coefficient that is held at its prior mean

# Prior of the coefficients of skew, log eta and convexity on 1, level and slope, mean and standard deviation; slopes of
# log eta on the level of -0.63 (S&P 500) and -0.38 (IWM) were measured at a constant rho.
PRIOR_MEAN: Final = np.array([0.6, 0.5, 0.0, 0.0, -0.5, 0.0, CONVEXITY_MEAN, 0.0, 0.0])
LOG_ETA_WITHOUT: Final = 0.25  # prior mean of shapes without a convexity
PRIOR_SD: Final = np.array([0.5, 0.5, 1.0, 0.5, 0.3, 1.0, CONVEXITY_SD, NEVER, NEVER])
SYMBOL_SD: Final = np.array([0.3, 0.4, 0.6, 0.3, 0.4, 0.6, 0.02, NEVER, NEVER])  # of a symbol's around the common ones
EPISODE_SD: Final = np.array([0.15, 0.15, 0.015])  # of skew, log eta and convexity, shared by days of a symbol's year
DAY_SD: Final = np.array([0.12, 0.10, 0.02])
DAY_MEMORY: Final = 0.8  # correlation of a day's own with the next
PRIOR_CORRELATION: Final = np.array([[1.0, -0.6, 0.0], [-0.6, 1.0, -0.6], [0.0, -0.6, 1.0]])  # of their coefficients
# Of what these leave; -0.75 misses SPX and SPY the least on days left out, without a chain of IWM.
NOISE_CORRELATION: Final = np.array([[1.0, -0.6, 0.0], [-0.6, 1.0, -0.75], [0.0, -0.75, 1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Verticals:
    """Verticals of one expiration; arrays of shape (n,). Prices are European, dollars a share."""

    right: Array  # +1 call, -1 put
    delta: Array  # of the sold option, positive
    sold: Array  # log(strike / forward)
    bought: Array
    credit: Array  # at mid
    half_spread: Array  # of both legs together

    def __len__(self) -> int:
        return len(self.right)

    def where(self, kept: NDArray[np.bool_]) -> "Verticals":
        """Keep some of them."""
        columns = (self.right, self.delta, self.sold, self.bought, self.credit, self.half_spread)
        return Verticals(*(column[kept] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class FittedExpiration:
    """Quotes of one expiration, as the fit reads them."""

    dte: int
    price: float  # discounted forward, dollars
    grid: Array  # log-moneyness of the strip, between the outermost strikes with a bid
    weight: Array  # of out-of-the-money prices a unit of forward in the strip
    strip: float  # logarithm
    verticals: Verticals


@dataclass(frozen=True, slots=True, eq=False)
class ChainSample:
    """Smiles of one chain, and the level and slope of its vol."""

    symbol: str
    day: date
    level: float  # log of IV30 over `TYPICAL_VOL`
    slope: float  # log of IV10 over IV30
    expirations: tuple[FittedExpiration, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ShapeFit:
    """Coefficients of a symbol, in the order of `COEFFICIENTS`, and their covariance."""

    mean: Array  # shape (7,)
    covariance: Array  # shape (7, 7)

    def shape(self, smile: SmileShape) -> SmileShape:
        """Smile with these coefficients."""
        lower = self.covariance[np.tril_indices(len(COEFFICIENTS))]
        numbers = dict(zip(COEFFICIENTS, map(float, self.mean), strict=True))
        numbers["convexity"] = min(max(numbers["convexity"], 0.0), MAX_CONVEXITY)
        return replace(smile, **numbers, covariance=tuple(float(number) for number in lower))


def chain_sample(snapshot: Snapshot, dte: tuple[int, int] = FITTED_DTE) -> ChainSample:
    """Smiles of a chain between two numbers of days to expiration.

    Raises
    ------
    InputError
        When no expiration lies in the window.
    """
    tables, _ = snapshot.tables(dte)
    expirations = (_expiration(table) for table in tables)
    iv10, iv30 = snapshot.iv.iv10, snapshot.iv.iv30
    return ChainSample(
        symbol=snapshot.chain.symbol,
        day=snapshot.chain.as_of,
        level=math.log(iv30 / TYPICAL_VOL),
        slope=math.log(iv10 / iv30),
        expirations=tuple(each for each in expirations if len(each.verticals) >= FEWEST),
    )


def _expiration(table: OptionTable) -> FittedExpiration:
    forward, outside = table.forward, table.right * (table.strike - table.forward.price) > 0.0
    has_bid = outside & (table.bid > 0.0) & np.isfinite(table.delta)
    k = np.log(table.strike / forward.price)
    grid = np.linspace(k[has_bid].min(), k[has_bid].max(), STRIP_POINTS)
    weight = np.full(STRIP_POINTS, grid[1] - grid[0]) * np.exp(-grid)
    weight[[0, -1]] *= 0.5
    curve = _outside(grid, table.smile.vol(forward.price * np.exp(grid)) ** 2 * table.years)
    verticals = [_verticals(table, has_bid & (table.right == right)) for right in (-1.0, 1.0)]
    joined = (np.concatenate([getattr(part, name) for part in verticals]) for name in Verticals.__slots__)
    return FittedExpiration(
        table.dte, forward.price * forward.discount, grid, weight, math.log(weight @ curve), Verticals(*joined)
    )


def _verticals(table: OptionTable, is_listed: NDArray[np.bool_]) -> Verticals:
    """Vertical of each out-of-the-money option of one side with the one nearest to `WING` farther out."""
    rows = np.flatnonzero(is_listed)
    strike = table.strike[rows]
    apart = np.abs(strike - (strike + table.right[rows] * WING * table.spot)[:, None])
    wing = rows[apart.argmin(axis=1)] if len(rows) else rows
    is_out = table.right[rows] * (table.strike[wing] - strike) > 0.0
    rows, wing = rows[is_out], wing[is_out]
    value = table.mid - np.nan_to_num(table.early_exercise)
    half = 0.5 * (table.ask - table.bid)
    k = np.log(table.strike / table.forward.price)
    return Verticals(
        table.right[rows], np.abs(table.delta[rows]), k[rows], k[wing], value[rows] - value[wing],
        np.maximum(half[rows] + half[wing], TICK),
    )  # fmt: skip


def _outside(k: Array, total_variance: Array) -> Array:
    """Undiscounted out-of-the-money price a unit of forward."""
    return np.asarray(black_price(np.where(k < 0.0, -1.0, 1.0), 1.0, np.exp(k), 1.0, np.sqrt(total_variance)))


def matched_surface(
    smile: SmileShape, skew: float, eta: float, convexity: float, expiration: FittedExpiration
) -> Surface:
    """Smile of a skew, an eta and a convexity whose strip is worth what the expiration's is."""
    shape = np.array([skew]), np.array([eta]), np.array([convexity])

    def miss(log_theta: float) -> tuple[float, Surface]:
        surface = reshaped(smile, *shape, np.array([math.exp(log_theta)]))
        strip = expiration.weight @ _outside(expiration.grid, surface.total_variance(0, expiration.grid))
        return math.log(strip) - expiration.strip, surface

    at, slope = expiration.strip, 1.0
    error, surface = miss(at)
    for _ in range(STEPS):
        if abs(error) < CLOSE:
            break
        step = -error / slope
        trial, surface = miss(at + step)
        slope = max((trial - error) / step, 0.2)
        at, error = at + step, trial
    return surface


def price_errors(surface: Surface, expiration: FittedExpiration, verticals: Verticals) -> Array:
    """Prices of verticals under a smile less the quotes' midpoints, dollars a share, shape (n,)."""
    sold, bought = (_outside(k, surface.total_variance(0, k)) for k in (verticals.sold, verticals.bought))
    return expiration.price * (sold - bought) - verticals.credit


@dataclass(frozen=True, slots=True)
class DayFit:
    """Shape of one chain's smiles."""

    skew: float
    log_eta: float
    convexity: float
    misfit: float  # sum over expirations of the mean loss of a vertical's miss in half-spreads, at most its square


def fit_day(smile: SmileShape, chain: ChainSample, convexity: float | None = None) -> DayFit:
    """Skew, log eta and convexity of one chain's smiles.

    Parameters
    ----------
    smile : SmileShape
        Its `tilt` and `gamma` are the terms in log tenor, the rest is where the search starts.
    chain : ChainSample
    convexity : float, optional
        Held at this.
    """
    low, high = FITTED_DELTA
    fitted = []
    for expiration in chain.expirations:
        verticals = expiration.verticals
        fitted.append((expiration, verticals.where((verticals.delta > low) & (verticals.delta < high))))
    fitted = [(expiration, verticals) for expiration, verticals in fitted if len(verticals)]

    def errors(point: Array) -> Array:
        parts = []
        for expiration, verticals in fitted:
            bend = point[2] if convexity is None else convexity
            surface = matched_surface(smile, point[0], math.exp(point[1]), bend, expiration)
            error = price_errors(surface, expiration, verticals) / verticals.half_spread
            parts.append(error / math.sqrt(len(verticals)))
        return np.concatenate([*parts, (point[2:] - CONVEXITY_MEAN) / CONVEXITY_SD])

    start = [smile.skew, smile.log_eta] + ([CONVEXITY_MEAN] if convexity is None else [])
    found = least_squares(errors, start, diff_step=1e-3, xtol=1e-4, ftol=1e-4, loss="soft_l1")
    skew, log_eta, *bend = map(float, found.x)
    misses = found.fun[: len(found.fun) - len(bend)]
    misfit = 2.0 * float(np.sum(np.sqrt(1.0 + misses**2) - 1.0))
    return DayFit(skew, log_eta, bend[0] if convexity is None else convexity, misfit)


def fit_shapes(chains: Sequence[ChainSample], points: Array, symbol: str, is_constant: bool = False) -> ShapeFit:
    """Coefficients of a symbol from the shapes of chains.

    Parameters
    ----------
    chains : sequence of ChainSample, length n
    points : ndarray, shape (n, 3) or (n, 2)
        Skew, log eta and convexity of each, by `fit_day`; two columns were fitted at a convexity of 0.
    symbol : str
        One that no chain has gets the common coefficients.
    is_constant : bool
        Leave level and slope out.
    """
    order = sorted(range(len(chains)), key=lambda i: (chains[i].symbol, chains[i].day))
    chains, points = [chains[i] for i in order], points[order]
    symbols = sorted({chain.symbol for chain in chains} | {symbol})
    terms = np.array([[1.0, chain.level, chain.slope] for chain in chains])
    shapes = points.shape[1]
    mean, free = PRIOR_MEAN[: 3 * shapes].copy(), np.ones(3 * shapes)
    if shapes == 2:
        mean[3] = LOG_ETA_WITHOUT
    if is_constant:
        terms, mean = terms * [1.0, 0.0, 0.0], mean * np.tile([1.0, 0.0, 0.0], shapes)
        free = np.tile([1.0, 1e-3, 1e-3], shapes)
    mine = np.array([[float(chain.symbol == name) for name in symbols] for chain in chains])
    design = np.hstack([terms, *(terms * column[:, None] for column in mine.T)])
    stacked = np.kron(np.eye(shapes), design)
    noise = _noise(chains, shapes)
    prior = _prior(free, len(symbols))
    whole_mean = np.concatenate([np.append(part, np.zeros(3 * len(symbols))) for part in mean.reshape(shapes, 3)])
    precision = np.linalg.inv(prior)
    covariance = np.linalg.inv(stacked.T @ np.linalg.solve(noise, stacked) + precision)
    estimate = covariance @ (stacked.T @ np.linalg.solve(noise, points.T.ravel()) + precision @ whole_mean)
    width, place = design.shape[1], 3 + 3 * symbols.index(symbol)
    pick = np.zeros((len(COEFFICIENTS), shapes * width))
    for row in range(min(3 * shapes, len(COEFFICIENTS))):  # of convexity the constant alone
        first = (row // 3) * width + row % 3
        pick[row, [first, first + place]] = 1.0
    return ShapeFit(pick @ estimate, pick @ covariance @ pick.T)


def _noise(chains: Sequence[ChainSample], shapes: int) -> Array:
    """Covariance of what level and slope leave, skews, log etas, then convexities, shape (shapes n, shapes n)."""
    episode = np.array([f"{chain.symbol} {chain.day.year}" for chain in chains])
    is_shared = episode[:, None] == episode
    day = np.array([chain.day.toordinal() for chain in chains])
    sessions = np.abs(day[:, None] - day) * 5.0 / 7.0
    memory = np.where(is_shared, DAY_MEMORY**sessions, 0.0)
    blocks = [
        [
            NOISE_CORRELATION[a, b] * (EPISODE_SD[a] * EPISODE_SD[b] * is_shared + DAY_SD[a] * DAY_SD[b] * memory)
            for b in range(shapes)
        ]
        for a in range(shapes)
    ]
    return np.block(blocks)


def _prior(free: Array, symbols: int) -> Array:
    """Covariance of common coefficients and each symbol's own before the data, by shape as in `_noise`."""
    shapes = len(free) // 3
    common, own = ((spread[: len(free)] * free).reshape(shapes, 3) for spread in (PRIOR_SD, SYMBOL_SD))
    spread = np.hstack([common, np.tile(own, symbols)])
    return np.block(
        [[np.diag(PRIOR_CORRELATION[a, b] * spread[a] * spread[b]) for b in range(shapes)] for a in range(shapes)]
    )


def predicted_shape(fit: ShapeFit, smile: SmileShape, chain: ChainSample) -> tuple[float, float, float]:
    """Skew, eta and convexity of a chain's smiles from its level and slope."""
    skew, eta, convexity = shape_at(fit.shape(smile), chain.level, chain.slope, 0.0)
    return float(skew[0]), float(eta[0]), float(convexity[0])
