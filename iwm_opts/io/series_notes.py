"""Omissions and readings of series files, in the same words from every command."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, Union

import pandas as pd

from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.market.minutes import Minutes

IV_HISTORY: Final = "IV history"  # name of such a series in notes
REPEATED: Final = ("rows repeat an earlier one and are left out", "row repeats an earlier one and is left out")
NOTES: Final = "notes"  # key of `attrs` of bars and yields
SeriesData: TypeAlias = Union[pd.DataFrame, "pd.Series[Any]", IvHistory, Minutes, DividendSchedule, None]


def notes_of(series: SeriesData) -> tuple[str, ...]:
    """List the omissions and readings of a series that a file gave; none of one that it did not."""
    if isinstance(series, IvHistory | Minutes):
        return series.skipped
    if isinstance(series, DividendSchedule):
        return series.notes
    return () if series is None else tuple(series.attrs.get(NOTES, ()))


def series_notes(series: Mapping[str, SeriesData]) -> tuple[str, ...]:
    """List the omissions and readings of several series, each behind the name of its series."""
    return tuple(f"{name}: {note}" for name, data in series.items() for note in notes_of(data))
