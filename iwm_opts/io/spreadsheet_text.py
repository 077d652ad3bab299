"""Text cells of CSV files: spreadsheets read what begins with = + - @ as a formula, so an apostrophe goes before it."""

import os
from contextlib import suppress
from typing import Any, Final

import pandas as pd

RAW_VARIABLE: Final = "IWM_OPTS_RAW_CSV"  # set to 1: cells as they are
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full width: East Asian spreadsheets
GUARD: Final = "'"


def guarded(cell: Any) -> Any:
    """Cell as a spreadsheet shows it; numbers and other text stay as they are."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA) or os.environ.get(RAW_VARIABLE) == "1":
        return cell
    with suppress(ValueError):
        float(cell)
        return GUARD + cell if "_" in cell else cell
    return GUARD + cell


def unguarded(cell: str) -> str:
    """Cell as it was before `guarded`."""
    return cell[1:] if cell[:1] == GUARD and cell[1:].startswith(FORMULA) else cell


def guarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Table with its text columns guarded."""
    texts = frame.select_dtypes(include=["object", "string"]).columns
    return frame.assign(**{name: frame[name].map(guarded) for name in texts})
