"""Position size in contracts or shares: risk budget and caps."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from typing import Final, NamedTuple

import numpy as np

from iwm_opts.errors import InputError
from iwm_opts.kernels.trading.sizing import kelly_share, units_within, whole_units

PRUDENT_RISK: Final = 0.02  # the strategy risks 1 to 2% of the account on a trade
MAX_OPEN_RISK: Final = 0.06  # of the account, all positions together (Elder 2002, Come Into My Trading Room)
LIQUIDITY_SHARE: Final = 0.10  # of the thinnest leg's open interest, volume or quoted size
KELLY_FRACTION: Final = 0.25  # of full Kelly: its inputs are estimates


@dataclass(frozen=True, slots=True)
class Size:
    """A position in contracts (or shares), in dollars for all of it."""

    contracts: int
    risk: float
    buying_power: float  # NaN where the price of a share is not known
    limited_by: str  # risk, open_risk, buying_power, liquidity, kelly or max_contracts
    reason: str  # the limit that binds, with its numbers
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of a position apart from its fraction of the account; None does not cap."""

    open_risk: float = 0.0  # dollars at risk in positions already on
    max_open_risk: float = MAX_OPEN_RISK  # share of the account, this position included; at least its own share
    buying_power: float | None = None  # dollars available
    liquidity: float | None = None  # contracts; see `liquidity_cap`
    kelly: float | None = None  # share of the account to stake; see `kelly_stake_from_expectation`
    max_contracts: float | None = None


class _Cap(NamedTuple):
    name: str
    budget: float
    each: float  # of the budget that one unit takes
    reason: str


def size_position(
    account: float, risk_share: float, max_loss: float, buying_power: float | None = None, limits: Limits | None = None
) -> Size:
    """Contracts of a defined-risk package that an account allows.

    Parameters
    ----------
    account : float
        Dollars.
    risk_share : float
        Share of the account to risk on this position, above 0 and at most 1.
    max_loss : float
        Dollars one package can lose, positive; infinite gives zero contracts.
    buying_power : float, optional
        Dollars one package ties up; max_loss unless given.
    limits : Limits, optional

    Returns
    -------
    Size
        floor(account x risk_share / max_loss), or a tighter limit; of equally tight ones the first in the
        order of `Size.limited_by` is named.

    Raises
    ------
    InputError
        When a number is out of its range.
    """
    risk = _risk_budget(account, risk_share)
    if not max_loss > 0:
        raise InputError("max_loss", max_loss, "must be positive", "a package that cannot lose has a bad quote")
    each = max_loss if buying_power is None else buying_power
    if isnan(each):
        raise InputError("buying_power", each, "must be a number of dollars")
    return _tightest(_caps(account, risk, max_loss, each, limits or Limits()), max_loss, each, risk_share)


def _caps(account: float, risk: float, max_loss: float, each: float, limits: Limits) -> list[_Cap]:
    a_contract = f"one contract risks ${max_loss:,.2f}" if isfinite(max_loss) else "the loss of a contract is unlimited"
    open_risk = _at_least_zero("open_risk", limits.open_risk)
    # A position may always take its own share, so that the ceiling does not depend on whether anything is on already.
    room = max(account * _share("max_open_risk", limits.max_open_risk), risk) - open_risk
    on = f"positions already on leave ${max(room, 0.0):,.2f} of the open risk allowed"
    caps = [
        _Cap("risk", risk, max_loss, f"{a_contract}, the limit is ${risk:,.2f}"),
        _Cap("open_risk", room, max_loss, f"{a_contract}, {on}"),
    ]
    if limits.buying_power is not None and each > 0:  # a package that brings in more than it ties up is not capped
        available = _number("buying_power", limits.buying_power)
        ties_up = f"one contract ties up ${each:,.2f}, ${available:,.2f} is available"
        caps.append(_Cap("buying_power", available, each, ties_up))
    if limits.liquidity is not None:
        liquidity = _at_least_zero("liquidity", limits.liquidity)
        caps.append(_Cap("liquidity", liquidity, 1.0, f"liquidity allows {liquidity:,.0f} contracts"))
    if limits.kelly is not None:
        stake = account * _at_least_zero("kelly", limits.kelly)
        staked = (
            f"{a_contract}, Kelly stakes ${stake:,.2f}" if stake > 0 else "Kelly stakes nothing: no expected profit"
        )
        caps.append(_Cap("kelly", stake, max_loss, staked))
    if limits.max_contracts is not None:
        most = _at_least_zero("max_contracts", limits.max_contracts)
        caps.append(_Cap("max_contracts", most, 1.0, f"no more than {most:,.0f} contracts are wanted"))
    return caps


def _tightest(caps: list[_Cap], risk_each: float, cost_each: float, risk_share: float) -> Size:
    budgets, each = np.array([cap.budget for cap in caps]), np.array([cap.each for cap in caps])
    units, binding = units_within(budgets, each)
    cap = caps[binding]
    risk, cost = (units * risk_each, units * cost_each) if units else (0.0, 0.0)  # nothing of an infinite loss is none
    return Size(int(units), risk, cost, cap.name, cap.reason, risk_warning(risk_share))


def liquidity_cap(sizes: Iterable[float], share: float = LIQUIDITY_SHARE) -> int | None:
    """Contracts that do not overwhelm the thinnest leg.

    Parameters
    ----------
    sizes : iterable of float
        Open interest, volume or quoted size of each leg, contracts; NaN is unknown.
    share : float
        Of the smallest of them that a position may be.

    Returns
    -------
    int or None
        None when no leg's size is known: then nothing is capped, and the caller should say so.
    """
    reported = [size for size in sizes if not isnan(size)]
    return int(whole_units(min(reported) * _share("liquidity_share", share), 1.0)) if reported else None


def kelly_stake_from_expectation(
    expected_profit: float, pop: float, max_loss: float, fraction: float = KELLY_FRACTION
) -> float:
    """Share of the account that fractional Kelly risks on a spread.

    The many outcomes of a spread are replaced by two: every loss is max_loss, which overstates it, and the win is what
    then keeps the expected profit, (expected_profit + (1 - pop) max_loss) / pop. For a bet with two
    outcomes this is exact.

    Parameters
    ----------
    expected_profit : float
        Dollars a package, under the real-world measure.
    pop : float
        Probability of the win, 0 to 1.
    max_loss : float
        Dollars a package, positive.
    fraction : float
        Of full Kelly, above 0 and at most 1.

    Returns
    -------
    float
        0 to 1; zero without expected profit. See `kernels.trading.sizing.kelly_share` for the formula and its source.
    """
    if not 0.0 <= pop <= 1.0:
        raise InputError("pop", pop, "must lie between 0 and 1")
    if not max_loss > 0:
        raise InputError("max_loss", max_loss, "must be positive")
    _share("kelly_fraction", fraction)
    if not (expected_profit > 0 and pop > 0 and isfinite(max_loss)):
        return 0.0
    win = (expected_profit + (1.0 - pop) * max_loss) / pop
    return fraction * float(kelly_share(pop, win, max_loss))


def share_size(
    account: float,
    risk_share: float,
    entry: float,
    stop: float,
    slippage: float = 0.0,
    buying_power: float | None = None,
) -> Size:
    """Shares such that being stopped out costs the risk share of the account, long or short.

    Parameters
    ----------
    account, risk_share
        As in `size_position`.
    entry, stop : float
        Dollars a share; a stop above the entry is that of a short position.
    slippage : float
        Dollars a share beyond the stop at which it is expected to fill.
    buying_power : float, optional
        Dollars available, one share tying up its price.
    """
    for name, price in (("entry", entry), ("stop", stop)):
        if not 0 < price < inf:
            raise InputError(name, price, "must be a positive price")
    if entry == stop:
        raise InputError("stop", stop, "equals the entry", "put it where the trade is wrong")
    distance = abs(entry - stop) + _at_least_zero("slippage", slippage)
    return _shares(account, risk_share, distance, entry, buying_power)


def atr_share_size(
    account: float,
    risk_share: float,
    atr: float,
    multiple: float = 1.0,
    price: float | None = None,
    buying_power: float | None = None,
    slippage: float = 0.0,
) -> Size:
    """Shares with a stop so many average true ranges (dollars a share) away; otherwise as `share_size`.

    Without a price the buying power used is NaN, and the available buying power does not cap.
    """
    if not 0 < atr * multiple < inf:
        raise InputError("atr", atr, f"times {multiple:g} must be a positive distance in dollars")
    if price is not None and not 0 < price < inf:
        raise InputError("entry", price, "must be a positive price")
    return _shares(account, risk_share, atr * multiple + _at_least_zero("slippage", slippage), price, buying_power)


def _shares(account: float, risk_share: float, distance: float, price: float | None, available: float | None) -> Size:
    risk = _risk_budget(account, risk_share)
    caps = [_Cap("risk", risk, distance, f"one share risks ${distance:,.2f}, the limit is ${risk:,.2f}")]
    if price is not None and available is not None:
        costs = f"one share costs ${price:,.2f}, ${available:,.2f} is available"
        caps.append(_Cap("buying_power", _number("buying_power", available), price, costs))
    return _tightest(caps, distance, nan if price is None else price, risk_share)


def risk_warning(risk_share: float) -> str:
    """Warn of a risk share that the strategy would not take; empty for a prudent one."""
    if risk_share <= PRUDENT_RISK * (1 + 1e-9):
        return ""
    return f"risks {risk_share:.1%} of the account on one position where the strategy risks 1 to 2%"


def _risk_budget(account: float, risk_share: float) -> float:
    if not 0 < account < inf:
        raise InputError("account", account, "must be a positive number of dollars")
    return account * _share("risk", risk_share)


def _share(name: str, value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise InputError(name, value, "must be above 0 and at most 1", "1% is 0.01")
    return value


def _at_least_zero(name: str, value: float) -> float:
    if not 0.0 <= value < inf:
        raise InputError(name, value, "must be zero or more")
    return float(value)


def _number(name: str, value: float) -> float:
    if not isfinite(value):
        raise InputError(name, value, "must be a number of dollars")
    return float(value)
