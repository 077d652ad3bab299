"""Defects of the quotes of a panel, and the quotes without those that cannot be used."""

import math

import numpy as np
from numba import boolean, float64, int64, types

from iwm_opts.kernels._jit import inline, kernel

FLOATS, INTS, FLAGS = float64[::1], int64[::1], boolean[::1]

INTRINSIC_SLACK = 0.01  # fraction of spot by which spot and quotes may be out of step before an ask is impossible
TICK_SLACK = 1e-4  # fraction of a tick that binary fractions may be off by
WIDE_SPREAD, WIDE_RATIO = 1.0, 5.0  # dollars and neighbours' median spreads above which a quote without a bid is none
CROSSED, LOCKED, ZERO, NO_BID, MISSING, OFF_TICK, IMPLAUSIBLE, USABLE, UNPAIRED, ROWS = range(10)
COUNTS = 10


@inline
def _is_between_ticks(price, tick):
    steps = price / tick
    return abs(steps - np.round(steps)) > TICK_SLACK


@inline
def _is_possible(sign, is_american, strike, spot, bid, ask):
    """Whether a bid is at most the largest payoff, and an American ask about intrinsic value or more."""
    slack = INTRINSIC_SLACK * spot
    most = spot + slack if sign > 0.0 else strike
    least = sign * (spot - strike) - slack if is_american else 0.0
    return not (bid < 0.0 or ask < 0.0 or bid > most or (ask > 0.0 and ask < least))


@inline
def _median_of_four(a, b, c, d):
    return 0.5 * (min(max(a, b), max(c, d)) + max(min(a, b), min(c, d)))


@inline
def _is_contradicted(bid, ask, i, count):
    """Whether the next sound quotes, by rising worth, contradict the i-th; see `market.quality`."""
    most = ask[i] if bid[i] > 0.0 else 0.5 * ask[i]
    if i >= 2 and most < min(bid[i - 1], bid[i - 2]):
        return True
    if i + 2 < count and bid[i] > max(ask[i + 1], ask[i + 2]):
        return True
    spread = ask[i] - bid[i]
    if bid[i] != 0.0 or not spread > WIDE_SPREAD or i < 1 or i + 1 >= count or (i < 2 and i + 2 >= count):
        return False
    near = _median_of_four(
        ask[i - 2] - bid[i - 2] if i >= 2 else math.inf,
        ask[i - 1] - bid[i - 1],
        ask[i + 1] - bid[i + 1],
        ask[i + 2] - bid[i + 2] if i + 2 < count else math.inf,
    )
    return spread > WIDE_RATIO * near


@kernel(
    types.void(
        INTS, FLAGS, FLOATS, FLOATS, FLOATS, float64[:, ::1], boolean[:, ::1], float64[:, ::1], int64[:, ::1],
    )
)  # fmt: skip
def clean_quotes(strike_start, is_american, tick, spot, strike, quotes, has, clean, counts):
    """Write the usable quotes of every slice, NaN for the others, and count rows by defect.

    A usable quote is two-sided and possible (a bid of 0 is one): see `market.quality.RowDefects`. A quote of 0/0 is
    written as a bid of 0 and a NaN ask.

    Parameters
    ----------
    strike_start : shape (S + 1,)
    is_american, tick, spot : shape (S,)
        A NaN spot leaves out the rules that need it.
    quotes : shape (4, N)
        Bid and ask of calls, then of puts.
    has : shape (2, N)
        Whether the source holds a row of the call, of the put.
    clean : shape (4, N)
        Written.
    counts : shape (S, COUNTS)
        Rows by CROSSED, LOCKED, ..., ROWS; written.
    """
    longest = 0
    for s in range(tick.shape[0]):
        longest = max(longest, strike_start[s + 1] - strike_start[s])
    sound_bid, sound_ask = np.empty(longest), np.empty(longest)
    place = np.empty(longest, dtype=np.int64)
    for s in range(tick.shape[0]):
        low, high = strike_start[s], strike_start[s + 1]
        counts[s, :] = 0
        for i in range(low, high):
            counts[s, UNPAIRED] += has[0, i] != has[1, i]
        for side in range(2):
            sign = 1.0 - 2.0 * side
            bid, ask = quotes[2 * side], quotes[2 * side + 1]
            out_bid, out_ask = clean[2 * side], clean[2 * side + 1]
            count = 0
            for j in range(high - low):
                i = high - 1 - j if side == 0 else low + j  # by rising worth
                out_bid[i] = out_ask[i] = math.nan
                if not has[side, i]:
                    continue
                b, a = bid[i], ask[i]
                counts[s, ROWS] += 1
                is_possible = _is_possible(sign, is_american[s], strike[i], spot[s], b, a)
                is_missing = not (math.isfinite(b) and math.isfinite(a))
                counts[s, CROSSED] += b > a
                counts[s, LOCKED] += b == a and a > 0.0
                counts[s, ZERO] += a == 0.0
                counts[s, NO_BID] += b == 0.0 and a > 0.0
                counts[s, MISSING] += is_missing
                counts[s, OFF_TICK] += _is_between_ticks(b, tick[s]) or _is_between_ticks(a, tick[s])
                counts[s, IMPLAUSIBLE] += not is_possible
                if b == 0.0 and a == 0.0:
                    out_bid[i] = 0.0
                if is_possible and not is_missing and b <= a and a > 0.0:
                    sound_bid[count], sound_ask[count], place[count] = b, a, i
                    count += 1
            for j in range(count):
                if _is_contradicted(sound_bid, sound_ask, j, count):
                    counts[s, IMPLAUSIBLE] += 1
                else:
                    counts[s, USABLE] += 1
                    out_bid[place[j]], out_ask[place[j]] = sound_bid[j], sound_ask[j]
