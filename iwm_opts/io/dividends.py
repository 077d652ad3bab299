"""Cash dividends that a user gives: a list on the command line, or a file of any known layout."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.layouts.series import NAMES
from iwm_opts.io.opening import as_path
from iwm_opts.io.reader import days_of, number_columns, of_symbol, read_frame
from iwm_opts.io.schema import LARGEST_DIVIDEND, check_no_rows, series_twins
from iwm_opts.market.calendar import FIRST_DAY, LAST_DAY, is_session
from iwm_opts.market.dividends import Dividend, DividendSchedule

DATE_COLUMNS: Final = ("exdate", "exdividenddate", "exeffdate", "extag", *NAMES["date"])
AMOUNT_COLUMNS: Final = (
    "amount", "amountsplitadjusted", "dividend", "dividends", "cash", "cashamount", "divcash", "totaldistribution",
    "value", "dividende", "dividendo", "ausschttung",
)  # fmt: skip
KINDS: Final = ("action", "event", "type", "eventtype", "kind", "corporateaction")
DECIMAL_COMMA: Final = re.compile(r":\s*\d+,\d{1,3}\s*(,|$)")  # 2026-09-15:0,62: the part after the comma is not a date
LARGE: Final = 10.0  # times the median amount, above which a dividend is doubted: a slip, or a special one
YEARS: Final = range(1990, 2101)  # of ex-dates
CSV_REMEDY: Final = "name a CSV with ex_date and amount columns"


def parse_dividends(text: str, symbol: str | None = None, *, is_choice: bool = True) -> DividendSchedule:
    """Read `--dividends`: a file, a list such as ``2026-09-15:0.62,2026-12-15:0.80``, or ``none``.

    Raises InputError, DataError when an entry or a row is not an ex-date and a non-negative amount.
    """
    if not text.strip():
        raise InputError("dividends", text, "is empty", "name a file, a list of EX-DATE:AMOUNT, or none")
    if text.strip().lower() == "none":
        return DividendSchedule((), "none, as given")
    if ":" in text and not Path(text).exists():
        if DECIMAL_COMMA.search(text):
            raise InputError("dividends", text, "has a decimal comma", "write for instance 2026-09-15:0.62")
        given = []
        for part in text.split(","):
            day, _, amount = part.strip().partition(":")
            try:
                dividend = Dividend(date.fromisoformat(day), float(amount))
            except ValueError:
                raise InputError(
                    "dividends", part, "is not EX-DATE:AMOUNT", "write for instance 2026-09-15:0.62"
                ) from None
            if not 0.0 <= dividend.amount < LARGEST_DIVIDEND:
                rule = f"a dividend is zero or more, and below {LARGEST_DIVIDEND:g}"
                raise InputError("dividends", part, rule, "give dollars a share")
            if dividend.ex_date.year not in YEARS:
                rule = f"lies outside the years {YEARS[0]} to {YEARS[-1]}"
                raise InputError("dividends", part, rule, "correct the ex-date")
            given.append(dividend)
        kept, repeated = _once(given)
        for twice in _disputed(kept):
            raise InputError("dividends", text, f"gives {twice} two amounts", "give each ex-date once")
        return DividendSchedule(kept, "given", (*repeated, *_doubts(kept)))
    return load_dividends(Path(text), symbol, is_choice=is_choice)


def _once(dividends: Iterable[Dividend]) -> tuple[tuple[Dividend, ...], list[str]]:
    """Dividends in order, equal ones once, and a note that says so."""
    given = sorted(dividends)
    kept = tuple(sorted(set(given)))
    repeated = len(given) - len(kept)
    return kept, [
        counted(repeated, "rows repeat an earlier one and count once", "row repeats an earlier one and counts once")
    ] if repeated else []


def _doubts(dividends: Sequence[Dividend]) -> list[str]:
    """Name ex-dates without a session, and amounts far above the usual one: kept, as unproven."""
    notes = []
    closed = [d.ex_date for d in dividends if FIRST_DAY <= d.ex_date <= LAST_DAY and not is_session(d.ex_date)]
    if closed:
        notes.append(
            f"{counted(len(closed), 'ex-dates are not sessions', 'ex-date is not a session')}, kept "
            f"(first: {closed[0]:%A} {closed[0]})"
        )
    usual = float(np.median([dividend.amount for dividend in dividends])) if dividends else 0.0
    large = [dividend for dividend in dividends if dividend.amount > LARGE * usual]
    if large:
        first = f"${large[0].amount:g} on {large[0].ex_date}"
        notes.append(
            f"{counted(len(large), 'amounts')} above {LARGE:g} times the median of ${usual:g}, kept (first: {first})"
        )
    return notes


def _disputed(dividends: Iterable[Dividend]) -> list[date]:
    """Ex-dates with more than one amount."""
    return sorted(day for day, count in Counter(d.ex_date for d in dividends).items() if count > 1)


def load_dividends(path: Path, symbol: str | None = None, *, is_choice: bool = True) -> DividendSchedule:
    """Read a file with an ex-date and an amount column (dollars a share, split-adjusted); bars with dividends will do.

    Of a file that holds several symbols the rows of the expected one are read. Raises DataError when it is not such a
    file, holds no rows, several symbols or another, a column occurs twice, or a row lacks an ex-date from 1990 to 2100
    and amount from 0 to below 1,000: names the first. Also for an ex-date with two amounts; rows that only repeat
    another count once, and `notes` say so.
    """
    if not as_path(path).is_file():
        raise DataError(path, "is not a file and not a list of EX-DATE:AMOUNT", CSV_REMEDY, "kind")
    frame = read_frame(path, "add the dividends, or say `dividends` none")
    frame = of_symbol(frame, symbol, is_choice=is_choice)
    day, amount = (frame.column(names) for names in (DATE_COLUMNS, AMOUNT_COLUMNS))
    if (kind := frame.column(KINDS)) is not None:
        is_split = frame.cells[kind].astype(str).str.contains("split", case=False).to_numpy(dtype=bool)
        note = f"{counted(int(is_split.sum()), 'rows')} of splits left out"
        frame = frame.kept(~is_split, note) if is_split.any() else frame
    if day is None or amount is None:
        frame.raise_missing("ex-date and amount columns", "name them ex_date and amount")
    frame.check_no_twins([day, amount])
    at, day_notes = days_of(frame, day, is_daily=False)
    cells = frame.cells[amount]
    signed = frame.figured(at, pd.DataFrame({"cell": cells}))
    percent = cells.astype(str).str.strip().str.endswith("%")
    check_no_rows(signed, percent, "has an amount in per cent: dollars a share are read", "unit")
    figures, number_notes = number_columns(frame, [amount])
    twins = series_twins(frame, {"amount": amount}, {"amount": AMOUNT_COLUMNS})
    frame = frame.figured(at, figures, (*day_notes, *number_notes, *twins))
    days, amounts = [stamp.date() for stamp in at], figures[amount].to_numpy()
    sound = (amounts >= 0.0) & (amounts < LARGEST_DIVIDEND) & np.array([stamp.year in YEARS for stamp in days])
    if not sound.all():
        cell = f"{cells.iloc[int(np.argmin(sound))]!r}"[:60]
        check_no_rows(frame, pd.Series(~sound), f"{cell} is not an ex-date and amount", "amount")
    dividends = [Dividend(stamp, float(value)) for stamp, value in zip(days, amounts, strict=True)]
    kept, repeated = _once(dividend for dividend in dividends if dividend.amount > 0.0)
    for twice in _disputed(kept):
        row = max(place for place, dividend in enumerate(dividends) if dividend.ex_date == twice)
        raise DataError(
            path, f"{frame.row(row)}: {twice} has another amount before", "give each ex-date once", "ex_date"
        )
    notes = list(frame.notes)
    if zeros := int((amounts == 0.0).sum()):
        notes.append(counted(zeros, "rows of amount 0 are not dividends", "row of amount 0 is not a dividend"))
    return DividendSchedule(kept, path.name, (*notes, *repeated, *_doubts(kept)))
