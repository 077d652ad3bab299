"""Day loop: one backtest after another over the same market, each by its own rules.

A package's life is followed to its exit as soon as it is opened: no decision of a day depends on it before the day of
the exit. Quotes and prices are computed on the way, eight days at a time, and kept.
"""

import math

import numpy as np
from numba import boolean, int32, int64, types

from iwm_opts.kernels._jit import inline, internal, kernel
from iwm_opts.kernels.backtest.codes import (
    ASSIGNED,
    ASSIGNMENT,
    BY_RISK,
    DAYS_HELD,
    DIGEST_HIGH,
    DIGEST_LOW,
    ENTRY_SLIPPAGE,
    EQUITY,
    EXIT_SLIPPAGE,
    FEES,
    FULL,
    GAINS,
    HELD,
    LOSSES,
    MAX_DRAWDOWN,
    MEAN_CHANGE,
    MID_PNL,
    NO_CREDIT,
    NO_PACKAGE,
    NO_QUOTE,
    PACKAGE_DAYS,
    PNL,
    RETURNS,
    RISKLESS,
    SD_CHANGE,
    SPENT,
    SQUARED_LOSSES,
    SQUARED_RETURNS,
    THIN,
    TRADES,
    WINS,
)
from iwm_opts.kernels.backtest.life import (
    charges_of,
    close_out,
    first_exit_row,
    is_settled,
    last_exit,
    loss_at_risk,
    price_entry,
    price_rows,
    tabulated_exit,
)
from iwm_opts.kernels.backtest.marks import choose, mark
from iwm_opts.kernels.backtest.state import (
    ACCOUNT,
    BOOKED,
    BUYING_POWER,
    CHOICE,
    CHOSEN,
    CLOSE,
    CLOSING_SIGN,
    CREDIT,
    ENTRY,
    ENTRY_MID,
    EVERY,
    EXIT_DAY,
    FIRST,
    FIXED_CONTRACTS,
    FLOAT_ROWS,
    FLOATING,
    GATE_ROW,
    INT_ROWS,
    IS_CREDIT,
    LAST,
    LAST_FEES,
    LEG_RATIO,
    MAX_OPEN,
    MAX_OPEN_RISK,
    MID,
    MIN_CREDIT_WIDTH,
    OPEN_POWER,
    OPEN_RISK,
    ORDINAL,
    PRICED,
    QUOTED,
    RATIO,
    RISK_SHARE,
    SESSION,
    SETTLES,
    SIGN,
    SOLD_IN,
    STATE,
    TRADE_ASSIGNMENT,
    TRADE_CLOSING_FEES,
    TRADE_CONTRACTS,
    TRADE_GAP,
    TRADE_OPENING_FEES,
    TRADE_OUT,
    TRADE_PACKAGE,
    TRADE_REASON,
    TRADE_RISK,
    TRADE_ROW,
    UNKNOWN,
    WIDEST,
)
from iwm_opts.kernels.trading.fees import contract_fees, order_fees, premium_fee
from iwm_opts.kernels.trading.sizing import package_units

FLAG_ROWS, PASSAGES = boolean[:, ::1], int32[:, ::1]
STRETCH = 8  # days marked at a time: a vector's worth of each leg, and little beyond most exits

# Of SplitMix64, as signed integers.
GOLDEN, MIX_FIRST, MIX_SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
LOW_HALF = 0xFFFFFFFF


@inline
def is_ready(state, rule, c):
    """Choose, quote and price package c on its first day as far as that is not done; whether there is one."""
    life = state.lifetimes[c]
    if life[CHOICE] == UNKNOWN:
        choose(state, c, rule)
    if life[CHOICE] != CHOSEN:
        return False
    if life[QUOTED] == 0:
        mark(state, c, 1)
    if state.prices[c, PRICED] == 0.0:
        price_entry(state, c)
    return True


@inline
def follow(state, rule, c):
    """Row on which package c is closed, and why."""
    life, price = state.lifetimes[c], state.prices[c]
    first = life[FIRST]
    tradable = life[LAST] - first + 1 - life[SETTLES]  # rows with quotes
    start = first + 1
    while True:
        if life[QUOTED] < tradable and start - first >= life[QUOTED]:
            mark(state, c, min(STRETCH, tradable - life[QUOTED]))
        if price[PRICED] < life[QUOTED]:
            price_rows(state, c)
        stop = first + int(price[PRICED])
        row, why = first_exit_row(state, rule, c, start, stop)
        if why != HELD:
            return row, why
        if stop - first == tradable:
            return last_exit(state, c)
        start = stop


@inline
def affordable(state, rule, c, equity, open_risk, tied_up):
    """Compute packages to open, and the code of what prevents it where that is none."""
    price = state.prices[c]
    credit, largest = price[CREDIT], loss_at_risk(state, rule, c)
    if math.isnan(credit):
        return 0, NO_QUOTE
    if state.setup[IS_CREDIT] > 0.0:
        if not credit > 0.0:
            return 0, NO_CREDIT
        if credit < rule[MIN_CREDIT_WIDTH] * price[WIDEST]:
            return 0, THIN
    if not largest > 0.0:
        return 0, RISKLESS
    if rule[FIXED_CONTRACTS] > 0.0:
        return int(rule[FIXED_CONTRACTS]), 0
    if not equity > 0.0:
        return 0, SPENT
    units, binding = package_units(
        equity, rule[RISK_SHARE], rule[MAX_OPEN_RISK], open_risk, equity - tied_up, largest, price[BUYING_POWER]
    )
    return units, BY_RISK + binding


@inline
def enter(state, rule, c, contracts, trades, n, passages):
    """Open package c, follow it to its exit and write it down as trade n; the day index of its exit."""
    life, legs, price = state.lifetimes[c], state.legs, state.prices[c]
    floating, booked, close = state.buffers[FLOATING], state.buffers[BOOKED], state.closing[CLOSE]
    row, why = tabulated_exit(state, rule, c, passages) if passages.shape[0] > 0 else follow(state, rule, c)
    out, assignment, gap, exercised, sold = close_out(state, c, row, why)
    charges, first, start = charges_of(state.setup), life[FIRST], life[ENTRY]
    end = start + row - first
    last_fees = state.buffers[LAST_FEES]
    if last_fees[0] != contracts:
        last_fees[0] = contracts
        last_fees[1] = contract_fees(charges, charges.opening, legs[CLOSING_SIGN], legs[RATIO], contracts)
        last_fees[2] = contract_fees(charges, charges.closing, legs[SIGN], legs[RATIO], contracts)
    paid = last_fees[1] + premium_fee(charges, contracts, price[SOLD_IN])
    leaving = charges.exercise * contracts * exercised
    if why == ASSIGNED and not is_settled(life, row, why):
        ratio = state.buffers[LEG_RATIO, : legs.shape[1]]
        leaving += order_fees(charges, charges.closing, legs[SIGN], ratio, contracts, sold)
    elif not is_settled(life, row, why):
        leaving += last_fees[2] + premium_fee(charges, contracts, sold)
    units, credit = charges.multiplier * contracts, price[CREDIT]
    trades[TRADE_PACKAGE, n], trades[TRADE_CONTRACTS, n] = c, contracts
    trades[TRADE_ROW, n], trades[TRADE_REASON, n] = row, why
    trades[TRADE_OUT, n], trades[TRADE_ASSIGNMENT, n], trades[TRADE_GAP, n] = out, assignment, gap
    trades[TRADE_RISK, n] = contracts * loss_at_risk(state, rule, c)
    trades[TRADE_OPENING_FEES, n], trades[TRADE_CLOSING_FEES, n] = paid, leaving
    for i in range(end - start):
        floating[start + i] += units * (credit + close[first + i]) - paid
    booked[end] += units * (credit + out + assignment) - paid - leaving
    if gap != 0.0:
        booked[end + 1] += units * gap
    return end


@internal
def sum_trades(state, trades, n, multiplier, row):
    """Write the columns of `Summary` that sum over trades."""
    row[:] = 0.0
    row[TRADES] = n
    for i in range(n):
        c, last, out = int(trades[TRADE_PACKAGE, i]), int(trades[TRADE_ROW, i]), trades[TRADE_OUT, i]
        price, at_mid, held = state.prices[c], state.closing[MID, last], last - state.lifetimes[c, FIRST]
        units, start = multiplier * trades[TRADE_CONTRACTS, i], state.lifetimes[c, ENTRY]
        mid_pnl = units * (price[ENTRY_MID] + at_mid)
        going_in = units * (price[ENTRY_MID] - price[CREDIT])
        going_out = units * (at_mid - out)
        fees = trades[TRADE_OPENING_FEES, i] + trades[TRADE_CLOSING_FEES, i]
        assignment = units * (trades[TRADE_ASSIGNMENT, i] + trades[TRADE_GAP, i])
        pnl = mid_pnl - going_in - going_out - fees + assignment
        row[WINS] += pnl > 0.0
        row[PNL] += pnl
        row[GAINS] += max(pnl, 0.0)
        row[LOSSES] += min(pnl, 0.0)
        row[MID_PNL] += mid_pnl
        row[ENTRY_SLIPPAGE] += going_in
        row[EXIT_SLIPPAGE] += going_out
        row[FEES] += fees
        row[ASSIGNMENT] += assignment
        row[DAYS_HELD] += state.days[ORDINAL, start + held] - state.days[ORDINAL, start]
        row[PACKAGE_DAYS] += held


@inline
def scramble(value, place):
    """Integer of a number and its place (Steele, Lea and Flood 2014, the finaliser of SplitMix64)."""
    bits = np.float64(value).view(np.int64) + place * GOLDEN
    bits = (bits ^ (bits >> 30)) * MIX_FIRST
    bits = (bits ^ (bits >> 27)) * MIX_SECOND
    return bits ^ (bits >> 31)


@internal
def sum_days(equity, account, row):
    """Write the columns of `Summary` that sum over days."""
    count = equity.shape[0]
    peak, lowest, before, total, squares, drawdown = account, account, account, 0.0, 0.0, 0.0
    returns = squared = below = 0.0
    digest = 0
    for day in range(count):
        level = equity[day]
        change = level - before
        total += change
        squares += change * change
        gain = change / before if before > 0.0 else 0.0
        returns += gain
        squared += gain * gain
        below += min(gain, 0.0) * min(gain, 0.0)
        digest += scramble(change, day + 1) if change != 0.0 else 0
        before = level
        if level > peak:  # a division a peak, not a day
            drawdown = max(drawdown, (peak - lowest) / peak)
            peak = lowest = level
        lowest = min(lowest, level)
    row[MAX_DRAWDOWN] = max(drawdown, (peak - lowest) / peak)
    row[EQUITY] = before
    row[MEAN_CHANGE] = total / count
    row[SD_CHANGE] = math.sqrt(max(squares / count - row[MEAN_CHANGE] * row[MEAN_CHANGE], 0.0))
    row[RETURNS], row[SQUARED_RETURNS], row[SQUARED_LOSSES] = returns, squared, below
    row[DIGEST_LOW], row[DIGEST_HIGH] = digest & LOW_HALF, digest >> 32


@inline
def drop_closed(buffers, held, day, never):
    """Keep the open packages that end after a day: their number, and the day on which the next of them ends."""
    end, risk, power = buffers[EXIT_DAY], buffers[OPEN_RISK], buffers[OPEN_POWER]
    alive, next_end = 0, never
    for i in range(held):
        if end[i] > day:
            end[alive], risk[alive], power[alive] = end[i], risk[i], power[i]
            next_end = min(next_end, int(end[i]))
            alive += 1
    return alive, next_end


@kernel(
    types.void(
        STATE, FLOAT_ROWS, FLAG_ROWS, PASSAGES, boolean, int64, int64, FLOAT_ROWS, FLOAT_ROWS, INT_ROWS, FLOAT_ROWS
    ),
)
def run_backtests(state, rules, allowed, passages, is_fresh, start, stop, trades, levels, skips, summary):
    """Run the backtests `start` to `stop` of the rows in `rules`.

    Each day packages are closed first, then one may be opened: on an allowed day, when the last entry is `every`
    sessions back, fewer than `max_open` are open, the credit at the entry fill is above zero and enough for its width,
    and the size is at least one package. Sizes rest on the equity of the close before.

    `allowed` has shape (gates, days). With `is_fresh` every backtest chooses and marks its own packages, else they
    share what is known already. `passages` is the table of `life.tabulated_exit`, for packages that are all marked and
    priced; without rows each exit is searched. `trades` is left as the last backtest's, the equity by day of the i-th
    in row i of `levels` (any number of backtests, days), where it has as many rows, else in its first again. `skips`
    (backtests, len(SkipReason)) counts allowed days without an entry, `summary` (backtests, len(Summary)) is written.
    """
    lifetimes, prices, of_day, buffers = state.lifetimes, state.prices, state.of_day, state.buffers
    floating, booked, session = buffers[FLOATING], buffers[BOOKED], state.days[SESSION]
    multiplier = charges_of(state.setup).multiplier
    count = of_day.shape[0]
    for v in range(start, stop):
        rule, equity = rules[v], levels[(v - start) % levels.shape[0]]
        if is_fresh:
            lifetimes[:, CHOICE], lifetimes[:, QUOTED], prices[:, PRICED] = UNKNOWN, 0, 0.0
        floating[: count + 1], booked[: count + 1], skips[v, :] = 0.0, 0.0, 0
        account, every, max_open, gate = rule[ACCOUNT], rule[EVERY], int(rule[MAX_OPEN]), int(rule[GATE_ROW])
        settled, before, last_entry = 0.0, account, -math.inf
        n, held, next_end = 0, 0, count
        for day in range(count):
            if day >= next_end:
                held, next_end = drop_closed(buffers, held, day, count)
            if allowed[gate, day] and session[day] - last_entry >= every and day < count - 1:
                c, units, why = of_day[day], 0, NO_PACKAGE
                if held >= max_open:
                    why = FULL
                elif c >= 0 and is_ready(state, rule, c):
                    open_risk = tied_up = 0.0
                    for i in range(held):
                        open_risk += buffers[OPEN_RISK, i]
                        tied_up += buffers[OPEN_POWER, i]
                    units, why = affordable(state, rule, c, before, open_risk, tied_up)
                if units > 0:
                    end = enter(state, rule, c, float(units), trades, n, passages)
                    buffers[EXIT_DAY, held] = end
                    buffers[OPEN_RISK, held] = trades[TRADE_RISK, n]
                    buffers[OPEN_POWER, held] = units * prices[c, BUYING_POWER]
                    held += 1
                    n += 1
                    last_entry = session[day]
                    next_end = min(next_end, end)
                else:
                    skips[v, why] += 1
            settled += booked[day]
            before = equity[day] = account + settled + floating[day]
        trades[TRADE_PACKAGE, n:] = -1.0
        sum_trades(state, trades, n, multiplier, summary[v])
        sum_days(equity, account, summary[v])


@kernel(types.void(STATE, int64, int64))
def price_packages(state, start, stop):
    """Price the packages from `start` to `stop` as far as they are quoted and not priced yet."""
    for c in range(start, stop):
        life = state.lifetimes[c]
        if life[CHOICE] == CHOSEN and life[QUOTED] > 0:
            if state.prices[c, PRICED] == 0.0:
                price_entry(state, c)
            price_rows(state, c)
