"""Calls on a share that pays cash dividends, by quadrature between ex-dates.

While the rate is not negative a call is exercised only on the eve of an ex-date (Merton 1973, "Theory of rational
option pricing", theorems 2 and 3). From one ex-date to the next it is therefore European and its value the integral of
the next eve's over a lognormal price: no time steps, and errors that fall exponentially with the number of points
(Sullivan 2000, "Valuing American put options using Gaussian quadrature", Review of Financial Studies 13, 75-94, where
exercise dates are dense). What makes it exact here:

- On an eve the value is spot less a constant above the price from which it is exercised. That part is Black and
  Scholes' closed form; Gauss and Legendre's rule covers the curved part below, which ends at the kink.
- The price of exercise is found by Newton's iteration on the integral itself, and values are taken where the next
  integral wants them: nothing is interpolated.
- Expiry is an eve whose value has no curved part.

A European put is the call less what parity says, so the kernel serves both Europeans too.
"""

import math
from collections import namedtuple

import numpy as np

from iwm_opts.kernels._jit import internal, kernel
from iwm_opts.kernels.elementary import INV_SQRT_2PI, exp, log, normal_cdf
from iwm_opts.kernels.pricing.american_lanes import LANES, LOWEST_SHARE, larger, smaller

POINTS = 16  # of Gauss and Legendre's rule in one panel
PANEL = 10.0  # standard deviations a panel may span: of both the step before and the step after, taken together
MOST_PANELS = 64
REACH = 5.0  # standard deviations from where the spot is, and from the strike, that prices are followed
FAR = 6.5  # standard deviations beyond which nothing counts towards an integral
MOST_TURNS = 40  # of the search for the price of exercise
CLOSE = 1e-7  # step in its logarithm that ends the search: the value's error is of the order of its square
NEGLIGIBLE = 1e-9  # of the strike: what exercise must gain over holding on, at a high price, to be looked for

GAUSS = np.polynomial.legendre.leggauss(POINTS)
PLACE, WEIGHT = 0.5 * (1.0 + GAUSS[0]), 0.5 * GAUSS[1]  # on (0, 1)

# The call on an eve: `value` (times its weight in the integral) at the log-prices `place`, MOST_PANELS x POINTS x LANES
# each, and beyond them a straight line in the spot, `shares` of it less `debt`, below the log-price `edge` (lane i) and
# above it (lane LANES + i). `owed` is what the call owes at high prices: the strike if exercised there.
Eve = namedtuple("Eve", ("owed", "edge", "shares", "debt", "place", "value"))
Calls = namedtuple("Calls", ("spot", "strike", "vol"))  # arrays of LANES


@internal
def integrate(eve, points, vol, rate, dt, at, value, slope, bend):
    """Value of each call `dt` before an eve at the log-prices `at`, and its first two derivatives to them."""
    discount, root = math.exp(-rate * dt), math.sqrt(dt)
    for i in range(LANES):
        value[i] = slope[i] = bend[i] = 0.0
    for end in range(2):
        side = 2.0 * end - 1.0
        for i in range(LANES):
            k, stdev = end * LANES + i, vol[i] * root
            shares, debt = eve.shares[k], eve.debt[k] * discount
            d2 = (at[i] + rate * dt - eve.edge[k]) / stdev - 0.5 * stdev
            held = shares * exp(at[i]) * normal_cdf(side * (d2 + stdev))
            density = side * INV_SQRT_2PI * exp(-0.5 * d2 * d2) / stdev
            worth = shares * exp(eve.edge[k]) * discount
            value[i] += held - debt * normal_cdf(side * d2)
            slope[i] += held + (worth - debt) * density
            bend[i] += held + worth * density - (worth - debt) * density * d2 / stdev
    for first in range(0, points * LANES, POINTS * LANES):
        last, counts = first + (POINTS - 1) * LANES, False
        for i in range(LANES):
            middle, reach = at[i] + rate * dt - 0.5 * vol[i] * vol[i] * dt, FAR * vol[i] * root
            top = middle + reach + vol[i] * vol[i] * dt  # weighed by the share itself, prices centre higher
            counts |= (eve.place[last + i] > middle - reach) & (eve.place[first + i] < top)
        if counts:
            for j in range(first, first + POINTS * LANES, LANES):
                place, part = eve.place[j : j + LANES], eve.value[j : j + LANES]
                for i in range(LANES):
                    stdev = vol[i] * root
                    z = (place[i] - at[i] - rate * dt) / stdev + 0.5 * stdev
                    here = part[i] * exp(-0.5 * z * z)
                    value[i] += here
                    slope[i] += here * z / stdev
                    bend[i] += here * (z * z - 1.0) / (stdev * stdev)


@internal
def exercise_price(eve, points, options, rate, t, until, after, ahead, cash, boundary, bracket, work):
    """Price on an eve at and above which a call is exercised; NaN where none that the spot may reach.

    By Newton's iteration on the logarithm of the call's value above its asymptote at high prices, nearly a parabola
    in the log-price; by bisection where a step leaves the bracket. `until` is the time of the next ex-date, `after`
    that from this one to it.
    """
    at, value, slope, bend = work
    low, high = bracket
    discount, rest = math.exp(-rate * after), t - until + after
    for i in range(LANES):
        spot, strike, vol = options.spot[i], options.strike[i], options.vol[i]
        drift, reach = rate - 0.5 * vol * vol, REACH * vol * math.sqrt(until)
        straight = log(strike + ahead) + REACH * vol * math.sqrt(rest) - smaller(drift, 0.0) * rest
        high[i] = at[i] = smaller(straight, log(spot) + reach + (rate + 0.5 * vol * vol) * until)
        low[i] = log(larger(strike - cash, LOWEST_SHARE * strike))  # none is exercised below
        low[i] = larger(low[i], log(LOWEST_SHARE * spot) - reach + smaller(drift, 0.0) * until)
    for turn in range(MOST_TURNS):
        integrate(eve, points, options.vol, rate, after, at, value, slope, bend)
        farthest = 0.0
        for i in range(LANES):
            owed, spot, least = eve.owed[i] * discount, exp(at[i]), NEGLIGIBLE * options.strike[i]
            gain = owed + cash - options.strike[i]
            excess = value[i] - spot + owed
            if excess > gain or gain < least:
                low[i] = at[i]
            else:
                high[i] = at[i]
            excess, before = larger(excess, 1e-4 * least), at[i]
            at[i] += excess * log(excess / larger(gain, least)) / larger(spot - slope[i], 1e-4 * least)
            if turn == 0:
                boundary[i] = math.nan if low[i] == before else 0.0
                at[i] = smaller(low[i], high[i])
            elif not low[i] <= at[i] <= high[i]:
                at[i] = 0.5 * (low[i] + high[i])
            farthest = larger(farthest, abs(at[i] - before))
        if farthest < CLOSE:
            break
    for i in range(LANES):
        boundary[i] += exp(at[i]) + cash


@internal
def curved_part(eve, fresh, options, rate, t, when, after, paid, ahead, cash, exercise, boundary):
    """Set `owed` of the eve at `when`, and its edges: where the value turns straight or the spot can hardly be."""
    rest, discount = t - when, math.exp(-rate * after)
    for i in range(LANES):
        spot, strike, vol = options.spot[i], options.strike[i], options.vol[i]
        drift, reach, bend = rate - 0.5 * vol * vol, REACH * vol * math.sqrt(when), REACH * vol * math.sqrt(rest)
        lowest = log(larger(spot - paid, LOWEST_SHARE * spot)) - reach + smaller(drift, 0.0) * when
        highest = log(spot) + reach + (rate + 0.5 * vol * vol) * when
        bent = log(strike * exp(-bend - larger(drift, 0.0) * rest) + cash)
        straight = log((strike + ahead) * exp(bend - smaller(drift, 0.0) * rest) + cash)
        fresh.owed[i] = eve.owed[i] * discount + cash
        if exercise:
            fresh.owed[i] = smaller(fresh.owed[i], strike)
            straight = log(boundary[i]) if boundary[i] == boundary[i] else straight
        low, top = larger(bent, lowest), smaller(straight, highest)
        if low > top:  # the spot will be where the value is straight
            low = top = bent if bent > highest else straight
        fresh.edge[i], fresh.edge[LANES + i] = low, top
        is_straight = top == straight
        fresh.shares[LANES + i], fresh.debt[LANES + i] = (1.0, fresh.owed[i]) if is_straight else (math.nan, math.nan)
        fresh.shares[i], fresh.debt[i] = (0.0, 0.0) if low == bent else (math.nan, math.nan)


@internal
def straighten(eve, fresh, points, options, rate, after, cash, work):
    """Lines that go on as the value ends, at edges that only the reach of the spot has set."""
    at, value, slope, bend = work
    for end in range(2):
        for i in range(LANES):
            at[i] = log(larger(exp(fresh.edge[end * LANES + i]) - cash, NEGLIGIBLE * options.strike[i]))
        integrate(eve, points, options.vol, rate, after, at, value, slope, bend)
        for i in range(LANES):
            k = end * LANES + i
            if math.isnan(fresh.shares[k]):
                fresh.shares[k] = slope[i] / exp(at[i])
                fresh.debt[k] = fresh.shares[k] * exp(fresh.edge[k]) - value[i]


@internal
def fill(eve, fresh, points, options, rate, before, after, cash, work):
    """Values on the curved part of an eve from the next one, weighed for the step before; returns their number."""
    at, value, slope, bend = work
    widest, discount = 0.0, math.exp(-rate * before)
    for i in range(LANES):
        widest = larger(widest, (fresh.edge[LANES + i] - fresh.edge[i]) / options.vol[i])
    panels = int(widest / (PANEL * math.sqrt(before * after / (before + after)))) + 1
    panels = panels if panels < MOST_PANELS else MOST_PANELS
    for j in range(panels * POINTS):
        place, part = fresh.place[j * LANES : (j + 1) * LANES], fresh.value[j * LANES : (j + 1) * LANES]
        share = (j // POINTS + PLACE[j % POINTS]) / panels
        weight = WEIGHT[j % POINTS] / panels * discount * INV_SQRT_2PI / math.sqrt(before)
        for i in range(LANES):
            place[i] = fresh.edge[i] + share * (fresh.edge[LANES + i] - fresh.edge[i])
            at[i] = log(larger(exp(place[i]) - cash, NEGLIGIBLE * options.strike[i]))
        integrate(eve, points, options.vol, rate, after, at, value, slope, bend)
        for i in range(LANES):
            part[i] = value[i] * weight * (fresh.edge[LANES + i] - fresh.edge[i]) / options.vol[i]
    return panels * POINTS


@internal
def solve(eve, fresh, options, rate, t, ex_time, cash, exercise, few, out):
    """Price one block of calls into the rows of `out`."""
    work, boundary, bracket = (few[0], few[1], few[2], few[3]), few[4], (few[5], few[6])
    paid, ahead, points, end = 0.0, 0.0, 0, t
    for k in range(cash.shape[0]):
        paid += cash[k]
    for i in range(LANES):
        eve.edge[i] = eve.edge[LANES + i] = log(options.strike[i])
        eve.shares[i], eve.debt[i], eve.shares[LANES + i] = 0.0, 0.0, 1.0
        eve.owed[i] = eve.debt[LANES + i] = options.strike[i]
        boundary[i] = math.nan
    for k in range(cash.shape[0] - 1, -1, -1):
        when, after = ex_time[k], end - ex_time[k]
        before = when - ex_time[k - 1] if k > 0 else when
        paid -= cash[k]
        if exercise:
            exercise_price(eve, points, options, rate, t, end, after, ahead, cash[k], boundary, bracket, work)
        curved_part(eve, fresh, options, rate, t, when, after, paid, ahead, cash[k], exercise, boundary)
        straighten(eve, fresh, points, options, rate, after, cash[k], work)
        points = fill(eve, fresh, points, options, rate, before, after, cash[k], work)
        eve, fresh = fresh, eve
        ahead += cash[k]
        end = when
    at, value, slope, bend = work
    for i in range(LANES):
        at[i] = log(options.spot[i])
    integrate(eve, points, options.vol, rate, end, at, value, slope, bend)
    for i in range(LANES):
        spot = options.spot[i]
        out[0, i], out[1, i], out[2, i] = value[i], slope[i] / spot, (bend[i] - slope[i]) / (spot * spot)
        out[3, i] = boundary[i]


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], float64[::1], boolean, "
    "float64[:,::1])"
)
def american_call(spot, strike, vol, rate, t, ex_time, cash, exercise, out):
    """Price calls of one expiry; without `exercise` as Europeans.

    Spot, strike, vol and t are positive, the rate is not negative, `ex_time` ascends strictly within (0, t). Rows of
    `out`, shape (4, n): price, delta, gamma, and the spot at and above which a call is exercised on the eve of the next
    ex-date, NaN where none.
    """
    size = spot.shape[0]
    few, sides, result = np.empty((12, LANES)), np.empty((6, 2 * LANES)), np.empty((4, LANES))
    many = np.empty((4, MOST_PANELS * POINTS * LANES))
    options = Calls(few[0], few[1], few[2])
    eve = Eve(few[3], sides[0], sides[1], sides[2], many[0], many[1])
    fresh = Eve(few[4], sides[3], sides[4], sides[5], many[2], many[3])
    for block in range(0, size, LANES):
        for i in range(LANES):  # the last block is filled up with the last option
            k = block + i if block + i < size else size - 1
            options.spot[i], options.strike[i], options.vol[i] = spot[k], strike[k], vol[k]
        solve(eve, fresh, options, rate, t, ex_time, cash, exercise, few[5:], result)
        for i in range(LANES if size - block > LANES else size - block):
            least = options.spot[i] - options.strike[i] if exercise else 0.0
            out[0, block + i] = larger(result[0, i], larger(least, 0.0))
            for row in range(1, 4):
                out[row, block + i] = result[row, i]
