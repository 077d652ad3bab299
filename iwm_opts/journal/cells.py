"""What the cells of brokers' exports say, and the rows that say nothing usable."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from iwm_opts.conventions import Right
from iwm_opts.io.parse import parse_right
from iwm_opts.market.calendar import NEW_YORK
from iwm_opts.market.contract import Contract, occ_symbol

NAMED = 20  # bad rows that are named one by one; the rest is counted
AMERICAN = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][-+]?\d+)?")
DECIMAL_COMMA = re.compile(r"[-+]?[\d.' \u00a0\u202f]*,\d*")
CURRENCY = "USD"


class DecimalCommaError(ValueError):
    """A number of a language that writes 1.234,50: in such a file 1.234 is no fraction either."""


@dataclass(slots=True)
class Rejected:
    """Rows that could not be read, each named, and rows that are none of our business, counted by what they are."""

    bad: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)  # on rows that were read
    decimal_comma: str = ""  # the first cell that has one, and its line

    def row(self, line: int, why: object) -> None:
        """A row that should have been read, and why it could not be."""
        if isinstance(why, DecimalCommaError) and not self.decimal_comma:
            self.decimal_comma = f"line {line}: {why}"
        self.bad.append(f"line {line}: {why}: left out")

    def lines(self) -> tuple[str, ...]:
        """Everything left out, for a reader."""
        named = self.bad[:NAMED]
        if len(self.bad) > NAMED:
            named.append(f"and {len(self.bad) - NAMED} rows more like these: left out")
        return tuple(named)

    def notes(self) -> tuple[str, ...]:
        """Rows passed over, and remarks on what was read, for a reader."""
        told = [f"rows passed over: {count} of {what}" for what, count in sorted(self.passed_over.items())]
        return (*told, *self.remarks)


def fitting(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Cells by the names of their columns.

    Raises
    ------
    ValueError
        When there are more cells than names, as a decimal comma outside quotes makes them, or fewer: a row cut off.
    """
    if any(cells[len(names) :]) or len(cells) < len(names):
        raise ValueError(f"{len(cells)} cells do not fit the header of {len(names)}")
    return dict(zip(names, cells, strict=False))


def rows_of_text(text: str) -> list[tuple[int, list[str]]]:
    """Rows of CSV text with their line numbers; empty lines are left out, cells stripped."""
    reader = csv.reader(io.StringIO(text))
    return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]


def number(cell: str, name: str) -> float:
    """A number as brokers write it: `1,234.50`, `($57.00)`, `+2`, `.05`; `--` and nothing are zero.

    Raises
    ------
    ValueError
        When it is none; `DecimalCommaError` where its comma groups no thousands.
    """
    text = cell.replace("$", "").strip()
    if text in ("", "--", "-"):
        return 0.0
    sign = -1.0 if text.startswith("(") and text.endswith(")") else 1.0
    text = text.strip("()").strip()
    if not AMERICAN.fullmatch(text):
        if DECIMAL_COMMA.fullmatch(text):
            raise DecimalCommaError(f"{name} {cell!r} has a decimal comma")
        raise ValueError(f"{name} {cell!r} is no number")
    try:
        value = sign * float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} {cell!r} is no number")
    return value


def stated(cell: str, name: str) -> float:
    """A number that has to be there: a price that nobody wrote down is not zero.

    Raises
    ------
    ValueError
        When it is none.
    """
    if cell.strip() in ("", "--", "-"):
        raise ValueError(f"{name} is missing")
    return number(cell, name)


def named(cell: str) -> str:
    """A symbol in capitals.

    Raises
    ------
    ValueError
        When there is none.
    """
    if not cell.strip():
        raise ValueError("symbol is missing")
    return cell.strip().upper()


def in_dollars(currency: str) -> None:
    """Refuse amounts in another currency; a file that names none is in dollars.

    Raises
    ------
    ValueError
        For any but US dollars.
    """
    if currency.strip().upper() not in ("", CURRENCY):
        raise ValueError(f"is in {currency.strip()}, and only {CURRENCY} is read")


def whole(cell: str, name: str, of: str = "contracts") -> int:
    """A whole number, signed, of what is counted.

    Raises
    ------
    ValueError
        When it is none, or zero.
    """
    value = number(cell, name)
    if not value or value != round(value):
        raise ValueError(f"{name} {cell!r} is no whole number of {of}")
    return round(value)


def positive(cell: str, name: str) -> float:
    """A number above zero, such as a strike.

    Raises
    ------
    ValueError
        When it is none.
    """
    value = number(cell, name)
    if not value > 0.0:
        raise ValueError(f"{name} {cell!r} must be above zero")
    return value


def day(cell: str, *forms: str) -> date:
    """A day written in one of several forms of `strptime`.

    Raises
    ------
    ValueError
        When it is written in none of them.
    """
    return _parsed(cell, forms).date()


def moment(cell: str, zone: ZoneInfo, *forms: str) -> datetime:
    """A time in New York, its zone dropped; `zone` holds where none is written.

    Raises
    ------
    ValueError
        When it is written in none of the forms.
    """
    found = _parsed(cell, forms)
    aware = found if found.tzinfo else found.replace(tzinfo=zone)
    return aware.astimezone(NEW_YORK).replace(tzinfo=None)


def contract_of(root: str, expiration: date, right: Right, strike: float) -> Contract:
    """A contract that can be listed.

    Raises
    ------
    ValueError
        When its root or strike cannot be written as an OCC symbol.
    """
    occ_symbol(root, expiration, right, strike)
    return Contract(root, expiration, right, strike)


def right_of(cell: str) -> Right:
    """`C` or `P`.

    Raises
    ------
    ValueError
        When it is neither.
    """
    try:
        return "C" if parse_right(cell) == "C" else "P"
    except ValueError as error:
        raise ValueError(f"right {cell!r} {error}") from None


def _parsed(cell: str, forms: Sequence[str]) -> datetime:
    for form in forms:
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    raise ValueError(f"{cell!r} is no date: {' or '.join(forms)}")
