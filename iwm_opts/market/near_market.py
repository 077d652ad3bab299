"""A second market near the first within one root, told by put-call parity of neighbouring strikes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Measured on 131 real chains (IWM, SPY, SPX, VXX, from Cboe, Yahoo and vendors): no false alarm. Stale quotes of Yahoo
# differ from the line of their expiration too, but agree with each other in four pairs at most.
NEAR: Final = 0.10  # of spot: strikes that are looked at
TIGHT: Final = 0.02  # of spot: widest range of parity spots of a pair that tells markets apart
LINE: Final = 0.004  # of spot: around the line that most pairs of an expiration lie on
AGREE: Final = 0.0015  # of spot: range of the pairs of a second market
FEWEST: Final = 5  # pairs of an expiration that make a second market
PURE: Final = 0.75  # fraction of the pairs off the line that must agree
CARRY: Final = 0.06  # of the strike a year: steepest line, rates
SLOPES: Final = 7
DECIDED: Final = 0.25  # of the shift: farthest distance of a given spot from the market that it chooses
MAJORITY: Final = 0.6  # fraction of pairs that chooses the market where no spot is known


@dataclass(frozen=True, slots=True, eq=False)
class NearMarket:
    """Pairs that are not of the chain's market."""

    pairs: Mask  # shape (n,)
    spot: float  # of the chain's market
    other: float  # spot of the second
    is_decided: bool  # whether spot or a majority says which is the chain's


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Parity spots of one expiration: their line over strikes, and how far a second group lies above it."""

    rows: NDArray[np.intp]  # of the pairs
    deviation: Array  # from the line, in order of `rows`; from nothing without a line
    slack: Array
    level: float  # NaN without a line
    on_line: int
    shift: float  # NaN without a second group
    members: int
    off_line: Array  # deviations of the pairs of all strikes that are off the line


def jumps(low: Array, high: Array, strike: Array, same: Mask, centre: Array) -> Mask:
    """Neighbouring pairs near the money whose ranges of parity spots lie apart: shape (n - 1,).

    Parameters
    ----------
    low, high : ndarray, shape (n,)
        Range of parity spots, by expiration and strike ascending.
    strike : ndarray, shape (n,)
    same : ndarray of bool, shape (n - 1,)
        Whether the next pair is of the same expiration.
    centre : ndarray, shape (n,)
        Spot.
    """
    is_close = (np.abs(strike / centre - 1.0) < NEAR) & (high - low < TIGHT * centre)
    apart = np.maximum(low[1:] - high[:-1], low[:-1] - high[1:]) > LINE * centre[1:]
    return np.asarray(apart & same & is_close[1:] & is_close[:-1])


def near_market(pairs: pd.DataFrame, as_of: pd.Timestamp, spot: float | None) -> NearMarket | None:
    """Find pairs of a second market near the first.

    In one market the parity spots of an expiration lie on a line over the strikes, level but for interest. A second
    market is a second line, parallel, that at least `FEWEST` pairs of an expiration lie on.

    Parameters
    ----------
    pairs : DataFrame, n rows
        expiration, root, strike, low, high and spot, as of `market.second_market`.
    as_of : Timestamp
        Quote day.
    spot : float, optional
        Price of the underlying, where known; else most pairs decide.

    Returns
    -------
    NearMarket or None
        None where all pairs are of one market.
    """
    centre = spot or float(np.median(pairs["spot"]))
    lines = list(_lines(pairs, as_of, centre))
    lines = lines if any(np.isfinite(line.shift) for line in lines) else _pooled(lines, centre)
    first = next((line for line in lines if np.isfinite(line.shift)), None)
    if first is None:
        return None
    level, other = first.level, first.level + first.shift
    if spot is not None:
        is_main = abs(level - spot) <= abs(other - spot)
        is_decided = min(abs(level - spot), abs(other - spot)) <= DECIDED * abs(first.shift)
    else:
        twofold = [line for line in lines if np.isfinite(line.shift)]
        main = sum(line.on_line if line.shift * first.shift > 0.0 else line.members for line in twofold)
        total = sum(line.on_line + line.members for line in twofold)
        is_main = main >= 0.5 * total
        is_decided = max(main, total - main) >= MAJORITY * total
    level, other = (level, other) if is_main else (other, level)
    shift = other - level
    is_second = np.zeros(len(pairs), dtype=np.bool_)
    for line in lines:
        is_other = abs(line.level - other) <= DECIDED * abs(shift) if np.isnan(line.shift) else line.shift * shift < 0.0
        if np.isnan(line.level):  # too few pairs for a line
            from_other = line.deviation - other
        else:
            from_other = line.deviation if is_other else line.deviation - shift
        is_second[line.rows] = np.abs(from_other) <= np.minimum(line.slack, 0.5 * abs(shift))
    return NearMarket(is_second, level, other, is_decided)


def _lines(pairs: pd.DataFrame, as_of: pd.Timestamp, centre: float) -> Iterator[_Line]:
    """Lines of the expirations, the nearest first."""
    strike, low, high, value = (pairs[name].to_numpy(dtype=np.float64) for name in ("strike", "low", "high", "spot"))
    is_close = (np.abs(strike / centre - 1.0) < NEAR) & (high - low < TIGHT * centre)
    groups: dict[Any, Any] = pairs.groupby(["expiration", "root"], sort=True).indices
    for (expiration, _), rows in groups.items():
        close = rows[is_close[rows]]
        years = max((pd.Timestamp(expiration) - as_of).days / 365.0, 0.0)
        distance = strike - centre
        slack = LINE * centre + CARRY * years * np.abs(distance[rows])
        if len(close) < 2 * FEWEST:
            yield _Line(rows, value[rows], slack, np.nan, 0, np.nan, 0, value[:0])
            continue
        slope, level, on_line = _line(value[close], distance[close], CARRY * years, LINE * centre)
        offset = slope * distance + level
        is_off = (low[close] > (offset + LINE * centre)[close]) | (high[close] < (offset - LINE * centre)[close])
        shift, members = _shift((value - offset)[close[is_off]], AGREE * centre)
        is_second = members >= FEWEST and members >= PURE * is_off.sum()
        tight = rows[(high - low)[rows] < TIGHT * centre]
        reach = LINE * centre + CARRY * years * np.abs(distance[tight])
        apart = np.maximum(low[tight] - offset[tight], offset[tight] - high[tight]) > reach
        off_line = (value - offset)[tight[apart]]
        shift = shift if is_second else np.nan
        yield _Line(rows, (value - offset)[rows], slack, level, on_line, shift, members, off_line)


def _pooled(lines: list[_Line], centre: float) -> list[_Line]:
    """Lines with the second group that the pairs of all expirations make, where those of none are enough.

    Pairs of several expirations that agree by chance are more: twice as many must.
    """
    off_line = np.concatenate([line.off_line for line in lines])
    shift, members = _shift(off_line, AGREE * centre)
    if members < 2 * FEWEST or members < PURE * len(off_line):
        return lines
    return [
        replace(line, shift=shift, members=int((np.abs(line.off_line - shift) <= AGREE * centre).sum()))
        if np.isfinite(line.level)
        else line
        for line in lines
    ]


def _line(value: Array, distance: Array, steepest: float, width: float) -> tuple[float, float, int]:
    """Slope, level at the money, and count of the line that most values lie on."""
    best = 0.0, float(np.median(value)), 0
    for slope in np.linspace(0.0, steepest, SLOPES):
        levels = np.sort(value - slope * distance)
        ends = np.searchsorted(levels, levels + width, side="right")
        start = int(np.argmax(ends - np.arange(len(levels))))
        count = int(ends[start] - start)
        if count > best[2]:
            best = float(slope), float(np.median(levels[start : ends[start]])), count
    return best


def _shift(deviation: Array, width: float) -> tuple[float, int]:
    """Deviation that most agree on, and how many."""
    if len(deviation) < FEWEST:
        return np.nan, 0
    ordered = np.sort(deviation)
    ends = np.searchsorted(ordered, ordered + width, side="right")
    start = int(np.argmax(ends - np.arange(len(ordered))))
    return float(np.median(ordered[start : ends[start]])), int(ends[start] - start)
