"""When packages are closed: what calls for it on a day, and in which order."""

import math

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.backtest.codes import DTE, GATE, HELD, PROFIT, STOP, TIME, TOUCH

NOISE = 1e-9  # dollars by which binary arithmetic may miss a bound that decimal prices reach


@inline
def stop_cost(credit, stop):
    """Cost of closing at which a stop of so many entry credits (or debits) is reached; NaN for none."""
    return credit + stop * abs(credit) - NOISE


@inline
def profit_credit(credit, profit):
    """Credit of closing at which a profit of so many entry credits (or debits) is reached; NaN for none."""
    return profit * abs(credit) - credit - NOISE


@inline
def loss_reached(debit, credit, stop):
    """Whether closing has cost `stop` entry credits (or debits) more than came in."""
    return debit >= stop_cost(credit, stop)


@inline
def profit_reached(debit, credit, profit):
    """Whether closing leaves `profit` entry credits (or debits)."""
    return -debit >= profit_credit(credit, profit)


@inline
def exit_reason(
    debit, credit, is_touched, days_left, sessions, is_reversed, profit, stop, min_dte, max_sessions, best_first
):
    """Why to close today; HELD where no rule says so. NaN switches a rule off.

    Worst first: stop, touch, dte, time, gate, profit. `best_first` turns the order round.
    """
    if best_first and profit_reached(debit, credit, profit):
        return PROFIT
    if not best_first:
        if loss_reached(debit, credit, stop):
            return STOP
        if is_touched:
            return TOUCH
    if days_left <= min_dte:
        return DTE
    if sessions >= max_sessions:
        return TIME
    if is_reversed:
        return GATE
    if best_first and is_touched:
        return TOUCH
    if best_first and loss_reached(debit, credit, stop):
        return STOP
    if not best_first and profit_reached(debit, credit, profit):
        return PROFIT
    return HELD


@kernel("Tuple((int64, int64))(float64[::1], float64[::1], float64, float64, float64, float64, boolean)")
def first_exit(close, minute, credit, profit, stop, exit_minute, best_first):
    """First row after the entry, row 0, on which a package held within a session is closed, and why; HELD where none.

    `close` is the credit of closing on each row, dollars a share (NaN: no quote), `minute` counts from the open. The
    rules are those of `exit_reason`, the clock in minutes in place of sessions.
    """
    for i in range(1, close.shape[0]):
        if math.isnan(close[i]):
            continue
        why = exit_reason(
            -close[i], credit, False, math.inf, minute[i], False, profit, stop, math.nan, exit_minute, best_first
        )
        if why != HELD:
            return i, why
    return -1, HELD


@inline
def is_touched(sign, right, strike, high, low):
    """Whether a day's range reached a short strike; never where the range is unknown."""
    touched = False
    for j in range(sign.shape[0]):
        reached = high >= strike[j] if right[j] > 0.0 else low <= strike[j]
        touched |= sign[j] < 0.0 and reached
    return touched
