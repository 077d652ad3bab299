"""Model-free implied variance of an expiration, after the Cboe Volatility Index Mathematics Methodology."""

import math

from numba import float64, int64, types

from iwm_opts.kernels._jit import kernel, unfused

FLOATS, INTS = float64[::1], int64[::1]
NO_STRIP = (math.nan, 0, 0, -1, -1, False, False, 0, 0, math.nan)


@unfused
def _excess(inner, outer, gap):
    """Area of a trapezoid above the exponential through its two ends: what convex prices make a gap overstate."""
    decay = math.log(inner / outer)
    if abs(decay) < 1e-6:
        return 0.0
    return gap * abs(0.5 * (inner + outer) - (inner - outer) / decay)


@unfused
def _wing(strike, bid, ask, start, low, high, step, centre_strike, centre_price):
    """Sum of delta-K / K^2 x price from the centre outwards, the centre's share of this side included.

    The methodology's delta-K, half the distance between the used neighbours and the whole distance at an end, makes
    the sum a trapezoid over used strikes plus half the last gap at the end. A bid of zero below an ask is an option
    without buyers, and two in a row end the wing. A NaN bid is an option that the source lacks, and a bid of zero with
    a NaN ask one that it lists without a quote: both are absent, and skipped.

    Returns the sum, options used, the outermost one, whether bids ended the wing, options absent up to its end, those
    of them that are listed without a quote, and the part of the sum that no quote supports: the excess of trapezoids
    over gaps, and beyond the outermost option a tail that decays as the wing did on average, within the triangle to the
    first option without a bid where bids ended it.
    """
    total = unsupported = gap = 0.0
    edge = math.inf
    used = empty = absent = skipped = before_edge = unquoted = blank = 0
    end = start - step
    last_strike = centre_strike
    centre = last_weight = centre_price / (centre_strike * centre_strike)
    i = start
    while low <= i < high and empty < 2:
        if bid[i] > 0.0 and ask[i] > 0.0:
            weight = 0.5 * (bid[i] + ask[i]) / (strike[i] * strike[i])
            gap = abs(strike[i] - last_strike)
            total += 0.5 * gap * (weight + last_weight)
            unsupported += _excess(last_weight, weight, gap)
            last_strike = strike[i]
            last_weight = weight
            used += 1
            absent += skipped
            unquoted += blank
            empty = skipped = blank = 0
            end = i
        elif bid[i] <= 0.0 and ask[i] > 0.0:
            if empty == 0:
                edge = abs(strike[i] - last_strike)
                before_edge = skipped
            empty += 1
        else:
            skipped += 1
            blank += bid[i] == 0.0
        i += step
    if used > 0:
        fall = math.log(centre / last_weight)
        distance = abs(last_strike - centre_strike)
        tail = last_weight * distance / fall if fall > 0.0 else math.inf
        if empty >= 2:
            tail = min(tail, 0.5 * edge * last_weight)
            absent += before_edge
        unsupported += max(tail - 0.5 * gap * last_weight, 0.0)
    return total + 0.5 * gap * last_weight, used, end, empty >= 2, absent, unquoted, unsupported


@unfused
def strip_variance(strike, call_bid, call_ask, put_bid, put_ask, low, high, forward, discount):
    """`total_variance` of the strikes `low` to `high` - 1 of longer arrays; indices returned are of those arrays."""
    centre = -1
    for i in range(low, high):
        both = call_bid[i] > 0.0 and call_ask[i] > 0.0 and put_bid[i] > 0.0 and put_ask[i] > 0.0
        if strike[i] <= forward and both:
            centre = i
    if centre < 0:
        return NO_STRIP
    k0 = strike[centre]
    below, puts, first, low_dry, absent_puts, blank_puts, doubt_puts = _wing(
        strike, put_bid, put_ask, centre - 1, low, high, -1, k0, 0.5 * (put_bid[centre] + put_ask[centre])
    )
    above, calls, last, high_dry, absent_calls, blank_calls, doubt_calls = _wing(
        strike, call_bid, call_ask, centre + 1, low, high, 1, k0, 0.5 * (call_bid[centre] + call_ask[centre])
    )
    absent, unquoted = absent_puts + absent_calls, blank_puts + blank_calls
    if puts == 0 or calls == 0:
        return math.nan, puts, calls, first, last, low_dry, high_dry, absent, unquoted, math.nan
    off = forward / k0 - 1.0
    variance = 2.0 / discount * (below + above) - off * off
    doubt = 2.0 / discount * (doubt_puts + doubt_calls) + abs(2.0 * (off - math.log1p(off)) - off * off)
    completeness = max(1.0 - doubt / variance, 0.0) if variance > 0.0 else 0.0
    return variance, puts, calls, first, last, low_dry, high_dry, absent, unquoted, completeness


@kernel(
    "Tuple((float64, int64, int64, int64, int64, boolean, boolean, int64, int64, float64))"
    "(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64)",
    few=4096,
)
def total_variance(strike, call_bid, call_ask, put_bid, put_ask, forward, discount):
    """Total variance to expiry, sigma^2 T, from out-of-the-money quotes.

    2 / D sum(delta-K / K^2 Q(K)) - (F / K0 - 1)^2, with K0 the highest strike at or below the forward that quotes
    both a call and a put, puts below and calls above it. Options without a bid are left out, and two of them in a row
    end a wing. An option with a NaN bid, or with a bid of zero and a NaN ask, is absent: it is skipped and counted.

    At K0 the put counts over half the gap below it and the call over half the gap above. The methodology takes their
    average over half of both: the same where the gaps are equal, and where they are not it leaves out
    (F - K0) (gap above - gap below) / (2 K0^2) of variance. To the log contract (Carr and Madan 1998) the calls from K0
    to the forward are in excess of puts by the integral of D (F - K) / K^2, which is D (F / K0 - 1 - log(F / K0)): half
    of D (F / K0 - 1)^2 to second order, whatever the gaps.

    Strikes ascend. Returns the variance (NaN without K0 or with an empty wing), puts used, calls used, the indices of
    the lowest and highest strike used, whether each wing ended for want of bids rather than of strikes, options absent
    up to the ends of the wings, those of them with a bid of zero, and the share of the variance that quotes support (0
    to 1): the unsupported parts of the wings and the terms beyond the second order count against it.
    """
    return strip_variance(strike, call_bid, call_ask, put_bid, put_ask, 0, len(strike), forward, discount)


@kernel(types.void(INTS, FLOATS, float64[:, ::1], FLOATS, FLOATS, FLOATS, INTS, INTS, INTS, FLOATS))
def total_variances(
    strike_start, strike, quotes, forward, discount, variance, puts, calls, unquoted, completeness
):  # fmt: skip
    """`total_variance` of every slice of a panel, arrays of shape (S,).

    Variance, puts and calls used, options listed without a quote within the wings, and completeness.

    NaN where the forward is NaN. `quotes` (4, N) holds bid and ask of calls, then of puts.
    """
    call_bid, call_ask, put_bid, put_ask = quotes[0], quotes[1], quotes[2], quotes[3]
    for s in range(variance.shape[0]):
        variance[s], puts[s], calls[s], unquoted[s], completeness[s] = math.nan, 0, 0, 0, math.nan
        if forward[s] > 0.0:
            variance[s], puts[s], calls[s], _, _, _, _, _, unquoted[s], completeness[s] = strip_variance(
                strike, call_bid, call_ask, put_bid, put_ask, strike_start[s], strike_start[s + 1], forward[s],
                discount[s],
            )  # fmt: skip
