"""Cash dividends ahead: given by the user, or last year's projected and named so."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from iwm_opts.errors import DataError, InputError

ONE_YEAR = timedelta(days=364)  # whole weeks: a dividend keeps its weekday
SAME_PAYMENT = timedelta(days=20)  # a projection this close to a known ex-date is that payment
DATE_COLUMNS = ("ex_date", "exdate", "date")
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
    if text.strip().lower() == "none":
        return DividendSchedule((), "none, as given")
    if ":" in text and not Path(text).exists():
        return DividendSchedule(tuple(sorted(_entry(part) for part in text.split(","))), "given")
    return load_dividends(Path(text))


def _entry(part: str) -> Dividend:
    day, _, amount = part.strip().partition(":")
    try:
        dividend = Dividend(date.fromisoformat(day), float(amount))
    except ValueError:
        raise InputError("dividends", part, "is not EX-DATE:AMOUNT", "write for instance 2026-09-15:0.62") from None
    if not 0.0 <= dividend.amount < float("inf"):
        raise InputError("dividends", part, "a dividend is zero or more", "give dollars a share")
    return dividend


def load_dividends(path: Path) -> DividendSchedule:
    """Read a CSV with an ex-date and an amount column (dollars a share, split-adjusted)."""
    import pandas as pd

    if not path.is_file():
        raise DataError(path, "is no file and no list of EX-DATE:AMOUNT", "name a CSV with ex_date and amount columns")
    try:
        frame = pd.read_csv(path)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(
            path, f"is not a readable CSV ({error})", "name a CSV with ex_date and amount columns"
        ) from None
    names = {str(c).strip().lower(): c for c in frame.columns}
    day = next((names[c] for c in DATE_COLUMNS if c in names), None)
    amount = next((names[c] for c in AMOUNT_COLUMNS if c in names), None)
    if day is None or amount is None:
        raise DataError(
            path, f"has no ex-date and amount columns, only {', '.join(names)}", "name them ex_date and amount"
        )
    dates = pd.to_datetime(frame[day], errors="coerce", format="ISO8601")
    amounts = pd.to_numeric(frame[amount], errors="coerce")
    bad = dates.isna() | amounts.isna() | (amounts < 0)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            path,
            f"row {row + 2}: {frame[day].iloc[row]!r}, {frame[amount].iloc[row]!r} is no ex-date and amount",
            "mend the row",
        )
    found = (Dividend(d.date(), float(a)) for d, a in zip(dates, amounts, strict=True) if a > 0)
    return DividendSchedule(tuple(sorted(found)), path.name)
