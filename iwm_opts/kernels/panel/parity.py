"""Forward of one expiration from put-call parity at the money, C - P = D (F - K)."""

import numpy as np

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.panel.implied_rate import PARITY_STRIKES, parity_point


@kernel("float64(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64)")
def parity_forward(strike, call_bid, call_ask, put_bid, put_ask, discount):
    """Parity forward of the strikes of one expiration: see `implied_rate.parity_point`.

    Strikes ascend; shapes (n,), NaN without a quote.
    """
    room, place = np.empty((3, PARITY_STRIKES + 1)), np.empty(PARITY_STRIKES + 1, dtype=np.int64)
    forward, _ = parity_point(
        strike, call_bid, call_ask, put_bid, put_ask, np.int64(0), strike.shape[0], discount, room, place
    )
    return forward
