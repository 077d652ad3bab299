"""SSVI, a whole surface of implied variance in three parameters and one total variance an expiration.

w(k) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)),  phi = eta / (theta^gamma (1 + theta)^(1 - gamma))
with k = ln(strike / forward) and theta the total variance at the money (Gatheral and Jacquier 2014, "Arbitrage-free SVI
volatility surfaces", Quantitative Finance 14(1), equations 4.1 and 4.5). With 0 < gamma <= 1/2 and eta (1 + |rho|) <= 2
there is no butterfly at any theta, and none in time while theta never falls (their remark 4.4 and theorems 4.1, 4.2).
"""

import math

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, exp, log

# Nodes of the variance swap's integral over k = sqrt(theta) sinh(t): the integrand dies off doubly exponentially, so
# that the trapezoidal rule is exact to 1e-12 with these.
REACH = 8.0
NODES = 129
ITERATIONS = 40
TOLERANCE = 1e-12


@inline
def curvature(theta, eta, gamma):
    """The phi of a total variance at the money."""
    return eta * exp(-gamma * log(theta) - (1.0 - gamma) * log(1.0 + theta))


@inline
def total_variance(k, theta, rho, phi):
    """Total implied variance at log-moneyness k."""
    shifted = phi * k + rho
    return 0.5 * theta * (1.0 + rho * phi * k + math.sqrt(shifted * shifted + 1.0 - rho * rho))


@kernel("float64(float64, float64, float64, float64)")
def variance_swap(theta, rho, eta, gamma):
    """Model-free variance -2 E[ln(S / F)] of one expiration: the integral of w(k) over the law of -d2.

    Fukasawa 2012, "The normalizing transformation of the implied volatility smile", Mathematical Finance 22(4),
    theorem 4.5.
    """
    phi = curvature(theta, eta, gamma)
    scale = math.sqrt(theta)
    step = 2.0 * REACH / (NODES - 1)
    total = 0.0
    for i in range(NODES):
        t = -REACH + i * step
        grown = math.exp(t)
        k = 0.5 * scale * (grown - 1.0 / grown)
        w = total_variance(k, theta, rho, phi)
        v = math.sqrt(w)
        shifted = phi * k + rho
        slope = 0.25 * theta * phi * (rho + shifted / math.sqrt(shifted * shifted + 1.0 - rho * rho)) / v
        d2 = k / v + 0.5 * v
        density = INV_SQRT_2PI * math.exp(-0.5 * d2 * d2) * (1.0 / v - k * slope / w + 0.5 * slope)
        total += w * density * 0.5 * scale * (grown + 1.0 / grown)
    return total * step


@kernel("void(float64[::1], float64, float64, float64, float64[::1])")
def at_the_money(target, rho, eta, gamma, theta):
    """Total variance at the money of each expiration whose model-free variance is `target`; shapes (n,).

    Secants in logarithms: the variance swap is nearly proportional to theta. NaN targets give NaN.
    """
    for i in range(target.shape[0]):
        if not target[i] > 0.0:
            theta[i] = math.nan
            continue
        goal = math.log(target[i])
        x0, x1 = goal, goal - 0.1
        f0 = math.log(variance_swap(math.exp(x0), rho, eta, gamma)) - goal
        for _ in range(ITERATIONS):
            f1 = math.log(variance_swap(math.exp(x1), rho, eta, gamma)) - goal
            if abs(f1) < TOLERANCE or f1 == f0:
                break
            x0, x1, f0 = x1, x1 - f1 * (x1 - x0) / (f1 - f0), f1
        theta[i] = math.exp(x1)
