"""Whether exercise at once pays the holder more than holding on, judged by the opposite right's price."""

import math

from iwm_opts.kernels._jit import inline, kernel


@inline
def exercise_gain(right, strike, opposite, interest, dividends):
    """Dollars a share that a holder gains by exercise at once; NaN where the opposite right has no price.

    By parity a call held on is worth its exercise value less what exercise gains, the dividends before expiry, plus
    what it gives up: the put at the strike and the interest on it. Of a put the signs turn. `interest` is what a dollar
    earns until expiry, 1 - exp(-rate t), `dividends` what those ahead are worth, tomorrow's included.
    """
    return right * (dividends - strike * interest) - opposite


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[::1])"
)
def is_assigned(right, spot, strike, opposite, rate, t, dividends, out):
    """1 where a short option is assigned, 0 where not, NaN where any input is.

    Assigned is what is in the money and gains its holder more than nothing by exercise. An option out of the money is
    not, whatever a stale quote of the opposite right says; one without time left is exercised by expiry, not early.
    """
    for i in range(out.shape[0]):
        gain = exercise_gain(right[i], strike[i], opposite[i], -math.expm1(-rate[i] * t[i]), dividends[i])
        pays = gain > 0.0 and right[i] * (spot[i] - strike[i]) > 0.0 and t[i] > 0.0
        unknown = math.isnan(gain) or math.isnan(spot[i])
        out[i] = math.nan if unknown else (1.0 if pays else 0.0)
