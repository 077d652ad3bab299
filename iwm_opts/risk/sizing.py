"""How many contracts, or shares, an account bears: the risk budget, whatever caps it, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, inf, isfinite, isnan
from typing import Final

from iwm_opts.errors import InputError
from iwm_opts.kernels.sizing import bounded_contracts, kelly_share, whole_units

LIMITS: Final = ("risk", "open_risk", "buying_power", "liquidity", "kelly", "max_contracts")  # by kernel code
PRUDENT_RISK: Final = 0.02  # the strategy risks 1 to 2% of the account on a trade
MAX_OPEN_RISK: Final = 0.06  # of the account, all positions together (Elder 2002, Come Into My Trading Room: the 6% rule)
LIQUIDITY_SHARE: Final = 0.10  # of the thinnest leg's open interest, volume or quoted size
KELLY_FRACTION: Final = 0.25  # of full Kelly: its inputs are estimates
BARE_SHARE_LIMIT: Final = 0.5  # above this a share without % is more likely a percentage


@dataclass(frozen=True, slots=True)
class Size:
    """A position in contracts (or shares), in dollars for all of it."""

    contracts: int
    risk: float
    buying_power: float
    limited_by: str  # one of LIMITS
    reason: str  # the limit that binds, with its numbers
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What caps a position besides the account's risk share; None does not cap."""

    open_risk: float = 0.0  # dollars at risk in positions already on
    max_open_risk: float = MAX_OPEN_RISK  # share of the account, this position included
    buying_power: float | None = None  # dollars available
    liquidity: int | None = None  # contracts; see `liquidity_cap`
    kelly: float | None = None  # share of the account to stake, the fraction of full Kelly applied
    max_contracts: int | None = None


def size_position(
    account: float, risk_share: float, max_loss: float, buying_power: float | None = None, limits: Limits | None = None
) -> Size:
    """Contracts of a defined-risk package that an account bears.

    Parameters
    ----------
    account : float
        Dollars.
    risk_share : float
        Share of the account to risk on this position, 0 to 1.
    max_loss : float
        Dollars one package can lose, positive; infinite gives zero contracts.
    buying_power : float, optional
        Dollars one package ties up; max_loss unless given.
    limits : Limits, optional

    Returns
    -------
    Size
        floor(account x risk_share / max_loss), or what a tighter limit allows; the first of LIMITS that binds is named.

    Raises
    ------
    InputError
        When account, risk share or max_loss break their rule.
    """
    limits = limits or Limits()
    risk = _risk_budget(account, risk_share)
    if not max_loss > 0:
        raise InputError("max_loss", max_loss, "must be positive", "a package that cannot lose has a bad quote; check its legs")
    if not (limits.open_risk >= 0 and isfinite(limits.open_risk)):
        raise InputError("open_risk", limits.open_risk, "must be zero or more dollars")
    each = max_loss if buying_power is None else buying_power
    budgets = {
        "risk": risk,
        # Without anything on, the share for this position is the account's own choice, whatever the ceiling for all.
        "open_risk": inf if limits.open_risk == 0 else account * _share("max_open_risk", limits.max_open_risk) - limits.open_risk,
        "buying_power": _or_inf(limits.buying_power),
        "liquidity": _or_inf(limits.liquidity),
        "kelly": inf if limits.kelly is None else account * limits.kelly,
        "max_contracts": _or_inf(limits.max_contracts),
    }  # fmt: skip
    contracts, code = bounded_contracts(max_loss, each, *(float(budgets[name]) for name in LIMITS))
    reason = _reason(LIMITS[code], budgets[LIMITS[code]], max_loss, each, contracts)
    # max_loss may be infinite, and zero contracts of it risk nothing.
    held = (contracts * max_loss, contracts * each) if contracts else (0.0, 0.0)
    return Size(int(contracts), *held, LIMITS[code], reason, risk_warning(risk_share))


def _or_inf(limit: float | None) -> float:
    return inf if limit is None else float(limit)


def _reason(limit: str, budget: float, max_loss: float, each: float, contracts: int) -> str:
    if not isfinite(max_loss):
        return "the loss is unlimited: no share of an account bears it"
    a_contract = f"one contract risks ${max_loss:,.2f}"
    sentences = {
        "risk": f"{a_contract}, the limit is ${budget:,.2f}",
        "open_risk": f"{a_contract}, positions already on leave ${max(budget, 0.0):,.2f} of the open risk allowed",
        "buying_power": f"one contract ties up ${each:,.2f}, ${budget:,.2f} is available",
        "liquidity": f"liquidity allows {budget:,.0f} contracts",
        "kelly": f"{a_contract}, Kelly stakes ${budget:,.2f}",
        "max_contracts": f"no more than {budget:,.0f} contracts are wanted",
    }
    if limit == "kelly" and budget <= 0 and contracts == 0:
        return "Kelly stakes nothing: the expected profit is not positive"
    return sentences[limit]


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
    known = [size for size in sizes if not isnan(size)]
    return int(whole_units(min(known) * _share("liquidity_share", share), 1.0)) if known else None


def kelly_stake(pop: float, win: float, loss: float, fraction: float = KELLY_FRACTION) -> float:
    """Share of the account that fractional Kelly risks on a bet with two outcomes.

    Parameters
    ----------
    pop : float
        Probability of the win, 0 to 1.
    win, loss : float
        Dollars won or lost, both positive.
    fraction : float
        Of full Kelly, 0 to 1. See `kernels.sizing.kelly_share` for the formula and its source.
    """
    if not 0.0 <= pop <= 1.0:
        raise InputError("pop", pop, "must lie between 0 and 1")
    if not loss > 0:
        raise InputError("max_loss", loss, "must be positive")
    return _share("kelly_fraction", fraction) * float(kelly_share(pop, win, loss))


def kelly_stake_from_expectation(
    expected_profit: float, pop: float, max_loss: float, fraction: float = KELLY_FRACTION
) -> float:
    """Share of the account that fractional Kelly risks, from an expected profit.

    The many outcomes of a spread are replaced by two: every loss is max_loss, which overstates it, and the win is what
    then keeps the expected profit, (expected_profit + (1 - pop) max_loss) / pop. Zero without expected profit or pop.
    """
    if not (expected_profit > 0 and pop > 0):
        return 0.0
    return kelly_stake(pop, (expected_profit + (1.0 - pop) * max_loss) / pop, max_loss, fraction)


def share_size(
    account: float,
    risk_share: float,
    entry: float,
    stop: float,
    slippage: float = 0.0,
    buying_power: float | None = None,
) -> Size:
    """Shares such that being stopped out costs the risk share of the account, either way round.

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
    for name, value in (("entry", entry), ("stop", stop)):
        if not (value > 0 and isfinite(value)):
            raise InputError(name, value, "must be a positive price")
    if not slippage >= 0:
        raise InputError("slippage", slippage, "must be zero or more dollars a share")
    if entry == stop:
        raise InputError("stop", stop, "equals the entry", "put it where the trade is wrong")
    return _shares(account, risk_share, abs(entry - stop) + slippage, entry, buying_power)


def atr_share_size(
    account: float,
    risk_share: float,
    atr: float,
    multiple: float = 1.0,
    price: float | None = None,
    buying_power: float | None = None,
) -> Size:
    """Shares with a stop so many average true ranges away: floor(account x risk_share / (atr x multiple)).

    `price` is needed only for the buying power used, which is NaN without it, and for its cap.
    """
    if not atr * multiple > 0:
        raise InputError("atr", atr, f"times {multiple:g} must be a positive distance in dollars")
    return _shares(account, risk_share, atr * multiple, price, buying_power)


def _shares(account: float, risk_share: float, distance: float, price: float | None, available: float | None) -> Size:
    risk = _risk_budget(account, risk_share)
    shares, limit = int(whole_units(risk, distance)), "risk"
    reason = f"one share risks ${distance:,.2f}, the limit is ${risk:,.2f}"
    if price is not None and available is not None and whole_units(available, price) < shares:
        shares, limit = int(whole_units(available, price)), "buying_power"
        reason = f"one share costs ${price:,.2f}, ${available:,.2f} is available"
    cost = float("nan") if price is None else shares * price
    return Size(shares, shares * distance, cost, limit, reason, risk_warning(risk_share))


def _risk_budget(account: float, risk_share: float) -> float:
    if not (account > 0 and isfinite(account)):
        raise InputError("account", account, "must be a positive number of dollars")
    return account * _share("risk", risk_share)


def _share(name: str, value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise InputError(name, value, "must be above 0 and at most 1", "1% is 0.01")
    return value


def risk_warning(risk_share: float) -> str:
    """What to say of a risk share that the strategy would not take; empty for a prudent one."""
    if risk_share <= PRUDENT_RISK * (1 + 1e-9):
        return ""
    losses = floor(0.5 / risk_share)
    return (
        f"risks {risk_share:.1%} of the account on one position; the strategy risks 1 to 2%"
        + (f", and {losses} full losses in a row halve it" if losses else "")
    )  # fmt: skip


def parse_share(text: str, name: str = "risk") -> float:
    """Read a share of something: `1%` and `0.01` mean the same.

    A bare number above 0.5 is refused: `1` may mean 1% or all of it.
    """
    stripped = text.strip()
    try:
        value = float(stripped.removesuffix("%")) / (100.0 if stripped.endswith("%") else 1.0)
    except ValueError:
        raise InputError(name, text, "is no share", "write 1% or 0.01") from None
    if value > BARE_SHARE_LIMIT and not stripped.endswith("%"):
        raise InputError(name, text, "may mean a share or a percentage", f"write {value:g}% for {value:g} in a hundred")
    return _share(name, value)
