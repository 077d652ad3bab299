"""Daily bars: gaps, jumps, restatement for splits, and the average true range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from iwm_opts.errors import InputError
from iwm_opts.market.calendar import sessions
from iwm_opts.market.signals import session_steps

Method = Literal["wilder", "simple"]

ATR_PERIOD: Final = 14  # sessions, as in Wilder 1978
PRICES: Final = ["open", "high", "low", "close"]
SPLITS: Final = "split"  # factor of as-traded prices (Alpha Vantage, Tiingo); other layouts come adjusted for splits
SINGLE_PRECISION: Final = 1e-6  # share of the price: some vendors store prices so, column by column
STRETCH: Final = 5  # sessions in a row that make a stretch worth naming
SHOWN: Final = 4  # of them in a note
JUMP: Final = 0.35  # log of an overnight price ratio, 1.42 or 0.70, that no session of a fund has shown: a split
LONG_JUMP: Final = 0.6  # likewise across a stretch without bars: 0.53 in 23 sessions of 2020
SMALL_SPLITS: Final = np.log([5 / 7, 3 / 4, 4 / 5, 5 / 6, 10 / 11])  # 7:5 to 11:10, of the size of crashes
NEIGHBOURS: Final = 10  # sessions on either side that a small split is compared with
FEWEST_NEIGHBOURS: Final = 8
SPLIT_SIGMAS: Final = 8.0  # standard deviations of the overnight moves around it, at least; crashes have turmoil around
EXACT_SIGMAS: Final = 4.0  # by which the opening may differ from the split's ratio
EXACT: Final = 0.02  # likewise, log
CALM: Final = 2.0  # times the usual range of a day, at most: 2001-09-17 and 2015-08-24 had 3 to 5
LEAST_SIGMA: Final = 0.001
MEDIAN_OF_NORMAL: Final = 0.6745  # median of |z|
MOST_BAD: Final = 5  # bars in a row that are taken for wrong, where prices go on behind them as before
LARGEST_RANGE: Final = 0.7  # log of high over low, a factor of two, that no session of a fund has shown: a wrong tick


@dataclass(frozen=True, slots=True)
class Atr:
    """Average true range as it was known before a day."""

    value: float  # dollars a share
    value_date: date  # last session in it
    share_of_price: float  # of that session's close
    period: int
    method: Method


def adjusted_for_splits(bars: pd.DataFrame) -> pd.DataFrame:
    """Bars as traded, with a `split` factor on its day, restated as after the last split."""
    # A split takes effect on its own day: what precedes it is divided by the product of all later coefficients.
    later = bars[SPLITS][::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
    adjusted = bars.drop(columns=SPLITS)
    cash = [column for column in [*PRICES, "dividend"] if column in adjusted]
    adjusted[cash] = adjusted[cash].div(later, axis=0)
    if "volume" in adjusted:
        adjusted["volume"] *= later
    return adjusted


def price_jumps(bars: pd.DataFrame) -> "pd.Series[float]":
    """Days whose open lies so far from the close of the bar before that only an unadjusted split explains it.

    A split from 7:5 to 11:10 is as small as the worst openings of funds. It is one where the ratio is near exact, many
    standard deviations of the overnight moves around it, and the day's range is usual.

    Returns
    -------
    Series of float
        Open over the close before, dated by the day.
    """
    ratio = bars["open"] / bars["close"].shift(1)
    moves = np.log(ratio.to_numpy(dtype=np.float64))
    ranges = np.log(bars["high"].to_numpy(dtype=np.float64) / bars["low"].to_numpy(dtype=np.float64))
    steps = session_steps(bars)  # across missing sessions a price moves further
    is_jump = np.abs(moves) > np.where(steps > STRETCH, LONG_JUMP, JUMP)
    is_small = (moves > SMALL_SPLITS.min() - EXACT) & (moves < SMALL_SPLITS.max() + EXACT)
    is_small &= steps == 1
    for place in np.flatnonzero(is_small).tolist():
        first = max(place - NEIGHBOURS, 0)
        others = np.delete(moves[first : place + NEIGHBOURS + 1], place - first)
        others = others[np.isfinite(others)]
        if len(others) < FEWEST_NEIGHBOURS:
            continue
        sigma = max(float(np.median(np.abs(others))) / MEDIAN_OF_NORMAL, LEAST_SIGMA)
        is_exact = np.abs(moves[place] - SMALL_SPLITS).min() <= min(EXACT_SIGMAS * sigma, EXACT)
        is_calm = ranges[place] <= CALM * np.median(ranges[first : place + NEIGHBOURS + 1])
        is_jump[place] |= is_exact and is_calm and -moves[place] >= SPLIT_SIGMAS * sigma
    jumps: pd.Series[float] = ratio[is_jump]
    return jumps


def wrong_bars(bars: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each bar is wrong: prices behind it go on as before it, or its range is none of a session.

    At most `MOST_BAD` in a row. Where prices stay on the other side it is an unadjusted split: `price_jumps`.
    """
    opened, closed, high, low = (bars[name].to_numpy(dtype=np.float64) for name in ("open", "close", "high", "low"))
    wrong: NDArray[np.bool_] = np.log(high / low) > LARGEST_RANGE
    jumps = price_jumps(bars)
    for place, ratio in zip(bars.index.get_indexer(jumps.index).tolist(), jumps, strict=True):
        if wrong[place - 1 : place + 1].any():
            continue
        near = min(JUMP, 0.5 * abs(math.log(ratio)))
        runs = ((first, first + size) for size in range(1, MOST_BAD + 1) for first in range(place - size, place + 1))
        for first, behind in runs:
            if first > 0 and behind < len(bars) and abs(math.log(opened[behind] / closed[first - 1])) <= near:
                wrong[first:behind] = True
                break
    return wrong


def missing_sessions(bars: pd.DataFrame) -> list[date]:
    """Trading days of the exchange between the first and the last bar, daily or of minutes, that have none."""
    days = bars.index.to_numpy(dtype="datetime64[D]")
    expected = sessions(bars.index[0].date(), bars.index[-1].date())
    gaps: list[date] = expected[~np.isin(expected, days)].tolist()
    return gaps


def gap_words(gaps: Sequence[date]) -> str:
    """Name some of the days in a list of sessions: its long stretches, else the first days."""
    calendar = sessions(gaps[0], gaps[-1])
    places = np.searchsorted(calendar, np.array(gaps, dtype="datetime64[D]"))
    parts = np.split(np.array(gaps, dtype=object), np.flatnonzero(np.diff(places) > 1) + 1)
    stretches = [f"{part[0]} to {part[-1]}" for part in parts if len(part) >= STRETCH]
    return ", ".join(stretches[:SHOWN]) or ", ".join(map(str, gaps[:SHOWN]))


def true_range(bars: pd.DataFrame) -> "pd.Series[float]":
    """Largest of high - low, |high - previous close| and |low - previous close|, dollars a share (Wilder 1978).

    The first bar has no previous close: high - low.
    """
    before = bars["close"].shift(1)
    top = bars["high"].where(~(before > bars["high"]), before)
    bottom = bars["low"].where(~(before < bars["low"]), before)
    return top - bottom


def average_true_range(bars: pd.DataFrame, period: int = ATR_PERIOD, method: Method = "wilder") -> "pd.Series[float]":
    """Average true range after each session, dollars a share; NaN for the first `period` - 1.

    Parameters
    ----------
    bars : DataFrame
        As from `io.bars.load_bars`. The value of a day uses that day's high, low and close: a decision taken during it
        must read the day before, as `atr` does.
    period : int
        Sessions.
    method : {"wilder", "simple"}
        Wilder's smoothing, ATR = (ATR before x (period - 1) + true range) / period from the mean of the first `period`
        true ranges on (Wilder 1978); or the mean of the last `period` true ranges.

    Raises
    ------
    InputError
        When the period is below 1, or the method is unknown.
    """
    if period < 1:
        raise InputError("period", period, "needs at least 1 session")
    ranges = true_range(bars)
    mean = ranges.rolling(period).mean()
    if method == "simple":
        return mean
    if method != "wilder":
        raise InputError("method", method, "unknown average true range", "choose wilder or simple")
    seeded = ranges.where(np.arange(len(ranges)) >= period, mean)
    return seeded.ewm(alpha=1.0 / period, adjust=False, ignore_na=True).mean()


def atr(bars: pd.DataFrame, before: date, period: int = ATR_PERIOD, method: Method = "wilder") -> Atr:
    """Average true range that a decision on a day may know: nothing dated on or after `before` is read.

    Raises
    ------
    InputError
        When fewer than `period` bars precede it, or as in `average_true_range`.
    """
    history = bars[bars.index < pd.Timestamp(before)]
    if len(history) < max(period, 1):
        raise InputError(
            "bars",
            len(history),
            f"{period} are needed before {before}",
            "give longer bars; those before an unadjusted split are left out",
        )
    value = float(average_true_range(history, period, method).iloc[-1])
    return Atr(value, history.index[-1].date(), value / float(history["close"].iloc[-1]), period, method)
