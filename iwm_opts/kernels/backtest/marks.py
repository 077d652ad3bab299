"""Choosing packages and marking them on a market that an SSVI surface prices."""

import math

import numpy as np
from numba import float64, int64, types

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels._jit import COUNTLESS, inline, kernel
from iwm_opts.kernels.backtest.book import (
    CHOSEN,
    COLUMNS,
    DAYS,
    DISCOUNT,
    FLOATS,
    FORWARD,
    INTS,
    LEGS,
    LIVES,
    NONE,
    QUOTES,
    ROOT,
    SPOT,
    SURFACE,
)
from iwm_opts.kernels.simulation.quote import quote_option
from iwm_opts.kernels.trading.assignment import exercise
from iwm_opts.kernels.trading.fill import two_sided

BLOCK = 64  # options gathered at a time
BLOCK_COLUMNS, OUT_COLUMNS = COLUMNS + 2, 3
OVERNIGHT = 8.0 / 24.0  # days from a close to the midnight on which a share goes ex
WIDTH_SLACK = 0.10  # share of its width by which a wing may miss it


@inline
def quote_on(rows, row, right, strike, coefficients, tick):
    """Bid, ask and |delta| of one option on one row of the surface."""
    at = row * COLUMNS
    bid, ask, _, delta = quote_option(
        right, strike, rows[at], rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4], rows[at + 5], rows[at + 6],
        rows[at + 7], rows[at + 8], rows[at + 9], coefficients, tick,
    )  # fmt: skip
    return bid, ask, abs(delta)


@inline
def quote_block(block, count, coefficients, tick, out):
    """Quotes of gathered options: of each its row, right and strike in `block`, bid, ask and |delta| in `out`."""
    for i in range(count):
        at, to = i * BLOCK_COLUMNS, i * OUT_COLUMNS
        bid, ask, _, delta = quote_option(
            block[at + COLUMNS], block[at + COLUMNS + 1], block[at], block[at + 1], block[at + 2], block[at + 3],
            block[at + 4], block[at + 5], block[at + 6], block[at + 7], block[at + 8], block[at + 9], coefficients,
            tick,
        )  # fmt: skip
        out[to], out[to + 1], out[to + 2] = bid, ask, abs(delta)


@kernel(types.void(SURFACE, INTS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS))
def quotes_on(surface, row, right, strike, bid, ask, delta):
    """Quotes of any options, and their |delta|; arrays of shape (n,).

    Gathered a block at a time, because LLVM vectorises no loop that jumps from row to row.
    """
    rows, coefficients, tick = surface.rows, surface.coefficients, surface.tick
    block, out = np.empty(BLOCK * BLOCK_COLUMNS), np.empty(BLOCK * OUT_COLUMNS)
    for start in range(0, row.shape[0], BLOCK):
        count = min(BLOCK, row.shape[0] - start)
        for i in range(count):
            at, to = row[start + i] * COLUMNS, i * BLOCK_COLUMNS
            for k in range(COLUMNS):
                block[to + k] = rows[at + k]
            block[to + COLUMNS], block[to + COLUMNS + 1] = right[start + i], strike[start + i]
        quote_block(block, count, coefficients, tick, out)
        for i in range(count):
            to = i * OUT_COLUMNS
            bid[start + i], ask[start + i], delta[start + i] = out[to], out[to + 1], out[to + 2]


@inline
def quote_line(rows, right, strike, coefficients, tick, bid, ask):
    """Quotes of one option on a stretch of rows; arrays as long as the stretch.

    What is stepped over starts at 0: an offset could wrap round for all LLVM knows, and the loop would stay scalar.
    """
    for i in range(bid.shape[0]):
        bid[i], ask[i], _ = quote_on(rows, i, right, strike, coefficients, tick)


@inline
def nearest_delta(surface, row, right, ladder, low, high, wanted):
    """Index in [low, high) of the listed strike whose |delta| is nearest, the lower of two equals; -1 for none.

    |delta| of puts rises with the strike and that of calls falls, so that halving finds the two about it.
    """
    if low >= high:
        return -1
    below, above = low, high
    while below < above:
        middle = (below + above) // 2
        _, _, delta = quote_on(surface.rows, row, right, ladder[middle], surface.coefficients, surface.tick)
        is_before = delta < wanted if right < 0.0 else delta > wanted
        below, above = (middle + 1, above) if is_before else (below, middle)
    if below == high:
        return high - 1
    if below == low:
        return low
    _, _, delta_here = quote_on(surface.rows, row, right, ladder[below], surface.coefficients, surface.tick)
    _, _, delta_before = quote_on(surface.rows, row, right, ladder[below - 1], surface.coefficients, surface.tick)
    return below if abs(delta_here - wanted) < abs(delta_before - wanted) else below - 1


@inline
def nearest_width(ladder, low, high, anchor, width, direction):
    """Index of the listed strike a width away from an anchor, the lower of two equals; -1 where all miss."""
    best, found = width * WIDTH_SLACK, -1
    i = anchor + direction
    while low <= i < high:
        distance = abs(ladder[i] - ladder[anchor])
        miss = abs(distance - width)
        if miss < best or (miss == best and (direction < 0 or found < 0)):
            best, found = miss, i
        elif distance > width:
            break
        i += direction
    return found


@inline
def wing_from(surface, row, right, ladder, low, high, anchor, width, wing_delta, direction):
    """Index of the wing beyond an anchor, by width or by |delta|; -1 for none."""
    if not math.isnan(width):
        return nearest_width(ladder, low, high, anchor, width, direction)
    if direction > 0:
        return nearest_delta(surface, row, right, ladder, anchor + 1, high, wing_delta)
    return nearest_delta(surface, row, right, ladder, low, anchor, wing_delta)


@inline
def choose(surface, lives, legs, quotes, c, put_delta, put_width, put_wing, call_delta, call_width, call_wing):
    """Choose the strikes of package c: on each side an anchor by delta, and a wing beyond it where it has two legs."""
    row, ladder = lives.surface_row[c], lives.ladder
    low, high = lives.ladder_offset[c], lives.ladder_offset[c + 1]
    put = call = 0
    is_whole = True
    if legs.puts > 0:
        put = nearest_delta(surface, row, -1.0, ladder, low, high, put_delta)
        is_whole = put >= 0
        if legs.puts > 1 and is_whole:
            wing = wing_from(surface, row, -1.0, ladder, low, high, put, put_width, put_wing, -1)
            is_whole = wing >= 0
            quotes.strike[c, 0] = ladder[wing]
        quotes.strike[c, legs.puts - 1] = ladder[put]
    if legs.calls > 0 and is_whole:
        call = nearest_delta(surface, row, 1.0, ladder, low, high, call_delta)
        is_whole = call >= 0
        if legs.calls > 1 and is_whole:
            wing = wing_from(surface, row, 1.0, ladder, low, high, call, call_width, call_wing, 1)
            is_whole = wing >= 0
            quotes.strike[c, legs.puts + 1] = ladder[wing]
        quotes.strike[c, legs.puts] = ladder[call]
    if legs.puts > 0 and legs.calls > 0:
        is_whole = is_whole and put < call
    quotes.state[c] = CHOSEN if is_whole else NONE


@inline
def next_dividend(days, place, expires):
    """Days from the close of a day to the next ex-date up to an expiration, and its cash; NaN and 0 without one."""
    for later in range(place + 1, days.dividend.shape[0]):
        ahead = days.ordinal[later] - days.ordinal[place]
        if days.ordinal[later] > expires:
            break
        if days.dividend[later] > 0.0:
            return ahead - 1.0 + OVERNIGHT, days.dividend[later]
    return math.nan, 0.0


@inline
def is_assigned(surface, row, days, place, expires, right, strike):
    """Whether a short option is assigned overnight, by the opposite right's mid (`trading.assignment.exercise`).

    Calls are asked on the eve of an ex-date alone: on any other day one held on is worth more than exercised.
    """
    rows, at = surface.rows, row * COLUMNS
    spot, forward, discount = rows[at + SPOT], rows[at + FORWARD], rows[at + DISCOUNT]
    is_eve = place + 1 < days.dividend.shape[0] and days.dividend[place + 1] > 0.0
    if not right * (spot - strike) > 0.0 or (right > 0.0 and not is_eve):
        return False
    ex_days, cash = next_dividend(days, place, expires)
    bid, ask, _ = quote_on(rows, row, -right, strike, surface.coefficients, surface.tick)
    mid, _ = two_sided(bid, ask)
    mid = mid if bid > 0.0 else 0.0  # nobody bids: worth nothing, whatever the tick
    next_ex = ex_days / (DAYS_PER_YEAR * rows[at + ROOT] * rows[at + ROOT])
    return exercise(right, spot, strike, mid, -math.log(discount), next_ex, cash, spot - forward * discount) == 1.0


@inline
def mark(surface, days, lives, legs, quotes, c, count):
    """Quote package c on `count` more rows of its life; rows that settle have no quotes."""
    bid, ask = quotes.bid, quotes.ask
    start = quotes.quoted[c]
    first, row = lives.offset[c] + start, lives.surface_row[c] + start
    rows = surface.rows[row * COLUMNS : (row + count) * COLUMNS]
    for j in range(legs.sign.shape[0]):
        quote_line(
            rows, legs.right[j], quotes.strike[c, j], surface.coefficients, surface.tick,
            bid[j, first : first + count], ask[j, first : first + count],
        )  # fmt: skip
    for i in range(count):
        bits = 0
        if lives.is_physical[c]:
            place = lives.entry[c] + start + i
            for j in range(legs.sign.shape[0]):
                if legs.sign[j] < 0.0 and is_assigned(
                    surface, row + i, days, place, lives.expires[c], legs.right[j], quotes.strike[c, j]
                ):
                    bits |= 1 << j
        quotes.assigned[first + i] = bits
        quotes.by_smile[first + i] = 0
        quotes.is_carried[first + i] = False
    quotes.quoted[c] = start + count


@kernel(
    types.void(SURFACE, DAYS, LIVES, LEGS, QUOTES, float64, float64, float64, float64, float64, float64, int64, int64),
    **COUNTLESS,
)
def mark_packages(
    surface, days, lives, legs, quotes, put_delta, put_width, put_wing, call_delta, call_width, call_wing, start, stop
):  # fmt: skip
    """Choose the packages from `start` to `stop` that nobody chose yet, and quote what is unknown of their lives."""
    for c in range(start, stop):
        if quotes.state[c] == 0:
            choose(surface, lives, legs, quotes, c, put_delta, put_width, put_wing, call_delta, call_width, call_wing)
        tradable = lives.offset[c + 1] - lives.offset[c] - (1 if lives.settles[c] else 0)
        if quotes.state[c] == CHOSEN and quotes.quoted[c] < tradable:
            mark(surface, days, lives, legs, quotes, c, tradable - quotes.quoted[c])
