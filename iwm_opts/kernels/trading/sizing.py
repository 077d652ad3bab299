"""How many units fit: whole numbers under several budgets, and the Kelly share."""

import math

from iwm_opts.kernels._jit import inline, kernel

FLOOR_NOISE = 1e-9  # relative: a quotient this close below a whole number is that number in decimal arithmetic
MOST_UNITS = 1e15  # stands for no limit: beyond it doubles no longer count one by one


@kernel("int64(float64, float64)", few=256)
def whole_units(budget, each):
    """How many units of `each` dollars a budget holds; zero where either is not positive, or `each` is infinite."""
    if not (budget > 0.0 and 0.0 < each < math.inf):
        return 0
    if budget >= MOST_UNITS * each:  # asked first: a quotient by next to nothing is no number
        return int(MOST_UNITS)
    return int(min(budget / each * (1.0 + FLOOR_NOISE), MOST_UNITS))


@kernel("Tuple((int64, int64))(float64[::1], float64[::1])", few=256)
def units_within(budgets, each):
    """Units that every budget holds at its own price for `each`, and the index of the first budget that binds."""
    units, binding = whole_units(budgets[0], each[0]), 0
    for i in range(1, budgets.shape[0]):
        held = whole_units(budgets[i], each[i])
        if held < units:
            units, binding = held, i
    return units, binding


@kernel("float64(float64, float64, float64)", few=256)
def kelly_share(pop, win, loss):
    """Share of the account to risk on a bet that wins `win` with probability `pop`, else loses `loss`; never negative.

    f* = p - (1 - p) loss / win (Kelly 1956; Thorp 2006, "The Kelly criterion in blackjack, sports betting and the stock
    market": f* = (bp - q) / b at odds b = win / loss).
    """
    if not win > 0.0:
        return 0.0
    return max(pop - (1.0 - pop) * loss / win, 0.0)


@inline
def package_units(equity, risk_share, max_open_risk, open_risk, available, max_loss, buying_power):
    """Compute packages that an account allows, and the limit: 0 position risk, 1 total risk, 2 buying power.

    The budgets of `risk.sizing.size_position`: a position may always take its own share, so that the ceiling on open
    risk does not depend on whether anything is on already; what ties up no buying power is not capped by it.
    """
    risk = equity * risk_share
    units, binding = whole_units(risk, max_loss), 0
    held = whole_units(max(equity * max_open_risk, risk) - open_risk, max_loss)
    units, binding = (held, 1) if held < units else (units, binding)
    if buying_power > 0.0:
        held = whole_units(available, buying_power)
        units, binding = (held, 2) if held < units else (units, binding)
    return units, binding
