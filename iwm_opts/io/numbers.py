"""Numbers as spreadsheets and web pages write them: currency, grouping, decimal commas, percent signs, blanks."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from iwm_opts.conventions import counted
from iwm_opts.errors import DataError

Sign = Literal[".", ","]
SIGNS: Final[tuple[Sign, ...]] = (".", ",")
SIGN_NAMES: Final[Mapping[Sign, str]] = {".": "point", ",": "comma"}
TWO_SIGNS: Final = "numbers of one decimal sign"

BLANKS: Final = (
    "", " ", "  ", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "-", "--", "n/a", "na", "<NA>", "NaT",
    "\\N", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!", "—", "–", ".", "unch", "None.",
)  # fmt: skip
FOREIGN: Final = re.compile(
    r"[€£¥₹₩₽฿₪]|\b(?:EUR|GBP|CHF|CAD|AUD|JPY|HKD|SGD|NZD|INR|SEK|NOK|DKK|PLN)\b|(?<![A-Z])(?:C|A|CA|AU|HK|S|NZ|R)\$"
)
CURRENCY: Final = re.compile(r"[$€£¥\s\u00a0\u202f]|USD|US\$")
PLAIN: Final = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?")
GROUPED: Final = {sign: re.compile(rf"[+-]?\d{{1,3}}(?:{re.escape(sign)}\d{{3}})+") for sign in ".,"}
SUFFIXES: Final = {"K": 1e3, "M": 1e6, "B": 1e9}  # 27.23M of investing.com


def is_foreign(cell: str) -> bool:
    """Whether a cell is money in another currency than the dollar: `€12.00`, `12,00 EUR`, `C$5`."""
    return FOREIGN.search(cell) is not None and any(map(str.isdigit, cell))


def _bare(text: str) -> str:
    """Digits and separators, without currency, spaces, percent sign and accountants' brackets."""
    bare = CURRENCY.sub("", text.replace("\u2212", "-")).replace("'", "")
    if bare.startswith("(") and bare.endswith(")"):
        bare = "-" + bare[1:-1]
    return bare.removesuffix("%")


def decimal_sign(columns: Mapping[str, Iterable[str | None]], source: object) -> Sign:
    """Sign that separates decimals in a file, by all cells of its number columns.

    Of 1.234,5 the last separator is the decimal one; a comma that is not followed by exactly three digits, or that
    follows a lone zero, is one; 1,234 alone leaves it open, and counts as grouping where another cell shows a point.

    Raises DataError when cells contradict each other, or 1,234 is all there is to see.
    """
    proof: dict[str, str] = {}
    open_cells: list[str] = []
    for name, texts in columns.items():
        for text in texts:
            bare = _bare(text or "")
            sign = _shown_sign(bare)
            if sign:
                proof.setdefault(sign, f"{text!r} in {name.strip()}")
            elif GROUPED[","].fullmatch(bare):
                open_cells.append(f"{text!r} in {name.strip()}")
    if len(proof) == 2:
        rule = f"decimals are written with a point ({proof['.']}) and with a comma ({proof[',']})"
        raise DataError(source, rule, "write all numbers with a decimal point", "decimals")
    if not proof and open_cells:
        rule = f"{open_cells[0]} is a thousand or a fraction: no other number shows which"
        raise DataError(source, rule, "write numbers with a decimal point and no grouping", "decimals")
    return "," if "," in proof else "."


def decimal_signs(
    columns: Mapping[str, Iterable[str | None]], optional: Collection[str], source: object
) -> tuple[Sign, dict[str, Sign | None]]:
    """Sign that separates decimals in a file, and those of `optional` columns that contradict it.

    The second is the sign that each such column shows; None where its cells contradict each other.

    Raises DataError as `decimal_sign` does of the other columns, and for money in another currency in any column.
    """
    for name, texts in columns.items():
        if (cell := next((text for text in texts if text and is_foreign(text)), None)) is not None:
            rule = f"{cell[:40]!r} in {name.strip()} is money in another currency: prices are read in US dollars alone"
            raise DataError(source, rule, "give prices in USD", "currency")
    try:
        return decimal_sign(columns, source), {}
    except DataError:
        needed = {name: cells for name, cells in columns.items() if name not in optional}
        if len(needed) in (0, len(columns)):
            raise
    sign = decimal_sign(needed, source)
    others: dict[str, Sign | None] = {}
    for name in columns.keys() - needed.keys():
        shown = {_shown_sign(_bare(text or "")) for text in columns[name]} - {None}
        if shown - {sign}:
            others[name] = shown.pop() if len(shown) == 1 else None
    return sign, others


def _shown_sign(bare: str) -> Sign | None:
    """Decimal sign that one cell proves."""
    point, comma = bare.rfind("."), bare.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    if comma >= 0:
        is_grouped = GROUPED[","].fullmatch(bare) is not None and not re.match(r"[+-]?0", bare)
        return None if is_grouped or bare.count(",") > 1 else ","
    if point >= 0 and bare.count(".") == 1 and PLAIN.fullmatch(bare):
        is_grouped = GROUPED["."].fullmatch(bare) is not None and not re.match(r"[+-]?0", bare)
        return None if is_grouped else "."
    return "," if bare.count(".") > 1 and GROUPED["."].fullmatch(bare) else None


def parse_number(text: str, sign: Sign = ".") -> float:
    """Return the number, per cent as a fraction.

    Raises ValueError when the cell is not a number.
    """
    bare = _bare(text)
    factor = 0.01 if text.rstrip().endswith("%") else 1.0
    if bare[-1:].upper() in SUFFIXES:
        factor *= SUFFIXES[bare[-1:].upper()]
        bare = bare[:-1]
    group = "," if sign == "." else "."
    whole, _, _ = bare.partition(sign)
    if group in bare and GROUPED[group].fullmatch(whole) is None:
        raise ValueError("is not a number")
    bare = bare.replace(group, "").replace(sign, ".")
    if not PLAIN.fullmatch(bare):
        raise ValueError("is not a number")
    value = float(bare)
    return value if factor == 1.0 else value * factor


def is_number(cell: object) -> bool:
    """Whether a cell is a number under either decimal sign."""
    for sign in SIGNS:
        try:
            parse_number(str(cell), sign)
        except ValueError:
            continue
        return True
    return False


def numbers(texts: Sequence[str | None], sign: Sign | None = ".") -> tuple[np.ndarray, list[int]]:
    """Numbers of distinct cells, NaN for blanks and words, and the places of the words: all without a sign."""
    values, words = np.full(len(texts), np.nan), []
    for place, text in enumerate(texts):
        if text is None or text.strip() in BLANKS:
            continue
        if sign is None:
            words.append(place)
            continue
        try:
            values[place] = parse_number(text, sign)
        except ValueError:
            words.append(place)
    return values, words


def other_sign(column: str, sign: Sign) -> str:
    """Say that a column's decimal sign differs from that of the file."""
    return f"{column.strip()}: decimals are written with a {SIGN_NAMES[sign]}, unlike those of the prices"


def words_taken_as_blank(column: str, count: int, row: str, text: str, what: str = "numbers") -> str:
    """Say how many cells of a column that is not needed are not numbers, and the first of them."""
    cells = counted(count, "cells are", "cell is")
    return f"{column.strip()}: {cells} not {what} (first: {row}, {text[:40]!r}): taken as blank"
