"""Smiles fitted to a chain: the risk-neutral distribution at each expiration."""

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import TICK
from iwm_opts.errors import DataError
from iwm_opts.kernels.panel.smile import smoothing_spline, terminal_cdf
from iwm_opts.pricing.black import black_price

Array = NDArray[np.float64]

MIN_QUOTES = 5  # fewer strikes than this do not draw a smile
MAX_RMS = 0.25  # half-spreads: the smoothest curve that stays this close to the midpoints
LOOSEST_RMS = 1.0  # a curve that must leave the midpoints farther than this to lose its butterflies says so
STIFFNESS_RANGE = (-18.0, 6.0)  # log10; from interpolation to a straight line, for variables of order one
STIFFNESS_STEP = 0.5
DENSITY_POINTS = 500
FINE_POINTS = 4000  # of the running maximum
DENSITY_TOLERANCE = 5e-4  # a fall of the distribution function smaller than this is rounding of quotes to cents
LEE_SLOPE = 2.0  # total variance cannot grow faster than 2|k| (Lee 2004, "The moment formula", theorems 3.2 and 3.4)
BEYOND = 0.3  # share of the strikes' range, on either side, in which the distribution must rise too


@dataclass(frozen=True, slots=True, eq=False)
class Smile:
    """Smile of one expiration; total standard deviation is a natural cubic spline in log(strike / forward)."""

    expiration: date
    years: float
    forward: float
    discount: float
    knots: Array  # log(strike / forward), ascending, shape (n,)
    stdev: Array  # total standard deviation at the knots, shape (n,)
    curvature: Array  # second derivatives at the knots, shape (n,)
    rms: float  # distance to the midpoints, in half-spreads
    arbitrage: float  # largest fall of the distribution function; 0 is free of butterflies
    gaps: str = ""  # caveat of the strip of its quotes, `iv_index.ModelFreeVariance.caveat`

    @property
    def caveat(self) -> str:
        """What to know before trusting its probabilities; empty where there is nothing."""
        if self.gaps:
            return f"smile of {self.expiration}: {self.gaps}: its POP and expected profit rest on extrapolation"
        if self.arbitrage > DENSITY_TOLERANCE:
            return f"smile of {self.expiration}: no smooth curve near its quotes has a distribution: distrust POP"
        if self.rms > LOOSEST_RMS:
            return (
                f"smile of {self.expiration}: its quotes contradict each other, and the smoothest distribution misses "
                f"their midpoints by {self.rms:.1f} half-spreads"
            )
        return ""

    def total_stdev(self, strike: ArrayLike) -> tuple[Array, Array]:
        """Total standard deviation at each strike and its slope in log-moneyness, both of the strike's shape.

        Beyond the outermost knots total variance goes on in a straight line, never falling outwards and never steeper
        than Lee's bound.
        """
        at = np.atleast_1d(np.log(np.asarray(strike, dtype=np.float64) / self.forward))
        inside = np.clip(at, self.knots[0], self.knots[-1])
        stdev, slope = self._spline(inside)
        outside = at - inside
        outwards = np.sign(outside)
        line = outwards * np.clip(outwards * 2.0 * stdev * slope, 0.0, LEE_SLOPE)
        extended = np.sqrt(stdev * stdev + line * outside)
        is_inside = outside == 0.0
        return np.where(is_inside, stdev, extended), np.where(is_inside, slope, 0.5 * line / extended)

    def _spline(self, at: Array) -> tuple[Array, Array]:
        """Value and slope of the natural cubic spline between its first and last knot."""
        i = np.clip(np.searchsorted(self.knots, at, side="right") - 1, 0, len(self.knots) - 2)
        step = np.diff(self.knots)[i]
        right = (at - self.knots[i]) / step
        left = 1.0 - right
        (low, bend_low), (high, bend_high) = (
            (self.stdev[place], self.curvature[place] * step / 6.0) for place in (i, i + 1)
        )
        bends = (left * left - 1.0) * left * bend_low + (right * right - 1.0) * right * bend_high
        slope = (high - low) / step
        slope += (3.0 * right * right - 1.0) * bend_high - (3.0 * left * left - 1.0) * bend_low
        return left * low + right * high + step * bends, slope

    def vol(self, strike: ArrayLike) -> Array:
        """Implied volatility at each strike, annualised decimal."""
        return self.total_stdev(strike)[0] / math.sqrt(self.years)

    @property
    def atm_vol(self) -> float:
        """Implied volatility at the forward."""
        return float(self.vol(self.forward)[0])

    def value(self, right: ArrayLike, strike: ArrayLike, variance_ratio: float = 1.0) -> Array:
        """Discounted expected payoff of European options under the smile, dollars a share.

        Parameters
        ----------
        right : array_like of +1 or -1
        strike : array_like
        variance_ratio : float
            Scales the distribution: 1 is the pricing measure, the ratio of realised to implied variance a real-world
            one.
        """
        vol = self._scaled(strike, variance_ratio)[0] / math.sqrt(self.years)
        price = black_price(right, self.forward, strike, self.years, vol, discount=self.discount)
        return np.asarray(price, dtype=np.float64)

    def cdf(self, level: ArrayLike, variance_ratio: float = 1.0) -> Array:
        """Probability that the price at expiry ends below each level; NaN levels give NaN.

        What little the fit left it to fall (`DENSITY_TOLERANCE`) is taken up by its running maximum.
        """
        levels = np.atleast_1d(np.asarray(level, dtype=np.float64))
        grid = self.forward * np.exp(_grid(self.knots, FINE_POINTS))
        highest = np.concatenate([[0.0], np.maximum.accumulate(self._cdf(grid, variance_ratio))])
        so_far = highest[np.searchsorted(grid, levels, side="right")]
        below: Array = np.clip(np.maximum(self._cdf(levels, variance_ratio), so_far), 0.0, 1.0)
        return below

    def _scaled(self, strike: ArrayLike, variance_ratio: float) -> tuple[Array, Array]:
        """Total standard deviation of the smile scaled by a variance ratio, and its slope in log-moneyness.

        w'(k) = ratio w(k / sqrt(ratio)) with w the total variance: the distribution of the log-return shrinks, skew and
        convexity kept in standard deviations. Scaling w(k) at fixed strikes would scale its convexity too: the
        model-free variance, which weighs the wings, would fall to 0.76 of itself at a ratio of 0.81.
        """
        scale = math.sqrt(variance_ratio)
        stretched = self.forward * (np.asarray(strike, dtype=np.float64) / self.forward) ** (1.0 / scale)
        stdev, slope = self.total_stdev(stretched)
        return scale * stdev, slope

    def _cdf(self, levels: Array, variance_ratio: float) -> Array:
        """Slope of the put in strike, as fitted."""
        stdev, slope = self._scaled(levels, variance_ratio)
        at, out = np.log(levels / self.forward).ravel(), np.empty(levels.size)
        terminal_cdf(np.ascontiguousarray(at), stdev.ravel(), slope.ravel(), out)
        return out.reshape(levels.shape)

    def largest_fall(self) -> float:
        """Most that the distribution, as fitted, falls on its way up."""
        below = self._cdf(self.forward * np.exp(_grid(self.knots, DENSITY_POINTS)), 1.0)
        return float((np.maximum.accumulate(below) - below).max())


def _grid(knots: Array, points: int) -> Array:
    """Log-moneyness from somewhat below the lowest strike to somewhat above the highest."""
    beyond = BEYOND * (knots[-1] - knots[0])
    return np.linspace(knots[0] - beyond, knots[-1] + beyond, points)


@dataclass(frozen=True, slots=True, eq=False)
class SmileQuotes:
    """Quotes of a smile fit: one out-of-the-money quote a strike, arrays of shape (n,)."""

    strike: Array
    vol: Array  # implied by the midpoint
    vega: Array  # dollars a share for a vol of 1.0
    half_spread: Array  # dollars a share


def fit_smile(expiration: date, years: float, forward: float, discount: float, quotes: SmileQuotes) -> Smile:
    """Smoothest smile within a fraction of the quoted spread of the midpoints, stiffer until it has no butterflies.

    Parameters
    ----------
    quotes : SmileQuotes
        NaN vols are left out.

    Raises
    ------
    DataError
        When fewer than `MIN_QUOTES` strikes carry a vol.
    """
    used = np.isfinite(quotes.vol) & (quotes.vega > 0) & np.isfinite(quotes.half_spread)
    if used.sum() < MIN_QUOTES:
        raise DataError(
            f"expiration {expiration}",
            f"{used.sum()} usable strikes, a smile needs {MIN_QUOTES}",
            "choose another expiration",
            "strike",
        )
    root_years = math.sqrt(years)
    x = np.log(quotes.strike[used] / forward)
    y = quotes.vol[used] * root_years
    tolerance = np.maximum(quotes.half_spread[used], TICK / 2) / quotes.vega[used] * root_years
    log_stiffness = _stiffest(x, y, tolerance)
    while True:
        smile = _smile(expiration, years, forward, discount, x, y, tolerance, log_stiffness)
        if smile.arbitrage <= DENSITY_TOLERANCE or log_stiffness >= STIFFNESS_RANGE[1]:
            return smile
        log_stiffness += STIFFNESS_STEP


def _fit(x: Array, y: Array, tolerance: Array, log_stiffness: float) -> tuple[Array, Array, float]:
    fitted, curvature = np.empty_like(x), np.empty_like(x)
    weight = tolerance**-2
    scratch = (np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(x))
    smoothing_spline(x, y, weight / weight.mean(), 10.0**log_stiffness, scratch, fitted, curvature)
    return fitted, curvature, float(np.sqrt(np.mean(((y - fitted) / tolerance) ** 2)))


def _stiffest(x: Array, y: Array, tolerance: Array) -> float:
    """Largest stiffness (log10) whose curve stays within `MAX_RMS` half-spreads of the midpoints, by bisection."""
    low, high = STIFFNESS_RANGE
    for _ in range(24):
        middle = 0.5 * (low + high)
        if _fit(x, y, tolerance, middle)[2] <= MAX_RMS:
            low = middle
        else:
            high = middle
    return low


def _smile(
    expiration: date,
    years: float,
    forward: float,
    discount: float,
    x: Array,
    y: Array,
    tolerance: Array,
    log_stiffness: float,
) -> Smile:
    fitted, curvature, rms = _fit(x, y, tolerance, log_stiffness)
    bare = Smile(expiration, years, forward, discount, x, fitted, curvature, rms, math.nan)
    return replace(bare, arbitrage=bare.largest_fall())
