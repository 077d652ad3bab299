"""Option contracts: their OCC symbols, and the rules of settlement that come with a root."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, cast

from iwm_opts.conventions import MULTIPLIER, TICK, Exercise, Right
from iwm_opts.errors import InputError
from iwm_opts.market.calendar import FIRST_DAY, is_session, latest_session
from iwm_opts.market.holidays import CLOSED_ONCE

# Root, expiration as yymmdd, right, strike in thousandths of a dollar on eight digits. OCC pads the root to six
# characters; Yahoo and most files leave the padding out.
OCC_PATTERN: Final = re.compile(r"([A-Z0-9.]{1,6}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})")
ROOT_WIDTH: Final = 6
SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._= -]{0,18}[A-Za-z0-9]|[A-Za-z0-9]")
LETTER: Final = re.compile(r"[A-Za-z]")  # without one it is a date or a number of another column
STRIKE_UNITS: Final = 1000  # a strike is written in thousandths of a dollar
LARGEST_STRIKE: Final = 99_999.999


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed option."""

    root: str
    expiration: date
    right: Right
    strike: float  # dollars

    @property
    def symbol(self) -> str:
        """OCC symbol without padding."""
        return occ_symbol(self.root, self.expiration, self.right, self.strike)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the options of a root are exercised and settled."""

    exercise: Exercise
    delivery: Literal["physical", "cash"]
    settles_on: Literal["close", "open"]  # which price of the expiration day
    multiplier: int = MULTIPLIER
    tick: float = TICK  # smallest step of a quote, dollars a share

    @property
    def pays_dividends(self) -> bool:
        """Whether shares, and with them dividends, change hands on exercise."""
        return self.delivery == "physical"


EQUITY: Final = Settlement("american", "physical", "close")
_MORNING: Final = Settlement("european", "cash", "open", tick=0.05)
_EVENING: Final = Settlement("european", "cash", "close", tick=0.05)
_PENNY_MORNING: Final = Settlement("european", "cash", "open")
_PENNY_INDEX: Final = Settlement("european", "cash", "close")
_AMERICAN_CASH: Final = Settlement("american", "cash", "close", tick=0.05)

# Contract specifications of Cboe, Nasdaq and MIAX: classes that settle on the opening print have a sister root that
# settles on the close.
_INDEX_ROOTS: Final[dict[str, Settlement]] = {
    "SPX": _MORNING,
    "SPXW": _EVENING,
    "RUT": _MORNING,
    "RUTW": _EVENING,
    "NDX": _MORNING,
    "NDXP": _EVENING,
    "XSP": _PENNY_INDEX,
    "XSPAM": _PENNY_MORNING,
    "MRUT": _PENNY_INDEX,
    "NANOS": _PENNY_INDEX,
    "XND": _PENNY_INDEX,
    "NQX": _PENNY_INDEX,
    "VIX": _PENNY_MORNING,
    "VIXW": _PENNY_MORNING,
    "RVX": _PENNY_MORNING,
    "DJX": _PENNY_MORNING,
    "DJXW": _PENNY_INDEX,
    "XEO": _EVENING,
    "OEX": _AMERICAN_CASH,
    "SPEQX": _PENNY_INDEX,
    "CBTX": _PENNY_INDEX,
    "MBTX": _PENNY_INDEX,
}
_CLOSE_SISTER: Final = {"SPX": "SPXW", "RUT": "RUTW", "NDX": "NDXP"}
_WEEKLY_SISTER: Final = {"VIX": "VIXW", "DJX": "DJXW", "XSP": "XSPAM"}
_UNDERLYING: Final = {sister: root for pairs in (_CLOSE_SISTER, _WEEKLY_SISTER) for root, sister in pairs.items()}
SYMBOLS_SINCE: Final = date(2010, 5, 17)  # OCC symbols; before, a class had several codes of up to three letters
LAST_SATURDAYS: Final = 2015  # year
FIRST_FRIDAYS: Final = date(2015, 2, 1)  # since when monthlies are dated on Fridays
_SATURDAY: Final = 5  # date.weekday() of the day that monthlies were dated on until 2015


def settlement_of(root: str) -> Settlement:
    """Settlement rule of a root; other roots are equities: American, physical, on the close."""
    return _INDEX_ROOTS.get(root.strip().upper(), EQUITY)


def underlying_of(root: str) -> str:
    """Underlying symbol of a root: `SPXW` gives `SPX`, the adjusted root `IWM1` gives `IWM`."""
    bare = root.strip().upper()
    return _UNDERLYING.get(bare) or bare.strip("0123456789") or bare


def index_of(symbol: str) -> str:
    """Index of a root that lists its options beside the index's own: `SPXW` gives `SPX`; others are themselves."""
    return _UNDERLYING.get(symbol, symbol)


def is_old_code(root: str, symbol: str, day: date) -> bool:
    """Whether a root is a code of an underlying's options before OCC symbols: `IOW` of IWM, `SXB` of SPX."""
    return day < SYMBOLS_SINCE and underlying_of(root) != symbol and not is_adjusted(root)


def is_adjusted(root: str) -> bool:
    """Whether a root is that of adjusted contracts, whose deliverable is not 100 shares: `IWM1`, `2IWM`."""
    bare = root.strip().upper()
    return bare not in _INDEX_ROOTS and (bare[:1].isdigit() or bare[-1:].isdigit()) and not bare.isdigit()


def check_symbol(text: str) -> str:
    """Symbol that may name a file and a part of an address.

    Raises
    ------
    InputError
        For anything but letters, digits and inner `.-_=` and spaces, 20 characters at most, a letter among them.
    """
    if SYMBOL.fullmatch(text) is None or ".." in text or not LETTER.search(text):
        raise InputError("symbol", text[:40], "is not a symbol", "write it like IWM or BRK.B")
    return text


def listed_root(symbol: str, expiration: date) -> str:
    """Root that an expiration of `symbol` is listed under, where a file does not say.

    Index classes that settle on the open expire on third Fridays (the Thursday before, where that Friday is a holiday);
    all their other expirations belong to the sister root that settles on the close.
    """
    sister = _CLOSE_SISTER.get(symbol)
    if sister is None:
        return symbol
    return symbol if is_monthly(expiration) else sister


def settled_root(symbol: str, *, is_morning: bool) -> str:
    """Root of an underlying's options that settle on the open or on the close: `SPX` and `SPXW`."""
    settles_on = "open" if is_morning else "close"
    roots = (symbol, *(root for root, underlying in _UNDERLYING.items() if underlying == symbol))
    return next((root for root in roots if settlement_of(root).settles_on == settles_on), symbol)


def roots_on(symbol: str, expiration: date) -> tuple[str, ...]:
    """Roots that an expiration of `symbol` may be listed under: `SPX` and `SPXW` on third Fridays."""
    return tuple(dict.fromkeys((listed_root(symbol, expiration), _CLOSE_SISTER.get(symbol, symbol))))


def is_monthly(expiration: date) -> bool:
    """Whether an expiration is a third Friday, the Thursday before a holiday, or the Saturday after until 2015."""
    if expiration.weekday() == _SATURDAY:
        expiration -= timedelta(days=1)
    first = expiration.replace(day=1)
    monthly = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
    return expiration in (monthly, latest_session(monthly))


def is_quarter_end(expiration: date) -> bool:
    """Whether an expiration is the last session of a quarter."""
    following = expiration.replace(day=1) + timedelta(days=32)
    return expiration.month % 3 == 0 and expiration == latest_session(following.replace(day=1) - timedelta(days=1))


def can_expire(day: date, quoted: date | None = None) -> bool:
    """Whether options may expire on a day: a session, or the Saturday of a monthly while those were so dated.

    Options quoted until January 2015 have such Saturdays in later years too. Days on which the exchange closed
    unannounced had options listed before.
    """
    if day < FIRST_DAY or is_session(day) or day.isoformat() in CLOSED_ONCE:
        return True
    is_old = day.year <= LAST_SATURDAYS or (quoted is not None and quoted < FIRST_FRIDAYS)
    return is_old and day.weekday() == _SATURDAY and is_monthly(day)


def occ_symbol(root: str, expiration: date, right: Right, strike: float, *, padded: bool = False) -> str:
    """OCC symbol of a contract, such as `IWM260731P00275000`.

    Parameters
    ----------
    padded : bool
        Root padded to six characters, 21 in all, as OCC writes it.

    Raises
    ------
    InputError
        When the root, the right or the strike cannot be written in this form.
    """
    if not re.fullmatch(r"[A-Z0-9.]{1,6}", root):
        raise InputError("root", root, "must be one to six capitals or digits")
    if right not in ("C", "P"):
        raise InputError("right", right, 'must be "C" or "P"')
    if not 0.0 < strike <= LARGEST_STRIKE:
        raise InputError("strike", strike, f"must lie above 0 and up to {LARGEST_STRIKE:g}")
    units = round(strike * STRIKE_UNITS)
    if abs(units - strike * STRIKE_UNITS) > 1e-6 * STRIKE_UNITS or units == 0:
        raise InputError("strike", strike, "OCC symbols carry tenths of a cent, no finer")
    head = root.ljust(ROOT_WIDTH) if padded else root
    return f"{head}{expiration:%y%m%d}{right}{units:08d}"


def parse_occ(symbol: str) -> Contract:
    """Contract that an OCC symbol names, padded or not; a leading `O:` is ignored.

    Raises
    ------
    InputError
        When the symbol is not of that form, or its date does not exist.
    """
    match = OCC_PATTERN.fullmatch(symbol.strip().removeprefix("O:"))
    if not match:
        raise InputError("symbol", symbol, "invalid OCC option symbol", "write it like IWM260731P00275000")
    root, year, month, day, right, units = match.groups()
    try:
        expiration = date(2000 + int(year), int(month), int(day))
    except ValueError:
        raise InputError("symbol", symbol, f"{year}{month}{day} is not a date (yymmdd)", "correct it") from None
    return Contract(root, expiration, cast("Right", right), int(units) / STRIKE_UNITS)
