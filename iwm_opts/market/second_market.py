"""Quotes of another market within one root: contracts of before a split, or a second capture mixed in."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.conventions import counted
from iwm_opts.market.near_market import MAJORITY, near_market

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Relative distance of a pair's parity spot to the market's: stale quotes of deep options reach 0.15 in real chains
# (Yahoo's of SPY), the smallest usual split, 5 for 4, is 0.2 and more.
AWAY: Final = 0.18
YEARLY: Final = 0.06  # of the strike a year: rates and dividends move the parity spot of far expirations
SAME: Final = 0.04  # relative distance within which the parity spots of pairs are of one market
FEWEST: Final = 2  # pairs that make a market; one alone is a bad quote
BY_EXPIRATION: Final = ("VIX", "VIXW", "RVX")  # each expiration has its own future for an underlying
FAR: Final = 0.25  # fraction of spot from the nearest strike of the market, beyond which a quote is a stray
AT_ODDS: Final = 0.3  # fraction of a right's quotes without a pair; stale ones of real chains reach 0.06
NEARER: Final = 0.5  # of the distance to the prices of the first market, within which a quote is of the second


@dataclass(frozen=True, slots=True, eq=False)
class SecondMarket:
    """Rows that are not of the chain's market, and the spots that they imply."""

    rows: Mask  # shape (n,)
    spots: tuple[float, ...]  # dollars a share, one a market
    spot: float  # of the market that most pairs are of
    is_near: bool = False  # another moment's rather than of before a split
    is_decided: bool = True  # whether the chain's own market is known

    @property
    def rule(self) -> str:
        """Both spots, where neither market can be told for the chain's."""
        (other,) = self.spots
        low, high = sorted((self.spot, other))
        return f"holds two markets within one root: put-call parity says spot {low:.2f} and {high:.2f}"

    @property
    def note(self) -> str:
        """Count, spots and their ratio to the chain's."""
        if self.is_near:
            (other,) = self.spots
            return (
                f"{counted(int(self.rows.sum()), 'rows are', 'row is')} of another market, put-call parity spot "
                f"{other:.2f} ({other - self.spot:+.2f} from {self.spot:.2f}): left out"
            )
        if not self.spots:
            return (
                f"{counted(int(self.rows.sum()), 'rows')} of one right alone, far from the market's strikes or at odds "
                "with its prices, as of before a split: left out"
            )
        markets = ", ".join(f"{spot:.0f} ({spot / self.spot:.3g} times {self.spot:.2f})" for spot in self.spots)
        return (
            f"{counted(int(self.rows.sum()), 'rows are', 'row is')} of another market, put-call parity spot "
            f"{markets}, as of before a split are: left out"
        )


def second_market(quotes: pd.DataFrame, as_of: pd.Timestamp, spot: float | None = None) -> SecondMarket | None:
    """Find quotes of a second market.

    A call less its put plus the strike is about spot (put-call parity, Stoll 1969). Pairs whose value lies far from
    the one that most pairs agree on, and that agree with each other, are of a second market. A quote without its pair
    belongs to it where it contradicts the quotes of the first: a call that bids more than a call of a lower strike
    asks, a put that bids more than a put of a higher strike asks.
    Where all pairs are of one market, the quotes of one right without a pair are of another if at least `AT_ODDS` of
    them contradict the pairs.

    Parameters
    ----------
    quotes : DataFrame, n rows
        expiration, root, right, strike, bid, ask of one capture.
    as_of : Timestamp
        Quote day.
    spot : float, optional
        Price of the underlying, where known; else that of most pairs.

    Returns
    -------
    SecondMarket or None
        None where all quotes are of one market.
    """
    pairs = _pairs(quotes)
    if len(pairs) < FEWEST + 1:
        return None
    market = _far_market(quotes, pairs, as_of, spot) or _near_market(quotes, pairs, as_of, spot)
    if market is not None and market.spots:
        return market
    rows = _at_odds(quotes, pairs)
    if market is not None:
        rows |= market.rows
    middle = float(np.median(_centres(pairs, spot))) if market is None else market.spot
    return SecondMarket(rows, (), middle) if rows.any() else None


def _near_market(
    quotes: pd.DataFrame, pairs: pd.DataFrame, as_of: pd.Timestamp, spot: float | None
) -> SecondMarket | None:
    if pairs["root"].isin(BY_EXPIRATION).any():
        return None
    near = near_market(pairs, as_of, spot)
    if near is None:
        return None
    rows, trusted = _of_pairs(quotes, pairs[near.pairs]), _of_pairs(quotes, pairs[~near.pairs])
    rows |= _unpaired(quotes, rows, trusted)
    return SecondMarket(rows, (near.other,), near.spot, is_near=True, is_decided=near.is_decided)


def _far_market(
    quotes: pd.DataFrame, pairs: pd.DataFrame, as_of: pd.Timestamp, spot: float | None
) -> SecondMarket | None:
    """Quotes of before a split: their pairs agree on a spot far from that of most."""
    is_given = spot is not None and spot > 0.0
    centre = _centres(pairs, spot if is_given else None)
    years = np.maximum((pairs["expiration"] - as_of).dt.days.to_numpy() / 365.0, 0.0)
    slack = AWAY * centre + YEARLY * years * pairs["strike"].to_numpy()
    is_far = (pairs["high"].to_numpy() < centre - slack) | (pairs["low"].to_numpy() > centre + slack)
    values = pairs["spot"].to_numpy()
    spots = _clusters(values[is_far])
    if is_far.all() or (is_far.mean() > 0.5 and not spots):
        return None
    middle = float(np.median(centre[~is_far]))
    if not spots:
        strays = _strays(quotes, pairs[~is_far], middle, is_known=False)
        return SecondMarket(strays, (), middle) if strays.any() else None
    members = [int((np.abs(values[is_far] / other - 1.0) <= 2.0 * SAME).sum()) for other in spots]
    if not is_given and (~is_far).sum() < MAJORITY * ((~is_far).sum() + sum(members)):
        other = spots[int(np.argmax(members))]
        return SecondMarket(np.zeros(len(quotes), dtype=np.bool_), (other,), middle, is_decided=False)
    near = np.min([np.abs(values / other - 1.0) for other in spots], axis=0) <= 2.0 * SAME
    rows, paired = _of_pairs(quotes, pairs[is_far & near]), _of_pairs(quotes, pairs[~is_far])
    rows |= _unpaired(quotes, rows, paired)
    rows |= _strays(quotes, pairs[~is_far], middle, is_known=True) & ~paired
    return SecondMarket(rows, tuple(sorted(spots)), middle)


def _unpaired(quotes: pd.DataFrame, second: Mask, trusted: Mask) -> Mask:
    """Quotes of neither market's pairs that contradict the first, or lie nearer the prices of the second.

    Prices between strikes are those of the neighbours; a quote beyond the strikes of one market is of the other, one
    beyond both of that whose strikes are nearer.
    """
    candidates = ~second & ~trusted
    flags = _contradicting(quotes, candidates, trusted)
    if not candidates.any():
        return flags
    strike = quotes["strike"].to_numpy(dtype=np.float64)
    mid = 0.5 * (quotes["bid"] + quotes["ask"]).to_numpy(dtype=np.float64)
    groups: dict[Any, Any] = quotes.groupby(["expiration", "root", "right"]).indices
    for rows in groups.values():
        rest = rows[candidates[rows]]
        if not len(rest):
            continue
        (first, outside), (other, beyond) = (
            _distances(strike[rest], mid[rest], strike[rows[market[rows]]], mid[rows[market[rows]]])
            for market in (trusted, second)
        )
        flags[rest] |= np.where((outside > 0.0) | (beyond > 0.0), beyond < outside, other < NEARER * first)
    return flags


def _distances(strike: Array, price: Array, strikes: Array, prices: Array) -> tuple[Array, Array]:
    """Distance of quotes from the prices of a market, and from the range of its strikes."""
    if not len(strikes):
        return np.full(len(strike), np.inf), np.full(len(strike), np.inf)
    order = np.argsort(strikes, kind="stable")
    outside = np.maximum(np.maximum(strikes.min() - strike, strike - strikes.max()), 0.0)
    return np.abs(price - np.interp(strike, strikes[order], prices[order])), outside


def _strays(quotes: pd.DataFrame, pairs: pd.DataFrame, spot: float, *, is_known: bool) -> Mask:
    """Quotes without a pair, far from every strike of the market: all of them where a second market is known.

    It is where quotes or spot of the first contradict at least `FEWEST` of them, and quotes that are nearer and
    contradict the first are then of it too; of fewer, those alone are taken.
    """
    strike, right = quotes["strike"].to_numpy(dtype=np.float64), (quotes["right"] == "C").to_numpy()
    flags, trusted = np.zeros(len(quotes), dtype=np.bool_), _of_pairs(quotes, pairs)
    expiration = quotes["expiration"].to_numpy()
    for day in np.unique(expiration):
        here = np.flatnonzero(expiration == day)
        listed = np.sort(strike[here[trusted[here]]])
        if not len(listed):
            continue
        at = np.searchsorted(listed, strike[here])
        below, above = listed[np.maximum(at - 1, 0)], listed[np.minimum(at, len(listed) - 1)]
        apart = np.minimum(np.abs(strike[here] - below), np.abs(strike[here] - above))
        flags[here[~trusted[here] & (apart > FAR * spot)]] = True
    if is_known:
        return flags
    intrinsic = np.where(right, spot - strike, strike - spot)
    is_too_cheap = quotes["ask"].to_numpy(dtype=np.float64) < intrinsic - AWAY * spot
    proven = flags & (is_too_cheap | _contradicting(quotes, flags, trusted))
    if proven.sum() >= FEWEST:
        return flags | _contradicting(quotes, ~trusted, trusted)
    return proven


def _at_odds(quotes: pd.DataFrame, pairs: pd.DataFrame) -> Mask:
    """Quotes without a pair: all of a right, where many of them contradict the pairs."""
    trusted = _of_pairs(quotes, pairs)
    contradicting, is_call = _contradicting(quotes, ~trusted, trusted), (quotes["right"] == "C").to_numpy()
    flags = np.zeros(len(quotes), dtype=np.bool_)
    for right in (is_call, ~is_call):
        unpaired = right & ~trusted
        if (contradicting & right).sum() >= max(FEWEST, AT_ODDS * unpaired.sum()):
            flags |= unpaired
    return flags


def _pairs(quotes: pd.DataFrame) -> pd.DataFrame:
    """Return calls and puts of one strike with an ask each: their rows, and the range of spots that parity allows."""
    bid, ask, strike = (quotes[name].to_numpy(dtype=np.float64) for name in ("bid", "ask", "strike"))
    expiration = quotes["expiration"].to_numpy().astype(np.int64)
    root, names = pd.factorize(quotes["root"])
    right = (quotes["right"] == "P").to_numpy(dtype=np.int64)
    # A contract may occur twice, before repeats are left out: the first call goes with the first put.
    again = quotes.groupby(["expiration", "root", "strike", "right"]).cumcount().to_numpy()
    rows = np.flatnonzero((ask > 0.0) & (bid >= 0.0) & (ask >= bid))
    rows = rows[np.lexsort([key[rows] for key in (right, again, strike, root, expiration)])]
    same = np.logical_and.reduce([key[rows][1:] == key[rows][:-1] for key in (again, strike, root, expiration)])
    at = np.flatnonzero(same & (np.diff(right[rows]) == 1))  # a call, then its put
    call, put = rows[at], rows[at + 1]
    low, high = bid[call] - ask[put] + strike[call], ask[call] - bid[put] + strike[call]
    return pd.DataFrame(
        {
            "expiration": quotes["expiration"].to_numpy()[call],
            "root": np.asarray(names, dtype=object)[root[call]],
            "strike": strike[call],
            "low": low,
            "high": high,
            "spot": 0.5 * (low + high),
            "call": call,
            "put": put,
        }
    )


def _of_pairs(quotes: pd.DataFrame, pairs: pd.DataFrame) -> Mask:
    """Rows of the calls and puts of some pairs."""
    rows = np.zeros(len(quotes), dtype=np.bool_)
    rows[pairs[["call", "put"]].to_numpy().ravel()] = True
    return rows


def _centres(pairs: pd.DataFrame, spot: float | None) -> Array:
    """Spot of the market of each pair, shape (n,): one for shares, one an expiration where futures underlie (VIX)."""
    values = pairs["spot"].to_numpy()
    centres = np.full(len(pairs), _commonest(values) if spot is None else spot)
    if pairs["root"].isin(BY_EXPIRATION).any():
        for _, rows in pairs.groupby("expiration").indices.items():
            centres[rows] = _commonest(values[rows])
    return centres


def _commonest(spots: Array) -> float:
    """Centre of the values that most others lie near."""
    logs = np.sort(np.log(np.maximum(spots, 1e-6)))
    ends = np.searchsorted(logs, logs + SAME, side="right")
    counts = ends - np.arange(len(logs))
    start = int(np.argmax(counts))
    return float(np.exp(np.median(logs[start : ends[start]])))


def _clusters(spots: Array) -> list[float]:
    """Centres of groups of at least `FEWEST` values that agree."""
    spots = spots[spots > 0.0]
    centres = []
    while len(spots) >= FEWEST:
        centre = _commonest(spots)
        is_near = np.abs(spots / centre - 1.0) <= 2.0 * SAME
        if is_near.sum() < FEWEST:
            break
        centres.append(centre)
        spots = spots[~is_near]
    return centres


def _contradicting(quotes: pd.DataFrame, candidates: Mask, trusted: Mask) -> Mask:
    """Candidates that quotes of the first market contradict: a call is worth less the higher its strike.

    One that asks less than a worse option bids contradicts them too.
    """
    flags = np.zeros(len(quotes), dtype=np.bool_)
    strike, bid, ask = (quotes[name].to_numpy(dtype=np.float64) for name in ("strike", "bid", "ask"))
    # The lower, the dearer: a put's strike counts from above.
    rank = np.where(quotes["right"] == "C", strike, -strike)
    groups: dict[Any, Any] = quotes.groupby(["expiration", "root", "right"]).indices
    for rows in groups.values():
        market, rest = rows[trusted[rows] & (ask[rows] > 0.0)], rows[candidates[rows] & (ask[rows] > 0.0)]
        if not len(market) or not len(rest):
            continue
        market = market[np.argsort(rank[market], kind="stable")]
        dearer = np.searchsorted(rank[market], rank[rest], side="left")
        cheaper = np.searchsorted(rank[market], rank[rest], side="right")
        least_ask = np.append(np.inf, np.minimum.accumulate(ask[market]))[dearer]
        most_bid = np.append(np.maximum.accumulate(bid[market][::-1])[::-1], -np.inf)[cheaper]
        flags[rest] = (bid[rest] > least_ask) | (ask[rest] < most_bid)
    return flags
