"""Outcome of packages under their own exits on simulated paths of price and implied variance."""

import math

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.backtest.codes import EXPIRY, HELD, STOP
from iwm_opts.kernels.backtest.exits import exit_reason
from iwm_opts.kernels.elementary import exp, log_ratio
from iwm_opts.kernels.pricing.black import prepaid_halves
from iwm_opts.kernels.trading.fill import offset_from_mid

REMAINING, LOADING, CORRECTION, DAYS_LEFT, DISCOUNT = range(5)  # rows of `days`
STRIKE, RIGHT, CONTRACTS, STDEV, PRICE, HALF = range(6)  # rows of `legs`
CREDIT, PROFIT, STOP_LEVEL, MIN_DTE, MAX_SESSIONS, EXIT_SHARE, EXIT_LEAST, STOP_SHARE, EXERCISE_FEE = range(9)
WHY, AFTER = range(2)  # rows of `end`: exit reason, sessions held
HALF_TICK = 0.005  # dollars: no quoted half-spread is narrower
STRESS_POWER, STRESS_MOST = 2.5, 7.0  # as quoted spreads of the simulator: on short over long vol, in `iwm.toml`
PRICE_FLOOR = 0.05  # dollars added to a premium, below which spreads no longer depend on it


@kernel(
    "void(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64, float64, float64, float64[:, ::1],"
    " float64[:, ::1])"
)
def walk(shocks, level_shocks, variance, ratio, keep, vol, correlation, log_forward, level):
    """Log of forward over today's and log level of implied variance after each session; shapes (paths, sessions).

    The level is an Ornstein-Uhlenbeck process with `vol` a session, of which `keep` stays; its shock has the
    `correlation` with the return's. Session s has the variance `variance[s]` (implied today) times the path's `ratio`
    of realised to implied and the level before it, compensated so that its mean is `variance[s]` times the ratio.
    """
    own_part = math.sqrt(1.0 - correlation * correlation)
    for p in range(shocks.shape[0]):
        x = spread = f = 0.0
        for s in range(shocks.shape[1]):
            realised = ratio[p] * variance[s] * exp(x - 0.5 * spread)
            z = shocks[p, s]
            f += math.sqrt(realised) * z - 0.5 * realised
            x = keep * x + vol * (correlation * z + own_part * level_shocks[p, s])
            spread = keep * keep * spread + vol * vol
            log_forward[p, s], level[p, s] = f, x


@inline
def smile_at(smile, reach, x):
    """Smile over its value at the money, `x` standard deviations from the forward: linear, flat beyond `reach`."""
    step = (smile.shape[0] - 1) / (2.0 * reach)
    place = (x + reach) * step
    place = min(max(place, 0.0), smile.shape[0] - 1.0)
    low = min(int(place), smile.shape[0] - 2)
    part = place - low
    return smile[low] + part * (smile[low + 1] - smile[low])


@inline
def close_price(sign, forward, strike, stdev, discount):
    """Black's price (1976), the out-of-the-money side computed and the other by parity."""
    k = log_ratio(strike, forward)
    side = -1.0 if k < 0.0 else 1.0
    half1, half2, _ = prepaid_halves(side, forward, strike, -k, stdev)
    premium = max(side * (half1 - half2), 0.0)
    return discount * (premium if sign == side else premium + sign * (forward - strike))


@inline
def settlement_cost(legs, price):
    """Cost of a package at expiry, dollars a share, and contracts exercised."""
    cost = exercised = 0.0
    for j in range(legs.shape[1]):
        inside = legs[RIGHT, j] * (price - legs[STRIKE, j])
        if inside > 0.0:
            cost -= legs[CONTRACTS, j] * inside
            exercised += abs(legs[CONTRACTS, j])
    return cost, exercised


@inline
def closing_cost(legs, smile, reach, price, stdev, discount):
    """Cost of closing a package at mid and the summed half-spread of its legs, dollars a share."""
    cost = spread = 0.0
    for j in range(legs.shape[1]):
        x = log_ratio(legs[STRIKE, j], price) / stdev
        leg_stdev = stdev * smile_at(smile, reach, x) * legs[STDEV, j]
        value = close_price(legs[RIGHT, j], price, legs[STRIKE, j], leg_stdev, discount)
        cost -= legs[CONTRACTS, j] * value
        widening = math.sqrt((value + PRICE_FLOOR) / (legs[PRICE, j] + PRICE_FLOOR))
        spread += abs(legs[CONTRACTS, j]) * max(legs[HALF, j] * widening, HALF_TICK)
    return cost, spread


@inline
def stress(level):
    """Factor on quoted spreads where implied vol has risen: a power of its ratio to today's."""
    return min(max(exp(0.5 * STRESS_POWER * level), 1.0), STRESS_MOST)


@inline
def stdev_left(days, s, level, stdev):
    """Total standard deviation at the money that is left after session s at a level of implied variance."""
    return stdev * math.sqrt(days[REMAINING, s] * exp(days[LOADING, s] * level - days[CORRECTION, s]))


@kernel(
    "void(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64, float64, float64, float64[:, ::1],"
    " float64[::1])"
)
def mean_costs(log_forward, level, days, smile, reach, forward, stdev, legs, mean):
    """Mean cost of closing a package at mid after each session over all paths; shape (sessions,); see `outcomes`."""
    for s in range(days.shape[1]):
        total = 0.0
        for p in range(log_forward.shape[0]):
            price = forward * exp(log_forward[p, s])
            if days[REMAINING, s] <= 0.0:
                cost, _ = settlement_cost(legs, price)
            else:
                rest = stdev_left(days, s, level[p, s], stdev)
                cost, _ = closing_cost(legs, smile, reach, price, rest, days[DISCOUNT, s])
            total += cost
        mean[s] = total / log_forward.shape[0]


@kernel(
    "void(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64, float64, float64, float64[:, ::1],"
    " float64[::1], float64[::1], int64[:, ::1], float64[::1])"
)
def outcomes(log_forward, level, days, smile, reach, forward, stdev, legs, terms, scale, end, debit):
    """Why and after how many sessions each path closes a package, and at what cost; shapes (2, paths) and (paths,).

    `days` (5, sessions) holds, at each close, the share of today's total implied variance left at an unchanged level,
    the loading of its logarithm on `level`, half the variance of that, calendar days to expiration and the discount
    factor to it. Of a row without variance left the package is settled. `smile` holds the total standard deviation over
    `stdev`, its value at the money, at equal steps from -`reach` to `reach` standard deviations. `legs` (6, legs) holds
    strike, right, signed contracts, today's total standard deviation over the smile's, price and half-spread; a half-
    spread grows with the square root of the price and the `stress` of the session. `scale` (sessions,) multiplies costs
    at mid: it makes the package a martingale under its prices (empirical martingale simulation, Duan and Simonato
    1998). `terms` holds the entry credit that exits refer to, their levels (NaN: off), the exit offset as a share of
    the summed half-spread and its least, the stop's share, and the exercise fee. Costs are dollars a share, at the exit
    fill or the stop's.
    """
    for p in range(log_forward.shape[0]):
        end[WHY, p], end[AFTER, p], debit[p] = HELD, days.shape[1], math.nan
        for s in range(days.shape[1]):
            price = forward * exp(log_forward[p, s])
            if days[REMAINING, s] <= 0.0:
                cost, exercised = settlement_cost(legs, price)
                end[WHY, p], end[AFTER, p] = EXPIRY, s + 1
                debit[p] = scale[s] * cost + exercised * terms[EXERCISE_FEE]
                break
            rest = stdev_left(days, s, level[p, s], stdev)
            cost, spread = closing_cost(legs, smile, reach, price, rest, days[DISCOUNT, s])
            cost *= scale[s]
            spread *= stress(level[p, s])
            at_exit = cost + offset_from_mid(terms[EXIT_SHARE], spread, terms[EXIT_LEAST])
            why = exit_reason(
                at_exit, terms[CREDIT], False, days[DAYS_LEFT, s], s + 1.0, False, terms[PROFIT], terms[STOP_LEVEL],
                terms[MIN_DTE], terms[MAX_SESSIONS], False,
            )  # fmt: skip
            if why != HELD:
                at_stop = cost + terms[STOP_SHARE] * spread
                end[WHY, p], end[AFTER, p], debit[p] = why, s + 1, at_stop if why == STOP else at_exit
                break
