"""Choosing packages and marking them on a market that an SSVI surface prices."""

import math

import numpy as np
from numba import int64, types

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels._jit import inline, internal, kernel, separate
from iwm_opts.kernels.backtest.state import (
    ASSIGNED_BITS,
    BY_SMILE,
    CALL_DELTA,
    CALLS,
    CARRIED,
    CHOICE,
    CHOSEN,
    COLUMNS,
    DISCOUNT,
    DIVIDEND,
    ENTRY,
    EXPIRES,
    FIRST,
    FLOATS,
    FORWARD,
    INTS,
    LADDER,
    LADDER_END,
    LAST,
    NONE,
    ORDINAL,
    PHYSICAL,
    PUT_DELTA,
    PUTS,
    QUOTED,
    RIGHT,
    ROOT,
    SETTLES,
    SIGN,
    STATE,
    STRIKE,
    SURFACE_ROW,
    SURFACE_SPOT,
    THETA,
    TICK,
    UNKNOWN,
)
from iwm_opts.kernels.simulation.quote import SurfaceRow, quote_option
from iwm_opts.kernels.trading.assignment import exercise
from iwm_opts.kernels.trading.fill import two_sided

BLOCK = 64  # options gathered at a time
BLOCK_COLUMNS, OUT_COLUMNS = COLUMNS + 2, 3
OVERNIGHT = 8.0 / 24.0  # days from a close to the midnight on which a share goes ex


@inline
def row_at(rows, at):
    """Row of a surface that begins at a place of its flat array."""
    return SurfaceRow(
        rows[at], rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4], rows[at + 5], rows[at + 6], rows[at + 7],
        rows[at + 8], rows[at + 9], rows[at + 10],
    )  # fmt: skip


@inline
def quote_on(rows, row, right, strike, setup):
    """Bid, ask and |delta| of one option on one row of the surface."""
    bid, ask, _, delta = quote_option(right, strike, row_at(rows, row * COLUMNS), setup, setup[TICK])
    return bid, ask, abs(delta)


@separate
def quote_one(rows, row, right, strike, setup):
    """`quote_on` where no loop has terms of the row to compute once."""
    return quote_on(rows, row, right, strike, setup)


@inline
def quote_block(block, count, setup, out):
    """Quotes of gathered options: of each its row, right and strike in `block`, bid, ask and |delta| in `out`."""
    tick = setup[TICK]
    for i in range(count):
        at, to = i * BLOCK_COLUMNS, i * OUT_COLUMNS
        right, strike = block[at + COLUMNS], block[at + COLUMNS + 1]
        bid, ask, _, delta = quote_option(right, strike, row_at(block, at), setup, tick)
        out[to], out[to + 1], out[to + 2] = bid, ask, abs(delta)


@kernel(types.void(FLOATS, FLOATS, INTS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS))
def quotes_on(rows, setup, row, right, strike, bid, ask, delta):
    """Quotes of any options, and their |delta|; arrays of shape (n,).

    `rows` and `setup` are the rows and coefficients of a `Surface`. Gathered a block at a time, because LLVM vectorises
    no loop that jumps from row to row.
    """
    block, out = np.empty(BLOCK * BLOCK_COLUMNS), np.empty(BLOCK * OUT_COLUMNS)
    for start in range(0, row.shape[0], BLOCK):
        count = min(BLOCK, row.shape[0] - start)
        for i in range(count):
            at, to = row[start + i] * COLUMNS, i * BLOCK_COLUMNS
            for k in range(COLUMNS):
                block[to + k] = rows[at + k]
            block[to + COLUMNS], block[to + COLUMNS + 1] = right[start + i], strike[start + i]
        quote_block(block, count, setup, out)
        for i in range(count):
            to = i * OUT_COLUMNS
            bid[start + i], ask[start + i], delta[start + i] = out[to], out[to + 1], out[to + 2]


@inline
def quote_line(rows, right, strike, setup, bid, ask):
    """Quotes of one option on a stretch of rows; arrays as long as the stretch.

    The stretch starts at 0: an offset could wrap round for all LLVM knows, and the loop would stay scalar.
    """
    for i in range(bid.shape[0]):
        bid[i], ask[i], _ = quote_on(rows, i, right, strike, setup)


@inline
def nearest_delta(state, row, right, low, high, target):
    """Place in the ladder, within [low, high), of the strike with the nearest |delta|; the lower of two equals.

    |delta| of puts rises with the strike and that of calls falls, so that halving finds the two about it. -1 for none.
    """
    surface, setup, ladder = state.surface, state.setup, state.ladder
    if low >= high:
        return -1
    below, above = low, high
    while below < above:
        middle = (below + above) // 2
        _, _, delta = quote_on(surface, row, right, ladder[middle], setup)
        is_before = delta < target if right < 0.0 else delta > target
        below, above = (middle + 1, above) if is_before else (below, middle)
    if below == high:
        return high - 1
    if below == low:
        return low
    _, _, delta_here = quote_one(surface, row, right, ladder[below], setup)
    _, _, delta_before = quote_one(surface, row, right, ladder[below - 1], setup)
    return below if abs(delta_here - target) < abs(delta_before - target) else below - 1


@inline
def width_in_dollars(rows, row, width, unit):
    """Dollars of a width given in them (0), in spots (1) or in standard deviations to expiration (2)."""
    at = row * COLUMNS
    if unit == 1.0:
        return width * rows[at + SURFACE_SPOT]
    if unit == 2.0:
        return width * rows[at + FORWARD] * math.sqrt(rows[at + THETA])
    return width


@inline
def nearest_width(ladder, low, high, anchor, width, slack, direction):
    """Place of the listed strike a width away from an anchor, the lower of two equals; -1 where all miss."""
    best, nearest = width * slack, -1
    i = anchor + direction
    while low <= i < high:
        distance = abs(ladder[i] - ladder[anchor])
        miss = abs(distance - width)
        if miss < best or (miss == best and (direction < 0 or nearest < 0)):
            best, nearest = miss, i
        elif distance > width:
            break
        i += direction
    return nearest


@separate
def choose_side(state, c, rule, right, anchor_leg, direction, delta_at):
    """Choose anchor and wing of one side of package c; the place of the anchor, -1 without one or without its wing.

    The rule's delta, width, unit, slack and wing of the side are at `delta_at` to `delta_at + 4`; the wing is the leg
     next to the anchor's in `direction`, unless that is 0.
    """
    row, low, high = (
        state.lifetimes[c, SURFACE_ROW],
        state.lifetimes[c, LADDER],
        state.lifetimes[c, LADDER_END],
    )
    anchor = nearest_delta(state, row, right, low, high, rule[delta_at])
    if anchor < 0:
        return -1
    if direction != 0:
        width = rule[delta_at + 1]
        if not math.isnan(width):
            width = width_in_dollars(state.surface, row, width, rule[delta_at + 2])
            wing = nearest_width(state.ladder, low, high, anchor, width, rule[delta_at + 3], direction)
        else:
            low, high = (anchor + 1, high) if direction > 0 else (low, anchor)
            wing = nearest_delta(state, row, right, low, high, rule[delta_at + 4])
        if wing < 0:
            return -1
        state.terms[c, STRIKE + anchor_leg + direction] = state.ladder[wing]
    state.terms[c, STRIKE + anchor_leg] = state.ladder[anchor]
    return anchor


@internal
def choose(state, c, rule):
    """Choose the strikes of package c: on each side an anchor by delta, and a wing beyond it where it has two legs."""
    puts, calls = int(state.setup[PUTS]), int(state.setup[CALLS])
    put = call = 0
    if puts > 0:
        put = choose_side(state, c, rule, -1.0, puts - 1, -1 if puts > 1 else 0, PUT_DELTA)
    if calls > 0 and put >= 0:
        call = choose_side(state, c, rule, 1.0, puts, 1 if calls > 1 else 0, CALL_DELTA)
    is_whole = put >= 0 and call >= 0 and (puts == 0 or calls == 0 or put < call)
    state.lifetimes[c, CHOICE] = CHOSEN if is_whole else NONE


@inline
def next_dividend(days, day, expires):
    """Days from the close of a day to the next ex-date up to an expiration, and its cash; NaN and 0 without one."""
    for later in range(day + 1, days.shape[1]):
        if days[ORDINAL, later] > expires:
            break
        if days[DIVIDEND, later] > 0.0:
            return days[ORDINAL, later] - days[ORDINAL, day] - 1.0 + OVERNIGHT, days[DIVIDEND, later]
    return math.nan, 0.0


@inline
def is_assigned(state, row, day, expires, right, strike):
    """Whether a short option is assigned overnight, by the opposite right's mid (`trading.assignment.exercise`).

    Calls are exercised on the eve of an ex-date alone: on any other day one held on is worth more than exercised.
    """
    rows, days, at = state.surface, state.days, row * COLUMNS
    spot, forward, discount = rows[at + SURFACE_SPOT], rows[at + FORWARD], rows[at + DISCOUNT]
    is_eve = day + 1 < days.shape[1] and days[DIVIDEND, day + 1] > 0.0
    if not right * (spot - strike) > 0.0 or (right > 0.0 and not is_eve):
        return False
    ex_days, cash = next_dividend(days, day, expires)
    bid, ask, _ = quote_one(rows, row, -right, strike, state.setup)
    mid, _ = two_sided(bid, ask)
    next_ex = ex_days / (DAYS_PER_YEAR * rows[at + ROOT] * rows[at + ROOT])
    return exercise(right, spot, strike, mid, bid, -math.log(discount), next_ex, cash, spot - forward * discount) == 1.0


@separate
def mark(state, c, count):
    """Quote package c on `count` more rows of its life; rows that settle have no quotes."""
    life, legs, quotes, marks = state.lifetimes[c], state.legs, state.quotes, state.marks
    start, size = life[QUOTED], legs.shape[1]
    first, row, day = life[FIRST] + start, life[SURFACE_ROW] + start, life[ENTRY] + start
    rows = state.surface[row * COLUMNS : (row + count) * COLUMNS]
    for j in range(size):
        quote_line(
            rows, legs[RIGHT, j], state.terms[c, STRIKE + j], state.setup, quotes[j, first : first + count],
            quotes[size + j, first : first + count],
        )  # fmt: skip
    for i in range(count):
        bits = 0
        if life[PHYSICAL]:
            for j in range(size):
                if legs[SIGN, j] < 0.0 and is_assigned(
                    state, row + i, day + i, life[EXPIRES], legs[RIGHT, j], state.terms[c, STRIKE + j]
                ):
                    bits |= 1 << j
        marks[BY_SMILE, first + i] = 0
        marks[CARRIED, first + i] = 0
        marks[ASSIGNED_BITS, first + i] = bits
    life[QUOTED] = start + count


@kernel(types.void(STATE, FLOATS, int64, int64))
def mark_packages(state, rule, start, stop):
    """Choose the packages from `start` to `stop` that are not chosen yet, and quote the unknown rows of their lives."""
    for c in range(start, stop):
        life = state.lifetimes[c]
        if life[CHOICE] == UNKNOWN:
            choose(state, c, rule)
        tradable = life[LAST] - life[FIRST] + 1 - life[SETTLES]
        if life[CHOICE] == CHOSEN and life[QUOTED] < tradable:
            mark(state, c, tradable - life[QUOTED])
