"""Cash dividends ahead: given by the user, or last year's projected and named so."""

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from iwm_opts.errors import DataError, InputError

if TYPE_CHECKING:
    import pandas as pd

ONE_YEAR = timedelta(days=364)  # whole weeks: a dividend keeps its weekday
SAME_PAYMENT = timedelta(days=20)  # a projection this close to a known ex-date is that payment
DATE_COLUMNS = ("ex_date", "exdate", "date")
DECIMAL_COMMA = re.compile(r":\s*\d+,\d{1,3}\s*(,|$)")  # 2026-09-15:0,62: what follows the comma is no date
YEARS = range(1990, 2101)  # of ex-dates
LARGEST = 1000.0  # dollars a share: more is no dividend but a price or a total
CSV_REMEDY = "name a CSV with ex_date and amount columns"
AMOUNT_COLUMNS = ("amount", "amount_split_adjusted", "dividend", "dividends", "cash")


@dataclass(frozen=True, slots=True, order=True)
class Dividend:
    """One cash dividend, dollars a share."""

    ex_date: date
    amount: float
    projected: bool = False


@dataclass(frozen=True, slots=True)
class DividendSchedule:
    """Dividends known or projected, in order of ex-date; `None` in place of a schedule means nobody said."""

    dividends: tuple[Dividend, ...]
    source: str

    def between(self, after: date, until: date) -> tuple[Dividend, ...]:
        """Dividends with an ex-date after `after` and up to `until`."""
        return tuple(d for d in self.dividends if after < d.ex_date <= until)

    def projected_to(self, today: date, until: date) -> "DividendSchedule":
        """The schedule as seen on `today`, carried on to `until` by repeating the last year's payments.

        Payments that are given keep their place; a projected one is dropped where a given one is near.
        """
        given = list(self.dividends)
        past_year = [d for d in given if today - ONE_YEAR <= d.ex_date <= today] or given[-4:]
        found = list(given)
        for payment in past_year:
            ex_date = payment.ex_date + ONE_YEAR
            while ex_date <= until:
                if ex_date > today and all(abs(ex_date - d.ex_date) > SAME_PAYMENT for d in found):
                    found.append(Dividend(ex_date, payment.amount, projected=True))
                ex_date += ONE_YEAR
        return DividendSchedule(tuple(sorted(found)), self.source)


def parse_dividends(text: str) -> DividendSchedule:
    """Read `--dividends`: a file, a list such as ``2026-09-15:0.62,2026-12-15:0.80``, or ``none``.

    Raises
    ------
    InputError, DataError
        When an entry or a row is not an ex-date and a non-negative amount.
    """
    if not text.strip():
        raise InputError("dividends", text, "is empty", "name a file, a list of EX-DATE:AMOUNT, or none")
    if text.strip().lower() == "none":
        return DividendSchedule((), "none, as given")
    if ":" in text and not Path(text).exists():
        if DECIMAL_COMMA.search(text):
            raise InputError("dividends", text, "has a decimal comma", "write for instance 2026-09-15:0.62")
        kept, repeated = _once([_entry(part) for part in text.split(",")])
        for day in _disputed(kept):
            raise InputError("dividends", text, f"gives {day} two amounts", "give each ex-date once")
        return DividendSchedule(kept, f"given{repeated}")
    return load_dividends(Path(text))


def _entry(part: str) -> Dividend:
    day, _, amount = part.strip().partition(":")
    try:
        dividend = Dividend(date.fromisoformat(day), float(amount))
    except ValueError:
        raise InputError("dividends", part, "is not EX-DATE:AMOUNT", "write for instance 2026-09-15:0.62") from None
    if not 0.0 <= dividend.amount < LARGEST:
        raise InputError(
            "dividends", part, f"a dividend is zero or more, and below {LARGEST:g}", "give dollars a share"
        )
    if dividend.ex_date.year not in YEARS:
        raise InputError("dividends", part, f"lies outside the years {YEARS[0]} to {YEARS[-1]}", "correct the ex-date")
    return dividend


def _once(dividends: Iterable[Dividend]) -> tuple[tuple[Dividend, ...], str]:
    """Dividends in order, equal ones once, and words that say so."""
    given = sorted(dividends)
    kept = tuple(sorted(set(given)))
    repeated = len(given) - len(kept)
    return kept, f", {repeated} repeated and counted once" if repeated else ""


def _disputed(dividends: Iterable[Dividend]) -> list[date]:
    """Ex-dates with more than one amount."""
    return sorted(day for day, count in Counter(d.ex_date for d in dividends).items() if count > 1)


def load_dividends(path: Path) -> DividendSchedule:
    """Read a CSV, gzip or not, with an ex-date and an amount column (dollars a share, split-adjusted).

    Raises
    ------
    DataError
        When it is no such CSV or holds no rows, a column occurs twice, or a row is no ex-date from 1990 to 2100 and
        amount from 0 to below 1,000: names the first. Also for an ex-date with two amounts; rows that only repeat
        another count once, and `source` says so.
    """
    import pandas as pd

    frame = _rows(path)
    day, amount = (_column(path, frame, names) for names in (DATE_COLUMNS, AMOUNT_COLUMNS))
    dates = pd.to_datetime(frame[day], errors="coerce", format="ISO8601")
    amounts = pd.to_numeric(frame[amount], errors="coerce")
    bad = ~(dates.dt.year.isin(list(YEARS)) & (amounts >= 0) & (amounts < LARGEST))
    if bad.any():
        row = int(bad.to_numpy().argmax())
        what = f"{frame[day].iloc[row]!r}, {frame[amount].iloc[row]!r} is no ex-date and amount"
        raise DataError(path, f"row {row + 2}: {what}", "mend the row")
    found = [Dividend(d.date(), float(a)) for d, a in zip(dates, amounts, strict=True)]
    kept, repeated = _once(d for d in found if d.amount > 0.0)
    for twice in _disputed(kept):
        row = max(place for place, d in enumerate(found) if d.ex_date == twice)
        raise DataError(path, f"row {row + 2}: {twice} has another amount before", "give each ex-date once")
    return DividendSchedule(kept, path.name + repeated)


def _rows(path: Path) -> "pd.DataFrame":
    """Cells of a CSV as text, under its own header."""
    import pandas as pd

    if not path.is_file():
        raise DataError(path, "is no file and no list of EX-DATE:AMOUNT", CSV_REMEDY)
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode("utf-8-sig")
        table = pd.read_csv(io.StringIO(text), header=None, dtype=str)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(path, f"is not a readable CSV ({error})", CSV_REMEDY) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(path, f"is not a readable CSV ({' '.join(str(error).split())})", CSV_REMEDY) from None
    frame = table.iloc[1:].set_axis([str(name).strip().lower() for name in table.iloc[0]], axis=1)
    if frame.empty:
        raise DataError(path, "holds a header and no rows", "add the dividends, or say --dividends none")
    return frame


def _column(path: Path, frame: "pd.DataFrame", names: tuple[str, ...]) -> str:
    present = list(frame.columns)
    found = next((name for name in names if name in present), None)
    if found is None:
        rule = f"has no ex-date and amount columns, only {', '.join(present)}"
        raise DataError(path, rule, "name them ex_date and amount")
    if present.count(found) > 1:
        raise DataError(path, f"column {found} occurs {present.count(found)} times", "keep one of them")
    return found
