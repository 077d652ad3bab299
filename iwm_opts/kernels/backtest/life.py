"""The life of one package: its fills day by day, its exit, and what the exit brings.

Exits are first passages: the running highest credit and cost of closing rise along a life, so that the first day that
reaches a bound is found by halving, not by walking.
"""

import math

from iwm_opts.kernels._jit import inline, internal
from iwm_opts.kernels.backtest.codes import (
    ASSIGNED,
    DTE,
    END_OF_DATA,
    EXPIRY,
    GATE,
    HELD,
    PROFIT,
    STOP,
    TIME,
    TOUCH,
)
from iwm_opts.kernels.backtest.exits import is_touched, profit_credit, stop_cost
from iwm_opts.kernels.backtest.state import (
    ASSIGNED_BITS,
    ASSIGNED_ROW,
    BEST_FIRST,
    BUYING_POWER,
    CARRIED,
    CHARGES_AT,
    CLOSE,
    CLOSING_SIGN,
    CONTRACTS,
    CREDIT,
    DELIVERED_LOSS,
    DIVIDEND,
    DIVIDENDS,
    DTE_BOUND,
    ENTRY,
    ENTRY_FILL,
    ENTRY_MID,
    EVE,
    EVE_SESSION,
    EXIT_FILL,
    EXPIRES,
    FIRST,
    FORCED_ROW,
    GAP_AT,
    GATE_BOUND,
    HIGH,
    HIGHEST_COST,
    HIGHEST_CREDIT,
    IS_FLOORED,
    LAST,
    LAST_ROW,
    LEG_HALF,
    LEG_MID,
    LEG_RATIO,
    LOW,
    MAX_LOSS,
    MID,
    OPENED,
    ORDINAL,
    PHYSICAL,
    PRICED,
    PROFIT_BOUND,
    QUOTED,
    RANK,
    RATIO,
    RIGHT,
    SESSION,
    SETTLEMENT,
    SETTLES,
    SIGN,
    SOLD_IN,
    SOLD_OUT,
    SPOT,
    STOP_BOUND,
    STOP_FILL,
    STOP_LEVEL,
    STOPPED,
    STRIKE,
    TICKS_PER_DOLLAR,
    TIME_BOUND,
    TOUCH_BOUND,
    WIDEST,
)
from iwm_opts.kernels.trading.fees import Charges, order_fees
from iwm_opts.kernels.trading.fill import against_the_trader, max_vertical_cost, offset_from_mid, two_sided
from iwm_opts.kernels.trading.payoff import delivered_loss, intrinsic, package_extremes, package_payoff

KINDS = PROFIT - STOP + 1
BEST_ORDER = PROFIT, *range(TOUCH + 1, PROFIT), TOUCH, STOP


@inline
def charges_of(setup):
    """Charges of the fee schedule."""
    at = CHARGES_AT
    return Charges(
        setup[at], setup[at + 1], setup[at + 2], setup[at + 3], setup[at + 4], setup[at + 5], setup[at + 6],
        setup[at + 7], setup[at + 8],
    )  # fmt: skip


@inline
def fill_row(state, fill, side, row, left_out):
    """Credit at mid, credit as filled and premium sold of trading a package, dollars a share; NaN without quotes.

    `fill` is the place of the convention in `setup`, `side` SIGN to open and CLOSING_SIGN to close; legs with a bit in
    `left_out` are not traded. The buffer LEG_RATIO is left holding the ratios that were.
    """
    legs, quotes, setup, buffers = state.legs, state.quotes, state.setup, state.buffers
    count = legs.shape[1]
    sign, mid, half, ratio = legs[side], buffers[LEG_MID], buffers[LEG_HALF], buffers[LEG_RATIO]
    credit = spread = sold = 0.0
    traded = 0
    for j in range(count):
        mid[j], half[j] = two_sided(quotes[j, row], quotes[count + j, row])
        ratio[j] = legs[RATIO, j]
        if left_out >> j & 1:
            mid[j] = half[j] = ratio[j] = 0.0
        traded += ratio[j] > 0.0
        credit -= sign[j] * ratio[j] * mid[j]
        spread += ratio[j] * half[j]
        sold += ratio[j] * mid[j] if sign[j] < 0.0 else 0.0
    if traded == 0:
        return 0.0, 0.0, 0.0
    fraction, ticks = setup[fill + traded], setup[fill + TICKS_PER_DOLLAR]
    least = 0.0
    if setup[fill + IS_FLOORED] > 0.0:
        least = max(1.0 / ticks, max_vertical_cost(sign, legs[RIGHT], ratio, mid, half, fraction, ticks))
    return credit, against_the_trader(credit - offset_from_mid(fraction, spread, least), ticks), sold


@internal
def price_entry(state, c):
    """Fill package c on its first row, and begin its running extremes."""
    life, legs, terms, price, closing = state.lifetimes[c], state.legs, state.terms[c], state.prices[c], state.closing
    first = life[FIRST]
    charges, strike = charges_of(state.setup), terms[STRIKE:]
    price[ENTRY_MID], credit, sold = fill_row(state, ENTRY_FILL, SIGN, first, 0)
    fees = order_fees(charges, charges.opening, legs[CLOSING_SIGN], legs[RATIO], 1.0, sold)
    _, worst, _ = package_extremes(legs[CONTRACTS], legs[RIGHT], strike, 0.0, 0.0, 0.0)
    widest = max(worst, 0.0)
    kept, exercise = credit - fees / charges.multiplier, charges.exercise / charges.multiplier
    owed = terms[DIVIDENDS] if life[PHYSICAL] else 0.0
    _, _, largest = package_extremes(legs[CONTRACTS], legs[RIGHT], strike, kept, owed, exercise)
    price[CREDIT], price[SOLD_IN], price[WIDEST] = credit, sold, widest
    price[BUYING_POWER] = charges.multiplier * (widest - credit) + fees
    price[MAX_LOSS] = price[DELIVERED_LOSS] = charges.multiplier * largest
    if life[PHYSICAL]:
        delivered = delivered_loss(legs[CONTRACTS], legs[RIGHT], strike, kept, owed, exercise, state.setup[GAP_AT])
        price[DELIVERED_LOSS] = charges.multiplier * delivered
    closing[MID, first], closing[CLOSE, first], closing[SOLD_OUT, first] = fill_row(
        state, EXIT_FILL, CLOSING_SIGN, first, 0
    )
    closing[CLOSE, first] = floored(closing[CLOSE, first], widest)
    closing[HIGHEST_CREDIT, first] = closing[HIGHEST_COST, first] = -math.inf
    price[ASSIGNED_ROW] = first if state.marks[ASSIGNED_BITS, first] else LAST_ROW
    price[FORCED_ROW] = LAST_ROW
    price[PRICED] = 1
    price_settlement(state, c)


@inline
def loss_at_risk(state, rule, c):
    """Most that package c can lose under the exits of a rule, dollars.

    A rule that closes it by the session before the one that settles, by days to expiration or sessions held, leaves no
    shares to deliver; profit targets, stops and ranks may never be reached.
    """
    life, price = state.lifetimes[c], state.prices[c]
    closed = life[EXPIRES] - life[EVE] <= rule[DTE_BOUND]
    closed |= state.days[SESSION, life[ENTRY]] + rule[TIME_BOUND] <= life[EVE_SESSION]
    return price[MAX_LOSS] if closed else price[DELIVERED_LOSS]


@inline
def floored(close, widest):
    """Credit of closing, at least minus the most that a package can cost at expiry; NaN stays."""
    return -widest if close < -widest else close


@inline
def price_rows(state, c):
    """Price closing package c on every row that is quoted and not priced yet."""
    life, price, closing, marks = state.lifetimes[c], state.prices[c], state.closing, state.marks
    first = life[FIRST]
    for row in range(first + int(price[PRICED]), first + life[QUOTED]):
        at_mid, close, sold = fill_row(state, EXIT_FILL, CLOSING_SIGN, row, 0)
        close = floored(close, price[WIDEST])
        closing[MID, row], closing[CLOSE, row], closing[SOLD_OUT, row] = at_mid, close, sold
        closing[STOPPED, row] = math.nan
        credit, cost = closing[HIGHEST_CREDIT, row - 1], closing[HIGHEST_COST, row - 1]
        if not (marks[CARRIED, row] or math.isnan(close)):
            credit, cost = max(credit, close), max(cost, -close)
            if price[ASSIGNED_ROW] < row:
                price[FORCED_ROW] = min(price[FORCED_ROW], row)
            elif marks[ASSIGNED_BITS, row]:
                price[ASSIGNED_ROW] = row
        closing[HIGHEST_CREDIT, row], closing[HIGHEST_COST, row] = credit, cost
    price[PRICED] = life[QUOTED]
    price_settlement(state, c)


@internal
def price_settlement(state, c):
    """Worth of the package on the row that settles it, once all before it is quoted."""
    life, legs, closing = state.lifetimes[c], state.legs, state.closing
    last = life[LAST]
    if life[SETTLES] and life[FIRST] + life[QUOTED] == last:
        worth = package_payoff(legs[CONTRACTS], legs[RIGHT], state.terms[c, STRIKE:], state.terms[c, SETTLEMENT])
        closing[MID, last] = closing[CLOSE, last] = worth
        closing[SOLD_OUT, last] = 0.0


@inline
def first_at_least(values, low, high, bound):
    """First place in [low, high) of rising values at or above a bound; `high` for none, or for a NaN bound."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] >= bound:
            high = middle
        else:
            low = middle + 1
    return low


@inline
def first_trading(state, row, stop):
    """First row in [row, stop) with quotes of its own to trade on; `stop` for none."""
    while row < stop and (state.marks[CARRIED, row] or math.isnan(state.closing[CLOSE, row])):
        row += 1
    return row


@inline
def first_on_day(state, c, field, bound, start, stop):
    """First row in [start, stop) that trades, from the day on whose rising `field` reaches a bound; `stop` for none."""
    shift = state.lifetimes[c, ENTRY] - state.lifetimes[c, FIRST]
    row = first_at_least(state.days[field], start + shift, stop + shift, bound) - shift
    return first_trading(state, row, stop)


@internal
def first_reversal(state, c, rank, start, stop):
    """First row in [start, stop) that trades with an IV rank at a bound or above; `stop` for none."""
    shift = state.lifetimes[c, ENTRY] - state.lifetimes[c, FIRST]
    row = start
    while row < stop:
        row = first_trading(state, row, stop)
        if row < stop and state.days[RANK, row + shift] >= rank:
            return row
        row += 1
    return stop


@internal
def first_touch(state, c, start, stop):
    """First row in [start, stop) that trades and whose day's range reaches a short strike; `stop` for none."""
    shift = state.lifetimes[c, ENTRY] - state.lifetimes[c, FIRST]
    row = start
    while row < stop:
        row = first_trading(state, row, stop)
        if row < stop and is_touched(
            state.legs[SIGN], state.legs[RIGHT], state.terms[c, STRIKE:], state.days[HIGH, row + shift],
            state.days[LOW, row + shift],
        ):  # fmt: skip
            return row
        row += 1
    return stop


@inline
def last_exit(state, c):
    """Row and reason of a package that no rule closed: it settles, or the data end."""
    life = state.lifetimes[c]
    if state.prices[c, ASSIGNED_ROW] < LAST_ROW:
        return life[LAST], ASSIGNED
    return life[LAST], EXPIRY if life[SETTLES] else END_OF_DATA


@inline
def first_passage(state, rule, c, kind, start, stop):
    """First row in [start, stop) on which one kind of exit calls for closing package c; `stop` for none or if off."""
    price, closing, life = state.prices[c], state.closing, state.lifetimes[c]
    if kind == STOP:
        return first_at_least(closing[HIGHEST_COST], start, stop, stop_cost(price[CREDIT], rule[STOP_BOUND]))
    if kind == PROFIT:
        return first_at_least(closing[HIGHEST_CREDIT], start, stop, profit_credit(price[CREDIT], rule[PROFIT_BOUND]))
    if kind == TOUCH and rule[TOUCH_BOUND] > 0.0:
        return first_touch(state, c, start, stop)
    if kind == DTE and not math.isnan(rule[DTE_BOUND]):
        return first_on_day(state, c, ORDINAL, life[EXPIRES] - rule[DTE_BOUND], start, stop)
    if kind == TIME and not math.isnan(rule[TIME_BOUND]):
        bound = state.days[SESSION, life[ENTRY]] + rule[TIME_BOUND]
        return first_on_day(state, c, SESSION, bound, start, stop)
    if kind == GATE and not math.isnan(rule[GATE_BOUND]):
        return first_reversal(state, c, rule[GATE_BOUND], start, stop)
    return stop


@inline
def first_forced(state, c, stop):
    """First row below `stop` that closes package c because a leg was assigned; `stop` and HELD for none."""
    forced = state.prices[c, FORCED_ROW]
    return (int(forced), ASSIGNED) if forced < stop else (stop, HELD)


@inline
def first_exit_row(state, rule, c, start, stop):
    """First row in [start, stop) on which a rule closes package c, and the rule; HELD where none does.

    A package with an assigned leg is closed on the next row that trades. Rules that meet on a row rank from stop to
    profit, as in `exits.exit_reason`, or the other way round.
    """
    best, why = first_forced(state, c, stop)
    for rank in range(KINDS):
        kind = kind_at(rule, rank)
        row = first_passage(state, rule, c, kind, start, best)
        best, why = (row, kind) if row < best else (best, why)
    return best, why


@inline
def kind_at(rule, rank):
    """Kind of exit of a rank where several meet on a day: STOP to PROFIT, or with PROFIT first and STOP last."""
    if rule[BEST_FIRST] > 0.0:
        return BEST_ORDER[rank]
    return STOP + rank


@inline
def tabulated_exit(state, rule, c, passages):
    """`first_exit_row` of a whole life, from a table of first passages that fills as rules ask for them.

    `passages` (levels, packages) has a row for each bound of a kind of exit, -1 where not computed yet; the columns
    from STOP_LEVEL on of a rule name its rows.
    """
    life = state.lifetimes[c]
    start, stop = life[FIRST] + 1, life[LAST] + 1 - life[SETTLES]
    best, why = first_forced(state, c, stop)
    for rank in range(KINDS):
        kind = kind_at(rule, rank)
        level = int(rule[STOP_LEVEL + kind - STOP])
        if level >= 0:
            row = passages[level, c]
            if row < 0:
                row = passages[level, c] = first_passage(state, rule, c, kind, start, stop)
            best, why = (row, kind) if row < best else (best, why)
    return (best, why) if why != HELD else last_exit(state, c)


@inline
def dividends_between(days, after, until):
    """Dividends going ex after one day index and up to another."""
    total = 0.0
    for day in range(after + 1, until + 1):
        total += days[DIVIDEND, day]
    return total


@internal
def close_out(state, c, row, why):
    """Price the closing of package c, assignment included.

    Returns the credit as filled, assignment on top, gap to the next open (dollars a share), contracts exercised and
    premium sold; after an assignment the buffer LEG_RATIO is left holding the ratios traded. Assigned legs are at mid
    in the credit, and at what their shares brought in the assignment.
    """
    life, price, closing, days = state.lifetimes[c], state.prices[c], state.closing, state.days
    bits = state.marks[ASSIGNED_BITS, int(price[ASSIGNED_ROW])] if why == ASSIGNED else 0
    shift = life[ENTRY] - life[FIRST]
    if is_settled(life, row, why):
        return settle(state, c, row + shift, bits)
    at_mid = closing[MID, row]
    if why in (STOP, TOUCH) and math.isnan(closing[STOPPED, row]):
        _, out, _ = fill_row(state, STOP_FILL, CLOSING_SIGN, row, 0)
        closing[STOPPED, row] = floored(out, price[WIDEST])
    if bits == 0:
        out = closing[STOPPED, row] if why in (STOP, TOUCH) else closing[CLOSE, row]
        return out, 0.0, 0.0, 0.0, closing[SOLD_OUT, row]
    left_mid, out, sold = fill_row(state, EXIT_FILL, CLOSING_SIGN, row, bits)
    shares, held, exercised = from_assigned(state, c, days[SPOT, row + shift], bits)
    owed = held * dividends_between(days, int(price[ASSIGNED_ROW]) + shift, row + shift)
    return out + at_mid - left_mid, shares + owed - (at_mid - left_mid), 0.0, exercised, sold


@inline
def is_settled(life, row, why):
    """Whether a package ends by settlement, no order closing it."""
    return why == EXPIRY or (why == ASSIGNED and life[SETTLES] > 0 and row == life[LAST])


@internal
def from_assigned(state, c, spot, bits):
    """Worth of the shares from assigned legs at a price, shares held a share of the package, and contracts."""
    legs = state.legs
    worth = held = exercised = 0.0
    for j in range(legs.shape[1]):
        if bits >> j & 1:
            shares = legs[CONTRACTS, j] * legs[RIGHT, j]
            worth += shares * (spot - state.terms[c, STRIKE + j])
            held += shares
            exercised += legs[RATIO, j]
    return worth, held, exercised


@internal
def settle(state, c, day, bits):
    """Settlement: the worth of the package; shares of physical ones are closed at the next open."""
    days, life, legs, ratio = state.days, state.lifetimes[c], state.legs, state.buffers[LEG_RATIO]
    price = state.terms[c, SETTLEMENT]
    worth = held = exercised = floor = 0.0
    for j in range(legs.shape[1]):
        ratio[j] = 0.0
        value = intrinsic(legs[RIGHT, j], state.terms[c, STRIKE + j], price)
        worth += legs[CONTRACTS, j] * value
        if bits >> j & 1:
            floor += legs[CONTRACTS, j] * value
        if value > 0.0 or bits >> j & 1:
            exercised += legs[RATIO, j]
            held += legs[CONTRACTS, j] * legs[RIGHT, j]
    gap = assignment = 0.0
    if life[PHYSICAL] and day + 1 < days.shape[1] and not math.isnan(days[OPENED, day + 1]):
        gap = held * (days[OPENED, day + 1] - price)
    if bits:
        shares, early, _ = from_assigned(state, c, price, bits)
        since = int(state.prices[c, ASSIGNED_ROW]) + life[ENTRY] - life[FIRST]
        assignment = shares - floor + early * dividends_between(days, since, day)
    return worth, assignment, gap, exercised, 0.0
