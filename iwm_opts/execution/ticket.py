"""Orders of a package: limit, ladder from mid to natural, buy-back at the target, stop price, dates.

Prices are $/share of one package, credits positive and debits negative, as in `execution.fills`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import numpy as np

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.fills import Fill, FillModel, fill_package
from iwm_opts.execution.legs import Legs, check_contracts
from iwm_opts.kernels.trading.payoff import extremes
from iwm_opts.market.calendar import latest_session
from iwm_opts.market.contract import Contract, can_expire, roots_on, settlement_of, underlying_of

MAX_LEGS: Final = 4  # of one order: developer.tastytrade.com/docs/guides/multi-leg-spreads
MAX_RUNGS: Final = 8  # prices of a ladder
TICK_SLACK: Final = 1e-6  # of a tick: rounding of binary fractions

Effect = Literal["open", "close"]
Duration = Literal["day", "gtc"]


@dataclass(frozen=True, slots=True)
class QuotedLeg:
    """One leg of a package and its quote, $/share."""

    contract: Contract
    quantity: int  # contracts in one package: positive long, negative short
    bid: float
    ask: float

    def __post_init__(self) -> None:
        symbol = self.contract.symbol
        if self.quantity == 0:
            raise InputError("leg", symbol, "trades 0 contracts", "give 1 or more")
        if not (self.bid >= 0 and self.ask > 0):
            raise InputError("leg", symbol, "has no two-sided quote", "choose another strike")
        if self.bid > self.ask:
            raise InputError("leg", symbol, f"crossed quote: bid {self.bid:g} above ask {self.ask:g}", "check it")


@dataclass(frozen=True, slots=True)
class Order:
    """A limit order for a package."""

    legs: tuple[QuotedLeg, ...]
    contracts: int  # packages
    price: float  # net limit; a debit negative
    effect: Effect
    duration: Duration

    @property
    def expiration(self) -> date:
        """Expiration of every leg."""
        return self.legs[0].contract.expiration

    @property
    def underlying(self) -> str:
        """Symbol of the underlying."""
        return underlying_of(self.legs[0].contract.root)

    @property
    def quantities(self) -> dict[Contract, int]:
        """Signed contracts of the whole order."""
        return {leg.contract: self.contracts * leg.quantity for leg in self.legs}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Entry and exit of one package."""

    entry: Order
    fill: Fill
    tick: float
    ladder: tuple[float, ...]  # entry prices from mid to natural, the limit among them
    target: Order | None  # closes at the profit target; None without one
    stop_price: float | None  # net price that closes at the stop; None without one
    exit_date: date | None  # first session on which the clock closes it
    no_target: str = ""  # why a profit target was given and no order closes there
    no_stop: str = ""  # the same of a stop


def make_ticket(legs: Sequence[QuotedLeg], contracts: int, model: FillModel, exits: ExitLevels, as_of: date) -> Ticket:
    """Entry order at a fill convention, and the orders that close it.

    Parameters
    ----------
    legs : sequence of QuotedLeg
        Of one root and expiration, each contract once.
    contracts : int
        Packages.
    model : FillModel
        Limit of the entry, rounded to the tick of the class against the trader.
    exits : ExitLevels
    as_of : date
        Day of the quotes.

    Returns
    -------
    Ticket
        Target and stop are rounded to the tick, towards a larger gain and a smaller loss.

    Raises
    ------
    InputError
        For a size of zero, more than four legs, a contract twice, several expirations, adjusted contracts, a limit of
        zero, or one at which sold options cost money.
    """
    _check(legs, contracts, as_of)
    tick = settlement_of(legs[0].contract.root).tick
    kind = Legs.of(
        [1 if leg.quantity > 0 else -1 for leg in legs],
        [RIGHT_SIGN[leg.contract.right] for leg in legs],
        [abs(leg.quantity) for leg in legs],
    )
    fill = fill_package(model, kind, [leg.bid for leg in legs], [leg.ask for leg in legs], tick)
    limit = round(math.floor(fill.price / tick + TICK_SLACK) * tick, 10)
    if limit == 0:
        raise InputError("limit", limit, f"the package trades for nothing at {model}", "choose other strikes")
    if limit < 0 and all(leg.quantity < 0 for leg in legs):
        raise InputError("limit", limit, f"sold options bring no credit at {model}", "choose other strikes or fills")
    entry = Order(tuple(legs), contracts, limit, "open", "day")
    closing = tuple(replace(leg, quantity=-leg.quantity) for leg in legs)
    least, most = worth_at_expiry(legs)
    gain = exits.profit_level(is_credit=limit > 0)
    target, no_target = _closing_price("profit", limit, gain, tick)
    if target is not None and target > most + TICK_SLACK:
        level = f"profit={gain:g}: no target within the width"
        target, no_target = None, f"{level}: {target:.2f} exceeds {most:.2f}, the most that closing brings"
    loss = exits.stop_level(is_credit=limit > 0)
    stop, no_stop = _closing_price("stop", limit, None if loss is None else -loss, tick)
    beyond = exits.no_stop(limit, -least)
    if beyond:
        stop, no_stop = None, beyond
    return Ticket(
        entry=entry,
        fill=fill,
        tick=tick,
        ladder=_ladder(fill, limit, tick),
        target=None if target is None else Order(closing, contracts, target, "close", "gtc"),
        stop_price=stop,
        exit_date=exits.time_exit(entry.expiration, as_of),
        no_target=no_target,
        no_stop=no_stop,
    )


def worth_at_expiry(legs: Sequence[QuotedLeg]) -> tuple[float, float]:
    """Least and most that closing one package can bring at expiry, $/share; negative: it costs."""
    contracts = np.array([[leg.quantity for leg in legs]], dtype=np.float64)
    right = np.array([[RIGHT_SIGN[leg.contract.right] for leg in legs]], dtype=np.float64)
    strikes = np.array([[leg.contract.strike for leg in legs]], dtype=np.float64)
    best, worst, adjusted = np.empty(1), np.empty(1), np.empty(1)
    extremes(contracts, right, strikes, np.zeros(1), 0.0, 0.0, best, worst, adjusted)
    return -float(worst[0]), float(best[0])


def leg_limits(order: Order, tick: float) -> tuple[float, ...]:
    """Limits of single-leg orders that add up to the package's limit, $/share.

    Every leg starts at its natural side, the bid of a sale and the ask of a purchase; the ticks between that sum and
    the limit go one by one to the leg with the largest part of its spread left. Ratios above one can leave a remainder,
    which stays: the sum then misses the limit by fewer ticks than the largest ratio.
    """
    natural = [round(round((leg.bid if leg.quantity < 0 else leg.ask) / tick) * tick, 10) for leg in order.legs]
    total = -sum(leg.quantity * price for leg, price in zip(order.legs, natural, strict=True))
    left = round((order.price - total) / tick)
    step = 1 if left >= 0 else -1
    moved = [0] * len(natural)
    while left:
        able = [i for i, leg in enumerate(order.legs) if abs(leg.quantity) <= abs(left)]
        if not able:
            break
        spread = [max(order.legs[i].ask - order.legs[i].bid, tick) / tick for i in range(len(natural))]
        chosen = max(able, key=lambda i: (spread[i] - abs(moved[i])) / spread[i])
        moved[chosen] += step
        left -= step * abs(order.legs[chosen].quantity)
    return tuple(
        round(price + (tick * ticks if leg.quantity < 0 else -tick * ticks), 10)
        for leg, price, ticks in zip(order.legs, natural, moved, strict=True)
    )


def _check(legs: Sequence[QuotedLeg], contracts: int, as_of: date) -> None:
    check_contracts(contracts)
    if not 1 <= len(legs) <= MAX_LEGS:
        raise InputError("legs", len(legs), f"one order holds 1 to {MAX_LEGS} legs", "split the package")
    listed = [leg.contract for leg in legs]
    if len(set(listed)) < len(listed):
        raise InputError("legs", [item.symbol for item in listed], "a contract occurs twice", "merge the legs")
    if len({(item.root, item.expiration) for item in listed}) > 1:
        raise InputError("legs", [item.symbol for item in listed], "several expirations or roots", "give one of each")
    root, expiration = listed[0].root, listed[0].expiration
    if expiration < as_of:
        raise InputError("expiration", expiration.isoformat(), f"expired before {as_of}", "choose a later one")
    if not can_expire(expiration):
        rule = f"a {expiration:%A} without a session, on which no option expires"
        raise InputError("expiration", expiration.isoformat(), rule, f"give {latest_session(expiration)}, or another")
    if root not in roots_on(underlying_of(root), expiration):
        raise InputError("root", root, f"not a standard root of {expiration}", "enter the order at the broker")


def _closing_price(name: str, entry: float, gain: float | None, tick: float) -> tuple[float | None, str]:
    """Net price at which closing gains `gain` times the entry price, and why no order closes there."""
    if gain is None:
        return None, ""
    price = round(math.ceil((gain * abs(entry) - entry) / tick - TICK_SLACK) * tick, 10)
    # Closing a credit costs a tick at least; selling a debit package brings in a tick at least.
    if price <= -tick + TICK_SLACK if entry > 0 else price >= tick - TICK_SLACK:
        return price, ""
    paid, verb = ("credit", "cost") if entry > 0 else ("debit", "bring")
    level = f"{abs(gain):g}"
    return None, (
        f"{name}={level}: no closing order, at {level} of a {paid} of {abs(entry):.2f} closing would {verb} less than "
        f"one tick, {tick:g}"
    )


def _ladder(fill: Fill, limit: float, tick: float) -> tuple[float, ...]:
    """Ticks from mid down to natural, thinned to `MAX_RUNGS`."""
    best, worst = math.floor(fill.mid / tick + 0.5 + TICK_SLACK), math.floor(fill.natural / tick + TICK_SLACK)
    span = best - worst
    count = min(span, MAX_RUNGS - 2) or 1
    ticks = {best - round(span * i / count) for i in range(count + 1)} | {round(limit / tick)}
    return tuple(round(t * tick, 10) for t in sorted(ticks - {0}, reverse=True))
