"""Forward of one expiration from put-call parity at the money, C - P = D (F - K)."""

import math

import numpy as np

from iwm_opts.conventions import TICK
from iwm_opts.kernels._jit import kernel

PARITY_STRIKES = 8  # strikes nearest the money that a forward is read from
PARITY_BAND = 0.02  # as far from the money, as a fraction of the strike, as they may lie
MIN_PARITY_STRIKES = 2


@kernel("float64(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64)")
def parity_forward(strike, call_bid, call_ask, put_bid, put_ask, discount):
    """Mean parity forward, weighted by quoted width, over the strikes with the smallest abs(C - P).

    Strikes ascend; shapes (n,), NaN where there is no quote. Only strikes with a bid for both the call and the put
    count. A strike whose parity forward lies farther from their median than its summed half-spreads (at least a tick)
    is stale and left out, unless all are. NaN where fewer than `MIN_PARITY_STRIKES` lie within `PARITY_BAND`.
    """
    place = np.empty(PARITY_STRIKES, dtype=np.int64)
    apart = np.empty(PARITY_STRIKES)  # abs(C - P), ascending; the lower strike first where two are equal
    count = 0
    for i in range(strike.shape[0]):
        is_quoted = call_bid[i] > 0.0 and put_bid[i] > 0.0 and math.isfinite(call_ask[i]) and math.isfinite(put_ask[i])
        if not is_quoted:
            continue
        gap = abs(0.5 * (call_bid[i] + call_ask[i]) - 0.5 * (put_bid[i] + put_ask[i]))
        if count == PARITY_STRIKES and not gap < apart[count - 1]:
            continue
        count = min(count + 1, PARITY_STRIKES)
        j = count - 1
        while j > 0 and gap < apart[j - 1]:
            apart[j], place[j] = apart[j - 1], place[j - 1]
            j -= 1
        apart[j], place[j] = gap, i
    forward, width, ordered = np.empty(PARITY_STRIKES), np.empty(PARITY_STRIKES), np.empty(PARITY_STRIKES)
    near = 0
    for j in range(count):
        i = place[j]
        if not apart[j] <= PARITY_BAND * strike[i]:
            continue
        gap = 0.5 * (call_bid[i] + call_ask[i]) - 0.5 * (put_bid[i] + put_ask[i])
        forward[near] = strike[i] + gap / discount
        width[near] = max(0.5 * (call_ask[i] - call_bid[i] + put_ask[i] - put_bid[i]), TICK)
        k = near
        while k > 0 and forward[near] < ordered[k - 1]:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = forward[near]
        near += 1
    if near < MIN_PARITY_STRIKES:
        return math.nan
    median = 0.5 * (ordered[(near - 1) // 2] + ordered[near // 2])
    fresh, fresh_weight, total, weight = 0.0, 0.0, 0.0, 0.0
    for j in range(near):
        w = 1.0 / (width[j] * width[j])
        total += w * forward[j]
        weight += w
        if abs(forward[j] - median) <= width[j]:
            fresh += w * forward[j]
            fresh_weight += w
    return fresh / fresh_weight if fresh_weight > 0.0 else total / weight
