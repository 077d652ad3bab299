"""Option symbols of exchanges, brokers and vendors as contracts: OCC's and those derived from it."""

import re
from datetime import date
from typing import Final, cast

from iwm_opts.conventions import Right
from iwm_opts.errors import InputError
from iwm_opts.market.contract import OCC_PATTERN, Contract, parse_occ

# By vendor: root, date, right and strike in the named groups; `units` divides the strike.
PATTERNS: Final = (
    (re.compile(r"(?P<root>[A-Z0-9.]{1,6})_(?P<m>\d\d)(?P<d>\d\d)(?P<y>\d\d)(?P<right>[CP])(?P<strike>[\d.]+)"), 1.0),
    (re.compile(r"\.(?P<root>[A-Z]{1,6})(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<right>[CP])(?P<strike>[\d.]+)"), 1.0),
    (
        re.compile(r"(?P<root>[A-Z0-9]{1,6})\.US(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<right>[CP])(?P<strike>\d{8})"),
        1000.0,
    ),
    (re.compile(r"(?P<root>[A-Z]{1,6})\|(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)\|(?P<strike>[\d.]+)(?P<right>[CP])"), 1.0),
    (re.compile(r"(?P<root>[A-Z0-9.]{1,6}) (?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<right>[CP])(?P<strike>\d+)"), 1000.0),
    (re.compile(r"(?P<root>[A-Z0-9]{1,6})-+(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?P<right>[CP])(?P<strike>\d{8})"), 1000.0),
)  # TD Ameritrade, thinkorswim, EODHD, Barchart, OptionMetrics, E*Trade
OLD_CBOE: Final = re.compile(  # 26 Oct 200.00 (IWM2609J200-E): a letter is month and right, calls first
    r"\d\d [A-Z]{3} [\d.]+ \((?P<root>[A-Z]{1,6})(?P<y>\d\d)(?P<d>\d\d)(?P<month>[A-X])(?P<strike>[\d.]+)(?:-E)?\)"
)

IB_CONTRACT: Final = re.compile(r"(?:OPTION|CONTRACT)\((?=.*LASTTRADEDATEORCONTRACTMONTH=).*\)")  # ib_insync, ib_async
IB_FIELD: Final = re.compile(r"(?<!\w)(\w++)='?([^',)]*)'?")


def _bare(text: str) -> str:
    bare = text.strip().upper().removeprefix("O:").removeprefix("OPRA:")
    return bare.removeprefix(".") if OCC_PATTERN.fullmatch(bare) else bare


def is_option_symbol(text: str) -> bool:
    """Whether a cell is written like an option symbol of any known form."""
    bare = _bare(text)
    forms = (OCC_PATTERN, OLD_CBOE, IB_CONTRACT, *(form for form, _ in PATTERNS))
    return any(form.fullmatch(bare) is not None for form in forms)


def parse_option_symbol(text: str) -> Contract:
    """Contract of an option symbol: OCC, TD Ameritrade, thinkorswim, Barchart, ib_insync.

    OCC symbols are padded or not, with Polygon's `O:` or without; of ib_insync the text of a contract is read.

    Raises ValueError when it is of no such form, or its date does not exist.
    """
    bare = _bare(text)
    for form, units in PATTERNS:
        if OCC_PATTERN.fullmatch(bare) is None and (match := form.fullmatch(bare)):
            year = int(match["y"]) + (2000 if len(match["y"]) == 2 else 0)
            expiration = date(year, int(match["m"]), int(match["d"]))
            return Contract(match["root"], expiration, cast("Right", match["right"]), float(match["strike"]) / units)
    if match := OLD_CBOE.fullmatch(bare):
        side, month = divmod(ord(match["month"]) - ord("A"), 12)
        expiration = date(2000 + int(match["y"]), month + 1, int(match["d"]))
        return Contract(match["root"], expiration, "P" if side else "C", float(match["strike"]))
    if IB_CONTRACT.fullmatch(bare):
        fields = dict(IB_FIELD.findall(bare))  # in capitals; the root is the class, such as RUTW
        day, right = fields["LASTTRADEDATEORCONTRACTMONTH"], fields.get("RIGHT", "")[:1]
        if right not in ("C", "P") or not {"SYMBOL", "STRIKE"} <= set(fields):
            raise ValueError("is not a contract of an option")
        expiration = date(int(day[:4]), int(day[4:6]), int(day[6:8]))
        root = fields.get("TRADINGCLASS") or fields["SYMBOL"]
        return Contract(root, expiration, cast("Right", right), float(fields["STRIKE"]))
    return parse_occ(bare)


def contract_of(text: str) -> Contract:
    """Contract of a cell, for `parsed`: see `parse_option_symbol`."""
    try:
        return parse_option_symbol(text)
    except InputError as error:
        raise ValueError(error.rule) from None
