"""One-minute bars from a file, on New York's clock, the regular session alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import TIMEZONE
from iwm_opts.errors import DataError, InputError
from iwm_opts.market.bars import PRICES, read_table
from iwm_opts.market.calendar import sessions

AMERICAN: Final = "%m/%d/%Y %H:%M"
OPENS_AT: Final = 9 * 60 + 30  # minutes after midnight
SESSION_MINUTES: Final = 390
OUTLIER: Final = 0.02  # share of price that a high or low may lie beyond both neighbours' ranges; else a bad tick
OTHER_PRICES: Final = 0.05  # share of price between the opens of minutes and of daily bars, in the median session
REMEDY: Final = "give a CSV file of one-minute bars with datetime, open, high, low, close and volume columns"


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Regular-session minutes of some sessions, and what the file held besides."""

    bars: pd.DataFrame  # see `load_minutes`
    skipped: tuple[str, ...]  # what was left out or doubted, with counts
    source: str = ""  # file, or market, that they come from

    def before(self, day: pd.Timestamp) -> "Minutes":
        """The sessions before a day."""
        return Minutes(self.bars[self.bars.index < day], self.skipped, self.source)

    def label(self, symbol: str) -> str:
        """Length of the bars, what they are of and where they come from, for a reader."""
        of = f"{bar_minutes(self.bars)}-minute bars of {symbol}"
        return f"{of} ({self.source})" if self.source else of


def bar_minutes(bars: pd.DataFrame) -> int:
    """Length of intraday bars in minutes: the usual step from one to the next."""
    return max(int(np.median(np.diff(bars["minute"]))), 1) if len(bars) > 1 else 1


def refuse_other_prices(minutes: Minutes, bars: pd.DataFrame) -> None:
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


def load_minutes(path: str | Path) -> Minutes:
    """Read one-minute bars.

    Parameters
    ----------
    path : str or Path
        CSV, gzipped if its name says so; columns by name: datetime (or date, timestamp), open, high, low, close,
        volume. Rows in any order. Times with an offset are turned to New York's clock, times without one are on it.

    Returns
    -------
    Minutes
        `bars` has ascending New York times (start of each minute) without a zone as index; open, high, low, close
        (dollars a share), volume (shares), and minute (after 9:30). A high or low that lies more than `OUTLIER` beyond
        the ranges of both neighbouring minutes is a bad tick: it is NaN, and counted. Rows outside the regular session
        and on days that are no sessions are left out and counted.

    Raises
    ------
    DataError
        When the file cannot be read, lacks a column, or a row has no time, a time twice, a price that is missing or not
        positive, a negative volume, or an open or close outside its low and high: the first such row is named.
    """
    path = Path(path)
    table = read_table(path, REMEDY)
    missing = [column for column in ("date", *PRICES, "volume") if column not in table]
    if missing:
        raise DataError(path, f"has no {missing[0]} column, only {', '.join(table.columns)}", REMEDY)
    times = _new_york(path, table["date"].astype(str))
    bars = table[[*PRICES, "volume"]].apply(pd.to_numeric, errors="coerce").astype(float)
    _refuse(path, times.duplicated().to_numpy(), table["date"], "is there twice")
    _refuse(path, ~(bars[PRICES] > 0.0).all(axis=1).to_numpy(), table["date"], "has a price that is not positive")
    _refuse(path, ~(bars["volume"] >= 0.0).to_numpy(), table["date"], "has no volume of zero or more")
    ends = bars[["open", "close"]]
    outside = (ends.max(axis=1) > bars["high"] * (1 + 1e-6)) | (ends.min(axis=1) < bars["low"] * (1 - 1e-6))
    _refuse(path, outside.to_numpy(), table["date"], "has its open or close outside low and high")
    bars = bars.set_axis(pd.DatetimeIndex(times, name="time")).sort_index()
    return _regular(path, bars)


def _regular(path: Path, bars: pd.DataFrame) -> Minutes:
    index = pd.DatetimeIndex(bars.index)
    minute = (index.hour * 60 + index.minute - OPENS_AT).to_numpy()
    days = index.to_numpy(dtype="datetime64[D]")
    is_session = np.isin(days, sessions(days[0].item(), days[-1].item()))
    regular = (minute >= 0) & (minute < SESSION_MINUTES)
    kept = bars.assign(minute=minute)[is_session & regular]
    if kept.empty:
        raise DataError(path, "has no minute of a regular session", REMEDY)
    kept, doubted = _without_bad_ticks(kept)
    counts = (
        (int((is_session & ~regular).sum()), "minutes outside the regular session left out"),
        (int((~is_session).sum()), "minutes on days that are no sessions left out"),
        (doubted, "highs or lows far outside their neighbours' taken for bad ticks"),
    )
    return Minutes(kept, tuple(f"{count:,} {what}" for count, what in counts if count), path.name)


def _without_bad_ticks(bars: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    day = pd.Series(pd.DatetimeIndex(bars.index).normalize(), index=bars.index)
    # Its own open and close vouch for a bar as its neighbours do: a crash moves them, a bad print does not.
    top = pd.concat([bars["high"].groupby(day).shift(step) for step in (1, -1)], axis=1).max(axis=1)
    bottom = pd.concat([bars["low"].groupby(day).shift(step) for step in (1, -1)], axis=1).min(axis=1)
    top = pd.concat([top, bars["open"], bars["close"]], axis=1).max(axis=1)
    bottom = pd.concat([bottom, bars["open"], bars["close"]], axis=1).min(axis=1)
    high, low = bars["high"] > top * (1.0 + OUTLIER), bars["low"] < bottom * (1.0 - OUTLIER)
    mended = bars.assign(high=bars["high"].mask(high), low=bars["low"].mask(low))
    return mended, int(high.sum() + low.sum())


def _new_york(path: Path, text: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    """Times on New York's clock, without a zone."""
    has_offset = text.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", regex=True)
    if has_offset.all():
        times = pd.to_datetime(text, errors="coerce", utc=True).dt.tz_convert(TIMEZONE).dt.tz_localize(None)
    elif has_offset.any():
        _refuse(path, has_offset.to_numpy(), text, "has an offset where other rows have none")
    else:
        times = pd.to_datetime(text, errors="coerce", format=AMERICAN)  # one known form is read fifty times faster
        times = times.fillna(pd.to_datetime(text[times.isna()], errors="coerce", format="ISO8601"))
        times = times.fillna(pd.to_datetime(text[times.isna()], errors="coerce", format="mixed"))
    _refuse(path, times.isna().to_numpy(), text, "is no time")
    return times


def _refuse(path: Path, fails: np.ndarray, label: "pd.Series[str]", rule: str) -> None:
    if fails.any():
        row = int(np.argmax(fails))
        raise DataError(path, f"row {row + 1}, {label.iloc[row]}, {rule}", "mend or remove that row")
