"""Fractions as people write them."""

from decimal import Decimal
from typing import Final

from iwm_opts.errors import InputError

BARE_LIMIT: Final = 0.5  # above this a share without % is more likely a percentage


def as_decimal(text: str) -> str:
    """Decimal of a percentage; any other text as it is."""
    if not text.strip().endswith("%"):
        return text
    try:
        return str(Decimal(text.strip().removesuffix("%")) / 100)
    except ArithmeticError:  # no number, or one beyond all
        return text


def parse_fraction(value: object, name: str, remedy: str = "write 50% or 0.5") -> float:
    """Read a number that may be written as a percentage: `50%` and `0.5` mean the same; the caller knows its bounds.

    Raises InputError for anything else.
    """
    if isinstance(value, bool):
        raise InputError(name, value, "invalid fraction", remedy)
    try:
        return float(as_decimal(value) if isinstance(value, str) else value)  # type: ignore[arg-type]  # caught below
    except (TypeError, ValueError):
        raise InputError(name, value, "invalid fraction", remedy) from None


def parse_share(text: str | float, name: str = "risk") -> float:
    """Read a share of something: `1%` and `0.01` mean the same.

    Raises InputError when it is not a number, not above 0 or above 1, or a bare number above 0.5: `1` may mean 1% or
    all of it.
    """
    value = parse_fraction(text, name, "write 1% or 0.01")
    if value > BARE_LIMIT and not str(text).strip().endswith("%"):
        raise InputError(name, text, "may mean a share or a percentage", f"write {value:g}% for {value:g} in a hundred")
    if not 0.0 < value <= 1.0:
        raise InputError(name, text, "must be above 0 and at most 1", "1% is 0.01")
    return value
