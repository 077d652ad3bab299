"""Where the P&L of a trade came from: the moves of price and implied vol, and time, through the greeks of its legs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.prepared import Prepared
from iwm_opts.conventions import VOL_POINT
from iwm_opts.kernels.backtest.state import COLUMNS, DISCOUNT, FORWARD, ROOT, Trades
from iwm_opts.pricing.black import greeks
from iwm_opts.pricing.implied import black_implied_vol

Array = NDArray[np.float64]
Places = NDArray[np.int64]

PARTS: Final = ("delta_pnl", "gamma_pnl", "vega_pnl", "theta_pnl", "residual_pnl")


def attribute(prepared: Prepared, trades: Trades) -> tuple[Array, ...]:
    """Split the P&L at mid of each trade, dollars a share of the package, in the order of `PARTS`.

    From one day to the next each leg's mid changes by delta dS + gamma dS^2 / 2 + vega dIV + theta dt and a residual, a
    Taylor expansion of Black-Scholes at the start of the step (Hull 2018, Options, Futures, and Other Derivatives, 10th
    ed., section 19.7). S is the spot less the present value of the dividends before expiry, so that a drop on an
    ex-date does not count as a move; IV is the leg's own, implied by its mid. Where a leg has no IV at the start the
    step is all residual, where it has none at the end (settlement) the step has no vega. The parts sum to the P&L at
    mid.
    """
    book, prices = prepared.book, prepared.prices
    first = book.lifetimes.first[trades.package]
    count = trades.row - first + 1
    owner = np.repeat(np.arange(len(count)), count)
    steps = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    rows = first[owner] + steps
    years, prepaid, discount = _terms(prepared, trades.package[owner], steps)
    goes_on = np.append(owner[1:] == owner[:-1], False)[:-1] if len(owner) else np.zeros(0, dtype=np.bool_)
    parts = np.zeros((4, len(count)))
    days = book.days.ordinal[book.lifetimes.entry[trades.package[owner]] + steps]
    moved, passed = np.diff(prepaid), np.diff(days)
    for j in range(len(book.legs)):
        iv, leg_greeks = _leg(prepared, j, trades.package[owner], rows, years, prepaid, discount)
        delta, gamma, vega, theta = (np.asarray(x)[:-1] for x in leg_greeks)
        vol_moved = np.nan_to_num(np.diff(iv) / VOL_POINT)
        terms = np.array([delta * moved, 0.5 * gamma * moved**2, vega * vol_moved, theta * passed])
        terms = np.where(np.isfinite(terms).all(axis=0) & goes_on, terms, 0.0) * book.legs.contracts[j]
        for part, term in zip(parts, terms, strict=True):
            part += np.bincount(owner[:-1], weights=term, minlength=len(count))
    total = prices.entry.entry_mid[trades.package] + prices.closing.mid[trades.row]
    return (*parts, total - parts.sum(axis=0))


def entry_delta(prepared: Prepared, trades: Trades) -> Array:
    """Delta of each package on its day of entry, share equivalents a share of the package; unknown legs count zero."""
    book = prepared.book
    first, steps = book.lifetimes.first[trades.package], np.zeros(len(trades.package), dtype=np.int64)
    years, prepaid, discount = _terms(prepared, trades.package, steps)
    total = np.zeros(len(steps))
    for j in range(len(book.legs)):
        _, leg_greeks = _leg(prepared, j, trades.package, first, years, prepaid, discount)
        total += book.legs.contracts[j] * np.nan_to_num(leg_greeks[0])
    return total


def _leg(
    prepared: Prepared, j: int, package: Places, rows: Places, years: Array, prepaid: Array, discount: Array
) -> tuple[Array, tuple[Array, ...]]:
    """Implied vol of a leg on some rows, and its delta, gamma, vega and theta there; NaN where unknown."""
    book = prepared.book
    strike, right = book.strike[package, j], float(book.legs.right[j])
    mid = 0.5 * (np.maximum(book.bid[j, rows], 0.0) + book.ask[j, rows])
    is_live = years > 0.0
    t = np.where(is_live, years, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = -np.log(discount) / t
    iv = np.asarray(black_implied_vol(right, mid, prepaid / discount, strike, t, discount))
    leg_greeks = greeks(right, prepaid, strike, t, rate, iv)
    return iv, tuple(np.asarray(x) for x in (leg_greeks.delta, leg_greeks.gamma, leg_greeks.vega, leg_greeks.theta))


def _terms(prepared: Prepared, package: Places, steps: Places) -> tuple[Array, Array, Array]:
    """Years to expiry, prepaid forward and discount factor of packages some days into their lives."""
    book = prepared.book
    life, surface = book.lifetimes, book.arrays.surface
    settles = (life.settles[package] > 0) & (steps == (life.last - life.first)[package])
    if len(surface):
        at = np.where(settles, 0, life.surface_row[package] + steps)
        rows = surface.reshape(-1, COLUMNS)[at]
        columns = rows[:, ROOT] ** 2, rows[:, FORWARD] * rows[:, DISCOUNT], rows[:, DISCOUNT]
        years, prepaid, discount = (np.where(settles, np.nan, column) for column in columns)
        return years, np.where(settles, book.settlement[package], prepaid), discount
    place = life.entry[package] + steps
    computed: dict[tuple[int, int], tuple[float, float, float]] = {}
    terms = np.empty((3, len(place)))
    for i, (c, p) in enumerate(zip(package, place, strict=True)):
        key = int(p), int(life.expires[c])
        if key not in computed:
            computed[key] = prepared.market.terms(int(p), book.series[c])
        terms[:, i] = computed[key]
    years, forward, discount = terms
    return np.where(settles, np.nan, years), np.where(settles, book.settlement[package], forward * discount), discount
