"""Model-free implied variance of one expiration, after the Cboe Volatility Index Mathematics Methodology."""

import math

from iwm_opts.kernels._jit import inline, kernel


@inline
def _wing(strike, bid, ask, start, step, centre_strike, centre_price):
    """Sum of delta-K / K^2 x price from the centre outwards, the centre's share of this side included.

    The methodology's delta-K, half the distance between the used neighbours and the whole distance at an end, makes
    the sum a trapezoid over used strikes plus half the last gap at the end.
    """
    total = 0.0
    used = 0
    empty = 0  # options without a bid in a row
    end = start - step
    last_strike = centre_strike
    last_weight = centre_price / centre_strike**2
    gap = 0.0
    i = start
    while 0 <= i < len(strike) and empty < 2:
        if bid[i] > 0.0 and ask[i] > 0.0:
            weight = 0.5 * (bid[i] + ask[i]) / strike[i] ** 2
            gap = abs(strike[i] - last_strike)
            total += 0.5 * gap * (weight + last_weight)
            last_strike = strike[i]
            last_weight = weight
            used += 1
            empty = 0
            end = i
        else:
            empty += 1
        i += step
    return total + 0.5 * gap * last_weight, used, end, empty >= 2


@kernel(
    "Tuple((float64, int64, int64, int64, int64, boolean, boolean))"
    "(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64)"
)
def total_variance(strike, call_bid, call_ask, put_bid, put_ask, forward, discount):
    """Total variance to expiry, sigma^2 T, from out-of-the-money quotes.

    2 / D sum(delta-K / K^2 Q(K)) - (F / K0 - 1)^2, with K0 the highest strike at or below the forward that quotes
    both a call and a put (their average is its price), puts below and calls above it. Options without a bid are left
    out, and two of them in a row end a wing. A NaN bid or ask is a quote that does not exist and counts as no bid.

    Strikes ascend. Returns the variance (NaN without K0 or with an empty wing), puts used, calls used, the indices of
    the lowest and highest strike used, and whether each wing ended for want of bids rather than of strikes.
    """
    centre = -1
    for i in range(len(strike)):
        both = call_bid[i] > 0.0 and call_ask[i] > 0.0 and put_bid[i] > 0.0 and put_ask[i] > 0.0
        if strike[i] <= forward and both:
            centre = i
    if centre < 0:
        return math.nan, 0, 0, -1, -1, False, False
    k0 = strike[centre]
    price = 0.25 * (call_bid[centre] + call_ask[centre] + put_bid[centre] + put_ask[centre])
    below, puts, low, low_dry = _wing(strike, put_bid, put_ask, centre - 1, -1, k0, price)
    above, calls, high, high_dry = _wing(strike, call_bid, call_ask, centre + 1, 1, k0, price)
    if puts == 0 or calls == 0:
        return math.nan, puts, calls, low, high, low_dry, high_dry
    variance = 2.0 / discount * (below + above) - (forward / k0 - 1.0) ** 2
    return variance, puts, calls, low, high, low_dry, high_dry
