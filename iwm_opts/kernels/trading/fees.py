"""Fees of an order: commission with cap and minimum, charges a contract, SEC fee."""

from typing import NamedTuple

from numba import float64, types

from iwm_opts.kernels._jit import kernel, record_type, unfused


class Charges(NamedTuple):
    """Charges in dollars a contract unless said; see `execution.fees.FeeSchedule`."""

    opening: float  # commission
    closing: float
    cap: float  # most commission for one leg of an order, dollars
    minimum: float  # least commission for an order that pays any, dollars
    flat: float  # exchange, regulatory and clearing fees together
    taf: float  # on contracts sold
    sec: float  # share of the premium sold
    exercise: float
    multiplier: float  # shares a contract


CHARGES = record_type(Charges, *(float64,) * len(Charges._fields))


@unfused
def order_fees(charges, commission, sold, ratio, contracts, premium_sold):
    """Fees of an order, dollars for all of it; arguments as of `contract_fees`.

    `premium_sold` is that of one package, dollars a share.
    """
    return contract_fees(charges, commission, sold, ratio, contracts) + premium_fee(charges, contracts, premium_sold)


@unfused
def contract_fees(charges, commission, sold, ratio, contracts):
    """Part of an order's fees that its premium does not matter to.

    `sold` is +1 for a leg that the order sells and -1 for one that it buys; a leg whose `ratio` is 0 is not part of it.
    """
    total = bought = 0.0
    for j in range(ratio.shape[0]):
        a_leg = ratio[j] * contracts
        total += min(commission * a_leg, charges.cap)
        bought += charges.flat * a_leg + (charges.taf * a_leg if sold[j] > 0.0 else 0.0)
    if commission > 0.0:
        total = max(total, charges.minimum)
    return total + bought


@unfused
def premium_fee(charges, contracts, premium_sold):
    """Part of an order's fees on the premium that it sells."""
    return premium_sold * charges.sec * charges.multiplier * contracts


@kernel(types.void(CHARGES, float64, float64[::1], float64[::1], float64, float64[::1], float64[::1]), few=256)
def orders(charges, commission, sold, ratio, contracts, premium_sold, out):
    """Fees of orders that differ in their premium, dollars for all of each; shape (n,)."""
    for i in range(out.shape[0]):
        out[i] = order_fees(charges, commission, sold, ratio, contracts, premium_sold[i])
