"""Forwards and interest rates that the quotes of a panel imply by put-call parity, all days in one call."""

import math

import numpy as np
from numba import float64, int64, types

from iwm_opts.conventions import DAYS_PER_YEAR, TICK
from iwm_opts.kernels._jit import inline, kernel

FLOATS, INTS = float64[::1], int64[::1]

PARITY_STRIKES = 8  # strikes nearest the money that a forward is read from
PARITY_BAND = 0.02  # as far from the money, as a fraction of the strike, as they may lie
MIN_PARITY_STRIKES = 2
GROWTH_WINDOW_DAYS = (5.0, 75.0)  # nearer, a cent is points of rate; farther, strikes are 5 dollars apart
SLOPE_WINDOW_DAYS = (60.0, 400.0)
SLOPE_BAND = 0.15
MIN_SLOPE_STRIKES = 8
MIN_RATES = 4  # estimates that a median is taken of
EVENLY = 3.0**-0.5  # standard deviation of a midpoint that is off by up to its half-spread, evenly
NORMAL_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation
MEDIAN_ERROR = 1.2533  # standard error of a median over that of a mean, normal variables
PASSES = 3  # the discount factor barely moves a forward at the money: a fourth pass changes nothing


@inline
def _is_two_sided(call_bid, call_ask, put_bid, put_ask, i):
    return call_bid[i] > 0.0 and put_bid[i] > 0.0 and math.isfinite(call_ask[i]) and math.isfinite(put_ask[i])


@inline
def _gap(call_bid, call_ask, put_bid, put_ask, i):
    return 0.5 * (call_bid[i] + call_ask[i]) - 0.5 * (put_bid[i] + put_ask[i])


@inline
def _width(call_bid, call_ask, put_bid, put_ask, i):
    return max(0.5 * (call_ask[i] - call_bid[i] + put_ask[i] - put_bid[i]), TICK)


@inline
def _place_by(values, order, count, value, item):
    """Insert an item into `order`, ascending in `values`, after those of the same value; both have room."""
    j = count
    while j > 0 and value < values[j - 1]:
        values[j], order[j] = values[j - 1], order[j - 1]
        j -= 1
    values[j], order[j] = value, item


@inline
def parity_point(strike, call_bid, call_ask, put_bid, put_ask, low, high, discount, room, place):
    """Parity forward of the strikes `low` to `high` - 1 and the standard error that quoted widths leave it.

    The mean, weighted by quoted width, over up to PARITY_STRIKES strikes with the smallest abs(C - P). A strike whose
    forward lies farther from their median than its own half-spread is stale and left out, unless all are. NaN where
    fewer than MIN_PARITY_STRIKES lie within PARITY_BAND. `room` (3, PARITY_STRIKES + 1) and `place`
    (PARITY_STRIKES + 1,) are overwritten.
    """
    apart, forward, ordered = room[0], room[1], room[2]
    count = 0
    for i in range(low, high):
        if _is_two_sided(call_bid, call_ask, put_bid, put_ask, i):
            gap = abs(_gap(call_bid, call_ask, put_bid, put_ask, i))
            if count < PARITY_STRIKES or gap < apart[count - 1]:
                _place_by(apart, place, count, gap, i)
                count = min(count + 1, PARITY_STRIKES)
    near = 0
    for j in range(count):
        i = place[j]
        if apart[j] <= PARITY_BAND * strike[i]:
            place[near] = i
            value = strike[i] + _gap(call_bid, call_ask, put_bid, put_ask, i) / discount
            forward[near] = value
            k = near
            while k > 0 and value < ordered[k - 1]:
                ordered[k] = ordered[k - 1]
                k -= 1
            ordered[k] = value
            near += 1
    if near < MIN_PARITY_STRIKES:
        return math.nan, math.nan
    median = 0.5 * (ordered[(near - 1) // 2] + ordered[near // 2])
    fresh, fresh_weight, total, weight = 0.0, 0.0, 0.0, 0.0
    for j in range(near):
        width = _width(call_bid, call_ask, put_bid, put_ask, place[j])
        w = 1.0 / (width * width)
        total += w * forward[j]
        weight += w
        if abs(forward[j] - median) <= width:
            fresh += w * forward[j]
            fresh_weight += w
    if fresh_weight > 0.0:
        return fresh / fresh_weight, EVENLY / math.sqrt(fresh_weight)
    return total / weight, EVENLY / math.sqrt(weight)


@kernel(types.void(INTS, *(FLOATS,) * 6, FLOATS))
def parity_forwards(strike_start, strike, call_bid, call_ask, put_bid, put_ask, discount, forward):
    """Parity forward of every slice of a panel, shape (S,); NaN where its quotes imply none or the discount is NaN."""
    room, place = np.empty((3, PARITY_STRIKES + 1)), np.empty(PARITY_STRIKES + 1, dtype=np.int64)
    for s in range(forward.shape[0]):
        forward[s] = math.nan
        if discount[s] > 0.0:
            forward[s], _ = parity_point(
                strike, call_bid, call_ask, put_bid, put_ask, strike_start[s], strike_start[s + 1], discount[s], room,
                place,
            )  # fmt: skip


@inline
def _sort_pairs(values, weights, count):
    for i in range(1, count):
        value, weight = values[i], weights[i]
        j = i
        while j > 0 and value < values[j - 1]:
            values[j], weights[j] = values[j - 1], weights[j - 1]
            j -= 1
        values[j], weights[j] = value, weight


@inline
def _weighted_median(values, weights, count):
    """Smallest value whose cumulative weight reaches half; sorts both arrays."""
    _sort_pairs(values, weights, count)
    total = 0.0
    for i in range(count):
        total += weights[i]
    reached = 0.0
    for i in range(count):
        reached += weights[i]
        if reached >= 0.5 * total:
            return values[i]
    return values[count - 1]


@inline
def _median_and_error(rates, errors, count, values, weights):
    """Median of rates weighted by their precision, and its standard error."""
    total = squares = 0.0
    for i in range(count):
        weight = 1.0 / errors[i]
        values[i], weights[i] = rates[i], weight
        total += weight
        squares += weight * weight
    rate = _weighted_median(values, weights, count)
    for i in range(count):
        values[i], weights[i] = abs(rates[i] - rate), 1.0 / errors[i]
    scatter = NORMAL_MAD * _weighted_median(values, weights, count)
    effective = total * total / squares
    return rate, MEDIAN_ERROR * max(scatter / math.sqrt(effective), 1.0 / math.sqrt(squares))


@kernel(types.void(INTS, INTS, *(FLOATS,) * 7, FLOATS, FLOATS, INTS))
def growth_rates(
    day_start, strike_start, years, paid, strike, call_bid, call_ask, put_bid, put_ask, rate, error, estimates
):  # fmt: skip
    """Rate of every day by the growth of parity forwards over expirations; see `market.forward.implied_rate`.

    Parameters
    ----------
    day_start : shape (D + 1,)
    strike_start : shape (S + 1,)
    years, paid : shape (S,)
        Ascending in each day; dividends known to go ex from the day up to the expiration, $/share.
    rate, error, estimates : shape (D,)
        Median, its standard error and pairs of expirations behind it; NaN with fewer than MIN_RATES. Written.
    """
    longest = 0
    for d in range(rate.shape[0]):
        longest = max(longest, day_start[d + 1] - day_start[d])
    rates, errors, values, weights = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    room, place = np.empty((3, PARITY_STRIKES + 1)), np.empty(PARITY_STRIKES + 1, dtype=np.int64)
    low, high = GROWTH_WINDOW_DAYS
    for d in range(rate.shape[0]):
        guess, count = 0.0, 0
        for _ in range(PASSES):
            count = 0
            last, last_forward, last_error = -1, 0.0, 0.0
            for s in range(day_start[d], day_start[d + 1]):
                if not low <= years[s] * DAYS_PER_YEAR <= high:
                    continue
                forward, doubt = parity_point(
                    strike, call_bid, call_ask, put_bid, put_ask, strike_start[s], strike_start[s + 1],
                    math.exp(-guess * years[s]), room, place,
                )  # fmt: skip
                if math.isnan(forward):
                    continue
                if last >= 0 and years[s] > years[last]:
                    gap = years[s] - years[last]
                    rates[count] = math.log((forward + paid[s] - paid[last]) / last_forward) / gap
                    errors[count] = math.hypot(last_error, doubt) / last_forward / gap
                    count += 1
                last, last_forward, last_error = s, forward, doubt
            if count == 0:
                break
            for i in range(count):
                values[i], weights[i] = rates[i], 1.0 / errors[i]
            guess = _weighted_median(values, weights, count)
        rate[d] = error[d] = math.nan
        estimates[d] = count
        if count >= MIN_RATES:
            rate[d], error[d] = _median_and_error(rates, errors, count, values, weights)


@kernel(types.void(INTS, INTS, *(FLOATS,) * 6, FLOATS, FLOATS, INTS))
def slope_rates(
    day_start, strike_start, years, strike, call_bid, call_ask, put_bid, put_ask, rate, error, estimates
):  # fmt: skip
    """Rate of every day by the slope of C - P over strikes; arguments and results as for `growth_rates`."""
    longest = 0
    for d in range(rate.shape[0]):
        longest = max(longest, day_start[d + 1] - day_start[d])
    rates, errors, values, weights = np.empty(longest), np.empty(longest), np.empty(longest), np.empty(longest)
    room, place = np.empty((3, PARITY_STRIKES + 1)), np.empty(PARITY_STRIKES + 1, dtype=np.int64)
    low, high = SLOPE_WINDOW_DAYS
    for d in range(rate.shape[0]):
        count = 0
        for s in range(day_start[d], day_start[d + 1]):
            if not low <= years[s] * DAYS_PER_YEAR <= high:
                continue
            first, last = strike_start[s], strike_start[s + 1]
            centre, _ = parity_point(
                strike, call_bid, call_ask, put_bid, put_ask, first, last, 1.0, room, place
            )  # fmt: skip
            if math.isnan(centre):
                continue
            used, weight, mean = 0, 0.0, 0.0
            for i in range(first, last):
                if _is_two_sided(call_bid, call_ask, put_bid, put_ask, i) and (
                    abs(strike[i] / centre - 1.0) <= SLOPE_BAND
                ):
                    w = _width(call_bid, call_ask, put_bid, put_ask, i) ** -2.0
                    used += 1
                    weight += w
                    mean += w * strike[i]
            if used < MIN_SLOPE_STRIKES:
                continue
            mean /= weight
            inertia = moment = 0.0
            for i in range(first, last):
                if _is_two_sided(call_bid, call_ask, put_bid, put_ask, i) and (
                    abs(strike[i] / centre - 1.0) <= SLOPE_BAND
                ):
                    w = _width(call_bid, call_ask, put_bid, put_ask, i) ** -2.0
                    inertia += w * (strike[i] - mean) ** 2
                    moment += w * (strike[i] - mean) * _gap(call_bid, call_ask, put_bid, put_ask, i)
            discount = -moment / inertia
            if discount > 0.0:
                rates[count] = -math.log(discount) / years[s]
                errors[count] = EVENLY / math.sqrt(inertia) / discount / years[s]
                count += 1
        rate[d] = error[d] = math.nan
        estimates[d] = count
        if count >= MIN_RATES:
            rate[d], error[d] = _median_and_error(rates, errors, count, values, weights)
