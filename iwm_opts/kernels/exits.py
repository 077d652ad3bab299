"""When packages are closed: what calls for it on a day, and in which order."""

from iwm_opts.kernels._jit import inline

HELD, STOP, TOUCH, DTE, TIME, GATE, PROFIT, EXPIRY, END, ASSIGNED = range(10)
NOISE = 1e-9  # dollars by which binary arithmetic may miss a bound that decimal prices reach


@inline
def loss_reached(debit, credit, stop):
    """Whether closing has cost `stop` entry credits (or debits) more than came in."""
    return debit >= credit + stop * abs(credit) - NOISE


@inline
def profit_reached(debit, credit, profit):
    """Whether closing leaves `profit` entry credits (or debits)."""
    return debit <= credit - profit * abs(credit) + NOISE


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


@inline
def is_touched(sign, right, strike, high, low):
    """Whether a day's range reached a short strike; never where the range is unknown."""
    found = False
    for j in range(sign.shape[0]):
        reached = high >= strike[j] if right[j] > 0.0 else low <= strike[j]
        found |= sign[j] < 0.0 and reached
    return found
