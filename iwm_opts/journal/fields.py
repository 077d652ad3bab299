"""CSV fields: numbers, dates and contracts from text cells.

The meaning of a cell is decided by its whole column: `1,200` and `02/03/2026` have two readings each, and one cell that
has only one decides for all. Where two readings remain, both are named and nothing is read.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final, Literal
from zoneinfo import ZoneInfo

from iwm_opts.conventions import YEARS, Right
from iwm_opts.errors import DataError
from iwm_opts.io.numbers import is_foreign
from iwm_opts.io.parse import check_not_half_turned, parse_right
from iwm_opts.market.calendar import NEW_YORK, is_session, sessions
from iwm_opts.market.contract import Contract, occ_symbol, parse_occ

CURRENCY: Final = "USD"
BLANK: Final = ("", "-", "--", "n/a", "na", "nan", "none", "null", "nat", "<na>")
CENT, HALF_CENT = 0.0101, 0.00501  # dollars; prices are rounded to cents
DIGITS: Final = 8  # of prices and fees that are derived from cash
LONGEST_SHOWN: Final = 40  # characters of a cell in a message
EXCEL_EPOCH: Final = date(1899, 12, 30)
EXCEL_SERIALS: Final = range(25_569, 62_000)  # 1970 to 2069
CALENDAR_YEARS: Final = range(1990, 2050)  # whose sessions are known
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_AMERICAN = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d*)?(?:[eE][-+]?\d+)?")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS: Final = len(_MONTHS)
_ZONES: Final = {
    "Z": "UTC", "UTC": "UTC", "GMT": "UTC", "ET": "America/New_York", "EST": "America/New_York",
    "EDT": "America/New_York", "CT": "America/Chicago", "CST": "America/Chicago", "CDT": "America/Chicago",
    "MT": "America/Denver", "MST": "America/Denver", "MDT": "America/Denver", "PT": "America/Los_Angeles",
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
}  # fmt: skip
_COMPACT = re.compile(r"^((?:19|20)\d{6})(\d{6})$")  # 20260302100000, as Interactive Brokers may write it
_MOMENT = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?"
    r"(?:(?P<iso>\d{4})[-/.](?P<iso_month>\d{1,2})[-/.](?P<iso_day>\d{1,2})"
    r"|(?P<compact>(?:19|20)\d{6})"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})"
    r"|(?P<day>\d{1,2})[- ]?(?P<month>[a-z]{3,9})\.?[-, ]{0,2}(?P<named_year>\d{4}|\d{2})"
    r"|(?P<month_first>[a-z]{3,9})\.?[- ](?P<month_day>\d{1,2})[-, ]{1,2}(?P<month_year>\d{4}|\d{2}))"
    r"(?:[t ,;]{1,3}(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<sec>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"|(?P<clock>\d{6}))\s?(?P<half>[ap]\.?m\.?)?\s?(?P<zone>z|utc|gmt|[ecmp][sd]?t|[-+]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)


class TwoReadingsError(ValueError):
    """A column has two readings, and nothing in the file decides between them."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes numbers and dates."""

    decimal: Literal[".", ","] = "."
    day_first: bool = False
    zone: ZoneInfo = NEW_YORK  # of times without one


def is_blank(cell: str) -> bool:
    """Whether a cell holds nothing: empty, dashes, `n/a`."""
    return cell.strip().lower() in BLANK


def shown(cell: str) -> str:
    """Cell as messages quote it: control characters visible, long ones cut."""
    return repr(cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}...")


def _digits(cell: str) -> tuple[float, str]:
    """Sign and digits of a money cell: no currency, spaces, parentheses."""
    text = re.sub(r"[\s\u00a0\u2009\u202f']|(?:US)?\$|USD", "", cell.replace("\u2212", "-"))
    if text.startswith("(") and text.endswith(")"):
        return -1.0, text[1:-1]
    if text.startswith("-(") and text.endswith(")"):
        return -1.0, text[2:-1]
    if len(text) > 1 and text.endswith("-"):
        return -1.0, text[:-1]
    return 1.0, text


def number(cell: str, name: str, decimal: str = ".") -> float:
    """Return the number as spreadsheets and brokers write it: `1,234.50`, `($57.00)`, `+2`, `.05`; a blank is zero.

    Raises ValueError when it cannot be read with this decimal sign.
    """
    if is_blank(cell):
        return 0.0
    sign, text = _digits(cell)
    if is_foreign(cell):
        raise ValueError(f"{name} {shown(cell)} is in another currency: only {CURRENCY} is read")
    if not (_AMERICAN if decimal == "." else _COMMA).fullmatch(text) or not any(map(str.isdigit, text)):
        raise ValueError(f"{name} {shown(cell)} is not a number")
    plain = text.replace(",", "") if decimal == "." else text.replace(".", "").replace(",", ".")
    value = sign * float(plain)
    if not math.isfinite(value):
        raise ValueError(f"{name} {shown(cell)} is not a number")
    return value


def decimal_sign(cells: Iterable[str], default: Literal[".", ","] | None = ".") -> Literal[".", ","]:
    """Decimal sign of a file, by every number in it.

    Raises TwoReadingsError when numbers of both kinds occur, or none decides and no default is given.

    `cells`: cells of its numeric columns; other text is ignored.
    `default`: reading where every number has both, such as `1,200`. None refuses such a file.
    """
    seen: dict[str, str] = {}
    both = ""
    for cell in cells:
        _, text = _digits(cell)
        if "." not in text and "," not in text:
            continue
        is_american = bool(_AMERICAN.fullmatch(text))
        is_comma = bool(_COMMA.fullmatch(text))
        if is_american and is_comma:
            both = both or cell
        elif is_american or is_comma:
            seen.setdefault("." if is_american else ",", cell)
    if len(seen) == 2:
        point, comma = shown(seen["."]), shown(seen[","])
        raise TwoReadingsError(
            f"{point} has a decimal point and {comma} a decimal comma; write all numbers one way, 1,234.50"
        )
    if seen:
        return "." if "." in seen else ","
    if both and default is None:
        american, other = number(both, "", "."), number(both, "", ",")
        raise TwoReadingsError(
            f"{shown(both)} is {american:g} with a decimal point and {other:g} with a decimal comma; write 1234.50"
        )
    return default or "."


def parse_moment(cell: str, day_first: bool = False) -> datetime:
    """Date, or a date and time, as people and brokers write it; aware where the cell names a zone.

    Raises ValueError when it cannot be read, or lies outside 1970 to 2100.
    """
    match = _MOMENT.fullmatch(_COMPACT.sub(r"\1 \2", " ".join(cell.split())))
    if match is None:
        raise ValueError(f"{shown(cell)} is not a date; write 2026-03-02 10:00")
    try:
        day = _day(match, day_first)
        zone, clock_text = match["zone"], match["clock"] or ""
        parts = [match["hour"], match["minute"], match["sec"]]
        parts = parts if match["hour"] else [clock_text[at : at + 2] for at in (0, 2, 4)]
        hour, minute, second = (int(part or 0) for part in parts)
        if match["half"]:
            if not 1 <= hour <= 12:
                raise ValueError
            hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
        clock = time(hour, minute, second, int((match["fraction"] or "0")[:6].ljust(6, "0")))
    except ValueError:
        raise ValueError(f"{shown(cell)} is not a date that exists") from None
    if day.year not in YEARS:
        raise ValueError(f"{shown(cell)} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    if not zone:
        return datetime.combine(day, clock)
    offset: ZoneInfo | timezone
    if zone.upper() in _ZONES:
        offset = ZoneInfo(_ZONES[zone.upper()])
    else:
        digits = zone[1:].replace(":", "")
        offset = timezone((-1 if zone[0] == "-" else 1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    return datetime.combine(day, clock, tzinfo=offset)


def _day(match: re.Match[str], day_first: bool) -> date:
    if match["iso"]:
        return date(int(match["iso"]), int(match["iso_month"]), int(match["iso_day"]))
    if match["compact"]:
        return datetime.strptime(match["compact"], "%Y%m%d").date()  # noqa: DTZ007 - a day
    if match["first"]:
        first, second = int(match["first"]), int(match["second"])
        if match["mark"] == ".":  # 02.03.2026: no American writes dots
            day_first = True
        month, day = (second, first) if day_first else (first, second)
        return date(_year(match["year"]), month, day)
    name = (match["month"] or match["month_first"]).lower()[:3]
    day_text, year = match["day"] or match["month_day"], match["named_year"] or match["month_year"]
    return date(_year(year), _MONTHS.index(name) + 1, int(day_text))


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def in_new_york(moment: datetime, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Time in New York without a zone; `zone` holds where it names none. A bare date stays that day."""
    if moment.tzinfo is None and moment.time() == time():
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(NEW_YORK).replace(tzinfo=None)


def day_first(stamps: Iterable[str], pairs: Iterable[tuple[str, str]] = (), *, default: bool | None = None) -> bool:
    """Whether numeric dates of a file begin with the day.

    Evidence: every date exists, every stamp is a trading session, no pair is reversed.

    Raises TwoReadingsError when both readings hold, differ, and no default is given.

    `stamps`: dates on which something traded.
    `pairs`: dates in order: entry and exit, trade and expiration.
    `default`: the broker's own order; overruled only where it fails and the other holds. None refuses an undecided
      file.
    """
    distinct = list(dict.fromkeys(stamps))
    ordered = list(dict.fromkeys(pairs))
    faults = {order: _faults(distinct, ordered, order) for order in (False, True)}
    if faults[True] == faults[False]:
        if default is not None:
            return default
        cells = (*distinct, *(end for pair in ordered for end in pair))
        both = (cell for cell in cells if _is_numeric(cell) and _exists(cell, False) and _exists(cell, True))
        cell = next((cell for cell in both if parse_moment(cell) != parse_moment(cell, day_first=True)), None)
        if cell is None:
            return False
        raise TwoReadingsError(
            f"{shown(cell)} is {parse_moment(cell):%Y-%m-%d} with the month first and "
            f"{parse_moment(cell, day_first=True):%Y-%m-%d} with the day first; write dates as 2026-03-02"
        )
    better = faults[True] < faults[False]
    if default is not None and better != default and faults[better] != (0, 0):
        return default
    return better


def notation_warnings(
    notation: Notation, numbers: Iterable[str], stamps: Iterable[str], pairs: Iterable[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """Warn of readings other than month first and decimal point, each with the cell that decided it."""
    lines, stamps = [], list(stamps)
    dotted = next((cell for cell in stamps if _is_numeric(cell, ".")), "")
    if notation.day_first or dotted:
        why = _why_day_first(stamps, list(pairs)) if notation.day_first else f"{shown(dotted)} has dots"
        lines.append(f"dates are read with the day first: {why}")
    if notation.decimal == ",":
        cell = next(cell for cell in numbers if "," in cell and not _AMERICAN.fullmatch(_digits(cell)[1]))
        lines.append(f"numbers are read with a decimal comma: {shown(cell)} is {number(cell, '', ','):g}")
    return tuple(lines)


def _why_day_first(stamps: Sequence[str], pairs: Sequence[tuple[str, str]]) -> str:
    """Return the first fault of the dates with the month first."""
    for cell in (*stamps, *(cell for pair in pairs for cell in pair)):
        if _exists(cell, True) and not _exists(cell, False):
            return f"{shown(cell)} does not exist with the month first"
    for cell in filter(_is_numeric, stamps):
        if _exists(cell, False) and _faults([cell], [], False)[1]:
            day, other = parse_moment(cell, day_first=True), parse_moment(cell)
            return f"{shown(cell)} is {day:%Y-%m-%d}; with the month first {other:%A}, {other:%Y-%m-%d}: no session"
    for first, last in pairs:
        if _exists(first, False) and _exists(last, False) and _faults([], [(first, last)], False)[1]:
            return f"{shown(first)} with the month first lies after {shown(last)}"
    return "fewer dates contradict the calendar so"


def check_not_turned(cells: Iterable[str], beside: Iterable[str] = ()) -> None:
    """Refuse a column of dates in which a spreadsheet of the other order took some with day and month turned.

    Dates that the spreadsheet knows as such, in columns `beside` it too, show that it did not: one of a day after the
    12th, or more trading sessions among them than turned back.

    Raises TwoReadingsError, which names a date of either kind.
    """
    cells = list(cells)
    try:
        check_not_half_turned(cells, "dates")
    except DataError as error:
        known = {
            parse_moment(cell).date() for cell in (*cells, *beside) if _exists(cell, False) and not _is_numeric(cell)
        }
        if any(day.day > MONTHS for day in known):
            return
        dates = [day for day in known if day.year in CALENDAR_YEARS]
        if sum(map(is_session, dates)) > sum(is_session(day.replace(month=day.day, day=day.month)) for day in dates):
            return
        raise TwoReadingsError(f"{error.rule}; {error.remedy}") from None


def require_month_first(stamps: Iterable[str]) -> None:
    """Refuse a file of a broker that writes the month first, where a date exists with the day first alone.

    Raises TwoReadingsError, which names the first such date.
    """
    for cell in dict.fromkeys(stamps):
        if _exists(cell, True) and not _exists(cell, False):
            raise TwoReadingsError(f"{shown(cell)} has the day first, this broker writes the month first; export again")


def _exists(cell: str, order: bool) -> bool:
    try:
        parse_moment(cell, order)
    except ValueError:
        return False
    return True


def _faults(stamps: list[str], pairs: list[tuple[str, str]], order: bool) -> tuple[int, int]:
    """Dates that do not exist, and those that contradict the calendar or their order."""
    days: dict[str, datetime | None] = {}
    for cell in {*stamps, *(cell for pair in pairs for cell in pair)}:
        try:
            days[cell] = parse_moment(cell, order)
        except ValueError:
            days[cell] = None
    missing = sum(moment is None for moment in days.values())
    reversed_pairs = sum(
        first.date() > last.date()
        for first, last in ((days[first], days[last]) for first, last in pairs)
        if first is not None and last is not None
    )
    numeric = {moment.date() for cell in stamps if _is_numeric(cell) and (moment := days[cell]) is not None}
    within = {day for day in numeric if day.year in CALENDAR_YEARS}
    open_days = set(sessions(min(within), max(within)).astype(object)) if within else set()
    return missing, reversed_pairs + len(numeric - open_days)


def _is_numeric(cell: str, marks: str = "-/.") -> bool:
    match = _MOMENT.fullmatch(" ".join(cell.split()))
    return match is not None and match["first"] is not None and match["mark"] in marks


def is_excel_serial(cell: str) -> bool:
    """Whether a cell may be a day number of a spreadsheet."""
    return bool(_SERIAL.fullmatch(cell.strip())) and int(float(cell)) in EXCEL_SERIALS


def from_excel_serial(cell: str) -> datetime:
    """Time that a day number of a spreadsheet names, to the second."""
    days = float(cell)
    seconds = round((days - int(days)) * 86_400)
    return datetime.combine(EXCEL_EPOCH, time()) + timedelta(days=int(days), seconds=seconds)


def is_epoch(cell: str) -> bool:
    """Whether a cell may be seconds or milliseconds since 1970."""
    return bool(re.fullmatch(r"1\d{9}|1\d{12}", cell.strip()))


def from_epoch(cell: str) -> datetime:
    """Time of so many seconds or milliseconds since 1970."""
    text = cell.strip()
    return datetime.fromtimestamp(int(text) / (1 if len(text) == 10 else 1_000), NEW_YORK)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a broker's export, its cells by field name."""

    line: int
    cells: dict[str, str]
    notation: Notation = Notation()

    def __contains__(self, name: str) -> bool:
        return name in self.cells

    def text(self, name: str) -> str:
        """Cell; empty where the file has no such column."""
        return self.cells.get(name, "").strip()

    def number(self, name: str) -> float:
        """Return the number; a blank and an absent column are zero."""
        return number(self.text(name), name, self.notation.decimal)

    def amount(self, name: str) -> float:
        """Return the number that must be there: a missing price is not zero."""
        if is_blank(self.text(name)):
            raise ValueError(f"{name} is missing")
        return self.number(name)

    def settled(self, name: str, shares: int, price: float, charges: Sequence[str] = ()) -> tuple[float, float]:
        """Price and fees of a trade to the cent of its cash; those of the row where it has no cash.

        Prices are rounded to cents, and a rebate may have the sign of a fee: the cash decides. Files write it with or
        without signs.

        Raises ValueError when the cash is off by more than half a cent a share. Adjusted contracts may go by their old
        symbol: the cash shows that they deliver other than 100 shares.

        `name`: field of the cash.
        `shares`: bought positive; of options what they deliver.
        `price`: dollars a share.
        `charges`: fields of the fees that the cash is net of.
        """
        stated = [self.number(charge) for charge in charges]
        fees = sum(map(abs, stated))
        amount, value = self.number(name), -shares * price
        if not amount:
            return price, fees
        readings = [(cash, paid) for cash in (amount, -amount) for paid in (fees, sum(stated), -sum(stated))]
        cash, fees = min(readings, key=lambda reading: abs(value - reading[1] - reading[0]))
        lacking = value - fees - cash
        if abs(lacking) > HALF_CENT * abs(shares) + CENT:
            raise ValueError(
                f"{name} {shown(self.text(name))} is not quantity and price, {abs(value - fees):.2f} at 100 shares a "
                "contract"
            )
        is_unstated = bool(charges) and all(is_blank(self.text(charge)) for charge in charges)
        if charges and (abs(lacking) <= CENT or (is_unstated and lacking > 0.0)):
            return price, round(fees + lacking, DIGITS)
        return round(-(cash + fees) / shares, DIGITS), fees

    def count(self, name: str, unit: str = "contracts") -> int:
        """Whole number, signed."""
        value = self.amount(name)
        if not value or value != round(value):
            raise ValueError(f"{name} {shown(self.text(name))} is not a whole number of {unit}")
        return round(value)

    def strike(self, name: str = "strike") -> float:
        """Return the number above zero."""
        value = self.amount(name)
        if not value > 0.0:
            raise ValueError(f"{name} {shown(self.text(name))} must be above zero")
        return value

    def symbol(self, name: str = "symbol") -> str:
        """Symbol in capitals."""
        if not self.text(name):
            raise ValueError(f"{name} is missing")
        return self.text(name).upper()

    def moment(self, name: str) -> datetime:
        """Time in New York, its zone dropped."""
        return in_new_york(parse_moment(self.text(name), self.notation.day_first), self.notation.zone)

    def day(self, name: str) -> date:
        """Day as written."""
        return parse_moment(self.text(name), self.notation.day_first).date()

    def require_dollars(self) -> None:
        """Refuse amounts in another currency; a file that names none is in dollars."""
        currency = self.text("currency").upper()
        if currency != CURRENCY and not is_blank(currency):
            raise ValueError(f"currency {currency}: only {CURRENCY} is read")


def make_contract(root: str, expiration: date, right: Right, strike: float) -> Contract:
    """Contract that can be listed. Raises ValueError when its root or strike cannot be written as an OCC symbol."""
    if not re.fullmatch(r"[A-Z0-9.]{1,6}", root):
        raise ValueError(f"{shown(root)} is not the root of an option")
    occ_symbol(root, expiration, right, strike)
    return Contract(root, expiration, right, strike)


def contract_of_symbol(symbol: str) -> Contract:
    """Contract of an OCC symbol, or of the short form of Fidelity and thinkorswim: `-IWM260320P190`, `.IWM260320P190`.

    Raises ValueError when it is neither.
    """
    text = symbol.strip().upper().lstrip("-.")
    match = re.fullmatch(r"([A-Z0-9]+?)(\d{6})([CP])(\d+(?:\.\d+)?)", text.replace(" ", ""))
    if match is not None and not re.fullmatch(r"\d{8}", match[4]):
        return make_contract(match[1], parse_moment(f"20{match[2]}").date(), right_of(match[3]), float(match[4]))
    return parse_occ(text)


def right_of(cell: str) -> Right:
    """`C` or `P`. Raises ValueError when it is neither."""
    try:
        return "C" if parse_right(cell) == "C" else "P"
    except ValueError:
        raise ValueError(f"right {shown(cell)} is neither call nor put") from None


def columns_of(header: Sequence[str]) -> list[str]:
    """Names of columns as they are compared: lower case, single spaces, no BOM."""
    return [" ".join(name.replace("\ufeff", "").lower().split()) for name in header]
