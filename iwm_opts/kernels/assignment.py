"""Whether exercise at once pays the holder more than holding on, judged by the opposite right's price."""

import math

from iwm_opts.kernels._jit import kernel


@kernel("void(float64[::1], float64[::1], float64[::1], float64, float64, float64[::1])")
def exercise_pays(right, strike, opposite, interest, dividends, out):
    """1 where exercise at once pays the holder, 0 where not, NaN where the opposite right has no price.

    By parity a call held on is worth its exercise value less what exercise gains, the dividends before expiry, plus
    what it gives up: the put at the strike and the interest on it. Of a put the signs turn. `interest` is what a dollar
    earns until expiry, 1 - exp(-rate t), `dividends` what those ahead are worth, tomorrow's included.
    """
    for i in range(out.shape[0]):
        earned = strike[i] * interest
        gain = dividends - earned if right[i] > 0.0 else earned - dividends
        out[i] = math.nan if math.isnan(opposite[i]) else (1.0 if opposite[i] < gain else 0.0)
