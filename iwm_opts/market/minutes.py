"""One-minute bars on New York's clock, of the regular session."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.errors import InputError

OPENS_AT: Final = 9 * 60 + 30  # minutes after midnight
SESSION_MINUTES: Final = 390
OUTLIER: Final = 0.02  # share of price that a high or low may lie beyond both neighbours' ranges; else a bad tick
OTHER_PRICES: Final = 0.05  # share of price between the opens of minutes and of daily bars, in the median session


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Regular-session minutes of some sessions, and counts of other rows."""

    bars: pd.DataFrame  # see `io.minutes.load_minutes`
    skipped: tuple[str, ...]  # rows left out or doubted, with counts
    source: str = ""  # file, or market, that they come from

    def before(self, day: pd.Timestamp) -> "Minutes":
        """Sessions before a day."""
        return Minutes(self.bars[self.bars.index < day], self.skipped, self.source)

    def label(self, symbol: str) -> str:
        """Length, underlying and source of the bars as text."""
        of = f"{bar_minutes(self.bars)}-minute bars of {symbol}"
        return f"{of} ({self.source})" if self.source else of


def bar_minutes(bars: pd.DataFrame) -> int:
    """Length of intraday bars in minutes: the usual step from one to the next."""
    return max(int(np.median(np.diff(bars["minute"]))), 1) if len(bars) > 1 else 1


def check_same_prices(minutes: Minutes, bars: pd.DataFrame) -> None:
    """Refuse minutes that are of another fund than the daily bars, or adjusted otherwise.

    Raises
    ------
    InputError
        When the first minutes of most shared sessions open further than `OTHER_PRICES` from the daily opens.
    """
    first = minutes.bars[minutes.bars["minute"] == 0]["open"]
    days = pd.DatetimeIndex(first.index).normalize()
    off = float((first.to_numpy() / bars["open"].reindex(days) - 1.0).median())
    if abs(off) > OTHER_PRICES:
        rule = f"open {off:+.1%} from the daily bars in the median session: they are of another fund"
        raise InputError("minutes", minutes.source, f"{rule}, or not adjusted for a split", "give those of the bars")


def without_bad_ticks(bars: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Bars with highs and lows far beyond both neighbours as NaN, and how many."""
    day = pd.Series(pd.DatetimeIndex(bars.index).normalize(), index=bars.index)
    # Its own open and close vouch for a bar as its neighbours do: a crash moves them, a bad print does not.
    top = pd.concat([bars["high"].groupby(day).shift(step) for step in (1, -1)], axis=1).max(axis=1)
    bottom = pd.concat([bars["low"].groupby(day).shift(step) for step in (1, -1)], axis=1).min(axis=1)
    top = pd.concat([top, bars["open"], bars["close"]], axis=1).max(axis=1)
    bottom = pd.concat([bottom, bars["open"], bars["close"]], axis=1).min(axis=1)
    high, low = bars["high"] > top * (1.0 + OUTLIER), bars["low"] < bottom * (1.0 - OUTLIER)
    masked = bars.assign(high=bars["high"].mask(high), low=bars["low"].mask(low))
    return masked, int(high.sum() + low.sum())
