"""Entry selection: the package that an entry rule picks from the quotes of an expiration."""

import numpy as np
from numpy.typing import NDArray

from iwm_opts.kernels.panel.options import SideRule, choose_packages
from iwm_opts.simulation.quotes import QuotedExpiration
from iwm_opts.spreads.entry_rule import LEGS, EntryRule, or_nan

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


def select_packages(
    rule: EntryRule,
    index: Places,
    strike_start: Places,
    strike: Array,
    quotes: Array,
    delta: tuple[Array, Array],
    spot: Array,
    stdev: Array,
) -> tuple[Array, Flags]:
    """Package of a rule on each of some slices: anchors by delta, wings by width or delta, over quoted options.

    Parameters
    ----------
    rule : EntryRule
    index : ndarray of int, shape (n,)
        Slices.
    strike_start : ndarray of int, shape (S + 1,)
    strike : ndarray, shape (N,)
        Ascending in each slice.
    quotes : ndarray, shape (4, N)
        As `market.panel.Panel.quotes`.
    delta : pair of ndarray, shape (N,)
        Of calls and of puts; NaN where no vol is implied.
    spot, stdev : ndarray, shape (n,)
        Dollars; of the price to expiration. NaN where no wing is in it.

    Returns
    -------
    strikes : ndarray, shape (n, legs)
        Ascending; NaN where the package lacks a leg.
    is_whole : ndarray of bool, shape (n,)
    """
    rights = np.array(LEGS[rule.strategy][1])
    puts, calls = int((rights < 0).sum()), int((rights > 0).sum())
    chosen, is_whole = np.empty((len(index), len(rights))), np.empty(len(index), dtype=np.bool_)
    put = SideRule(puts, float(rule.put_delta), rule.put_wing.slack, or_nan(rule.put_wing.delta))
    call = SideRule(calls, float(rule.call_delta), rule.call_wing.slack, or_nan(rule.call_wing.delta))
    put_width, call_width = (
        np.array([wing.distance(*of_slice) for of_slice in zip(spot, stdev, strict=True)], dtype=np.float64)
        for wing in (rule.put_wing, rule.call_wing)
    )
    choose_packages(index, strike_start, strike, quotes, *delta, put, put_width, call, call_width, chosen, is_whole)
    return chosen, is_whole


def select_package(rule: EntryRule, quoted: QuotedExpiration, spot: float) -> Array | None:
    """Strikes of the package that a rule picks from an expiration of the surface model; None where a leg is missing."""
    vol = float(np.interp(quoted.forward, quoted.strike, quoted.vol[0]))
    stdev = np.array([quoted.forward * vol * quoted.years**0.5])
    strike = np.array(quoted.strike, dtype=np.float64)  # kernels take writable arrays
    call, put = ((quoted.bid[side], quoted.ask[side]) for side in (0, 1))
    quotes = np.array([*call, *put], dtype=np.float64)
    delta = np.array(quoted.delta[0], dtype=np.float64), np.array(quoted.delta[1], dtype=np.float64)
    whole = np.array([0, len(strike)], dtype=np.int64)
    chosen, is_whole = select_packages(
        rule, np.zeros(1, dtype=np.int64), whole, strike, quotes, delta, np.array([spot]), stdev
    )
    return chosen[0] if is_whole[0] else None
