"""Options of a panel: listing, quotes and choice of a package."""

import math
from typing import NamedTuple

from numba import boolean, float64, int64, types

from iwm_opts.kernels._jit import inline, kernel, record_type

FLOATS, INTS, FLAGS = float64[::1], int64[::1], boolean[::1]

SAME_STRIKE = 1e-6  # dollars: strikes this close are the same one


@inline
def first_at_least(values, low, high, value):
    """First place from `low` to `high` - 1 whose value reaches `value`; `high` where none does. Values ascend."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel(types.void(INTS, INTS, INTS, INTS, INTS, INTS, INTS))
def find_slices(day_start, expiration, root, place, target_expiration, target_root, index):
    """Slice of each day, expiration and root, arrays of shape (n,); -1 where the day does not list it."""
    for i in range(index.shape[0]):
        high = day_start[place[i] + 1]
        s = first_at_least(expiration, day_start[place[i]], high, target_expiration[i])
        while s < high and expiration[s] == target_expiration[i] and root[s] != target_root[i]:
            s += 1
        index[i] = s if s < high and expiration[s] == target_expiration[i] else -1


@kernel(types.void(INTS, *(FLOATS,) * 5, INTS, FLOATS, FLOATS, FLOATS, FLOATS))
def quotes_of(strike_start, strike, call_bid, call_ask, put_bid, put_ask, index, right, target, bid, ask):
    """Bid and ask of options by slice, right and strike, arrays of shape (n,); NaN without a usable quote.

    A slice of -1 has no quotes.
    """
    for i in range(bid.shape[0]):
        bid[i] = ask[i] = math.nan
        s = index[i]
        if s < 0:
            continue
        high = strike_start[s + 1]
        j = first_at_least(strike, strike_start[s], high, target[i])
        if j < high and strike[j] == target[i]:
            b, a = (call_bid[j], call_ask[j]) if right[i] > 0.0 else (put_bid[j], put_ask[j])
            if math.isfinite(b) and math.isfinite(a):
                bid[i], ask[i] = b, a


@inline
def _nearest_delta(delta, bid, ask, low, high, target):
    """Quoted strike whose |delta| is nearest to a target, the lower of two equals; -1 for none."""
    best, nearest = math.inf, -1
    for j in range(low, high):
        if math.isfinite(bid[j]) and math.isfinite(ask[j]):
            miss = abs(abs(delta[j]) - target)
            if miss < best:
                best, nearest = miss, j
    return nearest


@inline
def _at_width(strike, bid, ask, low, high, anchor, width, slack):
    """Quoted strike a width away from an anchor, the lower of two equals; -1 where all miss by more than the slack."""
    best, nearest = width * slack, -1
    for j in range(low, high):
        if math.isfinite(bid[j]) and math.isfinite(ask[j]):
            distance = abs(strike[j] - strike[anchor])
            miss = abs(distance - width)
            if distance > SAME_STRIKE and (miss < best or (miss == best and nearest < 0)):
                best, nearest = miss, j
    return nearest


class SideRule(NamedTuple):
    """Options that a rule picks of one right: an anchor by |delta|, and for two legs a wing beyond it."""

    legs: int  # 0 to 2
    anchor: float  # |delta|
    slack: float  # fraction of the width by which the wing may miss it
    wing: float  # |delta| of a wing without a width


SIDE_RULE = record_type(SideRule, int64, float64, float64, float64)


@inline
def _side(strike, delta, bid, ask, low, high, is_put, rule, width):
    """Anchor by delta and, for two legs, the wing beyond it; -1 where one is missing."""
    anchor = _nearest_delta(delta, bid, ask, low, high, rule.anchor)
    if anchor < 0 or rule.legs < 2:
        return anchor, anchor
    first, last = (low, anchor) if is_put else (anchor + 1, high)
    if math.isnan(width):
        return anchor, _nearest_delta(delta, bid, ask, first, last, rule.wing)
    return anchor, _at_width(strike, bid, ask, first, last, anchor, width, rule.slack)


@kernel(
    types.void(
        INTS, INTS, FLOATS, float64[:, ::1], FLOATS, FLOATS, SIDE_RULE, FLOATS, SIDE_RULE, FLOATS, float64[:, ::1],
        FLAGS,
    )
)  # fmt: skip
def choose_packages(
    index, strike_start, strike, quotes, call_delta, put_delta, put, put_width, call, call_width, chosen, is_whole
):
    """Package of a rule on each of some slices: on each side an anchor by delta, and a wing beyond it for two legs.

    The selection of `spreads`, over quoted options alone.

    Parameters
    ----------
    index : shape (n,)
        Slices.
    quotes : shape (4, N)
        Bid and ask of calls, then of puts.
    call_delta, put_delta : shape (N,)
        NaN where no vol is implied.
    put, call : SideRule
    put_width, call_width : shape (n,)
        Dollars to the wing, NaN for one by |delta|.
    chosen : shape (n, legs of puts and calls)
        Strikes in ascending order, NaN where `is_whole` (n,) is False; both written.
    """
    puts, calls = put.legs, call.legs
    call_bid, call_ask, put_bid, put_ask = quotes[0], quotes[1], quotes[2], quotes[3]
    for i in range(index.shape[0]):
        low, high = strike_start[index[i]], strike_start[index[i] + 1]
        put_anchor, call_anchor, put_end, call_end = 0, 0, 0, 0
        chosen[i, :] = math.nan
        if puts > 0:
            put_anchor, put_end = _side(strike, put_delta, put_bid, put_ask, low, high, True, put, put_width[i])
        if calls > 0:
            call_anchor, call_end = _side(strike, call_delta, call_bid, call_ask, low, high, False, call, call_width[i])
        is_whole[i] = put_anchor >= 0 and call_anchor >= 0 and put_end >= 0 and call_end >= 0
        if puts > 0 and calls > 0 and is_whole[i]:
            is_whole[i] = strike[put_anchor] < strike[call_anchor]
        if not is_whole[i]:
            continue
        if puts > 1:
            chosen[i, 0] = strike[put_end]
        if puts > 0:
            chosen[i, puts - 1] = strike[put_anchor]
        if calls > 0:
            chosen[i, puts] = strike[call_anchor]
        if calls > 1:
            chosen[i, puts + 1] = strike[call_end]
