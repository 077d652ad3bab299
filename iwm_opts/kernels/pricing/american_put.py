"""American puts on a share that pays nothing until expiry, by spectral collocation of the exercise boundary.

Andersen, Lake and Offengenden 2016, "High-performance American option pricing", Journal of Computational Finance 20(1),
39-87: with tau the time left, ln(boundary / strike)^2 is smooth in sqrt(tau), so that a polynomial through few
Chebyshev nodes holds it. It is found by fixed-point iteration of their equation A (value matching and smooth pasting),
written for a dividend yield of zero with z^2 the time between two points of the boundary:

    boundary / strike = [exp(-rate tau) n(d2) / (vol sqrt(tau)) + (2 rate / vol) I] / [n(d1) / (vol sqrt(tau)) + N(d1)],
    I = integral over z from 0 to sqrt(tau) of exp(-rate z^2) n(d2(z^2, boundary(tau) / boundary(tau - z^2))).

The premium over the European price is what early exercise earns, interest on the strike while the share lies below the
boundary (Kim 1990, "The analytic valuation of American options", Review of Financial Studies 3, equation 14).
"""

import math

import numpy as np

from iwm_opts.kernels._jit import internal, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, exp, log, normal_cdf
from iwm_opts.kernels.pricing.american_lanes import LANES

NODES = 8  # Chebyshev nodes of the boundary besides expiry, where it is the strike
POINTS = 12  # of the integrals along the boundary
PRICE_POINTS = 32  # of the integrals that give price, delta and gamma
FEW_POINTS = 10  # where early exercise is worth little
ROUNDS = 10  # of fixed-point iteration
FEW_ROUNDS = 5


def _gauss(points):
    """Gauss-Legendre nodes and weights on (0, 1) in the arc sine, which makes both z and sqrt(tau - z^2) smooth."""
    place, weight = np.polynomial.legendre.leggauss(points)
    angle = 0.25 * np.pi * (1.0 + place)
    return np.sin(angle), 0.25 * np.pi * weight * np.cos(angle)


def _interpolation(at):
    """Weights that give a polynomial's values at `at` from those at the Chebyshev nodes after the first."""
    share = np.where(np.arange(NODES + 1) % NODES == 0, 0.5, 1.0) * (-1.0) ** np.arange(NODES + 1)
    gap = at[..., None] - _CHEBYSHEV
    gap = np.where(np.abs(gap) < 1e-15, 1e-15, gap)
    terms = share / gap
    return np.ascontiguousarray((terms / terms.sum(axis=-1, keepdims=True))[..., 1:])


_CHEBYSHEV = 0.5 * (1.0 - np.cos(np.pi * np.arange(NODES + 1) / NODES))  # of sqrt(tau / t), expiry first
ROOT_TAU = _CHEBYSHEV[1:].copy()
Z, Z_WEIGHT = _gauss(POINTS)  # shares of sqrt(tau)
PRICE_Z, PRICE_WEIGHT = _gauss(PRICE_POINTS)
FEW_Z, FEW_WEIGHT = _gauss(FEW_POINTS)
ALONG = _interpolation(ROOT_TAU[:, None] * np.sqrt(1.0 - Z * Z))
TODAY = _interpolation(np.sqrt(1.0 - PRICE_Z * PRICE_Z))
FEW_TODAY = _interpolation(np.sqrt(1.0 - FEW_Z * FEW_Z))


@internal
def guess(vol, rate, t, depth):
    """First boundary, ln(boundary / strike): falls towards that of an endless put (Bjerksund and Stensland 1993)."""
    for i in range(LANES):
        endless = 2.0 * rate / (2.0 * rate + vol[i] * vol[i])  # Merton 1973, equation 52
        for n in range(NODES):
            fall = math.exp(-2.0 * vol[i] * ROOT_TAU[n] * math.sqrt(t) / (1.0 - endless))
            depth[n * LANES + i] = math.log(endless + (1.0 - endless) * fall)


@internal
def depth_between(square, weights, depth):
    """Boundary between nodes, from squares at the nodes."""
    for i in range(LANES):
        depth[i] = 0.0
    for n in range(NODES):
        some = square[n * LANES : (n + 1) * LANES]
        weight = weights[n]
        for i in range(LANES):
            depth[i] += weight * some[i]
    for i in range(LANES):
        depth[i] = -np.sqrt(depth[i] if depth[i] > 0.0 else 0.0)


@internal
def improve(vol, rate, t, square, depth, there, earned):
    """One round of fixed-point iteration, node after node from expiry on."""
    for n in range(NODES):
        root = ROOT_TAU[n] * math.sqrt(t)
        here = depth[n * LANES : (n + 1) * LANES]
        for i in range(LANES):
            earned[i] = 0.0
        for k in range(POINTS):
            z = root * Z[k]
            weight = 2.0 * rate * root * Z_WEIGHT[k] * math.exp(-rate * z * z)
            depth_between(square, ALONG[n, k], there)
            for i in range(LANES):
                d2 = (here[i] - there[i] + (rate - 0.5 * vol[i] * vol[i]) * z * z) / (vol[i] * z)
                earned[i] += weight * exp(-0.5 * d2 * d2)
        discount, below = math.exp(-rate * root * root), square[n * LANES : (n + 1) * LANES]
        for i in range(LANES):
            stdev = vol[i] * root
            d1 = (here[i] + rate * root * root) / stdev + 0.5 * stdev
            d2 = d1 - stdev
            cash = discount * exp(-0.5 * d2 * d2) / stdev + earned[i] / vol[i]
            share = exp(-0.5 * d1 * d1) / stdev + normal_cdf(d1) / INV_SQRT_2PI
            level = log(cash / share)
            here[i] = level if level < 0.0 else 0.0
            below[i] = here[i] * here[i]


@internal
def find_boundary(vol, rate, t, rounds, depth, square, there, earned):
    """Boundary of LANES puts at the Chebyshev nodes, ln(boundary / strike) into `depth`, its square into `square`."""
    guess(vol, rate, t, depth)
    for n in range(NODES * LANES):
        square[n] = depth[n] * depth[n]
    for _ in range(rounds):
        improve(vol, rate, t, square, depth, there, earned)


@internal
def value_of(vol, rate, t, away, rule, square, there, price, delta, gamma):
    """Price, delta and spot x gamma of puts held, each at its log-moneyness `away`, of a strike of 1.

    `rule` holds places, weights and weights of the boundary's interpolation of the integral along it.
    """
    places, shares, today = rule
    root, discount = math.sqrt(t), math.exp(-rate * t)
    for i in range(LANES):
        price[i] = delta[i] = gamma[i] = 0.0
    for k in range(places.shape[0]):
        z = root * places[k]
        weight = 2.0 * rate * root * shares[k] * math.exp(-rate * z * z)
        depth_between(square, today[k], there)
        for i in range(LANES):
            stdev = vol[i] * z
            d2 = (away[i] - there[i] + rate * z * z) / stdev - 0.5 * stdev
            density = weight * INV_SQRT_2PI * exp(-0.5 * d2 * d2) / vol[i]
            price[i] += weight * z * normal_cdf(-d2)
            delta[i] += density
            gamma[i] += density * (1.0 + d2 / stdev)
    for i in range(LANES):
        stdev, spot = vol[i] * root, exp(away[i])
        d1 = (away[i] + rate * t) / stdev + 0.5 * stdev
        share = normal_cdf(-d1)
        price[i] += discount * normal_cdf(stdev - d1) - spot * share
        delta[i] = -share - delta[i] / spot
        gamma[i] = INV_SQRT_2PI * exp(-0.5 * d1 * d1) / stdev + gamma[i] / spot


@kernel("void(float64[::1], float64[::1], float64[::1], float64, float64, float64[:,::1])")
def american_put(spot, strike, vol, rate, t, out):
    """Price puts of one expiry without a dividend ahead.

    Spot, strike, vol, rate and t are positive. Rows of `out`, shape (4, n): price, delta, gamma, and the spot at and
    below which a put is exercised today.
    """
    size = spot.shape[0]
    depth, square = np.empty(NODES * LANES), np.empty(NODES * LANES)
    there, earned, price, delta, gamma = (
        np.empty(LANES),
        np.empty(LANES),
        np.empty(LANES),
        np.empty(LANES),
        np.empty(LANES),
    )
    vols, away = np.empty(LANES), np.empty(LANES)
    for block in range(0, size, LANES):
        for i in range(LANES):  # the last block is filled up with the last option
            k = block + i if block + i < size else size - 1
            vols[i], away[i] = vol[k], math.log(spot[k] / strike[k])
        find_boundary(vols, rate, t, ROUNDS, depth, square, there, earned)
        value_of(vols, rate, t, away, (PRICE_Z, PRICE_WEIGHT, TODAY), square, there, price, delta, gamma)
        for i in range(LANES if size - block > LANES else size - block):
            k = block + i
            boundary = strike[k] * math.exp(depth[(NODES - 1) * LANES + i])
            out[0, k], out[1, k], out[2, k], out[3, k] = strike[k] * price[i], delta[i], gamma[i] / spot[k], boundary
            if spot[k] <= boundary or out[0, k] < strike[k] - spot[k]:
                out[0, k], out[1, k], out[2, k] = strike[k] - spot[k], -1.0, 0.0
