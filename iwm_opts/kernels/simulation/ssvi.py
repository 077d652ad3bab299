"""eSSVI with convex wings, a surface of implied variance in five parameters and one total variance an expiration.

w(k) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)) + 2 convexity L (sqrt(L^2 + k^2) - L)
phi = min(eta / (theta^gamma (1 + theta)^(1 - gamma)), sqrt(2 / theta)),  rho = -tanh(skew + tilt ln(theta / REFERENCE))
L = KNEE sqrt(theta / (1 + theta))

with k = ln(strike / forward) and theta the total variance at the money: SSVI (Gatheral and Jacquier 2014, "Arbitrage-
free SVI volatility surfaces", Quantitative Finance 14(1), equations 4.1 and 4.5) with a correlation that depends on
theta (Hendriks and Martini 2019, "The extended SSVI volatility surface", Journal of Computational Finance 22(5)). The
second hyperbola adds convexity k^2 near the money and grows linearly beyond L: variance of chains is more convex in the
wings than a hyperbola that fits near the money. A convexity of 0 is eSSVI.

Butterflies of eSSVI: theta phi (1 + |rho|) < 4 and theta phi^2 (1 + |rho|) <= 4 are enough (Gatheral and Jacquier,
theorem 4.2). The minimum in phi and eta <= 2 give both whatever rho is.
Calendars: while theta never falls, with g = d ln(theta phi) / d ln(theta) and d = d rho / d ln(theta), 0 <= g <= 1 and
|d + rho g| <= g are enough (Hendriks and Martini; by slices Corbetta, Cohort, Laachir and Martini 2019, "Robust
calibration and arbitrage-free interpolation of SSVI slices", Decisions in Economics and Finance 42). Here g is
(1 - gamma) / (1 + theta), or 1/2 under the minimum, and |d| = |tilt| (1 - rho^2): so |tilt| <= (1 - gamma) / 4 is
enough up to `LARGEST`, gamma being in (0, 1/2].

The second hyperbola is k^2 / (1 + sqrt(1 + k^2 / L^2)) times 2 convexity: it does not fall with L, nor L with theta,
so that one convexity a day keeps calendars free of arbitrage. For butterflies Durrleman's g(k) >= 0 (Gatheral and
Jacquier, lemma 2.2) is verified numerically: with u = k / sqrt(theta), g depends on theta through L / sqrt(theta) and
the last term alone. `convexity_limit` lies below the largest convexity with g >= 0 for all k, all phi up to
sqrt(2 / theta) and theta up to `LARGEST`.
"""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, exp, log

# Nodes of the variance swap's integral over k = sqrt(theta) sinh(t): the integrand dies off doubly exponentially, so
# that the trapezoidal rule is exact to 1e-12 with these; to 3e-6 at a theta of 0.8 with the largest convexity.
REACH = 5.5
NODES = 89
STEP = 2.0 * REACH / (NODES - 1)
SINH = np.sinh(np.linspace(-REACH, REACH, NODES))
COSH = np.cosh(np.linspace(-REACH, REACH, NODES))
ITERATIONS = 40
TOLERANCE = 1e-12
NEARLY = 1e-7  # residual that one more step, by a slope measured here, takes below the tolerance
NO_RATIO = 0.1  # log ratio of swap to at-the-money variance to begin with
SLOPE_STEP = 1e-7  # a shorter step tells nothing about the slope but rounding
REFERENCE = 0.005  # total variance at which `skew` is stated: about that of 45 days at a vol of 0.20
LOG_REFERENCE = math.log(REFERENCE)
LARGEST = 1.0  # total variance up to which the surface is free of arbitrage
KNEE = 3.0  # standard deviations at which quadratic wings become linear, at a small theta
MAX_CONVEXITY = 0.09  # up to |atanh(rho)| = `LIMIT_SKEW`, and beyond e times less a unit of it
LIMIT_SKEW = 2.0
LOG_RANGE = 12.0  # of theta / REFERENCE, over which tilt may move atanh(rho): an hour at a vol of 0.05, and `LARGEST`


@inline
def curvature(theta, eta, gamma):
    """Phi of a total variance at the money."""
    phi = eta * exp(-gamma * log(theta) - (1.0 - gamma) * log(1.0 + theta))
    steepest = math.sqrt(2.0 / theta)
    return phi if phi < steepest else steepest


@inline
def correlation(log_theta, skew, tilt):
    """Rho of a total variance at the money, by its logarithm."""
    return -math.tanh(skew + tilt * (log_theta - LOG_REFERENCE))


@inline
def knee(theta):
    """Log-moneyness at which quadratic wings become linear."""
    return KNEE * (theta / (1.0 + theta)) ** 0.5


@inline
def total_variance_slope(k, theta, rho, phi, convexity):
    """Total implied variance at log-moneyness k, and its derivative in k."""
    shifted = phi * k + rho
    root = (shifted * shifted + 1.0 - rho * rho) ** 0.5
    bend = knee(theta)
    wing = (bend * bend + k * k) ** 0.5
    lift = 2.0 * convexity * bend
    w = 0.5 * theta * (1.0 + rho * phi * k + root) + lift * (wing - bend)
    return w, 0.5 * theta * phi * (rho + shifted / root) + lift * k / wing


@inline
def total_variance(k, theta, rho, phi, convexity):
    """Total implied variance at log-moneyness k."""
    return total_variance_slope(k, theta, rho, phi, convexity)[0]


def convexity_limit(skew, tilt):
    """Largest convexity without arbitrage whatever eta is, by the skew of the day; arrays or numbers.

    Tilt moves atanh(rho) over the expirations by at most |tilt| x `LOG_RANGE`.
    """
    steepest = np.abs(skew) + abs(tilt) * LOG_RANGE
    return MAX_CONVEXITY * np.exp(np.minimum(LIMIT_SKEW - steepest, 0.0))


@inline
def swap_value(theta, rho, eta, gamma, convexity, part):
    """Model-free variance -2 E[ln(S / F)] of one expiration: the integral of w(k) over the law of -d2.

    Fukasawa 2012, "The normalizing transformation of the implied volatility smile", Mathematical Finance 22(4),
    theorem 4.5. `part` (NODES,) is scratch: summed apart, the integrand is computed in vectors.
    """
    phi = curvature(theta, eta, gamma)
    scale = math.sqrt(theta)
    for i in range(NODES):
        k = scale * SINH[i]
        w, slope = total_variance_slope(k, theta, rho, phi, convexity)
        v = math.sqrt(w)
        d2 = k / v + 0.5 * v
        part[i] = exp(-0.5 * d2 * d2) * (v - 0.5 * slope * (k / v - 0.5 * v)) * COSH[i]
    total = 0.0
    for i in range(NODES):
        total += part[i]
    return total * scale * (STEP * INV_SQRT_2PI)


@kernel("float64(float64, float64, float64, float64, float64)")
def variance_swap(theta, rho, eta, gamma, convexity):
    """Model-free variance of one expiration; see `swap_value`."""
    return swap_value(theta, rho, eta, gamma, convexity, np.empty(NODES))


@inline
def log_swap(log_theta, skew, tilt, eta, gamma, convexity, part):
    """Log model-free variance of a total variance at the money, by its logarithm."""
    rho = correlation(log_theta, skew, tilt)
    return math.log(swap_value(math.exp(log_theta), rho, eta, gamma, convexity, part))


@inline
def solve_at_the_money(target, skew, tilt, eta, gamma, convexity, ratio, slope, part):
    """Log total variance at the money whose model-free variance is `target`; log ratio of the two, and its slope.

    Secants in logarithms: the variance swap is nearly proportional to theta. `ratio` and `slope`, that of the log swap
    in log theta, are a neighbour's; `NO_RATIO` and 1 where there is none.
    """
    goal = math.log(target)
    x = goal - ratio
    f = log_swap(x, skew, tilt, eta, gamma, convexity, part) - goal
    is_measured = False
    for _ in range(ITERATIONS):
        if abs(f) < TOLERANCE:
            break
        step = -f / slope
        if is_measured and abs(f) < NEARLY:
            x += step
            break
        trial = log_swap(x + step, skew, tilt, eta, gamma, convexity, part) - goal
        if abs(step) > SLOPE_STEP:
            slope, is_measured = (trial - f) / step, True
        x, f = x + step, trial
    return x, goal - x, slope


@kernel("void(float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], float64[::1])")
def shapes(theta, skew, eta, tilt, gamma, rho, phi):
    """Rho and phi of total variances at the money; arrays of shape (n,)."""
    for i in range(theta.shape[0]):
        rho[i] = correlation(math.log(theta[i]), skew[i], tilt)
        phi[i] = curvature(theta[i], eta[i], gamma)


@kernel("void(float64[::1], float64, float64, float64, float64, float64, float64[::1])")
def at_the_money(target, skew, tilt, eta, gamma, convexity, theta):
    """Total variance at the money of each expiration whose model-free variance is `target`; shapes (n,).

    NaN targets, and those that are not positive, give NaN.
    """
    part = np.empty(NODES)
    ratio, slope = NO_RATIO, 1.0
    for i in range(target.shape[0]):
        if not target[i] > 0.0:
            theta[i] = math.nan
            continue
        log_theta, ratio, slope = solve_at_the_money(target[i], skew, tilt, eta, gamma, convexity, ratio, slope, part)
        theta[i] = math.exp(log_theta)
