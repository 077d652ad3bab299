"""How many contracts fit: whole numbers under several limits, and the Kelly share."""

import math

from iwm_opts.kernels._jit import kernel

FLOOR_NOISE = 1e-9  # relative: a quotient this close below a whole number is that number in decimal arithmetic

# Codes of the limits in `bounded_contracts`, in the order in which a tie is named.
RISK, OPEN_RISK, BUYING_POWER, LIQUIDITY, KELLY, MAX_CONTRACTS = range(6)


@kernel("int64(float64, float64)")
def whole_units(budget, each):
    """How many units of `each` dollars a budget holds: zero where it is spent, `each` is infinite or either is NaN."""
    if not (budget > 0.0 and each > 0.0):
        return 0
    ratio = budget / each
    return int(math.floor(min(ratio * (1.0 + FLOOR_NOISE), 1e15)))


@kernel("Tuple((int64, int64))(float64, float64, float64, float64, float64, float64, float64, float64)")
def bounded_contracts(
    max_loss, buying_power, risk, open_risk_left, buying_power_left, liquidity, kelly_stake, max_contracts
):
    """Contracts that every limit allows, and the code of the limit that binds (RISK to MAX_CONTRACTS).

    `max_loss` and `buying_power` are dollars a package, the next three and `kelly_stake` dollars for all, the rest
    contracts; an infinite limit does not bind.
    """
    contracts, binding = whole_units(risk, max_loss), RISK
    by_open_risk = whole_units(open_risk_left, max_loss)
    if by_open_risk < contracts:
        contracts, binding = by_open_risk, OPEN_RISK
    by_buying_power = whole_units(buying_power_left, buying_power) if buying_power > 0.0 else contracts
    if by_buying_power < contracts:
        contracts, binding = by_buying_power, BUYING_POWER
    by_liquidity = whole_units(liquidity, 1.0)
    if by_liquidity < contracts:
        contracts, binding = by_liquidity, LIQUIDITY
    by_kelly = whole_units(kelly_stake, max_loss)
    if by_kelly < contracts:
        contracts, binding = by_kelly, KELLY
    by_maximum = whole_units(max_contracts, 1.0)
    if by_maximum < contracts:
        contracts, binding = by_maximum, MAX_CONTRACTS
    return contracts, binding


@kernel("float64(float64, float64, float64)")
def kelly_share(pop, win, loss):
    """Share of the account to risk on a bet that wins `win` with probability `pop` and else loses `loss`; never negative.

    f* = p - (1 - p) loss / win (Kelly 1956; Thorp 2006, "The Kelly criterion", equation 2.1 for odds b = win / loss).
    """
    if not win > 0.0:
        return 0.0
    return max(pop - (1.0 - pop) * loss / win, 0.0)
