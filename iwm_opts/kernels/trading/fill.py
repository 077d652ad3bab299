"""Filling a package of options: midpoint, natural price and the price between them that a convention assumes."""

import math

import numpy as np

from iwm_opts.kernels._jit import kernel, unfused

TICK_NOISE = 1e-6  # share of a tick by which binary arithmetic may miss a decimal price; never worth a tick


@unfused
def against_the_trader(credit, ticks_per_dollar):
    """Round a credit down to the tick, so that a debit (a negative credit) grows; unrounded at 0 ticks per dollar."""
    if ticks_per_dollar <= 0.0:
        return credit
    return np.floor(credit * ticks_per_dollar + TICK_NOISE) / ticks_per_dollar


@unfused
def two_sided(bid, ask):
    """Midpoint and half-spread of one leg, its bid floored at zero; NaN where the ask is invalid or below the bid."""
    if not (0.0 < ask < math.inf and bid <= ask):
        return math.nan, math.nan
    floored = max(bid, 0.0)
    return 0.5 * (floored + ask), 0.5 * (ask - floored)


@unfused
def offset_from_mid(share, half_spread, least):
    """Share of the half-spread, at least `least`, and never beyond natural unless the share itself is."""
    return min(max(share * half_spread, least), max(share, 1.0) * half_spread)


@unfused
def max_vertical_cost(sign, right, ratio, mid, half, share, ticks_per_dollar):
    """Cost against mid of the most expensive vertical inside a package."""
    dearest = 0.0
    for i in range(sign.shape[0]):
        for j in range(i):
            if right[i] == right[j] and sign[i] * sign[j] < 0.0:
                credit = -(sign[i] * mid[i] + sign[j] * mid[j])
                offset = offset_from_mid(share, half[i] + half[j], 1.0 / ticks_per_dollar)
                cost = credit - against_the_trader(credit - offset, ticks_per_dollar)
                dearest = max(dearest, min(ratio[i], ratio[j]) * cost)
    return dearest


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[:,::1], float64[:,::1], float64, boolean, float64, "
    "float64[::1], float64[::1], float64[::1])",
    few=256,
)
def fill_prices(sign, right, ratio, bid, ask, share, is_floored, ticks_per_dollar, mid, half_spread, price):
    """Fill packages of one kind: rows of `bid` and `ask` are packages, columns their legs; all in dollars a share.

    Credits are positive. `share` is the offset from mid as a share of the summed half-spread; with `is_floored` the
    offset is at least a tick and at least the cost of its most expensive vertical alone. `mid`, `half_spread` and
    `price` are written; NaN where a leg has no two-sided quote.
    """
    legs = sign.shape[0]
    leg_mid, leg_half = np.empty(legs), np.empty(legs)
    for i in range(bid.shape[0]):
        credit = spread = least = 0.0
        for j in range(legs):
            leg_mid[j], leg_half[j] = two_sided(bid[i, j], ask[i, j])
            credit -= sign[j] * ratio[j] * leg_mid[j]
            spread += ratio[j] * leg_half[j]
        if is_floored:
            dearest = max_vertical_cost(sign, right, ratio, leg_mid, leg_half, share, ticks_per_dollar)
            least = max(1.0 / ticks_per_dollar, dearest)
        mid[i], half_spread[i] = credit, spread
        price[i] = against_the_trader(credit - offset_from_mid(share, spread, least), ticks_per_dollar)
